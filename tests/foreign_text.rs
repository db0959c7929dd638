//! Text from files may hold anything. Nothing of it reaches the terminal that a terminal would obey: neither in the view nor
//! in what the commands print.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like the tests themselves")]
#![expect(dead_code, reason = "the other tests use the rest of the support")]

#[path = "support/cnn.rs"]
mod cnn;
#[path = "support/moons.rs"]
mod moons;
mod support;

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use support::{Home, Terminal};
use torchscope::log::{Data, EventWriter, GpuProcess, Record, Value, tags};
use torchscope::recipe::Recipe;
use torchscope::run::{RunDir, RunLock, RunMeta, State};

/// A title, a screen cleared, a mode, the same with one-character introducers, and text that runs the other way; then
/// something that can be seen.
const EVIL: &str =
    "\u{1b}]0;pwned\u{7}\u{1b}[2J\u{1b}[?31337h\u{1b}c\u{9b}31m\u{9d}0;pwned\u{9c}\u{8}\u{7f}\u{202e}\u{2066}ĕvil";
/// What of it may be seen.
const SEEN: &str = "ĕvil";

/// Adds [`EVIL`] to every text in a JSON value that is free to be anything.
fn poison(value: &mut serde_json::Value) {
    const FIXED: [&str; 9] =
        ["state", "kind", "activation", "started", "updated", "finished", "socket", "version", "host"];
    match value {
        serde_json::Value::String(text) => text.push_str(EVIL),
        serde_json::Value::Array(values) => values.iter_mut().for_each(poison),
        serde_json::Value::Object(fields) => {
            fields.iter_mut().filter(|(name, _)| !FIXED.contains(&name.as_str())).for_each(|(_, value)| poison(value));
        }
        _ => {}
    }
}

/// The same for the names of layers, parameters and probes in a tag, so that it still belongs to them.
fn poisoned(tag: &str, meta: &RunMeta) -> Arc<str> {
    let layers = &meta.description.network.as_ref().unwrap().layers;
    let of_layers = layers.iter().flat_map(|layer| {
        std::iter::once(layer.name.as_str()).chain(layer.parameters.iter().map(|parameter| parameter.name.as_str()))
    });
    let names: Vec<&str> = of_layers.chain(meta.description.probes.iter().map(String::as_str)).collect();
    let parts =
        tag.split('/').map(|part| if names.contains(&part) { format!("{part}{EVIL}") } else { part.to_owned() });
    parts.collect::<Vec<_>>().join("/").into()
}

/// A run in which everything that is not a number is evil.
fn run(home: &Home, meta: &RunMeta, records: Vec<Record>) -> RunDir {
    let path = home.path().join(format!("{}{}", meta.recipe, EVIL));
    let run = RunDir::create_at(&path, &Recipe::load("moons", &[]).unwrap()).unwrap();
    run.write_meta(meta).unwrap();
    let mut json = serde_json::from_slice(&fs::read(run.meta_path()).unwrap()).unwrap();
    poison(&mut json);
    fs::write(run.meta_path(), serde_json::to_vec(&json).unwrap()).unwrap();
    let mut log = EventWriter::create(run.path()).unwrap();
    // The same in the log, which is where it stands in a run that a trainer has begun.
    log.append(&moons::record(0, run.meta().unwrap().description.values())).unwrap();
    for mut record in records {
        for value in &mut record.values {
            value.tag = poisoned(&value.tag, meta);
        }
        log.append(&record).unwrap();
    }
    let alarm = serde_json::json!({ "kind": "spike", "message": EVIL, "layer": EVIL, "tensor": EVIL });
    for text in [alarm.to_string(), EVIL.to_owned()] {
        log.append(&moons::alarm(1, &text)).unwrap();
    }
    let broken = Value { tag: format!("maps/{EVIL}/{EVIL}").into(), data: moons::value("x", picture()).data };
    log.append(&moons::record(1, vec![broken, moons::value(EVIL, Data::Scalar(1.0))])).unwrap();
    let process = GpuProcess { pid: 1, name: EVIL.into(), memory: None };
    let machine = [
        (tags::SYSTEM_NOTE.to_owned(), Data::Text(EVIL.into())),
        (tags::SYSTEM_CPU.to_owned(), Data::Scalar(5.0)),
        (tags::of_gpu(0, tags::GPU_NAME), Data::Text(EVIL.into())),
        (tags::of_gpu(0, tags::GPU_UTIL), Data::Scalar(5.0)),
        (tags::of_gpu(0, tags::GPU_PROCESSES), Data::Text(GpuProcess::encode(&[process]))),
        (tags::of_gpu(1, EVIL), Data::Scalar(5.0)),
    ];
    let machine = machine.map(|(tag, data)| Value { tag: tag.into(), data });
    log.append(&moons::record(1, machine.to_vec())).unwrap();
    log.flush().unwrap();
    let lines = format!("{EVIL}\n2026-11-24T12:02:48Z  WARN {EVIL}\n[W {EVIL}\n{EVIL}");
    fs::write(run.trainer_log_path(), lines).unwrap();
    run
}

/// A picture of ours that cannot be decoded, so that somebody complains of its tag.
fn picture() -> Data {
    let mut values = moons::landscape(tags::PLANE_PATH, 8, 0);
    let position = values.iter().position(|value| matches!(value.data, Data::Image(_))).unwrap();
    let Data::Image(mut image) = values.swap_remove(position).data else { unreachable!() };
    image.png.truncate(20);
    Data::Image(image)
}

