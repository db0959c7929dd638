//! Names of the series that the trainer writes and the viewer looks for. They are a contract with every other reader.

/// Mean loss of the batches, one value a step or a window of steps.
pub const LOSS_TRAIN: &str = "loss/train";
/// [`LOSS_TRAIN`] smoothed, where learning rates are tried.
pub const LOSS_SMOOTHED: &str = "loss/smoothed";
/// Loss over the evaluation set (the data itself where there is no other), at the end of an epoch.
pub const LOSS_EVAL: &str = "loss/eval";
/// Share of the batch classified correctly, 0 to 1.
pub const ACCURACY_TRAIN: &str = "accuracy/train";
/// Share of the evaluation set classified correctly, 0 to 1.
pub const ACCURACY_EVAL: &str = "accuracy/eval";
/// Learning rate that the step used.
pub const LR: &str = "lr";
/// Euclidean norm of all gradients together.
pub const GRAD_NORM: &str = "grad_norm";
/// Time of one training step in milliseconds, without recording and probes.
pub const STEP_MS: &str = "time/step_ms";
/// Share of the run's time spent in probes, 0 to 1.
pub const PROBE_SHARE: &str = "time/probe_share";
/// Share of the run's time spent on evaluations, 0 to 1: they belong to the recipe, and are no part of [`PROBE_SHARE`].
pub const EVAL_SHARE: &str = "time/eval_share";
/// Share of the run's time spent on recording, 0 to 1.
pub const RECORD_SHARE: &str = "time/record_share";
/// Samples that were folded into a neighbour because the recorder could not keep up, so far.
pub const MERGED: &str = "time/merged";
/// Grid of the network's output over the plane of a two-feature data set: an image that carries values.
pub const BOUNDARY_P: &str = "boundary/p";
/// The data points of the plane, see [`super::schema::Points`]. Written once.
pub const BOUNDARY_POINTS: &str = "boundary/points";
/// The network's output at each of the data points, a tensor (n), in the order of [`BOUNDARY_POINTS`].
pub const BOUNDARY_POINTS_P: &str = "boundary/points_p";

/// Before the name of a layer and that of a probe, `maps/conv1/cat`: what the layer puts out for the probe BEFORE its
/// activation, an atlas with a tile a channel, or of 1 by 1 tiles, one a unit, for a dense layer.
pub const MAPS: &str = "maps";
/// Stands for a layer in [`MAPS`]: the probe itself, `maps/input/cat`. Written once.
pub const INPUT: &str = "input";
/// Before the name of a convolution, `kernels/conv1`: its weights, an atlas of out * in tiles, the inputs of the first
/// output first.
pub const KERNELS: &str = "kernels";
/// Before the name of a layer, `peak/conv1`: the largest magnitude that each channel or unit reaches AFTER the activation
/// anywhere in the evaluation set, a tensor (channels). What is 0 is dead.
pub const PEAK: &str = "peak";
/// Before the name of a dense layer of a network with two inputs, `response/dense1`: what each unit says BEFORE its
/// activation over the plane of [`BOUNDARY_P`], an atlas with a tile a unit.
pub const RESPONSE: &str = "response";
/// Samples of the evaluation set that an autoencoder is shown, an atlas. Written once.
pub const RECONSTRUCTION_INPUT: &str = "reconstruction/input";
/// Class of each sample of [`RECONSTRUCTION_INPUT`], see [`super::schema::Labels`]. Written once.
pub const RECONSTRUCTION_LABELS: &str = "reconstruction/labels";
/// What the autoencoder makes of them, an atlas with the same tiles.
pub const RECONSTRUCTION_OUTPUT: &str = "reconstruction/output";
/// The codes of the same samples, AFTER the activation: a grid (n, units).
pub const RECONSTRUCTION_CODES: &str = "reconstruction/codes";
/// Codes of the evaluation set (thinned evenly where it is large), AFTER the activation: a grid (n, units).
pub const CODE_POINTS: &str = "code/points";
/// Class of each of [`CODE_POINTS`], see [`super::schema::Labels`]. Written once.
pub const CODE_LABELS: &str = "code/labels";
/// How often a class (row) of the evaluation set was taken for which (column), a tensor (classes, classes).
pub const CONFUSION: &str = "confusion";

/// Before the name of a plane through parameter space, `landscape/path`: the loss over it, a grid (rows, columns) with
/// row 0 at the largest second coordinate, its extent in units of the axes. Not a number where not computed yet.
pub const LANDSCAPE: &str = "landscape";
/// Name of the plane in [`LANDSCAPE`] that the principal axes of the path so far span.
pub const PLANE_PATH: &str = "path";
/// The plane that the principal axes of the finished path span; only written once the run is over.
pub const PLANE_WHOLE: &str = "whole";
/// The plane of two random, filter-normalised directions through the present point.
pub const PLANE_RANDOM: &str = "random";
/// After the tag of a plane, `landscape/path/path`: the way of the optimiser, see [`super::schema::Path`]. The last row is the
/// present; there are at most 256.
pub const PATH: &str = "path";
/// After the tag of a plane, `landscape/path/facts`: what else is known of it, see [`super::schema::PlaneFacts`].
pub const FACTS: &str = "facts";

