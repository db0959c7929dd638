//! Distributions over time, one behind the other, the newest in front.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::put_dots;
use crate::plot::braille::{BrailleGrid, DOTS_X, DOTS_Y};
use crate::view::theme::{Glyphs, Theme};

/// Rows of dots from one ridge to the next, at the least, where there are eight dots in a cell, and elsewhere.
const APART: [usize; 2] = [3, 8];
/// What the front ridge has of the height, in percent.
const FRONT: usize = 45;

/// Ridge lines.
#[derive(Debug, Clone, Copy)]
pub struct Ridges<'a> {
    /// Heights of each, 0 to 1, the oldest first; each of as many as there are columns of dots.
    pub ridges: &'a [Vec<f64>],
}

impl Ridges<'_> {
    /// How many ridges a place has room for, and how many heights each needs.
    pub fn room(theme: &Theme, area: Rect) -> (usize, usize) {
        let apart = APART[usize::from(theme.glyphs() != Glyphs::Braille)];
        let rows = usize::from(area.height) * DOTS_Y;
        ((rows - front(rows)) / apart + 1, usize::from(area.width) * DOTS_X)
    }

    /// Draws into `area`: the oldest at the top, what is behind another hidden by it.
    pub fn render(&self, theme: &Theme, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        if area.is_empty() || self.ridges.is_empty() {
            return;
        }
        let (columns, rows) = (usize::from(area.width), usize::from(area.height));
        let height = rows * DOTS_Y;
        let high = front(height).saturating_sub(1);
        let last = self.ridges.len() - 1;
        let mut owners: Vec<Option<usize>> = vec![None; columns * rows];
        let mut dots = BrailleGrid::new(columns, rows);
        // From the front to the back: what is above everything before it is seen, the rest is hidden.
        let mut horizon = vec![height; columns * DOTS_X];
        for (index, ridge) in self.ridges.iter().enumerate().rev() {
            let base = ((height - 1 - high) * index).checked_div(last).map_or(height - 1, |down| high + down);
            let top = |height: f64| base - (height.clamp(0.0, 1.0) * high as f64).round() as usize;
            let mut before = None;
            for (x, seen) in horizon.iter_mut().enumerate() {
                let y = top(ridge.get(x).copied().unwrap_or(0.0));
                // Steep flanks are joined.
                let (first, last) =
                    before.map_or((y, y), |before: usize| (y.min(before + 1), y.max(before.saturating_sub(1))));
                before = Some(y);
                for y in (first..=last).filter(|y| y < seen) {
                    dots.set(x, y);
                    owners[y / DOTS_Y * columns + x / DOTS_X].get_or_insert(index);
                }
                *seen = (*seen).min(first);
            }
        }
        for (row, y) in (area.top()..area.bottom()).enumerate() {
            for (column, x) in (area.left()..area.right()).enumerate() {
                let Some(owner) = owners[row * columns + column] else { continue };
                let share = if last == 0 { 1.0 } else { owner as f32 / last as f32 };
                put_dots(theme, buf, x, y, dots.cell(column, row), theme.trail(share));
            }
        }
    }
}

fn front(rows: usize) -> usize {
    (rows * FRONT / 100).max(1).min(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::theme::ColorDepth;

    fn draw(ridges: &[Vec<f64>], size: (u16, u16), theme: &Theme) -> Buffer {
        let area = Rect::new(0, 0, size.0, size.1);
        let mut buf = Buffer::empty(area);
        Ridges { ridges }.render(theme, area, &mut buf);
        buf
    }

    /// The lit dots as a picture.
    fn dots(buf: &Buffer) -> Vec<String> {
        let lit = |x: u16, y: u16| {
            let symbol = buf[(x / 2, y / 4)].symbol().chars().next().unwrap_or(' ');
            let mask = if symbol == ' ' { 0 } else { symbol as u32 - 0x2800 } as u8;
            mask & crate::plot::braille::BITS[usize::from(y % 4)][usize::from(x % 2)] != 0
        };
        let row = |y| (0..buf.area.width * 2).map(|x| if lit(x, y) { '#' } else { '.' }).collect();
        (0..buf.area.height * 4).map(row).collect()
    }

    #[test]
    fn the_newest_is_in_front_and_hides_what_is_behind() {
        let theme = Theme::new(ColorDepth::TrueColor, Glyphs::Braille);
        // Two rows of cells: the front ridge is 3 dots high, so that two are 5 dots apart at the most.
        let flat = vec![0.0; 4];
        let peak = vec![0.0, 1.0, 1.0, 0.0];
        let buf = draw(&[peak.clone(), flat.clone()], (2, 2), &theme);
        assert_eq!(dots(&buf), [".##.", ".#.#", "#..#", "....", "....", "....", "....", "####"]);
        assert_eq!(buf[(0, 0)].style().fg, theme.trail(0.0).fg);
        assert_eq!(buf[(0, 1)].style().fg, theme.trail(1.0).fg);
        let same = draw(&[flat.clone(), flat, peak], (2, 1), &theme);
        assert!(dots(&same)[3].starts_with('#'), "{:?}", dots(&same));
    }

    #[test]
    fn any_number_into_any_room() {
        for glyphs in [Glyphs::Ascii, Glyphs::Block, Glyphs::Braille] {
            for size in [(0, 0), (1, 1), (9, 1), (1, 9), (20, 8)] {
                let (most, bins) = Ridges::room(&Theme::new(ColorDepth::Mono, glyphs), Rect::new(0, 0, size.0, size.1));
                for count in [0, 1, 2, most, 100] {
                    let ridges = vec![vec![0.5; bins]; count];
                    draw(&ridges, size, &Theme::new(ColorDepth::Mono, glyphs));
                }
                draw(&[vec![f64::NAN, f64::INFINITY, -1.0]], size, &Theme::new(ColorDepth::Ansi16, glyphs));
            }
        }
    }
}
