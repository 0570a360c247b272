//! Carrying a command out: want by want, look, send what differs, look again.
//!
//! What an element did not do is not taken for done because it says so, and what it did is taken for done although it says
//! no: with a query the last look decides. When a want fails after others were carried out they are put back as they
//! were, as far as the query reads what the requests send; where that does not work out the answer is `Unknown`.
//!
//! A request that is answered by callback ends the attempt with `Accepted`. The report says which want it is about; the
//! next attempt goes on from there.

use std::collections::BTreeMap;

use provisor_domain::driver::{Command, Outcome, Report, Reported, Want, Wanted};
use provisor_domain::{Iccid, Imsi};

use super::HttpDriver;
use super::client::NoReply;
use super::look::{Found, Service};
use super::request::{Answers, CALLBACK, Step, Unmade};
use super::rules::{Answer, Class, classify, failure};
use super::settings::Act;
use super::template::{Datum, Lookup};

/// A SIM, as a query names it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sim<'a> {
    pub(super) iccid: &'a Iccid,
    pub(super) imsi: Option<&'a Imsi>,
}

/// What a look at a SIM found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Looked {
    Absent,
    Found(Box<Found>),
    /// There is no query.
    Blind,
    /// Nothing, because of this.
    Failed(Outcome),
}

/// How a SIM is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Target {
    Absent,
    Present(Service),
}

/// What is known of an earlier attempt at one of the wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Earlier {
    None,
    /// The element reported that it was done.
    Reported(u16),
    /// The element accepted it and has not reported.
    Accepted(u16),
}

/// What came of bringing one SIM about.
enum Brought {
    /// It was so already.
    AsWanted,
    /// It is so now; before, it was like this.
    Changed(Looked),
    /// The element took it and will report.
    Accepted,
    /// It is as before.
    Failed(Outcome),
    /// It is neither as before nor as wanted; before, it was like this.
    Half(Outcome, Looked),
}

/// What came of an act's requests.
enum Sent {
    Done,
    Accepted,
    Failed(Outcome),
}

/// Why an attempt did not bring it about, in one line.
pub(super) fn reason(outcome: Outcome) -> String {
    match outcome {
        Outcome::Refused { reason }
        | Outcome::Later { reason, .. }
        | Outcome::Unavailable { reason }
        | Outcome::Unknown { reason } => reason,
        Outcome::Done => "it is done".to_owned(),
        Outcome::Accepted { .. } => "the element has not reported yet".to_owned(),
    }
}

fn unknown(reason: impl Into<String>) -> Outcome {
    Outcome::Unknown { reason: reason.into() }
}

impl<'a> Sim<'a> {
    pub(super) fn of(want: &'a Want) -> Self {
        Self { iccid: &want.iccid, imsi: want.imsi.as_ref() }
    }

    fn datum(self, name: &str) -> Option<Result<Datum, String>> {
        match name {
            "iccid" => Some(Ok(Datum::Text(self.iccid.to_string()))),
            "imsi" => Some(match self.imsi {
                Some(imsi) => Ok(Datum::Text(imsi.to_string())),
                None => {
                    Err("the books have no IMSI for the SIM, which the element needs".to_owned())
                }
            }),
            _ => None,
        }
    }
}

impl Target {
    fn of(want: &Want) -> Self {
        match &want.state {
            Wanted::Absent => Self::Absent,
            Wanted::Present(subscription) => Self::Present(Service::from(subscription)),
        }
    }

    fn is(&self, looked: &Looked) -> bool {
        match (self, looked) {
            (Self::Absent, Looked::Absent) => true,
            (Self::Present(service), Looked::Found(found)) => found.differs(service).is_none(),
            _ => false,
        }
    }

    fn difference(&self, looked: &Looked) -> String {
        match (self, looked) {
            (Self::Present(service), Looked::Found(found)) => found.differs(service).words(),
            (Self::Absent, _) => "the SIM is still there".to_owned(),
            (Self::Present(_), _) => "the SIM is not there".to_owned(),
        }
    }
}

