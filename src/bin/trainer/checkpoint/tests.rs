//! What goes into a checkpoint comes out of it, and a run goes on from it as if nothing had happened.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use tch::{Device, Tensor};
use torchscope::data;
use torchscope::log::{Data, LogReader};
use torchscope::recipe::{Activation, AdamSpec, LayerSpec, OptimizerSpec, Padding};
use torchscope::run::{Checkpoint, State as RunState};
use torchscope::series::Series;

use super::*;
use crate::alarm::Watch;
use crate::disk::Disk;
use crate::inbox::Inbox;
use crate::outcome::Outcome;
use crate::recorder::{Content, Extra, Origin, Part, Picture, Recorder};
use crate::session::{Samples, Session};
use crate::status::{Live, Status};

fn moons(sets: &[(&str, &str)]) -> Recipe {
    let sets: Vec<_> = sets.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Recipe::load("moons", &sets).unwrap()
}

fn session(recipe: &Recipe) -> Session {
    let data = data::load(&recipe.data).unwrap().training;
    let network = recipe.network(&data.inputs.shape()[1..]).unwrap();
    Session::new(recipe, &network, Samples::new(&data, Device::Cpu).unwrap(), None).unwrap()
}

/// Everything that a session changes: names, and all bytes.
fn bits(session: &Session) -> (SessionState, Vec<(String, Vec<u8>)>) {
    let mut tensors = Tensors::default();
    let state = session.save(&mut tensors).unwrap();
    let names = tensors.places().into_iter().map(|(name, _)| name);
    let named = names.zip(tensors.bytes().map(<[u8]>::to_vec)).collect();
    (state, named)
}

fn about(step: u64, loss: Option<f64>) -> About {
    About { step, recipe: "name = \"moons\"".to_owned(), data: 7, loss, state: "{}".to_owned() }
}

/// `session` after a way through a file.
fn restored(session: &Session, recipe: &Recipe, folder: &Path) -> Session {
    let mut tensors = Tensors::default();
    let state = session.save(&mut tensors).unwrap();
    let path = file::write(folder, &about(state.step, None), &mut tensors).unwrap();
    assert_eq!(Checkpoint::read(&path).unwrap().about.step, state.step);
    let bytes = fs::read(path).unwrap();
    let mut restored = self::session(recipe);
    let state = serde_json::from_str(&serde_json::to_string(&state).unwrap()).unwrap();
    restored.restore(&Source::new(&bytes).unwrap(), &state).unwrap();
    restored
}

fn optimizers() -> Vec<OptimizerSpec> {
    let adam = AdamSpec { lr: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.01 };
    vec![
        OptimizerSpec::Sgd { lr: 0.1, momentum: 0.0, nesterov: false, weight_decay: 0.0 },
        OptimizerSpec::Sgd { lr: 0.1, momentum: 0.9, nesterov: true, weight_decay: 0.01 },
        OptimizerSpec::Adam(adam),
        OptimizerSpec::AdamW(adam),
        OptimizerSpec::RmsProp { lr: 0.01, alpha: 0.9, epsilon: 1e-8, momentum: 0.5, weight_decay: 0.0 },
    ]
}

#[test]
fn a_session_goes_on_bit_for_bit() {
    let _turn = crate::random::turn_at_the_generator();
    let folder = tempfile::tempdir().unwrap();
    for (place, optimizer) in optimizers().into_iter().enumerate() {
        let schedules =
            [vec![], vec![("schedule.kind", "cosine")], vec![("schedule.kind", "step"), ("schedule.every", "1")]];
        let mut recipe = moons(&schedules[place % 3]);
        recipe.optimizer = optimizer.clone();
        recipe.epochs = 5;
        recipe.model.layers = vec![
            LayerSpec::Dense { units: 8, activation: Activation::Linear },
            LayerSpec::BatchNorm { activation: Activation::Relu },
            LayerSpec::Dropout { rate: 0.3 },
            LayerSpec::Dense { units: 1, activation: Activation::Sigmoid },
        ];
        // In the middle of an epoch, at the end of one, and before the first step.
        for steps in [21, 32, 0] {
            let mut whole = session(&recipe);
            for step in 0..steps {
                if step == 9 {
                    // Not what the schedule's factor gives.
                    whole.set_lr(0.007).unwrap();
                }
                let _loss = whole.step().unwrap();
            }
            let mut other = restored(&whole, &recipe, folder.path());
            assert_eq!(bits(&other), bits(&whole), "{optimizer:?} after {steps} steps");
            assert_eq!(
                (other.lr().to_bits(), other.base_lr().to_bits()),
                (whole.lr().to_bits(), whole.base_lr().to_bits())
            );
            for _ in 0..20 {
                let losses =
                    [&mut whole, &mut other].map(|session| session.step().unwrap().double_value(&[]).to_bits());
                assert_eq!(losses[0], losses[1], "{optimizer:?} after {steps} steps");
            }
            let (_, tensors) = bits(&whole);
            assert_eq!(bits(&other).1, tensors);
            assert!(tensors.iter().any(|(name, _)| name == "norm1.running_var") && tensors[0].1 != tensors[1].1);
        }
    }
}

