//! SIMs of a file and the services it adopts.
//!
//! A service that the database has already is left alone whatever the file says of it: from its adoption on, tickets
//! change it. Of a SIM that is stored, what the file leaves out stays. That a live service puts its SIM in use is the
//! store's doing.

use std::collections::{HashMap, HashSet};

use provisor_domain::catalogue::Catalogue;
use provisor_domain::service::{AppliedBar, Products};
use provisor_domain::{
    CustomerNumber, Iccid, NetworkCode, Service, ServiceCode, SimRecord, SimState,
};
use toml::Spanned;

use super::file::{Entry, ServiceTable, SimTable};
use super::names::{Names, Seen, undefined};
use super::problems::{Label, Problems};
use super::resolve::same_network;

/// The codes of all services that the file and, of those it names, the database has.
#[derive(Debug)]
pub(crate) struct Codes {
    stored: HashSet<ServiceCode>,
    file: HashSet<ServiceCode>,
}

impl Codes {
    pub(crate) fn gather(services: &[Entry<ServiceTable>], known: &Catalogue) -> Self {
        let file = services.iter().filter_map(|entry| entry.body.code.get_ref().parse().ok());
        Self { stored: known.services.iter().map(|s| s.code).collect(), file: file.collect() }
    }

    pub(crate) fn has(&self, code: ServiceCode) -> bool {
        self.stored.contains(&code) || self.file.contains(&code)
    }
}

/// Resolves SIMs and the services that are new.
pub(crate) fn resolve(
    (sims, services): (Vec<Entry<SimTable>>, Vec<Entry<ServiceTable>>),
    names: &Names,
    known: &Catalogue,
    problems: &mut Problems,
) -> (Vec<SimRecord>, Vec<Service>) {
    let mut facts: HashMap<Iccid, SimRecord> =
        known.sims.iter().map(|sim| (sim.iccid.clone(), sim.clone())).collect();
    let mut seen = SimsSeen::default();
    let mut records = Vec::new();
    for entry in sims {
        let record = seen.sim(entry, names, &facts, problems);
        facts.insert(record.iccid.clone(), record.clone());
        records.push(record);
    }
    let adopted: HashSet<ServiceCode> = known.services.iter().map(|s| s.code).collect();
    let mut desk = Adoption { names, facts: &facts, adopted, seen: ServicesSeen::default() };
    let services = services.into_iter().filter_map(|entry| desk.service(entry, problems)).collect();
    (records, services)
}

#[derive(Debug, Default)]
struct SimsSeen {
    iccids: Seen,
    imsis: Seen,
    msisdns: Seen,
}

impl SimsSeen {
    fn sim(
        &mut self,
        Entry { label, body }: Entry<SimTable>,
        names: &Names,
        facts: &HashMap<Iccid, SimRecord>,
        problems: &mut Problems,
    ) -> SimRecord {
        self.iccids.once("SIM", &label, &body.iccid, problems);
        if let Some(imsi) = &body.imsi {
            self.imsis.once("IMSI", &label, imsi, problems);
        }
        if let Some(msisdn) = &body.msisdn {
            self.msisdns.once("number", &label, msisdn, problems);
        }
        names.customers.find("customer", &label, &body.customer, problems);
        if let Some(network) = &body.network {
            names.sim_network(&label, network, problems);
        }
        let stored = facts.get(body.iccid.get_ref());
        let customer = body.customer.get_ref();
        if let Some(held) = stored.filter(|sim| sim.state == SimState::InUse)
            && held.customer != *customer
        {
            let text = format!("it is in use by customer {}: it stays there", held.customer);
            problems.within(&label, body.customer.span().start, text);
        }
        let own = SimRecord {
            iccid: body.iccid.into_inner(),
            imsi: body.imsi.map(Spanned::into_inner),
            msisdn: body.msisdn.map(Spanned::into_inner),
            customer: body.customer.into_inner(),
            network: body.network.map(Spanned::into_inner),
            state: SimState::Stock,
            version: 1,
        };
        let Some(stored) = stored else { return own };
        SimRecord {
            imsi: own.imsi.or_else(|| stored.imsi.clone()),
            msisdn: own.msisdn.or_else(|| stored.msisdn.clone()),
            network: own.network.or_else(|| stored.network.clone()),
            customer: own.customer,
            ..stored.clone()
        }
    }
}

