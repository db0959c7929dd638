//! The network as a table, and what trains it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use super::super::theme::{Role, Theme};
use super::super::widgets::Row;
use super::waiting;
use crate::app::App;
use crate::plot::format;
use crate::recipe::{Activation, Layer, Network};
use crate::run::RunMeta;

/// Width of the columns of numbers.
const OUTPUT: u16 = 7;
const PARAMS: u16 = 7;

pub(super) fn status(app: &App) -> Vec<String> {
    let count = network(app).map(|(network, _)| format::count(network.parameter_count() as u64));
    count.map_or_else(Vec::new, |count| vec![format!("{count} parameters"), count])
}

fn network(app: &App) -> Option<(&Network, &RunMeta)> {
    let meta = app.model.meta.as_ref()?;
    Some((meta.network.as_ref()?, meta))
}

pub(super) fn draw(app: &App, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let Some((network, meta)) = network(app) else {
        waiting(app, theme, "the network", area, buf);
        return;
    };
    let dim = theme.style(Role::Dim);
    let mut y = 0;
    let longest = network.layers.iter().map(|layer| named(layer).width() as u16).max().unwrap_or(0);
    let name = (longest + 1).min(area.width.saturating_sub(OUTPUT + PARAMS)).max(6);
    let mut line = |cells: [&str; 3], styles: [Role; 3]| {
        let mut row = Row::new(buf, area, y);
        row.put_cell(cells[0], name, theme.style(styles[0]));
        row.put_column(cells[1], OUTPUT, theme.style(styles[1])).put_column(cells[2], PARAMS, theme.style(styles[2]));
        y += 1;
    };
    line(["layer", "output", "params"], [Role::Dim; 3]);
    line(["input", &shape(&network.input_shape), ""], [Role::Text; 3]);
    for layer in &network.layers {
        let params = format::count(layer.parameter_count() as u64);
        line([&named(layer), &shape(&layer.output_shape), &params], [Role::Text, Role::Text, Role::Bright]);
    }
    let facts = [
        ("init", meta.init.as_str()),
        ("optim", &meta.optimizer),
        ("loss", &meta.loss),
        ("data", meta.data.as_deref().unwrap_or("")),
    ];
    // A blank line above the facts only where all of them still fit below it.
    if usize::from(area.height) > usize::from(y) + facts.len() {
        y += 1;
    }
    for (name, value) in facts.into_iter().filter(|(_, value)| !value.is_empty()) {
        let mut row = Row::new(buf, area, y);
        row.put(name, dim).to(area.x + 6).put(value, theme.style(Role::Text));
        if name == "loss" {
            row.gap(2).put("batch ", dim).put(&meta.batch_size.to_string(), theme.style(Role::Text));
        }
        y += 1;
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
