//! Networks that report by themselves: the tokens by which a report finds its attempt, and taking a report in.
//!
//! A token is `TICKET.EPOCH.PART.NETWORK.MAC`: the network's code in hex digits, and a BLAKE3 hash of what stands before it
//! under a key of its own, derived from the installation's. It is no secret of this installation's: it can do no more
//! than report once about one attempt, and only while that attempt is the ticket's newest.
//!
//! Invariant: a token that was not signed here, or that is about an attempt which is not waited for, changes nothing.

use std::fmt;
use std::sync::Arc;

use provisor_domain::NetworkCode;
use provisor_domain::driver::{Callbacks, OnceKey, Report};

use crate::call::Error;
use crate::engine::Engine;

/// What the key is for (BLAKE3's key derivation wants a text that nothing else uses).
const CONTEXT: &str = "provisor 2026-11 tokens of networks' reports";
/// Longest token, in bytes.
const TOKEN_BYTES_MAX: usize = 1_024;

/// Signs and reads tokens.
#[derive(Clone)]
pub(crate) struct CallbackKey([u8; 32]);

impl fmt::Debug for CallbackKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallbackKey")
    }
}

/// What a token names.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Named {
    network: NetworkCode,
    once: OnceKey,
    part: u16,
}

impl Callbacks for CallbackKey {
    fn token(&self, network: &NetworkCode, once: OnceKey, part: u16) -> String {
        let network = base16ct::lower::encode_string(network.as_str().as_bytes());
        let named = format!("{}.{}.{part}.{network}", once.ticket, once.epoch);
        let mac = self.mac(&named);
        format!("{named}.{mac}")
    }
}

impl CallbackKey {
    pub(crate) fn of(installation_key: &[u8; 32]) -> Self {
        Self(blake3::derive_key(CONTEXT, installation_key))
    }

    fn mac(&self, named: &str) -> blake3::Hash {
        blake3::keyed_hash(&self.0, named.as_bytes())
    }

    /// What a token names that was signed here.
    fn open(&self, token: &str) -> Option<Named> {
        let (named, mac) =
            Some(token).filter(|token| token.len() <= TOKEN_BYTES_MAX)?.rsplit_once('.')?;
        // Hashes are compared in constant time.
        if blake3::Hash::from_hex(mac).ok()? != self.mac(named) {
            return None;
        }
        let mut parts = named.split('.');
        let mut next = || parts.next();
        let (ticket, epoch) = (next()?.parse().ok()?, next()?.parse().ok()?);
        let part = next()?.parse().ok()?;
        let network = base16ct::lower::decode_vec(next()?).ok()?;
        let network = String::from_utf8(network).ok()?.parse().ok()?;
        let once = OnceKey { ticket, epoch };
        Some(Named { network, once, part })
    }
}

/// What became of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportTaken {
    /// Its ticket goes on with it.
    Yes,
    /// Nobody waits for it (any more): its ticket has ended, was tried again, or was reported on before.
    TooLate,
    /// The token was not signed by this installation.
    NotOurs,
    /// The network's driver cannot read it.
    Unreadable,
    /// The network has no driver here for now.
    NoDriver,
}

impl ReportTaken {
    /// The word in figures.
    fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "taken",
            Self::TooLate => "too_late",
            Self::NotOurs => "not_ours",
            Self::Unreadable => "unreadable",
            Self::NoDriver => "no_driver",
        }
    }
}

impl Engine {
    /// What signs the tokens of this installation.
    pub fn callbacks(&self) -> Arc<dyn Callbacks> {
        Arc::new(self.callback_key.clone())
    }

    /// Takes in what a network reports. What it says is read by the network's driver, and only that is kept.
    pub async fn report(&self, token: &str, body: &[u8]) -> Result<ReportTaken, Error> {
        let taken = self.take_report(token, body).await?;
        self.metrics.reported(taken.as_str());
        Ok(taken)
    }

    async fn take_report(&self, token: &str, body: &[u8]) -> Result<ReportTaken, Error> {
        let Some(Named { network, once, part }) = self.callback_key.open(token) else {
            return Ok(ReportTaken::NotOurs);
        };
        let known = self.networks.get(&network);
        let Some(driver) = known.as_ref().and_then(|network| network.driver()) else {
            return Ok(ReportTaken::NoDriver);
        };
        let Some(says) = driver.read_report(body) else {
            tracing::warn!(%network, ticket.id = %once.ticket,
                "a report cannot be read: see `callback.rules` of the network's table");
            return Ok(ReportTaken::Unreadable);
        };
        let (OnceKey { ticket, epoch }, report) = (once, Report { part, says });
        let note = self.store.ticket_report(ticket, epoch, report, self.clock.now());
        if !self.metrics.timed("ticket_report", note).await? {
            tracing::debug!(%network, ticket.id = %ticket, epoch, "a report that nobody waits for");
            return Ok(ReportTaken::TooLate);
        }
        tracing::debug!(%network, ticket.id = %ticket, epoch, "the network reported");
        self.networks.wake(&network);
        Ok(ReportTaken::Yes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use provisor_domain::TicketId;

    fn named(network: &str) -> Named {
        let once = OnceKey { ticket: TicketId::new(1_226).unwrap(), epoch: 3 };
        Named { network: network.parse().unwrap(), once, part: 1 }
    }

    fn token(key: &CallbackKey, named: &Named) -> String {
        key.token(&named.network, named.once, named.part)
    }

    #[test]
    fn a_token_names_what_it_was_signed_for() {
        let key = CallbackKey::of(&[7; 32]);
        for network in ["AS", "a.b/c d", "N\u{fc}rnberg"] {
            let named = named(network);
            let token = token(&key, &named);
            assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.'), "{token}");
            assert_eq!(key.open(&token), Some(named));
        }
    }

    #[test]
    fn a_token_with_any_other_letter_is_not_ours() {
        let key = CallbackKey::of(&[7; 32]);
        let token = token(&key, &named("AS"));
        for at in 0..token.len() {
            for other in *b"0aF.7" {
                let mut forged = token.clone().into_bytes();
                // Capital hex digits are the same number.
                if !forged[at].eq_ignore_ascii_case(&other) {
                    forged[at] = other;
                    assert_eq!(key.open(str::from_utf8(&forged).unwrap()), None);
                }
            }
        }
        for bad in [
            "",
            ".",
            "1.2.3.4",
            &token[..token.len() - 1],
            &format!("{token}0"),
            &"1".repeat(2_000),
        ] {
            assert_eq!(key.open(bad), None, "{bad}");
        }
        assert_eq!(CallbackKey::of(&[8; 32]).open(&token), None, "another installation's");
        assert_eq!(format!("{key:?}"), "CallbackKey");
    }
}
