//! Talking to a trainer: one JSON command a line, one JSON reply a line, over a Unix socket.
//!
//! ```text
//! -> {"command":"set_lr","lr":0.1}
//! <- {"ok":true,"state":"running","step":412,"epoch":25,"lr":0.1,"pace":10.0,"watchers":1}
//! ```

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use serde::{Deserialize, Serialize};

use super::dir::RunDir;
use super::error::{RunError, shown};
use super::meta::{RunMeta, State};
use super::number;
use super::socket::peer_is_us;
use super::tail::plain;
use crate::log::tags;
use crate::recipe::LEARNING_RATES;

/// Bytes of the longest line either side accepts, its line end included.
pub const MAX_LINE: usize = 4096;

/// How long a client waits for a connection, and for a reply.
pub const TIMEOUT: Duration = Duration::from_secs(2);

/// Characters of an error's text that a reply carries; at most four bytes each and six as JSON, within [`MAX_LINE`].
const MOST_ERROR_CHARS: usize = 500;

/// What a viewer may ask of a trainer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Stop stepping after the current step, and wait.
    Pause,
    /// Go on.
    Resume,
    /// Make so many steps, then pause.
    Step {
        /// 1 or more.
        steps: u64,
    },
    /// Go on to the end of the epoch, then pause.
    Epoch,
    /// Change the learning rate from the next step on.
    SetLr {
        /// One of [`LEARNING_RATES`].
        lr: f64,
    },
    /// Change the pace.
    SetPace {
        /// Epochs a second, above 0 and finite; none for as fast as it goes. `null` must be written out.
        #[serde(deserialize_with = "Option::deserialize")]
        pace: Option<f64>,
    },
    /// Look at the network with another probe from now on, most of the time.
    Look {
        /// Its place in [`RunMeta::probes`].
        probe: u32,
    },
    /// Compute the loss over another plane through parameter space from now on.
    Plane {
        /// Not [`Plane::Whole`], which there is no path for before the end.
        plane: Plane,
    },
    /// Write a checkpoint after the current step.
    Checkpoint,
    /// End the run after the current step.
    Stop,
    /// Say how things stand.
    Status,
    /// Count this connection among the watchers for as long as it stays open.
    Watch,
}

/// A plane through parameter space, over which the loss is shown with the optimiser's path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Plane {
    /// Spanned by the two principal axes of the path so far.
    Path,
    /// The same of the finished path: only known at the end.
    Whole,
    /// Through the present point, spanned by two random, filter-normalised directions.
    Random,
}

impl Plane {
    /// Its name in commands and in the tags of the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Path => tags::PLANE_PATH,
            Self::Whole => tags::PLANE_WHOLE,
            Self::Random => tags::PLANE_RANDOM,
        }
    }
}

/// A command that is none; displays as what to send instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CommandError(String);

impl Command {
    /// Reads one line, with or without its line end. Never panics, whatever the bytes.
    pub fn parse(line: &[u8]) -> Result<Self, CommandError> {
        if line.len() > MAX_LINE {
            return Err(CommandError(format!("a command has at most {MAX_LINE} bytes")));
        }
        let command: Self = serde_json::from_slice(line)
            .map_err(|error| CommandError(format!("no command: {}", plain(&error.to_string()))))?;
        let positive = |value: f64| value.is_finite() && value > 0.0;
        match command {
            Self::Step { steps: 0 } => Err(CommandError("`steps` must be 1 or more".to_owned())),
            Self::SetLr { lr } if !LEARNING_RATES.contains(&lr) => {
                let (least, most) = LEARNING_RATES.into_inner();
                Err(CommandError(format!("`lr` must be from {least:e} to {most:e}, not {lr:e}")))
            }
            Self::SetPace { pace: Some(pace) } if !positive(pace) => {
                Err(CommandError(format!("`pace` must be above 0 or null, not {pace}")))
            }
            command => Ok(command),
        }
    }

    /// One line of JSON with its line end.
    pub fn to_line(&self) -> String {
        line_of(self)
    }
}

