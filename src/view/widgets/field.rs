//! A probability over the plane: dots whose density is the confidence, tint, contour, and the data on top.

use ndarray::Array2;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

use super::put_dots;
use crate::app::BoundaryStyle;
use crate::plot::{braille::BrailleGrid, contour, dither, grid};
use crate::view::palette::Ground;
use crate::view::theme::{ColorDepth, Glyphs, Role, TINT_LEVELS, Theme};

/// A sample on the plane.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FieldPoint {
    /// Place from the left edge, 0 to 1.
    pub u: f64,
    /// Place from the bottom edge, 0 to 1.
    pub v: f64,
    /// Its class, 0 or 1.
    pub class: u32,
    /// Whether it is taken for the other class.
    pub wrong: bool,
}

/// The probability of class 1 over the plane.
#[derive(Debug, Clone, Copy)]
pub struct Field<'a> {
    /// Values in 0..=1, row 0 at the top. A value that is not a number is left blank.
    pub values: &'a Array2<f32>,
    /// The data.
    pub points: &'a [FieldPoint],
    /// The way of drawing.
    pub style: BoundaryStyle,
}

impl Field<'_> {
    /// Draws into `area`.
    pub fn render(&self, theme: &Theme, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        if area.is_empty() || self.values.is_empty() {
            return;
        }
        let (width, height) = (usize::from(area.width) * 2, usize::from(area.height) * 4);
        let dots = grid::resample(self.values, width, height);
        let cells = grid::resample(self.values, usize::from(area.width), usize::from(area.height));
        let contours = Contours::of(&dots, self.style, area);
        for (row, y) in (area.top()..area.bottom()).enumerate() {
            for (column, x) in (area.left()..area.right()).enumerate() {
                let p = cells[(row, column)];
                if p.is_finite() {
                    self.ground(theme, buf, (x, y), p, &Patch { dots: &dots, row, column });
                }
                let (middle, outer) = (contours.middle.cell(column, row), contours.outer.cell(column, row));
                if middle | outer != 0 {
                    contour_cell(theme, buf, (x, y), if middle != 0 { middle } else { outer }, middle != 0);
                }
            }
        }
        self.data(theme, area, buf);
    }

    fn ground(&self, theme: &Theme, buf: &mut Buffer, at: (u16, u16), p: f32, patch: &Patch<'_>) {
        let class = usize::from(p > 0.5);
        let confidence = (2.0 * p - 1.0).abs();
        let level = (confidence * TINT_LEVELS as f32).round() as usize;
        let tinted = theme.has_tints() && self.style != BoundaryStyle::Dots;
        if tinted && let Some(cell) = buf.cell_mut(at) {
            cell.set_bg(
                theme.tint(class, if self.style == BoundaryStyle::Tint { level * 2 } else { level }.min(TINT_LEVELS)),
            );
        }
        if tinted && self.style == BoundaryStyle::Tint {
            return;
        }
        if theme.glyphs() == Glyphs::Braille {
            let mask = patch.mask(theme.depth() == ColorDepth::Mono, class);
            // On a tint the dots recede, so that the data stands out; alone they carry the picture.
            let color = if tinted { dot_color(theme, class, level) } else { solid_color(theme, class) };
            put_dots(theme, buf, at.0, at.1, mask, Style::new().fg(color));
        } else if let Some(cell) = buf.cell_mut(at) {
            let symbol = if theme.ascii() { ascii_ground(class, confidence) } else { shade(confidence) };
            cell.set_symbol(symbol).set_fg(dot_color(theme, class, level));
        }
    }

    fn data(&self, theme: &Theme, area: Rect, buf: &mut Buffer) {
        // Those that are wrong are drawn last: one of them must not hide behind one that is right.
        let (wrong, right): (Vec<&FieldPoint>, Vec<&FieldPoint>) = self.points.iter().partition(|point| point.wrong);
        for point in right.into_iter().chain(wrong) {
            if !(0.0..=1.0).contains(&point.u) || !(0.0..=1.0).contains(&point.v) {
                continue;
            }
            let x = area.x + (point.u * f64::from(area.width - 1)).round() as u16;
            let y = area.y + ((1.0 - point.v) * f64::from(area.height - 1)).round() as u16;
            let class = point.class as usize;
            let Some(cell) = buf.cell_mut((x, y)) else { continue };
            cell.modifier = Modifier::empty();
            if point.wrong {
                cell.set_symbol(theme.pick("✕", "X")).set_style(theme.style(Role::Bad));
            } else {
                let symbol = if class == 0 { theme.pick("○", "o") } else { theme.pick("●", "*") };
                let bold = if theme.depth() <= ColorDepth::Ansi16 { Modifier::BOLD } else { Modifier::empty() };
                cell.set_symbol(symbol).set_style(Style::new().fg(theme.point(class)).add_modifier(bold));
            }
        }
    }
}

