//! Random histories of opening, claiming and settling, held against a small model.
//!
//! The model knows, for each SIM, the ticket that is open for it and where that ticket stands. What the store answers
//! must be what the model says, at every step; at the end the books must agree with the tickets.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use provisor_domain::store::{Lease, Opened, Settled, Store, Verdict};
use provisor_domain::ticket::FailureKind;
use provisor_domain::{Order, SimState, TicketId, TicketState};

use super::world::{
    LEASE, LUIGI, MARIO, World, a, about, all_tickets, completed, connect_of, failure, iccid,
    service_books, stock_sim,
};

const SIMS: usize = 6;
const HISTORIES: u32 = 48;

/// One step of a history.
#[derive(Debug, Clone)]
enum Step {
    /// Orders whatever fits the SIM; `stale` decides on a version that is not the present one.
    Open { sim: usize, stale: bool },
    /// Claims so many.
    Claim { take: usize },
    /// Settles one of the leases ever handed out, old ones included.
    Settle { lease: usize, how: How },
    /// Lets time pass.
    Wait { seconds: i64 },
}

#[derive(Debug, Clone, Copy)]
enum How {
    Complete,
    Fail,
    Postpone,
}

fn step() -> impl Strategy<Value = Step> {
    let how = prop_oneof![4 => Just(How::Complete), 1 => Just(How::Fail), 2 => Just(How::Postpone)];
    prop_oneof![
        4 => (0..SIMS, prop::bool::weighted(0.1)).prop_map(|(sim, stale)| Step::Open { sim, stale }),
        3 => (1_usize..5).prop_map(|take| Step::Claim { take }),
        4 => (0_usize..40, how).prop_map(|(lease, how)| Step::Settle { lease, how }),
        1 => (1..2 * LEASE).prop_map(|seconds| Step::Wait { seconds }),
    ]
}

/// A ticket as the model has it.
#[derive(Debug, Clone)]
struct Modelled {
    sim: usize,
    state: TicketState,
    epoch: i64,
    due: i64,
}

#[derive(Default)]
struct Model {
    tickets: BTreeMap<TicketId, Modelled>,
    /// Which SIMs have a live service.
    live: [bool; SIMS],
    leases: Vec<Lease>,
    now: i64,
}

impl Model {
    fn open_ticket(&self, sim: usize) -> Option<TicketId> {
        let open = |ticket: &Modelled| ticket.sim == sim && ticket.state.is_open();
        self.tickets.iter().find(|(_, ticket)| open(ticket)).map(|(id, _)| *id)
    }

    fn due(&self) -> Vec<TicketId> {
        let due = |ticket: &Modelled| {
            matches!(ticket.state, TicketState::Pending | TicketState::Running)
                && ticket.due <= self.now
        };
        self.tickets.iter().filter(|(_, ticket)| due(ticket)).map(|(id, _)| *id).collect()
    }
}

fn owner(sim: usize) -> &'static str {
    if sim < 4 { MARIO } else { LUIGI }
}

async fn open(world: &World, model: &mut Model, sim: usize, stale: bool) {
    let now = world.at(model.now);
    let mut ticket = connect_of(&world.sim(sim).await, now);
    if model.live[sim] {
        let selector = provisor_domain::ServiceSelector::new(None, None, Some(iccid(sim))).unwrap();
        let user = if owner(sim) == MARIO { "MarioG" } else { "LuigiG" };
        let service = world.found(user, selector).await;
        ticket.order = Order::Disconnect;
        ticket.about = about(&service);
    }
    if stale {
        ticket.subjects[0].version -= 1;
    }
    let next = model.tickets.keys().last().map_or(TicketId::FIRST.number(), |id| id.number() + 1);
    let wanted = match model.open_ticket(sim) {
        Some(holder) => Opened::Busy(holder),
        None if stale => Opened::Stale,
        None => Opened::Ticket(TicketId::new(next).unwrap()),
    };
    assert_eq!(world.open(ticket).await, wanted);
    if let Opened::Ticket(id) = wanted {
        let ticket = Modelled { sim, state: TicketState::Pending, epoch: 0, due: model.now };
        model.tickets.insert(id, ticket);
    }
}

