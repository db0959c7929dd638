//! The whole program, from the keyboard to libtorch and back, on a pseudo-terminal.
#![cfg(feature = "trainer")]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like the tests themselves")]

mod support;

use std::fs;

use rustix::process::{Pid, Signal, kill_process};
use support::{Home, Terminal, wait};

fn kill(pid: i64) {
    kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), Signal::KILL).unwrap();
}

/// The step the boundary panel's frame names.
fn picture_step(screen: &str) -> Option<u64> {
    let title = screen.lines().find_map(|line| line.split("Decision boundary").nth(1))?;
    title.split("step ").nth(1)?.split_whitespace().next()?.replace(',', "").parse().ok()
}

/// The step the header names, as `step 1,234/1,600`.
fn step(screen: &str) -> Option<u64> {
    let line = screen.lines().nth(1)?;
    let number = line.split("step ").nth(1)?.split('/').next()?;
    number.replace(',', "").trim().parse().ok()
}

#[test]
fn train_watch_pause_leave_attach_stop() {
    let home = Home::new();
    let mut view = Terminal::start(&home, &["train", "moons", "--epochs", "100000", "--pace", "20"], (120, 40));
    view.wait_for("Decision boundary");
    let first = view.wait("a picture of the boundary", |screen| picture_step(screen).is_some());
    let first = picture_step(&first).unwrap();
    view.wait("the boundary to move", |screen| picture_step(screen).is_some_and(|step| step > first));
    let screen = view.text();
    for part in ["running", "81 parameters", "full set", "accuracy", "seed"] {
        assert!(screen.contains(part), "{part} is missing:\n{screen}");
    }

    view.wait_for("grad norm");
    view.keys("2");
    view.keys("z");
    view.wait("the boundary alone", |screen| !screen.contains("grad norm"));
    view.keys("\r");
    view.wait_for("grad norm");

    view.keys(" ");
    view.wait_for("paused");
    let run = home.runs().remove(0);
    let paused = home.wait(&run, "the pause", |status| status["state"] == "paused")["step"].as_u64().unwrap();
    view.keys("n");
    home.wait(&run, "one more step", |status| status["step"].as_u64() == Some(paused + 1));
    view.keys("N");
    home.wait(&run, "the end of the epoch", |status| {
        status["state"] == "paused" && status["step"].as_u64().is_some_and(|step| step > paused + 1 && step % 16 == 0)
    });
    // Space asks for the opposite of what the screen says: let it say so first.
    let at = home.status(&run)["step"].as_u64();
    view.wait("the pause", |screen| screen.contains("paused") && step(screen) == at);
    view.keys(" ");
    view.wait_for("running");

    view.keys("q");
    view.wait_for("is still training");
    view.keys("q");
    assert_eq!(view.exit_code(), 0);
    // What it wrote last may be read after it has ended; these words come when the terminal has been given back.
    view.wait_for("torchscope attach moons-0001");
    assert!(!view.full_screen() && !view.cursor_hidden() && !view.is_raw(), "the terminal was not given back");
    let left_at = home.status(&run)["step"].as_u64().unwrap();
    home.wait(&run, "the run to go on alone", |status| status["step"].as_u64().unwrap() > left_at);

    let mut view = Terminal::start(&home, &["attach"], (80, 24));
    view.wait("what happened before and since", |screen| step(screen).is_some_and(|step| step > left_at));
    // What stands in the frame has no room for five digits beside the other pictures.
    let legend = |screen: &str| screen.contains("wrong of") || screen.contains("500 right");
    view.wait("the picture", |screen| picture_step(screen).is_some() || legend(screen));
    view.keys("q");
    view.wait_for("is still training");
    view.keys("s");
    assert_eq!(view.exit_code(), 3, "stopped by request");
    assert_eq!(home.status(&run)["state"], "stopped");
}

