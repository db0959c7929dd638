//! A program on a pseudo-terminal of its own, whose bytes and processor time are counted.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use portable_pty::{CommandBuilder, MasterPty, PtySize, native_pty_system};

/// How long a condition may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// What has come from the program.
struct Seen {
    screen: vt100::Parser,
    bytes: usize,
    /// When the last of them came.
    last: Instant,
}

pub(crate) struct Program {
    child: Box<dyn portable_pty::Child + Send + Sync>,
    writer: Box<dyn Write + Send>,
    seen: Arc<Mutex<Seen>>,
    pub(crate) started: Instant,
    _pty: Box<dyn MasterPty + Send>,
}

impl Program {
    /// Starts the view of a run, that `home` is the home of, on a terminal of so many columns and rows.
    pub(crate) fn view(run: &Path, home: &Path, size: (u16, u16)) -> Self {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_torchscope"));
        command.args(["attach".as_ref(), run.as_os_str()]);
        command.env("TORCHSCOPE_HOME", home);
        Self::start(command, size)
    }

    pub(crate) fn start(mut command: CommandBuilder, (cols, rows): (u16, u16)) -> Self {
        let pair = native_pty_system().openpty(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
        for name in ["NO_COLOR", "CI", "TMUX", "SSH_TTY", "SSH_CONNECTION", "LC_ALL", "LC_CTYPE"] {
            command.env_remove(name);
        }
        for (name, value) in [("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("LANG", "C.UTF-8")] {
            command.env(name, value);
        }
        let cells = |count: u16| std::num::NonZero::new(count).unwrap();
        let started = Instant::now();
        let screen = vt100::Parser::new(cells(rows), cells(cols), 0);
        let seen = Arc::new(Mutex::new(Seen { screen, bytes: 0, last: started }));
        let mut reader = pair.master.try_clone_reader().unwrap();
        let writer = pair.master.take_writer().unwrap();
        let child = pair.slave.spawn_command(command).unwrap();
        let shared = Arc::clone(&seen);
        thread::spawn(move || {
            let mut bytes = vec![0; 1 << 16];
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                // The time first: to read a screen takes longer than to write one.
                let last = Instant::now();
                let mut seen = shared.lock().unwrap();
                (seen.bytes, seen.last) = (seen.bytes + count, last);
                seen.screen.process(&bytes[..count]);
            }
        });
        Self { child, writer, seen, started, _pty: pair.master }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    pub(crate) fn keys(&mut self, keys: &str) {
        self.writer.write_all(keys.as_bytes()).unwrap();
        self.writer.flush().unwrap();
    }

    /// Bytes written so far, and when the last of them came.
    pub(crate) fn written(&self) -> (usize, Instant) {
        let seen = self.seen.lock().unwrap();
        (seen.bytes, seen.last)
    }

    /// Waits for a text on the screen; when the last byte before it was found had come.
    pub(crate) fn wait_for(&self, text: &str) -> Instant {
        self.wait(|seen| seen.screen.screen().contents().contains(text), text)
    }

    /// Waits until something has been written since `bytes` had, and nothing more comes for a while.
    pub(crate) fn settle(&self, bytes: usize, quiet: Duration) -> (usize, Instant) {
        self.wait(|seen| seen.bytes > bytes && seen.last.elapsed() >= quiet, "an answer");
        self.written()
    }

    fn wait(&self, mut is_there: impl FnMut(&Seen) -> bool, what: &str) -> Instant {
        let began = Instant::now();
        loop {
            {
                let seen = self.seen.lock().unwrap();
                if is_there(&seen) {
                    return seen.last;
                }
                let text = seen.screen.screen().contents();
                assert!(began.elapsed() < PATIENCE, "waited {PATIENCE:?} for {what}; the screen was:\n{text}");
            }
            thread::sleep(Duration::from_micros(200));
        }
    }

    /// Processor time that the program has used, seconds. The kernel counts hundredths.
    pub(crate) fn cpu(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap();
        // The name, in brackets, may hold anything.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        let ticks: f64 = fields[11..13].iter().map(|field| field.parse::<f64>().unwrap()).sum();
        ticks / 100.0
    }

    /// Memory that is resident, MiB.
    pub(crate) fn resident_mib(&self) -> f64 {
        resident_mib(&PathBuf::from(format!("/proc/{}/status", self.pid())))
    }
}

/// Resident memory as a `status` of `/proc` has it.
pub(crate) fn resident_mib(status: &Path) -> f64 {
    let status = std::fs::read_to_string(status).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
