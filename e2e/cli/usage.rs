//! What is typed wrong is told in words that say what to type, with the exit code of a wrong command line; what scripts
//! read is JSON.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use crate::rig::*;

/// The exit code of a wrong command line, as clap has it.
const USAGE: Option<i32> = Some(2);

#[test]
fn a_wrong_command_line_ends_with_2_whoever_finds_out() {
    let world = World::with_tenants();
    for args in [
        &["no-such-command"][..],
        &["ticket", "list", "--no-such-option"],
        &["ticket", "list", "--state", "nope"],
        &["ticket", "list", "--limit", "0"],
        &["ticket", "list", "--before", "x"],
        &["ticket", "show", "x"],
        &["ticket", "cancel", "x"],
        &["case", "list", "--limit", "1001"],
        &["service", "close", "x"],
        &["user", "credential", "add", "alice", "--expires", "soon"],
        &["user", "add", "be:x", "--tenant", "kommitt", "--password-stdin"],
    ] {
        let ran = world.cli(args);
        assert_eq!(ran.code, USAGE, "{args:?}: {ran:?}");
        assert!(ran.stderr.starts_with("error: "), "{ran:?}");
    }
    // What the database says is another thing.
    assert_eq!(world.cli(&["ticket", "show", "999999"]).code, Some(1));
}

#[test]
fn a_back_end_has_a_name_that_http_basic_can_carry() {
    let world = World::with_tenants();
    let told = world.cli(&["user", "add", "be:x", "--tenant", "kommitt"]).failed().stderr;
    assert!(told.contains("no colon"), "{told}");
    let user = "[[user]]\nusername = \"be:x\"\npassword = \"a long password\"\nkind = \"tenant\"\n\
        tenant = \"kommitt\"\n";
    let file = world.file("colon.toml", user);
    let told = world.cli(&["catalogue", "apply", &file]).failed().stderr;
    assert!(told.contains("colon.toml:2: ") && told.contains("no colon"), "{told}");
}

#[test]
fn a_user_of_a_service_that_is_not_there_is_not_added() {
    let world = World::new();
    let password = world.file("password", "a long password");
    let add = ["user", "add", "x", "--customer", "1000000", "--password-file", &password];
    let told = world.cli(&[&add[..], &["--service", "99"]].concat()).failed().stderr;
    assert!(told.contains("no service 99"), "{told}");
    world.cli(&[&add[..], &["--service", SERVICE_FLEET]].concat()).succeeded();
}

#[test]
fn a_wrong_setting_in_the_environment_is_named_with_what_to_write() {
    let world = World::empty();
    for (name, value, what) in [
        ("PROVISOR_LISTEN", "foo", "write \"ADDRESS:PORT\""),
        ("PROVISOR_HTTP_CONNECTIONS_MAX", "0", "write a whole number, 1 or more"),
        ("PROVISOR_HTTP_IN_FLIGHT_MAX", "many", "write a whole number, 1 or more"),
        ("PROVISOR_METRICS_LISTEN", "on", "write auto, off"),
    ] {
        let mut check = command(PROVISOR, world.dir());
        let output = check.args(["config", "check"]).env(name, value).output();
        let told = String::from_utf8(output.expect("it starts").stderr).expect("UTF-8");
        assert!(told.starts_with(&format!("error: {name}: {what}")), "{told}");
        assert!(!told.contains("Settings"), "nobody knows what that is: {told}");
    }
}

