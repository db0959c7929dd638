//! What looking costs, reckoned before a run starts and in operations: what is recorded must depend neither on the machine nor
//! on what else it does.

use torchscope::recipe::{self, Recipe};

/// Operations that a core does in a second, about.
pub(crate) const A_SECOND: f64 = 2e9;
/// What a number that a layer puts out costs beside multiplications: it is written, activated and read again.
const OF_OUTPUT: f64 = 4.0;
/// What a call of libtorch costs, however small its tensors are: three microseconds.
const OF_CALL: f64 = 6e3;
/// Calls that one layer takes.
const CALLS: f64 = 3.0;
/// Backwards goes twice what goes forwards, and the optimiser takes calls of its own.
const OF_STEP: f64 = 3.0;

/// Operations of one network.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Costs {
    /// One sample on its way through.
    sample: f64,
    /// One batch, whatever its size.
    pass: f64,
}

impl Costs {
    pub(crate) fn new(network: &recipe::Network) -> Self {
        let outputs = |layer: &recipe::Layer| layer.output_shape.iter().map(|side| *side as f64).product::<f64>();
        let sample = network.layers.iter().map(|layer| layer.multiply_adds() as f64 + OF_OUTPUT * outputs(layer));
        Self { sample: sample.sum(), pass: Self::calls(CALLS * network.layers.len() as f64) }
    }

    /// So many calls with next to nothing to do.
    pub(crate) fn calls(count: f64) -> f64 {
        OF_CALL * count
    }

    /// `samples` go through the network, in one piece.
    pub(crate) fn forward(&self, samples: usize) -> f64 {
        self.sample * samples as f64 + self.pass
    }

    /// Samples that go through the network with so many operations.
    pub(crate) fn samples(&self, operations: f64) -> usize {
        ((operations - self.pass) / self.sample.max(1.0)).max(0.0) as usize
    }

    /// All steps of a run.
    fn training(&self, steps: u64, batch: usize) -> f64 {
        OF_STEP * self.forward(batch) * steps as f64
    }

    /// What all that is recorded of a run of so many steps may cost.
    pub(crate) fn allowance(&self, recipe: &Recipe, steps: u64) -> Allowance {
        Allowance((recipe.record.probe_share * self.training(steps, recipe.batch_size)).max(A_SECOND))
    }
}

/// Operations that may be spent on looking: the share of training's that the recipe allows, but a second in any case.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Allowance(f64);

impl Allowance {
    /// For pictures, and for the health of layers.
    pub(crate) fn of_pictures(self) -> f64 {
        0.55 * self.0
    }

    /// For planes of the landscape while training goes on.
    pub(crate) fn of_planes(self) -> f64 {
        0.2 * self.0
    }

    /// For the planes of the finished path.
    pub(crate) fn of_end(self) -> f64 {
        0.25 * self.0
    }

    /// Seconds that all of it takes a core, about.
    pub(crate) fn seconds(self) -> f64 {
        self.0 / A_SECOND
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, sets: &[(&str, &str)]) -> (Recipe, Costs) {
        let sets: Vec<_> = sets.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let recipe = Recipe::load(name, &sets).unwrap();
        let network = recipe.network(&recipe.data.input_shape()).unwrap();
        (recipe, Costs::new(&network))
    }

    #[test]
    fn a_short_run_may_spend_a_second_and_a_long_one_its_share() {
        let (moons, costs) = of("moons", &[]);
        assert!(costs.training(1600, 32) < A_SECOND);
        assert_eq!(costs.allowance(&moons, 1600), Allowance(A_SECOND));
        let (cnn, costs) = of("cnn", &[]);
        let training = costs.training(785, 64);
        // Forwards a sample takes 2.8 million multiplications, and training goes three times as far.
        assert!((3.0 * 64.0 * 785.0 * 2.8e6..1.3 * 3.0 * 64.0 * 785.0 * 2.8e6).contains(&training), "{training:e}");
        assert_eq!(costs.allowance(&cnn, 785), Allowance(0.05 * training));
        let (cnn, costs) = of("cnn", &[("record.probe_share", "0")]);
        assert_eq!(costs.allowance(&cnn, 785), Allowance(A_SECOND));
    }
}
