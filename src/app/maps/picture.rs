//! The maps that are looked at, with what can be said of them. Made when they arrive, not when they are drawn.

use ndarray::{Array3, ArrayView2, Axis};

use super::{MapOrder, MapSet};
use crate::recipe::{Activation, LayerKind, Network};

/// Where in a layer one looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Stage {
    /// After the activation: what the next layer sees.
    #[default]
    After,
    /// Before it.
    Before,
}

impl Stage {
    #[must_use]
    pub(in crate::app) fn other(self) -> Self {
        match self {
            Self::After => Self::Before,
            Self::Before => Self::After,
        }
    }
}

/// What can be said of one channel. What is not finite counts for nothing but `missing`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Channel {
    /// The smallest value; 0 without values.
    pub min: f32,
    /// The largest value; 0 without values.
    pub max: f32,
    /// The mean.
    pub mean: f32,
    /// The standard deviation over the map.
    pub deviation: f32,
    /// Share of exact zeros.
    pub zeros: f32,
    /// How many values are not finite.
    pub missing: usize,
}

impl Channel {
    /// Of the values of a map.
    pub fn of(map: ArrayView2<'_, f32>) -> Self {
        let finite = || map.iter().copied().filter(|value| value.is_finite());
        let count = finite().count();
        if count == 0 {
            return Self { missing: map.len(), ..Self::default() };
        }
        let share = |sum: f64| (sum / count as f64) as f32;
        let mean = finite().map(f64::from).sum::<f64>() / count as f64;
        let variance = finite().map(|value| (f64::from(value) - mean).powi(2)).sum::<f64>();
        Self {
            min: finite().fold(f32::INFINITY, f32::min),
            max: finite().fold(f32::NEG_INFINITY, f32::max),
            mean: mean as f32,
            deviation: share(variance).sqrt(),
            zeros: share(finite().filter(|value| *value == 0.0).count() as f64),
            missing: map.len() - count,
        }
    }

    /// Whether it is zero everywhere.
    pub fn is_zero(&self) -> bool {
        self.min == 0.0 && self.max == 0.0 && self.missing == 0
    }

    /// The largest magnitude.
    pub fn extent(&self) -> f32 {
        self.min.abs().max(self.max.abs())
    }
}

/// Bars of [`Picture::histogram`].
pub const BARS: usize = 28;

/// The maps of a layer for a probe, before or after the activation.
#[derive(Debug, Clone)]
pub struct Picture {
    /// Name of the layer.
    pub layer: String,
    /// Name of the probe.
    pub probe: String,
    /// Before or after the activation.
    pub stage: Stage,
    /// Step after which it was taken.
    pub step: i64,
    /// What follows the layer's map.
    pub activation: Activation,
    /// Shape (channels, height, width).
    pub values: Array3<f32>,
    /// One a channel.
    pub channels: Vec<Channel>,
    /// The channels in the order in which they are shown.
    pub order: Vec<usize>,
    /// Smallest and largest value of all channels.
    pub range: (f32, f32),
    /// Whether values of both signs are to be expected.
    pub signed: bool,
    /// How many values of all channels lie in each part of `range`, exact zeros left out.
    pub histogram: [u32; BARS],
    arrival: u64,
}

impl Picture {
    /// Of a set that arrived. `picture` are rows and columns of the network's input, if it is a picture: a layer that puts
    /// out as many numbers in a row, or as many for each channel of the input, is shown as one.
    pub(in crate::app) fn new(
        (layer, probe, stage): (&str, &str, Stage),
        set: &MapSet,
        network: Option<&Network>,
        picture: Option<[usize; 2]>,
    ) -> Self {
        let activation = activation(network, layer);
        let mut values = set.before.clone();
        if let Some([height, width]) = picture
            && let (numbers, 1, 1) = values.dim()
            && let Some(channels) =
                numbers.checked_div(height * width).filter(|count| count * height * width == numbers)
            && channels == network.map_or(1, |network| network.input_shape[0])
            && let Ok(whole) = values.clone().into_shape_with_order((channels, height, width))
        {
            values = whole;
        }
        if stage == Stage::After && activation != Activation::Linear {
            values.mapv_inplace(|x| activation.of(x));
        }
        let channels: Vec<Channel> = values.axis_iter(Axis(0)).map(Channel::of).collect();
        let range = (
            channels.iter().map(|channel| channel.min).fold(f32::INFINITY, f32::min),
            channels.iter().map(|channel| channel.max).fold(f32::NEG_INFINITY, f32::max),
        );
        let range = if range.0 <= range.1 { range } else { (0.0, 0.0) };
        let signed = network.map_or(range.0 < 0.0, |network| is_signed(network, layer, stage));
        let histogram = histogram(&values, range);
        Self {
            layer: layer.to_owned(),
            probe: probe.to_owned(),
            stage,
            step: set.step,
            activation,
            order: (0..channels.len()).collect(),
            channels,
            values,
            range,
            signed,
            histogram,
            arrival: set.arrival,
        }
    }

