//! Every key that a recipe may have, once: its type, range, default, and what it is for.
//!
//! Reading, errors, suggestions and `torchscope recipe --reference` all follow from [`TABLES`]. A new key is one row there,
//! and one field in [`super::spec`].

mod tables;
pub(super) mod texts;

use std::ops::Bound;

use super::error::listed;

pub use tables::{MOST_SAMPLES, TABLES};

/// A table of a recipe.
#[derive(Debug)]
pub struct Table {
    /// Dotted path, as `--set` takes it; empty for the top level. The items of a list of tables have an index behind it.
    pub path: &'static str,
    /// What it is for: one line without a full stop.
    pub about: &'static str,
    /// Whether it has to be there.
    pub presence: Presence,
    /// What its key `kind` may be; empty where it has no such key.
    pub kinds: &'static [Kind],
    /// Its keys beside `kind`, in the order in which to write them.
    pub keys: &'static [Key],
}

/// Whether a table has to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It has to.
    Needed,
    /// It may be left out; the kind is then this one, where it has kinds, and every key its default.
    Optional(Option<&'static str>),
    /// It is a list of 1 to so many tables.
    List(usize),
}

/// A value of the key `kind`.
#[derive(Debug)]
pub struct Kind {
    /// Its spelling.
    pub name: &'static str,
    /// What it is: one line without a full stop.
    pub about: &'static str,
}

/// A key, or what a key is for some of its table's kinds.
#[derive(Debug)]
pub struct Key {
    /// Its spelling.
    pub name: &'static str,
    /// The kinds of its table that have it; empty for all.
    pub kinds: &'static [&'static str],
    /// What its value may be.
    pub takes: Takes,
    /// What holds where it is left out.
    pub default: DefaultValue,
    /// What it is for: one line without a full stop.
    pub about: &'static str,
}

/// What a value may be.
#[derive(Clone, Copy, Debug)]
pub enum Takes {
    /// `true` or `false`.
    Flag,
    /// A whole number between two, which are allowed.
    Whole(u64, u64),
    /// A finite number between two bounds; whole numbers need no point.
    Number(Bound<f64>, Bound<f64>),
    /// One of a few words.
    Word(&'static [&'static str]),
    /// A text of a form of its own.
    Text(&'static Form),
    /// The path of a file that exists; in a recipe's text it starts at the folder of the recipe.
    Path(&'static str),
    /// A list of paths.
    Paths(&'static Paths),
    /// A column of a table, by its name or by its number from 1.
    Column,
    /// A list of columns.
    Columns,
    /// A list of 2 to so many names, all different.
    Names(usize),
}

/// A form of texts.
#[derive(Debug)]
pub struct Form {
    /// For "must be {this}".
    pub expected: &'static str,
    /// Whether a text has it.
    pub fits: fn(&str) -> bool,
    /// Texts of the form, to suggest one where another is near.
    pub near: &'static [&'static str],
}

/// A list of paths.
#[derive(Debug)]
pub struct Paths {
    /// For "must be {this}".
    pub expected: &'static str,
    /// The longest list.
    pub most: usize,
    /// An item that is built in, and no file.
    pub built_in: &'static str,
}

/// What holds where a key is left out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum DefaultValue {
    /// Nothing: it is needed.
    Needed,
    /// This flag.
    Flag(bool),
    /// This whole number.
    Whole(u64),
    /// This number.
    Number(f64),
    /// This word or text.
    Text(&'static str),
    /// An empty list.
    NoItems,
    /// The value of another key of the table, which stands before it.
    Key(&'static str),
    /// No value, and this is what it means.
    Unset(&'static str),
}

impl Table {
    /// The table at a dotted path.
    pub fn at(path: &str) -> Option<&'static Self> {
        TABLES.iter().find(|table| table.path == path)
    }

    /// Its heading in TOML; empty for the top level.
    pub fn heading(&self) -> String {
        match self.presence {
            Presence::List(_) => format!("[[{}]]", self.path),
            _ if self.path.is_empty() => String::new(),
            _ => format!("[{}]", self.path),
        }
    }

    /// The tables that are keys of this one, each with its name as such.
    pub fn children(&self) -> impl Iterator<Item = (&'static str, &'static Self)> + use<> {
        let parent = self.path;
        TABLES.iter().filter_map(move |table| {
            let (above, name) = table.path.rsplit_once('.').unwrap_or(("", table.path));
            (above == parent && !name.is_empty()).then_some((name, table))
        })
    }

    /// What a key is for a kind, or for any kind where `kind` is none.
    pub fn key(&self, name: &str, kind: Option<&str>) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name && kind.is_none_or(|kind| key.is_of(kind)))
    }

    /// Names of the keys and tables that it may have, of one kind or of all.
    pub fn allowed(&self, kind: Option<&str>) -> Vec<&'static str> {
        let mut names: Vec<&str> = Vec::new();
        if !self.kinds.is_empty() {
            names.push("kind");
        }
        for key in self.keys.iter().filter(|key| kind.is_none_or(|kind| key.is_of(kind))) {
            if !names.contains(&key.name) {
                names.push(key.name);
            }
        }
        names.extend(self.children().map(|(name, _)| name));
        names
    }

    /// Names of its kinds.
    pub fn kind_names(&self) -> Vec<&'static str> {
        self.kinds.iter().map(|kind| kind.name).collect()
    }

    /// Names of the kinds that have a key.
    pub fn kinds_with(&self, name: &str) -> Vec<&'static str> {
        let has = |kind: &&Kind| self.key(name, Some(kind.name)).is_some();
        self.kinds.iter().filter(has).map(|kind| kind.name).collect()
    }
}

