//! Checks of networks: what is to be compared next, and what was found.
//!
//! Invariant: a walk moves on in the transaction that writes its slice down, so whatever is behind a walk has been
//! checked, is being checked, or is in a slice that somebody claims again. A walk's row is locked while it moves.

use jiff::Timestamp;
use provisor_domain::drift::Drift;
use provisor_domain::limits::SLICE_TRIES_MAX;
use provisor_domain::plan::Asked;
use provisor_domain::store::{
    CheckPage, Checked, DriftStat, Finding, Place, Slice, SliceId, Standing, SweepAsk, Swept, Walk,
};
use provisor_domain::ticket::Subject;
use provisor_domain::{Iccid, NetworkCode};
use tokio_postgres::Row;

use super::fault::{Fault, Result};
use super::link::{Ask, Param, params};
use super::work::Work;
use super::{LeaseClock, PostgresStore, row, sql};
use crate::walk::{At, Times, add_sims, end, is_served};

pub(super) async fn claim(mut work: Work, ask: &SweepAsk, clock: LeaseClock) -> Result<Swept> {
    let now = match clock {
        LeaseClock::Caller => ask.now.as_millisecond(),
        LeaseClock::Database => row::get(work.one(sql::CLOCK, vec![]).await?.one()?, 0)?,
    };
    let times = Times::of(ask, now);
    if let Some(slice) = left_behind(&mut work, ask, &times).await? {
        work.commit().await?;
        return Ok(Swept::Slice(slice));
    }
    let begin = params![ask.network.to_string(), ask.walk.as_str(), times.first(ask.walk)];
    work.one(sql::SWEEP_CLAIM_BEGIN, begin).await?;
    let key = params![ask.network.to_string(), ask.walk.as_str()];
    let at = work.one(sql::SWEEP_CLAIM_AT, key).await?;
    let at = read_at(at.one()?)?;
    if at.due > times.now {
        work.commit().await?;
        return nothing(at.due);
    }
    if ask.walk == Walk::Drift {
        return drifts(work, ask, &times, at).await;
    }
    let start = times.start(ask.walk, at.place);
    let to = end(ask.walk, times.to);
    let mut asker = Asker::Work(&mut work);
    let found = page(&mut asker, (&ask.network, ask.walk), (start, to), ask.take).await?;
    let Some(last) = found.last else {
        let after = times.rested(ask.walk, at);
        work.commit_with(&[move_on(ask, after)]).await?;
        return nothing(after.due);
    };
    let slice = params![
        ask.network.to_string(),
        ask.walk.as_str(),
        start.major,
        start.minor,
        last.major,
        last.minor,
        times.lease_end
    ];
    let id = row::get(work.one(sql::SWEEP_CLAIM_SLICE, slice).await?.one()?, 0)?;
    let after = times.after((start, last), found.standings.len(), at);
    work.commit_with(&[move_on(ask, after)]).await?;
    Ok(Swept::Slice(Slice { id: Some(SliceId(id)), standings: found.standings }))
}

fn read_at(row: &Row) -> Result<At> {
    let place = Place { major: row::get(row, 0)?, minor: row::get(row, 1)? };
    Ok(At { place, lap: row::get(row, 2)?, due: row::get(row, 3)? })
}

fn nothing(until: i64) -> Result<Swept> {
    let until = Timestamp::from_millisecond(until)
        .map_err(|error| Fault::broken(format!("a sweep is due at no time: {error}")))?;
    Ok(Swept::Nothing { until })
}

fn move_on(ask: &SweepAsk, at: At) -> Ask {
    let moved = params![
        ask.network.to_string(),
        ask.walk.as_str(),
        at.place.major,
        at.place.minor,
        at.lap,
        at.due
    ];
    Ask::new(sql::SWEEP_CLAIM_MOVE, moved)
}

