//! The far end: sends what a run directory holds and passes commands on to the trainer. It reads the run as any viewer does,
//! and ends when its line does.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use super::source::Source;
use super::window::Window;
use super::wire::{FarMessage, FarRun, Frame, NearMessage, greeting, read_frame, write_frame};
use crate::files;
use crate::run::{Command, ControlClient, ControlError, Reply, RunDir, RunMeta, State};

/// Between two looks at the run.
const LOOK: Duration = Duration::from_millis(40);
/// Least time between two accounts of a run that goes on as it did.
const STATUS: Duration = Duration::from_secs(1);
/// Least time between two accounts of how much is still to come.
const BEHIND: Duration = Duration::from_millis(500);
/// A sign of life when there is nothing else to say.
pub(super) const ALIVE: Duration = Duration::from_secs(2);
/// A line without a sign of life for so long is dead.
pub(super) const DEAD: Duration = Duration::from_secs(20);
/// Lines of control at a time; a viewer holds one.
const MOST_LINES: usize = 16;
/// Messages that wait to be dealt with; whoever sends more has to wait.
const QUEUE: usize = 16;
/// Commands of one line that wait for the trainer.
const MOST_ORDERS: usize = 16;
/// Bytes of a recipe that is sent.
const MOST_RECIPE: usize = 1 << 20;

enum Event {
    Near(NearMessage),
    Answer { id: u64, line: String },
    Ended,
}

/// Says why there is nothing to show.
pub fn refuse(mut output: impl Write, reason: &str) -> io::Result<()> {
    output.write_all(greeting().as_bytes())?;
    write_frame(&mut output, &FarMessage::Refused { reason: reason.to_owned() }, &[]).map(drop)
}

/// Serves a run until `input` ends, or the other end has gone silent.
pub fn serve(run: &RunDir, input: impl Read + Send + 'static, mut output: impl Write) -> io::Result<()> {
    output.write_all(greeting().as_bytes())?;
    let (events, inbox) = sync_channel(QUEUE);
    let reader = events.clone();
    thread::Builder::new().name("line".into()).spawn(move || read(input, &reader))?;
    let mut relay = Relay {
        run: run.clone(),
        output,
        start: Instant::now(),
        said: Instant::now(),
        window: Window::default(),
        fields: Map::new(),
        state: None,
        status_at: None,
        behind: None,
        lines: HashMap::new(),
        events,
    };
    relay.say(&FarMessage::Hello {
        torchscope: env!("CARGO_PKG_VERSION").to_owned(),
        run: FarRun {
            name: run.name(),
            path: run.path().to_string_lossy().into_owned(),
            started: run.meta().map(|meta| meta.started.to_string()).unwrap_or_default(),
        },
    })?;
    relay.serve(&inbox)
}

fn read(mut input: impl Read, events: &SyncSender<Event>) {
    while let Ok(Some(Frame { message, .. })) = read_frame(&mut input) {
        if events.send(Event::Near(message)).is_err() {
            return;
        }
    }
    let _ = events.send(Event::Ended);
}

struct Relay<W> {
    run: RunDir,
    output: W,
    start: Instant,
    /// When something was last said.
    said: Instant,
    window: Window,
    /// The account of the run as the other end has it.
    fields: Map<String, Value>,
    state: Option<State>,
    /// When the account was last looked at for news.
    status_at: Option<Instant>,
    /// What was last said of how much is to come.
    behind: Option<(u64, Instant)>,
    /// Connections to the trainer.
    lines: HashMap<u64, SyncSender<Command>>,
    events: SyncSender<Event>,
}

