//! Replacing a file as a whole, and telling the world something when the disk is full.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::error::RunError;

/// Bytes kept on the disk for the last words of `run.json`.
const RESERVE: usize = 64 << 10;

/// Whether an error says that the disk takes nothing for now: it is full, over a quota, at a limit, or does not answer.
/// All of that may pass.
pub fn is_disk_trouble(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge)
        || error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
}

/// Writes `bytes` under a name of its own in the same directory, then renames it to `path`: readers see the old file or the
/// new one. Where the disk has no room for that, the file's [reserve](keep_reserve) is used up, if it has one.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), RunError> {
    static SERIAL: AtomicU64 = AtomicU64::new(0);
    let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
    let temporary = beside(path, &format!("{}-{serial}", std::process::id()));
    let written = File::create(&temporary).and_then(|mut file| file.write_all(bytes));
    let replaced = written.and_then(|()| fs::rename(&temporary, path));
    replaced
        .or_else(|error| {
            // The error that matters is the first one.
            let _ = fs::remove_file(&temporary);
            let is_told = is_disk_trouble(&error) && use_reserve(path, bytes).is_ok();
            if is_told { Ok(()) } else { Err(error) }
        })
        .map_err(RunError::io("write", path))
}

/// Sets room aside on the disk for one more version of the file at `path`, if there is any.
pub(super) fn keep_reserve(path: &Path) {
    let reserve = beside(path, "reserve");
    if fs::metadata(&reserve).is_ok_and(|found| found.len() == RESERVE as u64) {
        return;
    }
    // Written, not only made as long: a hole takes no room.
    if fs::write(&reserve, vec![b'\n'; RESERVE]).is_err() {
        let _ = fs::remove_file(&reserve);
    }
}

/// Gives the room back.
pub(super) fn drop_reserve(path: &Path) {
    // There may be none.
    let _ = fs::remove_file(beside(path, "reserve"));
}

/// Writes over the reserve, where the disk has given room already, and puts it in the place of the file at `path`.
fn use_reserve(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let reserve = beside(path, "reserve");
    if bytes.len() > RESERVE {
        return Err(ErrorKind::StorageFull.into());
    }
    let mut file = OpenOptions::new().write(true).open(&reserve)?;
    file.write_all(bytes)?;
    file.set_len(bytes.len() as u64)?;
    fs::rename(&reserve, path)
}

fn beside(path: &Path, what: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reserve_becomes_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.json");
        fs::write(&path, "old").unwrap();
        assert!(use_reserve(&path, b"new").is_err(), "there is none yet");
        keep_reserve(&path);
        keep_reserve(&path);
        assert!(use_reserve(&path, &vec![b'x'; RESERVE + 1]).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        use_reserve(&path, b"new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "it is used up");
        keep_reserve(&path);
        drop_reserve(&path);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_missing_folder_is_no_trouble_that_passes() {
        let folder = tempfile::tempdir().unwrap();
        let error = fs::write(folder.path().join("a/b"), "").unwrap_err();
        assert!(!is_disk_trouble(&error));
        for errno in
            [rustix::io::Errno::NOSPC, rustix::io::Errno::DQUOT, rustix::io::Errno::FBIG, rustix::io::Errno::IO]
        {
            assert!(is_disk_trouble(&errno.into()), "{errno}");
        }
        // Linux's own device for this.
        let error = fs::write("/dev/full", "x").unwrap_err();
        assert!(is_disk_trouble(&error), "{error}");
    }
}
