use std::fmt;
use std::path::PathBuf;

/// Damage met while reading, and what follows from it. Reading goes on as far as it can.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The data of one record does not match its checksum: that record is left out.
    BadData {
        /// The event file.
        file: PathBuf,
        /// Byte at which the record begins.
        offset: u64,
    },
    /// A record's length does not match its checksum, so that the next record cannot be found: the file ends here.
    BadLength {
        /// The event file.
        file: PathBuf,
        /// Byte at which the record begins.
        offset: u64,
    },
    /// The checksums are right but the data is no `Event` message: that record is left out.
    BadMessage {
        /// The event file.
        file: PathBuf,
        /// Byte at which the record begins.
        offset: u64,
        /// The decoder's own words.
        reason: String,
    },
    /// A record larger than any that is read into memory: it is left out.
    Oversized {
        /// The event file.
        file: PathBuf,
        /// Byte at which the record begins.
        offset: u64,
        /// Bytes of data it claims.
        length: u64,
    },
    /// The log has more tags than are kept: values of the others are left out.
    TagsLeftOut {
        /// How many are kept.
        kept: usize,
        /// How many are not.
        left_out: usize,
        /// There are more of those, uncounted.
        is_more: bool,
    },
    /// The file has become shorter than what was read of it: what is appended later is not read.
    Shrunk {
        /// The event file.
        file: PathBuf,
        /// Bytes that had been read.
        offset: u64,
    },
    /// The file cannot be read: it is left out.
    Unreadable {
        /// The event file.
        file: PathBuf,
        /// The system's own words.
        reason: String,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadData { file, offset } => {
                write!(f, "{}: record at byte {offset} is damaged; left out", file.display())
            }
            Self::BadLength { file, offset } => write!(
                f,
                "{}: length of the record at byte {offset} is damaged; the rest of this file is not read",
                file.display()
            ),
            Self::BadMessage { file, offset, reason } => {
                write!(f, "{}: record at byte {offset} is no event ({reason}); left out", file.display())
            }
            Self::Oversized { file, offset, length } => {
                write!(f, "{}: record at byte {offset} holds {length} bytes, too many; left out", file.display())
            }
            Self::TagsLeftOut { kept, left_out, is_more } => {
                let more = if *is_more { " and more" } else { "" };
                write!(f, "the log has more than {kept} tags; {left_out}{more} are left out")
            }
            Self::Shrunk { file, offset } => write!(
                f,
                "{}: became shorter than the {offset} bytes already read; open the run again to read it afresh",
                file.display()
            ),
            Self::Unreadable { file, reason } => {
                write!(f, "{}: cannot be read ({reason}); left out", file.display())
            }
        }
    }
}
