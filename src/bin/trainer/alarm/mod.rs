//! What somebody should look at: each kind of alarm in a file of its own, all but the first pure.
//!
//! ```text
//! fault     where a number that is not finite came from     spike     a loss far above those before it
//! plateau   evaluations that no longer get better           dying     `ReLU` layers that say nothing any more
//! slow      steps that take longer than they did            skipped   what could not be looked at
//! explosion a loss far above where it began                  repeats   what comes again
//! number    numbers in messages
//! ```
//!
//! An incident is one alarm, however long it lasts.

mod dying;
mod explosion;
pub(crate) mod fault;
pub(crate) mod number;
mod plateau;
mod repeats;
pub(crate) mod skipped;
mod slow;
mod spike;

use std::ops::Deref;

use serde::{Deserialize, Serialize};
pub(crate) use torchscope::log::schema::AlarmKind as Kind;
use torchscope::log::{schema, tags};
use torchscope::recipe;

use crate::recorder::{Content, Part, Picture};
use crate::session::Evaluation;
use dying::Dying;
use explosion::Explosion;
use plateau::Plateau;
use repeats::Repeats;
use skipped::{Look, Skipped};
use slow::Slow;
use spike::Spike;

/// An alarm and the step at which it happened.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Alarm {
    pub(crate) step: u64,
    /// What the log says.
    pub(crate) said: schema::Alarm,
}

impl Alarm {
    pub(crate) fn new(step: u64, kind: Kind, message: String) -> Self {
        Self { step, said: schema::Alarm { kind, message, layer: None, tensor: None, count: 1 } }
    }

    /// The same about a layer, and a tensor of it.
    pub(crate) fn about(mut self, layer: Option<String>, tensor: Option<String>) -> Self {
        (self.said.layer, self.said.tensor) = (layer, tensor);
        self
    }

    /// The same as the one of that number.
    fn counted(mut self, count: u64) -> Self {
        self.said.count = count;
        self
    }

    /// As it goes to the recorder.
    pub(crate) fn picture(&self) -> Picture {
        Picture { step: self.step, parts: vec![Part::new(tags::ALARM, Content::Document(self.said.encode()))] }
    }
}

impl Deref for Alarm {
    type Target = schema::Alarm;

    fn deref(&self) -> &schema::Alarm {
        &self.said
    }
}

/// Watches a run by its numbers.
///
/// It is part of a checkpoint: a resumed run raises the same alarms at the same steps. Times of another process, on another
/// machine perhaps, are not comparable.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Watch {
    spike: Spike,
    plateau: Plateau,
    dying: Dying,
    #[serde(default)]
    skipped: Skipped,
    #[serde(default)]
    explosion: Explosion,
    #[serde(default)]
    repeats: Repeats,
    #[serde(skip)]
    slow: Slow,
}

impl Watch {
    pub(crate) fn new(network: &recipe::Network) -> Self {
        Self {
            spike: Spike::default(),
            plateau: Plateau::default(),
            dying: Dying::new(network),
            skipped: Skipped::default(),
            explosion: Explosion::default(),
            repeats: Repeats::default(),
            slow: Slow::default(),
        }
    }

    /// A step that took so long, without pauses and what was measured after it. Cheap enough for every step.
    pub(crate) fn step(&mut self, step: u64, loss: f64, milliseconds: f64) -> Vec<Alarm> {
        let alarms = [self.spike.take(step, loss), self.explosion.step(step, loss), self.slow.take(step, milliseconds)];
        alarms.into_iter().flatten().collect()
    }

    pub(crate) fn evaluation(&mut self, step: u64, evaluation: &Evaluation) -> Vec<Alarm> {
        let exploded = self.explosion.evaluation(step, evaluation.loss);
        let mut alarms: Vec<_> = exploded.into_iter().chain(self.plateau.take(step, evaluation.loss)).collect();
        alarms.extend(self.dying.take(step, &evaluation.peaks));
        alarms
    }

    /// Counts an alarm that is raised, and gives it back if it is to be written: what comes again and again is not.
    pub(crate) fn admit(&mut self, alarm: Alarm) -> Option<Alarm> {
        self.repeats.admit(alarm)
    }

    /// The last of those alarms that came again and were not written, for a run that ends.
    pub(crate) fn rest(&mut self) -> Vec<Alarm> {
        self.repeats.rest()
    }

    /// Why a run that ends now has diverged, though its numbers are finite.
    pub(crate) fn exploded(&self) -> Option<String> {
        self.explosion.standing()
    }

    /// What is to be said of a run that ends now worse than it began.
    pub(crate) fn worse(&self) -> Option<String> {
        self.explosion.worse()
    }

    /// A look that failed after `step`, and why.
    pub(crate) fn skipped(&mut self, step: u64, look: Look, why: &str) -> Option<Alarm> {
        self.skipped.take(step, look, why)
    }

    /// Training was held up, by a pause or a pace: what steps took so far is not comparable.
    pub(crate) fn interrupt(&mut self) {
        self.slow.interrupt();
    }
}
