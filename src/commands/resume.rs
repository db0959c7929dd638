//! `torchscope resume`.

use color_eyre::eyre::{Result, bail};

use super::{complain, pick, train};
use crate::cli::Resume;
use crate::data;
use crate::plot::format;
use crate::recipe::Recipe;
use crate::run::{About, Eligible, Errand, Newest, RunDir, RunMeta, State};

pub(super) fn run(args: &Resume) -> Result<u8> {
    let run = pick(args.run.as_deref(), Eligible::All)?;
    let (recipe, newest) = prepare(&run, args)?;
    for error in &newest.damaged {
        complain(&format!("torchscope: {error}; going on from step {}", format::count(newest.checkpoint.about.step)));
    }
    let (on_nan, lr) = (args.launch.on_nan, args.lr);
    let revive = || {
        run.prepare_to_resume(newest.checkpoint.about.step, &recipe)?;
        Ok(run)
    };
    train::launch(revive, args.launch, |audience| Errand::Resume { audience, on_nan, lr })
}

/// The recipe to go on with, and the checkpoint to go on from; an error that says what to do where there is nothing to go on
/// with. Changes nothing.
fn prepare(run: &RunDir, args: &Resume) -> Result<(Recipe, Newest)> {
    let (meta, handle) = (run.status()?, train::handle(run));
    if meta.state.is_live() {
        bail!("{} is {}: torchscope attach {handle} shows it", run.name(), meta.state);
    }
    let newest = run.newest_checkpoint()?;
    let about = &newest.checkpoint.about;
    let path = run.recipe_path();
    let text = run.recipe_text()?;
    let mut recipe = Recipe::parse(&path.to_string_lossy(), &text)?;
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
    recipe.epochs = args.epochs.unwrap_or(recipe.epochs);
    check(&meta, about, &recipe, args, &handle)?;
    Ok((recipe, newest))
}

/// Whether anything would come of it.
fn check(meta: &RunMeta, about: &About, recipe: &Recipe, args: &Resume, handle: &str) -> Result<()> {
    let (step, per_epoch) = (format::count(about.step), meta.steps_per_epoch);
    let done = about.step.checked_div(per_epoch).unwrap_or(0);
    if per_epoch > 0 && recipe.epochs.saturating_mul(per_epoch) <= about.step {
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
