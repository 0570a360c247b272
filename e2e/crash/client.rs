//! Clients that never give up: an order without an answer is sent again, under the same idempotency key, to the server
//! that comes after the one that died. So in the end the clients know every ticket that there is, but for the calls of
//! the face that has no keys: of those they know how many were never answered.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::chance::Chance;
use super::order::{Name, Order, Reply};
use super::world::Size;
use crate::rig::*;

/// What the server has accepted from a client.
#[derive(Debug, Clone)]
pub(crate) struct Promise {
    pub(crate) name: Name,
    pub(crate) kind: &'static str,
    pub(crate) subject: String,
}

/// What all clients know together, through all rounds.
#[derive(Debug)]
pub(super) struct Clients {
    /// Of the world that they order for.
    size: Size,
    promises: Mutex<Vec<Promise>>,
    /// Sent, but no answer came.
    unanswered: Mutex<Vec<Order>>,
    /// How many were sent that cannot be repeated, and no answer came: each may be on disk or not.
    lost: AtomicUsize,
    /// Answers of this round.
    answers: AtomicUsize,
    keys: AtomicUsize,
}

impl Clients {
    pub(super) fn of(size: Size) -> Self {
        Self {
            size,
            promises: Mutex::default(),
            unanswered: Mutex::default(),
            lost: AtomicUsize::default(),
            answers: AtomicUsize::default(),
            keys: AtomicUsize::default(),
        }
    }

    pub(super) fn promises(&self) -> Vec<Promise> {
        self.promises.lock().expect("no client panicked").clone()
    }

    /// How many orders may be on disk that no client knows.
    pub(super) fn lost(&self) -> usize {
        self.lost.load(Ordering::Relaxed)
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
                Order::any(self.size, &mut chance, format!("key-{key}"))
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
            self.keep(order);
            return false;
        };
        self.answers.fetch_add(1, Ordering::Relaxed);
        match reply {
            Reply::Accepted(name) => {
                let promise = Promise { name, kind: order.kind, subject: order.subject };
                self.promises.lock().expect("no client panicked").push(promise);
            }
            Reply::Refused => {}
            Reply::ComeBack(answer) | Reply::Broken(answer) => {
                assert!(faults, "something is broken: {order:?}: {answer:?}");
                self.keep(order);
            }
        }
        true
    }

    /// Keeps an order that was not answered, if it can be sent again.
    fn keep(&self, order: Order) {
        if order.may_be_repeated() {
            self.unanswered.lock().expect("no client panicked").push(order);
        } else {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}