/// What a trainer answers to every command: whether it will be done, and how things stand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// The command was understood and is or will be done.
    pub ok: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The trainer's state.
    pub state: State,
    /// Steps done.
    pub step: u64,
    /// Epochs done, the one under way not counted.
    pub epoch: u64,
    /// Learning rate in force.
    #[serde(with = "number")]
    pub lr: f64,
    /// Epochs a second asked for; none for as fast as it goes.
    pub pace: Option<f64>,
    /// Connections that watch.
    pub watchers: u32,
}

impl Reply {
    /// The command will be done.
    pub fn accepted(meta: &RunMeta) -> Self {
        Self {
            ok: true,
            error: None,
            state: meta.state,
            step: meta.step,
            epoch: meta.epoch,
            lr: meta.lr,
            pace: meta.pace,
            watchers: meta.watchers,
        }
    }

    /// The command will not be done, for the reason given.
    pub fn refused(meta: &RunMeta, reason: &str) -> Self {
        let reason = reason.chars().take(MOST_ERROR_CHARS).collect();
        Self { ok: false, error: Some(reason), ..Self::accepted(meta) }
    }

    /// One line of JSON with its line end, at most [`MAX_LINE`] bytes.
    pub fn to_line(&self) -> String {
        line_of(self)
    }
}

/// Why a command did not reach the trainer, or its answer not us. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The run directory could not be read.
    #[error(transparent)]
    Run(#[from] RunError),
    /// There is nobody to talk to.
    #[error(
        "`{}` is {state}: no trainer takes commands; `torchscope attach {}` shows what it reached",
        plain(name),
        plain(name)
    )]
    Over {
        /// The run.
        name: String,
        /// Its state.
        state: State,
    },
    /// The trainer has not opened its socket yet.
    #[error("the trainer of `{}` does not take commands yet ({state}); try again in a moment", plain(name))]
    NotYet {
        /// The run.
        name: String,
        /// Its state.
        state: State,
    },
    /// The run's trainer is on another machine.
    #[error("the trainer of `{}` runs on {}, and takes commands only there", plain(name), plain(host))]
    Elsewhere {
        /// The run.
        name: String,
        /// The other machine.
        host: String,
    },
    /// Connecting, sending or receiving failed or took longer than [`TIMEOUT`].
    #[error(
        "the trainer of `{}` does not answer at `{}` ({problem}); is it stopped or swapped out? `torchscope ls` shows its state and pid",
        plain(name),
        shown(socket)
    )]
    Silent {
        /// The run.
        name: String,
        /// Where it should answer.
        socket: PathBuf,
        /// What happened.
        problem: String,
    },
    /// Something else answers.
    #[error(
        "what answers for `{}` at `{}` is no trainer of ours ({problem}); remove that file and start the run again",
        plain(name),
        shown(socket)
    )]
    Garbage {
        /// The run.
        name: String,
        /// Where it answers.
        socket: PathBuf,
        /// What is wrong with the answer.
        problem: String,
    },
    /// The trainer understood and said no.
    #[error("the trainer of `{}` refused: {}", plain(name), plain(reason))]
    Refused {
        /// The run.
        name: String,
        /// Its words.
        reason: String,
    },
}

/// A connection to a trainer. Blocks, for [`TIMEOUT`] at most at a time: keep it off the thread that draws.
///
/// After an error it is closed, and every further [`Self::send`] fails: a late reply must not answer the next command.
#[derive(Debug)]
pub struct ControlClient {
    name: String,
    socket: PathBuf,
    stream: Option<UnixStream>,
}

impl ControlClient {
    /// Connects to the trainer of `run`, if it has one that takes commands.
    pub fn connect(run: &RunDir) -> Result<Self, ControlError> {
        let meta = run.status()?;
        let (name, state) = (run.name(), meta.state);
        if state.is_over() {
            return Err(ControlError::Over { name, state });
        }
        let Some(socket) = meta.socket else { return Err(ControlError::NotYet { name, state }) };
        if !socket.exists() && !meta.host.is_empty() && meta.host != super::meta::hostname() {
            return Err(ControlError::Elsewhere { name, host: meta.host });
        }
        Self::connect_to(&name, &socket)
    }

