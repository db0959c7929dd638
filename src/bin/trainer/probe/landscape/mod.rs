//! The loss over a plane through parameter space, with the path of training on it.
//!
//! ```text
//! axes      what spans the plane          frame     the plane, and the path beside it
//! ground    what losses are computed on   surface   the losses, coarse before fine
//! plan      how many planes, how finely, decided before a run starts
//! ```
//!
//! Moments show a plane of their own, which follows from the run alone; between them, because somebody watches, another one
//! is refined by the clock.
//!
//! The network's own parameters are never touched: it is asked what the loss would be with others in their place.

mod axes;
mod frame;
mod ground;
mod plan;
mod surface;

use std::time::Duration;

use tch::{Kind, TchError, Tensor};
use torchscope::log::schema::{self, PlaneFacts, Waypoint};
use torchscope::log::{Grid, tags};
use torchscope::recipe::{self, Recipe};
use torchscope::run::Plane;

use super::cost::Costs;
use super::schedule::{Bytes, Moment, Schedule};
use crate::checkpoint::{Looks, PathState, RestoreError, Source, Tensors};
use crate::path::{self, MOST_POINTS, Path, Station};
use crate::recorder::{Content, Part, Picture};
use crate::session::Session;
use axes::Axes;
use frame::{Frame, Point};
use ground::{Ground, Partial};
use plan::Plan;
use surface::{ACROSS, Surface};

/// Of the byte budget for all pictures.
pub(super) const OF_LANDSCAPES: u64 = 16;
/// Of the time that probes may take, for as long as there is something to compute.
const OF_TIME: f64 = 0.4;
/// How long training is held up at a time.
pub(crate) const SLICE: Duration = Duration::from_millis(4);
/// Slices that are saved up at most, while there is nothing to do.
const SAVED: f64 = 2.0;
/// Until the next look when there is nothing to do, or when the time for it has not been earned.
const NAP: Duration = Duration::from_millis(20);
/// A path without extent is shown with this share of the parameters' length to each side.
const LEAST_OF_LENGTH: f64 = 0.5;
/// Units of the random directions to each side: with one, every filter is changed as much as it is long.
const LEAST_OF_RANDOM: f64 = 1.0;

/// The landscape of one run.
pub(crate) struct Landscape {
    seed: u64,
    path: Path,
    ground: Ground,
    /// What moments show.
    plan: Plan,
    recorded: Option<View>,
    /// The plane that is computed between moments, while training goes on.
    plane: Plane,
    /// What the log shows of it, or would if it had taken it.
    shown: Option<View>,
    /// What takes its place once it has a level to show.
    next: Option<View>,
    schedule: Schedule,
    /// Share of the run's time.
    share: f64,
    /// Of all pictures so far at most.
    bytes: u64,
    /// The step of the last evaluation that the log has the path to.
    written: Option<u64>,
    /// Before this there is nothing to do.
    earliest: Duration,
    /// Seconds of training's time that may be taken, as reckoned when the run had been going so long.
    earned: f64,
    reckoned: Duration,
}

/// Where training is.
struct Present {
    station: Station,
    /// Shape (parameters), on the CPU.
    parameters: Tensor,
    /// The loss there on the samples of the landscape, where the station's is on all.
    sampled: f64,
}

/// A plane and the loss over it.
struct View {
    plane: Plane,
    frame: Frame,
    surface: Surface,
    /// The cell under way.
    partial: Partial,
    /// Levels that the log has.
    written: usize,
}

impl View {
    /// Computes cells until `enough`, the end of a level or the last cell; at least a piece of one.
    fn refine(&mut self, ground: &Ground, session: &Session, enough: &mut dyn FnMut() -> bool) -> Result<(), TchError> {
        let levels = self.surface.levels();
        while let Some(place) = self.surface.next(self.frame.extent()) {
            let Some(loss) = ground.loss(session, &self.frame.at(place)?, &mut self.partial, &mut *enough)? else {
                break;
            };
            self.surface.put(loss);
            if self.surface.levels() > levels || enough() {
                break;
            }
        }
        Ok(())
    }
}

