//! However the program ends, the terminal is given back and the exit code is right. No trainer is needed for that. Panics:
//! `panics.rs`.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like the tests themselves")]
#![expect(dead_code, reason = "the other tests use the rest of the support")]

mod support;

use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use portable_pty::{CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};

use support::{Home, TORCHSCOPE, Terminal, wait};
use torchscope::recipe::Recipe;
use torchscope::run::{RunDir, RunLock, RunMeta, State};

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
    assert!(terminal.full_screen() && terminal.cursor_hidden() && terminal.is_raw());
    View { terminal, _lock: lock }
}

fn send(view: &Terminal, signal: Signal) {
    kill_process(Pid::from_raw(view.pid()).unwrap(), signal).unwrap();
}

/// The processes that a view has started.
fn children(pid: i32) -> Vec<String> {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    children.split_whitespace().map(str::to_owned).collect()
}

fn is_given_back(terminal: &Terminal) -> bool {
    !terminal.full_screen() && !terminal.cursor_hidden() && !terminal.is_raw()
}

/// Waits until a process has been stopped.
fn wait_for_stop(view: &Terminal) {
    wait("the stop", || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", view.pid())).unwrap();
        stat.contains(") T ").then_some(())
    });
}

/// A run that is over, in such a state.
fn ended(home: &Home, state: State) -> RunDir {
    let run = RunDir::create(home.path(), &Recipe::load("moons", &[]).unwrap()).unwrap();
    let mut meta = run.meta().unwrap();
    meta.description.setup.device = Some("cpu".to_owned());
    run.write_meta(&RunMeta { state, finished: Some(meta.started), epochs: 3, epoch: 3, ..meta }).unwrap();
    run
}

#[test]
fn signals_give_the_terminal_back() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130), (Signal::HUP, 129), (Signal::QUIT, 131)] {
        let home = Home::new();
        let mut view = view(&home);
        let guardians = children(view.pid());
        assert_eq!(guardians.len(), 1, "one process that would give the terminal back");
        send(&view, signal);
        assert_eq!(view.exit_code(), code);
        wait("the terminal", || is_given_back(&view).then_some(()));
        assert!(guardians.iter().all(|pid| !std::path::Path::new(&format!("/proc/{pid}")).exists()), "it goes as well");
        let raw = String::from_utf8_lossy(&view.raw()).into_owned();
        for mode in ["\u{1b}[?1000l", "\u{1b}[?2004l", "\u{1b}[?1049l"] {
            assert!(raw.contains(mode), "{mode:?} was not switched off");
        }
    }
}

#[test]
fn whatever_kills_the_view_the_terminal_is_given_back() {
    for signal in [Signal::KILL, Signal::ABORT, Signal::USR1, Signal::USR2, Signal::ALARM, Signal::XCPU] {
        let home = Home::new();
        let mut view = view(&home);
        send(&view, signal);
        view.exit_code();
        wait("the terminal", || is_given_back(&view).then_some(()));
        let raw = String::from_utf8_lossy(&view.raw()).into_owned();
        for mode in ["\u{1b}[?1000l", "\u{1b}[?2004l", "\u{1b}[?1049l"] {
            assert!(raw.contains(mode), "{mode:?} was not switched off after {signal:?}");
        }
    }
}

#[test]
fn killed_while_suspended_nothing_is_given_back_twice() {
    let home = Home::new();
    let mut view = view(&home);
    send(&view, Signal::TSTP);
    wait_for_stop(&view);
    wait("the terminal", || is_given_back(&view).then_some(()));
    let before = view.raw().len();
    send(&view, Signal::KILL);
    view.exit_code();
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(view.raw().len(), before, "the shell has the terminal by then");
}

