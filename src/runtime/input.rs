//! From the terminal's events to the application's messages, and what is none of the user's among them.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers, MouseButton, MouseEventKind};

use tokio::sync::mpsc::{Receiver, channel};

use crate::app::{Code, Key, Message};
use crate::term::{self, Ground, color_answer, ground_of};

use super::reports::Reports;

/// Events that may wait for the loop.
const QUEUE: usize = 64;

/// Starts to read the terminal, in a thread of its own: once the terminal has gone crossterm reads on and on without
/// telling anybody, and the loop must not be the one that does. That it has gone is found out by a second thread.
pub(super) fn listen(reports: Reports) -> io::Result<Receiver<io::Result<Event>>> {
    let (sender, events) = channel(QUEUE);
    thread::Builder::new().name("input".into()).spawn(move || {
        loop {
            let event = event::read();
            let failed = event.is_err();
            if sender.blocking_send(event).is_err() || failed {
                return;
            }
        }
    })?;
    thread::Builder::new().name("hangup".into()).spawn(move || {
        term::wait_for_hangup();
        reports.hang_up();
    })?;
    Ok(events)
}

/// The message behind an event; `None` for those that mean nothing here (releases, pastes, motion).
pub(super) fn message(event: &Event) -> Option<Message> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => {
            let code = match key.code {
                KeyCode::Char(c) => Code::Char(c),
                KeyCode::Enter => Code::Enter,
                KeyCode::Tab => Code::Tab,
                KeyCode::BackTab => Code::BackTab,
                KeyCode::Esc => Code::Esc,
                KeyCode::Up => Code::Up,
                KeyCode::Down => Code::Down,
                KeyCode::Left => Code::Left,
                KeyCode::Right => Code::Right,
                KeyCode::PageUp => Code::PageUp,
                KeyCode::PageDown => Code::PageDown,
                _ => return None,
            };
            if key.modifiers.contains(KeyModifiers::ALT) {
                return None;
            }
            Some(Message::Key(Key { code, ctrl: key.modifiers.contains(KeyModifiers::CONTROL) }))
        }
        Event::Mouse(mouse) if mouse.kind == MouseEventKind::Down(MouseButton::Left) => {
            Some(Message::Click { x: mouse.column, y: mouse.row })
        }
        Event::Resize(columns, rows) => Some(Message::Resized(*columns, *rows)),
        _ => None,
    }
}

/// What a terminal sends before and after pasted text.
const PASTE: (&str, &str) = ("\x1b[200~", "\x1b[201~");

/// Keys that were typed before anything listened to events. Pasted text is none.
pub(super) fn keys(bytes: &[u8]) -> Vec<Key> {
    let text = String::from_utf8_lossy(bytes);
    let mut rest = text.as_ref();
    let mut keys = Vec::new();
    while let Some(first) = rest.chars().next() {
        if let Some(pasted) = rest.strip_prefix(PASTE.0) {
            rest = pasted.split_once(PASTE.1).map_or("", |(_, after)| after);
            continue;
        }
        let arrows = [("\x1b[A", Code::Up), ("\x1b[B", Code::Down), ("\x1b[C", Code::Right), ("\x1b[D", Code::Left)];
        if let Some((arrow, code)) = arrows.into_iter().find(|(arrow, _)| rest.starts_with(arrow)) {
            keys.push(Key::plain(code));
            rest = &rest[arrow.len()..];
            continue;
        }
        rest = &rest[first.len_utf8()..];
        keys.push(match first {
            '\r' | '\n' => Key::plain(Code::Enter),
            '\t' => Key::plain(Code::Tab),
            '\u{1b}' => Key::plain(Code::Esc),
            '\u{1}'..='\u{1a}' => Key::ctrl(char::from(first as u8 - 1 + b'a')),
            _ => Key::char(first),
        });
    }
    keys
}

/// A key that comes again within this time is held down: keyboards wait for a quarter to a whole second before they repeat.
const REPEATED: Duration = Duration::from_secs(1);

/// Tells a key that is held down, which few terminals say.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    last: Option<(Key, Instant)>,
}

impl Repeats {
    /// Whether a key repeats the last one.
    pub(super) fn is_repeat(&mut self, key: Key, now: Instant) -> bool {
        let last = self.last.replace((key, now));
        last.is_some_and(|(last, at)| last == key && now.duration_since(at) < REPEATED)
    }
}

/// What an event is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// The user's.
    Event,
    /// A part of an answer of the terminal's that came too late.
    Answer,
    /// The end of one, which tells its ground.
    Ground(Ground),
}

/// Keeps answers that come after the wait for them from being taken for keys: the colour of a background holds an `r`, which
/// starts a run over.
#[derive(Debug, Default)]
pub(super) struct LateAnswers {
    /// Whether there may be any.
    pub(super) expected: bool,
    /// The one that is being heard, if one is.
    text: Option<String>,
    /// Whether the last key was an escape, with which an answer may have begun.
    escaped: bool,
}

/// The longest answer.
const LONGEST: usize = 60;

