//! The HASH, the passwords and what is made of them are in nothing that the program writes.

use std::path::Path;

use crate::rig::*;

/// MD5s that occur nowhere else, in the spellings of a careless client.
const CANARY: &str = "c0ffee5ca1ab1e0ddba11beefdeadfab";
const SECOND: &str = "DEADC0DE00C0FFEE1234567890ABCDEF";

/// Everything that may give a canary away, as bytes; small and capital letters are the same.
fn written(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).expect("a folder").map(|entry| entry.expect("an entry")) {
        let path = entry.path();
        if path.is_dir() {
            found.extend(written(&path));
        } else {
            let bytes = std::fs::read(&path).expect("a readable file");
            found.push((path.display().to_string(), bytes.to_ascii_lowercase()));
        }
    }
    found
}

fn assert_absent(place: &str, text: &[u8]) {
    for canary in [CANARY, SECOND] {
        // Half of it would be bad enough.
        let half = canary[..16].to_ascii_lowercase();
        let there = text.windows(half.len()).any(|window| window == half.as_bytes());
        assert!(!there, "{canary} is in {place}");
    }
}

#[test]
fn the_hash_is_nowhere_in_logs_metrics_answers_or_files() {
    let world = World::with_tenants();
    let mut command = world.serve_command();
    command.args(["--log", "trace"]);
    let mut server = Server::start(&mut command, world.dir());
    let mut answers = Vec::new();
    let mut backend = BackEnd::new(&server, "kommitt");
    for path in [
        format!("access/1/enable/{CANARY}"),
        format!("access/1/enable/{SECOND}"),
        format!("access/1/enable/{SECOND}/"),
        // Mistakes of all kinds with a hash in them.
        format!("access/1/enable/{CANARY}x"),
        format!("access/1/enable/{CANARY}%zz"),
        format!("access/1/enable/x/{CANARY}"),
        format!("access/{CANARY}{CANARY}{CANARY}/enable/{CANARY}"),
        format!("access/1/enabel/{CANARY}"),
        format!("acces/1/enable/{CANARY}"),
        format!("access/1/enable?hash={CANARY}"),
        format!("pack/1/enable/mail/{CANARY}"),
        format!("pack/1/enable/{CANARY}/5"),
        format!("mail/1/list/{CANARY}"),
    ] {
        for verb in ["GET", "POST", "PUT", "HEAD", "OPTIONS"] {
            answers.push(backend.send(verb, &path));
        }
    }
    for path in [
        format!("/comet/ccsimplemailapi/access/1/enable/{CANARY}"),
        format!("/closed/ccsimplemailapi/access/1/enable/{CANARY}"),
        format!("//ccsimplemailapi/access/1/enable/{CANARY}"),
        format!("/ccSimpleMailApi//access/1/enable/{CANARY}"),
    ] {
        answers.push(backend.http.get(&path));
    }
    answers.push(backend.http.exchange(
        format!("GET /kommitt/ccsimplemailapi/access/1/enable/{CANARY} HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n")
            .as_bytes(),
    ).expect("an answer"));
    for answer in &answers {
        assert_absent("an answer", format!("{answer:?}").to_ascii_lowercase().as_bytes());
    }
    assert_eq!(backend.done("access/1/status")["enabled"], true, "it did arrive");
    let metrics = Client::new(server.metrics()).get("/metrics").body;
    assert_absent("the metrics", metrics.to_ascii_lowercase().as_bytes());
    for args in [["ticket", "list", "--json"], ["ticket", "show", "1224"]] {
        let shown = world.cli(&args).succeeded().stdout;
        assert_absent("the command line", shown.to_ascii_lowercase().as_bytes());
        assert!(!shown.contains("argon2"), "{shown}");
    }
    server.terminate(std::time::Duration::from_secs(10));
    for (file, bytes) in written(world.dir()) {
        assert_absent(&file, &bytes);
        let is_log = Path::new(&file).extension().is_some_and(|e| e == "err" || e == "out");
        let has_hash = bytes.windows(8).any(|window| window == b"argon2id");
        assert!(!is_log || !has_hash, "a password's hash is in {file}");
    }
}
