//! Debian's osmo-hlr on loopback. Used by tests of its driver here and, by its path, by tests of the whole product.
//!
//! Its ports are fixed, so each one has a loopback address of its own. It is killed when the test ends, however it ends: by
//! [`Drop`], and if the test's process itself is killed, by a guard that notices.

pub(crate) mod proxy;
pub(crate) mod sgsn;
pub(crate) mod talk;

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

pub(crate) use crate::wait::eventually;
use talk::Ctrl;

pub(crate) const CTRL: u16 = 4259;
pub(crate) const VTY: u16 = 4258;
pub(crate) const GSUP: u16 = 4222;
/// Whoever has this port of an address has the address.
const CLAIM: u16 = 4221;
/// Addresses that are tried before a test gives up.
const ADDRESSES: u32 = 10_000;

/// How long its database may be busy.
const BUSY: std::time::Duration = std::time::Duration::from_secs(10);

const CONFIG: &str = "
log stderr
 logging filter all 1
 logging level main notice
line vty
 no login
 bind @ADDRESS@
ctrl
 bind @ADDRESS@
hlr
 gsup
  bind ip @ADDRESS@
 no subscriber-create-on-demand
";

/// An HLR, running or not.
#[derive(Debug)]
pub(crate) struct OsmoHlr {
    // In this order: the server ends before its directory and its address go.
    running: Option<Running>,
    pub(crate) address: IpAddr,
    place: TempDir,
    _claim: TcpListener,
}

/// A subscriber.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) imsi: String,
    pub(crate) msisdn: Option<String>,
    /// To circuits, to packets.
    pub(crate) access: (bool, bool),
}

#[derive(Debug)]
struct Running {
    server: Child,
    /// Reads from this process, and ends the server when that has ended: then there is nothing to read.
    guard: Child,
}

impl OsmoHlr {
    /// Starts one with no subscribers; answers when it listens. In memory, where that can be: each write waits for the
    /// disk, and what that is busy with is not what tests are about.
    pub(crate) fn start() -> Self {
        let place = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        Self::start_in(place)
    }

    /// Starts one whose database is in `place`.
    pub(crate) fn start_in(place: TempDir) -> Self {
        assert!(
            Path::new("/usr/bin/osmo-hlr").exists(),
            "these tests run a real HLR: apt-get install --no-install-recommends osmo-hlr"
        );
        let (address, claim) = free_address();
        let config = CONFIG.replace("@ADDRESS@", &address.to_string());
        fs::write(place.path().join("hlr.cfg"), config).unwrap();
        let mut hlr = Self { running: None, address, place, _claim: claim };
        hlr.restart();
        hlr
    }

    /// Starts it again with what it had.
    pub(crate) fn restart(&mut self) {
        self.kill();
        let log = fs::File::options().create(true).append(true).open(self.path("hlr.log")).unwrap();
        let mut server = Command::new("osmo-hlr");
        server.args(["-c", "hlr.cfg", "-l", "hlr.db"]).current_dir(self.place.path());
        server.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let server = server.process_group(0).spawn().unwrap();
        let mut guard = Command::new("sh");
        // A hung one, too.
        guard.args(["-c", "read -r _; kill -KILL $0", &server.id().to_string()]);
        guard.stdin(Stdio::piped()).stderr(Stdio::null()).process_group(0);
        let guard = guard.spawn().unwrap();
        self.running = Some(Running { server, guard });
        for port in [CTRL, VTY, GSUP] {
            eventually(&format!("an HLR at {}:{port}", self.address), || {
                let running = self.running.as_mut().unwrap();
                let ended = running.server.try_wait().unwrap();
                assert!(ended.is_none(), "the HLR has ended: {}", self.log());
                TcpStream::connect((self.address, port)).ok()
            });
        }
    }

    /// SIGKILL, and gone for certain.
    pub(crate) fn kill(&mut self) {
        self.running = None;
    }

    /// Stops it where it is, or lets it go on.
    pub(crate) fn hang(&self, hangs: bool) {
        let pid = self.running.as_ref().unwrap().server.id().to_string();
        let signal = if hangs { "-STOP" } else { "-CONT" };
        let sent = Command::new("sh").args(["-c", "kill $0 $1", signal, &pid]).status().unwrap();
        assert!(sent.success());
    }

    /// A connection that the driver knows nothing of.
    pub(crate) fn ctrl(&self) -> Ctrl {
        Ctrl::connect(SocketAddr::new(self.address, CTRL))
    }

    /// All its subscribers, by IMSI, from its database: works on one that hangs, too.
    pub(crate) fn subscribers(&self) -> Vec<Row> {
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        let database = rusqlite::Connection::open_with_flags(self.path("hlr.db"), flags).unwrap();
        database.busy_timeout(BUSY).unwrap();
        let mut statement = database
            .prepare("SELECT imsi, msisdn, nam_cs, nam_ps FROM subscriber ORDER BY imsi")
            .unwrap();
        let rows = statement.query_map((), |row| {
            let access = (row.get(2)?, row.get(3)?);
            Ok(Row { imsi: row.get(0)?, msisdn: row.get(1)?, access })
        });
        rows.unwrap().map(Result::unwrap).collect()
    }

    /// One subscriber.
    pub(crate) fn subscriber(&self, imsi: &str) -> Option<Row> {
        self.subscribers().into_iter().find(|row| row.imsi == imsi)
    }

    /// What it has written.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("hlr.log")).unwrap_or_default()
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.place.path().join(name)
    }
}

impl Drop for OsmoHlr {
    fn drop(&mut self) {
        if std::thread::panicking() {
            use std::io::Write as _;
            let log = self.log();
            let tail: Vec<_> = log.lines().rev().take(20).collect();
            let _ = writeln!(std::io::stderr(), "--- the HLR, backwards\n{}", tail.join("\n"));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _already_dead = self.server.kill();
        drop(self.guard.stdin.take());
        let _ = (self.server.wait(), self.guard.wait());
    }
}

/// A loopback address that nobody else has while the listener lives.
fn free_address() -> (IpAddr, TcpListener) {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    for _ in 0..ADDRESSES {
        // Processes begin at different places.
        let at =
            std::process::id().wrapping_mul(97).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let [_, b, c, d] = at.to_be_bytes();
        let address = IpAddr::V4(Ipv4Addr::new(127, b | 1, c, d.clamp(1, 254)));
        let free = [CTRL, VTY, GSUP].iter().all(|port| TcpListener::bind((address, *port)).is_ok());
        if let Ok(claim) = TcpListener::bind((address, CLAIM))
            && free
        {
            return (address, claim);
        }
    }
    panic!("no loopback address is free");
}
