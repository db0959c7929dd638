//! The keys that apply now, or what went wrong with the last one.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use super::super::theme::{Role, Theme};
use super::super::widgets::Row;
use crate::app::{Action, App, Binding};
use crate::run::State;

pub(in crate::view) fn draw(app: &App, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let mut row = Row::new(buf, area, 0);
    row.gap(1);
    if let Some(alert) = &app.alert {
        row.put(theme.pick("⚠ ", "! "), theme.style(Role::Warn)).put(alert, theme.style(Role::Warn));
        return;
    }
    // Neighbours with one name share an entry: `+/- lr`.
    for group in app.hints().chunk_by(|a, b| a.name == b.name) {
        let keys: Vec<String> = group.iter().map(|binding| binding.keys[0].to_string()).collect();
        let (key, word) = (keys.join("/"), word(app, group[0]));
        if key.width() + word.width() + 1 > usize::from(row.room()) {
            continue;
        }
        row.put(&key, theme.style(Role::Accent))
            .put(" ", theme.style(Role::Dim))
            .put(word, theme.style(Role::Dim))
            .gap(2);
    }
}

fn word(app: &App, binding: &Binding) -> &'static str {
    match binding.action {
        Action::TogglePause if app.model.state() == State::Paused => "resume",
        Action::Zoom if app.zoomed => "all panels",
        _ => binding.name,
    }
}
