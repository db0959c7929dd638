//! Curves over steps, in dots, with axes. Fed with columns that hold the extremes of the samples behind them.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_width::UnicodeWidthStr;

use super::{Row, labels_across, put_dots};
use crate::plot::braille::BrailleGrid;
use crate::plot::scale::Axis;
use crate::series::Column;
use crate::view::theme::{ColorDepth, Glyphs, Role, Theme};

/// Width of the labels on the left, the tick mark included.
const LABELS: u16 = 8;

/// How a curve is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// From minimum to maximum of every column, columns joined where they are neighbours.
    Band,
    /// As a line through the last value of every column, over gaps too.
    Line,
}

/// One curve: two columns for each cell of the plot's width.
#[derive(Debug, Clone, Copy)]
pub struct Curve<'a> {
    /// The columns.
    pub columns: &'a [Column],
    /// Its meaning.
    pub role: Role,
    /// Its way of drawing.
    pub mark: Mark,
}

/// A value to compare curves with: a dashed line across the whole chart.
#[derive(Debug, Clone, Copy)]
pub struct Level<'a> {
    /// The value.
    pub value: f64,
    /// What it is.
    pub name: &'a str,
}

/// Something that happened.
#[derive(Debug, Clone, Copy)]
pub struct Event {
    /// Where on the axis across, in the unit of its labels.
    pub at: f64,
    /// Its meaning.
    pub role: Role,
}

/// A chart.
#[derive(Debug)]
pub struct Chart<'a> {
    /// The curves, those in front last. A cell has one colour: that of the frontmost curve in it.
    pub curves: &'a [Curve<'a>],
    /// Lines behind the curves.
    pub levels: &'a [Level<'a>],
    /// What happened on the way, marked at the foot of the chart.
    pub events: &'a [Event],
    /// The value axis.
    pub axis: &'a Axis,
    /// The other axis, in the unit of its labels.
    pub across: &'a Axis,
    /// That unit.
    pub unit: &'a str,
}

