//! What a mail system must have, kept beside it; and holdings made up by chance.

use std::collections::BTreeMap;

use jiff::Timestamp;
use provisor_domain::MailAddress;
use provisor_domain::mail::{Fence, MailCommand, Mailbox, MailboxKind};
use provisor_domain::portal::PortalId;

use super::{Holding, MailWorld};
use crate::simulator::Chance;

/// Who has what, and by which command.
#[derive(Debug, Clone, Default)]
pub(super) struct Model(BTreeMap<PortalId, (Fence, Holding)>);

impl Model {
    /// The model after a command; the error says why a mail system must refuse it.
    pub(super) fn after(mut self, command: &MailCommand) -> Result<Self, String> {
        let newest = self.0.get(&command.customer).map(|(fence, _)| *fence);
        if newest.is_some_and(|newest| !is_as_new(command.fence, newest)) {
            return Err(format!("refused, because {newest:?} is newer"));
        }
        for mailbox in &command.mailboxes {
            let key = mailbox.address.key();
            let taken = self.0.iter().any(|(customer, (_, held))| {
                *customer != command.customer
                    && held.mailboxes.iter().any(|held| held.address.key() == key)
            });
            if taken {
                return Err(format!("refused, because {key} is another's"));
            }
        }
        let mut held =
            Holding { secret: command.secret.clone(), mailboxes: command.mailboxes.clone() };
        held.mailboxes.sort_by_key(|mailbox| (mailbox.kind, mailbox.address.key()));
        let fence = newest.map_or(command.fence, |newest| newest.max(command.fence));
        self.0.insert(command.customer.clone(), (fence, held));
        Ok(self)
    }

    /// What a customer has.
    pub(super) fn get(&self, customer: &PortalId) -> Holding {
        self.0.get(customer).map(|(_, held)| held.clone()).unwrap_or_default()
    }
}

/// Whether a command may be carried out after one with the fence `newest`: it is not older, or it has no ticket and
/// repeats the same version of the same generation of the books.
fn is_as_new(fence: Fence, newest: Fence) -> bool {
    let books = |fence: Fence| (fence.generation, fence.version);
    fence >= newest || (fence.ticket == 0 && books(fence) == books(newest))
}

impl MailWorld {
    /// A mailbox that works, without a forward.
    pub(super) fn mailbox(&self, address: usize, kind: MailboxKind) -> Mailbox {
        Mailbox {
            address: self.addresses[address].clone(),
            kind,
            forward: None,
            keep_copy: false,
            quota_bytes: 1_000_000,
            kept_until: None,
        }
    }

    /// Any of the addresses, each at most once, the first as the primary one.
    pub(super) fn any_holding(&self, chance: &mut Chance) -> Holding {
        let mut mailboxes = Vec::new();
        for address in 0..self.addresses.len() {
            if chance.below(3) > 0 {
                continue;
            }
            let kind =
                if mailboxes.is_empty() { MailboxKind::Primary } else { MailboxKind::Additional };
            mailboxes.push(Mailbox {
                forward: self.any_forward(chance),
                keep_copy: chance.below(2) == 0,
                quota_bytes: 1 + chance.below(1_000_000_000) as u64,
                kept_until: (chance.below(3) == 0).then(|| later(chance.below(1_000))),
                ..self.mailbox(address, kind)
            });
        }
        let secret = self.secrets.get(chance.below(self.secrets.len() + 1)).cloned();
        Holding { secret, mailboxes }
    }

    fn any_forward(&self, chance: &mut Chance) -> Option<MailAddress> {
        match chance.below(self.addresses.len() + 2) {
            0 => None,
            1 => Some(self.elsewhere.clone()),
            at => Some(self.addresses[at - 2].clone()),
        }
    }
}

/// A moment that many hours after the beginning of 2030.
pub(super) fn later(hours: usize) -> Timestamp {
    const BEGINNING_OF_2030: i64 = 1_893_456_000;
    let seconds = i64::try_from(hours).unwrap_or_default().saturating_mul(3_600);
    Timestamp::from_second(BEGINNING_OF_2030.saturating_add(seconds)).unwrap_or(Timestamp::MAX)
}
