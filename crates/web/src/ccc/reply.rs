//! Answers to methods that did what they were asked.

use std::fmt::Display;

use axum::http::{HeaderName, HeaderValue};
use provisor_domain::TicketId;
use provisor_engine::Raised;
use serde::{Serialize, Serializer};

use crate::kit::answer::Answer;

const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// Most answers fit in it.
const USUAL_BYTES: usize = 512;

/// A text by its `Display`. Identifiers are answered as strings.
pub(super) struct Shown<T>(pub(super) T);

impl<T: Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// A success.
pub(super) struct Reply {
    body: Vec<u8>,
    replayed: bool,
}

/// The documented answer of a method that raises a ticket. It is the same for a repetition, whatever has become of
/// the ticket since.
#[derive(Serialize)]
struct TicketRaised {
    ok: bool,
    ticket: Ticket,
}

#[derive(Serialize)]
struct Ticket {
    id: Shown<TicketId>,
    status: &'static str,
}

impl Reply {
    pub(super) fn json(value: &impl Serialize) -> Self {
        Self { body: json(value), replayed: false }
    }

    pub(super) fn raised(raised: Raised) -> Self {
        let ticket = Ticket { id: Shown(raised.ticket), status: "Processing" };
        Self { body: json(&TicketRaised { ok: true, ticket }), replayed: raised.replayed }
    }
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Self {
        let answer = Self::json(reply.body);
        if reply.replayed {
            answer.with(REPLAYED, HeaderValue::from_static("true"))
        } else {
            answer
        }
    }
}

/// `value` as compact JSON. The shapes of this face hold only texts, numbers and booleans, which cannot fail.
pub(super) fn json(value: &impl Serialize) -> Vec<u8> {
    let mut body = Vec::with_capacity(USUAL_BYTES);
    let written = serde_json::to_writer(&mut body, value);
    debug_assert!(written.is_ok(), "a shape of this face failed to serialise: {written:?}");
    body
}
