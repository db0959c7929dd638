//! Pixels, and what is drawn with them.

use crate::plot::Rgb;

/// A picture, row by row from the top, three bytes a pixel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pixels {
    /// Pixels across.
    pub width: usize,
    /// Pixels down.
    pub height: usize,
    /// Red, green and blue of every pixel.
    pub rgb: Vec<u8>,
}

impl Pixels {
    /// A picture of one colour.
    pub(super) fn new(width: usize, height: usize, Rgb(r, g, b): Rgb) -> Self {
        Self { width, height, rgb: [r, g, b].repeat(width * height) }
    }

    /// The colour of a pixel; black outside.
    pub fn at(&self, x: usize, y: usize) -> Rgb {
        let place = 3 * (y * self.width + x);
        match self.rgb.get(place..place + 3) {
            Some([r, g, b]) if x < self.width => Rgb(*r, *g, *b),
            _ => Rgb(0, 0, 0),
        }
    }

    /// Colours a pixel; nothing outside.
    pub(super) fn put(&mut self, x: usize, y: usize, Rgb(r, g, b): Rgb) {
        let place = 3 * (y * self.width + x);
        if let Some(pixel) = self.rgb.get_mut(place..place + 3).filter(|_| x < self.width) {
            pixel.copy_from_slice(&[r, g, b]);
        }
    }

    /// Everything nearer than `reach` pixels to the line between two places, with soft edges.
    pub(super) fn stroke(&mut self, from: (f64, f64), to: (f64, f64), reach: f64, color: Rgb) {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length = dx * dx + dy * dy;
        self.paint([from, to], reach, color, |x, y| {
            let along = if length > 0.0 { ((x - from.0) * dx + (y - from.1) * dy) / length } else { 0.0 };
            let along = along.clamp(0.0, 1.0);
            (x - from.0 - along * dx).hypot(y - from.1 - along * dy) - reach
        });
    }

    /// A disc.
    pub(super) fn disc(&mut self, at: (f64, f64), radius: f64, color: Rgb) {
        self.stroke(at, at, radius, color);
    }

    /// A circle whose line is so wide.
    pub(super) fn ring(&mut self, at: (f64, f64), radius: f64, wide: f64, color: Rgb) {
        self.paint([at, at], radius + wide, color, |x, y| ((x - at.0).hypot(y - at.1) - radius).abs() - wide / 2.0);
    }

    /// A cross.
    pub(super) fn cross(&mut self, at: (f64, f64), radius: f64, reach: f64, color: Rgb) {
        let (left, right, top, bottom) = (at.0 - radius, at.0 + radius, at.1 - radius, at.1 + radius);
        self.stroke((left, top), (right, bottom), reach, color);
        self.stroke((left, bottom), (right, top), reach, color);
    }

    /// Mixes a colour in where the distance from a shape's edge, in pixels, is below a half; negative is inside.
    fn paint(&mut self, ends: [(f64, f64); 2], reach: f64, color: Rgb, edge: impl Fn(f64, f64) -> f64) {
        if ends.iter().any(|end| !(end.0.is_finite() && end.1.is_finite())) {
            return;
        }
        // Casts saturate: what lies outside is cut off.
        let span = |a: f64, b: f64, room: usize| {
            let (lo, hi) = (a.min(b) - reach - 1.0, a.max(b) + reach + 2.0);
            (lo.max(0.0) as usize).min(room)..(hi.max(0.0) as usize).min(room)
        };
        for y in span(ends[0].1, ends[1].1, self.height) {
            for x in span(ends[0].0, ends[1].0, self.width) {
                let covered = (0.5 - edge(x as f64, y as f64)).clamp(0.0, 1.0);
                if covered > 0.0 {
                    self.put(x, y, self.at(x, y).lerp(color, covered as f32));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLACK: Rgb = Rgb(0, 0, 0);
    const WHITE: Rgb = Rgb(255, 255, 255);

    fn lit(pixels: &Pixels) -> Vec<(usize, usize)> {
        let all = (0..pixels.height).flat_map(|y| (0..pixels.width).map(move |x| (x, y)));
        all.filter(|(x, y)| pixels.at(*x, *y) != BLACK).collect()
    }

    #[test]
    fn shapes_cover_what_they_should() {
        let mut disc = Pixels::new(9, 9, BLACK);
        disc.disc((4.0, 4.0), 2.0, WHITE);
        assert_eq!(disc.at(4, 4), WHITE);
        assert!(lit(&disc).iter().all(|(x, y)| x.abs_diff(4).pow(2) + y.abs_diff(4).pow(2) <= 8));
        let mut ring = Pixels::new(9, 9, BLACK);
        ring.ring((4.0, 4.0), 3.0, 1.0, WHITE);
        assert_eq!((ring.at(4, 4), ring.at(1, 4), ring.at(4, 7)), (BLACK, WHITE, WHITE));
        let mut line = Pixels::new(9, 9, BLACK);
        line.stroke((1.0, 4.0), (7.0, 4.0), 0.5, WHITE);
        assert_eq!(lit(&line), (1..=7).map(|x| (x, 4)).collect::<Vec<_>>());
    }

    #[test]
    fn what_lies_outside_is_cut_off() {
        let mut pixels = Pixels::new(4, 3, BLACK);
        pixels.stroke((-1e300, 1.0), (1e300, 1.0), 0.5, WHITE);
        assert!(lit(&pixels).iter().all(|(_, y)| *y == 1));
        pixels.disc((f64::NAN, 1.0), 2.0, WHITE);
        pixels.cross((90.0, -90.0), 3.0, 1.0, WHITE);
        pixels.put(4, 0, WHITE);
        assert_eq!((pixels.at(0, 1), pixels.at(9, 9), pixels.rgb.len()), (pixels.at(1, 1), BLACK, 36));
        Pixels::new(0, 0, BLACK).disc((0.0, 0.0), 9.0, WHITE);
    }
}
