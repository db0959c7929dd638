//! Losses to compare an autoencoder's with: what no network can beat, and what something simpler reaches.

use tch::{Device, Reduction, TchError, Tensor};
use torchscope::recipe::{self, Loss, Recipe, Target};
use torchscope::run::Reference;

use crate::session::{Samples, Session};

/// Half a grey level: a pixel is not known any better, and cross-entropy forgives no certainty.
const HALF_LEVEL: f64 = 1.0 / 510.0;
/// Pictures that the principal components are taken of at most, thinned evenly: 0.3 s of one core for 784 pixels.
const MOST_FITTED: i64 = 10_000;
/// More pixels than this have too many covariances.
const MOST_PIXELS: usize = 1024;

/// What else reaches which loss on the evaluation set; nothing where the target is not the input.
pub(crate) fn measure(
    recipe: &Recipe,
    network: &recipe::Network,
    session: &Session,
) -> Result<Vec<Reference>, TchError> {
    if recipe.data.target() == Target::Label {
        return Ok(Vec::new());
    }
    let _guard = tch::no_grad_guard();
    let truth = &session.evaluated().targets;
    let mean = session.samples().targets.f_mean_dim([0].as_slice(), true, None)?;
    let mut references = Vec::new();
    let mut compare = |name: String, guess: &Tensor| {
        let loss = loss(recipe.loss, guess, truth)?;
        // Where the data holds what is no number there is nothing to compare with.
        references.extend(loss.is_finite().then_some(Reference { name, loss }));
        Ok::<_, TchError>(())
    };
    // The squared error of a perfect reconstruction is 0, which needs no line.
    if recipe.loss == Loss::Bce {
        compare("perfect".to_owned(), truth)?;
    }
    let doubtful = |guess: Tensor| match recipe.loss {
        Loss::Bce => guess.f_clamp(HALF_LEVEL, 1.0 - HALF_LEVEL),
        Loss::Mse | Loss::CrossEntropy => Ok(guess),
    };
    compare("mean image".to_owned(), &doubtful(mean.f_expand_as(truth)?)?)?;
    if let Some(code) = network.code()
        && mean.numel() <= MOST_PIXELS
    {
        let width = network.layers[code].channels();
        // A line on a chart is no reason not to train.
        match principal(&thinned(session.samples())?.f_sub(&mean)?, width as i64) {
            Ok(components) => {
                let codes = truth.f_sub(&mean)?.f_matmul(&components)?;
                let guess = codes.f_matmul(&components.f_transpose(0, 1)?)?.f_add(&mean)?;
                compare(format!("PCA-{width}"), &doubtful(guess)?)?;
            }
            Err(error) => tracing::warn!("no principal components to compare with: {}", first_line(&error)),
        }
    }
    Ok(references)
}

/// At most [`MOST_FITTED`] targets, shape (n, pixels).
fn thinned(samples: &Samples) -> Result<Tensor, TchError> {
    let count = samples.targets.size()[0];
    let shown = count.min(MOST_FITTED);
    let places: Vec<i64> = (0..shown).map(|index| index * count / shown).collect();
    let places = Tensor::f_from_slice(&places)?.f_to_device(samples.targets.device())?;
    samples.targets.f_index_select(0, &places)
}

/// The `count` directions in which `centred`, shape (n, pixels), spreads most; shape (pixels, count).
fn principal(centred: &Tensor, count: i64) -> Result<Tensor, TchError> {
    let covariance = centred.f_transpose(0, 1)?.f_matmul(centred)?;
    let directions = directions(&covariance, |matrix| matrix.f_linalg_eigh("L").map(|(_, directions)| directions))?;
    directions.f_narrow(1, directions.size()[1] - count, count)
}

/// What `solve` says of a covariance: its axes, variances in ascending order. A build of libtorch may lack the solver for a
/// device, or fail there where the CPU does not; the axes come back to the device.
fn directions(
    covariance: &Tensor,
    mut solve: impl FnMut(&Tensor) -> Result<Tensor, TchError>,
) -> Result<Tensor, TchError> {
    solve(covariance).or_else(|error| {
        tracing::warn!("principal components are tried again on the CPU: {}", first_line(&error));
        solve(&covariance.f_to_device(Device::Cpu)?)?.f_to_device(covariance.device())
    })
}

/// What follows in libtorch's errors is a stack of C++ frames.
fn first_line(error: &TchError) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

/// Mean over all pixels. That of certain pixels with themselves is 0: libtorch cuts the logarithm off. NaN where a pixel is
/// none or infinite, for which libtorch has an error: the solver gives such axes for fewer pictures than components.
fn loss(loss: Loss, guess: &Tensor, truth: &Tensor) -> Result<f64, TchError> {
    for pixels in [guess, truth] {
        if pixels.f_isfinite()?.f_all()?.f_int64_value(&[])? == 0 {
            return Ok(f64::NAN);
        }
    }
    let mean = match loss {
        Loss::Bce => guess.f_binary_cross_entropy::<Tensor>(truth, None, Reduction::Mean)?,
        Loss::Mse | Loss::CrossEntropy => guess.f_mse_loss(truth, Reduction::Mean)?,
    };
    mean.f_double_value(&[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_that_a_device_does_not_find_are_found_on_the_cpu() {
        let covariance = Tensor::from_slice(&[2.0, 1.0, 1.0, 2.0]).view([2, 2]);
        let right = |matrix: &Tensor| matrix.f_linalg_eigh("L").map(|(_, directions)| directions);
        let wrong = |matrix: &Tensor| matrix.f_reshape([5]);
        let mut tries = 0;
        let found = directions(&covariance, |matrix| {
            tries += 1;
            if tries == 1 { wrong(matrix) } else { right(matrix) }
        });
        assert!(found.unwrap().equal(&right(&covariance).unwrap()));
        assert_eq!(tries, 2);
        assert!(directions(&covariance, wrong).is_err());
    }
}
