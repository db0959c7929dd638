//! The subcommands: what each does, from its arguments to an exit code.

mod attach;
mod doctor;
mod headless;
mod list;
mod lr_find;
mod relay;
mod resume;
mod say;
mod show;
mod stop;
mod train;

use std::process::ExitCode;

use color_eyre::eyre::Result;

use crate::cli::{Cli, Command, Display};
use crate::runtime::Options;
use crate::term::Capabilities;
use say::{Unsaid, complain, say, say_json};

/// Runs a subcommand. An error becomes one clear report on standard error and the exit code 1.
pub fn run(cli: Cli) -> ExitCode {
    let result = match cli.command {
        Command::Train(args) => train::run(&args),
        Command::Resume(args) => resume::run(&args),
        Command::Attach(args) => attach::run(&args),
        Command::Relay(args) => relay::run(&args),
        Command::Ls(args) => list::run(&args),
        Command::Show(args) => show::run(&args),
        Command::Stop(args) => stop::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::LrFind(args) => lr_find::run(&args),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) if matches!(error.downcast_ref(), Some(Unsaid::NobodyReads)) => ExitCode::from(signal_code(PIPE)),
        Err(error) => {
            let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
            complain(&format!("torchscope: {}", causes.join(": ")));
            ExitCode::FAILURE
        }
    }
}

/// What ends other programs whose reader has gone.
const PIPE: i32 = rustix::process::Signal::PIPE.as_raw();

impl Display {
    /// How to show a run on a terminal of such abilities.
    fn options(self, capabilities: Capabilities) -> Options {
        Options { capabilities, bell: self.bell, max_kbps: self.max_kbps }
    }
}

/// Exit code for a signal, as shells have it.
fn signal_code(signal: i32) -> u8 {
    (128 + signal).clamp(0, 255) as u8
}

/// A runtime for what has to wait for several things at once, on this thread.
fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}
