//! `torchscope ls`.

use std::collections::BTreeMap;

use color_eyre::eyre::Result;
use jiff::Timestamp;
use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use super::{complain, say, say_json};
use crate::cli::Ls;
use crate::log::tags;
use crate::plot::format;
use crate::run::{self, Best, Run, State};

/// One run in `ls --json`.
#[derive(Serialize)]
struct Entry<'a> {
    name: &'a str,
    path: std::borrow::Cow<'a, str>,
    recipe: &'a str,
    state: State,
    step: u64,
    epoch: u64,
    epochs: u64,
    started: Timestamp,
    updated: Timestamp,
    pid: Option<u32>,
    host: &'a str,
    best: &'a BTreeMap<String, Best>,
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
        table(&runs)?;
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
        step: meta.step,
        epoch: meta.epoch,
        epochs: meta.epochs,
        started: meta.started,
        updated: meta.updated,
        pid: meta.pid,
        host: &meta.host,
        best: &meta.best,
    }
}

fn table(runs: &[Run]) -> Result<()> {
    let mut rows = vec![["NAME", "STATE", "EPOCH", "STEP", "LOSS", "ACCURACY", "STARTED"].map(str::to_owned)];
    for Run { meta, .. } in runs {
        let best = |tag: &str| meta.best.get(tag).map_or_else(|| "-".into(), |best| format::number(best.value));
        let age = Timestamp::now().duration_since(meta.started).as_secs_f64().max(0.0);
        rows.push([
            run::plain(&meta.name),
            meta.state.to_string(),
            if meta.epochs == 0 { "untrained".into() } else { format!("{}/{}", meta.epoch, meta.epochs) },
            format::count(meta.step),
            best(tags::LOSS_EVAL),
            best(tags::ACCURACY_EVAL),
            format!("{} ago", format::duration(age)),
        ]);
    }
    let widths: Vec<usize> = (0..7).map(|i| rows.iter().map(|row| row[i].width()).max().unwrap_or(0)).collect();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell}{}", " ".repeat(width - cell.width())));
        say(cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}
