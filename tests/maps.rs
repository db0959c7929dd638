//! A scripted run of a convolutional network drives the panel of its maps, without libtorch and without a terminal.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like the tests themselves")]

#[path = "support/cells.rs"]
mod cells;
#[path = "support/cnn.rs"]
mod cnn;

use std::path::PathBuf;

use cells::{draw, full, screen, themes};
use ndarray::{Array2, Array3, Axis};
use ratatui::buffer::Buffer;
use ratatui::style::Color;
use torchscope::app::{App, Code, Context, Effect, Key, Life, MapOrder, Message, PanelId, Stage};
use torchscope::log::{Data, Record, TensorValue, Value, tags};
use torchscope::recipe::Network;
use torchscope::run::{Command, RunMeta, State};
use torchscope::view::{ColorDepth, Glyphs, Role, Shade, Theme};

const SIZES: [(u16, u16); 8] = [(0, 0), (1, 1), (20, 5), (40, 12), (72, 18), (80, 24), (120, 40), (200, 60)];

fn app_with(size: (u16, u16), meta: RunMeta, records: Vec<Record>) -> App {
    let mut app = App::new(PathBuf::from("/runs/cnn-0003"), size);
    app.update(Message::Status(Box::new(meta)));
    app.update(Message::Records(records));
    app.update(Message::CaughtUp);
    focus(&mut app, PanelId::Maps);
    app
}

fn app(size: (u16, u16)) -> App {
    app_with(size, cnn::meta(403), vec![cnn::record(403)])
}

fn focus(app: &mut App, id: PanelId) {
    if let Some(number) = app.number(id) {
        press(app, &number.to_string());
    }
}

fn press(app: &mut App, keys: &str) {
    for c in keys.chars() {
        app.update(Message::Key(Key::char(c)));
    }
}

fn push(app: &mut App, code: Code) {
    app.update(Message::Key(Key::plain(code)));
}

fn selected(app: &App) -> usize {
    app.maps.selected
}

/// The level of each pixel of a tile, found back from the colours on the screen.
fn levels(buf: &Buffer, shade: Shade, area: torchscope::app::Area) -> Array2<Option<u8>> {
    let level = |color: Color| (0..=shade.top()).find(|level| full().shade(shade, Some(*level)) == color);
    Array2::from_shape_fn((usize::from(area.height) * 2, usize::from(area.width)), |(y, x)| {
        let cell = &buf[(area.x + x as u16, area.y + (y / 2) as u16)];
        level(if y % 2 == 0 && cell.symbol() == "▀" { cell.fg } else { cell.bg })
    })
}

/// What `run.json` says of a run of another network.
fn with_network(network: Option<Network>, step: u64) -> RunMeta {
    let mut meta = cnn::meta(step);
    meta.description.network = network;
    meta
}

#[test]
fn the_maps_on_screen_equal_the_tensors() {
    // 200 columns show each of the 13 x 13 values of the first pool as a pixel of its own.
    let mut app = app((200, 60));
    press(&mut app, "z]");
    let sheet = app.sheet().unwrap();
    let network = cnn::meta(0).description.network.unwrap();
    let (probe, picture) = &cnn::probes()[0];
    let expected = &cnn::trace(&network, picture)["pool1"];
    assert_eq!(app.maps.picture.as_ref().unwrap().probe, *probe);
    let times = usize::from(sheet.tile.0) / 13;
    assert_eq!(usize::from(sheet.tile.0), 13 * times, "whole pixels");
    let most = expected.iter().copied().fold(0.0, f32::max);
    let buf = draw(&app, &full());
    for (channel, map) in expected.outer_iter().enumerate() {
        if [cnn::DEAD, cnn::SILENT].contains(&channel) {
            continue;
        }
        let shown = levels(&buf, Shade::Viridis, sheet.place(channel));
        for ((y, x), value) in map.indexed_iter() {
            let level = shown[(y * times, x * times)].unwrap();
            let wanted = value / most * f32::from(Shade::Viridis.top());
            assert!((f32::from(level) - wanted).abs() <= 0.51, "{level} for {wanted} at {y}, {x} of {channel}");
        }
    }
}

