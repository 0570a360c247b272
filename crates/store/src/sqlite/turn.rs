//! Turns: how processes that write to one file keep from shutting each other out.
//!
//! SQLite hands its write lock to whoever asks at the right moment. A process that writes one transaction after the
//! other leaves a gap of microseconds between two of them, and whoever naps between two looks misses it: beside an
//! import, a server's writes waited for seconds. So a writer takes the turn first, which is a lock on the file
//! `<database>.turn`, and keeps it only until its transaction has begun. Whoever waits for the end of another's
//! transaction holds the turn meanwhile, and the other one, done, finds it taken.
//!
//! Invariants:
//! - Nobody writes a second transaction while another process waits in front of its first.
//! - It is about order only: that no two processes write at once is SQLite's business. The operating system gives the
//!   turn back when its holder dies.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::OpenError;
use super::fault::{Fault, Result};

/// How long a statement waits for another process' write.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a thread sleeps between two looks at a lock that another process has. Fixed and short: what is waited for
/// lasts milliseconds, and SQLite's own naps grow to 100 ms.
const NAP: Duration = Duration::from_millis(1);

/// One database's turn; nothing where its file is another user's.
#[derive(Debug)]
pub(super) struct Turn(Option<File>);

impl Turn {
    /// The turn of the database at `database`.
    pub(super) fn open(database: &Path) -> std::result::Result<Self, OpenError> {
        let path = path(database);
        // Reading is all that a lock needs, so that it does not matter which of a machine's users made the file.
        let opened = match File::open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => make(&path, database),
            opened => opened,
        };
        match opened {
            Ok(file) => Ok(Self(Some(file))),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                tracing::warn!(file = %path.display(), %error,
                    "no turns with other processes: give this file the database's owner and mode");
                Ok(Self(None))
            }
            Err(error) => Err(OpenError::Cannot { path, reason: error.to_string() }),
        }
    }

    /// Begins a transaction when it is our turn.
    pub(super) fn take(&self, begin: impl FnOnce() -> Result<()>) -> Result<()> {
        let Some(file) = &self.0 else { return begin() };
        let asked = Instant::now();
        while let Err(error) = file.try_lock() {
            match error {
                TryLockError::WouldBlock if nap(asked) => {}
                TryLockError::WouldBlock => return Err(Fault::busy()),
                // A file system without such locks: SQLite's own is what counts.
                TryLockError::Error(error) => {
                    tracing::debug!(%error, "no turns");
                    return begin();
                }
            }
        }
        let begun = begin();
        if let Err(error) = file.unlock() {
            tracing::warn!(%error, "other processes cannot write: the turn does not open");
        }
        begun
    }
}

/// Makes the file so that whoever may use the database may use it, as SQLite does with its own files beside it.
fn make(path: &Path, database: &Path) -> std::io::Result<File> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
    if let Ok(like) = std::fs::metadata(database) {
        // Somebody else's database: only root can give the file away, and it need not succeed.
        let _kept = std::os::unix::fs::fchown(&file, Some(like.uid()), Some(like.gid()));
        file.set_permissions(like.permissions())?;
    }
    Ok(file)
}

/// What SQLite calls when another process has a lock: naps, and answers whether to look again.
pub(super) fn patience() -> impl FnMut(i32) -> bool + Send + 'static {
    let mut asked = Instant::now();
    move |naps| {
        if naps == 0 {
            asked = Instant::now();
        }
        nap(asked)
    }
}

/// Sleeps a little; false, and at once, when it has been waited for long enough since `asked`.
fn nap(asked: Instant) -> bool {
    if asked.elapsed() >= PATIENCE {
        return false;
    }
    #[expect(clippy::disallowed_methods, reason = "a lock of another process sends no event")]
    std::thread::sleep(NAP);
    true
}

/// The file of a database's turn.
pub(super) fn path(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".turn");
    PathBuf::from(name)
}
