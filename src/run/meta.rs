//! `run.json`: where a run stands, for whoever looks from outside.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::description::Description;
use super::error::RunError;
use super::number;
use super::replace::replace;
use crate::files;
use crate::recipe::Recipe;

/// How long a run may be [`State::Starting`] without a trainer that holds the lock: libtorch takes 0.25 to 1 s to load,
/// from a slow network drive far more.
pub const STARTING_GRACE: Duration = Duration::from_secs(30);

/// The `version` written, and the newest understood.
const VERSION: u64 = 1;

/// A `run.json` larger than this is not one.
const MOST_BYTES: u64 = 16 << 20;

/// Where a run stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// The directory is there; the trainer loads libtorch or the data.
    #[default]
    Starting,
    /// Steps are being made.
    Running,
    /// The trainer waits for a command.
    Paused,
    /// All epochs are done.
    Finished,
    /// Ended early by request.
    Stopped,
    /// The trainer gave up with an error; [`RunMeta::outcome`] says which.
    Failed,
    /// The trainer is gone without a word. Never written: [`super::RunDir::status`] concludes it from the lock.
    Crashed,
    /// Ended by a NaN, an infinity or another alarm that stops.
    Diverged,
}

impl State {
    /// Its spelling in `run.json`, `ls --json` and on screen.
    pub fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Finished => "finished",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Crashed => "crashed",
            Self::Diverged => "diverged",
        }
    }

    /// A trainer is, or should be, at work on it.
    pub fn is_live(self) -> bool {
        matches!(self, Self::Starting | Self::Running | Self::Paused)
    }

    /// Nothing more will come unless the run is resumed.
    pub fn is_over(self) -> bool {
        !self.is_live()
    }

    /// Exit code of a program that ends with the run in this state: 0 finished or still live (leaving a live run is no
    /// error), 1 failed or crashed, 3 stopped by request, 4 diverged.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Starting | Self::Running | Self::Paused | Self::Finished => 0,
            Self::Failed | Self::Crashed => 1,
            Self::Stopped => 3,
            Self::Diverged => 4,
        }
    }

    /// What is true of a run whose `run.json` says `self` while no trainer holds its lock.
    ///
    /// `has_pid`: a trainer has recorded itself. It does so under the lock, so that without the lock it is gone.
    /// `age`: time since the run was started; negative if the clock was set back.
    pub(super) fn without_trainer(self, has_pid: bool, age: SignedDuration) -> Self {
        match self {
            Self::Starting if !has_pid && age.unsigned_abs() < STARTING_GRACE => Self::Starting,
            live if live.is_live() => Self::Crashed,
            over => over,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The best value of a tag so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Best {
    /// The value.
    #[serde(with = "number")]
    pub value: f64,
    /// The step it belongs to.
    pub step: u64,
}

/// A step and when it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Milestone {
    /// Steps taken.
    pub step: u64,
    /// When.
    pub at: Timestamp,
}

/// What keeps the trainer from writing, and training from going on until it has passed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Trouble {
    /// The step that training waits at.
    pub step: u64,
    /// In words.
    pub message: String,
}

/// What `run.json` holds. Fields that an older torchscope did not write read as their default, fields of a newer one are
/// ignored. Non-finite values survive.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunMeta {
    /// Format of the file; 1.
    pub version: u64,
    /// Name of the run directory. [`super::RunDir::meta`] sets it from the path, whatever the file says.
    pub name: String,
    /// Name of the recipe.
    pub recipe: String,
    /// As the trainer last wrote it. Use [`super::RunDir::status`] to learn whether it is still true.
    pub state: State,
    /// Why the run is over, where the state does not say it all: the error of a failure, the tensor that diverged.
    pub outcome: Option<String>,
    /// Epochs to do.
    pub epochs: u64,
    /// Steps an epoch; 0 until the trainer knows.
    pub steps_per_epoch: u64,
    /// Steps done.
    pub step: u64,
    /// Epochs done, the one under way not counted.
    pub epoch: u64,
    /// When the run was created.
    pub started: Timestamp,
    /// When this file was written.
    pub updated: Timestamp,
    /// When the run ended.
    pub finished: Option<Timestamp>,
    /// The trainer's process, recorded once it holds the lock.
    pub pid: Option<u32>,
    /// The machine that runs, or started, the trainer.
    pub host: String,
    /// The trainer's control socket, while it listens.
    pub socket: Option<PathBuf>,
    /// Best value so far, by tag.
    pub best: BTreeMap<String, Best>,
    /// Latest value, by tag.
    #[serde(with = "number::map")]
    pub last: BTreeMap<String, f64>,
    /// Epochs a second asked for, as in force now; none for as fast as it goes.
    pub pace: Option<f64>,
    /// Connections that watch.
    pub watchers: u32,
    /// Learning rate as in force now.
    #[serde(with = "number")]
    pub lr: f64,
    /// Samples folded into a neighbour because the recorder could not keep up.
    pub merged: u64,
    /// The newest checkpoint.
    pub checkpoint: Option<Milestone>,
    /// The checkpoints that the run was resumed from, in order.
    pub resumed: Vec<Milestone>,
    /// Why nothing can be written, while that is so. It cannot be in the log either.
    pub trouble: Option<Trouble>,
    /// Percent of the data that has been read, while they are read and that takes long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reading: Option<u64>,
    /// What the run is, until its log says so: nothing from the trainer's first record on.
    #[serde(flatten, skip_serializing_if = "Description::is_empty")]
    pub description: Description,
}

