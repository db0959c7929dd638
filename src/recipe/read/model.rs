//! `[model]` and `[[model.layers]]`

use super::super::error::RecipeError;
use super::super::fields::{Fields, Kinds};
use super::super::spec::{Activation, Init, LayerSpec, ModelSpec, Padding};
use super::SCHEMA;

pub(super) const KEYS: &[&str] = &["init", "layers"];
/// Those of all kinds.
pub(super) const LAYER_KEYS: &[&str] =
    &["kind", "units", "filters", "kernel", "size", "stride", "padding", "rate", "activation"];
const KINDS: Kinds = &[
    ("dense", &["units", "activation"]),
    ("conv2d", &["filters", "kernel", "stride", "padding", "activation"]),
    ("max_pool2d", &["size", "stride", "padding"]),
    ("avg_pool2d", &["size", "stride", "padding"]),
    ("flatten", &[]),
    ("dropout", &["rate"]),
    ("batch_norm", &["activation"]),
];
const MOST_LAYERS: usize = 1_000;
const MOST_UNITS: u64 = 1_000_000;
const MOST_FILTERS: u64 = 65_536;
/// Side of a window, and pixels from one to the next.
const LONGEST_WINDOW: u64 = 255;

pub(super) fn read(fields: &Fields<'_>) -> Result<ModelSpec, RecipeError> {
    fields.only(KEYS, SCHEMA)?;
    Ok(ModelSpec {
        init: fields.word("init", Init::ALL, Init::name, None)?,
        layers: layers(fields)?.iter().map(layer).collect::<Result<_, _>>()?,
    })
}

/// The tables of the layers.
pub(super) fn layers<'a>(model: &Fields<'a>) -> Result<Vec<Fields<'a>>, RecipeError> {
    model.tables("layers", "model.layers", MOST_LAYERS)
}

fn layer(fields: &Fields<'_>) -> Result<LayerSpec, RecipeError> {
    Ok(match fields.kind(KINDS, SCHEMA)? {
        "conv2d" => LayerSpec::Conv2d {
            filters: fields.whole("filters", 1..=MOST_FILTERS, None)?,
            kernel: window(fields, "kernel", None)?,
            stride: window(fields, "stride", Some(1))?,
            padding: padding(fields)?,
            activation: activation(fields)?,
        },
        "max_pool2d" => {
            let size = window(fields, "size", None)?;
            LayerSpec::MaxPool2d { size, stride: window(fields, "stride", Some(size))?, padding: padding(fields)? }
        }
        "avg_pool2d" => {
            let size = window(fields, "size", None)?;
            LayerSpec::AvgPool2d { size, stride: window(fields, "stride", Some(size))?, padding: padding(fields)? }
        }
        "flatten" => LayerSpec::Flatten,
        "dropout" => LayerSpec::Dropout { rate: fields.number("rate", 0.0..1.0, None)? },
        "batch_norm" => LayerSpec::BatchNorm { activation: activation(fields)? },
        _ => LayerSpec::Dense { units: fields.whole("units", 1..=MOST_UNITS, None)?, activation: activation(fields)? },
    })
}

fn window(fields: &Fields<'_>, key: &str, default: Option<usize>) -> Result<usize, RecipeError> {
    fields.whole(key, 1..=LONGEST_WINDOW, default)
}

fn padding(fields: &Fields<'_>) -> Result<Padding, RecipeError> {
    fields.word("padding", Padding::ALL, Padding::name, Some(Padding::Valid))
}

fn activation(fields: &Fields<'_>) -> Result<Activation, RecipeError> {
    fields.word("activation", Activation::ALL, Activation::name, Some(Activation::Linear))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::LayerKind;

    #[test]
    fn the_schema_has_the_keys_of_every_kind() {
        for (kind, keys) in KINDS {
            assert!(keys.iter().all(|key| LAYER_KEYS.contains(key)), "{kind}");
        }
        let names: Vec<&str> = KINDS.iter().map(|(name, _)| *name).collect();
        assert!(LayerKind::ALL.iter().map(|kind| kind.name()).eq(names));
    }
}
