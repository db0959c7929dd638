//! What the training thread, the recorder and the control server tell each other about the run.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use torchscope::run::{Milestone, Plane, RunMeta, State, Trouble};

use crate::checkpoint::Spent;
use crate::clock::{Clock, SystemClock};

/// What changes seldom, and is written to `run.json` when it does.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Live {
    pub(crate) state: State,
    /// What the schedule's factor is taken of; [`Status::lr`] is what comes of that.
    pub(crate) lr: f64,
    /// Epochs a second while watched; none for as fast as it goes.
    pub(crate) pace: Option<f64>,
    /// Connections that asked to watch and are open.
    pub(crate) watchers: u32,
}

/// What else is written to `run.json` when it changes: of the disk.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Notes {
    /// The newest checkpoint.
    pub(crate) checkpoint: Option<Milestone>,
    /// Why training waits for the disk, while it does.
    pub(crate) trouble: Option<Trouble>,
}

/// Shared by several threads. Counters are statistics: nothing else is synchronised by them.
pub(crate) struct Status {
    clock: Arc<dyn Clock>,
    started: Instant,
    live: Mutex<Live>,
    notes: Mutex<Notes>,
    complaint: Mutex<Option<String>>,
    /// How long the run had been going when this trainer went on with it.
    earlier: AtomicU64,
    steps: AtomicU64,
    /// Bits of the learning rate of the next step.
    lr: AtomicU64,
    /// 0 until it is known.
    steps_per_epoch: AtomicU64,
    /// What there is to look at the network with; 0 until it is known.
    probes: AtomicU64,
    /// Whether too little is kept of the path to say where it is widest.
    only_random: AtomicBool,
    paused: AtomicU64,
    probing: AtomicU64,
    evaluating: AtomicU64,
    recording: AtomicU64,
    picture_bytes: AtomicU64,
    merged: AtomicU64,
}

impl Status {
    /// Of a run that starts now.
    pub(crate) fn new(live: Live) -> Self {
        Self::with_clock(live, Arc::new(SystemClock))
    }

