//! What spans a plane through parameter space.

use ndarray::{Array2, ArrayView2, Axis};
use tch::{Device, Kind, TchError, Tensor};

use crate::path::Trail;
use crate::random::{Random, Stream};

/// A share of variance below this is rounding: there is no such axis.
const NO_VARIANCE: f64 = 1e-10;
/// Axes that lie closer to the last picture's than this, as a cosine, point the same way as those.
const SAME: f64 = 0.5;

/// A point and two directions, all on the CPU.
pub(super) struct Axes {
    /// Shape (parameters).
    pub(super) origin: Tensor,
    /// Shape (2, parameters).
    pub(super) directions: Tensor,
    /// Share of the path's variance that each accounts for, 0 to 1; not a number where none was asked for.
    pub(super) shares: [f64; 2],
}

/// Eigenvalues of a symmetric matrix in ascending order, and the eigenvectors one after the other.
fn eigenvectors(matrix: &Array2<f64>) -> Result<(Vec<f64>, Vec<f64>), TchError> {
    if matrix.iter().any(|number| !number.is_finite()) {
        return Err(TchError::Convert("not every number is finite".to_owned()));
    }
    let (values, vectors) = Tensor::try_from(matrix)?.f_linalg_eigh("L")?;
    // libtorch has them in columns.
    let in_rows = vectors.f_transpose(0, 1)?.f_contiguous()?.f_view([-1])?;
    Ok((Vec::try_from(values)?, Vec::try_from(in_rows)?))
}

/// The two principal axes of a path, of length 1, through the mean of its points: of all planes the one that they lie
/// closest to. They come from the products of the points, of which there are far fewer than parameters.
///
/// An axis has no sign of its own. It points where the path gets farthest from its start, or to the same side as in
/// `before`, the directions of the last picture. Where a path has no extent, `spare` (shape (2, parameters)) fills in.
pub(super) fn principal(
    trail: &Trail,
    before: Option<&Tensor>,
    spare: impl FnOnce() -> Result<Tensor, TchError>,
) -> Result<Axes, TchError> {
    let count = trail.stations.len();
    let centred = centred(trail.gram);
    let variance = centred.diag().sum();
    // A path whose products have outgrown their numbers has no axes of its own, and that is no reason to end a run.
    let (values, vectors) = eigenvectors(&centred).unwrap_or_else(|error| {
        let first = error.to_string();
        tracing::warn!("no principal axes of the path: {}", first.lines().next().unwrap_or_default());
        (Vec::new(), Vec::new())
    });
    let mut weights = Vec::with_capacity(3 * count);
    let mut shares = [0.0; 2];
    let largest_first = values.into_iter().zip(vectors.chunks(count)).rev();
    for ((value, vector), share) in largest_first.zip(&mut shares) {
        if value <= NO_VARIANCE * variance {
            break;
        }
        *share = value / variance;
        // The mean of the points has no part in it: an eigenvector's numbers add up to nothing.
        let scale = farthest(vector) / value.sqrt();
        weights.extend(vector.iter().map(|number| number * scale));
    }
    let found = weights.len() / count;
    weights.extend(std::iter::repeat_n(1.0 / count as f64, count));
    let kind = trail.rows.f_kind()?;
    let weights = Tensor::f_from_slice(&weights)?.f_view([-1, count as i64])?.f_to_kind(kind)?;
    let sums = weights.f_matmul(&trail.rows)?;
    let origin = sums.f_get(found as i64)?.f_add(trail.start)?;
    let mut directions = Vec::with_capacity(2);
    for place in 0..found {
        let axis = sums.f_get(place as i64)?;
        let old = before.map(|before| before.f_get(place as i64)?.f_dot(&axis)?.f_double_value(&[])).transpose()?;
        directions.push(if old.is_some_and(|cosine| cosine < -SAME) { axis.f_neg()? } else { axis });
    }
    if found < 2 {
        let spare = spare()?;
        for place in found..2 {
            let axis = upright(&spare.f_get(place as i64)?, &directions)?;
            directions.push(axis);
        }
    }
    Ok(Axes { origin, directions: Tensor::f_stack(&directions, 0)?, shares })
}

/// Products of what is left of the points without their mean.
fn centred(gram: ArrayView2<f64>) -> Array2<f64> {
    let count = gram.nrows() as f64;
    let means = gram.sum_axis(Axis(0)) / count;
    let mean = means.sum() / count;
    Array2::from_shape_fn(gram.dim(), |(row, column)| gram[[row, column]] - means[row] - means[column] + mean)
}

/// 1 or -1: the sign that the coordinate farthest from the first one's has.
fn farthest(coordinates: &[f64]) -> f64 {
    let first = coordinates.first().copied().unwrap_or(0.0);
    let far = coordinates.iter().map(|coordinate| coordinate - first);
    far.fold(0.0, |best: f64, next| if next.abs() > best.abs() { next } else { best }).signum()
}

/// What of `direction` is perpendicular to `others`, which have length 1: of length 1, or nothing.
fn upright(direction: &Tensor, others: &[Tensor]) -> Result<Tensor, TchError> {
    let mut direction = direction.shallow_clone();
    for other in others {
        direction = direction.f_sub(&other.f_mul(&other.f_dot(&direction)?)?)?;
    }
    let length = direction.f_norm()?.f_double_value(&[])?;
    if length > 0.0 { direction.f_div_scalar(length) } else { Ok(direction) }
}

/// Two random directions (Li et al. 2018), shape (2, parameters): normally distributed, then each row along the first
/// dimension of a weight, a filter or a unit, scaled to the length that the same row of `parameters` (shape
/// (parameters)) has. Parameters of one dimension are left out: a bias would swamp what the weights do. `shapes` are
/// those of the parameters. The same seed gives the same directions before they are scaled.
pub(super) fn random(seed: u64, shapes: &[Vec<i64>], parameters: &Tensor) -> Result<Tensor, TchError> {
    let kind = parameters.f_kind()?;
    let mut directions = Vec::with_capacity(2);
    for place in 0..2 {
        let mut random = Random::new(seed, Stream::Direction, place);
        let mut pieces = Vec::with_capacity(shapes.len());
        let mut start = 0;
        for shape in shapes {
            let count: i64 = shape.iter().product();
            if shape.len() < 2 {
                pieces.push(Tensor::f_zeros([count], (kind, Device::Cpu))?);
            } else {
                let numbers: Vec<f64> =
                    std::iter::repeat_with(|| random.normals()).flatten().take(count as usize).collect();
                let rows = Tensor::f_from_slice(&numbers)?.f_view([shape[0], -1])?;
                let own = parameters.f_narrow(0, start, count)?.f_view([shape[0], -1])?.f_to_kind(Kind::Double)?;
                let scale = lengths(&own)?.f_div(&lengths(&rows)?)?;
                pieces.push(rows.f_mul(&scale)?.f_view([-1])?.f_to_kind(kind)?);
            }
            start += count;
        }
        directions.push(Tensor::f_cat(&pieces, 0)?);
    }
    Tensor::f_stack(&directions, 0)
}

/// Euclidean length of each row, shape (rows, 1).
pub(super) fn lengths(rows: &Tensor) -> Result<Tensor, TchError> {
    rows.f_norm_scalaropt_dim(2, [1].as_slice(), true)
}
