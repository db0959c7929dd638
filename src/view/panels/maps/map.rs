//! One map alone, as large as it fits, with what makes it and where it comes from.

use ndarray::{Array2, Axis};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::widgets::{Clear, Widget};

use super::super::super::shade::Shade;
use super::super::super::theme::{Role, Theme};
use super::super::super::widgets::{Outline, PanelFrame, Photo, Row, Tile};
use super::super::at_step;
use super::facts::{self, Source};
use super::{noun, side, stage};
use crate::app::{App, Life, Picture, Stage};
use crate::plot::format;
use crate::plot::raster;

/// Columns of the words beside the map: with room for everything, and at least.
const WORDS: (u16, u16) = (30, 18);
/// Width of a window from which there is room for everything.
const WIDE: u16 = 72;
/// Rows that the words need beside the map.
const BESIDE: u16 = 27;
/// Rows of a map in the strip of probes: at most, and at least.
const STRIP: (u16, u16) = (8, 3);

/// Draws the window with the selected map over `area`.
pub(in crate::view) fn draw(app: &App, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let Some(picture) = &app.maps.picture else { return };
    Clear.render(area, buf);
    let channel = app.maps.selected;
    let title = format!("{} · {} {channel} of {}", picture.layer, noun(picture), picture.channels.len());
    let [height, width] = picture.size();
    let step = at_step(app, picture.step);
    let status = match area.width {
        ..60 if picture.step > 0 => picture.probe.clone(),
        ..60 => step,
        _ => format!("{height}×{width} {} · {} · {step}", stage(picture), picture.probe),
    };
    let role = if picture.step > 0 { Role::Dim } else { Role::Warn };
    PanelFrame::window_with(theme, &title, (&status, role), area, buf);
    let inside = PanelFrame::inner(area).intersection(buf.area);
    let parts = Parts::of(inside, picture.size());
    let life = app.model.maps.life(picture, channel);
    super::tile(app.maps.scale, picture, channel, life, theme, parts.map, buf);
    let (row, column) = app.maps.cursor;
    if picture.size() != [1, 1] {
        outline(theme, picture.size(), (row, column), parts.map, buf);
    }
    Words { app, picture, channel }.draw(theme, life, parts.words, buf);
    if let Some(area) = parts.strip {
        strip(app, picture, theme, area, buf);
    }
}

fn outline(theme: &Theme, size: [usize; 2], (row, column): (usize, usize), area: Rect, buf: &mut Buffer) {
    let point = |at: usize| at as isize..at as isize + 1;
    Outline { size, rows: point(row), columns: point(column), role: Role::Bright }.render(theme, area, buf);
}

/// Where things stand in the window.
struct Parts {
    map: Rect,
    words: Rect,
    strip: Option<Rect>,
}

impl Parts {
    /// The largest map that leaves room for the words and the strip; without a strip where that is too much.
    fn of(inside: Rect, size: [usize; 2]) -> Self {
        let words = if inside.width >= WIDE { WORDS.0 } else { WORDS.1 }.min(inside.width / 2);
        let room = inside.width.saturating_sub(words + 2);
        let above = inside.height.saturating_sub(STRIP.1 + 2);
        let mut fit = raster::fit(size, (room, above));
        let strip = usize::from(fit.0) >= size[1] && fit.1 > 0;
        if !strip {
            fit = raster::fit(size, (room, inside.height));
        }
        let (width, height) = fit;
        let below = inside.height.saturating_sub(height + 1);
        let strip = strip.then(|| {
            let rows = below.min(STRIP.0 + 1);
            let width = if inside.height >= rows + BESIDE { inside.width } else { room };
            Rect { y: inside.bottom() - rows, width, height: rows, ..inside }
        });
        let left = inside.x + (room.saturating_sub(width)) / 2;
        let free = inside.height - strip.map_or(0, |strip| strip.height + 1).min(inside.height);
        let map = Rect { x: left, y: inside.y + free.saturating_sub(height) / 2, width, height };
        let beside = if strip.is_some_and(|strip| strip.width == inside.width) { free } else { inside.height };
        let words = Rect { x: inside.right() - words, width: words, height: beside, ..inside };
        Self { map, words, strip }
    }
}

/// The words beside the map.
struct Words<'a> {
    app: &'a App,
    picture: &'a Picture,
    channel: usize,
}

