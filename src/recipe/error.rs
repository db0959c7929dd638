//! The one error of this module: what is wrong with a recipe, where, and what would be right.

use std::fmt::{self, Write as _};

/// Where in a recipe an error was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A line of the text, counted from 1.
    Line(usize),
    /// An override, as the user gave it: `optimizer.lrr=1` of `--set optimizer.lrr=1`.
    Set(String),
    /// The recipe as a whole: it could not be read, or a top-level key is missing.
    Whole,
}

/// A recipe that cannot be used. It displays as one line:
///
/// ```text
/// my.toml:12: unknown key `unit` in [[model.layers]]; did you mean `units`? Allowed: `kind`, `units`, `activation`
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct RecipeError {
    /// The file or built-in recipe, as the user named it.
    pub source_name: String,
    /// Where in it.
    pub place: Place,
    /// The dotted key at fault as `--set` would name it, e.g. `model.layers.0.units`.
    pub key: Option<String>,
    /// What is wrong, a sentence without its full stop.
    pub problem: String,
    /// What most likely was meant: a key or a value that is allowed there.
    pub suggestion: Option<String>,
    /// What is allowed there, where `problem` does not say it already.
    pub allowed: Option<String>,
}

impl RecipeError {
    /// The line at fault, counted from 1; none for overrides and for errors of the whole file.
    pub fn line(&self) -> Option<usize> {
        match self.place {
            Place::Line(line) => Some(line),
            Place::Set(_) | Place::Whole => None,
        }
    }
}

impl fmt::Display for RecipeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        match &self.place {
            Place::Line(line) => write!(text, "{}:{line}: ", self.source_name)?,
            Place::Set(set) => write!(text, "--set {set}: ")?,
            Place::Whole => write!(text, "{}: ", self.source_name)?,
        }
        text.push_str(&self.problem);
        if let Some(suggestion) = &self.suggestion {
            write!(text, "; did you mean `{suggestion}`?")?;
        }
        if let Some(allowed) = &self.allowed {
            let joint = if self.suggestion.is_some() { " Allowed: " } else { "; allowed: " };
            write!(text, "{joint}{allowed}")?;
        }
        // A key or a file name may hold anything, and this line goes to a terminal.
        for c in text.chars() {
            if c.is_control() {
                write!(f, "{}", c.escape_default())?;
            } else {
                f.write_char(c)?;
            }
        }
        Ok(())
    }
}

/// The word of `allowed` nearest to `given`, if any is near enough to be a slip of it.
/// Letter case does not count, and neither does the difference between `-` and `_`.
pub(super) fn nearest<'a>(given: &str, allowed: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    /// Share of letters that must agree; `lrr` and `lr` agree in two of three, `lr` and `units` in none.
    const NEAR: f64 = 0.6;
    if given.len() > 64 {
        return None;
    }
    let given = given.to_lowercase().replace('-', "_");
    allowed
        .into_iter()
        .map(|word| (strsim::normalized_damerau_levenshtein(&given, word), word))
        .filter(|(likeness, _)| *likeness >= NEAR)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, word)| word)
}

/// A list for people: `` `a`, `b`, `c` ``.
pub(super) fn listed<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    words.join(", ")
}

/// `text` short enough to be quoted in an error.
pub(super) fn brief(text: &str) -> String {
    const LONGEST: usize = 60;
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(LONGEST - 1).collect();
    short.push('…');
    short
}
