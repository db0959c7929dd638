use std::io::Cursor;

use image::codecs::png::{CompressionType, FilterType, PngDecoder, PngEncoder};
use image::{ColorType, ExtendedColorType, ImageDecoder, ImageEncoder, Limits};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::schema::Metadata;
use super::{ImageValue, LogError, Tiles};

/// Pixel values run from 0 to this.
pub(super) const LEVELS: f64 = u16::MAX as f64;
/// A picture of more rows or columns is not decoded: a few damaged bytes must not claim gigabytes.
const MAX_SIDE: u32 = 16_384;
/// Bytes that decoding one picture may take.
const MAX_ALLOCATION: u64 = 256 << 20;

/// What a picture of values is, and what turns its pixels back into them. It stands as JSON beside the picture, see
/// [`super::schema`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GridMeta {
    /// What it is.
    #[serde(flatten)]
    pub about: Metadata,
    /// Rows and columns.
    pub shape: [usize; 2],
    /// Value of pixel 0.
    pub min: f32,
    /// Value of pixel 65,535.
    pub max: f32,
    /// How the picture is cut into tiles, if it is an atlas of several maps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tiles: Option<Tiles>,
    /// How many tiles after each other make one picture, if that is more than one: three are red, green and blue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<usize>,
    /// `[x0, x1, y0, y1]`: x at the centres of the first and last column, y at those of the last row (the lowest) and
    /// the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extent: Option<[f64; 4]>,
}

/// Values over a plane, written as a picture and had back from it.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    /// Shape (rows, columns); row 0 is the top of the picture, the largest y.
    pub values: Array2<f32>,
    /// `shape` is that of `values`; values outside `min..=max` are written as the nearer of the two.
    pub meta: GridMeta,
}

impl Grid {
    /// A grid whose range is that of its finite values (0 to 0 if there are none).
    pub fn new(values: Array2<f32>, layer: Option<String>, extent: Option<[f64; 4]>) -> Self {
        let finite = values.iter().copied().filter(|value| value.is_finite());
        let (min, max) = finite.fold((f32::INFINITY, f32::NEG_INFINITY), |(lo, hi), v| (lo.min(v), hi.max(v)));
        let (min, max) = if min <= max { (min, max) } else { (0.0, 0.0) };
        let (rows, columns) = values.dim();
        let about = Metadata { layer, ..Metadata::default() };
        Self { values, meta: GridMeta { about, shape: [rows, columns], min, max, tiles: None, channels: None, extent } }
    }

    /// A 16-bit grey PNG. What comes back differs by at most half a level, 1/131,070 of the range.
    ///
    /// Non-finite values become transparent pixels (the picture then has an alpha channel) and come back as NaN.
    pub fn encode(&self) -> Result<ImageValue, LogError> {
        let (width, height) = self.check()?;
        let with_alpha = self.values.iter().any(|value| !value.is_finite());
        let min = f64::from(self.meta.min);
        let range = f64::from(self.meta.max) - min;
        let per_unit = if range > 0.0 { LEVELS / range } else { 0.0 };
        let mut pixels: Vec<u8> = Vec::with_capacity(self.values.len() * if with_alpha { 4 } else { 2 });
        for &value in &self.values {
            // Saturates at both ends, and sends NaN to 0.
            let level = ((f64::from(value) - min) * per_unit).round() as u16;
            // The encoder wants native order and swaps for itself.
            pixels.extend_from_slice(&level.to_ne_bytes());
            if with_alpha {
                let alpha = if value.is_finite() { u16::MAX } else { 0 };
                pixels.extend_from_slice(&alpha.to_ne_bytes());
            }
        }
        let color = if with_alpha { ExtendedColorType::La16 } else { ExtendedColorType::L16 };
        let mut png = Vec::new();
        PngEncoder::new_with_quality(&mut png, CompressionType::Fast, FilterType::Adaptive)
            .write_image(&pixels, width, height, color)
            .map_err(|error| LogError::BadGrid { reason: error.to_string() })?;
        Ok(ImageValue { width, height, png, meta: Some(self.meta.clone()) })
    }

