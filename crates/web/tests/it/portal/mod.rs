//! The Simple Portal face.

mod checks;
mod functions;
mod model;
mod secrets;
mod who;
mod wire;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderName, Method, Request};
use provisor_web::Peer;
use provisor_web::simple_portal::Function;

use crate::rig::*;

pub(crate) const HASH: &str = "098f6bcd4621d373cade4e832627b4f6";
pub(crate) const FACE: &str = "/kommitt/ccsimplemailapi";

/// A call that is being put together: a GET from inside that shows nothing, until something else is said.
pub(crate) struct Call(Request<Body>);

pub(crate) fn get(path: &str) -> Call {
    Call(Request::get(path).body(Body::empty()).unwrap())
}

impl Call {
    pub(crate) fn method(mut self, method: Method) -> Self {
        *self.0.method_mut() = method;
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.0.headers_mut().append(HeaderName::from_static(name), value.parse().unwrap());
        self
    }

    pub(crate) fn body(mut self, body: Body) -> Self {
        *self.0.body_mut() = body;
        self
    }

    pub(crate) fn from(mut self, address: &str) -> Self {
        let address: IpAddr = address.parse().unwrap();
        self.0.extensions_mut().insert(Peer(SocketAddr::new(address, 4711)));
        self
    }

    pub(crate) fn at_once(self) -> Self {
        self.header("prefer", "respond-async")
    }

    pub(crate) fn xml(self) -> Self {
        self.header("force-xml", "true")
    }

    pub(crate) async fn send(self, world: &World) -> Answer {
        let headed = self.0.method() == Method::HEAD;
        let answer = world.send(self.0).await;
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{answer:?}");
        if answer.status.is_client_error() || answer.status.is_server_error() {
            assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
            let one_line = answer.body.ends_with(".\n") && answer.body.lines().count() == 1;
            assert!(one_line || (headed && answer.body.is_empty()), "{answer:?}");
        }
        answer
    }
}

/// A path of the function below [`FACE`]. No `_`: a function without a row does not compile.
pub(crate) fn path(function: Function, customer: &str) -> String {
    let call = match function {
        Function::AccessStatus => format!("access/{customer}/status"),
        Function::AccessEnable => format!("access/{customer}/enable/{HASH}"),
        Function::AccessDisable => format!("access/{customer}/disable"),
        Function::PackList => format!("pack/{customer}/list"),
        Function::PackEnable => format!("pack/{customer}/enable/mail/5"),
        Function::PackDisable => format!("pack/{customer}/disable/mail/5"),
        Function::MailList => format!("mail/{customer}/list"),
    };
    format!("{FACE}/{call}")
}

impl World {
    /// Calls a function below [`FACE`] from inside, and waits until what it changes is carried out.
    pub(crate) async fn portal(&self, call: &str) -> Answer {
        let answer = get(&format!("{FACE}/{call}")).send(self).await;
        self.settled(call.split('/').nth(1).unwrap()).await;
        answer
    }

    /// Waits until nothing is pending for a customer.
    pub(crate) async fn settled(&self, customer: &str) {
        let settled = async {
            while get(&path(Function::AccessStatus, customer)).send(self).await.json()["dirty"]
                == true
            {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), settled).await.expect("the request ends");
    }
}
