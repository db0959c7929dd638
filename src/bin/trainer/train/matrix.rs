//! Every built-in recipe with learning rates up to 1e30, whatever is done about numbers that are not finite, headless and
//! watched: whole runs in this process, with everything that looks at them.
//!
//! No run fails, panics or hangs, and what has blown up is called so. `tests/matrix.rs` runs some of them as programs.

use std::sync::atomic::{AtomicBool, Ordering};

use torchscope::log::tags;

use super::tests::{Ended, Made};
use super::*;
use crate::clock::SystemClock;
use crate::inbox::Order;

/// Powers of ten.
const RATES: std::ops::RangeInclusive<i32> = 0..=30;
/// No run takes as long: one that does is told to stop, and has failed the test.
const LONGEST: Duration = Duration::from_secs(100);

/// A recipe at its smallest.
fn recipe(name: &str, power: i32) -> Recipe {
    let sizes: &[(&str, &str)] = match name {
        "cnn" | "autoencoder" => {
            &[("data.train", "8"), ("data.test", "4"), ("probe.samples", "1"), ("batch_size", "4")]
        }
        _ => &[("data.samples", "24"), ("batch_size", "8")],
    };
    let rate = format!("1e{power}");
    let all = sizes.iter().copied().chain([("epochs", "3"), ("record.moments", "6"), ("optimizer.lr", &rate)]);
    let sets: Vec<_> = all.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    Recipe::load(name, &sets).unwrap()
}

/// Whether there is an alarm of that kind in the log.
fn has_alarm(ended: &Ended, kind: &str) -> bool {
    ended.alarms().iter().any(|(_, text)| text.contains(&format!("\"kind\":\"{kind}\"")))
}

/// A run with nothing but its gallery beside it.
fn plain_run(recipe: &Recipe) -> Ended {
    let made = Made { landscape: None, ..Made::of(recipe) };
    made.train(recipe, Arc::new(SystemClock), &[], |trainer| trainer.run(false))
}

/// Takes a run through, and says whether a number in it was not finite.
fn cell(name: &str, power: i32, policy: OnNan, watched: bool) -> bool {
    let what = format!(
        "{name} with a learning rate of 1e{power}, {policy:?}, {}",
        if watched { "watched" } else { "headless" }
    );
    let recipe = recipe(name, power);
    let orders: &[Order] = if watched { &[Order::Watchers(1)] } else { &[] };
    let (is_over, hangs) = (AtomicBool::new(false), AtomicBool::new(false));
    let made = Made::of(&recipe);
    let total = made.session.total_steps() as i64;
    let ended = made.train(&recipe, Arc::new(SystemClock), orders, |trainer| {
        let trainer = trainer.on_nan(Some(policy));
        let (status, inbox) = (Arc::clone(&trainer.status), Arc::clone(&trainer.inbox));
        std::thread::scope(|scope| {
            // Lets go of what has paused, and of what hangs.
            scope.spawn(|| {
                let began = Instant::now();
                while !is_over.load(Ordering::Acquire) {
                    let is_paused = status.live().state == State::Paused;
                    hangs.fetch_or(began.elapsed() > LONGEST, Ordering::Relaxed);
                    if is_paused || hangs.load(Ordering::Relaxed) {
                        inbox.send(Order::Stop { signal: None }).unwrap();
                        return;
                    }
                    std::thread::sleep(Duration::from_millis(1));
                }
            });
            let ended = trainer.run(false);
            is_over.store(true, Ordering::Release);
            ended
        })
    });
    assert!(!hangs.load(Ordering::Relaxed), "{what}: hangs");
    let (outcome, run) = (&ended.outcome, &ended.run);
    let has_nan = has_alarm(&ended, "nan");
    let state = outcome.state();
    match policy {
        OnNan::Stop if has_nan => assert_eq!(state, State::Diverged, "{what}"),
        // Where there is no step left there is nothing to pause.
        OnNan::Pause if has_nan => {
            let is_at_end = ended.alarms().iter().all(|(step, text)| *step >= total || !text.contains("\"nan\""));
            assert_eq!(state, if is_at_end { State::Diverged } else { State::Stopped }, "{what}");
        }
        _ => assert!(matches!(state, State::Finished | State::Diverged), "{what}: {outcome:?}"),
    }
    if let Some(message) = outcome.message() {
        assert!(!message.contains('\n') && !message.contains("Some("), "{what}: {message}");
    }
    let scalars = ended.scalars();
    let evaluations = scalars.iter().filter(|(_, tag, _)| tag == tags::LOSS_EVAL).map(|(.., loss)| *loss);
    let evaluations: Vec<f64> = evaluations.collect();
    let (first, last) = (evaluations[0], evaluations[evaluations.len() - 1]);
    if state == State::Finished {
        assert!(last.is_finite() && last <= 3.0 * first, "{what}: from {first} to {last}, and {outcome:?}");
        assert_eq!(
            outcome.message().is_some(),
            last > 1.001 * first,
            "{what}: from {first} to {last}, and {outcome:?}"
        );
    }
    if state != State::Stopped {
        assert!(has_nan || (last > 3.0 * first) <= (state == State::Diverged), "{what}: {outcome:?}");
    }
    assert_eq!(run.meta().unwrap().outcome.as_deref(), outcome.message(), "{what}");
    has_nan
}

