//! What a trainer is started for, as its command line says it.

use std::ffi::OsString;

use super::Audience;

/// What happens to a run once a loss, a gradient, an activation or a parameter is NaN or infinite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum OnNan {
    /// It ends as diverged.
    Stop,
    /// It waits, to be looked at.
    Pause,
    /// It goes on.
    Continue,
}

/// A sweep over learning rates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sweep {
    /// The first rate, above 0.
    pub min_lr: f64,
    /// The last rate, if the loss does not explode before.
    pub max_lr: f64,
    /// Steps from the one to the other, 2 or more.
    pub steps: u64,
}

/// What a trainer is to do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Errand {
    /// To train the recipe.
    Train {
        /// Who it is started for.
        audience: Audience,
        /// None: to pause while somebody watches, and to stop otherwise.
        on_nan: Option<OnNan>,
    },
    /// To go on with a run from its newest checkpoint.
    Resume {
        /// Who it is started for.
        audience: Audience,
        /// As for [`Errand::Train`].
        on_nan: Option<OnNan>,
        /// The learning rate to go on with; none for the one it had.
        lr: Option<f64>,
    },
    /// To try learning rates on the recipe, each for one step.
    FindLr(Sweep),
}

impl OnNan {
    fn name(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Pause => "pause",
            Self::Continue => "continue",
        }
    }
}

impl Errand {
    /// The trainer's arguments beside the run directory.
    pub(super) fn arguments(&self) -> Vec<OsString> {
        let arguments = match self {
            Self::Train { audience, on_nan } => of_training(*audience, *on_nan),
            Self::Resume { audience, on_nan, lr } => {
                let lr = lr.map(|lr| format!("--lr={lr:?}"));
                let all = of_training(*audience, *on_nan).into_iter().chain(lr);
                std::iter::once("--resume".to_owned()).chain(all).collect()
            }
            Self::FindLr(Sweep { min_lr, max_lr, steps }) => vec![
                "--find-lr".to_owned(),
                format!("--min-lr={min_lr:?}"),
                format!("--max-lr={max_lr:?}"),
                format!("--steps={steps}"),
            ],
        };
        arguments.into_iter().map(OsString::from).collect()
    }
}

fn of_training(audience: Audience, on_nan: Option<OnNan>) -> Vec<String> {
    let await_viewer = (audience == Audience::Viewer).then(|| "--await-viewer".to_owned());
    let on_nan = on_nan.map(|on_nan| format!("--on-nan={}", on_nan.name()));
    [await_viewer, on_nan].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn errands_are_spelt_out() {
        let train = |audience, on_nan| Errand::Train { audience, on_nan }.arguments();
        assert!(train(Audience::Nobody, None).is_empty());
        assert_eq!(train(Audience::Viewer, Some(OnNan::Continue)), ["--await-viewer", "--on-nan=continue"]);
        let resume = |lr| Errand::Resume { audience: Audience::Viewer, on_nan: None, lr }.arguments();
        assert_eq!(resume(None), ["--resume", "--await-viewer"]);
        assert_eq!(resume(Some(1e-4)), ["--resume", "--await-viewer", "--lr=0.0001"]);
        let sweep = Errand::FindLr(Sweep { min_lr: 1e-5, max_lr: 10.0, steps: 50 });
        assert_eq!(sweep.arguments(), ["--find-lr", "--min-lr=1e-5", "--max-lr=10.0", "--steps=50"]);
    }

    #[test]
    fn names_are_those_of_the_command_line() {
        for on_nan in OnNan::value_variants() {
            assert_eq!(on_nan.to_possible_value().unwrap().get_name(), on_nan.name());
        }
    }
}
