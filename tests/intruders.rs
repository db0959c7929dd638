//! The control socket of a real trainer, and clients that mean no good: they are answered with an error or dropped, and
//! training goes on.
#![cfg(feature = "trainer")]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like the tests themselves")]
#![expect(dead_code, reason = "the other tests use the rest of the support")]

mod support;

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use support::{Home, wait};
use torchscope::run::{Command, ControlClient, Reply, RunDir};

/// A run that goes on until it is stopped.
struct Endless {
    home: Home,
    path: PathBuf,
    socket: PathBuf,
}

impl Endless {
    fn start() -> Self {
        let home = Home::new();
        let started = home.torchscope(&["train", "moons", "--epochs", "100000000", "--pace", "max", "--detach"]);
        assert!(started.status.success(), "{}", String::from_utf8_lossy(&started.stderr));
        let path = home.runs().remove(0);
        let socket = RunDir::open(&path).unwrap().meta().unwrap().socket.unwrap();
        Self { home, path, socket }
    }

    fn connect(&self) -> UnixStream {
        UnixStream::connect(&self.socket).unwrap()
    }

    /// Waits until the trainer has made another thousand steps, and has answered somebody.
    fn goes_on(&self) {
        let step = || self.home.status(&self.path)["step"].as_u64().unwrap();
        let before = step();
        wait("the trainer to go on", || (step() > before + 1_000).then_some(()));
        self.client().send(&Command::Status).unwrap();
    }

    fn client(&self) -> ControlClient {
        ControlClient::connect(&RunDir::open(&self.path).unwrap()).unwrap()
    }

    fn stop(&self) {
        let output = self.home.torchscope(&["stop", self.path.to_str().unwrap()]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

fn reply(stream: &UnixStream) -> Reply {
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap()
}

fn mode(path: &Path) -> u32 {
    let found = fs::symlink_metadata(path).unwrap();
    assert_eq!(found.uid(), rustix::process::geteuid().as_raw());
    found.mode() & 0o777
}

#[test]
fn nobody_else_may_connect() {
    let run = Endless::start();
    assert_eq!(mode(&run.socket), 0o600);
    assert_eq!(mode(run.socket.parent().unwrap()), 0o700);
    run.stop();
    wait("the socket to go with the trainer", || (!run.socket.exists()).then_some(()));
}

#[test]
fn a_client_that_never_reads_is_dropped() {
    let run = Endless::start();
    let mut flood = run.connect();
    flood.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
    let commands = b"{\"command\":\"status\"}\n".repeat(1_000);
    // Until the trainer takes no more of it, for its replies lie unread.
    let full = wait("the flood to stand", || flood.write_all(&commands).err());
    assert!(matches!(full.kind(), ErrorKind::WouldBlock | ErrorKind::BrokenPipe), "{full}");
    run.goes_on();
    // In the end its place is given to somebody else.
    wait("it to be dropped", || flood.write_all(b"\n").err().filter(|error| error.kind() == ErrorKind::BrokenPipe));
    run.stop();
}

#[test]
fn too_many_connections_are_turned_away() {
    let run = Endless::start();
    let mut first = run.connect();
    // Served for certain before the others come.
    first.write_all(b"{\"command\":\"watch\"}\n").unwrap();
    assert!(reply(&first).ok);
    let crowd: Vec<UnixStream> = (0..200).map(|_| run.connect()).collect();
    let mut last = run.connect();
    let refused = reply(&last);
    assert!(!refused.ok && refused.error.as_deref().unwrap().contains("64 connections"), "{refused:?}");
    assert_eq!(last.read(&mut [0; 8]).unwrap(), 0, "and closed");
    let output = run.home.torchscope(&["stop", run.path.to_str().unwrap()]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("64 connections"), "{output:?}");
    // Whoever has a place keeps it.
    first.write_all(b"{\"command\":\"status\"}\n").unwrap();
    assert!(reply(&first).ok);
    drop(crowd);
    wait("room", || run.client().send(&Command::Status).ok());
    run.goes_on();
    run.stop();
}

#[test]
fn garbage_in_any_pieces_is_answered_or_dropped() {
    let run = Endless::start();
    // Half a line, slowly; and a line of megabytes without an end, of bytes that are no text.
    let mut half = run.connect();
    half.write_all(b"{\"command\":\"sto").unwrap();
    let mut huge = run.connect();
    for _ in 0..1024 {
        huge.write_all(&[0xff; 1 << 12]).unwrap();
    }
    assert!(reply(&huge).error.unwrap().contains("at most 4096 bytes"));
    huge.write_all(b"\n{\"command\":\"status\"}\n").unwrap();
    assert!(reply(&huge).ok, "the next line counts");
    // Bytes by a fixed rule that looks like none, some of them line ends.
    let mut random = run.connect();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    })
    .take(1 << 16)
    .collect();
    let reader = random.try_clone().unwrap();
    let answers = std::thread::spawn(move || {
        let lines = BufReader::new(reader).lines().map_while(Result::ok);
        lines.map(|line| serde_json::from_str::<Reply>(&line).unwrap()).filter(|reply| !reply.ok).count()
    });
    random.write_all(&noise).unwrap();
    random.shutdown(std::net::Shutdown::Write).unwrap();
    assert!(answers.join().unwrap() > 100, "every line of noise has its answer");
    // A thousand that come and go.
    for _ in 0..1_000 {
        if let Ok(mut stream) = UnixStream::connect(&run.socket) {
            let _ = stream.write_all(b"{}\n");
        }
    }
    run.goes_on();
    // The half line may still become a whole one.
    half.write_all(b"p\"}\n").unwrap();
    assert!(reply(&half).ok);
    run.home.wait(&run.path, "the end", |status| status["state"] == "stopped");
}