#[test]
fn a_rate_that_single_precision_does_not_hold_is_no_rate_to_go_on_with() {
    let recipe = moons(&[]);
    let mut tensors = Tensors::default();
    let state = session(&recipe).save(&mut tensors).unwrap();
    let file = in_memory(&mut tensors);
    let source = Source::new(&file).unwrap();
    for (lr, base_lr) in [(1e39, 0.1), (0.1, f64::INFINITY), (-0.1, 0.1), (f64::NAN, 0.1), (0.1, 0.0)] {
        let state = SessionState { lr, base_lr, ..state.clone() };
        let error = session(&recipe).restore(&source, &state).unwrap_err().to_string();
        assert!(error.contains("its learning rate is ") && error.contains("from 1e-38 to 3.4e38"), "{error}");
    }
    // A schedule may have come down to nothing.
    session(&recipe).restore(&source, &SessionState { lr: 0.0, ..state }).unwrap();
}

#[test]
fn convolutions_keep_their_shapes() {
    let mut recipe = Recipe::load("cnn", &[("data.train".to_owned(), "40".to_owned())]).unwrap();
    recipe.data = moons(&[]).data;
    recipe.model.layers = vec![
        LayerSpec::Conv2d { filters: 3, kernel: 3, stride: 1, padding: Padding::Same, activation: Activation::Relu },
        LayerSpec::Flatten,
        LayerSpec::Dense { units: 2, activation: Activation::Linear },
    ];
    let network = recipe.network(&[1, 4, 4]).unwrap();
    let pictures = || Samples {
        inputs: Tensor::arange(20 * 16, (tch::Kind::Float, Device::Cpu)).sin().reshape([20, 1, 4, 4]),
        targets: Tensor::zeros([20, 1], (tch::Kind::Float, Device::Cpu)),
        labels: Some(Tensor::arange(20, (tch::Kind::Int64, Device::Cpu)).remainder(2)),
    };
    let mut whole = Session::new(&recipe, &network, pictures(), None).unwrap();
    for _ in 0..3 {
        let _loss = whole.step().unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let mut tensors = Tensors::default();
    let state = whole.save(&mut tensors).unwrap();
    let bytes = fs::read(file::write(folder.path(), &about(3, None), &mut tensors).unwrap()).unwrap();
    let source = Source::new(&bytes).unwrap();
    assert_eq!(source.tensor("conv1.weight").unwrap().size(), [3, 1, 3, 3]);
    let mut other = Session::new(&recipe, &network, pictures(), None).unwrap();
    other.restore(&source, &state).unwrap();
    for _ in 0..3 {
        let _loss = whole.step().unwrap();
        let _loss = other.step().unwrap();
    }
    assert_eq!(bits(&other), bits(&whole));
}

#[test]
fn a_checkpoint_of_another_network_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let small = session(&moons(&[("model.layers.0.units", "5")]));
    let mut tensors = Tensors::default();
    let state = small.save(&mut tensors).unwrap();
    let bytes = fs::read(file::write(folder.path(), &about(0, None), &mut tensors).unwrap()).unwrap();
    let source = Source::new(&bytes).unwrap();
    let error = session(&moons(&[])).restore(&source, &state).unwrap_err().to_string();
    assert!(error.contains("`dense1.weight` has shape [5, 2] in the checkpoint and [20, 2]"), "{error}");
    let sets = [("model.layers.0.units", "5"), ("optimizer.momentum", "0.9")];
    let error = session(&moons(&sets)).restore(&source, &state).unwrap_err().to_string();
    assert!(error.contains("no `optimizer.dense1.weight.momentum_buffer`"), "{error}");
    let other_seed = moons(&[("model.layers.0.units", "5"), ("seed", "8")]);
    assert!(session(&other_seed).restore(&source, &state).unwrap_err().to_string().contains("of the data"));
}

