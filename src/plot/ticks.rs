//! Where the numbers of an axis stand and how they are written.
//!
//! Ticks are multiples of 1, 2 or 5 times a power of ten (on a log axis 1-2-5 or 1-3 a decade, or whole decades), never
//! outside the axis, and labelled in one style and precision.

/// A number on an axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    /// Where it stands; within the ends of the axis.
    pub value: f64,
    /// How it is written; no two ticks of an axis read the same.
    pub label: String,
}

/// A distance of ticks: `mantissa` (1, 2 or 5) times ten to the `exponent`.
#[derive(Clone, Copy, Debug)]
struct Spacing {
    mantissa: u8,
    exponent: i32,
}

impl Spacing {
    /// All spacings from the power of ten at or below `least` upwards.
    fn from(least: f64) -> impl Iterator<Item = Self> {
        let exponent = least.log10().floor().clamp(-320.0, 308.0) as i32;
        (exponent..=308).flat_map(|exponent| [1, 2, 5].map(|mantissa| Self { mantissa, exponent }))
    }

    /// The `k`-th multiple, as near to the decimal number as a double comes.
    fn multiple(self, k: i64) -> f64 {
        scale(k as f64 * f64::from(self.mantissa), self.exponent)
    }

    /// The multiples within `lo..=hi`, as first and last factor; `None` where doubles no longer tell them apart.
    fn within(self, lo: f64, hi: f64) -> Option<(i64, i64)> {
        let factor = |value: f64| scale(value, -self.exponent) / f64::from(self.mantissa);
        let (first, last) = (factor(lo).ceil(), factor(hi).floor());
        if !(first.abs() < 9e15 && last.abs() < 9e15) {
            return None;
        }
        let (mut first, mut last) = (first as i64, last as i64);
        // A quotient may round across the integer that it misses.
        first += i64::from(self.multiple(first) < lo);
        last -= i64::from(self.multiple(last) > hi);
        Some((first, last))
    }
}

/// `value * 10^exponent`. Dividing by an exact power of ten rounds once, where multiplying by its inverse rounds twice.
fn scale(value: f64, exponent: i32) -> f64 {
    match exponent {
        ..-300 => value / 10_f64.powi(300) / 10_f64.powi(-300 - exponent),
        -300..0 => value / 10_f64.powi(-exponent),
        0..=300 => value * 10_f64.powi(exponent),
        _ => value * 10_f64.powi(300) * 10_f64.powi(exponent - 300),
    }
}

/// The largest 1, 2 or 5 times a power of ten that is not above `value`, which must be positive and finite.
pub(super) fn nice_below(value: f64) -> f64 {
    let below = Spacing::from(value).map(|spacing| spacing.multiple(1)).take_while(|&nice| nice <= value).last();
    // Where log10 rounded upwards.
    below.unwrap_or(value)
}

/// At most `max_count` ticks for a linear axis; at least two where two are allowed and `lo < hi`. A single tick where
/// `lo == hi`. None where an end is not finite or `lo > hi`.
pub fn linear(lo: f64, hi: f64, max_count: usize) -> Vec<Tick> {
    let span = hi - lo;
    if !span.is_finite() || span < 0.0 || max_count == 0 {
        return Vec::new();
    }
    if span == 0.0 {
        return vec![Tick { value: lo, label: super::format::short(lo) }];
    }
    let mut denser: Option<(Spacing, i64, i64)> = None;
    for spacing in Spacing::from(span / max_count.min(1000) as f64 / 10.0) {
        let Some((first, last)) = spacing.within(lo, hi) else { continue };
        let count = usize::try_from(last - first + 1).unwrap_or(0);
        if count > max_count {
            denser = Some((spacing, first, last));
            continue;
        }
        if count >= max_count.min(2) {
            return labelled((first..=last).map(|k| spacing.multiple(k)).collect(), spacing.exponent);
        }
        break;
    }
    // From more than fits to fewer than two in one go: the outermost of the denser ones.
    let Some((spacing, first, last)) = denser else { return Vec::new() };
    let ends = if max_count == 1 { vec![first + (last - first) / 2] } else { vec![first, last] };
    labelled(ends.into_iter().map(|k| spacing.multiple(k)).collect(), spacing.exponent)
}

