//! IDX files of bytes, plain or gzipped: two zero bytes, the type of the numbers, the number of dimensions, the size of
//! each as a big-endian u32, and the numbers.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use ndarray::Array3;

use super::error::FileProblem;

/// Type code of u8, the only one that pictures and labels come in.
const BYTES: u8 = 0x08;
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// Deflate makes at most 258 bytes of two bits, so nothing unpacks to more than this many times its length.
const MOST_UNPACKED: u128 = 1_032;
/// Numbers that are kept at most: 4 GiB as float32.
const MOST_NUMBERS: u128 = 1 << 30;

/// Where an IDX file lies.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source<'a> {
    File(&'a Path),
    /// Compiled in, with its name for errors.
    BuiltIn(&'static str, &'static [u8]),
}

/// The recipe's keys for a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keys {
    /// Of the file: `data.train_images`.
    pub(super) file: &'static str,
    /// Of the number of samples to take from it, below `[data]`: `train`.
    pub(super) limit: &'static str,
}

/// Samples of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Samples<T> {
    /// All that are in the file.
    pub(super) count: usize,
    /// The first ones, as many as were asked for.
    pub(super) kept: T,
}

/// The first `limit` pictures (all if none), (n, height, width), which must be of `size` height and width.
pub(super) fn pictures(
    source: Source<'_>,
    keys: Keys,
    size: [usize; 2],
    limit: Option<usize>,
) -> Result<Samples<Array3<u8>>, FileProblem> {
    let mut file = Contents::open(source, keys)?;
    let [count, height, width] = file.header()?;
    if [height, width] != size {
        return Err(FileProblem::WrongSize { found: [height, width], expected: size });
    }
    let kept = file.wanted(count, limit)?;
    let pixels = file.body(&[count, height, width], kept)?;
    let kept = Array3::from_shape_vec((kept, height, width), pixels).map_err(|_| FileProblem::Empty)?;
    Ok(Samples { count, kept })
}

/// The first `limit` labels (all if none), each below `classes`.
pub(super) fn labels(
    source: Source<'_>,
    keys: Keys,
    classes: usize,
    limit: Option<usize>,
) -> Result<Samples<Vec<u8>>, FileProblem> {
    let mut file = Contents::open(source, keys)?;
    let [count] = file.header()?;
    let kept = file.wanted(count, limit)?;
    let kept = file.body(&[count], kept)?;
    match kept.iter().position(|label| usize::from(*label) >= classes) {
        Some(index) => Err(FileProblem::Label { index, value: kept[index], classes }),
        None => Ok(Samples { count, kept }),
    }
}

/// A file's bytes, unpacked, in the order in which they are read.
struct Contents<'a> {
    reader: Box<dyn Read + 'a>,
    keys: Keys,
    /// Whether they were compressed.
    packed: bool,
    /// Whether their end turned out to be missing.
    cut: bool,
    /// Bytes before unpacking.
    length: u64,
    /// Bytes read so far, unpacked.
    read: u64,
}

impl Source<'_> {
    /// For errors.
    pub(super) fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::BuiltIn(name, _) => (*name).to_owned(),
        }
    }
}

impl<'a> Contents<'a> {
    fn open(source: Source<'a>, keys: Keys) -> Result<Self, FileProblem> {
        match source {
            Source::BuiltIn(_, bytes) => Self::new(bytes, keys, bytes.len() as u64),
            Source::File(path) => {
                let unreadable = |error: io::Error| match error.kind() {
                    ErrorKind::NotFound => FileProblem::Missing(keys.file),
                    _ => FileProblem::Unreadable(error.to_string()),
                };
                // Asked before it is opened: opening a pipe would wait for somebody to write into it.
                let metadata = fs::metadata(path).map_err(unreadable)?;
                if !metadata.is_file() {
                    return Err(FileProblem::Unreadable("it is not a regular file".to_owned()));
                }
                Self::new(BufReader::new(File::open(path).map_err(unreadable)?), keys, metadata.len())
            }
        }
    }

