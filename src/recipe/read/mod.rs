//! From the TOML tree to a validated [`Recipe`].

mod check;
mod fits;
mod paths;

use std::path::Path;

use super::error::{Place, Problem, RecipeError};
use super::load::Look;
use super::spec::Recipe;
use super::tree::Node;

/// Reads the whole recipe, or tells everything that is wrong with it. Relative paths in it start at `folder`, and are left
/// as they are if there is none. What the data ask of the network is found out by `look` where the recipe does not say;
/// without it that is not checked.
pub(super) fn recipe(
    source_name: &str,
    root: &Node,
    folder: Option<&Path>,
    look: Option<Look<'_>>,
) -> Result<Recipe, RecipeError> {
    let (values, problems) = check::values(root, folder);
    RecipeError::unless_none(source_name, problems)?;
    // What the table of keys allows fits the fields of the recipe: the tests try every kind of every table.
    let recipe = serde_json::from_value(values)
        .map_err(|error| Problem::new(&Place::Whole, format!("cannot be read: {error}")).of_source(source_name))?;
    RecipeError::unless_none(source_name, fits::problems(root, &recipe, look))?;
    Ok(recipe)
}

#[cfg(test)]
mod tests;
