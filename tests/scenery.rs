//! What shows gradient descent and the health of layers: landscape, layers, alarms, on a screen in every mode.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like the tests themselves")]

#[path = "support/cells.rs"]
mod cells;
#[path = "support/moons.rs"]
mod moons;

use std::path::PathBuf;

use cells::{draw, full, screen, text, themes};
use ratatui::buffer::Cell;
use ratatui::style::Color;
use torchscope::app::{App, Code, Context, Effect, Key, Message, PanelId};
use torchscope::log::{Data, Record, tags};
use torchscope::run::{Command, Plane, State};
use torchscope::view::{ColorDepth, Glyphs, Role};

const SIZES: [(u16, u16); 8] = [(0, 0), (1, 1), (20, 5), (40, 12), (72, 18), (80, 24), (120, 40), (200, 60)];
const NAN: &str =
    r#"{"kind":"nan","message":"first value that is not finite","layer":"dense2","tensor":"dense2.weight"}"#;
const PLATEAU: &str = r#"{"kind":"plateau","message":"no progress for 120 steps","layer":null,"tensor":null}"#;

fn app(state: State, size: (u16, u16)) -> App {
    let mut app = App::new(PathBuf::from("/runs/moons-0004"), size);
    app.update(Message::Status(Box::new(moons::meta(state))));
    app.update(Message::Records(moons::records()));
    app.update(Message::CaughtUp);
    app
}

fn running(size: (u16, u16)) -> App {
    app(State::Running, size)
}

fn press(app: &mut App, keys: &str) -> Vec<Effect> {
    keys.chars().flat_map(|key| app.update(Message::Key(Key::char(key)))).collect()
}

fn focus(app: &mut App, id: PanelId) {
    let number = app.number(id).unwrap();
    press(app, &number.to_string());
}

fn assert_all(screen: &str, parts: &[&str]) {
    for part in parts {
        assert!(screen.contains(part), "{part} is missing:\n{screen}");
    }
}

#[test]
fn every_panel_in_every_mode_at_every_size() {
    let mut odd = running((80, 24));
    // Half of it is not computed yet, one tensor has a single histogram, one is not finite.
    odd.update(Message::Records(vec![
        moons::record(700, moons::landscape(tags::PLANE_PATH, 11, 5)),
        moons::record(700, moons::landscape(tags::PLANE_RANDOM, 11, 11)),
        moons::record(
            700,
            vec![
                moons::value("weights/late.weight", Data::Histogram(moons::histogram(0.0, 1.0))),
                moons::value("norm/dense1.bias", Data::Scalar(f64::NAN)),
                moons::value("update_ratio/dense1.bias", Data::Scalar(f64::INFINITY)),
                moons::value("grads/dense1.bias", Data::Histogram(moons::histogram(f64::NAN, f64::NAN))),
            ],
        ),
        moons::alarm(650, NAN),
    ]));
    for mut app in [running((80, 24)), odd] {
        for size in SIZES {
            app.update(Message::Resized(size.0, size.1));
            for id in [PanelId::Landscape, PanelId::Layers] {
                focus(&mut app, id);
                for keys in ["", "z", "p", "jjjj", "e", "j", "e", "z"] {
                    press(&mut app, keys);
                    for theme in themes() {
                        let buf = draw(&app, &theme);
                        let plain = |cell: &Cell| (cell.fg, cell.bg) == (Color::Reset, Color::Reset);
                        assert!(theme.depth() != ColorDepth::Mono || buf.content.iter().all(plain));
                        assert!(theme.glyphs() != Glyphs::Ascii || text(&buf).is_ascii(), "{}", text(&buf));
                    }
                }
            }
        }
    }
}

#[test]
fn the_landscape_says_how_honest_it_is() {
    let mut app = running((120, 40));
    focus(&mut app, PanelId::Landscape);
    press(&mut app, "z");
    let zoomed = screen(&app);
    assert_all(
        &zoomed,
        &[
            "4 Loss landscape",
            "path › random",
            "step 640",
            "PC1 98.4 %",
            "PC2 1.0 %",
            "true loss 0.0185 · on the plane 0.0231 · 0.14 off the plane · 500 of 500 samples · 41×41",
            "31.29",
        ],
    );
    assert!(zoomed.contains('○') && zoomed.contains('●'));
    press(&mut app, "z");
    assert_all(&screen(&app), &["true 0.0185  plane 0.0231  off 0.14"]);
    app.update(Message::Resized(80, 24));
    assert_all(&screen(&app), &["true 0.0185  plane 0.0231  off 0.14", "PC1 98.4 %"]);
}

#[test]
fn the_present_lies_in_the_darkest_place() {
    let mut app = running((120, 40));
    focus(&mut app, PanelId::Landscape);
    press(&mut app, "z");
    let buf = draw(&app, &full());
    let luma = |color: Color| match color {
        Color::Rgb(r, g, b) => u32::from(r) + u32::from(g) + u32::from(b),
        _ => u32::MAX,
    };
    let ground = |symbol: &str| {
        let cells: Vec<_> =
            buf.content.iter().filter(|cell| cell.symbol() == symbol && cell.bg != Color::Reset).collect();
        assert_eq!(cells.len(), 1, "{symbol}");
        luma(cells[0].bg)
    };
    assert!(ground("●") < 150 && ground("○") > 180, "{} {}", ground("●"), ground("○"));
}

