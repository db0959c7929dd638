//! Data sets in arrays of numpy: files of their own, or one archive.

use std::cmp::Ordering;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use zip::ZipArchive;
use zip::result::ZipError;

use super::error::{DataError, FileProblem, listed};
use super::file::{self, MOST_NUMBERS, MOST_UNPACKED};
use super::labels::{Classes, Labels};
use super::npy::{self, Element, Header};
use super::progress::Progress;
use super::raw::Raw;
use super::sorting::Sorting;
use super::{LOOK, Split};
use crate::recipe::{Answer, DataShape, Layout, MOST_SAMPLES, NpySpec, NpzSpec, Preparation, Target};

/// Names that archives go by: inputs and labels, and those of the test half if there is one.
const USUAL: &[(&[&str], &[&str])] = &[
    (&["x_train", "y_train"], &["x_test", "y_test"]),
    (&["X_train", "y_train"], &["X_test", "y_test"]),
    (&["train_images", "train_labels"], &["test_images", "test_labels"]),
    (&["training_images", "training_labels"], &["test_images", "test_labels"]),
    (&["x", "y"], &[]),
    (&["X", "y"], &[]),
    (&["images", "labels"], &[]),
    (&["inputs", "labels"], &[]),
    (&["inputs", "targets"], &[]),
    (&["data", "labels"], &[]),
    (&["data", "target"], &[]),
    (&["features", "labels"], &[]),
    (&["arr_0", "arr_1"], &[]),
];
/// Numbers a pixel that a dimension is taken for channels at: those of pictures, then others.
const CHANNELS: [&[usize]; 2] = [&[1, 3], &[2, 4]];

/// Where an array lies.
#[derive(Clone, Debug)]
struct Place<'a> {
    file: &'a Path,
    /// Its name in an archive.
    entry: Option<String>,
    /// The recipe's key for it.
    key: &'static str,
}

/// Inputs and labels of one half.
struct Half<'a> {
    inputs: Place<'a>,
    labels: Option<Place<'a>>,
}

/// All that is needed to read a data set.
pub(super) struct Arrays<'a> {
    name: String,
    halves: Vec<Half<'a>>,
    layout: Option<Layout>,
    by: &'a Preparation,
}

/// How the numbers of a sample stand in the file, and where they go.
struct Form {
    /// Shape of one input: (features) or (channels, height, width).
    shape: Vec<usize>,
    /// Whether the channels of a pixel lie side by side in the file.
    interleaved: bool,
}

impl Place<'_> {
    /// For errors: "`a.npz` (array `x`)".
    fn problem(&self, problem: FileProblem) -> DataError {
        let problem = match &self.entry {
            Some(entry) => FileProblem::InArray { array: entry.clone(), problem: Box::new(problem) },
            None => problem,
        };
        problem.of(&self.file.display().to_string())
    }

    /// Opens the array, reads its header, makes sure that the file can hold what that claims, and hands both on.
    fn open<T>(&self, read: impl FnOnce(&Header, &mut dyn Read) -> Result<T, DataError>) -> Result<T, DataError> {
        let fault = |problem| self.problem(problem);
        let (file, length) = file::open(self.file, self.key).map_err(fault)?;
        let Some(entry) = &self.entry else {
            let mut reader = BufReader::new(file);
            let header = Header::read(&mut reader).map_err(fault)?;
            check(&header, length, length).map_err(fault)?;
            return read(&header, &mut reader);
        };
        let mut archive = archive(file).map_err(|problem| problem.of(&self.file.display().to_string()))?;
        let mut reader = archive.by_name(&format!("{entry}.npy")).map_err(|error| fault(unzipped(&error)))?;
        let (packed, unpacked) = (reader.compressed_size().min(length), reader.size());
        let header = Header::read(&mut reader).map_err(fault)?;
        check(&header, packed, unpacked).map_err(fault)?;
        read(&header, &mut reader)
    }

    /// Adds the label of each sample, and says how many there are.
    fn labels(&self, all: &mut Labels<Element>, progress: &mut Progress<'_>) -> Result<usize, DataError> {
        let fault = |problem| self.problem(problem);
        self.open(|header, reader| {
            // A column is as good as a row.
            let count = match header.shape[..] {
                [count] | [count, 1] => count,
                [_, columns] => return Err(fault(FileProblem::OneHot { columns, shape: header.shown() })),
                _ => return Err(fault(FileProblem::LabelRank { shape: header.shown() })),
            };
            if count > MOST_SAMPLES {
                return Err(fault(FileProblem::Samples { found: count }));
            }
            let mut note = |element| {
                if all.push(element) { Ok(()) } else { Err(FileProblem::TooManyClasses(String::new())) }
            };
            header.labels(reader, |bytes| progress.advance(bytes), &mut note).map_err(fault)?;
            ended(header, reader).map_err(fault)?;
            Ok(count)
        })
    }
}

