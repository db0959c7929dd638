//! What every layer makes of one picture, and the kernels that it does it with.

use tch::{TchError, Tensor};
use torchscope::log::tags;
use torchscope::recipe::{self, LayerKind, ParameterRole};

use super::film::{Film, Form, Plate};
use super::probes::Probes;
use crate::session::Session;

/// Kernels of fewer numbers are part of every picture.
const FEW_NUMBERS: usize = 4096;

/// Takes pictures of all layers with one probe.
pub(super) struct Maps {
    /// Shape (probes, channels, height, width), on the session's device.
    inputs: Tensor,
    /// Place of each layer that is shown.
    places: Vec<usize>,
    /// For each probe one a layer.
    plates: Vec<Vec<Plate>>,
}

impl Maps {
    /// Every layer that there is something to see of, as long as all together take no more than `room` bytes.
    pub(super) fn new(network: &recipe::Network, probes: &Probes, room: u64) -> Self {
        let plate = |layer: &recipe::Layer, probe: &str| {
            let [rows, columns] = layer.map_size();
            let form = Form::Atlas([layer.channels(), rows, columns]);
            Plate::of_layer(tags::map(&layer.name, probe), &layer.name, form)
        };
        let pictured = network.layers.iter().enumerate().filter(|(_, layer)| layer.is_pictured());
        let places = fitting(pictured, room, |(_, layer)| plate(layer, "").most_bytes());
        let of_probe = |name: &String| places.iter().map(|(_, layer)| plate(layer, name)).collect();
        Self {
            inputs: probes.inputs.shallow_clone(),
            plates: probes.names.iter().map(of_probe).collect(),
            places: places.into_iter().map(|(place, _)| place).collect(),
        }
    }

    /// Of one probe's maps.
    pub(super) fn most_bytes(&self) -> u64 {
        self.plates.first().into_iter().flatten().map(Plate::most_bytes).sum()
    }

    pub(super) fn take<'a>(&'a self, session: &Session, probe: usize, film: &mut Film<'a>) -> Result<(), TchError> {
        let trace = session.trace(&self.inputs.f_narrow(0, probe as i64, 1)?)?;
        for (place, plate) in self.places.iter().zip(self.plates.get(probe).into_iter().flatten()) {
            if let Some(layer) = trace.get(*place) {
                film.expose(plate, layer.before.shallow_clone());
            }
        }
        Ok(())
    }
}

/// Takes pictures of the weights of convolutions.
pub(super) struct Kernels {
    /// Place among the parameters.
    few: Vec<(usize, Plate)>,
    many: Vec<(usize, Plate)>,
}

impl Kernels {
    /// Every convolution's, as long as all together take no more than `room` bytes.
    pub(super) fn new(network: &recipe::Network, room: u64) -> Self {
        let of_layers = network.layers.iter().flat_map(|layer| layer.parameters.iter().map(move |p| (layer, p)));
        let kernels = of_layers.enumerate().filter_map(|(place, (layer, parameter))| {
            let is_kernel = layer.kind == LayerKind::Conv2d && parameter.role == ParameterRole::Weight;
            let &[outputs, inputs, rows, columns] = parameter.shape.as_slice() else { return None };
            let form = Form::Atlas([outputs * inputs, rows, columns]);
            let plate = Plate::of_layer(tags::of_layer(tags::KERNELS, &layer.name), &layer.name, form);
            is_kernel.then_some((place, parameter.count(), plate))
        });
        let kernels = fitting(kernels, room, |(_, _, plate)| plate.most_bytes());
        let (few, many): (Vec<_>, Vec<_>) = kernels.into_iter().partition(|(_, count, _)| *count < FEW_NUMBERS);
        let placed = |kernels: Vec<_>| kernels.into_iter().map(|(place, _, plate)| (place, plate)).collect();
        Self { few: placed(few), many: placed(many) }
    }

    /// Of the small ones, and of the others.
    pub(super) fn most_bytes(&self) -> [u64; 2] {
        [&self.few, &self.many].map(|kernels| kernels.iter().map(|(_, plate)| plate.most_bytes()).sum())
    }

    /// The small ones, the others, or both.
    pub(super) fn take<'a>(&'a self, session: &Session, few: bool, many: bool, film: &mut Film<'a>) {
        let (few, many) = (self.few.iter().filter(|_| few), self.many.iter().filter(|_| many));
        for (place, plate) in few.chain(many) {
            if let Some(weight) = session.network().parameters().get(*place) {
                film.expose(plate, weight.shallow_clone());
            }
        }
    }
}

/// Those of `all` that find room for their bytes, first come, first served.
fn fitting<T>(all: impl Iterator<Item = T>, mut room: u64, bytes: impl Fn(&T) -> u64) -> Vec<T> {
    let fits = |one: &T| match room.checked_sub(bytes(one)) {
        Some(left) => {
            room = left;
            true
        }
        None => false,
    };
    all.filter(fits).collect()
}
