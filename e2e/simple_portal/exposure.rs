//! Where the server may listen when the Simple Portal face has tenants.

use crate::rig::*;

const LONELY: &str = r#"
[[tenant]]
name = "kommitt"
mail_domain = "rapeedo.net"
"#;

fn serve(world: &World, listen: &str) -> Vec<String> {
    let url = world.database_url();
    ["serve", "--listen", listen, "--metrics-listen", "off", "--database", &url]
        .map(String::from)
        .into()
}

fn starts(world: &World, listen: &str) {
    let mut command = command(PROVISOR, world.dir());
    drop(Server::start(command.args(serve(world, listen)), world.dir()));
}

#[test]
fn an_open_address_is_refused_until_it_is_said_who_may_call() {
    let world = World::with(LONELY);
    let args = serve(&world, "0.0.0.0:0");
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let said = run(world.dir(), &args).failed().stderr;
    for word in ["Simple Portal", "kommitt", "networks", "provisor user add", "--listen 127.0.0.1"]
    {
        assert!(said.contains(word), "{word:?} is not in: {said}");
    }
    starts(&world, "127.0.0.1:0");
    world.file("secret", "a long password\n");
    let secret = world.dir().join("secret").display().to_string();
    let add = ["user", "add", "backend", "--tenant", "kommitt", "--password-file", &secret];
    world.cli(&add).succeeded();
    starts(&world, "0.0.0.0:0");
}

#[test]
fn networks_that_may_call_open_the_address_too_and_without_tenants_it_is_open_anyway() {
    let networks = LONELY.replace("mail_domain", "networks = [\"192.0.2.0/24\"]\nmail_domain");
    starts(&World::with(&networks), "0.0.0.0:0");
    starts(&World::with(BASE), "0.0.0.0:0");
}

#[test]
fn a_tenant_that_does_not_exist_gets_no_back_end() {
    let world = World::with(LONELY);
    world.file("secret", "a long password\n");
    let secret = world.dir().join("secret").display().to_string();
    let add = ["user", "add", "backend", "--tenant", "comet", "--password-file", &secret];
    let said = world.cli(&add).failed().stderr;
    assert!(said.contains("there is no tenant comet"), "{said}");
}
