//! The terminal: what it can do, taking it over and giving it back.

mod capabilities;
mod screen;

pub use crate::view::Glyphs;
pub use capabilities::{Capabilities, ColorChoice, Environment, GlyphChoice};
pub use screen::{Screen, install_panic_hook, restore};
