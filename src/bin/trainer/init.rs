//! Where parameters start. Values come from the run's own random numbers, in f64, so that they depend on neither
//! libtorch's generator nor the device nor the type that the network computes in.

use torchscope::recipe::{Init, Parameter};

use crate::random::{Random, Stream};

/// Bound of the uniform distribution that a parameter starts from; 0 starts it at zero.
///
/// - `keras`: Glorot uniform, sqrt(6 / (`fan_in` + `fan_out`)); biases 0.
/// - `torch`: `nn.Linear.reset_parameters`, 1/sqrt(`fan_in`) for weights (Kaiming with a = sqrt(5)) and biases alike.
/// - `tch`: weights sqrt(6/`fan_in`), biases 1/sqrt(`fan_in`).
fn bound(init: Init, parameter: &Parameter) -> f64 {
    let (fan_in, fan_out) = (parameter.fan_in as f64, parameter.fan_out as f64);
    let is_bias = parameter.shape.len() == 1;
    match init {
        Init::Keras if is_bias => 0.0,
        Init::Keras => (6.0 / (fan_in + fan_out)).sqrt(),
        Init::Torch => 1.0 / fan_in.sqrt(),
        Init::Tch if is_bias => 1.0 / fan_in.sqrt(),
        Init::Tch => (6.0 / fan_in).sqrt(),
    }
}

/// Initial values of the parameter at place `index` of the network, in row-major order.
pub(crate) fn values(init: Init, seed: u64, index: usize, parameter: &Parameter) -> Vec<f64> {
    let bound = bound(init, parameter);
    if bound == 0.0 {
        return vec![0.0; parameter.count()];
    }
    let mut random = Random::new(seed, Stream::Parameter, index as u64);
    (0..parameter.count()).map(|_| random.uniform(-bound, bound)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weight() -> Parameter {
        Parameter { name: "dense1.weight".into(), shape: vec![200, 100], fan_in: 100, fan_out: 200 }
    }

    fn bias() -> Parameter {
        Parameter { name: "dense1.bias".into(), shape: vec![2000], fan_in: 100, fan_out: 2000 }
    }

    /// Inside the bound, near to both ends of it, mean 0 and variance bound²/3 within five standard errors.
    fn assert_uniform(values: &[f64], bound: f64) {
        let n = values.len() as f64;
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        assert!(low >= -bound && high < bound, "{low}..{high} leaves ±{bound}");
        assert!(low < -0.99 * bound && high > 0.99 * bound, "{low}..{high} does not fill ±{bound}");
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|v| v * v).sum::<f64>() / n;
        assert!(mean.abs() < 5.0 * bound / (3.0 * n).sqrt(), "mean {mean}");
        // The variance of x² for x uniform in ±b is b⁴ · 4/45.
        assert!((variance - bound * bound / 3.0).abs() < 5.0 * bound * bound * (4.0 / 45.0 / n).sqrt());
    }

    #[test]
    fn each_scheme_keeps_its_bounds() {
        assert_uniform(&values(Init::Keras, 1, 0, &weight()), (6.0_f64 / 300.0).sqrt());
        assert!(values(Init::Keras, 1, 1, &bias()).iter().all(|v| *v == 0.0));
        assert_uniform(&values(Init::Torch, 1, 0, &weight()), 0.1);
        assert_uniform(&values(Init::Torch, 1, 1, &bias()), 0.1);
        assert_uniform(&values(Init::Tch, 1, 0, &weight()), 0.06_f64.sqrt());
        assert_uniform(&values(Init::Tch, 1, 1, &bias()), 0.1);
    }

    #[test]
    fn seed_and_place_decide() {
        let start = values(Init::Keras, 5, 0, &weight());
        assert_eq!(start, values(Init::Keras, 5, 0, &weight()));
        assert_ne!(start, values(Init::Keras, 6, 0, &weight()));
        assert_ne!(start, values(Init::Keras, 5, 2, &weight()));
    }
}
