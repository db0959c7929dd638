//! How parameters move. Written on tensors, because libtorch's optimisers cannot save their state through tch.
//!
//! Each line of a formula is one operation on a tensor where that can be, because at 32 samples a step an operation costs
//! more than its arithmetic. Factors are tensors without dimensions: tch's `addcmul` takes no number.

mod adam;
mod rms_prop;
mod sgd;

use tch::{Device, Kind, TchError, Tensor, no_grad};
use torchscope::recipe::OptimizerSpec;

use self::adam::Adam;
use self::rms_prop::RmsProp;
use self::sgd::Sgd;

/// Moves parameters against their gradients, and remembers what it needs for that.
pub(crate) struct Optimizer {
    rule: Rule,
    lr: f64,
    /// -`lr`.
    negative_lr: Tensor,
}

enum Rule {
    Sgd(Sgd),
    Adam(Adam),
    RmsProp(RmsProp),
}

impl Optimizer {
    pub(crate) fn new(spec: &OptimizerSpec, parameters: &[Tensor]) -> Result<Self, TchError> {
        let rule = match *spec {
            OptimizerSpec::Sgd { momentum, nesterov, weight_decay, .. } => {
                Rule::Sgd(Sgd::new(momentum, nesterov, weight_decay, parameters)?)
            }
            OptimizerSpec::Adam(spec) => Rule::Adam(Adam::new(spec, false, parameters)?),
            OptimizerSpec::AdamW(spec) => Rule::Adam(Adam::new(spec, true, parameters)?),
            OptimizerSpec::RmsProp { alpha, epsilon, momentum, weight_decay, .. } => {
                Rule::RmsProp(RmsProp::new(alpha, epsilon, momentum, weight_decay, parameters)?)
            }
        };
        Ok(Self { rule, lr: spec.lr(), negative_lr: scalar(-spec.lr(), parameters)? })
    }

    /// The learning rate of the next step.
    pub(crate) fn lr(&self) -> f64 {
        self.lr
    }

    pub(crate) fn set_lr(&mut self, lr: f64) -> Result<(), TchError> {
        let _same = self.negative_lr.f_fill_(held(-lr, &self.negative_lr)?)?;
        self.lr = lr;
        Ok(())
    }

    /// Steps that corrections have counted; 0 where nothing is corrected.
    pub(crate) fn steps(&self) -> i32 {
        match &self.rule {
            Rule::Adam(adam) => adam.steps(),
            Rule::Sgd(_) | Rule::RmsProp(_) => 0,
        }
    }

    /// Goes on after so many of them.
    pub(crate) fn set_steps(&mut self, steps: i32) {
        if let Rule::Adam(adam) = &mut self.rule {
            adam.set_steps(steps);
        }
    }

    /// What it remembers, by `PyTorch`'s names: one tensor a parameter each, in their order.
    pub(crate) fn memory(&self) -> Vec<(&'static str, &[Tensor])> {
        match &self.rule {
            Rule::Sgd(sgd) => sgd.memory(),
            Rule::Adam(adam) => adam.memory(),
            Rule::RmsProp(rms_prop) => rms_prop.memory(),
        }
    }

    /// Moves `parameters` against `gradients`, which stand in the same order and stay as they are.
    pub(crate) fn step(&mut self, parameters: &mut [Tensor], gradients: &[Tensor]) -> Result<(), TchError> {
        no_grad(|| match &mut self.rule {
            Rule::Sgd(sgd) => sgd.step(&self.negative_lr, parameters, gradients),
            Rule::Adam(adam) => adam.step(self.lr, parameters, gradients),
            Rule::RmsProp(rms_prop) => rms_prop.step(&self.negative_lr, parameters, gradients),
        })
    }
}

/// `value` as a tensor without dimensions, of the parameters' kind and on their device.
fn scalar(value: f64, parameters: &[Tensor]) -> Result<Tensor, TchError> {
    let (kind, device) = parameters.first().map_or((Kind::Float, Device::Cpu), |p| (p.kind(), p.device()));
    Tensor::f_full([0_i64; 0], value, (kind, device))
}

/// `value` as `like` holds numbers: infinite where it is beyond them. libtorch itself refuses to convert such a number.
fn held(value: f64, like: &Tensor) -> Result<f64, TchError> {
    Ok(if like.f_kind()? == Kind::Double { value } else { f64::from(value as f32) })
}

/// One tensor of zeros a parameter.
fn zeros(parameters: &[Tensor]) -> Result<Vec<Tensor>, TchError> {
    parameters.iter().map(Tensor::f_zeros_like).collect()
}

/// A penalty of half the factor times the square of each parameter, as PyTorch's `weight_decay` is where it is part of
/// the gradient.
struct Penalty(Option<Tensor>);

impl Penalty {
    /// None for a `factor` of 0.
    fn new(factor: f64, parameters: &[Tensor]) -> Result<Self, TchError> {
        Ok(Self(if factor == 0.0 { None } else { Some(scalar(factor, parameters)?) }))
    }

    /// `gradient` + factor · `parameter`
    fn add(&self, gradient: &Tensor, parameter: &Tensor) -> Result<Tensor, TchError> {
        match &self.0 {
            Some(factor) => gradient.f_addcmul(parameter, factor),
            None => Ok(gradient.shallow_clone()),
        }
    }
}

#[cfg(test)]
mod tests;