/// Takes over what another node did not settle, and tickets that are to be looked at again.
async fn left_behind(work: &mut Work, ask: &SweepAsk, times: &Times) -> Result<Option<Slice>> {
    loop {
        let asked = params![ask.network.to_string(), times.now, times.lease_end];
        let answer = work.one(sql::SWEEP_CLAIM_LAPSED, asked).await?;
        let Some(found) = answer.rows.first() else { return Ok(None) };
        let id = SliceId(row::get(found, 0)?);
        let walk: &str = row::get(found, 1)?;
        let start = Place { major: row::get(found, 2)?, minor: row::get(found, 3)? };
        let to = Place { major: row::get(found, 4)?, minor: row::get(found, 5)? };
        let tries: u32 = row::count(found, 6)?;
        if tries > SLICE_TRIES_MAX {
            work.one(sql::SWEEP_SETTLE_SLICE, params![id.0]).await?;
            continue;
        }
        let mut asker = Asker::Work(work);
        let standings = match Walk::ALL.into_iter().find(|known| known.as_str() == walk) {
            Some(walk) => {
                let of = (&ask.network, walk);
                page(&mut asker, of, (start, to), usize::MAX).await?.standings
            }
            None => ticket(&mut asker, start.major).await?,
        };
        return Ok(Some(Slice { id: Some(id), standings }));
    }
}

/// Drifts on record that were not seen for a while.
async fn drifts(mut work: Work, ask: &SweepAsk, times: &Times, at: At) -> Result<Swept> {
    let take = row::number(ask.take);
    let asked = params![ask.network.to_string(), times.to, times.now, take];
    let answer = work.one(sql::SWEEP_CLAIM_DRIFT, asked).await?;
    let iccids: Vec<String> =
        answer.rows.iter().map(|row| row::get(row, 0)).collect::<Result<_>>()?;
    if iccids.is_empty() {
        let after = times.rested(ask.walk, at);
        work.commit_with(&[move_on(ask, after)]).await?;
        return nothing(after.due);
    }
    let due = times.paused(iccids.len());
    let standings = standings(&mut Asker::Work(&mut work), iccids).await?;
    work.commit_with(&[move_on(ask, At { due, ..at })]).await?;
    Ok(Swept::Slice(Slice { id: None, standings }))
}

/// Whoever asks: a transaction, or somebody who only reads.
pub(super) enum Asker<'a> {
    Work(&'a mut Work),
    Reader(&'a PostgresStore),
}

impl Asker<'_> {
    async fn rows(&mut self, sql: &'static str, params: Vec<Param>) -> Result<Vec<Row>> {
        match self {
            Self::Work(work) => Ok(work.one(sql, params).await?.rows),
            Self::Reader(store) => store.ask_one(sql, params).await,
        }
    }
}

/// What a walk comes by between two places.
pub(super) async fn page(
    asker: &mut Asker<'_>,
    (network, walk): (&NetworkCode, Walk),
    range: (Place, Place),
    take: usize,
) -> Result<CheckPage> {
    match walk {
        Walk::Live => live(asker, network, range, take).await,
        Walk::Soon => ended(asker, network, range, take).await,
        Walk::Late => {
            let mut page = ended(asker, network, range, take).await?;
            page.standings.retain(|standing| !is_served(network, standing));
            Ok(page)
        }
        Walk::Drift => Ok(CheckPage::default()),
    }
}

async fn live(
    asker: &mut Asker<'_>,
    network: &NetworkCode,
    (after, to): (Place, Place),
    take: usize,
) -> Result<CheckPage> {
    let asked = params![network.to_string(), after.major, to.major, row::number(take)];
    let rows = asker.rows(sql::CHECK_PAGE_LIVE, asked).await?;
    let standings: Vec<Standing> = rows.iter().map(read).collect::<Result<_>>()?;
    let last = standings.last().and_then(|standing| standing.service.as_ref());
    let last = last.map(|service| Place { major: service.code.number(), minor: 0 });
    Ok(CheckPage { standings, last })
}

async fn ended(
    asker: &mut Asker<'_>,
    network: &NetworkCode,
    (after, to): (Place, Place),
    take: usize,
) -> Result<CheckPage> {
    let take = row::number(take);
    let asked = params![network.to_string(), after.major, after.minor, to.major, to.minor, take];
    let rows = asker.rows(sql::CHECK_PAGE_ENDED, asked).await?;
    let (mut last, mut iccids) = (None, Vec::new());
    for found in &rows {
        last = Some(Place { major: row::get(found, 0)?, minor: row::get(found, 1)? });
        add_sims(&mut iccids, &row::get::<Vec<String>>(found, 2)?);
    }
    let iccids = iccids.iter().map(Iccid::to_string).collect();
    Ok(CheckPage { standings: standings(asker, iccids).await?, last })
}

/// The SIMs of one ticket.
async fn ticket(asker: &mut Asker<'_>, id: i64) -> Result<Vec<Standing>> {
    let rows = asker.rows(sql::CHECK_PAGE_TICKET, params![id]).await?;
    let mut iccids = Vec::new();
    if let Some(found) = rows.first() {
        add_sims(&mut iccids, &row::get::<Vec<String>>(found, 0)?);
    }
    standings(asker, iccids.iter().map(Iccid::to_string).collect()).await
}

