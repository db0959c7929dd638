//! The panel of the machine: what it says of hosts and GPUs at every size, and what a real trainer records for it.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like the tests themselves")]
#![expect(dead_code, reason = "the other tests use the rest of the support")]

#[path = "support/machine.rs"]
mod machine;
mod support;

use std::path::{Path, PathBuf};

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use support::{Home, Terminal};
use torchscope::app::{App, Arrangement, Key, Message, PanelId};
use torchscope::log::{EventWriter, Record};
use torchscope::recipe::Recipe;
use torchscope::run::{Description, RunDir, RunMeta, State};
use torchscope::view::{ColorDepth, Glyphs, Theme, draw_into};

const SIZES: [(u16, u16); 8] = [(0, 0), (1, 1), (20, 5), (40, 12), (72, 18), (80, 24), (120, 40), (200, 60)];

fn meta(state: State) -> RunMeta {
    let network = Recipe::load("moons", &[]).unwrap().network(&[2]).ok();
    let description = Description { network, ..Description::default() };
    RunMeta { name: "moons-0001".into(), state, description, pid: Some(4711), epochs: 100, ..RunMeta::default() }
}

/// The panel alone.
fn zoomed(records: Vec<Record>, state: State) -> App {
    let mut app = App::new(PathBuf::from("/runs/one"), (80, 24));
    app.update(Message::Status(Box::new(meta(state))));
    app.update(Message::Records(records));
    app.update(Message::CaughtUp);
    let number = app.number(PanelId::System).unwrap();
    app.update(Message::Key(Key::char(char::from_digit(number as u32, 10).unwrap())));
    app.zoomed = true;
    app
}

fn draw(app: &mut App, theme: &Theme, (width, height): (u16, u16)) -> Buffer {
    app.update(Message::Resized(width, height));
    let area = Rect::new(0, 0, width, height);
    let mut buf = Buffer::empty(area);
    // What is not painted shows.
    buf.content.iter_mut().for_each(|cell| *cell = Cell::new(" "));
    draw_into(app, theme, area, &mut buf);
    buf
}

