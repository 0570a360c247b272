//! Settling tickets about portal customers.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use provisor_domain::catalogue::Catalogue;
use provisor_domain::mail::MailboxKind;
use provisor_domain::plan::PortalChange;
use provisor_domain::portal::{PortalCustomer, PortalId, PortalSecret, RequestState, SecretForm};
use provisor_domain::store::{ClaimAsk, NewTicket, PortalFound, Settled, Store, Verdict};
use provisor_domain::ticket::FailureKind;
use provisor_domain::{Mailbox, Order, SimState, TicketId, TicketState};

use super::portal_world::{
    adoption, enable_mail, enable_web, first_enable, mailbox, pack, portal, portal_books, secret,
};
use super::world::{LEASE, World, a, ask, completed, failure, origin, planned, settlement, worker};

async fn password(world: &World, id: &PortalId) -> Option<PortalSecret> {
    world.store.portal_auth(id.clone()).await.unwrap().unwrap().secret
}

pub(crate) async fn every_kind_of_portal_order_changes_the_books(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let id = portal("10953");
    world.enabled(&id).await;
    let mut wanted = PortalCustomer { enabled: true, own_password: false, sessions: 1, version: 1 };
    assert_eq!(world.portal(&id).await.customer, Some(wanted.clone()));
    let plain = PortalSecret { form: SecretForm::Plain, ..secret("plain") };
    let disable = |name: &str, value: &str, days| Order::PackDisable {
        pack: pack(name, value),
        mail_kept_days: days,
    };
    let own = Order::PortalPassword { own: true };
    let rehashed = Order::PortalPassword { own: false };
    // The order, the password it brings; then: enabled, own password, whether sessions end, the password.
    let steps = [
        (enable_mail(&id, "5"), None, (true, false, false), secret("first")),
        (enable_web("100M"), None, (true, false, false), secret("first")),
        (rehashed, Some(plain.clone()), (true, false, false), plain.clone()),
        (own, Some(secret("own")), (true, true, true), secret("own")),
        (enable_mail(&id, "6"), None, (true, true, false), secret("own")),
        (Order::PortalDisable, None, (false, true, true), secret("own")),
        (disable("Web", "100M", None), None, (false, true, false), secret("own")),
        (Order::PortalEnable, Some(secret("reset")), (true, false, true), secret("reset")),
    ];
    for (order, brings, (enabled, own_password, ends), stands) in steps {
        let ticket = NewTicket { secret: brings, ..world.portal_order(&id, order.clone()).await };
        world.portal_done(ticket).await;
        let sessions = wanted.sessions + i64::from(ends);
        let version = wanted.version + 1;
        wanted = PortalCustomer { enabled, own_password, sessions, version };
        let found = world.portal(&id).await;
        assert_eq!((found.customer, found.open_ticket), (Some(wanted.clone()), None), "{order:?}");
        assert_eq!(password(&world, &id).await, Some(stands), "{order:?}");
    }
    let found = world.portal(&id).await;
    assert_eq!(found.packs, [pack("Mail", "6")]);
    let primary = mailbox("10953@rapeedo.net", MailboxKind::Primary);
    assert_eq!(found.mailboxes, std::slice::from_ref(&primary));

    let off = world.portal_order(&id, disable("Mail", "6", Some(30))).await;
    let raised = off.raised;
    world.portal_done(off).await;
    let found = world.portal(&id).await;
    let until = raised.checked_add(SignedDuration::from_hours(30 * 24)).unwrap();
    let until = Timestamp::from_millisecond(until.as_millisecond()).unwrap();
    let kept = Mailbox { kept_until: Some(until), ..primary.clone() };
    assert_eq!((found.packs.as_slice(), found.mailboxes), ([].as_slice(), vec![kept]));
    world.portal_done(world.portal_order(&id, enable_mail(&id, "1")).await).await;
    let found = world.portal(&id).await;
    assert_eq!((found.packs, found.mailboxes), (vec![pack("Mail", "1")], vec![primary]));
}

pub(crate) async fn a_portal_settlement_that_is_too_late_writes_nothing(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let id = portal("10953");
    let ticket = world.opened(first_enable(&id, world.start)).await;
    let old = world.claim_mail(1, world.start).await.remove(0);
    let again = ClaimAsk { network: a("MAIL"), worker: worker(2), ..ask(1, world.at(LEASE)) };
    let new = world.claim_as(&again).await.leases.remove(0);
    for verdict in [completed(&old), Verdict::Failed(failure(FailureKind::Permanent))] {
        assert_eq!(world.settle(&old, verdict, world.at(LEASE)).await, Settled::LeaseLost);
        let found = world.portal(&id).await;
        assert_eq!((found.customer, found.open_ticket), (None, Some(ticket)));
    }
    assert_eq!(portal_books(&new).new_secret, Some(secret("first")));
    assert_eq!(world.settle(&new, completed(&new), world.at(LEASE)).await, Settled::Done);
    assert_eq!(world.settle(&new, completed(&new), world.at(LEASE)).await, Settled::LeaseLost);
    assert_eq!(world.portal(&id).await.customer.unwrap().version, 1);
}

