//! A plane through parameter space and the path beside it.

use tch::{Device, Kind, TchError, Tensor};

use super::axes::{Axes, lengths};
use crate::checkpoint::{RestoreError, Source, Tensors};
use crate::path::{Path, Shadows, Station, pair};

/// Room around the path, as a share of its extent, on each side.
const MARGIN: f64 = 0.2;
/// The shorter side of a picture is at least this share of the longer one.
const SLIMMEST: f64 = 0.5;
/// Numbers that are worked on at a time.
const AT_A_TIME: i64 = 1 << 20;
/// The present may get so much farther off the plane, as a share of half the picture's width, before it needs a new one.
const DRIFT: f64 = 0.2;
/// The same for how much longer than at its planning the run has been going.
const AGE: u64 = 2;

/// A point of the path on a plane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) station: Station,
    /// In units of the axes.
    pub(super) place: [f64; 2],
    /// Euclidean distance in parameter space between the point and its place on the plane; not a number where it is
    /// not known.
    pub(super) distance: f64,
}

/// A plane, and where on it the path lies.
pub(super) struct Frame {
    axes: Axes,
    /// Origin and directions where the network computes.
    there: [Tensor; 3],
    metric: Metric,
    points: Vec<Point>,
    /// `[x0, x1, y0, y1]`
    extent: [f64; 4],
    /// The present when it was planned.
    planned: Point,
}

impl Frame {
    /// The plane of `axes` with `path`, whose end is `present` with its `parameters` (shape (parameters)), to be
    /// computed on `device`. It shows `least` units around the present at least.
    pub(super) fn new(
        axes: Axes,
        path: &mut Path,
        (present, parameters): (Station, &Tensor),
        least: f64,
        device: Device,
    ) -> Result<Self, TchError> {
        let there = Self::on(device, &axes)?;
        let metric = Metric::new(&axes.directions)?;
        let planned = Point { station: present, place: [0.0; 2], distance: 0.0 };
        let mut frame = Self { axes, there, metric, points: Vec::new(), extent: [0.0; 4], planned };
        frame.follow(path, (present, parameters))?;
        frame.planned = *frame.points.last().unwrap_or(&planned);
        frame.extent = frame.around(least);
        // Parameters may be finite and what is between them no more.
        if frame.extent.iter().any(|edge| edge.abs() > f64::from(f32::MAX) || edge.is_nan()) {
            return Err(TchError::Convert("parameters are so large that no plane through them is finite".to_owned()));
        }
        Ok(frame)
    }

    /// Copies it for a checkpoint.
    pub(super) fn save(&self, tensors: &mut Tensors) -> Result<(), TchError> {
        let Axes { origin, directions, shares } = &self.axes;
        tensors.add("landscape.axes", &Tensor::f_cat(&[origin.f_unsqueeze(0)?, directions.shallow_clone()], 0)?)?;
        let points = self.points.iter().chain([&self.planned]).flat_map(|point| {
            let Point { station: Station { step, epoch, loss }, place: [x, y], distance } = *point;
            [step as f64, epoch, loss, x, y, distance]
        });
        let points: Vec<f64> = points.collect();
        tensors.add("landscape.points", &Tensor::f_from_slice(&points)?.f_reshape([-1, 6])?)?;
        tensors.add("landscape.frame", &Tensor::f_from_slice(&[&shares[..], &self.extent[..]].concat())?)
    }

    /// What a checkpoint holds, bit for bit, to be computed on `device`.
    pub(super) fn restore(source: &Source<'_>, device: Device) -> Result<Self, RestoreError> {
        let wrong = || RestoreError::Format("the plane of its landscape does not fit together".to_owned());
        let axes = source.tensor("landscape.axes")?;
        let numbers = Vec::<f64>::try_from(source.tensor("landscape.frame")?)?;
        let [first, second, x0, x1, y0, y1] = numbers[..] else { return Err(wrong()) };
        let axes = Axes {
            origin: axes.f_get(0)?.f_contiguous()?,
            directions: axes.f_narrow(0, 1, 2)?.f_contiguous()?,
            shares: [first, second],
        };
        let points = Vec::<f64>::try_from(source.tensor("landscape.points")?.f_reshape([-1])?)?;
        let point = |&[step, epoch, loss, x, y, distance]: &[f64; 6]| Point {
            station: Station { step: step as u64, epoch, loss },
            place: [x, y],
            distance,
        };
        let mut points: Vec<Point> = points.as_chunks().0.iter().map(point).collect();
        let planned = points.pop().ok_or_else(wrong)?;
        let there = Self::on(device, &axes)?;
        let metric = Metric::new(&axes.directions)?;
        Ok(Self { axes, there, metric, points, extent: [x0, x1, y0, y1], planned })
    }

