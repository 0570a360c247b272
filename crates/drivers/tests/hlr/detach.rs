//! What serving nodes see: subscriber data after a connect, what changes, and a cancelled location after a suspension. A
//! serving node of the test's own stands in for a real one.

use provisor_domain::driver::{Command, Driver as _, NetworkStatus, OnceKey, Outcome, Want};
use provisor_drivers::osmo_hlr::{OsmoHlr, Settings};
use serde_json::json;

use crate::rig::proxy::Proxy;
use crate::rig::sgsn::{
    DELETE_DATA, INSERT_DATA, LOCATION_CANCEL, Message, SEND_AUTH_INFO_RESULT, Sgsn,
    UPDATE_LOCATION_ERROR, UPDATE_LOCATION_RESULT,
};
use crate::rig::{CTRL, GSUP, VTY, eventually};
use crate::support::{
    KI, Network, OPC, absent, command, iccid, imsi, known, msisdn, present, sealed, suspended,
};

const NAME: &str = "SGSN-00-00-00-00-00-00";
/// The number, and the domain, as GSUP has them.
const MSISDN: u8 = 0x08;
const DOMAIN: u8 = 0x28;

fn sgsn(network: &Network) -> Sgsn {
    Sgsn::connect((network.hlr.address, GSUP).into(), NAME)
}