impl Chart<'_> {
    /// The place of the dots in an area: what the axes leave.
    pub fn plot_area(area: Rect) -> Rect {
        Rect {
            x: area.x.saturating_add(LABELS).min(area.right()),
            width: area.width.saturating_sub(LABELS),
            height: area.height.saturating_sub(1),
            ..area
        }
    }

    /// How many columns a curve needs for an area.
    pub fn columns(area: Rect) -> usize {
        usize::from(Self::plot_area(area).width) * 2
    }

    /// Draws the chart.
    pub fn render(&self, theme: &Theme, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        let plot = Self::plot_area(area);
        if plot.is_empty() {
            return;
        }
        self.value_labels(theme, plot, buf);
        self.step_labels(theme, area, plot, buf);
        for level in self.levels {
            self.level(level, theme, plot, buf);
        }
        let mut lines = vec![(0, Style::new()); usize::from(plot.width) * usize::from(plot.height)];
        for curve in self.curves {
            self.curve(curve, theme, plot, &mut lines, buf);
        }
        // After the curves: what is not a number must not be hidden by what is.
        for curve in self.curves {
            for (i, _) in curve.columns.iter().enumerate().filter(|(_, column)| column.non_finite > 0) {
                let x = plot.x + (i as u16 / 2).min(plot.width - 1);
                if let Some(cell) = buf.cell_mut((x, plot.bottom() - 1)) {
                    cell.set_symbol(theme.pick("×", "X")).set_style(theme.style(Role::Bad));
                }
            }
        }
        for event in self.events.iter().filter(|event| (self.across.lo()..=self.across.hi()).contains(&event.at)) {
            let place = self.across.index(event.at, usize::from(plot.width)).unwrap_or(0) as u16;
            if let Some(cell) = buf.cell_mut((plot.x + place, plot.bottom() - 1)) {
                cell.set_symbol(theme.pick("▲", "!")).set_style(theme.style(event.role));
            }
        }
        self.level_names(theme, plot, buf);
    }

    /// The row of dots that a value stands in.
    fn dot_row(&self, value: f64, plot: Rect) -> u16 {
        let bottom = f64::from(plot.height * 4 - 1);
        ((1.0 - self.axis.position(value)).clamp(0.0, 1.0) * bottom).round() as u16
    }

    fn level(&self, level: &Level<'_>, theme: &Theme, plot: Rect, buf: &mut Buffer) {
        let row = self.dot_row(level.value, plot);
        let mask = [0b0000_1001, 0b0001_0010, 0b0010_0100, 0b1100_0000][usize::from(row % 4)];
        // Every other cell: dashes.
        for x in (plot.left()..plot.right()).step_by(2) {
            put_dots(theme, buf, x, plot.y + row / 4, mask, theme.style(Role::Dim));
        }
    }

    /// Names at the right end of their lines: above or below where that covers no curve, and never over each other.
    fn level_names(&self, theme: &Theme, plot: Rect, buf: &mut Buffer) {
        // Rows of the names so far, and where those begin.
        let mut taken: Vec<(u16, u16)> = Vec::new();
        for level in self.levels {
            let width = (level.name.width() as u16).min(plot.width);
            let left = plot.right() - width;
            let line = plot.y + self.dot_row(level.value, plot) / 4;
            let dashes = |y: u16| self.levels.iter().any(|other| plot.y + self.dot_row(other.value, plot) / 4 == y);
            let curves = |y: u16, buf: &Buffer| {
                let style = theme.style(Role::Dim);
                let own = |cell: &ratatui::buffer::Cell| {
                    cell.symbol() == " " || (dashes(y) && cell.fg == style.fg.unwrap_or_default())
                };
                (left..plot.right()).filter(|x| !own(&buf[(*x, y)])).count()
            };
            let rows = [line.saturating_sub(1), line + 1, line];
            let free = rows.into_iter().filter(|y| (plot.top()..plot.bottom()).contains(y)).filter(|y| {
                // A row that another line runs through belongs to that line's name.
                !taken.iter().any(|(row, _)| row == y) && (*y == line || !dashes(*y))
            });
            // Where lines lie closer than names are high, names stand side by side on the line.
            let beside = || {
                let begins = taken.iter().filter(|(row, _)| *row == line).map(|(_, left)| *left).min()?;
                Some((line, begins.checked_sub(width + 2).filter(|left| *left >= plot.left())?))
            };
            let Some((row, left)) = free.min_by_key(|y| curves(*y, buf)).map(|row| (row, left)).or_else(beside) else {
                continue;
            };
            taken.push((row, left));
            Row::new(buf, Rect { x: left, y: row, width, height: 1 }, 0).put(level.name, theme.style(Role::Dim));
        }
    }

    fn value_labels(&self, theme: &Theme, plot: Rect, buf: &mut Buffer) {
        let mut last_row = None;
        for tick in self.axis.ticks(usize::from(plot.height / 3).max(2)) {
            let row = ((1.0 - self.axis.position(tick.value)) * f64::from(plot.height - 1)).round() as u16;
            if last_row == Some(row) {
                continue;
            }
            last_row = Some(row);
            let place = Rect { x: plot.x - LABELS, width: LABELS, ..plot };
            let mut line = Row::new(buf, place, row);
            line.put_column(&tick.label, LABELS - 2, theme.style(Role::Dim));
            line.put(theme.pick(" ┤", " |"), theme.style(Role::Frame));
        }
        for y in plot.top()..plot.bottom() {
            if let Some(cell) = buf.cell_mut((plot.x - 1, y))
                && cell.symbol() == " "
            {
                cell.set_symbol(theme.pick("│", "|")).set_style(theme.style(Role::Frame));
            }
        }
    }

    fn step_labels(&self, theme: &Theme, area: Rect, plot: Rect, buf: &mut Buffer) {
        let mut row = Row::new(buf, area, area.height - 1);
        row.put_column(self.unit, LABELS - 1, theme.style(Role::Dim));
        labels_across(self.across, theme, plot, plot.width / 8, &mut row);
    }

    /// Draws a curve. `lines` holds the dots and styles of the lines behind it: a line does not erase those it crosses.
    fn curve(&self, curve: &Curve<'_>, theme: &Theme, plot: Rect, lines: &mut [(u8, Style)], buf: &mut Buffer) {
        let mut grid = BrailleGrid::new(usize::from(plot.width), usize::from(plot.height));
        let bottom = f64::from(plot.height * 4 - 1);
        let row = |value: f32| ((1.0 - self.axis.position(f64::from(value))).clamp(0.0, 1.0) * bottom).round() as i32;
        let mut before: Option<(i32, i32, usize)> = None;
        for (i, column) in curve.columns.iter().enumerate() {
            if column.non_finite > 0 {
                before = None;
            }
            if column.is_gap() {
                continue;
            }
            let x = i as i32;
            if let Some((x0, y0, i0)) = before
                && (curve.mark == Mark::Line || i0 + 1 == i || curve.columns.len() > 2 * curve.samples())
            {
                grid.line(x0, y0, x, row(if curve.mark == Mark::Band { column.first } else { column.last }));
            }
            match curve.mark {
                Mark::Band => grid.line(x, row(column.min), x, row(column.max)),
                Mark::Line => grid.line(x, row(column.last), x, row(column.last)),
            }
            before = Some((x, row(column.last), i));
        }
        let style = theme.style(curve.role);
        // Without colours the band is told from the lines by its density, and one line from the other by its dashes.
        let sieve = match (theme.depth(), curve.mark, curve.role) {
            (ColorDepth::Mono, Mark::Band, _) => 0b0010_1101,
            (ColorDepth::Mono, Mark::Line, Role::Eval) => 0b0100_0111,
            _ => 0xff,
        };
        for (y, line) in (plot.top()..plot.bottom()).enumerate() {
            for (x, column) in (plot.left()..plot.right()).enumerate() {
                let mut dots = grid.cell(x, y) & sieve;
                let mut style = style;
                if curve.mark == Mark::Line && dots != 0 {
                    let (behind, behind_style) = &mut lines[y * usize::from(plot.width) + x];
                    // Where two lines share cells they take turns, so that neither hides the other.
                    if *behind != 0 && x % 2 == 1 {
                        style = *behind_style;
                    }
                    dots |= *behind;
                    (*behind, *behind_style) = (dots, style);
                }
                put_dots(theme, buf, column, line, dots, style);
                // Halves and letters have no room for dashes.
                if let Some(symbol) =
                    Curve::texture(theme, curve.role).filter(|_| dots != 0 && style == theme.style(curve.role))
                    && let Some(cell) = buf.cell_mut((column, line))
                {
                    cell.set_symbol(symbol);
                }
            }
        }
    }
}