/// The archive in a file.
fn archive(file: File) -> Result<ZipArchive<BufReader<File>>, FileProblem> {
    ZipArchive::new(BufReader::new(file)).map_err(|error| unzipped(&error))
}

fn unzipped(error: &ZipError) -> FileProblem {
    FileProblem::Zip(error.to_string())
}

/// Refuses an array that claims more numbers than so many bytes, packed and as the archive says, can hold: before memory is
/// taken for them.
fn check(header: &Header, packed: u64, unpacked: u64) -> Result<(), FileProblem> {
    let claimed = header.file_length();
    if header.count().is_none() || u128::from(unpacked.max(1)).min(claimed) > u128::from(packed) * MOST_UNPACKED {
        return Err(FileProblem::Absurd { claimed: claimed.max(unpacked.into()), length: packed });
    }
    match u128::from(unpacked) {
        found if found < claimed => Err(FileProblem::Short { found: unpacked, expected: claimed }),
        found if found > claimed => Err(FileProblem::Trailing(claimed as u64)),
        _ => Ok(()),
    }
}

/// The names of all arrays in an archive.
fn names(path: &Path) -> Result<Vec<String>, DataError> {
    let fault = |problem: FileProblem| problem.of(&path.display().to_string());
    let archive = archive(file::open(path, "data.path").map_err(fault)?.0).map_err(fault)?;
    let mut names: Vec<String> =
        archive.file_names().flatten().filter_map(|name| Some(name.strip_suffix(".npy")?.to_owned())).collect();
    names.sort();
    Ok(names)
}

impl<'a> Arrays<'a> {
    pub(super) fn of_files(spec: &'a NpySpec) -> Self {
        let place = |file: &'a Path, key| Place { file, entry: None, key };
        let half = |inputs: &'a Path, labels: Option<&'a Path>, keys: [&'static str; 2]| Half {
            inputs: place(inputs, keys[0]),
            labels: labels.map(|labels| place(labels, keys[1])),
        };
        let training = half(&spec.inputs, spec.labels.as_deref(), ["data.inputs", "data.labels"]);
        let keys = ["data.test_inputs", "data.test_labels"];
        let test = spec.test_inputs.as_deref().map(|inputs| half(inputs, spec.test_labels.as_deref(), keys));
        Self {
            name: file_name(&spec.inputs),
            halves: [training].into_iter().chain(test).collect(),
            layout: spec.layout,
            by: &spec.preparation,
        }
    }

    pub(super) fn of_archive(spec: &'a NpzSpec) -> Result<Self, DataError> {
        let there = names(&spec.path)?;
        let fault = |problem: FileProblem| problem.of(&spec.path.display().to_string());
        let has = |name: &str| there.iter().any(|other| other == name);
        let given = [&spec.inputs, &spec.labels, &spec.test_inputs, &spec.test_labels];
        let keys = ["data.inputs", "data.labels", "data.test_inputs", "data.test_labels"];
        if let Some((name, key)) =
            given.iter().zip(keys).find_map(|(name, key)| Some((name.as_ref().filter(|name| !has(name))?, key)))
        {
            return Err(fault(FileProblem::NoArray { name: name.clone(), key, there: listed(&there) }));
        }
        let unlabelled = spec.preparation.target == Target::Input;
        let mut found: [Option<String>; 4] = given.map(Clone::clone);
        if found[0].is_none() {
            let all = |names: &[&str]| names.iter().all(|name| has(name));
            let usual = USUAL.iter().find(|(training, _)| all(training) || (unlabelled && has(training[0])));
            let Some((training, test)) = usual else {
                return Err(fault(FileProblem::NoUsualArrays { there: listed(&there) }));
            };
            let test: &[&str] = if all(test) { test } else { &[] };
            for (found, name) in found.iter_mut().zip(training.iter().chain(test)) {
                if found.is_none() && has(name) {
                    *found = Some((*name).to_owned());
                }
            }
        }
        let place = |entry: &Option<String>, key| Some(Place { file: &spec.path, entry: Some(entry.clone()?), key });
        let half = |at: usize| {
            Some(Half { inputs: place(&found[at], keys[at])?, labels: place(&found[at + 1], keys[at + 1]) })
        };
        Ok(Self {
            name: file_name(&spec.path),
            halves: [half(0), half(2)].into_iter().flatten().collect(),
            layout: spec.layout,
            by: &spec.preparation,
        })
    }

