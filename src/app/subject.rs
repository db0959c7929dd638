//! What can be looked at as a picture of pixels, and what `torchscope show` can print, by name.

use super::panel::PanelId;
use super::update::{App, Overlay};

/// A picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The decision boundary.
    Boundary,
    /// What the hidden units of the layer that is looked at say over the plane.
    Units,
    /// The loss over a plane through parameter space.
    Landscape,
    /// All maps of the layer that is looked at.
    Maps,
    /// The selected map.
    Map,
    /// Inputs, outputs and errors of an autoencoder.
    Reconstruction,
    /// An input picture, by name.
    Input(String),
}

/// Who draws pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PixelMode {
    /// Nobody can: there are too few colours, or no half blocks.
    #[default]
    None,
    /// The view, two a cell.
    Blocks,
    /// The terminal.
    Terminal,
}

/// What `torchscope show` prints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exhibit {
    /// A panel as it is now.
    Panel(PanelId),
    /// An input picture, by name.
    Input(String),
}

/// Before the name of an input picture.
const INPUT: &str = "input";

impl PanelId {
    /// Its name on the command line: the last word of its title.
    pub fn slug(self) -> String {
        match self {
            PanelId::Codes => "codes".to_owned(),
            _ => self.title().rsplit(' ').next().unwrap_or_default().to_ascii_lowercase(),
        }
    }

    /// The picture of pixels behind it, if there is one.
    pub fn subject(self) -> Option<Subject> {
        match self {
            PanelId::Boundary => Some(Subject::Boundary),
            PanelId::Units => Some(Subject::Units),
            PanelId::Landscape => Some(Subject::Landscape),
            PanelId::Maps => Some(Subject::Maps),
            PanelId::Reconstruction => Some(Subject::Reconstruction),
            _ => None,
        }
    }
}

impl Exhibit {
    /// The picture of pixels behind it, if there is one.
    pub fn subject(&self) -> Option<Subject> {
        match self {
            Self::Panel(id) => id.subject(),
            Self::Input(probe) => Some(Subject::Input(probe.clone())),
        }
    }
}

impl App {
    /// The picture that `I` opens now: the one that is open, the open map, or that of the focused panel.
    pub fn subject(&self) -> Option<Subject> {
        match self.overlay {
            Some(Overlay::Map | Overlay::Picture { map: true }) => Some(Subject::Map),
            _ => self.focus().subject(),
        }
    }

    /// The panel whose picture of pixels is open.
    pub fn pictured(&self) -> Option<PanelId> {
        matches!(self.overlay, Some(Overlay::Picture { .. })).then(|| self.focus())
    }

    /// Opens that picture, or says why there is none.
    pub(super) fn open_picture(&mut self) {
        match (self.subject(), self.pixel_mode) {
            (None, _) => {
                let title = self.title(self.focus());
                self.note = Some(format!("{title} is no picture; Tab goes on to one that is, z shows this one alone"));
            }
            (Some(_), PixelMode::None) => {
                self.zoomed = true;
                self.note = Some(
                    "a picture in pixels needs images or 24-bit colours and half blocks: the panel alone (z)"
                        .to_owned(),
                );
            }
            (Some(_), _) => self.overlay = Some(Overlay::Picture { map: self.overlay == Some(Overlay::Map) }),
        }
    }

    /// The names that [`App::exhibit`] knows, panels first.
    pub fn exhibits(&self) -> Vec<String> {
        let mut names: Vec<String> = self.panels().into_iter().map(PanelId::slug).collect();
        let layers = |id: PanelId, layers: Vec<&str>| {
            layers.into_iter().map(move |layer| format!("{}/{layer}", id.slug())).collect::<Vec<_>>()
        };
        names.extend(layers(PanelId::Units, self.units.layers(&self.model)));
        names.extend(layers(PanelId::Maps, self.model.maps.layers(self.model.network())));
        names.extend(self.model.maps.inputs.keys().map(|probe| format!("{INPUT}/{probe}")));
        names
    }

    /// Gives a panel the focus and the screen for itself.
    pub fn zoom_on(&mut self, id: PanelId) {
        self.set_focus(id);
        self.zoomed = true;
    }

    /// Turns to what a name stands for: the panel is focused and alone, and shows that layer and that input. `maps/conv1`
    /// is a layer, `maps/conv1/cat` a layer with an input, `input/cat` the input itself. `None` where there is no such
    /// thing.
    pub fn exhibit(&mut self, name: &str) -> Option<Exhibit> {
        let (head, rest) = name.split_once('/').map_or((name, None), |(head, rest)| (head, Some(rest)));
        if head == INPUT {
            return rest
                .filter(|probe| self.model.maps.inputs.contains_key(*probe))
                .map(|it| Exhibit::Input(it.into()));
        }
        let id = self.panels().into_iter().find(|id| id.slug() == head)?;
        match (id, rest) {
            (_, None) => {}
            (PanelId::Units, Some(layer)) => {
                self.units.layers(&self.model).contains(&layer).then_some(())?;
                self.units.show(layer);
            }
            (PanelId::Maps, Some(rest)) => {
                let (layer, probe) = rest.split_once('/').map_or((rest, None), |(layer, probe)| (layer, Some(probe)));
                let there = self.model.maps.layers(self.model.network()).contains(&layer)
                    && probe.is_none_or(|probe| self.model.maps.of(layer, probe).is_some());
                there.then_some(())?;
                self.maps.show(layer);
                if let Some(probe) = probe {
                    self.maps.show_probe(probe);
                }
            }
            _ => return None,
        }
        self.zoom_on(id);
        self.maps.refresh(&self.model);
        self.units.refresh(&self.model);
        Some(Exhibit::Panel(id))
    }
}
