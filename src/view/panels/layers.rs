//! How every layer is: norms, updates and distributions of each parameter, and what layers put out.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use unicode_width::UnicodeWidthStr;

use super::super::theme::{Role, Theme};
use super::super::widgets::{Ratio, Ridges, Row, Sparkline};
use super::waiting;
use crate::app::{App, Film, Health, HealthRow, bars};
use crate::log::tags;
use crate::plot::format;

/// What updates to weights should be about, by a rule of thumb.
const MARK: f64 = 1e-3;
/// Ends of the axis of update ratios: three decades on either side of the mark.
const RATIOS: (f64, f64) = (1e-6, 1.0);
/// Columns of the longest name.
const NAME: u16 = 18;
/// Rows of the ridges, at the least.
const RIDGES: u16 = 4;
/// Columns of one film, at the least, and from which on it is named in full.
const FILM: (u16, u16) = (17, 30);
/// A layer whose activations are zero in so large a share is worth a look.
const MANY_ZEROS: f64 = 0.9;

/// A column of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Norm,
    GradNorm,
    Ratio,
    RatioBar,
    Weights,
    Grads,
    Activations,
    Zeros,
}

impl Column {
    /// In the order in which they stand.
    const ALL: [Self; 8] = [
        Self::Norm,
        Self::GradNorm,
        Self::Ratio,
        Self::RatioBar,
        Self::Weights,
        Self::Grads,
        Self::Activations,
        Self::Zeros,
    ];
    /// In the order in which they get room.
    const BY_WORTH: [Self; 8] = [
        Self::RatioBar,
        Self::GradNorm,
        Self::Zeros,
        Self::Weights,
        Self::Norm,
        Self::Grads,
        Self::Activations,
        Self::Ratio,
    ];

    /// Cells at the least and at the most.
    fn cells(self) -> (u16, u16) {
        match self {
            Self::Norm | Self::GradNorm | Self::Ratio => (8, 8),
            Self::Zeros => (5, 5),
            Self::RatioBar | Self::Weights | Self::Grads | Self::Activations => (9, 25),
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Norm => "norm",
            Self::GradNorm => "grad",
            Self::Ratio | Self::RatioBar => "update",
            Self::Weights => "weights",
            Self::Grads => "gradients",
            Self::Activations => "outputs",
            Self::Zeros => "zero",
        }
    }

    /// Whether anything was recorded for it.
    fn is_known(self, app: &App, rows: &[HealthRow]) -> bool {
        let health = &app.model.health;
        let number = |kind: &str, name: &str| app.model.last(&tags::of_layer(kind, name)).is_some();
        rows.iter().any(|row| {
            let parameter = row.parameter.as_deref().unwrap_or_default();
            let layer = row.layer.as_deref().unwrap_or_default();
            match self {
                Self::Norm => number(tags::NORM, parameter),
                Self::GradNorm => number(tags::GRAD_NORM, parameter),
                Self::Ratio | Self::RatioBar => number(tags::UPDATE_RATIO, parameter),
                Self::Weights => health.film(tags::WEIGHTS, parameter).is_some(),
                Self::Grads => health.film(tags::GRADS, parameter).is_some(),
                Self::Activations => health.film(tags::ACTIVATIONS, layer).is_some(),
                Self::Zeros => number(tags::ZEROS, layer),
            }
        })
    }
}

/// Where the columns stand: first cell from the left, and cells.
fn columns(known: impl Fn(Column) -> bool, name: u16, width: u16) -> Vec<(Column, u16, u16)> {
    let mut left = width.saturating_sub(name);
    let mut chosen = Vec::new();
    for column in Column::BY_WORTH.into_iter().filter(|column| known(*column)) {
        let cells = column.cells().0 + 1;
        if cells <= left {
            left -= cells;
            chosen.push((column, column.cells().0));
        }
    }
    // What is left over goes to the pictures, evenly.
    while left > 0 {
        let mut grown = false;
        for (column, cells) in &mut chosen {
            if left > 0 && *cells < column.cells().1 {
                *cells += 1;
                left -= 1;
                grown = true;
            }
        }
        if !grown {
            break;
        }
    }
    let mut x = name;
    let place = |column: Column| {
        let cells = chosen.iter().find(|(other, _)| *other == column)?.1;
        let at = x + 1;
        x = at + cells;
        Some((column, at, cells))
    };
    Column::ALL.into_iter().filter_map(place).collect()
}

pub(super) fn status(app: &App) -> Vec<String> {
    let rows = app.model.health.rows(&app.model);
    let Some(row) = rows.get(app.health_row()) else { return Vec::new() };
    let tensors = rows.iter().filter(|row| row.parameter.is_some()).count();
    let place = format!("{}/{}", app.health_row() + 1, rows.len());
    vec![format!("{tensors} tensors · {} {place}", row.name()), format!("{tensors} tensors"), place]
}

