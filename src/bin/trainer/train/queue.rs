//! Steps between their launch and their record.

use std::time::{Duration, Instant};

use tch::Tensor;

use super::executor::Loss;
use crate::alarm::fault::Fault;

/// Steps that may be launched before their losses are fetched, and the time that those may take.
const MOST_STEPS: usize = 256;
const LONGEST: Duration = Duration::from_millis(50);

/// A step that has been launched, and computed once its loss is known.
#[derive(Debug, PartialEq)]
pub(super) struct Step {
    pub(super) number: u64,
    /// The learning rate that it was taken with.
    pub(super) lr: f64,
    /// NaN until it has been fetched.
    pub(super) loss: f64,
    /// Its share of the time from the first launch after a wait for the device to the end of the next wait.
    pub(super) milliseconds: f64,
    /// Where a loss that is not finite comes from, if that was found before the step went on.
    pub(super) fault: Option<Fault>,
    /// The device had gone on when the loss was fetched.
    pub(super) is_late: bool,
}

/// Steps in the order of their launch. The last of them, one for each loss, are still owed by the device.
#[derive(Default)]
pub(super) struct Queue {
    steps: Vec<Step>,
    losses: Vec<Tensor>,
    /// When the first of the steps that are owed was launched.
    began: Option<Instant>,
    /// Time that a step took when the device was last waited for.
    usual: Duration,
}

impl Queue {
    /// Adds the step of that number and learning rate, whose launch took from `began` to `ended`.
    pub(super) fn push(&mut self, (number, lr): (u64, f64), loss: Loss, began: Instant, ended: Instant) {
        let mut launched = Step { number, lr, loss: f64::NAN, milliseconds: 0.0, fault: None, is_late: false };
        match loss {
            Loss::Known { value, fault } => {
                (launched.loss, launched.fault) = (value, fault);
                launched.milliseconds = milliseconds(ended.saturating_duration_since(began));
            }
            Loss::Owed(loss) => {
                launched.is_late = true;
                self.began.get_or_insert(began);
                self.losses.push(loss);
            }
        }
        self.steps.push(launched);
    }

    /// Whether to fetch what is owed and to record all steps, the last launch having ended at `now`: nothing is owed, or
    /// so much that viewers would notice.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        let Some(began) = self.began else { return true };
        let owed = self.losses.len();
        owed >= MOST_STEPS
            || now.saturating_duration_since(began) >= LONGEST
            // The device may be further behind than launching has taken.
            || self.usual.saturating_mul(owed as u32) >= LONGEST
    }

    /// Losses that the device owes.
    pub(super) fn owed(&self) -> &[Tensor] {
        &self.losses
    }

    /// Takes in the values of [`Self::owed`], the last of which was there at `now`.
    pub(super) fn receive(&mut self, losses: &[f64], now: Instant) {
        let Some(began) = self.began.take() else { return };
        let time = now.saturating_duration_since(began);
        let first = self.steps.len().saturating_sub(self.losses.len());
        self.usual = time / (self.losses.len() as u32).max(1);
        let each = milliseconds(time) / self.losses.len().max(1) as f64;
        for (step, loss) in self.steps.iter_mut().skip(first).zip(losses) {
            (step.loss, step.milliseconds) = (*loss, each);
        }
        self.losses.clear();
    }

    /// Takes all steps out, to be given back to [`Self::reuse`].
    pub(super) fn take(&mut self) -> Vec<Step> {
        std::mem::take(&mut self.steps)
    }

    /// Makes room of steps that have been recorded.
    pub(super) fn reuse(&mut self, mut steps: Vec<Step>) {
        steps.clear();
        self.steps = steps;
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn owed() -> Loss {
        Loss::Owed(Tensor::from(0.0))
    }

    #[test]
    fn a_known_loss_is_due_at_once_with_its_own_time() {
        let (mut queue, start) = (Queue::default(), Instant::now());
        queue.push((7, 0.5), Loss::Known { value: 2.0, fault: None }, start, start + 3 * MS);
        assert!(queue.is_due(start + 3 * MS) && queue.owed().is_empty());
        let expected = Step { number: 7, lr: 0.5, loss: 2.0, milliseconds: 3.0, fault: None, is_late: false };
        assert_eq!(queue.take(), [expected]);
    }

    #[test]
    fn steps_share_the_time_from_the_first_launch_to_the_end_of_the_wait() {
        let (mut queue, start) = (Queue::default(), Instant::now());
        for step in 0..4_u32 {
            queue.push((step.into(), 0.5), owed(), start + step * MS, start + (step + 1) * MS);
        }
        assert!(!queue.is_due(start + 4 * MS));
        assert_eq!(queue.owed().len(), 4);
        queue.receive(&[1.0, 2.0, 3.0, 4.0], start + 42 * MS);
        let steps = queue.take();
        assert!(steps.iter().all(|step| step.is_late && step.milliseconds == 10.5), "{steps:?}");
        assert_eq!(steps.iter().map(|step| step.loss).collect::<Vec<_>>(), [1.0, 2.0, 3.0, 4.0]);
        queue.reuse(steps);
        // What happened between the wait and the next launch is nobody's step.
        queue.push((4, 0.5), owed(), start + 100 * MS, start + 101 * MS);
        queue.receive(&[5.0], start + 111 * MS);
        assert_eq!(queue.take()[0].milliseconds, 11.0);
    }

    #[test]
    fn what_is_owed_is_bounded_in_steps_and_in_the_time_that_they_take() {
        let start = Instant::now();
        let push = |queue: &mut Queue, steps: u32, launch: Duration| {
            for step in 0..steps {
                queue.push((step.into(), 0.5), owed(), start, start + (step + 1) * launch);
            }
            start + steps * launch
        };
        let mut queue = Queue::default();
        let now = push(&mut queue, 255, MS / 1000);
        assert!(!queue.is_due(now));
        let now = push(&mut queue, 1, MS / 1000);
        assert!(queue.is_due(now), "256 steps");
        let mut queue = Queue::default();
        let now = push(&mut queue, 49, MS);
        assert!(!queue.is_due(now));
        let now = push(&mut queue, 50, MS);
        assert!(queue.is_due(now), "50 ms of launches");
        // Those took 10 ms each: five of them are as much.
        queue.receive(&[0.0; 99], start + 990 * MS);
        let steps = queue.take();
        queue.reuse(steps);
        let now = push(&mut queue, 4, MS);
        assert!(!queue.is_due(now));
        let now = push(&mut queue, 1, MS);
        assert!(queue.is_due(now), "50 ms of computing");
    }
}
