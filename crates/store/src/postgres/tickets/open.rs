//! Opening tickets, a whole batch in a few statements.
//!
//! Tickets take their keys and subjects at once, in the same go as their numbers: the checks were made a moment ago, and
//! nearly all pass. The primary keys decide against other nodes. Only then the versions are believed, because from here on
//! nobody else changes them. What passed is written and committed in a second go.
//!
//! Who did not get all, or wants what an earlier one of the batch has got, is looked at once more: what does he have already (a
//! replayed key), who holds the subject, do the checks still hold? Almost always that answers him; when it does not, because
//! what he wants is free now, the transaction begins anew, this time with that look: he must not take it while the others
//! wait for what this one holds.
//!
//! Invariants: only a ticket that passed all of it stays written, and only such a one takes a number in its tenant's
//! relations, which have no gaps. Keys, subjects and counters are locked in this order, each kind once and in its own order:
//! batches that meet do not block each other for good.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use provisor_domain::TicketId;
use provisor_domain::store::{Idempotency, NewTicket, Opened};
use provisor_domain::ticket::Subject;
use tokio::time::timeout_at;
use tokio_postgres::Row;

use super::super::fault::{Fault, Result};
use super::super::gather::Gathered;
use super::super::line::Line;
use super::super::link::{Answer, Ask, Link, params};
use super::super::work::Work;
use super::super::{Shared, audit, row, sql};
use super::numbers::Tickets;
use super::opened::{KeyRows, RequestRows, SecretRows, TicketRows};

/// Most expired idempotency keys that are deleted with one new one.
const KEYS_FORGOTTEN_PER_KEY_MAX: usize = 4;
/// More rounds than any number of other nodes makes necessary.
const ROUNDS_MAX: usize = 16;
/// How long to find out whether a commit happened; the callers wait.
const UNKNOWN_MAX: Duration = Duration::from_secs(10);
/// Between two attempts at that.
const UNKNOWN_PAUSE: Duration = Duration::from_millis(100);

impl Gathered for NewTicket {
    type Answer = Opened;

    fn lines(shared: &Shared) -> &[Line] {
        &shared.openers
    }

    async fn together(shared: &Shared, line: &Line, all: &[Self]) -> Result<Vec<Opened>> {
        open(shared, line, all).await
    }
}

/// Opens tickets, each in its own right, in one transaction. Answers are in their order.
///
/// Where the connection breaks during the commit, it is found out whether that happened: the answer is true, or
/// [`Fault::Unknown`] when the database stays away for longer than anybody waits.
async fn open(shared: &Shared, line: &Line, tickets: &[NewTicket]) -> Result<Vec<Opened>> {
    let key = row::number(RandomState::new().build_hasher().finish() >> 1);
    let answers = vec![None; tickets.len()];
    let work = line.work().await?;
    let link = work.link();
    let mut batch = Batch { shared, line, link, tickets, key, answers, ids: Vec::new() };
    match batch.run(work).await {
        Ok(()) => {}
        Err(Fault::Unknown(reason)) => {
            if !batch.was_written(&reason).await? {
                return Err(Fault::unavailable("the connection broke before the commit"));
            }
        }
        Err(fault) => {
            batch.link.tickets_unused(batch.ids);
            return Err(fault);
        }
    }
    let answers = batch.answers.into_iter();
    answers.map(|answer| answer.ok_or_else(|| Fault::broken("a ticket without answer"))).collect()
}

struct Batch<'a> {
    shared: &'a Shared,
    line: &'a Line,
    /// What it is written on.
    link: Arc<Link>,
    tickets: &'a [NewTicket],
    /// Made for this call: its tickets carry it, and it is locked until the transaction has ended.
    key: i64,
    answers: Vec<Option<Opened>>,
    /// Numbers that were taken for tickets of this transaction.
    ids: Vec<TicketId>,
}

/// A ticket that is about to be opened: its place in the batch, and its number.
#[derive(Clone, Copy)]
struct Candidate {
    at: usize,
    id: TicketId,
}