#[test]
fn a_short_run_ends_with_its_final_picture() {
    let home = Home::new();
    let mut view = Terminal::start(&home, &["train", "moons", "--epochs", "100", "--pace", "max"], (120, 40));
    let screen = view.wait("the end", |screen| screen.contains("finished") && picture_step(screen) == Some(1600));
    assert!(screen.contains("100/100"), "{screen}");
    let run = home.runs().remove(0);
    let best = &home.status(&run)["best"]["accuracy/eval"]["value"];
    assert!(best.as_f64().unwrap() >= 0.99, "the shipped seed separates the moons, got {best}");
    // Nothing is live any more: no question is asked.
    view.keys("q");
    assert_eq!(view.exit_code(), 0);
}

#[test]
fn starting_over_is_a_new_run() {
    let home = Home::new();
    let mut view = Terminal::start(&home, &["train", "moons", "--epochs", "100000"], (120, 40));
    view.wait("the first steps", |screen| step(screen).is_some_and(|step| step > 0));
    view.keys("r");
    view.wait_for("Start over?");
    view.keys("s");
    view.wait_for("moons-0002");
    view.wait("the new run's first picture", |screen| screen.contains("running") && picture_step(screen).is_some());
    let runs = home.runs();
    home.wait(&runs[0], "the old run to stop", |status| status["state"] == "stopped");
    view.keys("R");
    view.wait_for("with a new seed?");
    view.keys("b");
    view.wait_for("moons-0003");
    let seeds: Vec<String> = home
        .runs()
        .iter()
        .map(|run| fs::read_to_string(run.join("recipe.toml")).unwrap())
        .map(|text| text.lines().find(|line| line.starts_with("seed")).unwrap().to_owned())
        .collect();
    assert_eq!(seeds[0], seeds[1]);
    assert_ne!(seeds[1], seeds[2]);
    view.wait("the third run", |screen| screen.contains("running") && screen.contains("moons-0003"));
    view.keys("qs");
    assert_eq!(view.exit_code(), 3);
    // The one beside which the last was started goes on, and whoever leaves is told.
    view.wait_for("moons-0002 goes on: torchscope attach moons-0002");
    assert_eq!(home.status(&runs[1])["state"], "running");
}

#[test]
fn a_key_that_is_held_down_makes_one_run() {
    let home = Home::new();
    let made = home.torchscope(&["train", "moons", "--headless", "--epochs", "3"]);
    assert!(made.status.success(), "{made:?}");
    let mut view = Terminal::start(&home, &["attach"], (100, 30));
    view.wait_for("finished");
    view.keys("\u{1b}[200~rrrqqq\u{1b}[201~");
    view.keys("?");
    view.wait_for("pause or resume training");
    view.keys("?");
    assert_eq!(home.runs().len(), 1, "what is pasted is no key");
    view.keys(&"r".repeat(300));
    view.wait("the new run", |screen| screen.contains("moons-0002") && screen.contains("finished"));
    assert_eq!(home.runs().len(), 2);
    view.keys("q");
    assert_eq!(view.exit_code(), 0);
    assert_eq!(home.runs().len(), 2);
}

#[test]
fn a_killed_trainer_shows_as_crashed_and_the_view_lives_on() {
    let home = Home::new();
    let mut view = Terminal::start(&home, &["train", "moons", "--epochs", "100000"], (100, 30));
    view.wait("a picture", |screen| picture_step(screen).is_some());
    let run = home.runs().remove(0);
    kill(home.status(&run)["pid"].as_i64().unwrap());
    let screen = view.wait_for("The trainer died");
    assert!(screen.contains("crashed") && screen.contains("trainer.log"), "{screen}");
    assert_eq!(home.status(&run)["state"], "crashed");
    view.keys("\r");
    view.wait("the panels again", |screen| !screen.contains("The trainer died"));
    view.keys("?");
    view.wait_for("pause or resume training");
    view.keys("?");
    view.keys("q");
    assert_eq!(view.exit_code(), 1);
    view.wait_for("trainer.log");
}

