//! Networks that are driven over HTTP by templates: `PyHSS`, TMF640, CAI3G, or a mediation of one's own.
//!
//! The table of the network says what to send, what an answer means, and how to find out what the element has for a SIM.
//! With a query the driver reads first, writes only what differs, and reads back before it says `Done`; without one it
//! relies on the answer. An element may answer later by calling back: see [`carry`].
//!
//! Invariants: what an element says is never shown (it may hold keys) but for numbers and codes that were compared; no
//! secret is in a setting, a log or an error; nothing is connected to that the guard does not permit.

mod carry;
mod client;
mod guard;
mod look;
mod request;
mod rules;
mod secret;
mod settings;
mod template;
mod value;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use provisor_domain::driver::{
    Abilities, Callbacks, Command, Comparison, Driver, DriverLimits, Heard, NetworkStatus, Outcome,
    Reported, Want, Wanted,
};
use provisor_domain::limits::NETWORK_STATUS_SECONDS_MAX;
use provisor_domain::{Iccid, Imsi, NetworkCode};

use self::carry::{Earlier, Looked, Run, Sim};
use self::client::Client;
use self::look::Service;
use self::rules::{Answer, Class, REPORTED, classify};
pub use self::settings::Settings;

/// A network that is driven over HTTP.
#[derive(Debug)]
pub struct HttpDriver {
    network: NetworkCode,
    settings: Settings,
    client: Client,
    callbacks: Option<Arc<dyn Callbacks>>,
}

impl HttpDriver {
    /// The driver of `network`. `callbacks` signs the addresses under which it is reported to. Connects to nothing yet; the
    /// error says why TLS cannot be spoken.
    pub fn new(
        network: &NetworkCode,
        settings: Settings,
        callbacks: Option<Arc<dyn Callbacks>>,
    ) -> Result<Self, String> {
        let place = (settings.peer.clone(), settings.guard.clone());
        let client = Client::new(
            place,
            settings.ca_file.as_deref(),
            settings.request_timeout,
            settings.in_flight,
        )?;
        Ok(Self { network: network.clone(), settings, client, callbacks })
    }

    fn run<'a>(&'a self, command: &'a Command) -> Run<'a> {
        Run::new(self, command)
    }
}

#[async_trait]
impl Driver for HttpDriver {
    async fn ensure(&self, command: &Command) -> Outcome {
        self.run(command).from(0, Earlier::None).await
    }

    async fn status(&self, iccid: &Iccid, imsi: Option<&Imsi>) -> NetworkStatus {
        let patience = Duration::from_secs(NETWORK_STATUS_SECONDS_MAX);
        let looked = tokio::time::timeout(patience, self.look(Sim { iccid, imsi })).await;
        match looked {
            Ok(Looked::Found(found)) => found.status(),
            Ok(Looked::Absent) => NetworkStatus::Absent,
            Ok(Looked::Blind | Looked::Failed(_)) | Err(_) => NetworkStatus::Unknown,
        }
    }

    async fn compare(&self, want: &Want) -> Comparison {
        let differs = |found, what: &str| Comparison::Differs { found, what: what.to_owned() };
        match (self.look(Sim::of(want)).await, &want.state) {
            (Looked::Absent, Wanted::Absent) => Comparison::AsWanted,
            (Looked::Absent, Wanted::Present(_)) => differs(NetworkStatus::Absent, "not there"),
            (Looked::Found(found), Wanted::Absent) => differs(found.status(), "still there"),
            (Looked::Found(found), Wanted::Present(wanted)) => {
                let differences = found.differs(&Service::from(wanted));
                if differences.is_none() {
                    return Comparison::AsWanted;
                }
                differs(found.status(), &differences.words())
            }
            (Looked::Blind, _) => {
                Comparison::Unknown { reason: "the network's table has no `query`".into() }
            }
            (Looked::Failed(outcome), _) => Comparison::Unknown { reason: carry::reason(outcome) },
        }
    }

    fn abilities(&self) -> Abilities {
        self.settings.abilities()
    }

    fn limits(&self) -> DriverLimits {
        DriverLimits {
            in_flight_max: self.settings.in_flight,
            per_second_max: self.settings.rate_per_second,
            command_deadline: self.settings.deadline,
        }
    }

    async fn follow_up(&self, command: &Command, heard: &Heard) -> Outcome {
        match heard {
            Heard { report: Some(report), .. } => self.run(command).reported(report).await,
            Heard { accepted: Some(part), .. } => self.run(command).still_waiting(*part).await,
            Heard { .. } => self.ensure(command).await,
        }
    }

    fn read_report(&self, body: &[u8]) -> Option<Reported> {
        let callback = self.settings.callback.as_ref()?;
        let answer = Answer { status: REPORTED, content: value::read(body), retry_after: None };
        match classify(&callback.rules, &answer, Class::Unknown) {
            (Class::Success, _) => Some(Reported::Done),
            (Class::Refused, reason) => Some(Reported::Refused { reason }),
            (Class::Later, reason) => Some(Reported::Later { reason }),
            (Class::Accepted | Class::Unavailable | Class::Unknown, _) => None,
        }
    }
}
