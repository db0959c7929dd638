//! One layer of a network, as a recipe names it. Ranges and defaults stand in `recipe::keys`.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::words::words;

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
        /// x · Φ(x), with the normal distribution itself and not its tanh approximation.
        Gelu = "gelu",
        /// x above 0, x/100 below, as `PyTorch` has it.
        LeakyRelu = "leaky_relu",
    }
}

words! {
    /// What a layer does.
    LayerKind {
        /// Fully connected.
        Dense = "dense",
        /// Convolution, as deep learning has it: cross-correlation.
        Conv2d = "conv2d",
        /// The largest of a window.
        MaxPool2d = "max_pool2d",
        /// The mean of a window.
        AvgPool2d = "avg_pool2d",
        /// All of a sample in one row, channel by channel.
        Flatten = "flatten",
        /// Zeros at random while training.
        Dropout = "dropout",
        /// Each channel brought to mean 0 and variance 1, then scaled and shifted.
        BatchNorm = "batch_norm",
    }
}

impl LayerKind {
    /// What its layers are called, before their number.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Dense => "dense",
            Self::Conv2d => "conv",
            Self::MaxPool2d | Self::AvgPool2d => "pool",
            Self::Flatten => "flatten",
            Self::Dropout => "dropout",
            Self::BatchNorm => "norm",
        }
    }
}

words! {
    /// What stands around a picture where a window reaches beyond its edge.
    Padding {
        /// Nothing: windows stay inside, and rows and columns that fill no window are dropped.
        Valid = "valid",
        /// As many zeros as make the output ceil(input / stride); an odd one goes to the bottom and the right, as in Keras.
        Same = "same",
    }
}

/// One layer of the network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", deny_unknown_fields)]
pub enum LayerSpec {
    /// Fully connected: activation(W x + b).
    #[serde(rename = "dense")]
    Dense {
        /// Outputs.
        units: usize,
        /// What follows the affine map.
        activation: Activation,
    },
    /// activation(W * x + b), with square windows.
    #[serde(rename = "conv2d")]
    Conv2d {
        /// Output channels.
        filters: usize,
        /// Side of the window.
        kernel: usize,
        /// Pixels from one window to the next.
        stride: usize,
        /// What stands around the picture.
        padding: Padding,
        /// What follows the affine map.
        activation: Activation,
    },
    /// The largest number of each window, channel by channel.
    #[serde(rename = "max_pool2d")]
    MaxPool2d {
        /// Side of the window.
        size: usize,
        /// Pixels from one window to the next.
        stride: usize,
        /// What stands around the picture; it never wins.
        padding: Padding,
    },
    /// The mean of each window, channel by channel.
    #[serde(rename = "avg_pool2d")]
    AvgPool2d {
        /// Side of the window.
        size: usize,
        /// Pixels from one window to the next.
        stride: usize,
        /// What stands around the picture; it does not count for the mean.
        padding: Padding,
    },
    /// All of a sample in one row.
    #[serde(rename = "flatten")]
    Flatten,
    /// While training sets numbers to 0 at random and divides the others by 1 - `rate`.
    #[serde(rename = "dropout")]
    Dropout {
        /// Share of zeros.
        rate: f64,
    },
    /// Batch normalisation as `PyTorch` does it: epsilon 1e-5, running statistics with momentum 0.1.
    #[serde(rename = "batch_norm")]
    BatchNorm {
        /// What follows.
        activation: Activation,
    },
}

impl LayerSpec {
    /// What it does.
    pub fn kind(&self) -> LayerKind {
        match self {
            Self::Dense { .. } => LayerKind::Dense,
            Self::Conv2d { .. } => LayerKind::Conv2d,
            Self::MaxPool2d { .. } => LayerKind::MaxPool2d,
            Self::AvgPool2d { .. } => LayerKind::AvgPool2d,
            Self::Flatten => LayerKind::Flatten,
            Self::Dropout { .. } => LayerKind::Dropout,
            Self::BatchNorm { .. } => LayerKind::BatchNorm,
        }
    }

    /// What follows its map; `linear` for layers that have none.
    pub fn activation(&self) -> Activation {
        match self {
            Self::Dense { activation, .. } | Self::Conv2d { activation, .. } | Self::BatchNorm { activation } => {
                *activation
            }
            Self::MaxPool2d { .. } | Self::AvgPool2d { .. } | Self::Flatten | Self::Dropout { .. } => {
                Activation::Linear
            }
        }
    }
}
