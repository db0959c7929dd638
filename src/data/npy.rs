//! Arrays as `numpy.save` writes them: six bytes of magic, two of version, the length of a header, the header (a Python dict in
//! text), and the numbers.

use std::io::Read;

use half::f16;

use super::error::FileProblem;
use super::labels::Label;

const MAGIC: &[u8] = b"\x93NUMPY";
/// Bytes of a header at most. One with a single type has 128.
const LONGEST_HEADER: usize = 4_096;
/// Dimensions at most.
const MOST_DIMENSIONS: usize = 8;
/// Bytes of numbers read at once, a multiple of the size of every type of numbers.
const CHUNK: usize = 1 << 16;
/// Characters of a text at most, and bytes of four each.
const LONGEST_TEXT: usize = 256;

/// What is stored for each element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    Signed,
    Unsigned,
    Float,
    /// Bytes, padded with zeros.
    Bytes,
    /// UTF-32, padded with zeros.
    Text,
}

/// What stands before the numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) shape: Vec<usize>,
    /// Whether the first dimension is the one that changes fastest.
    pub(super) fortran: bool,
    pub(super) kind: Kind,
    /// Bytes of an element.
    pub(super) size: usize,
    big_endian: bool,
    /// Bytes of the header and of all that stands before it.
    length: u64,
}

fn damaged(what: &str) -> FileProblem {
    FileProblem::Npy(what.to_owned())
}

/// Reads `bytes` full, or says that the file ends before.
fn fill(reader: &mut dyn Read, bytes: &mut [u8], before: u64, expected: u128) -> Result<(), FileProblem> {
    let mut filled = 0;
    while filled < bytes.len() {
        match reader.read(&mut bytes[filled..]) {
            Ok(0) => return Err(FileProblem::Short { found: before + filled as u64, expected }),
            Ok(count) => filled += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(FileProblem::Unreadable(error.to_string())),
        }
    }
    Ok(())
}

impl Header {
    pub(super) fn read(reader: &mut dyn Read) -> Result<Self, FileProblem> {
        let mut start = [0; 10];
        fill(reader, &mut start, 0, 10)?;
        if !start.starts_with(MAGIC) {
            return Err(damaged("it does not start with the letters NUMPY"));
        }
        let mut length = usize::from(u16::from_le_bytes([start[8], start[9]]));
        let mut before = 10;
        match start[6] {
            1 => {}
            2 | 3 => {
                let mut rest = [0; 2];
                fill(reader, &mut rest, before, 12)?;
                before += 2;
                length |= usize::from(u16::from_le_bytes(rest)) << 16;
            }
            version => return Err(damaged(&format!("its version is {version}, and 1 to 3 are known"))),
        }
        if length > LONGEST_HEADER {
            return Err(damaged(&format!("its header claims {length} bytes")));
        }
        let mut text = vec![0; length];
        fill(reader, &mut text, before, u128::from(before) + length as u128)?;
        let text = String::from_utf8(text).map_err(|_| damaged("its header is no text"))?;
        let mut header = Self::parse(&text).map_err(|what| damaged(&what))?;
        header.length = before + length as u64;
        Ok(header)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut tokens = Tokens(text);
        let (mut descr, mut fortran, mut shape) = (None, None, None);
        tokens.expect('{')?;
        while !tokens.take('}') {
            let key = tokens.text()?;
            tokens.expect(':')?;
            match key {
                "descr" => {
                    descr = Some(tokens.text().map_err(|_| "its elements are records of several fields".to_owned())?);
                }
                "fortran_order" => fortran = Some(tokens.word()? == "True"),
                "shape" => shape = Some(tokens.sizes()?),
                other => return Err(format!("its header has the unknown key {other:?}")),
            }
            tokens.take(',');
        }
        let missing = |key: &str| format!("its header has no {key}");
        let descr = descr.ok_or_else(|| missing("descr"))?;
        let (kind, size, big_endian) = element(descr)?;
        let shape = shape.ok_or_else(|| missing("shape"))?;
        Ok(Self { shape, fortran: fortran.ok_or_else(|| missing("fortran_order"))?, kind, size, big_endian, length: 0 })
    }

    /// Elements of the array; none where that is more than can be counted.
    pub(super) fn count(&self) -> Option<usize> {
        self.shape.iter().try_fold(1, |count: usize, side| count.checked_mul(*side))
    }

    /// Bytes that the file has by what its header says.
    pub(super) fn file_length(&self) -> u128 {
        let count = self.shape.iter().fold(1_u128, |count, side| count.saturating_mul(*side as u128));
        count.saturating_mul(self.size as u128).saturating_add(self.length.into())
    }

