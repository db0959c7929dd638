//! The line along which a field crosses a level, one dot wide.
use ndarray::{ArrayBase, Data, Ix2};

/// On which side of the level a dot is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Below,
    Above,
    /// Exactly the level; becomes one of the others, see [`settle_level_dots`].
    Level,
    /// Not finite, or on a plateau at the level that nothing crosses.
    Neither,
}

/// Dots of the line where `field`, one value a dot, shape (height, width), crosses `level`; as (x, y), rows from the top.
///
/// The dot nearer to the level is taken of every two neighbours on different sides. Two edges in a row of such a line
/// share a square of four dots, so the dots of one line touch, straight or diagonally; corners that this makes doubly
/// are taken out again. A field that reaches the level without passing it has no line there, neither along a saturated
/// plateau nor along a ridge. Dots beside a value that is not finite have none either.
pub fn crossing<S: Data<Elem = f32>>(field: &ArrayBase<S, Ix2>, level: f32) -> Vec<(usize, usize)> {
    let (height, width) = field.dim();
    let field = field.as_standard_layout();
    let Some(values) = field.as_slice().filter(|values| !values.is_empty()) else { return Vec::new() };
    let mut sides: Vec<Side> = values.iter().map(|&value| side(value, level)).collect();
    settle_level_dots(&mut sides, width);

    let mut dots = Dots::new(width, height);
    let mut mark = |a: usize, b: usize| {
        let crosses = matches!((sides[a], sides[b]), (Side::Above, Side::Below) | (Side::Below, Side::Above));
        if crosses {
            let (away_a, away_b) = ((values[a] - level).abs(), (values[b] - level).abs());
            // The upper side where both are as near, so that a line does not waver between the two.
            let first = away_a < away_b || (away_a == away_b && sides[a] == Side::Above);
            let nearer = if first { a } else { b };
            dots.set(nearer % width, nearer / width);
        }
    };
    for start in (0..values.len()).step_by(width) {
        for at in start..start + width - 1 {
            mark(at, at + 1);
        }
    }
    for at in 0..values.len() - width {
        mark(at, at + width);
    }
    dots.thin();
    dots.lit()
}

fn side(value: f32, level: f32) -> Side {
    if !value.is_finite() {
        Side::Neither
    } else if value > level {
        Side::Above
    } else if value < level {
        Side::Below
    } else if value == level {
        Side::Level
    } else {
        Side::Neither
    }
}

/// Gives each connected set of dots at exactly the level to a side: to the only side it borders, so that touching the
/// level is not crossing it, and to the upper one where it borders both.
fn settle_level_dots(sides: &mut [Side], width: usize) {
    let mut plateau = Vec::new();
    let mut waiting = Vec::new();
    for start in 0..sides.len() {
        if sides[start] != Side::Level {
            continue;
        }
        let (mut above, mut below) = (false, false);
        plateau.clear();
        waiting.push(start);
        sides[start] = Side::Neither;
        while let Some(at) = waiting.pop() {
            plateau.push(at);
            let neighbours = [
                (at % width > 0).then(|| at - 1),
                (at % width + 1 < width).then_some(at + 1),
                at.checked_sub(width),
                Some(at + width).filter(|&next| next < sides.len()),
            ];
            for next in neighbours.into_iter().flatten() {
                match sides[next] {
                    Side::Above => above = true,
                    Side::Below => below = true,
                    Side::Level => {
                        sides[next] = Side::Neither;
                        waiting.push(next);
                    }
                    Side::Neither => {}
                }
            }
        }
        let settled = match (above, below) {
            (true, _) => Side::Above,
            (false, true) => Side::Below,
            (false, false) => Side::Neither,
        };
        for &at in &plateau {
            sides[at] = settled;
        }
    }
}

/// A bitmap with a dark margin of one dot, so that every dot has eight neighbours.
struct Dots {
    width: usize,
    stride: usize,
    lit: Vec<bool>,
}

impl Dots {
    fn new(width: usize, height: usize) -> Self {
        let stride = width + 2;
        Self { width, stride, lit: vec![false; stride * (height + 2)] }
    }

    fn set(&mut self, x: usize, y: usize) {
        self.lit[(y + 1) * self.stride + x + 1] = true;
    }

    /// Takes out dots that fill a corner between two dots which touch without them.
    fn thin(&mut self) {
        let around = [1, 1 - self.stride as isize, -(self.stride as isize), -1 - self.stride as isize];
        for at in self.stride + 1..self.lit.len().saturating_sub(self.stride + 1) {
            if !self.lit[at] {
                continue;
            }
            // East, then counter-clockwise; the second half mirrors the first.
            let neighbours: [bool; 8] = std::array::from_fn(|k| {
                let offset = if k < 4 { around[k] } else { -around[k - 4] };
                self.lit[at.wrapping_add_signed(offset)]
            });
            let [east, _, north, _, west, _, south, _] = neighbours;
            if (east || west) && (north || south) && is_simple(neighbours) {
                self.lit[at] = false;
            }
        }
    }

