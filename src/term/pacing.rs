//! When the next frame may be drawn, so that a slow link shows what is new instead of what has piled up before it.
//!
//! Three things hold a frame back: a rate of frames that nobody needs more of, a budget of bytes (`--max-kbps`), and what
//! the link still has to deliver of earlier frames, where that can be seen ([`super::Link`]). A frame is held back BEFORE it
//! is compared with the last one, never after: what was compared is taken for shown.
//!
//! What answers a key comes first. It may go out into a debt of the budget and behind a few queued bytes; both are bounded.
//!
//! Time is data: so much since the view began.

use std::collections::VecDeque;
use std::time::Duration;

/// Least time between two frames, local and over SSH.
const FRAME: Duration = Duration::from_millis(50);
const FRAME_REMOTE: Duration = Duration::from_millis(125);
/// Least time between two frames that answer keys: bounds what a key held down can cost.
const FRAME_KEYS: Duration = Duration::from_millis(12);
/// Between two looks at a link that is still busy.
const LOOK: Duration = Duration::from_millis(15);
/// Seconds' worth of the budget that may be saved up, and that keys may borrow.
const SAVED: f64 = 0.25;
const BORROWED: f64 = 0.25;
/// Bytes that may still be on their way when the next frame is drawn: a packet or two.
const QUEUED: u64 = 3_000;
/// The same for a frame that answers a key: a fifth of a second at 50 KB/s.
const QUEUED_KEYS: u64 = 10_000;

/// Decides when frames are drawn.
#[derive(Debug)]
pub struct Pacing {
    frame: Duration,
    bucket: Option<Bucket>,
    /// When the last frame was sent.
    last: Option<Duration>,
    /// When the link was found busy.
    busy: Option<Duration>,
}

/// A budget of bytes. It goes into debt by what a frame turns out to cost, and is closed until that is paid off.
#[derive(Debug)]
struct Bucket {
    /// Bytes a second, above 0.
    rate: f64,
    /// Bytes at `at`.
    level: f64,
    at: Duration,
}

impl Bucket {
    fn level(&self, now: Duration) -> f64 {
        let earned = now.saturating_sub(self.at).as_secs_f64() * self.rate;
        (self.level + earned).min(self.rate * SAVED)
    }

    /// When the level reaches `level`.
    fn reaches(&self, level: f64) -> Duration {
        self.at + Duration::from_secs_f64(((level - self.level) / self.rate).clamp(0.0, 1e6))
    }
}

impl Pacing {
    /// `remote`: the terminal is reached over SSH. `budget`: bytes a second, none for as many as it takes.
    pub fn new(remote: bool, budget: Option<u64>) -> Self {
        let bucket = |rate: u64| {
            let rate = rate.max(1) as f64;
            Bucket { rate, level: rate * SAVED, at: Duration::ZERO }
        };
        Self { frame: if remote { FRAME_REMOTE } else { FRAME }, bucket: budget.map(bucket), last: None, busy: None }
    }

    /// When a frame may be drawn at the earliest; `urgent`: it answers a key.
    pub fn due(&self, urgent: bool) -> Duration {
        let pause = if urgent { FRAME_KEYS } else { self.frame };
        let paced = self.last.map_or(Duration::ZERO, |last| last + pause);
        let paid = self
            .bucket
            .as_ref()
            .map_or(Duration::ZERO, |bucket| bucket.reaches(if urgent { -bucket.rate * BORROWED } else { 0.0 }));
        let looked = self.busy.map_or(Duration::ZERO, |busy| busy + LOOK);
        paced.max(paid).max(looked)
    }

    /// Whether a frame may be drawn now. `queued` looks at how many bytes are still on their way, and is asked only if nothing
    /// else holds the frame back; none if that cannot be seen.
    pub fn allows(&mut self, now: Duration, urgent: bool, queued: impl FnOnce() -> Option<u64>) -> bool {
        if now < self.due(urgent) {
            return false;
        }
        let most = if urgent { QUEUED_KEYS } else { QUEUED };
        self.busy = queued().is_some_and(|queued| queued > most).then_some(now);
        self.busy.is_none()
    }

    /// A frame was drawn and cost so many bytes; 0 if it showed nothing new.
    pub fn sent(&mut self, now: Duration, bytes: usize) {
        self.last = Some(now);
        if let Some(bucket) = &mut self.bucket {
            bucket.level = bucket.level(now) - bytes as f64;
            bucket.at = now;
        }
    }
}

/// Over how long traffic is counted.
const WINDOW: Duration = Duration::from_secs(2);

/// Counts what goes to the terminal.
#[derive(Debug, Default)]
pub struct Meter {
    /// When each frame was sent and what it cost, the oldest first.
    frames: VecDeque<(Duration, usize)>,
}

impl Meter {
    /// A frame went out. Those without bytes are none.
    pub fn count(&mut self, now: Duration, bytes: usize) {
        if bytes > 0 {
            self.frames.push_back((now, bytes));
        }
    }

