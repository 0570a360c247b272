//! A network that is driven over HTTP, from the CCC call to the element and back: by answer and by callback.

use std::fs;
use std::time::Duration;

use serde_json::json;
use tokio::runtime::Runtime;

use crate::element::{Element, Mode};
use crate::rig::*;

/// In a header of every request to the element.
const SECRET: &str = "element-canary-7Qx2mB";

/// An element and the runtime that it lives on.
pub(crate) struct Peer {
    pub(crate) element: Element,
    _runtime: Runtime,
}

impl Peer {
    pub(crate) fn start() -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let element = runtime.block_on(Element::start());
        Self { element, _runtime: runtime }
    }

    /// The tokens of the commands that it got since the last call.
    fn tokens(&self) -> Vec<String> {
        let seen = self.element.seen();
        let urls = seen.iter().filter_map(|seen| seen.body["report_to"].as_str());
        urls.map(|url| url.rsplit_once("/callbacks/").expect("a callback").1.to_owned()).collect()
    }
}

/// [`BASE`] with the network `AS` at `peer`; `callback`: under which it reports.
fn catalogue(peer: &Peer, callback: Option<&str>) -> String {
    let address = peer.element.address;
    let (answer, table) = match callback {
        None => (String::new(), String::new()),
        Some(url) => (
            "answer = \"callback\"\njson.report_to = \"{callback}\"".to_owned(),
            format!(
                "[network.callback]\nurl = \"{url}\"\n\
                 rules = [{{ at = \"/result\", in = [\"ok\"], is = \"success\" }}, {{ at = \"/result\", is = \"refused\", say = \"the element did not do it\" }}]"
            ),
        ),
    };
    let network = format!(
        r#"
[[network]]
code = "AS"
driver = "http"
number_range = ["07700900000", "07700900999"]
url = "http://{address}"
allow_networks = ["127.0.0.0/8"]
in_flight = 1
look_after_s = 1
headers.Authorization = {{ file = "element.key", prefix = "Bearer " }}
absent = {{ method = "DELETE", path = "/subs/{{iccid}}" }}

[network.query]
path = "/subs/{{iccid}}"
absent = [{{ status = [404] }}]
suspended = [{{ at = "/suspended", in = [true] }}]
msisdn = "/msisdn"
tariff = "/tariff"

[network.present]
method = "PUT"
path = "/subs/{{iccid}}"
json.msisdn = "{{msisdn}}"
json.tariff = "{{tariff}}"
json.suspended = "{{suspended}}"
{answer}

{table}
"#
    );
    let simulated = "[[network]]\ncode = \"AS\"\ndriver = \"simulated\"\nnumber_range = [\"07700900000\", \"07700900999\"]\n";
    assert!(BASE.contains(simulated), "the base has another network AS");
    BASE.replacen(simulated, &network, 1)
}

fn world(peer: &Peer) -> World {
    world_on(Kind::chosen(), peer)
}

/// A world on this kind of database, whose network `AS` is at `peer`.
pub(crate) fn world_on(kind: Kind, peer: &Peer) -> World {
    let world = World::on(kind, &catalogue(peer, None));
    world.file("element.key", &format!("{SECRET}\n"));
    world.file(OUTAGE_FILE, "");
    world
}

/// Connects, bars, unbars and disconnects, and looks each time at what the element has and what a query shows.
fn life_of_a_service(alice: &mut Caller, element: &Element) {
    let service = alice.connect(SIM_1);
    let found = element.subscriber(SIM_1).expect("it is connected");
    let number = found["msisdn"].as_str().expect("a number of the range").to_owned();
    assert_eq!(found, json!({"msisdn": number, "tariff": "TEASEU1000MB", "suspended": false}));
    assert_eq!(alice.nina(SIM_1)["status_code"], "A");
    // What is shown is what the element says, not what the books say.
    element.put(SIM_1, json!({"msisdn": number, "tariff": "TEASEU1000MB", "suspended": true}));
    assert_eq!(alice.nina(SIM_1)["status_code"], "B");

    let bar = json!({"service": {"code": service}, "barCode": "AS_SUS_MSISDN"});
    alice.done("addBar", bar.clone());
    assert_eq!(element.subscriber(SIM_1).expect("it is there")["suspended"], true);
    assert_eq!(alice.nina(SIM_1)["status_code"], "B");
    alice.done("removeBar", bar);
    assert_eq!(alice.nina(SIM_1)["status_code"], "A");

    alice.done("disconnectService", json!({"service": {"code": service}}));
    assert_eq!(element.subscriber(SIM_1), None);
}

#[test]
fn a_service_lives_at_an_element_behind_http_and_the_secret_is_nowhere_else() {
    let peer = Peer::start();
    let world = world(&peer);
    let mut serve = world.serve_command();
    serve.env("PROVISOR_LOG", "trace");
    let mut server = Server::start(&mut serve, world.dir());
    let mut alice = Caller::alice(&server);
    life_of_a_service(&mut alice, &peer.element);
    let seen = peer.element.seen();
    let sent = format!("Bearer {SECRET}");
    assert!(seen.len() > 8 && seen.iter().all(|seen| seen.headers["authorization"] == sent));

    // An element that says no, in words that are not for everybody.
    let no = json!({"error": format!("duplicate {SECRET}")}).to_string();
    peer.element.set(Mode::Answers(409, &[], no));
    let id = alice.call("connectService", connect(SIM_2)).ticket();
    assert_eq!(alice.ended(&id)["status"], "Failed");

    let mut shown = vec![Client::new(server.metrics()).get("/metrics").body];
    for args in [&["ticket", "show", &id][..], &["ticket", "list", "--json"]] {
        let ran = world.cli(args).succeeded();
        shown.push(format!("{}{}", ran.stdout, ran.stderr));
    }
    assert!(shown[1].contains("present: HTTP status 409"), "{}", shown[1]);
    server.terminate(Duration::from_secs(10));
    let logged = format!("{}{}", server.output().stdout(), server.output().stderr());
    assert!(logged.lines().count() > 10, "it logs something: {logged}");
    shown.push(logged);
    fs::remove_file(world.dir().join("element.key")).expect("it holds the secret");
    for entry in fs::read_dir(world.dir()).expect("the directory") {
        let content = fs::read(entry.expect("an entry").path()).expect("a file");
        shown.push(String::from_utf8_lossy(&content).into_owned());
    }
    assert!(shown.iter().all(|shown| !shown.contains(SECRET)), "the secret is somewhere");
}

