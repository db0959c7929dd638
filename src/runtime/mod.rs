//! The loop that ties terminal, run and application together: the only place that sees all of them.

mod control;
mod follower;
mod input;
mod reports;

use std::io;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossterm::event::{Event, EventStream};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::Receiver;
use tokio_stream::StreamExt;

use crate::app::{App, Effect, Message};
use crate::run::{Command, RunDir, RunMeta};
use crate::term::{Capabilities, Screen};
use crate::view::{self, Theme};
use control::Control;
use follower::Follower;
use reports::{QUEUE, Report, Reports};

/// Least time between two frames, local and over SSH. A key press does not wait for it.
const FRAME: Duration = Duration::from_millis(50);
const FRAME_REMOTE: Duration = Duration::from_millis(125);
/// Least time between two frames that answer keys: bounds what a key held down can cost.
const FRAME_KEYS: Duration = Duration::from_millis(12);
/// Between two looks at the clock while the application wants to know the time.
const TICK: Duration = Duration::from_secs(1);
/// How long a run that was asked to stop may take for the step it is in before the view is left all the same.
const STOP_PATIENCE: Duration = Duration::from_secs(10);
/// How long leaving may take for commands that are still on their way to the trainer.
const FAREWELL: Duration = Duration::from_secs(3);

/// How the view ended.
#[derive(Debug)]
pub struct Left {
    /// The run last shown, as it was then.
    pub run: RunDir,
    /// Its state, if any was ever read.
    pub meta: Option<RunMeta>,
    /// The signal that ended the view, if one did.
    pub signal: Option<i32>,
}

/// Opens further runs for the view: `start(recipe of, new seed)` creates a run from the recipe of another one and starts
/// its trainer.
pub type StartOver<'a> = dyn Fn(&RunDir, bool) -> Result<RunDir, String> + 'a;

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    stop: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
            stop: signal(SignalKind::from_raw(TSTP))?,
        })
    }

    async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.terminate.recv() => SignalKind::terminate().as_raw_value(),
            _ = self.interrupt.recv() => SignalKind::interrupt().as_raw_value(),
            _ = self.hangup.recv() => SignalKind::hangup().as_raw_value(),
            _ = self.stop.recv() => TSTP,
        }
    }
}

const TSTP: i32 = rustix::process::Signal::TSTP.as_raw();

/// Shows a run until the user leaves. `opening` is called once the first frame is on the screen: it starts the trainer,
/// or does nothing for a run that exists already. `bell`: alarms ring the terminal's bell.
pub fn show(
    run: RunDir,
    capabilities: Capabilities,
    bell: bool,
    opening: impl FnOnce(&RunDir) -> Result<(), String>,
    start_over: &StartOver<'_>,
) -> io::Result<Left> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // Caught from before the terminal is taken: a signal in between would leave it in disorder.
    let signals = {
        let _context = runtime.enter();
        Signals::new()?
    };
    let theme = Theme::new(capabilities.depth, capabilities.glyphs);
    let mut screen = Screen::enter(capabilities.synchronized)?;
    let mut app = App::new(run.path().to_owned(), screen.size()?);
    app.bell = bell;
    screen.draw(|frame| view::draw(&app, &theme, frame))?;
    if let Err(error) = opening(&run) {
        app.update(Message::Refused(error));
    }
    let session = Session::new(screen, app, theme, capabilities, run)?;
    let result = runtime.block_on(session.run(signals, start_over));
    // A thread that reads a dead file system must not keep the user waiting.
    runtime.shutdown_background();
    result
}

struct Session {
    screen: Screen,
    app: App,
    theme: Theme,
    frame: Duration,
    run: RunDir,
    follower: Follower,
    control: Control,
    /// The lines to runs shown before, which may still have a stop to deliver.
    retired: Vec<Control>,
    reports: Reports,
    news: Receiver<Report>,
    /// Counts the runs shown.
    shown: u64,
    dirty: bool,
    /// Whether what is not drawn yet answers the user.
    urgent: bool,
    /// Set when the run was asked to stop: the view is left when it has, or when this time has come.
    leaving: Option<Instant>,
}

impl Session {
    fn new(screen: Screen, app: App, theme: Theme, capabilities: Capabilities, run: RunDir) -> io::Result<Self> {
        let (reports, news) = Reports::queue();
        Ok(Self {
            follower: Follower::start(run.clone(), reports.clone())?,
            control: Control::start(run.clone(), reports.clone())?,
            retired: Vec::new(),
            frame: if capabilities.remote { FRAME_REMOTE } else { FRAME },
            screen,
            app,
            theme,
            run,
            reports,
            news,
            shown: 0,
            dirty: true,
            urgent: false,
            leaving: None,
        })
    }

