//! Starting the trainer, so that it outlives whoever started it.

use std::env;
use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::dir::RunDir;
use super::error::RunError;

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

/// Starts `torchscope-trainer <run dir>` in a session of its own, so that neither the end of this process nor that of the
/// terminal reaches it. Input is empty; what it prints is appended to `trainer.log`.
///
/// If it cannot be started the run is recorded as failed. Whoever keeps the child should look at it with `try_wait`, and
/// call [`RunDir::record_failure`] when it ends with the run still `Starting`.
pub fn spawn_trainer(run: &RunDir) -> Result<Child, RunError> {
    let started = find_trainer().and_then(|program| spawn(&program, run));
    if let Err(error) = &started {
        // The error itself says more than a second one that the same cause may bring about.
        let _ = run.record_failure(&error.to_string());
    }
    started
}

fn spawn(program: &Path, run: &RunDir) -> Result<Child, RunError> {
    let log_path = run.trainer_log_path();
    let log = OpenOptions::new().create(true).append(true).open(&log_path).map_err(RunError::io("open", &log_path))?;
    let errors = log.try_clone().map_err(RunError::io("open", &log_path))?;
    let mut command = Command::new(program);
    command.arg(run.path()).stdin(Stdio::null()).stdout(log).stderr(errors);
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
