//! What can be asked of an HLR, and what its answers mean.
//!
//! CTRL creates, deletes, sets keys and answers questions; VTY sets network access mode and number, because only those who
//! are told over VTY are told to the serving nodes. The mode is never set over CTRL: a mode that is already set there makes
//! the VTY's command a silent one.

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

/// The connections to one HLR: it serves all of them by turns in one thread, so more of them would gain nothing.
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

    fn count(&self) {
        self.operations.fetch_add(1, Ordering::Relaxed);
    }

    /// A subscriber, with keys or without; `None` when there is none.
    pub(super) async fn read(&self, imsi: &Imsi, keys: bool) -> Result<Option<Subscriber>, Failed> {
        let what = if keys { "info-all" } else { "info" };
        let value = self.get(format!("subscriber.by-imsi-{imsi}.{what}")).await?;
        let parsed = value.map(|value| Subscriber::parse(&value)).transpose();
        parsed.map_err(Failed::Later)
    }

    /// Who has a number.
    pub(super) async fn holder(&self, msisdn: &Msisdn) -> Result<Option<Imsi>, Failed> {
        let value = self.get(format!("subscriber.by-msisdn-{msisdn}.info")).await?;
        Ok(value.and_then(|value| Subscriber::imsi(&value)))
    }

    /// Carries a step out. What is so already is done.
    pub(super) async fn carry_out(
        &self,
        step: &Step,
        found: Option<&Subscriber>,
    ) -> Result<(), Failed> {
        match step {
            Step::Create(imsi) => {
                let done = "Subscriber already exists.";
                self.set("subscriber.create".to_owned(), imsi.as_str().into(), done).await
            }
            Step::Delete(imsi) => {
                let done = "Subscriber doesn't exist.";
                self.set("subscriber.delete".to_owned(), imsi.as_str().into(), done).await
            }
            Step::Keys(imsi, Keys { ki, opc }) => {
                let value = format!("milenage,{},opc,{}", ki.expose_secret(), opc.expose_secret());
                self.set(format!("subscriber.by-imsi-{imsi}.aud3g"), value.into(), "").await
            }
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
            && let Some(holder) = self.holder(msisdn).await?.filter(|holder| holder != imsi)
        {
            let reason = format!("number {msisdn} belongs to another subscriber (IMSI {holder})");
            return Err(Failed::Refused(reason));
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
            self.count();
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

    /// The value of a subscriber's variable; `None` when there is no such subscriber.
    async fn get(&self, variable: String) -> Result<Option<SecretString>, Failed> {
        self.count();
        match self.reader.ask(Request::Get(variable)).await? {
            Reply::Value(value) => Ok(Some(value)),
            Reply::Error(text) => match in_words(&text) {
                "No such subscriber." => Ok(None),
                words => Err(answered(words)),
            },
        }
    }

    /// Sets a variable. `done` is the text of an error that says that it was so already.
    async fn set(&self, variable: String, value: SecretString, done: &str) -> Result<(), Failed> {
        self.count();
        match self.writer.ask(Request::Set(variable, value)).await? {
            Reply::Value(_) => Ok(()),
            Reply::Error(text) => match in_words(&text) {
                words if words == done => Ok(()),
                words => Err(answered(words)),
            },
        }
    }

    async fn console(&self, line: String) -> Result<String, Failed> {
        self.count();
        Ok(self.console.ask(line).await?)
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
