//! Opening files that others have made.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;

use super::error::FileProblem;

/// Numbers that a data set holds at most, both halves together: 2 GiB as float32.
pub(super) const MOST_NUMBERS: usize = 1 << 29;
/// Deflate makes at most 258 bytes of two bits, so nothing unpacks to more than this many times its length.
pub(super) const MOST_UNPACKED: u128 = 1_032;

/// The regular file at `path` and its length in bytes. `key` is the recipe's for it: `data.path`.
pub(super) fn open(path: &Path, key: &'static str) -> Result<(File, u64), FileProblem> {
    let unreadable = |error: io::Error| match error.kind() {
        ErrorKind::NotFound => FileProblem::Missing(key),
        _ => FileProblem::Unreadable(error.to_string()),
    };
    // Asked before it is opened: opening a pipe would wait for somebody to write into it.
    let metadata = fs::metadata(path).map_err(unreadable)?;
    if metadata.is_dir() {
        return Err(FileProblem::Unreadable("it is a directory, not a regular file".to_owned()));
    }
    if !metadata.is_file() {
        return Err(FileProblem::Unreadable("it is not a regular file".to_owned()));
    }
    let file = File::open(path).map_err(unreadable)?;
    Ok((file, metadata.len()))
}

/// So many zeros. The system gives memory for them as they are written to; that there is none to be had is an error.
pub(super) fn zeros(count: usize) -> Result<Vec<f32>, FileProblem> {
    let mut room: Vec<f32> = Vec::new();
    if room.try_reserve_exact(count).is_err() {
        return Err(FileProblem::NoMemory(count as u128 * size_of::<f32>() as u128));
    }
    drop(room);
    Ok(vec![0.0; count])
}