    fn lit(&self) -> Vec<(usize, usize)> {
        let rows = self.lit.chunks(self.stride).enumerate().skip(1);
        rows.flat_map(|(y, row)| (1..=self.width).filter(|&x| row[x]).map(move |x| (x - 1, y - 1))).collect()
    }
}

/// Whether the lit neighbours of a dot hang together without it: Yokoi's connectivity number for eight neighbours is 1.
fn is_simple(neighbours: [bool; 8]) -> bool {
    let dark = |k: usize| u8::from(!neighbours[k % 8]);
    (0..4).map(|quarter| 2 * quarter).map(|k| dark(k) - dark(k) * dark(k + 1) * dark(k + 2)).sum::<u8>() == 1
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use ndarray::{Array2, array, s};
    use proptest::prelude::*;

    fn field(width: usize, height: usize, f: impl Fn(f32, f32) -> f32) -> Array2<f32> {
        Array2::from_shape_fn((height, width), |(y, x)| f(x as f32, y as f32))
    }

    /// Number of connected pieces, diagonals included.
    fn pieces(dots: &[(usize, usize)]) -> usize {
        let mut left: HashSet<(usize, usize)> = dots.iter().copied().collect();
        let mut count = 0;
        while let Some(&start) = left.iter().next() {
            count += 1;
            left.remove(&start);
            let mut waiting = vec![start];
            while let Some((x, y)) = waiting.pop() {
                for next_y in y.saturating_sub(1)..=y + 1 {
                    for next_x in x.saturating_sub(1)..=x + 1 {
                        if left.remove(&(next_x, next_y)) {
                            waiting.push((next_x, next_y));
                        }
                    }
                }
            }
        }
        count
    }

    fn touching(dots: &[(usize, usize)], (x, y): (usize, usize)) -> usize {
        dots.iter().filter(|&&dot| dot != (x, y) && dot.0.abs_diff(x) <= 1 && dot.1.abs_diff(y) <= 1).count()
    }

    #[test]
    fn a_circle_is_one_ring_of_single_dots() {
        for radius in [3.0_f32, 7.3, 12.0, 17.5] {
            let dots = crossing(&field(41, 44, |x, y| (x - 20.2).hypot(y - 21.7) - radius), 0.0);
            assert_eq!(pieces(&dots), 1);
            for &(x, y) in &dots {
                assert_eq!(touching(&dots, (x, y)), 2, "radius {radius}, at {x}, {y}: {dots:?}");
                let off = (x as f32 - 20.2).hypot(y as f32 - 21.7) - radius;
                assert!(off.abs() <= 0.6, "radius {radius}, at {x}, {y}: {off}");
            }
        }
    }

    #[test]
    fn the_probabilities_of_a_steep_boundary_give_the_same_line() {
        let boundary = |x: f32, y: f32| 3.0 * (y - 20.0 - 9.0 * (x * 0.11).sin());
        let logits = field(80, 40, boundary);
        let probabilities = logits.mapv(|logit| 1.0 / (1.0 + (-logit).exp()));
        let dots = crossing(&probabilities, 0.5);
        assert_eq!(dots, crossing(&logits, 0.0));
        assert_eq!(pieces(&dots), 1);
        for x in 0..80 {
            assert_eq!(dots.iter().filter(|dot| dot.0 == x).count(), 1, "column {x}");
        }
    }

    #[test]
    fn a_saturated_plateau_has_no_line() {
        // Saturates at exactly 1 in the middle and exactly 0 outside.
        let cone = field(40, 40, |x, y| (1.8 - (x - 20.0).hypot(y - 20.0) / 9.0).clamp(0.0, 1.0));
        assert_eq!(crossing(&cone, 1.0), []);
        assert_eq!(crossing(&cone, 0.0), []);
        assert_eq!(pieces(&crossing(&cone, 0.5)), 1);
        assert_eq!(crossing(&Array2::from_elem((9, 9), 0.5), 0.5), []);
        // A ridge that touches the level from below.
        assert_eq!(crossing(&field(11, 5, |x, _| -(x - 5.0).abs()), 0.0), []);
    }

    #[test]
    fn dots_exactly_at_the_level_are_the_line() {
        let dots = crossing(&field(11, 4, |x, _| x - 5.0), 0.0);
        assert_eq!(dots, [(5, 0), (5, 1), (5, 2), (5, 3)]);
        let diagonal = crossing(&field(5, 5, |x, y| x - y), 0.0);
        assert_eq!(diagonal, [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4)]);
        // Crossed by way of a plateau at the level: still one line.
        let stair = crossing(&field(12, 6, |x, _| (x - 3.0).min(0.0) + (x - 8.0).max(0.0)), 0.0);
        assert_eq!(stair.len(), 6);
        assert_eq!(pieces(&stair), 1);
    }

    #[test]
    fn two_classes_side_by_side_are_parted_once() {
        let dots = crossing(&field(8, 3, |x, _| if x < 4.0 { 0.0 } else { 1.0 }), 0.5);
        assert_eq!(dots, [(4, 0), (4, 1), (4, 2)]);
    }

    #[test]
    fn what_is_not_finite_is_no_side() {
        let mut broken = field(21, 21, |x, _| x - 10.3);
        broken.slice_mut(s![8..12, ..]).fill(f32::NAN);
        let dots = crossing(&broken, 0.0);
        assert!(dots.iter().all(|&(x, y)| x == 10 && !(8..12).contains(&y)));
        assert_eq!(dots.len(), 17);
        assert_eq!(crossing(&array![[f32::NAN, 1.0], [f32::NEG_INFINITY, f32::INFINITY]], 0.5), []);
        assert_eq!(crossing(&array![[0.0, 1.0]], f32::NAN), []);
        assert_eq!(crossing(&array![[-1.0, 1.0]], f32::INFINITY), []);
    }

    #[test]
    fn sizes_of_none_and_one() {
        for dim in [(0, 0), (0, 5), (5, 0), (1, 1)] {
            assert_eq!(crossing(&Array2::<f32>::zeros(dim), 0.5), []);
        }
        assert_eq!(crossing(&array![[0.0, 0.2, 0.9]], 0.5), [(1, 0)]);
        assert_eq!(crossing(&array![[0.0], [0.2], [0.6]], 0.5), [(0, 2)]);
    }

    #[test]
    fn a_view_of_any_layout_will_do() {
        let wide = field(12, 9, |x, y| x + 0.3 * y - 5.0);
        let turned = wide.t();
        let mut want: Vec<(usize, usize)> = crossing(&wide, 0.0).into_iter().map(|(x, y)| (y, x)).collect();
        let mut got = crossing(&turned, 0.0);
        want.sort_unstable();
        got.sort_unstable();
        assert_eq!(got, want);
        assert!(crossing(&wide.slice(s![..;2, 1..]), 0.0).len() > 2);
    }

    proptest! {
        #[test]
        fn a_straight_line_is_the_nearest_dots(slope in -1.0..1.0_f32, offset in 8.0..22.0_f32, steep in any::<bool>()) {
            let line = |x: f32| offset + slope * (x - 15.0) * 0.5;
            let dots = crossing(&field(31, 31, |x, y| if steep { x - line(y) } else { y - line(x) }), 0.0);
            prop_assert_eq!(dots.len(), 31);
            prop_assert_eq!(pieces(&dots), 1);
            for (x, y) in dots {
                let (along, across) = if steep { (y, x) } else { (x, y) };
                prop_assert!((across as f32 - line(along as f32)).abs() < 0.501);
            }
        }

        #[test]
        fn smooth_fields_have_thin_lines(a in 0.05..0.3_f32, b in 0.05..0.3_f32, c in 0.0..6.0_f32, level in -0.8..0.8_f32) {
            let dots = crossing(&field(60, 48, |x, y| (x * a + c).sin() * (y * b).cos()), level);
            let lit: HashSet<(usize, usize)> = dots.iter().copied().collect();
            for &(x, y) in &dots {
                let square = [(x + 1, y), (x, y + 1), (x + 1, y + 1)];
                prop_assert!(!square.iter().all(|dot| lit.contains(dot)), "a block at {}, {}", x, y);
            }
        }

        #[test]
        fn noise_is_survived(values in prop::collection::vec(prop_oneof![6 => -1.0..1.0_f32, 2 => Just(0.0_f32), 1 => Just(f32::NAN)], 0..144), width in 1..13_usize) {
            let height = values.len() / width;
            let noise = Array2::from_shape_fn((height, width), |(y, x)| values[y * width + x]);
            let dots = crossing(&noise, 0.0);
            prop_assert!(dots.iter().all(|&(x, y)| noise[[y, x]].is_finite()));
            prop_assert!(dots.windows(2).all(|pair| (pair[0].1, pair[0].0) < (pair[1].1, pair[1].0)));
        }
    }
}
