//! What a run of the recipe `autoencoder` would have recorded: real digits, and reconstructions that get sharper.

use std::sync::Arc;

use ndarray::{Array2, Array3, Axis};
use torchscope::data;
use torchscope::log::{Data, Grid, Record, TensorValue, Value, tags};
use torchscope::recipe::{LayerKind, Recipe};
use torchscope::run::{Description, Reference, RunMeta, Setup, State};

/// Steps an epoch.
const EPOCH: u64 = 157;
/// Digits of the test set whose codes are recorded.
const CODES: usize = 1_000;
/// Width of the code.
const UNITS: usize = 32;
/// Every seventh unit of the code is dead: 0, 7, 14, 21, 28.
pub(crate) const DEAD: usize = 7;

/// The recipe.
pub(crate) fn recipe() -> Recipe {
    Recipe::load("autoencoder", &[]).unwrap()
}

/// What `run.json` says after so many steps.
pub(crate) fn meta(step: u64) -> RunMeta {
    let recipe = recipe();
    let reference = |name: &str, loss| Reference { name: name.into(), loss };
    RunMeta {
        name: "autoencoder-0002".into(),
        recipe: "autoencoder".into(),
        state: State::Running,
        epochs: 20,
        steps_per_epoch: EPOCH,
        step,
        epoch: step / EPOCH,
        lr: 1e-3,
        description: Description {
            setup: Setup {
                seed: 1,
                device: Some("cpu".into()),
                data: Some("MNIST 10,000 + 2,000 test".into()),
                evaluated: "test set".into(),
                loss: "bce".into(),
                optimizer: "adam".into(),
                init: "keras".into(),
                batch_size: 64,
                ..Setup::default()
            },
            network: recipe.network(&[1, 28, 28]).ok(),
            classes: (0..10).map(|digit| digit.to_string()).collect(),
            probes: (0..10).map(|digit| digit.to_string()).collect(),
            references: vec![reference("perfect", 0.058), reference("mean image", 0.2625), reference("PCA-32", 0.0905)],
            ..Description::default()
        },
        ..RunMeta::default()
    }
}

fn value(tag: &str, data: Data) -> Value {
    Value { tag: Arc::from(tag), data }
}

fn tensor(tag: &str, values: Vec<f32>) -> Value {
    value(tag, Data::Tensor(TensorValue::new(vec![values.len()], values)))
}

fn atlas(tag: &str, maps: &Array3<f32>) -> Value {
    value(tag, Data::Image(Grid::atlas(maps.view(), None).encode().unwrap()))
}

fn grid(tag: &str, values: Array2<f32>) -> Value {
    value(tag, Data::Image(Grid::new(values, None, None).encode().unwrap()))
}

/// A number in -1..1 that looks random.
fn noise(index: usize) -> f32 {
    let mut bits = (index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    ((bits >> 40) as f32 / (1 << 23) as f32) - 1.0
}

/// The mean of a pixel's neighbours, `width` in each direction, and a grey that vanishes with `share`.
fn blurred(picture: &Array2<f32>, width: isize, share: f32) -> Array2<f32> {
    Array2::from_shape_fn(picture.dim(), |(y, x)| {
        let (mut sum, mut count) = (0.0, 0.0);
        for dy in -width..=width {
            for dx in -width..=width {
                let at = (y as isize + dy, x as isize + dx);
                let pixel = picture.get((at.0.max(0) as usize, at.1.max(0) as usize)).copied().unwrap_or(0.0);
                sum += pixel;
                count += 1.0;
            }
        }
        (sum / count * share + 0.5 * (1.0 - share)).clamp(0.0, 1.0)
    })
}

/// The code of a digit of a class: a cluster a class, the farther apart the more has been learnt.
fn code(class: u32, sample: usize, share: f32) -> impl Fn(usize) -> f32 {
    move |unit| {
        if unit.is_multiple_of(DEAD) {
            return 0.0;
        }
        let centre = noise(class as usize * 101 + unit * 7) * 3.0 * share;
        (1.5 + centre + noise(sample * 37 + unit)).max(0.0)
    }
}

/// All that is recorded at a step, curves left out.
pub(crate) fn record(step: i64) -> Record {
    let share = 1.0 - (-step as f32 / 300.0).exp();
    let test = data::load(&recipe().data).unwrap().test.unwrap();
    let labels = test.labels.unwrap();
    let pictures = test.inputs.into_shape_with_order((labels.len(), 28, 28)).unwrap();
    let shown: Vec<usize> = (0..10).map(|digit| labels.iter().position(|label| *label == digit).unwrap()).collect();
    let inputs = pictures.select(Axis(0), &shown);
    let mut outputs = inputs.clone();
    for (mut output, input) in outputs.outer_iter_mut().zip(inputs.outer_iter()) {
        output.assign(&blurred(&input.to_owned(), if share > 0.7 { 1 } else { 3 }, share));
    }
    let codes = |samples: &[usize]| {
        Array2::from_shape_fn((samples.len(), UNITS), |(n, unit)| code(labels[samples[n]], samples[n], share)(unit))
    };
    let all: Vec<usize> = (0..CODES).collect();
    let mut values = vec![
        atlas(tags::RECONSTRUCTION_INPUT, &inputs),
        tensor(tags::RECONSTRUCTION_LABELS, (0..10).map(|digit| digit as f32).collect()),
        atlas(tags::RECONSTRUCTION_OUTPUT, &outputs),
        grid(tags::RECONSTRUCTION_CODES, codes(&shown)),
        grid(tags::CODE_POINTS, codes(&all)),
        tensor(tags::CODE_LABELS, all.iter().map(|sample| labels[*sample] as f32).collect()),
    ];
    for layer in meta(0).description.network.unwrap().layers.iter().filter(|layer| layer.kind == LayerKind::Dense) {
        let units = layer.channels();
        let response = |(unit, ..): (usize, usize, usize)| noise(unit * 3 + units);
        values.push(atlas(&tags::map(&layer.name, "0"), &Array3::from_shape_fn((units, 1, 1), response)));
        let peak = |unit: usize| if units == UNITS && unit.is_multiple_of(DEAD) { 0.0 } else { 2.0 };
        values.push(tensor(&tags::of_layer(tags::PEAK, &layer.name), (0..units).map(peak).collect()));
    }
    values.push(atlas(&tags::map(tags::INPUT, "0"), &inputs.select(Axis(0), &[0])));
    Record { step, wall_time: 1.7e9 + step as f64 * 0.01, values }
}

/// The curves up to a step.
pub(crate) fn curves(steps: i64) -> Vec<Record> {
    let loss = |step: i64| 0.092 + 0.6 * (-step as f64 / 60.0).exp() + 0.08 * (-step as f64 / 600.0).exp();
    let curve = |step: i64| {
        let scalar = |tag, value| value_of(tag, value);
        let mut values = Vec::new();
        if step > 0 {
            values.push(scalar(tags::LOSS_TRAIN, loss(step) + 0.006 * f64::from(noise(step as usize))));
            values.push(scalar(tags::LR, 1e-3));
            values.push(scalar(tags::STEP_MS, 4.1 + 0.3 * f64::from(noise(step as usize + 7))));
        }
        if step % EPOCH as i64 == 0 {
            values.push(scalar(tags::LOSS_EVAL, loss(step) + 0.001));
            values.push(scalar(tags::PROBE_SHARE, 0.021));
        }
        Record { step, wall_time: 1.7e9 + step as f64 * 0.01, values }
    };
    (0..=steps).map(curve).collect()
}

fn value_of(tag: &str, scalar: f64) -> Value {
    value(tag, Data::Scalar(scalar))
}
