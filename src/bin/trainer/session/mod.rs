//! A network, its data and its optimiser: the computation, without clocks, threads or files.
//!
//! Everything computes in the kind of the tensors passed in and on their device.

use tch::{Device, Kind, TchError, Tensor};
use torchscope::recipe::{self, Activation, Loss, Recipe};

use crate::network::{Network, activate};
use crate::optimizer::Sgd;
use crate::random::{Random, Stream};
use crate::{init, loss};

/// Numbers that the widest layer puts out at a time when the network is only looked at: a large set goes through in
/// pieces. 256 KiB of float32 stay in a core's cache, and twice as fast as pieces of 4 MiB; a GPU wants more at once.
const NUMBERS_AT_A_TIME: i64 = 1 << 16;
const NUMBERS_AT_A_TIME_ON_CUDA: i64 = 1 << 24;

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
    epoch: Epoch,
    /// The epoch whose order the samples are in.
    ordered: Option<u64>,
    shuffle: bool,
    seed: u64,
    steps_per_epoch: u64,
    step: u64,
    /// Of the last step, in the order of the parameters.
    gradients: Vec<Tensor>,
}

impl Session {
    /// Starts `recipe` at step 0 with the parameters that its seed gives.
    pub(crate) fn new(recipe: &Recipe, description: &recipe::Network, samples: Samples) -> Result<Self, TchError> {
        let (kind, device) = (samples.inputs.f_kind()?, samples.inputs.device());
        let start = |index: usize, parameter: &_| init::values(recipe.model.init, recipe.seed, index, parameter);
        Self::with_network(recipe, Network::new(description, start, kind, device)?, samples)
    }

