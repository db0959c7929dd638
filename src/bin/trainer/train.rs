//! The training loop: steps, what is measured after them, and the orders that arrive between them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tch::{Kind, TchError, Tensor};
use torchscope::recipe::Recipe;
use torchscope::run::State;

use crate::inbox::{Inbox, Order};
use crate::outcome::Outcome;
use crate::pace::Pace;
use crate::probe::{Gallery, Moment};
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

/// Trains a session to the end of its recipe, or until it is told to stop.
pub(crate) struct Trainer {
    session: Session,
    total_steps: u64,
    inbox: Arc<Inbox>,
    status: Arc<Status>,
    recorder: Recorder,
    gallery: Gallery,
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
    /// The first loss that was not finite.
    diverged: Option<String>,
}

/// Either the loop goes on, or the run ends.
type Flow = Result<Option<Outcome>, TchError>;

impl Trainer {
    pub(crate) fn new(
        recipe: &Recipe,
        session: Session,
        gallery: Gallery,
        recorder: Recorder,
        inbox: Arc<Inbox>,
        status: Arc<Status>,
    ) -> Self {
        let now = Instant::now();
        Self {
            total_steps: session.total_steps(),
            inbox,
            status,
            recorder,
            gallery,
            watchers: 0,
            pace_wanted: recipe.pace,
            pace: Pace::new(None, 1, 0, now),
            paused: false,
            pause_at: None,
            owed: Vec::new(),
            owed_since: now,
            owe_nothing: !session.device().is_cuda(),
            diverged: None,
            session,
        }
    }

    /// Trains, with the first step held back until somebody watches if `await_viewer`. Whatever happened, the recorder
    /// then holds all of it, and is given back to be finished.
    pub(crate) fn run(mut self, await_viewer: bool) -> (Result<Outcome, TchError>, Recorder) {
        let outcome = self.train(await_viewer);
        (outcome, self.recorder)
    }

