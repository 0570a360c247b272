//! Networks that have otherwise than the books say: seen, repaired, and read after a restore before anything is sent.

mod adopt;
mod checks;
mod frozen;

use std::collections::HashSet;

use provisor_domain::driver::{Command, Driver, OnceKey, Outcome, Want, Wanted};
use provisor_domain::{Iccid, SealedKeys, TicketId};
use provisor_drivers::simulator::{LoggedCommand, Settings, Simulator, Subscriber};
use serde_json::Value;

use crate::rig::*;

/// [`BASE`], whose first network writes down what it is sent.
fn logged() -> String {
    BASE.replacen("driver = \"simulated\"", "driver = \"simulated\"\nlog = true", 1)
}

/// The network's state, past the program.
struct Network {
    file: std::path::PathBuf,
}

impl Network {
    fn of(world: &World) -> Self {
        Self { file: world.dir().join("network-AS.db") }
    }

    fn subscriber(&self, sim: &str) -> Option<Subscriber> {
        let all = Simulator::subscribers(&self.file).expect("the network's file");
        all.into_iter().find(|subscriber| subscriber.iccid.as_str() == sim)
    }

    fn sent(&self) -> Vec<LoggedCommand> {
        Simulator::logged(&self.file).expect("the network's file")
    }

    /// Somebody else changes what the network has.
    fn plant(&self, sim: &str, state: Wanted) {
        let iccid: Iccid = sim.parse().expect("an ICCID");
        let imsi = self.subscriber(sim).and_then(|subscriber| subscriber.imsi);
        let once = OnceKey { ticket: TicketId::FIRST, epoch: 0 };
        let wants = vec![Want { iccid, imsi, keys: SealedKeys::default(), state }];
        let command = Command { once, wants, fresh: false };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let outcome = runtime.expect("a runtime").block_on(async {
            let code = "AS".parse().expect("a code");
            let network = Simulator::open(&code, &self.file, Settings::default());
            network.expect("the network's file").ensure(&command).await
        });
        assert_eq!(outcome, Outcome::Done);
    }
}

fn json_of(world: &World, args: &[&str]) -> Value {
    let ran = world.cli(args);
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

/// The numbers of tickets that repair something.
fn repairs(world: &World) -> HashSet<String> {
    let listed = json_of(world, &["ticket", "list", "--json"]);
    let tickets = listed.as_array().expect("a list").iter();
    tickets.filter(|t| t["kind"] == "reassert").map(|t| t["id"].to_string()).collect()
}
