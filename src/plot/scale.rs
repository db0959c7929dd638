//! Axes: from values to places and back.
use super::ticks::{self, Tick};

/// How values are spread along an axis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AxisKind {
    /// Evenly.
    #[default]
    Linear,
    /// By their logarithm.
    Log,
}

/// Beyond this the difference of two ends is no longer a number.
const LIMIT: f64 = 1e300;

/// The part of the numbers that a chart shows. `lo < hi`, both finite; both positive when it is a log axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Axis {
    kind: AxisKind,
    lo: f64,
    hi: f64,
}

impl Axis {
    /// An axis with exactly these ends where it can be: they are put in order, a missing (non-finite) end takes the other,
    /// equal ends become a band around them, and a log axis with an end that is not positive becomes linear.
    pub fn new(kind: AxisKind, lo: f64, hi: f64) -> Self {
        let (lo, hi) = match (lo.is_finite(), hi.is_finite()) {
            (true, true) => (lo.min(hi).clamp(-LIMIT, LIMIT), lo.max(hi).clamp(-LIMIT, LIMIT)),
            (true, false) => (lo.clamp(-LIMIT, LIMIT), lo.clamp(-LIMIT, LIMIT)),
            (false, true) => (hi.clamp(-LIMIT, LIMIT), hi.clamp(-LIMIT, LIMIT)),
            (false, false) => (0.0, 1.0),
        };
        let kind = if lo > 0.0 { kind } else { AxisKind::Linear };
        // Values are single precision: what differs by less than that is the same value, and would fill the axis with
        // rounding noise.
        if hi - lo > 1e-7 * lo.abs().max(hi.abs()) {
            return Self { kind, lo, hi };
        }
        let (lo, hi) = match kind {
            AxisKind::Log => (lo / 2.0, hi * 2.0),
            AxisKind::Linear if lo.abs().max(hi.abs()) < 1e-300 => (0.0, 1.0),
            AxisKind::Linear => (lo - lo.abs() / 2.0, hi + hi.abs() / 2.0),
        };
        Self { kind, lo, hi }
    }

    /// An axis for data between `min` and `max`: a little wider, with ends on round numbers, so that it stays put while
    /// the data wanders. What was non-negative gets no negative end. Otherwise as [`Self::new`].
    pub fn fit(kind: AxisKind, min: f64, max: f64) -> Self {
        let exact = Self::new(kind, min, max);
        let (lo, hi) = match exact.kind {
            AxisKind::Linear => round_out(exact.lo, exact.hi),
            AxisKind::Log => {
                let (lo, hi) = round_out(exact.lo.log10(), exact.hi.log10());
                (10_f64.powf(lo), 10_f64.powf(hi))
            }
        };
        // Rounding the logarithm back may cut off what it should hold.
        Self { kind: exact.kind, lo: lo.min(exact.lo), hi: hi.max(exact.hi) }
    }

    /// [`Self::fit`] to all finite `values`. A log axis passes over those that are not positive, as long as there is one
    /// that is: one loss of exactly zero should not turn the axis linear. Without values it runs from 0 to 1.
    pub fn fit_values(kind: AxisKind, values: impl IntoIterator<Item = f64>) -> Self {
        let (mut all, mut positive) = ((f64::NAN, f64::NAN), (f64::NAN, f64::NAN));
        for value in values.into_iter().filter(|value| value.is_finite()) {
            all = (all.0.min(value), all.1.max(value));
            if value > 0.0 {
                positive = (positive.0.min(value), positive.1.max(value));
            }
        }
        let (min, max) = if kind == AxisKind::Log && positive.0.is_finite() { positive } else { all };
        Self::fit(kind, min, max)
    }

    /// What the axis is; linear where a log axis was asked for and could not be.
    pub fn kind(&self) -> AxisKind {
        self.kind
    }

    /// The lower end.
    pub fn lo(&self) -> f64 {
        self.lo
    }

    /// The upper end.
    pub fn hi(&self) -> f64 {
        self.hi
    }

