use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::output::say;

/// One call of cargo.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    pub(crate) title: &'static str,
    pub(crate) arguments: &'static [&'static str],
}

/// What CI runs. Cheapest first. One package at a time and all in the dev profile, as the demo builds: over the whole
/// workspace cargo would merge the features that xtask and torchscope ask of their dependencies, and compile many of
/// those a second time.
pub(crate) const TEST: &[Step] = &[
    Step { title: "formatting", arguments: &["fmt", "--all", "--", "--check"] },
    Step { title: "lints", arguments: &["clippy", "--package", "torchscope", "--all-targets", "--", "-D", "warnings"] },
    Step {
        title: "lints, viewer alone",
        arguments: &[
            "clippy",
            "--package",
            "torchscope",
            "--all-targets",
            "--no-default-features",
            "--",
            "-D",
            "warnings",
        ],
    },
    Step {
        title: "lints, xtask",
        arguments: &["clippy", "--package", "xtask", "--all-targets", "--", "-D", "warnings"],
    },
    Step { title: "tests", arguments: &["test", "--package", "torchscope"] },
    Step { title: "tests, viewer alone", arguments: &["test", "--package", "torchscope", "--no-default-features"] },
    Step { title: "tests, xtask", arguments: &["test", "--package", "xtask"] },
];

/// Runs `steps` one after the other in `root` and stops at the first that fails.
pub(crate) fn run_all(root: &Path, steps: &[Step]) -> Result<(), Error> {
    let start = Instant::now();
    for (index, step) in steps.iter().enumerate() {
        let number = index + 1;
        let total = steps.len();
        let line = command_line(step);
        say(format_args!("[{number}/{total}] {}: {line}", step.title));
        let begun = Instant::now();
        let program = cargo();
        let status = Command::new(&program)
            .current_dir(root)
            .args(step.arguments)
            .status()
            .map_err(|source| Error::io("start", Path::new(&program), source))?;
        let elapsed = seconds(begun.elapsed());
        if !status.success() {
            return Err(Error::Step { number, total, title: step.title, elapsed, command: line });
        }
        say(format_args!("[{number}/{total}] {}: done in {elapsed}", step.title));
    }
    if steps.len() > 1 {
        say(format_args!("all {} steps passed in {}", steps.len(), seconds(start.elapsed())));
    }
    Ok(())
}

/// The cargo that runs this program, so that a toolchain chosen with `cargo +name` stays chosen.
pub(crate) fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

fn command_line(step: &Step) -> String {
    format!("cargo {}", step.arguments.join(" "))
}

fn seconds(duration: Duration) -> String {
    let whole = duration.as_secs();
    if whole >= 60 {
        format!("{} min {:02} s", whole / 60, whole % 60)
    } else {
        format!("{:.1} s", duration.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_well() {
        assert_eq!(seconds(Duration::from_millis(1250)), "1.2 s");
        assert_eq!(seconds(Duration::from_secs(125)), "2 min 05 s");
    }

    #[test]
    fn a_failing_step_is_named_and_ends_the_run() {
        let folder = tempfile::tempdir().unwrap();
        let steps = [
            Step { title: "fine", arguments: &["--version"] },
            Step { title: "broken", arguments: &["no-such-command-at-all"] },
            Step { title: "never reached", arguments: &["--version"] },
        ];
        let error = run_all(folder.path(), &steps).unwrap_err().to_string();
        assert!(error.starts_with("step 2 of 3 (broken) failed after"), "{error}");
        assert!(error.ends_with("to repeat it alone: cargo no-such-command-at-all"), "{error}");
    }

    #[test]
    fn every_test_step_shares_one_profile() {
        for step in TEST {
            assert!(
                !step.arguments.iter().any(|word| word.contains("release") || word.contains("profile")),
                "{step:?}"
            );
        }
    }
}
