//! `ReLU` layers whose units say nothing any more, whatever they are shown.

use ndarray::Array1;
use serde::{Deserialize, Serialize};
use torchscope::recipe::{self, Activation};

use super::{Alarm, Kind};

/// Share of a layer's units that are 0 for the whole evaluation set at which an incident begins and below which it ends.
const BEGINS: f64 = 0.5;
const ENDS: f64 = 0.4;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Dying {
    /// Name of each layer that ends in a `ReLU`, and whether it is known to be dying; none for the other layers.
    layers: Vec<Option<(String, bool)>>,
}

impl Dying {
    pub(super) fn new(network: &recipe::Network) -> Self {
        let layers = network.layers.iter();
        let layers = layers.map(|layer| (layer.activation == Activation::Relu).then(|| (layer.name.clone(), false)));
        Self { layers: layers.collect() }
    }

    /// `peaks`: for each layer the largest value of each unit or channel, after the activation.
    pub(super) fn take(&mut self, step: u64, peaks: &[Array1<f32>]) -> Vec<Alarm> {
        let mut alarms = Vec::new();
        for (layer, peaks) in self.layers.iter_mut().zip(peaks) {
            let Some((name, is_dying)) = layer else { continue };
            let dead = peaks.iter().filter(|peak| **peak == 0.0).count();
            let share = dead as f64 / peaks.len().max(1) as f64;
            if *is_dying {
                *is_dying = share >= ENDS;
            } else if share >= BEGINS {
                *is_dying = true;
                let message = format!(
                    "{dead} of the {} units of {name} are 0 for every sample of the evaluation set, and learn nothing",
                    peaks.len()
                );
                alarms.push(Alarm::new(step, Kind::Dying, message).about(Some(name.clone()), None));
            }
        }
        alarms
    }
}

#[cfg(test)]
mod tests {
    use torchscope::recipe::Recipe;

    use super::*;

    #[test]
    fn half_a_layer_is_one_alarm() {
        let network = Recipe::load("moons", &[]).unwrap().network(&[2]).unwrap();
        let mut dying = Dying::new(&network);
        let mut take = |step, dead: usize| {
            let peaks = Array1::from_shape_fn(20, |unit| if unit < dead { 0.0 } else { 0.3 });
            // The output is a sigmoid, where 0 is no death.
            dying.take(step, &[peaks, Array1::zeros(1)])
        };
        assert!(take(0, 9).is_empty());
        let alarms = take(1, 10);
        assert_eq!(alarms.len(), 1);
        assert_eq!((alarms[0].layer.as_deref(), alarms[0].step), (Some("dense1"), 1));
        assert!(alarms[0].message.contains("10 of the 20 units of dense1"), "{}", alarms[0].message);
        // It comes and goes at the edge, recovers, and falls ill again.
        assert!([9, 10, 8, 20].into_iter().all(|dead| take(2, dead).is_empty()));
        assert!(take(3, 7).is_empty());
        assert_eq!(take(4, 12).len(), 1);
    }
}
