//! Looks at the network between steps. What there is to see follows from the data and the network alone.
//!
//! ```text
//! boundary    the output over the plane of two inputs      responses   the hidden units over it
//! maps        every layer's output for one probe, kernels  probes      the pictures that it is looked at with
//! code        an autoencoder's reconstructions and codes   verdict     what evaluations say: confusion, dead units
//! health      norms, updates and distributions of every layer
//! film        tensors become parts of a picture            references  losses of something simpler
//! landscape   the loss over a plane through parameter space, and training's path on it
//! moments     the steps at which everything is recorded    cost        how much of it a run can afford
//! schedule    when a picture is taken between them         turn        with which probe
//! ```

mod boundary;
mod code;
mod cost;
mod film;
mod health;
mod landscape;
mod maps;
mod moments;
mod plane;
mod probes;
pub(crate) mod references;
mod responses;
mod schedule;
mod turn;
mod verdict;

use std::collections::BTreeSet;
use std::time::Duration;

use ndarray::Array3;
use tch::{TchError, Tensor};
use torchscope::data::Dataset;
use torchscope::recipe::{self, Recipe, Target};

use crate::recorder::{Part, Picture};
use crate::session::Session;
use boundary::Boundary;
use code::Code;
pub(crate) use cost::{Allowance, Costs};
use film::Film;
pub(crate) use health::{Checkup, Health};
pub(crate) use landscape::{Landscape, SLICE};
use maps::{Kernels, Maps};
pub(crate) use moments::Moments;
use probes::Probes;
pub(crate) use probes::pictures;
use responses::Responses;
pub(crate) use schedule::Moment;
use schedule::{Bytes, Schedule};
use turn::Turn;
use verdict::Verdict;

/// Large kernels change slowly and are part of every eighth picture.
const KERNELS: u64 = 8;
/// Of the byte budget, what evaluations may take that are handed over between moments.
const OF_VERDICTS: u64 = 16;
/// Of the byte budget: what one probe's maps or all kernels may take, and what all that is shown at rest may take. The last
/// is taken twice for certain, before the first step and at the end. All rests between those two show everything until they
/// have taken as much again, and after that one probe each until it is twice that: whoever steps through a run must not use
/// up what its live pictures need.
const OF_MAPS: u64 = 8;
const OF_REST: u64 = 4;
/// Of the byte budget, what the pictures of moments may take; the rest is for what is taken because somebody watches.
const OF_MOMENTS: f64 = 0.75;
/// And what looks at the health of layers may take.
const OF_HEALTH: u64 = 16;
/// However small the budget, maps and kernels of this many bytes are shown at rest.
const LEAST_ROOM: u64 = 1 << 20;

/// Bytes that all pictures of a run may take.
fn byte_budget(recipe: &Recipe) -> u64 {
    (recipe.record.image_budget_mib * f64::from(1 << 20)) as u64
}

/// Everything that a network is looked at with.
pub(crate) struct Gallery {
    boundary: Option<Boundary>,
    responses: Option<Responses>,
    maps: Option<Maps>,
    kernels: Kernels,
    code: Option<Code>,
    verdict: Verdict,
    names: Vec<String>,
    turn: Turn,
    /// Probes that are shown at rest.
    at_rest: usize,
    /// What is written once, with a picture of that probe or with any.
    unsent: Vec<(Option<usize>, Part)>,
    shown: Shown,
    /// When pictures are taken between moments, and evaluations handed over.
    schedule: Schedule,
    verdicts: Schedule,
    /// Of the evaluations handed over between moments so far, at most.
    verdict_bytes: u64,
    /// Of everything at rest, of one more probe, and of one moment, at most.
    rest_bytes: u64,
    probe_bytes: u64,
    moment_bytes: u64,
    /// What rests between the first and the last have taken, at most, and may take in full.
    rested: u64,
    rests: u64,
    /// Pictures taken between moments while training goes on.
    taken: u64,
}

