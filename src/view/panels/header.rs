//! Run, state and progress: whether training is healthy, at a glance.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use unicode_width::UnicodeWidthStr;

use super::super::theme::{Role, Theme};
use super::super::widgets::{Gauge, Row};
use super::UNTRAINED;
use crate::app::{App, Model};
use crate::log::tags;
use crate::plot::format;
use crate::run::{Link, RunMeta, State, plain};

/// Bytes of a far log that are still to come and worth a word.
const BEHIND: u64 = 100_000;

pub(in crate::view) fn draw(app: &App, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let inner = Rect { x: area.x + 1.min(area.width), width: area.width.saturating_sub(2), ..area };
    identity(app, theme, inner, buf);
    if area.height > 1 {
        progress(app, theme, inner, buf);
    }
}

fn state(theme: &Theme, model: &Model) -> (String, Role) {
    let state = model.state();
    let (glyph, ascii, role) = match state {
        State::Starting => ("◌", "..", Role::Warn),
        State::Running => ("▶", ">", Role::Good),
        State::Paused => ("▮▮", "||", Role::Warn),
        State::Finished => ("✓", "ok", Role::Good),
        State::Stopped => ("■", "[]", Role::Warn),
        State::Failed | State::Crashed | State::Diverged => ("✗", "X", Role::Bad),
    };
    // To come to the end worse than one began is no success.
    let role = if model.meta.as_ref().is_some_and(|meta| remark(meta).is_some()) { Role::Warn } else { role };
    // Nothing is to be trained: it does not run through anything.
    let word = if state == State::Running && model.is_evaluation() { "evaluating" } else { state.name() };
    (format!("{} {word}", theme.pick(glyph, ascii)), role)
}

/// First row: what runs, how it does, and how fast.
fn identity(app: &App, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let model = &app.model;
    let mut row = Row::new(buf, area, 0);
    let dim = theme.style(Role::Dim);
    if area.width >= 60 {
        row.put("torchscope", theme.style(Role::Accent).add_modifier(Modifier::BOLD)).gap(2);
    }
    if let Some(host) = &app.host {
        row.put(host, dim).put(":", dim);
    }
    row.put(&app.name(), theme.style(Role::Bright)).gap(2);
    let (text, role) = state(theme, model);
    row.put(&text, theme.style(role)).gap(2);
    if area.height == 1 {
        // The only row: progress must be on it.
        if model.meta.is_some() {
            let role = if is_untrained(model) { Role::Warn } else { Role::Text };
            row.put(&epochs(model), theme.style(role));
        }
        return;
    }
    match &app.link {
        // Nothing else on the row is true any more.
        Some(Link::Lost { reason, retry_in }) => {
            lost(reason, *retry_in, theme, &mut row);
            return;
        }
        Some(Link::Silent { seconds }) => {
            let host = app.host.as_deref().unwrap_or("there");
            row.put(theme.pick("⚠ ", "! "), theme.style(Role::Warn));
            row.put(&format!("no word from {host} for {seconds} s"), theme.style(Role::Warn));
            return;
        }
        Some(Link::Up { behind }) if *behind >= BEHIND => {
            row.put(&format!("{} to come", format::bytes(*behind)), theme.style(Role::Warn)).gap(2);
        }
        _ => {}
    }
    for part in speed(model) {
        if !row.put_right(&part, dim) {
            break;
        }
        row.put_right("  ", dim);
    }
    if model.meta.is_some() {
        let setup = &model.description.setup;
        let device = setup.device.clone().unwrap_or_default();
        let optimizer = format!("{} {}", setup.optimizer, learning_rate(model));
        let batch = format!("batch {}", setup.batch_size);
        let seed = format!("seed {}", setup.seed);
        // Of a run that has had a history it is worth more than the seed.
        let resumed = model.resumed().map(|step| format!("resumed at {}", format::count(step)));
        let resumed = resumed.unwrap_or_default();
        let mut separator = "";
        for part in [&device, &optimizer, &batch, &resumed, &seed] {
            if part.is_empty() || separator.width() + part.width() > usize::from(row.room()) {
                continue;
            }
            row.put(separator, dim).put(part, dim);
            separator = theme.pick(" · ", " | ");
        }
    }
}

/// The rate of the last step, and of the next one where that differs and somebody waits for it.
fn learning_rate(model: &Model) -> String {
    let short = |lr: Option<f64>| lr.map(format::short);
    match (short(model.lr()).unwrap_or_default(), short(model.next_lr())) {
        (last, Some(next)) if next != last => format!("lr {last}, next {next}"),
        (last, _) => format!("lr {last}"),
    }
}

/// That the line is broken, and what becomes of it.
fn lost(reason: &str, retry_in: u64, theme: &Theme, row: &mut Row<'_>) {
    let style = theme.style(Role::Bad).add_modifier(Modifier::BOLD);
    let next = if retry_in == 0 { ", trying again".to_owned() } else { format!(", next try in {retry_in} s") };
    row.put(theme.pick("⚠ ", "! "), style);
    // A long reason is cut, not what comes next.
    let room = usize::from(row.room()).saturating_sub(next.width());
    row.put_cell(reason, reason.width().min(room) as u16, style).put(&next, theme.style(Role::Warn));
}

