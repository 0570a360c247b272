//! A PostgreSQL of our own: a cluster on a socket in a temporary directory, from Debian's binaries, with `fsync` on.
//!
//! All test processes of one run share it (nextest runs each test in a process of its own); each test has its own
//! database. A guard process ends it and deletes it once no test process has used it for some seconds: each holds a lock
//! that the kernel takes back, however the process ends.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio_postgres::{Client, NoTls};

/// How long the server may take to answer after it was started.
const PATIENCE: Duration = Duration::from_mins(1);

/// Ends the cluster when the lock was free twice, two seconds apart. $0 directory.
const GUARD: &str = r#"
while sleep 2; do
  if flock -n -x "$0/users" true && sleep 2; then
    flock -n -x "$0/users" sh -c 'kill -QUIT $(head -1 "$0/data/postmaster.pid"); sleep 1; rm -rf "$0"' "$0" && exit
  fi
done
"#;

/// How the server is set; whoever measures sets it otherwise before its first database.
pub(crate) static SETTINGS: OnceLock<&[&str]> = OnceLock::new();
const TEST_SETTINGS: &[&str] = &["max_connections=300", "shared_buffers=64MB"];

/// A database of one test. It is dropped with this.
#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) name: String,
    /// How a store opens it.
    pub(crate) url: String,
}

impl Database {
    /// An empty one.
    pub(crate) fn new() -> Self {
        Self::of("template1")
    }

    /// One with the content of another one, to which nobody is connected.
    pub(crate) fn of(template: &str) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("t{}_{number}", std::process::id());
        admin(&format!("CREATE DATABASE {name} TEMPLATE {template}"));
        Self { url: url(cluster(), &name), name }
    }

    /// How a store opens it by way of a port on loopback.
    pub(crate) fn url_at(&self, port: u16) -> String {
        format!("postgres://provisor@127.0.0.1:{port}/{}", self.name)
    }

    /// Runs SQL in it, as somebody else than the store.
    pub(crate) fn run(&self, sql: &str) {
        block_on(async { connect(&self.url).await.unwrap().batch_execute(sql).await.unwrap() });
    }

    /// The rows of a question, with a bar between the values, which must all be texts.
    pub(crate) fn table(&self, sql: &str) -> Vec<String> {
        block_on(async {
            let rows = connect(&self.url).await.unwrap().query(sql, &[]).await.unwrap();
            let value = |row: &tokio_postgres::Row, at| {
                row.get::<_, Option<String>>(at).unwrap_or_else(|| "-".to_owned())
            };
            let line = |row: &tokio_postgres::Row| {
                (0..row.len()).map(|at| value(row, at)).collect::<Vec<_>>().join("|")
            };
            rows.iter().map(line).collect()
        })
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // Nobody waits for it: what is left is deleted with the cluster.
        let (url, sql) =
            (url(cluster(), "postgres"), format!("DROP DATABASE {} WITH (FORCE)", self.name));
        runtime().spawn(async move {
            if let Ok(client) = connect(&url).await {
                let _ = client.batch_execute(&sql).await;
            }
        });
    }
}

/// The server's socket.
pub(crate) fn socket() -> PathBuf {
    cluster().join(".s.PGSQL.5432")
}

/// Runs on the rig's own runtime, from wherever it is called: connections live on it as long as the process.
pub(crate) fn block_on<T: Send>(future: impl Future<Output = T> + Send) -> T {
    // A thread of its own: the caller's may be one of another runtime, which must not block.
    let done = std::thread::scope(|scope| scope.spawn(|| runtime().block_on(future)).join());
    done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Where connections live.
pub(crate) fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        runtime.worker_threads(2).enable_all().build().unwrap()
    })
}

/// The address of a database of the cluster.
fn url(cluster: &Path, name: &str) -> String {
    let socket = cluster.to_str().unwrap().replace('/', "%2F");
    format!("postgres://provisor@{socket}/{name}")
}

