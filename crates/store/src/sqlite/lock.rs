//! One server per database file.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};

use super::OpenError;

/// Held by a running server for as long as it lives: an exclusive lock on `<database>.lock`, released by the operating
/// system even when the process is killed. Commands that work beside a server do not take it.
#[derive(Debug)]
pub struct ServeLock {
    // Kept for its lock.
    _file: File,
}

impl ServeLock {
    /// Takes the lock of the database at `database`, or says who has it.
    pub fn acquire(database: &Path) -> Result<Self, OpenError> {
        let path = lock_path(database);
        let fail = |error: std::io::Error| match error.kind() {
            ErrorKind::PermissionDenied if path.exists() => {
                OpenError::ReadOnly { path: path.clone() }
            }
            _ => OpenError::Cannot { path: path.clone(), reason: error.to_string() },
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(fail)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                file.read_to_string(&mut holder).map_err(fail)?;
                let pid = holder.trim().parse().ok();
                return Err(OpenError::Served { path: database.to_owned(), pid: Pid(pid) });
            }
            Err(TryLockError::Error(error)) => return Err(fail(error)),
        }
        // Only for the message above, in another process.
        file.set_len(0).and_then(|()| file.rewind()).map_err(fail)?;
        file.write_all(std::process::id().to_string().as_bytes()).map_err(fail)?;
        Ok(Self { _file: file })
    }
}

fn lock_path(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

/// A process, where it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pid(pub Option<u32>);

impl std::fmt::Display for Pid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(pid) => write!(f, "process {pid}"),
            None => f.write_str("another process"),
        }
    }
}
