//! A world under load, round after round: a server, clients that keep it busy, its death, and the checks.

use std::process::ExitStatus;
use std::time::{Duration, Instant};

use serde_json::json;

use super::chance::Chance;
use super::checks::{self, Remains};
use super::client::{Clients, Promise};
use super::order::Name;
use super::world::{self, Size};
use crate::rig::*;

/// The load of a round that ends by itself: so many answers.
pub(super) const ANSWERS_PER_ROUND: usize = 120;
/// A point that is not reached within so many answers is given up.
const ANSWERS_MAX: usize = 3_000;
const CLIENTS: usize = 4;
/// How long the load of one round may take on a slow machine.
const LOAD_WITHIN: Duration = Duration::from_mins(3);
/// How long the last server may take: a ticket that met several faults waits for some of the longer delays.
const LAST_TICKET_WITHIN: Duration = Duration::from_mins(2);

/// Where a server was when it died.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Death {
    /// At the point that was chosen for it, while clients that had answers already were calling it.
    UnderLoad,
    /// At its point too, but before any client had an answer.
    AtStart,
    /// Not at its point, which the load never reached: it was killed after [`ANSWERS_MAX`] answers.
    NotReached,
}

/// A world and its clients.
#[derive(Debug)]
pub(super) struct Load {
    pub(super) world: World,
    credential: String,
    clients: Clients,
    pub(super) chance: Chance,
    rounds: usize,
}

impl Load {
    pub(super) fn on(kind: Kind, seed: u64) -> Self {
        let size = Size::on(kind);
        let world = World::on(kind, &world::catalogue(seed, size));
        let credential = world.credential("alice", &[]);
        let (clients, chance) = (Clients::of(size), Chance::new(seed));
        Self { world, credential, clients, chance, rounds: 0 }
    }

    /// Starts a server behind `prefix`, a tracer that kills it at some point, keeps it busy until it dies, and checks
    /// the files. `place` names the point in failures.
    pub(super) fn killed_by(&mut self, prefix: &[&str], place: &str) -> Death {
        self.rounds += 1;
        self.clients.begin_round();
        let mut command = self.world.serve_under(prefix);
        let status = match Server::try_start(&mut command, self.world.dir()) {
            Ok(mut server) => self.busy(&mut server, ANSWERS_MAX, false),
            Err(status) => Some(status),
        };
        let death = match status {
            None => Death::NotReached,
            Some(status) => {
                let signal = std::os::unix::process::ExitStatusExt::signal(&status);
                assert_eq!(signal, Some(9), "it died of something else at {place}: {status}");
                if self.clients.answers() > 0 { Death::UnderLoad } else { Death::AtStart }
            }
        };
        self.check(place);
        death
    }

    /// Kills a server in the midst of its work, once it has answered `answers` times, and checks the files.
    pub(super) fn killed_after(&mut self, answers: usize) {
        let place = format!("{answers} answers");
        let ended = self.round(&[PROVISOR], answers, false);
        assert_eq!(ended, None, "no reason to die: {place}");
        self.check(&place);
    }

    /// A round with a disk that is full for a while: the clients may be told so, and the server goes on.
    pub(super) fn round_with_a_full_disk(&mut self, prefix: &[&str], place: &str) {
        let ended = self.round(prefix, ANSWERS_PER_ROUND, true);
        assert_eq!(ended, None, "no reason to die: {place}");
        self.check(place);
    }

    /// A round with a disk that fails. Answers whether the server ended by itself; it must not die of anything else.
    pub(super) fn round_with_a_failing_disk(&mut self, prefix: &[&str], place: &str) -> bool {
        let ended = self.round(prefix, ANSWERS_MAX, true);
        let code = ended.map(|status| status.code());
        assert!(matches!(code, None | Some(Some(1))), "it died at {place}: {ended:?}");
        self.check(place);
        ended.is_some()
    }

    /// Keeps a server behind `prefix` busy until it ends or has answered `answers` times. How it ended by itself.
    fn round(&mut self, prefix: &[&str], answers: usize, faults: bool) -> Option<ExitStatus> {
        self.rounds += 1;
        self.clients.begin_round();
        let mut server = Server::start(&mut self.world.serve_under(prefix), self.world.dir());
        self.busy(&mut server, answers, faults)
    }

    /// Keeps `server` busy until it has answered `answers` times, and kills it. How it had ended, if it died before.
    fn busy(&mut self, server: &mut Server, answers: usize, faults: bool) -> Option<ExitStatus> {
        let callers: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let seed = u64::try_from(self.chance.below(usize::MAX)).expect("31 bits fit");
                (Caller::new(server, "alice", &self.credential), Chance::new(seed))
            })
            .collect();
        let clients = &self.clients;
        std::thread::scope(|scope| {
            for (caller, chance) in callers {
                scope.spawn(move || clients.keep_busy(caller, chance, faults));
            }
            let what = "the server to die or to answer often enough";
            let (began, mut slow) = (Instant::now(), false);
            let died = eventually_within(2 * LOAD_WITHIN, what, || {
                slow = began.elapsed() > LOAD_WITHIN;
                let died = server.ended();
                (died.is_some() || slow || clients.answers() >= answers).then_some(died)
            });
            // The clients are still calling, and stop when nobody answers any more; so first this, then the complaint.
            server.kill();
            assert!(!slow, "{} answers in {LOAD_WITHIN:?}", clients.answers());
            died
        })
    }

    /// What the clients were promised so far.
    pub(super) fn promises(&self) -> Vec<Promise> {
        self.clients.promises()
    }

    /// Holds what the server left against the invariants.
    pub(super) fn check(&self, place: &str) {
        checks::remains(&Remains::of(&self.world), &self.promises(), place);
    }

    /// Lets a server finish what is open, and stops it as an operator would.
    pub(super) fn drain(&self) {
        let mut server = self.world.serve();
        self.clients.settle(Caller::new(&server, "alice", &self.credential));
        self.wait_for_the_last_ticket();
        server.terminate(Duration::from_secs(10));
    }

    fn wait_for_the_last_ticket(&self) {
        let books = self.world.books();
        let open = "SELECT id FROM ticket WHERE finished_at IS NULL LIMIT 1";
        let all_over = || books.rows(open).is_empty().then_some(());
        eventually_within(LAST_TICKET_WITHIN, "every ticket to end", all_over);
    }

    /// Lets a last server answer what was never answered and finish what is open, and checks that everything has
    /// ended and agrees, and that there is no ticket that no client knows. Answers how many tickets there are.
    pub(super) fn finish(self) -> usize {
        self.drain();
        let mut server = self.world.serve();
        let mut alice = Caller::new(&server, "alice", &self.credential);
        let promises = self.clients.promises();
        for promise in promises.iter().rev().take(50) {
            if let Name::Ticket(id) = promise.name {
                let ticket = alice.ticket(&id.to_string());
                assert_ne!(ticket["status"], "Processing", "{ticket}");
                assert_eq!(ticket["sim"], json!(promise.subject));
            }
        }
        server.kill();
        self.check("the end");
        checks::all_tickets_are_known(&self.world.books(), &promises, self.clients.lost());
        let (rounds, tickets) = (self.rounds, promises.len());
        assert!(tickets > rounds, "the clients were not let in: {tickets} in {rounds} rounds");
        tickets
    }
}
