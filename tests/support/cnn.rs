//! What a run of the recipe `cnn` would have recorded: a cat and digits through convolutions with made-up weights.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use ndarray::{Array2, Array3, Axis, s};
use torchscope::data;
use torchscope::log::{Data, Grid, Record, TensorValue, Value, tags};
use torchscope::recipe::{LayerKind, Network, Recipe};
use torchscope::run::{Description, RunMeta, Setup, State};

/// Digits among the probes.
const DIGITS: usize = 10;
/// A channel of the first layer that never says anything.
pub(crate) const DEAD: usize = 11;
/// A channel of the first layer that says nothing of the cat.
pub(crate) const SILENT: usize = 22;

/// The recipe.
pub(crate) fn recipe() -> Recipe {
    Recipe::load("cnn", &[]).unwrap()
}

/// The probes by name: the cat and ten digits.
pub(crate) fn probes() -> &'static [(String, Array2<f32>)] {
    // Reading the digits takes longer than the tests that look at them.
    static PROBES: OnceLock<Vec<(String, Array2<f32>)>> = OnceLock::new();
    PROBES.get_or_init(read_probes)
}

fn read_probes() -> Vec<(String, Array2<f32>)> {
    let test = data::load(&recipe().data).unwrap().test.unwrap();
    let mut all =
        vec![("cat".to_owned(), data::picture::load("cat", [1, 28, 28]).unwrap().index_axis_move(Axis(0), 0))];
    let labels = test.labels.unwrap();
    let inputs = test.inputs.into_shape_with_order((labels.len(), 28, 28)).unwrap();
    for digit in 0..DIGITS as u32 {
        let at = labels.iter().position(|label| *label == digit).unwrap();
        all.push((digit.to_string(), inputs.index_axis(Axis(0), at).to_owned()));
    }
    all
}

/// What `run.json` says after so many steps.
pub(crate) fn meta(step: u64) -> RunMeta {
    let recipe = recipe();
    RunMeta {
        name: "cnn-0003".into(),
        recipe: "cnn".into(),
        state: State::Running,
        epochs: 5,
        steps_per_epoch: 157,
        step,
        epoch: step / 157,
        lr: 1e-3,
        description: Description {
            setup: Setup {
                seed: 1,
                device: Some("cpu".into()),
                data: Some("MNIST 10,000 + 2,000 test".into()),
                evaluated: "test set".into(),
                loss: "cross_entropy".into(),
                optimizer: "adam".into(),
                init: "keras".into(),
                batch_size: 64,
                ..Setup::default()
            },
            network: recipe.network(&[1, 28, 28]).ok(),
            classes: (0..10).map(|digit| digit.to_string()).collect(),
            probes: probes().iter().map(|(name, _)| name.clone()).collect(),
            ..Description::default()
        },
        ..RunMeta::default()
    }
}

/// Kernels of shape (out * in, 3, 3), in -1..=1 about: edges of all directions, thinner the more inputs there are.
fn kernels(out: usize, inputs: usize, seed: u32) -> Array3<f32> {
    let noise = |n: u32| ((n.wrapping_mul(2_654_435_761) >> 8) % 1000) as f32 / 500.0 - 1.0;
    Array3::from_shape_fn((out * inputs, 3, 3), |(n, y, x)| {
        let key = n as u32 * 9 + seed * 7919;
        let angle = noise(key) * std::f32::consts::PI;
        let (dy, dx) = (y as f32 - 1.0, x as f32 - 1.0);
        let edge = angle.cos() * dx + angle.sin() * dy;
        let weight = 0.5 * edge + 0.25 * noise(key + 1 + (y * 3 + x) as u32);
        weight / (inputs as f32).sqrt()
    })
}

fn convolve(input: &Array3<f32>, kernels: &Array3<f32>) -> Array3<f32> {
    let (inputs, height, width) = input.dim();
    let out = kernels.len_of(Axis(0)) / inputs;
    let mut maps = Array3::zeros((out, height - 2, width - 2));
    for (n, kernel) in kernels.outer_iter().enumerate() {
        for ((dy, dx), weight) in kernel.indexed_iter() {
            let moved = input.slice(s![n % inputs, dy..dy + height - 2, dx..dx + width - 2]);
            maps.index_axis_mut(Axis(0), n / inputs).scaled_add(*weight, &moved);
        }
    }
    maps
}