/// At most `max_count` whole numbers for an axis of steps or epochs; at least two where two are allowed and `lo < hi`.
/// None where `lo > hi`.
pub fn steps(lo: i64, hi: i64, max_count: usize) -> Vec<Tick> {
    if lo > hi || max_count == 0 {
        return Vec::new();
    }
    let (wide_lo, wide_hi) = (i128::from(lo), i128::from(hi));
    let mut denser = None;
    for exponent in 0..20 {
        for mantissa in [1, 2, 5] {
            let step = mantissa * 10_i128.pow(exponent);
            let (first, last) =
                (wide_lo.div_euclid(step) + i128::from(wide_lo.rem_euclid(step) > 0), wide_hi.div_euclid(step));
            let count = last - first + 1;
            let value = |k: i128| (k * step) as f64;
            if count > max_count as i128 {
                denser = Some((value(first), value(first + (last - first) / 2), value(last), exponent));
            } else if count >= max_count.min(2) as i128 || (lo == hi && count == 1) {
                return labelled((first..=last).map(value).collect(), exponent as i32);
            } else {
                let Some((first, middle, last, exponent)) = denser else { return Vec::new() };
                return labelled(if max_count == 1 { vec![middle] } else { vec![first, last] }, exponent as i32);
            }
        }
    }
    Vec::new()
}

/// At most `max_count` ticks for a log axis over positive `lo..=hi`; at least two where two are allowed and `lo < hi`.
/// Within less than a decade, where fewer than three of 1-2-5 lie, the ticks are those of a linear axis. None where an
/// end is not positive and finite or `lo > hi`.
pub fn log(lo: f64, hi: f64, max_count: usize) -> Vec<Tick> {
    if !(lo > 0.0 && hi.is_finite() && lo <= hi) || max_count == 0 {
        return Vec::new();
    }
    let (bottom, top) = (lo.log10().floor() as i32, hi.log10().ceil() as i32);
    let candidate = |mantissas: &[u8], stride: i32| -> Vec<f64> {
        (bottom..=top)
            .filter(|decade| decade.rem_euclid(stride) == 0)
            .flat_map(|decade| mantissas.iter().map(move |&mantissa| scale(f64::from(mantissa), decade)))
            .filter(|value| (lo..=hi).contains(value))
            .collect()
    };
    let dense = candidate(&[1, 2, 5], 1);
    if dense.len() < 3 && hi / lo < 10.0 {
        return linear(lo, hi, max_count);
    }
    let sparser = [1, 2, 3, 5, 10, 20, 50, 100].map(|stride| candidate(&[1], stride));
    let candidates = [dense, candidate(&[1, 3], 1)].into_iter().chain(sparser);
    let mut fallback = Vec::new();
    for values in candidates {
        if values.len() > max_count {
            fallback = values;
        } else if values.len() >= max_count.min(2) {
            return log_labelled(values);
        } else {
            break;
        }
    }
    let ends = match fallback[..] {
        [first, .., last] if max_count > 1 => vec![first, last],
        [first, ..] => vec![first],
        [] => return linear(lo, hi, max_count),
    };
    log_labelled(ends)
}

fn tidy(values: Vec<f64>, label: impl Fn(f64) -> String) -> Vec<Tick> {
    let mut ticks: Vec<Tick> = values.into_iter().map(|value| Tick { value, label: label(value) }).collect();
    // Only where doubles or the label run out of digits.
    ticks.dedup_by(|next, kept| next.label == kept.label);
    ticks
}

/// Labels for values that are multiples of ten to the `unit`.
fn labelled(values: Vec<f64>, unit: i32) -> Vec<Tick> {
    let largest = values.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
    let magnitude = if largest > 0.0 { largest.log10().floor() as i32 } else { 0 };
    let decimals = |shift: i32| usize::try_from(shift - unit).unwrap_or(0);
    let zero = |value: f64, text: String| if value == 0.0 { "0".to_owned() } else { text };
    match magnitude {
        4..15 if decimals(magnitude / 3 * 3) <= 2 => {
            let (shift, suffix) = match magnitude {
                ..6 => (3, 'k'),
                6..9 => (6, 'M'),
                9..12 => (9, 'G'),
                _ => (12, 'T'),
            };
            tidy(values, |value| zero(value, format!("{:.*}{suffix}", decimals(shift), scale(value, -shift))))
        }
        -3..15 => tidy(values, |value| format!("{value:.*}", decimals(0))),
        _ => {
            let digits = decimals(magnitude);
            tidy(values, |value| zero(value, format!("{:.digits$}e{magnitude}", scale(value, -magnitude))))
        }
    }
}

