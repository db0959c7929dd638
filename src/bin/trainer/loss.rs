//! What training minimises, from the network's logits.

use tch::{Reduction, TchError, Tensor};
use torchscope::recipe::{Activation, Loss};

use crate::network::activate;

/// Loss of `logits` against `targets` of the same shape: the mean over batch and outputs, a tensor without dimensions.
///
/// Cross-entropy behind a sigmoid is computed from the logits: log(1 + exp(-|x|)) never sees a probability that
/// rounding has made 0 or 1.
pub(crate) fn mean(loss: Loss, last: Activation, logits: Tensor, targets: &Tensor) -> Result<Tensor, TchError> {
    match (loss, last) {
        (Loss::Bce, Activation::Sigmoid) => {
            logits.f_binary_cross_entropy_with_logits::<Tensor>(targets, None, None, Reduction::Mean)
        }
        (Loss::Bce, _) => activate(last, logits)?.f_binary_cross_entropy::<Tensor>(targets, None, Reduction::Mean),
        (Loss::Mse, _) => activate(last, logits)?.f_mse_loss(targets, Reduction::Mean),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(loss: Loss, last: Activation, logits: &[f64], targets: &[f64]) -> f64 {
        let value = mean(loss, last, Tensor::from_slice(logits), &Tensor::from_slice(targets)).unwrap();
        value.f_double_value(&[]).unwrap()
    }

    #[test]
    fn cross_entropy_is_right_where_probabilities_round() {
        // log(1 + exp(-x)) for target 1, plus x for target 0.
        let expected = |x: f64, t: f64| (-x.abs()).exp().ln_1p() + x.max(0.0) - x * t;
        for x in [-800.0, -40.0, -1.5, 0.0, 0.3, 40.0, 800.0] {
            for t in [0.0, 0.25, 1.0] {
                let got = of(Loss::Bce, Activation::Sigmoid, &[x], &[t]);
                assert!((got - expected(x, t)).abs() <= 1e-12 * expected(x, t).max(1.0), "x {x}, t {t}: {got}");
            }
        }
    }

    #[test]
    fn squared_error_comes_after_the_activation() {
        let got = of(Loss::Mse, Activation::Tanh, &[0.5, -1.0], &[0.0, 1.0]);
        let expected = f64::midpoint(0.5_f64.tanh().powi(2), (1.0 + 1.0_f64.tanh()).powi(2));
        assert!((got - expected).abs() < 1e-14);
        let linear = of(Loss::Mse, Activation::Linear, &[3.0], &[1.0]);
        assert!((linear - 4.0).abs() < 1e-14);
    }
}
