//! What a client can want, how it is sent, and what came of it. A further face is a further kind of order here; the
//! clients only ask for [`Order::any`] and [`Order::send`].

use std::io;

use serde_json::{Value, json};

use super::chance::Chance;
use super::world;
use crate::rig::*;

/// What a client wants.
#[derive(Debug, Clone)]
pub(super) struct Order {
    method: &'static str,
    /// The kind of its ticket in the books.
    pub(super) kind: &'static str,
    pub(super) sim: String,
    members: Value,
    key: String,
}

/// What the server said to an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reply {
    /// It raised this ticket.
    Ticket(i64),
    /// The order does not fit what is on file, as happens to clients who know nothing of each other.
    Refused,
    /// Something is broken. As good as no answer: the order may be on disk all the same.
    Broken,
}

impl Order {
    /// Any order for any SIM; many are refused, as the clients know nothing of each other.
    pub(super) fn any(chance: &mut Chance, key: String) -> Self {
        let sim = world::sim(chance.below(world::SIMS));
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
        Self { method, kind, sim, members, key }
    }

    /// Sends it, under the same idempotency key each time. An error when nobody answers.
    pub(super) fn send(&self, caller: &mut Caller) -> io::Result<Reply> {
        let body = caller.body(&self.members);
        let path = format!("/api/v1/{}", self.method);
        let headers = [("Idempotency-Key", self.key.as_str())];
        let answer = caller.http.try_post(&path, &headers, body.as_bytes())?;
        Ok(match answer.code().as_str() {
            "ok" => Reply::Ticket(answer.ticket().parse().expect("a ticket's number")),
            "101" | "302" | "400" | "402" => Reply::Refused,
            "000" | "001" => Reply::Broken,
            _ => panic!("{self:?}: {answer:?}"),
        })
    }
}