/// The speed's parts, the most important (rightmost) first.
fn speed(model: &Model) -> Vec<String> {
    let mut parts = Vec::new();
    let Some(meta) = &model.meta else { return parts };
    if meta.state.is_live() {
        parts.push(match meta.pace {
            Some(pace) => format!("pace {}", format::rate(pace, "epochs")),
            None => "full speed".into(),
        });
    }
    let rate = if meta.state == State::Running { model.rate.steps_per_second() } else { None };
    let rate = rate.or_else(|| model.rate.average().filter(|_| meta.state.is_over()));
    if let Some(rate) = rate {
        parts.push(format::rate(rate, "steps"));
    }
    parts
}

/// How far it is; what is not to be trained is not on its way.
fn epochs(model: &Model) -> String {
    if is_untrained(model) {
        return UNTRAINED.to_owned();
    }
    let epochs = model.length().map_or(0, |length| length.epochs);
    format!("epoch {}/{}", model.epoch().floor() as u64, format::count(epochs))
}

/// Whether the network is only looked at.
fn is_untrained(model: &Model) -> bool {
    model.length().is_some_and(|length| length.epochs == 0)
}

/// What to type for a run that ended before its time, and can go on.
pub(in crate::view) fn how_to_resume(meta: &RunMeta) -> Option<String> {
    let step = format::count(meta.checkpoint?.step);
    let name = &meta.name;
    match meta.state {
        State::Crashed | State::Failed | State::Stopped => {
            Some(format!("torchscope resume {name} continues from step {step}"))
        }
        State::Diverged => Some(format!("torchscope resume {name} --lr RATE continues from step {step}")),
        _ => None,
    }
}

/// What there is to say of a run that has come to its end: that it got worse.
fn remark(meta: &RunMeta) -> Option<&str> {
    meta.outcome.as_deref().filter(|_| meta.state == State::Finished)
}

/// Second row: how far it is, or how it ended.
fn progress(app: &App, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let model = &app.model;
    let mut row = Row::new(buf, area, 1);
    let Some(meta) = &model.meta else {
        row.put(theme.pick("starting libtorch …", "starting libtorch ..."), theme.style(Role::Dim));
        return;
    };
    let dim = theme.style(Role::Dim);
    if matches!(meta.state, State::Failed | State::Crashed | State::Diverged) {
        let outcome = meta.outcome.clone().unwrap_or_else(|| meta.state.to_string());
        row.put(&outcome, theme.style(Role::Bad));
        if let Some(hint) = how_to_resume(meta) {
            row.put_whole(&format!("{}{hint}", theme.pick(" · ", " | ")), theme.style(Role::Text));
        }
        row.gap(2).put_whole(&format!("at {}", epochs(model)), dim);
        return;
    }
    if let Some(remark) = remark(meta) {
        row.put(&plain(remark), theme.style(Role::Warn));
        row.gap(2).put_whole(&format!("at {}", epochs(model)), dim);
        return;
    }
    let text = epochs(model);
    match text.strip_prefix("epoch ") {
        Some(epochs) => row.put("epoch ", dim).put(epochs, theme.style(Role::Bright)).gap(2),
        None => row.put(&text, theme.style(Role::Warn).add_modifier(Modifier::BOLD)).gap(2),
    };
    let total = model.total_steps();
    // What there is to do comes before what there is to know.
    let mut right: Vec<_> = how_to_resume(meta).map(|hint| (hint, Role::Text)).into_iter().collect();
    if let Some(probes) = model.last(tags::PROBE_SHARE).filter(|_| meta.state.is_live()) {
        right.push((format!("probes {}", format::percent(probes)), Role::Dim));
    }
    if meta.state.is_over() {
        let ended = meta.finished.unwrap_or(meta.updated);
        right.push((format!("took {}", format::duration(ended.duration_since(meta.started).as_secs_f64())), Role::Dim));
        if let Some(loss) = model.last(tags::LOSS_EVAL) {
            right.push((format!("loss {}", format::number(loss)), Role::Bright));
        }
        if let Some(accuracy) = model.last(tags::ACCURACY_EVAL) {
            right.push((format!("accuracy {accuracy:.3}"), Role::Bright));
        }
    } else if let Some(eta) = model.eta() {
        right.push((format!("eta {}", format::duration(eta)), Role::Text));
    }
    if let Some(total) = total {
        right.push((format!("step {}/{}", format::count(model.step()), format::count(total)), Role::Text));
    }
    if let Some(checkpoint) = meta.checkpoint.filter(|_| meta.state.is_live()) {
        right.push((format!("saved at {}", format::count(checkpoint.step)), Role::Dim));
    }
    for (text, role) in right {
        if text.width() + 12 > usize::from(row.room()) {
            continue;
        }
        row.put_right(&text, theme.style(role));
        row.put_right("  ", dim);
    }
    if is_untrained(model) {
        row.put_whole("the network as it starts; nothing has been learnt", dim);
        return;
    }
    let share = total.map_or(0.0, |total| model.step() as f64 / total as f64);
    let role = if meta.state == State::Paused { Role::Warn } else { Role::Accent };
    let place = Rect { x: row.column(), y: area.y + 1, width: row.room(), height: 1 };
    Gauge { share, role }.render(theme, place, buf);
}
