//! Several pictures in one: feature maps, hidden units, reconstructions.

use ndarray::{ArrayView2, ArrayView3, s};

use super::Pixels;
use crate::app::{App, Life, Picture, Reconstruction, Stage};
use crate::plot::raster::raster;
use crate::view::palette::{self, Palette};
use crate::view::panels::{WORST, shading};
use crate::view::shade::Shade;
use crate::view::theme::{Role, Theme};
use crate::view::widgets::Photo;

/// How so many tiles of so many rows and columns stand in a room of pixels: in rows of `across`, each so large.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Plan {
    across: usize,
    down: usize,
    tile: (usize, usize),
    gap: usize,
}

impl Plan {
    /// The plan with the largest tiles, enlarged by a whole number where that is possible.
    fn best(count: usize, [height, width]: [usize; 2], room: (usize, usize)) -> Self {
        let (height, width, count) = (height.max(1), width.max(1), count.max(1));
        let gap = if room.0.min(room.1) > 200 { 3 } else { 1 };
        let plan = |across: usize| {
            let down = count.div_ceil(across);
            let space = |room: usize, tiles: usize| (room + gap).checked_div(tiles).unwrap_or(0).saturating_sub(gap);
            let (wide, high) = (space(room.0, across), space(room.1, down));
            let times = (wide / width).min(high / height);
            let tile = if times > 0 {
                (width * times, height * times)
            } else if wide * height < high * width {
                (wide, wide * height / width)
            } else {
                (high * width / height, high)
            };
            Self { across, down, tile: (tile.0.max(1), tile.1.max(1)), gap }
        };
        let full = |plan: &Self| plan.across * plan.down == count;
        // A little smaller is better if no row is left half empty; of equally large ones the first, with the fewest columns.
        let better = |next: &Self, best: &Self| match (full(next), full(best)) {
            (true, false) => 10 * next.tile.0 >= 8 * best.tile.0,
            (false, true) => 8 * next.tile.0 > 10 * best.tile.0,
            _ => next.tile.0 > best.tile.0,
        };
        (2..=count).map(plan).fold(plan(1), |best, next| if better(&next, &best) { next } else { best })
    }

    fn size(&self) -> (usize, usize) {
        let side = |tiles: usize, each: usize| tiles * (each + self.gap) - self.gap;
        (side(self.across, self.tile.0), side(self.down, self.tile.1))
    }

    fn place(&self, index: usize) -> (usize, usize) {
        let (row, column) = (index / self.across, index % self.across);
        (column * (self.tile.0 + self.gap), row * (self.tile.1 + self.gap))
    }

    fn canvas(&self, theme: &Theme) -> Pixels {
        let (width, height) = self.size();
        Pixels::new(width, height, Palette::of(theme.ground()).ground)
    }
}

fn tile(
    pixels: &mut Pixels,
    at: (usize, usize),
    size: (usize, usize),
    values: ArrayView2<'_, f32>,
    (shade, range): (Shade, (f32, f32)),
    theme: &Theme,
) {
    for ((y, x), value) in raster(values, size.0, size.1).indexed_iter() {
        pixels.put(at.0 + x, at.1 + y, shade.rgb(shade.level(*value, range), theme.ground()));
    }
}

/// Marks a tile: dead ones have a cross, silent ones a dot.
fn mark(pixels: &mut Pixels, at: (usize, usize), size: (usize, usize), life: Life, theme: &Theme) {
    let middle = (at.0 as f64 + (size.0 as f64 - 1.0) / 2.0, at.1 as f64 + (size.1 as f64 - 1.0) / 2.0);
    let reach = (size.0.min(size.1) as f64 / 40.0).max(0.5);
    // Silent tiles are dark: where there is no sign zero is the bottom of viridis.
    let color = |role, ground| palette::role(ground, role);
    match life {
        Life::Active => {}
        Life::Silent => pixels.disc(middle, reach * 2.0, color(Role::Text, palette::Ground::Dark)),
        Life::Dead => pixels.cross(middle, reach * 6.0, reach, color(Role::Warn, theme.ground())),
    }
}

/// The maps of a layer.
pub(super) fn maps(app: &App, picture: &Picture, theme: &Theme, room: (usize, usize)) -> Pixels {
    let plan = Plan::best(picture.channels.len(), picture.size(), room);
    let mut pixels = plan.canvas(theme);
    for (index, channel) in picture.order.iter().enumerate() {
        map_at(&mut pixels, plan.place(index), plan.tile, app, picture, *channel, theme);
    }
    pixels
}

/// One map.
pub(super) fn map(app: &App, picture: &Picture, channel: usize, theme: &Theme, room: (usize, usize)) -> Pixels {
    let plan = Plan::best(1, picture.size(), room);
    let mut pixels = plan.canvas(theme);
    map_at(&mut pixels, (0, 0), plan.tile, app, picture, channel, theme);
    pixels
}

