//! Connections that are cut during a commit, at every kind of byte of the conversation that carries it.

use std::sync::atomic::{AtomicUsize, Ordering};

use provisor_domain::SimRecord;
use provisor_domain::store::{NewTicket, NewUser, Opened, Settled, StoreError};

use super::proxy::{COMMIT, Cut, Proxy, Way};
use super::*;
use crate::conformance::all_tickets;
use crate::conformance::world::{
    LEASE, MARIO, World, a, completed, connect_of, origin, own_number, settlement, stock_sim,
};

/// How many connections are cut at the same time.
const LANES: usize = 4;
/// The order of the tickets here: what writes them contains it, and nothing that is sent before does.
const ORDER: &[u8] = b"Marion";

fn sim(number: usize) -> SimRecord {
    own_number(stock_sim(number, MARIO), &format!("0771800{number:04}"))
}

/// A world that is looked at directly, and a store behind a proxy for each lane.
struct Scene {
    direct: World,
    lanes: Vec<(Proxy, World)>,
    database: Database,
}

impl Scene {
    async fn with_sims(count: usize) -> Self {
        let (store, database) = fresh();
        let direct = World::new(store).await;
        direct.add_sims((0..count).map(sim).collect()).await;
        let lane = |_| {
            let proxy = Proxy::before(&database);
            // One connection a kind: the one that is cut.
            let options = Options { writers: 1, ..OPTIONS };
            let store = Arc::new(open(&proxy.url, options).unwrap());
            (proxy, World { store, start: direct.start })
        };
        let lanes = (0..LANES).map(lane).collect();
        Self { direct, lanes, database }
    }

    /// Cuts at each place in turn, several at once. `act` gets the number of the place.
    async fn at_each(&self, cuts: &[Cut], act: impl AsyncFn(usize, usize)) {
        let next = AtomicUsize::new(0);
        let lane = async |lane: usize| {
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(cut) = cuts.get(at) else { return };
                self.lanes[lane].0.arm(*cut);
                act(lane, at).await;
                assert!(self.lanes[lane].0.has_cut(), "nothing was cut: {cut:?}");
            }
        };
        tokio::join!(lane(0), lane(1), lane(2), lane(3));
    }

    /// How long the conversation from `from` on is when `act` succeeds on the first lane.
    async fn length<T>(&self, from: &'static [u8], act: impl Future<Output = T>) -> (usize, usize) {
        let never = Cut { from, way: Way::ToServer, after: usize::MAX };
        self.lanes[0].0.arm(never);
        act.await;
        self.lanes[0].0.counted()
    }
}

