//! A PostgreSQL cluster that belongs to one test alone, so that it can be stopped, killed, copied and promoted. It has an
//! address of its own on loopback, port 5432, and a socket in its directory.

use std::fs::{self, File};
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tempfile::TempDir;

use super::postgres::{self, block_on};
use super::wait::eventually_within;

/// The port of all of them; the addresses differ.
const PORT: u16 = 5_432;
/// How long a server may take to recover and answer, on a slow machine.
const UP_WITHIN: Duration = Duration::from_mins(2);
/// Ends the server when the test process is gone, however it went: then nobody holds the other end of its input. $0 directory.
const GUARD: &str =
    r#"cat >/dev/null; kill -QUIT $(head -1 "$0/data/postmaster.pid"); sleep 1; rm -rf "$0""#;

/// How a server is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Transactions are rolled back, connections closed, everything written (`pg_ctl stop -m fast`).
    Fast,
    /// At once; the next start recovers (`pg_ctl stop -m immediate`).
    Immediate,
    /// SIGKILL of the postmaster; its processes notice and end.
    Kill,
    /// SIGSTOP of all its processes: the machine goes on taking what is sent to it, and nothing answers. Nobody wakes them.
    Hang,
}

/// A cluster. Ended and deleted when dropped.
#[derive(Debug)]
pub(crate) struct Cluster {
    dir: TempDir,
    address: Ipv4Addr,
    settings: Vec<String>,
    server: Option<Child>,
    /// Processes that hang.
    hung: Vec<String>,
    _guard: Child,
}

impl Cluster {
    /// A running one with these settings (`name=value`) besides the defaults.
    pub(crate) fn new(settings: &[&str]) -> Self {
        let mut cluster = Self::empty(settings);
        let made = postgres::command("initdb")
            .args(["--auth=trust", "--username=provisor", "--encoding=UTF8", "--locale=C.UTF-8"])
            .args(["--no-instructions", "-D"])
            .arg(cluster.data())
            .output()
            .expect("initdb starts");
        assert!(made.status.success(), "{made:?}");
        cluster.start();
        cluster
    }

    /// A running standby of this one, to which it streams.
    pub(crate) fn standby(&self) -> Self {
        let settings: Vec<&str> = self.settings.iter().map(String::as_str).collect();
        let mut standby = Self::empty(&settings);
        standby.follow(self);
        standby
    }