    /// Starts `recipe` at step 0 with `network` as it is.
    pub(crate) fn with_network(recipe: &Recipe, network: Network, samples: Samples) -> Result<Self, TchError> {
        let optimizer = Sgd::new(&recipe.optimizer, network.parameters())?;
        let count = samples.inputs.size().first().copied().unwrap_or(0);
        let batch = (recipe.batch_size as i64).min(count).max(1);
        let epoch = Epoch::new(&samples, batch, recipe.shuffle)?;
        Ok(Self {
            network,
            optimizer,
            loss: recipe.loss,
            samples,
            epoch,
            ordered: None,
            shuffle: recipe.shuffle,
            seed: recipe.seed,
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
        let epoch = self.epoch();
        if self.shuffle && self.ordered != Some(epoch) {
            let order = Random::new(self.seed, Stream::Order, epoch).permutation(self.epoch.count as usize);
            self.epoch.gather(&self.samples, &order)?;
            self.ordered = Some(epoch);
        }
        let place = (self.step % self.steps_per_epoch) as i64;
        let (inputs, targets) = self.epoch.batch(place)?;

        let logits = self.network.logits(&inputs)?;
        let loss = loss::mean(self.loss, self.network.last_activation(), logits, &targets)?;
        self.network.forget_gradients()?;
        loss.f_backward()?;
        self.gradients = self.network.parameters().iter().map(Tensor::f_grad).collect::<Result<_, _>>()?;
        self.optimizer.step(self.network.parameters_mut(), &self.gradients)?;
        self.step += 1;
        Ok(loss)
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
        let _guard = tch::no_grad_guard();
        let last = self.network.last_activation();
        let (mut loss_sum, mut right) = (0.0, 0.0);
        for (start, length) in self.pieces(self.epoch.count) {
            let targets = self.samples.targets.f_narrow(0, start, length)?;
            let logits = self.network.logits(&self.samples.inputs.f_narrow(0, start, length)?)?;
            if self.samples.classes {
                let is_one = match last {
                    // A sigmoid is above one half where its argument is above 0.
                    Activation::Sigmoid => logits.f_gt(0.0)?,
                    _ => activate(last, logits.shallow_clone())?.f_gt(0.5)?,
                };
                right += is_one.f_eq_tensor(&targets.f_gt(0.5)?)?.f_sum(Kind::Double)?.f_double_value(&[])?;
            }
            loss_sum += length as f64 * loss::mean(self.loss, last, logits, &targets)?.f_double_value(&[])?;
        }
        let outputs = self.samples.targets.numel() as f64;
        let accuracy = self.samples.classes.then(|| right / outputs);
        Ok(Evaluation { loss: loss_sum / self.epoch.count as f64, accuracy })
    }

    /// What the network says of `inputs` of shape (n, features..): shape (n, outputs), on the device.
    pub(crate) fn outputs(&self, inputs: &Tensor) -> Result<Tensor, TchError> {
        let _guard = tch::no_grad_guard();
        let count = inputs.size().first().copied().unwrap_or(0);
        let pieces = self.pieces(count);
        let outputs = pieces.map(|(start, length)| self.network.outputs(&inputs.f_narrow(0, start, length)?));
        Tensor::f_cat(&outputs.collect::<Result<Vec<_>, _>>()?, 0)
    }

    /// Start and length of the pieces in which `count` rows go through the network when it is only looked at.
    fn pieces(&self, count: i64) -> impl Iterator<Item = (i64, i64)> + use<> {
        let numbers = if self.device().is_cuda() { NUMBERS_AT_A_TIME_ON_CUDA } else { NUMBERS_AT_A_TIME };
        let rows = (numbers / self.network.widest().max(1)).max(1);
        (0..count).step_by(rows as usize).map(move |start| (start, rows.min(count - start)))
    }
}

/// The samples of one epoch in its order, cut into batches.
struct Epoch {
    inputs: Tensor,
    targets: Tensor,
    count: i64,
    batch: i64,
    /// Views of every batch, made once: the tensors behind them stay. Empty if there are too many.
    views: Vec<(Tensor, Tensor)>,
}

/// More batches than this are cut when they are needed: 8,192 views are some megabytes.
const MOST_VIEWS: i64 = 4096;

impl Epoch {
    /// Batches of `batch` samples each, the last one of what is left; in the order of `samples`.
    fn new(samples: &Samples, batch: i64, shuffle: bool) -> Result<Self, TchError> {
        // Shuffled samples get memory of their own.
        let of = |tensor: &Tensor| if shuffle { tensor.f_empty_like() } else { Ok(tensor.shallow_clone()) };
        let count = samples.inputs.size().first().copied().unwrap_or(0);
        let mut epoch =
            Self { inputs: of(&samples.inputs)?, targets: of(&samples.targets)?, count, batch, views: Vec::new() };
        let batches = (count + batch - 1) / batch;
        if batches <= MOST_VIEWS {
            epoch.views = (0..batches).map(|place| epoch.cut(place)).collect::<Result<_, _>>()?;
        }
        Ok(epoch)
    }

    /// Puts the samples into `order`.
    fn gather(&mut self, samples: &Samples, order: &[i64]) -> Result<(), TchError> {
        let order = Tensor::f_from_slice(order)?.f_to_device(self.inputs.device())?;
        let _same = samples.inputs.f_index_select_out(&self.inputs, 0, &order)?;
        let _same = samples.targets.f_index_select_out(&self.targets, 0, &order)?;
        Ok(())
    }

    fn cut(&self, place: i64) -> Result<(Tensor, Tensor), TchError> {
        let start = place * self.batch;
        let length = self.batch.min(self.count - start);
        Ok((self.inputs.f_narrow(0, start, length)?, self.targets.f_narrow(0, start, length)?))
    }

    /// Inputs and targets of the batch at `place`, from 0.
    fn batch(&self, place: i64) -> Result<(Tensor, Tensor), TchError> {
        match self.views.get(place as usize) {
            Some((inputs, targets)) => Ok((inputs.shallow_clone(), targets.shallow_clone())),
            None => self.cut(place),
        }
    }
}

#[cfg(test)]
mod tests;
