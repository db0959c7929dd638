//! Data sets of the user's own, as a recipe names them (ranges and defaults stand in `recipe::keys`), and what is known of any data set before it is read.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Loss;
use super::data::Target;
use super::words::words;

words! {
    /// How inputs are brought to a range.
    Normalise {
        /// Not at all.
        None = "none",
        /// To 0..1: bytes divided by 255, other numbers by the range that they have in the training half, a column of a table
        /// each in its own.
        Unit = "unit",
        /// To mean 0 and standard deviation 1 in the training half: each column of a table, each channel of pictures.
        Standard = "standard",
    }
}

words! {
    /// Order of an array's dimensions.
    Layout {
        /// Samples, rows, columns: pictures of one channel.
        Nhw = "nhw",
        /// Samples, rows, columns, channels: as Keras and most libraries for pictures have it.
        Nhwc = "nhwc",
        /// Samples, channels, rows, columns: as `PyTorch` has it.
        Nchw = "nchw",
    }
}

words! {
    /// What stands between the fields of a line.
    Delimiter {
        /// A comma.
        Comma = ",",
        /// A semicolon.
        Semicolon = ";",
        /// A tabulator.
        Tab = "\t",
    }
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Column {
    /// By its place, from 1.
    Number(usize),
    /// By its name in the header.
    Name(String),
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Name(name) => write!(f, "{name}"),
        }
    }
}

/// What becomes of samples once they are read; the keys that all data of one's own share.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Preparation {
    /// Share of the samples that is kept for evaluation, of each class alike; not for data that come in two halves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_out: Option<f64>,
    /// How inputs are brought to a range; `unit` for pictures and `standard` for tables unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub normalise: Option<Normalise>,
    /// Names of the classes, in their order; those in the data unless given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub class_names: Vec<String>,
    /// Decides which samples are held out.
    pub seed: u32,
    /// So many samples to train on, of each class alike; none for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub train: Option<usize>,
    /// So many samples to evaluate on, of each class alike; none for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<usize>,
    /// What is to be predicted.
    pub target: Target,
}

/// A table as text: a sample a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CsvSpec {
    /// The file.
    pub path: PathBuf,
    /// Columns that go in, in this order; all but the label if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub features: Vec<Column>,
    /// Column of the classes; the last unless given, and none unless given where the target is the input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<Column>,
    /// Whether the first line names the columns; looked for unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<bool>,
    /// What stands between fields; looked for unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<Delimiter>,
    /// What becomes of the samples.
    #[serde(flatten)]
    pub preparation: Preparation,
}

/// Arrays in files of their own, as `numpy.save` writes them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NpySpec {
    /// Tables (n, features) or pictures.
    pub inputs: PathBuf,
    /// Classes (n); may be missing where the target is the input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<PathBuf>,
    /// Inputs to evaluate on, if they are files of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_inputs: Option<PathBuf>,
    /// Their classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_labels: Option<PathBuf>,
    /// Order of the dimensions; inferred from their sizes unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layout: Option<Layout>,
    /// What becomes of the samples.
    #[serde(flatten)]
    pub preparation: Preparation,
}

/// Arrays in one archive, as `numpy.savez` writes them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NpzSpec {
    /// The archive.
    pub path: PathBuf,
    /// Name of the inputs in it; one of the usual names unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inputs: Option<String>,
    /// Name of the classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<String>,
    /// Name of the inputs to evaluate on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_inputs: Option<String>,
    /// Name of their classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_labels: Option<String>,
    /// Order of the dimensions; inferred from their sizes unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layout: Option<Layout>,
    /// What becomes of the samples.
    #[serde(flatten)]
    pub preparation: Preparation,
}

/// Pictures in one folder a class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FolderSpec {
    /// The folder of the classes' folders, or of `train` and `test` with those in each.
    pub path: PathBuf,
    /// Rows to bring pictures to.
    pub height: usize,
    /// Columns to bring pictures to.
    pub width: usize,
    /// 1 for grey, 3 for red, green and blue.
    pub channels: usize,
    /// What becomes of the samples.
    #[serde(flatten)]
    pub preparation: Preparation,
}

/// What a network has to say of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The sample itself.
    Input,
    /// Which of so many classes it belongs to.
    Classes(usize),
    /// Which of its classes it belongs to; only the data know how many there are.
    UnknownClasses,
}

/// What a data set asks of a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataShape {
    /// Shape of one input, without the batch: (features) or (channels, height, width).
    pub input: Vec<usize>,
    /// What comes out.
    pub answer: Answer,
    /// How many samples there are to train on; none where that is known only once they are read.
    pub samples: Option<usize>,
}

impl DataShape {
    /// Shape that the network's output must have, without the batch: the numbers of the input in one row, one number a class
    /// for cross-entropy, and one number for two classes otherwise. None where `loss` cannot tell so many classes apart.
    pub fn output(&self, loss: Loss) -> Option<Vec<usize>> {
        match (self.answer, loss) {
            (Answer::Input, Loss::CrossEntropy) | (Answer::UnknownClasses, _) => None,
            (Answer::Input, _) => Some(vec![self.input.iter().product()]),
            (Answer::Classes(classes), Loss::CrossEntropy) => Some(vec![classes]),
            (Answer::Classes(classes), _) => (classes == 2).then(|| vec![1]),
        }
    }
}
