//! What hidden units say over the plane of a two-dimensional data set.

use std::collections::BTreeMap;

use super::maps::{MapSet, Picture, Sheet, Stage};
use super::model::Model;
use crate::log::Grid;

/// Responses by layer.
#[derive(Debug, Clone, Default)]
pub struct Units {
    /// By layer: shape (units, rows, columns), row 0 at the top.
    pub responses: BTreeMap<String, MapSet>,
    arrivals: u64,
}

impl Units {
    /// Takes over the responses of a layer. A grid that is no atlas is ignored.
    pub fn set(&mut self, step: i64, layer: &str, grid: &Grid) {
        if let Some(before) = grid.maps() {
            self.arrivals += 1;
            let set = MapSet { step, before, arrival: self.arrivals };
            self.responses.insert(layer.to_owned(), set);
        }
    }

    /// Drops what was taken after `step` steps or more.
    pub fn void_from(&mut self, step: i64) {
        self.responses.retain(|_, set| set.step < step);
    }
}

/// What a key asks for in the panel of the hidden units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UnitsAction {
    /// Go one layer towards the input.
    PreviousLayer,
    /// Go one layer towards the output.
    NextLayer,
    /// Switch between before and after the activation.
    Activation,
    /// Go to the units before those on the screen.
    PreviousPage,
    /// Go to the units after them.
    NextPage,
}

/// The state of looking at hidden units.
#[derive(Debug, Default)]
pub struct UnitsLooking {
    /// Before or after the activation.
    pub stage: Stage,
    /// What is looked at, a map a unit; none while there is nothing.
    pub picture: Option<Picture>,
    layer: Option<String>,
    /// The page asked for, where not all units fit.
    page: usize,
}

impl UnitsLooking {
    /// The layers that have responses, from the input to the output.
    pub fn layers<'a>(&self, model: &'a Model) -> Vec<&'a str> {
        let mut names: Vec<&str> = model.units.responses.keys().map(String::as_str).collect();
        if let Some(network) = model.network() {
            names.sort_by_key(|name| network.position(name));
        }
        names
    }

    /// Looks at a layer.
    pub(super) fn show(&mut self, layer: &str) {
        self.layer = Some(layer.to_owned());
    }

    /// Which page of the panel's is shown.
    pub fn page(&self, sheet: &Sheet) -> usize {
        self.page.min(sheet.pages() - 1)
    }

    /// Does what a key asks for. `sheet` is the panel's, if it is on the screen.
    pub(super) fn act(&mut self, action: UnitsAction, model: &Model, sheet: Option<&Sheet>) {
        let page = sheet.map_or(0, |sheet| self.page(sheet));
        match action {
            UnitsAction::PreviousPage => self.page = page.saturating_sub(1),
            UnitsAction::NextPage => {
                self.page = page + usize::from(sheet.is_some_and(|sheet| page + 1 < sheet.pages()));
            }
            UnitsAction::PreviousLayer => self.turn(model, -1),
            UnitsAction::NextLayer => self.turn(model, 1),
            UnitsAction::Activation => self.stage = self.stage.other(),
        }
    }

    fn turn(&mut self, model: &Model, by: isize) {
        let layers = self.layers(model);
        let at = self.layer.as_ref().and_then(|layer| layers.iter().position(|name| name == layer)).unwrap_or(0);
        if !layers.is_empty() {
            let next = (at as isize + by).rem_euclid(layers.len() as isize) as usize;
            self.layer = Some(layers[next].to_owned());
            self.page = 0;
        }
    }

    /// Brings what is looked at up to date with what is known.
    pub(super) fn refresh(&mut self, model: &Model) {
        let layers = self.layers(model);
        let asked = layers.iter().find(|name| Some(**name) == self.layer.as_deref()).or(layers.first());
        let found = asked.and_then(|layer| Some((*layer, model.units.responses.get(*layer)?)));
        let Some((layer, set)) = found else {
            self.picture = None;
            return;
        };
        let asked = (layer, "", self.stage);
        let network = model.network();
        self.picture = match self.picture.take() {
            Some(picture) if picture.is_of(asked, set, network) => Some(picture),
            _ => Some(Picture::new(asked, set, network, None)),
        };
    }
}
