//! Statements about a service, by what it is named with.

use provisor_domain::ServiceSelector;

/// The same question, once for each name that a service goes by.
pub(crate) struct ByName {
    pub(crate) code: &'static str,
    pub(crate) cli: &'static str,
    pub(crate) iccid: &'static str,
}

impl ByName {
    /// The statement that looks by the most exact name of `selector`; the others it compares.
    pub(crate) fn of(&self, selector: &ServiceSelector) -> &'static str {
        match (selector.code(), selector.cli()) {
            (Some(_), _) => self.code,
            (None, Some(_)) => self.cli,
            (None, None) => self.iccid,
        }
    }
}
