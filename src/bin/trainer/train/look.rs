//! What is looked at between steps: pictures, the health of layers, the landscape.

use std::time::Duration;

use tch::{TchError, Tensor};

use super::Trainer;
use super::incident::Measured;
use crate::alarm::skipped::Look;
use crate::inbox::Order;
use crate::outcome::Outcome;
use crate::probe::{Checkup, Moment, SLICE};

impl Trainer {
    /// The parameters before a step after which the layers are to be examined.
    pub(super) fn prepare_checkup(&mut self) -> Result<Option<Vec<Tensor>>, TchError> {
        let active = self.status.active(self.status.now());
        let next = self.session.steps() + 1;
        let is_watched = self.watchers > 0;
        let is_due = is_watched && self.health.is_due(active, is_watched);
        // What training comes to rest at is examined in any case.
        let is_pause = is_watched && self.pause_at == Some(next) && self.health.has_room();
        if !(is_due || is_pause || self.is_moment(next)) {
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
        let is_moment = self.is_moment(self.session.steps());
        let (checkup, cost) = self.timed(Look::Health, |trainer| {
            let Checkup { picture, is_broken } = trainer.health.examine(&trainer.session, before)?;
            let bytes = picture.most_bytes();
            let recorder = &mut trainer.recorder;
            let is_taken = if is_moment { recorder.picture_of_moment(picture) } else { recorder.picture(picture) };
            Ok((if is_taken { bytes } else { 0 }, is_broken))
        })?;
        let (bytes, is_broken) = checkup.map_or((0, None), |(bytes, is_broken)| (bytes, Some(is_broken)));
        // Moments have a budget of their own.
        if is_moment {
            self.note_moment(cost);
            self.health.taken(active, Duration::ZERO, 0);
        } else {
            self.status.add_probing(cost);
            self.health.taken(active, cost, bytes);
        }
        let Some(is_broken) = is_broken else { return Ok(()) };
        // Where a number has only just gone bad, the loss of the next step says more. It need not show there, though.
        let is_new = is_moment && !std::mem::replace(&mut self.recording.was_broken, is_broken);
        if !is_broken {
            self.mend(Measured::Checkup);
        } else if self.broken.is_none() && !is_new {
            let fault = self.find();
            let step = self.session.steps();
            self.broke(Measured::Checkup, step, "a number in the network is not finite", fault.as_ref());
        }
        Ok(())
    }

    /// Records how the network starts.
    pub(super) fn record_start(&mut self) -> Result<(), TchError> {
        if self.is_moment(self.session.steps()) {
            let checkup = self.health.examine(&self.session, None);
            if let Some(checkup) = self.seen(Look::Health, checkup) {
                self.recorder.picture_of_moment(checkup.picture);
            }
        }
        self.record_moment()
    }

    /// Takes a picture if one is due, because somebody watches, and computes a little of the landscape.
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
            spent: self.status.probing().saturating_sub(self.recording.spent) + self.status.recording(),
            bytes: self.status.picture_bytes(),
        }
    }

    /// Shows the landscape of the whole path. A stop, the first or another one, shortens that.
    pub(super) fn conclude(&mut self, outcome: &Outcome) {
        if self.recording.moments.is_empty() && self.watchers == 0 {
            return;
        }
        let Some(landscape) = &mut self.landscape else { return };
        let mut stopped = false;
        let interrupted = || {
            while let Some(order) = self.inbox.next() {
                stopped |= matches!(order, Order::Stop { .. });
            }
            stopped
        };
        let recorder = &mut self.recorder;
        let is_over = self.session.steps() >= self.total_steps && !matches!(outcome, Outcome::Stopped { .. });
        let is_end = is_over && !self.recording.moments.is_empty();
        let concluded = landscape.conclude(&self.session, interrupted, |picture| {
            // Where a run stops before its end follows from nothing.
            if is_end { recorder.picture_of_moment(picture) } else { recorder.picture_at_rest(picture) }
        });
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
