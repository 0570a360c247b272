//! The server: wires store, engine, drivers and HTTP together, and takes them down in order.
//!
//! Up: database (one server a file, any number a PostgreSQL), listeners, engine, networks, runner, requests. Down: no more requests, those under
//! way finish, commands at the networks finish, the database is closed; and out after [`STOP_DEADLINE`] whatever
//! happens. What is cut off then is safe: its lease ends, and the next start carries it out.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use prometheus_client::registry::Registry;
use provisor_domain::clock::SystemClock;
use provisor_domain::driver::Callbacks;
use provisor_drivers::Surroundings;
use provisor_engine::{
    Chance, Checks, Engine, Metrics, NetworkFactory, Parts, Runner, Share, Watch,
};
use provisor_store::sqlite::ServeLock;
use provisor_web::{App, HttpLimits, HttpMetrics};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::config::{self, Config, MetricsListen, Settings};
use crate::database::{Database, Schema, Use};
use crate::mark::Mark;
use crate::output::say;
use crate::reactors::Reactors;
use crate::seal::KeyFile;

/// The process is gone so long after it was told to stop (10 s are promised).
const STOP_DEADLINE: Duration = Duration::from_secs(9);
/// How much of that requests under way may take; the rest is for commands at the networks.
const REQUESTS_DEADLINE: Duration = Duration::from_secs(4);
/// How often a running server looks whether it may go on with its database.
const DATABASE_LOOK: Duration = Duration::from_millis(250);
/// The exit code of a process that was interrupted (128 + SIGINT).
const INTERRUPTED: i32 = 130;
/// Threads that read a file, at least; as many as there are cores, when those are more.
const READERS_MIN: usize = 2;

/// `provisor serve`: serves until told to stop.
pub(crate) async fn serve(config: &Config) -> Result<ExitCode> {
    for name in config::unknown_variables() {
        tracing::warn!(name, "this environment variable is not a setting of provisor");
    }
    run(&config.settings, |_| {}).await
}

/// Serves as `settings` say. `ready` is called with the address once requests are taken.
pub(crate) async fn run(settings: &Settings, ready: impl FnOnce(SocketAddr)) -> Result<ExitCode> {
    let signals = Signals::listen()?;
    let lock = settings.database.file().map(ServeLock::acquire).transpose()?;
    let data_dir = settings.data_dir();
    check_writable(&data_dir)?;
    // Before the database, so that a start that fails here has made nothing.
    let listeners = Listeners::bind(settings).await?;
    let reactors = Reactors::start().context("the threads for callers cannot be started")?;
    let database = Database::open_on(&settings.database, how(settings), reactors.handles()).await?;
    warn_of_unknown(settings, &database).await?;
    let server = Server::start(settings, database, data_dir, listeners, reactors.handles()).await?;
    ready(server.address);
    let ended = server.until(signals).await;
    drop(lock);
    ended
}

fn how(settings: &Settings) -> Use {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let store = &settings.store;
    let readers = match settings.database.file() {
        Some(_) => cores.max(READERS_MIN),
        None => store.read_connections,
    };
    Use {
        schema: Schema::Migrate,
        readers,
        writers: store.write_connections,
        group_max: store.group_commit_max,
        accept_loss: store.accept_loss,
    }
}

/// Which tickets this node carries out.
fn share(settings: &Settings) -> Share {
    if !settings.role.carries_out() {
        return Share::none();
    }
    match settings.networks() {
        networks if networks.is_empty() => Share::all(),
        networks => Share::of(networks),
    }
}

/// Says so where this node is to carry out the tickets of a network that is not there: perhaps its name is misspelled.
async fn warn_of_unknown(settings: &Settings, database: &Database) -> Result<()> {
    let mut named = settings.networks();
    if named.is_empty() || !settings.role.carries_out() {
        return Ok(());
    }
    let known = database.store.network_list().await?;
    named.retain(|code| known.iter().all(|network| network.code != *code));
    for network in named {
        tracing::warn!(%network,
            "the catalogue has no such network (--network): its tickets are carried out here once it has");
    }
    Ok(())
}

/// How networks are compared with the books.
fn checks(settings: &Settings) -> Checks {
    let check = &settings.check;
    Checks {
        period: check.period.duration(),
        soon: check.soon.duration(),
        share: check.share_percent,
    }
}

/// Where it is remembered how far the database had come.
fn mark_file(settings: &Settings, data_dir: &Path) -> PathBuf {
    let file = settings.database.file_beside("mark");
    data_dir.join(file.file_name().unwrap_or(file.as_os_str()))
}