fn map_at(
    pixels: &mut Pixels,
    at: (usize, usize),
    size: (usize, usize),
    app: &App,
    picture: &Picture,
    channel: usize,
    theme: &Theme,
) {
    let life = app.model.maps.life(picture, channel);
    let dead = life == Life::Dead && picture.stage == Stage::After;
    if let Some(values) = picture.map(channel) {
        // Where zero is when there are signs: what is dead has no values to show.
        let zero = (Shade::Diverging, (-1.0, 1.0));
        let look = if dead { zero } else { shading(app.maps.scale, picture, channel) };
        tile(pixels, at, size, values, look, theme);
    }
    mark(pixels, at, size, life, theme);
}

/// What hidden units say over the plane, each in its own range.
pub(super) fn units(app: &App, picture: &Picture, theme: &Theme, room: (usize, usize)) -> Pixels {
    let plan = Plan::best(picture.channels.len(), picture.size(), room);
    let mut pixels = plan.canvas(theme);
    for (index, unit) in picture.order.iter().enumerate() {
        let (at, extent) = (plan.place(index), picture.channels[*unit].extent());
        if let Some(values) = picture.map(*unit) {
            tile(&mut pixels, at, plan.tile, values, (Shade::Diverging, (-extent, extent)), theme);
        }
        if app.model.maps.life(picture, *unit) == Life::Dead {
            mark(&mut pixels, at, plan.tile, Life::Dead, theme);
        }
    }
    pixels
}

/// Inputs above, outputs below, errors at the bottom.
pub(super) fn reconstruction(shown: &Reconstruction, theme: &Theme, room: (usize, usize)) -> Option<Pixels> {
    let outputs = shown.outputs.as_ref()?;
    let (count, _, height, width) = outputs.dim();
    let sets: Vec<_> = [shown.inputs.as_ref(), Some(outputs)].into_iter().flatten().collect();
    let rows = sets.len() + usize::from(shown.differences.is_some());
    // In the end as many side by side as there are, however small: one plan for a sheet of whole columns.
    let plan = Plan::best(count, [height * rows, width], room);
    let size = (plan.tile.0, (plan.tile.1 / rows).max(1));
    let mut pixels = plan.canvas(theme);
    for index in 0..count {
        let (x, y) = plan.place(index);
        for (row, set) in sets.iter().enumerate().filter(|(_, set)| index < set.dim().0) {
            photo_at(&mut pixels, (x, y + row * size.1), size, set.slice(s![index, .., .., ..]), theme);
        }
        if let Some(set) = shown.differences.as_ref().filter(|set| index < set.dim().0) {
            let values = set.slice(s![index, .., ..]);
            tile(&mut pixels, (x, y + sets.len() * size.1), size, values, (Shade::Heat, (0.0, WORST)), theme);
        }
    }
    Some(pixels)
}

/// A single picture of pixels in 0..=1, shape (channels, rows, columns).
pub(super) fn photo(channels: ArrayView3<'_, f32>, theme: &Theme, room: (usize, usize)) -> Pixels {
    let plan = Plan::best(1, Photo { channels }.size(), room);
    let mut pixels = plan.canvas(theme);
    photo_at(&mut pixels, (0, 0), plan.tile, channels, theme);
    pixels
}

fn photo_at(
    pixels: &mut Pixels,
    at: (usize, usize),
    size: (usize, usize),
    channels: ArrayView3<'_, f32>,
    theme: &Theme,
) {
    let photo = Photo { channels };
    let Some(colours) = photo.colours() else {
        return tile(pixels, at, size, photo.grey().view(), (Shade::Grey, (0.0, 1.0)), theme);
    };
    let [red, green, blue] = colours.map(|values| raster(values, size.0, size.1));
    for ((y, x), red) in red.indexed_iter() {
        pixels.put(at.0 + x, at.1 + y, Photo::rgb([*red, green[(y, x)], blue[(y, x)]]));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tiles_are_as_large_as_they_can_be() {
        let plan = Plan::best(32, [26, 26], (800, 400));
        assert_eq!((plan.across, plan.down, plan.tile), (8, 4, (78, 78)));
        assert_eq!(Plan::best(1, [28, 28], (100, 60)).tile, (56, 56));
        assert_eq!(Plan::best(1, [512, 1024], (100, 60)).tile, (100, 50));
    }

    proptest! {
        #[test]
        fn plans_fit_and_hold_everything(
            count in 1_usize..80, rows in 1_usize..60, columns in 1_usize..60, width in 60_usize..900, height in 60_usize..900
        ) {
            let plan = Plan::best(count, [rows, columns], (width, height));
            prop_assert!(plan.across * plan.down >= count);
            // One pixel a tile is the least there is, in a room that has not even that.
            let roomy = width > 4 * count * columns && height > 4 * count * rows;
            prop_assert!(!roomy || (plan.size().0 <= width && plan.size().1 <= height), "{plan:?}");
        }
    }
}
