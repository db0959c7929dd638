//! Layers against plain arithmetic, known numbers and finite differences, in f64.

use torchscope::recipe::{Padding, Recipe};

use super::*;

const TRAINING: Mode = Mode::Training { seed: 3, step: 8 };

fn dense(units: usize, activation: Activation) -> LayerSpec {
    LayerSpec::Dense { units, activation }
}

fn conv(filters: usize, kernel: usize, stride: usize, padding: Padding, activation: Activation) -> LayerSpec {
    LayerSpec::Conv2d { filters, kernel, stride, padding, activation }
}

fn max_pool(size: usize, stride: usize, padding: Padding) -> LayerSpec {
    LayerSpec::MaxPool2d { size, stride, padding }
}

fn avg_pool(size: usize, stride: usize, padding: Padding) -> LayerSpec {
    LayerSpec::AvgPool2d { size, stride, padding }
}

fn describe(layers: &[LayerSpec], input_shape: &[usize]) -> recipe::Network {
    let mut recipe = Recipe::load("moons", &[]).unwrap();
    recipe.model.layers = layers.to_vec();
    recipe.network(input_shape).unwrap()
}

/// With all parameters different, around 0.
fn network(layers: &[LayerSpec], input_shape: &[usize]) -> Network {
    let start = |index: usize, _: &_, parameter: &Parameter| wave(parameter.count(), 1.3, index as f64 + 1.0, 0.4);
    Network::new(layers, &describe(layers, input_shape), start, Kind::Double, Device::Cpu).unwrap()
}

/// The one layer that `spec` is, without parameters.
fn bare(spec: LayerSpec, input_shape: &[usize]) -> Network {
    network(&[spec], input_shape)
}

fn wave(count: usize, pace: f64, phase: f64, height: f64) -> Vec<f64> {
    (0..count).map(|k| height * (pace * k as f64 + phase).sin()).collect()
}

/// Shape (n, shape..), without equal numbers.
fn inputs(n: i64, shape: &[i64]) -> Tensor {
    let count = n * shape.iter().product::<i64>();
    let values: Vec<f64> = (0..count).map(|k| (0.37 * (k as f64).powf(1.1)).cos()).collect();
    Tensor::from_slice(&values).reshape([&[n], shape].concat())
}

fn values(tensor: &Tensor) -> Vec<f64> {
    Vec::<f64>::try_from(tensor.detach().reshape([-1])).unwrap()
}

fn picture(rows: &[&[f64]]) -> Tensor {
    Tensor::from_slice(&rows.concat()).reshape([1, 1, rows.len() as i64, rows[0].len() as i64])
}

fn says(network: &Network, inputs: &Tensor) -> Vec<f64> {
    values(&network.outputs(inputs).unwrap())
}

/// Every derivative of a network in training against a difference of two values.
fn assert_gradients(layers: &[LayerSpec], input_shape: &[i64]) {
    const EPSILON: f64 = 1e-6;
    let sides: Vec<usize> = input_shape.iter().map(|side| *side as usize).collect();
    let network = network(layers, &sides);
    let inputs = inputs(5, input_shape).set_requires_grad(true);
    // Some function of the outputs that treats all of them differently.
    let value = || {
        let outputs = activate(network.last_activation(), network.logits(&inputs, TRAINING).unwrap()).unwrap();
        let weights = Tensor::from_slice(&wave(outputs.numel(), 0.7, 0.3, 1.0)).reshape(outputs.size());
        (outputs * weights).sum(Kind::Double)
    };
    value().backward();
    for (place, tensor) in network.parameters().iter().chain([&inputs]).enumerate() {
        let gradient = values(&tensor.grad());
        let numbers = tensor.detach().view([-1]);
        for (index, gradient) in gradient.iter().enumerate() {
            let mut number = numbers.get(index as i64);
            let at = number.double_value(&[]);
            let mut of = |moved: f64| {
                let _same = number.fill_(moved);
                tch::no_grad(value).double_value(&[])
            };
            let difference = (of(at + EPSILON) - of(at - EPSILON)) / (2.0 * EPSILON);
            of(at);
            assert!(
                (gradient - difference).abs() < 1e-7 * gradient.abs().max(1.0),
                "{layers:?}, tensor {place}, number {index}: {gradient} for {difference}"
            );
        }
    }
}

