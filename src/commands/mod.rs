//! The subcommands: what each does, from its arguments to an exit code.

mod attach;
mod headless;
mod list;
mod lr_find;
mod say;
mod stop;
mod train;

use std::process::ExitCode;

use color_eyre::eyre::Result;

use crate::cli::{Cli, Command};
use say::{complain, say};

/// Runs a subcommand. An error becomes one clear report on standard error and the exit code 1.
pub fn run(cli: Cli) -> ExitCode {
    let result = match cli.command {
        Command::Train(args) => train::run(&args),
        Command::Attach(args) => attach::run(&args),
        Command::Ls(args) => list::run(&args),
        Command::Stop(args) => stop::run(&args),
        Command::LrFind(args) => lr_find::run(&args),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
            complain(&format!("torchscope: {}", causes.join(": ")));
            ExitCode::FAILURE
        }
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
