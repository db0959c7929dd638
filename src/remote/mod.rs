//! Runs on other machines, through the system's `ssh`: its configuration, keys, agent and jump hosts, and no port of ours.
//!
//! ```text
//!  here                                                there
//!  view -> mirror of the run directory <- line == ssh == relay -> run directory
//!      \-> control socket              -> line == ssh == relay -> trainer
//! ```
//!
//! The [relay](relay::serve) at the far end sends what the run's files have more than the [mirror](mirror::Mirror) here, so
//! that the view follows the mirror as it does any run, and a line that breaks goes on where it was.

mod address;
mod copies;
mod line;
mod mirror;
mod relay;
mod session;
mod source;
mod ssh;
mod window;
mod wire;

pub use address::Address;
pub use copies::{Copy, copies_at, copies_of};
pub use line::{Attached, attach};
pub use relay::{refuse, serve};
pub use ssh::{RemoteError, Ssh};
