//! Holds the README against the program.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like the tests themselves")]

use std::fmt::Write;
use std::fs;
use std::path::Path;

use torchscope::app::BINDINGS;

fn readme() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap()
}

/// The table of keys as the README has to show it.
fn keys() -> String {
    let mut table = String::from("| key | does |\n|---|---|\n");
    for binding in BINDINGS.iter().filter(|row| row.is_in_help()) {
        let keys = binding.keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(" ");
        writeln!(table, "| {keys} | {} |", binding.description).unwrap();
    }
    table
}

#[test]
fn the_keys_are_those_of_the_program() {
    let readme = readme();
    let start = readme.find("<!-- keys:").and_then(|at| readme[at..].find('\n').map(|end| at + end + 1)).unwrap();
    let end = readme.find("<!-- /keys -->").unwrap();
    assert_eq!(&readme[start..end], keys(), "paste the right side between the marks in README.md");
}

#[test]
fn every_picture_and_file_it_names_exists() {
    let readme = readme();
    for link in readme.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        if !link.starts_with("http") {
            assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(link).exists(), "{link} is missing");
        }
    }
}
