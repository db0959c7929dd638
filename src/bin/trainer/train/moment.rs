//! What is recorded at the moments of a run, at steps that follow from its length alone and whoever watches.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tch::TchError;
use torchscope::recipe::{self, Recipe};

use super::Trainer;
use crate::alarm::skipped::Look;
use crate::alarm::{Alarm, Kind};
use crate::probe::{self, Allowance, Costs, Gallery, Health, Landscape, Moments};

/// So many times what was reckoned with, and so large a share of the thread's time, is an emergency: moments are left out.
const FAR_ABOVE: f64 = 20.0;
const LARGE_SHARE: f64 = 0.5;

/// When everything is recorded, and what that has cost so far.
pub(super) struct Recording {
    pub(super) moments: Moments,
    /// Bytes of one moment, at most.
    bytes: u64,
    allowance: Allowance,
    brake: Brake,
    /// Training time that moments have taken, which what is seen between them does not pay for.
    pub(super) spent: Duration,
    /// Whether a number in the network was not finite at the last moment.
    pub(super) was_broken: bool,
}

/// Leaves moments out where they take far longer than reckoned. By time of the processor, which a busy neighbour does not use
/// up.
#[derive(Debug, Default)]
struct Brake {
    spent: Duration,
    was_used: bool,
}

impl Brake {
    /// Whether looking has gone far beyond `reckoned` seconds, and is most of what the thread has done in `all` its time.
    fn holds(&self, reckoned: f64, all: Duration) -> bool {
        let spent = self.spent.as_secs_f64();
        spent > FAR_ABOVE * reckoned && spent > LARGE_SHARE * all.as_secs_f64()
    }
}

impl Recording {
    /// Of a run of so many steps.
    pub(super) fn new(
        recipe: &Recipe,
        network: &recipe::Network,
        steps: u64,
        probes: (&Gallery, &Health, Option<&Landscape>),
    ) -> Self {
        let (moments, bytes) = probe::moments(recipe, network, steps, probes);
        if (moments.len() as u64) < recipe.record.moments.min(steps.saturating_add(1)) {
            tracing::info!(
                moments = moments.len(),
                wanted = recipe.record.moments,
                "everything is recorded at that many steps"
            );
        }
        Self {
            moments,
            bytes,
            allowance: Costs::new(network).allowance(recipe, steps),
            brake: Brake::default(),
            spent: Duration::ZERO,
            was_broken: false,
        }
    }
}

impl Trainer {
    /// Whether everything is recorded after `step` steps.
    pub(super) fn is_moment(&self, step: u64) -> bool {
        self.recording.moments.place(step).is_some()
    }

    /// Records everything if this is a moment. The layers have been examined with the step.
    pub(super) fn record_moment(&mut self) -> Result<(), TchError> {
        let step = self.session.steps();
        let Some(place) = self.recording.moments.place(step) else { return Ok(()) };
        let at_end = step == 0 || step == self.total_steps;
        if !at_end && self.is_braked(step) {
            return Ok(());
        }
        // In the log the steps up to the pictures come before them.
        self.collect()?;
        let on_thread = time_on_thread();
        let (_taken, of_pictures) = self.timed(Look::Picture, |trainer| {
            let recorder = &mut trainer.recorder;
            trainer.gallery.take_moment(&trainer.session, place, at_end, |picture| recorder.picture_of_moment(picture))
        })?;
        let (_taken, of_landscape) = self.timed(Look::Landscape, |trainer| {
            let Some(landscape) = &mut trainer.landscape else { return Ok(()) };
            let recorder = &mut trainer.recorder;
            let place = (place, trainer.recording.moments.len());
            landscape.take_moment(&trainer.session, place, |picture| recorder.picture_of_moment(picture))
        })?;
        let left = self.recording.moments.left(step) as u64;
        self.gallery.reserve(left.saturating_mul(self.recording.bytes));
        self.recording.brake.spent += time_on_thread().saturating_sub(on_thread);
        self.note_moment(of_pictures + of_landscape);
        Ok(())
    }

    /// Notes what a moment has cost.
    pub(super) fn note_moment(&mut self, cost: Duration) {
        self.recording.spent += cost;
        self.status.add_probing(cost);
    }

    /// Whether this moment is left out, which is said once.
    fn is_braked(&mut self, step: u64) -> bool {
        let reckoned = self.recording.allowance.seconds();
        let brake = &mut self.recording.brake;
        if !brake.holds(reckoned, time_on_thread()) {
            return false;
        }
        if !std::mem::replace(&mut brake.was_used, true) {
            let message = format!(
                "recording what there is to see takes {:.0} times as long as was reckoned with; some of it is left out",
                brake.spent.as_secs_f64() / reckoned.max(1e-9)
            );
            self.raise(vec![Alarm::new(step, Kind::Slow, message)]);
        }
        true
    }

    /// Hands over the evaluation that was just made, if there is a moment before the next one.
    pub(super) fn record_verdict(&mut self) {
        let step = self.session.steps();
        if self.recording.moments.has_any(step, step.saturating_add(self.session.steps_per_epoch())) {
            let recorder = &mut self.recorder;
            self.gallery.take_verdict(&self.session, |picture| recorder.picture_of_moment(picture));
        }
    }
}

/// How long this thread has computed.
fn time_on_thread() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_emergency_leaves_moments_out() {
        let seconds = Duration::from_secs_f64;
        let brake = |spent| Brake { spent: seconds(spent), was_used: false };
        // Ten times as slow as reckoned, as a slow machine may be; a run that is nothing but looking, and is soon over.
        assert!(!brake(10.0).holds(1.0, seconds(12.0)) && !brake(0.9).holds(1.0, seconds(1.0)));
        // Long, and yet little beside what is learnt.
        assert!(!brake(50.0).holds(1.0, seconds(120.0)));
        assert!(brake(50.0).holds(1.0, seconds(60.0)));
    }

    #[test]
    fn a_thread_that_waits_spends_no_time() {
        let before = time_on_thread();
        std::thread::sleep(Duration::from_millis(50));
        assert!(time_on_thread().saturating_sub(before) < Duration::from_millis(40));
    }
}
