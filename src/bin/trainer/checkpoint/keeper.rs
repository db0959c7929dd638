//! Writes checkpoints on a thread of its own, and decides which are kept.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::Timestamp;
use torchscope::files;
use torchscope::run::{Checkpoint, Milestone, RunDir, RunError};

use super::{Memory, Snapshot, State, file};
use crate::disk::{Disk, What};
use crate::status::Status;

/// How many of the newest are kept, beside the best.
const NEWEST: usize = 2;
/// Until a disk that had no room is tried again.
const RETRY: Duration = Duration::from_millis(250);

/// A checkpoint to be written.
struct Job {
    snapshot: Snapshot,
    memory: Memory,
}

/// What the keeper has to do.
#[derive(Default)]
struct Slot {
    /// The newest that waits; an older one that has not been begun is worth nothing any more.
    job: Option<Job>,
    /// Checkpoints under way: made by the training thread, and not yet written or given up.
    pending: usize,
    /// Nothing more comes, and a disk that takes nothing is not waited for.
    is_ending: bool,
}

#[derive(Default)]
struct Desk {
    slot: Mutex<Slot>,
    bell: Condvar,
}

impl Desk {
    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The end of others.
#[derive(Clone)]
pub(crate) struct Counter(Arc<Desk>);

impl Counter {
    /// Hands a checkpoint over. One that waits and has not been begun is dropped for it.
    pub(crate) fn hand_over(&self, snapshot: Snapshot, memory: Memory) {
        let mut slot = self.0.slot();
        if slot.job.replace(Job { snapshot, memory }).is_some() {
            slot.pending = slot.pending.saturating_sub(1);
        }
        drop(slot);
        self.0.bell.notify_all();
    }
}

impl Counter {
    /// Notes that a checkpoint that was announced will not be handed over.
    pub(crate) fn give_up(&self) {
        let mut slot = self.0.slot();
        slot.pending = slot.pending.saturating_sub(1);
    }
}

/// Keeps the checkpoints of a run. Dropped, it gives up what a full disk does not take.
pub(crate) struct Keeper {
    desk: Arc<Desk>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Starts the thread. Trouble with the disk is told to `disk`.
    pub(crate) fn start(run: RunDir, status: Arc<Status>, disk: Disk) -> io::Result<Self> {
        let desk = Arc::new(Desk::default());
        let writing = Writing { run, status, disk, losses: BTreeMap::new(), has_failed: false };
        let thread = std::thread::Builder::new().name("checkpoints".into()).spawn({
            let desk = Arc::clone(&desk);
            move || writing.work(&desk)
        })?;
        Ok(Self { desk, thread: Some(thread) })
    }

    /// Where checkpoints are handed over.
    pub(crate) fn counter(&self) -> Counter {
        Counter(Arc::clone(&self.desk))
    }

    /// Announces a checkpoint that will be handed over.
    pub(crate) fn expect(&self) {
        self.desk.slot().pending += 1;
    }

    /// Whether everything announced has been written or given up.
    pub(crate) fn is_idle(&self) -> bool {
        self.desk.slot().pending == 0 || self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.desk.slot().is_ending = true;
        self.desk.bell.notify_all();
        // A panic has been reported by its hook.
        let _ended = self.thread.take().map(JoinHandle::join);
    }
}

/// The thread's own.
struct Writing {
    run: RunDir,
    status: Arc<Status>,
    disk: Disk,
    /// Of the checkpoints there are: their evaluations.
    losses: BTreeMap<u64, Option<f64>>,
    /// The last one could not be written, and that does not pass; it has been said.
    has_failed: bool,
}

impl Writing {
    fn work(mut self, desk: &Desk) {
        // Nothing is removed where a link leads; the first checkpoint will say what is in its way.
        if self.run.checkpoints().is_ok() {
            file::clear(&self.run.checkpoints_path());
        }
        self.look_around();
        let mut slot = desk.slot();
        loop {
            let Some(mut job) = slot.job.take() else {
                if slot.is_ending {
                    return;
                }
                slot = desk.bell.wait(slot).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            drop(slot);
            let written = self.write(&mut job);
            let is_held = self.disk.note(What::Checkpoint, written.as_ref().err());
            if written.is_ok() && is_held {
                // Trouble lasts a while at least.
                while self.disk.note(What::Checkpoint, None) && !desk.slot().is_ending {
                    std::thread::sleep(RETRY);
                }
            }
            slot = desk.slot();
            if written.is_err() && is_held && !slot.is_ending && slot.job.is_none() {
                slot.job = Some(job);
                slot = desk.bell.wait_timeout(slot, RETRY).unwrap_or_else(PoisonError::into_inner).0;
                continue;
            }
            slot.pending = slot.pending.saturating_sub(1);
            self.conclude(job.snapshot.about.step, written);
        }
    }

    /// Has everybody told when no checkpoint can be written any more.
    fn conclude(&mut self, step: u64, written: io::Result<()>) {
        let Err(error) = written else {
            self.has_failed = false;
            return;
        };
        tracing::error!(%error, step, "no checkpoint was written");
        if !self.has_failed {
            self.disk.complain(format!("no checkpoint can be written: {error}; training goes on without"));
        }
        self.has_failed = true;
    }

    /// Notes what checkpoints there are already, of a run that is resumed.
    fn look_around(&mut self) {
        for (step, path) in self.run.checkpoints().unwrap_or_default() {
            let loss = Checkpoint::read(&path).ok().and_then(|checkpoint| checkpoint.about.loss);
            self.losses.insert(step, loss);
        }
    }

    fn write(&mut self, job: &mut Job) -> io::Result<()> {
        let Job { snapshot, memory } = job;
        let state = State { training: snapshot.training.clone(), memory: memory.clone() };
        snapshot.about.state = serde_json::to_string(&state)?;
        // After a power cut the log must not be shorter than the checkpoint says.
        let log = self.run.root().join(&memory.log.file);
        files::open_own(&log).and_then(|log| log.sync_data())?;
        let folder = self.run.checkpoint_folder().map_err(system_error)?;
        file::write(&folder, &snapshot.about, &mut snapshot.tensors)?;
        let step = snapshot.about.step;
        self.losses.insert(step, snapshot.about.loss);
        self.status.set_checkpoint(Milestone { step, at: Timestamp::now() });
        self.prune();
        Ok(())
    }

    /// Removes all but the newest and the best.
    fn prune(&mut self) {
        let present: Vec<(u64, PathBuf)> = self.run.checkpoints().unwrap_or_default();
        let loss = |step: &u64| self.losses.get(step).copied().flatten().unwrap_or(f64::INFINITY);
        // Of equal ones the newest, which comes first.
        let best = present.iter().map(|(step, _)| *step).reduce(|a, b| if loss(&b) < loss(&a) { b } else { a });
        for (step, path) in present.iter().skip(NEWEST).filter(|(step, _)| Some(*step) != best) {
            match fs::remove_file(path) {
                Ok(()) => {
                    self.losses.remove(step);
                }
                Err(error) => tracing::warn!(%error, "cannot remove the old checkpoint {}", files::shown(path)),
            }
        }
    }
}

/// What the system said, where it said something: a disk that is full is waited for.
fn system_error(error: RunError) -> io::Error {
    match error {
        RunError::Io { source, .. } if source.raw_os_error().is_some() => source,
        error => io::Error::other(error),
    }
}
