//! Which layer of the network's table is selected.

use super::action::Direction;
use super::panel::PanelId;
use super::update::App;

/// Something a key asks of the network's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NetworkAction {
    /// Select the layer above.
    Up,
    /// Select the layer below.
    Down,
    /// Show what the selected layer puts out.
    Open,
}

/// The state of looking at the network's table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NetworkView {
    /// Place of the selected layer.
    pub selected: Option<usize>,
}

impl App {
    /// Does what a key asks of the network's table. What it has no use for does what it does elsewhere: an arrow beyond
    /// the last layer goes to the next panel, and opening what has no picture shows the table alone.
    pub(super) fn act_on_network(&mut self, action: NetworkAction) {
        let network = self.model.network();
        let layers = network.map_or(0, |network| network.layers.len());
        let selected = self.network_view.selected.filter(|place| *place < layers);
        match (action, selected) {
            (NetworkAction::Down, None) if layers > 0 => self.network_view.selected = Some(0),
            (NetworkAction::Down, Some(place)) if place + 1 < layers => self.network_view.selected = Some(place + 1),
            (NetworkAction::Up, Some(place)) if place > 0 => self.network_view.selected = Some(place - 1),
            (NetworkAction::Up, _) => self.go(Direction::Up),
            (NetworkAction::Down, _) => self.go(Direction::Down),
            (NetworkAction::Open, _) => {
                let name = selected.and_then(|place| Some(network?.layers[place].name.clone()));
                if !name.is_some_and(|name| self.open_layer(&name)) {
                    self.zoomed = !self.zoomed;
                }
            }
        }
    }

    /// Gives the focus to the picture of a layer; whether there is one.
    fn open_layer(&mut self, name: &str) -> bool {
        if self.model.units.responses.contains_key(name) {
            self.units.show(name);
            self.set_focus(PanelId::Units);
        } else if self.model.maps.layers(self.model.network()).contains(&name) {
            self.maps.show(name);
            self.set_focus(PanelId::Maps);
        } else {
            return false;
        }
        true
    }
}
