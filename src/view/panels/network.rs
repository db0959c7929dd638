//! The network as a table, what of it is dead, and what trains it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use unicode_width::UnicodeWidthStr;

use super::super::theme::{Role, Theme};
use super::super::widgets::Row;
use super::waiting;
use crate::app::{App, PanelId};
use crate::plot::format;
use crate::recipe::{Activation, Layer, LayerKind, Network};
use crate::run::Setup;

/// Rows that are no layers: head and sum.
const FRAME: u16 = 2;

pub(super) fn status(app: &App) -> Vec<String> {
    let Some((network, _)) = network(app) else { return Vec::new() };
    let count = format::count(network.parameter_count() as u64);
    let work = multiply_adds(network.multiply_adds());
    vec![format!("{count} parameters · {work} mult-adds"), format!("{count} parameters"), count]
}

fn network(app: &App) -> Option<(&Network, &Setup)> {
    Some((app.model.network()?, &app.model.description.setup))
}

/// `81` or `2.2M`: an order of magnitude is what matters.
fn multiply_adds(count: usize) -> String {
    if count < 1_000 {
        return count.to_string();
    }
    let thousands = count as f64 / 1e3;
    match thousands {
        ..9.95 => format!("{thousands:.1}k"),
        ..999.5 => format!("{thousands:.0}k"),
        _ => format::number(count as f64),
    }
}

/// One row of the table, a text for each column.
struct Line {
    cells: [String; 5],
    style: Style,
    /// The name of a layer that changes shapes at most recedes.
    quiet: bool,
    dying: bool,
}

/// The columns that fit, with their widths. The first is the name.
fn columns(lines: &[Line], width: u16) -> Vec<(usize, u16)> {
    let needed = |column: usize| lines.iter().map(|line| line.cells[column].width() as u16).max().unwrap_or(0);
    let mut room = width.saturating_sub(needed(0));
    let mut shown = vec![(0, needed(0).min(width))];
    // Output and parameters first, then what is dead, then the work.
    for column in [1, 2, 4, 3] {
        let wide = needed(column) + 2;
        if needed(column) > 0 && wide <= room {
            shown.push((column, wide));
            room -= wide;
        }
    }
    shown.sort_by_key(|(column, _)| *column);
    // What is left goes between the columns, so that the table fills its place.
    let others = (shown.len() as u16).saturating_sub(1).max(1);
    let air = (room / others).min(4);
    for (_, wide) in shown.iter_mut().skip(1) {
        *wide += air;
    }
    shown
}

pub(super) fn draw(app: &App, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let Some((network, setup)) = network(app) else {
        waiting(app, theme, "network", area, buf);
        return;
    };
    let dim = theme.style(Role::Dim);
    let long: Vec<Line> = network.layers.iter().map(|layer| line(app, theme, layer, true)).collect();
    let head = ["layer", "output", "params", "mult-adds", "dead"].map(str::to_owned);
    let head = Line { cells: head, style: dim, quiet: true, dying: false };
    let input = ["input".to_owned(), shape(&network.input_shape), String::new(), String::new(), String::new()];
    let input = Line { cells: input, style: theme.style(Role::Text), quiet: false, dying: false };
    let mut lines = vec![head, input];
    lines.extend(long);
    lines.push(total(app, theme, network));
    // Activations beside the names where that takes no column away.
    let with = columns(&lines, area.width);
    let mut shown = with;
    if shown.len() < 5 {
        for (line, layer) in lines[2..].iter_mut().zip(&network.layers) {
            line.cells[0].clone_from(&layer.name);
        }
        let without = columns(&lines, area.width);
        if without.len() > shown.len() {
            shown = without;
        } else {
            for (line, layer) in lines[2..].iter_mut().zip(&network.layers) {
                line.cells[0] = named(layer);
            }
        }
    }
    let last = lines.pop();
    let layers = lines.split_off(2);
    let selected = app.network_view.selected.filter(|_| app.focus() == PanelId::Network);
    let mut y = 0;
    let mut put = |line: &Line, marked: bool, buf: &mut Buffer| {
        put_line(line, marked, &shown, theme, Row::new(buf, area, y));
        y += 1;
    };
    put(&lines[0], false, buf);
    // The input goes first where rows are short: the shapes say the rest.
    let whole = layers.len() as u16 + FRAME;
    let facts = facts(setup, area.width);
    if area.height > whole + facts.len() as u16 {
        put(&lines[1], false, buf);
    }
    let room = usize::from(area.height.saturating_sub(FRAME));
    let (first, count) = window(layers.len(), room, selected);
    for (place, line) in layers.iter().enumerate().skip(first).take(count) {
        put(line, selected == Some(place), buf);
    }
    if count < layers.len() {
        let more = format!("… {} more", layers.len() - count);
        let cells = [more, String::new(), String::new(), String::new(), String::new()];
        put(&Line { cells, style: dim, quiet: true, dying: false }, false, buf);
    }
    if let Some(last) = &last {
        put(last, false, buf);
    }
    let below = Rect { y: area.y + y.min(area.height), height: area.height.saturating_sub(y), ..area };
    put_facts(&facts, theme, below, buf);
}

/// The first layer shown and how many are, so that the selected one is among them; one row says how many are not.
fn window(layers: usize, room: usize, selected: Option<usize>) -> (usize, usize) {
    if layers <= room {
        return (0, layers);
    }
    let count = room.saturating_sub(1);
    let first = selected.map_or(0, |selected| (selected + 1).saturating_sub(count));
    (first.min(layers - count), count)
}

