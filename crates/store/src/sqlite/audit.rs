//! The audit trail: what people and callers did, written in the transaction that did it.

use jiff::Timestamp;
use provisor_domain::store::Origin;
use rusqlite::{Connection, params};

use super::fault::Result;
use super::sql;
use super::statements::Statements;

/// Writes one line of the trail. `object` names what it was done to (`ticket:1224`, `user:MarioG`).
pub(super) fn add(
    connection: &Connection,
    by: (&Origin, Timestamp),
    action: &str,
    object: &str,
    detail: &str,
) -> Result<()> {
    add_with(&mut Statements::of(connection), by, action, object, detail)
}

/// The same, in a job that keeps its statements at hand.
pub(super) fn add_with(
    statements: &mut Statements<'_>,
    (origin, now): (&Origin, Timestamp),
    action: &str,
    object: &str,
    detail: &str,
) -> Result<()> {
    statements.get(sql::AUDIT_ADD)?.execute(params![
        now.as_millisecond(),
        origin.actor,
        action,
        object,
        origin.request_id,
        detail
    ])?;
    Ok(())
}
