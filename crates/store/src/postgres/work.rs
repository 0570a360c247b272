//! A write: one transaction on a connection that nobody else uses meanwhile.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::OwnedMutexGuard;

use super::fault::Result;
use super::link::{Answer, Ask, Frame, Link, Param};
use super::sql;

const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";

/// A transaction. It begins with the first ask; dropped before its end it is rolled back.
pub(super) struct Work {
    link: Arc<Link>,
    turn: Option<OwnedMutexGuard<()>>,
    begun: bool,
    runtime: Handle,
}

impl Work {
    pub(super) fn new(link: Arc<Link>, turn: OwnedMutexGuard<()>, runtime: &Handle) -> Self {
        Self { link, turn: Some(turn), begun: false, runtime: runtime.clone() }
    }

    /// The connection that it has.
    pub(super) fn link(&self) -> Arc<Link> {
        Arc::clone(&self.link)
    }

    /// Sends the asks in one go; answers in their order.
    pub(super) async fn go(&mut self, asks: &[Ask]) -> Result<Vec<Answer>> {
        if asks.is_empty() {
            return Ok(Vec::new());
        }
        let begin = (!self.begun).then_some(BEGIN);
        self.begun = true;
        self.link.go(asks, Frame { begin, end: None }).await
    }

    /// Asks one thing.
    pub(super) async fn one(&mut self, sql: &'static str, params: Vec<Param>) -> Result<Answer> {
        let mut answers = self.go(&[Ask::new(sql, params)]).await?;
        answers.pop().ok_or_else(|| super::Fault::broken("no answer"))
    }

    /// Runs a text without values in the transaction.
    pub(super) async fn control(&mut self, text: &str) -> Result<()> {
        self.link.control(text).await
    }

    /// Takes back what was done so far, and begins anew on the same connection.
    pub(super) async fn start_over(&mut self) -> Result<()> {
        if self.begun {
            self.link.control("ROLLBACK").await?;
            self.begun = false;
        }
        Ok(())
    }

    /// Commits, together with the last asks.
    pub(super) async fn commit_with(mut self, asks: &[Ask]) -> Result<Vec<Answer>> {
        let begin = (!self.begun).then_some(BEGIN);
        if begin.is_some() && asks.is_empty() {
            return Ok(Vec::new());
        }
        self.begun = true;
        let answers = self.link.go(asks, Frame { begin, end: Some("COMMIT") }).await;
        if answers.is_ok() {
            self.begun = false;
        }
        answers
    }

    /// Ends it when nothing was written and what was read is to be acknowledged: it may have been written by somebody who was
    /// not told, and must be as durable as if it were written now.
    pub(super) async fn confirm(self) -> Result<()> {
        self.commit_with(&[Ask::new(sql::CONFIRM, Vec::new())]).await.map(drop)
    }

    /// Commits.
    pub(super) async fn commit(self) -> Result<()> {
        self.commit_with(&[]).await.map(drop)
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        let Some(turn) = self.turn.take() else { return };
        if self.begun && !self.link.is_broken() {
            let link = Arc::clone(&self.link);
            self.runtime.spawn(async move {
                if let Err(error) = link.control("ROLLBACK").await {
                    tracing::debug!(%error, "a transaction ended with its connection");
                }
                drop(turn);
            });
        }
    }
}
