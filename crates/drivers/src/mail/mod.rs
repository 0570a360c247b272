//! Mailboxes for Dovecot and Postfix (`driver = "mail"`): a lookup file from which the mail servers read who has which
//! mailbox, password, forward and quota.
//!
//! The file is the mail system as far as provisor sees it: a command is done when it is in the file and on the disk, and
//! the servers see it with their next lookup, also while provisor is down. Whatever they read they read through views
//! with a version (`schema.sql`); [`config`] writes the servers' configuration on these views.
//!
//! Invariants: a command is carried out wholly or not at all; an older command than the newest of its customer is
//! refused and changes nothing; an address is one customer's; a mailbox's mail lies in a place of its customer's own.

pub mod config;
mod settings;
mod state;

use std::collections::BTreeSet;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use provisor_domain::NetworkCode;
use provisor_domain::clock::{Clock, SystemClock};
use provisor_domain::driver::{DriverLimits, Outcome};
use provisor_domain::mail::{MailCommand, MailDriver};
use provisor_domain::portal::PortalId;
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::oneshot;

use crate::file::FileError;
use crate::writer::Writer;
pub use settings::{IN_FLIGHT_MAX, Settings};
pub use state::Held;
use state::{Applied, FORM};

/// The rights of the directory that is made for the lookup file: the group may write there (with WAL every reader has
/// to), and what is made in it belongs to the group.
const DIRECTORY_MODE: u32 = 0o2770;
/// The rights of the file; `SQLite` gives them to the files beside it, too.
const FILE_MODE: u32 = 0o660;

/// A mail network.
#[derive(Debug)]
pub struct MailStore {
    settings: Settings,
    reader: Mutex<Connection>,
    writer: Writer<Job>,
    file: Box<Path>,
}

/// A command on its way to the file.
#[derive(Debug)]
struct Job {
    command: MailCommand,
    reply: oneshot::Sender<Outcome>,
}

impl MailStore {
    /// Opens the mail network whose lookup file is `file`; makes directory and file where there are none. The file is
    /// one network's.
    pub fn open(network: &NetworkCode, file: &Path, settings: Settings) -> Result<Self, FileError> {
        prepare(file)?;
        let connection = FORM.open_writer(network, file)?;
        let reader = Mutex::new(FORM.open_reader(file)?);
        let mut memory = Memory { connection, clock: Arc::new(SystemClock) };
        let writer = Writer::start(FORM.what, settings.in_flight, move |group| memory.serve(group))
            .map_err(|source| FileError::Thread { what: FORM.what, source })?;
        Ok(Self { settings, reader, writer, file: file.into() })
    }

    /// What the lookup file has of a customer; nothing when no command for it was ever carried out.
    pub fn customer(&self, id: &PortalId) -> Result<Option<Held>, FileError> {
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        state::held(&mut reader, id).map_err(|source| FORM.failed(&self.file, source))
    }

    /// What the lookup file `file` has of all customers. For tests and tools: works beside a running network and after a
    /// crash, and changes nothing.
    pub fn customers(file: &Path) -> Result<Vec<Held>, FileError> {
        let mut connection = FORM.open_reader(file)?;
        state::all_held(&mut connection).map_err(|source| FORM.failed(file, source))
    }
}

#[async_trait]
impl MailDriver for MailStore {
    async fn ensure(&self, command: &MailCommand) -> Outcome {
        if let Some(reason) = contradiction(command) {
            return Outcome::Refused { reason };
        }
        let (reply, answer) = oneshot::channel();
        match self.writer.submit(Job { command: command.clone(), reply }) {
            Ok(()) => answer.await.unwrap_or_else(|_| self.writer.gone()),
            Err(outcome) => outcome,
        }
    }

    fn limits(&self) -> DriverLimits {
        DriverLimits {
            in_flight_max: self.settings.in_flight,
            per_second_max: None,
            command_deadline: self.settings.deadline,
        }
    }
}

/// What of a command no lookup file could hold, whatever is in it.
fn contradiction(command: &MailCommand) -> Option<String> {
    let mut keys = BTreeSet::new();
    command.mailboxes.iter().find_map(|mailbox| {
        let key = mailbox.address.key();
        let reason = if key.contains('+') {
            "has a '+', after which mail servers read a tag and not a part of the address"
        } else if mailbox.quota_bytes == 0 || i64::try_from(mailbox.quota_bytes).is_err() {
            "has a quota that cannot be: it must be at least 1 byte and below 2^63"
        } else if !keys.insert(key) {
            "is there twice"
        } else {
            return None;
        };
        Some(format!("the mailbox {} {reason}", mailbox.address))
    })
}

/// Makes the file and its directory with the rights that the mail servers need. What is there already keeps its own.
fn prepare(file: &Path) -> Result<(), FileError> {
    let place =
        |path: &Path, source| FileError::Place { what: FORM.what, path: path.to_owned(), source };
    let set = |path: &Path, mode| {
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode))
            .map_err(|source| place(path, source))
    };
    if let Some(directory) = file.parent().filter(|directory| !directory.exists()) {
        std::fs::create_dir_all(directory).map_err(|source| place(directory, source))?;
        set(directory, DIRECTORY_MODE)?;
    }
    let mut options = std::fs::OpenOptions::new();
    match options.write(true).create_new(true).mode(FILE_MODE).open(file) {
        // Once more, because the process's umask was taken off.
        Ok(_) => set(file, FILE_MODE),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(place(file, error)),
    }
}

/// The lookup file, as its thread has it.
#[derive(Debug)]
struct Memory {
    connection: Connection,
    clock: Arc<dyn Clock>,
}

impl Memory {
    fn serve(&mut self, group: Vec<Job>) {
        let outcomes = self.commit(&group).unwrap_or_else(|error| {
            tracing::warn!(%error, commands = group.len(), "the mail network's file cannot be written");
            let reason = format!("the mail network's file cannot be written: {error}");
            vec![Outcome::Unavailable { reason }; group.len()]
        });
        for (job, outcome) in group.into_iter().zip(outcomes) {
            // A caller that no longer waits has been cut off; the change stands, and its next attempt confirms it.
            let _ = job.reply.send(outcome);
        }
    }

    /// One transaction for the whole group. An error changes nothing.
    fn commit(&mut self, group: &[Job]) -> rusqlite::Result<Vec<Outcome>> {
        let now = self.clock.now();
        let mut transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut outcomes = Vec::with_capacity(group.len());
        for job in group {
            let mut savepoint = transaction.savepoint()?;
            outcomes.push(match state::apply(&savepoint, &job.command, now)? {
                Applied::Done => Outcome::Done,
                Applied::Refused(reason) => {
                    savepoint.rollback()?;
                    Outcome::Refused { reason }
                }
            });
            savepoint.commit()?;
        }
        transaction.commit()?;
        Ok(outcomes)
    }
}
