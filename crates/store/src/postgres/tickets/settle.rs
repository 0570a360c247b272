//! Settling attempts, a whole batch in a few statements.
//!
//! First the tickets that end are taken out of the queue and the others locked, then everything that changes is gathered in a
//! [`Ledger`], then that is written in one go. Almost always nothing is in its way; when a constraint is, the transaction is
//! rolled back and the batch settled again one by one with a savepoint each, so that only the one that does not fit is refused.

use std::collections::{BTreeMap, HashMap, HashSet};

use std::sync::Arc;

use jiff::Timestamp;
use provisor_domain::plan::ServiceChange;
use provisor_domain::store::{Settled, Settlement, Verdict};
use provisor_domain::{
    ContractCode, Iccid, Msisdn, NetworkCode, OrderKind, PortalId, ServiceCode, ServiceStatus,
    TicketId,
};
use tokio_postgres::Row;

use super::super::fault::{Fault, Result};
use super::super::link::{Ask, Link, Param, params};
use super::super::work::Work;
use super::super::{PostgresStore, row, sql};
use super::ledger::Ledger;
use super::numbers;

/// What says that a code is another service's.
const SERVICE_KEY: &str = "service_pkey";
/// So many codes that others have (a service that was taken over brings its own) are passed by for one settlement.
const CODES_OF_OTHERS_MAX: usize = 100;

impl PostgresStore {
    /// Settles all of them in one transaction.
    pub(super) async fn settle(
        &self,
        settlements: &[Settlement],
        now: Timestamp,
    ) -> Result<Vec<Settled>> {
        let mut codes = Codes { store: self, taken: Vec::new() };
        let settled = self.settle_all(&mut codes, settlements, now).await;
        if settled.as_ref().is_err_and(|fault| !matches!(fault, Fault::Unknown(_))) {
            codes.give_back();
        }
        settled
    }

    /// All at once, or, where one of them is refused, each by itself: on the same connection, which keeps the codes that it
    /// has taken.
    async fn settle_all(
        &self,
        codes: &mut Codes<'_>,
        settlements: &[Settlement],
        now: Timestamp,
    ) -> Result<Vec<Settled>> {
        let mut work = self.work().await?;
        match settle(&mut work, codes, settlements, now).await {
            Ok(settled) => work.commit().await.map(|()| settled),
            Err(fault) if fault.refusal().is_some() => {
                work.start_over().await?;
                codes.give_back_from(0, &fault);
                Self::settle_apart(work, codes, settlements, now).await
            }
            Err(fault) => Err(fault),
        }
    }

    /// Settles each in its own savepoint: it is written whole, or refused. In the order of the contracts that count them:
    /// their rows are locked until the end.
    async fn settle_apart(
        mut work: Work,
        codes: &mut Codes<'_>,
        settlements: &[Settlement],
        now: Timestamp,
    ) -> Result<Vec<Settled>> {
        // All of them are locked at first, in order: others who settle some of them wait here and not crosswise.
        work.go(&[lease(settlements.iter())]).await?;
        let mut order: Vec<usize> = (0..settlements.len()).collect();
        order.sort_by_key(|at| counted(&settlements[*at]));
        let mut all = BTreeMap::new();
        for at in order {
            all.insert(at, settle_one(&mut work, codes, &settlements[at], now).await?);
        }
        work.commit().await?;
        Ok(all.into_values().collect())
    }
}

/// Settles one in a savepoint.
async fn settle_one(
    work: &mut Work,
    codes: &mut Codes<'_>,
    one: &Settlement,
    now: Timestamp,
) -> Result<Settled> {
    let taken = codes.taken.len();
    work.control("SAVEPOINT settlement").await?;
    let mut others = 0;
    loop {
        match settle(work, codes, std::slice::from_ref(one), now).await {
            Ok(settled) => {
                work.control("RELEASE settlement").await?;
                return settled.into_iter().next().ok_or_else(|| Fault::broken("not settled"));
            }
            Err(fault) => {
                let reason = fault.refusal();
                let again = fault.breaks(SERVICE_KEY) && others < CODES_OF_OTHERS_MAX;
                codes.give_back_from(taken, &fault);
                let reason = reason.ok_or(fault)?;
                work.control("ROLLBACK TO settlement").await?;
                if !again {
                    work.control("RELEASE settlement").await?;
                    return Ok(Settled::Refused(reason));
                }
                others += 1;
            }
        }
    }
}

/// Codes of services that were taken, each with the connection that took it.
struct Codes<'s> {
    store: &'s PostgresStore,
    taken: Vec<(Arc<Link>, ServiceCode)>,
}

impl Codes<'_> {
    async fn take(&mut self, work: &mut Work, count: usize) -> Result<Vec<ServiceCode>> {
        let codes = numbers::services(work, count).await?;
        self.taken.extend(codes.iter().map(|code| (work.link(), *code)));
        Ok(codes)
    }

    fn give_back(&mut self) {
        for (link, code) in self.taken.drain(..) {
            link.services_unused([code]);
        }
    }

    /// Those from this one on are used next time; unless one of them is the very reason of the fault: nobody knows which.
    fn give_back_from(&mut self, from: usize, fault: &Fault) {
        let unused = self.taken.split_off(from);
        if !fault.breaks(SERVICE_KEY) {
            for (link, code) in unused {
                link.services_unused([code]);
            }
        }
    }
}

