//! `provisor network list|check|show`

use std::collections::HashMap;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use prometheus_client::registry::Registry;
use provisor_domain::catalogue::{CatalogueKeys, Network as Entry};
use provisor_domain::clock::SystemClock;
use provisor_domain::drift::{Drift, DriftKind};
use provisor_domain::limits::DRIFTS_PER_PAGE_MAX;
use provisor_domain::store::Store;
use provisor_domain::{Iccid, NetworkCode};
use provisor_engine::{Chance, CheckReport, Checking, Engine, Metrics, Parts, Share, Watch};
use serde_json::{Value, json};

use super::Session;
use super::session::parsed;
use crate::output::{self, Text, Tone, count, note, plain, say, thousands};
use crate::progress::Progress;

/// The exit code of a check that found something that differs and that no ticket repairs.
const DIFFERS: u8 = 3;

/// Look at networks: what they have, and whether it is what the books say
#[derive(Debug, Subcommand)]
pub(crate) enum Network {
    List(List),
    Check(Check),
    Show(Show),
}

const AFTER_LIST: &str = "\
Example:
  provisor network list

DRIFT is what is done about drift by itself: report, repair-own or repair (docs/operate.md).
OWN, FOREIGN and RESTORED count what was found and is not over; `provisor network check` shows
it.";

/// List networks, with what they have open and what differs there
///
/// Changes nothing.
#[derive(Debug, Args)]
#[command(after_help = AFTER_LIST)]
pub(crate) struct List {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

const AFTER_CHECK: &str = "\
Examples:
  provisor network check                  every network of SIMs
  provisor network check AS --repair      what differs is given to the network again, by tickets
  provisor network check --json           for scripts

Exit code: 0 all is as the books say (with --repair: or has a ticket now), 3 something differs,
1 a network could not be read. Works beside a running server, which checks by itself too
(setting check.period). It takes a quarter of a network's rate.";

/// Compare what networks have with what the books say
///
/// Asks the network for every live service, and for SIMs whose tickets ended lately and that it is not to have any more.
/// Changes nothing at the network; what differs is written down, and is forgotten when it is over.
#[derive(Debug, Args)]
#[command(after_help = AFTER_CHECK)]
pub(crate) struct Check {
    /// Only these networks
    #[arg(value_name = "NETWORK")]
    networks: Vec<String>,
    /// Raise a ticket for whatever differs, whosever doing it is: the books are right
    #[arg(long)]
    repair: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

const AFTER_SHOW: &str = "\
Example:
  provisor network show AS 8910390000015161789";

/// Show what a network says about a SIM
///
/// More than a service's status has a word for: whether a suspended SIM is barred, and where the network saw it last.
#[derive(Debug, Args)]
#[command(after_help = AFTER_SHOW)]
pub(crate) struct Show {
    /// The network's code
    network: String,
    /// The SIM's ICCID
    sim: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Network {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode> {
        match self {
            Self::List(command) => command.run(session).await.map(|()| ExitCode::SUCCESS),
            Self::Check(command) => command.run(session).await,
            Self::Show(command) => command.run(session).await.map(|()| ExitCode::SUCCESS),
        }
    }
}

impl List {
    async fn run(self, session: &Session) -> Result<()> {
        let store = session.store().await?;
        let mut listed = Vec::new();
        let (queues, drifts) = (store.queue_stats().await?, store.drift_stats().await?);
        for entry in store.network_list().await? {
            let open = queues.iter().filter(|stat| stat.network == entry.code);
            let open = open.map(|stat| stat.count).sum();
            let counted = drifts.iter().filter(|stat| stat.network == entry.code);
            let drifts = counted.map(|stat| (stat.kind, stat.count)).collect();
            let services = store.sweep_size(entry.code.clone()).await?;
            listed.push(Listed { entry, services, open, drifts });
        }
        if self.json {
            return output::json(&listed.iter().map(Listed::json).collect::<Vec<_>>());
        }
        let head = ["CODE", "DRIVER", "DRIFT", "SERVICES", "OPEN", "OWN", "FOREIGN", "RESTORED"];
        output::table(head, listed.iter().map(Listed::row).collect())
    }
}

impl Show {
    async fn run(self, session: &Session) -> Result<()> {
        let code: NetworkCode = parsed("network", &self.network)?;
        let iccid: Iccid = parsed("SIM", &self.sim)?;
        let eyes = Eyes::open(session).await?;
        eyes.networks(std::slice::from_ref(&code))?;
        let keys = CatalogueKeys { sims: vec![iccid.clone()], ..CatalogueKeys::default() };
        let Some(sim) = eyes.store.catalogue_read(keys).await?.sims.pop() else {
            bail!("there is no SIM {iccid}");
        };
        let Some(says) = eyes.engine.sim_at_network(&code, &sim).await else {
            bail!("network {code} cannot be read: mend its catalogue entry")
        };
        let status = says.status.as_str();
        if self.json {
            return output::json(&json!({
                "network": code, "sim": iccid, "status": status, "detail": says.detail,
            }));
        }
        match says.detail {
            None => say(status),
            Some(detail) => say(format_args!("{status}: {detail}")),
        }
    }
}

/// A network, and how many of what it has.
struct Listed {
    entry: Entry,
    services: u64,
    open: u64,
    drifts: HashMap<DriftKind, u64>,
}

impl Listed {
    fn drift(&self, kind: DriftKind) -> u64 {
        self.drifts.get(&kind).copied().unwrap_or_default()
    }

