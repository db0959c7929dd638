//! The colours there are, for a dark and for a light ground. Chosen so that what differs in meaning differs in lightness or
//! on the blue-yellow axis too: the tests compute what people without one of the three cones see of it.

use super::theme::{Role, TINT_LEVELS};
use crate::plot::Rgb;
use crate::plot::color::class_color;

/// What the terminal draws on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Ground {
    /// Light text on a dark ground.
    #[default]
    Dark,
    /// Dark text on a light ground.
    Light,
}

impl Ground {
    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Dark => Self::Light,
            Self::Light => Self::Dark,
        }
    }

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Light => "light",
        }
    }
}

/// Indices into the 256-colour palette, one a level.
type Levels256 = [u8; TINT_LEVELS + 1];

/// Everything that depends on the ground.
#[derive(Debug)]
pub(super) struct Palette {
    /// The ground itself: what tints grow from, and what is painted where the terminal's own is another.
    pub(super) ground: Rgb,
    /// How much of a class's colour the strongest tint holds.
    pub(super) tint: f32,
    /// How much of it the faintest and the strongest dots hold.
    pub(super) dots: [f32; 2],
    /// The two classes of a plane.
    pub(super) classes: [Rgb; 2],
    /// What their data points go half of the way to, away from the ground.
    pub(super) away: Rgb,
    /// Many classes.
    pub(super) many: [Rgb; 10],
    /// Behind the largest share of what is right, and of what is wrong.
    pub(super) verdicts: [Rgb; 2],
    /// A way over a landscape: warm, since that is cool, and ever further from the ground.
    pub(super) trail: [Rgb; 3],
    /// The same ramps in the 256-colour palette, chosen by eye: the nearest colours change hue from step to step, and what
    /// dark orange and blue there is glares, so the tints are neutral.
    pub(super) tints_256: [Levels256; 2],
    pub(super) dots_256: [Levels256; 2],
    pub(super) solid_256: [u8; 2],
    pub(super) points_256: [u8; 2],
    pub(super) verdicts_256: [Levels256; 2],
    pub(super) trail_256: Levels256,
}

static DARK: Palette = Palette {
    // Darker than any usual dark background, so that the middle of the range is calm.
    ground: Rgb(16, 17, 20),
    tint: 0.24,
    dots: [0.35, 0.78],
    classes: [class_color(0), class_color(1)],
    away: Rgb(255, 255, 255),
    many: [
        class_color(0),
        class_color(1),
        class_color(2),
        class_color(3),
        class_color(4),
        class_color(5),
        class_color(6),
        class_color(7),
        class_color(8),
        class_color(9),
    ],
    verdicts: [Rgb(18, 92, 110), Rgb(168, 52, 28)],
    trail: [Rgb(190, 98, 48), Rgb(255, 160, 60), Rgb(255, 246, 214)],
    tints_256: [[233, 233, 233, 234, 234, 235, 235, 236, 236]; 2],
    dots_256: [[94, 94, 94, 94, 130, 130, 130, 172, 172], [24, 24, 24, 24, 25, 25, 25, 68, 68]],
    solid_256: [208, 68],
    points_256: [223, 153],
    // The nearest colours are grey for half of the way.
    verdicts_256: [[233, 235, 23, 23, 23, 23, 24, 24, 24], [233, 235, 52, 52, 52, 88, 88, 124, 124]],
    trail_256: [130, 130, 166, 172, 208, 214, 221, 229, 230],
};

static LIGHT: Palette = Palette {
    ground: Rgb(252, 252, 250),
    tint: 0.26,
    dots: [0.3, 0.72],
    classes: [Rgb(0xc2, 0x66, 0x08), Rgb(0x1f, 0x66, 0xb0)],
    away: Rgb(0, 0, 0),
    many: [
        Rgb(0xb0, 0x58, 0x00),
        Rgb(0x1f, 0x66, 0xb0),
        Rgb(13, 154, 206),
        Rgb(121, 107, 108),
        Rgb(95, 33, 109),
        Rgb(62, 0, 43),
        Rgb(212, 119, 74),
        Rgb(0, 0, 0),
        Rgb(140, 33, 44),
        Rgb(14, 19, 179),
    ],
    verdicts: [Rgb(120, 196, 196), Rgb(240, 150, 120)],
    trail: [Rgb(206, 110, 40), Rgb(164, 56, 8), Rgb(72, 10, 0)],
    tints_256: [[231, 231, 231, 255, 255, 255, 254, 254, 254]; 2],
    dots_256: [[223, 223, 223, 216, 216, 215, 215, 209, 173], [189, 189, 153, 153, 111, 111, 75, 74, 68]],
    solid_256: [130, 25],
    points_256: [94, 18],
    verdicts_256: [[231, 255, 195, 195, 195, 159, 152, 116, 116], [231, 255, 224, 224, 223, 217, 216, 216, 210]],
    trail_256: [173, 173, 172, 166, 166, 130, 124, 88, 52],
};

