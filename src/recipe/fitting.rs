//! A recipe for data that come without one.

use std::fmt::Write as _;
use std::path::Path;

use super::error::RecipeError;
use super::load::Override;
use super::spec::{Answer, DataShape, DataSpec, Recipe};

/// Steps after which small networks have learnt something; more do not take long.
const STEPS: usize = 4_000;
/// Pictures are pooled while their shorter side has this many pixels or more, four times at most.
const POOLED: usize = 8;

impl Recipe {
    /// The data that were found at `path`, with what `overrides` change in them: `--set data.layout=nchw`. Their files are
    /// not looked at.
    pub fn data_with(path: &Path, data: &DataSpec, overrides: &[Override]) -> Result<DataSpec, RecipeError> {
        let of_data = |given: &&Override| given.key() == "data" || given.key().starts_with("data.");
        let of_data: Vec<Override> = overrides.iter().filter(of_data).cloned().collect();
        // Any network will do: it is not held against the data.
        let shape = DataShape { input: vec![2], answer: Answer::Classes(2), samples: None };
        let source_name = format!("--data {}", path.display());
        Ok(Self::parse_with(&source_name, &Self::fitting(path, data, &shape), &of_data, None)?.data)
    }

    /// The text of a recipe that most likely learns something from such data, which were found at `path`: a small network for
    /// points of two features, whose boundary can be drawn, a wider one for tables, convolutions for pictures. How many
    /// classes there are must be known.
    pub fn fitting(path: &Path, data: &DataSpec, shape: &DataShape) -> String {
        let (input, samples) = (&shape.input[..], shape.samples.unwrap_or(1_000));
        let batch = match samples {
            ..10_000 => 32,
            10_000..100_000 => 64,
            _ => 256,
        };
        let (layers, rate) = match *input {
            [_, height, width] => (convolutions(height.min(width)), 0.001),
            [features] if features <= 2 => (dense(&[20, 20]), 0.01),
            _ => (dense(&[64, 32]), 0.003),
        };
        let epochs = (STEPS / samples.max(1).div_ceil(batch)).clamp(3, 100);
        let (loss, units, activation) = match shape.answer {
            Answer::Input => ("mse", input.iter().product(), "linear"),
            Answer::Classes(2) | Answer::UnknownClasses => ("bce", 1, "sigmoid"),
            Answer::Classes(classes) => ("cross_entropy", classes, "linear"),
        };
        let pace = if input == [2] { "pace = 10\n" } else { "" };
        let data = toml::to_string(data).unwrap_or_default();
        let (name, title) = (name(path), toml::Value::from(title(path)));
        format!(
            "name = \"{name}\"\ntitle = {title}\nseed = 1\nepochs = {epochs}\nbatch_size = {batch}\n{pace}loss = \"{loss}\"\n\
             [data]\n{data}[model]\ninit = \"keras\"\n{layers}\
             [[model.layers]]\nkind = \"dense\"\nunits = {units}\nactivation = \"{activation}\"\n\
             [optimizer]\nkind = \"adam\"\nlr = {rate}\n"
        )
    }
}

fn dense(units: &[usize]) -> String {
    units.iter().fold(String::new(), |mut text, units| {
        let _ = write!(text, "[[model.layers]]\nkind = \"dense\"\nunits = {units}\nactivation = \"relu\"\n");
        text
    })
}

/// Layers for pictures whose shorter side is so long.
fn convolutions(side: usize) -> String {
    let mut text = String::new();
    let (mut side, mut filters) = (side, 16);
    for stage in 0..4 {
        if stage > 0 && side < POOLED {
            break;
        }
        let _ = write!(
            text,
            "[[model.layers]]\nkind = \"conv2d\"\nfilters = {filters}\nkernel = 3\npadding = \"same\"\nactivation = \"relu\"\n"
        );
        if side >= POOLED {
            text.push_str("[[model.layers]]\nkind = \"max_pool2d\"\nsize = 2\n");
        }
        (side, filters) = (side / 2, (filters * 2).min(64));
    }
    text.push_str("[[model.layers]]\nkind = \"flatten\"\n");
    text.push_str(&dense(&[64]));
    text
}

