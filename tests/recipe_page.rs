//! `torchscope recipe` as people run it, and the README's and the built-in recipes' keys against the table of keys.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like the tests themselves")]
#![expect(dead_code, reason = "the other tests use the rest of the support")]

mod support;

use std::fs;
use std::path::Path;

use support::{Home, Terminal};
use torchscope::recipe::Recipe;
use torchscope::recipe::keys::{TABLES, Table};

fn stdout(home: &Home, args: &[&str]) -> String {
    let output = home.torchscope(args);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn stderr(home: &Home, args: &[&str]) -> String {
    let output = home.torchscope(args);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn the_built_in_recipes_are_listed_with_what_they_train() {
    let home = Home::new();
    let text = stdout(&home, &["recipe"]);
    assert_eq!(text.lines().count(), 1 + Recipe::builtin_names().len(), "{text}");
    for name in Recipe::builtin_names() {
        let recipe = Recipe::load(name, &[]).unwrap();
        let line = text.lines().find(|line| line.starts_with(&format!("{name} "))).unwrap();
        assert!(line.contains(&recipe.title) && line.contains(recipe.data.kind()), "{line}");
    }
    assert!(!text.contains('\u{1b}'));
}

#[test]
fn a_recipe_is_printed_as_it_is_and_can_be_trained() {
    let home = Home::new();
    for name in Recipe::builtin_names() {
        let text = stdout(&home, &["recipe", name]);
        assert_eq!(text, Recipe::builtin(name).unwrap());
        let mine = home.path().join("mine.toml");
        fs::write(&mine, text).unwrap();
        assert_eq!(Recipe::load(&mine, &[]).unwrap(), Recipe::load(name, &[]).unwrap());
    }
}

#[test]
#[cfg(feature = "trainer")]
fn what_was_printed_trains() {
    let home = Home::new();
    let mine = home.path().join("mine.toml");
    fs::write(&mine, stdout(&home, &["recipe", "xor"])).unwrap();
    let text = stdout(&home, &["train", mine.to_str().unwrap(), "--headless", "--epochs", "2"]);
    assert!(text.contains("finished"), "{text}");
    assert_eq!(home.runs().len(), 1);
}

#[test]
fn an_unknown_name_is_answered_with_the_nearest() {
    let home = Home::new();
    let text = stderr(&home, &["recipe", "moon"]);
    assert!(
        text.starts_with("torchscope: moon: no built-in recipe has this name; there are `autoencoder`, "),
        "{text}"
    );
    assert!(text.contains("did you mean `moons`?"), "{text}");
    assert_eq!(home.torchscope(&["recipe", "moons", "--reference"]).status.code(), Some(2));
}

#[test]
fn the_reference_has_every_key_and_is_plain_in_a_pipe() {
    let text = stdout(&Home::new(), &["recipe", "--reference"]);
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert!(!text.contains('\u{1b}'));
    for table in TABLES {
        assert!(text.contains(&table.heading()), "{}", table.path);
        for key in table.keys {
            let told = text.lines().any(|line| line.starts_with(&format!("  {}  ", key.name)));
            assert!(told, "`{}` of [{}] is missing", key.name, table.path);
        }
    }
    // As errors say it.
    let error = Recipe::load("moons", &[("optimizer.lr".to_owned(), "0".to_owned())]).unwrap_err().to_string();
    assert!(
        error.contains("a number from 1e-38 to 3.4e38") && text.contains("a number from 1e-38 to 3.4e38; needed"),
        "{error}"
    );
}

#[test]
fn on_a_terminal_the_reference_has_colours() {
    let home = Home::new();
    let mut terminal = Terminal::start(&home, &["recipe", "--reference"], (80, 24));
    assert_eq!(terminal.exit_code(), 0);
    let raw = String::from_utf8_lossy(&terminal.raw()).into_owned();
    assert!(raw.contains("\u{1b}[36m  checkpoint_seconds"), "{raw}");
    let mut plain = Terminal::start_with(&home, &["recipe", "--reference"], (80, 24), &[("NO_COLOR", "1")]);
    assert_eq!(plain.exit_code(), 0);
    assert!(!String::from_utf8_lossy(&plain.raw()).contains("\u{1b}[36m"));
}

#[test]
fn an_error_names_the_option_that_was_used() {
    let home = Home::new();
    for (args, told) in [
        (&["--lr", "-1"][..], "torchscope: --lr -1: `optimizer.lr` must be a number from 1e-38 to 3.4e38"),
        (&["--epochs", "9000000000"], "torchscope: --epochs 9000000000: `epochs` must be a whole number"),
        (&["--batch-size", "0"], "torchscope: --batch-size 0: `batch_size` must be a whole number from 1"),
        (&["--device", "gpu"], "torchscope: --device gpu: `device` must be `auto`, `cpu`, `cuda`"),
        (&["--pace", "1e9"], "torchscope: --pace 1000000000: `pace` must be a number from 0.001"),
        (&["--set", "optimizer.lrr=1"], "torchscope: --set optimizer.lrr=1: unknown key `lrr`"),
    ] {
        let text = stderr(&home, &[&["train", "moons", "--headless"], args].concat());
        assert!(text.starts_with(told), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
    }
    let text = stderr(&home, &["train", "moons", "--headless", "--lr", "0", "--batch-size", "0"]);
    assert!(text.starts_with("torchscope: moons has 2 errors:\n") && text.lines().count() == 3, "{text}");
    assert!(home.runs().is_empty());
}

/// The parts of the README between backticks, one line each.
fn code(text: &str) -> Vec<&str> {
    text.lines().flat_map(|line| line.split('`').skip(1).step_by(2)).collect()
}

/// What `--set` may name: a key, or a table.
fn is_known(path: &str) -> bool {
    let path: Vec<&str> = path.split('.').filter(|part| part.parse::<usize>().is_err()).collect();
    let Some((key, table)) = path.split_last() else { return false };
    Table::at(&path.join(".")).is_some()
        || Table::at(&table.join(".")).is_some_and(|table| table.allowed(None).contains(key))
}

#[test]
fn the_readme_names_keys_that_there_are() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    // `[record] checkpoint_seconds`
    let mut named = 0;
    for text in code(&readme) {
        let Some((table, keys)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) else { continue };
        let table = Table::at(table.trim_start_matches('[')).unwrap_or_else(|| panic!("the README names {text}"));
        for key in keys.trim_start_matches(']').split_whitespace().take(1) {
            assert!(table.allowed(None).contains(&key), "the README names {text}");
            named += 1;
        }
    }
    // --set model.layers.0.units=8
    for set in readme.split("--set ").skip(1) {
        let path = set.split(['=', '`', ' ', '\n']).next().unwrap();
        assert!(is_known(path), "the README sets {path}");
        named += 1;
    }
    assert!(named > 2, "the README names keys");
    // Whole recipes stand in blocks of TOML.
    let blocks: Vec<&str> = readme.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(!blocks.is_empty(), "the README shows a recipe");
    for block in blocks {
        let problems = match Recipe::parse("README.md", block) {
            Ok(_) => Vec::new(),
            Err(error) => error.problems().iter().map(ToString::to_string).collect(),
        };
        // A part of a recipe may leave out the rest, but what stands there must be right.
        let wrong: Vec<&String> = problems.iter().filter(|problem| !problem.starts_with("missing ")).collect();
        assert!(wrong.is_empty(), "{wrong:?} in\n{block}");
    }
    assert!(readme.contains("torchscope recipe --reference"), "where all the keys are told");
}

#[test]
fn comments_of_the_built_in_recipes_set_keys_that_there_are() {
    let mut seen = 0;
    for name in Recipe::builtin_names() {
        for set in Recipe::builtin(name).unwrap().split("--set ").skip(1) {
            let path = set.split(['=', ' ', '\n']).next().unwrap();
            assert!(is_known(path), "{name} sets {path}");
            seen += 1;
        }
    }
    assert!(seen > 1);
}
