//! Reading typed values out of a TOML table, with errors that say what was expected.

use std::ops::{Bound, RangeBounds, RangeInclusive};

use super::error::{Place, RecipeError, brief, listed, nearest, our_words};
use super::tree::{Entry, Node, Value};

/// Which keys each table has, by the table's dotted path; to tell where a misplaced key belongs.
pub(super) type Schema = &'static [(&'static str, &'static [&'static str])];

/// The kinds of a table and which keys each has beside `kind`.
pub(super) type Kinds = &'static [(&'static str, &'static [&'static str])];

/// One table of a recipe.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    entries: &'a [Entry],
    place: &'a Place,
    path: Path<'a>,
}

/// Where a table stands in the recipe.
#[derive(Clone, Copy)]
pub(super) enum Path<'a> {
    Top,
    Table(&'a str),
    /// An item of the list of tables of that name, from 0.
    Item(&'a str, usize),
}

impl Path<'_> {
    fn of_key(&self, key: &str) -> String {
        match self {
            Self::Top => key.to_owned(),
            Self::Table(name) => format!("{name}.{key}"),
            Self::Item(name, index) => format!("{name}.{index}.{key}"),
        }
    }

    /// Its name in a [`Schema`].
    fn table(&self) -> &str {
        match self {
            Self::Top => "",
            Self::Table(name) | Self::Item(name, _) => name,
        }
    }

    /// The table itself as `--set` would name it.
    fn dotted(&self) -> String {
        match self {
            Self::Top => String::new(),
            Self::Table(name) => (*name).to_owned(),
            Self::Item(name, index) => format!("{name}.{index}"),
        }
    }

    /// As its heading in TOML, for " in {}".
    fn heading(&self) -> String {
        match self {
            Self::Top => String::new(),
            Self::Table(name) => format!(" in [{name}]"),
            Self::Item(name, _) => format!(" in [[{name}]]"),
        }
    }
}

impl<'a> Fields<'a> {
    /// `node` as a table, or an error that says how to write one.
    pub(super) fn new(node: &'a Node, path: Path<'a>) -> Result<Self, RecipeError> {
        match &node.value {
            Value::Table(entries) => Ok(Self { entries, place: &node.place, path }),
            other => {
                let name = path.dotted();
                let how = match path {
                    Path::Item(list, _) => format!("[[{list}]]"),
                    Path::Top | Path::Table(_) => format!("[{name}]"),
                };
                let problem =
                    format!("`{name}` must be a table, not {}; write {how} and its keys below", other.shown());
                Err(RecipeError::new(&node.place, problem).of_key(name))
            }
        }
    }

    /// Refuses keys that are not among `allowed`.
    pub(super) fn only(&self, allowed: &[&str], schema: Schema) -> Result<(), RecipeError> {
        match self.unknown(allowed) {
            Some(entry) => Err(self.stranger(entry, allowed, schema)),
            None => Ok(()),
        }
    }