/// A world that serves, and whose network reports to it.
fn reporting(peer: &Peer) -> (World, Server, Caller) {
    let world = world(peer);
    let server = world.serve();
    world.apply(&catalogue(peer, Some(&format!("http://{}", server.address))));
    let mut alice = Caller::alice(&server);
    // The running server notices: an order goes out with an address to report to.
    eventually("the server to see the new catalogue", || {
        alice.connect(SIM_3);
        let sent = peer.tokens();
        alice.done("disconnectService", json!({"service": {"sim": SIM_3}}));
        (!sent.is_empty()).then_some(())
    });
    (world, server, alice)
}

#[test]
fn a_service_lives_at_an_element_that_reports_by_callback() {
    let peer = Peer::start();
    let (world, _server, mut alice) = reporting(&peer);
    life_of_a_service(&mut alice, &peer.element);

    peer.element.set(Mode::ReportsNo);
    let id = alice.call("connectService", connect(SIM_2)).ticket();
    assert_eq!(alice.ended(&id)["status"], "Failed");
    let shown = world.cli(&["ticket", "show", &id]).succeeded().stdout;
    assert!(shown.contains("the element did not do it") && !shown.contains("Ki="), "{shown}");
}

#[test]
fn a_network_that_is_silent_holds_nobody_up_and_is_asked() {
    let peer = Peer::start();
    let (world, _server, mut alice) = reporting(&peer);
    peer.element.set(Mode::TakesInSilence);
    let first = alice.call("connectService", connect(SIM_1)).ticket();
    let second = alice.call("connectService", connect(SIM_2)).ticket();
    // One command may be under way at once: waiting for a report is none.
    let mut sent = Vec::new();
    eventually("both commands to be taken", || {
        let seen = peer.element.seen().into_iter().filter(|seen| seen.line.starts_with("PUT"));
        sent.extend(seen);
        (sent.len() == 2).then_some(())
    });
    eventually("the first one to wait", || {
        let shown = world.cli(&["ticket", "show", &first]).succeeded().stdout;
        shown.contains("what comes of it is waited for").then_some(())
    });
    // It was done without a word: the next look finds it.
    for (sim, seen) in [SIM_1, SIM_2].into_iter().zip(&sent) {
        assert!(seen.line.ends_with(sim), "{}", seen.line);
        let mut body = seen.body.clone();
        body.as_object_mut().expect("an object").remove("report_to");
        peer.element.put(sim, body);
    }
    for id in [first, second] {
        assert_eq!(alice.ended(&id)["status"], "Completed");
    }
    assert!(peer.tokens().is_empty(), "nothing was sent again");
}

#[test]
fn only_a_token_that_is_waited_for_changes_anything() {
    let peer = Peer::start();
    let (world, server, mut alice) = reporting(&peer);
    let (ok, no) = (r#"{"result":"ok"}"#, r#"{"result":"failed"}"#);
    let mut client = server.client();
    let mut report = |token: &str, body: &str| client.post(&format!("/callbacks/{token}"), body);

    peer.element.set(Mode::TakesInSilence);
    let id = alice.call("connectService", connect(SIM_1)).ticket();
    let token = eventually("the command to be taken", || peer.tokens().pop());
    let (ticket, rest) = token.split_once('.').expect("it begins with the ticket");
    assert_eq!(ticket, id);
    let mut forged = token.clone();
    let last = if forged.pop() == Some('0') { '1' } else { '0' };
    forged.push(last);
    for forged in
        [&*forged, "1", &format!("{}.{rest}", ticket.parse::<i64>().expect("a number") + 1)]
    {
        assert_eq!(report(forged, no).status, 404, "{forged}");
    }
    assert_eq!(report(&token, "{}").status, 422);
    assert_eq!(report(&token, &"x".repeat(70_000)).status, 413);
    assert_eq!(server.client().get(&format!("/callbacks/{token}")).status, 405);
    assert_eq!(alice.ticket(&id)["status"], "Processing");

    // The real one, which the element then repeats, and contradicts.
    assert_eq!(report(&token, no).status, 204);
    assert_eq!(report(&token, ok).status, 204);
    let ended = alice.ended(&id);
    assert_eq!(ended["status"], "Failed");
    assert_eq!(report(&token, ok).status, 204);
    assert_eq!(alice.ticket(&id), ended);
    let figures = Client::new(server.metrics()).get("/metrics").body;
    for (outcome, least) in [("taken", 1), ("too_late", 2), ("not_ours", 3), ("unreadable", 1)] {
        let line = format!("provisor_reports_total{{outcome=\"{outcome}\"}} ");
        let found = figures.lines().find_map(|figure| figure.strip_prefix(&line));
        let count: u64 = found.and_then(|count| count.parse().ok()).expect("it is counted");
        assert!(count >= least, "{outcome}: {count}");
    }
    let output = format!("{}{}", server.output().stdout(), server.output().stderr());
    assert!(!output.contains(&token), "a token was logged");
    drop(world);
}
