//! The loss over a plane through parameter space, and the optimiser's way over it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_width::UnicodeWidthStr;

use super::super::shade::Shade;
use super::super::theme::{Role, Theme};
use super::super::widgets::{Row, Terrain, TerrainPoint, Trail, labels_across};
use super::{at_step, waiting};
use crate::app::{App, Landscape, PlaneFacts, PlaneView};
use crate::plot::format;
use crate::plot::scale::{Axis, AxisKind};
use crate::run::Plane;

/// Columns of the labels on the left.
const LABELS: u16 = 6;
/// From this size on there are labels along the axes; below, the picture needs every cell.
const WITH_LABELS: (u16, u16) = (44, 12);
/// Cells of the colour bar, at the least and at the most.
const BAR: (u16, u16) = (6, 24);

fn name(plane: Plane) -> &'static str {
    match plane {
        Plane::Path => "path",
        Plane::Whole => "whole",
        Plane::Random => "random",
    }
}

/// The landscape that is looked at, if it is there.
pub(super) fn shown(app: &App) -> Option<(Plane, &Landscape)> {
    let plane = app.plane_view.plane(&app.model)?;
    Some((plane, app.model.landscapes.of(plane)?))
}

/// The planes one can look at, as the frame shows them.
pub(super) fn trail(app: &App) -> Option<Trail<'_>> {
    let planes = PlaneView::choices(&app.model);
    let shown = app.plane_view.plane(&app.model)?;
    let current = planes.iter().position(|plane| *plane == shown)?;
    Some(Trail { names: planes.into_iter().map(name).collect(), current })
}

pub(super) fn status(app: &App) -> Vec<String> {
    shown(app).map_or_else(Vec::new, |(_, landscape)| vec![at_step(app, landscape.step)])
}

pub(super) fn draw(app: &App, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let Some((plane, landscape)) = shown(app) else {
        let what = app.plane_view.plane(&app.model).map_or("plane", name);
        waiting(app, theme, &format!("the loss over the {what} plane"), area, buf);
        return;
    };
    let (Some(grid), Some(range)) = (&landscape.grid, landscape.range()) else {
        waiting(app, theme, "a finite loss", area, buf);
        return;
    };
    let labels = area.width >= WITH_LABELS.0 && area.height >= WITH_LABELS.1;
    let rows = if area.height >= 8 { 2 } else { u16::from(area.height >= 4) };
    let left = if labels { LABELS } else { 0 };
    let ground =
        Rect { x: area.x + left, width: area.width - left, height: area.height - rows - u16::from(labels), ..area };
    let [x0, x1, y0, y1] = grid.meta.extent.unwrap_or([0.0, 1.0, 0.0, 1.0]);
    let last = landscape.path.len().saturating_sub(1).max(1) as f32;
    let epochs = landscape.path.last().map_or(0.0, |present| present.epoch);
    let point = |(i, place): (usize, &crate::app::Waypoint)| TerrainPoint {
        u: (place.x - x0) / (x1 - x0),
        v: (place.y - y0) / (y1 - y0),
        share: if epochs > 0.0 { (place.epoch / epochs) as f32 } else { i as f32 / last },
    };
    let path: Vec<TerrainPoint> = landscape.path.iter().enumerate().map(point).collect();
    let levels = landscape.levels(Terrain::lines(theme, ground));
    Terrain { values: &grid.values, range, levels: &levels, path: &path }.render(theme, ground, buf);
    if labels {
        let [across, up] = [(x0, x1), (y0, y1)].map(|(lo, hi)| Axis::new(AxisKind::Linear, lo, hi));
        let place = Rect { x: area.x, width: LABELS, ..ground };
        for tick in up.ticks(usize::from(ground.height / 4).max(2)) {
            let y = ((1.0 - up.position(tick.value)) * f64::from(ground.height - 1)).round() as u16;
            Row::new(buf, place, y).put_column(&tick.label, LABELS - 1, theme.style(Role::Dim));
        }
        let below = Rect { y: ground.bottom(), height: 1, ..ground };
        labels_across(&across, theme, ground, ground.width / 10, &mut Row::new(buf, below, 0));
    }
    if rows > 1 {
        legend(plane, landscape, range, &levels, theme, Row::new(buf, area, area.height - 2));
    }
    if rows > 0 {
        facts(app, landscape, theme, Row::new(buf, area, area.height - 1));
    }
}

/// What the axes are.
fn axes(plane: Plane, facts: Option<&PlaneFacts>) -> [String; 2] {
    let shares = facts.map_or([f64::NAN; 2], |facts| facts.shares);
    [0, 1].map(|axis| match plane {
        Plane::Random => format!("random {}", axis + 1),
        _ if shares[axis].is_finite() => format!("PC{} {:.1} %", axis + 1, 100.0 * shares[axis]),
        _ => format!("PC{}", axis + 1),
    })
}

