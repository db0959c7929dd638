//! What stands beside or below the maps: the input, the kernel of the selected map, its numbers, and those of the layer.

use ndarray::Array2;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use super::super::super::shade::Shade;
use super::super::super::theme::{Role, Theme};
use super::super::super::widgets::{Photo, Row, Tile};
use super::facts::{self, Source};
use super::{noun, page, shading, stage, value};
use crate::app::{App, BARS, MapScale, Picture};
use crate::plot::scale::{Axis, AxisKind};
use crate::plot::sparkline;

/// Rows of the input picture: at most, and at least before it is left out.
const INPUT: (u16, u16) = (14, 5);
/// Rows of the histogram and of what stands below it.
const HISTOGRAM: u16 = 3;
/// Rows of the colours and of what stands below them.
const COLORS: u16 = 2;

/// Columns below which the frame's title has no room for the probe.
const NARROW: u16 = 60;

/// Draws all that fits below each other, with a row of air between.
pub(super) fn draw(app: &App, picture: &Picture, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let source = Source::of(app, picture, app.maps.selected);
    let kernel = source.as_ref().map_or(0, |source| source.rows(area.width) + 1);
    let (numbers, histogram) = (4, HISTOGRAM + 1);
    // The input takes what the rest leaves; if that is too little, the histogram goes first, then the kernel.
    let left = |rest: u16| area.height.checked_sub(rest + COLORS + numbers + 1).filter(|rows| *rows > INPUT.1);
    let (rows, with_kernel, with_histogram) = match (left(kernel + histogram), left(kernel), left(0)) {
        (Some(rows), ..) => (rows, true, true),
        (None, Some(rows), _) => (rows, true, false),
        (None, None, Some(rows)) => (rows, false, false),
        _ => (0, false, false),
    };
    let mut stack = Stack { left: area };
    if rows > 0 {
        input(app, picture, theme, rows - 1, &mut stack, buf);
    }
    if let Some(source) = source.filter(|_| with_kernel) {
        source.draw(theme, stack.take(source.rows(area.width)), buf);
        stack.air();
    }
    let words = stack.take(3);
    words_of_map(app, picture, theme, words, buf);
    stack.air();
    if with_histogram {
        histogram_of(picture, theme, stack.take(HISTOGRAM), buf);
        stack.air();
    }
    colors(app, picture, theme, stack.take(COLORS), buf);
}

/// Places below each other.
struct Stack {
    left: Rect,
}

impl Stack {
    fn take(&mut self, rows: u16) -> Rect {
        let rows = rows.min(self.left.height);
        let taken = Rect { height: rows, ..self.left };
        self.left = Rect { y: self.left.y + rows, height: self.left.height - rows, ..self.left };
        taken
    }

    fn air(&mut self) {
        self.take(1);
    }
}

/// The input in at most so many rows, and its name.
fn input(app: &App, picture: &Picture, theme: &Theme, rows: u16, stack: &mut Stack, buf: &mut Buffer) {
    if let Some(pixels) = app.model.maps.inputs.get(&picture.probe) {
        let photo = Photo { channels: pixels.view() };
        let (width, height) = Tile::fit(photo.size(), (stack.left.width, (rows - 1).min(INPUT.0)));
        let area = Rect { width, ..stack.take(height) };
        photo.render(theme, area, buf);
    }
    let line = stack.take(1);
    let mut row = Row::new(buf, line, 0);
    row.put(&input_number(app, picture), theme.style(Role::Dim)).gap(2);
    row.put(&picture.probe, theme.style(Role::Bright)).gap(2);
    if let Some([height, width]) = app.model.picture_size() {
        row.put_whole(&format!("{height}×{width}"), theme.style(Role::Dim));
    }
    stack.air();
}

/// Which of the probes it is.
pub(super) fn input_number(app: &App, picture: &Picture) -> String {
    let probes = app.model.probes();
    let number = probes.iter().position(|probe| *probe == picture.probe).map_or(0, |place| place + 1);
    format!("input {number}/{}", probes.len())
}

/// What the selected one of them is called.
fn name(picture: &Picture, channel: usize) -> String {
    format!("{} {channel}", noun(picture))
}

fn words_of_map(app: &App, picture: &Picture, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let Some(channel) = picture.channels.get(app.maps.selected) else { return };
    let numbers = facts::numbers(picture, channel);
    let (first, second) = numbers.split_at(numbers.len().min(2));
    let mut row = Row::new(buf, area, 0);
    row.put(&name(picture, app.maps.selected), theme.style(Role::Accent)).gap(2);
    facts::put_numbers(theme, first, &mut row);
    facts::put_numbers(theme, second, &mut Row::new(buf, area, 1));
    facts::put_idle(theme, facts::idle(app, picture), &mut Row::new(buf, area, 2));
}

