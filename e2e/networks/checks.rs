//! `provisor network list|check`, and the server's own checks.

use provisor_domain::driver::{Subscription, Wanted};
use serde_json::json;

use super::{Network, json_of, logged, repairs};
use crate::rig::*;

#[test]
fn what_a_network_lost_is_found_and_given_back_when_an_operator_says_so() {
    let world = World::with(&logged());
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    alice.connect(SIM_1);
    let network = Network::of(&world);
    let before = network.subscriber(SIM_1).expect("it is connected");
    // The catalogue adopted services that the simulated network never had.
    let adopted = world.cli(&["network", "check", "AS"]);
    assert_eq!(adopted.code, Some(3), "{adopted:?}");
    assert!(!adopted.stdout.contains('\u{1b}'), "colours are for terminals: {adopted:?}");
    assert!(adopted.stdout.contains(SIM_FLEET) && !adopted.stdout.contains(SIM_1), "{adopted:?}");
    // Adopting touches no network: by itself nobody gives it what no ticket ever sent there.
    let never_sent = json_of(&world, &["network", "check", "AS", "--json"]);
    let kinds = never_sent[0]["drifts"].as_array().expect("a list").iter();
    assert!(kinds.into_iter().all(|drift| drift["kind"] == "foreign"), "{never_sent}");
    let fleet = world.cli(&["network", "check", "AS", "--repair"]).succeeded();
    assert!(fleet.stdout.contains("being repaired"), "{fleet:?}");
    eventually("the repairs", || {
        (world.cli(&["network", "check", "AS"]).code == Some(0)).then_some(())
    });
    network.plant(SIM_1, Wanted::Absent);
    let found = json_of(&world, &["network", "check", "AS", "--json"]);
    let drift = &found[0]["drifts"][0];
    assert_eq!(
        (&drift["sim"], &drift["kind"], &drift["found"]),
        (&json!(SIM_1), &json!("own"), &json!("absent"))
    );
    assert_eq!(found[0]["differ"], 1, "{found}");
    let listed = json_of(&world, &["network", "list", "--json"]);
    assert_eq!(listed[0]["code"], "AS", "{listed}");
    assert_eq!(listed[0]["drifts"]["own"], 1, "{listed}");
    let metrics = Client::new(server.metrics()).get("/metrics").body;
    assert!(metrics.contains("provisor_drifts{network=\"AS\",kind=\"own\"}"), "{metrics}");
    let earlier = repairs(&world);
    world.cli(&["network", "check", "--repair", "AS"]).succeeded();
    let mut raised = &repairs(&world) - &earlier;
    let repair = raised.drain().next().expect("a ticket repairs it");
    let ticket = alice.ended(&repair);
    assert_eq!(
        (&ticket["status"], &ticket["type"]),
        (&json!("Completed"), &json!("reassertService"))
    );
    let after = network.subscriber(SIM_1).expect("it is back");
    assert_eq!(after.subscription, before.subscription);
    // Foreign is absent, for a repair's ticket too.
    let mut bob = Caller::new(&server, "bob", BOB_PASSWORD);
    assert_eq!(bob.call("queryTicket", json!({"ticket": {"id": repair}})).code(), "401");
    let all_well = world.cli(&["network", "check", "AS"]).succeeded();
    assert!(all_well.stdout.contains("as the books say"), "{all_well:?}");
}

#[test]
fn a_check_says_what_it_cannot_do() {
    let world = World::new();
    let down = world.cli(&["network", "check", "DOWN"]).failed();
    assert!(down.stderr.contains("DOWN") && down.code == Some(1), "{down:?}");
    let absent = world.cli(&["network", "check", "NOWHERE"]).failed();
    assert!(absent.stderr.contains("network list"), "{absent:?}");
}

#[test]
fn a_server_repairs_what_is_ours_and_reports_the_rest() {
    let world = World::with(&logged());
    let mut command = world.serve_command();
    let server = Server::start(command.env("PROVISOR_CHECK_SOON", "1s"), world.dir());
    let mut alice = Caller::alice(&server);
    for sim in [SIM_1, SIM_2] {
        alice.connect(sim);
    }
    let network = Network::of(&world);
    let [lost, changed] = [SIM_1, SIM_2].map(|sim| network.subscriber(sim).expect("connected"));
    let foreign =
        Subscription { tariff: "FOREIGN".parse().expect("a code"), ..changed.subscription.clone() };
    network.plant(SIM_1, Wanted::Absent);
    network.plant(SIM_2, Wanted::Present(foreign.clone()));
    eventually("the loss to be repaired", || {
        let now = network.subscriber(SIM_1)?;
        (now.subscription == lost.subscription).then_some(())
    });
    let on_record = format!("SELECT kind FROM drift WHERE iccid = '{SIM_2}'");
    eventually("the foreign change to be on record", || {
        (world.books().column(&on_record) == ["foreign"]).then_some(())
    });
    let listed = json_of(&world, &["network", "list", "--json"]);
    assert_eq!(listed[0]["drift"], "repair-own", "{listed}");
    let left = network.subscriber(SIM_2).expect("it is there");
    assert_eq!(left.subscription, foreign, "reported, not touched");
}
