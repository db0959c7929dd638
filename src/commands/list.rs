//! `torchscope ls`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use color_eyre::eyre::Result;
use jiff::Timestamp;
use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use super::{complain, say, say_json};
use crate::cli::Ls;
use crate::log::tags;
use crate::plot::format;
use crate::run::{self, Best, Run, RunMeta, State};
use crate::term::{self, Environment};

/// Columns between two columns of the table.
const GAP: usize = 2;
/// What stands for a value that there is none of.
const NONE: &str = "-";

/// One run in `ls --json`.
#[derive(Serialize)]
struct Entry<'a> {
    name: &'a str,
    path: Cow<'a, str>,
    recipe: &'a str,
    state: State,
    /// Why it is over, where the state does not say it all.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'a str>,
    step: u64,
    epoch: u64,
    epochs: u64,
    started: Timestamp,
    updated: Timestamp,
    pid: Option<u32>,
    host: &'a str,
    /// By tag, the best value and its step.
    best: &'a BTreeMap<String, Best>,
    /// By tag, the last value.
    #[serde(serialize_with = "run::number::map::serialize")]
    last: BTreeMap<String, f64>,
}

pub(super) fn run(args: &Ls) -> Result<u8> {
    let home = run::home()?;
    let listed = if args.paths.is_empty() { run::list_home(&home) } else { run::list(&args.paths) };
    let mut code = 0;
    let mut runs = Vec::new();
    for listed in listed {
        match listed {
            Ok(run) => runs.push(run),
            Err(error) => {
                complain(&format!("torchscope: {error}"));
                code = 1;
            }
        }
    }
    if args.json {
        let entries: Vec<Entry<'_>> = runs.iter().map(entry).collect();
        say_json(&entries)?;
    } else if runs.is_empty() {
        let place = args.paths.first().unwrap_or(&home);
        say(&format!("no runs in {}; start one: torchscope train moons", place.display()))?;
    } else {
        // What reads a pipe has room for everything.
        let screen = Environment::of_process().stdout_is_terminal.then(term::size).flatten();
        for line in table(&runs, Timestamp::now(), screen.map(|(columns, _)| columns.into())) {
            say(&line)?;
        }
    }
    Ok(code)
}

fn entry(run: &Run) -> Entry<'_> {
    let meta = &run.meta;
    Entry {
        name: &meta.name,
        path: run.dir.path().to_string_lossy(),
        recipe: &meta.recipe,
        state: meta.state,
        outcome: meta.outcome.as_deref(),
        step: meta.step,
        epoch: meta.epoch,
        epochs: meta.epochs,
        started: meta.started,
        updated: meta.updated,
        pid: meta.pid,
        host: &meta.host,
        best: &meta.best,
        last: meta.last.clone(),
    }
}

/// A column of the table.
struct Column {
    /// What several columns beside each other are about, if anything; on a line of its own above [`Self::head`].
    group: &'static str,
    head: &'static str,
    /// Where there is not enough room the columns of the highest number are left out first; those of 0 never are.
    dispensable: u8,
    /// One cell a run.
    cells: Vec<String>,
    /// Columns of the terminal.
    width: usize,
}

/// The state of a run, with a word if it has come to its end and that was no success.
fn state(meta: &RunMeta) -> String {
    let is_worse = meta.state == State::Finished && meta.outcome.is_some();
    if is_worse { format!("{}, worse", meta.state) } else { meta.state.to_string() }
}

