//! `[schedule]`, which may be left out.

use std::ops::Bound;

use super::super::error::RecipeError;
use super::super::fields::{Fields, Kinds};
use super::super::spec::ScheduleSpec;
use super::{MOST_EPOCHS, SCHEMA};

const KINDS: Kinds =
    &[("constant", &["warmup"]), ("step", &["every", "factor", "warmup"]), ("cosine", &["floor", "warmup"])];
/// Those of all kinds.
pub(super) const KEYS: &[&str] = &["kind", "every", "factor", "floor", "warmup"];

pub(super) fn read(fields: &Fields<'_>) -> Result<ScheduleSpec, RecipeError> {
    let kind = fields.kind(KINDS, SCHEMA)?;
    let most = MOST_EPOCHS as f64;
    let warmup = fields.number("warmup", 0.0..=most, Some(0.0))?;
    Ok(match kind {
        "step" => ScheduleSpec::Step {
            every: fields.number("every", (Bound::Excluded(0.0), Bound::Included(most)), None)?,
            factor: fields.number("factor", (Bound::Excluded(0.0), Bound::Included(1.0)), Some(0.1))?,
            warmup,
        },
        "cosine" => ScheduleSpec::Cosine { floor: fields.number("floor", 0.0..=1.0, Some(0.0))?, warmup },
        _ => ScheduleSpec::Constant { warmup },
    })
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
