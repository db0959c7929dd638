use crate::log::TensorValue;

/// What is known of a landscape beside its losses and the path: a tensor (7) of single precision.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlaneFacts {
    /// Share of the path's variance along each axis, 0 to 1; not a number where axes are random.
    pub shares: [f64; 2],
    /// Samples that the losses were computed on.
    pub samples: u64,
    /// All samples there are.
    pub all: u64,
    /// Places across at which the loss was computed.
    pub cells: u64,
    /// The loss on the plane at the optimiser's present place.
    pub loss: f64,
    /// The true loss there, on the same samples; not a number in older logs, which do not have it.
    pub true_loss: f64,
}

impl PlaneFacts {
    /// The tensor for the log.
    pub fn encode(&self) -> TensorValue {
        let Self { shares: [first, second], samples, all, cells, loss, true_loss } = *self;
        let numbers = [first, second, samples as f64, all as f64, cells as f64, loss, true_loss];
        TensorValue::new(vec![numbers.len()], numbers.iter().map(|number| *number as f32).collect())
    }

    /// The facts in a tensor; none in one that holds fewer numbers. Those that a newer version adds come after them.
    pub fn decode(tensor: &TensorValue) -> Option<Self> {
        let [first, second, samples, all, cells, loss] = tensor.values.first_chunk::<6>()?.map(f64::from);
        let count = |number: f64| number.max(0.0) as u64;
        let (samples, all, cells) = (count(samples), count(all), count(cells));
        let true_loss = tensor.values.get(6).map_or(f64::NAN, |loss| f64::from(*loss));
        Some(Self { shares: [first, second], samples, all, cells, loss, true_loss })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_come_back_and_too_few_are_none() {
        let facts =
            PlaneFacts { shares: [0.75, 0.25], samples: 192, all: 2000, cells: 41, loss: 0.0625, true_loss: 0.25 };
        let mut tensor = facts.encode();
        assert_eq!(PlaneFacts::decode(&tensor), Some(facts));
        tensor.values.push(1.0);
        assert_eq!(PlaneFacts::decode(&tensor), Some(facts));
        tensor.values.truncate(5);
        assert_eq!(PlaneFacts::decode(&tensor), None);
        tensor.values = vec![f32::NAN, f32::NAN, -1.0, f32::NAN, 11.0, f32::NAN];
        let odd = PlaneFacts::decode(&tensor).unwrap();
        assert_eq!((odd.samples, odd.all, odd.cells, odd.loss.is_nan()), (0, 0, 11, true));
    }
}