    /// What the headers say; labels are read where they are few enough.
    pub(super) fn describe(&self) -> Result<DataShape, DataError> {
        let mut nothing = |_| {};
        let mut progress = Progress::new(&mut nothing);
        let mut inputs = None;
        let mut small = true;
        for half in &self.halves {
            let (form, count) = self.form(&half.inputs)?;
            inputs.get_or_insert((form.shape, count));
            if let Some(labels) = &half.labels {
                small &= labels.open(|header, _| Ok(header.file_length() <= u128::from(LOOK)))?;
            }
        }
        let (input, count) = inputs.unwrap_or_default();
        let answer = match (self.by.target, small) {
            (Target::Input, _) => Answer::Input,
            (Target::Label, false) => Answer::UnknownClasses,
            (Target::Label, true) => {
                Answer::Classes(self.classes(&mut progress)?.map_or(0, |(classes, _)| classes.names.len()))
            }
        };
        let held_out = if self.halves.len() > 1 { 0.0 } else { self.by.held_out.unwrap_or(0.2) };
        let training = count - (held_out * count as f64).round() as usize;
        Ok(DataShape { input, answer, samples: Some(self.by.train.map_or(training, |train| train.min(training))) })
    }

    /// The form of an array of inputs, and how many there are.
    fn form(&self, inputs: &Place<'_>) -> Result<(Form, usize), DataError> {
        inputs.open(|header, _| {
            let form = Form::of(header, self.layout).map_err(|problem| inputs.problem(problem))?;
            Ok((form, header.shape.first().copied().unwrap_or(0)))
        })
    }

    /// The classes of all samples, and how many samples each half has; none where there are no labels, which only an
    /// autoencoder can do without.
    fn classes(&self, progress: &mut Progress<'_>) -> Result<Option<(Classes, Vec<usize>)>, DataError> {
        let mut all = Labels::new();
        let mut counts = Vec::new();
        for half in &self.halves {
            match &half.labels {
                Some(labels) => counts.push(labels.labels(&mut all, progress)?),
                None if self.by.target == Target::Input => return Ok(None),
                None => return Err(half.inputs.problem(FileProblem::NoLabels)),
            }
        }
        let last = self.halves.iter().rev().find_map(|half| half.labels.as_ref());
        let classes = all.classes(&self.by.class_names);
        let fault = |problem| match last {
            Some(labels) => labels.problem(problem),
            None => problem.of(&self.name),
        };
        Ok(Some((classes.map_err(fault)?, counts)))
    }

