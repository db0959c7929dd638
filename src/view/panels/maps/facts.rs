//! What can be said of one map, in words and pictures that stand beside it.

use ndarray::{ArrayView2, Axis};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_width::UnicodeWidthStr;

use super::super::super::shade::Shade;
use super::super::super::theme::{ColorDepth, Role, Theme};
use super::super::super::widgets::{Row, Tile};
use super::value;
use crate::app::{App, Channel, Life, Picture};
use crate::plot::format;
use crate::recipe::{Layer, LayerKind};

/// The layer of a picture, if the network is known.
pub(super) fn layer<'a>(app: &'a App, picture: &Picture) -> Option<&'a Layer> {
    let network = app.model.network()?;
    network.layers.get(network.position(&picture.layer)?)
}

/// What the numbers of a map are called, with the numbers.
pub(super) fn numbers(picture: &Picture, channel: &Channel) -> Vec<(&'static str, String)> {
    if picture.size() == [1, 1] {
        return vec![("value", value(channel.max))];
    }
    let mut all = vec![
        ("min", value(channel.min)),
        ("max", value(channel.max)),
        ("mean", value(channel.mean)),
        ("zeros", format::percent(f64::from(channel.zeros))),
    ];
    if channel.missing > 0 {
        all.push(("not finite", channel.missing.to_string()));
    }
    all
}