impl Curve<'_> {
    /// What cells of a curve hold where neither colours nor dots tell it from the others; none where they do.
    pub fn texture(theme: &Theme, role: Role) -> Option<&'static str> {
        match (theme.glyphs(), theme.depth(), role) {
            (Glyphs::Ascii, _, Role::Eval) => Some("o"),
            (Glyphs::Block, ColorDepth::Mono, Role::Eval) => Some("▒"),
            _ => None,
        }
    }

    /// How many samples a curve is made of.
    fn samples(self) -> usize {
        self.columns.iter().map(|column| column.count as usize).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_are_told_apart_by_more_than_their_colours() {
        for (depth, glyphs) in [
            (ColorDepth::Mono, Glyphs::Ascii),
            (ColorDepth::TrueColor, Glyphs::Ascii),
            (ColorDepth::Mono, Glyphs::Block),
        ] {
            let theme = Theme::new(depth, glyphs);
            let symbol = Curve::texture(&theme, Role::Eval);
            assert!(symbol.is_some() && symbol != Curve::texture(&theme, Role::Accent), "{depth:?} {glyphs:?}");
        }
        assert_eq!(Curve::texture(&Theme::new(ColorDepth::Mono, Glyphs::Braille), Role::Eval), None, "it has dashes");
    }
}
