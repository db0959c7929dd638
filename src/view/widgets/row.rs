//! One row of text, written from the left and from the right until they meet.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_width::UnicodeWidthStr;

use crate::run::{is_inert, plain};

/// A row of cells being written. Text that does not fit is cut at the edge; what a terminal would obey is dropped, for much
/// of the text comes from files.
#[derive(Debug)]
pub struct Row<'a> {
    buf: &'a mut Buffer,
    y: u16,
    left: u16,
    right: u16,
}

impl<'a> Row<'a> {
    /// The row at `offset` below the top of `area`; empty when that lies outside.
    pub fn new(buf: &'a mut Buffer, area: Rect, offset: u16) -> Self {
        let area = area.intersection(buf.area);
        let inside = offset < area.height;
        let right = if inside { area.right() } else { area.left() };
        Self { buf, y: area.y.saturating_add(offset), left: area.left(), right }
    }

    /// Cells left between what was written from both sides.
    pub fn room(&self) -> u16 {
        self.right - self.left
    }

    /// The column the next text from the left starts at.
    pub fn column(&self) -> u16 {
        self.left
    }

    /// Writes from the left.
    pub fn put(&mut self, text: &str, style: Style) -> &mut Self {
        if self.room() > 0 {
            let (x, _) = self.buf.set_stringn(self.left, self.y, harmless(text), usize::from(self.room()), style);
            self.left = x.min(self.right);
        }
        self
    }

    /// Writes from the left if the whole text fits, else nothing.
    pub fn put_whole(&mut self, text: &str, style: Style) -> &mut Self {
        let text = harmless(text);
        if text.width() <= usize::from(self.room()) { self.put(&text, style) } else { self }
    }

    /// Writes from the left; a text that does not fit ends in an ellipsis.
    pub fn put_short(&mut self, text: &str, style: Style) -> &mut Self {
        let text = harmless(text);
        if text.width() <= usize::from(self.room()) || self.room() == 0 {
            return self.put(&text, style);
        }
        let right = self.right;
        self.right = right - 1;
        self.put(&text, style);
        self.right = right;
        self.put("…", style)
    }

    /// Leaves cells free on the left.
    pub fn gap(&mut self, cells: u16) -> &mut Self {
        self.left = self.left.saturating_add(cells).min(self.right);
        self
    }

    /// Goes on at so many cells from `x`, if that lies ahead.
    pub fn to(&mut self, x: u16) -> &mut Self {
        self.left = self.left.max(x).min(self.right);
        self
    }

    /// Writes right-aligned from the right, if the whole text fits; reports whether it did.
    pub fn put_right(&mut self, text: &str, style: Style) -> bool {
        let text = harmless(text);
        let width = text.width() as u16;
        let fits = width <= self.room();
        if fits {
            self.right -= width;
            self.buf.set_stringn(self.right, self.y, text, usize::from(width), style);
        }
        fits
    }

    /// Writes into the next `cells` cells from the left, cut if it is longer.
    pub fn put_cell(&mut self, text: &str, cells: u16, style: Style) -> &mut Self {
        let end = self.left.saturating_add(cells).min(self.right);
        let right = std::mem::replace(&mut self.right, end);
        self.put(text, style);
        self.right = right;
        self.to(end)
    }

    /// Writes right-aligned into the next `cells` cells from the left, cut if it is longer.
    pub fn put_column(&mut self, text: &str, cells: u16, style: Style) -> &mut Self {
        let text = &harmless(text);
        let padding = cells.saturating_sub(text.width() as u16);
        let end = self.left.saturating_add(cells).min(self.right);
        self.gap(padding);
        let room = end - self.left;
        self.put_cell(text, room, style)
    }
}

fn harmless(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_inert) { Cow::Borrowed(text) } else { Cow::Owned(plain(text)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(buf: &Buffer) -> String {
        buf.content.iter().map(ratatui::buffer::Cell::symbol).collect()
    }

    #[test]
    fn sides_never_overlap_and_text_is_cut_at_the_edge() {
        let area = Rect::new(0, 0, 12, 1);
        let mut buf = Buffer::empty(area);
        let mut row = Row::new(&mut buf, area, 0);
        assert!(row.put_right("right", Style::new()));
        row.put("left side", Style::new());
        assert!(!row.put_right("more", Style::new()));
        assert_eq!(text(&buf), "left siright");
    }

    #[test]
    fn wide_and_control_characters() {
        let area = Rect::new(0, 0, 6, 1);
        let mut buf = Buffer::empty(area);
        Row::new(&mut buf, area, 0).put("a\u{1b}[2J\u{202e}损失率x", Style::new());
        assert_eq!(text(&buf), "a损 失  ");
    }

    #[test]
    fn rows_outside_write_nothing() {
        let area = Rect::new(0, 0, 4, 1);
        let mut buf = Buffer::empty(area);
        Row::new(&mut buf, area, 1).put("no", Style::new());
        Row::new(&mut buf, Rect::new(9, 9, 4, 4), 0).put("no", Style::new());
        Row::new(&mut buf, Rect::ZERO, 0).put_column("no", 5, Style::new());
        assert_eq!(text(&buf), "    ");
    }
}
