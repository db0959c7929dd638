//! State of the view and what changes it: messages come in, effects go out. No terminal, no clock, no I/O.

mod act;
mod action;
mod alarms;
mod bindings;
mod boundary;
mod classes;
mod codes;
mod confusion;
mod health;
mod key;
mod landscape;
mod layout;
mod log_lines;
mod machine;
mod maps;
mod message;
mod model;
mod network_view;
mod panel;
mod pca;
mod rate;
mod reconstruction;
mod subject;
mod tabs;
mod units;
mod update;

pub use crate::log::schema::{AlarmKind, PlaneFacts, Waypoint};
pub use action::{Action, Binding, Context, Direction, LR_FACTOR, When};
pub use alarms::{Alarm, Alarms};
pub use bindings::BINDINGS;
pub use boundary::{Boundary, Point};
pub use classes::Classes;
pub use codes::{Codes, CodesAction, CodesView, Projection};
pub use confusion::{Confusion, Mistake};
pub use health::{Film, Health, HealthRow, Ridge, bars};
pub use key::{Code, Key};
pub use landscape::{Landscape, Landscapes, PlaneView, levels};
pub use layout::{Area, Arrangement, Layout, Request, SMALLEST, Slot, layout};
pub use log_lines::{LogAction, LogKind, LogLine, LogLines, LogRow, LogView};
pub use machine::{Gpu, Machine, Track};
pub use maps::{
    BARS, Channel, Life, Looking, MapOrder, MapScale, MapSet, Maps, MapsAction, Picture, SIDE, Sheet, Stage,
};
pub use message::{Effect, Look, Message, Traffic};
pub use model::Model;
pub use network_view::{NetworkAction, NetworkView};
pub use panel::PanelId;
pub use pca::Plane;
pub use rate::Rate;
pub use reconstruction::{NAMES, Reconstruction, Strip};
pub use subject::{Exhibit, PixelMode, Subject};
pub use tabs::Tab;
pub use units::{Units, UnitsAction, UnitsLooking};
pub use update::{App, BoundaryStyle, Overlay, help_rows};
