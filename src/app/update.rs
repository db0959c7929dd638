//! The application: `update` takes a message, changes the state and returns what shall be done outside.

use std::path::PathBuf;

use super::action::{Action, BINDINGS, Binding, Context, Direction, LR_FACTOR, When};
use super::key::Key;
use super::layout::{Layout, Request, layout};
use super::model::Model;
use super::panel::PanelId;
use crate::log::Record;
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
    /// How the trainer died: its last words.
    Died,
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
    /// What lies over the panels.
    pub overlay: Option<Overlay>,
    /// Whether the loss axis is logarithmic.
    pub log_axis: bool,
    /// Weight of the smoothing, 0 (none) to below 1.
    pub smoothing: f64,
    /// How the boundary is drawn.
    pub boundary_style: BoundaryStyle,
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
            overlay: None,
            log_axis: false,
            smoothing,
            boundary_style: BoundaryStyle::default(),
            alert: None,
            recent: vec![PanelId::Loss],
        }
    }

    /// The panel with the focus.
    pub fn focus(&self) -> PanelId {
        let panels = self.panels();
        self.recent.iter().copied().find(|id| panels.contains(id)).unwrap_or(PanelId::Loss)
    }

    /// The panels this run has something for, in the order of their numbers.
    pub fn panels(&self) -> Vec<PanelId> {
        let planar = self
            .model
            .meta
            .as_ref()
            .and_then(|meta| meta.network.as_ref())
            .is_some_and(|network| network.input_shape == [2] && network.output_shape() == [1]);
        let boundary = self.model.boundary.is_some() || planar;
        [Some(PanelId::Loss), boundary.then_some(PanelId::Boundary), Some(PanelId::Metrics), Some(PanelId::Network)]
            .into_iter()
            .flatten()
            .collect()
    }

    /// The number a panel answers to, 1-based.
    pub fn number(&self, id: PanelId) -> Option<usize> {
        self.panels().iter().position(|panel| *panel == id).map(|i| i + 1)
    }

    /// Cells that a panel's number and title take in a frame, with a blank on either side and between them.
    pub fn title_width(&self, id: PanelId) -> u16 {
        let digits = self.number(id).unwrap_or(0).to_string().len();
        (digits + id.title().chars().count() + 3) as u16
    }

    /// Where everything stands; `None` on a screen that is too small.
    pub fn layout(&self) -> Option<Layout> {
        let panels = self.panels();
        let layers = self.model.meta.as_ref().and_then(|meta| meta.network.as_ref()).map_or(0, |net| net.layers.len());
        // Metrics: one row each. Network: head, input, layers, a blank line, four facts. And the frame.
        let detail_rows = METRIC_ROWS.max(layers.min(99) as u16 + 7) + 2;
        let (size, zoomed) = (self.size, self.zoomed);
        layout(Request { size, panels: &panels, recent: &self.recent, zoomed, detail_rows })
    }

    /// What has the keyboard.
    pub fn context(&self) -> Context {
        match self.overlay {
            None => Context::Main,
            Some(Overlay::Help { .. }) => Context::Help,
            Some(Overlay::Leave) => Context::Leave,
            Some(Overlay::Died) => Context::Died,
        }
    }

    /// Whether the condition of a row of the table holds now.
    pub fn holds(&self, when: When) -> bool {
        match when {
            When::Always => true,
            When::Live => self.model.is_live() && self.model.state() != State::Starting,
            When::Focused(id) => self.focus() == id,
            When::Shown(id) => self.panels().contains(&id),
        }
    }

    /// Whether a row of the table applies now.
    pub fn applies(&self, binding: &Binding) -> bool {
        binding.context == self.context() && self.holds(binding.when)
    }

    /// The footer's rows that apply now, the most important first.
    pub fn hints(&self) -> Vec<&'static Binding> {
        let mut rows: Vec<_> = BINDINGS.iter().filter(|row| row.footer.is_some() && self.applies(row)).collect();
        rows.sort_by_key(|row| row.footer);
        rows
    }

    /// Takes a message and returns what shall be done outside.
    pub fn update(&mut self, message: Message) -> Vec<Effect> {
        match message {
            Message::Key(key) => return self.key(key),
            Message::Click { x, y } => self.click(x, y),
            Message::Resized(columns, rows) => self.size = (columns, rows),
            Message::Records(records) => self.model.apply(records),
            Message::CaughtUp => self.model.caught_up = true,
            Message::Notice(notice) => self.model.notice(notice),
            Message::Status(meta) => self.status(*meta),
            Message::TrainerOutput(lines) => self.model.trainer_output = lines,
            Message::Done(reply) => self.model.set_reply(&reply),
            Message::Refused(why) => self.alert = Some(why),
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
        // Rows for the focused panel come before general ones on the same key.
        let mut rows: Vec<_> = BINDINGS.iter().filter(|row| row.keys.contains(&key) && self.applies(row)).collect();
        rows.sort_by_key(|row| !matches!(row.when, When::Focused(_)));
        rows.first().map_or_else(Vec::new, |row| self.act(row.action))
    }

    fn click(&mut self, x: u16, y: u16) {
        if self.overlay.is_none()
            && let Some(slot) = self.layout().and_then(|layout| layout.slot_at(x, y).cloned())
        {
            // On the frame's first row stand the titles of all that share it.
            let titles = slot.members.iter().map(|id| (*id, self.title_width(*id)));
            let title = if y == slot.area.y { at_offset(titles, x.saturating_sub(slot.area.x + 2)) } else { None };
            self.set_focus(title.unwrap_or(slot.shown));
        }
    }

    fn set_focus(&mut self, id: PanelId) {
        self.recent.retain(|other| *other != id);
        self.recent.insert(0, id);
    }

    fn act(&mut self, action: Action) -> Vec<Effect> {
        match action {
            Action::NextPanel => self.turn(1),
            Action::PreviousPanel => self.turn(-1),
            Action::Move(direction) => {
                let neighbour = self.layout().and_then(|layout| layout.neighbour(self.focus(), direction));
                match neighbour {
                    Some(id) => self.set_focus(id),
                    // Where panels share one frame the arrows go through them.
                    None if self.layout().is_some_and(|layout| layout.slots.len() == 1) => {
                        self.turn(if matches!(direction, Direction::Left | Direction::Up) { -1 } else { 1 });
                    }
                    None => {}
                }
            }
            Action::Panel(number) => {
                if let Some(id) = self.panels().get(usize::from(number).wrapping_sub(1)) {
                    self.set_focus(*id);
                }
            }
            Action::Zoom => self.zoomed = !self.zoomed,
            Action::Help => self.overlay = Some(Overlay::Help { scroll: 0 }),
            Action::Close => self.overlay = None,
            Action::Scroll(direction) => {
                if let Some(Overlay::Help { scroll }) = &mut self.overlay {
                    *scroll = match direction {
                        Direction::Down => {
                            scroll.saturating_add(1).min(help_rows().saturating_sub(self.size.1.saturating_sub(2)))
                        }
                        _ => scroll.saturating_sub(1),
                    };
                }
            }
            Action::LogAxis => self.log_axis = !self.log_axis,
            Action::Smoothing => {
                let next = SMOOTHING.iter().position(|w| *w == self.smoothing).map_or(0, |i| (i + 1) % SMOOTHING.len());
                self.smoothing = SMOOTHING[next];
                self.model.set_smoothing(self.smoothing);
            }
            Action::BoundaryStyle => self.boundary_style = self.boundary_style.next(),
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

/// The item that covers a place, of items laid side by side.
fn at_offset<T>(items: impl IntoIterator<Item = (T, u16)>, offset: u16) -> Option<T> {
    let mut end = 0;
    items.into_iter().find_map(|(item, width)| {
        end += width;
        (offset < end).then_some(item)
    })
}
