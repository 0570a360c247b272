//! The documented workflows, as a shell script of curls.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::rig::*;

/// What one call of the script was answered: status, and the body.
type Line = (u16, String);

fn run(server: &Server, tenant: &str, headers: &[&str]) -> Vec<Line> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../e2e/simple_portal/workflow.sh");
    let api = format!("http://{}/{tenant}/ccsimplemailapi", server.address);
    let mut command = Command::new("sh");
    command.arg(script).arg(api).args(headers);
    let ran = command.output().expect("a shell and curl");
    let (stdout, stderr) =
        (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{stderr}");
    stdout
        .lines()
        .map(|line| {
            let mut parts = line.splitn(3, ' ');
            let status = parts.next().and_then(|code| code.parse().ok()).expect("a status");
            (status, parts.nth(1).unwrap_or_default().to_owned())
        })
        .collect()
}

fn json(line: &Line) -> Value {
    serde_json::from_str(&line.1).unwrap_or_else(|error| panic!("{error}: {line:?}"))
}

#[test]
fn the_documented_workflows_run_straight_through() {
    let world = World::with_tenants();
    let server = world.serve();
    let lines = run(&server, "kommitt", &[]);
    assert_eq!(lines.len(), 5);
    for (line, sequence) in lines.iter().zip([1, 1, 2, 2, 3]) {
        assert_eq!(line.0, 200, "{lines:?}");
        let answer = json(line);
        assert_eq!(answer["ParCustId"], "12345");
        assert_eq!(answer["sequence"], sequence, "{lines:?}");
        assert_eq!(answer["dirty"], false, "{lines:?}");
    }
    let mut backend = BackEnd::new(&server, "kommitt");
    let status = backend.done("access/12345/status");
    assert_eq!((&status["found"], &status["enabled"]), (&true.into(), &false.into()));
    assert_eq!(backend.done("mail/12345/list")["accounts"], serde_json::json!([]));
}

#[test]
fn with_a_mail_system_that_is_away_the_same_script_meets_dirty_and_409() {
    let world = World::with_tenants();
    world.file(MAIL_OUTAGE_FILE, "");
    let server = world.serve();
    let mut backend = BackEnd::new(&server, "down");
    // So that the script's own first step, which needs no mail system, cannot hold up its second one.
    backend.done(&format!("access/12345/enable/{HASH}"));
    backend.clean("12345");
    let lines = run(&server, "down", &["-H", "Prefer: respond-async"]);
    let first_pack = lines.iter().position(|line| line.1.contains("\"dirty\":true"));
    let refused = lines.iter().filter(|line| line.0 == 409).count();
    assert!(first_pack.is_some() && refused >= 2, "{lines:?}");
    assert!(lines.iter().all(|line| matches!(line.0, 200 | 409)), "{lines:?}");
    assert_eq!(backend.done("access/12345/status")["dirty"], true);
    assert_eq!(backend.done("pack/12345/list")["dirty"], true);
    std::fs::remove_file(world.dir().join(MAIL_OUTAGE_FILE)).expect("the file was there");
    backend.clean("12345");
    assert_eq!(backend.done("pack/12345/list")["packs"][0]["pack"]["value"], "5");
    backend.done("pack/12345/disable/mail/5");
}

#[test]
fn a_changing_call_waits_two_seconds_and_then_says_dirty() {
    let world = World::with_tenants();
    world.file(MAIL_OUTAGE_FILE, "");
    let server = world.serve();
    let mut backend = BackEnd::new(&server, "down");
    backend.done(&format!("access/7/enable/{HASH}"));
    let began = std::time::Instant::now();
    let answer = backend.done("pack/7/enable/mail/1");
    assert_eq!(answer["dirty"], true);
    assert!(began.elapsed() >= std::time::Duration::from_secs(2), "it did not wait");
}
