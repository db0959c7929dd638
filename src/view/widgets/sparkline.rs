//! The most recent values as a row of bars.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::view::theme::{Role, Theme};

/// Bars of eighths of a cell; ASCII has four heights.
const EIGHTHS: [&str; 9] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
const ASCII: [&str; 9] = [" ", "_", "_", ".", ".", "-", "-", "#", "#"];

/// What fills so many eighths of a cell.
pub(super) fn glyph(theme: &Theme, eighths: usize) -> &'static str {
    let glyphs = if theme.ascii() { ASCII } else { EIGHTHS };
    glyphs[eighths.min(8)]
}

/// One bar a value, the newest at the right edge. Values that do not fit on the left are left out; one that is not
/// finite is marked and does not count for the scale.
#[derive(Debug, Clone, Copy)]
pub struct Sparkline<'a> {
    /// The values, oldest first.
    pub values: &'a [f64],
    /// The meaning of the bars.
    pub role: Role,
}

impl Sparkline<'_> {
    /// Draws into `area`, as high as it is.
    pub fn render(self, theme: &Theme, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        let shown = &self.values[self.values.len().saturating_sub(usize::from(area.width))..];
        let finite = || shown.iter().copied().filter(|v| v.is_finite());
        let (lo, hi) = (finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max));
        // A single row never fills up, or it would run into the one above.
        let top = if area.height == 1 { 7 } else { area.height * 8 };
        let left = area.right() - shown.len() as u16;
        for (x, value) in (left..).zip(shown) {
            if !value.is_finite() {
                if let Some(cell) = buf.cell_mut((x, area.bottom().saturating_sub(1))) {
                    cell.set_symbol(theme.pick("×", "X")).set_style(theme.style(Role::Bad));
                }
                continue;
            }
            // A constant stands at half height: neither at its worst nor at its best.
            let share = if hi > lo { (value - lo) / (hi - lo) } else { 0.5 };
            let eighths = 1 + (share * f64::from(top - 1)).round() as u16;
            for row in 0..area.height {
                let level = eighths.saturating_sub(8 * row).min(8);
                if let Some(cell) = buf.cell_mut((x, area.bottom() - 1 - row)) {
                    cell.set_symbol(glyph(theme, usize::from(level))).set_style(theme.style(self.role));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::theme::{ColorDepth, Glyphs};

    fn draw(values: &[f64], width: u16, height: u16) -> Vec<String> {
        let area = Rect::new(0, 0, width, height);
        let mut buf = Buffer::empty(area);
        Sparkline { values, role: Role::Accent }.render(
            &Theme::new(ColorDepth::TrueColor, Glyphs::Braille),
            area,
            &mut buf,
        );
        (0..height).map(|y| (0..width).map(|x| buf[(x, y)].symbol().to_owned()).collect()).collect()
    }

    #[test]
    fn newest_values_stand_at_the_right_edge() {
        assert_eq!(draw(&[0.0, 1.0], 4, 1), ["  ▁▇"]);
        assert_eq!(draw(&[9.0, 0.0, 1.0], 2, 1), ["▁▇"]);
    }

    #[test]
    fn heights_span_all_rows() {
        assert_eq!(draw(&[0.0, 1.0], 2, 2), [" █", "▁█"]);
    }

    #[test]
    fn non_finite_is_marked_and_does_not_squash_the_rest() {
        assert_eq!(draw(&[0.0, f64::NAN, f64::INFINITY, 1.0], 4, 1), ["▁××▇"]);
        assert_eq!(draw(&[f64::NAN], 1, 1), ["×"]);
    }

    #[test]
    fn a_constant_stands_at_half_height_and_nothing_draws_nothing() {
        assert_eq!(draw(&[3.0, 3.0], 2, 1), ["▄▄"]);
        assert_eq!(draw(&[], 2, 1), ["  "]);
        assert!(draw(&[1.0], 0, 0).is_empty());
    }
}
