//! Pictures as pixels, for terminals that show real images, and as half blocks for all others.

mod canvas;
mod plane;
mod tiles;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

pub use canvas::Pixels;

use super::theme::Theme;
use crate::app::{App, Subject};

/// A picture that fits into a room of so many pixels across and down; `None` while there is nothing to show.
pub fn picture(app: &App, theme: &Theme, subject: &Subject, room: (usize, usize)) -> Option<Pixels> {
    let room = (room.0.max(1), room.1.max(1));
    let model = &app.model;
    match subject {
        Subject::Boundary => plane::boundary(model.boundary.as_ref()?, theme, room),
        Subject::Landscape => plane::landscape(model.landscapes.of(app.plane_view.plane(model)?)?, theme, room),
        Subject::Units => Some(tiles::units(app, app.units.picture.as_ref()?, theme, room)),
        Subject::Maps => Some(tiles::maps(app, app.maps.picture.as_ref()?, theme, room)),
        Subject::Map => Some(tiles::map(app, app.maps.picture.as_ref()?, app.maps.selected, theme, room)),
        Subject::Reconstruction => tiles::reconstruction(&model.reconstruction, theme, room),
        Subject::Input(probe) => Some(tiles::photo(model.maps.inputs.get(probe)?.view(), theme, room)),
    }
}

/// Draws pixels into the middle of `area`, two a cell. For terminals with 24-bit colours and half blocks.
pub(super) fn half_blocks(pixels: &Pixels, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let area = area.intersection(buf.area);
    let (columns, rows) = (pixels.width as u16, pixels.height.div_ceil(2) as u16);
    let left = area.x + area.width.saturating_sub(columns) / 2;
    let top = area.y + area.height.saturating_sub(rows) / 2;
    for y in 0..rows.min(area.height) {
        for x in 0..columns.min(area.width) {
            let Some(cell) = buf.cell_mut((left + x, top + y)) else { continue };
            cell.reset();
            let (x, y) = (usize::from(x), 2 * usize::from(y));
            cell.set_symbol("▀").set_fg(theme.nearest(pixels.at(x, y)));
            // An odd number of rows leaves half a cell free.
            if y + 1 < pixels.height {
                cell.set_bg(theme.nearest(pixels.at(x, y + 1)));
            }
        }
    }
}
