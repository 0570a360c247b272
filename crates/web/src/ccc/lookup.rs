//! What a caller names but cannot exist: looked up all the same.
//!
//! A code that is too long, or a service code that is no number, does not exist. Which error that is, and which
//! comes first when several things are wrong, is the engine's to say. So it is handed something of the right type
//! that no catalogue and no sequence can hold, and answers as for anything else that is not there.

use std::str::FromStr;

use provisor_domain::limits::CODE_CHARS_MAX;
use provisor_domain::{ServiceCode, ServiceSelector, TicketId};

use super::code::Code;
use super::error::WireError;
use super::members::Members;

/// `raw` as a code; `otherwise` is the error that a code which does not exist gets.
pub(super) fn code<C: FromStr>(raw: &str, otherwise: Code) -> Result<C, WireError> {
    raw.parse().or_else(|_| stand_in(raw).parse()).map_err(|_| WireError::of(otherwise))
}

/// A text that reads like `raw` and is a code no catalogue may define: it ends in a character that is not ASCII.
fn stand_in(raw: &str) -> String {
    let shown = raw.trim().chars().take(CODE_CHARS_MAX - 1);
    let mut text: String = shown.map(|c| if c.is_control() { '?' } else { c }).collect();
    text.push('…');
    text
}

/// The `service` member.
#[derive(Clone, Copy)]
pub(super) struct ServiceMember<'b> {
    code: Option<&'b str>,
    cli: Option<&'b str>,
    sim: Option<&'b str>,
}

impl<'b> ServiceMember<'b> {
    /// The member; `None` when it is missing or names nothing.
    pub(super) fn read(body: Members<'b>) -> Result<Option<Self>, WireError> {
        let Some(service) = body.object("service")? else { return Ok(None) };
        let code = service.identifier("code")?;
        let cli = service.identifier("cli")?;
        let sim = service.identifier("sim")?;
        let given = code.is_some() || cli.is_some() || sim.is_some();
        Ok(given.then_some(Self { code, cli, sim }))
    }

    /// The selector. One that cannot fit any service selects none.
    pub(super) fn selector(self) -> Result<ServiceSelector, WireError> {
        let well_formed = || {
            let code = self.code.map(str::parse).transpose().ok()?;
            let cli = self.cli.map(str::parse).transpose().ok()?;
            let sim = self.sim.map(str::parse).transpose().ok()?;
            ServiceSelector::new(code, cli, sim)
        };
        // Service codes have at most 18 digits: this one has 19.
        let nowhere = || ServiceCode::new(i64::MAX).map(ServiceSelector::by_code);
        well_formed().or_else(nowhere).ok_or_else(|| WireError::of(Code::ServiceNotFound))
    }
}

/// `raw` as a ticket's number. One that cannot be a number is that of no ticket.
pub(super) fn ticket(raw: &str) -> Result<TicketId, WireError> {
    // Ticket numbers have at most 18 digits: this one has 19.
    let nowhere = || TicketId::new(i64::MAX);
    raw.parse().ok().or_else(nowhere).ok_or_else(|| WireError::of(Code::TicketNotFound))
}

#[cfg(test)]
mod tests {
    use super::*;
    use provisor_domain::BarCode;
    use provisor_domain::code::is_plain;

    proptest::proptest! {
        #[test]
        fn what_is_no_code_becomes_one_that_no_catalogue_may_define(raw in "\\PC{0,80}|[ \\x00-\\x20]{0,3}[A-Z_]{60,70}") {
            let parsed = raw.parse::<BarCode>();
            let found = code::<BarCode>(&raw, Code::BarNotPermitted).unwrap();
            match parsed {
                Ok(parsed) => proptest::prop_assert_eq!(found, parsed),
                Err(_) => proptest::prop_assert!(!is_plain(found.as_str())),
            }
        }
    }

    #[test]
    fn a_ticket_number_that_is_none_is_one_that_is_never_given() {
        assert_eq!(ticket("1226"), Ok(TicketId::new(1226).unwrap()));
        for raw in ["0", "01226", "x", "-1", "9223372036854775807", "1226 "] {
            assert_eq!(ticket(raw).unwrap().number(), i64::MAX, "{raw}");
        }
    }
}