#[test]
fn a_killed_view_leaves_the_training_alone() {
    let home = Home::new();
    let view = Terminal::start(&home, &["train", "moons", "--epochs", "100000"], (100, 30));
    view.wait("a picture", |screen| picture_step(screen).is_some());
    let run = home.runs().remove(0);
    kill(view.pid().into());
    let step = home.status(&run)["step"].as_u64().unwrap();
    let status = home.wait(&run, "the run to go on", |status| status["step"].as_u64().unwrap() > step + 100);
    assert_eq!(status["state"], "running");
    let again = Terminal::start(&home, &["attach"], (100, 30));
    again.wait("the picture again", |screen| picture_step(screen).is_some());
}

#[test]
fn a_trainer_that_cannot_start_says_why() {
    let home = Home::new();
    let mut view = Terminal::start(&home, &["train", "moons", "--device", "cuda:97"], (100, 30));
    let screen = view.wait("the failure", |screen| screen.contains("failed") && screen.contains("trainer.log"));
    assert!(screen.contains("cuda"), "{screen}");
    view.keys("q");
    assert_eq!(view.exit_code(), 1);
}

#[test]
fn sizes_and_modes() {
    let home = Home::new();
    let started = home.torchscope(&["train", "moons", "--epochs", "100000", "--detach"]);
    assert!(started.status.success(), "{}", String::from_utf8_lossy(&started.stderr));
    let run = home.runs().remove(0);
    home.wait(&run, "some steps", |status| status["step"].as_u64().unwrap() > 100);

    let mut view = Terminal::start(&home, &["attach"], (200, 60));
    view.wait("a picture", |screen| picture_step(screen).is_some());
    for (columns, rows) in [(80, 24), (40, 12), (120, 40)] {
        view.resize(columns, rows);
        view.wait("the new size", |screen| {
            let lines: Vec<&str> = screen.lines().collect();
            // The footer stands on the last row, and a frame reaches the last column above it.
            lines.len() == usize::from(rows)
                && lines[lines.len() - 1].contains("leave")
                && lines[lines.len() - 2].chars().count() == usize::from(columns)
                && lines[lines.len() - 2].ends_with('╯')
        });
    }
    view.resize(30, 8);
    view.wait_for("too small");
    view.resize(80, 24);
    view.wait_for("Decision boundary");
    view.keys("qq");
    assert_eq!(view.exit_code(), 0);

    let plain = Terminal::start_with(&home, &["attach"], (100, 30), &[("NO_COLOR", "1")]);
    plain.wait("a picture without colours", |screen| picture_step(screen).is_some());
    let raw = String::from_utf8_lossy(&plain.raw()).into_owned();
    assert!(!raw.contains("[38;") && !raw.contains("[48;"), "a colour under NO_COLOR");
    drop(plain);

    let ascii = Terminal::start_with(&home, &["attach"], (100, 30), &[("LC_ALL", "C")]);
    let screen = ascii.wait("a picture in ASCII", |screen| picture_step(screen).is_some());
    assert!(screen.is_ascii(), "not ASCII under LC_ALL=C:\n{screen}");
}

