//! The application: `update` takes a message, changes the state and returns what shall be done outside.

use std::path::PathBuf;

use super::action::{Binding, Context, When};
use super::bindings::BINDINGS;
use super::codes::CodesView;
use super::key::Key;
use super::landscape::PlaneView;
use super::layout::{Arrangement, Layout, Request, layout};
use super::log_lines::LogView;
use super::maps::{Looking, Sheet};
use super::message::{Effect, Message, Traffic};
use super::model::Model;
use super::network_view::NetworkView;
use super::panel::PanelId;
use super::subject::PixelMode;
use super::units::UnitsLooking;
use crate::log::tags;
use crate::recipe::{LayerKind, Network};
use crate::run::{Link, RunMeta, State};

/// What lies over the panels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overlay {
    /// The help, scrolled down by so many rows.
    Help {
        /// Rows scrolled.
        scroll: u16,
    },
    /// The question what shall become of the run when the view is left.
    Leave,
    /// The question what shall become of the run when it is started over.
    StartOver {
        /// With a new seed.
        new_seed: bool,
    },
    /// What somebody should have looked at, from the newest but so many on.
    Events {
        /// Events scrolled.
        scroll: u16,
    },
    /// How the trainer died: its last words.
    Died,
    /// The selected feature map alone.
    Map,
    /// A picture of pixels over all panels.
    Picture {
        /// Whether it is that of the selected map, to which one returns.
        map: bool,
    },
}

/// Another run in place of the one on screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opening {
    /// It has been asked for, and is not there yet.
    Pending,
    /// It is there, or was refused, or none has been asked for.
    Done,
}

/// How the decision boundary is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BoundaryStyle {
    /// Dots whose density is the confidence, on a tint of the class's colour.
    #[default]
    DotsOnTint,
    /// Dots alone.
    Dots,
    /// Tint alone, with contours at .1, .5 and .9.
    Tint,
}

impl BoundaryStyle {
    pub(super) fn next(self) -> Self {
        match self {
            Self::DotsOnTint => Self::Dots,
            Self::Dots => Self::Tint,
            Self::Tint => Self::DotsOnTint,
        }
    }
}

/// The smoothing weights `s` goes through.
pub(super) const SMOOTHING: [f64; 4] = [0.0, 0.6, 0.9, 0.99];
/// Rows that the metrics panel fills.
const METRIC_ROWS: u16 = 9;

/// The state of the view.
#[derive(Debug)]
pub struct App {
    /// The run on screen.
    pub model: Model,
    /// Columns and rows of the screen.
    pub size: (u16, u16),
    /// Whether the focused panel has the screen for itself.
    pub zoomed: bool,
    /// What gets most of the screen.
    pub arrangement: Arrangement,
    /// What lies over the panels.
    pub overlay: Option<Overlay>,
    /// Whether the loss axis is logarithmic.
    pub log_axis: bool,
    /// Weight of the smoothing, 0 (none) to below 1.
    pub smoothing: f64,
    /// How the boundary is drawn.
    pub boundary_style: BoundaryStyle,
    /// How codes are looked at.
    pub codes_view: CodesView,
    /// The first of the reconstructed pictures that is asked for.
    pub first_picture: usize,
    /// Which part of the trainer's output is looked at.
    pub log_view: LogView,
    /// Which plane of the landscape is looked at.
    pub plane_view: PlaneView,
    /// Which row of the table of layers is selected, as far as there are so many.
    pub health_selected: usize,
    /// Whether alarms ring the terminal's bell.
    pub bell: bool,
    /// Which layer is selected.
    pub network_view: NetworkView,
    /// How feature maps are looked at.
    pub maps: Looking,
    /// How hidden units are looked at.
    pub units: UnitsLooking,
    /// The machine of the run, if it is another one.
    pub host: Option<String>,
    /// How the line to it stands, once that is known.
    pub link: Option<Link>,
    /// What goes to the terminal, while somebody wants to see it.
    pub traffic: Option<Traffic>,
    /// What went wrong last, until the next key.
    pub alert: Option<String>,
    /// What the last key did, where that is not to be seen otherwise, until the next one.
    pub note: Option<String>,
    /// Who draws pictures of pixels on this terminal.
    pub pixel_mode: PixelMode,
    /// The trainer that was told last which probe is on the screen, and which.
    pub(super) told: Option<(Option<u32>, u32)>,
    /// What has become of the last wish for another run.
    pub(super) opening: Opening,
    /// Panels by how recently they had the focus.
    recent: Vec<PanelId>,
}

