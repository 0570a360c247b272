//! Clients that never give up: an order without an answer is sent again, under the same idempotency key, to the server
//! that comes after the one that died. So in the end the clients know every ticket that there is.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::world;
use crate::rig::*;

/// A small generator, so that a run can be repeated from its seed (xorshift64*, Vigna 2016).
#[derive(Debug, Clone)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number from 0 up to, but not including, `end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let drawn = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(drawn).expect("31 bits fit") % end.max(1)
    }
}

/// What a client wants.
#[derive(Debug, Clone)]
struct Order {
    method: &'static str,
    /// The kind of its ticket in the books.
    kind: &'static str,
    sim: String,
    members: Value,
    key: String,
}

impl Order {
    /// Any order for any SIM; many are refused, as the clients know nothing of each other.
    fn any(chance: &mut Chance, key: String) -> Self {
        let sim = world::sim(chance.below(world::SIMS));
        let service = json!({"sim": sim});
        let bar = json!({"service": service, "barCode": "AS_SUS_MSISDN"});
        let contract = ["1000274", "1900274"][chance.below(2)];
        let connect = json!({
            "sim": sim, "name": "Unit", "contractCode": contract, "tariffCode": "TEASEU1000MB",
            "APNCodes": "AS_APN_CROUT",
        });
        let name = format!("Unit {}", chance.below(1_000));
        let (method, kind, members) = match chance.below(8) {
            0..=2 => ("connectService", "connect", connect),
            3 => ("disconnectService", "disconnect", json!({"service": service})),
            4 => ("changeServiceName", "rename", json!({"service": service, "newName": name})),
            5 | 6 => ("addBar", "add_bar", bar),
            _ => ("removeBar", "remove_bar", bar),
        };
        Self { method, kind, sim, members, key }
    }
}

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
        let body = caller.body(&order.members);
        let path = format!("/api/v1/{}", order.method);
        let headers = [("Idempotency-Key", order.key.as_str())];
        let Ok(answer) = caller.http.try_post(&path, &headers, body.as_bytes()) else {
            self.unanswered.lock().expect("no client panicked").push(order);
            return false;
        };
        self.answers.fetch_add(1, Ordering::Relaxed);
        match answer.code().as_str() {
            "ok" => {
                let ticket = answer.ticket().parse().expect("a ticket's number");
                let promise = Promise { ticket, kind: order.kind, sim: order.sim };
                self.promises.lock().expect("no client panicked").push(promise);
            }
            // Clients who know nothing of each other run into these.
            "101" | "302" | "400" | "402" => {}
            // As good as no answer: the order may be on disk all the same.
            "000" | "001" if faults => {
                self.unanswered.lock().expect("no client panicked").push(order);
            }
            _ => panic!("{order:?}: {answer:?}"),
        }
        true
    }
}
