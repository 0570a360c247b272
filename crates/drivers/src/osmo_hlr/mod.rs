//! Osmocom's HLR (`driver = "osmo-hlr"`): subscribers by IMSI, with number, Milenage keys and network access mode.
//!
//! A command is carried out declaratively: everything is read, the conflicts of the whole command are found, the
//! difference is written, and what is there is read back. Where the books know of nothing (a connect) making the subscriber is
//! the first question: an HLR that makes it says so that there was none, and one that has it changes nothing. Tariff, APNs,
//! bolt-ons and bars that do not suspend have no place in this HLR; they are kept in the books only.
//!
//! Invariants:
//! - A refusal leaves everything as it was. Where the HLR refuses in the middle of a command (a number was taken meanwhile by
//!   somebody else), what was written is taken back, or the answer is `Unknown`.
//! - Keys of SIMs are in no message, log or `Debug`, and are written only where they differ.
//! - Nothing is deleted that was not barred first, and a SIM that is suspended or goes is detached where that is configured:
//!   *barred* and *detached* are two facts, and where only the first is so the answer says which serving node is left.

mod course;
mod ctrl;
mod gsup;
mod hlr;
mod ipa;
mod line;
mod settings;
mod subscriber;
mod vty;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::try_join_all;
use provisor_domain::driver::{
    Abilities, Command, Comparison, Driver, DriverLimits, NetworkStatus, Outcome, Want, Wanted,
};
use provisor_domain::limits::NETWORK_STATUS_SECONDS_MAX;
use provisor_domain::{Iccid, Imsi, Msisdn, NetworkCode, OpenKeys, PlainKeys};
use tokio::time::timeout;

use course::{Found, Holders, Part, Step};
use hlr::{Failed, Hlr};
use line::Fault;
pub use settings::{Detach, IN_FLIGHT_MAX, RATE_PER_SECOND_MAX, Settings};
use subscriber::{Access, Keys, Subscriber, Target};

/// The part of a deadline that a command may use up; the rest is for its answer to arrive before it is cut off.
const DEADLINE_TENTHS: u32 = 9;

/// The epoch of a ticket's first attempt.
const FIRST_EPOCH: i64 = 1;

/// An osmo-hlr.
#[derive(Debug)]
pub struct OsmoHlr {
    settings: Settings,
    keys: Arc<dyn OpenKeys>,
    hlr: Hlr,
    /// The last command got no answer: until one gets some, none begins by writing.
    silent: AtomicBool,
}

/// How far a command has come: whether anything may have been written.
#[derive(Debug, Default)]
struct Progress(AtomicBool);

impl Progress {
    fn wrote(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Something may be written from here on; answers what was so before.
    fn writes(&self) -> bool {
        self.0.swap(true, Ordering::Relaxed)
    }

    /// Nothing was written since it was like this.
    fn restore(&self, before: bool) {
        self.0.store(before, Ordering::Relaxed);
    }
}

impl OsmoHlr {
    /// The HLR of `network`. Connects when it is first needed. `keys` opens the keys of SIMs.
    pub fn new(network: &NetworkCode, settings: Settings, keys: Arc<dyn OpenKeys>) -> Self {
        // Of two programs with one name the HLR would give answers to the wrong one.
        let name = format!("PROVISOR-{network}-{:08x}", rand::random::<u32>());
        Self { hlr: Hlr::new(&settings, name), settings, keys, silent: AtomicBool::new(false) }
    }

    /// How many requests it has made of the HLR since it was made.
    pub fn operations(&self) -> u64 {
        self.hlr.operations()
    }

