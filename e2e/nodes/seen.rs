//! What is changed anywhere every node goes by within a second, whatever has befallen it meanwhile.

use std::process::Command;
use std::sync::mpsc;
use std::thread::{JoinHandle, spawn};
use std::time::Duration;

use super::node;
use crate::rig::*;

/// More than a node has connections that read.
const CALLERS: usize = 8;
/// More wrong passwords than a person types. They come at once, so that each is checked.
const GUESSES: usize = 16;
/// How long an answer may take on a slow machine.
const ANSWERED_WITHIN: Duration = Duration::from_secs(30);

fn revoked(world: &World, user: &str) -> Changed {
    world.revoke(user);
    Changed::now()
}

/// A new credential of `user`, of which every node has seen that it is new: from here on it is known where it is used.
fn credential(world: &World, user: &str) -> String {
    let credential = world.credential(user, &[]);
    Changed::now().must_be_seen();
    credential
}

fn set(world: &World, args: &[&str]) -> Changed {
    world.cli(args).succeeded();
    Changed::now()
}

/// All ask by turns, and see it.
fn all_see(callers: &mut [Caller], changed: Changed, code: &str) {
    for caller in callers {
        changed.seen("a node to answer", || (caller.code() == code).then_some(()));
    }
}

#[test]
fn what_is_changed_beside_one_node_the_others_see_within_a_second() {
    let world = World::on_postgres_with(BASE);
    let nodes = [node(&world, &[]), node(&world, &[])];
    let credential = credential(&world, "alice");
    let with_it = |node| Caller::new(node, "alice", &credential);
    let mut by_key = [with_it(&nodes[0]), with_it(&nodes[1])];
    let mut others = [Caller::alice(&nodes[0]), Caller::alice(&nodes[1])];
    all_see(&mut by_key, Changed::now(), "ok");
    all_see(&mut others, Changed::now(), "ok");
    all_see(&mut by_key, revoked(&world, "alice"), "100");
    all_see(&mut others, Changed::now(), "ok");
    all_see(&mut others, set(&world, &["user", "lock", "alice"]), "100");
    all_see(&mut others, set(&world, &["user", "unlock", "alice"]), "ok");
    all_see(&mut others, set(&world, &["maintenance", "on"]), "000");
    all_see(&mut others, set(&world, &["maintenance", "off"]), "ok");
}

#[test]
fn the_other_face_sees_it_as_soon() {
    let world = World::on_postgres_with(&format!("{BASE}{TENANTS}"));
    let nodes = [node(&world, &[]), node(&world, &[])];
    let key = format!("Bearer {}", credential(&world, "backend"));
    let password = basic("backend", BACKEND_PASSWORD);
    let with = |shown: &str| {
        [&nodes[0], &nodes[1]].map(|node| BackEnd::new(node, "closed").with("Authorization", shown))
    };
    let all_see = |back_ends: &mut [BackEnd], changed: Changed, status: u16| {
        for back_end in back_ends {
            let mut ask = || back_end.call("access/10/status").status;
            changed.seen("a node to answer", || (ask() == status).then_some(()));
        }
    };
    let (mut by_key, mut others) = (with(&key), with(&password));
    all_see(&mut by_key, Changed::now(), 200);
    all_see(&mut others, Changed::now(), 200);
    all_see(&mut by_key, revoked(&world, "backend"), 401);
    all_see(&mut others, set(&world, &["user", "lock", "backend"]), 401);
    all_see(&mut others, set(&world, &["user", "unlock", "backend"]), 200);
    all_see(&mut others, set(&world, &["maintenance", "on"]), 503);
}

/// One connection of a node to the database whose server process is stopped, so that it hangs; it goes on when this is
/// dropped.
struct Hung(String);

impl Hung {
    /// A connection by which the node looks at what has changed.
    fn of_a_watch(cluster: &Cluster) -> Self {
        let watching = "SELECT pid::text FROM pg_stat_activity
            WHERE application_name = 'provisor' AND query LIKE '-- stamp%' AND state = 'idle'";
        eventually("a connection that is idle and hangs", || {
            let hung = Self(cluster.table(watching).into_iter().next()?);
            hung.signal("STOP");
            // In the middle of something it might hold what others wait for.
            cluster.table(watching).contains(&hung.0).then_some(hung)
        })
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("sh").args(["-c", "kill -\"$0\" \"$1\"", name, &self.0]).status();
        assert!(sent.expect("sh starts").success(), "SIG{name} could not be sent");
    }
}

impl Drop for Hung {
    fn drop(&mut self) {
        self.signal("CONT");
    }
}

/// Queries that are under way at once, each on a connection of its own.
struct Asked {
    codes: mpsc::Receiver<String>,
    callers: Vec<JoinHandle<()>>,
}

impl Asked {
    fn all(callers: Vec<Caller>) -> Self {
        let (tell, codes) = mpsc::channel();
        let ask = |mut caller: Caller| {
            let tell = tell.clone();
            spawn(move || tell.send(caller.code()).expect("the test listens"))
        };
        Self { callers: callers.into_iter().map(ask).collect(), codes }
    }

