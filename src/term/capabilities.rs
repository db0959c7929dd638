//! What the terminal can show, judged from the environment. Nothing is asked of the terminal itself here: over a slow link
//! that would cost a round trip before the first frame.

use std::collections::HashMap;
use std::io::IsTerminal;

use termprofile::{DetectorSettings, TermProfile, TermVars};

use super::background::{self, ThemeChoice};
use super::query::Questions;
use crate::view::{ColorDepth, Glyphs, Ground};

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

    /// Whether tmux or screen stands between.
    pub fn is_multiplexed(&self) -> bool {
        let term = self.get("TERM").unwrap_or_default();
        let inside = ["TMUX", "STY"].into_iter().any(|name| self.get(name).is_some());
        inside || term.starts_with("tmux") || term.starts_with("screen")
    }

    /// Whether it is reached over SSH.
    pub fn is_remote(&self) -> bool {
        self.get("SSH_TTY").is_some() || self.get("SSH_CONNECTION").is_some()
    }

    /// The name of the locale of characters, by the variable that decides; empty where none is set.
    pub fn locale(&self) -> (&'static str, &str) {
        let names = ["LC_ALL", "LC_CTYPE", "LANG"];
        names.into_iter().find_map(|name| Some((name, self.get(name)?))).unwrap_or_default()
    }

    /// Whether the locale is one of UTF-8.
    pub fn is_utf8(&self) -> bool {
        let locale = self.locale().1.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    }

    /// A variable that is set and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// What the command line asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Choices {
    /// `--color`.
    pub color: ColorChoice,
    /// `--glyphs`.
    pub glyphs: GlyphChoice,
    /// `--theme`.
    pub theme: ThemeChoice,
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
    /// The ground that was asked for.
    pub wanted: Option<Ground>,
    /// The terminal's own, as far as the environment tells.
    pub ground: Option<Ground>,
    /// What may be asked of the terminal itself.
    pub questions: Questions,
}

impl Capabilities {
    /// Judges the environment. For colours: `--color`, then `NO_COLOR`, then what the variables say, at least 256 for
    /// whatever calls itself an xterm. For characters: `--glyphs`, then the locale (`LC_ALL`, `LC_CTYPE`, `LANG`), then
    /// the console's poor font.
    pub fn detect(env: &Environment, choices: Choices) -> Self {
        let term = env.get("TERM").unwrap_or_default();
        let interactive = env.stdout_is_terminal
            && env.stdin_is_terminal
            && !term.is_empty()
            && term != "dumb"
            && matches!(env.get("CI"), None | Some("0" | "false"));
        let ground = background::from_environment(env);
        Self {
            depth: depth(env, term, choices.color),
            glyphs: match choices.glyphs {
                GlyphChoice::Braille => Glyphs::Braille,
                GlyphChoice::Block => Glyphs::Block,
                GlyphChoice::Auto if env.is_utf8() && term != "linux" && term != "dumb" => Glyphs::Braille,
                GlyphChoice::Auto | GlyphChoice::Ascii => Glyphs::Ascii,
            },
            synchronized: !env.is_multiplexed(),
            remote: env.is_remote(),
            interactive,
            wanted: choices.theme.ground(),
            ground,
            questions: questions(env, term, interactive, ground.is_none()),
        }
    }
}

/// What a terminal may be asked without harm.
fn questions(env: &Environment, term: &str, interactive: bool, background: bool) -> Questions {
    // The console has a dark ground and no images, and older ones print what they do not know.
    if !interactive || term == "linux" {
        return Questions::default();
    }
    // screen hands the question for the background on and answers the next one first; both take the Kitty protocol's for a
    // title.
    let screen = env.get("STY").is_some() || (term.starts_with("screen") && env.get("TMUX").is_none());
    Questions { background: background && !screen, kitty: !env.is_multiplexed(), attributes: true }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(variables: &[(&str, &str)], color: ColorChoice, glyphs: GlyphChoice) -> Capabilities {
        let variables = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let env = Environment { variables, stdout_is_terminal: true, stdin_is_terminal: true };
        Capabilities::detect(&env, Choices { color, glyphs, ..Choices::default() })
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
        assert!(!Capabilities::detect(&piped, Choices::default()).interactive);
    }

    #[test]
    fn only_what_a_terminal_understands_is_asked() {
        let asked = |variables: &[(&str, &str)]| {
            let Questions { background, kitty, attributes } = auto(variables).questions;
            (background, kitty, attributes)
        };
        assert_eq!(asked(&[("TERM", "xterm-256color")]), (true, true, true));
        assert_eq!(asked(&[("TERM", "xterm"), ("COLORFGBG", "0;15")]), (false, true, true));
        assert_eq!(asked(&[("TERM", "screen-256color"), ("TMUX", "1")]), (true, false, true));
        assert_eq!(asked(&[("TERM", "screen.xterm-256color"), ("STY", "1.pts")]), (false, false, true));
        assert_eq!(asked(&[("TERM", "linux")]), (false, false, false));
        assert_eq!(asked(&[("TERM", "dumb")]), (false, false, false));
    }
}