impl Landscape {
    /// Of `network` as `session` starts it.
    pub(crate) fn new(recipe: &Recipe, network: &recipe::Network, session: &Session) -> Result<Self, TchError> {
        Self::within(path::MOST_BYTES, recipe, network, session)
    }

    /// The same with snapshots of `bytes` in all at most.
    fn within(bytes: usize, recipe: &Recipe, network: &recipe::Network, session: &Session) -> Result<Self, TchError> {
        let _guard = tch::no_grad_guard();
        let ground = Ground::new(network, session)?;
        let start = path::flat(session.network().parameters())?;
        let directions = |start: &Tensor| axes::random(recipe.seed, ground.shapes(), start);
        let path = Path::new(bytes, station(session), start, directions)?;
        let budget = (recipe.record.image_budget_mib * f64::from(1 << 20)) as u64 / OF_LANDSCAPES;
        let picture = most_bytes();
        // At the end there are three.
        let allowance = Bytes { budget, reserve: 3 * picture, usual: picture, most: picture };
        Ok(Self {
            seed: recipe.seed,
            plane: if path.has_snapshots() { Plane::Path } else { Plane::Random },
            path,
            plan: Plan::new(recipe, &Costs::new(network), session.total_steps(), ground.counts()[0] as usize),
            ground,
            recorded: None,
            shown: None,
            next: None,
            schedule: Schedule::new(1.0, allowance),
            share: recipe.record.probe_share,
            bytes: 0,
            written: None,
            earliest: Duration::ZERO,
            earned: 0.0,
            reckoned: Duration::ZERO,
        })
    }

    /// Copies the path so far for a checkpoint.
    pub(crate) fn save(&self, tensors: &mut Tensors, looks: &mut Looks) -> Result<PathState, TchError> {
        looks.landscape_bytes = self.bytes;
        looks.plane = Some(self.plane);
        if let Some(view) = &self.recorded {
            view.frame.save(tensors)?;
            view.surface.save(tensors)?;
        }
        Ok(PathState { recorded: self.recorded.as_ref().map(|view| view.surface.levels()), ..self.path.save(tensors)? })
    }

    /// Goes on with the path that a checkpoint holds, from the parameters `start`, shape (parameters).
    pub(crate) fn restore(
        &mut self,
        start: &Tensor,
        source: &Source<'_>,
        (state, looks): (&PathState, &Looks),
    ) -> Result<(), RestoreError> {
        let _guard = tch::no_grad_guard();
        let directions = |start: &Tensor| axes::random(self.seed, self.ground.shapes(), start);
        self.path = Path::restore(path::MOST_BYTES, start.shallow_clone(), source, state, directions)?;
        self.bytes = looks.landscape_bytes;
        if let Some(levels) = state.recorded {
            let device = self.ground.device();
            let (frame, surface) = (Frame::restore(source, device)?, Surface::restore(source, levels)?);
            let plane = self.usual_plane();
            self.recorded = Some(View { plane, frame, surface, partial: Partial::default(), written: 0 });
        }
        self.turn_to(looks.plane.unwrap_or(self.plane));
        Ok(())
    }

    /// Whether the plane of the path can be computed, and not only the random one.
    pub(crate) fn has_path(&self) -> bool {
        self.path.has_snapshots()
    }

    /// Computes `plane` from now on.
    pub(crate) fn turn_to(&mut self, plane: Plane) {
        self.plane = plane;
        self.next = None;
        self.earliest = Duration::ZERO;
    }

    /// Remembers the parameters at the end of an epoch, which `session` has just evaluated.
    pub(crate) fn remember(&mut self, session: &Session) -> Result<(), TchError> {
        let _guard = tch::no_grad_guard();
        self.path.remember(station(session), || path::flat(session.network().parameters()))
    }

