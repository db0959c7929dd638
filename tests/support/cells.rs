//! Draws an application without a terminal.

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use torchscope::app::App;
use torchscope::view::{ColorDepth, Glyphs, Theme, draw_into};

/// Every depth of colour with every set of glyphs.
pub(crate) fn themes() -> impl Iterator<Item = Theme> {
    [ColorDepth::Mono, ColorDepth::Ansi16, ColorDepth::Ansi256, ColorDepth::TrueColor]
        .into_iter()
        .flat_map(|depth| [Glyphs::Ascii, Glyphs::Block, Glyphs::Braille].map(|glyphs| Theme::new(depth, glyphs)))
}

/// All that the best terminals can do.
pub(crate) fn full() -> Theme {
    Theme::new(ColorDepth::TrueColor, Glyphs::Braille)
}

/// The whole screen.
pub(crate) fn draw(app: &App, theme: &Theme) -> Buffer {
    let area = Rect::new(0, 0, app.size.0, app.size.1);
    let mut buf = Buffer::empty(area);
    draw_into(app, theme, area, &mut buf);
    buf
}

/// What can be read there, a line a row.
pub(crate) fn text(buf: &Buffer) -> String {
    let width = usize::from(buf.area.width).max(1);
    buf.content.chunks(width).map(|row| row.iter().map(Cell::symbol).collect::<String>() + "\n").collect()
}

/// What can be read on the best of terminals.
pub(crate) fn screen(app: &App) -> String {
    text(&draw(app, &full()))
}
