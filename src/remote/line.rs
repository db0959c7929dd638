//! The near end: keeps the line open, fills the mirror, and passes commands on.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Child, ChildStdin, ExitStatus};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::address::Address;
use super::mirror::{Mirror, cache};
use super::relay::{ALIVE, DEAD};
use super::ssh::{RemoteError, Ssh, backoff};
use super::wire::{FarMessage, FarRun, Frame, NearMessage, VERSION, read_frame, read_greeting, write_frame};
use crate::run::{Command, Link, MAX_LINE, Reply, RunDir, peer_is_us};

/// Between two looks at the clock and at the socket.
const LOOK: Duration = Duration::from_millis(50);
/// How long what ssh says is kept back: it becomes part of the error if ssh ends at once.
const PATIENCE: Duration = Duration::from_millis(700);
/// Bytes of what ssh says that are kept.
const MOST_SAID: usize = 16 << 10;
/// How long a line that is closed may take.
const FAREWELL: Duration = Duration::from_millis(300);
/// Arrivals are told when so many bytes have come, or nothing follows.
const TOLD: u64 = 8 << 10;

enum Event {
    /// A frame came, over the line of that number.
    Frame(u64, Frame<FarMessage>),
    /// Another version, or something else that is not a relay.
    Strange(u64, RemoteError),
    /// The line has ended; before the greeting with what came instead.
    Ended(u64, Option<String>),
    /// A command from a view, and where its answer goes.
    Line { id: u64, line: String, answer: Sender<String> },
    /// A view has gone.
    Closed(u64),
    /// Nobody looks any more.
    Quit,
}

/// A run of another machine, shown here.
#[derive(Debug)]
pub struct Attached {
    /// The mirror; a run directory like any other.
    pub run: RunDir,
    /// The same run as the user would name it.
    pub address: Address,
    news: Option<Receiver<Link>>,
    events: Sender<Event>,
    thread: Option<JoinHandle<()>>,
}

impl Attached {
    /// How the line stands, from now on. Only the first caller hears it.
    pub fn news(&mut self) -> Option<Receiver<Link>> {
        self.news.take()
    }

    /// Waits until all that there is has come. Says why if it cannot.
    pub fn complete(&mut self) -> Result<(), String> {
        let Some(news) = &self.news else { return Ok(()) };
        for link in news {
            match link {
                Link::Up { behind: 0 } => return Ok(()),
                Link::Up { .. } => {}
                Link::Lost { reason, .. } => return Err(reason),
            }
        }
        Ok(())
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        let _told = self.events.send(Event::Quit);
        let _ended = self.thread.take().map(JoinHandle::join);
    }
}

/// Opens the line. ssh may ask for a password meanwhile, so the terminal has to be as the shell left it.
pub fn attach(address: &Address, ssh: &Ssh) -> Result<Attached, RemoteError> {
    let (events, inbox) = mpsc::channel();
    let (news_out, news) = mpsc::channel();
    let mut line = Line {
        address: address.clone(),
        ssh: ssh.clone(),
        far: None,
        mirror: None,
        listener: None,
        session: None,
        serial: 0,
        failures: 0,
        retry: None,
        answers: HashMap::new(),
        watching: HashMap::new(),
        connections: 0,
        news: news_out,
        said: None,
        events: events.clone(),
    };
    line.dial(false)?;
    let start = Instant::now();
    let mut told = 0;
    while line.mirror.as_ref().is_none_or(|mirror| mirror.run().is_none()) {
        match inbox.recv_timeout(LOOK) {
            Ok(event) => line.take(event)?,
            Err(_) => line.look()?,
        }
        if start.elapsed() > PATIENCE
            && let Some(session) = &line.session
        {
            // Warnings, and requests to touch a key.
            let said = session.said();
            let _ = io::stderr().write_all(&said.as_bytes()[told.min(said.len())..]);
            told = said.len();
        }
    }
    let run = line.mirror.as_ref().and_then(Mirror::run).cloned();
    let run = run.ok_or_else(|| line.broken("it ended".to_owned()))?;
    let address = line.address.clone();
    let thread = thread::Builder::new().name("line".into()).spawn(move || line.keep(&inbox));
    let thread = thread.map_err(|error| RemoteError::Broken { host: address.host.clone(), said: error.to_string() })?;
    Ok(Attached { run, address, news: Some(news), events, thread: Some(thread) })
}

