//! The steps at which everything there is to see is recorded: a pure function of the length of a run and their number, so
//! that whatever the speed, and whoever watches, a run can be scrubbed through and one seed gives one log.

/// Steps of one run, ascending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Moments(Vec<u64>);

impl Moments {
    /// At most `count` steps of 0 to `total`, both included, half of them evenly over the run and half over its logarithm:
    /// at the beginning most happens. None where `count` is 0; the first and the last step whatever else it is.
    pub(crate) fn new(total: u64, count: u64) -> Self {
        if count == 0 {
            return Self(Vec::new());
        }
        let count = count.max(2);
        let evenly = count.div_ceil(2).max(2);
        // Step 0 has no logarithm, and is one of the even ones; so is the last.
        let curved = count - evenly;
        let share = |place: u64, places: u64| place as f64 / places.max(1) as f64;
        // In whole numbers: a float does not hold every step of a very long run.
        let even = (0..evenly).map(|place| {
            let (total, place, last) = (u128::from(total), u128::from(place), u128::from(evenly - 1));
            ((2 * total * place + last) / (2 * last)) as u64
        });
        let grown = |place: u64| ((total as f64).ln() * share(place, curved)).exp().round() as u64;
        let curve = (0..curved).map(grown).filter(|_| total > 0);
        let mut steps: Vec<u64> = even.chain(curve).map(|step| step.min(total)).collect();
        steps.sort_unstable();
        steps.dedup();
        Self(steps)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Place of `step` among them, from 0; none if it is no moment.
    pub(crate) fn place(&self, step: u64) -> Option<usize> {
        self.0.binary_search(&step).ok()
    }

    /// Moments after `step`.
    pub(crate) fn left(&self, step: u64) -> usize {
        self.0.len() - self.0.partition_point(|moment| *moment <= step)
    }

    /// Whether there is one from `first` to just before `end`.
    pub(crate) fn has_any(&self, first: u64, end: u64) -> bool {
        self.0.get(self.0.partition_point(|moment| *moment < first)).is_some_and(|moment| *moment < end)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_short_run_has_every_step_and_none_has_none() {
        assert_eq!(Moments::new(0, 256).0, [0]);
        assert_eq!(Moments::new(5, 256).0, [0, 1, 2, 3, 4, 5]);
        assert_eq!(Moments::new(1600, 0).len(), 0);
        assert_eq!(Moments::new(1600, 1).0, [0, 1600], "the first and the last are always there");
        assert_eq!(Moments::new(1600, 2).0, [0, 1600]);
        assert_eq!(Moments::new(1600, 3).0, [0, 1, 1600]);
        assert_eq!(Moments::new(1600, 5).0, [0, 1, 40, 800, 1600]);
    }

    #[test]
    fn moons_have_more_than_two_hundred_and_a_dense_beginning() {
        let moments = Moments::new(1600, 256);
        assert!((200..=256).contains(&moments.len()), "{}", moments.len());
        assert_eq!(moments.0[..20], (0..20).collect::<Vec<_>>()[..], "{:?}", &moments.0[..30]);
        let longest = moments.0.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
        assert!(longest <= 13, "an even half leaves no gap of {longest}");
    }

    #[test]
    fn places_are_found_and_what_is_left_is_counted() {
        let moments = Moments::new(100, 5);
        assert_eq!(moments.0, [0, 1, 10, 50, 100]);
        assert_eq!((moments.place(50), moments.place(49)), (Some(3), None));
        assert_eq!([0, 49, 50, 100, 101].map(|step| moments.left(step)), [4, 2, 1, 0, 0]);
        assert!(moments.has_any(50, 51) && moments.has_any(11, 51));
        assert!(!moments.has_any(11, 50) && !moments.has_any(101, 999));
    }

    proptest! {
        #[test]
        fn half_is_even_half_is_logarithmic_and_both_ends_are_there(
            total in prop_oneof![0_u64..5_000, 0..1_000_000_000_u64, (u64::MAX - 1000)..=u64::MAX],
            count in 2_u64..1_000,
        ) {
            let moments = Moments::new(total, count);
            prop_assert_eq!(&moments, &Moments::new(total, count));
            prop_assert!(moments.len() as u64 <= count && moments.0.is_sorted_by(|a, b| a < b));
            prop_assert_eq!((moments.0.first(), moments.0.last()), (Some(&0), Some(&total)));
            // No gap is longer than one of the even half, rounding aside.
            let even = total / (count.div_ceil(2).max(2) - 1) + 1;
            prop_assert!(moments.0.windows(2).all(|pair| pair[1] - pair[0] <= even));
            // A run as long as the moments are many, or shorter, leaves early steps out only where they are not asked for.
            prop_assert!(total > count / 8 || (0..=total).all(|step| moments.place(step).is_some()));
        }
    }
}