    fn train(&mut self, await_viewer: bool) -> Result<Outcome, TchError> {
        self.status.live().state = State::Running;
        let mut extras = Vec::new();
        self.evaluate(&mut extras)?;
        self.recorder.extras(self.session.steps(), &extras);
        self.look_at_rest()?;
        let mut awaited = await_viewer.then(|| Instant::now() + VIEWER_PATIENCE);
        let outcome = loop {
            if let Some(outcome) = self.obey()? {
                break outcome;
            }
            if let Some(message) = self.diverged.take() {
                break Outcome::Diverged { message };
            }
            if self.session.steps() >= self.total_steps {
                break Outcome::Finished;
            }
            if self.paused {
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
        if let Some(message) = self.diverged.take() {
            return Ok(Outcome::Diverged { message });
        }
        self.look_at_rest()?;
        Ok(outcome)
    }

    /// One step and what belongs to it.
    fn step(&mut self) -> Result<(), TchError> {
        let lr = self.session.lr();
        let began = Instant::now();
        let loss = self.session.step()?;
        if self.owe_nothing {
            // Read within the step's time: libtorch computes on the CPU when asked, so the value is there.
            let value = loss.f_double_value(&[])?;
            let ended = Instant::now();
            let step = self.session.steps();
            let milliseconds = (ended - began).as_secs_f64() * 1e3;
            let extras = self.measure_after(step)?;
            self.deliver(step, value, lr, milliseconds, &extras);
            return self.after_step(step, ended);
        }
        let ended = Instant::now();
        let step = self.session.steps();
        if self.owed.is_empty() {
            self.owed_since = ended;
        }
        self.owed.push(Owed { step, lr, milliseconds: (ended - began).as_secs_f64() * 1e3, loss });
        let extras = self.measure_after(step)?;
        if !extras.is_empty() || self.owed.len() >= MOST_OWED || ended - self.owed_since >= LONGEST_OWED {
            self.collect(&extras)?;
        }
        self.after_step(step, ended)
    }

    fn after_step(&mut self, step: u64, now: Instant) -> Result<(), TchError> {
        self.status.set_steps(step);
        self.status.set_lr(self.session.lr());
        if self.pause_at == Some(step) {
            self.pause();
        }
        self.look(now)
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
        let evaluation = self.session.evaluate()?;
        let loss = evaluation.loss;
        extras.push((Extra::LossEval, loss));
        extras.extend(evaluation.accuracy.map(|accuracy| (Extra::AccuracyEval, accuracy)));
        if !loss.is_finite() {
            let what = format!("loss on the {}", self.session.evaluated_name());
            self.note_divergence(&what, loss, self.session.steps(), self.session.lr());
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
            self.deliver(owed.step, loss, owed.lr, owed.milliseconds, extras);
            if !loss.is_finite() {
                // What the device computed after it means nothing.
                break;
            }
        }
        Ok(())
    }

    fn deliver(&mut self, step: u64, loss: f64, lr: f64, milliseconds: f64, extras: &[(Extra, f64)]) {
        self.recorder.step(step, [loss, lr, milliseconds], extras);
        if !loss.is_finite() {
            self.note_divergence("loss", loss, step, lr);
        }
    }

    fn note_divergence(&mut self, what: &str, loss: f64, step: u64, lr: f64) {
        let epoch = step.saturating_sub(1) / self.session.steps_per_epoch() + 1;
        // The loss of the step itself says more than an evaluation after it.
        self.diverged = Some(format!(
            "the {what} became {loss} at step {step} (epoch {epoch}) with a learning rate of {lr}; start again with a \
             lower one (`--lr`)"
        ));
    }

    /// Takes in every order that has arrived.
    fn obey(&mut self) -> Flow {
        while let Some(order) = self.inbox.next() {
            let step = self.session.steps();
            match order {
                Order::Stop { signal } => return Ok(Some(Outcome::Stopped { signal })),
                Order::Pause => self.pause(),
                Order::Resume => self.resume(None),
                Order::Steps(steps) => {
                    // Steps ordered while others are still to be taken come on top.
                    let from = self.pause_at.filter(|_| !self.paused).unwrap_or(step);
                    self.resume(Some(from.saturating_add(steps)));
                }
                Order::Epoch => {
                    let per_epoch = self.session.steps_per_epoch();
                    self.resume(Some((step / per_epoch + 1).saturating_mul(per_epoch)));
                }
                Order::SetLr(lr) => {
                    self.session.set_lr(lr)?;
                    self.status.set_lr(lr);
                    self.status.live().lr = self.session.base_lr();
                }
                Order::SetPace(pace) => {
                    self.pace_wanted = pace;
                    self.status.live().pace = pace;
                    self.restart_pace();
                }
                Order::Look(probe) => {
                    self.gallery.ask(probe);
                    // A slow pace would keep people waiting for the next step.
                    self.look(Instant::now())?;
                }
                Order::Watchers(watchers) => {
                    self.watchers = watchers;
                    self.restart_pace();
                }
            }
            self.recorder.nudge();
        }
        Ok(None)
    }

    fn pause(&mut self) {
        self.paused = true;
        self.pause_at = None;
        self.status.live().state = State::Paused;
        self.recorder.nudge();
    }

    /// Goes on, to pause again at step `until` if that is given.
    fn resume(&mut self, until: Option<u64>) {
        self.pause_at = until;
        self.paused = false;
        self.status.live().state = State::Running;
        self.restart_pace();
    }

    /// Holds the pace from here on, if somebody watches.
    fn restart_pace(&mut self) {
        let rate = self.pace_wanted.filter(|_| self.watchers > 0);
        self.pace = Pace::new(rate, self.session.steps_per_epoch(), self.session.steps(), Instant::now());
    }

    /// Waits for an order, with all that has been computed on show.
    fn rest(&mut self) -> Result<(), TchError> {
        self.collect(&[])?;
        if self.diverged.is_some() {
            return Ok(());
        }
        let began = Instant::now();
        if self.watchers > 0 && self.gallery.can_rest(self.status.picture_bytes()) {
            self.look_at_rest()?;
        }
        self.inbox.wait(None);
        self.status.add_paused(began.elapsed());
        Ok(())
    }

    /// Takes a picture if one is due.
    fn look(&mut self, now: Instant) -> Result<(), TchError> {
        let active = self.status.active(now);
        if !self.gallery.may_be_due(&self.session, active) {
            return Ok(());
        }
        let moment = Moment {
            active,
            watched: self.watchers > 0,
            spent: self.status.probing() + self.status.recording(),
            bytes: self.status.picture_bytes(),
        };
        let recorder = &mut self.recorder;
        if self.gallery.look(&self.session, moment, |picture| recorder.picture(picture))? {
            let cost = now.elapsed();
            self.gallery.looked(active, cost);
            self.status.add_probing(cost);
        }
        Ok(())
    }

    /// Shows all of the network that training rests at. This is no time of training's, so it may wait for room.
    fn look_at_rest(&mut self) -> Result<(), TchError> {
        let active = self.status.active(Instant::now());
        let recorder = &mut self.recorder;
        self.gallery.look_at_rest(&self.session, active, |picture| recorder.picture_at_rest(picture))
    }
}

#[cfg(test)]
mod tests {
    use tch::Device;
    use torchscope::data;
    use torchscope::log::{Data, LogReader};
    use torchscope::run::RunDir;

    use super::*;
    use crate::session::Samples;
    use crate::status::Live;

    /// Every scalar of a whole run but the times, and how it ended.
    fn log_of(lr: &str, owe_nothing: bool) -> (Outcome, Vec<(i64, String, u64)>) {
        let sets = [("optimizer.lr", lr), ("epochs", "4"), ("batch_size", "10")];
        let sets = sets.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let recipe = Recipe::load("moons", &sets).unwrap();
        let home = tempfile::tempdir().unwrap();
        let run = RunDir::create(home.path(), &recipe).unwrap();
        let data = data::load(&recipe.data).unwrap().training;
        let samples = Samples::new(&data, Device::Cpu).unwrap();
        let network = recipe.network(&[2]).unwrap();
        let session = Session::new(&recipe, &network, samples, None).unwrap();
        let gallery = Gallery::new(&recipe, &network, [&data, &data], &session, &[]).unwrap();
        let inbox = Arc::new(Inbox::default());
        let live = Live { state: State::Starting, lr: recipe.optimizer.lr(), pace: None, watchers: 0 };
        let status = Arc::new(Status::new(live));
        let recorder = Recorder::start(&run, run.meta().unwrap(), Arc::clone(&status), Arc::clone(&inbox)).unwrap();
        let mut trainer = Trainer::new(&recipe, session, gallery, recorder, inbox, status);
        trainer.owe_nothing = owe_nothing;
        let (outcome, recorder) = trainer.run(false);
        let outcome = outcome.unwrap();
        recorder.finish(&outcome).unwrap();

        let mut scalars = Vec::new();
        let mut reader = LogReader::open(run.path()).unwrap();
        loop {
            let poll = reader.poll(1 << 20).unwrap();
            for record in poll.records {
                for value in record.values {
                    if let Data::Scalar(scalar) = value.data
                        && !value.tag.starts_with("time/")
                    {
                        scalars.push((record.step, value.tag.to_string(), scalar.to_bits()));
                    }
                }
            }
            if poll.caught_up {
                return (outcome, scalars);
            }
        }
    }

    #[test]
    fn losses_fetched_in_batches_give_the_same_log() {
        let (outcome, log) = log_of("0.5", true);
        assert_eq!(outcome, Outcome::Finished);
        // 200 steps with a loss and a rate, 5 evaluations of two, norms at steps 32 of 50 and 50 of 50.
        assert_eq!(log.len(), 200 * 2 + 5 * 2 + 4 * 2);
        assert_eq!((outcome, log), log_of("0.5", false));
    }

    #[test]
    fn a_loss_that_diverges_is_the_last_one_either_way() {
        let (outcome, log) = log_of("1e38", true);
        assert!(matches!(outcome, Outcome::Diverged { .. }));
        let (late_outcome, late_log) = log_of("1e38", false);
        assert_eq!(late_outcome, outcome);
        assert_eq!(late_log, log);
    }
}
