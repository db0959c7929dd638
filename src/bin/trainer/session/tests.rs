//! The whole computation against independent numbers, in f64 and through the path that training takes.

use ndarray::{Array1, Array2};
use tch::Kind;
use torchscope::recipe::{
    Activation, AdamSpec, DataSpec, Device as RecipeDevice, Init, LayerSpec, ModelSpec, OptimizerSpec, Padding, Target,
};

use super::*;

const CSV: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/moons_500_n0.1_rs0.csv");
const HIDDEN: usize = 20;

/// scikit-learn's own moons: inputs row by row, and labels.
fn moons() -> (Vec<f64>, Vec<f64>) {
    let text = std::fs::read_to_string(CSV).unwrap();
    let rows: Vec<Vec<f64>> = text
        .lines()
        .map(|line| line.split(',').map(str::parse).collect::<Result<Vec<f64>, _>>().unwrap_or_default())
        .filter(|row| row.len() == 3)
        .collect();
    assert_eq!(rows.len(), 500);
    (rows.iter().flat_map(|row| [row[0], row[1]]).collect(), rows.iter().map(|row| row[2]).collect())
}

fn samples(inputs: &[f64], targets: &[f64]) -> Samples {
    Samples {
        inputs: Tensor::from_slice(inputs).reshape([-1, 2]),
        targets: Tensor::from_slice(targets).reshape([-1, 1]),
        labels: Some(Tensor::from_slice(targets).to_kind(Kind::Int64)),
    }
}

fn recipe(optimizer: OptimizerSpec, shuffle: bool) -> Recipe {
    Recipe {
        name: "moons".into(),
        title: "moons".into(),
        seed: 7,
        epochs: 10,
        batch_size: 32,
        shuffle,
        pace: None,
        device: RecipeDevice::Cpu,
        loss: Loss::Bce,
        data: DataSpec::Moons { samples: 500, noise: 0.1, seed: 0 },
        model: ModelSpec {
            init: Init::Keras,
            layers: vec![
                LayerSpec::Dense { units: HIDDEN, activation: Activation::Relu },
                LayerSpec::Dense { units: 1, activation: Activation::Sigmoid },
            ],
        },
        optimizer,
        ..Recipe::load("moons", &[]).unwrap()
    }
}

fn sgd(lr: f64, momentum: f64, nesterov: bool, weight_decay: f64) -> OptimizerSpec {
    OptimizerSpec::Sgd { lr, momentum, nesterov, weight_decay }
}

/// The start that `reference.md` gives: W1, b1, w2, b2.
fn reference_start() -> [Vec<f64>; 4] {
    let w1 =
        (0..HIDDEN).flat_map(|j| [0.5 * (2.0 * j as f64 + 1.0).sin(), 0.5 * (2.0 * j as f64 + 2.0).sin()]).collect();
    let w2 = (0..HIDDEN).map(|j| 0.5 * (j as f64 + 1.0).cos()).collect();
    [w1, vec![0.0; HIDDEN], w2, vec![0.0]]
}

fn session(recipe: &Recipe) -> Session {
    let (inputs, targets) = moons();
    let start = reference_start();
    let layers = &recipe.model.layers;
    let network = Network::new(
        layers,
        &recipe.network(&[2]).unwrap(),
        |index, _, _| start[index].clone(),
        Kind::Double,
        Device::Cpu,
    );
    Session::with_network(recipe, network.unwrap(), samples(&inputs, &targets), None).unwrap()
}

/// `reference.md`, "Deterministic moons run": its recipe, and where it starts.
pub(crate) fn deterministic_moons() -> (Recipe, Session) {
    let recipe = recipe(sgd(0.5, 0.0, false, 0.0), false);
    let session = session(&recipe);
    (recipe, session)
}

fn values(tensor: &Tensor) -> Vec<f64> {
    Vec::<f64>::try_from(tensor.detach().reshape([-1])).unwrap()
}

/// `reference.md`, "Deterministic moons run".
#[test]
fn the_deterministic_run_gives_the_reference_losses() {
    let (_, mut session) = deterministic_moons();
    assert_eq!(session.steps_per_epoch(), 16);
    for (step, expected) in [
        (0, 0.693_302_995_1),
        (1, 0.638_957_705_4),
        (2, 0.593_286_842_3),
        (16, 0.344_000_839_9),
        (160, 0.218_364_491_6),
    ] {
        while session.steps() < step {
            let _loss = session.step().unwrap();
        }
        let got = session.evaluate().unwrap().loss;
        assert!((got - expected).abs() < 1e-8, "step {step}: {got} for {expected}");
    }
    assert_eq!(session.epoch(), 10);
}

