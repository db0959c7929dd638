use serde::{Deserialize, Serialize};

use super::{Fact, Kind};
use crate::log::tags;

/// How a network is trained and on what, in a few words each.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Setup {
    /// Title of the recipe.
    pub title: String,
    /// Seed of initialisation and data order.
    pub seed: u64,
    /// Where it trains (`cpu`, `cuda:0`); none until the trainer has decided.
    pub device: Option<String>,
    /// Threads libtorch computes with; 0 until the trainer knows.
    pub threads: usize,
    /// The data set; none until it is loaded.
    pub data: Option<String>,
    /// What [`crate::log::tags::LOSS_EVAL`] is measured on: `test set`, or `full set` where it is the training data.
    pub evaluated: String,
    /// Name of the loss: `bce`.
    pub loss: String,
    /// The optimiser, with what it has beside the learning rate: `sgd, momentum 0.9`.
    pub optimizer: String,
    /// How parameters started: `keras`, `torch`, `tch`.
    pub init: String,
    /// Samples a step.
    pub batch_size: usize,
}

impl Fact for Setup {
    const KIND: Kind = Kind::Setup;
    const TAG: &'static str = tags::RUN_SETUP;
}