    /// Bytes of all elements.
    pub(super) fn bytes(&self) -> u64 {
        self.file_length().saturating_sub(self.length.into()) as u64
    }

    /// Whether elements are numbers.
    pub(super) fn is_numeric(&self) -> bool {
        !matches!(self.kind, Kind::Bytes | Kind::Text)
    }

    /// The shape as Python writes it.
    pub(super) fn shown(&self) -> String {
        shown(&self.shape)
    }

    /// Calls `each` with every number and its place in the file, from 0; `advance` with bytes as they are read.
    pub(super) fn numbers(
        &self,
        reader: &mut dyn Read,
        mut advance: impl FnMut(u64),
        mut each: impl FnMut(usize, f32) -> Result<(), FileProblem>,
    ) -> Result<(), FileProblem> {
        let big = self.big_endian;
        macro_rules! by {
            ($type:ty, $number:expr) => {{
                let mut index = 0;
                self.chunks(reader, |chunk| {
                    advance(chunk.len() as u64);
                    for bytes in chunk.chunks_exact(size_of::<$type>()) {
                        let bytes = bytes.try_into().unwrap_or_default();
                        let value = if big { <$type>::from_be_bytes(bytes) } else { <$type>::from_le_bytes(bytes) };
                        each(index, $number(value))?;
                        index += 1;
                    }
                    Ok(())
                })
            }};
        }
        match (self.kind, self.size) {
            (Kind::Bool, 1) => by!(u8, |value: u8| f32::from(u8::from(value != 0))),
            (Kind::Unsigned, 1) => by!(u8, f32::from),
            (Kind::Signed, 1) => by!(i8, f32::from),
            (Kind::Unsigned, 2) => by!(u16, f32::from),
            (Kind::Signed, 2) => by!(i16, f32::from),
            (Kind::Unsigned, 4) => by!(u32, |value: u32| value as f32),
            (Kind::Signed, 4) => by!(i32, |value: i32| value as f32),
            (Kind::Unsigned, 8) => by!(u64, |value: u64| value as f32),
            (Kind::Signed, 8) => by!(i64, |value: i64| value as f32),
            (Kind::Float, 2) => by!(f16, f32::from),
            (Kind::Float, 4) => by!(f32, |value: f32| value),
            (Kind::Float, 8) => by!(f64, |value: f64| value as f32),
            _ => Err(FileProblem::Npy("its elements are texts where numbers are wanted".to_owned())),
        }
    }

    /// Calls `each` with what every element says as a label, a whole number or a text. The index of what is neither is an
    /// error.
    pub(super) fn labels(
        &self,
        reader: &mut dyn Read,
        mut advance: impl FnMut(u64),
        mut each: impl FnMut(Element) -> Result<(), FileProblem>,
    ) -> Result<(), FileProblem> {
        let mut index = 0;
        self.chunks(reader, |chunk| {
            advance(chunk.len() as u64);
            for bytes in chunk.chunks_exact(self.size) {
                each(self.element(bytes, index)?)?;
                index += 1;
            }
            Ok(())
        })
    }

    fn element(&self, bytes: &[u8], index: usize) -> Result<Element, FileProblem> {
        let mut wide = [0; 8];
        let whole = |number: f64| {
            let is_whole = number.fract() == 0.0 && number.abs() < 1e15;
            is_whole
                .then_some(Element::Number(number as i64))
                .ok_or(FileProblem::NotALabel { index, value: number.to_string() })
        };
        if self.size <= 8 {
            // In the machine's order: the lowest byte first.
            wide[..self.size].copy_from_slice(bytes);
            if self.big_endian {
                wide[..self.size].reverse();
            }
        }
        match (self.kind, self.size) {
            (Kind::Bool, _) => Ok(Element::Number(i64::from(bytes.iter().any(|byte| *byte != 0)))),
            (Kind::Unsigned, _) => Ok(Element::Number(i64::try_from(u64::from_le_bytes(wide)).unwrap_or(i64::MAX))),
            (Kind::Signed, size) => {
                let unused = 64 - 8 * size.min(8) as u32;
                Ok(Element::Number(i64::from_le_bytes(wide) << unused >> unused))
            }
            (Kind::Float, 2) => whole(f16::from_bits(u16::from_le_bytes([wide[0], wide[1]])).into()),
            (Kind::Float, 4) => whole(f32::from_le_bytes([wide[0], wide[1], wide[2], wide[3]]).into()),
            (Kind::Float, _) => whole(f64::from_le_bytes(wide)),
            (Kind::Bytes, _) => {
                let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
                Ok(Element::Text(String::from_utf8_lossy(&bytes[..end]).into_owned()))
            }
            (Kind::Text, _) => {
                let point = |bytes: &[u8]| {
                    let bytes = bytes.try_into().unwrap_or_default();
                    let point = if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) };
                    char::from_u32(point).unwrap_or(char::REPLACEMENT_CHARACTER)
                };
                let text: String = bytes.chunks_exact(4).map(point).collect();
                Ok(Element::Text(text.trim_end_matches('\0').to_owned()))
            }
        }
    }

    /// Calls `each` with all elements, whole ones, in pieces that memory does not mind.
    fn chunks(
        &self,
        reader: &mut dyn Read,
        mut each: impl FnMut(&[u8]) -> Result<(), FileProblem>,
    ) -> Result<(), FileProblem> {
        let whole = self.file_length();
        let mut left = self.bytes();
        let mut chunk = vec![0; CHUNK / self.size.max(1) * self.size];
        let mut before = self.length;
        while left > 0 {
            let wanted = left.min(chunk.len() as u64) as usize;
            fill(reader, &mut chunk[..wanted], before, whole)?;
            each(&chunk[..wanted])?;
            before += wanted as u64;
            left -= wanted as u64;
        }
        Ok(())
    }
}

