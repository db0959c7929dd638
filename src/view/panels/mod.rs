//! One file a panel, and the bars above and below them.

mod boundary;
pub(super) mod footer;
pub(super) mod header;
mod loss;
mod metrics;
mod network;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use super::theme::{Role, Theme};
use super::widgets::Row;
use crate::app::{App, PanelId};
use crate::run::State;

/// Draws a panel's content.
pub(super) fn draw(app: &App, theme: &Theme, id: PanelId, area: Rect, buf: &mut Buffer) {
    let area = area.intersection(buf.area);
    if area.is_empty() {
        return;
    }
    match id {
        PanelId::Loss => loss::draw(app, theme, area, buf),
        PanelId::Boundary => boundary::draw(app, theme, area, buf),
        PanelId::Metrics => metrics::draw(app, theme, area, buf),
        PanelId::Network => network::draw(app, theme, area, buf),
    }
}

/// The words on the right of a panel's frame: all that could stand there, then shorter ones for less room.
pub(super) fn status(app: &App, id: PanelId) -> Vec<String> {
    match id {
        PanelId::Loss => loss::status(app),
        PanelId::Boundary => boundary::status(app),
        PanelId::Metrics => Vec::new(),
        PanelId::Network => network::status(app),
    }
}

/// What a panel says while there is nothing to draw yet.
fn waiting(app: &App, theme: &Theme, for_what: &str, area: Rect, buf: &mut Buffer) {
    let state = app.model.state();
    let text = match state {
        State::Starting => "starting libtorch …".to_owned(),
        _ if state.is_live() || !app.model.caught_up => format!("waiting for {for_what} …"),
        _ => format!("this run recorded no {for_what}"),
    };
    let text = if theme.ascii() { text.replace('…', "...") } else { text };
    let indent = (area.width.saturating_sub(text.width() as u16)) / 2;
    Row::new(buf, area, area.height / 2).gap(indent).put(&text, theme.style(Role::Dim));
}
