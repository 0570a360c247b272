//! What can be asked of an HLR, and what its answers mean.
//!
//! CTRL creates, deletes, sets keys and answers questions; VTY sets network access mode and number, because only those who
//! are told over VTY are told to the serving nodes. The mode is never set over CTRL: a mode that is already set there makes
//! the VTY's command a silent one. The number of a subscriber that was just made is set over CTRL, together with all the rest:
//! no serving node can have it, and one that registered it in the meantime is told over VTY when the answer shows it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use provisor_domain::{Imsi, Msisdn};
use secrecy::{ExposeSecret as _, SecretString};

use super::course::Step;
use super::ctrl::{Ctrl, Reply, Request, in_words};
use super::gsup::{Cancel, Domain, Gsup};
use super::line::{Fault, Line};
use super::settings::Settings;
use super::subscriber::{Access, Keys, Subscriber};
use super::vty::Vty;

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failed {
    /// There is no answer.
    Fault(Fault),
    /// The HLR will never do it.
    Refused(String),
    /// The HLR did not do it now.
    Later(String),
    /// It is barred, but a serving node could not be told to detach it.
    Attached(String),
}

impl From<Fault> for Failed {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// The connections to one HLR: two of CTRL, so that no question waits behind writes, and one each of the others. It serves
/// all of them by turns in one thread, so more of them would gain nothing.
#[derive(Debug)]
pub(super) struct Hlr {
    reader: Line<Ctrl>,
    writer: Line<Ctrl>,
    console: Line<Vty>,
    peers: Line<Gsup>,
    operations: AtomicU64,
}

impl Hlr {
    /// `name` is what serving nodes would know this program by.
    pub(super) fn new(settings: &Settings, name: String) -> Self {
        let at = |port| SocketAddr::new(settings.address, port);
        Self {
            reader: Line::new(at(settings.ctrl_port), ()),
            writer: Line::new(at(settings.ctrl_port), ()),
            console: Line::new(at(settings.vty_port), ()),
            peers: Line::new(at(settings.gsup_port), name),
            operations: AtomicU64::new(0),
        }
    }

    /// How many requests were made of the HLR.
    pub(super) fn operations(&self) -> u64 {
        self.operations.load(Ordering::Relaxed)
    }

    fn count(&self, requests: usize) {
        let requests = u64::try_from(requests).unwrap_or(u64::MAX);
        self.operations.fetch_add(requests, Ordering::Relaxed);
    }

    /// A subscriber, with keys or without; `None` when there is none.
    pub(super) async fn read(&self, imsi: &Imsi, keys: bool) -> Result<Option<Subscriber>, Failed> {
        self.count(1);
        subscriber(self.reader.ask(info(imsi, keys)).await?)
    }

    /// Who has a number.
    pub(super) async fn holder(&self, msisdn: &Msisdn) -> Result<Option<Imsi>, Failed> {
        self.count(1);
        let info = Request::Get(format!("subscriber.by-msisdn-{msisdn}.info"));
        let value = value(self.reader.ask(info).await?)?;
        Ok(value.and_then(|value| Subscriber::imsi(&value)))
    }

    /// That a number belongs to somebody else, where it does.
    async fn taken(&self, imsi: &Imsi, msisdn: &Msisdn) -> Result<Option<Failed>, Failed> {
        let holder = self.holder(msisdn).await?.filter(|holder| holder != imsi);
        let reason = |holder| {
            format!("number {msisdn} belongs to another subscriber of the HLR (IMSI {holder})")
        };
        Ok(holder.map(|holder| Failed::Refused(reason(holder))))
    }

    /// Makes a subscriber, who is admitted everywhere then and has neither keys nor a number; false when there is one already.
    pub(super) async fn create(&self, imsi: &Imsi) -> Result<bool, Failed> {
        self.count(1);
        match self.writer.ask(create(imsi)).await? {
            Reply::Value(_) => Ok(true),
            Reply::Error(text) => match in_words(&text) {
                "Subscriber already exists." => Ok(false),
                words @ ("Invalid IMSI value." | "Cannot create subscriber.") => {
                    Err(answered(words))
                }
                // It may have been made all the same.
                words => Err(Fault::Lost(format!("the HLR says: {words}")).into()),
            },
        }
    }

    /// Gives a subscriber that was just made what it is to have, and reads it back, all in one go.
    pub(super) async fn equip(
        &self,
        imsi: &Imsi,
        keys: Option<&Keys>,
        number: Option<&Msisdn>,
    ) -> Result<Option<Subscriber>, Failed> {
        let set_keys = keys.map(|keys| set_keys(imsi, keys));
        let set_number = number.map(|number| {
            let variable = format!("subscriber.by-imsi-{imsi}.msisdn");
            Request::Set(variable, number.as_str().into())
        });
        let requests: Vec<Request> =
            set_keys.into_iter().chain(set_number).chain([info(imsi, keys.is_some())]).collect();
        self.count(requests.len());
        let mut replies = self.writer.ask_all(requests).await?.into_iter();
        let mut next = || replies.next().ok_or_else(|| Fault::Lost("an answer is missing".into()));
        if keys.is_some() {
            was_set(next()?, "")?;
        }
        if let Some(number) = number
            && let Err(failed) = was_set(next()?, "")
        {
            return Err(self.taken(imsi, number).await?.unwrap_or(failed));
        }
        subscriber(next()?)
    }

    /// Has the serving nodes told which number a subscriber has.
    pub(super) async fn tell(&self, imsi: &Imsi, number: &Msisdn) -> Result<(), Failed> {
        self.number(imsi, Some(number)).await
    }

