//! The lookup file: what a command makes of it, and how it is read back.
//!
//! The database holds the rules: an address is one customer's (its primary key), a command older than the newest one
//! changes nothing (the condition of the first statement).

use jiff::Timestamp;
use provisor_domain::TenantName;
use provisor_domain::mail::{Fence, MailCommand, Mailbox};
use provisor_domain::portal::{PortalId, PortalSecret};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row};
use secrecy::ExposeSecret as _;

use super::sessions::{self, Kick};
use crate::escaped;
use crate::file::{Form, broken, parsed};

/// The form of a mail network's lookup file. A commit waits for the disk: what was answered with `Done` is there after
/// a power cut.
pub(super) const FORM: Form = Form {
    what: "mail network",
    application_id: 0x7076_4d41, // "pvMA"
    version: 1,
    schema: include_str!("schema.sql"),
    synchronous: "FULL",
};

/// What the lookup file has of a portal customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Whose.
    pub customer: PortalId,
    /// The newest command.
    pub fence: Fence,
    /// The password that opens the mailboxes.
    pub secret: Option<PortalSecret>,
    /// The mailboxes, primary first, then by address.
    pub mailboxes: Vec<Mailbox>,
}

impl Held {
    /// Whether everything is as `command` wants it, whichever command made it so.
    pub fn is_as(&self, command: &MailCommand) -> bool {
        let mut wanted: Vec<&Mailbox> = command.mailboxes.iter().collect();
        wanted.sort_by_key(|mailbox| (mailbox.kind, mailbox.address.key()));
        self.secret == command.secret && self.mailboxes.iter().eq(wanted)
    }
}

/// What came of a command.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Applied {
    /// Everything is as it says; whose open sessions are still to be ended.
    Done(Vec<Kick>),
    /// Nothing may be kept of it; the reason.
    Refused(String),
}

/// Carries out a command. After a refusal the caller rolls back. With `kicks` somebody ends open sessions.
pub(super) fn apply(
    connection: &Connection,
    command: &MailCommand,
    now: Timestamp,
    kicks: bool,
) -> rusqlite::Result<Applied> {
    let shut_out = if kicks { sessions::shut_out(connection, command)? } else { Vec::new() };
    let Some(customer) = set_customer(connection, command)? else {
        let reason = "the mail system has already carried out a newer command for this customer";
        return Ok(Applied::Refused(reason.into()));
    };
    let keys: Vec<String> = command.mailboxes.iter().map(|mailbox| mailbox.address.key()).collect();
    take_away(connection, customer, &keys, now)?;
    for (mailbox, key) in command.mailboxes.iter().zip(&keys) {
        if !set_mailbox(connection, customer, command, (mailbox, key))? {
            return Ok(Applied::Refused(format!(
                "the address {key} belongs to another portal customer"
            )));
        }
    }
    let to_kick =
        if kicks { sessions::to_kick(connection, customer, &shut_out)? } else { Vec::new() };
    Ok(Applied::Done(to_kick))
}

/// Sets password and fence; answers the customer's row, nothing when the command is older than the newest.
///
/// A command without a ticket repeats what the books say: it is as new as the one that brought about that version of
/// them.
fn set_customer(connection: &Connection, command: &MailCommand) -> rusqlite::Result<Option<i64>> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO customer
             (tenant, par_cust_id, secret, secret_form, generation, version, ticket, epoch)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT (tenant, par_cust_id) DO UPDATE SET
             secret = excluded.secret, secret_form = excluded.secret_form,
             generation = excluded.generation, version = excluded.version,
             ticket = iif(excluded.ticket = 0
                 AND (excluded.generation, excluded.version) = (generation, version),
                 ticket, excluded.ticket),
             epoch = iif(excluded.ticket = 0
                 AND (excluded.generation, excluded.version) = (generation, version),
                 epoch, excluded.epoch)
         WHERE (excluded.generation, excluded.version, excluded.ticket, excluded.epoch)
                 >= (generation, version, ticket, epoch)
            OR (excluded.ticket = 0
                 AND (excluded.generation, excluded.version) = (generation, version))
         RETURNING id",
    )?;
    let Fence { generation, version, ticket, epoch } = command.fence;
    let secret = command.secret.as_ref();
    let row = (
        command.customer.tenant.as_str(),
        command.customer.customer.as_str(),
        secret.map(|secret| secret.phc.expose_secret()),
        secret.map(|secret| secret.form.as_str()),
        generation,
        version,
        ticket,
        epoch,
    );
    statement.query_row(row, |row| row.get(0)).optional()
}

/// Takes away the customer's mailboxes whose keys are not in `keys`; where their mail lies is written down.
fn take_away(
    connection: &Connection,
    customer: i64,
    keys: &[String],
    now: Timestamp,
) -> rusqlite::Result<()> {
    let keys = serde_json::Value::from(keys).to_string();
    let mut gone = connection.prepare_cached(
        "INSERT INTO left_behind (home, address, kept_until)
         SELECT home, address, coalesce(kept_until, ?3) FROM mailbox
         WHERE customer = ?1 AND address NOT IN (SELECT value FROM json_each(?2))
         ON CONFLICT (home) DO UPDATE SET kept_until = excluded.kept_until",
    )?;
    if gone.execute((customer, &keys, now.as_millisecond()))? == 0 {
        return Ok(());
    }
    let mut delete = connection.prepare_cached(
        "DELETE FROM mailbox
         WHERE customer = ?1 AND address NOT IN (SELECT value FROM json_each(?2))",
    )?;
    delete.execute((customer, &keys))?;
    let mut empty = connection.prepare_cached(
        "DELETE FROM domain
         WHERE NOT EXISTS (SELECT 1 FROM mailbox WHERE mailbox.domain = domain.name)",
    )?;
    empty.execute(())?;
    Ok(())
}

