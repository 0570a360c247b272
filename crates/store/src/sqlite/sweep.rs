//! Checks of networks: what is to be compared next, and what was found.
//!
//! Invariant: a walk moves on in the transaction that writes its slice down, so whatever is behind a walk has been
//! checked, is being checked, or is in a slice that somebody claims again.

use jiff::Timestamp;
use provisor_domain::drift::Drift;
use provisor_domain::limits::SLICE_TRIES_MAX;
use provisor_domain::plan::Asked;
use provisor_domain::store::{
    CheckPage, Checked, DriftStat, Finding, Place, Slice, SliceId, Standing, SweepAsk, Swept, Walk,
};
use provisor_domain::ticket::Subject;
use provisor_domain::{Iccid, NetworkCode, TicketId};
use rusqlite::{Connection, Row, params};

use super::fault::{Fault, Result};
use super::{row, sql};
use crate::walk::{At, Times, add_sims, end, is_served};

pub(super) fn claim(connection: &Connection, ask: &SweepAsk) -> Result<Swept> {
    let times = Times::of(ask, ask.now.as_millisecond());
    if let Some(slice) = left_behind(connection, ask, &times)? {
        return Ok(Swept::Slice(slice));
    }
    let key = params![ask.network.as_str(), ask.walk.as_str()];
    let begin = params![ask.network.as_str(), ask.walk.as_str(), times.first(ask.walk)];
    connection.prepare_cached(sql::SWEEP_CLAIM_BEGIN)?.execute(begin)?;
    let at = connection.prepare_cached(sql::SWEEP_CLAIM_AT)?.query_row(key, |row| {
        let place = Place { major: row.get(0)?, minor: row.get(1)? };
        Ok(At { place, lap: row.get(2)?, due: row.get(3)? })
    })?;
    if at.due > times.now {
        return nothing(at.due);
    }
    if ask.walk == Walk::Drift {
        return drifts(connection, ask, &times, at);
    }
    let start = times.start(ask.walk, at.place);
    let to = end(ask.walk, times.to);
    let found = page(connection, (&ask.network, ask.walk), start, to, ask.take)?;
    let Some(last) = found.last else {
        let after = times.rested(ask.walk, at);
        move_on(connection, ask, after)?;
        return nothing(after.due);
    };
    let id = connection.prepare_cached(sql::SWEEP_CLAIM_SLICE)?.query_row(
        params![
            ask.network.as_str(),
            ask.walk.as_str(),
            start.major,
            start.minor,
            last.major,
            last.minor,
            times.lease_end
        ],
        |row| row.get(0),
    )?;
    move_on(connection, ask, times.after((start, last), found.standings.len(), at))?;
    Ok(Swept::Slice(Slice { id: Some(SliceId(id)), standings: found.standings }))
}

fn nothing(until: i64) -> Result<Swept> {
    let until = Timestamp::from_millisecond(until)
        .map_err(|error| Fault::broken(format!("a sweep is due at no time: {error}")))?;
    Ok(Swept::Nothing { until })
}

fn move_on(connection: &Connection, ask: &SweepAsk, at: At) -> Result<()> {
    connection.prepare_cached(sql::SWEEP_CLAIM_MOVE)?.execute(params![
        ask.network.as_str(),
        ask.walk.as_str(),
        at.place.major,
        at.place.minor,
        at.lap,
        at.due
    ])?;
    Ok(())
}

/// Takes over what another node did not settle, and tickets that are to be looked at again.
fn left_behind(connection: &Connection, ask: &SweepAsk, times: &Times) -> Result<Option<Slice>> {
    loop {
        let mut statement = connection.prepare_cached(sql::SWEEP_CLAIM_LAPSED)?;
        let mut rows =
            statement.query(params![ask.network.as_str(), times.now, times.lease_end])?;
        let Some(found) = rows.next()? else { return Ok(None) };
        let id: i64 = found.get(0)?;
        let walk: String = found.get(1)?;
        let start = Place { major: found.get(2)?, minor: found.get(3)? };
        let to = Place { major: found.get(4)?, minor: found.get(5)? };
        let tries: u32 = found.get(6)?;
        drop(rows);
        if tries > SLICE_TRIES_MAX {
            remove(connection, SliceId(id))?;
            continue;
        }
        let standings = match Walk::ALL.into_iter().find(|known| known.as_str() == walk) {
            Some(walk) => page(connection, (&ask.network, walk), start, to, usize::MAX)?.standings,
            None => ticket(connection, start.major)?,
        };
        return Ok(Some(Slice { id: Some(SliceId(id)), standings }));
    }
}

