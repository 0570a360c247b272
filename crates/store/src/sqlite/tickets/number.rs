//! Numbers of a network's range: reserved when a connect is claimed, resting after a disconnect.
//!
//! A number that was never given comes first; once the range is used up, the one that has rested longest.

use jiff::{SignedDuration, Timestamp};
use provisor_domain::limits::NUMBER_QUARANTINE_DAYS;
use provisor_domain::{Msisdn, NetworkCode};
use rusqlite::{Connection, OptionalExtension, params};

use super::super::fault::{Fault, Result};
use super::super::{row, sql};

const HOURS_PER_DAY: i64 = 24;

/// The range of one network while a claim takes numbers from it.
pub(super) struct Range {
    network: NetworkCode,
    bounds: Option<Bounds>,
    changed: bool,
}

struct Bounds {
    first: Msisdn,
    last: Msisdn,
    count: u64,
    /// Steps after `first` of the number to be tried next.
    next: u64,
}

impl Range {
    /// Reads the range of a network, which may have none.
    pub(super) fn read(connection: &Connection, network: &NetworkCode) -> Result<Self> {
        let mut statement = connection.prepare_cached(sql::TICKET_CLAIM_RANGE)?;
        let mut rows = statement.query([network.as_str()])?;
        let bounds = match rows.next()? {
            None => None,
            Some(found) => {
                let (first, last): (Msisdn, Msisdn) = (row::text(found, 0)?, row::text(found, 1)?);
                let count = first
                    .count_to(&last)
                    .ok_or_else(|| Fault::broken(format!("network {network}: bad range")))?;
                Some(Bounds { first, last, count, next: found.get(2)? })
            }
        };
        Ok(Self { network: network.clone(), bounds, changed: false })
    }

    /// Whether the network has a range at all.
    pub(super) fn exists(&self) -> bool {
        self.bounds.is_some()
    }

    /// Reserves a number; `None` when there is no range, or nothing in it is free.
    pub(super) fn reserve(
        &mut self,
        connection: &Connection,
        now: Timestamp,
    ) -> Result<Option<Msisdn>> {
        let Some(bounds) = &mut self.bounds else { return Ok(None) };
        let number = match bounds.never_given(connection, &mut self.changed)? {
            Some(number) => Some(number),
            None => bounds.rested(connection, &self.network, now)?,
        };
        if let Some(number) = &number {
            connection
                .prepare_cached(sql::TICKET_CLAIM_NUMBER_USE)?
                .execute(params![number.as_str(), self.network.as_str()])?;
        }
        Ok(number)
    }

    /// Writes down how far the range is used. To be called once, at the end of the claim.
    pub(super) fn finish(self, connection: &Connection) -> Result<()> {
        if let (true, Some(bounds)) = (self.changed, &self.bounds) {
            connection
                .prepare_cached(sql::TICKET_CLAIM_RANGE_SET)?
                .execute(params![self.network.as_str(), bounds.next])?;
        }
        Ok(())
    }
}

impl Bounds {
    /// The next number that was never given. Each number of the range is looked at once in the range's life.
    fn never_given(
        &mut self,
        connection: &Connection,
        changed: &mut bool,
    ) -> Result<Option<Msisdn>> {
        let mut known = connection.prepare_cached(sql::TICKET_CLAIM_NUMBER_KNOWN)?;
        while self.next < self.count {
            let candidate = self.first.after(self.next);
            self.next += 1;
            *changed = true;
            let Some(number) = candidate else { continue };
            let is_known: bool = known.query_row([number.as_str()], |row| row.get(0))?;
            if !is_known && !taken(connection, &number)? {
                return Ok(Some(number));
            }
        }
        Ok(None)
    }

    /// The number that has rested longest and is still free.
    fn rested(
        &self,
        connection: &Connection,
        network: &NetworkCode,
        now: Timestamp,
    ) -> Result<Option<Msisdn>> {
        let mut statement = connection.prepare_cached(sql::TICKET_CLAIM_NUMBER_RESTED)?;
        let (mut seen_at, mut seen) = (i64::MIN, String::new());
        loop {
            let found = statement
                .query_row(
                    params![
                        network.as_str(),
                        now.as_millisecond(),
                        self.first.as_str(),
                        self.last.as_str(),
                        seen_at,
                        seen
                    ],
                    |row| Ok((row.get::<_, String>(0)?, row.get(1)?)),
                )
                .optional()?;
            let Some((raw, free_at)) = found else { return Ok(None) };
            let number: Msisdn =
                raw.parse().map_err(|error| Fault::broken(format!("number {raw}: {error}")))?;
            if !taken(connection, &number)? {
                return Ok(Some(number));
            }
            (seen_at, seen) = (free_at, raw);
        }
    }
}

/// Whether a SIM or a live service has the number.
fn taken(connection: &Connection, number: &Msisdn) -> Result<bool> {
    let mut statement = connection.prepare_cached(sql::TICKET_CLAIM_NUMBER_TAKEN)?;
    Ok(statement.query_row([number.as_str()], |row| row.get(0))?)
}

/// Sends a number of the range to rest after its service ended.
pub(super) fn rest(
    connection: &Connection,
    number: &Msisdn,
    network: &NetworkCode,
    now: Timestamp,
) -> Result<()> {
    let until = now
        .checked_add(SignedDuration::from_hours(NUMBER_QUARANTINE_DAYS * HOURS_PER_DAY))
        .map_err(|error| Fault::broken(error.to_string()))?
        .as_millisecond();
    let known = connection
        .prepare_cached(sql::TICKET_SETTLE_NUMBER_REST)?
        .execute(params![number.as_str(), until])?;
    if known == 0 {
        connection.prepare_cached(sql::TICKET_SETTLE_NUMBER_NOTE)?.execute(params![
            number.as_str(),
            until,
            network.as_str()
        ])?;
    }
    Ok(())
}

/// Gives back the number that was reserved for a connect which did not happen; it may be given again at once. True
/// when it was one of the range.
pub(super) fn give_back(connection: &Connection, number: &Msisdn, now: Timestamp) -> Result<bool> {
    let rested = connection
        .prepare_cached(sql::TICKET_SETTLE_NUMBER_REST)?
        .execute(params![number.as_str(), now.as_millisecond()])?;
    Ok(rested > 0)
}
