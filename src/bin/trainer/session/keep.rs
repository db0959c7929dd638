//! A session into a checkpoint, and back.

use tch::{TchError, Tensor};
use torchscope::recipe::LEARNING_RATES;

use super::Session;
use crate::checkpoint::{Place, RestoreError, SessionState, Source, Tensors};

/// How random numbers come about, as [`crate::random`] does it.
const GENERATOR: &str = "mt19937 keyed by (seed, stream, position)";

impl Session {
    /// Copies every tensor that training changes, and says the rest.
    ///
    /// Parameters and running statistics have `PyTorch`'s names; what the optimiser remembers of `conv1.weight` is
    /// `optimizer.conv1.weight.exp_avg`.
    pub(crate) fn save(&self, tensors: &mut Tensors) -> Result<SessionState, TchError> {
        self.kept().try_for_each(|(name, tensor)| tensors.add(name, tensor))?;
        Ok(SessionState {
            step: self.step,
            lr: self.optimizer.lr(),
            base_lr: self.base_lr,
            optimizer_steps: self.optimizer.steps(),
            place: self.place(),
        })
    }

    /// Goes on from there: the same steps follow as would have without an interruption, bit for bit on the same machine.
    ///
    /// The learning rate is the one in the checkpoint, which may have been set by hand; where the run has become longer
    /// since, [`Self::follow_schedule`] gives it that of the longer run.
    pub(crate) fn restore(&mut self, source: &Source<'_>, state: &SessionState) -> Result<(), RestoreError> {
        let (least, most) = LEARNING_RATES.into_inner();
        // A schedule may have come down to nothing.
        if !(0.0..=most).contains(&state.lr) || !LEARNING_RATES.contains(&state.base_lr) {
            let (lr, base_lr) = (state.lr, state.base_lr);
            let problem = format!("its learning rate is {lr:e} of {base_lr:e}, not from {least:e} to {most:e}");
            return Err(RestoreError::Format(problem));
        }
        self.kept().try_for_each(|(name, tensor)| source.copy_into(&name, tensor))?;
        self.step = state.step;
        let place = self.place();
        if place != state.place {
            let Place { seed, epoch, batch, .. } = state.place;
            let problem = format!(
                "it is at batch {batch} in epoch {epoch} of the data with seed {seed}, which step {} of this recipe is not",
                state.step
            );
            return Err(RestoreError::Format(problem));
        }
        self.base_lr = state.base_lr;
        self.optimizer.set_steps(state.optimizer_steps);
        self.optimizer.set_lr(state.lr)?;
        self.gradients.clear();
        self.ordered = None;
        self.examined = None;
        if self.step.is_multiple_of(self.steps_per_epoch) {
            // It was evaluated there, and gives the same again. If it cannot be, the next evaluation is awaited.
            if let Err(error) = self.evaluate() {
                tracing::warn!(
                    step = self.step,
                    "no evaluation: {}",
                    crate::alarm::skipped::first_line(&error.to_string())
                );
            }
        }
        Ok(())
    }

    /// All of it by name.
    fn kept(&self) -> impl Iterator<Item = (String, &Tensor)> {
        let names = self.network.names();
        let parameters = names.iter().cloned().zip(self.network.parameters());
        let moments = self.optimizer.memory().into_iter().flat_map(move |(what, tensors)| {
            names.iter().zip(tensors).map(move |(name, tensor)| (format!("optimizer.{name}.{what}"), tensor))
        });
        parameters.chain(self.network.buffers()).chain(moments)
    }

    fn place(&self) -> Place {
        Place {
            generator: GENERATOR.to_owned(),
            seed: self.seed,
            epoch: self.epoch(),
            batch: self.step % self.steps_per_epoch,
        }
    }
}
