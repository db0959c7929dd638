//! What runs of every kind look like: which panels there are, where they stand and what they say, in every mode.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like the tests themselves")]

#[path = "support/autoencoder.rs"]
mod autoencoder;
#[path = "support/cells.rs"]
mod cells;
#[path = "support/cnn.rs"]
mod cnn;

use std::path::PathBuf;
use std::sync::Arc;

use cells::{draw, screen, text, themes};
use ratatui::buffer::Cell;
use ratatui::style::Color;
use torchscope::app::{App, Code, Direction, Key, Message, PanelId, Projection};
use torchscope::log::{Data, Record, TensorValue, Value, tags};
use torchscope::run::{Description, RunMeta, State};
use torchscope::view::{ColorDepth, Glyphs, Theme};

const SIZES: [(u16, u16); 8] = [(0, 0), (1, 1), (20, 5), (40, 12), (72, 18), (80, 24), (120, 40), (200, 60)];
const STEPS: i64 = 1_600;

fn value(tag: &str, data: Data) -> Value {
    Value { tag: Arc::from(tag), data }
}

fn app(meta: RunMeta, records: Vec<Record>) -> App {
    let mut app = App::new(PathBuf::from("/runs/one"), (120, 40));
    app.update(Message::Status(Box::new(meta)));
    app.update(Message::Records(records));
    app.update(Message::CaughtUp);
    app
}

/// An autoencoder, halfway.
fn autoencoder() -> App {
    let mut records = autoencoder::curves(STEPS);
    records.push(autoencoder::record(STEPS));
    app(autoencoder::meta(STEPS as u64), records)
}

/// The same before its first step, and not to be trained.
fn untrained() -> App {
    let meta = RunMeta { epochs: 0, state: State::Finished, ..autoencoder::meta(0) };
    let mut records = autoencoder::curves(0);
    records.push(autoencoder::record(0));
    app(meta, records)
}

/// 190 of every class are right, but 12 of the fours are taken for nines.
fn confusion(classes: usize) -> Value {
    let mut counts = vec![0.0; classes * classes];
    (0..classes).for_each(|class| counts[class * (classes + 1)] = 190.0);
    counts[4 * classes + 9] = 12.0;
    let shape = vec![classes, classes];
    value(tags::CONFUSION, Data::Tensor(TensorValue::new(shape, counts)))
}

fn classifier(classes: usize) -> App {
    let curve = |step: i64| {
        let loss = 2.3 * (-step as f64 / 60.0).exp() + 0.1;
        let values = vec![
            value(tags::LOSS_TRAIN, Data::Scalar(loss)),
            value(tags::LOSS_EVAL, Data::Scalar(loss + 0.05)),
            value(tags::ACCURACY_EVAL, Data::Scalar(0.97)),
        ];
        Record { step, wall_time: 1.7e9 + step as f64, values }
    };
    let mut records: Vec<Record> = (1..=403).map(curve).collect();
    records.push(cnn::record(403));
    records.push(Record { step: 403, wall_time: 1.7e9, values: vec![confusion(classes)] });
    let names = (0..classes).map(|class| class.to_string()).collect();
    let mut meta = cnn::meta(403);
    meta.description.classes = names;
    app(meta, records)
}

/// A run that recorded curves alone.
fn plain() -> App {
    let mut meta = autoencoder::meta(300);
    meta.description.network = None;
    meta.description.references.clear();
    app(meta, autoencoder::curves(300))
}

fn press(app: &mut App, keys: &str) {
    for key in keys.chars() {
        app.update(Message::Key(Key::char(key)));
    }
}

fn press_code(app: &mut App, code: Code) {
    app.update(Message::Key(Key::plain(code)));
}

fn focus(app: &mut App, id: PanelId) {
    let number = app.number(id).unwrap();
    press(app, &number.to_string());
    assert_eq!(app.focus(), id);
}

fn shown(app: &App) -> Vec<PanelId> {
    app.layout().unwrap().slots.iter().map(|slot| slot.shown).collect()
}

fn assert_all(screen: &str, parts: &[&str]) {
    for part in parts {
        assert!(screen.contains(part), "{part} is missing:\n{screen}");
    }
}

