//! A network that lives in a file (`driver = "simulated"`): for trying things out, for tests and for benchmarks.
//!
//! It keeps its state apart from the engine's books, so that a test can compare the two after a crash, and it can be
//! told to be slow, to fail, to keep silent and to be down. Faults are drawn from a seed and from what the command is
//! ([`OnceKey`](provisor_domain::driver::OnceKey) and SIMs), so a run can be repeated.
//!
//! Invariants: a command is applied wholly or not at all; a command that finds everything as wanted writes nothing and
//! is `Done`, so an attempt after one that was done but not reported confirms it; there is no fence: an old command is
//! carried out like any other (and counted).

mod chance;
mod mail;
mod pace;
mod settings;
mod state;
mod writer;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};

use async_trait::async_trait;
use provisor_domain::clock::SystemClock;
use provisor_domain::driver::{
    Command, Comparison, Driver, DriverLimits, NetworkStatus, Outcome, Want,
};
use provisor_domain::{Iccid, Imsi, NetworkCode};
use rusqlite::Connection;
use tokio::sync::oneshot;
use tokio::time::Instant;

pub(crate) use chance::Chance;
use chance::Fault;
pub use mail::SimulatedMail;
use pace::Pace;
pub use settings::{
    Failures, IN_FLIGHT_MAX, LATENCY_MILLIS_MAX, Latency, OUTAGE_SECONDS_MAX, Outage,
    RATE_PER_SECOND_MAX, Settings,
};
use state::{FORM, Step};
pub use state::{LoggedCommand, Subscriber};
use writer::{Act, Counters, Job, Memory};

use crate::file::FileError;
use crate::writer::Writer;

/// Connections that answer [`Driver::status`] and [`Driver::compare`].
const READERS: usize = 2;

/// A simulated network.
#[derive(Debug)]
pub struct Simulator {
    settings: Settings,
    opened: Instant,
    pace: Option<Pace>,
    readers: Vec<Mutex<Connection>>,
    questions: AtomicU64,
    counters: Arc<Counters>,
    writer: Writer<Job>,
}

/// What a simulated network has seen since it was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Commands that came in.
    pub received: u64,
    /// Commands that changed something.
    pub changed: u64,
    /// Commands that found everything as wanted.
    pub unchanged: u64,
    /// Commands that were refused.
    pub refused: u64,
    /// Steps of commands that came after a newer command for the same SIM.
    pub stale: u64,
    /// Commands turned away because they came at more than twice the limit.
    pub too_fast: u64,
}

impl Simulator {
    /// Opens the network whose state is in `file`; makes the file when there is none. The file is one network's.
    pub fn open(network: &NetworkCode, file: &Path, settings: Settings) -> Result<Self, FileError> {
        let connection = FORM.open_writer(network, file)?;
        let readers = (0..READERS)
            .map(|_| FORM.open_reader(file).map(Mutex::new))
            .collect::<Result<_, _>>()?;
        let counters = Arc::new(Counters::default());
        let clock = Arc::new(SystemClock);
        let mut memory = Memory { connection, clock, counters: Arc::clone(&counters) };
        let writer = Writer::start(FORM.what, settings.in_flight, move |group| memory.serve(group))
            .map_err(|source| FileError::Thread { what: FORM.what, source })?;
        Ok(Self {
            opened: Instant::now(),
            pace: settings.rate_per_second.map(Pace::new),
            readers,
            questions: AtomicU64::new(0),
            counters,
            writer,
            settings,
        })
    }

    /// Everything that the network whose state is in `file` has, by ICCID. For tests and tools: works beside a running
    /// network and after a crash, and changes nothing.
    pub fn subscribers(file: &Path) -> Result<Vec<Subscriber>, FileError> {
        let connection = FORM.open_reader(file)?;
        state::subscribers(&connection).map_err(|source| FORM.failed(file, source))
    }

    /// Every command that the network whose state is in `file` has written down (`log = true`), oldest first.
    pub fn logged(file: &Path) -> Result<Vec<LoggedCommand>, FileError> {
        let connection = FORM.open_reader(file)?;
        state::logged(&connection).map_err(|source| FORM.failed(file, source))
    }

