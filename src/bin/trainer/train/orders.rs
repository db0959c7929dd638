//! What viewers and signals ask for, between two steps.

use tch::TchError;
use torchscope::run::State;

use super::Trainer;
use crate::alarm::{Alarm, Kind};
use crate::inbox::Order;
use crate::outcome::Outcome;
use crate::pace::Pace;

/// Either the loop goes on, or the run ends.
type Flow = Result<Option<Outcome>, TchError>;

impl Trainer {
    /// Takes in every order that has arrived.
    pub(super) fn obey(&mut self) -> Flow {
        while let Some(order) = self.inbox.next() {
            let step = self.session.steps();
            match order {
                Order::Stop { signal } => return Ok(Some(Outcome::Stopped { signal })),
                Order::Pause => self.pause(),
                Order::Resume => self.resume(None),
                Order::Steps(steps) => {
                    // Steps ordered while others are still to be taken come on top.
                    let from = self.pause_at.filter(|_| !self.paused).unwrap_or(step);
                    self.resume(Some(from.saturating_add(steps)));
                }
                Order::Epoch => {
                    let per_epoch = self.session.steps_per_epoch();
                    self.resume(Some((step / per_epoch + 1).saturating_mul(per_epoch)));
                }
                Order::SetLr(lr) => {
                    self.session.set_lr(lr)?;
                    self.status.set_lr(lr);
                    self.status.live().lr = self.session.base_lr();
                }
                Order::SetPace(pace) => {
                    self.pace_wanted = pace;
                    self.status.live().pace = pace;
                    self.restart_pace();
                }
                Order::Look(probe) => {
                    self.gallery.ask(probe);
                    // A slow pace would keep people waiting for the next step.
                    self.look()?;
                }
                Order::Plane(plane) => {
                    if let Some(landscape) = &mut self.landscape {
                        landscape.turn_to(plane);
                    }
                }
                Order::Checkpoint => self.want_checkpoint(),
                Order::Hold(hold) => self.hold(hold),
                Order::Complain => {
                    let message = self.status.take_complaint();
                    self.raise(message.into_iter().map(|message| Alarm::new(step, Kind::Disk, message)).collect());
                }
                Order::Watchers(watchers) => {
                    self.watchers = watchers;
                    self.restart_pace();
                }
            }
            self.recorder.nudge();
        }
        Ok(None)
    }

    pub(super) fn pause(&mut self) {
        self.paused = true;
        self.pause_at = None;
        self.status.live().state = State::Paused;
        self.recorder.nudge();
    }

    /// Goes on, to pause again at step `until` if that is given.
    fn resume(&mut self, until: Option<u64>) {
        self.pause_at = until;
        self.paused = false;
        self.status.live().state = State::Running;
        self.restart_pace();
    }

    /// Holds the pace from here on, if somebody watches.
    fn restart_pace(&mut self) {
        let rate = self.pace_wanted.filter(|_| self.watchers > 0);
        self.pace = Pace::new(rate, self.session.steps_per_epoch(), self.session.steps(), self.status.now());
    }

    /// Waits for an order, with all that has been computed on show.
    pub(super) fn rest(&mut self) -> Result<(), TchError> {
        self.collect()?;
        let began = self.status.now();
        if self.held {
            // Nothing that could be looked at now could be written.
            self.inbox.wait(None);
            self.watch.interrupt();
            self.status.add_paused(self.status.now().saturating_duration_since(began));
            return Ok(());
        }
        self.save_if_due(began)?;
        if self.watchers > 0 {
            self.look_at_pause(self.status.active(began));
        }
        let longest = self.until_due(self.status.now());
        self.inbox.wait(longest);
        self.watch.interrupt();
        self.status.add_paused(self.status.now().saturating_duration_since(began));
        Ok(())
    }

    /// Waits for the disk, or no longer.
    fn hold(&mut self, hold: bool) {
        let is_new = hold && !self.held;
        self.held = hold;
        if let Some(trouble) = self.status.notes().trouble.filter(|_| is_new) {
            self.raise(vec![Alarm::new(trouble.step, Kind::Disk, trouble.message)]);
        }
        if !hold {
            self.restart_pace();
        }
    }
}
