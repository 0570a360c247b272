use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use provisor_domain::driver::{
    Command, Comparison, Driver, DriverLimits, NetworkStatus, Outcome, Subscription, Want, Wanted,
};
use provisor_domain::{Iccid, Imsi};

/// A network that is a table in memory.
#[derive(Debug, Default)]
pub(crate) struct Memory(Mutex<BTreeMap<Iccid, Subscription>>);

impl Memory {
    fn find(&self, iccid: &Iccid) -> Option<Subscription> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(iccid).cloned()
    }
}

#[async_trait]
impl Driver for Memory {
    async fn ensure(&self, command: &Command) -> Outcome {
        let mut network = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut after = network.clone();
        for Want { iccid, state, .. } in &command.wants {
            after.remove(iccid);
            let Wanted::Present(wanted) = state else { continue };
            if wanted.msisdn.is_some() && after.values().any(|other| other.msisdn == wanted.msisdn)
            {
                return Outcome::Refused { reason: "the number is another SIM's".to_owned() };
            }
            after.insert(iccid.clone(), wanted.clone());
        }
        *network = after; // all of it, or nothing
        Outcome::Done
    }

    async fn status(&self, iccid: &Iccid, _imsi: Option<&Imsi>) -> NetworkStatus {
        match self.find(iccid) {
            None => NetworkStatus::Absent,
            Some(found) if found.products.suspended() => NetworkStatus::Suspended,
            Some(_) => NetworkStatus::Active,
        }
    }

    async fn compare(&self, want: &Want) -> Comparison {
        let found = self.find(&want.iccid).map_or(Wanted::Absent, Wanted::Present);
        if found == want.state {
            return Comparison::AsWanted;
        }
        let found = self.status(&want.iccid, None).await;
        Comparison::Differs { found, what: format!("it is {}", found.as_str()) }
    }

    fn limits(&self) -> DriverLimits {
        let command_deadline = Duration::from_secs(1);
        DriverLimits { in_flight_max: 100, per_second_max: None, command_deadline }
    }
}
