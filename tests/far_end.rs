//! Far ends that mean no good, or say nothing, in place of ssh and a relay: the view stays small, says what is so, and ends when
//! it is told to.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like the tests themselves")]

#[expect(dead_code, reason = "other tests use the rest")]
mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use support::{Home, Terminal, wait};

/// A home, and beside it a folder for the cache and for what plays the far end.
struct Stage {
    home: Home,
    folder: tempfile::TempDir,
}

impl Stage {
    fn new() -> Self {
        Self { home: Home::new(), folder: tempfile::tempdir().unwrap() }
    }

    fn place(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a program that is called in ssh's place. It runs in the folder.
    fn far_end(&self, script: &str) -> String {
        let path = self.place("ssh");
        fs::write(&path, format!("#!/bin/sh\ncd {}\n{script}\n", self.folder.path().display())).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn view(&self, script: &str) -> Terminal {
        let ssh = self.far_end(script);
        let cache = self.place("cache");
        let variables = [("XDG_CACHE_HOME", cache.to_str().unwrap())];
        Terminal::start_with(&self.home, &["attach", "far:", "--ssh", &ssh], (100, 30), &variables)
    }
}

fn frame(json: &str, bytes: &[u8]) -> Vec<u8> {
    let lengths = [json.len(), bytes.len()].map(|length| (length as u32).to_le_bytes()).concat();
    [&lengths[..], json.as_bytes(), bytes].concat()
}

/// What a relay says of a live run first.
fn greeting(name: &str) -> Vec<u8> {
    let run = format!(r#"{{"name":"{name}","path":"/far/{name}","started":"2026"}}"#);
    let status = r#"{"kind":"status","fields":{"version":1,"state":"running","socket":"/far/socket","epochs":9,"steps_per_epoch":10,"loss":"bce"}}"#;
    [
        b"torchscope-relay 1\n".to_vec(),
        frame(&format!(r#"{{"kind":"hello","torchscope":"0","run":{run}}}"#), b""),
        frame(status, b""),
        frame(r#"{"kind":"behind","bytes":0}"#, b""),
    ]
    .concat()
}

/// Resident memory of a process, in MB.
fn memory(pid: i32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1000
}

fn length(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |found| found.len())
}

/// Fields that no run has, each time others; accounts of the line without end; answers that nobody asked for.
fn flood() -> Vec<u8> {
    (0..400)
        .flat_map(|number| {
            let text = "x".repeat(2_000);
            [
                frame(&format!(r#"{{"kind":"status","fields":{{"field{number}":"{text}"}}}}"#), b""),
                frame(&format!(r#"{{"kind":"behind","bytes":{number}}}"#), b""),
                frame(&format!(r#"{{"kind":"reply","id":{number},"line":"{text}"}}"#), b""),
            ]
            .concat()
        })
        .collect()
}

#[test]
fn a_flood_is_held_back_and_the_view_ends_when_told_to() {
    let stage = Stage::new();
    fs::write(stage.place("greeting"), greeting("moons-0001")).unwrap();
    fs::write(stage.place("flood"), flood()).unwrap();
    let reads_all = "exec 3<&0; cat <&3 >/dev/null & cat greeting; while cat flood; do printf . >>turns; done";
    let mut view = stage.view(reads_all);
    view.wait_for("running");
    wait("40 turns of the flood", || (length(&stage.place("turns")) >= 40).then_some(()));
    let memory = memory(view.pid());
    assert!(memory < 120, "{memory} MB");
    view.keys("qq");
    assert_eq!(view.exit_code(), 0, "{}", view.text());
}

#[test]
fn what_the_far_end_says_first_does_not_command_the_terminal() {
    let stage = Stage::new();
    fs::write(stage.place("greeting"), greeting("lock")).unwrap();
    let mut view = stage
        .view(r"printf 'one \033[2J\033]0;title\007two\n\033[31mthree' >&2; sleep 3; cat greeting; exec sleep 600");
    view.wait_for("one two");
    view.wait_for("three");
    let raw = view.raw();
    assert!(!raw.contains(&0x1b) && !raw.contains(&7), "{:?}", String::from_utf8_lossy(&raw));
    // And a run may have any name.
    view.wait("the run", |screen| screen.contains("far:lock") && screen.contains("running"));
    view.keys("qq");
    assert_eq!(view.exit_code(), 0);
}

#[test]
fn a_far_end_that_falls_silent_is_said_to_be() {
    let stage = Stage::new();
    fs::write(stage.place("greeting"), greeting("moons-0001")).unwrap();
    let mut view = stage.view("cat greeting; exec sleep 600");
    view.wait_for("running");
    view.keys(" ");
    view.wait("an answer that names the run", |screen| {
        screen.contains("refused") && screen.contains("far:moons-0001: no")
    });
    assert!(!view.text().contains(".sock"), "{}", view.text());
    assert!(view.text().contains("running"), "nothing is shown as done that was not: {}", view.text());
    view.wait_for("no word from far for");
    view.keys("qq");
    assert_eq!(view.exit_code(), 0);
}

#[test]
fn a_far_end_that_never_speaks_is_not_waited_for_in_silence() {
    let stage = Stage::new();
    let mut view = stage.view("exec sleep 600");
    view.wait_for("no run has come from far yet; Ctrl-C gives up");
    view.keys("\u{3}");
    assert_ne!(view.exit_code(), 0);
}
