//! Drawing into a buffer, one widget a file. A widget knows values and a theme, never the application's state.

mod chart;
mod dots;
mod field;
mod frame;
mod gauge;
mod history;
mod labels;
mod matrix;
mod outline;
mod photo;
mod ratio;
mod ridges;
mod row;
mod scatter;
mod sparkline;
mod terrain;
mod tile;

pub use chart::{Chart, Curve, Event, Level, Mark};
pub use dots::put_dots;
pub use field::{Field, FieldPoint};
pub use frame::{PanelFrame, Trail};
pub use gauge::Gauge;
pub use history::History;
pub use labels::labels_across;
pub use matrix::Matrix;
pub use outline::Outline;
pub use photo::Photo;
pub use ratio::Ratio;
pub use ridges::Ridges;
pub use row::Row;
pub use scatter::{Scatter, ScatterPoint};
pub use sparkline::Sparkline;
pub use terrain::{Terrain, TerrainPoint};
pub use tile::Tile;