#[test]
fn dead_and_silent_channels_are_marked() {
    for size in [(80, 24), (120, 40)] {
        let mut app = app(size);
        press(&mut app, "z");
        let sheet = app.sheet().unwrap();
        let buf = draw(&app, &full());
        let marked = |channel: usize, mark: &str| {
            let area = sheet.place(channel % sheet.per_page());
            (area.x..area.x + area.width).any(|x| (area.y..area.y + area.height).any(|y| buf[(x, y)].symbol() == mark))
        };
        assert!(marked(cnn::DEAD, "×") && marked(cnn::SILENT, "·"), "{size:?}");
        let others = (0..32).filter(|channel| ![cnn::DEAD, cnn::SILENT].contains(channel));
        assert!(others.into_iter().all(|channel| !marked(channel, "×") && !marked(channel, "·")));
        let screen = screen(&app);
        assert!(screen.contains("1 dead ×") && screen.contains("1 silent here ·"), "{screen}");
        assert!(screen.contains("11 dead"), "{screen}");
    }
    // Another picture: what is dead stays dead, what was silent is not.
    let mut app = app((120, 40));
    press(&mut app, "i");
    let picture = app.maps.picture.as_ref().unwrap();
    let life = |channel| app.model.maps.life(picture, channel);
    assert_eq!((life(cnn::DEAD), life(cnn::SILENT)), (Life::Dead, Life::Active));
}

#[test]
fn everything_that_can_be_said_is_on_a_large_screen() {
    let mut app = app((120, 40));
    press(&mut app, "z");
    let screen = screen(&app);
    for part in [
        "2 Feature maps",
        "conv1 › pool1 › conv2 › pool2 › conv3 › dense1 › dense2",
        "after relu",
        "cat",
        "input 1/11",
        "28×28",
        "conv1.weight[0]",
        "map 0",
        "min",
        "max",
        "mean",
        "zeros",
        "31 ",
        "[/] layer",
        "i input",
        "s scale",
        "o order",
        "Enter open",
    ] {
        assert!(screen.contains(part), "{part} is missing:\n{screen}");
    }
    assert!(!screen.contains("UNTRAINED"), "{screen}");
}

#[test]
fn what_has_not_learnt_says_so_at_every_size() {
    for size in SIZES.into_iter().filter(|size| size.0 >= 40) {
        for zoomed in [false, true] {
            let mut app = app_with(size, cnn::meta(0), vec![cnn::record(0)]);
            app.zoomed = zoomed;
            assert!(screen(&app).contains("UNTRAINED"), "{size:?}\n{}", screen(&app));
            push(&mut app, Code::Enter);
            assert!(screen(&app).contains("UNTRAINED"), "{size:?}\n{}", screen(&app));
        }
    }
    let app = app_with((120, 40), cnn::meta(0), vec![cnn::record(0)]);
    let buf = draw(&app, &full());
    let warn = full().style(Role::Warn).fg.unwrap();
    let (x, y) = (0..120).flat_map(|x| (0..40).map(move |y| (x, y))).find(|at| buf[*at].symbol() == "U").unwrap();
    assert_eq!(buf[(x, y)].fg, warn);
}

#[test]
fn keys_choose_layer_probe_scale_order_and_stage() {
    let mut app = app((120, 40));
    let layer = |app: &App| app.maps.picture.as_ref().unwrap().layer.clone();
    press(&mut app, "]]");
    assert_eq!(layer(&app), "conv2");
    press(&mut app, "[[[");
    assert_eq!(layer(&app), "dense2", "the layers are a ring");
    press(&mut app, "]");
    assert_eq!(layer(&app), "conv1");
    press(&mut app, "a");
    let picture = app.maps.picture.as_ref().unwrap();
    assert_eq!((picture.stage, picture.signed), (Stage::Before, true));
    assert!(picture.range.0 < 0.0);
    press(&mut app, "zs");
    assert!(screen(&app).contains("before relu · per channel"), "{}", screen(&app));
    press(&mut app, "s");
    assert!(screen(&app).contains("z-score ±3"), "{}", screen(&app));
    press(&mut app, "sao");
    let picture = app.maps.picture.as_ref().unwrap();
    let maxima: Vec<f32> = picture.order.iter().map(|channel| picture.channels[*channel].max).collect();
    assert_eq!(app.maps.order, MapOrder::Maximum);
    assert!(maxima.is_sorted_by(|a, b| a >= b) && maxima[0] > maxima[31], "{maxima:?}");
    let none: Vec<usize> = picture.order.iter().copied().filter(|c| picture.channels[*c].max == 0.0).collect();
    assert!(none.is_sorted(), "equal ones keep their order: {none:?}");
    for probe in ["0", "1"] {
        press(&mut app, "i");
        assert_eq!(app.maps.picture.as_ref().unwrap().probe, probe);
    }
    press(&mut app, "iiiiiiiii");
    assert_eq!(app.maps.picture.as_ref().unwrap().probe, "cat", "the probes are a ring");
}

