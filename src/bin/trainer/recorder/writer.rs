//! The recorder's thread: takes samples and pictures in, writes the event log and `run.json`.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;
use rtrb::Consumer;
use torchscope::log::schema::{Ending as End, Hparams};
use torchscope::log::{Data, EventWriter, LogError, Record, Tag, Value, Window, Windows, tags};
use torchscope::run::{Best, RunDir, RunMeta, is_disk_trouble};

use super::{Ending, Extra, Item, Picture, RecorderError, STEP_TAGS};
use crate::alarm::skipped;
use crate::checkpoint::{Counter, LogEnd, Memory, Snapshot};
use crate::disk::{Disk, What};
use crate::outcome::Outcome;
use crate::status::{Live, Notes, Status};

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

/// What comes from the training thread.
pub(super) struct Sources {
    pub(super) samples: Consumer<Item>,
    pub(super) album: Receiver<Picture>,
    /// Of the machine.
    pub(super) readings: Receiver<Vec<Value>>,
    pub(super) snapshots: Receiver<Snapshot>,
}

pub(super) struct Writer {
    directory: RunDir,
    meta: RunMeta,
    status: Arc<Status>,
    sources: Sources,
    disk: Disk,
    /// Where checkpoints go.
    counter: Counter,
    log: EventWriter,
    windows: Windows<3>,
    /// The last window that was written whole.
    closed: Option<Window<3>>,
    tags: StepTags,
    /// Extras that wait for the step they belong to.
    open: Vec<(u64, Extra, f64)>,
    /// Pictures that wait for the samples of their step.
    pictures: VecDeque<Picture>,
    /// A checkpoint that waits for what was recorded before it to be in the file.
    unflushed: Option<(Snapshot, Memory)>,
    /// Names of what could not be written, which has been said.
    left_out: BTreeSet<String>,
    /// Steps seen.
    step: u64,
    /// Of the per-step series: the latest values, and the lowest loss with its step. They are copied to `meta` when it
    /// is written, not ten thousand times a second.
    latest: Option<[f64; 3]>,
    best_loss: Option<Best>,
    /// What `run.json` says of the status, and since when.
    written: Option<(Live, Notes, u64, Instant)>,
    /// When shares of time were last recorded, and at which step.
    shares: (Instant, u64),
    /// Checksum of what the log says that the run is.
    described: u32,
    /// Steps merged so far, as the log has them.
    merged: u64,
}

impl Writer {
    pub(super) fn create(
        directory: RunDir,
        mut meta: RunMeta,
        status: Arc<Status>,
        sources: Sources,
        (disk, counter): (Disk, Counter),
        memory: Option<Memory>,
    ) -> Result<Self, RecorderError> {
        // While there is room.
        directory.keep_reserve();
        let log = EventWriter::create(directory.root())?;
        let named = |suffix: &str| STEP_TAGS.map(|tag| Tag::from(format!("{tag}{suffix}")));
        let tags = StepTags { mean: named(""), min: named(tags::MIN_SUFFIX), max: named(tags::MAX_SUFFIX) };
        // From here on it stands in the log.
        let facts = std::mem::take(&mut meta.description).values();
        let described = crc32c::crc32c(format!("{facts:?}").as_bytes());
        let mut writer = Self {
            directory,
            meta,
            status,
            sources,
            disk,
            counter,
            log,
            windows: Windows::new(),
            closed: None,
            tags,
            open: Vec::new(),
            pictures: VecDeque::new(),
            unflushed: None,
            left_out: BTreeSet::new(),
            step: 0,
            latest: None,
            best_loss: None,
            written: None,
            shares: (Instant::now(), 0),
            described,
            merged: 0,
        };
        let known = memory.as_ref().and_then(|memory| memory.described);
        if let Some(memory) = memory {
            writer.go_on_from(memory)?;
        }
        // Of what a resumed run has said before, readers take the newest.
        if known != Some(described) {
            writer.append(0, facts)?;
            writer.log.flush()?;
        }
        writer.write_meta_if_due(Instant::now())?;
        Ok(writer)
    }

    /// Goes on where a checkpoint was made: what the log holds beyond it is void, for every reader.
    fn go_on_from(&mut self, memory: Memory) -> Result<(), RecorderError> {
        self.step = self.status.steps();
        self.shares.1 = self.step;
        let restart = Value { tag: tags::RESTART.into(), data: Data::Restart };
        self.append(self.step + 1, vec![restart])?;
        self.meta.best = memory.best;
        self.best_loss = self.meta.best.get(tags::LOSS_TRAIN).copied();
        self.meta.last = memory.last.into_iter().map(|(tag, bits)| (tag, f64::from_bits(bits))).collect();
        if let Some(closed) = memory.closed {
            // A trainer that was stopped has written the window under way, under a step that it will not end with. Whoever
            // reads this before the window is whole, and knows nothing of restarts, drops that.
            self.close(Some(closed), closed.last)?;
        }
        self.windows = memory.windows;
        self.log.flush()?;
        Ok(())
    }