/// Every rate of a recipe, under each policy, headless and watched.
fn row(name: &str) {
    for power in RATES {
        for watched in [false, true] {
            // Policies differ in what they do about a number that is not finite, and in nothing else.
            let policies = if cell(name, power, OnNan::Continue, watched) || power % 10 == 0 {
                &[OnNan::Stop, OnNan::Pause][..]
            } else {
                &[]
            };
            for policy in policies {
                cell(name, power, *policy, watched);
            }
        }
    }
}

macro_rules! rows {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            row(stringify!($name));
        })*

        #[test]
        fn all_recipes_are_here() {
            let mut names = vec![$(stringify!($name)),*];
            names.sort_unstable();
            let mut there = Recipe::builtin_names().to_vec();
            there.sort_unstable();
            assert_eq!(names, there);
        }
    };
}

rows! { moons circles blobs spiral xor perceptron cnn autoencoder }

/// As a user would: the whole of `moons` with a rate that kills all of its units.
#[test]
fn moons_at_a_rate_of_fifty_is_called_diverged() {
    let recipe = Recipe::load("moons", &[("optimizer.lr".to_owned(), "50".to_owned())]).unwrap();
    let ended = plain_run(&recipe);
    let outcome = &ended.outcome;
    assert_eq!((outcome.state(), outcome.exit_code()), (State::Diverged, 4), "{outcome:?}");
    assert!(outcome.message().unwrap().starts_with("the loss exploded: "), "{outcome:?}");
    assert!(has_alarm(&ended, "explosion"));
}

/// What ships is no explosion, whatever the seed.
#[test]
fn recipes_as_they_ship_do_not_explode() {
    let mut recipes: Vec<Recipe> =
        (1..=20).map(|seed: u32| Recipe::load("moons", &[("seed".to_owned(), seed.to_string())]).unwrap()).collect();
    let short = |name: &str| match name {
        "cnn" => vec![("data.train", "640"), ("data.test", "100"), ("epochs", "2")],
        "autoencoder" => vec![("data.train", "640"), ("data.test", "100"), ("epochs", "4")],
        "perceptron" => vec![("epochs", "30")],
        _ => vec![],
    };
    for name in Recipe::builtin_names() {
        let sets: Vec<_> = short(name).into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        recipes.push(Recipe::load(name, &sets).unwrap());
    }
    for recipe in recipes {
        let ended = plain_run(&recipe);
        assert_eq!(ended.outcome, Outcome::Finished { remark: None }, "{} with seed {}", recipe.name, recipe.seed);
        let is_loud = has_alarm(&ended, "explosion") || has_alarm(&ended, "skipped");
        assert!(!is_loud, "{} with seed {}: {:?}", recipe.name, recipe.seed, ended.alarms());
    }
}
