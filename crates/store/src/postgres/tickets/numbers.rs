//! Numbers of tickets and codes of services, as the database's sequences hand them out.
//!
//! A number that was taken and not used (a transaction was rolled back, a settlement refused) is kept for the next one.
//! A gap remains where a process ends in between, or another node was faster; nothing depends on there being none.
//!
//! Invariant: a number is used on the connection only that took it. What a sequence handed out is durable with a commit that
//! comes after it: a server that crashes, or a standby that takes its place, hands out once more what nobody committed.
//! Every connection has ended by then, and with it what was kept.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use provisor_domain::{ServiceCode, TicketId};

use super::super::fault::{Fault, Result};
use super::super::link::{Answer, Ask, Link, params};
use super::super::work::Work;
use super::super::{row, sql};

/// The numbers that a connection has taken and nobody used.
#[derive(Default)]
pub(in super::super) struct Numbers {
    tickets: Kept,
    services: Kept,
}

#[derive(Default)]
struct Kept(Mutex<BTreeSet<i64>>);

impl Kept {
    fn give_back(&self, numbers: impl IntoIterator<Item = i64>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(numbers);
    }

    fn pop(&self) -> Option<i64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_first()
    }

    /// So many numbers, upward.
    async fn take(&self, work: &mut Work, sql: &'static str, count: usize) -> Result<Vec<i64>> {
        let mut numbers: Vec<i64> = std::iter::from_fn(|| self.pop()).take(count).collect();
        let missing = count - numbers.len();
        if missing > 0 {
            let more = match work.one(sql, params![row::number(missing)]).await {
                Ok(answer) => answer.rows.iter().map(|row| row::get(row, 0)).collect(),
                Err(fault) => Err(fault),
            };
            match more {
                Ok::<Vec<i64>, _>(more) => numbers.extend(more),
                Err(fault) => {
                    self.give_back(numbers);
                    return Err(fault);
                }
            }
        }
        Ok(numbers)
    }
}

/// What takes so many numbers of tickets, upward, for the statements of the transaction that come after it
/// (`ticket_open.next_id`).
pub(super) struct Tickets {
    /// Those that are there already: whoever fails gives them back.
    pub(super) kept: Vec<TicketId>,
    missing: usize,
}

impl Tickets {
    pub(super) fn of(link: &Link, count: usize) -> Self {
        let kept = std::iter::from_fn(|| link.numbers.tickets.pop()).take(count);
        let kept: Vec<TicketId> = kept.filter_map(TicketId::new).collect();
        let missing = count - kept.len();
        Self { kept, missing }
    }

    /// `batch`: the key of the call that opens the tickets, which is locked until the transaction has ended.
    pub(super) fn ask(&self, batch: Option<i64>) -> Ask {
        let kept: Vec<i64> = self.kept.iter().map(|id| id.number()).collect();
        Ask::new(sql::TICKET_OPEN_NEXT_ID, params![kept, row::number(self.missing), batch])
    }

    /// All of them, those that are there first.
    pub(super) fn read(answer: &Answer) -> Result<Vec<TicketId>> {
        let numbers: &str = row::get(answer.one()?, 0)?;
        let number = |number: &str| number.parse().ok().and_then(TicketId::new);
        let numbers: Option<_> = numbers.split(' ').map(number).collect();
        numbers.ok_or_else(|| Fault::broken("no number for a ticket"))
    }
}

/// The number of one support case.
pub(in super::super) async fn ticket(work: &mut Work) -> Result<TicketId> {
    let numbers = Tickets::of(&work.link(), 1);
    let answers = work.go(&[numbers.ask(None)]).await;
    if answers.is_err() {
        work.link().tickets_unused(numbers.kept);
    }
    let read = answers?.first().map(Tickets::read).transpose()?.unwrap_or_default();
    read.first().copied().ok_or_else(|| Fault::broken("no number for a ticket"))
}

/// Codes of services, upward.
pub(super) async fn services(work: &mut Work, count: usize) -> Result<Vec<ServiceCode>> {
    let link = work.link();
    let codes = link.numbers.services.take(work, sql::TICKET_SETTLE_NEXT_SERVICE, count).await?;
    let code = |code| ServiceCode::new(code).ok_or_else(|| Fault::broken("no code"));
    codes.into_iter().map(code).collect()
}

impl Link {
    /// Tickets with these numbers, which were taken here, were not written.
    pub(super) fn tickets_unused(&self, unused: impl IntoIterator<Item = TicketId>) {
        self.numbers.tickets.give_back(unused.into_iter().map(TicketId::number));
    }

    /// Services with these codes, which were taken here, were not written.
    pub(super) fn services_unused(&self, unused: impl IntoIterator<Item = ServiceCode>) {
        self.numbers.services.give_back(unused.into_iter().map(ServiceCode::number));
    }
}
