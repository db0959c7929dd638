//! A scripted run drives the whole view, without libtorch and without a terminal.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like the tests themselves")]

#[path = "support/cells.rs"]
mod cells;

use std::path::PathBuf;
use std::sync::Arc;

use cells::{draw, screen, text, themes};
use ndarray::Array2;
use ratatui::style::Color;
use torchscope::app::{App, BINDINGS, Code, Context, Effect, Key, Message, Overlay, PanelId, When};
use torchscope::log::{Data, Grid, GridMeta, Record, TensorValue, Value, tags};
use torchscope::recipe::Recipe;
use torchscope::run::{Command, Description, Printed, Reply, RunMeta, Setup, State};
use torchscope::view::{ColorDepth, Glyphs, Theme};

const SIZES: [(u16, u16); 9] = [(0, 0), (1, 1), (20, 5), (39, 11), (40, 12), (72, 18), (80, 24), (120, 40), (200, 60)];
const STEPS: i64 = 640;

fn value(tag: &str, data: Data) -> Value {
    Value { tag: Arc::from(tag), data }
}

fn record(step: i64, values: Vec<Value>) -> Record {
    Record { step, wall_time: 1.7e9 + step as f64 / 160.0, values }
}

fn meta(state: State) -> RunMeta {
    let recipe = Recipe::load("moons", &[]).unwrap();
    RunMeta {
        name: "moons-0007".into(),
        recipe: "moons".into(),
        state,
        epochs: 100,
        steps_per_epoch: 16,
        step: STEPS as u64,
        epoch: 40,
        lr: 0.5,
        pace: Some(10.0),
        description: Description {
            setup: Setup {
                seed: recipe.seed,
                device: Some("cpu".into()),
                data: Some("moons 500, noise 0.1".into()),
                loss: "bce".into(),
                optimizer: "sgd".into(),
                init: "keras".into(),
                batch_size: 32,
                ..Setup::default()
            },
            network: Some(recipe.network(&[2]).unwrap()),
            ..Description::default()
        },
        ..RunMeta::default()
    }
}

/// The probability rises from left to right: p = .5 at the middle. Two of the four points are on the wrong side.
fn boundary() -> Vec<Value> {
    let grid = Grid {
        values: Array2::from_shape_fn((24, 32), |(_, x)| x as f32 / 31.0),
        meta: GridMeta {
            shape: [24, 32],
            min: 0.0,
            max: 1.0,
            extent: Some([-1.0, 1.0, -1.0, 1.0]),
            ..GridMeta::default()
        },
    };
    let tensor = |shape: Vec<usize>, values: Vec<f32>| Data::Tensor(TensorValue::new(shape, values));
    let points = [-0.8, 0.5, 0.0, 0.8, 0.5, 1.0, -0.8, -0.5, 1.0, 0.8, -0.5, 0.0];
    vec![
        value(tags::BOUNDARY_POINTS, tensor(vec![4, 3], points.to_vec())),
        value(tags::BOUNDARY_P, Data::Image(grid.encode().unwrap())),
        value(tags::BOUNDARY_POINTS_P, tensor(vec![4], vec![0.1, 0.9, 0.1, 0.9])),
    ]
}

fn trained(size: (u16, u16)) -> App {
    let mut app = App::new(PathBuf::from("/runs/moons-0007"), size);
    app.update(Message::Status(Box::new(meta(State::Running))));
    let records = (1..=STEPS)
        .map(|step| {
            let loss = 0.7 * (-step as f64 / 200.0).exp() + if step % 7 == 0 { 0.1 } else { 0.0 };
            let mut values = vec![value(tags::LOSS_TRAIN, Data::Scalar(loss)), value(tags::LR, Data::Scalar(0.5))];
            if step % 16 == 0 {
                values.push(value(tags::LOSS_EVAL, Data::Scalar(loss * 0.9)));
                values.push(value(tags::ACCURACY_EVAL, Data::Scalar(0.992)));
                values.push(value(tags::GRAD_NORM, Data::Scalar(0.08)));
            }
            record(step, values)
        })
        .chain([record(STEPS, boundary())])
        .collect();
    app.update(Message::Records(records));
    app.update(Message::CaughtUp);
    app
}

