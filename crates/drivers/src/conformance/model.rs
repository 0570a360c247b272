//! What a network must have, kept beside it; and commands made up by chance.

use std::collections::BTreeMap;

use provisor_domain::driver::{Subscription, Want, Wanted};
use provisor_domain::service::{AppliedBar, Products};
use provisor_domain::{Iccid, SealedKeys};

use super::World;
use crate::simulator::Chance;

/// Who is served, and how.
#[derive(Debug, Clone, Default)]
pub(super) struct Model(BTreeMap<Iccid, Subscription>);

impl Model {
    /// The model after a command; the error says why a network must refuse it.
    pub(super) fn after(mut self, wants: &[Want]) -> Result<Self, String> {
        for want in wants {
            match &want.state {
                Wanted::Absent => {
                    self.0.remove(&want.iccid);
                }
                Wanted::Present(subscription) => {
                    let taken = self.0.iter().any(|(iccid, other)| {
                        *iccid != want.iccid
                            && other.msisdn.is_some()
                            && other.msisdn == subscription.msisdn
                    });
                    if taken {
                        let number = subscription.msisdn.as_ref();
                        return Err(format!("refused, because {number:?} is taken"));
                    }
                    self.0.insert(want.iccid.clone(), subscription.clone());
                }
            }
        }
        Ok(self)
    }

    /// How a SIM is served.
    pub(super) fn get(&self, iccid: &Iccid) -> Option<&Subscription> {
        self.0.get(iccid)
    }
}

impl World {
    /// One to three wants for any of the SIMs.
    pub(super) fn any_wants(&self, chance: &mut Chance) -> Vec<Want> {
        (0..=chance.below(3))
            .map(|_| {
                let (iccid, imsi) = self.sims[chance.below(self.sims.len())].clone();
                Want { iccid, imsi, keys: SealedKeys::default(), state: self.any_state(chance) }
            })
            .collect()
    }

    fn any_state(&self, chance: &mut Chance) -> Wanted {
        if chance.below(3) == 0 {
            return Wanted::Absent;
        }
        let mut products = Products::default();
        if chance.below(2) == 0 {
            products.apns.push(self.apns[chance.below(self.apns.len())].clone());
        }
        if chance.below(2) == 0 {
            products.boltons.push(self.bolton.clone());
        }
        match chance.below(3) {
            0 => products.bars.push(AppliedBar { code: self.bar.clone(), suspends: false }),
            1 => {
                products
                    .bars
                    .push(AppliedBar { code: self.suspending_bar.clone(), suspends: true });
            }
            _ => {}
        }
        Wanted::Present(Subscription {
            // One more than there are: a service may have no number.
            msisdn: self.numbers.get(chance.below(self.numbers.len() + 1)).cloned(),
            tariff: self.tariffs[chance.below(self.tariffs.len())].clone(),
            products,
        })
    }
}
