//! Shape inference: a recipe's layers and the shape of one input give every layer's output and parameters.

use serde::{Deserialize, Serialize};

use super::error::{Place, RecipeError};
use super::spec::{Activation, LayerSpec, Recipe};

/// More parameters than this are refused: 4 GiB of float32, and as much again for their gradients.
const MOST_PARAMETERS: usize = 1 << 30;

/// A network with every shape known. Stored in `run.json`, so that the viewer can draw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// Shape of one input, without the batch.
    pub input_shape: Vec<usize>,
    /// From the input to the output.
    pub layers: Vec<Layer>,
}

/// One layer of a [`Network`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// Kind and number among its kind, from 1: `dense1`.
    pub name: String,
    /// As the recipe spells it: `dense`.
    pub kind: String,
    /// What follows the layer's affine map.
    pub activation: Activation,
    /// Shape of one output, without the batch.
    pub output_shape: Vec<usize>,
    /// In the order in which they are initialised: weight, bias.
    pub parameters: Vec<Parameter>,
}

/// One tensor that training changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    /// `dense1.weight`
    pub name: String,
    /// As `PyTorch` shapes it: a dense weight is (out, in).
    pub shape: Vec<usize>,
    /// Inputs that one output of the layer sums over; the same for weight and bias, as `PyTorch` has it.
    pub fan_in: usize,
    /// Outputs that one input of the layer reaches.
    pub fan_out: usize,
}

impl Parameter {
    /// Numbers in the tensor; saturates on shapes that no tensor can have.
    pub fn count(&self) -> usize {
        self.shape.iter().fold(1, |count, size| count.saturating_mul(*size))
    }
}

impl Layer {
    /// Numbers in all of the layer's tensors.
    pub fn parameter_count(&self) -> usize {
        self.parameters.iter().fold(0, |count, parameter| count.saturating_add(parameter.count()))
    }
}

impl Network {
    /// Numbers in all tensors of the network.
    pub fn parameter_count(&self) -> usize {
        self.layers.iter().fold(0, |count, layer| count.saturating_add(layer.parameter_count()))
    }

    /// Shape of one output of the last layer, without the batch.
    pub fn output_shape(&self) -> &[usize] {
        self.layers.last().map_or(&self.input_shape, |layer| &layer.output_shape)
    }
}

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
    /// A sentence that starts after the layer's name.
    pub(super) problem: String,
}

impl Misfit {
    pub(super) fn error(&self, place: &Place) -> RecipeError {
        let key = format!("model.layers.{}", self.layer);
        RecipeError::new(place, format!("`{key}` {}", self.problem)).of_key(key)
    }
}

/// Shapes, names and parameters of `layers` behind an input of `input_shape`.
pub(super) fn infer(layers: &[LayerSpec], input_shape: &[usize]) -> Result<Network, Misfit> {
    let mut network = Network { input_shape: input_shape.to_vec(), layers: Vec::with_capacity(layers.len()) };
    for (index, spec) in layers.iter().enumerate() {
        let misfit = |problem: String| Misfit { layer: index, problem };
        let kind = spec.kind();
        let number = 1 + layers[..index].iter().filter(|earlier| earlier.kind() == kind).count();
        let name = format!("{kind}{number}");
        let layer = match spec {
            LayerSpec::Dense { units, activation } => {
                let &[fan_in] = network.output_shape() else {
                    return Err(misfit(format!(
                        "is `dense` and takes one row of numbers, but inputs of shape {:?} reach it",
                        network.output_shape()
                    )));
                };
                let parameter = |suffix: &str, shape: Vec<usize>| Parameter {
                    name: format!("{name}.{suffix}"),
                    shape,
                    fan_in,
                    fan_out: *units,
                };
                Layer {
                    kind: kind.to_owned(),
                    activation: *activation,
                    output_shape: vec![*units],
                    parameters: vec![parameter("weight", vec![*units, fan_in]), parameter("bias", vec![*units])],
                    name,
                }
            }
        };
        network.layers.push(layer);
        if network.parameter_count() > MOST_PARAMETERS {
            return Err(misfit(format!(
                "brings the network to {} parameters, more than the {MOST_PARAMETERS} allowed",
                network.parameter_count()
            )));
        }
    }
    Ok(network)
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert!(error.to_string().contains("inputs of shape [28, 28] reach it"), "{error}");
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
}
