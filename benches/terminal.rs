//! What the view costs on a terminal: the bounds of the design, measured on the real program in a pseudo-terminal.
//!
//! Processor time is that of the viewer's process. Times of the clock are medians and least values of alternating rounds,
//! since the machines are shared; the load stands above the table.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a measurement prints, and fails like a test")]

mod pty;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use portable_pty::CommandBuilder;
use pty::Program;
use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use ratatui::widgets::Paragraph;
use torchscope::app::{App, Key, Message};
use torchscope::log::{EventWriter, Record, Tag, Value, tags};
use torchscope::recipe::Recipe;
use torchscope::run::{Description, RunDir, RunLock, RunMeta, State};
use torchscope::view::{self, ColorDepth, Glyphs, Theme};

/// Makes this program the bare one that the viewer's start is compared with.
const BARE: &str = "TORCHSCOPE_BENCH_BARE";
const SIZE: (u16, u16) = (120, 40);
/// Starts of each of the two.
const STARTS: usize = 15;
/// How long a viewer is looked at. It says nothing of what it has not settled to before.
const WHILE: Duration = Duration::from_secs(10);
const SETTLING: Duration = Duration::from_secs(2);

/// The table.
struct Table {
    is_held: bool,
    rows: Vec<[String; 4]>,
}

impl Table {
    fn new() -> Self {
        Self { is_held: true, rows: Vec::new() }
    }

    /// A figure that must not be above its bound.
    fn judge(&mut self, what: &str, unit: &str, reading: f64, bound: f64) {
        let is_within = reading <= bound;
        self.is_held &= is_within;
        let verdict = if is_within { "" } else { "EXCEEDED" };
        self.rows.push([what.into(), number(bound, unit), number(reading, unit), verdict.into()]);
    }

    /// A figure that explains another.
    fn note(&mut self, what: &str, unit: &str, reading: f64) {
        self.rows.push([what.into(), String::new(), number(reading, unit), String::new()]);
    }

    fn print(&self) {
        println!("\n{:<72} {:>10} {:>14}", "what", "at most", "reading");
        for [what, bound, reading, verdict] in &self.rows {
            println!("{what:<72} {bound:>10} {reading:>14}  {verdict}");
        }
    }
}

fn number(value: f64, unit: &str) -> String {
    let decimals = if value < 10.0 && value.fract() != 0.0 { 2 } else { 0 };
    format!("{value:.decimals$} {unit}")
}

/// A run that a viewer takes for a live one: the bench holds its lock, and writes its log.
struct FakeRun {
    home: tempfile::TempDir,
    run: RunDir,
    log: EventWriter,
    step: i64,
    tags: [Tag; 4],
    _lock: RunLock,
}

impl FakeRun {
    fn new(state: State) -> Self {
        let home = tempfile::tempdir().unwrap();
        let recipe = Recipe::load("moons", &[]).unwrap();
        let run = RunDir::create(home.path(), &recipe).unwrap();
        let lock = RunLock::acquire(&run).unwrap();
        let network = recipe.network(&[2]).ok();
        let meta = RunMeta {
            state,
            epochs: 1_000_000,
            steps_per_epoch: 16,
            pid: Some(std::process::id()),
            description: Description { network, ..Description::default() },
            ..run.meta().unwrap()
        };
        run.write_meta(&meta).unwrap();
        let log = EventWriter::create(run.path()).unwrap();
        let tags = [tags::LOSS_TRAIN, tags::LR, tags::GRAD_NORM, tags::STEP_MS].map(Tag::from);
        Self { home, run, log, step: 0, tags, _lock: lock }
    }

    /// Writes so many steps of four numbers.
    fn steps(&mut self, count: i64) {
        for _ in 0..count {
            self.step += 1;
            let x = self.step as f64;
            let loss = loss(self.step);
            let numbers = [loss, 0.5, 0.1 + loss, 0.2 + 0.01 * (x * 0.11).sin()];
            let values = self.tags.iter().zip(numbers).map(|(tag, number)| Value::scalar(Arc::clone(tag), number));
            self.append(values.collect());
        }
        self.log.flush().unwrap();
    }

    /// What the trainer sees of the machine once a second.
    fn reading(&mut self) {
        let load = 50.0 + 10.0 * (self.log.bytes_written() as f64).sin();
        let values = [(tags::SYSTEM_CPU, load), (tags::SYSTEM_MEM, 5e9 + 1e7 * load), (tags::SYSTEM_MEM_TOTAL, 2e10)];
        self.append(values.map(|(tag, value)| Value::scalar(tag, value)).into());
        self.log.flush().unwrap();
    }

