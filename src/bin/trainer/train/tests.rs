use tch::Device;
use torchscope::data;
use torchscope::log::{Data, LogReader};
use torchscope::run::RunDir;

use super::*;
use crate::inbox::Order;
use crate::session::Samples;
use crate::status::Live;

/// How a whole run ended, what it says of itself, and where it is.
fn run_of(recipe: &Recipe, owe_nothing: bool, orders: &[Order]) -> (Outcome, Arc<Status>, RunDir, tempfile::TempDir) {
    let home = tempfile::tempdir().unwrap();
    let run = RunDir::create(home.path(), recipe).unwrap();
    let data = data::load(&recipe.data).unwrap();
    let samples = |data| Samples::new(data, Device::Cpu).unwrap();
    let network = recipe.network(&recipe.data.input_shape()).unwrap();
    let session = Session::new(recipe, &network, samples(&data.training), data.test.as_ref().map(samples)).unwrap();
    let sets = [&data.training, data.test.as_ref().unwrap_or(&data.training)];
    let gallery = Gallery::new(recipe, &network, sets, &session, &[]).unwrap();
    let inbox = Arc::new(Inbox::default());
    for order in orders {
        inbox.send(*order).unwrap();
    }
    let live = Live { state: State::Starting, lr: recipe.optimizer.lr(), pace: None, watchers: 0 };
    let status = Arc::new(Status::new(live));
    let recorder = Recorder::start(&run, run.meta().unwrap(), Arc::clone(&status), Arc::clone(&inbox), None).unwrap();
    let probes = (gallery, None);
    let mut trainer = Trainer::new(recipe, &network, session, probes, recorder, inbox, Arc::clone(&status)).unwrap();
    trainer.owe_nothing = owe_nothing;
    let (outcome, recorder) = trainer.run(false);
    let outcome = outcome.unwrap();
    recorder.finish(&outcome).unwrap();
    (outcome, status, run, home)
}

/// Every scalar of a whole run but the times, and how it ended.
fn log_of(lr: &str, owe_nothing: bool) -> (Outcome, Vec<(i64, String, u64)>) {
    let sets = [("optimizer.lr", lr), ("epochs", "4"), ("batch_size", "10")];
    let sets = sets.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let recipe = Recipe::load("moons", &sets).unwrap();
    let (outcome, _, run, _home) = run_of(&recipe, owe_nothing, &[]);

    let mut scalars = Vec::new();
    let mut reader = LogReader::open(run.path()).unwrap();
    loop {
        let poll = reader.poll(1 << 20).unwrap();
        for record in poll.records {
            for value in record.values {
                if let Data::Scalar(scalar) = value.data
                    && is_by_step(&value.tag)
                {
                    scalars.push((record.step, value.tag.to_string(), scalar.to_bits()));
                }
            }
        }
        if poll.caught_up {
            return (outcome, scalars);
        }
    }
}

/// Whether the steps that a series is recorded at are decided by their number, not by the clock.
fn is_by_step(tag: &str) -> bool {
    !["time/", "norm/", "grad_norm/", "update_ratio/", "zeros/", "system/", "gpu/"]
        .iter()
        .any(|prefix| tag.starts_with(prefix))
}

#[test]
fn losses_fetched_in_batches_give_the_same_log() {
    let (outcome, log) = log_of("0.5", true);
    assert_eq!(outcome, Outcome::Finished);
    // 200 steps with a loss and a rate, 5 evaluations of two, norms at steps 32 of 50 and 50 of 50.
    assert_eq!(log.len(), 200 * 2 + 5 * 2 + 4 * 2);
    assert_eq!((outcome, log), log_of("0.5", false));
}

#[test]
fn a_loss_that_diverges_is_the_last_one_either_way() {
    let (outcome, log) = log_of("1e38", true);
    let (late_outcome, late_log) = log_of("1e38", false);
    assert_eq!(late_log, log);
    // Where it began is known only where the loss is read before the step goes on.
    let (message, late_message) = (outcome.message().unwrap(), late_outcome.message().unwrap());
    assert!(message.contains("at step 2 (epoch 1)") && late_message.contains("at step 2 (epoch 1)"), "{late_message}");
    assert!(message.contains(": dense2 puts out NaN before its activation"), "{message}");
    assert!(late_message.contains("; by step ") && late_message.contains(" holds NaN"), "{late_message}");
}

#[test]
fn an_evaluation_is_its_own_share_and_no_part_of_that_of_looking() {
    // A step of ten samples, then an evaluation of a thousand, then a picture.
    let sets = [("data.train", "10"), ("data.test", "1000"), ("batch_size", "10"), ("epochs", "4")];
    let sets = sets.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let mut recipe = Recipe::load("cnn", &sets).unwrap();
    recipe.record.probe_share = 1.0;
    let (outcome, status, ..) = run_of(&recipe, true, &[Order::Watchers(1)]);
    assert_eq!(outcome, Outcome::Finished);
    let (probing, evaluating) = (status.probing(), status.evaluating());
    assert!(probing > Duration::ZERO && evaluating > Duration::ZERO);
    // One thread does one thing at a time. Whoever counted an evaluation twice would come to more than there was.
    let active = status.active(Instant::now());
    assert!(probing + evaluating <= active, "{probing:?} and {evaluating:?} of {active:?}");
}
