//! SIM imports.

use std::sync::Arc;

use provisor_domain::store::{
    BadRow, ConnectAsk, ImportId, ImportRow, Opened, Settled, SimFacts, SimKeys, Store, StoreError,
};
use provisor_domain::{Order, SealedKeys};
use secrecy::SecretString;

use super::world::{
    MARIO, World, a, completed, connect_of, iccid, import_row, origin, own_number, service_books,
    stock_sim,
};

async fn begin(world: &World) -> ImportId {
    world.store.sim_import_begin("stock.csv".to_owned(), origin(), world.start).await.unwrap()
}

async fn seen(world: &World, sim: usize) -> Option<SimFacts> {
    let ask = ConnectAsk {
        scope: world.scope("MarioG").await,
        iccid: iccid(sim),
        contract: a("1000274"),
        tariff: a("EU"),
        apns: vec![],
        idempotency: None,
    };
    world.store.connect_facts(ask).await.unwrap().sim
}

pub(crate) async fn an_import_lands_in_one_moment(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let import = begin(&world).await;
    let keys = SimKeys {
        ki_sealed: Some(SecretString::from("sealed ki")),
        opc_sealed: Some(SecretString::from("sealed opc")),
        eid: Some("89".repeat(16)),
    };
    let row = ImportRow { network: Some(a("NO")), keys, ..import_row(1, MARIO) };
    for rows in [vec![import_row(0, MARIO)], vec![row]] {
        assert_eq!(world.store.sim_import_rows(import, rows).await.unwrap(), []);
        assert_eq!((seen(&world, 0).await, seen(&world, 1).await), (None, None));
        let early = connect_of(&stock_sim(0, MARIO), world.start);
        assert_eq!(world.open(early).await, Opened::Stale);
    }
    world.store.sim_import_finish(import, world.at(1)).await.unwrap();
    assert_eq!(seen(&world, 0).await.unwrap().sim, stock_sim(0, MARIO));
    assert_eq!(seen(&world, 1).await.unwrap().sim.network, Some(a("NO")));
    let again = world.store.sim_import_finish(import, world.at(1)).await;
    assert!(matches!(again, Err(StoreError::Conflict(_))), "{again:?}");
    // What has landed is not taken back any more.
    world.store.sim_import_abandon(import).await.unwrap();
    assert!(seen(&world, 0).await.is_some());
}

pub(crate) async fn sealed_keys_are_there_once_they_landed(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sealed = || async { world.store.sim_import_sealed().await.unwrap() };
    let import = begin(&world).await;
    let eid = SimKeys { eid: Some("89".repeat(16)), ..SimKeys::default() };
    let rows = vec![import_row(0, MARIO), ImportRow { keys: eid, ..import_row(1, MARIO) }];
    assert_eq!(world.store.sim_import_rows(import, rows).await.unwrap(), []);
    world.store.sim_import_finish(import, world.start).await.unwrap();
    assert_eq!(sealed().await, None);

    let opc = SecretString::from("sealed opc");
    let keys = SimKeys { opc_sealed: Some(opc.clone()), ..SimKeys::default() };
    let row = ImportRow { keys, ..import_row(2, MARIO) };
    let died = begin(&world).await;
    assert_eq!(world.store.sim_import_rows(died, vec![row.clone()]).await.unwrap(), []);
    let next = begin(&world).await;
    assert_eq!(sealed().await, None, "those of an import that died are gone");
    assert_eq!(world.store.sim_import_rows(next, vec![row]).await.unwrap(), []);
    world.store.sim_import_finish(next, world.start).await.unwrap();
    assert_eq!(sealed().await, Some((iccid(2), SealedKeys { ki: None, opc: Some(opc) })));
}

