//! The suite of all drivers on a real HLR; what it promises beyond it about numbers, parts and half-done commands.

use provisor_domain::driver::{
    Command, Comparison, Driver as _, NetworkStatus, OnceKey, Outcome, Subscription, Want,
};
use provisor_domain::service::{AppliedBar, Products};
use provisor_domain::{Iccid, TicketId};
use provisor_drivers::conformance::{Suite, World};
use serde_json::json;

use crate::rig::Row;
use crate::support::{
    KI, Network, OPC, absent, command, driver, iccid, imsi, known, msisdn, present, sealed,
    suspended,
};

fn world() -> World {
    let sim = |number: usize| (iccid(number), Some(imsi(number)));
    World {
        sims: [sim(0), sim(1), sim(2), sim(3)],
        numbers: [msisdn(0), msisdn(1), msisdn(2), msisdn(3)],
        tariffs: ["TEASEU1000MB".parse().unwrap(), "TEASEU5GB".parse().unwrap()],
        apns: ["AS_APN_CROUT".parse().unwrap(), "AS_APN_OTHER".parse().unwrap()],
        bolton: "AS_BOLTON".parse().unwrap(),
        bar: "AS_BAR_ROAMING".parse().unwrap(),
        suspending_bar: "AS_SUS_MSISDN".parse().unwrap(),
        first_ticket: TicketId::FIRST,
    }
}

/// What an HLR has, as far as it has a place for it.
fn seen(row: &Row) -> Subscription {
    let bar = AppliedBar { code: "AS_SUS_MSISDN".parse().unwrap(), suspends: true };
    let bars = match row.access {
        (true, true) => vec![],
        (false, false) => vec![bar],
        half => panic!("served in part: {half:?}"),
    };
    Subscription {
        msisdn: row.msisdn.as_ref().map(|number| number.parse().unwrap()),
        tariff: "TEASEU1000MB".parse().unwrap(),
        products: Products { bars, ..Products::default() },
    }
}

