//! Looks at the network that could not be taken. Training goes on without them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Alarm, Kind};

/// What there is to look at, beside training itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Look {
    Evaluation,
    GradientNorm,
    Health,
    Picture,
    Landscape,
    Path,
    Fault,
    Checkpoint,
}

impl Look {
    /// Its name at the beginning of a message.
    fn name(self) -> &'static str {
        match self {
            Self::Evaluation => "the evaluation",
            Self::GradientNorm => "the norm of the gradient",
            Self::Health => "the state of the layers",
            Self::Picture => "the picture of the network",
            Self::Landscape => "the landscape of the loss",
            Self::Path => "the point of the landscape's path",
            Self::Fault => "the place of what is not finite",
            Self::Checkpoint => "the checkpoint",
        }
    }
}

/// Remembers which looks have been said to fail.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Skipped {
    said: BTreeSet<Look>,
}

impl Skipped {
    /// Notes that `look` failed after `step`, and why; an alarm the first time.
    pub(super) fn take(&mut self, step: u64, look: Look, why: &str) -> Option<Alarm> {
        self.said.insert(look).then(|| alarm(step, look.name(), why))
    }
}

/// The alarm for something that is missing in the log from `step` on. `name` begins its message.
pub(crate) fn alarm(step: u64, name: &str, why: &str) -> Alarm {
    let message = format!("{name} is missing at step {step}: {why}; training goes on, and it is tried again");
    Alarm::new(step, Kind::Skipped, message)
}

/// What libtorch says, without the stack of C++ frames that follows.
pub(crate) fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default().trim_start_matches("Internal torch error: ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_look_is_said_once() {
        let mut skipped = Skipped::default();
        let alarm = skipped.take(7, Look::Landscape, "out of memory").unwrap();
        assert_eq!((alarm.step, alarm.kind), (7, Kind::Skipped));
        assert!(alarm.message.starts_with("the landscape of the loss is missing at step 7: out of memory;"));
        assert!(skipped.take(8, Look::Landscape, "out of memory").is_none());
        assert!(skipped.take(8, Look::Evaluation, "out of memory").is_some());
    }
}