async fn claim(world: &World, model: &mut Model, take: usize) {
    let due = model.due();
    let leases = world.claim(take, world.at(model.now)).await;
    assert_eq!(leases.len(), take.min(due.len()));
    let mut owners = BTreeMap::<&str, usize>::new();
    for lease in &leases {
        assert!(due.contains(&lease.ticket), "{} is not due", lease.ticket);
        let ticket = model.tickets.get_mut(&lease.ticket).unwrap();
        assert_eq!(lease.epoch, ticket.epoch + 1);
        assert_eq!(service_books(lease).sim.iccid, iccid(ticket.sim));
        ticket.state = TicketState::Running;
        ticket.epoch = lease.epoch;
        ticket.due = model.now + LEASE;
        *owners.entry(owner(ticket.sim)).or_default() += 1;
    }
    // Nobody who has more to claim gets two fewer than another.
    for customer in [MARIO, LUIGI] {
        let got = owners.get(customer).copied().unwrap_or(0);
        let had = due.iter().filter(|id| owner(model.tickets[id].sim) == customer).count();
        let most = owners.values().copied().max().unwrap_or(0);
        assert!(got == had || got + 1 >= most, "{customer} got {got} of {had}: {owners:?}");
    }
    model.leases.extend(leases);
}

async fn settle(world: &World, model: &mut Model, lease: usize, how: How) {
    if model.leases.is_empty() {
        return;
    }
    let lease = model.leases[lease % model.leases.len()].clone();
    let due = model.now + 5;
    let transient = failure(FailureKind::Transient);
    let verdict = match how {
        How::Complete => completed(&lease),
        How::Fail => Verdict::Failed(failure(FailureKind::Permanent)),
        How::Postpone => {
            let due = world.at(due);
            Verdict::Postponed { due, failure: transient, counts: true, in_doubt: false }
        }
    };
    let ticket = model.tickets.get_mut(&lease.ticket).unwrap();
    let holds = ticket.state == TicketState::Running && ticket.epoch == lease.epoch;
    let wanted = if holds { Settled::Done } else { Settled::LeaseLost };
    assert_eq!(world.settle(&lease, verdict, world.at(model.now)).await, wanted);
    if holds {
        (ticket.state, ticket.due) = match how {
            How::Complete => (TicketState::Completed, ticket.due),
            How::Fail => (TicketState::Failed, ticket.due),
            How::Postpone => (TicketState::Pending, due),
        };
        if matches!(how, How::Complete) {
            model.live[ticket.sim] = !model.live[ticket.sim];
        }
    }
}

/// The books and the lists say what the model says.
async fn compare(world: &World, model: &Model) {
    let listed = world.store.ticket_list(all_tickets()).await.unwrap();
    assert_eq!(listed.len(), model.tickets.len());
    for ticket in listed {
        let modelled = &model.tickets[&ticket.id];
        assert_eq!(
            (ticket.state, ticket.about.iccid()),
            (modelled.state, Some(&iccid(modelled.sim)))
        );
        assert_eq!(i64::from(ticket.attempts), modelled.epoch);
    }
    for sim in 0..SIMS {
        let state = if model.live[sim] { SimState::InUse } else { SimState::Stock };
        assert_eq!(world.sim(sim).await.state, state);
    }
    for (user, customer) in [("MarioG", MARIO), ("LuigiG", LUIGI)] {
        let scope = world.scope(user).await;
        let contracts = world.store.contract_list(scope, a(customer)).await.unwrap();
        let counted: u64 = contracts.iter().map(|contract| contract.active_services).sum();
        let live = (0..SIMS).filter(|sim| model.live[*sim] && owner(*sim) == customer).count();
        assert_eq!(counted, live as u64, "{customer}");
    }
    let open = model.tickets.values().filter(|ticket| ticket.state.is_open()).count();
    let stats = world.store.queue_stats().await.unwrap();
    assert_eq!(stats.iter().map(|stat| stat.count).sum::<u64>(), open as u64);
}

async fn live_through(store: Arc<dyn Store>, history: Vec<Step>) {
    let world = World::new(store).await;
    world.add_sims((0..SIMS).map(|sim| stock_sim(sim, owner(sim))).collect()).await;
    let mut model = Model::default();
    for step in history {
        match step {
            Step::Open { sim, stale } => open(&world, &mut model, sim, stale).await,
            Step::Claim { take } => claim(&world, &mut model, take).await,
            Step::Settle { lease, how } => settle(&world, &mut model, lease, how).await,
            Step::Wait { seconds } => model.now += seconds,
        }
    }
    compare(&world, &model).await;
}

pub(crate) fn random_histories<K>(fresh: impl Fn() -> (Arc<dyn Store>, K)) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let config = Config { cases: HISTORIES, failure_persistence: None, ..Config::default() };
    let history = prop::collection::vec(step(), 1..60);
    let lived = TestRunner::new(config).run(&history, |history| {
        let (store, _kept) = fresh();
        runtime.block_on(live_through(store, history));
        Ok(())
    });
    lived.unwrap();
}
