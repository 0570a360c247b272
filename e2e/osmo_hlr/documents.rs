//! The documents' own examples with an HLR as the demo's network, which its services are given to by `network check --repair`.

use crate::hlr::OsmoHlr;
use crate::rig::*;
use crate::transcripts::{all, play_on};

// The demo's own.
#[path = "../../crates/server/src/demo/fleet.rs"]
mod fleet;

/// The demo's world, its network an HLR that knows nothing yet.
fn world(hlr: &OsmoHlr) -> World {
    let demo = include_str!("../../crates/server/src/demo/demo.toml");
    let simulated = "driver = \"simulated\"\n";
    let real = format!("driver = \"osmo-hlr\"\naddress = \"{}\"\n", hlr.address);
    World::with(&format!("{}\n{}", demo.replacen(simulated, &real, 1), fleet::catalogue()))
}

fn served(hlr: &OsmoHlr) -> (World, Server) {
    let world = world(hlr);
    let server = world.serve();
    super::give(&world, hlr, &["AS"]);
    assert!(super::wanted(&world).len() > 228);
    (world, server)
}

#[test]
fn every_printed_example_answers_as_printed_with_a_real_hlr_in_any_order() {
    let mut transcripts = all();
    for order in 0..3 {
        let hlr = OsmoHlr::start();
        let (world, server) = served(&hlr);
        match order {
            0 => {}
            1 => transcripts.reverse(),
            _ => transcripts.rotate_left(5),
        }
        let tickets = play_on(&server, &transcripts);
        assert!(tickets.len() >= 5, "{tickets:?}");
        super::assert_agree(&world, &hlr);
        let checked = world.cli(&["network", "check", "AS"]);
        assert_eq!(checked.code, Some(0), "{checked:?}");
    }
}

#[test]
fn a_service_is_shown_as_the_hlr_has_it() {
    let mut hlr = OsmoHlr::start();
    let (world, server) = served(&hlr);
    let mut mario = Caller::new(&server, "MarioG", "Stuttgart");
    let query = serde_json::json!({"service": {"cli": "07979123456"}});
    let mut status = || {
        let shown = mario.call("queryService", query.clone()).json();
        shown["service"]["network"]["status"].as_str().expect("a status").to_owned()
    };
    assert_eq!(status(), "active");
    let imsi = "234100000000001";
    let mut ctrl = hlr.ctrl();
    for domain in ["cs", "ps"] {
        ctrl.ask("SET", &format!("subscriber.by-imsi-{imsi}.{domain}-enabled 0")).expect("set");
    }
    assert_eq!(status(), "suspended");
    let show = || world.cli(&["network", "show", "AS", "8944110011462295831"]).succeeded().stdout;
    assert_eq!(show(), "suspended: barred for calls and data; last registered at nowhere\n");
    ctrl.ask("SET", &format!("subscriber.delete {imsi}")).expect("deleted");
    assert_eq!(status(), "absent");
    drop(ctrl);
    hlr.kill();
    assert_eq!(status(), "unknown");
}
