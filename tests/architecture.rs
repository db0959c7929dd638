//! Holds the dependency rule that `src/lib.rs` draws: which module may name which, and which crates stay where.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like the tests themselves")]

use std::fs;
use std::path::{Path, PathBuf};

/// Module, the modules of this crate it may name, and the crates that only such modules may name.
const RULES: &[(&str, &[&str])] = &[
    ("files", &[]),
    ("recipe", &["files"]),
    ("data", &["recipe", "files"]),
    ("log", &["files"]),
    ("series", &[]),
    ("plot", &[]),
    ("run", &["log", "recipe", "files"]),
    ("app", &["run", "log", "series", "recipe", "plot"]),
    ("view", &["app", "run", "log", "series", "recipe", "plot"]),
    ("term", &["view", "plot"]),
    ("remote", &["run", "log", "files"]),
    ("runtime", &["app", "run", "log", "plot", "view", "term"]),
    ("cli", &["recipe", "run", "term"]),
    ("commands", &["cli", "app", "run", "log", "recipe", "data", "plot", "remote", "runtime", "term", "view"]),
];

/// Crate, and the modules that may name it (`trainer` stands for `src/bin/trainer`).
const HOMES: &[(&str, &[&str])] = &[
    ("ratatui", &["view", "term"]),
    ("crossterm", &["term", "runtime"]),
    ("tokio", &["runtime", "commands", "trainer"]),
    ("tch", &["trainer"]),
    ("rtrb", &["trainer"]),
    ("viuer", &["term"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn sources(path: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut waiting = vec![path.to_owned()];
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            waiting.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            // What tests use is their own affair, and comments are prose.
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            let code = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
            found.push((path, code));
        }
    }
    found
}

/// The files of a module: a folder, or a file of its own.
fn module(name: &str) -> Vec<(PathBuf, String)> {
    let folder = if name == "trainer" { root().join("bin/trainer") } else { root().join(name) };
    if folder.is_dir() { sources(&folder) } else { sources(&root().join(format!("{name}.rs"))) }
}

/// Whether code names `prefix` as a path: `crate::app` but not `crate::apple`.
fn names(code: &str, prefix: &str) -> bool {
    code.match_indices(prefix).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = code[at + prefix.len()..].chars().next();
        let word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':');
        !word(before) && !after.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

#[test]
fn modules_name_only_what_they_may() {
    let mut broken = Vec::new();
    for (name, allowed) in RULES {
        let files = module(name);
        assert!(!files.is_empty(), "module {name} has no files");
        for (path, code) in files {
            // `use crate::{a, b}` would escape the check below.
            if code.contains("crate::{") {
                broken.push(format!("{}: name modules one a line, not in `crate::{{..}}`", path.display()));
            }
            for (other, _) in RULES {
                if other != name && !allowed.contains(other) && names(&code, &format!("crate::{other}")) {
                    broken.push(format!("{}: {name} must not name {other}", path.display()));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn crates_stay_where_they_belong() {
    let mut broken = Vec::new();
    for (library, homes) in HOMES {
        for name in RULES.iter().map(|(name, _)| *name).chain(["trainer"]) {
            if homes.contains(&name) {
                continue;
            }
            for (path, code) in module(name) {
                if names(&code, &format!("{library}::")) || code.contains(&format!("use {library};")) {
                    broken.push(format!("{}: {library} belongs to {homes:?}", path.display()));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn the_map_names_every_module() {
    let map = fs::read_to_string(root().join("lib.rs")).unwrap();
    for (name, _) in RULES {
        assert!(map.contains(&format!("| [`{name}`] |")), "{name} is missing from the table in src/lib.rs");
        assert!(map.contains(&format!("pub mod {name};")), "{name} is not a module");
    }
    let modules = map.lines().filter(|line| line.starts_with("pub mod ")).count();
    assert_eq!(modules, RULES.len(), "a module without a rule");
}
