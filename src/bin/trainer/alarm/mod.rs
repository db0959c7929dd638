//! What somebody should look at: each kind of alarm in a file of its own, all but the first pure.
//!
//! ```text
//! fault     where a number that is not finite came from     spike     a loss far above those before it
//! plateau   evaluations that no longer get better           dying     `ReLU` layers that say nothing any more
//! slow      steps that take longer than they did
//! ```
//!
//! An incident is one alarm, however long it lasts.

mod dying;
pub(crate) mod fault;
mod plateau;
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
use plateau::Plateau;
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
        Self { step, said: schema::Alarm { kind, message, layer: None, tensor: None } }
    }

    /// The same about a layer, and a tensor of it.
    pub(crate) fn about(mut self, layer: Option<String>, tensor: Option<String>) -> Self {
        (self.said.layer, self.said.tensor) = (layer, tensor);
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
    #[serde(skip)]
    slow: Slow,
}

impl Watch {
    pub(crate) fn new(network: &recipe::Network) -> Self {
        Self { spike: Spike::default(), plateau: Plateau::default(), dying: Dying::new(network), slow: Slow::default() }
    }

    /// A step that took so long, without pauses and what was measured after it. Cheap enough for every step.
    pub(crate) fn step(&mut self, step: u64, loss: f64, milliseconds: f64) -> Vec<Alarm> {
        [self.spike.take(step, loss), self.slow.take(step, milliseconds)].into_iter().flatten().collect()
    }

    pub(crate) fn evaluation(&mut self, step: u64, evaluation: &Evaluation) -> Vec<Alarm> {
        let mut alarms: Vec<_> = self.plateau.take(step, evaluation.loss).into_iter().collect();
        alarms.extend(self.dying.take(step, &evaluation.peaks));
        alarms
    }

    /// Training was held up, by a pause or a pace: what steps took so far is not comparable.
    pub(crate) fn interrupt(&mut self) {
        self.slow.interrupt();
    }
}
