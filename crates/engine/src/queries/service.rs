//! One service, with what its network says where it can tell (CCC document, "Query Service").

use std::time::Duration;

use jiff::Timestamp;
use provisor_domain::driver::NetworkStatus;
use provisor_domain::limits::NETWORK_STATUS_SECONDS_MAX;
use provisor_domain::store::{ServiceFound, ServiceSummary};
use provisor_domain::{Refusal, ServiceSelector, ServiceStatus};

use crate::call::{Caller, Error};
use crate::engine::Engine;

/// A service, and what its network says.
#[derive(Debug, Clone)]
pub struct ServiceView {
    /// The service as the books have it.
    pub service: ServiceSummary,
    /// What the network says. Of a service that is not live it is not asked.
    pub network: NetworkSays,
}

/// What a network said, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetworkSays {
    /// What.
    pub status: NetworkStatus,
    /// When.
    pub checked: Timestamp,
}

impl ServiceView {
    /// The status to show: for a live service what the network says where it can tell, else the books.
    pub fn status(&self) -> ServiceStatus {
        match (self.service.status.is_live(), self.network.status) {
            (true, NetworkStatus::Active) => ServiceStatus::Active,
            (true, NetworkStatus::Suspended) => ServiceStatus::Barred,
            _ => self.service.status,
        }
    }
}

impl Engine {
    /// The service that `selector` names. Waits at most `NETWORK_STATUS_SECONDS_MAX` for its network.
    pub async fn service(
        &self,
        caller: &Caller,
        selector: ServiceSelector,
    ) -> Result<ServiceView, Error> {
        // Which network it is about is not known yet.
        let imsi = self.networks.all().values().any(|network| network.needs_imsi);
        let find = self.store.service_find(caller.scope.clone(), selector, imsi);
        let service = match self.metrics.timed("service_find", find).await? {
            ServiceFound::Absent => return Err(Refusal::ServiceNotFound.into()),
            ServiceFound::OutsideKind => return Err(Refusal::ServiceNotPermitted.into()),
            ServiceFound::Found(service) => *service,
        };
        let status = self.network_status(&service).await;
        let network = NetworkSays { status, checked: self.clock.now() };
        Ok(ServiceView { service, network })
    }

    async fn network_status(&self, service: &ServiceSummary) -> NetworkStatus {
        let network = self.networks.get(&service.network).filter(|_| service.status.is_live());
        let Some(driver) = network.as_ref().and_then(|network| network.driver()) else {
            return NetworkStatus::Unknown;
        };
        let patience = Duration::from_secs(NETWORK_STATUS_SECONDS_MAX);
        let asked = driver.status(&service.iccid, service.imsi.as_ref());
        tokio::time::timeout(patience, asked).await.unwrap_or(NetworkStatus::Unknown)
    }
}
