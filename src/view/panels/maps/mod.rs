//! What a layer makes of a picture, channel by channel.

mod facts;
mod map;
mod side;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr;

use super::super::shade::Shade;
use super::super::theme::{Role, Theme};
use super::super::widgets::{Row, Tile, Trail};
use super::{at_step, waiting};
use crate::app::{App, Area, Life, MapOrder, MapScale, Picture, Sheet, Stage};
use crate::recipe::Activation;

pub(in crate::view) use map::draw as draw_map;

/// Level of zero where there are signs.
const ZERO: Option<u8> = Some(Shade::Diverging.top() / 2);
/// Standard deviations that the colours of a z-score reach to.
const DEVIATIONS: f32 = 3.0;

/// The layers one can look at, as the frame shows them.
pub(super) fn trail(app: &App) -> Option<Trail<'_>> {
    let names = app.model.maps.layers(app.model.network());
    let layer = app.maps.layer(&app.model)?;
    let current = names.iter().position(|name| *name == layer)?;
    Some(Trail { names, current })
}

pub(super) fn status(app: &App) -> Vec<String> {
    let Some(picture) = &app.maps.picture else { return Vec::new() };
    let (shape, stage, range) = (shape(picture), stage(picture), range(app, picture));
    let order = match app.maps.order {
        MapOrder::Index => "by index",
        MapOrder::Maximum => "by maximum",
        MapOrder::Variance => "by variance",
    };
    let pages = page(app).map_or_else(String::new, |page| format!(" · {page}"));
    // What is the work of a network that has not learnt has to be seen, however short the words.
    let probe = match at_step(app, picture.step) {
        _ if picture.step > 0 => picture.probe.clone(),
        untrained => format!("{} · {untrained}", picture.probe),
    };
    let mut all = vec![format!("{shape} {stage} · {range} · {order} · {probe}{pages}")];
    if app.maps.order != MapOrder::Index {
        all.push(format!("{stage} · {range} · {order} · {probe}{pages}"));
        all.push(format!("{order} · {probe}{pages}"));
    }
    all.push(format!("{shape} {stage} · {range} · {probe}{pages}"));
    all.push(format!("{stage} · {range} · {probe}{pages}"));
    let range = range.trim_start_matches("layer ");
    all.push(format!("{stage} · {range} · {probe}{pages}"));
    all.push(format!("{stage} · {} · {probe}{pages}", range.replace(" … ", "…")));
    all.push(format!("{stage} · {probe}{pages}"));
    all.push(format!("{probe}{pages}"));
    if picture.step <= 0 {
        all.push(at_step(app, picture.step));
    } else if !pages.is_empty() {
        all.push(pages.trim_start_matches(" · ").to_owned());
    }
    all
}

/// Which page of several is shown.
fn page(app: &App) -> Option<String> {
    let sheet = app.sheet().filter(|sheet| sheet.pages() > 1)?;
    Some(format!("page {}/{}", app.maps.position() / sheet.per_page() + 1, sheet.pages()))
}

/// What one of its channels is called.
fn noun(picture: &Picture) -> &'static str {
    if picture.size() == [1, 1] { "unit" } else { "map" }
}

/// How many maps there are, and of which size.
fn shape(picture: &Picture) -> String {
    match (picture.channels.len(), picture.size()) {
        (units, [1, 1]) => format!("{units} units"),
        (channels, [height, width]) => format!("{channels} × {height}×{width}"),
    }
}

/// On which side of which activation.
pub(super) fn stage(picture: &Picture) -> String {
    match (picture.activation, picture.stage) {
        (Activation::Linear, _) => "no activation".to_owned(),
        (activation, Stage::After) => format!("after {activation}"),
        (activation, Stage::Before) => format!("before {activation}"),
    }
}

fn range(app: &App, picture: &Picture) -> String {
    match app.maps.scale {
        MapScale::Layer => {
            let (_, (lo, hi)) = shading(app.maps.scale, picture, 0);
            format!("layer {} … {}", value(lo), value(hi))
        }
        MapScale::Channel => "per channel".to_owned(),
        MapScale::Score => format!("z-score ±{DEVIATIONS:.0}"),
    }
}

/// A value with two decimals, or in fewer digits where it is large.
fn value(value: f32) -> String {
    match value.abs() {
        _ if !value.is_finite() => "NaN".to_owned(),
        ..10.0 => format!("{value:.2}"),
        ..100.0 => format!("{value:.1}"),
        ..10_000.0 => format!("{value:.0}"),
        _ => format!("{value:.0e}"),
    }
}

/// The colours of a channel, and the values at their ends.
pub(in crate::view) fn shading(scale: MapScale, picture: &Picture, channel: usize) -> (Shade, (f32, f32)) {
    let of = picture.channels.get(channel).copied().unwrap_or_default();
    let (lo, hi) = match scale {
        MapScale::Layer => picture.range,
        MapScale::Channel => (of.min, of.max),
        MapScale::Score => {
            let wide = DEVIATIONS * of.deviation;
            return (Shade::Diverging, (of.mean - wide, of.mean + wide));
        }
    };
    if picture.signed || lo < 0.0 {
        let most = lo.abs().max(hi.abs());
        (Shade::Diverging, (-most, most))
    } else {
        (Shade::Viridis, (0.0, hi))
    }
}

