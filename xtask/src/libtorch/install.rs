use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::source::version_of;
use super::{Flavour, VERSION, wheel};
use crate::error::Error;
use crate::output::say;

/// The wheel's own `libtorch.so` drags in `libtorch_cuda.so`; this one gives the linker what it needs and no more.
const LINKER_SCRIPT: &str = "INPUT(-ltorch_cpu)\n";

/// What lies whole at `libtorch` and will do where `wanted` is asked for: CUDA's does what the CPU's does.
pub(super) fn installed(libtorch: &Path, wanted: Flavour) -> Option<Flavour> {
    // `build-version` is the last thing written before the folder gets its name.
    let version = version_of(libtorch)?;
    let has = |file: &str| libtorch.join(file).exists();
    let flavour = if has("lib/libtorch_cuda.so") { Flavour::Cuda } else { Flavour::Cpu };
    let whole = version == VERSION && has("lib/libtorch.so") && wheel::required(flavour).iter().all(|file| has(file));
    (whole && (flavour == wanted || flavour == Flavour::Cuda)).then_some(flavour)
}

/// Fetches libtorch into `libtorch`, which gets its name only once it is whole. `download` puts the wheels into the empty
/// folder it is given. Whatever an interrupted call left behind is cleared away first, then `needed` bytes must be free.
pub(super) fn install(
    libtorch: &Path,
    flavour: Flavour,
    needed: u64,
    download: impl FnOnce(&Path) -> Result<(), Error>,
) -> Result<(), Error> {
    let _lock = lock(&beside(libtorch, "lock"))?;
    // Another call may have done it while this one waited.
    if installed(libtorch, flavour).is_some() {
        return Ok(());
    }
    let staging = beside(libtorch, "partial");
    let replaced = beside(libtorch, "old");
    remove(&staging)?;
    remove(&replaced)?;
    let parent = libtorch.parent().unwrap_or(libtorch);
    let free = free_space(parent).map_err(|source| Error::io("examine", parent, source))?;
    check_space(needed, free, parent)?;

    if let Err(error) = prepare(&staging, flavour, download) {
        // The first error is the one to tell; the next call clears up what this cannot.
        let _ = remove(&staging);
        return Err(error);
    }
    if fs::symlink_metadata(libtorch).is_ok() {
        rename(libtorch, &replaced)?;
    }
    rename(&staging, libtorch)?;
    remove(&replaced)
}

/// Makes `staging` a whole libtorch.
fn prepare(staging: &Path, flavour: Flavour, download: impl FnOnce(&Path) -> Result<(), Error>) -> Result<(), Error> {
    let wheels = staging.join("wheels");
    fs::create_dir_all(&wheels).map_err(|source| Error::io("create", &wheels, source))?;
    download(&wheels)?;
    let files = wheels_in(&wheels).map_err(|source| Error::io("read", &wheels, source))?;
    wheel::unpack(&files, staging, flavour)?;
    if let Some(missing) = wheel::required(flavour).into_iter().find(|file| !staging.join(file).exists()) {
        return Err(Error::UnknownWheel { wheel: format!("torch {VERSION}"), missing: missing.to_owned() });
    }
    remove(&wheels)?;
    write(&staging.join("lib/libtorch.so"), LINKER_SCRIPT)?;
    write(&staging.join("build-version"), &format!("{}\n", flavour.build_version()))
}

/// The wheels of torch and of NVIDIA's libraries; those of torch's Python dependencies hold nothing to link.
fn wheels_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut wheels = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let wanted = name.starts_with("torch-") || name.starts_with("nvidia_");
        if wanted && path.extension().is_some_and(|extension| extension == "whl") {
            wheels.push(path);
        }
    }
    wheels.sort();
    Ok(wheels)
}

fn check_space(needed: u64, free: u64, at: &Path) -> Result<(), Error> {
    if free < needed { Err(Error::DiskFull { needed, free, at: at.to_path_buf() }) } else { Ok(()) }
}

