//! The application: `update` takes a message, changes the state and returns what shall be done outside.

use std::path::PathBuf;

use super::action::{Action, BINDINGS, Binding, Context, Direction, LR_FACTOR, When};
use super::codes::{CodesView, Projection};
use super::key::Key;
use super::landscape::PlaneView;
use super::layout::{Arrangement, Layout, Request, layout};
use super::maps::{Looking, MapsAction, Sheet};
use super::model::Model;
use super::network_view::NetworkView;
use super::panel::PanelId;
use super::units::UnitsLooking;
use crate::log::{Record, tags};
use crate::recipe::Network;
use crate::run::{Command, Reply, RunMeta, State};

/// What has happened.
#[derive(Debug)]
pub enum Message {
    /// A key was pressed.
    Key(Key),
    /// The mouse was clicked on a cell.
    Click {
        /// Column.
        x: u16,
        /// Row.
        y: u16,
    },
    /// The screen has a new size, in columns and rows.
    Resized(u16, u16),
    /// The log has grown.
    Records(Vec<Record>),
    /// The log has been read to its present end.
    CaughtUp,
    /// The reader of the log has something to say.
    Notice(String),
    /// The run's state was read anew.
    Status(Box<RunMeta>),
    /// The last lines the trainer printed.
    TrainerOutput(Vec<String>),
    /// A control command was carried out.
    Done(Reply),
    /// A control command was refused, or the trainer does not answer.
    Refused(String),
    /// Another run is shown from now on.
    Opened(PathBuf),
    /// It is so many seconds after the beginning of 1970. Only needed while [`App::wants_time`].
    Tick(f64),
}

/// What shall be done outside.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Send a command to the trainer.
    Control(Command),
    /// Stop the run if it is live, and start its recipe again as a new run.
    StartOver {
        /// With another seed than this run's.
        new_seed: bool,
    },
    /// Ring the terminal's bell.
    Bell,
    /// Leave the view. The run goes on.
    Leave,
    /// Stop the run, then leave.
    StopAndLeave,
}

/// What lies over the panels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overlay {
    /// The help, scrolled down by so many rows.
    Help {
        /// Rows scrolled.
        scroll: u16,
    },
    /// The question what shall become of the run.
    Leave,
    /// What somebody should have looked at, from the newest but so many on.
    Events {
        /// Events scrolled.
        scroll: u16,
    },
    /// How the trainer died: its last words.
    Died,
    /// The selected feature map alone.
    Map,
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
    fn next(self) -> Self {
        match self {
            Self::DotsOnTint => Self::Dots,
            Self::Dots => Self::Tint,
            Self::Tint => Self::DotsOnTint,
        }
    }
}

