//! The recipe's network as tensors.

use tch::{COptimizer, Device, Kind, TchError, Tensor};
use torchscope::recipe::{self, Activation, Parameter};

/// Layers and their parameters, all of one kind and on one device.
pub(crate) struct Network {
    /// In the order of the description: weight and bias of the first layer, then of the second.
    parameters: Vec<Tensor>,
    activations: Vec<Activation>,
    /// Knows the parameters, and never steps: tch has no other way to let go of a gradient. With it a gradient is
    /// neither zeroed nor added to, and `backward` is cheaper than `run_backward`, which looks up every node.
    keeper: COptimizer,
}

impl Network {
    /// Builds what `description` says. `start` gives the initial values of a parameter by its place, in row-major order.
    pub(crate) fn new(
        description: &recipe::Network,
        mut start: impl FnMut(usize, &Parameter) -> Vec<f64>,
        kind: Kind,
        device: Device,
    ) -> Result<Self, TchError> {
        let mut parameters = Vec::new();
        for (index, parameter) in description.layers.iter().flat_map(|layer| &layer.parameters).enumerate() {
            let shape: Vec<i64> = parameter.shape.iter().map(|size| *size as i64).collect();
            let values = Tensor::f_from_slice(&start(index, parameter))?.f_reshape(&shape)?;
            parameters.push(values.f_to_kind(kind)?.f_to_device(device)?.f_set_requires_grad(true)?);
        }
        let mut keeper = COptimizer::sgd(0.0, 0.0, 0.0, 0.0, false)?;
        for parameter in &parameters {
            keeper.add_parameters(parameter, 0)?;
        }
        let activations = description.layers.iter().map(|layer| layer.activation).collect();
        Ok(Self { parameters, activations, keeper })
    }

    /// Every tensor that training changes; each requires a gradient.
    pub(crate) fn parameters(&self) -> &[Tensor] {
        &self.parameters
    }

    /// [`Self::parameters`] for the optimiser.
    pub(crate) fn parameters_mut(&mut self) -> &mut [Tensor] {
        &mut self.parameters
    }

    /// Outputs of the layer that has most.
    pub(crate) fn widest(&self) -> i64 {
        self.parameters.iter().filter_map(|parameter| parameter.size().first().copied()).max().unwrap_or(0)
    }

    /// Leaves every parameter without a gradient, so that the next `backward` sets it.
    pub(crate) fn forget_gradients(&self) -> Result<(), TchError> {
        self.keeper.zero_grad()
    }

    /// What the last layer computes before its activation, shape (n, outputs), for `inputs` of shape (n, features).
    pub(crate) fn logits(&self, inputs: &Tensor) -> Result<Tensor, TchError> {
        let mut current: Option<Tensor> = None;
        let last = self.activations.len() - 1;
        for (index, (parameters, activation)) in self.parameters.chunks_exact(2).zip(&self.activations).enumerate() {
            let [weight, bias] = parameters else { break };
            let affine = current.as_ref().unwrap_or(inputs).f_linear(weight, Some(bias))?;
            current = Some(if index == last { affine } else { activate(*activation, affine)? });
        }
        Ok(current.unwrap_or_else(|| inputs.shallow_clone()))
    }

    /// What follows the [`Self::logits`].
    pub(crate) fn last_activation(&self) -> Activation {
        self.activations.last().copied().unwrap_or(Activation::Linear)
    }

    /// What the network says, shape (n, outputs): probabilities where it ends in a sigmoid.
    pub(crate) fn outputs(&self, inputs: &Tensor) -> Result<Tensor, TchError> {
        activate(self.last_activation(), self.logits(inputs)?)
    }
}

/// `activation` of every element.
pub(crate) fn activate(activation: Activation, affine: Tensor) -> Result<Tensor, TchError> {
    match activation {
        Activation::Linear => Ok(affine),
        Activation::Relu => affine.f_relu(),
        Activation::Tanh => affine.f_tanh(),
        Activation::Sigmoid => affine.f_sigmoid(),
    }
}

/// Threads worth having for batches of `batch` samples.
///
/// A second thread pays from about 1 ms an operation; below that, waking it costs more than it does, and with one busy
/// neighbour such a network ran 7 to 10 times slower on two threads than on one. One core does some 2^24 multiplications
/// and additions in that time.
pub(crate) fn threads(description: &recipe::Network, batch: usize) -> i32 {
    const ENOUGH: usize = 1 << 24;
    let widest = description.layers.iter().map(recipe::Layer::parameter_count).max().unwrap_or(0);
    if widest.saturating_mul(batch) < ENOUGH {
        return 1;
    }
    std::thread::available_parallelism().map_or(1, |cores| cores.get() as i32)
}