    /// Whether it would be the same if it were made anew.
    pub(in crate::app) fn is_of(
        &self,
        (layer, probe, stage): (&str, &str, Stage),
        set: &MapSet,
        network: Option<&Network>,
    ) -> bool {
        (self.layer.as_str(), self.probe.as_str(), self.stage, self.arrival) == (layer, probe, stage, set.arrival)
            && self.activation == activation(network, layer)
    }

    /// Sorts the channels, the largest first. Those that are equal keep the order of their numbers.
    pub(super) fn sort(&mut self, order: MapOrder) {
        self.order.sort_unstable();
        let key = |channel: &Channel| match order {
            MapOrder::Index => 0.0,
            MapOrder::Maximum => channel.max,
            MapOrder::Variance => channel.deviation,
        };
        self.order.sort_by(|a, b| key(&self.channels[*b]).total_cmp(&key(&self.channels[*a])));
    }

    /// The map of a channel, shape (height, width).
    pub fn map(&self, channel: usize) -> Option<ArrayView2<'_, f32>> {
        (channel < self.channels.len()).then(|| self.values.index_axis(Axis(0), channel))
    }

    /// Whether a channel puts out nothing but zeros after the activation.
    pub fn is_silent(&self, channel: usize) -> bool {
        let Some(channel) = self.channels.get(channel) else { return false };
        let closed = self.stage == Stage::Before && self.activation == Activation::Relu && channel.max <= 0.0;
        (closed && channel.missing == 0) || (self.stage == Stage::After && channel.is_zero())
    }

    /// Rows and columns of a map.
    pub fn size(&self) -> [usize; 2] {
        let (_, height, width) = self.values.dim();
        [height, width]
    }
}

/// What follows the layer of that name; nothing where it is not known.
fn activation(network: Option<&Network>, layer: &str) -> Activation {
    let layer = network.and_then(|network| network.layers.get(network.position(layer)?));
    layer.map_or(Activation::Linear, |layer| layer.activation)
}

/// Whether what a layer puts out can have both signs. What has no weights passes on what it is given.
fn is_signed(network: &Network, layer: &str, stage: Stage) -> bool {
    let place = network.position(layer).map_or(0, |at| at + 1);
    let passes =
        |kind| matches!(kind, LayerKind::MaxPool2d | LayerKind::AvgPool2d | LayerKind::Flatten | LayerKind::Dropout);
    match network.layers[..place].iter().rposition(|layer| !passes(layer.kind)) {
        Some(at) if at + 1 == place && stage == Stage::Before => true,
        Some(at) => !matches!(network.layers[at].activation, Activation::Relu | Activation::Sigmoid),
        // Pixels.
        None => false,
    }
}

