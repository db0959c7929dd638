//! A thin line that fills from the left.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::Row;
use crate::view::theme::{Role, Theme};

/// Progress between 0 and 1, one row high.
#[derive(Debug, Clone, Copy)]
pub struct Gauge {
    /// Share done; clamped to 0..=1.
    pub share: f64,
    /// The meaning of the filled part.
    pub role: Role,
}

impl Gauge {
    /// Draws into the first row of `area`.
    pub fn render(self, theme: &Theme, area: Rect, buf: &mut Buffer) {
        let share = if self.share.is_nan() { 0.0 } else { self.share.clamp(0.0, 1.0) };
        let filled = (share * f64::from(area.width)).floor() as usize;
        let mut row = Row::new(buf, area, 0);
        row.put(&theme.pick("━", "=").repeat(filled), theme.style(self.role));
        row.put(&theme.pick("─", "-").repeat(usize::from(area.width) - filled), theme.style(Role::Frame));
    }
}