/// Every column, one cell a run.
fn columns(runs: &[Run], now: Timestamp) -> Vec<Column> {
    let column = |group: &'static str, head: &'static str, dispensable, cell: &dyn Fn(&RunMeta) -> String| {
        let cells: Vec<String> = runs.iter().map(|run| cell(&run.meta)).collect();
        let width = cells.iter().map(|cell| cell.width()).max().unwrap_or(0).max(head.width());
        Column { group, head, dispensable, cells, width }
    };
    let last = |tag: &'static str| {
        move |meta: &RunMeta| meta.last.get(tag).map_or_else(|| NONE.to_owned(), |value| format::number(*value))
    };
    let best = |tag: &'static str| {
        move |meta: &RunMeta| meta.best.get(tag).map_or_else(|| NONE.to_owned(), |best| format::number(best.value))
    };
    let epoch = |meta: &RunMeta| match meta.epochs {
        0 => "untrained".to_owned(),
        epochs => format!("{}/{epochs}", meta.epoch),
    };
    let age = |meta: &RunMeta| format::duration(now.duration_since(meta.started).as_secs_f64().max(0.0));
    vec![
        column("", "NAME", 0, &|meta| run::plain(&meta.name)),
        column("", "STATE", 0, &state),
        column("", "EPOCH", 0, &epoch),
        // The epoch says nearly the same.
        column("", "STEP", 5, &|meta| format::count(meta.step)),
        column("LOSS", "LAST", 0, &last(tags::LOSS_EVAL)),
        column("LOSS", "BEST", 1, &best(tags::LOSS_EVAL)),
        column("ACCURACY", "LAST", 2, &last(tags::ACCURACY_EVAL)),
        column("ACCURACY", "BEST", 4, &best(tags::ACCURACY_EVAL)),
        column("", "STARTED", 3, &|meta| format!("{} ago", age(meta))),
    ]
}

/// The lines of the table, at most `room` columns wide where names leave that much.
fn table(runs: &[Run], now: Timestamp, room: Option<usize>) -> Vec<String> {
    let mut columns = columns(runs, now);
    // No run has an accuracy where none of them sorts into classes.
    columns.retain(|column| column.group.is_empty() || column.cells.iter().any(|cell| cell != NONE));
    loop {
        widen_for_groups(&mut columns);
        let width = columns.iter().map(|column| column.width + GAP).sum::<usize>().saturating_sub(GAP);
        let least = columns.iter().map(|column| column.dispensable).max().unwrap_or(0);
        if least == 0 || room.is_none_or(|room| width <= room) {
            break;
        }
        columns.retain(|column| column.dispensable < least);
    }
    let mut groups = String::new();
    let mut named = "";
    let mut at = 0;
    for column in &columns {
        if column.group != named && !column.group.is_empty() {
            groups.extend(std::iter::repeat_n(' ', at - groups.width()));
            groups.push_str(column.group);
        }
        named = column.group;
        at += column.width + GAP;
    }
    let line = |cell: &dyn Fn(&Column) -> String| {
        let cells = columns.iter().map(|column| {
            let cell = cell(column);
            format!("{cell}{}", " ".repeat(column.width.saturating_sub(cell.width()) + GAP))
        });
        cells.collect::<String>().trim_end().to_owned()
    };
    let heads = [groups, line(&|column| column.head.to_owned())].into_iter().filter(|head| !head.is_empty());
    heads.chain((0..runs.len()).map(|run| line(&|column| column.cells[run].clone()))).collect()
}

