//! Where a number that is not finite came from.

use tch::{TchError, Tensor};
use torchscope::recipe;

use super::{Alarm, Kind};
use crate::network::Mode;
use crate::session::Session;

/// The first thing in the network that is not finite.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fault {
    pub(crate) place: Place,
    pub(crate) layer: String,
    /// Whether some of the numbers are NaN, and not all merely infinite.
    pub(crate) has_nan: bool,
    /// Numbers that are not finite, of so many.
    pub(crate) bad: u64,
    pub(crate) of: u64,
}

/// What a fault is in.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Place {
    /// The parameter of that name; says whether the gradient that moved it was not finite either.
    Parameter { name: String, gradient_too: bool },
    /// The gradient of the parameter of that name.
    Gradient { name: String },
    /// What the layer's map computes.
    BeforeActivation,
    /// What its activation makes of that.
    AfterActivation,
}

/// Names of a network's layers and of their parameters.
pub(crate) struct Finder(Vec<(String, Vec<String>)>);

impl Finder {
    pub(crate) fn new(network: &recipe::Network) -> Self {
        let names = |layer: &recipe::Layer| layer.parameters.iter().map(|parameter| parameter.name.clone()).collect();
        Self(network.layers.iter().map(|layer| (layer.name.clone(), names(layer))).collect())
    }

    /// The first of: parameters, gradients of the last step, what each layer puts out for `inputs` in `mode`; each from
    /// the input on. None where all of them are finite. Changes nothing in the session.
    pub(crate) fn find(&self, session: &Session, inputs: &Tensor, mode: Mode) -> Result<Option<Fault>, TchError> {
        let _guard = tch::no_grad_guard();
        let named = || self.0.iter().flat_map(|(layer, names)| names.iter().map(move |name| (layer, name)));
        let gradients = session.gradients();
        for ((place, parameter), (layer, name)) in session.network().parameters().iter().enumerate().zip(named()) {
            let gradient_too = || match gradients.get(place) {
                Some(gradient) => Ok::<_, TchError>(count(gradient)?.is_some()),
                None => Ok(false),
            };
            if let Some(bad) = count(parameter)? {
                let place = Place::Parameter { name: name.clone(), gradient_too: gradient_too()? };
                return Ok(Some(bad.at(place, layer)));
            }
        }
        for (gradient, (layer, name)) in gradients.iter().zip(named()) {
            if let Some(bad) = count(gradient)? {
                return Ok(Some(bad.at(Place::Gradient { name: name.clone() }, layer)));
            }
        }
        for (output, (layer, _)) in session.network().trace_in(inputs, mode)?.iter().zip(&self.0) {
            for (tensor, place) in [(&output.before, Place::BeforeActivation), (&output.after, Place::AfterActivation)]
            {
                if let Some(bad) = count(tensor)? {
                    return Ok(Some(bad.at(place, layer)));
                }
            }
        }
        Ok(None)
    }
}

struct Bad {
    has_nan: bool,
    count: u64,
    of: u64,
}

impl Bad {
    fn at(self, place: Place, layer: &str) -> Fault {
        let Self { has_nan, count: bad, of } = self;
        Fault { place, layer: layer.to_owned(), has_nan, bad, of }
    }
}

/// Counts what is not finite; none if all is.
fn count(tensor: &Tensor) -> Result<Option<Bad>, TchError> {
    let of = tensor.numel() as u64;
    let finite = tensor.f_isfinite()?.f_sum(tch::Kind::Int64)?.f_int64_value(&[])? as u64;
    if finite == of {
        return Ok(None);
    }
    let has_nan = tensor.f_isnan()?.f_any()?.f_int64_value(&[])? != 0;
    Ok(Some(Bad { has_nan, count: of - finite, of }))
}

impl Fault {
    /// The layer and what is wrong with it: ``dense2 puts out Inf ..``
    pub(crate) fn describe(&self) -> String {
        let Self { layer, bad, of, .. } = self;
        let value = if self.has_nan { "NaN" } else { "Inf" };
        let share = format!("{bad} of {of} numbers");
        match &self.place {
            Place::Parameter { name, gradient_too } => {
                let why = if *gradient_too { ", as does its gradient" } else { "" };
                format!("{name} holds {value} since the last update ({share}){why}")
            }
            Place::Gradient { name } => format!("the gradient of {name} holds {value} ({share})"),
            Place::BeforeActivation => format!("{layer} puts out {value} before its activation ({share})"),
            Place::AfterActivation => format!("{layer} puts out {value} after its activation ({share})"),
        }
    }

    fn tensor(&self) -> Option<&str> {
        match &self.place {
            Place::Parameter { name, .. } | Place::Gradient { name } => Some(name),
            Place::BeforeActivation | Place::AfterActivation => None,
        }
    }
}

/// The alarm for something that is not finite at `step`, where it came from if that was found.
pub(crate) fn alarm(step: u64, message: String, fault: Option<&Fault>) -> Alarm {
    let layer = fault.map(|fault| fault.layer.clone());
    let tensor = fault.and_then(Fault::tensor).map(str::to_owned);
    Alarm::new(step, Kind::Nan, message).about(layer, tensor)
}

#[cfg(test)]
mod tests;
