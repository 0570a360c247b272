//! Tenants of the Simple Portal face, their mail systems, and the portal customers a file adopts.
//!
//! A portal customer that the database has already is left alone whatever the file says of it: from its adoption on,
//! tickets change it.

use std::collections::{HashMap, HashSet};
use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use provisor_domain::catalogue::{Catalogue, Network, PackKind, PortalAdoption, Tenant};
use provisor_domain::limits::{
    MAIL_KEPT_DAYS_DEFAULT, MAILBOX_BYTES_DEFAULT, PACKS_PER_TENANT_MAX,
};
use provisor_domain::mail::{MailboxKind, is_domain};
use provisor_domain::portal::{Md5Hex, Pack, PackMeasure, PackValue, SecretForm};
use provisor_domain::{MailAddress, Mailbox, NetworkCode, PackName, PortalId, TenantName};
use secrecy::SecretString;
use toml::Spanned;

use super::file::{Entry, PackTable, PortalCustomerTable, TenantTable};
use super::names::{Names, Seen, undefined};
use super::problems::{Label, Problems};

/// The mail system of tenants that name none.
const MAIL_SYSTEM: &str = "MAIL";
/// Its driver, unless the catalogue defines it.
const MAIL_DRIVER: &str = "mail";

/// A password of a portal customer as the file has it, and what it is.
pub(super) type Password = (SecretString, SecretForm);

/// Tenants, and the mail system that they need and nobody defined.
pub(super) fn tenants(
    tables: Vec<Entry<TenantTable>>,
    names: &Names,
    known: &Catalogue,
    problems: &mut Problems,
) -> (Vec<Tenant>, Option<Network>) {
    let mut implied = None;
    // What the file says of a tenant replaces what is stored of it.
    let named: HashSet<TenantName> =
        tables.iter().map(|entry| entry.body.name.get_ref().clone()).collect();
    let kept: Vec<&Tenant> = known.tenants.iter().filter(|t| !named.contains(&t.name)).collect();
    let mut default = kept.iter().find(|tenant| tenant.default).map(|t| t.name.clone());
    let mut tenants = Vec::new();
    for entry in tables {
        let label = entry.label.clone();
        let tenant = tenant(entry, names, problems);
        let before = known.tenants.iter().find(|before| before.name == tenant.name);
        if let Some(before) = before.filter(|before| before.mail != tenant.mail) {
            let text = format!(
                "its mail system is {} and stays that: its mailboxes would go on there unattended",
                before.mail
            );
            problems.within(&label, label.at, text);
        }
        if tenant.default && default.as_ref().is_some_and(|other| *other != tenant.name) {
            problems.within(&label, label.at, "only one tenant can be the default");
        }
        if tenant.default {
            default = Some(tenant.name.clone());
        }
        let shares = |other: &&Tenant| {
            other.name != tenant.name
                && other.mail_domain == tenant.mail_domain
                && other.mail != tenant.mail
        };
        if let Some(other) = kept.iter().copied().chain(&tenants).find(shares) {
            let text = format!(
                "tenant {} has this mail_domain at another mail system: both would take its mail",
                other.name
            );
            problems.within(&label, label.at, text);
        }
        if !names.has_network(&tenant.mail) && tenant.mail.as_str() == MAIL_SYSTEM {
            implied = Some(mail_system(tenant.mail.clone()));
        }
        tenants.push(tenant);
    }
    (tenants, implied)
}

fn mail_system(code: NetworkCode) -> Network {
    Network {
        code,
        driver: MAIL_DRIVER.to_owned(),
        number_range: None,
        drift: provisor_domain::drift::DriftPolicy::default(),
        settings: serde_json::Map::new(),
    }
}

fn tenant(
    Entry { label, body }: Entry<TenantTable>,
    names: &Names,
    problems: &mut Problems,
) -> Tenant {
    if !is_segment(body.name.get_ref().as_str()) {
        let rule = "name must be made of letters, digits, dots, hyphens and underscores";
        problems.within(&label, body.name.span().start, rule);
    }
    if !is_domain(body.mail_domain.get_ref()) {
        let rule = "mail_domain must be a domain name, like mail.example";
        problems.within(&label, body.mail_domain.span().start, rule);
    }
    let bytes = body.mailbox_quota.as_ref().and_then(|quota| {
        let read = bytes(quota.get_ref());
        if read.is_none() {
            let rule = "mailbox_quota must be a number with K, M, G or T, like \"1G\"";
            problems.within(&label, quota.span().start, rule);
        }
        read
    });
    Tenant {
        mail: mail(&label, body.mail.as_ref(), names, problems),
        packs: packs(&label, body.packs, problems),
        name: body.name.into_inner(),
        mail_domain: body.mail_domain.into_inner().to_ascii_lowercase(),
        mailbox_bytes: bytes.unwrap_or(MAILBOX_BYTES_DEFAULT),
        mail_kept_days: body.mail_kept_days.unwrap_or(MAIL_KEPT_DAYS_DEFAULT),
        default: body.default,
        networks: body.networks.unwrap_or_else(loopback),
    }
}

