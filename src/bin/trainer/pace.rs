//! When the next step is due, so that a small network can be watched while it learns.

use std::time::{Duration, Instant};

/// Shorter waits are left out: a sleep oversleeps by about 60 us, and a step may be due every 100 us.
const SHORTEST_WAIT: Duration = Duration::from_millis(2);

/// Holds steps to a rate. It decides when a step happens, never what it computes.
pub(crate) struct Pace {
    /// Seconds a step; none for as fast as it goes.
    interval: Option<f64>,
    /// A moment, and the step that was due then.
    anchor: (Instant, u64),
}

impl Pace {
    /// `epochs_per_second` epochs of `steps_per_epoch` steps from `step` and `now` on.
    pub(crate) fn new(epochs_per_second: Option<f64>, steps_per_epoch: u64, step: u64, now: Instant) -> Self {
        let interval = epochs_per_second.map(|rate| 1.0 / (rate * steps_per_epoch as f64));
        Self { interval, anchor: (now, step) }
    }

    /// Whether [`Self::wait`] needs to be asked at all; saves an unpaced run the look at the clock.
    pub(crate) fn is_held(&self) -> bool {
        self.interval.is_some()
    }

    /// How long to wait before the step that follows `step` steps; none to take it now.
    ///
    /// Time lost (to a pause, a slow step) is not made up for: there is no burst afterwards.
    pub(crate) fn wait(&mut self, step: u64, now: Instant) -> Option<Duration> {
        let interval = self.interval?;
        let ahead = step.saturating_sub(self.anchor.1) as f64 * interval;
        // A pace of an epoch an hour is a long time, but no overflow.
        let due = self.anchor.0 + Duration::try_from_secs_f64(ahead.min(1e6)).unwrap_or_default();
        let wait = due.saturating_duration_since(now);
        if wait.is_zero() && now.duration_since(due).as_secs_f64() > interval.max(0.02) {
            self.anchor = (now, step);
        }
        (wait >= SHORTEST_WAIT).then_some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_come_at_the_rate_and_not_in_bursts() {
        let start = Instant::now();
        let at = |millis: u64| start + Duration::from_millis(millis);
        // 10 epochs a second of 10 steps: one every 10 ms.
        let mut pace = Pace::new(Some(10.0), 10, 100, start);
        assert_eq!(pace.wait(100, at(0)), None);
        assert_eq!(pace.wait(101, at(0)), Some(Duration::from_millis(10)));
        assert_eq!(pace.wait(101, at(4)), Some(Duration::from_millis(6)));
        assert_eq!(pace.wait(101, at(9)), None, "1 ms is not worth a sleep");
        assert_eq!(pace.wait(102, at(1000)), None);
        assert_eq!(pace.wait(103, at(1000)), Some(Duration::from_millis(10)), "the second lost is not made up for");
    }

    #[test]
    fn many_short_steps_share_a_sleep() {
        let start = Instant::now();
        // One step every 100 us: twenty of them before the lead is worth a sleep.
        let mut pace = Pace::new(Some(1.0), 10_000, 0, start);
        let free = (0..1000).take_while(|step| pace.wait(*step, start).is_none()).count();
        assert_eq!(free, 20);
    }

    #[test]
    fn without_a_rate_nothing_waits() {
        let start = Instant::now();
        let mut pace = Pace::new(None, 10, 0, start);
        assert!(!pace.is_held());
        assert_eq!(pace.wait(u64::MAX, start), None);
    }
}
