//! Which samples are learnt from, which are kept for evaluation, and which are left out.

use super::error::DataError;
use super::numpy_random::RandomState;
use crate::recipe::Preparation;

/// Share that is held out unless the recipe says otherwise.
const HELD_OUT: f64 = 0.2;
/// Stands for a sample that is left out.
const LEFT_OUT: u32 = u32::MAX;

/// The place of every sample: in one of two halves, or in none.
#[derive(Debug)]
pub(super) struct Sorting {
    /// Row times two, plus one in the half for evaluation.
    places: Vec<u32>,
    /// Samples of the half to learn from and of that to evaluate on.
    pub(super) counts: [usize; 2],
}

impl Sorting {
    /// For the `classes` that samples belong to. Where the data come in two halves the first `given` samples are those to
    /// learn from.
    ///
    /// Follows from the seed, the classes and their order alone; each half has its samples in the order of the files, and
    /// each class about the same share in both. A class of one sample is learnt from.
    pub(super) fn new(classes: &[u32], given: Option<usize>, by: &Preparation) -> Result<Self, DataError> {
        let value = |key, value: String, expected: &str| DataError::Value { key, value, expected: expected.to_owned() };
        if let (Some(_), Some(share)) = (given, by.held_out) {
            return Err(value("held_out", share.to_string(), "none: these data come in two halves already"));
        }
        let share = by.held_out.unwrap_or(HELD_OUT);
        if !(0.0..1.0).contains(&share) {
            return Err(value("held_out", share.to_string(), "a share from 0 up to but not including 1"));
        }
        let strata = classes.iter().max().map_or(0, |most| *most as usize + 1);
        let mut order: Vec<u32> = (0..classes.len() as u32).collect();
        RandomState::new(by.seed).shuffle(&mut order);
        // Samples of each half, by class, in random order.
        let mut halves = [vec![Vec::new(); strata], vec![Vec::new(); strata]];
        for sample in order {
            let half = usize::from(given.is_some_and(|training| sample as usize >= training));
            halves[half][classes[sample as usize] as usize].push(sample);
        }
        if given.is_none() {
            let [training, test] = &mut halves;
            let counts: Vec<usize> = training.iter().map(Vec::len).collect();
            let total = (share * classes.len() as f64).round() as usize;
            for (class, quota) in quotas(&counts, total).into_iter().enumerate() {
                let kept = counts[class] - quota.min(counts[class].saturating_sub(1));
                test[class] = training[class].split_off(kept);
            }
        }
        let mut places = vec![LEFT_OUT; classes.len()];
        for (half, (key, limit)) in [("train", by.train), ("test", by.test)].into_iter().enumerate() {
            let counts: Vec<usize> = halves[half].iter().map(Vec::len).collect();
            let all: usize = counts.iter().sum();
            if let Some(wanted) = limit.filter(|wanted| *wanted > all) {
                return Err(value(
                    key,
                    wanted.to_string(),
                    &format!("at most {all}, the samples that there are for it"),
                ));
            }
            for (class, quota) in quotas(&counts, limit.unwrap_or(all)).into_iter().enumerate() {
                halves[half][class].truncate(quota);
                halves[half][class].iter().for_each(|sample| places[*sample as usize] = half as u32);
            }
        }
        let mut counts = [0; 2];
        for place in places.iter_mut().filter(|place| **place != LEFT_OUT) {
            let half = *place as usize;
            *place |= (counts[half] as u32) << 1;
            counts[half] += 1;
        }
        if counts[0] == 0 {
            return Err(value("train", "0".to_owned(), "1 or more: nothing is left to learn from"));
        }
        Ok(Self { places, counts })
    }

    /// Half, 0 to learn from and 1 to evaluate on, and row of a sample; none where it is left out.
    pub(super) fn place(&self, sample: usize) -> Option<(usize, usize)> {
        let place = *self.places.get(sample).filter(|place| **place != LEFT_OUT)?;
        Some(((place & 1) as usize, (place >> 1) as usize))
    }

    /// The values of `all` that belong to each half, in its order.
    pub(super) fn split<T: Copy>(&self, all: &[T]) -> [Vec<T>; 2] {
        let mut halves = self.counts.map(Vec::with_capacity);
        for (sample, value) in all.iter().enumerate() {
            if let Some((half, _)) = self.place(sample) {
                halves[half].push(*value);
            }
        }
        halves
    }
}