fn printed(line: &str) -> Printed {
    Printed { lines: vec![line.into()], ..Printed::default() }
}

fn press(app: &mut App, keys: &str) -> Vec<Effect> {
    keys.chars().flat_map(|c| app.update(Message::Key(Key::char(c)))).collect()
}

#[test]
fn every_panel_in_every_mode_at_every_size() {
    for size in SIZES {
        for (panel, zoomed) in [1, 2, 3, 4].into_iter().flat_map(|panel| [(panel, false), (panel, true)]) {
            for overlay in [
                None,
                Some(Overlay::Help { scroll: 3 }),
                Some(Overlay::Leave),
                Some(Overlay::StartOver { new_seed: true }),
                Some(Overlay::Died),
            ] {
                let mut app = trained(size);
                press(&mut app, &panel.to_string());
                app.zoomed = zoomed;
                app.overlay = overlay;
                for theme in themes() {
                    draw(&app, &theme);
                }
            }
        }
    }
}

#[test]
fn a_run_of_which_nothing_is_known_yet() {
    for size in SIZES {
        let app = App::new(PathBuf::from("/runs/moons-0007"), size);
        for theme in themes() {
            draw(&app, &theme);
        }
    }
    let app = App::new(PathBuf::from("/runs/moons-0007"), (80, 24));
    let screen = screen(&app);
    assert!(screen.contains("starting libtorch") && screen.contains("moons-0007"), "{screen}");
}

#[test]
fn everything_is_on_the_first_screen() {
    let screen = screen(&trained((120, 40)));
    for part in [
        "moons-0007",
        "running",
        "epoch 40/100",
        "step 640/1,600",
        "eta",
        "steps/s",
        "pace 10",
        "1 Loss",
        "2 Decision boundary",
        "3 Metrics",
        "4 Network",
        "full set",
        "best",
        "@ step",
        "81 parameters",
        "2 wrong of 4",
        "p 0.00 … 1.00 · step 640",
        "lr",
        "grad norm",
        "0.992",
        "keras",
        "dense1",
        "60",
        "21",
        "Space pause",
        "? help",
        "q leave",
    ] {
        assert!(screen.contains(part), "{part} is missing:\n{screen}");
    }
}

#[test]
fn a_small_screen_keeps_what_matters() {
    let screen = screen(&trained((80, 24)));
    for part in [
        "moons-0007",
        "running",
        "epoch 40/100",
        "1 Loss",
        "2 Decision boundary",
        "3 Metrics",
        "4 Network",
        "2 wrong of 4",
    ] {
        assert!(screen.contains(part), "{part} is missing:\n{screen}");
    }
    let screen = self::screen(&trained((40, 12)));
    assert!(screen.contains("running") && screen.contains("40/100") && screen.contains("1 Loss"), "{screen}");
    assert!(self::screen(&trained((30, 10))).contains("too small"));
}

