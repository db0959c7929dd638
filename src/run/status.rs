//! The state of a run, followed.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

use super::dir::RunDir;
use super::meta::RunMeta;

/// What could not be read is tried again so often, even if nothing seems to have changed.
const RETRY: Duration = Duration::from_secs(1);

/// Tells whether `run.json` was replaced: device and inode, size, and time of the last change.
type Stamp = (u64, u64, u64, i64, i64);

/// Follows the state of a run. `run.json` is read when it has changed; while it says that the run goes on, a look at the lock
/// tells whether that is still true.
#[derive(Debug)]
pub struct StatusReader {
    run: RunDir,
    seen: Option<Stamp>,
    status: Option<RunMeta>,
    /// Why it could not be read, and when that was.
    failed: Option<(String, Instant)>,
}

impl StatusReader {
    /// A reader that has seen nothing yet.
    pub fn new(run: RunDir) -> Self {
        Self { run, seen: None, status: None, failed: None }
    }

    /// The state as last read.
    pub fn last(&self) -> Option<&RunMeta> {
        self.status.as_ref()
    }

    /// The state, if it is another than the last one. An error is told once, until there is another one or it has passed.
    pub fn poll(&mut self) -> Result<Option<RunMeta>, String> {
        self.poll_at(Instant::now())
    }

    fn poll_at(&mut self, now: Instant) -> Result<Option<RunMeta>, String> {
        let stamp = stamp(&self.run);
        let is_same = stamp.is_some() && stamp == self.seen;
        if let Some((_, at)) = &self.failed {
            if is_same && now.saturating_duration_since(*at) < RETRY {
                return Ok(None);
            }
        } else if is_same
            && let Some(status) = &self.status
            && (status.state.is_over() || self.run.is_locked().unwrap_or(false))
        {
            return Ok(None);
        }
        self.seen = stamp;
        match self.run.status() {
            Ok(status) => {
                self.failed = None;
                if self.status.as_ref() == Some(&status) {
                    return Ok(None);
                }
                self.status = Some(status.clone());
                Ok(Some(status))
            }
            Err(error) => {
                let error = error.to_string();
                let is_known = self.failed.as_ref().is_some_and(|(known, _)| *known == error);
                self.failed = Some((error.clone(), now));
                if is_known { Ok(None) } else { Err(error) }
            }
        }
    }
}

fn stamp(run: &RunDir) -> Option<Stamp> {
    let found = fs::metadata(run.meta_path()).ok()?;
    Some((found.dev(), found.ino(), found.size(), found.mtime(), found.mtime_nsec()))
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;
    use crate::run::{RunLock, State, moons};

    #[test]
    fn an_unchanged_file_is_not_read_again() {
        let home = tempfile::tempdir().unwrap();
        let run = RunDir::create(home.path(), &moons()).unwrap();
        let mut meta = run.meta().unwrap();
        (meta.state, meta.step) = (State::Running, 10);
        run.write_meta(&meta).unwrap();
        let lock = RunLock::acquire(&run).unwrap();
        let mut reader = StatusReader::new(run.clone());
        assert_eq!(reader.poll().unwrap().unwrap().step, 10);
        // Behind its back: as long as before, and as old.
        let text = fs::read_to_string(run.meta_path()).unwrap();
        let before = fs::metadata(run.meta_path()).unwrap().modified().unwrap();
        fs::write(run.meta_path(), text.replace("\"step\": 10", "\"step\": 11")).unwrap();
        File::options().write(true).open(run.meta_path()).unwrap().set_modified(before).unwrap();
        assert_eq!(reader.poll(), Ok(None));
        meta.step = 12;
        run.write_meta(&meta).unwrap();
        assert_eq!(reader.poll().unwrap().unwrap().step, 12);
        // The end of the trainer changes no file.
        drop(lock);
        assert_eq!(reader.poll().unwrap().unwrap().state, State::Crashed);
        assert_eq!(reader.poll(), Ok(None));
        assert_eq!(reader.last().unwrap().state, State::Crashed);
    }

    #[test]
    fn what_cannot_be_read_is_said_once() {
        let home = tempfile::tempdir().unwrap();
        let run = RunDir::create(home.path(), &moons()).unwrap();
        let meta = run.meta().unwrap();
        let mut reader = StatusReader::new(run.clone());
        let start = Instant::now();
        let later = |milliseconds| start + Duration::from_millis(milliseconds);
        fs::write(run.meta_path(), "{").unwrap();
        assert!(reader.poll_at(start).unwrap_err().contains("is damaged"));
        for at in [40, 80, 1_500, 1_540, 3_000] {
            assert_eq!(reader.poll_at(later(at)), Ok(None), "at {at} ms");
        }
        fs::remove_file(run.meta_path()).unwrap();
        assert!(reader.poll_at(later(3_040)).unwrap_err().contains("No such file"));
        assert_eq!(reader.poll_at(later(3_080)), Ok(None));
        run.write_meta(&meta).unwrap();
        assert_eq!(reader.poll_at(later(3_120)).unwrap().unwrap().name, meta.name);
    }
}
