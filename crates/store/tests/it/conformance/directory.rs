//! What callers see, and the facts their orders are decided on.

use std::sync::Arc;

use provisor_domain::catalogue::Catalogue;
use provisor_domain::order::Connect;
use provisor_domain::store::{
    BarFacts, ChangeAbout, ChangeAsk, ConnectAsk, Earlier, Idempotency, NewTicket, Opened,
    Products, ServiceFound, ServiceSummary, Store, StoreError, TemplateFacts, TicketFound,
};
use provisor_domain::support_case::{NewSupportCase, SupportFile};
use provisor_domain::{
    Order, Scope, Service, ServiceCode, ServiceSelector, ServiceStatus, TicketId, UserId,
};

use super::world::{LUIGI, MARIO, World, a, iccid, nobody, origin, own_number, stock_sim};

pub(crate) async fn contracts_count_their_live_services(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 2).await;
    let scope = world.scope("MarioG").await;
    let list = async || {
        let contracts = world.store.contract_list(scope.clone(), a(MARIO)).await.unwrap();
        let tuple = |c: &provisor_domain::store::ContractSummary| {
            (c.code.to_string(), c.name.clone(), c.active_services)
        };
        contracts.iter().map(tuple).collect::<Vec<_>>()
    };
    let row = |code: &str, name: &str, live| (code.to_owned(), name.to_owned(), live);
    let rows = |live| [row("1000274", "MarioG18", live), row("1900274", "MarioG19", 0)];
    assert_eq!(list().await, rows(0));
    let first = world.connected(0).await;
    world.connected(1).await;
    assert_eq!(list().await, rows(2));
    world.done(world.change(&first, Order::Disconnect).await, world.start).await;
    assert_eq!(list().await, rows(1));
}

fn select(code: Option<i64>, cli: Option<&str>, sim: Option<usize>) -> ServiceSelector {
    ServiceSelector::new(code.and_then(ServiceCode::new), cli.map(a), sim.map(iccid)).unwrap()
}

pub(crate) async fn a_selector_finds_one_service(store: Arc<dyn Store>) {
    const CLI: &str = "07718123456";
    let world = World::with_sims(store, 1).await;
    world.add_sims(vec![own_number(stock_sim(1, MARIO), CLI)]).await;
    world.connected(0).await;
    // Three services of one SIM and number: two that are over, one live.
    let mut lives = Vec::new();
    for _ in 0..3 {
        lives.push(world.connected(1).await);
        if lives.len() < 3 {
            let order = world.change(&lives[lives.len() - 1], Order::Disconnect).await;
            world.done(order, world.start).await;
        }
    }
    let found = |service: &Service| ServiceFound::Found(Box::new(service.clone()));
    let first = world.service(lives[0].code).await;
    let (code, other) = (first.code.number(), lives[2].code.number());
    let mario = world.scope("MarioG").await;
    let finds = async |selector| world.finds(&mario, selector).await;
    assert_eq!(finds(select(Some(code), None, None)).await, found(&first), "by code, also over");
    for selector in [
        select(None, Some(CLI), None),
        select(None, None, Some(1)),
        select(None, Some(CLI), Some(1)),
        select(Some(other), Some(CLI), Some(1)),
    ] {
        assert_eq!(finds(selector).await, found(&lives[2]), "the live one");
    }
    // An adopted service of the same SIM and number that is over: newer by its code, and still not the live one.
    let last = 9_000_000;
    let over = Service {
        code: ServiceCode::new(last).unwrap(),
        status: ServiceStatus::Closed,
        ..lives[2].clone()
    };
    world.load(Catalogue { services: vec![over.clone()], ..Catalogue::default() }).await;
    for selector in [select(None, Some(CLI), None), select(None, None, Some(1))] {
        assert_eq!(finds(selector).await, found(&lives[2]), "the live one, not the newest");
    }
    for selector in [
        select(Some(code), Some("07700900000"), None),
        select(Some(code), None, Some(0)),
        select(None, Some(CLI), Some(0)),
        select(Some(999), None, None),
    ] {
        assert_eq!(finds(selector).await, ServiceFound::Absent);
    }
    world.done(world.change(&lives[2], Order::Disconnect).await, world.start).await;
    for selector in [select(None, Some(CLI), None), select(None, None, Some(1))] {
        assert_eq!(finds(selector).await, found(&over), "else the newest");
    }
    let seen = world.store.service_find(mario.clone(), select(None, None, Some(1)), true).await;
    let ServiceFound::Found(seen) = seen.unwrap() else { panic!("it was found before") };
    assert!(seen.imsi.is_some());
    assert_eq!(seen.imsi, world.sim(1).await.imsi);
}