#[test]
fn of_a_run_that_was_removed_nobody_says_that_it_goes_on() {
    let home = Home::new();
    let mut view = view(&home);
    std::fs::remove_dir_all(&home.runs()[0]).unwrap();
    view.keys("qq");
    assert_eq!(view.exit_code(), 0);
    let text = view.wait_for("is not at ");
    assert!(text.contains("any more") && !text.contains("goes on"), "{text}");
}

#[test]
fn suspended_and_continued() {
    let home = Home::new();
    let mut view = view(&home);
    view.keys("\u{1a}");
    wait_for_stop(&view);
    wait("the terminal", || is_given_back(&view).then_some(()));
    send(&view, Signal::CONT);
    wait("the view", || (view.full_screen() && view.cursor_hidden() && view.is_raw()).then_some(()));
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

#[test]
fn ended_while_suspended() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::HUP, 129)] {
        let home = Home::new();
        let mut view = view(&home);
        send(&view, Signal::TSTP);
        wait_for_stop(&view);
        wait("the terminal", || is_given_back(&view).then_some(()));
        // As a shell does it: a process at rest takes a signal only once it goes on.
        send(&view, signal);
        send(&view, Signal::CONT);
        assert_eq!(view.exit_code(), code);
        wait("the terminal", || is_given_back(&view).then_some(()));
    }
}

/// A terminal of which the test reads what it likes, and which it can close.
fn bare() -> portable_pty::PtyPair {
    native_pty_system().openpty(PtySize { rows: 60, cols: 200, pixel_width: 0, pixel_height: 0 }).unwrap()
}

fn read_until(master: &dyn MasterPty, text: &str) {
    let mut reader = master.try_clone_reader().unwrap();
    let mut seen = Vec::new();
    let mut bytes = [0; 1024];
    while !seen.windows(text.len()).any(|window| window == text.as_bytes()) {
        let count = reader.read(&mut bytes).unwrap();
        assert!(count > 0, "the view ended before it showed {text:?}");
        seen.extend_from_slice(&bytes[..count]);
    }
}

const ENVIRONMENT: [(&str, &str); 3] = [("TERM", "xterm-256color"), ("LANG", "C.UTF-8"), ("COLORTERM", "truecolor")];

/// A view for a bare terminal.
fn attach(home: &Home) -> CommandBuilder {
    let mut command = CommandBuilder::new(TORCHSCOPE);
    command.arg("attach");
    command.env_remove("CI");
    command.env("TORCHSCOPE_HOME", home.path());
    for (name, value) in ENVIRONMENT {
        command.env(name, value);
    }
    command
}

#[test]
fn a_terminal_that_is_closed_ends_the_view() {
    let home = Home::new();
    let run = RunDir::create(home.path(), &Recipe::load("moons", &[]).unwrap()).unwrap();
    let _lock = RunLock::acquire(&run).unwrap();
    let pty = bare();
    let mut child = pty.slave.spawn_command(attach(&home)).unwrap();
    drop(pty.slave);
    read_until(&*pty.master, "starting libtorch");
    drop(pty.master);
    assert_eq!(wait("the view to end", || child.try_wait().unwrap()).exit_code(), 129);
}

#[test]
fn a_terminal_that_is_closed_without_a_signal_ends_the_view() {
    let home = Home::new();
    let run = RunDir::create(home.path(), &Recipe::load("moons", &[]).unwrap()).unwrap();
    let _lock = RunLock::acquire(&run).unwrap();
    let pty = bare();
    // Not the terminal of its session, so that the kernel has nobody to tell.
    let noctty = rustix::fs::OFlags::NOCTTY.bits().cast_signed();
    let options = OpenOptions::new().read(true).write(true).custom_flags(noctty).clone();
    let slave = options.open(pty.master.tty_name().unwrap()).unwrap();
    drop(pty.slave);
    let mut child = home
        .command(&["attach"])
        .env_remove("CI")
        .envs(ENVIRONMENT)
        .stdin(slave.try_clone().unwrap())
        .stdout(slave)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    read_until(&*pty.master, "starting libtorch");
    drop(pty.master);
    let code = wait("the view to end", || child.try_wait().unwrap()).code();
    let said = std::io::read_to_string(child.stderr.take().unwrap()).unwrap();
    assert_eq!((code, said.as_str()), (Some(129), ""));
}

