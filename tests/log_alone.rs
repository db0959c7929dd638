//! The event log holds all that panels show: without the rest of a run directory, and in a run that an earlier version wrote.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like the tests themselves")]
#![expect(dead_code, reason = "the other tests use the rest of the support")]

#[path = "support/cells.rs"]
mod cells;
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use cells::full;
use support::Home;
use torchscope::app::{App, Message, PanelId};
use torchscope::log::{LogReader, is_event_file};
use torchscope::run::RunDir;
use torchscope::view::Page;

/// A run directory as far as `run.json` and the event log go.
fn open(path: &Path) -> App {
    let mut app = App::new(path.to_owned(), (120, 40));
    app.update(Message::Status(Box::new(RunDir::open(path).unwrap().status().unwrap())));
    let mut reader = LogReader::open(path).unwrap();
    loop {
        let poll = reader.poll(1 << 20).unwrap();
        assert!(poll.notices.is_empty(), "{:?}", poll.notices);
        app.update(Message::Records(poll.records));
        if poll.caught_up {
            break;
        }
    }
    app.update(Message::CaughtUp);
    app
}

/// Every panel that a run has, and every layer and picture of it, with the colours of its cells, on two sizes.
fn panels(path: &Path) -> BTreeMap<String, Vec<String>> {
    let mut app = open(path);
    let mut shown = BTreeMap::new();
    for size in [(80, 24), (150, 50)] {
        app.update(Message::Resized(size.0, size.1));
        for name in app.exhibits().into_iter().filter(|name| !name.starts_with("input/")) {
            app.exhibit(&name).unwrap();
            let page = Page::panel(&app, &full(), app.focus()).unwrap();
            shown.insert(format!("{name} on {size:?}"), page.colored());
        }
    }
    let inputs = app.model.maps.inputs.iter().map(|(name, input)| (format!("input/{name}"), vec![input.to_string()]));
    shown.extend(inputs);
    shown
}

/// A copy of a run's event files beside a `run.json` that says no more than that it has finished.
fn alone(run: &Path, folder: &Path) -> PathBuf {
    let copy = folder.join("laptop");
    fs::create_dir(&copy).unwrap();
    fs::write(copy.join("run.json"), r#"{"version": 1, "state": "finished"}"#).unwrap();
    for entry in fs::read_dir(run).unwrap().map(Result::unwrap) {
        if is_event_file(&entry.file_name().to_string_lossy()) {
            fs::copy(entry.path(), copy.join(entry.file_name())).unwrap();
        }
    }
    copy
}

/// Trains a recipe, and holds what panels show of it against what they show of its event log alone.
fn is_the_same_alone(recipe: &str, sets: &[&str], expected: &[PanelId]) {
    let home = Home::new();
    let sets = sets.iter().flat_map(|set| ["--set", set]);
    let args: Vec<&str> = ["train", recipe, "--headless"].into_iter().chain(sets).collect();
    let trained = home.torchscope(&args);
    assert!(trained.status.success(), "{trained:?}");
    let run = home.runs().remove(0);
    let text = fs::read_to_string(run.join("run.json")).unwrap();
    for of_panels in ["network", "classes", "probes", "references", "optimizer", "batch_size", "evaluated", "threads"] {
        assert!(!text.contains(&format!("\"{of_panels}\"")), "{of_panels} is drawn, and stands in {text}");
    }
    let (whole, copy) = (panels(&run), panels(&alone(&run, home.path())));
    let app = open(&run);
    assert!(expected.iter().all(|id| app.panels().contains(id)), "{:?} of {:?}", app.panels(), expected);
    assert_eq!(whole.keys().collect::<Vec<_>>(), copy.keys().collect::<Vec<_>>());
    for (name, lines) in &whole {
        assert_eq!(copy[name].join("\n"), lines.join("\n"), "{recipe}: {name}");
    }
    // What each panel draws from that `run.json` said before.
    let model = &app.model;
    let setup = &model.description.setup;
    assert!(setup.data.is_some() && setup.device.is_some() && setup.threads > 0 && setup.batch_size > 0, "{setup:?}");
    assert_eq!(model.description.recipe.as_ref(), fs::read_to_string(run.join("recipe.toml")).ok().as_ref());
    assert!(model.total_steps().is_some_and(|steps| steps == model.step()));
}

#[test]
fn moons_are_the_same_from_the_log_alone() {
    use PanelId::{Boundary, Landscape, Layers, Loss, Metrics, Network, System, Units};
    let expected = [Loss, Boundary, Units, Landscape, Metrics, Network, Layers, System];
    is_the_same_alone("moons", &["epochs=4", "record.checkpoint_seconds=0"], &expected);
}

#[test]
fn digits_are_the_same_from_the_log_alone() {
    use PanelId::{Confusion, Landscape, Layers, Loss, Maps, Metrics, Network};
    let few = ["epochs=1", "data.train=64", "data.test=32", "batch_size=16"];
    is_the_same_alone("cnn", &few, &[Loss, Maps, Confusion, Landscape, Metrics, Network, Layers]);
}

#[test]
fn codes_are_the_same_from_the_log_alone() {
    use PanelId::{Codes, Landscape, Layers, Loss, Maps, Metrics, Network, Reconstruction};
    let few = ["epochs=1", "data.train=64", "data.test=32", "batch_size=16"];
    let expected = [Loss, Reconstruction, Codes, Maps, Landscape, Metrics, Network, Layers];
    is_the_same_alone("autoencoder", &few, &expected);
}

/// Written by the version before the log held these facts: they stand in its `run.json`, and the metadata of its pictures in
/// their descriptions.
#[test]
fn a_run_of_the_version_before_shows_all_that_it_did() {
    let run = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/runs/moons-0001");
    let shown = panels(&run);
    for (panel, words) in [
        ("loss", &["full set 0.1864", "best 0.1864 @ step 192"][..]),
        ("boundary", &["p(class 1)"]),
        ("units/dense1", &["dense1"]),
        ("landscape", &["PC1 84.8 %", "PC2 13.2 %", "true 0.1864", "plane 0.1868", "500/500", "41×41"]),
        ("metrics", &["0.0499", "full set", "0.918", "0.0954"]),
        ("network", &["dense1 relu", "dense2 sigmoid", "init keras", "optim sgd", "loss bce", "batch 32", "moons 500"]),
        ("layers", &["dense1.weight", "dense2.bias"]),
        ("system", &["core"]),
    ] {
        let lines = shown[&format!("{panel} on (80, 24)")].join("\n");
        let plain = torchscope::run::plain(&lines);
        assert!(words.iter().all(|word| plain.contains(word)), "{panel}, {words:?}: {plain}");
    }
    let model = open(&run).model;
    assert_eq!((model.description.classes.len(), model.total_steps()), (2, Some(192)));
    assert_eq!(model.boundary.unwrap().points.len(), 500);
    assert_eq!(model.units.responses["dense1"].before.dim(), (20, 18, 24));
}
