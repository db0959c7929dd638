//! The typed recipe, field by field as the TOML has it. Ranges and defaults stand in `recipe::keys`.

mod data;
mod device;
mod layer;
mod optimizer;
mod own_data;
mod words;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use data::{DataSpec, Target};
pub use device::Device;
pub use layer::{Activation, LayerKind, LayerSpec, Padding};
pub(super) use optimizer::MOST_SINGLE;
pub use optimizer::{AdamSpec, LEARNING_RATES, OptimizerSpec, ScheduleSpec};
pub use own_data::{
    Answer, Column, CsvSpec, DataShape, Delimiter, FolderSpec, Layout, Normalise, NpySpec, NpzSpec, Preparation,
};
use words::words;

/// What to train, on what, how and for how long; resolved: every default is filled in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Names the run directories: `[a-z0-9][a-z0-9_-]*`, at most 64 characters.
    pub name: String,
    /// One line for people, without control characters, at most 120 characters; the name if the recipe gives none.
    pub title: String,
    /// Seed of initialisation and data order. The data set has its own.
    pub seed: u64,
    /// Passes over the data; with 0 the network is looked at as it starts, and nothing is learnt.
    pub epochs: u64,
    /// Samples a step; the last batch of an epoch may be smaller.
    pub batch_size: usize,
    /// Whether every epoch visits the samples in a new order.
    pub shuffle: bool,
    /// Epochs a second, held only while somebody watches; none for as fast as it goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pace: Option<f64>,
    /// Where to train.
    pub device: Device,
    /// What is minimised: the mean over batch and outputs.
    pub loss: Loss,
    /// What to train on.
    pub data: DataSpec,
    /// The network.
    pub model: ModelSpec,
    /// How parameters move.
    pub optimizer: OptimizerSpec,
    /// How the learning rate changes over the run.
    pub schedule: ScheduleSpec,
    /// What the network is looked at with.
    pub probe: ProbeSpec,
    /// How much is recorded.
    pub record: RecordSpec,
}

words! {
    /// What training minimises.
    Loss {
        /// Binary cross-entropy of probabilities; the last layer must end in a sigmoid.
        Bce = "bce",
        /// Mean squared error.
        Mse = "mse",
        /// Cross-entropy of the softmax of logits, one a class; the last layer must be linear.
        CrossEntropy = "cross_entropy",
    }
}

words! {
    /// How parameters start.
    Init {
        /// Keras: Glorot uniform weights, U(±sqrt(6 / (`fan_in` + `fan_out`))), zero biases.
        Keras = "keras",
        /// `PyTorch`'s `nn.Linear` and `nn.Conv2d`: weights and biases U(±1/sqrt(`fan_in`)).
        Torch = "torch",
        /// tch's default: weights U(±sqrt(6/`fan_in`)), biases U(±1/sqrt(`fan_in`)) in dense layers and 0 in convolutions.
        Tch = "tch",
    }
}

/// The network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSpec {
    /// How parameters start.
    pub init: Init,
    /// From the input to the output, at least one.
    pub layers: Vec<LayerSpec>,
}

/// What the network is looked at with, beside the data it is evaluated on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProbeSpec {
    /// Pictures: `cat`, or paths of PNG or JPEG files; brought to the size of the inputs, in grey.
    pub pictures: Vec<String>,
    /// Samples of the evaluation set, one of each class in turn.
    pub samples: usize,
}

/// How much is recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordSpec {
    /// MiB that the pictures of a run may take on disk.
    pub image_budget_mib: f64,
    /// Share of the run's time that probes and recording may take together.
    pub probe_share: f64,
    /// Steps at which everything there is to see is recorded, from the length of the run alone; 0 for none, and otherwise
    /// never fewer than the first and the last, nor more than the budgets of time and bytes have room for.
    pub moments: u64,
    /// Seconds from one checkpoint to the next at most; 0 leaves those at the end and on request.
    pub checkpoint_seconds: f64,
}
