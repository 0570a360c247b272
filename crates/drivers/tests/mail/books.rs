//! What the tests' customers are to have, told to the driver as the engine would.

use std::path::{Path, PathBuf};

use argon2::Argon2;
use argon2::password_hash::PasswordHasher as _;
use md5::{Digest as _, Md5};
use provisor_domain::driver::Outcome;
use provisor_domain::mail::{Fence, MailCommand, MailDriver as _, Mailbox, MailboxKind};
use provisor_domain::portal::{PortalId, PortalSecret, SecretForm};
use provisor_drivers::mail::{Doveadm, MailStore, Settings};

use crate::rig::Place;

/// The mail network of a pair of servers.
#[derive(Debug)]
pub(crate) struct Books {
    store: MailStore,
    version: i64,
    lookup: PathBuf,
}

fn store(lookup: &Path, doveadm: Option<Doveadm>) -> MailStore {
    let settings = Settings { doveadm, ..Settings::default() };
    MailStore::open(&"MAIL".parse().unwrap(), lookup, settings).unwrap()
}

impl Books {
    pub(crate) fn open(place: &Place) -> Self {
        Self::with(place, None)
    }

    /// The same with open sessions ended by `doveadm`.
    pub(crate) fn with(place: &Place, doveadm: Option<Doveadm>) -> Self {
        Self { store: store(&place.lookup(), doveadm), version: 0, lookup: place.lookup() }
    }

    /// The driver ends and starts anew, with another `doveadm`.
    pub(crate) fn restart(self, doveadm: Doveadm) -> Self {
        let Self { store: old, version, lookup } = self;
        drop(old);
        Self { store: store(&lookup, Some(doveadm)), version, lookup }
    }

    /// Tells the driver what a customer is to have from now on.
    pub(crate) fn set(
        &mut self,
        customer: &str,
        secret: Option<&PortalSecret>,
        mailboxes: &[&Mailbox],
    ) {
        self.next_version();
        assert_eq!(self.told(customer, secret, mailboxes), Outcome::Done);
    }

    /// What is told from now on is newer.
    pub(crate) fn next_version(&mut self) {
        self.version += 1;
    }

    /// Tells the driver, in the same version of the books as the last time; answers what came of it.
    #[tokio::main(flavor = "current_thread")]
    pub(crate) async fn told(
        &self,
        customer: &str,
        secret: Option<&PortalSecret>,
        mailboxes: &[&Mailbox],
    ) -> Outcome {
        let command = MailCommand {
            fence: Fence { generation: 0, version: self.version, ticket: self.version, epoch: 1 },
            // A name that is no plain directory name.
            customer: PortalId {
                tenant: "Kom mitt/%d".parse().unwrap(),
                customer: customer.parse().unwrap(),
            },
            secret: secret.cloned(),
            mailboxes: mailboxes.iter().copied().cloned().collect(),
        };
        self.store.ensure(&command).await
    }

    /// Whose open sessions are still to be ended.
    pub(crate) fn to_kick(&self) -> Vec<String> {
        let file = rusqlite::Connection::open(&self.lookup).unwrap();
        let mut statement = file.prepare("SELECT user FROM to_kick ORDER BY user").unwrap();
        statement.query_map((), |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    }
}

/// What is stored of `password`.
pub(crate) fn secret(password: &str, form: SecretForm) -> PortalSecret {
    let hashed = match form {
        SecretForm::Md5Hex => md5_hex(password),
        SecretForm::Plain => password.to_owned(),
    };
    // The default is what the engine uses: Argon2id, 19 MiB, 2 passes.
    let phc = Argon2::default().hash_password_with_salt(hashed.as_bytes(), b"a salt for tests");
    PortalSecret { phc: phc.unwrap().to_string().into(), form }
}

pub(crate) fn md5_hex(password: &str) -> String {
    base16ct::lower::encode_string(&Md5::digest(password))
}

/// A mailbox that works and holds a megabyte.
pub(crate) fn mailbox(address: &str) -> Mailbox {
    Mailbox {
        address: address.parse().unwrap(),
        kind: MailboxKind::Additional,
        forward: None,
        keep_copy: false,
        quota_bytes: 1_000_000,
        kept_until: None,
    }
}

pub(crate) fn primary(address: &str) -> Mailbox {
    Mailbox { kind: MailboxKind::Primary, ..mailbox(address) }
}

pub(crate) fn forwarded(address: &str, to: &str, keep_copy: bool) -> Mailbox {
    Mailbox { forward: Some(to.parse().unwrap()), keep_copy, ..mailbox(address) }
}

pub(crate) fn switched_off(mailbox: &Mailbox) -> Mailbox {
    Mailbox { kept_until: Some("2999-01-01T00:00:00Z".parse().unwrap()), ..mailbox.clone() }
}
