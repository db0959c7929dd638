//! Text from files on its way to a terminal: only what can be read, nothing that the terminal would obey.

use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

use super::error::shown;
use crate::files;

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
    let mut file = files::open(path)?;
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
            c if is_inert(c) => plain.push(c),
            _ => {}
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

/// Whether a terminal does no more with a character than show it: no control character, and no mark that makes text run
/// the other way, so that it reads as something it is not.
pub fn is_inert(c: char) -> bool {
    let reorders = matches!(
        c,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    !c.is_control() && !reorders
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;

    fn tail(bytes: &[u8], lines: usize) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trainer.log");
        fs::write(&path, bytes).unwrap();
        log_tail(&path, lines)
    }

    #[test]
    fn the_last_lines_come_in_order() {
        assert_eq!(tail(b"one\ntwo\nthree\n", 2), ["two", "three"]);
        assert_eq!(tail(b"one\ntwo", 5), ["one", "two"]);
        assert_eq!(tail(b"one\n\ntwo\r\n\n \n", 5), ["one", "", "two"]);
        assert_eq!(tail(b"one", 0), [""; 0]);
        assert_eq!(tail(b"", 5), [""; 0]);
    }

    #[test]
    fn a_log_that_cannot_be_read_says_so() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(log_tail(&folder.path().join("missing"), 5), [""; 0]);
        let lines = log_tail(folder.path(), 5);
        assert!(lines.len() == 1 && lines[0].starts_with("cannot read `/"), "{lines:?}");
    }

    #[test]
    fn only_the_end_of_a_long_log_is_read() {
        let long: Vec<String> = (0..20_000).map(|line| format!("line {line}")).collect();
        let lines = tail(long.join("\n").as_bytes(), 1_000_000);
        assert_eq!(lines.last().unwrap(), "line 19999");
        assert!(lines.len() < 8_000, "{}", lines.len());
        assert!(lines[0].starts_with("line "), "no line cut in two: {}", lines[0]);
        let one = vec![b'x'; 200_000];
        assert_eq!(tail(&one, 3), ["x".repeat(WINDOW as usize)], "a line longer than the window is better than none");
    }

    #[test]
    fn a_progress_bar_shows_its_last_state() {
        assert_eq!(tail(b"loading\n 10 %\r 50 %\r100 %\r\n", 5), ["loading", "100 %"]);
    }

    #[test]
    fn broken_utf8_is_no_obstacle() {
        assert_eq!(tail(b"a\xff\xfeb\n", 5), ["a\u{fffd}\u{fffd}b"]);
    }

    #[test]
    fn sequences_that_a_terminal_obeys_are_gone() {
        for (text, shown) in [
            ("\u{1b}[1;31mred\u{1b}[0m", "red"),
            ("\u{1b}[?1049h\u{1b}[2J\u{1b}[Hx", "x"),
            ("\u{1b}]0;title\u{7}x", "x"),
            ("\u{1b}]8;;http://a\u{1b}\\link\u{1b}]8;;\u{1b}\\", "link"),
            ("\u{1b}P1$r\u{1b}\\x", "x"),
            ("\u{1b}_Gi=1;AAAA\u{1b}\\x", "x"),
            ("\u{1b}(Bx\u{1b}cy\u{1b}7z", "xyz"),
            ("\u{9b}31mx\u{9d}52;c;AAAA\u{9c}y", "xy"),
            ("a\tb\u{8}c\u{7f}", "a bc"),
            ("\u{202e}gnp.exe", "gnp.exe"),
            ("\u{1b}[", ""),
            ("\u{1b}", ""),
            ("\u{1b}]never closed", ""),
            ("日本語 ünï", "日本語 ünï"),
        ] {
            assert_eq!(plain(text), shown, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_that_controls_a_terminal_comes_through(text in "(?s).{0,60}|[\\x1b\\x07\\[\\];m0-9A-Za-z\\\\\u{80}-\u{9f}]{0,60}") {
            let shown = plain(&text);
            prop_assert!(shown.chars().all(is_inert), "{:?}", shown);
            prop_assert_eq!(plain(&shown), shown);
        }

        #[test]
        fn any_bytes_make_a_tail(bytes in proptest::collection::vec(any::<u8>(), 0..400), lines in 0usize..10) {
            let tail = last_lines(&bytes, false, lines);
            prop_assert!(tail.len() <= lines);
            prop_assert!(!tail.concat().chars().any(char::is_control));
        }
    }
}
