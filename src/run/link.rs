//! How a run on another machine is connected with its mirror here.

/// How the line stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// It is open.
    Up {
        /// Bytes of the log that are still to come, before they are packed.
        behind: u64,
    },
    /// It is open, but nothing has come for some seconds, not even a sign of life.
    Silent {
        /// Seconds.
        seconds: u64,
    },
    /// Something to be said once, whatever the line does.
    Note(String),
    /// It broke.
    Lost {
        /// Why, in a few words.
        reason: String,
        /// Seconds until the next try; 0 while it is made.
        retry_in: u64,
    },
}
