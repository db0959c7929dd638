//! Several maps of one size in one picture, as a contact sheet.

use ndarray::{Array2, Array3, Array4, ArrayView3, ArrayView4, s};
use serde::{Deserialize, Serialize};

use super::Grid;
use super::grid::LEVELS;

/// How an atlas is cut: row by row from the top left, `columns` tiles a row, without gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tiles {
    /// How many there are; what is left of the last row is filled with the smallest value.
    pub count: usize,
    /// Rows of a tile.
    pub height: usize,
    /// Columns of a tile.
    pub width: usize,
    /// Tiles side by side.
    pub columns: usize,
}

impl Tiles {
    /// About as high as wide.
    fn square(count: usize, height: usize, width: usize) -> Self {
        let columns = ((count * height) as f64 / width.max(1) as f64).sqrt().round() as usize;
        Self { count, height, width, columns: columns.clamp(1, count.max(1)) }
    }

    /// Row and column of the first pixel of tile `index`.
    fn corner(self, index: usize) -> [usize; 2] {
        [index / self.columns * self.height, index % self.columns * self.width]
    }

    /// Rows and columns of the whole; none where that is more than a picture can have.
    fn size(self) -> Option<[usize; 2]> {
        let rows = self.count.checked_add(self.columns.checked_sub(1)?)? / self.columns;
        Some([rows.checked_mul(self.height)?, self.columns.checked_mul(self.width)?])
    }
}

impl Grid {
    /// The picture of `maps`, shape (count, height, width), whose range is that of its finite values.
    pub fn atlas(maps: ArrayView3<'_, f32>, layer: Option<String>) -> Self {
        let (count, height, width) = maps.dim();
        let tiles = Tiles::square(count, height, width);
        let finite = maps.iter().copied().filter(|value| value.is_finite());
        let ground = finite.fold(f32::INFINITY, f32::min);
        let [rows, columns] = tiles.size().unwrap_or([0, 0]);
        let mut values = Array2::from_elem((rows, columns), if ground.is_finite() { ground } else { 0.0 });
        for (index, map) in maps.outer_iter().enumerate() {
            let [top, left] = tiles.corner(index);
            values.slice_mut(s![top..top + height, left..left + width]).assign(&map);
        }
        let mut grid = Self::new(values, layer, None);
        grid.meta.tiles = Some(tiles);
        (grid.meta.min, grid.meta.max) = around_zero(grid.meta.min, grid.meta.max);
        grid
    }

    /// The atlas of `pictures`, shape (count, channels, height, width), the channels of each after each other.
    ///
    /// # Panics
    /// Never: the same numbers in the same order are as many.
    pub fn pictures_atlas(pictures: ArrayView4<'_, f32>, layer: Option<String>) -> Self {
        let (count, channels, height, width) = pictures.dim();
        let maps = pictures.to_shape((count * channels, height, width)).expect("the same numbers in the same order");
        let mut grid = Self::atlas(maps.view(), layer);
        grid.meta.channels = (channels > 1).then_some(channels);
        grid
    }

    /// The pictures of an atlas, shape (count, channels, height, width). None where the metadata do not fit.
    pub fn pictures(&self) -> Option<Array4<f32>> {
        let maps = self.maps()?;
        let (count, height, width) = maps.dim();
        let channels = self.meta.channels.unwrap_or(1);
        if channels == 0 || !count.is_multiple_of(channels) {
            return None;
        }
        maps.into_shape_with_order((count / channels, channels, height, width)).ok()
    }

    /// The maps of an atlas, shape (count, height, width); a picture that is none is one map. None where the metadata do
    /// not fit the picture.
    pub fn maps(&self) -> Option<Array3<f32>> {
        let (rows, columns) = self.values.dim();
        let whole = Tiles { count: 1, height: rows, width: columns, columns: 1 };
        let tiles = self.meta.tiles.unwrap_or(whole);
        if tiles.size()? != [rows, columns] {
            return None;
        }
        let mut maps = Array3::zeros((tiles.count, tiles.height, tiles.width));
        for (index, mut map) in maps.outer_iter_mut().enumerate() {
            let [top, left] = tiles.corner(index);
            map.assign(&self.values.slice(s![top..top + tiles.height, left..left + tiles.width]));
        }
        Some(maps)
    }
}