fn loopback() -> Vec<IpNet> {
    let v4 = Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8);
    let v6 = Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128);
    vec![v4.into(), v6.into()]
}

/// What stands in a path.
fn is_segment(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    text.bytes().all(fits)
        && !text.starts_with('.')
        && !text.eq_ignore_ascii_case("ccsimplemailapi")
}

/// `512M` in bytes.
fn bytes(text: &str) -> Option<u64> {
    let value = PackValue::parse(PackMeasure::Size, text).ok()?;
    let (number, unit) = value.as_str().split_at(value.as_str().len() - 1);
    let shift = 10 * (1 + "KMGT".find(unit)?);
    Some(number.parse::<u64>().ok()? << shift)
}

fn mail(
    label: &Label,
    named: Option<&Spanned<NetworkCode>>,
    names: &Names,
    problems: &mut Problems,
) -> NetworkCode {
    let Some(code) = named else {
        // A code that is written here parses.
        let implied: Option<NetworkCode> = MAIL_SYSTEM.parse().ok();
        let implied = implied.unwrap_or_else(|| unreachable!("{MAIL_SYSTEM} is a code"));
        if names.network_is_mail(&implied) == Some(false) {
            let text = format!(
                "mail is needed: network {MAIL_SYSTEM}, which serves tenants that name none, is no mail system"
            );
            problems.within(label, label.at, text);
        }
        return implied;
    };
    match names.network_is_mail(code.get_ref()) {
        None => undefined("network", label, code, problems),
        Some(false) => {
            let text = format!("network {} is no mail system", code.get_ref());
            problems.within(label, code.span().start, text);
        }
        Some(true) => {}
    }
    code.get_ref().clone()
}

fn packs(label: &Label, tables: Vec<PackTable>, problems: &mut Problems) -> Vec<PackKind> {
    if tables.len() > PACKS_PER_TENANT_MAX {
        problems.within(label, label.at, format!("at most {PACKS_PER_TENANT_MAX} packs"));
    }
    let mut packs: Vec<PackKind> = Vec::new();
    for PackTable { name, kind } in tables {
        let text = name.get_ref().as_str();
        let twice = packs.iter().any(|p| p.name.as_str().eq_ignore_ascii_case(text));
        if twice || !is_segment(text) {
            let what = format!("pack {text:?} is there twice or has no plain name");
            problems.within(label, name.span().start, what);
        }
        if name.get_ref().is_mail() && kind != PackMeasure::Count {
            let what =
                format!("pack {text} says how many mailboxes there may be: its kind is \"count\"");
            problems.within(label, name.span().start, what);
        }
        packs.push(PackKind { name: name.into_inner(), kind });
    }
    packs.sort_by(|a, b| a.name.cmp(&b.name));
    packs
}

/// The portal customers that are new, and the password of each.
pub(super) fn customers(
    tables: Vec<Entry<PortalCustomerTable>>,
    tenants: &[Tenant],
    known: &Catalogue,
    problems: &mut Problems,
) -> (Vec<PortalAdoption>, Vec<Option<Password>>) {
    let by_name: HashMap<&TenantName, &Tenant> = known
        .tenants
        .iter()
        .chain(tenants) // what the file says counts
        .map(|tenant| (&tenant.name, tenant))
        .collect();
    let adopted: HashSet<&PortalId> = known.portal_customers.iter().map(|c| &c.id).collect();
    let (mut customers, mut passwords) = (Vec::new(), Vec::new());
    let (mut ids, mut addresses) = (Seen::default(), Seen::default());
    for Entry { label, body } in tables {
        let Some(tenant) = by_name.get(body.tenant.get_ref()) else {
            undefined("tenant", &label, &body.tenant, problems);
            continue;
        };
        let id = PortalId { tenant: tenant.name.clone(), customer: body.id.get_ref().clone() };
        ids.once("portal customer", &label, &Spanned::new(body.id.span(), id.clone()), problems);
        let mut desk = Adoption { label: &label, tenant, id: &id, problems };
        let packs = desk.packs(&body.packs);
        let mailboxes = desk.mailboxes(&body, &packs);
        let password = desk.password(&body);
        for table in &body.mailboxes {
            let key = Spanned::new(table.address.span(), table.address.get_ref().key());
            addresses.once("mailbox", &label, &key, problems);
        }
        if !adopted.contains(&id) {
            customers.push(PortalAdoption {
                id,
                enabled: body.enabled.unwrap_or(true),
                own_password: body.password_changed,
                secret: None,
                packs,
                mailboxes,
            });
            passwords.push(password);
        }
    }
    (customers, passwords)
}

/// One customer of the file.
struct Adoption<'a> {
    label: &'a Label,
    tenant: &'a Tenant,
    id: &'a PortalId,
    problems: &'a mut Problems,
}

