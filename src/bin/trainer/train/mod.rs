//! The training loop: steps, what is measured after them, and the orders that arrive between them.
//!
//! ```text
//! orders    what viewers and signals ask for    incident   numbers that are not finite, and alarms
//! look      pictures, health and landscape      saving     checkpoints
//! executor  what computes the steps             queue      steps that have been launched
//! moment    all of that, at the moments of a run
//! ```

mod executor;
mod incident;
mod look;
mod moment;
mod orders;
mod queue;
mod saving;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tch::TchError;
use torchscope::recipe::{self, Recipe};
use torchscope::run::{OnNan, State};

use self::executor::Executor;
use self::incident::{Broken, Measured};
use self::moment::Recording;
use self::queue::{Queue, Step};
pub(crate) use self::saving::Saving;
use crate::alarm::Watch;
use crate::alarm::fault::Finder;
use crate::alarm::skipped::Look;
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

/// Trains a session to the end of its recipe, or until it is told to stop.
pub(crate) struct Trainer {
    session: Session,
    total_steps: u64,
    inbox: Arc<Inbox>,
    status: Arc<Status>,
    recorder: Recorder,
    gallery: Gallery,
    landscape: Option<Landscape>,
    health: Health,
    /// What is recorded whoever watches.
    recording: Recording,
    watch: Watch,
    finder: Finder,
    watchers: u32,
    /// Epochs a second, while watched.
    pace_wanted: Option<f64>,
    pace: Pace,
    paused: bool,
    /// Pause when so many steps have been taken.
    pause_at: Option<u64>,
    executor: Box<dyn Executor>,
    queue: Queue,
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
        let now = status.now();
        let health = Health::new(recipe, network, &session)?;
        let steps = session.total_steps();
        let recording = Recording::new(recipe, network, steps, (&gallery, &health, landscape.as_ref()));
        Ok(Self {
            health,
            recording,
            watch: Watch::new(network),
            finder: Finder::new(network),
            total_steps: steps,
            inbox,
            status,
            recorder,
            gallery,
            landscape,
            watchers: 0,
            pace_wanted: recipe.pace,
            pace: Pace::new(None, 1, 0, now),
            paused: false,
            pause_at: None,
            executor: executor::for_device(session.device())?,
            queue: Queue::default(),
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
            self.judge_evaluation();
            self.record_start()?;
        } else {
            // So are its moments, and what is written once.
            self.gallery.go_on();
        }
        let mut awaited = await_viewer.then(|| self.status.now() + VIEWER_PATIENCE);
        let outcome = loop {
            if let Some(outcome) = self.obey()? {
                break outcome;
            }
            if let Some(outcome) = self.heed() {
                break outcome;
            }
            if self.session.steps() >= self.total_steps {
                break Outcome::Finished { remark: None };
            }
            if self.paused || self.held {
                self.rest()?;
            } else if let Some(patience) = awaited {
                let left = patience.saturating_duration_since(self.status.now());
                if self.watchers > 0 || left.is_zero() {
                    awaited = None;
                } else {
                    self.inbox.wait(Some(left));
                }
            } else if self.pace.is_held() && self.wait_for_pace().is_some() {
                // The device must not train during a wait that is nobody's step.
                self.collect()?;
                if let Some(wait) = self.wait_for_pace() {
                    self.inbox.wait(Some(wait));
                }
            } else {
                self.step()?;
            }
        };
        self.collect()?;
        let outcome = self.heed().unwrap_or(outcome);
        let outcome = match (outcome, &self.broken) {
            // To come to the end without a number to show for it is not to finish.
            (Outcome::Finished { .. }, Some(broken)) => Outcome::Diverged { message: broken.message.clone() },
            (Outcome::Finished { .. }, None) => self.verdict(),
            (outcome, _) => outcome,
        };
        if !matches!(outcome, Outcome::Diverged { .. }) {
            self.save_at_end();
        }
        // What a run comes to its end with is a moment.
        if matches!(outcome, Outcome::Stopped { .. }) {
            self.look_at_rest();
        } else {
            // Whoever goes on from here counts on.
            let alarms = self.watch.rest();
            self.write_alarms(alarms);
        }
        self.conclude(&outcome);
        Ok(outcome)
    }

    /// How long the pace holds the next step back; none if it is due.
    fn wait_for_pace(&mut self) -> Option<Duration> {
        self.pace.wait(self.session.steps(), self.status.now())
    }

