//! What is looked at between steps: pictures, the health of layers, the landscape.

use std::time::Duration;

use tch::{TchError, Tensor};

use super::Trainer;
use super::incident::Measured;
use crate::alarm::skipped::Look;
use crate::inbox::Order;
use crate::outcome::Outcome;
use crate::probe::{Checkup, Moment, SLICE};

/// How long the landscape of the whole path may take, beside the share of the run's time that probes have.
pub(super) const LAST: Duration = Duration::from_secs(1);

impl Trainer {
    /// The parameters before a step after which the layers are to be examined.
    pub(super) fn prepare_checkup(&mut self) -> Result<Option<Vec<Tensor>>, TchError> {
        let active = self.status.active(self.status.now());
        let next = self.session.steps() + 1;
        // What training comes to rest at is examined in any case.
        let is_last = next == self.total_steps || self.pause_at == Some(next);
        let is_due = self.health.is_due(active, self.watchers > 0);
        let is_wanted = is_due || (is_last && self.health.has_room());
        if !is_wanted {
            return Ok(None);
        }
        self.collect()?;
        let (parameters, cost) = self.timed(Look::Health, |trainer| trainer.session.copy_parameters())?;
        if parameters.is_none() {
            // It has had its turn, too.
            self.health.taken(active, cost, 0);
        }
        self.status.add_probing(cost);
        Ok(parameters)
    }

    /// Examines the layers after a step from `before`, if the parameters before it were kept for that.
    pub(super) fn checkup(&mut self, before: Option<&[Tensor]>) -> Result<(), TchError> {
        if before.is_none() {
            return Ok(());
        }
        let active = self.status.active(self.status.now());
        let (checkup, cost) = self.timed(Look::Health, |trainer| {
            let Checkup { picture, is_broken } = trainer.health.examine(&trainer.session, before)?;
            let bytes = picture.most_bytes();
            Ok((if trainer.recorder.picture(picture) { bytes } else { 0 }, is_broken))
        })?;
        let (bytes, is_broken) = checkup.map_or((0, None), |(bytes, is_broken)| (bytes, Some(is_broken)));
        self.health.taken(active, cost, bytes);
        self.status.add_probing(cost);
        match is_broken {
            Some(false) => self.mend(Measured::Checkup),
            Some(true) if self.broken.is_none() => {
                let fault = self.find();
                let step = self.session.steps();
                self.broke(Measured::Checkup, step, "a number in the network is not finite", fault.as_ref());
            }
            _ => {}
        }
        Ok(())
    }

    /// Shows how the layers are before the first step.
    pub(super) fn checkup_at_start(&mut self) {
        let checkup = self.health.examine(&self.session, None);
        if let Some(checkup) = self.seen(Look::Health, checkup) {
            self.recorder.picture_at_rest(checkup.picture);
        }
    }

    /// Takes a picture if one is due, and computes a little of the landscape.
    pub(super) fn look(&mut self) -> Result<(), TchError> {
        let active = self.status.active(self.status.now());
        if self.gallery.may_be_due(&self.session, active) {
            self.picture(active)?;
        }
        if self.landscape.as_ref().is_some_and(|landscape| landscape.may_be_due(active)) {
            self.explore(active)?;
        }
        Ok(())
    }

    fn picture(&mut self, active: Duration) -> Result<(), TchError> {
        let moment = self.moment(active);
        if self.gallery.is_due(moment) {
            // In the log the steps up to the picture come before it.
            self.collect()?;
        }
        let began = self.status.now();
        let recorder = &mut self.recorder;
        let taken = self.gallery.look(&self.session, moment, |picture| recorder.picture(picture));
        // One that failed has had its turn, too.
        if self.seen(Look::Picture, taken).unwrap_or(true) {
            self.executor.synchronize()?;
            // Only this is the cost of looking, not what was measured after the step.
            let cost = self.status.now().saturating_duration_since(began);
            self.gallery.looked(active, cost);
            self.status.add_probing(cost);
        }
        Ok(())
    }

    fn explore(&mut self, active: Duration) -> Result<(), TchError> {
        let moment = self.moment(active);
        let Some(landscape) = &mut self.landscape else { return Ok(()) };
        if !landscape.is_due(&self.session, moment) {
            return Ok(());
        }
        self.collect()?;
        let (worked, cost) = self.timed(Look::Landscape, |trainer| {
            let Some(landscape) = &mut trainer.landscape else { return Ok(false) };
            let (status, recorder) = (&trainer.status, &mut trainer.recorder);
            let began = status.now();
            let enough = || status.now().saturating_duration_since(began) >= SLICE;
            landscape.work(&trainer.session, moment, enough, |picture| recorder.picture(picture))
        })?;
        // What failed has cost its time, too.
        if let Some(landscape) = self.landscape.as_mut().filter(|_| worked.unwrap_or(true)) {
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
    pub(super) fn conclude(&mut self, outcome: &Outcome) {
        let Some(landscape) = &mut self.landscape else { return };
        let began = self.status.now();
        let earned = match outcome {
            Outcome::Finished { .. } => self.status.active(began).mul_f64(self.probe_share),
            _ => Duration::ZERO,
        };
        let mut stopped = false;
        let interrupted = || {
            while let Some(order) = self.inbox.next() {
                stopped |= matches!(order, Order::Stop { .. });
            }
            stopped
        };
        let (status, longest) = (&self.status, self.last_look + earned);
        let expired = || status.now().saturating_duration_since(began) >= longest;
        let recorder = &mut self.recorder;
        let concluded =
            landscape.conclude(&self.session, interrupted, expired, |picture| recorder.picture_at_rest(picture));
        self.seen(Look::Landscape, concluded);
    }

    /// Shows all of the network that training rests at. This is no time of training's, so it may wait for room.
    pub(super) fn look_at_rest(&mut self) {
        let active = self.status.active(self.status.now());
        let recorder = &mut self.recorder;
        let shown = self.gallery.look_at_rest(&self.session, active, |picture| recorder.picture_at_rest(picture));
        self.seen(Look::Picture, shown);
    }

    /// Shows the network that training pauses at, and works at its landscape until an order arrives.
    pub(super) fn look_at_pause(&mut self, active: Duration) {
        let bytes = self.status.picture_bytes();
        let recorder = &mut self.recorder;
        let shown =
            self.gallery.look_at_pause(&self.session, active, bytes, |picture| recorder.picture_at_rest(picture));
        self.seen(Look::Picture, shown);
        let Some(landscape) = &mut self.landscape else { return };
        let interrupted = || self.inbox.has_orders();
        let recorder = &mut self.recorder;
        let worked =
            landscape.work_at_rest(&self.session, active, interrupted, |picture| recorder.picture_at_rest(picture));
        self.seen(Look::Landscape, worked);
    }
}
