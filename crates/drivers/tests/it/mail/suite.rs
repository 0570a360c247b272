//! The suite of all mail drivers on both, without faults and with; and on drivers that break a rule.

use std::time::Duration;

use async_trait::async_trait;
use provisor_domain::driver::{DriverLimits, Outcome};
use provisor_domain::mail::{MailCommand, MailDriver};
use provisor_domain::portal::PortalId;
use provisor_drivers::conformance::mail::{Holding, MailSuite, Subject};
use serde_json::json;

use super::support::{Kind, Mail, customer, world};

async fn passes(kind: Kind, attempts: u16, seeds: &[u64]) {
    let mut mail = Mail::new(kind);
    let mut suite = MailSuite::new(&mut mail, world()).attempts(attempts);
    suite.run().await.unwrap();
    for seed in seeds {
        suite.any_sequence_of_commands_follows_the_model(*seed, 100).await.unwrap();
    }
}

#[tokio::test]
async fn the_lookup_file_passes_at_the_first_attempt() {
    passes(Kind::Real, 1, &[2, 3, 4]).await;
}

#[tokio::test]
async fn a_simulated_mail_network_without_faults_passes_at_the_first_attempt() {
    passes(Kind::Simulated(json!({})), 1, &[]).await;
}

#[tokio::test]
async fn a_mail_network_with_every_passing_fault_ends_in_the_same_states() {
    let faults = json!({ "seed": 11, "deadline_ms": 100, "failures":
        { "transient": 0.2, "timeout": 0.01, "done_but_not_reported": 0.2 } });
    passes(Kind::Simulated(faults), 60, &[2]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_mail_network_passes() {
    passes(Kind::Simulated(json!({ "latency_ms": { "p50": 0.2, "p99": 2 } })), 1, &[]).await;
}

/// A driver that does one thing wrong.
#[derive(Debug)]
struct Defective {
    mail: Mail,
    defect: Defect,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Defect {
    Deadline,
    OnlyAdds,
    ForgetsForwards,
    EqualFenceIsOld,
    NoFence,
    StaleIsDone,
    NoRepeats,
    NoGeneration,
    RefusalIsHalfDone,
    Forgets,
}

#[async_trait]
impl MailDriver for Defective {
    async fn ensure(&self, command: &MailCommand) -> Outcome {
        let held = self.mail.held(&command.customer);
        let newest = held.as_ref().map(|held| held.fence);
        let mut command = command.clone();
        match self.defect {
            Defect::OnlyAdds => {
                let held = held.into_iter().flat_map(|held| held.mailboxes);
                let wanted = command.mailboxes.clone();
                let named = |key: &str| wanted.iter().any(|one| one.address.key() == key);
                command.mailboxes.extend(held.filter(|held| !named(&held.address.key())));
            }
            Defect::ForgetsForwards => {
                command.mailboxes.iter_mut().for_each(|mailbox| mailbox.forward = None);
            }
            Defect::EqualFenceIsOld if newest == Some(command.fence) => {
                return Outcome::Refused { reason: "seen before".into() };
            }
            Defect::NoRepeats if command.fence.ticket == 0 && newest > Some(command.fence) => {
                return Outcome::Refused { reason: "an older command".into() };
            }
            Defect::NoGeneration => command.fence.generation = 0,
            Defect::NoFence => {
                command.fence.version =
                    command.fence.version.max(newest.map_or(0, |f| f.version + 1));
            }
            _ => {}
        }
        match self.mail.ensure(&command).await {
            Outcome::Refused { .. } if self.defect == Defect::StaleIsDone => Outcome::Done,
            Outcome::Refused { reason } if self.defect == Defect::RefusalIsHalfDone => {
                command.mailboxes.truncate(1);
                self.mail.ensure(&command).await;
                Outcome::Refused { reason }
            }
            outcome => outcome,
        }
    }

    fn limits(&self) -> DriverLimits {
        let limits = self.mail.driver().limits();
        match self.defect {
            Defect::Deadline => DriverLimits { command_deadline: Duration::from_mins(1), ..limits },
            _ => limits,
        }
    }
}

#[async_trait]
impl Subject for Defective {
    fn driver(&self) -> &dyn MailDriver {
        self
    }

    fn look(&self, customer: &PortalId) -> Holding {
        self.mail.look(customer)
    }

    async fn reopen(&mut self) {
        if self.defect == Defect::Forgets {
            self.mail = Mail::new(Kind::Real);
        }
    }
}

#[tokio::test]
async fn a_driver_that_breaks_a_rule_is_found_out() {
    let cases = [
        (Defect::Deadline, "limits_are_sane"),
        (Defect::OnlyAdds, "a_command_says_everything"),
        (Defect::ForgetsForwards, "a_command_says_everything"),
        (Defect::EqualFenceIsOld, "ensuring_twice_is_ensuring_once"),
        (Defect::NoFence, "an_older_command_changes_nothing"),
        (Defect::StaleIsDone, "an_older_command_changes_nothing"),
        (Defect::NoRepeats, "what_the_books_say_may_be_repeated"),
        (Defect::NoGeneration, "restored_books_win_over_newer_ones_that_were_lost"),
        (
            Defect::RefusalIsHalfDone,
            "an_address_of_another_customer_is_refused_and_nothing_changes",
        ),
        (Defect::Forgets, "everything_outlives_the_driver"),
    ];
    for (defect, check) in cases {
        let mut driver = Defective { mail: Mail::new(Kind::Real), defect };
        let broken = MailSuite::new(&mut driver, world()).run().await.unwrap_err();
        assert_eq!(broken.check, check, "{defect:?}: {broken}");
    }
    assert_ne!(customer("cust01"), customer("Cust01"));
}
