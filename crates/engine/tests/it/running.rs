//! Tickets on their way to a network that misbehaves.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use provisor_domain::driver::{
    Command, Comparison, Driver, DriverLimits, Element, NetworkStatus, Outcome, Want, Wanted,
};
use provisor_domain::limits::{LEASE_SECONDS, TAKEOVER_SECONDS};
use provisor_domain::store::{Operations, TicketMoved};
use provisor_domain::ticket::FailureKind;
use provisor_domain::{Iccid, Imsi, TicketState};
use provisor_engine::{ConnectOrder, NetworkFactory};
use tokio::sync::Notify;

use crate::rig::{Running, STALLED_AFTER, World, connect, eventually, iccid, origin};

/// What a scripted network does with the command of this number (counted from 0).
type Play = Box<dyn Fn(usize) -> Act + Send + Sync>;

pub(crate) enum Act {
    Obey,
    Answer(Outcome),
    /// Obeys, but nobody hears of it.
    ObeyInSilence,
    Hang,
    /// Obeys, and takes so long for it.
    Slowly(Duration),
    Panic,
}

/// A network that follows a script and remembers what it was made to look like.
pub(crate) struct Script {
    play: Play,
    commands: AtomicUsize,
    state: Mutex<HashMap<Iccid, Wanted>>,
    limits: DriverLimits,
    released: Notify,
    most_at_once: AtomicUsize,
    at_once: AtomicUsize,
}

impl std::fmt::Debug for Script {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Script")
    }
}

impl Script {
    pub(crate) fn obedient() -> Self {
        Self::new(|_| Act::Obey)
    }

    pub(crate) fn new(play: impl Fn(usize) -> Act + Send + Sync + 'static) -> Self {
        Self {
            play: Box::new(play),
            commands: AtomicUsize::new(0),
            state: Mutex::default(),
            limits: DriverLimits {
                in_flight_max: 1_000,
                per_second_max: None,
                command_deadline: Duration::from_millis(100),
            },
            released: Notify::new(),
            most_at_once: AtomicUsize::new(0),
            at_once: AtomicUsize::new(0),
        }
    }

    fn commands(&self) -> usize {
        self.commands.load(Ordering::SeqCst)
    }

    fn obey(&self, command: &Command) {
        let mut state = self.state.lock().unwrap();
        for want in &command.wants {
            state.insert(want.iccid.clone(), want.state.clone());
        }
    }
}

#[async_trait]
impl Driver for Script {
    async fn ensure(&self, command: &Command) -> Outcome {
        let act = (self.play)(self.commands.fetch_add(1, Ordering::SeqCst));
        let at_once = self.at_once.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_at_once.fetch_max(at_once, Ordering::SeqCst);
        tokio::task::yield_now().await;
        self.at_once.fetch_sub(1, Ordering::SeqCst);
        match act {
            Act::Obey => {
                self.obey(command);
                Outcome::Done
            }
            Act::Answer(outcome) => outcome,
            Act::ObeyInSilence => {
                self.obey(command);
                Outcome::Unknown { reason: "no answer".into() }
            }
            Act::Hang => {
                self.released.notified().await;
                Outcome::Done
            }
            Act::Slowly(latency) => {
                tokio::time::sleep(latency).await;
                self.obey(command);
                Outcome::Done
            }
            Act::Panic => panic!("a driver's bug"),
        }
    }

    async fn status(&self, iccid: &Iccid, _imsi: Option<&Imsi>) -> NetworkStatus {
        match self.state.lock().unwrap().get(iccid) {
            Some(Wanted::Present(subscription)) if subscription.products.suspended() => {
                NetworkStatus::Suspended
            }
            Some(Wanted::Present(_)) => NetworkStatus::Active,
            Some(Wanted::Absent) | None => NetworkStatus::Absent,
        }
    }

    async fn compare(&self, want: &Want) -> Comparison {
        let found = self.state.lock().unwrap().get(&want.iccid).cloned();
        if found.unwrap_or(Wanted::Absent) == want.state {
            return Comparison::AsWanted;
        }
        let found = self.status(&want.iccid, want.imsi.as_ref()).await;
        Comparison::Differs { found, what: "state".into() }
    }

    fn limits(&self) -> DriverLimits {
        self.limits
    }
}

fn later() -> Outcome {
    Outcome::Later { reason: "busy".into(), after: None }
}

