//! One attempt at one ticket: plan it, command the network, decide what becomes of the ticket.

use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use provisor_domain::OrderKind;
use provisor_domain::clock::Clock;
use provisor_domain::driver::{Acceptance, Element, Heard, OnceKey, Outcome};
use provisor_domain::limits::{
    ATTEMPTS_MAX, RETRY_FIRST_MILLIS, RETRY_LONGEST_MILLIS, TICKET_AGE_DAYS_MAX,
};
use provisor_domain::plan::{Change, Instruction, plan};
use provisor_domain::store::{Lease, Settlement, Verdict};
use provisor_domain::ticket::{Failure, FailureKind};
use tokio::time::Instant;

use crate::moment::Moment;
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
    /// What the network accepted and is still silent about.
    waits_for: Option<Acceptance>,
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

/// Carries `lease`, which was asked for at `asked`, out at `network`. Never fails: whatever happens is an [`Ending`].
pub(crate) fn attempt(
    network: Arc<Network>,
    lease: Lease,
    asked: Moment,
    clock: Arc<dyn Clock>,
) -> impl Future<Output = Attempted> {
    // From here on, not from when it is first driven: the process may be frozen in between.
    let time = Time::of(lease.until, asked, clock);
    carry_out(network, lease, time)
}

/// How much time an attempt has.
struct Time {
    began: Moment,
    /// How much of the lease was left then.
    left: Duration,
    clock: Arc<dyn Clock>,
}

