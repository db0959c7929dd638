//! The learning rate over a run, as a factor on the optimiser's that depends on the step alone.

use std::f64::consts::FRAC_PI_2;

use super::spec::ScheduleSpec;

impl ScheduleSpec {
    /// What to multiply the learning rate by in the step after `step` others, in a run of `total_steps`. Finite, above 0
    /// in every step of the run, and at most 1.
    pub fn factor(&self, step: u64, steps_per_epoch: u64, total_steps: u64) -> f64 {
        let epoch = steps_per_epoch.max(1) as f64;
        let warmup_steps = self.warmup() * epoch;
        let factor = match *self {
            Self::Constant { .. } => 1.0,
            Self::Step { every, factor, .. } => {
                // A fall is due at a whole number of intervals, which rounding must not put off by a step.
                let falls = (step as f64 / (every * epoch) * (1.0 + 1e-12)).floor();
                factor.powf(falls)
            }
            Self::Cosine { floor, .. } => {
                let (all, left) = (total_steps as f64 - warmup_steps, total_steps.saturating_sub(step) as f64);
                let share = if all > 0.0 { (left / all).min(1.0) } else { 1.0 };
                // (1 + cos x)/2, without the cancellation that would make it 0 before the end.
                floor + (1.0 - floor) * (FRAC_PI_2 * share).sin().powi(2)
            }
        };
        let warmth = if warmup_steps > 0.0 { ((step + 1) as f64 / warmup_steps).min(1.0) } else { 1.0 };
        (factor * warmth).max(f64::MIN_POSITIVE)
    }

    /// Whether the rate never changes by itself.
    pub fn is_constant(&self) -> bool {
        self.warmup() == 0.0
            && match *self {
                Self::Constant { .. } => true,
                Self::Step { factor, .. } => factor == 1.0,
                Self::Cosine { floor, .. } => floor == 1.0,
            }
    }