#[test]
fn what_is_not_computed_yet_is_ground() {
    let mut app = running((120, 40));
    app.update(Message::Records(vec![moons::record(700, moons::landscape(tags::PLANE_PATH, 21, 10))]));
    focus(&mut app, PanelId::Landscape);
    press(&mut app, "z");
    let buf = draw(&app, &full());
    let empty = |y: u16| (20..100).filter(|x| buf[(*x, y)].bg == Color::Reset).count();
    assert_eq!((empty(6), empty(30)), (0, 80), "{}", text(&buf));
    let theme = full();
    let cells: Vec<&Cell> = buf.content.iter().filter(|cell| cell.style().fg == theme.style(Role::Warn).fg).collect();
    let warned: String = cells.iter().map(|cell| cell.symbol()).collect();
    assert_eq!(warned, "21×21", "that it gets finer is said");
}

#[test]
fn a_key_goes_through_the_planes_and_asks_a_live_trainer() {
    let mut app = running((120, 40));
    focus(&mut app, PanelId::Landscape);
    let ask = |plane| vec![Effect::Control(Command::Plane { plane })];
    assert_eq!(press(&mut app, "p"), ask(Plane::Random));
    assert_all(&screen(&app), &["waiting for the loss over the random plane"]);
    app.update(Message::Records(vec![moons::record(700, moons::landscape(tags::PLANE_RANDOM, 11, 0))]));
    assert_all(&screen(&app), &["random 1", "random 2", "step 700"]);
    assert_eq!(press(&mut app, "p"), ask(Plane::Path));
    assert_all(&screen(&app), &["PC1 98.4 %"]);

    let mut over = self::app(State::Finished, (120, 40));
    focus(&mut over, PanelId::Landscape);
    press(&mut over, "z");
    assert_eq!(press(&mut over, "p"), [], "there is one plane alone");
    over.update(Message::Records(vec![moons::record(1600, moons::landscape(tags::PLANE_WHOLE, 41, 0))]));
    assert_all(&screen(&over), &["path › whole", "step 1,600"]);
    assert_eq!(press(&mut over, "p"), [], "a trainer that is gone is not asked");
    assert_all(&screen(&over), &["path › whole", "step 640"]);
}

#[test]
fn layers_show_what_fits_and_the_history_of_the_selected_one() {
    let mut app = running((120, 40));
    focus(&mut app, PanelId::Layers);
    assert_all(&screen(&app), &["dense1.weight", "dense2.bias", "grad", "upd", "1e-3", "weights", "gradients"]);
    press(&mut app, "z");
    let zoomed = screen(&app);
    let columns = ["norm", "grad", "update", "weights", "gradients", "outputs", "zero"];
    assert_all(&zoomed, &columns);
    assert_all(&zoomed, &["dense1.weight weights", "dense1 outputs", "step 16..640", "3.439", "34%"]);
    press(&mut app, "jj");
    assert_all(&screen(&app), &["dense2.weight weights", "dense2 outputs"]);
    press(&mut app, "jjjj");
    assert!(app.focus() == PanelId::Layers && app.health_row() == 3, "zoomed there is nowhere to go");
    press(&mut app, "zj");
    assert_eq!(app.health_row(), 3);
}

#[test]
fn an_update_of_a_thousandth_ends_at_the_mark() {
    let mut app = running((120, 40));
    app.update(Message::Records(vec![moons::record(
        700,
        vec![
            moons::value("update_ratio/dense1.weight", Data::Scalar(1e-3)),
            moons::value("update_ratio/dense1.bias", Data::Scalar(1e-9)),
        ],
    )]));
    focus(&mut app, PanelId::Layers);
    press(&mut app, "z");
    let screen = screen(&app);
    let row = |name: &str| screen.lines().find(|line| line.contains(name)).unwrap();
    assert!(row("dense1.weight").contains("━┿─") && row("dense1.bias").contains("──┼─"), "{screen}");
}

#[test]
fn an_alarm_is_a_banner_a_mark_and_a_row_in_the_list() {
    let mut app = running((120, 40));
    let marks = |app: &App| screen(app).lines().skip(3).filter(|line| line.contains('▲')).count();
    let before = marks(&app);
    app.update(Message::Records(vec![moons::alarm(200, PLATEAU), moons::alarm(412, NAN)]));
    assert_all(&screen(&app), &["✗ dense2.weight: first value that is not finite  step 412", "e events", "d dismiss"]);
    assert_eq!(marks(&app), before + 1, "both stand in one row of the chart:\n{}", screen(&app));
    press(&mut app, "2");
    assert_all(&screen(&app), &["first value that is not finite"]);
    press(&mut app, "d");
    assert!(!screen(&app).contains("not finite") && screen(&app).contains("Space pause"));
    press(&mut app, "e");
    assert_eq!(app.context(), Context::Events);
    let list = screen(&app);
    let at = |part: &str| list.find(part).unwrap_or_else(|| panic!("{part} is missing:\n{list}"));
    assert!(at("first value that") < at("no progress for 120 steps"), "the newest comes first");
    assert_all(&list, &["412", "0:03", "plateau"]);
    press(&mut app, "j");
    assert!(!screen(&app).contains("first value that") && screen(&app).contains("no progress"));
    press(&mut app, "jjjkkk");
    assert!(screen(&app).contains("first value that"));
    app.update(Message::Key(Key::plain(Code::Esc)));
    assert_eq!(app.context(), Context::Main);
    app.update(Message::Records(vec![moons::alarm(500, PLATEAU)]));
    press(&mut app, "ee");
    assert!(!screen(&app).contains("▲ no progress"), "whoever opened the list has read it");
}

