//! `torchscope doctor`: looks at everything that could stand in the way, and says what to do about it.

mod machine;
mod terminal;

use color_eyre::eyre::Result;

use super::say;
use super::say::paint;
use crate::cli::Doctor;
use crate::run::plain;
use crate::term::{Capabilities, ColorDepth, Environment};

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Mark {
    /// As it should be.
    Ok,
    /// It works, but something is missing or worse than it could be.
    Warn,
    /// Something will not work.
    Bad,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Finding {
    mark: Mark,
    /// What it is about, one word or two.
    topic: &'static str,
    /// How it is.
    what: String,
    /// What to do.
    advice: Option<String>,
}

impl Finding {
    fn ok(topic: &'static str, what: impl Into<String>) -> Self {
        Self { mark: Mark::Ok, topic, what: what.into(), advice: None }
    }

    fn warn(topic: &'static str, what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { mark: Mark::Warn, topic, what: what.into(), advice: Some(advice.into()) }
    }

    fn bad(topic: &'static str, what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { mark: Mark::Bad, topic, what: what.into(), advice: Some(advice.into()) }
    }

    /// Its lines; the words of the mark in colour where there are colours.
    fn lines(&self, colored: bool) -> Vec<String> {
        let (word, color) = match self.mark {
            Mark::Ok => ("ok  ", 32),
            Mark::Warn => ("warn", 33),
            Mark::Bad => ("BAD ", 31),
        };
        let word = if colored { format!("\x1b[{color}m{word}\x1b[0m") } else { word.to_owned() };
        let clean = plain;
        let mut lines = vec![format!("{word}  {:<11} {}", self.topic, clean(&self.what))];
        lines.extend(self.advice.as_deref().map(|advice| format!("      {:<11} {}", "", clean(advice))));
        lines
    }
}

pub(super) fn run(args: &Doctor) -> Result<u8> {
    let env = Environment::of_process();
    let capabilities = Capabilities::detect(&env, args.display.choices());
    let colored = capabilities.interactive && capabilities.depth > ColorDepth::Mono;
    let mut worst = Mark::Ok;
    let mut counts = [0; 3];
    let mut tell = |findings: Vec<Finding>| -> Result<()> {
        for finding in findings {
            worst = worst.max(finding.mark);
            counts[finding.mark as usize] += 1;
            finding.lines(colored).iter().try_for_each(|line| paint(line))?;
        }
        Ok(())
    };
    // Each part as soon as it is known: asking the trainer takes a moment.
    tell(terminal::look(&env, &capabilities, args.display.choices()))?;
    tell(machine::look_at_runs(&env))?;
    tell(machine::look_at_trainer())?;
    say("")?;
    say(&match (counts[Mark::Warn as usize], counts[Mark::Bad as usize]) {
        (0, 0) => "all is well".to_owned(),
        (warnings, 0) => format!("nothing is broken; {warnings} could be better"),
        (_, bad) => format!("{bad} to put right"),
    })?;
    Ok(u8::from(worst == Mark::Bad))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_told_in_words() {
        let finding = Finding::bad("runs", "no\x1b[2J place", "make one");
        assert_eq!(finding.lines(false), ["BAD   runs        no place", "                  make one"]);
        assert!(finding.lines(true)[0].starts_with("\x1b[31mBAD \x1b[0m"));
        assert_eq!(Finding::ok("ssh", "no").lines(false), ["ok    ssh         no"]);
    }
}
