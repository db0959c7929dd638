//! Shape inference: a recipe's layers and the shape of one input give every layer's output and parameters.

use super::error::{Place, Problem, RecipeError};
use super::network::{Layer, Network, Parameter, ParameterRole, Window};
use super::spec::{LayerSpec, Padding, Recipe};

/// More parameters than this are refused: 4 GiB of float32, and as much again for their gradients.
const MOST_PARAMETERS: usize = 1 << 30;
/// So are more outputs of one sample in one layer: 1 GiB of float32.
const MOST_OUTPUTS: usize = 1 << 28;

impl Recipe {
    /// The network for inputs of `input_shape` (one sample, without the batch).
    ///
    /// Fails when a layer cannot take the shape that reaches it; [`Recipe::parse`] has checked this for the recipe's own data.
    pub fn network(&self, input_shape: &[usize]) -> Result<Network, RecipeError> {
        infer(&self.model.layers, input_shape).map_err(|misfit| misfit.error(&Place::Whole).of_source(&self.name))
    }
}

/// A layer that does not fit.
pub(super) struct Misfit {
    /// Its place among the layers, from 0.
    pub(super) layer: usize,
    /// The key of the layer that decides it.
    pub(super) key: &'static str,
    /// A sentence that starts after the layer's place.
    pub(super) problem: String,
}

impl Misfit {
    pub(super) fn error(&self, place: &Place) -> Problem {
        let key = format!("model.layers.{}", self.layer);
        Problem::new(place, format!("`{key}` {}", self.problem)).of_key(key)
    }
}

/// Shapes, names and parameters of `layers` behind an input of `input_shape`.
pub(super) fn infer(layers: &[LayerSpec], input_shape: &[usize]) -> Result<Network, Misfit> {
    let mut network = Network { input_shape: input_shape.to_vec(), layers: Vec::with_capacity(layers.len()) };
    for (index, spec) in layers.iter().enumerate() {
        let prefix = spec.kind().prefix();
        let number = 1 + layers[..index].iter().filter(|earlier| earlier.kind().prefix() == prefix).count();
        let before = index.checked_sub(1).map(|last| &network.layers[last]);
        let reached = Reached { spec, shape: network.output_shape(), before };
        let misfit = |(key, problem)| Misfit { layer: index, key, problem };
        let layer = reached.layer(&format!("{prefix}{number}")).map_err(misfit)?;
        network.layers.push(layer);
        let (parameters, outputs) = (network.parameter_count(), size(network.output_shape()));
        if parameters > MOST_PARAMETERS {
            let problem =
                format!("brings the network to {parameters} parameters, more than the {MOST_PARAMETERS} allowed");
            return Err(misfit((width_key(spec), problem)));
        }
        if outputs > MOST_OUTPUTS {
            let problem = format!("puts out {outputs} numbers a sample, more than the {MOST_OUTPUTS} allowed");
            return Err(misfit((width_key(spec), problem)));
        }
    }
    Ok(network)
}

/// What decides how much a layer puts out.
fn width_key(spec: &LayerSpec) -> &'static str {
    match spec {
        LayerSpec::Dense { .. } => "units",
        LayerSpec::Conv2d { .. } => "filters",
        _ => "kind",
    }
}

/// A layer's key and what is wrong with it.
type Fault = (&'static str, String);

/// A layer of the recipe and the shape that reaches it.
struct Reached<'a> {
    spec: &'a LayerSpec,
    shape: &'a [usize],
    before: Option<&'a Layer>,
}

