//! `[optimizer]`, with `PyTorch`'s defaults.

use std::ops::Bound;

use super::super::error::RecipeError;
use super::super::fields::{Fields, Kinds};
use super::super::spec::{AdamSpec, OptimizerSpec};
use super::SCHEMA;

const ADAM: &[&str] = &["lr", "beta1", "beta2", "epsilon", "weight_decay"];
const KINDS: Kinds = &[
    ("sgd", &["lr", "momentum", "nesterov", "weight_decay"]),
    ("adam", ADAM),
    ("adamw", ADAM),
    ("rmsprop", &["lr", "alpha", "epsilon", "momentum", "weight_decay"]),
];
/// Those of all kinds.
pub(super) const KEYS: &[&str] =
    &["kind", "lr", "momentum", "nesterov", "beta1", "beta2", "alpha", "epsilon", "weight_decay"];

pub(super) fn read(fields: &Fields<'_>) -> Result<OptimizerSpec, RecipeError> {
    Ok(match fields.kind(KINDS, SCHEMA)? {
        "adam" => OptimizerSpec::Adam(adam(fields, 0.0)?),
        "adamw" => OptimizerSpec::AdamW(adam(fields, 0.01)?),
        "rmsprop" => OptimizerSpec::RmsProp {
            lr: above_zero(fields, "lr", None)?,
            alpha: share(fields, "alpha", 0.99)?,
            epsilon: above_zero(fields, "epsilon", Some(1e-8))?,
            momentum: share(fields, "momentum", 0.0)?,
            weight_decay: weight_decay(fields, 0.0)?,
        },
        _ => sgd(fields)?,
    })
}

fn sgd(fields: &Fields<'_>) -> Result<OptimizerSpec, RecipeError> {
    let momentum = share(fields, "momentum", 0.0)?;
    let nesterov = fields.flag("nesterov", false)?;
    let sgd = OptimizerSpec::Sgd {
        lr: above_zero(fields, "lr", None)?,
        momentum,
        nesterov,
        weight_decay: weight_decay(fields, 0.0)?,
    };
    if nesterov && momentum == 0.0 {
        return Err(fields.fault("nesterov", "needs a `momentum` above 0"));
    }
    Ok(sgd)
}

fn adam(fields: &Fields<'_>, decay: f64) -> Result<AdamSpec, RecipeError> {
    Ok(AdamSpec {
        lr: above_zero(fields, "lr", None)?,
        beta1: share(fields, "beta1", 0.9)?,
        beta2: share(fields, "beta2", 0.999)?,
        epsilon: above_zero(fields, "epsilon", Some(1e-8))?,
        weight_decay: weight_decay(fields, decay)?,
    })
}

fn above_zero(fields: &Fields<'_>, key: &str, default: Option<f64>) -> Result<f64, RecipeError> {
    fields.number(key, (Bound::Excluded(0.0), Bound::Unbounded), default)
}

fn share(fields: &Fields<'_>, key: &str, default: f64) -> Result<f64, RecipeError> {
    fields.number(key, 0.0..1.0, Some(default))
}

fn weight_decay(fields: &Fields<'_>, default: f64) -> Result<f64, RecipeError> {
    fields.number("weight_decay", 0.0.., Some(default))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_has_the_keys_of_every_kind() {
        for (kind, keys) in KINDS {
            assert!(keys.iter().all(|key| KEYS.contains(key)), "{kind}");
        }
    }
}
