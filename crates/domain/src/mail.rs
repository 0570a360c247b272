//! Mail: mailboxes as the books have them, and the port to a mail system (the second port to the south, beside
//! [`crate::driver`]).
//!
//! Contract of a mail driver: a command says everything a portal customer is to have; what the command does not name
//! is taken away. States are set, so that sending a command twice has the effect of sending it once, and each command
//! carries a [`Fence`]: of two commands the older one changes nothing, whenever it arrives.

use std::fmt::Debug;
use std::str::FromStr;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Malformed;
use crate::driver::{DriverLimits, Outcome};
use crate::limits::{MAIL_ADDRESS_BYTES_MAX, MAIL_LOCAL_PART_BYTES_MAX};
use crate::portal::{PortalId, PortalSecret};
use crate::text::text_type;

text_type!(
    /// A mail address: a plain local part (no quoting), `@`, a domain. Shown as it was given; capital letters do not make
    /// it another one (see [`MailAddress::key`]).
    MailAddress, "mail address",
    "LOCAL@DOMAIN with letters, digits and the usual signs, no quotes and no two dots in a row", |raw| {
        let fits = raw.len() <= MAIL_ADDRESS_BYTES_MAX
            && raw.rsplit_once('@').is_some_and(|(local, domain)| {
                local.len() <= MAIL_LOCAL_PART_BYTES_MAX && is_dot_atom(local) && is_domain(domain)
            });
        fits.then_some(raw)
    }
);

impl MailAddress {
    /// The address in small letters: what mail servers look up, and what makes it unique.
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }

    /// The domain in small letters.
    pub fn domain(&self) -> String {
        self.0.rsplit_once('@').map_or_else(String::new, |(_, domain)| domain.to_ascii_lowercase())
    }
}

/// RFC 5322 dot-atom without the signs that shells, SQL patterns and mail servers' delimiters trip over.
fn is_dot_atom(local: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'+');
    local.split('.').all(|part| !part.is_empty() && part.bytes().all(plain))
}

/// True for a domain name of at least one label (RFC 1123).
pub fn is_domain(domain: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    domain.len() <= 253 && domain.split('.').all(label)
}

/// Which of its customer's mailboxes a mailbox is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailboxKind {
    /// The first one, `<ParCustId>@<tenant domain>`.
    Primary,
    /// Any other.
    Additional,
}

impl MailboxKind {
    /// The word in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Additional => "additional",
        }
    }
}

impl FromStr for MailboxKind {
    type Err = Malformed;
    fn from_str(raw: &str) -> Result<Self, Malformed> {
        [Self::Primary, Self::Additional]
            .into_iter()
            .find(|kind| kind.as_str() == raw)
            .ok_or(Malformed { what: "kind of mailbox", rule: "primary or additional" })
    }
}

/// A mailbox as the books have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mailbox {
    /// Its address.
    pub address: MailAddress,
    /// Which of its customer's it is.
    pub kind: MailboxKind,
    /// Where its mail is forwarded to.
    #[serde(default)]
    pub forward: Option<MailAddress>,
    /// Whether forwarded mail is kept in the mailbox as well.
    #[serde(default)]
    pub keep_copy: bool,
    /// How much it holds, in bytes.
    pub quota_bytes: u64,
    /// `None` while it works. Otherwise it was switched off, and this is until when its mail is kept.
    #[serde(default)]
    pub kept_until: Option<Timestamp>,
}

impl Mailbox {
    /// True for its customer's first one.
    pub fn is_primary(&self) -> bool {
        self.kind == MailboxKind::Primary
    }

    /// True while it receives mail and may be logged in to.
    pub fn works(&self) -> bool {
        self.kept_until.is_none()
    }
}

/// The age of a command: of two with different fences the greater is the newer. A command with the fence of the one
/// that was applied last says the same and may be applied again. One with ticket 0 only repeats what the books say: it
/// counts as equal to any other of the same generation and version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fence {
    /// Grows when the books were restored from a backup (`provisor adopt begin`): what was told before is older.
    pub generation: i64,
    /// The version of the customer's books that the command brings about.
    pub version: i64,
    /// The ticket it belongs to; 0 for one that only repeats what the books say.
    pub ticket: i64,
    /// The ticket's epoch.
    pub epoch: i64,
}

/// Everything that a portal customer is to have at the mail system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailCommand {
    /// How old it is.
    pub fence: Fence,
    /// Whose.
    pub customer: PortalId,
    /// The customer's password; `None` lets nobody log in.
    pub secret: Option<PortalSecret>,
    /// All of its mailboxes, also those that do not work and whose mail is kept.
    pub mailboxes: Vec<Mailbox>,
}

/// A mail system.
#[async_trait]
pub trait MailDriver: Send + Sync + Debug {
    /// Makes the mail system look like the command says, and answers what came of it. Idempotent.
    async fn ensure(&self, command: &MailCommand) -> Outcome;

    /// How hard it may be driven.
    fn limits(&self) -> DriverLimits;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_plain_and_their_case_does_not_matter() {
        for good in ["10953@rapeedo.net", "a.b+c@x-y.example", "Cust01@example.com", "a@localhost"]
        {
            assert_eq!(good.parse::<MailAddress>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "a",
            "@b.de",
            "a@",
            "a..b@c.de",
            ".a@c.de",
            "a.@c.de",
            "a b@c.de",
            "a@-c.de",
            "a@c..de",
            "a'b@c.de",
            "a%b@c.de",
            "\"a\"@c.de",
            "ä@c.de",
        ] {
            assert!(bad.parse::<MailAddress>().is_err(), "{bad:?}");
        }
        assert!(format!("{}@c.de", "x".repeat(65)).parse::<MailAddress>().is_err());
        let address: MailAddress = "Cust01@Example.COM".parse().unwrap();
        assert_eq!(
            (address.key(), address.domain()),
            ("cust01@example.com".into(), "example.com".into())
        );
    }

    #[test]
    fn of_two_commands_the_one_with_the_later_books_is_newer() {
        let fence = |version, ticket, epoch| Fence { generation: 0, version, ticket, epoch };
        assert!(fence(2, 7, 1) > fence(1, 9, 9));
        assert!(fence(2, 8, 1) > fence(2, 7, 9));
        assert!(fence(2, 7, 2) > fence(2, 7, 1));
        assert!(Fence { generation: 1, ..fence(1, 1, 1) } > fence(9, 9, 9), "restored");
    }
}
