//! How much may be on its way, so that an answer never waits long behind a log: ssh, pipes and TCP would take megabytes.
//! Time is data: so much since the line was opened.

use std::collections::VecDeque;
use std::time::Duration;

/// Bytes on their way at first, at least, and at most.
const FIRST: u64 = 32 << 10;
const LEAST: u64 = 12 << 10;
const MOST: u64 = 8 << 20;
/// Bytes that take less than so much longer than the quickest make room for more, those that take more for less.
const QUICK: Duration = Duration::from_millis(120);
const SLOW: Duration = Duration::from_millis(300);

/// The room on a line, found out by how long bytes take to arrive.
#[derive(Debug)]
pub(super) struct Window {
    size: u64,
    sent: u64,
    received: u64,
    /// Bytes sent up to and with each frame, and when it went.
    flights: VecDeque<(u64, Duration)>,
    /// The least time that a frame took.
    quickest: Duration,
}

impl Default for Window {
    fn default() -> Self {
        Self { size: FIRST, sent: 0, received: 0, flights: VecDeque::new(), quickest: Duration::MAX }
    }
}

impl Window {
    /// Bytes that may be sent now.
    pub(super) fn room(&self) -> u64 {
        self.size.saturating_sub(self.sent - self.received)
    }

    /// A frame went out.
    pub(super) fn sent(&mut self, now: Duration, bytes: usize) {
        self.sent += bytes as u64;
        self.flights.push_back((self.sent, now));
    }

    /// So many bytes have arrived in all, as the other end says.
    pub(super) fn received(&mut self, now: Duration, total: u64) {
        let total = total.clamp(self.received, self.sent);
        let mut took = None;
        while let Some((_, at)) = self.flights.front().copied().filter(|(end, _)| *end <= total) {
            took = Some(now.saturating_sub(at));
            self.flights.pop_front();
        }
        let arrived = total - self.received;
        self.received = total;
        let Some(took) = took else { return };
        self.quickest = self.quickest.min(took);
        let waited = took.saturating_sub(self.quickest);
        if waited < QUICK {
            self.size = (self.size + arrived).min(MOST);
        } else if waited > SLOW {
            self.size = self.size.saturating_sub(arrived / 2).max(LEAST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keeps a line busy for a while; returns the bytes that arrived in its last two seconds and how long the last took.
    fn run(rate: f64, delay: Duration) -> (f64, Duration) {
        const FRAME: usize = 4096;
        const STEP: Duration = Duration::from_millis(1);
        let mut window = Window::default();
        let (mut now, mut free) = (Duration::ZERO, Duration::ZERO);
        let mut flights: VecDeque<(Duration, Duration)> = VecDeque::new();
        let (mut arrived, mut late, mut took) = (0, 0, Duration::ZERO);
        while now < Duration::from_secs(20) {
            while window.room() >= FRAME as u64 {
                window.sent(now, FRAME);
                free = free.max(now) + Duration::from_secs_f64(FRAME as f64 / rate);
                flights.push_back((free + delay, now));
            }
            while let Some((_, sent)) = flights.front().copied().filter(|(at, _)| *at <= now) {
                flights.pop_front();
                arrived += FRAME as u64;
                late += if now > Duration::from_secs(18) { FRAME } else { 0 };
                took = now.saturating_sub(sent);
                window.received(now, arrived);
            }
            now += STEP;
        }
        (late as f64 / 2.0, took)
    }

    #[test]
    fn a_slow_line_is_kept_short_and_a_fast_one_is_used() {
        let (rate, took) = run(50_000.0, Duration::from_millis(40));
        assert!(rate > 40_000.0 && took < Duration::from_millis(500), "{rate} bytes a second, {took:?}");
        let (rate, took) = run(250_000.0, Duration::from_millis(40));
        assert!(rate > 200_000.0 && took < Duration::from_millis(500), "{rate} bytes a second, {took:?}");
        let (rate, _) = run(10_000_000.0, Duration::from_millis(280));
        assert!(rate > 5_000_000.0, "{rate} bytes a second");
    }

    #[test]
    fn nonsense_from_the_other_end_changes_nothing() {
        let mut window = Window::default();
        window.sent(Duration::ZERO, 1000);
        window.received(Duration::ZERO, u64::MAX);
        assert!(window.room() >= FIRST);
        window.received(Duration::ZERO, 0);
        assert!(window.room() >= FIRST);
    }
}
