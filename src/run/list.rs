//! Finding runs: all of them, or the one that is meant.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::dir::{RunDir, is_run};
use super::error::RunError;
use super::meta::RunMeta;

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

/// The run that `arg` means: none is the run of `home` started last; else a path of a run directory, a name in `home`,
/// or the start of exactly one name.
pub fn resolve(arg: Option<&str>, home: &Path) -> Result<RunDir, RunError> {
    let Some(arg) = arg else {
        let newest = runs_in(home).into_iter().next();
        return newest.ok_or_else(|| RunError::NoRuns { home: home.to_owned() });
    };
    // Joined to anything, an empty path is that thing itself.
    if !arg.is_empty() {
        match RunDir::open(Path::new(arg)) {
            Err(RunError::NotARun { .. }) => {}
            other => return other,
        }
    }
    let no_run = || {
        let path = PathBuf::from(arg);
        let near = if path.is_dir() { paths(&runs_below(&path)) } else { Vec::new() };
        RunError::NotARun { path, near }
    };
    if !is_name(arg) && !arg.is_empty() {
        return Err(no_run());
    }
    let runs = runs_in(home);
    if let Some(run) = runs.iter().find(|run| run.name() == arg) {
        return Ok(run.clone());
    }
    let mut starting: Vec<RunDir> = if arg.is_empty() {
        Vec::new()
    } else {
        runs.iter().filter(|run| run.name().starts_with(arg)).cloned().collect()
    };
    match (starting.pop(), starting.is_empty()) {
        (Some(run), true) => Ok(run),
        (Some(run), false) => {
            starting.push(run);
            starting.truncate(MOST_OFFERED);
            Err(RunError::Ambiguous { prefix: arg.to_owned(), names: names(&starting) })
        }
        (None, _) if !arg.is_empty() && Path::new(arg).is_dir() => Err(no_run()),
        (None, _) if runs.is_empty() => Err(RunError::NoRuns { home: home.to_owned() }),
        (None, _) => Err(RunError::NoSuchRun { name: arg.to_owned(), home: home.to_owned(), near: near(arg, &runs) }),
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
