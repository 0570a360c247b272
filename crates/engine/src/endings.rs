//! Who waits for a ticket to end, within this process. A hint: the store is the truth, and another process may carry the
//! ticket out.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use provisor_domain::TicketId;
use tokio::sync::oneshot;

/// Those who wait, by ticket.
#[derive(Debug, Default)]
pub(crate) struct Endings(Mutex<HashMap<TicketId, Vec<oneshot::Sender<()>>>>);

/// A wait for one ticket; gives its place back when it is dropped.
pub(crate) struct Waiter<'a> {
    endings: &'a Endings,
    ticket: TicketId,
    ended: oneshot::Receiver<()>,
}

impl Endings {
    /// A place to wait for the end of `ticket`. Look at the store afterwards: it may have ended before.
    pub(crate) fn subscribe(&self, ticket: TicketId) -> Waiter<'_> {
        let (sender, ended) = oneshot::channel();
        self.lock().entry(ticket).or_default().push(sender);
        Waiter { endings: self, ticket, ended }
    }

    /// Tells those who wait for `ticket`.
    pub(crate) fn ended(&self, ticket: TicketId) {
        for waiter in self.lock().remove(&ticket).into_iter().flatten() {
            let _gone = waiter.send(());
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<TicketId, Vec<oneshot::Sender<()>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiter<'_> {
    /// Waits until the ticket's end is told here, once. May wait for ever.
    pub(crate) async fn ended(&mut self) {
        if self.ended.is_terminated() || (&mut self.ended).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.ended.close();
        let mut waiting = self.endings.lock();
        if let Some(others) = waiting.get_mut(&self.ticket) {
            others.retain(|sender| !sender.is_closed());
            if others.is_empty() {
                waiting.remove(&self.ticket);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[tokio::test]
    async fn everybody_who_waits_is_told_and_who_leaves_leaves_nothing_behind() {
        let endings = Endings::default();
        let (mut one, mut two) =
            (endings.subscribe(TicketId::FIRST), endings.subscribe(TicketId::FIRST));
        drop(endings.subscribe(TicketId::FIRST));
        drop(endings.subscribe(TicketId::new(7).unwrap()));
        assert_eq!(endings.lock().len(), 1);
        endings.ended(TicketId::FIRST);
        one.ended().await;
        two.ended().await;
        assert_eq!(two.ended().now_or_never(), None, "told once");
        drop((one, two));
        assert!(endings.lock().is_empty());
    }
}
