//! The real trainer as a process of its own: what it writes, how it takes orders, how it ends.
//!
//! Tests wait for conditions; the deadline is there for a trainer that hangs.
#![cfg(feature = "trainer")]
#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

#[path = "support/idx.rs"]
mod idx;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command as Process, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use ndarray::{Array3, Axis, s};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use rustix::process::{Pid, Signal, kill_process};
use torchscope::app::{App, Key, Message, PanelId, Sheet};
use torchscope::log::{Data, Grid, LogReader, Record, tags};
use torchscope::recipe::Recipe;
use torchscope::run::{Command, ControlClient, Description, Length, Reply, RunDir, RunMeta, State};
use torchscope::view::{ColorDepth, Glyphs, Shade, Theme, draw_into};

const DEADLINE: Duration = Duration::from_secs(60);
/// Epochs that no test waits for.
const ENDLESS: (&str, &str) = ("epochs", "100000000");

/// A run directory of its own and the trainer at work in it.
struct Run {
    home: tempfile::TempDir,
    directory: RunDir,
    child: Child,
}

impl Run {
    fn start(sets: &[(&str, &str)]) -> Self {
        Self::start_recipe("moons", sets)
    }

    fn start_recipe(recipe: &str, sets: &[(&str, &str)]) -> Self {
        let (home, directory) = prepare_recipe(recipe, sets);
        let child = spawn(&home, &directory);
        Self { home, directory, child }
    }

    /// A trainer with arguments of its own.
    fn start_with(sets: &[(&str, &str)], arguments: &[&str]) -> Self {
        let (home, directory) = prepare(sets);
        let child = process(&home, &directory).args(arguments).spawn().unwrap();
        Self { home, directory, child }
    }

    /// A trainer that takes no step before the test watches.
    fn start_watched(sets: &[(&str, &str)]) -> Self {
        let (home, directory) = prepare(sets);
        let child = process(&home, &directory).arg("--await-viewer").spawn().unwrap();
        Self { home, directory, child }
    }

    fn meta(&self) -> RunMeta {
        self.directory.status().unwrap()
    }

