use serde::{Deserialize, Serialize};

use super::{Fact, Kind};
use crate::log::tags;

/// How long a run shall be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Length {
    /// Passes over the data; 0 for a network that is only looked at.
    pub epochs: u64,
    /// Steps an epoch, at least 1.
    pub steps_per_epoch: u64,
}

impl Fact for Length {
    const KIND: Kind = Kind::Length;
    const TAG: &'static str = tags::RUN_LENGTH;
}
