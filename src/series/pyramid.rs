//! Minimum and maximum of any stretch of samples, from a tree that branches 16 ways.
//!
//! A node is computed once, when its block closes: appending costs 2 ns and the tree 8/15 bytes a sample.
use std::ops::Range;

/// Children of a node.
const BRANCH: usize = 16;

/// Extremes of the finite values of a stretch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Extremes {
    /// Positive infinity when the stretch holds no finite value.
    pub(super) min: f32,
    /// Negative infinity when the stretch holds no finite value.
    pub(super) max: f32,
}

impl Extremes {
    pub(super) const NONE: Self = Self { min: f32::INFINITY, max: f32::NEG_INFINITY };

    fn of_values(values: &[f32]) -> Self {
        // Side by side: one chain of comparisons would make each value wait for the one before it.
        let (fours, rest) = values.as_chunks::<4>();
        let (mut min, mut max) = ([f32::INFINITY; 4], [f32::NEG_INFINITY; 4]);
        for four in fours {
            for lane in 0..4 {
                let finite = four[lane].abs() < f32::INFINITY;
                min[lane] = lesser(if finite { four[lane] } else { f32::INFINITY }, min[lane]);
                max[lane] = greater(if finite { four[lane] } else { f32::NEG_INFINITY }, max[lane]);
            }
        }
        let lanes = min.iter().zip(max).map(|(&min, max)| Self { min, max });
        let rest = rest.iter().filter(|value| value.is_finite()).map(|&value| Self { min: value, max: value });
        lanes.chain(rest).fold(Self::NONE, Self::join)
    }

    fn of_nodes(nodes: &[Self]) -> Self {
        nodes.iter().fold(Self::NONE, |seen, &node| seen.join(node))
    }

    fn join(self, other: Self) -> Self {
        Self { min: lesser(other.min, self.min), max: greater(other.max, self.max) }
    }
}