    /// The plane that moments show.
    fn usual_plane(&self) -> Plane {
        if self.has_path() { Plane::Path } else { Plane::Random }
    }

    /// What one moment costs beside the planes: operations, and bytes at most.
    pub(super) fn of_moment(&self) -> (f64, u64) {
        if self.plan.planes == 0 { (0.0, 0) } else { (self.plan.moment, most_bytes()) }
    }

    /// Shows where training is at the moment at `place` of `moments`, on a plane of its own if it is the turn of one and on the
    /// one before otherwise.
    pub(crate) fn take_moment(
        &mut self,
        session: &Session,
        (place, moments): (usize, usize),
        mut hand_over: impl FnMut(Picture) -> bool,
    ) -> Result<(), TchError> {
        if self.plan.planes == 0 {
            return Ok(());
        }
        let _guard = tch::no_grad_guard();
        let Some(present) = self.present(session)? else { return Ok(()) };
        let is_due = self.plan.is_due(place, moments);
        let view = match self.recorded.take_if(|_| !is_due) {
            Some(mut view) => {
                view.frame.follow(&mut self.path, (present.station, &present.parameters))?;
                view
            }
            None => self.survey(session, &present)?,
        };
        let parts = self.parts(&view, view.plane, &present, session)?;
        hand_over(Picture { step: session.steps(), parts });
        self.recorded = Some(view);
        // What somebody watches comes again on top.
        if let Some(view) = &mut self.shown {
            view.written = 0;
        }
        Ok(())
    }

    /// The plane of moments around `present`, as finely as was planned.
    fn survey(&mut self, session: &Session, present: &Present) -> Result<View, TchError> {
        let before = self.recorded.as_ref().map(|view| view.frame.directions().shallow_clone());
        let mut view = self.plan(self.usual_plane(), present, before.as_ref(), session)?;
        while view.surface.levels() < self.plan.levels {
            view.refine(&self.ground, session, &mut || false)?;
        }
        Ok(view)
    }

    /// Whether it is worth calling [`Self::work`]: cheap enough for every step.
    pub(crate) fn may_be_due(&self, active: Duration) -> bool {
        active >= self.earliest
    }

    /// Whether time for work has been earned, and there may be something to do. Asks the device for nothing.
    pub(crate) fn is_due(&mut self, session: &Session, moment: Moment) -> bool {
        self.earliest = moment.active + NAP;
        let passed = moment.active.saturating_sub(self.reckoned).as_secs_f64();
        self.reckoned = moment.active;
        let slice = SLICE.as_secs_f64();
        self.earned = (self.earned + passed * OF_TIME * self.share).min(SAVED * slice);
        // Whatever else looks at the network takes each bit of its time as soon as it is there: waiting until a whole
        // slice of it is left would be waiting for ever.
        let is_overspent = moment.spent > moment.active.mul_f64(self.share);
        if self.earned < slice || is_overspent || !self.schedule.has_room(most_bytes(), self.bytes) {
            return false;
        }
        let is_known = self.written == evaluated(session);
        let is_idle = self.shown.as_ref().is_some_and(|view| {
            view.plane == self.plane && view.surface.is_complete() && view.surface.levels() == view.written
        });
        self.next.is_some() || !(is_known && is_idle)
    }

