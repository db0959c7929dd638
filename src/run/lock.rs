//! The lock that says whether a run has a live trainer. The system frees it when the process ends, however it ends, so
//! that a killed trainer is seen as such at once and a recycled pid fools nobody.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::thread;
use std::time::Duration;

use super::dir::RunDir;
use super::error::RunError;

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
        let path = run.lock_path();
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(RunError::io("open", &path))?;
        for _ in 0..ATTEMPTS {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::WouldBlock) => thread::sleep(BETWEEN_ATTEMPTS),
                Err(TryLockError::Error(source)) => return Err(RunError::Io { doing: "lock", path, source }),
            }
        }
        Err(RunError::Locked { name: run.name() })
    }
}

/// Whether some process, or this one through another handle, holds the lock at `path`.
pub(super) fn is_held(path: &Path) -> Result<bool, RunError> {
    let file = match File::open(path) {
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
