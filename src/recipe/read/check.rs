//! Holds a recipe's tree against the table of keys: which keys there are, of which type, in which range.

use std::collections::BTreeSet;
use std::ops::RangeBounds as _;
use std::path::Path;

use serde_json::{Map, Value as Json};

use super::paths;
use crate::recipe::error::{Place, Problem, brief, listed, nearest, our_words};
use crate::recipe::fields::Fields;
use crate::recipe::keys::{DefaultValue, Key, Paths, Presence, TABLES, Table, Takes, texts};
use crate::recipe::tree::{Entry, Node, Value};

/// The values of the recipe with every default filled in, and everything that is wrong with its keys. They are a whole
/// recipe where nothing is.
pub(super) fn values(root: &Node, folder: Option<&Path>) -> (Json, Vec<Problem>) {
    let mut check = Check { folder, problems: Vec::new(), missing: Vec::new(), meant: Vec::new() };
    let values = match Fields::top(root) {
        Ok(top) => check.table(top),
        Err(problem) => return (Json::Null, vec![problem]),
    };
    let Check { mut problems, missing, meant, .. } = check;
    // Who writes `lrr` has one fault, not an unknown key and a missing one.
    let misspelt = |problem: &Problem| problem.key().is_some_and(|key| meant.iter().any(|path| path == key));
    problems.extend(missing.into_iter().filter(|problem| !misspelt(problem)));
    (Json::Object(values), problems)
}

struct Check<'a> {
    folder: Option<&'a Path>,
    problems: Vec<Problem>,
    missing: Vec<Problem>,
    /// Dotted paths of keys that an unknown one most likely stands for.
    meant: Vec<String>,
}

