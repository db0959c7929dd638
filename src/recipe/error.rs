//! The one error of this module: all that is wrong with a recipe, where, and what would be right.

use std::fmt::{self, Write as _};

/// Where in a recipe a problem was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The recipe as a whole: it could not be read, or a top-level key is missing.
    Whole,
    /// A line of the text, counted from 1.
    Line(usize),
    /// An option of the command line, as the user gave it: `--set optimizer.lrr=1`, `--lr -1`.
    Option(String),
}

/// A recipe that cannot be used: everything that is wrong with it, one line each. A single problem displays as
///
/// ```text
/// my.toml:12: unknown key `unit` in [[model.layers]]; did you mean `units`? Allowed: `kind`, `units`, `activation`
/// ```
///
/// and several as such lines below one that counts them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct RecipeError {
    source_name: String,
    /// In the order of their places; never empty.
    problems: Vec<Problem>,
}

/// One thing that is wrong with a recipe. It displays as a line without its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem(Box<Report>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Report {
    place: Place,
    key: Option<String>,
    what: String,
    suggestion: Option<String>,
    allowed: Option<String>,
}

impl Problem {
    /// `what` is a sentence without its full stop.
    pub(super) fn new(place: &Place, what: impl Into<String>) -> Self {
        let place = place.clone();
        Self(Box::new(Report { place, key: None, what: what.into(), suggestion: None, allowed: None }))
    }

    pub(super) fn of_source(self, source_name: &str) -> RecipeError {
        RecipeError { source_name: source_name.to_owned(), problems: vec![self] }
    }

    pub(super) fn at(mut self, place: &Place) -> Self {
        self.0.place = place.clone();
        self
    }

    pub(super) fn of_key(mut self, key: impl Into<String>) -> Self {
        self.0.key = Some(key.into());
        self
    }

    pub(super) fn suggesting(mut self, word: Option<impl Into<String>>) -> Self {
        self.0.suggestion = word.map(Into::into);
        self
    }

    /// For problems that do not say themselves what is allowed.
    pub(super) fn allowing(mut self, allowed: impl Into<String>) -> Self {
        self.0.allowed = Some(allowed.into());
        self
    }

    /// Where in the recipe.
    pub fn place(&self) -> &Place {
        &self.0.place
    }

    /// The line at fault, counted from 1; none for options and for problems of the whole file.
    pub fn line(&self) -> Option<usize> {
        match self.0.place {
            Place::Line(line) => Some(line),
            Place::Option(_) | Place::Whole => None,
        }
    }

    /// The key at fault, dotted as `--set` would name it: `model.layers.0.units`. TOML that cannot be parsed has only
    /// the bare key of the line, if that.
    pub fn key(&self) -> Option<&str> {
        self.0.key.as_deref()
    }

    /// What most likely was meant: a key, word or path that is allowed there.
    pub fn suggestion(&self) -> Option<&str> {
        self.0.suggestion.as_deref()
    }
}

impl RecipeError {
    /// An error of all the problems, told in the order of their places, if there are any.
    pub(super) fn unless_none(source_name: &str, mut problems: Vec<Problem>) -> Result<(), Self> {
        // Those of one place as they were found.
        problems.sort_by_key(|problem| match problem.place() {
            Place::Whole => (0, 0),
            Place::Line(line) => (1, *line),
            Place::Option(_) => (2, 0),
        });
        if problems.is_empty() { Ok(()) } else { Err(Self { source_name: source_name.to_owned(), problems }) }
    }

    /// The file or built-in recipe, as the user named it.
    pub fn source_name(&self) -> &str {
        &self.source_name
    }

    /// Everything that is wrong, in the order of the text, options last; at least one.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Place of the first problem.
    pub fn place(&self) -> &Place {
        self.problems[0].place()
    }

    /// Line of the first problem.
    pub fn line(&self) -> Option<usize> {
        self.problems[0].line()
    }

    /// Key of the first problem.
    pub fn key(&self) -> Option<&str> {
        self.problems[0].key()
    }

    /// Suggestion for the first problem.
    pub fn suggestion(&self) -> Option<&str> {
        self.problems[0].suggestion()
    }
}

