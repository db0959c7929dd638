//! Pictures over a plane: the decision boundary, and the landscape of the loss.

use ndarray::Array2;

use super::Pixels;
use crate::app::{Boundary, Landscape, Point, Waypoint};
use crate::log::Grid;
use crate::plot::color::quantise;
use crate::plot::{Rgb, contour, grid};
use crate::view::palette::{self, Palette};
use crate::view::shade::Shade;
use crate::view::theme::{Role, Theme};

/// Shades of a class.
const STEPS: usize = 32;
/// How many lines of equal loss there are at the most.
const LINES: usize = 12;

/// Where a grid's plane lies among so many pixels.
struct Plane {
    extent: [f64; 4],
    size: (usize, usize),
}

impl Plane {
    /// As large as the room allows, in the shape of the plane.
    fn of(grid: &Grid, room: (usize, usize)) -> Self {
        let extent = grid.meta.extent.unwrap_or([0.0, 1.0, 0.0, 1.0]);
        let shape = (extent[1] - extent[0]) / (extent[3] - extent[2]);
        // A shape that is none, or too long to be one.
        let shape = if shape.is_finite() { shape.clamp(0.5, 2.0) } else { 1.0 };
        let (width, height) = (room.0 as f64, room.1 as f64);
        let wide = width.min(height * shape);
        Self { extent, size: ((wide.round() as usize).max(1), ((wide / shape).round() as usize).max(1)) }
    }

    fn pixel(&self, x: f64, y: f64) -> (f64, f64) {
        let [x0, x1, y0, y1] = self.extent;
        let (width, height) = (self.size.0 as f64 - 1.0, self.size.1 as f64 - 1.0);
        ((x - x0) / (x1 - x0) * width, (y1 - y) / (y1 - y0) * height)
    }

    /// What a line is wide and a mark is large at this size, in pixels.
    fn units(&self) -> (f64, f64) {
        let side = self.size.0.min(self.size.1) as f64;
        ((side / 260.0).max(0.5), (side / 75.0).max(0.9))
    }
}

fn ground(pixels: &mut Pixels, values: &Array2<f32>, color: impl Fn(f32) -> Rgb) {
    for ((y, x), value) in values.indexed_iter().filter(|(_, value)| value.is_finite()) {
        pixels.put(x, y, color(*value));
    }
}

fn lines(pixels: &mut Pixels, values: &Array2<f32>, level: f32, reach: f64, color: Rgb) {
    for (x, y) in contour::crossing(values, level) {
        pixels.disc((x as f64, y as f64), reach, color);
    }
}

/// The probability as the colour of its class, the line at one half, the data on top.
pub(super) fn boundary(boundary: &Boundary, theme: &Theme, room: (usize, usize)) -> Option<Pixels> {
    let grid = boundary.grid.as_ref()?;
    let plane = Plane::of(grid, room);
    let palette = Palette::of(theme.ground());
    let values = grid::resample(&grid.values, plane.size.0, plane.size.1);
    let mut pixels = Pixels::new(plane.size.0, plane.size.1, palette.ground);
    ground(&mut pixels, &values, |p| {
        // In steps, which compress to a third.
        let confidence = quantise((2.0 * p - 1.0).abs(), STEPS);
        palette.ground.lerp(palette.classes[usize::from(p > 0.5)], 0.06 + 0.5 * confidence)
    });
    let (line, mark) = plane.units();
    let color = |role| palette::role(theme.ground(), role);
    lines(&mut pixels, &values, 0.5, line, color(Role::Bright));
    let (wrong, right): (Vec<Point>, Vec<Point>) = boundary.points.iter().copied().partition(|point| point.is_wrong());
    for point in right.into_iter().chain(wrong) {
        let at = plane.pixel(point.x.into(), point.y.into());
        let class = palette.classes[(point.class as usize).min(1)];
        let light = class.lerp(palette.away, 0.55);
        if point.is_wrong() {
            pixels.cross(at, mark * 1.4, line * 1.8, palette.ground);
            pixels.cross(at, mark * 1.3, line, color(Role::Bad));
        } else if point.class == 0 {
            pixels.ring(at, mark * 0.9, line * 1.6, light);
        } else {
            pixels.disc(at, mark, light);
        }
    }
    Some(pixels)
}

/// The logarithm of the loss, lines of equal loss, and the way of the optimiser from its start (a ring) to now (a disc).
pub(super) fn landscape(landscape: &Landscape, theme: &Theme, room: (usize, usize)) -> Option<Pixels> {
    let (grid, range) = (landscape.grid.as_ref()?, landscape.range()?);
    let plane = Plane::of(grid, room);
    let floor = range.0.max(f32::MIN_POSITIVE);
    let logs = grid.values.mapv(|value| if value.is_finite() { value.max(floor).ln() } else { f32::NAN });
    let values = grid::resample(&logs, plane.size.0, plane.size.1);
    let palette = Palette::of(theme.ground());
    let mut pixels = Pixels::new(plane.size.0, plane.size.1, palette.ground);
    let ends = (range.0.ln(), range.1.ln());
    ground(&mut pixels, &values, |log| Shade::Ground.rgb(Shade::Ground.level(log, ends), theme.ground()));
    let (line, mark) = plane.units();
    let color = |role| palette::role(theme.ground(), role);
    for level in landscape.levels(LINES) {
        lines(&mut pixels, &values, level.ln(), line * 0.6, color(Role::Dim));
    }
    let place = |point: &Waypoint| plane.pixel(point.x, point.y);
    let last = landscape.path.len().saturating_sub(1).max(1) as f32;
    for (index, pair) in landscape.path.windows(2).enumerate() {
        let share = 2.0 * index as f32 / last;
        let [start, middle, end] = palette.trail;
        let color = if share < 1.0 { start.lerp(middle, share) } else { middle.lerp(end, share - 1.0) };
        pixels.stroke(place(&pair[0]), place(&pair[1]), line * 1.4, color);
    }
    if let (Some(start), Some(now)) = (landscape.path.first(), landscape.path.last()) {
        pixels.ring(place(start), mark * 1.4, line * 2.0, color(Role::Bright));
        pixels.disc(place(now), mark * 1.6, palette.ground);
        pixels.disc(place(now), mark * 1.2, color(Role::Bright));
    }
    Some(pixels)
}
