//! What an autoencoder makes of a few pictures, as last recorded, and how far off it is.

use ndarray::{Array2, Array3, Array4, Axis, Zip};

use super::layout::Area;

/// Pictures, their codes and what is made of them.
#[derive(Debug, Clone, Default)]
pub struct Reconstruction {
    /// Step after which outputs and codes were taken.
    pub step: i64,
    /// Shape (n, channels, height, width).
    pub inputs: Option<Array4<f32>>,
    /// Class of each.
    pub labels: Vec<u32>,
    /// Shape (n, channels, height, width).
    pub outputs: Option<Array4<f32>>,
    /// Shape (n, units), after the activation.
    pub codes: Option<Array2<f32>>,
    /// Absolute error of every pixel, the mean of its channels, shape (n, height, width).
    pub differences: Option<Array3<f32>>,
    /// The run's loss on each.
    pub losses: Vec<f32>,
}

/// The smallest probability that a picture in the log can tell from 0: half a level of its 16 bits.
const LEAST: f32 = 0.5 / 65_535.0;

impl Reconstruction {
    /// Computes how far the outputs are from the inputs, each picture in the loss of that name: `bce`, else the mean square.
    pub(super) fn measure(&mut self, loss: &str) {
        self.differences = None;
        self.losses.clear();
        let (Some(inputs), Some(outputs)) = (&self.inputs, &self.outputs) else { return };
        if inputs.dim() != outputs.dim() {
            return;
        }
        let pixel: fn(f32, f32) -> f32 = if loss == "bce" { cross_entropy } else { |x, y| (x - y) * (x - y) };
        let mean = |x, y| {
            let (mut sum, mut count) = (0.0, 0_u32);
            Zip::from(x).and(y).for_each(|x: &f32, y: &f32| {
                sum += f64::from(pixel(*x, *y));
                count += 1;
            });
            (sum / f64::from(count)) as f32
        };
        self.losses = inputs.outer_iter().zip(outputs.outer_iter()).map(|(x, y)| mean(x, y)).collect();
        self.differences = (outputs - inputs).mapv(f32::abs).mean_axis(Axis(1));
    }

    /// Drops what was taken after `step` steps or more; what the network is shown stays what it is.
    pub(super) fn void_from(&mut self, step: i64) {
        if self.step >= step {
            (self.outputs, self.codes, self.differences) = (None, None, None);
            self.losses.clear();
        }
    }

    /// How the pictures stand in a place.
    pub fn strip(&self, area: Area) -> Strip {
        let (count, _, height, width) = self.outputs.as_ref().map_or((0, 1, 1, 1), Array4::dim);
        let units = self.codes.as_ref().map_or(0, |codes| codes.len_of(Axis(1)));
        Strip::fit(area, count, [height, width], units)
    }
}

fn cross_entropy(target: f32, output: f32) -> f32 {
    let output = output.clamp(LEAST, 1.0 - LEAST);
    -(target * output.ln() + (1.0 - target) * (1.0 - output).ln())
}

/// Columns of the rows' names.
pub const NAMES: u16 = 7;
/// Columns a picture has at the least, and columns between two.
const PICTURE: (u16, u16) = (10, 1);
/// Rows a picture has at the least before a row of pictures is left out.
const LEAST_ROWS: u16 = 4;

/// The geometry of pictures side by side: name, input, code, output, error, number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Strip {
    /// Pictures side by side.
    pub across: usize,
    /// Columns and rows of cells of each.
    pub tile: (u16, u16),
    /// Rows and columns of units of the code, one a cell; none where there is no room.
    pub code: Option<(u16, u16)>,
    /// Whether there is a row of errors.
    pub errors: bool,
    /// Free rows below each row of pictures.
    pub gap: u16,
}

impl Strip {
    /// For `count` pictures of so many rows and columns with a code of so many units: as many as can have ten columns, as
    /// large as the rows allow.
    fn fit(area: Area, count: usize, [height, width]: [usize; 2], units: usize) -> Self {
        let room = area.width.saturating_sub(NAMES);
        // A cell is two pixels high.
        let rows_of =
            |columns: u16| (u32::from(columns) * height as u32).div_ceil(2 * width.max(1) as u32).max(1) as u16;
        let columns_of = |rows: u16| (2 * u32::from(rows) * width as u32 / height.max(1) as u32).max(1) as u16;
        let code_at = |columns: u16| code_size(units, columns);
        let numbers = 2.min(area.height.saturating_sub(1));
        let rows = area.height - numbers;
        let least = rows_of(PICTURE.0).min(LEAST_ROWS);
        let code = code_at(PICTURE.0).filter(|(high, _)| rows >= high + 3 * least);
        let errors = rows.saturating_sub(code.map_or(0, |(high, _)| high)) >= 3 * least;
        let pictures = if errors { 3 } else { 2 };
        let fitting = |columns: u16| usize::from((room + PICTURE.1) / (columns + PICTURE.1)).clamp(1, count.max(1));
        let high = (rows - code.map_or(0, |(high, _)| high)) / pictures;
        let mut across = fitting(PICTURE.0);
        let wide = ((room + PICTURE.1) / across as u16).saturating_sub(PICTURE.1);
        let mut tile = (wide, rows_of(wide));
        if tile.1 > high {
            tile = (columns_of(high).min(wide), high);
            across = fitting(tile.0);
        }
        // A narrower picture could have a higher code than was planned for.
        let code = code.and_then(|(high, _)| code_at(tile.0).filter(|code| code.0 <= high));
        let used = pictures * tile.1 + code.map_or(0, |(high, _)| high);
        let gap = u16::from(rows >= used + pictures + u16::from(code.is_some()));
        Self { across, tile, code, errors, gap }
    }

