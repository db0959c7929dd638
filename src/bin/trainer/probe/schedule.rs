//! When to take a picture between the moments of a run: by the clock, within a share of the run's time and a number of bytes. Pure.

use std::time::Duration;

/// Between pictures while somebody can see them live.
const WATCHED: Duration = Duration::from_millis(100);
/// Between pictures that nobody sees.
const UNWATCHED: Duration = Duration::from_secs(1);
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
    /// Bytes of all pictures so far, those that wait to be written with the most that they can come to.
    pub(crate) bytes: u64,
}

/// Bytes that pictures may take, and those that they do.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bytes {
    /// All pictures together.
    pub(crate) budget: u64,
    /// Kept for the end.
    pub(crate) reserve: u64,
    /// A picture that is taken while training goes on, on average and at most.
    pub(crate) usual: u64,
    pub(crate) most: u64,
}

/// The rhythm of pictures.
#[derive(Debug)]
pub(crate) struct Schedule {
    /// Share of the run's time for probes and recording together.
    share: f64,
    bytes: Bytes,
    /// Kept for others, beside the reserve.
    reserved: u64,
    /// Between pictures, at least: while watched, and otherwise.
    rhythm: [Duration; 2],
    last: Duration,
    last_cost: Duration,
    /// Before this nothing can be due: most steps need to look no further.
    earliest: Duration,
    /// Somebody asked to see something else, and should not wait for thrift.
    hurried: bool,
}

impl Schedule {
    /// `share` from 0 to 1.
    pub(crate) fn new(share: f64, bytes: Bytes) -> Self {
        Self::with_rhythm(share, bytes, [WATCHED, UNWATCHED])
    }

    /// With so much time between pictures, at least: while watched, and otherwise.
    pub(crate) fn with_rhythm(share: f64, bytes: Bytes, rhythm: [Duration; 2]) -> Self {
        let zero = Duration::ZERO;
        Self { share, bytes, reserved: 0, rhythm, last: zero, last_cost: zero, earliest: zero, hurried: false }
    }

    /// Whether it is worth asking [`Self::is_due`].
    pub(crate) fn may_be_due(&self, active: Duration) -> bool {
        active >= self.earliest
    }

    /// Whether a picture should be taken now.
    pub(crate) fn is_due(&mut self, moment: Moment) -> bool {
        let [watched, unwatched] = self.rhythm;
        let base = if moment.watched { watched } else { unwatched };
        let left = self.left(moment.bytes);
        let interval = match left {
            0 => Duration::MAX,
            _ if self.hurried => watched,
            left => base.max(moment.active.mul_f64((THRIFT / left as f64).min(1.0))),
        };
        let affordable = moment.spent + self.last_cost <= moment.active.mul_f64(self.share);
        let due = affordable && moment.active >= self.last.saturating_add(interval);
        if !due {
            // Somebody may begin to watch at any time.
            self.earliest = (self.last + watched).max(moment.active + Duration::from_millis(2));
        }
        due
    }

    /// Makes the next picture due as soon as it can be afforded.
    pub(crate) fn hurry(&mut self) {
        self.hurried = true;
    }

    /// Bytes of a picture that is taken while training goes on, at most.
    pub(crate) fn most(&self) -> u64 {
        self.bytes.most
    }

    /// Whether there is room for `more` beside what so far took `bytes`.
    pub(crate) fn has_room(&self, more: u64, bytes: u64) -> bool {
        bytes.saturating_add(more).saturating_add(self.kept()) <= self.bytes.budget
    }

    /// Bytes that are not for these pictures.
    fn kept(&self) -> u64 {
        self.bytes.reserve.saturating_add(self.reserved)
    }

    /// Keeps so many bytes for others, beside the reserve.
    pub(crate) fn reserve(&mut self, bytes: u64) {
        self.reserved = bytes;
    }

    /// Pictures that the budget has room for, what is kept for the end aside.
    fn left(&self, bytes: u64) -> u64 {
        if !self.has_room(self.bytes.most, bytes) {
            return 0;
        }
        (self.bytes.budget - self.kept() - bytes) / self.bytes.usual.max(1)
    }

    /// Notes that all was shown while training rested, at none of its cost.
    pub(crate) fn rested(&mut self, active: Duration) {
        self.taken(active, self.last_cost);
    }

