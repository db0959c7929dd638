//! How every layer is doing: sizes and distributions of its parameters, their gradients and its activations.
//!
//! Everything is computed where the tensors are and comes over together. Moments are summed in float64.

use std::time::Duration;

use tch::{Kind, TchError, Tensor};
use torchscope::log::{Histogram, Tag, tags};
use torchscope::recipe::{self, Recipe};

use super::byte_budget;
use super::cost::Costs;
use super::schedule::{Bytes, Moment, Schedule};
use crate::recorder::{Content, Part, Picture};
use crate::session::Session;

/// Buckets of a histogram, of equal width between the smallest and the largest value.
pub(crate) const BUCKETS: usize = 32;
/// Samples that activations are measured on, the first of the evaluation set.
const SAMPLES: i64 = 256;
/// Fewer where they would cost more than this share of what pictures may, but not fewer than so many.
const OF_PICTURES: f64 = 0.5;
const FEWEST_SAMPLES: i64 = 16;
/// Calls that a tensor takes to be measured.
const CALLS: usize = 14;
/// Numbers that the widest layer may put out for them; beyond that there are fewer samples. A GPU minds less.
const NUMBERS: i64 = 1 << 20;
const NUMBERS_ON_CUDA: i64 = 1 << 25;
/// Between two looks while somebody watches, and otherwise.
const RHYTHM: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(5)];
/// Of the share of time that looking may take, what this may.
const OF_TIME: f64 = 0.25;
/// Numbers that a tensor comes down to: [`BUCKETS`], smallest, largest, sum, sum of squares, zeros.
const FIGURES: usize = BUCKETS + 5;

/// Looks at the health of a network's layers, now and then.
pub(crate) struct Health {
    parameters: Vec<ParameterTags>,
    /// For each layer of the network, if there is something to see of it.
    layers: Vec<Option<LayerTags>>,
    /// What activations are measured on, shape (n, features..).
    reference: Tensor,
    schedule: Schedule,
    /// Operations that one look takes, and bytes at most.
    operations: f64,
    most: u64,
    /// Training time that it has taken so far, between moments.
    spent: Duration,
    /// Bytes handed over so far, at most.
    bytes: u64,
}

struct ParameterTags {
    norm: Tag,
    grad_norm: Tag,
    update_ratio: Tag,
    weights: Tag,
    grads: Tag,
}

struct LayerTags {
    activations: Tag,
    zeros: Tag,
    /// Numbers that it puts out for a sample.
    count: usize,
}

/// What was found, and whether all of it was finite.
#[derive(Debug)]
pub(crate) struct Checkup {
    pub(crate) picture: Picture,
    /// A parameter, a gradient or an activation is NaN or infinite.
    pub(crate) is_broken: bool,
}

impl Health {
    /// Of `network`, within what the recipe allows for it.
    pub(crate) fn new(recipe: &Recipe, network: &recipe::Network, session: &Session) -> Result<Self, TchError> {
        let share = recipe.record.probe_share * OF_TIME;
        let budget = byte_budget(recipe) / super::OF_HEALTH;
        let tag = |kind, name: &str| Tag::from(tags::of_layer(kind, name));
        let parameters = network.layers.iter().flat_map(|layer| &layer.parameters).map(|parameter| ParameterTags {
            norm: tag(tags::NORM, &parameter.name),
            grad_norm: tag(tags::GRAD_NORM, &parameter.name),
            update_ratio: tag(tags::UPDATE_RATIO, &parameter.name),
            weights: tag(tags::WEIGHTS, &parameter.name),
            grads: tag(tags::GRADS, &parameter.name),
        });
        let layers = network.layers.iter().map(|layer| {
            layer.is_pictured().then(|| LayerTags {
                activations: tag(tags::ACTIVATIONS, &layer.name),
                zeros: tag(tags::ZEROS, &layer.name),
                count: layer.output_shape.iter().product(),
            })
        });
        let (parameters, layers): (Vec<_>, Vec<_>) = (parameters.collect(), layers.collect());
        let numbers = if session.device().is_cuda() { NUMBERS_ON_CUDA } else { NUMBERS };
        let inputs = &session.evaluated().inputs;
        let there = inputs.size().first().copied().unwrap_or(0);
        let costs = Costs::new(network);
        let affordable = costs.allowance(recipe, session.total_steps()).of_pictures() * OF_PICTURES;
        let affordable = costs.samples(affordable / recipe.record.moments.max(1) as f64) as i64;
        let samples = SAMPLES.min(affordable.max(FEWEST_SAMPLES)).min(numbers / session.network().widest().max(1));
        let samples = samples.max(1).min(there);
        let tensors = 3 * parameters.len() + layers.len();
        let touched = 3 * network.parameter_count();
        let operations =
            costs.forward(samples as usize) + Costs::calls((CALLS * tensors) as f64) + (CALLS * touched) as f64;
        let most = most_bytes(&parameters, &layers);
        Ok(Self {
            reference: inputs.f_narrow(0, 0, samples)?,
            parameters,
            layers,
            // One look is kept for the end.
            schedule: Schedule::with_rhythm(share, Bytes { budget, reserve: most, usual: most, most }, RHYTHM),
            operations,
            most,
            spent: Duration::ZERO,
            bytes: 0,
        })
    }

