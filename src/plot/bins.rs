//! From a histogram of any buckets to one of even bins.

/// The counts of `buckets`, given as upper edge and count in ascending order, the first beginning at `start`, as `bins`
/// even bins over `lo..hi`. A bucket that lies in several bins is shared out by length, one without length goes where it
/// stands; what lies outside is left out. What is not finite or below zero counts nothing.
pub fn rebin(start: f64, buckets: impl IntoIterator<Item = (f64, f64)>, (lo, hi): (f64, f64), bins: usize) -> Vec<f64> {
    let mut even = vec![0.0; bins];
    let width = (hi - lo) / bins as f64;
    if !(width.is_finite() && width > 0.0) {
        return even;
    }
    let mut left = start;
    for (right, count) in buckets {
        let (from, to) = (left, right);
        left = if right.is_finite() { right } else { left };
        if !(from.is_finite() && to.is_finite() && count.is_finite() && count > 0.0) || to < lo || from > hi {
            continue;
        }
        let place = |value: f64| (((value - lo) / width).max(0.0) as usize).min(bins - 1);
        if to <= from {
            even[place(to)] += count;
            continue;
        }
        let (first, last) = (place(from), place(to));
        for (bin, sum) in even.iter_mut().enumerate().take(last + 1).skip(first) {
            let (start, end) = (lo + bin as f64 * width, lo + (bin + 1) as f64 * width);
            let shared = (to.min(end) - from.max(start)).max(0.0);
            *sum += count * shared / (to - from);
        }
    }
    even
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn buckets_are_shared_out_by_length() {
        let buckets = [(1.0, 4.0), (3.0, 2.0), (3.0, 5.0), (9.0, 6.0)];
        assert_eq!(rebin(-1.0, buckets, (-1.0, 9.0), 5), [4.0, 2.0, 5.0 + 2.0, 2.0, 2.0]);
        // Half of the first bucket, and a third of the last.
        assert_eq!(rebin(-1.0, buckets, (0.0, 5.0), 1), [2.0 + 2.0 + 5.0 + 2.0]);
        assert_eq!(rebin(0.0, [(0.0, 3.0)], (-1.0, 1.0), 2), [0.0, 3.0], "a single value");
    }

    #[test]
    fn nonsense_counts_nothing() {
        let buckets = [(f64::NAN, 1.0), (1.0, f64::NAN), (2.0, -3.0), (f64::INFINITY, 7.0)];
        assert_eq!(rebin(0.0, buckets, (0.0, 2.0), 2), [0.0, 0.0]);
        assert_eq!(rebin(0.0, [(1.0, 1.0)], (0.0, 0.0), 2), [0.0, 0.0]);
        assert_eq!(rebin(0.0, [(1.0, 1.0)], (f64::NAN, 1.0), 1), [0.0]);
        assert!(rebin(0.0, [(1.0, 1.0)], (0.0, 1.0), 0).is_empty());
    }

    proptest! {
        #[test]
        fn within_the_range_nothing_is_lost(
            start in -5.0f64..5.0,
            buckets in prop::collection::vec((0.0f64..2.0, 0.0f64..9.0), 1..20),
            bins in 1usize..40,
        ) {
            let mut edge = start;
            let buckets: Vec<_> = buckets.into_iter().map(|(length, count)| { edge += length; (edge, count) }).collect();
            let range = (start - 0.5, edge + 0.5);
            let even = rebin(start, buckets.clone(), range, bins);
            let (before, after) = (buckets.iter().map(|(_, count)| count).sum::<f64>(), even.iter().sum::<f64>());
            prop_assert!((before - after).abs() < 1e-9 * before.max(1.0), "{before} {after}");
        }
    }
}
