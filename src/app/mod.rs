//! State of the view and what changes it: messages come in, effects go out. No terminal, no clock, no I/O.

mod action;
mod boundary;
mod key;
mod layout;
mod model;
mod panel;
mod rate;
mod update;

pub use action::{Action, BINDINGS, Binding, Context, Direction, LR_FACTOR, When};
pub use boundary::{Boundary, Point};
pub use key::{Code, Key};
pub use layout::{Area, Layout, Request, SMALLEST, Slot, layout};
pub use model::Model;
pub use panel::PanelId;
pub use rate::Rate;
pub use update::{App, BoundaryStyle, Effect, Message, Overlay, help_rows};
