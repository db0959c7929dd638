//! A disk that takes nothing: training waits until it does, and everybody is told why.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use torchscope::run::{Trouble, is_disk_trouble, is_out_of_room};

use crate::inbox::{Inbox, Order};
use crate::status::Status;

/// Trouble lasts so long at least: a disk that is nearly full would otherwise stop and start training many times a second.
const LEAST: Duration = Duration::from_secs(1);

/// And until so many bytes are free, where that can be told.
const ENOUGH: u64 = 1 << 20;

/// What could not be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum What {
    Log,
    Run,
    Checkpoint,
}

impl What {
    fn name(self) -> &'static str {
        match self {
            Self::Log => "the log",
            Self::Run => "run.json",
            Self::Checkpoint => "a checkpoint",
        }
    }
}

/// Where everybody who writes says how it went.
#[derive(Clone)]
pub(crate) struct Disk {
    /// Where the run lies.
    path: PathBuf,
    inbox: Arc<Inbox>,
    status: Arc<Status>,
    /// Since when what could not be written.
    since: Arc<Mutex<BTreeMap<What, Instant>>>,
}

impl Disk {
    pub(crate) fn new(path: &Path, inbox: Arc<Inbox>, status: Arc<Status>) -> Self {
        Self { path: path.to_owned(), inbox, status, since: Arc::default() }
    }

    /// Notes how writing `what` went; says whether training waits for it now. The first that cannot be written holds training,
    /// and the last that can be written again lets it go on.
    pub(crate) fn note(&self, what: What, error: Option<&io::Error>) -> bool {
        self.note_at(what, error, Instant::now())
    }

    fn note_at(&self, what: What, error: Option<&io::Error>, now: Instant) -> bool {
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        let was_free = since.is_empty();
        match error {
            Some(error) if is_disk_trouble(error) => {
                since.entry(what).or_insert(now);
                if was_free {
                    let until = if is_out_of_room(error) { "there is room" } else { "it can be written again" };
                    let message =
                        format!("cannot write {}: {error}; training waits, and goes on when {until}", what.name());
                    self.status.set_trouble(Some(Trouble { step: self.status.steps(), message }));
                    self.hold(true);
                }
            }
            // Another kind of error is somebody else's business.
            Some(_) => return false,
            None => {
                let is_over = |began: &Instant| now.saturating_duration_since(*began) >= LEAST && self.has_room();
                if since.get(&what).is_some_and(is_over) {
                    since.remove(&what);
                }
                if !was_free && since.is_empty() {
                    self.status.set_trouble(None);
                    self.hold(false);
                }
            }
        }
        since.contains_key(&what)
    }

    /// Has an alarm raised for trouble that does not pass, and that training goes on with.
    pub(crate) fn complain(&self, message: String) {
        self.status.set_complaint(message);
        // Never refused.
        let _taken = self.inbox.send(Order::Complain);
    }

    fn has_room(&self) -> bool {
        rustix::fs::statvfs(&self.path).map_or(true, |disk| disk.f_bavail.saturating_mul(disk.f_frsize) >= ENOUGH)
    }

    fn hold(&self, hold: bool) {
        // Never refused.
        let _taken = self.inbox.send(Order::Hold(hold));
    }
}

#[cfg(test)]
mod tests {
    use torchscope::run::State;

    use super::*;
    use crate::status::Live;

    #[test]
    fn training_is_held_once_and_let_go_when_all_is_well() {
        let inbox = Arc::new(Inbox::default());
        let live = Live { state: State::Running, lr: 0.1, pace: None, watchers: 0 };
        let status = Arc::new(Status::new(live));
        let disk = Disk::new(&std::env::temp_dir(), Arc::clone(&inbox), Arc::clone(&status));
        let full = io::Error::from(io::ErrorKind::StorageFull);
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        assert!(!disk.note_at(What::Log, None, at(0)));
        assert!(!disk.note_at(What::Log, Some(&io::ErrorKind::NotFound.into()), at(0)), "that does not pass");
        assert_eq!((inbox.next(), status.meta().state), (None, State::Running));

        status.set_steps(7);
        assert!(disk.note_at(What::Log, Some(&full), at(0)));
        assert!(disk.note_at(What::Checkpoint, Some(&full), at(1)));
        assert!(disk.note_at(What::Log, Some(&full), at(1)));
        assert_eq!((inbox.next(), inbox.next()), (Some(Order::Hold(true)), None));
        let meta = status.meta();
        assert_eq!(meta.state, State::Paused);
        let trouble = meta.trouble.unwrap();
        assert!(trouble.step == 7 && trouble.message.starts_with("cannot write the log: "), "{trouble:?}");

        assert!(!disk.note_at(What::Log, None, at(5)));
        assert!(disk.note_at(What::Checkpoint, None, at(1)), "not at once");
        assert_eq!(inbox.next(), None);
        assert!(!disk.note_at(What::Checkpoint, None, at(5)));
        assert_eq!((inbox.next(), status.meta().trouble), (Some(Order::Hold(false)), None));
    }
}
