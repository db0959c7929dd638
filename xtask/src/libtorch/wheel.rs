use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};
use zip::ZipArchive;
use zip::result::ZipError;

use super::Flavour;
use crate::error::Error;

/// What a build for the CPU links or loads, of the many libraries in the wheel of torch.
const CPU_LIBRARIES: [&str; 5] =
    ["libc10.so", "libtorch_cpu.so", "libshm.so", "libtorch_global_deps.so", "libgomp.so.1"];

/// What `libtorch_cpu.so` wants of the CUDA wheels, without their version suffixes.
const CPU_COMPANIONS: [&str; 2] = ["libcudart.so.", "libcupti.so."];

/// Made anew (`libtorch.so`, see `install`) or only of use within Python.
const LEFT_OUT: [&str; 2] = ["libtorch.so", "libtorch_python.so"];

/// Where an entry of a wheel goes, below the folder of libtorch; `None` for what is not needed. Libraries of all wheels
/// go side by side, as in the libtorch archives of `PyTorch`: each looks for the others beside itself.
pub(super) fn destination(entry: &str, flavour: Flavour) -> Option<PathBuf> {
    if entry.ends_with('/') || entry.split('/').any(|part| part.is_empty() || part == "..") {
        return None;
    }
    if let Some(header) = entry.strip_prefix("torch/include/") {
        return Some(Path::new("include").join(header));
    }
    let (folder, name) = entry.rsplit_once('/')?;
    let wanted = match (folder, flavour) {
        ("torch/lib", Flavour::Cpu) => CPU_LIBRARIES.contains(&name),
        ("torch/lib", Flavour::Cuda) => is_library(name) && !LEFT_OUT.contains(&name),
        (_, Flavour::Cpu) => is_nvidia(folder) && CPU_COMPANIONS.iter().any(|library| name.starts_with(library)),
        (_, Flavour::Cuda) => is_nvidia(folder) && is_library(name),
    };
    wanted.then(|| Path::new("lib").join(name))
}

fn is_library(name: &str) -> bool {
    name.split('.').any(|part| part == "so")
}

/// `nvidia/cu13/lib`, `nvidia/cudnn/lib` and the like.
fn is_nvidia(folder: &str) -> bool {
    folder.starts_with("nvidia/") && folder.ends_with("/lib")
}

/// The files that must have come out of the wheels for a build to work.
pub(super) fn required(flavour: Flavour) -> Vec<&'static str> {
    let mut files = vec![
        "include/torch/csrc/api/include/torch/torch.h",
        "lib/libc10.so",
        "lib/libtorch_cpu.so",
        "lib/libgomp.so.1",
        "lib/libcudart.so.13",
        "lib/libcupti.so.13",
    ];
    if flavour == Flavour::Cuda {
        files.extend(["lib/libtorch_cuda.so", "lib/libc10_cuda.so"]);
    }
    files
}

/// Unpacks what is needed of the wheels at `wheels` into `folder`, under a progress bar. Checksums are verified.
pub(super) fn unpack(wheels: &[PathBuf], folder: &Path, flavour: Flavour) -> Result<(), Error> {
    let mut opened = Vec::with_capacity(wheels.len());
    let mut total = 0;
    for path in wheels {
        let file = File::open(path).map_err(|source| Error::io("read", path, source))?;
        let mut archive = ZipArchive::new(file).map_err(|error| damaged(path, &error))?;
        let entries = select(&mut archive, flavour).map_err(|error| damaged(path, &error))?;
        total += entries.iter().map(|entry| entry.size).sum::<u64>();
        opened.push((path, archive, entries));
    }
    let bar = ProgressBar::new(total).with_style(style()).with_message("unpacking");
    for (path, mut archive, entries) in opened {
        for entry in entries {
            extract(path, &mut archive, &entry, folder, &bar)?;
        }
    }
    bar.finish_and_clear();
    Ok(())
}

/// One entry of a wheel that is wanted.
struct Entry {
    index: usize,
    destination: PathBuf,
    size: u64,
}

fn select<R: Read + Seek>(archive: &mut ZipArchive<R>, flavour: Flavour) -> Result<Vec<Entry>, ZipError> {
    let mut entries = Vec::new();
    for index in 0..archive.len() {
        let file = archive.by_index_raw(index)?;
        if let Some(destination) = destination(&file.name()?, flavour) {
            entries.push(Entry { index, destination, size: file.size() });
        }
    }
    Ok(entries)
}

fn extract<R: Read + Seek>(
    wheel: &Path,
    archive: &mut ZipArchive<R>,
    entry: &Entry,
    folder: &Path,
    bar: &ProgressBar,
) -> Result<(), Error> {
    let path = folder.join(&entry.destination);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|source| Error::io("create", parent, source))?;
    }
    let mut input = archive.by_index(entry.index).map_err(|error| damaged(wheel, &error))?;
    let mut output = File::create(&path).map_err(|source| Error::io("create", &path, source))?;
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let length = match input.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(damaged(wheel, &error)),
        };
        output.write_all(&buffer[..length]).map_err(|source| Error::io("write", &path, source))?;
        bar.inc(length as u64);
    }
}

fn damaged(wheel: &Path, error: &dyn std::error::Error) -> Error {
    let wheel = wheel.file_name().unwrap_or(wheel.as_os_str()).to_string_lossy().into_owned();
    Error::DamagedWheel { wheel, message: error.to_string() }
}

