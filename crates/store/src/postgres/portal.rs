//! Portal customers: what there is of them, and how it is written.
//!
//! Invariant: a password leaves the database only in [`auth`], in what is built on it ([`record`], `portal_page`), and with
//! the claim of the ticket that brings it; what a face shows is read without it.

use async_trait::async_trait;
use jiff::Timestamp;
use provisor_domain::catalogue::Tenant;
use provisor_domain::limits::PORTAL_CUSTOMERS_PER_PAGE_MAX;
use provisor_domain::mail::MailboxKind;
use provisor_domain::plan::PortalChange;
use provisor_domain::portal::{
    Pack, PackValue, PortalCustomer, PortalId, PortalRecord, PortalRequest, PortalSecret,
    RequestState,
};
use provisor_domain::store::{Origin, Portal, PortalAuth, PortalFound, StoreError};
use provisor_domain::ticket::Subject;
use provisor_domain::{MailAddress, Mailbox, TicketId, TicketState, Username};
use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::Row;

use super::fault::Result as Outcome;
use super::link::{Answer, Ask, params};
use super::{PostgresStore, audit, catalogue, row, sql, told};

#[async_trait]
impl Portal for PostgresStore {
    async fn tenant_list(&self) -> Result<Vec<Tenant>, StoreError> {
        let list = async {
            let rows = self.ask_one(sql::CATALOGUE_READ_TENANT, vec![]).await?;
            rows.iter().map(catalogue::tenant).collect()
        };
        told(list.await)
    }

    async fn portal_find(
        &self,
        id: PortalId,
        address: Option<MailAddress>,
    ) -> Result<PortalFound, StoreError> {
        let found = async {
            let mut asks = vec![
                Ask::new(sql::PORTAL_FIND_CUSTOMER, params![tenant(&id), id.customer.to_string()]),
                lock(&id),
                packs(&id),
                mailboxes(&id),
            ];
            asks.extend(address.map(|address| {
                let asked = params![address.key(), tenant(&id), id.customer.to_string()];
                Ask::new(sql::PORTAL_FIND_TAKEN, asked)
            }));
            read_found(&self.ask(&asks).await?)
        };
        told(found.await)
    }

    async fn portal_auth(&self, id: PortalId) -> Result<Option<PortalAuth>, StoreError> {
        let found = async {
            let answers = self.ask(&[auth(&id)]).await?;
            rows(&answers, 0).first().map(|row| read_auth(row, 0)).transpose()
        };
        told(found.await)
    }

    async fn portal_request(&self, ticket: TicketId) -> Result<Option<PortalRequest>, StoreError> {
        let found = async {
            let rows = self.ask_one(sql::PORTAL_REQUEST, params![ticket.number()]).await?;
            rows.first().map(|row| read_request(row, ticket)).transpose()
        };
        told(found.await)
    }

    async fn portal_page(
        &self,
        after: Option<PortalId>,
    ) -> Result<Vec<(PortalId, PortalRecord)>, StoreError> {
        let page = async {
            let (tenant, customer) = after.map_or((String::new(), String::new()), |id| {
                (id.tenant.to_string(), id.customer.to_string())
            });
            let most = row::number(PORTAL_CUSTOMERS_PER_PAGE_MAX);
            let ask = |sql| Ask::new(sql, params![tenant.clone(), customer.clone(), most]);
            let asks = [sql::PORTAL_PAGE, sql::PORTAL_PAGE_PACKS, sql::PORTAL_PAGE_MAILBOXES];
            read_page(&self.ask(&asks.map(ask)).await?)
        };
        told(page.await)
    }

    async fn books_generation(&self) -> Result<i64, StoreError> {
        let generation = async { read_generation(&self.ask(&[generation()]).await?, 0) };
        told(generation.await)
    }

    async fn books_restored(&self, origin: Origin, now: Timestamp) -> Result<i64, StoreError> {
        let restored = async {
            let mut work = self.work().await?;
            let moved = work.go(&[Ask::new(sql::BOOKS_RESTORED, vec![])]).await?;
            let generation = read_generation(&moved, 0)?;
            let (object, detail) = ("books".to_owned(), generation.to_string());
            let line = audit::add((&origin, now), "books.restored", object, &detail);
            work.commit_with(&[line]).await?;
            Ok(generation)
        };
        told(restored.await)
    }

    async fn credential_owner(&self, digest: [u8; 32]) -> Result<Option<Username>, StoreError> {
        let found = async {
            let rows = self.ask_one(sql::CREDENTIAL_OWNER, params![digest.to_vec()]).await?;
            rows.first().map(|row| row::text(row, 0)).transpose()
        };
        told(found.await)
    }
}

/// What asks for the generation of the books.
pub(super) fn generation() -> Ask {
    Ask::new(sql::BOOKS_GENERATION, vec![])
}