impl Batch<'_> {
    async fn run(&mut self, mut work: Work) -> Result<()> {
        for round in 0..ROUNDS_MAX {
            let mut all: Vec<usize> = (0..self.tickets.len()).collect();
            if round > 0 {
                all = self.look(&mut work, all).await?;
            }
            let (first, mut again) = self.first_of_their_own(all);
            let (won, lost) = self.take(&mut work, first).await?;
            again.extend(lost.iter().map(|one| one.at));
            again.sort_unstable();
            self.give_up(&mut work, &lost).await?;
            for one in &won {
                self.answers[one.at] = Some(Opened::Ticket(one.id));
            }
            if self.look(&mut work, again).await?.is_empty() {
                if self.ids.is_empty() {
                    return self.nothing_written(work).await;
                }
                return work.commit_with(&self.writes(&won)?).await.map(drop);
            }
            self.begin_anew(&mut work).await?;
        }
        Err(Fault::unavailable("others were faster every time"))
    }

    /// What stood already was acknowledged to somebody, or nobody knows.
    async fn nothing_written(&mut self, work: Work) -> Result<()> {
        let replays = |answer: &Option<Opened>| matches!(answer, Some(Opened::Replayed(_)));
        if self.answers.iter().any(replays) { work.confirm().await } else { Ok(()) }
    }

    /// Forgets everything, and lets go of what was taken.
    async fn begin_anew(&mut self, work: &mut Work) -> Result<()> {
        work.start_over().await?;
        self.answers.fill(None);
        self.link.tickets_unused(self.ids.drain(..));
        Ok(())
    }

    /// Whether the transaction whose commit got no answer was committed, as durably as if it had got one. Waits for its end, on
    /// a server that does not know yet that nobody is there any more.
    async fn was_written(&self, reason: &str) -> Result<bool> {
        let end = Instant::now() + UNKNOWN_MAX;
        while Instant::now() < end {
            if let Ok(Ok(written)) = timeout_at(end.into(), self.look_it_up()).await {
                tracing::warn!(written, reason, "a commit got no answer and was looked up");
                return Ok(written);
            }
            tokio::time::sleep(UNKNOWN_PAUSE).await;
        }
        tracing::error!(reason, "whether a commit happened could not be found out");
        Err(Fault::Unknown(reason.to_owned()))
    }

    async fn look_it_up(&self) -> Result<bool> {
        let ids: Vec<i64> = self.ids.iter().map(|id| id.number()).collect();
        let mut work = self.line.work().await?;
        // Two statements: the second one sees what was committed while the first one waited.
        let turn = Ask::new(sql::TICKET_OPEN_TURN, params![self.key]);
        let written = Ask::new(sql::TICKET_OPEN_WRITTEN, params![ids, self.key]);
        let answers = work.go(&[turn, written]).await?;
        let found: i64 = match answers.get(1) {
            Some(answer) => row::get(answer.one()?, 0)?,
            None => 0,
        };
        if found > 0 {
            work.confirm().await?;
        }
        Ok(found > 0)
    }

    /// Those of which no two want the same key or subject, each the first one that wants it; and the others.
    fn first_of_their_own(&self, waiting: Vec<usize>) -> (Vec<usize>, Vec<usize>) {
        let (mut keys, mut subjects) = (HashSet::new(), HashSet::new());
        waiting.into_iter().partition(|at| {
            let ticket = &self.tickets[*at];
            let key = ticket.idempotency.as_ref().map(|key| (key.user, key.method, &key.key));
            let free = key.is_none_or(|key| !keys.contains(&key))
                && ticket.subjects.iter().all(|claim| !subjects.contains(&claim.subject));
            if free {
                keys.extend(key);
                subjects.extend(ticket.subjects.iter().map(|claim| &claim.subject));
            }
            free
        })
    }

    /// Answers those that are answered by what stands. The others may pass.
    async fn look(&mut self, work: &mut Work, waiting: Vec<usize>) -> Result<Vec<usize>> {
        let tickets = self.tickets;
        let keys: Vec<usize> =
            waiting.iter().copied().filter(|at| tickets[*at].idempotency.is_some()).collect();
        let of = keys
            .iter()
            .filter_map(|at| Some((tickets[*at].idempotency.as_ref()?, tickets[*at].raised)));
        let mut asks = Vec::new();
        asks.extend((!keys.is_empty()).then(|| remembered_ask(of)));
        let asked = Subjects::of(waiting.iter().map(|at| &tickets[*at]));
        asks.extend(asked.asks());
        let mut answers = work.go(&asks).await?.into_iter();
        let mut earlier = HashMap::new();
        if !keys.is_empty() {
            for found in answers.next().iter().flat_map(|answer| &answer.rows) {
                let place: usize = row::count(found, 0)?;
                let at = keys[place - 1];
                if let Some(key) = &tickets[at].idempotency {
                    earlier.insert(at, read_remembered(found, key)?);
                }
            }
        }
        let standing = asked.read(answers)?;
        let mut passed = Vec::new();
        for at in waiting {
            let answer =
                earlier.get(&at).copied().or_else(|| held_or_stale(&tickets[at], &standing));
            match answer {
                Some(_) => self.answers[at] = answer,
                None => passed.push(at),
            }
        }
        Ok(passed)
    }

    /// Takes numbers, keys and subjects; answers who got all of theirs while the checks still hold, and who did not.
    async fn take(
        &mut self,
        work: &mut Work,
        passed: Vec<usize>,
    ) -> Result<(Vec<Candidate>, Vec<Candidate>)> {
        if passed.is_empty() {
            return Ok((Vec::new(), Vec::new()));
        }
        let numbers = Tickets::of(&self.link, passed.len());
        self.ids.extend(&numbers.kept);
        let mut asks = vec![numbers.ask(Some(self.key))];
        let (keys, subjects) = self.wanted(&passed)?;
        let keyed = keys.is_some();
        asks.extend(keys);
        asks.push(subjects);
        let asked = Subjects::of(passed.iter().map(|at| &self.tickets[*at]));
        asks.extend(asked.asks());
        let mut answers = work.go(&asks).await?.into_iter();
        let mut next = || answers.next().ok_or_else(|| Fault::broken("no answer"));
        let ids = Tickets::read(&next()?)?;
        self.ids.extend(&ids[numbers.kept.len()..]);
        let keyed_rows = if keyed { next()?.rows } else { Vec::new() };
        let kept: HashSet<i64> =
            keyed_rows.iter().map(|row| row::get(row, 0)).collect::<Result<_>>()?;
        let locked: HashSet<String> =
            next()?.rows.iter().map(|row| row::get(row, 0)).collect::<Result<_>>()?;
        let standing = asked.read(answers)?;
        let candidates = passed.into_iter().zip(ids).map(|(at, id)| Candidate { at, id });
        Ok(candidates.partition(|one| {
            let ticket = &self.tickets[one.at];
            (ticket.idempotency.is_none() || kept.contains(&one.id.number()))
                && ticket.subjects.iter().all(|claim| {
                    locked.contains(&claim.subject.key())
                        && version(&claim.subject, &standing) == Some(claim.version)
                })
        }))
    }

    /// What takes the keys of these tickets, if they have any, and their subjects.
    fn wanted(&self, passed: &[usize]) -> Result<(Option<Ask>, Ask)> {
        let (mut keys, mut subjects, mut places) = (KeyRows::default(), Vec::new(), Vec::new());
        for (at, place) in passed.iter().zip(1..) {
            let ticket = &self.tickets[*at];
            if let Some(key) = &ticket.idempotency {
                keys.add(key, place, ticket.raised)?;
            }
            for claim in &ticket.subjects {
                subjects.push(claim.subject.key());
                places.push(row::number(place));
            }
        }
        let keyed = !keys.is_empty();
        Ok((keyed.then(|| keys.ask()), Ask::new(sql::TICKET_OPEN_LOCK, params![subjects, places])))
    }

    /// Gives back what those who lost have taken.
    async fn give_up(&mut self, work: &mut Work, lost: &[Candidate]) -> Result<()> {
        if lost.is_empty() {
            return Ok(());
        }
        let (mut subjects, mut ids) = (Vec::new(), Vec::new());
        let (mut users, mut methods, mut keys) = (Vec::new(), Vec::new(), Vec::new());
        for one in lost {
            let ticket = &self.tickets[one.at];
            ids.push(one.id.number());
            subjects.extend(ticket.subjects.iter().map(|claim| claim.subject.key()));
            if let Some(key) = &ticket.idempotency {
                users.push(key.user.0);
                methods.push(key.method);
                keys.push(key.key.clone());
            }
        }
        let taken = params![subjects, ids, users, methods, keys];
        work.one(sql::TICKET_OPEN_TAKE_BACK, taken).await?;
        let lost: HashSet<TicketId> = lost.iter().map(|one| one.id).collect();
        self.ids.retain(|id| !lost.contains(id));
        self.link.tickets_unused(lost);
        Ok(())
    }

    /// What writes the tickets that won.
    fn writes(&self, won: &[Candidate]) -> Result<Vec<Ask>> {
        if won.is_empty() {
            return Ok(Vec::new());
        }
        let mut rows = TicketRows::default();
        let (mut secrets, mut requests) = (SecretRows::default(), RequestRows::default());
        let (mut lines, mut keys, mut expired) = (audit::Lines::default(), 0, i64::MIN);
        for Candidate { at, id } in won.iter().copied() {
            let new = &self.tickets[at];
            rows.add(id, new, self.shared.due(new.raised))?;
            secrets.add(id, new);
            requests.add(id, new);
            if new.idempotency.is_some() {
                keys += KEYS_FORGOTTEN_PER_KEY_MAX;
                expired = expired.max(new.raised.as_millisecond());
            }
            let by = (&new.origin, new.raised);
            lines.add(by, "ticket.open", format!("ticket:{id}"), new.order.kind().as_str());
        }
        let mut asks: Vec<Ask> = rows.asks(self.key).into();
        asks.extend(secrets.ask());
        asks.extend(requests.ask());
        if keys > 0 {
            asks.push(Ask::new(sql::TICKET_OPEN_FORGET, params![expired, row::number(keys)]));
        }
        asks.push(lines.ask());
        Ok(asks)
    }
}

