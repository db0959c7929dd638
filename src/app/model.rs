//! What is known of the run on screen: its log and its state, as far as they have been read.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::boundary::Boundary;
use super::rate::Rate;
use crate::log::{Data, Grid, Record, Tag, Value, tags};
use crate::run::{Reply, RunMeta, State};
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
    /// The decision boundary, for runs that record one.
    pub boundary: Option<Boundary>,
    /// Speed, from the times in the log.
    pub rate: Rate,
    /// What the reader of the log had to say.
    pub notices: Vec<String>,
    /// The last lines the trainer printed, once it has failed.
    pub trainer_output: Vec<String>,
    /// Whether the log has been read to its end once.
    pub caught_up: bool,
    series: BTreeMap<Tag, Series>,
    smoothed: Smoothed,
}

impl Model {
    /// A run of which nothing has been read.
    pub fn new(path: PathBuf, smoothing: f64) -> Self {
        Self {
            path,
            meta: None,
            boundary: None,
            rate: Rate::default(),
            notices: Vec::new(),
            trainer_output: Vec::new(),
            caught_up: false,
            series: BTreeMap::new(),
            smoothed: Smoothed::new(smoothing),
        }
    }

    /// Takes over records of the log, in the order of the log.
    pub fn apply(&mut self, records: Vec<Record>) {
        for record in records {
            for value in record.values {
                self.apply_value(record.step, record.wall_time, value);
            }
        }
        if let Some(loss) = self.series.get(tags::LOSS_TRAIN) {
            self.smoothed.update(loss);
        }
    }

    fn apply_value(&mut self, step: i64, wall_time: f64, Value { tag, data }: Value) {
        match data {
            Data::Scalar(value) => {
                if &*tag == tags::LOSS_TRAIN {
                    self.rate.note(wall_time, step);
                }
                self.series.entry(tag).or_default().push(step, value);
            }
            Data::Image(image) if &*tag == tags::BOUNDARY_P => match Grid::decode(&image) {
                Ok(grid) => self.boundary.get_or_insert_default().set_grid(step, grid),
                Err(error) => self.notice(format!("{tag} at step {step}: {error}")),
            },
            Data::Tensor(tensor) if &*tag == tags::BOUNDARY_POINTS => {
                self.boundary.get_or_insert_default().set_points(&tensor);
            }
            Data::Tensor(tensor) if &*tag == tags::BOUNDARY_POINTS_P => {
                self.boundary.get_or_insert_default().set_probabilities(&tensor.values);
            }
            _ => {}
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
        }
    }

    /// The series of a tag.
    pub fn series(&self, tag: &str) -> Option<&Series> {
        self.series.get(tag).filter(|series| !series.is_empty())
    }

    /// The last value of a tag.
    pub fn last(&self, tag: &str) -> Option<f64> {
        self.series(tag)?.last().map(|(_, value)| value)
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

    /// Whether the trainer is alive.
    pub fn is_live(&self) -> bool {
        self.state().is_live()
    }

    /// The last step known, from the log or from the run's own account, whichever is ahead.
    pub fn step(&self) -> u64 {
        let logged = self.series(tags::LOSS_TRAIN).and_then(Series::last_step).unwrap_or(0).max(0) as u64;
        self.meta.as_ref().map_or(logged, |meta| meta.step.max(logged))
    }

    /// Steps of the whole run, if it is known how long it shall be.
    pub fn total_steps(&self) -> Option<u64> {
        let meta = self.meta.as_ref()?;
        meta.epochs.checked_mul(meta.steps_per_epoch).filter(|total| *total > 0)
    }

    /// The epoch under way, or the last one finished when the run is over.
    pub fn epoch(&self) -> f64 {
        match &self.meta {
            Some(meta) if meta.steps_per_epoch > 0 => self.step() as f64 / meta.steps_per_epoch as f64,
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
