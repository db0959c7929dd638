//! What is known of the run on screen: its log and its state, as far as they have been read.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::PathBuf;

use super::alarms::Alarms;
use super::boundary::Boundary;
use super::codes::Codes;
use super::confusion::Confusion;
use super::health::Health;
use super::landscape::Landscapes;
use super::log_lines::LogLines;
use super::machine::Machine;
use super::maps::Maps;
use super::rate::Rate;
use super::reconstruction::Reconstruction;
use super::units::Units;
use crate::log::schema::{Alarm, Document, Labels, Points};
use crate::log::tags::{RECONSTRUCTION_INPUT, RECONSTRUCTION_OUTPUT};
use crate::log::{Data, Grid, ImageValue, Record, Tag, TensorValue, Value, tags};
use crate::recipe::Network;
use crate::run::{Description, Length, Reply, RunMeta, State};
use crate::series::{Series, Smoothed};

/// Bound on the notices kept.
const NOTICES: usize = 100;

/// The run on screen.
#[derive(Debug)]
pub struct Model {
    /// The run directory.
    pub path: PathBuf,
    /// The run's own account of itself; `None` until it was first read.
    pub meta: Option<RunMeta>,
    /// What the run is: as its log says; as `run.json` does until then.
    pub description: Description,
    /// The decision boundary, for runs that record one.
    pub boundary: Option<Boundary>,
    /// What layers make of pictures.
    pub maps: Maps,
    /// What hidden units say over the plane.
    pub units: Units,
    /// What an autoencoder makes of a few pictures.
    pub reconstruction: Reconstruction,
    /// Codes of many pictures.
    pub codes: Codes,
    /// Which class is taken for which, for classifiers.
    pub confusion: Option<Confusion>,
    /// The loss over planes through parameter space.
    pub landscapes: Landscapes,
    /// How every layer is.
    pub health: Health,
    /// What somebody should look at.
    pub alarms: Alarms,
    /// The machine that the run is on.
    pub machine: Machine,
    /// Speed, from the times in the log.
    pub rate: Rate,
    /// What the reader of the log had to say.
    pub notices: Vec<String>,
    /// What the trainer printed.
    pub printed: LogLines,
    /// Whether the log has been read to its end once.
    pub caught_up: bool,
    /// Steps that had been taken when another learning rate was asked for last.
    lr_asked_at: Option<u64>,
    /// State, learning rate and pace as the run itself last told them.
    told: Option<(State, f64, Option<f64>)>,
    /// The newest picture of each tag that has not been decoded yet.
    undecoded: BTreeMap<Tag, (i64, ImageValue)>,
    series: BTreeMap<Tag, Series>,
    smoothed: Smoothed,
    /// Whether the log has said what the run is.
    is_described: bool,
    /// Where the log begins anew.
    resumed: Option<u64>,
}

impl Model {
    /// A run of which nothing has been read.
    pub fn new(path: PathBuf, smoothing: f64) -> Self {
        Self {
            path,
            meta: None,
            description: Description::default(),
            is_described: false,
            resumed: None,
            boundary: None,
            maps: Maps::default(),
            units: Units::default(),
            reconstruction: Reconstruction::default(),
            codes: Codes::default(),
            confusion: None,
            landscapes: Landscapes::default(),
            health: Health::default(),
            alarms: Alarms::default(),
            machine: Machine::default(),
            rate: Rate::default(),
            notices: Vec::new(),
            printed: LogLines::default(),
            caught_up: false,
            lr_asked_at: None,
            told: None,
            undecoded: BTreeMap::new(),
            series: BTreeMap::new(),
            smoothed: Smoothed::new(smoothing),
        }
    }

    /// Takes over records of the log, in the order of the log.
    pub fn apply(&mut self, records: Vec<Record>) {
        let loss = self.description.setup.loss.clone();
        for record in records {
            if record.values.iter().any(|value| &*value.tag == tags::LOSS_TRAIN) {
                self.alarms.heard(record.wall_time);
            }
            for value in record.values {
                self.apply_value(record.step, record.wall_time, value);
            }
        }
        // Of many pictures that arrive together only the last of each kind is worth the decoding.
        let undecoded = std::mem::take(&mut self.undecoded);
        let other_loss = self.description.setup.loss != loss;
        let reconstructed =
            other_loss || undecoded.keys().any(|tag| matches!(&**tag, RECONSTRUCTION_INPUT | RECONSTRUCTION_OUTPUT));
        for (tag, (step, image)) in undecoded {
            match Grid::decode(&image) {
                Ok(grid) => self.apply_grid(step, &tag, grid),
                Err(error) => self.notice(format!("{tag} at step {step}: {error}")),
            }
        }
        if reconstructed {
            self.measure();
        }
        if let Some(loss) = self.series.get(tags::LOSS_TRAIN) {
            self.smoothed.update(loss);
        }
    }

