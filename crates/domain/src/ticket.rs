//! The ticket: one order on its way to the outside world, and the one state machine it moves by.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    CustomerNumber, Iccid, Malformed, Msisdn, NetworkCode, OrderKind, ParCustId, PortalId,
    ServiceCode,
};

/// A ticket's number. Counts upward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TicketId(i64);

impl TicketId {
    /// The first number a new installation gives (the CCC document's first).
    pub const FIRST: Self = Self(1224);

    /// The ticket with this number; `None` unless it is positive.
    pub fn new(number: i64) -> Option<Self> {
        (number > 0).then_some(Self(number))
    }

    /// The number.
    pub fn number(self) -> i64 {
        self.0
    }
}

impl FromStr for TicketId {
    type Err = Malformed;
    fn from_str(raw: &str) -> Result<Self, Malformed> {
        let code: Result<ServiceCode, _> = raw.parse(); // the same form: digits without a leading zero
        code.map(|c| Self(c.number())).map_err(|_| Malformed {
            what: "ticket number",
            rule: "1 to 18 digits without a leading zero",
        })
    }
}

impl fmt::Display for TicketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a ticket locks. At most one ticket per subject is open at any time; the database enforces it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A SIM and whatever service is in it.
    Sim(Iccid),
    /// A portal customer.
    Portal(PortalId),
}

impl Subject {
    /// The key under which the store locks it.
    pub fn key(&self) -> String {
        match self {
            Self::Sim(iccid) => format!("sim:{iccid}"),
            Self::Portal(id) => format!("portal:{id}"),
        }
    }
}

/// What a ticket is about: what a reader wants to know of its subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// A SIM and the service in it.
    Service {
        /// The SIM (the present one of a SIM change).
        iccid: Iccid,
        /// The service; unknown until a connect completes.
        service: Option<ServiceCode>,
        /// The number, once known.
        cli: Option<Msisdn>,
    },
    /// A portal customer of the ticket's tenant.
    Portal(ParCustId),
}

impl About {
    /// The SIM, where it is about one.
    pub fn iccid(&self) -> Option<&Iccid> {
        match self {
            Self::Service { iccid, .. } => Some(iccid),
            Self::Portal(_) => None,
        }
    }

    /// The service, where it is about one that has a code.
    pub fn service(&self) -> Option<ServiceCode> {
        match self {
            Self::Service { service, .. } => *service,
            Self::Portal(_) => None,
        }
    }

    /// The number, where it is about one.
    pub fn cli(&self) -> Option<&Msisdn> {
        match self {
            Self::Service { cli, .. } => cli.as_ref(),
            Self::Portal(_) => None,
        }
    }

    /// The portal customer's number, where it is about one.
    pub fn portal_customer(&self) -> Option<&ParCustId> {
        match self {
            Self::Service { .. } => None,
            Self::Portal(customer) => Some(customer),
        }
    }
}

/// Where a ticket stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TicketState {
    /// Durable, waiting for its turn (the first one or, after a failed attempt, a later one).
    Pending,
    /// Claimed by a worker under a lease.
    Running,
    /// A command may or may not have reached the network and it cannot be read back. A person decides.
    Unknown,
    /// Carried out; the books say so. Final.
    Completed,
    /// Not carried out, and it will not be. Final.
    Failed,
    /// Taken back before it was carried out. Final.
    Cancelled,
}

/// What can happen to a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TicketEvent {
    /// A worker takes it.
    Claim,
    /// The network confirmed.
    Complete,
    /// The network refused for good, or the attempts are used up and nothing was changed there.
    Fail,
    /// To be tried again later.
    Postpone,
    /// The attempts are used up and what the network has is not known.
    LoseTrack,
    /// The worker's lease ran out.
    Rescue,
    /// A person takes it back.
    Cancel,
    /// A person wants it tried (again) now. Also the way out of `Unknown` when a person knows it to be done: the
    /// driver reads first, finds the wanted state and confirms.
    Retry,
}

/// A move that the state machine does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a {} ticket cannot {event:?}", .state.as_str())]
pub struct IllegalMove {
    /// Where the ticket stood.
    pub state: TicketState,
    /// What was to happen.
    pub event: TicketEvent,
}

