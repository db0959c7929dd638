//! When the machine is looked at: once a second at first, and more seldom the longer a run lasts, so that the log of a week
//! is not one of its machine.

use std::time::{Duration, Instant};

/// Between two readings, while there are few.
const SHORTEST: Duration = Duration::from_secs(1);
/// After so many readings they come half as often, as steps do in the log: 1.1 hours, then 2.3 more, ...
const READINGS: u64 = 1 << 12;
/// While training rests, a reading follows the last after this share of the rest so far: a night makes some hundred.
const SHARE_OF_REST: u32 = 32;
/// A wake-up may come a little early or late.
const SLACK: Duration = Duration::from_millis(100);

/// Decides, from the times it is asked.
#[derive(Debug, Default)]
pub(super) struct Cadence {
    taken: u64,
    last: Option<Instant>,
    /// Since when training rests, or somebody has come to watch it rest.
    resting: Option<Instant>,
    watchers: u32,
}

impl Cadence {
    /// Whether a reading is due at `now`, and then counts as taken. A run that rests is looked at only while somebody watches.
    pub(super) fn is_due(&mut self, now: Instant, is_resting: bool, watchers: u32) -> bool {
        if !is_resting {
            self.resting = None;
        } else if self.resting.is_none() || watchers > self.watchers {
            self.resting = Some(now);
        }
        self.watchers = watchers;
        if is_resting && watchers == 0 {
            return false;
        }
        let rested = self.resting.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        let thinned = SHORTEST * (1 << (self.taken / READINGS).min(16));
        let gap = thinned.max(rested / SHARE_OF_REST);
        let is_due = self.last.is_none_or(|last| now.saturating_duration_since(last) + SLACK >= gap);
        if is_due {
            self.last = Some(now);
            self.taken += 1;
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Readings of so many seconds, asked for once in each, `from` a moment on.
    fn readings(cadence: &mut Cadence, from: Instant, seconds: u64, is_resting: bool, watchers: u32) -> u64 {
        let at = |second| from + Duration::from_secs(second);
        (0..seconds).map(|second| u64::from(cadence.is_due(at(second), is_resting, watchers))).sum()
    }

    #[test]
    fn a_week_makes_some_thirty_thousand_readings() {
        let (mut cadence, start) = (Cadence::default(), Instant::now());
        assert_eq!(readings(&mut cadence, start, 3_600, false, 0), 3_600);
        let week = 3_600 + readings(&mut cadence, start + Duration::from_secs(3_600), 7 * 86_400, false, 0);
        assert!((25_000..35_000).contains(&week), "{week}");
    }

    #[test]
    fn a_rest_is_looked_at_while_somebody_watches_and_ever_more_seldom() {
        let (mut cadence, start) = (Cadence::default(), Instant::now());
        assert!(cadence.is_due(start, false, 0));
        let pause = start + Duration::from_secs(1);
        assert_eq!(readings(&mut cadence, pause, 86_400, true, 0), 0, "nobody is there");
        let watched = pause + Duration::from_secs(86_400);
        assert_eq!(readings(&mut cadence, watched, 32, true, 1), 32);
        let night = readings(&mut cadence, watched + Duration::from_secs(32), 86_400, true, 1);
        assert!((100..400).contains(&night), "{night}");
        let later = watched + Duration::from_secs(90_000);
        assert!(cadence.is_due(later, true, 2), "for whoever comes it begins anew");
        assert_eq!(readings(&mut cadence, later + Duration::from_secs(1), 30, true, 2), 30);
        assert_eq!(readings(&mut cadence, later + Duration::from_secs(40), 60, false, 2), 60, "it goes on");
    }

    #[test]
    fn a_wake_up_may_be_early() {
        let (mut cadence, start) = (Cadence::default(), Instant::now());
        let at = |millis| start + Duration::from_millis(millis);
        assert_eq!(
            [0, 950, 1_500, 2_000].map(|millis| cadence.is_due(at(millis), false, 1)),
            [true, true, false, true]
        );
    }
}
