//! The terminal: what it shows, and why.

use std::time::Instant;

use super::Finding;
use crate::term::{self, Answers, Capabilities, Choices, ColorDepth, Environment, Glyphs, Graphics, Ground, ground_of};

/// The smallest screen that is comfortable.
const COMFORTABLE: (u16, u16) = (80, 24);

/// Looks at the terminal, and asks it.
pub(super) fn look(env: &Environment, capabilities: &Capabilities, choices: Choices) -> Vec<Finding> {
    let start = Instant::now();
    let (answers, graphics) = term::ask(capabilities).unwrap_or_default();
    let heard = Heard { answers, graphics, milliseconds: start.elapsed().as_millis() };
    let size = term::size().filter(|_| env.stdout_is_terminal);
    let mut findings = vec![
        terminal(env, capabilities, size),
        colors(env, capabilities, choices),
        characters(env, capabilities, choices),
        ground(capabilities, &heard),
        images(env, capabilities, &heard),
    ];
    findings.extend(answered(capabilities, &heard));
    findings.extend(multiplexer(env));
    findings.push(ssh(env));
    findings
}

/// What the terminal answered, and after which time.
struct Heard {
    answers: Answers,
    graphics: Graphics,
    milliseconds: u128,
}

fn terminal(env: &Environment, capabilities: &Capabilities, size: Option<(u16, u16)>) -> Finding {
    let term = env.get("TERM").unwrap_or("unset");
    let size_text = size.map_or_else(String::new, |(columns, rows)| format!(", {columns}x{rows}"));
    let what = format!("TERM={term}{size_text}");
    if !capabilities.interactive {
        let why = match () {
            () if !env.stdout_is_terminal => "output is no terminal",
            () if !env.stdin_is_terminal => "input is no terminal",
            () if env.get("CI").is_some() => "CI is set",
            () => "TERM names none",
        };
        return Finding::warn("terminal", format!("{what}; {why}"), "here train prints lines instead of the view");
    }
    match size {
        Some((columns, rows)) if columns < COMFORTABLE.0 || rows < COMFORTABLE.1 => {
            Finding::warn("terminal", what, "from 80x24 on everything has its place")
        }
        _ => Finding::ok("terminal", what),
    }
}

fn colors(env: &Environment, capabilities: &Capabilities, choices: Choices) -> Finding {
    let name = match capabilities.depth {
        ColorDepth::TrueColor => "24 bits",
        ColorDepth::Ansi256 => "256",
        ColorDepth::Ansi16 => "16",
        ColorDepth::Mono => "none",
    };
    let term = env.get("TERM").unwrap_or_default();
    let set = |name: &str| env.get(name).map(|value| format!("{name}={value}"));
    let why = match () {
        () if choices.color != term::ColorChoice::Auto => "--color".to_owned(),
        () if env.get("NO_COLOR").is_some() => "NO_COLOR is set".to_owned(),
        () if !env.stdout_is_terminal => "output is no terminal".to_owned(),
        () => {
            set("COLORTERM").filter(|_| capabilities.depth == ColorDepth::TrueColor).unwrap_or(format!("TERM={term}"))
        }
    };
    let what = format!("{name} ({why})");
    let asked = choices.color != term::ColorChoice::Auto || env.get("NO_COLOR").is_some() || !env.stdout_is_terminal;
    match capabilities.depth {
        ColorDepth::TrueColor => Finding::ok("colours", what),
        _ if asked => Finding::ok("colours", what),
        _ if env.is_remote() => Finding::warn(
            "colours",
            what,
            "SSH does not carry COLORTERM; if you have 24 bits: export COLORTERM=truecolor",
        ),
        ColorDepth::Ansi256 => Finding::warn(
            "colours",
            what,
            "if your terminal has 24 bits: export COLORTERM=truecolor, or --color truecolor",
        ),
        _ => Finding::warn("colours", what, "if your terminal has more: --color 256, or a TERM that says so"),
    }
}

fn characters(env: &Environment, capabilities: &Capabilities, choices: Choices) -> Finding {
    let name = match capabilities.glyphs {
        Glyphs::Braille => "braille and blocks",
        Glyphs::Block => "blocks",
        Glyphs::Ascii => "ASCII",
    };
    let (variable, value) = env.locale();
    let locale = if variable.is_empty() { "no locale is set".to_owned() } else { format!("{variable}={value}") };
    if choices.glyphs != term::GlyphChoice::Auto {
        return Finding::ok("characters", format!("{name} (--glyphs); {locale}"));
    }
    if capabilities.glyphs > Glyphs::Ascii {
        return Finding::ok("characters", format!("{name} ({locale})"));
    }
    if env.is_utf8() {
        let term = env.get("TERM").unwrap_or_default();
        return Finding::ok("characters", format!("{name} (the font of TERM={term} has no more)"));
    }
    let advice =
        "for curves in braille: export LC_ALL=C.UTF-8 (tmux and screen: before they start), or --glyphs braille";
    Finding::warn("characters", format!("{name} ({locale}, which is not UTF-8)"), advice)
}

fn ground(capabilities: &Capabilities, heard: &Heard) -> Finding {
    let answered = heard.answers.background.map(ground_of);
    let own = capabilities.ground.or(answered);
    let why = match (capabilities.ground, answered) {
        (Some(_), _) => "COLORFGBG",
        (None, Some(_)) => "the terminal says so",
        (None, None) => "not known, taken for that",
    };
    let own_name = own.unwrap_or(Ground::Dark).name();
    match capabilities.wanted {
        Some(wanted) => {
            Finding::ok("ground", format!("{} (--theme); the terminal's own: {own_name} ({why})", wanted.name()))
        }
        None => Finding::ok("ground", format!("{own_name} ({why}); `T` or --theme changes it")),
    }
}