async fn passes(settings: &serde_json::Value) {
    let network = Network::new(settings);
    let look = |sim: &Iccid| {
        let number = (0..4).find(|number| iccid(*number) == *sim).unwrap();
        network.hlr.subscriber(imsi(number).as_str()).as_ref().map(seen)
    };
    let mut suite = Suite::new(&network.driver, world()).look(&look);
    suite.run().await.unwrap();
    suite.any_sequence_of_commands_follows_the_model(2, 100).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_hlr_passes_at_the_first_attempt() {
    passes(&json!({})).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_hlr_passes_when_devices_are_detached() {
    passes(&json!({ "detach": "gsup" })).await;
}

/// What each of some commands asks of the HLR; all are done.
async fn costs(network: &Network, commands: Vec<Command>) -> Vec<u64> {
    let mut costs = Vec::new();
    for command in commands {
        let before = network.driver.operations();
        assert_eq!(network.driver.ensure(&command).await, Outcome::Done);
        costs.push(network.driver.operations() - before);
    }
    costs
}

#[tokio::test]
async fn what_is_as_wanted_costs_one_question_and_no_writes() {
    let network = Network::new(&json!({}));
    let commands = vec![
        known(1, vec![present(0)]),
        known(2, vec![present(0)]),
        known(3, vec![suspended(0)]),
        known(4, vec![suspended(0)]),
        known(5, vec![present(0)]),
        known(6, vec![absent(0), Want { state: present(0).state, ..absent(1) }]),
        known(7, vec![absent(1)]),
        known(8, vec![absent(1)]),
    ];
    // Read, who has the number, create, number, read back. The same again: the first of these.
    assert_eq!(costs(&network, commands).await, [5, 1, 3, 1, 3, 2 + 5 + 2, 4, 1]);
}

#[tokio::test]
async fn a_connect_costs_its_writes_and_one_question() {
    let network = Network::new(&json!({}));
    let keyed = || Want { keys: sealed(KI, OPC), ..present(1) };
    let commands = vec![
        command(1, vec![present(0)]),
        command(2, vec![keyed()]),
        // What is there is found by the attempt to make it, and read.
        command(3, vec![present(0)]),
        command(4, vec![keyed()]),
    ];
    assert_eq!(costs(&network, commands).await, [3, 4, 2, 2]);
    let expected = [0, 1].map(|sim| Row {
        imsi: imsi(sim).to_string(),
        msisdn: Some(msisdn(sim).to_string()),
        access: (true, true),
    });
    assert_eq!(network.hlr.subscribers(), expected);
}

#[tokio::test]
async fn a_sim_whose_number_is_taken_is_made_and_taken_back() {
    let network = Network::new(&json!({}));
    let mut ctrl = network.hlr.ctrl();
    ctrl.ask("SET", &format!("subscriber.create {}", imsi(9))).unwrap();
    ctrl.ask("SET", &format!("subscriber.by-imsi-{}.msisdn {}", imsi(9), msisdn(0))).unwrap();
    let before = network.hlr.subscribers();
    let outcome = network.ensure(1, vec![present(0)]).await;
    let Outcome::Refused { reason } = outcome else { panic!("{outcome:?}") };
    assert!(reason.contains(imsi(9).as_str()), "{reason}");
    assert_eq!(network.hlr.subscribers(), before);

    // As an attempt leaves it that is cut off before it has taken it back. Who was there before is left alone.
    ctrl.ask("SET", &format!("subscriber.create {}", imsi(0))).unwrap();
    let first = known(2, vec![present(0)]);
    let outcome = network.driver.ensure(&first).await;
    assert!(matches!(outcome, Outcome::Refused { .. }), "{outcome:?}");
    let once = OnceKey { epoch: 2, ..first.once };
    let outcome = network.driver.ensure(&Command { once, ..first }).await;
    let Outcome::Unknown { reason } = outcome else { panic!("{outcome:?}") };
    assert!(reason.contains(imsi(0).as_str()) && reason.contains(imsi(9).as_str()), "{reason}");
}

#[tokio::test]
async fn a_subscriber_that_somebody_else_made_is_brought_into_line() {
    let network = Network::new(&json!({}));
    let mut ctrl = network.hlr.ctrl();
    ctrl.ask("SET", &format!("subscriber.create {}", imsi(0))).unwrap();
    ctrl.ask("SET", &format!("subscriber.by-imsi-{}.ps-enabled 0", imsi(0))).unwrap();
    let found = network.driver.compare(&present(0)).await;
    let Comparison::Differs { found: NetworkStatus::Active, what } = found else {
        panic!("{found:?}")
    };
    let expected =
        format!("number is none, not {}, network access mode is cs, not cs+ps", msisdn(0));
    assert_eq!(what, expected);
    let detail = network.driver.detail(&iccid(0), Some(&imsi(0))).await.unwrap();
    assert!(detail.contains("admitted in part") && detail.contains("nowhere"), "{detail}");
    assert_eq!(network.ensure(1, vec![present(0)]).await, Outcome::Done);
    let expected = Row {
        imsi: imsi(0).to_string(),
        msisdn: Some(msisdn(0).to_string()),
        access: (true, true),
    };
    assert_eq!(network.hlr.subscribers(), [expected]);
}

#[tokio::test]
async fn a_number_that_a_foreign_subscriber_has_is_refused_before_anything_is_written() {
    let network = Network::new(&json!({}));
    let mut ctrl = network.hlr.ctrl();
    ctrl.ask("SET", &format!("subscriber.create {}", imsi(9))).unwrap();
    ctrl.ask("SET", &format!("subscriber.by-imsi-{}.msisdn {}", imsi(9), msisdn(1))).unwrap();
    assert_eq!(network.ensure(1, vec![present(0)]).await, Outcome::Done);
    let before = network.hlr.subscribers();
    let outcome = network.ensure(2, vec![absent(0), present(1)]).await;
    let Outcome::Refused { reason } = outcome else { panic!("{outcome:?}") };
    assert!(reason.contains(imsi(9).as_str()), "{reason}");
    assert_eq!(network.hlr.subscribers(), before);
}

#[tokio::test]
async fn two_who_want_one_number_at_once_leave_one_with_it_and_nothing_half_done() {
    let network = Network::new(&json!({}));
    for round in 0..20_usize {
        let number = present(100 + round);
        let wants =
            [0, 1].map(|sim| vec![Want { state: number.state.clone(), ..absent(2 * round + sim) }]);
        let [first, second] = wants;
        let outcomes = tokio::join!(network.ensure(1, first), network.ensure(2, second));
        let mut outcomes = [outcomes.0, outcomes.1];
        outcomes.sort_by_key(|outcome| *outcome != Outcome::Done);
        assert!(matches!(outcomes, [Outcome::Done, Outcome::Refused { .. }]), "{outcomes:?}");
        assert_eq!(network.hlr.subscribers().len(), round + 1);
    }
}

#[tokio::test]
async fn numbers_change_places_within_one_command() {
    let network = Network::new(&json!({}));
    assert_eq!(network.ensure(1, vec![present(0), present(1)]).await, Outcome::Done);
    let (first, second) = (present(0).state, present(1).state);
    let wants = vec![
        Want { state: absent(0).state, ..absent(0) },
        Want { state: first, ..absent(1) },
        Want { state: second, ..absent(0) },
    ];
    assert_eq!(network.ensure(2, wants).await, Outcome::Done);
    let numbers: Vec<_> = network.hlr.subscribers().into_iter().map(|row| row.msisdn).collect();
    assert_eq!(numbers, [Some(msisdn(1).to_string()), Some(msisdn(0).to_string())]);
}

#[tokio::test]
async fn a_network_that_is_not_there_is_unavailable_and_tells_no_status() {
    let mut network = Network::new(&json!({}));
    assert_eq!(network.ensure(1, vec![present(0)]).await, Outcome::Done);
    network.hlr.kill();
    let outcome = network.ensure(2, vec![absent(0)]).await;
    assert!(matches!(outcome, Outcome::Unavailable { .. }), "{outcome:?}");
    assert_eq!(network.driver.status(&iccid(0), Some(&imsi(0))).await, NetworkStatus::Unknown);
    let found = network.driver.compare(&present(0)).await;
    assert!(matches!(found, Comparison::Unknown { .. }), "{found:?}");
    network.hlr.restart();
    let (again, _) = driver(&network.hlr, &json!({}));
    assert_eq!(again.status(&iccid(0), Some(&imsi(0))).await, NetworkStatus::Active);
}
