//! A network, its data and its optimiser: the computation, without clocks, threads or files.
//!
//! Everything computes in the kind of the tensors passed in and on their device.

mod epoch;
mod evaluation;
mod gather;
mod keep;

use tch::{Device, TchError, Tensor};
use torchscope::data::Dataset;
use torchscope::recipe::{self, LEARNING_RATES, Loss, Recipe, ScheduleSpec, Target};

pub(crate) use self::evaluation::Evaluation;
pub(crate) use self::gather::Gather;

use self::epoch::Epoch;
use self::evaluation::Examiner;
use crate::network::{LayerOutput, Mode, Network};
use crate::optimizer::Optimizer;
use crate::random::{Random, Stream};
use crate::{init, loss};

/// Numbers that the widest layer puts out at a time when the network is only looked at: a large set goes through in
/// pieces. 256 KiB of float32 stay in a core's cache, and twice as fast as pieces of 4 MiB; a GPU wants more at once.
const NUMBERS_AT_A_TIME: i64 = 1 << 16;
const NUMBERS_AT_A_TIME_ON_CUDA: i64 = 1 << 24;
/// Convolutions put out so much that 256 KiB are a few samples, and are a third faster with this many.
const SAMPLES_AT_A_TIME: i64 = 16;

/// What there is to learn or to be examined in, sample by sample.
pub(crate) struct Samples {
    /// Shape (n, features..).
    pub(crate) inputs: Tensor,
    /// Shape (n, outputs).
    pub(crate) targets: Tensor,
    /// The class of each, i64 of shape (n), if they have one.
    pub(crate) labels: Option<Tensor>,
}

impl Samples {
    /// `data` on `device`.
    pub(crate) fn new(data: &Dataset, device: Device) -> Result<Self, TchError> {
        let labels = data.labels.as_ref().map(|labels| {
            let labels: Vec<i64> = labels.iter().map(|label| i64::from(*label)).collect();
            Tensor::f_from_slice(&labels)?.f_to_device(device)
        });
        Ok(Self {
            inputs: Tensor::try_from(&data.inputs)?.f_to_device(device)?,
            targets: Tensor::try_from(&data.targets)?.f_to_device(device)?,
            labels: labels.transpose()?,
        })
    }

    /// How many there are.
    pub(crate) fn count(&self) -> i64 {
        self.inputs.size().first().copied().unwrap_or(0)
    }

    /// What `loss` compares the network's outputs with.
    fn truth(&self, loss: Loss) -> &Tensor {
        match (loss, &self.labels) {
            (Loss::CrossEntropy, Some(labels)) => labels,
            _ => &self.targets,
        }
    }
}

/// One training run, as far as it is a computation: the same recipe, samples and number of steps give the same
/// parameters, bit for bit, on one machine.
pub(crate) struct Session {
    network: Network,
    optimizer: Optimizer,
    loss: Loss,
    training: Samples,
    test: Option<Samples>,
    examiner: Examiner,
    /// The step of the last evaluation, and what it gave.
    examined: Option<(u64, Evaluation)>,
    epoch: Epoch,
    /// The epoch whose order the samples are in.
    ordered: Option<u64>,
    shuffle: bool,
    seed: u64,
    steps_per_epoch: u64,
    total_steps: u64,
    step: u64,
    schedule: ScheduleSpec,
    base_lr: f64,
    /// Of the last step, in the order of the parameters.
    gradients: Vec<Tensor>,
}

impl Session {
    /// Starts `recipe` at step 0 with the parameters that its seed gives, to be evaluated on `test` if there is one and
    /// on `training` otherwise.
    pub(crate) fn new(
        recipe: &Recipe,
        description: &recipe::Network,
        training: Samples,
        test: Option<Samples>,
    ) -> Result<Self, TchError> {
        let (kind, device) = (training.inputs.f_kind()?, training.inputs.device());
        let init = recipe.model.init;
        let start =
            |index, layer: &recipe::Layer, parameter: &_| init::values(init, recipe.seed, index, layer.kind, parameter);
        let network = Network::new(&recipe.model.layers, description, start, kind, device)?;
        Self::with_network(recipe, network, training, test)
    }