    /// Reads everything, each number into its place.
    pub(super) fn load(&self, progress: &mut Progress<'_>) -> Result<Split, DataError> {
        let mut forms = Vec::new();
        for half in &self.halves {
            for place in [Some(&half.inputs), half.labels.as_ref()].into_iter().flatten() {
                progress.expect(place.open(|header, _| Ok(header.bytes()))?);
            }
            let (form, count) = self.form(&half.inputs)?;
            if count == 0 {
                return Err(half.inputs.problem(FileProblem::Empty));
            }
            if count > MOST_SAMPLES {
                return Err(half.inputs.problem(FileProblem::Samples { found: count }));
            }
            forms.push((form, count));
        }
        let shape = forms.first().map(|(form, _)| form.shape.clone()).unwrap_or_default();
        if let Some((half, (form, _))) = self.halves.iter().zip(&forms).find(|(_, (form, _))| form.shape != shape) {
            let (found, expected) = (npy::shown(&form.shape), npy::shown(&shape));
            return Err(half.inputs.problem(FileProblem::OtherShape { found, expected }));
        }
        let labels = self.classes(progress)?;
        if let Some((_, counts)) = &labels {
            for ((half, given), (_, pictures)) in self.halves.iter().zip(counts).zip(&forms) {
                if given != pictures {
                    return Err(DataError::Samples {
                        inputs: half.inputs.shown(),
                        found: *pictures,
                        labels: half.labels.as_ref().map(Place::shown).unwrap_or_default(),
                        given: *given,
                    });
                }
            }
        }
        let all: usize = forms.iter().map(|(_, count)| count).sum();
        let strata = labels.as_ref().map_or_else(|| vec![0; all], |(classes, _)| classes.of_samples.clone());
        let given = (self.halves.len() > 1).then_some(forms[0].1);
        let sorting = Sorting::new(&strata, given, self.by)?;
        let size: usize = shape.iter().product();
        let kept: usize = sorting.counts.iter().sum();
        if kept.saturating_mul(size) > MOST_NUMBERS {
            let most = MOST_NUMBERS / size.max(1);
            return Err(self.halves[0].inputs.problem(FileProblem::TooMany { found: kept, most, key: "train" }));
        }
        let mut halves = [Vec::new(), Vec::new()];
        for (half, count) in halves.iter_mut().zip(sorting.counts) {
            *half = file::zeros(count * size).map_err(|problem| self.halves[0].inputs.problem(problem))?;
        }
        let (mut first, mut bytes) = (0, true);
        for (half, (form, count)) in self.halves.iter().zip(&forms) {
            let is_bytes = half.inputs.open(|header, reader| {
                read(header, reader, form, (first, &sorting), &mut halves, progress)
                    .and_then(|()| ended(header, reader))
                    .map_err(|problem| half.inputs.problem(problem))?;
                Ok((header.kind, header.size) == (npy::Kind::Unsigned, 1))
            })?;
            bytes &= is_bytes;
            first += count;
        }
        let features = match shape[..] {
            [features] => (1..=features).map(|feature| format!("x{feature}")).collect(),
            _ => vec!["pixels".to_owned()],
        };
        let (classes, labels) = match labels {
            Some((classes, _)) => (classes.names, Some(sorting.split(&classes.of_samples))),
            None => (Vec::new(), None),
        };
        Raw { name: self.name.clone(), shape, halves, labels, classes, features, bytes }.finish(self.by)
    }
}

impl Place<'_> {
    /// For errors.
    fn shown(&self) -> String {
        match &self.entry {
            Some(entry) => format!("{} (array `{entry}`)", self.file.display()),
            None => self.file.display().to_string(),
        }
    }
}

/// Makes sure that nothing comes after the last number. In an archive only its end is compared with the checksum.
fn ended(header: &Header, reader: &mut dyn Read) -> Result<(), FileProblem> {
    match reader.read(&mut [0]) {
        Ok(0) => Ok(()),
        Ok(_) => Err(FileProblem::Trailing(header.file_length() as u64)),
        Err(error) => Err(FileProblem::Zip(error.to_string())),
    }
}

/// Puts the numbers of one half, whose first sample is `first`, where they belong.
fn read(
    header: &Header,
    reader: &mut dyn Read,
    form: &Form,
    (first, sorting): (usize, &Sorting),
    halves: &mut [Vec<f32>; 2],
    progress: &mut Progress<'_>,
) -> Result<(), FileProblem> {
    let (count, size) = (header.shape[0], form.shape.iter().product::<usize>());
    let (mut sample, mut number) = (0, 0);
    // Where the first dimension changes fastest a sample's numbers lie as far apart as there are samples, and the other
    // dimensions change in the same order.
    let mut odometer = vec![0; header.shape.len() - 1];
    header.numbers(
        reader,
        |bytes| progress.advance(bytes),
        |index, value| {
            if !value.is_finite() {
                return Err(FileProblem::NotFinite { place: place(header, index), value: value.to_string() });
            }
            if let Some((half, row)) = sorting.place(first + sample) {
                halves[half][row * size + form.place(number)] = value;
            }
            if header.fortran {
                sample += 1;
                if sample == count {
                    sample = 0;
                    number = advance(&mut odometer, &header.shape[1..]);
                }
            } else {
                number += 1;
                if number == size {
                    (number, sample) = (0, sample + 1);
                }
            }
            Ok(())
        },
    )
}

