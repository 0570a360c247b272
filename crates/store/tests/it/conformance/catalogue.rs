//! The catalogue: read back, repeated, refused.

use std::sync::Arc;

use provisor_domain::catalogue::{Catalogue, CatalogueKeys, Contract, Customer, PortalAdoption};
use provisor_domain::mail::MailboxKind;
use provisor_domain::service::{AppliedBar, Products};
use provisor_domain::store::{Store, StoreError};
use provisor_domain::{Order, Service, ServiceCode, ServiceStatus, SimRecord, SimState};
use secrecy::ExposeSecret;

use super::portal_world::{adoption, first_enable};
use super::world::{LUIGI, MARIO, World, a, catalogue, iccid, origin, stock_sim};

fn running(code: i64, sim: usize, contract: &str) -> Service {
    Service {
        code: ServiceCode::new(code).unwrap(),
        name: a("Old van"),
        status: ServiceStatus::Barred,
        cli: Some(a(&format!("0771800{code:04}"))),
        iccid: iccid(sim),
        network: a("AS"),
        contract: a(contract),
        customer: a(if contract.starts_with('2') { LUIGI } else { MARIO }),
        tariff: a("EU"),
        group: Some(a("vans")),
        products: Products {
            apns: vec![a("CROUT")],
            boltons: vec![a("ROAM")],
            bars: vec![AppliedBar { code: a("AS_SUS_MSISDN"), suspends: true }],
        },
    }
}

/// The world with a bit of everything.
fn rich() -> Catalogue {
    let mut rich = catalogue();
    rich.networks[1].settings.insert("seed".to_owned(), serde_json::json!(7));
    rich.networks[1].settings.insert("rate".to_owned(), serde_json::json!(0.25));
    rich.sims = vec![stock_sim(0, MARIO), stock_sim(1, MARIO), stock_sim(2, LUIGI)];
    rich.services = vec![running(7, 1, "1900274")];
    rich.portal_customers = vec![adoption("kommitt/10953"), adoption("other/10953")];
    rich
}

fn keys(of: &Catalogue) -> CatalogueKeys {
    let mut keys = CatalogueKeys {
        sims: of.sims.iter().map(|sim| sim.iccid.clone()).collect(),
        services: of.services.iter().map(|service| service.code).collect(),
        portal_customers: of.portal_customers.iter().map(|one| one.id.clone()).collect(),
    };
    keys.sims.push(iccid(77)); // not there: left out of the answer
    keys.services.push(ServiceCode::new(77).unwrap());
    keys.portal_customers.push(a("kommitt/77"));
    keys
}

/// What a catalogue says, in a form that can be compared (secrets exposed, SIMs without what tickets move).
fn told(catalogue: &Catalogue) -> String {
    let users = catalogue.users.iter().map(|user| {
        let hash = user.password_hash.as_ref().map(|hash| hash.expose_secret().to_owned());
        format!(
            "{:?}",
            (&user.username, &user.kind, hash, &user.customers, &user.bars, &user.boltons)
        )
    });
    let sims = catalogue.sims.iter().map(|sim| {
        format!("{:?}", (&sim.iccid, &sim.imsi, &sim.msisdn, &sim.customer, &sim.network))
    });
    let c = catalogue;
    let rest = (&c.networks, &c.tariffs, &c.apns, &c.boltons, &c.bars, &c.templates);
    let portal = c.portal_customers.iter().map(|one| {
        let phc = one.secret.as_ref().map(|secret| secret.phc.expose_secret().to_owned());
        format!("{:?}", (one, phc))
    });
    let portal: Vec<_> = portal.collect();
    let more = (&c.ticket_types, &c.customers, &c.services, &c.tenants, portal);
    format!("{:?}", (users.collect::<Vec<_>>(), sims.collect::<Vec<_>>(), rest, more))
}

async fn read(world: &World, of: &Catalogue) -> Catalogue {
    world.store.catalogue_read(keys(of)).await.unwrap()
}