impl LateAnswers {
    /// Judges an event.
    pub(super) fn judge(&mut self, event: &Event) -> Heard {
        let Event::Key(key) = event else { return Heard::Event };
        if !self.expected {
            return Heard::Event;
        }
        let KeyCode::Char(c) = key.code else {
            self.escaped = key.code == KeyCode::Esc;
            self.text = None;
            return Heard::Event;
        };
        let escaped = std::mem::take(&mut self.escaped) || key.modifiers.contains(KeyModifiers::ALT);
        let ends = (c == 'g' && key.modifiers.contains(KeyModifiers::CONTROL)) || (escaped && c == '\\');
        match &mut self.text {
            Some(_) if ends => {
                let text = self.text.take().unwrap_or_default();
                let color = text.strip_prefix("11;").and_then(color_answer);
                color.map_or(Heard::Answer, |color| Heard::Ground(ground_of(color)))
            }
            Some(text) if text.len() < LONGEST => {
                text.push(c);
                Heard::Answer
            }
            Some(_) => {
                self.text = None;
                Heard::Event
            }
            None if escaped && matches!(c, ']' | '_') => {
                self.text = Some(String::new());
                Heard::Answer
            }
            None => Heard::Event,
        }
    }
}

#[cfg(test)]
mod tests {
    use crossterm::event::KeyEvent;

    use super::*;

    #[test]
    fn keys_typed_early_are_keys() {
        let expected = [
            Key::char('q'),
            Key::plain(Code::Up),
            Key::ctrl('c'),
            Key::plain(Code::Enter),
            Key::plain(Code::Tab),
            Key::plain(Code::Esc),
            Key::char('ü'),
        ];
        assert_eq!(keys("q\x1b[A\x03\r\t\x1bü".as_bytes()), expected);
        assert_eq!(keys(b"\x1a"), [Key::ctrl('z')]);
    }

    #[test]
    fn what_is_pasted_is_no_key() {
        assert_eq!(keys(b"j\x1b[200~rrr\x1b[Aqqq\x1b[201~k"), [Key::char('j'), Key::char('k')]);
        assert_eq!(keys(b"\x1b[200~rrr\x1b[201~"), []);
        assert_eq!(keys(b"j\x1b[200~qqq"), [Key::char('j')], "its end is still to come");
        assert_eq!(message(&Event::Paste("rrrqqq".to_owned())).map(|_| ()), None);
    }

    #[test]
    fn a_key_repeats_while_it_is_held_down() {
        let start = Instant::now();
        let mut repeats = Repeats::default();
        let mut at = |milliseconds, key| repeats.is_repeat(Key::char(key), start + Duration::from_millis(milliseconds));
        assert_eq!([at(0, 'r'), at(660, 'r'), at(700, 'r')], [false, true, true]);
        assert_eq!([at(1690, 'r'), at(2700, 'r'), at(2710, 's')], [true, false, false]);
        assert_eq!([at(2720, 'r'), at(2730, 's')], [false, false], "another key lies between");
    }

    fn judge(late: &mut LateAnswers, keys: &[(char, KeyModifiers)]) -> Vec<Heard> {
        let key = |(c, modifiers): &(char, KeyModifiers)| Event::Key(KeyEvent::new(KeyCode::Char(*c), *modifiers));
        keys.iter().map(|pressed| late.judge(&key(pressed))).collect()
    }

    fn plain(text: &str) -> Vec<(char, KeyModifiers)> {
        text.chars().map(|c| (c, KeyModifiers::NONE)).collect()
    }

    #[test]
    fn a_late_answer_is_none_of_the_users_keys() {
        let mut late = LateAnswers { expected: true, ..LateAnswers::default() };
        // As crossterm reports `ESC ] 11;rgb:... BEL` and `ESC _ Gi=31;OK ESC \`.
        let mut answer = vec![(']', KeyModifiers::ALT)];
        answer.extend(plain("11;rgb:ffff/ffff/ffff"));
        answer.push(('g', KeyModifiers::CONTROL));
        let heard = judge(&mut late, &answer);
        assert_eq!(heard.last(), Some(&Heard::Ground(Ground::Light)));
        assert!(heard[..heard.len() - 1].iter().all(|heard| *heard == Heard::Answer));
        let mut kitty = vec![('_', KeyModifiers::ALT)];
        kitty.extend(plain("Gi=31;OK"));
        kitty.push(('\\', KeyModifiers::ALT));
        assert!(judge(&mut late, &kitty).iter().all(|heard| *heard == Heard::Answer));
        assert_eq!(judge(&mut late, &plain("r")), [Heard::Event], "what follows is the user's again");
    }

    #[test]
    fn split_after_its_escape_it_is_still_one() {
        let mut late = LateAnswers { expected: true, ..LateAnswers::default() };
        late.judge(&Event::Key(KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE)));
        assert!(judge(&mut late, &plain("]11;r")).iter().all(|heard| *heard == Heard::Answer));
    }

    #[test]
    fn an_answer_without_end_does_not_take_the_keyboard_away() {
        let mut late = LateAnswers { expected: true, ..LateAnswers::default() };
        judge(&mut late, &[(']', KeyModifiers::ALT)]);
        let heard = judge(&mut late, &plain(&"x".repeat(LONGEST + 1)));
        assert_eq!(heard.last(), Some(&Heard::Event));
        let mut nothing = LateAnswers::default();
        assert_eq!(
            judge(&mut nothing, &[(']', KeyModifiers::ALT), ('r', KeyModifiers::NONE)]),
            [Heard::Event, Heard::Event]
        );
    }
}
