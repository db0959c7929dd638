//! The near end: keeps the line open, fills the mirror, and passes commands on.

use std::collections::{HashMap, VecDeque};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::address::Address;
use super::mirror::{MOST_BYTES, Mirror, cache};
use super::relay::{ALIVE, DEAD};
use super::session::{Answer, Event, PATIENCE, PassedOn, Session, complain};
use super::ssh::{RemoteError, Ssh, backoff};
use super::wire::{FarMessage, FarRun, Frame, NearMessage};
use crate::run::{Command, Link, MAX_LINE, Reply, RunDir, TIMEOUT, peer_is_us};

/// Between two looks at the clock and at the socket.
const LOOK: Duration = Duration::from_millis(50);
/// Arrivals are told when so many bytes have come, or nothing follows.
const TOLD: u64 = 8 << 10;
/// Frames, commands and the like that wait to be dealt with. Who sends more has to wait.
const QUEUE: usize = 4;
/// Accounts of the line that wait to be heard; of several that stand one is left.
const NEWS: usize = 16;
/// Without a byte for so long, which is twice as long as a sign of life may take and more, the line is called silent.
const SILENT: Duration = Duration::from_secs(5);
/// Whoever waits for a run that does not come is told so after this time.
const WORD: Duration = Duration::from_secs(5);
/// How long the far trainer's answer to a command is waited for: a little shorter than whoever sent it waits.
const ANSWER: Duration = TIMEOUT.saturating_sub(Duration::from_millis(500));

/// A run of another machine, shown here.
#[derive(Debug)]
pub struct Attached {
    /// The mirror; a run directory like any other.
    pub run: RunDir,
    /// The same run as the user would name it.
    pub address: Address,
    news: Option<Receiver<Link>>,
    is_over: Arc<AtomicBool>,
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
        let mut is_told = false;
        for link in news {
            match link {
                Link::Up { behind: 0 } => return Ok(()),
                Link::Up { .. } => {}
                Link::Silent { seconds } => {
                    if !std::mem::replace(&mut is_told, true) {
                        complain(&format!("torchscope: no word from {} for {seconds} s", self.address.host));
                    }
                }
                Link::Note(note) => complain(&note),
                Link::Lost { reason, .. } => return Err(reason),
            }
        }
        Ok(())
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        let _ended = self.thread.take().map(JoinHandle::join);
    }
}

/// Opens the line. ssh may ask for a password meanwhile, so the terminal has to be as the shell left it.
pub fn attach(address: &Address, ssh: &Ssh) -> Result<Attached, RemoteError> {
    let (events, inbox) = sync_channel(QUEUE);
    let (news_out, news) = sync_channel(NEWS);
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
        behind: 0,
        said: None,
        is_told_full: false,
        outbox: VecDeque::new(),
        news: news_out,
        looked: Instant::now(),
        events,
    };
    line.dial(false)?;
    let start = Instant::now();
    let mut passed_on = PassedOn::default();
    let mut is_told = false;
    while line.mirror.as_ref().is_none_or(|mirror| mirror.run().is_none()) {
        match inbox.recv_timeout(LOOK) {
            Ok(event) => line.take(event)?,
            Err(_) => line.look()?,
        }
        if start.elapsed() > PATIENCE
            && let Some(session) = &line.session
        {
            // Warnings, and requests to touch a key.
            passed_on.take(&session.said(), Instant::now()).iter().for_each(|line| complain(line));
        }
        if start.elapsed() > WORD && !is_told {
            is_told = true;
            complain(&format!("torchscope: no run has come from {} yet; Ctrl-C gives up", address.host));
        }
    }
    let run = line.mirror.as_ref().and_then(Mirror::run).cloned();
    let run = run.ok_or_else(|| line.broken("it ended".to_owned()))?;
    let address = line.address.clone();
    let is_over = Arc::new(AtomicBool::new(false));
    let over = Arc::clone(&is_over);
    let thread = thread::Builder::new().name("line".into()).spawn(move || line.keep(&inbox, &over));
    let thread = thread.map_err(|error| RemoteError::Broken { host: address.host.clone(), said: error.to_string() })?;
    Ok(Attached { run, address, news: Some(news), is_over, thread: Some(thread) })
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
    /// Who waits for an answer, by connection, and since when.
    answers: HashMap<u64, (SyncSender<Answer>, Instant)>,
    /// The connections that watch, by which the trainer counts its audience.
    watching: HashMap<u64, String>,
    connections: u64,
    /// Bytes still to come, as last heard.
    behind: u64,
    said: Option<Link>,
    /// That not all of the run is kept here has been said.
    is_told_full: bool,
    /// What there was no room for yet among the news.
    outbox: VecDeque<Link>,
    news: SyncSender<Link>,
    /// When the clock was last looked at.
    looked: Instant,
    events: SyncSender<Event>,
}

