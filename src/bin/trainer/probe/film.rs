//! What is seen at one moment: tensors are gathered where they are, and come over from the device together.

use ndarray::{ArrayView2, ArrayView3, ArrayView4, ArrayViewD};
use tch::{Kind, TchError, Tensor};
use torchscope::log::{Grid, Tag, TensorValue};

use crate::recorder::{Content, Part};

/// A tensor's name and shape in the log, known before there is a tensor.
#[derive(Clone, Debug)]
pub(super) struct Plate {
    tag: Tag,
    /// The layer that it shows, if it shows one's output or weights.
    layer: Option<String>,
    form: Form,
}

/// What becomes of a tensor's numbers, which stand in row-major order.
#[derive(Clone, Debug)]
pub(super) enum Form {
    /// A picture, [rows, columns].
    Grid([usize; 2]),
    /// A picture of several maps, [count, rows, columns].
    Atlas([usize; 3]),
    /// Several pictures of pixels, [count, channels, rows, columns].
    Pictures([usize; 4]),
    /// The output over a plane.
    Plane {
        /// [rows, columns]
        size: [usize; 2],
        /// `[x0, x1, y0, y1]`
        extent: [f64; 4],
        /// Values of black and white, if they are the same for all pictures.
        range: Option<[f32; 2]>,
    },
    /// Numbers as they are, of that shape.
    Numbers(Vec<usize>),
}

impl Plate {
    pub(super) fn new(tag: impl Into<Tag>, form: Form) -> Self {
        Self { tag: tag.into(), layer: None, form }
    }

    pub(super) fn of_layer(tag: impl Into<Tag>, layer: &str, form: Form) -> Self {
        Self { layer: Some(layer.to_owned()), ..Self::new(tag, form) }
    }

    fn count(&self) -> usize {
        match &self.form {
            Form::Grid(size) | Form::Plane { size, .. } => size.iter().product(),
            Form::Atlas(size) => size.iter().product(),
            Form::Pictures(size) => size.iter().product(),
            Form::Numbers(shape) => shape.iter().product(),
        }
    }

    /// Bytes that it takes on disk at most, with finite values.
    pub(super) fn most_bytes(&self) -> u64 {
        let numbers = match &self.form {
            Form::Grid([rows, columns]) | Form::Plane { size: [rows, columns], .. } => rows * (2 * columns + 1),
            &Form::Atlas([count, rows, columns]) => most_bytes(count, rows, columns),
            &Form::Pictures([count, channels, rows, columns]) => most_bytes(count * channels, rows, columns),
            Form::Numbers(shape) => size_of::<f32>() * shape.iter().product::<usize>(),
        };
        numbers as u64 + Part::OVERHEAD
    }

    /// The part that `numbers` make, as many as it is for.
    pub(super) fn print(&self, numbers: &[f32]) -> Result<Part, TchError> {
        let content = match &self.form {
            Form::Grid(size) => {
                let values = ArrayView2::from_shape(*size, numbers)?.to_owned();
                Content::Grid(Grid::new(values, self.layer.clone(), None))
            }
            Form::Atlas(size) => {
                Content::Grid(Grid::atlas(ArrayView3::from_shape(*size, numbers)?, self.layer.clone()))
            }
            Form::Pictures(size) => {
                let pictures = ArrayView4::from_shape(*size, numbers)?;
                Content::Grid(Grid::pictures_atlas(pictures, self.layer.clone()))
            }
            Form::Plane { size, extent, range } => {
                let values = ArrayView2::from_shape(*size, numbers)?.to_owned();
                let mut grid = Grid::new(values, self.layer.clone(), Some(*extent));
                if let Some([min, max]) = *range {
                    (grid.meta.min, grid.meta.max) = (min, max);
                }
                Content::Grid(grid)
            }
            Form::Numbers(shape) => Content::Numbers(TensorValue::from_array(
                &ArrayViewD::from_shape(shape.as_slice(), numbers)?.to_owned(),
            )),
        };
        Ok(Part { tag: self.tag.clone(), content })
    }
}

/// Bytes that so many tiles take at most.
fn most_bytes(count: usize, rows: usize, columns: usize) -> usize {
    // The last row of tiles is filled up.
    let across = ((count * rows) as f64 / columns.max(1) as f64).sqrt().round() as usize;
    (count + across) * rows * (2 * columns + 1)
}