/// Drifts on record that were not seen for a while.
fn drifts(connection: &Connection, ask: &SweepAsk, times: &Times, at: At) -> Result<Swept> {
    let mut statement = connection.prepare_cached(sql::SWEEP_CLAIM_DRIFT)?;
    let mut rows = statement.query(params![
        ask.network.as_str(),
        times.to,
        times.now,
        i64::try_from(ask.take).unwrap_or(i64::MAX)
    ])?;
    let mut iccids = Vec::new();
    while let Some(found) = rows.next()? {
        iccids.push(row::text(found, 0)?);
    }
    if iccids.is_empty() {
        let after = times.rested(ask.walk, at);
        move_on(connection, ask, after)?;
        return nothing(after.due);
    }
    move_on(connection, ask, At { due: times.paused(iccids.len()), ..at })?;
    Ok(Swept::Slice(Slice { id: None, standings: standings(connection, iccids)? }))
}

/// What a walk comes by after `after`, up to `to`.
pub(super) fn page(
    connection: &Connection,
    (network, walk): (&NetworkCode, Walk),
    after: Place,
    to: Place,
    take: usize,
) -> Result<CheckPage> {
    match walk {
        Walk::Live => live(connection, network, (after.major, to.major), take),
        Walk::Soon => ended(connection, network, (after, to), take),
        Walk::Late => {
            let mut page = ended(connection, network, (after, to), take)?;
            page.standings.retain(|standing| !is_served(network, standing));
            Ok(page)
        }
        Walk::Drift => Ok(CheckPage::default()),
    }
}

fn live(
    connection: &Connection,
    network: &NetworkCode,
    (after, to): (i64, i64),
    take: usize,
) -> Result<CheckPage> {
    let mut statement = connection.prepare_cached(sql::CHECK_PAGE_LIVE)?;
    let take = i64::try_from(take).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![network.as_str(), after, to, take])?;
    let mut page = CheckPage::default();
    while let Some(found) = rows.next()? {
        let standing = read(found)?;
        let code = standing.service.as_ref().map_or(0, |service| service.code.number());
        page.last = Some(Place { major: code, minor: 0 });
        page.standings.push(standing);
    }
    Ok(page)
}

fn ended(
    connection: &Connection,
    network: &NetworkCode,
    (after, to): (Place, Place),
    take: usize,
) -> Result<CheckPage> {
    let mut statement = connection.prepare_cached(sql::CHECK_PAGE_ENDED)?;
    let take = i64::try_from(take).unwrap_or(i64::MAX);
    let asked = params![network.as_str(), after.major, after.minor, to.major, to.minor, take];
    let mut rows = statement.query(asked)?;
    let (mut last, mut iccids) = (None, Vec::new());
    while let Some(found) = rows.next()? {
        last = Some(Place { major: found.get(0)?, minor: found.get(1)? });
        add_sims(&mut iccids, &row::json::<Vec<String>>(found, 2)?);
    }
    Ok(CheckPage { standings: standings(connection, iccids)?, last })
}

/// The SIMs of one ticket.
fn ticket(connection: &Connection, id: i64) -> Result<Vec<Standing>> {
    let mut statement = connection.prepare_cached(sql::CHECK_PAGE_TICKET)?;
    let mut rows = statement.query([id])?;
    let mut iccids = Vec::new();
    if let Some(found) = rows.next()? {
        add_sims(&mut iccids, &row::json::<Vec<String>>(found, 0)?);
    }
    standings(connection, iccids)
}

fn standings(connection: &Connection, iccids: Vec<Iccid>) -> Result<Vec<Standing>> {
    let mut statement = connection.prepare_cached(sql::CHECK_PAGE_SIM)?;
    let mut found = Vec::with_capacity(iccids.len());
    for iccid in iccids {
        let mut rows = statement.query([iccid.as_str()])?;
        found.extend(rows.next()?.map(read).transpose()?);
    }
    Ok(found)
}

fn read(found: &Row<'_>) -> Result<Standing> {
    Ok(Standing {
        sim: row::sim(found, 0)?,
        service: row::service_or_none(found, row::SIM_COLUMNS)?,
        open_ticket: row::ticket_id_or_none(found, row::SIM_COLUMNS + row::SERVICE_COLUMNS)?,
    })
}

fn remove(connection: &Connection, slice: SliceId) -> Result<()> {
    connection.prepare_cached(sql::SWEEP_SETTLE_SLICE)?.execute([slice.0])?;
    Ok(())
}

