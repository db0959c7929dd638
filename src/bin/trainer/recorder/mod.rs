//! From the training thread to the run directory: samples through a ring, pictures through a small channel, both
//! written by a thread of its own.
//!
//! The training thread never waits here. The recorder polls instead of being woken: a wake-up costs more than a step.

mod picture;
mod thinner;
mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rtrb::{Producer, PushError, RingBuffer};
use torchscope::log::{LogError, Window, tags};
use torchscope::run::{RunDir, RunError, RunMeta};

use crate::checkpoint::{Keeper, Memory, Snapshot};
use crate::disk::Disk;
use crate::inbox::{Inbox, Order};
use crate::machine::Machine;
use crate::outcome::Outcome;
use crate::status::Status;
pub(crate) use picture::{Content, Part, Picture};
pub(crate) use thinner::Thinner;
use writer::{Sources, Writer};

/// What every step records, in this order: loss of the batch, learning rate, milliseconds.
pub(crate) const STEP_TAGS: [&str; 3] = [tags::LOSS_TRAIN, tags::LR, tags::STEP_MS];

/// A number that only some steps have. An integer here and a name in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extra {
    LossEval,
    AccuracyEval,
    GradNorm,
    ProbeShare,
    EvalShare,
    RecordShare,
    Merged,
}

impl Extra {
    pub(crate) fn tag(self) -> &'static str {
        match self {
            Self::LossEval => tags::LOSS_EVAL,
            Self::AccuracyEval => tags::ACCURACY_EVAL,
            Self::GradNorm => tags::GRAD_NORM,
            Self::ProbeShare => tags::PROBE_SHARE,
            Self::EvalShare => tags::EVAL_SHARE,
            Self::RecordShare => tags::RECORD_SHARE,
            Self::Merged => tags::MERGED,
        }
    }

    /// Whether it belongs to the steps, which are thinned by their number; the others follow the clock.
    fn is_by_step(self) -> bool {
        matches!(self, Self::LossEval | Self::AccuracyEval | Self::GradNorm)
    }
}

/// What goes through the ring. The extras of a step come before the step itself, so that they share a record.
#[derive(Clone, Copy, Debug)]
enum Item {
    Step {
        step: u64,
        values: [f64; 3],
    },
    /// Steps that were folded while the ring was full.
    Folded(Window<3>),
    Extra {
        step: u64,
        extra: Extra,
        value: f64,
    },
    /// Nothing more comes for the step of the extras so far.
    Close,
    /// All so far belongs to a checkpoint, which waits in a channel of its own.
    Checkpoint,
}

/// Samples between two polls: at 20 us a step a stalled disk has a third of a second.
const RING_ITEMS: usize = 1 << 14;
/// A picture is some 100 KB before it is packed, and one that waits is older than the next.
const PICTURES_WAITING: u64 = 4;
/// Bytes of pictures, at most, that wait to be written before training waits for the recorder: pictures of moments are not
/// left out because a machine is slow, or has something else to do.
const BYTES_WAITING: u64 = 64 << 20;
/// Between two looks at a thread that has something to finish.
const MOMENT: Duration = Duration::from_millis(1);
/// Evaluations and the like that wait for the ring to have room again; more are dropped and counted.
const EXTRAS_WAITING: usize = 4096;

/// Pictures that were handed over and are not written yet.
#[derive(Debug, Default)]
struct Waiting {
    pictures: AtomicU64,
    /// What they can come to.
    bytes: AtomicU64,
}

impl Waiting {
    fn add(&self, bytes: u64) {
        self.pictures.fetch_add(1, Ordering::AcqRel);
        self.bytes.fetch_add(bytes, Ordering::AcqRel);
    }

    fn remove(&self, bytes: u64) {
        self.pictures.fetch_sub(1, Ordering::AcqRel);
        self.bytes.fetch_sub(bytes, Ordering::AcqRel);
    }

    fn has_room(&self) -> bool {
        self.pictures.load(Ordering::Acquire) < PICTURES_WAITING
    }
}