impl<W: Write> Relay<W> {
    fn serve(&mut self, inbox: &Receiver<Event>) -> io::Result<()> {
        // What is there already has to be known before anything is sent.
        let have = loop {
            match inbox.recv_timeout(DEAD) {
                Ok(Event::Near(NearMessage::Have { files })) => break files,
                Ok(Event::Near(message)) => self.near(message)?,
                Ok(Event::Answer { .. }) => {}
                Ok(Event::Ended) | Err(_) => return Ok(()),
            }
        };
        // One that cannot be read, or is too large to be one, is not missed there.
        if let Ok(recipe) = files::read(&self.run.recipe_path(), MOST_RECIPE) {
            self.tell(&FarMessage::Whole { name: "recipe.toml".to_owned() }, &recipe)?;
        }
        let mut source = Source::new(self.run.path(), have, "trainer.log");
        let mut heard = Instant::now();
        let mut sending = true;
        loop {
            match inbox.recv_timeout(if sending { Duration::ZERO } else { LOOK }) {
                Ok(Event::Ended) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Ok(Event::Near(message)) => {
                    heard = Instant::now();
                    self.near(message)?;
                    // Answers and commands first, however much there is to send.
                    continue;
                }
                Ok(Event::Answer { id, line }) => {
                    self.say(&FarMessage::Reply { id, line })?;
                    continue;
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            if heard.elapsed() > DEAD {
                return Ok(());
            }
            sending = self.step(&mut source)?;
            if self.said.elapsed() > ALIVE {
                self.say(&FarMessage::Alive)?;
            }
        }
    }

    /// Says what is new, as far as there is room; reports whether there is more to say at once.
    fn step(&mut self, source: &mut Source) -> io::Result<bool> {
        // The state first: when it says that the run is over, the log read after it is whole.
        let status = self.run.status();
        source.look()?;
        if let Ok(meta) = status {
            let turn = self.state != Some(meta.state);
            let due = self.status_at.is_none_or(|at| at.elapsed() >= STATUS);
            // That it is over is told after all that it has left, but what it is before anything else.
            if (turn || due) && (self.state.is_none() || !(meta.state.is_over() && turn) || source.behind() == 0) {
                self.status(meta)?;
            }
        }
        let behind = source.behind();
        let due = self.behind.is_none_or(|(said, at)| said != behind && (behind == 0 || at.elapsed() >= BEHIND));
        if due {
            self.behind = Some((behind, Instant::now()));
            self.say(&FarMessage::Behind { bytes: behind })?;
        }
        if self.window.room() == 0 {
            return Ok(false);
        }
        let Some(piece) = source.next() else { return Ok(false) };
        self.tell(&FarMessage::File { name: piece.name, restart: piece.restart, mark: piece.mark }, &piece.bytes)?;
        Ok(self.window.room() > 0 && source.behind() > 0)
    }

    /// Tells the fields of `run.json` that have changed.
    fn status(&mut self, meta: RunMeta) -> io::Result<()> {
        (self.state, self.status_at) = (Some(meta.state), Some(Instant::now()));
        let Value::Object(fields) = serde_json::to_value(meta)? else { return Ok(()) };
        let changed = |(key, value): &(&String, &Value)| self.fields.get(*key) != Some(*value);
        let news: Map<String, Value> =
            fields.iter().filter(changed).map(|(key, value)| (key.clone(), value.clone())).collect();
        // That the file was written again is no news by itself.
        if news.keys().any(|key| key != "updated") {
            self.fields = fields;
            self.say(&FarMessage::Status { fields: news })?;
        }
        Ok(())
    }

    fn near(&mut self, message: NearMessage) -> io::Result<()> {
        match message {
            NearMessage::Line { id, line } => match Command::parse(line.as_bytes()) {
                Ok(command) => self.order(id, command)?,
                Err(error) => self.answer_refusal(id, &error.to_string())?,
            },
            NearMessage::Close { id } => drop(self.lines.remove(&id)),
            NearMessage::Received { bytes } => self.window.received(self.start.elapsed(), bytes),
            NearMessage::Have { .. } | NearMessage::Alive => {}
        }
        Ok(())
    }

    fn order(&mut self, id: u64, command: Command) -> io::Result<()> {
        if !self.lines.contains_key(&id) {
            if self.lines.len() >= MOST_LINES {
                return self.answer_refusal(id, "too many connections");
            }
            let (orders, receiver) = sync_channel(MOST_ORDERS);
            let (run, events) = (self.run.clone(), self.events.clone());
            thread::Builder::new().name("control".into()).spawn(move || talk(&run, id, &receiver, &events))?;
            self.lines.insert(id, orders);
        }
        match self.lines.get(&id).map(|line| line.try_send(command)) {
            Some(Err(TrySendError::Full(_))) => self.answer_refusal(id, "too many commands at once"),
            Some(Err(TrySendError::Disconnected(_))) => {
                self.lines.remove(&id);
                Ok(())
            }
            Some(Ok(())) | None => Ok(()),
        }
    }

    fn answer_refusal(&mut self, id: u64, reason: &str) -> io::Result<()> {
        let line = refusal(&self.run, reason);
        self.say(&FarMessage::Reply { id, line })
    }

    fn say(&mut self, message: &FarMessage) -> io::Result<()> {
        self.tell(message, &[])
    }

    fn tell(&mut self, message: &FarMessage, bytes: &[u8]) -> io::Result<()> {
        let length = write_frame(&mut self.output, message, bytes)?;
        self.said = Instant::now();
        self.window.sent(self.start.elapsed(), length);
        Ok(())
    }
}

/// A line as a trainer would refuse with.
fn refusal(run: &RunDir, reason: &str) -> String {
    Reply::refused(&run.status().unwrap_or_default(), reason).to_line()
}

/// Carries out commands over one connection to the trainer, in order, until no more can come.
fn talk(run: &RunDir, id: u64, orders: &Receiver<Command>, events: &SyncSender<Event>) {
    let mut client = None;
    for command in orders {
        let connected = match client.take() {
            Some(client) => Ok(client),
            None => ControlClient::connect(run),
        };
        let result = connected.and_then(|mut line| {
            let reply = line.send(&command);
            if matches!(reply, Ok(_) | Err(ControlError::Refused { .. })) {
                client = Some(line);
            }
            reply
        });
        let line = match result {
            Ok(reply) => reply.to_line(),
            Err(ControlError::Refused { reason, .. }) => refusal(run, &reason),
            Err(error) => refusal(run, &error.to_string()),
        };
        if events.send(Event::Answer { id, line }).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;
    use std::os::unix::net::UnixStream;

    use super::super::wire::{VERSION, read_greeting};
    use super::*;
    use crate::run::moons;

    /// A relay, and its line.
    fn relay() -> (tempfile::TempDir, BufReader<UnixStream>, thread::JoinHandle<io::Result<()>>) {
        let home = tempfile::tempdir().unwrap();
        let run = RunDir::create(home.path(), &moons()).unwrap();
        let (near, far) = UnixStream::pair().unwrap();
        let thread = thread::spawn(move || serve(&run, far.try_clone().unwrap(), far));
        let mut near = BufReader::new(near);
        assert_eq!(read_greeting(&mut near).unwrap(), Ok(VERSION));
        (home, near, thread)
    }

    fn say(near: &mut BufReader<UnixStream>, message: &NearMessage) {
        write_frame(near.get_mut(), message, &[]).unwrap();
    }

    /// Reads on until `wanted` finds what it wants.
    fn hear<T>(near: &mut BufReader<UnixStream>, wanted: impl Fn(&FarMessage) -> Option<T>) -> T {
        loop {
            if let Some(found) = wanted(&read_frame::<FarMessage>(near).unwrap().unwrap().message) {
                return found;
            }
        }
    }

    #[test]
    fn a_run_is_introduced_and_commands_are_answered() {
        let (_home, mut near, thread) = relay();
        let name = hear(&mut near, |message| match message {
            FarMessage::Hello { run, .. } => Some(run.name.clone()),
            _ => None,
        });
        assert_eq!(name, "moons-0001");
        say(&mut near, &NearMessage::Have { files: Vec::new() });
        let state = hear(&mut near, |message| match message {
            FarMessage::Status { fields } => fields.get("state").cloned(),
            _ => None,
        });
        assert_eq!(state, "starting");
        hear(&mut near, |message| matches!(message, FarMessage::Behind { bytes: 0 }).then_some(()));
        for (id, line, why) in
            [(3, "nonsense", "no command"), (4, r#"{"command":"pause"}"#, "does not take commands yet")]
        {
            say(&mut near, &NearMessage::Line { id, line: line.to_owned() });
            let reply = hear(&mut near, |message| match message {
                FarMessage::Reply { id: of, line } if *of == id => Some(line.clone()),
                _ => None,
            });
            let reply: Reply = serde_json::from_str(&reply).unwrap();
            assert!(!reply.ok && reply.error.as_ref().is_some_and(|error| error.contains(why)), "{reply:?}");
        }
        drop(near);
        thread.join().unwrap().unwrap();
    }

    #[test]
    fn a_line_too_long_for_a_command_ends_it_before_it_is_read() {
        let (_home, mut near, thread) = relay();
        let line = " ".repeat(2 << 20);
        // It may hang up in the middle of that.
        let _ = write_frame(near.get_mut(), &NearMessage::Line { id: 1, line }, &[]);
        let _ = thread.join().unwrap();
    }

    #[test]
    fn it_ends_with_its_line_however_little_was_said() {
        let (_home, near, thread) = relay();
        drop(near);
        // Either it noticed in reading or in writing.
        let _ = thread.join().unwrap();
    }

    #[test]
    fn a_refusal_says_why() {
        let mut wire = Vec::new();
        refuse(&mut wire, "no such run").unwrap();
        let mut from = wire.as_slice();
        assert_eq!(read_greeting(&mut from).unwrap(), Ok(VERSION));
        let message = read_frame::<FarMessage>(&mut from).unwrap().unwrap().message;
        assert_eq!(message, FarMessage::Refused { reason: "no such run".into() });
    }
}
