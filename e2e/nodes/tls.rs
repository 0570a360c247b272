//! Encrypted connections to the database: `sslmode` and what goes with it, as libpq has them. Who may come how is the
//! server's to say: each user of the test may come in one way only, so that whoever was let in came that way.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use crate::rig::*;

const PASSWORD: &str = "database-canary-9Lw4c";

/// `sealed` comes encrypted, `clear` does not, `badge` shows a certificate, `secret` gives a password, encrypted or not.
const WHO_COMES_HOW: &str = "\
local all all trust
hostssl all sealed 127.0.0.0/8 trust
hostnossl all clear 127.0.0.0/8 trust
hostssl all badge 127.0.0.0/8 cert
host all secret 127.0.0.0/8 scram-sha-256
";

/// A server with a certificate, and a world whose database it has.
struct Stage {
    cluster: Cluster,
    ours: Certificates,
    theirs: Certificates,
    world: World,
}

impl Stage {
    fn new() -> Self {
        let mut cluster = Cluster::new(&["log_connections=on"]);
        let ours = Certificates::new(cluster.dir(), "ours");
        let theirs = Certificates::new(cluster.dir(), "theirs");
        let (certificate, key) = ours.of_server("server", cluster.host());
        for (from, to) in
            [(certificate, "server.crt"), (key, "server.key"), (ours.root(), "root.crt")]
        {
            let to = cluster.data().join(to);
            fs::copy(from, &to).expect("a copy");
            fs::set_permissions(&to, PermissionsExt::from_mode(0o600)).expect("its rights");
            give(&to);
        }
        fs::write(cluster.data().join("pg_hba.conf"), WHO_COMES_HOW).expect("the server's file");
        for user in ["sealed", "clear", "badge"] {
            cluster.run(&format!("CREATE ROLE {user} SUPERUSER LOGIN"));
        }
        cluster.run(&format!("CREATE ROLE secret SUPERUSER LOGIN PASSWORD '{PASSWORD}'"));
        cluster.run("CREATE DATABASE provisor");
        cluster.run("ALTER SYSTEM SET ssl = on;\nALTER SYSTEM SET ssl_ca_file = 'root.crt'");
        cluster.stop(Stop::Fast);
        cluster.start();
        let inside = cluster.inside("provisor");
        let world = World::at(&inside, BASE);
        Self { cluster, ours, theirs, world }
    }

    fn url(&self, user: &str, parameters: &str) -> String {
        format!("postgres://{user}@{}:5432/provisor?{parameters}", self.cluster.host())
    }

    /// Runs a command on the database at `url`.
    fn run(&self, url: &str) -> Result<(), String> {
        let ran = run(self.world.dir(), &["ticket", "list", "--database", url]);
        if ran.code == Some(0) { Ok(()) } else { Err(ran.failed().stderr) }
    }

    /// Asserts that `user` is let in exactly with these of the modes.
    fn lets_in(&self, user: &str, modes: &[&str]) {
        for mode in ["disable", "allow", "prefer", "require"] {
            let came = self.run(&self.url(user, &format!("sslmode={mode}")));
            assert_eq!(came.is_ok(), modes.contains(&mode), "{user} with {mode}: {came:?}");
            if let Err(why) = came {
                assert!(
                    why.contains("the database cannot be reached: no pg_hba.conf entry"),
                    "{why}"
                );
            }
        }
    }
}

fn roots(file: &Path) -> String {
    format!("sslrootcert={}", file.display().to_string().replace('/', "%2F"))
}

#[test]
fn each_mode_is_encrypted_as_libpq_has_it() {
    let stage = Stage::new();
    stage.lets_in("clear", &["disable", "allow", "prefer"]);
    stage.lets_in("sealed", &["allow", "prefer", "require"]);
    // What nobody names is `prefer`.
    assert_eq!(stage.run(&stage.url("sealed", "")), Ok(()));
    assert_eq!(stage.run(&stage.url("clear", "")), Ok(()));
}

#[test]
fn who_prefers_to_encrypt_comes_in_the_clear_where_that_fails() {
    let mut stage = Stage::new();
    stage.cluster.run(
        "ALTER SYSTEM SET ssl_min_protocol_version = 'TLSv1';\nALTER SYSTEM SET ssl_max_protocol_version = 'TLSv1.1'",
    );
    stage.cluster.stop(Stop::Fast);
    stage.cluster.start();
    assert_eq!(stage.run(&stage.url("clear", "sslmode=prefer")), Ok(()));
    let why = stage.run(&stage.url("sealed", "sslmode=require")).unwrap_err();
    assert!(why.contains("TLS handshake"), "{why}");
}

