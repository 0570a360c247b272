//! A server of databases that can lose what it acknowledged is refused.

use crate::rig::*;

/// Asserts that a server with `settings` is refused in words that begin with `words`, and taken by who accepts losses.
fn is_refused(settings: &[&str], words: &str) {
    let cluster = Cluster::new(settings);
    let world = World::empty();
    let migrate = ["migrate", "--database", &cluster.inside("postgres")];
    let refused = run(world.dir(), &migrate).failed();
    assert!(refused.stderr.contains(&format!("error: {words}")), "{settings:?}: {refused:?}");
    assert_eq!(
        cluster.table("SELECT nspname FROM pg_namespace WHERE nspname = 'provisor'"),
        [""; 0]
    );
    let mut accepting = command(PROVISOR, world.dir());
    accepting.args(migrate).env("PROVISOR_STORE_ACCEPT_LOSS", "true");
    let output = accepting.output().expect("the binary starts");
    assert!(output.status.success(), "{settings:?}: {output:?}");
}

#[test]
fn a_server_that_writes_nothing_through_is_refused() {
    is_refused(&["fsync=off"], "fsync is off");
}

#[test]
fn a_server_that_tears_pages_is_refused() {
    is_refused(&["full_page_writes=off"], "full_page_writes is off");
}

#[test]
fn each_setting_that_is_off_is_named() {
    is_refused(
        &["fsync=off", "full_page_writes=off", "synchronous_commit=off"],
        "fsync, full_page_writes, synchronous_commit is off",
    );
}

#[test]
fn a_server_that_does_not_wait_for_its_synchronous_standby_is_refused() {
    is_refused(
        &["synchronous_commit=local", "synchronous_standby_names=elsewhere"],
        "synchronous_commit is `local`",
    );
}
