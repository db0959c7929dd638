//! `[data]`

use std::path::{Path, PathBuf};

use super::super::error::RecipeError;
use super::super::fields::{Fields, Kinds};
use super::super::spec::{DataSpec, Target};
use super::{MOST_SAMPLES, SCHEMA, own_data, paths};

const KINDS: Kinds = &[
    ("moons", &["samples", "noise", "seed"]),
    ("circles", &["samples", "noise", "factor", "seed"]),
    ("blobs", &["samples", "centers", "spread", "seed"]),
    ("spiral", &["samples", "noise", "turns", "seed"]),
    ("xor", &["samples", "noise", "seed"]),
    ("mnist", &["train", "test", "target"]),
    (
        "idx",
        &[
            "train_images",
            "train_labels",
            "test_images",
            "test_labels",
            "height",
            "width",
            "channels",
            "classes",
            "class_names",
            "train",
            "test",
            "target",
        ],
    ),
    (
        "csv",
        &[
            "path",
            "features",
            "label",
            "header",
            "delimiter",
            "held_out",
            "normalise",
            "class_names",
            "seed",
            "train",
            "test",
            "target",
        ],
    ),
    (
        "npy",
        &[
            "inputs",
            "labels",
            "test_inputs",
            "test_labels",
            "layout",
            "held_out",
            "normalise",
            "class_names",
            "seed",
            "train",
            "test",
            "target",
        ],
    ),
    (
        "npz",
        &[
            "path",
            "inputs",
            "labels",
            "test_inputs",
            "test_labels",
            "layout",
            "held_out",
            "normalise",
            "class_names",
            "seed",
            "train",
            "test",
            "target",
        ],
    ),
    (
        "folder",
        &[
            "path",
            "height",
            "width",
            "channels",
            "held_out",
            "normalise",
            "class_names",
            "seed",
            "train",
            "test",
            "target",
        ],
    ),
];
/// Those of all kinds.
pub(super) const KEYS: &[&str] = &[
    "kind",
    "samples",
    "noise",
    "factor",
    "centers",
    "spread",
    "turns",
    "seed",
    "train_images",
    "train_labels",
    "test_images",
    "test_labels",
    "height",
    "width",
    "channels",
    "classes",
    "class_names",
    "train",
    "test",
    "target",
    "path",
    "features",
    "label",
    "header",
    "delimiter",
    "inputs",
    "labels",
    "test_inputs",
    "test_labels",
    "layout",
    "held_out",
    "normalise",
];
const MNIST_TRAIN: usize = 10_000;
const MNIST_TEST: usize = 2_000;
pub(super) const LONGEST_SIDE: u64 = 4_096;
const MOST_CHANNELS: u64 = 64;

pub(super) fn read(fields: &Fields<'_>, folder: Option<&Path>) -> Result<DataSpec, RecipeError> {
    Ok(match fields.kind(KINDS, SCHEMA)? {
        "circles" => DataSpec::Circles {
            samples: samples(fields)?,
            noise: deviation(fields, "noise", None)?,
            factor: fields.number("factor", 0.0..1.0, Some(0.8))?,
            seed: seed(fields)?,
        },
        "blobs" => blobs(fields)?,
        "spiral" => DataSpec::Spiral {
            samples: samples(fields)?,
            noise: deviation(fields, "noise", None)?,
            turns: fields.number("turns", 0.1..=10.0, Some(1.5))?,
            seed: seed(fields)?,
        },
        "xor" => {
            DataSpec::Xor { samples: samples(fields)?, noise: deviation(fields, "noise", None)?, seed: seed(fields)? }
        }
        "mnist" => DataSpec::Mnist {
            train: fields.whole("train", 1..=MNIST_TRAIN as u64, Some(MNIST_TRAIN))?,
            test: fields.whole("test", 1..=MNIST_TEST as u64, Some(MNIST_TEST))?,
            target: target(fields)?,
        },
        "idx" => idx(fields, folder)?,
        "csv" => own_data::csv(fields, folder)?,
        "npy" => own_data::npy(fields, folder)?,
        "npz" => own_data::npz(fields, folder)?,
        "folder" => own_data::folder(fields, folder)?,
        _ => {
            DataSpec::Moons { samples: samples(fields)?, noise: deviation(fields, "noise", None)?, seed: seed(fields)? }
        }
    })
}

fn samples(fields: &Fields<'_>) -> Result<usize, RecipeError> {
    fields.whole("samples", 2..=MOST_SAMPLES as u64, None)
}

fn deviation(fields: &Fields<'_>, key: &str, default: Option<f64>) -> Result<f64, RecipeError> {
    fields.number(key, 0.0..=1_000.0, default)
}

fn seed(fields: &Fields<'_>) -> Result<u32, RecipeError> {
    fields.whole("seed", 0..=u32::MAX.into(), None)
}

pub(super) fn target(fields: &Fields<'_>) -> Result<Target, RecipeError> {
    fields.word("target", Target::ALL, Target::name, Some(Target::Label))
}

/// So many samples, the first or of each class alike; none where the key is missing.
pub(super) fn first(fields: &Fields<'_>, key: &str) -> Result<Option<usize>, RecipeError> {
    fields.has(key).then(|| fields.whole(key, 1..=MOST_SAMPLES as u64, None)).transpose()
}

fn blobs(fields: &Fields<'_>) -> Result<DataSpec, RecipeError> {
    let (samples, centers) = (samples(fields)?, fields.whole("centers", 2..=100, Some(3))?);
    if samples < centers {
        return Err(fields.fault("samples", &format!("must be at least {centers}, one for each of the `centers`")));
    }
    Ok(DataSpec::Blobs { samples, centers, spread: deviation(fields, "spread", Some(1.0))?, seed: seed(fields)? })
}

fn idx(fields: &Fields<'_>, folder: Option<&Path>) -> Result<DataSpec, RecipeError> {
    let file = |key: &str| {
        let given =
            fields.text(key, None, "the path of an IDX file, plain or gzipped", |text| Some(text.to_owned()))?;
        paths::resolve(&given, &format!("data.{key}"), fields.value_place(key), folder).map(PathBuf::from)
    };
    let classes: usize = fields.whole("classes", 2..=1_000, Some(10))?;
    let class_names = own_data::class_names(fields)?;
    if !class_names.is_empty() && class_names.len() != classes {
        let rest = format!("has {} names, but `data.classes` is {classes}; give as many", class_names.len());
        return Err(fields.fault("class_names", &rest));
    }
    Ok(DataSpec::Idx {
        train_images: file("train_images")?,
        train_labels: file("train_labels")?,
        test_images: file("test_images")?,
        test_labels: file("test_labels")?,
        height: fields.whole("height", 1..=LONGEST_SIDE, Some(28))?,
        width: fields.whole("width", 1..=LONGEST_SIDE, Some(28))?,
        channels: fields.whole("channels", 1..=MOST_CHANNELS, Some(1))?,
        classes,
        class_names,
        train: first(fields, "train")?,
        test: first(fields, "test")?,
        target: target(fields)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_has_the_keys_of_every_kind() {
        for (kind, keys) in KINDS {
            assert!(keys.iter().all(|key| KEYS.contains(key)), "{kind}");
        }
    }
}
