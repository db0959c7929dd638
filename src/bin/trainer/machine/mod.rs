//! The machine that the run is on, looked at about once a second by a thread of its own: no training work waits for it.
//!
//! ```text
//! cadence   when to look     host   processor, memory, disk
//! gpus      what GPUs say, of whatever make: nvidia through the driver's library, amd through sysfs
//! ```

mod amd;
mod cadence;
mod gpus;
mod host;
mod nvidia;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, TrySendError, channel, sync_channel};
use std::time::{Duration, Instant};

use torchscope::log::{Data, GpuProcess, Value, tags};
use torchscope::run::State;

use crate::status::Status;
use cadence::Cadence;
use gpus::Gpus;
use host::Host;

/// Between two questions whether it is time to look.
const TICK: Duration = Duration::from_secs(1);
/// Readings that wait for the recorder. It comes by forty times a second; those that a stuck disk keeps it from are lost.
const WAITING: usize = 4;

/// Looks at the machine for as long as it lives.
pub(crate) struct Machine {
    /// Dropped, it ends the thread. That is not waited for: a driver that hangs must not hold up the end of a run.
    _alive: Sender<()>,
}

/// What is known of a GPU at a moment; what its driver does not tell is none.
#[derive(Clone, Debug, Default, PartialEq)]
struct Gpu {
    name: String,
    /// Percent.
    util: Option<f64>,
    /// Bytes, and of how many.
    mem: Option<f64>,
    mem_total: Option<f64>,
    /// Degrees Celsius.
    temp: Option<f64>,
    /// Watts.
    power: Option<f64>,
    /// None where it is not known who is on it.
    processes: Option<Vec<GpuProcess>>,
}

impl Machine {
    /// Starts to look. Without a thread there is nothing to be seen, and the run goes on all the same.
    pub(crate) fn start(run: PathBuf, status: Arc<Status>) -> (Option<Self>, Receiver<Vec<Value>>) {
        let (readings, taken) = sync_channel(WAITING);
        let (alive, ended) = channel();
        let look = move || watch(run, &status, &ended, &readings);
        let thread = std::thread::Builder::new().name("machine".into()).spawn(look);
        if let Err(error) = &thread {
            tracing::warn!("cannot look at the machine: {error}");
        }
        (thread.is_ok().then_some(Self { _alive: alive }), taken)
    }
}

/// Sends readings until nobody wants any.
fn watch(run: PathBuf, status: &Status, ended: &Receiver<()>, readings: &SyncSender<Vec<Value>>) {
    let mut host = Host::new(run);
    let gpus = Gpus::find();
    let mut said = Said::default();
    let mut cadence = Cadence::default();
    let mut due = Instant::now();
    loop {
        let (state, watchers) = {
            let live = status.live();
            (live.state, live.watchers)
        };
        let is_resting = state == State::Paused || status.notes().trouble.is_some();
        if cadence.is_due(Instant::now(), is_resting, watchers) {
            let mut values = host.read();
            values.extend(said.of_gpus(gpus.note(), &gpus.read()));
            match readings.try_send(values) {
                Ok(()) => {}
                // Whoever reads it later must find the texts.
                Err(TrySendError::Full(_)) => said = Said::default(),
                Err(TrySendError::Disconnected(_)) => return,
            }
        }
        due += TICK;
        let now = Instant::now();
        // What is late is not made up for.
        due = due.max(now);
        match ended.recv_timeout(due - now) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// The texts that have been written: each is again only once it changes.
#[derive(Default)]
struct Said {
    note: Option<&'static str>,
    gpus: Vec<(Option<String>, Option<Vec<GpuProcess>>)>,
}

impl Said {
    /// What goes into the log about GPUs.
    fn of_gpus(&mut self, note: Option<&'static str>, gpus: &[Gpu]) -> Vec<Value> {
        let mut values = Vec::new();
        let text = |tag: &str, text: &str| Value { tag: tag.into(), data: Data::Text(text.to_owned()) };
        if self.note != note {
            values.extend(note.map(|note| text(tags::SYSTEM_NOTE, note)));
            self.note = note;
        }
        self.gpus.resize_with(gpus.len().max(self.gpus.len()), Default::default);
        for (number, (gpu, (name, processes))) in gpus.iter().zip(&mut self.gpus).enumerate() {
            let numbers = [
                (tags::GPU_UTIL, gpu.util),
                (tags::GPU_MEM, gpu.mem),
                (tags::GPU_MEM_TOTAL, gpu.mem_total),
                (tags::GPU_TEMP, gpu.temp),
                (tags::GPU_POWER, gpu.power),
            ];
            let scalar = |(what, value): (&str, Option<f64>)| Some(Value::scalar(tags::of_gpu(number, what), value?));
            values.extend(numbers.into_iter().filter_map(scalar));
            if name.as_ref() != Some(&gpu.name) {
                values.push(text(&tags::of_gpu(number, tags::GPU_NAME), &gpu.name));
                *name = Some(gpu.name.clone());
            }
            if *processes != gpu.processes {
                let list = gpu.processes.as_deref().unwrap_or_default();
                values.push(text(&tags::of_gpu(number, tags::GPU_PROCESSES), &GpuProcess::encode(list)));
                processes.clone_from(&gpu.processes);
            }
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags_of(values: &[Value]) -> Vec<&str> {
        values.iter().map(|value| &*value.tag).collect()
    }

    #[test]
    fn texts_are_written_when_they_change_and_numbers_always() {
        let process = GpuProcess { pid: 4, name: "python".into(), memory: None };
        let one = Gpu { name: "A".into(), util: Some(3.0), processes: Some(vec![process]), ..Gpu::default() };
        let two = Gpu { name: "B".into(), temp: Some(40.0), ..Gpu::default() };
        let mut said = Said::default();
        let first = said.of_gpus(None, &[one.clone(), two.clone()]);
        assert_eq!(tags_of(&first), ["gpu/0/util", "gpu/0/name", "gpu/0/processes", "gpu/1/temp", "gpu/1/name"]);
        let again = said.of_gpus(None, &[one.clone(), two.clone()]);
        assert_eq!(tags_of(&again), ["gpu/0/util", "gpu/1/temp"]);
        let alone = Gpu { processes: Some(Vec::new()), ..one };
        let left = said.of_gpus(None, &[alone, two]);
        assert_eq!(tags_of(&left), ["gpu/0/util", "gpu/0/processes", "gpu/1/temp"]);
        assert_eq!(left[1].data, Data::Text("[]".to_owned()));
    }

    #[test]
    fn a_machine_without_gpus_says_so_once() {
        let mut said = Said::default();
        let note = "no GPU driver: CPU only";
        let first = said.of_gpus(Some(note), &[]);
        assert_eq!(first, [Value { tag: tags::SYSTEM_NOTE.into(), data: Data::Text(note.to_owned()) }]);
        assert!(said.of_gpus(Some(note), &[]).is_empty());
    }
}
