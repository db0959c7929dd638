//! torchscope: the viewer and the command line.

use std::env;
use std::io::{self, IsTerminal};
use std::panic;
use std::process::ExitCode;

use clap::Parser;
use color_eyre::config::{HookBuilder, Theme};
use torchscope::cli::Cli;
use torchscope::term::{self, Capabilities, Choices, ColorDepth, Environment};
use torchscope::{commands, runtime};

fn main() -> ExitCode {
    if let Some(code) = term::guard(env::args_os()) {
        return code;
    }
    let cli = Cli::parse();
    // First the report, then the hook that gives the terminal back before anything is reported.
    let _ = HookBuilder::default().display_env_section(false).theme(theme()).install();
    runtime::install_panic_hook();
    // The hook has said why.
    panic::catch_unwind(|| commands::run(cli)).unwrap_or(ExitCode::FAILURE)
}

/// Of the report of a panic: without escape sequences where a view would not be opened either.
fn theme() -> Theme {
    let here = Capabilities::detect(&Environment::of_process(), Choices::default());
    let styled = here.interactive && here.depth != ColorDepth::Mono && io::stderr().is_terminal();
    if styled { Theme::dark() } else { Theme::new() }
}
