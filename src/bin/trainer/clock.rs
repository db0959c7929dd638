//! The time, from one source for the whole trainer, so that tests can let it pass as they like.

use std::time::Instant;

/// Source of the time.
pub(crate) trait Clock: Send + Sync {
    /// The present moment; never before one that was returned earlier.
    fn now(&self) -> Instant;
}

/// The clock of the system.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::now()
    }
}
