//! Dot graphics in a cell: braille where there is braille, halves and ASCII where there is not.

use ratatui::buffer::Buffer;
use ratatui::style::{Modifier, Style};

use crate::plot::braille;
use crate::view::theme::{Glyphs, Theme};

/// The dots of the upper half of a braille cell.
const UPPER: u8 = 0b0001_1011;
/// The dots of the lower half.
const LOWER: u8 = 0b1110_0100;

/// Puts a pattern of 2x4 dots (braille bit order) into a cell; an empty pattern leaves the cell alone. Bold and dim of what
/// was there before do not stay.
pub fn put_dots(theme: &Theme, buf: &mut Buffer, x: u16, y: u16, mask: u8, style: Style) {
    if mask == 0 {
        return;
    }
    let Some(cell) = buf.cell_mut((x, y)) else { return };
    let (upper, lower) = (mask & UPPER != 0, mask & LOWER != 0);
    match theme.glyphs() {
        Glyphs::Braille => {
            cell.set_char(braille::char_of(mask));
        }
        Glyphs::Block => {
            cell.set_symbol(match (upper, lower) {
                (true, true) => "█",
                (true, false) => "▀",
                _ => "▄",
            });
        }
        Glyphs::Ascii => {
            cell.set_symbol(match (upper, lower) {
                (true, true) => ":",
                (true, false) => "'",
                _ => ".",
            });
        }
    }
    cell.modifier = Modifier::empty();
    cell.set_style(style);
}
