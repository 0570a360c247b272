//! An HLR that dies, hangs, or whose answers are lost: what the driver says is true, and the next attempt brings it about.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use provisor_domain::driver::{Driver as _, DriverLimits, NetworkStatus, Outcome, Want};
use provisor_drivers::osmo_hlr::{OsmoHlr, Settings};
use serde_json::json;

use crate::rig::proxy::Proxy;
use crate::rig::{CTRL, VTY};
use crate::support::{KI, Network, OPC, absent, command, iccid, imsi, present, sealed, suspended};

/// How long a command may be repeated.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked whether the driver can do it: a network that is there again sends no event. Without a pause that
/// would take the cores from what is waited for.
const LOOK: Duration = Duration::from_millis(4);

/// Repeats a command as the engine would; answers every outcome, those that repeat themselves once.
async fn until_done(driver: &OsmoHlr, ticket: i64, wants: Vec<Want>) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    let began = Instant::now();
    let mut looks = tokio::time::interval(LOOK);
    while outcomes.last() != Some(&Outcome::Done) {
        looks.tick().await;
        let outcome = driver.ensure(&command(ticket, wants.clone())).await;
        let refused = matches!(outcome, Outcome::Refused { .. });
        assert!(!refused && began.elapsed() < PATIENCE, "{outcomes:?}, then {outcome:?}");
        outcomes.push(outcome);
        outcomes.dedup();
    }
    outcomes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_cut_inside_any_answer_loses_nothing_and_does_nothing_twice() {
    let network = Network::new(&json!({}));
    let proxy = |port| Proxy::before(SocketAddr::new(network.hlr.address, port));
    let (ctrl, vty) = (proxy(CTRL), proxy(VTY));
    let settings = json!({ "address": "127.0.0.1", "ctrl_port": ctrl.port, "vty_port": vty.port });
    let settings = Settings::from_json(settings.as_object().unwrap()).unwrap();
    let cut = OsmoHlr::new(&"AS".parse().unwrap(), settings, network.keys.clone());
    let orders = |sim: usize| {
        let state = present(0).state;
        let keyed = move |sim| Want { keys: sealed(KI, OPC), state: state.clone(), ..absent(sim) };
        [
            vec![keyed(sim)],
            vec![Want { state: suspended(0).state, ..absent(sim) }],
            vec![keyed(sim)],
            vec![absent(sim), keyed(sim + 1)],
            vec![absent(sim + 1)],
        ]
    };
    let (mut unknown, mut unavailable) = (0, 0);
    for at in 0..40_usize {
        let proxy = if at % 2 == 0 { &ctrl } else { &vty };
        for (order, wants) in orders(2 * at).into_iter().enumerate() {
            let cuts = proxy.cuts();
            proxy.cut_after(i64::try_from(at * 7 % 130 + order * 11).unwrap());
            for outcome in until_done(&cut, 1, wants).await {
                unknown += usize::from(matches!(outcome, Outcome::Unknown { .. }));
                unavailable += usize::from(matches!(outcome, Outcome::Unavailable { .. }));
            }
            // An order that was over before the cut leaves it to the next one.
            assert!(proxy.cuts() <= cuts + 1);
        }
        assert_eq!(network.hlr.subscribers(), [], "round {at}");
    }
    assert!(unknown >= 10 && unavailable >= 10, "{unknown} unknown, {unavailable} unavailable");
    assert!(ctrl.cuts() >= 40 && vty.cuts() >= 20, "{} and {}", ctrl.cuts(), vty.cuts());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_hlr_that_is_killed_and_started_again_ends_up_as_wanted() {
    let mut network = Network::new(&json!({ "deadline_ms": 2000 }));
    for round in 0..5_usize {
        let commands = (0..40_usize).map(|sim| {
            let want = if (sim + round) % 2 == 0 { present(sim) } else { absent(sim) };
            command(1, vec![want])
        });
        let driver = &network.driver;
        // In turn with the first question of each command under way, and with nearly everything asked: of the latter all may
        // have been answered in time.
        let (asked, early) = if round % 2 == 0 { (20, true) } else { (60, false) };
        let until = driver.operations() + asked;
        let commands: Vec<_> = commands.collect();
        let all = futures_util::future::join_all(commands.iter().map(|one| driver.ensure(one)));
        let (outcomes, ()) = tokio::join!(all, async {
            while driver.operations() < until {
                tokio::task::yield_now().await;
            }
            network.hlr.kill();
        });
        let done = outcomes.iter().filter(|outcome| **outcome == Outcome::Done).count();
        assert!(!early || done < 40, "the kill was too late");
        network.hlr.restart();
        for command in commands {
            until_done(&network.driver, 1, command.wants).await;
        }
        let expected: Vec<String> =
            (0..40).filter(|sim| (sim + round) % 2 == 0).map(|sim| imsi(sim).to_string()).collect();
        let there: Vec<_> = network.hlr.subscribers().into_iter().map(|row| row.imsi).collect();
        assert_eq!(there, expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_hlr_that_hangs_is_unavailable_and_what_it_was_told_before_is_done_before_what_comes_after()
 {
    let network = Network::new(&json!({ "deadline_ms": 500 }));
    assert_eq!(network.ensure(1, vec![present(0)]).await, Outcome::Done);
    network.hlr.hang(true);
    let DriverLimits { command_deadline, .. } = network.driver.limits();
    for _ in 0..3 {
        let answer = tokio::time::timeout(command_deadline, network.ensure(2, vec![suspended(0)]));
        let outcome = answer.await.expect("it answers before it is cut off");
        assert!(matches!(outcome, Outcome::Unavailable { .. }), "{outcome:?}");
    }
    let (sim, identity) = (iccid(0), imsi(0));
    let status = network.driver.status(&sim, Some(&identity));
    let status = tokio::time::timeout(Duration::from_secs(2), status).await;
    assert_eq!(status.expect("within 2 s"), NetworkStatus::Unknown);
    network.hlr.hang(false);
    until_done(&network.driver, 2, vec![suspended(0)]).await;
    assert_eq!(network.hlr.subscriber(imsi(0).as_str()).unwrap().access, (false, false));
    until_done(&network.driver, 3, vec![absent(0)]).await;
    assert_eq!(network.hlr.subscribers(), []);
}