impl App {
    /// The view of a run of which nothing has been read, on a screen of so many columns and rows.
    pub fn new(path: PathBuf, size: (u16, u16)) -> Self {
        let smoothing = SMOOTHING[1];
        Self {
            model: Model::new(path, smoothing),
            size,
            zoomed: false,
            arrangement: Arrangement::default(),
            overlay: None,
            log_axis: false,
            smoothing,
            boundary_style: BoundaryStyle::default(),
            codes_view: CodesView::default(),
            first_picture: 0,
            log_view: LogView::default(),
            plane_view: PlaneView::default(),
            health_selected: 0,
            bell: false,
            network_view: NetworkView::default(),
            maps: Looking::default(),
            units: UnitsLooking::default(),
            host: None,
            link: None,
            traffic: None,
            alert: None,
            note: None,
            pixel_mode: PixelMode::default(),
            told: None,
            opening: Opening::Done,
            recent: vec![PanelId::Loss],
        }
    }

    /// The panel with the focus.
    pub fn focus(&self) -> PanelId {
        let panels = self.panels();
        self.recent.iter().copied().find(|id| panels.contains(id)).unwrap_or(PanelId::Loss)
    }

    /// The panels this run has something for, in the order of their numbers, the most telling picture first.
    pub fn panels(&self) -> Vec<PanelId> {
        let model = &self.model;
        // Until the first step what will come is known from the network: so that nothing jumps when it does.
        let early = model.is_live() && model.series(tags::LOSS_TRAIN).is_none();
        let network = model.network().filter(|_| early);
        let expected = |what: &dyn Fn(&Network) -> bool| network.is_some_and(what);
        let planar = |network: &Network| network.input_shape == [2] && network.output_shape() == [1];
        let boundary = model.boundary.is_some() || expected(&planar);
        // Those the trainer shows: of points in the plane, every dense layer but the last.
        let hidden = |network: &Network| {
            let dense = network.layers.iter().filter(|layer| layer.kind == LayerKind::Dense);
            network.input_shape == [2] && dense.count() > 1
        };
        // An autoencoder's classes are those of its pictures, not what it is asked for.
        let is_classifier = |network: &Network| {
            let classes = model.description.classes.len();
            classes > 2 && network.output_shape() == [classes]
        };
        let picture = |network: &Network| network.picture_size().is_some();
        let code = |network: &Network| network.picture_size().is_some() && network.code().is_some();
        [
            (PanelId::Loss, true),
            (PanelId::Boundary, boundary),
            (PanelId::Units, !model.units.responses.is_empty() || expected(&hidden)),
            (PanelId::Reconstruction, model.reconstruction.outputs.is_some() || expected(&code)),
            (PanelId::Codes, model.codes.points.is_some() || expected(&code)),
            (PanelId::Maps, !model.maps.sets.is_empty() || expected(&picture)),
            // Of two classes the boundary says the same and more.
            (PanelId::Confusion, (model.confusion.is_some() || expected(&is_classifier)) && !boundary),
            (PanelId::Landscape, !model.landscapes.is_empty()),
            (PanelId::Metrics, true),
            (PanelId::Network, true),
            (PanelId::Layers, !model.health.is_empty()),
            (PanelId::System, !model.machine.is_empty()),
            (PanelId::Log, !model.printed.is_empty()),
        ]
        .into_iter()
        .filter_map(|(id, shown)| shown.then_some(id))
        .collect()
    }

