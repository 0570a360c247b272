//! Debian's Dovecot and Postfix on loopback, from the configuration that this product writes, in a directory that goes
//! when the test ends. Used by tests of the mail driver here and, by its path, by tests of the whole product.
//!
//! Only what a test needs is set besides the written configuration (the `*_EXTRA` texts). The servers are killed when the
//! test ends, however it ends: by [`Drop`], and if the test's process itself is killed, by the kernel.

pub(crate) mod talk;

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use provisor_drivers::mail::Doveadm;
use provisor_drivers::mail::config::{self, File, Params, Ports};
use tempfile::TempDir;

pub(crate) use crate::wait::eventually;
use talk::{Imap, Smtp};

/// What these tests need of Debian's packages (install them with `--no-install-recommends`).
const PACKAGES: &str =
    "dovecot-imapd dovecot-lmtpd dovecot-sqlite dovecot-auth-lua postfix postfix-sqlite";
const MASTER: &str = "/usr/lib/postfix/sbin/master";
const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// The group that may write in the lookup file's directory. Postfix's own, because a test makes no groups.
const GROUP: &str = "postfix";

/// No TLS on loopback, no delays after a wrong password, everything in the test's directory.
const DOVECOT_EXTRA: &str = "
ssl = no
base_dir = @PLACE@/run
state_dir = @PLACE@/run
log_path = @PLACE@/dovecot.log
auth_verbose = yes
auth_failure_delay = 0
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
";
const POSTFIX_EXTRA: &str = "
tls_of_submission = none
inet_protocols = ipv4
myhostname = mail.test.invalid
queue_directory = @PLACE@/queue
data_directory = @PLACE@/postfix
maillog_file = @PLACE@/postfix.log
maillog_file_prefixes = @PLACE@
";

/// The two servers, running.
#[derive(Debug)]
pub(crate) struct MailServers {
    // In this order: the servers end before their directory goes.
    postfix: Server,
    dovecot: Server,
    params: Params,
    place: TempDir,
}

/// The directory of a pair of servers that do not run yet.
#[derive(Debug)]
pub(crate) struct Place {
    directory: TempDir,
    /// Where doveadm is going to listen. Nobody answers there until then.
    doveadm: TcpListener,
}

impl Place {
    /// In memory, where that can be: what the disk is busy with is not what tests of mail are about.
    pub(crate) fn new() -> Self {
        assert!(
            Path::new("/usr/sbin/dovecot").exists() && Path::new(MASTER).exists(),
            "these tests run real mail servers: apt-get install --no-install-recommends {PACKAGES}"
        );
        let place = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        assert_eq!(
            std::os::unix::fs::MetadataExt::uid(&fs::metadata(place.path()).unwrap()),
            0,
            "Dovecot and Postfix are started as root: run these tests as root"
        );
        let doveadm = TcpListener::bind((LOOPBACK, 0)).unwrap();
        let this = Self { directory: place, doveadm };
        rights(this.directory.path(), 0o755);
        let ids = |database: &str, name: &str| {
            let output = Command::new("getent").args([database, name]).output().unwrap();
            let entry = String::from_utf8(output.stdout).unwrap();
            entry
                .split(':')
                .nth(2)
                .unwrap_or_else(|| panic!("no {database} {name}"))
                .parse()
                .unwrap()
        };
        // As docs/drivers.md says.
        for name in ["lookup", "mail", "etc/sql", "queue", "postfix", "run"] {
            fs::create_dir_all(this.path(name)).unwrap();
        }
        chown(this.path("lookup"), None, Some(ids("group", GROUP))).unwrap();
        rights(&this.path("lookup"), 0o2770);
        let (uid, gid) = MAIL_OWNER;
        chown(this.path("mail"), Some(uid), Some(gid)).unwrap();
        chown(this.path("postfix"), Some(ids("passwd", "postfix")), None).unwrap();
        // The end of the line is part of the key, to both sides.
        fs::write(this.doveadm().key_file, "a key for tests\n").unwrap();
        rights(&this.doveadm().key_file, 0o600);
        this
    }

    /// Where the mail network's file belongs.
    pub(crate) fn lookup(&self) -> PathBuf {
        self.path("lookup/mail.db")
    }

    /// Where open sessions are ended.
    pub(crate) fn doveadm(&self) -> Doveadm {
        let address = self.doveadm.local_addr().unwrap();
        let key_file = self.path("etc/doveadm.key");
        Doveadm { address, path: "/doveadm/v1".into(), key_file }
    }

    /// Starts the servers; answers when they listen.
    pub(crate) fn start(self) -> MailServers {
        let params = Params {
            group: GROUP.into(),
            mail_owner: MAIL_OWNER,
            listen: Some(LOOPBACK),
            ports: free_ports(),
            doveadm: Some(self.doveadm()),
            ..Params::new(self.lookup(), self.path("etc"), self.path("mail"))
        };
        self.write(config::dovecot(&params).unwrap(), "dovecot.conf", DOVECOT_EXTRA);
        self.write(config::postfix(&params).unwrap(), "main.cf", POSTFIX_EXTRA);
        let etc = self.path("etc");
        let check = Command::new("postfix").arg("-c").arg(&etc).arg("check").output().unwrap();
        assert!(check.status.success(), "{check:?}\n{}", logs(&self.directory));
        let conf = etc.join("dovecot.conf");
        let Self { directory: place, doveadm } = self;
        drop(doveadm);
        let dovecot = Server::start("dovecot", ["-F", "-c", conf.to_str().unwrap()], &place);
        let postfix = Server::start(MASTER, ["-d", "-c", etc.to_str().unwrap()], &place);
        let mut servers = MailServers { postfix, dovecot, params, place };
        servers.wait_until_ready();
        servers
    }