impl Key {
    /// Whether tables of that kind have it.
    pub fn is_of(&self, kind: &str) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&kind)
    }
}

impl Takes {
    /// What a value must be, for "must be {this}".
    pub fn expected(&self) -> String {
        match *self {
            Self::Flag => "`true` or `false`".to_owned(),
            Self::Whole(least, most) => format!("a whole number from {} to {}", grouped(least), grouped(most)),
            Self::Number(low, high) => between(low, high),
            // One of them is a tabulator.
            Self::Word(words) => {
                let words: Vec<String> = words.iter().map(|word| word.escape_default().to_string()).collect();
                listed(&words.iter().map(String::as_str).collect::<Vec<_>>(), "or")
            }
            Self::Text(form) => form.expected.to_owned(),
            Self::Path(expected) => expected.to_owned(),
            Self::Paths(paths) => paths.expected.to_owned(),
            Self::Column => "the name of a column, or its number from 1".to_owned(),
            Self::Columns => "a list of columns by name or by number from 1, like [\"age\", 3]".to_owned(),
            Self::Names(_) => "a list of names like [\"cat\", \"dog\"]".to_owned(),
        }
    }
}

/// 10000000 as "10,000,000".
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn between(low: Bound<f64>, high: Bound<f64>) -> String {
    let number = |number: f64| {
        if number.fract() == 0.0 && number < 1e15 { grouped(number as u64) } else { format!("{number:?}") }
    };
    match (low, high) {
        (Bound::Excluded(low), Bound::Unbounded) => format!("a finite number above {}", number(low)),
        (Bound::Included(low), Bound::Unbounded) => format!("a finite number from {} up", number(low)),
        (Bound::Included(low), Bound::Excluded(high)) => {
            format!("a number from {} up to but not including {}", number(low), number(high))
        }
        (Bound::Included(low), Bound::Included(high)) => format!("a number from {} to {}", number(low), number(high)),
        (Bound::Excluded(low), Bound::Included(high)) => {
            format!("a number above {} and up to {}", number(low), number(high))
        }
        _ => "a finite number".to_owned(),
    }
}
