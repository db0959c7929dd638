//! A loss far above where it began, or far above what it had been brought down to.

use serde::{Deserialize, Serialize};

use super::number::{apart, measured};
use super::{Alarm, Kind};

/// Times the loss that training began with: above the first an incident begins, below the second it is over.
const ABOVE_START: f64 = 3.0;
const NEAR_START: f64 = 1.5;
/// Times the lowest smoothed loss at which what was learnt counts as lost, if it has also come back to this share of the start
/// and stays there for so many steps: losses near zero vary by factors and mean nothing by it.
const ABOVE_LOWEST: f64 = 10.0;
const BACK_TO_START: f64 = 0.5;
const LONG: u32 = 256;
/// Steps that the loss of training is smoothed over. No single one counts for more than so many times the start.
const WINDOW: f64 = 64.0;
const MOST_OF_STEP: f64 = 10.0;
/// A loss at the end counts as worse than at the start if it is so much larger, as a share.
const WORSE: f64 = 1e-3;

/// What a loss has exploded beyond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Beyond {
    Start,
    Lowest,
}

/// Compares losses, all finite, with that of the evaluation before the first step.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Explosion {
    /// None for a run whose first evaluation could not be made, or whose trainer did not look for explosions yet.
    start: Option<f64>,
    /// Of the last evaluation, and its step.
    evaluated: Option<(f64, u64)>,
    /// Of the batches, and the lowest it has been.
    smoothed: Option<f64>,
    lowest: Option<f64>,
    /// Steps in a row that the smoothed loss has been far above its lowest.
    far: u32,
    /// The incident under way.
    standing: Option<Beyond>,
}

impl Explosion {
    /// The loss of the batch of a step, before that step.
    pub(super) fn step(&mut self, step: u64, loss: f64) -> Option<Alarm> {
        let start = self.start.filter(|start| *start > 0.0 && loss.is_finite())?;
        let before = self.smoothed.unwrap_or(start);
        let smoothed = before + (loss.min(MOST_OF_STEP * start) - before) / WINDOW;
        self.smoothed = Some(smoothed);
        let lowest = self.lowest.map_or(smoothed, |lowest| lowest.min(smoothed));
        self.lowest = Some(lowest);
        let is_far = smoothed > ABOVE_LOWEST * lowest && smoothed > BACK_TO_START * start;
        self.far = if is_far { self.far.saturating_add(1) } else { 0 };
        if smoothed > ABOVE_START * start {
            let times = measured(smoothed / start);
            let message = format!(
                "the loss exploded: by step {step} that of the batches was {}, {times} times the {} that the run began with",
                measured(smoothed),
                measured(start)
            );
            return self.begin(step, Beyond::Start, message);
        }
        if self.far >= LONG {
            let message = format!(
                "the loss exploded: that of the batches had come down to {} and has been back at {} for {LONG} steps by step \
                 {step}",
                measured(lowest),
                measured(smoothed)
            );
            return self.begin(step, Beyond::Lowest, message);
        }
        None
    }

    /// The loss of an evaluation after `step` steps; that of step 0 is what others are compared with.
    pub(super) fn evaluation(&mut self, step: u64, loss: f64) -> Option<Alarm> {
        if !loss.is_finite() {
            return None;
        }
        self.evaluated = Some((loss, step));
        if step == 0 {
            self.start = Some(loss);
        }
        let start = self.start.filter(|start| *start > 0.0)?;
        let is_over = match self.standing {
            Some(Beyond::Start) => loss < NEAR_START * start,
            Some(Beyond::Lowest) => loss < BACK_TO_START * start,
            None => false,
        };
        if is_over {
            // What the batches were like meanwhile is over as well.
            (self.standing, self.smoothed, self.far) = (None, Some(loss), 0);
        }
        if loss <= ABOVE_START * start {
            return None;
        }
        let message = format!("the loss exploded: {}", above(loss, step, start));
        self.begin(step, Beyond::Start, message)
    }

    fn begin(&mut self, step: u64, beyond: Beyond, message: String) -> Option<Alarm> {
        let is_new = self.standing.is_none();
        self.standing.get_or_insert(beyond);
        is_new.then(|| Alarm::new(step, Kind::Explosion, message))
    }

    /// Why a run that ends now has diverged: an explosion has not been overcome.
    pub(super) fn standing(&self) -> Option<String> {
        let beyond = self.standing?;
        let (start, (loss, step)) = (self.start?, self.evaluated?);
        Some(match beyond {
            Beyond::Lowest => {
                let lowest = measured(self.lowest.unwrap_or(f64::NAN));
                let loss = measured(loss);
                format!(
                    "the loss exploded: it had come down to {lowest}, and the evaluation gave {loss} at step {step}"
                )
            }
            Beyond::Start => format!("the loss exploded: {}", above(loss, step, start)),
        })
    }

