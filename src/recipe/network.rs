//! A network with every shape known, as `run.json` keeps it.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::spec::{Activation, LayerKind};

/// A network with every shape known. Stored in `run.json`, so that the viewer can draw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// Shape of one input, without the batch: (features) or (channels, height, width).
    pub input_shape: Vec<usize>,
    /// From the input to the output.
    pub layers: Vec<Layer>,
}

/// One layer of a [`Network`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// Its kind's prefix and its number among those of that prefix, from 1: `dense1`, `conv2`.
    pub name: String,
    /// What it does.
    pub kind: LayerKind,
    /// What follows the layer's affine map.
    pub activation: Activation,
    /// Shape of one output, without the batch: (units) or (channels, height, width).
    pub output_shape: Vec<usize>,
    /// In the order in which they are initialised: weight, bias.
    pub parameters: Vec<Parameter>,
    /// The window of a convolution or a pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
}

/// What a convolution or a pool moves over its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Rows and columns.
    pub size: usize,
    /// Pixels from one place to the next, down and across.
    pub stride: usize,
    /// Pixels added above and below, and left and right of the input.
    pub pad: [[usize; 2]; 2],
}

/// One tensor that training changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    /// `dense1.weight`
    pub name: String,
    /// As `PyTorch` shapes it: a dense weight is (out, in), that of a convolution (out, in, rows, columns).
    pub shape: Vec<usize>,
    /// Inputs that one output of the layer sums over; the same for weight and bias, as `PyTorch` has it.
    pub fan_in: usize,
    /// Outputs that one input of the layer reaches.
    pub fan_out: usize,
    /// What it does, which decides how it starts.
    #[serde(default)]
    pub role: ParameterRole,
}

/// What a parameter does in its layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ParameterRole {
    /// Multiplies inputs.
    #[default]
    Weight,
    /// Is added to outputs.
    Bias,
    /// Multiplies what batch normalisation has normalised; starts at 1.
    Scale,
    /// Is added after that; starts at 0.
    Shift,
}

/// A part of the input picture, in pixels. It may reach beyond the picture's edge where there is padding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// From the top.
    pub rows: Range<isize>,
    /// From the left.
    pub columns: Range<isize>,
}

impl Parameter {
    /// Numbers in the tensor; saturates on shapes that no tensor can have.
    pub fn count(&self) -> usize {
        product(&self.shape)
    }
}

impl Layer {
    /// Numbers in all of the layer's tensors.
    pub fn parameter_count(&self) -> usize {
        self.parameters.iter().fold(0, |count, parameter| count.saturating_add(parameter.count()))
    }

    /// Multiplications with a weight (and additions to a sum) that one sample takes: every weight once for each place
    /// of the window. What has no weights counts as nothing, as in torchinfo.
    pub fn multiply_adds(&self) -> usize {
        let places = product(self.output_shape.get(1..).unwrap_or_default());
        let weights = self.parameters.iter().filter(|parameter| parameter.role == ParameterRole::Weight);
        weights.fold(0, |count, weight| count.saturating_add(weight.count().saturating_mul(places)))
    }

    /// Units of a dense layer, channels of any other.
    pub fn channels(&self) -> usize {
        self.output_shape.first().copied().unwrap_or(0)
    }

    /// Rows and columns of one channel; 1 by 1 where outputs are a row of numbers.
    pub fn map_size(&self) -> [usize; 2] {
        match self.output_shape[..] {
            [_, height, width] => [height, width],
            _ => [1, 1],
        }
    }

    /// Whether there is something to see in its output that its input does not show.
    pub fn is_pictured(&self) -> bool {
        !matches!(self.kind, LayerKind::Flatten | LayerKind::Dropout)
    }
}

impl Network {
    /// The first layer that would have to take the variance of a single number in one of the batches of `batch` samples
    /// that so many samples come in: batch normalisation of numbers that are no maps, where a batch has one sample.
    pub fn starved(&self, samples: usize, batch: usize) -> Option<&Layer> {
        let smallest = match samples % batch.max(1) {
            0 => batch.min(samples),
            left => left,
        };
        let of_one = |layer: &&Layer| layer.kind == LayerKind::BatchNorm && layer.map_size() == [1, 1];
        self.layers.iter().find(of_one).filter(|_| smallest <= 1)
    }

    /// Numbers in all tensors of the network.
    pub fn parameter_count(&self) -> usize {
        self.layers.iter().fold(0, |count, layer| count.saturating_add(layer.parameter_count()))
    }

    /// Multiply-adds of one sample through all layers.
    pub fn multiply_adds(&self) -> usize {
        self.layers.iter().fold(0, |count, layer| count.saturating_add(layer.multiply_adds()))
    }

    /// Shape of one output of the last layer, without the batch.
    pub fn output_shape(&self) -> &[usize] {
        self.layers.last().map_or(&self.input_shape, |layer| &layer.output_shape)
    }

