//! Colours as plain numbers, and the maps from values to them.

/// A colour in sRGB, 8 bits a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rgb(pub u8, pub u8, pub u8);

impl Rgb {
    /// The colour `t` of the way to `other`, channel by channel in sRGB; `t` is clamped to 0..=1, NaN counts as 0.
    #[must_use]
    pub fn lerp(self, other: Self, t: f32) -> Self {
        let t = unit(t);
        let blend = |a: u8, b: u8| (f32::from(a) + (f32::from(b) - f32::from(a)) * t).round() as u8;
        Self(blend(self.0, other.0), blend(self.1, other.1), blend(self.2, other.2))
    }

    /// Every channel times `factor`, saturating: below 1 dims, above 1 brightens.
    #[must_use]
    pub fn scale(self, factor: f32) -> Self {
        // A cast saturates at 0 and 255, and takes NaN to 0.
        let times = |channel: u8| (f32::from(channel) * factor).round() as u8;
        Self(times(self.0), times(self.1), times(self.2))
    }

    /// Perceived lightness in 0..=1 (Rec. 709 weights on the sRGB values): above about .5 dark text reads better on it.
    pub fn luma(self) -> f32 {
        (0.2126 * f32::from(self.0) + 0.7152 * f32::from(self.1) + 0.0722 * f32::from(self.2)) / 255.0
    }
}

/// What the maps return for NaN: a grey that none of the coloured ones contains.
pub const MISSING: Rgb = Rgb(0x6e, 0x6e, 0x76);

/// Middle of [`diverging`]: a neutral light grey.
pub const NEUTRAL: Rgb = Rgb(0xe6, 0xe7, 0xeb);

/// Clear on a dark ground. The first two are the colours of a two-class problem; the others were searched for the largest
/// distance of any two of them to people without one of the three cones.
const CLASSES: [Rgb; 10] = [
    Rgb(0xf5, 0x92, 0x2f),
    Rgb(0x4a, 0x90, 0xd9),
    Rgb(0xc6, 0xcc, 0xa5),
    Rgb(0xff, 0xfd, 0x99),
    Rgb(0xd3, 0x2b, 0x42),
    Rgb(0x21, 0x6f, 0xa1),
    Rgb(0x93, 0x24, 0xff),
    Rgb(0xae, 0x94, 0x8a),
    Rgb(0x8a, 0xf9, 0xff),
    Rgb(0x26, 0xc2, 0xf8),
];

/// What [`heat`] goes through, from 0 to 1.
const HEAT: [Rgb; 4] = [Rgb(0x0c, 0x0b, 0x10), Rgb(0x7a, 0x18, 0x2c), Rgb(0xe8, 0x5d, 0x24), Rgb(0xff, 0xe9, 0xa0)];

/// What [`ember`] goes through, from 0 to 1.
const EMBER: [Rgb; 4] = [Rgb(0xf8, 0xf6, 0xf2), Rgb(0xff, 0xc4, 0x7a), Rgb(0xe2, 0x50, 0x1c), Rgb(0x6a, 0x04, 0x18)];

fn unit(t: f32) -> f32 {
    if t.is_nan() { 0.0 } else { t.clamp(0.0, 1.0) }
}

/// viridis, from dark violet at 0 to yellow at 1; clamped, [`MISSING`] for NaN.
pub fn viridis(t: f32) -> Rgb {
    if t.is_nan() { MISSING } else { super::viridis::nearest(t) }
}

/// Black at 0, white at 1; clamped, and for NaN a violet, since grey would be a value here.
pub fn grey(t: f32) -> Rgb {
    if t.is_nan() {
        return Rgb(0x80, 0x20, 0x80);
    }
    let level = (unit(t) * 255.0).round() as u8;
    Rgb(level, level, level)
}

/// From black over red to a light yellow: how far something is off. NaN is [`MISSING`].
pub fn heat(t: f32) -> Rgb {
    through(&HEAT, t)
}

/// The same from white over orange to a dark red, for a light ground.
pub fn ember(t: f32) -> Rgb {
    through(&EMBER, t)
}

/// Evenly through several colours.
fn through(colors: &[Rgb], t: f32) -> Rgb {
    if t.is_nan() {
        return MISSING;
    }
    let place = unit(t) * (colors.len() - 1) as f32;
    let from = (place as usize).min(colors.len() - 2);
    colors[from].lerp(colors[from + 1], place - from as f32)
}

/// Signed data in -1..=1: the first class colour below zero, the second above, [`NEUTRAL`] at exactly zero. Clamped;
/// [`MISSING`] for NaN. Divide by the largest magnitude first, never by the range: zero must stay in the middle.
pub fn diverging(t: f32) -> Rgb {
    diverging_on(t, NEUTRAL)
}

/// [`diverging`] with another middle: over the ground of a dark theme small values recede instead of shining.
pub fn diverging_on(t: f32, middle: Rgb) -> Rgb {
    diverging_between(t, [CLASSES[0], middle, CLASSES[1]])
}

/// The same from one colour over another to a third.
pub fn diverging_between(t: f32, [low, middle, high]: [Rgb; 3]) -> Rgb {
    if t.is_nan() { MISSING } else { middle.lerp(if t < 0.0 { low } else { high }, t.abs()) }
}

