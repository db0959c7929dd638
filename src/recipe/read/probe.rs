//! `[probe]`, which may be left out.

use std::path::Path;

use super::super::error::RecipeError;
use super::super::fields::Fields;
use super::super::spec::ProbeSpec;
use super::{SCHEMA, paths};

pub(super) const KEYS: &[&str] = &["pictures", "samples"];
const MOST_PICTURES: usize = 16;
const MOST_SAMPLES: u64 = 100;
/// The picture that is built in, and no file.
const CAT: &str = "cat";

pub(super) fn read(fields: &Fields<'_>, folder: Option<&Path>) -> Result<ProbeSpec, RecipeError> {
    fields.only(KEYS, SCHEMA)?;
    let expected = "a list like [\"cat\", \"my/picture.png\"]";
    let given = fields.texts("pictures", MOST_PICTURES, expected)?;
    let picture = |(index, (given, place))| match given {
        CAT => Ok(CAT.to_owned()),
        path => paths::resolve(path, &format!("probe.pictures.{index}"), place, folder),
    };
    Ok(ProbeSpec {
        pictures: given.into_iter().enumerate().map(picture).collect::<Result<_, _>>()?,
        samples: fields.whole("samples", 0..=MOST_SAMPLES, Some(ProbeSpec::default().samples))?,
    })
}