pub(crate) async fn a_lease_carries_the_sims_keys_sealed(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sealed = |number: usize| SealedKeys {
        ki: Some(SecretString::from(format!("sealed ki {number}"))),
        opc: (number != 1).then(|| SecretString::from(format!("sealed opc {number}"))),
    };
    let row = |number: usize| {
        let SealedKeys { ki, opc } = sealed(number);
        let keys = SimKeys { ki_sealed: ki, opc_sealed: opc, eid: None };
        ImportRow { keys, ..import_row(number, MARIO) }
    };
    let import = begin(&world).await;
    let rows = vec![row(0), row(1), row(2), import_row(3, MARIO)];
    assert_eq!(world.store.sim_import_rows(import, rows).await.unwrap(), []);
    world.store.sim_import_finish(import, world.start).await.unwrap();

    let mut first = None;
    for (sim, keys) in [(0, sealed(0)), (1, sealed(1)), (3, SealedKeys::default())] {
        let id = world.opened(world.connect(sim).await).await;
        first.get_or_insert(id);
        let lease = world.claim(1, world.start).await.remove(0);
        assert_eq!(service_books(&lease).keys, keys, "SIM {sim}");
        assert_eq!(world.settle(&lease, completed(&lease), world.start).await, Settled::Done);
    }
    // Where the service moves, the keys are those of the SIM that it moves to.
    let first = world.ticket(first.unwrap()).await;
    let service = world.service(first.about.service().unwrap()).await;
    let mut moves = world.change(&service, Order::ChangeSim { new_sim: iccid(2) }).await;
    moves.subjects.push(world.connect(2).await.subjects.remove(0));
    world.opened(moves).await;
    let lease = world.claim(1, world.start).await.remove(0);
    assert_eq!(service_books(&lease).keys, sealed(2));
}

pub(crate) async fn bad_rows_are_named(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    world.add_sims(vec![own_number(stock_sim(0, MARIO), "07718123456")]).await;
    let import = begin(&world).await;
    let rows = vec![
        import_row(1, MARIO),
        import_row(0, MARIO), // known
        import_row(1, MARIO), // twice in the file
        ImportRow { imsi: stock_sim(0, MARIO).imsi, ..import_row(2, MARIO) }, // IMSI known
        ImportRow { msisdn: Some(a("07718123456")), ..import_row(3, MARIO) }, // number known
        import_row(4, "77"),  // customer unknown
        ImportRow { network: Some(a("XX")), ..import_row(5, MARIO) }, // network unknown
        import_row(6, MARIO),
    ];
    let bad = world.store.sim_import_rows(import, rows).await.unwrap();
    let row = |line, reason: &str| BadRow { line, reason: reason.to_owned() };
    let wanted = [
        row(2, &format!("SIM {} is known already", iccid(0))),
        row(3, &format!("SIM {} is known already", iccid(1))),
        row(4, "IMSI 901700000000000 belongs to another SIM"),
        row(5, "number 07718123456 belongs to another SIM"),
        row(6, "customer 77 is not known"),
        row(7, "network XX is not known"),
    ];
    assert_eq!(bad, wanted);
    world.store.sim_import_finish(import, world.start).await.unwrap();
    for (sim, landed) in [(1, true), (2, false), (3, false), (5, false), (6, true)] {
        assert_eq!(seen(&world, sim).await.is_some(), landed, "SIM {sim}");
    }
}

pub(crate) async fn an_abandoned_import_leaves_nothing(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 1).await;
    let import = begin(&world).await;
    // More than leave in one step.
    let rows: Vec<_> = (1..6_001)
        .map(|n| ImportRow {
            keys: SimKeys { ki_sealed: Some(SecretString::from("ki")), ..SimKeys::default() },
            ..import_row(n, MARIO)
        })
        .collect();
    assert_eq!(world.store.sim_import_rows(import, rows.clone()).await.unwrap(), []);
    world.store.sim_import_abandon(import).await.unwrap();
    let late = world.store.sim_import_rows(import, vec![import_row(1, MARIO)]).await;
    assert!(matches!(late, Err(StoreError::Conflict(_))), "{late:?}");
    let finish = world.store.sim_import_finish(import, world.start).await;
    assert!(matches!(finish, Err(StoreError::Conflict(_))), "{finish:?}");
    assert!(seen(&world, 0).await.is_some(), "other SIMs stay");
    let again = begin(&world).await;
    assert_eq!(world.store.sim_import_rows(again, rows).await.unwrap(), [], "all may come again");
    world.store.sim_import_finish(again, world.start).await.unwrap();
    assert!(seen(&world, 6_000).await.is_some());
}

pub(crate) async fn a_new_import_takes_an_unfinished_one_back(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let died = begin(&world).await;
    world.store.sim_import_rows(died, vec![import_row(0, MARIO)]).await.unwrap();
    let next = begin(&world).await;
    let rows = vec![import_row(0, MARIO), import_row(1, MARIO)];
    assert_eq!(world.store.sim_import_rows(next, rows.clone()).await.unwrap(), []);
    let late = world.store.sim_import_rows(died, rows).await;
    assert!(matches!(late, Err(StoreError::Conflict(_))), "{late:?}");
    world.store.sim_import_finish(next, world.start).await.unwrap();
    assert!(seen(&world, 0).await.is_some());
}