pub(crate) async fn a_failed_portal_ticket_changes_nothing_but_the_version(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let id = portal("10953");
    world.enabled(&id).await;
    let before = world.portal(&id).await;
    // What its mail system may have been told for a ticket without effect must be older than what comes next.
    let moved_on = |by: i64| {
        let customer =
            before.customer.clone().map(|c| PortalCustomer { version: c.version + by, ..c });
        PortalFound { customer, ..before.clone() }
    };
    let reset = async || NewTicket {
        secret: Some(secret("reset")),
        ..world.portal_order(&id, Order::PortalEnable).await
    };
    world.opened(reset().await).await;
    let lease = world.claim_mail(1, world.start).await.remove(0);
    let failed = Verdict::Failed(failure(FailureKind::Permanent));
    assert_eq!(world.settle(&lease, failed, world.start).await, Settled::Done);
    assert_eq!(world.portal(&id).await, moved_on(1));
    assert_eq!(password(&world, &id).await, Some(secret("first")));
    // Its subject is free; cancelling is the other way out.
    let again = world.opened(reset().await).await;
    let why = "not wanted".to_owned();
    world.store.ticket_cancel(again, why, origin(), world.start).await.unwrap();
    assert_eq!(world.portal(&id).await, moved_on(2));
    assert_eq!(password(&world, &id).await, Some(secret("first")));
}

pub(crate) async fn restored_books_are_of_another_generation(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let id = portal("10953");
    assert_eq!(world.store.books_generation().await.unwrap(), 0);
    assert_eq!(world.store.books_restored(origin(), world.start).await.unwrap(), 1);
    assert_eq!(world.store.books_generation().await.unwrap(), 1);
    world.opened(first_enable(&id, world.start)).await;
    let lease = world.claim_mail(1, world.start).await.remove(0);
    assert_eq!(portal_books(&lease).generation, 1);
}

pub(crate) async fn an_address_is_one_customers(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (first, second, third) = (portal("10953"), a("other/10953"), portal("14056"));
    let mut tickets = Vec::new();
    for id in [&first, &second, &third] {
        world.enabled(id).await;
    }
    for id in [&first, &second, &third] {
        // The other tenant's customer would get the first one's address, in other letters.
        let mut order = enable_mail(id, "2");
        if let (true, Order::PackEnable { mail: Some(terms), .. }) = (*id == second, &mut order) {
            terms.primary = a("10953@RAPEEDO.net");
        }
        tickets.push(world.opened(world.portal_order(id, order).await).await);
    }
    let before = world.portal(&second).await;
    let mut leases = world.claim_mail(3, world.start).await;
    leases.sort_by_key(|lease| lease.ticket);
    let settlements: Vec<_> =
        leases.iter().map(|lease| settlement(lease, completed(lease), world.start)).collect();
    let settled = world.store.ticket_settle(settlements, world.start).await.unwrap();
    assert_eq!((&settled[0], &settled[2]), (&Settled::Done, &Settled::Done));
    let Settled::Refused(reason) = &settled[1] else { panic!("{settled:?}") };
    assert!(reason.contains("10953@RAPEEDO.net"), "{reason}");
    // Nothing of it was written, also not what came before the mailbox.
    assert_eq!(world.portal(&second).await, before);
    assert_eq!(world.ticket(tickets[1]).await.state, TicketState::Running);
    assert_eq!(world.portal(&third).await.mailboxes.len(), 1);

    // Nor is a change written that is about somebody else.
    let mut change = planned(&leases[1]);
    let stranger = PortalChange { id: third.clone(), ..change.portal.unwrap() };
    change.portal = Some(PortalChange { mailboxes: None, ..stranger });
    let refused = world.settle(&leases[1], Verdict::Completed(Box::new(change)), world.start).await;
    assert!(matches!(refused, Settled::Refused(_)), "{refused:?}");
    let why = failure(FailureKind::Books);
    assert_eq!(world.settle(&leases[1], Verdict::Failed(why), world.start).await, Settled::Done);
    let request = world.request(tickets[1]).await.unwrap();
    assert_eq!(request.state, RequestState::Failed);
    // A customer has one primary mailbox.
    let order = world.portal_order(&third, enable_web("1G")).await;
    world.opened(order).await;
    let lease = world.claim_mail(1, world.start).await.remove(0);
    let mut change = planned(&lease);
    let primaries = ["a@rapeedo.net", "b@rapeedo.net"];
    let primaries = primaries.map(|address| mailbox(address, MailboxKind::Primary)).to_vec();
    change.portal.as_mut().unwrap().mailboxes = Some(primaries);
    let refused = world.settle(&lease, Verdict::Completed(Box::new(change)), world.start).await;
    assert!(matches!(refused, Settled::Refused(_)), "{refused:?}");
}

