//! Mailboxes for Dovecot and Postfix (`driver = "mail"`): a lookup file from which the mail servers read who has which
//! mailbox, password, forward and quota.
//!
//! The file is the mail system as far as provisor sees it: a command is done when it is in the file and on the disk, and
//! the servers see it with their next lookup, also while provisor is down. Whatever they read they read through views
//! with a version (`schema.sql`); [`config`] writes the servers' configuration on these views.
//!
//! With the setting `doveadm` Dovecot is told to end the open sessions of whom a command shuts out; the command is done
//! when it has.
//!
//! Invariants: a command is carried out wholly or not at all; an older command than the newest of its customer is
//! refused and changes nothing; an address is one customer's; a mailbox's mail lies in a place of its customer's own.

pub mod config;
mod doveadm;
mod memory;
mod sessions;
mod settings;
mod state;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use provisor_domain::NetworkCode;
use provisor_domain::clock::SystemClock;
use provisor_domain::driver::{DriverLimits, Outcome};
use provisor_domain::mail::{MailCommand, MailDriver};
use provisor_domain::portal::PortalId;
use tokio::sync::oneshot;

use crate::file::{FileError, Opened};
use crate::writer::Writer;
use doveadm::Kicker;
use memory::{Answer, Job, Memory};
use sessions::Kick;
pub use settings::{Doveadm, IN_FLIGHT_MAX, Settings};
use state::FORM;
pub use state::Held;

/// A mail network.
#[derive(Debug)]
pub struct MailStore {
    settings: Settings,
    /// Nothing after its file was lost and while no other could be opened.
    reader: Mutex<Option<Opened>>,
    writer: Writer<Job>,
    kicker: Option<Kicker>,
    file: Box<Path>,
}

impl MailStore {
    /// Opens the mail network whose lookup file is `file`; makes directory and file where there are none. The file is
    /// one network's.
    pub fn open(network: &NetworkCode, file: &Path, settings: Settings) -> Result<Self, FileError> {
        let mut memory =
            Memory::open(network, file, settings.doveadm.is_some(), Arc::new(SystemClock))?;
        let reader = Mutex::new(Some(open_reader(file)?));
        let writer = Writer::start(FORM.what, settings.in_flight, move |group| memory.serve(group))
            .map_err(|source| FileError::Thread { what: FORM.what, source })?;
        let kicker = settings.doveadm.clone().map(Kicker::new);
        Ok(Self { settings, reader, writer, kicker, file: file.into() })
    }

    /// What the lookup file has of a customer; nothing when no command for it was ever carried out.
    pub fn customer(&self, id: &PortalId) -> Result<Option<Held>, FileError> {
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let opened = match reader.take().filter(|opened| !opened.is_lost()) {
            Some(opened) => opened,
            None => open_reader(&self.file)?,
        };
        let connection = &mut reader.insert(opened).connection;
        state::held(connection, id).map_err(|source| FORM.failed(&self.file, source))
    }

    /// What the lookup file `file` has of all customers. For tests and tools: works beside a running network and after a
    /// crash, and changes nothing.
    pub fn customers(file: &Path) -> Result<Vec<Held>, FileError> {
        let mut connection = FORM.open_reader(file)?;
        state::all_held(&mut connection).map_err(|source| FORM.failed(file, source))
    }
}

impl MailStore {
    /// The last part of a command that is in the file: nobody whom it shuts out stays logged in. What was ended is
    /// struck off later; if that is lost, the customer's next command ends it once more, which does no harm.
    async fn end_sessions(&self, kicker: &Kicker, to_kick: &[Kick]) -> Outcome {
        let (ended, failed) = kicker.kick(to_kick).await;
        if !ended.is_empty() && self.writer.submit(Job::Kicked(ended)).is_err() {
            tracing::debug!("ended sessions are not struck off: too much is waiting");
        }
        match failed {
            None => Outcome::Done,
            Some(error) => {
                let reason = format!("the mail system has it, but open sessions go on: {error}");
                Outcome::Unknown { reason }
            }
        }
    }
}

#[async_trait]
impl MailDriver for MailStore {
    async fn ensure(&self, command: &MailCommand) -> Outcome {
        if let Some(reason) = contradiction(command) {
            return Outcome::Refused { reason };
        }
        let (reply, answer) = oneshot::channel();
        if let Err(outcome) = self.writer.submit(Job::Command(Box::new(command.clone()), reply)) {
            return outcome;
        }
        match (answer.await, &self.kicker) {
            (Ok(Answer { to_kick, .. }), Some(kicker)) if !to_kick.is_empty() => {
                self.end_sessions(kicker, &to_kick).await
            }
            (Ok(Answer { outcome, .. }), _) => outcome,
            (Err(_), _) => self.writer.gone(),
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

fn open_reader(file: &Path) -> Result<Opened, FileError> {
    FORM.watched(file, || FORM.open_reader(file))
}
