//! The data set, as a recipe names it. Ranges and defaults stand in `recipe::keys`.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::own_data::{Answer, CsvSpec, DataShape, FolderSpec, NpySpec, NpzSpec, Preparation};
use super::words::words;

words! {
    /// What a network is to say of a sample.
    #[derive(Default)]
    Target {
        /// Its class.
        #[default]
        Label = "label",
        /// The sample itself, its numbers in one row: an autoencoder.
        Input = "input",
    }
}

/// The data set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum DataSpec {
    /// Two interleaved half circles, as scikit-learn's `make_moons`.
    Moons {
        /// Points in both moons together.
        samples: usize,
        /// Standard deviation of the Gaussian noise on each coordinate.
        noise: f64,
        /// scikit-learn's `random_state`.
        seed: u32,
    },
    /// A circle within a circle, as scikit-learn's `make_circles`.
    Circles {
        /// Points in both circles together.
        samples: usize,
        /// Standard deviation of the Gaussian noise on each coordinate.
        noise: f64,
        /// Radius of the inner circle, the outer one being 1.
        factor: f64,
        /// scikit-learn's `random_state`.
        seed: u32,
    },
    /// Gaussian clouds, one a class, as scikit-learn's `make_blobs`.
    Blobs {
        /// Points in all clouds together.
        samples: usize,
        /// Clouds; their centres are uniform in -10..10.
        centers: usize,
        /// Standard deviation of a cloud (`cluster_std`).
        spread: f64,
        /// scikit-learn's `random_state`.
        seed: u32,
    },
    /// Two arms that wind around each other, radius 0 to 1.
    Spiral {
        /// Points in both arms together.
        samples: usize,
        /// Standard deviation of the Gaussian noise on each coordinate.
        noise: f64,
        /// Times an arm goes round.
        turns: f64,
        /// Seed of the noise and of the order.
        seed: u32,
    },
    /// The square from -1 to 1, whose class is whether the coordinates have different signs.
    Xor {
        /// Points.
        samples: usize,
        /// Standard deviation of the Gaussian noise on each coordinate; classes are those without it.
        noise: f64,
        /// Seed of the points.
        seed: u32,
    },
    /// The MNIST subset that is built in: 10,000 digits to train on, 2,000 to test, 28x28 pixels from 0 to 1.
    Mnist {
        /// Digits to train on, the first so many.
        train: usize,
        /// Digits to evaluate on, the first so many.
        test: usize,
        /// What is to be predicted.
        target: Target,
    },
    /// Pictures in four IDX files, plain or gzipped: MNIST, Fashion-MNIST and their kin.
    Idx {
        /// Pictures to train on: u8, (n, height, width), or with the channels before or behind height and width.
        train_images: PathBuf,
        /// Their classes: u8, (n).
        train_labels: PathBuf,
        /// Pictures to evaluate on.
        test_images: PathBuf,
        /// Their classes.
        test_labels: PathBuf,
        /// Rows of a picture; the files must agree.
        height: usize,
        /// Columns of a picture; the files must agree.
        width: usize,
        /// Numbers a pixel; the files must agree.
        channels: usize,
        /// Classes; labels run from 0 to one less.
        classes: usize,
        /// Names of the classes, in their order; their numbers if there are none.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        class_names: Vec<String>,
        /// The first so many pictures to train on; none for all.
        #[serde(skip_serializing_if = "Option::is_none")]
        train: Option<usize>,
        /// The first so many pictures to evaluate on; none for all.
        #[serde(skip_serializing_if = "Option::is_none")]
        test: Option<usize>,
        /// What is to be predicted.
        target: Target,
    },
    /// A table as text: a sample a line, fields between commas, semicolons or tabulators.
    Csv(CsvSpec),
    /// Arrays in files of their own, as `numpy.save` writes them.
    Npy(NpySpec),
    /// Arrays in one archive, as `numpy.savez` writes them.
    Npz(NpzSpec),
    /// PNG and JPEG pictures in one folder a class.
    Folder(FolderSpec),
}

impl DataSpec {
    /// What the data ask of a network; none where only the files know.
    pub fn shape(&self) -> Option<DataShape> {
        let (classes, samples) = match self {
            Self::Moons { samples, .. }
            | Self::Circles { samples, .. }
            | Self::Spiral { samples, .. }
            | Self::Xor { samples, .. } => (2, Some(*samples)),
            Self::Blobs { samples, centers, .. } => (*centers, Some(*samples)),
            Self::Mnist { train, .. } => (10, Some(*train)),
            Self::Idx { classes, train, .. } => (*classes, *train),
            Self::Csv(_) | Self::Npy(_) | Self::Npz(_) | Self::Folder(_) => return None,
        };
        let answer = match self.target() {
            Target::Label => Answer::Classes(classes),
            Target::Input => Answer::Input,
        };
        Some(DataShape { input: self.input_shape(), answer, samples })
    }

    /// Shape of one input, without the batch: (features) or (channels, height, width). Empty where only the files know.
    pub fn input_shape(&self) -> Vec<usize> {
        match self {
            Self::Moons { .. } | Self::Circles { .. } | Self::Blobs { .. } | Self::Spiral { .. } | Self::Xor { .. } => {
                vec![2]
            }
            Self::Mnist { .. } => vec![1, 28, 28],
            Self::Idx { channels, height, width, .. } => vec![*channels, *height, *width],
            Self::Folder(folder) => vec![folder.channels, folder.height, folder.width],
            Self::Csv(_) | Self::Npy(_) | Self::Npz(_) => Vec::new(),
        }
    }

    /// What is to be predicted.
    pub fn target(&self) -> Target {
        match self {
            Self::Mnist { target, .. } | Self::Idx { target, .. } => *target,
            _ => self.preparation().map_or(Target::Label, |preparation| preparation.target),
        }
    }

    /// What becomes of samples once they are read, for data of the user's own.
    pub fn preparation(&self) -> Option<&Preparation> {
        match self {
            Self::Csv(spec) => Some(&spec.preparation),
            Self::Npy(spec) => Some(&spec.preparation),
            Self::Npz(spec) => Some(&spec.preparation),
            Self::Folder(spec) => Some(&spec.preparation),
            _ => None,
        }
    }

    /// Its `kind` in the recipe.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Moons { .. } => "moons",
            Self::Circles { .. } => "circles",
            Self::Blobs { .. } => "blobs",
            Self::Spiral { .. } => "spiral",
            Self::Xor { .. } => "xor",
            Self::Mnist { .. } => "mnist",
            Self::Idx { .. } => "idx",
            Self::Csv(_) => "csv",
            Self::Npy(_) => "npy",
            Self::Npz(_) => "npz",
            Self::Folder(_) => "folder",
        }
    }
}
