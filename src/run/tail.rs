//! Text from files on its way to a terminal: only what can be read, nothing that the terminal would obey.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

use super::error::shown;

/// Bytes read from the end of a log.
const WINDOW: u64 = 64 << 10;

/// The last `lines` lines of the file at `path`, as [`plain`] text; fewer if they do not fit into its last 64 KiB. Empty if
/// there is no file, one line that says why if it cannot be read. Of a line rewritten with carriage returns, as progress
/// bars do, the last state. Blank lines at the end are left out.
pub fn log_tail(path: &Path, lines: usize) -> Vec<String> {
    let (bytes, cut) = match read_end(path) {
        Ok(end) => end,
        Err(error) if error.kind() == ErrorKind::NotFound => return Vec::new(),
        Err(error) => return vec![format!("cannot read `{}`: {error}", shown(path))],
    };
    last_lines(&bytes, cut, lines)
}

/// The end of a file, and whether something came before it.
fn read_end(path: &Path) -> std::io::Result<(Vec<u8>, bool)> {
    let mut file = File::open(path)?;
    let start = file.metadata()?.len().saturating_sub(WINDOW);
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(WINDOW).read_to_end(&mut bytes)?;
    Ok((bytes, start > 0))
}

fn last_lines(bytes: &[u8], cut: bool, lines: usize) -> Vec<String> {
    let bytes = match bytes.iter().position(|byte| *byte == b'\n') {
        // The first line began before the window.
        Some(end) if cut => &bytes[end + 1..],
        _ => bytes,
    };
    let text = String::from_utf8_lossy(bytes);
    let mut last: Vec<String> = text
        .lines()
        .rev()
        .map(|line| {
            let line = line.trim_end_matches('\r');
            plain(line.rsplit('\r').next().unwrap_or(line)).trim_end().to_owned()
        })
        .skip_while(String::is_empty)
        .take(lines)
        .collect();
    last.reverse();
    last
}

/// `text` without escape sequences, control characters and marks that reorder what is shown; a tab or a line end becomes
/// a blank.
pub fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\t' | '\n' => plain.push(' '),
            '\x1b' => match chars.next() {
                Some('[') => skip_control_sequence(&mut chars),
                // Operating system command, device control, privacy message, application command, start of string.
                Some(']' | 'P' | '^' | '_' | 'X') => skip_string(&mut chars),
                // Character sets and the like: intermediates, then one final character.
                Some(' '..='/') => {
                    while chars.next_if(|c| matches!(c, ' '..='/')).is_some() {}
                    chars.next();
                }
                _ => {}
            },
            // The same sequences with a one-character introducer.
            '\u{9b}' => skip_control_sequence(&mut chars),
            '\u{9d}' | '\u{90}' | '\u{9e}' | '\u{9f}' | '\u{98}' => skip_string(&mut chars),
            c if c.is_control() || is_reordering(c) => {}
            c => plain.push(c),
        }
    }
    plain
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// Parameters and intermediates, then a final character.
fn skip_control_sequence(chars: &mut Chars<'_>) {
    while chars.next_if(|c| matches!(c, ' '..='?')).is_some() {}
    chars.next_if(|c| matches!(c, '@'..='~'));
}

/// Anything up to BEL or the string terminator, or to the end.
fn skip_string(chars: &mut Chars<'_>) {
    while let Some(c) = chars.next() {
        match c {
            '\x07' | '\u{9c}' => return,
            '\x1b' => {
                chars.next_if_eq(&'\\');
                return;
            }
            _ => {}
        }
    }
}

/// Marks that make text run the other way, so that it reads as something it is not.
fn is_reordering(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
