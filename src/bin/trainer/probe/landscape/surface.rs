//! The loss over a plane, cell by cell, coarse before fine.

use ndarray::Array2;
use tch::{TchError, Tensor};

use crate::checkpoint::{RestoreError, Source, Tensors};

/// Cells across at each level of refinement; each has all the cells of the one before.
pub(super) const ACROSS: [usize; 3] = [11, 21, 41];
const FINEST: usize = ACROSS[ACROSS.len() - 1];

/// Losses as far as they are known.
pub(super) struct Surface {
    /// Shape (41, 41), row 0 at the largest second coordinate.
    values: Array2<f32>,
    /// Levels that are complete.
    levels: usize,
    /// Cells of the level under way that have been passed.
    passed: usize,
}

impl Surface {
    pub(super) fn new() -> Self {
        Self { values: Array2::from_elem([FINEST; 2], f32::NAN), levels: 0, passed: 0 }
    }

    /// Copies it for a checkpoint.
    pub(super) fn save(&self, tensors: &mut Tensors) -> Result<(), TchError> {
        tensors.add("landscape.losses", &Tensor::try_from(&self.values)?)
    }

    /// What a checkpoint holds, with so many complete levels.
    pub(super) fn restore(source: &Source<'_>, levels: usize) -> Result<Self, RestoreError> {
        let values = Vec::<f32>::try_from(source.tensor("landscape.losses")?.f_reshape([-1])?)?;
        let values = Array2::from_shape_vec([FINEST; 2], values)
            .map_err(|_| RestoreError::Format("the losses of its landscape do not fit together".to_owned()))?;
        Ok(Self { values, levels: levels.min(ACROSS.len()), passed: 0 })
    }

    /// Levels of refinement that are complete.
    pub(super) fn levels(&self) -> usize {
        self.levels
    }

    pub(super) fn is_complete(&self) -> bool {
        self.levels == ACROSS.len()
    }

    /// Row and column of the cell that is wanted next; None when there are no more.
    fn wanted(&self) -> Option<[usize; 2]> {
        let across = *ACROSS.get(self.levels)?;
        let stride = (FINEST - 1) / (across - 1);
        Some([self.passed / across * stride, self.passed % across * stride])
    }

    /// Where the cell lies that is wanted next, in a picture of `extent`.
    pub(super) fn next(&self, [x0, x1, y0, y1]: [f64; 4]) -> Option<[f64; 2]> {
        let share = |index: usize| index as f64 / (FINEST - 1) as f64;
        self.wanted().map(|[row, column]| [x0 + (x1 - x0) * share(column), y1 - (y1 - y0) * share(row)])
    }

    /// Puts `loss` into the cell that was wanted.
    pub(super) fn put(&mut self, loss: f64) {
        let Some(cell) = self.wanted() else { return };
        self.values[cell] = loss as f32;
        loop {
            self.passed += 1;
            let across = ACROSS[self.levels];
            if self.passed == across * across {
                self.levels += 1;
                self.passed = 0;
            }
            let is_known = |[row, column]: [usize; 2]| {
                let coarser = self.levels.checked_sub(1).map(|level| (FINEST - 1) / (ACROSS[level] - 1));
                coarser.is_some_and(|stride| row.is_multiple_of(stride) && column.is_multiple_of(stride))
            };
            if !self.wanted().is_some_and(is_known) {
                break;
            }
        }
    }

    /// The finest level that is complete, shape (across, across).
    pub(super) fn grid(&self) -> Option<Array2<f32>> {
        let across = ACROSS[self.levels.checked_sub(1)?];
        let stride = (FINEST - 1) / (across - 1);
        Some(Array2::from_shape_fn([across; 2], |(row, column)| self.values[[row * stride, column * stride]]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_level_has_the_cells_of_the_one_before_and_none_is_computed_twice() {
        let extent = [-1.0, 3.0, 10.0, 20.0];
        let mut surface = Surface::new();
        let mut complete = Vec::new();
        let mut count = 0;
        while let Some([x, y]) = surface.next(extent) {
            surface.put(100.0 * x + y);
            count += 1;
            if surface.levels() > complete.len() {
                complete.push(count);
                let grid = surface.grid().unwrap();
                let across = grid.nrows();
                for ((row, column), value) in grid.indexed_iter() {
                    let share = |index: usize| index as f64 / (across - 1) as f64;
                    let expected = 100.0 * (4.0 * share(column) - 1.0) + 20.0 - 10.0 * share(row);
                    assert!((f64::from(*value) - expected).abs() < 1e-3, "{across}: {row}, {column}");
                }
            }
        }
        assert_eq!(complete, [11 * 11, 21 * 21, 41 * 41]);
        assert!(surface.is_complete());
    }

    #[test]
    fn what_is_no_number_stays_none_and_what_is_infinite_stays_infinite() {
        let mut surface = Surface::new();
        for _ in 0..121 {
            surface.put(if surface.passed == 3 { f64::NAN } else { f64::INFINITY });
        }
        let grid = surface.grid().unwrap();
        assert!(grid[[0, 3]].is_nan() && grid[[0, 4]].is_infinite());
    }
}