#[tokio::test]
async fn a_transient_failure_is_repeated_and_each_attempt_is_on_record() {
    let script = Arc::new(Script::new(|n| if n == 0 { Act::Answer(later()) } else { Act::Obey }));
    let world = World::with(script.clone()).await;
    let running = world.run();
    let raised = world.connect(&world.call("MarioG").await, 1).await;
    let detail = world.until_in_time(raised.ticket, &[TicketState::Completed]).await;
    let states: Vec<_> = detail.attempts.iter().map(|attempt| attempt.state).collect();
    assert_eq!(states, [TicketState::Pending, TicketState::Completed]);
    assert_eq!(detail.ticket.failure, None);
    running.finish().await;
}

#[tokio::test]
async fn a_refusal_ends_the_ticket_and_frees_the_sim() {
    let refused = || Outcome::Refused { reason: "no such profile".into() };
    let script = Script::new(move |n| if n == 0 { Act::Answer(refused()) } else { Act::Obey });
    let world = World::with(Arc::new(script)).await;
    let running = world.run();
    let mario = world.call("MarioG").await;
    let raised = world.connect(&mario, 1).await;
    world.until(raised.ticket, &[TicketState::Failed]).await;
    let ticket = world.ticket(&mario.caller, raised.ticket).await;
    let failure = ticket.failure.unwrap();
    assert_eq!(
        (failure.kind, failure.reason.as_str()),
        (FailureKind::Permanent, "no such profile")
    );
    world.connected(&mario, 1).await;
    running.finish().await;
}

#[tokio::test]
async fn silence_to_the_end_leaves_the_ticket_unknown_until_a_person_decides() {
    let quiet = Arc::new(AtomicBool::new(true));
    let play = quiet.clone();
    let script = Arc::new(Script::new(move |_| {
        if play.load(Ordering::SeqCst) { Act::ObeyInSilence } else { Act::Obey }
    }));
    let world = World::with(script).await;
    let running = world.run();
    let mario = world.call("MarioG").await;
    let raised = world.connect(&mario, 1).await;
    world.until_in_time(raised.ticket, &[TicketState::Unknown]).await;
    // Still locked: nobody may build on what is not known.
    assert!(world.engine.connect_service(&mario, connect(1)).await.is_err());
    quiet.store(false, Ordering::SeqCst);
    let moved = world.store.ticket_retry(raised.ticket, origin(), now(&world)).await.unwrap();
    assert_eq!(moved, TicketMoved::To(TicketState::Pending));
    world.until(raised.ticket, &[TicketState::Completed]).await;
    running.finish().await;
}

fn now(world: &World) -> jiff::Timestamp {
    use provisor_domain::clock::Clock;
    world.clock.now()
}

#[tokio::test]
async fn a_network_that_is_away_costs_no_attempts_and_its_tickets_are_done_when_it_is_back() {
    let away = Arc::new(AtomicBool::new(true));
    let play = away.clone();
    let script = Arc::new(Script::new(move |_| {
        if play.load(Ordering::SeqCst) {
            Act::Answer(Outcome::Unavailable { reason: "connection refused".into() })
        } else {
            Act::Obey
        }
    }));
    let world = World::with(script.clone()).await;
    let running = world.run();
    let mario = world.call("MarioG").await;
    let raised = world.connect(&mario, 1).await;
    let back = async {
        // More often than a ticket may be attempted.
        while script.commands() < 10 {
            tokio::task::yield_now().await;
        }
        away.store(false, Ordering::SeqCst);
        std::future::pending::<()>().await;
    };
    let detail = tokio::select! {
        detail = world.until_in_time(raised.ticket, &[TicketState::Completed]) => detail,
        () = back => unreachable!("it never ends"),
    };
    assert!(detail.attempts.len() > 10);
    running.finish().await;
}

#[tokio::test]
async fn a_hung_network_holds_up_nobody_elses_tickets() {
    let factory: NetworkFactory = Arc::new(|network| {
        let hangs = network.code.as_str() == "SLOW";
        let script = Script::new(move |_| if hangs { Act::Hang } else { Act::Obey });
        Ok(Element::Network(Arc::new(script)))
    });
    let world = World::by(factory).await;
    let running = world.run();
    let mario = world.call("MarioG").await;
    for number in 50..60 {
        let slow =
            ConnectOrder { tariff: "T_SLOW".parse().unwrap(), apns: Vec::new(), ..connect(number) };
        world.engine.connect_service(&mario, slow).await.unwrap();
    }
    for number in 0..10 {
        world.connected(&mario, number).await;
    }
    running.finish().await;
}

