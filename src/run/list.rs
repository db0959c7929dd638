//! Finding runs: all of them, or the one that is meant.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::dir::{RunDir, is_run};
use super::error::RunError;
use super::meta::RunMeta;
use super::tail::plain;

/// Folders below a root that are looked into: a root's own runs are at depth 1.
const DEEPEST: usize = 4;

/// Names that an error offers.
const MOST_OFFERED: usize = 5;

/// A run and how it stands now.
#[derive(Clone, Debug)]
pub struct Run {
    /// Where it lies.
    pub dir: RunDir,
    /// Its `run.json` with the state that is true now.
    pub meta: RunMeta,
}

/// The runs at and below `roots`, down to four folders deep, newest first; what cannot be read comes after them as
/// errors. Symbolic links below a root are not followed. A run below two roots appears once.
pub fn list(roots: &[PathBuf]) -> Vec<Result<Run, RunError>> {
    let mut found = Vec::new();
    let mut errors = Vec::new();
    let mut seen = BTreeSet::new();
    for root in roots {
        // A root may be a link, and a file is an error worth a line.
        match fs::read_dir(root) {
            Ok(_) => walk(root, 0, &mut |run| {
                let whole = fs::canonicalize(run.path()).unwrap_or_else(|_| run.path().to_owned());
                if seen.insert(whole) {
                    match run.status() {
                        Ok(meta) => found.push(Run { dir: run, meta }),
                        Err(error) => errors.push(error),
                    }
                }
            }),
            Err(source) => errors.push(RunError::Io { doing: "list runs in", path: root.clone(), source }),
        }
    }
    found.sort_by_cached_key(|run| (Reverse(run.meta.started), Reverse(run.meta.name.clone())));
    found.into_iter().map(Ok).chain(errors.into_iter().map(Err)).collect()
}

/// As [`list`] for the home of runs, which need not exist.
pub fn list_home(home: &Path) -> Vec<Result<Run, RunError>> {
    if home.exists() { list(&[home.to_owned()]) } else { Vec::new() }
}

fn walk(folder: &Path, depth: usize, report: &mut impl FnMut(RunDir)) {
    if is_run(folder) {
        // Nothing in a run directory is another run.
        if let Ok(run) = RunDir::open(folder) {
            report(run);
        }
        return;
    }
    if depth == DEEPEST {
        return;
    }
    // A folder closed to us holds no run that we could show.
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        // The type of the entry itself: links are not followed, so that loops end.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            walk(&entry.path(), depth + 1, report);
        }
    }
}

/// Which runs an argument may mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Eligible {
    /// Every run.
    All,
    /// Those with a trainer, or waiting for one. A whole name or a path means its run all the same.
    Live,
}

/// The run that an argument means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The run.
    pub run: RunDir,
    /// What it was chosen from; none where the argument leaves no choice.
    pub choice: Option<Choice>,
}

/// How a run was chosen among several. Displays as a line for the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The run's name.
    name: String,
    /// The beginning of a name that was given; none where nothing was.
    prefix: Option<String>,
    /// How many runs it could have been, 2 or more.
    count: usize,
    eligible: Eligible,
}

impl fmt::Display for Choice {
    /// As in "moons-0007, the newest of 7 that begin with `moons`".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let live = if self.eligible == Eligible::Live { " live" } else { "" };
        write!(f, "{}, the newest of {}{live}", plain(&self.name), self.count)?;
        match &self.prefix {
            Some(prefix) => write!(f, " that begin with `{}`", plain(prefix)),
            None => write!(f, " runs"),
        }
    }
}

