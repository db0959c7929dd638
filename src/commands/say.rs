//! Lines for people and scripts. What comes from files may hold anything: nothing of it is sent that a terminal would obey.

use std::fmt::Write as _;
use std::io::{self, ErrorKind, Write};

use serde::Serialize;

use crate::run::{is_inert, plain};
use crate::term;

/// A line did not get through.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unsaid {
    /// As with `torchscope ls | head -1`: no failure, but nobody is there any more to go on for.
    #[error("nobody reads what this prints any more")]
    NobodyReads,
    #[error("cannot write to standard output: {0}")]
    Io(io::Error),
}

impl From<io::Error> for Unsaid {
    fn from(error: io::Error) -> Self {
        // On a terminal that has gone every error means that; on a disk the same one would mean something else.
        let gone = error.kind() == ErrorKind::BrokenPipe || term::has_hung_up();
        if gone { Self::NobodyReads } else { Self::Io(error) }
    }
}

/// Prints lines to standard output.
pub(super) fn say(lines: &str) -> Result<(), Unsaid> {
    Ok(writeln!(io::stdout(), "{}", harmless(lines))?)
}

/// Prints a question to standard output; the answer is typed behind it.
pub(super) fn prompt(question: &str) -> Result<(), Unsaid> {
    let mut output = io::stdout();
    write!(output, "{} ", harmless(question))?;
    Ok(output.flush()?)
}

/// Prints a line of our own making, with the escape sequences that colour it.
pub(super) fn paint(line: &str) -> Result<(), Unsaid> {
    Ok(writeln!(io::stdout(), "{line}")?)
}

/// Prints a value as JSON to standard output. What a terminal would obey stands there as an escape of JSON's, so that
/// nothing is lost.
pub(super) fn say_json(value: &impl Serialize) -> Result<(), Unsaid> {
    let json = serde_json::to_string_pretty(value).map_err(io::Error::from)?;
    Ok(writeln!(io::stdout(), "{}", escaped(&json))?)
}

/// Prints lines to standard error.
pub(super) fn complain(lines: &str) {
    let _ = writeln!(io::stderr(), "{}", harmless(lines));
}

fn harmless(lines: &str) -> String {
    lines.split('\n').map(plain).collect::<Vec<_>>().join("\n")
}

fn escaped(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        // Line ends are the printer's own; those of a text are escaped already.
        if c == '\n' || is_inert(c) {
            escaped.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Into a string nothing fails.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stay_lines_and_lose_what_a_terminal_obeys() {
        assert_eq!(harmless("a\u{1b}[2J\n  b\u{7}\n"), "a\n  b\n");
    }

    #[test]
    fn json_says_the_same_without_what_a_terminal_obeys() {
        let text = "a\u{1b}[2J\u{9b}31m\u{202e}b\n\u{7}損\u{7f}";
        let json = escaped(&serde_json::to_string_pretty(&[text]).unwrap());
        assert!(json.chars().all(|c| c == '\n' || is_inert(c)), "{json:?}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&json).unwrap(), [text]);
    }
}
