//! A SIM: an inventory resource, named by its ICCID, that is the subject of tickets.

use std::fmt::Debug;
use std::str::FromStr;

use secrecy::{ExposeSecret as _, SecretString};
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

/// The keys of a SIM as the store has them: sealed, so that the books alone give none away. Callers only ever write
/// them; [`OpenKeys`] is what a driver that must hand them to its network has them opened with.
#[derive(Debug, Clone, Default)]
pub struct SealedKeys {
    /// The subscriber key (Ki).
    pub ki: Option<SecretString>,
    /// The operator key, derived for this SIM (OPc).
    pub opc: Option<SecretString>,
}

impl PartialEq for SealedKeys {
    fn eq(&self, other: &Self) -> bool {
        let texts = |keys: &Self| {
            [&keys.ki, &keys.opc].map(|key| key.as_ref().map(|key| key.expose_secret().to_owned()))
        };
        texts(self) == texts(other)
    }
}

impl Eq for SealedKeys {}

impl SealedKeys {
    /// True when the books have no key of the SIM.
    pub fn is_empty(&self) -> bool {
        self.ki.is_none() && self.opc.is_none()
    }
}

/// The keys of a SIM in the clear, for as long as a command to its network takes.
#[derive(Debug, Clone, Default)]
pub struct PlainKeys {
    /// The subscriber key: 32 hex digits in small letters (3GPP TS 35.206: 128 bits).
    pub ki: Option<SecretString>,
    /// The operator key, likewise.
    pub opc: Option<SecretString>,
}

/// Opens the keys of SIMs: the port from a driver to whoever sealed them.
pub trait OpenKeys: Send + Sync + Debug {
    /// The keys of the SIM `iccid` in the clear. The error is one line for the operator, without any part of a key.
    fn open(&self, iccid: &Iccid, sealed: &SealedKeys) -> Result<PlainKeys, String>;
}
