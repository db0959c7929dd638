//! What to train: TOML text becomes a validated [`Recipe`], and a recipe becomes a [`Network`] with every shape known.
//!
//! Nothing here touches a tensor. [`Recipe::parse`] is the only door in, so that whoever holds a recipe holds a valid one.

mod activation;
mod change;
mod error;
mod fields;
mod infer;
mod load;
mod network;
mod read;
mod schedule;
mod spec;
mod tree;

pub use error::{Place, RecipeError};
pub(crate) use fields::grouped;
pub use load::Look;
pub use network::{Layer, Network, Parameter, ParameterRole, Span, Window};
pub use read::MOST_SAMPLES;
pub use spec::{
    Activation, AdamSpec, Answer, Column, CsvSpec, DataShape, DataSpec, Delimiter, Device, FolderSpec, Init, LayerKind,
    LayerSpec, Layout, Loss, ModelSpec, Normalise, NpySpec, NpzSpec, OptimizerSpec, Padding, Preparation, ProbeSpec,
    Recipe, RecordSpec, ScheduleSpec, Target,
};
