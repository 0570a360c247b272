//! Portal customers: what there is of them, and how it is written.
//!
//! Invariant: a password leaves the file only in [`auth`], in what is built on it ([`record`], [`page`]), and with the
//! claim of the ticket that brings it; what a face shows is read without it.

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
use rusqlite::{Connection, OptionalExtension, Row, params};
use secrecy::{ExposeSecret, SecretString};

use super::fault::{Result as Outcome, about};
use super::statements::Statements;
use super::{SqliteStore, audit, catalogue, row, sql};

#[async_trait]
impl Portal for SqliteStore {
    async fn tenant_list(&self) -> Result<Vec<Tenant>, StoreError> {
        self.read(catalogue::tenants).await
    }

    async fn portal_find(
        &self,
        id: PortalId,
        address: Option<MailAddress>,
    ) -> Result<PortalFound, StoreError> {
        self.read(move |connection| find(connection, &id, address.as_ref())).await
    }

    async fn portal_auth(&self, id: PortalId) -> Result<Option<PortalAuth>, StoreError> {
        self.read(move |connection| auth(connection, &id)).await
    }

    async fn portal_request(&self, ticket: TicketId) -> Result<Option<PortalRequest>, StoreError> {
        self.read(move |connection| request(connection, ticket)).await
    }

    async fn portal_page(
        &self,
        after: Option<PortalId>,
    ) -> Result<Vec<(PortalId, PortalRecord)>, StoreError> {
        self.read(move |connection| page(connection, after.as_ref())).await
    }

    async fn books_generation(&self) -> Result<i64, StoreError> {
        self.read(generation).await
    }

    async fn books_restored(&self, origin: Origin, now: Timestamp) -> Result<i64, StoreError> {
        self.write(move |connection| {
            let mut statement = connection.prepare_cached(sql::BOOKS_RESTORED)?;
            let generation: i64 = statement.query_row([], |row| row.get(0))?;
            let detail = generation.to_string();
            audit::add(connection, (&origin, now), "books.restored", "books", &detail)?;
            Ok(generation)
        })
        .await
    }

    async fn credential_owner(&self, digest: [u8; 32]) -> Result<Option<Username>, StoreError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(sql::CREDENTIAL_OWNER)?;
            let mut rows = statement.query([digest])?;
            rows.next()?.map(|found| row::text(found, 0)).transpose()
        })
        .await
    }
}

fn find(
    connection: &Connection,
    id: &PortalId,
    address: Option<&MailAddress>,
) -> Outcome<PortalFound> {
    let customer = {
        let mut statement = connection.prepare_cached(sql::PORTAL_FIND_CUSTOMER)?;
        let mut rows = statement.query(key(id))?;
        rows.next()?.map(|found| customer(found, 0)).transpose()?
    };
    let address_taken = match address {
        None => false,
        Some(address) => {
            let asked = params![address.key(), id.tenant.as_str(), id.customer.as_str()];
            let mut statement = connection.prepare_cached(sql::PORTAL_FIND_TAKEN)?;
            statement.query_row(asked, |found| found.get(0))?
        }
    };
    Ok(PortalFound {
        customer,
        open_ticket: open_ticket(connection, id)?,
        packs: packs(connection, id)?,
        mailboxes: mailboxes(connection, id)?,
        address_taken,
    })
}

/// The ticket that is open for a portal customer.
pub(super) fn open_ticket(connection: &Connection, id: &PortalId) -> Outcome<Option<TicketId>> {
    let subject = Subject::Portal(id.clone()).key();
    let mut statement = connection.prepare_cached(sql::PORTAL_FIND_LOCK)?;
    let mut rows = statement.query([subject])?;
    rows.next()?.map(|found| row::ticket_id(found, 0)).transpose()
}

fn auth(connection: &Connection, id: &PortalId) -> Outcome<Option<PortalAuth>> {
    let mut statement = connection.prepare_cached(sql::PORTAL_AUTH)?;
    let mut rows = statement.query(key(id))?;
    rows.next()?.map(|found| read_auth(found, 0)).transpose()
}

/// Everything there is of a portal customer.
pub(super) fn record(connection: &Connection, id: &PortalId) -> Outcome<PortalRecord> {
    let auth = auth(connection, id)?;
    with_belongings(connection, id, auth)
}

fn with_belongings(
    connection: &Connection,
    id: &PortalId,
    auth: Option<PortalAuth>,
) -> Outcome<PortalRecord> {
    let (customer, secret) = auth.map(|auth| (auth.customer, auth.secret)).unzip();
    Ok(PortalRecord {
        customer,
        secret: secret.flatten(),
        packs: packs(connection, id)?,
        mailboxes: mailboxes(connection, id)?,
    })
}

fn page(
    connection: &Connection,
    after: Option<&PortalId>,
) -> Outcome<Vec<(PortalId, PortalRecord)>> {
    let mut statement = connection.prepare_cached(sql::PORTAL_PAGE)?;
    let (tenant, customer) =
        after.map_or(("", ""), |id| (id.tenant.as_str(), id.customer.as_str()));
    let mut rows = statement.query(params![tenant, customer, PORTAL_CUSTOMERS_PER_PAGE_MAX])?;
    let mut page = Vec::new();
    while let Some(found) = rows.next()? {
        let id = PortalId { tenant: row::text(found, 0)?, customer: row::text(found, 1)? };
        let record = with_belongings(connection, &id, Some(read_auth(found, 2)?))?;
        page.push((id, record));
    }
    Ok(page)
}

