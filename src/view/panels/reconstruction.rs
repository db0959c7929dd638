//! What an autoencoder makes of a few pictures: input, code, output, error.

use ndarray::{ArrayView1, Axis, s};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::super::shade::Shade;
use super::super::theme::{Role, Theme};
use super::super::widgets::{Photo, Row, Tile};
use super::{at_step, waiting};
use crate::app::{App, Area, NAMES, Strip};
use crate::plot::{ascii, format};

/// Errors are seldom large: half of the whole range is the end of the colours.
pub(in crate::view) const WORST: f32 = 0.5;

pub(super) fn status(app: &App) -> Vec<String> {
    let reconstruction = &app.model.reconstruction;
    if reconstruction.outputs.is_none() {
        return Vec::new();
    }
    let step = at_step(app, reconstruction.step);
    let slots = app.layout().map(|layout| layout.slots).unwrap_or_default();
    let Some(slot) = slots.iter().find(|slot| slot.shown == crate::app::PanelId::Reconstruction) else {
        return vec![step];
    };
    let (strip, first, count) = window(app, slot.area.inside_frame());
    let shown = (first + strip.across).min(count);
    let part = if shown - first < count { format!("{}-{shown} of {count}", first + 1) } else { String::new() };
    if part.is_empty() { vec![step] } else { vec![format!("{part} · {step}"), part] }
}

/// The geometry, the first picture shown, and how many there are.
fn window(app: &App, area: Area) -> (Strip, usize, usize) {
    let reconstruction = &app.model.reconstruction;
    let count = reconstruction.outputs.as_ref().map_or(0, |outputs| outputs.dim().0);
    let strip = reconstruction.strip(area);
    (strip, strip.first(app.first_picture, count), count)
}

pub(super) fn draw(app: &App, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let reconstruction = &app.model.reconstruction;
    let Some(outputs) = &reconstruction.outputs else {
        waiting(app, theme, "picture", area, buf);
        return;
    };
    let (strip, first, count) = window(app, Area::new(area.x, area.y, area.width, area.height));
    let dead = app.model.dead_code();
    let largest = reconstruction.codes.as_ref().map_or(0.0, |codes| {
        codes.iter().copied().filter(|value| value.is_finite()).fold(0.0, |most: f32, value| most.max(value.abs()))
    });
    let classes = app.model.classes(reconstruction.labels.iter().max().map_or(0, |most| *most as usize + 1));
    let dim = theme.style(Role::Dim);
    let high = strip.tile.1 + strip.gap;
    let code_rows = strip.code.map_or(0, |(rows, _)| rows + strip.gap);
    let tops = [1, 1 + high, 1 + high + code_rows, 1 + 2 * high + code_rows];
    let named = [("input", true), ("code", strip.code.is_some()), ("output", true), ("error", strip.errors)];
    for ((name, _), top) in named.into_iter().zip(tops).filter(|((_, shown), _)| *shown) {
        Row::new(buf, area, top + if name == "code" { 0 } else { strip.tile.1 / 2 }).put(name, dim);
    }
    let numbers = tops[3] + if strip.errors { high } else { 0 } - strip.gap;
    let numbers = numbers.min(area.height.saturating_sub(1));
    if area.height > 2 && !reconstruction.losses.is_empty() {
        let loss = app.model.description.setup.loss.as_str();
        Row::new(buf, area, numbers).put_cell(loss, NAMES - 1, dim);
    }
    for (place, index) in (first..count).take(strip.across).enumerate() {
        let x = area.x + NAMES + place as u16 * (strip.tile.0 + 1);
        let column = Rect { x, width: strip.tile.0, ..area }.intersection(area);
        let tile = |top: u16| Rect { y: area.y + top, height: strip.tile.1, ..column }.intersection(area);
        let picture = |pictures: &ndarray::Array4<f32>, top, buf: &mut Buffer| {
            if index < pictures.dim().0 {
                Photo { channels: pictures.slice(s![index, .., .., ..]) }.render(theme, tile(top), buf);
            }
        };
        if let Some(label) = reconstruction.labels.get(index) {
            let name = classes.brief(*label as usize, usize::from(column.width));
            centred(&name, theme.style(Role::Bright), column, 0, buf);
        }
        if let Some(inputs) = &reconstruction.inputs {
            picture(inputs, tops[0], buf);
        }
        picture(outputs, tops[2], buf);
        let errors = reconstruction.differences.as_ref().filter(|set| strip.errors && index < set.dim().0);
        if let Some(differences) = errors {
            let values = differences.slice(s![index, .., ..]);
            Tile { values, colors: Shade::Heat, range: (0.0, WORST) }.render(theme, tile(tops[3]), buf);
        }
        if let (Some(codes), Some(size)) = (&reconstruction.codes, strip.code)
            && index < codes.len_of(Axis(0))
        {
            let place = Rect { y: area.y + tops[1], height: size.0, ..column }.intersection(area);
            code(codes.row(index), &dead, largest, size.1, theme, place, buf);
        }
        if let Some(loss) = reconstruction.losses.get(index) {
            let role = if loss.is_finite() { Role::Bright } else { Role::Bad };
            centred(&format::number((*loss).into()), theme.style(role), column, numbers, buf);
        }
    }
}

/// One cell a unit, `across` side by side in the middle of the place.
fn code(
    values: ArrayView1<'_, f32>,
    dead: &[bool],
    largest: f32,
    across: u16,
    theme: &Theme,
    area: Rect,
    buf: &mut Buffer,
) {
    let signed = values.iter().any(|value| *value < 0.0);
    let (shade, range) =
        if signed { (Shade::Diverging, (-largest, largest)) } else { (Shade::Viridis, (0.0, largest)) };
    // Two cells a unit where they fit: about square.
    let wide = if across * 2 <= area.width { 2 } else { 1 };
    let left = area.x + (area.width.saturating_sub(across * wide)) / 2;
    for (unit, value) in values.iter().enumerate() {
        let (x, y) = (left + unit as u16 % across * wide, area.y + unit as u16 / across);
        if y >= area.bottom() {
            break;
        }
        let level = shade.level(*value, range);
        for x in x..(x + wide).min(area.right()) {
            let Some(cell) = buf.cell_mut((x, y)) else { continue };
            cell.reset();
            if dead.get(unit).copied().unwrap_or(false) {
                cell.set_symbol("×").set_style(theme.style(Role::Warn));
            } else if level.is_none() {
                cell.set_symbol("×").set_style(theme.style(Role::Bad));
            } else if theme.has_tints() && !theme.ascii() {
                cell.set_bg(theme.shade(shade, level));
            } else {
                let density = (value.abs() / largest.max(f32::MIN_POSITIVE)).min(1.0);
                let symbol = if theme.ascii() { ascii::ramp(density) } else { density_of(density) };
                cell.set_char(symbol).set_style(Style::new());
            }
        }
    }
}

fn density_of(share: f32) -> char {
    const DENSITIES: [char; 5] = [' ', '░', '▒', '▓', '█'];
    DENSITIES[(share * (DENSITIES.len() - 1) as f32).round() as usize]
}

fn centred(text: &str, style: Style, column: Rect, row: u16, buf: &mut Buffer) {
    let indent = column.width.saturating_sub(text.chars().count() as u16) / 2;
    Row::new(buf, column, row).gap(indent).put(text, style);
}
