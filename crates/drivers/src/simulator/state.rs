//! The simulated network's own memory: one `SQLite` file that nothing else writes to.
//!
//! WAL with `synchronous = OFF`: what was committed lies in the machine's page cache and survives the death of the
//! process, not of the machine. That is on purpose: a real network's disk is not ours to wait for either.

use jiff::Timestamp;
use provisor_domain::driver::{OnceKey, Subscription, Want, Wanted};
use provisor_domain::{Iccid, Imsi, Msisdn, TicketId};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row};

use crate::file::{Form, broken, parsed};

const SCHEMA: &str = "
CREATE TABLE subscriber (
    iccid       TEXT PRIMARY KEY,
    imsi        TEXT,
    msisdn      TEXT UNIQUE,
    tariff      TEXT NOT NULL,
    products    TEXT NOT NULL,    -- JSON, as the domain's Products
    suspended   INTEGER NOT NULL, -- 0 or 1
    last_ticket INTEGER NOT NULL, -- the command that changed the row last
    last_epoch  INTEGER NOT NULL,
    changed_at  INTEGER NOT NULL  -- milliseconds since 1970
) STRICT, WITHOUT ROWID;
CREATE TABLE command_log (
    seq     INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,     -- milliseconds since 1970
    ticket  INTEGER NOT NULL,
    epoch   INTEGER NOT NULL,
    wants   TEXT NOT NULL,        -- JSON: [[iccid, wanted], ..]
    outcome TEXT NOT NULL         -- a word of LogWord
) STRICT;
";

const COMPARED: &str = "SELECT msisdn, tariff, products, imsi, last_ticket, last_epoch FROM subscriber WHERE iccid = ?1";

const SUSPENDED: &str = "SELECT suspended FROM subscriber WHERE iccid = ?1";

/// A subscriber as the simulated network has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscriber {
    /// The SIM.
    pub iccid: Iccid,
    /// Its identity, where a command named it.
    pub imsi: Option<Imsi>,
    /// How it is served.
    pub subscription: Subscription,
    /// Whether the network has it suspended.
    pub suspended: bool,
    /// The command that changed it last.
    pub last: OnceKey,
    /// When that was.
    pub changed_at: Timestamp,
}

/// A command that the simulated network received, as it wrote it down (`log = true`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedCommand {
    /// When it was decided on.
    pub at: Timestamp,
    /// Which attempt it was.
    pub once: OnceKey,
    /// What it wanted.
    pub wants: Vec<(Iccid, Wanted)>,
    /// `done`, `unchanged` (done, there was nothing to do), `refused`, `later`, `unavailable`, `timeout` or
    /// `done_but_not_reported`.
    pub outcome: String,
}

/// The form of a simulated network's file.
pub(super) const FORM: Form = Form {
    what: "simulated network",
    application_id: 0x7076_4e57, // "pvNW"
    version: 1,
    schema: SCHEMA,
    synchronous: "OFF",
};

/// A want in the form of its row, made before it reaches the writing thread.
#[derive(Debug)]
pub(super) struct Step {
    iccid: Iccid,
    imsi: Option<Imsi>,
    /// `None`: no row.
    wanted: Option<Served>,
}

#[derive(Debug)]
struct Served {
    msisdn: Option<Msisdn>,
    tariff: String,
    products: String,
    suspended: bool,
}

impl Step {
    /// The row of a want. Fails only if products could not be written as JSON.
    pub(super) fn new(want: &Want) -> Result<Self, serde_json::Error> {
        let wanted = match &want.state {
            Wanted::Absent => None,
            Wanted::Present(subscription) => Some(Served {
                msisdn: subscription.msisdn.clone(),
                tariff: subscription.tariff.as_str().to_owned(),
                products: serde_json::to_string(&subscription.products)?,
                suspended: subscription.products.suspended(),
            }),
        };
        Ok(Self { iccid: want.iccid.clone(), imsi: want.imsi.clone(), wanted })
    }

    /// The SIM.
    pub(super) fn iccid(&self) -> &Iccid {
        &self.iccid
    }
}