/// Bytes that this user may still write on the disk that holds `path`.
pub(super) fn free_space(path: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(path)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Held until dropped, so that two calls at once do not clear away each other's work.
fn lock(path: &Path) -> Result<File, Error> {
    let file = File::create(path).map_err(|source| Error::io("create", path, source))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            say("another cargo xtask is fetching libtorch: waiting for it");
            file.lock().map_err(|source| Error::io("lock", path, source))?;
        }
        Err(TryLockError::Error(source)) => return Err(Error::io("lock", path, source)),
    }
    Ok(file)
}

/// `.libtorch` -> `.libtorch.partial`: on the same disk, so that renaming is one step.
fn beside(libtorch: &Path, suffix: &str) -> PathBuf {
    let mut name = libtorch.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    name.into()
}

fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    fs::rename(from, to).map_err(|source| Error::io("rename", from, source))
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    fs::write(path, text).map_err(|source| Error::io("write", path, source))
}

/// Removes a folder, a file or a symlink (not what it points to); nothing there is fine.
fn remove(path: &Path) -> Result<(), Error> {
    let result = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    };
    result.map_err(|source| Error::io("remove", path, source))
}

#[cfg(test)]
mod tests {
    use super::wheel::tests::make_wheel;
    use super::*;

    const TORCH: [&str; 8] = [
        "torch/include/torch/csrc/api/include/torch/torch.h",
        "torch/lib/libc10.so",
        "torch/lib/libc10_cuda.so",
        "torch/lib/libgomp.so.1",
        "torch/lib/libtorch.so",
        "torch/lib/libtorch_cpu.so",
        "torch/lib/libtorch_cuda.so",
        "torch/__init__.py",
    ];
    const NVIDIA: [&str; 2] = ["nvidia/cu13/lib/libcudart.so.13", "nvidia/cu13/lib/libcupti.so.13"];

    fn download(wheels: &Path) {
        make_wheel(&wheels.join("torch-2.13.0-cp312-cp312-manylinux_2_28_x86_64.whl"), &TORCH);
        make_wheel(&wheels.join("nvidia_cuda-13.0-py3-none-any.whl"), &NVIDIA);
        make_wheel(&wheels.join("triton-3-py3-none-any.whl"), &["torch/include/no.h"]);
    }

    fn install_made(libtorch: &Path, flavour: Flavour) -> Result<(), Error> {
        install(libtorch, flavour, 0, |wheels| {
            download(wheels);
            Ok(())
        })
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_whole_libtorch_appears_and_nothing_else_stays() {
        let folder = tempfile::tempdir().unwrap();
        let libtorch = folder.path().join(".libtorch");
        assert_eq!(installed(&libtorch, Flavour::Cpu), None);
        install_made(&libtorch, Flavour::Cpu).unwrap();
        assert_eq!(installed(&libtorch, Flavour::Cpu), Some(Flavour::Cpu));
        assert_eq!(installed(&libtorch, Flavour::Cuda), None);
        assert_eq!(names(folder.path()), [".libtorch", ".libtorch.lock"]);
        assert_eq!(names(&libtorch), ["build-version", "include", "lib"]);
        let read = |file: &str| fs::read_to_string(libtorch.join(file)).unwrap();
        assert_eq!(read("build-version"), "2.13.0\n");
        assert_eq!(read("lib/libtorch.so"), "INPUT(-ltorch_cpu)\n");
        assert!(!libtorch.join("lib/libtorch_cuda.so").exists() && !libtorch.join("include/no.h").exists());
    }

    #[test]
    fn what_an_interrupted_call_left_is_cleared_away() {
        let folder = tempfile::tempdir().unwrap();
        let libtorch = folder.path().join(".libtorch");
        let stale = folder.path().join(".libtorch.partial/wheels");
        fs::create_dir_all(&stale).unwrap();
        fs::write(stale.join("torch-2.13.0-half.whl"), "not a wheel").unwrap();
        fs::create_dir(folder.path().join(".libtorch.old")).unwrap();
        // Unpacked, but interrupted before it was whole.
        fs::create_dir(&libtorch).unwrap();
        fs::write(libtorch.join("leftover"), "").unwrap();
        install_made(&libtorch, Flavour::Cpu).unwrap();
        assert_eq!(names(folder.path()), [".libtorch", ".libtorch.lock"]);
        assert_eq!(names(&libtorch), ["build-version", "include", "lib"]);
    }

    #[test]
    fn a_failed_download_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let libtorch = folder.path().join(".libtorch");
        install_made(&libtorch, Flavour::Cpu).unwrap();
        let result = install(&libtorch, Flavour::Cuda, 0, |wheels| {
            fs::write(wheels.join("torch-half.whl.tmp"), "").unwrap();
            Err(Error::NoNetwork)
        });
        assert!(matches!(result, Err(Error::NoNetwork)));
        assert_eq!(installed(&libtorch, Flavour::Cpu), Some(Flavour::Cpu));
        assert_eq!(names(folder.path()), [".libtorch", ".libtorch.lock"]);
    }