    /// Starts `recipe` at step 0 with `network` as it is.
    pub(crate) fn with_network(
        recipe: &Recipe,
        network: Network,
        training: Samples,
        test: Option<Samples>,
    ) -> Result<Self, TchError> {
        let optimizer = Optimizer::new(&recipe.optimizer, network.parameters())?;
        let count = training.count();
        let batch = (recipe.batch_size as i64).min(count).max(1);
        let steps_per_epoch = (count as u64).div_ceil(batch as u64).max(1);
        let epoch = Epoch::new(&training.inputs, training.truth(recipe.loss), batch, recipe.shuffle)?;
        let evaluated = test.as_ref().unwrap_or(&training);
        let mut session = Self {
            examiner: Examiner::new(recipe.loss, classes(recipe, &network, &training)?, evaluated)?,
            examined: None,
            network,
            optimizer,
            loss: recipe.loss,
            training,
            test,
            epoch,
            ordered: None,
            shuffle: recipe.shuffle,
            seed: recipe.seed,
            steps_per_epoch,
            total_steps: recipe.epochs.saturating_mul(steps_per_epoch),
            step: 0,
            schedule: recipe.schedule,
            base_lr: recipe.optimizer.lr(),
            gradients: Vec::new(),
        };
        session.follow_schedule()?;
        Ok(session)
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

    /// Steps that all epochs take.
    pub(crate) fn total_steps(&self) -> u64 {
        self.total_steps
    }

    /// The learning rate of the next step.
    pub(crate) fn lr(&self) -> f64 {
        self.optimizer.lr()
    }

    /// What the schedule's factor is taken of: the recipe's learning rate until another was set.
    pub(crate) fn base_lr(&self) -> f64 {
        self.base_lr
    }

    /// Makes `lr` the learning rate of the next step. The schedule goes on from there: later rates change in proportion.
    pub(crate) fn set_lr(&mut self, lr: f64) -> Result<(), TchError> {
        let base = lr / self.schedule_factor();
        // Where the schedule has come down to nothing there is nothing to be in proportion to.
        self.base_lr = if LEARNING_RATES.contains(&base) { base } else { lr };
        self.optimizer.set_lr(lr)
    }

    fn schedule_factor(&self) -> f64 {
        self.schedule.factor(self.step, self.steps_per_epoch, self.total_steps)
    }

    /// Gives the next step the learning rate that the schedule has for it.
    pub(crate) fn follow_schedule(&mut self) -> Result<(), TchError> {
        if self.schedule.is_constant() {
            return Ok(());
        }
        let lr = self.base_lr * self.schedule_factor();
        self.optimizer.set_lr(lr)
    }

    pub(crate) fn device(&self) -> Device {
        self.training.inputs.device()
    }

    pub(crate) fn network(&self) -> &Network {
        &self.network
    }

    /// What is learnt.
    pub(crate) fn samples(&self) -> &Samples {
        &self.training
    }

    /// What the network is evaluated on: the test set, or what it learns where there is none.
    pub(crate) fn evaluated(&self) -> &Samples {
        self.test.as_ref().unwrap_or(&self.training)
    }

    /// One step of the optimiser on the next batch.
    ///
    /// Returns the batch's loss before the step, without waiting for it: a tensor without dimensions on the device.
    pub(crate) fn step(&mut self) -> Result<Tensor, TchError> {
        self.step_after(|_, _, _, _| Ok(()))
    }

    /// [`Self::step`] after `look` has been at the session, the loss, the inputs of the batch and the mode they were seen
    /// in, with nothing moved yet.
    pub(crate) fn step_after(
        &mut self,
        look: impl FnOnce(&Self, &Tensor, &Tensor, Mode) -> Result<(), TchError>,
    ) -> Result<Tensor, TchError> {
        let epoch = self.epoch();
        if self.shuffle && self.ordered != Some(epoch) {
            let order = Random::new(self.seed, Stream::Order, epoch).permutation(self.epoch.count as usize);
            self.epoch.gather(&self.training.inputs, self.training.truth(self.loss), &order)?;
            self.ordered = Some(epoch);
        }
        let place = (self.step % self.steps_per_epoch) as i64;
        let (inputs, truth) = self.epoch.batch(place)?;

        let mode = Mode::Training { seed: self.seed, step: self.step };
        let logits = self.network.logits(&inputs, mode)?;
        let loss = loss::mean(self.loss, self.network.last_activation(), logits, &truth)?;
        look(self, &loss, &inputs, Mode::Replay { seed: self.seed, step: self.step })?;
        self.network.forget_gradients()?;
        loss.f_backward()?;
        self.gradients = self.network.parameters().iter().map(Tensor::f_grad).collect::<Result<_, _>>()?;
        self.optimizer.step(self.network.parameters_mut(), &self.gradients)?;
        self.step += 1;
        self.follow_schedule()?;
        Ok(loss)
    }

    /// Gradients of the last step, in the order of the parameters, before weight decay; none before the first.
    pub(crate) fn gradients(&self) -> &[Tensor] {
        &self.gradients
    }

    /// The parameters as they are now, to compare with later ones.
    pub(crate) fn copy_parameters(&self) -> Result<Vec<Tensor>, TchError> {
        let copy = |parameter: &Tensor| {
            let mut copy = parameter.f_detach()?.f_empty_like()?;
            copy.f_copy_(&parameter.f_detach()?)?;
            Ok(copy)
        };
        self.network.parameters().iter().map(copy).collect()
    }

    /// Euclidean norm of the last step's gradient over all parameters, before weight decay; 0 before the first step.
    pub(crate) fn gradient_norm(&self) -> Result<f64, TchError> {
        if self.gradients.is_empty() {
            return Ok(0.0);
        }
        let norms = self.gradients.iter().map(Tensor::f_norm).collect::<Result<Vec<_>, _>>()?;
        Tensor::f_stack(&norms, 0)?.f_norm()?.f_double_value(&[])
    }

    /// What [`Self::evaluated`] is called.
    pub(crate) fn evaluated_name(&self) -> &'static str {
        if self.test.is_some() { "test set" } else { "full set" }
    }

