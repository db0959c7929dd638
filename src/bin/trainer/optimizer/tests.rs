//! Against PyTorch 2.13.0 in float64: five steps on two tensors, the learning rate quartered before the fourth.

use torchscope::recipe::AdamSpec;

use super::*;

fn sgd(momentum: f64, nesterov: bool, weight_decay: f64) -> OptimizerSpec {
    OptimizerSpec::Sgd { lr: 0.1, momentum, nesterov, weight_decay }
}

fn adam(beta1: f64, beta2: f64, epsilon: f64, weight_decay: f64) -> AdamSpec {
    AdamSpec { lr: 0.05, beta1, beta2, epsilon, weight_decay }
}

/// What the five steps make of the four numbers.
fn moved(spec: &OptimizerSpec) -> Vec<f64> {
    let mut parameters = [Tensor::from_slice(&[0.5, -1.25, 2.0]), Tensor::from_slice(&[1.5]).reshape([1, 1])];
    let mut optimizer = Optimizer::new(spec, &parameters).unwrap();
    for step in 1..=5 {
        if step == 4 {
            optimizer.set_lr(spec.lr() / 4.0).unwrap();
        }
        let step = f64::from(step);
        // Gradients of very different sizes, one of which depends on the parameter.
        let first: Vec<f64> = (0..3).map(f64::from).map(|i| (3.0 * step + i).sin() * 10_f64.powf(-2.0 * i)).collect();
        let gradients =
            [Tensor::from_slice(&first) + &parameters[0] * 0.1, Tensor::from_slice(&[step.cos()]).reshape([1, 1])];
        let before: Vec<Tensor> = gradients.iter().map(Tensor::copy).collect();
        optimizer.step(&mut parameters, &gradients).unwrap();
        assert_eq!(gradients[..], before[..], "gradients stay as they are");
    }
    parameters.iter().flat_map(|p| Vec::<f64>::try_from(p.reshape([-1])).unwrap()).collect()
}

#[test]
fn parameters_move_as_in_pytorch() {
    let rms_prop = |lr, alpha, epsilon, momentum, weight_decay| OptimizerSpec::RmsProp {
        lr,
        alpha,
        epsilon,
        momentum,
        weight_decay,
    };
    let cases = [
        (
            sgd(0.0, false, 0.02),
            [0.449_226_166_105_397_34, -1.197_718_343_335_386_6, 1.917_314_202_983_276, 1.585_398_391_569_238_5],
        ),
        (
            sgd(0.9, false, 0.0),
            [0.434_649_687_391_294_3, -1.156_239_487_254_489_4, 1.852_278_133_461_375_6, 1.595_225_851_737_548],
        ),
        (
            sgd(0.8, true, 0.02),
            [0.396_482_376_154_108_8, -1.117_982_710_218_326_4, 1.791_273_613_216_411_8, 1.649_214_056_855_094_8],
        ),
        (
            OptimizerSpec::Adam(adam(0.9, 0.999, 1e-8, 0.0)),
            [0.431_711_992_269_837_5, -1.075_908_917_399_601, 1.825_246_081_606_712_2, 1.483_863_944_661_819_4],
        ),
        (
            OptimizerSpec::Adam(adam(0.8, 0.95, 1e-3, 0.1)),
            [0.414_976_754_566_272_03, -1.076_607_020_887_664_4, 1.825_825_988_069_877, 1.463_823_854_975_137_2],
        ),
        (
            OptimizerSpec::AdamW(adam(0.9, 0.999, 1e-8, 0.01)),
            [0.430_907_822_485_213_6, -1.073_844_259_915_183, 1.821_867_897_759_639_9, 1.481_298_853_272_622_1],
        ),
        (
            OptimizerSpec::AdamW(adam(0.0, 0.9, 1e-6, 0.5)),
            [0.391_967_239_745_253_05, -0.983_452_512_986_295_7, 1.666_541_989_905_404_6, 1.442_506_931_957_584_3],
        ),
        (
            rms_prop(0.01, 0.99, 1e-8, 0.0, 0.0),
            [0.394_573_601_587_751_9, -1.009_276_280_023_074_8, 1.752_687_797_280_235_3, 1.550_663_648_432_511_4],
        ),
        (
            rms_prop(0.02, 0.9, 1e-4, 0.7, 0.1),
            [0.364_492_814_130_017, -0.952_728_879_968_714_4, 1.697_536_803_888_442, 1.469_056_832_429_889_4],
        ),
    ];
    for (spec, expected) in cases {
        for (got, expected) in moved(&spec).iter().zip(expected) {
            assert!((got - expected).abs() < 1e-13, "{spec:?}: {got} for {expected}");
        }
    }
}

/// A schedule may end there.
#[test]
fn a_learning_rate_of_zero_moves_nothing() {
    let specs = [
        sgd(0.9, true, 0.1),
        OptimizerSpec::Adam(adam(0.9, 0.999, 1e-8, 0.1)),
        OptimizerSpec::AdamW(adam(0.9, 0.999, 1e-8, 0.1)),
        OptimizerSpec::RmsProp { lr: 0.1, alpha: 0.99, epsilon: 1e-8, momentum: 0.5, weight_decay: 0.1 },
    ];
    for spec in specs {
        let mut parameters = [Tensor::from_slice(&[0.5_f64, 0.0])];
        let mut optimizer = Optimizer::new(&spec, &parameters).unwrap();
        optimizer.set_lr(0.0).unwrap();
        optimizer.step(&mut parameters, &[Tensor::from_slice(&[1.0_f64, 0.0])]).unwrap();
        assert_eq!(Vec::<f64>::try_from(&parameters[0]).unwrap(), [0.5, 0.0], "{spec:?}");
    }
}

#[test]
fn a_rate_beyond_single_precision_makes_infinite_numbers_and_no_error() {
    // Adam's corrections multiply the rate by ten, AdamW takes a share of it away.
    let huge = |beta2, weight_decay| AdamSpec { lr: 3e38, beta1: 0.9, beta2, epsilon: 1e-8, weight_decay };
    let specs = [OptimizerSpec::Adam(huge(0.0, 0.0)), OptimizerSpec::AdamW(huge(0.999, 3e38))];
    for spec in
        specs.into_iter().chain([OptimizerSpec::Sgd { lr: 3e38, momentum: 0.0, nesterov: false, weight_decay: 3e38 }])
    {
        let mut parameters = [Tensor::from_slice(&[0.5_f32, -1.25])];
        let mut optimizer = Optimizer::new(&spec, &parameters).unwrap();
        for _ in 0..3 {
            optimizer.step(&mut parameters, &[Tensor::from_slice(&[0.5_f32, 2.0])]).unwrap();
            optimizer.set_lr(3e39).unwrap();
        }
        let numbers = Vec::<f32>::try_from(&parameters[0]).unwrap();
        assert!(numbers.iter().all(|number| !number.is_finite()), "{spec:?}: {numbers:?}");
    }
}
