//! An autoencoder at work: what it makes of some pictures, and where it puts the whole evaluation set.

use ndarray::{ArrayD, Axis};
use tch::{TchError, Tensor};
use torchscope::data::Dataset;
use torchscope::log::schema::Labels;
use torchscope::log::tags;
use torchscope::recipe;

use super::film::{Film, Form, Plate};
use crate::recorder::{Content, Part};
use crate::session::Session;

/// Samples whose codes are written with each picture at most.
const MOST_POINTS: usize = 1000;

/// Takes pictures of codes and of what becomes of them.
pub(super) struct Code {
    /// The layer whose output is the code.
    place: usize,
    /// The pictures, then the points; shape (n, features..), on the session's device.
    inputs: Tensor,
    pictures: Option<Pictures>,
    points: Plate,
}

/// Samples that are shown as pictures.
struct Pictures {
    count: i64,
    output: Plate,
    codes: Plate,
}

impl Code {
    /// `shown` are the samples of `evaluated` that are shown as pictures. None where there is no code. The parts are
    /// what is written once.
    pub(super) fn new(
        network: &recipe::Network,
        evaluated: &Dataset,
        shown: &[usize],
        session: &Session,
    ) -> Result<Option<(Self, Vec<Part>)>, TchError> {
        let (Some(place), Some([rows, columns])) = (network.code(), network.picture_size()) else { return Ok(None) };
        let layer = &network.layers[place];
        let units = layer.channels();
        let count = evaluated.len().min(MOST_POINTS);
        let points: Vec<usize> = (0..count).map(|index| index * evaluated.len() / count).collect();
        let labels = |tag: &str, samples: &[usize]| {
            let labels = evaluated.labels.as_ref()?;
            let labels = Labels(samples.iter().map(|sample| labels[*sample]).collect());
            Some(Part::new(tag, Content::Numbers(labels.encode())))
        };
        let mut once = Vec::new();
        let channels = network.input_shape.first().copied().unwrap_or(1);
        let atlas = Form::Pictures([shown.len(), channels, rows, columns]);
        if !shown.is_empty() {
            let pixels: ArrayD<f32> = evaluated.inputs.select(Axis(0), shown);
            let pixels: Vec<f32> = pixels.iter().copied().collect();
            once.push(Plate::new(tags::RECONSTRUCTION_INPUT, atlas.clone()).print(&pixels)?);
            once.extend(labels(tags::RECONSTRUCTION_LABELS, shown));
        }
        once.extend(labels(tags::CODE_LABELS, &points));
        let samples = &session.evaluated().inputs;
        let places: Vec<i64> = shown.iter().chain(&points).map(|sample| *sample as i64).collect();
        let places = Tensor::f_from_slice(&places)?.f_to_device(samples.device())?;
        let codes = |tag: &str, count: usize| Plate::of_layer(tag, &layer.name, Form::Grid([count, units]));
        let pictures = Pictures {
            count: shown.len() as i64,
            output: Plate::new(tags::RECONSTRUCTION_OUTPUT, atlas),
            codes: codes(tags::RECONSTRUCTION_CODES, shown.len()),
        };
        let code = Self {
            place,
            inputs: samples.f_index_select(0, &places)?,
            pictures: (!shown.is_empty()).then_some(pictures),
            points: codes(tags::CODE_POINTS, count),
        };
        Ok(Some((code, once)))
    }

    /// What goes through the network for one picture.
    pub(super) fn inputs(&self) -> &Tensor {
        &self.inputs
    }

    pub(super) fn most_bytes(&self) -> u64 {
        let of_pictures = |pictures: &Pictures| pictures.output.most_bytes() + pictures.codes.most_bytes();
        self.points.most_bytes() + self.pictures.as_ref().map_or(0, of_pictures)
    }

    pub(super) fn take<'a>(&'a self, session: &Session, film: &mut Film<'a>) -> Result<(), TchError> {
        let codes = session.reached(self.place, &self.inputs)?;
        let mut shown = 0;
        if let Some(pictures) = &self.pictures {
            shown = pictures.count;
            film.expose(&pictures.output, session.outputs(&self.inputs.f_narrow(0, 0, shown)?)?);
            film.expose(&pictures.codes, codes.f_narrow(0, 0, shown)?);
        }
        film.expose(&self.points, codes.f_slice(0, shown, None, 1)?);
        Ok(())
    }
}