impl Adoption<'_> {
    fn packs(&mut self, tables: &[super::file::ActivePackTable]) -> Vec<Pack> {
        let mut packs: Vec<Pack> = Vec::new();
        for table in tables {
            let (name, at) = (table.name.get_ref(), table.name.span().start);
            let Some(kind) = self.tenant.pack(name) else {
                let text = format!("tenant {} sells no pack {name:?}", self.tenant.name);
                self.problems.within(self.label, at, text);
                continue;
            };
            match PackValue::parse(kind.kind, table.value.get_ref()) {
                Ok(value) if packs.iter().all(|pack| pack.name != kind.name) => {
                    packs.push(Pack { name: kind.name.clone(), value });
                }
                Ok(_) => {
                    self.problems.within(self.label, at, format!("pack {name} is there twice"));
                }
                Err(error) => {
                    self.problems.within(self.label, table.value.span().start, error);
                }
            }
        }
        packs.sort_by(|a, b| a.name.cmp(&b.name));
        packs
    }

    /// The file's mailboxes, and before them the primary one that every customer with a mail pack has.
    fn mailboxes(&mut self, body: &PortalCustomerTable, packs: &[Pack]) -> Vec<Mailbox> {
        let primary = format!("{}@{}", self.id.customer, self.tenant.mail_domain);
        let allowed = packs.iter().find(|pack| pack.name.is_mail()).and_then(|p| p.value.count());
        let mut mailboxes: Vec<Mailbox> = Vec::new();
        for table in &body.mailboxes {
            self.mailbox_address(&table.address);
            let address = table.address.get_ref().clone();
            let kind = if address.key() == primary.to_ascii_lowercase() {
                MailboxKind::Primary
            } else {
                MailboxKind::Additional
            };
            let (forward, keep_copy) = (table.forward.clone(), table.keep_copy);
            mailboxes.push(Mailbox { forward, keep_copy, ..self.mailbox(address, kind) });
        }
        if allowed.is_some() && !mailboxes.iter().any(Mailbox::is_primary) {
            match primary.parse() {
                Ok(address) => mailboxes.push(self.mailbox(address, MailboxKind::Primary)),
                Err(error) => {
                    self.problems.within(
                        self.label,
                        body.id.span().start,
                        format!("{primary}: {error}"),
                    );
                }
            }
        }
        if mailboxes.len() > allowed.map_or(0, |count| count as usize) {
            let mail =
                body.packs.iter().find(|pack| pack.name.get_ref().eq_ignore_ascii_case("mail"));
            let at = mail.map_or(self.label.at, |pack| pack.value.span().start);
            let text = format!(
                "{} mailboxes, the primary one counted, need a pack Mail of as many",
                mailboxes.len()
            );
            self.problems.within(self.label, at, text);
        }
        mailboxes.sort_by_key(|mailbox| (mailbox.kind, mailbox.address.key()));
        mailboxes
    }

    /// Mail servers take what follows a plus for a tag of the mailbox before it.
    fn mailbox_address(&mut self, address: &Spanned<MailAddress>) {
        if address.get_ref().as_str().contains('+') {
            let text = format!("{}: a mailbox's address has no plus sign", address.get_ref());
            self.problems.within(self.label, address.span().start, text);
        }
    }

    fn mailbox(&self, address: MailAddress, kind: MailboxKind) -> Mailbox {
        let quota_bytes = self.tenant.mailbox_bytes;
        Mailbox { address, kind, forward: None, keep_copy: false, quota_bytes, kept_until: None }
    }

    fn password(&mut self, body: &PortalCustomerTable) -> Option<Password> {
        match (&body.password, &body.password_md5) {
            (Some(password), Some(_)) => {
                let text = "password and password_md5 exclude each other";
                self.problems.within(self.label, password.span().start, text);
                None
            }
            (Some(password), None) => {
                let secret = SecretString::from(password.get_ref().as_str());
                if let Some(objection) = crate::password::objection(&secret) {
                    self.problems.within(self.label, password.span().start, objection);
                }
                Some((secret, SecretForm::Plain))
            }
            (None, Some(md5)) => match md5.get_ref().parse::<Md5Hex>() {
                Ok(hash) => Some((hash.into_secret(), SecretForm::Md5Hex)),
                Err(error) => {
                    self.problems.within(
                        self.label,
                        md5.span().start,
                        format!("password_md5: {error}"),
                    );
                    None
                }
            },
            (None, None) => None,
        }
    }
}

/// The pack names of a tenant, for the list of changes.
pub(super) fn pack_text(pack: &PackKind) -> String {
    let kind = match pack.kind {
        PackMeasure::Count => "count",
        PackMeasure::Size => "size",
    };
    let name: &PackName = &pack.name;
    format!("{name} ({kind})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_are_read_in_bytes() {
        assert_eq!(bytes("1K"), Some(1024));
        assert_eq!(bytes("2G"), Some(2 << 30));
        assert_eq!(bytes("999999T"), Some(999_999 << 40));
        assert_eq!(bytes("1"), None);
    }
}