/// Turns to the next element of a shape, the first dimension fastest, and gives its place with the last one fastest.
fn advance(odometer: &mut [usize], shape: &[usize]) -> usize {
    for (at, size) in odometer.iter_mut().zip(shape) {
        *at += 1;
        if *at < *size {
            break;
        }
        *at = 0;
    }
    odometer.iter().zip(shape).fold(0, |place, (at, size)| place * size + at)
}

/// `[3, 0, 27]`: the place of an element in its array.
fn place(header: &Header, mut index: usize) -> String {
    let mut at = vec![0; header.shape.len()];
    let dimensions: Vec<usize> = if header.fortran { (0..at.len()).collect() } else { (0..at.len()).rev().collect() };
    for dimension in dimensions {
        let size = header.shape[dimension].max(1);
        (at[dimension], index) = (index % size, index / size);
    }
    format!("{at:?}")
}

/// Which of two sizes is more likely one of channels; none where both are as likely.
fn likelier(sizes: [usize; 2]) -> Option<usize> {
    let rank = |size: usize| CHANNELS.iter().position(|sizes| sizes.contains(&size)).unwrap_or(CHANNELS.len());
    match rank(sizes[0]).cmp(&rank(sizes[1])) {
        Ordering::Less => Some(0),
        Ordering::Equal => None,
        Ordering::Greater => Some(1),
    }
}

impl Form {
    fn of(header: &Header, layout: Option<Layout>) -> Result<Self, FileProblem> {
        if !header.is_numeric() {
            return Err(FileProblem::Npy("its elements are texts where numbers are wanted".to_owned()));
        }
        let rank = header.shape.len();
        let misfit = |layout: Layout| FileProblem::Layout { shape: header.shown(), layout };
        let layout = match (rank, layout) {
            (1 | 2, None) => None,
            (3, None | Some(Layout::Nhw)) => Some(Layout::Nhw),
            (4, Some(layout @ (Layout::Nhwc | Layout::Nchw))) => Some(layout),
            (4, None) => match likelier([header.shape[1], header.shape[3]]) {
                Some(0) => Some(Layout::Nchw),
                Some(_) => Some(Layout::Nhwc),
                None => return Err(FileProblem::AmbiguousLayout { shape: header.shown() }),
            },
            (_, Some(layout)) => return Err(misfit(layout)),
            (_, None) => return Err(FileProblem::Rank { shape: header.shown() }),
        };
        let sample = &header.shape[1..];
        let size = sample.iter().try_fold(1, |size: usize, side| size.checked_mul(*side)).unwrap_or(0);
        if sample.contains(&0) || size == 0 {
            return Err(FileProblem::Empty);
        }
        if size > MOST_NUMBERS {
            return Err(FileProblem::TooMany { found: header.shape[0], most: 0, key: "train" });
        }
        Ok(match (layout, sample) {
            (Some(Layout::Nhw), &[height, width]) => Self { shape: vec![1, height, width], interleaved: false },
            (Some(Layout::Nchw), sample) => Self { shape: sample.to_vec(), interleaved: false },
            (Some(Layout::Nhwc), &[height, width, channels]) => {
                Self { shape: vec![channels, height, width], interleaved: true }
            }
            _ => Self { shape: vec![size], interleaved: false },
        })
    }

    /// Place in an input of a number of a sample, in the order of the dimensions in the file.
    fn place(&self, number: usize) -> usize {
        match self.shape[..] {
            [channels, height, width] if self.interleaved => number % channels * height * width + number / channels,
            _ => number,
        }
    }
}

fn file_name(path: &Path) -> String {
    path.file_stem().map_or_else(|| "arrays".to_owned(), |name| name.to_string_lossy().into_owned())
}