/// What stands of each subject: who holds it, and its version.
type Standing = HashMap<String, (Option<TicketId>, Option<i64>)>;

/// Subjects that are asked about together.
#[derive(Default)]
struct Subjects {
    sims: Vec<String>,
    iccids: Vec<String>,
    portals: Vec<String>,
    tenants: Vec<String>,
    customers: Vec<String>,
}

impl Subjects {
    fn of<'t>(tickets: impl Iterator<Item = &'t NewTicket>) -> Self {
        let mut asked = Self::default();
        for claim in tickets.flat_map(|ticket| &ticket.subjects) {
            match &claim.subject {
                Subject::Sim(iccid) => {
                    asked.sims.push(claim.subject.key());
                    asked.iccids.push(iccid.to_string());
                }
                Subject::Portal(id) => {
                    asked.portals.push(claim.subject.key());
                    asked.tenants.push(id.tenant.to_string());
                    asked.customers.push(id.customer.to_string());
                }
            }
        }
        asked
    }

    fn asks(&self) -> Vec<Ask> {
        let mut asks = Vec::new();
        if !self.sims.is_empty() {
            let sims = params![self.sims.clone(), self.iccids.clone()];
            asks.push(Ask::new(sql::TICKET_OPEN_SUBJECT, sims));
        }
        if !self.portals.is_empty() {
            let portals =
                params![self.portals.clone(), self.tenants.clone(), self.customers.clone()];
            asks.push(Ask::new(sql::TICKET_OPEN_PORTAL, portals));
        }
        asks
    }

    /// Reads the answers to [`Self::asks`], which are in the order asked.
    fn read(self, mut answers: impl Iterator<Item = Answer>) -> Result<Standing> {
        let mut standing = Standing::new();
        for keys in [self.sims, self.portals] {
            if keys.is_empty() {
                continue;
            }
            let rows = answers.next().map(|answer| answer.rows).unwrap_or_default();
            for (key, row) in keys.into_iter().zip(&rows) {
                let holder = row::ticket_id_or_none(row, 0)?;
                standing.insert(key, (holder, row::get(row, 1)?));
            }
        }
        Ok(standing)
    }
}