/// All places in the answers, and `requests` in what they answer: spread over all of it by a fixed pattern, and every byte
/// of the commit itself.
fn cuts(from: &'static [u8], (to_server, to_client): (usize, usize), requests: usize) -> Vec<Cut> {
    // `Q`, the length, the text.
    let commit = 5 + COMMIT.len();
    let spread = (0..requests).map(|n| n * 7_919 % (to_server - commit).max(1));
    let mut to_server: Vec<usize> = spread.chain(to_server - commit..to_server).collect();
    to_server.sort_unstable();
    to_server.dedup();
    let to_server = to_server.into_iter().map(|after| (Way::ToServer, after));
    let to_client = (0..to_client).map(|after| (Way::ToClient, after));
    to_server.chain(to_client).map(|(way, after)| Cut { from, way, after }).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_ticket_whose_commit_was_cut_the_truth_is_told() {
    const SIMS: usize = 400;
    let scene = Scene::with_sims(SIMS).await;
    let ticket = |number: usize| -> NewTicket { connect_of(&sim(number), scene.direct.start) };
    let first = scene.lanes[0].1.store.ticket_open(vec![ticket(0)]);
    let cuts = cuts(ORDER, scene.length(ORDER, first).await, 150);
    assert!((200..SIMS).contains(&cuts.len()), "{}", cuts.len());
    let (there, lost) = (AtomicUsize::new(0), AtomicUsize::new(0));
    scene
        .at_each(&cuts, async |lane, at| {
            let told = scene.lanes[lane].1.store.ticket_open(vec![ticket(at + 1)]).await;
            let truth = scene.direct.open(ticket(at + 1)).await;
            match (told.as_deref(), truth) {
                (Ok([Opened::Ticket(id)]), Opened::Busy(held)) if *id == held => {
                    there.fetch_add(1, Ordering::Relaxed);
                }
                (Err(StoreError::Unavailable(_)), Opened::Ticket(_)) => {
                    lost.fetch_add(1, Ordering::Relaxed);
                }
                other => panic!("{:?}: {other:?}", cuts[at]),
            }
        })
        .await;
    let (there, lost) = (there.into_inner(), lost.into_inner());
    assert_eq!(there + lost, cuts.len());
    assert!(there > 0 && lost > 0, "{there} were there, {lost} were not");
    // Neither lost nor twice.
    let tickets = scene.direct.store.ticket_list(all_tickets()).await.unwrap();
    assert_eq!(tickets.len(), cuts.len() + 1);
}

/// How many were decided for, against, and not at all.
#[derive(Default)]
struct Told {
    undecided: AtomicUsize,
    unavailable: AtomicUsize,
}

impl Told {
    /// Notes it; answers whether it was certain that nothing was written.
    fn note<T: std::fmt::Debug>(&self, told: Result<T, StoreError>) -> bool {
        let certain = match told {
            Err(StoreError::Unavailable(_)) => true,
            Err(StoreError::Undecided(_)) => false,
            other => panic!("the connection was cut: {other:?}"),
        };
        let counted = if certain { &self.unavailable } else { &self.undecided };
        counted.fetch_add(1, Ordering::Relaxed);
        certain
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_settlement_whose_commit_was_cut_can_be_said_again() {
    const SIMS: usize = 100;
    let scene = Scene::with_sims(SIMS).await;
    let direct = &scene.direct;
    direct
        .store
        .ticket_open((0..SIMS).map(|n| connect_of(&sim(n), direct.start)).collect())
        .await
        .unwrap();
    let leases = direct.claim(SIMS, direct.start).await;
    assert_eq!(leases.len(), SIMS);
    let settle = |at: usize| vec![settlement(&leases[at], completed(&leases[at]), direct.start)];
    let first = scene.lanes[0].1.store.ticket_settle(settle(0), direct.start);
    let cuts = cuts(COMMIT, scene.length(COMMIT, first).await, 0);
    let told = Told::default();
    scene
        .at_each(&cuts, async |lane, at| {
            let settled =
                scene.lanes[lane].1.store.ticket_settle(settle(at + 1), direct.start).await;
            let nothing = told.note(settled);
            let again = direct.store.ticket_settle(settle(at + 1), direct.start).await.unwrap();
            assert!(matches!(again[..], [Settled::Done | Settled::LeaseLost]), "{again:?}");
            assert!(!nothing || again == [Settled::Done]);
        })
        .await;
    for lease in &leases[..=cuts.len()] {
        let shown = direct.store.ticket_show(lease.ticket).await.unwrap().unwrap();
        assert!(shown.ticket.state.is_final());
        assert_eq!(shown.attempts.len(), 1, "settled once: {shown:?}");
    }
    let contracts =
        direct.store.contract_list(direct.scope("MarioG").await, a(MARIO)).await.unwrap();
    let services: u64 = contracts.iter().map(|one| one.active_services).sum();
    assert_eq!(services, cuts.len() as u64 + 1);
    assert!(told.undecided.into_inner() > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_that_a_lost_connection_took_is_not_used_any_more() {
    let scene = Scene::with_sims(3).await;
    let ticket = |number: usize| -> NewTicket { connect_of(&sim(number), scene.direct.start) };
    let (proxy, behind) = &scene.lanes[0];
    // Its number was taken, and nothing is written: a server that crashes now hands it out once more.
    proxy.arm(Cut { from: ORDER, way: Way::ToServer, after: 0 });
    let lost = behind.store.ticket_open(vec![ticket(0)]).await;
    assert!(matches!(lost, Err(StoreError::Unavailable(_))), "{lost:?}");
    scene.database.run(
        "SELECT setval('provisor.ticket_number', last_value, false) FROM provisor.ticket_number",
    );
    let direct = scene.direct.open(ticket(1)).await;
    let again = behind.open(ticket(2)).await;
    let (Opened::Ticket(direct), Opened::Ticket(again)) = (direct, again) else {
        panic!("{direct:?} {again:?}");
    };
    assert_ne!(direct, again);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_whose_commit_was_cut_ends_with_its_lease() {
    const SIMS: usize = 100;
    let scene = Scene::with_sims(SIMS).await;
    let direct = &scene.direct;
    direct
        .store
        .ticket_open((0..SIMS).map(|n| connect_of(&sim(n), direct.start)).collect())
        .await
        .unwrap();
    let cuts = cuts(COMMIT, scene.length(COMMIT, scene.lanes[0].1.claim(1, direct.start)).await, 0);
    let told = Told::default();
    scene
        .at_each(&cuts, async |lane, _| {
            let ask = crate::conformance::world::ask(1, direct.start);
            told.note(scene.lanes[lane].1.store.ticket_claim(ask).await);
        })
        .await;
    let after = direct.claim(SIMS, direct.at(LEASE + 1)).await;
    assert_eq!(after.len(), SIMS, "all of them come back");
    // One was claimed without a cut.
    let in_doubt = after.iter().filter(|lease| lease.in_doubt).count() - 1;
    let undecided = told.undecided.into_inner();
    assert!((1..=undecided).contains(&in_doubt), "{in_doubt} of {undecided}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_command_whose_commit_was_cut_nothing_untrue_is_told() {
    let scene = Scene::with_sims(0).await;
    let direct = &scene.direct;
    let user = |name: &str| NewUser {
        username: a(name),
        kind: provisor_domain::UserKind::Account,
        password_hash: secrecy::SecretString::from("$argon2id$"),
        customers: vec![a(MARIO)],
        bars: vec![],
        boltons: vec![],
    };
    let first = scene.lanes[0].1.store.user_add(user("first"), origin(), direct.start);
    let cuts = cuts(COMMIT, scene.length(COMMIT, first).await, 0);
    let told = Told::default();
    scene
        .at_each(&cuts, async |lane, at| {
            let name = format!("user{at}");
            let added = scene.lanes[lane].1.store.user_add(user(&name), origin(), direct.start);
            let nothing = told.note(added.await);
            let there = !direct.store.user_add(user(&name), origin(), direct.start).await.unwrap();
            assert!(!nothing || !there, "{name}");
        })
        .await;
    assert!(told.undecided.into_inner() > 0);
}
