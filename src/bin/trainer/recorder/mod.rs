//! From the training thread to the run directory: samples through a ring, pictures through a small channel, both
//! written by a thread of its own.
//!
//! The training thread never waits here. The recorder polls instead of being woken: a wake-up costs more than a step.

mod picture;
mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use rtrb::{Producer, PushError, RingBuffer};
use torchscope::log::{LogError, Window, tags};
use torchscope::run::{RunDir, RunError, RunMeta};

use crate::inbox::{Inbox, Order};
use crate::outcome::Outcome;
use crate::status::Status;
pub(crate) use picture::{Content, Part, Picture};
use writer::Writer;

/// What every step records, in this order: loss of the batch, learning rate, milliseconds.
pub(crate) const STEP_TAGS: [&str; 3] = [tags::LOSS_TRAIN, tags::LR, tags::STEP_MS];

/// A number that only some steps have. An integer here and a name in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extra {
    LossEval,
    AccuracyEval,
    GradNorm,
    ProbeShare,
    RecordShare,
}

impl Extra {
    pub(crate) fn tag(self) -> &'static str {
        match self {
            Self::LossEval => tags::LOSS_EVAL,
            Self::AccuracyEval => tags::ACCURACY_EVAL,
            Self::GradNorm => tags::GRAD_NORM,
            Self::ProbeShare => tags::PROBE_SHARE,
            Self::RecordShare => tags::RECORD_SHARE,
        }
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
}

/// Samples between two polls: at 20 us a step a stalled disk has a third of a second.
const RING_ITEMS: usize = 1 << 14;
/// A picture is some 100 KB before it is packed, and one that waits is older than the next.
const PICTURES_WAITING: usize = 4;
/// Evaluations and the like that wait for the ring to have room again; more are dropped and counted.
const EXTRAS_WAITING: usize = 4096;

/// The training thread's end.
pub(crate) struct Recorder {
    ring: Producer<Item>,
    pictures: Option<SyncSender<Picture>>,
    status: Arc<Status>,
    ending: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<Writer, RecorderError>>>,
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
    #[error("the recorder panicked; the last lines of trainer.log say where")]
    Panicked,
}

impl Recorder {
    /// Starts recording to `directory`. `meta` is what `run.json` says so far; from here on the recorder alone writes it.
    ///
    /// Should the directory become unwritable, the recorder sends a stop to `inbox`, and [`Self::finish`] says why.
    pub(crate) fn start(
        directory: &RunDir,
        meta: RunMeta,
        status: Arc<Status>,
        inbox: Arc<Inbox>,
    ) -> Result<Self, RecorderError> {
        let (ring, samples) = RingBuffer::new(RING_ITEMS);
        let (pictures, album) = sync_channel(PICTURES_WAITING);
        let ending = Arc::new(AtomicBool::new(false));
        let mut writer = Writer::create(directory.clone(), meta, Arc::clone(&status), samples, album)?;
        let stop = Arc::clone(&ending);
        let thread = std::thread::Builder::new()
            .name("recorder".into())
            .spawn(move || match writer.run(&stop) {
                Ok(()) => Ok(writer),
                Err(error) => {
                    // A stop is always taken in; without a trainer to take it, there is nothing to stop.
                    let _taken = inbox.send(Order::Stop { signal: None });
                    Err(error)
                }
            })
            .map_err(RecorderError::Spawn)?;
        Ok(Self {
            ring,
            pictures: Some(pictures),
            status,
            ending,
            thread: Some(thread),
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

    /// Hands a picture over and says whether it was taken; it is not while others wait to be written.
    pub(crate) fn picture(&mut self, picture: Picture) -> bool {
        self.hand_over(picture, |pictures, picture| pictures.try_send(picture).is_ok())
    }

    /// Hands a picture over and waits until those before it are written: at the end, and while training rests.
    pub(crate) fn picture_at_rest(&mut self, picture: Picture) -> bool {
        self.nudge();
        self.hand_over(picture, |pictures, picture| pictures.send(picture).is_ok())
    }

    /// Counts the bytes of a picture from now on, before anybody knows how many they are.
    fn hand_over(&self, picture: Picture, send: impl FnOnce(&SyncSender<Picture>, Picture) -> bool) -> bool {
        let Some(pictures) = &self.pictures else { return false };
        let most = picture.most_bytes();
        self.status.add_picture_bytes(most);
        let taken = send(pictures, picture);
        if !taken {
            self.status.return_picture_bytes(most);
        }
        taken
    }

    /// Makes the recorder look at the status now, after a change that people wait to see.
    pub(crate) fn nudge(&self) {
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }

    /// Writes everything out, `run.json` with the outcome last.
    pub(crate) fn finish(mut self, outcome: &Outcome) -> Result<(), RecorderError> {
        // A full ring empties within a poll; a dead recorder never empties it.
        while !self.catch_up() && self.thread.as_ref().is_some_and(|thread| !thread.is_finished()) {
            self.nudge();
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        self.pictures = None;
        self.ending.store(true, Ordering::Release);
        self.nudge();
        let Some(thread) = self.thread.take() else { return Ok(()) };
        let writer = thread.join().map_err(|_| RecorderError::Panicked)??;
        writer.conclude(outcome)
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
            status: Arc::new(Status::new(live)),
            ending: Arc::default(),
            thread: None,
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
}
