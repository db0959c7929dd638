//! What each hidden unit says over the plane.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::shade::Shade;
use super::super::theme::{Role, Theme};
use super::super::widgets::{Row, Tile, Trail};
use super::maps::stage;
use super::{at_step, waiting};
use crate::app::{App, Area, Life, Picture, Sheet};

/// The layers one can look at, as the frame shows them.
pub(super) fn trail(app: &App) -> Option<Trail<'_>> {
    let names = app.units.layers(&app.model);
    let layer = &app.units.picture.as_ref()?.layer;
    let current = names.iter().position(|name| name == layer)?;
    Some(Trail { names, current })
}

pub(super) fn status(app: &App) -> Vec<String> {
    let Some(picture) = &app.units.picture else { return Vec::new() };
    let (units, stage, step) = (picture.channels.len(), stage(picture), at_step(picture.step));
    vec![
        format!("{units} units {stage} · each its own range · {step}"),
        format!("{units} units {stage} · {step}"),
        step,
    ]
}

pub(super) fn draw(app: &App, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let Some(picture) = &app.units.picture else {
        waiting(app, theme, "hidden units", area, buf);
        return;
    };
    let inside = Area::new(area.x, area.y, area.width, area.height);
    let sheet = Sheet::without_facts(inside, picture.channels.len(), picture.size());
    for (place, unit) in picture.order.iter().take(sheet.per_page()).enumerate() {
        let at = sheet.place(place);
        let tile = Rect::new(at.x, at.y, at.width, at.height);
        let life = app.model.maps.life(picture, *unit);
        if let Some(values) = picture.map(*unit) {
            let extent = picture.channels[*unit].extent();
            let (colors, range) = (Shade::Diverging, (-extent, extent));
            Tile { values, colors, range }.render(theme, tile, buf);
        }
        let line = Rect { y: tile.bottom(), height: 1, ..tile };
        if sheet.captions {
            caption(picture, *unit, life, theme, Row::new(buf, line, 0));
        }
    }
}

fn caption(picture: &Picture, unit: usize, life: Life, theme: &Theme, mut row: Row<'_>) {
    row.put(&unit.to_string(), theme.style(Role::Dim)).gap(1);
    if picture.channels[unit].missing > 0 {
        row.put_whole("NaN", theme.style(Role::Bad));
    } else if life == Life::Dead {
        row.put_whole(theme.pick("× dead", "x dead"), theme.style(Role::Warn));
    }
}