impl TicketState {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Pending,
        Self::Running,
        Self::Unknown,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
    ];

    /// The state after `event`. Everything that is not listed is illegal.
    pub fn after(self, event: TicketEvent) -> Result<Self, IllegalMove> {
        use TicketEvent as E;
        match (self, event) {
            (Self::Pending, E::Claim) => Ok(Self::Running),
            (Self::Running, E::Complete) => Ok(Self::Completed),
            (Self::Running, E::Fail) => Ok(Self::Failed),
            (Self::Running, E::Postpone | E::Rescue)
            | (Self::Unknown | Self::Pending, E::Retry) => Ok(Self::Pending),
            (Self::Running, E::LoseTrack) => Ok(Self::Unknown),
            (Self::Pending | Self::Unknown, E::Cancel) => Ok(Self::Cancelled),
            _ => Err(IllegalMove { state: self, event }),
        }
    }

    /// True once nothing can happen to the ticket any more.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }

    /// True while the ticket locks its subject.
    pub fn is_open(self) -> bool {
        !self.is_final()
    }

    /// The word in the store, in logs and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Unknown => "unknown",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl FromStr for TicketState {
    type Err = Malformed;
    fn from_str(raw: &str) -> Result<Self, Malformed> {
        Self::ALL.into_iter().find(|state| state.as_str() == raw).ok_or(Malformed {
            what: "ticket state",
            rule: "pending, running, unknown, completed, failed or cancelled",
        })
    }
}

/// A ticket as a reader sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// Its number.
    pub id: TicketId,
    /// Where it stands.
    pub state: TicketState,
    /// What was asked.
    pub kind: OrderKind,
    /// Whose it is: the customer, or the tenant of a portal customer.
    pub customer: CustomerNumber,
    /// Where it is carried out.
    pub network: NetworkCode,
    /// What it is about.
    pub about: About,
    /// When it was raised.
    pub raised: Timestamp,
    /// When it ended.
    pub finished: Option<Timestamp>,
    /// How often it was claimed.
    pub attempts: u32,
    /// When it will be looked at next; of a running ticket, when its lease ends.
    pub due: Timestamp,
    /// Why the last attempt did not succeed.
    pub failure: Option<Failure>,
    /// Who raised it.
    pub raised_by: Option<String>,
}

/// Why an attempt, or in the end a ticket, did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The class of it.
    pub kind: FailureKind,
    /// One line for people. Never holds a secret.
    pub reason: String,
}

/// The classes of failure, as metrics and lists show them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The network will never accept the command.
    Permanent,
    /// The network could not do it now.
    Transient,
    /// The network as a whole does not answer.
    Unavailable,
    /// No answer: it may or may not have been done.
    OutcomeUnknown,
    /// Our books do not allow it any more.
    Books,
    /// A person took the ticket back.
    Cancelled,
}

impl FailureKind {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Permanent,
        Self::Transient,
        Self::Unavailable,
        Self::OutcomeUnknown,
        Self::Books,
        Self::Cancelled,
    ];

    /// The word in the store, in logs and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Permanent => "permanent",
            Self::Transient => "transient",
            Self::Unavailable => "unavailable",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::Books => "books",
            Self::Cancelled => "cancelled",
        }
    }
}

impl FromStr for FailureKind {
    type Err = Malformed;
    fn from_str(raw: &str) -> Result<Self, Malformed> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == raw).ok_or(Malformed {
            what: "failure kind",
            rule: "one of the words in FailureKind::as_str",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use TicketEvent::{Cancel, Claim, Complete, Fail, LoseTrack, Postpone, Rescue, Retry};
    use TicketState::{Cancelled, Completed, Failed, Pending, Running, Unknown};

    const EVENTS: [TicketEvent; 8] =
        [Claim, Complete, Fail, Postpone, LoseTrack, Rescue, Cancel, Retry];

    /// The table of docs/tickets.md: every legal move. All other pairs must be refused.
    const LEGAL: [(TicketState, TicketEvent, TicketState); 10] = [
        (Pending, Claim, Running),
        (Pending, Cancel, Cancelled),
        (Pending, Retry, Pending),
        (Running, Complete, Completed),
        (Running, Fail, Failed),
        (Running, Postpone, Pending),
        (Running, Rescue, Pending),
        (Running, LoseTrack, Unknown),
        (Unknown, Retry, Pending),
        (Unknown, Cancel, Cancelled),
    ];

    #[test]
    fn every_pair_of_state_and_event_is_either_in_the_table_or_refused() {
        for state in TicketState::ALL {
            for event in EVENTS {
                let wanted = LEGAL.iter().find(|(s, e, _)| (*s, *e) == (state, event)).map(|m| m.2);
                assert_eq!(state.after(event).ok(), wanted, "{state:?} {event:?}");
            }
        }
    }

    #[test]
    fn a_final_state_has_no_way_back() {
        for state in TicketState::ALL.into_iter().filter(|s| s.is_final()) {
            for event in EVENTS {
                assert_eq!(state.after(event), Err(IllegalMove { state, event }));
            }
        }
    }

    #[test]
    fn words_survive_a_round_trip() {
        for state in TicketState::ALL {
            assert_eq!(state.as_str().parse(), Ok(state));
        }
        for kind in FailureKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
    }
}
