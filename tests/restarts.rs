//! What the view makes of a run that was killed, goes on, and meets a full disk; driven by a script, without libtorch.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like the tests themselves")]
#![expect(dead_code, reason = "the other tests use the rest of the support")]

#[path = "support/autoencoder.rs"]
mod autoencoder;
#[path = "support/cnn.rs"]
mod cnn;
#[path = "support/moons.rs"]
mod moons;

use std::path::PathBuf;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use torchscope::app::{App, Code, Effect, Key, Message, Overlay};
use torchscope::log::{Data, tags};
use torchscope::run::{Command, Milestone, RunMeta, State, Trouble};
use torchscope::view::{ColorDepth, Glyphs, Theme, draw_into};

const SIZES: [(u16, u16); 6] = [(40, 12), (72, 18), (80, 24), (100, 30), (120, 40), (200, 60)];

/// The made-up run, saved after 512 of its 640 steps.
fn meta(state: State) -> RunMeta {
    let checkpoint = Some(Milestone { step: 512, ..Milestone::default() });
    RunMeta { checkpoint, ..moons::meta(state) }
}

fn app(meta: RunMeta, size: (u16, u16)) -> App {
    let mut app = App::new(PathBuf::from("/runs/moons-0004"), size);
    app.update(Message::Status(Box::new(meta)));
    app.update(Message::Records(moons::records()));
    app.update(Message::CaughtUp);
    app
}

