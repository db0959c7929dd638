//! Asking the terminal itself: its background, and whether it shows pictures. One write, one answer.
//!
//! A device attributes query (DA1) stands last: everything that calls itself a terminal answers it, in order, so that its
//! answer ends the wait. On one that answers nothing the wait ends after a moment. What the user types meanwhile is kept.

use std::io;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::output::send;
use crate::plot::Rgb;

/// What to ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Questions {
    /// The colour of the background (OSC 11).
    pub background: bool,
    /// The Kitty graphics protocol.
    pub kitty: bool,
    /// The device attributes, Sixel graphics among them. Asked whenever anything is.
    pub attributes: bool,
}

/// What it answered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answers {
    /// The colour of its background.
    pub background: Option<Rgb>,
    /// Whether it knows the Kitty graphics protocol.
    pub kitty: bool,
    /// Whether it shows Sixel graphics.
    pub sixel: bool,
    /// Whether all that was asked for has been answered: nothing more will come.
    pub complete: bool,
    /// What was typed before and between the answers.
    pub typed: Vec<u8>,
}

const BACKGROUND: &[u8] = b"\x1b]11;?\x07";
/// A picture of one pixel that is only checked, not shown.
const KITTY: &[u8] = b"\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\";
const ATTRIBUTES: &[u8] = b"\x1b[c";

impl Questions {
    fn bytes(self) -> Vec<u8> {
        let asked = [(self.background, BACKGROUND), (self.kitty, KITTY), (self.attributes, ATTRIBUTES)];
        asked.into_iter().filter(|(asked, _)| *asked).flat_map(|(_, bytes)| bytes).copied().collect()
    }
}

/// Asks the terminal behind standard input and output, which has to be in raw mode, and waits for its answer, but no longer
/// than that. Only to be called while nothing else reads standard input.
pub(super) fn ask(questions: Questions, patience: Duration) -> io::Result<Answers> {
    if !questions.attributes {
        return Ok(Answers { complete: true, ..Answers::default() });
    }
    let deadline = Instant::now() + patience;
    send(&questions.bytes(), patience)?;
    let mut bytes = Vec::new();
    let input = rustix::stdio::stdin();
    loop {
        let answers = read(&bytes);
        let left = deadline.saturating_duration_since(Instant::now());
        if answers.complete || left.is_zero() {
            return Ok(answers);
        }
        let timeout = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) };
        let mut waiting = [PollFd::new(&input, PollFlags::IN)];
        match poll(&mut waiting, Some(&timeout)) {
            Ok(0) => return Ok(read(&bytes)),
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        }
        let mut chunk = [0; 1024];
        match rustix::io::read(input, &mut chunk) {
            // The terminal is gone; whoever reads it next finds out.
            Ok(0) => return Ok(answers),
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Tells answers from what was typed.
fn read(bytes: &[u8]) -> Answers {
    let mut answers = Answers::default();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (sequence, after) = split(rest);
        match sequence {
            [0x1b, b']', text @ ..] => {
                let text = String::from_utf8_lossy(text.trim_ascii_end());
                let text = text.trim_end_matches(['\u{7}', '\\', '\u{1b}']);
                answers.background = text.strip_prefix("11;").and_then(color).or(answers.background);
            }
            [0x1b, b'_', text @ ..] => answers.kitty |= text.starts_with(b"Gi=31;OK"),
            [0x1b, b'[', b'?', numbers @ .., b'c'] => {
                answers.sixel = numbers.split(|byte| *byte == b';').any(|number| number == b"4");
                answers.complete = true;
            }
            typed => answers.typed.extend_from_slice(typed),
        }
        rest = after;
    }
    answers
}

/// The first escape sequence or byte, and what follows.
fn split(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = match bytes {
        [0x1b, b']' | b'_' | b'P', rest @ ..] => {
            let ends = |at: &usize| rest[*at] == 0x07 || (rest[*at] == b'\\' && *at > 0 && rest[at - 1] == 0x1b);
            (0..rest.len()).find(ends).map(|at| at + 3)
        }
        [0x1b, b'[', rest @ ..] => rest.iter().position(|byte| (0x40..=0x7e).contains(byte)).map(|at| at + 3),
        _ => Some(1),
    };
    bytes.split_at(end.unwrap_or(bytes.len()))
}

