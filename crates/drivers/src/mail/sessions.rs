//! Whose open sessions a command ends: kept in the lookup file from the commit of the command until Dovecot has ended
//! them, so that neither a crash nor a Dovecot that does not answer loses one.

use provisor_domain::mail::MailCommand;
use rusqlite::Connection;
use secrecy::ExposeSecret as _;

/// A user whose open sessions are to be ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kick {
    /// Its entry in the file.
    pub(super) id: i64,
    /// The mailbox's address in small letters, as Dovecot has it.
    pub(super) user: String,
}

/// Those who may be logged in now and shall not be after `command`: their mailbox stops working, or goes, or its
/// password changes. To be asked before the command is carried out.
pub(super) fn shut_out(
    connection: &Connection,
    command: &MailCommand,
) -> rusqlite::Result<Vec<String>> {
    let working = command.mailboxes.iter().filter(|mailbox| mailbox.works());
    let working: Vec<String> = working.map(|mailbox| mailbox.address.key()).collect();
    let secret = command.secret.as_ref();
    let mut statement = connection.prepare_cached(
        "SELECT m.address FROM mailbox AS m JOIN customer AS c ON c.id = m.customer
         WHERE c.tenant = ?1 AND c.par_cust_id = ?2 AND m.works AND c.secret IS NOT NULL
           AND (c.secret IS NOT ?3 OR c.secret_form IS NOT ?4
                OR m.address NOT IN (SELECT value FROM json_each(?5)))",
    )?;
    let row = (
        command.customer.tenant.as_str(),
        command.customer.customer.as_str(),
        secret.map(|secret| secret.phc.expose_secret()),
        secret.map(|secret| secret.form.as_str()),
        serde_json::Value::from(working).to_string(),
    );
    statement.query_map(row, |row| row.get(0))?.collect()
}

/// Notes that the sessions of `users` are to be ended; answers with all of the customer's that are.
pub(super) fn to_kick(
    connection: &Connection,
    customer: i64,
    users: &[String],
) -> rusqlite::Result<Vec<Kick>> {
    let mut note = connection
        .prepare_cached("INSERT OR REPLACE INTO to_kick (customer, user) VALUES (?1, ?2)")?;
    for user in users {
        note.execute((customer, user))?;
    }
    let mut all = connection
        .prepare_cached("SELECT id, user FROM to_kick WHERE customer = ?1 ORDER BY id")?;
    all.query_map([customer], |row| Ok(Kick { id: row.get(0)?, user: row.get(1)? }))?.collect()
}

/// Strikes off entries whose sessions were ended. What was noted since has another number and stays.
pub(super) fn kicked(connection: &Connection, ids: &[i64]) -> rusqlite::Result<()> {
    let ids = serde_json::Value::from(ids).to_string();
    let mut strike = connection
        .prepare_cached("DELETE FROM to_kick WHERE id IN (SELECT value FROM json_each(?1))")?;
    strike.execute([ids]).map(drop)
}
