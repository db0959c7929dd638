//! From the terminal's events to the application's messages.

use crossterm::event::{Event, KeyCode, KeyEventKind, KeyModifiers, MouseButton, MouseEventKind};

use crate::app::{Code, Key, Message};

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

/// Whether the user wants the shell back for a while.
pub(super) fn is_suspend(event: &Event) -> bool {
    matches!(message(event), Some(Message::Key(key)) if key == Key::ctrl('z'))
}
