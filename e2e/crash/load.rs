//! A world under load, round after round: a server, clients that keep it busy, its death, and the checks.

use std::time::Duration;

use serde_json::json;

use super::client::{Chance, Clients};
use super::{checks, world};
use crate::rig::*;

/// A round ends after so many answers, if the server has not died before.
pub(super) const ANSWERS_PER_ROUND: usize = 120;
const CLIENTS: usize = 4;
/// How long the last server may take: a ticket that met several faults waits for some of the longer delays.
const LAST_TICKET_WITHIN: Duration = Duration::from_mins(2);

/// A world and its clients.
#[derive(Debug)]
pub(super) struct Load {
    pub(super) world: World,
    credential: String,
    clients: Clients,
    pub(super) chance: Chance,
    /// Rounds so far; those of them in which the server died at its point while it started; and under load.
    rounds: usize,
    hit_at_start: usize,
    hit_at_work: usize,
}

impl Load {
    pub(super) fn new(seed: u64) -> Self {
        let world = World::with(&world::catalogue(seed));
        let credential = world.credential("alice", &[]);
        let (clients, chance) = (Clients::default(), Chance::new(seed));
        Self { world, credential, clients, chance, rounds: 0, hit_at_start: 0, hit_at_work: 0 }
    }

    /// Starts a server behind `prefix`, keeps it busy until it dies or has answered `answers` times, kills it in the
    /// midst of its work, and checks the files. `place` names the point in failures.
    pub(super) fn round(&mut self, prefix: &[&str], place: &str, answers: usize) {
        self.rounds += 1;
        let mut command = self.world.serve_under(prefix);
        match Server::try_start(&mut command, self.world.dir()) {
            Ok(mut server) => {
                if self.died_of_itself(&mut server, answers, false) {
                    self.hit_at_work += 1;
                }
            }
            Err(status) => {
                let signal = std::os::unix::process::ExitStatusExt::signal(&status);
                assert_eq!(signal, Some(9), "it died of something else at {place}: {status}");
                self.hit_at_start += 1;
            }
        }
        self.check(place);
    }

    /// A round with a disk that fails: the clients may be told that something is broken.
    pub(super) fn round_with_faults(&mut self, prefix: &[&str], place: &str) {
        self.rounds += 1;
        let mut server = Server::start(&mut self.world.serve_under(prefix), self.world.dir());
        let died = self.died_of_itself(&mut server, ANSWERS_PER_ROUND, true);
        assert!(!died, "a disk that fails is no reason to die: {}", server.output().stderr());
        self.check(place);
    }

    /// Keeps `server` busy and ends it. True when it had died before that.
    fn died_of_itself(&mut self, server: &mut Server, answers: usize, faults: bool) -> bool {
        self.clients.begin_round();
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
            let died = eventually("the server to die or to answer often enough", || {
                if server.ended().is_some() {
                    return Some(true);
                }
                (clients.answers() >= answers).then_some(false)
            });
            // The clients are still calling, and stop when nobody answers any more.
            server.kill();
            died
        })
    }

    /// Holds the files against the invariants.
    pub(super) fn check(&self, place: &str) {
        checks::files(&self.world, &self.clients.promises(), place);
    }

    /// Lets a server finish what is open, and stops it as an operator would.
    pub(super) fn drain(&self) {
        let mut server = self.world.serve();
        self.clients.settle(Caller::new(&server, "alice", &self.credential));
        self.wait_for_the_last_ticket();
        server.terminate(Duration::from_secs(10));
    }

    fn wait_for_the_last_ticket(&self) {
        let books = checks::books(&self.world);
        let open = || {
            let count = "SELECT count(*) FROM ticket WHERE finished_at IS NULL";
            books.query_row(count, [], |row| row.get::<_, i64>(0)).expect("a count")
        };
        let all_over = || (open() == 0).then_some(());
        eventually_within(LAST_TICKET_WITHIN, "every ticket to end", all_over);
    }

    /// Lets a last server answer what was never answered and finish what is open, and checks that everything has
    /// ended and agrees, and that there is no ticket that no client knows.
    #[expect(clippy::print_stderr, reason = "a long run says what it has done")]
    pub(super) fn finish(self) {
        self.drain();
        let mut server = self.world.serve();
        let mut alice = Caller::new(&server, "alice", &self.credential);
        let promises = self.clients.promises();
        for promise in promises.iter().rev().take(50) {
            let ticket = alice.ticket(&promise.ticket.to_string());
            assert_ne!(ticket["status"], "Processing", "{ticket}");
            assert_eq!(ticket["sim"], json!(promise.sim));
        }
        server.kill();
        self.check("the end");
        checks::all_tickets_are_known(&self.world, &promises);
        let (rounds, tickets) = (self.rounds, promises.len());
        eprintln!(
            "{rounds} rounds: {} deaths at their point under load and {} at the start, the others when the load was \
             over; {tickets} tickets promised",
            self.hit_at_work, self.hit_at_start
        );
        assert!(tickets > rounds, "the clients were not let in: {tickets} in {rounds} rounds");
    }
}