/// The same network without tensors: forward, backward and `torch.optim.SGD` written out.
struct Plain {
    parameters: [Vec<f64>; 4],
    velocities: [Vec<f64>; 4],
}

impl Plain {
    fn gradients(&self, inputs: &[f64], targets: &[f64]) -> (f64, [Vec<f64>; 4]) {
        let [w1, b1, w2, b2] = &self.parameters;
        let mut gradients = self.parameters.clone().map(|p| vec![0.0; p.len()]);
        let mut loss = 0.0;
        let n = targets.len() as f64;
        for (x, t) in inputs.chunks(2).zip(targets) {
            let affine: Vec<f64> = (0..HIDDEN).map(|j| w1[2 * j] * x[0] + w1[2 * j + 1] * x[1] + b1[j]).collect();
            let logit = b2[0] + (0..HIDDEN).map(|j| w2[j] * affine[j].max(0.0)).sum::<f64>();
            let p = 1.0 / (1.0 + (-logit).exp());
            loss -= (t * p.ln() + (1.0 - t) * (1.0 - p).ln()) / n;
            let d = (p - t) / n;
            gradients[3][0] += d;
            for j in (0..HIDDEN).filter(|j| affine[*j] > 0.0) {
                gradients[2][j] += d * affine[j];
                gradients[1][j] += d * w2[j];
                gradients[0][2 * j] += d * w2[j] * x[0];
                gradients[0][2 * j + 1] += d * w2[j] * x[1];
            }
        }
        (loss, gradients)
    }

    fn step(&mut self, spec: &OptimizerSpec, gradients: &[Vec<f64>; 4]) {
        let OptimizerSpec::Sgd { lr, momentum, nesterov, weight_decay } = *spec else {
            panic!("only SGD is written out")
        };
        for (tensor, gradient) in gradients.iter().enumerate() {
            for (index, g) in gradient.iter().enumerate() {
                let parameter = &mut self.parameters[tensor][index];
                let velocity = &mut self.velocities[tensor][index];
                let g = g + weight_decay * *parameter;
                *velocity = momentum * *velocity + g;
                *parameter -= lr * if nesterov { g + momentum * *velocity } else { *velocity };
            }
        }
    }
}

#[test]
fn gradients_and_optimisers_agree_with_plain_arithmetic() {
    let (inputs, targets) = moons();
    for spec in [
        sgd(0.5, 0.0, false, 0.0),
        sgd(0.1, 0.9, false, 0.0),
        sgd(0.1, 0.9, true, 0.0),
        sgd(0.3, 0.0, false, 0.01),
        sgd(0.1, 0.8, true, 0.02),
    ] {
        let mut session = session(&recipe(spec.clone(), false));
        let parameters = reference_start();
        let mut plain = Plain { velocities: parameters.clone().map(|p| vec![0.0; p.len()]), parameters };
        for step in 0..48 {
            let place = step % 16;
            let (from, to) = (place * 32, (place * 32 + 32).min(500));
            let (loss, gradients) = plain.gradients(&inputs[2 * from..2 * to], &targets[from..to]);
            plain.step(&spec, &gradients);

            let got = session.step().unwrap().double_value(&[]);
            assert!((got - loss).abs() < 1e-12, "{spec:?}, step {step}: loss {got} for {loss}");
            let norm = gradients.iter().flatten().map(|g| g * g).sum::<f64>().sqrt();
            assert!((session.gradient_norm().unwrap() - norm).abs() < 1e-12);
            for (tensor, expected) in session.network().parameters().iter().zip(&plain.parameters) {
                for (got, expected) in values(tensor).iter().zip(expected) {
                    assert!((got - expected).abs() < 1e-11, "{spec:?}, step {step}: {got} for {expected}");
                }
            }
        }
    }
}

#[test]
fn a_new_learning_rate_counts_from_the_next_step() {
    let mut session = session(&recipe(sgd(0.5, 0.0, false, 0.0), false));
    let _loss = session.step().unwrap();
    let before = values(&session.network().parameters()[2]);
    session.set_lr(0.125).unwrap();
    assert_eq!(session.lr(), 0.125);
    let _loss = session.step().unwrap();
    let after = values(&session.network().parameters()[2]);
    for ((before, after), gradient) in before.iter().zip(&after).zip(values(&session.gradients[2])) {
        assert!((before - 0.125 * gradient - after).abs() < 1e-15);
    }
}

