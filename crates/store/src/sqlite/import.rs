//! SIM imports: rows land piece by piece and become visible in one moment, or leave again.
//!
//! Invariants:
//! - At most one import is under way. Rows of an import that has not landed exist for no query of a caller; they do
//!   hold their ICCID, IMSI and number. An import that died half-way out is finished off by the next one.
//! - Rows land and leave in short transactions, so that a server beside it does not wait long for its turn.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use provisor_domain::store::{BadRow, ImportId, ImportRow, Origin, StoreError};
use provisor_domain::{Iccid, Imsi, Msisdn, NetworkCode, SealedKeys};
use rusqlite::{Connection, OptionalExtension, params};
use secrecy::ExposeSecret;

use super::fault::{Fault, Result as Outcome};
use super::tickets::sealed_keys;
use super::{SqliteStore, audit, row, sql};

/// How long rows land before what has landed is committed and others have their turn. An order that meets an import
/// waits for about this and the commit. In a run with 2 ms orders were no faster and the import was slower.
const LANDING: Duration = Duration::from_millis(5);
/// SIMs that are looked through, and perhaps deleted, in one transaction while an import leaves: about as long.
const LEAVING_SIMS: usize = 500;

impl SqliteStore {
    /// Finishes off what earlier imports left, then begins a new one.
    pub(super) async fn import_begin(
        &self,
        file: String,
        origin: Origin,
        now: Timestamp,
    ) -> Result<ImportId, StoreError> {
        let dead = self
            .write(|connection| {
                let mut statement = connection.prepare_cached(sql::SIM_IMPORT_BEGIN_DEAD)?;
                let ids = statement.query_map([], |row| row.get(0))?;
                Ok(ids.collect::<rusqlite::Result<Vec<i64>>>()?)
            })
            .await?;
        for id in dead {
            self.import_abandon(ImportId(id)).await?;
        }
        self.write(move |connection| {
            let id = connection
                .prepare_cached(sql::SIM_IMPORT_BEGIN)?
                .insert(params![file, now.as_millisecond()])?;
            let object = format!("import:{id}");
            audit::add(connection, (&origin, now), "sim_import.begin", &object, &file)?;
            Ok(ImportId(id))
        })
        .await
    }

    /// Lands rows, in as many transactions as it takes; answers those that cannot.
    pub(super) async fn import_rows(
        &self,
        import: ImportId,
        rows: Arc<[ImportRow]>,
    ) -> Result<Vec<BadRow>, StoreError> {
        let (mut from, mut bad) = (0, Vec::new());
        while from < rows.len() {
            let rows = Arc::clone(&rows);
            let land = move |connection: &Connection| land(connection, import, &rows[from..]);
            let (taken, refused) = self.write(land).await?;
            from += taken;
            bad.extend(refused);
        }
        Ok(bad)
    }

    /// Takes back everything that an import landed.
    pub(super) async fn import_abandon(&self, import: ImportId) -> Result<(), StoreError> {
        let leaving = self
            .write(move |connection| {
                let mut statement = connection.prepare_cached(sql::SIM_IMPORT_ABANDON_LEAVE)?;
                Ok(statement.execute([import.0])? > 0)
            })
            .await?;
        if !leaving {
            return Ok(()); // It has landed, or is gone already.
        }
        let mut after = String::new();
        loop {
            let from = after.clone();
            let end = self.write(move |connection| leave(connection, import, &from)).await?;
            match end {
                Some(end) => after = end,
                None => break,
            }
        }
        self.write(move |connection| {
            connection.prepare_cached(sql::SIM_IMPORT_ABANDON_DONE)?.execute([import.0])?;
            Ok(())
        })
        .await
    }
}

/// Deletes the import's rows in the next stretch of SIMs after `after`; answers the stretch's end.
fn leave(connection: &Connection, import: ImportId, after: &str) -> Outcome<Option<String>> {
    let end: Option<String> = connection
        .prepare_cached(sql::SIM_IMPORT_ABANDON_STEP)?
        .query_row(params![after, LEAVING_SIMS], |row| row.get(0))?;
    let Some(end) = end else { return Ok(None) };
    for sql in [sql::SIM_IMPORT_ABANDON_KEYS, sql::SIM_IMPORT_ABANDON_SIMS] {
        connection.prepare_cached(sql)?.execute(params![after, end, import.0])?;
    }
    Ok(Some(end))
}

