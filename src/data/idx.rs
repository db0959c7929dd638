//! IDX files of bytes, plain or gzipped: two zero bytes, the type of the numbers, the number of dimensions, the size of
//! each as a big-endian u32, and the numbers.

use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use super::error::FileProblem;
use super::file::{self, MOST_NUMBERS, MOST_UNPACKED};
use super::progress::Progress;
use crate::recipe::MOST_SAMPLES;

/// Type code of u8, the only one that pictures and labels come in.
const BYTES: u8 = 0x08;
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// Bytes that are read at once.
const CHUNK: u64 = 1 << 16;

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

/// The first `limit` pictures (all if none), which must be of `size` channels, height and width: their pixels from 0 to 1,
/// (n, channels, height, width) in one row. In a file of four dimensions the channels may be the second or the last.
pub(super) fn pictures(
    source: Source<'_>,
    keys: Keys,
    size: [usize; 3],
    limit: Option<usize>,
    progress: &mut Progress<'_>,
) -> Result<Samples<Vec<f32>>, FileProblem> {
    let mut file = Contents::open(source, keys, progress)?;
    let [channels, height, width] = size;
    let shape = file.header(&[3, 4])?;
    let interleaved = match shape[1..] {
        [rows, columns] if size == [1, rows, columns] => false,
        [first, rows, columns] if size == [first, rows, columns] => false,
        [rows, columns, last] if size == [last, rows, columns] => true,
        [rows, columns] => return Err(FileProblem::WrongSize { found: [1, rows, columns], expected: size }),
        // The shorter end is the one of the channels.
        [first, rows, last] if first > last => {
            return Err(FileProblem::WrongSize { found: [last, first, rows], expected: size });
        }
        [first, rows, columns] => return Err(FileProblem::WrongSize { found: [first, rows, columns], expected: size }),
        _ => return Err(FileProblem::Empty),
    };
    let kept = file.wanted(shape[0], limit)?;
    let pixels = height * width;
    let mut numbers: Vec<f32> = Vec::new();
    let all = pixels * channels;
    if !file.packed {
        // The file has been found to be as long as that takes.
        file.check(&shape, kept)?;
        numbers.try_reserve_exact(kept * all).map_err(|_| FileProblem::NoMemory(4 * (kept * all) as u128))?;
    }
    let mut picture = Vec::with_capacity(all);
    file.body(&shape, kept, |bytes| {
        if !interleaved {
            numbers.extend(bytes.iter().map(|pixel| f32::from(*pixel) / 255.0));
            return;
        }
        for byte in bytes {
            picture.push(f32::from(*byte) / 255.0);
            if picture.len() == all {
                let channel = |channel: usize| picture.iter().skip(channel).step_by(channels).copied();
                (0..channels).for_each(|at| numbers.extend(channel(at)));
                picture.clear();
            }
        }
    })?;
    Ok(Samples { count: shape[0], kept: numbers })
}

/// The first `limit` labels (all if none), each below `classes`.
pub(super) fn labels(
    source: Source<'_>,
    keys: Keys,
    classes: usize,
    limit: Option<usize>,
    progress: &mut Progress<'_>,
) -> Result<Samples<Vec<u8>>, FileProblem> {
    let mut file = Contents::open(source, keys, progress)?;
    let shape = file.header(&[1])?;
    let count = shape[0];
    let wanted = file.wanted(count, limit)?;
    let mut kept = Vec::new();
    file.body(&shape, wanted, |bytes| kept.extend_from_slice(bytes))?;
    match kept.iter().position(|label| usize::from(*label) >= classes) {
        Some(index) => Err(FileProblem::Label { index, value: kept[index], classes }),
        None => Ok(Samples { count, kept }),
    }
}

/// A file's bytes, unpacked, in the order in which they are read.
struct Contents<'a, 'p, 't> {
    reader: Box<dyn Read + 'a>,
    keys: Keys,
    progress: &'p mut Progress<'t>,
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
    /// Bytes as it lies on disk; 0 where it cannot be had.
    pub(super) fn length(&self) -> u64 {
        match self {
            Self::File(path) => std::fs::metadata(path).map_or(0, |metadata| metadata.len()),
            Self::BuiltIn(_, bytes) => bytes.len() as u64,
        }
    }

    /// For errors.
    pub(super) fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::BuiltIn(name, _) => (*name).to_owned(),
        }
    }
}