fn live() -> Live {
    Live { state: RunState::Running, lr: 0.1, pace: None, watchers: 0 }
}

fn training(recipe: &Recipe) -> Training {
    let session = session(recipe);
    let mut nothing = Tensors::default();
    Training {
        session: session.save(&mut nothing).unwrap(),
        pace: None,
        judged: None,
        watch: Watch::new(&recipe.network(&[2]).unwrap()),
        path: None,
        looks: Looks::default(),
        spent: Spent::default(),
    }
}

fn snapshot(step: u64, loss: Option<f64>) -> Snapshot {
    Snapshot { about: about(step, loss), tensors: Tensors::default(), training: training(&moons(&[])) }
}

/// A recorder of `run` that goes on from `memory` at `step`.
fn recorder(run: &RunDir, step: u64, memory: Option<Memory>) -> Recorder {
    let (status, inbox) = (Arc::new(Status::new(live())), Arc::new(Inbox::default()));
    status.set_steps(step);
    let origin = memory.map_or(Origin::New, |memory| Origin::Checkpoint(Box::new(memory)));
    Recorder::start(run, run.meta().unwrap(), status, inbox, origin).unwrap()
}

fn record(recorder: &mut Recorder, steps: std::ops::RangeInclusive<u64>) {
    for step in steps {
        let loss = (step as f64).sin();
        let extras: &[(Extra, f64)] = if step % 4 == 0 { &[(Extra::LossEval, -loss)] } else { &[] };
        recorder.step(step, [loss, 0.5, 1.0], extras);
    }
}

/// The series that are decided by the steps, as a viewer has them that knows of restarts or one that does not.
fn series(run: &RunDir, knows_restarts: bool) -> BTreeMap<String, Vec<(i64, u64)>> {
    let mut series: BTreeMap<String, Series> = BTreeMap::new();
    let mut reader = LogReader::open(run.path()).unwrap();
    loop {
        let poll = reader.poll(1 << 20).unwrap();
        for record in poll.records {
            for value in record.values {
                match value.data {
                    Data::Restart if knows_restarts => series.values_mut().for_each(|it| it.void_from(record.step)),
                    Data::Scalar(_) if value.tag.starts_with("time/") && !value.tag.contains("step_ms") => {}
                    Data::Scalar(_) if value.tag.starts_with("system/") || value.tag.starts_with("gpu/") => {}
                    Data::Scalar(number) => series.entry(value.tag.to_string()).or_default().push(record.step, number),
                    _ => {}
                }
            }
        }
        if poll.caught_up {
            let bits = |series: &Series| series.iter().map(|(step, value)| (step, value.to_bits())).collect();
            return series.iter().map(|(tag, series)| (tag.clone(), bits(series))).collect();
        }
    }
}

#[test]
fn the_log_goes_on_in_the_middle_of_a_window() {
    let home = tempfile::tempdir().unwrap();
    // Windows of one step end at 16,384, those of two at 49,152.
    for (from, at, lost, until) in [
        (16_380, 16_387, 6, 16_400),
        (16_380, 16_387, 0, 16_400),
        (49_140, 49_155, 0, 49_200),
        (16_380, 16_386, 3, 16_400),
    ] {
        let whole = RunDir::create(home.path(), &moons(&[])).unwrap();
        let mut once = recorder(&whole, 0, None);
        record(&mut once, from..=until);
        once.finish(&Outcome::Finished { remark: None }).unwrap();

        let run = RunDir::create(home.path(), &moons(&[])).unwrap();
        let mut first = recorder(&run, 0, None);
        record(&mut first, from..=at);
        first.checkpoint(snapshot(at, None));
        // What comes after the checkpoint is void, but has been written; and so has the window under way, at a stop.
        record(&mut first, at + 1..=at + lost);
        first.finish(&Outcome::Stopped { signal: None }).unwrap();
        let about = run.newest_checkpoint().unwrap().checkpoint.about;
        let state: State = serde_json::from_str(&about.state).unwrap();
        assert!(state.memory.best.values().all(|best| best.step <= at));

        let mut second = recorder(&run, at, Some(state.memory));
        assert_eq!(series(&run, true)["loss/eval"].last().unwrap().0 as u64, at / 4 * 4, "at once");
        record(&mut second, at + 1..=until);
        second.finish(&Outcome::Finished { remark: None }).unwrap();
        assert_eq!(series(&run, true), series(&whole, true), "at {at}");
        assert_eq!(series(&run, false), series(&whole, true), "at {at}, by steps alone");
        let best = |run: &RunDir| run.meta().unwrap().best;
        assert_eq!(best(&run), best(&whole));
    }
}

