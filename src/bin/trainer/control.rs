//! The control socket and the signals: a thread of its own, which turns both into orders for the training thread.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Semaphore, oneshot};
use torchscope::run::{Command, ControlSocket, MAX_LINE, Reply, RunDir, RunError, RunLock, State, peer_is_us};

use crate::inbox::{Inbox, Order};
use crate::status::Status;

/// Connections served at a time; those beyond are told so and closed. A viewer holds one.
const MOST_CONNECTIONS: usize = 64;
/// How long a client may take to read its replies before it is given up.
const PATIENCE: Duration = Duration::from_secs(5);

/// The control server cannot be started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ControlError {
    #[error(transparent)]
    Socket(#[from] RunError),
    #[error("cannot start the control server: {0}")]
    Start(#[from] std::io::Error),
}

/// Serves until it is dropped; the socket's file goes with it.
pub(crate) struct Control {
    socket: ControlSocket,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Control {
    /// Opens the control socket of `run` and takes over SIGINT, SIGTERM (both: stop after the step), SIGHUP (which says that
    /// a terminal is gone, and is no reason to stop) and SIGXFSZ (a file may become no larger: to write to it is an error
    /// then, which is dealt with where it happens).
    pub(crate) fn start(
        lock: &RunLock,
        run: &RunDir,
        inbox: Arc<Inbox>,
        status: Arc<Status>,
    ) -> Result<Self, ControlError> {
        let socket = ControlSocket::bind(lock, run)?;
        let listener = socket.listener().try_clone()?;
        listener.set_nonblocking(true)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        // From here on signals are caught, not only once the thread runs.
        let context = runtime.enter();
        let listener = UnixListener::from_std(listener)?;
        let signals = Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            too_large: signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?,
        };
        drop(context);
        let desk = Desk { inbox, status };
        let (end, ended) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("control".into())
            .spawn(move || runtime.block_on(serve(&listener, signals, desk, ended)))?;
        Ok(Self { socket, end: Some(end), thread: Some(thread) })
    }

    /// Where it listens.
    pub(crate) fn path(&self) -> &std::path::Path {
        self.socket.path()
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // A thread that is gone needs no telling.
        let _told = self.end.take().map(|end| end.send(()));
        let _ended = self.thread.take().map(JoinHandle::join);
    }
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    too_large: Signal,
}

/// Where commands are taken in.
#[derive(Clone)]
struct Desk {
    inbox: Arc<Inbox>,
    status: Arc<Status>,
}

impl Desk {
    fn stop_by(&self, signal: SignalKind) {
        tracing::info!(signal = signal.as_raw_value(), "stopping after this step");
        // A stop is never refused.
        let _taken = self.inbox.send(Order::Stop { signal: Some(signal.as_raw_value()) });
    }

    /// Carries out one line, and counts the connection as a watcher once it asks for that.
    fn answer(&self, line: &[u8], watching: &mut Option<Watching>) -> Reply {
        let order = match Command::parse(line) {
            Err(error) => return Reply::refused(&self.status.meta(), &error.to_string()),
            Ok(Command::Status) => return Reply::accepted(&self.status.meta()),
            Ok(Command::Watch) => {
                watching.get_or_insert_with(|| Watching::begin(self.clone()));
                return Reply::accepted(&self.status.meta());
            }
            Ok(Command::Pause) => Order::Pause,
            Ok(Command::Resume) => Order::Resume,
            Ok(Command::Step { steps }) => Order::Steps(steps),
            Ok(Command::Epoch) => Order::Epoch,
            Ok(Command::SetLr { lr }) => Order::SetLr(lr),
            Ok(Command::SetPace { pace }) => Order::SetPace(pace),
            Ok(Command::Look { probe }) => match self.status.find_probe(probe) {
                Ok(place) => Order::Look(place),
                Err(reason) => return Reply::refused(&self.status.meta(), &reason),
            },
            Ok(Command::Plane { plane }) => match self.status.find_plane(plane) {
                Ok(plane) => Order::Plane(plane),
                Err(reason) => return Reply::refused(&self.status.meta(), reason),
            },
            Ok(Command::Checkpoint) => Order::Checkpoint,
            Ok(Command::Stop) => Order::Stop { signal: None },
        };
        let mut meta = self.status.meta();
        match self.inbox.send(order) {
            Ok(()) => {
                // The order is carried out before the next step. A reply with how things stood before it would undo, on
                // screen, what the user has just done.
                match order {
                    Order::Pause => meta.state = State::Paused,
                    // Who waits for the disk goes on waiting.
                    Order::Resume | Order::Steps(_) | Order::Epoch if meta.trouble.is_some() => {}
                    Order::Resume | Order::Steps(_) | Order::Epoch => meta.state = State::Running,
                    Order::SetLr(lr) => meta.lr = lr,
                    Order::SetPace(pace) => meta.pace = pace,
                    Order::Look(_)
                    | Order::Plane(_)
                    | Order::Watchers(_)
                    | Order::Checkpoint
                    | Order::Hold(_)
                    | Order::Complain
                    | Order::Stop { .. } => {}
                }
                Reply::accepted(&meta)
            }
            Err(full) => Reply::refused(&meta, &full.to_string()),
        }
    }
}

/// A connection that is counted as a watcher for as long as this lives.
struct Watching(Desk);

impl Watching {
    fn begin(desk: Desk) -> Self {
        desk.count(1);
        Self(desk)
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.count(-1);
    }
}

impl Desk {
    fn count(&self, change: i32) {
        let watchers = {
            let mut live = self.status.live();
            live.watchers = live.watchers.saturating_add_signed(change);
            live.watchers
        };
        // Never refused either; nor may it be, or the pace would hold for nobody.
        let _taken = self.inbox.send(Order::Watchers(watchers));
    }
}

async fn serve(listener: &UnixListener, mut signals: Signals, desk: Desk, mut ended: oneshot::Receiver<()>) {
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        tokio::select! {
            // An error is a sender that is gone, and means the same.
            _ = &mut ended => return,
            Some(()) = signals.interrupt.recv() => desk.stop_by(SignalKind::interrupt()),
            Some(()) = signals.terminate.recv() => desk.stop_by(SignalKind::terminate()),
            Some(()) = signals.hangup.recv() => tracing::info!("the terminal is gone; training goes on"),
            Some(()) = signals.too_large.recv() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                        turn_away(&stream, &desk);
                        continue;
                    };
                    let desk = desk.clone();
                    tokio::spawn(async move {
                        converse(stream, &desk).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    // Out of file descriptors, most likely: wait for some to be closed, without a spin.
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
        }
    }
}

/// Tells a client that there is no place for it. Nobody is waited for: a socket just opened has room for a line.
fn turn_away(stream: &UnixStream, desk: &Desk) {
    let reason = format!("{MOST_CONNECTIONS} connections are open already; close one and try again");
    let reply = Reply::refused(&desk.status.meta(), &reason);
    let _heard = stream.try_write(reply.to_line().as_bytes());
}

/// Answers one client, line by line, until it hangs up. Nothing that it sends ends anything but its own connection.
async fn converse(mut stream: UnixStream, desk: &Desk) {
    match peer_is_us(&stream) {
        Ok(true) => {}
        Ok(false) => {
            tracing::warn!("refused a connection of another user");
            return;
        }
        Err(error) => {
            tracing::warn!(%error, "cannot tell whose connection this is; refused it");
            return;
        }
    }
    let mut watching = None;
    let mut lines = Lines::default();
    let mut chunk = [0; 1024];
    // A client that reads no replies blocks itself here and nobody else, and not for ever: it holds a place.
    while let Ok(count @ 1..) = stream.read(&mut chunk).await {
        for line in lines.feed(&chunk[..count]) {
            let reply = match line {
                Ok(line) => desk.answer(&line, &mut watching),
                Err(TooLong) => Reply::refused(&desk.status.meta(), &format!("a command has at most {MAX_LINE} bytes")),
            };
            let line = reply.to_line();
            let sent = tokio::time::timeout(PATIENCE, stream.write_all(line.as_bytes())).await;
            if !matches!(sent, Ok(Ok(()))) {
                return;
            }
        }
    }
}

/// A line of more than [`MAX_LINE`] bytes.
#[derive(Debug, PartialEq)]
struct TooLong;

/// Cuts what arrives into lines, and keeps no more than one.
#[derive(Default)]
struct Lines {
    partial: Vec<u8>,
    /// The line under way is too long, which has been said; what is left of it is dropped.
    skipping: bool,
}

impl Lines {
    /// The lines, without their ends, that `bytes` complete. Empty lines are left out.
    fn feed(&mut self, bytes: &[u8]) -> Vec<Result<Vec<u8>, TooLong>> {
        let mut lines = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let ends = piece.ends_with(b"\n");
            if !self.skipping {
                self.partial.extend_from_slice(piece);
                if self.partial.len() > MAX_LINE {
                    self.partial.clear();
                    self.skipping = true;
                    lines.push(Err(TooLong));
                } else if ends {
                    let line = std::mem::take(&mut self.partial);
                    if !line.trim_ascii().is_empty() {
                        lines.push(Ok(line.trim_ascii().to_vec()));
                    }
                }
            }
            self.skipping &= !ends;
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fed(pieces: &[&[u8]]) -> Vec<Result<Vec<u8>, TooLong>> {
        let mut lines = Lines::default();
        pieces.iter().flat_map(|piece| lines.feed(piece)).collect()
    }

    #[test]
    fn lines_come_whole_however_they_arrive() {
        let expected = vec![Ok(b"one".to_vec()), Ok(b"two".to_vec())];
        assert_eq!(fed(&[b"one\ntwo\n"]), expected);
        assert_eq!(fed(&[b"o", b"ne\n\n  \r\nt", b"wo", b"\r\nrest"]), expected);
    }

    #[test]
    fn a_huge_line_is_said_once_and_the_next_one_counts() {
        let huge = vec![b'x'; 1000];
        let pieces: Vec<&[u8]> = std::iter::repeat_n(huge.as_slice(), 50).chain([b"\nnext\n".as_slice()]).collect();
        assert_eq!(fed(&pieces), vec![Err(TooLong), Ok(b"next".to_vec())]);
        let at_once = [vec![b'x'; 100_000], b"\nnext\n".to_vec()].concat();
        assert_eq!(fed(&[&at_once]), vec![Err(TooLong), Ok(b"next".to_vec())]);
        assert_eq!(fed(&[&[vec![b'x'; MAX_LINE - 1], b"\n".to_vec()].concat()]), vec![Ok(vec![b'x'; MAX_LINE - 1])]);
    }
}
