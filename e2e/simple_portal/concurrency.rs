//! Many at once for one customer: one change at a time, and what stands afterwards is what was accepted last.

use std::sync::{Barrier, Mutex};

use crate::rig::*;

const CALLERS: usize = 16;
const ROUNDS: usize = 12;

#[test]
fn sixteen_changes_at_once_to_one_customer_are_accepted_one_at_a_time() {
    let world = World::with_tenants();
    let server = world.serve();
    BackEnd::new(&server, "kommitt").done(&format!("access/10/enable/{HASH}"));
    let (barrier, accepted) = (Barrier::new(CALLERS), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for caller in 0..CALLERS {
            let (server, barrier, accepted) = (&server, &barrier, &accepted);
            scope.spawn(move || {
                let mut backend = BackEnd::new(server, "kommitt").with("Prefer", "respond-async");
                for round in 0..ROUNDS {
                    barrier.wait();
                    let value = 1 + round * CALLERS + caller;
                    let answer = backend.call(&format!("pack/10/enable/web/{value}M"));
                    match answer.status {
                        200 => {
                            let sequence = answer.json()["sequence"].as_u64().expect("a number");
                            accepted.lock().expect("no panic").push((sequence, value));
                        }
                        409 => {}
                        _ => panic!("{answer:?}"),
                    }
                    if barrier.wait().is_leader() {
                        backend.clean("10");
                    }
                    barrier.wait();
                }
            });
        }
    });
    let mut accepted = accepted.into_inner().expect("no panic");
    accepted.sort_unstable();
    assert!(accepted.len() >= ROUNDS, "one in every round: {accepted:?}");
    let sequences: Vec<u64> = accepted.iter().map(|(sequence, _)| *sequence).collect();
    let counted: Vec<u64> = (1..=accepted.len() as u64).collect();
    assert_eq!(sequences, counted, "counted without gaps");
    let (_, last) = accepted.last().expect("one in every round");
    let stands = BackEnd::new(&server, "kommitt").done("pack/10/list");
    assert_eq!(stands["packs"][0]["pack"]["value"], format!("{last}M"));
    nothing_interleaved(&world);
}

/// In the relation, a request begins only when the one before it has ended.
fn nothing_interleaved(world: &World) {
    let books = world.books();
    let packs = books.relation("ProvPortalPacks");
    let interleaved = books.column(&format!(
        "SELECT count(*) FROM {packs} AS one
         JOIN {packs} AS next ON next.tenant = one.tenant AND next.sequence = one.sequence + 1
         WHERE next.requested_at < one.finished_at OR one.state <> 'DONE'"
    ));
    assert_eq!(interleaved, ["0"]);
}

#[test]
fn sixteen_first_enables_of_one_customer_create_it_once() {
    let world = World::with_tenants();
    let server = world.serve();
    let barrier = Barrier::new(CALLERS);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| {
                scope.spawn(|| {
                    let mut backend =
                        BackEnd::new(&server, "kommitt").with("Prefer", "respond-async");
                    barrier.wait();
                    backend.call(&format!("access/11/enable/{HASH}")).status
                })
            })
            .collect();
        callers.into_iter().map(|caller| caller.join().expect("no panic")).collect()
    });
    assert!(statuses.iter().all(|status| matches!(status, 200 | 409)), "{statuses:?}");
    let mut backend = BackEnd::new(&server, "kommitt");
    assert_eq!(backend.clean("11")["enabled"], true);
    let accepted = statuses.iter().filter(|status| **status == 200).count() as u64;
    let next = backend.done(&format!("access/11/enable/{HASH}"));
    assert_eq!(next["sequence"], accepted + 1);
}
