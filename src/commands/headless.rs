//! Training without a view: progress lines for nohup, cron and CI. No escape sequence, ever.

use std::fmt::Write;
use std::time::{Duration, Instant};

use color_eyre::eyre::Result;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Unsaid, complain, read_log, runtime, say, signal_code, train};
use crate::app::Model;
use crate::log::{Data, LogReader, Record, tags};
use crate::plot::format;
use crate::run::{self, Command, ControlClient, ControlError, Errand, RunDir, RunMeta, State, Trouble};

/// Between two looks at the run.
const LOOK: Duration = Duration::from_millis(100);
/// A line at least this often, however slowly it goes.
const LINE: Duration = Duration::from_secs(30);
/// Lines for a run that goes fast: one each time another twentieth is done.
const SHARE: f64 = 0.05;
/// Percent of the data from one line on their reading to the next.
const READ: u64 = 10;

/// SIGINT and SIGTERM, caught.
pub(super) struct Signals {
    runtime: Runtime,
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Catches them from now on. To be called before there is a run: one that came in between would leave a run that
    /// nobody stops.
    pub(super) fn catch() -> Result<Self> {
        let runtime = runtime()?;
        let (interrupt, terminate) = {
            let _context = runtime.enter();
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
        };
        Ok(Self { runtime, interrupt, terminate })
    }
}

/// Starts the trainer of a run and prints its progress until it is over. SIGINT and SIGTERM stop the run first.
pub(super) fn run(run: &RunDir, errand: Errand, signals: Signals) -> Result<u8> {
    train::start(run, errand)?;
    follow_and(run, true, signals)
}

/// Prints the progress of a run until it is over. Interrupting this leaves the run alone.
pub(super) fn follow(run: &RunDir) -> Result<u8> {
    follow_and(run, false, Signals::catch()?)
}

fn follow_and(run: &RunDir, owned: bool, signals: Signals) -> Result<u8> {
    let Signals { runtime, mut interrupt, mut terminate } = signals;
    runtime.block_on(async {
        let mut look = tokio::time::interval(LOOK);
        let mut progress = Progress::new(run)?;
        let mut ended_by = None;
        let mut to_stop = false;
        loop {
            let signal = tokio::select! {
                _ = look.tick() => None,
                _ = interrupt.recv() => Some(SignalKind::interrupt().as_raw_value()),
                _ = terminate.recv() => Some(SignalKind::terminate().as_raw_value()),
            };
            // The state first: when it says that the run is over, the log read after it is whole.
            let meta = run.status()?;
            if let Some(signal) = signal {
                if !owned || ended_by.is_some() {
                    return Ok(signal_code(signal));
                }
                ended_by = Some(signal);
                to_stop = true;
                complain("torchscope: stopping after this step; once more to leave at once");
            }
            if to_stop {
                match ControlClient::connect(run).and_then(|mut line| line.send(&Command::Stop)) {
                    Ok(_) | Err(ControlError::Over { .. }) => to_stop = false,
                    // Tried again at the next look: a trainer that still starts shall stop all the same.
                    Err(ControlError::NotYet { .. }) => {}
                    Err(error) => {
                        to_stop = false;
                        complain(&format!("torchscope: {error}"));
                    }
                }
            }
            progress.read();
            let said = progress
                .report(&meta)
                .and_then(|()| if meta.state.is_over() { progress.conclude(&meta) } else { Ok(()) });
            // Whoever started a run waits for its end, and for the exit code, whether or not anybody reads the lines.
            if !owned {
                said?;
            }
            if meta.state.is_over() {
                return Ok(ended_by.map_or(meta.state.exit_code(), signal_code));
            }
        }
    })
}

/// Records without what no line is made of, and takes time to take in: pictures and histograms.
fn numbers(mut records: Vec<Record>) -> Vec<Record> {
    let is_plain = |data: &Data| !matches!(data, Data::Image(_) | Data::Histogram(_));
    for record in &mut records {
        record.values.retain(|value| is_plain(&value.data));
    }
    records
}

struct Progress<'a> {
    run: &'a RunDir,
    /// When its trainer was started, in seconds since 1970: what happened before it was resumed is no news.
    since: f64,
    reader: LogReader,
    model: Model,
    announced: bool,
    /// Why the log could not be read at the last look.
    complaint: Option<String>,
    trouble: Option<Trouble>,
    printed: Instant,
    printed_share: f64,
    /// Percent of the data that it was last said to have read.
    read_share: u64,
}

