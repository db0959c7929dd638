//! The recipe's network as tensors.

mod layer;

use tch::{COptimizer, Device, Kind, TchError, Tensor};
use torchscope::recipe::{self, Activation, LayerSpec, Parameter};

use self::layer::Layer;
use crate::random::{Random, Stream};

/// What a network is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mode {
    /// To learn: layers drop numbers, decided by seed and step, and normalise by the batch, which they remember.
    Training { seed: u64, step: u64 },
    /// To say again what it said at that step while it learnt; changes nothing.
    Replay { seed: u64, step: u64 },
    /// To say what it has learnt; changes nothing.
    Evaluation,
}

/// Layers and their parameters, all of one kind and on one device.
pub(crate) struct Network {
    /// In the order of the description: weight and bias of the first layer, then of the second.
    parameters: Vec<Tensor>,
    /// `conv1.weight`, in the same order.
    names: Vec<String>,
    layers: Vec<Layer>,
    /// Numbers that a sample has where it has most, from the input to the output.
    widest: i64,
    /// Knows the parameters, and never steps: tch has no other way to let go of a gradient. With it a gradient is
    /// neither zeroed nor added to, and `backward` is cheaper than `run_backward`, which looks up every node.
    keeper: COptimizer,
}

/// What a layer puts out for n samples, shape (n, output shape..).
pub(crate) struct LayerOutput {
    /// Its activation's argument.
    pub(crate) before: Tensor,
    /// The same tensor as `before` where the activation is linear.
    pub(crate) after: Tensor,
}

impl Network {
    /// Builds `layers` with the shapes of their `description`. `start` gives the initial values of a parameter by its
    /// place, in row-major order.
    pub(crate) fn new(
        layers: &[LayerSpec],
        description: &recipe::Network,
        mut start: impl FnMut(usize, &recipe::Layer, &Parameter) -> Vec<f64>,
        kind: Kind,
        device: Device,
    ) -> Result<Self, TchError> {
        let mut parameters = Vec::new();
        let mut names = Vec::new();
        let mut built = Vec::with_capacity(layers.len());
        let mut shape = &description.input_shape;
        let mut widest = count(shape);
        for (spec, layer) in layers.iter().zip(&description.layers) {
            built.push(Layer::new(spec, layer, shape, parameters.len(), (kind, device))?);
            for parameter in &layer.parameters {
                let values = Tensor::f_from_slice(&start(parameters.len(), layer, parameter))?;
                let values = values.f_reshape(parameter.shape.iter().map(|side| *side as i64).collect::<Vec<_>>())?;
                names.push(parameter.name.clone());
                parameters.push(values.f_to_kind(kind)?.f_to_device(device)?.f_set_requires_grad(true)?);
            }
            shape = &layer.output_shape;
            widest = widest.max(count(shape));
        }
        let mut keeper = COptimizer::sgd(0.0, 0.0, 0.0, 0.0, false)?;
        for parameter in &parameters {
            keeper.add_parameters(parameter, 0)?;
        }
        Ok(Self { parameters, names, layers: built, widest, keeper })
    }

    /// Every tensor that training changes; each requires a gradient.
    pub(crate) fn parameters(&self) -> &[Tensor] {
        &self.parameters
    }

    /// Their names, as `PyTorch` has them: `conv1.weight`.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// Running statistics and the like, which training changes without a gradient: `norm1.running_mean`.
    pub(crate) fn buffers(&self) -> impl Iterator<Item = (String, &Tensor)> {
        self.layers.iter().flat_map(Layer::buffers)
    }

    /// [`Self::parameters`] for the optimiser.
    pub(crate) fn parameters_mut(&mut self) -> &mut [Tensor] {
        &mut self.parameters
    }

    /// Numbers that a sample has where it has most, from the input to the output.
    pub(crate) fn widest(&self) -> i64 {
        self.widest
    }

    /// Leaves every parameter without a gradient, so that the next `backward` sets it.
    pub(crate) fn forget_gradients(&self) -> Result<(), TchError> {
        self.keeper.zero_grad()
    }

    /// What the last layer computes before its activation, shape (n, outputs..), for `inputs` of shape (n, features..).
    pub(crate) fn logits(&self, inputs: &Tensor, mode: Mode) -> Result<Tensor, TchError> {
        self.seed(mode);
        self.forward(&self.parameters, inputs, mode)
    }

    /// The logits in evaluation mode with `parameters` in place of its own, which stay as they are.
    pub(crate) fn logits_with(&self, parameters: &[Tensor], inputs: &Tensor) -> Result<Tensor, TchError> {
        self.forward(parameters, inputs, Mode::Evaluation)
    }