#[test]
fn gradients_agree_with_finite_differences() {
    use Activation::{Gelu, LeakyRelu, Linear, Relu, Sigmoid, Tanh};
    for activation in [Linear, Relu, Tanh, Sigmoid, Gelu, LeakyRelu] {
        assert_gradients(&[dense(4, activation), dense(2, Linear)], &[3]);
        assert_gradients(&[dense(4, activation)], &[3]);
    }
    for padding in [Padding::Valid, Padding::Same] {
        for (kernel, stride) in [(3, 1), (3, 2), (2, 2), (2, 1)] {
            assert_gradients(&[conv(3, kernel, stride, padding, Tanh)], &[2, 5, 4]);
            assert_gradients(&[conv(2, 2, 1, Padding::Valid, Gelu), max_pool(kernel, stride, padding)], &[1, 6, 5]);
            assert_gradients(&[avg_pool(kernel, stride, padding)], &[2, 5, 4]);
        }
    }
    assert_gradients(&[LayerSpec::BatchNorm { activation: Gelu }], &[3]);
    assert_gradients(&[conv(2, 2, 1, Padding::Same, Linear), LayerSpec::BatchNorm { activation: Tanh }], &[1, 3, 4]);
    let _turn = crate::random::turn_at_the_generator();
    assert_gradients(&[LayerSpec::Dropout { rate: 0.4 }, LayerSpec::Flatten, dense(3, Sigmoid)], &[2, 3, 3]);
}

/// Input I[r][c] = 28 r + c: `reference.md`, "Feature maps".
#[test]
fn kernels_slide_without_being_turned_around() {
    let sobel = [-1.0, 0.0, 1.0, -2.0, 0.0, 2.0, -1.0, 0.0, 1.0];
    let transposed = [-1.0, -2.0, -1.0, 0.0, 0.0, 0.0, 1.0, 2.0, 1.0];
    let layers = [conv(2, 3, 1, Padding::Valid, Activation::Relu)];
    let start = |index: usize, _: &_, _: &_| {
        if index == 0 { [sobel, transposed].concat() } else { vec![0.0, 0.0] }
    };
    let description = describe(&layers, &[1, 28, 28]);
    let network = Network::new(&layers, &description, start, Kind::Double, Device::Cpu).unwrap();
    let input = Tensor::arange(28 * 28, (Kind::Double, Device::Cpu)).reshape([1, 1, 28, 28]);
    let output = network.outputs(&input).unwrap();
    assert_eq!(output.size(), [1, 2, 26, 26]);
    let output = values(&output);
    assert!(output[..26 * 26].iter().all(|value| *value == 8.0));
    assert!(output[26 * 26..].iter().all(|value| *value == 224.0));
}

#[test]
fn a_classifier_of_digits_has_the_shapes_of_its_description() {
    let relu = Activation::Relu;
    let layers = [
        conv(32, 3, 1, Padding::Valid, relu),
        max_pool(2, 2, Padding::Valid),
        conv(64, 3, 1, Padding::Valid, relu),
        max_pool(2, 2, Padding::Valid),
        conv(64, 3, 1, Padding::Valid, relu),
        LayerSpec::Flatten,
        dense(64, relu),
        dense(10, Activation::Linear),
    ];
    let network = network(&layers, &[1, 28, 28]);
    let trace = network.trace(&inputs(2, &[1, 28, 28])).unwrap();
    let shapes: Vec<Vec<i64>> = trace.iter().map(|output| output.after.size()).collect();
    let expected: [&[i64]; 8] = [
        &[2, 32, 26, 26],
        &[2, 32, 13, 13],
        &[2, 64, 11, 11],
        &[2, 64, 5, 5],
        &[2, 64, 3, 3],
        &[2, 576],
        &[2, 64],
        &[2, 10],
    ];
    assert_eq!(shapes, expected);
}

