//! Panels on paper: lines of text for a terminal that scrolls, for a file, for mail.

use std::fmt::Write;

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use unicode_width::UnicodeWidthStr;

use super::pixels::{self, Pixels};
use super::sgr::Sgr;
use super::theme::{Role, Theme};
use super::widgets::{PanelFrame, Photo, Tile};
use super::{finish, panels, rect};
use crate::app::{App, PanelId};

/// What was drawn.
#[derive(Debug, Clone)]
pub struct Page(Buffer);

impl Page {
    /// A panel with its frame, as large as the place it has in the layout; `None` where it has none.
    pub fn panel(app: &App, theme: &Theme, id: PanelId) -> Option<Self> {
        let slots = app.layout()?.slots;
        let slot = slots.iter().find(|slot| slot.shown == id)?;
        let (area, title) = (rect(slot.area), format!(" {} ", app.title(id)));
        let mut buf = Buffer::empty(area);
        let status = panels::status(app, id);
        let role = if panels::is_untrained(app, id) { Role::Warn } else { Role::Dim };
        let trail = panels::trail(app, id);
        PanelFrame { titles: &[(&title, true)], trail, status: &status, role, focused: false }
            .render(theme, area, &mut buf);
        panels::draw(app, theme, id, PanelFrame::inner(area), &mut buf);
        finish(theme, &mut buf);
        Some(Self(buf))
    }

    /// Pixels in half blocks. For terminals with 24-bit colours.
    pub fn pixels(pixels: &Pixels, theme: &Theme) -> Self {
        let area = Rect::new(0, 0, pixels.width as u16, pixels.height.div_ceil(2) as u16);
        let mut buf = Buffer::empty(area);
        pixels::half_blocks(pixels, theme, area, &mut buf);
        Self(buf)
    }

    /// A picture of pixels in 0..=1, shape (channels, rows, columns), in whatever the terminal has, in a room of so many columns
    /// and rows.
    pub fn photo(channels: ndarray::ArrayView3<'_, f32>, theme: &Theme, room: (u16, u16)) -> Self {
        let photo = Photo { channels };
        let (columns, rows) = Tile::fit(photo.size(), room);
        let mut buf = Buffer::empty(Rect::new(0, 0, columns, rows));
        let area = buf.area;
        photo.render(theme, area, &mut buf);
        Self(buf)
    }

    /// The lines as text alone, without blanks at their ends.
    pub fn plain(&self) -> Vec<String> {
        self.rows().map(|row| row.iter().map(|cell| cell.symbol()).collect::<String>().trim_end().to_owned()).collect()
    }

    /// The lines with their colours as escape sequences; each ends as it began, in the terminal's own.
    pub fn colored(&self) -> Vec<String> {
        self.rows()
            .map(|row| {
                let mut line = String::new();
                let mut before = Style::reset();
                for cell in row {
                    if cell.style() != before && !(before == Style::reset() && is_plain(cell)) {
                        line.push_str(&sgr(cell));
                    }
                    before = if is_plain(cell) { Style::reset() } else { cell.style() };
                    line.push_str(cell.symbol());
                }
                if before != Style::reset() {
                    line.push_str("\x1b[0m");
                }
                line
            })
            .collect()
    }

    /// The cells of each line; of a wide character the first alone.
    fn rows(&self) -> impl Iterator<Item = Vec<&Cell>> {
        self.0.content.chunks(usize::from(self.0.area.width).max(1)).map(|row| {
            let mut covered = 0;
            let mut cells = Vec::with_capacity(row.len());
            for cell in row {
                if covered > 0 {
                    covered -= 1;
                    continue;
                }
                covered = cell.symbol().width().saturating_sub(1);
                cells.push(cell);
            }
            cells
        })
    }
}

fn is_plain(cell: &Cell) -> bool {
    (cell.fg, cell.bg, cell.modifier) == (Color::Reset, Color::Reset, Modifier::empty())
}

/// What turns everything off, then on what a cell has.
fn sgr(cell: &Cell) -> String {
    let mut text = String::from("\x1b[0");
    let modifiers = [
        (Modifier::BOLD, 1),
        (Modifier::DIM, 2),
        (Modifier::ITALIC, 3),
        (Modifier::UNDERLINED, 4),
        (Modifier::REVERSED, 7),
    ];
    for (modifier, code) in modifiers {
        if cell.modifier.contains(modifier) {
            let _ = write!(text, ";{code}");
        }
    }
    for (color, words) in [(cell.fg, Sgr::foreground(cell.fg)), (cell.bg, Sgr::background(cell.bg))] {
        if color != Color::Reset {
            let _ = write!(text, ";{words}");
        }
    }
    text.push('m');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(width: u16, draw: impl FnOnce(&mut Buffer)) -> Page {
        let mut buf = Buffer::empty(Rect::new(3, 2, width, 1));
        draw(&mut buf);
        Page(buf)
    }

    #[test]
    fn colours_are_switched_on_and_off_again() {
        let page = page(6, |buf| {
            buf.set_string(4, 2, "ab", Style::new().fg(Color::LightRed).bg(Color::Indexed(7)));
            buf.set_string(6, 2, "c", Style::new().fg(Color::Rgb(1, 2, 3)).add_modifier(Modifier::BOLD));
        });
        assert_eq!(page.colored(), [" \x1b[0;91;48;5;7mab\x1b[0;1;38;2;1;2;3mc\x1b[0m  "]);
        assert_eq!(page.plain(), [" abc"]);
    }

    #[test]
    fn a_wide_character_takes_its_two_cells() {
        let page = page(6, |buf| {
            buf.set_string(3, 2, "猫x", Style::new());
        });
        assert_eq!(page.plain(), ["猫x"]);
    }

    #[test]
    fn without_style_there_is_no_escape() {
        let page = page(6, |buf| {
            buf.set_string(3, 2, "plain", Style::new());
        });
        assert_eq!(page.colored(), ["plain "]);
    }
}