    /// The first picture shown when that one is asked for: the last ones fill the place too.
    pub fn first(&self, asked: usize, count: usize) -> usize {
        asked.min(count.saturating_sub(self.across))
    }
}

/// Rows and columns of a code below a picture of so many columns: eight units a row, more where that gives too many rows.
fn code_size(units: usize, columns: u16) -> Option<(u16, u16)> {
    let wide = units.div_ceil(4).clamp(8, usize::from(columns.max(8))).min(units.max(1));
    let high = units.div_ceil(wide);
    (units > 0 && wide <= usize::from(columns) && high <= 8).then_some((high as u16, wide as u16))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn losses_are_those_of_the_definition() {
        let pictures = |values: Vec<f32>| Array4::from_shape_vec((2, 1, 1, 2), values).ok();
        let mut reconstruction = Reconstruction {
            inputs: pictures(vec![0.0, 1.0, 0.5, 0.25]),
            outputs: pictures(vec![0.5, 0.5, 0.5, 0.75]),
            ..Reconstruction::default()
        };
        reconstruction.measure("bce");
        let half = std::f32::consts::LN_2;
        assert!((reconstruction.losses[0] - half).abs() < 1e-6);
        let second = f32::midpoint(half, -(0.25 * 0.75_f32.ln() + 0.75 * 0.25_f32.ln()));
        assert!((reconstruction.losses[1] - second).abs() < 1e-6);
        reconstruction.measure("mse");
        assert_eq!(reconstruction.losses, [0.25, 0.125]);
        let differences = reconstruction.differences.unwrap();
        assert_eq!((differences.dim(), differences.into_raw_vec_and_offset().0), ((2, 1, 2), vec![0.5, 0.5, 0.0, 0.5]));
    }

    #[test]
    fn the_surest_error_is_finite_and_other_shapes_have_none() {
        let mut reconstruction = Reconstruction {
            inputs: Some(Array4::ones((1, 1, 2, 2))),
            outputs: Some(Array4::zeros((1, 1, 2, 2))),
            ..Reconstruction::default()
        };
        reconstruction.measure("bce");
        assert!(reconstruction.losses[0] > 10.0 && reconstruction.losses[0].is_finite());
        reconstruction.outputs = Some(Array4::zeros((2, 1, 2, 2)));
        reconstruction.measure("bce");
        assert!(reconstruction.losses.is_empty() && reconstruction.differences.is_none());
    }

    fn digits(width: u16, height: u16) -> Strip {
        Strip::fit(Area::new(0, 0, width, height), 10, [28, 28], 32)
    }

    #[test]
    fn as_many_digits_as_can_have_ten_columns() {
        let zoomed = digits(116, 35);
        assert_eq!((zoomed.across, zoomed.tile, zoomed.code, zoomed.gap), (10, (10, 5), Some((4, 8)), 1));
        let overview = digits(66, 21);
        assert_eq!((overview.across, overview.tile, overview.code, overview.gap), (5, (10, 5), Some((4, 8)), 0));
        let large = digits(196, 56);
        assert_eq!((large.across, large.tile), (10, (18, 9)));
        // Where there are few rows, first the code goes, then the errors.
        assert_eq!((digits(36, 14).code, digits(36, 14).errors), (None, true));
        assert!(!digits(36, 11).errors);
        assert_eq!(digits(196, 56).first(7, 10), 0);
        assert_eq!(overview.first(7, 10), 5);
    }

    proptest! {
        #[test]
        fn everything_fits(width in 0u16..300, height in 0u16..100, count in 0usize..40, units in 0usize..200, size in 1usize..90, wide in 1usize..90) {
            let strip = Strip::fit(Area::new(0, 0, width, height), count, [size, wide], units);
            prop_assert!(strip.across >= 1 && strip.across <= count.max(1));
            let rows = if strip.errors { 3 } else { 2 };
            let code = strip.code.map_or(0, |(high, _)| high + strip.gap);
            prop_assert!(height < 4 || rows * (strip.tile.1 + strip.gap) + code + 2 <= height + strip.gap, "{:?}", strip);
            let columns = u32::from(strip.tile.0 + 1) * strip.across as u32;
            prop_assert!(width < NAMES + 10 || columns + u32::from(NAMES) <= u32::from(width) + 1, "{:?}", strip);
        }
    }
}
