//! The reconciler: compares what networks have with what the books say, again and again, and has repaired what is ours.
//!
//! Every change at a network is a ticket, so a repair is one too: nothing here commands a network. Of what is compared,
//! by whom and how often, the store keeps account (`provisor_domain::store::Reconcile`); whose doing a difference is, is
//! told in docs/adr/0015.

mod adopt;
mod by_hand;
mod look;
mod repair;
mod sweeper;

use std::time::Duration;

pub use adopt::{Stands, TicketRead};
pub use by_hand::{CheckReport, Checking};
pub(crate) use sweeper::Sweeper;

/// How networks are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checks {
    /// Every live service is looked at once in this time; and the SIMs of a ticket, this long after it ended.
    pub period: Duration,
    /// The SIMs of a ticket are looked at so soon after it ended.
    pub soon: Duration,
    /// The share of a network's rate that each walk may use, in percent. 0: networks are not checked.
    pub share: u32,
}

impl Default for Checks {
    fn default() -> Self {
        Self { period: Duration::from_hours(24), soon: Duration::from_mins(5), share: 5 }
    }
}