    fn forward(&self, parameters: &[Tensor], inputs: &Tensor, mode: Mode) -> Result<Tensor, TchError> {
        let mut current: Option<Tensor> = None;
        let last = self.layers.len().saturating_sub(1);
        for (index, layer) in self.layers.iter().enumerate() {
            let before = layer.before(current.as_ref().unwrap_or(inputs), parameters, mode)?;
            current = Some(if index == last { before } else { activate(layer.activation, before)? });
        }
        Ok(current.unwrap_or_else(|| inputs.shallow_clone()))
    }

    /// Prepares the random numbers that layers draw in `mode`.
    fn seed(&self, mode: Mode) {
        if let Mode::Training { seed, step } | Mode::Replay { seed, step } = mode
            && self.layers.iter().any(Layer::is_random)
        {
            // All of libtorch's generators, that of a GPU too; nothing else draws from them.
            tch::manual_seed(Random::new(seed, Stream::Dropout, step).bits() as i64);
        }
    }

    /// What follows the [`Self::logits`].
    pub(crate) fn last_activation(&self) -> Activation {
        self.layers.last().map_or(Activation::Linear, |layer| layer.activation)
    }

    /// What follows each layer's map, from the first to the last.
    pub(crate) fn activations(&self) -> impl Iterator<Item = Activation> {
        self.layers.iter().map(|layer| layer.activation)
    }

    /// What the network says, shape (n, outputs..): probabilities where it ends in a sigmoid, logits where it is trained
    /// with cross-entropy.
    pub(crate) fn outputs(&self, inputs: &Tensor) -> Result<Tensor, TchError> {
        activate(self.last_activation(), self.logits(inputs, Mode::Evaluation)?)
    }

    /// What every layer says, from the first to the last.
    pub(crate) fn trace(&self, inputs: &Tensor) -> Result<Vec<LayerOutput>, TchError> {
        self.trace_first(self.layers.len(), inputs)
    }

    /// What every layer says in `mode`.
    pub(crate) fn trace_in(&self, inputs: &Tensor, mode: Mode) -> Result<Vec<LayerOutput>, TchError> {
        self.seed(mode);
        self.trace_layers(self.layers.len(), inputs, mode)
    }

    /// What the first `count` layers say.
    pub(crate) fn trace_first(&self, count: usize, inputs: &Tensor) -> Result<Vec<LayerOutput>, TchError> {
        self.trace_layers(count, inputs, Mode::Evaluation)
    }

    fn trace_layers(&self, count: usize, inputs: &Tensor, mode: Mode) -> Result<Vec<LayerOutput>, TchError> {
        let mut outputs: Vec<LayerOutput> = Vec::with_capacity(count);
        for layer in self.layers.iter().take(count) {
            let reached = outputs.last().map_or(inputs, |output| &output.after);
            let before = layer.before(reached, &self.parameters, mode)?;
            let after = activate(layer.activation, before.shallow_clone())?;
            outputs.push(LayerOutput { before, after });
        }
        Ok(outputs)
    }
}

/// `activation` of every element.
pub(crate) fn activate(activation: Activation, affine: Tensor) -> Result<Tensor, TchError> {
    match activation {
        Activation::Linear => Ok(affine),
        Activation::Relu => affine.f_relu(),
        Activation::Tanh => affine.f_tanh(),
        Activation::Sigmoid => affine.f_sigmoid(),
        Activation::Gelu => affine.f_gelu("none"),
        // libtorch's own slope is 0.01.
        Activation::LeakyRelu => affine.f_leaky_relu(),
    }
}

/// Threads worth having for batches of `batch` samples: all `cores` but one where there is enough to do for each.
///
/// A second thread pays from about 1 ms an operation; below that, waking it costs more than it does. One core does some
/// 2^24 multiplications and additions in that time. Whoever finishes first waits for the others at full speed: where
/// something else needs one of the cores (the recorder and the viewer do), two threads on two cores took 3 to 20 times as
/// long for a step of 30 ms as one did, for a quarter less at the best of times.
pub(crate) fn threads(description: &recipe::Network, batch: usize, cores: usize) -> i32 {
    const ENOUGH: usize = 1 << 24;
    let hardest = description.layers.iter().map(recipe::Layer::multiply_adds).max().unwrap_or(0);
    if hardest.saturating_mul(batch) < ENOUGH { 1 } else { cores.saturating_sub(1).max(1) as i32 }
}

fn count(shape: &[usize]) -> i64 {
    shape.iter().product::<usize>() as i64
}

#[cfg(test)]
mod tests;