#[test]
fn a_live_trainer_is_told_what_is_looked_at() {
    let mut app = app((120, 40));
    let i = || Message::Key(Key::char('i'));
    for probe in [1, 2] {
        assert_eq!(app.update(i()), [Effect::Control(Command::Look { probe })]);
    }
    app.update(Message::Status(Box::new(RunMeta { state: State::Finished, ..cnn::meta(785) })));
    assert_eq!(app.update(i()), [], "nobody is there to be told");
    assert_eq!(app.maps.picture.as_ref().unwrap().probe, "2");
}

#[test]
fn a_trainer_that_is_new_to_the_view_is_told_once_what_is_on_the_screen() {
    let mut app = App::new(PathBuf::from("/runs/cnn-0003"), (120, 40));
    let look = |probe| [Effect::Control(Command::Look { probe })];
    app.update(Message::Status(Box::new(cnn::meta(403))));
    assert_eq!(app.update(Message::Records(vec![cnn::record(403)])), [], "not before all of the log is known");
    assert_eq!(app.update(Message::CaughtUp), look(0), "one that was there before the view");
    focus(&mut app, PanelId::Maps);
    assert_eq!(app.update(Message::CaughtUp), [], "once");
    assert_eq!(app.update(Message::Key(Key::char('i'))), look(1));
    let status = |state, pid| Message::Status(Box::new(RunMeta { state, pid: Some(pid), ..cnn::meta(785) }));
    assert_eq!(app.update(status(State::Running, 7)), look(1), "one that goes on with the run");
    assert_eq!(app.update(status(State::Running, 7)), []);
    // `r` and `R` start a run of its own, whose first probes may come before the one that is asked for.
    assert_eq!(app.update(Message::Opened("runs/cnn-0004".into())), []);
    assert_eq!(app.update(status(State::Starting, 8)), []);
    assert_eq!(app.update(status(State::Running, 8)), [], "there is nothing on the screen");
    assert_eq!(app.update(Message::Records(vec![cnn::record(0)])), []);
    assert_eq!(app.update(Message::CaughtUp), look(1));
}

#[test]
fn a_layer_without_activation_says_that_there_is_no_difference() {
    let mut app = app((120, 40));
    press(&mut app, "z]");
    assert!(screen(&app).contains("no activation"), "{}", screen(&app));
    let after = app.maps.picture.clone().unwrap();
    press(&mut app, "a");
    assert_eq!(app.maps.picture.as_ref().unwrap().values, after.values);
}

#[test]
fn arrows_go_through_the_maps_and_pages_turn() {
    let mut app = app((80, 24));
    let sheet = app.sheet().unwrap();
    assert!(sheet.pages() > 1 && sheet.columns > 1 && sheet.rows > 1);
    push(&mut app, Code::Right);
    assert_eq!(selected(&app), 1);
    push(&mut app, Code::Down);
    assert_eq!(selected(&app), 1 + sheet.columns);
    press(&mut app, "kh");
    assert_eq!(selected(&app), 0);
    push(&mut app, Code::Up);
    assert_eq!(selected(&app), 0, "there is nothing above the first row");
    push(&mut app, Code::PageDown);
    assert_eq!(selected(&app), sheet.per_page());
    assert!(screen(&app).contains("page 2/2"), "{}", screen(&app));
    push(&mut app, Code::PageUp);
    assert_eq!(selected(&app), 0);
    assert_eq!(app.focus(), PanelId::Maps, "the arrows stay in the panel");
}

