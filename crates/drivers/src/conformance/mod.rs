//! The suites that drivers must pass: this one for networks, [`mail`] for mail systems.
//!
//! It speaks to a driver as the engine does: commands with a ticket and a growing epoch, each under the deadline that
//! the driver tells, attempts repeated until one is `Done` or `Refused`. Beside the network it keeps a model of what
//! the network must have, and compares the two for every SIM after every command: through
//! [`Driver::status`] and, where the caller can [look](Suite::look) past the driver, in full.
//!
//! A check answers [`Broken`] instead of panicking, so that the suite can also be run against a network in a lab.

mod checks;
pub mod mail;
mod model;

use std::time::Duration;

use futures_util::future::BoxFuture;
use provisor_domain::driver::{
    Command, Comparison, Driver, DriverLimits, Heard, NetworkStatus, OnceKey, Outcome, Report,
    Subscription, Want, Wanted,
};
use provisor_domain::limits::{COMMAND_SECONDS_MAX, NETWORK_STATUS_SECONDS_MAX};
use provisor_domain::service::{AppliedBar, Products};
use provisor_domain::{
    ApnCode, BarCode, BoltonCode, Iccid, Imsi, Msisdn, SealedKeys, TariffCode, TicketId,
};
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use model::Model;

/// What the suite may use of the network under test. Nobody else may change these SIMs and numbers meanwhile; whatever
/// the network has for them is deleted.
#[derive(Debug, Clone)]
pub struct World {
    /// SIMs that the network knows or may learn.
    pub sims: [(Iccid, Option<Imsi>); 4],
    /// Numbers that it may give them.
    pub numbers: [Msisdn; 4],
    /// Tariffs.
    pub tariffs: [TariffCode; 2],
    /// APNs.
    pub apns: [ApnCode; 2],
    /// A bolt-on.
    pub bolton: BoltonCode,
    /// A bar that does not suspend.
    pub bar: BarCode,
    /// A bar that suspends.
    pub suspending_bar: BarCode,
    /// The first ticket number to be used; a network that remembers tickets must not have seen it or a greater one.
    pub first_ticket: TicketId,
}

/// A rule of the contract that the driver does not keep.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{check}: {what}")]
pub struct Broken {
    /// The check that found it.
    pub check: &'static str,
    /// What was expected and what was found.
    pub what: String,
}

/// At least one command may be under way, and a deadline fits into a lease.
fn sane(limits: &DriverLimits) -> bool {
    let deadline = Duration::from_nanos(1)..=Duration::from_secs(COMMAND_SECONDS_MAX);
    limits.in_flight_max >= 1
        && limits.per_second_max != Some(0)
        && deadline.contains(&limits.command_deadline)
}

/// What a network really has for a SIM, found out without the driver.
pub type Look<'a> = &'a (dyn Fn(&Iccid) -> Option<Subscription> + Send + Sync);

/// Waits for what the network reports by itself about an attempt that it accepted.
pub type Hear<'a> = &'a (dyn Fn(OnceKey) -> BoxFuture<'static, Report> + Send + Sync);

/// A run of the suite.
pub struct Suite<'a> {
    driver: &'a dyn Driver,
    world: World,
    attempts_max: i64,
    look: Option<Look<'a>>,
    hear: Option<Hear<'a>>,
    model: Model,
    next_ticket: TicketId,
    check: &'static str,
}

impl<'a> Suite<'a> {
    /// A run against a network that does not fail: every first attempt must succeed.
    pub fn new(driver: &'a dyn Driver, world: World) -> Self {
        let next_ticket = world.first_ticket;
        let (model, check) = (Model::default(), "start");
        let (look, hear) = (None, None);
        Self { driver, world, attempts_max: 1, look, hear, model, next_ticket, check }
    }

    /// Allows a network that fails at times this many attempts for each command.
    #[must_use]
    pub fn attempts(self, attempts_max: u16) -> Self {
        Self { attempts_max: attempts_max.into(), ..self }
    }

    /// Compares in full what the network has, instead of its status alone.
    #[must_use]
    pub fn look(self, look: Look<'a>) -> Self {
        Self { look: Some(look), ..self }
    }

