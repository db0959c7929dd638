//! Pixels of a picture, in colour where it has some.

use ndarray::{Array2, ArrayView2, ArrayView3, Axis};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::Tile;
use crate::plot::Rgb;
use crate::view::shade::Shade;
use crate::view::theme::Theme;

/// Steps of each colour: a frame differs from the last in few cells.
const STEPS: f32 = 31.0;

/// A picture of pixels from 0 to 1: three channels are red, green and blue, any other number is shown as their mean in grey.
#[derive(Debug, Clone, Copy)]
pub struct Photo<'a> {
    /// Shape (channels, rows, columns), row 0 at the top.
    pub channels: ArrayView3<'a, f32>,
}

impl Photo<'_> {
    /// Rows and columns of pixels.
    pub fn size(&self) -> [usize; 2] {
        let (_, rows, columns) = self.channels.dim();
        [rows, columns]
    }

    /// Red, green and blue, if it has them.
    pub fn colours(&self) -> Option<[ArrayView2<'_, f32>; 3]> {
        (self.channels.len_of(Axis(0)) == 3)
            .then(|| [0, 1, 2].map(|channel| self.channels.index_axis(Axis(0), channel)))
    }

    /// The picture in grey.
    pub fn grey(&self) -> Array2<f32> {
        match self.colours() {
            Some([red, green, blue]) => {
                let luma = |((red, green), blue): ((&f32, &f32), &f32)| 0.299 * red + 0.587 * green + 0.114 * blue;
                let pixels = red.iter().zip(green).zip(blue).map(luma).collect();
                Array2::from_shape_vec(red.dim(), pixels).unwrap_or_default()
            }
            None => self.channels.mean_axis(Axis(0)).unwrap_or_default(),
        }
    }

    /// The colour of a pixel, in few steps.
    pub fn rgb(channels: [f32; 3]) -> Rgb {
        let [red, green, blue] = channels.map(|value| {
            let step = (value.clamp(0.0, 1.0) * STEPS).round() / STEPS;
            (step * 255.0) as u8
        });
        Rgb(red, green, blue)
    }

    /// Draws into `area`, all of it, as [`Tile`] does.
    pub fn render(&self, theme: &Theme, area: Rect, buf: &mut Buffer) {
        let in_colour = self.colours().filter(|_| theme.has_tints() && !theme.ascii());
        let Some(colours) = in_colour else {
            let grey = self.grey();
            Tile { values: grey.view(), colors: Shade::Grey, range: (0.0, 1.0) }.render(theme, area, buf);
            return;
        };
        let area = area.intersection(buf.area);
        if area.is_empty() || self.channels.is_empty() {
            return;
        }
        let pixels = colours.map(|values| Tile::pixels(values, area, true));
        let at = |row: usize, column: usize| {
            let [Some(red), Some(green), Some(blue)] =
                [0, 1, 2].map(|channel: usize| pixels[channel].get((row, column)))
            else {
                return None;
            };
            let channels = [*red, *green, *blue];
            channels.iter().all(|value| value.is_finite()).then(|| theme.nearest(Self::rgb(channels)))
        };
        for (column, x) in (area.left()..area.right()).enumerate() {
            for (row, y) in (area.top()..area.bottom()).enumerate() {
                let Some(cell) = buf.cell_mut((x, y)) else { continue };
                cell.reset();
                match (at(2 * row, column), at(2 * row + 1, column)) {
                    (Some(above), Some(below)) if above == below => {
                        cell.set_bg(above);
                    }
                    (Some(above), Some(below)) => {
                        cell.set_symbol("▀").set_fg(above).set_bg(below);
                    }
                    (Some(above), None) => {
                        cell.set_symbol("▀").set_fg(above);
                    }
                    (None, Some(below)) => {
                        cell.set_symbol("▄").set_fg(below);
                    }
                    (None, None) => {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array3, array};
    use ratatui::style::Color;

    use super::*;
    use crate::view::theme::{ColorDepth, Glyphs};

    fn draw(channels: &Array3<f32>, depth: ColorDepth, glyphs: Glyphs, size: (u16, u16)) -> Buffer {
        let mut buf = Buffer::empty(Rect::new(0, 0, size.0, size.1));
        let area = buf.area;
        Photo { channels: channels.view() }.render(&Theme::new(depth, glyphs), area, &mut buf);
        buf
    }

    /// Two pixels above each other: red over blue.
    fn flag() -> Array3<f32> {
        array![[[1.0], [0.0]], [[0.0], [0.0]], [[0.0], [1.0]]]
    }

    #[test]
    fn three_channels_are_colours() {
        let buf = draw(&flag(), ColorDepth::TrueColor, Glyphs::Braille, (1, 1));
        let cell = &buf[(0, 0)];
        assert_eq!((cell.symbol(), cell.fg, cell.bg), ("▀", Color::Rgb(255, 0, 0), Color::Rgb(0, 0, 255)));
        let large = draw(&flag(), ColorDepth::TrueColor, Glyphs::Braille, (2, 2));
        assert_eq!([large[(1, 0)].bg, large[(1, 1)].bg], [Color::Rgb(255, 0, 0), Color::Rgb(0, 0, 255)]);
        let few = draw(&flag(), ColorDepth::Ansi256, Glyphs::Block, (1, 1));
        assert_ne!(few[(0, 0)].fg, few[(0, 0)].bg);
    }

    #[test]
    fn without_colours_they_are_grey() {
        for (depth, glyphs) in [(ColorDepth::Mono, Glyphs::Block), (ColorDepth::TrueColor, Glyphs::Ascii)] {
            let green_over_blue = array![[[0.0], [0.0]], [[1.0], [0.0]], [[0.0], [1.0]]];
            let buf = draw(&green_over_blue, depth, glyphs, (1, 2));
            assert_ne!(buf[(0, 0)].symbol(), buf[(0, 1)].symbol(), "green is lighter: {depth:?} {glyphs:?}");
        }
        let photo = Array3::from_elem((2, 1, 1), 0.5);
        assert_eq!(Photo { channels: photo.view() }.grey(), array![[0.5]], "two channels are none of the colours");
    }

    #[test]
    fn any_size_and_any_number_into_any_room() {
        for (channels, rows, columns) in [(0, 0, 0), (3, 0, 4), (3, 1, 1), (1, 5, 2), (4, 2, 2)] {
            for size in [(0, 0), (1, 1), (7, 3)] {
                draw(
                    &Array3::from_elem((channels, rows, columns), f32::NAN),
                    ColorDepth::TrueColor,
                    Glyphs::Block,
                    size,
                );
            }
        }
    }
}