#[test]
fn headless_prints_lines_and_nothing_else() {
    let home = Home::new();
    let output = home.torchscope(&["train", "moons", "--headless", "--epochs", "20"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(!text.contains('\u{1b}'));
    assert!(text.lines().count() >= 3 && text.contains("loss") && text.contains("finished at epoch 20/20"), "{text}");

    // Without a terminal there is no view, whether asked for or not.
    let piped = home.torchscope(&["train", "moons", "--epochs", "2"]);
    assert_eq!(piped.status.code(), Some(0));
    assert!(!String::from_utf8(piped.stdout).unwrap().contains('\u{1b}'));
}

#[test]
fn a_run_goes_by_the_name_it_was_given() {
    let home = Home::new();
    let started = home.torchscope(&["train", "moons", "--name", "wide-0.1", "--epochs", "100000", "--detach"]);
    let text = String::from_utf8(started.stdout).unwrap();
    assert!(text.contains("wide-0.1 is training in") && text.contains("torchscope attach wide-0.1"), "{text}");
    let run = home.runs().remove(0);
    assert_eq!(home.status(&run)["name"], "wide-0.1");
    let view = Terminal::start(&home, &["attach", "wide"], (100, 30));
    view.wait("the name", |screen| screen.lines().next().is_some_and(|line| line.contains("wide-0.1  ")));
    let stopped = home.torchscope(&["stop"]);
    assert!(String::from_utf8_lossy(&stopped.stdout).starts_with("wide-0.1 stopped at epoch "), "{stopped:?}");
    let finished = home.torchscope(&["train", "moons", "--name", "short", "--epochs", "2", "--headless"]);
    assert!(String::from_utf8_lossy(&finished.stdout).contains("short finished at epoch 2/2"), "{finished:?}");
}

#[test]
fn headless_stops_cleanly_when_interrupted() {
    let home = Home::new();
    let mut child = home
        .command(&["train", "moons", "--headless", "--epochs", "1000000"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let run = wait("the run", || home.runs().pop());
    home.wait(&run, "some steps", |status| status["step"].as_u64().unwrap() > 100);
    kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), Signal::INT).unwrap();
    let code = wait("the end", || child.try_wait().unwrap()).code();
    assert_eq!(code, Some(130));
    assert_eq!(home.status(&run)["state"], "stopped");
}

#[test]
fn a_stop_during_the_start_arrives() {
    let home = Home::new();
    let mut child = home.command(&["train", "moons", "--headless", "--epochs", "1000000"]).spawn().unwrap();
    // Long before libtorch is loaded and the trainer listens.
    let run = wait("the run", || home.runs().pop());
    kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), Signal::INT).unwrap();
    assert_eq!(wait("the end", || child.try_wait().unwrap()).code(), Some(130));
    assert_eq!(home.status(&run)["state"], "stopped");

    // So does one from the view, in which a run that starts is not started over.
    let mut view = Terminal::start(&home, &["train", "moons", "--epochs", "1000000"], (100, 30));
    view.wait_for("moons-0002");
    view.keys("rqs");
    assert_eq!(view.exit_code(), 3);
    let runs = home.runs();
    assert_eq!(home.status(&runs[1])["state"], "stopped");
    assert_eq!(runs.len(), 2);

    let mut view = Terminal::start(&home, &["train", "moons", "--epochs", "1000000"], (100, 30));
    view.wait("the first step", |screen| step(screen).is_some_and(|step| step > 0));
    let run = home.runs().remove(2);
    // A command typed just before leaving still arrives.
    view.keys(" qq");
    assert_eq!(view.exit_code(), 0);
    home.wait(&run, "the pause", |status| status["state"] == "paused");
}

#[test]
fn the_view_links_no_libtorch() {
    let program = fs::read(support::TORCHSCOPE).unwrap();
    for library in [&b"libtorch_cpu.so"[..], b"libc10.so", b"libtorch.so"] {
        assert!(!program.windows(library.len()).any(|bytes| bytes == library));
    }
}

#[test]
fn the_commands_explain_what_is_wrong() {
    let home = Home::new();
    for (args, reason) in [
        (vec!["train", "mons"], "moons"),
        (vec!["train", "moons", "--set", "epoch=3"], "epochs"),
        (vec!["train", "moons", "--lr", "-1"], "lr"),
        (vec!["attach"], "torchscope train"),
        (vec!["stop", "nothing"], "torchscope train"),
    ] {
        let output = home.torchscope(&args);
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(matches!(output.status.code(), Some(1 | 2)), "{args:?}: {error}");
        assert!(error.contains(reason) && !error.contains("panicked"), "{args:?}: {error}");
    }
    assert!(home.runs().is_empty(), "a refused recipe leaves no run behind");
}
