//! The one thread that changes a driver's state, and the queue before it.
//!
//! It takes whatever commands wait, up to [`GROUP_MAX`], and hands them over as a group that becomes one transaction: a
//! command costs a few rows, not a commit. Groups and what is in them keep the order in which they were queued.

use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError};
use provisor_domain::driver::Outcome;

/// Most commands in one group.
const GROUP_MAX: usize = 1_000;
/// How many commands may wait, as a multiple of `in_flight`: the engine keeps that limit, so more than this only comes
/// from an engine that doesn't.
const QUEUE_PER_IN_FLIGHT: usize = 2;
/// How long a caller is asked to stay away when the queue is full.
const QUEUE_FULL_AFTER: Duration = Duration::from_millis(100);

/// The thread and the way to it. Dropping it lets the thread finish what waits and ends it.
#[derive(Debug)]
pub(crate) struct Writer<J> {
    /// Whose thread, in words.
    what: &'static str,
    jobs: Option<Sender<J>>,
    thread: Option<JoinHandle<()>>,
}

impl<J: Send + 'static> Writer<J> {
    /// Starts the thread of `what`, of which at most `in_flight` commands are under way. `serve` is called with every
    /// group.
    pub(crate) fn start(
        what: &'static str,
        in_flight: usize,
        mut serve: impl FnMut(Vec<J>) + Send + 'static,
    ) -> std::io::Result<Self> {
        let (jobs, waiting) =
            crossbeam_channel::bounded(in_flight.saturating_mul(QUEUE_PER_IN_FLIGHT));
        let thread = std::thread::Builder::new().name(what.replace(' ', "-")).spawn(move || {
            while let Some(group) = next_group(&waiting) {
                serve(group);
            }
        })?;
        Ok(Self { what, jobs: Some(jobs), thread: Some(thread) })
    }

    /// Queues a command; its answer comes by the way it carries. Answers at once when it could not be queued.
    pub(crate) fn submit(&self, job: J) -> Result<(), Outcome> {
        match self.jobs.as_ref().map(|jobs| jobs.try_send(job)) {
            Some(Ok(())) => Ok(()),
            Some(Err(TrySendError::Full(_))) => Err(Outcome::Later {
                reason: format!("the {} has too many commands waiting", self.what),
                after: Some(QUEUE_FULL_AFTER),
            }),
            Some(Err(TrySendError::Disconnected(_))) | None => Err(self.gone()),
        }
    }
}

impl<J> Writer<J> {
    /// The answer when the thread has ended: that is a fault of ours, and nothing was sent.
    pub(crate) fn gone(&self) -> Outcome {
        Outcome::Unavailable { reason: format!("the {}'s writer has ended; restart", self.what) }
    }
}

fn next_group<J>(waiting: &Receiver<J>) -> Option<Vec<J>> {
    let mut group = vec![waiting.recv().ok()?];
    group.extend(waiting.try_iter().take(GROUP_MAX - 1));
    Some(group)
}

impl<J> Drop for Writer<J> {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!(driver = self.what, "the writer had panicked");
        }
    }
}