impl HttpDriver {
    /// What the element has for a SIM.
    pub(super) async fn look(&self, sim: Sim<'_>) -> Looked {
        let Some(query) = &self.settings.query else { return Looked::Blind };
        let lookup = |name: &str| sim.datum(name).unwrap_or_else(|| Err(unfilled(name)));
        let answer = match self.send(&query.step, &lookup).await {
            Ok(answer) => answer,
            Err(outcome) => return Looked::Failed(outcome),
        };
        if query.is_absent(&answer) {
            return Looked::Absent;
        }
        let rules = query.step.rules.iter().chain(&self.settings.rules);
        let (class, told) = classify(rules, &answer, Class::Success);
        let reason = format!("query: {told}");
        Looked::Failed(match class {
            Class::Success => match query.found(&answer, &self.settings.codes) {
                Ok(found) => return Looked::Found(Box::new(found)),
                Err(error) => Outcome::Later { reason: format!("query: {error}"), after: None },
            },
            Class::Unavailable => Outcome::Unavailable { reason },
            // Whatever went wrong, nothing was changed by asking.
            Class::Accepted | Class::Refused | Class::Later | Class::Unknown => {
                Outcome::Later { reason, after: answer.retry_after }
            }
        })
    }

    async fn send(&self, step: &Step, lookup: Lookup<'_>) -> Result<Answer, Outcome> {
        let request = step.fill(&self.settings.base, lookup).map_err(|error| match error {
            Unmade::Value(reason) => Outcome::Refused { reason },
            Unmade::Secret(reason) => Outcome::Unavailable { reason },
        })?;
        match self.client.exchange(request).await {
            Ok(reply) => Ok(reply.into()),
            Err(NoReply::NotSent(reason)) => Err(Outcome::Unavailable { reason }),
            Err(NoReply::Lost(reason)) => Err(Outcome::Unknown { reason }),
        }
    }
}

fn unfilled(name: &str) -> String {
    format!("nothing is known of {{{name}}} here")
}

/// One attempt at a command.
pub(super) struct Run<'a> {
    driver: &'a HttpDriver,
    command: &'a Command,
    /// What this attempt changed: which want, and how its SIM was before.
    changed: Vec<(usize, Looked)>,
    /// Whether a want was as wanted already: an earlier attempt may have seen to that.
    confirmed: bool,
}

/// What a request of an act is filled from.
struct Filling<'a> {
    sim: Sim<'a>,
    part: usize,
    act: Act,
    target: &'a Target,
    /// Set while something is put back as it was.
    back: bool,
    taken: BTreeMap<String, String>,
}

impl<'a> Run<'a> {
    pub(super) fn new(driver: &'a HttpDriver, command: &'a Command) -> Self {
        Self { driver, command, changed: Vec::new(), confirmed: false }
    }

    /// Carries out the wants from `first` on.
    pub(super) async fn from(mut self, first: usize, earlier: Earlier) -> Outcome {
        self.confirmed = first > 0;
        for (part, want) in self.command.wants.iter().enumerate().skip(first) {
            match self.bring(part, &Target::of(want), earlier, false).await {
                Brought::AsWanted => self.confirmed = true,
                Brought::Changed(before) => self.changed.push((part, before)),
                Brought::Accepted => return self.accepted(part),
                Brought::Failed(outcome) => return self.back_out(outcome).await,
                Brought::Half(outcome, before) => {
                    self.changed.push((part, before));
                    return self.back_out(outcome).await;
                }
            }
        }
        Outcome::Done
    }

    /// Looks whether the want that was accepted is done although nothing was reported, and goes on if it is.
    pub(super) async fn still_waiting(self, part: u16) -> Outcome {
        let settings = &self.driver.settings;
        if !settings.answers_later() {
            return self.from(0, Earlier::None).await; // the network's table has changed since
        }
        match settings.query {
            Some(_) => self.from(0, Earlier::Accepted(part)).await,
            None => self.accepted(part.into()),
        }
    }

    /// Goes on after a report.
    pub(super) async fn reported(self, report: &Report) -> Outcome {
        match &report.says {
            Reported::Done if self.driver.settings.query.is_some() => {
                self.from(0, Earlier::Reported(report.part)).await
            }
            Reported::Done => self.from(usize::from(report.part) + 1, Earlier::None).await,
            Reported::Refused { reason } if report.part == 0 => {
                Outcome::Refused { reason: reason.clone() }
            }
            Reported::Refused { reason } => {
                unknown(format!("{reason}; what comes before it in the command was done"))
            }
            Reported::Later { reason } => Outcome::Later { reason: reason.clone(), after: None },
        }
    }

    fn accepted(&self, part: usize) -> Outcome {
        let settings = &self.driver.settings;
        let part = u16::try_from(part).unwrap_or(u16::MAX);
        let (look_after, give_up_after) = (settings.look_after, settings.give_up_after);
        Outcome::Accepted { part, look_after, give_up_after }
    }

