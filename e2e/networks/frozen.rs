//! A node that is frozen for longer than its lease sends a command late. The network has it for a moment only.

use serde_json::json;

use super::{Network, logged, repairs};
use crate::rig::*;

/// How long a command is on its way: time enough to freeze its node.
const ON_ITS_WAY: &str = "log = true\nlatency_ms = 1500";

fn node(world: &World) -> Server {
    Server::start(&mut world.serve_command(), world.dir())
}

#[test]
fn a_command_that_a_frozen_node_sent_late_is_undone() {
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
    eventually("the late command", || {
        let late = network.sent().into_iter().skip(before);
        late.into_iter()
            .find(|command| command.once.ticket.to_string() == add && command.outcome == "done")
    });
    eventually("it to be undone", || {
        let now = network.subscriber(SIM_1)?;
        (now.subscription == lifted.subscription).then_some(())
    });
    assert_eq!(repairs(&world).len(), 1);
    assert_eq!(alice.nina(SIM_1)["status_code"], "A");
}
