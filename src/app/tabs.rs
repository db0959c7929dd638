//! The titles in a frame that several panels may share.

use super::layout::Slot;
use super::panel::PanelId;
use super::update::App;

/// A panel's title in a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tab {
    /// The panel.
    pub id: PanelId,
    /// Its number and title with a blank on either side, or the number alone where titles do not fit.
    pub text: String,
}

impl Tab {
    /// Cells that it takes.
    pub fn width(&self) -> u16 {
        self.text.chars().count() as u16
    }
}

/// Cells that titles leave for the words on the right.
const WORDS: u16 = 14;
/// The same where layers are named there too.
const MORE_WORDS: u16 = 34;
/// Cells of a frame's first row that are no title: two at either end.
const CORNERS: u16 = 4;

impl App {
    /// The word in a panel's frame.
    pub fn title(&self, id: PanelId) -> &'static str {
        let network = self.model.network();
        match id {
            // Layers that are all rows of numbers have no maps.
            PanelId::Maps if network.is_some_and(|network| network.layers.iter().all(|l| l.map_size() == [1, 1])) => {
                "Activations"
            }
            _ => id.title(),
        }
    }

    /// Cells that a panel wants for words beside its title.
    fn words(&self, id: PanelId) -> u16 {
        let layers = match id {
            PanelId::Maps => self.model.maps.layers(self.model.network()),
            PanelId::Units => self.units.layers(&self.model),
            PanelId::Landscape => return WORDS + 10,
            _ => return WORDS,
        };
        layers.iter().map(|name| name.chars().count() as u16 + 3).sum::<u16>().saturating_add(MORE_WORDS)
    }

    /// The titles of the panels that share a frame, from its third column on. That of the panel shown is always whole; of
    /// the others as many as fit, the rest are numbers.
    pub fn tabs(&self, slot: &Slot) -> Vec<Tab> {
        let number = |id| self.number(id).unwrap_or(0);
        let whole = |id: &PanelId| Tab { id: *id, text: format!(" {} {} ", number(*id), self.title(*id)) };
        let mut tabs: Vec<Tab> = slot.members.iter().map(whole).collect();
        let room = slot.area.width.saturating_sub(CORNERS + self.words(slot.shown));
        let mut width: u16 = tabs.iter().map(Tab::width).sum();
        for tab in tabs.iter_mut().rev().filter(|tab| tab.id != slot.shown) {
            if width <= room {
                break;
            }
            width -= tab.width();
            tab.text = format!(" {} ", number(tab.id));
            width += tab.width();
        }
        tabs
    }

    /// The panel whose title stands in a column of a frame's first row.
    pub(super) fn tab_at(&self, slot: &Slot, x: u16) -> Option<PanelId> {
        let mut end = slot.area.x.saturating_add(CORNERS / 2);
        if x < end {
            return None;
        }
        self.tabs(slot).into_iter().find_map(|tab| {
            end = end.saturating_add(tab.width());
            (x < end).then_some(tab.id)
        })
    }
}