pub(super) fn draw(app: &App, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let rows = app.model.health.rows(&app.model);
    if rows.is_empty() {
        waiting(app, theme, "norms", area, buf);
        return;
    }
    let name = rows.iter().map(|row| row.name().width() as u16).max().unwrap_or(0).min(NAME) + 1;
    let columns = columns(|column| column.is_known(app, &rows), name, area.width);
    let selected = app.health_row();
    let all = rows.len() as u16 + 1;
    // The history of the selected one stands below where that leaves enough of the table.
    let table = if area.height >= all + RIDGES {
        all
    } else if app.zoomed && area.height >= 3 * RIDGES {
        area.height / 2
    } else {
        area.height
    };
    head(&columns, theme, Row::new(buf, area, 0));
    let room = usize::from(table.saturating_sub(1));
    let first =
        (selected + 1).saturating_sub(room).max(selected.saturating_sub(room / 2)).min(rows.len().saturating_sub(room));
    for (y, (place, row)) in rows.iter().enumerate().skip(first).take(room).enumerate() {
        let line = Rect { y: area.y + 1 + y as u16, height: 1, ..area };
        let marked = place == selected;
        draw_row(app, row, marked, name, &columns, theme, line, buf);
    }
    if table + RIDGES <= area.height {
        let free = u16::from(table + RIDGES < area.height);
        let below = Rect { y: area.y + table + free, height: area.height - table - free, ..area };
        history(app, &rows[selected], theme, below, buf);
    }
}

