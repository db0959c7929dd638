//! Pictures of pixels: what they are of, that they fit, and that they show what was recorded.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like the tests themselves")]
#![expect(dead_code, reason = "the other tests use the rest of the support")]

#[path = "support/autoencoder.rs"]
mod autoencoder;
#[path = "support/cnn.rs"]
mod cnn;
#[path = "support/moons.rs"]
mod moons;

use std::path::PathBuf;

use torchscope::app::{App, Exhibit, Message, PanelId, Subject};
use torchscope::log::Record;
use torchscope::plot::Rgb;
use torchscope::run::{RunMeta, State};
use torchscope::view::{ColorDepth, Glyphs, Ground, Pixels, Theme, picture};

fn app(meta: RunMeta, records: Vec<Record>) -> App {
    let mut app = App::new(PathBuf::from("/runs/one"), (120, 40));
    app.update(Message::Status(Box::new(meta)));
    app.update(Message::Records(records));
    app.update(Message::CaughtUp);
    app
}

fn apps() -> [App; 3] {
    [
        app(moons::meta(State::Finished), moons::records()),
        app(cnn::meta(320), vec![cnn::record(320)]),
        app(autoencoder::meta(320), vec![autoencoder::record(320)]),
    ]
}

fn theme(ground: Ground) -> Theme {
    Theme::on(ground, ColorDepth::TrueColor, Glyphs::Braille)
}

/// How many different colours there are.
fn colors(pixels: &Pixels) -> usize {
    let mut colors = pixels.rgb.as_chunks::<3>().0.to_vec();
    colors.sort_unstable();
    colors.dedup();
    colors.len()
}

#[test]
fn every_name_stands_for_something_and_every_picture_fits() {
    let mut subjects = 0;
    for mut app in apps() {
        for name in app.exhibits() {
            let exhibit = app.exhibit(&name).unwrap();
            assert_eq!(exhibit == Exhibit::Panel(app.focus()), !name.starts_with("input/"), "{name}");
            let Some(subject) = exhibit.subject() else { continue };
            subjects += 1;
            for room in [(0, 0), (1, 1), (80, 40), (640, 480), (200, 900)] {
                for ground in [Ground::Dark, Ground::Light] {
                    let pixels = picture(&app, &theme(ground), &subject, room).unwrap();
                    assert_eq!(pixels.rgb.len(), 3 * pixels.width * pixels.height, "{name} in {room:?}");
                    let fits = pixels.width <= room.0 && pixels.height <= room.1;
                    assert!(fits || room.0 < 200, "{name} in {room:?}: {}x{}", pixels.width, pixels.height);
                    assert!(room != (640, 480) || colors(&pixels) > 8, "{name} is a picture of something");
                }
            }
        }
        for nothing in ["", "loss/x", "maps/none", "maps/conv1/none", "input/none", "units/none", "nothing"] {
            assert_eq!(app.exhibit(nothing), None, "{nothing}");
        }
    }
    assert!(subjects >= 10, "{subjects}");
}

#[test]
fn nothing_recorded_is_no_picture() {
    let app = app(moons::meta(State::Running), Vec::new());
    for subject in [
        Subject::Boundary,
        Subject::Units,
        Subject::Landscape,
        Subject::Maps,
        Subject::Map,
        Subject::Reconstruction,
        Subject::Input("cat".into()),
    ] {
        assert_eq!(picture(&app, &theme(Ground::Dark), &subject, (100, 100)), None, "{subject:?}");
    }
}

#[test]
fn a_name_turns_to_the_layer_and_the_input() {
    let [_, mut cnn, _] = apps();
    let probe = cnn::probes()[1].0.clone();
    assert_eq!(cnn.exhibit(&format!("maps/conv2/{probe}")), Some(Exhibit::Panel(PanelId::Maps)));
    let shown = cnn.maps.picture.as_ref().unwrap();
    assert_eq!((shown.layer.as_str(), &shown.probe), ("conv2", &probe));
    assert!(cnn.zoomed && cnn.focus() == PanelId::Maps);
}

#[test]
fn both_sides_of_a_boundary_have_their_colours() {
    let [moons, ..] = apps();
    for ground in [Ground::Dark, Ground::Light] {
        let pixels = picture(&moons, &theme(ground), &Subject::Boundary, (400, 300)).unwrap();
        // Class 1 lies at the bottom, class 0 at the top: blue and orange.
        let Rgb(r0, _, b0) = pixels.at(20, 8);
        let Rgb(r1, _, b1) = pixels.at(pixels.width - 20, pixels.height - 8);
        let (first, second) = if r0 > b0 { ((r0, b0), (r1, b1)) } else { ((r1, b1), (r0, b0)) };
        assert!(first.0 > first.1 && second.0 < second.1, "{ground:?}: {first:?} {second:?}");
    }
}

#[test]
fn an_input_is_shown_pixel_by_pixel() {
    let [_, cnn, _] = apps();
    let (name, values) = &cnn::probes()[0];
    let pixels = picture(&cnn, &theme(Ground::Dark), &Subject::Input(name.clone()), (28 * 3 + 2, 28 * 3 + 2)).unwrap();
    assert_eq!((pixels.width, pixels.height), (84, 84));
    for ((y, x), value) in values.indexed_iter() {
        let Rgb(level, green, blue) = pixels.at(3 * x + 1, 3 * y + 1);
        assert_eq!((level, level), (green, blue));
        assert!((f32::from(level) / 255.0 - value).abs() < 0.02, "{value} at {x}, {y}");
    }
}
