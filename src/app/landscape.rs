//! The loss over planes through parameter space, and the optimiser's way over them, as last recorded.

use super::model::Model;
use crate::log::schema::{Path, PlaneFacts, Waypoint};
use crate::log::{Grid, TensorValue, tags};
use crate::run::Plane;

/// Decades from one contour line to the next that are worth choosing from.
const DISTANCES: [f64; 9] = [0.025, 0.05, 0.1, 0.2, 0.25, 0.5, 1.0, 2.0, 5.0];

/// The loss over one plane.
#[derive(Debug, Clone, Default)]
pub struct Landscape {
    /// Step after which it was computed.
    pub step: i64,
    /// Step of the newest of what is here.
    newest: i64,
    /// Row 0 at the largest second coordinate; not a number where nothing was computed yet.
    pub grid: Option<Grid>,
    /// The optimiser's way, the present last.
    pub path: Vec<Waypoint>,
    /// The rest.
    pub facts: Option<PlaneFacts>,
}

impl Landscape {
    /// The smallest and the largest loss above zero; none where there is none.
    pub fn range(&self) -> Option<(f32, f32)> {
        let values = self.grid.as_ref()?.values.iter().copied();
        let positive = values.filter(|value| value.is_finite() && *value > 0.0);
        positive.fold(None, |range: Option<(f32, f32)>, value| {
            let (lo, hi) = range.unwrap_or((value, value));
            Some((lo.min(value), hi.max(value)))
        })
    }

    /// Losses of at most `most` contour lines, ascending.
    pub fn levels(&self, most: usize) -> Vec<f32> {
        self.range().map_or_else(Vec::new, |range| levels(range, most))
    }
}

/// At most `most` losses between `lo` and `hi`, both above zero, each as many times the one before: at round powers of ten,
/// so that a line stays where it is while the range around it grows.
pub fn levels((lo, hi): (f32, f32), most: usize) -> Vec<f32> {
    let (first, last) = (f64::from(lo).log10(), f64::from(hi).log10());
    if !(first.is_finite() && last > first) {
        return Vec::new();
    }
    let ends = |distance: f64| ((first / distance).floor() + 1.0, (last / distance).ceil() - 1.0);
    let fits = |distance: &f64| {
        let (start, end) = ends(*distance);
        end - start < most as f64
    };
    let distance = DISTANCES.into_iter().find(fits).unwrap_or(10.0);
    let (start, end) = ends(distance);
    (start as i64..=end as i64).take(most).map(|line| 10_f64.powf(line as f64 * distance) as f32).collect()
}

/// The loss over all planes that were recorded.
#[derive(Debug, Clone, Default)]
pub struct Landscapes(Box<[Landscape; 3]>);

/// In the order of the key that goes through them.
const PLANES: [Plane; 3] = [Plane::Path, Plane::Whole, Plane::Random];

impl Landscapes {
    /// The loss over a plane, if it was recorded.
    pub fn of(&self, plane: Plane) -> Option<&Landscape> {
        Some(&self.0[plane as usize]).filter(|landscape| landscape.grid.is_some())
    }

    /// Whether there is any.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|landscape| landscape.grid.is_none())
    }

    /// Takes over the loss over a plane of that name.
    pub(super) fn set_grid(&mut self, step: i64, plane: &str, grid: Grid) {
        if let Some(landscape) = self.named(plane) {
            (landscape.step, landscape.newest) = (step, step);
            landscape.grid = Some(grid);
        }
    }

    /// Takes over what else there is of a plane: `path/facts`, `random/path`. Anything that is neither is ignored.
    pub(super) fn set_tensor(&mut self, step: i64, rest: &str, tensor: &TensorValue) {
        let Some((plane, what)) = rest.split_once('/') else { return };
        let Some(landscape) = self.named(plane) else { return };
        match what {
            tags::PATH => {
                let Some(Path(path)) = Path::decode(tensor) else { return };
                landscape.path = path;
            }
            tags::FACTS => {
                let Some(facts) = PlaneFacts::decode(tensor) else { return };
                landscape.facts = Some(facts);
            }
            _ => return,
        }
        landscape.newest = step;
    }

    /// The run goes on from before `step`: drops what belongs to that step or a later one, and the plane of the finished path,
    /// which is not finished any more.
    pub(super) fn void_from(&mut self, step: i64) {
        for (plane, landscape) in PLANES.iter().zip(self.0.iter_mut()) {
            if landscape.newest >= step || *plane == Plane::Whole {
                *landscape = Landscape::default();
            }
        }
    }

    fn named(&mut self, name: &str) -> Option<&mut Landscape> {
        let place = PLANES.iter().position(|plane| plane.name() == name)?;
        Some(&mut self.0[place])
    }
}

/// Which plane is looked at.
#[derive(Debug, Clone, Copy, Default)]
pub struct PlaneView(Option<Plane>);

impl PlaneView {
    /// The planes one can look at: those that were recorded, and those that a live trainer computes when asked.
    pub fn choices(model: &Model) -> Vec<Plane> {
        let asked = |plane| model.is_live() && plane != Plane::Whole;
        let there = |plane: &Plane| model.landscapes.of(*plane).is_some() || asked(*plane);
        PLANES.into_iter().filter(there).collect()
    }