fn pool(input: &Array3<f32>) -> Array3<f32> {
    let (channels, height, width) = input.dim();
    Array3::from_shape_fn((channels, height / 2, width / 2), |(n, y, x)| {
        input.slice(s![n, 2 * y..2 * y + 2, 2 * x..2 * x + 2]).fold(f32::NEG_INFINITY, |a, b| a.max(*b))
    })
}

/// What every pictured layer puts out for a picture, before its activation.
pub(crate) fn trace(network: &Network, picture: &Array2<f32>) -> BTreeMap<String, Array3<f32>> {
    let mut maps = BTreeMap::new();
    let mut input = picture.clone().insert_axis(Axis(0));
    for (place, layer) in network.layers.iter().enumerate() {
        let before = match layer.kind {
            LayerKind::Conv2d => {
                let inputs = input.len_of(Axis(0));
                let mut before = convolve(&input, &kernels(layer.channels(), inputs, place as u32));
                if place == 0 {
                    before.index_axis_mut(Axis(0), DEAD).fill(-0.25);
                    // The cat is darker than white strokes are bright.
                    before.index_axis_mut(Axis(0), SILENT).mapv_inplace(|x| x - 1.1);
                }
                before
            }
            LayerKind::MaxPool2d => pool(&input),
            LayerKind::Flatten => {
                let count = input.len();
                input.into_shape_with_order((count, 1, 1)).unwrap()
            }
            _ => Array3::from_shape_fn((layer.channels(), 1, 1), |(n, ..)| {
                let weight = |i: usize| ((n * 31 + i * 17) % 23) as f32 / 11.0 - 1.0;
                input.iter().enumerate().map(|(i, x)| weight(i) * x).sum::<f32>() / (input.len() as f32).sqrt()
            }),
        };
        input = before.mapv(|x| layer.activation.of(x));
        if layer.is_pictured() {
            maps.insert(layer.name.clone(), before);
        }
    }
    maps
}

fn tensor(tag: &str, values: Vec<f32>) -> Value {
    Value { tag: Arc::from(tag), data: Data::Tensor(TensorValue::new(vec![values.len()], values)) }
}

/// An atlas under a tag.
pub(crate) fn atlas(tag: &str, maps: &Array3<f32>) -> Value {
    Value { tag: Arc::from(tag), data: Data::Image(Grid::atlas(maps.view(), None).encode().unwrap()) }
}

/// All pictures of a step.
pub(crate) fn record(step: i64) -> Record {
    static VALUES: OnceLock<Vec<Value>> = OnceLock::new();
    Record { step, wall_time: 1.7e9, values: VALUES.get_or_init(values).clone() }
}

fn values() -> Vec<Value> {
    let network = meta(0).description.network.unwrap();
    let mut values = Vec::new();
    let mut peaks: BTreeMap<String, Vec<f32>> = BTreeMap::new();
    for (probe, picture) in probes() {
        values.push(atlas(&tags::map(tags::INPUT, probe), &picture.clone().insert_axis(Axis(0))));
        for (layer, before) in trace(&network, picture) {
            let activation = network.layers[network.position(&layer).unwrap()].activation;
            let peaks = peaks.entry(layer.clone()).or_insert_with(|| vec![0.0; before.dim().0]);
            for (peak, map) in peaks.iter_mut().zip(before.outer_iter()) {
                *peak = map.iter().map(|x| activation.of(*x).abs()).fold(*peak, f32::max);
            }
            values.push(atlas(&tags::map(&layer, probe), &before));
        }
    }
    for (layer, peaks) in peaks {
        values.push(tensor(&tags::of_layer(tags::PEAK, &layer), peaks));
    }
    let mut inputs = 1;
    for (place, layer) in network.layers.iter().enumerate().filter(|(_, layer)| layer.kind == LayerKind::Conv2d) {
        values
            .push(atlas(&tags::of_layer(tags::KERNELS, &layer.name), &kernels(layer.channels(), inputs, place as u32)));
        inputs = layer.channels();
    }
    values
}
