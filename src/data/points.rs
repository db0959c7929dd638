//! Generated points of two coordinates as data sets; they are judged as a whole, so there is no test set.

use ndarray::{Array1, Array2, Axis};

use super::error::DataError;
use super::{Dataset, Scaling, Split};
use crate::recipe::MOST_SAMPLES;

/// Points, (n, 2), and the class of each.
type Points = (Array2<f64>, Array1<u32>);

/// Points with two classes, made by `make` once the numbers are known to be sound.
pub(super) fn of_two(
    kind: &str,
    samples: usize,
    noise: f64,
    make: impl FnOnce() -> Points,
) -> Result<Split, DataError> {
    of_many(format!("{kind} {samples}, noise {noise}"), [samples, 2], ("noise", noise), make)
}

/// Points with as many classes as `[samples, classes]` says and a standard deviation called so in the recipe.
pub(super) fn of_many(
    name: String,
    [samples, classes]: [usize; 2],
    (key, deviation): (&'static str, f64),
    make: impl FnOnce() -> Points,
) -> Result<Split, DataError> {
    value("centers", classes >= 2, &classes, || "2 or more".to_owned())?;
    value("samples", (classes..=MOST_SAMPLES).contains(&samples), &samples, || {
        format!("from {classes} to {MOST_SAMPLES}")
    })?;
    value(key, deviation.is_finite() && deviation >= 0.0, &deviation, || "a finite number from 0 up".to_owned())?;
    let (points, labels) = make();
    let training = Dataset {
        name,
        inputs: points.mapv(|value| value as f32).into_dyn(),
        targets: labels.mapv(|label| label as f32).insert_axis(Axis(1)).into_dyn(),
        labels: Some(labels),
        classes: (0..classes).map(|class| class.to_string()).collect(),
        features: vec!["x1".to_owned(), "x2".to_owned()],
        scaling: Scaling::default(),
    };
    Ok(Split { training, test: None })
}

/// Refuses a number unless it is `fine`: recipes are checked when they are read, but anyone can make a spec.
fn value(
    key: &'static str,
    fine: bool,
    value: &impl ToString,
    expected: impl FnOnce() -> String,
) -> Result<(), DataError> {
    if fine { Ok(()) } else { Err(DataError::Value { key, value: value.to_string(), expected: expected() }) }
}

/// Holds points against what another program has made of the same numbers: `x1,x2,label` a line below a heading.
#[cfg(test)]
pub(super) fn assert_equals_oracle((points, labels): &Points, oracle: &str) {
    let rows: Vec<Vec<&str>> = oracle.lines().skip(1).map(|line| line.split(',').collect()).collect();
    assert_eq!(points.dim(), (rows.len(), 2));
    for (row, fields) in rows.iter().enumerate() {
        for column in 0..2 {
            let (got, expected) = (points[[row, column]], fields[column].parse::<f64>().unwrap());
            assert!((got - expected).abs() < 1e-12, "row {row} column {column}: {got} for {expected}");
        }
        assert_eq!(labels[row].to_string(), fields[2], "row {row}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::load;
    use crate::recipe::{Answer, DataSpec};

    #[test]
    fn moons_come_with_shapes_and_names() {
        let split = load(&DataSpec::Moons { samples: 500, noise: 0.1, seed: 0 }).unwrap();
        assert_eq!(split.test, None);
        let data = split.training;
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
            assert_eq!(error.to_string(), format!("`data.samples` is {samples}; give from 2 to 10000000"));
        }
        for noise in [-0.1, f64::NAN, f64::INFINITY] {
            assert!(load(&DataSpec::Moons { samples: 10, noise, seed: 0 }).is_err());
        }
        let error = load(&DataSpec::Blobs { samples: 4, centers: 5, spread: 1.0, seed: 0 }).unwrap_err();
        assert_eq!(error.to_string(), "`data.samples` is 4; give from 5 to 10000000");
        for centers in [0, 1] {
            assert!(load(&DataSpec::Blobs { samples: 4, centers, spread: 1.0, seed: 0 }).is_err());
        }
    }

    #[test]
    fn every_kind_has_its_name_and_its_classes() {
        for (spec, name, classes) in [
            (DataSpec::Circles { samples: 9, noise: 0.1, factor: 0.5, seed: 0 }, "circles 9, noise 0.1", 2),
            (DataSpec::Blobs { samples: 9, centers: 3, spread: 1.5, seed: 0 }, "blobs 9 in 3 clouds, spread 1.5", 3),
            (DataSpec::Spiral { samples: 9, noise: 0.0, turns: 1.0, seed: 0 }, "spiral 9, noise 0", 2),
            (DataSpec::Xor { samples: 9, noise: 0.1, seed: 0 }, "xor 9, noise 0.1", 2),
        ] {
            let data = load(&spec).unwrap().training;
            assert_eq!((data.name.as_str(), data.len(), data.classes.len()), (name, 9, classes));
            assert_eq!(spec.shape().unwrap().answer, Answer::Classes(classes));
            assert!(data.labels.unwrap().iter().all(|label| (*label as usize) < classes));
        }
    }
}