    /// Origin and directions where the network computes.
    fn on(device: Device, axes: &Axes) -> Result<[Tensor; 3], TchError> {
        let on = |tensor: Tensor| tensor.f_to_device(device);
        Ok([on(axes.origin.shallow_clone())?, on(axes.directions.f_get(0)?)?, on(axes.directions.f_get(1)?)?])
    }

    pub(super) fn shares(&self) -> [f64; 2] {
        self.axes.shares
    }

    pub(super) fn directions(&self) -> &Tensor {
        &self.axes.directions
    }

    pub(super) fn extent(&self) -> [f64; 4] {
        self.extent
    }

    /// The path, the present last.
    pub(super) fn points(&self) -> &[Point] {
        &self.points
    }

    /// The step of the present when it was planned.
    pub(super) fn step(&self) -> u64 {
        self.planned.station.step
    }

    /// All parameters at `place`, shape (parameters), on the network's device. At the origin they are the origin's, bit
    /// for bit.
    pub(super) fn at(&self, [x, y]: [f64; 2]) -> Result<Tensor, TchError> {
        let [origin, first, second] = &self.there;
        // Beyond single precision there is infinity: libtorch converts no other number to it.
        let held = |share: f64| if share.abs() > f64::from(f32::MAX) { share * f64::INFINITY } else { share };
        let (x, y) = (held(x), held(y));
        origin.f_add(&first.f_mul_scalar(x)?)?.f_add(&second.f_mul_scalar(y)?)
    }

    /// Takes in what `path` has come to since; `present` and its parameters are its end.
    pub(super) fn follow(
        &mut self,
        path: &mut Path,
        (present, parameters): (Station, &Tensor),
    ) -> Result<(), TchError> {
        self.points.retain(|point| path.holds(point.station.step));
        let known = self.points.last().map(|point| point.station.step);
        let is_new = |station: &Station| known.is_none_or(|known| station.step > known);
        if let Some(trail) = path.trail(present, parameters)? {
            let from = trail.stations.partition_point(|station| !is_new(station));
            let base = trail.start.f_sub(&self.axes.origin)?;
            let count = trail.stations.len() - from;
            let rows = trail.rows.f_narrow(0, from as i64, count as i64)?;
            let places = self.locate(&rows, &base)?;
            let new = trail.stations[from..].iter().zip(places);
            self.points.extend(new.map(|(station, (place, distance))| Point { station: *station, place, distance }));
        } else if let Some(Shadows { start, directions, products }) = path.shadows() {
            let base = pair(&directions.f_mv(&start.f_sub(&self.axes.origin)?)?)?;
            for (station, [x, y]) in products.into_iter().filter(|(station, _)| is_new(station)) {
                let place = self.metric.solve([x + base[0], y + base[1]]);
                self.points.push(Point { station, place, distance: f64::NAN });
            }
            // What the present is, is known in full.
            let base = self.axes.origin.f_neg()?;
            let places = self.locate(&parameters.f_unsqueeze(0)?, &base)?;
            self.points.retain(|point| point.station.step != present.step);
            let new = places.into_iter().map(|(place, distance)| Point { station: present, place, distance });
            self.points.extend(new);
        }
        Ok(())
    }