#[test]
fn a_terminal_that_takes_nothing_holds_up_no_signal() {
    let home = Home::new();
    let run = RunDir::create(home.path(), &Recipe::load("moons", &[]).unwrap()).unwrap();
    let _lock = RunLock::acquire(&run).unwrap();
    let pty = bare();
    let mut child = pty.slave.spawn_command(attach(&home)).unwrap();
    read_until(&*pty.master, "starting libtorch");
    // From now on nobody reads. Every new size is a whole new frame, of more bytes than a terminal holds.
    for turn in 0..40 {
        let size = PtySize { rows: 60 - turn % 2, cols: 200, pixel_width: 0, pixel_height: 0 };
        pty.master.resize(size).unwrap();
        std::thread::sleep(Duration::from_millis(60));
    }
    assert!(child.try_wait().unwrap().is_none(), "the view waits for its terminal");
    kill_process(Pid::from_raw(child.process_id().unwrap() as i32).unwrap(), Signal::TERM).unwrap();
    assert_eq!(wait("the view to end", || child.try_wait().unwrap()).exit_code(), 143);
}

/// Runs a command whose standard output nobody reads; returns its exit code and what it complained of.
fn unread(command: &mut Command) -> (Option<i32>, String) {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_reader_that_has_gone_ends_plain_output_quietly() {
    let home = Home::new();
    for args in [&["ls"][..], &["ls", "--json"]] {
        assert_eq!(unread(&mut home.command(args)), (Some(141), String::new()), "{args:?}, with no run to list");
    }
    let run = ended(&home, State::Finished);
    let path = run.path().to_str().unwrap();
    for args in [&["ls"][..], &["ls", "--json"], &["attach"], &["stop", path]] {
        assert_eq!(unread(&mut home.command(args)), (Some(141), String::new()), "{args:?}");
    }
    // In a shell, as people do it.
    let shell = format!("{TORCHSCOPE} ls | head -0; {TORCHSCOPE} ls | head -1");
    let output = Command::new("sh").args(["-c", &shell]).env("TORCHSCOPE_HOME", home.path()).output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

#[test]
fn output_that_cannot_be_written_is_an_error() {
    let home = Home::new();
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = home.command(&["ls"]).stdout(full).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("standard output") && said.contains("No space left"), "{said}");
}

#[test]
fn where_no_view_can_be_there_are_plain_lines() {
    let home = Home::new();
    let run = ended(&home, State::Failed);
    std::fs::write(run.trainer_log_path(), "\u{1b}[31mterminate called\u{1b}[0m\n").unwrap();
    let environments: [&[(&str, &str)]; 4] =
        [&[("TERM", "dumb")], &[("TERM", "")], &[("CI", "true")], &[("CI", "1"), ("TERM", "dumb")]];
    for variables in environments {
        let mut plain = Terminal::start_with(&home, &["attach"], (80, 24), variables);
        assert_eq!(plain.exit_code(), 1);
        plain.wait_for("terminate called");
        assert!(!plain.raw().contains(&0x1b), "an escape sequence under {variables:?}");
    }
    let piped = home.torchscope(&["attach"]);
    let all = [piped.stdout, piped.stderr].concat();
    assert!(!all.contains(&0x1b) && String::from_utf8(all).unwrap().contains("terminate called"));
    // A view needs a keyboard as well.
    let mut blind = Terminal::start_program(
        "sh".as_ref(),
        &home,
        &["-c", &format!("{TORCHSCOPE} attach </dev/null")],
        (80, 24),
        &[],
    );
    assert_eq!(blind.exit_code(), 1);
    blind.wait_for("terminate called");
    assert!(!blind.raw().contains(&0x1b));
}
