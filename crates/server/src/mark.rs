//! Remembers outside of the database how far it had come, so that one that was put back in time is noticed.
//!
//! A server moves the database's heartbeat on and writes it into a file in the data folder. A database whose heartbeat is
//! behind that file is an older copy: its tickets must not be sent before the networks were read, so its adoption begins
//! by itself. A data folder that was put back together with its database tells nothing: then `provisor adopt begin` must.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use provisor_domain::clock::{Clock, SystemClock};
use provisor_domain::store::{Origin, Store, StoreError};

/// How often the heartbeat moves on.
const BEAT: Duration = Duration::from_secs(5);
/// How far the heartbeat of an older copy is moved beyond the file: the files of other nodes may be ahead of this one.
const BEYOND: i64 = 1 << 20;
/// What the file begins with.
const HEAD: &str = "provisor mark 1";

/// The file, and how far the database had come when this process last looked.
pub(crate) struct Mark {
    store: Arc<dyn Store>,
    file: PathBuf,
    installation: String,
    beat: i64,
}

impl Mark {
    /// Compares the database with the file, and begins an adoption when the database is older. To be called before the
    /// first ticket is carried out. `installation` names the database's installation: the file of another one tells
    /// nothing about it.
    pub(crate) async fn look(
        store: Arc<dyn Store>,
        file: PathBuf,
        installation: String,
    ) -> Result<Self> {
        let remembered = read(&file, &installation)?;
        let beat = store.stamp().await?.heartbeat;
        let mut mark = Self { store, file, installation, beat };
        match remembered {
            Some(remembered) if beat < remembered => {
                let reason = format!(
                    "the database is an older copy: its heartbeat is {beat}, and {} remembers {remembered}",
                    mark.file.display()
                );
                mark.adopt(&reason).await?;
                mark.beat(remembered.saturating_add(BEYOND)).await?;
            }
            _ => mark.beat(0).await?,
        }
        Ok(mark)
    }

    /// Moves the heartbeat on until the task is dropped.
    pub(crate) async fn keep(mut self) {
        let mut beats = tokio::time::interval(BEAT);
        beats.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        beats.tick().await;
        loop {
            beats.tick().await;
            if let Err(error) = self.beat(0).await {
                tracing::warn!(%error, "the database's heartbeat could not be written down");
            }
        }
    }

    /// Moves the heartbeat on. One that went back since means that the database was exchanged under this process.
    async fn beat(&mut self, at_least: i64) -> Result<()> {
        let beat = self.store.heartbeat(at_least).await?;
        if beat <= self.beat {
            let reason = format!(
                "the database was exchanged while a server used it: its heartbeat went from {} to {beat}",
                self.beat
            );
            self.adopt(&reason).await?;
        }
        self.beat = beat;
        write(&self.file, &self.installation, beat)
    }

    async fn adopt(&self, reason: &str) -> Result<(), StoreError> {
        tracing::warn!(
            reason,
            "this database was restored: nothing is sent before the networks were read; \
            run `provisor adopt check`, then `provisor adopt finish`"
        );
        let origin = Origin { actor: "server".to_owned(), request_id: None };
        self.store.adopt_begin(reason.to_owned(), origin, SystemClock.now()).await?;
        Ok(())
    }
}

/// The heartbeat that the file remembers of this installation.
fn read(file: &Path, installation: &str) -> Result<Option<i64>> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", file.display()));
        }
    };
    let mut lines = text.lines();
    let known = (lines.next(), lines.next()) == (Some(HEAD), Some(installation));
    let beat = lines.next().filter(|_| known).and_then(|line| line.parse().ok());
    if beat.is_none() {
        tracing::warn!(file = %file.display(),
            "this file is not of this database; whether the database is an older copy cannot be told from it");
    }
    Ok(beat)
}

/// Whole or not at all: nodes may share a folder.
fn write(file: &Path, installation: &str, beat: i64) -> Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    let written = tempfile::NamedTempFile::new_in(folder).and_then(|mut beside| {
        write!(beside, "{HEAD}\n{installation}\n{beat}\n")?;
        beside.persist(file).map_err(|error| error.error)
    });
    written.map(drop).with_context(|| format!("cannot write {}", file.display()))
}
