//! The loop that ties terminal, run and application together: the only place that sees all of them.

mod control;
mod follower;
mod input;
mod looks;
mod output;
mod panic;
mod reports;

use std::io;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossterm::event::Event;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::Receiver;

use crate::app::{App, Effect, Key, Message};
use crate::run::{self, Command, RunDir, RunMeta};
use crate::term::{self, Capabilities, Screen};
use control::{Control, Retired};
use follower::Follower;
use input::{Heard, LateAnswers, Repeats};
use looks::Looks;
use output::Output;
pub use panic::install_panic_hook;
use reports::{QUEUE, Report, Reports};

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
    /// Runs shown before that were to go on beside the one shown last.
    pub beside: Vec<RunDir>,
}

/// Opens further runs for the view: `start(recipe of, new seed)` creates a run from the recipe of another one and starts
/// its trainer.
pub type StartOver<'a> = dyn Fn(&RunDir, bool) -> Result<RunDir, String> + 'a;

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    quit: Signal,
    stop: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
            quit: signal(SignalKind::quit())?,
            stop: signal(SignalKind::from_raw(TSTP))?,
        })
    }

    async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.terminate.recv() => SignalKind::terminate().as_raw_value(),
            _ = self.interrupt.recv() => SignalKind::interrupt().as_raw_value(),
            _ = self.hangup.recv() => HANGUP,
            _ = self.quit.recv() => SignalKind::quit().as_raw_value(),
            _ = self.stop.recv() => TSTP,
        }
    }
}

/// What a terminal that has gone counts as, whether or not the signal comes.
const HANGUP: i32 = rustix::process::Signal::HUP.as_raw();
const TSTP: i32 = rustix::process::Signal::TSTP.as_raw();

/// How to show a run.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// What the terminal can do.
    pub capabilities: Capabilities,
    /// Alarms ring the terminal's bell.
    pub bell: bool,
    /// Thousands of bytes a second to write at most.
    pub max_kbps: Option<u32>,
}

/// The line to a run of another machine.
#[derive(Debug)]
pub struct Far {
    /// The machine.
    pub host: String,
    /// How the line stands.
    pub news: std::sync::mpsc::Receiver<run::Link>,
}

/// Shows a run until the user leaves. `opening` is called once the first frame is on the screen: it starts the trainer,
/// or does nothing for a run that exists already.
pub fn show(
    run: RunDir,
    options: Options,
    far: Option<Far>,
    opening: impl FnOnce(&RunDir) -> Result<(), String>,
    start_over: &StartOver<'_>,
) -> io::Result<Left> {
    match open(run.clone(), options, far, opening, start_over) {
        // It may go before there is a session that could take note.
        Err(error) if is_hangup(&error) => Ok(Left { run, meta: None, signal: Some(HANGUP), beside: Vec::new() }),
        result => result,
    }
}

fn open(
    run: RunDir,
    options: Options,
    far: Option<Far>,
    opening: impl FnOnce(&RunDir) -> Result<(), String>,
    start_over: &StartOver<'_>,
) -> io::Result<Left> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // Caught from before the terminal is taken: a signal in between would leave it in disorder.
    let signals = {
        let _context = runtime.enter();
        Signals::new()?
    };
    let capabilities = options.capabilities;
    let mut looks = Looks::new(&capabilities);
    let mut screen = Screen::enter(capabilities.synchronized, capabilities.remote)?;
    let mut app = App::new(run.path().to_owned(), screen.size()?);
    app.bell = options.bell;
    app.host = far.as_ref().map(|far| far.host.clone());
    looks.draw(&mut screen, &app)?;
    if let Err(error) = opening(&run) {
        app.update(Message::Refused(error));
    }
    // After the first frame, which must not wait for a terminal far away; before anything else reads its input.
    let answers = screen.ask(&capabilities)?;
    looks.learn(&answers, screen.graphics(&answers));
    app.pixel_mode = looks.pixel_mode();
    let mut session = Session::new(screen, app, looks, options, run)?;
    session.late.expected = !answers.complete;
    if let Some(far) = far {
        let reports = session.reports.clone();
        std::thread::Builder::new().name("link".into()).spawn(move || {
            far.news.into_iter().for_each(|link| reports.send(Message::Link(link)));
        })?;
    }
    let typed = input::keys(&answers.typed);
    let result = runtime.block_on(session.run(signals, typed, start_over));
    // A thread that reads a dead file system must not keep the user waiting.
    runtime.shutdown_background();
    result
}

/// Whether an error comes of the terminal being gone.
fn is_hangup(error: &io::Error) -> bool {
    term::is_gone(error) || term::has_hung_up()
}

