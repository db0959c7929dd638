//! The figures of the view: `cargo xtask bench`. Everything is a ratio within one run or CPU time of this thread, because
//! the machines are shared.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a measurement prints, and fails like a test")]

#[path = "../tests/support/cnn.rs"]
mod cnn;

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::Instant;

use ndarray::Array2;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use rustix::time::{ClockId, clock_gettime};
use torchscope::app::{App, Key, Message};
use torchscope::log::{Data, EventWriter, Grid, GridMeta, LogReader, Record, Value, tags};
use torchscope::recipe::Recipe;
use torchscope::run::{Description, RunDir, RunMeta, State};
use torchscope::view::{self, ColorDepth, Glyphs, Theme};

const SIZE: (u16, u16) = (200, 50);
/// What the chart alone may take: screens of nothing but braille, and seconds.
const MOST_BRAILLES: f64 = 2.0;
const MOST_SECONDS: f64 = 1e-3;

/// CPU time of this thread, in seconds.
fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// The least CPU seconds of several rounds of `work`: the others were disturbed.
fn least(rounds: usize, mut work: impl FnMut()) -> f64 {
    let timed = (0..rounds).map(|_| {
        let start = cpu_seconds();
        work();
        cpu_seconds() - start
    });
    timed.fold(f64::INFINITY, f64::min)
}

fn resident_mib() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

fn boundary() -> Value {
    let values = Array2::from_shape_fn((96, 128), |(y, x)| 1.0 / (1.0 + (-(x as f32 - y as f32) / 16.0).exp()));
    let meta =
        GridMeta { shape: [96, 128], min: 0.0, max: 1.0, extent: Some([-1.4, 2.4, -0.9, 1.4]), ..GridMeta::default() };
    Value { tag: Arc::from(tags::BOUNDARY_P), data: Data::Image(Grid { values, meta }.encode().unwrap()) }
}

fn app(steps: i64) -> App {
    let recipe = Recipe::load("moons", &[]).unwrap();
    let mut app = App::new(PathBuf::from("/runs/moons-0001"), SIZE);
    let network = recipe.network(&[2]).ok();
    let state = State::Running;
    let meta = RunMeta {
        name: "moons-0001".into(),
        state,
        epochs: 100,
        steps_per_epoch: 16,
        description: Description { network, ..Description::default() },
        ..RunMeta::default()
    };
    app.update(Message::Status(Box::new(meta)));
    let tag: Arc<str> = Arc::from(tags::LOSS_TRAIN);
    for start in (0..steps).step_by(10_000) {
        let loss = |step: i64| (0.5 + 0.5 * (step as f64 * 0.37).sin()) * (-(step as f64) / steps as f64).exp();
        let records = (start..start + 10_000.min(steps - start)).map(|step| Record {
            step,
            wall_time: 1.7e9 + step as f64 / 5000.0,
            values: vec![Value { tag: Arc::clone(&tag), data: Data::Scalar(loss(step)) }],
        });
        app.update(Message::Records(records.collect()));
    }
    app.update(Message::Records(vec![Record { step: steps, wall_time: 1.7e9, values: vec![boundary()] }]));
    app
}

/// A frame over a long series against a blank one and one of braille. Says whether the chart alone keeps to
/// [`MOST_BRAILLES`] and [`MOST_SECONDS`], at ten times the length as well.
fn frames() -> bool {
    let mut held = true;
    let theme = Theme::new(ColorDepth::TrueColor, Glyphs::Braille);
    let mut terminal = Terminal::new(TestBackend::new(SIZE.0, SIZE.1)).unwrap();
    let blank = least(200, || {
        terminal.draw(|_| {}).unwrap();
    });
    // What ratatui asks for a screen whose every cell is braille, before anything has been computed.
    let braille = least(200, || {
        terminal
            .draw(|frame| {
                frame.buffer_mut().content.iter_mut().for_each(|cell| {
                    cell.set_char('⣿');
                });
            })
            .unwrap();
    });
    println!("blank frame {}x{}: {:.0} us; all braille: {:.0} us", SIZE.0, SIZE.1, blank * 1e6, braille * 1e6);
    for steps in [1_000_000, 10_000_000] {
        let mut app = app(steps);
        for (what, zoomed) in [("loss alone", true), ("all panels", false)] {
            app.zoomed = zoomed;
            let frame = least(100, || {
                terminal.draw(|frame| view::draw(black_box(&app), &theme, frame)).unwrap();
            });
            let (blanks, brailles) = (frame / blank, frame / braille);
            let is_within = !zoomed || (brailles <= MOST_BRAILLES && frame <= MOST_SECONDS);
            let verdict = if is_within { "" } else { "  EXCEEDED" };
            println!(
                "{steps} steps, {what}: {:.0} us, {blanks:.1} blank frames, {brailles:.2} of braille{verdict}",
                frame * 1e6
            );
            held &= is_within;
        }
    }
    held
}

