//! Data that cannot be had: which file or key, what is wrong with it, and what to do next.

use super::labels::MOST_CLASSES;
use crate::recipe::{Layout, MOST_SAMPLES};

/// Data that cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DataError {
    /// A number that makes no data.
    #[error("`data.{key}` is {value}; give {expected}")]
    Value {
        /// Below `[data]`.
        key: &'static str,
        /// As given.
        value: String,
        /// What would be right.
        expected: String,
    },
    /// A file that cannot be used.
    #[error("`{file}` {problem}")]
    File {
        /// As the recipe names it.
        file: String,
        /// What is wrong with it.
        problem: FileProblem,
    },
    /// Two files that do not belong together.
    #[error("`{images}` holds {pictures} pictures, but `{labels}` {given} labels; give the two files of one set")]
    Counts {
        /// File of the pictures.
        images: String,
        /// How many there are.
        pictures: usize,
        /// File of the labels.
        labels: String,
        /// How many there are.
        given: usize,
    },
    /// Two arrays that do not belong together.
    #[error("`{inputs}` holds {found} samples, but `{labels}` {given} labels; give the two of one set")]
    Samples {
        /// The inputs.
        inputs: String,
        /// How many there are.
        found: usize,
        /// The labels.
        labels: String,
        /// How many there are.
        given: usize,
    },
}

