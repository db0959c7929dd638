//! What goes to the terminal, and when: the clock and the eyes of [`Pacing`].

use std::time::Instant;

use super::Options;
use crate::app::Traffic;
use crate::term::{Environment, Link, Meter, Pacing};

/// Bytes a second over an SSH connection whose queue cannot be seen, unless `--max-kbps` says otherwise.
const BUDGET_BLIND: u64 = 50_000;

/// See the module.
#[derive(Debug)]
pub(super) struct Output {
    start: Instant,
    pacing: Pacing,
    meter: Meter,
    link: Option<Link>,
}

impl Output {
    pub(super) fn new(options: Options) -> Self {
        let remote = options.capabilities.remote;
        let link = Some(Environment::of_process()).filter(|_| remote).and_then(|env| Link::detect(&env));
        let asked = options.max_kbps.map(|kbps| u64::from(kbps) * 1000);
        let budget = asked.or((remote && link.is_none()).then_some(BUDGET_BLIND));
        Self { start: Instant::now(), pacing: Pacing::new(remote, budget), meter: Meter::default(), link }
    }

    /// When the next frame may be drawn, or may be asked for again.
    pub(super) fn due(&self, urgent: bool) -> Instant {
        self.start + self.pacing.due(urgent)
    }

    pub(super) fn allows(&mut self, urgent: bool) -> bool {
        let link = self.link.as_ref();
        self.pacing.allows(self.start.elapsed(), urgent, || link.and_then(Link::queued))
    }

    /// `uncounted`: the frame only showed the counter.
    pub(super) fn sent(&mut self, bytes: usize, uncounted: bool) {
        let now = self.start.elapsed();
        self.pacing.sent(now, bytes);
        if !uncounted {
            self.meter.count(now, bytes);
        }
    }

    pub(super) fn traffic(&mut self) -> Traffic {
        let (bytes, frames) = self.meter.rates(self.start.elapsed());
        Traffic { bytes: bytes as u64, frames }
    }
}
