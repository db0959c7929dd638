//! Processor, memory and disk.

use std::path::PathBuf;

use sysinfo::{MemoryRefreshKind, Pid, ProcessRefreshKind, ProcessesToUpdate, System};
use torchscope::log::{Value, tags};

/// The machine as its operating system tells of it, and this process on it.
pub(super) struct Host {
    /// Where the run lies.
    run: PathBuf,
    system: System,
    pid: Pid,
    /// Loads are those since the last look; the first has none.
    is_first: bool,
}

impl Host {
    pub(super) fn new(run: PathBuf) -> Self {
        Self { run, system: System::new(), pid: Pid::from_u32(std::process::id()), is_first: true }
    }

    /// What goes into the log. It takes a fraction of a millisecond: only what is written is looked up.
    pub(super) fn read(&mut self) -> Vec<Value> {
        let system = &mut self.system;
        system.refresh_cpu_usage();
        system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
        let wanted = ProcessRefreshKind::nothing().with_cpu().with_memory();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[self.pid]), false, wanted);
        let mut values = Vec::new();
        let mut say = |tag: &str, value: f64| values.push(Value::scalar(tag, value));
        if self.is_first {
            say(tags::SYSTEM_CORES, system.cpus().len() as f64);
        } else {
            say(tags::SYSTEM_CPU, f64::from(system.global_cpu_usage()));
        }
        let (mut used, mut total) = (system.used_memory(), system.total_memory());
        // In a container what counts is what that may use.
        if let Some(limits) = system.cgroup_limits().filter(|limits| limits.total_memory < total) {
            (used, total) = (limits.rss, limits.total_memory);
        }
        say(tags::SYSTEM_MEM, used as f64);
        say(tags::SYSTEM_MEM_TOTAL, total as f64);
        if let Some(process) = system.process(self.pid) {
            if !self.is_first {
                say(tags::TRAINER_CPU, f64::from(process.cpu_usage()));
            }
            say(tags::TRAINER_MEM, process.memory() as f64);
        }
        if let Ok(disk) = rustix::fs::statvfs(&self.run) {
            // What is kept for the system's administrator is not ours.
            say(tags::DISK_LEFT, disk.f_bavail.saturating_mul(disk.f_frsize) as f64);
            say(tags::DISK_TOTAL, disk.f_blocks.saturating_mul(disk.f_frsize) as f64);
        }
        self.is_first = false;
        values
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::hint::black_box;

    use torchscope::log::Data;

    use super::*;

    fn numbers(values: Vec<Value>) -> BTreeMap<String, f64> {
        let number = |value: Value| match value.data {
            Data::Scalar(number) => (value.tag.to_string(), number),
            other => panic!("{other:?}"),
        };
        values.into_iter().map(number).collect()
    }

    #[test]
    fn this_machine_is_described() {
        let mut host = Host::new(std::env::temp_dir());
        let first = numbers(host.read());
        assert!(first[tags::SYSTEM_CORES] >= 1.0);
        assert!(!first.contains_key(tags::SYSTEM_CPU), "a load needs two looks");
        let held = black_box(vec![1_u8; 64 << 20]);
        // Loads are measured over a while: work for one.
        let began = std::time::Instant::now();
        while began.elapsed() < sysinfo::MINIMUM_CPU_UPDATE_INTERVAL {
            black_box(&held);
        }
        let second = numbers(host.read());
        assert!(second[tags::SYSTEM_CPU] > 0.0 && second[tags::SYSTEM_CPU] <= 100.0, "{second:?}");
        assert!(second[tags::TRAINER_CPU] > 0.0, "{second:?}");
        let memory = second[tags::TRAINER_MEM];
        assert!(memory >= f64::from(64 << 20) && memory < second[tags::SYSTEM_MEM_TOTAL], "{second:?}");
        assert!(second[tags::SYSTEM_MEM] <= second[tags::SYSTEM_MEM_TOTAL], "{second:?}");
        assert!(second[tags::DISK_LEFT] <= second[tags::DISK_TOTAL], "{second:?}");
        assert!(!second.contains_key(tags::SYSTEM_CORES));
        drop(held);
    }
}
