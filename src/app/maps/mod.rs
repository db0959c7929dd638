//! What layers make of pictures, as last recorded.

mod looking;
mod picture;
mod sheet;

use std::collections::BTreeMap;

pub use looking::{Looking, MapOrder, MapScale, MapsAction};
use ndarray::{Array1, Array3, ArrayView3, Axis, s};

pub use picture::{BARS, Channel, Picture, Stage};
pub use sheet::{SIDE, Sheet};

use crate::log::{Grid, tags};
use crate::recipe::{Layer, Network};

/// What one layer puts out for one probe.
#[derive(Debug, Clone, PartialEq)]
pub struct MapSet {
    /// Step after which it was taken.
    pub step: i64,
    /// Shape (channels, height, width), before the activation.
    pub before: Array3<f32>,
    /// Which of all the sets it was that arrived.
    pub arrival: u64,
}

/// Whether a channel does anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// It does.
    Active,
    /// It is zero all over this picture.
    Silent,
    /// It is zero on the whole evaluation set.
    Dead,
}

/// Feature maps, kernels and what is known of the channels.
#[derive(Debug, Clone, Default)]
pub struct Maps {
    /// The probes themselves by name, pixels from 0 to 1, (channels, height, width): three channels are red, green and blue.
    pub inputs: BTreeMap<String, Array3<f32>>,
    /// By layer and probe.
    pub sets: BTreeMap<(String, String), MapSet>,
    /// Weights of a convolution by layer: shape (out * in, rows, columns).
    pub kernels: BTreeMap<String, Array3<f32>>,
    /// By layer: the largest magnitude of each channel after the activation over the evaluation set.
    pub peaks: BTreeMap<String, Array1<f32>>,
    /// Steps after which the kernels and the peaks of a layer were taken.
    kernels_at: BTreeMap<String, i64>,
    peaks_at: BTreeMap<String, i64>,
    arrivals: u64,
}

impl Maps {
    /// Takes over the maps of a layer for a probe, or the probe itself. A grid that is no atlas is ignored.
    pub fn set(&mut self, step: i64, layer: &str, probe: &str, grid: &Grid) {
        if layer == tags::INPUT {
            if let Some(picture) = grid.pictures().as_ref().and_then(|pictures| pictures.outer_iter().next()) {
                self.inputs.insert(probe.to_owned(), picture.to_owned());
            }
        } else if let Some(before) = grid.maps() {
            self.arrivals += 1;
            let set = MapSet { step, before, arrival: self.arrivals };
            self.sets.insert((layer.to_owned(), probe.to_owned()), set);
        }
    }

    /// Takes over the weights of a convolution, shape (out * in, rows, columns).
    pub fn set_kernels(&mut self, step: i64, layer: &str, kernels: Array3<f32>) {
        self.kernels.insert(layer.to_owned(), kernels);
        self.kernels_at.insert(layer.to_owned(), step);
    }

    /// Takes over the largest magnitude of each channel.
    pub fn set_peaks(&mut self, step: i64, layer: &str, peaks: Array1<f32>) {
        self.peaks.insert(layer.to_owned(), peaks);
        self.peaks_at.insert(layer.to_owned(), step);
    }

    /// Drops what was taken after `step` steps or more; the probes themselves stay what they are.
    pub fn void_from(&mut self, step: i64) {
        self.sets.retain(|_, set| set.step < step);
        let is_valid = |at: &BTreeMap<String, i64>, layer: &String| at.get(layer).is_none_or(|at| *at < step);
        self.kernels.retain(|layer, _| is_valid(&self.kernels_at, layer));
        self.peaks.retain(|layer, _| is_valid(&self.peaks_at, layer));
    }

    /// The maps of a layer for a probe.
    pub fn of(&self, layer: &str, probe: &str) -> Option<&MapSet> {
        self.sets.get(&(layer.to_owned(), probe.to_owned()))
    }

    /// The layers that have maps, from the input to the output; by name where the network is not known.
    pub fn layers(&self, network: Option<&Network>) -> Vec<&str> {
        let mut names: Vec<&str> = self.sets.keys().map(|(layer, _)| layer.as_str()).collect();
        names.dedup();
        if let Some(network) = network {
            names.retain(|name| network.position(name).is_some_and(|at| network.layers[at].is_pictured()));
            names.sort_by_key(|name| network.position(name));
        }
        names
    }

    /// The probes that have maps, in the order of `known`; those it does not name come last.
    pub fn probes<'a>(&'a self, known: &'a [String]) -> Vec<&'a str> {
        let mut names: Vec<&str> = self.sets.keys().map(|(_, probe)| probe.as_str()).collect();
        names.sort_by_key(|name| (known.iter().position(|other| other == name).unwrap_or(usize::MAX), *name));
        names.dedup();
        names
    }

    /// Whether a channel of a picture does anything.
    pub fn life(&self, picture: &Picture, channel: usize) -> Life {
        if !picture.is_silent(channel) {
            return Life::Active;
        }
        let peak = self.peaks.get(&picture.layer).and_then(|peaks| peaks.get(channel));
        if peak == Some(&0.0) { Life::Dead } else { Life::Silent }
    }

    /// The kernels of an output channel of a convolution, one for each of its input channels.
    pub fn kernels_of(&self, layer: &Layer, channel: usize) -> Option<ArrayView3<'_, f32>> {
        let kernels = self.kernels.get(&layer.name)?;
        let inputs = kernels.len_of(Axis(0)).checked_div(layer.channels()).filter(|inputs| *inputs > 0)?;
        let end = (channel + 1).checked_mul(inputs).filter(|end| *end <= kernels.len_of(Axis(0)))?;
        Some(kernels.slice(s![end - inputs..end, .., ..]))
    }
}
