//! The run directory: its layout, `run.json`, the lock that tells a live trainer from a dead one, the list of runs, the
//! control socket and the spawning of trainers.
//!
//! ```text
//! ~/.local/state/torchscope/moons-0001/
//!     recipe.toml              what is trained, every default written out
//!     run.json                 RunMeta: where the run stands; replaced as a whole, never edited
//!     events.out.tfevents.*    the event log: what there is to see
//!     trainer.lock             locked by the trainer for as long as it lives
//!     control.sock             the trainer's control socket, only if its usual place is taken
//!     trainer.log              what the trainer prints, and libtorch with it
//!     checkpoints/             step-000000004200.safetensors: to go on from
//! ```
//!
//! A run is known by the name of its directory: a copied or renamed run goes by its new name.

mod checkpoint;
mod control;
mod description;
mod dir;
mod errand;
mod error;
mod inventory;
mod link;
mod list;
mod lock;
mod meta;
mod name;
pub(crate) mod number;
mod owned;
mod printed;
mod remove;
mod replace;
mod socket;
mod spawn;
mod status;
mod tail;

pub use crate::log::schema::{Length, Reference, Setup};
pub use checkpoint::{About, Checkpoint, CheckpointError, Newest, seal};
pub use control::{Command, CommandError, ControlClient, ControlError, MAX_LINE, Plane, Reply, TIMEOUT};
pub use description::Description;
pub use dir::{RunDir, home};
pub use errand::{Errand, OnNan, Sweep};
pub use error::RunError;
pub use inventory::{ABOUT, Inventory, ask_trainer};
pub use link::Link;
pub use list::{Choice, Eligible, Resolved, Run, list, list_home, resolve, resolve_exactly};
pub use lock::RunLock;
pub use meta::{Best, Milestone, RunMeta, STARTING_GRACE, State, Trouble, hostname};
pub use name::check_name;
pub use printed::{Printed, PrintedReader};
pub use remove::{Removable, RemoveError, Removed};
pub use replace::{is_disk_trouble, is_out_of_room};
pub use socket::{ControlSocket, peer_is_us, socket_folder, socket_path};
pub use spawn::{Audience, find_trainer, spawn_trainer};
pub use status::StatusReader;
pub use tail::{is_inert, log_tail, plain};

#[cfg(test)]
pub(crate) fn moons() -> crate::recipe::Recipe {
    crate::recipe::Recipe::load("moons", &[]).unwrap()
}
