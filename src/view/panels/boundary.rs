//! The decision boundary over a two-dimensional input.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::super::theme::{ColorDepth, Glyphs, Role, Theme};
use super::super::widgets::{Field, FieldPoint, Row, labels_across};
use super::{at_step, waiting};
use crate::app::{App, Classes};
use crate::plot::scale::{Axis, AxisKind};

/// Width of the labels on the left.
const LABELS: u16 = 5;
/// Columns of a class's name in the legend at most, and those that the rest of the legend needs.
const LONGEST_NAME: usize = 20;
const WITHOUT_NAMES: usize = 26;
/// From this size on there are axes; below, the picture needs every cell.
const WITH_AXES: (u16, u16) = (30, 10);

pub(super) fn status(app: &App) -> Vec<String> {
    match app.model.boundary.as_ref().and_then(|boundary| boundary.grid.as_ref().map(|grid| (boundary.step, grid))) {
        Some((step, grid)) => {
            let (least, greatest) = (least(&grid.values), greatest(&grid.values));
            let step = at_step(app, step);
            vec![format!("p {least:.2} … {greatest:.2} · {step}"), step]
        }
        None => Vec::new(),
    }
}

fn least(values: &ndarray::Array2<f32>) -> f32 {
    values.iter().copied().fold(f32::INFINITY, f32::min)
}

fn greatest(values: &ndarray::Array2<f32>) -> f32 {
    values.iter().copied().fold(f32::NEG_INFINITY, f32::max)
}

pub(super) fn draw(app: &App, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let boundary = app.model.boundary.as_ref();
    let Some((boundary, grid)) = boundary.and_then(|boundary| Some((boundary, boundary.grid.as_ref()?))) else {
        waiting(app, theme, "the first picture", area, buf);
        return;
    };
    let [x0, x1, y0, y1] = grid.meta.extent.unwrap_or([0.0, 1.0, 0.0, 1.0]);
    let axes = area.width >= WITH_AXES.0 && area.height >= WITH_AXES.1;
    let legend_rows = u16::from(area.height >= 4);
    let field = Rect {
        x: area.x + if axes { LABELS } else { 0 },
        width: area.width - if axes { LABELS } else { 0 },
        height: area.height - legend_rows - u16::from(axes),
        ..area
    };
    let points: Vec<FieldPoint> = boundary
        .points
        .iter()
        .map(|point| FieldPoint {
            u: (f64::from(point.x) - x0) / (x1 - x0),
            v: (f64::from(point.y) - y0) / (y1 - y0),
            class: point.class,
            wrong: point.is_wrong(),
        })
        .collect();
    Field { values: &grid.values, points: &points, style: app.boundary_style }.render(theme, field, buf);
    if axes {
        let horizontal = Axis::new(AxisKind::Linear, x0, x1);
        let vertical = Axis::new(AxisKind::Linear, y0, y1);
        label_rows(&vertical, theme, Rect { width: LABELS, x: area.x, ..field }, buf);
        label_columns(&horizontal, theme, field, buf);
    }
    if legend_rows > 0 {
        let classes = app.model.classes(2);
        legend(boundary.wrong(), boundary.points.len(), &classes, theme, Row::new(buf, area, area.height - 1));
    }
}

fn label_rows(axis: &Axis, theme: &Theme, area: Rect, buf: &mut Buffer) {
    for tick in axis.ticks(usize::from(area.height / 5).max(2)) {
        let y = ((1.0 - axis.position(tick.value)) * f64::from(area.height - 1)).round() as u16;
        Row::new(buf, area, y).put_column(&tick.label, LABELS - 1, theme.style(Role::Dim));
    }
}

fn label_columns(axis: &Axis, theme: &Theme, field: Rect, buf: &mut Buffer) {
    let below = Rect { y: field.bottom(), height: 1, ..field };
    labels_across(axis, theme, field, field.width / 9, &mut Row::new(buf, below, 0));
}

fn legend(wrong: Option<usize>, total: usize, classes: &Classes, theme: &Theme, mut row: Row<'_>) {
    let point = |class: usize| {
        if theme.depth() == ColorDepth::Mono { Style::new() } else { Style::new().fg(theme.point(class)) }
    };
    let dim = theme.style(Role::Dim);
    // Names take no more than what they leave for the count of the wrong ones.
    let room = (usize::from(row.room()).saturating_sub(WITHOUT_NAMES) / 2).clamp(1, LONGEST_NAME);
    row.put(theme.pick("○", "o"), point(0)).put(&format!(" {}  ", classes.brief(0, room)), dim);
    row.put(theme.pick("●", "*"), point(1)).put(&format!(" {}  ", classes.brief(1, room)), dim);
    match wrong {
        Some(0) => {
            row.put(&format!("all {total} right"), theme.style(Role::Good)).gap(2);
        }
        Some(wrong) => {
            let text = format!("{} {wrong} wrong of {total}", theme.pick("✕", "X"));
            row.put(&text, theme.style(Role::Bad)).gap(2);
        }
        None => {}
    }
    let contour = match theme.glyphs() {
        Glyphs::Braille => "⠒⠒",
        Glyphs::Block => "▀▀",
        Glyphs::Ascii => "%",
    };
    let one = if classes.name(1) == "1" { "class 1".to_owned() } else { classes.brief(1, room) };
    row.put_whole(&format!("{contour} p({one}) = 0.5"), theme.style(Role::Text));
}
