//! The file of a checkpoint: written whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use safetensors::tensor::Metadata;
use torchscope::files;
use torchscope::run::{About, Checkpoint, seal};

use super::tensors::Tensors;

/// How the name of a file begins that is not whole yet.
const UNFINISHED: &str = ".step-";

/// Writes a checkpoint into `folder`. It is on the disk, and has its name, when this returns.
pub(super) fn write(folder: &Path, about: &About, tensors: &mut Tensors) -> io::Result<PathBuf> {
    let path = folder.join(Checkpoint::file_name(about.step));
    let header = header(about, tensors)?;
    let mut unfinished = files::temporary(folder, UNFINISHED)?;
    let file = unfinished.as_file_mut();
    file.write_all(&(header.len() as u64).to_le_bytes())?;
    file.write_all(&header)?;
    tensors.bytes().try_for_each(|bytes| file.write_all(bytes))?;
    file.sync_all()?;
    unfinished.persist(&path).map_err(|failed| failed.error)?;
    // The name is the folder's.
    File::open(folder)?.sync_all()?;
    Ok(path)
}

fn header(about: &About, tensors: &mut Tensors) -> io::Result<Vec<u8>> {
    let metadata = Metadata::new(Some(about.metadata()), tensors.places()).map_err(io::Error::other)?;
    let mut header = serde_json::to_vec(&metadata)?;
    // The numbers begin at a multiple of their size.
    header.resize(header.len().next_multiple_of(8), b' ');
    if seal(&mut header, tensors.bytes()) {
        Ok(header)
    } else {
        Err(io::Error::other("a checkpoint's header has no place for its checksum"))
    }
}

/// Removes what a trainer that was killed left half written.
pub(super) fn clear(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            let _ = fs::remove_file(entry.path());
        }
    }
}
