//! The line to the trainer. While it is open the trainer counts this view among its watchers.

use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::reports::Reports;
use crate::app::Message;
use crate::run::{Command, ControlClient, ControlError, Reply, RunDir};

/// A line that broke is tried again so often; without one the trainer believes that nobody watches.
const REDIAL: Duration = Duration::from_secs(1);
/// Between two tries to stop a trainer that does not listen yet.
const STOP_RETRY: Duration = Duration::from_millis(50);

/// A thread that talks to the trainer, so that one that does not answer never holds up the screen. Once this is dropped
/// or [retired](Self::retire) it carries out what it was given before, then ends.
pub(super) struct Control {
    orders: Sender<Command>,
    socket: Option<PathBuf>,
    thread: JoinHandle<()>,
}

impl Control {
    /// Starts the thread.
    pub(super) fn start(run: RunDir, reports: Reports) -> io::Result<Self> {
        let (orders, receiver) = mpsc::channel();
        let thread = thread::Builder::new().name("control".into()).spawn(move || talk(&run, &receiver, &reports))?;
        Ok(Self { orders, socket: None, thread })
    }

    /// Opens the line, once for each socket the run has had.
    pub(super) fn connect(&mut self, socket: &PathBuf) {
        if self.socket.as_ref() != Some(socket) {
            self.socket = Some(socket.clone());
            self.send(Command::Watch);
        }
    }

    /// The trainer is gone: should another one come, it may have a socket at the same place.
    pub(super) fn forget(&mut self) {
        self.socket = None;
    }

    /// Sends a command; the answer comes as a message.
    pub(super) fn send(&self, command: Command) {
        // The thread ends before this does only by a panic, which ends the view.
        let _ = self.orders.send(command);
    }

    /// Gives no more commands: the thread carries out what it was given, closes its connection and ends.
    pub(super) fn retire(self) -> Retired {
        Retired(self.thread)
    }
}

/// A line on which no more commands come.
pub(super) struct Retired(JoinHandle<()>);

impl Retired {
    /// Whether it has carried out everything.
    pub(super) fn is_finished(&self) -> bool {
        self.0.is_finished()
    }

    /// Waits until it has, but no longer than until `deadline`.
    pub(super) fn finish(self, deadline: Instant) {
        while !self.is_finished() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(2));
        }
    }
}

fn talk(run: &RunDir, orders: &Receiver<Command>, reports: &Reports) {
    let mut client = None;
    let mut watching = false;
    loop {
        let batch = match orders.recv_timeout(REDIAL) {
            Ok(first) => coalesce(std::iter::once(first).chain(orders.try_iter())),
            Err(RecvTimeoutError::Timeout) if watching && client.is_none() => vec![Command::Watch],
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        for command in batch {
            let watch = matches!(command, Command::Watch);
            let is_asked_for = !matches!(command, Command::Watch | Command::Look { .. });
            if watch {
                // A new trainer, or a line that broke.
                client = None;
            }
            let result = carry_out(&mut client, run, &command);
            watching = !matches!(result, Err(ControlError::Over { .. }));
            match result {
                Ok(reply) => reports.send(Message::Done(reply)),
                // The view does these by itself; that a trainer is gone is told by the run's state.
                Err(_) if !is_asked_for => {}
                Err(error) => reports.send(Message::Refused(error.to_string())),
            }
        }
    }
}

/// What is left of commands that piled up behind a trainer that did not answer: a stop makes all others pointless, and
/// only the last of several values matters.
fn coalesce(commands: impl Iterator<Item = Command>) -> Vec<Command> {
    let mut batch: Vec<Command> = Vec::new();
    for command in commands {
        match command {
            Command::Stop => return vec![Command::Stop],
            Command::SetLr { .. }
            | Command::SetPace { .. }
            | Command::Look { .. }
            | Command::Plane { .. }
            | Command::Watch => {
                batch.retain(|earlier| std::mem::discriminant(earlier) != std::mem::discriminant(&command));
            }
            _ => {}
        }
        batch.push(command);
    }
    batch
}

fn carry_out(client: &mut Option<ControlClient>, run: &RunDir, command: &Command) -> Result<Reply, ControlError> {
    loop {
        match send(client, run, command) {
            // Whoever stops a run that is still starting means it.
            Err(ControlError::NotYet { .. }) if matches!(command, Command::Stop) => thread::sleep(STOP_RETRY),
            result => return result,
        }
    }
}

fn send(client: &mut Option<ControlClient>, run: &RunDir, command: &Command) -> Result<Reply, ControlError> {
    let mut line = if let Some(line) = client.take() {
        line
    } else {
        let mut line = ControlClient::connect(run)?;
        if !matches!(command, Command::Watch) {
            line.send(&Command::Watch)?;
        }
        line
    };
    let reply = line.send(command);
    // A refusal leaves the line as it is; after any other error it is closed.
    if matches!(reply, Ok(_) | Err(ControlError::Refused { .. })) {
        *client = Some(line);
    }
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retired_line_keeps_no_thread() {
        let home = tempfile::tempdir().unwrap();
        let run = RunDir::create(home.path(), &crate::run::moons()).unwrap();
        // Of a run that is over nothing is waited for.
        run.record_failure("over").unwrap();
        let (reports, _news) = Reports::queue();
        let control = Control::start(run, reports).unwrap();
        control.send(Command::Stop);
        let retired = control.retire();
        let deadline = Instant::now() + Duration::from_secs(60);
        while !retired.is_finished() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(2));
        }
        assert!(retired.is_finished());
    }

    #[test]
    fn what_piled_up_is_reduced_to_what_matters() {
        let lr = |lr| Command::SetLr { lr };
        let batch = coalesce([lr(0.1), Command::Pause, lr(0.2), Command::Step { steps: 1 }, lr(0.3)].into_iter());
        assert_eq!(batch, [Command::Pause, Command::Step { steps: 1 }, lr(0.3)]);
        let looks = (0..3).map(|probe| Command::Look { probe });
        assert_eq!(coalesce(looks), [Command::Look { probe: 2 }]);
        assert_eq!(coalesce([lr(0.1), Command::Stop, Command::Resume].into_iter()), [Command::Stop]);
        let steps = [Command::Step { steps: 1 }, Command::Step { steps: 1 }];
        assert_eq!(coalesce(steps.into_iter()), steps, "every step counts");
    }
}