fn text(buf: &Buffer) -> String {
    let row = |y| (0..buf.area.width).map(|x| buf[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
    (0..buf.area.height).map(row).collect::<Vec<_>>().join("\n")
}

fn shown(app: &mut App, size: (u16, u16)) -> String {
    text(&draw(app, &Theme::new(ColorDepth::TrueColor, Glyphs::Braille), size))
}

#[test]
fn a_host_without_gpus_says_so_in_a_line() {
    let mut app = zoomed(machine::records(0), State::Running);
    for size in [(40, 12), (80, 24), (120, 40), (200, 60)] {
        let screen = shown(&mut app, size);
        for words in
            ["System", "CPU", "of 64.0 GiB", "of a core", "resident", "123.0 GiB left", "no GPU driver: CPU only"]
        {
            assert!(screen.contains(words), "{words} at {size:?}:\n{screen}");
        }
    }
    let screen = shown(&mut app, (80, 24));
    assert!(screen.contains("16 cores") && screen.contains("ago") && screen.contains("now"), "{screen}");
    let mut over = zoomed(machine::records(0), State::Finished);
    let screen = shown(&mut over, (80, 24));
    assert!(screen.contains("when it ended") && screen.contains("before"), "{screen}");
}

#[test]
fn two_gpus_show_load_memory_temperature_power_and_who_is_on_them() {
    let mut app = zoomed(machine::records(2), State::Running);
    for size in [(80, 24), (120, 40), (200, 60)] {
        let screen = shown(&mut app, size);
        for words in [
            "GPU 0 · NVIDIA H100 80GB HBM3",
            "GPU 1",
            "of 80.0 GiB",
            "°C",
            " W",
            "4711 torchscope-trainer",
            "38.0 GiB",
            "815 python3",
        ] {
            assert!(screen.contains(words), "{words} at {size:?}:\n{screen}");
        }
        assert!(screen.contains("▸   4711") && !screen.contains("▸    815"), "the run's own is marked:\n{screen}");
        assert!(!screen.contains("CPU only"));
    }
    // Where there is room temperature and power have their history; one tells of no power.
    let large = shown(&mut app, (200, 60));
    assert_eq!((large.matches("temp ").count(), large.matches("power").count()), (2, 1), "{large}");
    // Where there is none each has a row.
    let small = shown(&mut app, (40, 12));
    assert!(small.contains("GPU 0") && small.contains("GPU 1") && small.contains(" %  "), "{small}");
}

#[test]
fn more_gpus_than_rows_are_counted() {
    let mut app = zoomed(machine::records(16), State::Running);
    let screen = shown(&mut app, (80, 18));
    assert!(screen.contains("GPU 10") && screen.contains("5 more GPUs"), "{screen}");
    let screen = shown(&mut app, (200, 60));
    assert!(screen.contains("GPU 15 ·"), "{screen}");
}

#[test]
fn every_size_depth_and_glyph_level_draws() {
    for gpus in [0, 1, 2, 16] {
        let mut app = zoomed(machine::records(gpus), State::Running);
        for size in SIZES {
            for depth in [ColorDepth::Mono, ColorDepth::Ansi16, ColorDepth::Ansi256, ColorDepth::TrueColor] {
                for glyphs in [Glyphs::Ascii, Glyphs::Block, Glyphs::Braille] {
                    let buf = draw(&mut app, &Theme::new(depth, glyphs), size);
                    if glyphs == Glyphs::Ascii {
                        assert!(text(&buf).is_ascii());
                    }
                }
            }
        }
    }
    // Without colours and dots a history is still one.
    let mut app = zoomed(machine::records(0), State::Running);
    let screen = text(&draw(&mut app, &Theme::new(ColorDepth::Mono, Glyphs::Ascii), (80, 24)));
    assert!(screen.contains("memory   20") && screen.contains("####"), "{screen}");
}

#[test]
fn the_panel_comes_with_the_first_reading_and_has_a_layout_of_its_own() {
    let mut app = App::new(PathBuf::from("/runs/one"), (80, 24));
    app.update(Message::Status(Box::new(meta(State::Running))));
    let without = app.layout().unwrap();
    assert!(!app.panels().contains(&PanelId::System));
    app.update(Message::Records(machine::records(0)));
    let areas = |layout: &torchscope::app::Layout| layout.slots.iter().map(|slot| slot.area).collect::<Vec<_>>();
    let with = app.layout().unwrap();
    assert_eq!(areas(&with), areas(&without), "nothing moves when it comes");
    assert!(with.slots.iter().all(|slot| slot.shown != PanelId::System));
    for _ in 0..3 {
        app.update(Message::Key(Key::char('v')));
    }
    assert_eq!(app.arrangement, Arrangement::Machine);
    assert!(app.layout().unwrap().slots.iter().any(|slot| slot.shown == PanelId::System));
}

/// A run that is over, with what its trainer saw of two GPUs, in a home of its own.
fn recorded(home: &Path) -> RunDir {
    let run = RunDir::create(home, &Recipe::load("moons", &[]).unwrap()).unwrap();
    let mut log = EventWriter::create(run.path()).unwrap();
    for record in machine::records(2) {
        log.append(&record).unwrap();
    }
    log.flush().unwrap();
    let meta = RunMeta { pid: Some(4711), state: State::Finished, ..run.meta().unwrap() };
    run.write_meta(&meta).unwrap();
    run
}

/// Waits until a frame shows the number of a panel, if not its title.
fn wait_for_panel(view: &Terminal, number: usize) {
    let number = format!(" {number} ");
    view.wait("the panel's number", |screen| {
        screen.lines().any(|line| line.contains("Network") && line.contains(&number))
    });
}

#[test]
fn a_finished_run_shows_the_gpus_it_had() {
    let home = Home::new();
    let run = recorded(home.path());
    let mut view = Terminal::start(&home, &["attach", run.path().to_str().unwrap()], (120, 40));
    wait_for_panel(&view, 4);
    view.keys("4z");
    let screen = view.wait_for("GPU 1 · NVIDIA H100 80GB HBM3");
    assert!(screen.contains("4711 torchscope-trainer") && screen.contains("when it ended"), "{screen}");
    view.keys("q");
    assert_eq!(view.exit_code(), 0);
}

/// What a real trainer saw of the machine under a tag.
#[cfg(feature = "trainer")]
fn seen(run: &Path) -> std::collections::BTreeMap<String, Vec<torchscope::log::Data>> {
    let mut seen = std::collections::BTreeMap::<_, Vec<_>>::new();
    let mut reader = torchscope::log::LogReader::open(run).unwrap();
    loop {
        let poll = reader.poll(1 << 20).unwrap();
        for value in poll.records.into_iter().flat_map(|record| record.values) {
            if value.tag.starts_with("system/") || value.tag.starts_with("gpu/") {
                seen.entry(value.tag.to_string()).or_default().push(value.data);
            }
        }
        if poll.caught_up {
            return seen;
        }
    }
}

#[cfg(feature = "trainer")]
#[test]
fn a_trainer_records_its_machine_even_if_nobody_watches() {
    let home = Home::new();
    let output = home.torchscope(&["train", "moons", "--headless", "--set", "epochs=3"]);
    assert!(output.status.success(), "{output:?}");
    let seen = seen(&home.runs()[0]);
    for tag in ["system/mem", "system/mem_total", "system/trainer_mem", "system/disk_left", "system/cores"] {
        assert!(!seen[tag].is_empty(), "{tag} of {seen:?}");
    }
    // With a driver or without, it is said which.
    assert!(seen.contains_key("system/note") != seen.keys().any(|tag| tag.starts_with("gpu/")), "{seen:?}");
}

#[cfg(feature = "trainer")]
#[test]
fn a_live_run_shows_its_load() {
    let home = Home::new();
    let mut view = Terminal::start(&home, &["train", "moons", "--set", "epochs=1000000"], (120, 40));
    wait_for_panel(&view, 8);
    view.keys("vvv");
    let load = |screen: &str| screen.lines().any(|line| line.contains("trainer") && line.contains("% of a core"));
    view.wait("the trainer's load", load);
    // While it rests somebody looks on, and the machine is looked at.
    view.keys(" ");
    view.wait_for("paused");
    let readings = || seen(&home.runs()[0])["system/cpu"].len();
    let before = readings();
    support::wait("further readings", || (readings() > before + 1).then_some(()));
    view.keys("qs");
    assert_eq!(view.exit_code(), 3);
}
