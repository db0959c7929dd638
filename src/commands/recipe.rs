//! `torchscope recipe`: recipes to start from, and every key that one may have.

use color_eyre::eyre::Result;
use unicode_width::UnicodeWidthStr;

use super::say;
use super::say::paint;
use crate::cli::RecipePage;
use crate::plot::{format, wrap};
use crate::recipe::Recipe;
use crate::recipe::keys::{DefaultValue, Key, Presence, TABLES, Table};
use crate::term::{Capabilities, Choices, ColorDepth, Environment};

/// Columns of the page of keys.
const WIDTH: usize = 80;
/// Columns before what is said of a key.
const INDENT: usize = 22;

pub(super) fn run(args: &RecipePage) -> Result<u8> {
    let choices = Choices { color: args.color, ..Choices::default() };
    let capabilities = Capabilities::detect(&Environment::of_process(), choices);
    let ink = Ink { colored: capabilities.interactive && capabilities.depth > ColorDepth::Mono };
    if args.reference {
        for line in reference(ink) {
            paint(&line)?;
        }
    } else if let Some(name) = &args.name {
        let text = Recipe::builtin_or_nearest(name)?;
        paint(text.strip_suffix('\n').unwrap_or(text))?;
    } else {
        list()?.iter().try_for_each(|line| say(line))?;
        if capabilities.interactive {
            say("\nstart one of your own:  torchscope recipe moons > mine.toml")?;
            say("all that it may hold:   torchscope recipe --reference")?;
        }
    }
    Ok(0)
}

/// The built-in recipes in columns: what they are, what they learn from, and the network.
fn list() -> Result<Vec<String>> {
    let mut rows = vec![["NAME", "TRAINS", "DATA", "LAYERS", "PARAMETERS"].map(str::to_owned)];
    for name in Recipe::builtin_names() {
        let recipe = Recipe::load(name, &[])?;
        let network = recipe.network(&recipe.data.input_shape())?;
        rows.push([
            recipe.name.clone(),
            recipe.title.clone(),
            recipe.data.kind().to_owned(),
            network.layers.len().to_string(),
            format::count(network.parameter_count() as u64),
        ]);
    }
    let widths: Vec<usize> = (0..5).map(|i| rows.iter().map(|row| row[i].width()).max().unwrap_or(0)).collect();
    let line = |row: &[String; 5]| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell}{}", " ".repeat(width - cell.width())));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    Ok(rows.iter().map(line).collect())
}

/// Whether there are colours to write with.
#[derive(Clone, Copy)]
struct Ink {
    colored: bool,
}

impl Ink {
    /// Headings: bold.
    fn heading(self, text: &str) -> String {
        self.styled(text, "1")
    }

    /// Names of keys and kinds: cyan.
    fn name(self, text: &str) -> String {
        self.styled(text, "36")
    }

    /// Types and defaults: dim.
    fn dim(self, text: &str) -> String {
        self.styled(text, "2")
    }

