//! The decision boundary as last recorded.

use crate::log::Grid;
use crate::log::schema::{Points, Sample};

/// A sample of the data set over the plane.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// First feature.
    pub x: f32,
    /// Second feature.
    pub y: f32,
    /// Class, 0 or 1.
    pub class: u32,
    /// Probability of class 1 that the network gives; `None` until the first probe.
    pub probability: Option<f32>,
}

impl Point {
    /// Whether the network puts this sample into the other class. A probability that is not a number is wrong too.
    pub fn is_wrong(self) -> bool {
        self.probability.is_some_and(|p| if p.is_nan() { true } else { u32::from(p > 0.5) != self.class })
    }
}

/// The picture of the decision boundary.
#[derive(Debug, Clone, Default)]
pub struct Boundary {
    /// Step after which it was taken.
    pub step: i64,
    /// Probability of class 1 over the plane, row 0 at the top; `None` until the first probe.
    pub grid: Option<Grid>,
    /// The data set (thinned evenly where it is large).
    pub points: Vec<Point>,
}

impl Boundary {
    /// Takes over a picture.
    pub fn set_grid(&mut self, step: i64, grid: Grid) {
        self.step = step;
        self.grid = Some(grid);
    }

    /// Takes over the data set.
    pub fn set_points(&mut self, Points(samples): Points) {
        let point = |Sample { x, y, class }| Point { x, y, class, probability: None };
        self.points = samples.into_iter().map(point).collect();
    }

    /// Takes over the probabilities of the data set, in its order. A length that does not fit is ignored.
    pub fn set_probabilities(&mut self, values: &[f32]) {
        if values.len() == self.points.len() {
            for (point, p) in self.points.iter_mut().zip(values) {
                point.probability = Some(*p);
            }
        }
    }

    /// Drops what was taken after `step` steps or more; the data set stays what it is.
    pub fn void_from(&mut self, step: i64) {
        if self.step >= step {
            self.grid = None;
            self.points.iter_mut().for_each(|point| point.probability = None);
        }
    }

    /// How many of the points the network gets wrong; `None` until the first probe.
    pub fn wrong(&self) -> Option<usize> {
        self.points.iter().any(|p| p.probability.is_some()).then(|| self.points.iter().filter(|p| p.is_wrong()).count())
    }
}
