//! The recorder's thread: takes samples and pictures in, writes the event log and `run.json`.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;
use rtrb::Consumer;
use torchscope::log::{EventWriter, Record, Tag, Value, Window, Windows, tags};
use torchscope::run::{Best, RunDir, RunMeta};

use super::{Extra, Item, Part, Picture, RecorderError, STEP_TAGS};
use crate::outcome::Outcome;
use crate::status::{Live, Status};

/// How often the ring is looked at and the log flushed; viewers may count on 50 ms.
const POLL: Duration = Duration::from_millis(25);
/// How often shares of time are recorded and progress is written to `run.json`.
const PROGRESS: Duration = Duration::from_secs(1);

/// Names of the per-step series, interned once.
struct StepTags {
    mean: [Tag; 3],
    min: [Tag; 3],
    max: [Tag; 3],
}

pub(super) struct Writer {
    directory: RunDir,
    meta: RunMeta,
    status: Arc<Status>,
    samples: Consumer<Item>,
    album: Receiver<Picture>,
    log: EventWriter,
    windows: Windows<3>,
    tags: StepTags,
    /// Extras that wait for the step they belong to.
    open: Vec<(u64, Extra, f64)>,
    /// Pictures that wait for the samples of their step.
    pictures: VecDeque<Picture>,
    /// Steps seen.
    step: u64,
    /// Of the per-step series: the latest values, and the lowest loss with its step. They are copied to `meta` when it
    /// is written, not ten thousand times a second.
    latest: Option<[f64; 3]>,
    best_loss: Option<Best>,
    /// What `run.json` says of the status, and since when.
    written: Option<(Live, u64, Instant)>,
    /// When shares of time were last recorded, and at which step.
    shares: (Instant, u64),
}

impl Writer {
    pub(super) fn create(
        directory: RunDir,
        meta: RunMeta,
        status: Arc<Status>,
        samples: Consumer<Item>,
        album: Receiver<Picture>,
    ) -> Result<Self, RecorderError> {
        let log = EventWriter::create(directory.path())?;
        let named = |suffix: &str| STEP_TAGS.map(|tag| Tag::from(format!("{tag}{suffix}")));
        let tags = StepTags { mean: named(""), min: named(tags::MIN_SUFFIX), max: named(tags::MAX_SUFFIX) };
        let mut writer = Self {
            directory,
            meta,
            status,
            samples,
            album,
            log,
            windows: Windows::new(),
            tags,
            open: Vec::new(),
            pictures: VecDeque::new(),
            step: 0,
            latest: None,
            best_loss: None,
            written: None,
            shares: (Instant::now(), 0),
        };
        writer.write_meta_if_due(Instant::now())?;
        Ok(writer)
    }

    /// Records until `ending` is set, and then what had been handed over before it was.
    pub(super) fn run(&mut self, ending: &AtomicBool) -> Result<(), RecorderError> {
        loop {
            // Read first: what was pushed before it was set is then in the ring.
            let last = ending.load(Ordering::Acquire);
            let began = Instant::now();
            self.take_in(last)?;
            self.record_shares(began, last)?;
            self.log.flush()?;
            self.write_meta_if_due(began)?;
            self.status.add_recording(began.elapsed());
            if last {
                return Ok(());
            }
            std::thread::park_timeout(POLL);
        }
    }

    /// Says in `run.json` how the run ended. The log is complete by then.
    pub(super) fn conclude(mut self, outcome: &Outcome) -> Result<(), RecorderError> {
        self.update_meta();
        self.meta.state = outcome.state();
        self.meta.outcome = outcome.message().map(str::to_owned);
        self.meta.finished = Some(Timestamp::now());
        self.meta.socket = None;
        Ok(self.directory.write_meta(&self.meta)?)
    }

    /// Empties channel and ring. A picture is written after the samples of its step and before those of the next.
    fn take_in(&mut self, last: bool) -> Result<(), RecorderError> {
        // Pictures first: the samples of all that are here are then in the ring.
        self.pictures.extend(self.album.try_iter());
        while let Ok(item) = self.samples.pop() {
            let step = match item {
                Item::Step { step, .. } | Item::Extra { step, .. } => step,
                Item::Folded(window) => window.first,
                Item::Close => self.step,
            };
            self.write_pictures(step)?;
            match item {
                Item::Extra { step, extra, value } => self.open.push((step, extra, value)),
                Item::Close => self.close(None, self.step)?,
                Item::Step { step, values } => {
                    let window = self.windows.push(step, values);
                    self.close(window, step)?;
                }
                Item::Folded(window) => {
                    let (closed, step) = (self.windows.push_folded(window), window.last);
                    self.close(closed, step)?;
                }
            }
        }
        if last {
            let window = self.windows.flush();
            self.close(window, self.step)?;
        }
        self.write_pictures(u64::MAX)
    }

