//! The whole computation against independent numbers, in f64 and through the path that training takes.

use torchscope::recipe::{DataSpec, Device as RecipeDevice, Init, LayerSpec, ModelSpec, OptimizerSpec, RecordSpec};

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
        classes: true,
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
        record: RecordSpec::default(),
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
    let network =
        Network::new(&recipe.network(&[2]).unwrap(), |index, _| start[index].clone(), Kind::Double, Device::Cpu);
    Session::with_network(recipe, network.unwrap(), samples(&inputs, &targets)).unwrap()
}

fn values(tensor: &Tensor) -> Vec<f64> {
    Vec::<f64>::try_from(tensor.detach().reshape([-1])).unwrap()
}

/// `reference.md`, "Deterministic moons run".
#[test]
fn the_deterministic_run_gives_the_reference_losses() {
    let mut session = session(&recipe(sgd(0.5, 0.0, false, 0.0), false));
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
        let OptimizerSpec::Sgd { lr, momentum, nesterov, weight_decay } = *spec;
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
        let mut session = Session::new(&recipe, &recipe.network(&[2]).unwrap(), samples(&inputs, &targets)).unwrap();
        assert_eq!(session.steps_per_epoch(), 3, "4 + 4 + 2");
        for _ in 0..epochs * 3 {
            let _loss = session.step().unwrap();
        }
        (values(&session.epoch.inputs), values(&session.epoch.targets))
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
    let (inputs, targets) = moons();
    let train = |seed: u64, evaluate: bool| {
        let mut recipe = recipe(sgd(0.5, 0.9, true, 0.0), true);
        recipe.seed = seed;
        let mut session = Session::new(&recipe, &recipe.network(&[2]).unwrap(), samples(&inputs, &targets)).unwrap();
        for _ in 0..40 {
            let _loss = session.step().unwrap();
            if evaluate {
                session.evaluate().unwrap();
                session.gradient_norm().unwrap();
                let _outputs = session.outputs(&session.samples().inputs).unwrap();
            }
        }
        let bits = |tensor| values(tensor).into_iter().map(f64::to_bits).collect::<Vec<_>>();
        session.network().parameters().iter().map(bits).collect::<Vec<_>>()
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
    let session = Session::new(&recipe, &recipe.network(&[2]).unwrap(), samples(&inputs, &targets)).unwrap();
    assert_eq!(session.pieces(count as i64).count(), 3);
    let p = values(&session.outputs(&session.samples().inputs).unwrap());
    assert_eq!(p.len(), count);
    let loss =
        p.iter().zip(&targets).map(|(p, t)| -(t * p.ln() + (1.0 - t) * (1.0 - p).ln())).sum::<f64>() / count as f64;
    let right = p.iter().zip(&targets).filter(|(p, t)| (**p > 0.5) == (**t > 0.5)).count();
    let evaluation = session.evaluate().unwrap();
    assert!((evaluation.loss - loss).abs() < 1e-12);
    assert_eq!(evaluation.accuracy, Some(right as f64 / count as f64));
}

#[test]
fn accuracy_counts_the_right_side_of_one_half() {
    let mut recipe = recipe(sgd(0.1, 0.0, false, 0.0), false);
    recipe.model.layers = vec![LayerSpec::Dense { units: 1, activation: Activation::Sigmoid }];
    let description = recipe.network(&[2]).unwrap();
    let start = [vec![1.0, 0.0], vec![0.0]];
    let network = Network::new(&description, |index, _| start[index].clone(), Kind::Double, Device::Cpu).unwrap();
    // Logits are the first feature: right, wrong, right, right.
    let samples = samples(&[3.0, 0.0, 0.5, 0.0, -2.0, 0.0, 1.0, 0.0], &[1.0, 0.0, 0.0, 1.0]);
    let session = Session::with_network(&recipe, network, samples).unwrap();
    assert_eq!(session.evaluate().unwrap().accuracy, Some(0.75));
}
