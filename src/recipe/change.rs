//! What sets two recipes apart, as far as it decides what is computed.

use serde_json::Value;

use super::spec::Recipe;

/// Keys that decide how long, how fast and with what looks a recipe is trained, but not what a step computes.
const NO_MATTER: &[&str] = &["title", "epochs", "pace", "probe", "record"];

impl Recipe {
    /// The first key in which this recipe computes something else than `before` did: `` `optimizer.lr` was 0.5 and is 0.1 ``.
    /// None if it computes the same, whatever the number of epochs, the pace and what is recorded.
    pub fn change_since(&self, before: &Self) -> Option<String> {
        // Not TOML, whose values have no room for the largest seeds.
        let values = |recipe| {
            let mut values = serde_json::to_value(recipe).unwrap_or_default();
            if let Value::Object(table) = &mut values {
                for key in NO_MATTER {
                    table.remove(*key);
                }
            }
            values
        };
        change("", Some(&values(before)), Some(&values(self)))
    }
}

fn change(key: &str, before: Option<&Value>, now: Option<&Value>) -> Option<String> {
    let below = |name: &str| if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") };
    match (before, now) {
        (before, now) if before == now => None,
        (Some(Value::Object(before)), Some(Value::Object(now))) => {
            let added = now.keys().filter(|name| !before.contains_key(*name));
            before.keys().chain(added).find_map(|name| change(&below(name), before.get(name), now.get(name)))
        }
        (Some(Value::Array(before)), Some(Value::Array(now))) => {
            let all = 0..before.len().max(now.len());
            all.into_iter().find_map(|place| change(&below(&place.to_string()), before.get(place), now.get(place)))
        }
        (before, now) => Some(format!("`{key}` was {} and is {}", shown(before), shown(now))),
    }
}

fn shown(value: Option<&Value>) -> String {
    match value {
        None => "not there".to_owned(),
        Some(Value::Object(_)) => "a table".to_owned(),
        Some(Value::Array(_)) => "a list".to_owned(),
        Some(value) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moons(sets: &[(&str, &str)]) -> Recipe {
        let sets: Vec<_> = sets.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Recipe::load("moons", &sets).unwrap()
    }

    #[test]
    fn the_first_change_is_named() {
        let before = moons(&[]);
        for (key, value, expected) in [
            ("optimizer.lr", "0.1", "`optimizer.lr` was 0.5 and is 0.1"),
            ("seed", "99", "and is 99"),
            ("seed", "18446744073709551615", "and is 18446744073709551615"),
            ("model.layers.0.units", "8", "`model.layers.0.units` was 20 and is 8"),
            ("data.noise", "0.3", "`data.noise` was 0.1 and is 0.3"),
            ("schedule.kind", "cosine", "`schedule.kind` was \"constant\" and is \"cosine\""),
        ] {
            let change = moons(&[(key, value)]).change_since(&before).unwrap();
            assert!(change.contains(expected), "{change}");
        }
        let mut shorter = before.clone();
        shorter.model.layers.remove(0);
        assert!(shorter.change_since(&before).is_some() && before.change_since(&shorter).is_some());
    }

    #[test]
    fn what_a_step_does_not_depend_on_is_no_change() {
        let sets = [
            ("epochs", "7"),
            ("pace", "3"),
            ("title", "x"),
            ("record.checkpoint_seconds", "1"),
            ("probe.samples", "3"),
        ];
        assert_eq!(moons(&sets).change_since(&moons(&[])), None);
    }
}