impl Reached<'_> {
    fn layer(&self, name: &str) -> Result<Layer, Fault> {
        let of = |output_shape: Vec<usize>, parameters: Vec<Parameter>, window: Option<Window>| Layer {
            name: name.to_owned(),
            kind: self.spec.kind(),
            activation: self.spec.activation(),
            output_shape,
            parameters,
            window,
        };
        Ok(match *self.spec {
            LayerSpec::Dense { units, .. } => {
                let fan_in = self.row()?;
                of(vec![units], affine(name, vec![units, fan_in], [fan_in, units]), None)
            }
            LayerSpec::Conv2d { filters, kernel, stride, padding, .. } => {
                let [channels, height, width] = self.picture()?;
                let (window, [rows, columns]) = self.window("kernel", kernel, stride, padding, [height, width])?;
                let fans = [channels * kernel * kernel, filters * kernel * kernel];
                let parameters = affine(name, vec![filters, channels, kernel, kernel], fans);
                of(vec![filters, rows, columns], parameters, Some(window))
            }
            LayerSpec::MaxPool2d { size, stride, padding } | LayerSpec::AvgPool2d { size, stride, padding } => {
                let [channels, height, width] = self.picture()?;
                let (window, [rows, columns]) = self.window("size", size, stride, padding, [height, width])?;
                of(vec![channels, rows, columns], Vec::new(), Some(window))
            }
            LayerSpec::Flatten => of(vec![size(self.shape)], Vec::new(), None),
            LayerSpec::Dropout { .. } => of(self.shape.to_vec(), Vec::new(), None),
            LayerSpec::BatchNorm { .. } => {
                let channels = self.shape.first().copied().unwrap_or(0);
                let parameter = |suffix: &str, role| Parameter {
                    name: format!("{name}.{suffix}"),
                    shape: vec![channels],
                    fan_in: 1,
                    fan_out: 1,
                    role,
                };
                let parameters =
                    vec![parameter("weight", ParameterRole::Scale), parameter("bias", ParameterRole::Shift)];
                of(self.shape.to_vec(), parameters, None)
            }
        })
    }

    fn row(&self) -> Result<usize, Fault> {
        let &[features] = self.shape else {
            let problem = format!(
                "is `{}` and takes one row of numbers, shape [n], but {} reaches it; put a `flatten` layer before it",
                self.spec.kind(),
                self.what_reaches()
            );
            return Err(("kind", problem));
        };
        Ok(features)
    }

    fn picture(&self) -> Result<[usize; 3], Fault> {
        let &[channels, height, width] = self.shape else {
            let problem = format!(
                "is `{}` and takes pictures, shape [channels, height, width], but {} reaches it",
                self.spec.kind(),
                self.what_reaches()
            );
            return Err(("kind", problem));
        };
        Ok([channels, height, width])
    }

    /// The window and the rows and columns it puts out.
    fn window(
        &self,
        key: &'static str,
        size: usize,
        stride: usize,
        padding: Padding,
        [height, width]: [usize; 2],
    ) -> Result<(Window, [usize; 2]), Fault> {
        let pad = |length: usize| match padding {
            Padding::Valid => [0, 0],
            Padding::Same => {
                let total = ((length.div_ceil(stride) - 1) * stride + size).saturating_sub(length);
                [total / 2, total - total / 2]
            }
        };
        let window = Window { size, stride, pad: [pad(height), pad(width)] };
        let places = |length: usize, pad: [usize; 2]| Some((length + pad[0] + pad[1]).checked_sub(size)? / stride + 1);
        if let (Some(rows), Some(columns)) = (places(height, window.pad[0]), places(width, window.pad[1])) {
            return Ok((window, [rows, columns]));
        }
        let problem = format!(
            "is `{}` with windows of {size}x{size}, but {} reaches it, which is smaller; make `{key}` smaller or set \
             `padding = \"same\"`",
            self.spec.kind(),
            self.what_reaches()
        );
        Err((key, problem))
    }

    /// "the input, shape [2],", "`conv1`'s output, shape [32, 26, 26],"
    fn what_reaches(&self) -> String {
        let from =
            self.before.map_or_else(|| "the input".to_owned(), |layer| format!("the output of `{}`", layer.name));
        format!("{from} of shape {:?}", self.shape)
    }
}

/// Weight and bias.
fn affine(name: &str, shape: Vec<usize>, [fan_in, fan_out]: [usize; 2]) -> Vec<Parameter> {
    let outputs = shape[0];
    let parameter =
        |suffix: &str, shape, role| Parameter { name: format!("{name}.{suffix}"), shape, fan_in, fan_out, role };
    vec![parameter("weight", shape, ParameterRole::Weight), parameter("bias", vec![outputs], ParameterRole::Bias)]
}

