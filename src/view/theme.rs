//! Colours and glyphs, for whatever the terminal can show.

use ratatui::style::{Color, Modifier, Style};
use termprofile::TermProfile;

use crate::plot::Rgb;
use crate::plot::color::class_color;

use super::shade::{Ramps, Shade};

/// How many colours the terminal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ColorDepth {
    /// None: bold, dim, reverse and underline only.
    Mono,
    /// The sixteen named colours.
    Ansi16,
    /// The 256-colour palette.
    Ansi256,
    /// 24 bits.
    TrueColor,
}

/// Which characters the terminal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Glyphs {
    /// ASCII only.
    Ascii,
    /// Box drawing and blocks, no braille.
    Block,
    /// Everything, braille among it.
    Braille,
}

/// Levels that a tint or a dot's brightness is quantised to, so that a frame differs from the last in few cells.
pub const TINT_LEVELS: usize = 8;

/// The meaning of a piece of text or line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Ordinary text.
    Text,
    /// Labels and whatever should recede.
    Dim,
    /// Values: what people came to read.
    Bright,
    /// Focus, names, keys.
    Accent,
    /// Frames.
    Frame,
    /// Running, improving, right.
    Good,
    /// Look here.
    Warn,
    /// Wrong, failed, not a number.
    Bad,
    /// The curve of the evaluation.
    Eval,
    /// The band of raw values behind a smoothed curve.
    Raw,
}

/// How things look on this terminal.
#[derive(Debug, Clone)]
pub struct Theme {
    depth: ColorDepth,
    glyphs: Glyphs,
    /// Per class: backgrounds, from the ground to a strong tint.
    tints: [[Color; TINT_LEVELS + 1]; 2],
    /// Per class: dots, from faint to full colour.
    dots: [[Color; TINT_LEVELS + 1]; 2],
    /// Per class: the full colour.
    solid: [Color; 2],
    /// Per class: data points, lighter than anything behind them.
    points: [Color; 2],
    /// What values become.
    shades: Ramps,
    /// The colours of many classes, round and round.
    many: [Color; 10],
    /// A way, from its beginning to its end.
    trail: [Color; TINT_LEVELS + 1],
    /// Behind shares that are right, and behind those that are wrong.
    verdicts: [[Color; TINT_LEVELS + 1]; 2],
}

/// The ground the tints grow from: darker than any usual dark background, so that the middle of the range is calm.
const GROUND: Rgb = Rgb(16, 17, 20);
/// The same ramps in the 256-colour palette, chosen by eye: the nearest colours change hue from step to step, and what
/// dark orange and blue there is glares, so the tints are neutral.
const TINTS_256: [[u8; TINT_LEVELS + 1]; 2] =
    [[233, 233, 233, 234, 234, 235, 235, 236, 236], [233, 233, 233, 234, 234, 235, 235, 236, 236]];
const DOTS_256: [[u8; TINT_LEVELS + 1]; 2] =
    [[94, 94, 94, 94, 130, 130, 130, 172, 172], [24, 24, 24, 24, 25, 25, 25, 68, 68]];
/// Behind what is right and what is wrong, in the 256-colour palette: the nearest colours are grey for half of the way.
const VERDICTS_256: [[u8; TINT_LEVELS + 1]; 2] =
    [[233, 235, 22, 22, 22, 28, 28, 28, 28], [233, 235, 52, 52, 52, 88, 88, 124, 124]];
/// A way over a landscape: warm, since that is cool, and ever brighter.
const TRAIL: [Rgb; 3] = [Rgb(190, 98, 48), Rgb(255, 160, 60), Rgb(255, 246, 214)];
const TRAIL_256: [u8; TINT_LEVELS + 1] = [130, 130, 166, 172, 208, 214, 221, 229, 230];
const WHITE: Rgb = Rgb(255, 255, 255);

impl Theme {
    /// The theme for a terminal of such abilities.
    pub fn new(depth: ColorDepth, glyphs: Glyphs) -> Self {
        let classes = [class_color(0), class_color(1)];
        let shades = Ramps::new(|color| adapt(depth, color));
        let many = std::array::from_fn(|class| adapt(depth, class_color(class)));
        if depth == ColorDepth::Ansi256 {
            let indexed = |ramps: [[u8; TINT_LEVELS + 1]; 2]| ramps.map(|ramp| ramp.map(Color::Indexed));
            let points = [Color::Indexed(223), Color::Indexed(153)];
            let solid = [Color::Indexed(208), Color::Indexed(68)];
            let shades = Ramps::palette(|color| adapt(depth, color));
            let (tints, dots) = (indexed(TINTS_256), indexed(DOTS_256));
            let verdicts = indexed(VERDICTS_256);
            let trail = TRAIL_256.map(Color::Indexed);
            return Self { depth, glyphs, tints, dots, solid, points, shades, many, trail, verdicts };
        }
        let ramp = |from: Rgb, to: Rgb| {
            std::array::from_fn(|level| adapt(depth, from.lerp(to, level as f32 / TINT_LEVELS as f32)))
        };
        let tint = |class: Rgb| ramp(GROUND, GROUND.lerp(class, 0.24));
        let dot = |class: Rgb| ramp(GROUND.lerp(class, 0.35), GROUND.lerp(class, 0.78));
        let point = |class: Rgb| adapt(depth, class.lerp(WHITE, 0.5));
        let (tints, dots) = (classes.map(tint), classes.map(dot));
        let solid = classes.map(|class| adapt(depth, class));
        let verdicts = [Rgb(40, 112, 64), Rgb(176, 48, 48)].map(|full| ramp(GROUND, full));
        let trail = std::array::from_fn(|level| {
            let place = 2.0 * level as f32 / TINT_LEVELS as f32;
            let from = (place as usize).min(1);
            adapt(depth, TRAIL[from].lerp(TRAIL[from + 1], place - from as f32))
        });
        Self { depth, glyphs, tints, dots, solid, points: classes.map(point), shades, many, trail, verdicts }
    }

