//! The project's own commands: `cargo xtask libtorch`, `demo`, `test` and `bench`.

mod error;
mod libtorch;
mod output;
mod steps;

use std::ffi::OsString;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus};

use clap::{Parser, Subcommand};

use crate::error::Error;
use crate::libtorch::Flavour;
use crate::steps::Step;

/// The commands of the torchscope project.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Fetch libtorch, unless it is here already or you have one of your own
    Libtorch {
        /// The one for NVIDIA GPUs, with all its CUDA libraries
        #[arg(long)]
        cuda: bool,
    },
    /// Build everything and watch a recipe train
    Demo {
        /// A built-in recipe, or the path of one
        #[arg(default_value = "moons")]
        recipe: OsString,
        /// Further arguments of `torchscope train`
        #[arg(last = true)]
        arguments: Vec<OsString>,
    },
    /// Formatting, lints and every test: what CI runs
    Test,
    /// Measure what the design promises
    Bench,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments.task, &root()) {
        Ok(code) => code,
        Err(error) => {
            output::say(format_args!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run(task: &Task, root: &Path) -> Result<ExitCode, Error> {
    match task {
        Task::Libtorch { cuda } => {
            libtorch::ensure(root, if *cuda { Flavour::Cuda } else { Flavour::Cpu })?;
            Ok(ExitCode::SUCCESS)
        }
        Task::Demo { recipe, arguments } => demo(root, recipe, arguments),
        Task::Test => {
            libtorch::ensure(root, Flavour::Cpu)?;
            steps::run_all(root, steps::TEST)?;
            Ok(ExitCode::SUCCESS)
        }
        Task::Bench => {
            libtorch::ensure(root, Flavour::Cpu)?;
            let status = spawn(
                root,
                &steps::cargo(),
                &["bench".into(), "--package".into(), "torchscope".into(), "--no-fail-fast".into()],
            )?;
            Ok(exit_code(status))
        }
    }
}

fn demo(root: &Path, recipe: &OsString, arguments: &[OsString]) -> Result<ExitCode, Error> {
    libtorch::ensure(root, Flavour::Cpu)?;
    steps::run_all(root, &[Step { title: "build", arguments: &["build", "--package", "torchscope"] }])?;
    // Beside this program, whatever the target folder is called: both are built with the dev profile.
    let here = std::env::current_exe().map_err(|source| Error::io("find", Path::new("/proc/self/exe"), source))?;
    let program = here.with_file_name("torchscope");
    // Replaced, not awaited: the terminal, its signals and the exit code are torchscope's from here on. It runs where
    // the user stands, so that the path of a recipe means what it says.
    let source = Command::new(&program).arg("train").arg(recipe).args(arguments).exec();
    Err(Error::io("start", &program, source))
}

fn spawn(root: &Path, program: &OsString, arguments: &[OsString]) -> Result<ExitStatus, Error> {
    let mut command = Command::new(program);
    command.current_dir(root).args(arguments);
    command.status().map_err(|source| Error::io("start", Path::new(program), source))
}

/// As a shell says it: 128 + n for a program ended by signal n.
fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

/// The root of the repository: this package's folder is directly below it.
fn root() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    here.parent().map(Path::to_path_buf).unwrap_or(here)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(words: &[&str]) -> Task {
        Arguments::try_parse_from([&["cargo xtask"], words].concat()).unwrap().task
    }

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_demo_defaults_to_moons_and_passes_arguments_on() {
        let Task::Demo { recipe, arguments } = parse(&["demo"]) else { panic!("not a demo") };
        assert_eq!((recipe, arguments), ("moons".into(), vec![]));
        let Task::Demo { recipe, arguments } = parse(&["demo", "--", "--epochs", "20"]) else { panic!("not a demo") };
        assert_eq!((recipe, arguments), ("moons".into(), vec!["--epochs".into(), "20".into()]));
        let Task::Demo { recipe, arguments } = parse(&["demo", "a.toml", "--", "--lr", "1"]) else {
            panic!("not a demo")
        };
        assert_eq!((recipe, arguments), ("a.toml".into(), vec!["--lr".into(), "1".into()]));
    }

    #[test]
    fn exit_codes_follow_the_shell() {
        assert_eq!(exit_code(ExitStatus::from_raw(3 << 8)), ExitCode::from(3));
        assert_eq!(exit_code(ExitStatus::from_raw(9)), ExitCode::from(137));
    }

    #[test]
    fn the_root_holds_the_workspace() {
        let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
        assert!(manifest.contains("[workspace]"));
    }
}
