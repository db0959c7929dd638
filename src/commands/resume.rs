//! `torchscope resume`.

use color_eyre::eyre::{Result, bail};

use super::{complain, pick, train};
use crate::cli::Resume;
use crate::data;
use crate::plot::format;
use crate::recipe::Recipe;
use crate::run::{CheckpointError, Eligible, Errand, Newest, RunDir, RunMeta, State};

pub(super) fn run(args: &Resume) -> Result<u8> {
    let run = pick(args.run.as_deref(), Eligible::All)?;
    let (recipe, newest) = prepare(&run, args)?;
    let step = newest.as_ref().map_or(0, |newest| newest.checkpoint.about.step);
    for error in newest.iter().flat_map(|newest| &newest.damaged) {
        complain(&format!("torchscope: {error}; going on from step {}", format::count(step)));
    }
    if newest.is_none() {
        complain(&format!(
            "torchscope: {} ended before its first checkpoint; it starts over from its recipe",
            run.name()
        ));
    }
    let (on_nan, lr) = (args.launch.on_nan, args.lr);
    let revive = || {
        run.prepare_to_resume(step, &recipe)?;
        Ok(run)
    };
    train::launch(revive, args.launch, |audience| Errand::Resume { audience, on_nan, lr })
}

/// The recipe to go on with, and the checkpoint to go on from, none for a run that ended before its first; an error that says
/// what to do where there is nothing to go on with. Changes nothing.
fn prepare(run: &RunDir, args: &Resume) -> Result<(Recipe, Option<Newest>)> {
    let (meta, handle) = (run.status()?, train::handle(run));
    if meta.state.is_live() {
        bail!("{} is {}: torchscope attach {handle} shows it", run.name(), meta.state);
    }
    let newest = match run.newest_checkpoint() {
        // A run that is over as it should be has nothing to start over for.
        Err(CheckpointError::None { .. }) if meta.state != State::Finished => None,
        newest => Some(newest?),
    };
    let path = run.recipe_path();
    let text = run.recipe_text()?;
    let mut recipe = Recipe::parse(&path.to_string_lossy(), &text)?;
    if let Some(about) = newest.as_ref().map(|newest| &newest.checkpoint.about) {
        if let Some(change) = recipe.change_since(&Recipe::parse("the recipe of the checkpoint", &about.recipe)?) {
            bail!(
                "{} has changed since the checkpoint: {change}; change it back, or train it as a new run: torchscope train {0}",
                path.display()
            );
        }
        if data::load(&recipe.data)?.fingerprint() != about.data {
            bail!(
                "the data of {} has changed since the checkpoint; put it back, or train it as a new run: torchscope train {}",
                run.name(),
                path.display()
            );
        }
    }
    recipe.epochs = args.epochs.unwrap_or(recipe.epochs);
    let step = newest.as_ref().map_or(0, |newest| newest.checkpoint.about.step);
    check(&meta, step, &recipe, args, &handle)?;
    Ok((recipe, newest))
}

/// Whether anything would come of going on after `from` steps.
fn check(meta: &RunMeta, from: u64, recipe: &Recipe, args: &Resume, handle: &str) -> Result<()> {
    let (step, per_epoch) = (format::count(from), meta.steps_per_epoch);
    let done = from.checked_div(per_epoch).unwrap_or(0);
    if per_epoch > 0 && recipe.epochs.saturating_mul(per_epoch) <= from {
        let all =
            if args.epochs.is_none() { format!("all {} epochs", recipe.epochs) } else { format!("{done} epochs") };
        bail!(
            "{} has done {all}; torchscope resume {handle} --epochs {} goes on",
            meta.name,
            done.saturating_mul(2).max(1)
        );
    }
    if meta.state == State::Diverged && args.lr.is_none() {
        let lower = format::short(meta.lr / 10.0);
        bail!(
            "{} would diverge again; with a lower learning rate it can go on from step {step}: torchscope resume {handle} \
             --lr {lower}",
            meta.name
        );
    }
    Ok(())
}