    /// [`Self::new`] with the time that `clock` says.
    pub(crate) fn with_clock(live: Live, clock: Arc<dyn Clock>) -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            started: clock.now(),
            clock,
            lr: AtomicU64::new(live.lr.to_bits()),
            live: Mutex::new(live),
            notes: Mutex::default(),
            complaint: Mutex::default(),
            earlier: zero(),
            steps: zero(),
            steps_per_epoch: zero(),
            probes: zero(),
            only_random: AtomicBool::new(false),
            paused: zero(),
            probing: zero(),
            evaluating: zero(),
            recording: zero(),
            picture_bytes: zero(),
            merged: zero(),
        }
    }

    /// The present moment.
    pub(crate) fn now(&self) -> Instant {
        self.clock.now()
    }

    pub(crate) fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn notes(&self) -> Notes {
        self.lock_notes().clone()
    }

    pub(crate) fn set_checkpoint(&self, checkpoint: Milestone) {
        self.lock_notes().checkpoint = Some(checkpoint);
    }

    pub(crate) fn set_trouble(&self, trouble: Option<Trouble>) {
        self.lock_notes().trouble = trouble;
    }

    /// Keeps the words of an alarm for the training thread, which raises it.
    pub(crate) fn set_complaint(&self, complaint: String) {
        *self.complaint.lock().unwrap_or_else(PoisonError::into_inner) = Some(complaint);
    }

    pub(crate) fn take_complaint(&self) -> Option<String> {
        self.complaint.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn lock_notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What has been used up, for a checkpoint.
    pub(crate) fn spent(&self, now: Instant) -> Spent {
        Spent {
            active: self.active(now),
            probing: self.probing(),
            evaluating: self.evaluating(),
            recording: self.recording(),
            picture_bytes: self.picture_bytes(),
            merged: self.merged(),
        }
    }

    /// Goes on where a checkpoint says that the run was.
    pub(crate) fn go_on_from(&self, spent: Spent) {
        add(&self.earlier, spent.active);
        add(&self.probing, spent.probing);
        add(&self.evaluating, spent.evaluating);
        add(&self.recording, spent.recording);
        self.add_picture_bytes(spent.picture_bytes);
        self.merged.fetch_add(spent.merged, Ordering::Relaxed);
    }

    /// Steps taken.
    pub(crate) fn steps(&self) -> u64 {
        self.steps.load(Ordering::Relaxed)
    }

    pub(crate) fn set_steps(&self, steps: u64) {
        self.steps.store(steps, Ordering::Relaxed);
    }

    /// The learning rate of the next step.
    pub(crate) fn lr(&self) -> f64 {
        f64::from_bits(self.lr.load(Ordering::Relaxed))
    }

    pub(crate) fn set_lr(&self, lr: f64) {
        self.lr.store(lr.to_bits(), Ordering::Relaxed);
    }

    pub(crate) fn set_steps_per_epoch(&self, steps: u64) {
        self.steps_per_epoch.store(steps, Ordering::Relaxed);
    }

    pub(crate) fn set_probes(&self, probes: usize) {
        self.probes.store(probes as u64, Ordering::Relaxed);
    }

    /// The place of a probe that somebody asks for, or why there is none.
    pub(crate) fn find_probe(&self, probe: u32) -> Result<usize, String> {
        let probes = self.probes.load(Ordering::Relaxed);
        let is_starting = self.live().state == State::Starting;
        match probes {
            _ if u64::from(probe) < probes => Ok(probe as usize),
            0 if is_starting => Err("it is still starting; try again in a moment".to_owned()),
            0 => Err("its network is looked at with no probes: inputs are no pictures".to_owned()),
            probes => Err(format!("`probe` must be below {probes}, the number of its probes, not {probe}")),
        }
    }

    /// Notes that [`Plane::Random`] is the only plane there will be.
    pub(crate) fn offer_only_random(&self) {
        self.only_random.store(true, Ordering::Relaxed);
    }

    /// `plane` if it can be computed while training goes on, or why it cannot.
    pub(crate) fn find_plane(&self, plane: Plane) -> Result<Plane, &'static str> {
        match plane {
            Plane::Whole => Err(
                "the plane `whole` is that of the finished path, and comes when the run ends; `path` is the one so far",
            ),
            Plane::Path if self.only_random.load(Ordering::Relaxed) => {
                Err("the network is too large to keep its path; `random` is the only plane there is")
            }
            plane => Ok(plane),
        }
    }

    /// What [`torchscope::run::Reply`] shows of the run; the rest is left open.
    pub(crate) fn meta(&self) -> RunMeta {
        let mut meta = RunMeta::default();
        self.update(&mut meta);
        meta
    }

    /// Brings `meta` up to date.
    pub(crate) fn update(&self, meta: &mut RunMeta) {
        let live = self.live().clone();
        let notes = self.notes();
        // Whoever waits for the disk takes no steps, even if nobody has paused.
        let is_held = notes.trouble.is_some() && live.state == State::Running;
        meta.state = if is_held { State::Paused } else { live.state };
        meta.checkpoint = notes.checkpoint;
        meta.trouble = notes.trouble;
        meta.lr = self.lr();
        meta.pace = live.pace;
        meta.watchers = live.watchers;
        meta.step = self.steps();
        meta.steps_per_epoch = self.steps_per_epoch.load(Ordering::Relaxed);
        meta.epoch = meta.step.checked_div(meta.steps_per_epoch).unwrap_or(0);
        meta.merged = self.merged();
    }

    /// How long the run had been going at `now`, without its pauses.
    pub(crate) fn active(&self, now: Instant) -> Duration {
        let here = now.saturating_duration_since(self.started).saturating_sub(nanoseconds(&self.paused));
        nanoseconds(&self.earlier) + here
    }

    pub(crate) fn add_paused(&self, time: Duration) {
        add(&self.paused, time);
    }

    /// Time that the training thread spent on looking at the network instead of training it.
    pub(crate) fn probing(&self) -> Duration {
        nanoseconds(&self.probing)
    }

    pub(crate) fn add_probing(&self, time: Duration) {
        add(&self.probing, time);
    }

    /// Time that the training thread spent on evaluations, their peaks and confusion included.
    pub(crate) fn evaluating(&self) -> Duration {
        nanoseconds(&self.evaluating)
    }

    pub(crate) fn add_evaluating(&self, time: Duration) {
        add(&self.evaluating, time);
    }

    /// Time that the recorder's thread was busy.
    pub(crate) fn recording(&self) -> Duration {
        nanoseconds(&self.recording)
    }

    pub(crate) fn add_recording(&self, time: Duration) {
        add(&self.recording, time);
    }

    /// Bytes of the log that are pictures, those that wait to be written counted as more than they can come to.
    pub(crate) fn picture_bytes(&self) -> u64 {
        self.picture_bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn add_picture_bytes(&self, bytes: u64) {
        self.picture_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Takes back what was added.
    pub(crate) fn return_picture_bytes(&self, bytes: u64) {
        self.picture_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Samples that were folded together because the recorder did not keep up.
    pub(crate) fn merged(&self) -> u64 {
        self.merged.load(Ordering::Relaxed)
    }

    pub(crate) fn add_merged(&self) {
        self.merged.fetch_add(1, Ordering::Relaxed);
    }
}

fn nanoseconds(counter: &AtomicU64) -> Duration {
    Duration::from_nanos(counter.load(Ordering::Relaxed))
}

fn add(counter: &AtomicU64, time: Duration) {
    counter.fetch_add(time.as_nanos() as u64, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plane_is_refused_before_there_is_one() {
        let status = Status::new(Live { state: State::Running, lr: 0.1, pace: None, watchers: 0 });
        assert_eq!(status.find_plane(Plane::Path), Ok(Plane::Path));
        assert_eq!(status.find_plane(Plane::Random), Ok(Plane::Random));
        assert!(status.find_plane(Plane::Whole).unwrap_err().contains("when the run ends"));
        status.offer_only_random();
        assert!(status.find_plane(Plane::Path).unwrap_err().contains("`random`"));
        assert_eq!(status.find_plane(Plane::Random), Ok(Plane::Random));
    }
}
