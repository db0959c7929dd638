//! What this program says of itself to `torchscope doctor`.

use std::fs;
use std::path::{Path, PathBuf};

use nvml_wrapper::Nvml;
use nvml_wrapper::error::NvmlError;
use tch::Cuda;
use torchscope::run::Inventory;

/// Asks libtorch and NVIDIA's driver.
pub(crate) fn about() -> Inventory {
    let folder = fs::read_to_string("/proc/self/maps").ok().and_then(|maps| folder_in(&maps));
    let version = folder.as_deref().and_then(Path::parent).map(|libtorch| libtorch.join("build-version"));
    let libtorch = version.and_then(|file| fs::read_to_string(file).ok()).map(|text| text.trim().to_owned());
    let devices = if Cuda::is_available() { Cuda::device_count().max(0) as usize } else { 0 };
    let mut about = Inventory {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        libtorch,
        folder,
        cuda: tch::utils::has_cuda(),
        devices,
        ..Inventory::default()
    };
    match Nvml::init() {
        Ok(nvml) => {
            about.driver = nvml.sys_driver_version().ok();
            let names = (0..nvml.device_count().unwrap_or(0)).map(|index| nvml.device_by_index(index)?.name());
            about.gpus = names.filter_map(Result::ok).collect();
        }
        // No library: no driver. That is no problem of the driver's.
        Err(NvmlError::LibloadingError(_)) => {}
        Err(error) => about.no_driver = Some(error.to_string()),
    }
    about
}

/// The folder that libtorch was loaded from, by the memory map of a process.
fn folder_in(maps: &str) -> Option<PathBuf> {
    let libraries = maps.lines().filter_map(|line| line.find('/').map(|at| Path::new(&line[at..])));
    let mut ours = libraries.filter(|path| path.file_name().is_some_and(|name| name == "libtorch_cpu.so"));
    ours.next()?.parent().map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_that_of_the_library_in_memory() {
        let maps = "7f00-7f01 r-xp 00000000 08:01 1  /usr/lib/libc.so.6\n\
                    7f02-7f03 r-xp 00000000 08:01 2  /opt/my torch/lib/libtorch_cpu.so\n";
        assert_eq!(folder_in(maps), Some(PathBuf::from("/opt/my torch/lib")));
        assert_eq!(folder_in("7f00-7f01 rw-p 00000000 00:00 0\n"), None);
    }

    #[test]
    fn this_program_knows_its_libtorch() {
        let about = about();
        assert!(about.folder.is_some_and(|folder| folder.join("libtorch_cpu.so").exists()));
        assert!(about.devices == 0 || about.driver.is_some(), "a device without a driver");
    }
}
