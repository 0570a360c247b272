use super::*;
use serde_json::json;

fn parse(value: &Value) -> Result<Settings, String> {
    Settings::from_json(value.as_object().unwrap())
}

/// The least that a network needs, with `changes` in place of its keys (`null` takes one away).
fn network(changes: &Value) -> Value {
    let mut network = json!({
        "url": "https://hss.example.net/api/",
        "query": { "path": "/subs/{iccid}", "absent": [{ "status": [404] }], "suspended": [{ "at": "/s" }],
                   "take": { "id": "/id" } },
        "present": { "method": "PUT", "path": "/subs/{iccid}", "json": { "n": "{msisdn}" } },
        "absent": { "method": "DELETE", "path": "/subs/{iccid}" },
    });
    for (key, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(network.as_object_mut().unwrap().remove(key)),
            value => network[key] = value.clone(),
        }
    }
    network
}

#[test]
fn what_is_left_out_has_a_default() {
    let settings = parse(&network(&json!({}))).unwrap();
    assert_eq!(settings.peer, Peer { tls: true, host: "hss.example.net".into(), port: 443 });
    assert_eq!(
        (&*settings.base.path, settings.base.host.as_bytes()),
        ("/api", &b"hss.example.net"[..])
    );
    assert_eq!((settings.in_flight, settings.rate_per_second), (16, None));
    assert_eq!(settings.deadline, Duration::from_secs(COMMAND_SECONDS_MAX));
    assert_eq!(settings.request_timeout, Duration::from_millis(REQUEST_MILLIS));
    assert!(parse(&network(&json!({ "query": null }))).is_ok());
}

#[test]
fn every_key_is_known_and_read() {
    let one = json!({ "method": "PATCH", "path": "/subs/{id}", "json": { "s": "{suspended}" } });
    let taken = json!([
        { "method": "GET", "path": "/auc/{iccid}", "take": { "auc": "/auc_id" } },
        { "method": "POST", "path": "/subs", "json": { "auc": "{auc:number}", "k": "{key}{ticket}{epoch}" } },
    ]);
    let all = network(&json!({
        "allow_networks": ["10.0.0.0/8"], "ca_file": "ca.pem", "headers": { "Accept": "text/xml" },
        "in_flight": 4, "rate_per_second": 50, "deadline_ms": 3000, "request_timeout_ms": 900,
        "codes": { "tariff": { "EU": "12" } }, "rules": [{ "status": [404], "is": "later" }],
        "present": null, "create": taken, "update": one, "suspend": one, "resume": one,
        "look_after_s": 5, "give_up_after_s": 60,
        "callback": { "url": "http://provisor.example.net/", "rules": [{ "at": "/ok", "is": "success" }] },
    }));
    assert_eq!(all.as_object().unwrap().len() + 1, KEYS.len(), "all of them but `present`");
    let settings = parse(&all).unwrap().placed(Path::new("/var/lib/provisor"));
    assert_eq!(settings.ca_file, Some("/var/lib/provisor/ca.pem".into()));
    assert_eq!(settings.acts[&Act::Create].len(), 2);
    assert_eq!(settings.callback.unwrap().url, "http://provisor.example.net");
    assert_eq!(settings.look_after, Duration::from_secs(5));
    assert_eq!(settings.give_up_after, Duration::from_mins(1));
    assert_eq!(settings.codes.theirs("tariff", "EU"), Ok("12".to_owned()));
    assert_eq!(settings.codes.ours("tariff", "12".into()), "EU");
    assert!(settings.codes.theirs("tariff", "US").is_err());
    assert_eq!(settings.codes.theirs("apns", "internet"), Ok("internet".to_owned()));
}

