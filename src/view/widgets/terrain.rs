//! The loss over a plane: a tinted ground, contour lines, and a way over it.

use ndarray::Array2;
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

use super::put_dots;
use crate::plot::braille::{BrailleGrid, DOTS_X, DOTS_Y};
use crate::plot::{contour, grid};
use crate::view::shade::Shade;
use crate::view::theme::{ColorDepth, Glyphs, Role, Theme};

/// A place on the way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TerrainPoint {
    /// Place from the left edge, 0 to 1; beyond that it is outside.
    pub u: f64,
    /// Place from the bottom edge, 0 to 1; beyond that it is outside.
    pub v: f64,
    /// How far along the way, 0 to 1.
    pub share: f32,
}

/// Heights over a plane.
#[derive(Debug, Clone, Copy)]
pub struct Terrain<'a> {
    /// Row 0 at the top. They are shown by their logarithm; what is not finite is left blank.
    pub values: &'a Array2<f32>,
    /// The values at both ends of the colours, above zero.
    pub range: (f32, f32),
    /// Values of the contour lines, ascending.
    pub levels: &'a [f32],
    /// The way, from its start to the present.
    pub path: &'a [TerrainPoint],
}

/// What a cell looks like without tints, from low to high: sparse, so that lines stand out.
const SHADES: [&str; 4] = [" ", " ", "░", "▒"];

