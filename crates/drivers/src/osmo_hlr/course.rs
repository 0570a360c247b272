//! From what a command wants and what the HLR has to the writes between them. Pure.
//!
//! Invariants: conflicts of the whole command are found before anything is written, by carrying its wants out in order on
//! paper; numbers are freed first, what an HLR may refuse comes next, and what cannot be taken back (deletions, with which
//! a subscriber's sequence number goes) comes last; a subscriber is barred before it is deleted, because nobody is told of
//! a deletion.

use std::collections::{BTreeMap, BTreeSet};

use provisor_domain::driver::{Want, Wanted};
use provisor_domain::{Imsi, Msisdn};

use super::subscriber::{Access, Keys, Subscriber, Target};

/// What the HLR has for the IMSIs of a command.
pub(super) type Found = BTreeMap<Imsi, Option<Subscriber>>;

/// A write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Create(Imsi),
    Delete(Imsi),
    Keys(Imsi, Keys),
    Number(Imsi, Option<Msisdn>),
    Access(Imsi, Access),
    /// Has the serving nodes that the HLR knows of detach it.
    Detach(Imsi),
}

impl Step {
    /// Whom it is about.
    pub(super) fn imsi(&self) -> &Imsi {
        match self {
            Self::Create(imsi)
            | Self::Delete(imsi)
            | Self::Keys(imsi, _)
            | Self::Number(imsi, _)
            | Self::Access(imsi, _)
            | Self::Detach(imsi) => imsi,
        }
    }
}

/// Who has which number, as far as a command asks for them.
pub(super) type Holders = BTreeMap<Msisdn, Imsi>;

/// A want that can be carried out here: its SIM's IMSI is known, its keys are open.
#[derive(Debug)]
pub(super) struct Part<'a> {
    pub(super) want: &'a Want,
    pub(super) imsi: Imsi,
    pub(super) target: Target,
}

impl<'a> Part<'a> {
    /// What a want means for a subscriber. Products that only the books keep are left out.
    pub(super) fn new(want: &'a Want, imsi: Imsi, keys: Option<Keys>) -> Self {
        let target = match &want.state {
            Wanted::Absent => Target::Absent,
            Wanted::Present(subscription) => Target::Present {
                msisdn: subscription.msisdn.clone(),
                access: if subscription.products.suspended() { Access::NONE } else { Access::ALL },
                keys,
            },
        };
        Self { want, imsi, target }
    }
}

impl Target {
    /// The number it has, where it has one.
    pub(super) fn number(&self) -> Option<&Msisdn> {
        match self {
            Self::Present { msisdn, .. } => msisdn.as_ref(),
            Self::Absent => None,
        }
    }
}

