//! What to train: TOML text becomes a validated [`Recipe`], and a recipe becomes a [`Network`] with every shape known.
//!
//! Nothing here touches a tensor. [`Recipe::parse`] is the only door in, so that whoever holds a recipe holds a valid one.

mod error;
mod fields;
mod load;
mod network;
mod read;
mod spec;
mod tree;

pub use error::{Place, RecipeError};
pub use network::{Layer, Network, Parameter};
pub use read::MOST_SAMPLES;
pub use spec::{Activation, DataSpec, Device, Init, LayerSpec, Loss, ModelSpec, OptimizerSpec, Recipe, RecordSpec};