/// What a terminal obeys: control characters, and marks that turn text round.
fn is_obeyed(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Fails at the first thing that a terminal would obey and that is not one of the few sequences a view is made of.
fn check(raw: &[u8]) -> String {
    let mut text = std::str::from_utf8(raw).expect("the output is UTF-8").to_owned();
    // Once it asks the terminal what it can show, in words that are always the same.
    if let Some(start) = text.find("\u{1b}]11;?\u{7}") {
        let length = text[start..].find("\u{1b}[c").expect("a question that every terminal answers") + 3;
        let asked: String = text.drain(start..start + length).collect();
        assert!(length < 200 && !asked.contains(SEEN) && !asked.contains("pwned"), "{asked:?}");
    }
    let mut rest = text.as_str();
    while let Some(at) = rest.find(is_obeyed) {
        let from = &rest[at..];
        let c = from.chars().next().unwrap();
        rest = &from[c.len_utf8()..];
        if c == '\n' || c == '\r' {
            continue;
        }
        let sequence: String = from.chars().take(16).collect();
        assert_eq!(c, '\u{1b}', "a control character: {sequence:?}");
        // The end of an image that may have been cut.
        if let Some(after) = rest.strip_prefix('\\') {
            rest = after;
            continue;
        }
        rest = rest.strip_prefix('[').unwrap_or_else(|| panic!("a foreign sequence: {sequence:?}"));
        let end = rest.find(|c: char| c.is_ascii_alphabetic()).unwrap();
        let (parameters, last) = (&rest[..end], &rest[end..=end]);
        let ours = match last {
            "m" | "H" => parameters.chars().all(|c| c.is_ascii_digit() || c == ';'),
            "h" | "l" => ["?25", "?1000", "?1006", "?1049", "?2004", "?2026"].contains(&parameters),
            _ => false,
        };
        assert!(ours, "a foreign sequence: {sequence:?}");
        rest = &rest[end + 1..];
    }
    text
}

/// Looks at everything that a view has to show.
fn look(view: &mut Terminal, keys: &str) -> String {
    let mut seen = view.wait_for(SEEN);
    for key in keys.chars() {
        view.keys(&key.to_string());
        std::thread::sleep(Duration::from_millis(60));
        seen += &view.text();
    }
    view.keys("\u{3}\u{3}");
    view.exit_code();
    check(&view.raw());
    seen
}

#[test]
fn no_view_obeys_what_it_shows() {
    let home = Home::new();
    let mut records = moons::records();
    records.truncate(900);
    let planar = run(&home, &moons::meta(State::Running), records);
    let _lock = RunLock::acquire(&planar).unwrap();
    let pictured = run(&home, &cnn::meta(400), vec![cnn::record(400)]);
    let _other_lock = RunLock::acquire(&pictured).unwrap();
    for run in [&planar, &pictured] {
        for size in [(200, 60), (80, 24)] {
            let mut view = Terminal::start(&home, &["attach", run.path().to_str().unwrap()], size);
            let seen = look(&mut view, "d?jj?ejje1z2z3z4z5z6z7z8z9z0zz1v9v0v9vi[]oasp");
            assert!(seen.matches(SEEN).count() > 40, "the texts are not shown at all:\n{seen}");
            assert!(!seen.contains("pwned"), "{seen}");
        }
    }
}

#[test]
fn no_last_words_are_obeyed() {
    let home = Home::new();
    let meta = RunMeta { outcome: Some("bad".into()), ..moons::meta(State::Failed) };
    let run = run(&home, &meta, Vec::new());
    let mut view = Terminal::start(&home, &["attach", run.path().to_str().unwrap()], (120, 40));
    view.wait_for("The trainer died");
    let seen = look(&mut view, "x");
    assert!(seen.contains("badĕvil"), "{seen}");
    check(&view.raw());
}

#[test]
fn no_command_says_what_a_terminal_obeys() {
    let home = Home::new();
    let meta = RunMeta { outcome: Some("bad".into()), ..moons::meta(State::Failed) };
    let run = run(&home, &meta, moons::records()[..20].to_vec());
    let path = run.path().to_str().unwrap().to_owned();
    let recipe = home.path().join(format!("{EVIL}.toml"));
    fs::write(&recipe, format!("name = \"x\"\nlayers = \"{EVIL}\"\n# {EVIL}\n")).unwrap();
    let broken = home.path().join(format!("broken{EVIL}"));
    fs::create_dir(&broken).unwrap();
    fs::write(broken.join("run.json"), format!("{{\"state\": \"{EVIL}\"}}")).unwrap();
    let (recipe, broken) = (recipe.to_str().unwrap(), broken.to_str().unwrap());
    let arguments: [&[&str]; 19] = [
        &["show", &path],
        &["show", &path, "loss", "--text"],
        &["show", &path, "layers"],
        &["show", &path, "log"],
        &["show", &path, "system"],
        &["show", broken],
        &["doctor"],
        &["ls"],
        &["ls", "--json"],
        &["ls", broken],
        &["attach", &path],
        &["attach", broken],
        &["attach", &format!("no{EVIL}")],
        &["stop", &path],
        &["stop", broken],
        &["train", recipe],
        &["train", EVIL],
        &["train", "moons", "--set", &format!("data={EVIL}")],
        &["lr-find", recipe],
    ];
    for args in arguments {
        let output = home.command(args).env("TERM", EVIL).env("LANG", EVIL).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        let text = String::from_utf8(said).unwrap();
        let obeyed: Vec<char> = text.chars().filter(|c| *c != '\n' && is_obeyed(*c)).collect();
        assert!(obeyed.is_empty() && !text.is_empty(), "{args:?}: {obeyed:?} in {text:?}");
    }
    // Scripts get the name as it is.
    let listed = home.torchscope(&["ls", "--json"]);
    let runs: Vec<serde_json::Value> = serde_json::from_slice(&listed.stdout).unwrap();
    assert!(runs.iter().any(|entry| entry["path"] == path.as_str()), "{runs:?}");
}