impl<'a, 'p, 't> Contents<'a, 'p, 't> {
    fn open(source: Source<'a>, keys: Keys, progress: &'p mut Progress<'t>) -> Result<Self, FileProblem> {
        match source {
            Source::BuiltIn(_, bytes) => Self::new(bytes, keys, bytes.len() as u64, progress),
            Source::File(path) => {
                let (file, length) = file::open(path, keys.file)?;
                Self::new(BufReader::new(file), keys, length, progress)
            }
        }
    }

    fn new(
        mut reader: impl BufRead + 'a,
        keys: Keys,
        length: u64,
        progress: &'p mut Progress<'t>,
    ) -> Result<Self, FileProblem> {
        let start = reader.fill_buf().map_err(|error| FileProblem::Unreadable(error.to_string()))?;
        let packed = start.starts_with(&GZIP);
        let reader: Box<dyn Read + 'a> = if packed { Box::new(MultiGzDecoder::new(reader)) } else { Box::new(reader) };
        Ok(Self { reader, keys, progress, packed, cut: false, length, read: 0 })
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

    /// The sizes of all dimensions, samples first, of which there must be one of `ranks`.
    fn header(&mut self, ranks: &[u8]) -> Result<Vec<usize>, FileProblem> {
        let least = u128::from(ranks.first().copied().unwrap_or(0));
        let magic = self.take(4)?;
        let &[first, second, kind, rank] = magic.as_slice() else {
            return Err(FileProblem::Short { found: self.read, expected: 4 + 4 * least });
        };
        if [first, second] != [0, 0] {
            return Err(FileProblem::NotIdx { start: [first, second, kind, rank], key: self.keys.file });
        }
        if kind != BYTES {
            return Err(FileProblem::WrongType(kind));
        }
        if !ranks.contains(&rank) {
            return Err(FileProblem::WrongRank { found: rank, needed: least as u8, key: self.keys.file });
        }
        let sizes = self.take(4 * u64::from(rank))?;
        if sizes.len() < 4 * usize::from(rank) {
            return Err(FileProblem::Short { found: self.read, expected: 4 + 4 * u128::from(rank) });
        }
        let size = |bytes: &[u8]| bytes.iter().fold(0, |size, byte| size << 8 | usize::from(*byte));
        Ok(sizes.chunks_exact(4).map(size).collect())
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

    /// Refuses a header that the file cannot fulfil, or whose numbers memory should not be spent on: before it is.
    fn check(&self, shape: &[usize], kept: usize) -> Result<u128, FileProblem> {
        let header = 4 + 4 * shape.len() as u128;
        let sample: u128 = shape[1..].iter().map(|size| *size as u128).product();
        let expected = sample * shape[0] as u128 + header;
        if !self.packed && expected > self.length.into() {
            return Err(FileProblem::Short { found: self.length, expected });
        }
        if expected > u128::from(self.length) * MOST_UNPACKED {
            return Err(FileProblem::Absurd { claimed: expected, length: self.length });
        }
        let most = (MOST_NUMBERS as u128 / sample.max(1)).min(MOST_SAMPLES as u128) as usize;
        if kept > most {
            return Err(FileProblem::TooMany { found: kept, most, key: self.keys.limit });
        }
        Ok(expected)
    }

    /// Hands on the numbers of the first `kept` samples of `shape`, piece by piece. The others are read too: only then it is
    /// known that the file is whole.
    fn body(&mut self, shape: &[usize], kept: usize, mut each: impl FnMut(&[u8])) -> Result<(), FileProblem> {
        let expected = self.check(shape, kept)?;
        let sample = shape[1..].iter().product::<usize>() as u64;
        let end = self.read + sample * kept as u64;
        let mut told = 0;
        while u128::from(self.read) < expected {
            let left = if self.read < end { end - self.read } else { (expected - u128::from(self.read)) as u64 };
            let wanted = self.read < end;
            let bytes = self.take(left.min(CHUNK))?;
            if bytes.is_empty() {
                return Err(FileProblem::Short { found: self.read, expected });
            }
            // In bytes of the file as it lies on disk, of which the others are known too.
            let so_far = (u128::from(self.read) * u128::from(self.length) / expected.max(1)) as u64;
            self.progress.advance(so_far.saturating_sub(told));
            told = so_far;
            if wanted {
                each(&bytes);
            }
        }
        if !self.take(1)?.is_empty() {
            return Err(FileProblem::Trailing(self.read - 1));
        }
        if self.cut {
            return Err(FileProblem::Gzip("its end is missing".to_owned()));
        }
        Ok(())
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

    fn read_at(path: &Path, size: [usize; 3], limit: Option<usize>) -> Result<Samples<Vec<f32>>, FileProblem> {
        pictures(Source::File(path), KEYS, size, limit, &mut Progress::new(&mut |_| {}))
    }

    fn read(bytes: &[u8], limit: Option<usize>) -> Result<Samples<Vec<f32>>, FileProblem> {
        read_at(file(bytes).path(), [1, 2, 2], limit)
    }

    fn read_labels(bytes: &[u8], classes: usize) -> Result<Samples<Vec<u8>>, FileProblem> {
        labels(Source::File(file(bytes).path()), KEYS, classes, None, &mut Progress::new(&mut |_| {}))
    }

    /// The bytes that pixels were.
    fn bytes_of(pixels: &[f32]) -> Vec<u8> {
        pixels.iter().map(|pixel| (pixel * 255.0).round() as u8).collect()
    }

    #[test]
    fn plain_and_packed_files_read_alike() {
        for bytes in [three(), packed(&three())] {
            let samples = read(&bytes, None).unwrap();
            assert_eq!((samples.count, bytes_of(&samples.kept)), (3, (0..12).collect()));
            let samples = read(&bytes, Some(2)).unwrap();
            assert_eq!((samples.count, bytes_of(&samples.kept)), (3, (0..8).collect()));
        }
        let bytes = idx(&[4], &[1, 0, 2, 2]);
        assert_eq!(read_labels(&bytes, 3).unwrap(), Samples { count: 4, kept: vec![1, 0, 2, 2] });
    }

    /// Two pictures of two rows, one column and three channels.
    #[test]
    fn channels_may_come_first_or_last() {
        let numbers: Vec<u8> = (0..12).collect();
        let first = read_at(file(&idx(&[2, 3, 2, 1], &numbers)).path(), [3, 2, 1], None).unwrap();
        assert_eq!(bytes_of(&first.kept), numbers);
        for bytes in [idx(&[2, 2, 1, 3], &numbers), packed(&idx(&[2, 2, 1, 3], &numbers))] {
            let last = read_at(file(&bytes).path(), [3, 2, 1], None).unwrap();
            assert_eq!(bytes_of(&last.kept), [0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11]);
        }
        let other = idx(&[1, 4, 5, 3], &[0; 60]);
        let problem = read_at(file(&other).path(), [1, 2, 2], None).unwrap_err().to_string();
        assert!(
            problem.contains("pictures of 3x4x5, but the recipe expects 1x2x2; set `data.channels = 3`"),
            "{problem}"
        );
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
                "pictures of 1x4x4, but the recipe expects 1x2x2; set `data.channels = 1`, `data.height = 4` and `data.width = 4`",
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
        let problem = read_at(whole.path(), [1, 64, 64], None).unwrap_err();
        let expected = "holds 300000 samples, more than is read at once; set `data.train` to at most 131072";
        assert_eq!(problem.to_string(), expected);
    }

    #[test]
    fn files_that_cannot_be_opened_are_named_with_their_key() {
        let folder = tempfile::tempdir().unwrap();
        let problem = |path: &Path| read_at(path, [1, 2, 2], None).unwrap_err().to_string();
        assert!(problem(&folder.path().join("x")).contains("let `data.train_images` name where it is"));
        assert_eq!(problem(folder.path()), "cannot be read: it is a directory, not a regular file");
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
            let samples = read_at(file(&bytes).path(), [1, height, width], None).unwrap();
            prop_assert_eq!(bytes_of(&samples.kept), numbers);
        }
    }
}
