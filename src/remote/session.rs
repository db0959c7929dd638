//! An ssh that runs: what comes of it, what goes to it, and what it says beside.

use std::io::{self, BufReader, ErrorKind, Read, Write};
use std::process::{Child, ChildStdin, ExitStatus};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::ssh::RemoteError;
use super::wire::{FarMessage, Frame, NearMessage, VERSION, frame, read_frame, read_greeting};
use crate::run::plain;

/// How long what ssh says is kept back: it becomes part of the error if ssh ends at once.
pub(super) const PATIENCE: Duration = Duration::from_millis(700);
/// Bytes of what ssh says that are kept.
const MOST_SAID: usize = 16 << 10;
/// How long a line that is closed may take.
const FAREWELL: Duration = Duration::from_millis(300);
/// Frames that wait to go out. Another end that takes no more than that is as good as gone.
const MOST_WAITING: usize = 256;

/// What happens to a line.
pub(super) enum Event {
    /// A frame came, over the line of that number.
    Frame(u64, Frame<FarMessage>),
    /// Another version, or something else that is not a relay.
    Strange(u64, RemoteError),
    /// The line has ended; before the greeting with what came instead.
    Ended(u64, Option<String>),
    /// A command from a view, and where its answer goes.
    Line { id: u64, line: String, answer: SyncSender<Answer> },
    /// A view has gone.
    Closed(u64),
}

/// What a view is answered.
pub(super) struct Answer {
    /// The reply, with its line end.
    pub(super) line: String,
    /// By which number the connection goes from now on: a late reply must not be taken for that to a later command.
    pub(super) id: u64,
}

/// An ssh that runs.
pub(super) struct Session {
    child: Child,
    /// To the thread that writes, since ssh may take nothing.
    to: SyncSender<Vec<u8>>,
    /// It takes nothing any more.
    pub(super) is_stuck: bool,
    said: Arc<Mutex<String>>,
    start: Instant,
    /// Milliseconds from the start to when something last came.
    heard: Arc<AtomicU64>,
    pub(super) spoke: Instant,
    /// Bytes of frames that have arrived, and how many the other end has been told of.
    pub(super) received: u64,
    pub(super) told: u64,
}

impl Session {
    /// Listens to a child that was started with pipes, as the line of that number: what comes goes to `events`.
    pub(super) fn start(mut child: Child, serial: u64, host: &str, events: &SyncSender<Event>) -> io::Result<Self> {
        let (Some(stdin), Some(from), Some(errors)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(io::Error::other("it has no pipes"));
        };
        let (start, heard) = (Instant::now(), Arc::new(AtomicU64::new(0)));
        let from = Ear { from, start, heard: Arc::clone(&heard) };
        let said = Arc::new(Mutex::new(String::new()));
        let overheard = Arc::clone(&said);
        let (to, frames) = sync_channel(MOST_WAITING);
        let session = Self { child, to, is_stuck: false, said, start, heard, spoke: start, received: 0, told: 0 };
        let named = |name: &str| thread::Builder::new().name(name.to_owned());
        let (host, events) = (host.to_owned(), events.clone());
        named("ssh").spawn(move || receive(serial, from, &host, &events))?;
        named("ssh errors").spawn(move || overhear(errors, &overheard))?;
        named("ssh input").spawn(move || utter(stdin, &frames))?;
        Ok(session)
    }

    /// Ends it; how it ended, if it did so by itself, and what it had said.
    pub(super) fn conclude(self) -> (Option<ExitStatus>, String) {
        let said = Arc::clone(&self.said);
        let status = self.end();
        // What it said last may still be on its way from the other thread.
        thread::sleep(Duration::from_millis(20));
        let said = said.lock().unwrap_or_else(PoisonError::into_inner).clone();
        (status, said)
    }

    /// What ssh has said so far.
    pub(super) fn said(&self) -> String {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How long nothing has come.
    pub(super) fn silence(&self) -> Duration {
        self.start.elapsed().saturating_sub(Duration::from_millis(self.heard.load(Ordering::Relaxed)))
    }

    pub(super) fn tell(&mut self, message: &NearMessage) {
        self.spoke = Instant::now();
        self.is_stuck |= matches!(self.to.try_send(frame(message, &[])), Err(TrySendError::Full(_)));
    }

    /// Ends it; how it ended, if it did so by itself.
    pub(super) fn end(self) -> Option<ExitStatus> {
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

/// A line on standard error, without what a terminal would obey.
pub(super) fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "{}", plain(line));
}

/// How much of what ssh says has been passed on.
#[derive(Default)]
pub(super) struct PassedOn {
    bytes: usize,
    /// How much there was, and since when there has been no more.
    seen: (usize, Option<Instant>),
}

impl PassedOn {
    /// The lines that are new in `said`. One that is not whole is kept back for a while, since a part of an escape sequence
    /// is not known for one.
    pub(super) fn take<'a>(&mut self, said: &'a str, now: Instant) -> Vec<&'a str> {
        let rest = said.get(self.bytes..).unwrap_or_default();
        if self.seen.0 != said.len() {
            self.seen = (said.len(), Some(now));
        }
        let is_quiet = self.seen.1.is_some_and(|since| now.saturating_duration_since(since) >= PATIENCE);
        let end = if is_quiet { rest.len() } else { rest.rfind('\n').map_or(0, |end| end + 1) };
        self.bytes += end;
        rest[..end].lines().collect()
    }
}

/// Notes when something came.
struct Ear<R> {
    from: R,
    start: Instant,
    heard: Arc<AtomicU64>,
}

impl<R: Read> Read for Ear<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(bytes)?;
        self.heard.store(self.start.elapsed().as_millis() as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// Reads what comes over the line until it ends.
fn receive(serial: u64, from: impl Read, host: &str, events: &SyncSender<Event>) {
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

/// Passes on what there is to say, for as long as ssh takes it.
fn utter(mut to: ChildStdin, frames: &Receiver<Vec<u8>>) {
    for frame in frames {
        // Whoever reads from the line finds out that it broke.
        if to.write_all(&frame).and_then(|()| to.flush()).is_err() {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ssh_says_is_passed_on_in_whole_lines() {
        let (mut passed_on, start) = (PassedOn::default(), Instant::now());
        let later = |milliseconds| start + Duration::from_millis(milliseconds);
        assert_eq!(passed_on.take("one\r\ntw", start), ["one"]);
        assert_eq!(passed_on.take("one\r\ntwo\u{1b}", later(100)), [""; 0], "half an escape sequence");
        assert_eq!(passed_on.take("one\r\ntwo\u{1b}[2J\nthree", later(200)), ["two\u{1b}[2J"]);
        assert_eq!(passed_on.take("one\r\ntwo\u{1b}[2J\nthree", later(300)), [""; 0]);
        assert_eq!(passed_on.take("one\r\ntwo\u{1b}[2J\nthree", later(1000)), ["three"], "it waits for something");
        assert_eq!(passed_on.take("one\r\ntwo\u{1b}[2J\nthree", later(2000)), [""; 0]);
    }
}
