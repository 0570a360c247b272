//! Portal customers: the subjects of the Simple Portal face (second document), their packs and their passwords.
//!
//! A portal customer is named by its tenant and the number its provider gave it (`ParCustId`). What it has bought are
//! packs; the pack whose name is `Mail` says how many mailboxes it may have (see [`crate::mail`]).

use std::fmt;
use std::str::FromStr;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::limits::PAR_CUST_ID_CHARS_MAX;
use crate::mail::Mailbox;
use crate::text::text_type;
use crate::{Malformed, PackName, TenantName, TicketId};

text_type!(
    /// A portal customer's number as its provider writes it (`ParCustId`): 1 to 64 of letters, digits, `.`, `_`, `-`,
    /// beginning with a letter or a digit. Capital and small letters are different.
    ParCustId, "ParCustId",
    "1 to 64 letters, digits, dots, underscores and hyphens, beginning with a letter or digit", |raw| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        let fits = raw.len() <= PAR_CUST_ID_CHARS_MAX
            && raw.bytes().all(plain)
            && raw.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
        fits.then_some(raw)
    }
);

/// A portal customer: whose, and which.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PortalId {
    /// The tenant it is a customer of.
    pub tenant: TenantName,
    /// Its number there.
    pub customer: ParCustId,
}

impl fmt::Display for PortalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.tenant, self.customer)
    }
}

impl FromStr for PortalId {
    type Err = Malformed;
    fn from_str(raw: &str) -> Result<Self, Malformed> {
        let malformed = Malformed { what: "portal customer", rule: "TENANT/PARCUSTID" };
        let (tenant, customer) = raw.split_once('/').ok_or(malformed)?;
        Ok(Self { tenant: tenant.parse()?, customer: customer.parse()? })
    }
}

/// The MD5 of a password as the document hands it over: 32 hex digits, kept in small letters. Never stored, shown or
/// logged; good for nothing but being hashed properly.
#[derive(Debug, Clone)]
pub struct Md5Hex(SecretString);

impl Md5Hex {
    /// The digits, in small letters.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// As the secret that is hashed.
    pub fn into_secret(self) -> SecretString {
        self.0
    }
}

impl FromStr for Md5Hex {
    type Err = Malformed;
    fn from_str(raw: &str) -> Result<Self, Malformed> {
        let fits = raw.len() == 32 && raw.bytes().all(|b| b.is_ascii_hexdigit());
        fits.then(|| Self(raw.to_ascii_lowercase().into())).ok_or(Malformed {
            what: "HASH",
            rule: "32 hexadecimal digits, the MD5 of the password",
        })
    }
}

/// What a portal customer's password was hashed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretForm {
    /// The MD5 of the password in small hex digits: all that the provider handed over.
    Md5Hex,
    /// The password itself.
    Plain,
}

impl SecretForm {
    /// The word in the store and in the mail servers' views.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Md5Hex => "md5hex",
            Self::Plain => "plain",
        }
    }
}

impl FromStr for SecretForm {
    type Err = Malformed;
    fn from_str(raw: &str) -> Result<Self, Malformed> {
        [Self::Md5Hex, Self::Plain]
            .into_iter()
            .find(|form| form.as_str() == raw)
            .ok_or(Malformed { what: "form of a secret", rule: "md5hex or plain" })
    }
}

/// A portal customer's password as it is stored: an Argon2id PHC string, and what it was made from.
#[derive(Debug, Clone)]
pub struct PortalSecret {
    /// The PHC string.
    pub phc: SecretString,
    /// What was hashed.
    pub form: SecretForm,
}

impl PartialEq for PortalSecret {
    fn eq(&self, other: &Self) -> bool {
        self.form == other.form && self.phc.expose_secret() == other.phc.expose_secret()
    }
}

impl Eq for PortalSecret {}

/// What a pack's value measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PackMeasure {
    /// A number of things: 1 to 10000.
    Count,
    /// An amount of storage: a number and one of K, M, G, T.
    Size,
}

/// The value of a pack, as it was ordered: `5`, `100M`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PackValue(Box<str>);

impl PackValue {
    /// Most digits of a size.
    const SIZE_DIGITS_MAX: usize = 6;
    /// Greatest count.
    const COUNT_MAX: u32 = 10_000;

    /// Reads a value of this measure. Leading zeros are refused, so that a value has one spelling.
    pub fn parse(measure: PackMeasure, raw: &str) -> Result<Self, Malformed> {
        let (fits, rule) = match measure {
            PackMeasure::Count => {
                (count(raw).is_some_and(|n| n <= Self::COUNT_MAX), "a number from 1 to 10000")
            }
            PackMeasure::Size => {
                let unit = raw.strip_suffix(['K', 'M', 'G', 'T']);
                let fits =
                    unit.is_some_and(|n| n.len() <= Self::SIZE_DIGITS_MAX && count(n).is_some());
                (fits, "a number of at most 6 digits followed by K, M, G or T, such as 100M")
            }
        };
        fits.then(|| Self(raw.into())).ok_or(Malformed { what: "value of this pack", rule })
    }