fn version(subject: &Subject, standing: &Standing) -> Option<i64> {
    let (_, version) = standing.get(&subject.key())?;
    match subject {
        Subject::Sim(_) => *version,
        // One that does not exist yet may be opened for: its first enable creates it.
        Subject::Portal(_) => Some(version.unwrap_or(0)),
    }
}

/// The ticket that holds a subject; else whether a subject has moved on.
fn held_or_stale(new: &NewTicket, standing: &Standing) -> Option<Opened> {
    let mut stale = false;
    for claim in &new.subjects {
        let (holder, _) = standing.get(&claim.subject.key()).copied().unwrap_or_default();
        if let Some(holder) = holder {
            return Some(Opened::Busy(holder));
        }
        stale |= version(&claim.subject, standing) != Some(claim.version);
    }
    stale.then_some(Opened::Stale)
}

fn remembered_ask<'k>(keys: impl Iterator<Item = (&'k Idempotency, Timestamp)>) -> Ask {
    let (mut users, mut methods, mut names, mut at) = (vec![], vec![], vec![], vec![]);
    for (key, raised) in keys {
        users.push(key.user.0);
        methods.push(key.method);
        names.push(key.key.clone());
        at.push(raised.as_millisecond());
    }
    Ask::new(sql::TICKET_OPEN_REMEMBERED, params![users, methods, names, at])
}

/// A key that stands for something: its place, its fingerprint, its ticket.
fn read_remembered(row: &Row, key: &Idempotency) -> Result<Opened> {
    if row::bytes(row, 1)? != key.fingerprint {
        return Ok(Opened::KeyReused);
    }
    Ok(Opened::Replayed(row::ticket_id(row, 2)?))
}

/// What the idempotency key stands for already.
pub(in super::super) async fn remembered(
    work: &mut Work,
    key: Option<&Idempotency>,
    raised: Timestamp,
) -> Result<Option<Opened>> {
    let Some(key) = key else { return Ok(None) };
    let answers = work.go(&[remembered_ask([(key, raised)].into_iter())]).await?;
    let row = answers.first().and_then(|answer| answer.rows.first());
    row.map(|row| read_remembered(row, key)).transpose()
}
