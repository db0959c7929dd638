//! Runs of another machine, through a real sshd on this one.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like the tests themselves")]
#![expect(dead_code, reason = "the other tests use the rest of the support")]

#[path = "support/sshd.rs"]
mod sshd;
mod support;
#[path = "support/throttle.rs"]
mod throttle;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use sshd::{Sshd, sshd};
use support::{Home, TORCHSCOPE, Terminal};
use throttle::Throttle;
use torchscope::log::{Data, EventWriter, Grid, Record, Value};
use torchscope::recipe::Recipe;
use torchscope::run::{RunDir, RunLock, RunMeta, State};

/// Two machines: one with runs, and one that looks at them.
struct Machines {
    far: Home,
    near: Home,
    sshd: Sshd,
}

impl Machines {
    fn new() -> Option<Self> {
        let far = Home::new();
        let sshd = sshd(&[("TORCHSCOPE_HOME", far.path().to_str().unwrap())])?;
        Some(Self { far, near: Home::new(), sshd })
    }

    fn view(&self, ssh: &str, run: &str, size: (u16, u16)) -> Terminal {
        let args = ["attach", run, "--ssh", ssh, "--remote-command", TORCHSCOPE];
        Terminal::start_with(&self.near, &args, size, &[("XDG_CACHE_HOME", self.near.path().to_str().unwrap())])
    }

    /// `attach` without a terminal.
    fn plain(&self, args: &[&str]) -> Output {
        let mut command = self.near.command(&[&["attach"], args].concat());
        command.env("XDG_CACHE_HOME", self.near.path()).output().unwrap()
    }

    /// The mirrors on the near machine.
    fn mirrors(&self) -> Vec<PathBuf> {
        let folders = |path: &Path| -> Vec<PathBuf> {
            let entries = fs::read_dir(path).into_iter().flatten().flatten();
            entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
        };
        let slots = folders(&self.near.path().join("torchscope/remote"))
            .iter()
            .flat_map(|host| folders(host))
            .collect::<Vec<_>>();
        slots.iter().flat_map(|slot| folders(&slot.join("run"))).collect()
    }
}

/// A run that is as live as its lock.
struct Scripted {
    run: RunDir,
    log: EventWriter,
    lock: Option<RunLock>,
    meta: RunMeta,
}

impl Scripted {
    fn start(home: &Home) -> Self {
        let run = RunDir::create(home.path(), &Recipe::load("moons", &[]).unwrap()).unwrap();
        let lock = Some(RunLock::acquire(&run).unwrap());
        let log = EventWriter::create(run.path()).unwrap();
        let mut meta = run.meta().unwrap();
        (meta.state, meta.pid, meta.steps_per_epoch) = (State::Running, Some(1), 16);
        meta.socket = Some("/nowhere".into());
        run.write_meta(&meta).unwrap();
        Self { run, log, lock, meta }
    }

    fn step(&mut self, step: i64, data: Data, tag: &str) {
        let value = Value { tag: tag.into(), data };
        self.log.append(&Record { step, wall_time: step as f64, values: vec![value] }).unwrap();
        self.log.flush().unwrap();
    }

    fn loss(&mut self, step: i64) {
        self.step(step, Data::Scalar(1.0 / step as f64), "loss/train");
    }

    fn end(&mut self, state: State) {
        (self.meta.state, self.meta.step) = (state, 3);
        self.run.write_meta(&self.meta).unwrap();
        self.lock = None;
    }
}

/// The step the header names, as `step 1,234/1,600`.
fn step(screen: &str) -> Option<u64> {
    let number = screen.lines().nth(1)?.split("step ").nth(1)?.split('/').next()?;
    number.replace(',', "").trim().parse().ok()
}

