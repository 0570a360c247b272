//! Whether the server still answers on a connection.
//!
//! The operating system notices a machine that is gone ([`super::address`]); it does not notice a server that hangs, or one
//! whose connection something in between has forgotten while it goes on taking what is sent. So a connection on which answers
//! are awaited and none comes is looked into: does the same server answer on a new connection? If it does not, this
//! one is given up: callers are told what a lost connection means, and the next one goes to another server of the address.
//! If it does, ours is slow, or waits for somebody (a lock, a standby) and is waited for, too.
//!
//! A server ends every statement of ours after a minute, but a commit that waits for a standby; so a connection on which
//! nothing comes for much longer, while no commit is under way, is given up whatever others say. Idle ones to a server that
//! was found silent are given up, too.

use std::sync::Weak;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::address::{Address, Server};
use super::link::Link;
use super::open;

/// How often a connection is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// After so long without any answer the server is asked on another connection, and then after as long again.
const SILENCE_MAX: Duration = Duration::from_secs(5);
/// After so long without any answer, and without a commit, a connection is of no use.
const USELESS: Duration = Duration::from_mins(2);

/// What is awaited on a connection.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    awaited: AtomicUsize,
    commits: AtomicUsize,
    heard: AtomicU64,
    /// Somebody awaited the answer to a question in vain and has left, and nothing came since.
    left: AtomicBool,
}

impl Pulse {
    /// Somebody awaits answers, until what is answered here is dropped.
    pub(super) fn awaits(&self, commit: bool) -> Awaiting<'_> {
        self.awaited.fetch_add(1, Ordering::Relaxed);
        self.commits.fetch_add(usize::from(commit), Ordering::Relaxed);
        Awaiting { pulse: self, commit, heard: AtomicBool::new(false) }
    }

    fn is_awaited(&self) -> bool {
        self.awaited.load(Ordering::Relaxed) > 0 || self.left.load(Ordering::Relaxed)
    }
}

/// Somebody who awaits answers.
pub(super) struct Awaiting<'p> {
    pulse: &'p Pulse,
    commit: bool,
    heard: AtomicBool,
}

impl Awaiting<'_> {
    /// An answer came.
    pub(super) fn heard(&self) {
        self.heard.store(true, Ordering::Relaxed);
        self.pulse.heard.fetch_add(1, Ordering::Relaxed);
        // Answers come in the order of the asks.
        self.pulse.left.store(false, Ordering::Relaxed);
    }
}

impl Drop for Awaiting<'_> {
    fn drop(&mut self) {
        if !self.commit && !*self.heard.get_mut() {
            self.pulse.left.store(true, Ordering::Relaxed);
        }
        self.pulse.awaited.fetch_sub(1, Ordering::Relaxed);
        self.pulse.commits.fetch_sub(usize::from(self.commit), Ordering::Relaxed);
    }
}

/// Watches a connection to the server at this place of the address until it has ended.
pub(super) async fn watch(link: Weak<Link>, address: Address, server: usize) {
    let mut silence = Silence { heard: 0, since: Instant::now(), asked: Instant::now() };
    loop {
        tokio::time::sleep(LOOK).await;
        let Some(look) = link.upgrade().and_then(|link| silence.look(&link)) else { return };
        let shunned = address.servers.get(server).is_some_and(Server::is_shunned);
        let gone = match look {
            // Nobody loses anything by it, and whoever comes next need not wait to find out.
            Look::Idle => shunned,
            Look::Fresh => false,
            Look::Silent => shunned || !open::answers(&address, server).await,
            Look::Useless => true,
        };
        let Some(link) = link.upgrade() else { return };
        // An answer may have come while the server was asked.
        if gone && link.pulse.heard.load(Ordering::Relaxed) == silence.heard {
            let seconds = silence.since.elapsed().as_secs();
            tracing::warn!(
                seconds,
                "a connection to the database is given up: nothing comes on it"
            );
            return link.give_up();
        }
    }
}

/// What is seen of a connection.
enum Look {
    /// Nothing is awaited.
    Idle,
    /// An answer may come yet.
    Fresh,
    /// It is time to ask the server on another connection.
    Silent,
    /// No answer will come any more.
    Useless,
}

/// Since when nothing came.
struct Silence {
    heard: u64,
    since: Instant,
    asked: Instant,
}

impl Silence {
    /// `None` when the connection has ended.
    fn look(&mut self, link: &Link) -> Option<Look> {
        if link.is_broken() {
            return None;
        }
        let heard = link.pulse.heard.load(Ordering::Relaxed);
        let awaited = link.pulse.is_awaited();
        let commits = link.pulse.commits.load(Ordering::Relaxed) > 0;
        if !awaited || heard != self.heard {
            (self.heard, self.since, self.asked) = (heard, Instant::now(), Instant::now());
            return Some(if awaited { Look::Fresh } else { Look::Idle });
        }
        if !commits && self.since.elapsed() > USELESS {
            return Some(Look::Useless);
        }
        if self.asked.elapsed() < SILENCE_MAX {
            return Some(Look::Fresh);
        }
        self.asked = Instant::now();
        Some(Look::Silent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_awaited_in_vain_who_has_left_is_still_awaited() {
        let pulse = Pulse::default();
        let answered = pulse.awaits(false);
        answered.heard();
        drop(answered);
        assert!(!pulse.is_awaited());
        drop(pulse.awaits(false));
        assert!(pulse.is_awaited());
        pulse.awaits(false).heard();
        assert!(!pulse.is_awaited());
        // A commit may wait for a standby for as long as that is away.
        drop(pulse.awaits(true));
        assert!(!pulse.is_awaited());
    }
}