impl Terrain<'_> {
    /// The style of the contour lines.
    fn line(theme: &Theme) -> Style {
        theme.style(match (theme.glyphs(), theme.depth()) {
            // As wide as half a cell, so that they must not be bright as well.
            (Glyphs::Block, ColorDepth::Ansi256 | ColorDepth::TrueColor) => Role::Frame,
            // The shades are as dim.
            (_, ColorDepth::Ansi16) => Role::Text,
            _ => Role::Dim,
        })
    }

    /// How many contour lines an area can hold without becoming a mesh.
    pub fn lines(theme: &Theme, area: Rect) -> usize {
        let most = if theme.glyphs() == Glyphs::Block { 6 } else { 12 };
        usize::from((area.height / 2).min(area.width / 6)).clamp(3, most)
    }

    /// The letter for what lies between two contour lines, in ASCII.
    pub fn letter(band: usize) -> char {
        char::from(b'a' + (band.min(25)) as u8)
    }

    /// Draws into `area`.
    pub fn render(&self, theme: &Theme, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        if area.is_empty() || self.values.is_empty() {
            return;
        }
        // Contours and colours by the logarithm, or a steep wall would push all lines into its foot.
        let floor = self.range.0.max(f32::MIN_POSITIVE);
        let logs = self.values.mapv(|value| if value.is_finite() { value.max(floor).ln() } else { f32::NAN });
        self.ground(theme, &logs, area, buf);
        if !theme.ascii() {
            self.contours(theme, &logs, area, buf);
        }
        self.way(theme, area, buf);
    }

    fn ground(&self, theme: &Theme, logs: &Array2<f32>, area: Rect, buf: &mut Buffer) {
        let range = (self.range.0.ln(), self.range.1.ln());
        let halves = theme.has_tints() && !theme.ascii();
        let (columns, rows) = (usize::from(area.width), usize::from(area.height) * if halves { 2 } else { 1 });
        let pixels = grid::resample(logs, columns, rows);
        let level = |value: f32| Shade::Ground.level(value, range);
        let color = |level: Option<u8>| level.map_or(Color::Reset, |level| theme.shade(Shade::Ground, Some(level)));
        for (column, x) in (area.left()..area.right()).enumerate() {
            for (row, y) in (area.top()..area.bottom()).enumerate() {
                let Some(cell) = buf.cell_mut((x, y)) else { continue };
                if halves {
                    let pair = [2 * row, 2 * row + 1].map(|row| level(pixels[(row, column)]));
                    // At the edge of what is known the whole cell is: a contour line through it has no halves.
                    let [above, below] = [pair[0].or(pair[1]), pair[1].or(pair[0])].map(color);
                    if above == below {
                        cell.set_bg(below);
                    } else {
                        cell.set_symbol("▀").set_fg(above).set_bg(below);
                    }
                } else if let Some(level) = level(pixels[(row, column)]) {
                    self.plain(theme, cell, level, pixels[(row, column)]);
                }
            }
        }
    }

    /// A cell of the ground where a cell has one colour.
    fn plain(&self, theme: &Theme, cell: &mut Cell, level: u8, log: f32) {
        if theme.ascii() {
            let band = self.levels.iter().filter(|line| line.ln() <= log).count();
            cell.set_char(Self::letter(band)).set_style(theme.style(Role::Dim));
            if theme.has_tints() {
                cell.set_bg(theme.shade(Shade::Ground, Some(level)));
            }
        } else {
            let step = usize::from(level) * SHADES.len() / (usize::from(Shade::Ground.top()) + 1);
            cell.set_symbol(SHADES[step]).set_style(theme.style(Role::Dim));
        }
    }

    fn contours(&self, theme: &Theme, logs: &Array2<f32>, area: Rect, buf: &mut Buffer) {
        let (columns, rows) = (usize::from(area.width), usize::from(area.height));
        let fine = grid::resample(logs, columns * DOTS_X, rows * DOTS_Y);
        let mut dots = BrailleGrid::new(columns, rows);
        for (x, y) in self.levels.iter().flat_map(|level| contour::crossing(&fine, level.ln())) {
            dots.set(x, y);
        }
        let style = Self::line(theme);
        for (row, y) in (area.top()..area.bottom()).enumerate() {
            for (column, x) in (area.left()..area.right()).enumerate() {
                put_dots(theme, buf, x, y, dots.cell(column, row), style);
            }
        }
    }

    fn way(&self, theme: &Theme, area: Rect, buf: &mut Buffer) {
        let (columns, rows) = (usize::from(area.width), usize::from(area.height));
        let mut dots = BrailleGrid::new(columns, rows);
        let mut newest = vec![f32::NAN; columns * rows];
        let (right, bottom) = ((dots.width() - 1) as f64, (dots.height() - 1) as f64);
        let place =
            |point: &TerrainPoint| ((point.u * right).round() as i32, ((1.0 - point.v) * bottom).round() as i32);
        let known = |point: &TerrainPoint| point.u.is_finite() && point.v.is_finite();
        for pair in self.path.windows(2).filter(|pair| pair.iter().all(known)) {
            let (from, to) = (place(&pair[0]), place(&pair[1]));
            let mut step = BrailleGrid::new(columns, rows);
            step.line(from.0, from.1, to.0, to.1);
            dots.line(from.0, from.1, to.0, to.1);
            // Cells between both ends, which is all that a straight line can touch.
            let span = |a: i32, b: i32, dots: usize, cells: usize| {
                let cell = |dot: i32| (dot.max(0) as usize / dots).min(cells - 1);
                cell(a.min(b))..=cell(a.max(b))
            };
            for row in span(from.1, to.1, DOTS_Y, rows) {
                for column in span(from.0, to.0, DOTS_X, columns) {
                    if step.cell(column, row) != 0 {
                        newest[row * columns + column] = pair[1].share;
                    }
                }
            }
        }
        for (row, y) in (area.top()..area.bottom()).enumerate() {
            for (column, x) in (area.left()..area.right()).enumerate() {
                let (mask, share) = (dots.cell(column, row), newest[row * columns + column]);
                if mask != 0 && theme.glyphs() == Glyphs::Ascii {
                    if let Some(cell) = buf.cell_mut((x, y)) {
                        cell.modifier = Modifier::empty();
                        cell.set_symbol("*").set_style(theme.trail(share));
                    }
                } else {
                    put_dots(theme, buf, x, y, mask, theme.trail(share));
                }
            }
        }
        let inside = |point: &&TerrainPoint| (0.0..=1.0).contains(&point.u) && (0.0..=1.0).contains(&point.v);
        let ends = [
            (self.path.first().filter(inside), theme.pick("○", "o")),
            (self.path.last().filter(inside), theme.pick("●", "@")),
        ];
        for (point, symbol) in ends {
            let Some(point) = point else { continue };
            let (x, y) = place(point);
            let at = (area.x + (x as usize / DOTS_X) as u16, area.y + (y as usize / DOTS_Y) as u16);
            if let Some(cell) = buf.cell_mut(at) {
                cell.modifier = Modifier::empty();
                cell.set_symbol(symbol).set_style(theme.style(Role::Bright).add_modifier(Modifier::BOLD));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RANGE: (f32, f32) = (0.01, 100.0);

    /// Rises from left to right by a decade a column, and was not computed at the right end.
    fn slope() -> Array2<f32> {
        Array2::from_shape_fn((5, 6), |(_, x)| if x == 5 { f32::NAN } else { 10_f32.powi(x as i32 - 2) })
    }

    fn draw(values: &Array2<f32>, path: &[TerrainPoint], theme: &Theme, size: (u16, u16)) -> Buffer {
        let area = Rect::new(0, 0, size.0, size.1);
        let mut buf = Buffer::empty(area);
        Terrain { values, range: RANGE, levels: &[0.1, 1.0, 10.0], path }.render(theme, area, &mut buf);
        buf
    }

    fn at(u: f64, v: f64, share: f32) -> TerrainPoint {
        TerrainPoint { u, v, share }
    }

    fn rows(buf: &Buffer) -> Vec<String> {
        buf.content.chunks(usize::from(buf.area.width)).map(|row| row.iter().map(Cell::symbol).collect()).collect()
    }

    #[test]
    fn letters_count_the_lines_below_and_the_unknown_is_blank() {
        let theme = Theme::new(ColorDepth::Mono, Glyphs::Ascii);
        let path = [at(0.0, 0.0, 0.0), at(0.4, 0.0, 1.0)];
        assert_eq!(rows(&draw(&slope(), &path, &theme, (6, 2))), ["abcdd ", "o*@dd "]);
    }

    #[test]
    fn the_ground_is_the_logarithm_and_lines_lie_on_their_levels() {
        let theme = Theme::new(ColorDepth::TrueColor, Glyphs::Braille);
        let buf = draw(&slope(), &[], &theme, (6, 2));
        let color = |share: f32| theme.shade(Shade::Ground, Some((share * 31.0).round() as u8));
        for (x, share) in [0.0, 0.25, 0.5, 0.75, 1.0].into_iter().enumerate() {
            assert_eq!(buf[(x as u16, 1)].bg, color(share), "column {x}");
        }
        assert_eq!((buf[(5, 1)].bg, buf[(5, 1)].symbol()), (Color::Reset, " "));
        let lines: Vec<bool> = (0..6).map(|x| buf[(x, 0)].symbol() != " " && buf[(x, 0)].symbol() != "▀").collect();
        assert_eq!(lines.iter().filter(|line| **line).count(), 3, "{:?}", rows(&buf));
    }

    #[test]
    fn the_way_brightens_and_its_ends_are_marked() {
        let theme = Theme::new(ColorDepth::TrueColor, Glyphs::Braille);
        let path =
            [at(0.0, 0.5, 0.0), at(0.4, 0.5, 0.3), at(0.99, 0.5, 1.0), at(f64::NAN, 0.5, 1.0), at(1.0, 1.0, 1.0)];
        let buf = draw(&Array2::from_elem((3, 3), 1.0), &path, &theme, (20, 3));
        assert_eq!((buf[(0, 1)].symbol(), buf[(19, 0)].symbol()), ("○", "●"));
        assert_eq!(buf[(4, 1)].style().fg, theme.trail(0.3).fg);
        assert_eq!(buf[(15, 1)].style().fg, theme.trail(1.0).fg);
        // A way that leaves the plane is cut at its edge, and its end is nowhere.
        let away = draw(&Array2::from_elem((3, 3), 1.0), &[at(0.5, 0.5, 0.0), at(9.0, 0.5, 1.0)], &theme, (20, 3));
        assert!(away.content.iter().all(|cell| cell.symbol() != "●"));
        assert_eq!(away[(19, 1)].style().fg, theme.trail(1.0).fg);
    }

    #[test]
    fn any_size_in_any_mode() {
        let path = [at(-1e300, 0.5, f32::NAN), at(1e300, 1e300, 0.5), at(0.5, 0.5, 2.0)];
        for depth in [ColorDepth::Mono, ColorDepth::Ansi16, ColorDepth::Ansi256, ColorDepth::TrueColor] {
            for glyphs in [Glyphs::Ascii, Glyphs::Block, Glyphs::Braille] {
                for size in [(0, 0), (1, 1), (1, 9), (9, 1), (30, 10)] {
                    for values in [slope(), Array2::zeros((0, 0)), Array2::from_elem((1, 1), f32::INFINITY)] {
                        draw(&values, &path, &Theme::new(depth, glyphs), size);
                    }
                }
            }
        }
    }
}