    fn write(&self, files: Vec<File>, extended: &str, extra: &str) {
        let extra = extra.replace("@PLACE@", self.directory.path().to_str().unwrap());
        for File { name, text, mode } in files {
            let path = self.path("etc").join(name);
            let text = if name == extended { with(&text, &extra) } else { text };
            fs::write(&path, text).unwrap();
            rights(&path, mode);
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

fn logs(place: &TempDir) -> String {
    let names = ["dovecot.log", "postfix.log", "output.log"];
    let read = |name: &str| fs::read_to_string(place.path().join(name)).unwrap_or_default();
    names.map(|name| format!("== {name}\n{}", read(name))).concat()
}

/// Whom the mail belongs to: nobody that this machine knows.
const MAIL_OWNER: (u32, u32) = (59_999, 59_999);

impl MailServers {
    /// An IMAP connection.
    pub(crate) fn imap(&self) -> Imap {
        Imap::connect(at(self.params.ports.imap))
    }

    /// A connection as another mail server makes it.
    pub(crate) fn smtp(&self) -> Smtp {
        Smtp::connect(at(self.params.ports.smtp))
    }

    /// A connection as a customer's mail program makes it.
    pub(crate) fn submission(&self) -> Smtp {
        Smtp::connect(at(self.params.ports.submission))
    }

    /// The texts of the mails in the inbox of who logs in with `password`.
    pub(crate) fn inbox(&self, user: &str, password: &str) -> Vec<String> {
        let mut imap = self.imap();
        imap.login(user, password).unwrap_or_else(|error| panic!("{user}: {error}"));
        imap.inbox()
    }

    /// Waits for `count` mails in an inbox; answers with their texts.
    #[track_caller]
    pub(crate) fn arrived(&self, user: &str, password: &str, count: usize) -> Vec<String> {
        eventually(&format!("{count} mails in the inbox of {user}"), || {
            let mails = self.inbox(user, password);
            assert!(mails.len() <= count, "more than {count}: {mails:#?}");
            (mails.len() == count).then_some(mails)
        })
    }

    fn wait_until_ready(&mut self) {
        let Ports { imap, lmtp, sasl, quota_status, smtp, submission, .. } = self.params.ports;
        let servers = [imap, lmtp, sasl, quota_status, smtp, submission].map(at);
        let doveadm = self.params.doveadm.as_ref().map(|doveadm| doveadm.address);
        for address in servers.into_iter().chain(doveadm) {
            eventually(&format!("a server at {address}"), || {
                self.dovecot.assert_runs(&self.place);
                self.postfix.assert_runs(&self.place);
                std::net::TcpStream::connect(address).ok()
            });
        }
    }
}

impl Drop for MailServers {
    fn drop(&mut self) {
        if std::thread::panicking() {
            use std::io::Write as _;
            let _ = writeln!(std::io::stderr(), "{}", logs(&self.place));
        }
    }
}

/// A server as a process group of its own. Killed when dropped.
#[derive(Debug)]
struct Server {
    server: Child,
    /// Reads from this process, and ends the server when that has ended: then there is nothing to read. (The kernel's
    /// own way, a signal at the parent's death, is lost when Postfix changes its user.)
    guard: Child,
}

impl Server {
    fn start<'a>(program: &str, args: impl IntoIterator<Item = &'a str>, place: &TempDir) -> Self {
        let log =
            fs::File::options().create(true).append(true).open(place.path().join("output.log"));
        let log = log.unwrap();
        let mut server = Command::new(program);
        server.args(args).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let server = server.process_group(0).spawn().unwrap();
        let mut guard = Command::new("sh");
        guard.args(["-c", "read -r _; kill -TERM $0", &server.id().to_string()]);
        let guard = guard.stdin(Stdio::piped()).process_group(0).spawn().unwrap();
        Self { server, guard }
    }

    fn assert_runs(&mut self, place: &TempDir) {
        let ended = self.server.try_wait().unwrap();
        assert!(ended.is_none(), "a mail server has ended: {ended:?}\n{}", logs(place));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Each of the two is a master process that ends its others.
        drop(self.guard.stdin.take());
        let _ = (self.guard.wait(), self.server.wait());
    }
}

fn at(port: u16) -> SocketAddr {
    SocketAddr::new(LOOPBACK, port)
}

/// `text` with the settings of `extra` in the place of its own.
fn with(text: &str, extra: &str) -> String {
    let name = |line: &str| line.split_once(" = ").map(|(name, _)| name.to_owned());
    let replaced: Vec<_> = extra.lines().filter_map(name).collect();
    let kept = text.lines().filter(|line| name(line).is_none_or(|name| !replaced.contains(&name)));
    kept.chain(extra.lines()).flat_map(|line| [line, "\n"]).collect()
}

fn rights(path: &Path, mode: u32) {
    fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

/// Ports that nobody has, all different.
fn free_ports() -> Ports {
    let held: Vec<TcpListener> =
        (0..7).map(|_| TcpListener::bind((LOOPBACK, 0)).unwrap()).collect();
    let port = |at: usize| held[at].local_addr().unwrap().port();
    Ports {
        imap: port(0),
        imaps: port(1),
        lmtp: port(2),
        sasl: port(3),
        quota_status: port(4),
        smtp: port(5),
        submission: port(6),
    }
}
