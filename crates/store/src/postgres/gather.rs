//! Concurrent calls that open tickets share one transaction: while one commits, the next gathers.
//!
//! Invariant: one call's tickets are never in two transactions. When a batch of several calls is refused as a whole, each
//! call is opened by itself, so that only the one that does not fit is told.

use std::sync::Arc;

use provisor_domain::limits::TICKETS_PER_BATCH_MAX;
use provisor_domain::store::{NewTicket, Opened, StoreError};
use tokio::sync::{mpsc, oneshot};

use super::fault::Fault;
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
    pub(super) fn spawn(shared: Arc<Shared>) -> Self {
        let (calls, waiting) = mpsc::channel(WAITING_MAX);
        tokio::spawn(serve(shared, waiting));
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

async fn serve(shared: Arc<Shared>, mut waiting: mpsc::Receiver<Call>) {
    let mut left = None;
    loop {
        let first = match left.take() {
            Some(call) => call,
            None => match waiting.recv().await {
                Some(call) => call,
                None => return,
            },
        };
        let mut count = first.tickets.len();
        let mut calls = vec![first];
        while let Ok(call) = waiting.try_recv() {
            count += call.tickets.len();
            if count > TICKETS_PER_BATCH_MAX {
                left = Some(call);
                break;
            }
            calls.push(call);
        }
        open_all(&shared, calls).await;
    }
}

async fn open_all(shared: &Shared, calls: Vec<Call>) {
    let sizes: Vec<usize> = calls.iter().map(|call| call.tickets.len()).collect();
    let (tickets, answers): (Vec<_>, Vec<_>) =
        calls.into_iter().map(|call| (call.tickets, call.answer)).unzip();
    let tickets: Vec<NewTicket> = tickets.into_iter().flatten().collect();
    let opened = open(shared, &tickets).await;
    let apart = sizes.len() > 1 && matches!(&opened, Err(fault) if is_refused(fault));
    let (mut rest, mut opened) = (tickets.as_slice(), told(opened));
    for (size, answer) in sizes.into_iter().zip(answers) {
        let (own, others) = rest.split_at(size);
        rest = others;
        let told = match &mut opened {
            _ if apart => told(open(shared, own).await),
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