/// Connects a SIM into a reporting group.
async fn connected_in_group(world: &World, sim: usize, group: &str) -> Service {
    let mut ticket = world.connect(sim).await;
    if let Order::Connect(Connect { group: place, .. }) = &mut ticket.order {
        *place = Some(a(group));
    }
    let done = world.done(ticket, world.start).await;
    world.service(done.about.service().unwrap()).await
}

pub(crate) async fn a_kind_of_user_reaches_so_far(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 3).await;
    let first = connected_in_group(&world, 0, "vans").await; // the one service of ServiceG
    let truck = connected_in_group(&world, 1, "trucks").await; // in the group of GroupG
    let loose = world.connected(2).await;
    for (name, reached) in [
        ("MarioG", [true, true, true]),
        ("GroupG", [false, true, false]),
        ("ServiceG", [true, false, false]),
    ] {
        let scope = world.scope(name).await;
        for (service, reached) in [&first, &truck, &loose].into_iter().zip(reached) {
            let selector = ServiceSelector::by_code(service.code);
            let found = world.finds(&scope, selector).await;
            let wanted = if reached {
                ServiceFound::Found(Box::new(service.clone()))
            } else {
                ServiceFound::OutsideKind
            };
            assert_eq!(found, wanted, "{name}");
        }
    }
}

fn connect_ask(scope: Scope, sim: usize, contract: &str) -> ConnectAsk {
    ConnectAsk {
        scope,
        iccid: iccid(sim),
        contract: a(contract),
        tariff: a("EU"),
        apns: vec![a("FJORD"), a("NOWHERE"), a("CROUT")],
        idempotency: None,
    }
}

pub(crate) async fn a_connect_is_decided_on_facts(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 1).await;
    world.add_sims(vec![stock_sim(1, LUIGI)]).await;
    let scope = world.scope("MarioG").await;
    let facts = world.store.connect_facts(connect_ask(scope.clone(), 0, "1000274")).await.unwrap();
    assert_eq!((facts.earlier, facts.contract_customer), (None, Some(a(MARIO))));
    let sim = facts.sim.unwrap();
    assert_eq!((sim.sim, sim.open_ticket), (world.sim(0).await, None));
    assert_eq!(facts.tariff_network, Some(a("AS")));
    assert_eq!(facts.apn_networks, [Some(a("NO")), None, Some(a("AS"))]);

    let fingerprint = [1; 32];
    let key = Idempotency { key: "k".to_owned(), method: "m", fingerprint, user: scope.user };
    let new = NewTicket { idempotency: Some(key.clone()), ..world.connect(0).await };
    let id = world.opened(new).await;
    let same = ConnectAsk {
        idempotency: Some(key.clone()),
        tariff: a("NONE"),
        ..connect_ask(scope.clone(), 0, "1000274")
    };
    let facts = world.store.connect_facts(same.clone()).await.unwrap();
    assert_eq!(facts.earlier, Some(Earlier::Ticket(id)));
    assert_eq!((facts.sim.unwrap().open_ticket, facts.tariff_network), (Some(id), None));
    let other = Idempotency { fingerprint: [2; 32], ..key };
    let facts =
        world.store.connect_facts(ConnectAsk { idempotency: Some(other), ..same }).await.unwrap();
    assert_eq!(facts.earlier, Some(Earlier::Other));

    let foreign = world.store.connect_facts(connect_ask(scope, 1, "2000001")).await.unwrap();
    assert_eq!((foreign.contract_customer, foreign.sim), (None, None));
}

