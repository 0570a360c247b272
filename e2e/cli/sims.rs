//! `provisor sim import`: the whole file lands, or nothing of it does and every bad row is named.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::rig::*;

fn is_free(server: &Server, sim: &str) -> bool {
    let mut alice = Caller::alice(server);
    // Of a SIM in stock the unknown tariff is told, of any other that it is not available.
    let mut members = connect(sim);
    members["tariffCode"] = json!("NOPE");
    alice.call("connectService", members).code() == "406"
}

#[test]
fn a_good_file_lands_whatever_the_order_of_its_columns() {
    let world = World::new();
    let server = world.serve();
    let csv = "customer,msisdn,iccid,imsi,eid\n\
               1000000,07700111111,8910390000033300001,901700000100001,\n\
               1000000,,8910390000033300002,901700000100002,89049032000000000000000000000001\n";
    let ran = world.cli(&["sim", "import", &world.file("good.csv", csv)]).succeeded();
    assert!(ran.stdout.contains('2'), "it says how many: {ran:?}");
    assert!(is_free(&server, "8910390000033300001") && is_free(&server, "8910390000033300002"));
    let mut alice = Caller::alice(&server);
    alice.connect("8910390000033300001");
    assert_eq!(alice.nina("8910390000033300001")["cli"], "07700111111");
}

#[test]
fn of_a_bad_file_every_bad_row_is_named_and_nothing_lands() {
    let world = World::new();
    let server = world.serve();
    let rows = [
        "8910390000033300001,901700000100001,,1000000", // 2: good
        "891039,901700000100002,,1000000",              // 3: ICCID
        "8910390000033300003,12,,1000000",              // 4: IMSI
        "8910390000033300004,901700000100004,x,1000000", // 5: MSISDN
        "8910390000033300005,901700000100005,,9999999", // 6: customer
        "8910390000033300001,901700000100006,,1000000", // 7: ICCID twice in the file
        "8910390000015161790,901700000100007,,1000000", // 8: ICCID known already
        "8910390000033300008,901700000000001,,1000000", // 9: IMSI known already
        "8910390000033300009,901700000100009,,",        // 10: no customer
        "8910390000033300010,901700000100010",          // 11: too few columns
        "8910390000033300011,901700000100011,,1000000", // 12: good
    ];
    let csv = format!("iccid,imsi,msisdn,customer\n{}\n", rows.join("\n"));
    let ran = world.cli(&["sim", "import", &world.file("bad.csv", &csv)]).failed();
    let told = format!("{}{}", ran.stdout, ran.stderr);
    for line in 3..=11 {
        let named = told.contains(&format!("bad.csv:{line}:"))
            || told.contains(&format!("line {line}:"))
            || told.contains(&format!("line {line} "));
        assert!(named, "line {line} is not named:\n{told}");
    }
    for sim in ["8910390000033300001", "8910390000033300011"] {
        assert!(!is_free(&server, sim), "{sim} landed");
    }
    // The same file without its bad rows lands: nothing was left behind.
    let csv = format!("iccid,imsi,msisdn,customer\n{}\n{}\n", rows[0], rows[10]);
    world.cli(&["sim", "import", &world.file("good.csv", &csv)]).succeeded();
    assert!(is_free(&server, "8910390000033300001") && is_free(&server, "8910390000033300011"));
}

#[test]
fn a_header_that_is_wrong_is_told_before_any_row() {
    let world = World::new();
    for header in ["iccid,imsi,msisdn", "iccid,imsi,msisdn,customer,colour", "iccid,iccid,imsi", ""]
    {
        let csv = format!("{header}\n8910390000033300001,901700000100001,,1000000\n");
        let ran = world.cli(&["sim", "import", &world.file("bad.csv", &csv)]).failed();
        assert!(ran.stderr.contains("bad.csv"), "{header:?}: {ran:?}");
    }
    let missing = world.cli(&["sim", "import", "nowhere.csv"]).failed();
    assert!(missing.stderr.contains("nowhere.csv"), "{missing:?}");
}