fn images(env: &Environment, capabilities: &Capabilities, heard: &Heard) -> Finding {
    match heard.graphics {
        Graphics::None if !capabilities.interactive => Finding::ok("images", "not asked: no terminal"),
        Graphics::None if env.is_multiplexed() => {
            Finding::ok("images", "half blocks: nothing passes a multiplexer; outside of it there may be more")
        }
        Graphics::None => {
            Finding::ok("images", "half blocks (kitty, WezTerm, foot, iTerm2, xterm -ti vt340 show real ones)")
        }
        graphics => Finding::ok("images", graphics.name()),
    }
}

fn answered(capabilities: &Capabilities, heard: &Heard) -> Option<Finding> {
    if !capabilities.questions.attributes {
        return None;
    }
    Some(if heard.answers.complete {
        Finding::ok("answers", format!("the terminal answers within {} ms", heard.milliseconds.max(1)))
    } else {
        let advice = "images stay off, and the ground is guessed: --theme light if it is light";
        Finding::warn("answers", format!("none within {} ms", heard.milliseconds), advice)
    })
}

fn multiplexer(env: &Environment) -> Option<Finding> {
    let term = env.get("TERM").unwrap_or_default();
    if env.get("TMUX").is_some() {
        let fits = term.starts_with("tmux") || term.starts_with("screen");
        let advice = "in tmux.conf: set -g default-terminal tmux-256color";
        return Some(if fits {
            Finding::ok("multiplexer", "tmux")
        } else {
            Finding::warn("multiplexer", format!("tmux, with TERM={term}"), advice)
        });
    }
    env.get("STY").map(|_| Finding::ok("multiplexer", "screen"))
}

fn ssh(env: &Environment) -> Finding {
    if env.is_remote() {
        Finding::ok("ssh", "yes: fewer frames a second, fewer shades")
    } else {
        Finding::ok("ssh", "no")
    }
}

#[cfg(test)]
mod tests {
    use super::super::Mark;
    use super::*;

    fn env(variables: &[(&str, &str)]) -> Environment {
        let variables = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Environment { variables, stdout_is_terminal: true, stdin_is_terminal: true }
    }

    fn judge(
        variables: &[(&str, &str)],
        look: impl Fn(&Environment, &Capabilities, Choices) -> Finding,
    ) -> (Mark, String) {
        let env = env(variables);
        let choices = Choices::default();
        let finding = look(&env, &Capabilities::detect(&env, choices), choices);
        (finding.mark, format!("{} {}", finding.what, finding.advice.unwrap_or_default()))
    }

    #[test]
    fn colours_say_why_and_what_to_do() {
        let (mark, text) = judge(&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")], colors);
        assert!(mark == Mark::Ok && text.contains("24 bits (COLORTERM=truecolor)"), "{text}");
        let (mark, text) = judge(&[("TERM", "xterm-256color"), ("SSH_TTY", "/dev/pts/1")], colors);
        assert!(mark == Mark::Warn && text.contains("SSH does not carry COLORTERM"), "{text}");
        let (mark, text) = judge(&[("TERM", "xterm"), ("NO_COLOR", "1")], colors);
        assert!(mark == Mark::Ok && text.contains("none (NO_COLOR is set)"), "{text}");
        let (mark, text) = judge(&[("TERM", "linux")], colors);
        assert!(mark == Mark::Warn && text.contains("16 (TERM=linux)"), "{text}");
    }

    #[test]
    fn characters_follow_the_locale_that_decides() {
        let (mark, text) = judge(&[("TERM", "xterm"), ("LANG", "C.UTF-8"), ("LC_ALL", "C")], characters);
        assert!(mark == Mark::Warn && text.contains("LC_ALL=C, which is not UTF-8"), "{text}");
        let (mark, text) = judge(&[("TERM", "xterm"), ("LANG", "de_DE.UTF-8")], characters);
        assert!(mark == Mark::Ok && text.contains("braille and blocks (LANG=de_DE.UTF-8)"), "{text}");
        let (mark, text) = judge(&[("TERM", "linux"), ("LANG", "C.UTF-8")], characters);
        assert!(mark == Mark::Ok && text.contains("font of TERM=linux"), "{text}");
        assert!(judge(&[("TERM", "xterm")], characters).1.contains("no locale is set"));
    }

    #[test]
    fn a_terminal_that_is_none_or_small_is_said() {
        let size = |size| move |env: &Environment, capabilities: &Capabilities, _| terminal(env, capabilities, size);
        assert_eq!(judge(&[("TERM", "xterm")], size(Some((80, 24)))).0, Mark::Ok);
        assert!(judge(&[("TERM", "xterm")], size(Some((60, 24)))).1.contains("80x24"));
        assert!(judge(&[("TERM", "dumb")], size(None)).1.contains("TERM names none"));
        assert!(judge(&[("TERM", "xterm"), ("CI", "1")], size(None)).1.contains("CI is set"));
    }

    #[test]
    fn tmux_with_another_terminals_name_is_wrong() {
        assert_eq!(multiplexer(&env(&[("TERM", "xterm")])), None);
        let wrong = multiplexer(&env(&[("TERM", "xterm"), ("TMUX", "1")])).unwrap();
        assert!(wrong.mark == Mark::Warn && wrong.advice.unwrap().contains("default-terminal"));
        assert_eq!(multiplexer(&env(&[("TERM", "tmux-256color"), ("TMUX", "1")])).unwrap().mark, Mark::Ok);
    }
}
