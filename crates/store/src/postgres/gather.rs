//! Concurrent calls that open tickets share one transaction: while one commits, the next gathers.
//!
//! Invariant: one call's tickets are never in two transactions. When a batch of several calls is refused as a whole, each
//! call is opened by itself, so that only the one that does not fit is told.

use std::sync::Arc;

use provisor_domain::store::{NewTicket, Opened, StoreError};
use tokio::sync::{Mutex, mpsc, oneshot};

use super::fault::Fault;
use super::line::Line;
use super::tickets::open;
use super::{Shared, told};

/// Calls that wait at most; who comes on top of them is told to come back.
const WAITING_MAX: usize = 4_096;

struct Call {
    tickets: Vec<NewTicket>,
    answer: oneshot::Sender<std::result::Result<Vec<Opened>, StoreError>>,
}

/// Where calls wait. Clones share it; when the last one is dropped, it ends.
#[derive(Clone)]
pub(super) struct Gatherer {
    calls: mpsc::Sender<Call>,
}

impl Gatherer {
    /// Starts it on the runtime that this is called on.
    pub(super) fn spawn(shared: &Arc<Shared>, group_max: usize) -> Self {
        let (calls, waiting) = mpsc::channel(WAITING_MAX);
        let waiting = Arc::new(Mutex::new(Waiting { calls: waiting, left: None }));
        for opener in 0..shared.openers.len() {
            tokio::spawn(serve(Arc::clone(shared), opener, Arc::clone(&waiting), group_max));
        }
        Self { calls }
    }

    pub(super) async fn open(
        &self,
        tickets: Vec<NewTicket>,
    ) -> std::result::Result<Vec<Opened>, StoreError> {
        let (answer, opened) = oneshot::channel();
        self.calls.try_send(Call { tickets, answer }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StoreError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => ended(),
        })?;
        opened.await.unwrap_or_else(|_| Err(ended()))
    }
}

fn ended() -> StoreError {
    StoreError::Broken("the store was closed".to_owned())
}

struct Waiting {
    calls: mpsc::Receiver<Call>,
    /// One that did not fit into the batch before.
    left: Option<Call>,
}

impl Waiting {
    /// Whatever waits, as far as it fits into one transaction; `None` when nobody will come any more.
    async fn gather(&mut self, group_max: usize) -> Option<Vec<Call>> {
        let first = match self.left.take() {
            Some(call) => call,
            None => self.calls.recv().await?,
        };
        let mut count = first.tickets.len();
        let mut calls = vec![first];
        while count < group_max
            && let Ok(call) = self.calls.try_recv()
        {
            count += call.tickets.len();
            if count > group_max {
                self.left = Some(call);
                break;
            }
            calls.push(call);
        }
        Some(calls)
    }
}

/// Opens what waits, on one connection.
async fn serve(shared: Arc<Shared>, opener: usize, waiting: Arc<Mutex<Waiting>>, group_max: usize) {
    loop {
        let Some(calls) = waiting.lock().await.gather(group_max).await else { return };
        open_all(&shared, &shared.openers[opener], calls).await;
    }
}

async fn open_all(shared: &Shared, line: &Line, calls: Vec<Call>) {
    let sizes: Vec<usize> = calls.iter().map(|call| call.tickets.len()).collect();
    let (tickets, answers): (Vec<_>, Vec<_>) =
        calls.into_iter().map(|call| (call.tickets, call.answer)).unzip();
    let tickets: Vec<NewTicket> = tickets.into_iter().flatten().collect();
    let opened = open(shared, line, &tickets).await;
    let apart = sizes.len() > 1 && matches!(&opened, Err(fault) if is_refused(fault));
    let (mut rest, mut opened) = (tickets.as_slice(), told(opened));
    for (size, answer) in sizes.into_iter().zip(answers) {
        let (own, others) = rest.split_at(size);
        rest = others;
        let told = match &mut opened {
            _ if apart => told(open(shared, line, own).await),
            Ok(opened) => Ok(opened.drain(..size).collect()),
            Err(error) => Err(error.clone()),
        };
        // Who does not wait any more finds his ticket by his key.
        let _ = answer.send(told);
    }
}

/// Whether the database took offence at what was to be written, rather than being away.
fn is_refused(fault: &Fault) -> bool {
    matches!(fault.to_store_error(), StoreError::Conflict(_) | StoreError::Broken(_))
}