fn request(connection: &Connection, ticket: TicketId) -> Outcome<Option<PortalRequest>> {
    let mut statement = connection.prepare_cached(sql::PORTAL_REQUEST)?;
    let mut rows = statement.query([ticket.number()])?;
    let Some(found) = rows.next()? else { return Ok(None) };
    let state = match row::text(found, 1)? {
        TicketState::Pending | TicketState::Running | TicketState::Unknown => RequestState::Pending,
        TicketState::Completed => RequestState::Done,
        TicketState::Failed | TicketState::Cancelled => RequestState::Failed,
    };
    // While it is pending, the reason is that of its last attempt and not the last word.
    let reason = if state == RequestState::Failed { found.get(2)? } else { None };
    Ok(Some(PortalRequest { ticket, sequence: found.get(0)?, state, reason }))
}

/// The generation of the books.
pub(super) fn generation(connection: &Connection) -> Outcome<i64> {
    let mut statement = connection.prepare_cached(sql::BOOKS_GENERATION)?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

fn key(id: &PortalId) -> [&str; 2] {
    [id.tenant.as_str(), id.customer.as_str()]
}

/// A portal customer: enabled, own password, sessions, version.
fn customer(row: &Row<'_>, at: usize) -> Outcome<PortalCustomer> {
    Ok(PortalCustomer {
        enabled: row.get(at)?,
        own_password: row.get(at + 1)?,
        sessions: row.get(at + 2)?,
        version: row.get(at + 3)?,
    })
}

/// A portal customer, then its password.
fn read_auth(row: &Row<'_>, at: usize) -> Outcome<PortalAuth> {
    Ok(PortalAuth { customer: customer(row, at)?, secret: secret_or_none(row, at + 4)? })
}

/// A password that may be absent: the PHC string, then what was hashed.
pub(super) fn secret_or_none(row: &Row<'_>, at: usize) -> Outcome<Option<PortalSecret>> {
    let Some(form) = row::text_or_none(row, at + 1)? else { return Ok(None) };
    Ok(Some(PortalSecret { phc: SecretString::from(row.get::<_, String>(at)?), form }))
}

fn packs(connection: &Connection, id: &PortalId) -> Outcome<Vec<Pack>> {
    let mut statement = connection.prepare_cached(sql::PORTAL_FIND_PACKS)?;
    let mut rows = statement.query(key(id))?;
    let mut packs = Vec::new();
    while let Some(found) = rows.next()? {
        let value = found.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
        packs.push(Pack { name: row::text(found, 0)?, value: PackValue::stored(value) });
    }
    Ok(packs)
}

fn mailboxes(connection: &Connection, id: &PortalId) -> Outcome<Vec<Mailbox>> {
    let mut statement = connection.prepare_cached(sql::PORTAL_FIND_MAILBOXES)?;
    let mut rows = statement.query(key(id))?;
    let mut mailboxes = Vec::new();
    while let Some(found) = rows.next()? {
        mailboxes.push(Mailbox {
            address: row::text(found, 0)?,
            kind: row::text(found, 1)?,
            forward: row::text_or_none(found, 2)?,
            keep_copy: found.get(3)?,
            quota_bytes: found.get(4)?,
            kept_until: row::moment_or_none(found, 5)?,
        });
    }
    Ok(mailboxes)
}

/// True when there is a row of the portal customer.
pub(super) fn is_known(connection: &Connection, id: &PortalId) -> Outcome<bool> {
    let mut statement = connection.prepare_cached(sql::PORTAL_FIND_CUSTOMER)?;
    Ok(statement.query_row(key(id), |_| Ok(())).optional()?.is_some())
}

/// Writes a portal customer as it will be; its version moves on.
pub(super) fn set(statements: &mut Statements<'_>, change: &PortalChange) -> Outcome<()> {
    let [tenant, customer] = key(&change.id);
    let secret = change.secret.as_ref();
    let written = statements.get(sql::PORTAL_SET_CUSTOMER)?.execute(params![
        tenant,
        customer,
        change.enabled,
        change.own_password,
        secret.map(|secret| secret.phc.expose_secret()),
        secret.map(|secret| secret.form.as_str()),
        change.ends_sessions,
    ]);
    about(written, || format!("tenant {tenant} is not known"))?;
    if let Some(packs) = &change.packs {
        statements.get(sql::PORTAL_SET_CLEAR_PACKS)?.execute([tenant, customer])?;
        let insert = statements.get(sql::PORTAL_SET_PACK)?;
        for Pack { name, value } in packs {
            let written = insert.execute([tenant, customer, name.as_str(), value.as_str()]);
            about(written, || format!("pack {name} is there twice"))?;
        }
    }
    if let Some(mailboxes) = &change.mailboxes {
        statements.get(sql::PORTAL_SET_CLEAR_MAILBOXES)?.execute([tenant, customer])?;
        for mailbox in mailboxes {
            set_mailbox(statements, &change.id, mailbox)?;
        }
    }
    Ok(())
}

fn set_mailbox(statements: &mut Statements<'_>, id: &PortalId, mailbox: &Mailbox) -> Outcome<()> {
    let [tenant, customer] = key(id);
    let Mailbox { address, kind, forward, keep_copy, quota_bytes, kept_until } = mailbox;
    let written = statements.get(sql::PORTAL_SET_MAILBOX)?.execute(params![
        tenant,
        customer,
        kind.as_str(),
        address.as_str(),
        address.key(),
        forward.as_ref().map(MailAddress::as_str),
        keep_copy,
        quota_bytes,
        kept_until.map(Timestamp::as_millisecond),
    ]);
    about(written, || match kind {
        MailboxKind::Primary => {
            format!("mailbox {address} is taken, or customer {id} has another primary one")
        }
        MailboxKind::Additional => format!("mailbox {address} is taken"),
    })?;
    Ok(())
}
