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