impl Check<'_> {
    fn table(&mut self, fields: Fields<'_>) -> Map<String, Json> {
        let table = fields.table;
        let kind = self.kind(fields);
        self.unknown(fields, kind);
        // Without a kind nobody knows which keys are missing.
        let known = kind.is_some() || table.kinds.is_empty();
        let mut values = Map::new();
        values.extend(kind.map(|kind| ("kind".to_owned(), kind.into())));
        for key in table.keys.iter().filter(|key| kind.is_none_or(|kind| key.is_of(kind))) {
            let alone = || table.keys.iter().filter(|other| other.name == key.name).count() == 1;
            let value = match fields.entry(key.name) {
                Some(entry) if known || alone() => self.value(fields, key, entry),
                None if known => self.default(fields, key, &values),
                _ => None,
            };
            values.extend(value.map(|value| (key.name.to_owned(), value)));
        }
        for (name, child) in table.children() {
            values.extend(self.child(fields, name, child).map(|value| (name.to_owned(), value)));
        }
        values
    }

    fn child(&mut self, fields: Fields<'_>, name: &str, child: &'static Table) -> Option<Json> {
        let Some(entry) = fields.entry(name) else {
            match child.presence {
                Presence::Optional(kind) => return Some(Json::Object(defaults(child, kind))),
                Presence::Needed => {
                    let problem = Problem::new(&Place::Whole, format!("missing table {}", child.heading()));
                    self.missing.push(problem.of_key(child.path));
                }
                Presence::List(_) => {
                    self.missing.push(fields.missing(name, &format!("write {} above each", child.heading())));
                }
            }
            return None;
        };
        let found = match child.presence {
            Presence::List(_) => Fields::list(&entry.node, child),
            _ => Ok(vec![Fields::new(&entry.node, child, None)]),
        };
        let tables = found.map_err(|problem| self.problems.push(problem)).ok()?;
        let mut values = Vec::new();
        for table in tables {
            match table {
                Ok(table) => values.push(Json::Object(self.table(table))),
                Err(problem) => self.problems.push(problem),
            }
        }
        if matches!(child.presence, Presence::List(_)) { Some(Json::Array(values)) } else { values.pop() }
    }

    /// The kind of a table that has kinds, if it is given and right.
    fn kind(&mut self, fields: Fields<'_>) -> Option<&'static str> {
        let names = fields.table.kind_names();
        if names.is_empty() {
            return None;
        }
        let Some(entry) = fields.entry("kind") else {
            self.missing.push(fields.missing("kind", &listed(&names, "or")));
            return None;
        };
        let given = match &entry.node.value {
            Value::Text(text) => Some(text),
            _ => None,
        };
        let kind = names.iter().copied().find(|name| given.is_some_and(|given| given == name));
        if kind.is_none() {
            self.problems.push(wrong(fields, "kind", &entry.node.value, &listed(&names, "or"), &names));
        }
        kind
    }

    /// Tells the keys that the table has not, or not for its kind.
    fn unknown(&mut self, fields: Fields<'_>, kind: Option<&str>) {
        let allowed = fields.table.allowed(kind);
        for entry in fields.entries.iter().filter(|entry| !allowed.contains(&entry.key.as_str())) {
            let problem = match (fields.table.kinds_with(&entry.key), kind) {
                (others, Some(kind)) if !others.is_empty() => of_another_kind(fields, entry, kind, &others, &allowed),
                _ => self.stranger(fields, entry, &allowed),
            };
            self.meant.extend(problem.suggestion().map(|meant| fields.path_of(meant)));
            self.problems.push(problem);
        }
    }

    /// The error about a key that is not among `allowed`: where it belongs if another table has it, else what was meant.
    fn stranger(&mut self, fields: Fields<'_>, entry: &Entry, allowed: &[&str]) -> Problem {
        let key = entry.key.as_str();
        let what = format!("unknown key `{}`{}", brief(key), fields.within());
        let path = fields.path_of(&brief(key));
        let words = our_words(key);
        let known = words.iter().any(|word| allowed.contains(&word.as_str()));
        let home = words.iter().filter(|word| *word != "kind").find_map(|word| {
            let table = TABLES.iter().find(|table| table.allowed(None).contains(&word.as_str()))?;
            (table.path != fields.table.path).then_some((word, table))
        });
        if let (false, Some((ours, table))) = (known, home) {
            let first = if matches!(table.presence, Presence::List(_)) { ".0" } else { "" };
            let dotted = if table.path.is_empty() { ours.clone() } else { format!("{}{first}.{ours}", table.path) };
            self.meant.push(dotted.clone());
            if let Place::Option(_) = entry.place {
                return Problem::new(&entry.place, what).of_key(path).suggesting(Some(dotted));
            }
            let belongs = if table.path.is_empty() {
                "at the top, above the first [table]".to_owned()
            } else {
                format!("in {}", table.heading())
            };
            return Problem::new(&entry.place, format!("{what}; `{ours}` belongs {belongs}")).of_key(path);
        }
        Problem::new(&entry.place, what).of_key(path).suggesting(nearest(key, allowed)).allowing(enumerated(allowed))
    }

    /// The value of a key, if it is right.
    fn value(&mut self, fields: Fields<'_>, key: &Key, entry: &Entry) -> Option<Json> {
        let value = &entry.node.value;
        let found = match (key.takes, value) {
            (Takes::Flag, Value::Flag(flag)) => Some(Json::from(*flag)),
            (Takes::Whole(least, most), Value::Whole(number)) => {
                u64::try_from(*number).ok().filter(|number| (least..=most).contains(number)).map(Json::from)
            }
            (Takes::Number(low, high), Value::Whole(_) | Value::Number(_)) => {
                let number = match value {
                    Value::Whole(number) => *number as f64,
                    Value::Number(number) => *number,
                    _ => f64::NAN,
                };
                Some(number).filter(|number| number.is_finite() && (low, high).contains(number)).map(Json::from)
            }
            (Takes::Word(words), Value::Text(text)) => {
                words.contains(&text.as_str()).then(|| Json::from(text.as_str()))
            }
            (Takes::Text(form), Value::Text(text)) => (form.fits)(text).then(|| Json::from(text.as_str())),
            (Takes::Path(_), Value::Text(text)) => {
                return self.path(&fields.path_of(key.name), text, &entry.node.place).map(Json::from);
            }
            (Takes::Paths(paths), Value::List(nodes)) => return self.paths(fields, key, paths, nodes),
            (Takes::Names(most), Value::List(nodes)) => return self.names(fields, key, most, nodes),
            (Takes::Column, value) => column(value),
            (Takes::Columns, Value::List(nodes)) => {
                nodes.iter().map(|node| column(&node.value)).collect::<Option<Vec<_>>>().map(Json::Array)
            }
            _ => None,
        };
        if found.is_none() {
            let near = match key.takes {
                Takes::Word(words) => words,
                Takes::Text(form) => form.near,
                _ => &[],
            };
            self.problems.push(wrong(fields, key.name, value, &key.takes.expected(), near));
        }
        found
    }

    fn path(&mut self, key: &str, given: &str, place: &Place) -> Option<String> {
        paths::resolve(given, key, place, self.folder).map_err(|problem| self.problems.push(problem)).ok()
    }

    fn paths(&mut self, fields: Fields<'_>, key: &Key, paths: &Paths, nodes: &[Node]) -> Option<Json> {
        if nodes.len() > paths.most {
            let rest = format!("must have at most {} items, not {}", paths.most, nodes.len());
            self.problems.push(fields.fault(key.name, &rest));
            return None;
        }
        let mut items = Vec::new();
        for (index, node) in nodes.iter().enumerate() {
            let path = fields.path_of(&format!("{}.{index}", key.name));
            match &node.value {
                Value::Text(text) if text == paths.built_in => items.push(Json::from(text.as_str())),
                Value::Text(text) => items.extend(self.path(&path, text, &node.place).map(Json::from)),
                other => {
                    let what = format!("`{path}` must be a text, not {}", other.shown());
                    self.problems.push(Problem::new(&node.place, what).of_key(path));
                }
            }
        }
        Some(Json::Array(items))
    }

    fn names(&mut self, fields: Fields<'_>, key: &Key, most: usize, nodes: &[Node]) -> Option<Json> {
        let mut names = BTreeSet::new();
        let fault = |node: &Node, index: usize, rest: &str| {
            let path = fields.path_of(&format!("{}.{index}", key.name));
            Problem::new(&node.place, format!("`{path}` {rest}")).of_key(path)
        };
        let before = self.problems.len();
        for (index, node) in nodes.iter().enumerate() {
            match &node.value {
                Value::Text(text) if !texts::is_label(text) => {
                    self.problems.push(fault(node, index, "must be a name of 1 to 64 characters"));
                }
                Value::Text(text) if !names.insert(text) => {
                    let rest = format!("is `{}` once more; every class needs a name of its own", brief(text));
                    self.problems.push(fault(node, index, &rest));
                }
                Value::Text(_) => {}
                other => self.problems.push(fault(node, index, &format!("must be a text, not {}", other.shown()))),
            }
        }
        // An empty list is what holds where there is none.
        if nodes.len() == 1 || nodes.len() > most {
            let rest = format!("must have from 2 to {most} names, not {}", nodes.len());
            self.problems.push(fields.fault(key.name, &rest));
        }
        let text = |node: &Node| match &node.value {
            Value::Text(text) => Some(Json::from(text.as_str())),
            _ => None,
        };
        if self.problems.len() == before {
            nodes.iter().map(text).collect::<Option<Vec<_>>>().map(Json::Array)
        } else {
            None
        }
    }

    /// What holds for a key that is not there; `before` are the values of the keys before it.
    fn default(&mut self, fields: Fields<'_>, key: &Key, before: &Map<String, Json>) -> Option<Json> {
        if key.default == DefaultValue::Needed {
            self.missing.push(fields.missing(key.name, &key.takes.expected()));
        }
        default(key, before)
    }
}

