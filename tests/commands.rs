//! The commands on runs that exist: which run is meant, what `ls` says of them, how they are removed. Without libtorch.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like the tests themselves")]
#![expect(dead_code, reason = "the other tests use the rest of the support")]

#[path = "support/cnn.rs"]
mod cnn;
#[path = "support/finished.rs"]
mod finished;
#[path = "support/moons.rs"]
mod moons;
mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Output;

use support::{Home, Terminal};
use torchscope::log::tags;
use torchscope::run::{Checkpoint, RunDir, RunLock, RunMeta, State};

/// A home with so many finished runs of moons, the last one the newest.
fn home_of(moons: usize) -> Home {
    let home = Home::new();
    for _ in 0..moons {
        finished::run(home.path(), "moons", moons::meta(State::Finished), &[]);
    }
    home
}

/// What a command printed to standard output and standard error; it has to end with that code.
#[track_caller]
fn said(output: &Output, code: i32) -> (String, String) {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    (String::from_utf8(output.stdout.clone()).unwrap(), String::from_utf8(output.stderr.clone()).unwrap())
}

#[test]
fn a_beginning_means_the_newest_run_and_a_line_says_so() {
    let home = home_of(9);
    finished::run(home.path(), "moons", moons::meta(State::Finished), &moons::records());
    for _ in 0..9 {
        finished::run(home.path(), "cnn", cnn::meta(320), &[]);
    }
    finished::run(home.path(), "cnn", cnn::meta(320), &[cnn::record(320)]);
    let choice = "moons-0010, the newest of 10 that begin with `moons`\n";
    let (summary, line) = said(&home.torchscope(&["show", "moons"]), 0);
    assert!(summary.starts_with("moons-0010 ") && !summary.contains("the newest of"), "{summary}");
    assert_eq!(line, choice);
    let maps = format!("maps/conv1/{}", cnn::probes()[0].0);
    let (picture, line) = said(&home.torchscope(&["show", "cnn", &maps]), 0);
    assert!(picture.contains("conv1"), "{picture}");
    assert_eq!(line, "cnn-0010, the newest of 10 that begin with `cnn`\n");
    let (summary, line) = said(&home.torchscope(&["show"]), 0);
    assert!(summary.starts_with("cnn-0010 "), "{summary}");
    assert_eq!(line, "cnn-0010, the newest of 20 runs\n");

    let (followed, line) = said(&home.torchscope(&["attach", "moons"]), 0);
    assert!(followed.contains("moons-0010 finished at epoch"), "{followed}");
    assert_eq!(line, choice);
    let (_, refusal) = said(&home.torchscope(&["resume", "moons", "--headless"]), 1);
    assert!(refusal.starts_with(choice) && refusal.contains("`moons-0010` has no checkpoint"), "{refusal}");
    let (stopped, line) = said(&home.torchscope(&["stop", "moons"]), 0);
    assert_eq!((stopped.as_str(), line.as_str()), ("moons-0010 is not running: it has finished\n", choice));
    // A whole name leaves no choice.
    assert_eq!(said(&home.torchscope(&["show", "moons-0010", "network"]), 0).1, "");
}

#[test]
fn the_list_says_what_was_last_and_what_was_best() {
    let home = home_of(1);
    let run = RunDir::open(&home.runs()[0]).unwrap();
    let last = [(tags::LOSS_EVAL, 8.03), (tags::ACCURACY_EVAL, 0.5)];
    let meta = RunMeta {
        last: last.map(|(tag, value)| (tag.to_owned(), value)).into(),
        best: [(tags::LOSS_EVAL.to_owned(), torchscope::run::Best { value: 0.6224, step: 0 })].into(),
        ..run.meta().unwrap()
    };
    run.write_meta(&meta).unwrap();
    let (table, _) = said(&home.torchscope(&["ls"]), 0);
    let lines: Vec<&str> = table.lines().collect();
    assert!(
        lines[0].contains("LOSS") && lines[1].contains("LAST   BEST") && lines[2].contains("8.030  0.6224"),
        "{table}"
    );
    let narrow = Terminal::start(&home, &["ls"], (50, 10));
    let text = narrow.wait_for("8.030");
    assert!(!text.contains("STEP") && !text.contains("STARTED") && text.contains("BEST"), "{text}");
}

