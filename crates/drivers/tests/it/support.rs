//! A simulated network in a directory of its own, and words to speak to it.

use std::path::PathBuf;

use provisor_domain::driver::{Command, Driver as _, OnceKey, Outcome, Subscription, Want, Wanted};
use provisor_domain::service::Products;
use provisor_domain::{Iccid, Msisdn, SealedKeys, TicketId};
use provisor_drivers::conformance::World;
use provisor_drivers::simulator::{Settings, Simulator, Subscriber};
use serde_json::Value;
use tempfile::TempDir;

#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) simulator: Simulator,
    pub(crate) directory: TempDir,
}

impl Network {
    pub(crate) fn new(settings: &Value) -> Self {
        Self::in_directory(tempfile::tempdir().unwrap(), settings)
    }

    pub(crate) fn in_directory(directory: TempDir, settings: &Value) -> Self {
        let file = directory.path().join("network.db");
        let simulator = Simulator::open(&"AS".parse().unwrap(), &file, parse(settings)).unwrap();
        Self { simulator, directory }
    }

    /// Closed and opened again with other settings.
    pub(crate) fn again(self, settings: &Value) -> Self {
        drop(self.simulator);
        Self::in_directory(self.directory, settings)
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.directory.path().join("network.db")
    }

    pub(crate) fn subscribers(&self) -> Vec<Subscriber> {
        Simulator::subscribers(&self.file()).unwrap()
    }

    pub(crate) async fn ensure(&self, ticket: i64, epoch: i64, wants: Vec<Want>) -> Outcome {
        self.simulator.ensure(&command(ticket, epoch, wants)).await
    }
}

pub(crate) fn parse(settings: &Value) -> Settings {
    Settings::from_json(settings.as_object().unwrap()).unwrap()
}

pub(crate) fn command(ticket: i64, epoch: i64, wants: Vec<Want>) -> Command {
    let once = OnceKey { ticket: TicketId::new(ticket).unwrap(), epoch };
    Command { once, wants, fresh: false }
}

pub(crate) fn iccid(number: usize) -> Iccid {
    format!("89103900000{number:08}").parse().unwrap()
}

pub(crate) fn msisdn(number: usize) -> Msisdn {
    format!("07700{number:06}").parse().unwrap()
}

pub(crate) fn present(sim: usize) -> Want {
    let subscription = Subscription {
        msisdn: Some(msisdn(sim)),
        tariff: "TEASEU1000MB".parse().unwrap(),
        products: Products::default(),
    };
    Want {
        iccid: iccid(sim),
        imsi: None,
        keys: SealedKeys::default(),
        state: Wanted::Present(subscription),
    }
}

pub(crate) fn absent(sim: usize) -> Want {
    Want { iccid: iccid(sim), imsi: None, keys: SealedKeys::default(), state: Wanted::Absent }
}

pub(crate) fn world() -> World {
    let sim =
        |number: usize| (iccid(number), Some(format!("90170000000000{number}").parse().unwrap()));
    World {
        sims: [sim(0), sim(1), sim(2), sim(3)],
        numbers: [msisdn(0), msisdn(1), msisdn(2), msisdn(3)],
        tariffs: ["TEASEU1000MB".parse().unwrap(), "TEASEU5GB".parse().unwrap()],
        apns: ["AS_APN_CROUT".parse().unwrap(), "AS_APN_OTHER".parse().unwrap()],
        bolton: "AS_BOLTON".parse().unwrap(),
        bar: "AS_BAR_ROAMING".parse().unwrap(),
        suspending_bar: "AS_SUS_MSISDN".parse().unwrap(),
        first_ticket: TicketId::FIRST,
    }
}
