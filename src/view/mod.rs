//! Drawing: reads the application, writes cells. Nothing is changed and nothing is asked here.

mod overlay;
mod page;
mod palette;
mod panels;
mod pixels;
mod sgr;
mod shade;
pub mod theme;
pub mod widgets;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Color;
use ratatui::widgets::{Clear, Widget};

use crate::app::{App, Area, Exhibit, Layout, Overlay, PanelId, PixelMode, SMALLEST, Slot};
pub use page::Page;
pub use palette::Ground;
pub use pixels::{Pixels, picture};
pub use sgr::Sgr;
pub use shade::Shade;
pub use theme::{ColorDepth, Glyphs, Role, Theme};
use widgets::{PanelFrame, Row};

/// Draws the whole screen.
pub fn draw(app: &App, theme: &Theme, frame: &mut Frame<'_>) {
    let area = frame.area();
    draw_into(app, theme, area, frame.buffer_mut());
}

/// Draws the whole screen into a buffer.
pub fn draw_into(app: &App, theme: &Theme, area: Rect, buf: &mut Buffer) {
    // The screen may have changed since the application heard of its size: draw only where both agree.
    let Some(layout) = app.layout().filter(|_| area.width >= SMALLEST.0 && area.height >= SMALLEST.1) else {
        too_small(theme, area, buf);
        finish(theme, buf);
        return;
    };
    panels::header::draw(app, theme, rect(layout.header).intersection(area), buf);
    for slot in &layout.slots {
        draw_slot(app, theme, slot, area, buf);
    }
    panels::footer::draw(app, theme, rect(layout.footer).intersection(area), buf);
    match app.overlay {
        None => {}
        Some(Overlay::Help { scroll }) => overlay::help(app, theme, scroll, area, buf),
        Some(Overlay::Leave) => overlay::ask("Leave?", app, theme, area, buf),
        Some(Overlay::StartOver { new_seed: false }) => overlay::ask("Start over?", app, theme, area, buf),
        Some(Overlay::StartOver { new_seed: true }) => {
            overlay::ask("Start over with a new seed?", app, theme, area, buf);
        }
        Some(Overlay::Events { scroll }) => overlay::events(app, theme, scroll, area, buf),
        Some(Overlay::Map) => panels::draw_map(app, theme, body(&layout).intersection(area), buf),
        Some(Overlay::Died) => overlay::died(app, theme, area, buf),
        Some(Overlay::Picture { .. }) => draw_picture(app, theme, body(&layout).intersection(area), buf),
    }
    finish(theme, buf);
}

/// What goes over everything once it is drawn.
fn finish(theme: &Theme, buf: &mut Buffer) {
    if theme.ascii() {
        to_ascii(buf);
    }
    if let Some((ground, text)) = theme.paint() {
        for cell in &mut buf.content {
            if cell.bg == Color::Reset {
                cell.bg = ground;
            }
            if cell.fg == Color::Reset {
                cell.fg = text;
            }
        }
    }
}

/// Replaces what no ASCII terminal can show. Drawings choose their own characters; this is for text: separators, and
/// names from outside.
fn to_ascii(buf: &mut Buffer) {
    for cell in buf.content.iter_mut().filter(|cell| !cell.symbol().is_ascii()) {
        cell.set_symbol(match cell.symbol() {
            "·" => "|",
            "…" => "~",
            "×" => "x",
            "→" => ">",
            "↑" => "^",
            "▲" => "!",
            _ => "?",
        });
    }
}

/// What a picture is of: its title, and what stands beside that in the panel's frame.
pub fn caption(app: &App, exhibit: &Exhibit) -> String {
    match exhibit {
        Exhibit::Panel(id) => {
            let status =
                panels::status(app, *id).into_iter().next().map_or_else(String::new, |words| format!(" · {words}"));
            let layer = match id {
                PanelId::Maps => app.maps.picture.as_ref().map(|picture| picture.layer.as_str()),
                PanelId::Units => app.units.picture.as_ref().map(|picture| picture.layer.as_str()),
                _ => None,
            };
            let layer = layer.map_or_else(String::new, |layer| format!(" · {layer}"));
            format!("{}{layer}{status}", app.title(*id))
        }
        Exhibit::Input(probe) => {
            let size = app.model.maps.inputs.get(probe).map_or((0, 0, 0), ndarray::Array3::dim);
            format!("Input {probe} · {}×{}{}", size.1, size.2, if size.0 == 3 { " in colour" } else { "" })
        }
    }
    .chars()
    .filter(|c| !c.is_control())
    .collect()
}

/// The place of a picture of pixels, in cells: between header and footer. `None` on a screen that is too small.
pub fn picture_area(app: &App) -> Option<(u16, u16, u16, u16)> {
    let area = body(&app.layout()?);
    Some((area.x, area.y, area.width, area.height))
}

/// A picture of pixels over all panels: in half blocks, or the free place that the terminal fills.
fn draw_picture(app: &App, theme: &Theme, area: Rect, buf: &mut Buffer) {
    Clear.render(area, buf);
    let room = (usize::from(area.width), 2 * usize::from(area.height));
    let subject = app.subject().filter(|_| app.pixel_mode == PixelMode::Blocks);
    if let Some(pixels) = subject.and_then(|subject| picture(app, theme, &subject, room)) {
        pixels::half_blocks(&pixels, theme, area, buf);
    }
}

fn draw_slot(app: &App, theme: &Theme, slot: &Slot, screen: Rect, buf: &mut Buffer) {
    let area = rect(slot.area).intersection(screen);
    let tabs = app.tabs(slot);
    let titles: Vec<_> = tabs.iter().map(|tab| (tab.text.as_str(), tab.id == slot.shown)).collect();
    let status = panels::status(app, slot.shown);
    let role = if panels::is_untrained(app, slot.shown) { Role::Warn } else { Role::Dim };
    let (trail, focused) = (panels::trail(app, slot.shown), app.focus() == slot.shown);
    let frame = PanelFrame { titles: &titles, trail, status: &status, role, focused };
    frame.render(theme, area, buf);
    panels::draw(app, theme, slot.shown, PanelFrame::inner(area), buf);
}

/// All between header and footer.
fn body(layout: &Layout) -> Rect {
    let (header, footer) = (rect(layout.header), layout.footer);
    Rect { y: header.bottom(), height: footer.y.saturating_sub(header.bottom()), ..header }
}

fn too_small(theme: &Theme, area: Rect, buf: &mut Buffer) {
    let middle = area.height / 2;
    Row::new(buf, area, middle).put("too small", theme.style(Role::Warn));
    let text = format!("{}x{} here, {}x{} needed", area.width, area.height, SMALLEST.0, SMALLEST.1);
    Row::new(buf, area, middle + 1).put(&text, theme.style(Role::Dim));
}

fn rect(area: Area) -> Rect {
    Rect::new(area.x, area.y, area.width, area.height)
}
