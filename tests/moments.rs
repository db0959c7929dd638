//! What a run records at its moments follows from recipe and seed alone: however fast it goes, whoever watches, whatever else
//! the machine does. The real trainer in processes of its own.
#![cfg(feature = "trainer")]
#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::fs;
use std::process::{Child, Command as Process, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use torchscope::log::{Data, LogReader, Record, Value, tags};
use torchscope::recipe::Recipe;
use torchscope::run::{Command, ControlClient, Plane, RunDir, State};

const DEADLINE: Duration = Duration::from_secs(180);

/// A run in a home of its own.
struct Run {
    home: tempfile::TempDir,
    directory: RunDir,
    trainer: Child,
}

impl Run {
    fn start(recipe: &str, sets: &[(&str, &str)], arguments: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let sets: Vec<_> = sets.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let directory = RunDir::create(home.path(), &Recipe::load(recipe, &sets).unwrap()).unwrap();
        let log = fs::File::create(directory.trainer_log_path()).unwrap();
        let mut process = Process::new(env!("CARGO_BIN_EXE_torchscope-trainer"));
        process.args(arguments).arg(directory.path()).env_remove("XDG_RUNTIME_DIR").env("TMPDIR", home.path());
        process.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let trainer = process.spawn().unwrap();
        Self { home, directory, trainer }
    }

    /// Waits until the run says what is asked for.
    #[track_caller]
    fn wait_for<T>(&self, what: &str, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            if let Some(found) = look(self) {
                return found;
            }
            let said = || fs::read_to_string(self.directory.trainer_log_path()).unwrap();
            assert!(began.elapsed() < DEADLINE, "no {what}: {}", said());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn client(&self) -> ControlClient {
        self.wait_for("socket", |run| run.directory.meta().unwrap().socket);
        ControlClient::connect(&self.directory).unwrap()
    }

    /// The log of the run once it has finished.
    #[track_caller]
    fn finish(mut self) -> Log {
        assert!(
            self.trainer.wait().unwrap().success(),
            "{}",
            fs::read_to_string(self.directory.trainer_log_path()).unwrap()
        );
        assert_eq!(self.directory.meta().unwrap().state, State::Finished);
        let mut reader = LogReader::open(self.directory.path()).unwrap();
        let mut records = Vec::new();
        loop {
            let poll = reader.poll(1 << 22).unwrap();
            assert!(poll.notices.is_empty(), "{:?}", poll.notices);
            records.extend(poll.records);
            if poll.caught_up {
                break;
            }
        }
        let files = fs::read_dir(self.directory.path()).unwrap().map(|entry| entry.unwrap());
        let events = files.filter(|file| file.file_name().to_string_lossy().contains("tfevents"));
        let bytes = events.map(|file| file.metadata().unwrap().len()).sum();
        drop(self.home);
        Log { records, bytes }
    }
}

/// What a whole run has written.
struct Log {
    records: Vec<Record>,
    bytes: u64,
}

impl Log {
    /// What the seed decides, in the order of the log: steps, tags and contents, but neither times, nor the machine, nor what
    /// was seen between moments because somebody watched. Slow steps are a matter of the machine as well.
    fn comparable(&self) -> Vec<(i64, String)> {
        let by_clock = |value: &Value| ["time/", "system/", "gpu/"].iter().any(|prefix| value.tag.starts_with(prefix));
        let is_slow = |value: &Value| &*value.tag == tags::ALARM && format!("{:?}", value.data).contains("slow");
        let records = self.records.iter().filter(|record| !record.values.iter().any(is_between));
        let values = records.flat_map(|record| record.values.iter().map(|value| (record.step, value)));
        let values = values.filter(|(_, value)| !by_clock(value) && !is_slow(value));
        values.map(|(step, value)| (step, format!("{} {:?}", value.tag, value.data))).collect()
    }

    /// Steps at which there is something under a tag, what was seen between moments included or not.
    fn steps(&self, tag: &str, between: bool) -> Vec<i64> {
        let records = self.records.iter().filter(|record| between || !record.values.iter().any(is_between));
        let has = |record: &&Record| record.values.iter().any(|value| &*value.tag == tag);
        records.filter(has).map(|record| record.step).collect()
    }
}

/// Whether a value says that its record was taken between moments.
fn is_between(value: &Value) -> bool {
    &*value.tag == tags::BETWEEN
}

#[track_caller]
fn assert_same(one: &[(i64, String)], other: &[(i64, String)], what: &str) {
    let differs = one.iter().zip(other).find(|(one, other)| one != other);
    let short = |text: &str| text.chars().take(300).collect::<String>();
    if let Some(((step, one), (other_step, other))) = differs {
        panic!("{what}: step {step} {}\n  is not step {other_step} {}", short(one), short(other));
    }
    assert_eq!(one.len(), other.len(), "{what}");
}

/// Watches a run as people do: asks for probes and planes, changes the pace, pauses, steps and goes on.
fn watch(run: &Run, last: u64) {
    let mut client = run.client();
    client.send(&Command::Watch).unwrap();
    let mut asked = 0_u32;
    while run.directory.meta().unwrap().state.is_live() {
        let step = run.directory.meta().unwrap().step;
        // Near the end nobody is there to let it go on.
        let commands = match asked % 7 {
            0 => vec![Command::Look { probe: asked % 3 }],
            1 => vec![Command::Plane { plane: Plane::Random }],
            2 => vec![Command::Pause, Command::Step { steps: 3 }],
            3 => vec![Command::SetPace { pace: Some(f64::from(asked) * 5.0 + 20.0) }],
            4 => vec![Command::Plane { plane: Plane::Path }],
            5 => vec![Command::Pause],
            _ => vec![Command::Resume],
        };
        for command in commands {
            // A run that has just ended takes none.
            let _taken = client.send(&command);
        }
        asked += 1;
        if step > last / 2 {
            let _taken = client.send(&Command::Resume);
            let _taken = client.send(&Command::SetPace { pace: None });
            break;
        }
        std::thread::sleep(Duration::from_millis(15));
    }
    while run.directory.meta().unwrap().state.is_live() {
        let _taken = client.send(&Command::Resume);
        std::thread::sleep(Duration::from_millis(15));
    }
}

/// Does `work` while every core has something else to do.
fn on_a_loaded_machine<T>(work: impl FnOnce() -> T) -> T {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 * std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        let done = work();
        is_over.store(true, Ordering::Relaxed);
        done
    })
}