    fn styled(self, text: &str, code: &str) -> String {
        if self.colored && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Every key of a recipe, table by table: what it is for, its type and range, its default.
fn reference(ink: Ink) -> Vec<String> {
    let head = [
        "A recipe is a TOML file; `torchscope recipe moons > mine.toml` starts one.",
        "These are all the keys that it may have. `--set` takes the same, with dots:",
        "`--set optimizer.lr=0.1`, `--set model.layers.0.units=40`.",
    ];
    let mut lines: Vec<String> = head.map(str::to_owned).into();
    for table in TABLES {
        lines.push(String::new());
        lines.push(heading(table, ink));
        if !table.kinds.is_empty() {
            lines.push(String::new());
            lines.extend(kinds(table, ink));
        }
        for key in table.keys {
            lines.push(String::new());
            lines.extend(of_key(table, key, ink));
        }
    }
    lines
}

/// "[schedule]  How the learning rate changes; may be left out"
fn heading(table: &Table, ink: Ink) -> String {
    let heading = table.heading();
    let gap = if heading.is_empty() { "" } else { "  " };
    let left_out = match table.presence {
        Presence::Optional(_) => "; may be left out",
        Presence::Needed | Presence::List(_) => "",
    };
    format!("{}{gap}{}{left_out}", ink.heading(&heading), table.about)
}

/// The key `kind`, and each kind with the keys it has.
fn kinds(table: &Table, ink: Ink) -> Vec<String> {
    let default = match table.presence {
        Presence::Optional(Some(kind)) => format!("default \"{kind}\" where the table is left out"),
        _ => "needed".to_owned(),
    };
    let mut lines =
        entry("  kind", &[("One of these words; the other keys depend on it", false), (&default, true)], ink);
    for kind in table.kinds {
        let keys: Vec<&str> = table.allowed(Some(kind.name)).into_iter().filter(|key| *key != "kind").collect();
        let keys = if keys.is_empty() { "no other key".to_owned() } else { keys.join(", ") };
        lines.extend(entry(&format!("    \"{}\"", kind.name), &[(kind.about, false), (&keys, true)], ink));
    }
    lines
}

fn of_key(table: &Table, key: &Key, ink: Ink) -> Vec<String> {
    let default = match key.default {
        DefaultValue::Needed => "needed".to_owned(),
        DefaultValue::Flag(flag) => format!("default {flag}"),
        DefaultValue::Whole(number) => format!("default {}", format::count(number)),
        DefaultValue::Number(number) => format!("default {}", format!("{number:?}").trim_end_matches(".0")),
        DefaultValue::Text(text) => format!("default \"{text}\""),
        DefaultValue::NoItems => "default []".to_owned(),
        DefaultValue::Key(other) => format!("default: that of `{other}`"),
        DefaultValue::Unset(meaning) => format!("left out: {meaning}"),
    };
    let takes = format!("{}; {default}", key.takes.expected());
    let of = if key.kinds.is_empty() || table.kinds.is_empty() {
        String::new()
    } else {
        format!("of {}", key.kinds.join(", "))
    };
    entry(&format!("  {}", key.name), &[(key.about, false), (&takes, true), (&of, true)], ink)
}

/// A name, and beside it what there is to say, each part on lines of its own; some of it dim.
fn entry(name: &str, parts: &[(&str, bool)], ink: Ink) -> Vec<String> {
    let mut lines = Vec::new();
    let mut name = name.to_owned();
    for (part, dim) in parts.iter().filter(|(part, _)| !part.is_empty()) {
        for line in wrap(part, (WIDTH - INDENT) as u16) {
            let text = if *dim { ink.dim(line.trim_end()) } else { line.trim_end().to_owned() };
            let pad = " ".repeat(INDENT.saturating_sub(name.width()));
            lines.push(format!("{}{pad}{text}", ink.name(&name)));
            name.clear();
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_fits_in_eighty_columns_and_names_every_key_and_kind() {
        let page = reference(Ink { colored: false });
        assert!(page.iter().all(|line| line.width() <= WIDTH && !line.ends_with(' ')), "{page:#?}");
        let mut rest = &page[..];
        for table in TABLES {
            let at = rest.iter().position(|line| line.starts_with(&table.heading()) && line.contains(table.about));
            rest = &rest[at.unwrap_or_else(|| panic!("[{}] is missing", table.path))..];
            for name in table.kind_names() {
                assert!(rest.iter().any(|line| line.starts_with(&format!("    \"{name}\"  "))), "{name}");
            }
            for key in table.keys {
                let at = rest.iter().position(|line| line.starts_with(&format!("  {}  ", key.name)));
                let at = at.unwrap_or_else(|| panic!("`{}` is missing", key.name));
                // What it is for, then type, range and default, however they are cut into lines.
                let next = rest[at..].iter().position(String::is_empty).unwrap_or(rest.len() - at);
                let told: Vec<_> = rest[at..at + next].iter().flat_map(|line| line.split_whitespace()).collect();
                let told = told.join(" ");
                for part in [key.about, &key.takes.expected()] {
                    assert!(told.contains(part), "{part} in {told}");
                }
                assert!(["needed", "default", "left out"].iter().any(|word| told.contains(word)), "{told}");
                rest = &rest[at + next..];
            }
        }
    }

    #[test]
    fn colours_change_nothing_but_colours() {
        let plain = reference(Ink { colored: false });
        let colored = reference(Ink { colored: true });
        assert!(plain.iter().all(|line| !line.contains('\x1b')));
        assert!(colored.iter().any(|line| line.contains("\x1b[36m")));
        let stripped = |line: &String| {
            let codes = ["\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[36m"];
            codes.iter().fold(line.clone(), |line, code| line.replace(code, ""))
        };
        assert_eq!(colored.iter().map(stripped).collect::<Vec<_>>(), plain);
    }

    #[test]
    fn the_list_has_every_built_in_recipe_and_fits() {
        let lines = list().unwrap();
        assert_eq!(lines.len(), 1 + Recipe::builtin_names().len());
        assert!(lines.iter().all(|line| line.width() <= WIDTH), "{lines:#?}");
        assert!(
            lines.iter().any(|line| line.starts_with("moons ") && line.contains("Two moons") && line.ends_with("81"))
        );
    }
}