    /// What it has seen since it was opened.
    pub fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            received: read(&self.counters.received),
            changed: read(&self.counters.changed),
            unchanged: read(&self.counters.unchanged),
            refused: read(&self.counters.refused),
            stale: read(&self.counters.stale),
            too_fast: read(&self.counters.too_fast),
        }
    }

    /// The answer to a command that the network as a whole turns away.
    fn turned_away(&self) -> Option<(Outcome, &'static str)> {
        if let Some(reason) = pace::outage(&self.settings, self.opened.elapsed()) {
            return Some((Outcome::Unavailable { reason }, "unavailable"));
        }
        let after = self.pace.as_ref()?.pass().err()?;
        if Counters::one(&self.counters.too_fast) == 0 {
            tracing::warn!("commands come at more than twice the simulated network's limit");
        }
        let reason = "more than twice the agreed rate of commands".into();
        Some((Outcome::Later { reason, after: Some(after) }, "later"))
    }

    /// Hands a command to the memory and waits for its answer.
    async fn submit(&self, command: &Command, act: Act) -> Outcome {
        let (reply, answer) = oneshot::channel();
        let job = job(command, act, self.settings.log, reply);
        let job = match job {
            Ok(job) => job,
            Err(error) => {
                return Outcome::Refused { reason: format!("the command is not JSON: {error}") };
            }
        };
        match self.writer.submit(job) {
            Ok(()) => answer.await.unwrap_or_else(|_| self.writer.gone()),
            Err(outcome) => outcome,
        }
    }

    /// Writes a command down that never reaches the memory.
    async fn note(&self, command: &Command, word: &'static str) {
        if self.settings.log {
            self.submit(command, Act::Note(word)).await;
        }
    }

    async fn answer(&self, command: &Command, fault: Option<Fault>) -> Outcome {
        match fault {
            None => self.submit(command, Act::Apply).await,
            Some(Fault::DoneButNotReported) => self.submit(command, Act::ApplyUnreported).await,
            Some(Fault::Permanent) => self.submit(command, Act::Refuse).await,
            Some(Fault::Transient) => {
                self.note(command, "later").await;
                let reason = "the simulated network is busy (an injected fault)".into();
                Outcome::Later { reason, after: None }
            }
            Some(Fault::Timeout) => {
                self.note(command, "timeout").await;
                std::future::pending().await
            }
        }
    }

    /// Asks the memory past its writer. `None`: it cannot be read.
    fn read<T>(&self, question: impl Fn(&Connection) -> rusqlite::Result<T>) -> Option<T> {
        let free = self.readers.iter().find_map(|reader| match reader.try_lock() {
            Ok(connection) => Some(connection),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        });
        // All busy: a read takes microseconds, so waiting for any of them does too.
        let connection = match (free, self.readers.first()) {
            (Some(connection), _) => connection,
            (None, Some(first)) => first.lock().unwrap_or_else(PoisonError::into_inner),
            (None, None) => return None,
        };
        question(&connection)
            .inspect_err(|error| tracing::warn!(%error, "simulated network cannot read"))
            .ok()
    }

    /// Waits as long as a question takes. The error says why the network does not answer.
    async fn questioned(&self, iccid: &Iccid) -> Result<(), String> {
        if let Some(reason) = pace::outage(&self.settings, self.opened.elapsed()) {
            return Err(reason);
        }
        if self.settings.latency.p50 > 0.0 {
            let count = self.questions.fetch_add(1, Ordering::Relaxed);
            let mut chance = Chance::of_question(self.settings.seed, iccid.as_str(), count);
            tokio::time::sleep(chance.latency(&self.settings.latency)).await;
        }
        Ok(())
    }
}

fn status(suspended: Option<bool>) -> NetworkStatus {
    match suspended {
        None => NetworkStatus::Absent,
        Some(false) => NetworkStatus::Active,
        Some(true) => NetworkStatus::Suspended,
    }
}

/// How a SIM's row compares with a want.
fn compared(connection: &Connection, step: &Step) -> rusqlite::Result<Comparison> {
    let differences = state::differences(connection, step)?;
    if differences.is_empty() {
        return Ok(Comparison::AsWanted);
    }
    let found = status(state::suspended(connection, step.iccid())?);
    Ok(Comparison::Differs { found, what: differences.join(", ") })
}

fn job(
    command: &Command,
    act: Act,
    log: bool,
    reply: oneshot::Sender<Outcome>,
) -> Result<Job, serde_json::Error> {
    let logged = if log {
        let wants: Vec<_> = command.wants.iter().map(|want| (&want.iccid, &want.state)).collect();
        Some(serde_json::to_string(&wants)?)
    } else {
        None
    };
    let steps = command.wants.iter().map(Step::new).collect::<Result<_, _>>()?;
    Ok(Job { once: command.once, steps, act, logged, reply })
}

#[async_trait]
impl Driver for Simulator {
    async fn ensure(&self, command: &Command) -> Outcome {
        Counters::one(&self.counters.received);
        if let Some((outcome, word)) = self.turned_away() {
            self.note(command, word).await;
            return outcome;
        }
        let mut chance = Chance::of_command(self.settings.seed, command);
        let fault = chance.fault(&self.settings.failures);
        // Half of the time on the way there and half on the way back, so that a caller who gives up meets both: a
        // command that never arrived and one whose answer never did.
        let half = chance.latency(&self.settings.latency) / 2;
        if half.is_zero() {
            return self.answer(command, fault).await;
        }
        tokio::time::sleep(half).await;
        let outcome = self.answer(command, fault).await;
        tokio::time::sleep(half).await;
        outcome
    }

    async fn status(&self, iccid: &Iccid, _imsi: Option<&Imsi>) -> NetworkStatus {
        if self.questioned(iccid).await.is_err() {
            return NetworkStatus::Unknown;
        }
        let suspended = self.read(|connection| state::suspended(connection, iccid));
        suspended.map_or(NetworkStatus::Unknown, status)
    }

    async fn compare(&self, want: &Want) -> Comparison {
        if let Err(reason) = self.questioned(&want.iccid).await {
            return Comparison::Unknown { reason };
        }
        let step = match Step::new(want) {
            Ok(step) => step,
            Err(error) => {
                return Comparison::Unknown { reason: format!("the want is not JSON: {error}") };
            }
        };
        self.read(|connection| compared(connection, &step)).unwrap_or_else(|| Comparison::Unknown {
            reason: "the simulated network cannot read its file".into(),
        })
    }

    fn limits(&self) -> DriverLimits {
        DriverLimits {
            in_flight_max: self.settings.in_flight,
            per_second_max: self.settings.rate_per_second,
            command_deadline: self.settings.deadline,
        }
    }
}
