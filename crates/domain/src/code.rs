//! Codes that operators choose: of customers, contracts, products, networks; and usernames.
//!
//! Invariant: a code is 1 to [`CODE_CHARS_MAX`] characters, without control characters and without blanks at its
//! ends. What a *catalogue* may define is narrower (see [`is_plain`]); a caller may name anything, and what does not
//! exist is simply not found.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Malformed;
use crate::limits::CODE_CHARS_MAX;

/// True when `code` may be defined in a catalogue: visible ASCII without the separators of code lists (`,` `;`).
pub fn is_plain(code: &str) -> bool {
    code.bytes().all(|b| b.is_ascii_graphic() && b != b',' && b != b';')
}

fn check(raw: &str) -> bool {
    !raw.is_empty()
        && raw.trim() == raw
        && raw.chars().count() <= CODE_CHARS_MAX
        && !raw.chars().any(char::is_control)
}

macro_rules! code_type {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Box<str>);

        impl $name {
            /// The code as it was given.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = Malformed;
            fn from_str(raw: &str) -> Result<Self, Malformed> {
                if check(raw) {
                    Ok(Self(raw.into()))
                } else {
                    Err(Malformed { what: $what, rule: "1 to 64 characters, none of them a control character" })
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = Malformed;
            fn try_from(raw: String) -> Result<Self, Malformed> {
                raw.parse()
            }
        }

        impl From<$name> for String {
            fn from(code: $name) -> Self {
                code.0.into()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

code_type!(/// A customer's account number (CCC `customer`).
    CustomerNumber, "customer number");
code_type!(/// A contract's code (CCC `contractCode`).
    ContractCode, "contract code");
code_type!(/// A tariff's code (CCC `tariffCode`).
    TariffCode, "tariff code");
code_type!(/// An access point name's code (CCC `APNCodes`).
    ApnCode, "APN code");
code_type!(/// A bar's code (CCC `barCode`).
    BarCode, "bar code");
code_type!(/// A bolt-on's code (CCC `boltonCode`).
    BoltonCode, "bolt-on code");
code_type!(/// A template's code (CCC `templateCode`).
    TemplateCode, "template code");
code_type!(/// A network's code (CCC `nina.network`).
    NetworkCode, "network code");
code_type!(/// The code of a kind of support case (CCC `ticketType`).
    TicketTypeCode, "ticket type");
code_type!(/// A reporting group: a label that services of one customer share.
    ReportingGroup, "reporting group");
code_type!(/// A tenant of the Simple Portal face: the first segment of its paths.
    TenantName, "tenant name");
code_type!(/// A pack that a tenant sells, as the catalogue spells it.
    PackName, "name of a pack");
code_type!(/// A user's log-in name.
    Username, "username");

impl PackName {
    /// Whether both are one pack: capital and small letters are the same.
    pub fn is(&self, other: &Self) -> bool {
        self.as_str().eq_ignore_ascii_case(other.as_str())
    }

    /// The pack that gives mailboxes (document, section 7: `PACK = mail`).
    pub fn is_mail(&self) -> bool {
        self.as_str().eq_ignore_ascii_case("mail")
    }
}
