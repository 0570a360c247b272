//! Reading the networks after a restore: where each open ticket stands there, before anything is sent.

use provisor_domain::driver::{Comparison, Want};
use provisor_domain::limits::SLICE_MAX;
use provisor_domain::plan::{Books, Instruction, ServiceBooks, plan, wanted};
use provisor_domain::store::OpenTicket;
use provisor_domain::ticket::Ticket;
use provisor_domain::{SimRecord, driver::OnceKey};

use super::look::compare;
use crate::call::Error;
use crate::engine::Engine;

/// Where an open ticket stands at its network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stands {
    /// The network has what the ticket is to bring about: it will be confirmed.
    Done,
    /// The network has what it had before the ticket: it will be carried out.
    NotDone,
    /// The network has something else; carrying the ticket out would overwrite it.
    Neither {
        /// What differs from what the ticket is to bring about.
        what: String,
    },
    /// The ticket changes nothing at the network.
    BooksOnly,
    /// The ticket will fail: the books do not allow it.
    Impossible {
        /// Why.
        why: String,
    },
    /// The network could not tell.
    Unread {
        /// Why.
        why: String,
    },
}

/// An open ticket, and where it stands at its network.
#[derive(Debug, Clone)]
pub struct TicketRead {
    /// The ticket.
    pub ticket: Ticket,
    /// Where it stands.
    pub stands: Stands,
}

impl Engine {
    /// Reads the networks for every open ticket about a SIM, and tells `told` of each. Changes nothing.
    pub async fn read_tickets(&self, mut told: impl FnMut(TicketRead)) -> Result<(), Error> {
        let mut after = None;
        loop {
            let page = self.store.open_page(after, SLICE_MAX).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.ticket.id);
            for open in page {
                let stands = self.stands(&open).await;
                told(TicketRead { ticket: open.ticket, stands });
            }
        }
    }

    async fn stands(&self, open: &OpenTicket) -> Stands {
        let Some(order) = &open.order else {
            return unread("a newer version of provisor wrote this order");
        };
        let once = OnceKey { ticket: open.ticket.id, epoch: 0 };
        let wants = match plan(order, &open.books, once) {
            Err(failure) => return Stands::Impossible { why: failure.reason },
            Ok(plan) => match plan.command {
                None => return Stands::BooksOnly,
                Some(Instruction::Network(command)) => command.wants,
                Some(Instruction::Mail(_)) => return unread("it is a mail system's"),
            },
        };
        let network = self.networks.get(&open.ticket.network);
        let Some(driver) = network.as_ref().and_then(|network| network.driver()) else {
            return unread("its network has no driver here: mend its catalogue entry");
        };
        let mut what = None;
        for want in &wants {
            match compare(driver.as_ref(), want).await {
                Comparison::AsWanted => {}
                Comparison::Unknown { reason } => return unread(&reason),
                Comparison::Differs { what: other, .. } => what = what.or(Some(other)),
            }
        }
        let Some(what) = what else { return Stands::Done };
        for want in before(&open.books) {
            match compare(driver.as_ref(), &want).await {
                Comparison::AsWanted => {}
                Comparison::Unknown { reason } => return unread(&reason),
                Comparison::Differs { .. } => return Stands::Neither { what },
            }
        }
        Stands::NotDone
    }
}

fn unread(why: &str) -> Stands {
    Stands::Unread { why: why.to_owned() }
}

/// What the network had of the ticket's SIMs before it.
fn before(books: &Books) -> Vec<Want> {
    let Books::Service(books) = books else { return Vec::new() };
    let ServiceBooks { network, sim, service, new_sim, .. } = books.as_ref();
    let of = |sim: &SimRecord| wanted(network, sim, service.as_ref());
    std::iter::once(of(sim)).chain(new_sim.as_ref().map(of)).collect()
}
