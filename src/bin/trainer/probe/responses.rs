//! What each hidden unit of a network with two inputs says over their plane, as thumbnails.

use tch::{TchError, Tensor};
use torchscope::data::Dataset;
use torchscope::log::tags;
use torchscope::recipe::{self, LayerKind};

use super::film::{Film, Form, Plate};
use super::plane;
use crate::session::{Gather, Session};

/// Rows and columns of a thumbnail.
const SIZE: [usize; 2] = [18, 24];
/// Units of a layer that are shown, the first; more are too small to see.
const MOST_UNITS: usize = 64;

/// Takes pictures of hidden dense layers over the plane.
pub(super) struct Responses {
    /// Shape (rows * columns, 2), row by row from the top.
    inputs: Tensor,
    /// Place in the network, units shown.
    layers: Vec<(usize, i64, Plate)>,
}

impl Responses {
    /// None without a plane or a hidden dense layer.
    pub(super) fn new(
        training: &Dataset,
        network: &recipe::Network,
        session: &Session,
    ) -> Result<Option<Self>, TchError> {
        let Some(extent) = plane::extent(training) else { return Ok(None) };
        let dense = network.layers.iter().enumerate().filter(|(_, layer)| layer.kind == LayerKind::Dense);
        let mut layers: Vec<_> = dense
            .map(|(place, layer)| {
                let units = layer.channels().min(MOST_UNITS);
                let [rows, columns] = SIZE;
                let tag = tags::of_layer(tags::RESPONSE, &layer.name);
                (place, units as i64, Plate::of_layer(tag, &layer.name, Form::Atlas([units, rows, columns])))
            })
            .collect();
        // The output has a plane of its own.
        layers.pop();
        let inputs = plane::inputs(&plane::points(extent, SIZE), session)?;
        Ok((!layers.is_empty()).then_some(Self { inputs, layers }))
    }

    /// What goes through the network for one picture.
    pub(super) fn inputs(&self) -> &Tensor {
        &self.inputs
    }

    pub(super) fn most_bytes(&self) -> u64 {
        self.layers.iter().map(|(_, _, plate)| plate.most_bytes()).sum()
    }

    pub(super) fn take<'a>(&'a self, session: &Session, film: &mut Film<'a>) -> Result<(), TchError> {
        let count = self.inputs.size()[0];
        let mut seen: Vec<Gather> = self.layers.iter().map(|_| Gather::new(count)).collect();
        // What a wide network says of all of the plane at once is more than a cache, or a device, has room for.
        for (start, length) in session.pieces(count) {
            let trace = session.trace(&self.inputs.f_narrow(0, start, length)?)?;
            for ((place, units, _), seen) in self.layers.iter().zip(&mut seen) {
                if let Some(layer) = trace.get(*place) {
                    seen.add(&layer.before.f_narrow(1, 0, *units)?)?;
                }
            }
        }
        for ((_, _, plate), seen) in self.layers.iter().zip(seen) {
            film.expose(plate, seen.finish()?.f_transpose(0, 1)?);
        }
        Ok(())
    }
}