#[test]
fn a_map_opens_with_its_kernel_and_where_it_comes_from() {
    let mut app = app((120, 40));
    press(&mut app, "l");
    push(&mut app, Code::Enter);
    assert_eq!(app.context(), Context::Map);
    let (row, column) = app.maps.cursor;
    let most = app.maps.picture.as_ref().unwrap().channels[1].max;
    let shown = screen(&app);
    let field = format!("sees 3×3 at row {row}, column {column}");
    let value = torchscope::plot::format::number(f64::from(most));
    for part in ["conv1 · map 1 of 32", &field, &value, "conv1.weight[1]", "zeros", "input 1/11", "Enter close"] {
        assert!(shown.contains(part), "{part} is missing:\n{shown}");
    }
    let warn = full().style(Role::Warn).fg.unwrap();
    let outlined =
        |app: &App| draw(app, &full()).content.iter().filter(|cell| cell.fg == warn || cell.bg == warn).count();
    assert!(outlined(&app) >= 6, "the receptive field is outlined");
    press(&mut app, "hhhhhhhhhhhhhhhhhhhhhhhhhhhhkkkkkkkkkkkkkkkkkkkkkkkkkkkk");
    assert_eq!(app.maps.cursor, (0, 0));
    press(&mut app, "jjl");
    assert!(screen(&app).contains("row 2  column 1"), "{}", screen(&app));
    press(&mut app, "jjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjj");
    assert_eq!(app.maps.cursor, (25, 1), "the cursor stays inside");
    press(&mut app, "]n");
    assert_eq!(selected(&app), 3);
    press(&mut app, "[p");
    assert_eq!(selected(&app), 1);
    press(&mut app, "i");
    assert!(screen(&app).contains("input 2/11"), "{}", screen(&app));
    push(&mut app, Code::Esc);
    assert_eq!(app.context(), Context::Main);
    app.update(Message::Key(Key::plain(Code::Enter)));
    press(&mut app, "q");
    assert_eq!(app.context(), Context::Main, "q closes the map, not the view");
}

#[test]
fn a_dead_map_says_so_when_it_is_open() {
    let mut app = app((120, 40));
    for _ in 0..cnn::DEAD {
        push(&mut app, Code::Right);
    }
    push(&mut app, Code::Enter);
    assert!(screen(&app).contains("dead: zero on the test set"), "{}", screen(&app));
}

#[test]
fn dense_layers_are_numbers_and_long_rows_fit() {
    let mut app = app((120, 40));
    press(&mut app, "[[");
    let shown = screen(&app);
    assert!(shown.contains("dense1") && shown.contains("63"), "{shown}");
    let long = Array3::from_shape_fn((784, 1, 1), |(n, ..)| (n % 7) as f32);
    let network = torchscope::recipe::Recipe::load("autoencoder", &[]).unwrap().network(&[1, 28, 28]).unwrap();
    let meta = with_network(Some(network), 3);
    let values = vec![
        cnn::atlas("maps/input/7", &Array3::zeros((1, 28, 28))),
        cnn::atlas("maps/dense1/7", &Array3::from_elem((128, 1, 1), 1.0)),
        cnn::atlas("maps/dense6/7", &long),
    ];
    let mut app = app_with((120, 40), meta, vec![Record { step: 3, wall_time: 1.0, values }]);
    assert!(screen(&app).contains("Activations"), "{}", screen(&app));
    press(&mut app, "z]");
    let picture = app.maps.picture.as_ref().unwrap();
    assert_eq!((picture.layer.as_str(), picture.size()), ("dense6", [28, 28]), "as many as the input has pixels");
}

#[test]
fn every_layer_in_every_mode_at_every_size() {
    for size in SIZES {
        for zoomed in [false, true] {
            let mut app = app(size);
            app.zoomed = zoomed;
            for _ in 0..7 {
                for open in [false, true] {
                    if open {
                        push(&mut app, Code::Enter);
                    }
                    for theme in themes() {
                        draw(&app, &theme);
                    }
                    push(&mut app, Code::Esc);
                }
                press(&mut app, "]sa");
            }
        }
    }
}

