//! The frame around a panel, with its title and the state of what it shows.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::symbols::border;
use ratatui::widgets::{Block, Widget};
use unicode_width::UnicodeWidthStr;

use super::Row;
use crate::app::Area;
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

/// Places one can be at within a panel, and the one where one is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trail<'a> {
    /// From the first to the last.
    pub names: Vec<&'a str>,
    /// Which of them.
    pub current: usize,
}

impl Trail<'_> {
    /// Cells of the whole, with a blank on either side.
    fn width(&self) -> u16 {
        let names: usize = self.names.iter().map(|name| name.width() + 3).sum();
        (names as u16).saturating_sub(1)
    }

    /// The current one alone, and which it is.
    fn short(&self) -> String {
        let current = self.names.get(self.current).copied().unwrap_or_default();
        format!(" {current} {}/{} ", self.current + 1, self.names.len())
    }

    fn render(&self, theme: &Theme, row: &mut Row<'_>) {
        let dim = theme.style(Role::Dim);
        let bright = theme.style(Role::Bright);
        if self.width() > row.room() {
            row.put_whole(&self.short(), bright);
            return;
        }
        for (index, name) in self.names.iter().enumerate() {
            row.put(if index == 0 { " " } else { theme.pick(" › ", " > ") }, dim);
            row.put(name, if index == self.current { bright } else { dim });
        }
        row.put(" ", dim);
    }
}

/// A panel's frame.
#[derive(Debug, Clone)]
pub struct PanelFrame<'a> {
    /// Titles of the panels that share the place with a blank on either side, and whether it is this one that is shown.
    pub titles: &'a [(&'a str, bool)],
    /// Where one is within the panel.
    pub trail: Option<Trail<'a>>,
    /// Words on the right: axis, scale, range. The first that fit are taken.
    pub status: &'a [String],
    /// The meaning of those words.
    pub role: Role,
    /// Whether the panel has the focus.
    pub focused: bool,
}

impl PanelFrame<'_> {
    /// The place inside the frame, with a column of air on either side where there is room for it.
    pub fn inner(area: Rect) -> Rect {
        let inside = Area::new(area.x, area.y, area.width, area.height).inside_frame();
        Rect::new(inside.x, inside.y, inside.width, inside.height)
    }

    /// Draws the frame of a window over the panels.
    pub fn window(theme: &Theme, title: &str, status: &str, area: Rect, buf: &mut Buffer) {
        Self::window_with(theme, title, (status, Role::Dim), area, buf);
    }

    /// The same with words on the right that mean something.
    pub fn window_with(theme: &Theme, title: &str, (status, role): (&str, Role), area: Rect, buf: &mut Buffer) {
        frame(theme, theme.style(Role::Accent), area, buf);
        let mut row = title_row(area, buf);
        row.put(&format!(" {title} "), theme.style(Role::Accent).add_modifier(Modifier::BOLD));
        if !status.is_empty() {
            row.put_right(&format!(" {status} "), theme.style(role));
        }
    }

    /// Draws the frame.
    pub fn render(self, theme: &Theme, area: Rect, buf: &mut Buffer) {
        frame(theme, theme.style(if self.focused { Role::Accent } else { Role::Frame }), area, buf);
        let mut row = title_row(area, buf);
        let strong = theme.style(if self.focused { Role::Accent } else { Role::Text }).add_modifier(Modifier::BOLD);
        // A warning is worth more than the numbers of other panels.
        let titles: usize = self.titles.iter().map(|(title, _)| title.width()).sum();
        let least = self.status.iter().map(|status| status.width() + 2).min().unwrap_or(0);
        let alone = self.role == Role::Warn && titles + least > usize::from(row.room());
        for (title, shown) in self.titles.iter().filter(|(_, shown)| *shown || !alone) {
            row.put(title, if *shown { strong } else { theme.style(Role::Dim) });
        }
        let width = |status: &&String| status.width() as u16 + 2;
        // Words that leave room for the whole trail, unless they say less than half of what could be said otherwise.
        let (whole, short) = self.trail.as_ref().map_or((0, 0), |trail| (trail.width(), trail.short().width() as u16));
        let fitting = |beside: u16| self.status.iter().find(|status| width(status) + beside <= row.room());
        let most = fitting(short);
        let beside = fitting(whole).filter(|status| most.is_none_or(|most| 2 * width(status) >= width(&most)));
        // A warning is worth more than a place.
        let alone = fitting(0).filter(|_| self.role == Role::Warn);
        if let Some(status) = beside.or(most).or(alone) {
            row.put_right(&format!(" {status} "), theme.style(self.role));
        }
        if let Some(trail) = &self.trail {
            trail.render(theme, &mut row);
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
