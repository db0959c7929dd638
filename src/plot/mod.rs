//! Drawing maths without a screen: scales and ticks, number formats, colours, dots, bars and contours.
//!
//! Everything here is a pure function of numbers; `view` turns the results into cells.
pub mod ascii;
pub mod bins;
pub mod braille;
pub mod color;
pub mod contour;
pub mod dither;
pub mod format;
pub mod grid;
pub mod raster;
pub mod scale;
pub mod sparkline;
pub mod ticks;
mod viridis;
mod wrap;

pub use color::Rgb;
pub use wrap::wrap;