#[test]
fn a_url_is_a_scheme_a_host_and_a_path() {
    for (url, host, port) in [
        ("http://hss.example.net", "hss.example.net", 80),
        ("https://hss.example.net:8443/a/b", "hss.example.net", 8443),
        ("http://8.8.8.8:81/", "8.8.8.8", 81),
        ("http://[2a00::1]:82/x", "[2a00::1]", 82),
    ] {
        let peer = parse(&network(&json!({ "url": url }))).unwrap().peer;
        assert_eq!((&*peer.host, peer.port), (host, port), "{url}");
    }
    for url in [
        "ftp://hss.example.net",
        "file:///etc/passwd",
        "hss.example.net",
        "//hss.example.net",
        "http://user:word@hss.example.net/",
        "http://hss.example.net/?x",
        "http://hss.example.net/#x",
        "http://hss.example.net:0/",
        "http://hss.example.net:65536/",
        "http://hss.example.net:/",
        "http://",
    ] {
        let error = parse(&network(&json!({ "url": url }))).unwrap_err();
        assert!(error.contains("`url` must be http:// or https://, a host"), "{url}: {error}");
    }
    for url in [
        "http://127.0.0.1",
        "https://10.1.2.3/",
        "http://[::1]/",
        "http://[::ffff:10.1.2.3]/",
        "http://169.254.169.254/latest",
    ] {
        let error = parse(&network(&json!({ "url": url }))).unwrap_err();
        assert!(error.contains("name its network in `allow_networks`"), "{url}: {error}");
    }
    let allowed = json!({ "url": "http://10.1.2.3", "allow_networks": ["10.1.0.0/16"] });
    assert!(parse(&network(&allowed)).is_ok());
}

/// A request with `more` in its table.
fn put(more: &Value) -> Value {
    let mut put = json!({ "method": "PUT", "path": "/s/{iccid}" });
    for (key, value) in more.as_object().unwrap() {
        put[key] = value.clone();
    }
    put
}

#[track_caller]
fn is_refused(changes: &Value, message: &str) {
    let error = parse(&network(changes)).unwrap_err();
    assert!(error.contains(message), "{changes}: {error}");
}

#[test]
fn a_bad_setting_is_named_together_with_what_would_be_right() {
    for (changes, message) in [
        (json!({ "urls": "x" }), "unknown setting `urls`; the known ones are: url, allow_networks"),
        (json!({ "url": null }), "the network needs `url`"),
        (json!({ "allow_networks": ["10.0.0.1/33"] }), "`allow_networks` must be a list of"),
        (json!({ "in_flight": 0 }), "`in_flight` must be a whole number from 1 to 10000"),
        (json!({ "deadline_ms": 5001 }), "`deadline_ms` must be a whole number from 1 to 5000"),
        (json!({ "deadline_ms": 1000 }), "a `request_timeout_ms` that is not above its `deadline"),
        (json!({ "give_up_after_s": 0 }), "`give_up_after_s` must be a whole number from 1 to"),
        (json!({ "codes": { "cli": {} } }), "unknown setting `codes.cli`"),
        (json!({ "codes": { "apns": { "a": "1", "b": "1" } } }), "`codes.apns` must be a table of"),
        (json!({ "query": { "path": "/{iccid}" } }), "`query` needs `absent`: how it is seen"),
        (
            json!({ "query": { "path": "/{ticket}", "absent": [{ "status": [404] }] } }),
            "`query.path` has {ticket}, which is not known there",
        ),
        (
            json!({ "query": { "path": "/x", "absent": [{ "at": "" }], "active": [{ "at": "/a" }] } }),
            "needs `suspended`, because it has `active`",
        ),
        (json!({ "absent": null }), "the network needs `absent`: how a SIM is taken away"),
        (json!({ "present": null }), "the network needs `present`, or both `create` and `update`"),
        (json!({ "suspend": put(&json!({})) }), "needs both `suspend` and `resume`, or none"),
        (
            json!({ "create": put(&json!({})), "update": put(&json!({})) }),
            "needs no `present`, as it has both",
        ),
        (
            json!({ "query": null, "create": put(&json!({})) }),
            "needs `query`, because it has `create`",
        ),
        (
            json!({ "absent": put(&json!({ "path": "/{msisdn}" })) }),
            "`absent.path` has {msisdn}, which is not known there",
        ),
    ] {
        is_refused(&changes, message);
    }
}