/// What the axes and the colours are.
fn legend(plane: Plane, landscape: &Landscape, range: (f32, f32), levels: &[f32], theme: &Theme, mut row: Row<'_>) {
    let (dim, text) = (theme.style(Role::Dim), theme.style(Role::Text));
    let names = axes(plane, landscape.facts.as_ref());
    row.put("→ ", dim).put(&names[0], text).put(" ↑ ", dim).put(&names[1], text).gap(2);
    let (low, high) = (format::number(range.0.into()), format::number(range.1.into()));
    let ends = low.width() as u16 + high.width() as u16 + 2;
    if theme.ascii() {
        let top = levels.len().min(25);
        let middle = levels.first().map_or(String::new(), |level| format!(" a<{}", format::short((*level).into())));
        row.put_whole(&format!("loss {low}{middle} .. {} {high}", Terrain::letter(top)), dim);
        return;
    }
    if row.room() < ends + BAR.0 {
        return;
    }
    if row.room() >= ends + BAR.1 + 5 {
        row.put("loss ", dim);
    }
    row.put(&low, dim).put(" ", dim);
    let cells = (row.room() - high.width() as u16 - 1).min(BAR.1);
    for cell in 0..cells {
        let share = f32::from(cell) / f32::from(cells - 1).max(1.0);
        if theme.has_tints() {
            let level = Shade::Ground.level(share, (0.0, 1.0));
            row.put(" ", Style::new().bg(theme.shade(Shade::Ground, level)));
        } else {
            row.put([" ", "░", "▒"][((share * 3.0) as usize).min(2)], dim);
        }
    }
    row.put(" ", dim).put(&high, dim).gap(2);
    if theme.has_tints() {
        row.put_whole("○ start ● now", dim);
    }
}

/// How honest the picture is: the true loss beside that of the plane, how far the optimiser is from it, and on what it was
/// computed. In the longest form that fits.
fn facts(app: &App, landscape: &Landscape, theme: &Theme, mut row: Row<'_>) {
    let (bright, dim) = (theme.style(Role::Bright), theme.style(Role::Dim));
    let present = landscape.path.last();
    let known = |number: Option<f64>| number.filter(|number| number.is_finite());
    // Like with like: on the samples that the plane's loss is of, where the log has that.
    let sampled = known(landscape.facts.map(|facts| facts.true_loss));
    let truth = sampled.or(known(present.map(|present| present.loss))).map(format::number);
    let plane = known(landscape.facts.map(|facts| facts.loss)).map(format::number);
    // Two digits say how far it is.
    let off = known(present.map(|present| present.off));
    let off = off.map(|off| format::short(format!("{off:.1e}").parse().unwrap_or(off)));
    let mut forms = [
        vec![("true loss ", &truth, ""), ("on the plane ", &plane, ""), ("", &off, " off the plane")],
        vec![("true ", &truth, ""), ("plane ", &plane, ""), ("off ", &off, "")],
    ]
    .map(|parts| {
        let known = parts.into_iter().filter_map(|(before, number, after)| Some((before, number.clone()?, after)));
        known.map(|(before, number, after)| vec![(before.to_owned(), dim), (number, bright), (after.to_owned(), dim)])
    })
    .map(Iterator::collect::<Vec<_>>)
    .to_vec();
    forms.push(forms[1].clone());
    if let Some(facts) = landscape.facts {
        let (samples, all) = (format::count(facts.samples), format::count(facts.all));
        // What is still on its way to be finer is said louder.
        let settling = app.model.is_live() && (1..FINEST).contains(&facts.cells);
        let cells = vec![(format!("{0}×{0}", facts.cells), if settling { theme.style(Role::Warn) } else { dim })];
        for (form, text) in [format!("{samples} of {all} samples"), format!("{samples}/{all}")].into_iter().enumerate()
        {
            forms[form].extend([vec![(text, dim)], cells.clone()]);
        }
    }
    for (form, separator) in forms.iter().zip([theme.pick(" · ", " | "), theme.pick(" · ", " | "), "  "]) {
        let words = form.iter().flatten().map(|(text, _)| text.width()).sum::<usize>();
        if words + separator.width() * form.len().saturating_sub(1) > usize::from(row.room()) && separator.width() > 2 {
            continue;
        }
        for (place, part) in form.iter().enumerate() {
            row.put(if place == 0 { "" } else { separator }, dim);
            for (text, style) in part {
                row.put(text, *style);
            }
        }
        return;
    }
}

/// Places across of a landscape that gets no finer.
const FINEST: u64 = 41;
