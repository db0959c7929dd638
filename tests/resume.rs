//! Runs that are killed, stopped or held up, and go on: the real trainer in processes of its own, and the command that
//! resumes.
//!
//! Tests wait for conditions; the deadline is there for a trainer that hangs.
#![cfg(feature = "trainer")]
#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

#[path = "support/idx.rs"]
mod idx;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use rand_mt::Mt;
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use torchscope::log::schema::{Document, Kind};
use torchscope::log::{Data, LogReader, Record, Value, tags};
use torchscope::plot::format;
use torchscope::recipe::{Recipe, ScheduleSpec};
use torchscope::run::{Checkpoint, Command, ControlClient, RunDir, RunMeta, State};
use torchscope::series::Series;

const DEADLINE: Duration = Duration::from_secs(180);
/// Epochs that no test waits for.
const ENDLESS: (&str, &str) = ("epochs", "100000000");
/// Many checkpoints in a short time.
const OFTEN: (&str, &str) = ("record.checkpoint_seconds", "0.05");

/// A home with one run, and the processes that work on it.
struct Run {
    home: tempfile::TempDir,
    directory: RunDir,
    child: Option<Child>,
}

impl Run {
    /// Not started yet.
    fn prepare(recipe: &str, sets: &[(&str, &str)]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let sets: Vec<_> = sets.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let directory = RunDir::create(home.path(), &Recipe::load(recipe, &sets).unwrap()).unwrap();
        Self { home, directory, child: None }
    }

    fn start(recipe: &str, sets: &[(&str, &str)]) -> Self {
        let mut run = Self::prepare(recipe, sets);
        run.spawn(&[]);
        run
    }

    /// Starts a trainer.
    fn spawn(&mut self, arguments: &[&str]) {
        let mut process = Process::new(env!("CARGO_BIN_EXE_torchscope-trainer"));
        process.args(arguments);
        self.launch(&mut process);
    }