fn histogram(values: &Array3<f32>, (lo, hi): (f32, f32)) -> [u32; BARS] {
    let mut bars = [0; BARS];
    let per_unit = BARS as f32 / (hi - lo);
    for value in values.iter().filter(|value| value.is_finite() && **value != 0.0) {
        // Saturates at both ends; a range without width is one bar.
        let bar = ((value - lo) * per_unit) as usize;
        bars[bar.min(BARS - 1)] += 1;
    }
    bars
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;
    use crate::recipe::Recipe;

    fn set(before: Array3<f32>) -> MapSet {
        MapSet { step: 3, before, arrival: 1 }
    }

    fn picture(layer: &str, stage: Stage, before: Array3<f32>) -> Picture {
        let network = Recipe::load("cnn", &[]).unwrap().network(&[1, 28, 28]).unwrap();
        Picture::new((layer, "cat", stage), &set(before), Some(&network), Some([28, 28]))
    }

    #[test]
    fn a_channel_is_described_by_its_finite_values() {
        let channel = Channel::of(array![[0.0, 2.0], [f32::NAN, 4.0]].view());
        assert_eq!((channel.min, channel.max, channel.mean, channel.missing), (0.0, 4.0, 2.0, 1));
        assert!((channel.zeros - 1.0 / 3.0).abs() < 1e-6 && (channel.deviation - (8.0_f32 / 3.0).sqrt()).abs() < 1e-6);
        let nothing = Channel::of(Array2::from_elem((2, 2), f32::INFINITY).view());
        assert_eq!(nothing, Channel { missing: 4, ..Channel::default() });
        assert!(!nothing.is_zero() && Channel::of(Array2::zeros((2, 2)).view()).is_zero());
    }

    #[test]
    fn the_activation_is_that_of_the_layer() {
        let before = array![[[-1.0, 2.0]], [[-3.0, -4.0]]];
        let after = picture("conv1", Stage::After, before.clone());
        assert_eq!(after.values, array![[[0.0, 2.0]], [[0.0, 0.0]]]);
        assert_eq!((after.range, after.signed), ((0.0, 2.0), false));
        assert_eq!([0, 1].map(|channel| after.is_silent(channel)), [false, true]);
        let raw = picture("conv1", Stage::Before, before.clone());
        assert_eq!((&raw.values, raw.range, raw.signed), (&before, (-4.0, 2.0), true));
        assert_eq!([0, 1].map(|channel| raw.is_silent(channel)), [false, true], "what the next layer sees is the same");
    }

    #[test]
    fn a_pool_has_the_sign_of_what_it_is_given() {
        let values = array![[[1.0]]];
        assert!(!picture("pool1", Stage::After, values.clone()).signed);
        assert!(!picture("pool1", Stage::Before, values.clone()).signed);
        assert!(picture("dense2", Stage::After, values.clone()).signed, "a linear layer has both");
        let unknown = Picture::new(("conv1", "cat", Stage::After), &set(values), None, None);
        assert_eq!((unknown.signed, unknown.activation), (false, Activation::Linear));
    }

    #[test]
    fn not_a_number_survives_the_activation() {
        let odd = picture("conv1", Stage::After, array![[[f32::NAN, 1.0]]]);
        assert_eq!((odd.channels[0].missing, odd.range), (1, (1.0, 1.0)));
    }

    #[test]
    fn order_is_stable() {
        let before = array![[[1.0, 1.0]], [[3.0, 3.0]], [[1.0, 0.0]], [[3.0, 0.0]]];
        let mut sorted = picture("conv1", Stage::After, before);
        sorted.sort(MapOrder::Maximum);
        assert_eq!(sorted.order, [1, 3, 0, 2]);
        sorted.sort(MapOrder::Variance);
        assert_eq!(sorted.order, [3, 2, 0, 1]);
        sorted.sort(MapOrder::Index);
        assert_eq!(sorted.order, [0, 1, 2, 3]);
    }

    #[test]
    fn the_histogram_counts_all_but_zeros() {
        let counted = picture("conv1", Stage::Before, array![[[-1.0, 0.0, 1.0, f32::NAN, 1.0]]]);
        assert_eq!((counted.histogram[0], counted.histogram[BARS - 1]), (1, 2));
        assert_eq!(counted.histogram.iter().sum::<u32>(), 3);
        let flat = picture("conv1", Stage::Before, array![[[2.0, 2.0]]]);
        assert_eq!(flat.histogram.iter().sum::<u32>(), 2);
    }

    #[test]
    fn a_row_of_as_many_numbers_as_the_input_has_pixels_is_a_picture() {
        let row = Array3::from_shape_fn((784, 1, 1), |(n, ..)| n as f32);
        let whole = picture("dense1", Stage::Before, row);
        assert_eq!((whole.size(), whole.values[(0, 1, 0)]), ([28, 28], 28.0));
    }
}
