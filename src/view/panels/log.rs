//! What the trainer printed, the newest line at the bottom.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::theme::{Role, Theme};
use super::super::widgets::Row;
use super::waiting;
use crate::app::{App, LogKind};
use crate::plot::format;

pub(super) fn status(app: &App) -> Vec<String> {
    let lines = &app.model.printed;
    let Some(size) = app.log_size() else { return Vec::new() };
    let below = lines.below(app.log_view, size);
    if below > 0 {
        return vec![
            format!("{} more below · f newest", format::count(below)),
            format!("{} more", format::count(below)),
        ];
    }
    let (warnings, errors) = lines.gravity();
    let count = |count: u64, one: &str| match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        count => Some(format!("{} {one}s", format::count(count))),
    };
    let said: Vec<String> = [count(errors, "error"), count(warnings, "warning")].into_iter().flatten().collect();
    let (first, said) = (said.first().cloned().unwrap_or_default(), said.join(" · "));
    match (said.is_empty(), lines.is_timed(size.0)) {
        (true, true) => vec!["times in UTC".to_owned(), "UTC".to_owned()],
        (true, false) => Vec::new(),
        (false, true) => vec![format!("{said} · UTC"), said, first],
        (false, false) => vec![said, first],
    }
}

pub(super) fn draw(app: &App, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let lines = &app.model.printed;
    if lines.is_empty() {
        waiting(app, theme, "the first line", area, buf);
        return;
    }
    let dim = theme.style(Role::Dim);
    for (y, shown) in lines.window(app.log_view, (area.width, area.height)).iter().enumerate() {
        let (mark, role) = match shown.line.kind {
            LogKind::Said => (" ", Role::Text),
            LogKind::Warning => (theme.pick("▲", "!"), Role::Warn),
            LogKind::Error => (theme.pick("✗", "X"), Role::Bad),
            LogKind::Note => (theme.pick("─", "-"), Role::Dim),
        };
        let mut row = Row::new(buf, area, y as u16);
        if shown.first {
            if lines.is_timed(area.width) {
                row.put(shown.line.time.as_deref().unwrap_or_default(), dim);
            }
            row.to(area.x + lines.indent(area.width) - 2).put(mark, theme.style(role));
        }
        row.to(area.x + lines.indent(area.width)).put(&shown.text, theme.style(role));
    }
}
