//! Where parameters start. Values come from the run's own random numbers, in f64, so that they depend on neither
//! libtorch's generator nor the device nor the type that the network computes in.

use torchscope::recipe::{Init, LayerKind, Parameter, ParameterRole};

use crate::random::{Random, Stream};

/// How a parameter starts.
enum Start {
    /// The same number everywhere.
    Constant(f64),
    /// Uniform up to a bound on either side of 0.
    Uniform(f64),
}

/// - `keras`: Glorot uniform, sqrt(6 / (`fan_in` + `fan_out`)); biases 0.
/// - `torch`: `reset_parameters` of `nn.Linear` and `nn.Conv2d`, 1/sqrt(`fan_in`) for weights (Kaiming with a = sqrt(5))
///   and biases alike.
/// - `tch`: weights sqrt(6/`fan_in`); biases 1/sqrt(`fan_in`) in dense layers and 0 in convolutions.
///
/// Batch normalisation starts as the identity in all of them.
fn start(init: Init, layer: LayerKind, parameter: &Parameter) -> Start {
    let (fan_in, fan_out) = (parameter.fan_in as f64, parameter.fan_out as f64);
    match (parameter.role, init) {
        (ParameterRole::Scale, _) => Start::Constant(1.0),
        (ParameterRole::Shift, _) | (ParameterRole::Bias, Init::Keras) => Start::Constant(0.0),
        (ParameterRole::Bias, Init::Tch) if layer == LayerKind::Conv2d => Start::Constant(0.0),
        (ParameterRole::Weight, Init::Keras) => Start::Uniform((6.0 / (fan_in + fan_out)).sqrt()),
        (ParameterRole::Weight, Init::Tch) => Start::Uniform((6.0 / fan_in).sqrt()),
        (ParameterRole::Weight, Init::Torch) | (ParameterRole::Bias, Init::Torch | Init::Tch) => {
            Start::Uniform(1.0 / fan_in.sqrt())
        }
    }
}

/// Initial values of the parameter of a `layer` at place `index` of the network, in row-major order.
pub(crate) fn values(init: Init, seed: u64, index: usize, layer: LayerKind, parameter: &Parameter) -> Vec<f64> {
    match start(init, layer, parameter) {
        Start::Constant(value) => vec![value; parameter.count()],
        Start::Uniform(bound) => {
            let mut random = Random::new(seed, Stream::Parameter, index as u64);
            (0..parameter.count()).map(|_| random.uniform(-bound, bound)).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use torchscope::recipe::{Activation, LayerSpec, Padding, Recipe};

    use super::*;

    fn weight() -> Parameter {
        Parameter {
            name: "dense1.weight".into(),
            shape: vec![200, 100],
            fan_in: 100,
            fan_out: 200,
            role: ParameterRole::Weight,
        }
    }

    fn bias() -> Parameter {
        Parameter {
            name: "dense1.bias".into(),
            shape: vec![2000],
            fan_in: 100,
            fan_out: 2000,
            role: ParameterRole::Bias,
        }
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
        let (weight, bias) = (weight(), bias());
        let dense = |init, index, parameter| values(init, 1, index, LayerKind::Dense, parameter);
        assert_uniform(&dense(Init::Keras, 0, &weight), (6.0_f64 / 300.0).sqrt());
        assert!(dense(Init::Keras, 1, &bias).iter().all(|v| *v == 0.0));
        assert_uniform(&dense(Init::Torch, 0, &weight), 0.1);
        assert_uniform(&dense(Init::Torch, 1, &bias), 0.1);
        assert_uniform(&dense(Init::Tch, 0, &weight), 0.06_f64.sqrt());
        assert_uniform(&dense(Init::Tch, 1, &bias), 0.1);
    }

    /// 64 filters of 5x5 over 8 channels: Keras takes the window times the channels on either side for the fans.
    #[test]
    fn convolutions_count_their_window() {
        let layers = [LayerSpec::Conv2d {
            filters: 64,
            kernel: 5,
            stride: 1,
            padding: Padding::Valid,
            activation: Activation::Relu,
        }];
        let mut recipe = Recipe::load("moons", &[]).unwrap();
        recipe.model.layers = layers.to_vec();
        let network = recipe.network(&[8, 28, 28]).unwrap();
        let [weight, bias] = &network.layers[0].parameters[..] else { panic!("weight and bias") };
        let conv = |init, index, parameter| values(init, 1, index, LayerKind::Conv2d, parameter);
        assert_uniform(&conv(Init::Keras, 0, weight), (6.0_f64 / (25.0 * 8.0 + 25.0 * 64.0)).sqrt());
        assert_uniform(&conv(Init::Torch, 0, weight), 1.0 / 200.0_f64.sqrt());
        assert_uniform(&conv(Init::Tch, 0, weight), 0.03_f64.sqrt());
        for init in [Init::Keras, Init::Tch] {
            assert_eq!(conv(init, 1, bias), [0.0; 64]);
        }
        let start = conv(Init::Torch, 1, bias);
        assert!(start.iter().all(|v| v.abs() < 1.0 / 200.0_f64.sqrt()) && start.iter().any(|v| *v != 0.0));
    }

    #[test]
    fn batch_normalisation_starts_as_the_identity() {
        for init in [Init::Keras, Init::Torch, Init::Tch] {
            for (role, expected) in [(ParameterRole::Scale, 1.0), (ParameterRole::Shift, 0.0)] {
                let parameter = Parameter { name: "norm1".into(), shape: vec![3], fan_in: 1, fan_out: 1, role };
                assert_eq!(values(init, 1, 0, LayerKind::BatchNorm, &parameter), [expected; 3]);
            }
        }
    }

    #[test]
    fn seed_and_place_decide() {
        let of = |seed, index| values(Init::Keras, seed, index, LayerKind::Dense, &weight());
        let start = of(5, 0);
        assert_eq!(start, of(5, 0));
        assert_ne!(start, of(6, 0));
        assert_ne!(start, of(5, 2));
    }
}
