//! Who waits for whom: rows are locked in one order everywhere, so that nobody waits in a circle. A circle would end by
//! one of its transactions being refused, and its callers would be told to come back for nothing.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use provisor_domain::Order;
use provisor_domain::SimState;
use provisor_domain::catalogue::Catalogue;
use provisor_domain::driver::OnceKey;
use provisor_domain::order::Connect;
use provisor_domain::plan::{ServiceChange, plan};
use provisor_domain::store::{
    ClaimAsk, Idempotency, Lease, NewTicket, Opened, Settled, Settlement, StoreError, SubjectClaim,
    Swept, Verdict, Walk,
};
use provisor_domain::ticket::{FailureKind, Subject};

use super::*;
use crate::conformance::all_tickets;
use crate::conformance::portal_world::{enable_mail, first_enable, portal, secret};
use crate::conformance::reconciling::sweep;
use crate::conformance::world::{
    MARIO, World, a, ask, catalogue, completed, connect_order, failure, iccid, origin, settlement,
    worker,
};

/// A small generator, so that a run can be repeated (xorshift64*, Vigna 2016).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % end
    }

    fn place(&mut self, end: usize) -> usize {
        usize::try_from(self.below(end as u64)).unwrap()
    }
}

const NODES: usize = 3;
const SIMS: usize = 12;
const CUSTOMERS: usize = 6;
/// Calls of each caller.
const CALLS: usize = 40;
const TICKETS_PER_CALL_MAX: usize = 6;
/// How long somebody may take until he waits.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// Few subjects and keys, and many who want them.
struct Crowd {
    nodes: Vec<World>,
    user: provisor_domain::UserId,
    callers: AtomicUsize,
    opened: AtomicUsize,
    refused: AtomicUsize,
    settled: AtomicUsize,
    troubles: Mutex<Vec<String>>,
}

impl Crowd {
    fn trouble(&self, what: &str, error: &StoreError) {
        self.troubles.lock().unwrap().push(format!("{what}: {error}"));
    }

    async fn ticket(&self, world: &World, chance: &mut Chance) -> NewTicket {
        if chance.below(3) == 0 {
            let id = portal(&format!("c{}", chance.below(CUSTOMERS as u64)));
            let known = world.portal(&id).await.customer;
            let order = match known {
                Some(_) if chance.below(2) == 0 => enable_mail(&id, "2"),
                _ => Order::PortalEnable,
            };
            let secret = matches!(order, Order::PortalEnable).then(|| secret("x"));
            return NewTicket { secret, ..world.portal_order(&id, order).await };
        }
        let number = chance.place(SIMS);
        let sim = world.sim(number).await;
        let mut ticket = world.connect(number).await;
        if sim.state == SimState::Stock {
            ticket.order = connect_under(["1000274", "1900274"][chance.place(2)]);
        } else {
            let service = world.connected_before(number).await;
            ticket = world.change(&service, Order::Disconnect).await;
            let other = chance.place(SIMS);
            if chance.below(3) == 0 && other != number {
                let version = world.sim(other).await.version;
                ticket.order = Order::ChangeSim { new_sim: iccid(other) };
                ticket.subjects.push(SubjectClaim { subject: Subject::Sim(iccid(other)), version });
            }
        }
        if chance.below(2) == 0 {
            let (key, user) = (format!("k{}", chance.below(400)), self.user);
            let fingerprint = [u8::try_from(number).unwrap(); 32];
            ticket.idempotency =
                Some(Idempotency { key, method: "connectService", fingerprint, user });
        }
        ticket
    }

    async fn call(&self, world: &World, seed: u64) {
        let mut chance = Chance(seed);
        for _ in 0..CALLS {
            let mut tickets = Vec::new();
            for _ in 0..=chance.place(TICKETS_PER_CALL_MAX) {
                tickets.push(self.ticket(world, &mut chance).await);
            }
            match world.store.ticket_open(tickets).await {
                Ok(opened) => {
                    self.opened.fetch_add(opened.len(), Ordering::Relaxed);
                }
                Err(error) => self.trouble("open", &error),
            }
        }
        self.callers.fetch_sub(1, Ordering::Relaxed);
    }