#[test]
fn every_panel_of_every_run_in_every_mode_at_every_size() {
    // Made one after the other: together they would be large for a stack.
    let runs: [fn() -> App; 5] = [autoencoder, untrained, || classifier(10), || classifier(60), plain];
    for run in runs {
        let mut app = run();
        let panels = app.panels().len();
        for size in SIZES {
            app.update(Message::Resized(size.0, size.1));
            for (panel, zoomed) in (1..=panels).flat_map(|panel| [(panel, false), (panel, true)]) {
                press(&mut app, &panel.to_string());
                app.zoomed = zoomed;
                for theme in themes() {
                    let buf = draw(&app, &theme);
                    let plain = |cell: &Cell| (cell.fg, cell.bg) == (Color::Reset, Color::Reset);
                    assert!(theme.depth() != ColorDepth::Mono || buf.content.iter().all(plain));
                    let rgb = |color| matches!(color, Color::Rgb(..));
                    assert!(
                        theme.depth() == ColorDepth::TrueColor
                            || buf.content.iter().all(|cell| !rgb(cell.fg) && !rgb(cell.bg))
                    );
                    assert!(theme.glyphs() != Glyphs::Ascii || text(&buf).is_ascii(), "{}", text(&buf));
                }
            }
            // Layouts go round.
            let first = app.layout();
            press(&mut app, "vvv");
            app.zoomed = false;
            assert!(first.is_none() || app.layout().is_some());
        }
    }
}

#[test]
fn an_autoencoder_shows_what_it_makes_of_digits() {
    use PanelId::{Codes, Loss, Metrics, Network, Reconstruction};
    let app = autoencoder();
    assert_eq!(shown(&app), [Loss, Reconstruction, Metrics, Network, Codes]);
    assert_all(
        &screen(&app),
        &[
            "2 Reconstruction",
            "1-5 of 10 · step 1,600",
            "3 Code space  4 Activations",
            "PC1",
            "input",
            "code",
            "output",
            "error",
            "bce",
            "mean image",
            "PCA-32",
            "perfect",
            "test set",
            "222,384 parameters",
            // Five of the 32 units of the code.
            "16 %",
        ],
    );
}

#[test]
fn the_dead_units_of_a_code_are_marked() {
    let screen = screen(&autoencoder());
    // Five in each of the five codes on the screen.
    assert_eq!(screen.matches('×').count(), 25 + "1×28×28".matches('×').count() * screen.matches("1×28×28").count());
}