    /// The number a panel answers to, 1-based.
    pub fn number(&self, id: PanelId) -> Option<usize> {
        self.panels().iter().position(|panel| *panel == id).map(|i| i + 1)
    }

    /// Where everything stands; `None` on a screen that is too small.
    pub fn layout(&self) -> Option<Layout> {
        let panels = self.panels();
        let layers = self.model.network().map_or(0, |network| network.layers.len());
        // Metrics: one row each. Network: head, input, layers, sum, three rows of facts. And the frame.
        let detail_rows = METRIC_ROWS.max(layers.min(99) as u16 + 6) + 2;
        let (size, zoomed, arrangement) = (self.size, self.zoomed, self.arrangement);
        layout(Request { size, panels: &panels, recent: &self.recent, zoomed, arrangement, detail_rows })
    }

    /// How the panel of the maps is shared out, while it is on the screen and there is something in it.
    pub fn sheet(&self) -> Option<Sheet> {
        let picture = self.maps.picture.as_ref()?;
        let slots = self.layout()?.slots;
        let slot = slots.iter().find(|slot| slot.shown == PanelId::Maps)?;
        Some(Sheet::new(slot.area.inside_frame(), picture.channels.len(), picture.size()))
    }

    /// How the panel of the hidden units is shared out, while it is on the screen and there is something in it.
    pub fn units_sheet(&self) -> Option<Sheet> {
        let picture = self.units.picture.as_ref()?;
        let slots = self.layout()?.slots;
        let slot = slots.iter().find(|slot| slot.shown == PanelId::Units)?;
        Some(Sheet::without_facts(slot.area.inside_frame(), picture.channels.len(), picture.size()))
    }

    /// What has the keyboard.
    pub fn context(&self) -> Context {
        match self.overlay {
            None => Context::Main,
            Some(Overlay::Help { .. }) => Context::Help,
            Some(Overlay::Leave) => Context::Leave,
            Some(Overlay::StartOver { .. }) => Context::StartOver,
            Some(Overlay::Events { .. }) => Context::Events,
            Some(Overlay::Died) => Context::Died,
            Some(Overlay::Map) => Context::Map,
            Some(Overlay::Picture { .. }) => Context::Picture,
        }
    }

    /// Whether the condition of a row of the table holds now.
    pub fn holds(&self, when: When) -> bool {
        match when {
            When::Always => true,
            When::Live => self.model.is_live() && self.model.state() != State::Starting,
            When::Focused(id) => self.focus() == id,
            When::Shown(id) => self.panels().contains(&id),
            When::Alarmed => self.model.alarms.banner().is_some(),
        }
    }

    /// Whether a row of the table applies now.
    pub fn applies(&self, binding: &Binding) -> bool {
        binding.context == self.context() && self.holds(binding.when)
    }

