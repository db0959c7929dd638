//! The output of a network with two inputs and one output over the plane of its inputs: the decision boundary.

use tch::{TchError, Tensor};
use torchscope::data::Dataset;
use torchscope::log::schema::{Points, Sample};
use torchscope::log::tags;
use torchscope::recipe::{self, Activation};

use super::film::{Film, Form, Plate};
use super::plane;
use crate::recorder::{Content, Part};
use crate::session::Session;

/// Rows and columns of the grid: two values a braille cell in a large panel, 1 ms for a small network.
const SIZE: [usize; 2] = [96, 128];
/// Points written with each picture at most; a screen shows no more.
const MOST_POINTS: usize = 2000;

/// Takes pictures of a network's output over the plane of its inputs.
pub(super) struct Boundary {
    /// The grid row by row from the top, then the points; shape (rows * columns + n, 2), on the session's device.
    inputs: Tensor,
    grid: Plate,
    at_points: Plate,
    /// Data points, of the training set.
    count: i64,
}

impl Boundary {
    /// None where there is no plane: other than two inputs or one output. The part is what is written once: the points.
    pub(super) fn new(
        training: &Dataset,
        network: &recipe::Network,
        session: &Session,
    ) -> Result<Option<(Self, Part)>, TchError> {
        let (Some(extent), [1]) = (plane::extent(training), network.output_shape()) else { return Ok(None) };
        let (count, scaling) = (training.len(), &training.scaling);
        let shown = count.min(MOST_POINTS);
        let places: Vec<usize> = (0..shown).map(|index| index * count / shown).collect();
        let points = Points(places.iter().map(|place| sample(training, *place)).collect());
        let mut inputs = plane::points(extent, SIZE);
        for place in places {
            inputs.extend([training.inputs[[place, 0]], training.inputs[[place, 1]]]);
        }
        let [left, right, bottom, top] = extent;
        let extent = [scaling.read(0, left), scaling.read(0, right), scaling.read(1, bottom), scaling.read(1, top)];
        let is_probability = session.network().last_activation() == Activation::Sigmoid;
        let range = is_probability.then_some([0.0, 1.0]);
        let boundary = Self {
            inputs: plane::inputs(&inputs, session)?,
            grid: Plate::new(tags::BOUNDARY_P, Form::Plane { size: SIZE, extent, range }),
            at_points: Plate::new(tags::BOUNDARY_POINTS_P, Form::Numbers(vec![shown])),
            count: shown as i64,
        };
        Ok(Some((boundary, Part::new(tags::BOUNDARY_POINTS, Content::Numbers(points.encode())))))
    }

    /// What goes through the network for one picture.
    pub(super) fn inputs(&self) -> &Tensor {
        &self.inputs
    }

    pub(super) fn most_bytes(&self) -> u64 {
        self.grid.most_bytes() + self.at_points.most_bytes()
    }

    pub(super) fn take<'a>(&'a self, session: &Session, film: &mut Film<'a>) -> Result<(), TchError> {
        let outputs = session.outputs(&self.inputs)?;
        let [rows, columns] = SIZE;
        let places = (rows * columns) as i64;
        film.expose(&self.grid, outputs.f_narrow(0, 0, places)?);
        film.expose(&self.at_points, outputs.f_narrow(0, places, self.count)?);
        Ok(())
    }
}

/// A sample of a data set with two features, in the numbers that were read: those are what people know. Its class is the target
/// where it has no label.
fn sample(data: &Dataset, index: usize) -> Sample {
    let class = data.labels.as_ref().map_or_else(|| data.targets[[index, 0]] as u32, |labels| labels[index]);
    let [x, y] = [0, 1].map(|axis| data.scaling.read(axis, f64::from(data.inputs[[index, axis]])) as f32);
    Sample { x, y, class }
}
