//! torchscope: the viewer and the command line.

use std::process::ExitCode;

use clap::Parser;
use torchscope::cli::Cli;
use torchscope::{commands, term};

fn main() -> ExitCode {
    let cli = Cli::parse();
    // First the report, then the hook that gives the terminal back before anything is reported.
    let _ = color_eyre::config::HookBuilder::default().display_env_section(false).install();
    term::install_panic_hook();
    commands::run(cli)
}
