//! NVIDIA's GPUs, through the library that comes with the driver. It is opened at run time: where there is none, nothing of
//! it is needed.

use std::collections::BTreeMap;
use std::fs;

use nvml_wrapper::enum_wrappers::device::TemperatureSensor;
use nvml_wrapper::enums::device::UsedGpuMemory;
use nvml_wrapper::struct_wrappers::device::ProcessInfo;
use nvml_wrapper::{Device, Nvml};
use torchscope::log::GpuProcess;

use super::Gpu;

/// A driver that answers.
pub(super) struct Nvidia {
    library: Nvml,
    count: u32,
}

impl Nvidia {
    /// The driver, if there is one.
    pub(super) fn find() -> Option<Self> {
        let library = Nvml::init().ok()?;
        let count = library.device_count().unwrap_or(0);
        Some(Self { library, count })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// One entry a GPU; of one that has fallen off the bus there is nothing but the entry.
    pub(super) fn read(&self) -> Vec<Gpu> {
        let device = |index| self.library.device_by_index(index).map_or_else(|_| Gpu::default(), |device| gpu(&device));
        (0..self.count).map(device).collect()
    }
}

fn gpu(device: &Device<'_>) -> Gpu {
    let memory = device.memory_info().ok();
    let processes = [device.running_compute_processes(), device.running_graphics_processes()];
    Gpu {
        name: device.name().unwrap_or_else(|_| "NVIDIA GPU".to_owned()),
        util: device.utilization_rates().ok().map(|rates| f64::from(rates.gpu)),
        mem: memory.as_ref().map(|memory| memory.used as f64),
        mem_total: memory.as_ref().map(|memory| memory.total as f64),
        temp: device.temperature(TemperatureSensor::Gpu).ok().map(f64::from),
        // It says milliwatts.
        power: device.power_usage().ok().map(|power| f64::from(power) / 1e3),
        processes: processes.iter().any(Result::is_ok).then(|| listed(processes.into_iter().flatten().flatten())),
    }
}

/// Each process once, the largest first: one that computes and draws is in both lists of the driver.
fn listed(processes: impl Iterator<Item = ProcessInfo>) -> Vec<GpuProcess> {
    let mut memories: BTreeMap<u32, Option<u64>> = BTreeMap::new();
    for process in processes {
        let memory = match process.used_gpu_memory {
            UsedGpuMemory::Used(bytes) => Some(bytes),
            UsedGpuMemory::Unavailable => None,
        };
        let known = memories.entry(process.pid).or_default();
        *known = memory.max(*known);
    }
    let mut listed: Vec<GpuProcess> =
        memories.into_iter().map(|(pid, memory)| GpuProcess { pid, name: name(pid), memory }).collect();
    listed.sort_by_key(|process| std::cmp::Reverse(process.memory));
    listed
}

/// What a process is called here; nothing of one that lives in another container.
fn name(pid: u32) -> String {
    // The command line has the whole name, `comm` its first 15 bytes.
    let whole = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let program = whole.split(|byte| *byte == 0).next().unwrap_or_default();
    let program = String::from_utf8_lossy(program);
    program.rsplit('/').next().unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: u32, used_gpu_memory: UsedGpuMemory) -> ProcessInfo {
        ProcessInfo { pid, used_gpu_memory, gpu_instance_id: None, compute_instance_id: None }
    }

    #[test]
    fn a_process_that_computes_and_draws_is_one() {
        let both = [
            process(u32::MAX - 1, UsedGpuMemory::Unavailable),
            process(u32::MAX, UsedGpuMemory::Used(5)),
            process(u32::MAX - 1, UsedGpuMemory::Used(7)),
        ];
        let listed = listed(both.into_iter());
        let seen: Vec<_> = listed.iter().map(|process| (process.pid, process.memory, &*process.name)).collect();
        assert_eq!(seen, [(u32::MAX - 1, Some(7), ""), (u32::MAX, Some(5), "")]);
    }

    #[test]
    fn a_process_is_called_by_its_program() {
        let program = std::env::current_exe().unwrap();
        assert_eq!(name(std::process::id()), program.file_name().unwrap().to_str().unwrap());
    }
}
