//! Nothing secret in anything that is written: every password of the tests is a canary, looked for everywhere.

use std::fs;

use serde_json::json;

use crate::rig::*;

#[test]
fn no_secret_is_in_logs_metrics_answers_or_in_the_clear_in_any_file() {
    let world = World::new();
    fs::remove_file(world.dir().join("catalogue.toml")).expect("it holds the passwords");
    let credential = world.credential("alice", &[]);
    let mut serve = world.serve_command();
    serve.env("PROVISOR_LOG", "trace");
    let mut server = Server::start(&mut serve, world.dir());
    let mut seen = Vec::new();
    let wrong = "wrong-canary-K81x";
    let mistyped = format!("{credential}x");
    let alice_passwords = [ALICE_PASSWORD, &credential, wrong, &mistyped];
    for password in alice_passwords {
        let mut caller = Caller::new(&server, "alice", password);
        for (method, members) in [
            ("getContracts", json!({"customer": "1000000"})),
            ("connectService", connect(SIM_1)),
            ("queryService", json!({"service": {"sim": {"password": password}}})),
            (password, json!({})),
        ] {
            seen.push(format!("{:?}", caller.call(method, members)));
        }
        // Pasted where it does not belong.
        let body = format!(r#"{{"user":{{"username":"{password}","password":"x"}}}}"#);
        seen.push(format!("{:?}", caller.http.post("/v1/getContracts", &body)));
        let body = format!(r#"{{"user":{{"username":"alice","password":"{password}"}},,"#);
        seen.push(format!("{:?}", caller.http.post("/v1/getContracts", &body)));
    }
    seen.push(Client::new(server.metrics()).get("/metrics").body);
    for args in [&["ticket", "list"][..], &["ticket", "list", "--json"], &["config", "check"]] {
        let ran = world.cli(args);
        seen.push(format!("{}{}", ran.stdout, ran.stderr));
    }
    server.terminate(std::time::Duration::from_secs(10));
    let output = server.output();
    let logged = format!("{}{}", output.stdout(), output.stderr());
    assert!(logged.lines().count() > 10, "it logs something: {logged}");
    assert!(!logged.contains("$argon2"), "a hash was logged");
    seen.push(logged);
    for entry in fs::read_dir(world.dir()).expect("the directory") {
        let content = fs::read(entry.expect("an entry").path()).expect("a file");
        seen.push(String::from_utf8_lossy(&content).into_owned());
    }
    let seen = seen.join("\n");
    for secret in alice_passwords.into_iter().chain([BOB_PASSWORD, SAM_PASSWORD]) {
        let at = seen.find(secret).map(|at| seen[..at].chars().rev().take(300).collect::<String>());
        let before = at.map(|at| at.chars().rev().collect::<String>());
        assert_eq!(before, None, "what stands before a secret");
    }
    assert!(seen.contains("$argon2id$"), "the database holds the hashes, so it was looked through");
}
