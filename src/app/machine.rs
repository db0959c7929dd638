//! The machine that the run is on, as the trainer sees it: loads and memory with their recent history.

use std::collections::VecDeque;

use crate::log::{GpuProcess, tags};

/// Readings that are remembered of each number: ten minutes at one a second, and more than any screen is wide.
const KEPT: usize = 600;

/// A number over the last readings. Keyed by time, not by step: a run that rests has many readings at one step.
#[derive(Debug, Clone, Default)]
pub struct Track {
    readings: VecDeque<(f64, f32)>,
}

impl Track {
    /// The newest value, if it is a number.
    pub fn last(&self) -> Option<f64> {
        self.readings.back().map(|(_, value)| f64::from(*value)).filter(|value| value.is_finite())
    }

    /// The last `count` values, the oldest first.
    pub fn tail(&self, count: usize) -> impl ExactSizeIterator<Item = f64> {
        self.readings.iter().skip(self.readings.len().saturating_sub(count)).map(|(_, value)| f64::from(*value))
    }

    /// The largest of them all.
    pub fn max(&self) -> Option<f64> {
        self.readings.iter().map(|(_, value)| f64::from(*value)).filter(|value| value.is_finite()).reduce(f64::max)
    }

    /// Seconds from the first of the last `count` readings to the newest.
    pub fn span(&self, count: usize) -> f64 {
        let first = self.readings.get(self.readings.len().saturating_sub(count));
        first.zip(self.readings.back()).map_or(0.0, |((first, _), (last, _))| last - first)
    }

    fn push(&mut self, time: f64, value: f64) {
        self.readings.push_back((time, value as f32));
        if self.readings.len() > KEPT {
            self.readings.pop_front();
        }
    }
}

/// A GPU. What its driver does not tell is empty.
#[derive(Debug, Clone, Default)]
pub struct Gpu {
    /// What it is called.
    pub name: String,
    /// Load in percent.
    pub util: Track,
    /// Bytes of its memory in use.
    pub mem: Track,
    /// Bytes of its memory.
    pub mem_total: Track,
    /// Degrees Celsius.
    pub temp: Track,
    /// Watts.
    pub power: Track,
    /// Who is on it, the largest first.
    pub processes: Vec<GpuProcess>,
}

/// All that is known.
#[derive(Debug, Clone, Default)]
pub struct Machine {
    /// Load of all cores in percent.
    pub cpu: Track,
    /// How many cores there are.
    pub cores: Option<usize>,
    /// Bytes of memory in use.
    pub mem: Track,
    /// Bytes of memory.
    pub mem_total: Track,
    /// Load that the trainer makes, in percent of one core.
    pub trainer_cpu: Track,
    /// Bytes of the trainer that are resident.
    pub trainer_mem: Track,
    /// Bytes that may still be written where the run lies.
    pub disk_left: Track,
    /// Bytes of that file system.
    pub disk_total: Track,
    /// Why there are no GPUs.
    pub note: Option<String>,
    /// The GPUs by number.
    pub gpus: Vec<Gpu>,
}

/// More GPUs than any machine has: a number from outside must not ask for memory without end.
const MOST_GPUS: usize = 256;

