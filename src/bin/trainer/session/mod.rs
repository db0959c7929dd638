//! A network, its data and its optimiser: the computation, without clocks, threads or files.
//!
//! Everything computes in the kind of the tensors passed in and on their device.

use tch::{Device, Kind, TchError, Tensor, no_grad};
use torchscope::recipe::{self, Activation, Loss, Recipe};

use crate::network::{Network, activate};
use crate::optimizer::Sgd;
use crate::random::{Random, Stream};
use crate::{init, loss};

/// Rows that one evaluation takes through the network at a time, to bound the memory of its activations.
const EVALUATION_ROWS: i64 = 1 << 16;

/// What there is to learn, sample by sample.
pub(crate) struct Samples {
    /// Shape (n, features..).
    pub(crate) inputs: Tensor,
    /// Shape (n, outputs).
    pub(crate) targets: Tensor,
    /// Whether targets are class memberships, 0 or 1, so that an accuracy means something.
    pub(crate) classes: bool,
}

/// The state of the network over the full set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Evaluation {
    /// Mean over samples and outputs.
    pub(crate) loss: f64,
    /// Share of outputs on the right side of one half; none where targets are not classes.
    pub(crate) accuracy: Option<f64>,
}

/// One training run, as far as it is a computation: the same recipe, samples and number of steps give the same
/// parameters, bit for bit, on one machine.
pub(crate) struct Session {
    network: Network,
    optimizer: Sgd,
    loss: Loss,
    samples: Samples,
    /// The samples in the order of the current epoch; absent without shuffling, and before the first step.
    shuffled: Option<(Tensor, Tensor)>,
    shuffle: bool,
    seed: u64,
    count: i64,
    batch: i64,
    steps_per_epoch: u64,
    step: u64,
    /// Of the last step, in the order of the parameters.
    gradients: Vec<Tensor>,
}

impl Session {
    /// Starts `recipe` at step 0 with the parameters that its seed gives.
    pub(crate) fn new(
        recipe: &Recipe,
        description: &recipe::Network,
        samples: Samples,
    ) -> Result<Self, TchError> {
        let (kind, device) = (samples.inputs.f_kind()?, samples.inputs.device());
        let start = |index: usize, parameter: &_| init::values(recipe.model.init, recipe.seed, index, parameter);
        Self::with_network(recipe, Network::new(description, start, kind, device)?, samples)
    }

    /// Starts `recipe` at step 0 with `network` as it is.
    pub(crate) fn with_network(recipe: &Recipe, network: Network, samples: Samples) -> Result<Self, TchError> {
        let optimizer = Sgd::new(&recipe.optimizer, network.parameters())?;
        let count = samples.inputs.size().first().copied().unwrap_or(0);
        let batch = (recipe.batch_size as i64).min(count).max(1);
        Ok(Self {
            network,
            optimizer,
            loss: recipe.loss,
            samples,
            shuffled: None,
            shuffle: recipe.shuffle,
            seed: recipe.seed,
            count,
            batch,
            steps_per_epoch: (count as u64).div_ceil(batch as u64).max(1),
            step: 0,
            gradients: Vec::new(),
        })
    }

    /// Steps that one pass over the data takes; the last may have fewer samples.
    pub(crate) fn steps_per_epoch(&self) -> u64 {
        self.steps_per_epoch
    }

    /// Steps taken.
    pub(crate) fn steps(&self) -> u64 {
        self.step
    }

    /// Passes over the data completed.
    pub(crate) fn epoch(&self) -> u64 {
        self.step / self.steps_per_epoch
    }

    pub(crate) fn lr(&self) -> f64 {
        self.optimizer.lr()
    }

    /// Takes effect with the next step.
    pub(crate) fn set_lr(&mut self, lr: f64) -> Result<(), TchError> {
        self.optimizer.set_lr(lr)
    }

    pub(crate) fn device(&self) -> Device {
        self.samples.inputs.device()
    }

    pub(crate) fn network(&self) -> &Network {
        &self.network
    }

