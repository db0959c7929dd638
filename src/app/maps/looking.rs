//! What of the maps one looks at, and how.

use super::super::action::Direction;
use super::super::model::Model;
use super::{Picture, Sheet, Stage};

/// What values are compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MapScale {
    /// The range of the layer: channels can be compared.
    #[default]
    Layer,
    /// The range of the channel: each shows all it has.
    Channel,
    /// Mean and standard deviation of the channel.
    Score,
}

/// Which channel comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MapOrder {
    /// The first.
    #[default]
    Index,
    /// That of the largest value.
    Maximum,
    /// That of the largest variance.
    Variance,
}

/// What a key asks for in the panel of the maps, and in the view of a single one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MapsAction {
    /// Go one layer towards the input.
    PreviousLayer,
    /// Go one layer towards the output.
    NextLayer,
    /// Go to the next scale.
    Scale,
    /// Go to the next order.
    Order,
    /// Switch between before and after the activation.
    Activation,
    /// Go to the next probe.
    Probe,
    /// Select the map on that side.
    Select(Direction),
    /// Select the map a page before.
    PreviousPage,
    /// Select the map a page on.
    NextPage,
    /// Select the map before.
    PreviousMap,
    /// Select the map after.
    NextMap,
    /// Move the cursor of the open map.
    Cursor(Direction),
}

/// The state of looking at maps.
#[derive(Debug, Default)]
pub struct Looking {
    /// What values are compared with.
    pub scale: MapScale,
    /// Which channel comes first.
    pub order: MapOrder,
    /// Before or after the activation.
    pub stage: Stage,
    /// The channel that is selected.
    pub selected: usize,
    /// Row and column under the cursor of the open map; inside of it whenever there is a picture.
    pub cursor: (usize, usize),
    /// What is looked at; none while there is nothing.
    pub picture: Option<Picture>,
    layer: Option<String>,
    probe: Option<String>,
}

impl Looking {
    /// Looks at a layer.
    pub(in crate::app) fn show(&mut self, layer: &str) {
        self.layer = Some(layer.to_owned());
    }

    /// Looks at a probe.
    pub(in crate::app) fn show_probe(&mut self, probe: &str) {
        self.probe = Some(probe.to_owned());
    }

    /// The layer that is looked at: the one asked for, or the first.
    pub fn layer<'a>(&self, model: &'a Model) -> Option<&'a str> {
        let layers = model.maps.layers(model.network());
        chosen(&layers, self.layer.as_deref())
    }

    /// The probe that is looked at: the one asked for, or the first.
    pub fn probe<'a>(&self, model: &'a Model) -> Option<&'a str> {
        chosen(&model.probes(), self.probe.as_deref())
    }

    /// Does what a key asks for. `sheet` is the panel's, if it is on the screen.
    pub(in crate::app) fn act(&mut self, action: MapsAction, model: &Model, sheet: Option<&Sheet>) {
        let (columns, page) = sheet.map_or((1, 1), |sheet| (sheet.columns as isize, sheet.per_page() as isize));
        match action {
            MapsAction::PreviousLayer => self.turn_layer(model, -1),
            MapsAction::NextLayer => self.turn_layer(model, 1),
            MapsAction::Probe => {
                let probes = model.probes();
                let next = self.probe(model).and_then(|probe| neighbour(&probes, probe, 1));
                self.probe = next.map(str::to_owned);
            }
            MapsAction::Scale => {
                self.scale = match self.scale {
                    MapScale::Layer => MapScale::Channel,
                    MapScale::Channel => MapScale::Score,
                    MapScale::Score => MapScale::Layer,
                };
            }
            MapsAction::Order => {
                self.order = match self.order {
                    MapOrder::Index => MapOrder::Maximum,
                    MapOrder::Maximum => MapOrder::Variance,
                    MapOrder::Variance => MapOrder::Index,
                };
            }
            MapsAction::Activation => {
                self.stage = self.stage.other();
            }
            MapsAction::Select(Direction::Left) | MapsAction::PreviousMap => self.select(-1),
            MapsAction::Select(Direction::Right) | MapsAction::NextMap => self.select(1),
            MapsAction::Select(Direction::Up) => self.select(-columns),
            MapsAction::Select(Direction::Down) => self.select(columns),
            MapsAction::PreviousPage => self.select(-page),
            MapsAction::NextPage => self.select(page),
            MapsAction::Cursor(direction) => {
                let (row, column) = self.cursor;
                self.cursor = match direction {
                    Direction::Left => (row, column.saturating_sub(1)),
                    Direction::Right => (row, column + 1),
                    Direction::Up => (row.saturating_sub(1), column),
                    Direction::Down => (row + 1, column),
                };
            }
        }
        self.refresh(model);
    }

    /// Brings what is looked at up to date with what is known.
    pub(in crate::app) fn refresh(&mut self, model: &Model) {
        let asked = self.layer(model).zip(self.probe(model)).map(|(layer, probe)| (layer, probe, self.stage));
        let found = asked.and_then(|asked| Some((asked, model.maps.of(asked.0, asked.1)?)));
        let Some((asked, set)) = found else {
            self.picture = None;
            return;
        };
        let network = model.network();
        let picture = match self.picture.take() {
            Some(picture) if picture.is_of(asked, set, network) => picture,
            _ => Picture::new(asked, set, network, model.picture_size()),
        };
        let picture = self.picture.insert(picture);
        picture.sort(self.order);
        if self.selected >= picture.channels.len() {
            self.selected = 0;
        }
        let [height, width] = picture.size();
        self.cursor = (self.cursor.0.min(height.saturating_sub(1)), self.cursor.1.min(width.saturating_sub(1)));
    }

    /// Place of the selected channel in the order of the picture.
    pub fn position(&self) -> usize {
        let order = self.picture.as_ref().map_or(&[][..], |picture| &picture.order);
        order.iter().position(|channel| *channel == self.selected).unwrap_or(0)
    }

    /// Puts the cursor where the selected map is largest.
    pub(in crate::app) fn seek_maximum(&mut self) {
        let map = self.picture.as_ref().and_then(|picture| picture.map(self.selected));
        let finite = map.iter().flat_map(|map| map.indexed_iter()).filter(|(_, value)| value.is_finite());
        // The first of several.
        let most = finite.reduce(|most, next| if next.1 > most.1 { next } else { most });
        self.cursor = most.map_or((0, 0), |(place, _)| place);
    }

    fn select(&mut self, by: isize) {
        let at = self.position() as isize;
        let order = self.picture.as_ref().map_or(&[][..], |picture| &picture.order);
        let last = order.len() as isize - 1;
        // At an edge it stays in its column instead of running to the end.
        let next = if (0..=last).contains(&(at + by)) || by.abs() == 1 { at + by } else { at };
        if let Some(channel) = order.get(next.clamp(0, last.max(0)) as usize) {
            self.selected = *channel;
        }
    }

    fn turn_layer(&mut self, model: &Model, by: isize) {
        let layers = model.maps.layers(model.network());
        let next = self.layer(model).and_then(|layer| neighbour(&layers, layer, by));
        self.layer = next.map(str::to_owned);
    }
}

fn chosen<'a>(names: &[&'a str], asked: Option<&str>) -> Option<&'a str> {
    names.iter().find(|name| Some(**name) == asked).or(names.first()).copied()
}

/// The name `by` places on, in a ring.
fn neighbour<'a>(names: &[&'a str], name: &str, by: isize) -> Option<&'a str> {
    let at = names.iter().position(|other| *other == name)? as isize;
    names.get((at + by).rem_euclid(names.len() as isize) as usize).copied()
}
