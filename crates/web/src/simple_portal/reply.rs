//! Answers to functions that did what they were asked: the document's members in the document's order.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use provisor_domain::mail::MailboxKind;
use provisor_domain::portal::{Pack, PortalRequest, RequestState};
use provisor_domain::store::PortalFound;
use provisor_domain::{MailAddress, Mailbox, ParCustId};
use serde::Serialize;

use super::preferences::wants_xml;
use super::xml;
use crate::kit::answer::Answer;

const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    Xml,
}

impl Form {
    /// The form that the caller wants.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        if wants_xml(headers) { Self::Xml } else { Self::Json }
    }

    /// A success with this body. The shapes of this face hold only texts, numbers, booleans and lists of objects,
    /// which cannot fail in either form.
    fn answer(self, body: &impl Serialize) -> Answer {
        let json = serde_json::to_vec(body).map_err(std::io::Error::from);
        let (content_type, written) = match self {
            Self::Json => ("text/json; charset=utf-8", json),
            Self::Xml => ("text/xml; charset=utf-8", json.and_then(|json| xml::from_json(&json))),
        };
        debug_assert!(written.is_ok(), "a shape of this face failed to serialise: {written:?}");
        let (name, value) = NOT_STORED;
        Answer { content_type, ..Answer::json(written.unwrap_or_default()) }.with(name, value)
    }
}

/// Nobody may keep an answer of this face.
pub(super) const NOT_STORED: (HeaderName, HeaderValue) =
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));

#[derive(Serialize)]
struct Status<'a> {
    #[serde(rename = "ParCustId")]
    customer: &'a str,
    found: bool,
    enabled: bool,
    pwdchanged: u8,
    dirty: bool,
}

#[derive(Serialize)]
struct PackList<'a> {
    #[serde(rename = "ParCustId")]
    customer: &'a str,
    dirty: bool,
    packs: Vec<PackItem<'a>>,
}

#[derive(Serialize)]
struct PackItem<'a> {
    pack: PackShape<'a>,
}

#[derive(Serialize)]
struct PackShape<'a> {
    name: &'a str,
    value: &'a str,
}

#[derive(Serialize)]
struct AccountList<'a> {
    #[serde(rename = "ParCustId")]
    customer: &'a str,
    accounts: Vec<AccountItem<'a>>,
}

#[derive(Serialize)]
struct AccountItem<'a> {
    account: Account<'a>,
}

#[derive(Serialize)]
struct Account<'a> {
    mail: &'a str,
    r#type: &'static str,
    forward: Option<&'a str>,
}

#[derive(Serialize)]
struct Requested<'a> {
    #[serde(rename = "ParCustId")]
    customer: &'a str,
    sequence: u64,
    dirty: bool,
}

/// `access/…/status`. A customer that is not known is an answer too; it is dirty while its first enable is pending.
pub(super) fn status(form: Form, customer: &ParCustId, found: &PortalFound) -> Answer {
    let known = found.customer.as_ref();
    form.answer(&Status {
        customer: customer.as_str(),
        found: known.is_some(),
        enabled: known.is_some_and(|known| known.enabled),
        pwdchanged: known.is_some_and(|known| known.own_password).into(),
        dirty: found.open_ticket.is_some(),
    })
}

/// `pack/…/list`.
pub(super) fn packs(form: Form, customer: &ParCustId, found: &PortalFound) -> Answer {
    form.answer(&PackList {
        customer: customer.as_str(),
        dirty: found.open_ticket.is_some(),
        packs: found.packs.iter().map(pack).collect(),
    })
}

fn pack(pack: &Pack) -> PackItem<'_> {
    PackItem { pack: PackShape { name: pack.name.as_str(), value: pack.value.as_str() } }
}

/// `mail/…/list`: the mailboxes that work.
pub(super) fn mailboxes(form: Form, customer: &ParCustId, found: &PortalFound) -> Answer {
    let working = found.mailboxes.iter().filter(|mailbox| mailbox.works());
    form.answer(&AccountList {
        customer: customer.as_str(),
        accounts: working.map(account).collect(),
    })
}

fn account(mailbox: &Mailbox) -> AccountItem<'_> {
    let forward = mailbox.forward.as_ref().map(MailAddress::as_str);
    let r#type = match (mailbox.kind, forward) {
        (MailboxKind::Primary, None) => "TYPE_PRIMARY",
        (MailboxKind::Primary, Some(_)) => "TYPE_PRIMARY_FORWARD",
        (MailboxKind::Additional, None) => "TYPE_ADDITIONAL",
        (MailboxKind::Additional, Some(_)) => "TYPE_ADDITIONAL_FORWARD",
    };
    AccountItem { account: Account { mail: mailbox.address.as_str(), r#type, forward } }
}

/// A change that is on disk, and whether it is still to be carried out.
pub(super) fn requested(form: Form, customer: &ParCustId, request: &PortalRequest) -> Answer {
    form.answer(&Requested {
        customer: customer.as_str(),
        sequence: request.sequence,
        dirty: request.state == RequestState::Pending,
    })
}

/// The same answer, saying that it came at once because that was preferred.
pub(super) fn at_once(answer: Answer) -> Answer {
    answer.with(PREFERENCE_APPLIED, HeaderValue::from_static("respond-async"))
}
