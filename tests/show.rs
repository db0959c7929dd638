//! `torchscope show` prints panels and pictures of a finished run: as text, in half blocks, as images.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like the tests themselves")]
#![expect(dead_code, reason = "the other tests use the rest of the support")]

#[path = "support/cnn.rs"]
mod cnn;
#[path = "support/finished.rs"]
mod finished;
#[path = "support/moons.rs"]
mod moons;
mod support;

use support::{Home, Terminal, wait};
use torchscope::run::State;

fn home() -> Home {
    let home = Home::new();
    finished::run(home.path(), "moons", moons::meta(State::Finished), &moons::records());
    finished::run(home.path(), "cnn", cnn::meta(320), &[cnn::record(320)]);
    home
}

/// What a subcommand prints without a terminal; it has to end well and quietly.
fn printed(home: &Home, args: &[&str], variables: &[(&str, &str)]) -> String {
    let mut command = home.command(args);
    for name in ["LC_ALL", "LC_CTYPE", "NO_COLOR"] {
        command.env_remove(name);
    }
    let output = command.env("LANG", "C.UTF-8").envs(variables.iter().copied()).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn size(text: &str) -> (usize, usize) {
    (text.lines().map(|line| line.chars().count()).max().unwrap_or(0), text.lines().count())
}

#[test]
fn panels_are_text_where_output_is_no_terminal() {
    let home = home();
    for (run, panel, words) in [
        ("moons", "loss", "best"),
        ("moons", "boundary", "p(class 1) = 0.5"),
        ("moons", "units", "dense1"),
        ("moons", "landscape", "true "),
        ("moons", "layers", "dense1.weight"),
        ("moons", "network", "parameters"),
        ("moons", "metrics", "grad norm"),
        ("cnn", "maps", "conv1"),
        ("cnn", "maps/conv2", "conv2"),
    ] {
        let text = printed(&home, &["show", run, panel], &[]);
        assert!(text.contains(words), "{panel}: {text}");
        assert_eq!(size(&text), (80, 24), "{panel}: {text}");
        assert!(!text.contains('\u{1b}') && !text.lines().any(|line| line.ends_with(' ')), "{panel}");
        let asked = printed(&home, &["show", run, panel, "--text", "--color", "truecolor"], &[]);
        assert_eq!(asked, text, "{panel}: colours are for terminals");
    }
}

#[test]
fn the_size_is_that_asked_for() {
    let home = home();
    assert_eq!(size(&printed(&home, &["show", "moons", "loss", "--size", "120x30"], &[])), (120, 30));
    assert_eq!(size(&printed(&home, &["show", "moons", "loss", "--size", "40x10"], &[])), (40, 10));
    let refused = home.torchscope(&["show", "moons", "loss", "--size", "20x5"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("from 40x10"));
}

#[test]
fn text_is_ascii_where_the_locale_has_no_more() {
    let home = home();
    for args in [&["show", "moons"][..], &["show", "moons", "boundary"], &["show", "cnn", "maps"]] {
        assert!(printed(&home, args, &[("LC_ALL", "C")]).is_ascii(), "{args:?}");
    }
}

#[test]
fn a_summary_has_the_curve_the_values_the_network_and_what_else_there_is() {
    let home = home();
    let text = printed(&home, &["show", "moons"], &[]);
    for words in ["moons-0001 · finished · epoch 40/100", "Loss", "accuracy", "0.992", "dense1 relu", "loss, boundary"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(size(&text).0 >= 80 && !text.contains('\u{1b}'));
}

#[test]
fn an_input_is_a_picture_of_its_own() {
    let home = home();
    let probe = &cnn::probes()[0].0;
    let text = printed(&home, &["show", "cnn", &format!("input/{probe}")], &[]);
    assert!(text.starts_with(&format!("Input {probe} · 28×28")), "{text}");
    assert!(size(&text).1 > 10);
    let both = format!("maps/conv1/{probe}");
    assert!(printed(&home, &["show", "cnn", &both], &[]).contains(probe));
}

#[test]
fn what_there_is_not_is_said_with_what_there_is() {
    let home = home();
    for (panel, hint) in
        [("bondary", "did you mean `boundary`?"), ("maps/conv9", "There are: loss"), ("input/x", "There are")]
    {
        let output = home.torchscope(&["show", "moons", panel]);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(text.contains(&format!("moons-0001 has no `{panel}`")) && text.contains(hint), "{text}");
    }
    let output = home.torchscope(&["show", "nothing"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("nothing"));
}

/// What the program has written, once it has ended well.
fn shown(mut terminal: Terminal) -> String {
    assert_eq!(terminal.exit_code(), 0);
    let mut before = 0;
    wait("the rest of the output", || {
        let length = terminal.raw().len();
        (std::mem::replace(&mut before, length) == length && length > 0).then_some(())
    });
    assert!(!terminal.full_screen());
    let text = String::from_utf8(terminal.raw()).unwrap();
    assert!(!text.contains("?1049h"), "it prints, and takes nothing over");
    text
}

#[test]
fn on_a_terminal_that_never_answers_it_is_half_blocks() {
    let home = home();
    let text = shown(Terminal::start(&home, &["show", "moons", "boundary"], (80, 24)));
    assert!(text.contains("Decision boundary") && text.matches('▀').count() > 800 && text.contains("48;2;"));
    let maps = shown(Terminal::start(&home, &["show", "cnn", "maps/conv1"], (80, 24)));
    assert!(maps.matches('▀').count() > 500);
}

#[test]
fn with_fewer_colours_it_is_the_panel() {
    let home = home();
    let palette = shown(Terminal::start_with(&home, &["show", "moons", "boundary"], (80, 24), &[("COLORTERM", "")]));
    assert!(palette.contains("p(class 1)") && palette.contains("38;5;") && !palette.contains("38;2;"));
    let mono = shown(Terminal::start_with(&home, &["show", "moons", "boundary"], (80, 24), &[("NO_COLOR", "1")]));
    assert!(mono.contains("p(class 1)") && !mono.contains("38;5;"));
    let dumb = shown(Terminal::start_with(&home, &["show", "moons", "boundary"], (80, 24), &[("TERM", "dumb")]));
    assert!(dumb.contains("p(class 1)") && !dumb.contains('\u{1b}'));
}

#[test]
fn kitty_gets_an_image() {
    let home = home();
    let mut terminal = Terminal::start(&home, &["show", "moons", "boundary"], (80, 24));
    wait("the question", || String::from_utf8_lossy(&terminal.raw()).contains("\u{1b}[c").then_some(()));
    terminal.keys("\u{1b}]11;rgb:0000/0000/0000\u{7}\u{1b}_Gi=31;OK\u{1b}\\\u{1b}[?62c");
    let text = shown(terminal);
    assert!(text.contains("\u{1b}_Ga=T,f=100,q=2,c=") && !text.contains('▀'), "{text}");
}

#[test]
fn iterm_gets_an_image_but_not_through_tmux() {
    let home = home();
    let start = |variables: &[(&str, &str)]| {
        let mut terminal = Terminal::start_with(&home, &["show", "cnn", "maps/conv1"], (80, 24), variables);
        wait("the question", || String::from_utf8_lossy(&terminal.raw()).contains("\u{1b}[c").then_some(()));
        terminal.keys("\u{1b}[?62c");
        shown(terminal)
    };
    let program = ("TERM_PROGRAM", "iTerm.app");
    assert!(start(&[program]).contains("\u{1b}]1337;File=inline=1"));
    let inside = start(&[program, ("TMUX", "/tmp/tmux-0/default,1,0"), ("TERM", "tmux-256color")]);
    assert!(!inside.contains("\u{1b}]1337") && inside.contains('▀'));
}
