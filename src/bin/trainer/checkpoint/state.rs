//! Everything of a checkpoint that is no tensor, as JSON in the file's header.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use torchscope::log::{Window, Windows};
use torchscope::run::{Best, Plane};

use crate::alarm::Watch;
use crate::recorder::Thinner;

/// All of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) training: Training,
    pub(crate) memory: Memory,
}

/// What the training thread knows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Training {
    pub(crate) session: SessionState,
    /// Epochs a second while watched, as last set; none for as fast as it goes.
    pub(crate) pace: Option<f64>,
    /// The step of the last evaluation that alarms were looked for in.
    pub(crate) judged: Option<u64>,
    pub(crate) watch: Watch,
    /// Of the landscape's path; none where there is no landscape.
    pub(crate) path: Option<PathState>,
    pub(crate) looks: Looks,
    pub(crate) spent: Spent,
}

/// Where the computation is. Random numbers need no more: each is keyed by the seed, what it is for, and the epoch or step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SessionState {
    pub(crate) step: u64,
    /// The learning rate of the next step, and what the schedule's factor is taken of.
    pub(crate) lr: f64,
    pub(crate) base_lr: f64,
    /// Steps that the optimiser's corrections have counted.
    pub(crate) optimizer_steps: i32,
    pub(crate) place: Place,
}

/// The position in the data and in the random numbers: it follows from the step, and is written down to be compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// How random numbers are made.
    pub(crate) generator: String,
    pub(crate) seed: u64,
    /// The epoch under way, from 0, whose order of samples the next step needs.
    pub(crate) epoch: u64,
    /// The place of the next batch in it, from 0.
    pub(crate) batch: u64,
}

/// The landscape's path, beside its tensors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct PathState {
    /// Epochs from one station to the next.
    pub(crate) every: u64,
    /// Levels of the plane that moments show; none if there is none yet.
    #[serde(default)]
    pub(crate) recorded: Option<usize>,
}

/// What has been used up of the bytes for pictures, and which plane is looked at.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Looks {
    pub(crate) verdict_bytes: u64,
    pub(crate) health_bytes: u64,
    pub(crate) health_time: Duration,
    #[serde(default)]
    pub(crate) moment_time: Duration,
    pub(crate) landscape_bytes: u64,
    pub(crate) plane: Option<Plane>,
}

/// Times and bytes of the run so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Spent {
    /// Without pauses.
    pub(crate) active: Duration,
    pub(crate) probing: Duration,
    #[serde(default)]
    pub(crate) evaluating: Duration,
    pub(crate) recording: Duration,
    pub(crate) picture_bytes: u64,
    pub(crate) merged: u64,
}

/// What the recorder knows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Memory {
    /// The window under way.
    pub(crate) windows: Windows<3>,
    /// The last one that was written.
    pub(crate) closed: Option<Window<3>>,
    /// What is measured now and then, by tag.
    #[serde(default)]
    pub(crate) thinned: BTreeMap<String, Thinner>,
    /// Alarms of each kind that were written.
    #[serde(default)]
    pub(crate) alarms: BTreeMap<String, u64>,
    /// Best values by tag.
    pub(crate) best: BTreeMap<String, Best>,
    /// Bits of the latest values by tag: JSON has none for what is not finite.
    pub(crate) last: BTreeMap<String, u64>,
    /// Where the log ended.
    pub(crate) log: LogEnd,
    /// Checksum of what the log says that the run is; none in checkpoints of logs that do not say it.
    #[serde(default)]
    pub(crate) described: Option<u32>,
}

/// A place in the log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LogEnd {
    /// Name of the event file.
    pub(crate) file: String,
    /// Bytes in it.
    pub(crate) bytes: u64,
}