#[test]
fn no_colour_without_colours_and_no_glyph_without_glyphs() {
    for panel in ["1", "2", "3", "4"] {
        let mut app = trained((120, 40));
        press(&mut app, panel);
        for theme in themes() {
            let buf = draw(&app, &theme);
            if theme.depth() == ColorDepth::Mono {
                assert!(buf.content.iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
            }
            if theme.depth() == ColorDepth::Ansi256 {
                assert!(
                    buf.content
                        .iter()
                        .all(|cell| !matches!((cell.fg, cell.bg), (Color::Rgb(..), _) | (_, Color::Rgb(..))))
                );
            }
            if theme.glyphs() == Glyphs::Ascii {
                assert!(buf.content.iter().all(|cell| cell.symbol().is_ascii()), "{}", text(&buf));
            }
            if theme.glyphs() == Glyphs::Block {
                let braille = |c: char| ('\u{2801}'..='\u{28ff}').contains(&c);
                assert!(!text(&buf).contains(braille), "{}", text(&buf));
            }
        }
    }
}

#[test]
fn the_classes_differ_without_colour() {
    for glyphs in [Glyphs::Ascii, Glyphs::Braille] {
        let mut app = trained((120, 40));
        press(&mut app, "2z");
        let buf = draw(&app, &Theme::new(ColorDepth::Mono, glyphs));
        let near = |x: u16| (8..30).map(|y| buf[(x, y)].symbol().to_owned()).collect::<std::collections::HashSet<_>>();
        assert!(near(12).is_disjoint(&near(112)), "{glyphs:?}: the sides look alike\n{}", text(&buf));
    }
}

#[test]
fn the_contour_runs_where_p_is_a_half() {
    let mut app = trained((121, 40));
    app.boundary_style = torchscope::app::BoundaryStyle::Tint;
    press(&mut app, "2z");
    let theme = Theme::new(ColorDepth::TrueColor, Glyphs::Braille);
    let buf = draw(&app, &theme);
    let white = theme.style(torchscope::view::Role::Bright).fg.unwrap();
    // The field lies between the labels on the left and the frame on the right.
    let columns: Vec<u16> = (8..119).filter(|x| buf[(*x, 20)].fg == white && buf[(*x, 20)].symbol() != " ").collect();
    assert_eq!(columns.len(), 1, "one crossing a row, got {columns:?}\n{}", text(&buf));
    assert!((60..=66).contains(&columns[0]), "at the middle of the field, got {columns:?}");
}

#[test]
fn what_is_not_finite_is_a_mark_and_a_count() {
    let mut app = trained((120, 40));
    let records = [(STEPS + 1, f64::NAN), (STEPS + 2, f64::INFINITY), (STEPS + 3, 0.1)];
    app.update(Message::Records(
        records.map(|(step, loss)| record(step, vec![value(tags::LOSS_TRAIN, Data::Scalar(loss))])).to_vec(),
    ));
    for log in [false, true] {
        app.log_axis = log;
        let screen = screen(&app);
        assert!(screen.contains("2 not finite") && screen.contains('×'), "{screen}");
    }
}

#[test]
fn foreign_text_cannot_write_to_the_terminal() {
    let mut app = trained((120, 40));
    let mut evil = meta(State::Failed);
    evil.name = "a\u{1b}[2Jb\u{7}".into();
    evil.outcome = Some("bad\u{1b}]0;title\u{7}\r\n".into());
    app.update(Message::Status(Box::new(evil)));
    app.update(Message::Printed(printed("\u{1b}[31mred")));
    app.update(Message::Notice("\u{9b}31m".into()));
    let screen = screen(&app);
    assert!(screen.chars().all(|c| c == '\n' || !c.is_control()), "{screen:?}");
}

#[test]
fn a_dead_trainer_leaves_its_last_words() {
    let mut app = App::new(PathBuf::from("/runs/moons-0007"), (80, 24));
    let mut failed = meta(State::Failed);
    failed.outcome = Some("device cuda: this libtorch has no CUDA".into());
    app.update(Message::Status(Box::new(failed)));
    app.update(Message::Printed(printed("terminate called after throwing")));
    app.update(Message::CaughtUp);
    let screen = screen(&app);
    assert_eq!(app.context(), Context::Died);
    for part in ["failed", "device cuda: this libtorch has no CUDA", "terminate called", "trainer.log"] {
        assert!(screen.contains(part), "{part} is missing:\n{screen}");
    }
}

#[test]
fn no_key_means_two_things_at_once() {
    for (i, a) in BINDINGS.iter().enumerate() {
        for b in &BINDINGS[i + 1..] {
            if a.context != b.context || !a.keys.iter().any(|key| b.keys.contains(key)) {
                continue;
            }
            // The one exception: a panel may take a key for itself while it has the focus.
            let own = |row: &torchscope::app::Binding| matches!(row.when, When::Focused(_));
            assert!((own(a) || own(b)) && a.when != b.when, "{:?} and {:?} on one key", a.action, b.action);
        }
    }
}

#[test]
fn every_row_of_the_table_can_be_shown_and_pressed() {
    for row in BINDINGS {
        assert!(!row.keys.is_empty() && !row.name.is_empty(), "{:?}", row.action);
        assert!(row.keys.iter().all(|key| key.to_string().is_ascii()));
        assert_ne!(row.keys[0], Key::plain(Code::Esc), "a lone Esc may be the start of an arrow key");
    }
}

#[test]
fn keys_move_and_zoom() {
    let mut app = trained((120, 40));
    assert_eq!(app.focus(), PanelId::Loss);
    app.update(Message::Key(Key::plain(Code::Tab)));
    assert_eq!(app.focus(), PanelId::Boundary);
    app.update(Message::Key(Key::plain(Code::BackTab)));
    app.update(Message::Key(Key::plain(Code::BackTab)));
    assert_eq!(app.focus(), PanelId::Network);
    press(&mut app, "h");
    assert_eq!(app.focus(), PanelId::Metrics);
    press(&mut app, "k");
    assert_eq!(app.focus(), PanelId::Loss);
    press(&mut app, "l");
    assert!(app.log_axis && app.focus() == PanelId::Loss, "`l` belongs to the loss panel while it has the focus");
    press(&mut app, "3l");
    assert_eq!(app.focus(), PanelId::Network, "elsewhere `l` goes right");
    press(&mut app, "2z");
    assert!(app.zoomed && !screen(&app).contains("grad norm"), "{}", screen(&app));
    app.update(Message::Key(Key::plain(Code::Enter)));
    assert!(!app.zoomed && screen(&app).contains("grad norm"));
    app.update(Message::Click { x: 5, y: 5 });
    assert_eq!(app.focus(), PanelId::Loss);
}

#[test]
fn keys_control_the_training() {
    let mut app = trained((120, 40));
    assert_eq!(press(&mut app, " "), [Effect::Control(Command::Pause)]);
    assert_eq!(press(&mut app, " "), [Effect::Control(Command::Resume)]);
    assert_eq!(press(&mut app, "n"), [Effect::Control(Command::Step { steps: 1 })]);
    assert_eq!(press(&mut app, "N"), [Effect::Control(Command::Epoch)]);
    assert_eq!(
        press(&mut app, "++"),
        [0.625, 0.78125].map(|lr| Effect::Control(Command::SetLr { lr })),
        "presses add up"
    );
    assert_eq!(press(&mut app, ">"), [Effect::Control(Command::SetPace { pace: Some(20.0) })]);
    assert_eq!(
        press(&mut app, "u>"),
        [Effect::Control(Command::SetPace { pace: None })],
        "nothing is faster than full speed"
    );

    app.update(Message::Status(Box::new(meta(State::Finished))));
    assert_eq!(press(&mut app, " nN+-><u"), [], "nothing controls a run that is over");
    assert_eq!(press(&mut app, "q"), [Effect::Leave], "and nothing is asked");
}

#[test]
fn starting_a_live_run_over_asks_what_becomes_of_it() {
    let mut app = trained((80, 24));
    assert_eq!(press(&mut app, "r"), []);
    let text = screen(&app);
    for words in ["Start over?", "moons-0007 is still training", "stop this run after its step", "this run goes on"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert_eq!(press(&mut app, "rRrR"), [], "the question is no answer");
    for stay in ["n", "q"] {
        assert_eq!(press(&mut app, stay), []);
        assert_eq!(app.overlay, None);
        assert_eq!(press(&mut app, "R"), []);
        assert!(screen(&app).contains("with a new seed?"));
    }
    assert_eq!(press(&mut app, "s"), [Effect::StartOver { new_seed: true, stop: true }]);
    assert_eq!(press(&mut app, "rsRs"), [], "one is under way");
    app.update(Message::Refused("no place left".to_owned()));
    assert_eq!(press(&mut app, "rb"), [Effect::StartOver { new_seed: false, stop: false }]);

    app.update(Message::Opened(PathBuf::from("/runs/moons-0005")));
    assert_eq!(press(&mut app, "r"), []);
    assert!(screen(&app).contains("moons-0005 is starting"), "{}", screen(&app));
    app.update(Message::Status(Box::new(meta(State::Running))));
    press(&mut app, "r");
    app.update(Message::Status(Box::new(meta(State::Finished))));
    assert_eq!(app.overlay, None, "the question has answered itself");
}

#[test]
fn a_run_that_is_over_starts_over_once() {
    let mut app = trained((80, 24));
    app.update(Message::Status(Box::new(meta(State::Finished))));
    assert_eq!(press(&mut app, "r"), [Effect::StartOver { new_seed: false, stop: false }]);
    assert_eq!(press(&mut app, &"rR".repeat(150)), []);
    app.update(Message::Opened(PathBuf::from("/runs/moons-0005")));
    app.update(Message::Status(Box::new(meta(State::Finished))));
    // Held down while the new run came and ended.
    for _ in 0..300 {
        assert_eq!(app.update(Message::Repeat(Key::char('r'))), []);
    }
    assert_eq!(press(&mut app, "R"), [Effect::StartOver { new_seed: true, stop: false }]);
}

#[test]
fn a_run_of_another_machine_is_not_asked_about() {
    let mut app = trained((80, 24));
    app.host = Some("gpu1".to_owned());
    assert_eq!(
        press(&mut app, "r"),
        [Effect::StartOver { new_seed: false, stop: false }],
        "the refusal says what to do"
    );
}

#[test]
fn a_network_that_is_only_looked_at_is_not_training() {
    let mut app = trained((80, 24));
    app.update(Message::Status(Box::new(RunMeta { epochs: 0, ..meta(State::Running) })));
    assert!(screen(&app).lines().next().unwrap().contains("evaluating"), "{}", screen(&app));
    press(&mut app, "q");
    let text = screen(&app);
    assert!(text.contains("is evaluating the untrained network") && !text.contains("training"), "{text}");
}

#[test]
fn steps_at_the_ends_of_their_range_are_drawn() {
    let ends = [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX];
    for (from, to) in [(0, 7), (0, 2), (5, 7), (2, 5), (6, 7)] {
        let mut app = trained((120, 40));
        app.update(Message::Opened(PathBuf::from("/runs/foreign")));
        let record = |step: i64| Record {
            step,
            wall_time: 1.7e9 + step as f64 / 1e18,
            values: [tags::LOSS_TRAIN, tags::LOSS_EVAL, tags::GRAD_NORM].map(|tag| Value::scalar(tag, 0.5)).into(),
        };
        app.update(Message::Records(ends[from..to].iter().map(|step| record(*step)).collect()));
        app.update(Message::CaughtUp);
        for (state, steps_per_epoch) in [(State::Running, 16), (State::Finished, 16), (State::Running, u64::MAX)] {
            app.update(Message::Status(Box::new(RunMeta { steps_per_epoch, epochs: u64::MAX, ..meta(state) })));
            for size in [(120, 40), (60, 16)] {
                app.update(Message::Resized(size.0, size.1));
                assert!(screen(&app).contains("Loss"));
            }
        }
    }
}

#[test]
fn a_picture_of_the_first_step_is_untrained_only_while_the_network_is() {
    let matrix = TensorValue::new(vec![3, 3], vec![4.0, 1.0, 0.0, 0.0, 5.0, 0.0, 1.0, 0.0, 4.0]);
    let confusion = Record {
        step: 0,
        wall_time: 1.7e9,
        values: vec![Value { tag: tags::CONFUSION.into(), data: Data::Tensor(matrix) }],
    };
    let loss = |step| Record { step, wall_time: 1.7e9, values: vec![Value::scalar(tags::LOSS_TRAIN, 0.5)] };
    let mut app = App::new(PathBuf::from("/runs/cnn-0001"), (120, 40));
    let mut start = RunMeta { step: 0, epoch: 0, ..meta(State::Running) };
    // That of moons would promise a boundary, which says more.
    start.description.network = None;
    app.update(Message::Status(Box::new(start)));
    app.update(Message::Records(vec![confusion]));
    app.update(Message::CaughtUp);
    app.zoom_on(PanelId::Confusion);
    assert!(screen(&app).contains("UNTRAINED"), "{}", screen(&app));
    app.update(Message::Records((1..=108).map(loss).collect()));
    let text = screen(&app);
    assert!(text.contains("step 0") && !text.contains("UNTRAINED"), "{text}");
}

#[test]
fn titles_in_a_shared_frame_can_be_clicked() {
    let mut app = trained((70, 16));
    let (row, line) = (1, screen(&app).lines().nth(1).unwrap().to_owned());
    let column = line.chars().collect::<Vec<_>>().windows(2).position(|pair| pair == ['2', ' ']).unwrap() as u16;
    app.update(Message::Click { x: column, y: row });
    assert_eq!(app.focus(), PanelId::Boundary, "{line}");
}

#[test]
fn an_answer_confirms_what_the_keys_did() {
    let mut app = trained((120, 40));
    let meta = meta(State::Running);
    for press_number in 1..=3 {
        let lr = 0.5 * 1.25_f64.powi(press_number);
        assert_eq!(press(&mut app, "+"), [Effect::Control(Command::SetLr { lr })]);
        app.update(Message::Done(Reply::accepted(&RunMeta { lr, ..meta.clone() })));
    }
    assert!(screen(&app).contains("lr 0.5, next 0.9766"), "{}", screen(&app));
    app.update(Message::Records(vec![lr_record(STEPS + 1, 0.9766)]));
    assert!(header(&app).contains("lr 0.9766 "), "{}", header(&app));
}

fn lr_record(step: i64, lr: f64) -> Record {
    Record { step, wall_time: 1.8e9, values: vec![Value::scalar(tags::LR, lr)] }
}

fn header(app: &App) -> String {
    screen(app).lines().next().unwrap_or_default().to_owned()
}

#[test]
fn one_learning_rate_is_shown_everywhere_that_of_the_last_step() {
    // A schedule: the run's own account is of the step to come.
    let scheduled = |state| {
        let mut app = trained((120, 40));
        app.update(Message::Records(vec![lr_record(STEPS + 1, 9e-4)]));
        app.update(Message::Status(Box::new(RunMeta { lr: 2e-4, ..meta(state) })));
        app
    };
    let panels = |app: &App| screen(app).lines().skip(1).collect::<Vec<_>>().join("\n");
    for state in [State::Running, State::Finished, State::Stopped] {
        let app = scheduled(state);
        assert!(header(&app).contains("sgd lr 9e-4 "), "{}", header(&app));
        assert!(panels(&app).contains("9.00e-4") && !panels(&app).contains("2.00e-4"), "{}", screen(&app));
    }
    // Who has paused wants to know what comes, all the more after having chosen it.
    let mut app = scheduled(State::Paused);
    assert!(header(&app).contains("sgd lr 9e-4, next 2e-4 "), "{}", header(&app));
    press(&mut app, "+");
    assert!(header(&app).contains("sgd lr 9e-4, next 2.5e-4 "), "{}", header(&app));
    assert!(panels(&app).contains("9.00e-4") && !panels(&app).contains("2.50e-4"), "{}", screen(&app));
    app.update(Message::Status(Box::new(RunMeta { lr: 9e-4, ..meta(State::Paused) })));
    assert!(header(&app).contains("sgd lr 9e-4 "), "{}", header(&app));
}

#[test]
fn the_question_closes_when_the_run_ends() {
    let mut app = trained((80, 24));
    press(&mut app, "q");
    app.update(Message::Status(Box::new(meta(State::Finished))));
    assert_eq!(app.context(), Context::Main);
}

#[test]
fn leaving_a_live_run_asks_first() {
    let mut app = trained((80, 24));
    assert_eq!(press(&mut app, "q"), []);
    assert_eq!(app.context(), Context::Leave);
    assert!(screen(&app).contains("is still training"));
    app.update(Message::Key(Key::plain(Code::Esc)));
    assert_eq!(app.context(), Context::Main);
    assert_eq!(press(&mut app, "qs"), [Effect::StopAndLeave]);
    let mut app = trained((80, 24));
    assert_eq!(press(&mut app, "qq"), [Effect::Leave]);
}

#[test]
fn what_went_wrong_stands_in_the_footer_until_the_next_key() {
    let mut app = trained((80, 24));
    app.update(Message::Refused("the trainer does not answer".into()));
    assert!(screen(&app).contains("the trainer does not answer"));
    press(&mut app, "1");
    assert!(!screen(&app).contains("the trainer does not answer"));
}

#[test]
fn the_help_lists_every_key_of_the_panels() {
    let mut app = trained((120, 100));
    press(&mut app, "?");
    let screen = screen(&app);
    for row in BINDINGS.iter().filter(|row| row.is_in_help()) {
        assert!(screen.contains(row.description), "{} is missing:\n{screen}", row.description);
    }
}
