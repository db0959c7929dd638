//! Which class is taken for which, as last evaluated.

use ndarray::{Array2, Axis};

use crate::log::TensorValue;

/// The confusion matrix.
#[derive(Debug, Clone, PartialEq)]
pub struct Confusion {
    /// Step after which it was counted.
    pub step: i64,
    /// Samples of class (row) taken for class (column).
    pub counts: Array2<f32>,
    /// The same as shares of the row, 0 to 1.
    pub shares: Array2<f32>,
}

/// Samples of one class that are taken for another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mistake {
    /// What they are.
    pub class: usize,
    /// What they are taken for.
    pub taken_for: usize,
    /// How many.
    pub count: f32,
}

impl Confusion {
    /// The matrix in a tensor; none where it is not square.
    pub fn new(step: i64, tensor: &TensorValue) -> Option<Self> {
        let [classes, other] = tensor.shape[..] else { return None };
        if classes != other || classes == 0 {
            return None;
        }
        let counts = Array2::from_shape_vec((classes, other), tensor.values.clone()).ok()?;
        let counts = counts.mapv(|count| if count.is_finite() { count.max(0.0) } else { 0.0 });
        let sums = counts.sum_axis(Axis(1)).mapv(|sum| if sum > 0.0 { sum } else { 1.0 });
        let shares = &counts / &sums.insert_axis(Axis(1));
        Some(Self { step, counts, shares })
    }

    /// How many classes there are.
    pub fn classes(&self) -> usize {
        self.counts.nrows()
    }

    /// Share of all samples that are taken for what they are; none without samples.
    pub fn accuracy(&self) -> Option<f32> {
        let all = self.counts.sum();
        (all > 0.0).then(|| self.counts.diag().sum() / all)
    }

    /// Share of a class that is taken for what it is; none without samples.
    pub fn class_accuracy(&self, class: usize) -> Option<f32> {
        (self.counts.row(class).sum() > 0.0).then(|| self.shares[(class, class)])
    }

    /// The most frequent mistakes, the worst first; of equals that of the earlier class.
    pub fn mistakes(&self, most: usize) -> Vec<Mistake> {
        let wrong = |((class, taken_for), count): ((usize, usize), &f32)| {
            (class != taken_for && *count > 0.0).then_some(Mistake { class, taken_for, count: *count })
        };
        let mut mistakes: Vec<_> = self.counts.indexed_iter().filter_map(wrong).collect();
        mistakes.sort_by(|a, b| b.count.total_cmp(&a.count));
        mistakes.truncate(most);
        mistakes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(classes: usize, values: &[f32]) -> Option<Confusion> {
        let tensor = TensorValue::new(vec![classes, classes], values.to_vec());
        Confusion::new(7, &tensor)
    }

    #[test]
    fn shares_are_those_of_the_true_class() {
        let confusion = matrix(3, &[8.0, 2.0, 0.0, 1.0, 3.0, 0.0, 0.0, 0.0, 0.0]).unwrap();
        assert_eq!(confusion.shares, ndarray::array![[0.8, 0.2, 0.0], [0.25, 0.75, 0.0], [0.0, 0.0, 0.0]]);
        assert_eq!(confusion.accuracy(), Some(11.0 / 14.0));
        assert_eq!([0, 1, 2].map(|class| confusion.class_accuracy(class)), [Some(0.8), Some(0.75), None]);
        let worst = confusion.mistakes(5);
        assert_eq!(worst[0], Mistake { class: 0, taken_for: 1, count: 2.0 });
        assert_eq!(worst.len(), 2);
    }

    #[test]
    fn what_is_no_matrix_of_counts() {
        assert_eq!(matrix(2, &[1.0; 3]), None);
        assert_eq!(matrix(0, &[]), None);
        let odd = TensorValue::new(vec![2, 3], vec![0.0; 6]);
        assert_eq!(Confusion::new(0, &odd), None);
        let empty = matrix(2, &[0.0, f32::NAN, -3.0, 0.0]).unwrap();
        assert_eq!((empty.accuracy(), empty.mistakes(9)), (None, Vec::new()));
    }
}
