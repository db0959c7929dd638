//! What to train: TOML text becomes a validated [`Recipe`], and a recipe becomes a [`Network`] with every shape known.
//!
//! Nothing here touches a tensor. [`Recipe::parse`] and [`Recipe::load`] are the doors in: what they return is valid. That
//! the types can be deserialised is how those doors fill them, once everything has been checked against [`keys`].

mod activation;
mod change;
mod error;
mod fields;
mod fitting;
mod infer;
pub mod keys;
mod load;
mod network;
mod read;
mod schedule;
mod spec;
mod tree;
mod write;

pub use error::{Place, Problem, RecipeError};
pub use keys::MOST_SAMPLES;
pub(crate) use keys::grouped;
pub use load::{Look, Override};
pub use network::{Layer, Network, Parameter, ParameterRole, Span, Window};
pub use spec::{
    Activation, AdamSpec, Answer, Column, CsvSpec, DataShape, DataSpec, Delimiter, Device, FolderSpec, Init,
    LEARNING_RATES, LayerKind, LayerSpec, Layout, Loss, ModelSpec, Normalise, NpySpec, NpzSpec, OptimizerSpec, Padding,
    Preparation, ProbeSpec, Recipe, RecordSpec, ScheduleSpec, Target,
};
