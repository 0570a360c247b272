//! Looking at SIMs at their network: what it has, and whose doing a difference is. Changes nothing anywhere.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use futures_util::{FutureExt, TryStreamExt};
use provisor_domain::drift::DriftKind;
use provisor_domain::driver::{Comparison, Driver, DriverLimits, NetworkStatus, Want, Wanted};
use provisor_domain::limits::ASKED_TICKETS_MAX;
use provisor_domain::plan::{asked_for, wanted};
use provisor_domain::store::{Checked, Finding, Standing, Store, StoreError};
use tokio::time::MissedTickBehavior;

use crate::networks::Network;

/// Most SIMs that are looked at at once.
const AT_ONCE_MAX: usize = 16;
/// So many SIMs that a network says nothing about end a round: it is silent, and every further question takes its time.
const UNTOLD_MAX: usize = 3;
/// How fast a network without a rate is asked, in SIMs per second.
const UNRATED_PER_SECOND: f64 = 50.0;

/// How fast SIMs are looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tempo {
    /// From one to the next.
    pub(crate) pause: Duration,
    at_once: usize,
}

impl Tempo {
    /// A share of a network's rate, in percent.
    pub(crate) fn share(limits: DriverLimits, percent: u32) -> Self {
        let rate = match limits.per_second_max {
            Some(rate) => f64::from(rate) * f64::from(percent) / 100.0,
            None => UNRATED_PER_SECOND,
        };
        Self::of(limits, Duration::from_secs_f64(1.0 / rate.max(0.01)))
    }

    /// The whole rate of a network that is not sent anything meanwhile.
    pub(crate) fn whole(limits: DriverLimits) -> Self {
        let pause = limits.per_second_max.map_or(0.0, |rate| 1.0 / f64::from(rate.max(1)));
        Self::of(limits, Duration::from_secs_f64(pause))
    }

    fn of(limits: DriverLimits, pause: Duration) -> Self {
        Self { pause, at_once: limits.in_flight_max.clamp(1, AT_ONCE_MAX) }
    }
}

/// What was seen of a SIM.
#[derive(Debug)]
pub(crate) enum Look {
    /// Network and books were compared.
    Told(Finding),
    /// The network could not tell.
    Untold(String),
    /// A ticket is open for it: that one sees to it.
    Held,
}

impl Look {
    /// The word for figures.
    pub(crate) fn outcome(&self) -> &'static str {
        match self {
            Self::Told(Finding::AsWanted) => "as_wanted",
            Self::Told(Finding::Differs { kind, .. }) => kind.as_str(),
            Self::Untold(_) => "unknown",
            Self::Held => "held",
        }
    }
}

/// What a round of looks brought.
#[derive(Debug, Default)]
pub(crate) struct Round {
    /// Each SIM that was looked at. Not all, when the network fell silent.
    pub(crate) looks: Vec<(Standing, Look)>,
}

impl Round {
    /// What is to be written down.
    pub(crate) fn checked(&self) -> Vec<Checked> {
        let told = self.looks.iter().filter_map(|(standing, look)| match look {
            Look::Told(finding) => Some(Checked {
                iccid: standing.sim.iccid.clone(),
                version: standing.sim.version,
                finding: finding.clone(),
            }),
            Look::Untold(_) | Look::Held => None,
        });
        told.collect()
    }

    /// Why the network could not tell, of the last SIM of which it could not.
    pub(crate) fn silence(&self) -> Option<&str> {
        self.looks.iter().rev().find_map(|(_, look)| match look {
            Look::Untold(reason) => Some(reason.as_str()),
            Look::Told(_) | Look::Held => None,
        })
    }
}

