//! The world under load: SIMs at a network that is quick but shaky, and portal customers at a mail system like it.

use std::fmt::Write as _;

use crate::rig::Kind;

/// How many there are to order for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) sims: usize,
    pub(crate) portal_customers: usize,
}

impl Size {
    /// On a file the next server takes over at once what the dead one was carrying out. On PostgreSQL that stays locked until
    /// its lease has ended: with few subjects there would be nothing left to order for after some kills.
    pub(crate) fn on(kind: Kind) -> Self {
        match kind {
            Kind::Sqlite => Self { sims: 50, portal_customers: 20 },
            Kind::Postgres => Self { sims: 300, portal_customers: 120 },
        }
    }
}

/// The n-th portal customer.
pub(crate) fn portal_customer(n: usize) -> String {
    format!("Cust{n:02}")
}

/// The n-th SIM.
pub(crate) fn sim(n: usize) -> String {
    format!("89103900000200{n:05}")
}

/// Every fault that the simulated network can have, each rare enough that no ticket uses up its attempts.
///
/// The deadline is a hundred times what a command takes at most: it is for the commands that are never answered. With a tenth
/// of it a busy machine, which lets a server wait for a processor and a disk, was late for some ticket eight times in a row;
/// that ticket was unknown from then on, as it must be, and never ended.
///
/// There are more numbers than hours of connecting use up: each rests for days after its service.
const NETWORK: &str = r#"
[[network]]
code = "AS"
driver = "simulated"
number_range = ["07700000000", "07709999999"]
seed = SEED
latency_ms = { p50 = 1, p99 = 6 }
deadline_ms = 600
failures = { transient = 0.05, permanent = 0.02, timeout = 0.01, done_but_not_reported = 0.05 }

[[network]]
code = "MAIL"
driver = "simulated-mail"
seed = SEED
latency_ms = { p50 = 1, p99 = 6 }
deadline_ms = 600
failures = { transient = 0.05, permanent = 0.02, timeout = 0.01, done_but_not_reported = 0.05 }

[[tenant]]
name = "kommitt"
mail_domain = "rapeedo.net"
packs = [{ name = "Mail", kind = "count" }]

[[tariff]]
code = "TEASEU1000MB"
name = "EU 1000 MB"
network = "AS"

[[apn]]
code = "AS_APN_CROUT"
name = "crout.iot"
network = "AS"

[[bar]]
code = "AS_SUS_MSISDN"
name = "Suspend SIM"
network = "AS"
suspends = true

[[customer]]
number = "1000000"
name = "Example Fleet"
contracts = [{ code = "1000274", name = "MarioG18" }, { code = "1900274", name = "MarioG19" }]

[[user]]
username = "alice"
password = "alice-canary-4rf9Zk"
customers = ["1000000"]
bars = ["AS_SUS_MSISDN"]
boltons = []
"#;

/// The catalogue. Every third SIM has a number of its own.
pub(crate) fn catalogue(seed: u64, size: Size) -> String {
    let mut toml = NETWORK.replace("SEED", &seed.to_string());
    for n in 0..size.sims {
        let own = if n % 3 == 0 { format!("msisdn = \"07718{n:06}\"\n") } else { String::new() };
        write!(
            toml,
            "\n[[sim]]\niccid = \"{}\"\nimsi = \"90170000000{n:04}\"\n{own}customer = \"1000000\"\n",
            sim(n)
        )
        .expect("writing to a String");
    }
    toml
}