/// Digits of a number as GSUP has them, without the bytes before them.
fn digits(message: &Message) -> String {
    let halves = message.element(MSISDN).unwrap().iter().skip(1).flat_map(|b| [b & 15, b >> 4]);
    halves.filter_map(|half| char::from_digit(half.into(), 10)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_is_let_in_after_a_connect_and_thrown_out_by_a_suspension() {
    let network = Network::new(&json!({ "detach": "gsup" }));
    let mut sgsn = sgsn(&network);
    assert_eq!(sgsn.attach(imsi(0).as_str()).0.last(), Some(&UPDATE_LOCATION_ERROR), "unknown yet");
    let served = || Want { keys: sealed(KI, OPC), ..present(0) };
    assert_eq!(network.ensure(1, vec![served()]).await, Outcome::Done);
    let (kinds, data) = sgsn.attach(imsi(0).as_str());
    assert_eq!(kinds, [SEND_AUTH_INFO_RESULT, INSERT_DATA, UPDATE_LOCATION_RESULT]);
    assert_eq!(digits(&data.unwrap()), msisdn(0).as_str());
    let detail = network.driver.detail(&iccid(0), Some(&imsi(0))).await.unwrap();
    assert_eq!(detail, format!("admitted to calls and data; last registered at SGSN {NAME}"));

    // Another number reaches the device's serving node at once.
    let number = Want { state: present(7).state, ..served() };
    assert_eq!(network.ensure(2, vec![number]).await, Outcome::Done);
    let told = sgsn.next();
    assert_eq!((told.kind, digits(&told)), (INSERT_DATA, msisdn(7).to_string()));

    assert_eq!(network.ensure(3, vec![suspended(0)]).await, Outcome::Done);
    let heard: Vec<Message> = std::iter::repeat_with(|| sgsn.next()).take_while_cancelled();
    assert!(heard.iter().any(|message| message.kind == DELETE_DATA), "{heard:?}");
    let cancel = heard.last().unwrap();
    assert_eq!((cancel.kind, cancel.element(DOMAIN)), (LOCATION_CANCEL, Some(&[1][..])));
    assert_eq!(network.driver.status(&iccid(0), Some(&imsi(0))).await, NetworkStatus::Suspended);
    let detail = network.driver.detail(&iccid(0), Some(&imsi(0))).await.unwrap();
    assert!(detail.starts_with("barred for calls and data; last registered at"), "{detail}");
    assert_eq!(sgsn.attach(imsi(0).as_str()).0.last(), Some(&UPDATE_LOCATION_ERROR), "barred");

    assert_eq!(network.ensure(4, vec![served()]).await, Outcome::Done);
    assert_eq!(sgsn.attach(imsi(0).as_str()).0.last(), Some(&UPDATE_LOCATION_RESULT), "resumed");
    assert_eq!(network.ensure(5, vec![absent(0)]).await, Outcome::Done);
    let heard = std::iter::repeat_with(|| sgsn.next()).take_while_cancelled();
    assert!(heard.iter().any(|message| message.kind == DELETE_DATA), "barred before it is deleted");
}

/// Messages up to the first cancelled location, that one included.
trait UpToCancel: Iterator<Item = Message> + Sized {
    fn take_while_cancelled(mut self) -> Vec<Message> {
        let mut heard = Vec::new();
        while heard.last().is_none_or(|last: &Message| last.kind != LOCATION_CANCEL) {
            heard.extend(self.next());
        }
        heard
    }
}

impl<I: Iterator<Item = Message>> UpToCancel for I {}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_detaching_a_suspended_sim_is_barred_and_its_node_keeps_it() {
    let network = Network::new(&json!({}));
    let mut sgsn = sgsn(&network);
    assert_eq!(network.ensure(1, vec![present(0)]).await, Outcome::Done);
    sgsn.attach(imsi(0).as_str());
    assert_eq!(network.ensure(2, vec![suspended(0)]).await, Outcome::Done);
    let heard = sgsn.heard();
    assert!(heard.contains(&DELETE_DATA) && !heard.contains(&LOCATION_CANCEL), "{heard:x?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_barred_but_may_still_be_attached_is_said_so_until_the_node_is_back() {
    let network = Network::new(&json!({ "detach": "gsup" }));
    let mut first = sgsn(&network);
    assert_eq!(network.ensure(1, vec![present(0), present(1)]).await, Outcome::Done);
    first.attach(imsi(0).as_str());
    first.attach(imsi(1).as_str());
    drop(first);
    for (ticket, want) in [(2, suspended(0)), (3, absent(1))] {
        let outcome = network.ensure(ticket, vec![want]).await;
        let Outcome::Unknown { reason } = outcome else { panic!("{outcome:?}") };
        assert!(reason.contains("is barred at the HLR, but"), "{reason}");
        assert!(reason.contains(NAME), "{reason}");
    }
    let barred = network.hlr.subscribers();
    assert!(barred.iter().all(|row| row.access == (false, false)), "{barred:?}");
    assert_eq!(barred.len(), 2, "not deleted before it is detached");

    let mut again = sgsn(&network);
    assert_eq!(network.ensure(2, vec![suspended(0)]).await, Outcome::Done);
    assert_eq!(network.ensure(3, vec![absent(1)]).await, Outcome::Done);
    assert_eq!([again.next().kind, again.next().kind], [LOCATION_CANCEL; 2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_comes_before_its_number_is_set_gets_the_number_all_the_same() {
    let network = Network::new(&json!({}));
    let ctrl = Proxy::before((network.hlr.address, CTRL).into());
    let vty = Proxy::before((network.hlr.address, VTY).into());
    let settings = json!({ "address": "127.0.0.1", "ctrl_port": ctrl.port, "vty_port": vty.port });
    let settings = Settings::from_json(settings.as_object().unwrap()).unwrap();
    let driver = OsmoHlr::new(&"AS".parse().unwrap(), settings, network.keys.clone());
    let mut sgsn = sgsn(&network);
    ctrl.hold(true);
    let connect = command(1, vec![present(0)]);
    let connecting = tokio::spawn(async move { driver.ensure(&connect).await });
    eventually("the subscriber to be made", || network.hlr.subscriber(imsi(0).as_str()));
    let (kinds, data) = sgsn.attach(imsi(0).as_str());
    assert_eq!(kinds.last(), Some(&UPDATE_LOCATION_RESULT));
    assert_eq!(digits(&data.unwrap()), "", "it has none yet");
    ctrl.hold(false);
    assert_eq!(connecting.await.unwrap(), Outcome::Done);
    let told = sgsn.next();
    assert_eq!((told.kind, digits(&told)), (INSERT_DATA, msisdn(0).to_string()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_later_attempt_tells_the_node_what_the_first_one_may_not_have_told() {
    let network = Network::new(&json!({}));
    let (mut ctrl, mut sgsn) = (network.hlr.ctrl(), sgsn(&network));
    // As a connect leaves it that is cut off after its writes, in whose midst the device came.
    ctrl.ask("SET", &format!("subscriber.create {}", imsi(0))).unwrap();
    assert_eq!(sgsn.attach(imsi(0).as_str()).0.last(), Some(&UPDATE_LOCATION_RESULT));
    ctrl.ask("SET", &format!("subscriber.by-imsi-{}.msisdn {}", imsi(0), msisdn(0))).unwrap();
    let first = known(1, vec![present(0)]);
    let once = OnceKey { epoch: 2, ..first.once };
    assert_eq!(network.driver.ensure(&Command { once, ..first }).await, Outcome::Done);
    let told = sgsn.next();
    assert_eq!((told.kind, digits(&told)), (INSERT_DATA, msisdn(0).to_string()));
}