#[test]
fn without_colours_nothing_is_coloured_and_in_ascii_everything_is() {
    let mut app = app((120, 40));
    for open in [false, true] {
        if open {
            push(&mut app, Code::Enter);
        }
        for glyphs in [Glyphs::Ascii, Glyphs::Block] {
            let buf = draw(&app, &Theme::new(ColorDepth::Mono, glyphs));
            assert!(buf.content.iter().all(|cell| (cell.fg, cell.bg) == (Color::Reset, Color::Reset)));
        }
        let buf = draw(&app, &Theme::new(ColorDepth::TrueColor, Glyphs::Ascii));
        assert!(buf.content.iter().all(|cell| cell.symbol().is_ascii()));
    }
}

#[test]
fn what_is_missing_or_not_a_number_harms_nothing() {
    let network = cnn::meta(0).description.network.unwrap();
    let (_, picture) = &cnn::probes()[0];
    let mut maps = cnn::trace(&network, picture)["conv1"].clone();
    maps.index_axis_mut(Axis(0), 2).fill(f32::NAN);
    maps[(3, 0, 0)] = f32::NAN;
    let sets: [Vec<torchscope::log::Value>; 5] = [
        vec![cnn::atlas("maps/conv1/cat", &maps)],
        vec![cnn::atlas("maps/input/cat", &Array3::zeros((1, 28, 28)))],
        vec![cnn::atlas("maps/unheard/of", &Array3::zeros((3, 2, 2)))],
        vec![cnn::atlas("maps/conv1/cat", &maps), cnn::atlas("kernels/conv1", &Array3::zeros((5, 3, 3)))],
        vec![cnn::atlas("maps/conv1/cat", &Array3::zeros((1, 200, 1))), cnn::atlas("maps/pool1/7", &maps)],
    ];
    for values in sets {
        for known in [true, false] {
            let meta = {
                let mut meta = cnn::meta(9);
                meta.description.network = meta.description.network.filter(|_| known);
                meta.description.probes.clear();
                meta
            };
            let record = Record { step: 9, wall_time: 1.0, values: values.clone() };
            for size in SIZES {
                let mut app = app_with(size, meta.clone(), vec![record.clone()]);
                for keys in ["", "s", "so", "a]", "i", "[i"] {
                    press(&mut app, keys);
                    screen(&app);
                    push(&mut app, Code::Enter);
                    press(&mut app, "jlin]");
                    screen(&app);
                    push(&mut app, Code::Esc);
                }
            }
        }
    }
    let app = app_with(
        (120, 40),
        cnn::meta(9),
        vec![Record { step: 9, wall_time: 1.0, values: vec![cnn::atlas("maps/conv1/cat", &maps)] }],
    );
    assert!(screen(&app).contains("2 NaN"), "{}", screen(&app));
}

#[test]
fn another_run_takes_the_place_and_the_open_map_closes() {
    let mut app = app((120, 40));
    press(&mut app, "]");
    push(&mut app, Code::Enter);
    app.update(Message::Opened(PathBuf::from("/runs/cnn-0004")));
    assert_eq!(app.context(), Context::Main);
    assert!(app.maps.picture.is_none() && app.sheet().is_none());
    screen(&app);
    app.update(Message::Status(Box::new(cnn::meta(1))));
    app.update(Message::Records(vec![cnn::record(1)]));
    let picture = app.maps.picture.as_ref().unwrap();
    assert_eq!((picture.layer.as_str(), picture.step), ("pool1", 1), "one goes on looking at the same layer");
}

#[test]
fn new_maps_replace_what_is_looked_at() {
    let mut app = app((120, 40));
    let maps = Array3::from_elem((32, 26, 26), 2.0);
    let values = vec![cnn::atlas(&tags::map("conv1", "cat"), &maps)];
    app.update(Message::Records(vec![Record { step: 404, wall_time: 1.0, values }]));
    let picture = app.maps.picture.as_ref().unwrap();
    assert_eq!((picture.step, picture.range), (404, (2.0, 2.0)));
}