/// The smoothing weights `s` goes through.
const SMOOTHING: [f64; 4] = [0.0, 0.6, 0.9, 0.99];
/// Rows that the metrics panel fills.
const METRIC_ROWS: u16 = 9;
/// Pace that `<` starts from when there is none, epochs a second.
const FIRST_PACE: f64 = 10.0;

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
    /// What went wrong last, until the next key.
    pub alert: Option<String>,
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
            plane_view: PlaneView::default(),
            health_selected: 0,
            bell: false,
            network_view: NetworkView::default(),
            maps: Looking::default(),
            units: UnitsLooking::default(),
            alert: None,
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
        let network = model.meta.as_ref().and_then(|meta| meta.network.as_ref()).filter(|_| early);
        let expected = |what: fn(&Network) -> bool| network.is_some_and(what);
        let planar = |network: &Network| network.input_shape == [2] && network.output_shape() == [1];
        let boundary = model.boundary.is_some() || expected(planar);
        let picture = |network: &Network| network.picture_size().is_some();
        let code = |network: &Network| network.picture_size().is_some() && network.code().is_some();
        [
            (PanelId::Loss, true),
            (PanelId::Boundary, boundary),
            (PanelId::Units, !model.units.responses.is_empty()),
            (PanelId::Reconstruction, model.reconstruction.outputs.is_some() || expected(code)),
            (PanelId::Codes, model.codes.points.is_some() || expected(code)),
            (PanelId::Maps, !model.maps.sets.is_empty() || expected(picture)),
            // Of two classes the boundary says the same and more.
            (PanelId::Confusion, model.confusion.is_some() && !boundary),
            (PanelId::Landscape, !model.landscapes.is_empty()),
            (PanelId::Metrics, true),
            (PanelId::Network, true),
            (PanelId::Layers, !model.health.is_empty()),
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
        let layers = self.model.meta.as_ref().and_then(|meta| meta.network.as_ref()).map_or(0, |net| net.layers.len());
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

    /// What has the keyboard.
    pub fn context(&self) -> Context {
        match self.overlay {
            None => Context::Main,
            Some(Overlay::Help { .. }) => Context::Help,
            Some(Overlay::Leave) => Context::Leave,
            Some(Overlay::Events { .. }) => Context::Events,
            Some(Overlay::Died) => Context::Died,
            Some(Overlay::Map) => Context::Map,
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
        effects
    }

    fn take(&mut self, message: Message) -> Vec<Effect> {
        match message {
            Message::Key(key) => return self.key(key),
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
            Message::TrainerOutput(lines) => self.model.trainer_output = lines,
            Message::Done(reply) => self.model.set_reply(&reply),
            Message::Refused(why) => self.alert = Some(why),
            Message::Tick(now) => {
                self.model.tick(now);
            }
            Message::Opened(path) => {
                self.model = Model::new(path, self.smoothing);
                self.overlay = None;
                self.alert = None;
            }
        }
        Vec::new()
    }

    fn status(&mut self, meta: RunMeta) {
        let died = |state| matches!(state, State::Failed | State::Crashed);
        // Said once: whoever closed it has read it.
        if died(meta.state) && !died(self.model.state()) {
            self.overlay = Some(Overlay::Died);
        } else if meta.state.is_over() && self.overlay == Some(Overlay::Leave) {
            // The question has answered itself.
            self.overlay = None;
        }
        self.model.set_meta(meta);
    }

    fn key(&mut self, key: Key) -> Vec<Effect> {
        self.alert = None;
        self.answer(key).map_or_else(Vec::new, |row| self.act(row.action))
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

    fn act(&mut self, action: Action) -> Vec<Effect> {
        match action {
            Action::NextPanel => self.turn(1),
            Action::PreviousPanel => self.turn(-1),
            Action::Move(direction) => self.go(direction),
            Action::Panel(number) => {
                if let Some(id) = self.panels().get(usize::from(number).wrapping_sub(1)) {
                    self.set_focus(*id);
                }
            }
            Action::Zoom => self.zoomed = !self.zoomed,
            Action::NextArrangement => {
                self.arrangement = self.arrangement.next(&self.panels());
                self.zoomed = false;
            }
            Action::Events => {
                self.model.alarms.dismiss();
                self.overlay = Some(Overlay::Events { scroll: 0 });
            }
            Action::Dismiss => self.model.alarms.dismiss(),
            Action::Plane => return self.turn_plane().into_iter().collect(),
            Action::SelectLayer(direction) => self.select_health(direction),
            Action::Help => self.overlay = Some(Overlay::Help { scroll: 0 }),
            Action::Close => self.overlay = None,
            Action::Scroll(direction) => {
                let events = self.model.alarms.newest().len() as u16;
                let room = self.size.1.saturating_sub(2);
                let (scroll, last) = match &mut self.overlay {
                    Some(Overlay::Help { scroll }) => (scroll, help_rows().saturating_sub(room)),
                    Some(Overlay::Events { scroll }) => (scroll, events.saturating_sub(1)),
                    _ => return Vec::new(),
                };
                *scroll = match direction {
                    Direction::Down => scroll.saturating_add(1).min(last),
                    _ => scroll.saturating_sub(1),
                };
            }
            Action::LogAxis => self.log_axis = !self.log_axis,
            Action::Smoothing => {
                let next = SMOOTHING.iter().position(|w| *w == self.smoothing).map_or(0, |i| (i + 1) % SMOOTHING.len());
                self.smoothing = SMOOTHING[next];
                self.model.set_smoothing(self.smoothing);
            }
            Action::BoundaryStyle => self.boundary_style = self.boundary_style.next(),
            Action::Codes(action) => self.codes_view.act(action, &self.model.dead_code()),
            Action::Pictures(direction) => self.page(direction),
            Action::Network(action) => self.act_on_network(action),
            Action::Maps(action) => {
                let sheet = self.sheet();
                self.maps.act(action, &self.model, sheet.as_ref());
                return self.look(action).into_iter().collect();
            }
            Action::OpenMap => {
                self.maps.seek_maximum();
                // Closed again at once if there is no picture.
                self.overlay = Some(Overlay::Map);
            }
            Action::Units(action) => self.units.act(action, &self.model),
            Action::ToBoundary => self.set_focus(PanelId::Boundary),
            Action::ToUnits => self.set_focus(PanelId::Units),
            Action::Restart => return vec![Effect::StartOver { new_seed: false }],
            Action::RestartNewSeed => return vec![Effect::StartOver { new_seed: true }],
            Action::Leave if self.model.is_live() => self.overlay = Some(Overlay::Leave),
            Action::Leave | Action::LeaveRunning => return vec![Effect::Leave],
            Action::LeaveStop => return vec![Effect::StopAndLeave],
            Action::TogglePause
            | Action::Step
            | Action::Epoch
            | Action::LrUp
            | Action::LrDown
            | Action::PaceFaster
            | Action::PaceSlower
            | Action::PaceUnlimited => return self.control(action).map(Effect::Control).into_iter().collect(),
        }
        Vec::new()
    }

    /// Gives the focus to the panel on that side.
    pub(super) fn go(&mut self, direction: Direction) {
        let Some(layout) = self.layout() else { return };
        match layout.neighbour(self.focus(), direction) {
            Some(id) => self.set_focus(id),
            // Where panels share one frame the arrows go through them.
            None if layout.slots.len() == 1 => {
                self.turn(if matches!(direction, Direction::Left | Direction::Up) { -1 } else { 1 });
            }
            None => {}
        }
    }

    /// Goes on to the next reconstructed pictures, or back, by as many as stand side by side.
    fn page(&mut self, direction: Direction) {
        let slots = self.layout().map(|layout| layout.slots).unwrap_or_default();
        let Some(slot) = slots.iter().find(|slot| slot.shown == PanelId::Reconstruction) else { return };
        let reconstruction = &self.model.reconstruction;
        let count = reconstruction.outputs.as_ref().map_or(0, |outputs| outputs.dim().0);
        let strip = reconstruction.strip(slot.area.inside_frame());
        let first = strip.first(self.first_picture, count);
        self.first_picture = match direction {
            Direction::Down => strip.first(first + strip.across, count),
            _ => first.saturating_sub(strip.across),
        };
    }

    /// What the axes of the code space are.
    pub fn projection(&self) -> Projection {
        self.codes_view.projection(&self.model.dead_code())
    }

    /// Asks a live trainer to look most often at what is looked at here.
    fn look(&self, action: MapsAction) -> Option<Effect> {
        let meta = self.model.meta.as_ref().filter(|_| action == MapsAction::Probe && self.holds(When::Live))?;
        let asked = self.maps.probe(&self.model)?;
        let place = meta.probes.iter().position(|probe| probe == asked)?;
        Some(Effect::Control(Command::Look { probe: u32::try_from(place).ok()? }))
    }

    /// Goes to the next plane of the landscape, and asks a live trainer for it.
    fn turn_plane(&mut self) -> Option<Effect> {
        let plane = self.plane_view.turn(&self.model)?;
        self.holds(When::Live).then_some(Effect::Control(Command::Plane { plane }))
    }

    /// Whether time matters at the moment: a trainer is to be judged by its silence.
    pub fn wants_time(&self) -> bool {
        self.model.state() == State::Running || self.model.alarms.is_silent()
    }

    fn turn(&mut self, by: isize) {
        let panels = self.panels();
        let at = panels.iter().position(|id| *id == self.focus()).unwrap_or(0) as isize;
        let next = (at + by).rem_euclid(panels.len() as isize) as usize;
        self.set_focus(panels[next]);
    }

    /// The command behind an action. What it changes is assumed done, so that presses in quick succession add up; the
    /// trainer's answer corrects it.
    fn control(&mut self, action: Action) -> Option<Command> {
        let meta = self.model.meta.as_mut()?;
        Some(match action {
            Action::TogglePause if meta.state == State::Paused => {
                meta.state = State::Running;
                Command::Resume
            }
            Action::TogglePause => {
                meta.state = State::Paused;
                Command::Pause
            }
            Action::Step => Command::Step { steps: 1 },
            Action::Epoch => Command::Epoch,
            Action::LrUp | Action::LrDown => {
                meta.lr = if action == Action::LrUp { meta.lr * LR_FACTOR } else { meta.lr / LR_FACTOR };
                Command::SetLr { lr: meta.lr }
            }
            Action::PaceFaster => {
                // Without a pace it is as fast as it gets.
                let pace = meta.pace? * 2.0;
                meta.pace = Some(pace);
                Command::SetPace { pace: Some(pace) }
            }
            Action::PaceSlower => {
                let pace = meta.pace.map_or(FIRST_PACE, |pace| pace / 2.0);
                meta.pace = Some(pace);
                Command::SetPace { pace: Some(pace) }
            }
            Action::PaceUnlimited => {
                meta.pace = None;
                Command::SetPace { pace: None }
            }
            _ => return None,
        })
    }
}

/// The rows of the help overlay.
pub fn help_rows() -> u16 {
    BINDINGS.iter().filter(|row| row.is_in_help()).count() as u16
}
