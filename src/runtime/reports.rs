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
    /// The thread has panicked. The hook has given the terminal back and said why.
    Panicked,
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

    /// Reports a panic of the thread that holds it.
    pub(super) fn guard(&self) -> Guard {
        Guard(self.sender.clone())
    }
}

/// See [`Reports::guard`].
pub(super) struct Guard(Sender<Report>);

impl Drop for Guard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _ = self.0.blocking_send(Report::Panicked);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_reported_and_an_end_is_not() {
        let (reports, mut receiver) = Reports::queue();
        let guard = reports.guard();
        std::thread::spawn(move || drop(guard)).join().unwrap();
        assert!(receiver.try_recv().is_err());
        let guard = reports.guard();
        let thread = std::thread::spawn(move || {
            let _guard = guard;
            panic!("on purpose");
        });
        assert!(thread.join().is_err());
        assert!(matches!(receiver.try_recv(), Ok(Report::Panicked)));
        assert!(reports.is_heard());
        drop(receiver);
        assert!(!reports.is_heard());
    }
}
