//! `torchscope doctor` says how things are, in words, and by its exit code whether something is broken.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like the tests themselves")]
#![expect(dead_code, reason = "the other tests use the rest of the support")]

mod support;

use support::{Home, Terminal, wait};

/// The lines of what was looked at, without those of advice.
fn findings(text: &str) -> Vec<(&str, &str)> {
    text.lines()
        .filter_map(|line| Some((line.get(..4)?.trim(), line.get(6..)?)))
        .filter(|(mark, _)| !mark.is_empty())
        .collect()
}

#[test]
fn without_a_terminal_it_is_plain_and_complete() {
    let home = Home::new();
    let output = home.torchscope(&["doctor"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains('\u{1b}'), "{text}");
    for topic in ["terminal", "colours", "characters", "ground", "images", "ssh", "runs", "control", "trainer"] {
        let mine: Vec<_> = findings(&text).into_iter().filter(|(_, rest)| rest.starts_with(topic)).collect();
        assert!(matches!(mine[..], [("ok" | "warn" | "BAD", _)]), "{topic} in {text}");
    }
    assert!(text.contains("output is no terminal"));
    assert!(text.contains(home.path().to_str().unwrap()));
    let broken = findings(&text).iter().any(|(mark, _)| *mark == "BAD");
    assert_eq!(output.status.code(), Some(i32::from(broken)), "{text}");
}

#[test]
fn a_home_that_cannot_be_is_broken() {
    let home = Home::new();
    let file = home.path().join("file");
    std::fs::write(&file, "").unwrap();
    let output = home.command(&["doctor"]).env("TORCHSCOPE_HOME", &file).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(findings(&text).iter().any(|(mark, rest)| *mark == "BAD" && rest.starts_with("runs")), "{text}");
    assert!(text.contains("TORCHSCOPE_HOME to a folder") && text.contains("to put right"), "{text}");
}

#[test]
#[cfg(feature = "trainer")]
fn the_trainer_tells_of_its_libtorch() {
    let home = Home::new();
    let text = String::from_utf8(home.torchscope(&["doctor"]).stdout).unwrap();
    for topic in ["libtorch", "CUDA", "GPU driver"] {
        assert!(findings(&text).iter().any(|(_, rest)| rest.starts_with(topic)), "{topic} in {text}");
    }
    assert!(text.contains(env!("CARGO_PKG_VERSION")), "{text}");
}

#[test]
fn on_a_terminal_it_says_what_that_answers() {
    let home = Home::new();
    let mut terminal = Terminal::start(&home, &["doctor"], (120, 40));
    wait("the question", || String::from_utf8_lossy(&terminal.raw()).contains("\u{1b}[c").then_some(()));
    terminal.keys("\u{1b}]11;rgb:ffff/ffff/ffff\u{7}\u{1b}_Gi=31;OK\u{1b}\\\u{1b}[?62c");
    let text = terminal.wait("its end", |text| {
        text.contains("all is well") || text.contains("could be") || text.contains("put right")
    });
    for words in [
        "TERM=xterm-256color, 120x40",
        "24 bits (COLORTERM=truecolor)",
        "LANG=C.UTF-8",
        "light (the terminal says so)",
        "kitty",
        "the terminal answers within",
    ] {
        assert!(text.contains(words), "{words} in {text}");
    }
    assert!(terminal.raw().windows(5).any(|bytes| bytes == b"\x1b[32m"), "marks have colours too");
}

#[test]
fn on_a_terminal_that_never_answers_it_says_that() {
    let home = Home::new();
    let variables = [("LC_ALL", "C"), ("SSH_TTY", "/dev/pts/0"), ("COLORTERM", ""), ("NO_COLOR", "")];
    let terminal = Terminal::start_with(&home, &["doctor"], (120, 40), &variables);
    let text = terminal.wait("its end", |text| text.contains("could be better") || text.contains("put right"));
    for words in ["none within", "which is not UTF-8", "SSH does not carry COLORTERM", "yes: fewer frames"] {
        assert!(text.contains(words), "{words} in {text}");
    }
}
