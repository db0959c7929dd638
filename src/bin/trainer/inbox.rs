//! Orders to the training thread. It looks at one atomic a step and never waits, unless it has nothing to do.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use torchscope::run::Plane;

/// What the training thread is told to do, from its next step on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Order {
    Pause,
    Resume,
    /// Take so many steps, then pause.
    Steps(u64),
    /// Train to the end of the epoch, then pause.
    Epoch,
    SetLr(f64),
    /// Epochs a second while watched; none for as fast as it goes.
    SetPace(Option<f64>),
    /// Look at the network with the probe at that place from now on, most of the time.
    Look(usize),
    /// Compute the loss over that plane from now on.
    Plane(Plane),
    /// So many viewers watch now.
    Watchers(u32),
    /// Write a checkpoint after the current step.
    Checkpoint,
    /// Wait for the disk to have room, or do so no longer.
    Hold(bool),
    /// Raise an alarm: a checkpoint could not be written. [`crate::status::Status`] knows why.
    Complain,
    /// End after the current step; because of that signal, if one is given.
    Stop {
        signal: Option<i32>,
    },
}

/// More unread orders than this are refused. A step that takes a minute must not let a client fill the memory.
const MOST_ORDERS: usize = 1024;

/// The training thread does not read its orders at the moment; a step takes long.
#[derive(Debug, thiserror::Error)]
#[error("{MOST_ORDERS} commands wait for the current step to end; try again when it has")]
pub(crate) struct InboxFull;

/// A queue with one reader, the training thread.
#[derive(Default)]
pub(crate) struct Inbox {
    /// Whether `orders` holds anything; all that a step looks at.
    waiting: AtomicBool,
    orders: Mutex<VecDeque<Order>>,
    arrival: Condvar,
}

impl Inbox {
    /// Queues `order` and wakes the reader, should it wait.
    pub(crate) fn send(&self, order: Order) -> Result<(), InboxFull> {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        // A stop always gets through: it is what one sends to a trainer that does not answer.
        if orders.len() >= MOST_ORDERS
            && !matches!(order, Order::Stop { .. } | Order::Watchers(_) | Order::Hold(_) | Order::Complain)
        {
            return Err(InboxFull);
        }
        orders.push_back(order);
        self.waiting.store(true, Ordering::Release);
        self.arrival.notify_one();
        Ok(())
    }

    /// Whether there is an order to take.
    pub(crate) fn has_orders(&self) -> bool {
        self.waiting.load(Ordering::Relaxed)
    }

    /// The next order, if there is one. Costs one relaxed load if there is none.
    pub(crate) fn next(&self) -> Option<Order> {
        if !self.waiting.load(Ordering::Relaxed) {
            return None;
        }
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        let order = orders.pop_front();
        self.waiting.store(!orders.is_empty(), Ordering::Relaxed);
        order
    }

    /// Waits for an order, `longest` at most; none waits as long as it takes. Does not take it.
    pub(crate) fn wait(&self, longest: Option<Duration>) {
        let orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        match longest {
            Some(longest) => drop(self.arrival.wait_timeout_while(orders, longest, |orders| orders.is_empty())),
            None => drop(self.arrival.wait_while(orders, |orders| orders.is_empty())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_come_out_as_they_went_in() {
        let inbox = Inbox::default();
        assert_eq!(inbox.next(), None);
        assert!(!inbox.has_orders());
        inbox.send(Order::Pause).unwrap();
        assert!(inbox.has_orders());
        inbox.send(Order::SetLr(0.5)).unwrap();
        assert_eq!(inbox.next(), Some(Order::Pause));
        assert_eq!(inbox.next(), Some(Order::SetLr(0.5)));
        assert_eq!(inbox.next(), None);
    }

    #[test]
    fn a_flood_is_refused_and_a_stop_is_not() {
        let inbox = Inbox::default();
        for _ in 0..MOST_ORDERS {
            inbox.send(Order::Pause).unwrap();
        }
        assert!(inbox.send(Order::Resume).is_err());
        inbox.send(Order::Stop { signal: None }).unwrap();
    }

    #[test]
    fn an_order_ends_the_wait() {
        let inbox = Inbox::default();
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| {
                inbox.wait(None);
                inbox.next()
            });
            inbox.send(Order::Resume).unwrap();
            assert_eq!(waiter.join().unwrap(), Some(Order::Resume));
        });
        inbox.wait(Some(Duration::ZERO));
    }
}
