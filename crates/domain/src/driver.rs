//! The port to the south: what the engine asks of a network.
//!
//! Contract of a driver: states are *set*, never counted, so that sending a command twice has the effect of sending
//! it once. A driver reports; it does not retry, sleep between attempts, or see the store. It answers within
//! [`DriverLimits::command_deadline`] or is cut off (which counts as [`Outcome::Unknown`]).

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::mail::MailDriver;
use crate::service::Products;
use crate::{Iccid, Imsi, Msisdn, NetworkCode, SealedKeys, TariffCode, TicketId};

/// Names one attempt at one ticket; a network that can remember a token gets this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OnceKey {
    /// The ticket.
    pub ticket: TicketId,
    /// Grows with every claim of the ticket: of two commands the one with the greater epoch is the newer.
    pub epoch: i64,
}

/// What a network is to be made to look like. The parts are set in order; the command is done when all of them are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Which attempt this is.
    pub once: OnceKey,
    /// The wanted states, one a SIM.
    pub wants: Vec<Want>,
    /// True when the network should have nothing yet for these SIMs, as far as the books know: a driver may begin by making
    /// them, and ask only when they are there. Whether they are is for the network to say.
    pub fresh: bool,
}

/// The wanted state of one SIM at the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Want {
    /// The SIM.
    pub iccid: Iccid,
    /// Its identity at the network, where known.
    pub imsi: Option<Imsi>,
    /// Its keys, for a network that is told them. Without them the network keeps those it has.
    pub keys: SealedKeys,
    /// What the network is to have for it.
    pub state: Wanted,
}

/// Present with a subscription, or not there at all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// The network does not know the SIM.
    Absent,
    /// The network serves the SIM like this.
    Present(Subscription),
}

/// What a network keeps for a SIM it serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// The number, where the service has one.
    pub msisdn: Option<Msisdn>,
    /// The tariff.
    pub tariff: TariffCode,
    /// APNs, bolt-ons and bars. The service is suspended when any bar suspends.
    pub products: Products,
}

/// What came of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The network has the wanted state: read back, or confirmed in a way that the driver vouches for.
    Done,
    /// The network will never do it. Nothing was changed.
    Refused {
        /// One line for people.
        reason: String,
    },
    /// It did not work now; nothing was changed. Worth another attempt.
    Later {
        /// One line for people.
        reason: String,
        /// How long to wait at least, where the network said so.
        after: Option<Duration>,
    },
    /// The network as a whole does not answer; nothing was sent. Does not count as an attempt.
    Unavailable {
        /// One line for people.
        reason: String,
    },
    /// It may or may not have been done, wholly or in part, and it could not be read back.
    Unknown {
        /// One line for people.
        reason: String,
    },
    /// The network took it and will report by itself what comes of it. The ticket waits without using up attempts; then
    /// [`Driver::follow_up`] is called instead of [`Driver::ensure`].
    Accepted {
        /// Which of the command's wants was accepted, from 0. Those before it are carried out, those after it not sent.
        part: u16,
        /// How long to wait for the report before the network is asked.
        look_after: Duration,
        /// How long after it was first accepted silence counts as [`Outcome::Unknown`].
        give_up_after: Duration,
    },
}

/// A want that the network accepted and that is not known to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acceptance {
    /// When it was first accepted.
    pub since: Timestamp,
    /// Which of the command's wants, from 0.
    pub part: u16,
}

/// What a network reported by itself about a command that it had accepted. Holds no secret: it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Which of the command's wants it is about, from 0.
    pub part: u16,
    /// What came of it.
    pub says: Reported,
}

/// What is known of earlier attempts at a command: at least one of the two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// Which want the network accepted (see [`Outcome::Accepted`]).
    pub accepted: Option<u16>,
    /// What the network reported. It may have done so before it was known to have accepted anything.
    pub report: Option<Report>,
}

/// What a network says came of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reported {
    /// It was done.
    Done,
    /// It was not, and never will be. See [`Outcome::Refused`].
    Refused {
        /// One line for people.
        reason: String,
    },
    /// It was not; worth another attempt. See [`Outcome::Later`].
    Later {
        /// One line for people.
        reason: String,
    },
}

/// Signs the tokens by which a network's report finds the attempt that it is about.
pub trait Callbacks: Send + Sync + Debug {
    /// A token that names one want (see [`Report::part`]) of one attempt, in letters, digits, `-`, `_` and `.`; nobody else can
    /// make it.
    fn token(&self, network: &NetworkCode, once: OnceKey, part: u16) -> String;
}

/// What the network says about a SIM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NetworkStatus {
    /// Served.
    Active,
    /// Known, but suspended.
    Suspended,
    /// Not known.
    Absent,
    /// The network could not tell in time.
    Unknown,
}

