//! Training without a view: progress lines for nohup, cron and CI. No escape sequence, ever.

use std::collections::HashMap;
use std::fmt::Write;
use std::time::{Duration, Instant};

use color_eyre::eyre::Result;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Unsaid, complain, runtime, say, signal_code, train};
use crate::app::Rate;
use crate::log::{Data, LogReader, Record, Tag, tags};
use crate::plot::format;
use crate::run::{self, Command, ControlClient, ControlError, Errand, RunDir, RunMeta, State, Trouble};

/// Between two looks at the run.
const LOOK: Duration = Duration::from_millis(100);
/// A line at least this often, however slowly it goes.
const LINE: Duration = Duration::from_secs(30);
/// Lines for a run that goes fast: one each time another twentieth is done.
const SHARE: f64 = 0.05;
/// Bytes of the log taken at once.
const CHUNK: usize = 4 << 20;

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

/// What an alarm says, without anything that a terminal would act upon.
fn alarm(text: &str) -> String {
    let json: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    run::plain(json["message"].as_str().unwrap_or(text))
}

struct Progress<'a> {
    run: &'a RunDir,
    /// When its trainer was started, in seconds since 1970: what happened before it was resumed is no news.
    since: f64,
    reader: LogReader,
    /// The newest value of each tag, and its step.
    last: HashMap<Tag, (i64, f64)>,
    rate: Rate,
    step: u64,
    announced: bool,
    /// Why the log could not be read at the last look.
    complaint: Option<String>,
    trouble: Option<Trouble>,
    /// The last alarm that was printed.
    warned: Option<(u64, String)>,
    printed: Instant,
    printed_share: f64,
}

impl<'a> Progress<'a> {
    fn new(run: &'a RunDir) -> Result<Self> {
        Ok(Self {
            run,
            since: run.meta()?.launched().as_millisecond() as f64 / 1e3,
            // A resumed run goes on in another file, and what is in it must not be missed at the last look.
            reader: LogReader::open(run.path())?.rescan_every(Duration::ZERO),
            last: HashMap::new(),
            rate: Rate::default(),
            step: 0,
            announced: false,
            complaint: None,
            trouble: None,
            warned: None,
            printed: Instant::now(),
            printed_share: 0.0,
        })
    }

    fn read(&mut self) {
        loop {
            match self.reader.poll(CHUNK) {
                Ok(poll) => {
                    self.complaint = None;
                    for notice in &poll.notices {
                        complain(&format!("torchscope: {notice}"));
                    }
                    poll.records.into_iter().for_each(|record| self.take(record));
                    if poll.caught_up {
                        return;
                    }
                }
                // Said once, and tried again: a file system that went away may come back.
                Err(error) => {
                    let complaint = Some(error.to_string());
                    if self.complaint != complaint {
                        complain(&format!("torchscope: {error}"));
                        self.complaint = complaint;
                    }
                    return;
                }
            }
        }
    }

    fn take(&mut self, record: Record) {
        for value in record.values {
            if matches!(value.data, Data::Restart) {
                self.void_from(record.step);
            }
            if let Data::Text(text) = &value.data
                && &*value.tag == tags::ALARM
                && record.wall_time >= self.since
            {
                self.warn(record.step.max(0) as u64, alarm(text));
            }
            if let Data::Scalar(scalar) = value.data {
                if &*value.tag == tags::LOSS_TRAIN {
                    self.step = record.step.max(0) as u64;
                    self.rate.note(record.wall_time, record.step);
                }
                self.last.insert(value.tag, (record.step, scalar));
            }
        }
    }

    /// Forgets what the run goes on to compute again.
    fn void_from(&mut self, step: i64) {
        self.last.retain(|_, (at, _)| *at < step);
        self.step = self.step.min(step.saturating_sub(1).max(0) as u64);
        self.rate = Rate::default();
    }

    /// The newest value of a tag, from the log, or what `run.json` says of it.
    fn value(&self, tag: &str, meta: &RunMeta) -> Option<f64> {
        self.last.get(tag).map(|(_, value)| *value).or_else(|| meta.last.get(tag).copied())
    }

    /// Says what somebody should look at, once.
    fn warn(&mut self, step: u64, message: String) {
        let warning = (step, message);
        if self.warned.as_ref() != Some(&warning) {
            complain(&format!("torchscope: alarm at step {}: {}", warning.0, warning.1));
            self.warned = Some(warning);
        }
    }

    fn report(&mut self, meta: &RunMeta) -> Result<(), Unsaid> {
        if self.trouble != meta.trouble {
            match &meta.trouble {
                // It is not in the log before there is room.
                Some(trouble) => self.warn(trouble.step, run::plain(&trouble.message)),
                None if meta.state.is_live() => complain("torchscope: there is room again; training goes on"),
                None => {}
            }
        }
        self.trouble.clone_from(&meta.trouble);
        let Some(device) = meta.device.as_deref().filter(|_| meta.state != State::Starting) else { return Ok(()) };
        if !self.announced {
            self.announced = true;
            let begun = match meta.resumed.last() {
                Some(resumed) => format!("goes on from step {}", format::count(resumed.step)),
                None => "started".to_owned(),
            };
            say(&format!("{} {begun} on {device} in {}", meta.name, self.run.path().display()))?;
        }
        let total = meta.epochs.saturating_mul(meta.steps_per_epoch).max(1);
        let share = self.step as f64 / total as f64;
        if self.step > 0 && (share >= self.printed_share + SHARE || self.printed.elapsed() >= LINE) {
            self.printed = Instant::now();
            self.printed_share = share;
            say(&self.line(meta, total))?;
        }
        Ok(())
    }

    fn line(&self, meta: &RunMeta, total: u64) -> String {
        let epoch = self.step.checked_div(meta.steps_per_epoch).unwrap_or(0);
        let mut line = format!(
            "{} epoch {epoch}/{} step {}/{}",
            meta.name,
            meta.epochs,
            format::count(self.step),
            format::count(total)
        );
        if let Some(value) = self.value(tags::LOSS_TRAIN, meta) {
            let _ = write!(line, " loss {}", format::number(value));
        }
        line += &self.values(meta);
        if let Some(rate) = self.rate.steps_per_second() {
            let left = total.saturating_sub(self.step) as f64 / rate;
            let _ = write!(line, " {} eta {}", format::rate(rate, "steps"), format::duration(left));
        }
        line
    }

    /// What the last evaluation found: ` test-set 0.0909 accuracy 0.981`.
    fn values(&self, meta: &RunMeta) -> String {
        let evaluated = if meta.evaluated.is_empty() { "full set" } else { &meta.evaluated };
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
                say(&format!("{} {ended}{values} after {}", meta.name, format::duration(seconds)))?;
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
        let alarm = Value { tag: tags::ALARM.into(), data: Data::Text(r#"{"message": "up"}"#.to_owned()) };
        write(&run, &[record(1600, vec![Value::scalar(tags::LOSS_EVAL, 0.00789), alarm])]);
        progress.read();
        assert_eq!(progress.values(&meta), " full-set 0.00789");
        assert_eq!(progress.warned, Some((1600, "up".to_owned())));
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
        assert!(!progress.line(&meta, 9).contains("0.25"), "{}", progress.line(&meta, 9));
        assert_eq!(progress.step, 3);
        write(&run, &[step(4, 0.125)]);
        progress.read();
        assert!(progress.line(&meta, 9).contains("step 4/9 loss 0.1250"), "{}", progress.line(&meta, 9));
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