/// As Keras adds zeros: the odd row and column below and to the right.
#[test]
fn convolutions_pad_below_and_to_the_right_first() {
    for (kernel, stride, height, width) in [(2, 1, 3, 4), (3, 2, 6, 5), (4, 3, 7, 8), (3, 1, 4, 4), (2, 3, 7, 5)] {
        let network = network(&[conv(1, kernel, stride, Padding::Same, Activation::Linear)], &[1, height, width]);
        let input = inputs(1, &[1, height as i64, width as i64]);
        let (pixels, weight) = (values(&input), values(&network.parameters()[0]));
        let bias = values(&network.parameters()[1])[0];
        let places = |length: usize| {
            let count = length.div_ceil(stride);
            (count, ((count - 1) * stride + kernel).saturating_sub(length) / 2)
        };
        let ((rows, above), (columns, left)) = (places(height), places(width));
        let mut expected = Vec::new();
        for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
            let mut sum = bias;
            for (i, j) in (0..kernel).flat_map(|i| (0..kernel).map(move |j| (i, j))) {
                let (Some(y), Some(x)) =
                    ((row * stride + i).checked_sub(above), (column * stride + j).checked_sub(left))
                else {
                    continue;
                };
                if y < height && x < width {
                    sum += weight[i * kernel + j] * pixels[y * width + x];
                }
            }
            expected.push(sum);
        }
        let got = says(&network, &input);
        assert_eq!(got.len(), expected.len());
        for (got, expected) in got.iter().zip(expected) {
            assert!((got - expected).abs() < 1e-14, "{kernel} by {stride} over {height}x{width}: {got} for {expected}");
        }
    }
}

#[test]
fn pools_drop_what_fills_no_window() {
    let input = picture(&[&[1.0, 2.0, 9.0], &[3.0, 4.0, 9.0], &[9.0, 9.0, 9.0]]);
    assert_eq!(says(&bare(max_pool(2, 2, Padding::Valid), &[1, 3, 3]), &input), [4.0]);
    assert_eq!(says(&bare(avg_pool(2, 2, Padding::Valid), &[1, 3, 3]), &input), [2.5]);
}

#[test]
fn what_a_pool_adds_neither_wins_nor_counts() {
    let input = picture(&[&[-1.0, -2.0, -3.0], &[-4.0, -5.0, -6.0], &[-7.0, -8.0, -9.0]]);
    // One row below and one column to the right.
    assert_eq!(says(&bare(max_pool(2, 2, Padding::Same), &[1, 3, 3]), &input), [-1.0, -3.0, -7.0, -9.0]);
    assert_eq!(says(&bare(avg_pool(2, 2, Padding::Same), &[1, 3, 3]), &input), [-3.0, -4.5, -7.5, -9.0]);
    // One on every side.
    let all_around = [-1.0, -1.0, -2.0, -1.0, -1.0, -2.0, -4.0, -4.0, -5.0];
    assert_eq!(says(&bare(max_pool(3, 1, Padding::Same), &[1, 3, 3]), &input), all_around);
    let means = [-3.0, -3.5, -4.0, -4.5, -5.0, -5.5, -6.0, -6.5, -7.0];
    assert_eq!(says(&bare(avg_pool(3, 1, Padding::Same), &[1, 3, 3]), &input), means);
}

#[test]
fn activations_have_their_known_values() {
    let of = |activation, x: f64| values(&activate(activation, Tensor::from_slice(&[x])).unwrap())[0];
    // x/2 · (1 + erf(x/√2)), which the tanh approximation misses by 1e-4.
    for (x, expected) in [(1.0, 0.841_344_746_068_542_9), (-0.5, -0.154_268_769_363_057_8), (0.0, 0.0)] {
        assert!((of(Activation::Gelu, x) - expected).abs() < 1e-12);
    }
    assert_eq!(of(Activation::LeakyRelu, 3.0), 3.0);
    assert!((of(Activation::LeakyRelu, -3.0) + 0.03).abs() < 1e-15);
}