    /// Epochs over which the rate rises at first.
    fn warmup(&self) -> f64 {
        match *self {
            Self::Constant { warmup } | Self::Step { warmup, .. } | Self::Cosine { warmup, .. } => warmup,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn factors<const N: usize>(schedule: ScheduleSpec, steps: [u64; N], per_epoch: u64, total: u64) -> [f64; N] {
        steps.map(|step| schedule.factor(step, per_epoch, total))
    }

    fn assert_near(found: &[f64], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{found} for {expected}");
        }
    }

    #[test]
    fn without_a_schedule_nothing_changes() {
        assert_eq!(factors(ScheduleSpec::Constant { warmup: 0.0 }, [0, 1, 99], 10, 100), [1.0; 3]);
        assert!(ScheduleSpec::Constant { warmup: 0.0 }.is_constant());
    }

    /// `torch.optim.lr_scheduler.StepLR(step_size=30, gamma=0.1)`, an example of its documentation: 0.05 for epochs below
    /// 30, 0.005 for those below 60, 0.0005 for those below 90.
    #[test]
    fn steps_fall_as_in_pytorch() {
        let schedule = ScheduleSpec::Step { every: 30.0, factor: 0.1, warmup: 0.0 };
        let found = factors(schedule, [0, 29 * 7 + 6, 30 * 7, 59 * 7 + 6, 60 * 7, 89 * 7 + 6], 7, 900);
        assert_near(&found, &[1.0, 1.0, 0.1, 0.1, 0.01, 0.01]);
        // Fractions of an epoch, which are not exact in binary: a fall every 0.3 epochs of 10 steps.
        let schedule = ScheduleSpec::Step { every: 0.3, factor: 0.5, warmup: 0.0 };
        for step in 0..300 {
            let falls = (step / 3) as i32;
            assert_eq!(schedule.factor(step, 10, 300), 0.5_f64.powi(falls), "step {step}");
        }
    }

    /// `CosineAnnealingLR(T_max=total)`: `eta_min + (1 - eta_min)(1 + cos(pi t/T))/2`.
    #[test]
    fn the_cosine_is_that_of_pytorch() {
        let schedule = ScheduleSpec::Cosine { floor: 0.0, warmup: 0.0 };
        let expected = [1.0, 0.853_553_390_593_273_7, 0.5, 0.146_446_609_406_726_24];
        assert_near(&factors(schedule, [0, 25, 50, 75], 10, 100), &expected);
        let schedule = ScheduleSpec::Cosine { floor: 0.2, warmup: 0.0 };
        assert_near(&factors(schedule, [0, 50, 100], 10, 100), &[1.0, 0.6, 0.2]);
    }

    #[test]
    fn warm_up_rises_by_the_step_and_then_leaves_the_rest() {
        let constant = ScheduleSpec::Constant { warmup: 0.5 };
        assert_near(&factors(constant, [0, 1, 3, 4, 5, 99], 10, 100), &[0.2, 0.4, 0.8, 1.0, 1.0, 1.0]);
        // A cosine over the 80 steps after two epochs.
        let cosine = ScheduleSpec::Cosine { floor: 0.0, warmup: 2.0 };
        assert_near(&factors(cosine, [0, 19, 20, 60], 10, 100), &[0.05, 1.0, 1.0, 0.5]);
        // Falls count from the start of the run.
        let step = ScheduleSpec::Step { every: 1.0, factor: 0.5, warmup: 2.0 };
        assert_near(&factors(step, [0, 9, 10, 20], 10, 100), &[0.05, 0.5, 0.275, 0.25]);
        for schedule in [constant, cosine, step] {
            assert!(!schedule.is_constant());
        }
        // A warm-up that outlasts the run.
        assert_near(&factors(ScheduleSpec::Cosine { floor: 0.0, warmup: 20.0 }, [0, 99], 10, 100), &[0.005, 0.5]);
    }

    #[test]
    fn schedules_that_change_nothing_are_constant() {
        assert!(ScheduleSpec::Step { every: 1.0, factor: 1.0, warmup: 0.0 }.is_constant());
        assert!(ScheduleSpec::Cosine { floor: 1.0, warmup: 0.0 }.is_constant());
        assert!(!ScheduleSpec::Cosine { floor: 0.0, warmup: 0.0 }.is_constant());
        assert!(!ScheduleSpec::Step { every: 1.0, factor: 0.9, warmup: 0.0 }.is_constant());
    }

    fn schedules() -> impl Strategy<Value = ScheduleSpec> {
        let warmup = prop_oneof![Just(0.0), 0.0..=1e9_f64, 0.0..=3.0_f64];
        let every = prop_oneof![f64::MIN_POSITIVE..=1e9, 0.1..=3.0_f64];
        let factor = prop_oneof![f64::MIN_POSITIVE..=1.0, Just(1.0)];
        let floor = prop_oneof![Just(0.0), 0.0..=1.0_f64];
        prop_oneof![
            warmup.clone().prop_map(|warmup| ScheduleSpec::Constant { warmup }),
            (every, factor, warmup.clone()).prop_map(|(every, factor, warmup)| ScheduleSpec::Step {
                every,
                factor,
                warmup
            }),
            (floor, warmup).prop_map(|(floor, warmup)| ScheduleSpec::Cosine { floor, warmup }),
        ]
    }

    proptest! {
        #[test]
        fn no_step_of_a_run_has_a_rate_of_nothing(
            schedule in schedules(), per_epoch in 1..1_000_000_u64, total in 1..=u64::MAX, place in 0.0..=1.0_f64,
        ) {
            for step in [0, total - 1, ((total - 1) as f64 * place) as u64] {
                let factor = schedule.factor(step.min(total - 1), per_epoch, total);
                prop_assert!(factor > 0.0 && factor <= 1.0, "step {} of {}: {}", step, total, factor);
            }
        }
    }
}
