//! Run directories that are moved, closed, taken away or prepared by somebody else while a real trainer works in them.
#![cfg(feature = "trainer")]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like the tests themselves")]

#[expect(dead_code, reason = "other tests use the rest")]
mod support;

use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rustix::fs::{CWD, FileType, Mode, Uid, chown, mknodat};
use rustix::process::{Pid, Signal, kill_process};
use support::{Home, wait};
use torchscope::recipe::Recipe;
use torchscope::run::{ControlClient, RunDir, RunMeta, State};

const TRAINER: &str = env!("CARGO_BIN_EXE_torchscope-trainer");
/// A user without rights anywhere.
const NOBODY: u32 = 65_534;

fn endless(home: &Home) -> RunDir {
    let started = home.torchscope(&["train", "moons", "--epochs", "100000000", "--pace", "max", "--detach"]);
    assert!(started.status.success(), "{}", said(&started));
    RunDir::open(&home.runs()[0]).unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn is_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        let _ = writeln!(std::io::stdout(), "skipped: only root can play two users");
    }
    is_root
}

/// Waits until a live run has made steps.
fn goes_on(run: &RunDir) {
    let before = run.meta().unwrap().step;
    wait("steps", || (run.meta().unwrap().step > before + 1_000).then_some(()));
}

#[test]
fn a_run_that_is_moved_goes_on_where_it_is() {
    let home = Home::new();
    let run = endless(&home);
    let moved = home.path().join("moved");
    fs::rename(run.path(), &moved).unwrap();
    let run = RunDir::open(&moved).unwrap();
    goes_on(&run);
    let stopped = home.torchscope(&["stop", moved.to_str().unwrap()]);
    assert!(stopped.status.success(), "{}", said(&stopped));
    let meta = run.status().unwrap();
    let newest = run.newest_checkpoint().unwrap();
    assert_eq!((meta.state, newest.checkpoint.about.step), (State::Stopped, meta.step));
}

#[test]
fn a_folder_closed_to_its_trainer_holds_it_until_it_is_open_again() {
    if !is_root() {
        return;
    }
    // Where that user may look for it.
    let copy = tempfile::tempdir().unwrap();
    fs::set_permissions(copy.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let home = Home::new();
    chown(home.path(), Some(Uid::from_raw(NOBODY)), None).unwrap();
    let path = home.path().join("run");
    let command = |args: &[&str]| {
        let mut command = home.command(args);
        command.uid(NOBODY).current_dir("/").env("TMPDIR", home.path()).env_remove("XDG_RUNTIME_DIR");
        command
    };
    let args = "train moons --epochs 100000000 --pace max --detach --set record.checkpoint_seconds=0.2 --run-dir";
    let args: Vec<&str> = args.split(' ').chain(path.to_str()).collect();
    let started = command(&args).output();
    let Some(started) = started.ok().filter(|started| started.status.success()) else {
        println!("skipped: another user cannot reach this build");
        return;
    };
    drop(started);
    let run = RunDir::open(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o555)).unwrap();
    let meta = wait("the trouble to be told", || run.meta().ok().filter(|meta| meta.trouble.is_some()));
    let message = meta.trouble.unwrap().message;
    assert!(message.contains("cannot write a checkpoint: Permission denied") && message.contains("again"), "{message}");
    assert_eq!(meta.state, State::Paused);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    wait("the trouble to pass", || run.meta().ok().filter(|meta| meta.trouble.is_none()));
    goes_on(&run);
    let stopped = command(&["stop", path.to_str().unwrap()]).output().unwrap();
    assert!(stopped.status.success(), "{}", said(&stopped));
}

#[test]
fn a_run_starts_though_the_place_for_sockets_is_taken() {
    let home = Home::new();
    let temporary = tempfile::tempdir().unwrap();
    let uid = rustix::process::geteuid().as_raw();
    fs::write(temporary.path().join(format!("torchscope-{uid}")), "").unwrap();
    let mut command = home.command(&["train", "moons", "--epochs", "100000000", "--detach"]);
    let started = command.env("TMPDIR", temporary.path()).env_remove("XDG_RUNTIME_DIR").output().unwrap();
    assert!(started.status.success(), "{}", said(&started));
    let run = RunDir::open(&home.runs()[0]).unwrap();
    ControlClient::connect(&run).unwrap();
    let stopped = home.torchscope(&["stop", run.path().to_str().unwrap()]);
    assert!(stopped.status.success(), "{}", said(&stopped));
    assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 1, "nothing is left");
}

