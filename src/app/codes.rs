//! The codes of many pictures, as last recorded, and the plane they are looked at on.

use ndarray::Array2;

use super::pca::Plane;

/// Codes and their classes.
#[derive(Debug, Clone, Default)]
pub struct Codes {
    /// Step after which they were taken.
    pub step: i64,
    /// Shape (n, units), after the activation.
    pub points: Option<Array2<f32>>,
    /// Class of each.
    pub labels: Vec<u32>,
    /// Their principal plane.
    pub plane: Option<Plane>,
    /// Where each stands on it.
    places: Vec<[f32; 2]>,
}

impl Codes {
    /// Takes over the codes of a step.
    pub fn set_points(&mut self, step: i64, points: Array2<f32>) {
        self.step = step;
        self.plane = Plane::fit(points.view(), self.plane.as_ref());
        self.places = match &self.plane {
            Some(plane) => points.outer_iter().map(|point| plane.place(point)).collect(),
            None => Vec::new(),
        };
        self.points = Some(points);
    }

    /// Drops codes of `step` or later. The plane stays: the next ones are turned the same way.
    pub fn void_from(&mut self, step: i64) {
        if self.step >= step {
            self.points = None;
            self.places.clear();
        }
    }

    /// Where every code stands when looked at like this, in the order of the labels; not finite where it does not.
    pub fn places(&self, projection: Projection) -> Vec<[f32; 2]> {
        match (projection, &self.points) {
            (Projection::Pca, _) => self.places.clone(),
            (Projection::Units(axes), Some(points)) => {
                points.outer_iter().map(|point| axes.map(|unit| point.get(unit).copied().unwrap_or(f32::NAN))).collect()
            }
            (Projection::Units(_), None) => Vec::new(),
        }
    }
}

/// What the two axes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Projection {
    /// The principal axes.
    Pca,
    /// Two units.
    Units([usize; 2]),
}

/// Something a key asks of the way codes are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CodesAction {
    /// Principal axes or two units.
    Projection,
    /// The next unit across.
    NextX,
    /// The next unit up.
    NextY,
}

/// How codes are looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CodesView {
    units: bool,
    axes: [usize; 2],
}

impl CodesView {
    /// What the axes are for a code of which some units are dead: two units that live, unless fewer do.
    pub fn projection(self, dead: &[bool]) -> Projection {
        if !self.units {
            return Projection::Pca;
        }
        let x = next(self.axes[0], None, dead);
        let y = next(self.axes[1], Some(x), dead);
        Projection::Units([x, y])
    }

    /// Does what a key asks for. A unit for an axis asks for units.
    pub(super) fn act(&mut self, action: CodesAction, dead: &[bool]) {
        let before = self.projection(dead);
        self.units = !(self.units && action == CodesAction::Projection);
        // The first press brings the units up; from then on it goes through them.
        if let Projection::Units(axes) = before {
            self.axes = axes;
            let [x, y] = axes;
            match action {
                CodesAction::Projection => {}
                CodesAction::NextX => self.axes[0] = next(x + 1, Some(y), dead),
                CodesAction::NextY => self.axes[1] = next(y + 1, Some(x), dead),
            }
        }
    }
}

/// The first unit from `start` on, going round, that is alive and not `taken`. Where no other lives, dead ones count too.
fn next(start: usize, taken: Option<usize>, dead: &[bool]) -> usize {
    let count = dead.len().max(1);
    let round = || (0..count).map(|i| (start + i) % count).filter(|unit| Some(*unit) != taken);
    round().find(|unit| !dead.get(*unit).copied().unwrap_or(false)).or_else(|| round().next()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    fn after(view: CodesView, actions: &[CodesAction], dead: &[bool]) -> (CodesView, Projection) {
        let mut view = view;
        for action in actions {
            view.act(*action, dead);
        }
        (view, view.projection(dead))
    }

    #[test]
    fn axes_go_through_units_that_live() {
        use CodesAction::{NextX, NextY, Projection as Toggle};
        let dead = [true, false, false, true, false];
        let (view, seen) = after(CodesView::default(), &[Toggle], &dead);
        assert_eq!(seen, Projection::Units([1, 2]));
        assert_eq!(after(view, &[NextX], &dead).1, Projection::Units([4, 2]));
        assert_eq!(after(view, &[NextX, NextX], &dead).1, Projection::Units([1, 2]), "around, past the other axis");
        assert_eq!(after(view, &[NextY], &dead).1, Projection::Units([1, 4]));
        assert_eq!(after(view, &[NextY, Toggle], &dead).1, Projection::Pca);
        assert_eq!(after(view, &[NextY, Toggle, Toggle], &dead).1, Projection::Units([1, 4]), "and back where it was");
        assert_eq!(after(CodesView::default(), &[NextX], &dead).1, Projection::Units([1, 2]), "a unit asks for units");
    }

    #[test]
    fn dead_units_are_shown_where_nothing_lives() {
        let units = CodesView { units: true, axes: [0, 0] };
        assert_eq!(units.projection(&[true; 3]), Projection::Units([0, 1]));
        assert_eq!(units.projection(&[true, false]), Projection::Units([1, 0]));
        assert_eq!(units.projection(&[false]), Projection::Units([0, 0]));
        assert_eq!(units.projection(&[]), Projection::Units([0, 0]));
    }

    #[test]
    fn places_are_those_of_the_projection() {
        let mut codes = Codes::default();
        assert!(codes.places(Projection::Pca).is_empty() && codes.places(Projection::Units([0, 1])).is_empty());
        codes.set_points(3, array![[0.0, 1.0, 5.0], [2.0, 1.0, 5.0], [4.0, 1.0, 5.0]]);
        assert_eq!(codes.places(Projection::Units([2, 0])), [[5.0, 0.0], [5.0, 2.0], [5.0, 4.0]]);
        assert!(codes.places(Projection::Units([0, 7]))[0][1].is_nan());
        assert_eq!(codes.places(Projection::Pca), [[-2.0, 0.0], [0.0, 0.0], [2.0, 0.0]]);
    }
}
