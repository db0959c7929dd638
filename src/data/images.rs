//! Sets of labelled pictures in IDX files: MNIST, which is built in, and the user's own.

use std::path::Path;

use super::Split;
use super::error::DataError;
use super::idx::{self, Keys, Source};
use super::labels::MOST_CLASSES;
use super::progress::Progress;
use super::raw::Raw;
use crate::recipe::{Normalise, Preparation, Target};

/// What both halves of the data have in common.
pub(super) struct Kind {
    /// For people: "MNIST".
    pub(super) name: String,
    /// Channels, rows and columns of every picture.
    pub(super) size: [usize; 3],
    /// Names of the classes; one for each.
    pub(super) classes: Vec<String>,
    pub(super) target: Target,
}

/// What `count` classes are called: by `names` where there are any, as many.
pub(super) fn class_names(count: usize, names: &[String]) -> Result<Vec<String>, DataError> {
    let count = count.min(MOST_CLASSES);
    match names.len() {
        0 => Ok((0..count).map(|class| class.to_string()).collect()),
        found if found == count => Ok(names.to_vec()),
        found => {
            let expected = format!("{count}, as many as `data.classes` says");
            Err(DataError::Value { key: "class_names", value: format!("a list of {found} names"), expected })
        }
    }
}

/// Where one half of the data lies, and how much of it to take.
pub(super) struct Half<'a> {
    pub(super) images: Source<'a>,
    pub(super) labels: Source<'a>,
    /// The first so many; none for all.
    pub(super) limit: Option<usize>,
}

const TRAINING: [Keys; 2] =
    [Keys { file: "data.train_images", limit: "train" }, Keys { file: "data.train_labels", limit: "train" }];
const TEST: [Keys; 2] =
    [Keys { file: "data.test_images", limit: "test" }, Keys { file: "data.test_labels", limit: "test" }];

macro_rules! mnist {
    ($name:literal) => {
        Source::BuiltIn($name, include_bytes!(concat!("../../assets/data/mnist/", $name)))
    };
}

/// The digits that are built in, the first so many of each half.
pub(super) fn mnist(train: usize, test: usize, target: Target) -> Result<Split, DataError> {
    let training = Half {
        images: mnist!("train-images-idx3-ubyte.gz"),
        labels: mnist!("train-labels-idx1-ubyte.gz"),
        limit: Some(train),
    };
    let test = Half {
        images: mnist!("t10k-images-idx3-ubyte.gz"),
        labels: mnist!("t10k-labels-idx1-ubyte.gz"),
        limit: Some(test),
    };
    let kind = Kind { name: "MNIST".to_owned(), size: [1, 28, 28], classes: class_names(10, &[])?, target };
    split(kind, &training, &test, &mut Progress::new(&mut |_| {}))
}

/// Both halves; the name says how many pictures each has.
pub(super) fn split(
    kind: Kind,
    training: &Half<'_>,
    test: &Half<'_>,
    progress: &mut Progress<'_>,
) -> Result<Split, DataError> {
    for half in [training, test] {
        progress.expect(half.images.length() + half.labels.length());
    }
    let (pictures, labels) = read(&kind, training, TRAINING, progress)?;
    let (test_pictures, test_labels) = read(&kind, test, TEST, progress)?;
    let wide = |labels: Vec<u8>| labels.into_iter().map(u32::from).collect();
    let raw = Raw {
        name: kind.name,
        shape: kind.size.to_vec(),
        halves: [pictures, test_pictures],
        labels: Some([labels, test_labels].map(wide)),
        classes: kind.classes,
        features: vec!["pixels".to_owned()],
        bytes: false,
    };
    // They are read as pixels from 0 to 1.
    Ok(raw.finish_as(Normalise::None, &Preparation { target: kind.target, ..Preparation::default() }))
}

/// What to call the set that `images` belongs to: its folder, since files are called alike in all of them.
pub(super) fn name(images: &Path) -> String {
    let folder = images.parent().and_then(Path::file_name);
    folder.map_or_else(|| "IDX".to_owned(), |folder| folder.to_string_lossy().into_owned())
}

