//! What is accepted and what is refused, and in which order it is checked.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use provisor_domain::driver::{
    Abilities, Command, Comparison, Driver, DriverLimits, NetworkStatus, Outcome, Want,
};
use provisor_domain::store::Idempotency;
use provisor_domain::{BarCode, Iccid, Imsi, Refusal, ServiceStatus, TicketState, UserId};
use provisor_engine::{Call, ConnectOrder, Error, Raised, ServiceOrder};

use crate::rig::{World, by_sim, connect, iccid};
use crate::running::Script;

fn refusal(answer: Result<Raised, Error>) -> Refusal {
    match answer {
        Err(Error::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

async fn world() -> World {
    World::with(Arc::new(Script::obedient())).await
}

#[tokio::test]
async fn connect_is_checked_in_the_order_of_the_contract() {
    let world = world().await;
    let mario = world.call("MarioG").await;
    let holder = world.connect(&mario, 1).await.ticket;
    // Each order has one more thing right than the one before it.
    let nothing_right = ConnectOrder {
        iccid: iccid(100),
        contract: "2000274".parse().unwrap(),
        tariff: "NONE".parse().unwrap(),
        apns: vec!["APN_SLOW".parse().unwrap()],
        ..connect(0)
    };
    let contract = ConnectOrder { contract: "1000274".parse().unwrap(), ..nothing_right.clone() };
    let sim = ConnectOrder { iccid: iccid(1), ..contract.clone() };
    let tariff = ConnectOrder { tariff: "T".parse().unwrap(), ..sim.clone() };
    let apns = ConnectOrder { apns: vec!["APN".parse().unwrap()], ..tariff.clone() };
    for (order, wanted) in [
        (nothing_right, Refusal::ContractNotFound),
        (contract, Refusal::SimNotAvailable),
        (sim, Refusal::TariffNotFound),
        (tariff, Refusal::ApnNotFound),
        (apns, Refusal::SubjectBusy(holder)),
    ] {
        assert_eq!(refusal(world.engine.connect_service(&mario, order).await), wanted);
    }
}

#[tokio::test]
async fn a_sim_in_a_live_service_is_not_available() {
    let world = world().await;
    let running = world.run();
    let mario = world.call("MarioG").await;
    world.connected(&mario, 1).await;
    let again = world.engine.connect_service(&mario, connect(1)).await;
    assert_eq!(refusal(again), Refusal::SimNotAvailable);
    running.finish().await;
}

#[tokio::test]
async fn sixty_four_callers_at_once_raise_exactly_one_ticket() {
    let world = world().await;
    let call = world.call("MarioG").await;
    let callers: Vec<_> = (0..64)
        .map(|_| {
            let (engine, call) = (world.engine.clone(), call.clone());
            tokio::spawn(async move { engine.connect_service(&call, connect(5)).await })
        })
        .collect();
    let (mut raised, mut busy) = (Vec::new(), Vec::new());
    for caller in callers {
        match caller.await.unwrap() {
            Ok(ticket) => raised.push(ticket.ticket),
            Err(Error::Refused(Refusal::SubjectBusy(holder))) => busy.push(holder),
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!((raised.len(), busy.len()), (1, 63));
    assert!(busy.iter().all(|holder| *holder == raised[0]));
}

#[tokio::test]
async fn what_is_not_granted_does_not_exist_and_what_is_outside_the_kind_is_refused() {
    let world = world().await;
    let running = world.run();
    let mario = world.call("MarioG").await;
    let service = world.connected(&mario, 1).await;
    let rename = || ServiceOrder::Rename("New".parse().unwrap());
    let other = world.call("Other").await;
    let foreign = world.engine.change_service(&other, service.clone(), rename()).await;
    assert_eq!(refusal(foreign), Refusal::ServiceNotFound);
    let group = world.call("Group").await;
    let outside = world.engine.change_service(&group, service.clone(), rename()).await;
    assert_eq!(refusal(outside), Refusal::ServiceNotPermitted);
    // What a group's user connects is the group's.
    let own = world.connected(&group, 2).await;
    world.engine.change_service(&group, own, rename()).await.unwrap();
    running.finish().await;
}

#[tokio::test]
async fn bars_and_boltons_must_be_granted_and_of_the_services_network() {
    let world = world().await;
    let running = world.run();
    let mario = world.call("MarioG").await;
    let service = world.connected(&mario, 1).await;
    for code in ["BF_002", "SLOW_BAR", "NONE"] {
        let bar: BarCode = code.parse().unwrap();
        let order = ServiceOrder::AddBar(bar.clone());
        let answer = world.engine.change_service(&mario, service.clone(), order).await;
        assert_eq!(refusal(answer), Refusal::BarNotPermitted(bar));
    }
    let order = ServiceOrder::AddBolton("AS_SECRET".parse().unwrap());
    let answer = world.engine.change_service(&mario, service, order).await;
    assert!(matches!(refusal(answer), Refusal::BoltonNotPermitted(_)));
    running.finish().await;
}

#[tokio::test]
async fn a_service_lives_through_all_orders() {
    let world = world().await;
    let running = world.run();
    let mario = world.call("MarioG").await;
    let service = world.connected(&mario, 1).await;
    let suspend: BarCode = "AS_SUS_MSISDN".parse().unwrap();
    let steps = [
        (ServiceOrder::AddBar(suspend.clone()), ServiceStatus::Barred),
        (ServiceOrder::RemoveBar(suspend), ServiceStatus::Active),
        (ServiceOrder::Rename("IMK Testing 2".parse().unwrap()), ServiceStatus::Active),
        (ServiceOrder::AddBolton("AS_ROAM".parse().unwrap()), ServiceStatus::Active),
        (ServiceOrder::RemoveBolton("AS_ROAM".parse().unwrap()), ServiceStatus::Active),
        (ServiceOrder::ApplyTemplate("TPL".parse().unwrap()), ServiceStatus::Active),
        (ServiceOrder::Disconnect, ServiceStatus::SwitchedOff),
    ];
    for (order, wanted) in steps {
        let raised = world.engine.change_service(&mario, service.clone(), order.clone()).await;
        world.until(raised.unwrap().ticket, &[TicketState::Completed]).await;
        let view = world.engine.service(&mario.caller, service.clone()).await.unwrap();
        assert_eq!(view.service.status, wanted, "{order:?}");
    }
    let again = world.engine.change_service(&mario, service, ServiceOrder::Disconnect).await;
    assert_eq!(refusal(again), Refusal::ServiceNotActive);
    // The SIM is free again.
    world.connected(&mario, 1).await;
    running.finish().await;
}

#[tokio::test]
async fn a_sim_change_needs_both_sims_free() {
    let world = world().await;
    let running = world.run();
    let mario = world.call("MarioG").await;
    let service = world.connected(&mario, 1).await;
    world.connected(&mario, 2).await;
    for (number, wanted) in [(1, "own"), (2, "in use"), (150, "foreign")] {
        let order = ServiceOrder::ChangeSim(iccid(number));
        let answer = world.engine.change_service(&mario, service.clone(), order).await;
        assert_eq!(refusal(answer), Refusal::SimNotAvailable, "{wanted}");
    }
    let before = world.engine.service(&mario.caller, service.clone()).await.unwrap().service;
    let order = ServiceOrder::ChangeSim(iccid(3));
    let raised = world.engine.change_service(&mario, service, order).await.unwrap();
    world.until(raised.ticket, &[TicketState::Completed]).await;
    let after = world.engine.service(&mario.caller, by_sim(3)).await.unwrap();
    assert_eq!((after.service.code, after.service.cli), (before.code, before.cli));
    assert_eq!(after.network.status, NetworkStatus::Active);
    // The old SIM is retired.
    let again = world.engine.connect_service(&mario, connect(1)).await;
    assert_eq!(refusal(again), Refusal::SimNotAvailable);
    running.finish().await;
}

fn keyed(call: &Call, user: UserId, fingerprint: u8) -> Call {
    let idempotency = Idempotency {
        key: "order-4711".into(),
        method: "connectService",
        fingerprint: [fingerprint; 32],
        user,
    };
    Call { idempotency: Some(idempotency), ..call.clone() }
}

#[tokio::test]
async fn sixteen_calls_with_one_key_raise_one_ticket_and_all_get_it() {
    let world = world().await;
    let call = world.call("MarioG").await;
    let user = call.caller.scope().user;
    let call = keyed(&call, user, 1);
    let callers: Vec<_> = (0..16)
        .map(|_| {
            let (engine, call) = (world.engine.clone(), call.clone());
            tokio::spawn(async move { engine.connect_service(&call, connect(5)).await })
        })
        .collect();
    let mut answers = Vec::new();
    for caller in callers {
        answers.push(caller.await.unwrap().unwrap());
    }
    assert!(answers.iter().all(|answer| answer.ticket == answers[0].ticket));
    assert_eq!(answers.iter().filter(|answer| !answer.replayed).count(), 1);
    let other = world.engine.connect_service(&keyed(&call, user, 2), connect(6)).await;
    assert_eq!(refusal(other), Refusal::IdempotencyKeyReused);
}

/// A network that remembers whom it was asked about.
#[derive(Debug)]
struct Asked {
    by_imsi: bool,
    imsis: Mutex<Vec<Option<Imsi>>>,
    script: Script,
}

#[async_trait]
impl Driver for Asked {
    async fn ensure(&self, command: &Command) -> Outcome {
        self.script.ensure(command).await
    }

    async fn status(&self, iccid: &Iccid, imsi: Option<&Imsi>) -> NetworkStatus {
        self.imsis.lock().unwrap().push(imsi.cloned());
        self.script.status(iccid, imsi).await
    }

    async fn compare(&self, want: &Want) -> Comparison {
        self.script.compare(want).await
    }

    fn abilities(&self) -> Abilities {
        Abilities { needs_imsi: self.by_imsi, ..Abilities::default() }
    }

    fn limits(&self) -> DriverLimits {
        self.script.limits()
    }
}

#[tokio::test]
async fn the_imsi_is_looked_up_for_a_network_that_goes_by_it() {
    for by_imsi in [true, false] {
        let script = Script::obedient();
        let driver = Arc::new(Asked { by_imsi, imsis: Mutex::default(), script });
        let world = World::with(driver.clone()).await;
        let running = world.run();
        let mario = world.call("MarioG").await;
        let service = world.connected(&mario, 1).await;
        let view = world.engine.service(&mario.caller, service).await.unwrap();
        assert_eq!(view.network.status, NetworkStatus::Active);
        let asked = driver.imsis.lock().unwrap().clone();
        let imsi: Imsi = "901700000000001".parse().unwrap();
        assert_eq!(asked, [by_imsi.then_some(imsi)]);
        running.finish().await;
    }
}
