//! SIM imports: rows land piece by piece and become visible in one moment, or leave again.
//!
//! Invariant: at most one import is under way. Rows of an import that has not landed exist for no query of a caller; they
//! do hold their ICCID, IMSI and number. An import that died half-way out is finished off by the next one.

use std::collections::BTreeSet;

use jiff::Timestamp;
use provisor_domain::store::{BadRow, ImportId, ImportRow, Origin};
use provisor_domain::{Iccid, Imsi, Msisdn, NetworkCode, SealedKeys};
use secrecy::{ExposeSecret, SecretString};

use super::fault::{Fault, Result as Outcome};
use super::link::{Ask, params};
use super::tickets::sealed_keys;
use super::work::Work;
use super::{PostgresStore, audit, row, sql};

/// SIMs that are looked through, and perhaps deleted, in one transaction while an import leaves.
const LEAVING_SIMS: i64 = 5_000;

impl PostgresStore {
    /// Finishes off what earlier imports left, then begins a new one.
    pub(super) async fn import_begin(
        &self,
        file: String,
        origin: Origin,
        now: Timestamp,
    ) -> Outcome<ImportId> {
        for row in self.ask_one(sql::SIM_IMPORT_BEGIN_DEAD, vec![]).await? {
            self.import_abandon(ImportId(row::get(&row, 0)?)).await?;
        }
        let mut work = self.work().await?;
        let begin = Ask::new(sql::SIM_IMPORT_BEGIN, params![file.clone(), now.as_millisecond()]);
        let begun = work.go(&[begin.or_say("another import began just now: try again")]).await?;
        let id: i64 = match begun.first() {
            Some(answer) => row::get(answer.one()?, 0)?,
            None => return Err(Fault::broken("an import without a key")),
        };
        let line = audit::add((&origin, now), "sim_import.begin", format!("import:{id}"), &file);
        work.commit_with(&[line]).await?;
        Ok(ImportId(id))
    }

    /// Lands rows; answers those that cannot.
    pub(super) async fn import_rows(
        &self,
        import: ImportId,
        rows: &[ImportRow],
    ) -> Outcome<Vec<BadRow>> {
        let mut work = self.work().await?;
        let landing = work.one(sql::SIM_IMPORT_ROWS_STATE, params![import.0]).await?;
        match landing.rows.first() {
            Some(row) if row::get(row, 0)? => {}
            _ => return Err(taken_back()),
        }
        let landed = work.go(&[sims(import, rows)]).await?;
        let landed = landed.iter().flat_map(|answer| &answer.rows);
        let mut landed: BTreeSet<String> =
            landed.map(|row| row::get(row, 0)).collect::<Outcome<_>>()?;
        // Of rows with the same ICCID the first one landed.
        let (good, bad): (Vec<_>, Vec<_>) =
            rows.iter().partition(|row| landed.remove(row.iccid.as_str()));
        let mut refused = Vec::with_capacity(bad.len());
        for row in bad {
            refused.push(BadRow { line: row.line, reason: why(&mut work, row).await? });
        }
        work.commit_with(&[keys(&good)]).await?;
        Ok(refused)
    }

    /// A SIM with keys, and those.
    pub(super) async fn import_sealed(&self) -> Outcome<Option<(Iccid, SealedKeys)>> {
        let rows = self.ask_one(sql::SIM_IMPORT_SEALED, vec![]).await?;
        let read = |row| Ok((row::text(row, 0)?, sealed_keys(row, 1)?));
        rows.first().map(read).transpose()
    }

    /// Makes an import visible.
    pub(super) async fn import_finish(&self, import: ImportId, now: Timestamp) -> Outcome<()> {
        let mut work = self.work().await?;
        let finish = params![import.0, now.as_millisecond()];
        if work.one(sql::SIM_IMPORT_FINISH, finish).await?.changed == 0 {
            return Err(taken_back());
        }
        work.commit().await
    }