    /// Least squares places of `rows` plus `base` less the origin, and their distances from the plane.
    fn locate(&self, rows: &Tensor, base: &Tensor) -> Result<Vec<([f64; 2], f64)>, TchError> {
        let &[count, numbers] = rows.size().as_slice() else { return Ok(Vec::new()) };
        let at_a_time = (AT_A_TIME / numbers.max(1)).max(1);
        let mut found = Vec::with_capacity(count as usize);
        for first in (0..count).step_by(at_a_time as usize) {
            let rows = rows.f_narrow(0, first, at_a_time.min(count - first))?.f_add(base)?;
            let products = rows.f_matmul(&self.axes.directions.f_transpose(0, 1)?)?;
            let products = Vec::<f64>::try_from(products.f_to_kind(Kind::Double)?.f_view([-1])?)?;
            let places: Vec<[f64; 2]> = products.chunks(2).map(|pair| self.metric.solve([pair[0], pair[1]])).collect();
            let weights = Tensor::f_from_slice(&places.concat())?.f_view([-1, 2])?.f_to_kind(rows.f_kind()?)?;
            let left = rows.f_sub(&weights.f_matmul(&self.axes.directions)?)?;
            let distances = Vec::<f64>::try_from(lengths(&left)?.f_to_kind(Kind::Double)?.f_view([-1])?)?;
            found.extend(places.into_iter().zip(distances));
        }
        Ok(found)
    }

    /// Whether the present has moved so far that the plane shows little of where it is.
    pub(super) fn is_left(&self) -> bool {
        let Some(Point { station, place: [x, y], distance }) = self.points.last() else { return true };
        let [x0, x1, y0, y1] = self.extent;
        let inside = (x0..=x1).contains(x) && (y0..=y1).contains(y);
        let radius = self.metric.length((x1 - x0) / 2.0);
        !inside || *distance > self.planned.distance + DRIFT * radius || station.step > AGE * self.planned.station.step
    }

    /// The path with a margin, nearly square, and `least` units to each side of its middle.
    fn around(&self, least: f64) -> [f64; 4] {
        let ranges = [0, 1].map(|axis| {
            let places = self.points.iter().map(|point| point.place[axis]).filter(|place| place.is_finite());
            let (low, high) = places.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
            if low <= high { [low, high] } else { [0.0; 2] }
        });
        let half = ranges.map(|[low, high]| ((high - low) * (0.5 + MARGIN)).max(least));
        let longest = half[0].max(half[1]);
        let [[x0, x1], [y0, y1]] = [0, 1].map(|axis| {
            let middle = f64::midpoint(ranges[axis][0], ranges[axis][1]);
            let half = half[axis].max(SLIMMEST * longest);
            [middle - half, middle + half]
        });
        [x0, x1, y0, y1]
    }
}

/// Products of two directions, which need be neither perpendicular nor of length 1.
#[derive(Clone, Copy, Debug)]
struct Metric {
    first: f64,
    mixed: f64,
    second: f64,
}

impl Metric {
    /// Of `directions`, shape (2, parameters).
    fn new(directions: &Tensor) -> Result<Self, TchError> {
        let directions = directions.f_to_kind(Kind::Double)?;
        let products = directions.f_matmul(&directions.f_transpose(0, 1)?)?.f_view([-1])?;
        let products = Vec::<f64>::try_from(products)?;
        let [first, mixed, _, second] = products[..] else { return Err(TchError::Shape("not two directions".into())) };
        Ok(Self { first, mixed, second })
    }

    /// Coordinates of what has the products `[x, y]` with the directions: the least squares solution.
    fn solve(self, [x, y]: [f64; 2]) -> [f64; 2] {
        let Self { first, mixed, second } = self;
        let determinant = first * second - mixed * mixed;
        if determinant > 1e-12 * first * second {
            return [(second * x - mixed * y) / determinant, (first * y - mixed * x) / determinant];
        }
        // One direction is nothing, or both are one.
        let alone = |product: f64, square: f64| if square > 0.0 { product / square } else { 0.0 };
        if first > 0.0 { [alone(x, first), 0.0] } else { [0.0, alone(y, second)] }
    }

    /// Length in parameter space of so many units of the first axis.
    fn length(self, units: f64) -> f64 {
        units * self.first.sqrt()
    }
}