    /// Place of the layer of that name.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.layers.iter().position(|layer| layer.name == name)
    }

    /// Rows and columns of the input if it is a picture: (channels, height, width).
    pub fn picture_size(&self) -> Option<[usize; 2]> {
        match self.input_shape[..] {
            [_, height, width] => Some([height, width]),
            _ => None,
        }
    }

    /// Place of the code of an autoencoder: the narrowest dense layer, if the network puts out as many numbers as it
    /// takes in and that layer has fewer.
    pub fn code(&self) -> Option<usize> {
        let whole = product(&self.input_shape);
        let dense = |layer: &Layer| layer.kind == LayerKind::Dense;
        let narrowest = |(place, layer): (usize, &Layer)| (dense(layer)).then(|| (layer.channels(), place));
        let (width, place) = self.layers.iter().enumerate().filter_map(narrowest).min()?;
        (product(self.output_shape()) == whole && width < whole).then_some(place)
    }

    /// The pixels of the input picture that can change the value at `row` and `column` of the output of the layer at
    /// `place`; none where that is not a picture or not made of windows alone.
    pub fn receptive_field(&self, place: usize, row: usize, column: usize) -> Option<Span> {
        let until = self.layers.get(..=place)?;
        self.picture_size()?;
        if until.iter().any(|layer| matches!(layer.kind, LayerKind::Dense | LayerKind::Flatten)) {
            return None;
        }
        let mut span = Span { rows: point(row), columns: point(column) };
        for window in until.iter().rev().filter_map(|layer| layer.window) {
            let before = |range: &Range<isize>, pad: usize| {
                let start = range.start * window.stride as isize - pad as isize;
                start..(range.end - 1) * window.stride as isize - pad as isize + window.size as isize
            };
            span =
                Span { rows: before(&span.rows, window.pad[0][0]), columns: before(&span.columns, window.pad[1][0]) };
        }
        Some(span)
    }
}

fn point(at: usize) -> Range<isize> {
    at as isize..at as isize + 1
}

fn product(shape: &[usize]) -> usize {
    shape.iter().fold(1, |count, size| count.saturating_mul(*size))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::infer::infer;
    use crate::recipe::{LayerSpec, Recipe};

    fn dense(units: usize, activation: Activation) -> LayerSpec {
        LayerSpec::Dense { units, activation }
    }

    #[test]
    fn shapes_and_names_are_those_of_pytorch() {
        let layers = [dense(20, Activation::Relu), dense(1, Activation::Sigmoid)];
        let Ok(network) = infer(&layers, &[2]) else { panic!("two dense layers fit") };
        let parameters: Vec<_> = network.layers.iter().flat_map(|layer| &layer.parameters).collect();
        let seen: Vec<_> =
            parameters.iter().map(|p| (p.name.as_str(), p.shape.as_slice(), p.fan_in, p.fan_out)).collect();
        let expected: [(&str, &[usize], usize, usize); 4] = [
            ("dense1.weight", &[20, 2], 2, 20),
            ("dense1.bias", &[20], 2, 20),
            ("dense2.weight", &[1, 20], 20, 1),
            ("dense2.bias", &[1], 20, 1),
        ];
        assert_eq!(seen, expected);
        assert_eq!(network.layers[0].parameter_count(), 60);
        assert_eq!(network.layers[1].parameter_count(), 21);
        assert_eq!(network.parameter_count(), 81);
        assert_eq!(network.output_shape(), [1]);
    }

    #[test]
    fn a_picture_does_not_fit_a_dense_layer() {
        let recipe = Recipe::load("moons", &[]).unwrap();
        let error = recipe.network(&[28, 28]).unwrap_err();
        assert_eq!(error.key(), Some("model.layers.0"));
        assert!(error.to_string().contains("the input of shape [28, 28] reaches it"), "{error}");
    }

    #[test]
    fn counts_of_a_damaged_file_saturate() {
        let json = r#"{"input_shape":[2],"layers":[{"name":"a","kind":"dense","activation":"relu","output_shape":[1],
            "parameters":[{"name":"w","shape":[18446744073709551615,3],"fan_in":1,"fan_out":1},
                          {"name":"b","shape":[5],"fan_in":1,"fan_out":1}]}]}"#;
        let network: Network = serde_json::from_str(json).unwrap();
        assert_eq!(network.parameter_count(), usize::MAX);
    }

    #[test]
    fn json_round_trip() {
        let network = Recipe::load("moons", &[]).unwrap().network(&[2]).unwrap();
        let json = serde_json::to_string(&network).unwrap();
        assert_eq!(serde_json::from_str::<Network>(&json).unwrap(), network);
    }

    #[test]
    fn batches_of_one_starve_a_normalisation_of_rows_alone() {
        let norm = "{ kind = \"batch_norm\" }";
        let sets = [("model.layers.0".to_owned(), norm.to_owned())];
        let of_rows = Recipe::load("moons", &sets).unwrap().network(&[2]).unwrap();
        let starved = |samples, batch| of_rows.starved(samples, batch).map(|layer| layer.name.clone());
        for (samples, batch) in [(9, 4), (1, 4), (5, 1), (33, 32)] {
            assert_eq!(starved(samples, batch).as_deref(), Some("norm1"), "{samples} in batches of {batch}");
        }
        for (samples, batch) in [(10, 4), (8, 4), (3, 4)] {
            assert_eq!(starved(samples, batch), None, "{samples} in batches of {batch}");
        }
        let without = Recipe::load("moons", &[]).unwrap().network(&[2]).unwrap();
        assert_eq!(without.starved(9, 4), None);
    }
}
