//! A service: what a customer has bought for one SIM, and how a caller names it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{
    ApnCode, BarCode, BoltonCode, ContractCode, CustomerNumber, Iccid, Malformed, Msisdn, Name,
    NetworkCode, ReportingGroup, TariffCode,
};

/// A service's code: a number that counts upward (CCC `service.code`), at most 18 digits, no leading zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ServiceCode(i64);

impl ServiceCode {
    /// The first code a new installation gives.
    pub const FIRST: Self = Self(5_012_345);

    /// The code with this number; `None` unless it is positive.
    pub fn new(number: i64) -> Option<Self> {
        (number > 0).then_some(Self(number))
    }

    /// The code as a number.
    pub fn number(self) -> i64 {
        self.0
    }
}

impl FromStr for ServiceCode {
    type Err = Malformed;
    fn from_str(raw: &str) -> Result<Self, Malformed> {
        let fits = (1..=18).contains(&raw.len())
            && raw.bytes().all(|b| b.is_ascii_digit())
            && !raw.starts_with('0');
        fits.then(|| raw.parse().ok().map(Self)).flatten().ok_or(Malformed {
            what: "service code",
            rule: "1 to 18 digits without a leading zero",
        })
    }
}

impl fmt::Display for ServiceCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where a service stands in the books (CCC document, "Query Service").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ServiceStatus {
    /// `A`: linked to a SIM and activated.
    #[serde(rename = "A")]
    Active,
    /// `B`: a suspending bar is applied.
    #[serde(rename = "B")]
    Barred,
    /// `S`: disconnected, the final invoice has not been sent.
    #[serde(rename = "S")]
    SwitchedOff,
    /// `C`: disconnected and invoiced.
    #[serde(rename = "C")]
    Closed,
}

impl ServiceStatus {
    /// All of them, in the order of a service's life.
    pub const ALL: [Self; 4] = [Self::Active, Self::Barred, Self::SwitchedOff, Self::Closed];

    /// True while the service is at the network: active or barred. Only such a service can be changed.
    pub fn is_live(self) -> bool {
        matches!(self, Self::Active | Self::Barred)
    }

    /// The document's letter.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "A",
            Self::Barred => "B",
            Self::SwitchedOff => "S",
            Self::Closed => "C",
        }
    }
}

impl FromStr for ServiceStatus {
    type Err = Malformed;
    fn from_str(raw: &str) -> Result<Self, Malformed> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == raw)
            .ok_or(Malformed { what: "service status", rule: "A, B, S or C" })
    }
}

/// A service as the books have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Its code; given when its connect ticket completes.
    pub code: ServiceCode,
    /// Its name, chosen by the customer.
    pub name: Name,
    /// Where it stands.
    pub status: ServiceStatus,
    /// Its number; absent where neither the SIM nor the network's range had one.
    pub cli: Option<Msisdn>,
    /// Its SIM (the last one, when it is no longer live).
    pub iccid: Iccid,
    /// The network that carries it.
    pub network: NetworkCode,
    /// The contract it is billed under.
    pub contract: ContractCode,
    /// The customer it belongs to: always the contract's.
    pub customer: CustomerNumber,
    /// Its tariff.
    pub tariff: TariffCode,
    /// The reporting group it belongs to, if any.
    pub group: Option<ReportingGroup>,
    /// Its products.
    pub products: Products,
}

/// What can be added to a service and taken from it. Each list is in the order of adding, without repetition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Products {
    /// Access point names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub apns: Vec<ApnCode>,
    /// Bolt-ons.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub boltons: Vec<BoltonCode>,
    /// Bars, each with whether it suspends.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bars: Vec<AppliedBar>,
}

/// A bar on a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedBar {
    /// Which bar.
    pub code: BarCode,
    /// Whether it takes the whole service off the network. Kept with the service, so that a later change of the
    /// catalogue does not change what was applied.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suspends: bool,
}

impl Products {
    /// True when any bar suspends the service.
    pub fn suspended(&self) -> bool {
        self.bars.iter().any(|bar| bar.suspends)
    }

    /// The status of a live service with these products.
    pub fn live_status(&self) -> ServiceStatus {
        if self.suspended() { ServiceStatus::Barred } else { ServiceStatus::Active }
    }
}

/// How a caller names a service: by any of code, number and SIM; all that are given must be of the same service.
/// A number or SIM that has had several services selects the live one, else the newest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceSelector {
    code: Option<ServiceCode>,
    cli: Option<Msisdn>,
    iccid: Option<Iccid>,
}

impl ServiceSelector {
    /// A selector of what is given; `None` when nothing is.
    pub fn new(
        code: Option<ServiceCode>,
        cli: Option<Msisdn>,
        iccid: Option<Iccid>,
    ) -> Option<Self> {
        (code.is_some() || cli.is_some() || iccid.is_some()).then_some(Self { code, cli, iccid })
    }

    /// Selects by code alone.
    pub fn by_code(code: ServiceCode) -> Self {
        Self { code: Some(code), cli: None, iccid: None }
    }

    /// The code asked for, if any.
    pub fn code(&self) -> Option<ServiceCode> {
        self.code
    }

    /// The number asked for, if any.
    pub fn cli(&self) -> Option<&Msisdn> {
        self.cli.as_ref()
    }

    /// The SIM asked for, if any.
    pub fn iccid(&self) -> Option<&Iccid> {
        self.iccid.as_ref()
    }
}