fn check_writable(dir: &Path) -> Result<()> {
    let tried = std::fs::create_dir_all(dir).and_then(|()| tempfile::tempfile_in(dir).map(drop));
    tried.with_context(|| {
        format!(
            "the data folder {} cannot be written to: name another one with --data-dir, or mend its permissions",
            dir.display()
        )
    })
}

/// The sockets, bound but not served yet.
struct Listeners {
    api: TcpListener,
    metrics: Option<TcpListener>,
}

impl Listeners {
    async fn bind(settings: &Settings) -> Result<Self> {
        let api = bind(settings.listen, "--listen").await?;
        let metrics = match settings.metrics_listen {
            MetricsListen::Off => None,
            MetricsListen::At(address) => Some(bind(address, "--metrics-listen").await?),
            MetricsListen::Auto => Some(bind_beside(settings.listen).await?),
        };
        Ok(Self { api, metrics })
    }
}

async fn bind(address: SocketAddr, flag: &str) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => anyhow!(
            "port {} is taken ({address}): choose another one with {flag} ADDRESS:PORT (port 0 picks a free one)",
            address.port()
        ),
        std::io::ErrorKind::PermissionDenied => anyhow!(
            "{address} may not be listened on by this user: choose a port from 1024 up with {flag}"
        ),
        std::io::ErrorKind::AddrNotAvailable => {
            anyhow!("{address} is not an address of this machine: choose another one with {flag}")
        }
        _ => anyhow!("cannot listen on {address}: {error}"),
    })
}

/// The metrics' place when nobody named one.
async fn bind_beside(listen: SocketAddr) -> Result<TcpListener> {
    let loopback: IpAddr = match listen {
        SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    let wanted = listen.port().checked_add(1).filter(|_| listen.port() != 0);
    if let Some(port) = wanted {
        let address = SocketAddr::new(loopback, port);
        match TcpListener::bind(address).await {
            Ok(listener) => return Ok(listener),
            Err(error) => tracing::warn!(%address, %error,
                "the usual place of the metrics is taken; picking a free port (set metrics_listen)"),
        }
    }
    bind(SocketAddr::new(loopback, 0), "--metrics-listen").await
}

/// Everything that runs.
struct Server {
    address: SocketAddr,
    engine: Arc<Engine>,
    stop_requests: watch::Sender<bool>,
    stop_runner: watch::Sender<bool>,
    requests: JoinHandle<()>,
    runner: JoinHandle<()>,
    watch: JoinHandle<()>,
    mark: JoinHandle<()>,
    metrics: Option<JoinHandle<()>>,
    database: Database,
}

impl Server {
    async fn start(
        settings: &Settings,
        database: Database,
        data_dir: PathBuf,
        listeners: Listeners,
        reactors: &[Handle],
    ) -> Result<Self> {
        let mut registry = Registry::default();
        let metrics = Arc::new(Metrics::new(&mut registry));
        let http_metrics = HttpMetrics::new(&mut registry);
        let (clock, chance) = (Arc::new(SystemClock), Chance::new());
        let parts = Parts { clock, chance, metrics, share: share(settings) };
        let engine = Arc::new(Engine::new(database.store.clone(), parts).await?);
        let name = mark_file(settings, &data_dir);
        let mark =
            Mark::look(database.store.clone(), name, engine.installation().to_owned()).await?;
        let share = engine.share().clone();
        let factory = factory(settings, engine.callbacks());
        let mut watch = Watch::new(engine.clone(), factory).without(move |network| {
            // A lookup file belongs to the node that carries its mail system's tickets out; a network of SIMs is asked for a
            // service's status by any node.
            provisor_drivers::is_mail(&network.driver) && !share.has(&network.code)
        });
        watch.look().await?;
        let address = listeners.api.local_addr()?;
        if settings.role.takes_orders() {
            crate::exposure::check(&engine, database.store.as_ref(), address).await?;
        }
        let (stop_requests, stop_runner) = (watch::Sender::new(false), watch::Sender::new(false));
        // Whoever has a file's lock knows that whoever had it before is dead. Of other nodes nobody knows that.
        let alone = settings.database.file().is_some();
        let runner = Runner::new(engine.clone(), alone).checking(checks(settings));
        let runner = runner.run(stop_runner.subscribe());
        let limits = limits(settings);
        let app = App { engine: engine.clone(), limits: limits.clone(), metrics: http_metrics };
        let router = if settings.role.takes_orders() {
            provisor_web::router(app)
        } else {
            provisor_web::work_router(app)
        };
        let requests = provisor_web::serve(
            listeners.api,
            router,
            limits.clone(),
            stop_requests.subscribe(),
            reactors.to_owned(),
        );
        let mut server = Self {
            address,
            runner: tokio::spawn(runner),
            watch: tokio::spawn(watch.run()),
            mark: tokio::spawn(mark.keep()),
            requests: tokio::spawn(requests),
            metrics: None,
            database,
            engine,
            stop_requests,
            stop_runner,
        };
        say(format!("listening on http://{address}"))?;
        if let Some(listener) = listeners.metrics {
            let address = listener.local_addr()?;
            let router = provisor_web::metrics_router(Arc::new(registry), server.engine.clone());
            let stop = server.stop_requests.subscribe();
            let serve = provisor_web::serve(listener, router, limits, stop, Vec::new());
            server.metrics = Some(tokio::spawn(serve));
            say(format!("metrics on http://{address}/metrics"))?;
        }
        tracing::info!(%address, version = env!("CARGO_PKG_VERSION"), role = ?settings.role,
            database = %settings.database, "serving");
        Ok(server)
    }

    /// Serves until a signal comes, or until something ends that must not.
    async fn until(mut self, mut signals: Signals) -> Result<ExitCode> {
        let fault = tokio::select! {
            name = signals.next() => {
                tracing::info!(signal = name, "stopping: finishing what runs");
                None
            }
            ended = &mut self.requests => Some(("the listener", ended)),
            ended = &mut self.runner => Some(("the runner", ended)),
            ended = &mut self.watch => Some(("the watch over the database", ended)),
            why = lost(&self.database) => return Err(why),
        };
        leave_in_time();
        tokio::spawn(async move {
            signals.next().await;
            std::process::exit(INTERRUPTED);
        });
        if let Some((what, ended)) = fault {
            let why = ended.err().map(|error| error.to_string()).unwrap_or_default();
            bail!("{what} ended by itself: {why} (this is a fault of provisor; start it again)");
        }
        self.stop().await;
        tracing::info!("stopped");
        Ok(ExitCode::SUCCESS)
    }

    async fn stop(self) {
        self.stop_requests.send_replace(true);
        report("the listener", self.requests.await);
        if let Some(metrics) = self.metrics {
            report("the metrics' listener", metrics.await);
        }
        self.stop_runner.send_replace(true);
        report("the runner", self.runner.await);
        self.watch.abort();
        self.mark.abort();
        drop(self.engine);
    }
}

fn report(what: &str, ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(what, %error, "ended by a panic");
    }
}

