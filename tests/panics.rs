//! A panic anywhere in the view, as only a mistake of ours can bring it about: the terminal is given back, the program
//! ends. This program, run again in a terminal, stands in for a view with such a mistake.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like the tests themselves")]
#![expect(dead_code, reason = "the other tests use the rest of the support")]

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use support::{Home, Terminal, wait};
use torchscope::recipe::Recipe;
use torchscope::run::{RunDir, RunLock, RunMeta, State};
use torchscope::runtime::{self, Options};
use torchscope::term::{Capabilities, Choices, Environment};

/// Tells the stand-in which run to show, and where the mistake is.
const RUN: &str = "TORCHSCOPE_TEST_RUN";
const MISTAKE: &str = "TORCHSCOPE_TEST_MISTAKE";

/// The view as `main` opens it, with a mistake in what is handed to it.
fn mistaken(run: &Path, mistake: &str) -> ExitCode {
    let run = RunDir::open(run).unwrap();
    let capabilities = Capabilities::detect(&Environment::of_process(), Choices::default());
    let options = Options { capabilities, bell: false, max_kbps: None };
    runtime::install_panic_hook();
    let opening = |run: &RunDir| {
        if mistake == "thread" {
            // Once the view rests: nothing is drawn any more that would find the terminal gone.
            let go = run.path().join("go");
            std::thread::spawn(move || {
                while !go.exists() {
                    std::thread::sleep(Duration::from_millis(10));
                }
                panic!("a mistake in a thread");
            });
        }
        Ok(())
    };
    let start_over = |_: &RunDir, _| panic!("a mistake in the loop");
    let view = || runtime::show(run, options, None, opening, &start_over);
    match catch_unwind(AssertUnwindSafe(view)) {
        Ok(Ok(_)) => ExitCode::SUCCESS,
        Ok(Err(_)) | Err(_) => ExitCode::FAILURE,
    }
}

#[test]
fn stand_in_for_the_view() {
    let (Some(run), Ok(mistake)) = (std::env::var_os(RUN), std::env::var(MISTAKE)) else { return };
    assert_eq!(mistaken(Path::new(&run), &mistake), ExitCode::SUCCESS, "the view ended by its mistake");
}

fn view(home: &Home, mistake: &str) -> (Terminal, RunDir, RunLock) {
    let run = RunDir::create(home.path(), &Recipe::load("moons", &[]).unwrap()).unwrap();
    let lock = RunLock::acquire(&run).unwrap();
    let program = std::env::current_exe().unwrap();
    let args = ["--exact", "stand_in_for_the_view", "--nocapture", "--test-threads=1"];
    let variables = [(RUN, run.path().to_str().unwrap()), (MISTAKE, mistake)];
    let terminal = Terminal::start_program(&program, home, &args, (80, 24), &variables);
    terminal.wait_for("starting libtorch");
    assert!(terminal.full_screen() && terminal.cursor_hidden() && terminal.is_raw());
    (terminal, run, lock)
}

fn ends_in_order(mut view: Terminal, report: &str) {
    assert_ne!(view.exit_code(), 0);
    // A trace of calls may have pushed it off the screen.
    wait("the report", || String::from_utf8_lossy(&view.raw()).contains(report).then_some(()));
    wait("the terminal", || (!view.full_screen() && !view.cursor_hidden() && !view.is_raw()).then_some(()));
    let raw = String::from_utf8_lossy(&view.raw()).into_owned();
    let left = raw.rfind("\u{1b}[?1049l").unwrap();
    for mode in ["\u{1b}[?1000h", "\u{1b}[?2004h", "\u{1b}[?25l", "\u{1b}[?1049h"] {
        assert!(raw.rfind(mode).unwrap() < left, "{mode:?} after the terminal was given back");
    }
    assert!(raw.find(report).unwrap() > left, "the report went to the screen that is gone");
}

#[test]
fn a_panic_in_a_thread_ends_a_view_at_rest() {
    let home = Home::new();
    let (view, run, _lock) = view(&home, "thread");
    let mut before = 0;
    wait("the view to rest", || {
        std::thread::sleep(Duration::from_millis(300));
        (std::mem::replace(&mut before, view.raw().len()) == view.raw().len()).then_some(())
    });
    std::fs::write(run.path().join("go"), "").unwrap();
    ends_in_order(view, "a mistake in a thread");
}

#[test]
fn a_panic_in_the_loop_ends_the_view() {
    let home = Home::new();
    let (mut view, run, _lock) = view(&home, "loop");
    run.write_meta(&RunMeta { state: State::Running, ..run.meta().unwrap() }).unwrap();
    view.wait_for("running");
    view.keys("rb");
    ends_in_order(view, "a mistake in the loop");
}