/// The range, widened by less than a level of its picture where it has both signs, so that zero is a level: what an
/// activation made zero must not come back as a little more.
fn around_zero(min: f32, max: f32) -> (f32, f32) {
    if min >= 0.0 || max <= 0.0 {
        return (min, max);
    }
    let (below, above) = (f64::from(-min), f64::from(max));
    let levels = (below / (below + above) * LEVELS).round().clamp(1.0, LEVELS - 1.0);
    let step = (below / levels).max(above / (LEVELS - levels));
    ((-step * levels) as f32, (step * (LEVELS - levels)) as f32)
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;

    use super::*;

    #[test]
    fn maps_come_back_from_the_picture() {
        for (count, height, width) in [(1, 1, 1), (32, 26, 26), (10, 1, 1), (7, 3, 5), (64, 2, 9), (3, 40, 1)] {
            let maps = Array3::from_shape_fn((count, height, width), |(n, y, x)| (n * 100 + y * 10 + x) as f32);
            let atlas = Grid::atlas(maps.view(), Some("conv1".into()));
            let back = Grid::decode(&atlas.encode().unwrap()).unwrap();
            assert_eq!(back.meta, atlas.meta);
            let back = back.maps().unwrap();
            assert_eq!(back.dim(), maps.dim());
            let range = atlas.meta.max - atlas.meta.min;
            assert!(maps.iter().zip(&back).all(|(a, b)| (a - b).abs() <= range / 65_535.0), "{count} {height} {width}");
        }
    }

    #[test]
    fn zero_comes_back_as_zero() {
        for (min, max) in [(-0.31_f32, 0.877), (-1e-3, 5.0), (-7.7, 1e-4), (-3e-7, 2.0), (-2.0, 3e-7)] {
            let maps = Array3::from_shape_vec((1, 1, 4), vec![min, 0.0, max, min / 2.0]).unwrap();
            let back = Grid::decode(&Grid::atlas(maps.view(), None).encode().unwrap()).unwrap().maps().unwrap();
            assert_eq!(back[[0, 0, 1]], 0.0, "{min} {max}");
            let level = (max - min) / 65_535.0;
            assert!(maps.iter().zip(&back).all(|(a, b)| (a - b).abs() <= level), "{min} {max}: {back}");
        }
    }

    #[test]
    fn pictures_in_colour_come_back_with_their_channels() {
        let pictures = Array4::from_shape_fn((5, 3, 2, 4), |(n, c, y, x)| (n * 1000 + c * 100 + y * 10 + x) as f32);
        let atlas = Grid::pictures_atlas(pictures.view(), None);
        let back = Grid::decode(&atlas.encode().unwrap()).unwrap();
        assert_eq!(back.meta.channels, Some(3));
        let back = back.pictures().unwrap();
        assert_eq!(back.dim(), (5, 3, 2, 4));
        assert!(pictures.iter().zip(&back).all(|(a, b)| (a - b).abs() < 0.1));
        // Those of one channel are written as they always were.
        let grey = Grid::pictures_atlas(pictures.slice(s![.., ..1, .., ..]), None);
        assert_eq!((grey.meta.channels, grey.pictures().unwrap().dim()), (None, (5, 1, 2, 4)));
        for channels in [0, 4, 16, usize::MAX] {
            let mut odd = atlas.clone();
            odd.meta.channels = Some(channels);
            assert_eq!(odd.pictures(), None, "{channels}");
        }
    }

    #[test]
    fn a_plain_grid_is_one_map() {
        let grid = Grid::new(Array2::from_elem((2, 3), 1.5), None, None);
        assert_eq!(grid.maps().unwrap().dim(), (1, 2, 3));
    }

    #[test]
    fn metadata_that_do_not_fit_give_nothing() {
        let mut grid = Grid::atlas(Array3::zeros((6, 2, 2)).view(), None);
        for tiles in [
            Tiles { count: 7, height: 2, width: 2, columns: 2 },
            Tiles { count: 6, height: 2, width: 2, columns: 0 },
            Tiles { count: usize::MAX, height: usize::MAX, width: 2, columns: 2 },
            Tiles { count: 2, height: usize::MAX, width: 2, columns: 1 },
        ] {
            grid.meta.tiles = Some(tiles);
            assert_eq!(grid.maps(), None, "{tiles:?}");
        }
    }
}
