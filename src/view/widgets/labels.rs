//! Labels along an axis.

use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use super::Row;
use crate::plot::scale::Axis;
use crate::view::theme::{Role, Theme};

/// Writes an axis's labels into a row, each centred below its place in `span` but inside of it, at least a cell apart; one
/// that has no room is left out. About `most` of them, and two at least.
pub fn labels_across(axis: &Axis, theme: &Theme, span: Rect, most: u16, row: &mut Row<'_>) {
    for tick in axis.ticks(usize::from(most).max(2)) {
        let width = tick.label.width() as u16;
        let centre = span.x + (axis.position(tick.value) * f64::from(span.width - 1)).round() as u16;
        let start = centre.saturating_sub(width / 2).max(span.x).min(span.right().saturating_sub(width));
        if start >= row.column() {
            row.to(start).put(&tick.label, theme.style(Role::Dim)).gap(1);
        }
    }
}
