//! The training loop: steps, what is measured after them, and the orders that arrive between them.
//!
//! ```text
//! orders    what viewers and signals ask for        incident   numbers that are not finite, and alarms
//! look      pictures, health and landscape      saving     checkpoints
//! ```

mod incident;
mod look;
mod orders;
mod saving;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tch::{Kind, TchError, Tensor};
use torchscope::recipe::{self, Recipe};
use torchscope::run::{OnNan, State};

use self::incident::{Broken, Measured};
pub(crate) use self::saving::Saving;
use crate::alarm::Watch;
use crate::alarm::fault::{Fault, Finder};
use crate::inbox::Inbox;
use crate::outcome::Outcome;
use crate::pace::Pace;
use crate::probe::{Gallery, Health, Landscape};
use crate::recorder::{Extra, Recorder};
use crate::session::Session;
use crate::status::Status;

/// The gradient norm is measured after each epoch, and every so many steps within long ones: by step number alone,
/// so that one seed gives one log.
const GRADIENT_NORM_STEPS: u64 = 32;
/// A viewer that starts a run connects within a fraction of this. One that died meanwhile must not hold the run up.
const VIEWER_PATIENCE: Duration = Duration::from_secs(5);
/// Losses that a GPU may still owe before they are fetched, and for how long.
const MOST_OWED: usize = 256;
const LONGEST_OWED: Duration = Duration::from_millis(50);

/// A step whose loss may still be on its way from the device.
struct Owed {
    step: u64,
    lr: f64,
    milliseconds: f64,
    loss: Tensor,
}

/// A step whose loss has arrived.
struct Delivery {
    step: u64,
    loss: f64,
    lr: f64,
    milliseconds: f64,
}

/// Trains a session to the end of its recipe, or until it is told to stop.
pub(crate) struct Trainer {
    session: Session,
    total_steps: u64,
    inbox: Arc<Inbox>,
    status: Arc<Status>,
    recorder: Recorder,
    gallery: Gallery,
    landscape: Option<Landscape>,
    probe_share: f64,
    health: Health,
    watch: Watch,
    finder: Finder,
    watchers: u32,
    /// Epochs a second, while watched.
    pace_wanted: Option<f64>,
    pace: Pace,
    paused: bool,
    /// Pause when so many steps have been taken.
    pause_at: Option<u64>,
    owed: Vec<Owed>,
    owed_since: Instant,
    /// Fetch every loss at once: on the CPU it is there already.
    owe_nothing: bool,
    /// What to do about a number that is not finite; none leaves it to whether somebody watches.
    on_nan: Option<OnNan>,
    /// The incident under way of numbers that are not finite.
    broken: Option<Broken>,
    /// The step of the last evaluation that was judged.
    judged: Option<u64>,
    /// When checkpoints are due; none where none are written.
    saving: Option<Saving>,
    /// Nothing can be written: no step is taken until that has passed.
    held: bool,
}

impl Trainer {
    pub(crate) fn new(
        recipe: &Recipe,
        network: &recipe::Network,
        session: Session,
        (gallery, landscape): (Gallery, Option<Landscape>),
        recorder: Recorder,
        inbox: Arc<Inbox>,
        status: Arc<Status>,
    ) -> Result<Self, TchError> {
        let now = Instant::now();
        Ok(Self {
            health: Health::new(recipe, network, &session)?,
            watch: Watch::new(network),
            finder: Finder::new(network),
            total_steps: session.total_steps(),
            inbox,
            status,
            recorder,
            gallery,
            landscape,
            probe_share: recipe.record.probe_share,
            watchers: 0,
            pace_wanted: recipe.pace,
            pace: Pace::new(None, 1, 0, now),
            paused: false,
            pause_at: None,
            owed: Vec::new(),
            owed_since: now,
            owe_nothing: !session.device().is_cuda(),
            on_nan: None,
            broken: None,
            judged: None,
            saving: None,
            held: false,
            session,
        })
    }

    /// Does `on_nan` about numbers that are not finite, instead of what the audience suggests.
    pub(crate) fn on_nan(self, on_nan: Option<OnNan>) -> Self {
        Self { on_nan, ..self }
    }