#[test]
fn errors_are_one_line_with_the_next_thing_to_do() {
    let Some(machines) = Machines::new() else { return };
    let ssh = machines.sshd.ssh(machines.sshd.port());
    let stranger = machines.sshd.ssh_of_a_stranger();
    let nobody = Throttle::start(machines.sshd.port(), 1_000_000);
    nobody.cut();
    let cut = machines.sshd.ssh(nobody.port());
    let here = TORCHSCOPE;
    for (run, ssh, remote, told) in [
        ("far:", ssh.as_str(), here, "no runs in"),
        ("far:nothing", &ssh, here, "no runs in"),
        ("far:", &ssh, "torchscope-nowhere", "--remote-command"),
        ("far:", &ssh, "echo", "ssh ended with exit status: 0"),
        ("far:", &ssh, "echo torchscope-relay 999; true", "install the same version"),
        ("far:", &stranger, here, "ssh-add"),
        ("far:", &cut, here, "ssh far"),
        ("no.such.host.invalid:", &ssh, here, "is the name right?"),
        ("far:", "ssh-nowhere", here, "install OpenSSH"),
    ] {
        let output = machines.plain(&[run, "--ssh", ssh, "--remote-command", remote]);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{run} {remote}: {error}");
        assert!(error.contains(told) && error.lines().count() == 1, "{run} {remote}: {error}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_far_run_is_watched_to_its_end() {
    let Some(machines) = Machines::new() else { return };
    let ssh = machines.sshd.ssh(machines.sshd.port());
    let mut far = Scripted::start(&machines.far);
    far.loss(1);
    let mut view = machines.view(&ssh, "far:moons", (100, 30));
    view.wait_for("far:moons-0001");
    view.wait("the first step", |screen| step(screen) == Some(1));
    assert!(view.text().contains("running"));
    far.loss(2);
    view.wait("the next step", |screen| step(screen) == Some(2));
    far.loss(3);
    far.end(State::Finished);
    view.wait("the end, with all that led to it", |screen| screen.contains("finished") && step(screen) == Some(3));
    view.keys("r");
    view.wait_for("start runs on far itself");
    view.keys("q");
    assert_eq!(view.exit_code(), 0);
    view.wait("the farewell", |text| text.contains("moons-0001 finished") && text.contains("torchscope attach far:/"));
    // Once more without a terminal, from what is here already.
    let output = machines.plain(&["far:", "--ssh", &ssh, "--remote-command", TORCHSCOPE]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("finished at epoch"), "{output:?}");
    assert_eq!(machines.mirrors().len(), 1);
}

#[test]
fn a_crash_is_told_as_one() {
    let Some(machines) = Machines::new() else { return };
    let ssh = machines.sshd.ssh(machines.sshd.port());
    let mut far = Scripted::start(&machines.far);
    fs::write(far.run.trainer_log_path(), "libtorch: out of memory\n").unwrap();
    far.loss(1);
    let mut view = machines.view(&ssh, "far:", (100, 30));
    view.wait_for("running");
    far.lock = None;
    view.wait("the trainer's last words", |screen| screen.contains("crashed") && screen.contains("out of memory"));
    view.keys("qq");
    assert_eq!(view.exit_code(), 1);
}

#[test]
fn a_line_that_breaks_goes_on_where_it_was() {
    let Some(machines) = Machines::new() else { return };
    let slow = Throttle::start(machines.sshd.port(), 1_000_000);
    let ssh = machines.sshd.ssh(slow.port());
    let mut far = Scripted::start(&machines.far);
    (1..=2000).for_each(|step| far.loss(step));
    let mut view = machines.view(&ssh, "far:", (100, 30));
    view.wait("all steps so far", |screen| step(screen) == Some(2000));
    slow.cut();
    view.wait("the loss of the line", |screen| screen.contains("next try in"));
    view.keys(" ");
    view.wait("a refusal", |screen| screen.contains("refused: far:"));
    far.loss(2001);
    let before = slow.passed();
    slow.mend();
    view.wait("what came meanwhile", |screen| step(screen) == Some(2001) && !screen.contains("next try"));
    let again = slow.passed() - before;
    let log = fs::metadata(far.log.path()).unwrap().len();
    assert!(again < log / 4, "{again} bytes came for a log of {log} that was there already");
    view.keys("qq");
    assert_eq!(view.exit_code(), 0);
}

#[test]
fn a_slow_line_gets_the_newest_picture_and_not_all_before_it() {
    let Some(machines) = Machines::new() else { return };
    let slow = Throttle::start(machines.sshd.port(), 50_000);
    let ssh = machines.sshd.ssh(slow.port());
    let mut far = Scripted::start(&machines.far);
    let noise = |step: i64| {
        // Nothing that could be packed.
        let mut state = step as u64 + 1;
        let values = ndarray::Array2::from_shape_fn((64, 64), |_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as f32 / (1_u64 << 31) as f32
        });
        Data::Image(Grid::new(values, None, Some([-1.0, 1.0, -1.0, 1.0])).encode().unwrap())
    };
    for step in 1..=300 {
        far.loss(step);
        far.step(step, noise(step), "boundary/p");
    }
    let log = fs::metadata(far.log.path()).unwrap().len();
    assert!(log > 2_000_000, "{log}");
    let mut view = machines.view(&ssh, "far:", (120, 40));
    view.wait("the newest picture", |screen| screen.contains("Decision boundary") && screen.contains("step 300"));
    assert!(slow.passed() < log / 10, "{} of {log} bytes came", slow.passed());
    view.keys("qq");
    assert_eq!(view.exit_code(), 0);
}

#[cfg(feature = "trainer")]
#[test]
fn a_far_trainer_is_controlled_and_survives_the_line() {
    use rustix::process::{Pid, Signal, kill_process};
    use support::wait;

    let Some(machines) = Machines::new() else { return };
    let started = machines.far.torchscope(&["train", "moons", "--epochs", "100000", "--pace", "20", "--detach"]);
    assert!(started.status.success(), "{started:?}");
    let run = machines.far.runs().remove(0);
    let watchers = || -> u64 {
        let meta: serde_json::Value = serde_json::from_slice(&fs::read(run.join("run.json")).unwrap()).unwrap();
        meta["watchers"].as_u64().unwrap()
    };
    let slow = Throttle::start(machines.sshd.port(), 1_000_000);
    let ssh = machines.sshd.ssh(slow.port());
    let mut view = machines.view(&ssh, "far:moons-0001", (120, 40));
    view.wait_for("Decision boundary");
    wait("the trainer to know its audience", || (watchers() == 1).then_some(()));
    view.keys(" ");
    machines.far.wait(&run, "the pause", |status| status["state"] == "paused");
    view.wait_for("paused");
    let at = machines.far.status(&run)["step"].as_u64().unwrap();
    view.keys("n");
    machines.far.wait(&run, "one step", |status| status["step"].as_u64() == Some(at + 1));
    view.wait("the screen to know", |screen| step(screen) == Some(at + 1) && screen.contains("paused"));
    view.keys(" ");
    machines.far.wait(&run, "the resumption", |status| status["state"] == "running");
    // The relay goes with its line, and the trainer counts on.
    slow.cut();
    wait("the trainer to notice", || (watchers() == 0).then_some(()));
    let at = machines.far.status(&run)["step"].as_u64().unwrap();
    machines.far.wait(&run, "training to go on", |status| status["step"].as_u64().unwrap() > at);
    slow.mend();
    wait("the audience to be back", || (watchers() == 1).then_some(()));
    // A view that is killed takes nothing with it either.
    kill_process(Pid::from_raw(view.pid()).unwrap(), Signal::KILL).unwrap();
    wait("the trainer to notice", || (watchers() == 0).then_some(()));
    let mut view = machines.view(&ssh, "far:moons-0001", (120, 40));
    view.wait_for("Decision boundary");
    view.wait("the run", |screen| screen.contains("running"));
    view.keys("q");
    view.wait_for("is still training");
    view.keys("s");
    assert_eq!(view.exit_code(), 3, "{}", view.text());
    machines.far.wait(&run, "the stop", |status| status["state"] == "stopped");
}
