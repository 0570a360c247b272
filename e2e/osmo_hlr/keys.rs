//! Keys of SIMs on their way from a vendor's file to the HLR: sealed in between, and nowhere to be read.

use crate::hlr::OsmoHlr;
use crate::rig::*;

const KI: &str = "465b5ce8b199b49faa5f0a2ee238a6bc";
const OPC: &str = "cd63cb71954a9f4e48a5994e37a02baf";
const ICCID: &str = "8910390000015161700";
const IMSI: &str = "901700000009700";
const OTHER_ICCID: &str = "8910390000015161701";
const OTHER_KI: &str = "000102030405060708090a0b0c0d0e0f";

#[test]
fn keys_go_from_the_import_to_the_hlr_and_can_be_read_nowhere_between() {
    let hlr = OsmoHlr::start();
    let real = format!("driver = \"osmo-hlr\"\naddress = \"{}\"\n", hlr.address);
    let world = World::with(&BASE.replacen("driver = \"simulated\"\n", &real, 1));
    let file = format!(
        "iccid,imsi,ki,opc\n{ICCID},{IMSI},{KI},{OPC}\n{OTHER_ICCID},901700000009701,{OTHER_KI},{OPC}\n"
    );
    let file = world.file("stock.csv", &file);
    world.cli(&["sim", "import", &file, "--customer", "1000000"]).succeeded();
    let mut command = world.serve_command();
    command.env("PROVISOR_LOG", "trace");
    let server = Server::start(&mut command, world.dir());
    let mut alice = Caller::alice(&server);
    let code = alice.connect(ICCID);
    let at_hlr = |imsi: &str| hlr.ctrl().subscriber(imsi).expect("it is there");
    assert_eq!((at_hlr(IMSI)["aud3g.k"].as_str(), at_hlr(IMSI)["aud3g.opc"].as_str()), (KI, OPC));
    // Another SIM brings other keys.
    alice.done("changeSIM", serde_json::json!({"service": {"code": code}, "newSIM": OTHER_ICCID}));
    assert_eq!(at_hlr("901700000009701")["aud3g.k"], OTHER_KI);
    assert!(hlr.ctrl().subscriber(IMSI).is_none(), "the old SIM is gone");

    let answers =
        format!("{:?}", alice.call("queryService", serde_json::json!({"service": {"code": code}})));
    let shown = world.cli(&["ticket", "list", "--json"]).succeeded();
    let output = server.output();
    let mut places = vec![output.stdout(), output.stderr(), answers, shown.stdout];
    let database = std::fs::read(world.database()).unwrap_or_default();
    let wal = std::fs::read(world.dir().join("provisor.db-wal")).unwrap_or_default();
    places.extend([database, wal].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()));
    for secret in [KI, OPC, OTHER_KI] {
        for place in &places {
            assert!(!place.to_ascii_lowercase().contains(secret), "a key can be read");
        }
    }
    assert!(places[1].len() > 1_000, "it did write a log");
}
