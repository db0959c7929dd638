use crate::log::TensorValue;

/// Class of each of something, from 0: a tensor (n).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Labels(pub Vec<u32>);

impl Labels {
    /// The tensor for the log.
    pub fn encode(&self) -> TensorValue {
        TensorValue::new(vec![self.0.len()], self.0.iter().map(|class| *class as f32).collect())
    }

    /// The classes in a tensor. What is no class is the first one.
    pub fn decode(tensor: &TensorValue) -> Self {
        Self(tensor.values.iter().map(|class| *class as u32).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_come_back() {
        let labels = Labels(vec![3, 0, 9]);
        assert_eq!(Labels::decode(&labels.encode()), labels);
        assert_eq!(Labels::decode(&TensorValue::new(vec![2], vec![-1.0, f32::NAN])).0, [0, 0]);
    }
}
