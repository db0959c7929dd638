//! How every layer is: which tensors there are, and how what is in them was distributed over time.

use std::collections::{BTreeMap, BTreeSet};

use super::action::Direction;
use super::model::Model;
use super::update::App;
use crate::log::{Histogram, tags};
use crate::plot::bins::rebin;

/// Histograms that are kept of each tensor.
const FRAMES: usize = 64;

/// Histograms of one tensor over time: the newest, the first, and in between those that lie most evenly.
#[derive(Debug, Clone, Default)]
pub struct Film {
    frames: Vec<(i64, Histogram)>,
}

impl Film {
    /// Step and histogram of each, the oldest first.
    pub fn frames(&self) -> &[(i64, Histogram)] {
        &self.frames
    }

    /// The newest histogram.
    pub fn last(&self) -> Option<&Histogram> {
        self.frames.last().map(|(_, histogram)| histogram)
    }

    /// Drops what was there from that step on: a run that was resumed computes it again.
    fn void_from(&mut self, step: i64) {
        self.frames.truncate(self.frames.partition_point(|(other, _)| *other < step));
    }

    /// Takes over a histogram.
    fn push(&mut self, step: i64, histogram: Histogram) {
        self.void_from(step);
        self.frames.push((step, histogram));
        if self.frames.len() > FRAMES {
            // Without it its neighbours are closest together.
            let gap = |at: &usize| self.frames[at + 1].0.saturating_sub(self.frames[at - 1].0);
            if let Some(at) = (1..self.frames.len() - 1).min_by_key(gap) {
                self.frames.remove(at);
            }
        }
    }

    /// At most `most` of the frames, evenly, the newest among them, each in `bins` even bins over their common range: counts
    /// over the largest of the frame. The range comes with them; none without a finite value.
    pub fn ridges(&self, most: usize, bins: usize) -> Option<((f64, f64), Vec<Ridge>)> {
        let count = self.frames.len().min(most);
        let last = self.frames.len().checked_sub(1)?;
        let chosen = (0..count).map(|i| if count == 1 { last } else { i * last / (count - 1) });
        let frames: Vec<_> = chosen.map(|at| &self.frames[at]).collect();
        let range = frames.iter().filter_map(|(_, histogram)| extent(histogram)).fold(None, |range, (lo, hi)| {
            let (low, high): (f64, f64) = range.unwrap_or((lo, hi));
            Some((low.min(lo), high.max(hi)))
        })?;
        let ridge = |frame: &&(i64, Histogram)| Ridge { step: frame.0, heights: heights(&frame.1, range, bins) };
        Some((range, frames.iter().map(ridge).collect()))
    }
}

/// One histogram of several over each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Ridge {
    /// When it was taken.
    pub step: i64,
    /// Counts over the largest of them, 0 to 1.
    pub heights: Vec<f64>,
}

/// Where the values of a histogram lie, with a width in any case.
fn extent(histogram: &Histogram) -> Option<(f64, f64)> {
    let (lo, hi) = (histogram.min, histogram.max);
    if !(lo.is_finite() && hi.is_finite() && lo <= hi) {
        return None;
    }
    let air = if hi > lo { 0.0 } else { 0.5 * lo.abs().max(1e-6) };
    Some((lo - air, hi + air))
}

fn heights(histogram: &Histogram, range: (f64, f64), bins: usize) -> Vec<f64> {
    let buckets = histogram.limits.iter().copied().zip(histogram.counts.iter().copied());
    // Outermost buckets of TensorBoard's writers reach far beyond the values in them.
    let buckets = buckets.map(|(limit, count)| (limit.clamp(histogram.min, histogram.max), count));
    let mut heights = rebin(histogram.min, buckets, range, bins);
    let most = heights.iter().copied().fold(0.0, f64::max);
    if most > 0.0 {
        for height in &mut heights {
            *height /= most;
        }
    }
    heights
}

/// A histogram by itself in so many even bins from its smallest to its largest value: counts over the largest of them.
pub fn bars(histogram: &Histogram, bins: usize) -> Vec<f64> {
    extent(histogram).map_or_else(Vec::new, |range| heights(histogram, range, bins))
}

/// What is known of the tensors beside their norms, which are series like all others.
#[derive(Debug, Clone, Default)]
pub struct Health {
    films: BTreeMap<String, Film>,
    /// Parameters that any number or histogram was recorded of.
    parameters: BTreeSet<String>,
    /// Layers of which there is something about activations.
    layers: BTreeSet<String>,
}

/// A row of the table: a parameter, or the activations of a layer that has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthRow {
    /// The parameter.
    pub parameter: Option<String>,
    /// The layer whose activations the row shows: that of the first parameter of each layer, and of what has none.
    pub layer: Option<String>,
}

impl HealthRow {
    /// What the row is called.
    pub fn name(&self) -> &str {
        self.parameter.as_deref().or(self.layer.as_deref()).unwrap_or_default()
    }
}

