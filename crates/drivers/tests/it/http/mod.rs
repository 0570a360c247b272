//! The HTTP driver against an element that is a real HTTP server.

mod callback;
mod classes;
mod element;
mod suite;
mod tls;

use std::sync::Arc;

use provisor_domain::NetworkCode;
use provisor_domain::driver::{Callbacks, OnceKey};
use provisor_drivers::http::{HttpDriver, Settings};
use serde_json::{Value, json};

use element::Element;

/// A mediation of one's own: a subscriber is sent whole.
pub(crate) fn mediation(element: &Element) -> Value {
    json!({
        "url": format!("http://{}", element.address),
        "allow_networks": ["127.0.0.0/8"],
        "query": {
            "path": "/subs/{iccid}",
            "absent": [{ "status": [404] }],
            "suspended": [{ "at": "/state", "in": ["suspended"] }],
            "msisdn": "/msisdn", "tariff": "/tariff", "apns": "/apns", "boltons": "/boltons", "bars": "/bars",
        },
        "present": {
            "method": "PUT", "path": "/subs/{iccid}",
            "json": {
                "imsi": "{imsi}", "msisdn": "{msisdn}", "tariff": "{tariff}", "apns": "{apns}",
                "boltons": "{boltons}", "bars": "{bars}", "suspended": "{suspended}",
            },
        },
        "absent": { "method": "DELETE", "path": "/subs/{iccid}" },
    })
}

/// The same with `changes` put over it.
pub(crate) fn with(mut settings: Value, changes: Value) -> Value {
    fn merge(into: &mut Value, from: Value) {
        match (into, from) {
            (Value::Object(into), Value::Object(from)) => {
                for (name, value) in from {
                    merge(into.entry(name).or_insert(Value::Null), value);
                }
            }
            (into, from) => *into = from,
        }
    }
    merge(&mut settings, changes);
    settings
}

/// Tokens that anybody can read and make: the driver only passes them on.
#[derive(Debug)]
struct Plain;

impl Callbacks for Plain {
    fn token(&self, network: &NetworkCode, once: OnceKey, part: u16) -> String {
        format!("{network}.{}.{}.{part}", once.ticket, once.epoch)
    }
}

pub(crate) fn driver(settings: &Value) -> HttpDriver {
    let settings = Settings::from_json(settings.as_object().unwrap()).unwrap();
    HttpDriver::new(&"AS".parse().unwrap(), settings, Some(Arc::new(Plain))).unwrap()
}