impl Palette {
    pub(super) fn of(ground: Ground) -> &'static Self {
        match ground {
            Ground::Dark => &DARK,
            Ground::Light => &LIGHT,
        }
    }
}

/// The colour of a role.
pub(super) fn role(ground: Ground, role: Role) -> Rgb {
    match (ground, role) {
        (Ground::Dark, Role::Text) => Rgb(200, 203, 208),
        (Ground::Dark, Role::Dim) => Rgb(124, 130, 140),
        (Ground::Dark, Role::Bright) => Rgb(238, 240, 243),
        (Ground::Dark, Role::Accent) => Rgb(110, 190, 255),
        (Ground::Dark, Role::Frame) => Rgb(68, 73, 82),
        (Ground::Dark, Role::Good) => Rgb(92, 214, 178),
        (Ground::Dark, Role::Warn) => Rgb(250, 214, 84),
        (Ground::Dark, Role::Bad) => Rgb(255, 92, 92),
        (Ground::Dark, Role::Eval) => Rgb(236, 132, 186),
        (Ground::Dark, Role::Raw) => Rgb(58, 84, 112),
        (Ground::Light, Role::Text) => Rgb(52, 56, 64),
        (Ground::Light, Role::Dim) => Rgb(100, 106, 116),
        (Ground::Light, Role::Bright) => Rgb(10, 12, 16),
        (Ground::Light, Role::Accent) => Rgb(0, 92, 175),
        (Ground::Light, Role::Frame) => Rgb(178, 184, 194),
        (Ground::Light, Role::Good) => Rgb(0, 108, 104),
        (Ground::Light, Role::Warn) => Rgb(138, 96, 0),
        (Ground::Light, Role::Bad) => Rgb(158, 0, 28),
        (Ground::Light, Role::Eval) => Rgb(176, 40, 128),
        (Ground::Light, Role::Raw) => Rgb(150, 186, 222),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUNDS: [Ground; 2] = [Ground::Dark, Ground::Light];
    /// Grounds people have: plain, and those of Solarized, the greyest that is widespread.
    const TERMINALS: [[Rgb; 3]; 2] =
        [[Rgb(0, 0, 0), Rgb(30, 30, 30), Rgb(0, 43, 54)], [Rgb(255, 255, 255), Rgb(250, 250, 250), Rgb(253, 246, 227)]];
    /// What is left of linear red, green and blue without one of the cones, after Machado, Oliveira and Fernandes (2009),
    /// severity 1; and all of it.
    const EYES: [(&str, [[f64; 3]; 3]); 4] = [
        ("all cones", [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
        (
            "protanopia",
            [
                [0.152_286, 1.052_583, -0.204_868],
                [0.114_503, 0.786_281, 0.099_216],
                [-0.003_882, -0.048_116, 1.051_998],
            ],
        ),
        (
            "deuteranopia",
            [[0.367_322, 0.860_646, -0.227_968], [0.280_085, 0.672_501, 0.047_413], [-0.011_820, 0.042_940, 0.968_881]],
        ),
        (
            "tritanopia",
            [
                [1.255_528, -0.076_749, -0.178_779],
                [-0.078_411, 0.930_809, 0.147_602],
                [0.004_733, 0.691_367, 0.303_900],
            ],
        ),
    ];

    fn linear(Rgb(r, g, b): Rgb) -> [f64; 3] {
        [r, g, b].map(|channel| {
            let share = f64::from(channel) / 255.0;
            if share <= 0.040_45 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
        })
    }

    fn times(matrix: [[f64; 3]; 3], vector: [f64; 3]) -> [f64; 3] {
        matrix.map(|row| row.iter().zip(vector).map(|(a, b)| a * b).sum())
    }

    /// The contrast of WCAG 2, from 1 to 21.
    fn contrast(a: Rgb, b: Rgb) -> f64 {
        let luminance = |color| times([[0.2126, 0.7152, 0.0722]; 3], linear(color))[0] + 0.05;
        let (a, b) = (luminance(a), luminance(b));
        a.max(b) / a.min(b)
    }

    /// A hundred times the distance in Oklab: black and white are 100 apart, 2 is just noticeable.
    fn distance(a: Rgb, b: Rgb, eyes: [[f64; 3]; 3]) -> f64 {
        let lab = |color| {
            let seen = times(eyes, linear(color)).map(|channel| channel.clamp(0.0, 1.0));
            let cones = times(
                [
                    [0.412_221_47, 0.536_332_54, 0.051_445_99],
                    [0.211_903_50, 0.680_699_55, 0.107_396_96],
                    [0.088_302_46, 0.281_718_84, 0.629_978_70],
                ],
                seen,
            );
            times(
                [
                    [0.210_454_26, 0.793_617_79, -0.004_072_05],
                    [1.977_998_50, -2.428_592_21, 0.450_593_71],
                    [0.025_904_04, 0.782_771_77, -0.808_675_77],
                ],
                cones.map(f64::cbrt),
            )
        };
        100.0 * lab(a).iter().zip(lab(b)).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
    }

    /// Every two of the colours are so far apart for all eyes.
    fn differ(colors: &[Rgb], least: f64) {
        for (i, a) in colors.iter().enumerate() {
            for b in &colors[..i] {
                for (name, eyes) in EYES {
                    let apart = distance(*a, *b, eyes);
                    assert!(apart >= least, "{a:?} and {b:?} are {apart:.1} apart with {name}");
                }
            }
        }
    }

    #[test]
    fn the_measures_are_those_of_their_definitions() {
        let (black, white) = (Rgb(0, 0, 0), Rgb(255, 255, 255));
        assert!((contrast(black, white) - 21.0).abs() < 1e-9);
        assert!((contrast(Rgb(0x76, 0x76, 0x76), white) - 4.54).abs() < 0.01, "the lightest grey that passes AA");
        assert!((distance(black, white, EYES[0].1) - 100.0).abs() < 0.1);
        // Red and green of one lightness: what everybody with all cones tells apart, and others hardly.
        let (red, green) = (Rgb(190, 60, 60), Rgb(90, 120, 40));
        assert!(distance(red, green, EYES[0].1) > 20.0 && distance(red, green, EYES[2].1) < 10.0);
    }

    #[test]
    fn text_is_legible_on_every_usual_ground() {
        for (ground, terminals) in GROUNDS.into_iter().zip(TERMINALS) {
            for terminal in terminals.into_iter().chain([Palette::of(ground).ground]) {
                for (text, least) in [
                    (Role::Text, 7.0),
                    (Role::Bright, 7.0),
                    (Role::Accent, 4.5),
                    (Role::Good, 4.5),
                    (Role::Warn, 4.5),
                    (Role::Bad, 4.5),
                    (Role::Eval, 4.5),
                    (Role::Dim, 3.0),
                    // Lines and bands, no text.
                    (Role::Frame, 1.5),
                    (Role::Raw, 1.5),
                ] {
                    let ratio = contrast(role(ground, text), terminal);
                    assert!(ratio >= least, "{text:?} on {terminal:?}: {ratio:.2}");
                }
                for class in Palette::of(ground).classes.iter().chain(&Palette::of(ground).many) {
                    let ratio = contrast(*class, terminal);
                    assert!(ratio >= 2.5, "{class:?} on {terminal:?}: {ratio:.2}");
                }
            }
        }
    }

    #[test]
    fn what_differs_in_meaning_differs_for_all_eyes() {
        for ground in GROUNDS {
            let palette = Palette::of(ground);
            differ(&palette.classes, 20.0);
            differ(&palette.classes.map(|class| class.lerp(palette.away, 0.5)), 8.0);
            differ(&palette.verdicts, 8.0);
            differ(&[Role::Good, Role::Warn, Role::Bad].map(|name| role(ground, name)), 7.0);
            // The curves of one chart.
            differ(&[Role::Accent, Role::Eval].map(|name| role(ground, name)), 8.0);
            // Every class is drawn as its letter too.
            differ(&palette.many, 7.0);
        }
    }

    #[test]
    fn text_is_legible_on_verdicts_and_tints() {
        for ground in GROUNDS {
            let palette = Palette::of(ground);
            let strongest = palette.classes.map(|class| palette.ground.lerp(class, palette.tint));
            for behind in palette.verdicts.into_iter().chain(strongest) {
                let ratio = contrast(role(ground, Role::Bright), behind);
                assert!(ratio >= 4.5, "{behind:?} with {ground:?}: {ratio:.2}");
            }
        }
    }

    #[test]
    fn a_way_moves_away_from_the_ground() {
        for ground in GROUNDS {
            let Palette { trail, ground, .. } = Palette::of(ground);
            let ratios = trail.map(|color| contrast(color, *ground));
            assert!(ratios[0] >= 3.0 && ratios.is_sorted(), "{ratios:?}");
        }
    }
}
