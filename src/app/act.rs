//! What each action does.

use super::action::When;
use super::action::{Action, Direction, LR_FACTOR};
use super::codes::Projection;
use super::message::{Effect, Traffic};
use super::panel::PanelId;
use super::update::{App, Opening, Overlay, SMOOTHING, help_rows};
use crate::recipe::LEARNING_RATES;
use crate::run::{Command, Link, State};

/// Pace that `<` starts from when there is none, epochs a second.
const FIRST_PACE: f64 = 10.0;

impl App {
    pub(super) fn act(&mut self, action: Action) -> Vec<Effect> {
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
            Action::Close => {
                let map = self.overlay == Some(Overlay::Picture { map: true });
                self.overlay = map.then_some(Overlay::Map);
            }
            Action::Picture => self.open_picture(),
            Action::Look(look) => return vec![Effect::Look(look)],
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
            Action::Traffic => self.traffic = if self.traffic.is_some() { None } else { Some(Traffic::default()) },
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
            Action::Log(action) => self.act_on_log(action),
            Action::Maps(action) => {
                let sheet = self.sheet();
                self.maps.act(action, &self.model, sheet.as_ref());
            }
            Action::OpenMap => {
                self.maps.seek_maximum();
                // Closed again at once if there is no picture.
                self.overlay = Some(Overlay::Map);
            }
            Action::Units(action) => {
                let sheet = self.units_sheet();
                self.units.act(action, &self.model, sheet.as_ref());
            }
            Action::ToBoundary => self.set_focus(PanelId::Boundary),
            Action::ToUnits => self.set_focus(PanelId::Units),
            Action::Checkpoint => return vec![Effect::Control(Command::Checkpoint)],
            Action::Restart => return self.start_over(false),
            Action::RestartNewSeed => return self.start_over(true),
            Action::StartOverStop | Action::StartOverBeside => {
                if let Some(Overlay::StartOver { new_seed }) = self.overlay.take() {
                    return self.open_another(new_seed, action == Action::StartOverStop);
                }
            }
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

    /// Starts over as a new run; asks first what shall become of one that is live.
    fn start_over(&mut self, new_seed: bool) -> Vec<Effect> {
        // On another machine nothing is started from here: the refusal says what to do.
        if self.host.is_some() || !self.model.is_live() {
            return self.open_another(new_seed, false);
        }
        if self.model.state() == State::Starting {
            self.note = Some(format!("{} is starting; it can be started over once it trains", self.name()));
        } else {
            self.overlay = Some(Overlay::StartOver { new_seed });
        }
        Vec::new()
    }

    /// Asks for another run, unless one is under way already.
    fn open_another(&mut self, new_seed: bool, stop: bool) -> Vec<Effect> {
        if std::mem::replace(&mut self.opening, Opening::Pending) == Opening::Pending {
            return Vec::new();
        }
        vec![Effect::StartOver { new_seed, stop }]
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

    /// Tells a live trainer which probe is on the screen, once for each process that trains: what one that has just been
    /// started, or that was there before this view, looks at most is not what is looked at here.
    pub(super) fn tell(&mut self) -> Option<Effect> {
        if !self.holds(When::Live) {
            self.told = None;
            return None;
        }
        // While the log is still being read the probe may be one that only stands in for the one asked for.
        let meta = self.model.meta.as_ref().filter(|_| self.model.caught_up)?;
        let shown = self.maps.probe(&self.model)?;
        let place = self.model.description.probes.iter().position(|probe| probe == shown)?;
        let telling = Some((meta.pid, u32::try_from(place).ok()?));
        if self.told == telling {
            return None;
        }
        self.told = telling;
        telling.map(|(_, probe)| Effect::Control(Command::Look { probe }))
    }

    /// Goes to the next plane of the landscape, and asks a live trainer for it.
    fn turn_plane(&mut self) -> Option<Effect> {
        let plane = self.plane_view.turn(&self.model)?;
        self.holds(When::Live).then_some(Effect::Control(Command::Plane { plane }))
    }

    /// Whether time matters at the moment: a trainer is to be judged by its silence, or a counter has to go down.
    pub fn wants_time(&self) -> bool {
        let counting = self.traffic.is_some_and(|traffic| traffic.bytes > 0);
        (self.model.state() == State::Running && !self.is_cut_off()) || self.model.alarms.is_silent() || counting
    }

    /// Whether nothing can be heard of the run, so that its silence means nothing.
    pub(super) fn is_cut_off(&self) -> bool {
        matches!(self.link, Some(Link::Lost { .. } | Link::Silent { .. }))
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
                let lr = if action == Action::LrUp { meta.lr * LR_FACTOR } else { meta.lr / LR_FACTOR };
                let (least, most) = LEARNING_RATES.into_inner();
                let lr = lr.clamp(least, most);
                self.model.ask_for_lr(lr);
                Command::SetLr { lr }
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