/// A colour as X11 writes it: `rgb:ffff/8000/0000`, with one to four digits a channel.
pub fn color(text: &str) -> Option<Rgb> {
    let channels = text.strip_prefix("rgb:").or_else(|| text.strip_prefix("rgba:"))?;
    let mut channels = channels.split('/').map(|digits| {
        let most = 16_u32.checked_pow(u32::try_from(digits.len()).ok()?)?.checked_sub(1).filter(|most| *most > 0)?;
        let value = u32::from_str_radix(digits, 16).ok().filter(|_| digits.len() <= 4)?;
        u8::try_from(value * 255 / most).ok()
    });
    let mut next = || channels.next()?;
    Some(Rgb(next()?, next()?, next()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn answers_of_real_terminals() {
        // xterm with Sixel, light.
        let answers = read(b"\x1b]11;rgb:ffff/ffff/ffff\x07\x1b[?63;1;2;4;6;9;15;22c");
        let expected =
            Answers { background: Some(Rgb(255, 255, 255)), sixel: true, complete: true, ..Answers::default() };
        assert_eq!(answers, expected);
        // kitty, dark.
        let answers = read(b"\x1b]11;rgb:1d1d/1e1e/2020\x1b\\\x1b_Gi=31;OK\x1b\\\x1b[?62;c");
        let expected =
            Answers { background: Some(Rgb(0x1d, 0x1e, 0x20)), kitty: true, complete: true, ..Answers::default() };
        assert_eq!(answers, expected);
        // tmux 3.3, mosh: the attributes alone.
        for attributes in [&b"\x1b[?1;2c"[..], b"\x1b[?62c"] {
            assert_eq!(read(attributes), Answers { complete: true, ..Answers::default() });
        }
        assert!(!read(b"\x1b_Gi=31;EINVAL:no\x1b\\").kitty);
    }

    #[test]
    fn what_is_typed_meanwhile_is_kept() {
        let answers = read(b"q\x1b]11;rgb:00/00/00\x07\x1b[A \x1b[?6c\x03");
        assert_eq!((answers.typed.as_slice(), answers.background), (&b"q\x1b[A \x03"[..], Some(Rgb(0, 0, 0))));
        assert!(answers.complete);
    }

    #[test]
    fn colours_of_any_depth() {
        for (text, expected) in [
            ("rgb:f/0/8", Some(Rgb(255, 0, 136))),
            ("rgb:ff/00/80", Some(Rgb(255, 0, 128))),
            ("rgba:ffff/0000/8080/ffff", Some(Rgb(255, 0, 128))),
            ("rgb:fffff/0/0", None),
            ("rgb:", None),
            ("rgb:/ff/00", None),
            ("#ffffff", None),
        ] {
            assert_eq!(color(text), expected, "{text}");
        }
    }

    #[test]
    fn questions_are_asked_in_one_go_the_attributes_last() {
        let all = Questions { background: true, kitty: true, attributes: true }.bytes();
        assert!(all.starts_with(b"\x1b]11;") && all.ends_with(b"\x1b[c"));
        assert_eq!(Questions { attributes: true, ..Questions::default() }.bytes(), b"\x1b[c");
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_pieces(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 0_usize..200) {
            let answers = read(&bytes);
            prop_assert!(answers.typed.len() <= bytes.len());
            read(&bytes[..cut.min(bytes.len())]);
        }

        #[test]
        fn nothing_that_is_typed_gets_lost(typed in "[a-zA-Z0-9 ?+<>=.,-]{0,40}") {
            let mut bytes = typed.clone().into_bytes();
            bytes.extend_from_slice(b"\x1b[?62;4c");
            let answers = read(&bytes);
            prop_assert_eq!(answers.typed, typed.into_bytes());
            prop_assert!(answers.complete && answers.sixel);
        }
    }
}