/// Makes columns of a group wide enough for its name.
fn widen_for_groups(columns: &mut [Column]) {
    for group in columns.chunk_by_mut(|a, b| a.group == b.group && !a.group.is_empty()) {
        let width = group.iter().map(|column| column.width + GAP).sum::<usize>().saturating_sub(GAP);
        let missing = group[0].group.width().saturating_sub(width);
        if let Some(last) = group.last_mut() {
            last.width += missing;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use jiff::SignedDuration;

    use super::*;
    use crate::recipe::Recipe;
    use crate::run::RunDir;

    /// A run that got worse, and one that was never evaluated.
    fn runs(home: &Path, names: [&str; 2]) -> Vec<Run> {
        let now = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1000);
        let recipe = Recipe::load("moons", &[]).unwrap();
        let mut runs: Vec<Run> = names
            .into_iter()
            .map(|name| {
                let dir = RunDir::create_at(&home.join(name), &recipe).unwrap();
                Run { meta: RunMeta { started: now, ..dir.meta().unwrap() }, dir }
            })
            .collect();
        let meta = &mut runs[0].meta;
        (meta.state, meta.epoch, meta.step) = (State::Finished, 100, 1600);
        meta.last = [(tags::LOSS_EVAL.to_owned(), 8.03), (tags::ACCURACY_EVAL.to_owned(), 0.5)].into();
        meta.best = [
            (tags::LOSS_EVAL.to_owned(), Best { value: 0.6224, step: 0 }),
            (tags::ACCURACY_EVAL.to_owned(), Best { value: 0.674, step: 0 }),
        ]
        .into();
        runs
    }

    fn lines(runs: &[Run], room: Option<usize>) -> Vec<String> {
        table(runs, Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1001), room)
    }

    #[test]
    fn last_and_best_stand_under_their_names() {
        let home = tempfile::tempdir().unwrap();
        let lines = lines(&runs(home.path(), ["moons-0001", "moons-0002"]), None);
        assert_eq!(
            lines,
            [
                "                                      LOSS           ACCURACY",
                "NAME        STATE     EPOCH    STEP   LAST   BEST    LAST    BEST    STARTED",
                "moons-0001  finished  100/100  1,600  8.030  0.6224  0.5000  0.6740  1:00:00 ago",
                "moons-0002  starting  0/100    0      -      -       -       -       1:00:00 ago",
            ]
        );
    }

    #[test]
    fn what_is_least_needed_gives_way() {
        let home = tempfile::tempdir().unwrap();
        let runs = runs(home.path(), ["autoencoder-0001", "cnn-0002"]);
        let heads = |room| {
            let lines = lines(&runs, Some(room));
            assert!(lines.iter().all(|line| line.width() <= room.max(49)), "{room}: {lines:#?}");
            lines[1].split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(heads(90), "NAME STATE EPOCH STEP LAST BEST LAST BEST STARTED");
        assert_eq!(heads(80), "NAME STATE EPOCH LAST BEST LAST BEST STARTED");
        assert_eq!(heads(74), "NAME STATE EPOCH LAST BEST LAST STARTED");
        assert_eq!(heads(60), "NAME STATE EPOCH LAST BEST LAST");
        assert_eq!(heads(50), "NAME STATE EPOCH LAST BEST");
        assert_eq!(heads(0), "NAME STATE EPOCH LAST");
    }

    #[test]
    fn no_column_is_there_for_nothing() {
        let home = tempfile::tempdir().unwrap();
        let mut runs = runs(home.path(), ["a", "b"]);
        runs[0].meta.last.remove(tags::ACCURACY_EVAL);
        runs[0].meta.best.remove(tags::ACCURACY_EVAL);
        assert!(!lines(&runs, None)[0].contains("ACCURACY"));
        runs[0].meta.best.clear();
        runs[0].meta.last.clear();
        assert_eq!(lines(&runs, None)[0], "NAME  STATE     EPOCH    STEP   STARTED");
    }

    #[test]
    fn json_holds_what_scripts_rely_on() {
        let home = tempfile::tempdir().unwrap();
        let mut runs = runs(home.path(), ["moons-0001", "moons-0002"]);
        runs[0].meta.last.insert(tags::LOSS_TRAIN.to_owned(), f64::NAN);
        let json = serde_json::to_value(entry(&runs[0])).unwrap();
        let keys: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys.len(), 13, "{keys:?}");
        assert_eq!(json["best"][tags::LOSS_EVAL], serde_json::json!({ "value": 0.6224, "step": 0 }));
        assert_eq!(json["last"][tags::LOSS_EVAL], 8.03);
        assert_eq!(
            json["last"][tags::LOSS_TRAIN],
            "NaN",
            "JSON has no such number, and null would mean that there is none"
        );
    }
}
