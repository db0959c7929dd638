//! One file a panel, and the bars above and below them.

mod boundary;
mod codes;
mod confusion;
pub(super) mod footer;
pub(super) mod header;
mod landscape;
mod layers;
mod log;
mod loss;
mod maps;
mod metrics;
mod network;
mod reconstruction;
mod system;
mod units;

pub(super) use maps::{draw_map, shading};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
pub(super) use reconstruction::WORST;
use unicode_width::UnicodeWidthStr;

use super::theme::{Role, Theme};
use super::widgets::{Row, Trail};
use crate::app::{App, PanelId};
use crate::plot::format;
use crate::run::State;

/// What stands for a step before which nothing was learnt.
const UNTRAINED: &str = "UNTRAINED";

/// When a picture was taken.
fn at_step(app: &App, step: i64) -> String {
    let untrained = step <= 0 && app.model.is_untrained();
    if untrained { UNTRAINED.to_owned() } else { format!("step {}", format::count(step.max(0) as u64)) }
}

/// Whether what a panel shows was taken before the first step of a network that has not been trained since.
pub(super) fn is_untrained(app: &App, id: PanelId) -> bool {
    let model = &app.model;
    let step = match id {
        PanelId::Boundary => model.boundary.as_ref().filter(|boundary| boundary.grid.is_some()).map(|b| b.step),
        PanelId::Units => app.units.picture.as_ref().map(|picture| picture.step),
        PanelId::Maps => app.maps.picture.as_ref().map(|picture| picture.step),
        PanelId::Reconstruction => model.reconstruction.outputs.as_ref().map(|_| model.reconstruction.step),
        PanelId::Codes => model.codes.points.as_ref().map(|_| model.codes.step),
        PanelId::Confusion => model.confusion.as_ref().map(|confusion| confusion.step),
        PanelId::Landscape => landscape::shown(app).map(|(_, landscape)| landscape.step),
        PanelId::Loss | PanelId::Layers | PanelId::Metrics | PanelId::Network | PanelId::System | PanelId::Log => None,
    };
    app.model.is_untrained() && step.is_some_and(|step| step <= 0)
}

/// Draws a panel's content.
pub(super) fn draw(app: &App, theme: &Theme, id: PanelId, area: Rect, buf: &mut Buffer) {
    let area = area.intersection(buf.area);
    if area.is_empty() {
        return;
    }
    match id {
        PanelId::Loss => loss::draw(app, theme, area, buf),
        PanelId::Boundary => boundary::draw(app, theme, area, buf),
        PanelId::Units => units::draw(app, theme, area, buf),
        PanelId::Maps => maps::draw(app, theme, area, buf),
        PanelId::Reconstruction => reconstruction::draw(app, theme, area, buf),
        PanelId::Codes => codes::draw(app, theme, area, buf),
        PanelId::Confusion => confusion::draw(app, theme, area, buf),
        PanelId::Landscape => landscape::draw(app, theme, area, buf),
        PanelId::Layers => layers::draw(app, theme, area, buf),
        PanelId::Metrics => metrics::draw(app, theme, area, buf),
        PanelId::Network => network::draw(app, theme, area, buf),
        PanelId::System => system::draw(app, theme, area, buf),
        PanelId::Log => log::draw(app, theme, area, buf),
    }
}

/// The words on the right of a panel's frame: all that could stand there, then shorter ones for less room.
pub(super) fn status(app: &App, id: PanelId) -> Vec<String> {
    match id {
        PanelId::Loss => loss::status(app),
        PanelId::Boundary => boundary::status(app),
        PanelId::Units => units::status(app),
        PanelId::Maps => maps::status(app),
        PanelId::Reconstruction => reconstruction::status(app),
        PanelId::Codes => codes::status(app),
        PanelId::Confusion => confusion::status(app),
        PanelId::Landscape => landscape::status(app),
        PanelId::Layers => layers::status(app),
        PanelId::Metrics => Vec::new(),
        PanelId::Network => network::status(app),
        PanelId::System => system::status(app),
        PanelId::Log => log::status(app),
    }
}

/// Where one is within a panel, as its frame shows it.
pub(super) fn trail(app: &App, id: PanelId) -> Option<Trail<'_>> {
    match id {
        PanelId::Maps => maps::trail(app),
        PanelId::Units => units::trail(app),
        PanelId::Landscape => landscape::trail(app),
        _ => None,
    }
}

/// What a panel says while there is nothing to draw yet.
fn waiting(app: &App, theme: &Theme, for_what: &str, area: Rect, buf: &mut Buffer) {
    let state = app.model.state();
    let text = match state {
        State::Starting => app.model.starting(),
        _ if state.is_live() || !app.model.caught_up => format!("waiting for {for_what} …"),
        _ => format!("this run recorded no {}", for_what.trim_start_matches("the first ")),
    };
    let text = if theme.ascii() { text.replace('…', "...") } else { text };
    let indent = (area.width.saturating_sub(text.width() as u16)) / 2;
    Row::new(buf, area, area.height / 2).gap(indent).put(&text, theme.style(Role::Dim));
}
