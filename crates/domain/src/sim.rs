//! A SIM: an inventory resource, named by its ICCID, that is the subject of tickets.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{CustomerNumber, Iccid, Imsi, Malformed, Msisdn, NetworkCode};

/// Where a SIM stands in the stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SimState {
    /// In its customer's stock, free to be connected.
    Stock,
    /// In a live service.
    InUse,
    /// Replaced by another SIM; never used again.
    Retired,
}

impl SimState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Stock, Self::InUse, Self::Retired];

    /// The word in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stock => "stock",
            Self::InUse => "in_use",
            Self::Retired => "retired",
        }
    }
}

impl FromStr for SimState {
    type Err = Malformed;
    fn from_str(raw: &str) -> Result<Self, Malformed> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == raw)
            .ok_or(Malformed { what: "SIM state", rule: "stock, in_use or retired" })
    }
}

/// A SIM as the books have it. Its keys (Ki, OPc) are not part of it: they are write-only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimRecord {
    /// The SIM.
    pub iccid: Iccid,
    /// Its identity at the network, where known.
    pub imsi: Option<Imsi>,
    /// The number that came with it, where one did. A SIM with its own number keeps it for life.
    pub msisdn: Option<Msisdn>,
    /// Whose stock it is in.
    pub customer: CustomerNumber,
    /// The only network it works in, where it is bound to one.
    pub network: Option<NetworkCode>,
    /// Where it stands.
    pub state: SimState,
    /// Counts every change of this row and of the service in it. A ticket is opened only if the version is still
    /// the one its checks were made on.
    pub version: i64,
}
