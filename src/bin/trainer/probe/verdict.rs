//! What the evaluations say beside loss and accuracy: who is taken for whom, and which units are dead.

use torchscope::log::{Tag, TensorValue, tags};
use torchscope::recipe;

use super::film::{Form, Plate};
use crate::recorder::{Content, Part, Picture};
use crate::session::{Evaluation, Session};

/// Makes pictures of evaluations.
pub(super) struct Verdict {
    /// For each layer of the network, if there is something to see of it.
    peaks: Vec<Option<Tag>>,
    /// The step of the last evaluation that was handed over.
    sent: Option<u64>,
}

impl Verdict {
    pub(super) fn new(network: &recipe::Network) -> Self {
        let tag = |layer: &recipe::Layer| layer.is_pictured().then(|| tags::of_layer(tags::PEAK, &layer.name).into());
        Self { peaks: network.layers.iter().map(tag).collect(), sent: None }
    }

    /// Bytes that one takes on disk at most, with so many classes.
    pub(super) fn most_bytes(network: &recipe::Network, classes: usize) -> u64 {
        let peaks = network.layers.iter().filter(|layer| layer.is_pictured()).map(|layer| vec![layer.channels()]);
        let shapes = peaks.chain([vec![classes, classes]]);
        shapes.map(|shape| Plate::new("", Form::Numbers(shape)).most_bytes()).sum()
    }

    /// Whether there is an evaluation that has not been handed over.
    pub(super) fn is_pending(&self, session: &Session) -> bool {
        session.evaluation().is_some_and(|(step, _)| self.sent != Some(step))
    }

    /// The last evaluation, unless it has been handed over.
    pub(super) fn picture(&self, session: &Session) -> Option<Picture> {
        let (step, evaluation) = session.evaluation().filter(|(step, _)| self.sent != Some(*step))?;
        Some(Picture { step, parts: self.parts(evaluation) })
    }

    fn parts(&self, evaluation: &Evaluation) -> Vec<Part> {
        let confusion = evaluation.confusion.iter();
        let confusion = confusion
            .map(|c| Part::new(tags::CONFUSION, Content::Numbers(TensorValue::from_array(&c.clone().into_dyn()))));
        let of_layer = |(tag, peaks): (&Option<Tag>, &ndarray::Array1<f32>)| {
            Some(Part::new(tag.clone()?, Content::Numbers(TensorValue::from_array(&peaks.clone().into_dyn()))))
        };
        confusion.chain(self.peaks.iter().zip(&evaluation.peaks).filter_map(of_layer)).collect()
    }

    /// Notes that the evaluation after `step` was handed over.
    pub(super) fn sent(&mut self, step: u64) {
        self.sent = Some(step);
    }
}
