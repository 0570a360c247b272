//! Commands: what a caller may order. Each decides on facts of one consistent read and opens a ticket on the
//! condition that the facts still hold; when they do not, it decides again.

pub(crate) mod change;
pub(crate) mod connect;
pub(crate) mod portal;
pub(crate) mod portal_password;
pub(crate) mod support_case;

use provisor_domain::store::{Earlier, StoreError, SubjectClaim};
use provisor_domain::ticket::Subject;
use provisor_domain::{Refusal, SimRecord};

use crate::call::{Error, Raised};

/// What an idempotency key that was seen before means for this call.
fn replayed(earlier: Option<Earlier>) -> Result<Option<Raised>, Refusal> {
    match earlier {
        None => Ok(None),
        Some(Earlier::Ticket(ticket)) => Ok(Some(Raised { ticket, replayed: true })),
        Some(Earlier::Other) => Err(Refusal::IdempotencyKeyReused),
    }
}

fn claim_of(sim: &SimRecord) -> SubjectClaim {
    SubjectClaim { subject: Subject::Sim(sim.iccid.clone()), version: sim.version }
}

/// The subject kept moving while it was checked: another caller is changing it all the time.
fn restless() -> Error {
    Error::Busy(StoreError::Unavailable("the subject changes faster than it can be checked".into()))
}
