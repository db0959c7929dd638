//! Data sets as ndarrays, ready to become tensors.

mod arrays;
pub mod blobs;
pub mod circles;
mod error;
mod file;
mod fingerprint;
mod folder;
mod halves;
mod idx;
mod images;
mod labels;
pub mod moons;
mod npy;
pub mod numpy_random;
pub mod picture;
mod points;
mod progress;
mod raw;
mod recognise;
mod scaling;
mod sorting;
pub mod spiral;
mod table;
pub mod xor;

use ndarray::{Array1, ArrayD, Axis};

use arrays::Arrays;
pub use error::{DataError, FileProblem};
use idx::Source;
use images::{Half, Kind};
pub use progress::Progress;
pub use recognise::recognise;
pub use scaling::Scaling;

use crate::recipe::{Answer, DataShape, DataSpec, Target};

/// Bytes of a file that are read, at most, to say what it asks of a network.
const LOOK: u64 = 16 << 20;

/// What a network learns from, samples along the first axis of every array.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// For people: "moons 500, noise 0.1", "MNIST 10,000 + 2,000 test".
    pub name: String,
    /// What goes in: points (n, features), or pictures (n, channels, height, width).
    pub inputs: ArrayD<f32>,
    /// What should come out: the number of the class, (n, 1), or the numbers of the input itself in one row, (n, numbers).
    pub targets: ArrayD<f32>,
    /// The class of each sample, an index into `classes`, whether it is the target or not.
    pub labels: Option<Array1<u32>>,
    /// Names of the classes.
    pub classes: Vec<String>,
    /// Names of the features, for the axes of a plot; one for all pixels of a picture.
    pub features: Vec<String>,
    /// How inputs relate to the numbers that were read: pixels from 0 to 1, or the columns of a table.
    pub scaling: Scaling,
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

impl Split {
    /// What these data ask of a network that predicts `target`.
    pub fn shape(&self, target: Target) -> DataShape {
        let answer = match target {
            Target::Label => Answer::Classes(self.training.classes.len()),
            Target::Input => Answer::Input,
        };
        let input = self.training.inputs.shape().iter().skip(1).copied().collect();
        DataShape { input, answer, samples: Some(self.training.len()) }
    }
}

/// What the data that `spec` describes ask of a network, by a look at the start of their files where those know.
pub fn describe(spec: &DataSpec) -> Result<DataShape, DataError> {
    match spec {
        DataSpec::Csv(spec) => table::describe(spec),
        DataSpec::Npy(spec) => Arrays::of_files(spec).describe(),
        DataSpec::Npz(spec) => Arrays::of_archive(spec)?.describe(),
        DataSpec::Folder(spec) => folder::describe(spec),
        known => known.shape().ok_or_else(|| DataError::Value {
            key: "kind",
            value: known.kind().to_owned(),
            expected: "one whose shape is known".to_owned(),
        }),
    }
}

/// The same for readers of recipes, with words where the data cannot be used.
pub fn look(spec: &DataSpec) -> Result<DataShape, String> {
    describe(spec).map_err(|error| error.to_string())
}

/// Makes or reads the data that `spec` describes; the same spec gives the same data everywhere.
pub fn load(spec: &DataSpec) -> Result<Split, DataError> {
    load_with(spec, &mut Progress::new(&mut |_| {}))
}

/// The same, and says how much of the files has been read.
pub fn load_with(spec: &DataSpec, progress: &mut Progress<'_>) -> Result<Split, DataError> {
    match spec {
        DataSpec::Csv(spec) => table::load(spec, progress),
        DataSpec::Npy(spec) => Arrays::of_files(spec).load(progress),
        DataSpec::Npz(spec) => Arrays::of_archive(spec)?.load(progress),
        DataSpec::Folder(spec) => folder::load(spec, progress),
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
            channels,
            classes,
            class_names,
            train,
            test,
            target,
        } => {
            let kind = Kind {
                name: images::name(train_images),
                size: [*channels, *height, *width],
                classes: images::class_names(*classes, class_names)?,
                target: *target,
            };
            let half =
                |images, labels, limit| Half { images: Source::File(images), labels: Source::File(labels), limit };
            let halves = [half(train_images, train_labels, *train), half(test_images, test_labels, *test)];
            images::split(kind, &halves[0], &halves[1], progress)
        }
    }
}