async fn refused(world: &World, catalogue: Catalogue) -> String {
    match world.store.catalogue_write(catalogue, origin(), world.start).await {
        Err(StoreError::Conflict(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn a_catalogue_is_read_back(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    world.load(rich()).await;
    assert_eq!(told(&read(&world, &rich()).await), told(&rich()));
    assert_eq!(world.store.network_list().await.unwrap(), rich().networks);
    assert_eq!(world.sim(0).await.state, SimState::Stock);
    assert_eq!(world.sim(1).await.state, SimState::InUse);
}

pub(crate) async fn the_second_time_nothing_changes(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    world.load(rich()).await;
    let (stamp, first) = (world.store.stamp().await.unwrap(), read(&world, &rich()).await);
    world.load(rich()).await;
    let second = read(&world, &rich()).await;
    assert_eq!(world.store.stamp().await.unwrap(), stamp);
    assert_eq!((told(&first), first.sims), (told(&second), second.sims), "versions included");

    let mut changed = rich();
    "http".clone_into(&mut changed.networks[0].driver);
    world.load(changed.clone()).await;
    let moved = world.store.stamp().await.unwrap();
    assert!(moved.networks > stamp.networks);
    assert_eq!(moved.users, stamp.users);
    changed.users[0].bars.clear();
    world.load(changed.clone()).await;
    assert!(world.store.stamp().await.unwrap().users > moved.users);
    changed.sims[0].msisdn = Some(a("07718123456"));
    let version = world.sim(0).await.version;
    world.load(changed).await;
    assert!(world.sim(0).await.version > version, "who decided on the old SIM decides again");
}

/// Puts something into a catalogue that does not fit.
type Spoil = dyn Fn(&mut Catalogue);

pub(crate) async fn it_is_all_or_nothing(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 1).await;
    let before = told(&read(&world, &rich()).await);
    let stamp = world.store.stamp().await.unwrap();
    let with = |change: &dyn Fn(&mut Catalogue)| {
        let mut bad = rich();
        "renamed".clone_into(&mut bad.tariffs[0].name);
        change(&mut bad);
        bad
    };
    let sim = iccid(2);
    let spoilers: [(&str, &Spoil); 8] = [
        ("NOWHERE", &|c| c.tariffs[1].network = a("NOWHERE")),
        ("NO_APN", &|c| c.templates[0].apns.push(a("NO_APN"))),
        ("1000274", &|c| {
            let contracts = vec![Contract { code: a("1000274"), name: "Mine".to_owned() }];
            c.customers[1] = Customer { contracts, ..c.customers[1].clone() };
        }),
        ("Newcomer", &|c| {
            c.users[0].username = a("Newcomer");
            c.users[0].password_hash = None;
        }),
        ("NO_BAR", &|c| c.users[0].bars.push(a("NO_BAR"))),
        (sim.as_str(), &|c| c.sims[2].imsi = c.sims[0].imsi.clone()),
        ("2000001", &|c| c.services[0].contract = a("2000001")),
        ("service 7", &|c| c.services[0].iccid = iccid(2)),
    ];
    for (named, spoil) in spoilers {
        let reason = refused(&world, with(spoil)).await;
        assert!(reason.contains(named), "{reason} does not name {named}");
        assert_eq!(told(&read(&world, &rich()).await), before);
    }
    assert_eq!(world.store.stamp().await.unwrap(), stamp);
}

pub(crate) async fn grants_are_replaced_and_passwords_kept(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let scope = world.scope("MarioG").await;
    let mut next = catalogue();
    next.users[2].password_hash = None;
    next.users[2].customers = vec![a(LUIGI)];
    next.users[2].bars = vec![a("AS_DATA")];
    world.load(next).await;
    let mario = read(&world, &Catalogue::default()).await.users.remove(2);
    assert_eq!(mario.password_hash.unwrap().expose_secret(), "$argon2id$MarioG");
    assert_eq!((mario.customers, mario.bars), (vec![a(LUIGI)], vec![a("AS_DATA")]));
    let list =
        async |customer| world.store.contract_list(scope.clone(), a(customer)).await.unwrap();
    assert_eq!(list(MARIO).await, [], "a revoked grant works at once");
    assert_eq!(list(LUIGI).await.len(), 1);
}

pub(crate) async fn a_sim_in_use_stays_where_it_is(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 2).await;
    world.connected(0).await;
    let moved = |sim: SimRecord| Catalogue {
        sims: vec![SimRecord { customer: a(LUIGI), ..sim }],
        ..Catalogue::default()
    };
    let before = world.sim(0).await;
    assert!(refused(&world, moved(before.clone())).await.contains(before.iccid.as_str()));
    assert_eq!(world.sim(0).await, before);
    let id = world.opened(world.connect(1).await).await;
    let reason = refused(&world, moved(world.sim(1).await)).await;
    assert!(reason.contains(&id.to_string()), "the ticket's books stay still: {reason}");
    let why = "not wanted".to_owned();
    world.store.ticket_cancel(id, why, origin(), world.start).await.unwrap();
    world.load(moved(world.sim(1).await)).await;
    assert_eq!(world.sim(1).await.customer, a(LUIGI));
}

pub(crate) async fn running_services_are_adopted(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 1).await;
    let adopt = |services| Catalogue { services, ..Catalogue::default() };
    // On a SIM in stock, on one that is not known yet, and one that is over already.
    let over = Service { status: ServiceStatus::Closed, ..running(9, 2, "1900274") };
    let services = vec![running(7, 0, "1900274"), running(8, 1, "2000001"), over];
    world.load(adopt(services.clone())).await;
    let mut found = Vec::new();
    for sim in 0..3 {
        found.push(world.sim(sim).await.state);
    }
    assert_eq!(found, [SimState::InUse, SimState::InUse, SimState::Stock]);
    assert_eq!(world.service(services[0].code).await, services[0]);
    let live = async |user, customer| {
        let scope = world.scope(user).await;
        let contracts = world.store.contract_list(scope, a(customer)).await.unwrap();
        contracts.iter().map(|contract| contract.active_services).collect::<Vec<_>>()
    };
    assert_eq!(live("MarioG", MARIO).await, [0, 1]);
    assert_eq!(live("LuigiG", LUIGI).await, [1]);

    // From its adoption on, tickets change it; the file does not.
    let rename = world.change(&services[0], Order::Rename { name: a("New van") }).await;
    world.done(rename, world.start).await;
    world.load(adopt(services.clone())).await;
    assert_eq!(world.service(services[0].code).await.name, a("New van"));
    assert_eq!(live("MarioG", MARIO).await, [0, 1]);
    // New services go on counting from the documents' first code.
    world.add_sims(vec![stock_sim(3, MARIO)]).await;
    assert_eq!(world.connected(3).await.code, ServiceCode::FIRST);
    for bad in [
        running(10, 0, "1900274"), // its SIM is in use
        Service { cli: services[0].cli.clone(), ..running(10, 4, "1900274") },
        Service { tariff: a("NO_SUCH"), ..running(10, 4, "1900274") },
        Service { contract: a("77"), ..running(10, 4, "1900274") },
    ] {
        assert!(refused(&world, adopt(vec![bad])).await.contains("service 10"));
    }
}

pub(crate) async fn portal_customers_are_adopted(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let adopt = |portal_customers| Catalogue { portal_customers, ..Catalogue::default() };
    let both = vec![adoption("kommitt/10953"), adoption("other/10953")];
    let stamp = world.store.stamp().await.unwrap();
    world.load(adopt(both.clone())).await;
    assert_eq!(world.store.stamp().await.unwrap(), stamp);
    let stands = async || read(&world, &adopt(both.clone())).await.portal_customers;
    assert_eq!(stands().await, both);

    // From its adoption on, tickets change it; the file does not.
    let id = &both[0].id;
    world.portal_done(world.portal_order(id, Order::PortalDisable).await).await;
    let after = stands().await;
    assert!(!after[0].enabled);
    world.load(adopt(both.clone())).await;
    assert_eq!(stands().await, after);
    assert_eq!(world.portal(id).await.customer.unwrap().version, 2);

    // What does not fit is refused whole, and named.
    let pending = a("kommitt/pending");
    let ticket = world.opened(first_enable(&pending, world.start)).await;
    let fits = adoption("kommitt/14056");
    let new = || adoption("kommitt/new");
    let mut taken = new();
    taken.mailboxes[1].address = a("M.10953@KOMMITT.example");
    let mut two_primaries = new();
    two_primaries.mailboxes[1].kind = MailboxKind::Primary;
    let mut twice = new();
    twice.packs.push(twice.packs[0].clone());
    for (bad, named) in [
        (taken, "M.10953@KOMMITT.example"),
        (two_primaries, "primary"),
        (twice, "pack Mail"),
        (adoption("nowhere/14056"), "nowhere"),
        (PortalAdoption { id: pending, ..new() }, ticket.to_string().as_str()),
    ] {
        let id = bad.id.to_string();
        let reason = refused(&world, adopt(vec![fits.clone(), bad])).await;
        assert!(reason.contains(&id) && reason.contains(named), "{reason} does not name {named}");
        assert_eq!(world.portal(&fits.id).await.customer, None);
    }
}