fn style() -> ProgressStyle {
    let template = "{msg} {wide_bar} {decimal_bytes} of {decimal_total_bytes}";
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
pub(super) mod tests {
    use zip::write::{SimpleFileOptions, ZipWriter};

    use super::*;

    /// A wheel with these entries, each holding its own name.
    pub(in crate::libtorch) fn make_wheel(path: &Path, entries: &[&str]) {
        let mut writer = ZipWriter::new(File::create(path).unwrap());
        for entry in entries {
            writer.start_file(*entry, SimpleFileOptions::default()).unwrap();
            writer.write_all(entry.as_bytes()).unwrap();
        }
        writer.finish().unwrap();
    }

    fn chosen(entry: &str, flavour: Flavour) -> Option<String> {
        destination(entry, flavour).map(|path| path.to_str().unwrap().to_owned())
    }

    #[test]
    fn the_cpu_takes_headers_and_a_handful_of_libraries() {
        for (entry, expected) in [
            ("torch/include/ATen/ATen.h", Some("include/ATen/ATen.h")),
            ("torch/lib/libtorch_cpu.so", Some("lib/libtorch_cpu.so")),
            ("torch/lib/libgomp.so.1", Some("lib/libgomp.so.1")),
            ("nvidia/cu13/lib/libcudart.so.13", Some("lib/libcudart.so.13")),
            ("nvidia/cu13/lib/libcupti.so.13", Some("lib/libcupti.so.13")),
            ("torch/lib/libtorch.so", None),
            ("torch/lib/libtorch_cuda.so", None),
            ("torch/lib/libtorch_python.so", None),
            ("torch/lib/libshm/libshm.h", None),
            ("torch/include/", None),
            ("torch/nn/modules/linear.py", None),
            ("nvidia/cu13/lib/libnvperf_host.so", None),
            ("nvidia/cu13/include/cuda.h", None),
            ("torch-2.13.0.dist-info/METADATA", None),
        ] {
            assert_eq!(chosen(entry, Flavour::Cpu).as_deref(), expected, "{entry}");
        }
    }

    #[test]
    fn cuda_takes_every_library_but_pythons() {
        for (entry, expected) in [
            ("torch/lib/libtorch_cuda.so", Some("lib/libtorch_cuda.so")),
            ("torch/lib/libtorch_cuda_linalg.so", Some("lib/libtorch_cuda_linalg.so")),
            ("nvidia/cudnn/lib/libcudnn_ops.so.9", Some("lib/libcudnn_ops.so.9")),
            ("nvidia/cu13/lib/libcublasLt.so.13", Some("lib/libcublasLt.so.13")),
            ("torch/lib/libtorch.so", None),
            ("torch/lib/libtorch_python.so", None),
            ("nvidia/cu13/lib/__init__.py", None),
            ("triton/_C/libtriton.so", None),
            ("cuda/bindings/driver.so", None),
        ] {
            assert_eq!(chosen(entry, Flavour::Cuda).as_deref(), expected, "{entry}");
        }
    }

    #[test]
    fn no_entry_leaves_the_folder() {
        for entry in
            ["torch/include/../../evil.h", "/torch/include/a.h", "torch/include//etc/passwd", "nvidia/../lib/a.so"]
        {
            assert_eq!(chosen(entry, Flavour::Cuda), None, "{entry}");
        }
    }

    #[test]
    fn only_what_is_needed_is_unpacked() {
        let folder = tempfile::tempdir().unwrap();
        let wheel = folder.path().join("torch.whl");
        make_wheel(&wheel, &["torch/include/a/b.h", "torch/lib/libc10.so", "torch/lib/libtorch.so", "torch/x.py"]);
        let out = folder.path().join("out");
        unpack(&[wheel], &out, Flavour::Cpu).unwrap();
        assert_eq!(fs::read_to_string(out.join("include/a/b.h")).unwrap(), "torch/include/a/b.h");
        assert_eq!(fs::read_to_string(out.join("lib/libc10.so")).unwrap(), "torch/lib/libc10.so");
        assert_eq!(fs::read_dir(out.join("lib")).unwrap().count(), 1);
        assert_eq!(fs::read_dir(&out).unwrap().count(), 2);
    }

    #[test]
    fn a_damaged_wheel_is_one_line() {
        let folder = tempfile::tempdir().unwrap();
        let wheel = folder.path().join("torch.whl");
        make_wheel(&wheel, &["torch/lib/libc10.so"]);
        let whole = fs::read(&wheel).unwrap();
        let cut = folder.path().join("cut.whl");
        fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
        let error = unpack(&[cut], folder.path(), Flavour::Cpu).unwrap_err();
        assert!(matches!(error, Error::DamagedWheel { .. }), "{error}");

        // A flipped bit in the content, behind the local header of 30 bytes and the name.
        let mut flipped = whole;
        let at = 30 + "torch/lib/libc10.so".len() + 2;
        flipped[at] ^= 0x10;
        fs::write(&wheel, flipped).unwrap();
        let error = unpack(&[wheel], folder.path(), Flavour::Cpu).unwrap_err();
        assert!(error.to_string().starts_with("torch.whl is damaged"), "{error}");
    }
}