/// Resolves when a server must not go on with the database, with the reason.
async fn lost(database: &Database) -> anyhow::Error {
    let mut looks = tokio::time::interval(DATABASE_LOOK);
    loop {
        looks.tick().await;
        if let Some(why) = database.lost() {
            return why;
        }
    }
}

/// Ends the process with 0 when it has not ended by itself in time. On a thread of its own, because the runtime may be
/// what hangs.
fn leave_in_time() {
    let (never, gone) = mpsc::channel::<()>();
    let leave = move || {
        if gone.recv_timeout(STOP_DEADLINE).is_err() {
            tracing::warn!("not everything was finished in time; the next start takes it up");
            std::process::exit(0);
        }
    };
    match std::thread::Builder::new().name("leave-in-time".to_owned()).spawn(leave) {
        // The thread waits for what never comes, until the process ends.
        Ok(_) => std::mem::forget(never),
        Err(error) => tracing::warn!(%error, "no thread to watch over the end"),
    }
}

/// Builds networks: their files are in the data directory, keys of SIMs are opened with the key file, and they report by
/// `callbacks`.
pub(crate) fn factory(settings: &Settings, callbacks: Arc<dyn Callbacks>) -> NetworkFactory {
    let keys = Arc::new(KeyFile::new(settings.sim_key_file()));
    let data_dir = settings.data_dir();
    let surroundings = Surroundings { data_dir, keys, callbacks: Some(callbacks) };
    Arc::new(move |network| {
        provisor_drivers::build(network, &surroundings).map_err(|error| error.to_string())
    })
}

fn limits(settings: &Settings) -> HttpLimits {
    let http = &settings.http;
    HttpLimits {
        connections_max: http.connections_max,
        requests_in_flight_max: http.in_flight_max,
        requests_per_second: (http.requests_per_second > 0).then_some(http.requests_per_second),
        trusted_proxies: settings.trusted_proxies.clone(),
        shutdown_deadline: REQUESTS_DEADLINE,
        ..HttpLimits::default()
    }
}

/// The signals that stop a server.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen to signals");
        let interrupt = listen(SignalKind::interrupt())?;
        let terminate = listen(SignalKind::terminate())?;
        Ok(Self { interrupt, terminate })
    }

    /// The next one's name.
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}