    fn row(&self) -> [Text; 8] {
        let drift = |kind| {
            let count = self.drift(kind);
            (thousands(count), if count > 0 { Tone::Warn } else { Tone::Dim })
        };
        [
            plain(&self.entry.code),
            plain(&self.entry.driver),
            plain(self.entry.drift.as_str()),
            plain(thousands(self.services)),
            plain(thousands(self.open)),
            drift(DriftKind::Own),
            drift(DriftKind::Foreign),
            drift(DriftKind::Restored),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "code": self.entry.code,
            "driver": self.entry.driver,
            "drift": self.entry.drift.as_str(),
            "live_services": self.services,
            "open_tickets": self.open,
            "drifts": DriftKind::ALL
                .map(|kind| (kind.as_str().to_owned(), Value::from(self.drift(kind))))
                .into_iter()
                .collect::<serde_json::Map<_, _>>(),
        })
    }
}

impl Check {
    async fn run(self, session: &Session) -> Result<ExitCode> {
        let wanted: Result<Vec<NetworkCode>> =
            self.networks.iter().map(|raw| parsed("network", raw)).collect();
        let eyes = Eyes::open(session).await?;
        let codes = eyes.networks(&wanted?)?;
        let how = Checking {
            origin: Session::origin(),
            repair: self.repair,
            restored: eyes.engine.is_adopting().await?,
            period: session.config.settings.check.period.duration(),
        };
        let mut reports = Vec::new();
        for code in codes {
            reports.push(eyes.check(code, &how).await?);
        }
        if self.json {
            output::json(&reports.iter().map(report_json).collect::<Vec<_>>())?;
        } else {
            show(&reports)?;
        }
        unread(&reports)?;
        let repaired = |checked: &Checked, drift: &Drift| {
            drift.ticket.is_some_and(|ticket| checked.report.raised.contains(&ticket))
        };
        let left = reports
            .iter()
            .any(|checked| checked.drifts.iter().any(|drift| !repaired(checked, drift)));
        Ok(if left { ExitCode::from(DIFFERS) } else { ExitCode::SUCCESS })
    }
}

/// A network that was checked, and what differs there now.
pub(super) struct Checked {
    code: NetworkCode,
    report: CheckReport,
    drifts: Vec<Drift>,
}

/// Prints what was found.
pub(super) fn show(checked: &[Checked]) -> Result<()> {
    let drifts: Vec<&Drift> = checked.iter().flat_map(|checked| &checked.drifts).collect();
    if !drifts.is_empty() {
        let head = ["NETWORK", "SIM", "SERVICE", "SINCE", "WHOSE", "FOUND", "TICKET", "WHAT"];
        output::table(head, drifts.into_iter().map(row).collect())?;
        say("")?;
    }
    for Checked { code, report, .. } in checked {
        say(format!("{code}: {}", summary(report)))?;
    }
    Ok(())
}

fn summary(report: &CheckReport) -> String {
    let mut told = vec![
        format!("{} compared", count(report.compared, "SIM")),
        format!("{} as the books say", thousands(report.as_wanted)),
    ];
    let more = [
        (report.differ, "otherwise"),
        (report.held, "with an open ticket"),
        (report.untold, "not told"),
        (report.raised.len() as u64, "being repaired"),
    ];
    let more = more.into_iter().filter(|(number, _)| *number > 0);
    told.extend(more.map(|(number, what)| format!("{} {what}", thousands(number))));
    told.join(", ")
}

/// An error when a network fell silent.
pub(super) fn unread(checked: &[Checked]) -> Result<()> {
    let silent = |Checked { code, report, .. }: &Checked| {
        report.silence.as_ref().map(|reason| format!("network {code}: {reason}"))
    };
    let silent: Vec<String> = checked.iter().filter_map(silent).collect();
    if silent.is_empty() {
        return Ok(());
    }
    silent.iter().for_each(note);
    bail!("not everything could be read: run the command again when the network answers")
}

fn tone(kind: DriftKind) -> Tone {
    match kind {
        DriftKind::Own => Tone::Warn,
        DriftKind::Foreign | DriftKind::Restored => Tone::Bad,
    }
}

fn when(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

fn row(drift: &Drift) -> [Text; 8] {
    let or_dash = |value: Option<String>| value.map_or_else(|| plain("-"), plain);
    [
        plain(&drift.network),
        plain(&drift.iccid),
        or_dash(drift.service.map(|code| code.to_string())),
        plain(when(drift.since)),
        (drift.kind.as_str().to_owned(), tone(drift.kind)),
        plain(drift.found.as_str()),
        or_dash(drift.ticket.map(|ticket| ticket.to_string())),
        plain(&drift.what),
    ]
}

pub(super) fn report_json(Checked { code, report, drifts }: &Checked) -> Value {
    json!({
        "network": code,
        "compared": report.compared,
        "as_wanted": report.as_wanted,
        "held": report.held,
        "untold": report.untold,
        "silence": report.silence,
        "differ": report.differ,
        "drifts": drifts.iter().map(drift_json).collect::<Vec<_>>(),
        "tickets": report.raised,
    })
}

fn drift_json(drift: &Drift) -> Value {
    json!({
        "sim": drift.iccid,
        "network": drift.network,
        "customer": drift.customer,
        "service": drift.service,
        "kind": drift.kind.as_str(),
        "found": drift.found.as_str(),
        "what": drift.what,
        "since": drift.since,
        "seen": drift.seen,
        "ticket": drift.ticket,
        "repairs": drift.repairs,
    })
}

/// An engine that looks at networks and carries nothing out.
pub(super) struct Eyes {
    pub(super) engine: Arc<Engine>,
    pub(super) store: Arc<dyn Store>,
    entries: Vec<Entry>,
}

impl Eyes {
    /// Opens the database and the networks of SIMs. A driver only reads for a command like this one.
    pub(super) async fn open(session: &Session) -> Result<Self> {
        let store = session.store().await?;
        let entries = store.network_list().await?;
        let metrics = Arc::new(Metrics::new(&mut Registry::default()));
        let (clock, chance) = (Arc::new(SystemClock), Chance::new());
        let parts = Parts { clock, chance, metrics, share: Share::none() };
        let engine = Arc::new(Engine::new(store.clone(), parts).await?);
        let factory = crate::serve::factory(&session.config.settings, engine.callbacks());
        let mut watch = Watch::new(engine.clone(), factory)
            .without(|network| provisor_drivers::is_mail(&network.driver));
        watch.look().await?;
        Ok(Self { engine, store, entries })
    }

    /// The networks of SIMs that are meant: those named, else all.
    pub(super) fn networks(&self, named: &[NetworkCode]) -> Result<Vec<NetworkCode>> {
        for code in named {
            match self.entries.iter().find(|entry| entry.code == *code) {
                None => bail!("there is no network {code}: `provisor network list` shows them"),
                Some(entry) if provisor_drivers::is_mail(&entry.driver) => {
                    bail!("network {code} is a mail system: `provisor mail sync` brings it in line")
                }
                Some(_) => {}
            }
        }
        let of_sims = self.entries.iter().filter(|entry| !provisor_drivers::is_mail(&entry.driver));
        let codes = of_sims.map(|entry| entry.code.clone());
        Ok(codes.filter(|code| named.is_empty() || named.contains(code)).collect())
    }

    /// Compares one network with the books, and shows how far it has come.
    pub(super) async fn check(&self, code: NetworkCode, how: &Checking) -> Result<Checked> {
        let size = self.engine.check_size(&code).await?;
        let mut progress = Progress::new("checking", size);
        let told = |report: &CheckReport| {
            progress.at(report.done().min(size), report.done(), "SIMs");
        };
        let Some(report) = self.engine.check_network(&code, how, told).await? else {
            bail!("network {code} cannot be read: mend its catalogue entry")
        };
        let drifts = self.store.drift_list(Some(code.clone()), DRIFTS_PER_PAGE_MAX).await?;
        Ok(Checked { code, report, drifts })
    }
}
