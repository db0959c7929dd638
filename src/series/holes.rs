//! Where a series is not finite, as stretches of sample indices: a diverged run costs one entry, not one a sample.
use std::ops::Range;

#[derive(Clone, Copy, Debug)]
struct Hole {
    start: usize,
    end: usize,
    /// Non-finite samples in all holes before this one.
    before: usize,
}

/// The non-finite samples of a series, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Holes {
    holes: Vec<Hole>,
}

impl Holes {
    /// Notes that sample `index` is not finite; indices arrive in increasing order.
    pub(super) fn push(&mut self, index: usize) {
        match self.holes.last_mut() {
            Some(hole) if hole.end == index => hole.end += 1,
            _ => self.holes.push(Hole { start: index, end: index + 1, before: self.len() }),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.holes.last().map_or(0, |hole| hole.before + hole.end - hole.start)
    }

    /// Forgets samples from index `len` on.
    pub(super) fn truncate(&mut self, len: usize) {
        let holes = self.holes.partition_point(|hole| hole.start < len);
        self.holes.truncate(holes);
        if let Some(hole) = self.holes.last_mut() {
            hole.end = hole.end.min(len);
        }
    }

    /// Number of non-finite samples among `range`.
    pub(super) fn count(&self, range: &Range<usize>) -> usize {
        if self.holes.is_empty() { 0 } else { self.below(range.end) - self.below(range.start) }
    }

    fn below(&self, index: usize) -> usize {
        self.started_before(index).map_or(0, |hole| hole.before + index.min(hole.end) - hole.start)
    }

    fn started_before(&self, index: usize) -> Option<&Hole> {
        let after = self.holes.partition_point(|hole| hole.start < index);
        self.holes.get(after.checked_sub(1)?)
    }

    /// First finite sample of `range`.
    pub(super) fn first_finite(&self, range: &Range<usize>) -> Option<usize> {
        let hole = self.started_before(range.start.saturating_add(1));
        let first = hole.map_or(range.start, |hole| hole.end.max(range.start));
        (first < range.end).then_some(first)
    }

    /// Last finite sample of `range`.
    pub(super) fn last_finite(&self, range: &Range<usize>) -> Option<usize> {
        let last = range.end.checked_sub(1)?;
        let last = match self.started_before(range.end) {
            Some(hole) if hole.end > last => hole.start.checked_sub(1)?,
            _ => last,
        };
        (last >= range.start).then_some(last)
    }

    /// Indices of the non-finite samples.
    pub(super) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.holes.iter().flat_map(|hole| hole.start..hole.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn behaves_as_a_list_of_flags(flags in prop::collection::vec(any::<bool>(), 0..60), keep in 0..70_usize, a in 0..70_usize, b in 0..70_usize) {
            let mut holes = Holes::default();
            flags.iter().enumerate().filter(|(_, hole)| **hole).for_each(|(i, _)| holes.push(i));
            holes.truncate(keep);
            let flags = &flags[..keep.min(flags.len())];
            let range = a.min(b).min(flags.len())..a.max(b).min(flags.len());
            let finite = || range.clone().filter(|&i| !flags[i]);
            prop_assert_eq!(holes.len(), flags.iter().filter(|hole| **hole).count());
            prop_assert_eq!(holes.count(&range), range.len() - finite().count());
            prop_assert_eq!(holes.first_finite(&range), finite().next());
            prop_assert_eq!(holes.last_finite(&range), finite().next_back());
            prop_assert_eq!(holes.iter().collect::<Vec<_>>(), (0..flags.len()).filter(|&i| flags[i]).collect::<Vec<_>>());
        }
    }
}
