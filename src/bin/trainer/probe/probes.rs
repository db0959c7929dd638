//! The pictures that a network is looked at with: those that the recipe names, then samples of the evaluation set.

use std::collections::BTreeSet;

use ndarray::{Array3, Array4, ArrayView3, Axis};
use tch::{TchError, Tensor};
use torchscope::data::{DataError, Dataset, Scaling, picture};
use torchscope::log::tags;
use torchscope::recipe::{self, ProbeSpec};

use super::film::{Form, Plate};
use crate::recorder::Part;
use crate::session::Session;

/// Pictures by the names that stand in the log.
pub(super) struct Probes {
    /// All different.
    pub(super) names: Vec<String>,
    /// Shape (probes, channels, height, width), from 0, black, to 1, white.
    pixels: Array4<f32>,
    /// The same as the network takes them in, on the session's device.
    pub(super) inputs: Tensor,
    /// Which samples of the evaluation set the last of them are.
    pub(super) samples: Vec<usize>,
}

/// The pictures that a recipe names, pixels from 0 to 1, at the size of the network's inputs and in colour where those have
/// three channels; none if its inputs are no pictures.
pub(crate) fn pictures(spec: &ProbeSpec, network: &recipe::Network) -> Result<Vec<(String, Array3<f32>)>, DataError> {
    let &[channels, height, width] = network.input_shape.as_slice() else { return Ok(Vec::new()) };
    let load = |path: &String| Ok((picture::name(path), picture::load(path, [channels, height, width])?));
    spec.pictures.iter().map(load).collect()
}

impl Probes {
    /// `pictures` and `samples` samples of `evaluated`. None where inputs are no pictures, or where that is nothing.
    pub(super) fn new(
        pictures: &[(String, Array3<f32>)],
        samples: usize,
        evaluated: &Dataset,
        session: &Session,
    ) -> Result<Option<Self>, TchError> {
        let &[count, channels, height, width] = evaluated.inputs.shape() else { return Ok(None) };
        let chosen = choose(evaluated, samples.min(count));
        let loaded = pictures.iter().map(|(name, _)| name.clone());
        let names = unique(loaded.chain(chosen.iter().map(|(_, name)| name.clone())));
        if names.is_empty() {
            return Ok(None);
        }
        let samples: Vec<usize> = chosen.into_iter().map(|(sample, _)| sample).collect();
        let scaling = &evaluated.scaling;
        let numbers =
            Array4::from_shape_fn(
                (names.len(), channels, height, width),
                |(probe, channel, row, column)| match pictures.get(probe) {
                    Some((_, picture)) => scaling.of_pixel(channel, picture[[channel, row, column]]),
                    None => evaluated.inputs[[samples[probe - pictures.len()], channel, row, column]],
                },
            );
        let like = &session.samples().inputs;
        let inputs = Tensor::try_from(&numbers)?.f_to_kind(like.f_kind()?)?.f_to_device(like.device())?;
        Ok(Some(Self { names, pixels: shown(&numbers, scaling), inputs, samples }))
    }

    /// The probes themselves, for the log.
    pub(super) fn parts(&self) -> Result<Vec<Part>, TchError> {
        let (_, channels, rows, columns) = self.pixels.dim();
        let part = |(name, pixels): (&String, ArrayView3<'_, f32>)| {
            let plate = Plate::new(tags::map(tags::INPUT, name), Form::Pictures([1, channels, rows, columns]));
            plate.print(&pixels.iter().copied().collect::<Vec<_>>())
        };
        self.names.iter().zip(self.pixels.outer_iter()).map(part).collect()
    }
}

/// Inputs of shape (n, channels, height, width) as pixels from 0 to 1.
fn shown(inputs: &Array4<f32>, scaling: &Scaling) -> Array4<f32> {
    let mut pixels = inputs.clone();
    for (channel, mut pixels) in pixels.axis_iter_mut(Axis(1)).enumerate() {
        pixels.mapv_inplace(|input| scaling.to_pixel(channel, input).clamp(0.0, 1.0));
    }
    pixels
}

/// `count` samples and what to call them: the first of each class, then the second of each.
fn choose(data: &Dataset, count: usize) -> Vec<(usize, String)> {
    let Some(labels) = &data.labels else {
        return (0..count).map(|sample| (sample, format!("sample-{}", sample + 1))).collect();
    };
    let mut of_class: Vec<Vec<usize>> = vec![Vec::new(); data.classes.len()];
    for (sample, label) in labels.iter().enumerate() {
        if let Some(class) = of_class.get_mut(*label as usize)
            && class.len() < count
        {
            class.push(sample);
        }
    }
    let rounds = of_class.iter().map(Vec::len).max().unwrap_or(0);
    let in_turn = (0..rounds).flat_map(|round| {
        let of_round =
            of_class.iter().zip(&data.classes).filter_map(move |(class, name)| Some((class.get(round)?, name)));
        of_round.map(move |(sample, name)| match round {
            0 => (*sample, name.clone()),
            _ => (*sample, format!("{name}-{}", round + 1)),
        })
    });
    in_turn.take(count).collect()
}

/// `names`, with a number behind each that has been there before.
fn unique(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let free = |name: String| {
        let mut candidates = (2..).map(|number| format!("{name}-{number}"));
        let free = if taken.contains(&name) { candidates.find(|name| !taken.contains(name)) } else { None };
        let name = free.unwrap_or(name);
        taken.insert(name.clone());
        name
    };
    names.map(free).collect()
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, ArrayD};

    use super::*;

    fn data(labels: Option<&[u32]>) -> Dataset {
        Dataset {
            name: String::new(),
            inputs: ArrayD::zeros(vec![7, 1, 1, 1]),
            targets: ArrayD::zeros(vec![7, 1]),
            labels: labels.map(|labels| Array1::from(labels.to_vec())),
            classes: ["a", "b", "c"].map(str::to_owned).to_vec(),
            features: Vec::new(),
            scaling: Scaling::default(),
        }
    }

    fn chosen(labels: Option<&[u32]>, count: usize) -> Vec<(usize, String)> {
        choose(&data(labels), count)
    }

    #[test]
    fn samples_are_one_of_each_class_in_turn() {
        let labels: &[u32] = &[1, 1, 0, 1, 2, 2, 0];
        let named = |expected: &[(usize, &str)]| {
            expected.iter().map(|(sample, name)| (*sample, (*name).to_owned())).collect::<Vec<_>>()
        };
        assert_eq!(chosen(Some(labels), 2), named(&[(2, "a"), (0, "b")]));
        let all = [(2, "a"), (0, "b"), (4, "c"), (6, "a-2"), (1, "b-2"), (5, "c-2"), (3, "b-3")];
        assert_eq!(chosen(Some(labels), 7), named(&all));
        assert_eq!(chosen(None, 2), named(&[(0, "sample-1"), (1, "sample-2")]));
        assert_eq!(chosen(Some(labels), 0), []);
        // A class without samples, and a label that is none.
        assert_eq!(chosen(Some(&[0, 9, 0, 0, 0, 0, 2]), 3), named(&[(0, "a"), (6, "c"), (2, "a-2")]));
    }

    #[test]
    fn names_are_told_apart() {
        let names = ["cat", "7", "cat", "cat-2", "7", "7-2"].map(str::to_owned);
        assert_eq!(unique(names.into_iter()), ["cat", "7", "cat-2", "cat-2-2", "7-2", "7-2-2"]);
    }
}
