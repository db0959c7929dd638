//! A folder that is ours alone, held open.

use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use super::error::RunError;
use crate::files;

/// Permission bits by which others could put something into a folder.
const WRITE_OF_OTHERS: u32 = 0o022;

/// A folder of this user that nobody else can write to. Whoever could would put links in the way of what is written there
/// and removed. Held open, so that it stays this folder when its path comes to lead elsewhere.
#[derive(Debug)]
pub(super) struct OwnedFolder {
    /// By which its files are reached.
    root: PathBuf,
    _folder: OwnedFd,
}

impl OwnedFolder {
    /// Opens the folder at `path`. One that belongs to somebody else is refused; to one of ours the others lose the right to
    /// write.
    pub(super) fn open(path: &Path) -> Result<Self, RunError> {
        let failed = |doing| move |error: rustix::io::Errno| RunError::io(doing, path)(error.into());
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::open(path, flags, Mode::empty()).map_err(failed("open"))?;
        let found = rustix::fs::fstat(&folder).map_err(failed("look at"))?;
        let refuse = |problem: String| Err(RunError::NotOurs { path: path.to_owned(), problem });
        if found.st_uid != rustix::process::geteuid().as_raw() {
            return refuse(format!(
                "the folder belongs to another user (uid {}); work as that user, or in a folder of your own",
                found.st_uid
            ));
        }
        if found.st_mode & WRITE_OF_OTHERS != 0 {
            // Refused below if it has no effect.
            let _ = rustix::fs::fchmod(&folder, Mode::from_raw_mode(found.st_mode & 0o7777 & !WRITE_OF_OTHERS));
            let found = rustix::fs::fstat(&folder).map_err(failed("look at"))?;
            if found.st_mode & WRITE_OF_OTHERS != 0 {
                return refuse(
                    "others can write to the folder, and `chmod go-w` does not help; use another".to_owned(),
                );
            }
        }
        let root = files::through(folder.as_raw_fd()).unwrap_or_else(|| path.to_owned());
        Ok(Self { root, _folder: folder })
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }
}