/// Sets a mailbox; false when its address is another customer's.
fn set_mailbox(
    connection: &Connection,
    customer: i64,
    command: &MailCommand,
    (mailbox, key): (&Mailbox, &str),
) -> rusqlite::Result<bool> {
    let domain = mailbox.address.domain();
    connection
        .prepare_cached("INSERT INTO domain (name) VALUES (?1) ON CONFLICT DO NOTHING")?
        .execute([&domain])?;
    let mut statement = connection.prepare_cached(
        "INSERT INTO mailbox (address, spelled, domain, customer, kind, forward, keep_copy,
             quota_bytes, kept_until, home)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
         ON CONFLICT (address) DO UPDATE SET
             spelled = excluded.spelled, kind = excluded.kind, forward = excluded.forward,
             keep_copy = excluded.keep_copy, quota_bytes = excluded.quota_bytes,
             kept_until = excluded.kept_until
         WHERE customer = excluded.customer",
    )?;
    let home = home(&command.customer, key);
    let rows = statement.execute((
        key,
        mailbox.address.as_str(),
        &domain,
        customer,
        mailbox.kind.as_str(),
        mailbox.forward.as_ref().map(provisor_domain::MailAddress::as_str),
        mailbox.keep_copy,
        i64::try_from(mailbox.quota_bytes).unwrap_or(i64::MAX),
        mailbox.kept_until.map(Timestamp::as_millisecond),
        &home,
    ))?;
    connection.prepare_cached("DELETE FROM left_behind WHERE home = ?1")?.execute([&home])?;
    Ok(rows > 0)
}

/// Where a mailbox's mail lies, under the directory of all mail. The customer is part of it, so that nobody who is given
/// an address finds the mail of one who had it before; and nothing else is, so that a lookup file that is made anew
/// from the books finds the same mail.
fn home(customer: &PortalId, key: &str) -> String {
    format!("{}/{}/{key}", escaped(customer.tenant.as_str()), customer.customer)
}

/// What is there of one customer.
pub(super) fn held(
    connection: &mut Connection,
    customer: &PortalId,
) -> rusqlite::Result<Option<Held>> {
    // Customer and mailboxes of the same moment.
    let transaction = connection.transaction()?;
    let row = transaction
        .prepare_cached(&format!("{CUSTOMER} WHERE tenant = ?1 AND par_cust_id = ?2"))?
        .query_row([customer.tenant.as_str(), customer.customer.as_str()], customer_of)
        .optional()?;
    row.map(|(id, held)| with_mailboxes(&transaction, id, held)).transpose()
}

/// What is there of all customers, by tenant and number.
pub(super) fn all_held(connection: &mut Connection) -> rusqlite::Result<Vec<Held>> {
    let transaction = connection.transaction()?;
    let mut statement = transaction.prepare(&format!("{CUSTOMER} ORDER BY tenant, par_cust_id"))?;
    let rows = statement.query_map((), customer_of)?;
    rows.map(|row| row.and_then(|(id, held)| with_mailboxes(&transaction, id, held))).collect()
}

const CUSTOMER: &str = "SELECT id, tenant, par_cust_id, secret, secret_form, generation, version, \
                        ticket, epoch FROM customer";

fn customer_of(row: &Row<'_>) -> rusqlite::Result<(i64, Held)> {
    let secret = match row.get::<_, Option<String>>(3)? {
        None => None,
        Some(phc) => Some(PortalSecret { phc: phc.into(), form: parsed(row, 4)? }),
    };
    let customer = PortalId { tenant: parsed::<TenantName>(row, 1)?, customer: parsed(row, 2)? };
    let fence = Fence {
        generation: row.get(5)?,
        version: row.get(6)?,
        ticket: row.get(7)?,
        epoch: row.get(8)?,
    };
    Ok((row.get(0)?, Held { customer, fence, secret, mailboxes: Vec::new() }))
}

fn with_mailboxes(connection: &Connection, id: i64, held: Held) -> rusqlite::Result<Held> {
    let mut statement = connection.prepare_cached(
        "SELECT spelled, kind, forward, keep_copy, quota_bytes, kept_until FROM mailbox
         WHERE customer = ?1 ORDER BY kind DESC, address",
    )?;
    let rows = statement.query_map([id], |row| {
        let kept_until = row.get::<_, Option<i64>>(5)?.map(Timestamp::from_millisecond);
        let quota = row.get::<_, i64>(4)?;
        Ok(Mailbox {
            address: parsed(row, 0)?,
            kind: parsed(row, 1)?,
            forward: row.get::<_, Option<String>>(2)?.map(|_| parsed(row, 2)).transpose()?,
            keep_copy: row.get(3)?,
            quota_bytes: u64::try_from(quota).map_err(|error| broken(4, Type::Integer, error))?,
            kept_until: kept_until.transpose().map_err(|error| broken(5, Type::Integer, error))?,
        })
    })?;
    Ok(Held { mailboxes: rows.collect::<rusqlite::Result<_>>()?, ..held })
}