    /// How far reconstructions are off, in the run's loss.
    fn measure(&mut self) {
        self.reconstruction.measure(&self.description.setup.loss);
    }

    fn apply_value(&mut self, step: i64, wall_time: f64, Value { tag, data }: Value) {
        match data {
            Data::Scalar(value) => {
                if &*tag == tags::LOSS_TRAIN {
                    self.rate.note(wall_time, step);
                }
                // By time, not by step: no series.
                if self.machine.take(&tag, wall_time, value) {
                    return;
                }
                let series = match self.series.entry(tag) {
                    Entry::Occupied(entry) => entry.into_mut(),
                    Entry::Vacant(entry) => {
                        self.health.note(entry.key());
                        entry.insert(Series::default())
                    }
                };
                series.push(step, value);
            }
            // Pictures of other programs carry no values.
            Data::Image(image) if image.meta.is_some() => {
                self.undecoded.insert(tag, (step, image));
            }
            Data::Tensor(tensor) => self.apply_tensor(step, &tag, &tensor),
            Data::Histogram(histogram) => self.health.set(step, &tag, histogram),
            Data::Restart => self.restart(step),
            Data::Document(document) => self.apply_document(step, wall_time, &document),
            Data::Text(text) => self.machine.read(&tag, &text),
            _ => {}
        }
    }

    /// The run went on from a checkpoint: what it did from `step` on is computed again.
    fn restart(&mut self, step: i64) {
        self.series.values_mut().for_each(|series| series.void_from(step));
        self.health.void_from(step);
        self.alarms.void_from(step);
        self.undecoded.retain(|_, (of, _)| *of < step);
        if let Some(boundary) = &mut self.boundary {
            boundary.void_from(step);
        }
        self.maps.void_from(step);
        self.units.void_from(step);
        self.reconstruction.void_from(step);
        self.codes.void_from(step);
        self.confusion.take_if(|confusion| confusion.step >= step);
        self.landscapes.void_from(step);
        self.rate = Rate::default();
        self.resumed = Some(step.saturating_sub(1).max(0) as u64);
    }

    fn apply_document(&mut self, step: i64, wall_time: f64, document: &Document) {
        if let Some(alarm) = Alarm::decode(document) {
            self.alarms.take(step, wall_time, &alarm);
        } else if self.description.take(document) {
            self.is_described = true;
        }
    }

    fn apply_tensor(&mut self, step: i64, tag: &str, tensor: &TensorValue) {
        match tag {
            tags::BOUNDARY_POINTS => {
                if let Some(points) = Points::decode(tensor) {
                    self.boundary.get_or_insert_default().set_points(points);
                }
            }
            tags::BOUNDARY_POINTS_P => self.boundary.get_or_insert_default().set_probabilities(&tensor.values),
            tags::RECONSTRUCTION_LABELS => self.reconstruction.labels = Labels::decode(tensor).0,
            tags::CODE_LABELS => self.codes.labels = Labels::decode(tensor).0,
            tags::CONFUSION => self.confusion = Confusion::new(step, tensor).or(self.confusion.take()),
            _ => match tag.split_once('/') {
                Some((tags::PEAK, layer)) => {
                    self.maps.set_peaks(step, layer, tensor.values.clone().into());
                }
                Some((tags::LANDSCAPE, rest)) => self.landscapes.set_tensor(step, rest, tensor),
                _ => {}
            },
        }
    }

    fn apply_grid(&mut self, step: i64, tag: &str, grid: Grid) {
        match tag {
            tags::BOUNDARY_P => self.boundary.get_or_insert_default().set_grid(step, grid),
            tags::RECONSTRUCTION_INPUT => self.reconstruction.inputs = grid.pictures(),
            tags::RECONSTRUCTION_OUTPUT => {
                self.reconstruction.step = step;
                self.reconstruction.outputs = grid.pictures();
            }
            tags::RECONSTRUCTION_CODES => self.reconstruction.codes = Some(grid.values),
            tags::CODE_POINTS => self.codes.set_points(step, grid.values),
            _ => match tag.split_once('/') {
                Some((tags::MAPS, rest)) => {
                    if let Some((layer, probe)) = rest.split_once('/') {
                        self.maps.set(step, layer, probe, &grid);
                    }
                }
                Some((tags::KERNELS, layer)) => {
                    if let Some(kernels) = grid.maps() {
                        self.maps.set_kernels(step, layer, kernels);
                    }
                }
                Some((tags::LANDSCAPE, plane)) => self.landscapes.set_grid(step, plane, grid),
                Some((tags::RESPONSE, layer)) => self.units.set(step, layer, &grid),
                _ => {}
            },
        }
    }

