//! Data that cannot be had: which file or key, what is wrong with it, and what to do next.

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
        "holds pictures of {}x{}, but the recipe expects {}x{}; set `data.height = {}` and `data.width = {}`",
        found[0], found[1], expected[0], expected[1], found[0], found[1]
    )]
    WrongSize {
        /// Rows and columns in the file.
        found: [usize; 2],
        /// Rows and columns of the recipe.
        expected: [usize; 2],
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

fn hex(bytes: [u8; 4]) -> String {
    bytes.map(|byte| format!("{byte:02x}")).join(" ")
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