    fn verdict(lease: &Lease, chance: &mut Chance) -> Verdict {
        let moves = matches!(lease.order, Some(Order::ChangeSim { .. }));
        if moves || chance.below(6) == 0 {
            return Verdict::Failed(failure(FailureKind::Permanent));
        }
        let once = OnceKey { ticket: lease.ticket, epoch: lease.epoch };
        match plan(lease.order.as_ref().unwrap(), &lease.books, once) {
            Ok(planned) => Verdict::Completed(Box::new(planned.change)),
            // What it was decided on was read in two steps.
            Err(failure) => Verdict::Failed(failure),
        }
    }

    async fn settle(&self, world: &World, settlements: Vec<Settlement>) -> Vec<Settled> {
        let count = settlements.len();
        let settled = world.store.ticket_settle(settlements, world.start).await;
        settled.unwrap_or_else(|error| {
            self.trouble("settle", &error);
            vec![Settled::LeaseLost; count]
        })
    }

    async fn work(&self, world: &World, network: &str, number: u128) {
        let mut chance = Chance(0x9e37_79b9 + u64::try_from(number).unwrap());
        loop {
            let over = self.callers.load(Ordering::Relaxed) == 0;
            let ask =
                ClaimAsk { network: a(network), worker: worker(number), ..ask(7, world.start) };
            let leases = match world.store.ticket_claim(ask).await {
                Ok(claimed) => claimed.leases,
                Err(error) => {
                    self.trouble("claim", &error);
                    Vec::new()
                }
            };
            if leases.is_empty() {
                if over {
                    return;
                }
                tokio::task::yield_now().await;
                continue;
            }
            let mut settlements: Vec<Settlement> = leases
                .iter()
                .map(|lease| settlement(lease, Self::verdict(lease, &mut chance), world.start))
                .collect();
            // Now and then one of them is refused, and the batch settled apart.
            let odd = chance.place(settlements.len());
            if chance.below(4) == 0 && settlements.len() > 1 {
                let stranger = (odd + 1) % settlements.len();
                settlements[odd].verdict = settlements[stranger].verdict.clone();
            }
            let settled = self.settle(world, settlements).await;
            for (lease, settled) in leases.iter().zip(settled) {
                if matches!(settled, Settled::Refused(_)) {
                    self.refused.fetch_add(1, Ordering::Relaxed);
                    let failed = Verdict::Failed(failure(FailureKind::Books));
                    let again = vec![settlement(lease, failed, world.start)];
                    assert_eq!(self.settle(world, again).await, [Settled::Done]);
                }
                self.settled.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

fn connect_under(contract: &str) -> Order {
    match connect_order(&a(MARIO)) {
        Order::Connect(connect) => Order::Connect(Connect { contract: a(contract), ..connect }),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_crowd_nobody_is_told_to_come_back() {
    let database = Database::new();
    let store = || -> Arc<dyn Store> { Arc::new(open(&database.url, OPTIONS).unwrap()) };
    let first = World::with_sims(store(), SIMS).await;
    let mut wide = catalogue().networks.remove(0);
    wide.number_range = Some((a("07700900000"), a("07700999999")));
    first.load(Catalogue { networks: vec![wide], ..Catalogue::default() }).await;
    let mut nodes = vec![first.clone()];
    nodes.extend((1..NODES).map(|_| World { store: store(), start: first.start }));
    let user = first.scope("MarioG").await.user;
    let crowd = Arc::new(Crowd {
        nodes,
        user,
        callers: AtomicUsize::new(2 * NODES),
        opened: AtomicUsize::default(),
        refused: AtomicUsize::default(),
        settled: AtomicUsize::default(),
        troubles: Mutex::default(),
    });
    let mut tasks = Vec::new();
    for at in 0..2 * NODES {
        let crowd = crowd.clone();
        tasks.push(tokio::spawn(async move {
            crowd.call(&crowd.nodes[at % NODES].clone(), 7 + at as u64).await;
        }));
    }
    for at in 0..2 * NODES {
        let (crowd, network) = (crowd.clone(), ["AS", "MAIL"][at % 2]);
        tasks.push(tokio::spawn(async move {
            crowd.work(&crowd.nodes[at % NODES].clone(), network, 1 + at as u128).await;
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let troubles = crowd.troubles.lock().unwrap();
    assert!(troubles.is_empty(), "{troubles:#?}");
    for (what, count) in
        [("opened", &crowd.opened), ("settled", &crowd.settled), ("refused", &crowd.refused)]
    {
        assert!(count.load(Ordering::Relaxed) > 0, "nothing was {what}");
    }
}

/// Somebody else's session, in a transaction of its own.
pub(super) struct Other {
    client: tokio_postgres::Client,
    /// A second session, outside of the transaction, which would see the same moment all the time.
    pub(super) watch: tokio_postgres::Client,
    pid: i32,
}

impl Other {
    pub(super) async fn begin(database: &Database) -> Self {
        let client = rig::connect(&database.url).await.unwrap();
        let begin = "SET search_path = provisor; SET lock_timeout = '20s'; BEGIN";
        client.batch_execute(begin).await.unwrap();
        let pid = client.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
        let watch = rig::connect(&database.url).await.unwrap();
        Self { client, watch, pid }
    }

    pub(super) async fn run(&self, sql: &str) {
        self.client.batch_execute(sql).await.unwrap();
    }

    /// Until somebody waits for what this transaction holds.
    pub(super) async fn is_waited_for(&self) {
        let waits = "SELECT 1 FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))";
        let waited =
            async { while self.watch.query(waits, &[&self.pid]).await.unwrap().is_empty() {} };
        tokio::time::timeout(PATIENCE, waited).await.unwrap();
    }
}

fn touch(contract: &str) -> String {
    format!("UPDATE contract SET active_services = active_services WHERE code = '{contract}'")
}

fn lock_of(number: usize, holder: i64) -> String {
    let subject = Subject::Sim(iccid(number)).key();
    format!("INSERT INTO subject_lock (subject, ticket_id) VALUES ('{subject}', {holder})")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_a_subject_holds_no_counter_also_where_others_were_faster() {
    let (store, database) = fresh();
    let world = World::with_sims(store, 2).await;
    let user = world.scope("MarioG").await.user;
    // One key for two SIMs. The first one loses its SIM to somebody else, so the second one is taken later than all others.
    let mut tickets = vec![first_enable(&portal("c0"), world.start)];
    for number in 0..2 {
        let (key, method) = ("k".to_owned(), "connectService");
        let fingerprint = [u8::try_from(number).unwrap(); 32];
        let idempotency = Some(Idempotency { key, method, fingerprint, user });
        tickets.push(NewTicket { idempotency, ..world.connect(number).await });
    }
    let (faster, other) = (Other::begin(&database).await, Other::begin(&database).await);
    faster.run(&lock_of(0, 999)).await;
    other.run(&lock_of(1, 998)).await;
    let opening = tokio::spawn({
        let world = world.clone();
        async move { world.store.ticket_open(tickets).await }
    });
    faster.is_waited_for().await;
    faster.run("COMMIT").await;
    other.is_waited_for().await;
    let counter =
        "INSERT INTO portal_counter (tenant, relation, last) VALUES ('kommitt', 'access', 1)";
    other.run(counter).await;
    other.run("ROLLBACK").await;
    let opened = opening.await.unwrap().unwrap();
    let [Opened::Ticket(_), Opened::Busy(holder), Opened::Ticket(last)] = opened[..] else {
        panic!("{opened:?}");
    };
    assert_eq!(holder.number(), 999);
    assert_eq!(world.store.ticket_list(all_tickets()).await.unwrap().len(), 2);
    assert_eq!(world.ticket(last).await.about.iccid(), Some(&iccid(1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contracts_are_counted_in_their_order_also_where_a_settlement_is_refused() {
    let (store, database) = fresh();
    let world = World::with_sims(store, 4).await;
    let foreign = world.connected(3).await;
    // Against their order, and one in between that is refused.
    for (number, contract) in [(0, "1900274"), (1, "1000274"), (2, "1000274")] {
        let mut ticket = world.connect(number).await;
        ticket.order = connect_under(contract);
        world.opened(ticket).await;
    }
    let leases = world.claim(3, world.start).await;
    let mut settlements: Vec<Settlement> =
        leases.iter().map(|lease| settlement(lease, completed(lease), world.start)).collect();
    let Verdict::Completed(change) = &mut settlements[1].verdict else { panic!("{leases:?}") };
    change.service = Some(ServiceChange::Update(foreign));
    let other = Other::begin(&database).await;
    other.run(&touch("1000274")).await;
    let settling = tokio::spawn({
        let world = world.clone();
        async move { world.store.ticket_settle(settlements, world.start).await }
    });
    other.is_waited_for().await;
    other.run(&touch("1900274")).await;
    other.run("COMMIT").await;
    let settled = settling.await.unwrap().unwrap();
    assert!(
        matches!(settled[..], [Settled::Done, Settled::Refused(_), Settled::Done]),
        "{settled:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_catalogue_writes_contracts_in_the_order_in_which_they_are_counted() {
    let (store, database) = fresh();
    let world = World::new(store).await;
    let mut file = Catalogue { customers: catalogue().customers, ..Catalogue::default() };
    file.customers.reverse();
    file.customers.iter_mut().for_each(|customer| customer.contracts.reverse());
    let other = Other::begin(&database).await;
    other.run(&touch("1000274")).await;
    let writing = tokio::spawn({
        let world = world.clone();
        async move { world.store.catalogue_write(file, origin(), world.start).await }
    });
    other.is_waited_for().await;
    other.run(&touch("1900274")).await;
    other.run(&touch("2000001")).await;
    other.run("COMMIT").await;
    writing.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drifts_are_taken_in_the_order_in_which_they_are_settled() {
    const DRIFTS: usize = 40;
    let (store, database) = fresh();
    let world = World::with_sims(store, DRIFTS).await;
    // The last one waits for longest.
    let drifts: Vec<String> = (0..DRIFTS)
        .map(|number| {
            let seen = DRIFTS - number;
            format!("('AS', '{}', 'own', 'absent', 'it is not there', 1, {seen})", iccid(number))
        })
        .collect();
    database.run(&format!("INSERT INTO provisor.drift VALUES {}", drifts.join(", ")));
    let other = Other::begin(&database).await;
    let touch = "UPDATE drift SET what = what WHERE iccid";
    other.run(&format!("{touch} = '{}'", iccid(0))).await;
    let claiming = tokio::spawn({
        let world = world.clone();
        async move { world.store.sweep_claim(sweep(Walk::Drift, DRIFTS, world.at(4_000))).await }
    });
    other.is_waited_for().await;
    other.run(&format!("{touch} > '{}'", iccid(0))).await;
    other.run("COMMIT").await;
    let swept = claiming.await.unwrap().unwrap();
    assert!(matches!(&swept, Swept::Slice(slice) if slice.standings.len() == DRIFTS), "{swept:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_that_nobody_waits_for_any_more_is_not_opened_when_its_turn_comes() {
    let (store, database) = fresh();
    let world = World::with_sims(store, 3).await;
    let other = Other::begin(&database).await;
    other.run(&lock_of(0, 999)).await;
    let first = world.connect(0).await;
    let opening = tokio::spawn({
        let world = world.clone();
        async move { world.store.ticket_open(vec![first]).await }
    });
    other.is_waited_for().await;
    // Two gather behind it; one of them goes away.
    let (gone, stays) = (world.connect(1).await, world.connect(2).await);
    let mut gone = Box::pin(world.store.ticket_open(vec![gone]));
    let mut stays = Box::pin(world.store.ticket_open(vec![stays]));
    for waiting in [&mut gone, &mut stays] {
        assert!(waiting.now_or_never().is_none());
    }
    drop(gone);
    other.run("ROLLBACK").await;
    opening.await.unwrap().unwrap();
    assert!(matches!(stays.await.unwrap()[..], [Opened::Ticket(_)]));
    let opened = world.store.ticket_list(all_tickets()).await.unwrap();
    assert_eq!(opened.len(), 2, "{opened:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_waits_for_somebody_elses_subject_does_not_hold_up_all_others() {
    let database = Database::new();
    let openers = Options::default().openers;
    let store = open(&database.url, Options { openers, ..OPTIONS }).unwrap();
    let world = World::with_sims(Arc::new(store), 2).await;
    let other = Other::begin(&database).await;
    other.run(&lock_of(0, 999)).await;
    let (waits, goes_on) = (world.connect(0).await, world.connect(1).await);
    let waiting = tokio::spawn({
        let world = world.clone();
        async move { world.store.ticket_open(vec![waits]).await }
    });
    other.is_waited_for().await;
    let opened = world.store.ticket_open(vec![goes_on]).await.unwrap();
    assert!(matches!(opened[..], [Opened::Ticket(_)]) && !waiting.is_finished(), "{opened:?}");
    other.run("ROLLBACK").await;
    assert!(matches!(waiting.await.unwrap().unwrap()[..], [Opened::Ticket(_)]));
}
