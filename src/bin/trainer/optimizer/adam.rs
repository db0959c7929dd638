//! `torch.optim.Adam` and `torch.optim.AdamW`, without amsgrad.

use tch::{TchError, Tensor};
use torchscope::recipe::AdamSpec;

use super::{Penalty, held, scalar, zeros};

/// Adam: g ← g + `weight_decay` · p. `AdamW` instead: p ← p - lr · `weight_decay` · p. Then, in step t from 1,
///
/// m ← β1 · m + (1 - β1) · g; v ← β2 · v + (1 - β2) · g²; p ← p - lr · m̂ / (sqrt(v̂) + ε)
///
/// with m̂ = m / (1 - β1^t) and v̂ = v / (1 - β2^t). Multiplied through by c = sqrt(1 - β2^t), the last is
/// p ← p - lr · c / (1 - β1^t) · m / (sqrt(v) + c · ε): both corrections are numbers.
pub(super) struct Adam {
    spec: AdamSpec,
    /// Adam's; `AdamW` has none.
    penalty: Penalty,
    /// Share of the parameter that a step takes away, before the learning rate: `AdamW`'s.
    decay: f64,
    /// m, one a parameter.
    means: Vec<Tensor>,
    /// v, one a parameter.
    squares: Vec<Tensor>,
    /// t
    steps: i32,
    /// -lr · c / (1 - β1^t)
    factor: Tensor,
}

impl Adam {
    /// `apart` from the gradient decays the parameter in `AdamW`.
    pub(super) fn new(spec: AdamSpec, apart: bool, parameters: &[Tensor]) -> Result<Self, TchError> {
        let (penalty, decay) = if apart { (0.0, spec.weight_decay) } else { (spec.weight_decay, 0.0) };
        Ok(Self {
            spec,
            penalty: Penalty::new(penalty, parameters)?,
            decay,
            means: zeros(parameters)?,
            squares: zeros(parameters)?,
            steps: 0,
            factor: scalar(0.0, parameters)?,
        })
    }

    pub(super) fn memory(&self) -> Vec<(&'static str, &[Tensor])> {
        vec![("exp_avg", &self.means), ("exp_avg_sq", &self.squares)]
    }

    pub(super) fn steps(&self) -> i32 {
        self.steps
    }

    pub(super) fn set_steps(&mut self, steps: i32) {
        self.steps = steps;
    }

    pub(super) fn step(&mut self, lr: f64, parameters: &mut [Tensor], gradients: &[Tensor]) -> Result<(), TchError> {
        let AdamSpec { beta1, beta2, epsilon, .. } = self.spec;
        self.steps = self.steps.saturating_add(1);
        let correction = (1.0 - beta2.powi(self.steps)).sqrt();
        let factor = held(-lr * correction / (1.0 - beta1.powi(self.steps)), &self.factor)?;
        let _same = self.factor.f_fill_(factor)?;
        let moments = self.means.iter_mut().zip(&mut self.squares);
        for ((parameter, gradient), (mean, square)) in parameters.iter_mut().zip(gradients).zip(moments) {
            let gradient = self.penalty.add(gradient, parameter)?;
            if self.decay != 0.0 {
                let _same = parameter.f_mul_scalar_(held(1.0 - lr * self.decay, &self.factor)?)?;
            }
            let _same = mean.f_lerp_(&gradient, 1.0 - beta1)?;
            let _same = square.f_lerp_(&gradient.f_square()?, 1.0 - beta2)?;
            let mut root = square.f_sqrt()?;
            let _same = root.f_add_scalar_(correction * epsilon)?;
            let _same = parameter.f_addcmul_(&mean.f_div(&root)?, &self.factor)?;
        }
        Ok(())
    }
}