/// The run that `arg` means: none is the newest run of `home`; else a path of a run directory, a name in `home`, or the
/// beginning of names, of which it is the newest. The newest is the one that was started last.
///
/// Where only live runs are [eligible](Eligible) and there is none, the newest of the others is taken, so that whoever asks
/// can say what has become of it.
pub fn resolve(arg: Option<&str>, home: &Path, eligible: Eligible) -> Result<Resolved, RunError> {
    let Some(arg) = arg else {
        return newest(runs_in(home), None, eligible).ok_or_else(|| RunError::NoRuns { home: home.to_owned() });
    };
    match exact(arg, home)? {
        Exact::Run(run) => Ok(Resolved { run, choice: None }),
        Exact::None(runs) => {
            // Every name begins with nothing.
            let begins = |run: &RunDir| !arg.is_empty() && run.name().starts_with(arg);
            let (fitting, others): (Vec<_>, Vec<_>) = runs.into_iter().partition(begins);
            newest(fitting, Some(arg), eligible).ok_or_else(|| none_such(arg, home, &others))
        }
    }
}

/// The run that goes by exactly that name in `home`, or lies at that path. Never guesses.
pub fn resolve_exactly(arg: &str, home: &Path) -> Result<RunDir, RunError> {
    match exact(arg, home)? {
        Exact::Run(run) => Ok(run),
        Exact::None(runs) => {
            let begins = |run: &&RunDir| !arg.is_empty() && run.name().starts_with(arg);
            let fitting: Vec<RunDir> = runs.iter().filter(begins).cloned().collect();
            if fitting.is_empty() {
                return Err(none_such(arg, home, &runs));
            }
            Err(RunError::Unsure { prefix: arg.to_owned(), names: names(&fitting) })
        }
    }
}

/// What a whole name or a path leads to.
enum Exact {
    Run(RunDir),
    /// No run goes by it; these are the runs of the home, newest first.
    None(Vec<RunDir>),
}

fn exact(arg: &str, home: &Path) -> Result<Exact, RunError> {
    // Joined to anything, an empty path is that thing itself.
    if !arg.is_empty() {
        match RunDir::open(Path::new(arg)) {
            Err(RunError::NotARun { .. }) => {}
            other => return other.map(Exact::Run),
        }
    }
    if !is_name(arg) && !arg.is_empty() {
        return Err(no_run(arg));
    }
    let runs = runs_in(home);
    Ok(match runs.iter().position(|run| run.name() == arg) {
        Some(place) => Exact::Run(runs[place].clone()),
        None => Exact::None(runs),
    })
}

/// The first of `runs`, which come newest first; with `eligible` the first of those, if there is one.
fn newest(runs: Vec<RunDir>, prefix: Option<&str>, eligible: Eligible) -> Option<Resolved> {
    let is_live = |run: &RunDir| run.status().is_ok_and(|meta| meta.state.is_live());
    let (runs, eligible) = match eligible {
        Eligible::All => (runs, Eligible::All),
        Eligible::Live => {
            let (live, over): (Vec<_>, Vec<_>) = runs.into_iter().partition(is_live);
            if live.is_empty() { (over, Eligible::All) } else { (live, Eligible::Live) }
        }
    };
    let count = runs.len();
    let run = runs.into_iter().next()?;
    let choice = (count > 1).then(|| Choice { name: run.name(), prefix: prefix.map(str::to_owned), count, eligible });
    Some(Resolved { run, choice })
}

/// Why a path leads to no run.
fn no_run(arg: &str) -> RunError {
    let path = PathBuf::from(arg);
    let near = if path.is_dir() { paths(&runs_below(&path)) } else { Vec::new() };
    RunError::NotARun { path, near }
}

/// Why a name, or the beginning of one, leads to none of `runs`.
fn none_such(arg: &str, home: &Path, runs: &[RunDir]) -> RunError {
    if !arg.is_empty() && Path::new(arg).is_dir() {
        no_run(arg)
    } else if runs.is_empty() {
        RunError::NoRuns { home: home.to_owned() }
    } else {
        RunError::NoSuchRun { name: arg.to_owned(), home: home.to_owned(), near: near(arg, runs) }
    }
}