/// `total`, at most the sum of `counts`, shared out in their proportion: whole numbers, none above its count; what rounding
/// leaves goes to the largest remainders.
fn quotas(counts: &[usize], total: usize) -> Vec<usize> {
    let all: u128 = counts.iter().map(|count| *count as u128).sum();
    let of = |count: &usize| (*count as u128 * total as u128).checked_div(all).unwrap_or(0) as usize;
    let mut quotas: Vec<usize> = counts.iter().map(of).collect();
    let remainder = |class: &usize| (counts[*class] as u128 * total as u128).checked_rem(all).unwrap_or(0);
    let mut by_remainder: Vec<usize> = (0..counts.len()).collect();
    by_remainder.sort_by_key(|class| (std::cmp::Reverse(remainder(class)), *class));
    let left = total.saturating_sub(quotas.iter().sum());
    by_remainder.into_iter().filter(|class| remainder(class) > 0).take(left).for_each(|class| quotas[class] += 1);
    quotas
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn preparation(held_out: Option<f64>, train: Option<usize>, test: Option<usize>) -> Preparation {
        Preparation { held_out, train, test, seed: 3, ..Preparation::default() }
    }

    #[test]
    fn a_fifth_of_each_class_is_held_out() {
        let classes: Vec<u32> = (0..100).map(|sample| u32::from(sample % 10 == 0)).collect();
        let sorting = Sorting::new(&classes, None, &preparation(None, None, None)).unwrap();
        assert_eq!(sorting.counts, [80, 20]);
        let [training, test] = sorting.split(&classes);
        assert_eq!([&training, &test].map(|half| half.iter().sum::<u32>()), [8, 2]);
        let again = Sorting::new(&classes, None, &preparation(Some(0.2), None, None)).unwrap();
        assert_eq!(sorting.places, again.places, "one seed, one split");
        let mut other = preparation(None, None, None);
        other.seed = 4;
        assert_ne!(sorting.places, Sorting::new(&classes, None, &other).unwrap().places);
        assert_eq!(Sorting::new(&classes, None, &preparation(Some(0.0), None, None)).unwrap().counts, [100, 0]);
    }

    #[test]
    fn halves_that_are_given_stay_and_are_limited_class_by_class() {
        // Sorted by class, as folders are: the first samples alone would be of one class.
        let classes: Vec<u32> = (0..60).map(|sample| (sample % 30) / 10).collect();
        let sorting = Sorting::new(&classes, Some(30), &preparation(None, Some(9), Some(6))).unwrap();
        assert_eq!(sorting.counts, [9, 6]);
        let [training, test] = sorting.split(&classes);
        assert_eq!(training, [0, 0, 0, 1, 1, 1, 2, 2, 2]);
        assert_eq!(test, [0, 0, 1, 1, 2, 2]);
        assert!((0..30).all(|sample| sorting.place(sample).is_none_or(|(half, _)| half == 0)));
    }

    #[test]
    fn what_cannot_be_is_said() {
        let classes = [0, 0, 1, 1];
        let shown = |given, by: &Preparation| Sorting::new(&classes, given, by).unwrap_err().to_string();
        assert_eq!(
            shown(Some(2), &preparation(Some(0.5), None, None)),
            "`data.held_out` is 0.5; give none: these data come in two halves already"
        );
        assert!(shown(None, &preparation(Some(1.0), None, None)).contains("from 0 up to but not including 1"));
        assert_eq!(
            shown(None, &preparation(Some(0.5), Some(3), None)),
            "`data.train` is 3; give at most 2, the samples that there are for it"
        );
    }

    proptest! {
        #[test]
        fn every_sample_has_one_place(
            classes in proptest::collection::vec(0..5_u32, 1..80), share in 0.0..0.99_f64, seed in any::<u32>(),
        ) {
            let by = Preparation { held_out: Some(share), seed, ..Preparation::default() };
            let sorting = Sorting::new(&classes, None, &by).unwrap();
            prop_assert_eq!(sorting.counts[0] + sorting.counts[1], classes.len());
            let mut rows = [Vec::new(), Vec::new()];
            for sample in 0..classes.len() {
                let (half, row) = sorting.place(sample).unwrap();
                rows[half].push(row);
            }
            for (rows, count) in rows.iter().zip(sorting.counts) {
                prop_assert!(rows.iter().copied().eq(0..count), "in the order of the file");
            }
            let [training, _] = sorting.split(&classes);
            for class in classes {
                prop_assert!(training.contains(&class), "each class is learnt");
            }
        }

        #[test]
        fn quotas_add_up(counts in proptest::collection::vec(0..50_usize, 1..8), share in 0.0..=1.0_f64) {
            let all: usize = counts.iter().sum();
            let total = (share * all as f64) as usize;
            let quotas = quotas(&counts, total);
            prop_assert_eq!(quotas.iter().sum::<usize>(), total);
            prop_assert!(quotas.iter().zip(&counts).all(|(quota, count)| quota <= count));
        }
    }
}
