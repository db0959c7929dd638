//! Paths in a recipe.

use std::path::{self, Path};

use crate::recipe::error::{Place, Problem};

/// The file that `given` names, as an absolute path: the run directory keeps a copy of the recipe, which must mean the
/// same file. In a recipe's text paths start at `folder`, in an override at the current directory, as on any command line.
/// Without a folder `given` is taken as it is.
pub(super) fn resolve(given: &str, key: &str, place: &Place, folder: Option<&Path>) -> Result<String, Problem> {
    let fault = |rest: String| Problem::new(place, format!("`{key}` {rest}")).of_key(key);
    if given.is_empty() || given.chars().any(char::is_control) {
        return Err(fault("must be the path of a file".to_owned()));
    }
    let Some(folder) = folder else { return Ok(given.to_owned()) };
    let path = match place {
        Place::Option(_) => Path::new(given).to_owned(),
        Place::Line(_) | Place::Whole => folder.join(given),
    };
    let path = path::absolute(&path).unwrap_or(path);
    if !path.exists() {
        return Err(fault(format!("names {}, which does not exist", path.display())));
    }
    // TOML is UTF-8, and so is the copy of the recipe.
    let text = path.to_str().ok_or_else(|| fault(format!("names {}, which is not UTF-8", path.display())))?;
    Ok(text.to_owned())
}