    fn append(&mut self, values: Vec<Value>) {
        let wall_time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64();
        self.log.append(&Record { step: self.step, wall_time, values }).unwrap();
    }

    fn view(&self, size: (u16, u16)) -> Program {
        let view = Program::view(self.run.path(), self.home.path(), size);
        view.wait_for("leave");
        view
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}

/// From exec to the last byte of the first frame, beside a program that draws one with ratatui and does nothing else.
fn start(table: &mut Table) {
    let fake = FakeRun::new(State::Paused);
    let this = std::env::current_exe().unwrap();
    let bare = || {
        let mut command = CommandBuilder::new(&this);
        command.env(BARE, "1");
        let program = Program::start(command, SIZE);
        seconds(program.wait_for("leave") - program.started) * 1e3
    };
    let view = || {
        let program = Program::view(fake.run.path(), fake.home.path(), SIZE);
        seconds(program.wait_for("leave") - program.started) * 1e3
    };
    // The first of each reads from disk.
    let (_, _) = (bare(), view());
    let (mut bares, mut views): (Vec<f64>, Vec<f64>) = (0..STARTS).map(|_| (bare(), view())).unzip();
    let (bare, view) = (median(&mut bares), median(&mut views));
    table.judge("start to first frame, the best of 15", "ms", views[0], 20.0);
    table.note("  median", "ms", view);
    table.note("  a bare ratatui program, the best", "ms", bares[0]);
    table.note("  ratio of the medians", "x", view / bare);
}

/// The bare program.
fn be_bare() {
    let mut terminal = ratatui::init();
    let lines = vec!["torchscope: leave"; usize::from(SIZE.1)].join("\n");
    terminal.draw(|frame| frame.render_widget(Paragraph::new(lines), frame.area())).unwrap();
    // Until the terminal goes.
    let _ = std::io::stdin().lines().next();
}

/// Processor share in percent and bytes a second of a view while `work` goes on, once every `beat`.
fn while_looking(view: &Program, beat: Duration, mut work: impl FnMut()) -> (f64, f64) {
    let mut beats = |time: Duration| {
        let began = Instant::now();
        let mut due = began;
        while due < began + time {
            work();
            due += beat;
            thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        seconds(began.elapsed())
    };
    beats(SETTLING);
    let (cpu, (bytes, _)) = (view.cpu(), view.written());
    let time = beats(WHILE);
    ((view.cpu() - cpu) / time * 100.0, (view.written().0 - bytes) as f64 / time)
}

/// A live run with nothing new.
fn idle(table: &mut Table) {
    let mut fake = FakeRun::new(State::Paused);
    fake.steps(50_000);
    let view = fake.view(SIZE);
    view.wait_for("50,000");
    let (cpu, bytes) = while_looking(&view, Duration::from_secs(1), || ());
    table.judge("idle on a paused run: processor", "%", cpu, 0.5);
    table.judge("  written", "B/s", bytes, 50.0);
    let (cpu, bytes) = while_looking(&view, Duration::from_secs(1), || fake.reading());
    table.judge("  with a reading of the machine a second: processor", "%", cpu, 1.0);
    table.judge("  written", "B/s", bytes, 50.0);
}

/// 20 records a second.
fn live(table: &mut Table) {
    let mut fake = FakeRun::new(State::Running);
    fake.steps(50_000);
    let mut view = fake.view(SIZE);
    view.wait_for("50,000");
    let beat = Duration::from_millis(50);
    let (cpu, bytes) = while_looking(&view, beat, || fake.steps(1));
    table.judge("20 records a second, all panels: processor", "%", cpu, 3.0);
    table.note("  written, header and metrics included", "B/s", bytes);
    view.keys("1z");
    let (cpu, bytes) = while_looking(&view, beat, || fake.steps(1));
    table.judge("  the loss alone: processor", "%", cpu, 3.0);
    table.note("  written, numbers included", "B/s", bytes);
}

/// What of that is curves and bars: the cells of the panel that differ from one frame to the next, without its numbers and
/// what stands around it.
fn curves(table: &mut Table) {
    const FRAMES: u16 = 600;
    let mut app = App::new(PathBuf::from("/runs/moons-0001"), SIZE);
    let network = Recipe::load("moons", &[]).unwrap().network(&[2]).ok();
    let state = State::Running;
    let meta = RunMeta {
        state,
        epochs: 1_000_000,
        steps_per_epoch: 16,
        description: Description { network, ..Description::default() },
        ..RunMeta::default()
    };
    app.update(Message::Status(Box::new(meta)));
    let record = |step: i64| {
        let wall_time = 1.7e9 + step as f64 / 20.0;
        Record { step, wall_time, values: vec![Value::scalar(tags::LOSS_TRAIN, loss(step))] }
    };
    app.update(Message::Records((1..=50_000).map(record).collect()));
    app.update(Message::Key(Key::char('z')));
    let theme = Theme::new(ColorDepth::TrueColor, Glyphs::Braille);
    let area = Rect::new(0, 0, SIZE.0, SIZE.1);
    let mut last = Buffer::empty(area);
    view::draw_into(&app, &theme, area, &mut last);
    let mut bytes = Vec::new();
    for frame in 1..=FRAMES {
        app.update(Message::Records(vec![record(50_000 + i64::from(frame))]));
        let mut next = Buffer::empty(area);
        view::draw_into(&app, &theme, area, &mut next);
        // Two rows of the header and one of the frame above, a row each of legend, frame and keys below, and on the right
        // the words beside the bars.
        let is_curve = |(x, y, _): &(u16, u16, &Cell)| (3..SIZE.1 - 3).contains(y) && *x < SIZE.0 - 15;
        let changed = last.diff(&next).into_iter().filter(is_curve);
        CrosstermBackend::new(&mut bytes).draw(changed).unwrap();
        last = next;
    }
    let rate = bytes.len() as f64 / f64::from(FRAMES) * 20.0;
    table.judge("  written for bars and curves", "B/s", rate, 1_500.0);
}

/// A noisy loss that falls.
fn loss(step: i64) -> f64 {
    let x = step as f64;
    0.02 + (-x / 20_000.0).exp() * (0.5 + 0.2 * (x * 0.37).sin())
}

/// From a key to the last byte of its frame, on a usual terminal and on a large one, where a whole screen is more than the
/// bound of the design had in mind.
fn keys(table: &mut Table) {
    let mut fake = FakeRun::new(State::Paused);
    fake.steps(50_000);
    let quiet = Duration::from_millis(60);
    for (size, name) in [((80, 24), "80x24"), (SIZE, "120x40")] {
        let mut view = fake.view(size);
        view.wait_for("50,000");
        view.settle(0, quiet);
        let pairs =
            [("to the next panel", "\t", "\t"), ("one panel alone, and all again", "z", "z"), ("help", "?", "?")];
        for (what, there, back) in pairs {
            let (mut times, mut most) = (Vec::new(), 0);
            for key in [there, back].repeat(8) {
                let before = view.written().0;
                let pressed = Instant::now();
                view.keys(key);
                let (bytes, last) = view.settle(before, quiet);
                times.push(seconds(last - pressed) * 1e3);
                most = most.max(bytes - before);
            }
            let median = median(&mut times);
            table.judge(&format!("key to pixels, {name}, {what}: the best of 16"), "ms", times[0], 16.0);
            table.note("  median", "ms", median);
            if size == SIZE {
                table.note("  bytes at the most", "B", most as f64);
            } else {
                table.judge("  bytes at the most", "B", most as f64, 4_000.0);
            }
        }
    }
}

/// A run of a million steps of four numbers.
fn open(table: &mut Table) {
    let mut fake = FakeRun::new(State::Paused);
    let steps = 1_000_000;
    fake.steps(steps);
    let view = fake.view(SIZE);
    view.wait_for("1,000,000");
    view.settle(0, Duration::from_millis(200));
    table.judge("open 1M steps x 4 numbers: processor", "s", view.cpu(), 0.5);
    table.judge("  resident", "MiB", view.resident_mib(), 60.0 * 1e6 / f64::from(1 << 20));
    table.note("  to the last step on the screen", "s", seconds(view.written().1 - view.started));
}

fn load() -> String {
    fs::read_to_string(Path::new("/proc/loadavg")).unwrap().trim().to_owned()
}

fn main() -> ExitCode {
    if std::env::var_os(BARE).is_some() {
        be_bare();
        return ExitCode::SUCCESS;
    }
    println!("load of the machine: {}", load());
    let mut table = Table::new();
    start(&mut table);
    idle(&mut table);
    live(&mut table);
    curves(&mut table);
    keys(&mut table);
    open(&mut table);
    table.print();
    println!("load of the machine: {}", load());
    if table.is_held { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
