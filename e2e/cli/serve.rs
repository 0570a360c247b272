//! `provisor serve`: how it starts, what it refuses to start on, how it stops, and what watches it.

use std::time::Duration;

use serde_json::json;

use crate::rig::*;

/// How long a stop may take (contract, section 4).
const STOP_WITHIN: Duration = Duration::from_secs(10);

#[test]
fn health_and_readiness_need_no_credentials() {
    let world = World::new();
    let server = world.serve();
    let mut http = server.client();
    assert_eq!(http.get("/healthz").status, 200);
    // It listens a moment before what carries tickets out has started.
    eventually("the server to be ready", || (http.get("/readyz").status == 200).then_some(()));
}

#[test]
fn a_port_that_is_taken_is_told_plainly() {
    let world = World::new();
    let server = world.serve();
    let other = World::new();
    let taken = server.address.to_string();
    let ran = other.cli(&["serve", "--listen", &taken]).failed();
    assert!(ran.stderr.contains(&taken), "{ran:?}");
}

#[test]
fn a_second_server_on_one_database_is_refused_and_the_first_goes_on() {
    let world = World::new();
    let server = world.serve();
    let second = world.cli(&["serve", "--listen", "127.0.0.1:0"]).failed();
    assert!(second.stderr.contains("provisor.db"), "it names the database: {second:?}");
    assert!(second.stderr.contains("another") || second.stderr.contains("already"), "{second:?}");
    Caller::alice(&server).connect(SIM_1);
}

#[test]
fn a_database_that_is_none_is_told_plainly() {
    let world = World::empty();
    world.file("provisor.db", "this is not a database, but it is long enough to be read as one");
    let ran = world.cli(&["serve", "--listen", "127.0.0.1:0"]).failed();
    assert!(ran.stderr.contains("provisor.db"), "{ran:?}");
    let nowhere = format!("sqlite://{}/no/such/dir/x.db", world.dir().display());
    let ran = run(world.dir(), &["serve", "--listen", "127.0.0.1:0", "--database", &nowhere]);
    assert!(ran.failed().stderr.contains("no/such/dir"), "the path is named");
}

#[test]
fn sigterm_ends_it_with_0_while_tickets_are_running() {
    let slow = "driver = \"simulated\"\nlatency_ms = 400\nnumber_range";
    let world = World::with(&BASE.replacen("driver = \"simulated\"\nnumber_range", slow, 1));
    let mut server = world.serve();
    let mut alice = Caller::alice(&server);
    let sims = [SIM_1, SIM_2, SIM_3, SIM_OWN_NUMBER];
    let ids = sims.map(|sim| alice.call("connectService", connect(sim)).ticket());
    let (status, took) = server.terminate(STOP_WITHIN);
    assert_eq!(status.code(), Some(0), "after {took:?}: {}", server.output().stderr());
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    for id in ids {
        assert_eq!(alice.ended(&id)["status"], "Completed");
    }
}

#[test]
fn sigterm_does_not_wait_for_a_network_that_is_down_or_for_idle_clients() {
    let world = World::new();
    let mut server = world.serve();
    let mut alice = Caller::alice(&server);
    alice.call("disconnectService", json!({"service": {"code": SERVICE_STUCK}})).ticket();
    let (status, took) = server.terminate(STOP_WITHIN);
    assert_eq!(status.code(), Some(0), "after {took:?}");
}