    /// Writes the extras collected so far and `window`, one record a step.
    fn close(&mut self, window: Option<Window<3>>, step: u64) -> Result<(), RecorderError> {
        self.step = self.step.max(step);
        let mut values = Vec::new();
        let mut at = None;
        for (step, extra, value) in std::mem::take(&mut self.open) {
            if at.is_some_and(|at| at != step) {
                self.append(at.unwrap_or_default(), std::mem::take(&mut values))?;
            }
            at = Some(step);
            self.step = self.step.max(step);
            self.note(extra, value, step);
            values.push(Value::scalar(extra.tag(), value));
        }
        let Some(window) = window else {
            return self.append(at.unwrap_or_default(), values);
        };
        if at.is_some_and(|at| at != window.last) {
            self.append(at.unwrap_or_default(), std::mem::take(&mut values))?;
        }
        self.latest = Some(window.mean);
        if self.best_loss.is_none_or(|best| window.min[0] < best.value) && window.min[0].is_finite() {
            self.best_loss = Some(Best { value: window.min[0], step: window.last });
        }
        let extremes = [(&self.tags.mean, window.mean), (&self.tags.min, window.min), (&self.tags.max, window.max)];
        // The extremes of a single step are the step.
        for (tags, numbers) in extremes.iter().take(if window.count > 1 { 3 } else { 1 }) {
            values.extend(tags.iter().zip(numbers).map(|(tag, number)| Value::scalar(Arc::clone(tag), *number)));
        }
        self.append(window.last, values)
    }

    /// Keeps the last and the best value of a series for `run.json`.
    fn note(&mut self, extra: Extra, value: f64, step: u64) {
        self.meta.last.insert(extra.tag().to_owned(), value);
        let is_better = match extra {
            Extra::LossEval => |new: f64, old: f64| new < old,
            Extra::AccuracyEval => |new: f64, old: f64| new > old,
            Extra::GradNorm | Extra::ProbeShare | Extra::RecordShare => return,
        };
        let best = self.meta.best.get(extra.tag());
        if value.is_finite() && best.is_none_or(|best| is_better(value, best.value)) {
            self.meta.best.insert(extra.tag().to_owned(), Best { value, step });
        }
    }

    fn append(&mut self, step: u64, values: Vec<Value>) -> Result<(), RecorderError> {
        if !values.is_empty() {
            self.log.append(&Record { step: step as i64, wall_time: wall_time(), values })?;
        }
        Ok(())
    }

    /// Writes the waiting pictures of steps before `step`.
    fn write_pictures(&mut self, step: u64) -> Result<(), RecorderError> {
        while self.pictures.front().is_some_and(|picture| picture.step < step) {
            let Some(picture) = self.pictures.pop_front() else { break };
            let most = picture.most_bytes();
            let values = picture.parts.into_iter().map(Part::encode).collect::<Result<_, _>>()?;
            let record = Record { step: picture.step as i64, wall_time: wall_time(), values };
            let bytes = self.log.append(&record)?;
            self.status.add_picture_bytes(bytes as u64);
            self.status.return_picture_bytes(most);
        }
        Ok(())
    }

    /// Records what share of the run's time went into looking at it, about once a second and at the end.
    fn record_shares(&mut self, now: Instant, last: bool) -> Result<(), RecorderError> {
        let (recorded, at) = self.shares;
        if self.step == at || !(last || now.duration_since(recorded) >= PROGRESS) {
            return Ok(());
        }
        self.shares = (now, self.step);
        let active = self.status.active(now).as_secs_f64().max(1e-9);
        let share = |time: Duration| (time.as_secs_f64() / active).min(1.0);
        let (probing, recording) = (share(self.status.probing()), share(self.status.recording()));
        self.open.push((self.step, Extra::ProbeShare, probing));
        self.open.push((self.step, Extra::RecordShare, recording));
        self.close(None, self.step)
    }

    /// Writes `run.json` when the status has changed, and every second while steps are taken.
    fn write_meta_if_due(&mut self, now: Instant) -> Result<(), RecorderError> {
        let live = self.status.live().clone();
        let steps = self.status.steps();
        if let Some((written, at_steps, at)) = &self.written
            && *written == live
            && (*at_steps == steps || now.duration_since(*at) < PROGRESS)
        {
            return Ok(());
        }
        self.update_meta();
        self.directory.write_meta(&self.meta)?;
        self.written = Some((live, steps, now));
        Ok(())
    }

    fn update_meta(&mut self) {
        self.status.update(&mut self.meta);
        if let Some(latest) = self.latest {
            self.meta.last.extend(STEP_TAGS.map(str::to_owned).into_iter().zip(latest));
        }
        if let Some(best) = self.best_loss {
            self.meta.best.insert(tags::LOSS_TRAIN.to_owned(), best);
        }
        self.meta.updated = Timestamp::now();
    }
}

/// Seconds since 1970.
fn wall_time() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}