#[derive(Debug, Default)]
struct ServicesSeen {
    codes: Seen,
    live_sims: Seen,
    live_numbers: Seen,
}

struct Adoption<'a> {
    names: &'a Names,
    facts: &'a HashMap<Iccid, SimRecord>,
    adopted: HashSet<ServiceCode>,
    seen: ServicesSeen,
}

impl Adoption<'_> {
    /// The service, unless the database has it already or it is wrong.
    fn service(
        &mut self,
        Entry { label, body }: Entry<ServiceTable>,
        problems: &mut Problems,
    ) -> Option<Service> {
        self.seen.codes.once("service", &label, &body.code, problems);
        let Ok(code) = body.code.get_ref().parse::<ServiceCode>() else {
            let text = "code must be 1 to 18 digits without a leading zero, in quotes";
            problems.within(&label, body.code.span().start, text);
            return None;
        };
        if self.adopted.contains(&code) {
            return None;
        }
        let customer = self.names.contracts.find("contract", &label, &body.contract, problems);
        let network = self.names.tariffs.find("tariff", &label, &body.tariff, problems);
        self.sim(&label, &body, (customer, network), problems);
        let products = self.products(&label, &body, network, problems);
        let status = *body.status.get_ref();
        if status.is_live() && status != products.live_status() {
            let text = format!(
                "with these bars a live service has status {}",
                products.live_status().as_str()
            );
            problems.within(&label, body.status.span().start, text);
        }
        Some(Service {
            code,
            name: body.name,
            status,
            cli: body.cli.map(Spanned::into_inner),
            iccid: body.sim.into_inner(),
            network: network?.clone(),
            contract: body.contract.into_inner(),
            customer: customer?.clone(),
            tariff: body.tariff.into_inner(),
            group: body.group,
            products,
        })
    }

    fn sim(
        &mut self,
        label: &Label,
        body: &ServiceTable,
        (customer, network): (Option<&CustomerNumber>, Option<&NetworkCode>),
        problems: &mut Problems,
    ) {
        let at = body.sim.span().start;
        let Some(sim) = self.facts.get(body.sim.get_ref()) else {
            undefined("SIM", label, &body.sim, problems);
            return;
        };
        if let Some(customer) = customer
            && *customer != sim.customer
        {
            let owner = &sim.customer;
            let text = format!("the SIM is customer {owner}'s, the contract customer {customer}'s");
            problems.within(label, at, text);
        }
        same_network(label, &body.sim, (network, sim.network.as_ref()), problems);
        if !body.status.get_ref().is_live() {
            return;
        }
        if sim.state != SimState::Stock {
            problems.within(label, at, "the SIM is in use already, or retired");
        }
        self.seen.live_sims.once("a live service with SIM", label, &body.sim, problems);
        if let Some(cli) = &body.cli {
            self.seen.live_numbers.once("a live service with number", label, cli, problems);
        }
    }

    fn products(
        &self,
        label: &Label,
        body: &ServiceTable,
        network: Option<&NetworkCode>,
        problems: &mut Problems,
    ) -> Products {
        let mut products = Products::default();
        for apn in &body.apns {
            let found = self.names.apns.find("APN", label, apn, problems);
            same_network(label, apn, (network, found), problems);
            products.apns.push(apn.get_ref().clone());
        }
        for bolton in &body.boltons {
            let found = self.names.boltons.find("bolt-on", label, bolton, problems);
            same_network(label, bolton, (network, found), problems);
            products.boltons.push(bolton.get_ref().clone());
        }
        for bar in &body.bars {
            let found = self.names.bars.find("bar", label, bar, problems);
            same_network(label, bar, (network, found.map(|(own, _)| own)), problems);
            let suspends = found.is_some_and(|(_, suspends)| *suspends);
            products.bars.push(AppliedBar { code: bar.get_ref().clone(), suspends });
        }
        products
    }
}
