//! From columns to the domain's types. A value that does not parse is a broken row, never a default.
//!
//! Statements that answer a SIM, a service or a ticket list its columns in the order these functions read them.

use std::error::Error;
use std::fmt::Display;
use std::str::FromStr;

use jiff::Timestamp;
use provisor_domain::service::Products;
use provisor_domain::store::ServiceSummary;
use provisor_domain::ticket::{About, Failure, Ticket};
use provisor_domain::{ReportingGroup, Service, ServiceCode, SimRecord, TicketId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Type};

use super::fault::{Fault, Result};

/// How many columns a SIM takes.
pub(super) const SIM_COLUMNS: usize = 7;
/// How many columns a service takes.
pub(super) const SERVICE_COLUMNS: usize = 13;
/// How many columns a ticket takes.
pub(super) const TICKET_COLUMNS: usize = 16;

/// A column as it is.
pub(super) fn get<'a, T: FromSql<'a>>(row: &'a Row, at: usize) -> Result<T> {
    Ok(row.try_get(at)?)
}

fn is_null(row: &Row, at: usize) -> Result<bool> {
    Ok(get::<Option<Any>>(row, at)?.is_none())
}

/// A value of whatever type.
struct Any;

impl FromSql<'_> for Any {
    fn from_sql(_: &Type, _: &[u8]) -> std::result::Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self)
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// A number that is never negative.
pub(super) fn count<T: TryFrom<i64, Error: Display>>(row: &Row, at: usize) -> Result<T> {
    T::try_from(get::<i64>(row, at)?).map_err(|error| unreadable(row, at, &error))
}

/// Bytes of a known length.
pub(super) fn bytes<const LENGTH: usize>(row: &Row, at: usize) -> Result<[u8; LENGTH]> {
    let raw: &[u8] = get(row, at)?;
    raw.try_into().map_err(|error| unreadable(row, at, &error))
}

/// A number as the database keeps it. What does not fit is the greatest one.
pub(super) fn number<T: TryInto<i64>>(value: T) -> i64 {
    value.try_into().unwrap_or(i64::MAX)
}

/// A text that must be there.
pub(super) fn text<T>(row: &Row, at: usize) -> Result<T>
where
    T: FromStr,
    T::Err: Display,
{
    let raw: &str = get(row, at)?;
    raw.parse().map_err(|error| unreadable(row, at, &error))
}

/// A text that may be absent.
pub(super) fn text_or_none<T>(row: &Row, at: usize) -> Result<Option<T>>
where
    T: FromStr,
    T::Err: Display,
{
    if is_null(row, at)? { Ok(None) } else { text(row, at).map(Some) }
}

/// A list or object kept as JSON.
pub(super) fn json<T: DeserializeOwned>(row: &Row, at: usize) -> Result<T> {
    let raw: &str = get(row, at)?;
    serde_json::from_str(raw).map_err(|error| unreadable(row, at, &error))
}

/// A list or object kept as JSON that may be absent.
pub(super) fn json_or_none<T: DeserializeOwned>(row: &Row, at: usize) -> Result<Option<T>> {
    if is_null(row, at)? { Ok(None) } else { json(row, at).map(Some) }
}

/// A list or object as it is kept.
pub(super) fn to_json<T: Serialize + ?Sized>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Fault::broken(format!("cannot write: {error}")))
}

/// A moment that must be there.
pub(super) fn moment(row: &Row, at: usize) -> Result<Timestamp> {
    let millis: i64 = get(row, at)?;
    Timestamp::from_millisecond(millis).map_err(|error| unreadable(row, at, &error))
}

/// A moment that may be absent.
pub(super) fn moment_or_none(row: &Row, at: usize) -> Result<Option<Timestamp>> {
    if is_null(row, at)? { Ok(None) } else { moment(row, at).map(Some) }
}

/// A ticket's number.
pub(super) fn ticket_id(row: &Row, at: usize) -> Result<TicketId> {
    TicketId::new(get(row, at)?).ok_or_else(|| unreadable(row, at, &"not positive"))
}

/// A ticket's number that may be absent.
pub(super) fn ticket_id_or_none(row: &Row, at: usize) -> Result<Option<TicketId>> {
    if is_null(row, at)? { Ok(None) } else { ticket_id(row, at).map(Some) }
}