    /// Remembers what somebody had to say of the run, the newest 100.
    pub fn notice(&mut self, notice: String) {
        if self.notices.last() != Some(&notice) {
            self.notices.push(notice);
            let surplus = self.notices.len().saturating_sub(NOTICES);
            self.notices.drain(..surplus);
        }
    }

    /// Takes over the run's own account.
    pub fn set_meta(&mut self, meta: RunMeta) {
        if self.meta.as_ref().and_then(|before| before.trouble.as_ref()) != meta.trouble.as_ref() {
            let time = meta.updated.as_millisecond() as f64 / 1e3;
            self.alarms.of_disk(meta.trouble.as_ref().filter(|_| meta.state.is_live()), time);
        }
        // What the log has said is newer. An empty description says that the log has it.
        if !self.is_described && !meta.description.is_empty() && self.description != meta.description {
            self.description = meta.description.clone();
            self.measure();
        }
        self.told = Some((meta.state, meta.lr, meta.pace));
        self.meta = Some(meta);
    }

    /// Takes over what a control command was answered with: newer than `run.json`, which is written once a second.
    pub fn set_reply(&mut self, reply: &Reply) {
        if let Some(meta) = &mut self.meta
            && meta.state.is_live()
        {
            meta.state = reply.state;
            meta.lr = reply.lr;
            meta.pace = reply.pace;
            meta.step = meta.step.max(reply.step);
            meta.epoch = meta.epoch.max(reply.epoch);
            self.told = Some((reply.state, reply.lr, reply.pace));
        }
    }

    /// Takes back what was assumed of a command that was refused, or has not arrived.
    pub fn take_back(&mut self) {
        if let (Some(meta), Some(told)) = (&mut self.meta, self.told) {
            (meta.state, meta.lr, meta.pace) = told;
        }
    }

    /// What a run that starts is at.
    pub fn starting(&self) -> String {
        match self.meta.as_ref().and_then(|meta| meta.reading) {
            Some(percent) => format!("reading data: {percent} %"),
            None => "starting libtorch …".to_owned(),
        }
    }

    /// The network, if it is known.
    pub fn network(&self) -> Option<&Network> {
        self.description.network.as_ref()
    }

    /// Rows and columns of the network's input, if it is a picture.
    pub fn picture_size(&self) -> Option<[usize; 2]> {
        let size = |picture: &ndarray::Array3<f32>| picture.shape()[1..].try_into().ok();
        self.network().and_then(Network::picture_size).or_else(|| self.maps.inputs.values().next().and_then(size))
    }

    /// The probes that have maps, in the run's order.
    pub fn probes(&self) -> Vec<&str> {
        self.maps.probes(&self.description.probes)
    }

    /// The series of a tag.
    pub fn series(&self, tag: &str) -> Option<&Series> {
        self.series.get(tag).filter(|series| !series.is_empty())
    }

    /// The last value of a tag.
    pub fn last(&self, tag: &str) -> Option<f64> {
        self.series(tag)?.last().map(|(_, value)| value)
    }

    /// What the loss over the evaluation set was measured on, in two words.
    pub fn evaluated(&self) -> &str {
        let named = self.description.setup.evaluated.as_str();
        if named.is_empty() { "full set" } else { named }
    }

    /// Samples that were folded into a neighbour because the recorder could not keep up.
    pub fn merged(&self) -> u64 {
        let logged = self.last(tags::MERGED).map_or(0, |merged| merged.max(0.0) as u64);
        self.meta.as_ref().map_or(logged, |meta| meta.merged.max(logged))
    }

    /// The step that the run was resumed from last; none if it never was.
    pub fn resumed(&self) -> Option<u64> {
        let of_meta = self.meta.as_ref().and_then(|meta| meta.resumed.last());
        of_meta.map(|resumed| resumed.step).or(self.resumed)
    }

