//! One run directory and the place where runs are kept.

use std::env;
use std::ffi::OsString;
use std::fs::{self, DirBuilder, OpenOptions};
use std::hash::{Hash, Hasher};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::error::RunError;
use super::lock::{self, RunLock};
use super::meta::{Milestone, RunMeta, State, hostname};
use super::name::check_name;
use super::owned::OwnedFolder;
use super::replace;
use crate::files;
use crate::recipe::Recipe;

/// Bytes of a `recipe.toml` that are read at most; a recipe is a page of text.
const MOST_RECIPE: usize = 1 << 20;

/// The directory of one run. The path is absolute.
#[derive(Clone, Debug)]
pub struct RunDir {
    path: PathBuf,
    /// The directory itself, for whoever writes.
    held: Option<Arc<OwnedFolder>>,
}

impl PartialEq for RunDir {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
    }
}

impl Eq for RunDir {}

impl Hash for RunDir {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.path.hash(state);
    }
}

/// Where runs are kept: `$TORCHSCOPE_HOME`, else `$XDG_STATE_HOME/torchscope`, else `~/.local/state/torchscope`.
/// Runs lie directly below. Absolute; it need not exist.
pub fn home() -> Result<PathBuf, RunError> {
    home_of(|key| env::var_os(key), env::home_dir())
}

fn home_of(variable: impl Fn(&str) -> Option<OsString>, user: Option<PathBuf>) -> Result<PathBuf, RunError> {
    let set = |key| variable(key).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = if let Some(home) = set("TORCHSCOPE_HOME") {
        home
    // The XDG specification tells programs to ignore relative paths.
    } else if let Some(state) = set("XDG_STATE_HOME").filter(|path| path.is_absolute()) {
        state.join("torchscope")
    } else {
        user.filter(|path| path.is_absolute()).ok_or(RunError::NoHome)?.join(".local/state/torchscope")
    };
    absolute(&home)
}

impl RunDir {
    /// Creates the next run of `recipe` in `home`: `moons-0001`, `moons-0002` and so on. Two at once get two numbers.
    pub fn create(home: &Path, recipe: &Recipe) -> Result<Self, RunError> {
        let home = absolute(home)?;
        fs::create_dir_all(&home).map_err(RunError::io("create", &home))?;
        let mut number = last_number(&home, &recipe.name)?;
        loop {
            number = number.saturating_add(1);
            let path = home.join(format!("{}-{number:04}", recipe.name));
            match new_folder().create(&path) {
                Ok(()) => return Self::at(path).filled(recipe),
                Err(error) if error.kind() == ErrorKind::AlreadyExists && number < u64::MAX => {}
                Err(source) => return Err(RunError::Io { doing: "create", path, source }),
            }
        }
    }