/// The values of a table that is not there.
fn defaults(table: &Table, kind: Option<&str>) -> Map<String, Json> {
    let mut values = Map::new();
    values.extend(kind.map(|kind| ("kind".to_owned(), kind.into())));
    for key in table.keys.iter().filter(|key| kind.is_none_or(|kind| key.is_of(kind))) {
        values.extend(default(key, &values).map(|value| (key.name.to_owned(), value)));
    }
    values
}

fn default(key: &Key, before: &Map<String, Json>) -> Option<Json> {
    match key.default {
        DefaultValue::Needed | DefaultValue::Unset(_) => None,
        DefaultValue::Flag(flag) => Some(flag.into()),
        DefaultValue::Whole(number) => Some(number.into()),
        DefaultValue::Number(number) => Some(number.into()),
        DefaultValue::Text(text) => Some(text.into()),
        DefaultValue::NoItems => Some(Json::Array(Vec::new())),
        DefaultValue::Key(other) => before.get(other).cloned(),
    }
}

/// A column by its name, or by its number from 1.
fn column(value: &Value) -> Option<Json> {
    const MOST: u64 = 1_000_000;
    match value {
        Value::Whole(number) => {
            u64::try_from(*number).ok().filter(|number| (1..=MOST).contains(number)).map(Json::from)
        }
        Value::Text(text) if !text.is_empty() => Some(Json::from(text.as_str())),
        _ => None,
    }
}

fn wrong(fields: Fields<'_>, key: &str, value: &Value, expected: &str, near: &[&str]) -> Problem {
    let problem = fields.fault(key, &format!("must be {expected}, not {}", value.shown()));
    match value {
        Value::Text(text) => problem.suggesting(nearest(text, near)),
        _ => problem,
    }
}

fn of_another_kind(fields: Fields<'_>, entry: &Entry, kind: &str, others: &[&str], allowed: &[&str]) -> Problem {
    let what =
        format!("unknown key `{}`{}: {} has it, `{kind}` has not", entry.key, fields.within(), listed(others, "or"));
    Problem::new(&entry.place, what)
        .of_key(fields.path_of(&entry.key))
        .suggesting(nearest(&entry.key, allowed))
        .allowing(enumerated(allowed))
}

fn enumerated(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
