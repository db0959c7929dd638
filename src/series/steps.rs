//! The steps of a series, run-length encoded: a regular stretch of any length costs one entry.

/// Samples `start..` of the series, at steps `first`, `first + stride`, and so on up to the next run.
#[derive(Clone, Copy, Debug)]
struct Run {
    start: usize,
    first: i64,
    /// Distance of neighbours; 0 while the run holds one sample. Unsigned, because two steps may lie more than
    /// `i64::MAX` apart in a file that nobody checked.
    stride: u64,
}

impl Run {
    /// Step of sample `index`, which the caller knows to be in this run.
    fn step(self, index: usize) -> i64 {
        // The true value fits an i64; only the intermediate product may wrap, and wraps back.
        self.first.wrapping_add(self.stride.wrapping_mul((index - self.start) as u64) as i64)
    }
}

/// Strictly increasing steps.
#[derive(Clone, Debug, Default)]
pub(super) struct Steps {
    runs: Vec<Run>,
    len: usize,
    last: i64,
    /// Stride of the last run, beside what every append touches anyway.
    stride: u64,
}

impl Steps {
    #[inline]
    pub(super) fn last(&self) -> Option<i64> {
        (self.len > 0).then_some(self.last)
    }

    /// Appends a step, which must be greater than the last one.
    #[inline]
    pub(super) fn push(&mut self, step: i64) {
        debug_assert!(self.last().is_none_or(|last| last < step), "steps must increase");
        let gap = step.abs_diff(self.last);
        if gap != self.stride || self.len == 0 {
            self.change_stride(step, gap);
        }
        self.len += 1;
        self.last = step;
    }

    fn change_stride(&mut self, step: i64, gap: u64) {
        match self.runs.last_mut() {
            Some(run) if run.stride == 0 => run.stride = gap,
            _ => self.runs.push(Run { start: self.len, first: step, stride: 0 }),
        }
        self.stride = self.runs.last().map_or(0, |run| run.stride);
    }

    /// Step of sample `index`.
    pub(super) fn get(&self, index: usize) -> Option<i64> {
        if index >= self.len {
            return None;
        }
        let run = self.runs.partition_point(|run| run.start <= index).checked_sub(1)?;
        Some(self.runs.get(run)?.step(index))
    }

    /// Index of the first sample at or after `step`; the length when there is none.
    pub(super) fn lower_bound(&self, step: i64) -> usize {
        let after = self.runs.partition_point(|run| run.first <= step);
        let Some(run) = after.checked_sub(1).and_then(|at| self.runs.get(at)) else { return 0 };
        let end = self.runs.get(after).map_or(self.len, |next| next.start);
        let distance = step.abs_diff(run.first);
        let offset = if run.stride == 0 { u64::from(distance > 0) } else { distance.div_ceil(run.stride) };
        run.start.saturating_add(usize::try_from(offset).unwrap_or(usize::MAX)).min(end)
    }

    /// Index of the first sample after `step`; the length when there is none.
    pub(super) fn upper_bound(&self, step: i64) -> usize {
        step.checked_add(1).map_or(self.len, |next| self.lower_bound(next))
    }

    /// Keeps the first `len` steps.
    pub(super) fn truncate(&mut self, len: usize) {
        if len >= self.len {
            return;
        }
        let runs = self.runs.partition_point(|run| run.start < len);
        self.runs.truncate(runs);
        self.last = len.checked_sub(1).and_then(|last| self.get(last)).unwrap_or(0);
        self.len = len;
        if let Some(run) = self.runs.last_mut()
            && len - run.start == 1
        {
            run.stride = 0;
        }
        self.stride = self.runs.last().map_or(0, |run| run.stride);
    }

    /// Steps of the samples from `index` on.
    pub(super) fn iter_from(&self, index: usize) -> impl Iterator<Item = i64> + '_ {
        let index = index.min(self.len);
        let from = self.runs.partition_point(|run| run.start <= index).saturating_sub(1);
        let ends = self.runs.iter().skip(from + 1).map(|run| run.start).chain([self.len]);
        self.runs.iter().skip(from).zip(ends).flat_map(move |(&run, end)| {
            let begin = run.start.max(index);
            (begin..end).map(move |at| run.step(at))
        })
    }

    #[cfg(test)]
    pub(super) fn runs(&self) -> usize {
        self.runs.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn steps(of: &[i64]) -> Steps {
        let mut steps = Steps::default();
        for &step in of {
            steps.push(step);
        }
        steps
    }

    #[test]
    fn regular_steps_are_one_run() {
        let mut steps = Steps::default();
        (0..10_000).for_each(|i| steps.push(i * 7 - 3));
        assert_eq!(steps.runs(), 1);
        assert_eq!(steps.get(9_999), Some(9_999 * 7 - 3));
        assert_eq!(steps.get(10_000), None);
    }

    #[test]
    fn widening_windows_are_one_run_each() {
        let mut steps = Steps::default();
        (1..=100).for_each(|i| steps.push(i));
        (1..=100).for_each(|i| steps.push(100 + 2 * i));
        (1..=100).for_each(|i| steps.push(300 + 4 * i));
        assert_eq!(steps.runs(), 3);
    }

    #[test]
    fn the_whole_range_of_i64_is_held() {
        let of = [i64::MIN, -1, 0, i64::MAX];
        let steps = steps(&of);
        assert_eq!(steps.iter_from(0).collect::<Vec<_>>(), of);
        assert_eq!(steps.lower_bound(i64::MAX), 3);
        assert_eq!(steps.upper_bound(i64::MAX), 4);
        assert_eq!(steps.upper_bound(i64::MIN), 1);
    }

    #[test]
    fn an_empty_list_answers() {
        let mut steps = Steps::default();
        assert_eq!((steps.last(), steps.get(0), steps.lower_bound(5), steps.upper_bound(5)), (None, None, 0, 0));
        assert_eq!(steps.iter_from(3).count(), 0);
        steps.truncate(0);
        assert_eq!(steps.last(), None);
    }

    proptest! {
        #[test]
        fn behaves_as_a_sorted_list(gaps in prop::collection::vec(prop_oneof![Just(1_i64), Just(2), 1..9_i64], 0..80), keep in 0..90_usize, more in 0..20_i64, probe in -5..500_i64, from in 0..100_usize) {
            let mut list: Vec<i64> = gaps.iter().scan(-3, |at, gap| { *at += gap; Some(*at) }).collect();
            let mut steps = steps(&list);
            steps.truncate(keep);
            list.truncate(keep);
            for i in 0..more {
                let next = list.last().copied().unwrap_or(0) + 1 + i % 2;
                steps.push(next);
                list.push(next);
            }
            prop_assert_eq!(steps.last(), list.last().copied());
            prop_assert_eq!(steps.iter_from(from).collect::<Vec<_>>(), list.get(from..).unwrap_or(&[]));
            for (i, &step) in list.iter().enumerate() {
                prop_assert_eq!(steps.get(i), Some(step));
            }
            prop_assert_eq!(steps.lower_bound(probe), list.partition_point(|&step| step < probe));
            prop_assert_eq!(steps.upper_bound(probe), list.partition_point(|&step| step <= probe));
        }
    }
}