/// Whether `arg` can be the name of a directory in the home, and leads nowhere else.
fn is_name(arg: &str) -> bool {
    let mut parts = Path::new(arg).components();
    // `a/` and `a/.` have one component as well, but are paths to whoever typed them.
    matches!((parts.next(), parts.next()), (Some(Component::Normal(part)), None) if part == arg)
}

/// The runs directly in `home`, newest first; those that cannot be read come last.
fn runs_in(home: &Path) -> Vec<RunDir> {
    let Ok(entries) = fs::read_dir(home) else { return Vec::new() };
    // A run may be a link here: somebody put it there by hand, and it ends at once.
    let paths = entries.flatten().map(|entry| entry.path());
    newest_first(paths.filter_map(|path| RunDir::open(&path).ok()).collect())
}

/// As [`runs_in`], but down to the depth of [`list`].
fn runs_below(folder: &Path) -> Vec<RunDir> {
    let mut runs = Vec::new();
    walk(folder, 0, &mut |run| runs.push(run));
    newest_first(runs)
}

fn newest_first(mut runs: Vec<RunDir>) -> Vec<RunDir> {
    runs.sort_by_cached_key(|run| Reverse((run.meta().ok().map(|meta| meta.started), run.name())));
    runs
}

fn names(runs: &[RunDir]) -> Vec<String> {
    runs.iter().take(MOST_OFFERED).map(RunDir::name).collect()
}

fn paths(runs: &[RunDir]) -> Vec<String> {
    runs.iter().take(MOST_OFFERED).map(|run| run.path().to_string_lossy().into_owned()).collect()
}