#[tokio::test]
async fn an_answer_is_heard_in_time_while_the_store_is_slow() {
    // The second answer comes while the first one waits to be written, and its time is over before the store's patience is.
    let script = Script::new(|n| match n {
        0 => Act::Hang,
        _ => Act::Slowly(Duration::from_millis(500)),
    });
    let limits = DriverLimits { command_deadline: Duration::from_secs(4), ..script.limits };
    let script = Arc::new(Script { limits, ..script });
    let world = World::with(script.clone()).await;
    let running = world.run();
    let mario = world.call("MarioG").await;
    let mut tickets = Vec::new();
    for number in [1, 2] {
        tickets.push(world.connect(&mario, number).await.ticket);
        while script.commands() < number {
            tokio::task::yield_now().await;
        }
    }
    // As long as somebody else has the turn, the store writes nothing.
    let turn = world.turn();
    turn.lock().unwrap();
    script.released.notify_one();
    let heard = eventually(async || {
        (script.status(&iccid(2), None).await == NetworkStatus::Active).then_some(())
    });
    tokio::time::timeout(STALLED_AFTER, heard).await.expect("the second answer is heard");
    turn.unlock().unwrap();
    for ticket in tickets {
        let detail = world.until(ticket, &[TicketState::Completed]).await;
        assert_eq!(detail.attempts.len(), 1, "{detail:?}");
    }
    running.finish().await;
}

#[tokio::test]
async fn a_drivers_panic_is_an_unknown_outcome_and_nothing_more() {
    let script = Arc::new(Script::new(|n| if n == 0 { Act::Panic } else { Act::Obey }));
    let world = World::with(script.clone()).await;
    let running = world.run();
    let raised = world.connect(&world.call("MarioG").await, 1).await;
    let detail = world.until_in_time(raised.ticket, &[TicketState::Completed]).await;
    let first = detail.attempts[0].failure.as_ref().unwrap();
    assert_eq!(first.kind, FailureKind::OutcomeUnknown);
    running.finish().await;
}

#[tokio::test]
async fn no_more_commands_are_under_way_than_the_network_takes() {
    let mut script = Script::obedient();
    script.limits.in_flight_max = 3;
    let script = Arc::new(script);
    let world = World::with(script.clone()).await;
    let mario = world.call("Both").await;
    let mut tickets = Vec::new();
    for number in 0..100 {
        tickets.push(world.connect(&mario, number).await.ticket);
    }
    let running = world.run();
    for ticket in tickets {
        world.until(ticket, &[TicketState::Completed]).await;
    }
    assert!(script.most_at_once.load(Ordering::SeqCst) <= 3);
    running.finish().await;
}

#[tokio::test]
async fn what_a_dead_process_left_running_is_done_by_the_next_one() {
    let script = Arc::new(Script::new(|n| if n == 0 { Act::Hang } else { Act::Obey }));
    let world = World::with(script.clone()).await;
    let dead = world.run();
    let mario = world.call("MarioG").await;
    let raised = world.connect(&mario, 1).await;
    while script.commands() < 1 {
        tokio::task::yield_now().await;
    }
    dead.kill().await;
    let detail = world.until(raised.ticket, &[TicketState::Running]).await;
    assert!(detail.attempts.is_empty());
    let running = world.run();
    world.until(raised.ticket, &[TicketState::Completed]).await;
    assert_eq!(script.status(&iccid(1), None).await, NetworkStatus::Active);
    running.finish().await;
}

#[tokio::test]
async fn stopping_finishes_what_is_at_the_network() {
    let script = Arc::new(Script::new(|_| Act::Hang));
    let world = World::with(script.clone()).await;
    let running = world.run();
    let raised = world.connect(&world.call("MarioG").await, 1).await;
    while script.commands() < 1 {
        tokio::task::yield_now().await;
    }
    script.released.notify_one();
    running.finish().await;
    world.until(raised.ticket, &[TicketState::Completed]).await;
}

#[tokio::test]
async fn nobody_takes_a_ticket_up_before_what_its_worker_sent_last_has_arrived() {
    let script = Arc::new(Script::new(|n| if n == 0 { Act::Hang } else { Act::Obey }));
    let world = World::with(script.clone()).await;
    let dead = world.run();
    let mario = world.call("MarioG").await;
    let raised = world.connect(&mario, 1).await;
    while script.commands() < 1 {
        tokio::task::yield_now().await;
    }
    dead.kill().await;
    // Another process, which does not know that the first one is dead.
    let other = Running::of(&world.neighbour().await, false);
    world.clock.pass(Duration::from_secs(LEASE_SECONDS + TAKEOVER_SECONDS - 1));
    let second = world.connect(&mario, 2).await;
    world.until(second.ticket, &[TicketState::Completed]).await;
    let detail = world.store.ticket_show(raised.ticket).await.unwrap().unwrap();
    assert_eq!(detail.ticket.state, TicketState::Running);
    world.clock.pass(Duration::from_secs(1));
    world.until(raised.ticket, &[TicketState::Completed]).await;
    other.finish().await;
}