fn put_line(line: &Line, marked: bool, shown: &[(usize, u16)], theme: &Theme, mut row: Row<'_>) {
    for (column, width) in shown {
        let text = &line.cells[*column];
        let style = match column {
            0 if marked => theme.style(Role::Accent).add_modifier(Modifier::BOLD | Modifier::REVERSED),
            _ if line.quiet => line.style,
            2 => theme.style(Role::Bright),
            4 => theme.style(if line.dying { Role::Warn } else { Role::Dim }),
            _ => line.style,
        };
        if *column == 0 {
            row.put_cell(text, *width, style);
        } else {
            row.put_column(text, *width, style);
        }
    }
}

fn line(app: &App, theme: &Theme, layer: &Layer, named_whole: bool) -> Line {
    let count = layer.parameter_count();
    let parameters = if count == 0 { String::new() } else { format::count(count as u64) };
    let work = layer.multiply_adds();
    let work = if work == 0 { String::new() } else { multiply_adds(work) };
    let dead = app.model.dead(&layer.name);
    let (dying, dead) = dead.map_or((false, String::new()), |dead| share(&dead));
    let quiet = matches!(layer.kind, LayerKind::Flatten | LayerKind::Dropout);
    let name = if named_whole { named(layer) } else { layer.name.clone() };
    Line {
        cells: [name, shape(&layer.output_shape), parameters, work, dead],
        style: theme.style(if quiet { Role::Dim } else { Role::Text }),
        quiet,
        dying,
    }
}

/// Whether units of a layer can die: a rectifier may close for good, a smooth one as well. Other activations are zero at
/// a point at most, and a pool, which has none, would count what is dead before it again.
fn can_die(layer: &Layer) -> bool {
    matches!(layer.activation, Activation::Relu | Activation::Gelu)
}

/// Whether something is dead, and how much of the whole.
fn share(dead: &[bool]) -> (bool, String) {
    let count = dead.iter().filter(|dead| **dead).count();
    (count > 0, format::percent(count as f64 / dead.len().max(1) as f64))
}

fn total(app: &App, theme: &Theme, network: &Network) -> Line {
    let mortal = network.layers.iter().filter(|layer| can_die(layer));
    let dead: Vec<bool> = mortal.filter_map(|layer| app.model.dead(&layer.name)).flatten().collect();
    let (dying, dead) = if dead.is_empty() { (false, String::new()) } else { share(&dead) };
    let parameters = format::count(network.parameter_count() as u64);
    let work = multiply_adds(network.multiply_adds());
    let cells = ["total".to_owned(), String::new(), parameters, work, dead];
    Line { cells, style: theme.style(Role::Dim), quiet: false, dying }
}

/// How it starts, learns and on what, as many to a row as fit.
fn facts(setup: &Setup, width: u16) -> Vec<Vec<(&'static str, String)>> {
    let facts = [
        ("init", setup.init.clone()),
        ("optim", setup.optimizer.clone()),
        ("loss", setup.loss.clone()),
        ("batch", if setup.batch_size > 0 { setup.batch_size.to_string() } else { String::new() }),
        ("data", setup.data.clone().unwrap_or_default()),
    ];
    let mut rows: Vec<Vec<(&str, String)>> = Vec::new();
    let mut room = 0;
    for (name, value) in facts.into_iter().filter(|(_, value)| !value.is_empty()) {
        let wide = name.width() + value.width() + 3;
        if wide > room {
            rows.push(Vec::new());
            room = usize::from(width) + 2;
        }
        room = room.saturating_sub(wide);
        if let Some(row) = rows.last_mut() {
            row.push((name, value));
        }
    }
    rows
}

fn put_facts(rows: &[Vec<(&'static str, String)>], theme: &Theme, area: Rect, buf: &mut Buffer) {
    // A blank line above only where all of them still fit below it.
    let top = u16::from(usize::from(area.height) > rows.len());
    for (y, facts) in (top..).zip(rows) {
        let mut row = Row::new(buf, area, y);
        for (name, value) in facts {
            row.put(name, theme.style(Role::Dim)).gap(1).put(value, theme.style(Role::Text)).gap(2);
        }
    }
}

/// The layer's name with what follows it.
fn named(layer: &Layer) -> String {
    match layer.activation {
        Activation::Linear => layer.name.clone(),
        activation => format!("{} {activation}", layer.name),
    }
}

fn shape(shape: &[usize]) -> String {
    shape.iter().map(ToString::to_string).collect::<Vec<_>>().join("×")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_reads_as_an_order_of_magnitude() {
        assert_eq!([0, 60, 1_000, 9_940, 55_296].map(multiply_adds), ["0", "60", "1.0k", "9.9k", "55k"]);
        assert_eq!([194_688, 2_230_272, 14_000_000].map(multiply_adds), ["195k", "2.23M", "14.0M"]);
    }

    #[test]
    fn the_selected_layer_is_in_the_window() {
        assert_eq!(window(8, 9, Some(7)), (0, 8));
        for selected in 0..20 {
            let (first, count) = window(20, 6, Some(selected));
            assert!((first..first + count).contains(&selected) && first + count <= 20 && count == 5);
        }
        assert_eq!(window(20, 0, None), (0, 0));
    }
}
