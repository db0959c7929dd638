//! Ordered dithering: a level as the density of dots.

/// Bayer's 8x8 threshold matrix, indexed `[y][x]`: each of 0..=63 once, neighbours far apart.
pub const BAYER8: [[u8; 8]; 8] = [
    [0, 32, 8, 40, 2, 34, 10, 42],
    [48, 16, 56, 24, 50, 18, 58, 26],
    [12, 44, 4, 36, 14, 46, 6, 38],
    [60, 28, 52, 20, 62, 30, 54, 22],
    [3, 35, 11, 43, 1, 33, 9, 41],
    [51, 19, 59, 27, 49, 17, 57, 25],
    [15, 47, 7, 39, 13, 45, 5, 37],
    [63, 31, 55, 23, 61, 29, 53, 21],
];

/// Whether the dot at (`x`, `y`) is lit to show `level` in 0..=1. Of every 8x8 tile a level of k/64 lights exactly k
/// dots; levels between are rounded. NaN lights none.
#[inline]
pub fn dither_on(x: usize, y: usize, level: f32) -> bool {
    level * 64.0 > f32::from(BAYER8[y % 8][x % 8]) + 0.5
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lit(level: f32) -> usize {
        (0..64).filter(|dot| dither_on(dot % 8 + 16, dot / 8 + 40, level)).count()
    }

    #[test]
    fn a_level_of_k_64ths_lights_k_dots() {
        for k in 0..=64_u8 {
            assert_eq!(lit(f32::from(k) / 64.0), usize::from(k));
        }
    }

    #[test]
    fn a_denser_level_keeps_the_dots_of_a_sparser_one() {
        for k in 0..64_u8 {
            let (sparse, dense) = (f32::from(k) / 64.0, f32::from(k + 1) / 64.0);
            assert!((0..64).all(|dot| !dither_on(dot % 8, dot / 8, sparse) || dither_on(dot % 8, dot / 8, dense)));
        }
    }

    #[test]
    fn the_matrix_is_bayers() {
        // B(2n) = [[4B, 4B + 2], [4B + 3, 4B + 1]], from B(1) = 0.
        let bayer = |x: usize, y: usize| {
            (0..3).fold(0, |sum, bit| {
                let (x, y) = (x >> bit & 1, y >> bit & 1);
                sum + ([[0, 2], [3, 1]][y][x] << (2 * (2 - bit)))
            })
        };
        for (y, row) in BAYER8.iter().enumerate() {
            for (x, &threshold) in row.iter().enumerate() {
                assert_eq!(usize::from(threshold), bayer(x, y));
            }
        }
    }

    #[test]
    fn levels_out_of_range_are_empty_or_full() {
        assert_eq!((lit(-1.0), lit(f32::NAN), lit(f32::NEG_INFINITY)), (0, 0, 0));
        assert_eq!((lit(2.0), lit(f32::INFINITY)), (64, 64));
        assert!(dither_on(usize::MAX, usize::MAX, 1.0));
    }
}