    /// Waits for the reports of a network that accepts commands and reports later.
    #[must_use]
    pub fn hear(self, hear: Hear<'a>) -> Self {
        Self { hear: Some(hear), ..self }
    }

    /// Sends a command of these wants as a new ticket, as often as it takes; what comes of it, and what the network
    /// has afterwards, must be what the model says.
    async fn order(&mut self, wants: Vec<Want>) -> Result<(), Broken> {
        let ticket = self.ticket()?;
        self.attempt(ticket, 1, &wants).await?;
        self.agree().await
    }

    /// The same under a ticket and from an epoch of the caller's choice, without comparing.
    async fn attempt(
        &mut self,
        ticket: TicketId,
        first_epoch: i64,
        wants: &[Want],
    ) -> Result<(), Broken> {
        let expected = self.model.clone().after(wants);
        let outcome = self.carry_out(ticket, first_epoch, wants).await?;
        match (expected, outcome) {
            (Ok(model), Outcome::Done) => {
                self.model = model;
                Ok(())
            }
            (Err(_), Outcome::Refused { .. }) => Ok(()),
            (expected, outcome) => {
                let expected = expected.map_or_else(|taken| taken, |_| "done".into());
                Err(self.broken(format!("{wants:?}: expected {expected}, found {outcome:?}")))
            }
        }
    }

    /// Repeats a command, as the engine would, until it is done or refused.
    async fn carry_out(
        &self,
        ticket: TicketId,
        first_epoch: i64,
        wants: &[Want],
    ) -> Result<Outcome, Broken> {
        let deadline = self.driver.limits().command_deadline;
        let mut last = None;
        let once = OnceKey { ticket, epoch: first_epoch };
        // What the books believe changes nothing about what the network has.
        let fresh = ticket.number() % 2 == 0;
        let mut command = Command { once, wants: wants.to_vec(), fresh };
        for _ in 0..self.attempts_max {
            let outcome = timeout(deadline, self.driver.ensure(&command)).await;
            let outcome = match outcome {
                Ok(Outcome::Accepted { part, look_after, .. }) => {
                    self.follow_up(&mut command, (part, look_after)).await
                }
                outcome => outcome,
            };
            command.once.epoch = command.once.epoch.saturating_add(1);
            command.fresh = false;
            match outcome {
                Ok(outcome @ (Outcome::Done | Outcome::Refused { .. })) => return Ok(outcome),
                Ok(Outcome::Later { after: Some(after), .. }) => tokio::time::sleep(after).await,
                Ok(outcome) => last = Some(outcome),
                Err(_) => last = None,
            }
        }
        let last = last.map_or("no answer within the deadline".into(), |last| format!("{last:?}"));
        Err(self
            .broken(format!("{wants:?}: not done after {} attempts: {last}", self.attempts_max)))
    }

    /// Waits for the network's reports, as the engine does, until the driver knows what came of the command.
    async fn follow_up(
        &self,
        command: &mut Command,
        (mut part, mut look_after): (u16, Duration),
    ) -> Result<Outcome, Elapsed> {
        loop {
            let report = if let Some(hear) = self.hear {
                Some(hear(command.once).await)
            } else {
                tokio::time::sleep(look_after).await;
                None
            };
            command.once.epoch = command.once.epoch.saturating_add(1);
            let heard = Heard { accepted: Some(part), report };
            let following = self.driver.follow_up(command, &heard);
            match timeout(self.driver.limits().command_deadline, following).await {
                Ok(Outcome::Accepted { part: next, look_after: then, .. }) => {
                    (part, look_after) = (next, then);
                }
                outcome => return outcome,
            }
        }
    }

    /// Compares what the network has for every SIM with the model.
    async fn agree(&self) -> Result<(), Broken> {
        for (iccid, imsi) in &self.world.sims {
            let expected = self.model.get(iccid);
            self.compares(iccid, imsi.as_ref(), expected).await?;
            let status = self.status(iccid, imsi.as_ref()).await?;
            let wanted = match expected {
                None => NetworkStatus::Absent,
                Some(served) if served.products.suspended() => NetworkStatus::Suspended,
                Some(_) => NetworkStatus::Active,
            };
            if status != wanted {
                return Err(self.broken(format!("{iccid} is {status:?}, expected {wanted:?}")));
            }
            if let Some(look) = self.look {
                let found = look(iccid);
                let known = |subscription: &Subscription| self.known(subscription);
                if found.as_ref().map(known) != expected.map(known) {
                    let what = format!("{iccid}: expected {expected:?}, the network has {found:?}");
                    return Err(self.broken(what));
                }
            }
        }
        Ok(())
    }