impl Health {
    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.parameters.is_empty() && self.layers.is_empty()
    }

    /// The histograms under a tag, `weights/conv1.weight`.
    pub fn film(&self, kind: &str, name: &str) -> Option<&Film> {
        self.films.get(&tags::of_layer(kind, name))
    }

    /// Takes note that there are numbers under a tag.
    pub(super) fn note(&mut self, tag: &str) {
        match tag.split_once('/') {
            Some((tags::NORM | tags::GRAD_NORM | tags::UPDATE_RATIO | tags::WEIGHTS | tags::GRADS, name)) => {
                self.parameters.insert(name.to_owned());
            }
            Some((tags::ZEROS | tags::ACTIVATIONS, name)) => {
                self.layers.insert(name.to_owned());
            }
            _ => {}
        }
    }

    /// Takes over a histogram; those of other programs are left alone.
    pub(super) fn set(&mut self, step: i64, tag: &str, histogram: Histogram) {
        if let Some((tags::WEIGHTS | tags::GRADS | tags::ACTIVATIONS, _)) = tag.split_once('/') {
            self.note(tag);
            self.films.entry(tag.to_owned()).or_default().push(step, histogram);
        }
    }

    /// Drops the histograms from that step on.
    pub(super) fn void_from(&mut self, step: i64) {
        self.films.values_mut().for_each(|film| film.void_from(step));
    }

    /// The rows of the table, from the input to the output; what the network does not name comes last.
    pub fn rows(&self, model: &Model) -> Vec<HealthRow> {
        let mut rows = Vec::new();
        let mut left = self.parameters.clone();
        let mut layers = self.layers.clone();
        for layer in model.network().map_or(&[][..], |network| &network.layers) {
            let mut activations = layers.take(&layer.name);
            for parameter in layer.parameters.iter().filter(|parameter| left.remove(&parameter.name)) {
                rows.push(HealthRow { parameter: Some(parameter.name.clone()), layer: activations.take() });
            }
            rows.extend(activations.map(|name| HealthRow { parameter: None, layer: Some(name) }));
        }
        rows.extend(left.into_iter().map(|name| HealthRow { parameter: Some(name), layer: None }));
        rows.extend(layers.into_iter().map(|name| HealthRow { parameter: None, layer: Some(name) }));
        rows
    }
}

impl App {
    /// The selected row of the table of layers; the first until one was selected.
    pub fn health_row(&self) -> usize {
        self.health_selected.min(self.model.health.rows(&self.model).len().saturating_sub(1))
    }

    /// Selects the row above or below; beyond the ends an arrow goes to the next panel.
    pub(super) fn select_health(&mut self, direction: Direction) {
        let rows = self.model.health.rows(&self.model).len();
        let row = self.health_row();
        match direction {
            Direction::Up if row > 0 => self.health_selected = row - 1,
            Direction::Down if row + 1 < rows => self.health_selected = row + 1,
            _ if self.zoomed => {}
            _ => self.go(direction),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(min: f64, max: f64, counts: &[f64]) -> Histogram {
        let width = (max - min) / counts.len() as f64;
        let limits = (1..=counts.len()).map(|i| min + i as f64 * width).collect();
        let count = counts.iter().sum();
        Histogram { min, max, count, sum: 0.0, sum_squares: 0.0, limits, counts: counts.to_vec() }
    }

    #[test]
    fn films_are_bounded_and_keep_both_ends_evenly() {
        let mut film = Film::default();
        for step in 0..10_000 {
            film.push(step, histogram(0.0, 1.0, &[1.0]));
            assert!(film.frames.len() <= FRAMES);
        }
        let steps: Vec<i64> = film.frames.iter().map(|(step, _)| *step).collect();
        assert_eq!((steps[0], steps[FRAMES - 1]), (0, 9_999));
        let gaps = steps.windows(2).map(|pair| pair[1] - pair[0]);
        assert!(gaps.clone().max().unwrap() <= 4 * 10_000 / FRAMES as i64, "{steps:?}");
        film.push(100, histogram(0.0, 1.0, &[1.0]));
        assert!(film.frames.iter().all(|(step, _)| *step <= 100), "what is computed again replaces what was");
    }

    #[test]
    fn ridges_share_a_range_and_each_is_as_high_as_the_others() {
        let mut film = Film::default();
        assert_eq!(film.ridges(3, 4), None);
        film.push(1, histogram(0.0, 2.0, &[1.0, 3.0]));
        film.push(2, histogram(f64::NAN, f64::NAN, &[]));
        film.push(3, histogram(2.0, 4.0, &[8.0, 4.0]));
        let (range, ridges) = film.ridges(2, 4).unwrap();
        assert_eq!(range, (0.0, 4.0));
        assert_eq!(ridges[0], Ridge { step: 1, heights: vec![1.0 / 3.0, 1.0, 0.0, 0.0] });
        assert_eq!(ridges[1], Ridge { step: 3, heights: vec![0.0, 0.0, 1.0, 0.5] });
        let (_, all) = film.ridges(9, 4).unwrap();
        assert_eq!(all.iter().map(|ridge| ridge.step).collect::<Vec<_>>(), [1, 2, 3]);
        assert!(all[1].heights.iter().all(|height| *height == 0.0));
        assert_eq!(film.ridges(1, 4).unwrap().1[0].step, 3, "the newest is never left out");
    }

    #[test]
    fn a_single_value_has_a_bar() {
        let bars = bars(&Histogram { limits: vec![f64::MAX], ..histogram(0.5, 0.5, &[7.0]) }, 5);
        assert_eq!(bars, [0.0, 0.0, 1.0, 0.0, 0.0]);
        assert!(super::bars(&histogram(f64::NAN, 1.0, &[1.0]), 5).is_empty());
    }
}
