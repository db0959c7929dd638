//! Present values, each with its history.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::theme::{Role, Theme};
use super::super::widgets::{Row, Sparkline};
use super::waiting;
use crate::app::App;
use crate::log::tags;
use crate::plot::format;
use crate::series::Series;

/// Which way is better.
#[derive(Clone, Copy, PartialEq)]
enum Better {
    Lower,
    Higher,
    Neither,
}

struct Metric {
    tag: &'static str,
    name: &'static str,
    better: Better,
    format: fn(f64) -> String,
}

const fn metric(tag: &'static str, name: &'static str, better: Better, format: fn(f64) -> String) -> Metric {
    Metric { tag, name, better, format }
}

/// The known tags in the order of their importance; what the run does not have is left out.
const METRICS: &[Metric] = &[
    metric(tags::LOSS_TRAIN, "loss", Better::Lower, format::number),
    metric(tags::LOSS_EVAL, "eval loss", Better::Lower, format::number),
    metric(tags::ACCURACY_EVAL, "accuracy", Better::Higher, accuracy),
    metric(tags::ACCURACY_TRAIN, "acc train", Better::Higher, accuracy),
    metric(tags::LR, "lr", Better::Neither, format::number),
    metric(tags::GRAD_NORM, "grad norm", Better::Neither, format::number),
    metric(tags::STEP_MS, "step", Better::Neither, format::milliseconds),
    metric(tags::PROBE_SHARE, "probes", Better::Neither, format::percent),
    metric(tags::EVAL_SHARE, "evaluate", Better::Neither, format::percent),
    metric(tags::RECORD_SHARE, "recording", Better::Neither, format::percent),
];

fn accuracy(value: f64) -> String {
    format!("{value:.3}")
}

const NAME: u16 = 10;
const VALUE: u16 = 8;
/// What is left of a row must be so wide to hold a history.
const HISTORY: u16 = 6;

pub(super) fn draw(app: &App, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let rows: Vec<_> = METRICS.iter().filter_map(|metric| Some((metric, app.model.series(metric.tag)?))).collect();
    if rows.is_empty() {
        waiting(app, theme, "the first values", area, buf);
        return;
    }
    let mut y = 0;
    for (metric, series) in rows {
        let name = if metric.tag == tags::LOSS_EVAL { app.model.evaluated() } else { metric.name };
        draw_metric(metric, name, series, theme, area, y, buf);
        y += 1;
    }
    let merged = app.model.merged();
    if merged > 0 {
        let mut row = Row::new(buf, area, y);
        row.put("steps merged", theme.style(Role::Warn)).to(area.x + NAME);
        row.put_column(&format::count(merged), VALUE, theme.style(Role::Warn));
        y += 1;
    }
    if let Some(notice) = app.model.notices.last() {
        Row::new(buf, area, y).put(notice, theme.style(Role::Warn));
    }
}

fn draw_metric(metric: &Metric, name: &str, series: &Series, theme: &Theme, area: Rect, y: u16, buf: &mut Buffer) {
    let value = series.last().map_or(f64::NAN, |(_, value)| value);
    let mut row = Row::new(buf, area, y);
    row.put_cell(name, NAME - 1, theme.style(Role::Dim)).to(area.x + NAME);
    let role = if value.is_finite() { Role::Bright } else { Role::Bad };
    row.put_column(&(metric.format)(value), VALUE, theme.style(role)).gap(1);
    let (arrow, role) = trend(metric.better, series);
    row.put(arrow.map_or(" ", |up| if up { theme.pick("▲", "^") } else { theme.pick("▼", "v") }), theme.style(role))
        .gap(1);
    let (left, room) = (row.column(), row.room());
    if room >= HISTORY && y < area.height {
        let place = Rect { x: left, y: area.y + y, width: room, height: 1 };
        let values = history(series, usize::from(room));
        Sparkline { values: &values, role: Role::Raw }.render(theme, place, buf);
    }
}

/// Where the last tenth of the run went, and whether that is good.
fn trend(better: Better, series: &Series) -> (Option<bool>, Role) {
    let now = mean(series, 1.0);
    let before = mean(series, 0.9);
    match (now, before) {
        (Some(now), Some(before)) if better != Better::Neither && (now - before).abs() > 1e-3 * before.abs() => {
            let up = now > before;
            (Some(up), if up == (better == Better::Higher) { Role::Good } else { Role::Warn })
        }
        _ => (None, Role::Dim),
    }
}

/// Mean of the finite values in the twentieth of the run that ends at `share` of it.
fn mean(series: &Series, share: f64) -> Option<f64> {
    let end = (series.len() as f64 * share) as usize;
    let start = end.saturating_sub((series.len() / 20).clamp(1, 200));
    let values: Vec<f64> =
        (start..end).filter_map(|i| series.get(i)).map(|(_, v)| v).filter(|v| v.is_finite()).collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The whole run in so many values: the last of each column.
fn history(series: &Series, columns: usize) -> Vec<f64> {
    if series.len() <= columns {
        return series.iter().map(|(_, value)| value).collect();
    }
    let (Some(first), Some(last)) = (series.first_step(), series.last_step()) else { return Vec::new() };
    let columns = series.columns(first..=last, columns);
    let filled = columns.iter().filter(|column| !column.is_gap() || column.non_finite > 0);
    // NaN where there is nothing finite.
    filled.map(|column| column.last.into()).collect()
}