#[test]
fn metrics_are_on_a_listener_of_their_own() {
    let world = World::new();
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    alice.connect(SIM_1);
    alice.call("disconnectService", json!({"service": {"code": SERVICE_STUCK}})).ticket();
    let mut watcher = Client::new(server.metrics());
    let waits = "provisor_tickets_open{network=\"DOWN\",kind=\"disconnect\",state=\"pending\"} 1";
    // A ticket is running for the moment of its first attempt.
    let metrics = eventually("the open ticket to be counted", || {
        let metrics = watcher.get("/metrics");
        assert_eq!(metrics.status, 200);
        metrics.body.contains(waits).then_some(metrics)
    });
    for sample in [
        "provisor_http_requests_total{route=\"connectService\"",
        "provisor_http_request_seconds_bucket{le=\"",
        "provisor_oldest_open_ticket_seconds{network=\"DOWN\"",
        "provisor_attempts_total{network=\"AS\",kind=\"connect\",outcome=\"completed\"} 1",
        "provisor_driver_seconds_count{network=\"AS\"",
        "provisor_store_seconds_count{",
    ] {
        assert!(metrics.body.contains(sample), "no {sample} in:\n{}", metrics.body);
    }
    for line in metrics.body.lines().filter(|line| !line.starts_with('#')) {
        let value = line.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok());
        assert!(value.is_some(), "not a sample: {line}");
    }
    assert_eq!(server.client().get("/metrics").status, 404, "not where callers are");
}

#[test]
fn a_request_id_is_answered_and_one_that_is_sent_is_kept() {
    let world = World::new();
    let server = world.serve();
    let mut http = server.client();
    let own = http.post("/v1/getContracts", "{}");
    assert!(own.header("x-request-id").is_some_and(|id| !id.is_empty()), "{own:?}");
    let sent = http.post_with("/v1/getContracts", &[("X-Request-Id", "abc-123")], "{}");
    assert_eq!(sent.header("x-request-id"), Some("abc-123"));
}

#[test]
fn the_demo_says_where_it_listens_and_what_to_try() {
    let world = World::empty();
    let mut demo = command(PROVISOR, world.dir());
    let server = Server::start(demo.args(["demo", "--listen", "127.0.0.1:0"]), world.dir());
    let said = eventually("something to try", || {
        let output = server.output();
        let said = format!("{}{}", output.stdout(), output.stderr());
        said.contains("Ctrl-C").then_some(said)
    });
    // Each printed call, as it stands, is answered; the last one asks for the ticket that the one before has raised.
    let calls: Vec<_> = said.split("curl -d '").skip(1).collect();
    assert!(calls.len() >= 3, "{said}");
    for call in calls {
        let (body, rest) = call.split_once('\'').expect("a closing quote");
        let (_, url) = rest.split_once("http://").expect("a URL");
        let (address, path) = url.split_once('/').expect("a path");
        assert_eq!(address, server.address.to_string());
        let path = path.split_whitespace().next().unwrap_or_default();
        let answer = server.client().post(&format!("/{path}"), body);
        assert_eq!(answer.code(), "ok", "{call}: {answer:?}");
    }
    let left: Vec<_> = std::fs::read_dir(world.dir()).expect("the directory").collect();
    assert_eq!(left.len(), 2, "a demo leaves nothing where it was started: {left:?}");
}

#[test]
fn settings_come_from_file_environment_and_flags_the_later_winning() {
    let world = World::new();
    // Whatever wins is free; what does not is taken by this server.
    let blocker = world.serve();
    let taken = blocker.address.to_string();
    let other = World::new();
    other.file("provisor.toml", &format!("listen = \"{taken}\"\n"));
    let url = other.database_url();
    let start = |args: &[&str], env: &[(&str, &str)]| {
        let mut serve = command(PROVISOR, other.dir());
        serve.args(["serve", "--database", &url]).args(args).envs(env.iter().copied());
        Server::try_start(&mut serve, other.dir()).is_ok()
    };
    assert!(!start(&[], &[]), "the file's address is taken");
    assert!(
        start(&[], &[("PROVISOR_LISTEN", "127.0.0.1:0")]),
        "the environment wins over the file"
    );
    let env = [("PROVISOR_LISTEN", taken.as_str())];
    assert!(!start(&[], &env) && start(&["--listen", "127.0.0.1:0"], &env), "flags win over both");
}
