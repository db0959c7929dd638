//! `torch.optim.RMSprop`, not centred.

use tch::{TchError, Tensor};

use super::{Penalty, scalar, zeros};

/// g ← g + `weight_decay` · p; s ← α · s + (1 - α) · g²; d ← g / (sqrt(s) + ε); v ← momentum · v + d; p ← p - lr · v.
pub(super) struct RmsProp {
    alpha: f64,
    epsilon: f64,
    penalty: Penalty,
    /// s, one a parameter.
    squares: Vec<Tensor>,
    /// The momentum's factor and v, one a parameter.
    momentum: Option<(Tensor, Vec<Tensor>)>,
}

impl RmsProp {
    pub(super) fn new(
        alpha: f64,
        epsilon: f64,
        momentum: f64,
        weight_decay: f64,
        parameters: &[Tensor],
    ) -> Result<Self, TchError> {
        let momentum = if momentum == 0.0 { None } else { Some((scalar(momentum, parameters)?, zeros(parameters)?)) };
        let penalty = Penalty::new(weight_decay, parameters)?;
        Ok(Self { alpha, epsilon, penalty, squares: zeros(parameters)?, momentum })
    }

    pub(super) fn memory(&self) -> Vec<(&'static str, &[Tensor])> {
        let velocities = self.momentum.iter().map(|(_, velocities)| ("momentum_buffer", &velocities[..]));
        std::iter::once(("square_avg", &self.squares[..])).chain(velocities).collect()
    }

    pub(super) fn step(
        &mut self,
        negative_lr: &Tensor,
        parameters: &mut [Tensor],
        gradients: &[Tensor],
    ) -> Result<(), TchError> {
        for (index, (parameter, gradient)) in parameters.iter_mut().zip(gradients).enumerate() {
            let gradient = self.penalty.add(gradient, parameter)?;
            let square = &mut self.squares[index];
            let _same = square.f_lerp_(&gradient.f_square()?, 1.0 - self.alpha)?;
            let mut root = square.f_sqrt()?;
            let _same = root.f_add_scalar_(self.epsilon)?;
            let mut direction = gradient.f_div(&root)?;
            if let Some((factor, velocities)) = &mut self.momentum {
                direction = direction.f_addcmul(&velocities[index], factor)?;
                velocities[index] = direction.shallow_clone();
            }
            let _same = parameter.f_addcmul_(&direction, negative_lr)?;
        }
        Ok(())
    }
}
