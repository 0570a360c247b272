//! The suite of all drivers on the HTTP driver.

use provisor_domain::Iccid;
use provisor_domain::driver::Subscription;
use provisor_domain::service::{AppliedBar, Products};
use provisor_drivers::conformance::Suite;
use serde_json::{Value, json};

use super::element::{Element, Mode};
use super::{driver, mediation, with};
use crate::support::world;

fn codes<T: std::str::FromStr<Err: std::fmt::Debug>>(list: &Value) -> Vec<T> {
    list.as_array().unwrap().iter().map(|code| code.as_str().unwrap().parse().unwrap()).collect()
}

/// What the element has, in the domain's words.
pub(crate) fn subscription(found: &Value) -> Subscription {
    let suspending = world().suspending_bar;
    let bars = codes(&found["bars"]).into_iter();
    let bars: Vec<_> = bars.map(|code| AppliedBar { suspends: code == suspending, code }).collect();
    assert_eq!(found["suspended"], bars.iter().any(|bar| bar.suspends));
    Subscription {
        msisdn: found["msisdn"].as_str().map(|number| number.parse().unwrap()),
        tariff: found["tariff"].as_str().unwrap().parse().unwrap(),
        products: Products { apns: codes(&found["apns"]), boltons: codes(&found["boltons"]), bars },
    }
}

/// The query of an element that keeps `suspended` as it was sent.
fn kept_as_sent(element: &Element) -> Value {
    let suspended = json!([{ "at": "/suspended", "in": [true] }]);
    with(mediation(element), json!({ "query": { "suspended": suspended } }))
}

#[tokio::test]
async fn a_mediation_that_is_sent_all_passes() {
    let element = Element::start().await;
    let driver = driver(&kept_as_sent(&element));
    let look = |iccid: &Iccid| element.subscriber(iccid.as_str()).map(|found| subscription(&found));
    let mut suite = Suite::new(&driver, world()).look(&look);
    suite.run().await.unwrap();
    suite.any_sequence_of_commands_follows_the_model(2, 100).await.unwrap();
    assert!(element.connections() < 20, "connections are used again: {}", element.connections());
}

#[tokio::test]
async fn a_mediation_that_loses_its_answers_ends_in_the_same_states() {
    for mode in [Mode::ActsAndDrops, Mode::ActsAndAnswers(500), Mode::ActsAndAnswers(503)] {
        let element = Element::start().await;
        element.set(mode);
        let driver = driver(&kept_as_sent(&element));
        let look =
            |iccid: &Iccid| element.subscriber(iccid.as_str()).map(|found| subscription(&found));
        let mut suite = Suite::new(&driver, world()).look(&look);
        suite.a_sim_comes_and_goes().await.unwrap();
        suite.products_and_tariff_become_what_is_wanted().await.unwrap();
        suite.sims_are_independent().await.unwrap();
    }
}

/// `PyHSS`: records with numbers of their own, profiles by number, and keys that are looked up first.
pub(crate) fn pyhss(element: &Element) -> Value {
    let service = json!({
        "msisdn": "{msisdn}", "default_apn": "{tariff:number}", "apn_list": "{apns:csv}", "boltons": "{boltons}",
        "bars": "{bars}",
    });
    let patch = json!({ "method": "PATCH", "path": "/subscriber/{id}" });
    json!({
        "url": format!("http://{}", element.address),
        "allow_networks": ["127.0.0.0/8"],
        "codes": {
            "tariff": { "TEASEU1000MB": "1", "TEASEU5GB": "2" },
            "apns": { "AS_APN_CROUT": "1", "AS_APN_OTHER": "2" },
        },
        "query": {
            "path": "/subscriber/imsi/{imsi}",
            "absent": [{ "status": [200], "at": "", "missing": true }],
            "suspended": [{ "at": "/enabled", "in": [false] }],
            "active": [{ "at": "/enabled", "in": [true] }],
            "msisdn": "/msisdn", "tariff": "/default_apn", "apns": "/apn_list", "boltons": "/boltons", "bars": "/bars",
            "take": { "id": "/subscriber_id" },
        },
        "create": [
            { "method": "GET", "path": "/auc/iccid/{iccid}", "take": { "auc": "/auc_id" } },
            {
                "method": "PUT", "path": "/subscriber/",
                "json": with(service.clone(), json!({ "imsi": "{imsi}", "enabled": true, "auc_id": "{auc:number}" })),
            },
        ],
        "update": with(patch.clone(), json!({ "json": service })),
        "suspend": with(patch.clone(), json!({ "json": { "enabled": false } })),
        "resume": with(patch, json!({ "json": { "enabled": true } })),
        "absent": { "method": "DELETE", "path": "/subscriber/{id}" },
    })
}

#[tokio::test]
async fn an_element_like_pyhss_passes() {
    let element = Element::start().await;
    let driver = driver(&pyhss(&element));
    let mut suite = Suite::new(&driver, world());
    suite.run().await.unwrap();
    suite.any_sequence_of_commands_follows_the_model(3, 100).await.unwrap();
}