    #[test]
    fn wheels_without_what_is_needed_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let libtorch = folder.path().join(".libtorch");
        let result = install(&libtorch, Flavour::Cpu, 0, |wheels| {
            make_wheel(&wheels.join("torch-2.13.0.whl"), &TORCH);
            Ok(())
        });
        assert!(result.unwrap_err().to_string().contains("no lib/libcudart.so.13"));
        assert!(!libtorch.exists());
    }

    #[test]
    fn cuda_replaces_the_cpus_and_serves_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let libtorch = folder.path().join(".libtorch");
        install_made(&libtorch, Flavour::Cpu).unwrap();
        install_made(&libtorch, Flavour::Cuda).unwrap();
        assert_eq!(installed(&libtorch, Flavour::Cuda), Some(Flavour::Cuda));
        assert_eq!(installed(&libtorch, Flavour::Cpu), Some(Flavour::Cuda));
        assert_eq!(fs::read_to_string(libtorch.join("build-version")).unwrap(), "2.13.0+cu130\n");
        assert_eq!(names(folder.path()), [".libtorch", ".libtorch.lock"]);
    }

    #[test]
    fn a_symlink_is_followed_when_whole_and_only_itself_replaced_when_not() {
        let folder = tempfile::tempdir().unwrap();
        let shared = folder.path().join("shared");
        fs::create_dir(&shared).unwrap();
        fs::write(shared.join("mine"), "").unwrap();
        let libtorch = folder.path().join(".libtorch");
        std::os::unix::fs::symlink(&shared, &libtorch).unwrap();
        install_made(&libtorch, Flavour::Cpu).unwrap();
        assert_eq!(names(&shared), ["mine"]);
        assert!(fs::symlink_metadata(&libtorch).unwrap().is_dir());

        let other = folder.path().join("other");
        std::os::unix::fs::symlink(&libtorch, &other).unwrap();
        assert_eq!(installed(&other, Flavour::Cpu), Some(Flavour::Cpu));
    }

    #[test]
    fn another_version_is_not_taken_for_ours() {
        let folder = tempfile::tempdir().unwrap();
        let libtorch = folder.path().join(".libtorch");
        install_made(&libtorch, Flavour::Cpu).unwrap();
        fs::write(libtorch.join("build-version"), "2.12.0\n").unwrap();
        assert_eq!(installed(&libtorch, Flavour::Cpu), None);
    }

    #[test]
    fn too_little_room_is_seen_before_anything_is_written() {
        let at = Path::new("/here");
        assert!(check_space(1_000, 1_000, at).is_ok());
        assert!(check_space(1_001, 1_000, at).is_err());

        let folder = tempfile::tempdir().unwrap();
        let result =
            install(&folder.path().join(".libtorch"), Flavour::Cpu, u64::MAX, |_| panic!("nothing to download to"));
        assert!(matches!(result, Err(Error::DiskFull { needed: u64::MAX, free: 1.., .. })), "{result:?}");
        assert_eq!(names(folder.path()), [".libtorch.lock"]);
    }
}
