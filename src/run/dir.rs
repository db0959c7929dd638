//! One run directory and the place where runs are kept.

use std::env;
use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::error::RunError;
use super::lock::{self, RunLock};
use super::meta::{RunMeta, State};
use crate::recipe::Recipe;

/// The directory of one run. The path is absolute.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RunDir {
    path: PathBuf,
}

/// Where runs are kept: `$TORCHSCOPE_HOME`, else `$XDG_STATE_HOME/torchscope`, else `~/.local/state/torchscope`.
/// Runs lie directly below. Absolute; it need not exist.
pub fn home() -> Result<PathBuf, RunError> {
    home_of(|key| env::var_os(key), env::home_dir())
}

fn home_of(variable: impl Fn(&str) -> Option<OsString>, user: Option<PathBuf>) -> Result<PathBuf, RunError> {
    let set = |key| variable(key).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = if let Some(home) = set("TORCHSCOPE_HOME") {
        home
    // The XDG specification tells programs to ignore relative paths.
    } else if let Some(state) = set("XDG_STATE_HOME").filter(|path| path.is_absolute()) {
        state.join("torchscope")
    } else {
        user.filter(|path| path.is_absolute()).ok_or(RunError::NoHome)?.join(".local/state/torchscope")
    };
    absolute(&home)
}

impl RunDir {
    /// Creates the next run of `recipe` in `home`: `moons-0001`, `moons-0002` and so on. Two at once get two numbers.
    pub fn create(home: &Path, recipe: &Recipe) -> Result<Self, RunError> {
        let home = absolute(home)?;
        fs::create_dir_all(&home).map_err(RunError::io("create", &home))?;
        let mut number = last_number(&home, &recipe.name)?;
        loop {
            number = number.saturating_add(1);
            let path = home.join(format!("{}-{number:04}", recipe.name));
            match fs::create_dir(&path) {
                Ok(()) => {
                    let run = Self { path };
                    return match run.fill(recipe) {
                        Ok(()) => Ok(run),
                        Err(error) => {
                            // Half a run helps nobody; the error that matters is the first one.
                            let _ = fs::remove_dir_all(&run.path);
                            Err(error)
                        }
                    };
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists && number < u64::MAX => {}
                Err(source) => return Err(RunError::Io { doing: "create", path, source }),
            }
        }
    }

    /// Creates a run at `path`, which must not exist or be an empty folder.
    pub fn create_at(path: &Path, recipe: &Recipe) -> Result<Self, RunError> {
        let run = Self { path: absolute(path)? };
        let occupied = || RunError::Occupied { path: path.to_owned() };
        match fs::create_dir_all(&run.path) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(occupied()),
            Err(source) => return Err(RunError::Io { doing: "create", path: run.path, source }),
        }
        let mut entries = fs::read_dir(&run.path).map_err(RunError::io("read", &run.path))?;
        if entries.next().is_some() {
            return Err(occupied());
        }
        match run.fill(recipe) {
            Ok(()) => Ok(run),
            // Somebody else filled it in between.
            Err(RunError::Io { source, .. }) if source.kind() == ErrorKind::AlreadyExists => Err(occupied()),
            Err(error) => Err(error),
        }
    }

    /// The run directory at `path`; it must hold a `run.json`.
    pub fn open(path: &Path) -> Result<Self, RunError> {
        // A path that ends in `..` has a name only once it is followed.
        let whole = if path.file_name().is_none() { fs::canonicalize(path).ok() } else { None };
        let run = Self { path: absolute(whole.as_deref().unwrap_or(path))? };
        if is_run(&run.path) { Ok(run) } else { Err(RunError::NotARun { path: path.to_owned(), near: Vec::new() }) }
    }

    /// Absolute path of the directory; the event log lies directly in it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Name of the directory, by which the run is known.
    pub fn name(&self) -> String {
        self.path.file_name().unwrap_or(self.path.as_os_str()).to_string_lossy().into_owned()
    }

    /// `run.json`
    pub fn meta_path(&self) -> PathBuf {
        self.path.join("run.json")
    }

    /// `recipe.toml`: resolved, every default written out.
    pub fn recipe_path(&self) -> PathBuf {
        self.path.join("recipe.toml")
    }