    /// A subscription as far as the network has a place for it.
    fn known(&self, subscription: &Subscription) -> Subscription {
        if self.driver.abilities().products {
            return subscription.clone();
        }
        let bar = AppliedBar { code: self.world.suspending_bar.clone(), suspends: true };
        let bars = subscription.products.suspended().then_some(bar).into_iter().collect();
        let products = Products { bars, ..Products::default() };
        Subscription { msisdn: subscription.msisdn.clone(), products, ..self.plain(0) }
    }

    /// The driver's own comparison finds a SIM as the model has it, and not as its opposite.
    async fn compares(
        &self,
        iccid: &Iccid,
        imsi: Option<&Imsi>,
        expected: Option<&Subscription>,
    ) -> Result<(), Broken> {
        let model = expected.cloned().map_or(Wanted::Absent, Wanted::Present);
        let opposite = match expected {
            None => Wanted::Present(self.plain(0)),
            Some(_) => Wanted::Absent,
        };
        for (state, same) in [(model, true), (opposite, false)] {
            let want = Want {
                iccid: iccid.clone(),
                imsi: imsi.cloned(),
                keys: SealedKeys::default(),
                state,
            };
            let found = self.compare(&want).await?;
            if matches!(found, Comparison::AsWanted) != same {
                return Err(self.broken(format!("{want:?} compares as {found:?}")));
            }
        }
        Ok(())
    }

    /// Asks for a comparison until the network can tell.
    async fn compare(&self, want: &Want) -> Result<Comparison, Broken> {
        let patience = self.driver.limits().command_deadline;
        for _ in 0..self.attempts_max {
            match timeout(patience, self.driver.compare(want)).await {
                Ok(Comparison::Unknown { .. }) | Err(_) => {}
                Ok(comparison) => return Ok(comparison),
            }
        }
        Err(self.broken(format!("no comparison with {want:?} within {patience:?}")))
    }

    /// Asks for a status until the network can tell.
    async fn status(&self, iccid: &Iccid, imsi: Option<&Imsi>) -> Result<NetworkStatus, Broken> {
        let patience = Duration::from_secs(NETWORK_STATUS_SECONDS_MAX);
        for _ in 0..self.attempts_max {
            let answer = timeout(patience, self.driver.status(iccid, imsi)).await;
            match answer.unwrap_or(NetworkStatus::Unknown) {
                NetworkStatus::Unknown => {}
                status => return Ok(status),
            }
        }
        Err(self.broken(format!("no status of {iccid} within {patience:?}")))
    }

    /// Begins a check: nothing of the world is at the network.
    async fn begin(&mut self, check: &'static str) -> Result<(), Broken> {
        self.check = check;
        for at in 0..self.world.sims.len() {
            self.order(vec![self.absent(at)]).await?;
        }
        Ok(())
    }

    fn ticket(&mut self) -> Result<TicketId, Broken> {
        let ticket = self.next_ticket;
        self.next_ticket = TicketId::new(ticket.number().saturating_add(1))
            .ok_or_else(|| self.broken("ticket numbers are used up".into()))?;
        Ok(ticket)
    }

    fn broken(&self, what: String) -> Broken {
        Broken { check: self.check, what }
    }

    fn absent(&self, sim: usize) -> Want {
        self.want(sim, Wanted::Absent)
    }

    /// `sim` served with the given number and the first tariff, without products.
    fn present(&self, sim: usize, number: usize) -> Want {
        self.want(sim, Wanted::Present(self.plain(number)))
    }

    fn plain(&self, number: usize) -> Subscription {
        Subscription {
            msisdn: self.world.numbers.get(number).cloned(),
            tariff: self.world.tariffs[0].clone(),
            products: Products::default(),
        }
    }

    fn want(&self, sim: usize, state: Wanted) -> Want {
        let (iccid, imsi) = self.world.sims[sim % self.world.sims.len()].clone();
        Want { iccid, imsi, keys: SealedKeys::default(), state }
    }
}
