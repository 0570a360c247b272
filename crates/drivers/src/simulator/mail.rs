//! A mail network that can be told to be slow, to fail, to keep silent and to be down (`driver = "simulated-mail"`): the
//! real one's lookup file behind the faults of the simulated network.
//!
//! The same rules hold: half of a command's latency passes before the file is changed and half after it; a command that
//! finds everything as wanted is `Done` where `permanent` or `done_but_not_reported` was drawn, so the attempt after one
//! that was done but not reported confirms it.

use std::path::Path;

use async_trait::async_trait;
use provisor_domain::NetworkCode;
use provisor_domain::driver::{DriverLimits, Outcome};
use provisor_domain::mail::{MailCommand, MailDriver};
use provisor_domain::portal::PortalId;
use tokio::time::Instant;

use super::chance::{Chance, Fault};
use super::pace::{self, Pace};
use super::settings::Settings;
use crate::file::FileError;
use crate::mail::{self, Held, MailStore};

/// A simulated mail network.
#[derive(Debug)]
pub struct SimulatedMail {
    store: MailStore,
    settings: Settings,
    opened: Instant,
    pace: Option<Pace>,
}

impl SimulatedMail {
    /// Opens the mail network whose lookup file is `file`, as [`MailStore::open`] does.
    pub fn open(network: &NetworkCode, file: &Path, settings: Settings) -> Result<Self, FileError> {
        let (in_flight, deadline) = (settings.in_flight, settings.deadline);
        let store_settings = mail::Settings { in_flight, deadline, ..mail::Settings::default() };
        Ok(Self {
            store: MailStore::open(network, file, store_settings)?,
            opened: Instant::now(),
            pace: settings.rate_per_second.map(Pace::new),
            settings,
        })
    }

    /// What the lookup file has of a customer; see [`MailStore::customer`].
    pub fn customer(&self, id: &PortalId) -> Result<Option<Held>, FileError> {
        self.store.customer(id)
    }

    /// The answer to a command that the mail network as a whole turns away.
    fn turned_away(&self) -> Option<Outcome> {
        if let Some(reason) = pace::outage(&self.settings, self.opened.elapsed()) {
            return Some(Outcome::Unavailable { reason });
        }
        let after = self.pace.as_ref()?.pass().err()?;
        let reason = "more than twice the agreed rate of commands".into();
        Some(Outcome::Later { reason, after: Some(after) })
    }

    async fn answer(&self, command: &MailCommand, fault: Option<Fault>) -> Outcome {
        let nothing_to_do = || {
            self.customer(&command.customer)
                .is_ok_and(|held| held.is_some_and(|held| held.is_as(command)))
        };
        match fault {
            None => self.store.ensure(command).await,
            Some(Fault::DoneButNotReported) => {
                let nothing_to_do = nothing_to_do();
                match self.store.ensure(command).await {
                    Outcome::Done if !nothing_to_do => Outcome::Unknown {
                        reason: "the simulated mail network lost the answer (an injected fault)"
                            .into(),
                    },
                    outcome => outcome,
                }
            }
            Some(Fault::Permanent) if nothing_to_do() => self.store.ensure(command).await,
            Some(Fault::Permanent) => Outcome::Refused {
                reason: "the simulated mail network refuses (an injected fault)".into(),
            },
            Some(Fault::Transient) => Outcome::Later {
                reason: "the simulated mail network is busy (an injected fault)".into(),
                after: None,
            },
            Some(Fault::Timeout) => std::future::pending().await,
        }
    }
}

#[async_trait]
impl MailDriver for SimulatedMail {
    async fn ensure(&self, command: &MailCommand) -> Outcome {
        if let Some(outcome) = self.turned_away() {
            return outcome;
        }
        let mut chance = Chance::of_mail(self.settings.seed, command);
        let fault = chance.fault(&self.settings.failures);
        let half = chance.latency(&self.settings.latency) / 2;
        if half.is_zero() {
            return self.answer(command, fault).await;
        }
        tokio::time::sleep(half).await;
        let outcome = self.answer(command, fault).await;
        tokio::time::sleep(half).await;
        outcome
    }

    fn limits(&self) -> DriverLimits {
        DriverLimits {
            in_flight_max: self.settings.in_flight,
            per_second_max: self.settings.rate_per_second,
            command_deadline: self.settings.deadline,
        }
    }
}