impl<'a> Progress<'a> {
    fn new(run: &'a RunDir) -> Result<Self> {
        Ok(Self {
            run,
            since: run.meta()?.launched().as_millisecond() as f64 / 1e3,
            // A resumed run goes on in another file, and what is in it must not be missed at the last look.
            reader: LogReader::open(run.path())?.rescan_every(Duration::ZERO),
            model: Model::new(run.path().to_owned(), 0.0),
            announced: false,
            complaint: None,
            trouble: None,
            printed: Instant::now(),
            printed_share: 0.0,
            read_share: 0,
        })
    }

    fn read(&mut self) {
        let complaint = read_log(&mut self.reader, |records| self.model.apply(numbers(records))).err();
        let complaint = complaint.map(|error| error.to_string());
        // Said once, and tried again: a file system that went away may come back.
        if let Some(complaint) = complaint.as_ref().filter(|complaint| self.complaint.as_ref() != Some(complaint)) {
            complain(&format!("torchscope: {complaint}"));
        }
        self.complaint = complaint;
        self.warn();
    }

    /// The newest value of a tag, from the log, or what `run.json` says of it.
    fn value(&self, tag: &str, meta: &RunMeta) -> Option<f64> {
        self.model.last(tag).or_else(|| meta.last.get(tag).copied())
    }

    /// Says what somebody should look at, once.
    fn warn(&mut self) {
        let new = self.model.alarms.take_unrung();
        let new: Vec<_> = self.model.alarms.newest().take(new).filter(|alarm| alarm.time >= self.since).collect();
        for alarm in new.into_iter().rev() {
            complain(&format!("torchscope: alarm at step {}: {}", alarm.step, alarm.message));
        }
    }

    fn report(&mut self, meta: &RunMeta) -> Result<(), Unsaid> {
        // With it comes trouble, which is not in the log before there is room.
        self.model.set_meta(meta.clone());
        self.warn();
        if self.trouble.is_some() && meta.trouble.is_none() && meta.state.is_live() {
            complain("torchscope: there is room again; training goes on");
        }
        self.trouble.clone_from(&meta.trouble);
        if let Some(percent) = meta.reading.filter(|percent| *percent >= self.read_share + READ) {
            self.read_share = percent;
            say(&format!("{} reading data: {percent} %", meta.name))?;
        }
        let device = self.model.description.setup.device.as_deref().filter(|_| meta.state != State::Starting);
        let Some(device) = device else { return Ok(()) };
        if !self.announced {
            self.announced = true;
            let begun = match meta.resumed.last() {
                Some(resumed) => format!("goes on from step {}", format::count(resumed.step)),
                None => "started".to_owned(),
            };
            say(&format!("{} {begun} on {device} in {}", meta.name, self.run.path().display()))?;
        }
        let step = self.model.step();
        let total = self.model.total_steps().unwrap_or(1);
        let share = step as f64 / total as f64;
        if step > 0 && (share >= self.printed_share + SHARE || self.printed.elapsed() >= LINE) {
            self.printed = Instant::now();
            self.printed_share = share;
            say(&self.line(meta, step, total))?;
        }
        Ok(())
    }

    fn line(&self, meta: &RunMeta, step: u64, total: u64) -> String {
        let epoch = self.model.epoch().floor() as u64;
        let epochs = self.model.length().map_or(meta.epochs, |length| length.epochs);
        let mut line =
            format!("{} epoch {epoch}/{epochs} step {}/{}", meta.name, format::count(step), format::count(total));
        if let Some(value) = self.value(tags::LOSS_TRAIN, meta) {
            let _ = write!(line, " loss {}", format::number(value));
        }
        line += &self.values(meta);
        if let Some(rate) = self.model.rate.steps_per_second() {
            let left = total.saturating_sub(step) as f64 / rate;
            let _ = write!(line, " {} eta {}", format::rate(rate, "steps"), format::duration(left));
        }
        line
    }

    /// What the last evaluation found: ` test-set 0.0909 accuracy 0.981`.
    fn values(&self, meta: &RunMeta) -> String {
        let evaluated = self.model.evaluated();
        let mut text = String::new();
        for (tag, name) in [(tags::LOSS_EVAL, evaluated.replace(' ', "-")), (tags::ACCURACY_EVAL, "accuracy".into())] {
            if let Some(value) = self.value(tag, meta) {
                let _ = write!(text, " {name} {}", format::number(value));
            }
        }
        text
    }

