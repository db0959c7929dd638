//! How many planes a run shows, and how finely: decided before it starts, from what losses cost in operations.

use torchscope::recipe::Recipe;

use super::super::cost::Costs;
use super::surface::ACROSS;

/// Planes of a run at most, the end aside.
const MOST_PLANES: usize = 64;
/// From so many planes on a finer one is better than another one.
const ENOUGH_PLANES: usize = 24;
/// Calls that putting other parameters into a network takes, and those that finding the present on a plane does.
const CALLS_OF_CELL: f64 = 12.0;
const CALLS_OF_PLACE: f64 = 60.0;

/// What moments and the end of a run show.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Plan {
    /// Planes among the moments; none where the run has no room for one.
    pub(super) planes: usize,
    /// Levels of refinement of each of them.
    pub(super) levels: usize,
    /// Operations of one moment beside the planes.
    pub(super) moment: f64,
    /// Operations of one cell, and those that the end may take.
    cell: f64,
    end: f64,
}

impl Plan {
    /// For losses on so many samples in a run of so many steps.
    pub(super) fn new(recipe: &Recipe, costs: &Costs, steps: u64, samples: usize) -> Self {
        let cell = costs.forward(samples) + Costs::calls(CALLS_OF_CELL);
        let allowance = costs.allowance(recipe, steps);
        let planes = |levels: usize| ((allowance.of_planes() / (cell * cells(levels))) as usize).min(MOST_PLANES);
        let levels = (2..=ACROSS.len()).rev().find(|levels| planes(*levels) >= ENOUGH_PLANES).unwrap_or(1);
        // Where the present is takes its loss, and that of the plane below it.
        let moment = 2.0 * cell + Costs::calls(CALLS_OF_PLACE);
        Self { planes: planes(levels), levels, moment, cell, end: allowance.of_end() }
    }

    /// Whether the moment at `place` of `moments` has a plane of its own: evenly among them, the first with one.
    pub(super) fn is_due(&self, place: usize, moments: usize) -> bool {
        let of = |place: usize| place * self.planes / moments.max(1);
        place == 0 || of(place) != of(place - 1)
    }

    /// The same with room for so many cells at the end.
    #[cfg(test)]
    pub(super) fn with_end(self, cells: f64) -> Self {
        Self { end: self.cell * cells, ..self }
    }

    /// Levels of each of so many planes at the end, that of the path first: one level after the other as long as there is room.
    /// The first plane has one in any case.
    pub(super) fn end(&self, planes: usize) -> Vec<usize> {
        let mut levels = vec![0; planes];
        let mut left = self.end;
        for level in 1..=ACROSS.len() {
            for (place, levels) in levels.iter_mut().enumerate().filter(|(_, levels)| **levels + 1 == level) {
                let more = self.cell * (cells(level) - cells(level - 1));
                if more > left && (level, place) != (1, 0) {
                    continue;
                }
                left -= more;
                *levels = level;
            }
        }
        levels
    }
}

/// Cells of a plane of so many levels.
fn cells(levels: usize) -> f64 {
    levels.checked_sub(1).map_or(0.0, |last| (ACROSS[last] * ACROSS[last]) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, steps: u64, samples: usize) -> Plan {
        let recipe = Recipe::load(name, &[]).unwrap();
        let network = recipe.network(&recipe.data.input_shape()).unwrap();
        Plan::new(&recipe, &Costs::new(&network), steps, samples)
    }

    #[test]
    fn a_small_network_has_many_planes_and_a_fine_end() {
        let plan = of("moons", 1600, 500);
        assert!(plan.planes >= 10 && plan.levels == 1, "{plan:?}");
        assert_eq!(plan.end(2), [3, 2], "the finest of the path before that of the other plane");
        // A day of it has room for finer ones.
        let plan = of("moons", 100_000_000, 500);
        assert_eq!((plan.planes, plan.levels), (MOST_PLANES, 3));
    }

    #[test]
    fn a_large_one_has_the_plane_of_its_path_at_least() {
        let plan = of("cnn", 785, 191);
        assert_eq!((plan.planes, plan.end(2), plan.end(1)), (0, vec![1, 0], vec![1]));
        assert!(plan.cell * cells(1) > plan.end);
    }

    #[test]
    fn planes_are_as_many_as_planned_and_lie_evenly_among_the_moments() {
        let plan = Plan { planes: 9, ..of("moons", 1600, 500) };
        let due: Vec<usize> = (0..214).filter(|place| plan.is_due(*place, 214)).collect();
        assert_eq!((due.len(), due[0]), (9, 0));
        assert!(due.windows(2).all(|pair| (23..=24).contains(&(pair[1] - pair[0]))), "{due:?}");
        // More planes than moments: each has one.
        assert!((0..5).all(|place| plan.is_due(place, 5)));
    }
}