/// Pixels from 0 to 1, (n, channels, height, width) in one row, and the label of each picture.
fn read(
    kind: &Kind,
    half: &Half<'_>,
    [images, labels]: [Keys; 2],
    progress: &mut Progress<'_>,
) -> Result<(Vec<f32>, Vec<u8>), DataError> {
    let (images_name, labels_name) = (half.images.name(), half.labels.name());
    // The labels, which are few, first: what is wrong with them is known before there are pictures.
    let labels = idx::labels(half.labels, labels, kind.classes.len(), half.limit, progress)
        .map_err(|problem| problem.of(&labels_name))?;
    let pictures = idx::pictures(half.images, images, kind.size, half.limit, progress)
        .map_err(|problem| problem.of(&images_name))?;
    if pictures.count != labels.count {
        return Err(DataError::Counts {
            images: images_name,
            pictures: pictures.count,
            labels: labels_name,
            given: labels.count,
        });
    }
    Ok((pictures.kept, labels.kept))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::data::{self, Dataset};
    use crate::recipe::DataSpec;

    /// Sum of all pixels as bytes, exact.
    fn pixel_sum(data: &Dataset) -> u64 {
        data.inputs.iter().map(|pixel| (f64::from(*pixel) * 255.0).round() as u64).sum()
    }

    /// Mean and standard deviation of the pixels.
    fn moments(data: &Dataset) -> (f64, f64) {
        let n = data.inputs.len() as f64;
        let mean = data.inputs.iter().map(|pixel| f64::from(*pixel)).sum::<f64>() / n;
        let square = data.inputs.iter().map(|pixel| (f64::from(*pixel) - mean).powi(2)).sum::<f64>() / n;
        (mean, square.sqrt())
    }

    /// The numbers were counted by another program when the subset was made.
    #[test]
    fn mnist_is_the_subset_that_was_made() {
        let Split { training, test } =
            data::load(&DataSpec::Mnist { train: 10_000, test: 2_000, target: Target::Label }).unwrap();
        let test = test.unwrap();
        let facts = [
            (
                &training,
                10_000,
                263_523_172,
                0.131_814_311_724_689_88,
                0.309_211_810_886_270_64,
                [5, 0, 4, 1, 9, 2, 3, 6, 7, 8],
            ),
            (
                &test,
                2_000,
                53_112_085,
                0.132_833_345_838_335_34,
                0.310_598_392_418_143_74,
                [7, 2, 1, 0, 4, 9, 5, 6, 3, 4],
            ),
        ];
        for (half, count, sum, mean, deviation, first) in facts {
            assert_eq!(half.name, "MNIST 10,000 + 2,000 test");
            assert_eq!(half.len(), count);
            assert_eq!(half.inputs.shape(), [count, 1, 28, 28]);
            assert_eq!(half.targets.shape(), [count, 1]);
            assert_eq!(pixel_sum(half), sum);
            let (found_mean, found_deviation) = moments(half);
            assert!((found_mean - mean).abs() < 1e-8 && (found_deviation - deviation).abs() < 1e-8);
            assert!(half.inputs.iter().all(|pixel| (0.0..=1.0).contains(pixel)));
            let labels = half.labels.as_ref().unwrap();
            assert_eq!(labels.iter().copied().take(10).collect::<Vec<_>>(), first);
            assert!(half.targets.iter().zip(labels).all(|(target, label)| *target == *label as f32));
            for class in 0..10 {
                assert_eq!(labels.iter().filter(|label| **label == class).count(), count / 10);
            }
            assert_eq!(half.classes, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
        }
    }

    #[test]
    fn an_autoencoder_is_to_say_what_it_sees() {
        let spec = DataSpec::Mnist { train: 7, test: 3, target: Target::Input };
        let Split { training, test } = data::load(&spec).unwrap();
        assert_eq!(training.name, "MNIST 7 + 3 test");
        assert_eq!(training.targets.shape(), [7, 784]);
        assert!(training.targets.iter().eq(training.inputs.iter()));
        assert_eq!(training.labels.unwrap().len(), 7);
        assert_eq!(test.unwrap().targets.shape(), [3, 784]);
    }

    fn asset(name: &str) -> PathBuf {
        PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/data/mnist")).join(name)
    }

    fn spec(labels: &str, train: Option<usize>) -> DataSpec {
        DataSpec::Idx {
            train_images: asset("t10k-images-idx3-ubyte.gz"),
            train_labels: asset(labels),
            test_images: asset("t10k-images-idx3-ubyte.gz"),
            test_labels: asset("t10k-labels-idx1-ubyte.gz"),
            height: 28,
            width: 28,
            channels: 1,
            classes: 10,
            class_names: Vec::new(),
            train,
            test: None,
            target: Target::Label,
        }
    }

    #[test]
    fn files_of_ones_own_are_read_alike() {
        let Split { training, test } = data::load(&spec("t10k-labels-idx1-ubyte.gz", Some(50))).unwrap();
        let built_in =
            data::load(&DataSpec::Mnist { train: 1, test: 2_000, target: Target::Label }).unwrap().test.unwrap();
        let test = test.unwrap();
        assert_eq!(training.name, "mnist 50 + 2,000 test");
        assert_eq!((training.len(), training.labels.as_ref().unwrap().len()), (50, 50));
        assert_eq!((test.inputs, test.labels), (built_in.inputs, built_in.labels));
    }

    #[test]
    fn files_that_do_not_belong_together_are_both_named() {
        let shown = data::load(&spec("train-labels-idx1-ubyte.gz", Some(50))).unwrap_err().to_string();
        assert!(shown.contains("t10k-images-idx3-ubyte.gz` holds 2000 pictures, but `"), "{shown}");
        assert!(shown.ends_with("train-labels-idx1-ubyte.gz` 10000 labels; give the two files of one set"), "{shown}");

        let shown = data::load(&spec("t10k-images-idx3-ubyte.gz", None)).unwrap_err().to_string();
        assert!(shown.contains("t10k-images-idx3-ubyte.gz` has 3 dimensions, as files of pictures have"), "{shown}");
        assert!(shown.contains("`data.train_labels` needs 1, a file of labels"), "{shown}");
    }
}
