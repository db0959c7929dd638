//! The event log: `TensorBoard` event files, written by the trainer and tailed by every viewer.
//!
//! [`EventWriter`] appends [`Record`]s; [`LogReader`] follows every event file of a directory while they grow, and
//! survives cut tails, flipped bits and foreign writers. [`Windows`] thins out what is written, by step number alone.

mod atlas;
mod error;
mod event;
mod gpu_process;
mod grid;
mod notice;
mod proto;
mod raw;
mod reader;
mod record;
mod scan;
pub mod schema;
pub mod tags;
mod tensor;
mod value;
mod window;
mod writer;

pub use atlas::Tiles;
pub use error::LogError;
pub use gpu_process::GpuProcess;
pub use grid::{Grid, GridMeta};
pub use notice::Notice;
pub use raw::{RAW_HEADER, picture_tags, raw_length};
pub use reader::{LogReader, Poll, is_event_file};
pub use value::{Data, Histogram, ImageValue, Record, Tag, TensorValue, Value};
pub use window::{Window, Windows, window_of};
pub use writer::EventWriter;
