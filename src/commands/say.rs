//! Lines for people and scripts.

use std::io::{self, Write};

/// Prints a line to standard output. A reader that has gone away (`torchscope ls | head -1`) is no error.
pub(super) fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// Prints a line to standard error.
pub(super) fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
