//! The log panel: what the trainer printed, at every size, in every mode, and scrolled.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like the tests themselves")]
#![expect(dead_code, reason = "the other tests use the rest of the scenery")]

#[path = "support/moons.rs"]
mod moons;
mod support;

use std::path::PathBuf;

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use torchscope::app::{App, Arrangement, Code, Key, Message, PanelId};
use torchscope::recipe::Recipe;
use torchscope::run::{Printed, RunDir, RunLock, State};
use torchscope::view::{ColorDepth, Glyphs, Role, Theme, draw_into};

use support::{Home, Terminal};

const SIZES: [(u16, u16); 8] = [(0, 0), (1, 1), (20, 5), (40, 12), (72, 18), (80, 24), (120, 40), (200, 60)];

fn printed(lines: &[&str]) -> Message {
    Message::Printed(Printed { lines: lines.iter().map(|line| (*line).to_owned()).collect(), ..Printed::default() })
}

fn app(size: (u16, u16)) -> App {
    let mut app = App::new(PathBuf::from("/runs/moons-0004"), size);
    app.update(Message::Status(Box::new(moons::meta(State::Running))));
    app.update(Message::Records(moons::records()));
    app.update(Message::CaughtUp);
    app.update(printed(&[
        "2026-11-24T12:02:48.948896Z  INFO training recipe=\"moons\" threads=1 seed=42",
        "[W1124 12:02:48.91 ParallelNative.cpp:230] Warning: Cannot set number of interop threads",
        "2026-11-24T12:02:49.1Z ERROR failed: 損失 is not finite",
    ]));
    app
}

fn press(app: &mut App, key: Key) {
    app.update(Message::Key(key));
}

/// The log has the focus.
fn focused(size: (u16, u16)) -> App {
    let mut app = app(size);
    let number = app.number(PanelId::Log).unwrap();
    press(&mut app, Key::char(char::from_digit(number as u32 % 10, 10).unwrap()));
    assert_eq!(app.focus(), PanelId::Log);
    app
}

fn draw(app: &App, theme: &Theme) -> Buffer {
    let area = Rect::new(0, 0, app.size.0, app.size.1);
    let mut buf = Buffer::empty(area);
    draw_into(app, theme, area, &mut buf);
    buf
}

fn text(buf: &Buffer) -> String {
    let width = usize::from(buf.area.width).max(1);
    buf.content.chunks(width).map(|row| row.iter().map(Cell::symbol).collect::<String>() + "\n").collect()
}

fn theme() -> Theme {
    Theme::new(ColorDepth::TrueColor, Glyphs::Braille)
}

fn screen(app: &App) -> String {
    text(&draw(app, &theme()))
}

#[test]
fn warnings_and_errors_are_marked_and_coloured() {
    let mut app = focused((200, 60));
    app.zoomed = true;
    let buf = draw(&app, &theme());
    let screen = text(&buf);
    for part in ["12:02:48   training recipe", "▲ [W1124", "12:02:49 ✗ failed:", "1 error · 1 warning · UTC"] {
        assert!(screen.contains(part), "{part} is missing:\n{screen}");
    }
    assert!(!screen.contains("2026-") && !screen.contains("INFO"), "no more of a timestamp than it takes:\n{screen}");
    let color = |mark: &str| {
        let inside = buf.content.iter().filter(|cell| cell.symbol() == mark);
        inside.map(|cell| cell.style().fg).next_back().flatten()
    };
    assert_eq!(color("✗"), theme().style(Role::Bad).fg);
    assert_eq!(color("▲"), theme().style(Role::Warn).fg);
    let plain = text(&draw(&app, &Theme::new(ColorDepth::Mono, Glyphs::Ascii)));
    assert!(plain.is_ascii() && plain.contains("! [W1124") && plain.contains("X failed:"), "{plain}");
}

#[test]
fn it_fits_everywhere() {
    for size in SIZES {
        for arrangement in [Arrangement::Overview, Arrangement::Pictures, Arrangement::Curves, Arrangement::Machine] {
            for zoomed in [false, true] {
                let mut app = focused(size);
                (app.arrangement, app.zoomed) = (arrangement, zoomed);
                let screen = screen(&app);
                if size >= (40, 12) {
                    assert!(screen.contains("finite"), "the newest line at {size:?}:\n{screen}");
                }
                for key in [Code::Up, Code::PageUp, Code::PageDown, Code::Down] {
                    press(&mut app, Key::plain(key));
                    draw(&app, &theme());
                }
            }
        }
    }
}

