//! Pictures in one folder a class.

use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::Split;
use super::error::{DataError, FileProblem};
use super::file::{self, MOST_NUMBERS};
use super::labels::Labels;
use super::picture;
use super::progress::Progress;
use super::raw::Raw;
use super::sorting::Sorting;
use crate::recipe::{Answer, DataShape, FolderSpec, MOST_SAMPLES, Target};

/// Folders of the two halves.
const HALVES: [&str; 2] = ["train", "test"];

/// The folders of the classes, each with its name; in two halves, the second empty where there is but one.
struct Folders {
    halves: [Vec<(String, PathBuf)>; 2],
    /// Whether the second half is there.
    two: bool,
}

fn unreadable(path: &Path, error: &std::io::Error) -> DataError {
    let problem = match error.kind() {
        ErrorKind::NotFound => FileProblem::Missing("data.path"),
        ErrorKind::NotADirectory => {
            FileProblem::Unreadable("it is no folder; give the one that holds the classes".to_owned())
        }
        _ => FileProblem::Unreadable(error.to_string()),
    };
    problem.of(&path.display().to_string())
}

/// What a folder holds by name, hidden files left out, in the order of the names.
fn entries(path: &Path) -> Result<Vec<OsString>, DataError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path).map_err(|error| unreadable(path, &error))? {
        let name = entry.map_err(|error| unreadable(path, &error))?.file_name();
        if !name.as_encoded_bytes().starts_with(b".") {
            names.push(name);
            if names.len() > MOST_SAMPLES {
                return Err(FileProblem::Samples { found: names.len() }.of(&path.display().to_string()));
            }
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// The folders in a folder, followed through links; nothing is looked for any deeper, so that links in a circle do no harm.
fn folders(path: &Path) -> Result<Vec<(String, PathBuf)>, DataError> {
    let mut folders = Vec::new();
    for name in entries(path)? {
        // Pictures are known by their names: thousands need not be asked one by one what they are.
        if is_picture(&name) {
            continue;
        }
        let inside = path.join(&name);
        if fs::metadata(&inside).map_err(|error| unreadable(&inside, &error))?.is_dir() {
            folders.push((name.to_string_lossy().into_owned(), inside));
        }
    }
    Ok(folders)
}

fn is_picture(name: &OsString) -> bool {
    let ending = Path::new(name).extension().map(OsString::from).unwrap_or_default();
    ["png", "jpg", "jpeg"].iter().any(|known| ending.eq_ignore_ascii_case(known))
}

impl Folders {
    fn of(path: &Path) -> Result<Self, DataError> {
        let here = folders(path)?;
        let half = |name: &str| here.iter().find(|(folder, _)| folder == name).map(|(_, path)| path.clone());
        let (halves, two) = match HALVES.map(half) {
            [Some(training), Some(test)] => ([folders(&training)?, folders(&test)?], true),
            _ => ([here, Vec::new()], false),
        };
        if halves[0].is_empty() || (two && halves[1].is_empty()) {
            return Err(FileProblem::NoClasses.of(&path.display().to_string()));
        }
        let is_known = |name: &String| halves[0].iter().any(|(known, _)| known == name);
        if let Some((_, path)) = halves[1].iter().find(|(name, _)| !is_known(name)) {
            return Err(FileProblem::UnknownClass.of(&path.display().to_string()));
        }
        Ok(Self { halves, two })
    }

    fn labels(&self) -> Result<Labels<String>, FileProblem> {
        let mut labels = Labels::new();
        for (name, _) in &self.halves[0] {
            if !labels.push(name.clone()) {
                return Err(FileProblem::TooManyClasses(" (folders)".to_owned()));
            }
        }
        Ok(labels)
    }
}

/// One of the pictures in the folders of the classes.
pub(super) fn first_picture(path: &Path) -> Result<PathBuf, DataError> {
    let folders = Folders::of(path)?;
    for (_, folder) in &folders.halves[0] {
        if let Some(name) = entries(folder)?.iter().find(|name| is_picture(name)) {
            return Ok(folder.join(name));
        }
    }
    Err(FileProblem::NoPictures.of(&path.display().to_string()))
}

fn shape(spec: &FolderSpec) -> Vec<usize> {
    vec![spec.channels, spec.height, spec.width]
}

/// What the folders ask of a network, by their names; no picture is looked at.
pub(super) fn describe(spec: &FolderSpec) -> Result<DataShape, DataError> {
    let folders = Folders::of(&spec.path)?;
    let fault = |problem: FileProblem| problem.of(&spec.path.display().to_string());
    let answer = match spec.preparation.target {
        Target::Input => Answer::Input,
        Target::Label => {
            let labels = folders.labels().map_err(fault)?;
            Answer::Classes(labels.classes(&spec.preparation.class_names).map_err(fault)?.names.len())
        }
    };
    Ok(DataShape { input: shape(spec), answer, samples: None })
}

pub(super) fn load(spec: &FolderSpec, progress: &mut Progress<'_>) -> Result<Split, DataError> {
    let fault = |problem: FileProblem| problem.of(&spec.path.display().to_string());
    let folders = Folders::of(&spec.path)?;
    let classes = folders.labels().and_then(|labels| labels.classes(&spec.preparation.class_names));
    let classes = match (classes, spec.preparation.target) {
        (Ok(classes), _) => classes,
        // One folder is enough to learn pictures from.
        (Err(FileProblem::OneClass(name)), Target::Input) => {
            super::labels::Classes { names: vec![name], of_samples: vec![0] }
        }
        (Err(problem), _) => return Err(fault(problem)),
    };
    // Class and file of each sample, the half to learn from first.
    let (mut labels, mut files, mut first_test) = (Vec::new(), Vec::new(), 0);
    for (half, of_half) in folders.halves.iter().enumerate() {
        if half == 1 {
            first_test = labels.len();
        }
        for (name, path) in of_half {
            let place = folders.halves[0].iter().position(|(other, _)| other == name).unwrap_or(0);
            let pictures = entries(path)?.into_iter().filter(is_picture);
            let before = files.len();
            files.extend(pictures.map(|name| (path, name)));
            if files.len() == before {
                return Err(FileProblem::NoPictures.of(&path.display().to_string()));
            }
            if files.len() > MOST_SAMPLES {
                return Err(fault(FileProblem::Samples { found: files.len() }));
            }
            labels.resize(files.len(), classes.of_samples[place]);
        }
    }
    let sorting = Sorting::new(&labels, folders.two.then_some(first_test), &spec.preparation)?;
    let shape = shape(spec);
    let size: usize = shape.iter().product();
    let kept: usize = sorting.counts.iter().sum();
    if kept.saturating_mul(size) > MOST_NUMBERS {
        return Err(fault(FileProblem::TooMany { found: kept, most: MOST_NUMBERS / size, key: "train" }));
    }
    let mut halves = [Vec::new(), Vec::new()];
    for (half, count) in halves.iter_mut().zip(sorting.counts) {
        *half = file::zeros(count * size).map_err(fault)?;
    }
    progress.expect(kept as u64);
    for (sample, (folder, name)) in files.iter().enumerate() {
        let Some((half, row)) = sorting.place(sample) else { continue };
        let path = folder.join(name);
        let pixels = picture::read(&path, "data.path", [spec.channels, spec.height, spec.width])
            .map_err(|problem| problem.of(&path.display().to_string()))?;
        let place = row * size..(row + 1) * size;
        halves[half][place].iter_mut().zip(pixels).for_each(|(place, pixel)| *place = pixel);
        progress.advance(1);
    }
    let raw = Raw {
        name: spec.path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        shape,
        halves,
        labels: Some(sorting.split(&labels)),
        classes: classes.names,
        features: vec!["pixels".to_owned()],
        bytes: false,
    };
    raw.finish(&spec.preparation)
}