    /// Operations that one look takes, about.
    pub(super) fn operations(&self) -> f64 {
        self.operations
    }

    /// Bytes that one look takes at most.
    pub(super) fn most_bytes(&self) -> u64 {
        self.most
    }

    /// Whether the step that follows should be looked at; cheap enough for every step.
    pub(crate) fn is_due(&mut self, active: Duration, watched: bool) -> bool {
        self.schedule.may_be_due(active)
            && self.schedule.is_due(Moment { active, watched, spent: self.spent, bytes: self.bytes })
    }

    /// Whether there are bytes left to look once more, as at the end.
    pub(crate) fn has_room(&self) -> bool {
        self.schedule.has_room(0, self.bytes)
    }

    /// Bytes and time that looks have taken so far: part of a checkpoint.
    pub(crate) fn used(&self) -> (u64, Duration) {
        (self.bytes, self.spent)
    }

    /// Goes on when looks had taken so much.
    pub(crate) fn set_used(&mut self, (bytes, spent): (u64, Duration)) {
        (self.bytes, self.spent) = (bytes, spent);
    }

    /// What activations are measured on, shape (n, features..).
    pub(crate) fn reference(&self) -> &Tensor {
        &self.reference
    }

    /// Notes that a look at `active` was handed over, took so many bytes at most, and cost training that much time.
    pub(crate) fn taken(&mut self, active: Duration, cost: Duration, bytes: u64) {
        self.schedule.taken(active, cost);
        self.spent += cost;
        self.bytes += bytes;
    }

    /// How the layers are after the last step, whose update is what `before` (the parameters before it) lacks. Without
    /// `before`, and where there are no gradients yet, what belongs to a step is left out.
    pub(crate) fn examine(&self, session: &Session, before: Option<&[Tensor]>) -> Result<Checkup, TchError> {
        let _guard = tch::no_grad_guard();
        let mut figures = Vec::new();
        for (place, parameter) in session.network().parameters().iter().enumerate() {
            figures.push(figures_of(parameter)?);
            if let Some(gradient) = session.gradients().get(place) {
                figures.push(figures_of(gradient)?);
            }
            if let Some(before) = before.and_then(|before| before.get(place)) {
                figures.push(norm(&parameter.f_sub(before)?)?);
            }
        }
        for (output, tags) in session.trace(&self.reference)?.iter().zip(&self.layers) {
            if tags.is_some() {
                figures.push(figures_of(&output.after)?);
            }
        }
        let figures: Vec<_> = figures.iter().map(|figures| figures.f_reshape([-1])).collect::<Result<_, _>>()?;
        let numbers = Vec::<f64>::try_from(Tensor::f_cat(&figures, 0)?)?;
        Ok(self.print(&numbers, session, before.is_some()))
    }

    /// Makes parts of what came over.
    fn print(&self, mut numbers: &[f64], session: &Session, with_update: bool) -> Checkup {
        let mut take = |count: usize| {
            let (these, rest) = numbers.split_at(count.min(numbers.len()));
            numbers = rest;
            these
        };
        let mut parts = Vec::new();
        let mut is_broken = false;
        let scalar = |parts: &mut Vec<Part>, tag: &Tag, value| {
            parts.push(Part::new(tag.clone(), Content::Scalar(value)));
        };
        for ((tags, parameter), place) in self.parameters.iter().zip(session.network().parameters()).zip(0..) {
            let weights = Figures::new(take(FIGURES), parameter.numel());
            scalar(&mut parts, &tags.norm, weights.norm());
            let mut histograms = vec![(&tags.weights, weights.histogram())];
            is_broken |= !weights.is_finite();
            if let Some(gradient) = session.gradients().get(place) {
                let gradient = Figures::new(take(FIGURES), gradient.numel());
                scalar(&mut parts, &tags.grad_norm, gradient.norm());
                histograms.push((&tags.grads, gradient.histogram()));
                is_broken |= !gradient.is_finite();
            }
            if with_update {
                let update = take(1).first().copied().unwrap_or(f64::NAN);
                // Nothing that has not moved has moved by nothing, whatever its size.
                scalar(&mut parts, &tags.update_ratio, if update == 0.0 { 0.0 } else { update / weights.norm() });
            }
            // Of what is not finite there is no histogram: it has no smallest and no largest value.
            let histograms = histograms.into_iter().filter_map(|(tag, histogram)| Some((tag, histogram?)));
            parts.extend(histograms.map(|(tag, histogram)| Part::new(tag.clone(), Content::Histogram(histogram))));
        }
        let samples = self.reference.size().first().copied().unwrap_or(0) as usize;
        for tags in self.layers.iter().flatten() {
            let outputs = Figures::new(take(FIGURES), samples * tags.count);
            scalar(&mut parts, &tags.zeros, outputs.zeros() / outputs.count);
            is_broken |= !outputs.is_finite();
            parts.extend(
                outputs.histogram().map(|histogram| Part::new(tags.activations.clone(), Content::Histogram(histogram))),
            );
        }
        Checkup { picture: Picture { step: session.steps(), parts }, is_broken }
    }
}

