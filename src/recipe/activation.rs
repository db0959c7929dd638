//! Activations of single numbers, for whoever looks at a network without libtorch.

use std::f64::consts::FRAC_1_SQRT_2;

use super::spec::Activation;

impl Activation {
    /// The activation of `x`, as `PyTorch` computes it for tensors. NaN stays NaN.
    pub fn of(self, x: f32) -> f32 {
        match self {
            Self::Linear => x,
            // `max` would turn NaN into 0.
            Self::Relu => {
                if x < 0.0 {
                    0.0
                } else {
                    x
                }
            }
            Self::Tanh => x.tanh(),
            Self::Sigmoid => 1.0 / (1.0 + (-x).exp()),
            Self::Gelu => {
                let x = f64::from(x);
                (0.5 * x * libm::erfc(-x * FRAC_1_SQRT_2)) as f32
            }
            Self::LeakyRelu => {
                if x < 0.0 {
                    0.01 * x
                } else {
                    x
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of `torch.nn.functional` at -2, -0.5, 0, 1 and 3.
    #[test]
    fn values_are_those_of_pytorch() {
        let expected = [
            (Activation::Linear, [-2.0, -0.5, 0.0, 1.0, 3.0]),
            (Activation::Relu, [0.0, 0.0, 0.0, 1.0, 3.0]),
            (Activation::Tanh, [-0.964_027_6, -0.462_117_16, 0.0, 0.761_594_2, 0.995_054_8]),
            (Activation::Sigmoid, [0.119_202_92, 0.377_540_67, 0.5, 0.731_058_6, 0.952_574_1]),
            (Activation::Gelu, [-0.045_500_264, -0.154_268_77, 0.0, 0.841_344_7, 2.995_950_2]),
            (Activation::LeakyRelu, [-0.02, -0.005, 0.0, 1.0, 3.0]),
        ];
        assert!(expected.iter().map(|(activation, _)| activation).eq(Activation::ALL));
        for (activation, values) in expected {
            for (x, value) in [-2.0, -0.5, 0.0, 1.0, 3.0].into_iter().zip(values) {
                let found = activation.of(x);
                assert!((found - value).abs() < 1e-6, "{activation}({x}) is {found}, not {value}");
            }
        }
    }

    #[test]
    fn no_number_is_hidden() {
        for activation in Activation::ALL {
            assert!(activation.of(f32::NAN).is_nan(), "{activation}");
            assert!(activation.of(1e30) > 0.0 && activation.of(-1e30) <= 0.0, "{activation}");
        }
        assert_eq!((Activation::Sigmoid.of(-200.0), Activation::Sigmoid.of(200.0)), (0.0, 1.0));
        assert_eq!((Activation::Tanh.of(-200.0), Activation::Tanh.of(200.0)), (-1.0, 1.0));
        assert_eq!(Activation::Gelu.of(100.0), 100.0);
    }
}