#[test]
fn batch_normalisation_remembers_what_it_saw() {
    let layers = [LayerSpec::BatchNorm { activation: Activation::Linear }];
    let network = Network::new(
        &layers,
        &describe(&layers, &[1]),
        |index, _, _| vec![if index == 0 { 2.0 } else { 0.5 }],
        Kind::Double,
        Device::Cpu,
    )
    .unwrap();
    let batch = Tensor::from_slice(&[1.0, 3.0, 8.0]).reshape([3, 1]);
    // Mean 4, variance 26/3 within the batch and 13 as an estimate.
    let normal = |x: f64, mean: f64, variance: f64| 2.0 * (x - mean) / (variance + 1e-5).sqrt() + 0.5;
    let close = |got: &[f64], expected: &[f64]| {
        assert_eq!(got.len(), expected.len());
        assert!(got.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{got:?} for {expected:?}");
    };
    close(&says(&network, &batch), &[1.0, 3.0, 8.0].map(|x| normal(x, 0.0, 1.0)));
    let trained = values(&network.logits(&batch, TRAINING).unwrap());
    close(&trained, &[1.0, 3.0, 8.0].map(|x| normal(x, 4.0, 26.0 / 3.0)));
    let remembered = [1.0, 3.0, 8.0].map(|x| normal(x, 0.4, 0.9 + 1.3));
    close(&says(&network, &batch), &remembered);
    // One number has no variance.
    let single = values(&network.logits(&Tensor::from_slice(&[[7.0]].concat()).reshape([1, 1]), TRAINING).unwrap());
    close(&single, &[0.5]);
    close(&says(&network, &batch), &remembered);
}

#[test]
fn dropout_is_decided_by_seed_and_step() {
    let _turn = crate::random::turn_at_the_generator();
    let network = bare(LayerSpec::Dropout { rate: 0.25 }, &[1000]);
    let ones = Tensor::ones([10, 1000], (Kind::Double, Device::Cpu));
    let at = |seed, step| values(&network.logits(&ones, Mode::Training { seed, step }).unwrap());
    let first = at(1, 0);
    let zeros = first.iter().filter(|value| **value == 0.0).count();
    // Five standard deviations of a binomial with p = 1/4.
    assert!(zeros.abs_diff(2500) < 217, "{zeros}");
    assert!(first.iter().all(|value| *value == 0.0 || (value - 4.0 / 3.0).abs() < 1e-12));
    assert_ne!(first, at(1, 1));
    assert_ne!(first, at(2, 0));
    assert_eq!(first, at(1, 0));
    assert!(says(&network, &ones).iter().all(|value| *value == 1.0), "nothing is dropped when it is only looked at");
}

#[test]
fn a_trace_shows_both_sides_of_each_activation() {
    let layers = [dense(3, Activation::Relu), LayerSpec::Dropout { rate: 0.5 }, dense(2, Activation::Sigmoid)];
    let network = network(&layers, &[2]);
    let input = inputs(4, &[2]);
    let trace = network.trace(&input).unwrap();
    assert_eq!(trace.len(), 3);
    assert!(values(&trace[0].before).iter().any(|value| *value < 0.0));
    assert_eq!(values(&trace[0].before.relu()), values(&trace[0].after));
    assert_eq!(values(&trace[1].after), values(&trace[0].after));
    assert_eq!(values(&trace[2].before), values(&network.logits(&input, Mode::Evaluation).unwrap()));
    assert_eq!(values(&trace[2].after), says(&network, &input));
}

#[test]
fn only_work_that_pays_for_it_gets_more_threads() {
    let moons = describe(&[dense(20, Activation::Relu), dense(1, Activation::Sigmoid)], &[2]);
    assert_eq!(threads(&moons, 10_000, 8), 1);
    // Few parameters, and 121 places for each of them.
    let pictures = describe(&[conv(64, 3, 1, Padding::Valid, Activation::Relu)], &[32, 13, 13]);
    assert_eq!([1, 2, 3, 8].map(|cores| threads(&pictures, 32, cores)), [1, 1, 2, 7]);
    assert_eq!(threads(&pictures, 1, 8), 1);
}