#[test]
fn json_has_the_keys_that_scripts_rely_on() {
    let home = home_of(1);
    let (json, _) = said(&home.torchscope(&["ls", "--json"]), 0);
    let runs: Vec<serde_json::Map<String, serde_json::Value>> = serde_json::from_str(&json).unwrap();
    let mut keys: Vec<&str> = runs[0].keys().map(String::as_str).collect();
    keys.sort_unstable();
    let promised = [
        "best", "epoch", "epochs", "host", "last", "name", "path", "pid", "recipe", "started", "state", "step",
        "updated",
    ];
    assert_eq!(keys, promised);
    let run = &runs[0];
    assert_eq!((run["name"].as_str(), run["recipe"].as_str()), (Some("moons-0001"), Some("moons")));
    assert_eq!((run["path"].as_str(), run["state"].as_str()), (home.runs()[0].to_str(), Some("finished")));
    assert!(run["step"].is_u64() && run["epoch"].is_u64() && run["epochs"].is_u64() && run["host"].is_string());
    for time in ["started", "updated"] {
        assert!(run[time].as_str().unwrap().parse::<jiff::Timestamp>().is_ok(), "{time}");
    }
    assert!(run["best"].is_object() && run["last"].is_object());
}

#[test]
fn what_the_system_said_is_said_once() {
    let home = Home::new();
    for place in ["/proc/nope", "/dev/null/nope"] {
        let (_, error) = said(&home.torchscope(&["train", "moons", "--headless", "--run-dir", place]), 1);
        assert_eq!(error.lines().count(), 1, "{error}");
        assert_eq!(error.matches("os error").count(), 1, "{error}");
        assert!(error.contains(&format!("cannot create `{place}`")), "{error}");
    }
}

#[test]
fn a_name_that_is_taken_or_unfit_is_refused_with_the_next_move() {
    let home = home_of(1);
    fs::rename(&home.runs()[0], home.path().join("wide")).unwrap();
    let (_, error) = said(&home.torchscope(&["train", "moons", "--headless", "--name", "wide"]), 1);
    assert!(
        error.contains("`wide` is the name of a run that has finished") && error.contains("torchscope rm wide"),
        "{error}"
    );
    let (_, error) = said(&home.torchscope(&["train", "moons", "--headless", "--name", "../wide"]), 2);
    assert!(error.contains("letters, digits"), "{error}");
    assert_eq!(home.runs().len(), 1);
}

#[test]
fn runs_are_removed_by_their_whole_names() {
    let home = home_of(3);
    let (_, refusal) = said(&home.torchscope(&["rm", "moons-0001"]), 1);
    assert!(refusal.contains("torchscope rm --yes moons-0001"), "{refusal}");
    let (_, refusal) = said(&home.torchscope(&["rm", "--yes", "moons"]), 1);
    assert!(refusal.contains("whole name is needed") && refusal.contains("`moons-0003`"), "{refusal}");
    let (_, refusal) = said(&home.torchscope(&["rm", "--yes", "moons-0001", "nothing"]), 1);
    assert!(refusal.contains("no run `nothing`") && refusal.contains("nothing has been removed"), "{refusal}");
    assert_eq!(home.runs().len(), 3, "nothing is removed where something is wrong");

    let path = home.runs()[2].to_str().unwrap().to_owned();
    let (lines, errors) = said(&home.torchscope(&["rm", "-y", "moons-0001", &path, "moons-0001"]), 0);
    assert_eq!(errors, "");
    let lines: Vec<&str> = lines.lines().collect();
    assert!(lines[0].starts_with("moons-0001 is removed, ") && lines[0].ends_with(" freed"), "{lines:?}");
    assert!(lines[1].starts_with("moons-0003 is removed, ") && lines[2].ends_with(" freed in all"), "{lines:?}");
    assert_eq!(lines.len(), 3);
    assert_eq!(home.runs(), [home.path().join("moons-0002")]);
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
}

#[test]
fn a_live_run_is_not_removed() {
    let home = home_of(2);
    let run = RunDir::open(&home.runs()[0]).unwrap();
    let _lock = RunLock::acquire(&run).unwrap();
    run.write_meta(&RunMeta { state: State::Running, ..run.meta().unwrap() }).unwrap();
    let (_, refusal) = said(&home.torchscope(&["rm", "--yes", "moons-0001", "moons-0002"]), 1);
    assert!(refusal.contains("moons-0001 is running; end it first: torchscope stop moons-0001"), "{refusal}");
    assert_eq!(home.runs().len(), 2);
}