    /// Place of `value`, 0 at `lo` and 1 at `hi`. Values outside are at the nearer end, on a log axis zero and below at
    /// `lo`. NaN stays NaN.
    pub fn position(&self, value: f64) -> f64 {
        let place = match self.kind {
            AxisKind::Linear => (value - self.lo) / (self.hi - self.lo),
            AxisKind::Log if value <= 0.0 => 0.0,
            AxisKind::Log => (value / self.lo).ln() / (self.hi / self.lo).ln(),
        };
        place.clamp(0.0, 1.0)
    }

    /// Value at place `t`, the inverse of [`Self::position`].
    pub fn value(&self, t: f64) -> f64 {
        match self.kind {
            AxisKind::Linear => self.lo + (self.hi - self.lo) * t,
            AxisKind::Log => self.lo * (self.hi / self.lo).powf(t),
        }
    }

    /// Which of `count` dots or cells along the axis shows `value`, 0 at `lo`, rounded as columns are. `None` for NaN and
    /// without dots.
    pub fn index(&self, value: f64, count: usize) -> Option<usize> {
        let place = self.position(value);
        let last = count.checked_sub(1)?;
        (!place.is_nan()).then(|| ((place * last as f64).round() as usize).min(last))
    }

    /// At most `max_count` numbers to write along the axis, see [`ticks`].
    pub fn ticks(&self, max_count: usize) -> Vec<Tick> {
        match self.kind {
            AxisKind::Linear => ticks::linear(self.lo, self.hi, max_count),
            AxisKind::Log => ticks::log(self.lo, self.hi, max_count),
        }
    }
}