    /// Evaluates the network as it is.
    pub(crate) fn evaluate(&mut self) -> Result<&Evaluation, TchError> {
        let samples = self.evaluated();
        let evaluation = self.examiner.examine(&self.network, samples, self.pieces(samples.count()))?;
        Ok(&self.examined.insert((self.step, evaluation)).1)
    }

    /// The last evaluation and the step it was made at.
    pub(crate) fn evaluation(&self) -> Option<(u64, &Evaluation)> {
        self.examined.as_ref().map(|(step, evaluation)| (*step, evaluation))
    }

    /// What the network says of `inputs` of shape (n, features..): shape (n, outputs), on the device.
    pub(crate) fn outputs(&self, inputs: &Tensor) -> Result<Tensor, TchError> {
        let _guard = tch::no_grad_guard();
        let count = inputs.size().first().copied().unwrap_or(0);
        let mut outputs = Gather::new(count);
        for (start, length) in self.pieces(count) {
            outputs.add(&self.network.outputs(&inputs.f_narrow(0, start, length)?)?)?;
        }
        outputs.finish()
    }

    /// What every layer says of `inputs` of shape (n, features..), all at once.
    pub(crate) fn trace(&self, inputs: &Tensor) -> Result<Vec<LayerOutput>, TchError> {
        let _guard = tch::no_grad_guard();
        self.network.trace(inputs)
    }

    /// What the layer at `place` says AFTER its activation of `inputs` of shape (n, features..): shape (n, outputs..), on
    /// the device.
    pub(crate) fn reached(&self, place: usize, inputs: &Tensor) -> Result<Tensor, TchError> {
        let _guard = tch::no_grad_guard();
        let count = inputs.size().first().copied().unwrap_or(0);
        let mut outputs = Gather::new(count);
        for (start, length) in self.pieces(count) {
            let trace = self.network.trace_first(place + 1, &inputs.f_narrow(0, start, length)?)?;
            if let Some(layer) = trace.last() {
                outputs.add(&layer.after)?;
            }
        }
        outputs.finish()
    }

    /// At most `count` samples of [`Self::evaluated`], thinned evenly.
    pub(crate) fn sampled(&self, count: i64) -> Result<Samples, TchError> {
        let all = self.evaluated();
        let shown = all.count().min(count);
        let places: Vec<i64> = (0..shown).map(|index| index * all.count() / shown).collect();
        let places = Tensor::f_from_slice(&places)?.f_to_device(self.device())?;
        let select = |tensor: &Tensor| tensor.f_index_select(0, &places);
        Ok(Samples {
            inputs: select(&all.inputs)?,
            targets: select(&all.targets)?,
            labels: all.labels.as_ref().map(select).transpose()?,
        })
    }

    /// Mean loss of the `length` samples from `start` on, as it would be with `parameters` in place of the network's,
    /// which stay as they are.
    pub(crate) fn loss_with(
        &self,
        parameters: &[Tensor],
        samples: &Samples,
        (start, length): (i64, i64),
    ) -> Result<f64, TchError> {
        let _guard = tch::no_grad_guard();
        let logits = self.network.logits_with(parameters, &samples.inputs.f_narrow(0, start, length)?)?;
        let truth = samples.truth(self.loss).f_narrow(0, start, length)?;
        loss::mean(self.loss, self.network.last_activation(), logits, &truth)?.f_double_value(&[])
    }

    /// Start and length of the pieces in which `count` rows go through the network when it is only looked at.
    pub(crate) fn pieces(&self, count: i64) -> impl Iterator<Item = (i64, i64)> + use<> {
        let numbers = if self.device().is_cuda() { NUMBERS_AT_A_TIME_ON_CUDA } else { NUMBERS_AT_A_TIME };
        let holding = |numbers: i64| numbers / self.network.widest().max(1);
        let few = SAMPLES_AT_A_TIME.min(holding(NUMBERS_AT_A_TIME_ON_CUDA));
        let rows = holding(numbers).max(few).max(1);
        (0..count).step_by(rows as usize).map(move |start| (start, rows.min(count - start)))
    }
}

/// Classes to tell apart: one an output for cross-entropy, two for any other loss; none where the target is the input.
fn classes(recipe: &Recipe, network: &Network, samples: &Samples) -> Result<Option<usize>, TchError> {
    let _guard = tch::no_grad_guard();
    Ok(match (recipe.data.target(), recipe.loss) {
        (Target::Input, _) => None,
        (Target::Label, Loss::CrossEntropy) => {
            let output = network.outputs(&samples.inputs.f_narrow(0, 0, samples.count().min(1))?)?;
            output.size().get(1).map(|classes| *classes as usize)
        }
        (Target::Label, Loss::Bce | Loss::Mse) => Some(2),
    })
}

#[cfg(test)]
pub(crate) mod tests;
