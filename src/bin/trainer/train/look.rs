//! What is looked at between steps: pictures, the health of layers, the landscape.

use std::time::{Duration, Instant};

use tch::{TchError, Tensor};

use super::Trainer;
use super::incident::Measured;
use crate::inbox::Order;
use crate::outcome::Outcome;
use crate::probe::{Checkup, Moment, SLICE};

/// How long the landscape of the whole path may take, beside the share of the run's time that probes have.
const LAST_LOOK: Duration = Duration::from_secs(1);

impl Trainer {
    /// The parameters before a step after which the layers are to be examined.
    pub(super) fn prepare_checkup(&mut self) -> Result<Option<Vec<Tensor>>, TchError> {
        let now = Instant::now();
        let next = self.session.steps() + 1;
        // What training comes to rest at is examined in any case.
        let is_last = next == self.total_steps || self.pause_at == Some(next);
        let is_due = self.health.is_due(self.status.active(now), self.watchers > 0);
        let is_wanted = is_due || (is_last && self.health.has_room());
        if !is_wanted {
            return Ok(None);
        }
        let parameters = self.session.copy_parameters()?;
        self.status.add_probing(now.elapsed());
        Ok(Some(parameters))
    }

    /// Examines the layers after a step from `before`, if the parameters before it were kept for that.
    pub(super) fn checkup(&mut self, before: Option<&[Tensor]>) -> Result<(), TchError> {
        if before.is_none() {
            return Ok(());
        }
        let began = Instant::now();
        let Checkup { picture, is_broken } = self.health.examine(&self.session, before)?;
        let bytes = picture.most_bytes();
        let bytes = if self.recorder.picture(picture) { bytes } else { 0 };
        let cost = began.elapsed();
        self.health.taken(self.status.active(began), cost, bytes);
        self.status.add_probing(cost);
        if !is_broken {
            self.mend(Measured::Checkup);
        } else if self.broken.is_none() {
            let fault = self.find()?;
            let step = self.session.steps();
            self.broke(Measured::Checkup, step, "a number in the network is not finite", fault.as_ref());
        }
        Ok(())
    }

    /// Takes a picture if one is due, and computes a little of the landscape.
    pub(super) fn look(&mut self) -> Result<(), TchError> {
        // Only what follows is the cost of looking, not what was measured after the step.
        let now = Instant::now();
        let active = self.status.active(now);
        if self.gallery.may_be_due(&self.session, active) {
            let moment = self.moment(active);
            let recorder = &mut self.recorder;
            if self.gallery.look(&self.session, moment, |picture| recorder.picture(picture))? {
                let cost = now.elapsed();
                self.gallery.looked(active, cost);
                self.status.add_probing(cost);
            }
        }
        if self.landscape.as_ref().is_some_and(|landscape| landscape.may_be_due(active)) {
            self.explore(active)?;
        }
        Ok(())
    }

    fn explore(&mut self, active: Duration) -> Result<(), TchError> {
        let moment = self.moment(active);
        let Some(landscape) = &mut self.landscape else { return Ok(()) };
        let began = Instant::now();
        let enough = || began.elapsed() >= SLICE;
        let recorder = &mut self.recorder;
        if landscape.work(&self.session, moment, enough, |picture| recorder.picture(picture))? {
            let cost = began.elapsed();
            landscape.worked(cost);
            self.status.add_probing(cost);
        }
        Ok(())
    }

    fn moment(&self, active: Duration) -> Moment {
        Moment {
            active,
            watched: self.watchers > 0,
            spent: self.status.probing() + self.status.recording(),
            bytes: self.status.picture_bytes(),
        }
    }

    /// Shows the landscape of the whole path. A stop, the first or another one, shortens that.
    pub(super) fn conclude(&mut self, outcome: &Outcome) -> Result<(), TchError> {
        let Some(landscape) = &mut self.landscape else { return Ok(()) };
        let began = Instant::now();
        let earned = match outcome {
            Outcome::Finished => self.status.active(began).mul_f64(self.probe_share),
            _ => Duration::ZERO,
        };
        let mut stopped = false;
        let interrupted = || {
            while let Some(order) = self.inbox.next() {
                stopped |= matches!(order, Order::Stop { .. });
            }
            stopped
        };
        let expired = || began.elapsed() >= LAST_LOOK + earned;
        let recorder = &mut self.recorder;
        landscape.conclude(&self.session, interrupted, expired, |picture| recorder.picture_at_rest(picture))
    }

    /// Shows all of the network that training rests at. This is no time of training's, so it may wait for room.
    pub(super) fn look_at_rest(&mut self) -> Result<(), TchError> {
        let active = self.status.active(Instant::now());
        let recorder = &mut self.recorder;
        self.gallery.look_at_rest(&self.session, active, |picture| recorder.picture_at_rest(picture))
    }
}
