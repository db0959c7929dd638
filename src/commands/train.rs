//! `torchscope train`.

use std::fmt::Write;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use color_eyre::eyre::{Result, WrapErr};

use super::{headless, own_data, say, shell_word, signal_code};
use crate::cli::{Launch, Pace, Train};
use crate::data;
use crate::plot::format;
use crate::recipe::Recipe;
use crate::run::{self, Audience, Errand, OnNan, RunDir, RunError, RunMeta, State};
use crate::runtime::{self, Left};
use crate::term::{Capabilities, Environment};

/// How long `--detach` waits for the trainer to come up before it reports that it has not.
const DETACH_PATIENCE: Duration = Duration::from_secs(60);

pub(super) fn run(args: &Train) -> Result<u8> {
    let overrides = args.overrides();
    let mut recipe = match (&args.data, &args.recipe) {
        (Some(data), _) => own_data::recipe(data, &overrides)?,
        (None, name) => Recipe::load_looking(name.as_deref().unwrap_or_default(), &overrides, &data::look)?,
    };
    if args.pace == Some(Pace::Max) {
        recipe.pace = None;
    }
    if args.data.is_some() {
        own_data::show(&recipe, args.save.as_deref())?;
    }
    let create = || {
        Ok(match (&args.run_dir, &args.name) {
            (Some(path), _) => RunDir::create_at(path, &recipe)?,
            (None, Some(name)) => RunDir::create_named(&run::home()?, name, &recipe)?,
            (None, None) => RunDir::create(&run::home()?, &recipe)?,
        })
    };
    let errand = |audience| Errand::Train { audience, on_nan: args.launch.on_nan };
    launch(create, args.launch, errand)
}

/// Makes a run ready, starts a trainer on an errand, which depends on who watches, and follows it. What is started over from
/// the view does `on_nan`.
pub(super) fn launch(
    prepare: impl FnOnce() -> Result<RunDir>,
    Launch { on_nan, headless, detach: detached, display }: Launch,
    errand: impl Fn(Audience) -> Errand,
) -> Result<u8> {
    let capabilities = Capabilities::detect(&Environment::of_process(), display.choices());
    if detached {
        return detach(&prepare()?, errand(Audience::Nobody));
    }
    if headless || !capabilities.interactive {
        let signals = headless::Signals::catch()?;
        return headless::run(&prepare()?, errand(Audience::Nobody), signals);
    }
    let left = runtime::show(
        prepare()?,
        display.options(capabilities),
        None,
        |run| start(run, errand(Audience::Viewer)).map_err(|error| error.to_string()),
        &|old, new_seed| start_over(old, new_seed, on_nan),
    )
    .wrap_err("the terminal cannot be used")?;
    Ok(farewell(&left))
}

/// Starts the trainer of a run. One that dies before it can speak for itself, for want of a library say, is recorded as
/// failed with the last thing it printed.
pub(super) fn start(run: &RunDir, errand: Errand) -> Result<(), RunError> {
    let mut trainer = run::spawn_trainer(run, &errand)?;
    let run = run.clone();
    std::thread::spawn(move || {
        if let Ok(status) = trainer.wait()
            && run.meta().is_ok_and(|meta| meta.state == State::Starting)
        {
            let said = run::log_tail(&run.trainer_log_path(), 1).pop();
            let outcome =
                said.map_or_else(|| format!("the trainer ended with {status}"), |line| format!("{line} ({status})"));
            // If it fails the state is derived from the lock, only later.
            let _ = run.record_failure(&outcome);
        }
    });
    Ok(())
}

/// Starts the recipe of a run again, as a new run in the home of runs.
pub(super) fn start_over(old: &RunDir, new_seed: bool, on_nan: Option<OnNan>) -> Result<RunDir, String> {
    let path = old.recipe_path();
    let text = old.recipe_text().map_err(|error| error.to_string())?;
    let mut recipe = Recipe::parse(&path.to_string_lossy(), &text).map_err(|error| error.to_string())?;
    if new_seed {
        let nanoseconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| u64::from(now.subsec_nanos()));
        recipe.seed = other_seed(recipe.seed, nanoseconds);
    }
    let home = run::home().map_err(|error| error.to_string())?;
    let new = RunDir::create(&home, &recipe).map_err(|error| error.to_string())?;
    start(&new, Errand::Train { audience: Audience::Viewer, on_nan }).map_err(|error| error.to_string())?;
    Ok(new)
}

/// A seed below 10,000, short enough to be typed again, that is never `seed`; `random` decides which.
fn other_seed(seed: u64, random: u64) -> u64 {
    (seed % 10_000 + 1 + random % 9_999) % 10_000
}