/// What a recorder goes on from.
pub(crate) enum Origin {
    /// Nothing: the run is new.
    New,
    /// The beginning, of a run that has been there before: all that the log holds is void.
    Over,
    /// A checkpoint: what the log holds beyond it is void.
    Checkpoint(Box<Memory>),
}

/// How the recorder's thread is to end.
#[derive(Default)]
struct Ending {
    /// Once everything is written.
    soon: AtomicBool,
    /// Even if the disk takes nothing.
    now: AtomicBool,
}

/// The training thread's end.
pub(crate) struct Recorder {
    ring: Producer<Item>,
    pictures: Option<Sender<Picture>>,
    waiting: Arc<Waiting>,
    status: Arc<Status>,
    inbox: Arc<Inbox>,
    snapshots: Option<Sender<Snapshot>>,
    keeper: Option<Keeper>,
    ending: Arc<Ending>,
    thread: Option<JoinHandle<Result<Writer, RecorderError>>>,
    /// Looks at the machine until the run is over.
    machine: Option<Machine>,
    /// What found the ring full: steps folded into one sample, and their extras.
    late_steps: Option<Window<3>>,
    late_extras: Vec<(u64, Extra, f64)>,
}

/// The run directory cannot be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecorderError {
    #[error("cannot go on recording: {0}")]
    Log(#[from] LogError),
    #[error("cannot go on recording: {0}")]
    Run(#[from] RunError),
    #[error("cannot start a thread for the recorder: {0}")]
    Spawn(std::io::Error),
    #[error("cannot start a thread for checkpoints: {0}")]
    SpawnKeeper(std::io::Error),
    #[error("the recorder panicked; the last lines of trainer.log say where")]
    Panicked,
}

impl RecorderError {
    /// What the system said, where it said something.
    fn source(&self) -> Option<&std::io::Error> {
        match self {
            Self::Log(LogError::Io { source, .. }) | Self::Run(RunError::Io { source, .. }) => Some(source),
            _ => None,
        }
    }
}

impl Recorder {
    /// Starts recording to `directory`. `meta` is what `run.json` says so far; from here on the recorder alone writes it.
    ///
    /// Should the directory become unwritable, the recorder sends a stop to `inbox`, and [`Self::finish`] says why. A disk
    /// that is full holds training instead.
    pub(crate) fn start(
        directory: &RunDir,
        meta: RunMeta,
        status: Arc<Status>,
        inbox: Arc<Inbox>,
        origin: Origin,
    ) -> Result<Self, RecorderError> {
        let (ring, samples) = RingBuffer::new(RING_ITEMS);
        let (pictures, album) = channel();
        let waiting = Arc::new(Waiting::default());
        let (snapshots, kept) = channel();
        let ending = Arc::new(Ending::default());
        let disk = Disk::new(directory.root(), Arc::clone(&inbox), Arc::clone(&status));
        let keeper = Keeper::start(directory.clone(), Arc::clone(&status), disk.clone());
        let keeper = keeper.map_err(RecorderError::SpawnKeeper)?;
        let (machine, readings) = Machine::start(directory.root().to_owned(), Arc::clone(&status));
        let sources = Sources { samples, album, waiting: Arc::clone(&waiting), readings, snapshots: kept };
        let (to, shared) = (keeper.counter(), Arc::clone(&status));
        let mut writer = Writer::create(directory.clone(), meta, shared, sources, (disk, to), origin)?;
        let (stop, order) = (Arc::clone(&ending), Arc::clone(&inbox));
        let thread = std::thread::Builder::new()
            .name("recorder".into())
            .spawn(move || match writer.run(&stop) {
                Ok(()) => Ok(writer),
                Err(error) => {
                    // A stop is always taken in; without a trainer to take it, there is nothing to stop.
                    let _taken = order.send(Order::Stop { signal: None });
                    Err(error)
                }
            })
            .map_err(RecorderError::Spawn)?;
        Ok(Self {
            ring,
            pictures: Some(pictures),
            waiting,
            status,
            inbox,
            snapshots: Some(snapshots),
            keeper: Some(keeper),
            ending,
            thread: Some(thread),
            machine,
            late_steps: None,
            late_extras: Vec::new(),
        })
    }

    /// Records a step, `values` as [`STEP_TAGS`] has them, and what else was measured after it.
    pub(crate) fn step(&mut self, step: u64, values: [f64; 3], extras: &[(Extra, f64)]) {
        if !self.catch_up() || !self.has_room(extras.len() + 1) {
            self.fold(step, values);
            self.keep_late(step, extras);
            return;
        }
        self.push_extras(step, extras);
        if let Err(PushError::Full(_)) = self.ring.push(Item::Step { step, values }) {
            self.fold(step, values);
        }
    }

    /// Records what was measured after `step` steps, beside any step.
    pub(crate) fn extras(&mut self, step: u64, extras: &[(Extra, f64)]) {
        if !self.catch_up() || !self.has_room(extras.len() + 1) {
            self.keep_late(step, extras);
            return;
        }
        self.push_extras(step, extras);
        let _room_was_checked = self.ring.push(Item::Close);
    }

    /// Hands over a picture that is taken between moments, and says whether it was taken; it is not while others wait to be written.
    pub(crate) fn picture(&mut self, picture: Picture) -> bool {
        self.waiting.has_room() && self.hand_over(picture.between())
    }

    /// Hands over a picture that is taken between moments, and waits until most of those before it are written: at the end, and while training rests.
    pub(crate) fn picture_at_rest(&mut self, picture: Picture) -> bool {
        self.nudge();
        self.wait_until(Waiting::has_room) && self.hand_over(picture.between())
    }

    /// Hands over a picture of a moment, which is never left out: whether a log holds it must not depend on how fast the
    /// recorder is. Only where megabytes wait does this wait for it. False if there is no recorder any more.
    pub(crate) fn picture_of_moment(&mut self, picture: Picture) -> bool {
        self.wait_until(|waiting| waiting.bytes.load(Ordering::Acquire) < BYTES_WAITING) && self.hand_over(picture)
    }

    /// Waits until that is so of the pictures that wait; false if the recorder has ended.
    fn wait_until(&self, is_so: impl Fn(&Waiting) -> bool) -> bool {
        while !is_so(&self.waiting) {
            if self.is_dead() {
                return false;
            }
            self.nudge();
            std::thread::sleep(MOMENT);
        }
        true
    }

    /// Counts the bytes of a picture from now on, before anybody knows how many they are.
    fn hand_over(&self, picture: Picture) -> bool {
        let Some(pictures) = &self.pictures else { return false };
        let most = picture.most_bytes();
        self.status.add_picture_bytes(most);
        self.waiting.add(most);
        let taken = pictures.send(picture).is_ok();
        if !taken {
            self.waiting.remove(most);
            self.status.return_picture_bytes(most);
        }
        taken
    }

    /// Whether a checkpoint can be handed over without waiting for anybody.
    pub(crate) fn can_keep(&mut self) -> bool {
        self.keeper.as_ref().is_some_and(Keeper::is_idle) && self.catch_up() && self.ring.slots() > 0
    }

    /// Hands a checkpoint over, to be written once all that was recorded before has been. Waits for room in the ring, which
    /// there is after [`Self::can_keep`].
    pub(crate) fn checkpoint(&mut self, snapshot: Snapshot) {
        while !(self.catch_up() && self.ring.slots() > 0) {
            if self.is_dead() {
                return;
            }
            self.nudge();
            std::thread::sleep(MOMENT);
        }
        // First into the channel: whoever meets the item finds it there.
        let sent = self.snapshots.as_ref().is_some_and(|snapshots| snapshots.send(snapshot).is_ok());
        if let Some(keeper) = self.keeper.as_ref().filter(|_| sent) {
            keeper.expect();
            let _room_was_checked = self.ring.push(Item::Checkpoint);
        }
    }

    /// The recorder's thread has ended, and takes nothing any more.
    fn is_dead(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Makes the recorder look at the status now, after a change that people wait to see.
    pub(crate) fn nudge(&self) {
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }

    /// Writes everything out, `run.json` with the outcome last.
    ///
    /// A run that has finished waits for a disk that is full, until it is told to stop. Others have been told already.
    pub(crate) fn finish(mut self, outcome: &Outcome) -> Result<(), RecorderError> {
        let mut is_patient = matches!(outcome, Outcome::Finished { .. });
        // A full ring empties within a poll; a dead recorder never empties it.
        while !self.catch_up() && !self.is_dead() {
            self.nudge();
            std::thread::sleep(MOMENT);
        }
        // Checkpoints first, while the recorder still says in `run.json` how they go.
        while !self.is_dead() && !self.keeper.as_ref().is_none_or(Keeper::is_idle) {
            self.wait_at_the_end(&mut is_patient);
            if !is_patient && self.status.notes().trouble.is_some() {
                break;
            }
        }
        (self.pictures, self.machine) = (None, None);
        self.ending.soon.store(true, Ordering::Release);
        while !self.is_dead() {
            self.ending.now.store(!is_patient, Ordering::Release);
            self.wait_at_the_end(&mut is_patient);
        }
        self.keeper = None;
        let Some(thread) = self.thread.take() else { return Ok(()) };
        let writer = thread.join().map_err(|_| RecorderError::Panicked)??;
        writer.conclude(outcome)
    }

    /// Waits a moment; a stop that has arrived is the end of patience.
    fn wait_at_the_end(&self, is_patient: &mut bool) {
        while let Some(order) = self.inbox.next() {
            *is_patient &= !matches!(order, Order::Stop { .. });
        }
        self.nudge();
        std::thread::sleep(MOMENT);
    }

    fn has_room(&mut self, items: usize) -> bool {
        items == 1 || self.ring.slots() >= items
    }

    fn push_extras(&mut self, step: u64, extras: &[(Extra, f64)]) {
        for &(extra, value) in extras {
            let _room_was_checked = self.ring.push(Item::Extra { step, extra, value });
        }
    }

    /// Sends what is late, if there is room now; false while something still waits.
    fn catch_up(&mut self) -> bool {
        if self.late_steps.is_none() && self.late_extras.is_empty() {
            return true;
        }
        if self.ring.slots() < self.late_extras.len() + 2 {
            return false;
        }
        for (step, extra, value) in self.late_extras.drain(..) {
            let _room_was_checked = self.ring.push(Item::Extra { step, extra, value });
        }
        let last = self.late_steps.take().map_or(Item::Close, Item::Folded);
        self.ring.push(last).is_ok()
    }

    fn fold(&mut self, step: u64, values: [f64; 3]) {
        let sample = Window::of_step(step, values);
        match &mut self.late_steps {
            Some(window) => {
                if self.status.merged() == 0 {
                    tracing::warn!(step, "the recorder does not keep up; samples are merged until it does");
                }
                window.fold(&sample);
                self.status.add_merged();
            }
            none => *none = Some(sample),
        }
    }

    fn keep_late(&mut self, step: u64, extras: &[(Extra, f64)]) {
        for &(extra, value) in extras {
            if self.late_extras.len() < EXTRAS_WAITING {
                self.late_extras.push((step, extra, value));
            } else {
                self.status.add_merged();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rtrb::Consumer;
    use torchscope::run::State;

    use super::*;
    use crate::status::Live;

    /// A recorder whose thread never looks at its ring of `items`.
    fn stalled(items: usize) -> (Recorder, Consumer<Item>) {
        let (ring, samples) = RingBuffer::new(items);
        let live = Live { state: State::Running, lr: 0.1, pace: None, watchers: 0 };
        let recorder = Recorder {
            ring,
            pictures: None,
            waiting: Arc::default(),
            status: Arc::new(Status::new(live)),
            inbox: Arc::default(),
            snapshots: None,
            keeper: None,
            ending: Arc::default(),
            thread: None,
            machine: None,
            late_steps: None,
            late_extras: Vec::new(),
        };
        (recorder, samples)
    }

    fn drain(samples: &mut Consumer<Item>) -> Vec<Item> {
        std::iter::from_fn(|| samples.pop().ok()).collect()
    }

    #[test]
    fn extras_come_before_their_step() {
        let (mut recorder, mut samples) = stalled(8);
        recorder.step(16, [1.0, 2.0, 3.0], &[(Extra::GradNorm, 4.0)]);
        recorder.extras(17, &[(Extra::LossEval, 5.0)]);
        assert!(matches!(
            drain(&mut samples)[..],
            [
                Item::Extra { step: 16, extra: Extra::GradNorm, .. },
                Item::Step { step: 16, .. },
                Item::Extra { step: 17, extra: Extra::LossEval, .. },
                Item::Close,
            ]
        ));
    }

    #[test]
    fn a_full_ring_folds_steps_and_loses_no_extreme() {
        let (mut recorder, mut samples) = stalled(4);
        for step in 1..=10_u16 {
            recorder.step(step.into(), [f64::from(step), 0.5, 1.0], &[]);
        }
        // An evaluation finds no room either.
        recorder.step(11, [100.0, 0.5, 1.0], &[(Extra::LossEval, 7.0)]);
        assert_eq!(drain(&mut samples).len(), 4);
        // Steps 5 to 11 became one sample: six of them were merged into it.
        assert_eq!(recorder.status.merged(), 6);

        recorder.step(12, [0.0, 0.5, 1.0], &[]);
        let late = drain(&mut samples);
        assert!(matches!(late[0], Item::Extra { step: 11, extra: Extra::LossEval, .. }));
        let Item::Folded(window) = late[1] else { panic!("{late:?}") };
        assert_eq!((window.first, window.last, window.count), (5, 11, 7));
        assert_eq!((window.min[0], window.max[0]), (5.0, 100.0));
        assert!((window.mean[0] - (5.0 + 6.0 + 7.0 + 8.0 + 9.0 + 10.0 + 100.0) / 7.0).abs() < 1e-12);
        assert!(matches!(late[2], Item::Step { step: 12, .. }));
    }

    #[test]
    fn extras_that_wait_are_bounded_and_counted() {
        let (mut recorder, _samples) = stalled(2);
        for step in 0..EXTRAS_WAITING as u64 + 12 {
            recorder.extras(step, &[(Extra::LossEval, 1.0)]);
        }
        assert_eq!(recorder.late_extras.len(), EXTRAS_WAITING);
        assert!(recorder.status.merged() > 0);
    }

    #[test]
    fn a_part_that_cannot_be_written_is_left_out_and_said_once() {
        use ndarray::Array2;
        use torchscope::log::{Data, Grid, LogReader};
        use torchscope::recipe::Recipe;

        let home = tempfile::tempdir().unwrap();
        let run = RunDir::create(home.path(), &Recipe::load("moons", &[]).unwrap()).unwrap();
        let live = Live { state: State::Running, lr: 0.1, pace: None, watchers: 0 };
        let (status, inbox) = (Arc::new(Status::new(live)), Arc::default());
        let mut recorder = Recorder::start(&run, run.meta().unwrap(), status, inbox, Origin::New).unwrap();
        for step in 0..3 {
            let extent = Some([f64::NEG_INFINITY, f64::INFINITY, 0.0, 1.0]);
            let grid = Content::Grid(Grid::new(Array2::zeros([2, 2]), None, extent));
            let parts = vec![Part::new("landscape/path", grid), Part::new("norm/x", Content::Scalar(0.5))];
            assert!(recorder.picture_at_rest(Picture { step, parts }));
        }
        recorder.finish(&Outcome::Finished { remark: None }).unwrap();
        let records = LogReader::open(run.path()).unwrap().poll(usize::MAX).unwrap().records;
        let values: Vec<_> = records.into_iter().flat_map(|record| record.values).collect();
        assert_eq!(values.iter().filter(|value| value.data == Data::Scalar(0.5)).count(), 3);
        let alarms: Vec<_> = values.iter().filter(|value| &*value.tag == tags::ALARM).collect();
        let [Data::Document(document)] = alarms.iter().map(|alarm| &alarm.data).collect::<Vec<_>>()[..] else {
            panic!("{alarms:?}")
        };
        let expected = "`landscape/path` is missing at step 0: the grid cannot be written as a picture: it reaches from \
                        -inf to inf and from 0e0 to 1e0, which is not finite";
        let text = &document.text;
        assert!(text.contains(expected) && text.contains("\"skipped\""), "{text}");
    }
}
