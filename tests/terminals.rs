//! What the view writes to terminals of many kinds, and what it makes of their answers. No trainer is needed for that.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like the tests themselves")]
#![expect(dead_code, reason = "the other tests use the rest of the support")]

#[path = "support/finished.rs"]
mod finished;
#[path = "support/moons.rs"]
mod moons;
mod support;

use support::{Home, Terminal, wait};
use torchscope::run::State;

const SIZE: (u16, u16) = (100, 30);
/// The question that stands last: whoever sees it has been asked everything.
const ATTRIBUTES: &str = "\u{1b}[c";
const WHITE: &str = "\u{1b}]11;rgb:ffff/ffff/ffff\u{7}";
const KITTY: &str = "\u{1b}_Gi=31;OK\u{1b}\\";
/// What mosh answers, and nothing else.
const PLAIN: &str = "\u{1b}[?62c";
const SIXEL: &str = "\u{1b}[?63;1;2;4;6;9;15;22c";

fn home() -> Home {
    let home = Home::new();
    finished::run(home.path(), "moons", moons::meta(State::Finished), &moons::records());
    home
}

/// The view of a finished run on such a terminal, whole on the screen.
fn view(home: &Home, variables: &[(&str, &str)]) -> Terminal {
    let terminal = Terminal::start_with(home, &["attach"], SIZE, variables);
    whole(&terminal);
    terminal
}

fn whole(terminal: &Terminal) -> String {
    terminal.wait("the whole view", |text| text.contains("finished") && text.contains("p(class 1)"))
}

fn raw(terminal: &Terminal) -> String {
    String::from_utf8_lossy(&terminal.raw()).into_owned()
}

/// Waits until the screen is as it was, whatever of it is blank because it was never written to.
fn same(terminal: &Terminal, before: &str) {
    let lines = |text: &str| text.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
    let before = lines(before);
    terminal.wait("the same screen", |text| lines(text) == before);
}

fn wait_raw(terminal: &Terminal, what: &str) {
    wait(what, || raw(terminal).contains(what).then_some(()));
}

/// Answers once it has been asked for its attributes so many times.
fn answer(terminal: &mut Terminal, times: usize, answer: &str) {
    wait("the question", || (raw(terminal).matches(ATTRIBUTES).count() >= times).then_some(()));
    terminal.keys(answer);
}

/// The colours that were used, ground and text alike: `(system, number)` with 1 for the sixteen, 2 for 24 bits and 5 for the
/// palette.
fn colors(text: &str) -> Vec<(u8, u8)> {
    let mut found = Vec::new();
    for sequence in text.split("\u{1b}[").skip(1) {
        let Some(end) = sequence.find(|c: char| c.is_ascii_alphabetic()).filter(|end| &sequence[*end..=*end] == "m")
        else {
            continue;
        };
        let numbers: Vec<u8> = sequence[..end].split(';').filter_map(|number| number.parse().ok()).collect();
        let mut rest = &numbers[..];
        while let [first, after @ ..] = rest {
            rest = after;
            match (first, after) {
                (38 | 48, [system, index, ..]) => {
                    found.push((*system, *index));
                    rest = &after[if *system == 2 { 4 } else { 2 }..];
                }
                (30..=37 | 40..=47 | 90..=97 | 100..=107, _) => found.push((1, *first)),
                _ => {}
            }
        }
    }
    found
}

#[test]
fn nothing_but_ascii_where_the_locale_has_no_more() {
    let home = home();
    for variables in [[("LC_ALL", "C"), ("LANG", "C.UTF-8")], [("LANG", "C"), ("LC_CTYPE", "POSIX")]] {
        let mut terminal = view(&home, &variables);
        terminal.keys("z?");
        terminal.wait_for("Keys");
        assert!(terminal.raw().is_ascii(), "{variables:?}");
    }
}

#[test]
fn the_console_gets_sixteen_colours_ascii_and_no_questions() {
    let home = home();
    let mut terminal = view(&home, &[("TERM", "linux"), ("COLORTERM", "")]);
    terminal.keys("z");
    whole(&terminal);
    let text = raw(&terminal);
    let colors = colors(&text);
    assert!(!colors.is_empty() && colors.iter().all(|(system, _)| *system == 1), "{colors:?}");
    assert!(text.is_ascii());
    for question in ["\u{1b}]11", "\u{1b}_G", ATTRIBUTES] {
        assert!(!text.contains(question), "{question:?}");
    }
}