    /// Bytes and frames a second, on the average of the last two seconds.
    pub fn rates(&mut self, now: Duration) -> (f64, f64) {
        while self.frames.front().is_some_and(|(at, _)| *at + WINDOW <= now) {
            self.frames.pop_front();
        }
        let bytes: usize = self.frames.iter().map(|(_, bytes)| bytes).sum();
        (bytes as f64 / WINDOW.as_secs_f64(), self.frames.len() as f64 / WINDOW.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    const EMPTY: fn() -> Option<u64> = || Some(0);

    #[test]
    fn frames_are_capped_and_keys_do_not_wait_for_it() {
        for (remote, pause) in [(false, 50), (true, 125)] {
            let mut pacing = Pacing::new(remote, None);
            assert!(pacing.allows(ms(0), false, EMPTY), "the first one at once");
            pacing.sent(ms(0), 50_000);
            assert!(!pacing.allows(ms(pause - 1), false, EMPTY));
            assert!(!pacing.allows(ms(11), true, EMPTY) && pacing.allows(ms(12), true, EMPTY));
            assert_eq!(pacing.due(false), ms(pause));
            assert!(pacing.allows(ms(pause), false, EMPTY));
        }
    }

    #[test]
    fn a_frame_is_paid_off_before_the_next_and_a_key_borrows() {
        // 10 KB/s; a quarter of a second is saved up at the start.
        let mut pacing = Pacing::new(false, Some(10_000));
        pacing.sent(ms(0), 12_500);
        assert_eq!(pacing.due(false), ms(1000));
        assert_eq!(pacing.due(true), ms(750));
        assert!(pacing.allows(ms(750), true, EMPTY));
        pacing.sent(ms(750), 1_000);
        assert_eq!((pacing.due(true), pacing.due(false)), (ms(850), ms(1100)), "what was borrowed is paid back");
    }

    #[test]
    fn a_busy_link_holds_frames_back_and_is_looked_at_again() {
        let mut pacing = Pacing::new(true, None);
        pacing.sent(ms(0), 20_000);
        assert!(!pacing.allows(ms(125), false, || Some(5_000)));
        assert_eq!(pacing.due(false), ms(140));
        assert!(pacing.allows(ms(140), true, || Some(5_000)), "a key is answered behind a few bytes");
        assert!(!pacing.allows(ms(140), true, || Some(50_000)), "but not behind many");
        assert!(!pacing.allows(ms(150), false, || panic!("looked too early")));
        assert!(pacing.allows(ms(155), false, || Some(100)));
        assert!(pacing.allows(ms(155), false, || None), "what cannot be seen holds nothing back");
    }

    #[test]
    fn the_meter_forgets() {
        let mut meter = Meter::default();
        meter.count(ms(0), 1_000);
        meter.count(ms(500), 3_000);
        meter.count(ms(500), 0);
        assert_eq!(meter.rates(ms(1000)), (2_000.0, 1.0));
        assert_eq!(meter.rates(ms(2000)), (1_500.0, 0.5));
        assert_eq!(meter.rates(ms(2500)), (0.0, 0.0));
    }

    /// A link that delivers `rate` bytes a second, with a view behind it that always has something new.
    struct Simulated {
        rate: f64,
        queued: f64,
        at: Duration,
        /// The longest that a frame's last byte was on its way, in seconds.
        lag: f64,
    }

    impl Simulated {
        fn to(&mut self, now: Duration) {
            self.queued = (self.queued - now.saturating_sub(self.at).as_secs_f64() * self.rate).max(0.0);
            self.at = now;
        }

        fn take(&mut self, bytes: usize) {
            self.queued += bytes as f64;
            self.lag = self.lag.max(self.queued / self.rate);
        }
    }

    proptest! {
        /// Whatever frames cost and whenever keys are pressed, no stretch of time holds more than the budget allows.
        #[test]
        fn the_budget_holds(
            rate in 1_000_u64..1_000_000,
            frames in prop::collection::vec((0_usize..60_000, 0_u64..400, any::<bool>()), 1..100),
        ) {
            let mut pacing = Pacing::new(true, Some(rate));
            let mut sent: Vec<(Duration, usize)> = Vec::new();
            let mut now = ms(0);
            for (bytes, pause, urgent) in frames {
                now = (now + ms(pause)).max(pacing.due(urgent));
                if pacing.allows(now, urgent, || None) {
                    pacing.sent(now, bytes);
                    sent.push((now, bytes));
                }
            }
            let largest = sent.iter().map(|(_, bytes)| *bytes).max().unwrap_or(0) as f64;
            for (first, (start, _)) in sent.iter().enumerate() {
                let mut total = 0.0;
                for (at, bytes) in &sent[first..] {
                    total += *bytes as f64;
                    let allowed = rate as f64 * (at.saturating_sub(*start).as_secs_f64() + SAVED + BORROWED) + largest;
                    prop_assert!(total <= allowed + 1.0, "{total} bytes, {allowed} allowed");
                }
            }
        }

        /// Where the queue can be seen, nothing is ever behind more than a frame, what was tolerated, and itself.
        #[test]
        fn the_queue_stays_short(
            rate in 10_000_f64..1_000_000.0,
            frames in prop::collection::vec((0_usize..20_000, 0_u64..400, any::<bool>()), 1..100),
        ) {
            let mut pacing = Pacing::new(true, None);
            let mut link = Simulated { rate, queued: 0.0, at: ms(0), lag: 0.0 };
            let mut now = ms(0);
            let mut drawn = 0;
            for (bytes, pause, urgent) in &frames {
                now += ms(*pause);
                // As the loop does: it waits until a frame may be drawn.
                loop {
                    now = now.max(pacing.due(*urgent));
                    link.to(now);
                    if pacing.allows(now, *urgent, || Some(link.queued as u64)) {
                        break;
                    }
                }
                link.take(*bytes);
                pacing.sent(now, *bytes);
                drawn += 1;
            }
            prop_assert_eq!(drawn, frames.len());
            prop_assert!(link.lag * rate <= (20_000 + QUEUED_KEYS + 1) as f64, "{} s", link.lag);
        }
    }
}