impl std::str::FromStr for NetworkStatus {
    type Err = crate::Malformed;
    fn from_str(raw: &str) -> Result<Self, crate::Malformed> {
        [Self::Active, Self::Suspended, Self::Absent, Self::Unknown]
            .into_iter()
            .find(|status| status.as_str() == raw)
            .ok_or(crate::Malformed {
                what: "network status",
                rule: "active, suspended, absent or unknown",
            })
    }
}

impl NetworkStatus {
    /// The word on the wire and in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Absent => "absent",
            Self::Unknown => "unknown",
        }
    }
}

/// How what a network has for a SIM compares with what it is to have, as far as the driver can read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Comparison {
    /// As wanted.
    AsWanted,
    /// Something is not as wanted.
    Differs {
        /// What the network has, in short.
        found: NetworkStatus,
        /// One line for people: what differs. Holds no secret.
        what: String,
    },
    /// The network could not tell.
    Unknown {
        /// One line for people.
        reason: String,
    },
}

/// What of a command a network has a place for. A driver takes the rest, too: it is kept in the books only, and no
/// [`Comparison`] finds it missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abilities {
    /// A SIM that is served must have its IMSI; a want without one is refused.
    pub needs_imsi: bool,
    /// Tariff, APNs, bolt-ons, and bars that do not suspend are set at the network.
    pub products: bool,
}

impl Default for Abilities {
    /// A network that goes by ICCID and has a place for everything.
    fn default() -> Self {
        Self { needs_imsi: false, products: true }
    }
}

/// How hard a network may be driven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DriverLimits {
    /// Most commands under way at once.
    pub in_flight_max: usize,
    /// Most commands started per second; `None` for no limit.
    pub per_second_max: Option<u32>,
    /// The hard deadline of one command, all its parts included.
    pub command_deadline: Duration,
}

/// What a `[[network]]` of the catalogue is driven by.
#[derive(Debug, Clone)]
pub enum Element {
    /// A network that serves SIMs.
    Network(Arc<dyn Driver>),
    /// A mail system.
    Mail(Arc<dyn MailDriver>),
    /// Either, whose driver could not be built: its tickets wait until it can.
    Missing {
        /// Why it could not.
        error: String,
    },
}

/// How fast tickets are told that their network has no driver. Each is told again every ten seconds or so, for days.
const MISSING: DriverLimits = DriverLimits {
    in_flight_max: 1,
    per_second_max: Some(5),
    command_deadline: Duration::from_secs(1),
};

impl Element {
    /// How hard it may be driven.
    pub fn limits(&self) -> DriverLimits {
        match self {
            Self::Network(driver) => driver.limits(),
            Self::Mail(driver) => driver.limits(),
            Self::Missing { .. } => MISSING,
        }
    }

    /// Why its driver could not be built, where it could not.
    pub fn missing(&self) -> Option<&str> {
        match self {
            Self::Network(_) | Self::Mail(_) => None,
            Self::Missing { error } => Some(error),
        }
    }
}

/// A network.
#[async_trait]
pub trait Driver: Send + Sync + Debug {
    /// Makes the network look like the command says, and answers what came of it. Idempotent.
    async fn ensure(&self, command: &Command) -> Outcome;

    /// What the network has for a SIM, right now. Never changes anything. Answers
    /// [`NetworkStatus::Unknown`] where it cannot tell. The IMSI is there when the SIM has one; where no network needs it
    /// ([`Abilities::needs_imsi`]), callers' questions come without.
    async fn status(&self, iccid: &Iccid, imsi: Option<&Imsi>) -> NetworkStatus;

    /// Compares what the network has for a SIM, right now, with `want`: everything of it that the driver sets and can
    /// read back. Never changes anything.
    async fn compare(&self, want: &Want) -> Comparison;

    /// More than [`status`](Self::status) has a word for, in one line for the operator: that a suspended SIM is barred and
    /// whether its devices were detached, or where the network saw it last. `None` where there is no more to say. Never
    /// changes anything; holds no secret.
    async fn detail(&self, iccid: &Iccid, imsi: Option<&Imsi>) -> Option<String> {
        let _ = (iccid, imsi);
        None
    }

    /// What the network has a place for.
    fn abilities(&self) -> Abilities {
        Abilities::default()
    }

    /// How hard it may be driven.
    fn limits(&self) -> DriverLimits;

    /// Goes on with a command of which an earlier attempt left a want [`Outcome::Accepted`], or on which the network
    /// reported. Without a report the want is not to be sent again: the driver looks whether it was done, and else answers
    /// `Accepted` for it once more. For drivers whose networks answer at once, this is [`Driver::ensure`].
    async fn follow_up(&self, command: &Command, heard: &Heard) -> Outcome {
        let _ = heard;
        self.ensure(command).await
    }

    /// Reads what the network reported by itself; `None` when it is nothing that the driver understands.
    fn read_report(&self, body: &[u8]) -> Option<Reported> {
        let _ = body;
        None
    }
}