    /// How many colours there are.
    pub fn depth(&self) -> ColorDepth {
        self.depth
    }

    /// Which characters there are.
    pub fn glyphs(&self) -> Glyphs {
        self.glyphs
    }

    /// Whether only ASCII can be shown.
    pub fn ascii(&self) -> bool {
        self.glyphs == Glyphs::Ascii
    }

    /// Whether backgrounds can be tinted finely enough to carry a value.
    pub fn has_tints(&self) -> bool {
        self.depth >= ColorDepth::Ansi256
    }

    /// The background for a class at a level in `0..=TINT_LEVELS`.
    pub fn tint(&self, class: usize, level: usize) -> Color {
        self.tints[class.min(1)][level.min(TINT_LEVELS)]
    }

    /// The colour of dots for a class at a level in `0..=TINT_LEVELS`.
    pub fn dot(&self, class: usize, level: usize) -> Color {
        self.dots[class.min(1)][level.min(TINT_LEVELS)]
    }

    /// The full colour of a class.
    pub fn solid(&self, class: usize) -> Color {
        self.solid[class.min(1)]
    }

    /// The colour of a data point of a class.
    pub fn point(&self, class: usize) -> Color {
        self.points[class.min(1)]
    }

    /// The colour of a level of [`Shade::level`]; a grey of its own for what has none.
    pub fn shade(&self, shade: Shade, level: Option<u8>) -> Color {
        self.shades.color(shade, level)
    }

    /// The colour of one of many classes; from the eleventh on they come again.
    pub fn class(&self, class: usize) -> Color {
        self.many[class % self.many.len()]
    }

    /// What a way looks like after a share, 0 to 1, of it.
    pub fn trail(&self, share: f32) -> Style {
        let level = (share.clamp(0.0, 1.0) * TINT_LEVELS as f32).round() as usize;
        match self.depth {
            ColorDepth::Mono if 2 * level > TINT_LEVELS => Style::new().add_modifier(Modifier::BOLD),
            ColorDepth::Mono => Style::new(),
            ColorDepth::Ansi16 => {
                Style::new().fg([Color::Yellow, Color::LightYellow, Color::White][level * 2 / TINT_LEVELS])
            }
            _ => Style::new().fg(self.trail[level]),
        }
    }

    /// The background of a share, 0 to 1, of what is right or wrong. The root makes a few percent visible.
    pub fn verdict(&self, right: bool, share: f32) -> Color {
        let level = (share.clamp(0.0, 1.0).sqrt() * TINT_LEVELS as f32).round() as usize;
        self.verdicts[usize::from(!right)][level]
    }

    /// The style of a role.
    pub fn style(&self, role: Role) -> Style {
        let style = Style::new();
        match self.depth {
            ColorDepth::Mono => match role {
                Role::Dim | Role::Frame | Role::Raw => style.add_modifier(Modifier::DIM),
                Role::Bright | Role::Accent | Role::Warn | Role::Good => style.add_modifier(Modifier::BOLD),
                Role::Bad => style.add_modifier(Modifier::BOLD | Modifier::REVERSED),
                Role::Text | Role::Eval => style,
            },
            ColorDepth::Ansi16 => match role {
                Role::Text => style,
                Role::Dim | Role::Frame | Role::Raw => style.fg(Color::DarkGray),
                Role::Bright => style.fg(Color::White).add_modifier(Modifier::BOLD),
                Role::Accent => style.fg(Color::LightCyan),
                Role::Good => style.fg(Color::LightGreen),
                Role::Warn => style.fg(Color::LightYellow),
                Role::Eval => style.fg(Color::LightMagenta),
                Role::Bad => style.fg(Color::LightRed),
            },
            ColorDepth::Ansi256 | ColorDepth::TrueColor => {
                let rgb = match role {
                    Role::Text => Rgb(200, 203, 208),
                    Role::Dim => Rgb(124, 130, 140),
                    Role::Bright => Rgb(238, 240, 243),
                    Role::Accent => Rgb(110, 190, 255),
                    Role::Frame => Rgb(68, 73, 82),
                    Role::Good => Rgb(118, 214, 140),
                    Role::Warn => Rgb(240, 200, 90),
                    Role::Bad => Rgb(255, 98, 98),
                    Role::Eval => Rgb(236, 132, 186),
                    Role::Raw => Rgb(58, 84, 112),
                };
                let style = style.fg(adapt(self.depth, rgb));
                if role == Role::Bright { style.add_modifier(Modifier::BOLD) } else { style }
            }
        }
    }

    /// Picks the character for this terminal.
    pub fn pick(&self, unicode: &'static str, ascii: &'static str) -> &'static str {
        if self.ascii() { ascii } else { unicode }
    }
}

/// The nearest colour the terminal has. Under [`ColorDepth::Mono`] that is none: never a colour, not even black.
fn adapt(depth: ColorDepth, Rgb(r, g, b): Rgb) -> Color {
    let profile = match depth {
        ColorDepth::Mono => return Color::Reset,
        ColorDepth::Ansi16 => TermProfile::Ansi16,
        ColorDepth::Ansi256 => TermProfile::Ansi256,
        ColorDepth::TrueColor => return Color::Rgb(r, g, b),
    };
    profile.adapt_color(Color::Rgb(r, g, b)).unwrap_or(Color::Reset)
}
