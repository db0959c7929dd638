//! The recorder's thread: takes samples and pictures in, writes the event log and `run.json`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;
use rtrb::Consumer;
use torchscope::log::schema::{Ending as End, Hparams};
use torchscope::log::{Data, EventWriter, LogError, Record, Tag, Value, Window, Windows, tags};
use torchscope::run::{Best, RunDir, RunMeta, is_disk_trouble};

use super::{Ending, Extra, Item, Origin, Part, Picture, RecorderError, STEP_TAGS, Thinner, Waiting};
use crate::alarm::skipped;
use crate::checkpoint::{Counter, LogEnd, Memory, Snapshot};
use crate::disk::{Disk, What};
use crate::outcome::Outcome;
use crate::status::{Live, Notes, Status};

/// How often the ring is looked at and the log flushed; viewers may count on 50 ms.
const POLL: Duration = Duration::from_millis(25);
/// How often shares of time are recorded and progress is written to `run.json`.
const PROGRESS: Duration = Duration::from_secs(1);
/// After so many records of shares they come half as often.
const SHARES: u64 = 1 << 12;
/// Alarms of one kind that the log holds: whoever reads it has understood by then.
const MOST_ALARMS: u64 = 256;

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
    /// What is still in there, or here and not written.
    pub(super) waiting: Arc<Waiting>,
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
    /// By tag.
    thinned: BTreeMap<String, Thinner>,
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
    /// When shares of time were last recorded, at which step, and how often so far.
    shares: (Instant, u64, u64),
    /// Alarms of each kind that were written.
    alarms: BTreeMap<String, u64>,
    /// Pictures that found no room.
    lost: u64,
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
        origin: Origin,
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
            thinned: BTreeMap::new(),
            open: Vec::new(),
            pictures: VecDeque::new(),
            unflushed: None,
            left_out: BTreeSet::new(),
            step: 0,
            latest: None,
            best_loss: None,
            written: None,
            shares: (Instant::now(), 0, 0),
            alarms: BTreeMap::new(),
            lost: 0,
            described,
            merged: 0,
        };
        let mut known = None;
        match origin {
            Origin::New => {}
            Origin::Over => {
                writer.void_from(0)?;
                // What `run.json` says of the best and the last was of the run that is void.
                writer.meta.best.clear();
                writer.meta.last.clear();
            }
            Origin::Checkpoint(memory) => {
                known = memory.described;
                writer.go_on_from(*memory)?;
            }
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
        self.void_from(self.step + 1)?;
        self.meta.best = memory.best;
        self.best_loss = self.meta.best.get(tags::LOSS_TRAIN).copied();
        self.meta.last = memory.last.into_iter().map(|(tag, bits)| (tag, f64::from_bits(bits))).collect();
        if let Some(closed) = memory.closed {
            // A trainer that was stopped has written the window under way, under a step that it will not end with. Whoever
            // reads this before the window is whole, and knows nothing of restarts, drops that.
            self.close(Some(closed), closed.last)?;
        }
        self.windows = memory.windows;
        (self.thinned, self.alarms) = (memory.thinned, memory.alarms);
        let again: Vec<_> =
            self.thinned.iter().filter_map(|(tag, thinner)| Some((tag.clone(), thinner.before_open()?))).collect();
        for (tag, sample) in again {
            self.append(sample.step, thinned(&tag, &sample.window))?;
        }
        self.log.flush()?;
        Ok(())
    }

    /// Says in the log that what stands before this under `step` or a later one is void.
    fn void_from(&mut self, step: u64) -> Result<(), RecorderError> {
        self.append(step, vec![Value { tag: tags::RESTART.into(), data: Data::Restart }])?;
        Ok(self.log.flush()?)
    }

    /// What a checkpoint keeps of all that was recorded so far.
    fn memory(&mut self) -> Memory {
        self.update_meta();
        let file = self.log.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        Memory {
            windows: self.windows.clone(),
            closed: self.closed,
            thinned: self.thinned.clone(),
            alarms: self.alarms.clone(),
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
        while let Ok(item) = self.sources.samples.pop() {
            // Whatever was handed over before the item is here now: the order of records is that of training.
            self.pictures.extend(self.sources.album.try_iter());
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
                    // All that was seen up to here is part of the log that the checkpoint belongs to. What was seen later may
                    // be here as well, before its samples.
                    self.write_pictures(self.step.saturating_add(1))?;
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
            let left: Vec<_> =
                self.thinned.iter_mut().filter_map(|(tag, thinner)| Some((tag.clone(), thinner.flush()?))).collect();
            for (tag, sample) in left {
                self.append(sample.step, thinned(&tag, &sample.window))?;
            }
        }
        // The samples of all that are here are in the ring, if they were not before.
        let there = self.sources.album.try_iter().collect::<Vec<_>>();
        self.write_pictures(u64::MAX)?;
        self.pictures.extend(there);
        if last { self.write_pictures(u64::MAX) } else { Ok(()) }
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
            if !extra.is_by_step() {
                values.push(Value::scalar(extra.tag(), value));
            } else if let Some(sample) = self.thinned.entry(extra.tag().to_owned()).or_default().push(step, value) {
                values.extend(thinned(extra.tag(), &sample.window));
            }
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

    /// [`Self::refused`] of a picture, which is no step, and is not counted as one.
    fn picture_refused(&mut self, step: u64, name: &str, error: LogError) -> Result<(), RecorderError> {
        if !matches!(error, LogError::Io { .. }) {
            return self.leave_out(step, name, &error.to_string());
        }
        is_passing(error.into())?;
        if self.lost == 0 {
            tracing::warn!(step, "a picture found no room in the log, and is left out");
        }
        self.lost += 1;
        Ok(())
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
        self.log.append(&record).map(drop).map_err(RecorderError::from).or_else(is_passing)
    }

    /// Writes the waiting pictures of steps before `step`.
    fn write_pictures(&mut self, step: u64) -> Result<(), RecorderError> {
        while self.pictures.front().is_some_and(|picture| picture.step < step) {
            let Some(picture) = self.pictures.pop_front() else { break };
            let most = picture.most_bytes();
            if !self.is_heard(&picture) {
                self.sources.waiting.remove(most);
                self.status.return_picture_bytes(most);
                continue;
            }
            let mut values = Vec::with_capacity(picture.parts.len());
            for part in picture.parts {
                let tag = Arc::clone(&part.tag);
                match part.encode() {
                    Ok(value) => values.push(value),
                    Err(error) => self.leave_out(picture.step, &tag, &error.to_string())?,
                }
            }
            let record = Record { step: picture.step as i64, wall_time: wall_time(), values };
            match self.log.append(&record) {
                Ok(bytes) => self.status.add_picture_bytes(bytes as u64),
                Err(error) => {
                    let name = record.values.first().map_or("", |value| &*value.tag);
                    self.picture_refused(picture.step, name, error)?;
                }
            }
            self.sources.waiting.remove(most);
            self.status.return_picture_bytes(most);
        }
        Ok(())
    }

    /// Whether there is room in the log for an alarm; for any other picture there is.
    fn is_heard(&mut self, picture: &Picture) -> bool {
        let Some(kind) = picture.parts.first().and_then(Part::alarm) else { return true };
        let count = self.alarms.entry(kind.to_owned()).or_default();
        *count += 1;
        if *count == MOST_ALARMS + 1 {
            tracing::warn!("the log holds {MOST_ALARMS} alarms of this kind; further ones stand only here");
        }
        *count <= MOST_ALARMS
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
        let (recorded, at, count) = self.shares;
        // More and more seldom, so that the log of a week is not one of its shares.
        let pause = PROGRESS * (1 << (count / SHARES).min(16));
        if self.step == at || !(last || now.duration_since(recorded) >= pause) {
            return Ok(());
        }
        self.shares = (now, self.step, count + 1);
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

/// An error, unless the disk takes nothing and the megabytes that may wait for it are full: that passes, and training is held
/// until it has. What was to be written is left out.
fn is_passing(error: RecorderError) -> Result<(), RecorderError> {
    match error.source() {
        Some(source) if is_disk_trouble(source) => Ok(()),
        _ => Err(error),
    }
}

/// What is written of a series that is thinned. The extremes of a single measurement are the measurement.
fn thinned(tag: &str, window: &Window<1>) -> Vec<Value> {
    let [mean] = window.mean;
    let mut values = vec![Value::scalar(tag, mean)];
    if window.count > 1 {
        let extremes = [(tags::MIN_SUFFIX, window.min), (tags::MAX_SUFFIX, window.max)];
        values.extend(extremes.map(|(suffix, [number])| Value::scalar(format!("{tag}{suffix}"), number)));
    }
    values
}

/// Seconds since 1970.
fn wall_time() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}