#[test]
fn it_stays_where_somebody_reads_and_follows_at_the_end() {
    let mut app = focused((80, 24));
    let many: Vec<String> = (0..200).map(|line| format!("line {line:03}")).collect();
    app.update(printed(&many.iter().map(String::as_str).collect::<Vec<_>>()));
    assert!(screen(&app).contains("line 199"));
    press(&mut app, Key::plain(Code::PageUp));
    press(&mut app, Key::plain(Code::Up));
    let before = screen(&app);
    assert!(!before.contains("line 199") && before.contains("9 more"), "{before}");
    app.update(printed(&["line 200"]));
    let lines =
        |screen: &str| screen.lines().filter(|line| line.contains("line ")).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(lines(&screen(&app)), lines(&before));
    press(&mut app, Key::char('f'));
    assert!(screen(&app).contains("line 200") && app.log_view.follows());
    // Down to the end is the same as following.
    press(&mut app, Key::plain(Code::Up));
    assert!(!app.log_view.follows());
    press(&mut app, Key::plain(Code::Down));
    app.update(printed(&["line 201"]));
    assert!(screen(&app).contains("line 201"));
    // The first line is as far as it goes.
    for _ in 0..60 {
        press(&mut app, Key::plain(Code::PageUp));
    }
    assert!(screen(&app).contains("training recipe="), "{}", screen(&app));
}

#[test]
fn there_is_no_panel_before_there_is_a_line() {
    let mut app = App::new(PathBuf::from("/runs/moons-0004"), (80, 24));
    app.update(Message::Status(Box::new(moons::meta(State::Running))));
    assert!(!app.panels().contains(&PanelId::Log));
    app.update(printed(&["hello"]));
    assert_eq!(app.panels().last(), Some(&PanelId::Log));
    // Another run's is another log.
    app.update(Message::Opened(PathBuf::from("/runs/moons-0005")));
    assert!(!app.panels().contains(&PanelId::Log));
}

#[test]
fn a_log_out_of_sight_changes_nothing_on_the_screen() {
    let mut app = app((120, 40));
    let before = draw(&app, &theme());
    app.update(printed(&["2026-11-24T12:02:50Z  WARN nobody sees this"]));
    assert_eq!(draw(&app, &theme()), before);
}

#[test]
fn a_log_that_grows_and_is_cut_short_is_followed_on_a_real_screen() {
    let home = Home::new();
    let run = RunDir::create(home.path(), &Recipe::load("moons", &[]).unwrap()).unwrap();
    let _lock = RunLock::acquire(&run).unwrap();
    let log = run.trainer_log_path();
    let mut view = Terminal::start(&home, &["attach"], (100, 30));
    view.wait_for("starting libtorch");
    assert!(!view.text().contains("Log"));
    std::fs::write(&log, "[W1124 1] Warning: the first\n").unwrap();
    view.wait_for(" Log ");
    let number = view.text().split(" Log ").next().unwrap().chars().next_back().unwrap();
    view.keys(&number.to_string());
    view.wait_for("▲ [W1124 1] Warning: the first");
    let append = |text: &str| {
        let mut file = std::fs::OpenOptions::new().append(true).open(&log).unwrap();
        std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
    };
    append("10 %\r");
    view.wait_for("10 %");
    append("90 %\r");
    view.wait("the bar where it was", |screen| screen.contains("90 %") && !screen.contains("10 %"));
    append(&"x".repeat(100_000));
    view.wait_for("x…");
    std::fs::write(&log, "another log\n").unwrap();
    view.wait("the new log alone", |screen| screen.contains("another log") && !screen.contains("Warning"));
    std::fs::remove_file(&log).unwrap();
    view.wait("no panel", |screen| !screen.contains(" Log "));
    std::fs::write(&log, "back again\n").unwrap();
    view.wait_for("back again");
}