/// Labels of 1, 2, 3 or 5 times a power of ten: decimals as the smallest needs them, up to three and while the widest
/// label stays within six characters, else the scientific form for all.
fn log_labelled(values: Vec<f64>) -> Vec<Tick> {
    // A hair above, because the logarithm of 0.001 may come out below -3.
    let magnitude = |value: Option<&f64>| value.map_or(0, |value| (value.log10() + 1e-9).floor() as i32);
    let decimals = usize::try_from(-magnitude(values.first())).unwrap_or(0);
    let whole = usize::try_from(magnitude(values.last())).unwrap_or(0) + 1;
    if decimals <= 3 && whole + decimals + usize::from(decimals > 0) <= 6 {
        tidy(values, |value| format!("{value:.decimals$}"))
    } else {
        tidy(values, |value| format!("{value:.0e}"))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use proptest::prelude::*;

    fn labels(ticks: &[Tick]) -> Vec<&str> {
        ticks.iter().map(|tick| tick.label.as_str()).collect()
    }

    /// The number that a label stands for.
    fn read(label: &str) -> f64 {
        let (digits, factor) = match label.chars().last() {
            Some('k') => (&label[..label.len() - 1], 1e3),
            Some('M') => (&label[..label.len() - 1], 1e6),
            Some('G') => (&label[..label.len() - 1], 1e9),
            Some('T') => (&label[..label.len() - 1], 1e12),
            _ => (label, 1.0),
        };
        digits.parse::<f64>().map_or(f64::NAN, |value| value * factor)
    }

    fn check(ticks: &[Tick], lo: f64, hi: f64, max_count: usize) -> Result<(), TestCaseError> {
        prop_assert!(ticks.len() <= max_count);
        prop_assert!(ticks.len() >= max_count.min(2), "{:?} for {}..{}", ticks, lo, hi);
        prop_assert!(ticks.iter().all(|tick| (lo..=hi).contains(&tick.value)), "{:?} outside {}..{}", ticks, lo, hi);
        prop_assert!(ticks.windows(2).all(|pair| pair[0].value < pair[1].value));
        let different: HashSet<&str> = ticks.iter().map(|tick| tick.label.as_str()).collect();
        prop_assert_eq!(different.len(), ticks.len());
        for tick in ticks {
            let off = (read(&tick.label) - tick.value).abs();
            prop_assert!(off <= 1e-9 * tick.value.abs(), "{:?}", tick);
        }
        Ok(())
    }

    /// One style: the same suffix or exponent form, and the same number of decimals, zero apart.
    fn one_style(ticks: &[Tick]) -> bool {
        let style = |label: &str| {
            let end = label.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(label.len());
            let decimals = label[..end].split_once('.').map_or(0, |(_, decimals)| decimals.len());
            (label[end..].chars().next(), decimals)
        };
        let styles: HashSet<_> = ticks.iter().filter(|tick| tick.label != "0").map(|tick| style(&tick.label)).collect();
        styles.len() <= 1
    }

    #[test]
    fn linear_axes() {
        assert_eq!(labels(&linear(0.0, 1.0, 6)), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(&linear(0.0, 1.0, 5)), ["0.0", "0.5", "1.0"]);
        assert_eq!(labels(&linear(-1.4, 2.4, 5)), ["-1", "0", "1", "2"]);
        assert_eq!(labels(&linear(0.0, 0.0007, 5)), ["0", "2e-4", "4e-4", "6e-4"]);
        assert_eq!(labels(&linear(0.0, 24_000.0, 6)), ["0", "5k", "10k", "15k", "20k"]);
        assert_eq!(labels(&linear(0.0, 2.5e6, 6)), ["0", "0.5M", "1.0M", "1.5M", "2.0M", "2.5M"]);
        assert_eq!(labels(&linear(100_000.0, 100_001.0, 3)), ["100000.0", "100000.5", "100001.0"]);
        assert_eq!(labels(&linear(0.3, 0.9, 2)), ["0.4", "0.8"]);
        assert_eq!(labels(&linear(1.1, 4.1, 1)), ["2"]);
    }

    #[test]
    fn step_axes() {
        assert_eq!(labels(&steps(0, 100, 6)), ["0", "20", "40", "60", "80", "100"]);
        assert_eq!(labels(&steps(1, 1600, 5)), ["500", "1000", "1500"]);
        assert_eq!(labels(&steps(0, 50_000, 6)), ["0", "10k", "20k", "30k", "40k", "50k"]);
        assert_eq!(labels(&steps(12_000, 13_000, 3)), ["12.0k", "12.5k", "13.0k"]);
        assert_eq!(labels(&steps(0, 1, 6)), ["0", "1"]);
        assert_eq!(labels(&steps(7, 7, 6)), ["7"]);
        assert_eq!(labels(&steps(0, 0, 1)), ["0"]);
        assert_eq!(steps(3, 2, 6), []);
        assert_eq!(steps(0, 100, 0), []);
    }

    #[test]
    fn log_axes() {
        assert_eq!(labels(&log(0.01, 1.0, 8)), ["0.01", "0.02", "0.05", "0.10", "0.20", "0.50", "1.00"]);
        assert_eq!(labels(&log(0.01, 1.0, 5)), ["0.01", "0.03", "0.10", "0.30", "1.00"]);
        assert_eq!(labels(&log(0.01, 1.0, 4)), ["0.01", "0.10", "1.00"]);
        assert_eq!(labels(&log(1e-8, 1.0, 5)), ["1e-8", "1e-6", "1e-4", "1e-2", "1e0"]);
        assert_eq!(labels(&log(0.001, 10.0, 5)), ["0.001", "0.010", "0.100", "1.000", "10.000"]);
        assert_eq!(labels(&log(1e-4, 1.0, 5)), ["1e-4", "1e-3", "1e-2", "1e-1", "1e0"]);
        assert_eq!(labels(&log(0.2, 0.35, 4)), ["0.20", "0.25", "0.30", "0.35"]);
        assert_eq!(labels(&log(1.0, 1000.0, 4)), ["1", "10", "100", "1000"]);
        assert_eq!(log(0.0, 1.0, 5), []);
        assert_eq!(log(-1.0, 1.0, 5), []);
        assert_eq!(log(1.0, f64::INFINITY, 5), []);
    }

    #[test]
    fn degenerate_axes() {
        assert_eq!(linear(2.5, 2.5, 4), [Tick { value: 2.5, label: "2.5".to_owned() }]);
        assert_eq!(log(2.5, 2.5, 4), [Tick { value: 2.5, label: "2.5".to_owned() }]);
        for (lo, hi) in [(1.0, 0.0), (f64::NAN, 1.0), (0.0, f64::INFINITY), (-f64::MAX, f64::MAX)] {
            assert_eq!(linear(lo, hi, 4), []);
        }
        assert_eq!(linear(0.0, 1.0, 0), []);
        assert_eq!(log(0.1, 1.0, 0), []);
        // Neighbouring doubles have no nice number between; there must be an answer all the same.
        assert!(linear(1.0, 1.0 + f64::EPSILON, 5).len() <= 5);
        assert!(linear(0.0, 5e-324, 5).len() <= 5);
        assert!(linear(1e300, 1.7e308, 5).len() >= 2);
    }

    #[test]
    fn nice_numbers_lie_below() {
        for (value, want) in
            [(1.0, 1.0), (1.9, 1.0), (2.0, 2.0), (0.049, 0.02), (0.05, 0.05), (1e-9, 1e-9), (7e20, 5e20)]
        {
            assert_eq!(nice_below(value), want);
        }
    }

    proptest! {
        #[test]
        fn linear_ticks_hold_their_promises(middle in -1.0..1.0_f64, scale in -30..30_i32, width in -7.0..0.5_f64, max_count in 1..14_usize) {
            let unit = 10_f64.powi(scale);
            let (lo, hi) = ((middle - 10_f64.powf(width)) * unit, (middle + 10_f64.powf(width)) * unit);
            let ticks = linear(lo, hi, max_count);
            check(&ticks, lo, hi, max_count)?;
            prop_assert!(one_style(&ticks), "{:?}", ticks);
            if max_count >= 4 {
                prop_assert!(ticks.len() >= max_count / 3, "{:?} of {}", ticks, max_count);
            }
        }

        #[test]
        fn log_ticks_hold_their_promises(bottom in -12.0..6.0_f64, decades in 0.001..18.0_f64, max_count in 1..14_usize) {
            let (lo, hi) = (10_f64.powf(bottom), 10_f64.powf(bottom + decades));
            let ticks = log(lo, hi, max_count);
            check(&ticks, lo, hi, max_count)?;
            prop_assert!(one_style(&ticks), "{:?}", ticks);
        }

        #[test]
        fn step_ticks_hold_their_promises(lo in -1_000_000_000..1_000_000_000_i64, span in 1..2_000_000_000_i64, max_count in 1..14_usize) {
            let ticks = steps(lo, lo + span, max_count);
            check(&ticks, lo as f64, (lo + span) as f64, max_count)?;
            prop_assert!(one_style(&ticks), "{:?}", ticks);
            prop_assert!(ticks.iter().all(|tick| tick.value.fract() == 0.0));
        }

        #[test]
        fn any_ends_are_survived(lo in any::<f64>(), hi in any::<f64>(), first in any::<i64>(), last in any::<i64>(), max_count in 0..9_usize) {
            prop_assert!(linear(lo, hi, max_count).len() <= max_count);
            prop_assert!(log(lo, hi, max_count).len() <= max_count);
            prop_assert!(steps(first, last, max_count).len() <= max_count);
        }
    }
}
