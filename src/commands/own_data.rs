//! `torchscope train --data`: a recipe for data that come without one.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use color_eyre::eyre::{Result, WrapErr as _, eyre};

use super::say;
use crate::data;
use crate::recipe::Answer;
use crate::recipe::Override;
use crate::recipe::Recipe;

/// The recipe that fits the data at `path`, with what the command line sets in it.
pub(super) fn recipe(path: &Path, overrides: &[Override]) -> Result<Recipe> {
    let spec = Recipe::data_with(path, &data::recognise(path)?, overrides)?;
    let mut shape = data::describe(&spec)?;
    if shape.answer == Answer::UnknownClasses {
        // Too much to see at a look: only all of it says how many classes there are.
        shape = data::load(&spec)?.shape(spec.target());
    }
    let text = Recipe::fitting(path, &spec, &shape);
    Ok(Recipe::parse_with(&format!("--data {}", path.display()), &text, overrides, Some(&data::look))?)
}

/// Prints the recipe, and keeps it in a new file if it is to be kept.
pub(super) fn show(recipe: &Recipe, save: Option<&Path>) -> Result<()> {
    let text = recipe.to_commented_toml();
    if let Some(path) = save {
        keep(path, &text)?;
    }
    say(&text)?;
    if let Some(path) = save {
        say(&format!("kept in {0}; torchscope train {0} trains it again\n", path.display()))?;
    }
    Ok(())
}

/// Writes a file that was not there: whatever has the name already may be somebody's work.
fn keep(path: &Path, text: &str) -> Result<()> {
    let file = OpenOptions::new().write(true).create_new(true).open(path);
    let mut file = match file {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let shown = path.display();
            return Err(eyre!(
                "`{shown}` exists already and is not overwritten; give `--save` another name, or train what it holds: \
                 torchscope train {shown}"
            ));
        }
        file => file.wrap_err_with(|| format!("`--save {}` cannot be written", path.display()))?,
    };
    file.write_all(text.as_bytes()).wrap_err_with(|| format!("`--save {}` cannot be written", path.display()))
}
