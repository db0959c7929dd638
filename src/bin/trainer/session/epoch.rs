//! The order in which samples are learnt from.

use tch::{TchError, Tensor};

/// More batches than this are cut when they are needed: 8,192 views are some megabytes.
const MOST_VIEWS: i64 = 4096;

/// The samples of one epoch in its order, cut into batches.
pub(super) struct Epoch {
    pub(super) inputs: Tensor,
    pub(super) truth: Tensor,
    pub(super) count: i64,
    batch: i64,
    /// Views of every batch, made once: the tensors behind them stay. Empty if there are too many.
    views: Vec<(Tensor, Tensor)>,
}

impl Epoch {
    /// Batches of `batch` samples each, the last one of what is left; in the order of `inputs` and `truth`.
    pub(super) fn new(inputs: &Tensor, truth: &Tensor, batch: i64, shuffle: bool) -> Result<Self, TchError> {
        // Shuffled samples get memory of their own.
        let of = |tensor: &Tensor| if shuffle { tensor.f_empty_like() } else { Ok(tensor.shallow_clone()) };
        let count = inputs.size().first().copied().unwrap_or(0);
        let mut epoch = Self { inputs: of(inputs)?, truth: of(truth)?, count, batch, views: Vec::new() };
        let batches = (count + batch - 1) / batch;
        if batches <= MOST_VIEWS {
            epoch.views = (0..batches).map(|place| epoch.cut(place)).collect::<Result<_, _>>()?;
        }
        Ok(epoch)
    }

    /// Puts the samples of `inputs` and `truth` into `order`.
    pub(super) fn gather(&mut self, inputs: &Tensor, truth: &Tensor, order: &[i64]) -> Result<(), TchError> {
        let order = Tensor::f_from_slice(order)?.f_to_device(self.inputs.device())?;
        let _same = inputs.f_index_select_out(&self.inputs, 0, &order)?;
        let _same = truth.f_index_select_out(&self.truth, 0, &order)?;
        Ok(())
    }

    fn cut(&self, place: i64) -> Result<(Tensor, Tensor), TchError> {
        let start = place * self.batch;
        let length = self.batch.min(self.count - start);
        Ok((self.inputs.f_narrow(0, start, length)?, self.truth.f_narrow(0, start, length)?))
    }

    /// Inputs of the batch at `place`, from 0, and what they should become.
    pub(super) fn batch(&self, place: i64) -> Result<(Tensor, Tensor), TchError> {
        match self.views.get(place as usize) {
            Some((inputs, truth)) => Ok((inputs.shallow_clone(), truth.shallow_clone())),
            None => self.cut(place),
        }
    }
}