impl Words<'_> {
    fn draw(&self, theme: &Theme, life: Life, area: Rect, buf: &mut Buffer) {
        let (dim, text) = (theme.style(Role::Dim), theme.style(Role::Text));
        let Some(channel) = self.picture.channels.get(self.channel) else { return };
        let mut y = 0;
        let mut line = |buf: &mut Buffer, write: &mut dyn FnMut(&mut Row<'_>)| {
            write(&mut Row::new(buf, area, y));
            y += 1;
        };
        if self.picture.size() != [1, 1] {
            let (row, column) = self.app.maps.cursor;
            let under = self.picture.map(self.channel).and_then(|map| map.get((row, column)).copied());
            line(buf, &mut |line| {
                line.put("row ", dim).put(&row.to_string(), text).put("  column ", dim).put(&column.to_string(), text);
            });
            line(buf, &mut |line| {
                let under = under.map_or_else(String::new, |value| format::number(f64::from(value)));
                line.put("value ", dim).put(&under, theme.style(Role::Bright));
            });
            line(buf, &mut |_| {});
        }
        let numbers = facts::numbers(self.picture, channel);
        let pairs = if area.width >= 24 { 2 } else { 1 };
        for pair in numbers.chunks(pairs) {
            line(buf, &mut |line| facts::put_numbers(theme, pair, line));
        }
        if let Some((words, role)) = self.life(life) {
            line(buf, &mut |line| {
                line.put(words, theme.style(role));
            });
        }
        y += 1;
        if let Some(source) = Source::of(self.app, self.picture, self.channel) {
            let rows = source.rows(area.width);
            if y + rows <= area.height {
                source.draw(theme, Rect { y: area.y + y, height: rows, ..area }, buf);
                y += rows + 1;
            }
        }
        let left = Rect { y: area.y + y, height: area.height.saturating_sub(y), ..area };
        self.input(theme, left, buf);
    }

    fn life(&self, life: Life) -> Option<(&'static str, Role)> {
        let set = self.app.model.description.setup.evaluated.as_str();
        match life {
            Life::Active => None,
            Life::Silent => Some(("zero all over this picture", Role::Text)),
            Life::Dead if set == "test set" => Some(("dead: zero on the test set", Role::Warn)),
            Life::Dead => Some(("dead: zero on the whole set", Role::Warn)),
        }
    }

    /// The input with the part that the value under the cursor comes from.
    fn input(&self, theme: &Theme, area: Rect, buf: &mut Buffer) {
        let Some(pixels) = self.app.model.maps.inputs.get(&self.picture.probe) else { return };
        if area.height < 6 {
            return;
        }
        let photo = Photo { channels: pixels.view() };
        let size = photo.size();
        let (width, height) = Tile::fit(size, (area.width, area.height - 2));
        let tile = Rect { width, height, ..area };
        photo.render(theme, tile, buf);
        let network = self.app.model.network();
        let (row, column) = self.app.maps.cursor;
        let place = network.and_then(|network| network.position(&self.picture.layer));
        let span = network.zip(place).and_then(|(network, place)| network.receptive_field(place, row, column));
        let below = Rect { y: tile.bottom(), height: 2, ..area };
        let dim = theme.style(Role::Dim);
        let mut name = Row::new(buf, below, 0);
        name.put(&side::input_number(self.app, self.picture), dim).gap(2);
        name.put(&self.picture.probe, theme.style(Role::Bright));
        let mut seen = Row::new(buf, below, 1);
        match span {
            Some(span) => {
                seen.put("sees ", dim)
                    .put(&format!("{}×{}", span.rows.len(), span.columns.len()), theme.style(Role::Text));
                let from = format!(" at row {}, column {}", span.rows.start, span.columns.start);
                seen.put_whole(&from, dim);
                let (rows, columns) = (span.rows, span.columns);
                Outline { size, rows, columns, role: Role::Warn }.render(theme, tile, buf);
            }
            None if network.is_some() => {
                seen.put_whole("sees the whole input", dim);
            }
            None => {}
        }
    }
}

/// The same channel for all probes side by side, on one scale.
fn strip(app: &App, picture: &Picture, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let probes = app.model.probes();
    let rows = area.height.saturating_sub(1);
    let each = (area.width / (probes.len() as u16).max(1)).saturating_sub(1);
    let size = picture.size();
    let all = raster::fit(size, (each, rows));
    // So many that nothing can be made out of them: then as many as there is room for.
    let (wide, high) = if all.1 < STRIP.1.min(rows) { raster::fit(size, (area.width, rows)) } else { all };
    let fitting = usize::from((area.width + 1) / (wide + 1).max(1));
    let current = probes.iter().position(|probe| *probe == picture.probe).unwrap_or(0);
    let first = (current + 1).saturating_sub(fitting);
    let shown: Vec<_> =
        probes.iter().skip(first).take(fitting).map(|probe| (*probe, map_for(app, picture, probe))).collect();
    let finite = shown.iter().filter_map(|(_, map)| map.as_ref()).flatten().filter(|value| value.is_finite());
    let (lo, hi) = finite.fold((0.0_f32, 0.0_f32), |(lo, hi), value| (lo.min(*value), hi.max(*value)));
    let (colors, range) =
        if picture.signed { (Shade::Diverging, (-hi.max(-lo), hi.max(-lo))) } else { (Shade::Viridis, (0.0, hi)) };
    for (place, (probe, map)) in shown.iter().enumerate() {
        let x = area.x + place as u16 * (wide + 1);
        let tile = Rect { x, y: area.bottom().saturating_sub(high + 1), width: wide, height: high };
        if let Some(map) = map {
            Tile { values: map.view(), colors, range }.render(theme, tile, buf);
        }
        let selected = *probe == picture.probe;
        let style = theme.style(if selected { Role::Accent } else { Role::Dim });
        let marked = if selected { Modifier::BOLD | Modifier::REVERSED } else { Modifier::empty() };
        let line = Rect { x, y: area.bottom().saturating_sub(1), width: wide, height: area.height.min(1) };
        Row::new(buf, line, 0).put(probe, style.add_modifier(marked));
    }
}

/// The selected map for another probe, if it has been recorded.
fn map_for(app: &App, picture: &Picture, probe: &str) -> Option<Array2<f32>> {
    let set = app.model.maps.of(&picture.layer, probe)?;
    if set.before.dim() != picture.values.dim() {
        return None;
    }
    let map = set.before.index_axis(Axis(0), app.maps.selected);
    Some(map.mapv(|x| if picture.stage == Stage::After { picture.activation.of(x) } else { x }))
}