/// Bytes that one look takes on disk at most.
fn most_bytes(parameters: &[ParameterTags], layers: &[Option<LayerTags>]) -> u64 {
    let histogram = 2 * (size_of::<f64>() * BUCKETS) as u64;
    let bytes = |tag: &Tag, content: u64| tag.len() as u64 + content + Part::SMALL_OVERHEAD;
    let of_parameter = |tags: &ParameterTags| {
        let scalars = [&tags.norm, &tags.grad_norm, &tags.update_ratio].map(|tag| bytes(tag, 0));
        scalars.iter().sum::<u64>() + bytes(&tags.weights, histogram) + bytes(&tags.grads, histogram)
    };
    let of_layer = |tags: &LayerTags| bytes(&tags.zeros, 0) + bytes(&tags.activations, histogram);
    parameters.iter().map(of_parameter).sum::<u64>() + layers.iter().flatten().map(of_layer).sum::<u64>()
}

/// Euclidean norm in float64, shape (1).
fn norm(tensor: &Tensor) -> Result<Tensor, TchError> {
    // Squares of what float32 holds are beyond float32.
    tensor.f_norm_scalaropt_dtype(2.0, Kind::Double)?.f_reshape([1])
}

/// What a tensor comes down to, float64 of shape ([`FIGURES`]). Waits for nothing: no number is read on the way.
fn figures_of(tensor: &Tensor) -> Result<Tensor, TchError> {
    let flat = tensor.f_reshape([-1])?;
    let (low, high) = flat.f_aminmax(0, false)?;
    // A range that is not finite, or has no width, gives places that mean nothing; they must be places all the same, and
    // are not used.
    let scale = high.f_sub(&low)?.f_reciprocal()?.f_mul_scalar(BUCKETS as f64)?;
    let places = flat.f_sub(&low)?.f_mul_(&scale)?.f_to_kind(Kind::Int64)?.f_clamp_(0, BUCKETS as i64 - 1)?;
    let one = Tensor::f_ones([1], (Kind::Double, flat.device()))?.f_expand_as(&places)?;
    let buckets = Tensor::f_zeros([BUCKETS as i64], (Kind::Double, flat.device()))?.f_scatter_add_(0, &places, &one)?;
    let sum = flat.f_sum(Kind::Double)?;
    let zeros = flat.f_eq(0.0)?.f_sum(Kind::Double)?;
    let rest = [low.f_to_kind(Kind::Double)?, high.f_to_kind(Kind::Double)?, sum, norm(&flat)?.f_square()?, zeros];
    let mut figures = vec![buckets];
    for figure in rest {
        figures.push(figure.f_reshape([1])?);
    }
    Tensor::f_cat(&figures, 0)
}

/// [`figures_of`] a tensor, here.
struct Figures<'a> {
    buckets: &'a [f64],
    rest: [f64; 5],
    count: f64,
}

impl<'a> Figures<'a> {
    fn new(figures: &'a [f64], count: usize) -> Self {
        let (buckets, others) = figures.split_at(BUCKETS.min(figures.len()));
        let mut rest = [f64::NAN; 5];
        rest.iter_mut().zip(others).for_each(|(figure, other)| *figure = *other);
        Self { buckets, rest, count: count as f64 }
    }

    fn is_finite(&self) -> bool {
        let [low, high, ..] = self.rest;
        low.is_finite() && high.is_finite()
    }

    fn norm(&self) -> f64 {
        self.rest[3].sqrt()
    }

    fn zeros(&self) -> f64 {
        self.rest[4]
    }

    /// None if a value is not finite, or there is none.
    fn histogram(&self) -> Option<Histogram> {
        let [min, max, sum, sum_squares, _] = self.rest;
        if !self.is_finite() || self.count == 0.0 {
            return None;
        }
        let width = max - min;
        let (limits, counts) = if width > 0.0 && width.is_finite() {
            let edge =
                |bucket: usize| if bucket == BUCKETS { max } else { min + width * bucket as f64 / BUCKETS as f64 };
            ((1..=BUCKETS).map(edge).collect(), self.buckets.to_vec())
        } else {
            (vec![max], vec![self.count])
        };
        Some(Histogram { min, max, count: self.count, sum, sum_squares, limits, counts })
    }
}

#[cfg(test)]
mod tests;
