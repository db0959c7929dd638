use std::io::Cursor;

use image::codecs::png::{CompressionType, FilterType, PngDecoder, PngEncoder};
use image::{ColorType, ExtendedColorType, ImageDecoder, ImageEncoder, Limits};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::{ImageValue, LogError};

/// Pixel values run from 0 to this.
const LEVELS: f64 = u16::MAX as f64;
/// A picture of more rows or columns is not decoded: a few damaged bytes must not claim gigabytes.
const MAX_SIDE: u32 = 16_384;
/// Bytes that decoding one picture may take.
const MAX_ALLOCATION: u64 = 256 << 20;

/// What turns the pixels of a grid's picture back into values. It stands as JSON in the description of the image
/// summary, where `TensorBoard` shows it beside the picture.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GridMeta {
    /// Rows and columns.
    pub shape: [usize; 2],
    /// Value of pixel 0.
    pub min: f32,
    /// Value of pixel 65,535.
    pub max: f32,
    /// The layer whose output it is, if it is one's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<String>,
    /// `[x0, x1, y0, y1]`: x at the centres of the first and last column, y at those of the last (lowest) and first row.
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
        Self { values, meta: GridMeta { shape: [rows, columns], min, max, layer, extent } }
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
                "{height} rows and {width} columns of pixels for a shape of {:?}",
                meta.shape
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
        let values = pixels
            .chunks_exact(stride)
            .map(|pixel| match *pixel {
                [_, _, 0, 0] => f32::NAN,
                [low, high, ..] => (min + f64::from(u16::from_ne_bytes([low, high])) * per_level) as f32,
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
            return bad(format!("its shape is {rows} x {columns}, its metadata say {:?}", self.meta.shape));
        }
        let sides = (u32::try_from(columns), u32::try_from(rows));
        let (Ok(width @ 1..=MAX_SIDE), Ok(height @ 1..=MAX_SIDE)) = sides else {
            return bad(format!("{rows} rows and {columns} columns; both must be 1 to {MAX_SIDE}"));
        };
        let GridMeta { min, max, extent, .. } = &self.meta;
        if !(min.is_finite() && max.is_finite() && min <= max) {
            return bad(format!("its range is {min} to {max}; both must be finite and in this order"));
        }
        if extent.is_some_and(|edges| edges.iter().any(|edge| !edge.is_finite())) {
            return bad(format!("its extent is {extent:?}; all must be finite"));
        }
        Ok((width, height))
    }
}