    fn conclude(&self, meta: &RunMeta) -> Result<(), Unsaid> {
        match meta.state {
            State::Failed | State::Crashed | State::Diverged => {
                complain(&format!("torchscope: {}", train::outcome(self.run, meta)));
                if meta.state != State::Diverged {
                    for line in run::log_tail(&self.run.trainer_log_path(), 10) {
                        complain(&format!("  {line}"));
                    }
                }
            }
            state => {
                let seconds = meta.finished.unwrap_or(meta.updated).duration_since(meta.started).as_secs_f64();
                let values = self.values(meta);
                let ended = train::ended(state, meta);
                let remark = meta.outcome.as_deref().map(|outcome| format!(": {}", run::plain(outcome)));
                let remark = remark.unwrap_or_default();
                say(&format!("{} {ended}{values} after {}{remark}", meta.name, format::duration(seconds)))?;
                if train::can_resume(meta) {
                    say(&format!("go on: torchscope resume {}", train::handle(self.run)))?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::schema::{Alarm, AlarmKind};
    use crate::log::{EventWriter, Value};
    use crate::recipe::Recipe;

    fn record(step: i64, values: Vec<Value>) -> Record {
        Record { step, wall_time: 4e9, values }
    }

    /// Writes another event file, as each start of a trainer does.
    fn write(run: &RunDir, records: &[Record]) {
        let mut writer = EventWriter::create(run.path()).unwrap();
        for record in records {
            writer.append(record).unwrap();
        }
        writer.flush().unwrap();
    }

    #[test]
    fn the_last_look_sees_a_file_that_came_after_the_one_before() {
        let home = tempfile::tempdir().unwrap();
        let run = RunDir::create(home.path(), &Recipe::load("moons", &[]).unwrap()).unwrap();
        write(&run, &[record(48, vec![Value::scalar(tags::LOSS_EVAL, 0.1263)])]);
        let meta = run.meta().unwrap();
        let mut progress = Progress::new(&run).unwrap();
        progress.read();
        assert_eq!(progress.values(&meta), " full-set 0.1263");
        let alarm = Alarm { kind: AlarmKind::Spike, message: "up".to_owned(), layer: None, tensor: None, count: 1 };
        let alarm = Value { tag: tags::ALARM.into(), data: Data::Document(alarm.encode()) };
        write(&run, &[record(1600, vec![Value::scalar(tags::LOSS_EVAL, 0.00789), alarm])]);
        progress.read();
        assert_eq!(progress.values(&meta), " full-set 0.00789");
        let alarms = &mut progress.model.alarms;
        let seen: Vec<_> = alarms.newest().map(|alarm| (alarm.step, alarm.message.as_str())).collect();
        assert_eq!(seen, [(1600, "up")]);
        assert_eq!(alarms.take_unrung(), 0, "it has been said");
    }

    #[test]
    fn what_is_computed_again_is_not_said_before_it_is() {
        let home = tempfile::tempdir().unwrap();
        let run = RunDir::create(home.path(), &Recipe::load("moons", &[]).unwrap()).unwrap();
        let step = |step, loss| record(step, vec![Value::scalar(tags::LOSS_TRAIN, loss)]);
        let restart = Value { tag: tags::RESTART.into(), data: Data::Restart };
        write(&run, &[step(3, 0.5), step(4, 0.25), record(4, vec![restart])]);
        let mut progress = Progress::new(&run).unwrap();
        progress.read();
        let meta = RunMeta { steps_per_epoch: 1, epochs: 9, ..run.meta().unwrap() };
        assert!(
            !progress.line(&meta, progress.model.step(), 9).contains("0.25"),
            "{}",
            progress.line(&meta, progress.model.step(), 9)
        );
        assert_eq!(progress.model.step(), 3);
        write(&run, &[step(4, 0.125)]);
        progress.read();
        assert!(
            progress.line(&meta, progress.model.step(), 9).contains("step 4/9 loss 0.1250"),
            "{}",
            progress.line(&meta, progress.model.step(), 9)
        );
    }

    #[test]
    fn what_the_log_has_lost_is_taken_from_the_run() {
        let home = tempfile::tempdir().unwrap();
        let run = RunDir::create(home.path(), &Recipe::load("moons", &[]).unwrap()).unwrap();
        let last = [(tags::LOSS_EVAL.to_owned(), 0.5)].into();
        let meta = RunMeta { last, ..run.meta().unwrap() };
        assert_eq!(Progress::new(&run).unwrap().values(&meta), " full-set 0.5000");
    }
}
