//! Data sets as ndarrays, ready to become tensors.

pub mod blobs;
pub mod circles;
mod error;
mod fingerprint;
mod halves;
mod idx;
mod images;
pub mod moons;
pub mod numpy_random;
pub mod picture;
mod points;
pub mod spiral;
pub mod xor;

use ndarray::{Array1, ArrayD, Axis};

pub use error::{DataError, FileProblem};
use idx::Source;
use images::{Half, Kind};

use crate::recipe::DataSpec;

/// What a network learns from, samples along the first axis of every array.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// For people: "moons 500, noise 0.1", "MNIST 10,000 + 2,000 test".
    pub name: String,
    /// What goes in: points (n, features), or pictures (n, 1, height, width) with pixels from 0 to 1.
    pub inputs: ArrayD<f32>,
    /// What should come out: the number of the class, (n, 1), or the pixels of the picture itself, (n, height * width).
    pub targets: ArrayD<f32>,
    /// The class of each sample, an index into `classes`, whether it is the target or not.
    pub labels: Option<Array1<u32>>,
    /// Names of the classes.
    pub classes: Vec<String>,
    /// Names of the features, for the axes of a plot; one for all pixels of a picture.
    pub features: Vec<String>,
}

impl Dataset {
    /// Number of samples.
    pub fn len(&self) -> usize {
        self.inputs.len_of(Axis(0))
    }

    /// Whether there is nothing to learn from.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Data to learn from, and data to be judged by.
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    /// What the network learns from.
    pub training: Dataset,
    /// What it never learns from; none for generated points, which are judged as a whole.
    pub test: Option<Dataset>,
}

/// Makes or reads the data that `spec` describes; the same spec gives the same data everywhere.
pub fn load(spec: &DataSpec) -> Result<Split, DataError> {
    match spec {
        &DataSpec::Moons { samples, noise, seed } => {
            points::of_two("moons", samples, noise, || moons::make_moons(samples, noise, seed))
        }
        &DataSpec::Circles { samples, noise, factor, seed } => {
            points::of_two("circles", samples, noise, || circles::make_circles(samples, noise, factor, seed))
        }
        &DataSpec::Blobs { samples, centers, spread, seed } => {
            let name = format!("blobs {samples} in {centers} clouds, spread {spread}");
            let make = || blobs::make_blobs(samples, centers, spread, seed);
            points::of_many(name, [samples, centers], ("spread", spread), make)
        }
        &DataSpec::Spiral { samples, noise, turns, seed } => {
            points::of_two("spiral", samples, noise, || spiral::make_spiral(samples, noise, turns, seed))
        }
        &DataSpec::Xor { samples, noise, seed } => {
            points::of_two("xor", samples, noise, || xor::make_xor(samples, noise, seed))
        }
        DataSpec::Mnist { train, test, target } => images::mnist(*train, *test, *target),
        DataSpec::Idx {
            train_images,
            train_labels,
            test_images,
            test_labels,
            height,
            width,
            classes,
            train,
            test,
            target,
        } => {
            let kind =
                Kind { name: images::name(train_images), size: [*height, *width], classes: *classes, target: *target };
            let half =
                |images, labels, limit| Half { images: Source::File(images), labels: Source::File(labels), limit };
            images::split(kind, &half(train_images, train_labels, *train), &half(test_images, test_labels, *test))
        }
    }
}