    /// Takes back everything that an import landed.
    pub(super) async fn import_abandon(&self, import: ImportId) -> Outcome<()> {
        let mut work = self.work().await?;
        if work.one(sql::SIM_IMPORT_ABANDON_LEAVE, params![import.0]).await?.changed == 0 {
            return Ok(()); // It has landed, or is gone already.
        }
        work.commit().await?;
        let mut after = String::new();
        while let Some(end) = self.leave(import, &after).await? {
            after = end;
        }
        let done = Ask::new(sql::SIM_IMPORT_ABANDON_DONE, params![import.0]);
        self.work().await?.commit_with(&[done]).await.map(drop)
    }

    /// Deletes the import's rows in the next stretch of SIMs after `after`; answers the stretch's end.
    async fn leave(&self, import: ImportId, after: &str) -> Outcome<Option<String>> {
        let mut work = self.work().await?;
        let step = params![after.to_owned(), LEAVING_SIMS];
        let end: Option<String> =
            row::get(work.one(sql::SIM_IMPORT_ABANDON_STEP, step).await?.one()?, 0)?;
        let Some(end) = end else { return Ok(None) };
        let delete = |sql| Ask::new(sql, params![after.to_owned(), end.clone(), import.0]);
        let all = [sql::SIM_IMPORT_ABANDON_KEYS, sql::SIM_IMPORT_ABANDON_SIMS].map(delete);
        work.commit_with(&all).await?;
        Ok(Some(end))
    }
}

fn taken_back() -> Fault {
    Fault::conflict("this import was taken back, because another one began: start it again")
}

fn sims(import: ImportId, rows: &[ImportRow]) -> Ask {
    fn all<T>(rows: &[ImportRow], of: impl Fn(&ImportRow) -> T) -> Vec<T> {
        rows.iter().map(of).collect()
    }
    let columns = params![
        all(rows, |row| row.iccid.to_string()),
        all(rows, |row| row.imsi.as_ref().map(Imsi::to_string)),
        all(rows, |row| row.msisdn.as_ref().map(Msisdn::to_string)),
        all(rows, |row| row.customer.to_string()),
        all(rows, |row| row.network.as_ref().map(NetworkCode::to_string)),
        import.0,
    ];
    Ask::new(sql::SIM_IMPORT_ROWS_SIM, columns)
}

/// What is secret or rare about the rows that landed.
fn keys(rows: &[&ImportRow]) -> Ask {
    let exposed = |secret: &Option<SecretString>| {
        secret.as_ref().map(|secret| secret.expose_secret().to_owned())
    };
    let (mut iccids, mut kis, mut opcs, mut eids) = (vec![], vec![], vec![], vec![]);
    for row in rows {
        let keys = &row.keys;
        if keys.ki_sealed.is_some() || keys.opc_sealed.is_some() || keys.eid.is_some() {
            iccids.push(row.iccid.to_string());
            kis.push(exposed(&keys.ki_sealed));
            opcs.push(exposed(&keys.opc_sealed));
            eids.push(keys.eid.clone());
        }
    }
    Ask::new(sql::SIM_IMPORT_ROWS_KEY, params![iccids, kis, opcs, eids])
}

/// Why a row was refused.
async fn why(work: &mut Work, row: &ImportRow) -> Outcome<String> {
    let (imsi, msisdn) = (row.imsi.as_ref(), row.msisdn.as_ref());
    let network = row.network.as_ref();
    let asked = params![
        row.iccid.to_string(),
        imsi.map(Imsi::to_string),
        msisdn.map(Msisdn::to_string),
        row.customer.to_string(),
        network.map(NetworkCode::to_string),
    ];
    let answer = work.one(sql::SIM_IMPORT_ROWS_WHY, asked).await?;
    let found = answer.one()?;
    let is = |at| row::get::<bool>(found, at);
    let [iccid_known, imsi_known, msisdn_known] = [is(0)?, is(1)?, is(2)?];
    let [customer_unknown, network_unknown] = [is(3)?, is(4)?];
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