    /// Trains, with the first step held back until somebody watches if `await_viewer`. Whatever happened, the recorder
    /// then holds all of it, and is given back to be finished.
    pub(crate) fn run(mut self, await_viewer: bool) -> (Result<Outcome, TchError>, Recorder) {
        let outcome = self.train(await_viewer);
        (outcome, self.recorder)
    }

    fn train(&mut self, await_viewer: bool) -> Result<Outcome, TchError> {
        self.status.live().state = State::Running;
        // What a run that is resumed was evaluated at is in the log.
        if self.judged.is_none() {
            let mut extras = Vec::new();
            self.evaluate(&mut extras)?;
            self.recorder.extras(self.session.steps(), &extras);
            self.judge_evaluation()?;
        }
        let checkup = self.health.examine(&self.session, None)?;
        self.recorder.picture_at_rest(checkup.picture);
        self.look_at_rest()?;
        let mut awaited = await_viewer.then(|| Instant::now() + VIEWER_PATIENCE);
        let outcome = loop {
            if let Some(outcome) = self.obey()? {
                break outcome;
            }
            if let Some(outcome) = self.heed() {
                break outcome;
            }
            if self.session.steps() >= self.total_steps {
                break Outcome::Finished;
            }
            if self.paused || self.held {
                self.rest()?;
            } else if let Some(patience) = awaited {
                let left = patience.saturating_duration_since(Instant::now());
                if self.watchers > 0 || left.is_zero() {
                    awaited = None;
                } else {
                    self.inbox.wait(Some(left));
                }
            } else if self.pace.is_held()
                && let Some(wait) = self.pace.wait(self.session.steps(), Instant::now())
            {
                self.inbox.wait(Some(wait));
            } else {
                self.step()?;
            }
        };
        self.collect(&[])?;
        let outcome = self.heed().unwrap_or(outcome);
        let outcome = match (outcome, &self.broken) {
            // To come to the end without a number to show for it is not to finish.
            (Outcome::Finished, Some(broken)) => Outcome::Diverged { message: broken.message.clone() },
            (outcome, _) => outcome,
        };
        if !matches!(outcome, Outcome::Diverged { .. }) {
            self.save_at_end()?;
            self.look_at_rest()?;
        }
        self.conclude(&outcome)?;
        Ok(outcome)
    }

    /// One step and what belongs to it.
    fn step(&mut self) -> Result<(), TchError> {
        let lr = self.session.lr();
        let before = self.prepare_checkup()?;
        if self.pace.is_held() {
            self.watch.interrupt();
        }
        let began = Instant::now();
        if self.owe_nothing {
            // Read within the step's time: libtorch computes on the CPU when asked, so the value is there.
            let (mut value, mut found) = (f64::NAN, None);
            let (finder, is_new) = (&self.finder, self.broken.is_none());
            let _loss = self.session.step_after(|session, loss, inputs, mode| {
                value = loss.f_double_value(&[])?;
                if is_new && !value.is_finite() {
                    // Only now: the step would spread it over the whole network.
                    found = finder.find(session, inputs, mode)?;
                }
                Ok(())
            })?;
            let ended = Instant::now();
            let step = self.session.steps();
            let milliseconds = (ended - began).as_secs_f64() * 1e3;
            let extras = self.measure_after(step)?;
            self.deliver(&Delivery { step, loss: value, lr, milliseconds }, &extras, found.as_ref());
            self.judge_evaluation()?;
            self.checkup(before.as_deref())?;
            return self.after_step(step, ended);
        }
        let loss = self.session.step()?;
        let ended = Instant::now();
        let step = self.session.steps();
        if self.owed.is_empty() {
            self.owed_since = ended;
        }
        self.owed.push(Owed { step, lr, milliseconds: (ended - began).as_secs_f64() * 1e3, loss });
        let extras = self.measure_after(step)?;
        if !extras.is_empty() || self.owed.len() >= MOST_OWED || ended - self.owed_since >= LONGEST_OWED {
            self.collect(&extras)?;
            self.judge_evaluation()?;
        }
        self.checkup(before.as_deref())?;
        self.after_step(step, ended)
    }

