//! The suite of all drivers on the simulated network, without faults and with.

use provisor_domain::Iccid;
use provisor_drivers::conformance::Suite;
use provisor_drivers::simulator::Simulator;
use serde_json::{Value, json};

use crate::support::{Network, world};

async fn passes(settings: &Value, attempts: u16, seeds: &[u64]) -> Network {
    let network = Network::new(settings);
    let file = network.file();
    let look = |iccid: &Iccid| {
        let all = Simulator::subscribers(&file).unwrap();
        all.into_iter().find(|found| found.iccid == *iccid).map(|found| found.subscription)
    };
    let mut suite = Suite::new(&network.simulator, world()).attempts(attempts).look(&look);
    suite.run().await.unwrap();
    for seed in seeds {
        suite.any_sequence_of_commands_follows_the_model(*seed, 100).await.unwrap();
    }
    network
}

#[tokio::test]
async fn a_network_without_faults_passes_at_the_first_attempt() {
    let network = passes(&json!({}), 1, &[2, 3, 4, 5]).await;
    let counts = network.simulator.counts();
    assert!(counts.changed > 100 && counts.unchanged > 50 && counts.refused > 50, "{counts:?}");
}

#[tokio::test]
async fn a_network_with_every_passing_fault_ends_in_the_same_states() {
    let faults = json!({ "seed": 11, "deadline_ms": 25, "failures":
        { "transient": 0.2, "timeout": 0.02, "done_but_not_reported": 0.2 } });
    passes(&faults, 60, &[2]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_network_passes() {
    passes(&json!({ "latency_ms": { "p50": 0.2, "p99": 2 } }), 1, &[]).await;
}