/// Colour of class `index`; ten differ, then they repeat. Give the classes different shapes too.
pub const fn class_color(index: usize) -> Rgb {
    CLASSES[index % CLASSES.len()]
}

/// The nearest of `levels` evenly spaced levels that include 0 and 1; 0 with fewer than two levels. NaN stays NaN.
///
/// To be applied before colours are looked up: neighbouring frames then differ in few cells, which is what a slow link
/// pays for.
pub fn quantise(t: f32, levels: usize) -> f32 {
    if t.is_nan() || levels < 2 {
        return if t.is_nan() { t } else { 0.0 };
    }
    let intervals = (levels - 1) as f32;
    (unit(t) * intervals).round() / intervals
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn viridis_has_its_anchors() {
        for (at, want) in [
            (0_u8, Rgb(0x44, 0x01, 0x54)),
            (64, Rgb(0x3b, 0x52, 0x8b)),
            (128, Rgb(0x21, 0x91, 0x8c)),
            (192, Rgb(0x5e, 0xc9, 0x62)),
            (255, Rgb(0xfd, 0xe7, 0x25)),
        ] {
            assert_eq!(viridis(f32::from(at) / 255.0), want, "at {at}");
        }
        assert_eq!((viridis(-3.0), viridis(f32::INFINITY)), (viridis(0.0), viridis(1.0)));
        assert_eq!(viridis(f32::NAN), MISSING);
    }

    #[test]
    fn zero_is_pinned_to_the_middle_of_diverging() {
        let dark = Rgb(10, 12, 16);
        assert_eq!((diverging(0.0), diverging(-0.0)), (NEUTRAL, NEUTRAL));
        assert_eq!(diverging_on(0.0, dark), dark);
        assert_eq!((diverging(-1.0), diverging(1.0)), (class_color(0), class_color(1)));
        assert_eq!((diverging(-9.0), diverging(f32::INFINITY)), (class_color(0), class_color(1)));
        assert_eq!(diverging(f32::NAN), MISSING);
        // As far from the middle on either side.
        assert_eq!(diverging(0.5), NEUTRAL.lerp(class_color(1), 0.5));
        assert_eq!(diverging(-0.5), NEUTRAL.lerp(class_color(0), 0.5));
    }

    #[test]
    fn grey_is_grey() {
        assert_eq!((grey(0.0), grey(1.0), grey(0.5)), (Rgb(0, 0, 0), Rgb(255, 255, 255), Rgb(128, 128, 128)));
        assert_eq!((grey(-1.0), grey(2.0)), (grey(0.0), grey(1.0)));
    }

    #[test]
    fn heat_only_gets_brighter() {
        let luma: Vec<f32> = (0..=20_u8).map(|i| heat(f32::from(i) / 20.0).luma()).collect();
        assert!(luma.windows(2).all(|pair| pair[0] < pair[1]), "{luma:?}");
        assert_eq!((heat(-1.0), heat(9.0), heat(f32::NAN)), (HEAT[0], HEAT[3], MISSING));
        let luma: Vec<f32> = (0..=20_u8).map(|i| ember(f32::from(i) / 20.0).luma()).collect();
        assert!(luma.windows(2).all(|pair| pair[0] > pair[1]), "ember only gets darker: {luma:?}");
    }

    #[test]
    fn ten_classes_differ() {
        let mut colors: Vec<Rgb> = (0..10).map(class_color).collect();
        colors.sort_by_key(|c| (c.0, c.1, c.2));
        colors.dedup();
        assert_eq!(colors.len(), 10);
        assert_eq!(class_color(10), class_color(0));
        assert_eq!(class_color(usize::MAX), class_color(usize::MAX % 10));
    }

    #[test]
    fn blending_and_scaling_saturate() {
        let (a, b) = (Rgb(0, 100, 200), Rgb(100, 0, 255));
        assert_eq!((a.lerp(b, 0.0), a.lerp(b, 1.0), a.lerp(b, 0.5)), (a, b, Rgb(50, 50, 228)));
        assert_eq!((a.lerp(b, f32::NAN), a.lerp(b, 7.0)), (a, b));
        assert_eq!((a.scale(0.5), a.scale(2.0), a.scale(-1.0)), (Rgb(0, 50, 100), Rgb(0, 200, 255), Rgb(0, 0, 0)));
        assert_eq!(a.scale(f32::NAN), Rgb(0, 0, 0));
        assert!(Rgb(255, 255, 255).luma() > 0.99 && Rgb(0, 0, 0).luma() == 0.0);
    }

    #[test]
    fn quantising_keeps_the_ends() {
        for levels in 2..40 {
            let mut seen: Vec<f32> = (0..=1000_u16).map(|i| quantise(f32::from(i) / 1000.0, levels)).collect();
            assert_eq!((seen[0], seen[1000]), (0.0, 1.0));
            seen.dedup();
            assert_eq!(seen.len(), levels);
        }
        assert_eq!((quantise(0.7, 0), quantise(0.7, 1)), (0.0, 0.0));
        assert!(quantise(f32::NAN, 8).is_nan());
    }
}