    async fn run(mut self, mut signals: Signals, start_over: &StartOver<'_>) -> io::Result<Left> {
        let mut events = EventStream::new();
        let mut last_frame = Instant::now();
        let mut next_tick = last_frame;
        loop {
            let next_frame = last_frame + if self.urgent { FRAME_KEYS } else { self.frame };
            tokio::select! {
                event = events.next() => {
                    // Without events the terminal is gone.
                    let Some(event) = event else { return Ok(self.leave(Some(SignalKind::hangup().as_raw_value()))) };
                    let effects = self.event(&event?);
                    if self.carry_out(effects, start_over)? {
                        return Ok(self.leave(None));
                    }
                }
                Some(report) = self.news.recv() => {
                    let mut effects = self.take(report)?;
                    // No more than the queue holds, or a long log would shut out keys, signals and frames.
                    for _ in 0..QUEUE {
                        let Ok(report) = self.news.try_recv() else { break };
                        effects.extend(self.take(report)?);
                    }
                    if self.carry_out(effects, start_over)? {
                        return Ok(self.leave(None));
                    }
                }
                signal = signals.next() => {
                    if signal != TSTP {
                        return Ok(self.leave(Some(signal)));
                    }
                    self.suspend()?;
                }
                () = tokio::time::sleep_until(next_frame.into()), if self.dirty => {}
                () = tokio::time::sleep_until(next_tick.into()), if self.app.wants_time() => {
                    next_tick = Instant::now() + TICK;
                    let effects = self.tick();
                    self.carry_out(effects, start_over)?;
                }
                () = tokio::time::sleep_until(self.leaving.unwrap_or(last_frame).into()), if self.leaving.is_some() => {}
            }
            if let Some(patience) = self.leaving
                && (!self.app.model.is_live() || Instant::now() >= patience)
            {
                return Ok(self.leave(None));
            }
            let pause = if self.urgent { FRAME_KEYS } else { self.frame };
            if self.dirty && last_frame.elapsed() >= pause {
                let (app, theme) = (&self.app, &self.theme);
                self.screen.draw(|frame| view::draw(app, theme, frame))?;
                (self.dirty, self.urgent) = (false, false);
                last_frame = Instant::now();
            }
        }
    }

    /// What the terminal reported.
    fn event(&mut self, event: &Event) -> Vec<Effect> {
        if input::is_suspend(event) {
            // In raw mode the terminal no longer turns Ctrl-Z into the signal.
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TSTP);
            return Vec::new();
        }
        match input::message(event) {
            Some(message) => {
                self.dirty = true;
                // Of a storm of resizes one frame in a while is enough.
                self.urgent |= !matches!(message, Message::Resized(..));
                self.app.update(message)
            }
            None => Vec::new(),
        }
    }

    /// Tells the application the time. A frame is drawn only if that changes what there is to see.
    fn tick(&mut self) -> Vec<Effect> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |now| now.as_secs_f64());
        let said = |app: &App| app.model.alarms.newest().next().map(|alarm| alarm.message.clone());
        let before = (said(&self.app), self.app.model.alarms.banner().is_some());
        let effects = self.app.update(Message::Tick(now));
        self.dirty |= before != (said(&self.app), self.app.model.alarms.banner().is_some());
        effects
    }

    fn take(&mut self, report: Report) -> io::Result<Vec<Effect>> {
        let message = match report {
            Report::News(run, message) if run == self.shown => message,
            Report::News(..) => return Ok(Vec::new()),
            Report::Panicked => return Err(io::Error::other("a part of the view panicked; see above")),
        };
        match &message {
            Message::Status(meta) if meta.state.is_live() => {
                if let Some(socket) = &meta.socket {
                    self.control.connect(socket);
                }
            }
            // A stop that was refused is not waited for.
            Message::Refused(_) => self.leaving = None,
            _ => {}
        }
        self.dirty = true;
        Ok(self.app.update(message))
    }

    /// Does what the application asks for; `true` ends the view.
    fn carry_out(&mut self, effects: Vec<Effect>, start_over: &StartOver<'_>) -> io::Result<bool> {
        for effect in effects {
            match effect {
                Effect::Control(command) => self.control.send(command),
                Effect::Bell => self.screen.ring()?,
                Effect::Leave => return Ok(true),
                Effect::StopAndLeave => {
                    self.control.send(Command::Stop);
                    self.leaving = Some(Instant::now() + STOP_PATIENCE);
                    self.app.overlay = None;
                }
                Effect::StartOver { new_seed } => match start_over(&self.run, new_seed) {
                    Ok(run) => self.open(run)?,
                    Err(error) => {
                        self.app.update(Message::Refused(error));
                    }
                },
            }
        }
        Ok(false)
    }

    /// Shows another run. The one shown so far ends, now that the other one has begun.
    fn open(&mut self, run: RunDir) -> io::Result<()> {
        if self.app.model.is_live() {
            self.control.send(Command::Stop);
        }
        self.shown += 1;
        let reports = self.reports.of_run(self.shown);
        self.follower = Follower::start(run.clone(), reports.clone())?;
        let control = Control::start(run.clone(), reports)?;
        self.retired.push(std::mem::replace(&mut self.control, control));
        self.app.update(Message::Opened(run.path().to_owned()));
        self.run = run;
        Ok(())
    }

    fn suspend(&mut self) -> io::Result<()> {
        self.screen.suspend(|| {
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP);
        })?;
        let (columns, rows) = self.screen.size()?;
        self.app.update(Message::Resized(columns, rows));
        self.dirty = true;
        Ok(())
    }

    /// Gives the terminal back, then lets commands that are on their way arrive.
    fn leave(self, signal: Option<i32>) -> Left {
        drop(self.screen);
        drop(self.news);
        let deadline = Instant::now() + FAREWELL;
        for control in self.retired.into_iter().chain([self.control]) {
            control.finish(deadline);
        }
        Left { run: self.run, meta: self.app.model.meta, signal }
    }
}