#[test]
fn every_epoch_shows_every_sample_once_in_an_order_of_its_own() {
    let inputs: Vec<f64> = (0..20).map(f64::from).collect();
    let targets: Vec<f64> = (0..10).map(f64::from).collect();
    let mut recipe = recipe(sgd(0.01, 0.0, false, 0.0), true);
    recipe.batch_size = 4;
    let order = |epochs: usize| {
        let mut session =
            Session::new(&recipe, &recipe.network(&[2]).unwrap(), samples(&inputs, &targets), None).unwrap();
        assert_eq!(session.steps_per_epoch(), 3, "4 + 4 + 2");
        for _ in 0..epochs * 3 {
            let _loss = session.step().unwrap();
        }
        (values(&session.epoch.inputs), values(&session.epoch.truth))
    };
    let (x, y) = order(1);
    assert!(x.chunks(2).zip(&y).all(|(x, y)| x[0] == 2.0 * y && x[1] == 2.0 * y + 1.0), "inputs follow their targets");
    let mut sorted = y.clone();
    sorted.sort_by(f64::total_cmp);
    assert_eq!(sorted, targets);
    assert_ne!(order(2).1, y);
    assert_eq!(order(1).1, y);
}

#[test]
fn one_seed_gives_one_network_bit_for_bit() {
    let _turn = crate::random::turn_at_the_generator();
    let (inputs, targets) = moons();
    let train = |seed: u64, evaluate: bool| {
        let mut recipe = recipe(sgd(0.5, 0.9, true, 0.0), true);
        recipe.seed = seed;
        let norm = LayerSpec::BatchNorm { activation: Activation::LeakyRelu };
        recipe.model.layers.splice(1..1, [LayerSpec::Dropout { rate: 0.3 }, norm]);
        let mut session =
            Session::new(&recipe, &recipe.network(&[2]).unwrap(), samples(&inputs, &targets), None).unwrap();
        for _ in 0..40 {
            let _loss = session.step().unwrap();
            if evaluate {
                session.evaluate().unwrap();
                session.gradient_norm().unwrap();
                let _outputs = session.outputs(&session.samples().inputs).unwrap();
            }
        }
        let bits = |tensor| values(tensor).into_iter().map(f64::to_bits).collect::<Vec<_>>();
        // What batch normalisation remembers shows in the outputs only.
        let outputs = session.outputs(&session.samples().inputs).unwrap();
        session.network().parameters().iter().chain([&outputs]).map(bits).collect::<Vec<_>>()
    };
    let once = train(3, false);
    assert_eq!(once, train(3, false));
    assert_eq!(once, train(3, true), "looking changes nothing");
    assert_ne!(once, train(4, false));
}

#[test]
fn a_set_that_goes_through_in_pieces_evaluates_the_same() {
    let count = 2 * NUMBERS_AT_A_TIME as usize / HIDDEN + 7;
    let inputs: Vec<f64> = (0..2 * count).map(|i| (i as f64 * 0.37).sin()).collect();
    let targets: Vec<f64> = (0..count).map(|i| f64::from(u8::from(i % 3 == 0))).collect();
    let recipe = recipe(sgd(0.1, 0.0, false, 0.0), false);
    let mut session = Session::new(&recipe, &recipe.network(&[2]).unwrap(), samples(&inputs, &targets), None).unwrap();
    assert_eq!(session.pieces(count as i64).count(), 3);
    let p = values(&session.outputs(&session.samples().inputs).unwrap());
    assert_eq!(p.len(), count);
    let loss =
        p.iter().zip(&targets).map(|(p, t)| -(t * p.ln() + (1.0 - t) * (1.0 - p).ln())).sum::<f64>() / count as f64;
    let mut confusion = Array2::<f32>::zeros((2, 2));
    for (p, t) in p.iter().zip(&targets) {
        confusion[[*t as usize, usize::from(*p > 0.5)]] += 1.0;
    }
    let hidden = session.trace(&session.samples().inputs).unwrap()[0].after.amax([0], false);
    let evaluation = session.evaluate().unwrap();
    assert!((evaluation.loss - loss).abs() < 1e-12);
    let right = f64::from(confusion[[0, 0]] + confusion[[1, 1]]);
    assert_eq!(evaluation.accuracy, Some(right / count as f64));
    assert_eq!(evaluation.confusion, Some(confusion));
    assert_eq!(evaluation.peaks.len(), 2);
    assert_eq!(evaluation.peaks[0].to_vec(), values(&hidden).iter().map(|v| *v as f32).collect::<Vec<_>>());
    assert_eq!(evaluation.peaks[1].to_vec(), [p.iter().copied().fold(0.0, f64::max) as f32]);
}

