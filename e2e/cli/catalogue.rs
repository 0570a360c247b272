//! `provisor catalogue apply`, `provisor config check`, and help.

use crate::rig::*;

/// Commands that the contract names; the program may have more.
const NAMED: [&str; 17] = [
    "serve",
    "demo",
    "catalogue apply",
    "sim import",
    "ticket list",
    "ticket show",
    "ticket retry",
    "ticket cancel",
    "service close",
    "user add",
    "user passwd",
    "user lock",
    "user unlock",
    "maintenance on",
    "maintenance off",
    "migrate",
    "config check",
];

/// Asserts that `command` and all commands below it explain themselves; adds their names to `seen`.
fn walk(world: &World, command: &[&str], seen: &mut Vec<String>) {
    seen.push(command.join(" "));
    let ran = run(world.dir(), &[command, &["--help"]].concat()).succeeded();
    assert!(ran.stdout.contains("Usage:"), "{command:?}: {ran:?}");
    assert!(ran.stdout.lines().count() >= 5, "{command:?} teaches little: {ran:?}");
    let Some((_, list)) = ran.stdout.split_once("Commands:\n") else {
        // What a person types is shown, not only described.
        let name = command.join(" ");
        let shown = ran.stdout.matches(&format!("provisor {name}")).count();
        assert!(shown >= 2 || !NAMED.contains(&name.as_str()), "no example: {ran:?}");
        return;
    };
    let list = list.split("\n\n").next().unwrap_or_default();
    let names = list.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    for name in names.filter_map(|line| line.split_whitespace().next()) {
        walk(world, &[command, &[name]].concat(), seen);
    }
}

#[test]
fn every_command_explains_itself() {
    let world = World::empty();
    let mut seen = Vec::new();
    walk(&world, &[], &mut seen);
    for command in NAMED {
        assert!(seen.iter().any(|seen| seen == command), "no {command} in {seen:?}");
    }
    let version = run(world.dir(), &["--version"]).succeeded();
    assert!(version.stdout.starts_with("provisor "), "{version:?}");
    run(world.dir(), &["no-such-command"]).failed();
}

#[test]
fn applying_twice_changes_nothing_the_second_time() {
    let world = World::empty();
    let first = world.apply(BASE);
    let second = world.apply(BASE);
    assert_ne!(first.stdout, second.stdout, "the first one says what it made: {first:?}");
    let file = world.file("catalogue.toml", BASE);
    let dry = world.cli(&["catalogue", "apply", "--dry-run", &file]).succeeded();
    for word in ["alice", "TEASEU1000MB", SIM_1, SERVICE_FLEET] {
        assert!(!second.stdout.contains(word), "{word} again: {second:?}");
        assert!(!dry.stdout.contains(word), "{word} again: {dry:?}");
    }
}

/// Runs a command in a folder with nothing but the catalogue file, on the default database.
fn in_an_empty_folder(catalogue: &str, args: &[&str]) -> (Ran, Vec<String>) {
    let dir = tempfile::TempDir::new().expect("a temporary directory");
    std::fs::write(dir.path().join("world.toml"), catalogue).expect("a file");
    let ran = run(dir.path(), args);
    let names = std::fs::read_dir(dir.path())
        .expect("it is there")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a plain name"));
    (ran, names.filter(|name| name != "world.toml").collect())
}

#[test]
fn what_changes_nothing_or_fails_makes_no_database() {
    for args in [
        &["catalogue", "apply", "--dry-run", "world.toml"][..],
        &["ticket", "list"],
        &["case", "list"],
        &["user", "list"],
        &["maintenance", "status"],
        &["sim", "import", "world.toml"],
    ] {
        let (ran, left) = in_an_empty_folder(BASE, args);
        let told = ran.failed().stderr;
        for part in ["no database provisor.db", "--database", "provisor catalogue apply FILE"] {
            assert!(told.contains(part), "{args:?}: {told}");
        }
        assert_eq!(left, Vec::<String>::new(), "{args:?}");
    }
    let apply = ["catalogue", "apply", "world.toml"];
    for wrong in ["[[tariff", "[[tariff]]\ncode = \"T\"\nname = \"T\"\nnetwork = \"NOWHERE\"\n"] {
        let (ran, left) = in_an_empty_folder(wrong, &apply);
        assert!(ran.failed().stderr.contains("world.toml:"), "{wrong}");
        assert_eq!(left, Vec::<String>::new(), "{wrong}");
    }
    let (ran, left) = in_an_empty_folder(BASE, &apply);
    ran.succeeded();
    assert!(left.contains(&"provisor.db".to_owned()), "{left:?}");
}

