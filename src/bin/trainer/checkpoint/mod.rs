//! Checkpoints: all that a run needs to go on as if it had never been interrupted.
//!
//! ```text
//! tensors   into bytes and back            state    everything that is no tensor
//! file      written whole or not at all    keeper   thread: writes them, keeps the newest two and the best
//! ```
//!
//! The training thread copies its tensors between two steps, the recorder adds how far the log is, and the keeper's thread
//! does all that may take long. So a checkpoint is of one moment, and nobody waits for the disk.

mod file;
mod keeper;
mod state;
mod tensors;

use std::fs;
use std::io::{self, Read as _};
use std::path::PathBuf;

use jiff::Timestamp;
use tch::TchError;
use torchscope::files;
use torchscope::recipe::{Recipe, RecipeError};
use torchscope::run::{About, CheckpointError, Milestone, RunDir};

pub(crate) use keeper::{Counter, Keeper};
pub(crate) use state::{LogEnd, Looks, Memory, PathState, Place, SessionState, Spent, State, Training};
pub(crate) use tensors::{Source, Tensors};

/// The moment of a checkpoint, as the training thread knows it.
pub(crate) struct Snapshot {
    /// Its `state` is still to come.
    pub(crate) about: About,
    pub(crate) tensors: Tensors,
    pub(crate) training: Training,
}

/// A checkpoint that cannot be gone on from.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RestoreError {
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error("cannot read `{}`: {source}", files::shown(path))]
    Read { path: PathBuf, source: io::Error },
    #[error("the checkpoint cannot be used: {0}; start the run again")]
    Format(String),
    #[error("the checkpoint has no `{name}`; start the run again")]
    Missing { name: String },
    #[error("`{name}` has shape {found:?} in the checkpoint and {expected:?} in the network; start the run again")]
    Shape { name: String, found: Vec<i64>, expected: Vec<i64> },
    #[error("the recipe of the checkpoint cannot be read: {0}")]
    Recipe(#[from] RecipeError),
    #[error("recipe.toml has changed since the checkpoint: {0}; change it back, or train it as a new run")]
    OtherRecipe(String),
    #[error("the data has changed since the checkpoint; put the files back, or start a new run")]
    OtherData,
    #[error("libtorch: {0}")]
    Torch(#[from] TchError),
}

/// What a run goes on from.
pub(crate) struct Resumption {
    pub(crate) about: About,
    pub(crate) state: State,
    /// When the checkpoint was written.
    pub(crate) at: Milestone,
    /// The recipe has more epochs than it had then, which may stretch its schedule.
    pub(crate) is_extended: bool,
    bytes: Vec<u8>,
}

impl Resumption {
    /// The newest checkpoint of `run` that is whole, for a trainer of `recipe` and data with that fingerprint; none of a run
    /// that ended before its first. Newer ones that are not whole get another name, so that they are in nobody's way.
    pub(crate) fn find(run: &RunDir, recipe: &Recipe, data: u32) -> Result<Option<Self>, RestoreError> {
        let newest = match run.newest_checkpoint() {
            Err(CheckpointError::None { .. }) => return Ok(None),
            newest => newest?,
        };
        for error in &newest.damaged {
            tracing::warn!("{error}; going on from step {}", newest.checkpoint.about.step);
            if let CheckpointError::Damaged { path, .. } = error {
                let mut aside = path.clone().into_os_string();
                aside.push(".damaged");
                fs::rename(path, aside).map_err(|source| RestoreError::Read { path: path.clone(), source })?;
            }
        }
        let (path, about) = (newest.checkpoint.path, newest.checkpoint.about);
        let before = Recipe::parse("the recipe", &about.recipe)?;
        if let Some(change) = recipe.change_since(&before) {
            return Err(RestoreError::OtherRecipe(change));
        }
        if about.data != data {
            return Err(RestoreError::OtherData);
        }
        let state = serde_json::from_str(&about.state).map_err(|error| RestoreError::Format(error.to_string()))?;
        let failed = |source| RestoreError::Read { path: path.clone(), source };
        let written = fs::metadata(&path).and_then(|found| found.modified()).map_err(failed)?;
        let at = Milestone { step: about.step, at: Timestamp::try_from(written).unwrap_or_default() };
        let mut bytes = Vec::new();
        files::open_own(&path).and_then(|mut file| file.read_to_end(&mut bytes)).map_err(failed)?;
        let is_extended = recipe.epochs != before.epochs;
        Ok(Some(Self { about, state, at, is_extended, bytes }))
    }

    /// Its tensors.
    pub(crate) fn source(&self) -> Result<Source<'_>, RestoreError> {
        Source::new(&self.bytes)
    }
}

/// The bytes of a checkpoint of nothing but `tensors`.
#[cfg(test)]
pub(crate) fn in_memory(tensors: &mut Tensors) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    fs::read(file::write(folder.path(), &About::default(), tensors).unwrap()).unwrap()
}

#[cfg(test)]
mod tests;