/// Where a request stands and why, after each thing that can happen to its ticket.
pub(crate) async fn a_request_stands_where_its_ticket_stands(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let id = portal("10953");
    let open = async || world.opened(first_enable(&id, world.start)).await;
    let stands = async |ticket: TicketId, state, reason: Option<&str>| {
        let request = world.request(ticket).await.unwrap();
        assert_eq!(request.ticket, ticket);
        assert_eq!((request.state, request.reason.as_deref()), (state, reason));
    };
    let first = open().await;
    stands(first, RequestState::Pending, None).await;
    let lease = world.claim_mail(1, world.start).await.remove(0);
    stands(first, RequestState::Pending, None).await;
    let (due, why) = (world.at(9), failure(FailureKind::Transient));
    let later = Verdict::Postponed { due, failure: why, counts: true, in_doubt: false };
    assert_eq!(world.settle(&lease, later, world.start).await, Settled::Done);
    stands(first, RequestState::Pending, None).await;
    let lease = world.claim_mail(1, due).await.remove(0);
    let lost = Verdict::Unknown(failure(FailureKind::OutcomeUnknown));
    assert_eq!(world.settle(&lease, lost, due).await, Settled::Done);
    stands(first, RequestState::Pending, None).await;
    let reason = "not wanted".to_owned();
    world.store.ticket_cancel(first, reason, origin(), due).await.unwrap();
    stands(first, RequestState::Failed, Some("not wanted")).await;

    let second = open().await;
    let lease = world.claim_mail(1, world.start).await.remove(0);
    let failed = Verdict::Failed(failure(FailureKind::Permanent));
    assert_eq!(world.settle(&lease, failed, world.start).await, Settled::Done);
    stands(second, RequestState::Failed, Some("the network said so")).await;
    let third = world.enabled(&id).await;
    stands(third, RequestState::Done, None).await;
    assert_eq!(world.request(third).await.unwrap().sequence, 3);
    assert_eq!(world.request(TicketId::new(77_777).unwrap()).await, None);
}

pub(crate) async fn mailboxes_are_replaced_whole(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let one = adoption("kommitt/10953");
    let portal_customers = vec![one.clone()];
    world.load(Catalogue { portal_customers, ..Catalogue::default() }).await;
    world.opened(world.portal_order(&one.id, enable_web("1G")).await).await;
    let lease = world.claim_mail(1, world.start).await.remove(0);
    let mut change = planned(&lease);
    // One goes, one changes its letters, one is new.
    let mut mailboxes = one.mailboxes.clone();
    let gone = mailboxes.pop().unwrap();
    mailboxes[1].address = a(&mailboxes[1].address.key());
    mailboxes.push(mailbox("z@kommitt.example", MailboxKind::Additional));
    change.portal.as_mut().unwrap().mailboxes = Some(mailboxes.clone());
    let verdict = Verdict::Completed(Box::new(change));
    assert_eq!(world.settle(&lease, verdict, world.start).await, Settled::Done);
    let found = world.portal(&one.id).await;
    assert_eq!((found.mailboxes, found.customer.unwrap().version), (mailboxes, 2));
    // The address that was given up is free for others.
    let other = a("other/1");
    let taken = world.store.portal_find(other, Some(gone.address)).await.unwrap().address_taken;
    assert!(!taken);
}

pub(crate) async fn a_ticket_changes_what_it_is_about(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 1).await;
    let id = portal("10953");
    world.opened(first_enable(&id, world.start)).await;
    world.opened(world.connect(0).await).await;
    let of_portal = world.claim_mail(1, world.start).await.remove(0);
    let of_sim = world.claim(1, world.start).await.remove(0);
    for (lease, other) in [(&of_portal, &of_sim), (&of_sim, &of_portal)] {
        let refused = world.settle(lease, completed(other), world.start).await;
        assert!(matches!(refused, Settled::Refused(_)), "{refused:?}");
        assert_eq!(world.portal(&id).await.customer, None);
        assert_eq!(world.sim(0).await.state, SimState::Stock);
    }
    for lease in [&of_portal, &of_sim] {
        assert_eq!(world.settle(lease, completed(lease), world.start).await, Settled::Done);
    }
    assert!(world.portal(&id).await.customer.unwrap().enabled);
    assert_eq!(world.sim(0).await.state, SimState::InUse);
}