pub(crate) async fn a_change_is_decided_on_facts(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 2).await;
    world.add_sims(vec![stock_sim(2, LUIGI)]).await;
    let service = world.connected(0).await;
    let scope = world.scope("MarioG").await;
    let ask = |about: ChangeAbout| ChangeAsk {
        scope: scope.clone(),
        selector: ServiceSelector::by_code(service.code),
        about,
        idempotency: None,
    };
    let products = async |about| world.store.change_facts(ask(about)).await.unwrap().products;
    let bar = BarFacts { network: a("AS"), suspends: true };
    assert_eq!(products(ChangeAbout::Bar(a("AS_SUS_MSISDN"))).await, Products::Bar(Some(bar)));
    assert_eq!(products(ChangeAbout::Bar(a("AS_DATA"))).await, Products::Bar(None), "not granted");
    assert_eq!(products(ChangeAbout::Bar(a("NO_SUCH"))).await, Products::Bar(None));
    for about in [ChangeAbout::Bar(a("AS_SUS_MSISDN")), ChangeAbout::Bolton(a("ROAM"))] {
        let luigi = ChangeAsk { scope: world.scope("LuigiG").await, ..ask(about) };
        let products = world.store.change_facts(luigi).await.unwrap().products;
        let nothing = matches!(products, Products::Bar(None) | Products::Bolton(None));
        assert!(nothing, "granted to another user: {products:?}");
    }
    let roam = products(ChangeAbout::Bolton(a("ROAM"))).await;
    assert_eq!(roam, Products::Bolton(Some(a("AS"))));
    assert_eq!(products(ChangeAbout::Bolton(a("SECRET"))).await, Products::Bolton(None));
    let fleet = TemplateFacts {
        network: a("AS"),
        tariff: a("EU"),
        apns: vec![a("CROUT")],
        boltons: vec![a("ROAM")],
    };
    let template = products(ChangeAbout::Template(a("FLEET"))).await;
    assert_eq!(template, Products::Template(Some(fleet)));
    assert_eq!(products(ChangeAbout::Template(a("X"))).await, Products::Template(None));
    assert_eq!(products(ChangeAbout::NewSim(iccid(2))).await, Products::NewSim(None), "foreign");
    match products(ChangeAbout::NewSim(iccid(1))).await {
        Products::NewSim(Some(facts)) => assert_eq!(facts.sim, world.sim(1).await),
        other => panic!("{other:?}"),
    }

    let id = world.opened(world.change(&service, Order::Disconnect).await).await;
    let facts = world.store.change_facts(ask(ChangeAbout::Nothing)).await.unwrap();
    assert_eq!(facts.service, ServiceFound::Found(Box::new(service.clone())));
    let sim = facts.sim.unwrap();
    assert_eq!((sim.sim, sim.open_ticket), (world.sim(0).await, Some(id)));
    let narrow = ChangeAsk { scope: world.scope("GroupG").await, ..ask(ChangeAbout::Nothing) };
    let facts = world.store.change_facts(narrow).await.unwrap();
    assert_eq!((facts.service, facts.sim), (ServiceFound::OutsideKind, None));
}

pub(crate) async fn tickets_are_found_by_those_who_may(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 3).await;
    let truck = connected_in_group(&world, 0, "trucks").await;
    let of_truck = world.opened(world.change(&truck, Order::Disconnect).await).await;
    let mut by_group = world.connect(1).await;
    "user:GroupG".clone_into(&mut by_group.origin.actor);
    let by_group = world.opened(by_group).await;
    let by_mario = world.opened(world.connect(2).await).await;
    for (name, seen) in [
        ("MarioG", [true, true, true]),
        ("GroupG", [true, true, false]),
        ("LuigiG", [false, false, false]),
        // Its one service is the truck's.
        ("ServiceG", [true, false, false]),
        ("TenantG", [false, false, false]),
    ] {
        let scope = world.scope(name).await;
        for (id, seen) in [of_truck, by_group, by_mario].into_iter().zip(seen) {
            let found = world.store.ticket_find(scope.clone(), id).await.unwrap();
            let ticket = TicketFound::Ticket(Box::new(world.ticket(id).await));
            let wanted = seen.then_some(ticket);
            assert_eq!(found, wanted, "{name}");
        }
    }
}

