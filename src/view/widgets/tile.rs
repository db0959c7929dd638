//! A picture of values, two pixels a cell.

use ndarray::{Array2, ArrayView2};
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};

use crate::plot::ascii;
use crate::plot::raster::{self, raster};
use crate::view::shade::Shade;
use crate::view::theme::{ColorDepth, Glyphs, Role, Theme};

/// Values as a picture. Where there are colours a cell holds two pixels, one above the other, which are then about square;
/// elsewhere it holds their mean, as a block's density or a letter.
#[derive(Debug, Clone, Copy)]
pub struct Tile<'a> {
    /// Shape (rows, columns), row 0 at the top. What is not finite is marked.
    pub values: ArrayView2<'a, f32>,
    /// What the values look like.
    pub colors: Shade,
    /// The values at both ends of the colours; what lies outside is drawn as the nearer of them.
    pub range: (f32, f32),
}

/// The densities of a cell in one colour.
const DENSITIES: [&str; 5] = [" ", "░", "▒", "▓", "█"];

impl Tile<'_> {
    /// Columns and rows of cells that a picture of so many rows and columns of values takes in a room of `(columns, rows)`
    /// cells, with square pixels: enlarged by a whole number, or shrunk to fit. At least one cell, unless there is no room.
    pub fn fit(size: [usize; 2], room: (u16, u16)) -> (u16, u16) {
        raster::fit(size, room)
    }

    /// Draws into `area`, all of it. An odd number of pixels that would fit but for half a cell keeps its shape: the lower
    /// half of the last row of cells then stays free.
    pub fn render(&self, theme: &Theme, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        if area.is_empty() || self.values.is_empty() {
            return;
        }
        let halves = theme.has_tints() && !theme.ascii();
        let pixels = Self::pixels(self.values, area, halves);
        for (column, x) in (area.left()..area.right()).enumerate() {
            for (row, y) in (area.top()..area.bottom()).enumerate() {
                let Some(cell) = buf.cell_mut((x, y)) else { continue };
                cell.reset();
                if halves {
                    let lower = pixels.get((2 * row + 1, column)).copied();
                    self.two(theme, cell, pixels[(2 * row, column)], lower);
                } else {
                    self.one(theme, cell, pixels[(row, column)]);
                }
            }
        }
    }

    /// The pixels that values take in a place with room, two a cell above each other or one.
    pub(super) fn pixels(values: ArrayView2<'_, f32>, area: Rect, halves: bool) -> Array2<f32> {
        let rows = usize::from(area.height) * if halves { 2 } else { 1 };
        let height = values.nrows();
        let spare = halves && !rows.is_multiple_of(height) && (rows - 1).is_multiple_of(height);
        raster(values, usize::from(area.width), rows - usize::from(spare))
    }

    fn two(&self, theme: &Theme, cell: &mut Cell, upper: f32, lower: Option<f32>) {
        let color = |value: f32| theme.shade(self.colors, self.colors.level(value, self.range));
        let (above, below) = (color(upper), lower.map_or(Color::Reset, color));
        let missing = !upper.is_finite() && lower.is_none_or(|lower| !lower.is_finite());
        if missing && lower.is_some() {
            cell.set_symbol("×").set_style(theme.style(Role::Bad)).set_fg(theme.over(Role::Bad, above)).set_bg(above);
        } else if above == below {
            cell.set_bg(above);
        } else {
            cell.set_symbol("▀").set_fg(above).set_bg(below);
        }
    }

    fn one(&self, theme: &Theme, cell: &mut Cell, value: f32) {
        let Some(level) = self.colors.level(value, self.range) else {
            cell.set_symbol(theme.pick("×", "?")).set_style(theme.style(Role::Bad));
            return;
        };
        let top = self.colors.top();
        let share = f32::from(level) / f32::from(top);
        // With colours a sign is one, and the density is the distance from zero; without, the density is the value.
        let signed = self.colors == Shade::Diverging && theme.depth() > ColorDepth::Mono;
        let density = if signed { (2.0 * share - 1.0).abs() } else { share };
        let style = match theme.depth() {
            ColorDepth::Mono => Style::new(),
            _ if signed => Style::new().fg(theme.solid(usize::from(2 * level > top))),
            _ => theme.style(Role::Text),
        };
        if theme.glyphs() == Glyphs::Ascii {
            cell.set_char(ascii::ramp(density)).set_style(style);
        } else {
            let step = (density * (DENSITIES.len() - 1) as f32).round() as usize;
            cell.set_symbol(DENSITIES[step]).set_style(style);
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::plot::Rgb;

    const UNIT: (f32, f32) = (0.0, 1.0);

    fn draw(values: &Array2<f32>, colors: Shade, range: (f32, f32), size: (u16, u16), theme: &Theme) -> Buffer {
        let area = Rect::new(0, 0, size.0, size.1);
        let mut buf = Buffer::empty(area);
        buf.content.iter_mut().for_each(|cell| {
            cell.set_symbol("x");
        });
        Tile { values: values.view(), colors, range }.render(theme, area, &mut buf);
        buf
    }

    fn theme(depth: ColorDepth, glyphs: Glyphs) -> Theme {
        Theme::new(depth, glyphs)
    }

    /// The colours of both pixels of every cell, as a picture of twice as many rows.
    fn pixels(buf: &Buffer) -> Array2<Color> {
        Array2::from_shape_fn((usize::from(buf.area.height) * 2, usize::from(buf.area.width)), |(y, x)| {
            let cell = &buf[(x as u16, (y / 2) as u16)];
            if y % 2 == 0 && cell.symbol() == "▀" { cell.fg } else { cell.bg }
        })
    }

    #[test]
    fn what_is_drawn_decodes_to_the_values() {
        // As tall as wide, not square, with an odd number of rows, and enlarged.
        for (rows, columns, times) in [(26, 26, 1), (12, 20, 1), (13, 13, 1), (1, 9, 2), (3, 5, 2), (5, 4, 3)] {
            let values = Array2::from_shape_fn((rows, columns), |(y, x)| ((y * 31 + x * 17) % 29) as f32 / 28.0);
            let size = ((columns * times) as u16, (rows * times).div_ceil(2) as u16);
            let buf = draw(&values, Shade::Grey, UNIT, size, &theme(ColorDepth::TrueColor, Glyphs::Block));
            for ((y, x), color) in pixels(&buf).indexed_iter() {
                if y >= rows * times {
                    assert_eq!(*color, Color::Reset, "half a cell stays free");
                    continue;
                }
                let Color::Rgb(grey, green, blue) = *color else { panic!("{color:?} is no grey") };
                assert_eq!((grey, grey), (green, blue));
                let value = values[(y / times, x / times)];
                let off = (f32::from(grey) / 255.0 - value).abs();
                assert!(off <= 0.5 / 31.0 + 0.5 / 255.0, "{off} at {y}, {x} of {rows}x{columns}");
            }
        }
    }

    #[test]
    fn ends_have_the_colours_of_the_ends() {
        let values = array![[-3.0, -2.0, 0.0, 2.0, 9.0]];
        for (colors, ends) in [
            (Shade::Viridis, [Rgb(0x44, 0x01, 0x54), Rgb(0xfd, 0xe7, 0x25)]),
            (Shade::Diverging, [Rgb(0xf5, 0x92, 0x2f), Rgb(0x4a, 0x90, 0xd9)]),
        ] {
            let buf = draw(&values, colors, (-2.0, 2.0), (5, 1), &theme(ColorDepth::TrueColor, Glyphs::Braille));
            let at = |x: u16| buf[(x, 0)].bg;
            let [low, high] = ends.map(|Rgb(r, g, b)| Color::Rgb(r, g, b));
            assert_eq!([at(0), at(1), at(3), at(4)], [low, low, high, high], "{colors:?}");
        }
    }

    #[test]
    fn without_half_blocks_a_cell_is_the_mean_of_two_pixels() {
        let values = array![[0.0, 0.5, 1.0], [0.0, 0.5, 1.0]];
        for (depth, glyphs, expected) in [
            (ColorDepth::Mono, Glyphs::Block, " ▒█"),
            (ColorDepth::Ansi16, Glyphs::Braille, " ▒█"),
            (ColorDepth::TrueColor, Glyphs::Ascii, " +@"),
            (ColorDepth::Mono, Glyphs::Ascii, " +@"),
        ] {
            let buf = draw(&values, Shade::Viridis, UNIT, (3, 1), &theme(depth, glyphs));
            let text: String = buf.content.iter().map(Cell::symbol).collect();
            assert_eq!(text, expected, "{depth:?} {glyphs:?}");
        }
    }

    #[test]
    fn signs_can_be_told_apart_in_every_mode() {
        for depth in [ColorDepth::Mono, ColorDepth::Ansi16, ColorDepth::Ansi256, ColorDepth::TrueColor] {
            for glyphs in [Glyphs::Ascii, Glyphs::Block] {
                let buf = draw(&array![[-1.0, 0.0, 1.0]], Shade::Diverging, (-1.0, 1.0), (3, 1), &theme(depth, glyphs));
                assert!(buf[(0, 0)] != buf[(2, 0)] && buf[(0, 0)] != buf[(1, 0)], "{depth:?} {glyphs:?}");
            }
        }
    }

    #[test]
    fn what_is_not_finite_is_marked_and_a_constant_is_flat() {
        for depth in [ColorDepth::Mono, ColorDepth::Ansi16, ColorDepth::Ansi256, ColorDepth::TrueColor] {
            for glyphs in [Glyphs::Ascii, Glyphs::Block] {
                let theme = theme(depth, glyphs);
                let odd = array![[0.0, f32::NAN], [0.0, f32::INFINITY]];
                let mark = if glyphs == Glyphs::Ascii { "?" } else { "×" };
                assert_eq!(draw(&odd, Shade::Grey, UNIT, (2, 1), &theme)[(1, 0)].symbol(), mark, "{depth:?}");
                let flat = draw(&Array2::zeros((4, 4)), Shade::Viridis, (0.0, 0.0), (4, 2), &theme);
                assert!(flat.content.iter().all(|cell| cell == &flat.content[0] && cell.symbol() == " "), "{depth:?}");
            }
        }
    }

    #[test]
    fn without_colours_nothing_is_coloured() {
        for glyphs in [Glyphs::Ascii, Glyphs::Block, Glyphs::Braille] {
            for colors in [Shade::Viridis, Shade::Grey, Shade::Diverging] {
                let buf = draw(&array![[0.0, 1.0]], colors, UNIT, (2, 1), &theme(ColorDepth::Mono, glyphs));
                assert!(buf.content.iter().all(|cell| (cell.fg, cell.bg) == (Color::Reset, Color::Reset)));
            }
        }
    }

    #[test]
    fn any_size_into_any_room() {
        let theme = theme(ColorDepth::TrueColor, Glyphs::Braille);
        for (rows, columns) in [(0, 0), (1, 1), (3, 7), (64, 2)] {
            let values = Array2::zeros((rows, columns));
            for size in [(0, 0), (1, 1), (1, 9), (9, 1), (20, 5)] {
                let buf = draw(&values, Shade::Grey, UNIT, size, &theme);
                assert!(values.is_empty() || buf.content.iter().all(|cell| cell.symbol() != "x"), "all is painted");
            }
        }
        let mut buf = Buffer::empty(Rect::new(0, 0, 3, 3));
        let values = Array2::zeros((2, 2));
        let tile = Tile { values: values.view(), colors: Shade::Grey, range: UNIT };
        tile.render(&theme, Rect::new(2, 2, 40, 40), &mut buf);
        tile.render(&theme, Rect::new(9, 9, 2, 2), &mut buf);
    }
}
