//! Drawing into a buffer, one widget a file. A widget knows values and a theme, never the application's state.

mod chart;
mod dots;
mod field;
mod frame;
mod gauge;
mod labels;
mod row;
mod sparkline;

pub use chart::{Chart, Curve, Mark};
pub use dots::put_dots;
pub use field::{Field, FieldPoint};
pub use frame::PanelFrame;
pub use gauge::Gauge;
pub use labels::labels_across;
pub use row::Row;
pub use sparkline::Sparkline;
