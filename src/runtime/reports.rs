//! From the threads that wait for disk and sockets to the loop.

use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::app::Message;

/// Messages that may wait for the application. The reader of the log is held up by a full queue, never the trainer.
pub(super) const QUEUE: usize = 8;

/// What a thread reports.
#[derive(Debug)]
pub(super) enum Report {
    /// News of the run with that number; what an earlier run's threads still say is dropped.
    News(u64, Message),
    /// The terminal has gone.
    HungUp,
}

/// A thread's end of the queue.
#[derive(Clone, Debug)]
pub(super) struct Reports {
    run: u64,
    sender: Sender<Report>,
}

impl Reports {
    /// The queue, for threads of the run with number 0.
    pub(super) fn queue() -> (Self, Receiver<Report>) {
        let (sender, receiver) = channel(QUEUE);
        (Self { run: 0, sender }, receiver)
    }

    /// The same queue for the threads of another run.
    pub(super) fn of_run(&self, run: u64) -> Self {
        Self { run, ..self.clone() }
    }

    /// Sends news, waiting for room. Whether anybody listens is found out by [`Self::is_heard`].
    pub(super) fn send(&self, message: Message) {
        let _ = self.sender.blocking_send(Report::News(self.run, message));
    }

    /// Whether the loop still runs.
    pub(super) fn is_heard(&self) -> bool {
        !self.sender.is_closed()
    }

    /// Reports that the terminal has gone.
    pub(super) fn hang_up(&self) {
        let _ = self.sender.blocking_send(Report::HungUp);
    }
}
