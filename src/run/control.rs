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
        /// Above 0, finite.
        lr: f64,
    },
    /// Change the pace.
    SetPace {
        /// Epochs a second, above 0 and finite; none for as fast as it goes. `null` must be written out.
        #[serde(deserialize_with = "Option::deserialize")]
        pace: Option<f64>,
    },
    /// End the run after the current step.
    Stop,
    /// Say how things stand.
    Status,
    /// Count this connection among the watchers for as long as it stays open.
    Watch,
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
            Self::SetLr { lr } if !positive(lr) => Err(CommandError(format!("`lr` must be above 0, not {lr}"))),
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
    stream.write_all(request)?;
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