#[test]
fn a_database_of_another_user_is_told_of_and_can_be_read() {
    /// `nobody`, on Debian.
    const OTHER: Option<u32> = Some(65_534);
    let world = World::on(Kind::Sqlite, BASE);
    // Root without what makes every file root's.
    let not_root = |args: &[&str]| {
        let mut command = command("setpriv", world.dir());
        command.args(["--bounding-set", "-dac_override,-dac_read_search,-fowner", "--", PROVISOR]);
        let output = command.args(args).args(["--database", &world.database_url()]).output();
        let output = output.expect("setpriv (util-linux) starts");
        (output.status.success(), String::from_utf8(output.stderr).expect("UTF-8"))
    };
    let on = ["maintenance", "on"];
    assert_eq!(not_root(&on), (true, String::new()));
    let entries = std::fs::read_dir(world.dir()).expect("the directory");
    let files = entries.map(|entry| entry.expect("an entry").path());
    for file in files.filter(|file| file.to_string_lossy().contains("provisor.db")) {
        std::os::unix::fs::chown(&file, OTHER, OTHER).expect("root runs this");
    }
    let told = |args: &[&str], file: &str| {
        let (done, told) = not_root(args);
        let file = world.dir().join(file).display().to_string();
        let wanted = format!("{file} cannot be written to by this user: run this as the user");
        assert!(!done && told.contains(&wanted), "{args:?}: {told}");
    };
    told(&on, "provisor.db");
    told(&["serve", "--listen", "127.0.0.1:0"], "provisor.db");
    assert_eq!(not_root(&["maintenance", "status"]), (true, String::new()), "it may be read");
    let lock = world.dir().join("provisor.db.lock");
    std::os::unix::fs::chown(&lock, OTHER, OTHER).expect("root runs this");
    told(&["serve", "--listen", "127.0.0.1:0"], "provisor.db.lock");
    std::fs::set_permissions(world.database(), std::fs::Permissions::from_mode(0o600))
        .expect("its rights");
    told(&["maintenance", "status"], "provisor.db");
}

#[test]
fn users_and_credentials_are_listed_a_page_at_a_time() {
    let world = World::new();
    let (first, second) = (world.credential("alice", &[]), world.credential("alice", &[]));
    let page = |args: &[&str]| world.cli(&[&["user"], args].concat()).succeeded();
    let users = page(&["list", "--limit", "1"]);
    assert!(users.stdout.contains("alice") && !users.stdout.contains("bob"), "{users:?}");
    assert!(users.stderr.contains("--after alice"), "{users:?}");
    let rest = page(&["list", "--after", "alice"]);
    assert!(rest.stdout.contains("bob") && !rest.stdout.contains("alice"), "{rest:?}");
    let label = |credential: &str| credential[..8].to_owned();
    let newest = page(&["credential", "list", "alice", "--limit", "1"]);
    assert!(newest.stdout.contains(&label(&second)), "{newest:?}");
    let more = newest.stderr.split("--before ").nth(1).expect("it says how to go on").trim();
    let older = page(&["credential", "list", "alice", "--before", more]).stdout;
    assert!(older.contains(&label(&first)) && !older.contains(&label(&second)), "{older}");
}

#[test]
fn commands_that_scripts_run_answer_json() {
    let world = World::with_tenants();
    world.file(OUTAGE_FILE, "");
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    let stuck = alice.call("disconnectService", json!({"service": {"code": SERVICE_STUCK}}));
    let ticket: i64 = stuck.ticket().parse().expect("a number");
    let answer = |args: &[&str], code| -> Value {
        let ran = world.cli(&[args, &["--json"]].concat());
        assert_eq!(ran.code, Some(code), "{args:?}: {ran:?}");
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
    };
    assert_eq!(answer(&["maintenance", "status"], 0), json!({"maintenance": false}));
    let number = ticket.to_string();
    let moved = answer(&["ticket", "cancel", &number, "999999"], 1);
    let cancelled = json!({"id": ticket, "moved": true, "state": "cancelled"});
    let absent = json!({"id": 999_999, "moved": false, "state": null});
    assert_eq!(moved, json!([cancelled, absent]));
    let refused = answer(&["ticket", "retry", &number], 1);
    assert_eq!(refused, json!([{"id": ticket, "moved": false, "state": "cancelled"}]));
    let closed = answer(&["service", "close", SERVICE_OFF, SERVICE_FLEET], 1);
    assert_eq!(closed[0]["outcome"], "closed", "{closed}");
    assert_eq!(closed[1]["outcome"], "not_switched_off", "{closed}");
    let good = world.file("good.csv", "iccid,customer\n8910390000015169999,1000000\n");
    let nothing: [Value; 0] = [];
    assert_eq!(
        answer(&["sim", "import", &good], 0),
        json!({"imported": 1, "bad_rows": 0, "bad_rows_named": nothing})
    );
    let bad = answer(&["sim", "import", &good], 1);
    assert_eq!((&bad["imported"], &bad["bad_rows"]), (&json!(0), &json!(1)), "{bad}");
    assert_eq!(bad["bad_rows_named"][0]["line"], 2, "{bad}");
    assert_eq!(answer(&["mail", "sync"], 0), json!({"told": 0, "refused": nothing}));
}
