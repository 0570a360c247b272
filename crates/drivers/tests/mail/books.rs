//! What the tests' customers are to have, told to the driver as the engine would.

use argon2::Argon2;
use argon2::password_hash::PasswordHasher as _;
use md5::{Digest as _, Md5};
use provisor_domain::driver::Outcome;
use provisor_domain::mail::{Fence, MailCommand, MailDriver as _, Mailbox, MailboxKind};
use provisor_domain::portal::{PortalId, PortalSecret, SecretForm};
use provisor_drivers::mail::{MailStore, Settings};

use crate::rig::Place;

/// The mail network of a pair of servers.
#[derive(Debug)]
pub(crate) struct Books {
    store: MailStore,
    version: i64,
}

impl Books {
    pub(crate) fn open(place: &Place) -> Self {
        let store = MailStore::open(&"MAIL".parse().unwrap(), &place.lookup(), Settings::default());
        Self { store: store.unwrap(), version: 0 }
    }

    /// Tells the driver what a customer is to have from now on.
    #[tokio::main(flavor = "current_thread")]
    pub(crate) async fn set(
        &mut self,
        customer: &str,
        secret: Option<&PortalSecret>,
        mailboxes: &[&Mailbox],
    ) {
        self.version += 1;
        let command = MailCommand {
            once: None,
            fence: Fence { generation: 0, version: self.version, ticket: self.version, epoch: 1 },
            // A name that is no plain directory name.
            customer: PortalId {
                tenant: "Kom mitt/%d".parse().unwrap(),
                customer: customer.parse().unwrap(),
            },
            secret: secret.cloned(),
            mailboxes: mailboxes.iter().copied().cloned().collect(),
        };
        assert_eq!(self.store.ensure(&command).await, Outcome::Done);
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