/// An ssh that runs.
struct Session {
    child: Child,
    to: ChildStdin,
    said: Arc<Mutex<String>>,
    heard: Instant,
    spoke: Instant,
    /// Bytes of frames that have arrived, and how many the other end has been told of.
    received: u64,
    told: u64,
}

impl Session {
    /// What ssh has said so far.
    fn said(&self) -> String {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn tell(&mut self, message: &NearMessage) -> io::Result<()> {
        self.spoke = Instant::now();
        write_frame(&mut self.to, message, &[]).map(drop)
    }

    /// Ends it; how it ended, if it did so by itself.
    fn end(self) -> Option<ExitStatus> {
        let Self { mut child, to, .. } = self;
        // The relay ends when it hears no more, and ssh with it.
        drop(to);
        let deadline = Instant::now() + FAREWELL;
        while Instant::now() < deadline {
            if let Ok(Some(status)) = child.try_wait() {
                return Some(status);
            }
            thread::sleep(Duration::from_millis(5));
        }
        let _ = child.kill();
        let _ = child.wait();
        None
    }
}

struct Line {
    address: Address,
    ssh: Ssh,
    far: Option<FarRun>,
    mirror: Option<Mirror>,
    /// Where views of this machine send their commands.
    listener: Option<UnixListener>,
    session: Option<Session>,
    /// Counts the times that ssh was started.
    serial: u64,
    failures: u32,
    /// Why there is no line, and when the next one is tried.
    retry: Option<(String, Instant)>,
    /// Who waits for an answer, by connection.
    answers: HashMap<u64, Sender<String>>,
    /// The connections that watch, by which the trainer counts its audience.
    watching: HashMap<u64, String>,
    connections: u64,
    news: Sender<Link>,
    said: Option<Link>,
    events: Sender<Event>,
}

impl Line {
    /// Keeps the line until nobody looks any more.
    fn keep(mut self, inbox: &Receiver<Event>) {
        loop {
            let result = match inbox.recv_timeout(LOOK) {
                Ok(Event::Quit) | Err(RecvTimeoutError::Disconnected) => break,
                Ok(event) => self.take(event),
                Err(RecvTimeoutError::Timeout) => self.look(),
            };
            if let Err(error) = result {
                self.lose(&error);
            }
            self.accept();
            if let Some((reason, at)) = self.retry.clone() {
                let left = at.saturating_duration_since(Instant::now());
                let retry_in = if self.session.is_some() { 0 } else { left.as_secs_f64().ceil() as u64 };
                self.tell(Link::Lost { reason, retry_in });
                if self.session.is_none()
                    && left.is_zero()
                    && let Err(error) = self.dial(true)
                {
                    self.lose(&error);
                }
            }
        }
        if let Some(session) = self.session.take() {
            session.end();
        }
    }

    fn tell(&mut self, link: Link) {
        if self.said.as_ref() != Some(&link) {
            self.said = Some(link.clone());
            // Whoever does not listen needs not know.
            let _ = self.news.send(link);
        }
    }

    /// The line is no more; another one will be tried.
    fn lose(&mut self, error: &RemoteError) {
        if let Some(session) = self.session.take() {
            session.end();
        }
        let reason = error.short();
        for (_, answer) in self.answers.drain() {
            let _ = answer.send(refusal(self.mirror.as_ref(), &format!("{}: {reason}", self.address.host)));
        }
        self.retry = Some((reason, Instant::now() + backoff(self.failures)));
        self.failures += 1;
    }

    fn broken(&self, said: String) -> RemoteError {
        RemoteError::Broken { host: self.address.host.clone(), said }
    }

    /// Starts ssh. `quiet`: it must not ask anything.
    fn dial(&mut self, quiet: bool) -> Result<(), RemoteError> {
        let no_ssh =
            |error: io::Error| RemoteError::NoSsh { command: self.ssh.command.clone(), problem: error.to_string() };
        let mut child = self.ssh.relay(&self.address, quiet).spawn().map_err(no_ssh)?;
        let (Some(to), Some(from), Some(errors)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(self.broken("it has no pipes".to_owned()));
        };
        self.serial += 1;
        let (serial, events, host) = (self.serial, self.events.clone(), self.address.host.clone());
        let said = Arc::new(Mutex::new(String::new()));
        let started = thread::Builder::new().name("ssh".into()).spawn(move || receive(serial, from, &host, &events));
        let heard = Arc::clone(&said);
        let started = started
            .and_then(|_| thread::Builder::new().name("ssh errors".into()).spawn(move || overhear(errors, &heard)));
        let now = Instant::now();
        self.session = Some(Session { child, to, said, heard: now, spoke: now, received: 0, told: 0 });
        started.map(drop).map_err(|error| self.broken(error.to_string()))
    }

