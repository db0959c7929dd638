//! Replacing a file as a whole, and telling the world something when the disk is full.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::error::RunError;
use crate::files;

/// Bytes kept on the disk for the last words of `run.json`.
const RESERVE: usize = 64 << 10;

/// Whether an error says that the disk takes nothing for now: it is full, over a quota, at a limit, does not answer, or
/// has been closed to us. All of that may pass.
pub fn is_disk_trouble(error: &io::Error) -> bool {
    is_out_of_room(error) || is_closed(error)
}

/// Whether an error says that there is no room, which may come back.
pub fn is_out_of_room(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge)
        || error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
}

/// Whether an error says that a folder or a disk may only be read.
fn is_closed(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem)
}

/// Writes `bytes` to a new file in the same folder, under a name that nobody can have taken, then renames it to `path`:
/// readers see the old file or the new one. Where the disk has no room for that, the file's [reserve](keep_reserve) is used
/// up, if it has one; where its folder takes no new file, the old one is written over.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), RunError> {
    write_anew(path, bytes)
        .or_else(|error| {
            let is_told = is_out_of_room(&error) && use_reserve(path, bytes).is_ok()
                || is_closed(&error) && write_over(path, bytes).is_ok();
            // The error that matters is the first one.
            if is_told { Ok(()) } else { Err(error) }
        })
        .map_err(RunError::io("write", path))
}

fn write_anew(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = files::temporary(path.parent().unwrap_or(Path::new(".")), &temporary(path))?;
    file.as_file_mut().write_all(bytes)?;
    file.persist(path).map(drop).map_err(|failed| failed.error)
}

/// How the name begins of the files that are to take the place of that at `path`.
fn temporary(path: &Path) -> String {
    format!(".{}.", path.file_name().unwrap_or_default().to_string_lossy())
}

/// Removes what writers that were killed have left beside the file at `path`. Nobody may be writing it.
pub(super) fn remove_leftovers(path: &Path) {
    let (prefix, reserve) = (temporary(path), beside(path, "reserve"));
    let Ok(entries) = fs::read_dir(path.parent().unwrap_or(Path::new("."))) else { return };
    for entry in entries.flatten() {
        let is_ours = entry.file_name().to_string_lossy().starts_with(&prefix) && entry.path() != reserve;
        if is_ours && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            // At worst it stays.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Sets room aside on the disk for one more version of the file at `path`, if there is any.
pub(super) fn keep_reserve(path: &Path) {
    let reserve = beside(path, "reserve");
    if fs::symlink_metadata(&reserve).is_ok_and(|found| found.is_file() && found.len() == RESERVE as u64) {
        return;
    }
    // Written, not only made as long: a hole takes no room.
    if files::write(&reserve).and_then(|mut file| file.write_all(&vec![b'\n'; RESERVE])).is_err() {
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
    if !fs::symlink_metadata(&reserve)?.is_file() {
        return Err(ErrorKind::InvalidInput.into());
    }
    let mut file = files::write(&reserve)?;
    file.write_all(bytes)?;
    file.set_len(bytes.len() as u64)?;
    fs::rename(&reserve, path)
}

/// Writes over the file at `path`, in one go and with blank lines where it was longer: who reads at that moment sees the old
/// one, the new one, or JSON that cannot be read and is looked at again.
fn write_over(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let length = files::open_own(path)?.metadata()?.len();
    let mut padded = bytes.to_vec();
    padded.resize(padded.len().max(usize::try_from(length).unwrap_or(0)), b'\n');
    files::write(path)?.write_all_at(&padded, 0)
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
    fn a_file_in_a_closed_folder_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.json");
        fs::write(&path, "{\"long\": 1}").unwrap();
        write_over(&path, b"{}").unwrap();
        assert_eq!(
            serde_json::from_slice::<serde_json::Value>(&fs::read(&path).unwrap()).unwrap(),
            serde_json::json!({})
        );
        write_over(&path, b"{\"longer than before\": 2}").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"{\"longer than before\": 2}");
        assert!(write_over(&folder.path().join("missing"), b"{}").is_err());
        assert!(!folder.path().join("missing").exists());
    }

    #[test]
    fn what_others_planted_is_neither_used_nor_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, secret) = (folder.path().join("run.json"), folder.path().join("secret"));
        fs::write(&secret, "secret").unwrap();
        std::os::unix::fs::symlink(&secret, beside(&path, "reserve")).unwrap();
        assert!(use_reserve(&path, b"new").is_err());
        keep_reserve(&path);
        std::os::unix::fs::symlink(&secret, &path).unwrap();
        assert!(write_over(&path, b"new").is_err());
        replace(&path, b"new").unwrap();
        assert_eq!(
            (fs::read(&path).unwrap().as_slice(), fs::read(&secret).unwrap().as_slice()),
            (&b"new"[..], &b"secret"[..])
        );
        assert!(!fs::symlink_metadata(&path).unwrap().is_symlink());
    }

    #[test]
    fn leftovers_of_killed_writers_go_and_all_else_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.json");
        // One of this version, and one of the version before.
        for name in [".run.json.aB3dE6", ".run.json.4711-12", ".run.json.reserve", "run.json", ".recipe.toml.aB3dE6"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        remove_leftovers(&path);
        let mut names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, [".recipe.toml.aB3dE6", ".run.json.reserve", "run.json"]);
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
        for errno in [rustix::io::Errno::ACCESS, rustix::io::Errno::PERM, rustix::io::Errno::ROFS] {
            let error = errno.into();
            assert!(is_disk_trouble(&error) && !is_out_of_room(&error), "{errno}");
        }
        // Linux's own device for this.
        let error = fs::write("/dev/full", "x").unwrap_err();
        assert!(is_disk_trouble(&error), "{error}");
    }
}
