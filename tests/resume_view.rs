//! A view that stays open while its trainer is killed and another one goes on, on a pseudo-terminal.
#![cfg(feature = "trainer")]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like the tests themselves")]
#![allow(dead_code, reason = "the other tests use the rest of the support")]

mod support;

use rustix::process::{Pid, Signal, kill_process};
use support::{Home, Terminal};

#[test]
fn a_view_follows_a_run_through_death_and_resurrection() {
    let home = Home::new();
    let recipe = ["train", "moons", "--epochs", "100000", "--pace", "20"];
    let mut view = Terminal::start(&home, &recipe, (120, 40));
    view.wait_for("Decision boundary");
    view.wait_for("eta");
    view.keys("c");
    view.wait_for("saved at");
    let run = home.runs().remove(0);
    let status = home.status(&run);
    kill_process(Pid::from_raw(status["pid"].as_i64().unwrap() as i32).unwrap(), Signal::KILL).unwrap();
    let screen = view.wait_for("The trainer died");
    assert!(screen.contains("crashed · torchscope resume moons-0001 continues from step"), "{screen}");

    let output = home.torchscope(&["resume", "moons-0001", "--detach"]);
    assert!(output.status.success(), "{output:?}");
    let screen = view.wait("the new trainer", |screen| screen.contains("running") && screen.contains("resumed at"));
    assert!(!screen.contains("The trainer died"), "{screen}");
    // It counts as a watcher again, and is obeyed.
    view.keys(" ");
    home.wait(&run, "the pause", |status| status["state"] == "paused");
    view.keys("q");
    view.wait_for("moons-0001 is paused");
    view.keys("s");
    assert_eq!(view.exit_code(), 3);
    let screen = String::from_utf8_lossy(&view.raw()).into_owned();
    assert!(screen.contains("go on: torchscope resume moons-0001"));

    // And in the view itself.
    let mut view = Terminal::start(&home, &["resume", "moons-0001", "--epochs", "200000"], (120, 40));
    view.wait_for("resumed at");
    view.wait_for("/200,000");
    view.keys("qs");
    assert_eq!(view.exit_code(), 3);
}