    fn launch(&mut self, process: &mut Process) {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.directory.trainer_log_path()).unwrap();
        process.arg(self.directory.path()).env_remove("XDG_RUNTIME_DIR").env("TMPDIR", self.home.path());
        process.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        self.child = Some(process.spawn().unwrap());
    }

    /// Starts a trainer that goes on from the newest checkpoint, as `torchscope resume` does.
    fn resume(&mut self) -> u64 {
        let step = self.directory.newest_checkpoint().unwrap().checkpoint.about.step;
        let text = fs::read_to_string(self.directory.recipe_path()).unwrap();
        self.directory.prepare_to_resume(step, &Recipe::parse("recipe.toml", &text).unwrap()).unwrap();
        self.spawn(&["--resume"]);
        step
    }

    /// `torchscope` without a terminal.
    fn torchscope(&self, arguments: &[&str]) -> Output {
        let mut process = Process::new(env!("CARGO_BIN_EXE_torchscope"));
        process.args(arguments).env_remove("XDG_RUNTIME_DIR").env("TMPDIR", self.home.path());
        process.env("TORCHSCOPE_HOME", self.home.path()).stdin(Stdio::null()).output().unwrap()
    }

    /// The one line with which `torchscope resume` refuses.
    #[track_caller]
    fn refusal(&self, arguments: &[&str]) -> String {
        // What a live run writes changes all the time.
        let is_over = self.meta().state.is_over();
        let before = fs::read_to_string(self.directory.meta_path()).unwrap();
        let output = self.torchscope(&[&["resume", "moons-0001", "--headless"], arguments].concat());
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(said.lines().count(), 1, "{said}");
        let after = fs::read_to_string(self.directory.meta_path()).unwrap();
        assert!(!is_over || after == before, "nothing was touched: {before} {after}");
        said
    }

    fn meta(&self) -> RunMeta {
        self.directory.status().unwrap()
    }

    #[track_caller]
    fn wait_for<T>(&self, what: &str, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            if let Some(found) = look(self) {
                return found;
            }
            assert!(
                began.elapsed() < DEADLINE,
                "no {what} within {DEADLINE:?}: {:#?}\n{}",
                self.meta(),
                self.log_text()
            );
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    #[track_caller]
    fn wait_for_checkpoint(&self) -> u64 {
        self.wait_for("checkpoint", |run| run.meta().checkpoint).step
    }

    /// Waits until the trainer at work has logged that step, or a later one.
    #[track_caller]
    fn wait_for_logged(&self, step: i64) {
        let mut reader = LogReader::open(self.directory.path()).unwrap().rescan_every(Duration::ZERO);
        let mut restarts = self.meta().resumed.len();
        self.wait_for("step in the log", |run| {
            let records = reader.poll(1 << 22).unwrap().records;
            assert!(run.meta().state.is_live(), "it ended before step {step}: {}", run.log_text());
            let mut is_there = |record: &Record| {
                restarts -= usize::from(record.values.iter().any(|value| value.data == Data::Restart));
                let is_step = record.values.iter().any(|value| &*value.tag == tags::LOSS_TRAIN);
                restarts == 0 && record.step >= step && is_step
            };
            // All of them: each restart counts.
            records.iter().filter(|record| is_there(record)).count().checked_sub(1)
        });
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(self.child.as_ref().unwrap()), signal).unwrap();
    }

    #[track_caller]
    fn exit(&mut self) -> ExitStatus {
        let mut child = self.child.take().unwrap();
        self.wait_for("end", |_| child.try_wait().unwrap())
    }

    #[track_caller]
    fn ends(&mut self, state: State) -> RunMeta {
        self.exit();
        let meta = self.meta();
        assert_eq!(meta.state, state, "{:?} {}", meta.outcome, self.log_text());
        meta
    }

    fn client(&self) -> ControlClient {
        self.wait_for("socket", |run| run.meta().socket);
        ControlClient::connect(&self.directory).unwrap()
    }

    fn log_text(&self) -> String {
        fs::read_to_string(self.directory.trainer_log_path()).unwrap_or_default()
    }

    /// The series whose steps and values the seed decides, as a viewer has them after a restart: bits of the values.
    fn series(&self) -> BTreeMap<String, Vec<(i64, u64)>> {
        let mut series: BTreeMap<String, Series> = BTreeMap::new();
        let mut reader = LogReader::open(self.directory.path()).unwrap();
        loop {
            let poll = reader.poll(1 << 22).unwrap();
            assert!(
                poll.notices.iter().all(|notice| format!("{notice:?}").starts_with("BadLength")),
                "{:?}",
                poll.notices
            );
            for record in poll.records {
                for value in record.values {
                    match value.data {
                        Data::Restart => series.values_mut().for_each(|series| series.void_from(record.step)),
                        Data::Scalar(number) if is_by_step(&value.tag) => {
                            series.entry(value.tag.to_string()).or_default().push(record.step, number);
                        }
                        _ => {}
                    }
                }
            }
            if poll.caught_up {
                let bits = |series: &Series| series.iter().map(|(step, value)| (step, value.to_bits())).collect();
                return series.iter().map(|(tag, series)| (tag.clone(), bits(series))).collect();
            }
        }
    }

    /// Steps, kinds and messages of the alarms, after restarts; slow steps are a matter of the machine.
    fn alarms(&self) -> Vec<(i64, String)> {
        let mut alarms = Vec::new();
        for record in LogReader::open(self.directory.path()).unwrap().poll(usize::MAX).unwrap().records {
            for value in record.values {
                match value.data {
                    Data::Restart => alarms.retain(|(step, _)| *step < record.step),
                    Data::Document(Document { about, text })
                        if about.kind == Kind::Alarm && !text.contains("\"slow\"") =>
                    {
                        alarms.push((record.step, text));
                    }
                    _ => {}
                }
            }
        }
        alarms
    }

    /// Everything that moments have recorded, as a viewer has it after restarts: steps, tags and contents.
    fn pictures(&self) -> BTreeMap<(i64, String), String> {
        let mut pictures = BTreeMap::new();
        let mut reader = LogReader::open(self.directory.path()).unwrap();
        loop {
            let poll = reader.poll(1 << 22).unwrap();
            for record in poll.records {
                let is_scalar = |value: &Value| matches!(value.data, Data::Scalar(_));
                let is_between = record.values.iter().any(|value| &*value.tag == tags::BETWEEN);
                let of_step = record.values.iter().any(|value| !is_scalar(value));
                for value in record.values {
                    match &value.data {
                        Data::Restart => pictures.retain(|(step, _), _| *step < record.step),
                        _ if is_by_clock(&value.tag) || &*value.tag == tags::ALARM || is_between || !of_step => {}
                        data => {
                            let shown = format!("{data:?}");
                            pictures.insert((record.step, value.tag.to_string()), shown);
                        }
                    }
                }
            }
            if poll.caught_up {
                return pictures;
            }
        }
    }

    /// Step, names and bytes of the newest checkpoint's tensors, those of the landscape aside: which plane moments show
    /// follows from how long the run is.
    fn weights(&self) -> (u64, Vec<(String, Vec<u8>)>) {
        let checkpoint = self.directory.newest_checkpoint().unwrap().checkpoint;
        let bytes = fs::read(&checkpoint.path).unwrap();
        let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let mut named: Vec<(String, Vec<u8>)> = tensors
            .iter()
            .filter(|(name, _)| !name.starts_with("landscape."))
            .map(|(name, view)| (name.to_owned(), view.data().to_vec()))
            .collect();
        named.sort();
        (checkpoint.about.step, named)
    }

    fn checkpoints(&self) -> Vec<PathBuf> {
        self.directory.checkpoints().unwrap().into_iter().map(|(_, path)| path).collect()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _gone_already = child.kill();
            let _status = child.wait();
        }
    }
}