    fn after_step(&mut self, step: u64, now: Instant) -> Result<(), TchError> {
        self.status.set_steps(step);
        self.status.set_lr(self.session.lr());
        if self.pause_at == Some(step) {
            self.pause();
        }
        self.save_if_due(now)?;
        self.look()
    }

    /// What only some steps are measured for; decided by the step number alone.
    fn measure_after(&mut self, step: u64) -> Result<Vec<(Extra, f64)>, TchError> {
        let place = step % self.session.steps_per_epoch();
        let mut extras = Vec::new();
        if place.is_multiple_of(GRADIENT_NORM_STEPS) {
            let began = Instant::now();
            extras.push((Extra::GradNorm, self.session.gradient_norm()?));
            self.status.add_probing(began.elapsed());
        }
        if place == 0 {
            self.evaluate(&mut extras)?;
        }
        Ok(extras)
    }

    fn evaluate(&mut self, extras: &mut Vec<(Extra, f64)>) -> Result<(), TchError> {
        let began = Instant::now();
        let evaluation = self.session.evaluate()?;
        self.status.add_evaluating(began.elapsed());
        extras.push((Extra::LossEval, evaluation.loss));
        extras.extend(evaluation.accuracy.map(|accuracy| (Extra::AccuracyEval, accuracy)));
        if evaluation.loss.is_finite()
            && let Some(landscape) = &mut self.landscape
        {
            let began = Instant::now();
            if landscape.can_remember(self.status.active(began)) {
                landscape.remember(&self.session)?;
                landscape.remembered(began.elapsed());
                self.status.add_probing(began.elapsed());
            }
        }
        Ok(())
    }

    /// Looks for alarms in the last evaluation. The losses of the steps before it have been looked at by then: that of a
    /// step says more than an evaluation after it.
    fn judge_evaluation(&mut self) -> Result<(), TchError> {
        let Some((step, evaluation)) = self.session.evaluation().filter(|(step, _)| self.judged != Some(*step)) else {
            return Ok(());
        };
        let loss = evaluation.loss;
        let alarms = self.watch.evaluation(step, evaluation);
        self.judged = Some(step);
        self.raise(alarms);
        if loss.is_finite() {
            self.mend(Measured::Evaluation);
        } else if self.broken.is_none() {
            let fault = self.find()?;
            let what = format!("the loss on the {} became {loss}", self.session.evaluated_name());
            self.broke(Measured::Evaluation, step, &what, fault.as_ref());
        }
        Ok(())
    }

    /// Fetches the losses that the device owes, in one transfer, and records their steps; `extras` belong to the last.
    fn collect(&mut self, extras: &[(Extra, f64)]) -> Result<(), TchError> {
        let owed = std::mem::take(&mut self.owed);
        let Some(last) = owed.len().checked_sub(1) else { return Ok(()) };
        let losses: Vec<&Tensor> = owed.iter().map(|owed| &owed.loss).collect();
        let losses = Vec::<f64>::try_from(Tensor::f_stack(&losses, 0)?.f_to_kind(Kind::Double)?)?;
        for (index, (owed, loss)) in owed.iter().zip(losses).enumerate() {
            let extras = if index == last { extras } else { &[] };
            let Owed { step, lr, milliseconds, .. } = *owed;
            // The device is some steps further by now: where it began can no longer be told from where it has got to.
            let found = if loss.is_finite() || self.broken.is_some() { None } else { self.find()? };
            self.deliver(&Delivery { step, loss, lr, milliseconds }, extras, found.as_ref());
            if !loss.is_finite() && self.policy() == OnNan::Stop {
                // What the device computed after it means nothing.
                break;
            }
        }
        Ok(())
    }

    /// Records a step and looks for alarms in it. `found`: where a loss that is not finite comes from.
    fn deliver(&mut self, step: &Delivery, extras: &[(Extra, f64)], found: Option<&Fault>) {
        let Delivery { step, loss, lr, milliseconds } = *step;
        self.recorder.step(step, [loss, lr, milliseconds], extras);
        if loss.is_finite() {
            self.mend(Measured::Loss);
        } else {
            self.broke(Measured::Loss, step, &format!("the loss became {loss}"), found);
        }
        let alarms = self.watch.step(step, loss, milliseconds);
        self.raise(alarms);
    }
}

#[cfg(test)]
mod tests;
