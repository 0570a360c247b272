//! Clients of a cluster: each orders of any node, keeps what it was told, and sends again under the same key what was not
//! answered, to whichever node comes next.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::crash::{Chance, Order, Promise, Reply, Size};
use crate::rig::*;

use super::nodes::Nodes;

/// How long a client stays away when nobody is there or it was told to come back (`Retry-After` says a second at least).
const PAUSE: Duration = Duration::from_millis(100);
/// How long the last orders may take until somebody answers them.
const SETTLED_WITHIN: Duration = Duration::from_mins(3);

/// What all clients know together.
pub(super) struct Clients {
    size: Size,
    credential: String,
    stopped: AtomicBool,
    keys: AtomicUsize,
    answers: AtomicUsize,
    refused: AtomicUsize,
    told_to_come_back: AtomicUsize,
    cut_off: AtomicUsize,
    lost: AtomicUsize,
    promises: Mutex<Vec<Promise>>,
    unanswered: Mutex<Vec<Order>>,
    /// When an order was accepted, in milliseconds since the start.
    accepted: Mutex<BTreeMap<u128, usize>>,
    began: Instant,
}

/// As long as this lives, the clients order.
pub(super) struct Until<'a>(&'a Clients);

impl Drop for Until<'_> {
    fn drop(&mut self) {
        self.0.stopped.store(true, Ordering::Relaxed);
    }
}

impl Clients {
    pub(super) fn new(size: Size, credential: String) -> Self {
        Self {
            size,
            credential,
            stopped: AtomicBool::new(false),
            keys: AtomicUsize::new(0),
            answers: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            told_to_come_back: AtomicUsize::new(0),
            cut_off: AtomicUsize::new(0),
            lost: AtomicUsize::new(0),
            promises: Mutex::default(),
            unanswered: Mutex::default(),
            accepted: Mutex::default(),
            began: Instant::now(),
        }
    }

    /// Orders until they are stopped, of a node that chance picks, changed when it does not answer.
    pub(super) fn order(&self, nodes: &Nodes, mut chance: Chance) {
        let mut caller: Option<Caller> = None;
        while !self.stopped.load(Ordering::Relaxed) {
            let there = caller.take().filter(|_| chance.below(20) > 0);
            let Some(mut here) = there.or_else(|| self.caller(nodes, chance.below(nodes.count())))
            else {
                std::thread::park_timeout(PAUSE);
                continue;
            };
            let waiting = self.unanswered.lock().expect("no client panicked").pop();
            let order = waiting.unwrap_or_else(|| {
                let key = self.keys.fetch_add(1, Ordering::Relaxed);
                Order::any(self.size, &mut chance, format!("key-{key}"))
            });
            if self.send(&mut here, order) {
                caller = Some(here);
            } else {
                std::thread::park_timeout(PAUSE);
            }
        }
    }

    fn caller(&self, nodes: &Nodes, node: usize) -> Option<Caller> {
        let http = Client::new(nodes.address(node)?);
        Some(Caller { http, username: "alice".to_owned(), password: self.credential.clone() })
    }

    /// Sends one order. False when it was not decided: the caller should stay away for a moment.
    fn send(&self, caller: &mut Caller, order: Order) -> bool {
        let Ok(reply) = order.send(caller) else {
            self.cut_off.fetch_add(1, Ordering::Relaxed);
            self.keep(order);
            return false;
        };
        self.answers.fetch_add(1, Ordering::Relaxed);
        match reply {
            Reply::Accepted(name) => {
                let promise = Promise { name, kind: order.kind, subject: order.subject };
                self.promises.lock().expect("no client panicked").push(promise);
                let second = self.began.elapsed().as_millis();
                *self.accepted.lock().expect("no client panicked").entry(second).or_default() += 1;
                true
            }
            Reply::Refused => {
                self.refused.fetch_add(1, Ordering::Relaxed);
                true
            }
            Reply::ComeBack(_) => {
                self.told_to_come_back.fetch_add(1, Ordering::Relaxed);
                self.keep(order);
                false
            }
            Reply::Broken(answer) => {
                panic!(
                    "{} says that something is broken: {order:?}: {answer:?}",
                    caller.http.address()
                )
            }
        }
    }

    /// Keeps an order that was not decided, if it can be sent again.
    fn keep(&self, order: Order) {
        if order.may_be_repeated() {
            self.unanswered.lock().expect("no client panicked").push(order);
        } else {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Stops them when what is answered is dropped, also by a test that fails.
    pub(super) fn until_dropped(&self) -> Until<'_> {
        Until(self)
    }

    /// Sends again what was never answered, until it is.
    pub(super) fn settle(&self, nodes: &Nodes) {
        let mut turn = 0;
        eventually_within(SETTLED_WITHIN, "every order to be answered", || {
            turn += 1;
            let waiting = std::mem::take(&mut *self.unanswered.lock().expect("no client panicked"));
            if let Some(mut caller) = self.caller(nodes, turn % nodes.count()) {
                for order in waiting {
                    self.send(&mut caller, order);
                }
            }
            self.unanswered.lock().expect("no client panicked").is_empty().then_some(())
        });
    }

    pub(super) fn answers(&self) -> usize {
        self.answers.load(Ordering::Relaxed)
    }

    pub(super) fn promises(&self) -> Vec<Promise> {
        self.promises.lock().expect("no client panicked").clone()
    }

    /// How many orders may be on disk that no client knows.
    pub(super) fn lost(&self) -> usize {
        self.lost.load(Ordering::Relaxed)
    }

    /// How many orders were accepted from this moment on.
    pub(super) fn accepted_since(&self, moment: Instant) -> usize {
        let from = moment.saturating_duration_since(self.began).as_millis();
        self.accepted
            .lock()
            .expect("no client panicked")
            .range(from..)
            .map(|(_, count)| count)
            .sum()
    }

    /// What they met, in words.
    pub(super) fn told(&self) -> String {
        let read = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        format!(
            "{} answers: {} accepted, {} refused, {} told to come back; {} times nobody answered, {} requests without \
             a key among both",
            read(&self.answers),
            self.promises.lock().expect("no client panicked").len(),
            read(&self.refused),
            read(&self.told_to_come_back),
            read(&self.cut_off),
            read(&self.lost),
        )
    }
}
