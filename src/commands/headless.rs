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
    last: HashMap<Tag, f64>,
    rate: Rate,
    step: u64,
    announced: bool,
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
            reader: LogReader::open(run.path())?,
            last: HashMap::new(),
            rate: Rate::default(),
            step: 0,
            announced: false,
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
                    for notice in &poll.notices {
                        complain(&format!("torchscope: {notice}"));
                    }
                    poll.records.into_iter().for_each(|record| self.take(record));
                    if poll.caught_up {
                        return;
                    }
                }
                Err(error) => return complain(&format!("torchscope: {error}")),
            }
        }
    }

    fn take(&mut self, record: Record) {
        for value in record.values {
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
                self.last.insert(value.tag, scalar);
            }
        }
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
            say(&format!("{} started on {device} in {}", meta.name, self.run.path().display()))?;
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
        if let Some(value) = self.last.get(tags::LOSS_TRAIN) {
            let _ = write!(line, " loss {}", format::number(*value));
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
            if let Some(value) = self.last.get(tag) {
                let _ = write!(text, " {name} {}", format::number(*value));
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
