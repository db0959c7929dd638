//! The data set, as a recipe names it.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Loss;
use super::words::words;

words! {
    /// What a network is to say of a picture.
    Target {
        /// Its class.
        Label = "label",
        /// The picture itself, its pixels in one row: an autoencoder.
        Input = "input",
    }
}

/// The data set.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum DataSpec {
    /// Two interleaved half circles, as scikit-learn's `make_moons`.
    Moons {
        /// Points in both moons together, 2 to 10,000,000.
        samples: usize,
        /// Standard deviation of the Gaussian noise on each coordinate, 0 to 1,000.
        noise: f64,
        /// scikit-learn's `random_state`.
        seed: u32,
    },
    /// A circle within a circle, as scikit-learn's `make_circles`.
    Circles {
        /// Points in both circles together, 2 to 10,000,000.
        samples: usize,
        /// Standard deviation of the Gaussian noise on each coordinate, 0 to 1,000.
        noise: f64,
        /// Radius of the inner circle, the outer one being 1; 0 up to but not including 1.
        factor: f64,
        /// scikit-learn's `random_state`.
        seed: u32,
    },
    /// Gaussian clouds, one a class, as scikit-learn's `make_blobs`.
    Blobs {
        /// Points in all clouds together, 2 to 10,000,000.
        samples: usize,
        /// Clouds, 2 to 100; their centres are uniform in -10..10.
        centers: usize,
        /// Standard deviation of a cloud (`cluster_std`), 0 to 1,000.
        spread: f64,
        /// scikit-learn's `random_state`.
        seed: u32,
    },
    /// Two arms that wind around each other, radius 0 to 1.
    Spiral {
        /// Points in both arms together, 2 to 10,000,000.
        samples: usize,
        /// Standard deviation of the Gaussian noise on each coordinate, 0 to 1,000.
        noise: f64,
        /// Times an arm goes round, 0.1 to 10.
        turns: f64,
        /// Seed of the noise and of the order.
        seed: u32,
    },
    /// The square from -1 to 1, whose class is whether the coordinates have different signs.
    Xor {
        /// Points, 2 to 10,000,000.
        samples: usize,
        /// Standard deviation of the Gaussian noise on each coordinate, 0 to 1,000; classes are those without it.
        noise: f64,
        /// Seed of the points.
        seed: u32,
    },
    /// The MNIST subset that is built in: 10,000 digits to train on, 2,000 to test, 28x28 pixels from 0 to 1.
    Mnist {
        /// Digits to train on, the first so many, 1 to 10,000.
        train: usize,
        /// Digits to evaluate on, the first so many, 1 to 2,000.
        test: usize,
        /// What is to be predicted.
        target: Target,
    },
    /// Pictures in four IDX files, plain or gzipped: MNIST, Fashion-MNIST and their kin.
    Idx {
        /// Pictures to train on: u8, (n, height, width).
        train_images: PathBuf,
        /// Their classes: u8, (n).
        train_labels: PathBuf,
        /// Pictures to evaluate on.
        test_images: PathBuf,
        /// Their classes.
        test_labels: PathBuf,
        /// Rows of a picture, 1 to 4,096; the files must agree.
        height: usize,
        /// Columns of a picture, 1 to 4,096; the files must agree.
        width: usize,
        /// Classes, 2 to 1,000; labels run from 0 to one less.
        classes: usize,
        /// The first so many pictures to train on; none for all.
        #[serde(skip_serializing_if = "Option::is_none")]
        train: Option<usize>,
        /// The first so many pictures to evaluate on; none for all.
        #[serde(skip_serializing_if = "Option::is_none")]
        test: Option<usize>,
        /// What is to be predicted.
        target: Target,
    },
}

impl DataSpec {
    /// Shape of one input, without the batch: (features) or (channels, height, width).
    pub fn input_shape(&self) -> Vec<usize> {
        match self {
            Self::Moons { .. } | Self::Circles { .. } | Self::Blobs { .. } | Self::Spiral { .. } | Self::Xor { .. } => {
                vec![2]
            }
            Self::Mnist { .. } => vec![1, 28, 28],
            Self::Idx { height, width, .. } => vec![1, *height, *width],
        }
    }

    /// How many classes there are to tell apart; none where the target is the input.
    pub fn classes(&self) -> Option<usize> {
        match self {
            Self::Moons { .. } | Self::Circles { .. } | Self::Spiral { .. } | Self::Xor { .. } => Some(2),
            Self::Blobs { centers, .. } => Some(*centers),
            Self::Mnist { target, .. } => (*target == Target::Label).then_some(10),
            Self::Idx { target, classes, .. } => (*target == Target::Label).then_some(*classes),
        }
    }

    /// How many samples there are to train on; none where only the files know.
    pub fn training_samples(&self) -> Option<usize> {
        match self {
            Self::Moons { samples, .. }
            | Self::Circles { samples, .. }
            | Self::Blobs { samples, .. }
            | Self::Spiral { samples, .. }
            | Self::Xor { samples, .. } => Some(*samples),
            Self::Mnist { train, .. } => Some(*train),
            Self::Idx { train, .. } => *train,
        }
    }

    /// Shape that the network's output must have, without the batch: the pixels in one row, one number a class for
    /// cross-entropy, and one number for two classes otherwise. None where `loss` cannot tell so many classes apart.
    pub fn output_shape(&self, loss: Loss) -> Option<Vec<usize>> {
        match (self.classes(), loss) {
            (None, Loss::CrossEntropy) => None,
            (None, _) => Some(vec![self.input_shape().iter().product()]),
            (Some(classes), Loss::CrossEntropy) => Some(vec![classes]),
            (Some(classes), _) => (classes == 2).then(|| vec![1]),
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
        }
    }
}