/// What its runs are called: the file's name, as far as names may hold it.
fn name(path: &Path) -> String {
    const LONGEST: usize = 40;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().to_lowercase();
    let words = stem.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty());
    let name: String =
        words.collect::<Vec<_>>().join("-").trim_start_matches(['_', '-']).chars().take(LONGEST).collect();
    if name.is_empty() { "data".to_owned() } else { name }
}

fn title(path: &Path) -> String {
    const LONGEST: usize = 100;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let shown: String = name.chars().filter(|c| !c.is_control()).take(LONGEST).collect();
    if shown.trim().is_empty() { "Data of one's own".to_owned() } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::{LayerKind, Loss};

    fn fitting(data: &DataSpec, samples: usize) -> Recipe {
        let shape = DataShape { samples: Some(samples), ..data.shape().unwrap() };
        let text = Recipe::fitting(Path::new("/data/My Points (2).csv"), data, &shape);
        Recipe::parse("fitting", &text).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    fn idx(side: usize, classes: usize, target: crate::recipe::Target) -> DataSpec {
        let path = std::path::PathBuf::from;
        DataSpec::Idx {
            train_images: path("a"),
            train_labels: path("b"),
            test_images: path("c"),
            test_labels: path("d \"e\""),
            height: side,
            width: side + 3,
            channels: 3,
            classes,
            class_names: Vec::new(),
            train: None,
            test: None,
            target,
        }
    }

    #[test]
    fn points_get_a_small_network_and_as_many_outputs_as_the_loss_needs() {
        let recipe = fitting(&DataSpec::Moons { samples: 500, noise: 0.1, seed: 0 }, 500);
        assert_eq!((recipe.loss, recipe.pace, recipe.batch_size), (Loss::Bce, Some(10.0), 32));
        assert_eq!(recipe.model.layers.len(), 3);
        assert_eq!((recipe.name.as_str(), recipe.title.as_str()), ("my-points-2", "My Points (2).csv"));
        let recipe = fitting(&DataSpec::Blobs { samples: 500, centers: 5, spread: 0.1, seed: 0 }, 500);
        assert_eq!(recipe.loss, Loss::CrossEntropy);
    }

    #[test]
    fn pictures_of_any_size_and_number_of_classes_get_convolutions_that_fit() {
        for side in [1, 2, 7, 8, 9, 28, 64, 300] {
            for (classes, loss) in [(2, Loss::Bce), (10, Loss::CrossEntropy)] {
                let recipe = fitting(&idx(side, classes, crate::recipe::Target::Label), 60_000);
                assert_eq!((recipe.loss, recipe.batch_size), (loss, 64));
                let kinds: Vec<LayerKind> = recipe.model.layers.iter().map(crate::recipe::LayerSpec::kind).collect();
                assert_eq!(kinds[0], LayerKind::Conv2d);
                assert_eq!(kinds.contains(&LayerKind::MaxPool2d), side >= POOLED, "{side}");
            }
        }
        assert_eq!(fitting(&idx(8, 2, crate::recipe::Target::Input), 9).loss, Loss::Mse);
    }

    #[test]
    fn a_run_has_some_thousand_steps_whatever_there_is_to_learn_from() {
        for samples in [0, 1, 50, 5_000, 50_000, 10_000_000] {
            let recipe = fitting(&DataSpec::Moons { samples: 500, noise: 0.1, seed: 0 }, samples);
            assert!((3..=100).contains(&recipe.epochs), "{samples}: {}", recipe.epochs);
        }
    }

    #[test]
    fn any_file_has_a_name_for_its_runs() {
        for (path, expected) in [
            ("points.csv", "points"),
            ("/a/b/Iris Data.v2.CSV", "iris-data-v2"),
            ("_-x.npz", "x"),
            ("\u{640d}\u{5931}.csv", "data"),
            ("/", "data"),
        ] {
            assert_eq!(name(Path::new(path)), expected, "{path}");
        }
        assert!(name(Path::new(&"a".repeat(300))).len() <= 40);
    }
}
