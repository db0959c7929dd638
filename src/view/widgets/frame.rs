//! The frame around a panel, with its title and the state of what it shows.

use ratatui::buffer::Buffer;
use ratatui::layout::{Margin, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::symbols::border;
use ratatui::widgets::{Block, Widget};
use unicode_width::UnicodeWidthStr;

use super::Row;
use crate::view::theme::{Role, Theme};

const ASCII: border::Set<'static> = border::Set {
    top_left: "+",
    top_right: "+",
    bottom_left: "+",
    bottom_right: "+",
    vertical_left: "|",
    vertical_right: "|",
    horizontal_top: "-",
    horizontal_bottom: "-",
};

/// A panel's frame.
#[derive(Debug, Clone, Copy)]
pub struct PanelFrame<'a> {
    /// Numbers and titles of the panels that share the place.
    pub titles: &'a [(usize, &'a str)],
    /// The one among them that is shown.
    pub shown: (usize, &'a str),
    /// Words on the right: axis, scale, range. The first that fit are taken.
    pub status: &'a [String],
    /// Whether the panel has the focus.
    pub focused: bool,
}

impl PanelFrame<'_> {
    /// The place inside the frame, with a column of air on either side where there is room for it.
    pub fn inner(area: Rect) -> Rect {
        let inside = area.inner(Margin::new(1, 1));
        if inside.width > 30 { inside.inner(Margin::new(1, 0)) } else { inside }
    }

    /// Draws the frame of a window over the panels.
    pub fn window(theme: &Theme, title: &str, status: &str, area: Rect, buf: &mut Buffer) {
        frame(theme, theme.style(Role::Accent), area, buf);
        let mut row = title_row(area, buf);
        row.put(&format!(" {title} "), theme.style(Role::Accent).add_modifier(Modifier::BOLD));
        if !status.is_empty() {
            row.put_right(&format!(" {status} "), theme.style(Role::Dim));
        }
    }

    /// Draws the frame.
    pub fn render(self, theme: &Theme, area: Rect, buf: &mut Buffer) {
        frame(theme, theme.style(if self.focused { Role::Accent } else { Role::Frame }), area, buf);
        let mut row = title_row(area, buf);
        let strong = theme.style(if self.focused { Role::Accent } else { Role::Text }).add_modifier(Modifier::BOLD);
        // The title of what is shown has precedence over the words on the right, those over the other titles.
        let (before, after) = match self.titles.iter().position(|title| *title == self.shown) {
            Some(at) => (&self.titles[..at], &self.titles[at + 1..]),
            None => (self.titles, &[][..]),
        };
        let width = |(number, title): &(usize, &str)| (number.to_string().width() + title.width() + 3) as u16;
        if before.iter().chain([&self.shown]).map(width).sum::<u16>() <= row.room() {
            for (number, title) in before {
                row.put(&format!(" {number} {title} "), theme.style(Role::Dim));
            }
        }
        let (number, title) = self.shown;
        row.put(&format!(" {number} {title} "), strong);
        self.status.iter().any(|status| row.put_right(&format!(" {status} "), theme.style(Role::Dim)));
        for (number, title) in after {
            row.put_whole(&format!(" {number} {title} "), theme.style(Role::Dim));
        }
    }
}

fn frame(theme: &Theme, style: Style, area: Rect, buf: &mut Buffer) {
    let set = if theme.ascii() { ASCII } else { border::ROUNDED };
    Block::bordered().border_set(set).border_style(style).render(area, buf);
}

fn title_row(area: Rect, buf: &mut Buffer) -> Row<'_> {
    let top =
        Rect { x: area.x.saturating_add(2), width: area.width.saturating_sub(4), height: 1.min(area.height), ..area };
    Row::new(buf, top, 0)
}