    /// Creates a run of that name in `home`. The name must be [fit for one](check_name), and free.
    pub fn create_named(home: &Path, name: &str, recipe: &Recipe) -> Result<Self, RunError> {
        check_name(name).map_err(|problem| RunError::BadName { name: name.to_owned(), problem })?;
        let home = absolute(home)?;
        fs::create_dir_all(&home).map_err(RunError::io("create", &home))?;
        let path = home.join(name);
        match new_folder().create(&path) {
            Ok(()) => Self::at(path).filled(recipe),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                match Self::open(&path).and_then(|run| run.status()) {
                    Ok(meta) => Err(RunError::NameTaken { name: name.to_owned(), state: meta.state }),
                    Err(_) => Err(RunError::PlaceTaken { path }),
                }
            }
            Err(source) => Err(RunError::Io { doing: "create", path, source }),
        }
    }

    /// Creates a run at `path`, which must not exist or be an empty folder of ours.
    pub fn create_at(path: &Path, recipe: &Recipe) -> Result<Self, RunError> {
        let run = Self::at(absolute(path)?);
        let occupied = || RunError::Occupied { path: path.to_owned() };
        match new_folder().recursive(true).create(&run.path) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(occupied()),
            Err(source) => return Err(RunError::Io { doing: "create", path: run.path, source }),
        }
        // Looked at before it is made ours alone, and held: what is written goes to no other place.
        let is_empty = |folder: &Path| -> Result<bool, RunError> {
            Ok(fs::read_dir(folder).map_err(RunError::io("read", folder))?.next().is_none())
        };
        if !is_empty(&run.path)? {
            return Err(occupied());
        }
        let held = run.own()?;
        if !is_empty(held.root())? {
            return Err(occupied());
        }
        match held.fill(recipe) {
            Ok(()) => Ok(run),
            // Somebody else filled it in between.
            Err(RunError::Io { source, .. }) if source.kind() == ErrorKind::AlreadyExists => Err(occupied()),
            Err(error) => Err(error),
        }
    }

    /// The run directory at `path`; it must hold a `run.json`.
    pub fn open(path: &Path) -> Result<Self, RunError> {
        // A path that ends in `..` has a name only once it is followed.
        let whole = if path.file_name().is_none() { fs::canonicalize(path).ok() } else { None };
        let run = Self::at(absolute(whole.as_deref().unwrap_or(path))?);
        if is_run(&run.path) { Ok(run) } else { Err(RunError::NotARun { path: path.to_owned(), near: Vec::new() }) }
    }

    fn at(path: PathBuf) -> Self {
        Self { path, held: None }
    }

    /// The same run, its directory held open: its files are those of that directory, whatever becomes of the path. For
    /// whoever writes; a directory that is not ours alone is refused.
    pub fn own(&self) -> Result<Self, RunError> {
        match &self.held {
            Some(_) => Ok(self.clone()),
            None => Ok(Self { path: self.path.clone(), held: Some(Arc::new(OwnedFolder::open(&self.path)?)) }),
        }
    }

    /// Absolute path of the directory; the event log lies directly in it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where its files are reached: through the directory that [`Self::own`] holds, else [`Self::path`].
    pub fn root(&self) -> &Path {
        self.held.as_ref().map_or(&self.path, |held| held.root())
    }

    /// Name of the directory, by which the run is known.
    pub fn name(&self) -> String {
        self.path.file_name().unwrap_or(self.path.as_os_str()).to_string_lossy().into_owned()
    }

    /// `run.json`
    pub fn meta_path(&self) -> PathBuf {
        self.root().join("run.json")
    }

    /// `recipe.toml`: resolved, every default written out.
    pub fn recipe_path(&self) -> PathBuf {
        self.root().join("recipe.toml")
    }

    /// `trainer.log`: the trainer's standard output and error.
    pub fn trainer_log_path(&self) -> PathBuf {
        self.root().join("trainer.log")
    }

    /// `trainer.lock`: held for as long as the trainer lives.
    pub fn lock_path(&self) -> PathBuf {
        self.root().join("trainer.lock")
    }

    /// `checkpoints/`; created by the first checkpoint.
    pub fn checkpoints_path(&self) -> PathBuf {
        self.root().join("checkpoints")
    }

    /// `run.json` as the trainer last wrote it, under the directory's present name. See [`Self::status`].
    pub fn meta(&self) -> Result<RunMeta, RunError> {
        let mut meta = RunMeta::read(&self.meta_path())?;
        meta.name = self.name();
        Ok(meta)
    }

    /// Replaces `run.json`; readers see the old one or the new one. For the holder of the [`RunLock`].
    pub fn write_meta(&self, meta: &RunMeta) -> Result<(), RunError> {
        meta.write(&self.own()?.meta_path())
    }

    /// The text of `recipe.toml`. One of more than 1 MiB is none.
    pub fn recipe_text(&self) -> Result<String, RunError> {
        let path = self.recipe_path();
        let bytes = files::read(&path, MOST_RECIPE).map_err(RunError::io("read", &path))?;
        String::from_utf8(bytes).map_err(|error| {
            let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = valid.split(|byte| *byte == b'\n').count();
            RunError::Damaged { path, problem: format!("line {line} is not UTF-8 text") }
        })
    }

    /// Sets room aside for `run.json`, if there is any, so that [`Self::write_meta`] can say that the disk is full once it is.
    pub fn keep_reserve(&self) {
        if let Ok(run) = self.own() {
            replace::keep_reserve(&run.meta_path());
        }
    }

    /// Gives that room back.
    pub fn drop_reserve(&self) {
        if let Ok(run) = self.own() {
            replace::drop_reserve(&run.meta_path());
        }
    }

    /// Prepares a run that is over for a trainer that goes on with it from a checkpoint after `step` steps, until `recipe`
    /// ends. The recipe is written as well, if it has another number of epochs now. Says so if a trainer has it.
    pub fn prepare_to_resume(&self, step: u64, recipe: &Recipe) -> Result<(), RunError> {
        let _lock = RunLock::acquire(self)?;
        let mut meta = self.meta()?;
        let now = Timestamp::now();
        // The lock is ours: what calls itself live is not, unless its trainer is still to come.
        if meta.state.without_trainer(meta.pid.is_some(), now.duration_since(meta.launched())).is_live() {
            return Err(RunError::Locked { name: self.name() });
        }
        if meta.epochs != recipe.epochs {
            replace::replace(&self.own()?.recipe_path(), recipe.to_toml().as_bytes())?;
        }
        meta.state = State::Starting;
        (meta.outcome, meta.finished, meta.pid, meta.socket, meta.trouble) = (None, None, None, None, None);
        meta.watchers = 0;
        meta.epochs = recipe.epochs;
        meta.step = step;
        meta.epoch = step.checked_div(meta.steps_per_epoch).unwrap_or(0);
        meta.host = hostname();
        meta.resumed.push(Milestone { step, at: now });
        meta.updated = now;
        self.write_meta(&meta)
    }

    /// Whether a trainer lives.
    pub fn is_locked(&self) -> Result<bool, RunError> {
        lock::is_held(&self.lock_path())
    }

    /// `run.json` with the state that is true now: a run that calls itself live but whose trainer is gone is
    /// [`State::Crashed`]. One that is `Starting` and has not had a trainer yet is given
    /// [`super::STARTING_GRACE`].
    pub fn status(&self) -> Result<RunMeta, RunError> {
        /// A trainer would have to start or end between two reads this often to deceive us.
        const LOOKS: usize = 5;
        let mut meta = self.meta()?;
        for _ in 0..LOOKS {
            if meta.state.is_over() || self.is_locked()? {
                return Ok(meta);
            }
            // Without a lock the file is final, if it is the same before and after the look at the lock.
            let again = self.meta()?;
            let same = again == meta;
            meta = again;
            if same {
                break;
            }
        }
        let age = Timestamp::now().duration_since(meta.launched());
        meta.state = meta.state.without_trainer(meta.pid.is_some(), age);
        Ok(meta)
    }

    /// Records that the run failed, for a trainer that could not start or died before it could say so itself.
    /// Leaves a run alone that is over already, and says so if a trainer lives.
    pub fn record_failure(&self, outcome: &str) -> Result<(), RunError> {
        let _lock = RunLock::acquire(self)?;
        let mut meta = self.meta()?;
        if meta.state.is_live() {
            let now = Timestamp::now();
            meta.state = State::Failed;
            meta.outcome = Some(outcome.to_owned());
            meta.updated = now;
            meta.finished = Some(now);
            meta.socket = None;
            self.write_meta(&meta)?;
        }
        Ok(())
    }

    /// The run in a directory that was just made for it, with all that a new run has.
    fn filled(self, recipe: &Recipe) -> Result<Self, RunError> {
        match self.own().and_then(|held| held.fill(recipe)) {
            Ok(()) => Ok(self),
            Err(error) => {
                // Half a run helps nobody; the error that matters is the first one.
                let _ = fs::remove_dir_all(&self.path);
                Err(error)
            }
        }
    }

    /// `run.json` comes last: a directory is a run only when it is complete.
    fn fill(&self, recipe: &Recipe) -> Result<(), RunError> {
        let path = self.recipe_path();
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)
            .and_then(|mut file| file.write_all(recipe.to_toml().as_bytes()))
            .map_err(RunError::io("create", &path))?;
        self.write_meta(&RunMeta::starting(self.name(), recipe))
    }
}

