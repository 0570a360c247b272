//! A place for one connection, which is made anew when it broke.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use super::address::Address;
use super::fault::{Fault, Result};
use super::link::{Answer, Ask, Frame, Link, SNAPSHOT};
use super::work::Work;
use super::{Options, open};

/// After a connection could not be made, nobody tries for so long: those who wait are told at once.
const PAUSE: Duration = Duration::from_millis(100);

/// One connection, or none just now.
pub(super) struct Line {
    shared: Arc<Shared>,
    /// Whoever writes has it.
    turn: Arc<tokio::sync::Mutex<()>>,
}

struct Shared {
    address: Address,
    options: Options,
    runtime: Handle,
    link: Mutex<Option<Arc<Link>>>,
    connecting: tokio::sync::Mutex<Option<(Instant, String)>>,
}

impl Shared {
    fn standing(&self) -> Option<Arc<Link>> {
        let link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        link.clone().filter(|link| !link.is_broken())
    }
}

impl Line {
    /// Connects when it is first used; the connection lives on `runtime`.
    pub(super) fn new(address: &Address, options: Options, runtime: Handle) -> Self {
        let shared = Shared {
            address: address.clone(),
            options,
            runtime,
            link: Mutex::default(),
            connecting: tokio::sync::Mutex::default(),
        };
        Self { shared: Arc::new(shared), turn: Arc::default() }
    }

    /// Where the connection lives.
    pub(super) fn runtime(&self) -> &Handle {
        &self.shared.runtime
    }

    /// The connection, made anew if it broke.
    pub(super) async fn link(&self) -> Result<Arc<Link>> {
        if let Some(link) = self.shared.standing() {
            return Ok(link);
        }
        let mut failed = self.shared.connecting.lock().await;
        if let Some(link) = self.shared.standing() {
            return Ok(link);
        }
        if let Some((_, reason)) = failed.as_ref().filter(|(when, _)| when.elapsed() < PAUSE) {
            return Err(Fault::unavailable(reason));
        }
        let shared = Arc::clone(&self.shared);
        // On the store's own runtime: the caller's may have neither timers nor sockets.
        let connected = self
            .shared
            .runtime
            .spawn(async move { open::connect(&shared.address, shared.options.accept_loss).await });
        let reason = match connected.await {
            Ok(Ok(link)) => {
                let mut place = self.shared.link.lock().unwrap_or_else(PoisonError::into_inner);
                *place = Some(Arc::clone(&link));
                *failed = None;
                return Ok(link);
            }
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        tracing::warn!(reason, "the database cannot be reached");
        *failed = Some((Instant::now(), reason.clone()));
        Err(Fault::unavailable(reason))
    }

    /// Asks several things about one moment. What broke off is asked once more, on a new connection.
    pub(super) async fn ask(&self, asks: &[Ask]) -> Result<Vec<Answer>> {
        let frame = if asks.len() > 1 { SNAPSHOT } else { Frame::default() };
        let link = self.link().await?;
        match link.go(asks, frame).await {
            Err(_) if link.is_broken() => self.link().await?.go(asks, frame).await,
            other => other,
        }
    }

    /// Begins a write, when nobody else writes here.
    pub(super) async fn try_work(&self) -> Result<Option<Work>> {
        let Ok(turn) = Arc::clone(&self.turn).try_lock_owned() else { return Ok(None) };
        Ok(Some(Work::new(self.link().await?, turn, &self.shared.runtime)))
    }

    /// Begins a write, after those who came before.
    pub(super) async fn work(&self) -> Result<Work> {
        let turn = Arc::clone(&self.turn).lock_owned().await;
        Ok(Work::new(self.link().await?, turn, &self.shared.runtime))
    }
}