#[test]
fn one_seed_gives_one_log_pictures_included() {
    let moons: &[(&str, &str)] = &[("epochs", "25"), ("pace", "40")];
    let digits: &[(&str, &str)] = &[("epochs", "2"), ("data.train", "300"), ("data.test", "100"), ("batch_size", "20")];
    for (recipe, sets, last, seen) in [("moons", moons, 400, tags::BOUNDARY_P), ("cnn", digits, 30, "maps/conv1/cat")] {
        let first = Run::start(recipe, sets, &[]).finish();
        let expected = first.comparable();
        assert!(!first.records.iter().any(|record| record.values.iter().any(is_between)), "nobody watched");
        for landscape in ["landscape/path", "landscape/path/path", "landscape/path/facts", seen] {
            assert!(!first.steps(landscape, false).is_empty(), "{landscape}");
        }
        assert_same(&Run::start(recipe, sets, &[]).finish().comparable(), &expected, "once more");
        let loaded = on_a_loaded_machine(|| Run::start(recipe, sets, &[]).finish());
        assert_same(&loaded.comparable(), &expected, "on a machine with other things to do");
        let run = Run::start(recipe, sets, &["--await-viewer"]);
        watch(&run, last);
        let watched = run.finish();
        assert_same(&watched.comparable(), &expected, "watched");
        assert!(
            watched.steps(seen, true).len() > watched.steps(seen, false).len(),
            "something was seen between moments"
        );
    }
    let other = Run::start("moons", &[("epochs", "25"), ("seed", "8")], &[]).finish();
    assert_ne!(other.comparable(), Run::start("moons", moons, &[]).finish().comparable());
}

#[test]
fn a_finished_run_can_be_scrubbed_through() {
    let log = Run::start("moons", &[], &[]).finish();
    let steps = log.steps(tags::BOUNDARY_P, false);
    assert!((200..=256).contains(&steps.len()), "{}", steps.len());
    assert_eq!((steps[..10].to_vec(), steps.last()), ((0..10).collect(), Some(&1600)));
    // Whatever there is to see of a step is seen together.
    for tag in ["response/dense1", "norm/dense1.weight", "weights/dense1.weight", "activations/dense1"] {
        assert_eq!(log.steps(tag, false), steps, "{tag}");
    }
    // But nothing moves before the first step.
    assert_eq!(log.steps("update_ratio/dense1.weight", false), steps[1..]);
    let landscape = log.steps("landscape/path", false);
    assert_eq!(landscape[..steps.len()], steps, "and the end once more");
    assert_eq!(log.steps("landscape/whole", false), [1600]);
    let evaluations = log.steps(tags::CONFUSION, false);
    assert_eq!(evaluations, (0..=1600).step_by(16).collect::<Vec<_>>(), "each has a moment before the next");
    assert!(log.bytes < 16 << 20, "{} bytes", log.bytes);
}

#[test]
fn without_moments_nothing_is_recorded_and_the_path_is_thinned_by_epochs_alone() {
    let log = Run::start("moons", &[("epochs", "3"), ("record.moments", "0")], &[]).finish();
    let is_number =
        |record: &Record| record.values.iter().all(|value| !matches!(value.data, Data::Image(_) | Data::Histogram(_)));
    assert!(log.records.iter().all(is_number));
    // Two points of a path of 300 epochs are two epochs apart, whatever the machine had to do.
    let log = Run::start("moons", &[("epochs", "300"), ("record.moments", "2")], &[]).finish();
    let path =
        log.records.iter().flat_map(|record| &record.values).filter(|value| &*value.tag == "landscape/whole/path");
    let [Data::Tensor(path)] = path.map(|value| &value.data).collect::<Vec<_>>()[..] else { panic!("one path") };
    let epochs: Vec<f32> = path.values.chunks(5).map(|row| row[4]).collect();
    assert_eq!(epochs, (0..=300_u16).step_by(2).map(f32::from).collect::<Vec<_>>());
}
