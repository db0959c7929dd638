//! How parameters move. Written on tensors, because libtorch's optimisers cannot save their state through tch.

use tch::{Kind, TchError, Tensor, no_grad};
use torchscope::recipe::OptimizerSpec;

/// Stochastic gradient descent as `torch.optim.SGD` does it, without dampening:
///
/// g ← g + `weight_decay` · p; v ← momentum · v + g; p ← p - lr · (v, or g + momentum · v with Nesterov).
///
/// Each line is one operation on a tensor, because at 32 samples a step an operation costs more than its arithmetic.
/// Factors are tensors without dimensions: tch's `addcmul` takes no number.
pub(crate) struct Sgd {
    lr: f64,
    negative_lr: Tensor,
    weight_decay: Option<Tensor>,
    momentum: Option<Momentum>,
}

struct Momentum {
    factor: Tensor,
    nesterov: bool,
    /// One a parameter, zero at first: then the first step is the gradient itself, as in `PyTorch`.
    velocities: Vec<Tensor>,
}

impl Sgd {
    pub(crate) fn new(spec: &OptimizerSpec, parameters: &[Tensor]) -> Result<Self, TchError> {
        let OptimizerSpec::Sgd { lr, momentum, nesterov, weight_decay } = *spec;
        let scalar = |value: f64| scalar_like(value, parameters);
        let momentum = if momentum == 0.0 {
            None
        } else {
            let velocities = parameters.iter().map(Tensor::f_zeros_like).collect::<Result<_, _>>()?;
            Some(Momentum { factor: scalar(momentum)?, nesterov, velocities })
        };
        let weight_decay = if weight_decay == 0.0 { None } else { Some(scalar(weight_decay)?) };
        Ok(Self { lr, negative_lr: scalar(-lr)?, weight_decay, momentum })
    }

    pub(crate) fn lr(&self) -> f64 {
        self.lr
    }

    pub(crate) fn set_lr(&mut self, lr: f64) -> Result<(), TchError> {
        let _same = self.negative_lr.f_fill_(-lr)?;
        self.lr = lr;
        Ok(())
    }

    /// Moves `parameters` against `gradients`, which stand in the same order and stay as they are.
    pub(crate) fn step(&mut self, parameters: &mut [Tensor], gradients: &[Tensor]) -> Result<(), TchError> {
        no_grad(|| {
            for (index, (parameter, gradient)) in parameters.iter_mut().zip(gradients).enumerate() {
                let decayed = match &self.weight_decay {
                    Some(decay) => Some(gradient.f_addcmul(parameter, decay)?),
                    None => None,
                };
                let gradient = decayed.as_ref().unwrap_or(gradient);
                let Some(momentum) = &mut self.momentum else {
                    let _same = parameter.f_addcmul_(gradient, &self.negative_lr)?;
                    continue;
                };
                let velocity = gradient.f_addcmul(&momentum.velocities[index], &momentum.factor)?;
                let _same = if momentum.nesterov {
                    let ahead = gradient.f_addcmul(&velocity, &momentum.factor)?;
                    parameter.f_addcmul_(&ahead, &self.negative_lr)?
                } else {
                    parameter.f_addcmul_(&velocity, &self.negative_lr)?
                };
                momentum.velocities[index] = velocity;
            }
            Ok(())
        })
    }
}

/// `value` as a tensor without dimensions, of the parameters' kind and on their device.
fn scalar_like(value: f64, parameters: &[Tensor]) -> Result<Tensor, TchError> {
    let (kind, device) = parameters.first().map_or((Kind::Float, tch::Device::Cpu), |p| (p.kind(), p.device()));
    Tensor::f_full([0_i64; 0], value, (kind, device))
}