#[test]
fn stop_says_that_a_trainer_is_suspended() {
    let home = Home::new();
    let run = endless(&home);
    let pid = run.meta().unwrap().pid.unwrap();
    let process = Pid::from_raw(pid as i32).unwrap();
    kill_process(process, Signal::STOP).unwrap();
    let output = home.torchscope(&["stop", run.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("is suspended") && said(&output).contains(&format!("kill -CONT {pid}")));
    assert!(!said(&output).contains(".sock"), "{}", said(&output));
    kill_process(process, Signal::CONT).unwrap();
    wait("the stop that was asked for", || (run.status().unwrap().state == State::Stopped).then_some(()));
}

/// A run whose trainer has not been started, with a checkpoint every moment.
fn prepared(home: &Home) -> RunDir {
    let sets = [("record.checkpoint_seconds", "0.05"), ("epochs", "300"), ("pace", "200")];
    let sets = sets.map(|(key, value)| (key.to_owned(), value.to_owned()));
    RunDir::create(home.path(), &Recipe::load("moons", &sets).unwrap()).unwrap()
}

fn train(run: &RunDir) {
    let trained = Command::new(TRAINER).arg(run.path()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    assert!(trained.success());
    assert_eq!(run.status().unwrap().state, State::Finished);
}

#[test]
fn nothing_is_written_or_removed_behind_a_link() {
    let home = Home::new();
    let elsewhere = tempfile::tempdir().unwrap();
    let names = ["step-000000000001.safetensors", "step-000000000002.safetensors", ".step-000000000003.safetensors"];
    for name in names {
        fs::write(elsewhere.path().join(name), "precious").unwrap();
    }
    let untouched = || {
        let names: Vec<PathBuf> = fs::read_dir(elsewhere.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        names.len() == 3 && names.iter().all(|path| fs::read(path).unwrap() == b"precious")
    };
    // The folder itself.
    let run = prepared(&home);
    symlink(elsewhere.path(), run.checkpoints_path()).unwrap();
    train(&run);
    assert!(untouched());
    let resumed = home.torchscope(&["resume", run.path().to_str().unwrap(), "--epochs", "400", "--headless"]);
    assert!(!resumed.status.success() && said(&resumed).contains("it is a link"), "{}", said(&resumed));
    assert!(untouched());
    // Names that a trainer may choose for files that are not whole yet, and the room it sets aside.
    let run = prepared(&home);
    fs::create_dir(run.checkpoints_path()).unwrap();
    let target = elsewhere.path().join(names[0]);
    for step in 0..2_000 {
        symlink(&target, run.checkpoints_path().join(format!(".step-{step:012}.safetensors"))).unwrap();
    }
    symlink(&target, run.path().join(".run.json.reserve")).unwrap();
    train(&run);
    assert!(untouched());
    assert!(run.newest_checkpoint().is_ok());
}

#[test]
fn nobody_trains_in_the_folder_of_somebody_else() {
    if !is_root() {
        return;
    }
    let home = Home::new();
    let theirs = home.path().join("theirs");
    fs::create_dir(&theirs).unwrap();
    chown(&theirs, Some(Uid::from_raw(NOBODY)), None).unwrap();
    let output = home.torchscope(&["train", "moons", "--headless", "--run-dir", theirs.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said(&output).contains("belongs to another user") && said(&output).lines().count() == 1,
        "{}",
        said(&output)
    );
    assert_eq!(fs::read_dir(&theirs).unwrap().count(), 0);
    // Theirs may be looked at.
    let run = prepared(&home);
    run.write_meta(&RunMeta { state: State::Stopped, ..run.meta().unwrap() }).unwrap();
    for path in [run.path(), &run.meta_path(), &run.recipe_path()] {
        chown(path, Some(Uid::from_raw(NOBODY)), None).unwrap();
    }
    let name = run.path().to_str().unwrap();
    let listed = home.torchscope(&["ls"]);
    assert!(String::from_utf8_lossy(&listed.stdout).contains("stopped"));
    assert_eq!(home.torchscope(&["attach", name]).status.code(), Some(3));
    fs::create_dir(run.checkpoints_path()).unwrap();
    let resumed = home.torchscope(&["resume", name]);
    assert!(!resumed.status.success());
}

fn pipe(path: &Path) {
    let _ = fs::remove_file(path);
    mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
}

/// Runs a command that must not wait for anybody.
fn ends(home: &Home, args: &[&str]) -> String {
    let mut child = home.command(args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    wait(&format!("{args:?} to end"), || child.try_wait().unwrap());
    std::io::read_to_string(child.stderr.take().unwrap()).unwrap()
}

#[test]
fn pipes_in_a_run_directory_are_waited_for_by_nobody() {
    let home = Home::new();
    let run = prepared(&home);
    train(&run);
    let name = run.path().to_str().unwrap();
    let files: [(&str, PathBuf); 3] = [
        ("recipe.toml", run.recipe_path()),
        ("trainer.log", run.trainer_log_path()),
        ("trainer.lock", run.lock_path()),
    ];
    let checkpoint = run.newest_checkpoint().unwrap().checkpoint.path;
    pipe(&checkpoint);
    let error = ends(&home, &["resume", name, "--epochs", "310", "--headless"]);
    assert!(error.contains("not a regular file"), "{error}");
    for (file, path) in files {
        let kept = fs::read(&path).unwrap_or_default();
        pipe(&path);
        let error = ends(&home, &["resume", name, "--epochs", "400", "--headless"]);
        assert!(error.contains(file) && error.contains("not a regular file"), "{file}: {error}");
        for command in ["ls", "show", "attach", "stop"] {
            ends(&home, &[command, name]);
        }
        fs::remove_file(&path).unwrap();
        fs::write(&path, kept).unwrap();
        // What a failed start has written is not part of this.
        let meta = run.meta().unwrap();
        run.write_meta(&RunMeta { state: State::Finished, ..meta }).unwrap();
    }
}

#[test]
fn a_sweep_that_is_ended_leaves_nothing() {
    for (signal, code) in [(Signal::QUIT, 131), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let home = Home::new();
        let temporary = tempfile::tempdir().unwrap();
        let mut command = home.command(&["lr-find", "cnn", "--steps", "100000"]);
        command.env("TMPDIR", temporary.path()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut sweep = command.spawn().unwrap();
        let scratch = || {
            let entries = fs::read_dir(temporary.path()).unwrap().map(|entry| entry.unwrap().path());
            entries.into_iter().find(|path| path.to_string_lossy().contains("lr-find"))
        };
        let pid = wait("the trainer", || {
            let run = RunDir::open(&scratch()?).ok()?;
            run.meta().ok()?.pid
        });
        kill_process(Pid::from_child(&sweep), signal).unwrap();
        assert_eq!(wait("the end", || sweep.try_wait().unwrap()).code(), Some(code));
        assert_eq!(scratch(), None);
        assert!(!Path::new(&format!("/proc/{pid}")).exists(), "its trainer goes with it");
    }
}
