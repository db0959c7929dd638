use std::io;
use std::path::PathBuf;

/// What stops the log from being opened, read on or written. Damage inside a file is no error: see [`super::Notice`].
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The operating system refused something about a whole file or directory.
    #[error("cannot {action} {}: {source}", crate::files::shown(path))]
    Io {
        /// Verb phrase: `create`, `write`, `list`.
        action: &'static str,
        /// What it was done to.
        path: PathBuf,
        /// The system's own words.
        source: io::Error,
    },
    /// A file was given where the directory that holds event files is wanted.
    #[error("{} is not a directory; pass the run directory that holds the event files", path.display())]
    NotADirectory {
        /// What was given.
        path: PathBuf,
    },
    /// A picture holds no values that could be had back.
    #[error("the picture is no grid of values: {reason}")]
    NotAGrid {
        /// Which of the conditions fails.
        reason: String,
    },
    /// A grid could not be turned into a picture.
    #[error("the grid cannot be written as a picture: {reason}")]
    BadGrid {
        /// Which of the conditions fails.
        reason: String,
    },
    /// The shape and the number of values of a tensor disagree.
    #[error("a tensor of shape {shape:?} cannot hold {values} values")]
    TensorShape {
        /// As claimed.
        shape: Vec<usize>,
        /// How many there are.
        values: usize,
    },
    /// [`super::Data::Other`] stands for what was not understood, so it cannot be written.
    #[error("`{tag}` has no value that an event file can hold; leave it out of the record")]
    NotWritable {
        /// The tag it was to be written under.
        tag: String,
    },
}