    pub(crate) fn samples(&self) -> &Samples {
        &self.samples
    }

    /// One step of the optimiser on the next batch.
    ///
    /// Returns the batch's loss before the step, without waiting for it: a tensor without dimensions on the device.
    pub(crate) fn step(&mut self) -> Result<Tensor, TchError> {
        let place = (self.step % self.steps_per_epoch) as i64;
        if self.shuffle && (place == 0 || self.shuffled.is_none()) {
            self.shuffled = Some(self.shuffled()?);
        }
        let start = place * self.batch;
        let length = self.batch.min(self.count - start);
        let (inputs, targets) = match &self.shuffled {
            Some((inputs, targets)) => (inputs, targets),
            None => (&self.samples.inputs, &self.samples.targets),
        };
        let (inputs, targets) = (inputs.f_narrow(0, start, length)?, targets.f_narrow(0, start, length)?);

        let logits = self.network.logits(&inputs)?;
        let loss = loss::mean(self.loss, self.network.last_activation(), logits, &targets)?;
        // Not `backward`: gradients as values need neither zeroing nor accumulation.
        self.gradients = Tensor::f_run_backward(&[&loss], self.network.parameters(), false, false)?;
        self.optimizer.step(self.network.parameters_mut(), &self.gradients)?;
        self.step += 1;
        Ok(loss)
    }

    /// The samples in the order of the epoch that the next step belongs to.
    fn shuffled(&self) -> Result<(Tensor, Tensor), TchError> {
        let order = Random::new(self.seed, Stream::Order, self.epoch()).permutation(self.count as usize);
        let order = Tensor::f_from_slice(&order)?.f_to_device(self.device())?;
        Ok((self.samples.inputs.f_index_select(0, &order)?, self.samples.targets.f_index_select(0, &order)?))
    }

    /// Euclidean norm of the last step's gradient over all parameters, before weight decay; 0 before the first step.
    pub(crate) fn gradient_norm(&self) -> Result<f64, TchError> {
        if self.gradients.is_empty() {
            return Ok(0.0);
        }
        let norms = self.gradients.iter().map(Tensor::f_norm).collect::<Result<Vec<_>, _>>()?;
        Tensor::f_stack(&norms, 0)?.f_norm()?.f_double_value(&[])
    }

    /// Loss and accuracy over the full set, with the parameters as they are.
    pub(crate) fn evaluate(&self) -> Result<Evaluation, TchError> {
        let last = self.network.last_activation();
        // A sigmoid is above one half where its argument is above 0.
        let threshold = if last == Activation::Sigmoid { 0.0 } else { 0.5 };
        let outputs = self.samples.targets.numel() as f64;
        let (mut loss_sum, mut right) = (0.0, 0.0);
        let _guard = tch::no_grad_guard();
        let mut start = 0;
        while start < self.count {
            let length = EVALUATION_ROWS.min(self.count - start);
            let targets = self.samples.targets.f_narrow(0, start, length)?;
            let logits = self.network.logits(&self.samples.inputs.f_narrow(0, start, length)?)?;
            if self.samples.classes {
                let values = match last {
                    Activation::Sigmoid => logits.shallow_clone(),
                    _ => activate(last, logits.shallow_clone())?,
                };
                let agree = values.f_gt(threshold)?.f_eq_tensor(&targets.f_gt(0.5)?)?;
                right += agree.f_sum(Kind::Double)?.f_double_value(&[])?;
            }
            let share = targets.numel() as f64 / outputs;
            loss_sum += share * loss::mean(self.loss, last, logits, &targets)?.f_double_value(&[])?;
            start += length;
        }
        Ok(Evaluation { loss: loss_sum, accuracy: self.samples.classes.then(|| right / outputs) })
    }

    /// What the network says of `inputs` of shape (n, features..): shape (n, outputs), on the device.
    pub(crate) fn outputs(&self, inputs: &Tensor) -> Result<Tensor, TchError> {
        no_grad(|| self.network.outputs(inputs))
    }
}

#[cfg(test)]
mod tests;