/// What has been handed over of the network as it is after `step` steps.
#[derive(Default)]
struct Shown {
    step: Option<u64>,
    /// What does not depend on a probe, large kernels aside.
    everything: bool,
    kernels: bool,
    probes: BTreeSet<usize>,
}

/// What a picture is to hold.
#[derive(Clone, Copy)]
struct View {
    everything: bool,
    kernels: bool,
    probe: Option<usize>,
}

impl Gallery {
    /// What there is to see of `network`, which learns one set and is evaluated on the other, that may be the same.
    /// `pictures` are looked at by name, beside the samples of the evaluation set that the recipe wants.
    pub(crate) fn new(
        recipe: &Recipe,
        network: &recipe::Network,
        [training, evaluated]: [&Dataset; 2],
        session: &Session,
        pictures: &[(String, Array3<f32>)],
    ) -> Result<Self, TchError> {
        let budget = byte_budget(recipe);
        let room = (budget / OF_MAPS).max(LEAST_ROOM);
        let mut unsent = Vec::new();
        let boundary = Boundary::new(training, network, session)?.map(|(boundary, points)| {
            unsent.push((None, points));
            boundary
        });
        let responses = Responses::new(training, network, session)?;
        let probes = Probes::new(pictures, recipe.probe.samples, evaluated, session)?;
        let maps = probes.as_ref().map(|probes| Maps::new(network, probes, room));
        if let Some(probes) = &probes {
            unsent.extend(probes.parts()?.into_iter().enumerate().map(|(probe, part)| (Some(probe), part)));
        }
        let shown = probes.as_ref().map_or([].as_slice(), |probes| &probes.samples);
        let is_autoencoder = recipe.data.target() == Target::Input;
        let code = if is_autoencoder { Code::new(network, evaluated, shown, session)? } else { None };
        let code = code.map(|(code, once)| {
            unsent.extend(once.into_iter().map(|part| (None, part)));
            code
        });
        let names = probes.map(|probes| probes.names).unwrap_or_default();
        let mut gallery = Self {
            boundary,
            responses,
            maps,
            kernels: Kernels::new(network, room),
            code,
            verdict: Verdict::new(network),
            turn: Turn::new(names.len()),
            at_rest: 0,
            names,
            unsent,
            shown: Shown::default(),
            schedule: Schedule::new(0.0, Bytes::default()),
            verdicts: Schedule::new(1.0, Bytes::default()),
            verdict_bytes: 0,
            rest_bytes: 0,
            probe_bytes: 0,
            moment_bytes: 0,
            rested: 0,
            rests: budget / OF_REST,
            taken: 0,
        };
        gallery.reckon(recipe.record.probe_share, budget, network, evaluated);
        Ok(gallery)
    }

    /// Decides what there are bytes for.
    fn reckon(&mut self, share: f64, budget: u64, network: &recipe::Network, evaluated: &Dataset) {
        let [few, many] = self.kernels.most_bytes();
        let always = few
            + self.boundary.as_ref().map_or(0, Boundary::most_bytes)
            + self.responses.as_ref().map_or(0, Responses::most_bytes)
            + self.code.as_ref().map_or(0, Code::most_bytes);
        let once = |with: bool| {
            let parts = self.unsent.iter().filter(move |(probe, _)| probe.is_some() == with);
            parts.map(|(_, part)| part.most_bytes())
        };
        self.probe_bytes = self.maps.as_ref().map_or(0, Maps::most_bytes) + once(true).max().unwrap_or(0);
        let beside = always + many + once(false).sum::<u64>();
        let for_probes = (budget / OF_REST).saturating_sub(beside) / self.probe_bytes.max(1);
        self.at_rest = (for_probes as usize).max(1).min(self.names.len());
        self.rest_bytes = beside + self.at_rest as u64 * self.probe_bytes;
        let of_verdicts = budget / OF_VERDICTS;
        let verdict = Verdict::most_bytes(network, evaluated.classes.len());
        self.moment_bytes = always + self.probe_bytes + many / KERNELS + verdict;
        let bytes = Bytes {
            budget,
            reserve: self.rest_bytes + of_verdicts + budget / OF_HEALTH + budget / landscape::OF_LANDSCAPES,
            usual: always + self.probe_bytes + many / KERNELS,
            most: beside + self.probe_bytes,
        };
        self.schedule = Schedule::new(share, bytes);
        let bytes = Bytes { budget: of_verdicts, reserve: verdict, usual: verdict, most: verdict };
        self.verdicts = Schedule::new(1.0, bytes);
    }

