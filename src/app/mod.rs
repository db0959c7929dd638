//! State of the view and what changes it: messages come in, effects go out. No terminal, no clock, no I/O.

mod action;
mod alarms;
mod boundary;
mod classes;
mod codes;
mod confusion;
mod health;
mod key;
mod landscape;
mod layout;
mod maps;
mod model;
mod network_view;
mod panel;
mod pca;
mod rate;
mod reconstruction;
mod tabs;
mod units;
mod update;

pub use action::{Action, BINDINGS, Binding, Context, Direction, LR_FACTOR, When};
pub use alarms::{Alarm, AlarmKind, Alarms};
pub use boundary::{Boundary, Point};
pub use classes::Classes;
pub use codes::{Codes, CodesAction, CodesView, Projection};
pub use confusion::{Confusion, Mistake};
pub use health::{Film, Health, HealthRow, Ridge, bars};
pub use key::{Code, Key};
pub use landscape::{Landscape, Landscapes, PlaneFacts, PlaneView, Waypoint, levels};
pub use layout::{Area, Arrangement, Layout, Request, SMALLEST, Slot, layout};
pub use maps::{
    BARS, Channel, Life, Looking, MapOrder, MapScale, MapSet, Maps, MapsAction, Picture, SIDE, Sheet, Stage,
};
pub use model::Model;
pub use network_view::{NetworkAction, NetworkView};
pub use panel::PanelId;
pub use pca::Plane;
pub use rate::Rate;
pub use reconstruction::{NAMES, Reconstruction, Strip};
pub use tabs::Tab;
pub use units::{Units, UnitsAction, UnitsLooking};
pub use update::{App, BoundaryStyle, Effect, Message, Overlay, help_rows};