    /// What a checkpoint keeps of all that was recorded so far.
    fn memory(&mut self) -> Memory {
        self.update_meta();
        let file = self.log.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        Memory {
            windows: self.windows.clone(),
            closed: self.closed,
            best: self.meta.best.clone(),
            last: self.meta.last.iter().map(|(tag, value)| (tag.clone(), value.to_bits())).collect(),
            log: LogEnd { file, bytes: self.log.bytes_written() },
            described: Some(self.described),
        }
    }

    /// Records until it shall end soon, and then what had been handed over before; while the disk takes nothing, until it
    /// shall end now.
    pub(super) fn run(&mut self, ending: &Ending) -> Result<(), RecorderError> {
        loop {
            // Read first: what was pushed before it was set is then in the ring.
            let last = ending.soon.load(Ordering::Acquire);
            let began = Instant::now();
            self.take_in(last)?;
            self.record_shares(began, last)?;
            self.write_readings()?;
            let flushed = self.log.flush().map_err(RecorderError::from);
            // Not before: whoever went on from a checkpoint that the log does not reach would miss what is between them.
            if flushed.is_ok()
                && let Some((snapshot, memory)) = self.unflushed.take()
            {
                self.counter.hand_over(snapshot, memory);
            }
            let log_waits = self.settle(What::Log, &flushed);
            let written = self.write_meta_if_due(began);
            let meta_waits = self.settle(What::Run, &written);
            self.status.add_recording(began.elapsed());
            for (result, waits) in [(flushed, log_waits), (written, meta_waits)] {
                // Trouble that passes is waited out.
                if !waits || ending.now.load(Ordering::Acquire) {
                    result?;
                }
            }
            if last && !log_waits && !meta_waits {
                return Ok(());
            }
            if last && ending.now.load(Ordering::Acquire) {
                return Ok(());
            }
            std::thread::park_timeout(POLL);
        }
    }

    /// Notes how writing `what` went; says whether it is waited for.
    fn settle(&self, what: What, result: &Result<(), RecorderError>) -> bool {
        match result {
            Ok(()) => self.disk.note(what, None),
            Err(error) => error.source().is_some_and(|source| self.disk.note(what, Some(source))),
        }
    }

    /// Says in `run.json` how the run ended. The log is complete by then.
    pub(super) fn conclude(mut self, outcome: &Outcome) -> Result<(), RecorderError> {
        self.update_meta();
        self.meta.state = outcome.state();
        self.meta.outcome = outcome.message().map(str::to_owned);
        self.meta.finished = Some(Timestamp::now());
        let ending = if matches!(outcome, Outcome::Finished { .. }) { End::Success } else { End::Failure };
        let ended = Hparams::End(ending);
        let said = self.append(self.step, vec![Value { tag: ended.tag().into(), data: Data::Hparams(ended) }]);
        // For others' eyes alone: where it cannot be written, that the run is over still can.
        if let Err(error) = said.and_then(|()| Ok(self.log.flush()?)) {
            tracing::warn!("the log does not say how the run ended: {error}");
        }
        (self.meta.socket, self.meta.trouble) = (None, None);
        self.directory.write_meta(&self.meta)?;
        self.directory.drop_reserve();
        Ok(())
    }