struct Session {
    screen: Screen,
    app: App,
    looks: Looks,
    late: LateAnswers,
    output: Output,
    run: RunDir,
    follower: Follower,
    control: Control,
    /// The lines to runs shown before, which may still have a stop to deliver.
    retired: Vec<Retired>,
    /// Runs shown before that go on.
    beside: Vec<RunDir>,
    repeats: Repeats,
    reports: Reports,
    news: Receiver<Report>,
    /// Counts the runs shown.
    shown: u64,
    dirty: bool,
    /// Whether what is not drawn yet answers the user.
    urgent: bool,
    /// Whether it is the counter of traffic alone.
    fading: bool,
    /// Set when the run was asked to stop: the view is left when it has, or when this time has come.
    leaving: Option<Instant>,
}

impl Session {
    fn new(screen: Screen, app: App, looks: Looks, options: Options, run: RunDir) -> io::Result<Self> {
        let (reports, news) = Reports::queue();
        Ok(Self {
            follower: Follower::start(run.clone(), reports.clone())?,
            control: Control::start(run.clone(), reports.clone())?,
            retired: Vec::new(),
            beside: Vec::new(),
            repeats: Repeats::default(),
            output: Output::new(options),
            screen,
            app,
            looks,
            late: LateAnswers::default(),
            run,
            reports,
            news,
            shown: 0,
            dirty: true,
            urgent: false,
            fading: false,
            leaving: None,
        })
    }

    /// Shows the run until the view is left, or ended by a signal or an error. `typed` are keys from before there were
    /// events.
    async fn run(mut self, signals: Signals, typed: Vec<Key>, start_over: &StartOver<'_>) -> io::Result<Left> {
        match self.attend(signals, typed, start_over).await {
            Ok(signal) => Ok(self.leave(signal)),
            Err(error) if is_hangup(&error) => Ok(self.leave(Some(HANGUP))),
            Err(error) => Err(error),
        }
    }

    /// Waits for whatever comes next and draws what follows from it. Returns the signal that ended the view, if one did.
    async fn attend(
        &mut self,
        mut signals: Signals,
        typed: Vec<Key>,
        start_over: &StartOver<'_>,
    ) -> io::Result<Option<i32>> {
        for key in typed {
            let effects = self.key(key);
            if self.carry_out(effects, start_over)? {
                return Ok(None);
            }
        }
        let mut events = input::listen(self.reports.clone())?;
        let mut next_tick = Instant::now();
        loop {
            let next_frame = self.output.due(self.urgent);
            tokio::select! {
                () = panic::panicked() => return Err(io::Error::other("a part of the view panicked; see above")),
                event = events.recv() => {
                    // Without events the terminal is gone.
                    let Some(event) = event else { return Ok(Some(HANGUP)) };
                    let effects = self.event(&event?);
                    if self.carry_out(effects, start_over)? {
                        return Ok(None);
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
                        return Ok(None);
                    }
                }
                signal = signals.next() => {
                    if signal != TSTP {
                        return Ok(Some(signal));
                    }
                    self.suspend()?;
                }
                () = tokio::time::sleep_until(next_frame.into()), if self.dirty || self.screen.is_behind() => {}
                () = tokio::time::sleep_until(next_tick.into()), if self.app.wants_time() => {
                    next_tick = Instant::now() + TICK;
                    let effects = self.tick();
                    self.carry_out(effects, start_over)?;
                }
                () = tokio::time::sleep_until(self.leaving.unwrap_or(next_tick).into()), if self.leaving.is_some() => {}
            }
            if let Some(patience) = self.leaving
                && (!self.app.model.is_live() || Instant::now() >= patience)
            {
                return Ok(None);
            }
            if (self.dirty || self.screen.is_behind()) && self.output.allows(self.urgent) {
                // While the terminal has not taken the last frame another one would only be late.
                if self.screen.catch_up()? {
                    self.draw()?;
                } else {
                    self.output.sent(0, true);
                }
            }
        }
    }

    /// Draws what is new, if anything is.
    fn draw(&mut self) -> io::Result<()> {
        if !self.dirty {
            return Ok(());
        }
        if self.app.traffic.is_some() {
            self.app.update(Message::Traffic(self.output.traffic()));
        }
        let drawn = self.looks.draw(&mut self.screen, &self.app)?;
        self.output.sent(drawn.unwrap_or(0), self.fading);
        (self.dirty, self.urgent, self.fading) = (drawn.is_none(), false, false);
        Ok(())
    }

    /// What the terminal reported.
    fn event(&mut self, event: &Event) -> Vec<Effect> {
        match self.late.judge(event) {
            Heard::Event => {}
            Heard::Answer => return Vec::new(),
            Heard::Ground(ground) => {
                self.dirty |= self.looks.learn_ground(ground);
                return Vec::new();
            }
        }
        match input::message(event) {
            Some(Message::Key(key)) => self.key(key),
            Some(message) => {
                (self.dirty, self.fading) = (true, false);
                // Of a storm of resizes one frame in a while is enough.
                self.urgent |= !matches!(message, Message::Resized(..));
                self.app.update(message)
            }
            None => Vec::new(),
        }
    }

