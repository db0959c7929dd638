//! Points of many classes on a plane, each as its class's character.

use std::collections::BTreeMap;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use crate::view::theme::{ColorDepth, Theme};

/// A point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScatterPoint {
    /// Place from the left edge, 0 to 1.
    pub u: f64,
    /// Place from the bottom edge, 0 to 1.
    pub v: f64,
    /// Its class.
    pub class: usize,
}

/// Points, and where each class has its centre.
#[derive(Debug, Clone, Copy)]
pub struct Scatter<'a> {
    /// The points. Those outside of the plane are left out.
    pub points: &'a [ScatterPoint],
    /// The character of each class.
    pub letters: &'a [char],
}

impl Scatter<'_> {
    /// The style of a class's character.
    pub fn style(theme: &Theme, class: usize) -> Style {
        if theme.depth() == ColorDepth::Mono { Style::new() } else { Style::new().fg(theme.class(class)) }
    }

    /// The style of a class's centre.
    pub fn centre_style(theme: &Theme, class: usize) -> Style {
        if theme.depth() == ColorDepth::Mono {
            return Style::new().add_modifier(Modifier::BOLD | Modifier::REVERSED);
        }
        Style::new().fg(theme.ink_on_class(class)).bg(theme.class(class)).add_modifier(Modifier::BOLD)
    }

    /// Draws into `area`. A cell shows the class that most of its points have, of equals the first.
    pub fn render(&self, theme: &Theme, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        if area.is_empty() {
            return;
        }
        let mut cells: Vec<((u16, u16), usize)> =
            self.inside().map(|point| (cell(area, point.u, point.v), point.class)).collect();
        cells.sort_unstable();
        for group in cells.chunk_by(|a, b| a.0 == b.0) {
            let runs = group.chunk_by(|a, b| a.1 == b.1);
            // Of equally long runs `max_by_key` takes the last: turned round it is the first class.
            let Some(most) = runs.rev().max_by_key(|run| run.len()) else { continue };
            let (at, class) = most[0];
            self.put(buf, at, class, Self::style(theme, class));
        }
        for (class, at) in self.centres(area) {
            self.put(buf, at, class, Self::centre_style(theme, class));
        }
    }

    fn inside(&self) -> impl Iterator<Item = &ScatterPoint> {
        let inside = |point: &&ScatterPoint| (0.0..=1.0).contains(&point.u) && (0.0..=1.0).contains(&point.v);
        self.points.iter().filter(inside)
    }

    /// The cell of each class's mean. Of classes whose means share a cell it is the first that gets it.
    fn centres(&self, area: Rect) -> Vec<(usize, (u16, u16))> {
        let mut sums: BTreeMap<usize, (f64, f64, f64)> = BTreeMap::new();
        for point in self.inside() {
            let sum = sums.entry(point.class).or_default();
            *sum = (sum.0 + point.u, sum.1 + point.v, sum.2 + 1.0);
        }
        let mut centres: Vec<_> =
            sums.into_iter().map(|(class, (u, v, count))| (class, cell(area, u / count, v / count))).collect();
        centres.reverse();
        centres
    }

    fn put(&self, buf: &mut Buffer, at: (u16, u16), class: usize, style: Style) {
        if let Some(cell) = buf.cell_mut(at) {
            cell.reset();
            cell.set_char(self.letters.get(class).copied().unwrap_or('?')).set_style(style);
        }
    }
}

fn cell(area: Rect, u: f64, v: f64) -> (u16, u16) {
    let x = area.x + (u.clamp(0.0, 1.0) * f64::from(area.width - 1)).round() as u16;
    let y = area.y + ((1.0 - v.clamp(0.0, 1.0)) * f64::from(area.height - 1)).round() as u16;
    (x, y)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::theme::Glyphs;

    const LETTERS: [char; 3] = ['a', 'b', 'c'];

    fn draw(points: &[(f64, f64, usize)], depth: ColorDepth, size: (u16, u16)) -> Buffer {
        let area = Rect::new(0, 0, size.0, size.1);
        let mut buf = Buffer::empty(area);
        let points: Vec<_> = points.iter().map(|&(u, v, class)| ScatterPoint { u, v, class }).collect();
        Scatter { points: &points, letters: &LETTERS }.render(&Theme::new(depth, Glyphs::Braille), area, &mut buf);
        buf
    }

    fn rows(buf: &Buffer) -> Vec<String> {
        let width = usize::from(buf.area.width).max(1);
        buf.content.chunks(width).map(|row| row.iter().map(ratatui::buffer::Cell::symbol).collect()).collect()
    }

    #[test]
    fn points_stand_where_they_are_and_the_majority_is_shown() {
        // The centre of `a` is in the middle; `b` and `c` share the top right cell, where `c` has more.
        let points =
            [(0.0, 0.0, 0), (1.0, 1.0, 0), (1.0, 1.0, 2), (1.0, 1.0, 2), (1.0, 1.0, 1), (0.0, 1.0, 1), (9.0, 0.0, 2)];
        let buf = draw(&points, ColorDepth::TrueColor, (5, 3));
        assert_eq!(rows(&buf), ["b b c", "  a  ", "a    "]);
        let theme = Theme::new(ColorDepth::TrueColor, Glyphs::Braille);
        assert_eq!(buf[(0, 2)].style().fg, Some(theme.class(0)));
        assert_eq!(buf[(2, 1)].style().bg, Some(theme.class(0)), "a centre stands out");
    }

    #[test]
    fn equals_go_to_the_first_class_whatever_the_order() {
        let ends = [(0.0, 0.0, 0), (0.0, 0.0, 1), (1.0, 0.0, 0), (1.0, 0.0, 1)];
        let mut turned = ends;
        turned.reverse();
        for points in [ends, turned] {
            assert_eq!(rows(&draw(&points, ColorDepth::Mono, (3, 1))), ["aaa"]);
        }
    }

    #[test]
    fn nothing_anywhere_and_not_a_number() {
        for size in [(0, 0), (1, 1), (20, 5)] {
            for depth in [ColorDepth::Mono, ColorDepth::Ansi16, ColorDepth::Ansi256, ColorDepth::TrueColor] {
                draw(&[], depth, size);
                let buf = draw(&[(f64::NAN, 0.5, 0), (0.5, f64::INFINITY, 1), (0.5, 0.5, 7)], depth, size);
                let seen: String = rows(&buf).concat().split_whitespace().collect();
                assert_eq!(seen, if size.0 == 0 { "" } else { "?" });
            }
        }
    }
}
