//! The steps that tests of portal customers take in the small world.

use jiff::Timestamp;
use provisor_domain::catalogue::PortalAdoption;
use provisor_domain::mail::MailboxKind;
use provisor_domain::order::MailTerms;
use provisor_domain::plan::{Books, PortalBooks};
use provisor_domain::portal::{Pack, PackValue, PortalId, PortalRequest, PortalSecret, SecretForm};
use provisor_domain::store::{ClaimAsk, Lease, NewTicket, PortalFound, Settled, SubjectClaim};
use provisor_domain::ticket::{About, Subject};
use provisor_domain::{Mailbox, Order, TicketId, TicketState};
use secrecy::SecretString;

use super::world::{KOMMITT, World, a, ask, completed, origin};

/// A customer of the default tenant.
pub(crate) fn portal(customer: &str) -> PortalId {
    PortalId { tenant: a(KOMMITT), customer: a(customer) }
}

pub(crate) fn secret(word: &str) -> PortalSecret {
    PortalSecret {
        phc: SecretString::from(format!("$argon2id$canary-{word}")),
        form: SecretForm::Md5Hex,
    }
}

pub(crate) fn pack(name: &str, value: &str) -> Pack {
    Pack { name: a(name), value: PackValue::stored(value) }
}

pub(crate) fn mailbox(address: &str, kind: MailboxKind) -> Mailbox {
    Mailbox {
        address: a(address),
        kind,
        forward: None,
        keep_copy: false,
        quota_bytes: 1024,
        kept_until: None,
    }
}

/// An order for the Mail pack, as a tenant whose domain is `rapeedo.net` gives it.
pub(crate) fn enable_mail(id: &PortalId, value: &str) -> Order {
    let primary = a(&format!("{}@rapeedo.net", id.customer));
    let terms = MailTerms { primary, mailbox_bytes: 1024 };
    Order::PackEnable { pack: pack("Mail", value), mail: Some(terms) }
}

pub(crate) fn enable_web(value: &str) -> Order {
    Order::PackEnable { pack: pack("Web", value), mail: None }
}

/// A customer that exists already, with a bit of everything; mailboxes in the order in which they are read back.
pub(crate) fn adoption(id: &str) -> PortalAdoption {
    let id: PortalId = a(id);
    let address = |name: &str| format!("{name}.{}@{}.example", id.customer, id.tenant);
    let additional = |name| mailbox(&address(name), MailboxKind::Additional);
    PortalAdoption {
        enabled: true,
        own_password: true,
        secret: Some(secret(id.customer.as_str())),
        packs: vec![pack("Mail", "5"), pack("Web", "100M")],
        mailboxes: vec![
            mailbox(&address("M"), MailboxKind::Primary),
            Mailbox {
                forward: Some(a("away@elsewhere.example")),
                keep_copy: true,
                ..additional("A")
            },
            Mailbox {
                kept_until: Some(Timestamp::from_second(1_900_000_000).unwrap()),
                ..additional("b")
            },
        ],
        id,
    }
}

/// An order about a portal customer, decided on this version of it.
pub(crate) fn portal_ticket(
    id: &PortalId,
    version: i64,
    order: Order,
    raised: Timestamp,
) -> NewTicket {
    NewTicket {
        order,
        subjects: vec![SubjectClaim { subject: Subject::Portal(id.clone()), version }],
        customer: a(id.tenant.as_str()),
        network: a("MAIL"),
        about: About::Portal(id.customer.clone()),
        secret: None,
        origin: origin(),
        idempotency: None,
        raised,
    }
}

/// A request to enable a portal customer that nobody knows yet.
pub(crate) fn first_enable(id: &PortalId, raised: Timestamp) -> NewTicket {
    NewTicket { secret: Some(secret("first")), ..portal_ticket(id, 0, Order::PortalEnable, raised) }
}

pub(crate) fn portal_books(lease: &Lease) -> &PortalBooks {
    match &lease.books {
        Books::Portal(books) => books,
        Books::Service(books) => panic!("{books:?}"),
    }
}

impl World {
    pub(crate) async fn portal(&self, id: &PortalId) -> PortalFound {
        self.store.portal_find(id.clone(), None).await.unwrap()
    }

    /// An order about a portal customer, decided on the present version of it.
    pub(crate) async fn portal_order(&self, id: &PortalId, order: Order) -> NewTicket {
        let version = self.portal(id).await.customer.map_or(0, |customer| customer.version);
        portal_ticket(id, version, order, self.start)
    }

    /// Claims tickets of the mail system as worker 1.
    pub(crate) async fn claim_mail(&self, take: usize, now: Timestamp) -> Vec<Lease> {
        let ask = ClaimAsk { network: a("MAIL"), ..ask(take, now) };
        self.claim_as(&ask).await.leases
    }

    /// Opens an order about a portal customer and completes it as planned.
    pub(crate) async fn portal_done(&self, ticket: NewTicket) -> TicketId {
        let id = self.opened(ticket).await;
        for lease in self.claim_mail(100, self.start).await {
            let settled = self.settle(&lease, completed(&lease), self.start).await;
            assert_eq!(settled, Settled::Done);
        }
        assert_eq!(self.ticket(id).await.state, TicketState::Completed);
        id
    }

    /// A portal customer after its first enable.
    pub(crate) async fn enabled(&self, id: &PortalId) -> TicketId {
        self.portal_done(first_enable(id, self.start)).await
    }

    pub(crate) async fn request(&self, ticket: TicketId) -> Option<PortalRequest> {
        self.store.portal_request(ticket).await.unwrap()
    }
}
