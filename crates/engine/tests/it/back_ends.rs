//! Who may call for a tenant, and who may not.

use std::net::IpAddr;
use std::time::Duration;

use provisor_domain::clock::Clock;
use provisor_domain::store::{NewCredential, UserChange, Users};
use provisor_domain::user::CredentialUse;
use provisor_engine::{BackEnd, BackEndError, Credential, Shown, SignInError};
use tokio::time::Instant;

use crate::portal_rig::PortalWorld;
use crate::rig::{HERE, origin};

/// Kommitt's own network is 127.0.0.0/8.
const INSIDE: Option<IpAddr> = Some(HERE);
const OUTSIDE: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 7)));

async fn lets_in(
    portal: &PortalWorld,
    shown: Shown,
    source: Option<IpAddr>,
) -> Result<BackEnd, BackEndError> {
    let kommitt = portal.tenant("kommitt").await;
    portal.world.engine.sign_in().back_end(&kommitt, shown, source).await
}

fn basic(name: &str, password: &str) -> Shown {
    Shown::Basic(name.into(), password.into())
}

fn bearer(credential: &Credential) -> Shown {
    Shown::Bearer(credential.reveal().into())
}

#[track_caller]
fn assert_failed(answer: &Result<BackEnd, BackEndError>) {
    assert!(matches!(answer, Err(BackEndError::Failed)), "{answer:?}");
}

#[track_caller]
fn assert_foreign(answer: &Result<BackEnd, BackEndError>) {
    assert!(matches!(answer, Err(BackEndError::Foreign)), "{answer:?}");
}

/// A credential of a user, as `change` makes it of one that may do everything from everywhere.
async fn credential(
    portal: &PortalWorld,
    user: &str,
    change: impl FnOnce(NewCredential) -> NewCredential,
) -> Credential {
    let store = &portal.world.store;
    let credential = Credential::generate();
    let new = NewCredential {
        digest: credential.digest(&store.installation_key().await.unwrap()).0,
        label: credential.label().to_owned(),
        usable_for: CredentialUse::Write,
        networks: Vec::new(),
        expires: None,
    };
    let now = portal.world.clock.now();
    let user = user.parse().unwrap();
    assert!(store.credential_add(user, change(new), origin(), now).await.unwrap());
    portal.world.look().await;
    credential
}

#[tokio::test]
async fn from_the_tenants_networks_nothing_need_be_shown() {
    let portal = PortalWorld::new().await;
    let back_end = lets_in(&portal, Shown::Nothing, INSIDE).await.unwrap();
    assert_eq!(back_end.actor, "tenant:kommitt@127.0.0.1");
    assert!(back_end.may_write && !back_end.shown, "{back_end:?}");
    let others: Option<IpAddr> = Some("192.0.2.1".parse().unwrap());
    for source in [OUTSIDE, others, None] {
        let answer = lets_in(&portal, Shown::Nothing, source).await;
        assert!(matches!(answer, Err(BackEndError::Needed)), "{source:?} {answer:?}");
    }
    // What is shown is checked wherever it comes from.
    assert_failed(&lets_in(&portal, Shown::Unreadable, INSIDE).await);
    assert_failed(&lets_in(&portal, basic("backend", "wrong"), INSIDE).await);
}

#[tokio::test]
async fn password_and_credential_are_taken_from_everywhere() {
    let portal = PortalWorld::new().await;
    let credential = credential(&portal, "backend", |new| new).await;
    let words =
        [basic("backend", "Stuttgart"), basic("backend", credential.reveal()), bearer(&credential)];
    for shown in words {
        for source in [INSIDE, OUTSIDE, None] {
            let back_end = lets_in(&portal, shown.clone(), source).await.unwrap();
            assert_eq!(back_end.actor, "user:backend");
            assert!(back_end.may_write && back_end.shown, "{back_end:?}");
        }
    }
    // One credential is not another user's, and no password is a bearer token.
    assert_failed(&lets_in(&portal, basic("abroad", credential.reveal()), OUTSIDE).await);
    assert_failed(&lets_in(&portal, Shown::Bearer("Stuttgart".into()), OUTSIDE).await);
    assert_failed(&lets_in(&portal, bearer(&Credential::generate()), OUTSIDE).await);
}

#[tokio::test]
async fn somebody_elses_words_are_no_good_even_inside() {
    let portal = PortalWorld::new().await;
    for user in ["abroad", "MarioG"] {
        let credential = credential(&portal, user, |new| new).await;
        for source in [INSIDE, OUTSIDE] {
            assert_foreign(&lets_in(&portal, basic(user, "Stuttgart"), source).await);
            assert_foreign(&lets_in(&portal, basic(user, credential.reveal()), source).await);
            assert_foreign(&lets_in(&portal, bearer(&credential), source).await);
        }
    }
}

