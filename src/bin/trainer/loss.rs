//! What training minimises, from the network's logits.

use tch::{Reduction, TchError, Tensor};
use torchscope::recipe::{Activation, Loss};

use crate::network::activate;

/// A class that no sample has: libtorch can leave one out.
const NO_CLASS: i64 = -100;

/// Loss of `logits` of shape (n, outputs..) against `truth`: the mean over batch and outputs, a tensor without
/// dimensions. For cross-entropy `truth` is the class of each sample, i64 of shape (n), and otherwise what the logits
/// should become, of their shape.
///
/// Cross-entropy is computed from the logits, behind a sigmoid too: log(1 + exp(-|x|)) never sees a probability that
/// rounding has made 0 or 1.
pub(crate) fn mean(loss: Loss, last: Activation, logits: Tensor, truth: &Tensor) -> Result<Tensor, TchError> {
    match (loss, last) {
        (Loss::Bce, Activation::Sigmoid) => {
            logits.f_binary_cross_entropy_with_logits::<Tensor>(truth, None, None, Reduction::Mean)
        }
        (Loss::Bce, _) => activate(last, logits)?.f_binary_cross_entropy::<Tensor>(truth, None, Reduction::Mean),
        (Loss::Mse, _) => activate(last, logits)?.f_mse_loss(truth, Reduction::Mean),
        (Loss::CrossEntropy, _) => {
            activate(last, logits)?.f_cross_entropy_loss::<Tensor>(truth, None, Reduction::Mean, NO_CLASS, 0.0)
        }
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

    /// log(sum(exp(x))) - x of the class, also where exp(x) overflows.
    #[test]
    fn classes_compare_by_their_logits() {
        let logits = [[1.0, -2.0, 0.5], [900.0, 0.0, -900.0], [0.0, 0.0, 0.0]];
        let classes = [2_i64, 1, 0];
        let terms = [(1_f64.exp() + (-2_f64).exp() + 0.5_f64.exp()).ln() - 0.5, 900.0, 3_f64.ln()];
        let logits = Tensor::from_slice(&logits.concat()).reshape([3, 3]);
        let got = mean(Loss::CrossEntropy, Activation::Linear, logits, &Tensor::from_slice(&classes)).unwrap();
        assert!((got.double_value(&[]) - terms.iter().sum::<f64>() / 3.0).abs() < 1e-12);
    }

    /// The mean of all pixels, not the sum of a sample's.
    #[test]
    fn every_output_counts_once() {
        let targets = Tensor::from_slice(&[0.0, 0.5, 1.0, 1.0, 0.0, 0.5]).reshape([2, 3]);
        let logits = || Tensor::zeros([2, 3], (tch::Kind::Double, tch::Device::Cpu));
        let bce = mean(Loss::Bce, Activation::Sigmoid, logits(), &targets).unwrap().double_value(&[]);
        assert!((bce - 2_f64.ln()).abs() < 1e-14);
        let mse = mean(Loss::Mse, Activation::Sigmoid, logits(), &targets).unwrap().double_value(&[]);
        assert!((mse - 4.0 * 0.25 / 6.0).abs() < 1e-14);
    }
}
