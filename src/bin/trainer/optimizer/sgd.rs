//! `torch.optim.SGD`, without dampening.

use tch::{TchError, Tensor};

use super::{Penalty, scalar, zeros};

/// g ← g + `weight_decay` · p; v ← momentum · v + g; p ← p - lr · (v, or g + momentum · v with Nesterov).
pub(super) struct Sgd {
    penalty: Penalty,
    momentum: Option<Momentum>,
}

struct Momentum {
    factor: Tensor,
    nesterov: bool,
    /// One a parameter, zero at first: then the first step is the gradient itself, as in `PyTorch`.
    velocities: Vec<Tensor>,
}

impl Sgd {
    pub(super) fn new(
        momentum: f64,
        nesterov: bool,
        weight_decay: f64,
        parameters: &[Tensor],
    ) -> Result<Self, TchError> {
        let momentum = if momentum == 0.0 {
            None
        } else {
            Some(Momentum { factor: scalar(momentum, parameters)?, nesterov, velocities: zeros(parameters)? })
        };
        Ok(Self { penalty: Penalty::new(weight_decay, parameters)?, momentum })
    }

    pub(super) fn memory(&self) -> Vec<(&'static str, &[Tensor])> {
        self.momentum.iter().map(|momentum| ("momentum_buffer", &momentum.velocities[..])).collect()
    }

    pub(super) fn step(
        &mut self,
        negative_lr: &Tensor,
        parameters: &mut [Tensor],
        gradients: &[Tensor],
    ) -> Result<(), TchError> {
        for (index, (parameter, gradient)) in parameters.iter_mut().zip(gradients).enumerate() {
            let gradient = self.penalty.add(gradient, parameter)?;
            let Some(momentum) = &mut self.momentum else {
                let _same = parameter.f_addcmul_(&gradient, negative_lr)?;
                continue;
            };
            let velocity = gradient.f_addcmul(&momentum.velocities[index], &momentum.factor)?;
            let _same = if momentum.nesterov {
                let ahead = gradient.f_addcmul(&velocity, &momentum.factor)?;
                parameter.f_addcmul_(&ahead, negative_lr)?
            } else {
                parameter.f_addcmul_(&velocity, negative_lr)?
            };
            momentum.velocities[index] = velocity;
        }
        Ok(())
    }
}