    /// `trainer.log`: the trainer's standard output and error.
    pub fn trainer_log_path(&self) -> PathBuf {
        self.path.join("trainer.log")
    }

    /// `trainer.lock`: held for as long as the trainer lives.
    pub fn lock_path(&self) -> PathBuf {
        self.path.join("trainer.lock")
    }

    /// `checkpoints/`; created by the first checkpoint.
    pub fn checkpoints_path(&self) -> PathBuf {
        self.path.join("checkpoints")
    }

    /// `run.json` as the trainer last wrote it, under the directory's present name. See [`Self::status`].
    pub fn meta(&self) -> Result<RunMeta, RunError> {
        let mut meta = RunMeta::read(&self.meta_path())?;
        meta.name = self.name();
        Ok(meta)
    }

    /// Replaces `run.json`; readers see the old one or the new one. For the holder of the [`RunLock`].
    pub fn write_meta(&self, meta: &RunMeta) -> Result<(), RunError> {
        meta.write(&self.meta_path())
    }

    /// Whether a trainer lives.
    pub fn is_locked(&self) -> Result<bool, RunError> {
        lock::is_held(&self.lock_path())
    }

    /// `run.json` with the state that is true now: a run that calls itself live but whose trainer is gone is
    /// [`State::Crashed`]. One that is `Starting` and has not had a trainer yet is given
    /// [`super::STARTING_GRACE`].
    pub fn status(&self) -> Result<RunMeta, RunError> {
        /// A trainer would have to start or end between two reads this often to deceive us.
        const LOOKS: usize = 5;
        let mut meta = self.meta()?;
        for _ in 0..LOOKS {
            if meta.state.is_over() || self.is_locked()? {
                return Ok(meta);
            }
            // Without a lock the file is final, if it is the same before and after the look at the lock.
            let again = self.meta()?;
            let same = again == meta;
            meta = again;
            if same {
                break;
            }
        }
        let age = Timestamp::now().duration_since(meta.started);
        meta.state = meta.state.without_trainer(meta.pid.is_some(), age);
        Ok(meta)
    }

    /// Records that the run failed, for a trainer that could not start or died before it could say so itself.
    /// Leaves a run alone that is over already, and says so if a trainer lives.
    pub fn record_failure(&self, outcome: &str) -> Result<(), RunError> {
        let _lock = RunLock::acquire(self)?;
        let mut meta = self.meta()?;
        if meta.state.is_live() {
            let now = Timestamp::now();
            meta.state = State::Failed;
            meta.outcome = Some(outcome.to_owned());
            meta.updated = now;
            meta.finished = Some(now);
            meta.socket = None;
            self.write_meta(&meta)?;
        }
        Ok(())
    }

    /// `run.json` comes last: a directory is a run only when it is complete.
    fn fill(&self, recipe: &Recipe) -> Result<(), RunError> {
        let path = self.recipe_path();
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)
            .and_then(|mut file| file.write_all(recipe.to_toml().as_bytes()))
            .map_err(RunError::io("create", &path))?;
        self.write_meta(&RunMeta::starting(self.name(), recipe))
    }
}

/// Whether `path` is a run directory.
pub(super) fn is_run(path: &Path) -> bool {
    // Only a regular file: a pipe of that name would block the reader for ever.
    path.join("run.json").is_file()
}

/// `path` seen from the root. Symbolic links stay: they are what the user typed.
pub(super) fn absolute(path: &Path) -> Result<PathBuf, RunError> {
    std::path::absolute(path).map_err(RunError::io("find", path))
}

/// The highest number among the runs of `recipe` in `home`; 0 if there are none.
fn last_number(home: &Path, recipe: &str) -> Result<u64, RunError> {
    let entries = fs::read_dir(home).map_err(RunError::io("read", home))?;
    let numbers = entries.filter_map(|entry| {
        let name = entry.ok()?.file_name();
        let digits = name.to_str()?.strip_prefix(recipe)?.strip_prefix('-')?;
        if digits.bytes().all(|b| b.is_ascii_digit()) { digits.parse::<u64>().ok() } else { None }
    });
    Ok(numbers.max().unwrap_or(0))
}