#[test]
fn reconstructed_digits_can_be_paged_and_all_fit_when_zoomed() {
    let mut app = autoencoder();
    focus(&mut app, PanelId::Reconstruction);
    press_code(&mut app, Code::PageDown);
    assert!(screen(&app).contains("6-10 of 10"), "{}", screen(&app));
    press_code(&mut app, Code::PageDown);
    assert!(screen(&app).contains("6-10 of 10"), "the last ones stay");
    press_code(&mut app, Code::PageUp);
    assert!(screen(&app).contains("1-5 of 10"));
    press(&mut app, "z");
    let zoomed = screen(&app);
    assert!(!zoomed.contains("of 10"), "{zoomed}");
    let head = zoomed.lines().nth(3).unwrap();
    let labels: Vec<&str> = head.split_whitespace().filter(|word| word.len() == 1 && word.is_ascii()).collect();
    assert_eq!(labels, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
}

#[test]
fn codes_can_be_seen_along_any_two_units() {
    let mut app = autoencoder();
    focus(&mut app, PanelId::Codes);
    assert_eq!(app.projection(), Projection::Pca);
    press(&mut app, "p");
    // Unit 0 is dead.
    assert_eq!(app.projection(), Projection::Units([1, 2]));
    assert_all(&screen(&app), &["unit 1", "unit 2"]);
    press(&mut app, "xxxx");
    assert_eq!(app.projection(), Projection::Units([6, 2]));
    press(&mut app, "x");
    assert_eq!(app.projection(), Projection::Units([8, 2]), "7 is dead");
    press(&mut app, "p");
    assert_eq!(app.projection(), Projection::Pca);
}

#[test]
fn the_classes_of_codes_can_be_told_apart_without_colour() {
    let mut app = autoencoder();
    focus(&mut app, PanelId::Codes);
    press(&mut app, "z");
    let buf = draw(&app, &Theme::new(ColorDepth::Mono, Glyphs::Ascii));
    let text = text(&buf);
    for digit in '0'..='9' {
        // More than in the legend, the labels and the header together.
        assert!(text.matches(digit).count() > 20, "{digit}:\n{text}");
    }
}

#[test]
fn a_classifier_shows_maps_and_what_it_takes_for_what() {
    use PanelId::{Confusion, Loss, Maps, Metrics, Network};
    let app = classifier(10);
    assert_eq!(shown(&app), [Loss, Maps, Metrics, Network, Confusion]);
    assert_all(
        &screen(&app),
        &["2 Feature maps", "3 Confusion", "99 % · worst 4 → 9: 12 · step 403", "190", "94 %", "93,322 parameters"],
    );
    let mut app = classifier(10);
    app.update(Message::Resized(80, 24));
    focus(&mut app, PanelId::Confusion);
    // Shares where counts do not fit, and the panel that shares the frame by its number.
    assert_all(&screen(&app), &["2  3 Confusion", "94", "99 % · step 403", "% of row: true"]);
    assert!(!screen(&app).contains("190"));
}

#[test]
fn the_panels_that_will_come_are_there_before_their_pictures() {
    let meta = |network, classes: usize| RunMeta {
        description: Description {
            network: Some(network),
            classes: (0..classes).map(|class| class.to_string()).collect(),
            ..Description::default()
        },
        ..cnn::meta(0)
    };
    let recipe = |name| torchscope::recipe::Recipe::load(name, &[]).unwrap();
    let moons = app(meta(recipe("moons").network(&[2]).unwrap(), 2), Vec::new());
    assert!(moons.panels().contains(&PanelId::Units) && !moons.panels().contains(&PanelId::Confusion));
    let mut straight = recipe("moons").network(&[2]).unwrap();
    straight.layers.remove(0);
    let line = app(meta(straight, 2), Vec::new());
    assert!(!line.panels().contains(&PanelId::Units), "there is no hidden layer");
    let early = app(cnn::meta(0), Vec::new());
    assert!(early.panels().contains(&PanelId::Confusion) && !early.panels().contains(&PanelId::Units));
    let places = |app: &App| app.layout().unwrap().slots.iter().map(|slot| slot.area).collect::<Vec<_>>();
    assert_eq!(places(&early), places(&classifier(10)), "nothing jumps when they come");
    // An autoencoder is not asked for its pictures' classes.
    let pictures = app(meta(recipe("autoencoder").network(&[1, 28, 28]).unwrap(), 10), Vec::new());
    assert!(!pictures.panels().contains(&PanelId::Confusion));
}

#[test]
fn the_sum_of_what_is_dead_counts_only_what_can_die() {
    // Of 32 + 64 + 64 + 64 rectifiers 11 and the pools that repeat them: 8 of 224 by themselves.
    let peaks = |layer: &str, count: usize, dead: usize| {
        let values = (0..count).map(|unit| if unit < dead { 0.0 } else { 1.0 }).collect();
        let tensor = TensorValue::new(vec![count], values);
        value(&tags::of_layer(tags::PEAK, layer), Data::Tensor(tensor))
    };
    let network = cnn::meta(403).description.network.unwrap();
    let layers = network.layers.iter().filter(|layer| layer.is_pictured());
    let values: Vec<Value> = layers.map(|layer| peaks(&layer.name, layer.channels(), layer.channels() / 4)).collect();
    let rectifiers = network.layers.iter().filter(|layer| layer.activation == torchscope::recipe::Activation::Relu);
    let all: usize = rectifiers.map(torchscope::recipe::Layer::channels).sum();
    let mut app = app(cnn::meta(403), vec![Record { step: 403, wall_time: 1.7e9, values }]);
    // Were pools and the output counted as well, two more dead outputs of ten would show.
    let mut more = vec![peaks("dense2", 10, 10)];
    more.push(peaks("pool1", 32, 32));
    app.update(Message::Records(vec![Record { step: 404, wall_time: 1.7e9, values: more }]));
    focus(&mut app, PanelId::Network);
    press(&mut app, "z");
    let screen = screen(&app);
    let total = screen.lines().find(|line| line.contains("total")).unwrap();
    assert!(all > 100 && total.contains(" 25 %"), "{total}");
}

#[test]
fn the_worst_of_many_classes_are_named() {
    let mut app = classifier(60);
    focus(&mut app, PanelId::Confusion);
    for size in [(80, 24), (120, 40), (200, 60)] {
        app.update(Message::Resized(size.0, size.1));
        assert_all(&screen(&app), &["most often taken", "4 → 9"]);
    }
}

#[test]
fn a_layer_of_the_table_leads_to_its_maps() {
    let mut app = classifier(10);
    focus(&mut app, PanelId::Network);
    press(&mut app, "jjj");
    assert_eq!((app.network_view.selected, app.focus()), (Some(2), PanelId::Network));
    press_code(&mut app, Code::Enter);
    assert_eq!(app.focus(), PanelId::Maps);
    assert_eq!(app.maps.layer(&app.model), Some("conv2"));
    // Flattening shows nothing that the layer before does not.
    focus(&mut app, PanelId::Network);
    press(&mut app, "jjj");
    press_code(&mut app, Code::Enter);
    assert!(app.focus() == PanelId::Network && app.zoomed);
    // Beyond the ends arrows leave the table.
    press(&mut app, "z");
    let above = app.layout().unwrap().neighbour(PanelId::Network, Direction::Up);
    press(&mut app, "kkkkkk");
    assert_eq!(Some(app.focus()), above);
}

#[test]
fn what_has_not_been_trained_says_so() {
    let app = untrained();
    let screen = screen(&app);
    assert_all(&screen, &["UNTRAINED  the network as it starts", "1-5 of 10 · UNTRAINED", "test set", "mean image"]);
    assert!(!screen.contains("0/0") && !screen.contains("· step 0"), "{screen}");
    // And so does the first picture of a run that goes on.
    let mut early = app_at_the_start();
    early.update(Message::Resized(200, 60));
    assert_all(&self::screen(&early), &["epoch 0/20", "UNTRAINED"]);
}

fn app_at_the_start() -> App {
    app(autoencoder::meta(0), vec![autoencoder::record(0)])
}

#[test]
fn no_panel_is_empty() {
    use PanelId::{Codes, Loss, Maps, Metrics, Network, Reconstruction};
    assert_eq!(plain().panels(), [Loss, Metrics, Network]);
    // Before the first step the network says what will come; after it only what came counts.
    let mut early = app(autoencoder::meta(0), Vec::new());
    assert_eq!(early.panels(), [Loss, Reconstruction, Codes, Maps, Metrics, Network]);
    early.update(Message::Records(autoencoder::curves(1)));
    assert_eq!(early.panels(), [Loss, Metrics, Network]);
}

#[test]
fn layouts_go_round() {
    for mut app in [autoencoder(), classifier(10), plain()] {
        for size in [(80, 24), (120, 40), (200, 60)] {
            app.update(Message::Resized(size.0, size.1));
            let first = app.layout();
            let mut seen = vec![first.clone()];
            press(&mut app, "v");
            while app.layout() != first {
                assert!(!seen.contains(&app.layout()), "every layout differs");
                seen.push(app.layout());
                press(&mut app, "v");
            }
            assert_eq!(seen.len(), if app.panels().len() > 3 { 3 } else { 2 });
        }
    }
}

#[test]
fn a_schedule_moves_the_learning_rate_on_the_screen() {
    let mut app = autoencoder();
    assert!(screen(&app).contains("lr 0.001"));
    let later = Record { step: STEPS + 1, wall_time: 1.8e9, values: vec![value(tags::LR, Data::Scalar(0.0004))] };
    app.update(Message::Records(vec![later]));
    assert!(screen(&app).lines().next().unwrap().contains("adam lr 4"), "{}", screen(&app));
}

#[test]
fn references_lie_inside_of_the_chart() {
    let mut app = autoencoder();
    press(&mut app, "1z");
    for log in [false, true] {
        app.log_axis = log;
        let screen = screen(&app);
        assert_all(&screen, &["mean image", "PCA-32", "perfect"]);
        let row = |name: &str| screen.lines().position(|line| line.contains(name)).unwrap();
        assert!(row("mean image") < row("PCA-32") && row("PCA-32") < row("perfect"), "{screen}");
    }
    // Where lines lie closer than names are high, names stand side by side.
    let mut small = autoencoder();
    small.update(Message::Resized(80, 24));
    assert_all(&screen(&small), &["mean image", "PCA-32", "perfect"]);
}