    /// The plane that is looked at: the one asked for, else the whole path of a run that is over, else the first there is.
    pub fn plane(self, model: &Model) -> Option<Plane> {
        let choices = Self::choices(model);
        let first =
            || [Plane::Whole, Plane::Path, Plane::Random].into_iter().find(|p| model.landscapes.of(*p).is_some());
        self.0.filter(|plane| choices.contains(plane)).or_else(first).or(choices.first().copied())
    }

    /// Goes to the next plane and returns it; none if there is no other.
    pub(super) fn turn(&mut self, model: &Model) -> Option<Plane> {
        let choices = Self::choices(model);
        let now = self.plane(model)?;
        let at = choices.iter().position(|plane| *plane == now)?;
        let next = choices[(at + 1) % choices.len()];
        // Where there is one alone nothing was asked for: what comes later may be looked at first.
        if next == now {
            return None;
        }
        self.0 = Some(next);
        self.0
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_stand_at_round_powers_and_stay_there() {
        assert_eq!(levels((0.5, 2e6), 12), [1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6]);
        let (narrow, wide) = (levels((0.9, 1000.0), 12), levels((0.02, 1500.0), 12));
        assert!(narrow.iter().filter(|level| wide.contains(level)).count() >= 4, "{narrow:?} {wide:?}");
        assert!([(1.0, 1.0), (0.0, 1.0), (f32::NAN, 1.0)].iter().all(|range| levels(*range, 12).is_empty()));
    }

    proptest! {
        #[test]
        fn lines_lie_inside_evenly_and_are_enough(lo in -30.0f32..25.0, decades in 0.01f32..12.0, most in 3usize..13) {
            let (lo, hi) = (10_f32.powf(lo), 10_f32.powf(lo + decades));
            let levels = levels((lo, hi), most);
            prop_assert!(levels.len() <= most);
            prop_assert!(decades < 0.06 || !levels.is_empty(), "{levels:?} in {lo}..{hi}");
            prop_assert!(levels.iter().all(|level| (lo..=hi).contains(level)));
            let ratios: Vec<f32> = levels.windows(2).map(|pair| pair[1] / pair[0]).collect();
            prop_assert!(ratios.iter().all(|ratio| *ratio > 1.0 && (ratio / ratios[0] - 1.0).abs() < 1e-3));
        }
    }

    fn tensor(shape: Vec<usize>, values: Vec<f32>) -> TensorValue {
        TensorValue::new(shape, values)
    }

    #[test]
    fn what_does_not_fit_is_ignored() {
        let mut all = Landscapes::default();
        all.set_tensor(3, "path/path", &tensor(vec![2, 4], vec![0.0; 8]));
        all.set_tensor(3, "path/facts", &tensor(vec![5], vec![0.0; 5]));
        all.set_tensor(3, "elsewhere/facts", &tensor(vec![6], vec![0.0; 6]));
        all.set_tensor(3, "path", &tensor(vec![6], vec![0.0; 6]));
        all.set_grid(3, "elsewhere", Grid::new(array![[1.0]], None, None));
        assert!(all.is_empty() && all.0.iter().all(|it| it.path.is_empty() && it.facts.is_none()));
        all.set_tensor(3, "random/facts", &tensor(vec![6], vec![f32::NAN, f32::NAN, 500.0, 2000.0, 21.0, 0.5]));
        all.set_tensor(3, "random/path", &tensor(vec![1, 5], vec![1.0, 2.0, 3.0, 4.0, 5.0]));
        all.set_grid(3, "random", Grid::new(array![[0.0, f32::NAN], [0.5, 8.0]], None, None));
        let random = all.of(Plane::Random).unwrap();
        assert_eq!((random.step, random.range()), (3, Some((0.5, 8.0))));
        assert_eq!(random.facts.map(|facts| (facts.samples, facts.all, facts.cells)), Some((500, 2000, 21)));
        assert_eq!(random.path, [Waypoint { x: 1.0, y: 2.0, loss: 3.0, off: 4.0, epoch: 5.0 }]);
    }
    #[test]
    fn a_run_that_goes_on_has_no_finished_path() {
        let mut all = Landscapes::default();
        for (step, plane) in [(64, "path"), (32, "random"), (64, "whole")] {
            all.set_grid(step, plane, Grid::new(array![[0.5, 8.0]], None, None));
            all.set_tensor(step, &format!("{plane}/path"), &tensor(vec![1, 5], vec![1.0; 5]));
        }
        // After the last step: all of it still happens, but for the end.
        all.void_from(65);
        assert!(all.of(Plane::Path).is_some() && all.of(Plane::Random).is_some() && all.of(Plane::Whole).is_none());
        all.void_from(40);
        assert!(all.of(Plane::Path).is_none() && all.of(Plane::Random).is_some());
        all.set_tensor(41, "random/path", &tensor(vec![1, 5], vec![2.0; 5]));
        all.void_from(41);
        assert!(all.is_empty() && all.named("random").unwrap().path.is_empty(), "a path of a step that is void");
    }
}
