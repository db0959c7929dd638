//! A part of a picture, outlined.

use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::view::theme::{Role, Theme};

/// Rows and columns of a picture that a [`super::Tile`] shows, to be outlined. They may reach beyond its edges.
#[derive(Debug, Clone)]
pub struct Outline {
    /// Rows and columns of the whole picture.
    pub size: [usize; 2],
    /// From the top.
    pub rows: Range<isize>,
    /// From the left.
    pub columns: Range<isize>,
    /// The meaning of the line.
    pub role: Role,
}

impl Outline {
    /// Draws a line around the part, of one pixel or one cell, over the picture drawn in `area`. It runs outside of the
    /// part, where the picture leaves room for that.
    pub fn render(&self, theme: &Theme, area: Rect, buf: &mut Buffer) {
        let halves = theme.has_tints() && !theme.ascii();
        let times = if halves { 2 } else { 1 };
        let (width, height) = (i64::from(area.width), i64::from(area.height) * times);
        let ends = |range: &Range<isize>, size: usize, pixels: i64| {
            let size = size.max(1) as i64;
            let start = (range.start as i64 * pixels).div_euclid(size) - 1;
            // Rounded up, so that no part of a pixel is left out; that is where the line runs.
            let end = -(-(range.end as i64 * pixels)).div_euclid(size);
            (start.max(0), end.min(pixels - 1))
        };
        let (top, bottom) = ends(&self.rows, self.size[0], height);
        let (left, right) = ends(&self.columns, self.size[1], width);
        if top > bottom || left > right {
            return;
        }
        let sides = (top..=bottom).flat_map(|y| [(left, y), (right, y)]);
        let mut ring: Vec<_> = (left..=right).flat_map(|x| [(x, top), (x, bottom)]).chain(sides).collect();
        // Once each: the colour depends on what is there.
        ring.sort_unstable();
        ring.dedup();
        let style = theme.style(self.role);
        for (x, y) in ring {
            let at = (area.x.saturating_add(x as u16), area.y.saturating_add((y / times) as u16));
            let Some(cell) = buf.cell_mut(at) else { continue };
            if halves {
                // A cell of one colour has it as its background.
                if cell.symbol() != "▀" {
                    let ground = cell.bg;
                    cell.set_symbol("▀").set_fg(ground);
                }
                let color = theme.over(self.role, if y % 2 == 0 { cell.fg } else { cell.bg });
                if y % 2 == 0 {
                    cell.set_fg(color)
                } else {
                    cell.set_bg(color)
                };
            } else {
                let corner = (x == left || x == right) && (y == top || y == bottom);
                let line = if y == top || y == bottom { theme.pick("─", "-") } else { theme.pick("│", "|") };
                cell.set_symbol(if corner { theme.pick("┼", "+") } else { line }).set_style(style);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;
    use ratatui::style::Color;

    use super::*;
    use crate::view::shade::Shade;
    use crate::view::theme::{ColorDepth, Glyphs};
    use crate::view::widgets::Tile;

    fn draw(rows: Range<isize>, columns: Range<isize>, theme: &Theme, area: Rect) -> Buffer {
        let mut buf = Buffer::empty(Rect::new(0, 0, 8, 4));
        let values = Array2::zeros((8, 8));
        Tile { values: values.view(), colors: Shade::Grey, range: (0.0, 1.0) }.render(theme, area, &mut buf);
        Outline { size: [8, 8], rows, columns, role: Role::Accent }.render(theme, area, &mut buf);
        buf
    }

    #[test]
    fn the_line_runs_around_the_part() {
        let theme = Theme::new(ColorDepth::TrueColor, Glyphs::Block);
        let accent = theme.style(Role::Accent).fg.unwrap();
        let buf = draw(3..5, 2..4, &theme, Rect::new(0, 0, 8, 4));
        let lit = |x: u16, y: u16| if y.is_multiple_of(2) { buf[(x, y / 2)].fg } else { buf[(x, y / 2)].bg } == accent;
        let picture: Vec<String> =
            (0..8).map(|y| (0..8).map(|x| if lit(x, y) { '#' } else { '.' }).collect()).collect();
        assert_eq!(
            picture,
            ["........", "........", ".####...", ".#..#...", ".#..#...", ".####...", "........", "........"]
        );
        assert_ne!(buf[(2, 1)].bg, Color::Reset, "what lies inside stays");
    }

    #[test]
    fn a_part_at_the_edge_is_outlined_on_it() {
        let theme = Theme::new(ColorDepth::Mono, Glyphs::Ascii);
        let buf = draw(-1..2, -1..2, &theme, Rect::new(0, 0, 8, 4));
        let text: Vec<String> = (0..4).map(|y| (0..8).map(|x| buf[(x, y)].symbol()).collect()).collect();
        assert_eq!(text, ["+-+     ", "+-+     ", "        ", "        "]);
    }

    #[test]
    fn parts_and_places_outside_draw_nothing_there() {
        let theme = Theme::new(ColorDepth::TrueColor, Glyphs::Block);
        for area in [Rect::ZERO, Rect::new(0, 0, 1, 1), Rect::new(7, 3, 8, 4)] {
            draw(0..8, 0..8, &theme, area);
            draw(90..99, -7..-3, &theme, area);
        }
    }
}