    /// The wants as subscribers.
    fn parts<'a>(&self, wants: &'a [Want]) -> Result<Vec<Part<'a>>, Failed> {
        wants.iter().map(|want| self.part(want)).collect()
    }

    fn part<'a>(&self, want: &'a Want) -> Result<Part<'a>, Failed> {
        let imsi = want.imsi.clone().ok_or_else(|| {
            let iccid = &want.iccid;
            Failed::Refused(format!(
                "SIM {iccid} has no IMSI, and an HLR knows SIMs by nothing else: import it with one"
            ))
        })?;
        let keys = if want.state == Wanted::Absent { None } else { self.open(want)? };
        Ok(Part::new(want, imsi, keys))
    }

    /// The SIM's keys in the clear, where the books have them.
    fn open(&self, want: &Want) -> Result<Option<Keys>, Failed> {
        if want.keys.is_empty() {
            return Ok(None);
        }
        // A key file that is away is put back by a person; nothing about the order is wrong.
        let opened = self.keys.open(&want.iccid, &want.keys).map_err(Failed::Later)?;
        let PlainKeys { ki: Some(ki), opc: Some(opc) } = opened else {
            let iccid = &want.iccid;
            return Err(Failed::Refused(format!(
                "SIM {iccid} has only one of Ki and OPc; Milenage needs both"
            )));
        };
        Ok(Some(Keys { ki, opc }))
    }

    /// What the HLR has for these IMSIs.
    async fn read(&self, imsis: BTreeSet<&Imsi>, keys: bool) -> Result<Found, Failed> {
        let read = imsis.into_iter().map(|imsi| async move {
            Ok::<_, Failed>((imsi.clone(), self.hlr.read(imsi, keys).await?))
        });
        Ok(try_join_all(read).await?.into_iter().collect())
    }

    /// Who has the numbers that a command wants, but those that are found with one of its subscribers: nobody else has them.
    async fn holders(&self, parts: &[Part<'_>], found: &Found) -> Result<Holders, Failed> {
        let known: BTreeSet<&Msisdn> =
            found.values().flatten().filter_map(|found| found.msisdn.as_ref()).collect();
        let wanted = parts.iter().filter_map(|part| part.target.number());
        let numbers: BTreeSet<&Msisdn> = wanted.filter(|number| !known.contains(number)).collect();
        let asked = numbers.into_iter().map(|number| async move {
            let holder = self.hlr.holder(number).await?;
            Ok::<_, Failed>(holder.map(|holder| (number.clone(), holder)))
        });
        Ok(try_join_all(asked).await?.into_iter().flatten().collect())
    }

    /// Carries out the command of a SIM that the HLR should have nothing for by making it at once. `None` when it has
    /// something, or the command is of another kind; then nothing was written.
    async fn make(&self, parts: &[Part<'_>], progress: &Progress) -> Option<Outcome> {
        let [Part { imsi, target, .. }] = parts else { return None };
        let Target::Present { msisdn, access: Access::ALL, keys } = target else { return None };
        let before = progress.writes();
        match self.hlr.create(imsi).await {
            Ok(true) => {}
            Ok(false) => {
                progress.restore(before);
                return None;
            }
            Err(failed) if untouched(&failed) => {
                progress.restore(before);
                return Some(nothing_written(failed));
            }
            Err(failed) => return Some(Outcome::Unknown { reason: words(failed) }),
        }
        let found = match self.hlr.equip(imsi, keys.as_ref(), msisdn.as_ref()).await {
            Ok(found) => found,
            Err(Failed::Refused(reason)) => {
                let nothing = Found::from([(imsi.clone(), None)]);
                return Some(self.take_back(&nothing, false, reason).await);
            }
            Err(failed) => return Some(Outcome::Unknown { reason: words(failed) }),
        };
        let registered = found.as_ref().is_some_and(Subscriber::is_registered);
        let found = Found::from([(imsi.clone(), found)]);
        let outcome = compared(&BTreeMap::from([(imsi.clone(), target.clone())]), &found);
        // Whoever let a device in before it had its number has not been told of it.
        if outcome == Outcome::Done
            && let Some(number) = msisdn.as_ref().filter(|_| registered)
            && let Err(failed) = self.hlr.tell(imsi, number).await
        {
            return Some(Outcome::Unknown { reason: words(failed) });
        }
        Some(outcome)
    }

    async fn bring_about(
        &self,
        command: &Command,
        parts: &[Part<'_>],
        progress: &Progress,
    ) -> Outcome {
        let tries = command.fresh && !self.silent.load(Ordering::Relaxed);
        if tries && let Some(outcome) = self.make(parts, progress).await {
            return outcome;
        }
        let imsis = parts.iter().map(|part| &part.imsi).collect();
        // With keys only where they are compared: what is not read cannot leak.
        let keyed = |part: &Part<'_>| matches!(part.target, Target::Present { keys: Some(_), .. });
        let keys = parts.iter().any(keyed);
        let found = match self.read(imsis, keys).await {
            Ok(found) => found,
            Err(failed) => return nothing_written(failed),
        };
        let holders = match self.holders(parts, &found).await {
            Ok(holders) => holders,
            Err(failed) => return nothing_written(failed),
        };
        let targets = match course::targets(parts, &found, holders) {
            Ok(targets) => targets,
            Err(reason) => return refused(command, parts, &found, reason),
        };
        let steps = course::steps(&targets, &found, self.settings.detach == Detach::Gsup);
        if steps.is_empty() {
            return self.told_again(command, &targets, &found).await;
        }
        match self.walk(&steps, &found, progress).await {
            Ok(()) => self.read_back(&targets, keys).await,
            Err(failed) if !progress.wrote() => nothing_written(failed),
            Err(Failed::Refused(reason)) => self.take_back(&found, keys, reason).await,
            Err(failed) => Outcome::Unknown { reason: words(failed) },
        }
    }

    /// The answer to a command of which nothing is left to write. An earlier attempt may have been cut off between a number
    /// and the word to the serving node that came before it ([`Self::make`]); to be told twice does no harm.
    async fn told_again(
        &self,
        command: &Command,
        targets: &BTreeMap<Imsi, Target>,
        found: &Found,
    ) -> Outcome {
        if command.once.epoch == FIRST_EPOCH {
            return Outcome::Done;
        }
        for (imsi, target) in targets {
            let registered = found.get(imsi).and_then(Option::as_ref);
            let registered = registered.is_some_and(Subscriber::is_registered);
            if let Some(number) = target.number().filter(|_| registered)
                && let Err(failed) = self.hlr.tell(imsi, number).await
            {
                return Outcome::Unknown { reason: words(failed) };
            }
        }
        Outcome::Done
    }

    async fn walk(&self, steps: &[Step], found: &Found, progress: &Progress) -> Result<(), Failed> {
        for step in steps {
            let subscriber = found.get(step.imsi()).and_then(Option::as_ref);
            let before = progress.writes();
            let done = self.hlr.carry_out(step, subscriber).await;
            if done.as_ref().is_err_and(untouched) {
                progress.restore(before);
            }
            done?;
        }
        Ok(())
    }

    /// What is there now, against what was to be there.
    async fn read_back(&self, targets: &BTreeMap<Imsi, Target>, keys: bool) -> Outcome {
        match self.read(targets.keys().collect(), keys).await {
            Ok(found) => compared(targets, &found),
            Err(failed) => Outcome::Unknown { reason: words(failed) },
        }
    }

    /// Brings back what there was before a command that the HLR refused half-way.
    async fn take_back(&self, before: &Found, keys: bool, reason: String) -> Outcome {
        let targets: BTreeMap<Imsi, Target> = before
            .iter()
            .map(|(imsi, found)| (imsi.clone(), Target::restored(found.as_ref())))
            .collect();
        let back = async {
            let now = self.read(targets.keys().collect(), keys).await?;
            let steps = course::steps(&targets, &now, false);
            self.walk(&steps, &now, &Progress::default()).await?;
            let now = self.read(targets.keys().collect(), keys).await?;
            Ok::<_, Failed>(differing(&targets, &now))
        };
        match back.await {
            Ok(None) => Outcome::Refused { reason },
            Ok(Some(what)) => {
                Outcome::Unknown { reason: format!("{reason}; not all was taken back: {what}") }
            }
            Err(failed) => {
                let why = words(failed);
                Outcome::Unknown { reason: format!("{reason}; not all was taken back: {why}") }
            }
        }
    }

    /// One subscriber within the time that a question may take.
    async fn look(&self, imsi: &Imsi, keys: bool) -> Result<Option<Subscriber>, String> {
        let patience = Duration::from_secs(NETWORK_STATUS_SECONDS_MAX) * DEADLINE_TENTHS / 10;
        match timeout(patience, self.hlr.read(imsi, keys)).await {
            Ok(found) => found.map_err(words),
            Err(_) => Err(format!("the HLR does not answer within {patience:?}")),
        }
    }
}

/// The first subscriber that is not as it is to be, and how.
fn differing(targets: &BTreeMap<Imsi, Target>, found: &Found) -> Option<String> {
    targets.iter().find_map(|(imsi, target)| {
        let differences = target.differences(found.get(imsi).and_then(Option::as_ref));
        (!differences.is_empty()).then(|| format!("IMSI {imsi}: {}", differences.join(", ")))
    })
}

/// The answer to a command of which everything was written.
fn compared(targets: &BTreeMap<Imsi, Target>, found: &Found) -> Outcome {
    match differing(targets, found) {
        None => Outcome::Done,
        Some(what) => Outcome::Unknown {
            reason: format!("the HLR did as it was told and has something else: {what}"),
        },
    }
}

/// The answer to a command that cannot be carried out, of which nothing was written now. An earlier attempt may have made a
/// subscriber and been cut off before it was taken back.
fn refused(command: &Command, parts: &[Part<'_>], found: &Found, reason: String) -> Outcome {
    let without_number = |part: &&Part<'_>| {
        let found = found.get(&part.imsi).and_then(Option::as_ref);
        part.target.number().is_some() && found.is_some_and(|found| found.msisdn.is_none())
    };
    match parts.iter().find(without_number) {
        Some(Part { imsi, .. }) if command.once.epoch > FIRST_EPOCH => Outcome::Unknown {
            reason: format!(
                "{reason}; IMSI {imsi} is there without a number, and an earlier attempt may have made it"
            ),
        },
        _ => Outcome::Refused { reason },
    }
}

/// Whether a write that failed like this has changed nothing.
fn untouched(failed: &Failed) -> bool {
    matches!(failed, Failed::Fault(Fault::NotSent(_)) | Failed::Refused(_) | Failed::Later(_))
}

/// The answer to a command of which nothing was written.
fn nothing_written(failed: Failed) -> Outcome {
    match failed {
        Failed::Fault(fault) => Outcome::Unavailable { reason: fault.reason() },
        Failed::Refused(reason) => Outcome::Refused { reason },
        Failed::Later(reason) => Outcome::Later { reason, after: None },
        Failed::Attached(reason) => Outcome::Unknown { reason },
    }
}

fn words(failed: Failed) -> String {
    match failed {
        Failed::Fault(fault) => fault.reason(),
        Failed::Refused(reason) | Failed::Later(reason) | Failed::Attached(reason) => reason,
    }
}

fn status(found: Option<&Subscriber>) -> NetworkStatus {
    match found {
        None => NetworkStatus::Absent,
        Some(subscriber) if subscriber.access == Access::NONE => NetworkStatus::Suspended,
        Some(_) => NetworkStatus::Active,
    }
}

#[async_trait]
impl Driver for OsmoHlr {
    async fn ensure(&self, command: &Command) -> Outcome {
        let parts = match self.parts(&command.wants) {
            Ok(parts) => parts,
            Err(failed) => return nothing_written(failed),
        };
        let progress = Progress::default();
        let patience = self.settings.deadline * DEADLINE_TENTHS / 10;
        let answer = timeout(patience, self.bring_about(command, &parts, &progress)).await;
        self.silent.store(answer.is_err(), Ordering::Relaxed);
        match answer {
            Ok(outcome) => outcome,
            Err(_) if progress.wrote() => Outcome::Unknown {
                reason: format!("the HLR has not answered everything within {patience:?}"),
            },
            Err(_) => Outcome::Unavailable {
                reason: format!("the HLR does not answer within {patience:?}; nothing was changed"),
            },
        }
    }

    async fn status(&self, _iccid: &Iccid, imsi: Option<&Imsi>) -> NetworkStatus {
        let Some(imsi) = imsi else { return NetworkStatus::Unknown };
        let found = self.look(imsi, false).await;
        found.map_or(NetworkStatus::Unknown, |found| status(found.as_ref()))
    }

    async fn compare(&self, want: &Want) -> Comparison {
        let Part { imsi, target, .. } = match self.part(want) {
            Ok(part) => part,
            Err(failed) => return Comparison::Unknown { reason: words(failed) },
        };
        let keys = matches!(target, Target::Present { keys: Some(_), .. });
        let found = match self.look(&imsi, keys).await {
            Ok(found) => found,
            Err(reason) => return Comparison::Unknown { reason },
        };
        let differences = target.differences(found.as_ref());
        if differences.is_empty() {
            return Comparison::AsWanted;
        }
        Comparison::Differs { found: status(found.as_ref()), what: differences.join(", ") }
    }

    async fn detail(&self, _iccid: &Iccid, imsi: Option<&Imsi>) -> Option<String> {
        let found = self.look(imsi?, false).await.ok()??;
        let access = match found.access {
            Access::NONE => "barred for calls and data".to_owned(),
            Access::ALL => "admitted to calls and data".to_owned(),
            other => format!("admitted in part (network access mode {})", other.word()),
        };
        let at =
            |what: &str, node: &Option<String>| node.as_ref().map(|node| format!("{what} {node}"));
        let nodes: Vec<String> =
            [at("SGSN", &found.sgsn), at("VLR", &found.vlr)].into_iter().flatten().collect();
        let nodes = if nodes.is_empty() { "nowhere".to_owned() } else { nodes.join(" and ") };
        Some(format!("{access}; last registered at {nodes}"))
    }

    fn abilities(&self) -> Abilities {
        Abilities { needs_imsi: true, products: false }
    }

    fn limits(&self) -> DriverLimits {
        DriverLimits {
            in_flight_max: self.settings.in_flight,
            per_second_max: self.settings.rate_per_second,
            command_deadline: self.settings.deadline,
        }
    }
}
