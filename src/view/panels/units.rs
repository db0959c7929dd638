//! What each hidden unit says over the plane.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;

use super::super::shade::Shade;
use super::super::theme::{Role, Theme};
use super::super::widgets::{Row, Tile, Trail};
use super::maps::stage;
use super::{at_step, waiting};
use crate::app::{App, Picture};

/// The layers one can look at, as the frame shows them.
pub(super) fn trail(app: &App) -> Option<Trail<'_>> {
    let names = app.units.layers(&app.model);
    let layer = &app.units.picture.as_ref()?.layer;
    let current = names.iter().position(|name| name == layer)?;
    Some(Trail { names, current })
}

pub(super) fn status(app: &App) -> Vec<String> {
    let Some(picture) = &app.units.picture else { return Vec::new() };
    let (stage, step) = (stage(picture), at_step(app, picture.step));
    let count = count(app, picture);
    let dead = match dead(app, picture).iter().filter(|dead| **dead).count() {
        0 => String::new(),
        dead => format!(" · {dead} dead ×"),
    };
    let mut all = vec![
        format!("{count}{dead} {stage} · each its own range · {step}"),
        format!("{count}{dead} {stage} · {step}"),
        format!("{count}{dead} · {step}"),
    ];
    // What is dead or not there has to be said, and that nothing was learnt; when else it was taken is less.
    if picture.step > 0 && !dead.is_empty() {
        all.push(format!("{count}{dead}"));
    }
    if count.contains("of") {
        all.push(format!("{count} · {step}"));
        if picture.step > 0 {
            all.push(count.trim_end_matches(" units").to_owned());
        }
    }
    all.push(step);
    all
}

/// How many units there are, and which of them are shown where that is not all.
fn count(app: &App, picture: &Picture) -> String {
    let recorded = picture.channels.len();
    let network = app.model.network();
    let layer = network.and_then(|network| network.layers.get(network.position(&picture.layer)?));
    let all = layer.map_or(recorded, |layer| layer.channels().max(recorded));
    let page = app.units_sheet().map(|sheet| (app.units.page(&sheet) * sheet.per_page(), sheet.per_page()));
    let (first, most) = page.unwrap_or((0, recorded));
    let last = (first + most).min(recorded);
    if last - first == all { format!("{all} units") } else { format!("{first}-{} of {all} units", last.max(1) - 1) }
}

/// Which of the units are zero on all of the evaluation set.
fn dead(app: &App, picture: &Picture) -> Vec<bool> {
    let mut dead = app.model.dead(&picture.layer).unwrap_or_default();
    dead.resize(picture.channels.len(), false);
    dead
}

pub(super) fn draw(app: &App, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let (Some(picture), Some(sheet)) = (&app.units.picture, app.units_sheet()) else {
        waiting(app, theme, "hidden units", area, buf);
        return;
    };
    let dead = dead(app, picture);
    let first = app.units.page(&sheet) * sheet.per_page();
    for (place, unit) in picture.order.iter().skip(first).take(sheet.per_page()).enumerate() {
        let at = sheet.place(place);
        let tile = Rect::new(at.x, at.y, at.width, at.height);
        if let Some(values) = picture.map(*unit) {
            let extent = picture.channels[*unit].extent();
            let (colors, range) = (Shade::Diverging, (-extent, extent));
            Tile { values, colors, range }.render(theme, tile, buf);
        }
        if dead[*unit] {
            cross(theme, tile, buf);
        }
        let line = Rect { y: tile.bottom(), height: 1, ..tile };
        if sheet.captions {
            caption(picture, *unit, dead[*unit], theme, Row::new(buf, line, 0));
        }
    }
}

/// Marks a unit as dead, in the middle of what it says where there are no samples.
fn cross(theme: &Theme, tile: Rect, buf: &mut Buffer) {
    let middle = (tile.x + tile.width.saturating_sub(1) / 2, tile.y + tile.height.saturating_sub(1) / 2);
    if let Some(cell) = buf.cell_mut(middle) {
        let color = theme.style(Role::Warn).fg.unwrap_or_default();
        cell.set_symbol(theme.pick("×", "x")).set_fg(color);
        cell.modifier |= Modifier::BOLD;
    }
}

fn caption(picture: &Picture, unit: usize, dead: bool, theme: &Theme, mut row: Row<'_>) {
    row.put(&unit.to_string(), theme.style(Role::Dim)).gap(1);
    if picture.channels[unit].missing > 0 {
        row.put_whole("NaN", theme.style(Role::Bad));
    } else if dead {
        row.put_whole("dead", theme.style(Role::Warn));
    }
}
