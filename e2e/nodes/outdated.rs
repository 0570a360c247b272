//! A node whose database a newer program has migrated past it.

use crate::rig::*;

#[test]
fn a_node_that_has_become_too_old_for_the_database_says_so_and_ends() {
    let world = World::on_postgres_with(BASE);
    let mut node = world.serve();
    Caller::alice(&node).soon("ok");
    // A neighbour only added something: both work side by side.
    let books = world.books();
    books.run("INSERT INTO migration (number, oldest) VALUES (2, 1)");
    Caller::alice(&node).connect(SIM_1);
    // The one after that removed what this one uses.
    books.run("INSERT INTO migration (number, oldest) VALUES (3, 2)");
    let ended = eventually("the node to end", || node.ended());
    assert_eq!(ended.code(), Some(1));
    let log = node.output().stderr();
    assert!(log.contains("error: the database was written by a newer provisor"), "{log}");
    let again = Server::try_start(&mut world.serve_command(), world.dir());
    assert_eq!(again.expect_err("it does not start").code(), Some(1));
}
