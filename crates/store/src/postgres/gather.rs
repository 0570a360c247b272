//! Concurrent calls share statements: while some are at the database, the next ones gather.
//!
//! There is no timer: whoever comes to an idle connection is served alone, and under load as many as came while the last ones
//! were served are served together. A statement about a row costs 60 us, one about forty 9 us a row.
//!
//! Invariants:
//! - One call's things are never in two transactions. When several calls are refused as a whole, each is served by itself, so
//!   that only the one that does not fit is told. Of a call that nobody waits for any more nothing is begun.
//! - A batch that takes long holds up nobody but its own calls, as long as there is a connection that is not slow.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use provisor_domain::store::StoreError;
use tokio::sync::{Mutex, mpsc, oneshot, watch};
use tokio::time::timeout;

use super::fault::{Fault, Result};
use super::line::Line;
use super::{Shared, told};

/// Calls that wait at most; who comes on top of them is told to come back.
const WAITING_MAX: usize = 4_096;
/// After so long a connection is slow: others stand in for it.
const SLOW_AFTER: Duration = Duration::from_millis(100);

/// What calls bring one or more of, to be done with what others bring.
pub(super) trait Gathered: Send + Sync + Sized + 'static {
    /// What each of them is answered.
    type Answer: Send + 'static;

    /// The connections that serve it.
    fn lines(shared: &Shared) -> &[Line];

    /// Does all of it, in one transaction; answers in its order.
    fn together(
        shared: &Shared,
        line: &Line,
        all: &[Self],
    ) -> impl Future<Output = Result<Vec<Self::Answer>>> + Send;
}

type Told<T> = std::result::Result<T, StoreError>;

struct Call<T: Gathered> {
    brought: Vec<T>,
    answer: oneshot::Sender<Told<Vec<T::Answer>>>,
}

impl<T: Gathered> Call<T> {
    /// Whoever went away has been told that nothing happened, or will look.
    fn is_awaited(&self) -> bool {
        !self.answer.is_closed()
    }
}

/// Where calls wait. Clones share it; when the last one is dropped, it ends.
pub(super) struct Gatherer<T: Gathered> {
    calls: mpsc::Sender<Call<T>>,
}

impl<T: Gathered> Clone for Gatherer<T> {
    fn clone(&self) -> Self {
        Self { calls: self.calls.clone() }
    }
}

impl<T: Gathered> Gatherer<T> {
    /// Starts it: `lines` of the connections serve what waits here, each where it lives; while all of these are slow, the
    /// other connections do. `group_max`: how many things are done together at most.
    pub(super) fn spawn(
        shared: &Arc<Shared>,
        lines: impl Iterator<Item = usize>,
        group_max: usize,
    ) -> Self {
        let (calls, waiting) = mpsc::channel(WAITING_MAX);
        let own: Vec<usize> = lines.collect();
        let queue = Arc::new(Queue {
            shared: Arc::clone(shared),
            waiting: Mutex::new(Waiting { calls: waiting, left: None }),
            group_max,
            own: own.len(),
            slow: watch::Sender::new(0),
        });
        for (at, line) in T::lines(shared).iter().enumerate() {
            let queue = Arc::clone(&queue);
            if own.contains(&at) {
                line.runtime().spawn(async move { queue.serve(at).await });
            } else {
                line.runtime().spawn(async move { queue.stand_in(at).await });
            }
        }
        Self { calls }
    }

    /// What comes of what a call brings.
    pub(super) async fn join(&self, brought: Vec<T>) -> Told<Vec<T::Answer>> {
        let (answer, told) = oneshot::channel();
        self.calls.try_send(Call { brought, answer }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StoreError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => ended(),
        })?;
        told.await.unwrap_or_else(|_| Err(ended()))
    }
}

fn ended() -> StoreError {
    StoreError::Broken("the store was closed".to_owned())
}

struct Waiting<T: Gathered> {
    calls: mpsc::Receiver<Call<T>>,
    /// One that did not fit into the batch before, or that came to somebody who went away.
    left: Option<Call<T>>,
}