    fn take(&mut self, event: Event) -> Result<(), RemoteError> {
        match event {
            Event::Frame(serial, frame) if serial == self.serial => return self.frame(frame),
            Event::Strange(serial, error) if serial == self.serial => return Err(error),
            Event::Ended(serial, noise) if serial == self.serial => {
                let Some(session) = self.session.take() else { return Ok(()) };
                let said = Arc::clone(&session.said);
                let status = session.end();
                // What it said last may still be on its way from the other thread.
                thread::sleep(Duration::from_millis(20));
                let said = said.lock().unwrap_or_else(PoisonError::into_inner).clone();
                return Err(match noise {
                    Some(noise) => self.ssh.explain(&self.address, status, &said, &noise),
                    None => self.broken(said.lines().last().unwrap_or("connection lost").trim().to_owned()),
                });
            }
            Event::Line { id, line, answer } => self.line(id, line, answer),
            Event::Closed(id) => {
                self.answers.remove(&id);
                self.watching.remove(&id);
                self.speak(&NearMessage::Close { id });
            }
            Event::Frame(..) | Event::Strange(..) | Event::Ended(..) | Event::Quit => {}
        }
        Ok(())
    }

    /// Signs of life: ours, and theirs.
    fn look(&mut self) -> Result<(), RemoteError> {
        let Some(session) = &mut self.session else { return Ok(()) };
        if self.far.is_some() && session.heard.elapsed() > DEAD {
            return Err(self.broken("it has gone silent".to_owned()));
        }
        if session.received > session.told {
            session.told = session.received;
            let bytes = session.told;
            self.speak(&NearMessage::Received { bytes });
        } else if session.received > 0 && session.spoke.elapsed() > ALIVE {
            self.speak(&NearMessage::Alive);
        }
        Ok(())
    }

    /// Says something, if there is a line. That it broke is found out by whoever reads from it.
    fn speak(&mut self, message: &NearMessage) {
        if let Some(session) = &mut self.session {
            let _ = session.tell(message);
        }
    }

    fn frame(&mut self, Frame { message, bytes, length }: Frame<FarMessage>) -> Result<(), RemoteError> {
        let host = self.address.host.clone();
        let mirrored = |error: io::Error| RemoteError::Mirror { host: host.clone(), problem: error.to_string() };
        if let Some(session) = &mut self.session {
            session.heard = Instant::now();
            session.received += length as u64;
        }
        match message {
            FarMessage::Hello { run, .. } => {
                if self.far.as_ref().is_some_and(|far| *far != run) {
                    let reason = format!("another run has taken the place of {}", run.name);
                    return Err(RemoteError::Refused { host, reason });
                }
                if self.mirror.is_none() {
                    let mirror = cache().and_then(|cache| Mirror::open(&cache, &host, &run));
                    self.mirror = Some(mirror.map_err(mirrored)?);
                }
                // From now on this run is meant, even if a later one is started.
                self.address = self.address.with_run(run.path.clone());
                self.far = Some(run);
                let files = self.mirror.as_ref().map(Mirror::have).unwrap_or_default();
                self.speak(&NearMessage::Have { files });
                for (id, line) in self.watching.clone() {
                    self.speak(&NearMessage::Line { id, line });
                }
            }
            FarMessage::Refused { reason } => return Err(RemoteError::Refused { host, reason }),
            FarMessage::Behind { bytes } => {
                (self.failures, self.retry) = (0, None);
                self.tell(Link::Up { behind: bytes });
            }
            FarMessage::Reply { id, line } => {
                if let Some(answer) = self.answers.remove(&id) {
                    let _ = answer.send(line);
                }
            }
            FarMessage::Alive => {}
            FarMessage::Status { fields } => {
                self.mirror_of()?.status(fields).map_err(mirrored)?;
                self.listen().map_err(mirrored)?;
            }
            FarMessage::File { name, restart, mark } => {
                self.mirror_of()?.append(&name, restart, &bytes, mark).map_err(mirrored)?;
            }
            FarMessage::Whole { name } => self.mirror_of()?.replace(&name, &bytes).map_err(mirrored)?,
        }
        if let Some(session) = &mut self.session
            && session.received - session.told >= TOLD
        {
            session.told = session.received;
            let bytes = session.told;
            self.speak(&NearMessage::Received { bytes });
        }
        Ok(())
    }