/// Steps of the checkpoints of a run.
fn kept(run: &RunDir) -> Vec<u64> {
    run.checkpoints().unwrap().iter().map(|(step, _)| *step).collect()
}

#[test]
fn the_newest_two_and_the_best_are_kept() {
    let home = tempfile::tempdir().unwrap();
    let run = RunDir::create(home.path(), &moons(&[])).unwrap();
    fs::write(run.path().join("log"), "").unwrap();
    let status = Arc::new(Status::new(live()));
    let keeper =
        || Keeper::start(run.clone(), Arc::clone(&status), Disk::new(home.path(), Arc::default(), Arc::clone(&status)));
    let write = |keeper: &Keeper, step, loss| {
        let memory = Memory { log: LogEnd { file: "log".to_owned(), bytes: 0 }, ..Memory::default() };
        keeper.expect();
        keeper.counter().hand_over(snapshot(step, loss), memory);
        while !keeper.is_idle() {
            std::thread::yield_now();
        }
        assert_eq!(status.notes().checkpoint.unwrap().step, step);
        kept(&run)
    };
    let first = keeper().unwrap();
    assert_eq!(write(&first, 1, Some(0.5)), [1]);
    assert_eq!(write(&first, 2, Some(0.2)), [2, 1]);
    assert_eq!(write(&first, 3, Some(0.4)), [3, 2]);
    assert_eq!(write(&first, 4, None), [4, 3, 2], "the best stays");
    assert_eq!(write(&first, 5, Some(0.3)), [5, 4, 2]);
    drop(first);
    // A trainer that was killed while it wrote; another goes on with what there is.
    fs::write(run.checkpoints_path().join(".step-000000000006.safetensors"), "half").unwrap();
    let second = keeper().unwrap();
    assert_eq!(write(&second, 6, Some(0.25)), [6, 5, 2]);
    assert_eq!(write(&second, 7, Some(0.1)), [7, 6]);
    assert_eq!(fs::read_dir(run.checkpoints_path()).unwrap().count(), 2, "nothing half written stays");
    assert_eq!(Checkpoint::read(&run.checkpoints().unwrap()[0].1).unwrap().about.loss, Some(0.1));
    drop(second);
}

/// All of it is handed over before the recorder looks for the first time.
#[test]
fn what_is_seen_stands_behind_its_step_across_a_checkpoint() {
    let home = tempfile::tempdir().unwrap();
    let run = RunDir::create(home.path(), &moons(&[])).unwrap();
    let mut recorder = recorder(&run, 0, None);
    for step in 1..=40 {
        recorder.step(step, [0.5, 0.5, 1.0], &[]);
        let parts = vec![Part::new("norm/x", Content::Scalar(0.5))];
        assert!(recorder.picture_of_moment(Picture { step, parts }));
        if step == 10 {
            recorder.checkpoint(snapshot(step, None));
        }
    }
    recorder.finish(&Outcome::Finished { remark: None }).unwrap();
    let records = LogReader::open(run.path()).unwrap().poll(usize::MAX).unwrap().records;
    let seen = records.iter().filter_map(|record| {
        let tag = &*record.values.first()?.tag;
        (tag == "loss/train" || tag == "norm/x").then(|| (record.step, tag.to_owned()))
    });
    let expected = (1..=40).flat_map(|step| [(step, "loss/train".to_owned()), (step, "norm/x".to_owned())]);
    assert_eq!(seen.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
}
