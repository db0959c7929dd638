//! The doors to a recipe: text, a file, or a built-in name.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use super::error::{Place, RecipeError, listed, nearest};
use super::spec::Recipe;
use super::{read, tree};

/// The recipes of `assets/recipes`, compiled in.
macro_rules! builtins {
    ($($name:literal),+ $(,)?) => {
        const NAMES: &[&str] = &[$($name),+];
        const TEXTS: &[&str] = &[$(include_str!(concat!("../../assets/recipes/", $name, ".toml"))),+];
    };
}

builtins!["moons"];

impl Recipe {
    /// Reads and checks the recipe in `text`; errors cite `source_name`.
    pub fn parse(source_name: &str, text: &str) -> Result<Self, RecipeError> {
        Self::with_overrides(source_name, text, &[])
    }

    /// As [`Recipe::parse`], after putting each value of `sets` where its dotted key points, in that order.
    ///
    /// `optimizer.lr` is a key, `model.layers.0.units` one in a list. A value is read as TOML where it is TOML and is a
    /// text otherwise. Errors that come from an override cite it: `--set optimizer.lrr=1`.
    pub fn with_overrides(source_name: &str, text: &str, sets: &[(String, String)]) -> Result<Self, RecipeError> {
        let parsed = || {
            let mut root = tree::parse(text)?;
            for (key, value) in sets {
                tree::set(&mut root, key, value)?;
            }
            read::recipe(&root)
        };
        parsed().map_err(|error: RecipeError| error.of_source(source_name))
    }

    /// The recipe that `name_or_path` names: a built-in one by that name, else the file at that path.
    pub fn load(name_or_path: impl AsRef<OsStr>, sets: &[(String, String)]) -> Result<Self, RecipeError> {
        let given = name_or_path.as_ref();
        let shown = given.to_string_lossy();
        match given.to_str().and_then(Self::builtin) {
            Some(text) => Self::with_overrides(&shown, text, sets),
            None => Self::with_overrides(&shown, &read_text(Path::new(given), &shown)?, sets),
        }
    }

    /// The text of a built-in recipe, comments and all: a start for one's own.
    pub fn builtin(name: &str) -> Option<&'static str> {
        NAMES.iter().position(|known| *known == name).map(|index| TEXTS[index])
    }

    /// Names of the built-in recipes.
    pub fn builtin_names() -> &'static [&'static str] {
        NAMES
    }

    /// The recipe with every default written out. Parsed again it is the same recipe.
    ///
    /// # Panics
    /// Never: a recipe is a table of texts, numbers, flags and tables, all of which TOML can write.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("a recipe holds nothing that TOML cannot write")
    }
}

/// The text at `path`, or one clear reason why there is none.
fn read_text(path: &Path, shown: &str) -> Result<String, RecipeError> {
    let fault = |problem: String| RecipeError::new(&Place::Whole, problem).of_source(shown);
    let cannot = |error: std::io::Error| fault(format!("cannot be read: {error}"));
    let builtin = listed(NAMES, "and");
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let built_in = if NAMES.len() == 1 { "is built in" } else { "are built in" };
            let problem = if path.components().count() > 1 || path.extension().is_some() {
                format!("there is no such file ({builtin} {built_in})")
            } else {
                format!("no recipe has this name; {builtin} {built_in}, any other needs the path of its TOML file")
            };
            return Err(fault(problem).suggesting(nearest(shown, NAMES)));
        }
        Err(error) => return Err(cannot(error)),
    };
    if file.metadata().map_err(cannot)?.is_dir() {
        let inside = path.join("recipe.toml");
        let inside = inside.is_file().then(|| inside.display().to_string());
        return Err(fault("is a directory, not a recipe file".to_owned()).suggesting(inside));
    }
    let mut bytes = Vec::new();
    file.take(tree::MOST_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() > tree::MOST_BYTES {
        return Err(fault(tree::too_long()));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.split(|byte| *byte == b'\n').count();
        RecipeError::new(&Place::Line(line), "not UTF-8 text, so not TOML").of_source(shown)
    })
}