    /// Names of the probes, all different.
    pub(crate) fn probes(&self) -> &[String] {
        &self.names
    }

    /// Bytes of the evaluations handed over so far, at most: part of a checkpoint.
    pub(crate) fn verdict_bytes(&self) -> u64 {
        self.verdict_bytes
    }

    /// Goes on when so many had been handed over.
    pub(crate) fn set_verdict_bytes(&mut self, bytes: u64) {
        self.verdict_bytes = bytes;
    }

    /// Operations that one moment takes, about.
    fn operations(&self, costs: &Costs) -> f64 {
        let over = |inputs: &Tensor| costs.forward(inputs.size().first().copied().unwrap_or(0) as usize);
        let boundary = self.boundary.as_ref().map_or(0.0, |boundary| over(boundary.inputs()));
        let responses = self.responses.as_ref().map_or(0.0, |responses| over(responses.inputs()));
        let code = self.code.as_ref().map_or(0.0, |code| 2.0 * over(code.inputs()));
        let maps = self.maps.as_ref().map_or(0.0, |_| costs.forward(1));
        boundary + responses + code + maps + Costs::calls(20.0)
    }

    /// Goes on with a run whose log has what is written once.
    pub(crate) fn go_on(&mut self) {
        self.unsent.clear();
    }

    /// Leaves so many bytes for the moments that are still to come, whatever is taken between them.
    pub(crate) fn reserve(&mut self, bytes: u64) {
        self.schedule.reserve(bytes);
    }

    /// Takes the picture of the moment at `place` among all: everything that there is to see, the probe and the large kernels
    /// whose turn it is by its place alone, and all of them `at_end`, the first or the last.
    pub(crate) fn take_moment(
        &mut self,
        session: &Session,
        place: usize,
        at_end: bool,
        mut hand_over: impl FnMut(Picture) -> bool,
    ) -> Result<(), TchError> {
        self.turn_to(session.steps());
        let kernels = at_end || (place as u64).is_multiple_of(KERNELS);
        let turn = place.checked_rem(self.names.len());
        let probes: Vec<usize> = if at_end { (0..self.at_rest).collect() } else { turn.into_iter().collect() };
        let mut probes = probes.into_iter();
        let mut view = View { everything: true, kernels, probe: probes.next() };
        while self.take(view, session, &mut hand_over)? {
            let Some(probe) = probes.next() else { break };
            view = View { everything: false, kernels: false, probe: Some(probe) };
        }
        // Of probes that are not shown yet.
        let parts: Vec<Part> = self.unsent.drain(..).map(|(_, part)| part).collect();
        if !parts.is_empty() {
            hand_over(Picture { step: session.steps(), parts });
        }
        Ok(())
    }

    /// Hands over the evaluation that `session` has just made.
    pub(crate) fn take_verdict(&mut self, session: &Session, mut hand_over: impl FnMut(Picture) -> bool) {
        if let Some(picture) = self.verdict.picture(session) {
            self.verdict.sent(picture.step);
            hand_over(picture);
        }
    }

    /// Looks with `probe` from now on, most of the time.
    pub(crate) fn ask(&mut self, probe: usize) {
        self.turn.ask(probe);
        self.schedule.hurry();
    }

