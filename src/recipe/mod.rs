//! What to train: TOML text becomes a validated [`Recipe`], and a recipe becomes a [`Network`] with every shape known.
//!
//! Nothing here touches a tensor. [`Recipe::parse`] is the only door in, so that whoever holds a recipe holds a valid one.

mod error;
mod network;
mod spec;

pub use error::{Place, RecipeError};
pub use network::{Layer, Network, Parameter};
pub use spec::{Activation, DataSpec, Device, Init, LayerSpec, Loss, ModelSpec, OptimizerSpec, Recipe, RecordSpec};
