//! The typed recipe, field by field as the TOML has it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Defines an enum of bare words: each variant has one spelling, the same in TOML, JSON and on screen.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$variant_meta])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// Every value there is, in the order in which to offer them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Its spelling in a recipe.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }
    };
}

/// What to train, on what, how and for how long; resolved: every default is filled in.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Recipe {
    /// Names the run directories: `[a-z0-9][a-z0-9_-]*`, at most 64 characters.
    pub name: String,
    /// One line for people, without control characters, at most 120 characters; the name if the recipe gives none.
    pub title: String,
    /// Seed of initialisation and data order. The data set has its own.
    pub seed: u64,
    /// Passes over the data, 1 to 1,000,000,000.
    pub epochs: u64,
    /// Samples a step, 1 to 10,000,000; the last batch of an epoch may be smaller.
    pub batch_size: usize,
    /// Whether every epoch visits the samples in a new order.
    pub shuffle: bool,
    /// Epochs a second, held only while somebody watches; 0.001 to 1,000,000; none for as fast as it goes.
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
    /// How much is recorded.
    pub record: RecordSpec,
}

/// Where to train; in TOML `"auto"`, `"cpu"`, `"cuda"` or `"cuda:1"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Device {
    /// CUDA where libtorch has it, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The GPU of that number, or the current one.
    Cuda(Option<usize>),
}

/// Text that names no device.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no device; allowed: `auto`, `cpu`, `cuda`, `cuda:N` with N from 0 to 255")]
pub struct DeviceError(String);

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.pad("auto"),
            Self::Cpu => f.pad("cpu"),
            Self::Cuda(None) => f.pad("cuda"),
            Self::Cuda(Some(number)) => f.pad(&format!("cuda:{number}")),
        }
    }
}

impl FromStr for Device {
    type Err = DeviceError;

    fn from_str(text: &str) -> Result<Self, DeviceError> {
        let error = || DeviceError(super::error::brief(text));
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(None)),
            _ => {
                let digits = text.strip_prefix("cuda:").ok_or_else(error)?;
                // u8 takes a `+`, which would not be the text this device prints as.
                if !digits.bytes().all(|b| b.is_ascii_digit()) {
                    return Err(error());
                }
                digits.parse::<u8>().map(|number| Self::Cuda(Some(number.into()))).map_err(|_| error())
            }
        }
    }
}

impl From<Device> for String {
    fn from(device: Device) -> Self {
        device.to_string()
    }
}

impl TryFrom<String> for Device {
    type Error = DeviceError;

    fn try_from(text: String) -> Result<Self, DeviceError> {
        text.parse()
    }
}

words! {
    /// What training minimises.
    Loss {
        /// Binary cross-entropy of probabilities; the last layer must end in a sigmoid.
        Bce = "bce",
        /// Mean squared error.
        Mse = "mse",
    }
}

words! {
    /// How parameters start.
    Init {
        /// Keras: Glorot uniform weights, U(±sqrt(6 / (`fan_in` + `fan_out`))), zero biases.
        Keras = "keras",
        /// `PyTorch`'s `nn.Linear`: weights and biases U(±1/sqrt(`fan_in`)).
        Torch = "torch",
        /// tch's default: weights U(±sqrt(6/`fan_in`)), biases U(±1/sqrt(`fan_in`)).
        Tch = "tch",
    }
}

words! {
    /// What follows a layer's affine map.
    Activation {
        /// Nothing.
        Linear = "linear",
        /// max(0, x)
        Relu = "relu",
        /// Hyperbolic tangent.
        Tanh = "tanh",
        /// 1 / (1 + exp(-x))
        Sigmoid = "sigmoid",
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
}

impl DataSpec {
    /// Shape of one input, without the batch.
    pub fn input_shape(&self) -> Vec<usize> {
        match self {
            Self::Moons { .. } => vec![2],
        }
    }

    /// Shape of one target, without the batch; the network's output must have it.
    pub fn target_shape(&self) -> Vec<usize> {
        match self {
            Self::Moons { .. } => vec![1],
        }
    }

    /// Its `kind` in the recipe.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Moons { .. } => "moons",
        }
    }
}

/// The network.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelSpec {
    /// How parameters start.
    pub init: Init,
    /// From the input to the output, 1 to 1,000 layers.
    pub layers: Vec<LayerSpec>,
}

/// One layer of the network.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum LayerSpec {
    /// Fully connected: activation(W x + b).
    Dense {
        /// Outputs, 1 to 1,000,000.
        units: usize,
        /// What follows the affine map; `linear` unless given.
        activation: Activation,
    },
}

impl LayerSpec {
    /// Its `kind` in the recipe.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Dense { .. } => "dense",
        }
    }

    /// What follows its affine map.
    pub fn activation(&self) -> Activation {
        match self {
            Self::Dense { activation, .. } => *activation,
        }
    }
}

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
}

impl OptimizerSpec {
    /// The learning rate to start with.
    pub fn lr(&self) -> f64 {
        match self {
            Self::Sgd { lr, .. } => *lr,
        }
    }

    /// Its `kind` in the recipe.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Sgd { .. } => "sgd",
        }
    }
}

/// How much is recorded.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RecordSpec {
    /// MiB that the pictures of a run may take on disk, 0 to 1,048,576.
    pub image_budget_mib: f64,
    /// Share of the run's time that probes and recording may take together, 0 to 1.
    pub probe_share: f64,
}

impl Default for RecordSpec {
    fn default() -> Self {
        Self { image_budget_mib: 64.0, probe_share: 0.05 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_strings_in_json_too() {
        for (device, json) in [
            (Device::Auto, r#""auto""#),
            (Device::Cpu, r#""cpu""#),
            (Device::Cuda(None), r#""cuda""#),
            (Device::Cuda(Some(3)), r#""cuda:3""#),
        ] {
            assert_eq!(serde_json::to_string(&device).unwrap(), json);
            assert_eq!(serde_json::from_str::<Device>(json).unwrap(), device);
        }
        for text in ["", "cuda:", "cuda:-1", "cuda:256", "CUDA", "cpu:0"] {
            assert!(text.parse::<Device>().unwrap_err().to_string().contains("allowed: `auto`"), "{text}");
        }
    }
}