    /// A key was pressed.
    fn key(&mut self, key: Key) -> Vec<Effect> {
        if key == Key::ctrl('z') {
            // In raw mode the terminal no longer turns Ctrl-Z into the signal.
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TSTP);
            return Vec::new();
        }
        (self.dirty, self.urgent) = (true, true);
        let repeated = self.repeats.is_repeat(key, Instant::now());
        self.app.update(if repeated { Message::Repeat(key) } else { Message::Key(key) })
    }

    /// Tells the application the time. A frame is drawn only if that changes what there is to see.
    fn tick(&mut self) -> Vec<Effect> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |now| now.as_secs_f64());
        let said = |app: &App| app.model.alarms.newest().next().map(|alarm| alarm.message.clone());
        let before = (said(&self.app), self.app.model.alarms.banner().is_some());
        let effects = self.app.update(Message::Tick(now));
        self.dirty |= before != (said(&self.app), self.app.model.alarms.banner().is_some());
        // The counter falls to nothing when nothing is drawn. What that costs does not count, or it never would.
        if !self.dirty && self.app.traffic.is_some_and(|traffic| traffic != self.output.traffic()) {
            (self.dirty, self.fading) = (true, true);
        }
        effects
    }

    fn take(&mut self, report: Report) -> io::Result<Vec<Effect>> {
        let message = match report {
            Report::News(run, message) if run == self.shown => message,
            Report::News(..) => return Ok(Vec::new()),
            Report::HungUp => return Err(rustix::io::Errno::IO.into()),
        };
        match &message {
            Message::Status(meta) if meta.state.is_live() => {
                if let Some(socket) = &meta.socket {
                    self.control.connect(socket);
                }
            }
            Message::Status(_) => self.control.forget(),
            // A stop that was refused is not waited for.
            Message::Refused(_) => self.leaving = None,
            _ => {}
        }
        (self.dirty, self.fading) = (true, false);
        Ok(self.app.update(message))
    }

    /// Does what the application asks for; `true` ends the view.
    fn carry_out(&mut self, effects: Vec<Effect>, start_over: &StartOver<'_>) -> io::Result<bool> {
        for effect in effects {
            match effect {
                Effect::Control(command) => self.control.send(command),
                Effect::Bell => self.screen.ring()?,
                Effect::Look(look) => {
                    let note = self.looks.next(look);
                    self.app.pixel_mode = self.looks.pixel_mode();
                    self.app.update(Message::Note(note));
                }
                Effect::Leave => return Ok(true),
                Effect::StopAndLeave => {
                    self.control.send(Command::Stop);
                    self.leaving = Some(Instant::now() + STOP_PATIENCE);
                    self.app.overlay = None;
                }
                Effect::StartOver { new_seed, stop } => match start_over(&self.run, new_seed) {
                    Ok(run) => self.open(run, stop)?,
                    Err(error) => {
                        self.app.update(Message::Refused(error));
                    }
                },
            }
        }
        Ok(false)
    }

    /// Shows another run. The one shown so far is stopped, now that the other one has begun, or goes on beside it.
    fn open(&mut self, run: RunDir, stop: bool) -> io::Result<()> {
        if stop {
            self.control.send(Command::Stop);
        } else if self.app.model.is_live() {
            self.beside.push(self.run.clone());
        }
        self.shown += 1;
        let reports = self.reports.of_run(self.shown);
        self.follower = Follower::start(run.clone(), reports.clone())?;
        let control = Control::start(run.clone(), reports)?;
        self.retired.retain(|retired| !retired.is_finished());
        self.retired.push(std::mem::replace(&mut self.control, control).retire());
        self.app.update(Message::Opened(run.path().to_owned()));
        self.run = run;
        Ok(())
    }

    fn suspend(&mut self) -> io::Result<()> {
        self.looks.close(&mut self.screen)?;
        self.screen.suspend(|| {
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP);
        })?;
        let (columns, rows) = self.screen.size()?;
        self.app.update(Message::Resized(columns, rows));
        self.dirty = true;
        Ok(())
    }

    /// Gives the terminal back, then lets commands that are on their way arrive.
    fn leave(mut self, signal: Option<i32>) -> Left {
        // The terminal may be gone already.
        let _ = self.looks.close(&mut self.screen);
        drop(self.screen);
        drop(self.news);
        let deadline = Instant::now() + FAREWELL;
        for control in self.retired.into_iter().chain([self.control.retire()]) {
            control.finish(deadline);
        }
        Left { run: self.run, meta: self.app.model.meta, signal, beside: self.beside }
    }
}