/// Confidence below which nothing is drawn where there is no colour.
const UNSURE: f32 = 0.4;

/// The dots of one cell.
struct Patch<'a> {
    dots: &'a Array2<f32>,
    row: usize,
    column: usize,
}

impl Patch<'_> {
    /// Braille dots lit by ordered dithering of the confidence. Where there is no colour class 0 has only every other row
    /// of dots, and the unsure stay dark, so that the contour stands out from both.
    fn mask(&self, mono: bool, class: usize) -> u8 {
        let mut mask = BrailleGrid::new(1, 1);
        for dy in 0..4 {
            for dx in 0..2 {
                let (x, y) = (self.column * 2 + dx, self.row * 4 + dy);
                let p = self.dots[(y, x)];
                let sure = (2.0 * p - 1.0).abs();
                let level = if mono { (sure - UNSURE) / (1.0 - UNSURE) } else { sure };
                let striped = mono && class == 0 && dy % 2 == 1;
                if p.is_finite() && !striped && dither::dither_on(x, y, level) {
                    mask.set(dx, dy);
                }
            }
        }
        mask.cell(0, 0)
    }
}

struct Contours {
    middle: BrailleGrid,
    outer: BrailleGrid,
}

impl Contours {
    fn of(dots: &Array2<f32>, style: BoundaryStyle, area: Rect) -> Self {
        let (columns, rows) = (usize::from(area.width), usize::from(area.height));
        let trace = |levels: &[f32]| {
            let mut grid = BrailleGrid::new(columns, rows);
            for (x, y) in levels.iter().flat_map(|level| contour::crossing(dots, *level)) {
                grid.set(x, y);
            }
            grid
        };
        let outer: &[f32] = if style == BoundaryStyle::Tint { &[0.1, 0.9] } else { &[] };
        Self { middle: trace(&[0.5]), outer: trace(outer) }
    }
}

fn contour_cell(theme: &Theme, buf: &mut Buffer, (x, y): (u16, u16), mask: u8, middle: bool) {
    let style = match (middle, theme.depth()) {
        (true, ColorDepth::Mono) => theme.style(Role::Text).add_modifier(Modifier::BOLD),
        (true, _) => theme.style(Role::Bright),
        (false, _) => theme.style(Role::Dim),
    };
    if theme.ascii() {
        if let Some(cell) = buf.cell_mut((x, y)) {
            cell.set_symbol(if middle { "%" } else { "," }).set_style(style);
        }
    } else {
        put_dots(theme, buf, x, y, mask, style);
    }
}

fn solid_color(theme: &Theme, class: usize) -> Color {
    match theme.depth() {
        ColorDepth::Ansi256 | ColorDepth::TrueColor => theme.solid(class),
        ColorDepth::Mono | ColorDepth::Ansi16 => dot_color(theme, class, TINT_LEVELS),
    }
}

fn dot_color(theme: &Theme, class: usize, level: usize) -> Color {
    match theme.depth() {
        ColorDepth::Mono => Color::Reset,
        ColorDepth::Ansi16 if theme.ground() == Ground::Light => [Color::Red, Color::Blue][class],
        ColorDepth::Ansi16 => [Color::Yellow, Color::Blue][class],
        ColorDepth::Ansi256 | ColorDepth::TrueColor => theme.dot(class, level),
    }
}

/// Letters of two different kinds, so that the classes differ without colour.
fn ascii_ground(class: usize, confidence: f32) -> &'static str {
    const CLASS_0: [&str; 4] = [" ", ".", "-", "="];
    if class == 0 {
        CLASS_0[((confidence * 4.0) as usize).min(3)]
    } else {
        const CLASS_1: [&str; 4] = [" ", ".", ":", "#"];
        CLASS_1[((confidence * 4.0) as usize).min(3)]
    }
}

fn shade(confidence: f32) -> &'static str {
    [" ", "░", "▒", "▓"][((confidence * 4.0) as usize).min(3)]
}
