//! From a value to a colour, in few enough steps that a frame differs from the last in few cells.

use ratatui::style::Color;

use super::palette::{Ground, Palette};
use crate::plot::Rgb;
use crate::plot::color::{diverging_between, ember, grey, heat, viridis};

/// How values become colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shade {
    /// From dark violet to yellow: what starts at zero.
    Viridis,
    /// From black to white: pixels.
    Grey,
    /// From the ground over red: how far something is off.
    Heat,
    /// Viridis, nearer to the ground: what lines and marks are drawn on.
    Ground,
    /// Orange below the middle of the range, blue above: what has a sign. The range has to be symmetric.
    Diverging,
}

/// How bright [`Shade::Ground`] is beside viridis on a dark ground, and how far it goes to white on a light one.
const GROUND: [f32; 2] = [0.62, 0.58];
/// Middle of [`Shade::Diverging`] on a dark and on a light ground: zero recedes.
const MIDDLE: [Rgb; 2] = [Rgb(0x1d, 0x1e, 0x23), Rgb(0xee, 0xee, 0xec)];
const WHITE: Rgb = Rgb(255, 255, 255);

impl Shade {
    const ALL: [Self; 5] = [Self::Viridis, Self::Grey, Self::Heat, Self::Ground, Self::Diverging];

    /// The highest level; the lowest is 0. With a sign it is even, so that zero has a level of its own.
    pub const fn top(self) -> u8 {
        match self {
            Self::Viridis | Self::Grey | Self::Heat | Self::Ground => 31,
            Self::Diverging => 30,
        }
    }

    /// The level of a value in a range, clamped; none for what is not finite. In a range without width everything is
    /// at its start, and in the middle where there is a sign.
    pub fn level(self, value: f32, (lo, hi): (f32, f32)) -> Option<u8> {
        if !value.is_finite() {
            return None;
        }
        let share = (value - lo) / (hi - lo);
        let share = match self {
            _ if share.is_finite() => share.clamp(0.0, 1.0),
            Self::Diverging => 0.5,
            Self::Viridis | Self::Grey | Self::Heat | Self::Ground => 0.0,
        };
        Some((share * f32::from(self.top())).round() as u8)
    }

    /// The level that stands for this one where there are half as many: 16, or 15 with a zero of their own in the middle.
    fn coarse(self, level: u8) -> u8 {
        let halves = |level: u8, top: u8| {
            let steps = top / 2;
            ((u32::from(level) * u32::from(steps) * 2 + u32::from(top)) / (2 * u32::from(top)) * u32::from(top)
                / u32::from(steps)) as u8
        };
        match self {
            Self::Diverging => {
                let middle = self.top() / 2;
                let far = halves(level.abs_diff(middle), middle);
                if level < middle { middle - far } else { middle + far }
            }
            _ => halves(level, self.top()),
        }
    }

    /// The colour of a level on a terminal that has them all; of none, one that is no value's.
    pub fn rgb(self, level: Option<u8>, ground: Ground) -> Rgb {
        let share = level.map_or(f32::NAN, |level| f32::from(level.min(self.top())) / f32::from(self.top()));
        match self {
            Self::Viridis => viridis(share),
            Self::Grey => grey(share),
            Self::Heat if ground == Ground::Light => ember(share),
            Self::Heat => heat(share),
            Self::Ground if ground == Ground::Light => viridis(share).lerp(WHITE, GROUND[1]),
            Self::Ground => viridis(share).scale(GROUND[0]),
            Self::Diverging => {
                let [low, high] = Palette::of(ground).classes;
                diverging_between(2.0 * share - 1.0, [low, MIDDLE[ground as usize], high])
            }
        }
    }
}

/// The same in the 256-colour palette, chosen by eye: the nearest colours of dark violet and dark blue there are greys.
const VIRIDIS_256: [u8; 32] = [
    53, 53, 53, 54, 54, 54, 24, 24, 24, 24, 30, 30, 30, 30, 36, 36, 36, 36, 72, 72, 71, 77, 77, 77, 113, 113, 149, 149,
    184, 184, 220, 226,
];
/// The same, darker, and lighter.
const GROUND_256: [[u8; 32]; 2] = [
    [
        17, 17, 17, 17, 18, 18, 18, 24, 24, 24, 24, 24, 23, 23, 23, 23, 29, 29, 29, 29, 29, 65, 65, 65, 65, 64, 64, 64,
        64, 100, 100, 100,
    ],
    [
        146, 146, 146, 146, 147, 147, 147, 147, 153, 153, 153, 153, 152, 152, 152, 152, 158, 158, 158, 158, 158, 157,
        157, 157, 157, 193, 193, 193, 193, 229, 229, 229,
    ],
];
/// From the middle to either end.
const DIVERGING_256: [[[u8; 16]; 2]; 2] = [
    [
        [235, 236, 94, 94, 94, 130, 130, 130, 130, 172, 172, 172, 172, 208, 208, 208],
        [235, 236, 24, 24, 24, 25, 25, 25, 25, 32, 32, 32, 32, 68, 68, 68],
    ],
    [
        [255, 254, 223, 223, 223, 216, 216, 216, 215, 215, 209, 209, 173, 172, 166, 130],
        [255, 254, 189, 189, 153, 153, 153, 117, 111, 111, 75, 75, 69, 68, 26, 25],
    ],
];