/// Reads the answer to [`generation`].
pub(super) fn read_generation(answers: &[Answer], at: usize) -> Outcome<i64> {
    match rows(answers, at).first() {
        Some(row) => row::get(row, 0),
        None => Err(super::Fault::broken("the books have no generation")),
    }
}

fn tenant(id: &PortalId) -> String {
    id.tenant.to_string()
}

fn rows(answers: &[Answer], at: usize) -> &[Row] {
    answers.get(at).map(|answer| answer.rows.as_slice()).unwrap_or_default()
}

fn lock(id: &PortalId) -> Ask {
    Ask::new(sql::PORTAL_FIND_LOCK, params![Subject::Portal(id.clone()).key()])
}

fn auth(id: &PortalId) -> Ask {
    Ask::new(sql::PORTAL_AUTH, params![tenant(id), id.customer.to_string()])
}

fn packs(id: &PortalId) -> Ask {
    Ask::new(sql::PORTAL_FIND_PACKS, params![tenant(id), id.customer.to_string()])
}

fn mailboxes(id: &PortalId) -> Ask {
    Ask::new(sql::PORTAL_FIND_MAILBOXES, params![tenant(id), id.customer.to_string()])
}

fn read_found(answers: &[Answer]) -> Outcome<PortalFound> {
    Ok(PortalFound {
        customer: rows(answers, 0).first().map(|row| customer(row, 0)).transpose()?,
        open_ticket: open_ticket(answers, 1)?,
        packs: read_all(rows(answers, 2), |row| pack(row, 0))?,
        mailboxes: read_all(rows(answers, 3), |row| mailbox(row, 0))?,
        address_taken: match rows(answers, 4).first() {
            Some(row) => row::get(row, 0)?,
            None => false,
        },
    })
}

fn open_ticket(answers: &[Answer], at: usize) -> Outcome<Option<TicketId>> {
    rows(answers, at).first().map(|row| row::ticket_id(row, 0)).transpose()
}

fn read_all<T>(rows: &[Row], read: impl Fn(&Row) -> Outcome<T>) -> Outcome<Vec<T>> {
    rows.iter().map(read).collect()
}

/// How many questions [`record`] asks.
pub(super) const RECORD_ASKS: usize = 3;

/// What asks for everything there is of a portal customer. [`read_record`] reads the answers.
pub(super) fn record(id: &PortalId) -> [Ask; RECORD_ASKS] {
    [auth(id), packs(id), mailboxes(id)]
}

pub(super) fn read_record(answers: &[Answer]) -> Outcome<PortalRecord> {
    let auth = rows(answers, 0).first().map(|row| read_auth(row, 0)).transpose()?;
    let (customer, secret) = auth.map(|auth| (auth.customer, auth.secret)).unzip();
    Ok(PortalRecord {
        customer,
        secret: secret.flatten(),
        packs: read_all(rows(answers, 1), |row| pack(row, 0))?,
        mailboxes: read_all(rows(answers, 2), |row| mailbox(row, 0))?,
    })
}

fn read_page(answers: &[Answer]) -> Outcome<Vec<(PortalId, PortalRecord)>> {
    let mut page = Vec::new();
    // All three are in the order of the customers.
    let (mut packs, mut mailboxes) = (rows(answers, 1), rows(answers, 2));
    for row in rows(answers, 0) {
        let id = PortalId { tenant: row::text(row, 0)?, customer: row::text(row, 1)? };
        let auth = read_auth(row, 2)?;
        let record = PortalRecord {
            customer: Some(auth.customer),
            secret: auth.secret,
            packs: read_all(take_own(&mut packs, row)?, |row| pack(row, 2))?,
            mailboxes: read_all(take_own(&mut mailboxes, row)?, |row| mailbox(row, 2))?,
        };
        page.push((id, record));
    }
    Ok(page)
}

/// Takes from the front of `rows` those whose first two columns are the ones of `of`.
fn take_own<'a>(rows: &mut &'a [Row], of: &Row) -> Outcome<&'a [Row]> {
    let key =
        |row| Ok::<_, super::Fault>((row::get::<String>(row, 0)?, row::get::<String>(row, 1)?));
    let own = key(of)?;
    let mut end = 0;
    while let Some(row) = rows.get(end) {
        if key(row)? != own {
            break;
        }
        end += 1;
    }
    let (taken, rest) = rows.split_at(end);
    *rows = rest;
    Ok(taken)
}

fn read_request(row: &Row, ticket: TicketId) -> Outcome<PortalRequest> {
    let state = match row::text(row, 1)? {
        TicketState::Pending | TicketState::Running | TicketState::Unknown => RequestState::Pending,
        TicketState::Completed => RequestState::Done,
        TicketState::Failed | TicketState::Cancelled => RequestState::Failed,
    };
    // While it is pending, the reason is that of its last attempt and not the last word.
    let reason = if state == RequestState::Failed { row::get(row, 2)? } else { None };
    Ok(PortalRequest { ticket, sequence: row::count(row, 0)?, state, reason })
}

