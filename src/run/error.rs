//! What can go wrong with run directories. Paths and names are shown without control characters: they may hold anything.

use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};

use super::meta::State;
use super::tail::plain;
use crate::files;

/// What went wrong with a run directory, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// None of the places where runs are kept by default can be told.
    #[error(
        "no place to keep runs: neither TORCHSCOPE_HOME, XDG_STATE_HOME nor HOME is set; set TORCHSCOPE_HOME to a folder"
    )]
    NoHome,
    /// The operating system refused something.
    #[error("cannot {doing} `{}`: {source}", shown(path))]
    Io {
        /// What was tried: "read", "create".
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A path that is no run directory.
    #[error("`{}` holds no run.json; pass a run directory{}", shown(path), suggested(", such as", near))]
    NotARun {
        /// The path as given.
        path: PathBuf,
        /// Runs found below it.
        near: Vec<String>,
    },
    /// There is nothing to choose from.
    #[error("no runs in `{}` yet; `torchscope train moons` starts one", shown(home))]
    NoRuns {
        /// Where runs were looked for.
        home: PathBuf,
    },
    /// No run has that name, nor one that starts with it.
    #[error(
        "no run `{}` in `{}`{}; `torchscope ls` lists them",
        plain(name),
        shown(home),
        suggested("; there is", near)
    )]
    NoSuchRun {
        /// The name as given.
        name: String,
        /// Where it was looked for.
        home: PathBuf,
        /// Names like it, or else the newest ones.
        near: Vec<String>,
    },
    /// No run has the whole name that is needed here, but some have names that begin so.
    #[error("no run is called `{}`; a whole name is needed here{}", plain(prefix), suggested(":", names))]
    Unsure {
        /// The name as given.
        prefix: String,
        /// Their names, newest first; not necessarily all.
        names: Vec<String>,
    },
    /// A new run was to go where something else is.
    #[error("`{}` exists and is not an empty folder; pass another --run-dir", shown(path))]
    Occupied {
        /// The path as given.
        path: PathBuf,
    },
    /// A new run was to have a name that is not fit for one.
    #[error("`{}` cannot be a run's name: {problem}", plain(name))]
    BadName {
        /// The name as given.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A new run was to have the name of another one.
    #[error(
        "`{}` is the name of a run that {}; pass another --name, or remove that one: torchscope rm {}",
        plain(name),
        how_it_stands(*state),
        plain(name)
    )]
    NameTaken {
        /// The name.
        name: String,
        /// How the run of that name stands.
        state: State,
    },
    /// A new run was to have the name of something that is no run.
    #[error("`{}` is there already, and is no run; pass another --name", shown(path))]
    PlaceTaken {
        /// What is there.
        path: PathBuf,
    },
    /// A folder that others could put something into.
    #[error("nothing is written to `{}`: {problem}", shown(path))]
    NotOurs {
        /// The folder.
        path: PathBuf,
        /// Why, and what to do.
        problem: String,
    },
    /// `run.json` or `recipe.toml` cannot be understood.
    #[error("`{}` is damaged ({}); the event log beside it may still be good", shown(path), plain(problem))]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, with line and column where there are any.
        problem: String,
    },
    /// `run.json` comes from a later torchscope and cannot be understood.
    #[error(
        "`{}` has format {version}, this torchscope knows {known} ({}); update torchscope",
        shown(path),
        plain(problem)
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its `version`.
        version: u64,
        /// The newest version understood here.
        known: u64,
        /// The first thing not understood.
        problem: String,
    },
    /// Another trainer has the run.
    #[error(
        "`{}` has a trainer already; `torchscope attach {}` shows it, `torchscope stop {}` ends it",
        plain(name),
        plain(name),
        plain(name)
    )]
    Locked {
        /// The run's name.
        name: String,
    },
    /// No place for control sockets is safe.
    #[error("no control socket at `{}`: {problem}", shown(path))]
    Socket {
        /// The folder or socket refused.
        path: PathBuf,
        /// Why, and what to do.
        problem: String,
    },
    /// The trainer's program is nowhere.
    #[error(
        "torchscope-trainer is neither beside `{}` nor in PATH; build it with `cargo build` (default features) or install it there",
        shown(beside)
    )]
    NoTrainer {
        /// Where it should be.
        beside: PathBuf,
    },
}

impl RunError {
    /// For `map_err`: what was being done to which path.
    pub(super) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, path: path.to_owned(), source }
    }
}

/// As in "a run that is running", "a run that has finished".
fn how_it_stands(state: State) -> String {
    format!("{} {state}", if state.is_live() { "is" } else { "has" })
}

/// `path` for people: no control characters, whatever it is called.
pub(super) fn shown(path: &Path) -> impl Display {
    plain(&files::shown(path).to_string())
}

/// `lead` and the names behind it, or nothing if there are none.
fn suggested(lead: &str, names: &[String]) -> String {
    if names.is_empty() {
        return String::new();
    }
    let names: Vec<String> = names.iter().map(|name| format!("`{}`", plain(name))).collect();
    format!("{lead} {}", names.join(", "))
}
