//! The plane along which points spread most.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

/// Vectors that are iterated: two more than are wanted, so that a third axis of nearly the same spread slows nothing down.
const VECTORS: usize = 4;
/// Points and units that a plane is fitted to at most, so that it takes some tens of milliseconds of the thread that draws: the units that
/// vary most, and points thinned evenly.
const MOST_POINTS: usize = 5_000;
const MOST_UNITS: usize = 128;
/// Rounds that suffice from anywhere, and from the axes of a moment ago.
const ROUNDS: (usize, usize) = (100, 20);
/// The axes keep their order until the second one's spread exceeds the first one's by so much.
const SWAP: f64 = 1.05;

/// The two principal axes of points, through their mean.
#[derive(Debug, Clone, PartialEq)]
pub struct Plane {
    mean: Array1<f64>,
    /// Unit vectors, shape (2, units), at right angles; zero where there is nothing to spread along.
    axes: Array2<f64>,
    shares: [f64; 2],
    /// Units that have a part in the axes.
    used: usize,
}

impl Plane {
    /// The plane of points, shape (n, units); points that are not finite are left out, and of many units only those that
    /// vary most have a part in the axes. With the plane of a moment ago each
    /// axis goes on pointing where it did, so that what is drawn does not flip. None without points or units.
    pub fn fit(points: ArrayView2<'_, f32>, before: Option<&Self>) -> Option<Self> {
        let whole = |row: &ArrayView1<'_, f32>| row.iter().all(|value| value.is_finite());
        let rows: Vec<usize> = (0..points.nrows()).filter(|row| whole(&points.row(*row))).collect();
        let shown = rows.len().min(MOST_POINTS);
        let rows: Vec<usize> = (0..shown).map(|index| rows[index * rows.len() / shown]).collect();
        let points = points.select(Axis(0), &rows).mapv(f64::from);
        let mean = points.mean_axis(Axis(0)).filter(|mean| !mean.is_empty())?;
        let centred = points - &mean;
        let variances = centred.map_axis(Axis(0), |unit| unit.dot(&unit) / rows.len() as f64);
        let units = widest(&variances);
        let narrow = centred.select(Axis(1), &units);
        let covariance = narrow.t().dot(&narrow) / rows.len() as f64;
        let before = before.filter(|before| before.mean.len() == mean.len());
        let near = before.map(|before| before.axes.select(Axis(1), &units));
        let (found, spreads) = principal(&covariance, near.as_ref().map(Array2::view));
        let mut axes = Array2::zeros((2, mean.len()));
        for (unit, part) in units.iter().zip(found.columns()) {
            axes.column_mut(*unit).assign(&part);
        }
        let mut shares = [0.0; 2];
        let whole = variances.sum();
        for (share, spread) in shares.iter_mut().zip(spreads) {
            *share = if whole > 0.0 { (spread / whole).clamp(0.0, 1.0) } else { 0.0 };
        }
        if let Some(before) = before {
            let along = |new: usize, old: usize| axes.row(new).dot(&before.axes.row(old));
            let swapped = along(0, 1).abs() > along(0, 0).abs() && along(1, 0).abs() > along(1, 1).abs();
            if swapped && shares[0] < SWAP * shares[1] {
                axes.invert_axis(Axis(0));
                shares.swap(0, 1);
            }
        }
        for (place, mut axis) in axes.outer_iter_mut().enumerate() {
            let direction = match before {
                Some(before) => axis.dot(&before.axes.row(place)),
                None => {
                    axis.iter().copied().fold(0.0, |most: f64, part| if part.abs() > most.abs() { part } else { most })
                }
            };
            if direction < 0.0 {
                axis.mapv_inplace(|part| -part);
            }
        }
        Some(Self { mean, axes, shares, used: units.len() })
    }

    /// How many units have a part in the axes, of how many.
    pub fn units(&self) -> (usize, usize) {
        (self.used, self.mean.len())
    }

    /// Share of the whole variance along each axis, 0 to 1.
    pub fn shares(&self) -> [f64; 2] {
        self.shares
    }

