//! Opening and claiming tickets about portal customers.

use std::collections::BTreeSet;
use std::sync::Arc;

use provisor_domain::catalogue::Customer;
use provisor_domain::portal::PortalCustomer;
use provisor_domain::store::{NewTicket, NewUser, Opened, Settled, Store, TicketFilter, Verdict};
use provisor_domain::ticket::{About, FailureKind};
use provisor_domain::{CustomerNumber, Order, OrderKind, TicketId, TicketState, UserKind};
use secrecy::SecretString;

use super::opening::open_at_once;
use super::portal_world::{
    enable_mail, enable_web, first_enable, pack, portal, portal_books, portal_ticket, secret,
};
use super::world::{
    KOMMITT, OTHER, World, a, all_tickets, catalogue, completed, failure, iccid, origin,
};

pub(crate) async fn a_portal_ticket_is_there(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 1).await;
    let (here, there) = (portal("10953"), a("other/10953"));
    let sim = world.opened(world.connect(0).await).await;
    let id = world.opened(first_enable(&here, world.start)).await;
    let elsewhere = world.opened(first_enable(&there, world.start)).await;
    let shown = world.store.ticket_show(id).await.unwrap().unwrap();
    assert_eq!(shown.order, Some(Order::PortalEnable));
    let ticket = shown.ticket;
    assert_eq!((ticket.state, ticket.kind), (TicketState::Pending, OrderKind::PortalEnable));
    assert_eq!((&ticket.customer, &ticket.network), (&a(KOMMITT), &a("MAIL")));
    assert_eq!(ticket.about, About::Portal(a("10953")));
    assert_eq!(world.portal(&here).await.open_ticket, Some(id));
    assert_eq!(world.portal(&there).await.open_ticket, Some(elsewhere));

    let list = async |filter: TicketFilter| {
        let tickets = world.store.ticket_list(filter).await.unwrap();
        tickets.iter().map(|ticket| ticket.id).collect::<Vec<_>>()
    };
    let all = all_tickets();
    assert_eq!(list(all.clone()).await, [elsewhere, id, sim]);
    let ours = TicketFilter { portal: Some(here.clone()), ..all.clone() };
    assert_eq!(list(ours.clone()).await, [id]);
    for (filter, wanted) in [
        (TicketFilter { customer: Some(a(KOMMITT)), ..ours.clone() }, vec![id]),
        (TicketFilter { customer: Some(a(OTHER)), ..ours.clone() }, vec![]),
        (TicketFilter { network: Some(a("AS")), ..ours.clone() }, vec![]),
        (TicketFilter { iccid: Some(iccid(0)), ..ours.clone() }, vec![]),
        (TicketFilter { before: Some(id), ..ours.clone() }, vec![]),
        (TicketFilter { states: vec![TicketState::Pending], ..ours.clone() }, vec![id]),
        (TicketFilter { states: vec![TicketState::Failed], ..ours }, vec![]),
        (TicketFilter { customer: Some(a(OTHER)), ..all }, vec![elsewhere]),
    ] {
        assert_eq!(list(filter.clone()).await, wanted, "{filter:?}");
    }
}

pub(crate) async fn of_32_first_enables_one_opens(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let id = portal("Cust01");
    let first = first_enable(&id, world.start);
    let answers = open_at_once(&world, vec![first.clone(); 32]).await;
    let opened = answers.iter().filter(|a| **a == Opened::Ticket(TicketId::FIRST)).count();
    let busy = answers.iter().filter(|a| **a == Opened::Busy(TicketId::FIRST)).count();
    assert_eq!((opened, busy), (1, 31), "{answers:?}");
    assert_eq!(world.portal(&id).await.customer, None, "not before it is done");

    let lease = world.claim_mail(1, world.start).await.remove(0);
    assert_eq!(
        world.open(first.clone()).await,
        Opened::Busy(TicketId::FIRST),
        "also while it runs"
    );
    assert_eq!(world.settle(&lease, completed(&lease), world.start).await, Settled::Done);
    assert_eq!(world.open(first).await, Opened::Stale, "it exists by now");
    // Each change is decided on the version before it: of two such, the second is stale.
    let web = world.portal_order(&id, enable_web("1G")).await;
    world.portal_done(web.clone()).await;
    assert_eq!(world.open(web).await, Opened::Stale);
    // Capital letters make another customer, and another tenant's is another one.
    for other in [portal("cust01"), a("other/Cust01")] {
        world.opened(first_enable(&other, world.start)).await;
    }
    let unknown = portal_ticket(&portal("77"), 1, Order::PortalDisable, world.start);
    assert_eq!(world.open(unknown).await, Opened::Stale, "there is no version 1 of it");
}

async fn sequence(world: &World, opened: &Opened) -> Option<u64> {
    match opened {
        Opened::Ticket(id) => world.request(*id).await.map(|request| request.sequence),
        _ => None,
    }
}