    /// The learning rate of the last step in the log; before the first one, that of the step to come.
    pub fn lr(&self) -> Option<f64> {
        self.last(tags::LR).or(self.meta.as_ref().map(|meta| meta.lr))
    }

    /// The learning rate of the step to come, where people wait for it: training rests, or they have asked for another
    /// one and no step has been taken with it yet.
    pub fn next_lr(&self) -> Option<f64> {
        let meta = self.meta.as_ref().filter(|meta| meta.state.is_live())?;
        let (step, _) = self.series(tags::LR).and_then(Series::last)?;
        let is_asked = self.lr_asked_at.is_some_and(|asked_at| step <= asked_at as i64);
        (meta.state == State::Paused || is_asked).then_some(meta.lr)
    }

    /// Assumes that `lr` has become the learning rate of the step to come, until the trainer answers.
    pub fn ask_for_lr(&mut self, lr: f64) {
        self.lr_asked_at = Some(self.step());
        if let Some(meta) = &mut self.meta {
            meta.lr = lr;
        }
    }

    /// Which units or channels of a layer are zero on all of the evaluation set; none where that is not known.
    pub fn dead(&self, layer: &str) -> Option<Vec<bool>> {
        Some(self.maps.peaks.get(layer)?.iter().map(|peak| *peak == 0.0).collect())
    }

    /// Which units of the code are dead, as far as that is known; as many as the code has.
    pub fn dead_code(&self) -> Vec<bool> {
        let layer = self.network().and_then(|network| Some(&network.layers[network.code()?].name));
        let codes = self.codes.points.as_ref().or(self.reconstruction.codes.as_ref());
        let units = codes.map_or(0, ndarray::Array2::ncols);
        let mut dead = layer.and_then(|layer| self.dead(layer)).unwrap_or_default();
        dead.resize(units, false);
        dead
    }

    /// The smoothed training loss.
    pub fn smoothed(&self) -> &Series {
        self.smoothed.series()
    }

    /// Changes the smoothing weight, in 0..=1.
    pub fn set_smoothing(&mut self, weight: f64) {
        self.smoothed.set_weight(weight);
        if let Some(loss) = self.series.get(tags::LOSS_TRAIN) {
            self.smoothed.update(loss);
        }
    }

    /// The state, `Starting` while nothing is known.
    pub fn state(&self) -> State {
        self.meta.as_ref().map_or(State::Starting, |meta| meta.state)
    }

    /// Whether the run is to look at the network as it starts, and not to train it.
    pub fn is_evaluation(&self) -> bool {
        self.meta.as_ref().is_some_and(|meta| meta.epochs == 0)
    }

    /// Whether the network has not been trained, as far as is known.
    pub fn is_untrained(&self) -> bool {
        self.step() == 0
    }

    /// Whether the trainer is alive.
    pub fn is_live(&self) -> bool {
        self.state().is_live()
    }

    /// The last step known, from the log or from the run's own account, whichever is ahead.
    pub fn step(&self) -> u64 {
        let logged = self.series(tags::LOSS_TRAIN).and_then(Series::last_step).unwrap_or(0).max(0) as u64;
        self.meta.as_ref().map_or(logged, |meta| meta.step.max(logged))
    }

    /// How long the run shall be, if that is known: as the log says, else as `run.json` does.
    pub fn length(&self) -> Option<Length> {
        let of_meta = |meta: &RunMeta| Length { epochs: meta.epochs, steps_per_epoch: meta.steps_per_epoch };
        self.description.length.or_else(|| self.meta.as_ref().map(of_meta))
    }

    /// Steps of the whole run, if it is known how long it shall be.
    pub fn total_steps(&self) -> Option<u64> {
        let Length { epochs, steps_per_epoch } = self.length()?;
        epochs.checked_mul(steps_per_epoch).filter(|total| *total > 0)
    }

    /// The epoch under way, or the last one finished when the run is over.
    pub fn epoch(&self) -> f64 {
        match self.length() {
            Some(Length { steps_per_epoch, .. }) if steps_per_epoch > 0 => self.step() as f64 / steps_per_epoch as f64,
            _ => 0.0,
        }
    }

    /// Seconds to the end at the present speed; `None` when it does not move or its end is not known.
    pub fn eta(&self) -> Option<f64> {
        if self.state() != State::Running {
            return None;
        }
        let left = self.total_steps()?.saturating_sub(self.step());
        Some(left as f64 / self.rate.steps_per_second().or(self.rate.average())?)
    }
}
