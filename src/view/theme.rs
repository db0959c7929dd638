//! Colours and glyphs, for whatever the terminal can show.

use ratatui::style::{Color, Modifier, Style};
use termprofile::TermProfile;

use super::palette::{self, Ground, Palette};
use super::shade::{Ramps, Shade};
use crate::plot::Rgb;

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
    ground: Ground,
    /// Whether the ground is painted, because the terminal's own is another.
    painted: bool,
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

impl Theme {
    /// The theme for a terminal of such abilities with a dark ground.
    pub fn new(depth: ColorDepth, glyphs: Glyphs) -> Self {
        Self::on(Ground::Dark, depth, glyphs)
    }

    /// The theme for a terminal of such abilities, with colours for that ground.
    pub fn on(ground: Ground, depth: ColorDepth, glyphs: Glyphs) -> Self {
        let palette = Palette::of(ground);
        let many = palette.many.map(|color| adapt(depth, color));
        if depth == ColorDepth::Ansi256 {
            let indexed = |ramps: [[u8; TINT_LEVELS + 1]; 2]| ramps.map(|ramp| ramp.map(Color::Indexed));
            return Self {
                depth,
                glyphs,
                ground,
                painted: false,
                tints: indexed(palette.tints_256),
                dots: indexed(palette.dots_256),
                solid: palette.solid_256.map(Color::Indexed),
                points: palette.points_256.map(Color::Indexed),
                shades: Ramps::palette(ground, |color| adapt(depth, color)),
                many,
                trail: palette.trail_256.map(Color::Indexed),
                verdicts: indexed(palette.verdicts_256),
            };
        }
        let base = palette.ground;
        let ramp = |from: Rgb, to: Rgb| {
            std::array::from_fn(|level| adapt(depth, from.lerp(to, level as f32 / TINT_LEVELS as f32)))
        };
        Self {
            depth,
            glyphs,
            ground,
            painted: false,
            tints: palette.classes.map(|class| ramp(base, base.lerp(class, palette.tint))),
            dots: palette.classes.map(|class| {
                let [faint, strong] = palette.dots.map(|share| base.lerp(class, share));
                ramp(faint, strong)
            }),
            solid: palette.classes.map(|class| adapt(depth, class)),
            points: match (depth, ground) {
                // What is half-way to black there is yellow, or grey.
                (ColorDepth::Ansi16, Ground::Light) => [Color::Black; 2],
                _ => palette.classes.map(|class| adapt(depth, class.lerp(palette.away, 0.5))),
            },
            shades: Ramps::new(ground, |color| adapt(depth, color)),
            many,
            trail: std::array::from_fn(|level| {
                let place = 2.0 * level as f32 / TINT_LEVELS as f32;
                let from = (place as usize).min(1);
                adapt(depth, palette.trail[from].lerp(palette.trail[from + 1], place - from as f32))
            }),
            verdicts: palette.verdicts.map(|full| ramp(base, full)),
        }
    }

    /// Paints the ground itself, for a terminal whose own is another.
    #[must_use]
    pub fn painted(self, painted: bool) -> Self {
        Self { painted, ..self }
    }

    /// The colours of ground and text where they are painted; none where the terminal's own will do.
    pub fn paint(&self) -> Option<(Color, Color)> {
        let named = match self.ground {
            Ground::Dark => (Color::Black, Color::Gray),
            Ground::Light => (Color::White, Color::Black),
        };
        let fine = [Palette::of(self.ground).ground, palette::role(self.ground, Role::Text)];
        match self.depth {
            _ if !self.painted => None,
            ColorDepth::Mono => None,
            ColorDepth::Ansi16 => Some(named),
            _ => Some((adapt(self.depth, fine[0]), adapt(self.depth, fine[1]))),
        }
    }

    /// What it is drawn on.
    pub fn ground(&self) -> Ground {
        self.ground
    }