async fn standings(asker: &mut Asker<'_>, iccids: Vec<String>) -> Result<Vec<Standing>> {
    if iccids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = asker.rows(sql::CHECK_PAGE_SIM, params![iccids]).await?;
    rows.iter().map(read).collect()
}

fn read(found: &Row) -> Result<Standing> {
    Ok(Standing {
        sim: row::sim(found, 0)?,
        service: row::service_or_none(found, row::SIM_COLUMNS)?,
        open_ticket: row::ticket_id_or_none(found, row::SIM_COLUMNS + row::SERVICE_COLUMNS)?,
    })
}

/// Writes down what was found; answers the drifts of what was checked.
pub(super) async fn settle(
    mut work: Work,
    network: &NetworkCode,
    slice: Option<SliceId>,
    checked: &[Checked],
    now: Timestamp,
) -> Result<Vec<Drift>> {
    let mut asks = Vec::with_capacity(checked.len() + 1);
    let mut differ = Vec::new();
    // In one order, so that two nodes never wait for each other.
    let mut checked: Vec<&Checked> = checked.iter().collect();
    checked.sort_by(|a, b| a.iccid.cmp(&b.iccid));
    for one in checked {
        let (network, iccid) = (network.to_string(), one.iccid.to_string());
        asks.push(match &one.finding {
            Finding::AsWanted => Ask::new(sql::SWEEP_SETTLE_OVER, params![network, iccid]),
            Finding::Differs { kind, found, what } => {
                differ.push(iccid.clone());
                let drift = params![
                    network,
                    iccid,
                    one.version,
                    kind.as_str(),
                    found.as_str(),
                    what.clone(),
                    now.as_millisecond(),
                    Subject::Sim(one.iccid.clone()).key(),
                ];
                Ask::new(sql::SWEEP_SETTLE_DRIFT, drift)
            }
        });
    }
    asks.extend(slice.map(|slice| Ask::new(sql::SWEEP_SETTLE_SLICE, params![slice.0])));
    asks.push(Ask::new(sql::SWEEP_SETTLE_FOUND, params![network.to_string(), differ]));
    let answers = work.go(&asks).await?;
    let drifts = answers.last().map(|found| found.rows.iter().map(drift).collect());
    work.commit().await?;
    drifts.unwrap_or_else(|| Ok(Vec::new()))
}

fn drift(found: &Row) -> Result<Drift> {
    Ok(Drift {
        network: row::text(found, 0)?,
        iccid: row::text(found, 1)?,
        customer: row::text(found, 2)?,
        service: row::service_code_or_none(found, 3)?,
        kind: row::text(found, 4)?,
        found: row::text(found, 5)?,
        what: row::get(found, 6)?,
        since: row::moment(found, 7)?,
        seen: row::moment(found, 8)?,
        ticket: row::ticket_id_or_none(found, 9)?,
        repairs: row::count(found, 10)?,
    })
}

impl PostgresStore {
    pub(super) async fn asked(&self, iccid: &Iccid, limit: usize) -> Result<Vec<Asked>> {
        let asked = params![iccid.to_string(), row::number(limit)];
        let rows = self.ask_one(sql::SIM_ASKED, asked).await?;
        let mut asked = Vec::with_capacity(rows.len());
        for found in &rows {
            // A newer program's order may not be readable here.
            if let Ok(order) = row::json(found, 0) {
                let cli = row::text_or_none(found, 2)?;
                asked.push(Asked { order, state: row::text(found, 1)?, cli });
            }
        }
        Ok(asked)
    }

    pub(super) async fn drifts(
        &self,
        network: Option<&NetworkCode>,
        limit: usize,
    ) -> Result<Vec<Drift>> {
        let asked = params![network.map(NetworkCode::to_string), row::number(limit)];
        self.ask_one(sql::DRIFT_LIST, asked).await?.iter().map(drift).collect()
    }

    pub(super) async fn drift_counts(&self) -> Result<Vec<DriftStat>> {
        let read = |found: &Row| {
            let (network, kind) = (row::text(found, 0)?, row::text(found, 1)?);
            Ok(DriftStat { network, kind, count: row::count(found, 2)? })
        };
        self.ask_one(sql::DRIFT_STATS, vec![]).await?.iter().map(read).collect()
    }
}
