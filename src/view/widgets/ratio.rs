//! A number over many powers of ten as a bar with a mark.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::plot::scale::{Axis, AxisKind};
use crate::view::theme::{Role, Theme};

/// A bar on a logarithmic axis.
#[derive(Debug, Clone, Copy)]
pub struct Ratio {
    /// The number. Zero and less has no bar, what is not finite is marked.
    pub value: f64,
    /// Both ends of the axis, above zero.
    pub range: (f64, f64),
    /// Where the mark stands.
    pub mark: f64,
}

impl Ratio {
    /// Draws into the first row of `area`.
    pub fn render(self, theme: &Theme, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        if area.is_empty() {
            return;
        }
        let axis = Axis::new(AxisKind::Log, self.range.0, self.range.1);
        let filled = (axis.position(self.value) * f64::from(area.width)).round() as u16;
        let mark = axis.index(self.mark, usize::from(area.width));
        for (place, x) in (area.left()..area.right()).enumerate() {
            let Some(cell) = buf.cell_mut((x, area.y)) else { continue };
            let full = place < usize::from(filled);
            let symbol = match (Some(place) == mark, full) {
                _ if !self.value.is_finite() && place == 0 => theme.pick("×", "X"),
                (true, true) => theme.pick("┿", "#"),
                (true, false) => theme.pick("┼", "|"),
                (false, true) => theme.pick("━", "="),
                (false, false) => theme.pick("─", "-"),
            };
            let role = match (self.value.is_finite(), full, Some(place) == mark) {
                (false, ..) if place == 0 => Role::Bad,
                (_, true, _) => Role::Accent,
                (_, false, true) => Role::Dim,
                (_, false, false) => Role::Frame,
            };
            cell.set_symbol(symbol).set_style(theme.style(role));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::theme::{ColorDepth, Glyphs};

    fn draw(value: f64, width: u16) -> String {
        let mut buf = Buffer::empty(Rect::new(0, 0, width, 1));
        let theme = Theme::new(ColorDepth::TrueColor, Glyphs::Braille);
        Ratio { value, range: (1e-6, 1.0), mark: 1e-3 }.render(&theme, buf.area, &mut buf);
        buf.content.iter().map(ratatui::buffer::Cell::symbol).collect()
    }

    #[test]
    fn a_decade_is_as_long_as_any_other() {
        assert_eq!(draw(1e-5, 7), "━──┼───");
        assert_eq!(draw(1e-3, 7), "━━━┿───");
        assert_eq!(draw(1.0, 7), "━━━┿━━━");
        assert_eq!([draw(0.0, 7), draw(-1.0, 7), draw(1e-9, 7)], ["───┼───"; 3]);
        assert_eq!([draw(f64::NAN, 7), draw(f64::INFINITY, 0)], ["×──┼───", ""]);
    }
}
