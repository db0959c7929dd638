//! Data sets as ndarrays, ready to become tensors.

pub mod moons;
pub mod numpy_random;

use ndarray::{Array1, ArrayD, Axis};

use crate::recipe::{DataSpec, MOST_SAMPLES};

/// What a network learns from, samples along the first axis of every array.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// For people: "moons 500, noise 0.1".
    pub name: String,
    /// What goes in, (n, features..).
    pub inputs: ArrayD<f32>,
    /// What should come out, (n, outputs..); for two classes (n, 1) of 0 and 1.
    pub targets: ArrayD<f32>,
    /// The class of each sample, an index into `classes`; none where there are no classes.
    pub labels: Option<Array1<u32>>,
    /// Names of the classes.
    pub classes: Vec<String>,
    /// Names of the features, for the axes of a plot.
    pub features: Vec<String>,
}

impl Dataset {
    /// Number of samples.
    pub fn len(&self) -> usize {
        self.inputs.len_of(Axis(0))
    }

    /// Whether there is nothing to learn from.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Data that cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DataError {
    /// Too few samples to have both classes, or too many to hold in memory.
    #[error("`data.samples` is {0}; give from 2 to {MOST_SAMPLES}")]
    Samples(usize),
    /// Noise that makes no points: negative, infinite or NaN.
    #[error("`data.noise` is {0}; give a finite number from 0 up")]
    Noise(String),
}

/// Makes or reads the data that `spec` describes; the same spec gives the same data everywhere.
pub fn load(spec: &DataSpec) -> Result<Dataset, DataError> {
    match *spec {
        DataSpec::Moons { samples, noise, seed } => {
            if !(2..=MOST_SAMPLES).contains(&samples) {
                return Err(DataError::Samples(samples));
            }
            if !noise.is_finite() || noise < 0.0 {
                return Err(DataError::Noise(noise.to_string()));
            }
            let (points, labels) = moons::make_moons(samples, noise, seed);
            Ok(Dataset {
                name: format!("moons {samples}, noise {noise}"),
                inputs: points.mapv(|value| value as f32).into_dyn(),
                targets: labels.mapv(|label| label as f32).insert_axis(Axis(1)).into_dyn(),
                labels: Some(labels),
                classes: vec!["0".to_owned(), "1".to_owned()],
                features: vec!["x1".to_owned(), "x2".to_owned()],
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moons_come_with_shapes_and_names() {
        let data = load(&DataSpec::Moons { samples: 500, noise: 0.1, seed: 0 }).unwrap();
        assert_eq!(data.name, "moons 500, noise 0.1");
        assert_eq!(data.inputs.shape(), [500, 2]);
        assert_eq!(data.targets.shape(), [500, 1]);
        assert_eq!(data.len(), 500);
        assert!(!data.is_empty());
        let labels = data.labels.unwrap();
        for (target, label) in data.targets.iter().zip(&labels) {
            assert_eq!(*target, *label as f32);
        }
        assert_eq!(labels.sum(), 250);
        assert_eq!(data.classes, ["0", "1"]);
        assert_eq!(data.features, ["x1", "x2"]);
        // First row of the oracle, rounded to f32.
        assert_eq!(data.inputs[[0, 0]], 0.362_033_729_605_133_2_f64 as f32);
    }

    #[test]
    fn absurd_sizes_are_refused_before_they_are_allocated() {
        for samples in [0, 1, MOST_SAMPLES + 1, usize::MAX] {
            let error = load(&DataSpec::Moons { samples, noise: 0.1, seed: 0 }).unwrap_err();
            assert_eq!(error, DataError::Samples(samples));
            assert!(error.to_string().contains("from 2 to 10000000"), "{error}");
        }
        for noise in [-0.1, f64::NAN, f64::INFINITY] {
            assert!(load(&DataSpec::Moons { samples: 10, noise, seed: 0 }).is_err());
        }
    }
}
