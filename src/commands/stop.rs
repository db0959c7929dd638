//! `torchscope stop`.

use std::time::{Duration, Instant};

use color_eyre::eyre::{Result, bail};

use super::{pick, say, train};
use crate::cli::Stop;
use crate::plot::format;
use crate::run::{Command, ControlClient, ControlError, Eligible, RunDir};

/// How long a trainer may take to come up, or to end the step under way.
const PATIENCE: Duration = Duration::from_secs(60);
const RETRY: Duration = Duration::from_millis(20);

pub(super) fn run(args: &Stop) -> Result<u8> {
    let run = pick(args.run.as_deref(), Eligible::Live)?;
    let patience = Instant::now() + PATIENCE;
    loop {
        match ControlClient::connect(&run).and_then(|mut line| line.send(&Command::Stop)) {
            Ok(_) => break,
            Err(ControlError::Over { state, .. }) => {
                say(&format!("{} is not running: it has {state}", run.name()))?;
                return Ok(0);
            }
            Err(ControlError::NotYet { .. }) if Instant::now() < patience => std::thread::sleep(RETRY),
            Err(error) => {
                // What was sent waits for it.
                if let Some(pid) = suspended(&run).filter(|_| matches!(error, ControlError::Silent { .. })) {
                    bail!(
                        "{} is suspended, so that it cannot stop yet; it will as soon as it goes on: kill -CONT {pid}",
                        run.name()
                    );
                }
                return Err(error.into());
            }
        }
    }
    while Instant::now() < patience {
        let meta = run.status()?;
        if meta.state.is_over() {
            let ended = train::ended(meta.state, &meta);
            say(&format!("{} {ended}, step {}", run.name(), format::count(meta.step)))?;
            return Ok(0);
        }
        std::thread::sleep(RETRY);
    }
    bail!("{} was asked to stop but is still in its step; see {}", run.name(), run.trainer_log_path().display())
}

/// The process of a trainer that has been suspended by a signal.
fn suspended(run: &RunDir) -> Option<u32> {
    let pid = run.meta().ok()?.pid?;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // Behind the name, which may hold anything, comes the state.
    let state = stat.rsplit_once(") ")?.1.chars().next()?;
    (state == 'T').then_some(pid)
}
