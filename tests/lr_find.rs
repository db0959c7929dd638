//! `torchscope lr-find` as people run it.
#![cfg(feature = "trainer")]
#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

#[expect(dead_code, reason = "other tests use the rest")]
mod support;

use support::{Home, Terminal};

/// The rate in `--lr 0.1` of the line to copy.
fn suggested(text: &str) -> f64 {
    let (_, rest) =
        text.split_once("torchscope train moons --lr ").unwrap_or_else(|| panic!("no line to copy: {text}"));
    rest.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn without_a_terminal_there_is_a_table_and_a_line_to_copy() {
    let home = Home::new();
    let output = home.command(&["lr-find", "moons"]).env("TMPDIR", home.path()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.starts_with("lr         loss       smoothed\n1e-5 "), "{text}");
    assert!(!text.contains('\u{1b}') && text.contains("the loss exploded at "), "{text}");
    let rate = suggested(&text);
    assert!((0.005..2.0).contains(&rate), "{rate}");
    // Nothing is left, neither a run nor the scratch of the sweep.
    assert!(home.runs().is_empty());
    assert!(
        !std::fs::read_dir(home.path())
            .unwrap()
            .any(|entry| { entry.unwrap().file_name().to_string_lossy().starts_with("torchscope-lr-find") })
    );
}

#[test]
fn on_a_terminal_there_is_a_chart() {
    let home = Home::new();
    let mut terminal = Terminal::start(&home, &["lr-find", "moons", "--steps", "100"], (80, 40));
    let text = terminal.wait_for("torchscope train moons --lr");
    assert!(text.contains("\u{25b2} suggested") && text.contains("\u{25b2} steepest"), "{text}");
    assert!(text.chars().any(|c| ('\u{2801}'..='\u{28ff}').contains(&c)), "{text}");
    assert_eq!(terminal.exit_code(), 0);
}

#[test]
fn rates_in_the_wrong_order_are_refused() {
    let output = Home::new().torchscope(&["lr-find", "moons", "--min-lr", "1", "--max-lr", "0.1"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("`--min-lr` must be below `--max-lr`"));
}
