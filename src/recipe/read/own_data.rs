//! The keys of `[data]` that data of the user's own have.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::super::error::RecipeError;
use super::super::fields::Fields;
use super::super::spec::{
    Column, CsvSpec, DataSpec, Delimiter, FolderSpec, Layout, Normalise, NpySpec, NpzSpec, Preparation,
};
use super::super::tree::Value;
use super::data::{LONGEST_SIDE, first, target};
use super::paths;

const MOST_COLUMNS: u64 = 1_000_000;
const MOST_CLASSES: usize = 1_000;
const LONGEST_NAME: usize = 64;

pub(super) fn csv(fields: &Fields<'_>, folder: Option<&Path>) -> Result<DataSpec, RecipeError> {
    let optional = |key| if fields.has(key) { fields.flag(key, false).map(Some) } else { Ok(None) };
    let label = column_of(fields, "label")?;
    Ok(DataSpec::Csv(CsvSpec {
        path: file(fields, "path", "the path of a table: a CSV file", folder)?,
        features: columns(fields)?,
        label,
        header: optional("header")?,
        delimiter: word(fields, "delimiter", Delimiter::ALL, Delimiter::name)?,
        preparation: preparation(fields)?,
    }))
}

pub(super) fn npy(fields: &Fields<'_>, folder: Option<&Path>) -> Result<DataSpec, RecipeError> {
    let array = |key| file(fields, key, "the path of an array: an .npy file", folder);
    let optional = |key| fields.has(key).then(|| array(key)).transpose();
    Ok(DataSpec::Npy(NpySpec {
        inputs: array("inputs")?,
        labels: optional("labels")?,
        test_inputs: optional("test_inputs")?,
        test_labels: optional("test_labels")?,
        layout: word(fields, "layout", Layout::ALL, Layout::name)?,
        preparation: preparation(fields)?,
    }))
}

pub(super) fn npz(fields: &Fields<'_>, folder: Option<&Path>) -> Result<DataSpec, RecipeError> {
    let array = |key| fields.has(key).then(|| fields.text(key, None, "the name of an array", name)).transpose();
    Ok(DataSpec::Npz(NpzSpec {
        path: file(fields, "path", "the path of an archive of arrays: an .npz file", folder)?,
        inputs: array("inputs")?,
        labels: array("labels")?,
        test_inputs: array("test_inputs")?,
        test_labels: array("test_labels")?,
        layout: word(fields, "layout", Layout::ALL, Layout::name)?,
        preparation: preparation(fields)?,
    }))
}

pub(super) fn folder(fields: &Fields<'_>, of_recipe: Option<&Path>) -> Result<DataSpec, RecipeError> {
    let channels = fields.whole("channels", 1..=3, Some(3))?;
    if channels == 2 {
        return Err(fields.fault("channels", "must be 1 for grey or 3 for red, green and blue, not 2"));
    }
    Ok(DataSpec::Folder(FolderSpec {
        path: file(fields, "path", "the path of a folder with one folder a class", of_recipe)?,
        height: fields.whole("height", 1..=LONGEST_SIDE, None)?,
        width: fields.whole("width", 1..=LONGEST_SIDE, None)?,
        channels,
        preparation: preparation(fields)?,
    }))
}

fn preparation(fields: &Fields<'_>) -> Result<Preparation, RecipeError> {
    let held_out = fields.has("held_out").then(|| fields.number("held_out", 0.0..1.0, None)).transpose()?;
    Ok(Preparation {
        held_out,
        normalise: word(fields, "normalise", Normalise::ALL, Normalise::name)?,
        class_names: class_names(fields)?,
        seed: fields.whole("seed", 0..=u32::MAX.into(), Some(0))?,
        train: first(fields, "train")?,
        test: first(fields, "test")?,
        target: target(fields)?,
    })
}

/// Names of classes, all different; none where the key is missing.
pub(super) fn class_names(fields: &Fields<'_>) -> Result<Vec<String>, RecipeError> {
    let names = fields.texts("class_names", MOST_CLASSES, "a list of names like [\"cat\", \"dog\"]")?;
    let mut known = BTreeSet::new();
    for (index, (given, _)) in names.iter().enumerate() {
        if name(given).is_none() {
            let rest = format!("must have names of 1 to {LONGEST_NAME} characters, and name {} is none", index + 1);
            return Err(fields.fault("class_names", &rest));
        }
        if !known.insert(*given) {
            return Err(
                fields.fault("class_names", &format!("names `{given}` twice; every class needs a name of its own"))
            );
        }
    }
    if names.len() == 1 {
        return Err(fields.fault("class_names", "must have 2 names or more, not 1"));
    }
    Ok(names.into_iter().map(|(name, _)| name.to_owned()).collect())
}

fn name(text: &str) -> Option<String> {
    let fine = !text.trim().is_empty() && text.chars().count() <= LONGEST_NAME && !text.chars().any(char::is_control);
    fine.then(|| text.to_owned())
}

fn file(fields: &Fields<'_>, key: &str, expected: &str, folder: Option<&Path>) -> Result<PathBuf, RecipeError> {
    let given = fields.text(key, None, expected, |text| Some(text.to_owned()))?;
    paths::resolve(&given, &format!("data.{key}"), fields.value_place(key), folder).map(PathBuf::from)
}

fn word<T: Copy>(
    fields: &Fields<'_>,
    key: &str,
    all: &[T],
    name: fn(T) -> &'static str,
) -> Result<Option<T>, RecipeError> {
    fields.has(key).then(|| fields.word(key, all, name, None)).transpose()
}

fn column(value: &Value) -> Option<Column> {
    match value {
        Value::Whole(number) => {
            let number = u64::try_from(*number).ok().filter(|number| (1..=MOST_COLUMNS).contains(number))?;
            Some(Column::Number(number as usize))
        }
        Value::Text(text) if !text.is_empty() => Some(Column::Name(text.clone())),
        _ => None,
    }
}

fn column_of(fields: &Fields<'_>, key: &str) -> Result<Option<Column>, RecipeError> {
    let read = || fields.read(key, None, "the name of a column, or its number from 1", column);
    fields.has(key).then(read).transpose()
}

fn columns(fields: &Fields<'_>) -> Result<Vec<Column>, RecipeError> {
    let expected = "a list of columns by name or by number from 1, like [\"age\", 3]";
    fields.read("features", Some(Vec::new()), expected, |value| match value {
        Value::List(nodes) if !nodes.is_empty() => nodes.iter().map(|node| column(&node.value)).collect(),
        _ => None,
    })
}