pub(crate) async fn connect(url: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

fn admin(sql: &str) {
    let url = url(cluster(), "postgres");
    block_on(async { connect(&url).await.unwrap().batch_execute(sql).await.unwrap() });
}

/// The directory of the running cluster.
fn cluster() -> &'static Path {
    static CLUSTER: OnceLock<(PathBuf, File)> = OnceLock::new();
    let (path, _) = CLUSTER.get_or_init(|| {
        let run =
            std::env::var("NEXTEST_RUN_ID").unwrap_or_else(|_| std::process::id().to_string());
        let path = std::env::temp_dir().join(format!("provisor-pg-{run}"));
        let lock = enter(&path);
        let start = File::create(path.join("start")).unwrap();
        start.lock().unwrap();
        if !path.join("ready").exists() {
            begin(&path);
        }
        (path, lock)
    });
    path
}

/// Uses the directory from here on, until this process ends.
fn enter(path: &Path) -> File {
    loop {
        fs::create_dir_all(path).unwrap();
        let Ok(lock) = File::options().create(true).append(true).open(path.join("users")) else {
            continue; // The guard has just deleted it.
        };
        lock.lock_shared().unwrap();
        let same = |there: fs::Metadata| there.ino() == lock.metadata().unwrap().ino();
        if fs::metadata(path.join("users")).is_ok_and(same) {
            return lock;
        }
    }
}

/// Makes a cluster and starts it.
fn begin(path: &Path) {
    let data = path.join("data");
    fs::create_dir(&data).unwrap();
    fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
    for dir in [path, &data] {
        give(dir);
    }
    // An order of letters that is not the bytes': the store must not depend on the database's.
    let made = command("initdb")
        .args(["--auth=trust", "--username=provisor", "--encoding=UTF8", "--locale=C.UTF-8"])
        .args(["--locale-provider=icu", "--icu-locale=en-US", "--no-instructions", "-D"])
        .arg(&data)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let log = File::create(path.join("log")).unwrap();
    let mut server = command("postgres");
    server.arg("-D").arg(&data).arg("-k").arg(path);
    let settings = *SETTINGS.get_or_init(|| TEST_SETTINGS);
    for setting in settings.iter().chain(&["listen_addresses=", "fsync=on"]) {
        server.args(["-c", setting]);
    }
    server.stdout(log.try_clone().unwrap()).stderr(log);
    let mut guard = Command::new("sh");
    guard.args(["-c", GUARD]).arg(path).current_dir("/").process_group(0);
    guard.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // Both outlive this process on purpose.
    let (mut server, _guard) = (server.spawn().unwrap(), guard.spawn().unwrap());
    let began = Instant::now();
    let url = url(path, "postgres");
    while block_on(async { connect(&url).await.is_err() }) {
        let log = || fs::read_to_string(path.join("log")).unwrap();
        assert!(server.try_wait().unwrap().is_none(), "the server ended: {}", log());
        assert!(began.elapsed() < PATIENCE, "the server does not answer: {}", log());
        std::thread::park_timeout(Duration::from_millis(20));
    }
    File::create(path.join("ready")).unwrap();
}

/// The newest server that Debian installed.
pub(crate) fn binaries() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions.map(|entry| entry.path().join("bin")).max();
    newest.filter(|bin| bin.join("initdb").exists()).unwrap_or_else(|| {
        panic!(
            "these tests run a real PostgreSQL: apt-get install --no-install-recommends postgresql"
        )
    })
}

/// One of the server's programs, run as whom the server runs as.
pub(crate) fn command(program: &str) -> Command {
    let mut command = Command::new(binaries().join(program));
    command.current_dir("/").stdin(Stdio::null()).process_group(0);
    if let Some((uid, gid)) = owner() {
        command.uid(uid).gid(gid);
    }
    command
}

/// Gives a file or directory to whom the server runs as.
pub(crate) fn give(path: &Path) {
    if let Some((uid, gid)) = owner() {
        chown(path, Some(uid), Some(gid)).unwrap();
    }
}

/// Whom the server runs as: PostgreSQL refuses to run as root.
fn owner() -> Option<(u32, u32)> {
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        return None;
    }
    let passwd = fs::read_to_string("/etc/passwd").unwrap();
    let entry = |name: &str| {
        let line = passwd.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut ids = line.split(':').skip(2).map(|id| id.parse().unwrap());
        Some((ids.next()?, ids.next()?))
    };
    Some(entry("postgres").or_else(|| entry("nobody")).unwrap())
}
