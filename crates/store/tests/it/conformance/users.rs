//! Users and credentials.

use std::sync::Arc;

use jiff::SignedDuration;
use provisor_domain::store::{
    GuessPlace, Guesses, NewCredential, NewUser, Store, StoreError, UserChange,
};
use provisor_domain::user::CredentialUse;
use provisor_domain::{ServiceCode, UserKind};
use secrecy::{ExposeSecret, SecretString};

use super::world::{LUIGI, MARIO, World, a, origin};

fn new_user(name: &str) -> NewUser {
    NewUser {
        username: a(name),
        kind: UserKind::Service(ServiceCode::FIRST),
        password_hash: SecretString::from("$argon2id$one"),
        customers: vec![a(MARIO), a(LUIGI)],
        bars: vec![a("AS_DATA")],
        boltons: vec![],
    }
}

async fn users_stamp(world: &World) -> i64 {
    world.store.stamp().await.unwrap().users
}

pub(crate) async fn a_user_is_added_once(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let before = users_stamp(&world).await;
    let add = async |user| world.store.user_add(user, origin(), world.start).await;
    assert!(add(new_user("Yoshi")).await.unwrap());
    let after = users_stamp(&world).await;
    assert!(after > before);
    assert!(!add(new_user("Yoshi")).await.unwrap(), "the name is taken");
    assert_eq!(users_stamp(&world).await, after);
    let auth = world.store.user_auth(a("Yoshi")).await.unwrap().unwrap();
    assert_eq!((auth.kind, auth.locked), (UserKind::Service(ServiceCode::FIRST), false));
    assert_eq!(auth.password_hash.expose_secret(), "$argon2id$one");
    let listed = world.store.user_list(None, 100).await.unwrap();
    let names: Vec<_> = listed.iter().map(|user| user.username.to_string()).collect();
    assert_eq!(names, ["GroupG", "LuigiG", "MarioG", "ServiceG", "TenantG", "Yoshi"]);
    let page = async |after: &str, limit| {
        let users = world.store.user_list(Some(a(after)), limit).await.unwrap();
        users.iter().map(|user| user.username.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(page("LuigiG", 2).await, ["MarioG", "ServiceG"]);
    assert_eq!(page("Yoshi", 2).await, [""; 0]);
    assert_eq!((listed[5].customers, listed[5].credentials, listed[5].locked), (2, 0, false));

    let unknown = NewUser { bars: vec![a("NO_SUCH_BAR")], ..new_user("Toad") };
    match add(unknown).await {
        Err(StoreError::Conflict(reason)) => assert!(reason.contains("NO_SUCH_BAR"), "{reason}"),
        other => panic!("{other:?}"),
    }
    assert!(world.store.user_auth(a("Toad")).await.unwrap().is_none(), "all or nothing");
}

pub(crate) async fn a_user_is_changed(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let change = async |name, change| {
        let before = users_stamp(&world).await;
        let changed =
            world.store.user_change(a(name), change, origin(), world.start).await.unwrap();
        assert_eq!(users_stamp(&world).await > before, changed);
        changed
    };
    let mario = async || world.store.user_auth(a("MarioG")).await.unwrap().unwrap();
    assert!(change("MarioG", UserChange::Password(SecretString::from("$argon2id$two"))).await);
    assert_eq!(mario().await.password_hash.expose_secret(), "$argon2id$two");
    assert!(change("MarioG", UserChange::Locked(true)).await);
    assert!(mario().await.locked);
    assert!(change("MarioG", UserChange::Locked(false)).await);
    assert!(!mario().await.locked);
    assert!(!change("Nobody", UserChange::Locked(true)).await);
    assert!(world.store.user_auth(a("Nobody")).await.unwrap().is_none());
}

pub(crate) async fn credentials_come_and_go(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let credential = |digest: u8| NewCredential {
        digest: [digest; 32],
        label: format!("pvk_{digest}"),
        usable_for: if digest == 1 { CredentialUse::Read } else { CredentialUse::Write },
        networks: vec![a("10.0.0.0/8"), a("2001:db8::/32")],
        expires: (digest == 1).then(|| world.at(60)),
    };
    let stamp = users_stamp(&world).await;
    for digest in [1, 2] {
        let add =
            world.store.credential_add(a("MarioG"), credential(digest), origin(), world.start);
        assert!(add.await.unwrap());
    }
    let add = world.store.credential_add(a("Nobody"), credential(3), origin(), world.start);
    assert!(!add.await.unwrap());
    assert!(users_stamp(&world).await >= stamp + 2);

    let auth =
        async |name, digest: u8| world.store.credential_auth(a(name), [digest; 32]).await.unwrap();
    let first = auth("MarioG", 1).await.unwrap();
    assert_eq!(first.user.id, world.scope("MarioG").await.user);
    assert_eq!((first.usable_for, first.expires), (CredentialUse::Read, Some(world.at(60))));
    assert_eq!(first.networks, credential(1).networks);
    assert!(auth("LuigiG", 1).await.is_none(), "it is somebody else's");
    assert!(auth("MarioG", 3).await.is_none());

    let list = async || world.store.credential_list(a("MarioG"), None, 100).await.unwrap().unwrap();
    let labels: Vec<_> = list().await.into_iter().map(|c| (c.label, c.revoked)).collect();
    assert_eq!(labels, [("pvk_2".to_owned(), None), ("pvk_1".to_owned(), None)]);
    assert!(world.store.credential_list(a("Nobody"), None, 100).await.unwrap().is_none());

    let newest = list().await[0].id;
    let page = async |before, limit| {
        let page = world.store.credential_list(a("MarioG"), before, limit).await.unwrap().unwrap();
        page.into_iter().map(|credential| credential.label).collect::<Vec<_>>()
    };
    assert_eq!(page(None, 1).await, ["pvk_2"]);
    assert_eq!(page(Some(newest), 1).await, ["pvk_1"]);
    let id = list().await[1].id;
    let revoke = async |name| {
        let now = world.at(9);
        world.store.credential_revoke(a(name), id, origin(), now).await.unwrap()
    };
    assert!(!revoke("LuigiG").await, "it is somebody else's");
    assert!(!revoke("Nobody").await);
    assert!(auth("MarioG", 1).await.is_some());
    assert!(revoke("MarioG").await);
    assert!(!revoke("MarioG").await, "it is revoked already");
    assert!(auth("MarioG", 1).await.is_none());
    assert!(auth("MarioG", 2).await.is_some());
    assert_eq!(list().await[1].revoked, Some(world.at(9)));
    let mario = world.store.user_list(None, 100).await.unwrap().remove(2);
    assert_eq!(mario.credentials, 1);
}

pub(crate) async fn failed_guesses_are_counted(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let places: Vec<GuessPlace> = (0..9).map(|n| GuessPlace([n; 32])).collect();
    let [user, network, other] = [places[0], places[1], places[2]];
    let at = |seconds| world.start + SignedDuration::from_secs(seconds);
    let failed = async |places: &[GuessPlace], seconds| {
        let quiet_since = at(seconds - 3_600);
        world.store.guess_failed(places.to_vec(), quiet_since, at(seconds)).await.unwrap();
    };
    let found = async |places: &[GuessPlace]| world.store.guesses(places.to_vec()).await.unwrap();
    let guesses = |failures, seconds| Some(Guesses { failures, last: at(seconds) });

    assert_eq!(found(&places).await, [None; 9]);
    failed(&[user, network], 0).await;
    failed(&[network, user], 1).await;
    failed(&[other, network], 2).await;
    assert_eq!(
        found(&[network, user, other]).await,
        [guesses(3, 2), guesses(2, 1), guesses(1, 2)],
        "in the order of the question"
    );
    // A clock that is behind moves nothing back.
    failed(&[user], 0).await;
    assert_eq!(found(&[user]).await, [guesses(3, 1)]);
    world.store.guess_forgiven(user).await.unwrap();
    assert_eq!(found(&[user, network]).await, [None, guesses(3, 2)]);

    // Quiet for an hour: it starts afresh, and others like it are forgotten, a few at a time.
    failed(&places, 10).await;
    failed(&[network], 3_611).await;
    assert_eq!(found(&[network]).await, [guesses(1, 3_611)]);
    failed(&[network], 3_612).await;
    let left = found(&places).await;
    assert_eq!(left.iter().flatten().count(), 1, "{left:?}");
}
