//! Everything that a table of the file may refer to: what the database has, and what the file itself defines; and
//! that the file defines nothing twice.

use std::collections::HashMap;
use std::fmt::Display;
use std::hash::Hash;

use provisor_domain::catalogue::Catalogue;
use provisor_domain::limits::CONTRACTS_PER_CUSTOMER_MAX;
use provisor_domain::{
    ApnCode, BarCode, BoltonCode, ContractCode, CustomerNumber, NetworkCode, TariffCode,
    TenantName, code,
};
use toml::Spanned;

use super::file::{Entry, Tables};
use super::problems::{Label, Problems};

/// What can be referred to, with what is needed to check the reference.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// And whether each is a mail system.
    pub(crate) networks: Kind<NetworkCode, bool>,
    pub(crate) tariffs: Kind<TariffCode, NetworkCode>,
    pub(crate) apns: Kind<ApnCode, NetworkCode>,
    pub(crate) boltons: Kind<BoltonCode, NetworkCode>,
    pub(crate) bars: Kind<BarCode, (NetworkCode, bool)>,
    pub(crate) customers: Kind<CustomerNumber, ()>,
    pub(crate) contracts: Kind<ContractCode, CustomerNumber>,
    pub(crate) tenants: Kind<TenantName, ()>,
}

/// The things of one kind and what is known of each.
#[derive(Debug)]
pub(crate) struct Kind<C, F>(HashMap<C, F>);

impl<C, F> Default for Kind<C, F> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<C: Eq + Hash + Clone + Display, F> Kind<C, F> {
    fn add<'a>(&mut self, all: impl Iterator<Item = (&'a C, F)>)
    where
        C: 'a,
    {
        self.0.extend(all.map(|(code, fact)| (code.clone(), fact)));
    }

    /// What is known of `code`; that there is nothing is a problem. `what` names the kind.
    pub(crate) fn find(
        &self,
        what: &str,
        label: &Label,
        code: &Spanned<C>,
        problems: &mut Problems,
    ) -> Option<&F> {
        let found = self.0.get(code.get_ref());
        if found.is_none() {
            undefined(what, label, code, problems);
        }
        found
    }
}

/// A reference to what there is not.
pub(crate) fn undefined<C: Display>(
    what: &str,
    label: &Label,
    code: &Spanned<C>,
    problems: &mut Problems,
) {
    let name = code.get_ref().to_string();
    let text = format!("{what} {name:?} is not defined (neither in this file nor in the database)");
    problems.within(label, code.span().start, text);
}

impl Names {
    /// No customer may come to have more contracts than are answered at once.
    fn count_contracts(&self, tables: &Tables, problems: &mut Problems) {
        let mut held: HashMap<&CustomerNumber, usize> = HashMap::new();
        for holder in self.contracts.0.values() {
            *held.entry(holder).or_default() += 1;
        }
        for Entry { label, body } in &tables.customers {
            let count = held.get(body.number.get_ref()).copied().unwrap_or_default();
            if count > CONTRACTS_PER_CUSTOMER_MAX {
                let text = format!(
                    "{count} contracts are more than the {CONTRACTS_PER_CUSTOMER_MAX} that a customer can have"
                );
                problems.within(label, label.at, text);
            }
        }
    }

    /// What the database has, and over it what the file defines.
    pub(crate) fn gather(tables: &Tables, known: &Catalogue, problems: &mut Problems) -> Self {
        check_definitions(tables, problems);
        let mut names = Self::stored(known);
        let networks = tables.networks.iter().map(|entry| &entry.body);
        let fact =
            networks.map(|n| (n.code.get_ref(), provisor_drivers::is_mail(n.driver.get_ref())));
        names.networks.add(fact);
        let tariffs = tables.tariffs.iter().map(|entry| &entry.body);
        names.tariffs.add(tariffs.map(|t| (t.code.get_ref(), t.network.get_ref().clone())));
        let apns = tables.apns.iter().map(|entry| &entry.body);
        names.apns.add(apns.map(|a| (a.code.get_ref(), a.network.get_ref().clone())));
        let boltons = tables.boltons.iter().map(|entry| &entry.body);
        names.boltons.add(boltons.map(|b| (b.code.get_ref(), b.network.get_ref().clone())));
        let bars = tables.bars.iter().map(|entry| &entry.body);
        let fact = bars.map(|b| (b.code.get_ref(), (b.network.get_ref().clone(), b.suspends)));
        names.bars.add(fact);
        let tenants = tables.tenants.iter();
        names.tenants.add(tenants.map(|entry| (entry.body.name.get_ref(), ())));
        let customers = tables.customers.iter();
        names.customers.add(customers.map(|entry| (entry.body.number.get_ref(), ())));
        for Entry { label, body } in &tables.customers {
            let number = body.number.get_ref();
            for contract in &body.contracts {
                let code = contract.code.get_ref();
                let holder = names.contracts.0.insert(code.clone(), number.clone());
                if let Some(holder) = holder.filter(|holder| holder != number) {
                    let text = format!("contract {code} belongs to customer {holder}");
                    problems.within(label, contract.code.span().start, text);
                }
            }
        }
        names.count_contracts(tables, problems);
        names
    }

