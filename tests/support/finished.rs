//! A run directory as a trainer leaves it, for commands that read one; made up, without libtorch.

use std::path::{Path, PathBuf};

use torchscope::log::{EventWriter, Record};
use torchscope::recipe::Recipe;
use torchscope::run::{RunDir, RunMeta, State};

/// A finished run in `home` that recorded that. What `meta` says of time, place and process is the run's own.
pub(crate) fn run(home: &Path, recipe: &str, meta: RunMeta, records: &[Record]) -> PathBuf {
    let run = RunDir::create(home, &Recipe::load(recipe, &[]).unwrap()).unwrap();
    let own = run.meta().unwrap();
    let now = own.started;
    run.write_meta(&RunMeta {
        version: own.version,
        name: own.name,
        state: State::Finished,
        started: now,
        updated: now,
        finished: Some(now),
        ..meta
    })
    .unwrap();
    let mut writer = EventWriter::create(run.path()).unwrap();
    for record in records {
        writer.append(record).unwrap();
    }
    writer.flush().unwrap();
    run.path().to_owned()
}
