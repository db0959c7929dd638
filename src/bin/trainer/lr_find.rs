//! Tries learning rates: one a step, each larger than the last by the same factor, until the loss explodes.

use jiff::Timestamp;
use tch::TchError;
use torchscope::log::{EventWriter, Record, Value, tags};
use torchscope::run::{RunDir, RunMeta, State, Sweep};

use crate::TrainerError;
use crate::inbox::{Inbox, Order};
use crate::outcome::Outcome;
use crate::session::Session;

/// Weight of what came before in the smoothed loss.
const SMOOTHING: f64 = 0.9;
/// Times the lowest smoothed loss at which it counts as exploded.
const EXPLODED: f64 = 4.0;

/// What a step with a rate of its own gave.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Trial {
    lr: f64,
    /// Of the batch, before the step: what the rates so far have led to.
    loss: f64,
    smoothed: f64,
}

/// Moves `session` through the rates of `sweep`, and writes what comes of it into the log of `directory`, whose `meta`
/// then says how it ended.
pub(crate) fn run(
    session: Session,
    sweep: Sweep,
    directory: &RunDir,
    mut meta: RunMeta,
    inbox: &Inbox,
) -> Result<Outcome, TrainerError> {
    let mut log = EventWriter::create(directory.root())?;
    meta.state = State::Running;
    directory.write_meta(&meta)?;
    let mut outcome = Outcome::Finished { remark: None };
    let mut trials = Trials::new(session, sweep);
    while let Some(trial) = trials.next() {
        let Trial { lr, loss, smoothed } = trial?;
        let values = [(tags::LR, lr), (tags::LOSS_TRAIN, loss), (tags::LOSS_SMOOTHED, smoothed)];
        let values = values.map(|(tag, value)| Value::scalar(tag, value)).to_vec();
        meta.step = trials.session.steps();
        let wall_time = Timestamp::now().as_microsecond() as f64 / 1e6;
        log.append(&Record { step: meta.step as i64, wall_time, values })?;
        if let Some(signal) = std::iter::from_fn(|| inbox.next()).find_map(|order| match order {
            Order::Stop { signal } => Some(signal),
            _ => None,
        }) {
            outcome = Outcome::Stopped { signal };
            break;
        }
    }
    log.flush()?;
    meta.state = outcome.state();
    meta.socket = None;
    let now = Timestamp::now();
    (meta.updated, meta.finished) = (now, Some(now));
    directory.write_meta(&meta)?;
    Ok(outcome)
}

/// The steps of a sweep, the last one being that at which the loss had exploded.
struct Trials {
    session: Session,
    sweep: Sweep,
    average: f64,
    lowest: f64,
    is_over: bool,
}

impl Trials {
    fn new(session: Session, sweep: Sweep) -> Self {
        Self { session, sweep, average: 0.0, lowest: f64::INFINITY, is_over: false }
    }

    fn try_next(&mut self, step: u64) -> Result<Trial, TchError> {
        let Sweep { min_lr, max_lr, steps } = self.sweep;
        let lr = min_lr * (max_lr / min_lr).powf(step as f64 / steps.saturating_sub(1).max(1) as f64);
        self.session.set_lr(lr)?;
        let loss = self.session.step()?.f_double_value(&[])?;
        self.average = SMOOTHING * self.average + (1.0 - SMOOTHING) * loss;
        // Without the share that the start at 0 has in it.
        let smoothed = self.average / (1.0 - SMOOTHING.powf(step as f64 + 1.0));
        self.is_over = !smoothed.is_finite() || smoothed > EXPLODED * self.lowest;
        self.lowest = self.lowest.min(smoothed);
        Ok(Trial { lr, loss, smoothed })
    }
}

impl Iterator for Trials {
    type Item = Result<Trial, TchError>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.session.steps();
        (!self.is_over && step < self.sweep.steps).then(|| self.try_next(step))
    }
}

#[cfg(test)]
mod tests {
    use tch::Device;
    use torchscope::data;
    use torchscope::recipe::Recipe;

    use super::*;
    use crate::session::Samples;

    fn trials(sets: &[(String, String)], sweep: Sweep) -> Vec<Trial> {
        let recipe = Recipe::load("moons", sets).unwrap();
        let network = recipe.network(&[2]).unwrap();
        let data = data::load(&recipe.data).unwrap().training;
        let session = Session::new(&recipe, &network, Samples::new(&data, Device::Cpu).unwrap(), None).unwrap();
        Trials::new(session, sweep).map(Result::unwrap).collect()
    }

    #[test]
    fn rates_rise_by_one_factor_from_end_to_end() {
        let sweep = Sweep { min_lr: 1e-4, max_lr: 1e-2, steps: 101 };
        // A schedule has no say.
        let schedule = [("schedule.kind", "step"), ("schedule.every", "1"), ("schedule.factor", "0.5")];
        let trials = trials(&schedule.map(|(key, value)| (key.to_owned(), value.to_owned())), sweep);
        assert_eq!(trials.len(), 101);
        assert_eq!((trials[0].lr, trials[0].smoothed), (1e-4, trials[0].loss), "the first is not drawn towards 0");
        assert!((trials[50].lr - 1e-3).abs() < 1e-12 && (trials[100].lr - 1e-2).abs() < 1e-12);
    }

    #[test]
    fn smoothed_losses_are_a_weighted_mean() {
        let trials = trials(&[], Sweep { min_lr: 1e-3, max_lr: 1.0, steps: 40 });
        for (last, trial) in trials.iter().enumerate() {
            let weights: Vec<f64> = (0..=last).map(|step| SMOOTHING.powf((last - step) as f64)).collect();
            let sum: f64 = weights.iter().zip(&trials).map(|(weight, trial)| weight * trial.loss).sum();
            assert!((trial.smoothed - sum / weights.iter().sum::<f64>()).abs() < 1e-9);
        }
    }

    #[test]
    fn rates_of_ten_and_more_fail_on_moons() {
        let trials = trials(&[], Sweep { min_lr: 1e-5, max_lr: 1000.0, steps: 200 });
        let lowest = trials.iter().min_by(|a, b| a.smoothed.total_cmp(&b.smoothed)).unwrap();
        assert!((0.1..10.0).contains(&lowest.lr), "lowest at {}", lowest.lr);
        let worst = trials.iter().filter(|trial| trial.lr >= 10.0).map(|trial| trial.smoothed).fold(0.0, f64::max);
        assert!(worst > 2.0 * lowest.smoothed, "{worst}, lowest {}", lowest.smoothed);
        let last = trials.last().unwrap();
        assert!(last.lr < 1000.0 && last.smoothed > EXPLODED * lowest.smoothed, "{last:?}");
    }

    #[test]
    fn numbers_that_are_not_finite_end_the_sweep() {
        let trials = trials(&[], Sweep { min_lr: 1e30, max_lr: 1e38, steps: 100 });
        assert!(trials.len() < 100);
    }
}
