//! The lookup file as its thread has it: made where it is missing, written in groups, and opened anew when somebody took
//! it away.
//!
//! Invariant: what is answered with [`Outcome::Done`] was committed to the file that is at the path. Each group of
//! commands looks after its commit whether that is so.

use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt};
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use provisor_domain::NetworkCode;
use provisor_domain::clock::Clock;
use provisor_domain::driver::Outcome;
use provisor_domain::mail::MailCommand;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::oneshot;

use super::sessions::{self, Kick};
use super::state::{self, Applied, FORM};
use crate::file::{FileError, Opened};

/// The rights of the directory that is made for the lookup file: the group may write there (with WAL every reader has
/// to), and what is made in it belongs to the group.
const DIRECTORY_MODE: u32 = 0o2770;
/// The rights of the file; `SQLite` gives them to the files beside it, too.
const FILE_MODE: u32 = 0o660;

/// What is on its way to the file.
#[derive(Debug)]
pub(super) enum Job {
    /// A command, and who waits for its answer.
    Command(Box<MailCommand>, oneshot::Sender<Answer>),
    /// Open sessions that were ended.
    Kicked(Vec<i64>),
}

/// What came of a command in the file.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) outcome: Outcome,
    /// Whose open sessions are still to be ended before it is done. Empty unless the outcome is `Done`.
    pub(super) to_kick: Vec<Kick>,
}

impl From<Outcome> for Answer {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, to_kick: Vec::new() }
    }
}

/// The lookup file, as its thread has it.
#[derive(Debug)]
pub(super) struct Memory {
    network: NetworkCode,
    file: Box<Path>,
    /// Nothing after the file was lost and while no other could be opened.
    opened: Option<Opened>,
    /// Whether somebody ends open sessions.
    kicks: bool,
    clock: Arc<dyn Clock>,
}

impl Memory {
    /// Opens `file`; makes directory and file where there are none. With `kicks` it keeps whose open sessions are to be
    /// ended.
    pub(super) fn open(
        network: &NetworkCode,
        file: &Path,
        kicks: bool,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, FileError> {
        let opened = Some(open(network, file)?);
        Ok(Self { network: network.clone(), file: file.into(), opened, kicks, clock })
    }

    /// Carries out a group of commands and answers each.
    pub(super) fn serve(&mut self, group: Vec<Job>) {
        let answers = self.write(&group).unwrap_or_else(|error| {
            tracing::warn!(%error, commands = group.len(), "nothing was written for the mail network");
            vec![Outcome::Unavailable { reason: error.to_string() }.into(); group.len()]
        });
        for (job, answer) in group.into_iter().zip(answers) {
            if let Job::Command(_, reply) = job {
                // A caller that no longer waits has been cut off; the change stands, and its next attempt confirms it.
                let _ = reply.send(answer);
            }
        }
    }

    /// Writes a group into the file at the path. An error changes nothing there.
    fn write(&mut self, group: &[Job]) -> Result<Vec<Answer>, FileError> {
        let opened = match self.opened.take() {
            Some(opened) => opened,
            None => open(&self.network, &self.file)?,
        };
        let opened = self.opened.insert(opened);
        let answers = commit(&mut opened.connection, group, self.kicks, self.clock.now());
        if opened.is_lost() {
            let lost = FORM.lost(&self.file);
            tracing::error!(error = %lost, "a lookup file is gone");
            // Closed before the next one is opened, which has the same path.
            self.opened = None;
            self.opened = Some(open(&self.network, &self.file)?);
            return Err(lost);
        }
        answers.map_err(|source| FORM.failed(&self.file, source))
    }
}

fn open(network: &NetworkCode, file: &Path) -> Result<Opened, FileError> {
    prepare(file)?;
    FORM.watched(file, || FORM.open_writer(network, file))
}

/// One transaction for the whole group. An error changes nothing.
fn commit(
    connection: &mut Connection,
    group: &[Job],
    kicks: bool,
    now: Timestamp,
) -> rusqlite::Result<Vec<Answer>> {
    let mut transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut answers = Vec::with_capacity(group.len());
    for job in group {
        answers.push(match job {
            Job::Command(command, _) => carry_out(&mut transaction, command, kicks, now)?,
            Job::Kicked(ids) => {
                sessions::kicked(&transaction, ids)?;
                Outcome::Done.into()
            }
        });
    }
    transaction.commit()?;
    Ok(answers)
}

fn carry_out(
    transaction: &mut Transaction<'_>,
    command: &MailCommand,
    kicks: bool,
    now: Timestamp,
) -> rusqlite::Result<Answer> {
    let mut savepoint = transaction.savepoint()?;
    let answer = match state::apply(&savepoint, command, now, kicks)? {
        Applied::Done(to_kick) => Answer { outcome: Outcome::Done, to_kick },
        Applied::Refused(reason) => {
            savepoint.rollback()?;
            Outcome::Refused { reason }.into()
        }
    };
    savepoint.commit()?;
    Ok(answer)
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
    if !file.exists() {
        // Mail servers may still have a file open that was here, and share its index with whoever opens what lies beside
        // it: a new file gets a new one.
        for ending in ["-wal", "-shm"] {
            let mut beside = file.as_os_str().to_owned();
            beside.push(ending);
            match std::fs::remove_file(&beside) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(place(Path::new(&beside), error));
                }
                _ => {}
            }
        }
    }
    let mut options = std::fs::OpenOptions::new();
    match options.write(true).create_new(true).mode(FILE_MODE).open(file) {
        // Once more, because the process's umask was taken off.
        Ok(_) => set(file, FILE_MODE),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(place(file, error)),
    }
}