/// Looks at SIMs of one network. `restored` says that the books may be older than the network.
pub(crate) async fn round(
    store: &dyn Store,
    network: &Network,
    standings: Vec<Standing>,
    tempo: Tempo,
    restored: bool,
) -> Result<Round, StoreError> {
    let Some(driver) = network.driver() else { return Ok(Round::default()) };
    let eye = Eye { store, network, driver: driver.as_ref(), restored };
    let mut ticks = tokio::time::interval(tempo.pause.max(Duration::from_micros(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let paced = stream::unfold((standings.into_iter(), ticks), async |(mut left, mut ticks)| {
        let standing = left.next()?;
        if standing.open_ticket.is_none() {
            ticks.tick().await;
        }
        Some((standing, (left, ticks)))
    });
    let looks = paced
        .map(|standing| async {
            let look = eye.look(&standing).await?;
            Ok::<_, StoreError>((standing, look))
        })
        .buffer_unordered(tempo.at_once);
    let mut looks = std::pin::pin!(looks);
    let (mut round, mut untold) = (Round::default(), 0);
    while let Some((standing, look)) = looks.try_next().await? {
        untold += usize::from(matches!(look, Look::Untold(_)));
        round.looks.push((standing, look));
        if untold >= UNTOLD_MAX {
            break;
        }
    }
    Ok(round)
}

/// Whoever looks at one network.
struct Eye<'a> {
    store: &'a dyn Store,
    network: &'a Network,
    driver: &'a dyn Driver,
    restored: bool,
}

impl Eye<'_> {
    async fn look(&self, standing: &Standing) -> Result<Look, StoreError> {
        if standing.open_ticket.is_some() {
            return Ok(Look::Held);
        }
        let want = wanted(&self.network.entry.code, &standing.sim, standing.service.as_ref());
        let (found, what) = match compare(self.driver, &want).await {
            Comparison::AsWanted => return Ok(Look::Told(Finding::AsWanted)),
            Comparison::Unknown { reason } => return Ok(Look::Untold(reason)),
            Comparison::Differs { found, what } => (found, what),
        };
        if self.restored {
            let kind = DriftKind::Restored;
            return Ok(Look::Told(Finding::Differs { kind, found, what }));
        }
        Ok(match self.whose(standing, &want, found).await? {
            Ok(kind) => Look::Told(Finding::Differs { kind, found, what }),
            Err(silence) => Look::Untold(silence),
        })
    }

    /// Whose doing it is that the network does not have what is wanted (docs/adr/0015).
    async fn whose(
        &self,
        standing: &Standing,
        want: &Want,
        found: NetworkStatus,
    ) -> Result<Result<DriftKind, String>, StoreError> {
        let iccid = standing.sim.iccid.clone();
        let tickets = self.store.sim_asked(iccid, ASKED_TICKETS_MAX).await?;
        if found == NetworkStatus::Absent {
            // What no ticket ever sent there cannot have been lost: the service was adopted, and adopting touches no network.
            let lost = !tickets.is_empty();
            return Ok(Ok(if lost { DriftKind::Own } else { DriftKind::Foreign }));
        }
        for state in asked_for(&standing.sim, standing.service.as_ref(), &tickets) {
            let state = Wanted::Present(state);
            if state == want.state {
                continue;
            }
            match compare(self.driver, &Want { state, ..want.clone() }).await {
                Comparison::AsWanted => return Ok(Ok(DriftKind::Own)),
                Comparison::Differs { .. } => {}
                Comparison::Unknown { reason } => return Ok(Err(reason)),
            }
        }
        Ok(Ok(DriftKind::Foreign))
    }
}

/// Asks a driver under its deadline.
pub(crate) async fn compare(driver: &dyn Driver, want: &Want) -> Comparison {
    let deadline = driver.limits().command_deadline;
    let asked = AssertUnwindSafe(driver.compare(want)).catch_unwind();
    match tokio::time::timeout(deadline, asked).await {
        Ok(Ok(comparison)) => comparison,
        Ok(Err(_panic)) => Comparison::Unknown { reason: "the driver panicked".into() },
        Err(_elapsed) => Comparison::Unknown { reason: format!("no answer within {deadline:?}") },
    }
}
