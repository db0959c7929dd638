//! What a run of the recipe `moons` would have recorded: a boundary, hidden units, the loss landscape, the health of every
//! layer, and alarms; all of it made up.

use std::sync::Arc;

use ndarray::{Array2, Array3};
use torchscope::log::schema::{Document, Kind, Metadata};
use torchscope::log::{Data, Grid, Histogram, Record, TensorValue, Value, tags};
use torchscope::recipe::{Network, Recipe};
use torchscope::run::{Description, RunMeta, Setup, State};

/// Steps recorded, 40 of 100 epochs.
pub(crate) const STEPS: i64 = 640;
const EPOCH: i64 = 16;
/// Histograms recorded of every tensor.
const HISTOGRAMS: i64 = 40;
/// The time of the first step.
const START: f64 = 1.7e9;

fn network() -> Network {
    Recipe::load("moons", &[]).unwrap().network(&[2]).unwrap()
}

/// What `run.json` says.
pub(crate) fn meta(state: State) -> RunMeta {
    RunMeta {
        name: "moons-0004".into(),
        recipe: "moons".into(),
        state,
        epochs: 100,
        steps_per_epoch: EPOCH as u64,
        step: STEPS as u64,
        epoch: 40,
        lr: 0.5,
        pace: Some(10.0),
        started: "2023-11-14T22:13:20Z".parse().unwrap(),
        description: Description {
            setup: Setup {
                seed: 1,
                device: Some("cpu".into()),
                data: Some("moons 500, noise 0.1".into()),
                loss: "bce".into(),
                optimizer: "sgd".into(),
                init: "keras".into(),
                batch_size: 32,
                ..Setup::default()
            },
            network: Some(network()),
            ..Description::default()
        },
        ..RunMeta::default()
    }
}

pub(crate) fn value(tag: &str, data: Data) -> Value {
    Value { tag: Arc::from(tag), data }
}

pub(crate) fn tensor(tag: &str, shape: Vec<usize>, values: Vec<f32>) -> Value {
    value(tag, Data::Tensor(TensorValue::new(shape, values)))
}

fn grid(tag: &str, values: Array2<f32>, extent: [f64; 4]) -> Value {
    value(tag, Data::Image(Grid::new(values, None, Some(extent)).encode().unwrap()))
}

/// An alarm as the trainer writes it.
pub(crate) fn alarm(step: i64, text: &str) -> Record {
    let document = Document { about: Metadata::new(Kind::Alarm), text: text.to_owned() };
    record(step, vec![value(tags::ALARM, Data::Document(document))])
}

pub(crate) fn record(step: i64, values: Vec<Value>) -> Record {
    Record { step, wall_time: START + step as f64 / 160.0, values }
}

/// A curved valley that falls to the right, with its floor at 0.02.
fn height(x: f64, y: f64) -> f64 {
    let bed = 0.25 * (x - 1.0).powi(2) - 1.0;
    0.02 + 0.05 * (x - 3.0).powi(2) + 0.9 * (y - bed).powi(2) / (1.0 + 0.1 * x * x)
}

/// The optimiser's way down the valley, `n` places.
fn way(n: usize) -> Vec<[f32; 5]> {
    let place = |i: usize| {
        let share = i as f64 / (n - 1) as f64;
        let x = -2.5 + 5.4 * (1.0 - (-3.0 * share).exp()) / (1.0 - (-3.0_f64).exp());
        let y = 0.25 * (x - 1.0).powi(2) - 1.0 + 0.9 * (-9.0 * share).exp() * (40.0 * share).cos();
        let off = 0.14 * (1.0 - (2.0 * share - 1.0).powi(2)) + 0.14 * share;
        [x, y, height(x, y) - 0.002, off, 40.0 * share].map(|number| number as f32)
    };
    (0..n).map(place).collect()
}

/// The loss over a plane in `cells` x `cells` places, of which the last `missing` rows have not been computed yet.
pub(crate) fn landscape(plane: &str, cells: usize, missing: usize) -> Vec<Value> {
    let [x0, x1, y0, y1] = [-4.0, 5.0, -3.0, 5.0];
    let values = Array2::from_shape_fn((cells, cells), |(row, column)| {
        let at = |place: usize| place as f64 / (cells - 1) as f64;
        if row + missing >= cells {
            return f32::NAN;
        }
        height(x0 + (x1 - x0) * at(column), y1 - (y1 - y0) * at(row)) as f32
    });
    let path = way(81);
    let share = if plane == tags::PLANE_RANDOM { [f32::NAN; 2] } else { [0.984, 0.0097] };
    let facts = vec![share[0], share[1], 500.0, 500.0, cells as f32, 0.0231];
    vec![
        grid(&tags::landscape(plane), values, [x0, x1, y0, y1]),
        tensor(&tags::landscape_path(plane), vec![path.len(), 5], path.concat()),
        tensor(&tags::landscape_facts(plane), vec![6], facts),
    ]
}

