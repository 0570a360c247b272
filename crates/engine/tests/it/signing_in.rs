//! Who is signed in, who is not, and what is remembered.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use provisor_domain::clock::Clock;
use provisor_domain::store::{NewCredential, UserChange, Users};
use provisor_domain::user::CredentialUse;
use provisor_engine::{Credential, Engine, SignInError, hash_password};

use crate::rig::{HERE, World, origin};
use crate::running::Script;

async fn world() -> World {
    World::with(Arc::new(Script::obedient())).await
}

async fn fails(world: &World, name: &str, password: &str, source: IpAddr) -> bool {
    fails_at(&world.engine, name, password, source).await
}

async fn fails_at(engine: &Engine, name: &str, password: &str, source: IpAddr) -> bool {
    let password = password.into();
    let answer = engine.sign_in().sign_in(Some(name), Some(&password), source).await;
    match answer {
        Ok(_) => false,
        Err(SignInError::Failed) => true,
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn only_the_right_words_sign_in() {
    let world = world().await;
    assert!(!fails(&world, "MarioG", "Stuttgart", HERE).await);
    for (name, password) in [
        ("MarioG", "stuttgart"),
        ("MarioG", ""),
        ("mariog", "Stuttgart"),
        ("Nobody", "Stuttgart"),
        ("", "Stuttgart"),
        ("Mario\u{0}G", "Stuttgart"),
        ("MarioGS", "tuttgart"),
    ] {
        assert!(fails(&world, name, password, HERE).await, "{name} {password}");
    }
    let long = "x".repeat(2_000);
    assert!(fails(&world, "MarioG", &long, HERE).await);
    let nothing = world.engine.sign_in().sign_in(None, None, HERE).await;
    assert!(matches!(nothing, Err(SignInError::Failed)));
}

#[tokio::test]
async fn a_changed_password_and_a_lock_work_as_soon_as_they_are_seen() {
    let world = world().await;
    assert!(!fails(&world, "MarioG", "Stuttgart", HERE).await);
    let new = UserChange::Password(hash_password(&"Hamburg!".into()).unwrap());
    let now = world.clock.now();
    let name = || "MarioG".parse().unwrap();
    assert!(world.store.user_change(name(), new, origin(), now).await.unwrap());
    world.look().await;
    assert!(fails(&world, "MarioG", "Stuttgart", HERE).await);
    assert!(!fails(&world, "MarioG", "Hamburg!", HERE).await);
    world.store.user_change(name(), UserChange::Locked(true), origin(), now).await.unwrap();
    world.look().await;
    assert!(fails(&world, "MarioG", "Hamburg!", HERE).await);
}

#[tokio::test]
async fn guessing_is_held_up_and_a_client_that_worked_before_is_not() {
    let world = world().await;
    let elsewhere: IpAddr = "198.51.100.7".parse().unwrap();
    assert!(!fails(&world, "MarioG", "Stuttgart", HERE).await);
    for guess in 0..8 {
        assert!(fails(&world, "MarioG", &format!("guess {guess}"), HERE).await);
        assert!(fails(&world, "Other", &format!("guess {guess}"), HERE).await);
    }
    // The right password of a user who never signed in from here is held up with the guesses …
    assert!(fails(&world, "Other", "Stuttgart", HERE).await);
    // … from elsewhere it is not, and neither is what worked before, even when it must be checked again.
    assert!(!fails(&world, "Other", "Stuttgart", elsewhere).await);
    world.clock.pass(Duration::from_secs(61));
    for guess in 0..8 {
        assert!(fails(&world, "MarioG", &format!("again {guess}"), HERE).await);
    }
    assert!(!fails(&world, "MarioG", "Stuttgart", HERE).await);
    // Later everybody may try again.
    world.clock.pass(Duration::from_mins(10));
    assert!(!fails(&world, "Both", "Stuttgart", HERE).await);
}

#[tokio::test]
async fn whoever_guesses_at_one_node_is_held_up_at_all_and_after_a_restart() {
    let world = world().await;
    let neighbour = world.neighbour().await;
    for guess in 0..4 {
        for node in [&world.engine, &neighbour] {
            assert!(fails_at(node, "MarioG", &format!("guess {guess}"), HERE).await);
        }
    }
    // Each node has seen four guesses, which cost nothing; together they are eight.
    assert!(fails_at(&neighbour, "MarioG", "Stuttgart", HERE).await);
    assert!(fails_at(world.neighbour().await.as_ref(), "MarioG", "Stuttgart", HERE).await);
    let elsewhere = "198.51.100.7".parse().unwrap();
    assert!(!fails_at(&neighbour, "MarioG", "Stuttgart", elsewhere).await);
    // The delay passes for all of them, and who knew the password has not guessed.
    world.clock.pass(Duration::from_mins(1));
    assert!(!fails_at(world.neighbour().await.as_ref(), "MarioG", "Stuttgart", HERE).await);
    for node in [world.neighbour().await, world.neighbour().await] {
        for guess in 0..4 {
            assert!(fails_at(&node, "MarioG", &format!("mistyped {guess}"), HERE).await);
            if guess == 1 {
                assert!(!fails_at(&node, "MarioG", "Stuttgart", HERE).await);
            }
        }
    }
}

#[tokio::test]
async fn a_credential_works_in_the_passwords_place_until_it_expires_or_is_revoked() {
    let world = world().await;
    let key = world.store.installation_key().await.unwrap();
    let now = world.clock.now();
    let make = |credential: &Credential| NewCredential {
        digest: credential.digest(&key).0,
        label: credential.label().to_owned(),
        usable_for: CredentialUse::Read,
        networks: vec!["127.0.0.0/8".parse().unwrap()],
        expires: Some(now + jiff::SignedDuration::from_secs(30)),
    };
    let name = || "MarioG".parse().unwrap();
    let (short, revoked) = (Credential::generate(), Credential::generate());
    for credential in [&short, &revoked] {
        assert!(world.store.credential_add(name(), make(credential), origin(), now).await.unwrap());
    }
    world.look().await;
    let (short, revoked) = (short.reveal(), revoked.reveal());
    assert!(!fails(&world, "MarioG", short, HERE).await);
    assert!(fails(&world, "Other", short, HERE).await);
    assert!(fails(&world, "MarioG", short, "192.0.2.1".parse().unwrap()).await);
    let caller = world.engine.sign_in().sign_in(Some("MarioG"), Some(&short.into()), HERE).await;
    assert!(!caller.unwrap().may_write());
    assert!(!fails(&world, "MarioG", revoked, HERE).await);
    let newest = world.store.credential_list(name(), None, 100).await.unwrap().unwrap()[0].id;
    assert!(world.store.credential_revoke(name(), newest, origin(), now).await.unwrap());
    world.look().await;
    assert!(fails(&world, "MarioG", revoked, HERE).await);
    world.clock.pass(Duration::from_secs(31));
    assert!(fails(&world, "MarioG", short, HERE).await);
}

#[tokio::test]
async fn guesses_at_a_password_do_not_hold_up_a_credential_that_was_never_seen() {
    let world = world().await;
    let credential = Credential::generate();
    let key = world.store.installation_key().await.unwrap();
    let new = NewCredential {
        digest: credential.digest(&key).0,
        label: credential.label().to_owned(),
        usable_for: CredentialUse::Write,
        networks: Vec::new(),
        expires: None,
    };
    let name = "MarioG".parse().unwrap();
    let now = world.clock.now();
    assert!(world.store.credential_add(name, new, origin(), now).await.unwrap());
    for guess in 0..8 {
        assert!(fails(&world, "MarioG", &format!("guess {guess}"), HERE).await);
    }
    assert!(fails(&world, "MarioG", "Stuttgart", HERE).await, "the guesses are not held up");
    assert!(!fails(&world, "MarioG", credential.reveal(), HERE).await);
    // One with a fitting checksum that nobody was given is still refused.
    assert!(fails(&world, "MarioG", Credential::generate().reveal(), HERE).await);
}
