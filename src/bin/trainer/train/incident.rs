//! What is done about numbers that are not finite, and how alarms are raised.

use tch::TchError;
use torchscope::run::OnNan;

use super::Trainer;
use crate::alarm::fault::{self, Fault};
use crate::alarm::skipped::{Look, first_line};
use crate::alarm::{Alarm, number};
use crate::network::Mode;
use crate::outcome::Outcome;

/// An incident: it lasts until what was not finite is so again.
pub(super) struct Broken {
    what: Measured,
    pub(super) message: String,
    /// Whether training has stopped, paused or gone on for it.
    is_handled: bool,
}

/// What can be found not to be finite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measured {
    Loss,
    Evaluation,
    Checkup,
}

impl Trainer {
    /// What is done about a number that is not finite.
    pub(super) fn policy(&self) -> OnNan {
        self.on_nan.unwrap_or(if self.watchers > 0 { OnNan::Pause } else { OnNan::Stop })
    }

    /// Does what is to be done about an incident that has begun; an outcome ends the run.
    pub(super) fn heed(&mut self) -> Option<Outcome> {
        let policy = self.policy();
        let broken = self.broken.as_mut().filter(|broken| !broken.is_handled)?;
        broken.is_handled = true;
        match policy {
            OnNan::Stop => Some(Outcome::Diverged { message: broken.message.clone() }),
            OnNan::Pause => {
                self.pause();
                None
            }
            OnNan::Continue => None,
        }
    }

    /// Notes that something was not finite after `step`, and raises the alarm unless that is known.
    pub(super) fn broke(&mut self, what: Measured, step: u64, said: &str, fault: Option<&Fault>) {
        if self.broken.is_some() {
            return;
        }
        let epoch = step.saturating_sub(1) / self.session.steps_per_epoch() + 1;
        let lr = self.session.lr();
        let now = self.session.steps();
        let place = match fault {
            // A device that still computed when the loss was asked for is further by now, and the damage with it.
            Some(fault) if now > step => format!("; by step {now} {}", fault.describe()),
            Some(fault) => format!(": {}", fault.describe()),
            None => String::new(),
        };
        let message = format!(
            "{said} at step {step} (epoch {epoch}) with a learning rate of {}{place}; start again with a lower one (`--lr`)",
            number::chosen(lr)
        );
        self.raise(vec![fault::alarm(step, message.clone(), fault)]);
        self.broken = Some(Broken { what, message, is_handled: false });
    }

    /// Notes that `what` is finite: an incident of it is over.
    pub(super) fn mend(&mut self, what: Measured) {
        if self.broken.as_ref().is_some_and(|broken| broken.what == what && broken.is_handled) {
            self.broken = None;
        }
    }

    pub(super) fn raise(&mut self, alarms: Vec<Alarm>) {
        let alarms = alarms.into_iter().filter_map(|alarm| self.watch.admit(alarm)).collect();
        self.write_alarms(alarms);
    }

    pub(super) fn write_alarms(&mut self, alarms: Vec<Alarm>) {
        for alarm in alarms {
            tracing::warn!(step = alarm.step, count = alarm.count, "{}", alarm.message);
            // Alarms are few, and none may be lost.
            self.recorder.picture_of_moment(alarm.picture());
        }
    }

    /// How a run ends that has come to its last step with finite numbers.
    pub(super) fn verdict(&self) -> Outcome {
        let advice = "start again with a lower learning rate (`--lr`)";
        match self.watch.exploded() {
            Some(why) => Outcome::Diverged { message: format!("{why}; {advice}") },
            None => Outcome::Finished { remark: self.watch.worse().map(|what| format!("{what}; {advice}")) },
        }
    }

    /// Looks for what is not finite in the network as it is.
    pub(super) fn find(&mut self) -> Option<Fault> {
        let found = self.finder.find(&self.session, self.health.reference(), Mode::Evaluation);
        self.seen(Look::Fault, found).flatten()
    }

    /// What `look` gave, if it could be taken. That it could not is said once: it never ends training.
    pub(super) fn seen<T>(&mut self, look: Look, result: Result<T, TchError>) -> Option<T> {
        let error = match result {
            Ok(value) => return Some(value),
            Err(error) => error.to_string(),
        };
        let alarm = self.watch.skipped(self.session.steps(), look, first_line(&error));
        self.raise(alarm.into_iter().collect());
        None
    }
}