#[test]
fn depth_follows_the_terminal() {
    let home = home();
    let systems = |variables: &[(&str, &str)]| {
        let mut systems: Vec<u8> =
            colors(&raw(&view(&home, variables))).into_iter().map(|(system, _)| system).collect();
        systems.sort_unstable();
        systems.dedup();
        systems
    };
    assert_eq!(systems(&[]), [2]);
    assert_eq!(systems(&[("COLORTERM", "")]), [5]);
    assert_eq!(systems(&[("TERM", "screen-256color")]), [5]);
    assert_eq!(systems(&[("NO_COLOR", "1")]), [] as [u8; 0]);
}

#[test]
fn frames_are_bracketed_but_not_in_a_multiplexer() {
    let home = home();
    let mark = "\u{1b}[?2026h";
    assert!(raw(&view(&home, &[])).contains(mark));
    let inside: [&[(&str, &str)]; 3] = [
        &[("TERM", "tmux-256color"), ("TMUX", "/tmp/tmux-0/default,1,0")],
        &[("TERM", "screen.xterm-256color"), ("STY", "1.pts-0.host")],
        // tmux that calls itself as it was told to.
        &[("TERM", "xterm-256color"), ("TMUX", "/tmp/tmux-0/default,1,0")],
    ];
    for variables in inside {
        let text = raw(&view(&home, variables));
        assert!(!text.contains(mark), "{variables:?}");
        assert!(!text.contains("\u{1b}_G"), "it would become the title: {variables:?}");
    }
}

#[test]
fn looks_go_round_with_keys() {
    let home = home();
    let mut terminal = view(&home, &[("NO_COLOR", "1")]);
    terminal.keys("C");
    terminal.wait_for("colours: 24 bits");
    assert!(colors(&raw(&terminal)).contains(&(2, 200)), "the colour of text");
    terminal.keys("CGG");
    let ascii = terminal.wait("ASCII", |text| text.contains("characters: ASCII") && text.contains("+-"));
    assert!(ascii.is_ascii(), "{ascii}");
    terminal.keys("T");
    terminal.wait_for("theme: light");
    terminal.keys("q");
    assert_eq!(terminal.exit_code(), 0);
}

#[test]
fn keys_typed_before_the_terminal_answers_are_not_lost() {
    let home = home();
    let mut terminal = Terminal::start(&home, &["attach"], SIZE);
    wait_raw(&terminal, ATTRIBUTES);
    terminal.keys("?");
    terminal.keys(PLAIN);
    terminal.wait_for("Keys");
    let mut silent = Terminal::start(&home, &["attach"], SIZE);
    wait_raw(&silent, ATTRIBUTES);
    silent.keys("?");
    silent.wait("an answer, though the terminal gives none", |text| text.contains("Keys"));
}

/// The text colour of the theme for light grounds.
const LIGHT_TEXT: &str = "38;2;52;56;64";

#[test]
fn a_light_ground_gets_a_light_theme() {
    let home = home();
    let mut asked = Terminal::start(&home, &["attach"], SIZE);
    answer(&mut asked, 1, &format!("{WHITE}{PLAIN}"));
    wait_raw(&asked, LIGHT_TEXT);
    whole(&asked);
    let ground = "48;2;252;252;250";
    assert!(!raw(&asked).contains(&format!("{ground}m ")), "its own ground is left alone");
    assert!(raw(&view(&home, &[("COLORFGBG", "0;15")])).contains(LIGHT_TEXT));
    assert!(!raw(&view(&home, &[("COLORFGBG", "0;15")])).contains("\u{1b}]11"), "what is known is not asked");
    let painted = Terminal::start_with(&home, &["attach", "--theme", "light"], SIZE, &[("COLORFGBG", "15;0")]);
    whole(&painted);
    assert!(raw(&painted).contains(LIGHT_TEXT) && raw(&painted).contains(ground), "another ground is painted");
}

#[test]
fn an_answer_that_comes_late_is_no_key() {
    let home = home();
    let mut terminal = view(&home, &[]);
    // Events are heard by now: the wait for an answer is over.
    terminal.keys("?");
    terminal.wait_for("Keys");
    terminal.keys("?");
    whole(&terminal);
    terminal.keys(&format!("{WHITE}{KITTY}{PLAIN}"));
    wait_raw(&terminal, LIGHT_TEXT);
    terminal.keys("?");
    terminal.wait_for("Keys");
    assert_eq!(home.runs().len(), 1, "the r of rgb starts nothing over");
}

