//! The plane of a network's two inputs.

use ndarray::ArrayD;
use tch::{TchError, Tensor};
use torchscope::data::Dataset;

use crate::session::Session;

/// The plane reaches this far beyond the data, as a share of its range, on each side.
const MARGIN: f64 = 0.1;

/// `[x0, x1, y0, y1]`: the range of the data and its margin. A coordinate that is everywhere the same gets a unit.
/// None where there are not two features.
pub(super) fn extent(data: &Dataset) -> Option<[f64; 4]> {
    let &[_, 2] = data.inputs.shape() else { return None };
    let ([x0, x1], [y0, y1]) = (range(&data.inputs, 0), range(&data.inputs, 1));
    Some([x0, x1, y0, y1])
}

fn range(inputs: &ArrayD<f32>, axis: usize) -> [f64; 2] {
    let column = inputs.index_axis(ndarray::Axis(1), axis);
    let (low, high) = column
        .iter()
        .filter(|value| value.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(f64::from(*v)), high.max(f64::from(*v))));
    match high - low {
        range if range > 0.0 => [low - MARGIN * range, high + MARGIN * range],
        _ if low.is_finite() => [low - 0.5, low + 0.5],
        _ => [-0.5, 0.5],
    }
}

/// The points of a grid of `rows` by `columns`, 2 or more each, over `extent`, row by row from the top: x, y, x, y.
pub(super) fn points([left, right, bottom, top]: [f64; 4], [rows, columns]: [usize; 2]) -> Vec<f32> {
    let between =
        |from: f64, to: f64, index: usize, count: usize| from + (to - from) * index as f64 / (count - 1) as f64;
    let mut points = Vec::with_capacity(2 * rows * columns);
    for row in 0..rows {
        for column in 0..columns {
            points.push(between(left, right, column, columns) as f32);
            points.push(between(top, bottom, row, rows) as f32);
        }
    }
    points
}

/// Points as inputs of the network, shape (n, 2).
pub(super) fn inputs(points: &[f32], session: &Session) -> Result<Tensor, TchError> {
    let samples = &session.samples().inputs;
    Tensor::f_from_slice(points)?.f_reshape([-1, 2])?.f_to_kind(samples.f_kind()?)?.f_to_device(samples.device())
}