/// Tensors and what they are to become.
#[derive(Default)]
pub(super) struct Film<'a>(Vec<(&'a Plate, Tensor)>);

impl<'a> Film<'a> {
    /// Takes `tensor`, of any shape with as many numbers as the plate is for.
    pub(super) fn expose(&mut self, plate: &'a Plate, tensor: Tensor) {
        self.0.push((plate, tensor));
    }

    /// The parts, in the order of the exposures, after one transfer.
    pub(super) fn develop(self) -> Result<Vec<Part>, TchError> {
        if self.0.is_empty() {
            return Ok(Vec::new());
        }
        let flat = self.0.iter().map(|(_, tensor)| tensor.f_detach()?.f_reshape([-1])?.f_to_kind(Kind::Float));
        let flat = Tensor::f_cat(&flat.collect::<Result<Vec<_>, _>>()?, 0)?;
        let numbers = Vec::<f32>::try_from(flat)?;
        let mut rest = numbers.as_slice();
        let mut parts = Vec::with_capacity(self.0.len());
        for (plate, _) in &self.0 {
            let (numbers, others) = rest.split_at(plate.count().min(rest.len()));
            parts.push(plate.print(numbers)?);
            rest = others;
        }
        Ok(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tensor_becomes_what_it_is_for() {
        let atlas = Plate::of_layer("maps/conv1/cat", "conv1", Form::Atlas([2, 2, 3]));
        let numbers = Plate::new("code/labels", Form::Numbers(vec![3]));
        let extent = [0.0, 1.0, 2.0, 3.0];
        let plane = Plate::new("boundary/p", Form::Plane { size: [1, 2], extent, range: Some([0.0, 1.0]) });
        let mut film = Film::default();
        let count = |from: i64, until: i64| Tensor::arange_start(from, until, (Kind::Double, tch::Device::Cpu));
        // A view whose memory is in another order.
        film.expose(&atlas, count(0, 12).reshape([6, 2]).transpose(0, 1));
        film.expose(&numbers, count(12, 15));
        film.expose(&plane, Tensor::from_slice(&[0.25_f32, 0.75]).set_requires_grad(true));
        let parts = film.develop().unwrap();
        let tags: Vec<&str> = parts.iter().map(|part| &*part.tag).collect();
        assert_eq!(tags, ["maps/conv1/cat", "code/labels", "boundary/p"]);
        let Content::Grid(grid) = &parts[0].content else { panic!("{parts:?}") };
        assert_eq!(grid.meta.about.layer.as_deref(), Some("conv1"));
        let maps = grid.maps().unwrap();
        assert_eq!(maps.iter().map(|value| *value as i32).collect::<Vec<_>>(), [0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11]);
        assert_eq!(parts[1].content, Content::Numbers(TensorValue::new(vec![3], vec![12.0, 13.0, 14.0])));
        let Content::Grid(grid) = &parts[2].content else { panic!("{parts:?}") };
        assert_eq!((grid.meta.min, grid.meta.max, grid.meta.extent), (0.0, 1.0, Some(extent)));
    }

    #[test]
    fn a_tensor_of_another_size_is_an_error() {
        let plate = Plate::new("code/labels", Form::Numbers(vec![3]));
        let mut film = Film::default();
        film.expose(&plate, Tensor::from_slice(&[1.0_f32, 2.0]));
        assert!(film.develop().is_err());
    }

    #[test]
    fn what_a_plate_may_take_is_no_less_than_its_part() {
        for form in [
            Form::Grid([1000, 32]),
            Form::Atlas([32, 26, 26]),
            Form::Atlas([784, 1, 1]),
            Form::Atlas([5, 40, 2]),
            Form::Atlas([2048, 3, 3]),
            Form::Pictures([7, 3, 32, 32]),
            Form::Plane { size: [96, 128], extent: [0.0; 4], range: None },
            Form::Numbers(vec![10, 10]),
        ] {
            let plate = Plate::new("x", form);
            let part = plate.print(&vec![0.5; plate.count()]).unwrap();
            assert!(part.most_bytes() <= plate.most_bytes(), "{plate:?}");
        }
    }
}
