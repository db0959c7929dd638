//! From the TOML tree to a validated [`Recipe`]: which keys there are, their ranges and defaults.

mod data;
mod fits;
mod model;
mod optimizer;
mod own_data;
mod paths;
mod probe;
mod schedule;

use std::path::Path as FilePath;

use super::error::{RecipeError, brief, nearest};
use super::fields::{Fields, Path, Schema};
use super::load::Look;
use super::spec::{Device, Loss, ProbeSpec, Recipe, RecordSpec, ScheduleSpec};
use super::tree::Node;

/// Data sets with more samples than this are refused, before anything is allocated for them.
pub const MOST_SAMPLES: usize = 10_000_000;
const MOST_EPOCHS: u64 = 1_000_000_000;
const LONGEST_NAME: usize = 64;
const LONGEST_TITLE: usize = 120;

const TOP: &[&str] = &[
    "name",
    "title",
    "seed",
    "epochs",
    "batch_size",
    "shuffle",
    "pace",
    "device",
    "loss",
    "data",
    "model",
    "optimizer",
    "schedule",
    "probe",
    "record",
];
const RECORD: &[&str] = &["image_budget_mib", "probe_share", "checkpoint_seconds"];
const SCHEMA: Schema = &[
    ("", TOP),
    ("data", data::KEYS),
    ("model", model::KEYS),
    ("model.layers", model::LAYER_KEYS),
    ("optimizer", optimizer::KEYS),
    ("schedule", schedule::KEYS),
    ("probe", probe::KEYS),
    ("record", RECORD),
];

/// Reads the whole recipe. Relative paths in it start at `folder`, and are left as they are if there is none. What the data
/// ask of the network is found out by `look` where the recipe does not say; without it that is not checked.
pub(super) fn recipe(root: &Node, folder: Option<&FilePath>, look: Option<Look<'_>>) -> Result<Recipe, RecipeError> {
    let top = Fields::new(root, Path::Top)?;
    top.only(TOP, SCHEMA)?;
    let name = top.text(
        "name",
        None,
        "a text of a-z, 0-9, `_` and `-`, at most 64 long, that starts with a letter or digit",
        name,
    )?;
    let recipe = Recipe {
        title: top.text("title", Some(name.clone()), "one line of text, at most 120 long", title)?,
        name,
        seed: top.whole("seed", 0..=u64::MAX, None)?,
        epochs: top.whole("epochs", 0..=MOST_EPOCHS, None)?,
        batch_size: top.whole("batch_size", 1..=MOST_SAMPLES as u64, None)?,
        shuffle: top.flag("shuffle", true)?,
        pace: if top.has("pace") { Some(top.number("pace", 0.001..=1e6, None)?) } else { None },
        device: device(&top)?,
        loss: top.word("loss", Loss::ALL, Loss::name, None)?,
        data: data::read(&top.table("data")?, folder)?,
        model: model::read(&top.table("model")?)?,
        optimizer: optimizer::read(&top.table("optimizer")?)?,
        schedule: if top.has("schedule") { schedule::read(&top.table("schedule")?)? } else { ScheduleSpec::default() },
        probe: if top.has("probe") { probe::read(&top.table("probe")?, folder)? } else { ProbeSpec::default() },
        record: if top.has("record") { record(&top.table("record")?)? } else { RecordSpec::default() },
    };
    let shape = match (recipe.data.shape(), look) {
        (Some(shape), _) => Some(shape),
        (None, Some(look)) => {
            let data = top.table("data")?;
            Some(look(&recipe.data).map_err(|problem| data.itself(&format!("cannot be used: {problem}")))?)
        }
        (None, None) => None,
    };
    if let Some(shape) = shape {
        fits::check(&top, &recipe, &shape)?;
    }
    Ok(recipe)
}

fn name(text: &str) -> Option<String> {
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let fine =
        text.starts_with(word) && text.len() <= LONGEST_NAME && text.chars().all(|c| word(c) || c == '_' || c == '-');
    fine.then(|| text.to_owned())
}

fn title(text: &str) -> Option<String> {
    let fine = !text.trim().is_empty() && text.chars().count() <= LONGEST_TITLE && !text.chars().any(char::is_control);
    fine.then(|| text.to_owned())
}

fn device(top: &Fields<'_>) -> Result<Device, RecipeError> {
    let mut given = None;
    let expected = "`auto`, `cpu`, `cuda` or `cuda:N` with N from 0 to 255";
    let found = top.text("device", Some(Device::Auto), expected, |text| {
        given = Some(brief(text));
        text.parse().ok()
    });
    found.map_err(|error| match given {
        Some(text) => error.suggesting(nearest(&text, &["auto", "cpu", "cuda"])),
        None => error,
    })
}

fn record(fields: &Fields<'_>) -> Result<RecordSpec, RecipeError> {
    fields.only(RECORD, SCHEMA)?;
    let default = RecordSpec::default();
    Ok(RecordSpec {
        image_budget_mib: fields.number("image_budget_mib", 0.0..=1_048_576.0, Some(default.image_budget_mib))?,
        probe_share: fields.number("probe_share", 0.0..=1.0, Some(default.probe_share))?,
        checkpoint_seconds: fields.number("checkpoint_seconds", 0.0..=1e6, Some(default.checkpoint_seconds))?,
    })
}
