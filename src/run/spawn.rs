//! Starting the trainer, so that it outlives whoever started it.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::dir::RunDir;
use super::errand::Errand;
use super::error::RunError;
use crate::files;

const PROGRAM: &str = "torchscope-trainer";

/// The trainer's program: beside this one, else the first in `PATH`.
pub fn find_trainer() -> Result<PathBuf, RunError> {
    let here = env::current_exe().unwrap_or_default();
    find(here.parent().unwrap_or(Path::new("")), env::var_os("PATH").as_deref())
}

fn find(beside: &Path, path: Option<&OsStr>) -> Result<PathBuf, RunError> {
    let folders = env::split_paths(path.unwrap_or_default());
    // An empty entry of PATH means the current folder, which is nowhere to take programs from unasked.
    std::iter::once(beside.to_owned())
        .chain(folders)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(PROGRAM))
        .find(|program| is_program(program))
        .ok_or_else(|| RunError::NoTrainer { beside: beside.to_owned() })
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// Who a trainer is started for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// A viewer that will connect at once: the first step waits for it (a few seconds at most), so that nothing happens
    /// unseen.
    Viewer,
    /// Nobody in particular.
    Nobody,
}

/// Starts `torchscope-trainer <run dir>` on an `errand`, in a session of its own, so that neither the end of
/// this process nor that of the terminal reaches it. Input is empty; what it prints is appended to `trainer.log`.
///
/// If it cannot be started the run is recorded as failed. Whoever keeps the child should look at it with `try_wait`, and
/// call [`RunDir::record_failure`] when it ends with the run still `Starting`.
pub fn spawn_trainer(run: &RunDir, errand: &Errand) -> Result<Child, RunError> {
    let started = find_trainer().and_then(|program| spawn(&program, run, errand));
    if let Err(error) = &started {
        // The error itself says more than a second one that the same cause may bring about.
        let _ = run.record_failure(&error.to_string());
    }
    started
}

fn spawn(program: &Path, run: &RunDir, errand: &Errand) -> Result<Child, RunError> {
    let held = run.own()?;
    let log_path = held.trainer_log_path();
    let log = files::append(&log_path).map_err(RunError::io("open", &log_path))?;
    let errors = log.try_clone().map_err(RunError::io("open", &log_path))?;
    let mut command = Command::new(program);
    command.args(errand.arguments()).arg(run.path()).stdin(Stdio::null()).stdout(log).stderr(errors);
    if env::var_os("OMP_WAIT_POLICY").is_none() {
        // Threads that spin while they wait make a tiny network ten times slower beside one busy neighbour.
        command.env("OMP_WAIT_POLICY", "passive");
    }
    leave_session(&mut command);
    command.spawn().map_err(RunError::io("start", program))
}

#[expect(unsafe_code, reason = "the standard library has no safe way to call setsid in the child")]
fn leave_session(command: &mut Command) {
    // SAFETY: between fork and exec only async-signal-safe calls are allowed. The closure makes one system call, setsid,
    // without a lock or an allocation, and the error it may return is a bare number.
    unsafe {
        command.pre_exec(|| {
            rustix::process::setsid()?;
            Ok(())
        });
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::run::{State, log_tail, moons};

    fn train(audience: Audience) -> Errand {
        Errand::Train { audience, on_nan: None }
    }

    #[test]
    fn the_trainer_runs_detached_and_prints_into_its_log() {
        let home = tempfile::tempdir().unwrap();
        let run = RunDir::create(home.path(), &moons()).unwrap();
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/run_fake_trainer.sh");
        for starts in 1..=2 {
            assert!(spawn(&program, &run, &train(Audience::Nobody)).unwrap().wait().unwrap().success());
            let log = log_tail(&run.trainer_log_path(), 100);
            assert_eq!(log.len(), 5 * starts, "appended, not replaced: {log:?}");
        }
        let policy = env::var("OMP_WAIT_POLICY").unwrap_or("passive".to_owned());
        let expected = [
            format!("arguments: 1 {}", run.path().display()),
            "own session: yes".to_owned(),
            "input: 0".to_owned(),
            format!("wait policy: {policy}"),
            "an error".to_owned(),
        ];
        assert_eq!(log_tail(&run.trainer_log_path(), 5), expected);
    }

    #[test]
    fn a_trainer_that_cannot_be_started_is_an_error() {
        let home = tempfile::tempdir().unwrap();
        let run = RunDir::create(home.path(), &moons()).unwrap();
        let error = spawn(&home.path().join("nothing"), &run, &train(Audience::Viewer)).unwrap_err();
        assert!(error.to_string().starts_with("cannot start `"), "{error}");
        assert_eq!(run.status().unwrap().state, State::Starting);
    }

    #[test]
    fn the_trainer_beside_this_program_comes_before_path() {
        let folder = tempfile::tempdir().unwrap();
        let real = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/run_fake_trainer.sh");
        let [beside, first, second] = ["bin", "first", "second"].map(|name| folder.path().join(name));
        for place in [&beside, &first, &second] {
            fs::create_dir(place).unwrap();
        }
        let path = env::join_paths([Path::new(""), &first, &second]).unwrap();
        let found = || find(&beside, Some(&path));
        let error = found().unwrap_err().to_string();
        assert!(error.contains("neither beside") && error.contains("cargo build"), "{error}");
        fs::write(first.join(PROGRAM), "not executable").unwrap();
        symlink(&real, second.join(PROGRAM)).unwrap();
        assert_eq!(found().unwrap(), second.join(PROGRAM));
        symlink(&real, beside.join(PROGRAM)).unwrap();
        assert_eq!(found().unwrap(), beside.join(PROGRAM));
        assert!(find(Path::new(""), None).is_err());
    }
}