pub(crate) async fn support_cases_share_the_numbers(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 3).await;
    let truck = connected_in_group(&world, 0, "trucks").await;
    let case = async |name: &str, service: Option<&Service>| NewSupportCase {
        scope: world.scope(name).await,
        ticket_type: a("PORT"),
        message: "please".to_owned(),
        file: Some(SupportFile { name: "form.pdf".to_owned(), content: vec![0, 159, 146] }),
        service: service.cloned().map(|service| ServiceSummary::of(service, None)),
        origin: origin(),
        idempotency: None,
        raised: world.start,
    };
    let opened = async |case: NewSupportCase| match world.store.support_case_open(case).await {
        Ok(Opened::Ticket(id)) => id,
        other => panic!("not opened: {other:?}"),
    };
    let ticket = world.opened(world.connect(1).await).await;
    let about_truck = opened(case("MarioG", Some(&truck)).await).await;
    assert_eq!(about_truck.number(), ticket.number() + 1);
    let loose = opened(case("MarioG", None).await).await;
    let next = world.opened(world.connect(2).await).await;
    assert_eq!(next.number(), loose.number() + 1);
    for (name, seen) in
        [("MarioG", [true, true]), ("GroupG", [true, false]), ("LuigiG", [false, false])]
    {
        let scope = world.scope(name).await;
        for (id, seen) in [about_truck, loose].into_iter().zip(seen) {
            let found = world.store.ticket_find(scope.clone(), id).await.unwrap();
            assert_eq!(found.is_some(), seen, "{name}");
            if let Some(found) = found {
                let TicketFound::Case(case) = found else { panic!("{found:?}") };
                let service = (id == about_truck).then_some(truck.code);
                assert_eq!((case.id, case.service, case.closed), (id, service, None));
                assert_eq!((case.ticket_type, case.raised), (a("PORT"), world.start));
            }
        }
    }
    // A tenant's user has no business here, not even with what it raised itself.
    let of_tenant = opened(case("TenantG", None).await).await;
    let tenant = world.scope("TenantG").await;
    assert_eq!(world.store.ticket_find(tenant, of_tenant).await.unwrap(), None);
    let types = async |code: &str| world.store.ticket_type_find(a(code)).await.unwrap();
    assert_eq!(
        (types("PORT").await, types("FAULT").await, types("X").await),
        (Some(true), Some(false), None)
    );
    let unknown = NewSupportCase { ticket_type: a("X"), ..case("MarioG", None).await };
    let refused = world.store.support_case_open(unknown).await;
    assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
}

/// Every question with a scope, once about what is another customer's and once about what is not there at all: the
/// answers must be the same.
pub(crate) async fn what_is_foreign_is_absent(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 2).await;
    let service = world.connected(0).await;
    let ticket = world.opened(world.connect(1).await).await;
    let number = service.cli.as_ref().unwrap().as_str();
    let luigi = world.scope("LuigiG").await;
    let tenant = world.scope("TenantG").await;
    for scope in [luigi.clone(), tenant, nobody(), Scope { user: UserId(0), ..luigi }] {
        let store = &world.store;
        let contracts =
            async |customer| store.contract_list(scope.clone(), a(customer)).await.unwrap();
        assert_eq!(contracts(MARIO).await, contracts("77").await);
        let find = async |selector| world.finds(&scope, selector).await;
        let absent = find(select(Some(77), None, None)).await;
        assert_eq!(absent, ServiceFound::Absent);
        assert_eq!(find(select(Some(service.code.number()), None, None)).await, absent);
        assert_eq!(find(select(None, Some(number), None)).await, absent);
        assert_eq!(find(select(None, None, Some(0))).await, absent);
        let connect = async |sim, contract| {
            store.connect_facts(connect_ask(scope.clone(), sim, contract)).await.unwrap()
        };
        assert_eq!(connect(1, "1000274").await, connect(77, "77").await);
        let change = async |selector, sim| {
            let about = ChangeAbout::NewSim(iccid(sim));
            let ask = ChangeAsk { scope: scope.clone(), selector, about, idempotency: None };
            store.change_facts(ask).await.unwrap()
        };
        let there = select(None, Some(number), None);
        let not_there = select(None, Some("77777"), None);
        assert_eq!(change(there, 1).await, change(not_there, 77).await);
        let tickets = async |id| store.ticket_find(scope.clone(), id).await.unwrap();
        assert_eq!(tickets(ticket).await, tickets(TicketId::new(77_777).unwrap()).await);
    }
}

pub(crate) async fn a_key_stands_for_one_support_case(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 1).await;
    let scope = world.scope("MarioG").await;
    let case = |fingerprint: u8| NewSupportCase {
        scope: scope.clone(),
        ticket_type: a("PORT"),
        message: "please".to_owned(),
        file: None,
        service: None,
        origin: origin(),
        idempotency: Some(Idempotency {
            key: "case-1".to_owned(),
            method: "raiseTicket",
            fingerprint: [fingerprint; 32],
            user: scope.user,
        }),
        raised: world.start,
    };
    let first = world.store.support_case_open(case(1)).await.unwrap();
    let Opened::Ticket(id) = first else { panic!("not opened: {first:?}") };
    assert_eq!(world.store.support_case_open(case(1)).await.unwrap(), Opened::Replayed(id));
    assert_eq!(world.store.support_case_open(case(2)).await.unwrap(), Opened::KeyReused);
}
