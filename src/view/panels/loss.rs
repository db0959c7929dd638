//! Loss: the most recent steps as bars, the whole run as curves.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::theme::{Role, Theme};
use super::super::widgets::{Chart, Curve, Event, Level, Mark, Row, Sparkline};
use super::{UNTRAINED, waiting};
use crate::app::App;
use crate::log::tags;
use crate::plot::format;
use crate::plot::scale::{Axis, AxisKind};
use crate::series::{Column, Series, envelope};

/// From this height on the bars are two rows high.
const ROOMY: u16 = 16;

pub(super) fn status(app: &App) -> Vec<String> {
    let axis = if app.log_axis { "log" } else { "linear" };
    let smoothing = if app.smoothing > 0.0 { format!("smooth {}", app.smoothing) } else { "raw".into() };
    vec![format!("{axis} · {smoothing}"), axis.into()]
}

pub(super) fn draw(app: &App, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let loss = app.model.series(tags::LOSS_TRAIN);
    // A network that is only looked at has a loss and no curve.
    let Some(some) = loss.or(app.model.series(tags::LOSS_EVAL)) else {
        waiting(app, theme, "the first step", area, buf);
        return;
    };
    let bars = if area.height >= ROOMY { 2 } else { u16::from(area.height >= 6) };
    let bars = if loss.is_some() { bars } else { 0 };
    if bars > 0 {
        recent(some, app.model.is_live(), theme, Rect { height: bars, ..area }, buf);
    }
    let legend_rows = u16::from(area.height >= 5);
    let top = bars + u16::from(bars > 0 && area.height >= ROOMY);
    let chart = Rect { y: area.y + top, height: area.height.saturating_sub(top + legend_rows), ..area };
    curves(app, loss, theme, chart, buf);
    if legend_rows > 0 {
        legend(app, loss, theme, Row::new(buf, area, area.height - 1));
    }
}

/// The bars with the present value beside them.
///
/// While steps come in, bars fill up to the right edge and then jump back by a third of the width: a row that moved with every
/// step would be written anew with every frame, ten times what all curves take.
fn recent(loss: &Series, is_live: bool, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let now = loss.last().map_or(f64::NAN, |(_, value)| value);
    let text = format!(" now {:<8}", format::number(now));
    let bars = Rect { width: area.width.saturating_sub(text.len() as u16), ..area };
    let shown = if is_live { filled(loss.len(), bars.width) } else { bars.width };
    let values: Vec<f64> = loss.tail(usize::from(shown)).map(|(_, value)| value).collect();
    let filled = Rect { width: (values.len() as u16).min(bars.width), ..bars };
    Sparkline { values: &values, role: Role::Accent }.render(theme, filled, buf);
    let mut row = Row::new(buf, area, area.height - 1);
    row.to(bars.right()).put(" now ", theme.style(Role::Dim));
    let role = if now.is_finite() { Role::Bright } else { Role::Bad };
    row.put(&format::number(now), theme.style(role));
    if area.height > 1 {
        Row::new(buf, area, 0).to(bars.right() + 1).put("last steps", theme.style(Role::Dim));
    }
}

/// How many of so many values there is a bar of in so many columns.
fn filled(values: usize, columns: u16) -> u16 {
    let Some(beyond) = values.checked_sub(usize::from(columns) + 1) else { return values as u16 };
    let jump = columns / 3 + 1;
    (columns + 1).saturating_sub(jump) + (beyond % usize::from(jump)) as u16
}