    /// The first answer.
    fn first(&self) -> String {
        self.codes.recv_timeout(ANSWERED_WITHIN).expect("an answer")
    }

    /// The rest of them.
    fn rest(self) -> Vec<String> {
        for caller in self.callers {
            caller.join().expect("no panic");
        }
        self.codes.iter().collect()
    }
}

#[test]
fn a_connection_that_hangs_keeps_nobody_from_seeing_it() {
    let cluster = Cluster::new(&[]);
    cluster.run("CREATE DATABASE provisor");
    let world = World::at(&cluster.url("provisor"), BASE);
    let node = node(&world, &[]);
    let credential = credential(&world, "alice");
    let callers = || (0..CALLERS).map(|_| Caller::new(&node, "alice", &credential)).collect();
    let mut alice = Caller::new(&node, "alice", &credential);
    alice.soon("ok");
    let see = |code: &str, change: &dyn Fn() -> Changed| {
        let hung = Hung::of_a_watch(&cluster);
        // Time enough to look by way of that one.
        Changed::now().must_be_seen();
        change().must_be_seen();
        let asked = Asked::all(callers());
        assert_eq!(asked.first(), code, "while it hangs");
        drop(hung);
        assert!(asked.rest().iter().all(|answer| answer == code), "when it goes on");
    };
    see("000", &|| set(&world, &["maintenance", "on"]));
    set(&world, &["maintenance", "off"]);
    alice.soon("ok");
    see("100", &|| revoked(&world, "alice"));
}

#[test]
fn a_node_that_was_frozen_does_not_go_by_what_it_knew() {
    let world = World::on_postgres_with(BASE);
    let (frozen, other) = (node(&world, &[]), node(&world, &[]));
    let credential = credential(&world, "alice");
    let known = |node| {
        let mut caller = Caller::new(node, "alice", &credential);
        caller.soon("ok");
        caller
    };
    let see = |code: &str, change: &dyn Fn() -> Changed| {
        let mut elsewhere = known(&other);
        let callers = (0..CALLERS).map(|_| known(&frozen)).collect();
        frozen.signal("STOP");
        let changed = change();
        changed.seen("the other node to see it", || (elsewhere.code() == code).then_some(()));
        changed.must_be_seen();
        let asked = Asked::all(callers);
        frozen.signal("CONT");
        assert_eq!(asked.first(), code, "the first answer");
        assert!(asked.rest().iter().all(|answer| answer == code), "every answer");
    };
    see("000", &|| set(&world, &["maintenance", "on"]));
    set(&world, &["maintenance", "off"]);
    see("100", &|| revoked(&world, "alice"));
}

/// A node behind a proxy that says where calls come from.
fn behind_proxy(world: &World) -> Server {
    let mut command = world.serve_command();
    command.env("PROVISOR_TRUSTED_PROXIES", "127.0.0.0/8");
    Server::start(&mut command, world.dir())
}

/// Guesses at once.
fn guess(guess: impl Fn(usize) + Sync) {
    std::thread::scope(|scope| {
        let guess = &guess;
        let guesses = (0..GUESSES).map(|n| scope.spawn(move || guess(n)));
        for guess in guesses.collect::<Vec<_>>() {
            guess.join().expect("no panic");
        }
    });
}

const GUESSER: (&str, &str) = ("X-Forwarded-For", "192.0.2.1");
const ELSEWHERE: (&str, &str) = ("X-Forwarded-For", "198.51.100.1");

#[test]
fn whoever_guesses_at_one_node_is_slowed_down_at_the_others() {
    let world = World::on_postgres_with(&format!("{BASE}{TENANTS}"));
    let (here, there) = (behind_proxy(&world), behind_proxy(&world));
    let alice = |node: &Server, from: (&str, &str), password: &str| {
        let body =
            Caller::new(node, "alice", password).body(&serde_json::json!({"customer": "1000000"}));
        node.client().post_with("/api/v1/getContracts", &[from], &body).code()
    };
    guess(|n| assert_eq!(alice(&here, GUESSER, &format!("wrong-{n}")), "100"));
    assert_eq!(alice(&there, GUESSER, ALICE_PASSWORD), "100");
    assert_eq!(alice(&there, ELSEWHERE, ALICE_PASSWORD), "ok");

    let back_end = |node: &Server, (name, from): (&str, &str), password: &str| {
        let shown = basic("backend", password);
        let back_end = BackEnd::new(node, "closed").with("Authorization", &shown);
        back_end.with(name, from).call("access/10/status").status
    };
    guess(|n| assert_eq!(back_end(&here, GUESSER, &format!("wrong-{n}")), 401));
    assert_eq!(back_end(&there, GUESSER, BACKEND_PASSWORD), 401);
    assert_eq!(back_end(&there, ELSEWHERE, BACKEND_PASSWORD), 200);
}
