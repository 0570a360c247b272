//! The suite of all drivers on the simulated network, without faults and with; and on drivers that break a rule.

use std::time::Duration;

use async_trait::async_trait;
use provisor_domain::driver::{
    Abilities, Command, Comparison, Driver, DriverLimits, NetworkStatus, OnceKey, Outcome, Want,
    Wanted,
};
use provisor_domain::{Iccid, Imsi};
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

/// A driver that does one thing wrong.
#[derive(Debug)]
struct Defective {
    network: Network,
    defect: Defect,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Defect {
    Deadline,
    NeverDeletes,
    NeverSuspends,
    OnlyTheFirstWant,
    OneWantAtATime,
    WantsInReverse,
    RefusalIsDone,
    OnlyNewEpochs,
    Silent,
    BlindToDifferences,
    SaysTooLittle,
    SaysItNeedsImsis,
}

impl Defective {
    fn spoil(&self, mut command: Command) -> Command {
        match self.defect {
            Defect::NeverDeletes => command.wants.retain(|want| want.state != Wanted::Absent),
            Defect::NeverSuspends => {
                for want in &mut command.wants {
                    if let Wanted::Present(subscription) = &mut want.state {
                        subscription.products.bars.clear();
                    }
                }
            }
            Defect::OnlyTheFirstWant => command.wants.truncate(1),
            Defect::WantsInReverse => command.wants.reverse(),
            _ => {}
        }
        command
    }

    async fn one_at_a_time(&self, once: OnceKey, wants: Vec<Want>) -> Outcome {
        for want in wants {
            let outcome = self
                .network
                .simulator
                .ensure(&Command { once, wants: vec![want], fresh: false })
                .await;
            if outcome != Outcome::Done {
                return outcome;
            }
        }
        Outcome::Done
    }
}

#[async_trait]
impl Driver for Defective {
    async fn ensure(&self, command: &Command) -> Outcome {
        let command = self.spoil(command.clone());
        if self.defect == Defect::OneWantAtATime {
            return self.one_at_a_time(command.once, command.wants).await;
        }
        if self.defect == Defect::OnlyNewEpochs && command.once.epoch > 1 {
            return Outcome::Refused { reason: "seen before".into() };
        }
        match self.network.simulator.ensure(&command).await {
            Outcome::Refused { .. } if self.defect == Defect::RefusalIsDone => Outcome::Done,
            _ if self.defect == Defect::Silent => std::future::pending().await,
            outcome => outcome,
        }
    }

    async fn status(&self, iccid: &Iccid, imsi: Option<&Imsi>) -> NetworkStatus {
        self.network.simulator.status(iccid, imsi).await
    }

    async fn compare(&self, want: &Want) -> Comparison {
        let found = self.network.simulator.compare(want).await;
        match (self.defect, found) {
            (Defect::BlindToDifferences, Comparison::Differs { .. }) => Comparison::AsWanted,
            (_, found) => found,
        }
    }

    fn abilities(&self) -> Abilities {
        Abilities {
            needs_imsi: self.defect == Defect::SaysItNeedsImsis,
            products: self.defect != Defect::SaysTooLittle,
        }
    }

    fn limits(&self) -> DriverLimits {
        let limits = self.network.simulator.limits();
        match self.defect {
            Defect::Deadline => DriverLimits { command_deadline: Duration::from_mins(1), ..limits },
            Defect::Silent => {
                DriverLimits { command_deadline: Duration::from_millis(30), ..limits }
            }
            _ => limits,
        }
    }
}

#[tokio::test]
async fn a_driver_that_breaks_a_rule_is_found_out_by_its_status_alone() {
    let cases = [
        (Defect::Deadline, "limits_are_sane"),
        (Defect::Silent, "a_sim_comes_and_goes"),
        (Defect::BlindToDifferences, "a_sim_comes_and_goes"),
        (Defect::NeverDeletes, "a_sim_comes_and_goes"),
        (Defect::OnlyNewEpochs, "a_newer_attempt_confirms_an_older_one"),
        (Defect::NeverSuspends, "a_suspending_bar_suspends_and_its_end_resumes"),
        (Defect::SaysTooLittle, "a_network_keeps_what_its_driver_says"),
        (Defect::SaysItNeedsImsis, "a_network_keeps_what_its_driver_says"),
        (Defect::RefusalIsDone, "a_taken_number_is_refused_and_nothing_changes"),
        (Defect::OneWantAtATime, "a_taken_number_is_refused_and_nothing_changes"),
        (Defect::OnlyTheFirstWant, "a_taken_number_is_refused_and_nothing_changes"),
        (Defect::WantsInReverse, "a_sim_change_is_one_command"),
    ];
    for (defect, check) in cases {
        let driver = Defective { network: Network::new(&json!({})), defect };
        let broken = Suite::new(&driver, world()).run().await.unwrap_err();
        assert_eq!(broken.check, check, "{defect:?}: {broken}");
    }
}
