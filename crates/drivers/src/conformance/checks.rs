//! The checks. Each begins with none of the world's SIMs at the network.

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use provisor_domain::driver::{Command, Comparison, OnceKey, Outcome, Subscription, Want, Wanted};
use provisor_domain::service::{AppliedBar, Products};

use super::{Broken, Suite, sane};
use crate::simulator::Chance;

/// How many rounds [`Suite::sims_are_independent`] makes.
const ROUNDS: usize = 8;
/// How many commands [`Suite::run`] makes up by chance.
const RANDOM_COMMANDS: usize = 200;

impl Suite<'_> {
    /// Every check, one after the other; the first rule that is broken ends the run.
    pub async fn run(&mut self) -> Result<(), Broken> {
        self.limits_are_sane()?;
        self.a_sim_comes_and_goes().await?;
        self.ensuring_twice_is_ensuring_once().await?;
        self.a_newer_attempt_confirms_an_older_one().await?;
        self.a_suspending_bar_suspends_and_its_end_resumes().await?;
        self.products_and_tariff_become_what_is_wanted().await?;
        self.a_network_keeps_what_its_driver_says().await?;
        self.a_number_changes_and_the_old_one_is_free().await?;
        self.a_taken_number_is_refused_and_nothing_changes().await?;
        self.a_sim_change_is_one_command().await?;
        self.sims_are_independent().await?;
        self.an_attempt_cut_off_leaves_nothing_that_the_next_cannot_mend().await?;
        self.any_sequence_of_commands_follows_the_model(1, RANDOM_COMMANDS).await
    }

    /// At least one command may be under way, a deadline fits into a lease, and the answer is steady.
    pub fn limits_are_sane(&mut self) -> Result<(), Broken> {
        self.check = "limits_are_sane";
        let limits = self.driver.limits();
        if sane(&limits) && limits == self.driver.limits() {
            return Ok(());
        }
        Err(self.broken(format!("{limits:?}")))
    }

    /// Absent, present, absent; and deleting what is not there is done.
    pub async fn a_sim_comes_and_goes(&mut self) -> Result<(), Broken> {
        self.begin("a_sim_comes_and_goes").await?;
        self.order(vec![self.present(0, 0)]).await?;
        self.order(vec![self.absent(0)]).await?;
        self.order(vec![self.absent(0)]).await?;
        let without_number = self.present(1, usize::MAX);
        self.order(vec![without_number]).await?;
        self.order(vec![self.present(0, 0)]).await
    }

    /// The same wants of another ticket change nothing.
    pub async fn ensuring_twice_is_ensuring_once(&mut self) -> Result<(), Broken> {
        self.begin("ensuring_twice_is_ensuring_once").await?;
        self.order(vec![self.present(0, 0)]).await?;
        self.order(vec![self.present(0, 0)]).await?;
        // Twice in one command, too.
        self.order(vec![self.present(1, 1), self.present(1, 1)]).await
    }

    /// A ticket that was claimed again sends the same command under a newer epoch; an old one may come late.
    pub async fn a_newer_attempt_confirms_an_older_one(&mut self) -> Result<(), Broken> {
        self.begin("a_newer_attempt_confirms_an_older_one").await?;
        let ticket = self.ticket()?;
        let wants = [self.present(0, 0), self.absent(1)];
        for epoch in [1, 2, 1_000, 1] {
            self.attempt(ticket, epoch, &wants).await?;
            self.agree().await?;
        }
        Ok(())
    }

    /// Suspended while any suspending bar is there; other bars do not suspend.
    pub async fn a_suspending_bar_suspends_and_its_end_resumes(&mut self) -> Result<(), Broken> {
        self.begin("a_suspending_bar_suspends_and_its_end_resumes").await?;
        let harmless = AppliedBar { code: self.world.bar.clone(), suspends: false };
        let suspending = AppliedBar { code: self.world.suspending_bar.clone(), suspends: true };
        let both = vec![harmless.clone(), suspending];
        for bars in [vec![], vec![harmless.clone()], both, vec![harmless], vec![]] {
            let products = Products { bars, ..Products::default() };
            let want = self.with(0, Subscription { products, ..self.plain(0) });
            self.order(vec![want]).await?;
        }
        Ok(())
    }

    /// APNs, bolt-ons and tariff are set, not added.
    pub async fn products_and_tariff_become_what_is_wanted(&mut self) -> Result<(), Broken> {
        self.begin("products_and_tariff_become_what_is_wanted").await?;
        let [first, second] = self.world.apns.clone();
        let bolton = vec![self.world.bolton.clone()];
        let sets = [
            (vec![first.clone()], vec![], 0),
            (vec![first, second.clone()], bolton.clone(), 0),
            (vec![second], bolton, 1),
            (vec![], vec![], 1),
        ];
        for (apns, boltons, tariff) in sets {
            let products = Products { apns, boltons, bars: vec![] };
            let tariff = self.world.tariffs[tariff].clone();
            let want = self.with(0, Subscription { products, tariff, ..self.plain(0) });
            self.order(vec![want]).await?;
        }
        Ok(())
    }

    /// Another number is always a difference, another tariff where the network has a place for it; a SIM without an IMSI
    /// is refused where one is needed.
    pub async fn a_network_keeps_what_its_driver_says(&mut self) -> Result<(), Broken> {
        self.begin("a_network_keeps_what_its_driver_says").await?;
        let abilities = self.driver.abilities();
        self.order(vec![self.present(0, 0)]).await?;
        let tariff = self.world.tariffs[1].clone();
        let other_tariff = self.with(0, Subscription { tariff, ..self.plain(0) });
        for (want, differs) in [(self.present(0, 1), true), (other_tariff, abilities.products)] {
            let found = self.compare(&want).await?;
            if matches!(found, Comparison::Differs { .. }) != differs {
                return Err(self.broken(format!("{abilities:?}, but {want:?} is {found:?}")));
            }
        }
        let nameless = Want { imsi: None, ..self.present(1, 1) };
        let ticket = self.ticket()?;
        if abilities.needs_imsi {
            let outcome = self.carry_out(ticket, 1, &[nameless]).await?;
            if !matches!(outcome, Outcome::Refused { .. }) {
                return Err(self.broken(format!("a SIM without an IMSI: {outcome:?}")));
            }
            return self.agree().await;
        }
        self.attempt(ticket, 1, &[nameless]).await?;
        // And it may learn the IMSI later.
        self.order(vec![self.present(1, 1)]).await
    }

    /// A number that a SIM gave up can be another's.
    pub async fn a_number_changes_and_the_old_one_is_free(&mut self) -> Result<(), Broken> {
        self.begin("a_number_changes_and_the_old_one_is_free").await?;
        self.order(vec![self.present(0, 0)]).await?;
        self.order(vec![self.present(0, 1)]).await?;
        self.order(vec![self.present(1, 0)]).await?;
        self.order(vec![self.absent(0)]).await?;
        self.order(vec![self.present(2, 1)]).await
    }

    /// A refusal leaves everything as it was, the earlier parts of its command included.
    pub async fn a_taken_number_is_refused_and_nothing_changes(&mut self) -> Result<(), Broken> {
        self.begin("a_taken_number_is_refused_and_nothing_changes").await?;
        self.order(vec![self.present(0, 0)]).await?;
        self.order(vec![self.present(1, 1)]).await?;
        self.order(vec![self.present(2, 0)]).await?;
        self.order(vec![self.present(1, 0)]).await?;
        self.order(vec![self.absent(1), self.present(3, 3), self.present(2, 0)]).await?;
        // And it is no obstacle afterwards.
        self.order(vec![self.present(2, 2)]).await
    }

    /// The number moves from the old SIM to the new one; the other way round it is still taken.
    pub async fn a_sim_change_is_one_command(&mut self) -> Result<(), Broken> {
        self.begin("a_sim_change_is_one_command").await?;
        self.order(vec![self.present(0, 0)]).await?;
        self.order(vec![self.absent(0), self.present(1, 0)]).await?;
        self.order(vec![self.present(2, 0), self.absent(1)]).await?;
        self.order(vec![self.absent(1), self.present(0, 0)]).await
    }

    /// Commands for different SIMs at the same time do not disturb each other.
    pub async fn sims_are_independent(&mut self) -> Result<(), Broken> {
        self.begin("sims_are_independent").await?;
        for round in 0..ROUNDS {
            let mut commands = Vec::new();
            for sim in 0..self.world.sims.len() {
                let present = (round + sim) % 3 != 0;
                let want = if present { self.present(sim, sim) } else { self.absent(sim) };
                commands.push((self.ticket()?, vec![want]));
            }
            let this = &*self;
            let all = commands.iter().map(|(ticket, wants)| this.carry_out(*ticket, 1, wants));
            for (outcome, (_, wants)) in join_all(all).await.into_iter().zip(&commands) {
                match (outcome?, self.model.clone().after(wants)) {
                    (Outcome::Done, Ok(model)) => self.model = model,
                    (outcome, _) => {
                        return Err(self.broken(format!("{wants:?}: {outcome:?}")));
                    }
                }
            }
            self.agree().await?;
        }
        Ok(())
    }

    /// The engine drops a command at its deadline, wherever it is; the next attempt brings about the wanted state.
    pub async fn an_attempt_cut_off_leaves_nothing_that_the_next_cannot_mend(
        &mut self,
    ) -> Result<(), Broken> {
        self.begin("an_attempt_cut_off_leaves_nothing_that_the_next_cannot_mend").await?;
        let steps = [
            vec![self.present(0, 0)],
            vec![self.absent(0), self.present(1, 0)],
            vec![self.absent(1)],
        ];
        for wants in steps {
            let ticket = self.ticket()?;
            let command = Command { once: OnceKey { ticket, epoch: 1 }, wants, fresh: true };
            // Begun, and dropped at the first point where it would wait.
            let _cut_off = self.driver.ensure(&command).now_or_never();
            self.attempt(ticket, 2, &command.wants).await?;
            self.agree().await?;
        }
        Ok(())
    }

    /// `count` commands made up from `seed`, some of them repeated: outcome and state are what the model says.
    pub async fn any_sequence_of_commands_follows_the_model(
        &mut self,
        seed: u64,
        count: usize,
    ) -> Result<(), Broken> {
        self.begin("any_sequence_of_commands_follows_the_model").await?;
        let mut chance = Chance::new(seed);
        for at in 0..count {
            let wants = self.world.any_wants(&mut chance);
            let ticket = self.ticket()?;
            // The engine does not repeat what was refused.
            let twice = chance.below(4) == 0 && self.model.clone().after(&wants).is_ok();
            let repeats = if twice { 2 } else { 1 };
            for epoch in 1..=repeats {
                let told = |broken: Broken| Broken {
                    what: format!("command {at} of seed {seed}: {}", broken.what),
                    ..broken
                };
                self.attempt(ticket, epoch, &wants).await.map_err(told)?;
                self.agree().await.map_err(told)?;
            }
        }
        Ok(())
    }

    fn with(&self, sim: usize, subscription: Subscription) -> Want {
        self.want(sim, Wanted::Present(subscription))
    }
}
