//! What the terminal can show, judged from the environment. Nothing is asked of the terminal itself: over a slow link
//! that would cost a round trip before the first frame, and on a pty that never answers it would hang.

use std::collections::HashMap;
use std::io::IsTerminal;

use termprofile::{DetectorSettings, TermProfile, TermVars};

use crate::view::{ColorDepth, Glyphs};

/// What `--color` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum ColorChoice {
    /// Judge from the environment.
    #[default]
    Auto,
    /// 24 bits.
    Truecolor,
    /// The 256-colour palette.
    #[value(name = "256")]
    Ansi256,
    /// The sixteen named colours.
    #[value(name = "16")]
    Ansi16,
    /// None.
    Never,
}

/// What `--glyphs` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum GlyphChoice {
    /// Judge from the environment.
    #[default]
    Auto,
    /// Everything, braille among it.
    Braille,
    /// Box drawing and blocks, no braille.
    Block,
    /// ASCII only.
    Ascii,
}

/// The environment variables and the kind of standard output that a judgement rests on.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// The variables.
    pub variables: HashMap<String, String>,
    /// Whether standard output is a terminal.
    pub stdout_is_terminal: bool,
    /// Whether standard input is one.
    pub stdin_is_terminal: bool,
}

impl Environment {
    /// That of this process. Variables that are not UTF-8 count as unset.
    pub fn of_process() -> Self {
        let variables =
            std::env::vars_os().filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)));
        Self {
            variables: variables.collect(),
            stdout_is_terminal: std::io::stdout().is_terminal(),
            stdin_is_terminal: std::io::stdin().is_terminal(),
        }
    }

    /// A variable that is set and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// What the terminal can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// How many colours it shows.
    pub depth: ColorDepth,
    /// Which characters it shows.
    pub glyphs: Glyphs,
    /// Whether a frame is bracketed by synchronised-output marks (DEC 2026). Not inside tmux, which redraws the whole
    /// pane at each end of one.
    pub synchronized: bool,
    /// Whether it is reached over SSH.
    pub remote: bool,
    /// Whether a full-screen view makes sense at all: a terminal on both sides, not dumb, not a CI log.
    pub interactive: bool,
}

impl Capabilities {
    /// Judges the environment. For colours: `--color`, then `NO_COLOR`, then what the variables say, at least 256 for
    /// whatever calls itself an xterm. For characters: `--glyphs`, then the locale (`LC_ALL`, `LC_CTYPE`, `LANG`), then
    /// the console's poor font.
    pub fn detect(env: &Environment, color: ColorChoice, glyphs: GlyphChoice) -> Self {
        let term = env.get("TERM").unwrap_or_default();
        Self {
            depth: depth(env, term, color),
            glyphs: match glyphs {
                GlyphChoice::Braille => Glyphs::Braille,
                GlyphChoice::Block => Glyphs::Block,
                GlyphChoice::Auto if is_utf8(env) && term != "linux" && term != "dumb" => Glyphs::Braille,
                GlyphChoice::Auto | GlyphChoice::Ascii => Glyphs::Ascii,
            },
            synchronized: env.get("TMUX").is_none() && !term.starts_with("tmux") && !term.starts_with("screen"),
            remote: env.get("SSH_TTY").is_some() || env.get("SSH_CONNECTION").is_some(),
            interactive: env.stdout_is_terminal
                && env.stdin_is_terminal
                && !term.is_empty()
                && term != "dumb"
                && matches!(env.get("CI"), None | Some("0" | "false")),
        }
    }
}

fn depth(env: &Environment, term: &str, color: ColorChoice) -> ColorDepth {
    match color {
        ColorChoice::Truecolor => return ColorDepth::TrueColor,
        ColorChoice::Ansi256 => return ColorDepth::Ansi256,
        ColorChoice::Ansi16 => return ColorDepth::Ansi16,
        ColorChoice::Never => return ColorDepth::Mono,
        ColorChoice::Auto => {}
    }
    // no-color.org: present and not empty, whatever the value.
    if env.get("NO_COLOR").is_some() {
        return ColorDepth::Mono;
    }
    // tmux passes 24 bits on, reduced to what the terminal around it shows, so what it inherited still holds.
    if matches!(env.get("COLORTERM"), Some("truecolor" | "24bit")) && term.starts_with("tmux") {
        return ColorDepth::TrueColor;
    }
    let mut vars = TermVars::from_source(&env.variables, &std::io::stdout(), DetectorSettings::new());
    vars.meta.is_terminal = env.stdout_is_terminal;
    match TermProfile::detect_with_vars(vars) {
        TermProfile::NoTty | TermProfile::NoColor => ColorDepth::Mono,
        TermProfile::Ansi16 if term.starts_with("xterm") => ColorDepth::Ansi256,
        TermProfile::Ansi16 => ColorDepth::Ansi16,
        TermProfile::Ansi256 => ColorDepth::Ansi256,
        TermProfile::TrueColor => ColorDepth::TrueColor,
    }
}

