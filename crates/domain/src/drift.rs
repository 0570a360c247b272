//! Drift: what a network has otherwise than the books say, and what is done about it (docs/adr/0015).

use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::driver::NetworkStatus;
use crate::{CustomerNumber, Iccid, Malformed, NetworkCode, ServiceCode, TicketId};

/// Whose doing a drift is, as far as that can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftKind {
    /// Ours: the network lost what we set, or has a state that a ticket of ours once asked for (a command that came late).
    Own,
    /// Not ours: a state that no ticket of ours asked for.
    Foreign,
    /// Found while a restored database was adopted: the network may be newer than the books, so a person decides.
    Restored,
}

impl DriftKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Own, Self::Foreign, Self::Restored];

    /// The word in the store, in lists and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Foreign => "foreign",
            Self::Restored => "restored",
        }
    }
}

impl FromStr for DriftKind {
    type Err = Malformed;
    fn from_str(raw: &str) -> Result<Self, Malformed> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == raw)
            .ok_or(Malformed { what: "kind of drift", rule: "own, foreign or restored" })
    }
}

/// What is done about drift without a person: the catalogue's `drift` of a network.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DriftPolicy {
    /// Nothing: it is reported.
    Report,
    /// Our own is repaired, the rest is reported.
    #[default]
    RepairOwn,
    /// Our own and foreign drift is repaired: nobody else may change this network.
    Repair,
}

impl DriftPolicy {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Report, Self::RepairOwn, Self::Repair];

    /// The word in the catalogue and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Report => "report",
            Self::RepairOwn => "repair-own",
            Self::Repair => "repair",
        }
    }

    /// Whether drift of this kind is repaired without a person.
    pub fn repairs(self, kind: DriftKind) -> bool {
        match (self, kind) {
            (Self::Report, _) | (_, DriftKind::Restored) => false,
            (Self::RepairOwn, kind) => kind == DriftKind::Own,
            (Self::Repair, _) => true,
        }
    }
}

impl FromStr for DriftPolicy {
    type Err = Malformed;
    fn from_str(raw: &str) -> Result<Self, Malformed> {
        Self::ALL
            .into_iter()
            .find(|policy| policy.as_str() == raw)
            .ok_or(Malformed { what: "policy for drift", rule: "report, repair-own or repair" })
    }
}

/// A drift that was found and is not over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// The SIM.
    pub iccid: Iccid,
    /// Where.
    pub network: NetworkCode,
    /// Whose SIM it is.
    pub customer: CustomerNumber,
    /// The service that is in the SIM now.
    pub service: Option<ServiceCode>,
    /// Whose doing it is.
    pub kind: DriftKind,
    /// What the network has, in short.
    pub found: NetworkStatus,
    /// One line for people: what differs.
    pub what: String,
    /// When it was found.
    pub since: Timestamp,
    /// When it was seen last.
    pub seen: Timestamp,
    /// The last ticket that was to repair it.
    pub ticket: Option<TicketId>,
    /// How many such tickets there were.
    pub repairs: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_after_a_restore_is_never_repaired_by_itself() {
        for policy in DriftPolicy::ALL {
            assert!(!policy.repairs(DriftKind::Restored), "{policy:?}");
            assert_eq!(policy.as_str().parse(), Ok(policy));
        }
        let repaired = |policy: DriftPolicy| {
            DriftKind::ALL.into_iter().filter(|kind| policy.repairs(*kind)).collect::<Vec<_>>()
        };
        assert_eq!(repaired(DriftPolicy::Report), []);
        assert_eq!(repaired(DriftPolicy::RepairOwn), [DriftKind::Own]);
        assert_eq!(repaired(DriftPolicy::Repair), [DriftKind::Own, DriftKind::Foreign]);
    }
}
