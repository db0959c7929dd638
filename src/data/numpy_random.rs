//! numpy's legacy `RandomState`, draw for draw, so that scikit-learn's generated data sets can be made here.

use rand_mt::Mt;

/// The generator behind `np.random.RandomState(seed)`: MT19937 seeded by `init_genrand`.
///
/// Every method draws from the stream exactly as numpy's method of that name, so the order of calls matters.
#[derive(Clone, Debug)]
pub struct RandomState {
    mt: Mt,
    /// Normals come in pairs; the second waits here for the next call.
    spare_normal: Option<f64>,
}

impl RandomState {
    /// `RandomState(seed)` for an integer seed.
    pub fn new(seed: u32) -> Self {
        Self { mt: Mt::new(seed), spare_normal: None }
    }

    /// `random_sample()`: uniform in [0, 1) with 53 bits, the high ones from the first of two draws.
    pub fn random_sample(&mut self) -> f64 {
        let high = self.mt.next_u32() >> 5;
        let low = self.mt.next_u32() >> 6;
        (f64::from(high) * 67_108_864.0 + f64::from(low)) / 9_007_199_254_740_992.0
    }

    /// `uniform(low, high)`
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.random_sample()
    }

    /// `normal(mean, scale)`: Marsaglia's polar method, as numpy kept it for old streams.
    pub fn normal(&mut self, mean: f64, scale: f64) -> f64 {
        mean + scale * self.standard_normal()
    }

    /// `standard_normal()`
    pub fn standard_normal(&mut self) -> f64 {
        if let Some(normal) = self.spare_normal.take() {
            return normal;
        }
        loop {
            let x1 = 2.0 * self.random_sample() - 1.0;
            let x2 = 2.0 * self.random_sample() - 1.0;
            let r2 = x1 * x1 + x2 * x2;
            if r2 < 1.0 && r2 != 0.0 {
                let f = (-2.0 * r2.ln() / r2).sqrt();
                self.spare_normal = Some(f * x1);
                return f * x2;
            }
        }
    }

    /// `shuffle(x)`: Fisher-Yates from the end, partners by masked rejection on one 32-bit draw each.
    ///
    /// numpy takes 64-bit draws beyond 2^32 elements; nothing that long is ever shuffled here.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            let partner = self.interval(i as u32) as usize;
            items.swap(i, partner);
        }
    }

    /// numpy's `random_interval`: uniform in 0..=max.
    fn interval(&mut self, max: u32) -> u32 {
        if max == 0 {
            return 0;
        }
        let mask = u32::MAX >> max.leading_zeros();
        loop {
            let value = self.mt.next_u32() & mask;
            if value <= max {
                return value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_are_those_of_numpy() {
        // np.random.RandomState(0).random_sample(3), made with CPython's Mersenne Twister set to the same state.
        let mut random = RandomState::new(0);
        assert_eq!(random.random_sample(), 0.548_813_503_927_324_8);
        assert_eq!(random.random_sample(), 0.715_189_366_372_419_5);
        assert_eq!(random.random_sample(), 0.602_763_376_071_643_9);
    }

    #[test]
    fn uniform_numbers_are_those_of_numpy() {
        // np.random.RandomState(0).uniform(-10, 10)
        assert_eq!(RandomState::new(0).uniform(-10.0, 10.0), 0.976_270_078_546_495_1);
    }

    #[test]
    fn normals_are_those_of_numpy() {
        // np.random.RandomState(0).standard_normal(5)
        let mut random = RandomState::new(0);
        for expected in [
            1.764_052_345_967_664,
            0.400_157_208_367_223_3,
            0.978_737_984_105_739_2,
            2.240_893_199_201_458,
            1.867_557_990_149_967_5,
        ] {
            assert!((random.standard_normal() - expected).abs() < 1e-15);
        }
    }

    #[test]
    fn permutation_is_that_of_numpy() {
        // np.random.RandomState(0).permutation(10)
        let mut random = RandomState::new(0);
        let mut items: Vec<u32> = (0..10).collect();
        random.shuffle(&mut items);
        assert_eq!(items, [2, 8, 4, 9, 1, 6, 7, 3, 0, 5]);
    }

    #[test]
    fn nothing_to_shuffle_draws_nothing() {
        let mut random = RandomState::new(1);
        random.shuffle::<u8>(&mut []);
        random.shuffle(&mut [1_u8]);
        assert_eq!(random.random_sample(), RandomState::new(1).random_sample());
    }
}