    /// Where a point stands on the plane.
    pub fn place(&self, point: ArrayView1<'_, f32>) -> [f32; 2] {
        let along = |axis: usize| {
            let parts = point.iter().zip(&self.mean).zip(self.axes.row(axis));
            parts.map(|((value, mean), part)| (f64::from(*value) - mean) * part).sum::<f64>() as f32
        };
        [along(0), along(1)]
    }
}

/// The units that vary most, in their order.
fn widest(variances: &Array1<f64>) -> Vec<usize> {
    let mut units: Vec<usize> = (0..variances.len()).collect();
    units.sort_by(|a, b| variances[*b].total_cmp(&variances[*a]));
    units.truncate(MOST_UNITS);
    units.sort_unstable();
    units
}

/// The two eigenvectors of the largest eigenvalues of a symmetric matrix as rows, with these, by orthogonal iteration.
fn principal(matrix: &Array2<f64>, near: Option<ArrayView2<'_, f64>>) -> (Array2<f64>, [f64; 2]) {
    let size = matrix.nrows();
    let count = VECTORS.min(size);
    // Anything that is not at right angles to what is looked for.
    let mut vectors = Array2::from_shape_fn((count, size), |(row, column)| {
        ((row * size + column) as f64 * 0.754_877_666).fract() - 0.5
    });
    if let Some(near) = near {
        for (mut vector, old) in vectors.outer_iter_mut().zip(near.outer_iter()) {
            vector.assign(&old);
        }
    }
    orthonormal(&mut vectors);
    for _ in 0..(if near.is_some() { ROUNDS.1 } else { ROUNDS.0 }) {
        vectors = vectors.dot(matrix);
        orthonormal(&mut vectors);
    }
    // Within the space found the axes are those of the small matrix.
    let small = vectors.dot(matrix).dot(&vectors.t());
    let (values, turn) = eigen(small);
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|a, b| values[*b].total_cmp(&values[*a]));
    let mut axes = Array2::zeros((2, size));
    let mut spreads = [0.0; 2];
    for ((mut axis, spread), place) in axes.outer_iter_mut().zip(&mut spreads).zip(order) {
        axis.assign(&turn.column(place).dot(&vectors));
        *spread = values[place].max(0.0);
    }
    (axes, spreads)
}

/// Makes rows orthonormal, one after the other. A row that the earlier ones contain is replaced by a direction of its own.
fn orthonormal(rows: &mut Array2<f64>) {
    let size = rows.ncols();
    for place in 0..rows.nrows() {
        let (before, mut rest) = rows.view_mut().split_at(Axis(0), place);
        let mut row = rest.row_mut(0);
        // If neither the row nor a unit vector is left over, there is no such direction; there is one for count <= size.
        for attempt in 0..=size {
            let length = row.dot(&row).sqrt();
            if length > 0.0 && length.is_finite() {
                row /= length;
            }
            // Twice: the first time leaves rounding errors of what it took away.
            for _ in 0..2 {
                for other in before.outer_iter() {
                    let along = row.dot(&other);
                    row.scaled_add(-along, &other);
                }
            }
            let length = row.dot(&row).sqrt();
            if length > 1e-6 {
                row /= length;
                break;
            }
            row.fill(0.0);
            if attempt < size {
                row[attempt] = 1.0;
            }
        }
    }
}