#[test]
fn a_picture_in_kitty_comes_and_goes() {
    let home = home();
    let mut terminal = Terminal::start(&home, &["attach"], SIZE);
    answer(&mut terminal, 1, &format!("{KITTY}{PLAIN}"));
    whole(&terminal);
    terminal.keys("2");
    let before = terminal.wait_for("h hidden units");
    terminal.keys("I");
    wait_raw(&terminal, "\u{1b}_Ga=T,f=100,q=2,C=1,");
    terminal.wait("room for it", |text| text.contains("close") && !text.contains("Loss"));
    assert!(!raw(&terminal).contains("\u{1b}_Ga=d"));
    terminal.keys("I");
    wait_raw(&terminal, "\u{1b}_Ga=d");
    same(&terminal, &before);
    // It lies on the screen when the view is left.
    terminal.keys("I");
    wait("the picture", || (raw(&terminal).matches("\u{1b}_Ga=T").count() == 2).then_some(()));
    terminal.keys("q");
    wait("the end of the picture", || (raw(&terminal).matches("\u{1b}_Ga=d").count() == 2).then_some(()));
    terminal.keys("q");
    assert_eq!(terminal.exit_code(), 0);
}

#[test]
fn a_picture_in_sixel_comes_and_goes() {
    let home = home();
    let mut terminal = Terminal::start(&home, &["attach"], SIZE);
    answer(&mut terminal, 1, SIXEL);
    answer(&mut terminal, 2, SIXEL);
    whole(&terminal);
    terminal.keys("2I");
    // A device control string that ends in q, with its colours.
    wait("Sixel", || {
        let text = raw(&terminal);
        let (_, picture) = text.split_once("\u{1b}P")?;
        let head = picture.chars().take_while(|c| c.is_ascii_digit() || *c == ';').count();
        (picture[head..].starts_with('q') && picture.contains('#') && picture.contains("\u{1b}\\")).then_some(())
    });
    terminal.keys("q");
    whole(&terminal);
}

#[test]
fn a_picture_without_images_is_half_blocks() {
    let home = home();
    let mut terminal = Terminal::start(&home, &["attach"], SIZE);
    answer(&mut terminal, 1, PLAIN);
    whole(&terminal);
    terminal.keys("2");
    let before = terminal.wait_for("h hidden units");
    terminal.keys("I");
    terminal.wait("half blocks", |text| text.matches('▀').count() > 1000 && text.contains("Decision boundary"));
    terminal.keys("q");
    same(&terminal, &before);
    terminal.keys("1I");
    terminal.wait_for("Loss is no picture");
    terminal.keys("2I");
    terminal.wait("half blocks", |text| text.matches('▀').count() > 1000);
    terminal.resize(60, 20);
    terminal.wait("fewer of them", |text| (500..1500).contains(&text.matches('▀').count()));
}

#[test]
fn without_colours_for_a_picture_the_panel_is_alone() {
    let home = home();
    let mut terminal = view(&home, &[("TERM", "linux"), ("COLORTERM", "")]);
    terminal.keys("2I");
    terminal.wait("the panel alone", |text| text.contains("the panel alone") && !text.contains("1 Loss -"));
}

#[test]
fn the_view_comes_back_from_the_shell_without_its_picture_missing() {
    let home = home();
    let mut terminal = Terminal::start(&home, &["attach"], SIZE);
    answer(&mut terminal, 1, &format!("{KITTY}{PLAIN}"));
    whole(&terminal);
    terminal.keys("2I");
    wait_raw(&terminal, "\u{1b}_Ga=T");
    terminal.keys("\u{1a}");
    wait("the terminal", || (!terminal.full_screen()).then_some(()));
    assert!(raw(&terminal).contains("\u{1b}_Ga=d"), "the shell does not get the picture");
    let pid = rustix::process::Pid::from_raw(terminal.pid()).unwrap();
    wait("the stop", || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", terminal.pid())).unwrap();
        stat.contains(") T ").then_some(())
    });
    rustix::process::kill_process(pid, rustix::process::Signal::CONT).unwrap();
    wait("the picture again", || (raw(&terminal).matches("\u{1b}_Ga=T").count() == 2).then_some(()));
    terminal.keys("q");
    whole(&terminal);
}