    /// Whether it is worth calling [`Self::look`]: cheap enough for every step.
    pub(crate) fn may_be_due(&self, session: &Session, active: Duration) -> bool {
        self.schedule.may_be_due(active) || (self.verdicts.may_be_due(active) && self.verdict.is_pending(session))
    }

    /// Whether a picture is due. Asks the device for nothing.
    pub(crate) fn is_due(&mut self, moment: Moment) -> bool {
        self.schedule.is_due(moment)
    }

    /// Takes a picture if one is due, and says whether it did. An evaluation is handed over beside it, at its own step,
    /// which may be some steps ago: within the bounds of its own schedule. `hand_over` says whether it took what it was given; this
    /// is training's time, so it should not wait.
    pub(crate) fn look(
        &mut self,
        session: &Session,
        moment: Moment,
        mut hand_over: impl FnMut(Picture) -> bool,
    ) -> Result<bool, TchError> {
        let of_verdicts = Moment { spent: Duration::ZERO, bytes: self.verdict_bytes, ..moment };
        if self.verdict.is_pending(session)
            && self.verdicts.is_due(of_verdicts)
            && self.hand_over_verdict(session, &mut hand_over)
        {
            self.verdicts.taken(moment.active, Duration::ZERO);
        }
        if !self.is_due(moment) {
            return Ok(false);
        }
        self.turn_to(session.steps());
        let probe = self.turn.next().filter(|probe| !self.shown.probes.contains(probe));
        let kernels = self.taken.is_multiple_of(KERNELS) && !self.shown.kernels;
        let view = View { everything: !self.shown.everything, kernels, probe };
        if self.take(view, session, hand_over)? {
            self.turn.taken();
            self.taken += 1;
        }
        Ok(true)
    }

    /// Notes what the look at `active` cost.
    pub(crate) fn looked(&mut self, active: Duration, cost: Duration) {
        self.schedule.taken(active, cost);
    }

    /// Shows all that there is to see of the network that training rests at, as far as it has not been shown. This is
    /// no time of training's, so `hand_over` may wait.
    pub(crate) fn look_at_rest(
        &mut self,
        session: &Session,
        active: Duration,
        hand_over: impl FnMut(Picture) -> bool,
    ) -> Result<(), TchError> {
        self.show_at_rest(session, active, (self.at_rest, true), hand_over)
    }

    /// [`Self::look_at_rest`] of a rest that is neither the first nor the last, when all pictures so far took `bytes`:
    /// less where there have been many, nothing where no bytes are left for it.
    pub(crate) fn look_at_pause(
        &mut self,
        session: &Session,
        active: Duration,
        bytes: u64,
        mut hand_over: impl FnMut(Picture) -> bool,
    ) -> Result<(), TchError> {
        let one = self.schedule.most();
        let within = |more: u64, most: u64| self.rested + more <= most && self.schedule.has_room(more, bytes);
        let extent = if within(self.rest_bytes, self.rests) {
            (self.at_rest, true)
        } else if within(one, 2 * self.rests) {
            (1, false)
        } else {
            return Ok(());
        };
        let mut taken = 0;
        self.show_at_rest(session, active, extent, |picture| {
            let size = picture.most_bytes();
            let is_taken = hand_over(picture);
            taken += if is_taken { size } else { 0 };
            is_taken
        })?;
        self.rested += taken;
        Ok(())
    }

