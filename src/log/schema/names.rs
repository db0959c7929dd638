use serde::{Deserialize, Serialize};

use super::{Fact, Kind};
use crate::log::tags;

/// Names of the classes of a data set, from class 0 on; empty where there are none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Classes(pub Vec<String>);

impl Fact for Classes {
    const KIND: Kind = Kind::Classes;
    const TAG: &'static str = tags::RUN_CLASSES;
}

/// What a network is looked at with, by the names that stand in the tags: `cat`, `7`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Probes(pub Vec<String>);

impl Fact for Probes {
    const KIND: Kind = Kind::Probes;
    const TAG: &'static str = tags::RUN_PROBES;
}