impl RunMeta {
    /// A run that is about to start; what only the trainer knows is left open.
    pub(super) fn starting(name: String, recipe: &Recipe) -> Self {
        let now = Timestamp::now();
        Self {
            version: VERSION,
            name,
            recipe: recipe.name.clone(),
            epochs: recipe.epochs,
            started: now,
            updated: now,
            host: hostname(),
            pace: recipe.pace,
            lr: recipe.optimizer.lr(),
            description: Description::of_recipe(recipe),
            ..Self::default()
        }
    }

    /// When its trainer was started last.
    pub fn launched(&self) -> Timestamp {
        self.resumed.last().map_or(self.started, |resumed| resumed.at)
    }

    /// The `run.json` at `path`, as written.
    pub(super) fn read(path: &Path) -> Result<Self, RunError> {
        let file = files::open(path).map_err(RunError::io("open", path))?;
        let mut text = Vec::new();
        file.take(MOST_BYTES).read_to_end(&mut text).map_err(RunError::io("read", path))?;
        serde_json::from_slice(&text).map_err(|error| {
            let problem = error.to_string();
            match serde_json::from_slice(&text) {
                Ok(Version { version }) if version > VERSION => {
                    RunError::Newer { path: path.to_owned(), version, known: VERSION, problem }
                }
                _ => RunError::Damaged { path: path.to_owned(), problem },
            }
        })
    }

    /// Replaces the `run.json` at `path`. Readers see the old one or the new one, never part of one.
    ///
    /// It is not forced to the disk: after a power cut the file may be an older one.
    pub(super) fn write(&self, path: &Path) -> Result<(), RunError> {
        let mut text = serde_json::to_vec_pretty(self)
            .map_err(|error| RunError::Damaged { path: path.to_owned(), problem: error.to_string() })?;
        text.push(b'\n');
        replace(path, &text)
    }
}

/// All that is read of a file that cannot be read otherwise.
#[derive(Deserialize)]
struct Version {
    version: u64,
}