/// How a SIM's row compares with a step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    /// It is as wanted.
    pub(super) equal: bool,
    /// A newer command has changed it.
    pub(super) newer: bool,
}

/// Compares without changing anything.
pub(super) fn compare(
    connection: &Connection,
    once: OnceKey,
    step: &Step,
) -> rusqlite::Result<Found> {
    let mut statement = connection.prepare_cached(COMPARED)?;
    let mut rows = statement.query([step.iccid.as_str()])?;
    let Some(row) = rows.next()? else {
        return Ok(Found { equal: step.wanted.is_none(), newer: false });
    };
    let equal = match &step.wanted {
        None => false,
        Some(served) => {
            parts(row, step, served)?.into_iter().all(|(_, [found, wanted])| found == wanted)
        }
    };
    let last: (i64, i64) = (row.get(4)?, row.get(5)?);
    Ok(Found { equal, newer: last > (once.ticket.number(), once.epoch) })
}

/// What a SIM's row has otherwise than wanted, in words; nothing when it is as wanted.
pub(super) fn differences(connection: &Connection, step: &Step) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare_cached(COMPARED)?;
    let mut rows = statement.query([step.iccid.as_str()])?;
    let Some(served) = &step.wanted else {
        let there = rows.next()?.is_some();
        return Ok(there.then(|| "it is there and should not be".to_owned()).into_iter().collect());
    };
    let Some(row) = rows.next()? else {
        return Ok(vec!["it is not there".to_owned()]);
    };
    let words = |value: Option<&str>| value.unwrap_or("none").to_owned();
    let different =
        parts(row, step, served)?.into_iter().filter(|(_, [found, wanted])| found != wanted);
    Ok(different
        .map(|(what, [found, wanted])| format!("{what} is {}, not {}", words(found), words(wanted)))
        .collect())
}

/// The name of a part of a row, and the part as it is found and as it is wanted.
type Part<'a> = (&'static str, [Option<&'a str>; 2]);

/// The parts of a row.
fn parts<'a>(
    row: &'a Row<'_>,
    step: &'a Step,
    served: &'a Served,
) -> rusqlite::Result<[Part<'a>; 4]> {
    let imsi = row.get_ref(3)?.as_str_or_null()?;
    Ok([
        ("number", [row.get_ref(0)?.as_str_or_null()?, served.msisdn.as_ref().map(Msisdn::as_str)]),
        ("tariff", [Some(row.get_ref(1)?.as_str()?), Some(served.tariff.as_str())]),
        ("products", [Some(row.get_ref(2)?.as_str()?), Some(served.products.as_str())]),
        // A command that does not name the identity leaves it as it is.
        ("IMSI", [imsi, step.imsi.as_ref().map_or(imsi, |imsi| Some(imsi.as_str()))]),
    ])
}