#[test]
fn outputs_that_are_no_numbers_belong_to_no_class() {
    let (inputs, targets) = moons();
    let recipe = recipe(sgd(0.5, 0.0, false, 0.0), true);
    let network = recipe.network(&[2]).unwrap();
    let mut session = Session::new(&recipe, &network, samples(&inputs, &targets), None).unwrap();
    assert!(session.evaluate().unwrap().accuracy.is_some());
    tch::no_grad(|| {
        // The bias of the last layer: every output becomes NaN, which is not above one half and would count as right half
        // of the time.
        let _bias = session.network().parameters().last().unwrap().shallow_clone().fill_(f64::NAN);
    });
    let evaluation = session.evaluate().unwrap();
    assert!(evaluation.loss.is_nan());
    assert_eq!((evaluation.accuracy, &evaluation.confusion), (None, &None));
    assert_eq!(evaluation.peaks.len(), 2, "what is dead is still known");
}

/// A network of every kind of layer that is not random, against PyTorch 2.13.0: three steps of Adam, and what batch
/// normalisation has remembered in them. Where padding is odd, PyTorch was given enlarged pictures.
#[test]
fn a_convolutional_classifier_trains_as_in_pytorch() {
    let conv = |filters, kernel, stride, padding, activation| LayerSpec::Conv2d {
        filters,
        kernel,
        stride,
        padding,
        activation,
    };
    let mut recipe = recipe(
        OptimizerSpec::Adam(AdamSpec { lr: 0.05, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0 }),
        false,
    );
    recipe.loss = Loss::CrossEntropy;
    recipe.data = DataSpec::Blobs { samples: 6, centers: 3, spread: 1.0, seed: 0 };
    recipe.model.layers = vec![
        conv(3, 4, 2, Padding::Same, Activation::Linear),
        LayerSpec::BatchNorm { activation: Activation::LeakyRelu },
        LayerSpec::MaxPool2d { size: 2, stride: 1, padding: Padding::Same },
        conv(4, 2, 1, Padding::Valid, Activation::Gelu),
        LayerSpec::AvgPool2d { size: 2, stride: 2, padding: Padding::Same },
        LayerSpec::Flatten,
        LayerSpec::Dense { units: 5, activation: Activation::Linear },
        LayerSpec::BatchNorm { activation: Activation::Tanh },
        LayerSpec::Dense { units: 3, activation: Activation::Linear },
    ];
    let description = recipe.network(&[1, 7, 7]).unwrap();
    let start = |index: usize, _: &_, parameter: &recipe::Parameter| {
        (0..parameter.count()).map(|k| 0.4 * (1.3 * k as f64 + index as f64 + 1.0).sin()).collect()
    };
    let network = Network::new(&recipe.model.layers, &description, start, Kind::Double, Device::Cpu).unwrap();
    let inputs: Vec<f64> = (0..6 * 49).map(|k| (0.37 * f64::from(k).powf(1.1)).cos()).collect();
    let samples = Samples {
        inputs: Tensor::from_slice(&inputs).reshape([6, 1, 7, 7]),
        targets: Tensor::from_slice(&[0.0, 1.0, 2.0, 0.0, 1.0, 2.0]).reshape([6, 1]),
        labels: Some(Tensor::from_slice(&[0_i64, 1, 2, 0, 1, 2])),
    };
    let mut session = Session::with_network(&recipe, network, samples, None).unwrap();
    for expected in [1.143_984_263_975_379, 1.103_606_489_904_117_1, 1.064_295_028_153_838_8] {
        let got = session.step().unwrap().double_value(&[]);
        assert!((got - expected).abs() < 1e-12, "{got} for {expected}");
    }
    let norm = session.gradient_norm().unwrap();
    assert!((norm - 0.221_235_430_386_365_37).abs() < 1e-12, "{norm}");
    let evaluation = session.evaluate().unwrap();
    // Biases before a normalisation have a gradient of 0, and Adam makes something of its rounding error.
    assert!((evaluation.loss - 1.096_148_903_009_390_3).abs() < 1e-10, "{}", evaluation.loss);
    assert_eq!(evaluation.accuracy, Some(2.0 / 6.0));
    let all_taken_for_the_last = ndarray::array![[0.0, 0.0, 2.0], [0.0, 0.0, 2.0], [0.0, 0.0, 2.0]];
    assert_eq!(evaluation.confusion, Some(all_taken_for_the_last));
    let widths: Vec<usize> = evaluation.peaks.iter().map(Array1::len).collect();
    assert_eq!(widths, [3, 3, 3, 4, 4, 16, 5, 5, 3]);
}

