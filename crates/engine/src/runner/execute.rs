//! One attempt at one ticket: plan it, command the network, decide what becomes of the ticket.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use provisor_domain::OrderKind;
use provisor_domain::driver::{Element, OnceKey, Outcome};
use provisor_domain::limits::{
    ATTEMPTS_MAX, RETRY_FIRST_MILLIS, RETRY_LONGEST_MILLIS, TICKET_AGE_DAYS_MAX,
};
use provisor_domain::plan::{Change, Instruction, plan};
use provisor_domain::store::{Lease, Settlement, Verdict};
use provisor_domain::ticket::{Failure, FailureKind};

use crate::networks::Network;

/// How long a ticket waits at least for something that a person provides.
const WANTING_PAUSE: Duration = Duration::from_secs(10);

/// An attempt that is over, before the lane has heard of it.
#[derive(Debug)]
pub(crate) struct Attempted {
    pub(crate) lease: Attempt,
    pub(crate) ending: Ending,
    pub(crate) took: Duration,
}

/// What is kept of a lease while it is carried out.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    pub(crate) kind: OrderKind,
    once: OnceKey,
    attempts_before: u32,
    in_doubt: bool,
    raised: Timestamp,
    began: Timestamp,
}

/// How an attempt ended.
#[derive(Debug)]
pub(crate) enum Ending {
    /// The network was asked, and this came of it.
    Asked(Outcome, Box<Change>),
    /// The network need not be asked: the books change, or nothing does.
    BooksOnly(Box<Change>),
    /// The books do not allow it.
    Impossible(Failure),
    /// It needs something that is not there for now: a free number, another driver.
    Wanting(Failure),
    /// It was not begun: too little of the lease was left, or this program cannot read the order.
    GivenBack(&'static str),
}

/// Carries `lease` out at `network`. Never fails: whatever happens is an [`Ending`].
pub(crate) async fn attempt(network: Arc<Network>, lease: Lease, now: Timestamp) -> Attempted {
    let began = Instant::now();
    let once = OnceKey { ticket: lease.ticket, epoch: lease.epoch };
    let kept = Attempt {
        kind: lease.kind,
        once,
        attempts_before: lease.attempts_before,
        in_doubt: lease.in_doubt,
        raised: lease.raised,
        began: now,
    };
    let ending = match &lease.order {
        None => Ending::GivenBack("a newer version of provisor wrote this order"),
        Some(order) => match plan(order, &lease.books, once) {
            Err(failure) if failure.kind == FailureKind::Unavailable => Ending::Wanting(failure),
            Err(failure) => Ending::Impossible(failure),
            Ok(plan) => match plan.command {
                None => Ending::BooksOnly(Box::new(plan.change)),
                Some(instruction) => match sending(&network.element, &instruction) {
                    Err(failure) => Ending::Wanting(failure),
                    Ok(sending) => ask(&network, sending, lease.until, now)
                        .await
                        .map_or(Ending::GivenBack("too little of the lease was left"), |outcome| {
                            Ending::Asked(outcome, Box::new(plan.change))
                        }),
                },
            },
        },
    };
    Attempted { lease: kept, ending, took: began.elapsed() }
}

/// Sends the command under its deadline; `None` when the deadline would reach past the lease.
async fn ask(
    network: &Network,
    sending: BoxFuture<'_, Outcome>,
    until: Timestamp,
    now: Timestamp,
) -> Option<Outcome> {
    let deadline = network.element.limits().command_deadline;
    if until.duration_since(now) <= SignedDuration::try_from(deadline).ok()? {
        return None;
    }
    let sending = AssertUnwindSafe(sending).catch_unwind();
    Some(match tokio::time::timeout(deadline, sending).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_panic)) => Outcome::Unknown { reason: "the driver panicked".into() },
        Err(_elapsed) => Outcome::Unknown { reason: format!("no answer within {deadline:?}") },
    })
}

