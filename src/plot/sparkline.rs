//! Bars in eighths of a cell.
use super::scale::Axis;

/// Parts that a cell is divided into.
pub const PARTS: u8 = 8;

const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The block character filled to `eighths` of its height; anything above 8 is full.
pub fn block(eighths: u8) -> char {
    BLOCKS[usize::from(eighths.min(PARTS))]
}

/// Heights of one bar a value, as `rows` rows from the top, each with one number of filled eighths (0..=8) a value.
///
/// The axis says where a bar begins and ends. A finite value fills at least one eighth, so that the lowest is told from
/// none at all; a gap (`None`) and a value that is not finite fill none, the caller marks the latter.
pub fn bars(values: &[Option<f32>], axis: &Axis, rows: usize) -> Vec<Vec<u8>> {
    let full = rows * usize::from(PARTS);
    let height = |value: &Option<f32>| match value {
        Some(value) if value.is_finite() => ((axis.position(f64::from(*value)) * full as f64).round() as usize).max(1),
        _ => 0,
    };
    let heights: Vec<usize> = values.iter().map(height).collect();
    (0..rows)
        .rev()
        .map(|below| {
            let filled =
                |height: &usize| height.saturating_sub(below * usize::from(PARTS)).min(usize::from(PARTS)) as u8;
            heights.iter().map(filled).collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::scale::AxisKind;
    use super::*;

    fn axis() -> Axis {
        Axis::new(AxisKind::Linear, 0.0, 16.0)
    }

    #[test]
    fn bars_fill_from_below() {
        let values = [Some(0.0), Some(1.0), Some(8.0), Some(9.0), Some(16.0), Some(99.0)];
        assert_eq!(bars(&values, &axis(), 2), [[0, 0, 0, 1, 8, 8], [1, 1, 8, 8, 8, 8]]);
        assert_eq!(bars(&values, &axis(), 1), [[1, 1, 4, 5, 8, 8]]);
    }

    #[test]
    fn the_lowest_value_is_told_from_a_gap() {
        let values = [Some(-3.0), None, Some(f32::NAN), Some(f32::INFINITY), Some(f32::NEG_INFINITY)];
        assert_eq!(bars(&values, &axis(), 1), [[1, 0, 0, 0, 0]]);
    }

    #[test]
    fn no_room_or_no_value_is_no_bar() {
        assert_eq!(bars(&[Some(1.0)], &axis(), 0), Vec::<Vec<u8>>::new());
        assert_eq!(bars(&[], &axis(), 2), [[], []] as [[u8; 0]; 2]);
    }

    #[test]
    fn blocks_grow() {
        assert_eq!((0..=9).map(block).collect::<String>(), " ▁▂▃▄▅▆▇██");
    }
}