pub(crate) async fn requests_are_numbered_without_gaps(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 1).await;
    let known = portal("known");
    let enable = world.enabled(&known).await;
    assert_eq!(world.request(enable).await.unwrap().sequence, 1);
    let first = |name: &str| first_enable(&portal(name), world.start);
    let mut stale = first("stale");
    stale.subjects[0].version = 9;
    let own = NewTicket {
        secret: Some(secret("own")),
        ..portal_ticket(&a("other/own"), 0, Order::PortalPassword { own: true }, world.start)
    };
    // One call: those that are refused take no number, each relation of each tenant counts by itself.
    let batch = vec![
        (first("a"), Some(2)),
        (first("a"), None), // busy
        (stale, None),
        (world.portal_order(&known, enable_mail(&known, "5")).await, Some(1)),
        (world.portal_order(&known, Order::PortalDisable).await, None), // busy
        (first_enable(&a("other/a"), world.start), Some(1)),
        (own, None), // a change that is not the provider's has no number
        (world.connect(0).await, None),
        (first("b"), Some(3)),
    ];
    let (tickets, wanted): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
    let answers = world.store.ticket_open(tickets).await.unwrap();
    for (number, (answer, wanted)) in answers.iter().zip(wanted).enumerate() {
        assert_eq!(sequence(&world, answer).await, wanted, "{number}: {answer:?}");
    }
    let opened = answers.iter().filter(|answer| matches!(answer, Opened::Ticket(_))).count();
    assert_eq!(opened, 6);
}

pub(crate) async fn requests_of_many_callers_are_numbered_without_gaps(store: Arc<dyn Store>) {
    const CALLERS: usize = 48;
    let world = World::new(store).await;
    // Callers at once, each with a customer of its own and one that all of them want; between them, jobs that fail
    // and take back the commit they share.
    let failing = tokio::spawn({
        let world = world.clone();
        async move {
            for number in 0..CALLERS {
                let user = NewUser {
                    username: a(&format!("Toad{number}")),
                    kind: UserKind::Account,
                    password_hash: SecretString::from("$argon2id$toad"),
                    customers: vec![],
                    bars: vec![a("NO_SUCH_BAR")],
                    boltons: vec![],
                };
                world.store.user_add(user, origin(), world.start).await.unwrap_err();
            }
        }
    });
    let own = (0..CALLERS).map(|number| first_enable(&portal(&format!("c{number}")), world.start));
    let wanted_by_all = (0..CALLERS).map(|_| first_enable(&portal("all"), world.start));
    let tickets = own.zip(wanted_by_all).flat_map(|(own, all)| [own, all]).collect();
    let answers = open_at_once(&world, tickets).await;
    failing.await.unwrap();
    let mut sequences = BTreeSet::new();
    for answer in &answers {
        sequences.extend(sequence(&world, answer).await);
    }
    let all: BTreeSet<u64> = (1..=CALLERS as u64 + 1).collect();
    assert_eq!(sequences, all, "{answers:?}");
}

/// A customer of the other face that is named like a tenant, granted to a user there.
pub(crate) async fn portal_tickets_are_not_found_by_the_other_face(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 1).await;
    let mut namesake = catalogue();
    let number: CustomerNumber = a(KOMMITT);
    namesake.customers.push(Customer {
        number: number.clone(),
        name: "a namesake".to_owned(),
        contracts: vec![],
    });
    namesake.users[2].customers.push(number.clone());
    world.load(namesake).await;
    let scope = world.scope("MarioG").await;
    let find = async |id| world.store.ticket_find(scope.clone(), id).await.unwrap();
    let portal_ticket = world.opened(first_enable(&portal("10953"), world.start)).await;
    assert_eq!(find(portal_ticket).await, None);
    let of_namesake = NewTicket { customer: number, ..world.connect(0).await };
    let of_namesake = world.opened(of_namesake).await;
    assert!(find(of_namesake).await.is_some(), "the grant itself works");
}

pub(crate) async fn a_portal_lease_carries_the_books(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 1).await;
    let id = portal("10953");
    world.opened(world.connect(0).await).await;
    let ticket = world.opened(first_enable(&id, world.at(3))).await;
    assert!(world.claim_mail(10, world.at(2)).await.is_empty(), "not due yet");
    let mut leases = world.claim_mail(10, world.at(3)).await;
    assert_eq!(leases.len(), 1, "the SIM's ticket is another network's");
    let lease = leases.remove(0);
    assert_eq!((lease.ticket, lease.epoch, lease.kind), (ticket, 1, OrderKind::PortalEnable));
    let books = portal_books(&lease);
    assert_eq!((&books.id, books.raised), (&id, world.at(3)));
    assert_eq!(books.new_secret, Some(secret("first")));
    assert_eq!((&books.record.customer, &books.record.secret), (&None, &None));
    assert!(books.record.packs.is_empty() && books.record.mailboxes.is_empty());
    // The password waits with the ticket.
    let due = world.at(9);
    let why = failure(FailureKind::Transient);
    let later = Verdict::Postponed { due, failure: why, counts: true, in_doubt: false };
    assert_eq!(world.settle(&lease, later, world.at(3)).await, Settled::Done);
    let again = world.claim_mail(1, due).await.remove(0);
    assert_eq!(portal_books(&again).new_secret, Some(secret("first")));
    assert_eq!(world.settle(&again, completed(&again), due).await, Settled::Done);

    world.portal_done(world.portal_order(&id, enable_web("1G")).await).await;
    world.portal_done(world.portal_order(&id, enable_mail(&id, "2")).await).await;
    world.opened(world.portal_order(&id, Order::PortalDisable).await).await;
    let lease = world.claim_mail(1, world.start).await.remove(0);
    let books = portal_books(&lease);
    let customer = PortalCustomer { enabled: true, own_password: false, sessions: 1, version: 3 };
    assert_eq!(books.record.customer, Some(customer));
    assert_eq!((&books.record.secret, &books.new_secret), (&Some(secret("first")), &None));
    assert_eq!(books.record.packs, [pack("Mail", "2"), pack("Web", "1G")]);
    assert_eq!(books.record.mailboxes.len(), 1);
    assert_eq!(books.record.mailboxes[0].address, a("10953@rapeedo.net"));
}
