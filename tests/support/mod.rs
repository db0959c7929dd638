//! Runs the real program in a pseudo-terminal and reads its screen. Waits for conditions, never for a time.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use portable_pty::{CommandBuilder, MasterPty, PtySize, native_pty_system};

/// How long a condition may take on a busy machine before a test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// The built viewer.
pub(crate) const TORCHSCOPE: &str = env!("CARGO_BIN_EXE_torchscope");

/// A home for runs that goes away with the test, and stops what still runs in it.
pub(crate) struct Home(tempfile::TempDir);

impl Home {
    pub(crate) fn new() -> Self {
        Self(tempfile::Builder::new().prefix("torchscope-test").tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// The directories of the runs, in the order of their names.
    pub(crate) fn runs(&self) -> Vec<PathBuf> {
        let mut runs: Vec<PathBuf> = std::fs::read_dir(self.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.join("run.json").exists())
            .collect();
        runs.sort();
        runs
    }

    /// Runs a subcommand to its end, without a terminal.
    pub(crate) fn torchscope(&self, args: &[&str]) -> std::process::Output {
        self.command(args).output().unwrap()
    }

    /// A subcommand ready to run, without a terminal.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(TORCHSCOPE);
        command.args(args).env("TORCHSCOPE_HOME", self.path()).stdin(std::process::Stdio::null());
        command
    }

    /// What `run.json` of a run says.
    pub(crate) fn status(&self, run: &Path) -> serde_json::Value {
        let listed = self.torchscope(&["ls", "--json"]);
        let runs: Vec<serde_json::Value> = serde_json::from_slice(&listed.stdout).unwrap();
        runs.into_iter().find(|entry| entry["path"] == run.to_str().unwrap()).unwrap()
    }

    /// Waits until `ls --json` shows a run in such a condition.
    pub(crate) fn wait(
        &self,
        run: &Path,
        what: &str,
        condition: impl Fn(&serde_json::Value) -> bool,
    ) -> serde_json::Value {
        wait(what, || Some(self.status(run)).filter(&condition))
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let listens = |run: &PathBuf| {
            std::fs::read_to_string(run.join("run.json")).is_ok_and(|text| text.contains("\"socket\": \""))
        };
        for run in self.runs().into_iter().filter(listens) {
            let _ = self.torchscope(&["stop", run.to_str().unwrap()]);
        }
    }
}

/// Waits until something is there.
pub(crate) fn wait<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "waited {PATIENCE:?} for {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn cells(count: u16) -> std::num::NonZero<u16> {
    std::num::NonZero::new(count).unwrap()
}

/// The program on its own terminal.
pub(crate) struct Terminal {
    pty: Box<dyn MasterPty + Send>,
    child: Box<dyn portable_pty::Child + Send + Sync>,
    writer: Box<dyn Write + Send>,
    screen: Arc<Mutex<vt100::Parser>>,
    raw: Arc<Mutex<Vec<u8>>>,
}

impl Terminal {
    /// Starts the program with a home for its runs, on a terminal of so many columns and rows.
    pub(crate) fn start(home: &Home, args: &[&str], (columns, rows): (u16, u16)) -> Self {
        Self::start_with(home, args, (columns, rows), &[])
    }

    /// The same with further environment variables.
    pub(crate) fn start_with(
        home: &Home,
        args: &[&str],
        (columns, rows): (u16, u16),
        variables: &[(&str, &str)],
    ) -> Self {
        Self::start_program(Path::new(TORCHSCOPE), home, args, (columns, rows), variables)
    }

    /// The same for another program than the viewer.
    pub(crate) fn start_program(
        program: &Path,
        home: &Home,
        args: &[&str],
        (columns, rows): (u16, u16),
        variables: &[(&str, &str)],
    ) -> Self {
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(program);
        command.args(args);
        for name in [
            "NO_COLOR",
            "CI",
            "TMUX",
            "STY",
            "SSH_TTY",
            "SSH_CONNECTION",
            "LC_ALL",
            "LC_CTYPE",
            "COLORFGBG",
            "TERM_PROGRAM",
            "LC_TERMINAL",
        ] {
            command.env_remove(name);
        }
        command.env("TORCHSCOPE_HOME", home.path());
        for (name, value) in [("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("LANG", "C.UTF-8")] {
            command.env(name, value);
        }
        for (name, value) in variables {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).unwrap();
        let screen = Arc::new(Mutex::new(vt100::Parser::new(cells(rows), cells(columns), 0)));
        let raw = Arc::new(Mutex::new(Vec::new()));
        let mut reader = pair.master.try_clone_reader().unwrap();
        thread::spawn({
            let (screen, raw) = (Arc::clone(&screen), Arc::clone(&raw));
            move || {
                let mut bytes = [0; 8192];
                while let Ok(n @ 1..) = reader.read(&mut bytes) {
                    raw.lock().unwrap().extend_from_slice(&bytes[..n]);
                    screen.lock().unwrap().process(&bytes[..n]);
                }
            }
        });
        let writer = pair.master.take_writer().unwrap();
        Self { pty: pair.master, child, writer, screen, raw }
    }

    /// The text on the screen.
    pub(crate) fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// Everything the program has written.
    pub(crate) fn raw(&self) -> Vec<u8> {
        self.raw.lock().unwrap().clone()
    }

    /// Whether the program has the alternate screen.
    pub(crate) fn full_screen(&self) -> bool {
        self.screen.lock().unwrap().screen().alternate_screen()
    }

    /// Whether the cursor is hidden.
    pub(crate) fn cursor_hidden(&self) -> bool {
        self.screen.lock().unwrap().screen().hide_cursor()
    }

    /// Whether the terminal passes keys on as they come, without echo: the raw mode of full-screen programs.
    pub(crate) fn is_raw(&self) -> bool {
        /// `ICANON` and `ECHO`.
        const COOKED: u32 = 0o2 | 0o10;
        self.pty.get_termios().unwrap().local_flags.bits() & COOKED != COOKED
    }

    /// Waits for a condition on the screen's text.
    pub(crate) fn wait(&self, what: &str, condition: impl Fn(&str) -> bool) -> String {
        let start = Instant::now();
        loop {
            let text = self.text();
            if condition(&text) {
                return text;
            }
            assert!(start.elapsed() < PATIENCE, "waited {PATIENCE:?} for {what}; the screen was:\n{text}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until the screen shows a text.
    pub(crate) fn wait_for(&self, text: &str) -> String {
        self.wait(text, |screen| screen.contains(text))
    }

    /// Types.
    pub(crate) fn keys(&mut self, keys: &str) {
        self.writer.write_all(keys.as_bytes()).unwrap();
        self.writer.flush().unwrap();
    }

    /// Changes the size of the terminal.
    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        self.screen.lock().unwrap().screen_mut().set_size(cells(rows), cells(columns));
        self.pty.resize(PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }).unwrap();
    }

    /// The process.
    pub(crate) fn pid(&self) -> i32 {
        self.child.process_id().unwrap() as i32
    }

    /// Waits for the program to end.
    pub(crate) fn exit_code(&mut self) -> u32 {
        wait("the program to end", || self.child.try_wait().unwrap()).exit_code()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