    /// The values behind a picture that [`Grid::encode`] made.
    pub fn decode(image: &ImageValue) -> Result<Self, LogError> {
        let not_a_grid = |reason: String| LogError::NotAGrid { reason };
        let meta = image.meta.clone().ok_or_else(|| not_a_grid("no range and shape stand beside it".into()))?;
        let mut limits = Limits::default();
        limits.max_image_width = Some(MAX_SIDE);
        limits.max_image_height = Some(MAX_SIDE);
        limits.max_alloc = Some(MAX_ALLOCATION);
        let decoder = PngDecoder::with_limits(Cursor::new(&image.png), limits)
            .map_err(|error| not_a_grid(format!("no readable PNG ({error})")))?;
        let (width, height) = decoder.dimensions();
        let [rows, columns] = meta.shape;
        if (rows, columns) != (height as usize, width as usize) {
            return Err(not_a_grid(format!(
                "{height} rows and {width} columns of pixels for a shape of {rows} x {columns}"
            )));
        }
        let stride = match decoder.color_type() {
            ColorType::L16 => 2,
            ColorType::La16 => 4,
            other => return Err(not_a_grid(format!("its pixels are {other:?}, not 16-bit grey"))),
        };
        let size = decoder.total_bytes();
        if size > MAX_ALLOCATION {
            return Err(not_a_grid(format!("it takes {size} bytes")));
        }
        let mut pixels = vec![0; size as usize];
        decoder.read_image(&mut pixels).map_err(|error| not_a_grid(format!("no readable PNG ({error})")))?;
        let min = f64::from(meta.min);
        let per_level = (f64::from(meta.max) - min) / LEVELS;
        let is_atlas = meta.tiles.is_some();
        let values = pixels
            .chunks_exact(stride)
            .map(|pixel| match *pixel {
                [_, _, 0, 0] => f32::NAN,
                [low, high, ..] => {
                    let value = min + f64::from(u16::from_ne_bytes([low, high])) * per_level;
                    // An atlas has zero among its levels; only the rounding of its range is between them.
                    if is_atlas && value.abs() < per_level / 4.0 { 0.0 } else { value as f32 }
                }
                _ => f32::NAN,
            })
            .collect();
        let values = Array2::from_shape_vec((rows, columns), values).map_err(|error| not_a_grid(error.to_string()))?;
        Ok(Self { values, meta })
    }