/// A bell around `centre`, in the buckets that `TensorBoard` uses: each a tenth wider than the one before.
pub(crate) fn histogram(centre: f64, width: f64) -> Histogram {
    let mut edges: Vec<f64> =
        (0..60).map(|i| 1e-3 * width * 1.2_f64.powi(i)).filter(|edge| *edge < 4.0 * width).collect();
    edges = edges.iter().rev().map(|edge| -edge).chain([0.0]).chain(edges.iter().copied()).collect();
    let bell = |x: f64| (-0.5 * x * x / (width * width)).exp();
    let counts = edges.windows(2).map(|pair| (pair[1] - pair[0]) / width * 1e3 * bell(f64::midpoint(pair[0], pair[1])));
    let counts: Vec<f64> = std::iter::once(0.0).chain(counts).collect();
    let limits: Vec<f64> = edges.iter().map(|edge| edge + centre).collect();
    let (min, max) = (limits[0], limits[limits.len() - 1]);
    let count = counts.iter().sum::<f64>();
    Histogram {
        min,
        max,
        count,
        sum: centre * count,
        sum_squares: count * (centre * centre + width * width),
        limits,
        counts,
    }
}

/// Norms and distributions of a step for any network.
pub(crate) fn health(network: &Network, step: i64) -> Record {
    let late = 1.0 - (-(step as f64) / 200.0).exp();
    let mut values = Vec::new();
    for (at, layer) in network.layers.iter().enumerate() {
        let depth = at as f64;
        for parameter in &layer.parameters {
            let name = &parameter.name;
            let bias = if parameter.shape.len() == 1 { 0.2 } else { 1.0 };
            let mut scalar = |kind: &str, number: f64| {
                values.push(value(&tags::of_layer(kind, name), Data::Scalar(number)));
            };
            scalar(tags::NORM, bias * (2.0 + depth + 1.5 * late));
            scalar(tags::GRAD_NORM, bias * 0.3 * (1.02 - late) / (1.0 + depth));
            scalar(tags::UPDATE_RATIO, 10_f64.powf(-1.2 - 0.8 * depth - late) / bias);
            let film = |kind: &str, centre: f64, width: f64| {
                value(&tags::of_layer(kind, name), Data::Histogram(histogram(centre, width)))
            };
            values.push(film(tags::WEIGHTS, 0.3 * late * (1.0 - depth), 0.3 + 0.5 * late));
            values.push(film(tags::GRADS, 0.0, 0.05 * (1.02 - late)));
        }
        let outputs = histogram(0.5 + late, 0.4);
        values.push(value(&tags::of_layer(tags::ACTIVATIONS, &layer.name), Data::Histogram(outputs)));
        values.push(value(
            &tags::of_layer(tags::ZEROS, &layer.name),
            Data::Scalar((0.31 * depth + 0.35).min(0.95) * late),
        ));
    }
    record(step, values)
}

fn pictures() -> Vec<Value> {
    let extent = [-1.5, 2.5, -1.0, 1.5];
    let wave = |x: f64, y: f64| (y - 0.25 - 0.6 * (2.2 * x).sin()) * 4.0;
    let place = |row: usize, column: usize, size: (usize, usize)| {
        let (u, v) = (column as f64 / (size.1 - 1) as f64, row as f64 / (size.0 - 1) as f64);
        (extent[0] + (extent[1] - extent[0]) * u, extent[3] - (extent[3] - extent[2]) * v)
    };
    let p = Array2::from_shape_fn((48, 64), |(row, column)| {
        let (x, y) = place(row, column, (48, 64));
        (1.0 / (1.0 + wave(x, y).exp())) as f32
    });
    let units = Array3::from_shape_fn((20, 18, 24), |(unit, row, column)| {
        let (x, y) = place(row, column, (18, 24));
        let angle = unit as f64 * 0.7;
        (angle.cos() * x + angle.sin() * y + 0.3 * (unit as f64).sin()) as f32
    });
    let points: Vec<f32> = (0..200)
        .flat_map(|i| {
            let (angle, class) = (f64::from(i / 2) * 0.0314, i % 2);
            let (x, y) = if class == 0 { (angle.cos(), angle.sin()) } else { (1.0 - angle.cos(), 0.5 - angle.sin()) };
            [x as f32, y as f32, class as f32]
        })
        .collect();
    let response = Grid::atlas(units.view(), None).encode().unwrap();
    vec![
        tensor(tags::BOUNDARY_POINTS, vec![200, 3], points),
        grid(tags::BOUNDARY_P, p, extent),
        value(&tags::of_layer(tags::RESPONSE, "dense1"), Data::Image(response)),
    ]
}

/// Everything but alarms.
pub(crate) fn records() -> Vec<Record> {
    let curve = |step: i64| {
        let loss = 0.69 * (-step as f64 / 140.0).exp() + 0.02 + 0.02 * ((step * 37 % 11) as f64 / 11.0);
        let mut values = vec![
            value(tags::LOSS_TRAIN, Data::Scalar(loss)),
            value(tags::LR, Data::Scalar(0.5)),
            value(tags::GRAD_NORM, Data::Scalar(0.2 * loss)),
        ];
        if step % EPOCH == 0 {
            values.push(value(tags::LOSS_EVAL, Data::Scalar(loss - 0.01)));
            values.push(value(tags::ACCURACY_EVAL, Data::Scalar(0.992)));
        }
        record(step, values)
    };
    let mut records: Vec<Record> = (1..=STEPS).map(curve).collect();
    let network = network();
    records.extend((1..=HISTOGRAMS).map(|i| health(&network, i * STEPS / HISTOGRAMS)));
    records.push(record(STEPS, pictures()));
    records.push(record(STEPS, landscape(tags::PLANE_PATH, 41, 0)));
    records
}