#[test]
fn a_long_alarm_says_what_where_and_when_before_it_is_cut() {
    const LONG: &str = r#"{"kind": "nan", "message": "at step 412 (epoch 13) the loss became NaN: dense2 puts out NaN before its activation, for the first time in this run", "layer": "dense2", "tensor": "dense2.weight"}"#;
    let mut app = running((80, 24));
    app.update(Message::Records(vec![moons::alarm(412, LONG)]));
    let screen = screen(&app);
    let banner = screen.lines().last().unwrap();
    assert!(banner.contains("✗ not finite dense2.weight · step 412: at step") && banner.contains('…'), "{banner}");
    assert_all(banner, &["e events", "d dismiss"]);
    press(&mut app, "e");
    let list = self::screen(&app).replace(['│', '\n'], " ");
    let words: Vec<&str> = list.split_whitespace().collect();
    assert!(words.join(" ").contains("for the first time in this run"), "all of it stands in the list:\n{list}");
}

#[test]
fn a_run_that_is_over_has_a_list_and_no_banner() {
    let mut app = App::new(PathBuf::from("/runs/moons-0004"), (120, 40));
    app.bell = true;
    app.update(Message::Status(Box::new(moons::meta(State::Diverged))));
    assert_eq!(app.update(Message::Records(vec![moons::alarm(412, NAN)])), [], "what is long past rings no bell");
    app.update(Message::CaughtUp);
    assert!(!screen(&app).contains("first value"));
    press(&mut app, "e");
    assert!(screen(&app).contains("first value"));
}

#[test]
fn bells_ring_on_request_alone() {
    let alarm = |step, text| Message::Records(vec![moons::alarm(step, text)]);
    let mut app = running((80, 24));
    assert_eq!(app.update(alarm(412, NAN)), []);
    app.bell = true;
    assert_eq!(app.update(alarm(413, r#"{"kind":"spike","message":"up"}"#)), [Effect::Bell]);
    assert_eq!(
        app.update(alarm(414, r#"{"kind":"spike","message":"up"}"#)),
        [],
        "it is the same again, and is counted"
    );
    assert_eq!(app.update(Message::Tick(1.8e9)), [], "once");
}

#[test]
fn a_trainer_that_writes_no_more_is_noticed() {
    let mut app = running((80, 24));
    app.bell = true;
    assert!(app.wants_time());
    assert_eq!(app.update(Message::Tick(1e9)), []);
    assert_eq!(app.update(Message::Tick(1e9 + 9.0)), []);
    assert_eq!(app.update(Message::Tick(1e9 + 23.0)), [Effect::Bell]);
    assert_all(&screen(&app), &["✗ no step has been taken for 23 s  step 640"]);
    assert_eq!(app.update(Message::Tick(1e9 + 24.0)), []);
    // Of all that comes only a training step is a sign of life.
    let is_step = |record: &Record| record.values.iter().any(|value| &*value.tag == tags::LOSS_TRAIN);
    let next: Vec<Record> = moons::records().into_iter().rev().find(is_step).into_iter().collect();
    app.update(Message::Records(next));
    app.update(Message::Tick(1e9 + 25.0));
    assert!(!screen(&app).contains("no step has been taken"));
    press(&mut app, "e");
    assert_all(&screen(&app), &["stalled", "no step has been taken for 24 s"]);

    let mut paused = running((80, 24));
    for seconds in [0.0, 30.0] {
        paused.update(Message::Tick(1e9 + seconds));
    }
    assert!(screen(&paused).contains("no step has been taken"));
    paused.update(Message::Status(Box::new(moons::meta(State::Paused))));
    assert!(paused.wants_time(), "until the banner is gone");
    paused.update(Message::Tick(1e9 + 31.0));
    assert!(!screen(&paused).contains("no step has been taken") && !paused.wants_time());
}

#[test]
fn where_everything_stands() {
    use PanelId::{Boundary, Landscape, Layers, Loss, Metrics, Network, Units};
    let shown = |size| running(size).layout().unwrap().slots.iter().map(|slot| slot.shown).collect::<Vec<_>>();
    assert_eq!(shown((80, 24)), [Loss, Boundary, Metrics]);
    assert_eq!(shown((120, 40)), [Loss, Boundary, Metrics, Network, Units]);
    assert_eq!(shown((200, 60)), [Loss, Boundary, Layers, Metrics, Network, Units, Landscape]);
}
