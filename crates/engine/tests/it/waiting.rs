//! Tickets that wait for a person: their network has a driver of another kind or none, or its range of numbers is used
//! up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use provisor_domain::TicketState;
use provisor_domain::catalogue::Catalogue;
use provisor_domain::driver::Element;
use provisor_domain::limits::ATTEMPTS_MAX;
use provisor_domain::portal::RequestState;
use provisor_domain::store::{Operations, TicketDetail};
use provisor_domain::ticket::FailureKind;
use provisor_engine::{ConnectOrder, NetworkFactory, PortalOrder, ServiceOrder};

use crate::portal_rig::{ALICE, LONG, PortalWorld, enable, mail, mail_network};
use crate::rig::{World, catalogue, connect, eventually, network, product};
use crate::running::Script;

fn assert_waits_for_another_driver(detail: &TicketDetail) {
    assert_eq!(detail.ticket.state, TicketState::Pending);
    let failure = detail.ticket.failure.as_ref().unwrap();
    assert_eq!(failure.kind, FailureKind::Unavailable);
    assert!(failure.reason.contains("mend its catalogue entry"), "{}", failure.reason);
}

/// The catalogue with a tariff at the network that a mail order may come to.
fn with_mail_at(mail: provisor_domain::catalogue::Network) -> Catalogue {
    Catalogue {
        networks: vec![mail],
        tariffs: vec![product("T_MAIL", "MAIL")],
        ..Catalogue::default()
    }
}

fn at_mail(number: usize) -> ConnectOrder {
    ConnectOrder { tariff: "T_MAIL".parse().unwrap(), apns: Vec::new(), ..connect(number) }
}

#[tokio::test]
async fn an_order_at_a_driver_of_another_kind_waits_and_holds_up_nobody_else_there() {
    let sims = network("MAIL");
    let portal = PortalWorld::on(sims.clone()).await;
    let world = &portal.world;
    world.apply(with_mail_at(sims)).await;
    let running = world.run();
    portal.done(ALICE, enable("test")).await;
    let raised = portal.order(ALICE, PortalOrder::PackEnable(mail("5"))).await.unwrap();
    assert_waits_for_another_driver(&world.attempted(raised.ticket).await);
    // The network itself is well: SIMs are served, without a pause for a probe.
    let mario = world.call("MarioG").await;
    let sim = world.engine.connect_service(&mario, at_mail(1)).await.unwrap();
    world.until(sim.ticket, &[TicketState::Completed]).await;
    // The catalogue is mended, and now it is the SIMs' turn to wait.
    world.apply(with_mail_at(mail_network(None))).await;
    let sim = world.engine.connect_service(&mario, at_mail(2)).await.unwrap();
    assert_waits_for_another_driver(&world.attempted(sim.ticket).await);
    world.until_in_time(raised.ticket, &[TicketState::Completed]).await;
    assert_eq!(portal.request(raised, LONG).await.state, RequestState::Done);
    portal.assert_mail_is_as_the_books_say(ALICE).await;
    running.finish().await;
}

fn range_to(last: &str) -> provisor_domain::catalogue::Network {
    let range = ("07700900000".parse().unwrap(), last.parse().unwrap());
    provisor_domain::catalogue::Network { number_range: Some(range), ..network("AS") }
}

