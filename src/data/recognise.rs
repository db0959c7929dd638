//! What a file or folder holds, by its name and its start.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::error::{DataError, FileProblem};
use super::{file, folder, picture};
use crate::recipe::{CsvSpec, DataSpec, FolderSpec, NpySpec, NpzSpec, Preparation};

/// Rows and columns that pictures are brought to at most, unless somebody says otherwise.
const LARGEST: usize = 64;
/// What files of inputs and of their labels are called beside each other.
const PAIRS: &[(&str, &str)] = &[
    ("x", "y"),
    ("X", "y"),
    ("images", "labels"),
    ("inputs", "labels"),
    ("inputs", "targets"),
    ("features", "labels"),
    ("data", "labels"),
    ("data", "target"),
];

/// The data set in the file or folder at `path`, which is made absolute, as a recipe would name it: a table of text, an
/// archive or an array of numpy, or a folder of pictures. What it holds is not looked at.
pub fn recognise(path: &Path) -> Result<DataSpec, DataError> {
    let shown = path.display().to_string();
    let fault = |problem: FileProblem| problem.of(&shown);
    let path = std::path::absolute(path).map_err(|error| fault(FileProblem::Unreadable(error.to_string())))?;
    let preparation = Preparation::default();
    Ok(if fs::metadata(&path).is_ok_and(|metadata| metadata.is_dir()) {
        let first = folder::first_picture(&path)?;
        let ([rows, columns], coloured) =
            picture::describe(&first).map_err(|problem| problem.of(&first.display().to_string()))?;
        let [height, width] = [rows, columns].map(|side| side.min(LARGEST));
        DataSpec::Folder(FolderSpec { path, height, width, channels: if coloured { 3 } else { 1 }, preparation })
    } else {
        let (mut file, _) = file::open(&path, "--data").map_err(fault)?;
        let mut start = [0; 6];
        let known = file.read(&mut start).map_err(|error| fault(FileProblem::Unreadable(error.to_string())))?;
        match &start[..known] {
            [b'P', b'K', ..] => DataSpec::Npz(NpzSpec {
                path,
                inputs: None,
                labels: None,
                test_inputs: None,
                test_labels: None,
                layout: None,
                preparation,
            }),
            b"\x93NUMPY" => {
                let labels = beside(&path);
                let test = labels.as_deref().and_then(|labels| test_of(&path).zip(test_of(labels)));
                let (test_inputs, test_labels) = test.unzip();
                DataSpec::Npy(NpySpec { inputs: path, labels, test_inputs, test_labels, layout: None, preparation })
            }
            [0, 0, ..] | [0x1f, 0x8b, ..] => return Err(fault(FileProblem::NeedsRecipe)),
            _ => DataSpec::Csv(CsvSpec {
                path,
                features: Vec::new(),
                label: None,
                header: None,
                delimiter: None,
                preparation,
            }),
        }
    })
}

/// The file of labels beside one of inputs, by their names.
fn beside(inputs: &Path) -> Option<PathBuf> {
    let stem = inputs.file_stem()?.to_str()?;
    let name = |from: &str, to: &str| {
        if stem == from {
            return Some(to.to_owned());
        }
        let behind =
            stem.strip_prefix(from).filter(|rest| rest.starts_with(['_', '-'])).map(|rest| format!("{to}{rest}"));
        let before =
            || stem.strip_suffix(from).filter(|rest| rest.ends_with(['_', '-'])).map(|rest| format!("{rest}{to}"));
        behind.or_else(before)
    };
    let file = |(from, to): &(&str, &str)| Some(inputs.with_file_name(format!("{}.npy", name(from, to)?)));
    PAIRS.iter().filter_map(file).find(|file| file.is_file())
}

/// The same file of the half to evaluate on, if there is one.
fn test_of(training: &Path) -> Option<PathBuf> {
    let name = training.file_name()?.to_str()?;
    let test = training.with_file_name(name.replacen("train", "test", 1));
    (test != training && test.is_file()).then_some(test)
}