impl fmt::Display for RecipeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// More than that is no recipe, and pushes the first off the screen.
        const MOST: usize = 20;
        let source_name = &self.source_name;
        if let [problem] = &self.problems[..] {
            return write_safely(f, &problem.line_of(source_name));
        }
        write_safely(f, &format!("{source_name} has {} errors:", self.problems.len()))?;
        for problem in self.problems.iter().take(MOST) {
            f.write_char('\n')?;
            write_safely(f, &problem.line_of(source_name))?;
        }
        match self.problems.len().saturating_sub(MOST) {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

impl Problem {
    /// With its place in front.
    fn line_of(&self, source_name: &str) -> String {
        match &self.0.place {
            Place::Line(line) => format!("{source_name}:{line}: {self}"),
            Place::Option(option) => format!("{option}: {self}"),
            Place::Whole => format!("{source_name}: {self}"),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { what, suggestion, allowed, .. } = &*self.0;
        let mut text = what.clone();
        if let Some(suggestion) = suggestion {
            write!(text, "; did you mean `{suggestion}`?")?;
        }
        if let Some(allowed) = allowed {
            let joint = if suggestion.is_some() { " Allowed" } else { "; allowed" };
            write!(text, "{joint}: {allowed}")?;
        }
        write_safely(f, &text)
    }
}

/// A key or a file name may hold anything, and these lines go to a terminal.
fn write_safely(f: &mut fmt::Formatter<'_>, line: &str) -> fmt::Result {
    for c in line.chars() {
        if c.is_control() {
            write!(f, "{}", c.escape_default())?;
        } else {
            f.write_char(c)?;
        }
    }
    Ok(())
}

/// What users of other libraries write, and what it is called here. Where a word stands twice, the first that is allowed
/// in its place is meant.
const ALIASES: &[(&str, &str)] = &[
    ("adam_w", "adamw"),
    ("average_pool", "avg_pool2d"),
    ("average_pooling2d", "avg_pool2d"),
    ("avgpool2d", "avg_pool2d"),
    ("batch", "batch_size"),
    ("batch_norm1d", "batch_norm"),
    ("batch_norm2d", "batch_norm"),
    ("batch_normalization", "batch_norm"),
    ("betas", "beta1"),
    ("binary_cross_entropy", "bce"),
    ("binary_crossentropy", "bce"),
    ("categorical_crossentropy", "cross_entropy"),
    ("channels", "filters"),
    ("cluster_std", "spread"),
    ("conv", "conv2d"),
    ("digits", "mnist"),
    ("eps", "epsilon"),
    ("eta_min", "floor"),
    ("fc", "dense"),
    ("gamma", "factor"),
    ("glorot", "keras"),
    ("glorot_uniform", "keras"),
    ("gpu", "cuda"),
    ("identity", "linear"),
    ("kernel_size", "kernel"),
    ("kernel_size", "size"),
    ("learning_rate", "lr"),
    ("linear", "dense"),
    ("max_pool", "max_pool2d"),
    ("max_pooling2d", "max_pool2d"),
    ("maxpool2d", "max_pool2d"),
    ("mean_squared_error", "mse"),
    ("n_samples", "samples"),
    ("nll", "cross_entropy"),
    ("neurons", "units"),
    ("none", "linear"),
    ("out_channels", "filters"),
    ("p", "rate"),
    ("pool_size", "size"),
    ("pytorch", "torch"),
    ("random_state", "seed"),
    ("rho", "alpha"),
    ("size", "units"),
    ("size", "kernel"),
    ("softmax", "linear"),
    ("sparse_categorical_crossentropy", "cross_entropy"),
    ("step_size", "every"),
    ("type", "kind"),
];

/// What `given` may be called here: itself in the spelling of recipes, then what other libraries' word stands for.
pub(super) fn our_words(given: &str) -> Vec<String> {
    let given = given.to_lowercase().replace('-', "_");
    let ours: Vec<String> =
        ALIASES.iter().filter(|(theirs, _)| *theirs == given).map(|(_, ours)| (*ours).to_owned()).collect();
    std::iter::once(given).chain(ours).collect()
}

/// The word of `allowed` that `given` most likely stands for: another library's word for it, or a slip of the pen.
/// Letter case does not count, and neither does the difference between `-` and `_`.
pub(super) fn nearest<'a>(given: &str, allowed: &[&'a str]) -> Option<&'a str> {
    /// Share of letters that must agree: `lrr` and `lr` agree in two of three, `lr` and `units` in none.
    const NEAR: f64 = 0.6;
    const LONGEST: usize = 64;
    if given.len() > LONGEST {
        return None;
    }
    let words = our_words(given);
    let likeness = |word: &str| strsim::normalized_damerau_levenshtein(&words[0], word);
    words.iter().find_map(|ours| allowed.iter().copied().find(|word| word == ours)).or_else(|| {
        let word = allowed.iter().copied().max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
        (likeness(word) >= NEAR).then_some(word)
    })
}

/// A list for people, each in backticks: "`a`, `b` or `c`" with the joint "or".
pub(super) fn listed(words: &[&str], joint: &str) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} {joint} {last}", others.join(", ")),
        None => "nothing".to_owned(),
    }
}

/// `text` short enough to be quoted in an error.
pub(super) fn brief(text: &str) -> String {
    const LONGEST: usize = 60;
    if text.chars().nth(LONGEST).is_none() {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(LONGEST - 1).collect();
    short.push('…');
    short
}