/// Before the name of a parameter, `norm/conv1.weight`: its Euclidean norm. The norm of its gradient stands behind
/// [`GRAD_NORM`] in the same way.
pub const NORM: &str = "norm";
/// Before the name of a parameter: the norm of its last update over its own norm.
pub const UPDATE_RATIO: &str = "update_ratio";
/// Before the name of a parameter: a histogram of its values.
pub const WEIGHTS: &str = "weights";
/// Before the name of a parameter: a histogram of its gradient.
pub const GRADS: &str = "grads";
/// Before the name of a layer: a histogram of what it puts out AFTER its activation.
pub const ACTIVATIONS: &str = "activations";
/// Before the name of a layer: the share of what it puts out after its activation that is exactly 0, 0 to 1.
pub const ZEROS: &str = "zeros";
/// Something that somebody should look at, see [`super::schema::Alarm`], at the step at which it happened.
pub const ALARM: &str = "alarm";

/// The network with every shape, a document of step 0, as are all that follow under `run/`.
pub const RUN_NETWORK: &str = "run/network";
/// Names of the classes, see [`super::schema::Classes`].
pub const RUN_CLASSES: &str = "run/classes";
/// What the network is looked at with, see [`super::schema::Probes`].
pub const RUN_PROBES: &str = "run/probes";
/// Losses to compare the run's with, see [`super::schema::References`].
pub const RUN_REFERENCES: &str = "run/references";
/// How long the run shall be, see [`super::schema::Length`].
pub const RUN_LENGTH: &str = "run/length";
/// How the network is trained, see [`super::schema::Setup`].
pub const RUN_SETUP: &str = "run/setup";
/// The recipe, see [`super::schema::RecipeText`].
pub const RUN_RECIPE: &str = "run/recipe";

/// Which series `TensorBoard` compares between runs, see [`super::schema::Hparams`].
pub const HPARAMS_EXPERIMENT: &str = "_hparams_/experiment";
/// What the run was started with.
pub const HPARAMS_START: &str = "_hparams_/session_start_info";
/// How the run ended.
pub const HPARAMS_END: &str = "_hparams_/session_end_info";

/// Before everything about the machine that the trainer runs on. All of it follows the clock, not the steps.
pub const SYSTEM: &str = "system";
/// Load of all cores together, in percent.
pub const SYSTEM_CPU: &str = "system/cpu";
/// Cores of the machine. Written once.
pub const SYSTEM_CORES: &str = "system/cores";
/// Bytes of memory in use, within the limit of the container if there is one.
pub const SYSTEM_MEM: &str = "system/mem";
/// Bytes of memory, or the limit of the container.
pub const SYSTEM_MEM_TOTAL: &str = "system/mem_total";
/// Load that the trainer makes, in percent of ONE core.
pub const TRAINER_CPU: &str = "system/trainer_cpu";
/// Bytes of the trainer that are resident.
pub const TRAINER_MEM: &str = "system/trainer_mem";
/// Bytes that may still be written where the run lies.
pub const DISK_LEFT: &str = "system/disk_left";
/// Bytes of that file system.
pub const DISK_TOTAL: &str = "system/disk_total";
/// A text: why there is nothing about GPUs. Written once.
pub const SYSTEM_NOTE: &str = "system/note";

/// Before the number of a GPU and what is measured of it, `gpu/0/util`.
pub const GPU: &str = "gpu";
/// Load of a GPU, in percent.
pub const GPU_UTIL: &str = "util";
/// Bytes of a GPU's memory in use.
pub const GPU_MEM: &str = "mem";
/// Bytes of a GPU's memory.
pub const GPU_MEM_TOTAL: &str = "mem_total";
/// Degrees Celsius.
pub const GPU_TEMP: &str = "temp";
/// Watts.
pub const GPU_POWER: &str = "power";
/// A text: what a GPU is called. Written once.
pub const GPU_NAME: &str = "name";
/// A text: who is on a GPU, as [`super::GpuProcess`] writes it. Written when it changes.
pub const GPU_PROCESSES: &str = "processes";

/// Stands in each record that was taken between the moments that follow from the length of a run, because somebody watched:
/// another run of the same seed need not have it. An empty tensor.
pub const BETWEEN: &str = "between";

/// What a record is called that says from which step on a resumed run computes everything again. In the file it has no tag:
/// `TensorBoard` knows it as the start of a session.
pub const RESTART: &str = "restart";

/// The tag of something of a layer: `kernels/conv1`.
pub fn of_layer(kind: &str, layer: &str) -> String {
    format!("{kind}/{layer}")
}

/// The tag of a layer's maps for a probe: `maps/conv1/cat`.
pub fn map(layer: &str, probe: &str) -> String {
    format!("{MAPS}/{layer}/{probe}")
}

/// The tag of the loss over a plane: `landscape/path`.
pub fn landscape(plane: &str) -> String {
    format!("{LANDSCAPE}/{plane}")
}

/// The tag of the optimiser's way over a plane: `landscape/path/path`.
pub fn landscape_path(plane: &str) -> String {
    format!("{LANDSCAPE}/{plane}/{PATH}")
}

/// The tag of what is known of a plane: `landscape/path/facts`.
pub fn landscape_facts(plane: &str) -> String {
    format!("{LANDSCAPE}/{plane}/{FACTS}")
}

/// The tag of what is measured of a GPU: `gpu/0/util`.
pub fn of_gpu(number: usize, what: &str) -> String {
    format!("{GPU}/{number}/{what}")
}

/// Appended to a tag for the smallest value of a window of steps.
pub const MIN_SUFFIX: &str = ".min";
/// Appended to a tag for the largest value of a window of steps.
pub const MAX_SUFFIX: &str = ".max";

/// Plugin name of tensors that only torchscope draws; `TensorBoard` leaves them alone.
pub const PLUGIN: &str = "torchscope";