    /// The footer's rows that apply now, the most important first.
    pub fn hints(&self) -> Vec<&'static Binding> {
        // What a key does not do now because the focused panel has taken it is no hint.
        let answers = |row: &&Binding| self.answer(row.keys[0]).is_some_and(|answer| answer.action == row.action);
        let mut rows: Vec<_> = BINDINGS.iter().filter(|row| row.footer.is_some() && self.applies(row)).collect();
        rows.retain(answers);
        rows.sort_by_key(|row| row.footer);
        rows
    }

    /// Takes a message and returns what shall be done outside.
    pub fn update(&mut self, message: Message) -> Vec<Effect> {
        let mut effects = self.take(message);
        // What happened before anybody looked rings no bell.
        if self.model.alarms.take_unrung() > 0 && self.bell && self.model.caught_up {
            effects.push(Effect::Bell);
        }
        self.maps.refresh(&self.model);
        self.units.refresh(&self.model);
        if self.overlay == Some(Overlay::Map) && self.maps.picture.is_none() {
            self.overlay = None;
        }
        effects.extend(self.tell());
        effects
    }

    fn take(&mut self, message: Message) -> Vec<Effect> {
        match message {
            Message::Key(key) => return self.key(key, false),
            Message::Repeat(key) => return self.key(key, true),
            Message::Click { x, y } => self.click(x, y),
            Message::Resized(columns, rows) => self.size = (columns, rows),
            Message::Records(records) => self.model.apply(records),
            Message::CaughtUp => {
                self.model.caught_up = true;
                // Of a run that is over nothing is news.
                if self.model.state().is_over() {
                    self.model.alarms.dismiss();
                }
            }
            Message::Notice(notice) => self.model.notice(notice),
            Message::Status(meta) => self.status(*meta),
            Message::Printed(printed) => self.model.printed.take(printed),
            Message::Done(reply) => self.model.set_reply(&reply),
            Message::Refused(why) => {
                self.alert = Some(why);
                self.opening = Opening::Done;
                self.model.take_back();
            }
            Message::Link(Link::Note(note)) => self.model.notice(note),
            Message::Link(link) => self.link = Some(link),
            Message::Traffic(traffic) => self.traffic = self.traffic.and(Some(traffic)),
            Message::Note(note) => self.note = Some(note),
            Message::Tick(now) => {
                if !self.is_cut_off() {
                    self.model.tick(now);
                }
            }
            Message::Opened(path) => {
                self.model = Model::new(path, self.smoothing);
                self.log_view = LogView::default();
                self.overlay = None;
                self.alert = None;
                self.told = None;
                self.opening = Opening::Done;
            }
        }
        Vec::new()
    }

    fn status(&mut self, meta: RunMeta) {
        let died = |state| matches!(state, State::Failed | State::Crashed);
        // Said once: whoever closed it has read it.
        if died(meta.state) && !died(self.model.state()) {
            self.overlay = Some(Overlay::Died);
        } else if (meta.state.is_over() && matches!(self.overlay, Some(Overlay::Leave | Overlay::StartOver { .. })))
            || (meta.state.is_live() && self.overlay == Some(Overlay::Died))
        {
            // The question has answered itself, or somebody has resumed the run.
            self.overlay = None;
        }
        self.model.set_meta(meta);
    }

    fn key(&mut self, key: Key, repeated: bool) -> Vec<Effect> {
        let row = self.answer(key);
        if repeated && row.is_some_and(|row| row.action.is_once()) {
            return Vec::new();
        }
        (self.alert, self.note) = (None, None);
        row.map_or_else(Vec::new, |row| self.act(row.action))
    }

    /// The name of the run, of its directory until more is known.
    pub fn name(&self) -> String {
        let directory =
            || self.model.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        self.model.meta.as_ref().map_or_else(directory, |meta| meta.name.clone())
    }

    /// The row that answers to a key now. Those for the focused panel come before general ones.
    fn answer(&self, key: Key) -> Option<&'static Binding> {
        let rows = || BINDINGS.iter().filter(|row| row.keys.contains(&key) && self.applies(row));
        rows().find(|row| matches!(row.when, When::Focused(_) | When::Alarmed)).or_else(|| rows().next())
    }

    fn click(&mut self, x: u16, y: u16) {
        if self.overlay.is_none()
            && let Some(slot) = self.layout().and_then(|layout| layout.slot_at(x, y).cloned())
        {
            // On the frame's first row stand the titles of all that share it.
            let title = if y == slot.area.y { self.tab_at(&slot, x) } else { None };
            self.set_focus(title.unwrap_or(slot.shown));
        }
    }

    pub(super) fn set_focus(&mut self, id: PanelId) {
        self.recent.retain(|other| *other != id);
        self.recent.insert(0, id);
    }
}

/// The rows of the help overlay.
pub fn help_rows() -> u16 {
    BINDINGS.iter().filter(|row| row.is_in_help()).count() as u16
}