/// Eigenvalues and eigenvectors (columns) of a small symmetric matrix, by Jacobi's rotations.
fn eigen(mut matrix: Array2<f64>) -> (Vec<f64>, Array2<f64>) {
    let size = matrix.nrows();
    let mut vectors = Array2::eye(size);
    for _ in 0..20 {
        for p in 0..size {
            for q in p + 1..size {
                let off = matrix[(p, q)];
                if off.abs() <= f64::EPSILON * (matrix[(p, p)].abs() + matrix[(q, q)].abs()) {
                    continue;
                }
                let theta = (matrix[(q, q)] - matrix[(p, p)]) / (2.0 * off);
                let tangent = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
                let cosine = 1.0 / (tangent * tangent + 1.0).sqrt();
                let sine = tangent * cosine;
                for k in 0..size {
                    let (a, b) = (matrix[(k, p)], matrix[(k, q)]);
                    (matrix[(k, p)], matrix[(k, q)]) = (cosine * a - sine * b, sine * a + cosine * b);
                }
                for k in 0..size {
                    let (a, b) = (matrix[(p, k)], matrix[(q, k)]);
                    (matrix[(p, k)], matrix[(q, k)]) = (cosine * a - sine * b, sine * a + cosine * b);
                    let (a, b) = (vectors[(k, p)], vectors[(k, q)]);
                    (vectors[(k, p)], vectors[(k, q)]) = (cosine * a - sine * b, sine * a + cosine * b);
                }
            }
        }
    }
    (matrix.diag().to_vec(), vectors)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers in -1..1 that look random.
    fn noise(index: usize) -> f64 {
        let mut bits = (index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (bits >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }

    /// Points that spread by `spreads` along the rows of an orthonormal `frame`.
    fn cloud(count: usize, frame: &Array2<f64>, spreads: &[f64]) -> Array2<f32> {
        let own = Array2::from_shape_fn((count, spreads.len()), |(n, k)| noise(n * 31 + k * 7 + 1) * spreads[k]);
        (own.dot(frame) + 3.0).mapv(|value| value as f32)
    }

    fn frame(size: usize) -> Array2<f64> {
        let mut rows = Array2::from_shape_fn((size, size), |(y, x)| noise(y * size + x + 900));
        orthonormal(&mut rows);
        rows
    }

    fn covariance(points: &Array2<f32>) -> Array2<f64> {
        let points = points.mapv(f64::from);
        let centred = &points - &points.mean_axis(Axis(0)).unwrap();
        centred.t().dot(&centred) / points.nrows() as f64
    }

    #[test]
    fn axes_are_eigenvectors_and_shares_their_part_of_the_variance() {
        let spreads = [5.0, 3.0, 1.0, 0.5, 0.5, 0.2];
        let points = cloud(4_000, &frame(6), &spreads);
        let plane = Plane::fit(points.view(), None).unwrap();
        let matrix = covariance(&points);
        let whole: f64 = spreads.iter().map(|spread| spread * spread).sum();
        for (place, spread) in spreads.into_iter().enumerate().take(2) {
            let axis = plane.axes.row(place);
            let value = plane.shares[place] * matrix.diag().sum();
            let error = &matrix.dot(&axis) - &(value * &axis);
            assert!(error.iter().all(|off| off.abs() < 1e-6 * value), "{error}");
            let expected = spread * spread / whole;
            assert!((plane.shares[place] - expected).abs() < 0.03, "{:?}", plane.shares);
        }
        assert!(plane.axes.row(0).dot(&plane.axes.row(1)).abs() < 1e-9);
        // What is drawn spreads as the eigenvalues say.
        let places: Vec<[f32; 2]> = points.outer_iter().map(|point| plane.place(point)).collect();
        for axis in 0..2 {
            let spread = places.iter().map(|place| f64::from(place[axis]).powi(2)).sum::<f64>() / 4_000.0;
            assert!((spread / (plane.shares[axis] * matrix.diag().sum()) - 1.0).abs() < 1e-3);
        }
    }

    #[test]
    fn a_known_matrix() {
        // Eigenvalues 3 and 1 along the diagonals.
        let (axes, spreads) = principal(&ndarray::array![[2.0, 1.0], [1.0, 2.0]], None);
        assert!((spreads[0] - 3.0).abs() < 1e-12 && (spreads[1] - 1.0).abs() < 1e-12, "{spreads:?}");
        assert!((axes[(0, 0)] - axes[(0, 1)]).abs() < 1e-9 && (axes[(1, 0)] + axes[(1, 1)]).abs() < 1e-9, "{axes}");
    }

    #[test]
    fn slightly_other_points_give_slightly_other_axes() {
        let frame = frame(5);
        // The first two spread alike: alone, their order would change from one look to the next.
        let mut before = Plane::fit(cloud(2_000, &frame, &[2.0, 1.999, 0.4, 0.3, 0.1]).view(), None).unwrap();
        for look in 0..40 {
            let spreads = [2.0, 1.999 + 0.002 * noise(look), 0.4, 0.3, 0.1];
            let mut points = cloud(2_000, &frame, &spreads);
            points.indexed_iter_mut().for_each(|((n, k), value)| *value += 0.002 * noise(look * 99 + n * 5 + k) as f32);
            let plane = Plane::fit(points.view(), Some(&before)).unwrap();
            for axis in 0..2 {
                let along = plane.axes.row(axis).dot(&before.axes.row(axis));
                assert!(along > 0.95, "axis {axis} turned at look {look}: {along}");
            }
            before = plane;
        }
    }

    #[test]
    fn axes_change_places_when_the_spreads_clearly_do() {
        let frame = frame(4);
        let before = Plane::fit(cloud(2_000, &frame, &[2.0, 1.0, 0.1, 0.1]).view(), None).unwrap();
        let plane = Plane::fit(cloud(2_000, &frame, &[1.0, 2.0, 0.1, 0.1]).view(), Some(&before)).unwrap();
        assert!(plane.axes.row(0).dot(&before.axes.row(1)).abs() > 0.99 && plane.shares[0] > plane.shares[1]);
    }

    #[test]
    fn points_without_spread_and_points_that_are_none() {
        let plane = Plane::fit(Array2::from_elem((9, 3), 1.5).view(), None).unwrap();
        assert_eq!((plane.shares, plane.place(Array1::from_elem(3, 1.5).view())), ([0.0; 2], [0.0; 2]));
        assert_eq!(Plane::fit(Array2::zeros((0, 3)).view(), None), None);
        assert_eq!(Plane::fit(Array2::zeros((3, 0)).view(), None), None);
        assert_eq!(Plane::fit(Array2::from_elem((2, 2), f32::NAN).view(), None), None);
        let mut points = cloud(500, &frame(3), &[2.0, 1.0, 0.1]);
        let clean = Plane::fit(points.view(), None).unwrap();
        points[(7, 1)] = f32::NAN;
        let plane = Plane::fit(points.view(), Some(&clean)).unwrap();
        assert!(plane.axes.row(0).dot(&clean.axes.row(0)) > 0.999);
        assert!(plane.place(points.row(7))[0].is_nan());
        // One unit: a line.
        let line = Plane::fit(cloud(50, &frame(1), &[1.0]).view(), None).unwrap();
        assert!((line.shares[0] - 1.0).abs() < 1e-9 && line.shares[1] == 0.0);
    }

    #[test]
    fn of_many_units_those_that_vary_most_span_the_plane() {
        // Two wide directions among 300 units, most of which do next to nothing.
        let points = Array2::from_shape_fn((5_000, 300), |(n, unit)| {
            let wide = match unit {
                7 => 30.0,
                250 => 10.0,
                _ => 0.01 + unit as f64 * 1e-5,
            };
            (noise(n * 300 + unit) * wide) as f32
        });
        let plane = Plane::fit(points.view(), None).unwrap();
        assert_eq!(plane.units(), (MOST_UNITS, 300));
        assert!(plane.axes[(0, 7)].abs() > 0.999 && plane.axes[(1, 250)].abs() > 0.999);
        let shares = plane.shares();
        assert!(shares[0] > 0.85 && shares[1] > 0.08 && shares[0] + shares[1] < 1.0, "of all units: {shares:?}");
        let again = Plane::fit(points.view(), Some(&plane)).unwrap();
        assert!(again.axes[(0, 7)] * plane.axes[(0, 7)] > 0.0, "it does not flip");
        let few = Plane::fit(points.slice(ndarray::s![.., ..128]), None).unwrap();
        assert_eq!(few.units(), (128, 128), "all of them");
    }
}