/// The command on its way to the driver; what is wanting when there is no driver for it.
fn sending<'a>(
    element: &'a Element,
    instruction: &'a Instruction,
) -> Result<BoxFuture<'a, Outcome>, Failure> {
    match (element, instruction) {
        (Element::Network(driver), Instruction::Network(command)) => Ok(driver.ensure(command)),
        (Element::Mail(driver), Instruction::Mail(command)) => Ok(driver.ensure(command)),
        // Nothing that the network said: it is well, and serves others.
        (Element::Network(_), Instruction::Mail(_))
        | (Element::Mail(_), Instruction::Network(_)) => {
            Err(no_driver("this network's driver is of another kind: mend its catalogue entry"))
        }
        // Callers may come to read it: what is wrong with the driver is in the log only.
        (Element::Missing { .. }, _) => Err(no_driver(
            "this network's driver cannot be started, which is tried again and again: the server's log says what to mend",
        )),
    }
}

fn no_driver(reason: &str) -> Failure {
    Failure { kind: FailureKind::Unavailable, reason: reason.to_owned() }
}

impl Ending {
    /// The word for figures.
    pub(crate) fn outcome(&self) -> Option<&'static str> {
        match self {
            Self::Asked(Outcome::Done, _) => Some("done"),
            Self::Asked(Outcome::Refused { .. }, _) => Some("refused"),
            Self::Asked(Outcome::Later { .. }, _) => Some("later"),
            Self::Asked(Outcome::Unavailable { .. }, _) => Some("unavailable"),
            Self::Asked(Outcome::Unknown { .. }, _) => Some("unknown"),
            Self::BooksOnly(_) | Self::Impossible(_) | Self::Wanting(_) | Self::GivenBack(_) => {
                None
            }
        }
    }
}

/// What an attempt's ending means for its ticket. Pure: `jitter` is a number from 0 to 1.
pub(crate) fn decide(attempt: &Attempt, ending: Ending, now: Timestamp, mood: &Mood) -> Settlement {
    let verdict = match ending {
        Ending::BooksOnly(change) | Ending::Asked(Outcome::Done, change) => {
            Verdict::Completed(change)
        }
        Ending::Impossible(failure) => Verdict::Failed(failure),
        // Whoever provides it is a person: there is no hurry.
        Ending::Wanting(failure) => {
            again(attempt, failure, now, &Mood { at_least: Some(WANTING_PAUSE), ..*mood })
        }
        Ending::Asked(Outcome::Refused { reason }, _) => {
            Verdict::Failed(Failure { kind: FailureKind::Permanent, reason })
        }
        Ending::GivenBack(reason) => {
            let failure = Failure { kind: FailureKind::Transient, reason: reason.to_owned() };
            let due = later(now, RETRY_FIRST_MILLIS, mood.jitter);
            Verdict::Postponed { due, failure, counts: false, in_doubt: attempt.in_doubt }
        }
        Ending::Asked(Outcome::Later { reason, after }, _) => {
            let failure = Failure { kind: FailureKind::Transient, reason };
            again(attempt, failure, now, &Mood { at_least: after, ..*mood })
        }
        Ending::Asked(Outcome::Unavailable { reason }, _) => {
            again(attempt, Failure { kind: FailureKind::Unavailable, reason }, now, mood)
        }
        Ending::Asked(Outcome::Unknown { reason }, _) => {
            again(attempt, Failure { kind: FailureKind::OutcomeUnknown, reason }, now, mood)
        }
    };
    let OnceKey { ticket, epoch } = attempt.once;
    Settlement { ticket, epoch, began: attempt.began, verdict }
}

/// What besides the attempt itself decides about another one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mood {
    /// From 0 to 1.
    pub(crate) jitter: f64,
    /// The network as a whole is believed to be down: silence is not the ticket's fault.
    pub(crate) network_down: bool,
    /// The network asked to be left alone so long.
    pub(crate) at_least: Option<Duration>,
}

/// Another attempt, or the end when there were enough.
fn again(attempt: &Attempt, failure: Failure, now: Timestamp, mood: &Mood) -> Verdict {
    let in_doubt = attempt.in_doubt || failure.kind == FailureKind::OutcomeUnknown;
    let counts = !mood.network_down && failure.kind != FailureKind::Unavailable;
    let made = attempt.attempts_before + u32::from(counts);
    let age = now.duration_since(attempt.raised);
    let too_old = age > SignedDuration::from_hours(24 * TICKET_AGE_DAYS_MAX);
    if made >= ATTEMPTS_MAX || too_old {
        // Failed says "nothing was changed". When that is not known, a person decides.
        return if in_doubt { Verdict::Unknown(failure) } else { Verdict::Failed(failure) };
    }
    let doubled = RETRY_FIRST_MILLIS.saturating_mul(1 << made.min(20)).min(RETRY_LONGEST_MILLIS);
    let asked = mood.at_least.map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX));
    let due = later(now, doubled.max(asked.min(RETRY_LONGEST_MILLIS)), mood.jitter);
    Verdict::Postponed { due, failure, counts, in_doubt }
}

