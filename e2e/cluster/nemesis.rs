//! The nemesis: does one bad thing after the other, by a plan that its seed decides. What it does to a node lasts while it
//! does the next thing, so that troubles overlap.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use provisor_domain::clock::{Clock as _, SystemClock};
use provisor_domain::limits::LEASE_SECONDS;

use crate::crash::Chance;
use crate::rig::*;

use super::nodes::Nodes;

/// How long it pauses at most between two deeds, in milliseconds.
const PAUSE_MILLIS_MAX: usize = 4_000;
/// How long a freeze lasts at most, in seconds: twice a lease.
const FREEZE_SECONDS_MAX: usize = 30;
/// How long bytes are held up at most, in seconds.
const HOLD_SECONDS_MAX: usize = 15;
/// After every deed somebody must be answered within this, whatever the deed was.
const ANSWERED_WITHIN: Duration = Duration::from_mins(2);

/// A bad thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Deed {
    Kill,
    Terminate,
    Freeze,
    Cut,
    Hold,
    RestartServer,
    StopServer,
    KillServer,
}

impl Deed {
    /// Whether it leaves a node in trouble for a while.
    fn lasts(self) -> bool {
        matches!(self, Self::Kill | Self::Terminate | Self::Freeze | Self::Hold)
    }
}

/// In which proportion they are done: all of these, in any order, then all of them again.
const DEEDS: [Deed; 16] = [
    Deed::Kill,
    Deed::Kill,
    Deed::Kill,
    Deed::Terminate,
    Deed::Freeze,
    Deed::Freeze,
    Deed::Freeze,
    Deed::Freeze,
    Deed::Cut,
    Deed::Cut,
    Deed::Cut,
    Deed::Hold,
    Deed::Hold,
    Deed::RestartServer,
    Deed::StopServer,
    Deed::KillServer,
];

/// A node that was frozen, and when it went on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Thaw {
    pub(super) node: usize,
    pub(super) frozen_millis: u128,
    pub(super) at: Timestamp,
}

/// What is wrong with a node just now.
#[derive(Debug, Clone, Copy)]
enum Trouble {
    Down,
    Frozen { since: Instant },
    Held,
}

/// The nemesis of a cluster.
pub(super) struct Nemesis<'a> {
    nodes: &'a Nodes,
    cluster: Cluster,
    chance: Chance,
    troubles: BTreeMap<usize, (Instant, Trouble)>,
    /// What is to be done before anything is done once more.
    left: Vec<Deed>,
    deeds: BTreeMap<Deed, usize>,
    thaws: Vec<Thaw>,
}

impl<'a> Nemesis<'a> {
    pub(super) fn new(seed: u64, nodes: &'a Nodes, cluster: Cluster) -> Self {
        let (troubles, left, deeds, thaws) = Default::default();
        Self { nodes, cluster, chance: Chance::new(seed), troubles, left, deeds, thaws }
    }

    /// Does bad things until `until`, and ends all of them. `answers`: how many the clients have had.
    pub(super) fn work(&mut self, until: Instant, answers: impl Fn() -> usize) {
        while Instant::now() < until {
            let before = answers();
            self.do_one();
            let pause = Duration::from_millis(self.chance.below(PAUSE_MILLIS_MAX) as u64);
            self.wait(pause);
            eventually_within(ANSWERED_WITHIN, "somebody to be answered", || {
                self.end_what_is_over();
                (answers() > before).then_some(())
            });
        }
        for node in 0..self.nodes.count() {
            self.relieve(node);
        }
    }