/// Name of this machine; `localhost` if it has none.
pub fn hostname() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").or_else(|_| fs::read_to_string("/etc/hostname"));
    let name = name.unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "localhost".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    use super::*;

    const STATES: [State; 8] = [
        State::Starting,
        State::Running,
        State::Paused,
        State::Finished,
        State::Stopped,
        State::Failed,
        State::Crashed,
        State::Diverged,
    ];

    fn read(text: &str) -> Result<RunMeta, RunError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.json");
        fs::write(&path, text).unwrap();
        RunMeta::read(&path)
    }

    #[test]
    fn everything_written_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.json");
        let mut meta = RunMeta::starting("moons-0001".to_owned(), &super::super::moons());
        meta.state = State::Diverged;
        meta.outcome = Some("dense1.weight is NaN at step 40".to_owned());
        meta.best.insert("loss/eval".to_owned(), Best { value: 0.25, step: 12 });
        meta.last.insert("loss/train".to_owned(), f64::INFINITY);
        meta.pid = Some(42);
        meta.socket = Some("/run/user/1/torchscope/a.sock".into());
        meta.finished = Some(Timestamp::now());
        meta.checkpoint = Some(Milestone { step: 4200, at: Timestamp::now() });
        meta.resumed = vec![Milestone { step: 17, at: Timestamp::now() }];
        meta.trouble = Some(Trouble { step: 9, message: "no space left".to_owned() });
        meta.write(&path).unwrap();
        assert_eq!(RunMeta::read(&path).unwrap(), meta);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file stays");
    }

    #[test]
    fn a_new_run_says_what_the_recipe_says() {
        let recipe = super::super::moons();
        let meta = RunMeta::starting("moons-0001".to_owned(), &recipe);
        assert_eq!((meta.version, meta.state, meta.step), (1, State::Starting, 0));
        let Description { setup, network, .. } = meta.description;
        assert_eq!((setup.seed, meta.epochs, setup.batch_size), (recipe.seed, recipe.epochs, recipe.batch_size));
        // 2*20 + 20 + 20*1 + 1
        assert_eq!(network.unwrap().parameter_count(), 81);
        assert_eq!((setup.loss.as_str(), setup.optimizer.as_str()), ("bce", "sgd"));
        assert_eq!(meta.pid, None, "the trainer records itself");
    }

    #[test]
    fn older_and_newer_files_are_read() {
        assert_eq!(read("{}").unwrap(), RunMeta::default());
        let newer = r#"{"version": 2, "state": "running", "step": 7, "gpus": [{"a": 1}], "network": {"graph": []}}"#;
        let meta = read(newer).unwrap();
        assert_eq!((meta.state, meta.step, meta.description.network), (State::Running, 7, None));
    }

    #[test]
    fn files_that_cannot_be_read_say_why() {
        let newer = read(r#"{"version": 3, "state": "hibernating"}"#).unwrap_err();
        assert!(matches!(newer, RunError::Newer { version: 3, known: 1, .. }), "{newer:?}");
        assert!(newer.to_string().contains("update torchscope"), "{newer}");
        for text in ["", "{", "null", "7", "{\"step\": -1}", "{\"step\": \"\u{1b}[2J\"}", "\u{0}\u{1}"] {
            let error = read(text).unwrap_err();
            assert!(matches!(error, RunError::Damaged { .. }), "{text:?}: {error:?}");
            let shown = error.to_string();
            assert!(shown.contains("run.json") && !shown.contains('\u{1b}'), "{shown:?}");
        }
    }

    #[test]
    fn readers_never_see_part_of_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.json");
        let mut meta = RunMeta::starting("moons-0001".to_owned(), &super::super::moons());
        meta.write(&path).unwrap();
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut last = 0;
                while !done.load(Ordering::Relaxed) {
                    let seen = RunMeta::read(&path).unwrap();
                    assert!(seen.step >= last);
                    assert_eq!(seen.outcome.unwrap_or_default().len() as u64, seen.step);
                    last = seen.step;
                }
            });
            for step in 1..500 {
                meta.step = step;
                meta.outcome = Some("x".repeat(step as usize));
                meta.write(&path).unwrap();
            }
            done.store(true, Ordering::Relaxed);
        });
    }

    #[test]
    fn a_failed_write_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        // A folder in the way makes the rename fail.
        fs::create_dir(folder.path().join("run.json")).unwrap();
        let error = RunMeta::default().write(&folder.path().join("run.json")).unwrap_err();
        assert!(error.to_string().starts_with("cannot write"), "{error}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn states_have_one_spelling_and_the_exit_codes_of_the_design() {
        for state in STATES {
            assert_eq!(serde_json::to_string(&state).unwrap(), format!("\"{state}\""));
            assert_ne!(state.is_live(), state.is_over());
        }
        assert_eq!(format!("[{:>9}]", State::Running), "[  running]");
        let codes: Vec<u8> = STATES.iter().map(|state| state.exit_code()).collect();
        assert_eq!(codes, [0, 0, 0, 0, 3, 1, 1, 4]);
    }

    #[test]
    fn without_a_trainer_only_a_young_start_is_live() {
        let young = SignedDuration::from_secs(3);
        let old = SignedDuration::from_secs(31);
        for state in STATES.into_iter().filter(|state| state.is_over()) {
            assert_eq!(state.without_trainer(true, young), state);
        }
        assert_eq!(State::Running.without_trainer(true, young), State::Crashed);
        assert_eq!(State::Paused.without_trainer(true, young), State::Crashed);
        assert_eq!(State::Starting.without_trainer(false, young), State::Starting);
        assert_eq!(State::Starting.without_trainer(false, -young), State::Starting);
        assert_eq!(State::Starting.without_trainer(false, old), State::Crashed);
        assert_eq!(State::Starting.without_trainer(false, -old), State::Crashed);
        assert_eq!(State::Starting.without_trainer(true, young), State::Crashed, "it had a trainer, and has none");
    }
}