    /// One step and what belongs to it.
    fn step(&mut self) -> Result<(), TchError> {
        let before = self.prepare_checkup()?;
        if self.pace.is_held() {
            self.watch.interrupt();
        }
        let lr = self.session.lr();
        // Where a loss of an incident under way comes from is known.
        let finder = self.broken.is_none().then_some(&self.finder);
        let began = self.status.now();
        let loss = self.executor.launch(&mut self.session, finder)?;
        let ended = self.status.now();
        let step = self.session.steps();
        self.queue.push((step, lr), loss, began, ended);
        if self.is_measured(step) {
            // Training's time ends before that of anything else begins.
            self.drain()?;
            let extras = self.measure(step)?;
            self.record(&extras);
            self.judge_evaluation();
        } else if before.is_some() || self.queue.is_due(ended) {
            self.collect()?;
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
        // Before a checkpoint, which then belongs to a log with all of it.
        self.record_moment()?;
        self.save_if_due(now)?;
        if self.watchers > 0 { self.look() } else { Ok(()) }
    }

    /// Whether more than the loss is measured after `step`; decided by its number alone.
    fn is_measured(&self, step: u64) -> bool {
        // The end of an epoch is a multiple as well: 0.
        (step % self.session.steps_per_epoch()).is_multiple_of(GRADIENT_NORM_STEPS)
    }

    /// What only some steps are measured for.
    fn measure(&mut self, step: u64) -> Result<Vec<(Extra, f64)>, TchError> {
        let mut extras = Vec::new();
        let (norm, cost) = self.timed(Look::GradientNorm, |trainer| trainer.session.gradient_norm())?;
        extras.extend(norm.map(|norm| (Extra::GradNorm, norm)));
        self.status.add_probing(cost);
        if step.is_multiple_of(self.session.steps_per_epoch()) {
            self.evaluate(&mut extras)?;
        }
        Ok(extras)
    }

    fn evaluate(&mut self, extras: &mut Vec<(Extra, f64)>) -> Result<(), TchError> {
        let (found, cost) = self.timed(Look::Evaluation, |trainer| {
            let evaluation = trainer.session.evaluate()?;
            Ok((evaluation.loss, evaluation.accuracy))
        })?;
        self.status.add_evaluating(cost);
        let Some((loss, accuracy)) = found else { return Ok(()) };
        extras.push((Extra::LossEval, loss));
        extras.extend(accuracy.map(|accuracy| (Extra::AccuracyEval, accuracy)));
        if loss.is_finite() && self.landscape.is_some() {
            let (_remembered, cost) = self.timed(Look::Path, |trainer| match &mut trainer.landscape {
                Some(landscape) => landscape.remember(&trainer.session),
                None => Ok(()),
            })?;
            self.status.add_probing(cost);
        }
        self.record_verdict();
        Ok(())
    }

    /// Does `work` for a look, and says how long it took: the whole of it, and nothing that the device did before. None of a
    /// look that failed; an error is training's own.
    fn timed<T>(
        &mut self,
        look: Look,
        work: impl FnOnce(&mut Self) -> Result<T, TchError>,
    ) -> Result<(Option<T>, Duration), TchError> {
        self.drain()?;
        let began = self.status.now();
        let value = work(self);
        self.executor.synchronize()?;
        let cost = self.status.now().saturating_duration_since(began);
        Ok((self.seen(look, value), cost))
    }

    /// Looks for alarms in the last evaluation. The losses of the steps before it have been looked at by then: that of a
    /// step says more than an evaluation after it.
    fn judge_evaluation(&mut self) {
        let Some((step, evaluation)) = self.session.evaluation().filter(|(step, _)| self.judged != Some(*step)) else {
            return;
        };
        let loss = evaluation.loss;
        let alarms = self.watch.evaluation(step, evaluation);
        self.judged = Some(step);
        self.raise(alarms);
        if loss.is_finite() {
            self.mend(Measured::Evaluation);
        } else if self.broken.is_none() {
            let fault = self.find();
            let what = format!("the loss on the {} became {loss}", self.session.evaluated_name());
            self.broke(Measured::Evaluation, step, &what, fault.as_ref());
        }
    }

    /// Waits for the device to have computed every step launched so far. Their time ends here.
    fn drain(&mut self) -> Result<(), TchError> {
        if !self.queue.owed().is_empty() {
            let losses = self.executor.fetch(self.queue.owed())?;
            self.queue.receive(&losses, self.status.now());
        }
        Ok(())
    }

    /// Records every step launched so far.
    fn collect(&mut self) -> Result<(), TchError> {
        self.drain()?;
        self.record(&[]);
        Ok(())
    }

    /// Records the steps that have been computed, and looks for alarms in them; `extras` belong to the last.
    fn record(&mut self, extras: &[(Extra, f64)]) {
        let mut steps = self.queue.take();
        let last = steps.len().saturating_sub(1);
        for (place, step) in steps.iter_mut().enumerate() {
            let extras = if place == last { extras } else { &[] };
            self.record_step(step, extras);
            if !step.loss.is_finite() && step.is_late && self.policy() == OnNan::Stop {
                // What the device computed after it means nothing.
                break;
            }
        }
        self.queue.reuse(steps);
    }

    fn record_step(&mut self, step: &mut Step, extras: &[(Extra, f64)]) {
        let Step { number, lr, loss, milliseconds, is_late, .. } = *step;
        self.recorder.step(number, [loss, lr, milliseconds], extras);
        if loss.is_finite() {
            self.mend(Measured::Loss);
        } else if self.broken.is_none() {
            // The device is some steps further by now: where it began can no longer be told from where it has got to.
            let fault = if is_late { self.find() } else { step.fault.take() };
            self.broke(Measured::Loss, number, &format!("the loss became {loss}"), fault.as_ref());
        }
        let alarms = self.watch.step(number, loss, milliseconds);
        self.raise(alarms);
    }
}

#[cfg(test)]
mod matrix;
#[cfg(test)]
mod tests;