fn size(shape: &[usize]) -> usize {
    shape.iter().fold(1, |count, side| count.saturating_mul(*side))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::{Activation, LayerKind, Span};

    fn conv(filters: usize, kernel: usize, stride: usize, padding: Padding) -> LayerSpec {
        LayerSpec::Conv2d { filters, kernel, stride, padding, activation: Activation::Relu }
    }

    fn network(layers: &[LayerSpec], input: &[usize]) -> Network {
        infer(layers, input).unwrap_or_else(|misfit| panic!("layer {}: {}", misfit.layer, misfit.problem))
    }

    fn problem(layers: &[LayerSpec], input: &[usize]) -> (usize, &'static str, String) {
        let misfit = infer(layers, input).map_or_else(|misfit| misfit, |_| panic!("fits"));
        (misfit.layer, misfit.key, misfit.problem)
    }

    #[test]
    fn the_built_in_cnn_has_the_reference_shapes() {
        let recipe = Recipe::load("cnn", &[]).unwrap();
        let network = recipe.network(&[1, 28, 28]).unwrap();
        let seen: Vec<_> = network
            .layers
            .iter()
            .map(|layer| (layer.name.as_str(), layer.output_shape.as_slice(), layer.parameter_count()))
            .collect();
        let expected: [(&str, &[usize], usize); 8] = [
            ("conv1", &[32, 26, 26], 320),
            ("pool1", &[32, 13, 13], 0),
            ("conv2", &[64, 11, 11], 18_496),
            ("pool2", &[64, 5, 5], 0),
            ("conv3", &[64, 3, 3], 36_928),
            ("flatten1", &[576], 0),
            ("dense1", &[64], 36_928),
            ("dense2", &[10], 650),
        ];
        assert_eq!(seen, expected);
        assert_eq!(seen[..5].iter().map(|(_, _, count)| count).sum::<usize>(), 55_744);
        let weight = &network.layers[2].parameters[0];
        assert_eq!((weight.name.as_str(), &weight.shape[..]), ("conv2.weight", &[64, 32, 3, 3][..]));
        // nn.init.calculate_fan: channels times the window.
        assert_eq!((weight.fan_in, weight.fan_out), (288, 576));
        assert_eq!(network.layers[2].parameters[1].fan_in, 288);
        // A number of conv3 sees 3 + 2 of pool2, twice that and 2 of pool1, and so on: 18 pixels each way.
        assert_eq!(network.receptive_field(4, 0, 2), Some(Span { rows: 0..18, columns: 8..26 }));
        assert_eq!(network.receptive_field(5, 0, 0), None);
    }

    #[test]
    fn same_padding_is_that_of_keras() {
        for (size, stride, length, places, pad) in [
            (3, 1, 28, 28, [1, 1]),
            (2, 2, 28, 14, [0, 0]),
            (2, 2, 13, 7, [0, 1]),
            (3, 2, 28, 14, [0, 1]),
            (5, 3, 7, 3, [2, 2]),
            (2, 1, 5, 5, [0, 1]),
            (1, 4, 9, 3, [0, 0]),
            (255, 1, 1, 1, [127, 127]),
        ] {
            let network = network(&[conv(1, size, stride, Padding::Same)], &[1, length, 28]);
            let layer = &network.layers[0];
            assert_eq!(layer.map_size()[0], places, "{size} {stride} {length}");
            assert_eq!(layer.window.map(|window| window.pad[0]), Some(pad), "{size} {stride} {length}");
        }
    }

    /// floor((length + padding - size) / stride) + 1, as `nn.Conv2d` documents it.
    #[test]
    fn windows_that_fill_no_place_are_dropped() {
        let pool = LayerSpec::MaxPool2d { size: 2, stride: 3, padding: Padding::Valid };
        for (length, places) in [(2, 1), (4, 1), (5, 2), (7, 2), (8, 3)] {
            assert_eq!(network(std::slice::from_ref(&pool), &[3, length, length]).output_shape(), [3, places, places]);
        }
    }

    #[test]
    fn layers_without_weights_and_norms_keep_shapes_and_count_on_their_own() {
        let layers = [
            conv(4, 3, 1, Padding::Valid),
            LayerSpec::BatchNorm { activation: Activation::Relu },
            LayerSpec::AvgPool2d { size: 2, stride: 2, padding: Padding::Valid },
            LayerSpec::Dropout { rate: 0.5 },
            LayerSpec::MaxPool2d { size: 2, stride: 2, padding: Padding::Valid },
            LayerSpec::Flatten,
            LayerSpec::BatchNorm { activation: Activation::Linear },
        ];
        let network = network(&layers, &[1, 12, 10]);
        let seen: Vec<_> = network.layers.iter().map(|layer| (layer.name.as_str(), &layer.output_shape[..])).collect();
        let expected: [(&str, &[usize]); 7] = [
            ("conv1", &[4, 10, 8]),
            ("norm1", &[4, 10, 8]),
            ("pool1", &[4, 5, 4]),
            ("dropout1", &[4, 5, 4]),
            ("pool2", &[4, 2, 2]),
            ("flatten1", &[16]),
            ("norm2", &[16]),
        ];
        assert_eq!(seen, expected);
        let norm = &network.layers[1];
        assert_eq!((norm.kind, norm.activation, norm.parameter_count()), (LayerKind::BatchNorm, Activation::Relu, 8));
        assert_eq!(norm.parameters[0].role, ParameterRole::Scale);
        assert_eq!(network.layers[6].parameter_count(), 32);
    }

    #[test]
    fn misfits_name_layer_key_and_shapes() {
        let dense = |units| LayerSpec::Dense { units, activation: Activation::Linear };
        let (layer, key, text) = problem(&[conv(4, 3, 1, Padding::Valid), dense(2)], &[1, 28, 28]);
        assert_eq!((layer, key), (1, "kind"));
        assert!(text.contains("shape [n], but the output of `conv1` of shape [4, 26, 26] reaches it"), "{text}");
        let (layer, key, text) = problem(&[conv(4, 3, 1, Padding::Valid)], &[2]);
        assert_eq!((layer, key), (0, "kind"));
        assert!(text.contains("takes pictures, shape [channels, height, width], but the input of shape [2]"), "{text}");
        let (layer, key, text) = problem(&[conv(4, 29, 1, Padding::Valid)], &[1, 28, 30]);
        assert_eq!((layer, key), (0, "kernel"));
        assert!(text.contains("windows of 29x29, but the input of shape [1, 28, 30] reaches it"), "{text}");
        assert_eq!(problem(&[dense(1_000_000), dense(1_000_000)], &[2]).1, "units");
        let wide = conv(65_536, 3, 1, Padding::Same);
        let (layer, key, text) = problem(&[wide], &[1, 4_096, 4_096]);
        assert_eq!((layer, key), (0, "filters"));
        assert!(text.contains("numbers a sample, more than the"), "{text}");
    }
}