    fn unknown(&self, allowed: &[&str]) -> Option<&'a Entry> {
        self.entries.iter().find(|entry| !allowed.contains(&entry.key.as_str()))
    }

    /// The error about a key that is not among `allowed`: where it belongs if another table has it, else what was meant.
    fn stranger(&self, entry: &Entry, allowed: &[&str], schema: Schema) -> RecipeError {
        let key = entry.key.as_str();
        let problem = format!("unknown key `{}`{}", brief(key), self.path.heading());
        let path = self.path.of_key(&brief(key));
        let words = our_words(key);
        let known = words.iter().any(|word| allowed.contains(&word.as_str()));
        let home = words.iter().filter(|word| *word != "kind").find_map(|word| {
            let table = schema.iter().find(|(_, keys)| keys.contains(&word.as_str()))?.0;
            (table != self.path.table()).then_some((word, table))
        });
        if let (false, Some((ours, table))) = (known, home) {
            let (of_override, belongs) = match table {
                "" => (ours.clone(), "at the top, above the first [table]".to_owned()),
                "model.layers" => (format!("{table}.0.{ours}"), format!("in [[{table}]]")),
                table => (format!("{table}.{ours}"), format!("in [{table}]")),
            };
            return match entry.place {
                Place::Set(_) => RecipeError::new(&entry.place, problem).of_key(path).suggesting(Some(of_override)),
                _ => RecipeError::new(&entry.place, format!("{problem}; `{ours}` belongs {belongs}")).of_key(path),
            };
        }
        RecipeError::new(&entry.place, problem)
            .of_key(path)
            .suggesting(nearest(key, allowed))
            .allowing(allowed.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "))
    }

    /// The `kind` of this table, one of `kinds` with the keys that each allows beside it; refuses all others.
    pub(super) fn kind(&self, kinds: Kinds, schema: Schema) -> Result<&'static str, RecipeError> {
        let names: Vec<&'static str> = kinds.iter().map(|(name, _)| *name).collect();
        if self.entry("kind").is_none() {
            // `knd = "dense"` is an unknown key before it is a missing one.
            let mut all = vec!["kind"];
            for key in kinds.iter().flat_map(|(_, keys)| keys.iter().copied()) {
                if !all.contains(&key) {
                    all.push(key);
                }
            }
            self.only(&all, schema)?;
        }
        let kind = self.word("kind", &names, |name| name, None)?;
        let keys = kinds.iter().find(|(name, _)| *name == kind).map_or(&[][..], |(_, keys)| keys);
        let allowed: Vec<&str> = std::iter::once("kind").chain(keys.iter().copied()).collect();
        let Some(entry) = self.unknown(&allowed) else { return Ok(kind) };
        let others: Vec<&str> =
            kinds.iter().filter(|(_, keys)| keys.contains(&entry.key.as_str())).map(|(name, _)| *name).collect();
        if others.is_empty() {
            return Err(self.stranger(entry, &allowed, schema));
        }
        let problem = format!(
            "unknown key `{}`{}: {} has it, `{kind}` has not",
            entry.key,
            self.path.heading(),
            listed(&others, "or")
        );
        Err(RecipeError::new(&entry.place, problem)
            .of_key(self.path.of_key(&entry.key))
            .suggesting(nearest(&entry.key, &allowed))
            .allowing(allowed.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")))
    }

    fn entry(&self, key: &str) -> Option<&'a Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// Whether the key is there at all.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entry(key).is_some()
    }

    /// Where `key` stands, or its table where it does not.
    pub(super) fn place(&self, key: &str) -> &'a Place {
        self.entry(key).map_or(self.place, |entry| &entry.place)
    }

    /// An error about `key`: "`path.key` {rest}".
    pub(super) fn fault(&self, key: &str, rest: &str) -> RecipeError {
        let path = self.path.of_key(key);
        RecipeError::new(self.place(key), format!("`{path}` {rest}")).of_key(path)
    }

    /// An error about this table as a whole: "`path` {rest}", at its kind.
    pub(super) fn itself(&self, rest: &str) -> RecipeError {
        let path = self.path.dotted();
        RecipeError::new(self.place("kind"), format!("`{path}` {rest}")).of_key(path)
    }

    fn missing(&self, key: &str, expected: &str) -> RecipeError {
        let problem = format!("missing key `{key}`{}: {expected}", self.path.heading());
        // The top of the file is no place to look at.
        let place = if matches!(self.path, Path::Top) { &Place::Whole } else { self.place };
        RecipeError::new(place, problem).of_key(self.path.of_key(key))
    }

    /// The value of `key` as `convert` takes it; `expected` says what it takes.
    pub(super) fn read<T>(
        &self,
        key: &str,
        default: Option<T>,
        expected: &str,
        convert: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<T, RecipeError> {
        match (self.entry(key), default) {
            (Some(entry), _) => convert(&entry.node.value)
                .ok_or_else(|| self.fault(key, &format!("must be {expected}, not {}", entry.node.value.shown()))),
            (None, Some(default)) => Ok(default),
            (None, None) => Err(self.missing(key, expected)),
        }
    }

    /// A whole number within `range`.
    pub(super) fn whole<T: TryFrom<u64>>(
        &self,
        key: &str,
        range: RangeInclusive<u64>,
        default: Option<T>,
    ) -> Result<T, RecipeError> {
        let expected = format!("a whole number from {} to {}", grouped(*range.start()), grouped(*range.end()));
        self.read(key, default, &expected, |value| match value {
            Value::Whole(number) => {
                u64::try_from(*number).ok().filter(|number| range.contains(number))?.try_into().ok()
            }
            _ => None,
        })
    }

    /// A finite number within `range`; whole numbers need no point.
    pub(super) fn number(
        &self,
        key: &str,
        range: impl RangeBounds<f64>,
        default: Option<f64>,
    ) -> Result<f64, RecipeError> {
        self.read(key, default, &described(&range), |value| {
            let number = match value {
                Value::Whole(number) => *number as f64,
                Value::Number(number) => *number,
                _ => return None,
            };
            (number.is_finite() && range.contains(&number)).then_some(number)
        })
    }

    /// `true` or `false`.
    pub(super) fn flag(&self, key: &str, default: bool) -> Result<bool, RecipeError> {
        self.read(key, Some(default), "`true` or `false`", |value| match value {
            Value::Flag(flag) => Some(*flag),
            _ => None,
        })
    }

    /// A text that `convert` takes; `expected` says what it takes.
    pub(super) fn text<T>(
        &self,
        key: &str,
        default: Option<T>,
        expected: &str,
        convert: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, RecipeError> {
        self.read(key, default, expected, |value| match value {
            Value::Text(text) => convert(text),
            _ => None,
        })
    }

    /// A list of texts, at most `most`, each with where it stands; none where the key is missing. `expected` says what
    /// the key takes.
    pub(super) fn texts(
        &self,
        key: &str,
        most: usize,
        expected: &str,
    ) -> Result<Vec<(&'a str, &'a Place)>, RecipeError> {
        let Some(entry) = self.entry(key) else { return Ok(Vec::new()) };
        let Value::List(nodes) = &entry.node.value else {
            return Err(self.fault(key, &format!("must be {expected}, not {}", entry.node.value.shown())));
        };
        if nodes.len() > most {
            return Err(self.fault(key, &format!("must have at most {most} items, not {}", nodes.len())));
        }
        let text = |(index, node): (usize, &'a Node)| match &node.value {
            Value::Text(text) => Ok((text.as_str(), &node.place)),
            other => {
                let path = self.path.of_key(&format!("{key}.{index}"));
                let problem = format!("`{path}` must be a text, not {}", other.shown());
                Err(RecipeError::new(&node.place, problem).of_key(path))
            }
        };
        nodes.iter().enumerate().map(text).collect()
    }

    /// Where the value of `key` stands.
    pub(super) fn value_place(&self, key: &str) -> &'a Place {
        self.entry(key).map_or(self.place, |entry| &entry.node.place)
    }

    /// The override that touched one of the keys, the last of the table's that did.
    pub(super) fn overridden(&self, keys: impl Fn(&str) -> bool) -> Option<&'a Place> {
        let places =
            self.entries.iter().filter(|entry| keys(&entry.key)).flat_map(|entry| [&entry.place, &entry.node.place]);
        places.filter(|place| matches!(place, Place::Set(_))).last()
    }

    /// One of a few words, with a suggestion where another was meant.
    pub(super) fn word<T: Copy>(
        &self,
        key: &str,
        all: &[T],
        name: fn(T) -> &'static str,
        default: Option<T>,
    ) -> Result<T, RecipeError> {
        let names: Vec<&str> = all.iter().map(|word| name(*word)).collect();
        let found =
            self.text(key, default, &listed(&names, "or"), |text| all.iter().copied().find(|word| name(*word) == text));
        found.map_err(|error| match self.entry(key).map(|entry| &entry.node.value) {
            Some(Value::Text(text)) => error.suggesting(nearest(text, &names)),
            _ => error,
        })
    }

    /// The table `key` of the top level.
    pub(super) fn table(&self, key: &'a str) -> Result<Fields<'a>, RecipeError> {
        let entry = self
            .entry(key)
            .ok_or_else(|| RecipeError::new(&Place::Whole, format!("missing table [{key}]")).of_key(key))?;
        Fields::new(&entry.node, Path::Table(key))
    }

    /// The list of tables `key`, whose dotted path is `path`; 1 to `most` of them.
    pub(super) fn tables(&self, key: &str, path: &'a str, most: usize) -> Result<Vec<Fields<'a>>, RecipeError> {
        let Some(entry) = self.entry(key) else {
            return Err(self.missing(key, &format!("write [[{path}]] above each")));
        };
        let Value::List(nodes) = &entry.node.value else {
            let rest =
                format!("must be a list of tables, not {}; write [[{path}]] above each", entry.node.value.shown());
            return Err(self.fault(key, &rest));
        };
        if nodes.is_empty() || nodes.len() > most {
            return Err(self.fault(key, &format!("must have from 1 to {most} tables, not {}", nodes.len())));
        }
        nodes.iter().enumerate().map(|(index, node)| Fields::new(node, Path::Item(path, index))).collect()
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

fn described(range: &impl RangeBounds<f64>) -> String {
    let number = |number: &f64| if number.fract() == 0.0 { grouped(*number as u64) } else { number.to_string() };
    match (range.start_bound(), range.end_bound()) {
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
