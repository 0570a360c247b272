//! The contracts of a customer (CCC document, "Get Contracts").

use provisor_domain::store::ContractSummary;
use provisor_domain::{CustomerNumber, Refusal};

use crate::call::{Caller, Error};
use crate::engine::Engine;

impl Engine {
    /// The customer's contracts, by code. A customer without any is answered like one that does not exist.
    pub async fn contracts(
        &self,
        caller: &Caller,
        customer: CustomerNumber,
    ) -> Result<Vec<ContractSummary>, Error> {
        let contracts = self.store.contract_list(caller.scope.clone(), customer).await?;
        if contracts.is_empty() {
            return Err(Refusal::ContractNotFound.into());
        }
        Ok(contracts)
    }
}
