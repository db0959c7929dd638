//! Evaluations that no longer get better.

use serde::{Deserialize, Serialize};

use super::{Alarm, Kind};

/// Share of the loss that counts as better.
const BETTER: f64 = 1e-3;
/// Evaluations without anything better that make a plateau.
const PATIENCE: u32 = 20;

/// Counts evaluations since the loss last came down.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Plateau {
    /// The loss to beat, and the step it was reached at.
    best: Option<(f64, u64)>,
    since: u32,
}

impl Plateau {
    pub(super) fn take(&mut self, step: u64, loss: f64) -> Option<Alarm> {
        if !loss.is_finite() {
            return None;
        }
        match self.best {
            Some((best, _)) if loss >= best - BETTER * best.abs() => {}
            _ => {
                self.best = Some((loss, step));
                self.since = 0;
                return None;
            }
        }
        let (best, at) = self.best?;
        self.since = self.since.saturating_add(1);
        (self.since == PATIENCE).then(|| {
            let message = format!(
                "the evaluation has not become 0.1 % better in {PATIENCE} evaluations: its loss was {best:.4} at step {at} \
                 and is {loss:.4}"
            );
            Alarm::new(step, Kind::Plateau, message)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alarms(losses: impl IntoIterator<Item = f64>) -> Vec<u64> {
        let mut plateau = Plateau::default();
        (1..).zip(losses).filter_map(|(step, loss)| plateau.take(step, loss)).map(|alarm| alarm.step).collect()
    }

    #[test]
    fn a_plateau_is_one_alarm_until_the_loss_comes_down() {
        assert_eq!(alarms([0.5; 100]), [21]);
        let stairs = (0..90).map(|step| if step < 40 { 0.5 } else { 0.4 });
        assert_eq!(alarms(stairs), [21, 61]);
        // Worse is no better, and NaN is another alarm's.
        assert_eq!(alarms((0..50).map(|step| 0.5 + 0.01 * f64::from(step))), [21]);
        assert_eq!(alarms((0..50).map(|step| if step == 5 { f64::NAN } else { 0.5 })), [22]);
    }

    #[test]
    fn slow_progress_is_progress() {
        // 0.01 % an evaluation is 0.1 % in ten.
        assert!(alarms((0..500).map(|step| 0.5 * 0.9999_f64.powi(step))).is_empty());
        assert!(alarms((0..500).map(|step| -f64::from(step) - 1.0)).is_empty(), "below zero too");
        assert_eq!(alarms([0.0; 30]), [21], "nothing is better than nothing");
    }
}