/// Whether a series follows the clock.
fn is_by_clock(tag: &str) -> bool {
    ["time/", "system/", "gpu/"].iter().any(|prefix| tag.starts_with(prefix))
}

/// Whether step and value of a series are decided by the seed, not by the clock.
fn is_by_step(tag: &str) -> bool {
    !["time/", "norm/", "grad_norm/", "update_ratio/", "zeros/", "system/", "gpu/"]
        .iter()
        .any(|prefix| tag.starts_with(prefix))
}

/// A recipe with everything that could be forgotten: `seed` decides nothing but the numbers.
fn demanding(folder: &Path, epochs: u64, optimizer: &str, schedule: &str) -> String {
    let path = folder.join("demanding.toml");
    let text = format!(
        r#"
        name = "moons"
        seed = 5
        epochs = {epochs}
        batch_size = 32
        loss = "bce"

        [data]
        kind = "moons"
        samples = 400
        noise = 0.2
        seed = 3

        [model]
        init = "torch"
        layers = [
            {{ kind = "dense", units = 12, activation = "linear" }},
            {{ kind = "batch_norm", activation = "relu" }},
            {{ kind = "dropout", rate = 0.2 }},
            {{ kind = "dense", units = 1, activation = "sigmoid" }},
        ]

        [optimizer]
        {optimizer}

        [schedule]
        {schedule}

        [record]
        checkpoint_seconds = 0.05
        "#
    );
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Kills a run of `epochs` epochs of 13 steps at `kills` random steps before `last`, and compares with one that was left
/// alone.
fn killed_and_left_alone(recipe: &str, kills: usize, last: u32) {
    let mut whole = Run::start(recipe, &[]);
    let mut run = Run::start(recipe, &[]);
    let mut random = Mt::new(kills as u32 + last);
    let mut steps: Vec<u32> = (0..kills).map(|_| 1 + random.next_u32() % last).collect();
    steps.sort_unstable();
    for (place, step) in steps.iter().enumerate() {
        run.wait_for_checkpoint();
        run.wait_for_logged(i64::from(*step));
        run.signal(Signal::KILL);
        run.exit();
        assert_eq!(run.meta().state, State::Crashed);
        let from = run.resume();
        assert_eq!(run.meta().resumed.len(), place + 1);
        assert_eq!(run.meta().resumed[place].step, from);
    }
    let meta = run.ends(State::Finished);
    let left_alone = whole.ends(State::Finished);
    assert_eq!(run.weights(), whole.weights());
    let (series, expected) = (run.series(), whole.series());
    assert_eq!(series.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (tag, samples) in &expected {
        let differs = samples.iter().zip(&series[tag]).find(|(a, b)| a != b);
        assert!(differs.is_none() && samples.len() == series[tag].len(), "{tag}: {differs:?}, {}", series[tag].len());
    }
    let (pictures, expected) = (run.pictures(), whole.pictures());
    assert!(expected.keys().filter(|(_, tag)| tag == tags::BOUNDARY_P).count() > 100);
    assert!(expected.keys().any(|(_, tag)| tag == "landscape/path"));
    let differs = expected.iter().zip(&pictures).find(|(a, b)| a != b).map(|((at, _), _)| at);
    assert!(differs.is_none() && pictures.len() == expected.len(), "{differs:?}, {}", pictures.len());
    assert_eq!(run.alarms(), whole.alarms());
    assert_eq!((meta.step, meta.best), (left_alone.step, left_alone.best));
}

/// The steps reach beyond 16,384, where the log thins out.
#[test]
fn a_run_that_is_killed_ten_times_ends_as_if_it_had_not_been() {
    let folder = tempfile::tempdir().unwrap();
    let adam = demanding(folder.path(), 1700, "kind = \"adam\"\nlr = 0.01", "kind = \"cosine\"\nwarmup = 3");
    killed_and_left_alone(&adam, 10, 18_000);
}

#[test]
fn momentum_goes_on_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let steps = "kind = \"step\"\nevery = 100\nfactor = 0.7";
    let sgd = "kind = \"sgd\"\nlr = 0.1\nmomentum = 0.9\nnesterov = true\nweight_decay = 1e-4";
    let momentum = demanding(folder.path(), 700, sgd, steps);
    killed_and_left_alone(&momentum, 3, 4_000);
}

#[test]
fn a_stop_leaves_a_checkpoint_of_its_last_step() {
    let mut run = Run::start("moons", &[ENDLESS, ("record.checkpoint_seconds", "0")]);
    run.wait_for_logged(100);
    run.signal(Signal::HUP);
    run.wait_for_logged(400);
    assert_eq!(run.meta().checkpoint, None, "none is due");
    run.client().send(&Command::Checkpoint).unwrap();
    let asked = run.wait_for_checkpoint();
    run.signal(Signal::TERM);
    assert_eq!(run.exit().code(), Some(143));
    let meta = run.meta();
    assert_eq!((meta.state, meta.checkpoint.unwrap().step), (State::Stopped, meta.step));
    assert!(meta.step > asked);
    assert_eq!(run.weights().0, meta.step);

    let from = run.resume();
    assert_eq!(from, meta.step);
    run.wait_for_logged(from as i64 + 50);
    run.client().send(&Command::SetLr { lr: 0.125 }).unwrap();
    run.client().send(&Command::SetPace { pace: Some(3.0) }).unwrap();
    run.client().send(&Command::Stop).unwrap();
    assert_eq!(run.exit().code(), Some(3));
    // What commands changed is part of it.
    run.resume();
    run.wait_for("what was set", |run| {
        let meta = run.meta();
        (meta.state == State::Running && meta.lr == 0.125 && meta.pace == Some(3.0)).then_some(())
    });
    assert_eq!(run.meta().resumed.len(), 2);
    run.signal(Signal::TERM);
    run.ends(State::Stopped);
}

#[test]
fn a_damaged_checkpoint_falls_back_to_the_one_before() {
    let mut run = Run::start("moons", &[("epochs", "300"), OFTEN]);
    run.wait_for("two checkpoints", |run| (run.checkpoints().len() >= 2).then_some(()));
    run.signal(Signal::KILL);
    run.exit();
    let newest = run.checkpoints().remove(0);
    let before = Checkpoint::read(&run.checkpoints()[1]).unwrap().about.step;
    let mut bytes = fs::read(&newest).unwrap();
    let last = bytes.len() - 3;
    bytes[last] ^= 0x10;
    fs::write(&newest, bytes).unwrap();

    let output = run.torchscope(&["resume", "moons-0001", "--headless"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("is damaged: its checksum does not match; going on from step"), "{said}");
    assert!(run.log_text().contains("is damaged"));
    let meta = run.meta();
    assert_eq!((meta.resumed[0].step, meta.state), (before, State::Finished));
    assert!(newest.with_extension("safetensors.damaged").exists(), "kept, out of the way");
    let mut whole = Run::start("moons", &[("epochs", "300")]);
    whole.ends(State::Finished);
    assert_eq!(run.weights(), whole.weights());
    assert_eq!(run.series(), whole.series());
}

#[test]
fn more_epochs_are_the_same_as_all_of_them_at_once() {
    let mut run = Run::start("moons", &[("epochs", "20")]);
    run.ends(State::Finished);
    let refusal = run.refusal(&[]);
    assert!(refusal.contains("has done all 20 epochs; torchscope resume moons-0001 --epochs 40 goes on"), "{refusal}");
    assert!(run.refusal(&["--epochs", "19"]).contains("has done 20 epochs"));
    let output = run.torchscope(&["resume", "moons-0001", "--headless", "--epochs", "45"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!((run.meta().epoch, run.meta().epochs), (45, 45));
    // What was printed last is what the log and run.json say.
    let printed = String::from_utf8(output.stdout).unwrap();
    let (series, meta) = (run.series(), run.meta());
    let [loss, accuracy] = [tags::LOSS_EVAL, tags::ACCURACY_EVAL].map(|tag| {
        let logged = f64::from_bits(series[tag].last().unwrap().1);
        assert_eq!(format::number(logged), format::number(meta.last[tag]), "{tag}");
        format::number(logged)
    });
    let end = format!("moons-0001 finished at epoch 45/45 full-set {loss} accuracy {accuracy} after ");
    assert!(printed.lines().last().unwrap().starts_with(&end), "{end}\n{printed}");
    assert!(printed.starts_with("moons-0001 goes on from step 320 on cpu in "), "{printed}");
    let mut whole = Run::start("moons", &[("epochs", "45")]);
    whole.ends(State::Finished);
    assert_eq!(run.weights(), whole.weights());
    assert_eq!(run.series(), whole.series());
}

#[test]
fn more_epochs_follow_the_schedule_of_the_longer_run_from_their_first_step_on() {
    let longer = |sets: &[(&str, &str)]| {
        let with = |epochs| [sets, &[("epochs", epochs)]].concat();
        let mut run = Run::start("moons", &with("20"));
        run.ends(State::Finished);
        let output = run.torchscope(&["resume", "moons-0001", "--headless", "--epochs", "45"]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        (run, Run::start("moons", &with("45")))
    };
    // What falls after so many epochs does not depend on how many there are.
    let (run, mut whole) = longer(&[
        ("schedule.kind", "step"),
        ("schedule.every", "7"),
        ("schedule.factor", "0.5"),
        ("schedule.warmup", "2"),
    ]);
    whole.ends(State::Finished);
    assert_eq!(run.weights(), whole.weights());
    assert_eq!(run.series(), whole.series());

    // A cosine is stretched.
    let (run, mut whole) = longer(&[("schedule.kind", "cosine"), ("schedule.floor", "0.1")]);
    whole.ends(State::Finished);
    let (found, expected) = (&run.series()[tags::LR], &whole.series()[tags::LR]);
    let (old, per_epoch) = (ScheduleSpec::Cosine { floor: 0.1, warmup: 0.0 }, run.meta().steps_per_epoch);
    let end = 20 * per_epoch as usize;
    for (place, (step, bits)) in found[..end].iter().enumerate() {
        // The log holds single precision.
        let rate = (0.5 * old.factor(place as u64, per_epoch, end as u64)) as f32;
        assert_eq!((*step, f64::from_bits(*bits)), (place as i64 + 1, f64::from(rate)));
    }
    assert_eq!(found[end..], expected[end..], "the rates of the run that was so long from the start");
    assert!(f64::from_bits(found[end].1) > 0.29, "not the end of the shorter schedule");
}

#[test]
fn a_run_that_diverged_goes_on_with_a_lower_rate() {
    let mut run = Run::start("moons", &[ENDLESS, ("record.checkpoint_seconds", "0")]);
    run.wait_for_logged(50);
    run.client().send(&Command::Checkpoint).unwrap();
    let saved = run.wait_for_checkpoint();
    run.client().send(&Command::SetLr { lr: 1e38 }).unwrap();
    let meta = run.ends(State::Diverged);
    assert_eq!(meta.checkpoint.unwrap().step, saved, "numbers that are not finite are none to go on from");
    let refusal = run.refusal(&[]);
    assert!(refusal.contains("would diverge again") && refusal.contains("--lr"), "{refusal}");
    let output = run.torchscope(&["resume", "moons-0001", "--detach", "--lr", "0.25"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    run.wait_for("steps", |run| (run.meta().step > saved).then_some(()));
    let meta = run.meta();
    assert_eq!((meta.state, meta.lr, meta.outcome), (State::Running, 0.25, None));
    run.torchscope(&["stop", "moons-0001"]);
    let rates = &run.series()[tags::LR];
    let at = |step: u64| rates.iter().find(|(other, _)| *other == step as i64).map(|(_, bits)| f64::from_bits(*bits));
    assert_eq!((at(saved), at(saved + 1)), (Some(0.5), Some(0.25)));
}

#[test]
fn what_cannot_be_resumed_is_refused_with_a_way_out() {
    let mut run = Run::start("moons", &[ENDLESS, ("record.checkpoint_seconds", "0")]);
    run.wait_for_logged(10);
    let live = run.refusal(&[]);
    assert!(live.contains("ing: torchscope attach moons-0001 shows it"), "{live}");
    run.signal(Signal::KILL);
    run.exit();

    // One of its last step.
    let mut run = Run::start("moons", &[ENDLESS]);
    run.wait_for_logged(10);
    run.signal(Signal::TERM);
    run.ends(State::Stopped);
    let path = run.directory.recipe_path();
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("lr = 0.5", "lr = 0.25")).unwrap();
    let changed = run.refusal(&[]);
    assert!(changed.contains("`optimizer.lr` was 0.5 and is 0.25; change it back"), "{changed}");
    // Neither the comment nor what is recorded decides what is computed.
    fs::write(&path, text.replace("checkpoint_seconds = 30.0", "checkpoint_seconds = 7.0 # more often")).unwrap();
    let output = run.torchscope(&["resume", "moons-0001", "--detach"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    run.torchscope(&["stop", "moons-0001"]);

    let newest = run.checkpoints().remove(0);
    let bytes = fs::read(&newest).unwrap();
    let at = bytes.windows(13).position(|bytes| bytes == b"\"version\":\"1\"").unwrap() + 11;
    let mut newer = bytes.clone();
    newer[at] = b'7';
    fs::write(&newest, newer).unwrap();
    let refusal = run.refusal(&[]);
    assert!(refusal.contains("has format 7, this torchscope knows 1; update torchscope"), "{refusal}");
    for path in run.checkpoints() {
        fs::write(path, &bytes[..100]).unwrap();
    }
    let refusal = run.refusal(&[]);
    assert!(refusal.contains("no checkpoint that is whole"), "{refusal}");
}

#[test]
fn a_run_killed_before_its_first_checkpoint_starts_over_in_its_place() {
    let sets = [("epochs", "300"), ("record.checkpoint_seconds", "0")];
    let mut run = Run::start("moons", &sets);
    run.wait_for_logged(40);
    run.signal(Signal::KILL);
    run.exit();
    assert_eq!((run.meta().state, run.checkpoints().len()), (State::Crashed, 0));
    let output = run.torchscope(&["resume", "moons-0001", "--headless"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("moons-0001 ended before its first checkpoint; it starts over from its recipe"), "{said}");
    assert!(run.log_text().contains("it starts over from its recipe"), "{}", run.log_text());
    let mut whole = Run::start("moons", &sets);
    whole.ends(State::Finished);
    let meta = run.meta();
    assert_eq!((meta.resumed.len(), meta.resumed[0].step, meta.state), (1, 0, State::Finished));
    assert_eq!((meta.step, meta.best), (whole.meta().step, whole.meta().best));
    assert_eq!(run.weights(), whole.weights());
    assert_eq!(run.series(), whole.series(), "what was there is void");
    // With another rate from its first step on, and not at all where it would diverge again.
    let mut run = Run::start("moons", &[("optimizer.lr", "1e38"), ("record.checkpoint_seconds", "0")]);
    run.ends(State::Diverged);
    assert!(run.refusal(&[]).contains("would diverge again"));
    let output = run.torchscope(&["resume", "moons-0001", "--headless", "--lr", "0.25", "--epochs", "2"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(run.series()[tags::LR].iter().all(|(_, bits)| f64::from_bits(*bits) == 0.25));
}

#[test]
fn other_data_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let recipe = idx::recipe(folder.path(), "moons", 20, 3, 5, "");
    let mut run = Run::start(recipe.to_str().unwrap(), &[]);
    run.ends(State::Finished);
    let right = fs::read(at("test-images")).unwrap();
    let mut wrong = right.clone();
    *wrong.last_mut().unwrap() ^= 1;
    fs::write(at("test-images"), wrong).unwrap();
    let refusal = run.refusal(&["--epochs", "6"]);
    assert!(refusal.contains("the data of moons-0001 has changed since the checkpoint; put it back"), "{refusal}");
    // The trainer looks as well: the data may change in between.
    run.resume();
    let meta = run.ends(State::Failed);
    assert!(meta.outcome.unwrap().contains("the data has changed"));
    fs::write(at("test-images"), right).unwrap();
    let output = run.torchscope(&["resume", "moons-0001", "--headless", "--epochs", "6"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(run.meta().epoch, 6);
}

/// No file may become larger than `bytes`: to the trainer that is a disk that is full.
fn limit(run: &Run, bytes: Option<u64>) {
    let pid = Pid::from_child(run.child.as_ref().unwrap());
    prlimit(Some(pid), Resource::Fsize, Rlimit { current: bytes, maximum: None }).unwrap();
}

#[test]
fn a_full_disk_holds_training_until_there_is_room() {
    let mut run = Run::start("moons", &[ENDLESS, OFTEN]);
    run.wait_for_logged(200);
    let log = fs::read_dir(run.directory.path()).unwrap().map(|entry| entry.unwrap().path());
    let log = log.into_iter().find(|path| path.to_string_lossy().contains("tfevents")).unwrap();
    let room = fs::metadata(&log).unwrap().len() + 5000;
    limit(&run, Some(room));
    let meta = run.wait_for("alarm", |run| Some(run.meta()).filter(|meta| meta.trouble.is_some()));
    assert_eq!(meta.state, State::Paused);
    let trouble = meta.trouble.unwrap();
    assert!(
        trouble.message.contains("cannot write the log") && trouble.message.contains("when there is room"),
        "{trouble:?}"
    );
    assert_eq!(fs::metadata(&log).unwrap().len(), room, "full to the last byte");
    // Once the training thread has heard of it.
    run.wait_for("rest", |run| run.log_text().contains("cannot write the log").then_some(()));
    // It waits, and says so; somebody who asks it to go on changes nothing.
    let mut client = run.client();
    assert_eq!(client.send(&Command::Resume).unwrap().state, State::Paused);
    let held = client.send(&Command::Status).unwrap();
    assert_eq!(held.state, State::Paused);
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(client.send(&Command::Status).unwrap().step, held.step);

    limit(&run, None);
    run.wait_for("room", |run| (run.meta().trouble.is_none() && run.meta().step > held.step).then_some(()));
    run.signal(Signal::TERM);
    run.exit();
    let meta = run.meta();
    assert_eq!((meta.state, meta.merged), (State::Stopped, 0));
    let steps: Vec<i64> = run.series()[tags::LOSS_TRAIN].iter().map(|(step, _)| *step).take(10_000).collect();
    assert_eq!(steps, (1..=steps.len() as i64).collect::<Vec<_>>(), "nothing is lost");
    let alarms = run.alarms();
    assert!(alarms.iter().any(|(step, text)| *step as u64 == trouble.step && text.contains("\"disk\"")), "{alarms:?}");
}

#[test]
fn no_checkpoint_outruns_the_log() {
    // Epochs are long: a checkpoint with few points of the path is much smaller than the log, and has room where that has none.
    let mut run = Run::start("moons", &[ENDLESS, OFTEN, ("data.samples", "20000"), ("batch_size", "4")]);
    run.wait_for_logged(2000);
    let log = fs::read_dir(run.directory.path()).unwrap().map(|entry| entry.unwrap().path());
    let log = log.into_iter().find(|path| path.to_string_lossy().contains("tfevents")).unwrap();
    let room = fs::metadata(&log).unwrap().len() + 5000;
    limit(&run, Some(room));
    run.wait_for("alarm", |run| run.meta().trouble);
    let largest = run.directory.newest_checkpoint().unwrap().checkpoint.path;
    assert!(fs::metadata(largest).unwrap().len() < room / 2, "there is room for checkpoints");
    run.signal(Signal::TERM);
    run.ends(State::Failed);
    let logged = run.series()[tags::LOSS_TRAIN].last().unwrap().0;
    let saved = run.directory.newest_checkpoint().unwrap().checkpoint.about.step;
    assert!(saved as i64 <= logged, "saved at {saved}, logged up to {logged}");

    // Nothing is missing after it goes on.
    let from = run.resume();
    assert_eq!(from, saved);
    run.wait_for("steps", |run| (run.meta().state == State::Running && run.meta().step > from + 200).then_some(()));
    run.signal(Signal::TERM);
    run.ends(State::Stopped);
    let steps: Vec<i64> =
        run.series()[tags::LOSS_TRAIN].iter().map(|(step, _)| *step).take(from as usize + 100).collect();
    assert_eq!(steps, (1..=steps.len() as i64).collect::<Vec<_>>());
}

#[test]
fn a_run_that_finishes_waits_for_a_full_disk() {
    // The steps are over before the log is written for the first time, or nearly so.
    let mut run = Run::prepare("moons", &[("epochs", "20")]);
    let mut process = Process::new("sh");
    let trainer = env!("CARGO_BIN_EXE_torchscope-trainer");
    run.launch(process.args(["-c", "ulimit -S -f 12; exec \"$0\" \"$1\"", trainer]));
    let meta = run.wait_for("alarm", |run| Some(run.meta()).filter(|meta| meta.trouble.is_some()));
    assert_eq!(meta.state, State::Paused);
    limit(&run, None);
    let meta = run.ends(State::Finished);
    assert_eq!((meta.step, meta.checkpoint.unwrap().step, meta.trouble), (320, 320, None));
    let steps: Vec<i64> = run.series()[tags::LOSS_TRAIN].iter().map(|(step, _)| *step).collect();
    assert_eq!(steps, (1..=320).collect::<Vec<_>>());
}

#[test]
fn a_run_goes_on_without_checkpoints_and_says_so() {
    let mut run = Run::prepare("moons", &[ENDLESS, OFTEN]);
    fs::write(run.directory.checkpoints_path(), "in the way").unwrap();
    run.spawn(&[]);
    let alarms = run.wait_for("alarm", |run| Some(run.alarms()).filter(|alarms| !alarms.is_empty()));
    assert!(alarms[0].1.contains("\"disk\"") && alarms[0].1.contains("no checkpoint can be written"), "{alarms:?}");
    let step = run.meta().step;
    run.wait_for("steps", |run| (run.meta().state == State::Running && run.meta().step > step + 200).then_some(()));
    run.signal(Signal::TERM);
    run.ends(State::Stopped);
    let disk = run.alarms().into_iter().filter(|(_, text)| text.contains("\"disk\"")).count();
    assert_eq!(disk, 1, "said once");
}

#[test]
fn a_stop_ends_the_wait_for_a_full_disk() {
    let mut run = Run::start("moons", &[ENDLESS, OFTEN]);
    run.wait_for_checkpoint();
    // Room for run.json, and for nothing else.
    limit(&run, Some(8000));
    run.wait_for("alarm", |run| run.meta().trouble);
    run.client().send(&Command::Stop).unwrap();
    let meta = run.ends(State::Failed);
    assert!(meta.outcome.as_ref().is_some_and(|outcome| outcome.contains("cannot go on recording")), "{meta:?}");
    assert_eq!(meta.trouble, None);
    // What was saved before is as good as ever.
    let from = run.resume();
    run.wait_for("steps", |run| (run.meta().step > from && run.meta().state == State::Running).then_some(()));
    run.signal(Signal::TERM);
    run.ends(State::Stopped);
}