#[tokio::test]
async fn a_credential_does_no_more_than_it_was_made_for() {
    let portal = PortalWorld::new().await;
    let reading = credential(&portal, "backend", |new| NewCredential {
        usable_for: CredentialUse::Read,
        ..new
    });
    let reading = reading.await;
    for shown in [bearer(&reading), basic("backend", reading.reveal())] {
        assert!(!lets_in(&portal, shown, OUTSIDE).await.unwrap().may_write);
    }
    let bound = credential(&portal, "backend", |new| NewCredential {
        networks: vec!["203.0.113.0/24".parse().unwrap()],
        ..new
    });
    let bound = bound.await;
    let home: Option<IpAddr> = Some("203.0.113.9".parse().unwrap());
    for shown in [bearer(&bound), basic("backend", bound.reveal())] {
        // Also once it is remembered.
        for _ in 0..2 {
            assert!(lets_in(&portal, shown.clone(), home).await.is_ok());
            for source in [INSIDE, OUTSIDE, None] {
                assert_failed(&lets_in(&portal, shown.clone(), source).await);
            }
        }
    }
}

#[tokio::test]
async fn a_credential_ends_when_it_expires_and_when_it_is_revoked() {
    let portal = PortalWorld::new().await;
    let expires = portal.world.clock.now() + jiff::SignedDuration::from_secs(30);
    let expiring =
        credential(&portal, "backend", |new| NewCredential { expires: Some(expires), ..new });
    let expiring = expiring.await;
    let revoked = credential(&portal, "backend", |new| new).await;
    for credential in [&expiring, &revoked] {
        assert!(lets_in(&portal, bearer(credential), OUTSIDE).await.is_ok());
    }
    portal.world.clock.pass(Duration::from_secs(31));
    assert_failed(&lets_in(&portal, bearer(&expiring), OUTSIDE).await);
    let store = &portal.world.store;
    let name = || "backend".parse().unwrap();
    let known = store.credential_list(name(), None, 100).await.unwrap().unwrap();
    let newest = known.iter().find(|one| one.label == revoked.label()).unwrap().id;
    let now = portal.world.clock.now();
    assert!(store.credential_revoke(name(), newest, origin(), now).await.unwrap());
    assert!(lets_in(&portal, bearer(&revoked), OUTSIDE).await.is_ok(), "not seen yet");
    portal.world.look().await;
    assert_failed(&lets_in(&portal, bearer(&revoked), OUTSIDE).await);
    assert_failed(&lets_in(&portal, basic("backend", revoked.reveal()), OUTSIDE).await);
}

#[tokio::test]
async fn a_locked_back_end_stays_outside_with_all_it_has() {
    let portal = PortalWorld::new().await;
    let credential = credential(&portal, "backend", |new| new).await;
    let words =
        [basic("backend", "Stuttgart"), basic("backend", credential.reveal()), bearer(&credential)];
    for shown in words.clone() {
        assert!(lets_in(&portal, shown, OUTSIDE).await.is_ok());
    }
    let (name, now) = ("backend".parse().unwrap(), portal.world.clock.now());
    let lock = UserChange::Locked(true);
    assert!(portal.world.store.user_change(name, lock, origin(), now).await.unwrap());
    portal.world.look().await;
    for shown in words {
        assert_failed(&lets_in(&portal, shown, OUTSIDE).await);
    }
    // Its tenant's own network is another matter.
    assert!(lets_in(&portal, Shown::Nothing, INSIDE).await.is_ok());
}

#[tokio::test]
async fn on_the_other_face_a_back_end_is_nobody_and_as_slowly_as_anybody_unknown() {
    let portal = PortalWorld::new().await;
    let credential = credential(&portal, "backend", |new| new).await;
    for password in ["Stuttgart", credential.reveal(), "wrong"] {
        // The first time, and when it is remembered.
        for _ in 0..2 {
            let began = Instant::now();
            let sign_in = portal.world.engine.sign_in();
            let answer = sign_in.sign_in(Some("backend"), Some(&password.into()), HERE).await;
            assert!(matches!(answer, Err(SignInError::Failed)), "{answer:?}");
            assert!(began.elapsed() >= Duration::from_millis(120));
        }
    }
}

#[tokio::test]
async fn failures_are_answered_no_earlier_than_others_and_guesses_are_held_up() {
    let portal = PortalWorld::new().await;
    let (nobodys, mistyped) = (Credential::generate(), Shown::Bearer("pvk_".into()));
    for shown in [basic("backend", "wrong"), basic("nobody", "x"), bearer(&nobodys), mistyped] {
        let began = Instant::now();
        assert_failed(&lets_in(&portal, shown, OUTSIDE).await);
        assert!(began.elapsed() >= Duration::from_millis(120));
    }
    for guess in 0..6 {
        assert_failed(&lets_in(&portal, basic("backend", &format!("guess {guess}")), None).await);
    }
    assert_failed(&lets_in(&portal, basic("backend", "Stuttgart"), None).await);
    assert!(lets_in(&portal, basic("backend", "Stuttgart"), OUTSIDE).await.is_ok());
}