    /// Connects to `socket`; `name` is what errors call the run.
    pub fn connect_to(name: &str, socket: &Path) -> Result<Self, ControlError> {
        let silent =
            |problem: String| ControlError::Silent { name: name.to_owned(), socket: socket.to_owned(), problem };
        let stream = dial(socket).map_err(|error| silent(in_words(&error)))?;
        if !peer_is_us(&stream).map_err(|error| silent(in_words(&error)))? {
            return Err(ControlError::Garbage {
                name: name.to_owned(),
                socket: socket.to_owned(),
                problem: "it belongs to another user".to_owned(),
            });
        }
        Ok(Self { name: name.to_owned(), socket: socket.to_owned(), stream: Some(stream) })
    }

    /// Sends one command and waits for the reply. A refusal is an error.
    pub fn send(&mut self, command: &Command) -> Result<Reply, ControlError> {
        let silent =
            |problem: String| ControlError::Silent { name: self.name.clone(), socket: self.socket.clone(), problem };
        let garbage =
            |problem: String| ControlError::Garbage { name: self.name.clone(), socket: self.socket.clone(), problem };
        // Taken, and put back only when all went well.
        let Some(mut stream) = self.stream.take() else {
            return Err(silent("the connection was closed after an error".to_owned()));
        };
        let line = exchange(&mut stream, command.to_line().as_bytes()).map_err(|error| match error.kind() {
            ErrorKind::InvalidData => garbage(error.to_string()),
            _ => silent(in_words(&error)),
        })?;
        let reply: Reply = serde_json::from_slice(&line).map_err(|error| garbage(plain(&error.to_string())))?;
        self.stream = Some(stream);
        if reply.ok {
            Ok(reply)
        } else {
            let reason = reply.error.unwrap_or_else(|| "it gave no reason".to_owned());
            Err(ControlError::Refused { name: self.name.clone(), reason })
        }
    }
}

/// Connects with a time limit, which `UnixStream::connect` does not have: it waits for ever at a full backlog.
fn dial(socket: &Path) -> std::io::Result<UnixStream> {
    let fd = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    // On Linux the limit for sending holds for connecting as well.
    set_socket_timeout(&fd, Timeout::Send, Some(TIMEOUT))?;
    let address = SocketAddrUnix::new(socket)?;
    rustix::io::retry_on_intr(|| rustix::net::connect(&fd, &address))?;
    Ok(UnixStream::from(fd))
}

/// Sends `request` and returns the line that comes back, within [`TIMEOUT`] in all.
fn exchange(stream: &mut UnixStream, request: &[u8]) -> std::io::Result<Vec<u8>> {
    let deadline = Instant::now() + TIMEOUT;
    match stream.write_all(request) {
        // Whoever is turned away is told why, before the connection is closed.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => return Err(error),
        _ => {}
    }
    let mut line = Vec::with_capacity(256);
    let mut chunk = [0; 1024];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        let count = match stream.read(&mut chunk) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        line.extend_from_slice(&chunk[..count]);
        if line.len() > MAX_LINE {
            return Err(std::io::Error::new(ErrorKind::InvalidData, "its reply is too long"));
        }
        match line.iter().position(|byte| *byte == b'\n') {
            Some(end) if end + 1 == line.len() => return Ok(line),
            Some(_) => return Err(std::io::Error::new(ErrorKind::InvalidData, "it sent more than one reply")),
            None => {}
        }
    }
}

/// What an error of the socket means for the user.
fn in_words(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => format!("nothing within {} s", TIMEOUT.as_secs()),
        ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe | ErrorKind::ConnectionReset => {
            "it closed the connection".to_owned()
        }
        ErrorKind::NotFound => "its socket is gone".to_owned(),
        _ => error.to_string(),
    }
}