    /// Whether there is such a network.
    pub(crate) fn has_network(&self, code: &NetworkCode) -> bool {
        self.networks.0.contains_key(code)
    }

    /// Whether a network is a mail system; `None` when there is no such network.
    pub(crate) fn network_is_mail(&self, code: &NetworkCode) -> Option<bool> {
        self.networks.0.get(code).copied()
    }

    /// A network that serves SIMs; anything else is a problem.
    pub(crate) fn sim_network(
        &self,
        label: &Label,
        code: &Spanned<NetworkCode>,
        problems: &mut Problems,
    ) {
        if self.networks.find("network", label, code, problems) == Some(&true) {
            let text = format!("network {} is a mail system: it serves no SIMs", code.get_ref());
            problems.within(label, code.span().start, text);
        }
    }

    fn stored(known: &Catalogue) -> Self {
        let mut names = Self::default();
        let networks = known.networks.iter();
        names.networks.add(networks.map(|n| (&n.code, provisor_drivers::is_mail(&n.driver))));
        names.tenants.add(known.tenants.iter().map(|t| (&t.name, ())));
        names.tariffs.add(known.tariffs.iter().map(|t| (&t.code, t.network.clone())));
        names.apns.add(known.apns.iter().map(|a| (&a.code, a.network.clone())));
        names.boltons.add(known.boltons.iter().map(|b| (&b.code, b.network.clone())));
        names.bars.add(known.bars.iter().map(|b| (&b.code, (b.network.clone(), b.suspends))));
        names.customers.add(known.customers.iter().map(|c| (&c.number, ())));
        for customer in &known.customers {
            let contracts = customer.contracts.iter();
            names.contracts.add(contracts.map(|c| (&c.code, customer.number.clone())));
        }
        names
    }
}

/// Values that may be there once.
#[derive(Debug, Default)]
pub(crate) struct Seen(HashMap<String, usize>);

impl Seen {
    /// Notes `value`; that it was there before is a problem. `what` names it.
    pub(crate) fn once(
        &mut self,
        what: &str,
        label: &Label,
        value: &Spanned<impl Display>,
        problems: &mut Problems,
    ) {
        let at = value.span().start;
        if let Some(first) = self.0.insert(value.get_ref().to_string(), at) {
            let (line, value) = (problems.line(first), value.get_ref());
            problems.within(label, at, format!("{what} {value} is in line {line} already"));
        }
    }
}

fn check_definitions(tables: &Tables, problems: &mut Problems) {
    codes(&tables.networks, |body| &body.code, problems);
    codes(&tables.tariffs, |body| &body.code, problems);
    codes(&tables.apns, |body| &body.code, problems);
    codes(&tables.boltons, |body| &body.code, problems);
    codes(&tables.bars, |body| &body.code, problems);
    codes(&tables.templates, |body| &body.code, problems);
    codes(&tables.ticket_types, |body| &body.code, problems);
    codes(&tables.customers, |body| &body.number, problems);
    let mut contracts = Seen::default();
    for Entry { label, body } in &tables.customers {
        for contract in &body.contracts {
            plain(label, &contract.code, problems);
            contracts.once("contract", label, &contract.code, problems);
        }
    }
    let (mut users, mut tenants) = (Seen::default(), Seen::default());
    for Entry { label, body } in &tables.users {
        users.once("user", label, &body.username, problems);
    }
    for Entry { label, body } in &tables.tenants {
        tenants.once("tenant", label, &body.name, problems);
    }
}

fn codes<T, C: Display>(
    entries: &[Entry<T>],
    code: impl Fn(&T) -> &Spanned<C>,
    problems: &mut Problems,
) {
    let mut seen = Seen::default();
    for Entry { label, body } in entries {
        plain(label, code(body), problems);
        seen.once(label.kind, label, code(body), problems);
    }
}

fn plain(label: &Label, code: &Spanned<impl Display>, problems: &mut Problems) {
    let name = code.get_ref().to_string();
    if !code::is_plain(&name) {
        let rule = "is not a code: visible ASCII characters without blank, comma and semicolon";
        problems.within(label, code.span().start, format!("{name:?} {rule}"));
    }
}