#[test]
fn on_a_terminal_it_is_asked() {
    let home = home_of(2);
    for (answer, left) in [("n\r", 2), ("\r", 2), ("yes\r", 0)] {
        let mut terminal = Terminal::start(&home, &["rm", "moons-0001", "moons-0002"], (80, 24));
        let text = terminal.wait_for("Remove these 2 for good");
        assert!(text.contains("moons-0001, finished, started") && text.contains("[y/N]"), "{text}");
        terminal.keys(answer);
        assert_eq!(terminal.exit_code(), 0);
        assert_eq!(home.runs().len(), left, "{answer:?}");
    }
}

#[test]
fn what_is_not_torchscopes_is_not_removed() {
    let home = home_of(1);
    let elsewhere = tempfile::tempdir().unwrap();
    let precious = elsewhere.path().join(Checkpoint::file_name(16));
    fs::write(&precious, "precious").unwrap();
    let run = home.runs().remove(0);
    symlink(elsewhere.path(), run.join("checkpoints")).unwrap();
    fs::write(run.join("notes.txt"), "mine").unwrap();
    let (line, _) = said(&home.torchscope(&["rm", "--yes", "moons-0001"]), 0);
    assert!(line.contains("stays with what torchscope did not write: checkpoints, notes.txt"), "{line}");
    assert_eq!(fs::read_to_string(precious).unwrap(), "precious");
    assert_eq!(fs::read_dir(&run).unwrap().count(), 2);
    // What is left is no run.
    let (_, error) = said(&home.torchscope(&["rm", "--yes", run.to_str().unwrap()]), 1);
    assert!(error.contains("holds no run.json"), "{error}");
    // Nor is a link to one.
    finished::run(home.path(), "moons", moons::meta(State::Finished), &[]);
    symlink(home.path().join("moons-0002"), home.path().join("link")).unwrap();
    let linked = home.torchscope(&["rm", "--yes", "link"]);
    assert!(said(&linked, 1).1.contains("is a link"), "{linked:?}");
}

/// A mirror of a run, as a view of another machine leaves it.
fn mirror(cache: &Path, host: &str, name: &str, path: &str, started: &str) -> PathBuf {
    let machine = cache.join(format!("torchscope/remote/{host}-{:08x}", crc32c::crc32c(host.as_bytes())));
    let slot = machine.join("0");
    fs::create_dir_all(slot.join(name)).unwrap();
    fs::write(slot.join("lock"), "").unwrap();
    let note = serde_json::json!({ "run": { "name": name, "path": path, "started": started }, "files": {} });
    fs::write(slot.join("mirror.json"), note.to_string()).unwrap();
    fs::write(slot.join(name).join("run.json"), vec![b' '; 100_000]).unwrap();
    slot
}

#[test]
fn copies_of_far_runs_are_removed() {
    let home = home_of(1);
    let cache = tempfile::tempdir().unwrap();
    let run = RunDir::open(&home.runs()[0]).unwrap();
    let started = run.meta().unwrap().started.to_string();
    let far = mirror(cache.path(), "gpu1", "cnn-0004", "/far/cnn-0004", "2026");
    let own = mirror(cache.path(), "localhost", "moons-0001", run.path().to_str().unwrap(), &started);
    let earlier = mirror(cache.path(), "other", "moons-0001", run.path().to_str().unwrap(), "2020");
    let rm = |args: &[&str]| home.command(args).env("XDG_CACHE_HOME", cache.path()).output().unwrap();

    let (_, error) = said(&rm(&["rm", "-y", "gpu1:cnn-0005"]), 1);
    assert!(
        error.contains("nothing of gpu1:cnn-0005 is kept here") && error.contains("ssh gpu1 torchscope rm"),
        "{error}"
    );
    let lock = fs::File::open(far.join("lock")).unwrap();
    lock.lock().unwrap();
    assert!(said(&rm(&["rm", "-y", "gpu1:cnn-0004"]), 1).1.contains("leave it first"));
    drop(lock);
    assert!(said(&rm(&["rm", "-y", "gpu1:cnn-0004"]), 0).0.starts_with("the copy here of gpu1:cnn-0004 is removed"));
    assert!(!far.exists() && own.exists());

    let (line, _) = said(&rm(&["rm", "-y", "moons-0001"]), 0);
    assert!(line.contains("KiB freed"), "{line}");
    assert!(!run.path().exists() && !own.exists());
    assert!(earlier.exists(), "that was another run in the same place");
}
