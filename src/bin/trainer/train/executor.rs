//! What computes the steps: at once, or some time after they have been launched.

use tch::{Device, Kind, TchError, Tensor};

use crate::alarm::fault::{Fault, Finder};
use crate::alarm::skipped::first_line;
use crate::session::Session;

/// The batch's loss before a step.
pub(super) enum Loss {
    /// Known when the step has been taken.
    Known {
        value: f64,
        /// Where a value that is not finite comes from, if that was looked for and found.
        fault: Option<Fault>,
    },
    /// Not computed yet, perhaps: a tensor without dimensions on the device.
    Owed(Tensor),
}

/// Computes the steps of a session.
///
/// A device may compute a step long after it was launched, in the order of launches, and lets nobody see a value before.
/// So time is spent where a value is asked for, whatever it was spent on: a clock that is to measure anything but training
/// must not start before [`Self::fetch`] has brought every loss, and not stop before [`Self::synchronize`].
pub(super) trait Executor {
    /// Launches the next step of `session`. Where the loss is known before anything moves, and not finite, `finder` says
    /// where that comes from.
    fn launch(&mut self, session: &mut Session, finder: Option<&Finder>) -> Result<Loss, TchError>;

    /// The values of `losses`, in one transfer, which waits for every step launched so far.
    fn fetch(&mut self, losses: &[Tensor]) -> Result<Vec<f64>, TchError>;

    /// Waits until all that the device was given has been computed.
    fn synchronize(&mut self) -> Result<(), TchError>;
}

/// The executor for `device`.
pub(super) fn for_device(device: Device) -> Result<Box<dyn Executor>, TchError> {
    if device.is_cuda() { Ok(Box::new(Queued::new(device)?)) } else { Ok(Box::new(Immediate)) }
}

/// The values of `losses`, tensors without dimensions on one device.
pub(super) fn read(losses: &[Tensor]) -> Result<Vec<f64>, TchError> {
    Vec::<f64>::try_from(Tensor::f_stack(losses, 0)?.f_to_kind(Kind::Double)?)
}

/// The processor that this program runs on: libtorch computes there when it is told to.
pub(super) struct Immediate;

impl Executor for Immediate {
    fn launch(&mut self, session: &mut Session, finder: Option<&Finder>) -> Result<Loss, TchError> {
        let (mut value, mut fault) = (f64::NAN, None);
        let _loss = session.step_after(|session, loss, inputs, mode| {
            value = loss.f_double_value(&[])?;
            if let Some(finder) = finder.filter(|_| !value.is_finite()) {
                // Only now: the step would spread it over the whole network.
                fault = finder.find(session, inputs, mode).unwrap_or_else(|error| {
                    // The alarm then says that it happened, and not where.
                    tracing::warn!("not found where it came from: {}", first_line(&error.to_string()));
                    None
                });
            }
            Ok(())
        })?;
        Ok(Loss::Known { value, fault })
    }

    fn fetch(&mut self, losses: &[Tensor]) -> Result<Vec<f64>, TchError> {
        read(losses)
    }

    fn synchronize(&mut self) -> Result<(), TchError> {
        Ok(())
    }
}

/// A device with a queue of its own, as CUDA has.
pub(super) struct Queued {
    /// Zero, on the device. Its value arrives after all that was queued before it; unlike libtorch's own waiting, asking
    /// for it says what went wrong meanwhile.
    zero: Tensor,
}

impl Queued {
    pub(super) fn new(device: Device) -> Result<Self, TchError> {
        Ok(Self { zero: Tensor::f_zeros([], (Kind::Float, device))? })
    }
}

impl Executor for Queued {
    fn launch(&mut self, session: &mut Session, _finder: Option<&Finder>) -> Result<Loss, TchError> {
        session.step().map(Loss::Owed)
    }

    fn fetch(&mut self, losses: &[Tensor]) -> Result<Vec<f64>, TchError> {
        read(losses)
    }

    fn synchronize(&mut self) -> Result<(), TchError> {
        self.zero.f_double_value(&[]).map(|_zero| ())
    }
}
