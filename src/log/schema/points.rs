use crate::log::TensorValue;

/// A sample of a data set with two features.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// First feature.
    pub x: f32,
    /// Second feature.
    pub y: f32,
    /// Class, from 0.
    pub class: u32,
}

/// Samples in the plane: a tensor (n, 3).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Points(pub Vec<Sample>);

impl Points {
    /// The tensor for the log.
    pub fn encode(&self) -> TensorValue {
        let row = |sample: &Sample| [sample.x, sample.y, sample.class as f32];
        TensorValue::new(vec![self.0.len(), 3], self.0.iter().flat_map(row).collect())
    }

    /// The samples in a tensor; none in one of another shape.
    pub fn decode(tensor: &TensorValue) -> Option<Self> {
        let [rows, 3] = tensor.shape[..] else { return None };
        let samples = tensor.values.as_chunks::<3>().0.iter();
        // Saturates: what is no class is the first one.
        let samples: Vec<_> = samples.map(|[x, y, class]| Sample { x: *x, y: *y, class: *class as u32 }).collect();
        (samples.len() == rows).then_some(Self(samples))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_come_back_and_other_shapes_are_none() {
        let points = Points(vec![Sample { x: 0.5, y: -1.0, class: 1 }, Sample { x: 2.0, y: 0.0, class: 0 }]);
        let mut tensor = points.encode();
        assert_eq!((tensor.shape.as_slice(), tensor.values[2]), ([2, 3].as_slice(), 1.0));
        assert_eq!(Points::decode(&tensor), Some(points));
        tensor.values[2] = f32::NAN;
        tensor.values[5] = -3.0;
        assert!(Points::decode(&tensor).unwrap().0.iter().all(|sample| sample.class == 0));
        tensor.shape = vec![6];
        assert_eq!(Points::decode(&tensor), None);
    }
}
