//! When to take a picture: by the clock, within a share of the run's time and a number of bytes. Pure.

use std::time::Duration;

/// Between pictures while somebody can see them live.
const WATCHED: Duration = Duration::from_millis(100);
/// Between pictures while nobody watches: enough to scrub through later.
const UNWATCHED: Duration = Duration::from_secs(1);
/// What a picture is taken to need until the first has been written.
const FIRST_GUESS: u64 = 32 << 10;
/// How much more slowly than the run ages the byte budget may be used up: after it binds, a run that has gone on 16
/// times longer has half of what was left. Dense early, sparser later, and never nothing.
const THRIFT: f64 = 4.0;

/// What the schedule needs to know of the run at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// How long the run has been going, without its pauses.
    pub(crate) active: Duration,
    /// Whether somebody watches.
    pub(crate) watched: bool,
    /// Time spent on probes and recording so far.
    pub(crate) spent: Duration,
    /// Bytes of all pictures so far.
    pub(crate) bytes: u64,
}

/// The rhythm of pictures.
#[derive(Debug)]
pub(crate) struct Schedule {
    /// Share of the run's time for probes and recording together.
    share: f64,
    /// Bytes that all pictures may take.
    budget: u64,
    taken: u64,
    last: Duration,
    last_cost: Duration,
    /// Before this nothing can be due: most steps need to look no further.
    earliest: Duration,
}

impl Schedule {
    /// `share` from 0 to 1; `budget` in bytes.
    pub(crate) fn new(share: f64, budget: u64) -> Self {
        Self { share, budget, taken: 0, last: Duration::ZERO, last_cost: Duration::ZERO, earliest: Duration::ZERO }
    }

    /// Whether it is worth asking [`Self::is_due`].
    pub(crate) fn may_be_due(&self, active: Duration) -> bool {
        active >= self.earliest
    }

    /// Whether a picture should be taken now. The first is always due.
    pub(crate) fn is_due(&mut self, moment: Moment) -> bool {
        if self.taken == 0 {
            return true;
        }
        let base = if moment.watched { WATCHED } else { UNWATCHED };
        let left = self.left(moment.bytes);
        if left == 0 {
            return false;
        }
        let interval = base.max(moment.active.mul_f64((THRIFT / left as f64).min(1.0)));
        let affordable = moment.spent + self.last_cost <= moment.active.mul_f64(self.share);
        let due = affordable && moment.active >= self.last + interval;
        if !due {
            // Somebody may begin to watch at any time.
            self.earliest = (self.last + WATCHED).max(moment.active + Duration::from_millis(2));
        }
        due
    }

    /// Whether there is room for another picture when all so far took `bytes`.
    pub(crate) fn has_bytes(&self, bytes: u64) -> bool {
        self.left(bytes) > 0
    }

    /// Pictures that the budget has room for, one for the end aside.
    fn left(&self, bytes: u64) -> u64 {
        let size = if bytes == 0 { FIRST_GUESS } else { bytes / self.taken.max(1) + 1 };
        (self.budget.saturating_sub(bytes) / size).saturating_sub(1)
    }

    /// Notes that a picture was taken, and the time it took.
    pub(crate) fn taken(&mut self, active: Duration, cost: Duration) {
        self.taken += 1;
        self.last = active;
        self.last_cost = cost;
        self.earliest = active + WATCHED;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COST: Duration = Duration::from_millis(2);

    /// Times of the pictures of a run of `seconds` whose every step takes a millisecond; pictures of `size` bytes.
    fn rehearse(mut schedule: Schedule, seconds: u64, watched: bool, size: u64) -> Vec<Duration> {
        let mut times = Vec::new();
        let (mut spent, mut bytes) = (Duration::ZERO, 0);
        for millis in 0..seconds * 1000 {
            let active = Duration::from_millis(millis);
            if schedule.may_be_due(active) && schedule.is_due(Moment { active, watched, spent, bytes }) {
                schedule.taken(active, COST);
                spent += COST;
                bytes += size;
                times.push(active);
            }
        }
        times
    }

    #[test]
    fn ten_a_second_while_watched_and_one_otherwise() {
        let generous = || Schedule::new(0.05, 1 << 40);
        assert_eq!(rehearse(generous(), 10, true, 20_000).len(), 100);
        assert_eq!(rehearse(generous(), 10, false, 20_000).len(), 10);
    }

    #[test]
    fn the_share_of_time_is_kept() {
        // 2 ms in 1 % of the time: one every 200 ms.
        let times = rehearse(Schedule::new(0.01, 1 << 40), 10, true, 20_000);
        assert!((49..=51).contains(&times.len()), "{}", times.len());
        // With no time at all there is still the first.
        assert_eq!(rehearse(Schedule::new(0.0, 1 << 40), 10, true, 20_000).len(), 1);
    }

    #[test]
    fn the_byte_budget_is_kept_and_leaves_one_for_the_end() {
        for budget in [0, 30_000, 100_000, 1_000_000, 4_000_000] {
            let count = rehearse(Schedule::new(1.0, budget), 600, true, 20_000).len() as u64;
            assert!(count == 1 || (count + 1) * 20_000 <= budget, "{count} pictures of {budget} bytes");
        }
    }

    #[test]
    fn pictures_are_dense_early_and_never_cease() {
        let times = rehearse(Schedule::new(1.0, 4_000_000), 3600, true, 20_000);
        let in_part = |from: u64, to: u64| times.iter().filter(|t| (from..to).contains(&t.as_secs())).count();
        assert!(in_part(0, 60) > in_part(60, 120));
        assert!(in_part(60, 120) >= in_part(3540, 3600));
        assert!(in_part(1800, 3600) > 3, "the second half of an hour has {}", in_part(1800, 3600));
    }
}