    /// Puts back what this attempt changed, so that its failure is one without effect.
    async fn back_out(mut self, outcome: Outcome) -> Outcome {
        if matches!(outcome, Outcome::Unknown { .. }) {
            return outcome;
        }
        let sent = self.driver.settings.sent();
        for (part, before) in std::mem::take(&mut self.changed).into_iter().rev() {
            let target = match before {
                Looked::Absent => Some(Target::Absent),
                Looked::Found(found) => found.service(&sent).map(Target::Present),
                Looked::Blind | Looked::Failed(_) => None,
            };
            let back = match &target {
                Some(target) => self.bring(part, target, Earlier::None, true).await,
                None => Brought::Failed(unknown("")),
            };
            if !matches!(back, Brought::AsWanted | Brought::Changed(_)) {
                let reason = reason(outcome);
                return unknown(format!("{reason}; what was done before could not be taken back"));
            }
        }
        match outcome {
            Outcome::Refused { reason } if self.confirmed && self.command.once.epoch > 1 => {
                unknown(format!("{reason}; an earlier attempt may have done part of it"))
            }
            outcome => outcome,
        }
    }

    /// Brings one SIM about.
    async fn bring(&self, part: usize, target: &Target, earlier: Earlier, back: bool) -> Brought {
        let Some(want) = self.command.wants.get(part) else { return Brought::AsWanted };
        let sim = Sim::of(want);
        let is_this = |other: u16| usize::from(other) == part;
        let mut before = None;
        let mut acts: Vec<Act> = Vec::new();
        let mut failed: Option<Outcome> = None;
        loop {
            let looked = match self.driver.look(sim).await {
                Looked::Failed(outcome) => {
                    return Brought::Failed(unread(outcome, failed, acts.len()));
                }
                Looked::Blind => return self.blindly(part, sim, target).await,
                looked => looked,
            };
            let before = before.get_or_insert_with(|| looked.clone()).clone();
            if target.is(&looked) {
                return if acts.is_empty() { Brought::AsWanted } else { Brought::Changed(before) };
            }
            match failed.take() {
                Some(failure @ Outcome::Unknown { .. }) => return Brought::Failed(failure),
                Some(failure) if looked == before => return Brought::Failed(failure),
                Some(failure) => return Brought::Half(failure, before),
                None => {}
            }
            let act = self.choose(target, &looked);
            let reported = matches!(earlier, Earlier::Reported(other) if is_this(other));
            if matches!(earlier, Earlier::Accepted(other) if is_this(other)) {
                return Brought::Accepted;
            }
            if reported || acts.contains(&act) {
                let how = if reported { "reported" } else { "answered" };
                let difference = target.difference(&looked);
                let reason = format!("the element {how} that it was done, but {difference}");
                return Brought::Failed(unknown(reason));
            }
            acts.push(act);
            let taken = match looked {
                Looked::Found(found) => found.taken,
                _ => BTreeMap::new(),
            };
            match self.act(Filling { sim, part, act, target, back, taken }).await {
                Sent::Done => {}
                Sent::Accepted => return Brought::Accepted,
                Sent::Failed(outcome) => failed = Some(outcome),
            }
        }
    }

    /// Without a query the answer is all there is.
    async fn blindly(&self, part: usize, sim: Sim<'_>, target: &Target) -> Brought {
        let act = if *target == Target::Absent { Act::Absent } else { Act::Present };
        let taken = BTreeMap::new();
        match self.act(Filling { sim, part, act, target, back: false, taken }).await {
            Sent::Done => Brought::Changed(Looked::Blind),
            Sent::Accepted => Brought::Accepted,
            Sent::Failed(outcome) => Brought::Failed(outcome),
        }
    }

    fn choose(&self, target: &Target, looked: &Looked) -> Act {
        let settings = &self.driver.settings;
        match (target, looked) {
            (Target::Absent, _) => Act::Absent,
            (Target::Present(service), Looked::Found(found)) => {
                let apart = settings.acts.contains_key(&Act::Suspend);
                match found.differs(service) {
                    differences if apart && differences.facts.is_empty() => {
                        if service.suspended {
                            Act::Suspend
                        } else {
                            Act::Resume
                        }
                    }
                    _ => settings.finer(Act::Update),
                }
            }
            (Target::Present(_), _) => settings.finer(Act::Create),
        }
    }

