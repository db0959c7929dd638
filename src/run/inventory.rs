//! What a trainer says of itself: its libtorch, and the graphics processors it finds.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// The option on which a trainer prints this and ends.
pub const ABOUT: &str = "--about";
/// How long it may take: loading libtorch from a cold disk takes seconds.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks at whether it has ended.
const LOOK: Duration = Duration::from_millis(10);

/// A trainer's account of itself, one line of JSON.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Inventory {
    /// Its own version.
    pub version: String,
    /// The version of its libtorch, where that is written beside it.
    pub libtorch: Option<String>,
    /// The folder it was loaded from.
    pub folder: Option<PathBuf>,
    /// Whether libtorch was built for CUDA.
    pub cuda: bool,
    /// The CUDA devices libtorch can use.
    pub devices: usize,
    /// The version of NVIDIA's driver; none without one.
    pub driver: Option<String>,
    /// Why it could not be asked.
    pub no_driver: Option<String>,
    /// Names of NVIDIA's processors.
    pub gpus: Vec<String>,
}

/// Asks a trainer. An error is what it printed, or why it could not be started.
pub fn ask_trainer(program: &Path) -> Result<Inventory, String> {
    let mut child = Command::new(program)
        .arg(ABOUT)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("it cannot be started: {error}"))?;
    let deadline = Instant::now() + PATIENCE;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < deadline => thread::sleep(LOOK),
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("it has not answered for {} s", PATIENCE.as_secs()));
            }
            Err(error) => return Err(error.to_string()),
        }
    };
    // Far less than a pipe holds, so that it could end before anybody read.
    let read = |pipe: Option<&mut dyn Read>| {
        let mut text = String::new();
        pipe.map(|pipe| pipe.read_to_string(&mut text));
        text
    };
    let said = read(child.stdout.as_mut().map(|pipe| pipe as &mut dyn Read));
    let complaint = read(child.stderr.as_mut().map(|pipe| pipe as &mut dyn Read));
    if !status.success() {
        let line = complaint.lines().next().map_or_else(|| status.to_string(), str::to_owned);
        return Err(super::plain(&line));
    }
    serde_json::from_str(said.trim()).map_err(|error| format!("it does not answer as this version does: {error}"))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn script(folder: &Path, text: &str) -> PathBuf {
        let path = folder.join("trainer");
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[test]
    fn an_answer_is_read_whatever_it_leaves_out() {
        let folder = tempfile::tempdir().unwrap();
        let program = script(folder.path(), r#"[ "$1" = --about ] && echo '{"version": "9", "devices": 2, "new": 1}'"#);
        let about = ask_trainer(&program).unwrap();
        assert_eq!((about.version.as_str(), about.devices, about.driver), ("9", 2, None));
    }

    #[test]
    fn a_trainer_that_cannot_start_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let program = script(folder.path(), "echo 'libtorch_cpu.so: cannot open' >&2; exit 127");
        assert_eq!(ask_trainer(&program).unwrap_err(), "libtorch_cpu.so: cannot open");
        let program = script(folder.path(), "echo hello");
        assert!(ask_trainer(&program).unwrap_err().contains("does not answer"));
        assert!(ask_trainer(&folder.path().join("none")).unwrap_err().contains("cannot be started"));
    }
}
