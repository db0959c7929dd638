//! The keys that apply now, or what went wrong with the last one.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use unicode_width::UnicodeWidthStr;

use super::super::caption;
use super::super::theme::{Role, Theme};
use super::super::widgets::Row;
use crate::app::{Action, Alarm, App, Binding, Exhibit, Traffic};
use crate::plot::format;
use crate::run::State;

pub(in crate::view) fn draw(app: &App, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let mut row = Row::new(buf, area, 0);
    row.gap(1);
    if let Some(traffic) = app.traffic {
        row.put_right(" ", theme.style(Role::Dim));
        row.put_right(&counter(traffic), theme.style(Role::Text));
        row.put_right("  ", theme.style(Role::Dim));
    }
    if let Some(alert) = &app.alert {
        row.put(theme.pick("⚠ ", "! "), theme.style(Role::Warn)).put(alert, theme.style(Role::Warn));
        return;
    }
    if let Some(note) = &app.note {
        row.put(note, theme.style(Role::Text));
        return;
    }
    if let Some(alarm) = app.model.alarms.banner().filter(|_| app.overlay.is_none()) {
        banner(alarm, theme, &mut row);
        return;
    }
    if let Some(id) = app.pictured() {
        row.put_right(&format!("{} ", caption(app, &Exhibit::Panel(id))), theme.style(Role::Text));
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

/// What goes to the terminal, as `12 KB/s 8.0 frames/s`.
fn counter(traffic: Traffic) -> String {
    format!("{}/s {:.1} frames/s", format::bytes(traffic.bytes), traffic.frames)
}

/// What happened, in the colour of how bad it is, and the keys that put it away.
fn banner(alarm: &Alarm, theme: &Theme, row: &mut Row<'_>) {
    let style = theme.style(if alarm.kind.is_grave() { Role::Bad } else { Role::Warn }).add_modifier(Modifier::BOLD);
    let sign = if alarm.kind.is_grave() { theme.pick("✗ ", "X ") } else { theme.pick("▲ ", "! ") };
    // Before the message: a long one is cut, the keys are not.
    for (key, word) in [("d", " dismiss "), ("e", " events  ")] {
        if row.room() >= 50 {
            row.put_right(word, theme.style(Role::Dim));
            row.put_right(key, theme.style(Role::Accent));
        }
    }
    row.put(sign, style);
    let step = format!("step {}", format::count(alarm.step.max(0) as u64));
    if alarm.message.width() + step.width() + 2 <= usize::from(row.room()) {
        row.put(&alarm.message, style).gap(2).put(&step, theme.style(Role::Dim));
        return;
    }
    // What, where and when before the words for it, whose whole stands in the list of events.
    let place = if alarm.place.is_empty() { String::new() } else { format!(" {}", alarm.place) };
    row.put(&format!("{}{place} · {step}", alarm.kind.name()), style);
    if row.room() > 3 {
        let message = alarm.message.strip_prefix(&format!("{}: ", alarm.place)).unwrap_or(&alarm.message);
        row.put(": ", style).put_short(message, style);
    }
}

fn word(app: &App, binding: &Binding) -> &'static str {
    match binding.action {
        Action::TogglePause if app.model.state() == State::Paused => "resume",
        Action::Zoom if app.zoomed => "all panels",
        _ => binding.name,
    }
}
