//! Clients that never give up: an order without an answer is sent again, under the same idempotency key, to the server
//! that comes after the one that died. So in the end the clients know every ticket that there is.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::chance::Chance;
use super::order::{Order, Reply};
use crate::rig::*;

/// A ticket that the server has given to a client.
#[derive(Debug, Clone)]
pub(super) struct Promise {
    pub(super) ticket: i64,
    pub(super) kind: &'static str,
    pub(super) sim: String,
}

/// What all clients know together, through all rounds.
#[derive(Debug, Default)]
pub(super) struct Clients {
    promises: Mutex<Vec<Promise>>,
    /// Sent, but no answer came.
    unanswered: Mutex<Vec<Order>>,
    /// Answers of this round.
    answers: AtomicUsize,
    keys: AtomicUsize,
}

impl Clients {
    pub(super) fn promises(&self) -> Vec<Promise> {
        self.promises.lock().expect("no client panicked").clone()
    }

    /// How many answers there were since [`Self::begin_round`].
    pub(super) fn answers(&self) -> usize {
        self.answers.load(Ordering::Relaxed)
    }

    pub(super) fn begin_round(&self) {
        self.answers.store(0, Ordering::Relaxed);
    }

    /// Keeps the server busy until it is gone. `faults` says whether it may answer that something is broken.
    pub(super) fn keep_busy(&self, mut caller: Caller, mut chance: Chance, faults: bool) {
        loop {
            let waiting = self.unanswered.lock().expect("no client panicked").pop();
            let order = waiting.unwrap_or_else(|| {
                let key = self.keys.fetch_add(1, Ordering::Relaxed);
                Order::any(&mut chance, format!("key-{key}"))
            });
            if !self.send(&mut caller, order, faults) {
                return;
            }
        }
    }

    /// Sends again what was never answered.
    pub(super) fn settle(&self, mut caller: Caller) {
        let waiting = std::mem::take(&mut *self.unanswered.lock().expect("no client panicked"));
        for order in waiting {
            assert!(self.send(&mut caller, order, false), "the last server died");
        }
    }

    /// Sends one order; false when the server is gone.
    fn send(&self, caller: &mut Caller, order: Order, faults: bool) -> bool {
        let Ok(reply) = order.send(caller) else {
            self.unanswered.lock().expect("no client panicked").push(order);
            return false;
        };
        self.answers.fetch_add(1, Ordering::Relaxed);
        match reply {
            Reply::Ticket(ticket) => {
                let promise = Promise { ticket, kind: order.kind, sim: order.sim };
                self.promises.lock().expect("no client panicked").push(promise);
            }
            Reply::Refused => {}
            Reply::Broken => {
                assert!(faults, "something is broken: {order:?}");
                self.unanswered.lock().expect("no client panicked").push(order);
            }
        }
        true
    }
}