impl Line {
    /// Keeps the line until nobody looks any more.
    fn keep(mut self, inbox: &Receiver<Event>, is_over: &AtomicBool) {
        while !is_over.load(Ordering::Relaxed) {
            let taken = match inbox.recv_timeout(LOOK) {
                Ok(event) => self.take(event),
                Err(RecvTimeoutError::Timeout) => Ok(()),
                Err(RecvTimeoutError::Disconnected) => break,
            };
            // However much comes.
            let looked = if self.looked.elapsed() >= LOOK { self.look() } else { Ok(()) };
            if let Err(error) = taken.and(looked) {
                self.lose(&error);
            }
            self.accept();
            self.pass_on();
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
        if self.said.as_ref() == Some(&link) {
            return;
        }
        self.said = Some(link.clone());
        // How the line stood before is of no interest any more.
        match self.outbox.back_mut() {
            Some(waiting) if !matches!(waiting, Link::Note(_)) => *waiting = link,
            _ => self.outbox.push_back(link),
        }
        self.pass_on();
    }

    /// Tells as much as there is room for.
    fn pass_on(&mut self) {
        while let Some(link) = self.outbox.pop_front() {
            match self.news.try_send(link) {
                Ok(()) => {}
                Err(TrySendError::Full(link)) => return self.outbox.push_front(link),
                // Whoever does not listen needs not know.
                Err(TrySendError::Disconnected(_)) => self.outbox.clear(),
            }
        }
    }

    /// The line is no more; another one will be tried.
    fn lose(&mut self, error: &RemoteError) {
        if let Some(session) = self.session.take() {
            session.end();
        }
        let reason = error.short();
        for (id, (answer, _)) in self.answers.drain() {
            let line = refusal(self.mirror.as_ref(), &format!("{}: {reason}", self.address.host));
            let _ = answer.try_send(Answer { line, id });
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
        let child = self.ssh.relay(&self.address, quiet).spawn().map_err(no_ssh)?;
        self.serial += 1;
        let session = Session::start(child, self.serial, &self.address.host, &self.events);
        self.session = Some(session.map_err(|error| self.broken(error.to_string()))?);
        Ok(())
    }

    fn take(&mut self, event: Event) -> Result<(), RemoteError> {
        match event {
            Event::Frame(serial, frame) if serial == self.serial => return self.frame(frame),
            Event::Strange(serial, error) if serial == self.serial => return Err(error),
            Event::Ended(serial, noise) if serial == self.serial => {
                let Some(session) = self.session.take() else { return Ok(()) };
                let (status, said) = session.conclude();
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
            Event::Frame(..) | Event::Strange(..) | Event::Ended(..) => {}
        }
        Ok(())
    }

    /// Signs of life: ours, and theirs.
    fn look(&mut self) -> Result<(), RemoteError> {
        self.looked = Instant::now();
        let Some(session) = &mut self.session else { return Ok(()) };
        let silence = session.silence();
        if session.is_stuck {
            return Err(self.broken("it takes nothing any more".to_owned()));
        }
        if self.far.is_some() && silence > DEAD {
            return Err(self.broken("it has gone silent".to_owned()));
        }
        if session.received > session.told {
            session.told = session.received;
            let bytes = session.told;
            session.tell(&NearMessage::Received { bytes });
        } else if session.received > 0 && session.spoke.elapsed() > ALIVE {
            session.tell(&NearMessage::Alive);
        }
        if self.retry.is_none() && self.far.is_some() {
            if silence > SILENT {
                self.tell(Link::Silent { seconds: silence.as_secs() });
            } else if matches!(self.said, Some(Link::Silent { .. })) {
                self.tell(Link::Up { behind: self.behind });
            }
        }
        self.refuse_late();
        Ok(())
    }

    /// Tells whoever has waited for an answer for too long that there is none yet.
    fn refuse_late(&mut self) {
        let late: Vec<u64> =
            self.answers.iter().filter(|(_, (_, since))| since.elapsed() > ANSWER).map(|(id, _)| *id).collect();
        for id in late {
            let Some((answer, _)) = self.answers.remove(&id) else { continue };
            let silence = self.session.as_ref().map(Session::silence).filter(|silence| *silence > SILENT);
            let problem = match silence {
                Some(silence) => format!("no word for {} s", silence.as_secs()),
                None => "no answer yet".to_owned(),
            };
            let reason = format!("{}: {problem}; it may still do it", self.named());
            let line = refusal(self.mirror.as_ref(), &reason);
            let _ = answer.try_send(Answer { line, id: self.renew(id) });
        }
    }

    /// Gives a connection another number, which also goes for its watching.
    fn renew(&mut self, old: u64) -> u64 {
        self.connections += 1;
        let id = self.connections;
        self.speak(&NearMessage::Close { id: old });
        if let Some(line) = self.watching.remove(&old) {
            self.watching.insert(id, line.clone());
            self.speak(&NearMessage::Line { id, line });
        }
        id
    }

    /// Machine and run.
    fn named(&self) -> String {
        let run = self.far.as_ref().map(|far| far.name.as_str()).unwrap_or_default();
        format!("{}:{run}", self.address.host)
    }

    /// Says something, if there is a line. That it broke is found out by whoever reads from it.
    fn speak(&mut self, message: &NearMessage) {
        if let Some(session) = &mut self.session {
            session.tell(message);
        }
    }

    fn frame(&mut self, Frame { message, bytes, length }: Frame<FarMessage>) -> Result<(), RemoteError> {
        let host = self.address.host.clone();
        let mirrored = |error: io::Error| RemoteError::Mirror { host: host.clone(), problem: error.to_string() };
        if let Some(session) = &mut self.session {
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
                (self.failures, self.retry, self.behind) = (0, None, bytes);
                self.tell(Link::Up { behind: bytes });
            }
            FarMessage::Reply { id, line } => {
                if let Some((answer, _)) = self.answers.remove(&id) {
                    // A view reads no line that is longer than a reply.
                    let line = if line.len() > MAX_LINE { String::from("\n") } else { line };
                    let _ = answer.try_send(Answer { line, id });
                }
            }
            FarMessage::Alive => {}
            FarMessage::Status { fields } => {
                self.mirror_of()?.status(fields).map_err(mirrored)?;
                self.listen().map_err(mirrored)?;
            }
            FarMessage::File { name, restart, mark } => {
                let is_kept = self.mirror_of()?.append(&name, restart, &bytes, mark).map_err(mirrored)?;
                if !is_kept && !self.is_told_full {
                    self.is_told_full = true;
                    let most = MOST_BYTES >> 20;
                    let run = self.named();
                    self.outbox.push_back(Link::Note(format!(
                        "{run} has a log of more than {most} MiB, which is all that is kept of it here; what follows is left \
                         out: `torchscope attach` on {} itself shows it",
                        self.address.host
                    )));
                }
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
            let (mut id, events) = (self.connections, self.events.clone());
            // A connection that cannot be served is closed, which is an answer too.
            let _ = thread::Builder::new().name("control".into()).spawn(move || {
                let _ = serve(&mut id, &stream, &events);
                let _ = events.send(Event::Closed(id));
            });
        }
    }

    fn line(&mut self, id: u64, line: String, answer: SyncSender<Answer>) {
        if matches!(Command::parse(line.as_bytes()), Ok(Command::Watch)) {
            self.watching.insert(id, line.clone());
        }
        if let Some((reason, _)) = &self.retry {
            let reason = format!("{}: {reason}", self.address.host);
            let line = refusal(self.mirror.as_ref(), &reason);
            let _ = answer.try_send(Answer { line, id });
        } else {
            self.answers.insert(id, (answer, Instant::now()));
            self.speak(&NearMessage::Line { id, line });
        }
    }
}

fn refusal(mirror: Option<&Mirror>, reason: &str) -> String {
    Reply::refused(&mirror.map(Mirror::meta).unwrap_or_default(), reason).to_line()
}

/// Serves one view of this machine. `id`: the number of its connection.
fn serve(id: &mut u64, stream: &UnixStream, events: &SyncSender<Event>) -> io::Result<()> {
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
        let (answer, answered) = sync_channel(1);
        // A line that is too long, or no text, is no command; the relay says so.
        let line = String::from_utf8_lossy(&line).into_owned();
        if events.send(Event::Line { id: *id, line, answer }).is_err() {
            return Ok(());
        }
        let Ok(answer) = answered.recv() else { return Ok(()) };
        *id = answer.id;
        to.write_all(answer.line.as_bytes())?;
    }
}