async fn carry_out(network: Arc<Network>, lease: Lease, time: Time) -> Attempted {
    let began = Instant::now();
    let once = OnceKey { ticket: lease.ticket, epoch: lease.epoch };
    let kept = Attempt {
        kind: lease.kind,
        once,
        attempts_before: lease.attempts_before,
        in_doubt: lease.in_doubt,
        raised: lease.raised,
        began: time.began.wall(),
        waits_for: lease.accepted.filter(|_| lease.report.is_none()),
    };
    let heard = Heard {
        accepted: lease.accepted.map(|accepted| accepted.part),
        report: lease.report.clone(),
    };
    let ending = match &lease.order {
        None => Ending::GivenBack("a newer version of provisor wrote this order"),
        Some(order) => match plan(order, &lease.books, once) {
            Err(failure) if failure.kind == FailureKind::Unavailable => Ending::Wanting(failure),
            Err(failure) => Ending::Impossible(failure),
            Ok(plan) => match plan.command {
                None => Ending::BooksOnly(Box::new(plan.change)),
                Some(instruction) => match sending(&network.element, &instruction, &heard) {
                    Err(failure) => Ending::Wanting(failure),
                    Ok(sending) => ask(&network, sending, &time)
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

/// Sends the command under its deadline, which counts from when the attempt began; `None` when it would reach past the
/// lease, or when it has passed already.
async fn ask(network: &Network, sending: BoxFuture<'_, Outcome>, time: &Time) -> Option<Outcome> {
    let deadline = network.element.limits().command_deadline;
    if !time.is_enough_for(deadline) {
        return None;
    }
    let sending = AssertUnwindSafe(sending).catch_unwind();
    Some(match time.within(deadline, sending).await {
        Some(Ok(outcome)) => outcome,
        Some(Err(_panic)) => Outcome::Unknown { reason: "the driver panicked".into() },
        None => Outcome::Unknown { reason: format!("no answer within {deadline:?}") },
    })
}

impl Time {
    /// From now on, of a lease until then that was asked for at `asked`.
    fn of(until: Timestamp, asked: Moment, clock: Arc<dyn Clock>) -> Self {
        let began = Moment::now(clock.as_ref());
        let lease = Duration::try_from(until.duration_since(asked.wall())).unwrap_or_default();
        Self { began, left: lease.saturating_sub(began.since(asked)), clock }
    }

    /// Whether a command with this deadline ends before the lease, and has not ended yet.
    fn is_enough_for(&self, deadline: Duration) -> bool {
        self.left > deadline && self.passed() < deadline
    }

    fn passed(&self) -> Duration {
        self.began.elapsed(self.clock.as_ref())
    }

    /// Drives `sending` until the `deadline`. Looks at the time before each step of it: one whose process, or whose whole
    /// machine, stood still past its end, and with it perhaps past its lease, sends nothing more when it goes on.
    async fn within<T>(&self, deadline: Duration, sending: impl Future<Output = T>) -> Option<T> {
        let alarm = tokio::time::sleep(deadline.saturating_sub(self.passed()));
        let (mut sending, mut alarm) = (pin!(sending), pin!(alarm));
        poll_fn(|context| {
            if self.passed() >= deadline || alarm.as_mut().poll(context).is_ready() {
                return Poll::Ready(None);
            }
            sending.as_mut().poll(context).map(Some)
        })
        .await
    }
}

/// The command on its way to the driver; what is wanting when there is no driver for it.
fn sending<'a>(
    element: &'a Element,
    instruction: &'a Instruction,
    heard: &'a Heard,
) -> Result<BoxFuture<'a, Outcome>, Failure> {
    match (element, instruction) {
        (Element::Network(driver), Instruction::Network(command)) => {
            if heard.accepted.is_none() && heard.report.is_none() {
                Ok(driver.ensure(command))
            } else {
                Ok(driver.follow_up(command, heard))
            }
        }
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
            Self::Asked(Outcome::Accepted { .. }, _) => Some("accepted"),
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
        Ending::Asked(Outcome::Accepted { part, look_after, give_up_after }, _) => {
            accepted(attempt, (part, now), (look_after, give_up_after), mood)
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

/// Waits for the network's report, or no longer.
fn accepted(
    attempt: &Attempt,
    (part, now): (u16, Timestamp),
    (look_after, give_up_after): (Duration, Duration),
    mood: &Mood,
) -> Verdict {
    let waits_for = attempt.waits_for.filter(|waits_for| waits_for.part == part);
    let since = waits_for.map_or(now, |waits_for| waits_for.since);
    let kind = FailureKind::OutcomeUnknown;
    let waited = Duration::try_from(now.duration_since(since)).unwrap_or_default();
    if waited >= give_up_after {
        let reason = format!(
            "the network accepted it; what came of it was not known within {give_up_after:?}"
        );
        return again(attempt, Failure { kind, reason }, now, mood);
    }
    let reason = "the network accepted it; what comes of it is waited for".to_owned();
    let look = look_after.min(give_up_after.saturating_sub(waited));
    let due = now.saturating_add(SignedDuration::try_from(look).unwrap_or(SignedDuration::MAX));
    let accepted = Acceptance { since, part };
    Verdict::Accepted { accepted, due: due.unwrap_or(now), failure: Failure { kind, reason } }
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
    use crate::moment::tests::Wall;
    use provisor_domain::TicketId;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    const DEADLINE: Duration = Duration::from_secs(5);

    /// Whether something is still sent when the process stood still so many seconds by the monotonic and by the wall clock.
    async fn sent_after(monotonic: u64, wall: i64) -> bool {
        let clock = Arc::new(Wall::default());
        let time = Time::of(at(60), Moment::now(clock.as_ref()), clock.clone());
        let mut sent = false;
        let sending = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            sent = true;
        };
        // While it waits, all timers run out at once.
        let frozen = async {
            clock.set(wall * 1_000);
            tokio::time::advance(Duration::from_secs(monotonic)).await;
        };
        let (ended, ()) = tokio::join!(time.within(DEADLINE, sending), frozen);
        assert_eq!(ended.is_some(), sent);
        sent
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_frozen_past_its_end_sends_nothing_more() {
        assert!(sent_after(4, 4).await);
        assert!(!sent_after(5, 5).await);
        assert!(!sent_after(60, 60).await);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_on_a_machine_that_stood_still_past_its_end_sends_nothing_more() {
        assert!(sent_after(1, 4).await);
        assert!(!sent_after(1, 5).await);
        assert!(!sent_after(1, 3_600).await);
        // A wall clock that is set back does not give it more time.
        assert!(sent_after(4, -3_600).await);
        assert!(!sent_after(5, -3_600).await);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_left_of_a_lease_counts_from_when_it_was_asked_for() {
        let enough_after = async |monotonic: u64, wall: i64| {
            let clock = Arc::new(Wall::default());
            let asked = Moment::now(clock.as_ref());
            let until = asked.wall() + SignedDuration::from_secs(15);
            clock.set(wall * 1_000);
            tokio::time::advance(Duration::from_secs(monotonic)).await;
            Time::of(until, asked, clock).is_enough_for(DEADLINE)
        };
        assert!(enough_after(9, 9).await);
        assert!(!enough_after(10, 0).await);
        assert!(!enough_after(0, 10).await);
        assert!(!enough_after(10, -3_600).await);
    }

    fn attempt_after(attempts_before: u32, in_doubt: bool) -> Attempt {
        Attempt {
            kind: OrderKind::AddBar,
            once: OnceKey { ticket: TicketId::FIRST, epoch: 9 },
            attempts_before,
            in_doubt,
            raised: at(0),
            began: at(0),
            waits_for: None,
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
    fn what_was_accepted_is_waited_for_until_it_is_given_up() {
        let answer = |attempt: &Attempt, second| {
            let mood = Mood { jitter: 0.0, network_down: false, at_least: None };
            let (look_after, give_up_after) = (Duration::from_secs(30), Duration::from_secs(100));
            let outcome = Outcome::Accepted { part: 1, look_after, give_up_after };
            decide(attempt, Ending::Asked(outcome, Box::default()), at(second), &mood).verdict
        };
        let first = attempt_after(ATTEMPTS_MAX - 1, false);
        let Verdict::Accepted { accepted, due, .. } = answer(&first, 5) else { panic!() };
        assert_eq!((accepted, due), (Acceptance { since: at(5), part: 1 }, at(35)));
        let silent = Attempt { waits_for: Some(accepted), ..first };
        let Verdict::Accepted { accepted, due, .. } = answer(&silent, 95) else { panic!() };
        assert_eq!((accepted.since, due), (at(5), at(105)), "the last look is when it is given up");
        let earlier_part = Acceptance { part: 0, ..accepted };
        let next = Attempt { waits_for: Some(earlier_part), ..silent.clone() };
        let Verdict::Accepted { accepted, .. } = answer(&next, 100) else { panic!() };
        assert_eq!(
            accepted,
            Acceptance { since: at(100), part: 1 },
            "the next part has its own time"
        );
        assert!(matches!(answer(&silent, 105), Verdict::Unknown(_)), "it was the last attempt");
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