    fn new(mut reader: impl BufRead + 'a, keys: Keys, length: u64) -> Result<Self, FileProblem> {
        let start = reader.fill_buf().map_err(|error| FileProblem::Unreadable(error.to_string()))?;
        let packed = start.starts_with(&GZIP);
        let reader: Box<dyn Read + 'a> = if packed { Box::new(MultiGzDecoder::new(reader)) } else { Box::new(reader) };
        Ok(Self { reader, keys, packed, cut: false, length, read: 0 })
    }

    /// The next `count` bytes, or as many as there are; memory grows with what arrives.
    fn take(&mut self, count: u64) -> Result<Vec<u8>, FileProblem> {
        let mut bytes = Vec::new();
        let read = (&mut self.reader).take(count).read_to_end(&mut bytes);
        self.read += bytes.len() as u64;
        match read {
            Ok(_) => Ok(bytes),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                self.cut = true;
                Ok(bytes)
            }
            Err(error) if self.packed => Err(FileProblem::Gzip(error.to_string())),
            Err(error) => Err(FileProblem::Unreadable(error.to_string())),
        }
    }

    /// As [`Self::take`], without keeping them.
    fn skip(&mut self, count: u64) -> Result<(), FileProblem> {
        const AT_ONCE: u64 = 1 << 16;
        let end = self.read + count;
        while self.read < end {
            if self.take((end - self.read).min(AT_ONCE))?.is_empty() {
                break;
            }
        }
        Ok(())
    }

    /// The sizes of all dimensions, samples first.
    fn header<const N: usize>(&mut self) -> Result<[usize; N], FileProblem> {
        let expected = 4 + 4 * N as u128;
        let magic = self.take(4)?;
        let &[first, second, kind, rank] = magic.as_slice() else {
            return Err(FileProblem::Short { found: self.read, expected });
        };
        if [first, second] != [0, 0] {
            return Err(FileProblem::NotIdx { start: [first, second, kind, rank], key: self.keys.file });
        }
        if kind != BYTES {
            return Err(FileProblem::WrongType(kind));
        }
        if usize::from(rank) != N {
            return Err(FileProblem::WrongRank { found: rank, needed: N as u8, key: self.keys.file });
        }
        let sizes = self.take(4 * N as u64)?;
        if sizes.len() < 4 * N {
            return Err(FileProblem::Short { found: self.read, expected });
        }
        let mut shape = [0; N];
        for (size, bytes) in shape.iter_mut().zip(sizes.chunks_exact(4)) {
            *size = bytes.iter().fold(0, |size, byte| size << 8 | usize::from(*byte));
        }
        Ok(shape)
    }

    /// How many of `count` samples to keep.
    fn wanted(&self, count: usize, limit: Option<usize>) -> Result<usize, FileProblem> {
        if count == 0 {
            return Err(FileProblem::Empty);
        }
        match limit {
            Some(wanted) if wanted > count => Err(FileProblem::Fewer { found: count, wanted, key: self.keys.limit }),
            Some(wanted) => Ok(wanted),
            None => Ok(count),
        }
    }

    /// The numbers of the first `kept` samples of `shape`. The others are read too: only then it is known that the file
    /// is whole.
    fn body(&mut self, shape: &[usize], kept: usize) -> Result<Vec<u8>, FileProblem> {
        let sample: u128 = shape[1..].iter().map(|size| *size as u128).product();
        let expected = sample * shape[0] as u128 + u128::from(self.read);
        if !self.packed && expected > self.length.into() {
            return Err(FileProblem::Short { found: self.length, expected });
        }
        if expected > u128::from(self.length) * MOST_UNPACKED {
            return Err(FileProblem::Absurd { claimed: expected, length: self.length });
        }
        if sample * kept as u128 > MOST_NUMBERS {
            return Err(FileProblem::TooMany {
                found: kept,
                most: (MOST_NUMBERS / sample) as usize,
                key: self.keys.limit,
            });
        }
        // All of it fits: it was compared with the length of a real file.
        let numbers = self.take((sample * kept as u128) as u64)?;
        self.skip((sample * (shape[0] - kept) as u128) as u64)?;
        if u128::from(self.read) < expected {
            return Err(FileProblem::Short { found: self.read, expected });
        }
        if !self.take(1)?.is_empty() {
            return Err(FileProblem::Trailing(self.read - 1));
        }
        if self.cut {
            return Err(FileProblem::Gzip("its end is missing".to_owned()));
        }
        Ok(numbers)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;

    use super::*;

    const KEYS: Keys = Keys { file: "data.train_images", limit: "train" };

    /// An IDX file of bytes.
    fn idx(shape: &[u32], numbers: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0, 0, BYTES, shape.len() as u8];
        bytes.extend(shape.iter().flat_map(|size| size.to_be_bytes()));
        bytes.extend(numbers);
        bytes
    }

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// Three pictures of 2x2 with the pixels 0 to 11.
    fn three() -> Vec<u8> {
        idx(&[3, 2, 2], &(0..12).collect::<Vec<u8>>())
    }

    fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    fn read(bytes: &[u8], limit: Option<usize>) -> Result<Samples<Array3<u8>>, FileProblem> {
        pictures(Source::File(file(bytes).path()), KEYS, [2, 2], limit)
    }

    fn read_labels(bytes: &[u8], classes: usize) -> Result<Samples<Vec<u8>>, FileProblem> {
        labels(Source::File(file(bytes).path()), KEYS, classes, None)
    }

    #[test]
    fn plain_and_packed_files_read_alike() {
        for bytes in [three(), packed(&three())] {
            let samples = read(&bytes, None).unwrap();
            assert_eq!((samples.count, samples.kept.dim()), (3, (3, 2, 2)));
            assert!(samples.kept.iter().copied().eq(0..12));
            let samples = read(&bytes, Some(2)).unwrap();
            assert_eq!((samples.count, samples.kept.dim()), (3, (2, 2, 2)));
            assert!(samples.kept.iter().copied().eq(0..8));
        }
        let bytes = idx(&[4], &[1, 0, 2, 2]);
        assert_eq!(read_labels(&bytes, 3).unwrap(), Samples { count: 4, kept: vec![1, 0, 2, 2] });
    }

    #[test]
    fn what_is_wrong_with_a_file_is_named() {
        let image = three();
        let mut other_type = image.clone();
        other_type[2] = 0x0d;
        let cases = [
            (
                b"\x89PNG\r\n".to_vec(),
                "it starts with 89 50 4e 47 where IDX has 00 00; let `data.train_images` name one",
            ),
            (other_type, "IDX type 0x0d; only bytes, type 0x08"),
            (
                idx(&[3], &[0, 1, 2]),
                "has 1 dimensions, as files of labels have; `data.train_images` needs 3, a file of pict",
            ),
            (
                idx(&[1, 4, 4], &[0; 16]),
                "pictures of 4x4, but the recipe expects 2x2; set `data.height = 4` and `data.width = 4`",
            ),
            (idx(&[0, 2, 2], &[]), "is empty"),
            (image[..20].to_vec(), "ends after 20 of 28 bytes"),
            (image[..9].to_vec(), "ends after 9 of 16 bytes"),
            (Vec::new(), "ends after 0 of 16 bytes"),
            ([&image[..], b"x"].concat(), "goes on after the 28 bytes"),
            (idx(&[u32::MAX, 2, 2], &[0; 4]), "ends after 20 of 17179869196 bytes"),
            (packed(&image[..20]), "ends after 20 of 28 bytes"),
            (packed(&[&image[..], b"x"].concat()), "goes on after the 28 bytes"),
            (packed(&idx(&[u32::MAX, 2, 2], &[0; 4])), "claims to hold 17179869196 bytes, more than a file of"),
            ([&packed(&image)[..], b"x"].concat(), "is no sound gzip file"),
        ];
        for (bytes, part) in cases {
            let shown = read(&bytes, None).unwrap_err().to_string();
            assert!(shown.contains(part), "{shown}");
        }
        let shown = read(&image, Some(4)).unwrap_err().to_string();
        assert_eq!(shown, "holds 3, but the recipe asks for 4; set `data.train` to at most 3");
        let shown = read_labels(&idx(&[3], &[0, 9, 10]), 10).unwrap_err().to_string();
        assert!(shown.starts_with("has 10 as label 2 (counted from 0), but with `data.classes = 10` labels end at 9"));
    }

    #[test]
    fn more_than_memory_should_hold_is_refused_by_its_number() {
        let whole = tempfile::NamedTempFile::new().unwrap();
        whole.as_file().write_all(&idx(&[300_000, 64, 64], &[])).unwrap();
        // A hole in the file: it takes no room on disk.
        whole.as_file().set_len(16 + 300_000 * 64 * 64).unwrap();
        let problem = pictures(Source::File(whole.path()), KEYS, [64, 64], None).unwrap_err();
        let expected = "holds 300000 samples, more than is read at once; set `data.train` to at most 262144";
        assert_eq!(problem.to_string(), expected);
    }

    #[test]
    fn files_that_cannot_be_opened_are_named_with_their_key() {
        let folder = tempfile::tempdir().unwrap();
        let problem = |path: &Path| pictures(Source::File(path), KEYS, [2, 2], None).unwrap_err().to_string();
        assert!(problem(&folder.path().join("x")).contains("let `data.train_images` name where it is"));
        assert_eq!(problem(folder.path()), "cannot be read: it is not a regular file");
    }

    #[test]
    fn a_file_cut_anywhere_is_an_error() {
        for whole in [three(), packed(&three())] {
            for end in 0..whole.len() {
                let problem = read(&whole[..end], None).unwrap_err();
                let shown = problem.to_string();
                let names_it = ["was cut short", "its end is missing", "more than a file of"];
                assert!(names_it.iter().any(|part| shown.contains(part)), "cut after {end}: {shown}");
            }
        }
    }

    proptest! {
        #[test]
        fn damaged_files_are_read_or_refused(
            pack in any::<bool>(), at in 0..60_usize, with in any::<u8>(), limit in proptest::option::of(0..5_usize),
        ) {
            let mut bytes = if pack { packed(&three()) } else { three() };
            let at = at % bytes.len();
            bytes[at] ^= with;
            if let Ok(samples) = read(&bytes, limit) {
                prop_assert_eq!(samples.kept.len(), limit.unwrap_or(3) * 4);
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(rank in 0..5_u8, rest in proptest::collection::vec(any::<u8>(), 0..40)) {
            let bytes = [&[0, 0, BYTES, rank][..], &rest].concat();
            let _ = read(&bytes, None);
            let _ = read_labels(&bytes, 10);
        }

        #[test]
        fn what_was_written_is_read(
            (height, width) in (1..5_usize, 1..5_usize), count in 1..20_usize, pack in any::<bool>(), seed in any::<u8>(),
        ) {
            let numbers: Vec<u8> = (0..count * height * width).map(|i| (i as u8).wrapping_mul(31).wrapping_add(seed)).collect();
            let bytes = idx(&[count as u32, height as u32, width as u32], &numbers);
            let bytes = if pack { packed(&bytes) } else { bytes };
            let samples = pictures(Source::File(file(&bytes).path()), KEYS, [height, width], None).unwrap();
            prop_assert_eq!(samples.kept.into_raw_vec_and_offset().0, numbers);
        }
    }
}