    fn empty(settings: &[&str]) -> Self {
        let dir = TempDir::with_prefix("provisor-cluster-").expect("a temporary directory");
        fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).expect("its rights");
        postgres::give(dir.path());
        let mut guard = Command::new("sh");
        guard.args(["-c", GUARD]).arg(dir.path()).current_dir("/");
        guard.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Self {
            address: address(),
            settings: settings.iter().map(ToString::to_string).collect(),
            server: None,
            hung: Vec::new(),
            _guard: guard.spawn().expect("sh starts"),
            dir,
        }
    }

    /// Makes this one, which is stopped, a running standby of `primary`, whatever it was before.
    pub(crate) fn follow(&mut self, primary: &Self) {
        self.end_hung();
        assert!(self.server.is_none(), "it runs");
        let _there_is_none_yet = fs::remove_dir_all(self.data());
        let copied = postgres::command("pg_basebackup")
            .args(["--username=provisor", "--write-recovery-conf", "--checkpoint=fast", "-h"])
            .arg(primary.dir())
            .arg("-D")
            .arg(self.data())
            .output()
            .expect("pg_basebackup starts");
        assert!(copied.status.success(), "{copied:?}");
        self.start();
    }

    /// Its directory: the socket, the log, files of the test.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.dir().join("data")
    }

    pub(crate) fn host(&self) -> Ipv4Addr {
        self.address
    }

    /// The address of a database for everybody.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://provisor@{}:{PORT}/{database}", self.address)
    }

    /// The address by the socket, for the test itself.
    pub(crate) fn inside(&self, database: &str) -> String {
        let dir = self.dir().to_str().expect("UTF-8").replace('/', "%2F");
        format!("postgres://provisor@{dir}/{database}")
    }

    /// What the servers wrote down.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.dir().join("log")).unwrap_or_default()
    }

    /// Starts it and waits until it answers. What a server left that was killed may stand in the way for a moment.
    pub(crate) fn start(&mut self) {
        assert!(self.server.is_none(), "it runs");
        let mut child: Option<Child> = None;
        eventually_within(UP_WITHIN, "the database server to answer", || {
            let server = child.get_or_insert_with(|| self.spawn());
            if let Some(status) = server.try_wait().expect("it can be asked") {
                let log = self.log();
                assert!(
                    log.contains("is still in use") || log.contains("lock file"),
                    "{status}: {log}"
                );
                child = None;
                return None;
            }
            self.answers().then_some(())
        });
        self.server = child;
    }

    fn spawn(&self) -> Child {
        let log = File::options().create(true).append(true).open(self.dir().join("log"));
        let log = log.expect("a log");
        let mut server = postgres::command("postgres");
        server.arg("-D").arg(self.data()).arg("-k").arg(self.dir());
        let address = format!("listen_addresses={}", self.address);
        let own = [&address, "max_connections=100", "shared_buffers=64MB", "fsync=on"];
        for setting in own.into_iter().chain(self.settings.iter().map(String::as_str)) {
            server.args(["-c", setting]);
        }
        server.stdout(log.try_clone().expect("a file")).stderr(log);
        server.spawn().expect("postgres starts")
    }

    fn answers(&self) -> bool {
        block_on(async { postgres::connect(&self.inside("postgres")).await.is_ok() })
    }

    /// Stops it, and waits until its first process has ended, unless it hangs.
    pub(crate) fn stop(&mut self, how: Stop) {
        let mut server = self.server.take().expect("it runs");
        let pid = server.id().to_string();
        let sent = match how {
            Stop::Fast => signal("-INT", &[pid]),
            Stop::Immediate => signal("-QUIT", &[pid]),
            Stop::Kill => signal("-KILL", &[pid]),
            Stop::Hang => {
                // At first the one that makes the others.
                signal("-STOP", std::slice::from_ref(&pid));
                let found =
                    Command::new("pgrep").args(["-P", &pid]).output().expect("pgrep starts");
                let processes = String::from_utf8(found.stdout).expect("numbers");
                self.hung = processes.lines().map(str::to_owned).collect();
                let _some_have_ended = signal("-STOP", &self.hung);
                self.hung.push(pid);
                self.server = Some(server);
                return;
            }
        };
        assert!(sent, "{how:?} could not be sent");
        server.wait().expect("a child can be waited for");
    }

    /// Ends for good what hangs, if anything does.
    pub(crate) fn end_hung(&mut self) {
        if self.hung.is_empty() {
            return;
        }
        let _some_have_ended = signal("-KILL", &std::mem::take(&mut self.hung));
        if let Some(mut server) = self.server.take() {
            server.wait().expect("a child can be waited for");
        }
    }

    /// Makes a standby a primary, and waits until it is one.
    pub(crate) fn promote(&self) {
        self.run("SELECT pg_promote(true, 120)");
        eventually_within(UP_WITHIN, "the standby to be a primary", || {
            (self.table("SELECT pg_is_in_recovery()::text") == ["false"]).then_some(())
        });
    }

    /// Runs statements, each by itself.
    pub(crate) fn run(&self, sql: &str) {
        self.run_in("postgres", sql);
    }

    /// Runs statements in a database.
    pub(crate) fn run_in(&self, database: &str, sql: &str) {
        block_on(async {
            let client =
                postgres::connect(&self.inside(database)).await.expect("the server answers");
            for statement in sql.split(";\n").filter(|statement| !statement.trim().is_empty()) {
                client
                    .batch_execute(statement)
                    .await
                    .unwrap_or_else(|error| panic!("{error:?}: {sql}"));
            }
        });
    }

    /// The first column of a question to the database `postgres`, all texts.
    pub(crate) fn table(&self, sql: &str) -> Vec<String> {
        block_on(async {
            let client =
                postgres::connect(&self.inside("postgres")).await.expect("the server answers");
            let rows = client.query(sql, &[]).await.expect("an answer");
            rows.iter().map(|row| row.get(0)).collect()
        })
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.hung.is_empty() && self.server.is_some() {
            self.stop(Stop::Immediate);
        }
        self.end_hung();
    }
}

/// Sends processes a signal; false when one of them is not there.
fn signal(name: &str, processes: &[String]) -> bool {
    let sent = Command::new("kill").arg(name).args(processes).stderr(Stdio::null()).status();
    sent.expect("kill starts").success()
}

/// An address on loopback that no other cluster of this machine has: by the process and a counter.
fn address() -> Ipv4Addr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let [.., high, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, 0x40 | (high & 0x3f), low, NEXT.fetch_add(1, Ordering::Relaxed))
}