// Neither side is ever NaN, so a plain comparison will do; it is one instruction where `f32::min` is four.
fn lesser(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

fn greater(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

/// The tree over a list of values that the caller keeps, and passes to every call.
#[derive(Clone, Debug, Default)]
pub(super) struct Pyramid {
    /// `levels[k][i]` covers the values `i * 16^(k+1) .. (i+1) * 16^(k+1)`; only whole blocks have a node.
    levels: Vec<Vec<Extremes>>,
}

impl Pyramid {
    /// To be called after each value appended to `values`.
    #[inline]
    pub(super) fn appended(&mut self, values: &[f32]) {
        if values.len().is_multiple_of(BRANCH) {
            self.close(values);
        }
    }

    fn close(&mut self, values: &[f32]) {
        let mut node = Extremes::of_values(&values[values.len().saturating_sub(BRANCH)..]);
        for level in 0.. {
            if level == self.levels.len() {
                self.levels.push(Vec::new());
            }
            let nodes = &mut self.levels[level];
            nodes.push(node);
            if !nodes.len().is_multiple_of(BRANCH) {
                return;
            }
            node = Extremes::of_nodes(&nodes[nodes.len() - BRANCH..]);
        }
    }

    /// Forgets every block that reaches beyond the first `len` values.
    pub(super) fn truncate(&mut self, len: usize) {
        let mut blocks = len;
        for nodes in &mut self.levels {
            blocks /= BRANCH;
            nodes.truncate(blocks);
        }
    }

    /// Extremes of `values[range]`; the range must lie within the values.
    pub(super) fn extremes(&self, values: &[f32], range: Range<usize>) -> Extremes {
        let Range { start, end } = range;
        let (inner_start, inner_end) = (start.next_multiple_of(BRANCH), end / BRANCH * BRANCH);
        if inner_start >= inner_end {
            return Extremes::of_values(&values[start..end]);
        }
        let mut seen =
            Extremes::of_values(&values[start..inner_start]).join(Extremes::of_values(&values[inner_end..end]));
        let (mut start, mut end) = (inner_start / BRANCH, inner_end / BRANCH);
        for nodes in &self.levels {
            let (inner_start, inner_end) = (start.next_multiple_of(BRANCH), end / BRANCH * BRANCH);
            if inner_start >= inner_end {
                return seen.join(Extremes::of_nodes(&nodes[start..end]));
            }
            seen = seen
                .join(Extremes::of_nodes(&nodes[start..inner_start]))
                .join(Extremes::of_nodes(&nodes[inner_end..end]));
            (start, end) = (inner_start / BRANCH, inner_end / BRANCH);
        }
        seen
    }

    /// Index of the first of all `values` that equals an extreme `target`; `side` names which extreme of a node it is.
    pub(super) fn position(&self, values: &[f32], target: f32, side: impl Fn(&Extremes) -> f32) -> Option<usize> {
        // The whole blocks of the top level come first, then what they leave over on each level below.
        let mut from = 0;
        for (level, nodes) in self.levels.iter().enumerate().rev() {
            if let Some(offset) = nodes[from..].iter().position(|node| side(node) == target) {
                return self.descend(values, target, side, level, from + offset);
            }
            from = nodes.len() * BRANCH;
        }
        values[from..].iter().position(|&value| value == target).map(|offset| from + offset)
    }

    fn descend(
        &self,
        values: &[f32],
        target: f32,
        side: impl Fn(&Extremes) -> f32,
        level: usize,
        node: usize,
    ) -> Option<usize> {
        let mut at = node * BRANCH;
        for nodes in self.levels[..level].iter().rev() {
            at = (at + nodes[at..at + BRANCH].iter().position(|node| side(node) == target)?) * BRANCH;
        }
        Some(at + values[at..at + BRANCH].iter().position(|&value| value == target)?)
    }

    #[cfg(test)]
    pub(super) fn nodes(&self) -> usize {
        self.levels.iter().map(Vec::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn grown(values: &[f32]) -> Pyramid {
        let mut pyramid = Pyramid::default();
        (1..=values.len()).for_each(|len| pyramid.appended(&values[..len]));
        pyramid
    }

    fn scanned(values: &[f32]) -> Extremes {
        let finite = || values.iter().copied().filter(|value| value.is_finite());
        Extremes { min: finite().fold(f32::INFINITY, f32::min), max: finite().fold(f32::NEG_INFINITY, f32::max) }
    }

    fn value() -> impl Strategy<Value = f32> {
        prop_oneof![8 => -1e3_f32..1e3, 1 => Just(f32::NAN), 1 => Just(f32::INFINITY), 1 => Just(f32::NEG_INFINITY)]
    }

    #[test]
    fn an_empty_tree_holds_nothing() {
        let pyramid = grown(&[]);
        assert_eq!(pyramid.extremes(&[], 0..0), Extremes::NONE);
        assert_eq!(pyramid.position(&[], 1.0, |node| node.min), None);
    }

    #[test]
    fn a_block_without_finite_values_holds_nothing() {
        let values = [f32::NAN; 40];
        assert_eq!(grown(&values).extremes(&values, 0..40), Extremes::NONE);
    }

    proptest! {
        #[test]
        fn equals_a_scan(values in prop::collection::vec(value(), 0..700), keep in 0..800_usize, a in 0.0..1.0_f64, b in 0.0..1.0_f64) {
            let mut values = values;
            let mut pyramid = grown(&values);
            values.truncate(keep);
            pyramid.truncate(values.len());
            for extra in 0..40_u8 {
                values.push(f32::from(extra).sin() * 2e3);
                pyramid.appended(&values);
            }
            let at = |t: f64| (t * (values.len() + 1) as f64) as usize;
            let range = at(a.min(b))..at(a.max(b));
            prop_assert_eq!(pyramid.extremes(&values, range.clone()), scanned(&values[range]));
            let all = pyramid.extremes(&values, 0..values.len());
            prop_assert_eq!(pyramid.position(&values, all.min, |node| node.min), values.iter().position(|&v| v == all.min));
            prop_assert_eq!(pyramid.position(&values, all.max, |node| node.max), values.iter().position(|&v| v == all.max));
        }
    }
}