    /// Notes that a picture was taken, and the training time it took.
    pub(crate) fn taken(&mut self, active: Duration, cost: Duration) {
        self.last = active;
        self.last_cost = cost;
        self.earliest = active + self.rhythm[0];
        self.hurried = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COST: Duration = Duration::from_millis(2);
    const SIZE: u64 = 20_000;

    fn schedule(share: f64, budget: u64) -> Schedule {
        Schedule::new(share, Bytes { budget, reserve: SIZE, usual: SIZE / 2, most: SIZE })
    }

    /// Times of the pictures of a run of `seconds` whose every step takes a millisecond, and the bytes of all.
    fn rehearse_bytes(mut schedule: Schedule, seconds: u64, watched: bool) -> (Vec<Duration>, u64) {
        let mut times = Vec::new();
        let (mut spent, mut bytes) = (Duration::ZERO, 0);
        for millis in 1..=seconds * 1000 {
            let active = Duration::from_millis(millis);
            if schedule.may_be_due(active) && schedule.is_due(Moment { active, watched, spent, bytes }) {
                schedule.taken(active, COST);
                spent += COST;
                bytes += if times.len() % 4 == 0 { SIZE } else { SIZE / 3 };
                times.push(active);
            }
        }
        (times, bytes)
    }

    fn rehearse(schedule: Schedule, seconds: u64, watched: bool) -> Vec<Duration> {
        rehearse_bytes(schedule, seconds, watched).0
    }

    #[test]
    fn ten_a_second_while_watched_and_one_otherwise() {
        let generous = || schedule(0.05, 1 << 40);
        assert_eq!(rehearse(generous(), 10, true).len(), 100);
        assert_eq!(rehearse(generous(), 10, false).len(), 10);
    }

    #[test]
    fn a_rhythm_of_its_own_is_kept() {
        let bytes = Bytes { budget: 1 << 40, reserve: SIZE, usual: SIZE, most: SIZE };
        let slow = || Schedule::with_rhythm(0.05, bytes, [Duration::from_secs(1), Duration::from_secs(5)]);
        assert_eq!(rehearse(slow(), 20, true).len(), 20);
        assert_eq!(rehearse(slow(), 20, false).len(), 4);
    }

    #[test]
    fn the_share_of_time_is_kept() {
        // 2 ms in 1 % of the time: one every 200 ms.
        let times = rehearse(schedule(0.01, 1 << 40), 10, true);
        assert!((49..=51).contains(&times.len()), "{}", times.len());
        // With no share there is one before anything has been spent.
        assert_eq!(rehearse(schedule(0.0, 1 << 40), 10, true).len(), 1);
    }

    #[test]
    fn the_byte_budget_is_kept_and_leaves_the_reserve_for_the_end() {
        for budget in [0, 30_000, 100_000, 1_000_000, 4_000_000] {
            let (times, bytes) = rehearse_bytes(schedule(1.0, budget), 600, true);
            assert!(bytes == 0 || bytes + SIZE <= budget, "{bytes} of {budget} bytes");
            assert_eq!(times.is_empty(), budget < 2 * SIZE, "{} pictures of {budget} bytes", times.len());
            assert!(bytes > budget / 4 || budget < 3 * SIZE, "{bytes} of {budget} bytes: too thrifty");
        }
    }

    #[test]
    fn what_stands_beside_the_pictures_counts_as_well() {
        let schedule = schedule(1.0, 100_000);
        assert!(schedule.has_room(80_000, 0));
        assert!(!schedule.has_room(80_001, 0));
        assert!(!schedule.has_room(40_000, 50_000));
        assert!(!schedule.has_room(u64::MAX, u64::MAX));
    }

    #[test]
    fn pictures_are_dense_early_and_never_cease() {
        let times = rehearse(schedule(1.0, 4_000_000), 3600, true);
        let in_part = |from: u64, to: u64| times.iter().filter(|t| (from..to).contains(&t.as_secs())).count();
        assert!(in_part(0, 60) > in_part(60, 120));
        assert!(in_part(60, 120) >= in_part(3540, 3600));
        assert!(in_part(1800, 3600) > 3, "the second half of an hour has {}", in_part(1800, 3600));
    }

    #[test]
    fn who_asks_does_not_wait_for_thrift() {
        let mut schedule = schedule(0.05, 1 << 20);
        let (spent, bytes) = (Duration::ZERO, 900_000);
        schedule.taken(Duration::from_secs(3600), COST);
        let at = |millis| Moment { active: Duration::from_millis(millis), watched: true, spent, bytes };
        assert!(!schedule.is_due(at(3_600_200)));
        schedule.hurry();
        assert!(!schedule.is_due(at(3_600_050)));
        assert!(schedule.is_due(at(3_600_200)));
        assert!(!schedule.is_due(Moment { spent: Duration::from_secs(200), ..at(3_600_200) }), "but for time");
        assert!(!schedule.is_due(Moment { bytes: 1 << 20, ..at(3_600_200) }), "and for bytes");
        schedule.taken(Duration::from_secs(3601), COST);
        assert!(!schedule.is_due(at(3_601_200)), "once");
    }
}
