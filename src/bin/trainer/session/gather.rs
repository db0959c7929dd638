//! Results of pieces, in one tensor.

use tch::{TchError, Tensor};

/// Rows that come piece by piece.
///
/// They are copied into the tensor that they end in at once: small results that are kept between large intermediate ones, which
/// are not, would leave holes that none of the large ones fits into again. The memory of a wide network would be that of all its
/// pieces.
pub(crate) struct Gather {
    rows: i64,
    filled: i64,
    all: Option<Tensor>,
}

impl Gather {
    /// For so many rows in all.
    pub(crate) fn new(rows: i64) -> Self {
        Self { rows, filled: 0, all: None }
    }

    /// Takes the next rows, shape (n, ..), all of one kind and on one device.
    pub(crate) fn add(&mut self, piece: &Tensor) -> Result<(), TchError> {
        let mut shape = piece.size();
        let Some(rows) = shape.first_mut() else { return Err(TchError::Shape("a piece has no rows".to_owned())) };
        let count = std::mem::replace(rows, self.rows);
        let all = match self.all.take() {
            Some(all) => all,
            None => Tensor::f_empty(&shape, (piece.f_kind()?, piece.device()))?,
        };
        self.all.insert(all).f_narrow(0, self.filled, count)?.f_copy_(piece)?;
        self.filled += count;
        Ok(())
    }

    /// All rows, shape (rows, ..); an error if there are others than were announced.
    pub(crate) fn finish(self) -> Result<Tensor, TchError> {
        let all = self.all.filter(|_| self.filled == self.rows);
        all.ok_or_else(|| TchError::Shape(format!("{} rows in pieces, not {}", self.filled, self.rows)))
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    #[test]
    fn pieces_stand_one_after_the_other() {
        let all = Tensor::arange(30, (Kind::Float, Device::Cpu)).view([10, 3]);
        let mut gather = Gather::new(10);
        for (start, length) in [(0, 4), (4, 4), (8, 2)] {
            gather.add(&all.narrow(0, start, length)).unwrap();
        }
        assert!(gather.finish().unwrap().equal(&all));
        let mut short = Gather::new(10);
        short.add(&all.narrow(0, 0, 4)).unwrap();
        assert!(short.finish().is_err());
        assert!(Gather::new(2).add(&all).is_err(), "more than were announced");
    }
}
