//! What is kept here of runs on other machines: found, and removed.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::address::Address;
use super::mirror::{self, Note};
use super::wire::FarRun;
use crate::files;
use crate::run::RunDir;

/// The mirror of a run, which no view uses.
#[derive(Debug)]
pub struct Copy {
    folder: PathBuf,
    bytes: u64,
    _slot: File,
}

impl Copy {
    /// Bytes of disk that it takes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Removes it.
    pub fn remove(self) -> io::Result<()> {
        // Follows no link.
        fs::remove_dir_all(&self.folder)
    }
}

/// The mirrors of a run of another machine, named there as in the address, or by its path there. Says so where a view uses
/// one.
pub fn copies_at(address: &Address) -> Result<Vec<Copy>, String> {
    let Ok(cache) = mirror::cache() else { return Ok(Vec::new()) };
    let name = address.run.as_deref().unwrap_or_default();
    let slots = subfolders(&mirror::machine(&cache, &address.host));
    copies(slots, |run| run.name == name || run.path == name)
        .map_err(|folder| format!("a view of {address} is open, which uses `{}`; leave it first", folder.display()))
}

/// The mirrors of a run of this machine that was attached to as if it were another's. What a view uses is left out.
pub fn copies_of(run: &RunDir) -> Vec<Copy> {
    let (Ok(cache), Ok(meta)) = (mirror::cache(), run.meta()) else { return Vec::new() };
    let (path, started) = (run.path().to_string_lossy().into_owned(), meta.started.to_string());
    let is_it = |far: &FarRun| far.path == path && far.started == started;
    let slots = subfolders(&cache).iter().flat_map(|machine| subfolders(machine)).collect::<Vec<_>>();
    slots.into_iter().filter_map(|slot| copies(vec![slot], is_it).ok()).flatten().collect()
}

/// Of these slots the ones that hold such a run; an error is one that is in use.
fn copies(slots: Vec<PathBuf>, is_it: impl Fn(&FarRun) -> bool) -> Result<Vec<Copy>, PathBuf> {
    let mut found = Vec::new();
    for folder in slots {
        if !Note::read(&folder).is_some_and(|note| is_it(&note.run)) {
            continue;
        }
        // A slot that cannot be locked cannot be used either.
        let Ok(slot) = files::open(&folder.join(mirror::SLOT)) else { continue };
        match slot.try_lock() {
            Ok(()) => found.push(Copy { bytes: bytes(&folder), folder, _slot: slot }),
            Err(TryLockError::WouldBlock) => return Err(folder),
            Err(TryLockError::Error(_)) => {}
        }
    }
    Ok(found)
}

/// The folders in a folder; links are none.
fn subfolders(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let folders = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders.map(|entry| entry.path()).collect()
}

/// Bytes of disk that the files of a slot take.
fn bytes(folder: &Path) -> u64 {
    let places = subfolders(folder);
    let runs = places.iter().flat_map(|place| subfolders(place)).collect();
    let folders = [vec![folder.to_owned()], places, runs].concat();
    let all = folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
    all.filter_map(|file| file.metadata().ok()).filter(fs::Metadata::is_file).map(|found| found.blocks() * 512).sum()
}
