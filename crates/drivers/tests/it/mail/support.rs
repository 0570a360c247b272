//! A mail network in a directory of its own, and words to speak to it.

use std::path::PathBuf;

use async_trait::async_trait;
use provisor_domain::MailAddress;
use provisor_domain::driver::Outcome;
use provisor_domain::mail::{Fence, MailCommand, MailDriver, Mailbox, MailboxKind};
use provisor_domain::portal::{PortalId, PortalSecret, SecretForm};
use provisor_drivers::conformance::mail::{Holding, MailWorld, Subject};
use provisor_drivers::mail::{Held, MailStore};
use provisor_drivers::simulator::SimulatedMail;
use provisor_drivers::{mail, simulator};
use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A kind of mail network with settings, ready to be opened.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Real,
    Simulated(Value),
}

/// What both kinds can do.
#[derive(Debug)]
pub(crate) enum Opened {
    Real(Box<MailStore>),
    Simulated(Box<SimulatedMail>),
}

#[derive(Debug)]
pub(crate) struct Mail {
    kind: Kind,
    opened: Option<Opened>,
    pub(crate) directory: TempDir,
}

impl Mail {
    pub(crate) fn new(kind: Kind) -> Self {
        Self::in_directory(directory(), kind)
    }

    pub(crate) fn in_directory(directory: TempDir, kind: Kind) -> Self {
        let mut mail = Self { kind, opened: None, directory };
        mail.open();
        mail
    }

    /// Closed and opened again as another kind.
    pub(crate) fn again(mut self, kind: Kind) -> Self {
        self.opened = None;
        Self::in_directory(self.directory, kind)
    }

    fn open(&mut self) {
        self.opened = None;
        let (code, file) = ("MAIL".parse().unwrap(), self.file());
        self.opened = Some(match &self.kind {
            Kind::Real => {
                let settings = mail::Settings::from_json(json!({}).as_object().unwrap());
                let store = MailStore::open(&code, &file, settings.unwrap()).unwrap();
                Opened::Real(Box::new(store))
            }
            Kind::Simulated(settings) => {
                let settings = simulator::Settings::of_mail(settings.as_object().unwrap());
                let simulated = SimulatedMail::open(&code, &file, settings.unwrap()).unwrap();
                Opened::Simulated(Box::new(simulated))
            }
        });
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.directory.path().join("mail/mail.db")
    }

    pub(crate) async fn ensure(&self, command: &MailCommand) -> Outcome {
        self.driver().ensure(command).await
    }

    pub(crate) fn held(&self, customer: &PortalId) -> Option<Held> {
        match self.opened.as_ref().unwrap() {
            Opened::Real(store) => store.customer(customer).unwrap(),
            Opened::Simulated(simulated) => simulated.customer(customer).unwrap(),
        }
    }

    /// The rows of a query on the views, each as its columns joined by ` | `.
    pub(crate) fn rows(&self, query: &str) -> Vec<String> {
        let connection = Connection::open(self.file()).unwrap();
        let mut statement = connection.prepare(query).unwrap();
        let columns = statement.column_count();
        let rows = statement.query_map((), |row| {
            let text = |at| {
                let value = row.get_ref(at).unwrap();
                match value {
                    rusqlite::types::ValueRef::Null => "-".to_owned(),
                    rusqlite::types::ValueRef::Integer(number) => number.to_string(),
                    other => other.as_str().unwrap().to_owned(),
                }
            };
            Ok((0..columns).map(text).collect::<Vec<_>>().join(" | "))
        });
        rows.unwrap().collect::<Result<_, _>>().unwrap()
    }
}

#[async_trait]
impl Subject for Mail {
    fn driver(&self) -> &dyn MailDriver {
        match self.opened.as_ref().unwrap() {
            Opened::Real(store) => &**store,
            Opened::Simulated(simulated) => &**simulated,
        }
    }

    fn look(&self, customer: &PortalId) -> Holding {
        self.held(customer).map_or_else(Holding::default, |held| Holding {
            secret: held.secret,
            mailboxes: held.mailboxes,
        })
    }

    async fn reopen(&mut self) {
        self.open();
    }
}

/// A directory in memory, where there is one: each command waits for the disk, and what else the machine does on it is
/// not what these tests are about.
pub(crate) fn directory() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

pub(crate) fn customer(number: &str) -> PortalId {
    PortalId { tenant: "kommitt".parse().unwrap(), customer: number.parse().unwrap() }
}

pub(crate) fn address(raw: &str) -> MailAddress {
    raw.parse().unwrap()
}

pub(crate) fn secret(phc: &str, form: SecretForm) -> PortalSecret {
    PortalSecret { phc: phc.to_owned().into(), form }
}

/// A mailbox that works, without a forward.
pub(crate) fn mailbox(raw: &str, kind: MailboxKind) -> Mailbox {
    Mailbox {
        address: address(raw),
        kind,
        forward: None,
        keep_copy: false,
        quota_bytes: 1_000_000,
        kept_until: None,
    }
}

pub(crate) fn primary(raw: &str) -> Mailbox {
    mailbox(raw, MailboxKind::Primary)
}

pub(crate) fn additional(raw: &str) -> Mailbox {
    mailbox(raw, MailboxKind::Additional)
}

/// A command that brings about `version` of the customer's books.
pub(crate) fn command(number: &str, version: i64, mailboxes: Vec<Mailbox>) -> MailCommand {
    MailCommand {
        fence: Fence { generation: 0, version, ticket: version, epoch: 1 },
        customer: customer(number),
        secret: Some(secret("$argon2id$one", SecretForm::Md5Hex)),
        mailboxes,
    }
}

pub(crate) fn world() -> MailWorld {
    let at = |local: &str| address(&format!("{local}@Rapeedo.net"));
    MailWorld {
        customers: [customer("10953"), customer("cust01"), customer("Cust01")],
        addresses: [at("10953"), at("Info"), at("b.c"), at("d-e"), at("f_g"), at("x")],
        elsewhere: address("Somebody+tag@elsewhere.example"),
        secrets: [
            secret("$argon2id$one", SecretForm::Md5Hex),
            secret("$argon2id$two", SecretForm::Plain),
        ],
        generation: 0,
        first_version: 0,
    }
}
