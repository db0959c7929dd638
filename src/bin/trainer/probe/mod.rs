//! Looks at the network between steps: the decision boundary of a network with two inputs and one output.

mod schedule;

use std::sync::Arc;

use ndarray::{Array1, Array2, ArrayD};
use tch::{Kind, TchError, Tensor};
use torchscope::data::Dataset;
use torchscope::recipe::Activation;

pub(crate) use schedule::{Moment, Schedule};

use crate::recorder::Picture;
use crate::session::Session;

/// Columns and rows of the grid: two values a braille cell in a large panel, 1 ms for a small network.
const COLUMNS: usize = 128;
const ROWS: usize = 96;
/// The plane reaches this far beyond the data, as a share of its range, on each side.
const MARGIN: f64 = 0.1;
/// Points written with each picture at most; a screen shows no more.
const MOST_POINTS: usize = 2000;

/// Takes pictures of a network's output over the plane of its inputs.
pub(crate) struct Boundary {
    extent: [f64; 4],
    /// Shape (n, 3): x, y, class.
    points: Arc<Array2<f32>>,
    /// Whether `points` have been handed over.
    points_sent: bool,
    /// The grid row by row from the top, then the points; shape (rows * columns + n, 2), on the session's device.
    inputs: Tensor,
}

impl Boundary {
    /// None where there is no plane: other than two inputs or one output.
    pub(crate) fn new(data: &Dataset, session: &Session) -> Result<Option<Self>, TchError> {
        let samples = session.samples();
        let (&[count, 2], &[_, 1]) = (data.inputs.shape(), data.targets.shape()) else {
            return Ok(None);
        };
        let extent = extent(&data.inputs);
        let [left, right, bottom, top] = extent;
        let between =
            |from: f64, to: f64, index: usize, count: usize| from + (to - from) * index as f64 / (count - 1) as f64;
        let shown = count.min(MOST_POINTS);
        let mut inputs: Vec<f32> = Vec::with_capacity(2 * (ROWS * COLUMNS + shown));
        for row in 0..ROWS {
            for column in 0..COLUMNS {
                inputs.push(between(left, right, column, COLUMNS) as f32);
                inputs.push(between(top, bottom, row, ROWS) as f32);
            }
        }
        let points = Array2::from_shape_fn((shown, 3), |(index, axis)| {
            let sample = index * count / shown;
            match axis {
                0 | 1 => data.inputs[[sample, axis]],
                _ => data.labels.as_ref().map_or(data.targets[[sample, 0]], |labels| labels[sample] as f32),
            }
        });
        for point in points.rows() {
            inputs.extend([point[0], point[1]]);
        }
        let inputs = Tensor::f_from_slice(&inputs)?.f_reshape([-1, 2])?;
        let inputs = inputs.f_to_kind(samples.inputs.f_kind()?)?.f_to_device(session.device())?;
        Ok(Some(Self { extent, points: Arc::new(points), points_sent: false, inputs }))
    }

    /// The network as it is. `hand_over` says whether it took the picture; the first that is taken carries the points.
    pub(crate) fn take(&mut self, session: &Session, hand_over: impl FnOnce(Picture) -> bool) -> Result<(), TchError> {
        let outputs = session.outputs(&self.inputs)?.f_reshape([-1])?.f_to_kind(Kind::Float)?;
        let mut values = Vec::<f32>::try_from(outputs)?;
        let points_p = Array1::from(values.split_off(ROWS * COLUMNS));
        let grid = Array2::from_shape_vec((ROWS, COLUMNS), values)?;
        let is_probability = session.network().last_activation() == Activation::Sigmoid;
        let taken = hand_over(Picture {
            step: session.steps(),
            grid,
            range: is_probability.then_some((0.0, 1.0)),
            extent: self.extent,
            points_p,
            points: (!self.points_sent).then(|| Arc::clone(&self.points)),
        });
        self.points_sent |= taken;
        Ok(())
    }
}

/// `[x0, x1, y0, y1]`: the range of the data and its margin. A coordinate that is everywhere the same gets a unit.
fn extent(inputs: &ArrayD<f32>) -> [f64; 4] {
    let range = |axis: usize| {
        let column = inputs.index_axis(ndarray::Axis(1), axis);
        let (low, high) = column
            .iter()
            .filter(|value| value.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
                (low.min(f64::from(*v)), high.max(f64::from(*v)))
            });
        match high - low {
            range if range > 0.0 => [low - MARGIN * range, high + MARGIN * range],
            _ if low.is_finite() => [low - 0.5, low + 0.5],
            _ => [-0.5, 0.5],
        }
    };
    let ([x0, x1], [y0, y1]) = (range(0), range(1));
    [x0, x1, y0, y1]
}