/// What is wrong with a file; goes on from its name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileProblem {
    /// Not there.
    #[error("does not exist; put the file there, or let `{0}` name where it is")]
    Missing(&'static str),
    /// There, and yet not to be read.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// Compressed data that cannot be unpacked.
    #[error("is no sound gzip file ({0}); fetch it again")]
    Gzip(String),
    /// Does not start with two zero bytes.
    #[error("is not an IDX file: it starts with {} where IDX has 00 00; let `{key}` name one, plain or gzipped", hex(*.start))]
    NotIdx {
        /// The first four bytes.
        start: [u8; 4],
        /// The recipe's key for the file.
        key: &'static str,
    },
    /// Numbers of another type.
    #[error("holds numbers of IDX type 0x{0:02x}; only bytes, type 0x08, are pictures and labels here")]
    WrongType(u8),
    /// Pictures where labels are wanted, or the other way round, or neither.
    #[error("has {found} dimensions{}; `{key}` needs {needed}, {}", rank(*.found), wanted(*.needed))]
    WrongRank {
        /// Dimensions it has.
        found: u8,
        /// Dimensions that are needed.
        needed: u8,
        /// The recipe's key for the file.
        key: &'static str,
    },
    /// Pictures of another size.
    #[error(
        "holds pictures of {}, but the recipe expects {}; set `data.channels = {}`, `data.height = {}` and `data.width = {}`",
        sides(*.found), sides(*.expected), found[0], found[1], found[2]
    )]
    WrongSize {
        /// Channels, rows and columns in the file.
        found: [usize; 3],
        /// Channels, rows and columns of the recipe.
        expected: [usize; 3],
    },
    /// Nothing to learn from.
    #[error("is empty: it says that it holds nothing; give a file with samples")]
    Empty,
    /// A header that no file of this length can fulfil.
    #[error("claims to hold {claimed} bytes, more than a file of {length} bytes can; it is damaged, fetch it again")]
    Absurd {
        /// By the header.
        claimed: u128,
        /// Of the file, as it lies on disk.
        length: u64,
    },
    /// The end is missing.
    #[error("ends after {found} of {expected} bytes; it was cut short, fetch it again")]
    Short {
        /// Bytes there are, unpacked.
        found: u64,
        /// Bytes that there should be.
        expected: u128,
    },
    /// More than there should be.
    #[error("goes on after the {0} bytes that its header asks for; it is damaged, fetch it again")]
    Trailing(u64),
    /// Fewer samples than the recipe asks for.
    #[error("holds {found}, but the recipe asks for {wanted}; set `data.{key}` to at most {found}")]
    Fewer {
        /// Samples in the file.
        found: usize,
        /// Samples that the recipe wants.
        wanted: usize,
        /// Below `[data]`.
        key: &'static str,
    },
    /// More pixels than memory should be spent on.
    #[error("holds {found} samples, more than is read at once; set `data.{key}` to at most {most}")]
    TooMany {
        /// Samples in the file, or those the recipe asks for.
        found: usize,
        /// So many could be read.
        most: usize,
        /// Below `[data]`.
        key: &'static str,
    },
    /// A class that the recipe does not have.
    #[error(
        "has {value} as label {index} (counted from 0), but with `data.classes = {classes}` labels end at {}; \
         give the number of classes there are", classes - 1
    )]
    Label {
        /// Place of the label in the file, from 0.
        index: usize,
        /// The label.
        value: u8,
        /// Classes of the recipe.
        classes: usize,
    },
    /// More memory than there is.
    #[error("takes {0} bytes of memory, which are not to be had; set `data.train` and `data.test` to fewer samples")]
    NoMemory(u128),
    /// More samples than are read.
    #[error("holds {found} samples, more than the {MOST_SAMPLES} that are read; give a part of them")]
    Samples {
        /// Samples in the file.
        found: usize,
    },
    /// More rows than memory should be spent on.
    #[error(
        "holds more than {most} rows of numbers, more than are read at once; give a shorter file, or fewer `data.features`"
    )]
    TooManyNumbers {
        /// So many could be read.
        most: usize,
    },
    /// One array of several.
    #[error("(array `{array}`) {problem}")]
    InArray {
        /// Its name in the archive.
        array: String,
        /// What is wrong with it.
        problem: Box<FileProblem>,
    },
    /// No array, or a damaged one.
    #[error("is no array that can be read here: {0}; write it with `numpy.save` or `numpy.savez`")]
    Npy(String),
    /// No archive, or a damaged one.
    #[error("is no sound archive ({0}); write it with `numpy.savez`")]
    Zip(String),
    /// No array of that name.
    #[error("has no array `{name}`; there are {there}: let `{key}` name one")]
    NoArray {
        /// As the recipe names it.
        name: String,
        /// The recipe's key.
        key: &'static str,
        /// Those there are.
        there: String,
    },
    /// Arrays whose names say nothing.
    #[error(
        "has the arrays {there}, and none of the usual pairs of names (`x` and `y`, `x_train` and `y_train`, `images` and \
         `labels`); name them with `data.inputs` and `data.labels`"
    )]
    NoUsualArrays {
        /// Those there are.
        there: String,
    },
    /// Inputs without labels.
    #[error(
        "has no labels beside it; name them with `data.labels`, or learn the input itself with `data.target = \"input\"`"
    )]
    NoLabels,
    /// An array of another rank than any layout has.
    #[error(
        "has the shape {shape}; tables are (n, features), pictures (n, height, width), (n, height, width, channels) or \
         (n, channels, height, width)"
    )]
    Rank {
        /// As Python writes it.
        shape: String,
    },
    /// An array that may have its channels at either end.
    #[error(
        "has the shape {shape}, of which the channels may be first or last; say `data.layout = \"nchw\"` or `\"nhwc\"`"
    )]
    AmbiguousLayout {
        /// As Python writes it.
        shape: String,
    },
    /// An array that is not laid out as the recipe says.
    #[error("has the shape {shape}, which is not `{layout}`; leave `data.layout` out, or give the right one")]
    Layout {
        /// As Python writes it.
        shape: String,
        /// Of the recipe.
        layout: Layout,
    },
    /// Inputs of one half that differ from those of the other.
    #[error("holds inputs of shape {found}, those to learn from have {expected}; both halves must be alike")]
    OtherShape {
        /// As Python writes it.
        found: String,
        /// As Python writes it.
        expected: String,
    },
    /// Labels as rows of zeros and a one.
    #[error(
        "has the shape {shape}: rows of {columns} numbers are no labels; write the number of the class, `labels.argmax(1)`"
    )]
    OneHot {
        /// Numbers a row.
        columns: usize,
        /// As Python writes it.
        shape: String,
    },
    /// Labels that are no row.
    #[error("has the shape {shape}; labels have (n,)")]
    LabelRank {
        /// As Python writes it.
        shape: String,
    },
    /// A label between whole numbers.
    #[error("has {value} as label {index} (counted from 0); labels are whole numbers or texts")]
    NotALabel {
        /// Place in the file.
        index: usize,
        /// The label.
        value: String,
    },
    /// A number that is none.
    #[error("has {value} at {place}; give finite numbers, for instance by leaving such samples out")]
    NotFinite {
        /// Place in the array.
        place: String,
        /// `NaN`, `inf`.
        value: String,
    },
    /// More classes than are told apart.
    #[error(
        "has more than {MOST_CLASSES} different labels{0}; there can be 2 to {MOST_CLASSES} classes: name the right labels"
    )]
    TooManyClasses(String),
    /// Fewer than two classes.
    #[error(
        "has one class only, `{0}`, and nothing to tell apart; give samples of two classes or more, or learn the input itself \
         with `data.target = \"input\"`"
    )]
    OneClass(String),
    /// A label that the names of the recipe do not cover.
    #[error(
        "has the label `{label}` (sample {sample}, counted from 1), which is none of the {names} in `data.class_names`; name \
         {found} classes, or leave that key out"
    )]
    Unnamed {
        /// As it stands in the file.
        label: String,
        /// The first sample that has it, from 1.
        sample: usize,
        /// Names in the recipe.
        names: usize,
        /// Different labels in the file.
        found: usize,
    },
    /// A table whose text cannot be told apart into lines and fields.
    #[error("cannot be read as a table: {0}")]
    Table(String),
    /// A table with a single column.
    #[error("has one column only, `{0}`; samples need features beside the label, with `,`, `;` or tabulators between")]
    OneColumn(String),
    /// A column that is not there.
    #[error("has no column `{column}`; there are {there}: let `{key}` name one")]
    NoColumn {
        /// As the recipe names it.
        column: String,
        /// The recipe's key.
        key: &'static str,
        /// Those there are.
        there: String,
    },
    /// A line with another number of fields.
    #[error("has {found} fields in line {line}, where the lines before have {expected}; every line needs as many")]
    Ragged {
        /// From 1.
        line: u64,
        /// Fields of the line.
        found: usize,
        /// Fields of the first line.
        expected: usize,
    },
    /// A field that is no number.
    #[error("has `{value}` in line {line}, column `{column}`, which is no finite number{hint}")]
    NotANumber {
        /// From 1.
        line: u64,
        /// By name, or by number where there is no header.
        column: String,
        /// As it stands there, cut.
        value: String,
        /// What may help.
        hint: &'static str,
    },
    /// A field without content.
    #[error(
        "has nothing in line {line}, column `{column}`; fill it in, leave the line out, or name other columns with `{key}`"
    )]
    MissingValue {
        /// From 1.
        line: u64,
        /// By name, or by number where there is no header.
        column: String,
        /// The recipe's key for such columns.
        key: &'static str,
    },
    /// Files of which one alone is no data set.
    #[error(
        "is one of four files of an IDX data set, or compressed; name all four in a recipe with `data.kind = \"idx\"`, or unpack it"
    )]
    NeedsRecipe,
    /// A folder without classes.
    #[error("holds no folders; put the pictures of each class into a folder of its own, named as the class")]
    NoClasses,
    /// A class without pictures.
    #[error("holds no PNG or JPEG file; every class needs one")]
    NoPictures,
    /// Classes of the two halves that differ.
    #[error("is no class of the training half; both halves need the same folders")]
    UnknownClass,
    /// Not a picture, or a damaged one.
    #[error("is no picture that can be read here ({0}); give a PNG or JPEG file")]
    NotPicture(String),
    /// A picture that would take too much memory.
    #[error("is {width}x{height} pixels, more than the {most} million that are read; scale it down")]
    TooLarge {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
        /// Million pixels that would be read.
        most: u64,
    },
}

impl FileProblem {
    pub(super) fn of(self, file: &str) -> DataError {
        DataError::File { file: file.to_owned(), problem: self }
    }
}

/// Names that an error lists.
const MOST_LISTED: usize = 12;

/// "`x`, `y` and 3 more", or "none".
pub(super) fn listed(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(MOST_LISTED).map(|name| format!("`{name}`")).collect();
    match names.len() {
        0 => "none".to_owned(),
        1..=MOST_LISTED => shown.join(", "),
        all => format!("{} and {} more", shown.join(", "), all - MOST_LISTED),
    }
}

fn hex(bytes: [u8; 4]) -> String {
    bytes.map(|byte| format!("{byte:02x}")).join(" ")
}

/// `3x32x32`
fn sides(size: [usize; 3]) -> String {
    size.map(|side| side.to_string()).join("x")
}

fn rank(found: u8) -> &'static str {
    match found {
        1 => ", as files of labels have",
        3 => ", as files of pictures have",
        _ => "",
    }
}

fn wanted(needed: u8) -> &'static str {
    if needed == 1 { "a file of labels (n)" } else { "a file of pictures (n, height, width)" }
}
