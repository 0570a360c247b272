//! Checking a network now, because an operator wants to know.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use provisor_domain::limits::SLICE_MAX;
use provisor_domain::store::{Finding, Origin, PageAsk, Place, Standing, StoreError, Walk};
use provisor_domain::{NetworkCode, TicketId};

use super::look::{Look, Round, Tempo, round};
use crate::call::Error;
use crate::engine::Engine;
use crate::networks::Network;

/// The share of a network's rate that a check by hand uses, in percent: its tickets go on meanwhile.
const SHARE_PERCENT: u32 = 25;
/// Most silences in a row after which a network is not asked any more.
const SILENT_ROUNDS_MAX: u32 = 1;

/// What an operator wants checked, and what is to come of it.
#[derive(Debug, Clone)]
pub struct Checking {
    /// Who asks; whoever has something repaired is the ticket's raiser.
    pub origin: Origin,
    /// Whether what differs is repaired, whosever doing it is: the books are right.
    pub repair: bool,
    /// Whether the books may be older than the network, because the database was restored.
    pub restored: bool,
    /// SIMs of tickets that ended within this time are looked at too where their network is not to have them any more.
    pub period: Duration,
}

/// What a check of a network found.
#[derive(Debug, Default)]
pub struct CheckReport {
    /// How many SIMs were compared.
    pub compared: u64,
    /// How many of them are as the books say.
    pub as_wanted: u64,
    /// How many have an open ticket, which sees to them.
    pub held: u64,
    /// Of how many the network could not tell.
    pub untold: u64,
    /// Why, of the last of them. The check ended early when the network fell silent.
    pub silence: Option<String>,
    /// How many differ. What, is on record.
    pub differ: u64,
    /// The tickets that were raised to repair it.
    pub raised: Vec<TicketId>,
}

impl CheckReport {
    /// How many SIMs are through.
    pub fn done(&self) -> u64 {
        self.compared + self.held + self.untold
    }

    fn add(&mut self, round: &Round) {
        for (_, look) in &round.looks {
            match look {
                Look::Told(finding) => {
                    self.compared += 1;
                    self.as_wanted += u64::from(*finding == Finding::AsWanted);
                }
                Look::Untold(_) => self.untold += 1,
                Look::Held => self.held += 1,
            }
        }
        if let Some(reason) = round.silence() {
            self.silence = Some(reason.to_owned());
        }
    }
}

impl Engine {
    /// How many live services a network has: what a check has before it.
    pub async fn check_size(&self, network: &NetworkCode) -> Result<u64, Error> {
        Ok(self.store.sweep_size(network.clone()).await?)
    }

    /// Compares everything that a network is to have, and not to have any more, with what it has. `told` hears how far it
    /// has come. `None`: this process has no such network of SIMs.
    pub async fn check_network(
        &self,
        code: &NetworkCode,
        how: &Checking,
        mut told: impl FnMut(&CheckReport),
    ) -> Result<Option<CheckReport>, Error> {
        let network = self.networks.get(code).filter(|network| network.driver().is_some());
        let Some(network) = network else { return Ok(None) };
        let mut report = CheckReport::default();
        let now = self.clock.now();
        let period = SignedDuration::try_from(how.period).unwrap_or(SignedDuration::MAX);
        let begin = now.saturating_sub(period).unwrap_or(Timestamp::MIN);
        let recent = Place { major: begin.as_millisecond(), minor: 0 };
        let mut silent = 0;
        for (walk, mut place) in [(Walk::Live, Place::default()), (Walk::Late, recent)] {
            loop {
                let ask = PageAsk {
                    network: code.clone(),
                    walk,
                    after: place,
                    until: now,
                    take: SLICE_MAX,
                };
                let page = self.store.check_page(ask).await?;
                let Some(last) = page.last else { break };
                place = last;
                let spoke = self.check_page(&network, page.standings, how, &mut report).await?;
                silent = if spoke { 0 } else { silent + 1 };
                told(&report);
                if silent > SILENT_ROUNDS_MAX {
                    return Ok(Some(report));
                }
            }
        }
        Ok(Some(report))
    }

    /// Looks at one page. False when the network fell silent over it.
    async fn check_page(
        &self,
        network: &Network,
        standings: Vec<Standing>,
        how: &Checking,
        report: &mut CheckReport,
    ) -> Result<bool, StoreError> {
        let limits = network.element.limits();
        let tempo =
            if how.restored { Tempo::whole(limits) } else { Tempo::share(limits, SHARE_PERCENT) };
        let all = standings.len();
        let store = self.store.as_ref();
        let round = round(store, network, standings, tempo, how.restored).await?;
        report.add(&round);
        let code = network.entry.code.clone();
        let now = self.clock.now();
        let drifts = store.sweep_settle(code.clone(), None, round.checked(), now).await?;
        for drift in drifts {
            let found = round.looks.iter().find(|(seen, _)| seen.sim.iccid == drift.iccid);
            if let Some((standing, _)) = found.filter(|_| how.repair) {
                report.raised.extend(self.reassert(&code, standing, how.origin.clone()).await?);
            }
            report.differ += 1;
        }
        Ok(round.looks.len() == all)
    }
}