#[test]
fn a_hundred_thousand_rows_land_quickly_beside_a_running_server() {
    let world = World::new();
    let server = world.serve();
    let mut csv = String::from("iccid,imsi,msisdn,customer\n");
    for n in 0..100_000 {
        writeln!(csv, "8910390000{n:09},90171{n:010},,1000000").expect("writing to a String");
    }
    let file = world.file("many.csv", &csv);
    let began = Instant::now();
    let ran = world.cli(&["sim", "import", &file]).succeeded();
    assert!(ran.stdout.contains("100000") || ran.stdout.contains("100,000"), "{ran:?}");
    // A debug build on a busy machine; what it is about is that the cost of a row stays flat.
    assert!(began.elapsed() < Duration::from_mins(1), "{:?}", began.elapsed());
    assert!(is_free(&server, "8910390000000099999"));
    world.cli(&["sim", "import", &file]).failed();
}

#[test]
fn keys_of_a_sim_are_taken_and_never_shown() {
    let world = World::new();
    let ki = "00112233445566778899AABBCCDDEEFF";
    let csv = format!(
        "iccid,imsi,msisdn,customer,ki,opc\n8910390000033300001,901700000100001,,1000000,{ki},{ki}\n"
    );
    let ran = world.cli(&["sim", "import", &world.file("keys.csv", &csv)]);
    let told = format!("{}{}", ran.stdout, ran.stderr).to_uppercase();
    assert!(!told.contains(ki), "{told}");
    let database = std::fs::read(world.database()).expect("the database");
    let text = String::from_utf8_lossy(&database).to_uppercase();
    assert!(!text.contains(ki), "the key lies in the clear in the database");
}

/// A file with one SIM that has keys.
fn with_keys(world: &World, iccid: &str) -> String {
    let ki = "00112233445566778899AABBCCDDEEFF";
    let csv = format!("iccid,customer,ki,opc\n{iccid},1000000,{ki},{ki}\n");
    world.file(&format!("{iccid}.csv"), &csv)
}

#[test]
fn keys_are_sealed_with_one_key_unless_its_file_is_lost_and_that_is_said() {
    let world = World::new();
    let sims = ["8910390000033300001", "8910390000033300002", "8910390000033300003"];
    let files = sims.map(|sim| with_keys(&world, sim));
    let key_files = || {
        let entries = std::fs::read_dir(world.dir()).expect("the directory");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        paths.filter(|path| path.extension().is_some_and(|of| of == "key")).collect::<Vec<_>>()
    };
    let made = world.cli(&["sim", "import", &files[0]]).succeeded();
    let [path] = &key_files()[..] else { panic!("one key file: {:?}", key_files()) };
    let name = path.file_name().and_then(|name| name.to_str()).expect("a plain name");
    let told = format!("{name}: back it up");
    assert!(made.stderr.contains("made the key file") && made.stderr.contains(&told), "{made:?}");
    let next = world.cli(&["sim", "import", &files[1]]).succeeded();
    assert!(!next.stderr.contains("key file"), "{next:?}");

    let key = std::fs::read(path).expect("the key");
    std::fs::remove_file(path).expect("the key file");
    let refused = world.cli(&["sim", "import", &files[2]]).failed();
    assert!(
        refused.stderr.contains("sim_key_file") && refused.stderr.contains(name),
        "{refused:?}"
    );
    assert!(key_files().is_empty(), "none is made");
    let other: Vec<u8> = key.trim_ascii().iter().rev().copied().collect();
    std::fs::write(path, other).expect("another key");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("its rights");
    let refused = world.cli(&["sim", "import", &files[2]]).failed();
    assert!(refused.stderr.contains("were not sealed with the key in"), "{refused:?}");
    let server = world.serve();
    assert!(!is_free(&server, sims[2]), "nothing landed");
    // What does not bring keys needs none.
    let plain = "iccid,customer\n8910390000033300009,1000000\n";
    world.cli(&["sim", "import", &world.file("plain.csv", plain)]).succeeded();
    world.cli(&["sim", "import", &files[2], "--new-key"]).succeeded();
    assert!(is_free(&server, sims[2]));
}
