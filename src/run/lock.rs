//! The lock that says whether a run has a live trainer. The system frees it when the process ends, however it ends, so
//! that a killed trainer is seen as such at once and a recycled pid fools nobody.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::thread;
use std::time::Duration;

use super::dir::RunDir;
use super::error::RunError;
use super::replace::remove_leftovers;
use crate::files;

/// Whoever looks whether a trainer lives holds the lock for a moment; a trainer that meets a look tries again.
const ATTEMPTS: u32 = 50;
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(4);

/// Held by a run's trainer for as long as it lives; freed on drop and by the end of the process.
///
/// Write the final state to `run.json` BEFORE dropping it: a live state without a lock means that the trainer crashed.
#[derive(Debug)]
pub struct RunLock {
    _file: File,
}

impl RunLock {
    /// Makes this process the run's trainer, or says that there is one. Waits 0.2 s at most.
    pub fn acquire(run: &RunDir) -> Result<Self, RunError> {
        let run = run.own()?;
        let path = run.lock_path();
        let file = files::write(&path).map_err(RunError::io("open", &path))?;
        for _ in 0..ATTEMPTS {
            match file.try_lock() {
                Ok(()) => {
                    // From now on nobody else writes these files.
                    remove_leftovers(&run.meta_path());
                    remove_leftovers(&run.recipe_path());
                    return Ok(Self { _file: file });
                }
                Err(TryLockError::WouldBlock) => thread::sleep(BETWEEN_ATTEMPTS),
                Err(TryLockError::Error(source)) => return Err(RunError::Io { doing: "lock", path, source }),
            }
        }
        Err(RunError::Locked { name: run.name() })
    }
}

/// Whether some process, or this one through another handle, holds the lock at `path`.
pub(super) fn is_held(path: &Path) -> Result<bool, RunError> {
    let file = match files::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(source) => return Err(RunError::Io { doing: "open", path: path.to_owned(), source }),
    };
    // Shared, so that two viewers that look at the same time do not take each other for a trainer.
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(source)) => Err(RunError::Io { doing: "lock", path: path.to_owned(), source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::moons;

    #[test]
    fn one_trainer_at_a_time_and_looking_takes_nothing() {
        let home = tempfile::tempdir().unwrap();
        let run = RunDir::create(home.path(), &moons()).unwrap();
        assert!(!run.is_locked().unwrap(), "no file yet");
        let lock = RunLock::acquire(&run).unwrap();
        assert!(run.is_locked().unwrap());
        assert!(run.is_locked().unwrap(), "looking did not free it");
        let error = RunLock::acquire(&run).unwrap_err();
        assert!(matches!(error, RunError::Locked { .. }), "{error:?}");
        assert!(error.to_string().contains("`torchscope attach moons-0001`"), "{error}");
        drop(lock);
        assert!(!run.is_locked().unwrap());
        RunLock::acquire(&run).unwrap();
    }

    #[test]
    fn a_pipe_in_its_place_is_waited_for_by_nobody() {
        let home = tempfile::tempdir().unwrap();
        let run = RunDir::create(home.path(), &moons()).unwrap();
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, run.lock_path(), rustix::fs::FileType::Fifo, mode, 0).unwrap();
        for error in [run.status().unwrap_err(), RunLock::acquire(&run).unwrap_err()] {
            let error = error.to_string();
            assert!(error.contains("trainer.lock") && error.contains("not a regular file"), "{error}");
        }
    }

    #[test]
    fn whoever_has_the_lock_clears_up_after_killed_writers() {
        let home = tempfile::tempdir().unwrap();
        let run = RunDir::create(home.path(), &moons()).unwrap();
        let [meta, recipe] = [".run.json.x1y2z3", ".recipe.toml.x1y2z3"].map(|name| run.path().join(name));
        std::fs::write(&meta, "half").unwrap();
        std::fs::write(&recipe, "half").unwrap();
        let lock = RunLock::acquire(&run).unwrap();
        assert!(!meta.exists() && !recipe.exists());
        // A live one's is never touched by who does not get the lock.
        std::fs::write(&meta, "under way").unwrap();
        assert!(RunLock::acquire(&run).is_err());
        assert!(meta.exists());
        drop(lock);
    }

    #[test]
    fn a_trainer_waits_out_somebody_who_looks() {
        let home = tempfile::tempdir().unwrap();
        let run = RunDir::create(home.path(), &moons()).unwrap();
        let look = File::create(run.lock_path()).unwrap();
        look.lock_shared().unwrap();
        assert!(!run.is_locked().unwrap(), "two who look do not see a trainer in each other");
        thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(Duration::from_millis(30));
                look.unlock().unwrap();
            });
            RunLock::acquire(&run).unwrap();
        });
    }
}
