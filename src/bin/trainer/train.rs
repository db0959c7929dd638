//! The training loop: steps, what is measured after them, and the orders that arrive between them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tch::{Kind, TchError, Tensor};
use torchscope::recipe::{self, Recipe};
use torchscope::run::{OnNan, State};

use crate::alarm::fault::{self, Fault, Finder};
use crate::alarm::{Alarm, Watch};
use crate::inbox::{Inbox, Order};
use crate::network::Mode;
use crate::outcome::Outcome;
use crate::pace::Pace;
use crate::probe::{Checkup, Gallery, Health, Landscape, Moment, SLICE};
use crate::recorder::{Extra, Recorder};
use crate::session::Session;
use crate::status::Status;

/// The gradient norm is measured after each epoch, and every so many steps within long ones: by step number alone,
/// so that one seed gives one log.
const GRADIENT_NORM_STEPS: u64 = 32;
/// A viewer that starts a run connects within a fraction of this. One that died meanwhile must not hold the run up.
const VIEWER_PATIENCE: Duration = Duration::from_secs(5);
/// How long the landscape of the whole path may take, beside the share of the run's time that probes have.
const LAST_LOOK: Duration = Duration::from_secs(1);
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
}

/// An incident: it lasts until what was not finite is so again.
struct Broken {
    what: Measured,
    message: String,
    /// Whether training has stopped, paused or gone on for it.
    is_handled: bool,
}

/// What can be found not to be finite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Measured {
    Loss,
    Evaluation,
    Checkup,
}

/// Either the loop goes on, or the run ends.
type Flow = Result<Option<Outcome>, TchError>;

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
        let mut extras = Vec::new();
        self.evaluate(&mut extras)?;
        self.recorder.extras(self.session.steps(), &extras);
        self.judge_evaluation()?;
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
        let outcome = self.heed().unwrap_or(outcome);
        let outcome = match (outcome, &self.broken) {
            // To come to the end without a number to show for it is not to finish.
            (Outcome::Finished, Some(broken)) => Outcome::Diverged { message: broken.message.clone() },
            (outcome, _) => outcome,
        };
        if !matches!(outcome, Outcome::Diverged { .. }) {
            self.look_at_rest()?;
        }
        self.conclude(&outcome)?;
        Ok(outcome)
    }

    /// What is done about a number that is not finite.
    fn policy(&self) -> OnNan {
        self.on_nan.unwrap_or(if self.watchers > 0 { OnNan::Pause } else { OnNan::Stop })
    }

    /// Does what is to be done about an incident that has begun; an outcome ends the run.
    fn heed(&mut self) -> Option<Outcome> {
        let policy = self.policy();
        let broken = self.broken.as_mut().filter(|broken| !broken.is_handled)?;
        broken.is_handled = true;
        match policy {
            OnNan::Stop => Some(Outcome::Diverged { message: broken.message.clone() }),
            OnNan::Pause => {
                self.pause();
                None
            }
            OnNan::Continue => None,
        }
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

    /// The parameters before a step after which the layers are to be examined.
    fn prepare_checkup(&mut self) -> Result<Option<Vec<Tensor>>, TchError> {
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
    fn checkup(&mut self, before: Option<&[Tensor]>) -> Result<(), TchError> {
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

    /// Looks for what is not finite in the network as it is.
    fn find(&self) -> Result<Option<Fault>, TchError> {
        self.finder.find(&self.session, self.health.reference(), Mode::Evaluation)
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

    /// Notes that something was not finite after `step`, and raises the alarm unless that is known.
    fn broke(&mut self, what: Measured, step: u64, said: &str, fault: Option<&Fault>) {
        if self.broken.is_some() {
            return;
        }
        let epoch = step.saturating_sub(1) / self.session.steps_per_epoch() + 1;
        let lr = self.session.lr();
        let now = self.session.steps();
        let place = match fault {
            // A device that still computed when the loss was asked for is further by now, and the damage with it.
            Some(fault) if now > step => format!("; by step {now} {}", fault.describe()),
            Some(fault) => format!(": {}", fault.describe()),
            None => String::new(),
        };
        let message = format!(
            "{said} at step {step} (epoch {epoch}) with a learning rate of {lr:?}{place}; start again with a lower one (`--lr`)"
        );
        self.raise(vec![fault::alarm(step, message.clone(), fault)]);
        self.broken = Some(Broken { what, message, is_handled: false });
    }

    /// Notes that `what` is finite: an incident of it is over.
    fn mend(&mut self, what: Measured) {
        if self.broken.as_ref().is_some_and(|broken| broken.what == what && broken.is_handled) {
            self.broken = None;
        }
    }

    fn raise(&mut self, alarms: Vec<Alarm>) {
        for alarm in alarms {
            tracing::warn!(step = alarm.step, "{}", alarm.message);
            // Alarms are few, and none may be lost.
            self.recorder.picture_at_rest(alarm.picture());
        }
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
                Order::Plane(plane) => {
                    if let Some(landscape) = &mut self.landscape {
                        landscape.turn_to(plane);
                    }
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
        let began = Instant::now();
        if self.watchers > 0 && self.gallery.can_rest(self.status.picture_bytes()) {
            self.look_at_rest()?;
        }
        if self.watchers > 0
            && let Some(landscape) = &mut self.landscape
        {
            let active = self.status.active(began);
            let interrupted = || self.inbox.has_orders();
            let recorder = &mut self.recorder;
            landscape.work_at_rest(&self.session, active, interrupted, |picture| recorder.picture_at_rest(picture))?;
        }
        self.inbox.wait(None);
        self.watch.interrupt();
        self.status.add_paused(began.elapsed());
        Ok(())
    }

    /// Takes a picture if one is due, and computes a little of the landscape.
    fn look(&mut self, now: Instant) -> Result<(), TchError> {
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
    fn conclude(&mut self, outcome: &Outcome) -> Result<(), TchError> {
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
        let mut trainer = Trainer::new(&recipe, &network, session, (gallery, None), recorder, inbox, status).unwrap();
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
                        && is_by_step(&value.tag)
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

    /// Whether the steps that a series is recorded at are decided by their number, not by the clock.
    fn is_by_step(tag: &str) -> bool {
        !["time/", "norm/", "grad_norm/", "update_ratio/", "zeros/"].iter().any(|prefix| tag.starts_with(prefix))
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
        let (late_outcome, late_log) = log_of("1e38", false);
        assert_eq!(late_log, log);
        // Where it began is known only where the loss is read before the step goes on.
        let (message, late_message) = (outcome.message().unwrap(), late_outcome.message().unwrap());
        assert!(
            message.contains("at step 2 (epoch 1)") && late_message.contains("at step 2 (epoch 1)"),
            "{late_message}"
        );
        assert!(message.contains(": dense2 puts out NaN before its activation"), "{message}");
        assert!(late_message.contains("; by step ") && late_message.contains(" holds NaN"), "{late_message}");
    }
}