/// Writes names and numbers, as many as fit whole.
pub(super) fn put_numbers(theme: &Theme, numbers: &[(&'static str, String)], row: &mut Row<'_>) {
    for (name, number) in numbers {
        if name.width() + number.width() < usize::from(row.room()) {
            let role = if *name == "not finite" { Role::Bad } else { Role::Text };
            row.put(name, theme.style(Role::Dim)).gap(1).put(number, theme.style(role)).gap(2);
        }
    }
}

/// How many channels of the layer are dead, and how many silent on this picture.
pub(super) fn idle(app: &App, picture: &Picture) -> (usize, usize) {
    let lives = (0..picture.channels.len()).map(|channel| app.model.maps.life(picture, channel));
    lives.fold((0, 0), |(dead, silent), life| match life {
        Life::Dead => (dead + 1, silent),
        Life::Silent => (dead, silent + 1),
        Life::Active => (dead, silent),
    })
}

/// Writes how many channels are dead or silent.
pub(super) fn put_idle(theme: &Theme, (dead, silent): (usize, usize), row: &mut Row<'_>) {
    let (cross, dot) = (theme.pick("×", "x"), theme.pick("·", "."));
    let (warn, text) = (theme.style(Role::Warn), theme.style(Role::Text));
    let dead_words = if dead > 0 { format!("{dead} dead {cross}  ") } else { String::new() };
    let silent_words = if silent > 0 { format!("{silent} silent here {dot}") } else { String::new() };
    if dead + silent == 0 {
        row.put_whole("none dead or silent", theme.style(Role::Dim));
    } else if dead_words.width() + silent_words.width() <= usize::from(row.room()) {
        row.put(&dead_words, warn).put(&silent_words, text);
    } else {
        for (count, mark, style) in
            [(dead, cross, warn), (silent, dot, text)].into_iter().filter(|(count, ..)| *count > 0)
        {
            row.put_whole(&format!("{count} {mark}"), style).gap(2);
        }
    }
}

/// What produces the maps of a layer from its input.
pub(super) enum Source<'a> {
    /// The kernel of a channel: title, slices with the numbers of their input channels, largest magnitude of all.
    Kernel { title: String, slices: Vec<(usize, ArrayView2<'a, f32>)>, extent: f32 },
    /// In words.
    Words(String),
}

impl<'a> Source<'a> {
    /// Of a channel; the slices that weigh most come first.
    pub(super) fn of(app: &'a App, picture: &Picture, channel: usize) -> Option<Self> {
        let layer = layer(app, picture)?;
        match (layer.kind, layer.window) {
            (LayerKind::Conv2d, _) => {
                let kernels = app.model.maps.kernels_of(layer, channel)?;
                let weight = |slice: &ArrayView2<'_, f32>| slice.iter().map(|w| f64::from(w.abs())).sum::<f64>();
                let extent = kernels.iter().filter(|w| w.is_finite()).fold(0.0, |most: f32, w| most.max(w.abs()));
                let inputs = 0..kernels.len_of(Axis(0));
                let mut slices: Vec<_> = inputs.map(|input| (input, kernels.index_axis_move(Axis(0), input))).collect();
                slices.sort_by(|a, b| weight(&b.1).total_cmp(&weight(&a.1)));
                Some(Self::Kernel { title: format!("{}.weight[{channel}]", layer.name), slices, extent })
            }
            (LayerKind::MaxPool2d | LayerKind::AvgPool2d, Some(window)) => {
                let what = if layer.kind == LayerKind::MaxPool2d { "largest" } else { "mean" };
                let (size, stride) = (window.size, window.stride);
                Some(Self::Words(format!("{what} of {size}×{size}, step {stride}")))
            }
            _ => None,
        }
    }

    /// Rows that it takes.
    pub(super) fn rows(&self, width: u16) -> u16 {
        match self {
            Self::Words(_) => 1,
            Self::Kernel { slices, .. } => match slices.first() {
                Some((_, slice)) if is_written(slices.len(), slice, width) => slice.nrows() as u16 + 1,
                Some((_, slice)) => thumbnail(slice, width).1 + 2,
                None => 1,
            },
        }
    }

    /// Draws it from the top of an area.
    pub(super) fn draw(&self, theme: &Theme, area: Rect, buf: &mut Buffer) {
        let dim = theme.style(Role::Dim);
        let (title, slices, extent) = match self {
            Self::Words(words) => {
                Row::new(buf, area, 0).put_whole(words, dim);
                return;
            }
            Self::Kernel { title, slices, extent } => (title, slices, *extent),
        };
        let mut row = Row::new(buf, area, 0);
        row.put_whole(title, theme.style(Role::Text));
        let Some((_, first)) = slices.first() else { return };
        let below = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
        if is_written(slices.len(), first, area.width) {
            write_kernel(theme, *first, extent, below, buf);
            return;
        }
        let size = thumbnail(first, area.width);
        let fitting = usize::from((area.width + 1) / (size.0 + 1).max(1));
        if slices.len() > fitting {
            row.gap(2).put_whole(&format!("{fitting} of {}", slices.len()), dim);
        }
        for (place, (input, slice)) in slices.iter().take(fitting).enumerate() {
            let tile = Rect { x: below.x + place as u16 * (size.0 + 1), y: below.y, width: size.0, height: size.1 };
            let tile = tile.intersection(below);
            Tile { values: *slice, colors: Shade::Diverging, range: (-extent, extent) }.render(theme, tile, buf);
            let caption = Rect { y: tile.bottom(), height: 1, ..tile }.intersection(below);
            Row::new(buf, caption, 0).put_whole(&format!("in {input}"), dim);
        }
    }
}

/// Columns that a weight takes, with a blank: `-0.40 `.
const WEIGHT: u16 = 6;

/// Whether the numbers of a kernel are written out.
fn is_written(slices: usize, slice: &ArrayView2<'_, f32>, width: u16) -> bool {
    slices == 1 && slice.ncols() as u16 * WEIGHT <= width + 1
}

/// Size of one of several slices: about four side by side.
fn thumbnail(slice: &ArrayView2<'_, f32>, width: u16) -> (u16, u16) {
    let wide = ((width + 1) / 4).saturating_sub(1).max(1);
    Tile::fit([slice.nrows(), slice.ncols()], (wide, wide.div_ceil(2)))
}

fn write_kernel(theme: &Theme, kernel: ArrayView2<'_, f32>, extent: f32, area: Rect, buf: &mut Buffer) {
    for (y, weights) in kernel.outer_iter().enumerate().take(usize::from(area.height)) {
        let mut row = Row::new(buf, area, y as u16);
        for weight in weights {
            row.put_column(&signed(*weight), WEIGHT - 1, ink(theme, Shade::Diverging, *weight, (-extent, extent)));
            row.gap(1);
        }
    }
}

/// A weight in five characters.
fn signed(weight: f32) -> String {
    match weight.abs() {
        _ if !weight.is_finite() => "  NaN".to_owned(),
        ..10.0 => format!("{weight:+.2}"),
        ..100.0 => format!("{weight:+.1}"),
        _ => format!("{weight:+.0e}"),
    }
}

/// A number written on its colour, or in the colour of its sign.
fn ink(theme: &Theme, shade: Shade, number: f32, range: (f32, f32)) -> Style {
    let level = shade.level(number, range);
    match theme.depth() {
        ColorDepth::Mono => Style::new(),
        ColorDepth::Ansi16 => Style::new().fg(theme.solid(usize::from(number > 0.0))),
        ColorDepth::Ansi256 | ColorDepth::TrueColor => {
            Style::new().bg(theme.shade(shade, level)).fg(theme.ink(shade.rgb(level, theme.ground())))
        }
    }
}