    fn check(&self) -> Result<(u32, u32), LogError> {
        let bad = |reason: String| Err(LogError::BadGrid { reason });
        let (rows, columns) = self.values.dim();
        if self.meta.shape != [rows, columns] {
            let [said_rows, said_columns] = self.meta.shape;
            return bad(format!("its shape is {rows} x {columns}, its metadata say {said_rows} x {said_columns}"));
        }
        let sides = (u32::try_from(columns), u32::try_from(rows));
        let (Ok(width @ 1..=MAX_SIDE), Ok(height @ 1..=MAX_SIDE)) = sides else {
            return bad(format!("{rows} rows and {columns} columns; both must be 1 to {MAX_SIDE}"));
        };
        let GridMeta { min, max, extent, .. } = &self.meta;
        if !(min.is_finite() && max.is_finite() && min <= max) {
            return bad(format!("its range is {min} to {max}; both must be finite and in this order"));
        }
        if let Some([x0, x1, y0, y1]) = extent.filter(|edges| edges.iter().any(|edge| !edge.is_finite())) {
            return bad(format!("it reaches from {x0:e} to {x1:e} and from {y0:e} to {y1:e}, which is not finite"));
        }
        Ok((width, height))
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;
    use proptest::prelude::*;

    use super::*;

    fn through(grid: &Grid) -> Grid {
        Grid::decode(&grid.encode().unwrap()).unwrap()
    }

    #[test]
    fn the_picture_is_a_16_bit_grey_png_with_the_top_row_first() {
        let values = array![[1.0, 0.0, 0.5], [0.0, 0.25, 0.75]];
        let image = Grid::new(values, Some("dense2".into()), Some([-1.0, 1.0, 0.0, 2.0])).encode().unwrap();
        assert_eq!((image.width, image.height), (3, 2));
        let picture = image::load_from_memory(&image.png).unwrap();
        let image::DynamicImage::ImageLuma16(picture) = picture else { panic!("{:?}", picture.color()) };
        assert_eq!(picture.as_raw().as_slice(), [65_535, 0, 32_768, 0, 16_384, 49_151]);
        let json = serde_json::to_value(image.meta.unwrap()).unwrap();
        let expected = serde_json::json!(
            {"shape": [2, 3], "min": 0.0, "max": 1.0, "layer": "dense2", "extent": [-1.0, 1.0, 0.0, 2.0]}
        );
        assert_eq!(json, expected);
    }

    #[test]
    fn non_finite_values_come_back_as_nan_and_leave_the_range_alone() {
        let grid = Grid::new(array![[f32::NAN, -3.0], [f32::INFINITY, 5.0]], None, None);
        assert_eq!((grid.meta.min, grid.meta.max), (-3.0, 5.0));
        let back = through(&grid);
        assert_eq!(back.values.map(|value| value.is_nan()), array![[true, false], [true, false]]);
        assert_eq!((back.values[[0, 1]], back.values[[1, 1]]), (-3.0, 5.0));
        let none = through(&Grid::new(array![[f32::NAN]], None, None));
        assert!(none.values[[0, 0]].is_nan());
    }

    #[test]
    fn a_constant_grid_stays_constant() {
        let grid = Grid::new(Array2::from_elem((4, 5), 0.3), None, None);
        assert_eq!(through(&grid), grid);
    }

    #[test]
    fn values_outside_a_fixed_range_saturate() {
        let meta = GridMeta { shape: [1, 3], min: 0.0, max: 1.0, ..GridMeta::default() };
        let back = through(&Grid { values: array![[-0.1, 0.5, 1.1]], meta });
        assert_eq!((back.values[[0, 0]], back.values[[0, 2]]), (0.0, 1.0));
    }

    #[test]
    fn what_cannot_be_a_picture_is_refused() {
        let good = Grid::new(array![[0.0, 1.0]], None, None);
        let with = |change: fn(&mut Grid)| {
            let mut grid = good.clone();
            change(&mut grid);
            grid.encode().unwrap_err().to_string()
        };
        assert!(with(|grid| grid.values = Array2::zeros((0, 3))).contains("shape"));
        assert!(with(|grid| *grid = Grid::new(Array2::zeros((0, 3)), None, None)).contains("0 rows"));
        assert!(with(|grid| grid.meta.max = f32::NAN).contains("range"));
        assert!(with(|grid| grid.meta.min = 2.0).contains("range"));
        assert!(with(|grid| grid.meta.extent = Some([0.0, f64::NAN, 0.0, 1.0])).contains("which is not finite"));
    }

    #[test]
    fn what_holds_no_values_is_refused() {
        let good = Grid::new(array![[0.0, 1.0], [2.0, 3.0]], None, None).encode().unwrap();
        let with = |change: fn(&mut ImageValue)| {
            let mut image = good.clone();
            change(&mut image);
            Grid::decode(&image).unwrap_err().to_string()
        };
        assert!(with(|image| image.meta = None).contains("no range"));
        assert!(with(|image| image.meta.as_mut().unwrap().shape = [usize::MAX, 2]).contains("shape"));
        assert!(with(|image| image.png.clear()).contains("no readable PNG"));
        // Width in the header of the PNG, whose own checksum then fails or whose size is beyond the bound.
        assert!(with(|image| image.png[16] = 0x7f).contains("no readable PNG"));
        let mut eight_bit = good.clone();
        eight_bit.png.clear();
        PngEncoder::new(&mut eight_bit.png).write_image(&[0; 4], 2, 2, ExtendedColorType::L8).unwrap();
        assert!(Grid::decode(&eight_bit).unwrap_err().to_string().contains("16-bit"));
    }

    #[test]
    fn damaged_pictures_never_panic() {
        let image = Grid::new(array![[0.0, 1.0], [2.0, f32::NAN]], None, None).encode().unwrap();
        for at in 0..image.png.len() {
            for bit in 0..8 {
                let mut damaged = image.clone();
                damaged.png[at] ^= 1 << bit;
                let _ = Grid::decode(&damaged);
            }
            let mut cut = image.clone();
            cut.png.truncate(at);
            let _ = Grid::decode(&cut);
        }
    }

    proptest! {
        #[test]
        fn values_come_back_within_half_a_level(
            (rows, columns, values) in (1_usize..12, 1_usize..12).prop_flat_map(|(rows, columns)| {
                (Just(rows), Just(columns), prop::collection::vec(-1e30..1e30_f32, rows * columns))
            }),
            extent in prop::option::of(prop::array::uniform4(-1e3..1e3_f64)),
        ) {
            let values = Array2::from_shape_vec((rows, columns), values).unwrap();
            let grid = Grid::new(values, None, extent);
            let back = through(&grid);
            prop_assert_eq!(&back.meta, &grid.meta);
            let range = f64::from(grid.meta.max) - f64::from(grid.meta.min);
            // Half a level, and the rounding of the f32 that comes back.
            let bound = range / LEVELS * 0.5 + f64::from(grid.meta.max.abs().max(grid.meta.min.abs())) * 1.2e-7;
            for (value, back) in grid.values.iter().zip(&back.values) {
                prop_assert!((f64::from(*value) - f64::from(*back)).abs() <= bound);
            }
        }
    }
}
