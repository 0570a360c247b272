//! The checks. Each begins with customers that have nothing.

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use provisor_domain::driver::Outcome;
use provisor_domain::mail::{Fence, Mailbox, MailboxKind};

use super::model::later;
use super::{Holding, MailSuite, Subject};
use crate::conformance::{Broken, sane};
use crate::simulator::Chance;

/// How many rounds [`MailSuite::customers_are_independent`] makes.
const ROUNDS: usize = 8;
/// How many commands [`MailSuite::run`] makes up by chance.
const RANDOM_COMMANDS: usize = 200;

impl<S: Subject> MailSuite<'_, S> {
    /// Every check, one after the other; the first rule that is broken ends the run.
    pub async fn run(&mut self) -> Result<(), Broken> {
        self.limits_are_sane()?;
        self.a_command_says_everything().await?;
        self.ensuring_twice_is_ensuring_once().await?;
        self.an_older_command_changes_nothing().await?;
        self.what_the_books_say_may_be_repeated().await?;
        self.restored_books_win_over_newer_ones_that_were_lost().await?;
        self.an_address_of_another_customer_is_refused_and_nothing_changes().await?;
        self.customers_are_independent().await?;
        self.of_two_who_want_an_address_one_gets_it().await?;
        self.an_attempt_cut_off_leaves_nothing_that_the_next_cannot_mend().await?;
        self.everything_outlives_the_driver().await?;
        self.any_sequence_of_commands_follows_the_model(1, RANDOM_COMMANDS).await
    }

    /// At least one command may be under way, a deadline fits into a lease, and the answer is steady.
    pub fn limits_are_sane(&mut self) -> Result<(), Broken> {
        self.check = "limits_are_sane";
        let driver = self.subject.driver();
        let limits = driver.limits();
        if sane(&limits) && limits == driver.limits() {
            return Ok(());
        }
        Err(self.broken(format!("{limits:?}")))
    }

    /// Mailboxes come, change in every respect and go; what a command does not name is taken away.
    pub async fn a_command_says_everything(&mut self) -> Result<(), Broken> {
        self.begin("a_command_says_everything").await?;
        let primary = self.world.mailbox(0, MailboxKind::Primary);
        let other = self.world.mailbox(1, MailboxKind::Additional);
        let elsewhere = Some(self.world.elsewhere.clone());
        let forwarded = Mailbox { forward: elsewhere, ..other.clone() };
        let copied = Mailbox { keep_copy: true, ..forwarded.clone() };
        let inside = Mailbox { forward: Some(primary.address.clone()), ..copied.clone() };
        let smaller = Mailbox { quota_bytes: 7, ..primary.clone() };
        let off = |mailbox: &Mailbox| Mailbox { kept_until: Some(later(1)), ..mailbox.clone() };
        let steps = [
            vec![primary.clone()],
            vec![primary.clone(), other.clone()],
            vec![primary.clone(), forwarded],
            vec![copied, primary.clone()],
            vec![smaller, inside],
            vec![off(&primary), off(&other)],
            vec![primary.clone(), off(&other)],
            vec![primary.clone(), other],
            vec![primary],
            vec![],
        ];
        for mailboxes in steps {
            let secret = Some(self.world.secrets[0].clone());
            self.order(0, Holding { secret, mailboxes }).await?;
        }
        for secret in [Some(self.world.secrets[1].clone()), None] {
            let mailboxes = vec![self.world.mailbox(0, MailboxKind::Primary)];
            self.order(0, Holding { secret, mailboxes }).await?;
        }
        Ok(())
    }

    /// The same command again, by the same attempt and by the ones after it.
    pub async fn ensuring_twice_is_ensuring_once(&mut self) -> Result<(), Broken> {
        self.begin("ensuring_twice_is_ensuring_once").await?;
        let fence = self.next_fence();
        for epoch in [1, 1_000, 1_000, 2_000] {
            self.send(0, self.some(&[0, 1]), Fence { epoch, ..fence }).await?;
        }
        Ok(())
    }

    /// A command of a worker that lost its lease arrives after a newer one: it is refused.
    pub async fn an_older_command_changes_nothing(&mut self) -> Result<(), Broken> {
        self.begin("an_older_command_changes_nothing").await?;
        let old = self.next_fence();
        let new = self.next_fence();
        let new = Fence { epoch: 1_000_000, ..new };
        self.send(0, self.some(&[0]), new).await?;
        let older = [
            old,
            Fence { ticket: i64::MAX, ..old },
            Fence { ticket: new.ticket - 1, ..new },
            Fence { epoch: 1, ..new },
            Fence { ticket: 0, epoch: 0, ..old },
        ];
        for fence in older {
            self.send(0, self.some(&[0, 1, 2]), fence).await?;
            self.send(0, Holding::default(), fence).await?;
        }
        // The fence is one customer's.
        self.send(1, self.some(&[3]), old).await?;
        self.order(0, self.some(&[0, 1])).await
    }

    /// A command without a ticket repeats what the books say: it is as new as the ticket that brought their version
    /// about, and does not open the door to an older attempt at that ticket.
    pub async fn what_the_books_say_may_be_repeated(&mut self) -> Result<(), Broken> {
        self.begin("what_the_books_say_may_be_repeated").await?;
        let settled = Fence { epoch: 1_000_000, ..self.next_fence() };
        let repeat = Fence { ticket: 0, epoch: 0, ..settled };
        self.send(0, self.some(&[0]), settled).await?;
        self.send(0, self.some(&[0]), repeat).await?;
        self.send(0, self.some(&[1]), Fence { epoch: 1, ..settled }).await?;
        // A mail system that has lost everything learns it again.
        self.send(1, self.some(&[1]), repeat).await?;
        self.order(0, self.some(&[0, 2])).await
    }

    /// Books that were restored from a backup have lower versions than what the mail system was told before: their
    /// generation makes them the newer ones, and what the lost books said is old.
    pub async fn restored_books_win_over_newer_ones_that_were_lost(
        &mut self,
    ) -> Result<(), Broken> {
        self.begin("restored_books_win_over_newer_ones_that_were_lost").await?;
        let backup = self.next_fence();
        self.version += 10;
        let lost = Fence { epoch: 1_000_000, ..self.next_fence() };
        for customer in [0, 1] {
            self.send(customer, self.some(&[customer, customer + 2]), lost).await?;
        }
        self.generation += 1;
        let restored = Fence { generation: self.generation, ..backup };
        // The one is told by "mail sync", the other by its next ticket.
        let repeat = Fence { ticket: 0, epoch: 0, ..restored };
        self.send(0, self.some(&[0]), repeat).await?;
        self.send(1, self.some(&[1]), restored).await?;
        for fence in
            [lost, Fence { ticket: 0, epoch: 0, ..lost }, Fence { version: i64::MAX, ..lost }]
        {
            self.send(0, self.some(&[4]), fence).await?;
            self.send(1, self.some(&[5]), fence).await?;
        }
        // A repeat is only as new as tickets of its own generation.
        self.send(1, self.some(&[1, 3]), repeat).await?;
        self.send(0, self.some(&[0, 2]), restored).await
    }

    /// An address is one customer's, in whatever letters, also while its mailbox is switched off. A refusal leaves
    /// everything as it was, and is no obstacle afterwards.
    pub async fn an_address_of_another_customer_is_refused_and_nothing_changes(
        &mut self,
    ) -> Result<(), Broken> {
        self.begin("an_address_of_another_customer_is_refused_and_nothing_changes").await?;
        let mut off = self.some(&[0, 1]);
        off.mailboxes[1].kept_until = Some(later(1));
        self.order(0, off).await?;
        self.order(1, self.some(&[2])).await?;
        let mut capitals = self.some(&[3, 0]);
        let address = capitals.mailboxes[1].address.as_str().to_ascii_uppercase();
        capitals.mailboxes[1].address =
            address.parse().map_err(|error| self.broken(format!("{error}")))?;
        self.order(1, capitals).await?;
        self.order(1, self.some(&[3, 2, 0])).await?;
        self.order(1, self.some(&[1])).await?;
        self.order(0, self.some(&[0])).await?;
        self.order(1, self.some(&[1, 3])).await
    }

    /// Commands for different customers at the same time do not disturb each other.
    pub async fn customers_are_independent(&mut self) -> Result<(), Broken> {
        self.begin("customers_are_independent").await?;
        for round in 0..ROUNDS {
            let mut commands = Vec::new();
            for customer in 0..self.world.customers.len() {
                let both = [2 * customer, 2 * customer + 1];
                let wanted = self.some(&both[..(round + customer) % 3]);
                let fence = self.next_fence();
                commands.push(self.command(customer, wanted, fence));
            }
            let this = &*self;
            let all = commands.into_iter().map(|command| this.carry_out(command));
            for ended in join_all(all).await {
                let (outcome, command) = ended?;
                self.settle(&command, &outcome)?;
            }
            self.agree()?;
        }
        Ok(())
    }

    /// Everybody wants the same address at the same time.
    pub async fn of_two_who_want_an_address_one_gets_it(&mut self) -> Result<(), Broken> {
        for round in 0..ROUNDS {
            self.begin("of_two_who_want_an_address_one_gets_it").await?;
            let mut commands = Vec::new();
            for customer in 0..self.world.customers.len() {
                let wanted = self.some(&[3 + customer % 3, round % 3]);
                let fence = self.next_fence();
                commands.push(self.command(customer, wanted, fence));
            }
            let this = &*self;
            let all = commands.into_iter().map(|command| this.carry_out(command));
            let mut ended = join_all(all).await.into_iter().collect::<Result<Vec<_>, _>>()?;
            // In whichever order they were carried out, the one that was done was the first.
            ended.sort_by_key(|(outcome, _)| *outcome != Outcome::Done);
            for (outcome, command) in ended {
                self.settle(&command, &outcome)?;
            }
            self.agree()?;
        }
        Ok(())
    }

    /// The engine drops a command at its deadline, wherever it is; the next attempt brings about the wanted state.
    pub async fn an_attempt_cut_off_leaves_nothing_that_the_next_cannot_mend(
        &mut self,
    ) -> Result<(), Broken> {
        self.begin("an_attempt_cut_off_leaves_nothing_that_the_next_cannot_mend").await?;
        for addresses in [&[0][..], &[0, 1], &[1], &[]] {
            let fence = self.next_fence();
            let command = self.command(0, self.some(addresses), fence);
            // Begun, and dropped at the first point where it would wait.
            let _cut_off = self.subject.driver().ensure(&command).now_or_never();
            self.send(0, self.some(addresses), Fence { epoch: 2, ..fence }).await?;
        }
        Ok(())
    }

    /// A driver that is started anew knows everything, also how old a command may be.
    pub async fn everything_outlives_the_driver(&mut self) -> Result<(), Broken> {
        self.begin("everything_outlives_the_driver").await?;
        let old = self.next_fence();
        self.order(0, self.some(&[0, 1])).await?;
        self.order(1, self.some(&[2])).await?;
        self.subject.reopen().await;
        self.agree()?;
        self.send(0, self.some(&[3]), old).await?;
        self.order(1, self.some(&[1])).await?;
        self.order(1, self.some(&[2, 3])).await
    }

    /// `count` commands made up from `seed`, some of them repeated or old: outcome and state are what the model says.
    pub async fn any_sequence_of_commands_follows_the_model(
        &mut self,
        seed: u64,
        count: usize,
    ) -> Result<(), Broken> {
        self.begin("any_sequence_of_commands_follows_the_model").await?;
        let mut chance = Chance::new(seed);
        for at in 0..count {
            let told = |broken: Broken| Broken {
                what: format!("command {at} of seed {seed}: {}", broken.what),
                ..broken
            };
            let customer = chance.below(self.world.customers.len());
            let wanted = self.world.any_holding(&mut chance);
            let mut fence = self.next_fence();
            if chance.below(8) == 0 {
                fence.version -= i64::try_from(chance.below(6)).unwrap_or_default();
            }
            let repeats = if chance.below(4) == 0 { 2 } else { 1 };
            for _ in 0..repeats {
                self.send(customer, wanted.clone(), fence).await.map_err(told)?;
                fence.epoch += 1_000;
            }
        }
        Ok(())
    }

    /// The first password and working mailboxes of these addresses, the first of them primary.
    fn some(&self, addresses: &[usize]) -> Holding {
        let mailboxes = addresses.iter().enumerate().map(|(at, address)| {
            let kind = if at == 0 { MailboxKind::Primary } else { MailboxKind::Additional };
            self.world.mailbox(*address, kind)
        });
        Holding { secret: Some(self.world.secrets[0].clone()), mailboxes: mailboxes.collect() }
    }
}
