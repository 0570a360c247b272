//! What both databases reckon alike about walks through what is to be checked at a network.

use std::time::Duration;

use provisor_domain::store::{Place, Standing, SweepAsk, Walk};
use provisor_domain::{Iccid, NetworkCode, Service, SimState};

/// What a subject's key begins with that is a SIM's.
const SIM_KEY: &str = "sim:";

/// Where a walk stands. Times are milliseconds since 1970.
#[derive(Debug, Clone, Copy)]
pub(crate) struct At {
    pub(crate) place: Place,
    /// When it began from its start.
    pub(crate) lap: i64,
    /// When its next slice may be taken.
    pub(crate) due: i64,
}

/// The moments that a claim goes by, in milliseconds since 1970.
#[derive(Debug)]
pub(crate) struct Times {
    pub(crate) now: i64,
    pub(crate) lease_end: i64,
    /// Of tickets: when the last one ended that is old enough; of drifts: when they were seen.
    pub(crate) to: i64,
    /// Of tickets: the first place that is not too old.
    from: Place,
    age: i64,
    idle: i64,
    pause: i64,
    period: i64,
}

impl Times {
    pub(crate) fn of(ask: &SweepAsk, now: i64) -> Self {
        let before = |age: Duration| now.saturating_sub(millis(age));
        Self {
            now,
            lease_end: now.saturating_add(millis(ask.lease)),
            to: before(ask.age),
            from: Place { major: before(ask.age_max), minor: 0 },
            age: millis(ask.age),
            idle: millis(ask.idle),
            pause: millis(ask.pause),
            period: millis(ask.period),
        }
    }

    /// When a walk that was never begun is due: the one through live services leaves time to look at what a new catalogue
    /// says.
    pub(crate) fn first(&self, walk: Walk) -> i64 {
        if walk == Walk::Live { self.now.saturating_add(self.age) } else { self.now }
    }

    /// Where the next slice begins.
    pub(crate) fn start(&self, walk: Walk, at: Place) -> Place {
        if walk == Walk::Live { at } else { at.max(self.from) }
    }

    /// Where a walk stands after a slice of so many SIMs.
    pub(crate) fn after(&self, (start, last): (Place, Place), count: usize, at: At) -> At {
        let lap = if start == Place::default() { self.now } else { at.lap };
        At { place: last, lap, due: self.paused(count) }
    }

    /// When a walk goes on that has handed out so many SIMs.
    pub(crate) fn paused(&self, count: usize) -> i64 {
        let count = i64::try_from(count.max(1)).unwrap_or(i64::MAX);
        self.now.saturating_add(self.pause.saturating_mul(count))
    }

    /// Where a walk stands that found nothing: the one through live services begins anew, once a period.
    pub(crate) fn rested(&self, walk: Walk, at: At) -> At {
        let due = self.now.saturating_add(self.idle);
        if walk != Walk::Live {
            return At { due, ..at };
        }
        At { place: Place::default(), due: due.max(at.lap.saturating_add(self.period)), ..at }
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// The last place of a walk; of tickets those that ended by `until`.
pub(crate) fn end(walk: Walk, until: i64) -> Place {
    Place { major: if walk == Walk::Live { i64::MAX } else { until }, minor: i64::MAX }
}

/// Whether the network is to have it, so that the walk through live services comes by.
pub(crate) fn is_served(network: &NetworkCode, standing: &Standing) -> bool {
    let served = |service: &Service| service.network == *network;
    standing.sim.state == SimState::InUse && standing.service.as_ref().is_some_and(served)
}

/// Adds the SIMs among a ticket's subjects, each once.
pub(crate) fn add_sims(to: &mut Vec<Iccid>, subjects: &[String]) {
    for subject in subjects {
        let iccid = subject.strip_prefix(SIM_KEY).and_then(|raw| raw.parse().ok());
        to.extend(iccid.filter(|iccid| !to.contains(iccid)));
    }
}
