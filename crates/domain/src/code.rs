//! Codes that operators choose: of customers, contracts, products, networks; and usernames.
//!
//! Invariant: a code is 1 to [`CODE_CHARS_MAX`] characters, without control characters and without blanks at its
//! ends. What a *catalogue* may define is narrower (see [`is_plain`]); a caller may name anything, and what does not
//! exist is simply not found.

use crate::limits::CODE_CHARS_MAX;
use crate::text::text_type;

/// True when `code` may be defined in a catalogue: visible ASCII without the separators of code lists (`,` `;`).
pub fn is_plain(code: &str) -> bool {
    code.bytes().all(|b| b.is_ascii_graphic() && b != b',' && b != b';')
}

fn code(raw: &str) -> Option<&str> {
    let fits = !raw.is_empty()
        && raw.trim() == raw
        && raw.chars().count() <= CODE_CHARS_MAX
        && !raw.chars().any(char::is_control);
    fits.then_some(raw)
}

macro_rules! code_type {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        text_type!(
            $(#[$doc])* $name, $what, "1 to 64 characters, none of them a control character", code
        );
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

impl Username {
    /// Whether HTTP Basic can carry it: a colon ends the name there (RFC 7617, section 2).
    pub fn fits_basic(&self) -> bool {
        !self.as_str().contains(':')
    }
}

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