    /// Carries a step out. What is so already is done.
    pub(super) async fn carry_out(
        &self,
        step: &Step,
        found: Option<&Subscriber>,
    ) -> Result<(), Failed> {
        match step {
            Step::Create(imsi) => self.set(create(imsi), "Subscriber already exists.").await,
            Step::Delete(imsi) => {
                let delete = Request::Set("subscriber.delete".to_owned(), imsi.as_str().into());
                self.set(delete, "Subscriber doesn't exist.").await
            }
            Step::Keys(imsi, keys) => self.set(set_keys(imsi, keys), "").await,
            Step::Number(imsi, msisdn) => self.number(imsi, msisdn.as_ref()).await,
            Step::Access(imsi, access) => self.access(imsi, *access).await,
            Step::Detach(imsi) => self.detach(imsi, found).await,
        }
    }

    async fn number(&self, imsi: &Imsi, msisdn: Option<&Msisdn>) -> Result<(), Failed> {
        let number = msisdn.map_or("none", Msisdn::as_str);
        let line = format!("subscriber imsi {imsi} update msisdn {number}");
        let answer = self.console(line).await?;
        if answer.starts_with("% Updated") {
            return Ok(());
        }
        if answer.starts_with("% Error: cannot update MSISDN")
            && let Some(msisdn) = msisdn
            && let Some(taken) = self.taken(imsi, msisdn).await?
        {
            return Err(taken);
        }
        Err(unexpected(&answer))
    }

    async fn access(&self, imsi: &Imsi, access: Access) -> Result<(), Failed> {
        let word = access.word();
        let line = format!("subscriber imsi {imsi} update network-access-mode {word}");
        let answer = self.console(line).await?;
        if answer.is_empty() { Ok(()) } else { Err(unexpected(&answer)) }
    }

    async fn detach(&self, imsi: &Imsi, found: Option<&Subscriber>) -> Result<(), Failed> {
        let nodes = |found: &Subscriber| {
            [(Domain::Packet, found.sgsn.clone()), (Domain::Circuit, found.vlr.clone())]
        };
        for (domain, node) in found.map(nodes).into_iter().flatten() {
            let Some(node) = node else { continue };
            self.count(1);
            let cancel = Cancel { imsi: imsi.to_string(), domain, node: node.clone() };
            let attached = |why: &str| {
                Failed::Attached(format!(
                    "IMSI {imsi} is barred at the HLR, but its serving node {node} could not be told to detach it: {why}"
                ))
            };
            match self.peers.ask(cancel).await {
                Ok(true) => {}
                Ok(false) => return Err(attached("the node is not connected to the HLR")),
                Err(fault) => return Err(attached(&fault.reason())),
            }
        }
        Ok(())
    }

    /// Sets a variable. `done` is the text of an error that says that it was so already.
    async fn set(&self, set: Request, done: &str) -> Result<(), Failed> {
        self.count(1);
        was_set(self.writer.ask(set).await?, done)
    }

    async fn console(&self, line: String) -> Result<String, Failed> {
        self.count(1);
        Ok(self.console.ask(line).await?)
    }
}

/// The question for a subscriber, with keys or without.
fn info(imsi: &Imsi, keys: bool) -> Request {
    let what = if keys { "info-all" } else { "info" };
    Request::Get(format!("subscriber.by-imsi-{imsi}.{what}"))
}

fn create(imsi: &Imsi) -> Request {
    Request::Set("subscriber.create".to_owned(), imsi.as_str().into())
}

fn set_keys(imsi: &Imsi, Keys { ki, opc }: &Keys) -> Request {
    let value = format!("milenage,{},opc,{}", ki.expose_secret(), opc.expose_secret());
    Request::Set(format!("subscriber.by-imsi-{imsi}.aud3g"), value.into())
}

/// The subscriber in an answer; `None` when there is none.
fn subscriber(reply: Reply) -> Result<Option<Subscriber>, Failed> {
    let parsed = value(reply)?.map(|value| Subscriber::parse(&value)).transpose();
    parsed.map_err(Failed::Later)
}

/// The value of a subscriber's variable; `None` when there is no such subscriber.
fn value(reply: Reply) -> Result<Option<SecretString>, Failed> {
    match reply {
        Reply::Value(value) => Ok(Some(value)),
        Reply::Error(text) => match in_words(&text) {
            "No such subscriber." => Ok(None),
            words => Err(answered(words)),
        },
    }
}

/// Whether a variable was set. `done` is the text of an error that says that it was so already.
fn was_set(reply: Reply, done: &str) -> Result<(), Failed> {
    match reply {
        Reply::Value(_) => Ok(()),
        Reply::Error(text) => match in_words(&text) {
            words if words == done => Ok(()),
            words => Err(answered(words)),
        },
    }
}

/// What an error over CTRL means.
fn answered(words: &'static str) -> Failed {
    match words {
        "Command not found" => Failed::Refused(unknown_command()),
        "Value failed verification."
        | "Invalid IMSI value."
        | "Invalid KI."
        | "Invalid OP/OPC."
        | "Unknown auth algorithm."
        | "Update aud3g failed." => Failed::Refused(format!("the HLR says: {words}")),
        _ => Failed::Later(format!("the HLR says: {words}")),
    }
}

/// What an answer over VTY means. No line that is sent there holds a secret.
fn unexpected(answer: &str) -> Failed {
    if answer.starts_with("% Unknown command") {
        return Failed::Refused(unknown_command());
    }
    let first: String = answer.lines().next().unwrap_or_default().chars().take(100).collect();
    Failed::Later(format!("the HLR says: {first:?}"))
}

fn unknown_command() -> String {
    "the HLR does not know a command of this driver: it needs osmo-hlr 1.5 or later".to_owned()
}
