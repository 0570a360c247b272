//! Numbers of a network's range: reserved when a connect is claimed, resting after a disconnect.
//!
//! A number that was never given comes first; once the range is used up, the one that has rested longest.

use jiff::{SignedDuration, Timestamp};
use provisor_domain::limits::NUMBER_QUARANTINE_DAYS;
use provisor_domain::{Msisdn, NetworkCode};

use super::super::fault::{Fault, Result};
use super::super::link::{Ask, params};
use super::super::work::Work;
use super::super::{row, sql};

const HOURS_PER_DAY: i64 = 24;
/// Numbers that are looked at together, besides those that are needed: some may be given already.
const SPARE: usize = 16;

/// What a claim got of a range.
pub(super) struct Reserved {
    /// Whether the network has a range at all.
    pub(super) exists: bool,
    /// At most as many as were asked for.
    pub(super) numbers: Vec<Msisdn>,
}

/// Reserves numbers of the network's range, as many as are free.
pub(super) async fn reserve(
    work: &mut Work,
    network: &NetworkCode,
    count: usize,
    now: i64,
) -> Result<Reserved> {
    let answer = work.one(sql::TICKET_CLAIM_RANGE, params![network.to_string()]).await?;
    let Some(found) = answer.rows.first() else {
        return Ok(Reserved { exists: false, numbers: Vec::new() });
    };
    let (first, last): (Msisdn, Msisdn) = (row::text(found, 0)?, row::text(found, 1)?);
    let all = first.count_to(&last);
    let all = all.ok_or_else(|| Fault::broken(format!("network {network}: bad range")))?;
    let next: u64 = row::count(found, 2)?;
    let (mut numbers, after) = never_given(work, (&first, all), next, count).await?;
    if numbers.len() < count {
        let missing = row::number(count - numbers.len());
        let rested =
            params![network.to_string(), now, first.to_string(), last.to_string(), missing];
        let rested = work.one(sql::TICKET_CLAIM_NUMBER_RESTED, rested).await?;
        for row in &rested.rows {
            numbers.push(row::text(row, 0)?);
        }
    }
    let mut asks = Vec::new();
    if after != next {
        let set = params![network.to_string(), row::number(after)];
        asks.push(Ask::new(sql::TICKET_CLAIM_RANGE_SET, set));
    }
    let used: Vec<String> = numbers.iter().map(Msisdn::to_string).collect();
    asks.push(Ask::new(sql::TICKET_CLAIM_NUMBER_USE, params![used, network.to_string()]));
    work.go(&asks).await?;
    Ok(Reserved { exists: true, numbers })
}

/// The next numbers that were never given, and how far the range was looked at. Each number of it is looked at once in
/// the range's life.
async fn never_given(
    work: &mut Work,
    (first, all): (&Msisdn, u64),
    mut next: u64,
    count: usize,
) -> Result<(Vec<Msisdn>, u64)> {
    let mut numbers: Vec<Msisdn> = Vec::new();
    while numbers.len() < count && next < all {
        let most = (count - numbers.len() + SPARE) as u64;
        let looked: Vec<(u64, Msisdn)> = (next..all.min(next + most))
            .filter_map(|steps| first.after(steps).map(|number| (steps, number)))
            .collect();
        let texts: Vec<String> = looked.iter().map(|(_, number)| number.to_string()).collect();
        let free = work.one(sql::TICKET_CLAIM_NUMBER_FREE, params![texts]).await?;
        next = all.min(next + most);
        for row in &free.rows {
            if numbers.len() == count {
                // The rest is left to those who come later.
                let left: Msisdn = row::text(row, 0)?;
                let steps = looked.iter().find(|(_, number)| *number == left);
                next = steps.map_or(next, |(steps, _)| *steps);
                break;
            }
            numbers.push(row::text(row, 0)?);
        }
    }
    Ok((numbers, next))
}

/// Numbers that go to rest in one transaction.
#[derive(Default)]
pub(super) struct Resting {
    numbers: Vec<String>,
    until: Vec<i64>,
    networks: Vec<String>,
}

impl Resting {
    /// A number whose service ended: it rests for days.
    pub(super) fn rest(
        &mut self,
        number: &Msisdn,
        network: &NetworkCode,
        now: Timestamp,
    ) -> Result<()> {
        let until = now
            .checked_add(SignedDuration::from_hours(NUMBER_QUARANTINE_DAYS * HOURS_PER_DAY))
            .map_err(|error| Fault::broken(error.to_string()))?;
        self.numbers.push(number.to_string());
        self.until.push(until.as_millisecond());
        self.networks.push(network.to_string());
        Ok(())
    }

    /// What writes them. Those of a range that are not known yet came with adopted services.
    pub(super) fn asks(self) -> Vec<Ask> {
        if self.numbers.is_empty() {
            return Vec::new();
        }
        let rest = params![self.numbers.clone(), self.until.clone()];
        let note = params![self.numbers, self.until, self.networks];
        vec![
            Ask::new(sql::TICKET_SETTLE_NUMBER_REST, rest),
            Ask::new(sql::TICKET_SETTLE_NUMBER_NOTE, note),
        ]
    }
}