#[test]
fn hidden_units_are_thumbnails_of_the_plane() {
    let recipe = torchscope::recipe::Recipe::load("moons", &[]).unwrap();
    let meta = with_network(recipe.network(&[2]).ok(), 7);
    let responses = Array3::from_shape_fn((20, 18, 24), |(n, y, x)| {
        let angle = n as f32 * 0.4;
        angle.cos() * (x as f32 - 12.0) + angle.sin() * (y as f32 - 9.0) - n as f32 * 0.3
    });
    let record = |step| Record { step, wall_time: 1.0, values: vec![cnn::atlas("response/dense1", &responses)] };
    for size in SIZES {
        let mut app = app_with(size, meta.clone(), vec![record(7)]);
        focus(&mut app, PanelId::Units);
        for _ in 0..2 {
            for theme in themes() {
                draw(&app, &theme);
            }
            press(&mut app, "za");
        }
    }
    let mut app = app_with((120, 40), with_network(recipe.network(&[2]).ok(), 0), vec![record(0)]);
    focus(&mut app, PanelId::Units);
    press(&mut app, "z");
    let shown = screen(&app);
    for part in ["Hidden units", "20 units after relu", "UNTRAINED", "19"] {
        assert!(shown.contains(part), "{part} is missing:\n{shown}");
    }
    assert!(shown.contains("20 units"), "{shown}");
    press(&mut app, "h");
    assert_eq!(app.focus(), PanelId::Boundary);
    press(&mut app, "h");
    assert_eq!(app.focus(), PanelId::Units);
}

#[test]
fn hidden_units_that_do_not_fit_are_paged_and_dead_ones_marked() {
    let sets = [("model.layers.0.units".to_owned(), "70".to_owned())];
    let recipe = torchscope::recipe::Recipe::load("moons", &sets).unwrap();
    let meta = with_network(recipe.network(&[2]).ok(), 7);
    let (recorded, dead) = (64, [3, 40]);
    // A dead unit may well say something where there are no samples.
    let responses = Array3::from_shape_fn((recorded, 18, 24), |(_, _, x)| x as f32 - 12.0);
    let peaks = (0..70).map(|unit| if dead.contains(&unit) { 0.0 } else { 1.0 }).collect();
    let peaks = TensorValue::new(vec![70], peaks);
    let values =
        vec![cnn::atlas("response/dense1", &responses), Value { tag: "peak/dense1".into(), data: Data::Tensor(peaks) }];
    let mut app = app_with((80, 24), meta, vec![Record { step: 7, wall_time: 1.0, values }]);
    focus(&mut app, PanelId::Units);
    press(&mut app, "z");
    let sheet = app.units_sheet().unwrap();
    assert!(sheet.pages() > 1, "{sheet:?}");
    let crosses = |app: &App| {
        let buf = draw(app, &full());
        let sheet = app.units_sheet().unwrap();
        let marked = |place: &usize| {
            let at = sheet.place(*place);
            (at.x..at.x + at.width).any(|x| (at.y..at.y + at.height).any(|y| buf[(x, y)].symbol() == "×"))
        };
        (0..sheet.per_page()).filter(marked).map(|place| app.units.page(&sheet) * sheet.per_page() + place).collect()
    };
    let mut seen: Vec<usize> = crosses(&app);
    let first = format!("0-{} of 70 units", sheet.per_page() - 1);
    assert!(screen(&app).contains(&first), "{first} is missing:\n{}", screen(&app));
    assert!(screen(&app).contains("2 dead ×"), "{}", screen(&app));
    for _ in 1..sheet.pages() {
        push(&mut app, Code::PageDown);
        seen.extend(crosses(&app));
    }
    assert_eq!(seen, dead);
    // What the trainer does not show is missing as well.
    assert!(screen(&app).contains("-63 of 70 units"), "{}", screen(&app));
    push(&mut app, Code::PageDown);
    assert!(screen(&app).contains("-63 of 70 units"), "there is no page after the last");
    for _ in 1..sheet.pages() {
        push(&mut app, Code::PageUp);
    }
    assert!(screen(&app).contains(&first));
}

#[test]
fn a_narrow_panel_names_probe_and_scale() {
    let mut app = app((80, 24));
    for (key, scale) in [("", "after relu"), ("s", "per channel"), ("s", "z-score")] {
        press(&mut app, key);
        let screen = screen(&app);
        assert!(app.sheet().unwrap().foot.is_some_and(|foot| foot.height == 2), "{screen}");
        assert!(screen.contains("cat"), "{screen}");
        assert!(screen.contains(&format!("cat · {scale}")) || !screen.contains(scale), "{screen}");
    }
}
