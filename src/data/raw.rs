//! Samples as they were read become data sets: brought to a range, with their classes named.

use ndarray::{Array1, Array2, ArrayD, IxDyn};

use super::error::DataError;
use super::scaling::Scaling;
use super::{Dataset, Split};
use crate::recipe::{Normalise, Preparation, Target, grouped};

/// Samples as they were read, in two halves.
pub(super) struct Raw {
    /// For people: the name of the file or folder.
    pub(super) name: String,
    /// Shape of one input: (features) or (channels, height, width).
    pub(super) shape: Vec<usize>,
    /// Numbers of each half, row-major; the second is empty where nothing is held out.
    pub(super) halves: [Vec<f32>; 2],
    /// The class of each sample, where there are classes.
    pub(super) labels: Option<[Vec<u32>; 2]>,
    pub(super) classes: Vec<String>,
    /// Names of the columns, or what all numbers of a picture are called.
    pub(super) features: Vec<String>,
    /// Whether the numbers were read as bytes.
    pub(super) bytes: bool,
}

impl Raw {
    /// Both halves as the recipe wants them: pictures from 0 to 1 and columns of tables around 0, unless it says otherwise.
    pub(super) fn finish(self, by: &Preparation) -> Result<Split, DataError> {
        let pictured = self.shape.len() == 3;
        let normalise = by.normalise.unwrap_or(if pictured { Normalise::Unit } else { Normalise::Standard });
        if pictured && by.target == Target::Input && normalise != Normalise::Unit {
            let expected = "`unit` where `data.target = \"input\"`: what is compared are pixels from 0 to 1".to_owned();
            return Err(DataError::Value { key: "normalise", value: format!("\"{normalise}\""), expected });
        }
        Ok(self.finish_as(normalise, by))
    }

    /// The same, brought to a range as `normalise` says.
    pub(super) fn finish_as(self, normalise: Normalise, by: &Preparation) -> Split {
        let Self { name, shape, mut halves, labels, classes, features, bytes } = self;
        let columns = shape.first().copied().unwrap_or(0);
        let each: usize = shape.iter().skip(1).product();
        let scaling = Scaling::normalise(&mut halves, [columns, each], normalise, bytes);
        let size = (columns * each).max(1);
        let counts = halves.each_ref().map(|half| half.len() / size);
        let name = match counts {
            [training, 0] => format!("{name} {}", grouped(training as u64)),
            [training, test] => format!("{name} {} + {} test", grouped(training as u64), grouped(test as u64)),
        };
        let [of_training, of_test] = labels.map_or([None, None], |labels| labels.map(Some));
        let [training, test] = halves;
        let set = |numbers: Vec<f32>, labels: Option<Vec<u32>>| {
            let count = numbers.len() / size;
            let targets = match (by.target, &labels) {
                (Target::Label, Some(labels)) => {
                    Array2::from_shape_fn((count, 1), |(sample, _)| labels[sample] as f32).into_dyn()
                }
                _ => ArrayD::from_shape_vec(IxDyn(&[count, size]), numbers.clone())
                    .expect("as many numbers as samples of one size have"),
            };
            let whole: Vec<usize> = [count].into_iter().chain(shape.iter().copied()).collect();
            Dataset {
                name: name.clone(),
                inputs: ArrayD::from_shape_vec(whole, numbers).expect("as many numbers as samples of one size have"),
                targets,
                labels: labels.map(Array1::from),
                classes: classes.clone(),
                features: features.clone(),
                scaling: scaling.clone(),
            }
        };
        let training = set(training, of_training);
        let test = (counts[1] > 0).then(|| set(test, of_test));
        Split { training, test }
    }
}