/// A SIM with keys, and those.
pub(super) fn sealed(connection: &Connection) -> Outcome<Option<(Iccid, SealedKeys)>> {
    let mut statement = connection.prepare_cached(sql::SIM_IMPORT_SEALED)?;
    let mut rows = statement.query([])?;
    rows.next()?.map(|row| Ok((row::text(row, 0)?, sealed_keys(row, 1)?))).transpose()
}

/// Makes an import visible.
pub(super) fn finish(connection: &Connection, import: ImportId, now: Timestamp) -> Outcome<()> {
    let landed = connection
        .prepare_cached(sql::SIM_IMPORT_FINISH)?
        .execute(params![import.0, now.as_millisecond()])?;
    if landed == 0 { Err(taken_back()) } else { Ok(()) }
}

fn taken_back() -> Fault {
    Fault::conflict("this import was taken back, because another one began: start it again")
}

/// Lands rows for as long as a transaction may take, at least one; answers how many were taken, and those of them that
/// cannot land.
pub(super) fn land(
    connection: &Connection,
    import: ImportId,
    rows: &[ImportRow],
) -> Outcome<(usize, Vec<BadRow>)> {
    let began = Instant::now();
    let landing: Option<bool> = connection
        .prepare_cached(sql::SIM_IMPORT_ROWS_STATE)?
        .query_row([import.0], |row| row.get(0))
        .optional()?;
    if landing != Some(true) {
        return Err(taken_back());
    }
    let (mut taken, mut bad) = (0, Vec::new());
    for row in rows {
        if let Some(reason) = land_one(connection, import, row)? {
            bad.push(BadRow { line: row.line, reason });
        }
        taken += 1;
        if began.elapsed() >= LANDING {
            break;
        }
    }
    Ok((taken, bad))
}

fn land_one(connection: &Connection, import: ImportId, row: &ImportRow) -> Outcome<Option<String>> {
    let landed = connection.prepare_cached(sql::SIM_IMPORT_ROWS_SIM)?.execute(params![
        row.iccid.as_str(),
        row.imsi.as_ref().map(Imsi::as_str),
        row.msisdn.as_ref().map(Msisdn::as_str),
        row.customer.as_str(),
        row.network.as_ref().map(NetworkCode::as_str),
        import.0,
    ]);
    if let Err(error) = landed {
        let fault = Fault::from(error);
        return if fault.refusal().is_some() { why(connection, row).map(Some) } else { Err(fault) };
    }
    let keys = &row.keys;
    if keys.ki_sealed.is_some() || keys.opc_sealed.is_some() || keys.eid.is_some() {
        connection.prepare_cached(sql::SIM_IMPORT_ROWS_KEY)?.execute(params![
            row.iccid.as_str(),
            keys.ki_sealed.as_ref().map(ExposeSecret::expose_secret),
            keys.opc_sealed.as_ref().map(ExposeSecret::expose_secret),
            keys.eid,
        ])?;
    }
    Ok(None)
}

/// Why a row was refused.
fn why(connection: &Connection, row: &ImportRow) -> Outcome<String> {
    let (imsi, msisdn) = (row.imsi.as_ref(), row.msisdn.as_ref());
    let network = row.network.as_ref();
    let found: [bool; 5] = connection.prepare_cached(sql::SIM_IMPORT_ROWS_WHY)?.query_row(
        params![
            row.iccid.as_str(),
            imsi.map(Imsi::as_str),
            msisdn.map(Msisdn::as_str),
            row.customer.as_str(),
            network.map(NetworkCode::as_str),
        ],
        |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?]),
    )?;
    let [iccid_known, imsi_known, msisdn_known, customer_unknown, network_unknown] = found;
    let reasons = [
        iccid_known.then(|| format!("SIM {} is known already", row.iccid)),
        imsi.filter(|_| imsi_known).map(|imsi| format!("IMSI {imsi} belongs to another SIM")),
        msisdn
            .filter(|_| msisdn_known)
            .map(|msisdn| format!("number {msisdn} belongs to another SIM")),
        customer_unknown.then(|| format!("customer {} is not known", row.customer)),
        network
            .filter(|_| network_unknown)
            .map(|network| format!("network {network} is not known")),
    ];
    let reasons: Vec<String> = reasons.into_iter().flatten().collect();
    // Of a SIM that is known already the other numbers are its own: one reason is enough.
    Ok(if iccid_known { reasons[..1].join("; ") } else { reasons.join("; ") })
}