    /// Works until `enough` says so, if time has been earned and there is something to do; says whether it did. What
    /// becomes known is handed over; `hand_over` says whether it took it, and should not wait.
    pub(crate) fn work(
        &mut self,
        session: &Session,
        moment: Moment,
        mut enough: impl FnMut() -> bool,
        mut hand_over: impl FnMut(Picture) -> bool,
    ) -> Result<bool, TchError> {
        let _guard = tch::no_grad_guard();
        if !self.is_due(session, moment) {
            return Ok(false);
        }
        let mut present = None;
        if self.next.is_none() {
            let moment = Moment { spent: Duration::ZERO, bytes: self.bytes, ..moment };
            let is_new = self.written != evaluated(session);
            match self.shown.as_mut().filter(|view| view.plane == self.plane) {
                Some(view) if is_new && view.written > 0 && self.schedule.is_due(moment) => {
                    let Some(found) = self.present(session)? else { return Ok(false) };
                    let found = &*present.insert(found);
                    let Some(view) = self.shown.as_mut() else { return Ok(false) };
                    view.frame.follow(&mut self.path, (found.station, &found.parameters))?;
                    // A plane that training leaves at once has been seen at least: nothing is begun for ever.
                    let is_left = view.frame.is_left() && view.surface.levels() == view.written;
                    if is_left && self.schedule.has_room(most_bytes(), self.bytes) {
                        self.next = Some(self.begin(found, session)?);
                    }
                }
                Some(view) if view.surface.is_complete() && view.surface.levels() == view.written => return Ok(false),
                Some(_) => {}
                None if self.schedule.has_room(most_bytes(), self.bytes) => {
                    let Some(found) = self.present(session)? else { return Ok(false) };
                    self.next = Some(self.begin(present.insert(found), session)?);
                }
                None => return Ok(false),
            }
        }
        let moved = present.is_some() && self.shown.as_ref().is_some_and(|view| view.written > 0);
        if let Some(view) = self.next.as_mut().or(self.shown.as_mut()) {
            view.refine(&self.ground, session, &mut enough)?;
        }
        self.promote();
        let grown = self.has_news();
        if (grown || moved) && self.schedule.has_room(most_bytes(), self.bytes) {
            let present = if present.is_some() { present } else { self.present(session)? };
            if let Some(present) = present {
                self.publish(session, &present, moment.active, &mut hand_over)?;
            }
        }
        Ok(true)
    }

    /// Notes what the work cost.
    pub(crate) fn worked(&mut self, cost: Duration) {
        self.earned -= cost.as_secs_f64();
    }

    /// Shows the network that training rests at, with a plane of its own, and refines that until `interrupted`: this is
    /// no time of training's, so `hand_over` may wait. Called again it goes on.
    pub(crate) fn work_at_rest(
        &mut self,
        session: &Session,
        active: Duration,
        mut interrupted: impl FnMut() -> bool,
        mut hand_over: impl FnMut(Picture) -> bool,
    ) -> Result<(), TchError> {
        let _guard = tch::no_grad_guard();
        if interrupted() || !self.schedule.has_room(most_bytes(), self.bytes) {
            return Ok(());
        }
        let Some(present) = self.present(session)? else { return Ok(()) };
        let (plane, step) = (self.plane, present.station.step);
        let is_here =
            |view: &Option<View>| view.as_ref().is_some_and(|view| view.plane == plane && view.frame.step() == step);
        if !is_here(&self.next) {
            self.next = if is_here(&self.shown) { None } else { Some(self.begin(&present, session)?) };
        }
        while let Some(view) = self.next.as_mut().or(self.shown.as_mut()) {
            if view.surface.is_complete() && view.written == ACROSS.len() {
                break;
            }
            view.refine(&self.ground, session, &mut interrupted)?;
            self.promote();
            if self.has_news() && !self.publish(session, &present, active, &mut hand_over)? {
                // The recorder is gone, and has said so to the inbox.
                break;
            }
            if interrupted() || !self.schedule.has_room(most_bytes(), self.bytes) {
                break;
            }
        }
        Ok(())
    }

