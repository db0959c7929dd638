//! From the TOML tree to a validated [`Recipe`]: which keys there are, their ranges and defaults.

use std::ops::Bound;

use super::error::{Place, RecipeError, brief, nearest};
use super::fields::{Fields, Path, Schema};
use super::network::infer;
use super::spec::{Activation, DataSpec, Device, Init, LayerSpec, Loss, ModelSpec, OptimizerSpec, Recipe, RecordSpec};
use super::tree::Node;

/// Data sets with more samples than this are refused, before anything is allocated for them.
pub const MOST_SAMPLES: usize = 10_000_000;
const MOST_EPOCHS: u64 = 1_000_000_000;
const MOST_LAYERS: usize = 1_000;
const MOST_UNITS: u64 = 1_000_000;
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
    "record",
];
const MOONS: &[&str] = &["kind", "samples", "noise", "seed"];
const MODEL: &[&str] = &["init", "layers"];
const DENSE: &[&str] = &["kind", "units", "activation"];
const SGD: &[&str] = &["kind", "lr", "momentum", "nesterov", "weight_decay"];
const RECORD: &[&str] = &["image_budget_mib", "probe_share"];
const SCHEMA: Schema =
    &[("", TOP), ("data", MOONS), ("model", MODEL), ("model.layers", DENSE), ("optimizer", SGD), ("record", RECORD)];

/// Reads the whole recipe.
pub(super) fn recipe(root: &Node) -> Result<Recipe, RecipeError> {
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
        seed: top.whole("seed", 0..=u64::MAX)?,
        epochs: top.whole("epochs", 1..=MOST_EPOCHS)?,
        batch_size: top.whole("batch_size", 1..=MOST_SAMPLES as u64)?,
        shuffle: top.flag("shuffle", true)?,
        pace: if top.has("pace") { Some(top.number("pace", 0.001..=1e6, None)?) } else { None },
        device: device(&top)?,
        loss: top.word("loss", Loss::ALL, Loss::name, None)?,
        data: data(&top.table("data")?)?,
        model: model(&top.table("model")?)?,
        optimizer: optimizer(&top.table("optimizer")?)?,
        record: if top.has("record") { record(&top.table("record")?)? } else { RecordSpec::default() },
    };
    fits(&top, &recipe)?;
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

fn data(fields: &Fields<'_>) -> Result<DataSpec, RecipeError> {
    fields.kind(&[("moons", MOONS)], SCHEMA)?;
    Ok(DataSpec::Moons {
        samples: fields.whole("samples", 2..=MOST_SAMPLES as u64)?,
        noise: fields.number("noise", 0.0..=1_000.0, None)?,
        seed: fields.whole("seed", 0..=u32::MAX.into())?,
    })
}

fn model(fields: &Fields<'_>) -> Result<ModelSpec, RecipeError> {
    fields.only(MODEL, SCHEMA)?;
    Ok(ModelSpec {
        init: fields.word("init", Init::ALL, Init::name, None)?,
        layers: layers(fields)?.iter().map(layer).collect::<Result<_, _>>()?,
    })
}

fn layers<'a>(model: &Fields<'a>) -> Result<Vec<Fields<'a>>, RecipeError> {
    model.tables("layers", "model.layers", MOST_LAYERS)
}

fn layer(fields: &Fields<'_>) -> Result<LayerSpec, RecipeError> {
    fields.kind(&[("dense", DENSE)], SCHEMA)?;
    Ok(LayerSpec::Dense {
        units: fields.whole("units", 1..=MOST_UNITS)?,
        activation: fields.word("activation", Activation::ALL, Activation::name, Some(Activation::Linear))?,
    })
}

fn optimizer(fields: &Fields<'_>) -> Result<OptimizerSpec, RecipeError> {
    fields.kind(&[("sgd", SGD)], SCHEMA)?;
    let momentum = fields.number("momentum", 0.0..1.0, Some(0.0))?;
    let nesterov = fields.flag("nesterov", false)?;
    let sgd = OptimizerSpec::Sgd {
        lr: fields.number("lr", (Bound::Excluded(0.0), Bound::Unbounded), None)?,
        momentum,
        nesterov,
        weight_decay: fields.number("weight_decay", 0.0.., Some(0.0))?,
    };
    if nesterov && momentum == 0.0 {
        return Err(fields.fault("nesterov", "needs a `momentum` above 0"));
    }
    Ok(sgd)
}

fn record(fields: &Fields<'_>) -> Result<RecordSpec, RecipeError> {
    fields.only(RECORD, SCHEMA)?;
    let default = RecordSpec::default();
    Ok(RecordSpec {
        image_budget_mib: fields.number("image_budget_mib", 0.0..=1_048_576.0, Some(default.image_budget_mib))?,
        probe_share: fields.number("probe_share", 0.0..=1.0, Some(default.probe_share))?,
    })
}

/// What no table can tell alone: layers must fit each other, the data and the loss.
fn fits(top: &Fields<'_>, recipe: &Recipe) -> Result<(), RecipeError> {
    let layers = layers(&top.table("model")?)?;
    let network = infer(&recipe.model.layers, &recipe.data.input_shape()).map_err(|misfit| {
        let place = layers.get(misfit.layer).map_or(&Place::Whole, |fields| fields.place("units"));
        misfit.error(place)
    })?;
    let (Some(last), Some(fields)) = (network.layers.last(), layers.last()) else {
        return Ok(());
    };
    if last.output_shape != recipe.data.target_shape() {
        let wanted: usize = recipe.data.target_shape().iter().product();
        let data = recipe.data.kind();
        return Err(fields.fault(
            "units",
            &format!("must be {wanted} in the last layer: `{data}` has {wanted} per sample to predict"),
        ));
    }
    if recipe.loss == Loss::Bce && last.activation != Activation::Sigmoid {
        let rest = format!(
            "must be `sigmoid` in the last layer, not `{}`, because `loss = \"bce\"` takes probabilities",
            last.activation
        );
        let error = fields.fault("activation", &rest);
        // Whoever turned a sound recipe into this one by an override looks for the fault there.
        return Err(match (fields.place("activation"), top.place("loss")) {
            (Place::Line(_), set @ Place::Set(_)) => error.at(set),
            _ => error,
        });
    }
    Ok(())
}