/// The ends moved outwards to the next multiple of a round number, at most a twentieth of the span.
fn round_out(lo: f64, hi: f64) -> (f64, f64) {
    let span = hi - lo;
    let unit = if span > 0.0 && span.is_finite() { ticks::nice_below(span / 20.0) } else { return (lo, hi) };
    let (low, high) = ((lo / unit).floor() * unit, (hi / unit).ceil() * unit);
    if low.is_finite() && high.is_finite() { (low, high) } else { (lo, hi) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ends(axis: Axis) -> (AxisKind, f64, f64) {
        (axis.kind(), axis.lo(), axis.hi())
    }

    #[test]
    fn ends_are_round_and_hold_the_data() {
        assert_eq!(ends(Axis::fit(AxisKind::Linear, 0.013, 0.987)), (AxisKind::Linear, 0.0, 1.0));
        assert_eq!(ends(Axis::fit(AxisKind::Linear, 0.0, 1.0)), (AxisKind::Linear, 0.0, 1.0));
        // Hardly wider data: the same axis.
        assert_eq!(Axis::fit(AxisKind::Linear, 0.013, 0.987), Axis::fit(AxisKind::Linear, 0.011, 0.993));
        assert_eq!(Axis::fit(AxisKind::Log, 0.0113, 0.93), Axis::fit(AxisKind::Log, 0.0115, 0.95));
    }

    #[test]
    fn constant_data_gets_a_band() {
        assert_eq!(ends(Axis::new(AxisKind::Linear, 0.5, 0.5)), (AxisKind::Linear, 0.25, 0.75));
        assert_eq!(Axis::fit(AxisKind::Linear, 0.5, 0.5).index(0.5, 9), Some(4));
        assert_eq!(ends(Axis::fit(AxisKind::Linear, 0.0, 0.0)), (AxisKind::Linear, 0.0, 1.0));
        assert_eq!(ends(Axis::new(AxisKind::Linear, -2.0, -2.0)), (AxisKind::Linear, -3.0, -1.0));
        assert_eq!(ends(Axis::new(AxisKind::Log, 0.5, 0.5)), (AxisKind::Log, 0.25, 1.0));
        let noisy = Axis::fit(AxisKind::Linear, 1.0, f64::from(1.0_f32 + f32::EPSILON / 2.0));
        assert!((noisy.position(1.0) - 0.5).abs() < 0.1);
    }

    #[test]
    fn a_log_axis_needs_positive_ends() {
        for (min, max) in [(0.0, 1.0), (-1.0, 1.0), (-2.0, -1.0)] {
            assert_eq!(Axis::fit(AxisKind::Log, min, max).kind(), AxisKind::Linear);
        }
        let axis = Axis::fit_values(AxisKind::Log, [0.0, 0.1, f64::NAN, 10.0, f64::INFINITY, -4.0]);
        assert_eq!(axis.kind(), AxisKind::Log);
        assert!(axis.lo() <= 0.1 && axis.lo() > 0.05 && axis.hi() >= 10.0 && axis.hi() < 20.0);
        assert_eq!((axis.position(0.0), axis.position(-7.0)), (0.0, 0.0));
        assert_eq!(Axis::fit_values(AxisKind::Log, [0.0, -1.0]).kind(), AxisKind::Linear);
    }

    #[test]
    fn no_data_is_nought_to_one() {
        for kind in [AxisKind::Linear, AxisKind::Log] {
            assert_eq!(ends(Axis::fit_values(kind, [])), (AxisKind::Linear, 0.0, 1.0));
            assert_eq!(ends(Axis::new(kind, f64::NAN, f64::INFINITY)), (AxisKind::Linear, 0.0, 1.0));
        }
        let half_known = Axis::new(AxisKind::Linear, f64::NAN, 4.0);
        assert_eq!(ends(half_known), (AxisKind::Linear, 2.0, 6.0));
    }

    #[test]
    fn places_and_dots() {
        let linear = Axis::new(AxisKind::Linear, -1.0, 3.0);
        assert_eq!([-1.0, 0.0, 3.0, -9.0, 9.0].map(|v| linear.position(v)), [0.0, 0.25, 1.0, 0.0, 1.0]);
        let log = Axis::new(AxisKind::Log, 0.01, 1.0);
        assert!((log.position(0.1) - 0.5).abs() < 1e-12 && (log.value(0.5) - 0.1).abs() < 1e-12);
        assert!(linear.position(f64::NAN).is_nan());
        assert_eq!([-1.0, 0.0, 3.0].map(|v| linear.index(v, 9)), [Some(0), Some(2), Some(8)]);
        assert_eq!((linear.index(f64::NAN, 9), linear.index(1.0, 0), linear.index(1.0, 1)), (None, None, Some(0)));
        assert_eq!(linear.index(f64::INFINITY, 9), Some(8));
    }

    proptest! {
        #[test]
        fn an_axis_is_always_usable(a in any::<f64>(), b in any::<f64>(), log in any::<bool>(), max_count in 0..12_usize) {
            let kind = if log { AxisKind::Log } else { AxisKind::Linear };
            for axis in [Axis::new(kind, a, b), Axis::fit(kind, a, b), Axis::fit_values(kind, [a, b])] {
                prop_assert!(axis.lo() < axis.hi() && (axis.hi() - axis.lo()).is_finite(), "{:?}", axis);
                prop_assert!(axis.kind() == AxisKind::Linear || axis.lo() > 0.0);
                prop_assert!(axis.ticks(max_count).iter().all(|tick| (axis.lo()..=axis.hi()).contains(&tick.value)));
            }
        }

        #[test]
        fn fitting_holds_the_data_and_wastes_little(a in -1e6..1e6_f64, b in -1e6..1e6_f64) {
            let (min, max) = (a.min(b), a.max(b));
            prop_assume!(max - min > 1e-3);
            let axis = Axis::fit(AxisKind::Linear, min, max);
            prop_assert!(axis.lo() <= min && axis.hi() >= max);
            prop_assert!(axis.hi() - axis.lo() <= 1.1001 * (max - min));
            prop_assert!(min < 0.0 || axis.lo() >= 0.0);
        }

        #[test]
        fn places_invert_and_ticks_abound(bottom in -9.0..6.0_f64, decades in 0.01..9.0_f64, t in 0.0..1.0_f64, log in any::<bool>()) {
            let kind = if log { AxisKind::Log } else { AxisKind::Linear };
            let axis = Axis::fit(kind, 10_f64.powf(bottom), 10_f64.powf(bottom + decades));
            prop_assert_eq!(axis.kind(), kind);
            prop_assert!((axis.position(axis.value(t)) - t).abs() < 1e-9);
            prop_assert!(axis.ticks(6).len() >= 2);
        }
    }
}