#[test]
fn a_bad_request_is_named_together_with_what_would_be_right() {
    is_refused(&json!({ "present": "x" }), "`present` must be a list of 1 to 64 tables");
    is_refused(&json!({ "present": { "path": "/x" } }), "setting `present` needs `method`");
    is_refused(&json!({ "present": { "method": "PUT" } }), "setting `present` needs `path`");
    for (more, message) in [
        (json!({ "method": "HEAD" }), "`present.method` must be GET, POST, PUT, PATCH or DELETE"),
        (json!({ "path": "x" }), "`present.path` must be a path from the base on"),
        (json!({ "path": "/a b" }), "`present.path` must be a path from the base on"),
        (json!({ "path": "/a#b" }), "`present.path` must be a path from the base on"),
        (json!({ "path": "/{cli}" }), "`present.path` has {cli}, which is not known there"),
        (json!({ "path": "/{id}" }), "`present.path` has {id}, which is not known there"),
        (json!({ "json": ["{x}"] }), "`present.json` has {x}, which is not known there"),
        (json!({ "json": "{callback}" }), "has {callback}, which is not known there"),
        (json!({ "json": 1, "xml": "<a/>" }), "`present` needs either `json` or `xml`"),
        (json!({ "xml": "<a>{msisdn}" }), "`present.xml` is no whole XML document"),
        (json!({ "xml": "<a><!-- {msisdn} --></a>" }), "`present.xml` has a comment"),
        (json!({ "xml": "<a><![CDATA[{msisdn}]]></a>" }), "`present.xml` has a comment"),
        (json!({ "xml": "<a><?x {msisdn}?></a>" }), "`present.xml` has a comment"),
        (json!({ "take": { "imsi": "/x" } }), "`present.take` must be a table of new names"),
        (json!({ "take": { "A": "/x" } }), "`present.take` must be a table of new names"),
        (json!({ "take": { "a": "x" } }), "`present.take.a` must be a pointer"),
    ] {
        is_refused(&json!({ "present": put(&more) }), message);
    }
}

#[test]
fn what_is_answered_later_needs_somebody_who_finds_out() {
    let callback =
        json!({ "url": "http://p.example", "rules": [{ "at": "/ok", "is": "success" }] });
    let called = put(&json!({ "answer": "callback", "json": "{callback}" }));
    let later = put(&json!({ "answer": "later" }));
    assert!(parse(&network(&json!({ "callback": callback, "present": called }))).is_ok());
    assert!(parse(&network(&json!({ "present": later }))).is_ok());
    let (success, unknown) =
        (json!({ "at": "/a", "is": "success" }), json!({ "at": "/b", "is": "unknown" }));
    let accepted = json!([{ "status": [202], "is": "accepted" }]);
    for (changes, message) in [
        (json!({ "query": null, "present": later }), "needs `query`, because it has `answer = "),
        (
            json!({ "present": put(&json!({ "answer": "soon" })) }),
            "`present.answer` must be \"call",
        ),
        (
            json!({ "present": put(&json!({ "answer": "callback" })) }),
            "`present` needs both or none",
        ),
        (
            json!({ "callback": callback, "present": put(&json!({ "json": "{callback}" })) }),
            "`present` needs both or none",
        ),
        (
            json!({ "present": put(&json!({ "rules": accepted })) }),
            "`present` needs an `answer` that comes later",
        ),
        (json!({ "rules": accepted }), "needs its `accepted` rules at the requests"),
        (json!({ "callback": { "url": "http://p" } }), "`callback` needs `rules`: at least one"),
        (json!({ "callback": { "url": "p" } }), "`callback.url` must be the address under which"),
        (
            json!({ "callback": { "url": "http://p", "rules": [success, unknown] } }),
            "`callback` needs `rules` that are `success`, `refused` or `later`",
        ),
        (
            json!({ "present": [later, put(&json!({}))] }),
            "needs the request that is answered later to be the last of `present`",
        ),
        (
            json!({ "present": later, "suspend": put(&json!({})), "resume": put(&json!({})) }),
            "needs no `suspend` and `resume`, as what comes before them is answered later",
        ),
    ] {
        is_refused(&changes, message);
    }
}

#[test]
fn what_a_query_takes_is_known_where_the_sim_is_there() {
    let by_id = json!({ "method": "DELETE", "path": "/subs/{id}" });
    assert!(parse(&network(&json!({ "absent": by_id }))).is_ok());
    let created = json!({ "method": "PUT", "path": "/subs/{iccid}" });
    let patched = json!({ "method": "PATCH", "path": "/subs/{id}" });
    assert!(parse(&network(&json!({ "create": created, "present": patched }))).is_ok());
    let error = parse(&network(&json!({ "create": patched }))).unwrap_err();
    assert!(error.contains("`create.path` has {id}, which is not known there"), "{error}");
}
