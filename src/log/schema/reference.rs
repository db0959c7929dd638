use serde::{Deserialize, Serialize};

use super::{Fact, Kind};
use crate::log::tags;

/// A loss that something else reaches on the evaluation set: a floor, or something simpler.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reference {
    /// What reaches it: `mean image`.
    pub name: String,
    /// The loss, finite.
    pub loss: f64,
}

/// Losses to compare the run's with.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct References(pub Vec<Reference>);

impl Fact for References {
    const KIND: Kind = Kind::References;
    const TAG: &'static str = tags::RUN_REFERENCES;
}
