//! A recipe as text: all of it, or as somebody would write it.

use std::fmt::Write as _;

use serde_json::{Map, Value as Json};

use super::keys::{DefaultValue, Key, Presence, TABLES, Table};
use super::spec::Recipe;

/// Columns before a comment, where the line is not longer.
const COMMENTS: usize = 32;

impl Recipe {
    /// The recipe with every default written out. Parsed again it is the same recipe.
    ///
    /// # Panics
    /// Never: a recipe is a table of texts, numbers, flags and tables, all of which TOML can write.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("a recipe holds nothing that TOML cannot write")
    }

    /// The recipe as somebody would write it: without defaults, and each key with what it is for, the first time that it
    /// stands there. Parsed again it is the same recipe.
    pub fn to_commented_toml(&self) -> String {
        let values = serde_json::to_value(self).unwrap_or_default();
        let mut told = Vec::new();
        let mut text = String::new();
        for table in TABLES {
            let pointer = table.path.split('.').filter(|part| !part.is_empty()).map(|part| format!("/{part}"));
            match values.pointer(&pointer.collect::<String>()) {
                Some(Json::Object(values)) => write_table(&mut text, table, values, &mut told),
                Some(Json::Array(items)) => {
                    items
                        .iter()
                        .filter_map(Json::as_object)
                        .for_each(|item| write_table(&mut text, table, item, &mut told));
                }
                _ => {}
            }
        }
        text
    }
}

/// Tables, and their keys and kinds, whose comments stand in the text already.
type Told = Vec<(&'static str, &'static str)>;

fn write_table(text: &mut String, table: &'static Table, values: &Map<String, Json>, told: &mut Told) {
    let kind = values.get("kind").and_then(Json::as_str);
    let row = table.kinds.iter().find(|row| Some(row.name) == kind);
    let kind_line = row.map(|row| line("kind", &row.name.into(), once(told, (table.path, row.name), row.about)));
    let is_default = |key: &Key, value: &Json| match key.default {
        DefaultValue::Needed | DefaultValue::Unset(_) => false,
        DefaultValue::Flag(flag) => value.as_bool() == Some(flag),
        DefaultValue::Whole(number) => value.as_u64() == Some(number),
        DefaultValue::Number(number) => value.as_f64() == Some(number),
        DefaultValue::Text(word) => value.as_str() == Some(word),
        DefaultValue::NoItems => value.as_array().is_some_and(Vec::is_empty),
        DefaultValue::Key(other) => Some(value) == values.get(other),
    };
    let keys = table.keys.iter().filter(|key| kind.is_none_or(|kind| key.is_of(kind)));
    let written =
        keys.filter_map(|key| Some((key, values.get(key.name)?))).filter(|(key, value)| !is_default(key, value));
    let lines: Vec<String> =
        written.map(|(key, value)| line(key.name, value, once(told, (table.path, key.name), key.about))).collect();
    let left_out = match table.presence {
        Presence::Optional(default) => lines.is_empty() && default == kind,
        Presence::Needed | Presence::List(_) => false,
    };
    if left_out {
        return;
    }
    if !table.path.is_empty() {
        let _ = writeln!(text, "\n{}", table.heading());
    }
    kind_line.iter().chain(&lines).for_each(|line| text.push_str(line));
}

/// `about` where nothing has been told of it yet, else nothing.
fn once(told: &mut Told, of: (&'static str, &'static str), about: &'static str) -> &'static str {
    if told.contains(&of) {
        return "";
    }
    told.push(of);
    about
}

/// `key = value`, and a comment at its column.
fn line(key: &str, value: &Json, about: &str) -> String {
    let line = format!("{key} = {}", literal(value));
    if about.is_empty() { format!("{line}\n") } else { format!("{line:<COMMENTS$} # {about}\n") }
}

/// A value in TOML.
fn literal(value: &Json) -> String {
    match value {
        Json::String(text) => toml::Value::from(text.as_str()).to_string(),
        Json::Array(items) => format!("[{}]", items.iter().map(literal).collect::<Vec<_>>().join(", ")),
        // Numbers and flags are written alike.
        other => other.to_string(),
    }
}