/// The contract whose services a settlement may count.
fn counted(settlement: &Settlement) -> Option<&ContractCode> {
    let Verdict::Completed(change) = &settlement.verdict else { return None };
    match change.service.as_ref()? {
        ServiceChange::Create(new) => Some(&new.contract),
        ServiceChange::Update(service) => Some(&service.contract),
    }
}

/// What reads and locks the tickets whose leases still hold.
fn lease<'s>(settlements: impl Iterator<Item = &'s Settlement>) -> Ask {
    Ask::new(sql::TICKET_SETTLE_LEASE, leases_of(settlements))
}

fn leases_of<'s>(settlements: impl Iterator<Item = &'s Settlement>) -> Vec<Param> {
    let mut leases: Vec<(i64, i64)> =
        settlements.map(|one| (one.ticket.number(), one.epoch)).collect();
    leases.sort_unstable();
    let (ids, epochs): (Vec<i64>, Vec<i64>) = leases.into_iter().unzip();
    params![ids, epochs]
}

/// Whether the ticket ends by it, whatever is true of the ticket.
fn ends(settlement: &Settlement) -> bool {
    matches!(settlement.verdict, Verdict::Completed(_) | Verdict::Failed(_))
}

/// What takes the tickets that end out of the queue, and what locks the others. Of several settlements of one lease the first
/// one counts.
fn out_or_locked(settlements: &[Settlement]) -> [Ask; 2] {
    let mut seen = HashSet::new();
    let counts = settlements.iter().filter(|one| seen.insert((one.ticket, one.epoch)));
    let (out, locked): (Vec<_>, Vec<_>) = counts.partition(|one| ends(one));
    let out = Ask::new(sql::TICKET_SETTLE_ENDED, leases_of(out.into_iter()));
    [out, lease(locked.into_iter())]
}

async fn settle(
    work: &mut Work,
    codes: &mut Codes<'_>,
    settlements: &[Settlement],
    now: Timestamp,
) -> Result<Vec<Settled>> {
    let answers = work.go(&out_or_locked(settlements)).await?;
    let mut leases = HashMap::new();
    for row in answers.iter().flat_map(|answer| &answer.rows) {
        let key: (TicketId, i64) = (row::ticket_id(row, 0)?, row::get(row, 1)?);
        leases.insert(key, leased(row)?);
    }
    let creates = |one: &&Settlement| {
        leases.contains_key(&(one.ticket, one.epoch))
            && matches!(&one.verdict, Verdict::Completed(change) if matches!(change.service, Some(ServiceChange::Create(_))))
    };
    let mut seen = HashSet::new();
    let new = settlements.iter().filter(creates).filter(|one| seen.insert(one.ticket)).count();
    let clock = codes.store.shared.clock;
    let mut ledger = Ledger::new(now, clock, codes.take(work, new).await?);
    let mut settled = Vec::with_capacity(settlements.len());
    for one in settlements {
        settled.push(match leases.remove(&(one.ticket, one.epoch)) {
            None => Settled::LeaseLost,
            Some(ticket) => {
                ledger.settle(one, ticket)?;
                Settled::Done
            }
        });
    }
    ledger.write(work).await?;
    Ok(settled)
}

/// The ticket under the lease that is being settled.
pub(super) struct Leased {
    pub(super) kind: OrderKind,
    pub(super) iccid: Option<Iccid>,
    pub(super) portal: Option<PortalId>,
    pub(super) network: NetworkCode,
    pub(super) cli: Option<Msisdn>,
    pub(super) in_doubt: bool,
    pub(super) service: Option<ServiceCode>,
    pub(super) subjects: Vec<String>,
    /// Its service as it was.
    pub(super) before: Option<Before>,
    /// Whether its number is reserved from a range.
    pub(super) of_range: bool,
    /// When its lease ends, by the clock that counts.
    pub(super) due: i64,
}

/// What of a service decides how it is written.
pub(super) struct Before {
    pub(super) status: ServiceStatus,
    pub(super) iccid: Iccid,
    pub(super) cli: Option<Msisdn>,
}

fn leased(found: &Row) -> Result<Leased> {
    let portal = match row::text_or_none(found, 10)? {
        Some(customer) => Some(PortalId { tenant: row::text(found, 9)?, customer }),
        None => None,
    };
    let before = match row::text_or_none(found, 11)? {
        Some(status) => Some(Before {
            status,
            iccid: row::text(found, 12)?,
            cli: row::text_or_none(found, 13)?,
        }),
        None => None,
    };
    Ok(Leased {
        kind: row::text(found, 2)?,
        iccid: row::text_or_none(found, 3)?,
        portal,
        network: row::text(found, 4)?,
        cli: row::text_or_none(found, 5)?,
        in_doubt: row::get(found, 6)?,
        service: row::service_code_or_none(found, 7)?,
        subjects: row::get(found, 8)?,
        before,
        of_range: row::get(found, 14)?,
        due: row::get(found, 15)?,
    })
}