#[test]
fn a_certificate_of_somebody_else_or_for_another_name_is_refused() {
    let stage = Stage::new();
    let (ours, theirs) = (roots(&stage.ours.root()), roots(&stage.theirs.root()));
    let at = |mode: &str, roots: &str| {
        stage.run(&stage.url("sealed", &format!("sslmode={mode}&{roots}")))
    };
    // Roots are believed with `require` too.
    for mode in ["require", "verify-ca", "verify-full"] {
        assert_eq!(at(mode, &ours), Ok(()), "{mode}");
        let why = at(mode, &theirs).unwrap_err();
        assert!(why.contains("UnknownIssuer"), "{mode}: {why}");
    }
    let elsewhere = |mode: &str| {
        let host = stage.cluster.host();
        stage.run(&format!(
            "postgres://sealed@db.example:5432/provisor?hostaddr={host}&sslmode={mode}&{ours}"
        ))
    };
    assert_eq!(elsewhere("verify-ca"), Ok(()), "it does not look at the name");
    let why = elsewhere("verify-full").unwrap_err();
    assert!(why.contains("db.example") && why.contains("certificate not valid for name"), "{why}");
}

#[test]
fn a_node_shows_its_own_certificate() {
    let stage = Stage::new();
    let file = |path: &Path| path.display().to_string().replace('/', "%2F");
    let (certificate, key) = stage.ours.of_client("badge");
    let with = format!("sslmode=require&sslcert={}&sslkey={}", file(&certificate), file(&key));
    assert_eq!(stage.run(&stage.url("badge", &with)), Ok(()));
    let why = stage.run(&stage.url("badge", "sslmode=require")).unwrap_err();
    assert!(why.contains("requires a valid client certificate"), "{why}");
    let (certificate, key) = stage.theirs.of_client("stranger");
    let with = format!("sslmode=require&sslcert={}&sslkey={}", file(&certificate), file(&key));
    stage.run(&stage.url("badge", &with)).unwrap_err();
}

#[test]
fn the_password_of_the_database_is_shown_nowhere() {
    let stage = Stage::new();
    let host = stage.cluster.host();
    let url = format!("postgres://secret:{PASSWORD}@{host}:5432/provisor?sslmode=require");
    let mut seen = Vec::new();
    let mut take = |ran: Ran| seen.push(format!("{}{}", ran.stdout, ran.stderr));
    for (url, args) in [
        (url.clone(), &["config", "check"][..]),
        (url.clone(), &["config", "check", "--json"]),
        (url.clone(), &["ticket", "list"]),
        // A password that is wrong, a server that is not there, an address that cannot be read.
        (url.replace("secret:", "sealed:"), &["ticket", "list"]),
        (url.replace("secret:", "nobody:"), &["ticket", "list"]),
        (url.replace(":5432", ":1"), &["ticket", "list"]),
        (url.replace(":5432", ":port"), &["ticket", "list"]),
        (url.replace("=require", "=perhaps"), &["ticket", "list"]),
        (
            format!("postgres://{host}/provisor?password={PASSWORD}&user=secret"),
            &["config", "check"],
        ),
    ] {
        take(run(stage.world.dir(), &[args, &["--database", &url]].concat()));
    }
    let mut serve = command(PROVISOR, stage.world.dir());
    serve.args(["serve", "--listen", "127.0.0.1:0"]).env("PROVISOR_DATABASE", &url);
    serve.env("PROVISOR_LOG", "trace");
    let mut server = Server::start(&mut serve, stage.world.dir());
    let mut alice = Caller::alice(&server);
    alice.connect(SIM_1);
    seen.push(Client::new(server.metrics()).get("/metrics").body);
    server.terminate(Duration::from_secs(10));
    let output = server.output();
    seen.push(format!("{}{}", output.stdout(), output.stderr()));
    let seen = seen.join("\n");
    assert!(seen.contains("postgres://secret:***@") && seen.contains("serving"), "{seen}");
    assert!(!seen.contains(PASSWORD), "the password is shown");
    let log = stage.cluster.log();
    assert!(log.contains("user=secret") && log.contains("SSL enabled"), "{log}");
}
