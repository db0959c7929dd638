//! Random numbers of a run: one seed, many independent streams, the same on every machine and device.

use rand_mt::Mt;

/// What a stream of random numbers is for. The number is part of the key, so it never changes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stream {
    /// Initial values; position: the parameter's place in the network.
    Parameter = 1,
    /// Order of the samples; position: the epoch, from 0.
    Order = 2,
    /// What layers drop; position: the step, from 0.
    Dropout = 3,
    /// Directions in which the loss is looked at; position: which of them.
    Direction = 4,
}

/// MT19937 keyed by (seed, stream, position): whoever knows the three gets the same numbers without replaying the
/// ones before, so that an epoch's order or a parameter's start depends on nothing else.
pub(crate) struct Random(Mt);

impl Random {
    pub(crate) fn new(seed: u64, stream: Stream, position: u64) -> Self {
        let halves = |value: u64| [value as u32, (value >> 32) as u32];
        let [seed_low, seed_high] = halves(seed);
        let [position_low, position_high] = halves(position);
        Self(Mt::new_with_key([seed_low, seed_high, stream as u32, position_low, position_high]))
    }

    /// 64 bits, to seed another generator with.
    pub(crate) fn bits(&mut self) -> u64 {
        u64::from(self.0.next_u32()) << 32 | u64::from(self.0.next_u32())
    }

    /// Uniform in `low..high`, with the 53 bits that numpy's `random_sample` takes.
    pub(crate) fn uniform(&mut self, low: f64, high: f64) -> f64 {
        let a = f64::from(self.0.next_u32() >> 5);
        let b = f64::from(self.0.next_u32() >> 6);
        let unit = (a * 67_108_864.0 + b) / 9_007_199_254_740_992.0;
        low + unit * (high - low)
    }

    /// Two independent numbers of a standard normal distribution (Marsaglia's polar method).
    pub(crate) fn normals(&mut self) -> [f64; 2] {
        loop {
            let [x, y] = [self.uniform(-1.0, 1.0), self.uniform(-1.0, 1.0)];
            let square = x * x + y * y;
            if square > 0.0 && square < 1.0 {
                let scale = (-2.0 * square.ln() / square).sqrt();
                return [x * scale, y * scale];
            }
        }
    }

    /// Uniform in `0..bound` without bias, for `bound` from 1; masked rejection.
    fn below(&mut self, bound: u32) -> u32 {
        let mask = u32::MAX.checked_shr((bound - 1).leading_zeros()).unwrap_or(0);
        loop {
            let candidate = self.0.next_u32() & mask;
            if candidate < bound {
                return candidate;
            }
        }
    }

    /// A permutation of `0..len` (Fisher-Yates). Samples are counted in u32: a recipe has at most ten million.
    pub(crate) fn permutation(&mut self, len: usize) -> Vec<i64> {
        let mut order: Vec<i64> = (0..len as i64).collect();
        for last in (1..len).rev() {
            order.swap(last, self.below(last as u32 + 1) as usize);
        }
        order
    }
}

/// libtorch's generator is one for the whole process: tests of what draws from it take turns.
#[cfg(test)]
pub(crate) fn turn_at_the_generator() -> std::sync::MutexGuard<'static, ()> {
    static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());
    TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_reproducible_and_differ() {
        let draw = |seed, stream, position| {
            let mut random = Random::new(seed, stream, position);
            (0..8).map(|_| random.uniform(0.0, 1.0).to_bits()).collect::<Vec<_>>()
        };
        let first = draw(7, Stream::Parameter, 0);
        assert_eq!(first, draw(7, Stream::Parameter, 0));
        assert_ne!(first, draw(7, Stream::Order, 0));
        assert_ne!(first, draw(7, Stream::Parameter, 1));
        assert_ne!(first, draw(7, Stream::Parameter, 1 << 32), "the high half of the position counts");
        assert_ne!(first, draw(7 | 1 << 32, Stream::Parameter, 0), "the high half of the seed counts");
    }

    #[test]
    fn normals_have_the_moments_of_their_distribution() {
        let mut random = Random::new(5, Stream::Direction, 0);
        let numbers: Vec<f64> = (0..20_000).flat_map(|_| random.normals()).collect();
        let moment = |power| numbers.iter().map(|number| number.powi(power)).sum::<f64>() / numbers.len() as f64;
        // Five standard errors of 40,000 numbers.
        for (power, expected, error) in [(1, 0.0, 1.0), (2, 1.0, 2_f64.sqrt()), (3, 0.0, 15_f64.sqrt()), (4, 3.0, 9.8)]
        {
            assert!((moment(power) - expected).abs() < 5.0 * error / 200.0, "moment {power}: {}", moment(power));
        }
    }

    #[test]
    fn a_permutation_holds_every_index_once() {
        for len in [0_usize, 1, 2, 3, 500, 1025] {
            let mut order = Random::new(3, Stream::Order, 9).permutation(len);
            order.sort_unstable();
            assert_eq!(order, (0..len as i64).collect::<Vec<_>>());
        }
    }

    #[test]
    fn permutations_of_three_are_equally_likely() {
        let mut counts = std::collections::BTreeMap::new();
        for epoch in 0..6000 {
            *counts.entry(Random::new(1, Stream::Order, epoch).permutation(3)).or_insert(0_u32) += 1;
        }
        assert_eq!(counts.len(), 6);
        // Five standard deviations of a binomial with p = 1/6.
        assert!(counts.values().all(|count| count.abs_diff(1000) < 145), "{counts:?}");
    }
}
