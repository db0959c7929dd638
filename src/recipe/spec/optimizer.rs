//! How parameters move.

use serde::Serialize;

/// How parameters move.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum OptimizerSpec {
    /// Stochastic gradient descent as `torch.optim.SGD` does it, without dampening.
    Sgd {
        /// Learning rate, above 0.
        lr: f64,
        /// 0 (none) up to but not including 1.
        momentum: f64,
        /// Nesterov's momentum; needs a momentum above 0.
        nesterov: bool,
        /// Factor of the L2 penalty added to the gradient, 0 or more.
        weight_decay: f64,
    },
    /// Adam as `torch.optim.Adam` does it.
    Adam(AdamSpec),
    /// Adam with weight decay apart from the gradient, as `torch.optim.AdamW` does it.
    AdamW(AdamSpec),
    /// `torch.optim.RMSprop`, not centred.
    RmsProp {
        /// Learning rate, above 0.
        lr: f64,
        /// Memory of the squared gradient, 0 up to but not including 1; 0.99 unless given.
        alpha: f64,
        /// Added to the root, above 0; 1e-8 unless given.
        epsilon: f64,
        /// 0 (none) up to but not including 1.
        momentum: f64,
        /// Factor of the L2 penalty added to the gradient, 0 or more.
        weight_decay: f64,
    },
}

/// What Adam and `AdamW` have in common.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct AdamSpec {
    /// Learning rate, above 0.
    pub lr: f64,
    /// Memory of the gradient, 0 up to but not including 1; 0.9 unless given.
    pub beta1: f64,
    /// Memory of the squared gradient, 0 up to but not including 1; 0.999 unless given.
    pub beta2: f64,
    /// Added to the root, above 0; 1e-8 unless given.
    pub epsilon: f64,
    /// Adam: factor of the L2 penalty added to the gradient, 0 unless given. `AdamW`: share of the parameter, times the
    /// learning rate, that each step takes away, 0.01 unless given.
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
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum ScheduleSpec {
    /// 1 throughout.
    Constant {
        /// Epochs over which the rate first rises linearly, 0 (none) to 1,000,000,000; fractions count.
        warmup: f64,
    },
    /// Falls by a factor every so many epochs, the warm-up included.
    Step {
        /// Epochs between two falls, above 0.
        every: f64,
        /// What each fall multiplies the rate by, above 0 and up to 1.
        factor: f64,
        /// As in [`Self::Constant`].
        warmup: f64,
    },
    /// Half a cosine from 1 after the warm-up to `floor` at the end of the run.
    Cosine {
        /// Share of the rate that is left at the end, 0 to 1.
        floor: f64,
        /// As in [`Self::Constant`].
        warmup: f64,
    },
}

impl Default for ScheduleSpec {
    fn default() -> Self {
        Self::Constant { warmup: 0.0 }
    }
}
