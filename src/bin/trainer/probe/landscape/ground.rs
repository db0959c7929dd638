//! What the losses of a landscape are computed on.

use tch::{Device, TchError, Tensor};
use torchscope::recipe;

use crate::session::{Samples, Session};

/// Samples that a loss is computed on at most, thinned evenly.
const MOST_SAMPLES: usize = 2_000;
/// A large network gets fewer, so that one loss takes about this many multiplications and additions, some tens of
/// milliseconds of a core; but never fewer than this many.
const ENOUGH: usize = 1 << 29;
const FEWEST_SAMPLES: usize = 100;

/// Samples, and how they go through the network.
pub(super) struct Ground {
    samples: Samples,
    /// Start and length.
    pieces: Vec<(i64, i64)>,
    /// Samples that there are.
    all: i64,
    shapes: Vec<Vec<i64>>,
}

/// A loss as far as it is computed.
#[derive(Clone, Copy, Default)]
pub(super) struct Partial {
    piece: usize,
    sum: f64,
}

impl Ground {
    pub(super) fn new(network: &recipe::Network, session: &Session) -> Result<Self, TchError> {
        let hardness: usize = network.layers.iter().map(recipe::Layer::multiply_adds).sum();
        let wanted = (ENOUGH / hardness.max(1)).clamp(FEWEST_SAMPLES, MOST_SAMPLES);
        let samples = session.sampled(wanted as i64)?;
        Ok(Self {
            pieces: session.pieces(samples.count()).collect(),
            samples,
            all: session.evaluated().count(),
            shapes: session.network().parameters().iter().map(Tensor::size).collect(),
        })
    }

    /// Where losses are computed.
    pub(super) fn device(&self) -> Device {
        self.samples.inputs.device()
    }

    /// Shapes of the parameters.
    pub(super) fn shapes(&self) -> &[Vec<i64>] {
        &self.shapes
    }

    /// Samples that the losses are computed on, and all that there are.
    pub(super) fn counts(&self) -> [i64; 2] {
        [self.samples.count(), self.all]
    }

    /// Mean loss of the network with all its parameters from `flat`, shape (parameters). None when `enough` said so
    /// before it was known; `partial` then says how far it got, and goes on from there.
    pub(super) fn loss(
        &self,
        session: &Session,
        flat: &Tensor,
        partial: &mut Partial,
        mut enough: impl FnMut() -> bool,
    ) -> Result<Option<f64>, TchError> {
        let parameters = self.parameters(flat)?;
        while let Some(&piece) = self.pieces.get(partial.piece) {
            partial.sum += piece.1 as f64 * session.loss_with(&parameters, &self.samples, piece)?;
            partial.piece += 1;
            if partial.piece < self.pieces.len() && enough() {
                return Ok(None);
            }
        }
        let Partial { sum, .. } = std::mem::take(partial);
        Ok(Some(sum / self.samples.count() as f64))
    }

    /// Parameters in their shapes, from all of them one after the other.
    fn parameters(&self, flat: &Tensor) -> Result<Vec<Tensor>, TchError> {
        let mut start = 0;
        let mut parameters = Vec::with_capacity(self.shapes.len());
        for shape in &self.shapes {
            let count = shape.iter().product();
            parameters.push(flat.f_narrow(0, start, count)?.f_view(shape.as_slice())?);
            start += count;
        }
        Ok(parameters)
    }
}
