//! What a network says about a SIM, for the operator: its status, and what the status has no word for.

use std::time::Duration;

use provisor_domain::driver::NetworkStatus;
use provisor_domain::limits::NETWORK_STATUS_SECONDS_MAX;
use provisor_domain::{NetworkCode, SimRecord};

use crate::engine::Engine;

/// What a network says about a SIM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimAtNetwork {
    /// In short.
    pub status: NetworkStatus,
    /// More, in one line, where the network has more to say: *barred* and *detached* are two facts.
    pub detail: Option<String>,
}

impl Engine {
    /// Asks `network` about a SIM; `None` where it has no driver for SIMs. Changes nothing.
    pub async fn sim_at_network(
        &self,
        network: &NetworkCode,
        sim: &SimRecord,
    ) -> Option<SimAtNetwork> {
        let network = self.networks.get(network)?;
        let driver = network.driver()?;
        let patience = Duration::from_secs(NETWORK_STATUS_SECONDS_MAX);
        let (iccid, imsi) = (&sim.iccid, sim.imsi.as_ref());
        let status = tokio::time::timeout(patience, driver.status(iccid, imsi));
        let detail = tokio::time::timeout(patience, driver.detail(iccid, imsi));
        let (status, detail) = tokio::join!(status, detail);
        Some(SimAtNetwork {
            status: status.unwrap_or(NetworkStatus::Unknown),
            detail: detail.unwrap_or_default(),
        })
    }
}
