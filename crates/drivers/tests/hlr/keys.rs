//! Keys of SIMs: written once, never shown, and never written again where they are there.

use provisor_domain::SealedKeys;
use provisor_domain::driver::{Comparison, Driver as _, Outcome, Want};
use serde_json::json;

use crate::rig::GSUP;
use crate::rig::sgsn::{SEND_AUTH_INFO_RESULT, Sgsn};
use crate::support::{KI, Network, OPC, imsi, present, sealed, suspended};

fn with_keys(want: Want) -> Want {
    Want { keys: sealed(KI, OPC), ..want }
}

fn of(network: &Network, what: &str) -> Option<String> {
    network.hlr.ctrl().subscriber(imsi(0).as_str())?.get(what).cloned()
}

/// A device authenticates itself: the HLR counts.
fn authenticate(network: &Network) {
    let mut sgsn = Sgsn::connect((network.hlr.address, GSUP).into(), "SGSN-AUTH");
    let (kinds, _) = sgsn.attach(imsi(0).as_str());
    assert_eq!(kinds.first(), Some(&SEND_AUTH_INFO_RESULT), "{kinds:x?}");
}

#[tokio::test]
async fn keys_reach_the_hlr_and_are_not_set_again_so_that_sequence_numbers_go_on() {
    let network = Network::new(&json!({}));
    assert_eq!(network.ensure(1, vec![with_keys(present(0))]).await, Outcome::Done);
    assert_eq!(of(&network, "aud3g.k").as_deref(), Some(KI));
    assert_eq!(of(&network, "aud3g.opc").as_deref(), Some(OPC));
    authenticate(&network);
    let counted = of(&network, "aud3g.sqn").unwrap();
    assert_ne!(counted, "0");
    // The same again, suspended, resumed, and by somebody who does not know the keys.
    let wants =
        [with_keys(present(0)), with_keys(suspended(0)), with_keys(present(0)), suspended(0)];
    for (ticket, want) in (2..).zip(wants) {
        assert_eq!(network.ensure(ticket, vec![want]).await, Outcome::Done);
        assert_eq!(of(&network, "aud3g.sqn").unwrap(), counted, "ticket {ticket}");
    }
    // Other keys are other keys.
    let other = Want { keys: sealed(OPC, KI), ..present(0) };
    assert_eq!(network.driver.compare(&with_keys(suspended(0))).await, Comparison::AsWanted);
    let found = network.driver.compare(&other).await;
    let Comparison::Differs { what, .. } = found else { panic!("{found:?}") };
    assert!(what.contains("keys differ") && !what.contains(KI) && !what.contains(OPC), "{what}");
    assert_eq!(network.ensure(9, vec![other]).await, Outcome::Done);
    assert_eq!(of(&network, "aud3g.k").as_deref(), Some(OPC));
}

#[tokio::test]
async fn a_sim_without_keys_is_served_and_one_with_half_of_them_is_refused() {
    let network = Network::new(&json!({}));
    assert_eq!(network.ensure(1, vec![present(0)]).await, Outcome::Done);
    assert_eq!(of(&network, "aud3g.k"), None);
    let half = SealedKeys { opc: None, ..sealed(KI, OPC) };
    let outcome = network.ensure(2, vec![Want { keys: half, ..present(1) }]).await;
    let Outcome::Refused { reason } = outcome else { panic!("{outcome:?}") };
    assert!(reason.contains("Milenage needs both") && !reason.contains(KI), "{reason}");
    assert_eq!(network.hlr.subscribers().len(), 1);
}

#[tokio::test]
async fn keys_that_cannot_be_opened_now_or_that_the_hlr_does_not_take_change_nothing() {
    let network = Network::new(&json!({}));
    *network.keys.closed.lock().unwrap() = Some("cannot read the key file".to_owned());
    let outcome = network.ensure(1, vec![with_keys(present(0))]).await;
    let Outcome::Later { reason, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(reason, "cannot read the key file");
    *network.keys.closed.lock().unwrap() = None;
    let bad = "not-a-key-canary";
    let outcome = network.ensure(1, vec![Want { keys: sealed(bad, OPC), ..present(0) }]).await;
    let Outcome::Refused { reason } = outcome else { panic!("{outcome:?}") };
    assert!(!reason.contains(bad) && !reason.contains(OPC), "{reason}");
    assert_eq!(network.hlr.subscribers(), [], "what was created for it is taken back");
}

#[tokio::test]
async fn nothing_that_can_be_printed_shows_a_key() {
    let network = Network::new(&json!({}));
    let want = with_keys(present(0));
    let command = crate::support::command(1, vec![want.clone()]);
    assert_eq!(network.driver.ensure(&command).await, Outcome::Done);
    let printed =
        format!("{command:?} {:?} {:?}", network.driver, network.driver.compare(&want).await);
    let backwards = KI.chars().rev().collect::<String>();
    for secret in [KI, OPC, &backwards] {
        assert!(!printed.contains(secret), "{printed}");
    }
}