    /// Empties channel and ring. A picture is written after the samples of its step and before those of the next.
    fn take_in(&mut self, last: bool) -> Result<(), RecorderError> {
        // Pictures first: the samples of all that are here are then in the ring.
        self.pictures.extend(self.sources.album.try_iter());
        while let Ok(item) = self.sources.samples.pop() {
            let step = match item {
                Item::Step { step, .. } | Item::Extra { step, .. } => step,
                Item::Folded(window) => window.first,
                Item::Close | Item::Checkpoint => self.step,
            };
            self.write_pictures(step)?;
            match item {
                Item::Extra { step, extra, value } => self.open.push((step, extra, value)),
                Item::Close => self.close(None, self.step)?,
                Item::Checkpoint => {
                    if let Ok(snapshot) = self.sources.snapshots.try_recv() {
                        let memory = self.memory();
                        if self.unflushed.replace((snapshot, memory)).is_some() {
                            self.counter.give_up();
                        }
                    }
                }
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
        self.closed = Some(window);
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
            Extra::GradNorm | Extra::ProbeShare | Extra::EvalShare | Extra::RecordShare | Extra::Merged => return,
        };
        let best = self.meta.best.get(extra.tag());
        if value.is_finite() && best.is_none_or(|best| is_better(value, best.value)) {
            self.meta.best.insert(extra.tag().to_owned(), Best { value, step });
        }
    }

    fn append(&mut self, step: u64, values: Vec<Value>) -> Result<(), RecorderError> {
        if !values.is_empty() {
            let record = Record { step: step as i64, wall_time: wall_time(), values };
            if let Err(error) = self.log.append(&record) {
                let name = record.values.first().map_or("", |value| &*value.tag);
                self.refused(step, name, error)?;
            }
        }
        Ok(())
    }

    /// The record of `step` was refused. Either the disk takes nothing, and the megabytes that may wait for it are full:
    /// training is held by then, so that this is no more than a picture; it is counted. Or the log has no form for what
    /// `name` begins: it is left out.
    fn refused(&mut self, step: u64, name: &str, error: LogError) -> Result<(), RecorderError> {
        match &error {
            LogError::Io { source, .. } if is_disk_trouble(source) => {
                self.status.add_merged();
                Ok(())
            }
            LogError::Io { .. } => Err(error.into()),
            other => self.leave_out(step, name, &other.to_string()),
        }
    }

    /// Says, once, that there is something of that name that cannot be written.
    fn leave_out(&mut self, step: u64, name: &str, why: &str) -> Result<(), RecorderError> {
        if !self.left_out.insert(name.to_owned()) {
            return Ok(());
        }
        let alarm = skipped::alarm(step, &format!("`{name}`"), why);
        tracing::warn!(step, "{}", alarm.message);
        let values = alarm.picture().parts.into_iter().filter_map(|part| part.encode().ok()).collect();
        let record = Record { step: step as i64, wall_time: wall_time(), values };
        // An alarm is a text, which is never refused for what it is.
        self.log.append(&record).map_err(RecorderError::from).map(drop).or_else(|error| match error.source() {
            Some(source) if is_disk_trouble(source) => Ok(()),
            _ => Err(error),
        })
    }

    /// Writes the waiting pictures of steps before `step`.
    fn write_pictures(&mut self, step: u64) -> Result<(), RecorderError> {
        while self.pictures.front().is_some_and(|picture| picture.step < step) {
            let Some(picture) = self.pictures.pop_front() else { break };
            let most = picture.most_bytes();
            let mut values = Vec::with_capacity(picture.parts.len());
            for part in picture.parts {
                let tag = Arc::clone(&part.tag);
                match part.encode() {
                    Ok(value) => values.push(value),
                    Err(error) => self.refused(picture.step, &tag, error)?,
                }
            }
            let record = Record { step: picture.step as i64, wall_time: wall_time(), values };
            match self.log.append(&record) {
                Ok(bytes) => self.status.add_picture_bytes(bytes as u64),
                Err(error) => {
                    let name = record.values.first().map_or("", |value| &*value.tag);
                    self.refused(picture.step, name, error)?;
                }
            }
            self.status.return_picture_bytes(most);
        }
        Ok(())
    }

    /// Writes what was seen of the machine, at the step that has been reached.
    fn write_readings(&mut self) -> Result<(), RecorderError> {
        while let Ok(values) = self.sources.readings.try_recv() {
            self.append(self.step, values)?;
        }
        Ok(())
    }

    /// Records what shares of the run's time went into other things than learning, about once a second and at the end.
    fn record_shares(&mut self, now: Instant, last: bool) -> Result<(), RecorderError> {
        let (recorded, at) = self.shares;
        if self.step == at || !(last || now.duration_since(recorded) >= PROGRESS) {
            return Ok(());
        }
        self.shares = (now, self.step);
        let active = self.status.active(self.status.now()).as_secs_f64().max(1e-9);
        let share = |time: Duration| (time.as_secs_f64() / active).min(1.0);
        let shares = [
            (Extra::ProbeShare, self.status.probing()),
            (Extra::EvalShare, self.status.evaluating()),
            (Extra::RecordShare, self.status.recording()),
        ];
        self.open.extend(shares.map(|(extra, time)| (self.step, extra, share(time))));
        let merged = self.status.merged();
        if merged != self.merged {
            self.merged = merged;
            self.open.push((self.step, Extra::Merged, merged as f64));
        }
        self.close(None, self.step)
    }

    /// Writes `run.json` when the status has changed, and every second while steps are taken.
    fn write_meta_if_due(&mut self, now: Instant) -> Result<(), RecorderError> {
        let live = self.status.live().clone();
        let notes = self.status.notes();
        let steps = self.status.steps();
        if let Some((written, noted, at_steps, at)) = &self.written
            && (written, noted) == (&live, &notes)
            && (*at_steps == steps || now.duration_since(*at) < PROGRESS)
        {
            return Ok(());
        }
        self.update_meta();
        self.directory.write_meta(&self.meta)?;
        if notes.trouble.is_none() {
            // Used up, perhaps, when there was trouble.
            self.directory.keep_reserve();
        }
        self.written = Some((live, notes, steps, now));
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
