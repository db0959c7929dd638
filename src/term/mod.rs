//! The terminal: what it can do, taking it over and giving it back.

mod background;
mod capabilities;
mod encode;
mod graphics;
mod guardian;
mod link;
mod output;
mod pacing;
mod query;
mod screen;

pub use crate::view::{ColorDepth, Glyphs, Ground};
pub use background::{ThemeChoice, of_color as ground_of};
pub use capabilities::{Capabilities, Choices, ColorChoice, Environment, GlyphChoice};
pub use graphics::Graphics;
pub use guardian::guard;
pub use link::Link;
pub use output::{has_hung_up, is_gone, wait_for_hangup};
pub use pacing::{Meter, Pacing};
pub use query::{Answers, Questions, color as color_answer};
pub use screen::{Screen, ask, restore, size};
