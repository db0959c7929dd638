//! When checkpoints are due, and what the training thread has to do for them.

use std::time::{Duration, Instant};

use tch::{TchError, Tensor};
use torchscope::run::About;

use super::Trainer;
use crate::alarm::skipped::Look;
use crate::checkpoint::{Looks, RestoreError, Resumption, Snapshot, Tensors, Training};

/// Copying a large network holds training up. It may take one part in so many of the time.
const RARELY: u32 = 50;

/// The rhythm of checkpoints.
pub(crate) struct Saving {
    /// From one to the next at most; none for only on request and at the end.
    every: Option<Duration>,
    /// Recipe and data; the rest is that of the moment.
    about: About,
    /// When the last one was made, and after which step.
    last: Instant,
    saved: Option<u64>,
    /// How long copying took the last time.
    cost: Duration,
    /// Somebody has asked for one.
    is_wanted: bool,
}

impl Saving {
    /// Of a run with that recipe and data, every so many seconds; 0 for never.
    pub(crate) fn new(seconds: f64, recipe: String, data: u32) -> Self {
        let every = Duration::try_from_secs_f64(seconds).ok().filter(|every| !every.is_zero());
        let about = About { recipe, data, ..About::default() };
        Self { every, about, last: Instant::now(), saved: None, cost: Duration::ZERO, is_wanted: false }
    }

    /// How long to wait for the next one, the step being `step`, if it is the end of an epoch; none if there is no need.
    fn wait(&self, step: u64, is_end: bool, now: Instant) -> Option<Duration> {
        if self.saved == Some(step) {
            return None;
        }
        if self.is_wanted {
            return Some(Duration::ZERO);
        }
        let every = self.every?.max(self.cost.saturating_mul(RARELY));
        // Where the network has just been evaluated it is known how good the checkpoint is.
        let every = if is_end { every / 2 } else { every };
        Some(every.saturating_sub(now.saturating_duration_since(self.last)))
    }
}

impl Trainer {
    /// Writes checkpoints from now on.
    pub(crate) fn saving(self, saving: Saving) -> Self {
        let saving = Some(Saving { last: self.status.now(), ..saving });
        Self { saving, ..self }
    }

    /// Goes on from a checkpoint, which the session and the status have been brought to already. `start`: all parameters as
    /// the seed gives them, one after the other, if there are any.
    pub(crate) fn resume_from(mut self, resumption: &Resumption, start: Option<&Tensor>) -> Result<Self, RestoreError> {
        let Training { pace, judged, watch, path, looks, .. } = resumption.state.training.clone();
        (self.pace_wanted, self.judged, self.watch) = (pace, judged, watch);
        self.gallery.set_verdict_bytes(looks.verdict_bytes);
        self.health.set_used((looks.health_bytes, looks.health_time));
        self.recording.spent = looks.moment_time;
        if let (Some(landscape), Some(path), Some(start)) = (&mut self.landscape, &path, start) {
            landscape.restore(start, &resumption.source()?, (path, &looks))?;
        }
        if let Some(saving) = &mut self.saving {
            saving.saved = Some(self.session.steps());
            saving.about.loss = resumption.about.loss;
        }
        Ok(self)
    }

    /// A checkpoint has been asked for: it is made after the step under way.
    pub(super) fn want_checkpoint(&mut self) {
        let step = self.session.steps();
        if let Some(saving) = self.saving.as_mut().filter(|saving| saving.saved != Some(step)) {
            saving.is_wanted = true;
        }
    }

    /// How long training may rest until a checkpoint is due; none if none is.
    pub(super) fn until_due(&self, now: Instant) -> Option<Duration> {
        let saving = self.saving.as_ref().filter(|_| self.broken.is_none())?;
        saving.wait(self.session.steps(), self.is_end_of_epoch(), now)
    }

    fn is_end_of_epoch(&self) -> bool {
        self.session.steps().is_multiple_of(self.session.steps_per_epoch())
    }

    /// Makes a checkpoint if one is due, and the one before has been written.
    pub(super) fn save_if_due(&mut self, now: Instant) -> Result<(), TchError> {
        if self.until_due(now).is_some_and(|wait| wait.is_zero()) && self.recorder.can_keep() {
            self.collect()?;
            self.save();
        }
        Ok(())
    }

    /// Makes a checkpoint of the network that training ends with. Numbers that are not finite are none to go on from.
    pub(super) fn save_at_end(&mut self) {
        let is_new = self.saving.as_ref().is_some_and(|saving| saving.saved != Some(self.session.steps()));
        if is_new && self.broken.is_none() {
            self.save();
        }
    }

    /// Makes a checkpoint, and notes when. One that cannot be made is tried again when the next one is due.
    fn save(&mut self) {
        let now = self.status.now();
        let saved = self.copy(now);
        let saved = self.seen(Look::Checkpoint, saved).flatten();
        let cost = self.status.now().saturating_duration_since(now);
        self.status.add_recording(cost);
        if let Some(saving) = &mut self.saving {
            (saving.last, saving.saved, saving.cost, saving.is_wanted) = (now, saved.or(saving.saved), cost, false);
        }
    }

    /// Hands a copy of all that training goes on from to the recorder, and says of which step; None where there is nothing to
    /// save.
    fn copy(&mut self, now: Instant) -> Result<Option<u64>, TchError> {
        // What the device owed may have brought something to light.
        let Some(saving) = self.saving.as_ref().filter(|_| self.broken.is_none()) else { return Ok(None) };
        // Until the first evaluation of this trainer it is that of the checkpoint it goes on from.
        let about = About {
            step: self.session.steps(),
            loss: self.session.evaluation().map(|(_, evaluation)| evaluation.loss).or(saving.about.loss),
            ..saving.about.clone()
        };
        let mut tensors = Tensors::default();
        let session = self.session.save(&mut tensors)?;
        let (health_bytes, health_time) = self.health.used();
        let mut looks = Looks {
            verdict_bytes: self.gallery.verdict_bytes(),
            health_bytes,
            health_time,
            moment_time: self.recording.spent,
            ..Looks::default()
        };
        let path = match &self.landscape {
            Some(landscape) => Some(landscape.save(&mut tensors, &mut looks)?),
            None => None,
        };
        let training = Training {
            session,
            pace: self.pace_wanted,
            judged: self.judged,
            watch: self.watch.clone(),
            path,
            looks,
            spent: self.status.spent(now),
        };
        let step = about.step;
        self.recorder.checkpoint(Snapshot { about, tensors, training });
        Ok(Some(step))
    }
}
