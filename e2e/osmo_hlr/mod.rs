//! The product on a real network: Debian's osmo-hlr behind it.

mod documents;
mod faults;
mod keys;

use crate::hlr::{OsmoHlr, Row};
use crate::rig::*;

/// What the books say that the HLR must have, in its words.
fn wanted(world: &World) -> Vec<Row> {
    let rows = world.books().rows(
        "SELECT sim.imsi, service.cli, service.status FROM service JOIN sim ON sim.iccid = service.iccid
         WHERE service.network = 'AS' AND service.status IN ('A', 'B') ORDER BY sim.imsi",
    );
    let row = |row: Vec<Option<String>>| {
        let [imsi, msisdn, status] = row.try_into().expect("three columns");
        let on = status.as_deref() == Some("A");
        Row { imsi: imsi.expect("an IMSI"), msisdn, access: (on, on) }
    };
    rows.into_iter().map(row).collect()
}

/// Books and HLR say the same, and no ticket is open.
#[track_caller]
fn assert_agree(world: &World, hlr: &OsmoHlr) {
    assert_eq!(world.books().column("SELECT count(*) FROM subject_lock"), ["0"]);
    assert_eq!(hlr.subscribers(), wanted(world));
}

/// Has the networks of a served world given what its catalogue says is there already: the operator's check raises tickets
/// for it, unless the server's own was faster.
fn give(world: &World, hlr: &OsmoHlr, networks: &[&str]) {
    let checked = world.cli(&[&["network", "check"], networks, &["--repair"]].concat());
    assert!(checked.code.is_some_and(|code| code == 0 || code == 3), "{checked:?}");
    let open = || world.books().column("SELECT count(*) FROM subject_lock");
    eventually("the HLR to be given what the books say", || {
        (open() == ["0"] && hlr.subscribers() == wanted(world)).then_some(())
    });
}