pub(super) fn draw(app: &App, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let (Some(picture), Some(sheet)) = (&app.maps.picture, app.sheet()) else {
        waiting(app, theme, "feature maps", area, buf);
        return;
    };
    let page = app.maps.position() / sheet.per_page() * sheet.per_page();
    let shown = picture.order.iter().skip(page).take(sheet.per_page());
    for (index, channel) in shown.enumerate() {
        let cell = Cell { app, picture, channel: *channel, selected: app.maps.selected == *channel };
        cell.draw(theme, &sheet, rect(sheet.place(index)), buf);
    }
    if let Some(side) = sheet.side {
        side::draw(app, picture, theme, rect(side), buf);
    }
    if let Some(foot) = sheet.foot {
        side::foot(app, picture, theme, rect(foot), buf);
    }
}

fn rect(area: Area) -> Rect {
    Rect::new(area.x, area.y, area.width, area.height)
}

/// One map with what stands below.
struct Cell<'a> {
    app: &'a App,
    picture: &'a Picture,
    channel: usize,
    selected: bool,
}

impl Cell<'_> {
    fn draw(&self, theme: &Theme, sheet: &Sheet, area: Rect, buf: &mut Buffer) {
        let life = self.app.model.maps.life(self.picture, self.channel);
        tile(self.app.maps.scale, self.picture, self.channel, life, theme, area, buf);
        if sheet.captions {
            // Its own columns, and of the gap all but the last.
            let room = area.width + sheet.gap.0.saturating_sub(1);
            let line = Rect { y: area.bottom(), height: 1, width: room, ..area };
            self.caption(theme, life, Row::new(buf, line, 0));
        } else if self.selected {
            brackets(theme, area, buf);
        }
    }

    fn caption(&self, theme: &Theme, life: Life, mut row: Row<'_>) {
        let Some(channel) = self.picture.channels.get(self.channel) else { return };
        let index = self.channel.to_string();
        let style = theme.style(if self.selected { Role::Accent } else { Role::Dim });
        let marked = if self.selected { Modifier::BOLD | Modifier::REVERSED } else { Modifier::empty() };
        row.put(&index, style.add_modifier(marked)).gap(1);
        let dim = theme.style(if self.selected { Role::Text } else { Role::Dim });
        let room = usize::from(row.room());
        match life {
            _ if channel.missing > 0 => row.put_whole("NaN", theme.style(Role::Bad)),
            Life::Dead if room >= 4 => row.put("dead", theme.style(Role::Warn)),
            Life::Dead => row.put(theme.pick("×", "x"), theme.style(Role::Warn)),
            _ => match brief(channel.max, room) {
                Some(value) => row.put(&value, dim),
                None => &mut row,
            },
        };
    }
}

/// Marks a number that has no caption.
fn brackets(theme: &Theme, area: Rect, buf: &mut Buffer) {
    for (x, symbol) in [(area.left(), "["), (area.right().saturating_sub(1), "]")] {
        if let Some(cell) = buf.cell_mut((x, area.y)) {
            let color = theme.over(Role::Bright, cell.bg);
            cell.set_symbol(symbol).set_style(theme.style(Role::Bright)).set_fg(color);
            cell.modifier |= Modifier::BOLD;
        }
    }
}

/// A value in at most so many characters, with two decimals or one; none where only digits before the point would be
/// left of a small one.
fn brief(number: f32, room: usize) -> Option<String> {
    let shorter = || (number.abs() < 1000.0).then(|| format!("{number:.1}"));
    let whole = || (number.abs() >= 10.0).then(|| format!("{number:.0}"));
    [Some(value(number)), shorter(), whole()].into_iter().flatten().find(|text| text.width() <= room)
}

/// Draws the map of a channel, or that it is dead.
fn tile(scale: MapScale, picture: &Picture, channel: usize, life: Life, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let Some(values) = picture.map(channel) else { return };
    let dead = life == Life::Dead && picture.stage == Stage::After;
    if dead {
        // Where zero is when there are signs: darker than any value, lighter than the terminal.
        let ground = if theme.has_tints() { theme.shade(Shade::Diverging, ZERO) } else { Color::Reset };
        for position in area.intersection(buf.area).positions() {
            buf[position].reset();
            buf[position].set_bg(ground);
        }
    } else {
        let (colors, range) = shading(scale, picture, channel);
        Tile { values, colors, range }.render(theme, area, buf);
    }
    let (mark, role) = match life {
        Life::Active => return,
        Life::Silent => (theme.pick("·", "."), Role::Text),
        Life::Dead => (theme.pick("×", "x"), Role::Warn),
    };
    let middle = (area.x + area.width.saturating_sub(1) / 2, area.y + area.height.saturating_sub(1) / 2);
    if let Some(cell) = buf.cell_mut(middle) {
        let behind = cell.bg;
        cell.set_symbol(mark).set_fg(theme.over(role, behind));
        cell.modifier |= Modifier::BOLD;
    }
}
