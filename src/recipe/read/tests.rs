//! Holds the table of keys against the fields of the recipe, both ways.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::ops::Bound;

use serde_json::Value as Json;

use super::check;
use crate::recipe::keys::{DefaultValue, Key, Presence, TABLES, Table, Takes};
use crate::recipe::{DataSpec, LayerKind, LayerSpec, OptimizerSpec, ProbeSpec, Recipe, RecordSpec, ScheduleSpec, tree};

/// The least and the most that a key takes, as TOML.
fn ends(key: &Key) -> [String; 2] {
    let quoted = |text: &str| format!("\"{text}\"");
    match key.takes {
        Takes::Flag => ["false", "true"].map(str::to_owned),
        Takes::Whole(least, most) => [least, most].map(|number| number.to_string()),
        Takes::Number(low, high) => {
            let low = match low {
                Bound::Included(low) => low,
                Bound::Excluded(low) => low.next_up(),
                Bound::Unbounded => -1e30,
            };
            let high = match high {
                Bound::Included(high) => high,
                Bound::Excluded(high) => high.next_down(),
                Bound::Unbounded => 1e30,
            };
            [low, high].map(|number| format!("{number:?}"))
        }
        Takes::Word(words) => [words[0], words[words.len() - 1]].map(quoted),
        Takes::Text(form) => [form.near.first().copied().unwrap_or("a"); 2].map(quoted),
        Takes::Path(_) => ["a", "b/c"].map(quoted),
        Takes::Column => ["1", "\"a\""].map(str::to_owned),
        Takes::Columns => ["[1]", "[\"a\", 2]"].map(str::to_owned),
        Takes::Names(_) => ["[\"a\", \"b\"]", "[\"c\", \"b\", \"a\"]"].map(str::to_owned),
        Takes::Paths(paths) => ["[]".to_owned(), format!("[\"{}\", \"a\"]", paths.built_in)],
    }
}

/// A table of that kind alone, with a value for each key that `given` takes.
fn text(table: &Table, kind: Option<&str>, given: impl Fn(&Key) -> Option<String>) -> String {
    let mut text = table.heading();
    let kind_line = kind.map(|kind| format!("\nkind = \"{kind}\"")).unwrap_or_default();
    text.push_str(&kind_line);
    for key in table.keys.iter().filter(|key| kind.is_none_or(|kind| key.is_of(kind))) {
        if let Some(value) = given(key) {
            write!(text, "\n{} = {value}", key.name).unwrap();
        }
    }
    text
}

/// The values of that table in a recipe that holds nothing else, and what was wrong with it.
fn values(table: &Table, text: &str) -> (Json, Vec<String>) {
    let (values, problems) = check::values(&tree::parse(text).unwrap(), None);
    let mine = |key: &str| {
        let path = key.strip_prefix(table.path).map(|rest| rest.trim_start_matches(['.', '0']).trim_start_matches('.'));
        path.is_some_and(|key| !key.is_empty() && !key.contains('.')) && !TABLES.iter().any(|table| table.path == key)
    };
    let problems = problems.iter().filter(|problem| problem.key().is_some_and(mine)).map(ToString::to_string).collect();
    let pointer = match table.presence {
        Presence::List(_) => format!("/{}/0", table.path.replace('.', "/")),
        _ if table.path.is_empty() => String::new(),
        _ => format!("/{}", table.path.replace('.', "/")),
    };
    (values.pointer(&pointer).cloned().unwrap_or_default(), problems)
}

/// The values as the recipe's type takes them, and as it writes them.
fn through_the_type(table: &Table, values: Json) -> Json {
    fn through<T: serde::de::DeserializeOwned + serde::Serialize>(values: Json) -> Json {
        let shown = values.to_string();
        serde_json::to_value(serde_json::from_value::<T>(values).unwrap_or_else(|e| panic!("{e}: {shown}"))).unwrap()
    }
    match table.path {
        "data" => through::<DataSpec>(values),
        "model.layers" => through::<LayerSpec>(values),
        "optimizer" => through::<OptimizerSpec>(values),
        "schedule" => through::<ScheduleSpec>(values),
        "probe" => through::<ProbeSpec>(values),
        "record" => through::<RecordSpec>(values),
        // The top level and the model hold other tables, which a sound recipe has.
        "" | "model" => {
            let recipe = serde_json::to_value(Recipe::load("cnn", &[]).unwrap()).unwrap();
            let inside = |recipe: &mut Json, values: Json| {
                let Json::Object(values) = values else { panic!("{values}") };
                recipe.as_object_mut().unwrap().extend(values);
            };
            let mut whole = recipe.clone();
            let mut values = values;
            values.as_object_mut().unwrap().retain(|name, _| table.keys.iter().any(|key| key.name == name));
            let path = if table.path.is_empty() { "" } else { "/model" };
            inside(whole.pointer_mut(path).unwrap(), values);
            through::<Recipe>(whole).pointer(path).cloned().unwrap()
        }
        other => panic!("which type reads [{other}]?"),
    }
}