    fn do_one(&mut self) {
        if self.left.is_empty() {
            self.left.extend(DEEDS);
        }
        let at = self.chance.below(self.left.len());
        let deed = self.left[at];
        // A node has one trouble at a time, and one node has none.
        let free: Vec<usize> =
            (0..self.nodes.count()).filter(|node| !self.troubles.contains_key(node)).collect();
        let node = free[self.chance.below(free.len())];
        if free.len() == 1 && deed.lasts() {
            return;
        }
        self.left.swap_remove(at);
        *self.deeds.entry(deed).or_default() += 1;
        let seconds = |chance: &mut Chance, most: usize| {
            Duration::from_millis(1_000 + chance.below((most - 1) * 1_000) as u64)
        };
        match deed {
            Deed::Kill => {
                self.nodes.kill(node);
                let span = seconds(&mut self.chance, 5);
                self.trouble(node, span, Trouble::Down);
            }
            Deed::Terminate => {
                self.nodes.terminate(node);
                let span = seconds(&mut self.chance, 5);
                self.trouble(node, span, Trouble::Down);
            }
            Deed::Freeze => {
                self.nodes.signal(node, "STOP");
                let span = seconds(&mut self.chance, FREEZE_SECONDS_MAX);
                self.trouble(node, span, Trouble::Frozen { since: Instant::now() });
            }
            Deed::Cut => self.nodes.proxies(node).iter().for_each(Chaos::cut),
            Deed::Hold => {
                let what = [Hold::Requests, Hold::Answers, Hold::Both][self.chance.below(3)];
                self.nodes.proxies(node).iter().for_each(|proxy| proxy.hold(what));
                let span = seconds(&mut self.chance, HOLD_SECONDS_MAX);
                self.trouble(node, span, Trouble::Held);
            }
            Deed::RestartServer => self.restart_server(Stop::Fast),
            Deed::StopServer => self.restart_server(Stop::Immediate),
            Deed::KillServer => self.restart_server(Stop::Kill),
        }
    }

    fn restart_server(&mut self, how: Stop) {
        self.cluster.stop(how);
        let back = Instant::now() + Duration::from_millis(self.chance.below(3_000) as u64);
        // No node could be started meanwhile: troubles last until the server is back.
        while let Some(left) = back.checked_duration_since(Instant::now()) {
            std::thread::park_timeout(left);
        }
        self.cluster.start();
    }

    fn trouble(&mut self, node: usize, span: Duration, trouble: Trouble) {
        self.troubles.insert(node, (Instant::now() + span, trouble));
    }

    /// Lets time pass, and ends what is over.
    fn wait(&mut self, span: Duration) {
        let end = Instant::now() + span;
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            std::thread::park_timeout(left.min(Duration::from_millis(50)));
            self.end_what_is_over();
        }
    }

    fn end_what_is_over(&mut self) {
        let now = Instant::now();
        let over: Vec<usize> = self
            .troubles
            .iter()
            .filter(|(_, (end, _))| *end <= now)
            .map(|(node, _)| *node)
            .collect();
        for node in over {
            self.relieve(node);
        }
    }

    /// Ends a node's trouble.
    fn relieve(&mut self, node: usize) {
        match self.troubles.remove(&node) {
            None => {}
            Some((_, Trouble::Down)) => self.nodes.begin(node),
            Some((_, Trouble::Frozen { since })) => {
                let at = SystemClock.now();
                self.nodes.signal(node, "CONT");
                let frozen_millis = since.elapsed().as_millis();
                self.thaws.push(Thaw { node, frozen_millis, at });
            }
            Some((_, Trouble::Held)) => {
                let cut = self.chance.below(2) == 0;
                for proxy in self.nodes.proxies(node) {
                    if cut {
                        proxy.cut();
                    }
                    proxy.let_go();
                }
            }
        }
    }

    /// Asserts that it did each of its deeds, and froze a node for longer than a lease.
    pub(super) fn shows_all_deeds(&self) {
        assert!(DEEDS.iter().all(|deed| self.deeds.contains_key(deed)), "{self}");
        assert!(self.longest_freeze_millis() > u128::from(LEASE_SECONDS) * 1_000, "{self}");
    }

    fn longest_freeze_millis(&self) -> u128 {
        self.thaws.iter().map(|thaw| thaw.frozen_millis).max().unwrap_or(0)
    }

    /// What it did, in words, and what it froze.
    pub(super) fn end(&self) -> (String, Vec<Thaw>) {
        (self.to_string(), self.thaws.clone())
    }
}

impl fmt::Display for Nemesis<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} deeds:", self.deeds.values().sum::<usize>())?;
        for (deed, count) in &self.deeds {
            write!(f, " {deed:?} {count}")?;
        }
        write!(f, "; longest freeze {} ms", self.longest_freeze_millis())
    }
}