    /// Reads a value of any measure: what a customer has may have been sold by another one.
    pub fn of_any(raw: &str) -> Result<Self, Malformed> {
        Self::parse(PackMeasure::Size, raw).or_else(|_| Self::parse(PackMeasure::Count, raw))
    }

    /// A value that was checked before (as the store has it).
    pub fn stored(raw: &str) -> Self {
        Self(raw.into())
    }

    /// The value as it was ordered.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number of things, where it is one.
    pub fn count(&self) -> Option<u32> {
        count(&self.0)
    }
}

impl fmt::Display for PackValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A number from 1 up without leading zeros or sign.
fn count(raw: &str) -> Option<u32> {
    let plain = raw.bytes().all(|b| b.is_ascii_digit()) && !raw.starts_with('0');
    plain.then(|| raw.parse().ok()).flatten()
}

/// A pack that a portal customer has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pack {
    /// Which, as the catalogue spells it.
    pub name: PackName,
    /// How much of it.
    pub value: PackValue,
}

/// A portal customer as the books have it, without its password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortalCustomer {
    /// Whether it may log in at the portal.
    pub enabled: bool,
    /// Whether it has set a password of its own since the last enable (`pwdchanged`).
    pub own_password: bool,
    /// Grows whenever its sessions end: when it is disabled and whenever its password changes.
    pub sessions: i64,
    /// Counts every change. A ticket is opened only if the version is still the one its checks were made on; a
    /// customer that does not exist has version 0.
    pub version: i64,
}

/// Everything the books have of a portal customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortalRecord {
    /// The customer; `None` before its first enable is done.
    pub customer: Option<PortalCustomer>,
    /// Its password, where it has one.
    pub secret: Option<PortalSecret>,
    /// Its packs, by name.
    pub packs: Vec<Pack>,
    /// Its mailboxes, primary first, then by address; also those that were switched off and whose mail is kept.
    pub mailboxes: Vec<Mailbox>,
}

/// One of the two relations in which the document numbers requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Relation {
    /// `authentication.ProvPortalAccess`.
    Access,
    /// `authentication.ProvPortalPacks`.
    Packs,
}

impl Relation {
    /// The word in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Packs => "packs",
        }
    }
}

/// What a request asks for, as its relation shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// `enable`.
    Enable,
    /// `disable`.
    Disable,
}

impl Action {
    /// The document's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enable => "enable",
            Self::Disable => "disable",
        }
    }
}

/// A row to be written in one of the relations when a ticket is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestEntry<'a> {
    /// In which.
    pub relation: Relation,
    /// What is asked.
    pub action: Action,
    /// The pack and its value, in [`Relation::Packs`].
    pub pack: Option<(&'a PackName, &'a PackValue)>,
}

/// Where a request stands, in the document's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RequestState {
    /// Not carried out yet: its customer is dirty.
    Pending,
    /// Carried out.
    Done,
    /// Not carried out, and it will not be.
    Failed,
}

/// A request as its caller sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortalRequest {
    /// Its ticket.
    pub ticket: TicketId,
    /// Its number in its relation: counted for each tenant from 1 up, without gaps.
    pub sequence: u64,
    /// Where it stands.
    pub state: RequestState,
    /// Why it was not carried out.
    pub reason: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_customers_are_what_the_contract_says() {
        for good in ["10953", "Cust01", "a", "0", "a.b_c-d", &"x".repeat(64)] {
            assert_eq!(good.parse::<ParCustId>().unwrap().as_str(), good);
        }
        for bad in ["", ".a", "-a", "_a", "a b", "ü", "a/b", "a@b", "a%41", &"x".repeat(65)] {
            assert!(bad.parse::<ParCustId>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn hashes_are_read_in_any_case_and_never_shown() {
        let hash: Md5Hex = "098F6BCD4621D373CADE4E832627B4F6".parse().unwrap();
        assert_eq!(hash.expose(), "098f6bcd4621d373cade4e832627b4f6");
        assert!(!format!("{hash:?}").to_lowercase().contains("098f"));
        for bad in ["", "098f6bcd4621d373cade4e832627b4f", "098f6bcd4621d373cade4e832627b4fg"] {
            assert!(bad.parse::<Md5Hex>().is_err());
        }
    }

    #[test]
    fn values_have_one_spelling_and_limits() {
        let fits = |measure, raw| PackValue::parse(measure, raw).is_ok();
        for good in ["1", "5", "10000"] {
            assert!(fits(PackMeasure::Count, good), "{good}");
        }
        for bad in ["", "0", "05", "10001", "+5", "-1", "5M", "99999999999", "٣"] {
            assert!(!fits(PackMeasure::Count, bad), "{bad}");
        }
        for good in ["100M", "1K", "2G", "999999T"] {
            assert!(fits(PackMeasure::Size, good), "{good}");
        }
        for bad in ["", "100", "M", "0M", "01M", "1m", "1MB", "1000000K", "1.5G"] {
            assert!(!fits(PackMeasure::Size, bad), "{bad}");
        }
    }
}