    /// Shows so many probes, and large kernels if those are wanted.
    fn show_at_rest(
        &mut self,
        session: &Session,
        active: Duration,
        (probes, kernels): (usize, bool),
        mut hand_over: impl FnMut(Picture) -> bool,
    ) -> Result<(), TchError> {
        self.hand_over_verdict(session, &mut hand_over);
        self.turn_to(session.steps());
        let mut all = self.turn.all();
        all.truncate(probes);
        all.retain(|probe| !self.shown.probes.contains(probe));
        let mut probes = all.into_iter();
        let kernels = kernels && !self.shown.kernels;
        let mut view = View { everything: !self.shown.everything, kernels, probe: probes.next() };
        while view.everything || view.kernels || view.probe.is_some() {
            if !self.take(view, session, &mut hand_over)? {
                // The recorder is gone, and has said so to the inbox.
                break;
            }
            view = View { everything: false, kernels: false, probe: probes.next() };
        }
        self.schedule.rested(active);
        Ok(())
    }

    /// Begins anew with what has been shown, if there is something new to see.
    fn turn_to(&mut self, step: u64) {
        if self.shown.step != Some(step) {
            self.shown = Shown { step: Some(step), ..Shown::default() };
        }
    }

    /// The last evaluation, unless it has been handed over. Says whether it was now.
    fn hand_over_verdict(&mut self, session: &Session, hand_over: impl FnOnce(Picture) -> bool) -> bool {
        let Some(picture) = self.verdict.picture(session) else { return false };
        let (step, bytes) = (picture.step, picture.most_bytes());
        let taken = hand_over(picture);
        if taken {
            self.verdict.sent(step);
            self.verdict_bytes += bytes;
        }
        taken
    }

    /// A picture of the network as it is. `hand_over` says whether it took it, and so does this.
    fn take(
        &mut self,
        view: View,
        session: &Session,
        hand_over: impl FnOnce(Picture) -> bool,
    ) -> Result<bool, TchError> {
        let mut film = Film::default();
        if view.everything {
            if let Some(boundary) = &self.boundary {
                boundary.take(session, &mut film)?;
            }
            if let Some(responses) = &self.responses {
                responses.take(session, &mut film)?;
            }
            if let Some(code) = &self.code {
                code.take(session, &mut film)?;
            }
        }
        if let (Some(maps), Some(probe)) = (&self.maps, view.probe) {
            maps.take(session, probe, &mut film)?;
        }
        self.kernels.take(session, view.everything, view.kernels, &mut film);
        let belongs = |probe: &Option<usize>| match probe {
            None => true,
            probe => *probe == view.probe,
        };
        let mut parts: Vec<Part> =
            self.unsent.iter().filter(|(probe, _)| belongs(probe)).map(|(_, part)| part.clone()).collect();
        parts.extend(film.develop()?);
        // A network without anything to see still has a rhythm.
        let taken = parts.is_empty() || hand_over(Picture { step: session.steps(), parts });
        if taken {
            self.unsent.retain(|(probe, _)| !belongs(probe));
            self.shown.everything |= view.everything;
            self.shown.kernels |= view.kernels;
            self.shown.probes.extend(view.probe);
        }
        Ok(taken)
    }
}

/// The moments of a run of so many steps, as many as its recipe wants and its budgets have room for, and the bytes that one of
/// them takes at most.
pub(crate) fn moments(
    recipe: &Recipe,
    network: &recipe::Network,
    steps: u64,
    (gallery, health, landscape): (&Gallery, &Health, Option<&Landscape>),
) -> (Moments, u64) {
    let costs = Costs::new(network);
    let landscape_cost = landscape.map_or((0.0, 0), Landscape::of_moment);
    let operations = gallery.operations(&costs) + health.operations() + landscape_cost.0;
    let bytes = gallery.moment_bytes + health.most_bytes() + landscape_cost.1;
    let affordable = costs.allowance(recipe, steps).of_pictures() / operations.max(1.0);
    let room = (byte_budget(recipe) as f64 * OF_MOMENTS) as u64;
    let fitting = room.saturating_sub(2 * gallery.rest_bytes) / bytes.max(1);
    let most = (affordable as u64).min(fitting).max(2);
    (Moments::new(steps, recipe.record.moments.min(most)), bytes)
}

#[cfg(test)]
mod tests;