fn head(columns: &[(Column, u16, u16)], theme: &Theme, mut row: Row<'_>) {
    let dim = theme.style(Role::Dim);
    let left = row.column();
    row.put("tensor", dim);
    for (column, x, cells) in columns {
        row.to(left + x);
        match column {
            Column::RatioBar => {
                // The mark stands where it stands in the bars.
                let mark = (cells - 1) / 2;
                let numbered = columns.iter().any(|(other, ..)| *other == Column::Ratio);
                let title = if usize::from(mark) > column.title().width() { column.title() } else { "upd" };
                if !numbered {
                    row.put(title, dim);
                }
                row.to(left + x + mark).put_cell("1e-3", cells - mark, dim);
            }
            Column::Weights | Column::Grads | Column::Activations => {
                row.put_cell(column.title(), *cells, dim);
            }
            _ => {
                row.put_column(column.title(), *cells, dim);
            }
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "a row of a table knows its place, its columns and its content")]
fn draw_row(
    app: &App,
    row: &HealthRow,
    selected: bool,
    name: u16,
    columns: &[(Column, u16, u16)],
    theme: &Theme,
    line: Rect,
    buf: &mut Buffer,
) {
    let parameter = row.parameter.as_deref().unwrap_or_default();
    let layer = row.layer.as_deref().unwrap_or_default();
    let style = if selected { theme.style(Role::Accent).add_modifier(Modifier::BOLD) } else { theme.style(Role::Text) };
    Row::new(buf, line, 0).put_cell(row.name(), name, style);
    let health = &app.model.health;
    for (column, x, cells) in columns {
        let place = Rect { x: line.x + x, width: *cells, ..line }.intersection(line);
        let number = |kind, of: &str| app.model.last(&tags::of_layer(kind, of));
        match column {
            Column::Norm => write(number(tags::NORM, parameter), theme, place, buf),
            Column::GradNorm => write(number(tags::GRAD_NORM, parameter), theme, place, buf),
            Column::Ratio => write(number(tags::UPDATE_RATIO, parameter), theme, place, buf),
            Column::RatioBar => {
                if let Some(value) = number(tags::UPDATE_RATIO, parameter) {
                    Ratio { value, range: RATIOS, mark: MARK }.render(theme, place, buf);
                }
            }
            Column::Weights => small(health, tags::WEIGHTS, parameter, theme, place, buf),
            Column::Grads => small(health, tags::GRADS, parameter, theme, place, buf),
            Column::Activations => small(health, tags::ACTIVATIONS, layer, theme, place, buf),
            Column::Zeros => {
                if let Some(share) = number(tags::ZEROS, layer) {
                    let role = if share >= MANY_ZEROS { Role::Warn } else { Role::Text };
                    let text = format::percent(share).replace(' ', "");
                    Row::new(buf, place, 0).put_column(&text, *cells, theme.style(role));
                }
            }
        }
    }
}

fn write(number: Option<f64>, theme: &Theme, place: Rect, buf: &mut Buffer) {
    let Some(number) = number else { return };
    let role = if number.is_finite() { Role::Bright } else { Role::Bad };
    Row::new(buf, place, 0).put_column(&format::number(number), place.width, theme.style(role));
}

/// A histogram as a row of bars.
fn small(health: &Health, kind: &str, name: &str, theme: &Theme, place: Rect, buf: &mut Buffer) {
    let Some(histogram) = health.film(kind, name).and_then(Film::last) else { return };
    let heights = bars(histogram, usize::from(place.width));
    if heights.is_empty() {
        Row::new(buf, place, 0).put("not finite", theme.style(Role::Bad));
        return;
    }
    Sparkline { values: &heights, role: Role::Raw }.render(theme, place, buf);
    // A bin without a value is no bar.
    for (x, _) in (place.left()..).zip(&heights).filter(|(_, height)| **height == 0.0) {
        if let Some(cell) = buf.cell_mut((x, place.y)) {
            cell.set_symbol(" ");
        }
    }
}

/// The selected row's histograms over time, side by side.
fn history(app: &App, row: &HealthRow, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let health = &app.model.health;
    let layer = row.layer.clone().or_else(|| row.parameter.as_deref().and_then(|name| layer_of(app, name)));
    let parameter = row.parameter.as_deref();
    let films = [
        ("weights", parameter.and_then(|name| health.film(tags::WEIGHTS, name)), parameter),
        ("gradients", parameter.and_then(|name| health.film(tags::GRADS, name)), parameter),
        ("outputs", layer.as_deref().and_then(|name| health.film(tags::ACTIVATIONS, name)), layer.as_deref()),
    ];
    let films: Vec<_> = films.into_iter().filter_map(|(what, film, name)| Some((what, film?, name?))).collect();
    let count = (films.len() as u16).min(((area.width + 2) / (FILM.0 + 2)).max(1));
    if count == 0 {
        Row::new(buf, area, 0).put(&format!("no histograms of {} yet", row.name()), theme.style(Role::Dim));
        return;
    }
    let each = (area.width - 2 * (count - 1)) / count;
    for (at, (what, film, name)) in (0..count).zip(films) {
        let place = Rect { x: area.x + at * (each + 2), width: each, ..area };
        ridges(what, name, film, theme, place, buf);
    }
}

fn layer_of(app: &App, parameter: &str) -> Option<String> {
    let layers = &app.model.network()?.layers;
    let layer = layers.iter().find(|layer| layer.parameters.iter().any(|other| other.name == parameter))?;
    Some(layer.name.clone())
}

fn ridges(what: &str, name: &str, film: &Film, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let (dim, text) = (theme.style(Role::Dim), theme.style(Role::Text));
    let mut head = Row::new(buf, area, 0);
    if area.width >= FILM.1 {
        head.put(name, text).put(" ", dim);
    }
    head.put_whole(what, dim);
    // The ends of the axis where there is room for more than the lines.
    let foot = u16::from(area.height > RIDGES);
    let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1 + foot), ..area };
    let (most, bins) = Ridges::room(theme, body);
    let Some((range, ridges)) = film.ridges(most, bins) else {
        Row::new(buf, body, 0).put("nothing finite", theme.style(Role::Bad));
        return;
    };
    let steps = |at: Option<&crate::app::Ridge>| at.map_or(String::new(), |it| format::count(it.step.max(0) as u64));
    head.put_right(&format!(" step {}..{}", steps(ridges.first()), steps(ridges.last())), dim);
    let heights: Vec<Vec<f64>> = ridges.into_iter().map(|ridge| ridge.heights).collect();
    Ridges { ridges: &heights }.render(theme, body, buf);
    if foot > 0 {
        let mut foot = Row::new(buf, area, area.height - 1);
        foot.put(&format::number(range.0), dim).put_right(&format::number(range.1), dim);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_come_by_worth_and_fill_the_width() {
        let named = |width: u16| columns(|_| true, 14, width);
        assert!(named(10).is_empty());
        assert_eq!(named(24).iter().map(|column| column.0).collect::<Vec<_>>(), [Column::RatioBar]);
        let some: Vec<Column> = named(40).iter().map(|column| column.0).collect();
        assert_eq!(some, [Column::GradNorm, Column::RatioBar, Column::Zeros]);
        assert_eq!(named(100).len(), 8);
        for width in 14..300 {
            let columns = named(width);
            let ends: Vec<(u16, u16)> = columns.iter().map(|(_, x, cells)| (*x, x + cells)).collect();
            assert!(ends.windows(2).all(|pair| pair[0].1 < pair[1].0), "{columns:?}");
            assert!(ends.iter().all(|(_, end)| *end <= width), "{columns:?} in {width}");
        }
        let last = named(100).last().copied().unwrap();
        assert_eq!(last.1 + last.2, 100);
        assert!(!columns(|column| column != Column::Zeros, 14, 100).iter().any(|column| column.0 == Column::Zeros));
    }
}