/// One line of JSON with its line end.
fn line_of(value: &impl Serialize) -> String {
    // Structs of numbers and texts always serialise; an empty line would be answered as no command.
    let mut line = serde_json::to_string(value).unwrap_or_default();
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use std::thread;

    use proptest::prelude::*;

    use super::*;

    const COMMANDS: [(Command, &str); 13] = [
        (Command::Pause, r#"{"command":"pause"}"#),
        (Command::Resume, r#"{"command":"resume"}"#),
        (Command::Step { steps: 3 }, r#"{"command":"step","steps":3}"#),
        (Command::Epoch, r#"{"command":"epoch"}"#),
        (Command::SetLr { lr: 0.25 }, r#"{"command":"set_lr","lr":0.25}"#),
        (Command::SetPace { pace: Some(2.5) }, r#"{"command":"set_pace","pace":2.5}"#),
        (Command::SetPace { pace: None }, r#"{"command":"set_pace","pace":null}"#),
        (Command::Look { probe: 3 }, r#"{"command":"look","probe":3}"#),
        (Command::Plane { plane: Plane::Random }, r#"{"command":"plane","plane":"random"}"#),
        (Command::Checkpoint, r#"{"command":"checkpoint"}"#),
        (Command::Stop, r#"{"command":"stop"}"#),
        (Command::Status, r#"{"command":"status"}"#),
        (Command::Watch, r#"{"command":"watch"}"#),
    ];

    #[test]
    fn commands_are_lines_of_json() {
        for (command, text) in COMMANDS {
            assert_eq!(command.to_line(), format!("{text}\n"));
            for line in [text.to_owned(), format!("{text}\n"), format!(" {text}\r\n")] {
                assert_eq!(Command::parse(line.as_bytes()), Ok(command), "{line}");
            }
        }
    }

    #[test]
    fn what_is_no_command_is_refused_with_a_reason() {
        for (line, reason) in [
            ("", "no command"),
            ("pause", "no command"),
            ("{}", "missing field `command`"),
            (r#"{"command":"explode"}"#, "expected one of `pause`"),
            (r#"{"command":"step"}"#, "missing field `steps`"),
            (r#"{"command":"step","steps":0}"#, "1 or more"),
            (r#"{"command":"step","steps":-1}"#, "no command"),
            (r#"{"command":"step","steps":1.5}"#, "no command"),
            (r#"{"command":"step","steps":1e30}"#, "no command"),
            (r#"{"command":"set_lr","lr":0}"#, "`lr` must be from 1e-38 to 3.4e38, not 0e0"),
            (r#"{"command":"set_lr","lr":-0.5}"#, "from 1e-38 to 3.4e38"),
            (r#"{"command":"set_lr","lr":3.5e38}"#, "not 3.5e38"),
            (r#"{"command":"set_lr","lr":1e-39}"#, "not 1e-39"),
            (r#"{"command":"set_lr","lr":1e999}"#, "no command"),
            (r#"{"command":"set_lr","lr":null}"#, "no command"),
            (r#"{"command":"look"}"#, "missing field `probe`"),
            (r#"{"command":"look","probe":-1}"#, "no command"),
            (r#"{"command":"look","probe":"cat"}"#, "no command"),
            (r#"{"command":"set_pace","paec":2}"#, "missing field `pace`"),
            (r#"{"command":"set_pace","pace":0}"#, "above 0 or null"),
            (r#"{"command":"pause"}{"command":"stop"}"#, "no command"),
            ("{\"command\":\"\u{1b}[2J\"}", "no command"),
        ] {
            let error = Command::parse(line.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(reason), "{line}: {error}");
            assert!(!error.contains('\u{1b}'), "{error:?}");
        }
    }

    #[test]
    fn huge_and_deep_lines_are_refused() {
        let mut padded = br#"{"command":"stop"}"#.to_vec();
        padded.resize(MAX_LINE, b' ');
        assert_eq!(Command::parse(&padded), Ok(Command::Stop));
        padded.push(b' ');
        assert!(Command::parse(&padded).unwrap_err().to_string().contains("at most 4096 bytes"));
        assert!(Command::parse(&vec![b'['; MAX_LINE]).is_err());
        assert!(Command::parse(&b"{\"command\":".repeat(MAX_LINE / 12)).is_err());
        assert!(Command::parse(&vec![0xff; 1 << 20]).is_err());
    }

    /// Lines made of the pieces of real ones.
    fn nearly() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "{",
            "}",
            "[",
            "]",
            ":",
            ",",
            "\"command\"",
            "\"step\"",
            "\"steps\"",
            "\"set_lr\"",
            "\"lr\"",
            "\"set_pace\"",
            "\"pace\"",
            "\"stop\"",
            "null",
            "true",
            "-1",
            "0",
            "1e400",
            "18446744073709551616",
            "0.5",
            "\"\\ud800\"",
            "\n",
        ]);
        prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Command::parse(&bytes);
        }

        #[test]
        fn whatever_is_accepted_can_be_obeyed(line in nearly()) {
            match Command::parse(line.as_bytes()) {
                Ok(Command::Step { steps }) => prop_assert!(steps > 0),
                Ok(Command::SetLr { lr } | Command::SetPace { pace: Some(lr) }) => prop_assert!(lr.is_finite() && lr > 0.0),
                _ => {}
            }
        }

        #[test]
        fn a_flipped_byte_never_harms(which in 0..COMMANDS.len(), place in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut line = COMMANDS[which].1.as_bytes().to_vec();
            let place = place.index(line.len());
            line[place] = byte;
            let _ = Command::parse(&line);
        }

        #[test]
        fn every_reply_fits_a_line_and_is_read_back(reason in "(?s).{0,2000}", lr in any::<f64>(), step in any::<u64>()) {
            let meta = RunMeta { lr, step, pace: Some(f64::MIN_POSITIVE), watchers: u32::MAX, ..RunMeta::default() };
            for reply in [Reply::accepted(&meta), Reply::refused(&meta, &reason)] {
                let line = reply.to_line();
                prop_assert!(line.len() <= MAX_LINE, "{}", line.len());
                prop_assert_eq!(line.find('\n'), Some(line.len() - 1));
                let back: Reply = serde_json::from_str(&line).unwrap();
                prop_assert_eq!((back.ok, back.error, back.step), (reply.ok, reply.error, step));
                prop_assert_eq!(back.lr.is_finite(), lr.is_finite());
            }
        }
    }

    #[test]
    fn the_longest_refusal_fits_a_line() {
        let reply = Reply::refused(&RunMeta::default(), &"\u{1}".repeat(10_000));
        assert!(reply.to_line().len() <= MAX_LINE);
    }

    /// What `client` makes of a server that does `serve` with its first connection.
    fn against<T>(serve: impl FnOnce(UnixStream) + Send, client: impl FnOnce(&mut ControlClient) -> T) -> T {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sock");
        let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        thread::scope(|scope| {
            scope.spawn(move || serve(listener.accept().unwrap().0));
            let mut connected = ControlClient::connect_to("moons-0001", &path).unwrap();
            let result = client(&mut connected);
            // Closed before the server is waited for, which may be reading.
            drop(connected);
            result
        })
    }

    fn request(stream: &mut UnixStream) -> String {
        let mut buffer = [0; MAX_LINE];
        let count = stream.read(&mut buffer).unwrap();
        String::from_utf8(buffer[..count].to_vec()).unwrap()
    }

    fn answered_with(answer: &[u8]) -> ControlError {
        against(
            |mut stream| {
                request(&mut stream);
                // The client may have seen enough and closed.
                let _ = stream.write_all(answer);
            },
            |client| {
                let error = client.send(&Command::Status).unwrap_err();
                assert!(client.send(&Command::Status).unwrap_err().to_string().contains("closed after an error"));
                error
            },
        )
    }

    #[test]
    fn a_trainer_answers_line_by_line() {
        let meta = RunMeta { state: State::Running, step: 412, epoch: 25, lr: 0.5, ..RunMeta::default() };
        let serve = |mut stream: UnixStream| {
            assert_eq!(request(&mut stream), "{\"command\":\"watch\"}\n");
            stream.write_all(Reply::accepted(&meta).to_line().as_bytes()).unwrap();
            assert_eq!(request(&mut stream), "{\"command\":\"stop\"}\n");
            stream.write_all(Reply::refused(&meta, "it is over").to_line().as_bytes()).unwrap();
            assert_eq!(request(&mut stream), "{\"command\":\"status\"}\n");
            // In two pieces, as a stream may deliver it.
            let line = Reply::accepted(&meta).to_line();
            stream.write_all(&line.as_bytes()[..10]).unwrap();
            thread::sleep(Duration::from_millis(20));
            stream.write_all(&line.as_bytes()[10..]).unwrap();
        };
        against(serve, |client| {
            assert_eq!(client.send(&Command::Watch).unwrap(), Reply::accepted(&meta));
            let error = client.send(&Command::Stop).unwrap_err();
            assert_eq!(error.to_string(), "the trainer of `moons-0001` refused: it is over");
            assert_eq!(client.send(&Command::Status).unwrap().step, 412, "a refusal leaves the connection open");
        });
    }

    #[test]
    fn whoever_is_turned_away_hears_why() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sock");
        let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let mut client = ControlClient::connect_to("moons-0001", &path).unwrap();
        let mut server = listener.accept().unwrap().0;
        server.write_all(Reply::refused(&RunMeta::default(), "the house is full").to_line().as_bytes()).unwrap();
        drop(server);
        let error = client.send(&Command::Stop).unwrap_err().to_string();
        assert_eq!(error, "the trainer of `moons-0001` refused: the house is full");
        assert!(client.send(&Command::Stop).unwrap_err().to_string().contains("closed the connection"));
    }

    #[test]
    fn a_reply_that_is_none_is_an_error() {
        let good = Reply::accepted(&RunMeta::default()).to_line();
        for answer in ["\n", "{}\n", "HTTP/1.1 400\r\n\r\n", "{\"ok\":\"\u{1b}[2J\"}\n", &good.repeat(2)] {
            let error = answered_with(answer.as_bytes());
            assert!(matches!(error, ControlError::Garbage { .. }), "{answer:?}: {error:?}");
            assert!(!error.to_string().contains('\u{1b}'), "{error:?}");
        }
        let error = answered_with(&[b'x'; MAX_LINE * 4]);
        assert!(error.to_string().contains("too long"), "{error}");
        let error = answered_with(good.trim_end().as_bytes());
        assert!(error.to_string().contains("closed the connection"), "{error}");
    }

    #[test]
    fn a_trainer_that_says_nothing_or_drips_is_given_up() {
        let dripping = |mut stream: UnixStream| {
            while stream.write_all(b" ").is_ok() {
                thread::sleep(Duration::from_millis(100));
            }
        };
        let silent = |mut stream: UnixStream| while stream.read(&mut [0; 64]).is_ok_and(|count| count > 0) {};
        let patience = |client: &mut ControlClient| {
            let start = Instant::now();
            let error = client.send(&Command::Status).unwrap_err().to_string();
            assert!(error.contains("`moons-0001` does not answer") && error.contains("nothing within 2 s"), "{error}");
            start.elapsed()
        };
        for waited in [against(silent, patience), against(dripping, patience)] {
            assert!(waited >= TIMEOUT && waited < TIMEOUT * 2, "{waited:?}");
        }
    }

    #[test]
    fn a_socket_without_a_trainer_is_an_error_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sock");
        let problem = || ControlClient::connect_to("moons-0001", &path).unwrap_err().to_string();
        assert!(problem().contains("its socket is gone"), "{}", problem());
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(problem().contains("refused"), "{}", problem());
        let long = folder.path().join("x".repeat(200));
        assert!(ControlClient::connect_to("moons-0001", &long).is_err());
    }

    #[test]
    fn a_trainer_that_accepts_nobody_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sock");
        let fd = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
        rustix::net::bind(&fd, &SocketAddrUnix::new(&path).unwrap()).unwrap();
        rustix::net::listen(&fd, 0).unwrap();
        let start = Instant::now();
        // The queue takes one or two before it is full.
        let outcomes: Vec<_> = (0..3).map(|_| ControlClient::connect_to("moons-0001", &path)).collect();
        let error = outcomes.into_iter().find_map(Result::err).unwrap().to_string();
        assert!(error.contains("nothing within 2 s"), "{error}");
        assert!(start.elapsed() < TIMEOUT * 3);
    }
}
