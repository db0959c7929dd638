//! However the view ends, the terminal is given back and the exit code is right. No trainer is needed for that.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like the tests themselves")]
#![expect(dead_code, reason = "the other tests use the rest of the support")]

mod support;

use rustix::process::{Pid, Signal, kill_process};
use std::time::Duration;

use support::{Home, Terminal, wait};
use torchscope::recipe::Recipe;
use torchscope::run::{RunDir, RunLock};

/// A view of a run whose trainer never comes up: the test holds its lock.
struct View {
    terminal: Terminal,
    _lock: RunLock,
}

impl std::ops::Deref for View {
    type Target = Terminal;

    fn deref(&self) -> &Terminal {
        &self.terminal
    }
}

impl std::ops::DerefMut for View {
    fn deref_mut(&mut self) -> &mut Terminal {
        &mut self.terminal
    }
}

fn view(home: &Home) -> View {
    let run = RunDir::create(home.path(), &Recipe::load("moons", &[]).unwrap()).unwrap();
    let lock = RunLock::acquire(&run).unwrap();
    let terminal = Terminal::start(home, &["attach"], (80, 24));
    terminal.wait_for("starting libtorch");
    assert!(terminal.full_screen() && terminal.cursor_hidden());
    View { terminal, _lock: lock }
}

fn send(view: &Terminal, signal: Signal) {
    kill_process(Pid::from_raw(view.pid()).unwrap(), signal).unwrap();
}

#[test]
fn signals_give_the_terminal_back() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130), (Signal::HUP, 129)] {
        let home = Home::new();
        let mut view = view(&home);
        send(&view, signal);
        assert_eq!(view.exit_code(), code);
        wait("the terminal", || (!view.full_screen() && !view.cursor_hidden()).then_some(()));
        let raw = String::from_utf8_lossy(&view.raw()).into_owned();
        for mode in ["\u{1b}[?1000l", "\u{1b}[?2004l", "\u{1b}[?1049l"] {
            assert!(raw.contains(mode), "{mode:?} was not switched off");
        }
    }
}

#[test]
fn suspended_and_continued() {
    let home = Home::new();
    let mut view = view(&home);
    view.keys("\u{1a}");
    wait("the terminal", || (!view.full_screen()).then_some(()));
    let stat = wait("the stop", || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", view.pid())).unwrap();
        stat.contains(") T ").then_some(stat)
    });
    assert!(stat.contains("torchscope"));
    send(&view, Signal::CONT);
    wait("the view", || view.full_screen().then_some(()));
    view.wait_for("starting libtorch");
    view.keys("qq");
    assert_eq!(view.exit_code(), 0);
}

#[test]
fn an_idle_view_writes_nothing() {
    let home = Home::new();
    let view = view(&home);
    view.wait_for("pace 10");
    let mut before = view.raw().len();
    // The frame may still be on its way.
    wait("the end of the frame", || {
        std::thread::sleep(Duration::from_millis(300));
        (std::mem::replace(&mut before, view.raw().len()) == before).then_some(())
    });
    // Longer than anything here is looked at, and than a clock would stand still.
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(view.raw().len(), before);
}
