//! What the application takes in and what it gives out.

use std::path::PathBuf;

use super::key::Key;
use crate::log::Record;
use crate::run::{Command, Link, Printed, Reply, RunMeta};

/// What has happened.
#[derive(Debug)]
pub enum Message {
    /// A key was pressed.
    Key(Key),
    /// The same key came once more so soon that it is held down, or hammered on.
    Repeat(Key),
    /// The mouse was clicked on a cell.
    Click {
        /// Column.
        x: u16,
        /// Row.
        y: u16,
    },
    /// The screen has a new size, in columns and rows.
    Resized(u16, u16),
    /// The log has grown.
    Records(Vec<Record>),
    /// The log has been read to its present end.
    CaughtUp,
    /// The reader of the log has something to say.
    Notice(String),
    /// The run's state was read anew.
    Status(Box<RunMeta>),
    /// The trainer has printed something.
    Printed(Printed),
    /// A control command was carried out.
    Done(Reply),
    /// A control command was refused, or the trainer does not answer.
    Refused(String),
    /// Something to be read in the footer, until the next key.
    Note(String),
    /// Another run is shown from now on.
    Opened(PathBuf),
    /// How the line to the machine of the run stands.
    Link(Link),
    /// What goes to the terminal. Only needed while [`super::App::traffic`] is shown.
    Traffic(Traffic),
    /// It is so many seconds after the beginning of 1970. Only needed while [`super::App::wants_time`].
    Tick(f64),
}

/// What goes to the terminal, on the average of some seconds.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Traffic {
    /// Bytes a second.
    pub bytes: u64,
    /// Frames a second.
    pub frames: f64,
}

/// How the view looks on this terminal, apart from what it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Look {
    /// How many colours there are.
    Colors,
    /// Which characters there are.
    Glyphs,
    /// Whether the ground is dark or light.
    Ground,
}

/// What shall be done outside.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Send a command to the trainer.
    Control(Command),
    /// Start the run's recipe again as a new run, and show that. Answered with [`Message::Opened`] or [`Message::Refused`].
    StartOver {
        /// With another seed than this run's.
        new_seed: bool,
        /// Stop this run.
        stop: bool,
    },
    /// Ring the terminal's bell.
    Bell,
    /// Go on to the next way to look on this terminal.
    Look(Look),
    /// Leave the view. The run goes on.
    Leave,
    /// Stop the run, then leave.
    StopAndLeave,
}