/// Makes a SIM's row what the step wants. False: its number is another subscriber's, nothing was changed.
pub(super) fn write(
    connection: &Connection,
    once: OnceKey,
    step: &Step,
    now: Timestamp,
) -> rusqlite::Result<bool> {
    let Some(served) = &step.wanted else {
        let mut statement = connection.prepare_cached("DELETE FROM subscriber WHERE iccid = ?1")?;
        statement.execute([step.iccid.as_str()])?;
        return Ok(true);
    };
    let mut statement = connection.prepare_cached(
        "INSERT INTO subscriber
             (iccid, imsi, msisdn, tariff, products, suspended, last_ticket, last_epoch, changed_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT (iccid) DO UPDATE SET
             imsi = coalesce(excluded.imsi, imsi), msisdn = excluded.msisdn, tariff = excluded.tariff,
             products = excluded.products, suspended = excluded.suspended,
             last_ticket = excluded.last_ticket, last_epoch = excluded.last_epoch,
             changed_at = excluded.changed_at",
    )?;
    let written = statement.execute((
        step.iccid.as_str(),
        step.imsi.as_ref().map(Imsi::as_str),
        served.msisdn.as_ref().map(Msisdn::as_str),
        &served.tariff,
        &served.products,
        served.suspended,
        once.ticket.number(),
        once.epoch,
        now.as_millisecond(),
    ));
    match written {
        Ok(_) => Ok(true),
        Err(rusqlite::Error::SqliteFailure(error, _))
            if error.extended_code == rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE =>
        {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// Writes a command down.
pub(super) fn log(
    connection: &Connection,
    once: OnceKey,
    wants: &str,
    outcome: &str,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO command_log (at, ticket, epoch, wants, outcome) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    statement.execute((now.as_millisecond(), once.ticket.number(), once.epoch, wants, outcome))?;
    Ok(())
}

/// Whether a SIM is suspended; `None` when it is not there.
pub(super) fn suspended(connection: &Connection, iccid: &Iccid) -> rusqlite::Result<Option<bool>> {
    let mut statement = connection.prepare_cached(SUSPENDED)?;
    statement.query_row([iccid.as_str()], |row| row.get(0)).optional()
}

/// All subscribers, by ICCID.
pub(super) fn subscribers(connection: &Connection) -> rusqlite::Result<Vec<Subscriber>> {
    let mut statement = connection.prepare(
        "SELECT iccid, imsi, msisdn, tariff, products, suspended, last_ticket, last_epoch, changed_at
         FROM subscriber ORDER BY iccid",
    )?;
    let rows = statement.query_map((), |row| {
        let subscription = Subscription {
            msisdn: row.get::<_, Option<String>>(2)?.map(|_| parsed(row, 2)).transpose()?,
            tariff: parsed(row, 3)?,
            products: from_json(row, 4)?,
        };
        Ok(Subscriber {
            iccid: parsed(row, 0)?,
            imsi: row.get::<_, Option<String>>(1)?.map(|_| parsed(row, 1)).transpose()?,
            subscription,
            suspended: row.get(5)?,
            last: once_key(row, 6, 7)?,
            changed_at: moment(row, 8)?,
        })
    })?;
    rows.collect()
}

/// All commands that were written down, in the order of their decisions.
pub(super) fn logged(connection: &Connection) -> rusqlite::Result<Vec<LoggedCommand>> {
    let mut statement = connection
        .prepare("SELECT at, ticket, epoch, wants, outcome FROM command_log ORDER BY seq")?;
    let rows = statement.query_map((), |row| {
        Ok(LoggedCommand {
            at: moment(row, 0)?,
            once: once_key(row, 1, 2)?,
            wants: from_json(row, 3)?,
            outcome: row.get(4)?,
        })
    })?;
    rows.collect()
}

fn from_json<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    serde_json::from_str(row.get_ref(column)?.as_str()?)
        .map_err(|error| broken(column, Type::Text, error))
}

fn once_key(row: &Row<'_>, ticket: usize, epoch: usize) -> rusqlite::Result<OnceKey> {
    let id = TicketId::new(row.get(ticket)?)
        .ok_or_else(|| broken(ticket, Type::Integer, "not a ticket's number"))?;
    Ok(OnceKey { ticket: id, epoch: row.get(epoch)? })
}

fn moment(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    Timestamp::from_millisecond(row.get(column)?)
        .map_err(|error| broken(column, Type::Integer, error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::StatementStatus;

    #[test]
    fn a_status_is_read_without_planning_its_statement_again() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("network.db");
        let writer = FORM.open_writer(&"AS".parse().unwrap(), &file).unwrap();
        writer.execute_batch(
            "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 999)
             INSERT INTO subscriber SELECT 8910390000010000000 + i, NULL, NULL, 'T', '{}', 0, 1, 1, 0 FROM n;
             ANALYZE",
        )
        .unwrap();
        let reader = FORM.open_reader(&file).unwrap();
        for sim in 0..1_000 {
            let iccid = format!("8910390000010000{sim:03}").parse().unwrap();
            assert_eq!(suspended(&reader, &iccid).unwrap(), Some(false));
        }
        let statement = reader.prepare_cached(SUSPENDED).unwrap();
        assert_eq!(statement.get_status(StatementStatus::Run), 1_000);
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
    }
}
