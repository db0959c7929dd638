//! Names of the series that the trainer writes and the viewer looks for. They are a contract with every other reader.

/// Mean loss of the batches, one value a step or a window of steps.
pub const LOSS_TRAIN: &str = "loss/train";
/// Loss over the whole data set, at the end of an epoch.
pub const LOSS_EVAL: &str = "loss/eval";
/// Share of the batch classified correctly, 0 to 1.
pub const ACCURACY_TRAIN: &str = "accuracy/train";
/// Share of the whole data set classified correctly, 0 to 1.
pub const ACCURACY_EVAL: &str = "accuracy/eval";
/// Learning rate that the step used.
pub const LR: &str = "lr";
/// Euclidean norm of all gradients together.
pub const GRAD_NORM: &str = "grad_norm";
/// Time of one training step in milliseconds, without recording and probes.
pub const STEP_MS: &str = "time/step_ms";
/// Share of the run's time spent in probes, 0 to 1.
pub const PROBE_SHARE: &str = "time/probe_share";
/// Share of the run's time spent on recording, 0 to 1.
pub const RECORD_SHARE: &str = "time/record_share";
/// Grid of the network's output over the plane of a two-feature data set: an image that carries values.
pub const BOUNDARY_P: &str = "boundary/p";
/// The data points of the plane, a tensor (n, 3): x, y, class. Written once.
pub const BOUNDARY_POINTS: &str = "boundary/points";
/// The network's output at each of the data points, a tensor (n), in the order of [`BOUNDARY_POINTS`].
pub const BOUNDARY_POINTS_P: &str = "boundary/points_p";

/// Appended to a tag for the smallest value of a window of steps.
pub const MIN_SUFFIX: &str = ".min";
/// Appended to a tag for the largest value of a window of steps.
pub const MAX_SUFFIX: &str = ".max";

/// Plugin name of tensors that only torchscope draws; `TensorBoard` leaves them alone.
pub const PLUGIN: &str = "torchscope";