    /// Shows the path so far on all planes, as finely as was planned for the end of a run, unless `interrupted`. The plane of
    /// the path so far and that of the whole path are one by now.
    pub(crate) fn conclude(
        &mut self,
        session: &Session,
        mut interrupted: impl FnMut() -> bool,
        mut hand_over: impl FnMut(Picture) -> bool,
    ) -> Result<(), TchError> {
        let _guard = tch::no_grad_guard();
        let Some(present) = self.present(session)? else { return Ok(()) };
        let planes: &[Plane] = if self.has_path() { &[Plane::Path, Plane::Random] } else { &[Plane::Random] };
        let levels = self.plan.end(planes.len());
        let mut views = Vec::new();
        let mut failed = Ok(());
        for (plane, levels) in planes.iter().zip(levels).filter(|(_, levels)| *levels > 0) {
            let before = self.recorded.as_ref().filter(|view| view.plane == *plane);
            let before = before.map(|view| view.frame.directions().shallow_clone());
            // What keeps one plane from being seen is in nobody else's way.
            match self.plan(*plane, &present, before.as_ref(), session) {
                Ok(view) => views.push((view, levels)),
                Err(error) => failed = Err(error),
            }
        }
        'refined: for level in 0..ACROSS.len() {
            for (view, levels) in views.iter_mut().filter(|(_, levels)| *levels > level) {
                while view.surface.levels() == level && level < *levels {
                    if interrupted() {
                        break 'refined;
                    }
                    view.refine(&self.ground, session, &mut interrupted)?;
                }
            }
        }
        for (view, _) in views.iter().filter(|(view, _)| view.surface.levels() > 0) {
            let mut parts = self.parts(view, view.plane, &present, session)?;
            if view.plane == Plane::Path {
                parts.extend(self.parts(view, Plane::Whole, &present, session)?);
            }
            let picture = Picture { step: session.steps(), parts };
            self.bytes += picture.most_bytes();
            if !hand_over(picture) {
                break;
            }
        }
        failed
    }

    /// The plane that is looked at between moments, around `present`.
    fn begin(&mut self, present: &Present, session: &Session) -> Result<View, TchError> {
        let before = self.shown.as_ref().or(self.recorded.as_ref()).filter(|view| view.plane == self.plane);
        let before = before.map(|view| view.frame.directions().shallow_clone());
        self.plan(self.plane, present, before.as_ref(), session)
    }

    /// The plane `plane` with the path up to `present`, its axes on the same side as those of `before`.
    fn plan(
        &mut self,
        plane: Plane,
        present: &Present,
        before: Option<&Tensor>,
        session: &Session,
    ) -> Result<View, TchError> {
        let Present { station: present, ref parameters, .. } = *present;
        let spare = || axes::random(self.seed, self.ground.shapes(), parameters);
        let (axes, least) = if plane == Plane::Random {
            let fixed = self.path.shadows().map(|shadows| shadows.directions.shallow_clone());
            let directions = fixed.map_or_else(spare, Ok)?;
            let origin = parameters.shallow_clone();
            (Axes { origin, directions, shares: [f64::NAN; 2] }, LEAST_OF_RANDOM)
        } else {
            let trail = self.path.trail(present, parameters)?;
            let trail = trail.ok_or_else(|| TchError::Shape("there are no snapshots".to_owned()))?;
            let axes = axes::principal(&trail, before, spare)?;
            let has_extent = axes.shares[0] > 0.0;
            // Squares of what float32 holds are beyond float32.
            let length = parameters.f_norm_scalaropt_dtype(2.0, Kind::Double)?.f_double_value(&[])?;
            (axes, if has_extent { 0.0 } else { LEAST_OF_LENGTH * length })
        };
        let frame = Frame::new(axes, &mut self.path, (present, parameters), least, session.device())?;
        Ok(View { plane, frame, surface: Surface::new(), partial: Partial::default(), written: 0 })
    }

    /// Whether a level is complete that the log does not have.
    fn has_news(&self) -> bool {
        self.shown.as_ref().is_some_and(|view| view.surface.levels() > view.written)
    }

    /// What is next takes the place of what is shown, once there is something to show of it.
    fn promote(&mut self) {
        if self.next.as_ref().is_some_and(|view| view.surface.levels() > 0) {
            self.shown = self.next.take();
        }
    }

    /// Where training is now. Between evaluations the loss is that of the landscape's samples. None where parameters are not
    /// finite: there is no plane around that.
    fn present(&self, session: &Session) -> Result<Option<Present>, TchError> {
        let parameters = path::flat(session.network().parameters())?;
        if !path::is_finite(&parameters)? {
            return Ok(None);
        }
        let mut station = station(session);
        let is_evaluated = evaluated(session) == Some(session.steps());
        let [samples, all] = self.ground.counts();
        // On all samples it is what the evaluation gave.
        let sampled = if is_evaluated && samples == all {
            station.loss
        } else {
            let there = parameters.f_to_device(session.device())?;
            self.ground.loss(session, &there, &mut Partial::default(), || false)?.unwrap_or(f64::NAN)
        };
        if !is_evaluated {
            station.loss = sampled;
        }
        Ok(Some(Present { station, parameters, sampled }))
    }

    /// Hands over what is shown, with its path up to `present`: each picture stands for itself. Says whether it was taken.
    fn publish(
        &mut self,
        session: &Session,
        present: &Present,
        active: Duration,
        hand_over: &mut dyn FnMut(Picture) -> bool,
    ) -> Result<bool, TchError> {
        let Some(mut view) = self.shown.take() else { return Ok(false) };
        view.frame.follow(&mut self.path, (present.station, &present.parameters))?;
        let levels = view.surface.levels();
        let parts = self.parts(&view, view.plane, present, session)?;
        let picture = Picture { step: session.steps(), parts };
        let bytes = picture.most_bytes();
        let taken = hand_over(picture);
        if taken {
            view.written = levels;
            self.bytes += bytes;
            self.written = evaluated(session);
            self.schedule.taken(active, Duration::ZERO);
        }
        self.shown = Some(view);
        Ok(taken)
    }

    /// What the log is told of `view` as `plane`.
    fn parts(&self, view: &View, plane: Plane, present: &Present, session: &Session) -> Result<Vec<Part>, TchError> {
        let name = plane.name();
        let points = view.frame.points();
        let losses = view.surface.grid().map(|losses| {
            Part::new(tags::landscape(name), Content::Grid(Grid::new(losses, None, Some(view.frame.extent()))))
        });
        let waypoint = |point: &Point| {
            let Point { station, place: [x, y], distance } = *point;
            Waypoint { x, y, loss: station.loss, off: distance, epoch: station.epoch }
        };
        let path = schema::Path(points.iter().map(waypoint).collect());
        let on_plane = match points.last() {
            Some(point) => {
                let there = view.frame.at(point.place)?;
                self.ground.loss(session, &there, &mut Partial::default(), || false)?
            }
            None => None,
        };
        let [samples, all] = self.ground.counts().map(|count| count as u64);
        let cells = view.surface.levels().checked_sub(1).map_or(0, |level| ACROSS[level] as u64);
        let (shares, loss) = (view.frame.shares(), on_plane.unwrap_or(f64::NAN));
        let facts = PlaneFacts { shares, samples, all, cells, loss, true_loss: present.sampled };
        let rest = [
            Part::new(tags::landscape_path(name), Content::Numbers(path.encode())),
            Part::new(tags::landscape_facts(name), Content::Numbers(facts.encode())),
        ];
        Ok(losses.into_iter().chain(rest).collect())
    }
}

/// The step of the last evaluation.
fn evaluated(session: &Session) -> Option<u64> {
    session.evaluation().map(|(step, _)| step)
}

/// Where `session` is, with the loss of its last evaluation.
fn station(session: &Session) -> Station {
    let loss = session.evaluation().map_or(f64::NAN, |(_, evaluation)| evaluation.loss);
    let epoch = session.steps() as f64 / session.steps_per_epoch() as f64;
    Station { step: session.steps(), epoch, loss }
}

/// Bytes of one picture in the log at most.
fn most_bytes() -> u64 {
    let finest = ACROSS[ACROSS.len() - 1];
    // Losses may be infinite, which takes an alpha channel.
    let losses = (4 * finest * finest + finest) as u64 + Part::OVERHEAD;
    losses + (size_of::<f32>() * (5 * MOST_POINTS + 7)) as u64 + 2 * Part::OVERHEAD
}

#[cfg(test)]
mod tests;
