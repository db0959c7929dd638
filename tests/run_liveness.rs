//! A trainer in a process of its own, killed: the run shows as crashed at once, and can be taken over.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use torchscope::recipe::Recipe;
use torchscope::run::{
    Command as Request, ControlClient, ControlError, ControlSocket, RunDir, RunError, RunLock, State, list_home,
};

/// Tells the test below, run again in a process of its own, which run to train.
const RUN: &str = "TORCHSCOPE_TEST_RUN";

/// Behaves as a trainer does, up to its first step, and then hangs.
#[test]
fn stand_in_for_a_trainer() {
    let Some(path) = std::env::var_os(RUN) else { return };
    let run = RunDir::open(Path::new(&path)).unwrap();
    let lock = RunLock::acquire(&run).unwrap();
    let socket = ControlSocket::bind(&lock, &run).unwrap();
    let mut meta = run.meta().unwrap();
    meta.state = State::Running;
    meta.pid = Some(std::process::id());
    meta.socket = Some(socket.path().to_owned());
    run.write_meta(&meta).unwrap();
    println!("training");
    std::thread::sleep(Duration::from_secs(600));
}

fn start(run: &RunDir) -> Child {
    let mut child = Command::new(std::env::current_exe().expect("this program has a path"))
        .args(["--exact", "stand_in_for_a_trainer", "--nocapture"])
        .env(RUN, run.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program starts again");
    let lines = BufReader::new(child.stdout.take().expect("its output is piped")).lines();
    assert!(lines.map_while(Result::ok).any(|line| line.contains("training")), "the stand-in does not start");
    child
}

#[test]
fn a_killed_trainer_shows_as_crashed_at_once() {
    let home = tempfile::tempdir().unwrap();
    let run = RunDir::create(home.path(), &Recipe::load("moons", &[]).unwrap()).unwrap();
    let mut trainer = start(&run);
    assert!(run.is_locked().unwrap());
    assert_eq!(run.status().unwrap().state, State::Running);
    assert!(matches!(RunLock::acquire(&run), Err(RunError::Locked { .. })));
    let mut client = ControlClient::connect(&run).unwrap();

    trainer.kill().unwrap();
    // Nobody has waited for the process yet: a pid would still be there.
    let killed = Instant::now();
    while run.status().unwrap().state == State::Running {
        assert!(killed.elapsed() < Duration::from_secs(5), "still seen as running");
        std::thread::sleep(Duration::from_millis(1));
    }
    let listed = list_home(home.path()).pop().unwrap().unwrap().meta;
    assert_eq!((listed.state, listed.pid), (State::Crashed, Some(trainer.id())));
    assert!(client.send(&Request::Status).unwrap_err().to_string().contains("closed the connection"));
    let error = ControlClient::connect(&run).unwrap_err();
    assert!(matches!(error, ControlError::Over { state: State::Crashed, .. }), "{error:?}");
    trainer.wait().unwrap();

    // The socket of the killed one is still there and in nobody's way.
    let mut next = start(&run);
    assert_eq!(run.status().unwrap().pid, Some(next.id()));
    next.kill().unwrap();
    next.wait().unwrap();
    let lock = RunLock::acquire(&run).unwrap();
    drop(ControlSocket::bind(&lock, &run).unwrap());
}