impl Machine {
    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.mem.readings.is_empty() && self.cpu.readings.is_empty() && self.gpus.is_empty()
    }

    /// Takes over a number; whether it is one of the machine.
    pub(super) fn take(&mut self, tag: &str, time: f64, value: f64) -> bool {
        let track = match tag {
            tags::SYSTEM_CORES => {
                self.cores = Some(value as usize).filter(|cores| *cores > 0);
                return true;
            }
            tags::SYSTEM_CPU => &mut self.cpu,
            tags::SYSTEM_MEM => &mut self.mem,
            tags::SYSTEM_MEM_TOTAL => &mut self.mem_total,
            tags::TRAINER_CPU => &mut self.trainer_cpu,
            tags::TRAINER_MEM => &mut self.trainer_mem,
            tags::DISK_LEFT => &mut self.disk_left,
            tags::DISK_TOTAL => &mut self.disk_total,
            _ => match gpu_tag(tag) {
                Some((number, what)) if is_gpu_number(what) => {
                    let gpu = self.gpu(number);
                    match what {
                        tags::GPU_UTIL => &mut gpu.util,
                        tags::GPU_MEM => &mut gpu.mem,
                        tags::GPU_MEM_TOTAL => &mut gpu.mem_total,
                        tags::GPU_TEMP => &mut gpu.temp,
                        _ => &mut gpu.power,
                    }
                }
                _ => return false,
            },
        };
        track.push(time, value);
        true
    }

    /// Takes over a text, if it is one of the machine.
    pub(super) fn read(&mut self, tag: &str, text: &str) {
        if tag == tags::SYSTEM_NOTE {
            self.note = Some(text.to_owned());
            // A run that went on elsewhere: those GPUs are not its own any more.
            self.gpus.clear();
            return;
        }
        match gpu_tag(tag) {
            Some((number, tags::GPU_NAME)) => text.clone_into(&mut self.gpu(number).name),
            Some((number, tags::GPU_PROCESSES)) => {
                self.gpu(number).processes = GpuProcess::decode(text).unwrap_or_default();
            }
            _ => {}
        }
    }

    fn gpu(&mut self, number: usize) -> &mut Gpu {
        self.note = None;
        if number >= self.gpus.len() {
            self.gpus.resize_with(number + 1, Gpu::default);
        }
        &mut self.gpus[number]
    }
}

/// Which GPU a tag is of, and what of it.
fn gpu_tag(tag: &str) -> Option<(usize, &str)> {
    let (number, what) = tag.strip_prefix(tags::GPU)?.strip_prefix('/')?.split_once('/')?;
    Some((number.parse().ok().filter(|number| *number < MOST_GPUS)?, what))
}

fn is_gpu_number(what: &str) -> bool {
    matches!(what, tags::GPU_UTIL | tags::GPU_MEM | tags::GPU_MEM_TOTAL | tags::GPU_TEMP | tags::GPU_POWER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_are_kept_by_time_and_bounded() {
        let mut machine = Machine::default();
        assert!(machine.is_empty());
        for second in 0..2_000 {
            assert!(machine.take(tags::SYSTEM_CPU, f64::from(second), f64::from(second % 100)));
        }
        assert_eq!((machine.cpu.last(), machine.cpu.max()), (Some(99.0), Some(99.0)));
        assert_eq!(machine.cpu.tail(3).collect::<Vec<_>>(), [97.0, 98.0, 99.0]);
        assert_eq!((machine.cpu.span(3), machine.cpu.span(9_999)), (2.0, 599.0));
        assert!(!machine.is_empty());
    }

    #[test]
    fn gpus_are_told_apart_by_number() {
        let mut machine = Machine::default();
        assert!(machine.take("gpu/1/util", 1.0, 30.0));
        machine.read("gpu/0/name", "H100");
        machine.read("gpu/1/processes", r#"[{"pid":7,"name":"python","memory":5}]"#);
        assert_eq!((machine.gpus.len(), machine.gpus[0].name.as_str()), (2, "H100"));
        assert_eq!((machine.gpus[1].util.last(), machine.gpus[1].processes[0].pid), (Some(30.0), 7));
        machine.read("gpu/1/processes", "garbage");
        assert!(machine.gpus[1].processes.is_empty());
    }

    #[test]
    fn a_run_that_goes_on_on_another_machine_has_the_gpus_of_that() {
        let mut machine = Machine::default();
        assert!(machine.take("gpu/1/util", 1.0, 30.0));
        machine.read("system/note", "no GPU driver");
        assert_eq!((machine.gpus.len(), machine.note.as_deref()), (0, Some("no GPU driver")));
        assert!(machine.take("gpu/0/util", 2.0, 30.0));
        assert_eq!((machine.gpus.len(), machine.note.as_deref()), (1, None));
    }

    #[test]
    fn what_other_programs_write_there_is_theirs() {
        let mut machine = Machine::default();
        for tag in ["system/load", "gpu/util", "gpu/x/util", "gpu/0/fan", "gpu/4000000000/util", "gpus/0/util", "loss"]
        {
            assert!(!machine.take(tag, 0.0, 1.0), "{tag}");
            machine.read(tag, "text");
        }
        assert!(machine.is_empty() && machine.note.is_none());
        assert!(machine.take(tags::SYSTEM_CPU, 0.0, f64::NAN));
        assert_eq!((machine.cpu.last(), machine.cpu.max()), (None, None));
    }
}
