//! Levels as letters, for terminals that have nothing else.

const RAMP: [char; 10] = [' ', '.', ':', '-', '=', '+', '*', '#', '%', '@'];

/// The letter that is as dark as `level` in 0..=1; clamped, `?` for NaN.
pub fn ramp(level: f32) -> char {
    if level.is_nan() {
        return '?';
    }
    RAMP[(level.clamp(0.0, 1.0) * (RAMP.len() - 1) as f32).round() as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_walk_the_ramp() {
        let letters: String = (0..10_u8).map(|i| ramp(f32::from(i) / 9.0)).collect();
        assert_eq!(letters, " .:-=+*#%@");
        assert_eq!((ramp(-1.0), ramp(7.0), ramp(f32::NAN), ramp(f32::NEG_INFINITY)), (' ', '@', '?', ' '));
    }
}
