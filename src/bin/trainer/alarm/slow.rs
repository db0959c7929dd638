//! Steps that take much longer than they did.

use super::number::measured;
use super::spike::median;
use super::{Alarm, Kind};

/// A window holds so many milliseconds of steps, and so many steps at least.
const WINDOW: f64 = 2000.0;
const LEAST_STEPS: usize = 16;
/// Times kept of a window: of more steps every other one.
const MOST_KEPT: usize = 512;
/// Times the best window's median at which an incident begins and ends.
const BEGINS: f64 = 2.0;
const ENDS: f64 = 1.5;
/// Windows in a row that must be slow: another program's busy moment is no incident.
const IN_A_ROW: u32 = 2;

/// Compares the median time of the steps of a window with the best one before.
#[derive(Clone, Debug)]
pub(super) struct Slow {
    /// Times in milliseconds, of every `stride`-th step.
    kept: Vec<f64>,
    stride: usize,
    steps: usize,
    sum: f64,
    best: Option<f64>,
    in_a_row: u32,
    /// An incident is under way.
    ongoing: bool,
}

impl Default for Slow {
    fn default() -> Self {
        Self { kept: Vec::new(), stride: 1, steps: 0, sum: 0.0, best: None, in_a_row: 0, ongoing: false }
    }
}

impl Slow {
    pub(super) fn take(&mut self, step: u64, milliseconds: f64) -> Option<Alarm> {
        if self.steps.is_multiple_of(self.stride) {
            self.kept.push(milliseconds);
        }
        self.steps += 1;
        self.sum += milliseconds;
        if self.kept.len() >= MOST_KEPT {
            self.kept = self.kept.iter().step_by(2).copied().collect();
            self.stride *= 2;
        }
        if self.sum < WINDOW || self.steps < LEAST_STEPS {
            return None;
        }
        let median = median(&mut self.kept);
        self.restart();
        self.judge(step, median)
    }

    /// Begins a window anew.
    pub(super) fn interrupt(&mut self) {
        self.restart();
        self.in_a_row = 0;
    }

    fn restart(&mut self) {
        self.kept.clear();
        (self.stride, self.steps, self.sum) = (1, 0, 0.0);
    }

    fn judge(&mut self, step: u64, median: f64) -> Option<Alarm> {
        let best = *self.best.get_or_insert(median);
        self.best = Some(best.min(median));
        if self.ongoing {
            self.ongoing = median > ENDS * best;
            return None;
        }
        self.in_a_row = if median > BEGINS * best { self.in_a_row + 1 } else { 0 };
        (self.in_a_row >= IN_A_ROW).then(|| {
            (self.ongoing, self.in_a_row) = (true, 0);
            let message = format!(
                "a step takes {} ms, {:.1} times the {} ms that it took at best: something else may be using the machine",
                measured(median),
                median / best,
                measured(best)
            );
            Alarm::new(step, Kind::Slow, message)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alarms(slow: &mut Slow, times: impl IntoIterator<Item = f64>) -> usize {
        (1..).zip(times).filter_map(|(step, time)| slow.take(step, time)).count()
    }

    #[test]
    fn a_lasting_drop_is_one_alarm() {
        let mut slow = Slow::default();
        assert_eq!(alarms(&mut slow, std::iter::repeat_n(10.0, 1000)), 0);
        // One window, and single steps, are no incident.
        assert_eq!(alarms(&mut slow, std::iter::repeat_n(25.0, 80)), 0);
        assert_eq!(alarms(&mut slow, (0..1000).map(|step| if step % 5 == 0 { 300.0 } else { 10.0 })), 0);
        assert_eq!(alarms(&mut slow, std::iter::repeat_n(25.0, 1000)), 1);
        assert_eq!(alarms(&mut slow, std::iter::repeat_n(10.0, 1000)), 0);
        assert_eq!(alarms(&mut slow, std::iter::repeat_n(40.0, 1000)), 1, "after it was over");
    }

    #[test]
    fn what_a_pause_interrupts_is_not_compared() {
        let mut slow = Slow::default();
        assert_eq!(alarms(&mut slow, std::iter::repeat_n(10.0, 1000)), 0);
        for _ in 0..100 {
            assert_eq!(alarms(&mut slow, std::iter::repeat_n(100.0, 15)), 0);
            slow.interrupt();
        }
    }

    #[test]
    fn fast_steps_are_thinned_and_judged_all_the_same() {
        let mut slow = Slow::default();
        let fast = (0..200_000).map(|step| if step % 2 == 0 { 0.05 } else { 0.06 });
        assert_eq!(alarms(&mut slow, fast), 0);
        assert!(slow.kept.len() < MOST_KEPT);
        assert_eq!(alarms(&mut slow, std::iter::repeat_n(0.2, 60_000)), 1);
    }
}
