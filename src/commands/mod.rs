//! The subcommands: what each does, from its arguments to an exit code.

mod attach;
mod doctor;
mod headless;
mod list;
mod lr_find;
mod own_data;
mod recipe;
mod relay;
mod resume;
mod rm;
mod say;
mod show;
mod stop;
mod train;

use std::borrow::Cow;
use std::process::ExitCode;

use color_eyre::eyre::{Report, Result};

use crate::cli::{Cli, Command, Display};
use crate::log::{LogError, LogReader, Record};
use crate::run::{self, Eligible, Resolved, RunDir, RunError};
use crate::runtime::Options;
use crate::term::{self, Capabilities, Graphics, ground_of};
use crate::view::Theme;
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
        Command::Rm(args) => rm::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::LrFind(args) => lr_find::run(&args),
        Command::Recipe(args) => recipe::run(&args),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) if matches!(error.downcast_ref(), Some(Unsaid::NobodyReads)) => ExitCode::from(signal_code(PIPE)),
        Err(error) => {
            complain(&format!("torchscope: {}", with_causes(&error)));
            ExitCode::FAILURE
        }
    }
}

/// An error and its causes in one line. Many errors say what the system said: that is not said again.
fn with_causes(error: &Report) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

/// The run that an argument means; where it was chosen among several a line on standard error says which.
fn pick(arg: Option<&str>, eligible: Eligible) -> Result<RunDir, RunError> {
    let Resolved { run, choice } = run::resolve(arg, &run::home()?, eligible)?;
    if let Some(choice) = choice {
        complain(&choice.to_string());
    }
    Ok(run)
}

/// What ends other programs whose reader has gone.
const PIPE: i32 = rustix::process::Signal::PIPE.as_raw();

impl Display {
    /// How to show a run on a terminal of such abilities.
    fn options(self, capabilities: Capabilities) -> Options {
        Options { capabilities, bell: self.bell, max_kbps: self.max_kbps }
    }
}

/// Bytes of a log taken at once, so that a long one does not have to fit into memory twice.
const CHUNK: usize = 4 << 20;

/// Hands over what there is to read of a log, and says what its reader has to say.
fn read_log(reader: &mut LogReader, mut take: impl FnMut(Vec<Record>)) -> Result<(), LogError> {
    loop {
        let poll = reader.poll(CHUNK)?;
        for notice in &poll.notices {
            complain(&format!("torchscope: {notice}"));
        }
        take(poll.records);
        if poll.caught_up {
            return Ok(());
        }
    }
}

/// How to print on a terminal of such abilities, which is asked for its ground and its images. What it does not answer is
/// taken for the usual.
fn ask_for_theme(capabilities: &Capabilities) -> (Theme, Graphics) {
    let (answers, graphics) = term::ask(capabilities).unwrap_or_default();
    let own = capabilities.ground.or(answers.background.map(ground_of)).unwrap_or_default();
    let ground = capabilities.wanted.unwrap_or(own);
    (Theme::on(ground, capabilities.depth, capabilities.glyphs).painted(ground != own), graphics)
}

/// A text as one word of a command line to copy: in quotes where a shell would make something else of it.
fn shell_word(text: &str) -> Cow<'_, str> {
    let harmless = |c: char| c.is_alphanumeric() || "_-./=:,+@%".contains(c);
    if !text.is_empty() && text.chars().all(harmless) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(format!("'{}'", text.replace('\'', r"'\''")))
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

#[cfg(test)]
mod tests {
    use color_eyre::eyre::WrapErr;

    use super::*;

    #[test]
    fn words_survive_a_shell() {
        for plain in ["moons-0001", "/a/b.toml", "optimizer.momentum=0.9", "me@gpu1:損失"] {
            assert_eq!(shell_word(plain), plain);
        }
        assert_eq!(shell_word("a b"), "'a b'");
        assert_eq!(shell_word("it's; rm -r *"), r"'it'\''s; rm -r *'");
        assert_eq!(shell_word(""), "''");
    }

    #[test]
    fn what_the_system_said_is_said_once() {
        let denied = || std::io::Error::other("no such device");
        let plain = RunError::Io { doing: "create", path: "/proc/nope".into(), source: denied() };
        assert_eq!(with_causes(&plain.into()), "cannot create `/proc/nope`: no such device");
        let wrapped = Err::<(), _>(denied()).wrap_err("the terminal cannot be used").unwrap_err();
        assert_eq!(with_causes(&wrapped), "the terminal cannot be used: no such device");
    }
}