    /// Sends the requests of an act, one after the other.
    async fn act(&self, mut filling: Filling<'_>) -> Sent {
        let settings = &self.driver.settings;
        let act = filling.act;
        let mut changed = false;
        for (at, step) in settings.acts.get(&act).into_iter().flatten().enumerate() {
            let lookup = |name: &str| self.datum(&filling, at, name);
            let answer = match self.driver.send(step, &lookup).await {
                Ok(answer) => answer,
                Err(outcome) => return Sent::Failed(partly(outcome, changed)),
            };
            let success = match step.answers {
                Answers::AtOnce => Class::Success,
                Answers::Later | Answers::ByCallback => Class::Accepted,
            };
            let (class, told) =
                classify(step.rules.iter().chain(&settings.rules), &answer, success);
            let reason = format!("{}: {told}", act.as_str());
            if let Some(outcome) = failure(class, reason, answer.retry_after) {
                return Sent::Failed(partly(outcome, changed));
            }
            if class == Class::Accepted {
                return Sent::Accepted;
            }
            changed |= step.changes();
            for (name, pointer) in &step.take {
                let text = answer.content.as_ref().and_then(|tree| pointer.text(tree));
                let Some(text) = text else {
                    let reason = format!("{}: its answer has no `{name}`", act.as_str());
                    let outcome = Outcome::Later { reason, after: None };
                    return Sent::Failed(partly(outcome, changed));
                };
                filling.taken.insert(name.clone(), text);
            }
        }
        Sent::Done
    }

    /// What a placeholder stands for in the request `at` of an act.
    fn datum(&self, filling: &Filling<'_>, at: usize, name: &str) -> Result<Datum, String> {
        if let Some(datum) = filling.sim.datum(name) {
            return datum;
        }
        let (once, part) = (self.command.once, filling.part);
        let text = match name {
            "ticket" => once.ticket.to_string(),
            "epoch" => once.epoch.to_string(),
            "key" if filling.back => {
                format!("{}-{part}-back-{at}-{}", once.ticket, once.epoch)
            }
            "key" => format!("{}-{part}-{}-{at}", once.ticket, filling.act.as_str()),
            CALLBACK => self.address(part)?,
            taken => match (filling.taken.get(taken), filling.target) {
                (Some(text), _) => text.clone(),
                (None, Target::Present(service)) => return self.of_service(service, name),
                (None, Target::Absent) => return Err(unfilled(name)),
            },
        };
        Ok(Datum::Text(text))
    }

    fn of_service(&self, service: &Service, name: &str) -> Result<Datum, String> {
        let codes = &self.driver.settings.codes;
        let mut words = service.values(name).iter().map(|code| codes.theirs(name, code));
        match name {
            "msisdn" | "tariff" => {
                Ok(words.next().transpose()?.map_or(Datum::Nothing, Datum::Text))
            }
            "apns" | "boltons" | "bars" => words.collect::<Result<_, _>>().map(Datum::List),
            "state" => codes.theirs(name, service.state()).map(Datum::Text),
            "suspended" => Ok(Datum::Flag(service.suspended)),
            "active" => Ok(Datum::Flag(!service.suspended)),
            _ => Err(unfilled(name)),
        }
    }

    /// Where the element is to report about a want.
    fn address(&self, part: usize) -> Result<String, String> {
        let HttpDriver { settings, callbacks, network, .. } = self.driver;
        let callback = settings.callback.as_ref().ok_or_else(|| unfilled(CALLBACK))?;
        let part = u16::try_from(part).map_err(|_| "the command has too many parts".to_owned())?;
        let callbacks = callbacks.as_ref().ok_or("this process is not one to be reported to")?;
        let token = callbacks.token(network, self.command.once, part);
        Ok(format!("{}/callbacks/{token}", callback.url))
    }
}

/// What a look that failed means for what was sent before it.
fn unread(outcome: Outcome, failed: Option<Outcome>, acts: usize) -> Outcome {
    match (failed, acts) {
        (None, 0) => outcome,
        // The only thing that was sent says itself that it changed nothing.
        (Some(failure), 1) => failure,
        (Some(failure), _) => unknown(format!("{}; then {}", reason(failure), reason(outcome))),
        (None, _) => unknown(format!("done, but it could not be read back: {}", reason(outcome))),
    }
}

/// A failure after an earlier request of the same act that changed something.
fn partly(outcome: Outcome, changed: bool) -> Outcome {
    match (outcome, changed) {
        (outcome, false) | (outcome @ Outcome::Unknown { .. }, true) => outcome,
        (outcome, true) => {
            unknown(format!("{}; an earlier request of it was carried out", reason(outcome)))
        }
    }
}
