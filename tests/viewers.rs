//! Several viewers on one run: one that is stopped dead holds up neither the trainer nor the others.
#![cfg(feature = "trainer")]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like the tests themselves")]
#![expect(dead_code, reason = "the other tests use the rest of the support")]

mod support;

use rustix::process::{Pid, Signal, kill_process};
use support::{Home, Terminal, wait};

fn send(view: &Terminal, signal: Signal) {
    kill_process(Pid::from_raw(view.pid()).unwrap(), signal).unwrap();
}

/// Stops a view as it is: unlike Ctrl-Z the signal cannot be caught, so that it keeps its terminal and its connections.
fn freeze(view: &Terminal) {
    send(view, Signal::STOP);
    wait("the stop", || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", view.pid())).unwrap();
        stat.contains(") T ").then_some(())
    });
}

#[test]
fn a_run_ends_while_its_only_viewer_is_stopped() {
    let home = Home::new();
    let args = ["train", "moons", "--epochs", "1500", "--pace", "max"];
    let mut view = Terminal::start(&home, &args, (120, 40));
    view.wait_for("running");
    freeze(&view);
    let run = home.runs().remove(0);
    let status = home.wait(&run, "the end", |status| status["state"] == "finished");
    assert_eq!(status["epoch"], 1500);
    let shown = view.text();
    assert!(!shown.contains("finished"), "{shown}");
    send(&view, Signal::CONT);
    view.wait("the end in the view", |screen| screen.contains("finished") && screen.contains("24,000/24,000"));
    view.keys("q");
    assert_eq!(view.exit_code(), 0);
}

#[test]
fn a_stopped_viewer_holds_nobody_up() {
    let home = Home::new();
    let started = home.torchscope(&["train", "moons", "--epochs", "10000000", "--pace", "max", "--detach"]);
    assert!(started.status.success(), "{}", String::from_utf8_lossy(&started.stderr));
    let run = home.runs().remove(0);
    let [mut stopped, mut other] = [(); 2].map(|()| Terminal::start(&home, &["attach"], (120, 40)));
    for view in [&stopped, &other] {
        view.wait("the run", |screen| screen.contains("running") && screen.contains("step"));
    }
    home.wait(&run, "both to be counted", |_| watchers(&run) == 2);
    freeze(&stopped);
    let step = |status: &serde_json::Value| status["step"].as_u64().unwrap();
    let before = step(&home.status(&run));
    home.wait(&run, "the trainer to go on", |status| step(status) > before + 20_000);
    // What the other one asks for is done.
    other.keys(" ");
    home.wait(&run, "the pause", |status| status["state"] == "paused");
    other.wait_for("paused");
    let resting = step(&home.status(&run));
    other.keys(" ");
    home.wait(&run, "the run to go on", |status| status["state"] == "running" && step(status) > resting);
    other.keys("qs");
    assert_eq!(other.exit_code(), 3);
    assert_eq!(home.status(&run)["state"], "stopped");
    // What it missed it finds in the log.
    send(&stopped, Signal::CONT);
    stopped.wait_for("stopped");
    stopped.keys("q");
    assert_eq!(stopped.exit_code(), 3);
}

/// How many viewers the trainer counts.
fn watchers(run: &std::path::Path) -> u64 {
    let text = std::fs::read(run.join("run.json")).unwrap();
    serde_json::from_slice::<serde_json::Value>(&text).unwrap()["watchers"].as_u64().unwrap()
}