/// What each IMSI is to have when the command is done. The error, for people, says which number is another's.
pub(super) fn targets(
    parts: &[Part<'_>],
    found: &Found,
    mut holders: Holders,
) -> Result<BTreeMap<Imsi, Target>, String> {
    for (imsi, subscriber) in found {
        let number = subscriber.as_ref().and_then(|subscriber| subscriber.msisdn.clone());
        holders.extend(number.map(|number| (number, imsi.clone())));
    }
    let mut targets = BTreeMap::new();
    for Part { want, imsi, target } in parts {
        let number = target.number();
        if let Some(number) = number
            && let Some(holder) = holders.get(number)
            && holder != imsi
        {
            let iccid = &want.iccid;
            return Err(format!(
                "number {number} for SIM {iccid} belongs to another subscriber of the HLR (IMSI {holder})"
            ));
        }
        holders.retain(|_, holder| holder != imsi);
        holders.extend(number.map(|number| (number.clone(), imsi.clone())));
        targets.insert(imsi.clone(), target.clone());
    }
    Ok(targets)
}

/// The writes that bring `targets` about; `detach` says whether whoever is barred or goes is detached, too.
pub(super) fn steps(targets: &BTreeMap<Imsi, Target>, found: &Found, detach: bool) -> Vec<Step> {
    let taken = targets.values().filter_map(Target::number).collect();
    let mut course = Course { taken, detach, free: vec![], set: vec![], delete: vec![] };
    for (imsi, target) in targets {
        let subscriber = found.get(imsi).and_then(Option::as_ref);
        match (target, subscriber) {
            (Target::Absent, None) => {}
            (Target::Absent, Some(subscriber)) => course.absent(imsi, subscriber),
            (Target::Present { msisdn, access, keys }, subscriber) => {
                course.number(imsi, subscriber, msisdn.as_ref());
                course.present(imsi, subscriber, *access, keys.as_ref());
                let has = subscriber.and_then(|subscriber| subscriber.msisdn.as_ref());
                if msisdn.is_some() && msisdn.as_ref() != has {
                    course.set.push(Step::Number(imsi.clone(), msisdn.clone()));
                }
                // A new subscriber is admitted everywhere.
                let now = subscriber.map_or(Access::ALL, |subscriber| subscriber.access);
                if *access != Access::NONE && *access != now {
                    course.set.push(Step::Access(imsi.clone(), *access));
                }
            }
        }
    }
    [course.free, course.set, course.delete].concat()
}

/// The writes in the making.
struct Course<'a> {
    /// The numbers that are somebody's in the end.
    taken: BTreeSet<&'a Msisdn>,
    detach: bool,
    free: Vec<Step>,
    set: Vec<Step>,
    delete: Vec<Step>,
}