fn is_utf8(env: &Environment) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| env.get(name)).unwrap_or_default();
    let locale = locale.to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(variables: &[(&str, &str)], color: ColorChoice, glyphs: GlyphChoice) -> Capabilities {
        let variables = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let env = Environment { variables, stdout_is_terminal: true, stdin_is_terminal: true };
        Capabilities::detect(&env, color, glyphs)
    }

    fn auto(variables: &[(&str, &str)]) -> Capabilities {
        detect(variables, ColorChoice::Auto, GlyphChoice::Auto)
    }

    #[test]
    fn colours_follow_the_order_of_precedence() {
        let cases: &[(&[(&str, &str)], ColorDepth)] = &[
            (&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")], ColorDepth::TrueColor),
            (&[("TERM", "xterm-256color")], ColorDepth::Ansi256),
            (&[("TERM", "xterm")], ColorDepth::Ansi256),
            (&[("TERM", "xterm-kitty")], ColorDepth::TrueColor),
            (&[("TERM", "alacritty")], ColorDepth::TrueColor),
            (&[("TERM", "tmux-256color"), ("TMUX", "1"), ("COLORTERM", "truecolor")], ColorDepth::TrueColor),
            (&[("TERM", "screen"), ("COLORTERM", "truecolor")], ColorDepth::Ansi256),
            (&[("TERM", "linux")], ColorDepth::Ansi16),
            (&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("NO_COLOR", "1")], ColorDepth::Mono),
            (&[("TERM", "xterm-256color"), ("NO_COLOR", "")], ColorDepth::Ansi256),
            (&[("TERM", "dumb")], ColorDepth::Mono),
        ];
        for (variables, expected) in cases {
            assert_eq!(auto(variables).depth, *expected, "{variables:?}");
        }
        let forced = detect(&[("TERM", "dumb"), ("NO_COLOR", "1")], ColorChoice::Truecolor, GlyphChoice::Auto);
        assert_eq!(forced.depth, ColorDepth::TrueColor, "--color wins over everything");
    }

    #[test]
    fn glyphs_follow_the_locale() {
        let cases: &[(&[(&str, &str)], Glyphs)] = &[
            (&[("TERM", "xterm"), ("LANG", "C.UTF-8")], Glyphs::Braille),
            (&[("TERM", "xterm"), ("LANG", "de_DE.utf8")], Glyphs::Braille),
            (&[("TERM", "xterm"), ("LANG", "C.UTF-8"), ("LC_ALL", "C")], Glyphs::Ascii),
            (&[("TERM", "xterm"), ("LANG", "C"), ("LC_CTYPE", "en_US.UTF-8")], Glyphs::Braille),
            (&[("TERM", "xterm")], Glyphs::Ascii),
            (&[("TERM", "linux"), ("LANG", "C.UTF-8")], Glyphs::Ascii),
        ];
        for (variables, expected) in cases {
            assert_eq!(auto(variables).glyphs, *expected, "{variables:?}");
        }
        assert_eq!(detect(&[("LANG", "C")], ColorChoice::Auto, GlyphChoice::Block).glyphs, Glyphs::Block);
    }

    #[test]
    fn tmux_gets_no_synchronised_output_and_ssh_is_noticed() {
        assert!(auto(&[("TERM", "xterm-256color")]).synchronized);
        assert!(!auto(&[("TERM", "tmux-256color")]).synchronized);
        assert!(!auto(&[("TERM", "xterm-256color"), ("TMUX", "/tmp/tmux-0/default,1,0")]).synchronized);
        assert!(auto(&[("TERM", "xterm"), ("SSH_CONNECTION", "::1 1 ::1 22")]).remote);
    }

    #[test]
    fn logs_and_pipes_are_not_interactive() {
        assert!(auto(&[("TERM", "xterm")]).interactive);
        assert!(!auto(&[("TERM", "dumb")]).interactive);
        assert!(!auto(&[("TERM", "xterm"), ("CI", "true")]).interactive);
        assert!(auto(&[("TERM", "xterm"), ("CI", "false")]).interactive);
        let piped = Environment { stdout_is_terminal: false, ..Environment::default() };
        assert!(!Capabilities::detect(&piped, ColorChoice::Auto, GlyphChoice::Auto).interactive);
    }
}
