//! How parameters move. Ranges and defaults stand in `recipe::keys`.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

/// Learning rates that there are. The network computes in single precision: what is larger would be infinite there, and
/// what is smaller next to nothing.
pub const LEARNING_RATES: RangeInclusive<f64> = 1e-38..=MOST_SINGLE;
/// Largest number that a recipe gives to the network, just within single precision.
pub(in crate::recipe) const MOST_SINGLE: f64 = 3.4e38;

/// How parameters move.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum OptimizerSpec {
    /// Stochastic gradient descent as `torch.optim.SGD` does it, without dampening.
    Sgd {
        /// Learning rate.
        lr: f64,
        /// Share of the last step that goes on; 0 is none.
        momentum: f64,
        /// Nesterov's momentum; needs a momentum above 0.
        nesterov: bool,
        /// Factor of the L2 penalty added to the gradient.
        weight_decay: f64,
    },
    /// Adam as `torch.optim.Adam` does it.
    Adam(AdamSpec),
    /// Adam with weight decay apart from the gradient, as `torch.optim.AdamW` does it.
    AdamW(AdamSpec),
    /// `torch.optim.RMSprop`, not centred.
    RmsProp {
        /// Learning rate.
        lr: f64,
        /// Memory of the squared gradient.
        alpha: f64,
        /// Added to the root of the squared gradient.
        epsilon: f64,
        /// Share of the last step that goes on; 0 is none.
        momentum: f64,
        /// Factor of the L2 penalty added to the gradient.
        weight_decay: f64,
    },
}

/// What Adam and `AdamW` have in common.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdamSpec {
    /// Learning rate.
    pub lr: f64,
    /// Memory of the gradient.
    pub beta1: f64,
    /// Memory of the squared gradient.
    pub beta2: f64,
    /// Added to the root of the squared gradient.
    pub epsilon: f64,
    /// Adam: factor of the L2 penalty added to the gradient. `AdamW`: share of the parameter, times the learning rate,
    /// that each step takes away.
    pub weight_decay: f64,
}

impl OptimizerSpec {
    /// The learning rate to start with.
    pub fn lr(&self) -> f64 {
        match self {
            Self::Sgd { lr, .. } | Self::RmsProp { lr, .. } => *lr,
            Self::Adam(adam) | Self::AdamW(adam) => adam.lr,
        }
    }

    /// Its `kind` in the recipe.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Sgd { .. } => "sgd",
            Self::Adam(_) => "adam",
            Self::AdamW(_) => "adamw",
            Self::RmsProp { .. } => "rmsprop",
        }
    }
}

/// How the learning rate changes over the run: the optimiser's rate times a factor that depends on the step alone.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum ScheduleSpec {
    /// 1 throughout.
    Constant {
        /// Epochs over which the rate first rises linearly; 0 is none, fractions count.
        warmup: f64,
    },
    /// Falls by a factor every so many epochs, the warm-up included.
    Step {
        /// Epochs between two falls.
        every: f64,
        /// What each fall multiplies the rate by.
        factor: f64,
        /// As in [`Self::Constant`].
        warmup: f64,
    },
    /// Half a cosine from 1 after the warm-up to `floor` at the end of the run.
    Cosine {
        /// Share of the rate that is left at the end.
        floor: f64,
        /// As in [`Self::Constant`].
        warmup: f64,
    },
}