impl<T: Gathered> Waiting<T> {
    /// Whatever waits, as far as it may be done together; `None` when nobody will come any more. Who goes away before the answer
    /// takes nothing with him.
    async fn gather(&mut self, group_max: usize) -> Option<Vec<Call<T>>> {
        let first = self.first().await?;
        let mut count = first.brought.len();
        let mut calls = vec![first];
        while count < group_max
            && let Ok(call) = self.calls.try_recv()
        {
            if !call.is_awaited() {
                continue;
            }
            count += call.brought.len();
            if count > group_max {
                self.left = Some(call);
                break;
            }
            calls.push(call);
        }
        Some(calls)
    }

    /// The next one that somebody waits for.
    async fn first(&mut self) -> Option<Call<T>> {
        loop {
            if self.left.is_none() {
                self.left = Some(self.calls.recv().await?);
                // Whoever is about to ask speaks first: an idle runtime comes back at once, a busy one with company.
                tokio::task::yield_now().await;
            }
            if let Some(call) = self.left.take().filter(Call::is_awaited) {
                return Some(call);
            }
        }
    }
}

/// Where calls wait, for those who serve them.
struct Queue<T: Gathered> {
    shared: Arc<Shared>,
    waiting: Mutex<Waiting<T>>,
    group_max: usize,
    /// How many connections serve it.
    own: usize,
    /// How many of them are slow just now; once it has ended, all are.
    slow: watch::Sender<usize>,
}

impl<T: Gathered> Queue<T> {
    async fn next(&self) -> Option<Vec<Call<T>>> {
        self.waiting.lock().await.gather(self.group_max).await
    }

    /// Serves what waits, on one connection.
    async fn serve(&self, line: usize) {
        while let Some(calls) = self.next().await {
            let mut serving = pin!(self.serve_all(line, calls));
            if timeout(SLOW_AFTER, serving.as_mut()).await.is_err() {
                self.slow.send_modify(|slow| *slow += 1);
                serving.await;
                self.slow.send_modify(|slow| *slow -= 1);
            }
        }
        // Who stands in finds that nobody will come any more, too.
        self.slow.send_modify(|slow| *slow += self.own);
    }

    /// The same while all of its own connections are slow.
    async fn stand_in(&self, line: usize) {
        let mut slow = self.slow.subscribe();
        while slow.wait_for(|slow| *slow >= self.own).await.is_ok() {
            let calls = tokio::select! {
                biased;
                _ = slow.wait_for(|slow| *slow < self.own) => continue,
                calls = self.next() => calls,
            };
            let Some(calls) = calls else { return };
            self.serve_all(line, calls).await;
        }
    }

    async fn serve_all(&self, line: usize, calls: Vec<Call<T>>) {
        serve_all(&self.shared, &T::lines(&self.shared)[line], calls).await;
    }
}

async fn serve_all<T: Gathered>(shared: &Shared, line: &Line, calls: Vec<Call<T>>) {
    let sizes: Vec<usize> = calls.iter().map(|call| call.brought.len()).collect();
    let (brought, answers): (Vec<_>, Vec<_>) =
        calls.into_iter().map(|call| (call.brought, call.answer)).unzip();
    let brought: Vec<T> = brought.into_iter().flatten().collect();
    let done = T::together(shared, line, &brought).await;
    let apart = sizes.len() > 1 && matches!(&done, Err(fault) if is_refused(fault));
    let (mut rest, mut done) = (brought.as_slice(), told(done));
    for (size, answer) in sizes.into_iter().zip(answers) {
        let (own, others) = rest.split_at(size);
        rest = others;
        let told = match &mut done {
            _ if apart => told(T::together(shared, line, own).await),
            Ok(done) => Ok(done.drain(..size).collect()),
            Err(error) => Err(error.clone()),
        };
        // Who does not wait any more finds his ticket by his key.
        let _ = answer.send(told);
    }
}

/// Whether the database took offence at what was asked or to be written, rather than being away.
fn is_refused(fault: &Fault) -> bool {
    matches!(fault.to_store_error(), StoreError::Conflict(_) | StoreError::Broken(_))
}
