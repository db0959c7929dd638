//! What a view sends over a slow line: through a real sshd, behind a network that passes on so many bytes a second. Time is
//! told by bytes: those that are ahead of the newest frame, at the rate of the line, are how late it comes.
#![cfg(feature = "trainer")]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like the tests themselves")]
#![expect(dead_code, reason = "the other tests use the rest of the support")]

#[path = "support/sshd.rs"]
mod sshd;
mod support;
#[path = "support/throttle.rs"]
mod throttle;

use std::fs;
use std::io::Write;
use std::path::Path;

use sshd::sshd;
use support::{Home, TORCHSCOPE, Terminal, wait};
use throttle::Throttle;

const SIZE: (u16, u16) = (120, 40);

/// A view on the far side of a slow line.
struct Remote {
    view: Terminal,
    /// The viewer's process.
    pid: String,
    rate: u64,
}

impl Remote {
    /// Bytes that the viewer has written and that have not come out of ssh here, and what it has written elsewhere.
    fn behind(&self) -> u64 {
        // First what has arrived: what is written in between counts as late.
        let arrived = self.view.raw().len() as u64;
        let io = fs::read_to_string(format!("/proc/{}/io", self.pid)).unwrap();
        let written: u64 = io.lines().find_map(|line| line.strip_prefix("wchar: ")).unwrap().parse().unwrap();
        written.saturating_sub(arrived)
    }

    /// Presses keys until a screen, and returns the seconds' worth of bytes that came before it.
    fn answer(&mut self, keys: &str, what: &str, condition: impl Fn(&str) -> bool) -> f64 {
        let before = self.view.raw().len();
        self.view.keys(keys);
        self.view.wait(what, &condition);
        // Seen late, or soon followed by more, it came no later for that: look where it came.
        let raw = self.view.raw();
        let [rows, columns] = [SIZE.1, SIZE.0].map(|cells| std::num::NonZero::new(cells).unwrap());
        let mut screen = vt100::Parser::new(rows, columns, 0);
        screen.process(&raw[..before]);
        let packets = raw[before..].chunks(256).take_while(|packet| {
            screen.process(packet);
            !condition(&screen.screen().contents())
        });
        (packets.count() + 1) as f64 * 256.0 / self.rate as f64
    }
}

/// Watches a busy run over a line of so many bytes a second; the state on screen, and the answer to a key, may be so many
/// seconds late.
fn over_a_line_of(rate: u64, state: f64, key: f64) {
    let home = Home::new();
    let Some(sshd) = sshd(&[("TORCHSCOPE_HOME", home.path().to_str().unwrap())]) else { return };
    let slow = Throttle::start(sshd.port(), rate);
    let started = home.torchscope(&["train", "moons", "--epochs", "100000", "--detach", "--pace", "30"]);
    assert!(started.status.success(), "{started:?}");
    let pid = home.path().join("pid");
    let command =
        format!("echo $$ > {}; COLORTERM=truecolor LANG=C.UTF-8 exec {TORCHSCOPE} attach moons-0001", pid.display());
    let ssh = sshd.ssh(slow.port());
    let args: Vec<&str> = ssh.split(' ').skip(1).chain(["-tt", "far", &command]).collect();
    let view = Terminal::start_program(Path::new("ssh"), &home, &args, SIZE, &[]);
    view.wait_for("Decision boundary");
    let pid = fs::read_to_string(pid).unwrap().trim().to_owned();
    let mut remote = Remote { view, pid, rate };

    // While as much comes as the line carries in five seconds.
    let first = remote.view.raw().len() as u64;
    let (mut least, mut most) = (u64::MAX, 0);
    wait("enough to judge by", || {
        let behind = remote.behind();
        (least, most) = (least.min(behind), most.max(behind));
        (remote.view.raw().len() as u64 - first > rate.min(60_000) * 5).then_some(())
    });
    // At its shortest the queue was empty; what is left then went elsewhere.
    let latest = (most - least) as f64 / rate as f64;
    assert!(latest <= state, "the newest state was {latest:.2} s late");

    let help = remote.answer("?", "the help", |screen| screen.contains("train one step"));
    let back = remote.answer("?", "the panels", |screen| !screen.contains("train one step"));
    // The picture over the whole screen may take longer, but is seen to come from its first row on.
    let zoom = remote.answer("2z", "one panel", |screen| {
        let row = screen.lines().nth(2).unwrap_or_default();
        row.contains("Decision boundary") && !row.contains("╮╭")
    });
    for (what, late) in [("help", help), ("back", back)] {
        assert!(late <= key, "the answer to {what} was {late:.2} s late");
    }
    assert!(zoom <= state, "the first row of the large picture was {zoom:.2} s late");
    remote.answer("zq", "the question", |screen| screen.contains("is still training"));
    let before = remote.view.raw().len();
    remote.view.keys("q");
    assert_eq!(remote.view.exit_code(), 0);
    let left = (remote.view.raw().len() - before) as f64 / rate as f64;
    assert!(left <= key, "{left:.2} s were drawn after leaving");
    let figures =
        format!("{rate} B/s: state {latest:.2} s, help {help:.2}, back {back:.2}, zoom {zoom:.2}, left {left:.2}");
    let _ = writeln!(std::io::stderr(), "{figures}");
}

#[test]
fn fifty_kilobytes_a_second() {
    over_a_line_of(50_000, 1.0, 0.5);
}

#[test]
fn two_hundred_and_fifty_kilobytes_a_second() {
    over_a_line_of(250_000, 0.3, 0.3);
}
