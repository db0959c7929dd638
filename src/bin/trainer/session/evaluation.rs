//! How good the network is on a whole set, counted piece by piece.

use ndarray::{Array1, Array2};
use tch::{Kind, TchError, Tensor};
use torchscope::recipe::{Activation, Loss};

use super::{Gather, Samples};
use crate::loss;
use crate::network::{LayerOutput, Network, activate};

/// The network on the evaluation set, with the parameters and running statistics of one step.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Evaluation {
    /// Mean over samples and outputs.
    pub(crate) loss: f64,
    /// Share of samples that are taken for what they are, 0 to 1; none where there are no classes to tell apart, or where
    /// the loss is not finite: an output that is no number is none of the classes, though it would be counted as one.
    pub(crate) accuracy: Option<f64>,
    /// How often a class (row) was taken for which (column), shape (classes, classes); none where there is no accuracy.
    pub(crate) confusion: Option<Array2<f32>>,
    /// For each layer the largest magnitude of each channel or unit AFTER the activation, anywhere in the set.
    pub(crate) peaks: Vec<Array1<f32>>,
}

/// How to evaluate on one set.
pub(super) struct Examiner {
    loss: Loss,
    /// Classes to tell apart, and the first place of each sample's row in a confusion matrix: i64, shape (n).
    rows: Option<(i64, Tensor)>,
}

impl Examiner {
    /// `classes` is none where the targets are none.
    pub(super) fn new(loss: Loss, classes: Option<usize>, samples: &Samples) -> Result<Self, TchError> {
        let rows = match (classes, &samples.labels) {
            (Some(classes), Some(labels)) => Some((classes as i64, labels.f_mul_scalar(classes as i64)?)),
            _ => None,
        };
        Ok(Self { loss, rows })
    }

    /// Evaluates `network` on `samples`, the `pieces` (start and length) of them one after the other.
    pub(super) fn examine(
        &self,
        network: &Network,
        samples: &Samples,
        pieces: impl Iterator<Item = (i64, i64)>,
    ) -> Result<Evaluation, TchError> {
        let _guard = tch::no_grad_guard();
        let last = network.last_activation();
        let pieces: Vec<(i64, i64)> = pieces.collect();
        let mut losses = Gather::new(pieces.len() as i64);
        let mut confusion: Option<Tensor> = None;
        let mut peaks: Vec<Tensor> = Vec::new();
        for &(start, length) in &pieces {
            let outputs = network.trace(&samples.inputs.f_narrow(0, start, length)?)?;
            peaks = grown(&peaks, &outputs, network)?;
            let Some(output) = outputs.last() else { break };
            if let Some((classes, rows)) = &self.rows {
                let places = rows.f_narrow(0, start, length)?.f_add(&self.class_of(last, &output.before)?)?;
                let counts = places.f_bincount::<Tensor>(None, classes * classes)?;
                confusion = Some(match confusion {
                    Some(sum) => sum.f_add(&counts)?,
                    None => counts,
                });
            }
            let truth = samples.truth(self.loss).f_narrow(0, start, length)?;
            losses.add(&loss::mean(self.loss, last, output.before.shallow_clone(), &truth)?.f_reshape([1])?)?;
        }
        // On a device all pieces are waited for once.
        let losses = if peaks.is_empty() { None } else { Some(losses.finish()?) };
        let mut numbers = fetch([losses, confusion].into_iter().chain(peaks.into_iter().map(Some)))?.into_iter();
        let (losses, counts) = (numbers.next().flatten().unwrap_or_default(), numbers.next().flatten());
        let sum: f64 = losses.iter().zip(&pieces).map(|(loss, (_, length))| *length as f64 * loss).sum();
        let loss = sum / pieces.iter().map(|(_, length)| length).sum::<i64>() as f64;
        let confusion = match (&self.rows, counts) {
            (Some((classes, _)), Some(counts)) if loss.is_finite() => {
                Some(Array2::from_shape_vec((*classes as usize, *classes as usize), single(&counts))?)
            }
            _ => None,
        };
        Ok(Evaluation {
            loss,
            accuracy: confusion.as_ref().map(share_on_diagonal),
            confusion,
            peaks: numbers.map(|peaks| single(&peaks.unwrap_or_default()).into()).collect(),
        })
    }

    /// The class that each sample is taken for, shape (n), an index or whether it is the second of two.
    fn class_of(&self, last: Activation, logits: &Tensor) -> Result<Tensor, TchError> {
        let is_second = match (self.loss, last) {
            (Loss::CrossEntropy, _) => return logits.f_argmax(1, false),
            // A sigmoid is above one half where its argument is above 0.
            (_, Activation::Sigmoid) => logits.f_gt(0.0)?,
            _ => activate(last, logits.shallow_clone())?.f_gt(0.5)?,
        };
        is_second.f_reshape([-1])
    }
}

/// `peaks`, empty or of as many layers, with the largest magnitudes of `outputs` in them.
fn grown(peaks: &[Tensor], outputs: &[LayerOutput], network: &Network) -> Result<Vec<Tensor>, TchError> {
    let here = outputs.iter().zip(network.activations()).map(|(output, activation)| {
        // Two activations have no sign to take away.
        let magnitudes = match activation {
            Activation::Relu | Activation::Sigmoid => output.after.shallow_clone(),
            _ => output.after.f_abs()?,
        };
        let others: Vec<i64> = (0..magnitudes.dim() as i64).filter(|axis| *axis != 1).collect();
        magnitudes.f_amax(others, false)
    });
    if peaks.is_empty() {
        return here.collect();
    }
    here.zip(peaks).map(|(here, peak)| here?.f_maximum(peak)).collect()
}

/// The numbers of `tensors`, where there are any, in one transfer: a device is waited for each time. In double precision,
/// which takes counts and single precision as they are.
fn fetch(tensors: impl Iterator<Item = Option<Tensor>>) -> Result<Vec<Option<Vec<f64>>>, TchError> {
    let flat = tensors.map(|tensor| tensor.map(|tensor| tensor.f_to_kind(Kind::Double)?.f_reshape([-1])).transpose());
    let flat: Vec<Option<Tensor>> = flat.collect::<Result<_, TchError>>()?;
    let there: Vec<&Tensor> = flat.iter().flatten().collect();
    if there.is_empty() {
        return Ok(vec![None; flat.len()]);
    }
    let mut numbers = Vec::<f64>::try_from(Tensor::f_cat(&there, 0)?)?.into_iter();
    Ok(flat
        .iter()
        .map(|tensor| tensor.as_ref().map(|tensor| numbers.by_ref().take(tensor.numel()).collect()))
        .collect())
}

fn single(numbers: &[f64]) -> Vec<f32> {
    numbers.iter().map(|number| *number as f32).collect()
}

fn share_on_diagonal(confusion: &Array2<f32>) -> f64 {
    let sum = |counts: &mut dyn Iterator<Item = &f32>| counts.map(|count| f64::from(*count)).sum::<f64>();
    sum(&mut confusion.diag().iter()) / sum(&mut confusion.iter())
}
