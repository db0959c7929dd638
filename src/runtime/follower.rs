//! Follows a run on disk: its log, its state, and what its trainer prints.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::reports::Reports;
use crate::app::Message;
use crate::log::{LogReader, Poll};
use crate::run::{PrintedReader, RunDir, StatusReader};

/// Between two looks at a live run, its log and its state. A `stat` each time, since inotify sees nothing of other NFS
/// hosts.
const LOOK: Duration = Duration::from_millis(40);
/// Between two looks at a run that is over.
const LOOK_OVER: Duration = Duration::from_millis(200);
/// Bytes of the log taken at once, so that a long log shows early and does not have to fit into memory twice: read, it takes
/// some ten times as much, and several of them may wait.
const CHUNK: usize = 512 << 10;

/// A thread that follows a run until it is dropped.
pub(super) struct Follower {
    stop: Arc<AtomicBool>,
}

impl Follower {
    /// Starts to follow.
    pub(super) fn start(run: RunDir, reports: Reports) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let status = StatusReader::new(run.clone());
        let thread = Following { run, reports, stop: Arc::clone(&stop), status };
        thread::Builder::new().name("follower".into()).spawn(move || thread.run())?;
        Ok(Self { stop })
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

struct Following {
    run: RunDir,
    reports: Reports,
    stop: Arc<AtomicBool>,
    status: StatusReader,
}

impl Following {
    fn run(mut self) {
        let Some(mut reader) = self.open() else { return };
        let mut printed = PrintedReader::new(self.run.trainer_log_path());
        let mut complaint = None;
        let mut caught_up = false;
        while self.goes_on() {
            // The state first: when it says that the run is over, the log read after it is whole.
            self.look_at_state();
            if let Some(printed) = printed.poll() {
                self.reports.send(Message::Printed(printed));
            }
            match reader.poll(CHUNK) {
                Ok(poll) => {
                    complaint = None;
                    let first_end = poll.caught_up && !caught_up;
                    caught_up = poll.caught_up;
                    self.forward(poll, first_end);
                }
                // Said once, and tried again: a file system that went away may come back.
                Err(error) => {
                    caught_up = true;
                    let text = error.to_string();
                    if complaint.as_ref() != Some(&text) {
                        self.reports.send(Message::Notice(text.clone()));
                        complaint = Some(text);
                    }
                }
            }
            if caught_up {
                let live = self.status.last().is_none_or(|meta| meta.state.is_live());
                thread::sleep(if live { LOOK } else { LOOK_OVER });
            }
        }
    }

    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed) && self.reports.is_heard()
    }

    /// The log, as soon as its directory can be read.
    fn open(&self) -> Option<LogReader> {
        let mut complaint = String::new();
        while self.goes_on() {
            match LogReader::open(self.run.path()) {
                Ok(reader) => return Some(reader),
                Err(error) if error.to_string() == complaint => thread::sleep(LOOK_OVER),
                Err(error) => {
                    complaint = error.to_string();
                    self.reports.send(Message::Notice(complaint.clone()));
                }
            }
        }
        None
    }

    fn forward(&self, poll: Poll, first_end: bool) {
        for notice in poll.notices {
            self.reports.send(Message::Notice(notice.to_string()));
        }
        if !poll.records.is_empty() {
            self.reports.send(Message::Records(poll.records));
        }
        if first_end {
            self.reports.send(Message::CaughtUp);
        }
    }

    fn look_at_state(&mut self) {
        match self.status.poll() {
            Ok(None) => {}
            Ok(Some(meta)) => self.reports.send(Message::Status(Box::new(meta))),
            Err(error) => self.reports.send(Message::Notice(error)),
        }
    }
}