/// A service's code.
pub(super) fn service_code(row: &Row, at: usize) -> Result<ServiceCode> {
    ServiceCode::new(get(row, at)?).ok_or_else(|| unreadable(row, at, &"not positive"))
}

/// A service's code that may be absent.
pub(super) fn service_code_or_none(row: &Row, at: usize) -> Result<Option<ServiceCode>> {
    if is_null(row, at)? { Ok(None) } else { service_code(row, at).map(Some) }
}

/// A failure that may be absent: its kind, then its reason.
pub(super) fn failure(row: &Row, at: usize) -> Result<Option<Failure>> {
    let Some(kind) = text_or_none(row, at)? else { return Ok(None) };
    Ok(Some(Failure { kind, reason: get(row, at + 1)? }))
}

/// A SIM: iccid, imsi, msisdn, customer, network, state, version.
pub(super) fn sim(row: &Row, at: usize) -> Result<SimRecord> {
    Ok(SimRecord {
        iccid: text(row, at)?,
        imsi: text_or_none(row, at + 1)?,
        msisdn: text_or_none(row, at + 2)?,
        customer: text(row, at + 3)?,
        network: text_or_none(row, at + 4)?,
        state: text(row, at + 5)?,
        version: get(row, at + 6)?,
    })
}

/// A service: code, name, status, cli, iccid, network, contract, customer, tariff, reporting group, APNs, bolt-ons,
/// bars.
pub(super) fn service(row: &Row, at: usize) -> Result<Service> {
    Ok(Service {
        code: service_code(row, at)?,
        name: text(row, at + 1)?,
        status: text(row, at + 2)?,
        cli: text_or_none(row, at + 3)?,
        iccid: text(row, at + 4)?,
        network: text(row, at + 5)?,
        contract: text(row, at + 6)?,
        customer: text(row, at + 7)?,
        tariff: text(row, at + 8)?,
        group: text_or_none(row, at + 9)?,
        products: Products {
            apns: json(row, at + 10)?,
            boltons: json(row, at + 11)?,
            bars: json(row, at + 12)?,
        },
    })
}

/// What is seen of a service: code, name, status, cli, iccid, network, contract, customer, reporting group, and the IMSI
/// where it was asked for. The group is not seen: it decides who sees the rest.
pub(super) fn summary(row: &Row, at: usize) -> Result<(ServiceSummary, Option<ReportingGroup>)> {
    let seen = ServiceSummary {
        code: service_code(row, at)?,
        name: text(row, at + 1)?,
        status: text(row, at + 2)?,
        cli: text_or_none(row, at + 3)?,
        iccid: text(row, at + 4)?,
        imsi: text_or_none(row, at + 9)?,
        network: text(row, at + 5)?,
        contract: text(row, at + 6)?,
        customer: text(row, at + 7)?,
    };
    Ok((seen, text_or_none(row, at + 8)?))
}

/// A service that may be absent (an outer join).
pub(super) fn service_or_none(row: &Row, at: usize) -> Result<Option<Service>> {
    if is_null(row, at)? { Ok(None) } else { service(row, at).map(Some) }
}

/// A ticket: id, state, kind, customer, network, service, cli, iccid, portal customer, raised, finished, epoch, due,
/// failure kind, failure reason, raised by.
pub(super) fn ticket(row: &Row, at: usize) -> Result<Ticket> {
    Ok(Ticket {
        id: ticket_id(row, at)?,
        state: text(row, at + 1)?,
        kind: text(row, at + 2)?,
        customer: text(row, at + 3)?,
        network: text(row, at + 4)?,
        about: match text_or_none(row, at + 8)? {
            Some(customer) => About::Portal(customer),
            None => About::Service {
                iccid: text(row, at + 7)?,
                service: service_code_or_none(row, at + 5)?,
                cli: text_or_none(row, at + 6)?,
            },
        },
        raised: moment(row, at + 9)?,
        finished: moment_or_none(row, at + 10)?,
        attempts: count(row, at + 11)?,
        due: moment(row, at + 12)?,
        failure: failure(row, at + 13)?,
        raised_by: get(row, at + 15)?,
    })
}

fn unreadable(row: &Row, at: usize, error: &dyn Display) -> Fault {
    let column = row.columns().get(at).map_or("?", |column| column.name());
    Fault::broken(format!("column {column} holds what it must not: {error}"))
}