/// The colours of every shade as a terminal has them, looked up once.
#[derive(Debug, Clone)]
pub(super) struct Ramps([[Color; 33]; 5]);

/// Where the colour of what is not finite stands in a ramp.
const MISSING: usize = 32;

impl Ramps {
    pub(super) fn new(ground: Ground, adapt: impl Fn(Rgb) -> Color) -> Self {
        let level = |place| (place != MISSING).then_some(place as u8);
        Self(Shade::ALL.map(|shade| std::array::from_fn(|place| adapt(shade.rgb(level(place), ground)))))
    }

    /// For a terminal with a palette of 256 colours.
    pub(super) fn palette(ground: Ground, adapt: impl Fn(Rgb) -> Color) -> Self {
        let mut ramps = Self::new(ground, adapt);
        let [viridis, _, _, below, diverging] = &mut ramps.0;
        let greens = viridis.iter_mut().zip(VIRIDIS_256).chain(below.iter_mut().zip(GROUND_256[ground as usize]));
        for (color, index) in greens {
            *color = Color::Indexed(index);
        }
        for (level, color) in (0..=Shade::Diverging.top()).zip(diverging) {
            let middle = Shade::Diverging.top() / 2;
            let side = DIVERGING_256[ground as usize][usize::from(level > middle)];
            *color = Color::Indexed(side[usize::from(level.abs_diff(middle))]);
        }
        ramps
    }

    /// Half as many colours, each in the place of its neighbours too.
    pub(super) fn coarse(&self) -> Self {
        let mut coarse = self.clone();
        for (shade, ramp) in Shade::ALL.into_iter().zip(&mut coarse.0) {
            for level in 0..=shade.top() {
                ramp[usize::from(level)] = self.color(shade, Some(shade.coarse(level)));
            }
        }
        coarse
    }

    pub(super) fn color(&self, shade: Shade, level: Option<u8>) -> Color {
        self.0[shade as usize][level.map_or(MISSING, |level| usize::from(level.min(shade.top())))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_has_a_level_of_its_own() {
        let level = |value| Shade::Diverging.level(value, (-2.0, 2.0));
        assert_eq!([-2.0, 0.0, 2.0].map(level), [Some(0), Some(15), Some(30)]);
        for ground in [Ground::Dark, Ground::Light] {
            assert_eq!(Shade::Diverging.rgb(Some(15), ground), MIDDLE[ground as usize]);
        }
    }

    #[test]
    fn levels_are_clamped_and_never_not_a_number() {
        for shade in Shade::ALL {
            assert_eq!(shade.level(-9.0, (0.0, 1.0)), Some(0));
            assert_eq!(shade.level(9.0, (0.0, 1.0)), Some(shade.top()));
            for range in [(0.0, 0.0), (f32::NAN, f32::NAN), (3.0, 3.0)] {
                let flat = shade.level(0.0, range).unwrap();
                assert_eq!(flat, if shade == Shade::Diverging { 15 } else { 0 }, "{shade:?} {range:?}");
            }
            for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                assert_eq!(shade.level(value, (0.0, 1.0)), None);
            }
        }
    }

    #[test]
    fn coarse_levels_are_half_as_many_and_keep_ends_and_zero() {
        for shade in Shade::ALL {
            let coarse: Vec<u8> = (0..=shade.top()).map(|level| shade.coarse(level)).collect();
            assert!(coarse.is_sorted() && coarse.iter().zip(0..).all(|(coarse, level)| coarse.abs_diff(level) <= 1));
            assert_eq!((coarse[0], coarse[usize::from(shade.top())]), (0, shade.top()), "{shade:?}");
            let mut distinct = coarse.clone();
            distinct.dedup();
            assert_eq!(distinct.len(), if shade == Shade::Diverging { 15 } else { 16 }, "{coarse:?}");
            let again: Vec<u8> = coarse.iter().map(|level| shade.coarse(*level)).collect();
            assert_eq!(again, coarse, "what is coarse stays");
        }
        assert_eq!(Shade::Diverging.coarse(15), 15);
    }

    #[test]
    fn levels_differ() {
        for (shade, ground) in Shade::ALL.into_iter().flat_map(|shade| [(shade, Ground::Dark), (shade, Ground::Light)])
        {
            let levels = (0..=shade.top()).map(|level| shade.rgb(Some(level), ground));
            let mut colors: Vec<Rgb> = levels.chain([shade.rgb(None, ground)]).collect();
            colors.dedup();
            assert_eq!(colors.len(), usize::from(shade.top()) + 2, "{shade:?} {ground:?}");
        }
    }
}
