//! A node that is frozen for longer than its lease, with a command on its way, does nothing late when it goes on.

use serde_json::json;

use super::{Network, logged};
use crate::rig::*;

/// How long a command is on its way: time enough to freeze its node.
const ON_ITS_WAY: &str = "log = true\nlatency_ms = 1500";

fn node(world: &World) -> Server {
    Server::start(&mut world.serve_command(), world.dir())
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
    let mut figures = Client::new(frozen.metrics());
    eventually("its result to be dropped", || {
        let lost = figures.get("/metrics").body;
        let line = lost.lines().find(|line| line.starts_with("provisor_leases_lost_total"))?;
        (!line.ends_with(" 0")).then_some(())
    });
    let late: Vec<_> = network.sent().into_iter().skip(before).collect();
    let changed = |command: &&provisor_drivers::simulator::LoggedCommand| command.outcome == "done";
    assert!(late.iter().all(|command| !changed(&command)), "{late:?}");
    let now = network.subscriber(SIM_1).expect("it is connected");
    assert_eq!(now.subscription, lifted.subscription);
    assert_eq!(alice.nina(SIM_1)["status_code"], "A");
}