/// `millis` from now, and up to half as much again: retries of many tickets spread out.
fn later(now: Timestamp, millis: u64, jitter: f64) -> Timestamp {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "at most a minute and a half"
    )]
    let spread = (millis as f64 * (1.0 + jitter / 2.0)) as i64;
    now.saturating_add(SignedDuration::from_millis(spread)).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use provisor_domain::TicketId;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn attempt_after(attempts_before: u32, in_doubt: bool) -> Attempt {
        Attempt {
            kind: OrderKind::AddBar,
            once: OnceKey { ticket: TicketId::FIRST, epoch: 9 },
            attempts_before,
            in_doubt,
            raised: at(0),
            began: at(0),
        }
    }

    fn verdict(attempt: &Attempt, outcome: Outcome, network_down: bool) -> Verdict {
        let mood = Mood { jitter: 0.0, network_down, at_least: None };
        decide(attempt, Ending::Asked(outcome, Box::default()), at(1), &mood).verdict
    }

    fn later_please() -> Outcome {
        Outcome::Later { reason: "busy".into(), after: None }
    }

    fn silence() -> Outcome {
        Outcome::Unknown { reason: "no answer".into() }
    }

    #[test]
    fn the_last_transient_failure_fails_the_ticket_and_the_one_before_does_not() {
        let last = attempt_after(ATTEMPTS_MAX - 1, false);
        assert!(matches!(verdict(&last, later_please(), false), Verdict::Failed(_)));
        let before = attempt_after(ATTEMPTS_MAX - 2, false);
        let again = verdict(&before, later_please(), false);
        assert!(matches!(again, Verdict::Postponed { counts: true, in_doubt: false, .. }));
    }

    #[test]
    fn a_doubt_never_becomes_a_failure_by_itself() {
        let last = attempt_after(ATTEMPTS_MAX - 1, true);
        assert!(matches!(verdict(&last, later_please(), false), Verdict::Unknown(_)));
        let sure = attempt_after(ATTEMPTS_MAX - 1, false);
        assert!(matches!(verdict(&sure, silence(), false), Verdict::Unknown(_)));
        // A refusal is an answer: the network says that it does not have it.
        let refused = Outcome::Refused { reason: "no such subscriber".into() };
        assert!(matches!(verdict(&last, refused, false), Verdict::Failed(_)));
    }

    #[test]
    fn a_network_that_is_down_uses_up_no_attempts() {
        let last = attempt_after(ATTEMPTS_MAX - 1, false);
        let away = Outcome::Unavailable { reason: "connection refused".into() };
        assert!(matches!(verdict(&last, away, false), Verdict::Postponed { counts: false, .. }));
        let hung = verdict(&last, silence(), true);
        assert!(matches!(hung, Verdict::Postponed { counts: false, in_doubt: true, .. }));
    }

    #[test]
    fn a_ticket_does_not_wait_for_ever() {
        let away = Outcome::Unavailable { reason: "connection refused".into() };
        let ending = Ending::Asked(away, Box::default());
        let mood = Mood { jitter: 0.0, network_down: true, at_least: None };
        let week = at(TICKET_AGE_DAYS_MAX * 86_400 + 1);
        let end = decide(&attempt_after(0, false), ending, week, &mood).verdict;
        assert!(matches!(end, Verdict::Failed(_)));
    }

    #[test]
    fn waits_double_and_are_spread_by_half() {
        let due = |made, jitter| {
            let mood = Mood { jitter, network_down: false, at_least: None };
            let ending = Ending::Asked(later_please(), Box::default());
            match decide(&attempt_after(made, false), ending, at(1), &mood).verdict {
                Verdict::Postponed { due, .. } => due.duration_since(at(1)).as_millis(),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(due(0, 0.0), 400);
        assert_eq!(due(0, 1.0), 600);
        assert_eq!(due(3, 0.0), 3_200);
    }
}
