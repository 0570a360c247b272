//! `connectService`: a ticket for a new service (document, section 2).

use provisor_domain::ApnCode;
use provisor_domain::limits::PRODUCTS_PER_SERVICE_MAX;
use provisor_engine::{Call, ConnectOrder, Engine, Error};

use super::code::Code;
use super::error::WireError;
use super::lookup;
use super::members::Members;
use super::reply::Reply;

pub(super) struct ConnectRequest<'b> {
    sim: Option<&'b str>,
    name: Option<&'b str>,
    contract: Option<&'b str>,
    tariff: Option<&'b str>,
    /// Without repetition.
    apns: Vec<&'b str>,
}

impl<'b> ConnectRequest<'b> {
    pub(super) fn read(body: Members<'b>) -> Result<Self, WireError> {
        Ok(Self {
            sim: body.identifier("sim")?,
            name: body.text("name")?,
            contract: body.identifier("contractCode")?,
            tariff: body.identifier("tariffCode")?,
            apns: apns(body)?,
        })
    }

    pub(super) fn order(self) -> Result<ConnectOrder, WireError> {
        let missing = |code| move || WireError::of(code);
        let sim = self.sim.ok_or_else(missing(Code::SimMissing))?;
        let name = self.name.ok_or_else(missing(Code::NameMissing))?;
        let contract = self.contract.ok_or_else(missing(Code::ContractMissing))?;
        let tariff = self.tariff.ok_or_else(missing(Code::TariffMissing))?;
        let iccid = sim.parse().map_err(|_| WireError::of(Code::SimInvalid))?;
        let name = name.parse().map_err(|_| WireError::of(Code::NameInvalid))?;
        let apns: Result<Vec<ApnCode>, WireError> =
            self.apns.into_iter().map(|apn| lookup::code(apn, Code::ApnNotFound)).collect();
        Ok(ConnectOrder {
            iccid,
            name,
            contract: lookup::code(contract, Code::ContractNotFound)?,
            tariff: lookup::code(tariff, Code::TariffNotFound)?,
            apns: apns?,
        })
    }
}

fn apns(body: Members<'_>) -> Result<Vec<&str>, WireError> {
    let mut distinct = Vec::new();
    for apn in body.identifiers("APNCodes")? {
        if distinct.contains(&apn) {
            continue;
        }
        if distinct.len() == PRODUCTS_PER_SERVICE_MAX {
            let most = format!("at most {PRODUCTS_PER_SERVICE_MAX} codes");
            return Err(body.must_be("APNCodes", &most));
        }
        distinct.push(apn);
    }
    Ok(distinct)
}

pub(super) async fn answer(
    engine: &Engine,
    call: &Call,
    order: ConnectOrder,
) -> Result<Reply, Error> {
    Ok(Reply::raised(engine.connect_service(call, order).await?))
}