/// How often values of the layer occur, zeros left out.
fn histogram_of(picture: &Picture, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let most = picture.histogram.iter().copied().max().unwrap_or(0);
    let axis = Axis::new(AxisKind::Linear, 0.0, f64::from(most.max(1)));
    let counts = picture.histogram.map(|count| (count > 0).then_some(count as f32));
    let bars = sparkline::bars(&counts, &axis, usize::from(HISTOGRAM - 1));
    for (y, row) in bars.iter().enumerate() {
        let line: String = row.iter().take(BARS).map(|eighths| bar(theme, *eighths)).collect();
        Row::new(buf, area, y as u16).put(&line, theme.style(Role::Accent));
    }
    ends(theme, picture.range, "all values but 0", area, HISTOGRAM - 1, buf);
}

fn bar(theme: &Theme, eighths: u8) -> char {
    match (theme.ascii(), eighths) {
        (false, _) => sparkline::block(eighths),
        (true, 0) => ' ',
        (true, ..=4) => '.',
        (true, _) => '#',
    }
}

/// The values at both ends of a row, and what lies between.
fn ends(theme: &Theme, (lo, hi): (f32, f32), between: &str, area: Rect, y: u16, buf: &mut Buffer) {
    let dim = theme.style(Role::Dim);
    let mut row = Row::new(buf, area, y);
    row.put(&value(lo), dim);
    row.put_right(&value(hi), dim);
    let gap = row.room().saturating_sub(between.len() as u16) / 2;
    row.gap(gap).put_whole(between, dim);
}

/// The colours from end to end, and what stands there.
fn colors(app: &App, picture: &Picture, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let (shade, range) = shading(app.maps.scale, picture, app.maps.selected);
    bar_of(theme, shade, Rect { height: area.height.min(1), ..area }, buf);
    match app.maps.scale {
        MapScale::Layer => ends(theme, range, &format!("all {}s", noun(picture)), area, 1, buf),
        MapScale::Channel => ends(theme, range, &name(picture, app.maps.selected), area, 1, buf),
        MapScale::Score => ends(theme, (-super::DEVIATIONS, super::DEVIATIONS), "deviations", area, 1, buf),
    }
}

fn bar_of(theme: &Theme, shade: Shade, area: Rect, buf: &mut Buffer) {
    let ramp = Array2::from_shape_fn((1, usize::from(area.width)), |(_, x)| x as f32);
    let last = f32::from(area.width.saturating_sub(1));
    Tile { values: ramp.view(), colors: shade, range: (0.0, last) }.render(theme, area, buf);
}

/// The same in one row or two, below the maps.
pub(super) fn foot(app: &App, picture: &Picture, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let Some(channel) = picture.channels.get(app.maps.selected) else { return };
    // In a narrow panel the title has no room for the probe: it comes before all else here.
    let narrow = area.width < NARROW;
    let mut row = Row::new(buf, area, 0);
    row.put(&name(picture, app.maps.selected), theme.style(Role::Accent)).gap(2);
    if area.height < 2 {
        if narrow {
            row.put_right(&picture.probe, theme.style(Role::Text));
        }
        facts::put_numbers(theme, &facts::numbers(picture, channel), &mut row);
        return;
    }
    facts::put_numbers(theme, &facts::numbers(picture, channel), &mut row);
    let mut row = Row::new(buf, area, 1);
    let (shade, range) = shading(app.maps.scale, picture, app.maps.selected);
    let range = if app.maps.scale == MapScale::Score { (-super::DEVIATIONS, super::DEVIATIONS) } else { range };
    let (lo, hi) = (value(range.0), value(range.1));
    let dim = theme.style(Role::Dim);
    let wide = (area.width / 4).min(24);
    row.put(&lo, dim).gap(1);
    let bar = Rect { x: row.column(), y: area.y + 1, width: wide.min(row.room()), height: 1 };
    row.gap(wide + 1).put(&hi, dim).gap(2);
    if let Some(page) = page(app) {
        row.put_right(&page, dim);
    }
    if narrow {
        let scale = match app.maps.scale {
            MapScale::Layer => stage(picture),
            MapScale::Channel => "per channel".to_owned(),
            MapScale::Score => "z-score".to_owned(),
        };
        let whole = format!("{} · {scale}", picture.probe);
        let fits = whole.width() < usize::from(row.room());
        row.put(if fits { &whole } else { &picture.probe }, theme.style(Role::Text)).gap(2);
        let (dead, silent) = facts::idle(app, picture);
        if dead + silent > 0 {
            facts::put_idle(theme, (dead, silent), &mut row);
        }
        bar_of(theme, shade, bar, buf);
        return;
    }
    facts::put_idle(theme, facts::idle(app, picture), &mut row);
    let number = input_number(app, picture);
    row.gap(2).put_whole(&format!("{number} {}", picture.probe), dim);
    bar_of(theme, shade, bar, buf);
}