/// Bounds: 1 CPU second and 60 MB for 1M steps of 4 scalars, from the bytes on disk to what the panels read.
fn open() {
    let dir = tempfile::tempdir().unwrap();
    let names = [tags::LOSS_TRAIN, tags::LR, tags::GRAD_NORM, tags::STEP_MS];
    let mut record = Record { step: 0, wall_time: 1.7e9, values: names.map(|tag| Value::scalar(tag, 0.5)).into() };
    let mut writer = EventWriter::create(dir.path()).unwrap();
    let start = cpu_seconds();
    for step in 1..=1_000_000 {
        record.step = step;
        record.values[0].data = Data::Scalar(1.0 / step as f64);
        writer.append(&record).unwrap();
    }
    writer.flush().unwrap();
    println!("write: {:.0} ns a record of 4 scalars", (cpu_seconds() - start) * 1e3);

    let before = resident_mib();
    let mut app = App::new(dir.path().to_owned(), SIZE);
    let mut reader = LogReader::open(dir.path()).unwrap();
    let start = cpu_seconds();
    loop {
        let poll = reader.poll(256 << 10).unwrap();
        app.update(Message::Records(poll.records));
        if poll.caught_up {
            break;
        }
    }
    println!("open 1M steps x 4: {:.2} CPU s, {:.0} MiB more resident", cpu_seconds() - start, resident_mib() - before);
    let polls = 20_000;
    let start = cpu_seconds();
    assert!((0..polls).all(|_| reader.poll(1).unwrap().caught_up));
    println!("idle poll: {:.2} us", (cpu_seconds() - start) * 1e6 / f64::from(polls));
}

/// A key press that moves the focus, from the message to a buffer that differs.
fn key() {
    let theme = Theme::new(ColorDepth::TrueColor, Glyphs::Braille);
    let mut terminal = Terminal::new(TestBackend::new(SIZE.0, SIZE.1)).unwrap();
    let mut app = app(100_000);
    let time = least(100, || {
        app.update(Message::Key(Key::char('3')));
        app.update(Message::Key(Key::char('2')));
        terminal.draw(|frame| view::draw(&app, &theme, frame)).unwrap();
    });
    println!("key press to frame: {:.2} ms", time * 1e3);
}

/// 64 maps of 11 by 11 values on a screen of their own. Bound: 1 ms of CPU.
fn maps() {
    let theme = Theme::new(ColorDepth::TrueColor, Glyphs::Braille);
    let mut terminal = Terminal::new(TestBackend::new(SIZE.0, SIZE.1)).unwrap();
    let mut app = App::new(PathBuf::from("/runs/cnn-0001"), SIZE);
    app.update(Message::Status(Box::new(cnn::meta(403))));
    let record = cnn::record(403);
    let arrival = least(20, || {
        app.update(Message::Records(vec![record.clone()]));
    });
    println!("77 maps and all kernels of cnn arrive: {:.2} ms", arrival * 1e3);
    app.update(Message::Key(Key::char('2')));
    app.update(Message::Key(Key::char('z')));
    for key in [None, Some(']'), Some(']')] {
        if let Some(key) = key {
            app.update(Message::Key(Key::char(key)));
        }
        let picture = app.maps.picture.as_ref().unwrap();
        let (layer, count, [height, width]) = (picture.layer.clone(), picture.channels.len(), picture.size());
        let frame = least(200, || {
            terminal.draw(|frame| view::draw(black_box(&app), &theme, frame)).unwrap();
        });
        println!("{layer}, {count} maps of {height}x{width}, {}x{}: {:.0} us", SIZE.0, SIZE.1, frame * 1e6);
        assert!(frame < 1e-3, "a grid of maps draws in under 1 ms");
    }
}

/// From exec to the first byte of the first frame, on a pseudo-terminal, beside a program that does nothing. Bound: 20 ms
/// on a quiet machine, median of ten.
fn first_frame() {
    let home = tempfile::tempdir().unwrap();
    let recipe = Recipe::load("moons", &[]).unwrap();
    let run = RunDir::create(home.path(), &recipe).unwrap();
    let viewer = Path::new(env!("CARGO_BIN_EXE_torchscope"));
    let mut times: Vec<f64> = (0..10).map(|_| until_first_frame(viewer, run.path(), home.path())).collect();
    times.sort_by(f64::total_cmp);
    let mut nothing: Vec<f64> = (0..10)
        .map(|_| {
            let start = Instant::now();
            Command::new("true").status().unwrap();
            start.elapsed().as_secs_f64()
        })
        .collect();
    nothing.sort_by(f64::total_cmp);
    println!(
        "first frame: median {:.1} ms, best {:.1} ms, worst {:.1} ms; a program that does nothing: median {:.1} ms",
        times[5] * 1e3,
        times[0] * 1e3,
        times[9] * 1e3,
        nothing[5] * 1e3
    );
}

fn until_first_frame(viewer: &Path, run: &Path, home: &Path) -> f64 {
    use std::io::Read;
    let size = portable_pty::PtySize { rows: 40, cols: 120, pixel_width: 0, pixel_height: 0 };
    let pair = portable_pty::native_pty_system().openpty(size).unwrap();
    let mut command = portable_pty::CommandBuilder::new(viewer);
    command.args(["attach".as_ref(), run.as_os_str()]);
    for (name, value) in [("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("LANG", "C.UTF-8")] {
        command.env(name, value);
    }
    command.env("TORCHSCOPE_HOME", home);
    command.env_remove("CI");
    let mut reader = pair.master.try_clone_reader().unwrap();
    let start = Instant::now();
    let mut child = pair.slave.spawn_command(command).unwrap();
    let mut seen = Vec::new();
    let mut bytes = [0; 8192];
    // The footer is drawn last.
    while !String::from_utf8_lossy(&seen).contains("leave") {
        let count = reader.read(&mut bytes).unwrap();
        assert!(count > 0, "the viewer ended: {}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&bytes[..count]);
    }
    let time = start.elapsed().as_secs_f64();
    child.kill().unwrap();
    child.wait().unwrap();
    time
}

fn main() -> ExitCode {
    let load = fs::read_to_string("/proc/loadavg").unwrap();
    println!("load of the machine: {}", load.trim());
    first_frame();
    let held = frames();
    open();
    key();
    maps();
    if held { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