#[test]
fn a_dry_run_shows_the_difference_and_writes_nothing() {
    let world = World::new();
    let changed = BASE.replace("name = \"EU 50 MB\"", "name = \"EU fifty\"");
    let file = world.file("changed.toml", &changed);
    for _ in 0..2 {
        let ran = world.cli(&["catalogue", "apply", "--dry-run", &file]).succeeded();
        assert!(ran.stdout.contains("TEASEU50MB"), "{ran:?}");
        assert!(!ran.stdout.contains("TEASEU1000MB"), "only what differs: {ran:?}");
    }
    let ran = world.cli(&["catalogue", "apply", &file]).succeeded();
    assert!(ran.stdout.contains("TEASEU50MB"), "{ran:?}");
}

/// A catalogue with one mistake: the text that is replaced in [`BASE`], by what, and what the message must name.
const MISTAKES: [(&str, &str, &[&str]); 12] = [
    ("name = \"EU 1000 MB\"", "nmae = \"EU 1000 MB\"", &["nmae"]),
    ("[[apn]]", "[[apns]]", &["apns"]),
    ("network = \"DOWN\"", "network = \"NOPE\"", &["NOPE"]),
    ("customers = [\"2000000\"]", "customers = [\"2999999\"]", &["2999999"]),
    ("bars = [\"AS_SUS_MSISDN\", \"AS_BAR_SMS\", \"DOWN_SUS\"]", "bars = [\"NOBAR\"]", &["NOBAR"]),
    ("contract = \"2000274\"", "contract = \"2999999\"", &["2999999"]),
    ("tariff = \"TEASEU50MB\"", "tariff = \"NOTARIFF\"", &["NOTARIFF"]),
    ("iccid = \"8910390000015161790\"", "iccid = \"891039\"", &["ICCID"]),
    ("driver = \"simulated\"", "driver = \"imaginary\"", &["imaginary", "simulated"]),
    ("outage_file = \"network-is-down\"", "outage_fiel = \"x\"", &["outage_fiel"]),
    ("status = \"S\"", "status = \"X\"", &["status"]),
    ("suspends = true", "suspends = \"yes\"", &["suspends"]),
];

#[test]
fn a_mistake_is_named_with_file_line_and_key_and_nothing_is_written() {
    let world = World::empty();
    world.cli(&["migrate"]).succeeded();
    for (text, mistake, named) in MISTAKES {
        assert!(BASE.contains(text), "{text}");
        let broken = BASE.replacen(text, mistake, 1);
        let before = broken.find(mistake).expect("the mistake is there");
        let line = broken[..before].lines().count() + usize::from(broken[..before].ends_with('\n'));
        let file = world.file("broken.toml", &broken);
        let ran = world.cli(&["catalogue", "apply", &file]).failed();
        // The line of the key itself, or of the table that it is in.
        let lines = line.saturating_sub(8)..=line;
        let told = lines.clone().any(|line| ran.stderr.contains(&format!("broken.toml:{line}")));
        assert!(told, "{mistake}: no broken.toml:LINE with LINE in {lines:?}: {}", ran.stderr);
        for word in named {
            assert!(ran.stderr.contains(word), "{mistake}: {word} is not named: {}", ran.stderr);
        }
    }
    let ran = world.apply(BASE);
    assert!(ran.stdout.contains("TEASEU1000MB") || ran.stdout.contains("tariff"), "{ran:?}");
}

#[test]
fn a_file_that_is_not_there_or_no_toml_is_told_plainly() {
    let world = World::empty();
    let missing = world.cli(&["catalogue", "apply", "nowhere.toml"]).failed();
    assert!(missing.stderr.contains("nowhere.toml"), "{missing:?}");
    let file = world.file("broken.toml", "[[network]\n");
    let broken = world.cli(&["catalogue", "apply", &file]).failed();
    assert!(broken.stderr.contains("broken.toml:1"), "{broken:?}");
}

#[test]
fn a_password_may_come_from_a_file() {
    let world = World::new();
    world.file("dora.password", "dora-canary-5\n");
    world.apply(
        "[[user]]\nusername = \"dora\"\npassword_file = \"dora.password\"\n\
         customers = [\"1000000\"]\nbars = []\nboltons = []\n",
    );
    let server = world.serve();
    Caller::new(&server, "dora", "dora-canary-5").soon("ok");
}

#[test]
fn configuration_is_checked_with_file_line_and_key() {
    let world = World::empty();
    let good = run(world.dir(), &["config", "check"]);
    good.succeeded();
    world.file("provisor.toml", "listen = \"127.0.0.1:0\"\nlisten_on = \"x\"\n");
    let bad = run(world.dir(), &["config", "check"]).failed();
    assert!(bad.stderr.contains("provisor.toml") && bad.stderr.contains("listen_on"), "{bad:?}");
    world.file("provisor.toml", "listen = \"nonsense\"\n");
    let bad = run(world.dir(), &["config", "check"]).failed();
    assert!(bad.stderr.contains("provisor.toml:1"), "{bad:?}");
}