/// Makes folders that others may look into, whatever the user's mask.
fn new_folder() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.mode(0o755);
    builder
}

/// Whether `path` is a run directory.
pub(super) fn is_run(path: &Path) -> bool {
    // Only a regular file: a pipe of that name would block the reader for ever.
    path.join("run.json").is_file()
}

/// `path` seen from the root. Symbolic links stay: they are what the user typed.
pub(super) fn absolute(path: &Path) -> Result<PathBuf, RunError> {
    std::path::absolute(path).map_err(RunError::io("find", path))
}

/// The highest number among the runs of `recipe` in `home`; 0 if there are none.
fn last_number(home: &Path, recipe: &str) -> Result<u64, RunError> {
    let entries = fs::read_dir(home).map_err(RunError::io("read", home))?;
    let numbers = entries.filter_map(|entry| {
        let name = entry.ok()?.file_name();
        let digits = name.to_str()?.strip_prefix(recipe)?.strip_prefix('-')?;
        if digits.bytes().all(|b| b.is_ascii_digit()) { digits.parse::<u64>().ok() } else { None }
    });
    Ok(numbers.max().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::thread;

    use super::*;
    use crate::run::moons;

    fn of(variables: &[(&str, &str)], user: Option<&str>) -> Result<PathBuf, RunError> {
        let get = |key: &str| variables.iter().find(|(name, _)| *name == key).map(|(_, value)| OsString::from(value));
        home_of(get, user.map(PathBuf::from))
    }

    #[test]
    fn home_follows_the_environment() {
        let all = [("TORCHSCOPE_HOME", "/a"), ("XDG_STATE_HOME", "/b")];
        assert_eq!(of(&all, Some("/c")).unwrap(), Path::new("/a"));
        assert_eq!(of(&all[1..], Some("/c")).unwrap(), Path::new("/b/torchscope"));
        assert_eq!(of(&[], Some("/c")).unwrap(), Path::new("/c/.local/state/torchscope"));
        let ignored = [("TORCHSCOPE_HOME", ""), ("XDG_STATE_HOME", "b")];
        assert_eq!(of(&ignored, Some("/c")).unwrap(), Path::new("/c/.local/state/torchscope"));
        let relative = of(&[("TORCHSCOPE_HOME", "a")], None).unwrap();
        assert_eq!(relative, env::current_dir().unwrap().join("a"));
        for user in [None, Some(""), Some("c")] {
            assert!(of(&[], user).unwrap_err().to_string().contains("TORCHSCOPE_HOME"));
        }
    }

    #[test]
    fn runs_are_numbered_and_complete() {
        let home = tempfile::tempdir().unwrap();
        let below = home.path().join("not/there/yet");
        let first = RunDir::create(&below, &moons()).unwrap();
        assert_eq!(first.path(), below.join("moons-0001"));
        assert_eq!(RunDir::create(&below, &moons()).unwrap().name(), "moons-0002");
        let recipe = Recipe::parse("recipe.toml", &fs::read_to_string(first.recipe_path()).unwrap()).unwrap();
        assert_eq!(recipe, moons());
        assert_eq!(first.meta().unwrap().name, "moons-0001");
        // A number is not given twice as long as a later one is there; other recipes' numbers do not count.
        fs::remove_dir_all(first.path()).unwrap();
        for other in ["moons-x", "moons-big-0009", "moons-+7", "circles-0050", "moons-10000"] {
            fs::create_dir(below.join(other)).unwrap();
        }
        assert_eq!(RunDir::create(&below, &moons()).unwrap().name(), "moons-10001");
    }

    #[test]
    fn a_run_has_the_name_it_was_given() {
        let home = tempfile::tempdir().unwrap();
        let run = RunDir::create_named(home.path(), "wide-0.1", &moons()).unwrap();
        assert_eq!((run.path(), run.meta().unwrap().name.as_str()), (&*home.path().join("wide-0.1"), "wide-0.1"));
        let error = RunDir::create_named(home.path(), "wide-0.1", &moons()).unwrap_err().to_string();
        assert!(error.contains("`wide-0.1` is the name of a run that is starting; pass another --name"), "{error}");
        fs::create_dir(home.path().join("empty")).unwrap();
        let error = RunDir::create_named(home.path(), "empty", &moons()).unwrap_err();
        assert!(matches!(error, RunError::PlaceTaken { .. }), "{error:?}");
        for bad in ["../out", "", ".x", "a b"] {
            let error = RunDir::create_named(home.path(), bad, &moons()).unwrap_err();
            assert!(matches!(error, RunError::BadName { .. }), "{error:?}");
        }
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 2);
        // Numbers go on as they would without it.
        assert_eq!(RunDir::create(home.path(), &moons()).unwrap().name(), "moons-0001");
    }

    #[test]
    fn a_home_without_numbers_left_is_an_error() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join(format!("moons-{}", u64::MAX))).unwrap();
        assert!(RunDir::create(home.path(), &moons()).is_err());
    }

    #[test]
    fn runs_created_at_once_get_different_numbers() {
        let home = tempfile::tempdir().unwrap();
        let names: BTreeSet<String> = thread::scope(|scope| {
            let create = || RunDir::create(home.path(), &moons()).unwrap().name();
            let threads: Vec<_> = (0..16).map(|_| scope.spawn(create)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(names.len(), 16);
    }

    #[test]
    fn a_given_place_must_be_free() {
        let folder = tempfile::tempdir().unwrap();
        let free = folder.path().join("a/b");
        let run = RunDir::create_at(&free, &moons()).unwrap();
        assert_eq!((run.name().as_str(), run.meta().unwrap().name.as_str()), ("b", "b"));
        let empty = folder.path().join("empty");
        fs::create_dir(&empty).unwrap();
        RunDir::create_at(&empty, &moons()).unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        for taken in [&free, &empty, &file] {
            let error = RunDir::create_at(taken, &moons()).unwrap_err();
            assert!(matches!(error, RunError::Occupied { .. }), "{error:?}");
        }
        assert!(RunDir::create_at(&file.join("below"), &moons()).unwrap_err().to_string().starts_with("cannot create"));
    }

    #[test]
    fn a_folder_of_somebody_else_is_looked_into_but_not_written_to() {
        if !rustix::process::geteuid().is_root() {
            println!("skipped: only root can give a folder to somebody else");
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let give = |path: &Path| {
            let other = rustix::fs::Uid::from_raw(12_345);
            rustix::fs::chown(path, Some(other), None).unwrap();
        };
        let theirs = folder.path().join("theirs");
        fs::create_dir(&theirs).unwrap();
        give(&theirs);
        let error = RunDir::create_at(&theirs, &moons()).unwrap_err();
        assert!(matches!(error, RunError::NotOurs { .. }) && error.to_string().contains("another user"), "{error}");
        assert_eq!(fs::read_dir(&theirs).unwrap().count(), 0);

        let run = RunDir::create(folder.path(), &moons()).unwrap();
        let meta = run.meta().unwrap();
        give(run.path());
        assert_eq!(run.status().unwrap(), meta);
        assert!(!run.is_locked().unwrap());
        assert!(matches!(run.write_meta(&meta), Err(RunError::NotOurs { .. })));
        assert!(matches!(RunLock::acquire(&run), Err(RunError::NotOurs { .. })));
        assert!(matches!(run.prepare_to_resume(5, &moons()), Err(RunError::NotOurs { .. })));
    }

    #[test]
    fn a_folder_open_to_others_is_closed_before_it_is_used() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let open = folder.path().join("open");
        fs::create_dir(&open).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
        RunDir::create_at(&open, &moons()).unwrap();
        assert_eq!(mode(&open), 0o755);
        // What is not to become a run stays as it is.
        let full = folder.path().join("full");
        fs::create_dir_all(full.join("something")).unwrap();
        fs::set_permissions(&full, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(matches!(RunDir::create_at(&full, &moons()), Err(RunError::Occupied { .. })));
        assert_eq!(mode(&full), 0o777);
    }

    #[test]
    fn a_run_that_is_held_goes_where_its_directory_goes() {
        let home = tempfile::tempdir().unwrap();
        let run = RunDir::create(home.path(), &moons()).unwrap().own().unwrap();
        let moved = home.path().join("moved");
        fs::rename(run.path(), &moved).unwrap();
        let mut meta = run.meta().unwrap();
        meta.step = 7;
        run.write_meta(&meta).unwrap();
        let _lock = RunLock::acquire(&run).unwrap();
        let there = RunDir::open(&moved).unwrap();
        assert_eq!(there.meta().unwrap().step, 7);
        assert!(there.is_locked().unwrap());
        fs::remove_dir_all(&moved).unwrap();
        let error = run.write_meta(&meta).unwrap_err().to_string();
        assert!(error.contains("moved") && !error.contains("/proc/"), "{error}");
    }

    #[test]
    fn a_recipe_that_is_none_is_named() {
        let home = tempfile::tempdir().unwrap();
        let run = RunDir::create(home.path(), &moons()).unwrap();
        let said = || run.recipe_text().unwrap_err().to_string();
        fs::write(run.recipe_path(), b"name = 1\n\xff").unwrap();
        assert!(said().contains("recipe.toml") && said().contains("line 2 is not UTF-8"), "{}", said());
        fs::write(run.recipe_path(), vec![b'#'; MOST_RECIPE + 1]).unwrap();
        assert!(said().contains("recipe.toml") && said().contains("more than 1048576 bytes"), "{}", said());
        fs::remove_file(run.recipe_path()).unwrap();
        assert!(said().contains("recipe.toml") && said().contains("No such file"), "{}", said());
        fs::create_dir(run.recipe_path()).unwrap();
        assert!(said().contains("recipe.toml") && said().contains("a folder"), "{}", said());
    }

    #[test]
    fn one_of_two_gets_a_given_place() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("run");
        let created: usize = thread::scope(|scope| {
            let create = || usize::from(RunDir::create_at(&place, &moons()).is_ok());
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(create)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(created, 1);
    }

    #[test]
    fn a_run_goes_by_the_name_of_its_directory() {
        let home = tempfile::tempdir().unwrap();
        let run = RunDir::create(home.path(), &moons()).unwrap();
        let renamed = home.path().join("the good one");
        fs::rename(run.path(), &renamed).unwrap();
        let run = RunDir::open(&renamed).unwrap();
        assert_eq!(run.meta().unwrap().name, "the good one");
        fs::create_dir(renamed.join("checkpoints")).unwrap();
        assert_eq!(RunDir::open(&renamed.join("checkpoints/..")).unwrap().name(), "the good one");
    }

    #[test]
    fn only_a_directory_with_a_run_json_opens() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("odd/run.json")).unwrap();
        for path in ["", "odd", "missing"] {
            let error = RunDir::open(&folder.path().join(path)).unwrap_err();
            assert!(error.to_string().contains("holds no run.json; pass a run directory"), "{error}");
        }
    }

    #[test]
    fn status_tells_a_dead_trainer_from_a_live_one() {
        let home = tempfile::tempdir().unwrap();
        let run = RunDir::create(home.path(), &moons()).unwrap();
        let state = || run.status().unwrap().state;
        assert_eq!(state(), State::Starting, "libtorch may take its time");
        let mut meta = run.meta().unwrap();
        meta.started -= jiff::SignedDuration::from_mins(1);
        run.write_meta(&meta).unwrap();
        assert_eq!(state(), State::Crashed, "but not for ever");

        let lock = RunLock::acquire(&run).unwrap();
        assert_eq!(state(), State::Starting);
        for written in [State::Running, State::Paused] {
            meta.state = written;
            run.write_meta(&meta).unwrap();
            assert_eq!(state(), written);
        }
        drop(lock);
        assert_eq!(state(), State::Crashed);
        assert_eq!(run.meta().unwrap().state, State::Paused, "never written");

        for written in [State::Finished, State::Stopped, State::Failed, State::Diverged] {
            meta.state = written;
            run.write_meta(&meta).unwrap();
            assert_eq!(state(), written);
        }
    }

    #[test]
    fn a_run_that_ends_is_never_seen_as_crashed() {
        let home = tempfile::tempdir().unwrap();
        for _ in 0..50 {
            let run = RunDir::create(home.path(), &moons()).unwrap();
            let lock = RunLock::acquire(&run).unwrap();
            let mut meta = run.meta().unwrap();
            meta.state = State::Running;
            run.write_meta(&meta).unwrap();
            thread::scope(|scope| {
                scope.spawn(|| {
                    loop {
                        let state = run.status().unwrap().state;
                        assert_ne!(state, State::Crashed);
                        if state.is_over() {
                            break;
                        }
                    }
                });
                thread::sleep(std::time::Duration::from_micros(300));
                meta.state = State::Finished;
                run.write_meta(&meta).unwrap();
                drop(lock);
            });
        }
    }

    #[test]
    fn a_run_that_is_over_is_prepared_to_go_on() {
        let home = tempfile::tempdir().unwrap();
        let run = RunDir::create(home.path(), &moons()).unwrap();
        assert!(matches!(run.prepare_to_resume(5, &moons()), Err(RunError::Locked { .. })), "its trainer is to come");
        let mut meta = run.meta().unwrap();
        meta.started -= jiff::SignedDuration::from_hours(1);
        (meta.state, meta.pid, meta.steps_per_epoch) = (State::Running, Some(1), 16);
        (meta.outcome, meta.step) = (Some("broke".to_owned()), 400);
        run.write_meta(&meta).unwrap();
        assert_eq!(run.status().unwrap().state, State::Crashed);
        let lock = RunLock::acquire(&run).unwrap();
        assert!(matches!(run.prepare_to_resume(5, &moons()), Err(RunError::Locked { .. })), "it has a trainer");
        drop(lock);

        let recipe = Recipe { epochs: 500, ..moons() };
        run.prepare_to_resume(320, &recipe).unwrap();
        let meta = run.status().unwrap();
        assert_eq!((meta.state, meta.outcome, meta.pid), (State::Starting, None, None));
        assert_eq!((meta.step, meta.epoch, meta.epochs), (320, 20, 500));
        assert_eq!(meta.resumed.iter().map(|resumed| resumed.step).collect::<Vec<_>>(), [320]);
        let text = fs::read_to_string(run.recipe_path()).unwrap();
        assert_eq!(Recipe::parse("recipe.toml", &text).unwrap(), recipe);
        assert!(matches!(run.prepare_to_resume(5, &moons()), Err(RunError::Locked { .. })), "somebody else resumes it");
    }

    #[test]
    fn a_failure_is_recorded_only_for_a_trainer_that_is_gone() {
        let home = tempfile::tempdir().unwrap();
        let run = RunDir::create(home.path(), &moons()).unwrap();
        let lock = RunLock::acquire(&run).unwrap();
        assert!(matches!(run.record_failure("no"), Err(RunError::Locked { .. })));
        drop(lock);
        run.record_failure("libtorch is missing").unwrap();
        let meta = run.status().unwrap();
        assert_eq!((meta.state, meta.outcome.as_deref()), (State::Failed, Some("libtorch is missing")));
        assert!(meta.finished.is_some());
        run.record_failure("something else").unwrap();
        assert_eq!(run.meta().unwrap().outcome.as_deref(), Some("libtorch is missing"));
    }
}
