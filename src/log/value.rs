use std::sync::Arc;

use ndarray::ArrayD;

use super::LogError;
use super::grid::GridMeta;
use super::schema::{Document, Hparams, Metadata};
use super::tags;

/// Name of a series. The reader hands out one allocation for each name, so that clones and comparisons are cheap.
pub type Tag = Arc<str>;

/// Everything that was logged for one step at one time.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Training step, counted by the writer; torchscope's own steps begin at 1. Foreign files may hold negative ones.
    pub step: i64,
    /// Seconds since 1970.
    pub wall_time: f64,
    /// At least one in what the reader returns.
    pub values: Vec<Value>,
}

/// One tagged value of a record.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// The series it belongs to.
    pub tag: Tag,
    /// What was logged.
    pub data: Data,
}

impl Value {
    /// A scalar under `tag`, the most common value by far.
    pub fn scalar(tag: impl Into<Tag>, value: f64) -> Self {
        Self { tag: tag.into(), data: Data::Scalar(value) }
    }
}

/// What a value holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// A number, non-finite ones included. It is written with 32 bits, as all of `TensorBoard`'s scalars are.
    Scalar(f64),
    /// A picture. Of a batch of pictures under one tag, the first.
    Image(ImageValue),
    /// Numbers with a shape.
    Tensor(TensorValue),
    /// A distribution.
    Histogram(Histogram),
    /// Text, Markdown by `TensorBoard`'s convention.
    Text(String),
    /// A text of torchscope's own, with what it is.
    Document(Document),
    /// What `TensorBoard` shows as hyper-parameters, under the tag that [`Hparams::tag`] names.
    Hparams(Hparams),
    /// A run goes on from the record's step: what stands in the log before this, under that step or a later one, is void.
    /// It is the only value of its record, under [`super::tags::RESTART`].
    Restart,
    /// Something that torchscope does not show: audio, a tensor of an unknown type.
    Other,
}

/// An encoded picture.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageValue {
    /// Columns of pixels, as the log claims.
    pub width: u32,
    /// Rows of pixels, as the log claims.
    pub height: u32,
    /// The encoded picture: PNG from torchscope; foreign files may hold JPEG or GIF.
    pub png: Vec<u8>,
    /// Present when the pixels stand for values: see [`super::Grid::decode`].
    pub meta: Option<GridMeta>,
}

/// Numbers with a shape, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorValue {
    /// Extent of each axis; empty for a single number.
    pub shape: Vec<usize>,
    /// As many as the product of `shape`.
    pub values: Vec<f32>,
    /// Name of the `TensorBoard` plugin the tensor is meant for ([`super::tags::PLUGIN`] for our own); may be empty.
    pub plugin: String,
    /// What the numbers are, in a tensor of our own.
    pub about: Metadata,
}

impl TensorValue {
    /// A tensor of our own; what it is goes by its tag when it is written.
    pub fn new(shape: Vec<usize>, values: Vec<f32>) -> Self {
        Self { shape, values, plugin: tags::PLUGIN.to_owned(), about: Metadata::default() }
    }

    /// The tensor of `array`, in row-major order whatever its memory layout.
    pub fn from_array(array: &ArrayD<f32>) -> Self {
        Self::new(array.shape().to_vec(), array.iter().copied().collect())
    }

    /// The values in their shape, without a copy.
    pub fn into_array(self) -> Result<ArrayD<f32>, LogError> {
        let values = self.values.len();
        let shape = self.shape;
        ArrayD::from_shape_vec(shape.clone(), self.values).map_err(|_| LogError::TensorShape { shape, values })
    }
}

/// A distribution in buckets, with the moments of what went into it.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
    /// How many values.
    pub count: f64,
    /// Their sum; estimated from the buckets where the writer left it out.
    pub sum: f64,
    /// Sum of their squares; estimated like `sum`.
    pub sum_squares: f64,
    /// Upper edge of each bucket, ascending; the first bucket begins at `min`.
    pub limits: Vec<f64>,
    /// Values in each bucket, as many as `limits`.
    pub counts: Vec<f64>,
}
