//! The world of the Simple Portal tests, and somebody who calls that face.

use serde_json::Value;

use super::catalogue::BASE;
use super::changed::Changed;
use super::http::{Answer, Client};
use super::process::Server;
use super::wait::eventually;
use super::world::World;

/// The MD5 of `test`: the document's own hash.
pub(crate) const HASH: &str = "098f6bcd4621d373cade4e832627b4f6";
/// While this file is in the world's directory, the mail system of tenant `down` is down.
pub(crate) const MAIL_OUTAGE_FILE: &str = "mail-is-down";
pub(crate) const BACKEND_PASSWORD: &str = "backend-canary-7yTq2M";
pub(crate) const ELSEWHERE_PASSWORD: &str = "elsewhere-canary-1aKv9";

/// Tenants: `kommitt` is called by anybody on this machine, `closed` by nobody without credentials, `elsewhere` from
/// another network, and what `down` orders of its mail system stays open while that is down.
pub(crate) const TENANTS: &str = r#"
[[network]]
code = "DOWNMAIL"
driver = "simulated-mail"
file = "downmail/mail.db"
outage_file = "mail-is-down"

[[tenant]]
name = "kommitt"
mail_domain = "rapeedo.net"
default = true
packs = [{ name = "Mail", kind = "count" }, { name = "Web", kind = "size" }, { name = "Cloud", kind = "size" }]

[[tenant]]
name = "closed"
mail_domain = "closed.example"
networks = []
packs = [{ name = "Mail", kind = "count" }, { name = "Web", kind = "size" }]

[[tenant]]
name = "elsewhere"
mail_domain = "elsewhere.example"
networks = ["192.0.2.0/24"]
packs = [{ name = "Mail", kind = "count" }, { name = "Web", kind = "size" }]

[[tenant]]
name = "down"
mail_domain = "down.example"
mail = "DOWNMAIL"
packs = [{ name = "Mail", kind = "count" }, { name = "Web", kind = "size" }]

[[user]]
username = "backend"
password = "backend-canary-7yTq2M"
kind = "tenant"
tenant = "closed"

[[user]]
username = "elsewhere"
password = "elsewhere-canary-1aKv9"
kind = "tenant"
tenant = "elsewhere"
"#;

impl World {
    /// Both faces: the catalogue of the other tests and [`TENANTS`].
    pub(crate) fn with_tenants() -> Self {
        Self::with(&format!("{BASE}{TENANTS}"))
    }
}

/// A back end that calls for one tenant.
#[derive(Debug)]
pub(crate) struct BackEnd {
    pub(crate) http: Client,
    tenant: String,
    headers: Vec<(String, String)>,
}

impl BackEnd {
    pub(crate) fn new(server: &Server, tenant: &str) -> Self {
        Self { http: server.client(), tenant: tenant.to_owned(), headers: Vec::new() }
    }

    /// The same with a header in every call.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Calls `package/ParCustId/function…`.
    pub(crate) fn call(&mut self, path: &str) -> Answer {
        self.send("GET", path)
    }

    /// The same by another verb.
    pub(crate) fn send(&mut self, verb: &str, path: &str) -> Answer {
        let headers: Vec<(&str, &str)> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.http.send(verb, &format!("/{}/ccsimplemailapi/{path}", self.tenant), &headers)
    }

    /// The JSON answer of a call that succeeds.
    #[track_caller]
    pub(crate) fn done(&mut self, path: &str) -> Value {
        let answer = self.call(path);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.json()
    }

    /// Waits until a status is answered so; for what a running server must notice within a second from now.
    #[track_caller]
    pub(crate) fn soon(&mut self, status: u16) {
        let what = format!("{} to be answered {status}", self.tenant);
        Changed::now()
            .seen(&what, || (self.call("access/10/status").status == status).then_some(()));
    }

    /// Waits until nothing is open for a customer.
    pub(crate) fn clean(&mut self, customer: &str) -> Value {
        eventually(&format!("nothing to be open for {customer}"), || {
            let status = self.done(&format!("access/{customer}/status"));
            (status["dirty"] == false).then_some(status)
        })
    }
}

/// What HTTP Basic shows of a name and a password (RFC 7617).
pub(crate) fn basic(username: &str, password: &str) -> String {
    let pair = format!("{username}:{password}");
    format!("Basic {}", base64(pair.as_bytes()))
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let at = |n: usize| u32::from(three.get(n).copied().unwrap_or(0));
        let word = at(0) << 16 | at(1) << 8 | at(2);
        for sign in 0..4 {
            let index = usize::try_from(word >> (18 - 6 * sign) & 63).expect("6 bits");
            text.push(if sign > three.len() { '=' } else { char::from(SIGNS[index]) });
        }
    }
    text
}