/// A portal customer: enabled, own password, sessions, version.
fn customer(row: &Row, at: usize) -> Outcome<PortalCustomer> {
    Ok(PortalCustomer {
        enabled: row::get(row, at)?,
        own_password: row::get(row, at + 1)?,
        sessions: row::get(row, at + 2)?,
        version: row::get(row, at + 3)?,
    })
}

/// A portal customer, then its password.
fn read_auth(row: &Row, at: usize) -> Outcome<PortalAuth> {
    Ok(PortalAuth { customer: customer(row, at)?, secret: secret_or_none(row, at + 4)? })
}

/// A password that may be absent: the PHC string, then what was hashed.
pub(super) fn secret_or_none(row: &Row, at: usize) -> Outcome<Option<PortalSecret>> {
    let Some(form) = row::text_or_none(row, at + 1)? else { return Ok(None) };
    Ok(Some(PortalSecret { phc: SecretString::from(row::get::<String>(row, at)?), form }))
}

fn pack(row: &Row, at: usize) -> Outcome<Pack> {
    let value: &str = row::get(row, at + 1)?;
    Ok(Pack { name: row::text(row, at)?, value: PackValue::stored(value) })
}

fn mailbox(row: &Row, at: usize) -> Outcome<Mailbox> {
    Ok(Mailbox {
        address: row::text(row, at)?,
        kind: row::text(row, at + 1)?,
        forward: row::text_or_none(row, at + 2)?,
        keep_copy: row::get(row, at + 3)?,
        quota_bytes: row::count(row, at + 4)?,
        kept_until: row::moment_or_none(row, at + 5)?,
    })
}

/// What is in the way of adopting a portal customer: whether it is known, and the ticket that is open for it.
pub(super) fn standing(id: &PortalId) -> [Ask; 2] {
    let known = params![tenant(id), id.customer.to_string()];
    [Ask::new(sql::PORTAL_FIND_CUSTOMER, known), lock(id)]
}

/// Reads the answers to [`standing`].
pub(super) fn read_standing(answers: &[Answer]) -> Outcome<(bool, Option<TicketId>)> {
    Ok((!rows(answers, 0).is_empty(), open_ticket(answers, 1)?))
}

/// What writes a portal customer as it will be; its version moves on.
pub(super) fn set(change: &PortalChange) -> Vec<Ask> {
    let (tenant, customer) = (change.id.tenant.to_string(), change.id.customer.to_string());
    let key = || params![tenant.clone(), customer.clone()];
    let secret = change.secret.as_ref();
    let mut written = key();
    written.extend(params![
        change.enabled,
        change.own_password,
        secret.map(|secret| secret.phc.expose_secret().to_owned()),
        secret.map(|secret| secret.form.as_str()),
        i64::from(change.ends_sessions),
    ]);
    let words = format!("tenant {tenant} is not known");
    let mut asks = vec![Ask::new(sql::PORTAL_SET_CUSTOMER, written).or_say(words)];
    if let Some(packs) = &change.packs {
        asks.push(Ask::new(sql::PORTAL_SET_CLEAR_PACKS, key()));
        for Pack { name, value } in packs {
            let mut written = key();
            written.extend(params![name.to_string(), value.as_str().to_owned()]);
            let words = format!("pack {name} is there twice");
            asks.push(Ask::new(sql::PORTAL_SET_PACK, written).or_say(words));
        }
    }
    if let Some(mailboxes) = &change.mailboxes {
        asks.push(Ask::new(sql::PORTAL_SET_CLEAR_MAILBOXES, key()));
        asks.extend(mailboxes.iter().map(|mailbox| set_mailbox(&change.id, mailbox)));
    }
    asks
}

fn set_mailbox(id: &PortalId, mailbox: &Mailbox) -> Ask {
    let Mailbox { address, kind, forward, keep_copy, quota_bytes, kept_until } = mailbox;
    let words = match kind {
        MailboxKind::Primary => {
            format!("mailbox {address} is taken, or customer {id} has another primary one")
        }
        MailboxKind::Additional => format!("mailbox {address} is taken"),
    };
    let written = params![
        tenant(id),
        id.customer.to_string(),
        kind.as_str(),
        address.to_string(),
        address.key(),
        forward.as_ref().map(ToString::to_string),
        *keep_copy,
        row::number(*quota_bytes),
        kept_until.map(Timestamp::as_millisecond),
    ];
    Ask::new(sql::PORTAL_SET_MAILBOX, written).or_say(words)
}
