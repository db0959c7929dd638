//! What lies over the panels: the help, the events, the questions, the last words of a trainer.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::widgets::{Clear, Widget};
use unicode_width::UnicodeWidthStr;

use super::panels::header::how_to_resume;
use super::theme::{Role, Theme};
use super::widgets::{PanelFrame, Row};
use crate::app::{Alarm, App, BINDINGS};
use crate::plot::{format, wrap};
use crate::run::State;

/// Lines of the trainer's output that are worth showing after a failure.
const LAST_WORDS: usize = 20;

/// A frame in the middle of the screen, at most so large; returns its inside.
fn window(
    theme: &Theme,
    title: &str,
    status: &str,
    (width, height): (u16, u16),
    screen: Rect,
    buf: &mut Buffer,
) -> Rect {
    let (width, height) = (width.min(screen.width), height.min(screen.height));
    let area =
        Rect { x: screen.x + (screen.width - width) / 2, y: screen.y + (screen.height - height) / 2, width, height };
    Clear.render(area, buf);
    PanelFrame::window(theme, title, status, area, buf);
    PanelFrame::inner(area)
}

/// Every key of the panels, from the table of actions.
pub(super) fn help(app: &App, theme: &Theme, scroll: u16, screen: Rect, buf: &mut Buffer) {
    let rows: Vec<_> = BINDINGS.iter().filter(|row| row.is_in_help()).collect();
    let size = (78, rows.len() as u16 + 2);
    let more = size.1 > screen.height;
    let inner = window(theme, "Keys", if more { "j k scroll · ? close" } else { "? close" }, size, screen, buf);
    let scroll = scroll.min((rows.len() as u16).saturating_sub(inner.height));
    for (y, binding) in rows.iter().skip(usize::from(scroll)).take(usize::from(inner.height)).enumerate() {
        let keys = binding.keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let applies = app.holds(binding.when);
        let role = if applies { Role::Text } else { Role::Dim };
        let mut row = Row::new(buf, inner, y as u16);
        let key_style = theme.style(if applies { Role::Accent } else { Role::Dim });
        row.put(&keys, key_style).to(inner.x + 12).gap(1).put(binding.description, theme.style(role));
    }
}

/// What somebody should have looked at, the newest first: when into the run, at which step, what.
pub(super) fn events(app: &App, theme: &Theme, scroll: u16, screen: Rect, buf: &mut Buffer) {
    const WHAT: u16 = 32;
    let width = screen.width.min(96);
    let text = width.saturating_sub(WHAT + 4).max(8);
    let alarms = app.model.alarms.newest();
    let (all, scroll) = (alarms.len(), usize::from(scroll).min(alarms.len().saturating_sub(1)));
    let words = |alarm: &Alarm| match alarm.repeated() {
        Some(repeated) => format!("{} ({repeated})", alarm.message),
        None => alarm.message.clone(),
    };
    let shown: Vec<_> = alarms.skip(scroll).map(|alarm| (alarm, wrap(&words(alarm), text))).collect();
    let lines: usize = shown.iter().map(|(_, lines)| lines.len().max(1)).sum();
    let more = scroll > 0 || lines + 3 > usize::from(screen.height);
    let rows = lines.clamp(1, usize::from(screen.height)) as u16 + 3;
    let inner =
        window(theme, "Events", if more { "j k scroll · e close" } else { "e close" }, (width, rows), screen, buf);
    let dim = theme.style(Role::Dim);
    if all == 0 {
        Row::new(buf, inner, 0).put("nothing has happened that anybody should have looked at", dim);
        return;
    }
    let started = app.model.meta.as_ref().map_or(0.0, |meta| meta.started.as_millisecond() as f64 / 1e3);
    Row::new(buf, inner, 0).put_column("step", 9, dim).put_column("after", 10, dim).gap(2).put("what", dim);
    let mut y = 1;
    for (alarm, lines) in shown {
        let mut row = Row::new(buf, inner, y);
        row.put_column(&format::count(alarm.step.max(0) as u64), 9, theme.style(Role::Text));
        row.put_column(&format::duration(alarm.time - started), 10, dim).gap(2);
        let role = if alarm.kind.is_grave() { Role::Bad } else { Role::Warn };
        row.put_cell(alarm.kind.name(), 11, theme.style(role));
        for (line, at) in lines.iter().zip(y..) {
            Row::new(buf, inner, at).to(inner.x + WHAT).put(line, theme.style(Role::Text));
        }
        y += lines.len().max(1) as u16;
        if y >= inner.height {
            break;
        }
    }
}

/// A question with what the run does now, and the answers that the present context has keys for.
pub(super) fn ask(title: &str, app: &App, theme: &Theme, screen: Rect, buf: &mut Buffer) {
    let does = match app.model.state() {
        State::Starting => "is starting.",
        State::Paused => "is paused.",
        _ if app.model.is_evaluation() => "is evaluating the untrained network.",
        _ => "is still training.",
    };
    let statement = format!("{} {does}", app.name());
    let context = app.context();
    let hints: Vec<_> = BINDINGS.iter().filter(|row| row.context == context).collect();
    let longest = hints.iter().map(|row| row.description.width() + 6).chain([statement.width()]).max().unwrap_or(0);
    let inner = window(theme, title, "", (longest as u16 + 6, hints.len() as u16 + 4), screen, buf);
    Row::new(buf, inner, 0).put(&statement, theme.style(Role::Bright));
    for (y, binding) in hints.iter().enumerate() {
        let mut row = Row::new(buf, inner, y as u16 + 2);
        row.gap(1).put(&binding.keys[0].to_string(), theme.style(Role::Accent).add_modifier(Modifier::BOLD));
        row.to(inner.x + 6).put(binding.description, theme.style(Role::Text));
    }
}

/// Why the trainer died, what it printed last, and where the rest stands.
pub(super) fn died(app: &App, theme: &Theme, screen: Rect, buf: &mut Buffer) {
    let width = screen.width.min(96);
    // What `window` leaves of it.
    let text_width = width.saturating_sub(4);
    let meta = app.model.meta.as_ref();
    let why = meta
        .and_then(|meta| meta.outcome.clone())
        .unwrap_or_else(|| "the trainer was killed or crashed: its lock is free and it said no last word".into());
    let why = wrap(&why, text_width);
    let log = wrap(&format!("full log: {}", app.model.path.join("trainer.log").display()), text_width);
    let printed = app.model.printed.newest(LAST_WORDS);
    let printed: Vec<String> = printed.flat_map(|line| wrap(&line.text, text_width)).collect();
    let hint = meta.and_then(how_to_resume).map_or_else(Vec::new, |hint| wrap(&hint, text_width));
    let log = [log, hint].concat();
    let room = usize::from(screen.height.saturating_sub(4)).saturating_sub(why.len() + log.len() + 2);
    let printed = &printed[printed.len().saturating_sub(room)..];
    let height = (why.len() + printed.len() + log.len() + 4) as u16;
    let inner = window(theme, "The trainer died", "Enter close", (width, height), screen, buf);
    let mut y = 0;
    for (lines, role) in [(&why[..], Role::Bad), (printed, Role::Text), (&log[..], Role::Dim)] {
        for line in lines {
            Row::new(buf, inner, y).put(line, theme.style(role));
            y += 1;
        }
        y += 1;
    }
}