#[test]
fn the_test_set_is_examined_and_never_learnt() {
    let (inputs, targets) = moons();
    let recipe = recipe(sgd(0.5, 0.0, false, 0.0), true);
    let description = recipe.network(&[2]).unwrap();
    let learn = |test: Option<Samples>| {
        let mut session = Session::new(&recipe, &description, samples(&inputs, &targets), test).unwrap();
        for _ in 0..20 {
            let _loss = session.step().unwrap();
        }
        session
    };
    let mut examined = learn(Some(samples(&[0.0, 5.0, 0.5, 0.5, 0.0, -5.0], &[0.0, 1.0, 1.0])));
    assert_eq!(examined.evaluated_name(), "test set");
    assert_eq!(examined.evaluation(), None);
    let p = values(&examined.outputs(&examined.evaluated().inputs).unwrap());
    assert_eq!(p.len(), 3);
    let evaluation = examined.evaluate().unwrap().clone();
    let loss = -((1.0 - p[0]).ln() + p[1].ln() + p[2].ln()) / 3.0;
    assert!((evaluation.loss - loss).abs() < 1e-12);
    assert_eq!(evaluation.confusion.as_ref().map(Array2::sum), Some(3.0));
    assert_eq!(examined.evaluation(), Some((20, &evaluation)));

    let mut alone = learn(None);
    assert_eq!(alone.evaluated_name(), "full set");
    assert_eq!(alone.evaluate().unwrap().confusion.as_ref().map(Array2::sum), Some(500.0));
    for (one, other) in alone.network().parameters().iter().zip(examined.network().parameters()) {
        assert_eq!(values(one), values(other));
    }
}

#[test]
fn a_picture_that_is_its_own_target_has_no_accuracy() {
    let mut recipe = recipe(sgd(0.1, 0.0, false, 0.0), false);
    recipe.data = DataSpec::Mnist { train: 3, test: 1, target: Target::Input };
    recipe.model.layers = vec![LayerSpec::Flatten, LayerSpec::Dense { units: 4, activation: Activation::Sigmoid }];
    let inputs = Tensor::from_slice(&[0.0, 0.25, 0.5, 0.75, 1.0, 0.75, 0.5, 0.25]).reshape([2, 1, 2, 2]);
    let samples = Samples { targets: inputs.reshape([2, 4]), inputs, labels: Some(Tensor::from_slice(&[7_i64, 3])) };
    let mut session = Session::new(&recipe, &recipe.network(&[1, 2, 2]).unwrap(), samples, None).unwrap();
    let evaluation = session.evaluate().unwrap();
    assert_eq!((evaluation.accuracy, &evaluation.confusion), (None, &None));
    assert!(evaluation.loss.is_finite());
}

#[test]
fn the_schedule_sets_the_rate_of_each_step_and_follows_a_new_one() {
    let mut recipe = recipe(sgd(0.5, 0.0, false, 0.0), false);
    recipe.schedule = ScheduleSpec::Cosine { floor: 0.1, warmup: 0.5 };
    let factor = |step| recipe.schedule.factor(step, 16, 160);
    let mut session = session(&recipe);
    let mut base = 0.5;
    for step in 0..40 {
        if step == 20 {
            session.set_lr(0.3).unwrap();
            base = 0.3 / factor(20);
        }
        let lr = session.lr();
        assert!((lr - base * factor(step)).abs() < 1e-15, "step {step}: {lr}");
        let before = values(&session.network().parameters()[2]);
        let _loss = session.step().unwrap();
        let after = values(&session.network().parameters()[2]);
        for ((before, after), gradient) in before.iter().zip(&after).zip(values(&session.gradients[2])) {
            assert!((before - lr * gradient - after).abs() < 1e-14, "the rate shown is the one that was used");
        }
    }
    assert!(factor(0) < factor(7) && factor(39) < factor(8), "it rises and falls");
}

#[test]
fn accuracy_counts_the_right_side_of_one_half() {
    let mut recipe = recipe(sgd(0.1, 0.0, false, 0.0), false);
    recipe.model.layers = vec![LayerSpec::Dense { units: 1, activation: Activation::Sigmoid }];
    let description = recipe.network(&[2]).unwrap();
    let start = [vec![1.0, 0.0], vec![0.0]];
    let network =
        Network::new(&recipe.model.layers, &description, |index, _, _| start[index].clone(), Kind::Double, Device::Cpu)
            .unwrap();
    // Logits are the first feature: right, wrong, right, right.
    let samples = samples(&[3.0, 0.0, 0.5, 0.0, -2.0, 0.0, 1.0, 0.0], &[1.0, 0.0, 0.0, 1.0]);
    let mut session = Session::with_network(&recipe, network, samples, None).unwrap();
    assert_eq!(session.evaluate().unwrap().accuracy, Some(0.75));
}
