//! The codes of many pictures on a plane.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::theme::{ColorDepth, Role, Theme};
use super::super::widgets::{Row, Scatter, ScatterPoint, labels_across};
use super::{at_step, waiting};
use crate::app::{App, Classes, Projection};
use crate::plot::format;
use crate::plot::scale::{Axis, AxisKind};

/// Columns of the labels on the left.
const LABELS: u16 = 6;
/// From this size on there are labels along the axes; below, the points need every cell.
const WITH_LABELS: (u16, u16) = (30, 8);

pub(super) fn status(app: &App) -> Vec<String> {
    if app.model.codes.points.is_none() {
        return Vec::new();
    }
    let step = at_step(app, app.model.codes.step);
    let what = match app.projection() {
        Projection::Pca => {
            let plane = app.model.codes.plane.as_ref();
            let shares = plane.map_or([0.0; 2], crate::app::Plane::shares);
            let of = match plane.map_or((0, 0), crate::app::Plane::units) {
                (used, all) if used < all => format!(" of {used} of {all} units"),
                _ => String::new(),
            };
            format!("PCA{of}, {} of variance", format::percent(shares[0] + shares[1]))
        }
        Projection::Units(_) => "two units".to_owned(),
    };
    vec![format!("{what} · {step}"), step]
}

pub(super) fn draw(app: &App, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let codes = &app.model.codes;
    let projection = app.projection();
    let places = codes.places(projection);
    let finite = |axis: usize| places.iter().map(move |place| f64::from(place[axis])).filter(|value| value.is_finite());
    if finite(0).next().is_none() {
        waiting(app, theme, "code", area, buf);
        return;
    }
    let count = codes.labels.iter().max().map_or(1, |most| *most as usize + 1);
    let classes = app.model.classes(count);
    let axes = [0, 1].map(|axis| Axis::fit_values(AxisKind::Linear, finite(axis)));
    let points: Vec<ScatterPoint> = places
        .iter()
        .enumerate()
        .map(|(i, place)| ScatterPoint {
            u: axes[0].position(place[0].into()),
            v: axes[1].position(place[1].into()),
            class: codes.labels.get(i).map_or(0, |label| *label as usize),
        })
        .collect();
    let labels = area.width >= WITH_LABELS.0 && area.height >= WITH_LABELS.1;
    let legend_rows = u16::from(area.height >= 4);
    let left = if labels { LABELS } else { 0 };
    let plane = Rect {
        x: area.x + left,
        width: area.width - left,
        height: area.height - legend_rows - u16::from(labels),
        ..area
    };
    Scatter { points: &points, letters: &classes.letters }.render(theme, plane, buf);
    if labels {
        for tick in axes[1].ticks(usize::from(plane.height / 4).max(2)) {
            let y = ((1.0 - axes[1].position(tick.value)) * f64::from(plane.height - 1)).round() as u16;
            let place = Rect { x: area.x, width: LABELS, ..plane };
            Row::new(buf, place, y).put_column(&tick.label, LABELS - 1, theme.style(Role::Dim));
        }
        let below = Rect { y: plane.bottom(), height: 1, ..plane };
        labels_across(&axes[0], theme, plane, plane.width / 10, &mut Row::new(buf, below, 0));
    }
    if legend_rows > 0 {
        legend(app, projection, &classes, theme, Row::new(buf, area, area.height - 1));
    }
}

/// Columns of a class's name in the legend at most.
const LONGEST_NAME: usize = 12;

/// What the axes are, and the characters of the classes.
fn legend(app: &App, projection: Projection, classes: &Classes, theme: &Theme, mut row: Row<'_>) {
    let dim = theme.style(Role::Dim);
    // Where the classes would not fit beside them the axes are named more shortly.
    let wide = usize::from(row.room()) >= 2 * classes.letters.len() + 26;
    let names = match projection {
        Projection::Pca => {
            let shares = app.model.codes.plane.as_ref().map_or([0.0; 2], crate::app::Plane::shares);
            let share = |axis: usize| {
                let share = format::percent(shares[axis]).replace(' ', "");
                if wide { format!("PC{} {share}", axis + 1) } else { share }
            };
            [share(0), share(1)]
        }
        Projection::Units(units) => units.map(|unit| if wide { format!("unit {unit}") } else { unit.to_string() }),
    };
    row.put("→ ", dim).put(&names[0], theme.style(Role::Text)).put(" ↑ ", dim).put(&names[1], theme.style(Role::Text));
    row.gap(2);
    if app.model.codes.labels.is_empty() {
        return;
    }
    for (class, letter) in classes.letters.iter().enumerate() {
        let text =
            if classes.are_short() { String::new() } else { format!(" {} ", classes.brief(class, LONGEST_NAME)) };
        if usize::from(row.room()) < text.chars().count() + 2 {
            row.put_whole("…", dim);
            break;
        }
        let mut style = Scatter::style(theme, class);
        if theme.depth() <= ColorDepth::Ansi16 {
            style = style.add_modifier(ratatui::style::Modifier::BOLD);
        }
        row.put(&letter.to_string(), style).put(&text, dim).gap(1);
    }
    row.gap(1).put_whole("filled: a class's centre", dim);
}
