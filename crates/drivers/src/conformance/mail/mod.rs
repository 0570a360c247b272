//! The suite every mail driver must pass.
//!
//! It speaks to a driver as the engine does: commands with a growing fence, each under the deadline that the driver tells,
//! attempts repeated until one is `Done` or `Refused`. Beside the mail system it keeps a model of what the mail system
//! must have, and compares the two for every customer after every command. The port has no question, so whoever runs
//! the suite hands in a way to look ([`Subject::look`]).

mod checks;
mod model;

use async_trait::async_trait;
use provisor_domain::MailAddress;
use provisor_domain::driver::Outcome;
use provisor_domain::mail::{Fence, MailCommand, MailDriver, Mailbox};
use provisor_domain::portal::{PortalId, PortalSecret};
use tokio::time::timeout;

use super::Broken;
use model::Model;

/// A mail system under test.
#[async_trait]
pub trait Subject: Send + Sync {
    /// The driver.
    fn driver(&self) -> &dyn MailDriver;

    /// What the mail system really has of a customer, found out without [`MailDriver::ensure`].
    fn look(&self, customer: &PortalId) -> Holding;

    /// Ends the driver and starts it anew on the same mail system.
    async fn reopen(&mut self);
}

/// What a mail system has of a customer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holding {
    /// The password that opens its mailboxes.
    pub secret: Option<PortalSecret>,
    /// Its mailboxes, primary first, then by address.
    pub mailboxes: Vec<Mailbox>,
}

/// What the suite may use of the mail system under test. Nobody else may have these customers and addresses meanwhile;
/// whatever the mail system has for them is taken away.
#[derive(Debug, Clone)]
pub struct MailWorld {
    /// Portal customers.
    pub customers: [PortalId; 3],
    /// Addresses that the mail system may give them.
    pub addresses: [MailAddress; 6],
    /// An address at another mail system.
    pub elsewhere: MailAddress,
    /// Passwords.
    pub secrets: [PortalSecret; 2],
    /// The first generation of the books to be used.
    pub generation: i64,
    /// The first version of the customers' books to be used; a mail system that remembers commands must not have seen
    /// it or a greater one, nor a greater generation.
    pub first_version: i64,
}

/// A run of the suite.
pub struct MailSuite<'a, S> {
    subject: &'a mut S,
    world: MailWorld,
    attempts_max: i64,
    model: Model,
    generation: i64,
    version: i64,
    check: &'static str,
}

impl<'a, S: Subject> MailSuite<'a, S> {
    /// A run against a mail system that does not fail: every first attempt must succeed.
    pub fn new(subject: &'a mut S, world: MailWorld) -> Self {
        let (generation, version) = (world.generation, world.first_version);
        let (model, check) = (Model::default(), "start");
        Self { subject, world, attempts_max: 1, model, generation, version, check }
    }

    /// Allows a mail system that fails at times this many attempts for each command.
    #[must_use]
    pub fn attempts(self, attempts_max: u16) -> Self {
        Self { attempts_max: attempts_max.into(), ..self }
    }

    /// Sends, as a new ticket and as often as it takes, what a customer is to have; what comes of it, and what the mail
    /// system has afterwards, must be what the model says.
    async fn order(&mut self, customer: usize, wanted: Holding) -> Result<(), Broken> {
        let fence = self.next_fence();
        self.send(customer, wanted, fence).await
    }

    /// The same under a fence of the caller's choice.
    async fn send(&mut self, customer: usize, wanted: Holding, fence: Fence) -> Result<(), Broken> {
        let command = self.command(customer, wanted, fence);
        let (outcome, command) = self.carry_out(command).await?;
        self.settle(&command, &outcome)?;
        self.agree()
    }

    /// Compares what came of a command with the model, and lets the model follow.
    fn settle(&mut self, command: &MailCommand, outcome: &Outcome) -> Result<(), Broken> {
        match (self.model.clone().after(command), outcome) {
            (Ok(model), Outcome::Done) => {
                self.model = model;
                Ok(())
            }
            (Err(_), Outcome::Refused { .. }) => Ok(()),
            (expected, outcome) => {
                let expected = expected.map_or_else(|why| why, |_| "done".into());
                Err(self.broken(format!("{command:?}: expected {expected}, found {outcome:?}")))
            }
        }
    }

    /// Repeats a command, as the engine would, until it is done or refused. Answers with its last attempt.
    async fn carry_out(&self, mut command: MailCommand) -> Result<(Outcome, MailCommand), Broken> {
        let driver = self.subject.driver();
        let deadline = driver.limits().command_deadline;
        let mut last = None;
        for _ in 0..self.attempts_max {
            match timeout(deadline, driver.ensure(&command)).await {
                Ok(outcome @ (Outcome::Done | Outcome::Refused { .. })) => {
                    return Ok((outcome, command));
                }
                Ok(Outcome::Later { after: Some(after), .. }) => tokio::time::sleep(after).await,
                Ok(outcome) => last = Some(outcome),
                Err(_) => last = None,
            }
            command.fence.epoch += 1;
        }
        let last = last.map_or("no answer within the deadline".into(), |last| format!("{last:?}"));
        Err(self
            .broken(format!("{command:?}: not done after {} attempts: {last}", self.attempts_max)))
    }

    /// Compares what the mail system has of every customer with the model.
    fn agree(&self) -> Result<(), Broken> {
        for customer in &self.world.customers {
            let (found, expected) = (self.subject.look(customer), self.model.get(customer));
            if found != expected {
                let what = format!("{customer}: expected {expected:?}, there is {found:?}");
                return Err(self.broken(what));
            }
        }
        Ok(())
    }

    /// Begins a check: nobody has anything.
    async fn begin(&mut self, check: &'static str) -> Result<(), Broken> {
        self.check = check;
        for customer in 0..self.world.customers.len() {
            self.order(customer, Holding::default()).await?;
        }
        Ok(())
    }

    /// The fence of a ticket that brings about the next version of the books.
    fn next_fence(&mut self) -> Fence {
        self.version += 1;
        let (generation, version) = (self.generation, self.version);
        Fence { generation, version, ticket: version, epoch: 1 }
    }

    fn command(&self, customer: usize, wanted: Holding, fence: Fence) -> MailCommand {
        MailCommand {
            fence,
            customer: self.world.customers[customer].clone(),
            secret: wanted.secret,
            mailboxes: wanted.mailboxes,
        }
    }

    fn broken(&self, what: String) -> Broken {
        Broken { check: self.check, what }
    }
}