    fn mirror_of(&mut self) -> Result<&mut Mirror, RemoteError> {
        let host = self.address.host.clone();
        self.mirror.as_mut().ok_or(RemoteError::Broken { host, said: "it does not say which run it has".to_owned() })
    }

    fn listen(&mut self) -> io::Result<()> {
        if self.listener.is_none()
            && let Some(socket) = self.mirror.as_ref().and_then(Mirror::socket)
        {
            let listener = socket.listener().try_clone()?;
            listener.set_nonblocking(true)?;
            self.listener = Some(listener);
        }
        Ok(())
    }

    fn accept(&mut self) {
        let Some(listener) = &self.listener else { return };
        while let Ok((stream, _)) = listener.accept() {
            self.connections += 1;
            let (id, events) = (self.connections, self.events.clone());
            // A connection that cannot be served is closed, which is an answer too.
            let _ = thread::Builder::new().name("control".into()).spawn(move || {
                let _ = serve(id, &stream, &events);
                let _ = events.send(Event::Closed(id));
            });
        }
    }

    fn line(&mut self, id: u64, line: String, answer: Sender<String>) {
        if matches!(Command::parse(line.as_bytes()), Ok(Command::Watch)) {
            self.watching.insert(id, line.clone());
        }
        if let Some((reason, _)) = &self.retry {
            let reason = format!("{}: {reason}", self.address.host);
            let _ = answer.send(refusal(self.mirror.as_ref(), &reason));
        } else {
            self.answers.insert(id, answer);
            self.speak(&NearMessage::Line { id, line });
        }
    }
}

fn refusal(mirror: Option<&Mirror>, reason: &str) -> String {
    Reply::refused(&mirror.map(Mirror::meta).unwrap_or_default(), reason).to_line()
}

/// Reads what comes over the line until it ends.
fn receive(serial: u64, from: impl Read, host: &str, events: &Sender<Event>) {
    let mut from = BufReader::new(from);
    match read_greeting(&mut from) {
        Ok(Ok(VERSION)) => {}
        Ok(Ok(version)) => {
            let what = format!("there {version}, here {VERSION}");
            let _ = events.send(Event::Strange(serial, RemoteError::Version { host: host.to_owned(), what }));
            return;
        }
        Ok(Err(noise)) => return drop(events.send(Event::Ended(serial, Some(noise)))),
        Err(_) => return drop(events.send(Event::Ended(serial, Some(String::new())))),
    }
    loop {
        let event = match read_frame(&mut from) {
            Ok(Some(frame)) => Event::Frame(serial, frame),
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                let host = host.to_owned();
                Event::Strange(serial, RemoteError::Version { host, what: error.to_string() })
            }
            Ok(None) | Err(_) => Event::Ended(serial, None),
        };
        let last = !matches!(event, Event::Frame(..));
        if events.send(event).is_err() || last {
            return;
        }
    }
}

/// Keeps what ssh says.
fn overhear(mut errors: impl Read, said: &Mutex<String>) {
    let mut bytes = [0; 1024];
    while let Ok(count @ 1..) = errors.read(&mut bytes) {
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.len() < MOST_SAID {
            said.push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
    }
}

/// Serves one view of this machine.
fn serve(id: u64, stream: &UnixStream, events: &Sender<Event>) -> io::Result<()> {
    if !peer_is_us(stream)? {
        return Ok(());
    }
    stream.set_nonblocking(false)?;
    let mut from = BufReader::new(stream);
    let mut to = stream;
    loop {
        let mut line = Vec::new();
        from.by_ref().take(MAX_LINE as u64 + 1).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(());
        }
        let (answer, answered) = mpsc::channel();
        // A line that is too long, or no text, is no command; the relay says so.
        let line = String::from_utf8_lossy(&line).into_owned();
        if events.send(Event::Line { id, line, answer }).is_err() {
            return Ok(());
        }
        let Ok(reply) = answered.recv() else { return Ok(()) };
        to.write_all(reply.as_bytes())?;
    }
}