/// One element of an array of labels.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Element {
    Number(i64),
    Text(String),
}

impl Label for Element {
    fn number(&self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.number(),
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

/// `(60000, 28, 28)`
pub(super) fn shown(shape: &[usize]) -> String {
    let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
    if sizes.len() == 1 { format!("({},)", sizes[0]) } else { format!("({})", sizes.join(", ")) }
}

/// Kind, bytes and whether the highest byte comes first, of `<f4`.
fn element(descr: &str) -> Result<(Kind, usize, bool), String> {
    let unknown =
        || format!("its elements are of type {descr:?}; whole numbers, floats of 16 to 64 bits and texts can be read");
    let mut characters = descr.chars();
    let (Some(order), Some(letter)) = (characters.next(), characters.next()) else { return Err(unknown()) };
    let size: usize = characters.as_str().parse().map_err(|_| unknown())?;
    let big_endian = match order {
        '>' => true,
        '<' | '|' | '=' => false,
        _ => return Err(unknown()),
    };
    let (kind, size) = match (letter, size) {
        ('b', 1) => (Kind::Bool, 1),
        ('u', 1 | 2 | 4 | 8) => (Kind::Unsigned, size),
        ('i', 1 | 2 | 4 | 8) => (Kind::Signed, size),
        ('f', 2 | 4 | 8) => (Kind::Float, size),
        ('S' | 'a', 1..=LONGEST_TEXT) => (Kind::Bytes, size),
        ('U', 1..=LONGEST_TEXT) => (Kind::Text, 4 * size),
        _ => return Err(unknown()),
    };
    Ok((kind, size, big_endian))
}

/// What is left of a header.
struct Tokens<'a>(&'a str);

impl<'a> Tokens<'a> {
    fn take(&mut self, wanted: char) -> bool {
        let rest = self.0.trim_start();
        let found = rest.strip_prefix(wanted);
        self.0 = found.unwrap_or(rest);
        found.is_some()
    }

    fn expect(&mut self, wanted: char) -> Result<(), String> {
        if self.take(wanted) { Ok(()) } else { Err(format!("its header is no dict: {wanted:?} is missing")) }
    }

    /// A text in quotes, which has no quotes or escapes in any header that numpy writes.
    fn text(&mut self) -> Result<&'a str, String> {
        let quote = if self.take('"') { '"' } else { '\'' };
        if quote == '\'' {
            self.expect('\'')?;
        }
        let (text, rest) = self.0.split_once(quote).ok_or("its header is no dict: a text does not end")?;
        self.0 = rest;
        Ok(text)
    }

    fn word(&mut self) -> Result<&'a str, String> {
        let rest = self.0.trim_start();
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let (word, rest) = rest.split_at(end);
        self.0 = rest;
        if word.is_empty() { Err("its header is no dict: a value is missing".to_owned()) } else { Ok(word) }
    }

    /// `(3, 4)`, `(3,)`, `()`
    fn sizes(&mut self) -> Result<Vec<usize>, String> {
        self.expect('(')?;
        let mut sizes = Vec::new();
        while !self.take(')') {
            let size = self.word()?.trim_end_matches('L');
            sizes.push(size.parse().map_err(|_| format!("its shape has the size {size:?}"))?);
            if sizes.len() > MOST_DIMENSIONS {
                return Err(format!("it has more than {MOST_DIMENSIONS} dimensions"));
            }
            self.take(',');
        }
        Ok(sizes)
    }
}