fn screen(app: &App, glyphs: Glyphs) -> String {
    let area = Rect::new(0, 0, app.size.0, app.size.1);
    let mut buf = Buffer::empty(area);
    draw_into(app, &Theme::new(ColorDepth::Mono, glyphs), area, &mut buf);
    let row = |y| (0..area.width).map(|x| buf[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
    (0..area.height).map(row).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_ended_early_says_how_it_continues() {
    for (state, hint) in [
        (State::Crashed, "crashed · torchscope resume moons-0004 continues from step 512"),
        (State::Stopped, "torchscope resume moons-0004 continues from step 512"),
    ] {
        let mut app = app(meta(state), (120, 40));
        if app.overlay.is_some() {
            app.update(Message::Key(Key::plain(Code::Enter)));
        }
        let text = screen(&app, Glyphs::Braille);
        assert!(text.lines().nth(1).unwrap().contains(hint), "{text}");
    }
    let mut crashed = app(meta(State::Crashed), (80, 24));
    assert_eq!(crashed.overlay, Some(Overlay::Died));
    assert!(screen(&crashed, Glyphs::Braille).contains("│ torchscope resume moons-0004 continues from step 512"));
    crashed.update(Message::Key(Key::plain(Code::Enter)));
    let text = screen(&crashed, Glyphs::Ascii);
    assert!(text.contains("crashed | torchscope resume moons-0004 continues from step 512"), "{text}");
    // Nothing to go on from, or nothing to do.
    for meta in [RunMeta { checkpoint: None, ..meta(State::Crashed) }, meta(State::Finished)] {
        assert!(!screen(&app(meta, (120, 40)), Glyphs::Braille).contains("torchscope resume"));
    }
}

#[test]
fn a_run_that_goes_on_has_one_curve() {
    let mut app = app(meta(State::Crashed), (120, 40));
    assert_eq!(app.model.series(tags::LOSS_TRAIN).unwrap().last_step(), Some(640));
    app.update(Message::Records(vec![moons::alarm(600, r#"{"kind":"spike","message":"up"}"#)]));
    let resumed = vec![Milestone { step: 512, ..Milestone::default() }];
    let again = RunMeta { step: 512, epoch: 32, resumed, ..meta(State::Running) };
    app.update(Message::Status(Box::new(again)));
    assert_eq!(app.overlay, None, "its last words were not its last");
    app.update(Message::Records(vec![moons::record(513, vec![moons::value(tags::RESTART, Data::Restart)])]));
    for (tag, last) in [(tags::LOSS_TRAIN, 512), (tags::LOSS_EVAL, 512), (tags::GRAD_NORM, 512)] {
        assert_eq!(app.model.series(tag).unwrap().last_step(), Some(last), "{tag}");
    }
    assert_eq!(app.model.smoothed().last_step(), Some(512));
    assert_eq!(app.model.alarms.newest().len(), 0);
    let film = app.model.health.film(tags::WEIGHTS, "dense1.weight").unwrap();
    assert!(film.frames().iter().all(|(step, _)| *step <= 512) && !film.frames().is_empty());
    let text = screen(&app, Glyphs::Braille);
    let header: Vec<&str> = text.lines().take(2).collect();
    assert!(header[0].contains("resumed at 512") && header[1].contains("saved at 512"), "{text}");
    assert!(header[1].contains("step 512/1,600"), "{text}");
    let steps = moons::records().into_iter().filter(|record| record.step > 512);
    app.update(Message::Records(steps.collect()));
    assert_eq!(app.model.series(tags::LOSS_TRAIN).unwrap().len(), 640);
}

#[test]
fn a_restart_takes_every_picture_with_it() {
    let restart = |step| Message::Records(vec![moons::record(step, vec![moons::value(tags::RESTART, Data::Restart)])]);
    let probabilities = moons::tensor(tags::BOUNDARY_POINTS_P, vec![200], vec![0.25; 200]);
    let probabilities = moons::record(640, vec![probabilities]);
    let confusion = moons::record(320, vec![moons::tensor(tags::CONFUSION, vec![10, 10], vec![1.0; 100])]);
    let runs = [
        (meta(State::Running), [moons::records(), vec![probabilities]].concat(), 640),
        (cnn::meta(320), vec![cnn::record(320), confusion], 320),
        (autoencoder::meta(320), vec![autoencoder::record(320)], 320),
    ];
    let mut seen = [0; 8];
    for (meta, records, last) in runs {
        let mut app = App::new(PathBuf::from("/runs/one"), (120, 40));
        app.update(Message::Status(Box::new(meta)));
        app.update(Message::Records(records));
        let shown = |app: &App| {
            let model = &app.model;
            let boundary = model.boundary.as_ref();
            [
                boundary.is_some_and(|boundary| boundary.grid.is_some() && boundary.wrong().is_some()),
                !model.units.responses.is_empty(),
                !model.maps.sets.is_empty(),
                !model.maps.kernels.is_empty(),
                !model.maps.peaks.is_empty(),
                model.reconstruction.outputs.is_some() && !model.reconstruction.losses.is_empty(),
                model.codes.points.is_some(),
                model.confusion.is_some(),
            ]
        };
        let before = shown(&app);
        before.iter().zip(&mut seen).for_each(|(is_there, seen)| *seen += i32::from(*is_there));
        app.update(restart(last + 1));
        assert_eq!(shown(&app), before, "what happened before it is as it was");
        app.update(restart(1));
        assert_eq!(shown(&app), [false; 8]);
        assert!(app.model.landscapes.is_empty());
        // What is written once, and belongs to no step, is still there.
        let points = app.model.boundary.as_ref().map_or(0, |boundary| boundary.points.len());
        let once = points + app.model.maps.inputs.len() + app.model.reconstruction.labels.len();
        assert!(once > 0);
        screen(&app, Glyphs::Braille);
    }
    assert!(seen.iter().all(|seen| *seen > 0), "{seen:?}");
}

#[test]
fn a_full_disk_is_told_though_the_log_cannot() {
    let message = "cannot write the log: No space left on device; training waits, and goes on when there is room";
    let trouble = Some(Trouble { step: 640, message: message.to_owned() });
    for size in SIZES {
        let mut app = app(meta(State::Running), size);
        let held = RunMeta { trouble: trouble.clone(), ..meta(State::Paused) };
        app.update(Message::Status(Box::new(held)));
        let text = screen(&app, Glyphs::Ascii);
        let banner = text.lines().last().unwrap();
        assert!(banner.trim_start().starts_with('X') && banner.contains("cannot write the lo"), "{text}");
        assert!(text.contains("paused"), "{text}");
        app.update(Message::Status(Box::new(meta(State::Running))));
        assert!(!screen(&app, Glyphs::Ascii).contains("cannot write"), "it has passed");
        app.update(Message::Key(Key::char('e')));
        assert!(screen(&app, Glyphs::Ascii).contains("disk"), "and stands in the list");
    }
}

#[test]
fn c_asks_a_live_run_for_a_checkpoint() {
    let mut live = app(meta(State::Running), (80, 24));
    assert_eq!(live.update(Message::Key(Key::char('c'))), [Effect::Control(Command::Checkpoint)]);
    let mut over = app(meta(State::Stopped), (80, 24));
    assert_eq!(over.update(Message::Key(Key::char('c'))), []);
}