/// Names like `arg`, nearest first, or else the newest.
fn near(arg: &str, runs: &[RunDir]) -> Vec<String> {
    /// Jaro-Winkler likeness above which a name may be what was meant.
    const NEAR: f64 = 0.8;
    let mut likely: Vec<(f64, String)> = runs
        .iter()
        .map(|run| (strsim::jaro_winkler(arg, &run.name()), run.name()))
        .filter(|(likeness, _)| *likeness > NEAR)
        .collect();
    likely.sort_by(|a, b| b.0.total_cmp(&a.0));
    likely.truncate(MOST_OFFERED);
    if likely.is_empty() { names(runs) } else { likely.into_iter().map(|(_, name)| name).collect() }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use jiff::SignedDuration;

    use super::*;
    use crate::run::{State, moons};

    /// A home with three runs of moons, the first one started last.
    fn home() -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        for age in [0, 10, 20] {
            let run = RunDir::create(home.path(), &moons()).unwrap();
            let mut meta = run.meta().unwrap();
            meta.started -= SignedDuration::from_secs(age);
            run.write_meta(&meta).unwrap();
        }
        home
    }

    fn found(roots: &[PathBuf]) -> Vec<String> {
        list(roots).into_iter().map(|run| run.map_or_else(|error| error.to_string(), |run| run.meta.name)).collect()
    }

    #[test]
    fn the_newest_run_comes_first() {
        let home = home();
        assert_eq!(found(&[home.path().to_owned()]), ["moons-0001", "moons-0002", "moons-0003"]);
        assert_eq!(list_home(home.path()).len(), 3);
        assert!(list_home(&home.path().join("missing")).is_empty());
    }

    #[test]
    fn runs_are_found_four_folders_down_and_once() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| RunDir::create_at(&root.path().join(path), &moons()).unwrap();
        at("1/2/3/four");
        at("1/2/3/4/five");
        let outer = at("outer");
        RunDir::create_at(&outer.path().join("inner"), &moons()).unwrap();
        symlink(root.path(), root.path().join("1/loop")).unwrap();
        symlink(outer.path(), root.path().join("link")).unwrap();
        let mut names = found(&[root.path().to_owned(), root.path().join("1/.."), outer.path().to_owned()]);
        names.sort();
        assert_eq!(names, ["four", "outer"]);
        // A root itself may be a link.
        assert_eq!(found(&[root.path().join("link")]), ["link"]);
    }

    #[test]
    fn what_cannot_be_read_comes_last_and_says_so() {
        let home = home();
        let broken = home.path().join("broken");
        fs::create_dir(&broken).unwrap();
        fs::write(broken.join("run.json"), "{").unwrap();
        // A pipe would block whoever opens it.
        let pipe = home.path().join("pipe");
        fs::create_dir(&pipe).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, pipe.join("run.json"), rustix::fs::FileType::Fifo, 0o600.into(), 0)
            .unwrap();
        let names = found(&[home.path().join("missing"), home.path().to_owned()]);
        assert_eq!(names[..3], ["moons-0001", "moons-0002", "moons-0003"]);
        assert!(names[3].starts_with("cannot list runs in") && names[4].contains("is damaged"), "{names:?}");
        assert_eq!(names.len(), 5);
    }

    #[test]
    fn no_argument_means_the_run_started_last() {
        let home = home();
        assert_eq!(resolve(None, home.path(), Eligible::All).unwrap().run.name(), "moons-0001");
        let empty = tempfile::tempdir().unwrap();
        for nothing in [empty.path(), &empty.path().join("missing")] {
            for arg in [None, Some("moons")] {
                let error = resolve(arg, nothing, Eligible::All).unwrap_err().to_string();
                assert!(error.contains("`torchscope train moons` starts one"), "{error}");
            }
        }
    }

    #[test]
    fn a_run_that_cannot_be_read_is_not_the_latest() {
        let home = home();
        fs::create_dir(home.path().join("z")).unwrap();
        fs::write(home.path().join("z/run.json"), "").unwrap();
        assert_eq!(resolve(None, home.path(), Eligible::All).unwrap().run.name(), "moons-0001");
        assert_eq!(resolve(Some("z"), home.path(), Eligible::All).unwrap().run.name(), "z", "but can be named");
    }

    #[test]
    fn paths_names_and_beginnings_lead_to_a_run() {
        let home = home();
        let name = |arg: &str| resolve(Some(arg), home.path(), Eligible::All).unwrap().run.name();
        assert_eq!(name("moons-0002"), "moons-0002");
        let path = home.path().join("moons-0003");
        assert_eq!(name(path.to_str().unwrap()), "moons-0003");
        assert_eq!(name(&format!("{}/", path.display())), "moons-0003");
        RunDir::create_at(&home.path().join("other"), &moons()).unwrap();
        assert_eq!(name("o"), "other");
        // A whole name beats longer ones that start with it.
        RunDir::create_at(&home.path().join("moons-00"), &moons()).unwrap();
        assert_eq!(name("moons-00"), "moons-00");
    }

    /// What is chosen, and the line about it.
    fn chosen(arg: Option<&str>, home: &Path, eligible: Eligible) -> (String, Option<String>) {
        let Resolved { run, choice } = resolve(arg, home, eligible).unwrap();
        (run.name(), choice.map(|choice| choice.to_string()))
    }

    #[test]
    fn a_beginning_of_several_names_is_the_newest_of_them_and_that_is_said() {
        let home = home();
        RunDir::create_at(&home.path().join("other-1"), &moons()).unwrap();
        let (name, line) = chosen(Some("moons"), home.path(), Eligible::All);
        assert_eq!(name, "moons-0001", "it was started last, whatever its number");
        assert_eq!(line.unwrap(), "moons-0001, the newest of 3 that begin with `moons`");
        assert_eq!(chosen(None, home.path(), Eligible::All).1.unwrap(), "other-1, the newest of 4 runs");
        for unmistakable in ["oth", "moons-0002"] {
            assert_eq!(chosen(Some(unmistakable), home.path(), Eligible::All).1, None);
        }
    }

    #[test]
    fn of_live_runs_the_newest_is_meant_and_without_any_the_newest_of_all() {
        let home = home();
        let set = |name: &str, state: State| {
            let run = RunDir::open(&home.path().join(name)).unwrap();
            let meta = RunMeta { state, ..run.meta().unwrap() };
            run.write_meta(&meta).unwrap();
        };
        set("moons-0001", State::Finished);
        let (name, line) = chosen(Some("moons"), home.path(), Eligible::Live);
        assert_eq!(name, "moons-0002");
        assert_eq!(line.unwrap(), "moons-0002, the newest of 2 live that begin with `moons`");
        set("moons-0002", State::Stopped);
        assert_eq!(chosen(None, home.path(), Eligible::Live), ("moons-0003".to_owned(), None), "only one is left");
        assert_eq!(chosen(Some("moons-0001"), home.path(), Eligible::Live).0, "moons-0001", "a whole name is meant");
        set("moons-0003", State::Failed);
        let (name, line) = chosen(Some("moons"), home.path(), Eligible::Live);
        assert_eq!((name.as_str(), line.unwrap().contains("live")), ("moons-0001", false));
    }

    #[test]
    fn what_has_to_be_exact_is_not_guessed() {
        let home = home();
        let exactly = |arg: &str| resolve_exactly(arg, home.path());
        assert_eq!(exactly("moons-0002").unwrap().name(), "moons-0002");
        assert_eq!(exactly(home.path().join("moons-0003").to_str().unwrap()).unwrap().name(), "moons-0003");
        for prefix in ["m", "moons", "moons-000"] {
            let error = exactly(prefix).unwrap_err();
            assert!(matches!(error, RunError::Unsure { .. }), "{error:?}");
            assert!(error.to_string().contains("whole name is needed here: `moons-0001`, `moons-0002`"), "{error}");
        }
        for nothing in ["", "spiral", "../x", "."] {
            assert!(!matches!(exactly(nothing), Ok(_) | Err(RunError::Unsure { .. })), "{nothing:?}");
        }
    }

    #[test]
    fn a_wrong_name_is_answered_with_near_ones() {
        let home = home();
        RunDir::create_at(&home.path().join("spiral-0001"), &moons()).unwrap();
        let near = |arg: &str| match resolve(Some(arg), home.path(), Eligible::All).unwrap_err() {
            RunError::NoSuchRun { near, .. } => near,
            error => panic!("{error:?}"),
        };
        assert_eq!(near("sprial-0001"), ["spiral-0001"]);
        assert_eq!(near("mnist"), ["spiral-0001", "moons-0001", "moons-0002", "moons-0003"], "else all, newest first");
        assert_eq!(near("").len(), 4);
        assert!(!resolve(Some("\u{1b}[2J"), home.path(), Eligible::All).unwrap_err().to_string().contains('\u{1b}'));
    }

    #[test]
    fn a_path_never_leads_into_the_home_by_the_back_door() {
        let outer = home();
        let inner = outer.path().join("inner");
        fs::create_dir(&inner).unwrap();
        RunDir::create(&inner, &moons()).unwrap();
        for arg in ["../moons-0002", "./moons-0001", "moons-0001/", "moons-0001/.", "/moons-0001", "..", ".", "/"] {
            let error = resolve(Some(arg), &inner, Eligible::All).unwrap_err();
            assert!(matches!(error, RunError::NotARun { .. }), "{arg}: {error:?}");
        }
    }

    #[test]
    fn a_folder_of_runs_is_answered_with_its_runs() {
        let home = home();
        let elsewhere = tempfile::tempdir().unwrap();
        let error = resolve(Some(home.path().to_str().unwrap()), elsewhere.path(), Eligible::All).unwrap_err();
        assert!(error.to_string().contains("pass a run directory, such as `/"), "{error}");
        assert!(error.to_string().contains("moons-0001`"), "{error}");
    }
}
