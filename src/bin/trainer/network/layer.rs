//! One layer as an operation on tensors.

use tch::{Kind, TchError, Tensor};
use torchscope::recipe::{self, Activation, LayerSpec};

use super::Mode;

/// As `PyTorch` has them by default.
const BATCH_NORM_MOMENTUM: f64 = 0.1;
const BATCH_NORM_EPSILON: f64 = 1e-5;

/// A layer without its parameters: those are the network's.
pub(super) struct Layer {
    name: String,
    map: Map,
    pub(super) activation: Activation,
    /// Where its weight stands among the network's parameters, if it has one; its bias follows.
    weight: usize,
}

/// What a layer does before its activation.
enum Map {
    Dense,
    Convolution(Windows),
    MaxPool(Windows),
    AvgPool {
        windows: Windows,
        /// Share of each window that lies on the picture, shape (1, rows, columns), where libtorch does not see to that.
        share: Option<Tensor>,
    },
    Flatten,
    Dropout {
        rate: f64,
    },
    /// Running statistics, shape (channels) each.
    BatchNorm {
        mean: Tensor,
        variance: Tensor,
    },
}

impl Layer {
    /// The layer of `spec` and `description`, behind inputs of `shape` (without the batch), with its weight at place
    /// `weight` of the network's parameters.
    pub(super) fn new(
        spec: &LayerSpec,
        description: &recipe::Layer,
        shape: &[usize],
        weight: usize,
        options: (Kind, tch::Device),
    ) -> Result<Self, TchError> {
        let pad = description.window.map_or([[0; 2]; 2], |window| window.pad);
        let map = match *spec {
            LayerSpec::Dense { .. } => Map::Dense,
            LayerSpec::Conv2d { kernel, stride, .. } => Map::Convolution(Windows::new(kernel, stride, pad)),
            LayerSpec::MaxPool2d { size, stride, .. } => Map::MaxPool(Windows::new(size, stride, pad)),
            LayerSpec::AvgPool2d { size, stride, .. } => {
                let windows = Windows::new(size, stride, pad);
                let share = match (windows.beforehand, shape) {
                    (Some(_), &[_, height, width]) => {
                        Some(windows.mean(&Tensor::f_ones([1, height as i64, width as i64], options)?)?)
                    }
                    _ => None,
                };
                Map::AvgPool { windows, share }
            }
            LayerSpec::Flatten => Map::Flatten,
            LayerSpec::Dropout { rate } => Map::Dropout { rate },
            LayerSpec::BatchNorm { .. } => {
                let channels = [description.channels() as i64];
                Map::BatchNorm {
                    mean: Tensor::f_zeros(channels, options)?,
                    variance: Tensor::f_ones(channels, options)?,
                }
            }
        };
        Ok(Self { name: description.name.clone(), map, activation: description.activation, weight })
    }

    /// What it remembers beside its parameters, by `PyTorch`'s names.
    pub(super) fn buffers(&self) -> impl Iterator<Item = (String, &Tensor)> {
        let buffers = match &self.map {
            Map::BatchNorm { mean, variance } => vec![("running_mean", mean), ("running_var", variance)],
            _ => Vec::new(),
        };
        buffers.into_iter().map(|(what, tensor)| (format!("{}.{what}", self.name), tensor))
    }

    /// Whether it draws random numbers while training.
    pub(super) fn is_random(&self) -> bool {
        matches!(self.map, Map::Dropout { rate } if rate > 0.0)
    }

    /// Its output before the activation for `inputs` of shape (n, shape..), with the `parameters` of the network.
    pub(super) fn before(&self, inputs: &Tensor, parameters: &[Tensor], mode: Mode) -> Result<Tensor, TchError> {
        let weight = || &parameters[self.weight];
        let bias = || parameters.get(self.weight + 1);
        match &self.map {
            Map::Dense => inputs.f_linear(weight(), bias()),
            Map::Convolution(windows) => {
                let inputs = windows.enlarge(inputs, 0.0)?;
                inputs.f_conv2d(weight(), bias(), windows.stride, windows.inside, 1, 1)
            }
            // Zeros would win against negative numbers.
            Map::MaxPool(windows) => windows.enlarge(inputs, f64::NEG_INFINITY)?.f_max_pool2d(
                windows.size,
                windows.stride,
                windows.inside,
                1,
                false,
            ),
            Map::AvgPool { windows, share } => match share {
                Some(share) => windows.mean(inputs)?.f_div(share),
                None => windows.mean(inputs),
            },
            Map::Flatten => inputs.f_flatten(1, -1),
            Map::Dropout { rate } => match mode {
                Mode::Training { .. } | Mode::Replay { .. } if *rate > 0.0 => inputs.f_dropout(*rate, true),
                _ => Ok(inputs.shallow_clone()),
            },
            Map::BatchNorm { mean, variance } => {
                let training = !matches!(mode, Mode::Evaluation);
                // The variance of a single number is not defined: it would turn the running one into a NaN.
                let is_single = training && inputs.numel() == mean.numel();
                let forgets = is_single || matches!(mode, Mode::Replay { .. });
                let running = |statistic| (!forgets).then_some(statistic);
                inputs.f_batch_norm(
                    Some(weight()),
                    bias(),
                    running(mean),
                    running(variance),
                    training,
                    BATCH_NORM_MOMENTUM,
                    BATCH_NORM_EPSILON,
                    true,
                )
            }
        }
    }
}

/// Square windows over pictures.
struct Windows {
    size: i64,
    stride: i64,
    /// Rows and columns added on both sides, which libtorch's operations do on their way.
    inside: [i64; 2],
    /// Left, right, above, below: where sides differ, the picture is enlarged before the operation.
    beforehand: Option<[i64; 4]>,
}

impl Windows {
    fn new(size: usize, stride: usize, pad: [[usize; 2]; 2]) -> Self {
        let [[top, bottom], [left, right]] = pad.map(|sides| sides.map(|side| side as i64));
        let even = top == bottom && left == right;
        Self {
            size: size as i64,
            stride: stride as i64,
            inside: if even { [top, left] } else { [0, 0] },
            beforehand: (!even).then_some([left, right, top, bottom]),
        }
    }

    /// `pictures` with `value` around them where the operation does not see to that.
    fn enlarge(&self, pictures: &Tensor, value: f64) -> Result<Tensor, TchError> {
        match self.beforehand {
            Some(sides) => pictures.f_pad(sides, "constant", value),
            None => Ok(pictures.shallow_clone()),
        }
    }

    /// Mean of each window. What is added beforehand counts as 0, what libtorch adds does not count.
    fn mean(&self, pictures: &Tensor) -> Result<Tensor, TchError> {
        self.enlarge(pictures, 0.0)?.f_avg_pool2d(self.size, self.stride, self.inside, false, false, None)
    }
}
