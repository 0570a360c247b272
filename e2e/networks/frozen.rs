//! A node that is frozen for longer than its lease, with a command on its way, does nothing late when it goes on. What it had
//! sent before may be done late all the same, by a network that takes its time: that is counted and repaired.

use std::time::Duration;

use serde_json::json;

use super::{Network, logged};
use crate::element::Mode;
use crate::http_network::{Peer, world_on};
use crate::rig::*;

/// How long a command is on its way: time enough to freeze its node.
const ON_ITS_WAY: &str = "log = true\nlatency_ms = 1500";

/// How long a repair may take: a node looks for what is to be compared every 10 s.
const REPAIRED_WITHIN: Duration = Duration::from_mins(1);

fn node(world: &World) -> Server {
    Server::start(&mut world.serve_command(), world.dir())
}

/// Waits until `node` has dropped a result that came too late.
fn its_result_is_dropped(node: &Server) {
    let mut figures = Client::new(node.metrics());
    eventually("its result to be dropped", || {
        let lost = figures.get("/metrics").body;
        let line = lost.lines().find(|line| line.starts_with("provisor_leases_lost_total"))?;
        (!line.ends_with(" 0")).then_some(())
    });
}

#[test]
fn what_a_frozen_node_had_on_its_way_does_nothing_late() {
    let world = World::on_postgres_with(&logged().replacen("log = true", ON_ITS_WAY, 1));
    let frozen = node(&world);
    let mut alice = Caller::alice(&frozen);
    alice.connect(SIM_1);
    let network = Network::of(&world);
    let bar = json!({"service": {"sim": SIM_1}, "barCode": "AS_SUS_MSISDN"});
    let add = alice.call("addBar", bar.clone()).ticket();
    eventually("the bar to be on its way", || {
        let shown = super::json_of(&world, &["ticket", "show", &add, "--json"]);
        (shown["state"] == "running").then_some(())
    });
    frozen.signal("STOP");
    let other = node(&world);
    let mut alice = Caller::alice(&other);
    // Taken over when the lease has ended, and undone by the next order.
    assert_eq!(alice.ended(&add)["status"], "Completed");
    alice.done("removeBar", bar);
    let lifted = network.subscriber(SIM_1).expect("it is connected");
    assert!(!lifted.suspended);
    let before = network.sent().len();
    frozen.signal("CONT");
    // It looks at the time before each step, so that it sends nothing whose time has passed; and what it has to say of the
    // ticket is dropped.
    its_result_is_dropped(&frozen);
    let late: Vec<_> = network.sent().into_iter().skip(before).collect();
    let changed = |command: &&provisor_drivers::simulator::LoggedCommand| command.outcome == "done";
    assert!(late.iter().all(|command| !changed(&command)), "{late:?}");
    let now = network.subscriber(SIM_1).expect("it is connected");
    assert_eq!(now.subscription, lifted.subscription);
    assert_eq!(alice.nina(SIM_1)["status_code"], "A");
}

#[test]
fn what_a_frozen_node_had_sent_and_the_network_does_late_is_counted_and_repaired() {
    let peer = Peer::start();
    let element = &peer.element;
    let world = world_on(Kind::Postgres, &peer);
    let frozen = node(&world);
    let mut alice = Caller::alice(&frozen);
    alice.connect(SIM_1);
    element.set(Mode::Hangs);
    let bar = json!({"service": {"sim": SIM_1}, "barCode": "AS_SUS_MSISDN"});
    let add = alice.call("addBar", bar.clone()).ticket();
    let late = eventually("the bar to be sent", || {
        element.seen().into_iter().find(|seen| seen.body["suspended"] == true)
    });
    frozen.signal("STOP");
    element.set(Mode::Honest);
    let other = node(&world);
    let mut alice = Caller::alice(&other);
    assert_eq!(alice.ended(&add)["status"], "Completed");
    alice.done("removeBar", bar);
    assert_eq!(element.subscriber(SIM_1).expect("it is connected")["suspended"], false);
    // Only now the element does what it had been told by the first one.
    element.put(SIM_1, late.body);
    assert_eq!(alice.nina(SIM_1)["status_code"], "B");
    frozen.signal("CONT");
    its_result_is_dropped(&frozen);
    eventually_within(REPAIRED_WITHIN, "the late bar to be lifted again", || {
        let now = element.subscriber(SIM_1).expect("it is connected");
        (now["suspended"] == false).then_some(())
    });
    let repairs = super::repairs(&world);
    assert_eq!(repairs.len(), 1, "{repairs:?}");
    for repair in repairs {
        assert_eq!(alice.ended(&repair)["status"], "Completed");
    }
    assert_eq!(alice.nina(SIM_1)["status_code"], "A");
    // Whichever node looked: it was ours, and is counted as that.
    let counted = [&frozen, &other].map(|node| Client::new(node.metrics()).get("/metrics").body);
    let own = "provisor_checks_total{network=\"AS\",outcome=\"own\"} 1";
    assert!(counted.iter().any(|figures| figures.contains(own)), "{counted:?}");
}