    /// Waits until `run.json` is as `condition` wants it.
    #[track_caller]
    fn wait_for(&self, what: &str, condition: impl Fn(&RunMeta) -> bool) -> RunMeta {
        let began = Instant::now();
        loop {
            let meta = self.meta();
            if condition(&meta) {
                return meta;
            }
            assert!(began.elapsed() < DEADLINE, "no {what} within {DEADLINE:?}: {meta:#?}\n{}", self.log_text());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[track_caller]
    fn wait_for_steps(&self) -> RunMeta {
        self.wait_for("steps", |meta| meta.state == State::Running && meta.step > 0)
    }

    #[track_caller]
    fn client(&self) -> ControlClient {
        self.wait_for("socket", |meta| meta.socket.is_some());
        ControlClient::connect(&self.directory).unwrap()
    }

    /// A connection without the client's manners.
    fn raw(&self) -> (UnixStream, BufReader<UnixStream>) {
        let socket = self.wait_for("socket", |meta| meta.socket.is_some()).socket.unwrap();
        let stream = UnixStream::connect(socket).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        (stream.try_clone().unwrap(), BufReader::new(stream))
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    #[track_caller]
    fn exit(&mut self) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(began.elapsed() < DEADLINE, "the trainer does not end: {}", self.log_text());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[track_caller]
    fn exits_with(&mut self, code: i32, state: State) -> RunMeta {
        let status = self.exit();
        assert_eq!(status.code(), Some(code), "{}", self.log_text());
        let meta = self.meta();
        assert_eq!(meta.state, state);
        assert!(meta.finished.is_some() && meta.socket.is_none());
        meta
    }

    fn log_text(&self) -> String {
        std::fs::read_to_string(self.directory.trainer_log_path()).unwrap_or_default()
    }

    fn records(&self) -> Vec<Record> {
        let mut reader = LogReader::open(self.directory.path()).unwrap();
        let mut records = Vec::new();
        loop {
            let poll = reader.poll(1 << 20).unwrap();
            assert!(poll.notices.is_empty(), "{:?}", poll.notices);
            records.extend(poll.records);
            if poll.caught_up {
                return records;
            }
        }
    }

    /// What the log says that the run is.
    fn description(&self) -> Description {
        let mut description = Description::default();
        for value in self.records().into_iter().flat_map(|record| record.values) {
            if let Data::Document(document) = value.data {
                description.take(&document);
            }
        }
        description
    }

    /// Steps and values of every scalar series.
    fn scalars(&self) -> BTreeMap<String, Vec<(i64, f64)>> {
        let mut series: BTreeMap<String, Vec<(i64, f64)>> = BTreeMap::new();
        for record in self.records() {
            for value in record.values {
                if let Data::Scalar(scalar) = value.data {
                    series.entry(value.tag.to_string()).or_default().push((record.step, scalar));
                }
            }
        }
        series
    }

    /// Steps and contents of the alarms.
    fn alarms(&self) -> Vec<(i64, serde_json::Value)> {
        let values = self.records().into_iter().flat_map(|r| r.values.into_iter().map(move |v| (r.step, v)));
        values
            .filter(|(_, value)| &*value.tag == tags::ALARM)
            .map(|(step, value)| match value.data {
                Data::Document(document) => (step, serde_json::from_str(&document.text).unwrap()),
                other => panic!("an alarm is {other:?}"),
            })
            .collect()
    }

    /// Steps and values of a tensor series.
    fn tensors(&self, tag: &str) -> Vec<(i64, Vec<f32>)> {
        let values = self.records().into_iter().flat_map(|r| r.values.into_iter().map(move |v| (r.step, v)));
        values
            .filter(|(_, value)| &*value.tag == tag)
            .map(|(step, value)| match value.data {
                Data::Tensor(tensor) => (step, tensor.values),
                other => panic!("{tag} is {other:?}"),
            })
            .collect()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _gone_already = self.child.kill();
        let _status = self.child.wait();
    }
}

fn prepare(sets: &[(&str, &str)]) -> (tempfile::TempDir, RunDir) {
    prepare_recipe("moons", sets)
}

fn prepare_recipe(recipe: &str, sets: &[(&str, &str)]) -> (tempfile::TempDir, RunDir) {
    let home = tempfile::tempdir().unwrap();
    let sets: Vec<_> = sets.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let recipe = Recipe::load(recipe, &sets).unwrap();
    let directory = RunDir::create(home.path(), &recipe).unwrap();
    (home, directory)
}

fn spawn(home: &tempfile::TempDir, directory: &RunDir) -> Child {
    process(home, directory).spawn().unwrap()
}

fn process(home: &tempfile::TempDir, directory: &RunDir) -> Process {
    let log = std::fs::OpenOptions::new().create(true).append(true).open(directory.trainer_log_path()).unwrap();
    let mut process = Process::new(env!("CARGO_BIN_EXE_torchscope-trainer"));
    process
        .arg(directory.path())
        .env_remove("XDG_RUNTIME_DIR")
        .env("TMPDIR", home.path())
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log);
    process
}

#[test]
fn a_run_finishes_with_the_moons_apart() {
    let mut run = Run::start(&[]);
    let meta = run.exits_with(0, State::Finished);
    assert_eq!((meta.step, meta.epoch, meta.steps_per_epoch), (1600, 100, 16));
    assert_eq!(meta.outcome, None);
    let description = run.description();
    assert_eq!((description.setup.threads, description.setup.device.as_deref()), (1, Some("cpu")));
    assert_eq!(description.network.unwrap().parameter_count(), 81);
    assert_eq!(description.length, Some(Length { epochs: 100, steps_per_epoch: 16 }));
    assert_eq!(description.recipe.unwrap(), fs::read_to_string(run.directory.recipe_path()).unwrap());
    assert!(meta.description.is_empty(), "the log has it: {:?}", meta.description);
    assert!(meta.last[tags::ACCURACY_EVAL] >= 0.99, "{:?}", meta.last);

    let scalars = run.scalars();
    let steps = |tag: &str| scalars[tag].iter().map(|(step, _)| *step).collect::<Vec<_>>();
    assert_eq!(steps(tags::LOSS_TRAIN), (1..=1600).collect::<Vec<_>>());
    assert_eq!(steps(tags::STEP_MS), steps(tags::LOSS_TRAIN));
    assert_eq!(steps(tags::LOSS_EVAL), (0..=1600).step_by(16).collect::<Vec<_>>());
    assert_eq!(steps(tags::ACCURACY_EVAL), steps(tags::LOSS_EVAL));
    assert_eq!(steps(tags::GRAD_NORM), (16..=1600).step_by(16).collect::<Vec<_>>());
    assert!(scalars[tags::LR].iter().all(|(_, lr)| *lr == 0.5));
    // How much is a matter of the machine's load; that it is a share is not.
    assert!((0.0..=1.0).contains(&scalars[tags::PROBE_SHARE].last().unwrap().1));
    let evaluating = scalars[tags::EVAL_SHARE].last().unwrap().1;
    assert!(evaluating > 0.0 && evaluating <= 1.0, "{evaluating}");
    assert_eq!(meta.last[tags::LOSS_EVAL] as f32, scalars[tags::LOSS_EVAL].last().unwrap().1 as f32);
    let lowest = scalars[tags::LOSS_EVAL].iter().min_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
    assert_eq!(meta.best[tags::LOSS_EVAL].step, lowest.0 as u64);
}

#[test]
fn records_hold_a_step_together() {
    let mut run = Run::start(&[("epochs", "3")]);
    run.exits_with(0, State::Finished);
    let names = |step: i64| -> Vec<Vec<String>> {
        let of_step = run.records().into_iter().filter(move |record| record.step == step);
        let names = of_step.map(|record| record.values.iter().map(|value| value.tag.to_string()).collect::<Vec<_>>());
        // The machine is looked at by the clock, in records of its own.
        names.filter(|names| !names[0].starts_with("system/")).collect()
    };
    let every_step = [tags::LOSS_TRAIN, tags::LR, tags::STEP_MS];
    assert_eq!(names(5)[0], every_step);
    let every_epoch = [tags::GRAD_NORM, tags::LOSS_EVAL, tags::ACCURACY_EVAL];
    assert_eq!(names(16)[0], [every_epoch, every_step].concat());
    // What the run is comes before all that happens in it.
    assert_eq!(names(0)[1], [tags::LOSS_EVAL, tags::ACCURACY_EVAL]);
}

#[test]
fn the_first_and_the_last_picture_are_always_there() {
    // No time and no bytes for pictures.
    let mut run = Run::start(&[("epochs", "5"), ("record.probe_share", "0"), ("record.image_budget_mib", "0")]);
    run.exits_with(0, State::Finished);
    let pictures: Vec<(i64, Grid)> = run
        .records()
        .iter()
        .flat_map(|record| record.values.iter().map(|value| (record.step, value)))
        .filter_map(|(step, value)| match &value.data {
            Data::Image(image) if &*value.tag == tags::BOUNDARY_P => Some((step, Grid::decode(image).unwrap())),
            _ => None,
        })
        .collect();
    assert_eq!(pictures.iter().map(|(step, _)| *step).collect::<Vec<_>>(), [0, 80]);

    let points = run.tensors(tags::BOUNDARY_POINTS);
    assert_eq!(points.len(), 1, "the points do not change");
    let outputs = run.tensors(tags::BOUNDARY_POINTS_P);
    assert_eq!(outputs.len(), 2);
    let (points, p) = (&points[0].1, &outputs[1].1);
    assert_eq!((points.len(), p.len()), (1500, 500));
    let right = points.chunks(3).zip(p).filter(|(point, p)| (point[2] > 0.5) == (**p > 0.5)).count();
    let accuracy = run.scalars()[tags::ACCURACY_EVAL].last().unwrap().1;
    assert!((right as f64 / 500.0 - accuracy).abs() < 1e-6, "points and their outputs stand in one order");

    // Each point's output is that of the plane where it lies, to within a cell.
    let grid = &pictures[1].1;
    let [x0, x1, y0, y1] = grid.meta.extent.unwrap();
    let (rows, columns) = grid.values.dim();
    for (point, p) in points.chunks(3).zip(p) {
        let column = ((f64::from(point[0]) - x0) / (x1 - x0) * (columns - 1) as f64).round() as usize;
        let row = ((y1 - f64::from(point[1])) / (y1 - y0) * (rows - 1) as f64).round() as usize;
        assert!((grid.values[[row, column]] - p).abs() < 0.1, "{point:?} at row {row}, column {column}");
    }
}

#[test]
fn without_epochs_the_network_is_looked_at_and_nothing_is_learnt() {
    let mut run = Run::start(&[("epochs", "0")]);
    let meta = run.exits_with(0, State::Finished);
    assert_eq!((meta.step, meta.epoch, meta.steps_per_epoch), (0, 0, 16));
    let description = run.description();
    assert_eq!((description.setup.evaluated.as_str(), description.classes.len()), ("full set", 2));
    let scalars = run.scalars();
    let of_health = |tag: &str| tag.starts_with("norm/") || tag.starts_with("zeros/");
    let of_machine = |tag: &str| tag.starts_with("system/");
    let evaluated: Vec<_> = scalars.keys().filter(|tag| !of_health(tag) && !of_machine(tag)).collect();
    assert_eq!(evaluated, [tags::ACCURACY_EVAL, tags::LOSS_EVAL]);
    assert_eq!(
        scalars.keys().filter(|tag| of_health(tag)).count(),
        6,
        "norms of four parameters, zeros of two layers, and nothing of a step"
    );
    assert!(scalars.values().all(|series| series.len() == 1 && series[0].0 == 0));
    let steps: Vec<i64> = run.tensors(tags::BOUNDARY_POINTS_P).iter().map(|(step, _)| *step).collect();
    assert_eq!(steps, [0]);
}

#[test]
fn the_rate_of_a_schedule_is_the_one_that_each_step_used() {
    let sets = [
        ("epochs", "3"),
        ("batch_size", "100"),
        ("schedule.kind", "step"),
        ("schedule.every", "1"),
        ("schedule.factor", "0.5"),
    ];
    let mut run = Run::start(&sets);
    run.exits_with(0, State::Finished);
    let rates: Vec<f64> = run.scalars()[tags::LR].iter().map(|(_, lr)| *lr).collect();
    assert_eq!(rates, [[0.5; 5], [0.25; 5], [0.125; 5]].concat());
}

#[test]
fn one_seed_gives_one_log_whoever_watches() {
    let quiet = {
        let mut run = Run::start(&[("epochs", "30")]);
        run.exits_with(0, State::Finished);
        run
    };
    let watched = {
        // Paced, watched, paused, stepped and photographed as often as can be.
        let mut run = Run::start_watched(&[("epochs", "30"), ("pace", "200"), ("record.probe_share", "1")]);
        let mut client = run.client();
        client.send(&Command::Watch).unwrap();
        for command in [Command::Pause, Command::Step { steps: 3 }, Command::Epoch, Command::Resume] {
            client.send(&command).unwrap();
        }
        run.exits_with(0, State::Finished);
        run
    };
    let other = {
        let mut run = Run::start(&[("epochs", "30"), ("seed", "8")]);
        run.exits_with(0, State::Finished);
        run
    };
    let comparable = |run: &Run| {
        let mut series = run.scalars();
        // What is looked at by the clock.
        let by_clock = ["time/", "norm/", "grad_norm/", "update_ratio/", "zeros/", "system/", "gpu/"];
        series.retain(|tag, _| !by_clock.iter().any(|prefix| tag.starts_with(prefix)));
        series
    };
    assert_eq!(comparable(&quiet), comparable(&watched));
    assert_ne!(comparable(&quiet), comparable(&other));
    // The outputs at 500 points, bit for bit: the parameters are the same.
    let last = |run: &Run| run.tensors(tags::BOUNDARY_POINTS_P).pop().unwrap();
    assert_eq!(last(&quiet), last(&watched));
}

#[test]
fn orders_are_carried_out() {
    let mut run = Run::start(&[ENDLESS]);
    let mut client = run.client();
    run.wait_for_steps();

    client.send(&Command::Pause).unwrap();
    let paused = run.wait_for("pause", |meta| meta.state == State::Paused).step;
    client.send(&Command::Step { steps: 3 }).unwrap();
    run.wait_for("three steps", |meta| meta.state == State::Paused && meta.step == paused + 3);
    client.send(&Command::Epoch).unwrap();
    let boundary = (paused + 3).div_euclid(16) * 16 + 16;
    run.wait_for("end of the epoch", |meta| meta.state == State::Paused && meta.step == boundary);
    // From one end of an epoch to the next.
    client.send(&Command::Epoch).unwrap();
    run.wait_for("an epoch", |meta| meta.state == State::Paused && meta.step == boundary + 16);

    client.send(&Command::SetLr { lr: 0.125 }).unwrap();
    run.wait_for("learning rate", |meta| meta.lr == 0.125);
    client.send(&Command::SetPace { pace: Some(2.5) }).unwrap();
    run.wait_for("pace", |meta| meta.pace == Some(2.5));
    client.send(&Command::Step { steps: 1 }).unwrap();
    run.wait_for("a step", |meta| meta.step == boundary + 17);
    let status = client.send(&Command::Status).unwrap();
    assert_eq!((status.lr, status.pace, status.step), (0.125, Some(2.5), boundary + 17));

    client.send(&Command::Resume).unwrap();
    run.wait_for("more steps", |meta| meta.state == State::Running && meta.step > boundary + 100);
    client.send(&Command::Stop).unwrap();
    let meta = run.exits_with(3, State::Stopped);

    let lr = &run.scalars()[tags::LR];
    let at = |step: u64| lr.iter().find(|(at, _)| *at == step as i64).unwrap().1;
    assert_eq!((at(boundary + 16), at(boundary + 17)), (0.5, 0.125));
    assert!(
        run.tensors(tags::BOUNDARY_POINTS_P).last().unwrap().0 == meta.step as i64,
        "the last picture is of the end"
    );
}

#[test]
fn a_paused_run_shows_what_it_rests_at_and_can_be_stopped() {
    let mut run = Run::start(&[ENDLESS]);
    let mut client = run.client();
    client.send(&Command::Watch).unwrap();
    client.send(&Command::Pause).unwrap();
    let step = run.wait_for("pause", |meta| meta.state == State::Paused).step;
    for taken in 1..=3 {
        client.send(&Command::Step { steps: 1 }).unwrap();
        let shown = || run.tensors(tags::BOUNDARY_POINTS_P).last().map(|(step, _)| *step);
        run.wait_for("a picture of the step", |_| shown() == Some((step + taken) as i64));
    }
    client.send(&Command::Stop).unwrap();
    run.exits_with(3, State::Stopped);
}

#[test]
fn a_convolutional_network_reads_digits_it_has_not_seen() {
    let few = [("epochs", "5"), ("data.train", "1000"), ("data.test", "400")];
    let mut run = Run::start_recipe("cnn", &few);
    let meta = run.exits_with(0, State::Finished);
    assert_eq!((meta.step, meta.steps_per_epoch), (80, 16));
    let description = run.description();
    assert_eq!((description.setup.evaluated.as_str(), description.classes.len()), ("test set", 10));
    let accuracy = meta.last[tags::ACCURACY_EVAL];
    assert!(accuracy > 0.8, "{accuracy}");
    let confusion = run.tensors(tags::CONFUSION);
    let (step, last) = confusion.last().unwrap();
    assert_eq!((*step, last.len(), last.iter().sum::<f32>()), (80, 100, 400.0));
    let right: f32 = last.iter().step_by(11).sum();
    assert!((f64::from(right) / 400.0 - accuracy).abs() < 1e-6, "the diagonal is what was right");
}

/// Rows and columns of the maps of the first convolution, of a picture of 28 by 28.
const MAP: usize = 26;

#[test]
fn the_maps_on_screen_are_what_the_first_convolution_computes() {
    let few = [("epochs", "0"), ("data.train", "64"), ("data.test", "64")];
    let mut run = Run::start_recipe("cnn", &few);
    let meta = run.exits_with(0, State::Finished);
    let pictures: BTreeMap<String, Array3<f32>> = run
        .records()
        .into_iter()
        .flat_map(|record| record.values)
        .filter_map(|value| match value.data {
            Data::Image(image) => Some((value.tag.to_string(), Grid::decode(&image).unwrap().maps()?)),
            _ => None,
        })
        .collect();
    let (input, kernels) = (&pictures["maps/input/cat"], &pictures["kernels/conv1"]);
    // Computed once more, one multiplication after the other. The recipe's biases start at 0.
    let before = Array3::from_shape_fn((kernels.dim().0, MAP, MAP), |(channel, row, column)| {
        let window = input.slice(s![0, row..row + 3, column..column + 3]);
        (&window * &kernels.index_axis(Axis(0), channel)).sum()
    });
    let after = before.mapv(|value| value.max(0.0));

    let mut app = App::new(run.directory.path().to_owned(), (500, 140));
    app.update(Message::Status(Box::new(meta)));
    app.update(Message::Records(run.records()));
    app.update(Message::CaughtUp);
    let number = app.number(PanelId::Maps).unwrap().to_string();
    let mut press = |keys: &str| {
        keys.chars().for_each(|key| {
            app.update(Message::Key(Key::char(key)));
        });
        let area = Rect::new(0, 0, app.size.0, app.size.1);
        let mut buf = Buffer::empty(area);
        draw_into(&app, &Theme::new(ColorDepth::TrueColor, Glyphs::Braille), area, &mut buf);
        let picture = app.maps.picture.as_ref().unwrap();
        assert_eq!((picture.layer.as_str(), picture.probe.as_str()), ("conv1", "cat"));
        (buf, app.sheet().unwrap())
    };
    let largest = |values: &Array3<f32>| values.iter().fold(0.0, |most: f32, value| most.max(value.abs()));
    let shown = press(&(number + "z"));
    compare(&shown, &after, Shade::Viridis, (0.0, largest(&after)));
    let shown = press("a");
    compare(&shown, &before, Shade::Diverging, (-largest(&before), largest(&before)));
}

/// Finds the level of every pixel of the maps back from its colour, and compares it with that of its value.
fn compare((buf, sheet): &(Buffer, Sheet), maps: &Array3<f32>, shade: Shade, (lo, hi): (f32, f32)) {
    let theme = Theme::new(ColorDepth::TrueColor, Glyphs::Braille);
    let level = |color| (0..=shade.top()).find(|level| theme.shade(shade, Some(*level)) == color).unwrap();
    let times = usize::from(sheet.tile.0) / MAP;
    assert!(times > 0 && usize::from(sheet.tile.0) == MAP * times, "whole pixels: {sheet:?}");
    let mut compared = 0;
    for (channel, map) in maps.outer_iter().enumerate() {
        if map.iter().all(|value| *value <= 0.0) {
            // A mark stands in the middle of what says nothing.
            continue;
        }
        let tile = sheet.place(channel);
        for ((row, column), value) in map.indexed_iter() {
            let (x, y) = (tile.x + (column * times) as u16, row * times);
            let cell = &buf[(x, tile.y + (y / 2) as u16)];
            let seen = level(if y % 2 == 0 && cell.symbol() == "▀" { cell.fg } else { cell.bg });
            let wanted = (value - lo) / (hi - lo) * f32::from(shade.top());
            assert!((f32::from(seen) - wanted).abs() <= 0.51, "{seen} for {wanted} at {row}, {column} of {channel}");
            compared += 1;
        }
    }
    assert!(compared > MAP * MAP * maps.dim().0 / 2, "{compared} values");
}

#[test]
fn data_that_leaves_a_batch_of_one_sample_is_refused_before_the_first_step() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = idx::recipe(folder.path(), "nine", 9, 1, 4, r#"{ kind = "batch_norm" },"#);
    let mut refused = Run::start_recipe(recipe.to_str().unwrap(), &[]);
    let meta = refused.exits_with(1, State::Failed);
    let outcome = meta.outcome.unwrap();
    assert!(outcome.contains("a batch of a single sample of the 9 in the data, of which `norm1` cannot"), "{outcome}");
    assert_eq!((meta.step, outcome.lines().count()), (0, 1));
    Run::start_recipe(recipe.to_str().unwrap(), &[("data.train", "8")]).exits_with(0, State::Finished);
}

/// Keys of a recipe and what they are set to.
type Sets<'a> = &'a [(&'a str, &'a str)];

/// Recipe, how it is shortened, and the loss that it must come below on what it is evaluated on. What the whole recipes
/// reach stands in the README; a dead network stays above 0.6 (two classes), 1.0 (blobs) and 0.26 (the mean digit).
const SHORT: &[(&str, Sets<'_>, f64)] = &[
    ("perceptron", &[], 0.05),
    ("circles", &[], 0.1),
    ("spiral", &[], 0.2),
    ("blobs", &[], 0.1),
    ("xor", &[], 0.25),
    ("autoencoder", &[("epochs", "12"), ("data.train", "2000"), ("data.test", "300")], 0.2),
];

#[test]
fn every_other_recipe_learns() {
    for (recipe, sets, bound) in SHORT {
        let mut run = Run::start_recipe(recipe, sets);
        let meta = run.exits_with(0, State::Finished);
        let loss = meta.last[tags::LOSS_EVAL];
        assert!(loss < *bound, "{recipe} ends at {loss}");
        assert_eq!(meta.step, meta.epochs * meta.steps_per_epoch, "{recipe}");
    }
    let tested: Vec<&str> = SHORT.iter().map(|(recipe, ..)| *recipe).chain(["moons", "cnn"]).collect();
    assert!(Recipe::builtin_names().iter().all(|name| tested.contains(name)), "a recipe without a test");
}

#[test]
fn a_network_is_looked_at_with_what_viewers_ask_for() {
    let few = [ENDLESS, ("data.train", "40"), ("data.test", "20"), ("batch_size", "10")];
    let mut run = Run::start_recipe("cnn", &few);
    let mut client = run.client();
    run.wait_for_steps();
    let Description { probes, references, .. } = run.description();
    assert_eq!(probes, ["cat", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    let refusal = |client: &mut ControlClient, probe| client.send(&Command::Look { probe }).unwrap_err().to_string();
    assert!(refusal(&mut client, 11).contains("`probe` must be below 11"), "{}", refusal(&mut client, 11));

    client.send(&Command::Look { probe: 8 }).unwrap();
    let shown_at = |probe: &str| {
        let tag = tags::map("conv1", probe);
        let records = run.records();
        let with_it = records.iter().filter(|record| record.values.iter().any(|value| *value.tag == tag));
        with_it.map(|record| record.step).collect::<Vec<_>>()
    };
    assert_eq!(shown_at("7")[0], 0, "before the first step all are shown");
    run.wait_for("pictures with a 7", |_| shown_at("7").len() >= 4);
    client.send(&Command::Watch).unwrap();
    client.send(&Command::Pause).unwrap();
    let step = run.wait_for("pause", |meta| meta.state == State::Paused).step as i64;
    run.wait_for("a picture of each at rest", |_| probes.iter().all(|probe| shown_at(probe).contains(&step)));
    client.send(&Command::Stop).unwrap();
    run.exits_with(3, State::Stopped);
    assert!(references.is_empty(), "it does not repeat its input");

    // Without pictures there is nothing to choose from.
    let plain = Run::start(&[ENDLESS]);
    plain.wait_for_steps();
    let mut client = plain.client();
    assert!(refusal(&mut client, 0).contains("no probes"), "{}", refusal(&mut client, 0));
}

#[test]
fn a_trainer_waits_for_its_viewer_and_not_for_ever() {
    let mut watched = Run::start_watched(&[("epochs", "3")]);
    let mut client = watched.client();
    assert_eq!(client.send(&Command::Status).unwrap().step, 0);
    client.send(&Command::Watch).unwrap();
    watched.exits_with(0, State::Finished);
    let mut alone = Run::start_watched(&[("epochs", "3")]);
    alone.exits_with(0, State::Finished);
}

#[test]
fn replies_tell_what_an_order_leads_to() {
    let run = Run::start(&[ENDLESS]);
    run.wait_for_steps();
    let mut client = run.client();
    assert_eq!(client.send(&Command::Pause).unwrap().state, State::Paused);
    assert_eq!(client.send(&Command::Resume).unwrap().state, State::Running);
    assert_eq!(client.send(&Command::SetLr { lr: 0.25 }).unwrap().lr, 0.25);
    assert_eq!(client.send(&Command::SetPace { pace: Some(3.0) }).unwrap().pace, Some(3.0));
    client.send(&Command::Pause).unwrap();
    let step = run.wait_for("pause", |meta| meta.state == State::Paused).step;
    for _ in 0..5 {
        client.send(&Command::Step { steps: 1 }).unwrap();
    }
    run.wait_for("five steps", |meta| meta.state == State::Paused && meta.step == step + 5);
    drop(client);
}

#[test]
fn a_pace_holds_while_somebody_watches() {
    // One step in a minute: any progress is against the pace.
    let run = Run::start(&[ENDLESS, ("pace", "0.001")]);
    run.wait_for_steps();
    let mut watcher = run.client();
    watcher.send(&Command::Watch).unwrap();
    run.wait_for("watcher", |meta| meta.watchers == 1);
    let held = watcher.send(&Command::Status).unwrap();
    assert_eq!(held.watchers, 1);
    // The count is in force a step later at most; from then on there is one step, and then a minute without.
    // Asked of the trainer itself: `run.json` is written once a second. Unheld it takes thousands of steps meanwhile.
    let mut taken = || watcher.send(&Command::Status).unwrap().step;
    let first = taken();
    std::thread::sleep(Duration::from_millis(300));
    assert!(taken() <= first + 1, "the pace does not hold");
    // An order ends the wait.
    watcher.send(&Command::SetLr { lr: 0.25 }).unwrap();
    let held = run.wait_for("learning rate", |meta| meta.lr == 0.25).step;
    drop(watcher);
    run.wait_for("full speed", |meta| meta.watchers == 0 && meta.step > held + 200);
}

#[test]
fn signals_stop_after_the_step() {
    for (signal, code) in [(Signal::TERM, 128 + 15), (Signal::INT, 128 + 2)] {
        let mut run = Run::start(&[ENDLESS]);
        run.wait_for_steps();
        // A terminal that goes away is no reason to stop.
        run.signal(Signal::HUP);
        run.client().send(&Command::Status).unwrap();
        let step = run.meta().step;
        run.wait_for("steps after SIGHUP", |meta| meta.state == State::Running && meta.step > step);
        run.signal(signal);
        let meta = run.exits_with(code, State::Stopped);
        assert_eq!(run.scalars()[tags::LOSS_TRAIN].last().unwrap().0 as u64, meta.step, "the log is complete");
    }
}

#[test]
fn a_killed_trainer_is_seen_as_crashed_at_once() {
    let mut run = Run::start(&[ENDLESS]);
    run.wait_for_steps();
    run.signal(Signal::KILL);
    assert_eq!(run.exit().code(), None);
    assert_eq!(run.meta().state, State::Crashed);
    assert_eq!(run.directory.meta().unwrap().state, State::Running, "the trainer had no time to say so");
    assert!(!run.records().is_empty());
}

#[test]
fn divergence_names_its_step_and_ends_the_run() {
    let mut run = Run::start(&[("optimizer.lr", "1e38")]);
    let meta = run.exits_with(4, State::Diverged);
    let message = meta.outcome.unwrap();
    let (step, loss) = *run.scalars()[tags::LOSS_TRAIN].last().unwrap();
    assert!(!loss.is_finite());
    assert!(message.contains(&format!("at step {step} (epoch 1)")) && message.contains("--lr"), "{message}");
    assert!(run.scalars()[tags::LOSS_TRAIN].iter().rev().skip(1).all(|(_, loss)| loss.is_finite()));
}

/// Breaks at its second step.
const BREAKS: (&str, &str) = ("optimizer.lr", "1e38");

#[test]
fn an_alarm_names_the_first_layer_that_breaks() {
    let mut run = Run::start(&[BREAKS]);
    let outcome = run.exits_with(4, State::Diverged).outcome.unwrap();
    let alarms: Vec<_> = run.alarms().into_iter().filter(|(_, alarm)| alarm["kind"] == "nan").collect();
    let [(step, alarm)] = &alarms[..] else { panic!("{alarms:?}") };
    assert_eq!((*step, alarm["layer"].as_str(), alarm["tensor"].as_str()), (2, Some("dense2"), None));
    assert_eq!(alarm["message"].as_str(), Some(outcome.as_str()));
    assert!(outcome.contains("dense2 puts out"), "{outcome}");
}

#[test]
fn what_is_broken_pauses_once_where_that_is_wanted() {
    let mut run = Run::start_with(&[BREAKS, ENDLESS], &["--on-nan", "pause"]);
    assert_eq!(run.wait_for("pause", |meta| meta.state == State::Paused).step, 2);
    let mut client = run.client();
    client.send(&Command::Resume).unwrap();
    run.wait_for("steps after the pause", |meta| meta.state == State::Running && meta.step > 100);
    client.send(&Command::Stop).unwrap();
    run.exits_with(3, State::Stopped);
    assert_eq!(run.alarms().iter().filter(|(_, alarm)| alarm["kind"] == "nan").count(), 1);
}

#[test]
fn who_watches_is_waited_for() {
    let mut run = Run::start_watched(&[BREAKS]);
    let mut client = run.client();
    client.send(&Command::Watch).unwrap();
    run.wait_for("pause", |meta| meta.state == State::Paused && meta.step == 2);
    client.send(&Command::Stop).unwrap();
    run.exits_with(3, State::Stopped);
}

#[test]
fn to_go_on_without_a_number_is_to_diverge_in_the_end() {
    let mut run = Run::start_with(&[BREAKS, ("epochs", "3")], &["--on-nan", "continue"]);
    let meta = run.exits_with(4, State::Diverged);
    assert_eq!(meta.step, 48);
    assert_eq!(run.alarms().iter().filter(|(_, alarm)| alarm["kind"] == "nan").count(), 1);
}

#[test]
fn a_sound_run_raises_no_alarm() {
    let digits = [("data.train", "640"), ("data.test", "200"), ("epochs", "4")];
    for (recipe, sets) in [("moons", &[][..]), ("perceptron", &[]), ("cnn", &digits), ("autoencoder", &digits)] {
        let mut run = Run::start_recipe(recipe, sets);
        run.exits_with(0, State::Finished);
        // Whether it is slow is the machine's affair.
        let alarms: Vec<_> = run.alarms().into_iter().filter(|(_, alarm)| alarm["kind"] != "slow").collect();
        assert!(alarms.is_empty(), "{recipe}: {alarms:?}");
        let steps: Vec<i64> = run.scalars()["norm/dense1.weight"].iter().map(|(step, _)| *step).collect();
        assert_eq!(
            (steps[0], *steps.last().unwrap()),
            (0, run.meta().step as i64),
            "looked at in the beginning and the end"
        );
    }
}

#[test]
fn a_device_that_is_not_there_says_what_to_do() {
    let mut run = Run::start(&[("device", "cuda:255")]);
    let message = run.exits_with(1, State::Failed).outcome.unwrap();
    assert!(message.contains("`cuda:255`"), "{message}");
    assert!(message.contains("--device cpu") || message.contains("the last of"), "{message}");
    assert!(run.log_text().contains(&message), "{}", run.log_text());
}

#[test]
fn a_bad_recipe_fails_with_its_line() {
    let (home, directory) = prepare(&[]);
    let path = directory.recipe_path();
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("units = 20", "unist = 20")).unwrap();
    let child = spawn(&home, &directory);
    let mut run = Run { home, directory, child };
    let message = run.exits_with(1, State::Failed).outcome.unwrap();
    assert!(message.contains("unist") && message.contains("`units`") && message.contains("recipe.toml:"), "{message}");
}

#[test]
fn a_run_directory_that_vanishes_ends_the_trainer() {
    let mut run = Run::start(&[ENDLESS]);
    run.wait_for_steps();
    // A file that is written meanwhile is in the way of a removal, until the next one.
    while run.directory.path().exists() {
        let _removed = std::fs::remove_dir_all(run.directory.path());
    }
    assert_eq!(run.exit().code(), Some(1));
    assert!(std::fs::read_dir(run.home.path()).unwrap().all(|entry| {
        // The folder of the socket, without the socket.
        std::fs::read_dir(entry.unwrap().path()).unwrap().next().is_none()
    }));
}

#[test]
fn a_run_has_one_trainer_and_is_trained_once() {
    let mut run = Run::start(&[ENDLESS]);
    run.wait_for_steps();
    let second = spawn(&run.home, &run.directory).wait().unwrap();
    assert_eq!(second.code(), Some(1));
    let step = run.wait_for_steps().step;
    run.wait_for("undisturbed steps", |meta| meta.step > step);
    run.client().send(&Command::Stop).unwrap();
    run.exits_with(3, State::Stopped);
    let again = spawn(&run.home, &run.directory).wait().unwrap();
    assert_eq!(again.code(), Some(1));
    assert_eq!(run.meta().state, State::Stopped);
    assert!(run.log_text().contains("trained before"), "{}", run.log_text());
}

#[test]
fn usage_errors_exit_with_2() {
    let trainer = || Process::new(env!("CARGO_BIN_EXE_torchscope-trainer"));
    assert_eq!(trainer().output().unwrap().status.code(), Some(2));
    assert_eq!(trainer().args(["a", "b"]).output().unwrap().status.code(), Some(2));
    assert_eq!(trainer().arg("/nowhere").output().unwrap().status.code(), Some(1));
}

#[test]
fn nonsense_on_the_socket_is_answered_and_harms_nobody() {
    let mut run = Run::start(&[ENDLESS]);
    run.wait_for_steps();
    let (mut to, mut from) = run.raw();
    let mut ask = |line: &[u8]| -> Reply {
        to.write_all(line).unwrap();
        to.write_all(b"\n").unwrap();
        let mut answer = String::new();
        from.read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).unwrap()
    };
    let huge = vec![b'{'; 1 << 20];
    let deep = [b"[".repeat(4000), b"]".repeat(90)].concat();
    let nonsense: [&[u8]; 10] = [
        b"hello",
        b"{}",
        b"\xff\xfe\x00",
        b"{\"command\":\"explode\"}",
        b"{\"command\":\"set_lr\",\"lr\":-1}",
        b"{\"command\":\"set_lr\",\"lr\":1e999}",
        b"{\"command\":\"set_pace\",\"pace\":0}",
        b"{\"command\":\"step\",\"steps\":0}",
        &deep,
        &huge,
    ];
    for line in nonsense {
        let reply = ask(line);
        assert!(!reply.ok && reply.error.is_some(), "{:?} is no command", String::from_utf8_lossy(line));
    }
    let reply = ask(b"{\"command\":\"status\"}");
    assert!(reply.ok && reply.state == State::Running && reply.lr == 0.5, "{reply:?}");
    // A client that sends half a line and goes, and one that only connects.
    let (mut half, _) = run.raw();
    half.write_all(b"{\"comm").unwrap();
    drop(half);
    let (_silent, _) = run.raw();
    run.client().send(&Command::Stop).unwrap();
    run.exits_with(3, State::Stopped);
}

/// The most memory that the trainer has taken so far, in MiB.
#[cfg(target_os = "linux")]
fn most_memory(run: &Run) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", run.child.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

#[test]
#[cfg(target_os = "linux")]
fn a_wide_layer_is_looked_at_in_pieces() {
    let most_of = |units| {
        let mut run = Run::start(&[ENDLESS, ("model.layers.0.units", units)]);
        // The first picture is of the whole plane, some 12,800 points.
        run.wait_for("steps", |meta| meta.state == State::Running && meta.step > 16);
        assert!(run.records().iter().flat_map(|record| &record.values).any(|value| &*value.tag == tags::BOUNDARY_P));
        let most = most_memory(&run);
        run.signal(Signal::TERM);
        run.exits_with(128 + 15, State::Stopped);
        most
    };
    let (narrow, wide) = (most_of("20"), most_of("10000"));
    // In one piece, or with a hole for each, the plane takes 490 MiB; points of the landscape's path take up to 40.
    assert!(wide < narrow + 150, "{narrow} MiB with 20 units, {wide} MiB with 10,000");
}
