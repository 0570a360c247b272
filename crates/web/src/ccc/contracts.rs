//! `getContracts`: the contracts of a customer (document, section 1).

use provisor_domain::CustomerNumber;
use provisor_engine::{Call, Engine, Error};
use serde::Serialize;

use super::code::Code;
use super::error::WireError;
use super::lookup;
use super::members::Members;
use super::reply::{Reply, Shown};

pub(super) struct ContractsRequest<'b> {
    customer: Option<&'b str>,
}

#[derive(Serialize)]
struct Answer<'a> {
    ok: bool,
    contracts: Vec<Contract<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "UPPERCASE")]
struct Contract<'a> {
    code: Shown<&'a provisor_domain::ContractCode>,
    name: &'a str,
    active_services: u64,
}

impl<'b> ContractsRequest<'b> {
    pub(super) fn read(body: Members<'b>) -> Result<Self, WireError> {
        Ok(Self { customer: body.identifier("customer")? })
    }

    pub(super) fn order(self) -> Result<CustomerNumber, WireError> {
        let customer = self.customer.ok_or_else(|| WireError::of(Code::CustomerMissing))?;
        lookup::code(customer, Code::ContractNotFound)
    }
}

pub(super) async fn answer(
    engine: &Engine,
    call: &Call,
    customer: CustomerNumber,
) -> Result<Reply, Error> {
    let found = engine.contracts(&call.caller, customer).await?;
    let contracts = found.iter().map(|contract| Contract {
        code: Shown(&contract.code),
        name: &contract.name,
        active_services: contract.active_services,
    });
    Ok(Reply::json(&Answer { ok: true, contracts: contracts.collect() }))
}
