//! Clients that keep a server busy until it dies, and remember what they were promised.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use super::{checks, world};
use crate::rig::*;

/// A round is over after so many answers, if the server has not died before.
pub(super) const CALLS_PER_ROUND: usize = 120;
const CLIENTS: usize = 4;
/// How long the last server may take: a ticket that met several faults waits for some of the longer delays.
const LAST_TICKET_WITHIN: Duration = Duration::from_mins(2);

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

/// A ticket that the server has given to a client.
#[derive(Debug, Clone)]
pub(super) struct Promise {
    pub(super) ticket: i64,
    pub(super) kind: &'static str,
    pub(super) sim: String,
}

/// A world, its clients and what they were promised so far.
#[derive(Debug)]
pub(super) struct Load {
    pub(super) world: World,
    credential: String,
    promises: Vec<Promise>,
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
        let chance = Chance::new(seed);
        Self {
            world,
            credential,
            promises: Vec::new(),
            chance,
            rounds: 0,
            hit_at_start: 0,
            hit_at_work: 0,
        }
    }

    /// Starts a server behind `prefix`, keeps it busy until it dies or has answered `calls` times, sees that it is
    /// dead, and checks the files. `place` names the point in failures.
    pub(super) fn round(&mut self, prefix: &[&str], place: &str, calls: usize) {
        self.rounds += 1;
        let mut command = self.world.serve_under(prefix);
        match Server::try_start(&mut command, self.world.dir()) {
            Ok(mut server) => {
                let promised = self.busy(&server, calls);
                if server.ended().is_some() || promised.died {
                    self.hit_at_work += 1;
                }
                server.kill();
                self.promises.extend(promised.promises);
            }
            Err(status) => {
                let signal = std::os::unix::process::ExitStatusExt::signal(&status);
                assert_eq!(signal, Some(9), "it died of something else at {place}: {status}");
                self.hit_at_start += 1;
            }
        }
        self.check(place);
    }

    /// Holds the files against the invariants.
    pub(super) fn check(&self, place: &str) {
        checks::files(&self.world, &self.promises, place);
    }

    /// Lets a server finish what is open, and stops it as an operator would.
    pub(super) fn drain(&self) {
        let mut server = self.world.serve();
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

    /// Sends orders from several clients at once.
    fn busy(&mut self, server: &Server, calls: usize) -> Busy {
        let left = AtomicUsize::new(calls);
        let busy = Mutex::new(Busy::default());
        std::thread::scope(|scope| {
            for _ in 0..CLIENTS {
                let chance = Chance::new(u64::try_from(self.chance.below(usize::MAX)).unwrap_or(1));
                let caller = Caller::new(server, "alice", &self.credential);
                let (left, busy) = (&left, &busy);
                scope.spawn(move || client(caller, chance, left, busy));
            }
        });
        busy.into_inner().expect("no client panicked")
    }

    /// Lets a last server finish what is open, and checks that everything has ended and agrees.
    #[expect(clippy::print_stderr, reason = "a long run says what it has done")]
    pub(super) fn finish(self) {
        let mut server = self.world.serve();
        self.wait_for_the_last_ticket();
        let mut alice = Caller::new(&server, "alice", &self.credential);
        for promise in self.promises.iter().rev().take(50) {
            let ticket = alice.ticket(&promise.ticket.to_string());
            assert_ne!(ticket["status"], "Processing", "{ticket}");
            assert_eq!(ticket["sim"], json!(promise.sim));
        }
        server.kill();
        self.check("the end");
        let (rounds, promised) = (self.rounds, self.promises.len());
        eprintln!(
            "{rounds} kills: at their point {} under load and {} at the start, the others when the load was over; \
             {promised} tickets promised",
            self.hit_at_work, self.hit_at_start
        );
        assert!(promised > rounds, "the clients were not let in: {promised} in {rounds} rounds");
    }
}

#[derive(Debug, Default)]
struct Busy {
    promises: Vec<Promise>,
    died: bool,
}

fn client(mut caller: Caller, mut chance: Chance, left: &AtomicUsize, busy: &Mutex<Busy>) {
    let take = |n: usize| n.checked_sub(1);
    while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
        let (method, kind, sim, members) = order(&mut chance);
        let body = caller.body(&members);
        let answer = caller.http.try_post(&format!("/api/v1/{method}"), &[], body.as_bytes());
        let Ok(answer) = answer else {
            busy.lock().expect("no client panicked").died = true;
            return;
        };
        match answer.code().as_str() {
            "ok" => {
                let ticket = answer.ticket().parse().expect("a ticket's number");
                let promise = Promise { ticket, kind, sim };
                busy.lock().expect("no client panicked").promises.push(promise);
            }
            "101" | "302" | "400" | "402" => {}
            _ => panic!("{method} {members}: {answer:?}"),
        }
    }
}

/// Any order for any SIM; many of them are refused, as the clients know nothing of each other.
fn order(chance: &mut Chance) -> (&'static str, &'static str, String, Value) {
    let sim = world::sim(chance.below(world::SIMS));
    let service = json!({"sim": sim});
    let bar = json!({"service": service, "barCode": "AS_SUS_MSISDN"});
    let contract = ["1000274", "1900274"][chance.below(2)];
    let connect = json!({
        "sim": sim, "name": "Unit", "contractCode": contract, "tariffCode": "TEASEU1000MB",
        "APNCodes": "AS_APN_CROUT",
    });
    let rename = json!({"service": service, "newName": format!("Unit {}", chance.below(1_000))});
    let (method, kind, members) = match chance.below(8) {
        0..=2 => ("connectService", "connect", connect),
        3 => ("disconnectService", "disconnect", json!({"service": service})),
        4 => ("changeServiceName", "rename", rename),
        5 | 6 => ("addBar", "add_bar", bar),
        _ => ("removeBar", "remove_bar", bar),
    };
    (method, kind, sim, members)
}