impl Course<'_> {
    fn absent(&mut self, imsi: &Imsi, subscriber: &Subscriber) {
        self.free.extend(self.off(imsi, Some(subscriber)));
        if subscriber.msisdn.as_ref().is_some_and(|number| self.taken.contains(number)) {
            self.free.push(Step::Number(imsi.clone(), None));
        }
        self.delete.push(Step::Delete(imsi.clone()));
    }

    /// Frees the number that a subscriber has, where nobody or another is to have it; else one write replaces it.
    fn number(&mut self, imsi: &Imsi, subscriber: Option<&Subscriber>, wanted: Option<&Msisdn>) {
        let Some(has) = subscriber.and_then(|subscriber| subscriber.msisdn.as_ref()) else {
            return;
        };
        if wanted != Some(has) && (wanted.is_none() || self.taken.contains(has)) {
            self.free.push(Step::Number(imsi.clone(), None));
        }
    }

    fn present(
        &mut self,
        imsi: &Imsi,
        subscriber: Option<&Subscriber>,
        access: Access,
        keys: Option<&Keys>,
    ) {
        if subscriber.is_none() {
            self.set.push(Step::Create(imsi.clone()));
        }
        if access == Access::NONE {
            self.set.extend(self.off(imsi, subscriber));
        }
        // Keys that are set again, even the same, begin with a sequence number of 0: the card would have to
        // synchronise.
        if let Some(keys) = keys
            && subscriber.and_then(|subscriber| subscriber.keys.as_ref()) != Some(keys)
        {
            self.set.push(Step::Keys(imsi.clone(), keys.clone()));
        }
    }

    /// Bars a subscriber, and detaches it wherever it is.
    fn off(&self, imsi: &Imsi, subscriber: Option<&Subscriber>) -> Vec<Step> {
        let admitted = subscriber.is_none_or(|subscriber| subscriber.access != Access::NONE);
        let registered = subscriber.is_some_and(Subscriber::is_registered);
        let bar = admitted.then(|| Step::Access(imsi.clone(), Access::NONE));
        let detach = (self.detach && registered).then(|| Step::Detach(imsi.clone()));
        bar.into_iter().chain(detach).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn imsi(number: usize) -> Imsi {
        format!("90170000000000{number}").parse().unwrap()
    }

    fn msisdn(number: usize) -> Msisdn {
        format!("07700{number:06}").parse().unwrap()
    }

    fn keys(ki: &str) -> Keys {
        Keys { ki: ki.into(), opc: "opc".into() }
    }

    fn subscriber(number: Option<usize>, access: Access) -> Subscriber {
        let msisdn = number.map(msisdn);
        Subscriber { msisdn, access, keys: Some(keys("ki")), sgsn: None, vlr: None }
    }

    fn present(number: Option<usize>, access: Access) -> Target {
        Target::Present { msisdn: number.map(msisdn), access, keys: None }
    }

    fn course(targets: &[(usize, Target)], found: &[(usize, Subscriber)]) -> Vec<Step> {
        let targets = targets.iter().map(|(n, target)| (imsi(*n), target.clone())).collect();
        let found = found.iter().map(|(n, found)| (imsi(*n), Some(found.clone()))).collect();
        steps(&targets, &found, true)
    }

    #[test]
    fn what_is_as_wanted_is_not_written() {
        let found = subscriber(Some(1), Access::ALL);
        let same = Target::restored(Some(&found));
        assert_eq!(course(&[(0, same), (1, Target::Absent)], &[(0, found)]), []);
    }

    #[test]
    fn a_new_subscriber_has_its_keys_before_its_number() {
        let new = Target::Present {
            msisdn: Some(msisdn(1)),
            access: Access::ALL,
            keys: Some(keys("ki")),
        };
        let expected = [
            Step::Create(imsi(0)),
            Step::Keys(imsi(0), keys("ki")),
            Step::Number(imsi(0), Some(msisdn(1))),
        ];
        assert_eq!(course(&[(0, new)], &[]), expected);
        let suspended = present(None, Access::NONE);
        let expected = [Step::Create(imsi(0)), Step::Access(imsi(0), Access::NONE)];
        assert_eq!(course(&[(0, suspended)], &[]), expected);
    }

    #[test]
    fn who_goes_is_barred_and_detached_first_and_deleted_last() {
        let old = Subscriber { sgsn: Some("SGSN".into()), ..subscriber(Some(1), Access::ALL) };
        let moved = [(0, Target::Absent), (1, present(Some(1), Access::ALL))];
        let expected = [
            Step::Access(imsi(0), Access::NONE),
            Step::Detach(imsi(0)),
            Step::Number(imsi(0), None),
            Step::Create(imsi(1)),
            Step::Number(imsi(1), Some(msisdn(1))),
            Step::Delete(imsi(0)),
        ];
        assert_eq!(course(&moved, &[(0, old.clone())]), expected);
        // Whoever is barred already may still be attached: the attempt before may have got no further.
        let barred = Subscriber { access: Access::NONE, ..old };
        let expected = [Step::Detach(imsi(0)), Step::Delete(imsi(0))];
        assert_eq!(course(&[(0, Target::Absent)], &[(0, barred)]), expected);
    }

    #[test]
    fn numbers_that_change_places_are_freed_first() {
        let targets = [(0, present(Some(1), Access::ALL)), (1, present(Some(0), Access::ALL))];
        let found = [0, 1].map(|n| (n, subscriber(Some(n), Access::ALL)));
        let expected = [
            Step::Number(imsi(0), None),
            Step::Number(imsi(1), None),
            Step::Number(imsi(0), Some(msisdn(1))),
            Step::Number(imsi(1), Some(msisdn(0))),
        ];
        assert_eq!(course(&targets, &found), expected);
        let one = [(0, present(Some(2), Access::ALL))];
        let expected = [Step::Number(imsi(0), Some(msisdn(2)))];
        assert_eq!(course(&one, &[(0, subscriber(Some(1), Access::ALL))]), expected);
    }

    #[test]
    fn a_subscriber_that_is_served_in_part_is_served_again() {
        let half = Access { circuit: true, packet: false };
        let resumed = present(Some(1), Access::ALL);
        let expected = [Step::Access(imsi(0), Access::ALL)];
        assert_eq!(course(&[(0, resumed)], &[(0, subscriber(Some(1), half))]), expected);
    }
}