/// Starts a run and returns once it trains.
fn detach(run: &RunDir, errand: Errand) -> Result<u8> {
    start(run, errand)?;
    let patience = Instant::now() + DETACH_PATIENCE;
    let does = loop {
        let meta = run.status()?;
        match meta.state {
            State::Starting if Instant::now() < patience => std::thread::sleep(Duration::from_millis(50)),
            State::Starting => {
                say::complain(&format!(
                    "torchscope: {} has not come up yet; its log: {}",
                    run.name(),
                    run.trainer_log_path().display()
                ));
                return Ok(1);
            }
            State::Failed | State::Crashed | State::Diverged => {
                say::complain(&format!("torchscope: {}", outcome(run, &meta)));
                return Ok(meta.state.exit_code());
            }
            State::Finished | State::Stopped => {
                say::say(&format!("{} has {} already: torchscope attach {}", run.name(), meta.state, handle(run)))?;
                return Ok(meta.state.exit_code());
            }
            State::Running | State::Paused if meta.epochs == 0 => break "is evaluating the untrained network",
            State::Running | State::Paused => break "is training",
        }
    };
    say::say(&format!("{} {does} in {}", run.name(), run.path().display()))?;
    say::say(&format!("watch it: torchscope attach {0}    end it: torchscope stop {0}", handle(run)))?;
    Ok(0)
}

/// What ended a run badly, and where to read more.
pub(super) fn outcome(run: &RunDir, meta: &RunMeta) -> String {
    let why = meta.outcome.clone().unwrap_or_else(|| format!("the run has {}", meta.state));
    let mut text = format!("{}: {why}; full log: {}", run.name(), run.trainer_log_path().display());
    if let Some(checkpoint) = meta.checkpoint.filter(|_| can_resume(meta)) {
        let step = format::count(checkpoint.step);
        let _ = write!(text, "; torchscope resume {} continues from step {step}", handle(run));
    } else if meta.state == State::Crashed {
        let _ = write!(text, "; torchscope resume {} starts it over", handle(run));
    }
    text
}

/// Whether a run ended before its time and left a checkpoint that it can go on from as it is.
pub(super) fn can_resume(meta: &RunMeta) -> bool {
    meta.checkpoint.is_some() && matches!(meta.state, State::Stopped | State::Failed | State::Crashed)
}

/// How a run ended well, or early: `finished at epoch 3/3`.
pub(super) fn ended(state: State, meta: &RunMeta) -> String {
    match meta.epochs {
        0 => format!("{state}: the network as it starts, untrained"),
        epochs => format!("{state} at epoch {}/{epochs}", meta.epoch),
    }
}

/// What to call a run by on the command line: its name where that finds it, else its path.
pub(super) fn handle(run: &RunDir) -> String {
    let at_home = run::home().is_ok_and(|home| run.path().parent() == Some(home.as_path()));
    let handle = if at_home { run.name() } else { run.path().display().to_string() };
    shell_word(&handle).into_owned()
}

/// Says how to come back to a run that the view has left training.
fn say_goes_on(run: &RunDir) {
    let (name, handle) = (run.name(), handle(run));
    // Whether or not anybody reads it: how the run ended counts for more.
    let _ = say::say(&format!("{name} goes on: torchscope attach {handle}    end it: torchscope stop {handle}"));
}

/// Says what became of the run once the view is left, and turns it into an exit code.
pub(super) fn farewell(left: &Left) -> u8 {
    let name = left.run.name();
    let meta = left.run.status().ok().or_else(|| left.meta.clone());
    if let Some(signal) = left.signal {
        return signal_code(signal);
    }
    for run in &left.beside {
        if run.status().is_ok_and(|meta| meta.state.is_live()) {
            say_goes_on(run);
        }
    }
    if !left.run.path().exists() {
        say::complain(&format!("torchscope: {name} is not at {} any more", left.run.path().display()));
        return 0;
    }
    let Some(meta) = meta else { return 0 };
    let where_it_is = handle(&left.run);
    match meta.state {
        State::Failed | State::Crashed | State::Diverged => {
            say::complain(&format!("torchscope: {}", outcome(&left.run, &meta)));
        }
        state if state.is_live() => say_goes_on(&left.run),
        state => {
            let more =
                if can_resume(&meta) { format!("    go on: torchscope resume {where_it_is}") } else { String::new() };
            let remark = meta.outcome.as_deref().map(|outcome| format!(" ({})", run::plain(outcome)));
            let ended = format!("{}{}", ended(state, &meta), remark.unwrap_or_default());
            let _ = say::say(&format!("{name} {ended}: torchscope attach {where_it_is}{more}"));
        }
    }
    if meta.state.is_over() { meta.state.exit_code() } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_seed_is_short_and_never_the_old_one() {
        for seed in [0, 42, 9_999, 10_000, u64::MAX - 1, u64::MAX] {
            for random in [0, 1, 9_998, 9_999, 123_456_789, u64::MAX] {
                let other = other_seed(seed, random);
                assert!(other < 10_000 && other != seed, "{seed} and {random} give {other}");
            }
        }
    }
}