    /// What is to be said of a run that ends now with a worse loss than it began with.
    pub(super) fn worse(&self) -> Option<String> {
        let (start, (loss, step)) = (self.start?, self.evaluated?);
        (step > 0 && loss > start + WORSE * start.abs()).then(|| {
            let [loss, start] = apart(loss, start);
            format!("it got worse: the loss of the evaluation was {start} before the first step and is {loss} now")
        })
    }
}

fn above(loss: f64, step: u64, start: f64) -> String {
    let [shown, began] = apart(loss, start);
    let times = measured(loss / start);
    format!("the evaluation at step {step} gave {shown}, {times} times the {began} that the run began with")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun_at(start: f64) -> Explosion {
        let mut explosion = Explosion::default();
        assert_eq!(explosion.evaluation(0, start), None);
        explosion
    }

    fn steps(explosion: &mut Explosion, losses: impl IntoIterator<Item = f64>) -> Vec<Alarm> {
        (1..).zip(losses).filter_map(|(step, loss)| explosion.step(step, loss)).collect()
    }

    #[test]
    fn an_evaluation_far_above_the_start_is_one_alarm_until_it_comes_back() {
        let mut explosion = begun_at(0.62);
        assert_eq!(explosion.evaluation(16, 1.8), None, "worse, and no explosion");
        assert!(explosion.standing().is_none() && explosion.worse().is_some());
        let alarm = explosion.evaluation(32, 8.06).unwrap();
        assert_eq!((alarm.kind, alarm.step), (Kind::Explosion, 32));
        let said =
            "the loss exploded: the evaluation at step 32 gave 8.060, 13.00 times the 0.6200 that the run began with";
        assert_eq!((alarm.message.as_str(), explosion.standing().as_deref()), (said, Some(said)));
        assert_eq!(explosion.evaluation(48, 9.0), None, "it is the same");
        assert_eq!(explosion.evaluation(64, 1.0), None);
        assert!(explosion.standing().is_some(), "not near enough");
        assert_eq!(explosion.evaluation(64, 0.9), None);
        assert_eq!(explosion.standing(), None);
        assert!(explosion.worse().unwrap().contains("was 0.6200 before the first step and is 0.9000 now"));
        assert!(explosion.evaluation(80, 2.0).is_some(), "another one");
        assert_eq!(explosion.evaluation(96, 0.3), None);
        assert_eq!((explosion.standing(), explosion.worse()), (None, None));
    }

    #[test]
    fn batches_tell_of_it_before_the_evaluation() {
        let mut explosion = begun_at(0.6);
        let alarms = steps(&mut explosion, std::iter::repeat_n(0.6, 50).chain(std::iter::repeat_n(8.0, 50)));
        assert_eq!(alarms.len(), 1);
        assert!((51..100).contains(&alarms[0].step) && alarms[0].message.contains("times the 0.6000"), "{alarms:?}");
        // One batch is none, however large its loss.
        let spiked = (0..1000).map(|step| if step == 300 { 1e30 } else { 0.3 });
        assert!(steps(&mut begun_at(0.6), spiked).is_empty());
        let noisy = (0..5000).map(|step| if step % 10 == 0 { 6.0 } else { 0.01 });
        assert!(steps(&mut begun_at(0.7), noisy).is_empty());
    }

    #[test]
    fn what_was_learnt_and_lost_is_one_too() {
        let learnt = || (0..2000).map(|step| 0.7 * 0.99_f64.powi(step).max(1e-3));
        let mut explosion = begun_at(0.7);
        let alarms = steps(&mut explosion, learnt().chain(std::iter::repeat_n(0.69, 1000)));
        assert_eq!(alarms.len(), 1);
        assert!(alarms[0].message.contains("has been back at"), "{alarms:?}");
        assert_eq!(explosion.evaluation(3000, 0.69), None);
        assert!(explosion.standing().is_some());
        // For a moment it is a spike, and near zero it is nothing.
        let spiked = learnt().chain(std::iter::repeat_n(0.69, 200)).chain(std::iter::repeat_n(1e-3, 2000));
        assert!(steps(&mut begun_at(0.7), spiked).is_empty());
        assert!(steps(&mut begun_at(0.7), learnt().chain(std::iter::repeat_n(0.1, 5000))).is_empty());
    }

    #[test]
    fn without_a_start_nothing_is_said() {
        let mut explosion = Explosion::default();
        assert_eq!(explosion.evaluation(320, 9.0), None);
        assert!(steps(&mut explosion, [1.0, 1e9, f64::NAN]).is_empty());
        assert_eq!((explosion.standing(), explosion.worse()), (None, None));
        // Untrained: nothing has got worse.
        assert_eq!(begun_at(0.5).worse(), None);
        // It goes through a checkpoint.
        let mut explosion = begun_at(0.5);
        let _alarms = steps(&mut explosion, [0.4; 20]);
        let json = serde_json::to_string(&explosion).unwrap();
        assert_eq!(format!("{:?}", serde_json::from_str::<Explosion>(&json).unwrap()), format!("{explosion:?}"));
    }
}