fn curves(app: &App, loss: Option<&Series>, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let model = &app.model;
    let eval = model.series(tags::LOSS_EVAL);
    let both = || loss.into_iter().chain(eval);
    let first = both().filter_map(Series::first_step).min().unwrap_or(0);
    let last = both().filter_map(Series::last_step).max().unwrap_or(first);
    // A few steps at least, or the labels below would be fractions of one.
    let end = if model.is_live() { settle(first, last) } else { last.max(first.saturating_add(8)) };
    let columns = Chart::columns(area);
    if columns == 0 {
        return;
    }
    let suffixed = |suffix| model.series(&format!("{}{suffix}", tags::LOSS_TRAIN));
    let raw =
        loss.map(|loss| envelope(loss, suffixed(tags::MIN_SUFFIX), suffixed(tags::MAX_SUFFIX), first..=end, columns));
    let raw = raw.unwrap_or_default();
    let smooth = model.smoothed().columns(first..=end, columns);
    let held_out = eval.map(|eval| eval.columns(first..=end, columns)).unwrap_or_default();
    let Some((lo, hi)) = extent([&raw, &held_out]) else { return };
    let kind = if app.log_axis { AxisKind::Log } else { AxisKind::Linear };
    let references = &model.description.references;
    let levels: Vec<Level<'_>> = references
        .iter()
        .map(|reference| Level { value: reference.loss, name: &reference.name })
        // What is not above zero has no place on a logarithmic axis.
        .filter(|level| level.value.is_finite() && (level.value > 0.0 || kind == AxisKind::Linear))
        .collect();
    let (lo, hi) = levels.iter().fold((lo, hi), |(lo, hi), level| (lo.min(level.value), hi.max(level.value)));
    let axis = Axis::fit(kind, lo, hi);

    let per_epoch = model.length().map_or(0, |length| length.steps_per_epoch);
    let (unit, scale) =
        if per_epoch > 1 && last.max(0) as u64 / per_epoch >= 2 { ("epoch", per_epoch as f64) } else { ("step", 1.0) };
    let across = Axis::new(AxisKind::Linear, first as f64 / scale, end as f64 / scale);
    let mut layers = vec![Curve { columns: &raw, role: Role::Raw, mark: Mark::Band }];
    layers.push(Curve { columns: &held_out, role: Role::Eval, mark: Mark::Line });
    if app.smoothing == 0.0 {
        layers[0].role = Role::Accent;
    } else {
        layers.push(Curve { columns: &smooth, role: Role::Accent, mark: Mark::Line });
    }
    let events: Vec<Event> = model
        .alarms
        .newest()
        .map(|alarm| Event {
            at: alarm.step as f64 / scale,
            role: if alarm.kind.is_grave() { Role::Bad } else { Role::Warn },
        })
        .collect();
    // The grave ones last: another on the same place must not hide them.
    let (mut events, grave): (Vec<_>, Vec<_>) = events.into_iter().partition(|event| event.role != Role::Bad);
    events.extend(grave);
    Chart { curves: &layers, levels: &levels, events: &events, axis: &axis, across: &across, unit }
        .render(theme, area, buf);
}

/// The end of the axis for a run that is still growing: it moves in jumps of an eighth, so that curves stand still in
/// between and a frame differs little from the last.
fn settle(first: i64, last: i64) -> i64 {
    // Steps of a log that nobody checked may lie further apart than an i64 reaches.
    let length = last.abs_diff(first).max(8);
    let jump = (length.checked_next_power_of_two().unwrap_or(1 << 63) / 16).max(1);
    first.saturating_add_unsigned(length.div_ceil(jump).saturating_mul(jump))
}

fn extent<'a>(curves: impl IntoIterator<Item = &'a Vec<Column>>) -> Option<(f64, f64)> {
    let finite = curves.into_iter().flatten().filter(|column| !column.is_gap());
    finite.fold(None, |extent, column| {
        let (lo, hi) = extent.unwrap_or((f64::INFINITY, f64::NEG_INFINITY));
        Some((f64::min(lo, column.min.into()), f64::max(hi, column.max.into())))
    })
}

fn legend(app: &App, loss: Option<&Series>, theme: &Theme, mut row: Row<'_>) {
    let dim = theme.style(Role::Dim);
    if loss.is_some() {
        row.put(theme.pick("━", "-"), theme.style(Role::Accent)).put(" train  ", dim);
    }
    let eval = app.model.series(tags::LOSS_EVAL);
    if let Some((_, value)) = eval.and_then(Series::last) {
        row.put(Curve::texture(theme, Role::Eval).unwrap_or("┅"), theme.style(Role::Eval)).put(" ", dim);
        row.put(app.model.evaluated(), dim).gap(1).put(&format::number(value), theme.style(Role::Bright)).gap(2);
    }
    let Some(loss) = loss else {
        row.put(UNTRAINED, theme.style(Role::Warn));
        return;
    };
    if loss.non_finite() > 0 {
        let text = format!("{} not finite ", loss.non_finite());
        row.put(theme.pick("× ", "X "), theme.style(Role::Bad)).put(&text, theme.style(Role::Bad));
    }
    if let Some((step, best)) = eval.unwrap_or(loss).min() {
        let text = format!("best {} @ step {}", format::number(best), format::count(step.max(0) as u64));
        row.put_whole(&text, dim);
    }
}

#[cfg(test)]
mod tests {
    use super::{filled, settle};

    #[test]
    fn bars_fill_up_and_jump_back_by_a_third() {
        let filled: Vec<u16> = (0..=14).map(|values| filled(values, 9)).collect();
        assert_eq!(filled, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 6, 7, 8, 9, 6]);
        for (values, columns) in [(0, 0), (5, 0), (5, 1), (1_000_000, 2)] {
            assert!(super::filled(values, columns) <= columns.max(1), "{values} in {columns}");
        }
    }

    #[test]
    fn the_axis_moves_in_jumps_and_wastes_little() {
        let mut ends = std::collections::BTreeSet::new();
        for last in 1..=100_000 {
            let end = settle(0, last);
            assert!(end >= last && end as f64 <= (last as f64 * 1.13).max(8.0), "{last} -> {end}");
            ends.insert(end);
        }
        assert!(ends.len() < 160, "{} different axes", ends.len());
        for (first, last) in [(i64::MIN, i64::MAX), (i64::MIN, i64::MIN), (i64::MAX, i64::MAX), (-1, i64::MAX)] {
            assert!(settle(first, last) >= last, "{first} {last}");
        }
    }
}
