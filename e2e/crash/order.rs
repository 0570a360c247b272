//! What a client can want, how it is sent, and what came of it. Both faces are under load at once; the clients only ask
//! for [`Order::any`] and [`Order::send`].

use std::io;

use serde_json::{Value, json};

use super::chance::Chance;
use super::world::{self, Size};
use crate::rig::*;

/// So many services are changed until one moves to another SIM: the one that it leaves is of no use any more.
const MOVES_ONE_IN: usize = 40;

/// What a client wants.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    /// The kind of its ticket in the books.
    pub(crate) kind: &'static str,
    /// The SIM or the portal customer it is for.
    pub(crate) subject: String,
    how: How,
}

/// Through which face, and in its words.
#[derive(Debug, Clone)]
enum How {
    /// A method of the first document, under an idempotency key: may be sent again when nobody answered.
    Service { method: &'static str, members: Value, key: String },
    /// A call of the second document, which knows no keys: sent once.
    Portal { relation: &'static str, path: String },
}

/// What the server said to an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reply {
    /// It is on disk under this name.
    Accepted(Name),
    /// The order does not fit what is on file, as happens to clients who know nothing of each other.
    Refused,
    /// Not now, come back (503 with `Retry-After`). The order may be on disk all the same.
    ComeBack(Answer),
    /// Something is broken. As good as no answer: the order may be on disk all the same.
    Broken(Answer),
}

/// What a client is given for an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Name {
    /// A ticket's number.
    Ticket(i64),
    /// A number in a relation.
    Request(&'static str, i64),
}

impl Order {
    /// Any order for any SIM or portal customer; many are refused, as the clients know nothing of each other.
    pub(crate) fn any(size: Size, chance: &mut Chance, key: String) -> Self {
        match chance.below(3) {
            0 => Self::portal(world::portal_customer(chance.below(size.portal_customers)), chance),
            _ if chance.below(MOVES_ONE_IN) == 0 => {
                let (from, to) = (chance.below(size.sims), chance.below(size.sims));
                Self::moving(world::sim(from), &world::sim(to), key)
            }
            _ => Self::service(world::sim(chance.below(size.sims)), chance, key),
        }
    }

    /// Of a service to another SIM: it holds both.
    fn moving(sim: String, new: &str, key: String) -> Self {
        let members = json!({"service": {"sim": sim}, "newSIM": new});
        let how = How::Service { method: "changeSIM", members, key };
        Self { kind: "change_sim", subject: sim, how }
    }

    fn service(sim: String, chance: &mut Chance, key: String) -> Self {
        let service = json!({"sim": sim});
        let bar = json!({"service": service, "barCode": "AS_SUS_MSISDN"});
        let contract = ["1000274", "1900274"][chance.below(2)];
        let connect = json!({
            "sim": sim, "name": "Unit", "contractCode": contract, "tariffCode": "TEASEU1000MB",
            "APNCodes": "AS_APN_CROUT",
        });
        let name = format!("Unit {}", chance.below(1_000));
        let (method, kind, members) = match chance.below(8) {
            0..=2 => ("connectService", "connect", connect),
            3 => ("disconnectService", "disconnect", json!({"service": service})),
            4 => ("changeServiceName", "rename", json!({"service": service, "newName": name})),
            5 | 6 => ("addBar", "add_bar", bar),
            _ => ("removeBar", "remove_bar", bar),
        };
        Self { kind, subject: sim, how: How::Service { method, members, key } }
    }

    fn portal(id: String, chance: &mut Chance) -> Self {
        let hash = format!("{:032x}", chance.below(1_000));
        let (relation, kind, path) = match chance.below(8) {
            0 | 1 => ("access", "portal_enable", format!("access/{id}/enable/{hash}")),
            2 => ("access", "portal_disable", format!("access/{id}/disable")),
            3..=5 => {
                ("packs", "pack_enable", format!("pack/{id}/enable/mail/{}", 1 + chance.below(2)))
            }
            // One of the two is the value that stands.
            _ => {
                ("packs", "pack_disable", format!("pack/{id}/disable/mail/{}", 1 + chance.below(2)))
            }
        };
        Self { kind, subject: id, how: How::Portal { relation, path } }
    }

    /// Whether it may be sent again when nobody answered: then it is one order all the same.
    pub(crate) fn may_be_repeated(&self) -> bool {
        matches!(self.how, How::Service { .. })
    }

    /// Sends it. An error when nobody answers.
    pub(crate) fn send(&self, caller: &mut Caller) -> io::Result<Reply> {
        match &self.how {
            How::Service { method, members, key } => self.to_ccc(caller, method, members, key),
            How::Portal { relation, path } => self.to_simple_portal(caller, relation, path),
        }
    }

    /// Under the same idempotency key each time.
    fn to_ccc(
        &self,
        caller: &mut Caller,
        method: &str,
        members: &Value,
        key: &str,
    ) -> io::Result<Reply> {
        let body = caller.body(members);
        let headers = [("Idempotency-Key", key)];
        let answer =
            caller.http.try_post(&format!("/api/v1/{method}"), &headers, body.as_bytes())?;
        if asks_to_come_back(&answer) {
            return Ok(Reply::ComeBack(answer));
        }
        Ok(match answer.code().as_str() {
            "ok" => Reply::Accepted(Name::Ticket(answer.ticket().parse().expect("a number"))),
            "101" | "302" | "400" | "402" => Reply::Refused,
            "000" | "001" => Reply::Broken(answer),
            _ => panic!("{self:?}: {answer:?}"),
        })
    }

    fn to_simple_portal(
        &self,
        caller: &mut Caller,
        relation: &'static str,
        path: &str,
    ) -> io::Result<Reply> {
        let path = format!("/kommitt/ccsimplemailapi/{path}");
        let answer = caller.http.try_post(&path, &[("Prefer", "respond-async")], b"")?;
        if asks_to_come_back(&answer) {
            return Ok(Reply::ComeBack(answer));
        }
        Ok(match answer.status {
            200 => {
                let sequence = answer.json()["sequence"].as_i64().expect("a number");
                Reply::Accepted(Name::Request(relation, sequence))
            }
            404 | 409 => Reply::Refused,
            500 | 503 => Reply::Broken(answer),
            _ => panic!("{self:?}: {answer:?}"),
        })
    }
}

fn asks_to_come_back(answer: &Answer) -> bool {
    let after = answer.header("retry-after").and_then(|after| after.parse::<u64>().ok());
    answer.status == 503 && after.is_some_and(|seconds| seconds > 0)
}
