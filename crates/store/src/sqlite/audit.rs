//! The audit trail: what people and callers did, written in the transaction that did it.

use jiff::Timestamp;
use provisor_domain::store::Origin;
use rusqlite::{Connection, params};

use super::fault::Result;
use super::sql;

/// Writes one line of the trail. `object` names what it was done to (`ticket:1224`, `user:MarioG`).
pub(super) fn add(
    connection: &Connection,
    (origin, now): (&Origin, Timestamp),
    action: &str,
    object: &str,
    detail: &str,
) -> Result<()> {
    connection.prepare_cached(sql::AUDIT_ADD)?.execute(params![
        now.as_millisecond(),
        origin.actor,
        action,
        object,
        origin.request_id,
        detail
    ])?;
    Ok(())
}
