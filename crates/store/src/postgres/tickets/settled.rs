//! The rows that a settled ticket has, gathered as columns: many tickets are written by one statement a table.

use jiff::Timestamp;
use provisor_domain::store::Settlement;
use provisor_domain::ticket::Failure;
use provisor_domain::{Msisdn, ServiceCode, TicketState};

use super::super::fault::Result;
use super::super::link::{Ask, params};
use super::super::{LeaseClock, row, sql};
use super::ledger::After;
use super::settle::Leased;

/// A failure as its two columns.
type FailureColumns = (Option<&'static str>, Option<String>);

fn columns(failure: Option<&Failure>) -> FailureColumns {
    failure.map(|failure| (failure.kind.as_str(), failure.reason.clone())).unzip()
}

/// Tickets that end: how they did. They have left the queue before.
#[derive(Default)]
pub(super) struct EndedRows {
    ids: Vec<i64>,
    states: Vec<&'static str>,
    networks: Vec<String>,
    finished: Vec<i64>,
    due: Vec<i64>,
    epochs: Vec<i64>,
    services: Vec<Option<i64>>,
    clis: Vec<Option<String>>,
    subjects: Vec<String>,
    kinds: Vec<Option<&'static str>>,
    reasons: Vec<Option<String>>,
}

impl EndedRows {
    pub(super) fn add(
        &mut self,
        (one, now): (&Settlement, Timestamp),
        state: TicketState,
        ticket: &Leased,
        failure: Option<&Failure>,
    ) {
        let (kind, reason) = columns(failure);
        self.ids.push(one.ticket.number());
        self.states.push(state.as_str());
        self.networks.push(ticket.network.to_string());
        self.finished.push(now.as_millisecond());
        self.due.push(ticket.due);
        self.epochs.push(one.epoch);
        self.services.push(ticket.service.map(ServiceCode::number));
        self.clis.push(ticket.cli.as_ref().map(Msisdn::to_string));
        // No key has a blank in it.
        self.subjects.push(ticket.subjects.join(" "));
        self.kinds.push(kind);
        self.reasons.push(reason);
    }

    pub(super) fn ask(self) -> Option<Ask> {
        let Self { ids, states, networks, finished, due, epochs, .. } = self;
        let Self { services, clis, subjects, kinds, reasons, .. } = self;
        let none = ids.is_empty();
        let mut end = params![ids, states, networks, finished, due, epochs];
        end.extend(params![services, clis, subjects, kinds, reasons]);
        (!none).then(|| Ask::new(sql::TICKET_SETTLE_TICKET, end))
    }
}

/// Tickets that stay open.
#[derive(Default)]
pub(super) struct StayingRows {
    ids: Vec<i64>,
    states: Vec<&'static str>,
    due: Vec<Option<i64>>,
    counts: Vec<i64>,
    in_doubt: Vec<bool>,
    accepted: Vec<Option<String>>,
    kinds: Vec<Option<&'static str>>,
    reasons: Vec<Option<String>>,
}

impl StayingRows {
    /// `due`: when, or in how many milliseconds, by whose clock counts.
    pub(super) fn add(
        &mut self,
        one: &Settlement,
        state: TicketState,
        (after, due): (&After<'_>, Option<i64>),
    ) -> Result<()> {
        let (kind, reason) = columns(after.failure);
        self.ids.push(one.ticket.number());
        self.states.push(state.as_str());
        self.due.push(due);
        self.counts.push(i64::from(after.counts));
        self.in_doubt.push(after.in_doubt);
        self.accepted.push(after.accepted.as_ref().map(row::to_json).transpose()?);
        self.kinds.push(kind);
        self.reasons.push(reason);
        Ok(())
    }

    pub(super) fn ask(self, clock: LeaseClock, now: Timestamp) -> Option<Ask> {
        let Self { ids, states, due, counts, in_doubt, accepted, kinds, reasons } = self;
        let relative = clock == LeaseClock::Database;
        let none = ids.is_empty();
        let mut rows = params![ids, states, due, counts, in_doubt, kinds, reasons, relative];
        rows.extend(params![accepted, now.as_millisecond()]);
        (!none).then(|| Ask::new(sql::TICKET_SETTLE_QUEUE, rows))
    }
}

/// The records of attempts.
#[derive(Default)]
pub(super) struct AttemptRows {
    ids: Vec<i64>,
    epochs: Vec<i64>,
    began: Vec<i64>,
    ended: Vec<i64>,
    states: Vec<&'static str>,
    kinds: Vec<Option<&'static str>>,
    reasons: Vec<Option<String>>,
}

impl AttemptRows {
    pub(super) fn add(
        &mut self,
        (one, now): (&Settlement, Timestamp),
        state: TicketState,
        failure: Option<&Failure>,
    ) {
        let (kind, reason) = columns(failure);
        self.ids.push(one.ticket.number());
        self.epochs.push(one.epoch);
        self.began.push(one.began.as_millisecond());
        self.ended.push(now.as_millisecond());
        self.states.push(state.as_str());
        self.kinds.push(kind);
        self.reasons.push(reason);
    }

    pub(super) fn ask(self) -> Option<Ask> {
        let Self { ids, epochs, began, ended, states, kinds, reasons } = self;
        let none = ids.is_empty();
        let rows = params![ids, epochs, began, ended, states, kinds, reasons];
        (!none).then(|| Ask::new(sql::TICKET_SETTLE_ATTEMPT, rows))
    }
}
