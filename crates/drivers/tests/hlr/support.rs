//! An HLR with its driver, and words to speak to it.

use std::sync::{Arc, Mutex};

use provisor_domain::driver::{Command, Driver as _, OnceKey, Outcome, Subscription, Want, Wanted};
use provisor_domain::service::{AppliedBar, Products};
use provisor_domain::{Iccid, Imsi, Msisdn, OpenKeys, PlainKeys, SealedKeys, TicketId};
use provisor_drivers::osmo_hlr::{OsmoHlr as OsmoHlrDriver, Settings};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use crate::rig::OsmoHlr;

/// The keys of 3GPP TS 35.208, test set 1.
pub(crate) const KI: &str = "465b5ce8b199b49faa5f0a2ee238a6bc";
pub(crate) const OPC: &str = "cd63cb71954a9f4e48a5994e37a02baf";

/// What opens keys in these tests: sealed is what is written backwards.
#[derive(Debug, Default)]
pub(crate) struct Backwards {
    /// Why it opens none.
    pub(crate) closed: Mutex<Option<String>>,
}

fn backwards(text: &SecretString) -> SecretString {
    text.expose_secret().chars().rev().collect::<String>().into()
}

impl OpenKeys for Backwards {
    fn open(&self, _iccid: &Iccid, sealed: &SealedKeys) -> Result<PlainKeys, String> {
        if let Some(why) = self.closed.lock().unwrap().clone() {
            return Err(why);
        }
        let open = |key: &Option<SecretString>| key.as_ref().map(backwards);
        Ok(PlainKeys { ki: open(&sealed.ki), opc: open(&sealed.opc) })
    }
}

pub(crate) fn sealed(ki: &str, opc: &str) -> SealedKeys {
    let seal = |key: &str| Some(backwards(&key.into()));
    SealedKeys { ki: seal(ki), opc: seal(opc) }
}

/// An HLR with its driver.
#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) driver: OsmoHlrDriver,
    pub(crate) hlr: OsmoHlr,
    pub(crate) keys: Arc<Backwards>,
}

impl Network {
    pub(crate) fn new(settings: &Value) -> Self {
        let hlr = OsmoHlr::start();
        let (driver, keys) = driver(&hlr, settings);
        Self { driver, hlr, keys }
    }

    pub(crate) async fn ensure(&self, ticket: i64, wants: Vec<Want>) -> Outcome {
        self.driver.ensure(&command(ticket, wants)).await
    }
}

/// A driver of `hlr` with further settings.
pub(crate) fn driver(hlr: &OsmoHlr, settings: &Value) -> (OsmoHlrDriver, Arc<Backwards>) {
    let mut settings = settings.clone();
    settings["address"] = json!(hlr.address.to_string());
    let settings = Settings::from_json(settings.as_object().unwrap()).unwrap();
    let keys = Arc::new(Backwards::default());
    (OsmoHlrDriver::new(&"AS".parse().unwrap(), settings, keys.clone()), keys)
}

/// A first attempt that takes all its SIMs for new, whether they are or not.
pub(crate) fn command(ticket: i64, wants: Vec<Want>) -> Command {
    Command { fresh: true, ..known(ticket, wants) }
}

/// A first attempt that asks before it writes.
pub(crate) fn known(ticket: i64, wants: Vec<Want>) -> Command {
    let once = OnceKey { ticket: TicketId::new(ticket).unwrap(), epoch: 1 };
    Command { once, wants, fresh: false }
}

pub(crate) fn iccid(number: usize) -> Iccid {
    format!("89103900000{number:08}").parse().unwrap()
}

pub(crate) fn imsi(number: usize) -> Imsi {
    format!("90170{number:010}").parse().unwrap()
}

pub(crate) fn msisdn(number: usize) -> Msisdn {
    format!("44770{number:07}").parse().unwrap()
}

/// Served, with the number of the same number.
pub(crate) fn present(sim: usize) -> Want {
    let subscription = Subscription {
        msisdn: Some(msisdn(sim)),
        tariff: "TEASEU1000MB".parse().unwrap(),
        products: Products::default(),
    };
    Want { state: Wanted::Present(subscription), ..absent(sim) }
}

pub(crate) fn absent(sim: usize) -> Want {
    let keys = SealedKeys::default();
    Want { iccid: iccid(sim), imsi: Some(imsi(sim)), keys, state: Wanted::Absent }
}

/// Served but suspended.
pub(crate) fn suspended(sim: usize) -> Want {
    let mut want = present(sim);
    if let Wanted::Present(subscription) = &mut want.state {
        let bar = AppliedBar { code: "AS_SUS_MSISDN".parse().unwrap(), suspends: true };
        subscription.products.bars.push(bar);
    }
    want
}
