//! The audit trail: what people and callers did, written in the transaction that did it.

use jiff::Timestamp;
use provisor_domain::store::Origin;

use super::link::{Ask, params};
use super::sql;

/// Lines of the trail that are written together.
#[derive(Default)]
pub(super) struct Lines {
    at: Vec<i64>,
    actors: Vec<String>,
    actions: Vec<String>,
    objects: Vec<String>,
    requests: Vec<Option<String>>,
    details: Vec<String>,
}

impl Lines {
    /// Adds a line. `object` names what it was done to (`ticket:1224`, `user:MarioG`).
    pub(super) fn add(
        &mut self,
        (origin, now): (&Origin, Timestamp),
        action: &str,
        object: String,
        detail: &str,
    ) {
        self.at.push(now.as_millisecond());
        self.actors.push(origin.actor.clone());
        self.actions.push(action.to_owned());
        self.objects.push(object);
        self.requests.push(origin.request_id.clone());
        self.details.push(detail.to_owned());
    }

    /// What writes them.
    pub(super) fn ask(self) -> Ask {
        let Self { at, actors, actions, objects, requests, details } = self;
        Ask::new(sql::AUDIT_ADD, params![at, actors, actions, objects, requests, details])
    }
}

/// What writes one line of the trail. See [`Lines::add`].
pub(super) fn add(by: (&Origin, Timestamp), action: &str, object: String, detail: &str) -> Ask {
    let mut lines = Lines::default();
    lines.add(by, action, object, detail);
    lines.ask()
}
