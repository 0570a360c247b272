//! The rows that an opened ticket has, gathered as columns: many tickets are written by one statement a table.

use jiff::{SignedDuration, Timestamp};
use provisor_domain::limits::IDEMPOTENCY_HOURS;
use provisor_domain::store::{Idempotency, NewTicket};
use provisor_domain::ticket::About;
use provisor_domain::{ServiceCode, TicketId};
use secrecy::ExposeSecret;

use super::super::fault::{Fault, Result};
use super::super::link::{Ask, params};
use super::super::{row, sql};

const MILLIS_PER_HOUR: i64 = 3_600_000;

/// Idempotency keys that are written together.
#[derive(Default)]
pub(in super::super) struct KeyRows {
    users: Vec<i64>,
    methods: Vec<&'static str>,
    keys: Vec<String>,
    fingerprints: Vec<Vec<u8>>,
    places: Vec<i64>,
    expires: Vec<i64>,
}

impl KeyRows {
    /// `place`: where the number of the key's ticket stands among those that the transaction took last, from 1.
    pub(in super::super) fn add(
        &mut self,
        key: &Idempotency,
        place: usize,
        raised: Timestamp,
    ) -> Result<()> {
        let expires = raised
            .checked_add(SignedDuration::from_hours(IDEMPOTENCY_HOURS))
            .map_err(|error| Fault::broken(error.to_string()))?;
        self.users.push(key.user.0);
        self.methods.push(key.method);
        self.keys.push(key.key.clone());
        self.fingerprints.push(key.fingerprint.to_vec());
        self.places.push(row::number(place));
        self.expires.push(expires.as_millisecond());
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// What writes them; answers the tickets whose keys were free.
    pub(in super::super) fn ask(self) -> Ask {
        let Self { users, methods, keys, fingerprints, places, expires } = self;
        let life = IDEMPOTENCY_HOURS * MILLIS_PER_HOUR;
        let rows = params![users, methods, keys, fingerprints, places, expires, life];
        Ask::new(sql::TICKET_OPEN_REMEMBER, rows)
    }
}

/// The tickets themselves.
#[derive(Default)]
pub(super) struct TicketRows {
    ids: Vec<i64>,
    kinds: Vec<&'static str>,
    customers: Vec<String>,
    networks: Vec<String>,
    iccids: Vec<Option<String>>,
    services: Vec<Option<i64>>,
    clis: Vec<Option<String>>,
    portals: Vec<Option<String>>,
    orders: Vec<String>,
    actors: Vec<String>,
    raised: Vec<i64>,
    due: Vec<Option<i64>>,
    subjects: Vec<String>,
}

impl TicketRows {
    pub(super) fn add(&mut self, id: TicketId, new: &NewTicket, due: Option<i64>) -> Result<()> {
        let about = &new.about;
        // No key has a blank in it.
        let subjects: Vec<String> = new.subjects.iter().map(|claim| claim.subject.key()).collect();
        self.ids.push(id.number());
        self.kinds.push(new.order.kind().as_str());
        self.customers.push(new.customer.to_string());
        self.networks.push(new.network.to_string());
        self.iccids.push(about.iccid().map(ToString::to_string));
        self.services.push(about.service().map(ServiceCode::number));
        self.clis.push(about.cli().map(ToString::to_string));
        self.portals.push(about.portal_customer().map(ToString::to_string));
        self.orders.push(row::to_json(&new.order)?);
        self.actors.push(new.origin.actor.clone());
        self.raised.push(new.raised.as_millisecond());
        self.due.push(due);
        self.subjects.push(subjects.join(" "));
        Ok(())
    }

    pub(super) fn asks(self, batch: i64) -> [Ask; 2] {
        let Self { ids, kinds, customers, networks, iccids, services, clis, .. } = self;
        let Self { portals, orders, actors, raised, due, subjects, .. } = self;
        let queue = params![ids.clone(), customers.clone(), networks.clone(), clis, due, subjects];
        let mut rows = params![ids, kinds, customers, networks, iccids, services];
        rows.extend(params![portals, orders, actors, raised, batch]);
        [Ask::new(sql::TICKET_OPEN_TICKET, rows), Ask::new(sql::TICKET_OPEN_QUEUE, queue)]
    }
}

/// The passwords that portal customers' orders bring.
#[derive(Default)]
pub(super) struct SecretRows {
    ids: Vec<i64>,
    phcs: Vec<String>,
    forms: Vec<&'static str>,
}

impl SecretRows {
    pub(super) fn add(&mut self, id: TicketId, new: &NewTicket) {
        if let (About::Portal(_), Some(secret)) = (&new.about, &new.secret) {
            self.ids.push(id.number());
            self.phcs.push(secret.phc.expose_secret().to_owned());
            self.forms.push(secret.form.as_str());
        }
    }

    pub(super) fn ask(self) -> Option<Ask> {
        let Self { ids, phcs, forms } = self;
        (!ids.is_empty()).then(|| Ask::new(sql::TICKET_OPEN_SECRET, params![ids, phcs, forms]))
    }
}

/// The requests as providers number them.
#[derive(Default)]
pub(super) struct RequestRows {
    tenants: Vec<String>,
    relations: Vec<&'static str>,
    customers: Vec<String>,
    actions: Vec<&'static str>,
    packs: Vec<Option<String>>,
    values: Vec<Option<String>>,
    ids: Vec<i64>,
}

impl RequestRows {
    pub(super) fn add(&mut self, id: TicketId, new: &NewTicket) {
        let (About::Portal(customer), Some(request)) = (&new.about, new.order.request()) else {
            return;
        };
        let pack = request.pack;
        self.tenants.push(new.customer.to_string());
        self.relations.push(request.relation.as_str());
        self.customers.push(customer.to_string());
        self.actions.push(request.action.as_str());
        self.packs.push(pack.as_ref().map(|(name, _)| name.to_string()));
        self.values.push(pack.as_ref().map(|(_, value)| value.as_str().to_owned()));
        self.ids.push(id.number());
    }

    pub(super) fn ask(self) -> Option<Ask> {
        let Self { tenants, relations, customers, actions, packs, values, ids } = self;
        let rows = params![tenants, relations, customers, actions, packs, values, ids.clone()];
        (!ids.is_empty()).then(|| Ask::new(sql::TICKET_OPEN_REQUEST, rows))
    }
}