    /// The same with half as many levels of value, for terminals that are reached over a network: a picture that changes a
    /// little then changes in fewer cells.
    #[must_use]
    pub fn coarse(self) -> Self {
        // Of a ramp of nine the odd ones become the next.
        let halve = |ramp: [Color; TINT_LEVELS + 1]| std::array::from_fn(|level| ramp[level.next_multiple_of(2)]);
        let (tints, dots) = (self.tints.map(halve), self.dots.map(halve));
        Self { shades: self.shades.coarse(), tints, dots, ..self }
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

    /// Whether cells can be pixels of a picture: any colour, and half blocks.
    pub fn has_pixels(&self) -> bool {
        self.depth == ColorDepth::TrueColor && !self.ascii()
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
                let colors = match self.ground {
                    Ground::Dark => [Color::Yellow, Color::LightYellow, Color::White],
                    Ground::Light => [Color::Red, Color::Red, Color::Black],
                };
                Style::new().fg(colors[level * 2 / TINT_LEVELS])
            }
            _ => Style::new().fg(self.trail[level]),
        }
    }

    /// The colour of a role over a picture whose colour there is `behind`: that of the ground it reads better on.
    pub fn over(&self, role: Role, behind: Color) -> Color {
        let ground = match lightness(behind) {
            Some(luma) if self.has_tints() && luma > 0.5 => Ground::Light,
            Some(_) if self.has_tints() => Ground::Dark,
            _ => return self.style(role).fg.unwrap_or_default(),
        };
        adapt(self.depth, palette::role(ground, role))
    }

    /// Black or white, whatever reads better on a colour.
    pub fn ink(&self, behind: Rgb) -> Color {
        if behind.luma() > 0.45 { Color::Black } else { self.over(Role::Bright, Color::Rgb(0, 0, 0)) }
    }

    /// The nearest colour the terminal has.
    pub(super) fn nearest(&self, color: Rgb) -> Color {
        adapt(self.depth, color)
    }

    /// What a class's letter is written in where its colour is the ground.
    pub fn ink_on_class(&self, class: usize) -> Color {
        let many = &Palette::of(self.ground).many;
        if self.depth <= ColorDepth::Ansi16 { Color::Black } else { self.ink(many[class % many.len()]) }
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
            ColorDepth::Ansi16 => {
                let color = match (self.ground, role) {
                    (_, Role::Text) => return style,
                    (_, Role::Dim | Role::Frame | Role::Raw) => Color::DarkGray,
                    (Ground::Dark, Role::Bright) => Color::White,
                    (Ground::Dark, Role::Accent) => Color::LightCyan,
                    (Ground::Dark, Role::Good) => Color::LightGreen,
                    (Ground::Dark, Role::Warn) => Color::LightYellow,
                    (Ground::Dark, Role::Eval) => Color::LightMagenta,
                    (Ground::Dark, Role::Bad) => Color::LightRed,
                    (Ground::Light, Role::Bright) => Color::Black,
                    (Ground::Light, Role::Accent) => Color::Blue,
                    (Ground::Light, Role::Good) => Color::Green,
                    (Ground::Light, Role::Warn | Role::Eval) => Color::Magenta,
                    (Ground::Light, Role::Bad) => Color::Red,
                };
                let style = style.fg(color);
                if role == Role::Bright { style.add_modifier(Modifier::BOLD) } else { style }
            }
            ColorDepth::Ansi256 | ColorDepth::TrueColor => {
                let rgb = palette::role(self.ground, role);
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

/// How light a colour is, 0 to 1; none for the terminal's own and the sixteen whose looks it decides.
fn lightness(color: Color) -> Option<f32> {
    let Rgb(r, g, b) = match color {
        Color::Rgb(r, g, b) => Rgb(r, g, b),
        Color::Indexed(index @ 232..) => {
            let grey = 8 + 10 * (index - 232);
            Rgb(grey, grey, grey)
        }
        Color::Indexed(index @ 16..) => {
            let channel = |place: u8| if place == 0 { 0 } else { 55 + 40 * place };
            Rgb(channel((index - 16) / 36), channel((index - 16) / 6 % 6), channel((index - 16) % 6))
        }
        _ => return None,
    };
    Some(Rgb(r, g, b).luma())
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
