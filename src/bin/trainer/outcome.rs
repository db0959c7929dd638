//! How a run ended.

use torchscope::run::State;

/// Stopping is a value that travels up to `main`; nothing exits on the way.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// Every epoch of the recipe was trained; says where that made it worse.
    Finished { remark: Option<String> },
    /// By request; after a signal of that number if there is one.
    Stopped { signal: Option<i32> },
    /// A loss was not finite, or has exploded; says where, and what to try.
    Diverged { message: String },
    /// The trainer could not go on; says why, and what to do about it.
    Failed { message: String },
}

impl Outcome {
    /// What `run.json` says.
    pub(crate) fn state(&self) -> State {
        match self {
            Self::Finished { .. } => State::Finished,
            Self::Stopped { .. } => State::Stopped,
            Self::Diverged { .. } => State::Diverged,
            Self::Failed { .. } => State::Failed,
        }
    }

    /// For people, where the state does not say it all.
    pub(crate) fn message(&self) -> Option<&str> {
        match self {
            Self::Diverged { message } | Self::Failed { message } => Some(message),
            Self::Finished { remark } => remark.as_deref(),
            Self::Stopped { .. } => None,
        }
    }

    /// 0 finished, 1 failed, 3 stopped, 4 diverged, 128 + n after signal n.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Finished { .. } => 0,
            Self::Failed { .. } => 1,
            Self::Stopped { signal: None } => 3,
            Self::Diverged { .. } => 4,
            Self::Stopped { signal: Some(signal) } => 128 + (signal & 0x7f) as u8,
        }
    }
}