#[tokio::test]
async fn a_connect_waits_for_a_number_however_long_and_gets_it_when_the_range_grows() {
    let factory: NetworkFactory = Arc::new(|_| Ok(Element::Network(Arc::new(Script::obedient()))));
    let mut small = catalogue();
    small.networks[0] = range_to("07700900001");
    let world = World::of(small, factory).await;
    let running = world.run();
    let mario = world.call("MarioG").await;
    let service = world.connected(&mario, 0).await;
    world.connected(&mario, 1).await;
    let waiting = world.connect(&mario, 2).await.ticket;
    let detail = world.attempted(waiting).await;
    assert_eq!(detail.ticket.failure.unwrap().kind, FailureKind::Unavailable);
    // The network is well: what needs no number is done at once.
    let bar = ServiceOrder::AddBar("AS_SUS_MSISDN".parse().unwrap());
    let raised = world.engine.change_service(&mario, service, bar).await.unwrap();
    world.until(raised.ticket, &[TicketState::Completed]).await;
    // More often than a ticket may be attempted.
    let grow = async {
        let enough = ATTEMPTS_MAX as usize + 2;
        eventually(async || {
            let attempts = world.store.ticket_show(waiting).await.unwrap().unwrap().attempts;
            (attempts.len() >= enough).then_some(())
        })
        .await;
        let grown = Catalogue { networks: vec![range_to("07700900002")], ..Catalogue::default() };
        world.apply(grown).await;
        std::future::pending::<()>().await;
    };
    let ends = [TicketState::Completed, TicketState::Failed];
    let detail = tokio::select! {
        detail = world.until_in_time(waiting, &ends) => detail,
        () = grow => unreachable!("it never ends"),
    };
    assert_eq!(detail.ticket.state, TicketState::Completed);
    let (last, waits) = detail.attempts.split_last().unwrap();
    assert_eq!(last.failure, None);
    for wait in waits {
        let failure = wait.failure.as_ref().unwrap();
        assert_eq!(failure.kind, FailureKind::Unavailable);
        assert!(failure.reason.contains("number"), "{}", failure.reason);
    }
    let cli = detail.ticket.about.cli().map(ToString::to_string);
    assert_eq!(cli.as_deref(), Some("07700900002"));
    running.finish().await;
}

/// A factory that fails until it is told that the driver can be built.
fn hindered() -> (NetworkFactory, Arc<AtomicBool>) {
    let mended = Arc::new(AtomicBool::new(false));
    let told = mended.clone();
    let factory: NetworkFactory = Arc::new(move |_| {
        let built = || Element::Network(Arc::new(Script::obedient()));
        told.load(Ordering::SeqCst).then(built).ok_or_else(|| "no room on /secret/disk".to_owned())
    });
    (factory, mended)
}

#[tokio::test]
async fn a_ticket_of_a_network_without_a_driver_says_so_and_goes_on_when_it_is_there() {
    let (factory, mended) = hindered();
    let world = World::by(factory).await;
    let running = world.run();
    let mario = world.call("MarioG").await;
    let waiting = world.connect(&mario, 0).await.ticket;
    let detail = world.attempted(waiting).await;
    assert_eq!(detail.ticket.state, TicketState::Pending);
    let failure = detail.ticket.failure.unwrap();
    assert_eq!(failure.kind, FailureKind::Unavailable);
    assert!(failure.reason.contains("cannot be started"), "{}", failure.reason);
    assert!(!failure.reason.contains("/secret"), "callers may read it: {}", failure.reason);
    mended.store(true, Ordering::SeqCst);
    world.look().await;
    world.until_in_time(waiting, &[TicketState::Completed]).await;
    running.finish().await;
}

#[tokio::test]
async fn a_ticket_does_not_wait_for_a_driver_for_ever() {
    let (factory, _never) = hindered();
    let world = World::by(factory).await;
    let mario = world.call("MarioG").await;
    let waiting = world.connect(&mario, 0).await.ticket;
    world.clock.pass(Duration::from_hours(24 * 7 + 1));
    let running = world.run();
    let detail = world.until(waiting, &[TicketState::Failed]).await;
    assert_eq!(detail.ticket.failure.unwrap().kind, FailureKind::Unavailable);
    running.finish().await;
}

#[tokio::test]
async fn what_needs_no_driver_does_not_wait_for_one() {
    let (factory, mended) = hindered();
    mended.store(true, Ordering::SeqCst);
    let world = World::by(factory).await;
    let running = world.run();
    let mario = world.call("MarioG").await;
    let service = world.connected(&mario, 0).await;
    mended.store(false, Ordering::SeqCst);
    world
        .apply(Catalogue { networks: vec![range_to("07700900001")], ..Catalogue::default() })
        .await;
    let rename = ServiceOrder::Rename("Another name".parse().unwrap());
    let raised = world.engine.change_service(&mario, service, rename).await.unwrap();
    world.until(raised.ticket, &[TicketState::Completed]).await;
    running.finish().await;
}