/// Each table with each of its kinds.
fn tables() -> impl Iterator<Item = (&'static Table, Option<&'static str>)> {
    TABLES.iter().flat_map(|table| {
        let kinds = table.kinds.iter().map(|kind| Some(kind.name));
        let none = table.kinds.is_empty().then_some(None);
        kinds.chain(none).map(move |kind| (table, kind))
    })
}

#[test]
fn every_key_of_the_table_is_read_and_every_field_has_its_key() {
    for (table, kind) in tables() {
        for end in [0, 1] {
            let text = text(table, kind, |key| Some(ends(key)[end].clone()));
            let (values, problems) = values(table, &text);
            assert!(problems.is_empty(), "{text}\n{problems:?}");
            let written = through_the_type(table, values.clone());
            let names = |json: &Json| json.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
            let allowed: BTreeSet<String> = table.allowed(kind).into_iter().map(str::to_owned).collect();
            assert_eq!(names(&written), allowed, "the fields of [{}] {kind:?} are not its keys", table.path);
            for key in table.keys.iter().filter(|key| kind.is_none_or(|kind| key.is_of(kind))) {
                let (given, read) = (&values[key.name], &written[key.name]);
                let same = given == read || given.as_f64().is_some_and(|given| read.as_f64() == Some(given));
                assert!(same, "[{}] {}: {given} became {read}", table.path, key.name);
            }
        }
    }
}

#[test]
fn defaults_are_values_that_the_keys_take() {
    for (table, kind) in tables() {
        let text = text(table, kind, |key| (key.default == DefaultValue::Needed).then(|| ends(key)[0].clone()));
        let (values, problems) = values(table, &text);
        assert!(problems.is_empty(), "{text}\n{problems:?}");
        let written = through_the_type(table, values.clone());
        // What is filled in is taken as if it had been written down.
        let again = self::text(table, kind, |key| values.get(key.name).map(ToString::to_string));
        let (again, problems) = self::values(table, &again);
        assert!(problems.is_empty(), "{problems:?}");
        assert_eq!(through_the_type(table, again), written);
        let mine = table.keys.iter().filter(|key| kind.is_none_or(|kind| key.is_of(kind)));
        for key in mine.filter(|key| matches!(key.default, DefaultValue::Unset(_))) {
            assert!(written.get(key.name).is_none(), "{} is unset", key.name);
        }
    }
}

#[test]
fn what_is_left_out_is_told_key_by_key() {
    for (table, kind) in tables() {
        let (_, problems) = values(table, &text(table, kind, |_| None));
        let needed = table
            .keys
            .iter()
            .filter(|key| key.default == DefaultValue::Needed && kind.is_none_or(|kind| key.is_of(kind)));
        let needed: Vec<_> = needed.map(|key| key.name).collect();
        assert_eq!(problems.len(), needed.len(), "{problems:?} for {needed:?}");
        for (name, problem) in needed.iter().zip(&problems) {
            assert!(problem.starts_with(&format!("missing key `{name}`")), "{problem}");
        }
    }
}

#[test]
fn the_table_is_well_made() {
    assert_eq!(TABLES[0].path, "");
    let layers = Table::at("model.layers").unwrap();
    assert!(LayerKind::NAMES.iter().eq(&layers.kind_names()), "a kind of layer without a row");
    for table in TABLES {
        assert!(table.kinds.iter().all(|kind| !kind.about.is_empty() && !kind.about.ends_with('.')), "{}", table.path);
        for key in table.keys {
            let twins = table.keys.iter().filter(|other| {
                other.name == key.name
                    && (key.kinds.is_empty() || other.kinds.iter().any(|kind| key.kinds.contains(kind)))
            });
            assert_eq!(twins.count(), 1, "two rows for `{}` of [{}]", key.name, table.path);
            let known = |kind: &&str| table.kinds.iter().any(|row| row.name == *kind);
            assert!(key.kinds.iter().all(known), "`{}` of [{}] has an unknown kind", key.name, table.path);
            assert!(!key.about.is_empty() && !key.about.ends_with('.'), "{}", key.name);
            if let DefaultValue::Key(other) = key.default {
                let before = table.keys.iter().take_while(|before| !std::ptr::eq(*before, key));
                assert!(
                    before.into_iter().any(|before| before.name == other),
                    "`{other}` must stand before `{}`",
                    key.name
                );
            }
        }
    }
}