/// Writes down what was found; answers the drifts of what was checked.
pub(super) fn settle(
    connection: &Connection,
    network: &NetworkCode,
    slice: Option<SliceId>,
    checked: &[Checked],
    now: Timestamp,
) -> Result<Vec<Drift>> {
    let mut drifts = Vec::new();
    for one in checked {
        match &one.finding {
            Finding::AsWanted => {
                let key = params![network.as_str(), one.iccid.as_str()];
                connection.prepare_cached(sql::SWEEP_SETTLE_OVER)?.execute(key)?;
            }
            Finding::Differs { kind, found, what } => {
                connection.prepare_cached(sql::SWEEP_SETTLE_DRIFT)?.execute(params![
                    network.as_str(),
                    one.iccid.as_str(),
                    one.version,
                    kind.as_str(),
                    found.as_str(),
                    what,
                    now.as_millisecond(),
                    Subject::Sim(one.iccid.clone()).key(),
                ])?;
                let mut statement = connection.prepare_cached(sql::SWEEP_SETTLE_FOUND)?;
                let mut rows = statement.query(params![network.as_str(), one.iccid.as_str()])?;
                drifts.extend(rows.next()?.map(drift).transpose()?);
            }
        }
    }
    if let Some(slice) = slice {
        remove(connection, slice)?;
    }
    Ok(drifts)
}

fn drift(found: &Row<'_>) -> Result<Drift> {
    Ok(Drift {
        network: row::text(found, 0)?,
        iccid: row::text(found, 1)?,
        customer: row::text(found, 2)?,
        service: row::service_code_or_none(found, 3)?,
        kind: row::text(found, 4)?,
        found: row::text(found, 5)?,
        what: found.get(6)?,
        since: row::moment(found, 7)?,
        seen: row::moment(found, 8)?,
        ticket: row::ticket_id_or_none(found, 9)?,
        repairs: found.get(10)?,
    })
}

pub(super) fn again(
    connection: &Connection,
    network: &NetworkCode,
    tickets: &[TicketId],
    due: Timestamp,
) -> Result<()> {
    let mut statement = connection.prepare_cached(sql::SWEEP_AGAIN)?;
    for ticket in tickets {
        statement.execute(params![network.as_str(), ticket.number(), due.as_millisecond()])?;
    }
    Ok(())
}

pub(super) fn size(connection: &Connection, network: &NetworkCode) -> Result<u64> {
    let mut statement = connection.prepare_cached(sql::SWEEP_SIZE)?;
    Ok(statement.query_row([network.as_str()], |row| row.get(0))?)
}

pub(super) fn asked(connection: &Connection, iccid: &Iccid, limit: usize) -> Result<Vec<Asked>> {
    let mut statement = connection.prepare_cached(sql::SIM_ASKED)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![iccid.as_str(), limit])?;
    let mut asked = Vec::new();
    while let Some(found) = rows.next()? {
        // A newer program's order may not be readable here.
        if let Ok(order) = row::json(found, 0) {
            let cli = row::text_or_none(found, 2)?;
            asked.push(Asked { order, state: row::text(found, 1)?, cli });
        }
    }
    Ok(asked)
}

pub(super) fn drift_list(
    connection: &Connection,
    network: Option<&NetworkCode>,
    limit: usize,
) -> Result<Vec<Drift>> {
    let mut statement = connection.prepare_cached(sql::DRIFT_LIST)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![network.map(NetworkCode::as_str), limit])?;
    let mut drifts = Vec::new();
    while let Some(found) = rows.next()? {
        drifts.push(drift(found)?);
    }
    Ok(drifts)
}

pub(super) fn drift_stats(connection: &Connection) -> Result<Vec<DriftStat>> {
    let mut statement = connection.prepare_cached(sql::DRIFT_STATS)?;
    let mut rows = statement.query([])?;
    let mut stats = Vec::new();
    while let Some(found) = rows.next()? {
        stats.push(DriftStat {
            network: row::text(found, 0)?,
            kind: row::text(found, 1)?,
            count: found.get(2)?,
        });
    }
    Ok(stats)
}

pub(super) fn drift_repaired(
    connection: &Connection,
    network: &NetworkCode,
    iccid: &Iccid,
    ticket: TicketId,
) -> Result<()> {
    let mut statement = connection.prepare_cached(sql::DRIFT_REPAIRED)?;
    statement.execute(params![network.as_str(), iccid.as_str(), ticket.number()])?;
    Ok(())
}
