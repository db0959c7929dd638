//! The last values of a number as a filled area of fixed height.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::put_dots;
use super::sparkline::glyph;
use crate::plot::braille::BITS;
use crate::view::theme::{Glyphs, Role, Theme};

/// Values between zero and a ceiling, the newest at the right edge: two a cell where there is braille, else one. Where there
/// are none yet the ground is drawn, so that the extent is seen.
#[derive(Debug, Clone, Copy)]
pub struct History {
    /// What fills the height.
    pub top: f64,
    /// The meaning of the area.
    pub role: Role,
}

impl History {
    /// How many values are shown in so many columns.
    pub fn capacity(theme: &Theme, columns: u16) -> usize {
        usize::from(columns) * across(theme)
    }

    /// Draws the last of `values` into `area`, as high as it is. A value that is not finite leaves a gap.
    pub fn render(self, values: impl ExactSizeIterator<Item = f64>, theme: &Theme, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        let across = across(theme);
        let capacity = Self::capacity(theme, area.width);
        let surplus = values.len().saturating_sub(capacity);
        let free = capacity.saturating_sub(values.len());
        let mut heights = vec![None; free];
        // The smallest value is told from none at all.
        let full = usize::from(area.height) * if across == 2 { 4 } else { 8 };
        let height =
            |value: f64| value.is_finite().then(|| ((value / self.top).clamp(0.0, 1.0) * full as f64).round() as usize);
        heights.extend(values.skip(surplus).map(|value| height(value).map(|height| height.clamp(1, full.max(1)))));
        for (x, cell) in (area.left()..).zip(heights.chunks(across)) {
            for (row, y) in (area.top()..area.bottom()).rev().enumerate() {
                draw_cell(self.role, cell, row, theme, (x, y), buf);
            }
        }
    }
}

/// Values in a cell.
fn across(theme: &Theme) -> usize {
    if theme.glyphs() == Glyphs::Braille { 2 } else { 1 }
}

/// The part of a cell's values that lies in the row so many above the lowest.
fn draw_cell(role: Role, heights: &[Option<usize>], row: usize, theme: &Theme, (x, y): (u16, u16), buf: &mut Buffer) {
    let is_ground = row == 0 && heights.iter().all(Option::is_none);
    let style = theme.style(if is_ground { Role::Frame } else { role });
    if heights.len() == 2 {
        let mut mask = if is_ground { BITS[3][0] | BITS[3][1] } else { 0 };
        for (column, height) in heights.iter().enumerate() {
            let filled = height.unwrap_or(0).saturating_sub(4 * row).min(4);
            mask |= (4 - filled..4).fold(0, |mask, dot| mask | BITS[dot][column]);
        }
        put_dots(theme, buf, x, y, mask, style);
        return;
    }
    let height = if is_ground { 1 } else { heights.first().copied().flatten().unwrap_or(0) };
    let filled = height.saturating_sub(8 * row).min(8);
    if filled > 0
        && let Some(cell) = buf.cell_mut((x, y))
    {
        cell.set_symbol(glyph(theme, filled)).set_style(style);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::theme::ColorDepth;

    fn draw(values: &[f64], glyphs: Glyphs, width: u16, height: u16) -> Vec<String> {
        let area = Rect::new(0, 0, width, height);
        let mut buf = Buffer::empty(area);
        let theme = Theme::new(ColorDepth::TrueColor, glyphs);
        History { top: 100.0, role: Role::Accent }.render(values.iter().copied(), &theme, area, &mut buf);
        (0..height).map(|y| (0..width).map(|x| buf[(x, y)].symbol().to_owned()).collect()).collect()
    }

    #[test]
    fn two_values_share_a_cell_of_braille_and_the_newest_is_at_the_right() {
        assert_eq!(draw(&[100.0, 50.0], Glyphs::Braille, 2, 1), ["⣀⣧"]);
        assert_eq!(draw(&[9.0, 50.0, 0.0, 100.0], Glyphs::Braille, 1, 2), ["⢸", "⣸"], "what does not fit is left out");
    }

    #[test]
    fn the_scale_is_fixed_and_rows_stand_on_each_other() {
        assert_eq!(draw(&[0.0, 50.0, 100.0, 900.0], Glyphs::Block, 5, 1), ["▁▁▄██"]);
        assert_eq!(draw(&[25.0, 75.0], Glyphs::Block, 2, 2), [" ▄", "▄█"]);
        assert_eq!(draw(&[0.0, 100.0], Glyphs::Ascii, 3, 1), ["__#"]);
    }

    #[test]
    fn what_is_no_number_is_a_gap() {
        assert_eq!(draw(&[50.0, f64::NAN, 50.0], Glyphs::Block, 3, 1), ["▄▁▄"]);
        assert!(draw(&[1.0], Glyphs::Braille, 0, 0).is_empty());
    }
}
